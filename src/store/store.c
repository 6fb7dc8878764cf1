/* SPDX-License-Identifier: MIT */
#include "src/store/store_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/engine/state.h"

#define BUSY_MS 5000 /* a reader that checkpoints may hold the file this long */

#define META_CREATE                                                                                \
    "CREATE TABLE IF NOT EXISTS meta (one INTEGER PRIMARY KEY CHECK (one = 1), life INTEGER NOT NULL, step INTEGER NOT NULL, "                                  \
    "command_hash TEXT NOT NULL, state_digest TEXT NOT NULL) STRICT"
#define META_PUT "INSERT OR REPLACE INTO meta (one, life, step, command_hash, state_digest) VALUES (1, ?, ?, ?, ?)"
#define META_GET "SELECT life, step, command_hash, state_digest FROM meta"

static enum err fail(struct store *store)
{
    snprintf(store->why, sizeof store->why, "%s", store->database == NULL ? "out of memory" : sqlite3_errmsg(store->database));
    return ERR_STORE;
}

static enum err run_sql(struct store *store, const char *sql)
{
    return sqlite3_exec(store->database, sql, NULL, NULL, NULL) == SQLITE_OK ? ERR_OK : fail(store);
}

static enum err prepare(struct store *store, sqlite3_stmt **statement, const char *sql)
{
    int got = sqlite3_prepare_v3(store->database, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    return got == SQLITE_OK ? ERR_OK : fail(store);
}

/* ---- Opening. */

static enum err check_shape(struct store *store)
{
    sqlite3_stmt *statement = NULL;
    enum err err = prepare(store, &statement, "PRAGMA user_version");
    int shape = err == ERR_OK && sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int(statement, 0) : -1;
    sqlite3_finalize(statement);
    if (err == ERR_OK && shape != 0 && shape != STORE_SHAPE) {
        snprintf(store->why, sizeof store->why, "the file is of shape %d, this program reads shape %d", shape, STORE_SHAPE);
        err = ERR_STORE;
    }
    return err;
}

static enum err make_tables(struct store *store)
{
    char sql[STORE_SQL_MAX];
    enum err err = run_sql(store, "BEGIN IMMEDIATE");
    err = err == ERR_OK ? run_sql(store, META_CREATE) : err;
    for (uint16_t table = 0; table < TABLE_COUNT && err == ERR_OK; table++) {
        sql_create(table, sql);
        err = run_sql(store, sql);
    }
    snprintf(sql, sizeof sql, "PRAGMA user_version = %d", STORE_SHAPE);
    err = err == ERR_OK ? run_sql(store, sql) : err;
    return err == ERR_OK ? run_sql(store, "COMMIT") : err;
}

static enum err prepare_all(struct store *store)
{
    char sql[STORE_SQL_MAX];
    enum err err = prepare(store, &store->begin, "BEGIN IMMEDIATE");
    err = err == ERR_OK ? prepare(store, &store->commit, "COMMIT") : err;
    err = err == ERR_OK ? prepare(store, &store->rollback, "ROLLBACK") : err;
    err = err == ERR_OK ? prepare(store, &store->put_meta, META_PUT) : err;
    for (uint16_t table = 0; table < TABLE_COUNT && err == ERR_OK; table++) {
        sql_put(table, sql);
        err = prepare(store, &store->put[table], sql);
        sql_remove(table, sql);
        err = err == ERR_OK ? prepare(store, &store->remove[table], sql) : err;
    }
    return err;
}

static enum err open_database(struct store *store, const char *path)
{
    if (sqlite3_open_v2(path, &store->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        return fail(store);
    }
    sqlite3_busy_timeout(store->database, BUSY_MS);
    enum err err = run_sql(store, "PRAGMA journal_mode = WAL");
    err = err == ERR_OK ? run_sql(store, "PRAGMA synchronous = FULL") : err;
    err = err == ERR_OK ? check_shape(store) : err;
    err = err == ERR_OK ? make_tables(store) : err;
    return err == ERR_OK ? prepare_all(store) : err;
}

enum err store_open(struct store **out, const char *path, struct arena *arena)
{
    struct store *store = arena_alloc(arena, sizeof *store);
    if (store == NULL) {
        return ERR_LIMIT;
    }
    *out = store;
    enum err err = open_database(store, path);
    if (err != ERR_OK) {
        store_close(store); /* `why` stays readable */
    }
    return err;
}

const char *store_why(const struct store *store)
{
    return store->why;
}

/* ---- Meta. Hashes are kept as hex, as results.json shows them. */

static enum err read_meta(struct store *store, sqlite3_stmt *statement, struct store_meta *meta)
{
    int got = sqlite3_step(statement);
    if (got == SQLITE_DONE) {
        return ERR_OK;
    }
    if (got != SQLITE_ROW) {
        return fail(store);
    }
    meta->life = sqlite3_column_int64(statement, 0);
    meta->step = sqlite3_column_int64(statement, 1);
    meta->command_hash = strtoull((const char *)sqlite3_column_text(statement, 2), NULL, 16);
    meta->state_digest = strtoull((const char *)sqlite3_column_text(statement, 3), NULL, 16);
    return ERR_OK;
}

enum err store_get_meta(struct store *store, struct store_meta *meta)
{
    sqlite3_stmt *statement = NULL;
    *meta = (struct store_meta){0};
    enum err err = prepare(store, &statement, META_GET);
    err = err == ERR_OK ? read_meta(store, statement, meta) : err;
    sqlite3_finalize(statement);
    return err;
}

static void bind_hex(sqlite3_stmt *statement, int index, uint64_t number)
{
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, number);
    sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT);
}

