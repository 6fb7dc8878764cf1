/* SPDX-License-Identifier: MIT */
#include "src/engine/records.h"

#include <assert.h>

#include "src/base/buffer.h"
#include "src/base/hash.h"

/* The columns of each table, and how many of them are its key, out of records.def. */
#define TABLE(name) }; static const struct column columns_of_##name[] = {
#define COLUMN(table, name, type, key) {#name, COLUMN_##type, sizeof #key > 1},
__attribute__((unused)) static const struct column columns_of_none[] = {{"", COLUMN_INTEGER, false},
#include "src/engine/records.def"
};
#undef TABLE
#undef COLUMN

#define TABLE(name) }; enum { KEYS_##name = 0
#define COLUMN(table, name, type, key) + (sizeof #key > 1)
enum { KEYS_none = 0
#include "src/engine/records.def"
};
#undef TABLE
#undef COLUMN

static const struct table tables[TABLE_COUNT] = {
#define TABLE(name) {#name, columns_of_##name, sizeof columns_of_##name / sizeof columns_of_##name[0], KEYS_##name},
#define COLUMN(table, name, type, key)
#include "src/engine/records.def"
#undef TABLE
#undef COLUMN
};

const struct table *records_table(uint16_t table)
{
    assert(table < TABLE_COUNT);
    assert(tables[table].column_count <= RECORD_COLUMNS_MAX);
    return &tables[table];
}

static uint64_t value_hash(uint64_t hash, enum column_type type, const struct record_value *value)
{
    return type == COLUMN_TEXT ? hash64_words(hash, value->text.data == NULL ? SLICE_EMPTY : value->text)
                               : hash64_mix(hash, (uint64_t)value->integer);
}

uint64_t record_key_hash(const struct record *record)
{
    const struct table *table = records_table(record->table);
    uint64_t hash = record->table + 1u;
    for (size_t i = 0; i < table->key_count; i++) {
        hash = value_hash(hash, table->columns[i].type, &record->values[i]);
    }
    return hash;
}

uint64_t record_cell_hash(uint64_t key_hash, enum column_type type, size_t column, const struct record_value *value)
{
    return value_hash(key_hash + column * 0x9E3779B97F4A7C15u, type, value);
}

uint64_t record_hash(const struct record *record)
{
    const struct table *table = records_table(record->table);
    uint64_t key = record_key_hash(record), sum = key;
    for (size_t i = table->key_count; i < table->column_count; i++) {
        sum += record_cell_hash(key, table->columns[i].type, i, &record->values[i]);
    }
    return sum;
}

void record_put_key(const struct record *record, struct buffer *buffer)
{
    const struct table *table = records_table(record->table);
    buffer_put_text(buffer, table->name);
    for (size_t i = 0; i < table->key_count; i++) {
        buffer_put_byte(buffer, '/');
        if (table->columns[i].type == COLUMN_TEXT) {
            buffer_put(buffer, record->values[i].text);
        } else {
            buffer_put_int(buffer, record->values[i].integer);
        }
    }
}
