/* SPDX-License-Identifier: MIT
 *
 * Store, the private door: its struct and the SQL that is made from the table of records. */
#ifndef PONT_STORE_PRIVATE_H
#define PONT_STORE_PRIVATE_H

#include <sqlite3.h>

#include "src/store/store.h"

#define STORE_SQL_MAX 4096 /* bytes of the longest statement */
#define STORE_SHAPE 1      /* user_version: grows when a table or column changes */

struct store {
    sqlite3 *database;
    sqlite3_stmt *put[TABLE_COUNT], *remove[TABLE_COUNT];
    sqlite3_stmt *begin, *commit, *rollback, *put_meta;
    bool in_transaction;
    char why[256];
};

/* Each ends in NUL. */
void sql_create(uint16_t table, char sql[STORE_SQL_MAX]);
void sql_put(uint16_t table, char sql[STORE_SQL_MAX]);
void sql_remove(uint16_t table, char sql[STORE_SQL_MAX]);
void sql_select(uint16_t table, char sql[STORE_SQL_MAX]);

#endif