/* ---- Restoring. */

static void read_row(sqlite3_stmt *statement, uint16_t number, struct record *record)
{
    const struct table *table = records_table(number);
    *record = (struct record){.table = number};
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].type == COLUMN_INTEGER) {
            record->values[i] = (struct record_value){SLICE_EMPTY, sqlite3_column_int64(statement, (int)i)};
            continue;
        }
        const char *text = (const char *)sqlite3_column_text(statement, (int)i);
        size_t size = (size_t)sqlite3_column_bytes(statement, (int)i);
        record->values[i] = (struct record_value){text == NULL ? SLICE_EMPTY : (slice){text, size}, 0};
    }
}

static enum err restore_table(struct store *store, uint16_t table, void *self, enum err (*row)(void *self, const struct record *record))
{
    char sql[STORE_SQL_MAX];
    sqlite3_stmt *statement = NULL;
    sql_select(table, sql);
    enum err err = prepare(store, &statement, sql);
    int got = SQLITE_ROW;
    while (err == ERR_OK && (got = sqlite3_step(statement)) == SQLITE_ROW) {
        struct record record;
        read_row(statement, table, &record);
        err = row(self, &record);
    }
    err = err == ERR_OK && got != SQLITE_DONE ? fail(store) : err;
    sqlite3_finalize(statement);
    return err;
}

enum err store_restore(struct store *store, void *self, enum err (*row)(void *self, const struct record *record))
{
    enum err err = ERR_OK;
    for (uint16_t table = 0; table < TABLE_COUNT && err == ERR_OK; table++) {
        err = restore_table(store, table, self, row);
    }
    return err;
}

/* ---- Writing. */

/* Runs a statement that gives no rows, and makes it ready for the next time. */
static enum err finish(struct store *store, sqlite3_stmt *statement)
{
    int got = sqlite3_step(statement);
    enum err err = got == SQLITE_DONE ? ERR_OK : fail(store);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return err;
}

enum err store_begin(struct store *store)
{
    assert(!store->in_transaction);
    enum err err = finish(store, store->begin);
    store->in_transaction = err == ERR_OK;
    return err;
}

static void bind_row(sqlite3_stmt *statement, const struct record *record, size_t count)
{
    const struct table *table = records_table(record->table);
    for (size_t i = 0; i < count; i++) {
        const struct record_value *value = &record->values[i];
        if (table->columns[i].type == COLUMN_INTEGER) {
            sqlite3_bind_int64(statement, (int)i + 1, value->integer);
        } else {
            sqlite3_bind_text(statement, (int)i + 1, value->text.size == 0 ? "" : value->text.data, (int)value->text.size, SQLITE_STATIC);
        }
    }
}

enum err store_put(struct store *store, const struct record *record)
{
    assert(store->in_transaction);
    const struct table *table = records_table(record->table);
    sqlite3_stmt *statement = record->deleted ? store->remove[record->table] : store->put[record->table];
    bind_row(statement, record, record->deleted ? table->key_count : table->column_count);
    return finish(store, statement);
}

enum err store_commit(struct store *store, const struct store_meta *meta)
{
    assert(store->in_transaction);
    sqlite3_bind_int64(store->put_meta, 1, meta->life);
    sqlite3_bind_int64(store->put_meta, 2, meta->step);
    bind_hex(store->put_meta, 3, meta->command_hash);
    bind_hex(store->put_meta, 4, meta->state_digest);
    enum err err = finish(store, store->put_meta);
    err = err == ERR_OK ? finish(store, store->commit) : err;
    store->in_transaction = err != ERR_OK;
    return err;
}

void store_close(struct store *store)
{
    if (store->in_transaction) {
        (void)finish(store, store->rollback);
        store->in_transaction = false;
    }
    sqlite3_stmt *others[] = {store->begin, store->commit, store->rollback, store->put_meta};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        sqlite3_finalize(others[i]);
    }
    for (uint16_t table = 0; table < TABLE_COUNT; table++) {
        sqlite3_finalize(store->put[table]);
        sqlite3_finalize(store->remove[table]);
    }
    if (store->database != NULL && store->why[0] == '\0') {
        sqlite3_wal_checkpoint_v2(store->database, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    sqlite3_close(store->database);
    store->database = NULL;
}

int64_t store_open_demands(const char *path)
{
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    char sql[128];
    int64_t count = -1;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM demand WHERE state < %d", DEMAND_DONE);
    if (sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(database, BUSY_MS);
        if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
            count = sqlite3_column_int64(statement, 0);
        }
    }
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return count;
}
