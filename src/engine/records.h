/* SPDX-License-Identifier: MIT
 *
 * Records: names of the durable tables and columns, made from records.def; what src/store and the judges need
 * to know of the engine's memory, and all they may know. */
#ifndef PONT_ENGINE_RECORDS_H
#define PONT_ENGINE_RECORDS_H

#include "src/actor/actor.h"

enum record_table {
#define TABLE(name) TABLE_##name,
#define COLUMN(table, name, type, key)
#include "src/engine/records.def"
#undef TABLE
#undef COLUMN
    TABLE_COUNT
};

enum column_type { COLUMN_INTEGER, COLUMN_TEXT };

struct column {
    const char *name;
    enum column_type type;
    bool key;
};
struct table {
    const char *name;
    const struct column *columns;
    size_t column_count, key_count;
};

/* Column numbers: COLUMN_person_id is 0, COLUMN_person_patient_id is 1, and so on. */
#define TABLE(name) };enum { COLUMN_##name##_first_ = -1,
#define COLUMN(table, name, type, key) COLUMN_##table##_##name,
enum { COLUMN_none_
#include "src/engine/records.def"
};
#undef TABLE
#undef COLUMN

/* The table's description; `table` below TABLE_COUNT. */
const struct table *records_table(uint16_t table);
/* Hash of the row, what the state digest sums: itself the sum of the hash of its key and of one for each other column, so
 * that a change costs what it changes. */
uint64_t record_hash(const struct record *record);
uint64_t record_key_hash(const struct record *record);
uint64_t record_cell_hash(uint64_t key_hash, enum column_type type, size_t column, const struct record_value *value);
/* "person/12": table and key, for people and maps. */
void record_put_key(const struct record *record, struct buffer *buffer);

#endif
