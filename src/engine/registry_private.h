/* SPDX-License-Identifier: MIT
 *
 * Registry, inside: how rows lie in memory (rows.c), the ways into them (index.c). Private to these
 * and registry.c. */
#ifndef PONT_ENGINE_REGISTRY_PRIVATE_H
#define PONT_ENGINE_REGISTRY_PRIVATE_H

#include "src/engine/engine_private.h"
#include "src/engine/text_heap.h"

/* How a column lies in a row: a text by its name in the heap, a number in 4 bytes or, where times
 * and counts stand, 8. */
enum cell { CELL_TEXT, CELL_SMALL, CELL_WIDE };
struct layout {
    uint8_t cell[RECORD_COLUMNS_MAX], offset[RECORD_COLUMNS_MAX];
    uint8_t columns, keys, size; /* size: bytes of a row */
};

struct rows {
    struct layout layout;
    char *cells;
    uint8_t *used;
    uint32_t free_head, bound, count, max; /* free_head: row + 1; the next stands in its cells */
    uint32_t told;                         /* high water that `limit` last said */
    uint32_t high;
    bool stored; /* false: written only, never looked up */
    uint8_t indexes[8], index_count; /* besides that of the key */
};

/* Rows of one hash bucket hang on one list, those of one value side by side and sorted by the
 * table's key: their order owes nothing to history. Hashes are over names of texts, so a bucket's
 * order does; nobody sees it. */
struct index {
    uint16_t table;
    uint8_t columns[KEY_COLUMNS_MAX];
    uint8_t column_count;
    bool set;        /* rows whose first value is none are left out */
    uint32_t bits;   /* of its columns */
    uint32_t *heads; /* row + 1; 0: none */
    uint32_t *next;
    uint32_t mask, most, count; /* buckets now less one, at most; rows in it */
    uint32_t last;              /* row + 1 that was added last: where the next is likely to go */
};

struct registry {
    struct rows tables[TABLE_COUNT];
    struct index indexes[INDEX_COUNT];
    struct text_heap texts;
    uint64_t digest;
    bool risen; /* a high water is to be told */
};

/* A value as it lies in a row: a number, or the name of a text. */
struct raw {
    int64_t values[KEY_COLUMNS_MAX];
};

/* Memory that is not zeroed, so that what a limit allows but nobody needs is never touched. Null when full. */
void *registry_reserve(struct arena *arena, size_t count, size_t size);

/* ---- rows.c */
bool rows_init(struct rows *rows, struct arena *arena, uint16_t table, uint32_t max);
/* A row to be filled; the caller looked whether there is one. */
uint32_t rows_take(struct registry *registry, uint16_t table);
void rows_give(struct registry *registry, uint16_t table, uint32_t row);
int64_t rows_raw(const struct registry *registry, uint16_t table, uint32_t row, size_t column);
struct record_value rows_value(const struct registry *registry, uint16_t table, uint32_t row, size_t column);
void rows_load(const struct registry *registry, uint16_t table, uint32_t row, struct record *record);
/* The columns, as bits, in which the row differs from the record. */
uint32_t rows_differ(const struct registry *registry, uint32_t row, const struct record *record);
uint64_t rows_hash(const struct registry *registry, uint16_t table, uint32_t row); /* as record_hash */
/* Writes these columns into the row; null, or the limit that was reached. Texts that go are freed after
 * those that come are in: a value may borrow from its own row. */
const char *rows_store(struct registry *registry, uint32_t row, const struct record *record, uint32_t columns, bool fresh);

static inline const char *rows_cells(const struct rows *rows, uint32_t row)
{
    assert(row < rows->bound && rows->used[row]);
    return rows->cells + (size_t)row * rows->layout.size;
}
static inline int64_t layout_integer(const struct layout *layout, const char *cells, size_t column)
{
    int64_t wide;
    int32_t small;
    if (layout->cell[column] == CELL_WIDE) {
        memcpy(&wide, cells + layout->offset[column], sizeof wide);
        return wide;
    }
    memcpy(&small, cells + layout->offset[column], sizeof small);
    return small;
}
/* As it lies there: of a text its name. */
static inline int64_t layout_raw(const struct layout *layout, const char *cells, size_t column)
{
    int64_t value = layout_integer(layout, cells, column);
    return layout->cell[column] == CELL_TEXT ? (int64_t)(uint32_t)value : value;
}
static inline slice layout_text(const struct text_heap *texts, const struct layout *layout, const char *cells, size_t column)
{
    uint32_t name;
    memcpy(&name, cells + layout->offset[column], sizeof name);
    return text_heap_get(texts, name);
}

/* ---- index.c */
bool index_init(struct registry *registry, struct arena *arena);
uint32_t index_count_of(uint16_t table);
void index_add(struct registry *registry, struct index *index, uint32_t row);
void index_drop(struct registry *registry, struct index *index, uint32_t row);
void index_raw(const struct registry *registry, const struct index *index, uint32_t row, struct raw *raw);

#endif
