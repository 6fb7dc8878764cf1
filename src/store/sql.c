/* SPDX-License-Identifier: MIT */
#include "src/store/store_private.h"

#include <assert.h>

/* Names are quoted: `limit` is a word of SQL. */
static void put_name(struct buffer *sql, const char *name)
{
    buffer_put_byte(sql, '"');
    buffer_put_text(sql, name);
    buffer_put_byte(sql, '"');
}

static void put_columns(struct buffer *sql, const struct table *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buffer_put_text(sql, i == 0 ? "" : ", ");
        put_name(sql, table->columns[i].name);
    }
}

static struct buffer start(char sql[STORE_SQL_MAX])
{
    return buffer_over(sql, STORE_SQL_MAX - 1);
}

static void finish(struct buffer *sql)
{
    assert(!sql->full); /* the longest table of records.def fits */
    sql->data[sql->size] = '\0';
}

/* A single number as key is SQLite's own row number; every other key makes the table its own index. */
static bool key_is_rowid(const struct table *table)
{
    return table->key_count == 1 && table->columns[0].type == COLUMN_INTEGER;
}

void sql_create(uint16_t number, char sql[STORE_SQL_MAX])
{
    const struct table *table = records_table(number);
    struct buffer text = start(sql);
    buffer_put_text(&text, "CREATE TABLE IF NOT EXISTS ");
    put_name(&text, table->name);
    buffer_put_text(&text, " (");
    for (size_t i = 0; i < table->column_count; i++) {
        put_name(&text, table->columns[i].name);
        buffer_put_text(&text, table->columns[i].type == COLUMN_TEXT ? " TEXT" : " INTEGER");
        buffer_put_text(&text, i == 0 && key_is_rowid(table) ? " PRIMARY KEY, " : " NOT NULL, ");
    }
    if (key_is_rowid(table)) {
        text.size -= 2;
        buffer_put_text(&text, ") STRICT");
    } else {
        buffer_put_text(&text, "PRIMARY KEY (");
        put_columns(&text, table, table->key_count);
        buffer_put_text(&text, ")) STRICT, WITHOUT ROWID");
    }
    finish(&text);
}

void sql_put(uint16_t number, char sql[STORE_SQL_MAX])
{
    const struct table *table = records_table(number);
    struct buffer text = start(sql);
    buffer_put_text(&text, "INSERT OR REPLACE INTO ");
    put_name(&text, table->name);
    buffer_put_text(&text, " (");
    put_columns(&text, table, table->column_count);
    buffer_put_text(&text, ") VALUES (");
    for (size_t i = 0; i < table->column_count; i++) {
        buffer_put_text(&text, i == 0 ? "?" : ", ?");
    }
    buffer_put_text(&text, ")");
    finish(&text);
}

void sql_remove(uint16_t number, char sql[STORE_SQL_MAX])
{
    const struct table *table = records_table(number);
    struct buffer text = start(sql);
    buffer_put_text(&text, "DELETE FROM ");
    put_name(&text, table->name);
    for (size_t i = 0; i < table->key_count; i++) {
        buffer_put_text(&text, i == 0 ? " WHERE " : " AND ");
        put_name(&text, table->columns[i].name);
        buffer_put_text(&text, " = ?");
    }
    finish(&text);
}

void sql_select(uint16_t number, char sql[STORE_SQL_MAX])
{
    const struct table *table = records_table(number);
    struct buffer text = start(sql);
    buffer_put_text(&text, "SELECT ");
    put_columns(&text, table, table->column_count);
    buffer_put_text(&text, " FROM ");
    put_name(&text, table->name);
    buffer_put_text(&text, " ORDER BY ");
    put_columns(&text, table, table->key_count);
    finish(&text);
}
