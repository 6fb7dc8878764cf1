/* SPDX-License-Identifier: MIT
 *
 * Indexes: hash chains over rows. They grow with the rows, inside what their limit reserved. */
#include "src/engine/registry_private.h"

#define BUCKETS_LEAST 16u

static const struct {
    uint16_t table;
    uint8_t first, second;
    bool set;
} index_rows[INDEX_COUNT] = {
#define TABLE(name) {TABLE_##name, 0, 0, false},
#define COLUMN(table, name, type, key)
#include "src/engine/records.def"
#undef TABLE
#undef COLUMN
#define INDEX(name, table, first, second) {TABLE_##table, COLUMN_##table##_##first, COLUMN_##table##_##second, false},
#define INDEX_SET(name, table, first, second) {TABLE_##table, COLUMN_##table##_##first, COLUMN_##table##_##second, true},
#include "src/engine/index.def"
#undef INDEX
#undef INDEX_SET
};

/* ---- The beginning. */
static void describe(struct index *index, uint32_t number)
{
    *index = (struct index){.table = index_rows[number].table, .set = index_rows[number].set};
    if (number < TABLE_COUNT) { /* the key of the table of the same number */
        index->column_count = (uint8_t)records_table(index->table)->key_count;
        assert(index->column_count <= KEY_COLUMNS_MAX);
        for (uint8_t k = 0; k < index->column_count; k++) {
            index->columns[k] = k;
        }
    } else {
        index->columns[0] = index_rows[number].first;
        index->columns[1] = index_rows[number].second;
        index->column_count = index_rows[number].first == index_rows[number].second ? 1 : 2;
    }
}

bool index_init(struct registry *registry, struct arena *arena)
{
    for (uint32_t i = 0; i < INDEX_COUNT; i++) {
        struct index *index = &registry->indexes[i];
        describe(index, i);
        struct rows *rows = &registry->tables[index->table];
        if (!rows->stored) {
            continue;
        }
        for (uint8_t c = 0; c < index->column_count; c++) {
            index->bits |= 1u << index->columns[c];
        }
        if (i >= TABLE_COUNT) {
            assert(rows->index_count < sizeof rows->indexes);
            rows->indexes[rows->index_count++] = (uint8_t)i;
        }
        index->most = BUCKETS_LEAST;
        while (index->most < rows->max) {
            index->most *= 2;
        }
        index->mask = BUCKETS_LEAST - 1;
        index->heads = registry_reserve(arena, index->most, sizeof *index->heads);
        index->next = registry_reserve(arena, rows->max, sizeof *index->next);
        if (index->heads == NULL || index->next == NULL) {
            return false;
        }
        memset(index->heads, 0, BUCKETS_LEAST * sizeof *index->heads);
    }
    return true;
}

uint32_t index_count_of(uint16_t table)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < INDEX_COUNT; i++) {
        count += index_rows[i].table == table;
    }
    return count;
}

/* ---- Values. What stands in a chain is in use: that is not looked at again, for every look is at memory far off. */
static const char *cells_of(const struct rows *rows, uint32_t row)
{
    assert(row < rows->bound);
    return rows->cells + (size_t)row * rows->layout.size;
}

void index_raw(const struct registry *registry, const struct index *index, uint32_t row, struct raw *raw)
{
    const struct rows *rows = &registry->tables[index->table];
    const char *cells = cells_of(rows, row);
    raw->values[0] = 0; /* every index has a column, which gcc -O3 cannot know */
    for (uint8_t i = 0; i < index->column_count; i++) {
        raw->values[i] = layout_raw(&rows->layout, cells, index->columns[i]);
    }
}

static bool same_raw(const struct index *index, const struct raw *a, const struct raw *b)
{
    for (uint8_t i = 0; i < index->column_count; i++) {
        if (a->values[i] != b->values[i]) {
            return false;
        }
    }
    return true;
}

static bool has_raw(const struct registry *registry, const struct index *index, uint32_t row, const struct raw *raw)
{
    const struct rows *rows = &registry->tables[index->table];
    const char *cells = cells_of(rows, row);
    for (uint8_t i = 0; i < index->column_count; i++) {
        if (layout_raw(&rows->layout, cells, index->columns[i]) != raw->values[i]) {
            return false;
        }
    }
    return true;
}

static uint64_t hash_of(const struct index *index, const struct raw *raw)
{
    uint64_t hash = index->table + 1u;
    for (uint8_t i = 0; i < index->column_count; i++) {
        hash = hash64_mix(hash, (uint64_t)raw->values[i]);
    }
    return hash;
}

/* Order of two rows by the table's key, texts by their bytes. */
static int compare_keys(const struct registry *registry, uint16_t table, uint32_t a, uint32_t b)
{
    const struct rows *rows = &registry->tables[table];
    const struct layout *layout = &rows->layout;
    const char *of_a = cells_of(rows, a), *of_b = cells_of(rows, b);
    for (size_t i = 0; i < layout->keys; i++) {
        int64_t x = layout_raw(layout, of_a, i), y = layout_raw(layout, of_b, i);
        if (x != y) {
            return layout->cell[i] == CELL_TEXT ? slice_compare(text_heap_get(&registry->texts, (uint32_t)x), text_heap_get(&registry->texts, (uint32_t)y))
                                                : (x > y) - (x < y);
        }
    }
    return 0;
}

