/* SPDX-License-Identifier: MIT
 *
 * Registry: the durable tables of records.def in memory, with the ways into them. Only records_put and
 * records_delete (and the row_put_x, row_delete_x made of them) change a row; each change emits its record. It
 * reads and writes no disk. Everything lives in the engine's arena, sized by the limits of the configuration.
 *
 * Rows are named by row number, good until the row is deleted; a slice of a row is good until that column
 * changes or the row is deleted. Private to src/engine. */
#ifndef PONT_ENGINE_REGISTRY_H
#define PONT_ENGINE_REGISTRY_H

#include "src/engine/records.h"

#define ROW_NONE UINT32_MAX
#define KEY_COLUMNS_MAX 3

struct engine;

/* ---- One struct per table: struct row_person {int64_t id; slice patient_id; ...}. */
#define ROW_FIELD_INTEGER(name) int64_t name;
#define ROW_FIELD_TEXT(name) slice name;
#define TABLE(name) }; struct row_##name {
#define COLUMN(table, name, type, key) ROW_FIELD_##type(name)
struct row_none_ { int none;
#include "src/engine/records.def"
};
#undef TABLE
#undef COLUMN

enum index_id {
#define TABLE(name) INDEX_key_of_##name,
#define COLUMN(table, name, type, key)
#include "src/engine/records.def"
#undef TABLE
#undef COLUMN
#define INDEX(name, table, first, second) INDEX_##name,
#define INDEX_SET(name, table, first, second) INDEX_##name,
#include "src/engine/index.def"
#undef INDEX
#undef INDEX_SET
    INDEX_COUNT
};

/* ---- Typed doors, for every table X:
 *   struct row_X row_get_X(engine, row)                  the row; it must be in use
 *   uint32_t     row_find_X(engine, &key)                by the key columns of `key`; ROW_NONE when absent
 *   void         row_put_X(engine, out, &value)          new or changed; nothing happens when it is equal
 *   void         row_delete_X(engine, out, &key)         nothing happens when absent
 * Tables that are only written (audit, finding, query) have no rows to get or find. */
#define TABLE(name)                                                                                    \
    struct row_##name row_get_##name(const struct engine *engine, uint32_t row);                       \
    uint32_t row_find_##name(const struct engine *engine, const struct row_##name *key);               \
    void row_put_##name(struct engine *engine, struct out *out, const struct row_##name *value);       \
    void row_delete_##name(struct engine *engine, struct out *out, const struct row_##name *key);
#define COLUMN(table, name, type, key)
#include "src/engine/records.def"
#undef TABLE
#undef COLUMN

/* ---- Ways in. `key`: one value per column of the index. Next takes the row before: get it before you change
 * or delete that row. */
uint32_t index_first(const struct engine *engine, enum index_id index, const struct record_value *key);
uint32_t index_next(const struct engine *engine, enum index_id index, uint32_t row);
uint32_t index_first_int(const struct engine *engine, enum index_id index, int64_t key);
uint32_t index_first_text(const struct engine *engine, enum index_id index, slice key);
uint32_t index_first_texts(const struct engine *engine, enum index_id index, slice first, slice second);

/* Whole tables, for restart and small tables only: numbers below row_bound, those in use. The order is that of
 * row numbers, which a restart changes: decide nothing by it. */
uint32_t row_bound(const struct engine *engine, enum record_table table);
bool row_used(const struct engine *engine, enum record_table table, uint32_t row);
/* Rows in use, and how many more fit: what an admission asks before it says yes. */
uint32_t row_count(const struct engine *engine, enum record_table table);
bool row_room(const struct engine *engine, enum record_table table, uint32_t more);
uint32_t row_max(const struct engine *engine, enum record_table table);
/* True while texts of `bytes` more still fit. */
bool text_room(const struct engine *engine, size_t bytes);

/* The only two functions that change durable state. When a table or the text memory is full the engine is
 * exhausted (engine->exhausted names it) and its step ends with ERR_LIMIT: admissions ask row_room first. */
void records_put(struct engine *engine, struct out *out, const struct record *record);
void records_delete(struct engine *engine, struct out *out, const struct record *record);

/* The next number of a kind ("person", "study", "demand" ...): 1, 2, ..., never twice over all lives. */
int64_t counter_next(struct engine *engine, struct out *out, slice name);

/* For engine.c. */
struct registry;
MUST_USE enum err registry_init(struct engine *engine);
MUST_USE enum err registry_init_text(struct engine *engine); /* takes what is left of the arena */
MUST_USE enum err registry_restore(struct engine *engine, const struct record *record);
uint64_t registry_memory(const struct engine_config *config); /* bytes of the tables, their texts left out */
uint64_t registry_digest(const struct engine *engine);
/* Emits rows of `limit` whose high water rose notably since they were last told. */
void registry_tell_limits(struct engine *engine, struct out *out);

#endif
