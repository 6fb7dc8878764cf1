/* SPDX-License-Identifier: MIT
 *
 * The durable rows of nodes, in memory: what a registry on disk would hold. Found by a hash of the key, which nothing
 * depends on: they are handed out sorted, as the store does it. */
#include "sim/virtual/mix.h"
#include "sim/virtual/queue.h"
#include "sim/virtual/slab.h"
#include "sim/virtual/virtual_private.h"
#include "src/engine/records.h"

struct row {
    struct row *next; /* of the same hash */
    uint64_t hash;
    uint32_t node;
    uint16_t table;
    struct record_value values[]; /* as many as the table has columns; texts behind them */
};

struct rows {
    struct slab slab;
    struct row **heads;
    size_t mask, most, count, max; /* chains now less one, and at most */
    const struct row **sorted;
};

#define HEADS_LEAST 1024u

static size_t head_count(size_t max)
{
    size_t heads = HEADS_LEAST;
    while (heads < max) {
        heads *= 2;
    }
    return heads;
}

size_t durable_memory(const struct virtual_limits *limits)
{
    return limits->record_bytes + (head_count(limits->records_max) + limits->records_max) * sizeof(void *) + sizeof(struct rows) + 4096;
}

enum err durable_init(struct rows **out, const struct virtual_limits *limits, struct arena *arena)
{
    struct rows *rows = arena_alloc(arena, sizeof *rows);
    if (rows == NULL || slab_init(&rows->slab, limits->record_bytes, arena) != ERR_OK) {
        return ERR_LIMIT;
    }
    rows->mask = HEADS_LEAST - 1;
    rows->most = head_count(limits->records_max);
    rows->max = limits->records_max;
    rows->heads = queue_take_memory(arena, rows->most, sizeof(struct row *)); /* grow with the rows: a short run touches few pages */
    rows->sorted = queue_take_memory(arena, rows->max, sizeof(struct row *));
    if (rows->heads == NULL || rows->sorted == NULL) {
        return ERR_LIMIT;
    }
    memset(rows->heads, 0, HEADS_LEAST * sizeof(struct row *));
    *out = rows;
    return ERR_OK;
}

/* Twice as many chains: each is parted in two. */
static void grow(struct rows *rows)
{
    size_t old = rows->mask + 1;
    rows->mask = 2 * old - 1;
    for (size_t i = 0; i < old; i++) {
        struct row **low = &rows->heads[i], **high = &rows->heads[i + old];
        for (struct row *row = *low, *next; row != NULL; row = next) {
            struct row ***to = (row->hash & old) != 0 ? &high : &low;
            next = row->next;
            **to = row;
            *to = &row->next;
        }
        *low = *high = NULL;
    }
}

static uint64_t key_hash(uint32_t node, const struct record *record, const struct table *table)
{
    uint64_t hash = mix_number(node, record->table);
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].key) {
            hash = table->columns[i].type == COLUMN_TEXT ? mix_slice(hash, record->values[i].text) : mix_number(hash, (uint64_t)record->values[i].integer);
        }
    }
    return hash;
}

static bool same_key(const struct row *row, uint32_t node, const struct record *record, const struct table *table)
{
    if (row->node != node || row->table != record->table) {
        return false;
    }
    for (size_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        if (column->key && (column->type == COLUMN_TEXT ? !slice_equal(row->values[i].text, record->values[i].text)
                                                        : row->values[i].integer != record->values[i].integer)) {
            return false;
        }
    }
    return true;
}

static struct row *make(struct rows *rows, uint32_t node, const struct record *record, const struct table *table)
{
    size_t size = sizeof(struct row) + table->column_count * sizeof(struct record_value), texts = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        texts += table->columns[i].type == COLUMN_TEXT ? record->values[i].text.size : 0;
    }
    struct row *row = slab_take(&rows->slab, size + texts);
    if (row == NULL) {
        return NULL;
    }
    *row = (struct row){.node = node, .table = record->table};
    char *text = (char *)row + size;
    for (size_t i = 0; i < table->column_count; i++) {
        slice from = record->values[i].text;
        row->values[i] = (struct record_value){.text = SLICE_EMPTY, .integer = record->values[i].integer};
        if (table->columns[i].type == COLUMN_TEXT && from.size > 0) {
            memcpy(text, from.data, from.size);
            row->values[i].text = (slice){text, from.size};
            text += from.size;
        }
    }
    return row;
}

enum err durable_put(struct rows *rows, uint32_t node, const struct record *record)
{
    const struct table *table = records_table(record->table);
    uint64_t hash = key_hash(node, record, table);
    struct row **place = &rows->heads[hash & rows->mask];
    while (*place != NULL && !((*place)->hash == hash && same_key(*place, node, record, table))) {
        place = &(*place)->next;
    }
    struct row *old = *place, *fresh = record->deleted ? NULL : make(rows, node, record, table);
    if (!record->deleted && (fresh == NULL || (old == NULL && rows->count == rows->max))) {
        return ERR_LIMIT;
    }
    if (fresh != NULL) {
        fresh->hash = hash;
        fresh->next = old == NULL ? NULL : old->next;
        *place = fresh;
    } else if (old != NULL) {
        *place = old->next;
    }
    rows->count += (fresh != NULL) - (size_t)(old != NULL);
    slab_give(&rows->slab, old);
    if (rows->count > rows->mask && rows->mask + 1 < rows->most) {
        grow(rows);
    }
    return ERR_OK;
}

size_t durable_count(const struct rows *rows)
{
    return rows->count;
}

/* ---- In order: tables as they stand, then the key's columns. */

static bool before(const struct row *a, const struct row *b)
{
    if (a->table != b->table) {
        return a->table < b->table;
    }
    const struct table *table = records_table(a->table);
    for (size_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].key) {
            continue;
        }
        if (table->columns[i].type == COLUMN_INTEGER && a->values[i].integer != b->values[i].integer) {
            return a->values[i].integer < b->values[i].integer;
        }
        int order = table->columns[i].type == COLUMN_INTEGER ? 0 : slice_compare(a->values[i].text, b->values[i].text);
        if (order != 0) {
            return order < 0;
        }
    }
    return false;
}

static void sift(const struct row **list, size_t at, size_t count)
{
    const struct row *row = list[at];
    for (size_t down = 2 * at + 1; down < count; down = 2 * at + 1) {
        down += down + 1 < count && before(list[down], list[down + 1]);
        if (!before(row, list[down])) {
            break;
        }
        list[at] = list[down];
        at = down;
    }
    list[at] = row;
}

static void sort(const struct row **list, size_t count)
{
    for (size_t at = count / 2; at > 0; at--) {
        sift(list, at - 1, count);
    }
    for (size_t end = count; end > 1; end--) {
        const struct row *most = list[0];
        list[0] = list[end - 1];
        list[end - 1] = most;
        sift(list, 0, end - 1);
    }
}

enum err durable_each(struct rows *rows, uint32_t node, void *self, enum err (*each)(void *self, const struct record *record))
{
    size_t count = 0;
    enum err err = ERR_OK;
    for (size_t h = 0; h <= rows->mask; h++) {
        for (const struct row *row = rows->heads[h]; row != NULL; row = row->next) {
            if (row->node == node) {
                rows->sorted[count++] = row;
            }
        }
    }
    sort(rows->sorted, count);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        struct record record = {.table = rows->sorted[i]->table};
        memcpy(record.values, rows->sorted[i]->values, records_table(record.table)->column_count * sizeof record.values[0]);
        err = each(self, &record);
    }
    return err;
}