/* ---- Chains. */
/* Twice as many buckets: each is parted in two, the order kept. */
static void grow(struct registry *registry, struct index *index)
{
    uint32_t old = index->mask + 1;
    memset(index->heads + old, 0, old * sizeof *index->heads);
    index->mask = 2 * old - 1;
    for (uint32_t i = 0; i < old; i++) {
        uint32_t *low = &index->heads[i], *high = &index->heads[i + old];
        for (uint32_t at = *low, next; at != 0; at = next) {
            struct raw raw;
            index_raw(registry, index, at - 1, &raw);
            next = index->next[at - 1];
            uint32_t **to = (hash_of(index, &raw) & old) != 0 ? &high : &low;
            **to = at;
            *to = &index->next[at - 1];
        }
        *low = *high = 0;
    }
}

static bool is_left_out(const struct index *index, const struct raw *raw)
{
    return index->set && raw->values[0] == 0;
}

/* The link behind which a row of this value belongs. */
static uint32_t *place_of(struct registry *registry, struct index *index, uint32_t row, const struct raw *raw)
{
    uint32_t *head = &index->heads[hash_of(index, raw) & index->mask], *link = head;
    uint32_t last = index->last;
    if (last != 0 && has_raw(registry, index, last - 1, raw) && compare_keys(registry, index->table, last - 1, row) < 0) {
        link = &index->next[last - 1]; /* most rows come in the order of their keys */
    }
    bool inside = link != head;
    for (; *link != 0; link = &index->next[*link - 1]) {
        bool equal = has_raw(registry, index, *link - 1, raw);
        if (equal && compare_keys(registry, index->table, *link - 1, row) > 0) {
            break;
        }
        if (!equal && inside) {
            break; /* behind the last of its value */
        }
        inside = equal;
    }
    return link;
}

void index_add(struct registry *registry, struct index *index, uint32_t row)
{
    struct raw raw;
    index_raw(registry, index, row, &raw);
    if (is_left_out(index, &raw)) {
        return;
    }
    uint32_t *link = place_of(registry, index, row, &raw);
    index->next[row] = *link;
    *link = index->last = row + 1;
    if (++index->count > index->mask && index->mask + 1 < index->most) {
        grow(registry, index);
    }
}

void index_drop(struct registry *registry, struct index *index, uint32_t row)
{
    struct raw raw;
    index_raw(registry, index, row, &raw);
    if (is_left_out(index, &raw)) {
        return;
    }
    uint32_t *link = &index->heads[hash_of(index, &raw) & index->mask];
    while (*link != row + 1) {
        assert(*link != 0);
        link = &index->next[*link - 1];
    }
    *link = index->next[row];
    index->last = index->last == row + 1 ? 0 : index->last;
    index->count--;
}

/* ---- Looking up. */
uint32_t index_first(const struct engine *engine, enum index_id which, const struct record_value *key)
{
    const struct registry *registry = engine->registry;
    const struct index *index = &registry->indexes[which];
    struct raw raw;
    assert(index->heads != NULL);
    for (uint8_t i = 0; i < index->column_count; i++) {
        bool text = registry->tables[index->table].layout.cell[index->columns[i]] == CELL_TEXT;
        uint32_t name = text ? text_heap_find(&registry->texts, key[i].text) : 0;
        if (name == TEXT_ABSENT) {
            return ROW_NONE;
        }
        raw.values[i] = text ? name : key[i].integer;
    }
    const struct rows *rows = &registry->tables[index->table];
    int64_t guess = raw.values[0] - 1; /* ids count from 1, and so do rows where none is ever deleted */
    if ((uint32_t)which < TABLE_COUNT && index->column_count == 1 && guess >= 0 && guess < rows->bound && rows->used[guess] &&
        has_raw(registry, index, (uint32_t)guess, &raw)) {
        return (uint32_t)guess;
    }
    for (uint32_t at = index->heads[hash_of(index, &raw) & index->mask]; at != 0; at = index->next[at - 1]) {
        if (has_raw(registry, index, at - 1, &raw)) {
            return at - 1;
        }
    }
    return ROW_NONE;
}

uint32_t index_next(const struct engine *engine, enum index_id which, uint32_t row)
{
    const struct registry *registry = engine->registry;
    const struct index *index = &registry->indexes[which];
    uint32_t at = index->next[row];
    struct raw own, other;
    if (at == 0) {
        return ROW_NONE;
    }
    index_raw(registry, index, row, &own);
    index_raw(registry, index, at - 1, &other);
    return same_raw(index, &own, &other) ? at - 1 : ROW_NONE;
}

uint32_t index_first_int(const struct engine *engine, enum index_id index, int64_t key)
{
    return index_first(engine, index, &(struct record_value){.integer = key});
}

uint32_t index_first_text(const struct engine *engine, enum index_id index, slice key)
{
    return index_first(engine, index, &(struct record_value){.text = key});
}

uint32_t index_first_texts(const struct engine *engine, enum index_id index, slice first, slice second)
{
    return index_first(engine, index, (const struct record_value[]){{.text = first}, {.text = second}});
}
