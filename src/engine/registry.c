/* SPDX-License-Identifier: MIT */
#include "src/engine/registry.h"

#include "src/engine/engine_private.h"
#include "src/engine/text_heap.h"

/* A cell is a number, or the handle of a text. */
union cell {
    int64_t integer;
    uint64_t text;
};

/* Rows of one hash bucket hang on one list, sorted by index value and then by the table's key, so
 * that rows of one value stand side by side and their order owes nothing to history. */
struct index {
    uint16_t table;
    uint8_t columns[KEY_COLUMNS_MAX];
    uint8_t column_count;
    uint32_t *heads, *tails; /* row + 1; 0: none */
    uint32_t *next, *previous;
    uint32_t mask;
};

struct rows {
    union cell *cells;
    uint8_t *used;
    uint32_t *free_next; /* list of free rows, row + 1 */
    uint32_t free_head, bound, count, max;
    uint32_t told; /* high water that `limit` last said */
    uint32_t high;
    bool stored; /* false: written only, never looked up */
};

struct registry {
    struct rows tables[TABLE_COUNT];
    struct index indexes[INDEX_COUNT];
    struct text_heap texts;
    uint64_t digest;
    bool restoring;
};

static const struct {
    uint16_t table;
    uint8_t first, second;
} index_rows[INDEX_COUNT] = {
#define TABLE(name) {TABLE_##name, 0, 0},
#define COLUMN(table, name, type, key)
#include "src/engine/records.def"
#undef TABLE
#undef COLUMN
#define INDEX(name, table, first, second)                                                          \
    {TABLE_##table, COLUMN_##table##_##first, COLUMN_##table##_##second},
#include "src/engine/index.def"
#undef INDEX
};

/* ---- Sizes. */
#define HL7_IN_MAX 65536u
#define SMALL_MAX  1024u

static uint32_t table_max(const struct engine_config *config, enum record_table table)
{
    switch (table) {
    case TABLE_person:
        return config->persons_max;
    case TABLE_identifier:
        return 4 * config->persons_max;
    case TABLE_name:
        return 2 * config->persons_max;
    case TABLE_exam:
        return config->exams_max;
    case TABLE_study:
        return config->studies_max;
    case TABLE_series:
        return 6 * config->studies_max;
    case TABLE_copy:
        return 3 * config->studies_max;
    case TABLE_tombstone:
        return config->studies_max;
    case TABLE_demand:
        return config->demands_max;
    case TABLE_job:
        return config->demands_max;
    case TABLE_job_item:
        return config->instances_max;
    case TABLE_mdt:
        return SMALL_MAX;
    case TABLE_mdt_case:
        return 16 * SMALL_MAX;
    case TABLE_prior:
        return 2 * config->demands_max;
    case TABLE_hl7_in:
        return 8 * config->exams_max < HL7_IN_MAX ? 8 * config->exams_max : HL7_IN_MAX;
    case TABLE_review:
        return config->persons_max;
    case TABLE_peer_state:
        return NODES_MAX;
    case TABLE_counter:
        return 64;
    case TABLE_limit:
        return 64;
    case TABLE_audit:
    case TABLE_finding:
    case TABLE_query:
    case TABLE_COUNT:
        break;
    }
    return 0;
}

static bool make_rows(struct rows *rows, struct arena *arena, uint32_t max, size_t columns)
{
    *rows = (struct rows){.max = max, .stored = max > 0};
    if (max == 0) {
        return true;
    }
    rows->cells = arena_array(arena, (size_t)max * columns, sizeof *rows->cells);
    rows->used = arena_array(arena, max, sizeof *rows->used);
    rows->free_next = arena_array(arena, max, sizeof *rows->free_next);
    return rows->cells != NULL && rows->used != NULL && rows->free_next != NULL;
}

static bool make_index(struct index *index, struct arena *arena, uint32_t max)
{
    uint32_t buckets = 16;
    while (buckets < max) {
        buckets *= 2;
    }
    index->mask = buckets - 1;
    index->heads = arena_array(arena, buckets, sizeof *index->heads);
    index->tails = arena_array(arena, buckets, sizeof *index->tails);
    index->next = arena_array(arena, max, sizeof *index->next);
    index->previous = arena_array(arena, max, sizeof *index->previous);
    return index->heads != NULL && index->tails != NULL && index->next != NULL &&
           index->previous != NULL;
}

enum err registry_init(struct engine *engine)
{
    struct registry *registry = arena_alloc(engine->arena, sizeof *registry);
    if (registry == NULL) {
        return ERR_LIMIT;
    }
    engine->registry = registry;
    for (uint16_t i = 0; i < TABLE_COUNT; i++) {
        if (!make_rows(&registry->tables[i], engine->arena, table_max(engine->config, i),
                       records_table(i)->column_count)) {
            return ERR_LIMIT;
        }
    }
    for (uint32_t i = 0; i < INDEX_COUNT; i++) {
        struct index *index = &registry->indexes[i];
        index->table = index_rows[i].table;
        if (!registry->tables[index->table].stored) {
            continue;
        }
        if (i < TABLE_COUNT) { /* the key of the table of the same number */
            index->column_count = (uint8_t)records_table(index->table)->key_count;
            assert(index->column_count <= KEY_COLUMNS_MAX);
            for (uint8_t k = 0; k < index->column_count; k++) {
                index->columns[k] = k;
            }
        } else {
            index->columns[0] = index_rows[i].first;
            index->columns[1] = index_rows[i].second;
            index->column_count = index_rows[i].first == index_rows[i].second ? 1 : 2;
        }
        if (!make_index(index, engine->arena, registry->tables[index->table].max)) {
            return ERR_LIMIT;
        }
    }
    return ERR_OK;
}

enum err registry_init_text(struct engine *engine)
{
    return text_heap_init(&engine->registry->texts, engine->arena, 0);
}

/* ---- Cells. */
static union cell *row_cells(const struct registry *registry, uint16_t table, uint32_t row)
{
    const struct rows *rows = &registry->tables[table];
    assert(row < rows->bound && rows->used[row]);
    return rows->cells + (size_t)row * records_table(table)->column_count;
}

static struct record_value cell_value(const struct registry *registry, uint16_t table,
                                      size_t column, union cell cell)
{
    if (records_table(table)->columns[column].type == COLUMN_TEXT) {
        return (struct record_value){.text = text_heap_get(&registry->texts, cell.text)};
    }
    return (struct record_value){.integer = cell.integer};
}

static int compare_value(enum column_type type, struct record_value a, struct record_value b)
{
    if (type == COLUMN_TEXT) {
        return slice_compare(a.text, b.text);
    }
    return (a.integer > b.integer) - (a.integer < b.integer);
}

/* ---- Indexes. */
static uint32_t bucket_of(const struct index *index, const struct record_value *key)
{
    uint64_t hash = index->table + 1u;
    for (uint8_t i = 0; i < index->column_count; i++) {
        if (records_table(index->table)->columns[index->columns[i]].type == COLUMN_TEXT) {
            hash = hash64(hash, key[i].text.data == NULL ? SLICE_EMPTY : key[i].text);
        } else {
            char bytes[8];
            memcpy(bytes, &key[i].integer, sizeof bytes);
            hash = hash64(hash, (slice){bytes, sizeof bytes});
        }
    }
    return (uint32_t)hash & index->mask;
}

static void index_key(const struct registry *registry, const struct index *index, uint32_t row,
                      struct record_value *key)
{
    const union cell *cells = row_cells(registry, index->table, row);
    for (uint8_t i = 0; i < index->column_count; i++) {
        key[i] = cell_value(registry, index->table, index->columns[i], cells[index->columns[i]]);
    }
}

static int compare_index_key(const struct registry *registry, const struct index *index,
                             uint32_t row, const struct record_value *key)
{
    struct record_value own[KEY_COLUMNS_MAX];
    index_key(registry, index, row, own);
    for (uint8_t i = 0; i < index->column_count; i++) {
        int order = compare_value(records_table(index->table)->columns[index->columns[i]].type,
                                  own[i], key[i]);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

/* Order of two rows in a bucket: index value, then the table's key. */
static int compare_rows(const struct registry *registry, const struct index *index, uint32_t a,
                        uint32_t b)
{
    struct record_value key[KEY_COLUMNS_MAX];
    index_key(registry, index, b, key);
    int order = compare_index_key(registry, index, a, key);
    const struct index *primary = &registry->indexes[index->table];
    if (order != 0 || index == primary) {
        return order;
    }
    index_key(registry, primary, b, key);
    return compare_index_key(registry, primary, a, key);
}

static void index_add(const struct registry *registry, struct index *index, uint32_t row)
{
    struct record_value key[KEY_COLUMNS_MAX];
    index_key(registry, index, row, key);
    uint32_t bucket = bucket_of(index, key), before = index->tails[bucket];
    /* From the tail: most rows come in the order of their numbers. */
    while (before != 0 && compare_rows(registry, index, before - 1, row) > 0) {
        before = index->previous[before - 1];
    }
    uint32_t after = before == 0 ? index->heads[bucket] : index->next[before - 1];
    index->previous[row] = before;
    index->next[row] = after;
    *(before == 0 ? &index->heads[bucket] : &index->next[before - 1]) = row + 1;
    *(after == 0 ? &index->tails[bucket] : &index->previous[after - 1]) = row + 1;
}

static void index_drop(const struct registry *registry, struct index *index, uint32_t row)
{
    struct record_value key[KEY_COLUMNS_MAX];
    index_key(registry, index, row, key);
    uint32_t bucket = bucket_of(index, key), before = index->previous[row],
             after = index->next[row];
    *(before == 0 ? &index->heads[bucket] : &index->next[before - 1]) = after;
    *(after == 0 ? &index->tails[bucket] : &index->previous[after - 1]) = before;
}

uint32_t index_first(const struct engine *engine, enum index_id which,
                     const struct record_value *key)
{
    const struct index *index = &engine->registry->indexes[which];
    assert(index->heads != NULL);
    for (uint32_t at = index->heads[bucket_of(index, key)]; at != 0; at = index->next[at - 1]) {
        int order = compare_index_key(engine->registry, index, at - 1, key);
        if (order >= 0) {
            return order == 0 ? at - 1 : ROW_NONE;
        }
    }
    return ROW_NONE;
}

uint32_t index_next(const struct engine *engine, enum index_id which, uint32_t row)
{
    const struct index *index = &engine->registry->indexes[which];
    uint32_t at = index->next[row];
    if (at == 0) {
        return ROW_NONE;
    }
    struct record_value key[KEY_COLUMNS_MAX];
    index_key(engine->registry, index, row, key);
    return compare_index_key(engine->registry, index, at - 1, key) == 0 ? at - 1 : ROW_NONE;
}

uint32_t index_first_int(const struct engine *engine, enum index_id index, int64_t key)
{
    return index_first(engine, index, &(struct record_value){.integer = key});
}

uint32_t index_first_text(const struct engine *engine, enum index_id index, slice key)
{
    return index_first(engine, index, &(struct record_value){.text = key});
}

uint32_t index_first_texts(const struct engine *engine, enum index_id index, slice first,
                           slice second)
{
    return index_first(engine, index,
                       (const struct record_value[]){{.text = first}, {.text = second}});
}

/* ---- Rows. */
uint32_t row_bound(const struct engine *engine, enum record_table table)
{
    return engine->registry->tables[table].bound;
}

bool row_used(const struct engine *engine, enum record_table table, uint32_t row)
{
    const struct rows *rows = &engine->registry->tables[table];
    return row < rows->bound && rows->used[row];
}

uint32_t row_count(const struct engine *engine, enum record_table table)
{
    return engine->registry->tables[table].count;
}

bool row_room(const struct engine *engine, enum record_table table, uint32_t more)
{
    const struct rows *rows = &engine->registry->tables[table];
    return !rows->stored || rows->max - rows->count >= more;
}

bool text_room(const struct engine *engine, size_t bytes)
{
    return text_heap_room(&engine->registry->texts, bytes);
}

static uint32_t take_row(struct rows *rows)
{
    uint32_t row = rows->free_head;
    if (row != 0) {
        rows->free_head = rows->free_next[row - 1];
        row--;
    } else {
        row = rows->bound++;
    }
    rows->used[row] = 1;
    rows->count++;
    rows->high = rows->count > rows->high ? rows->count : rows->high;
    return row;
}

static void give_row(struct rows *rows, uint32_t row)
{
    rows->used[row] = 0;
    rows->free_next[row] = rows->free_head;
    rows->free_head = row + 1;
    rows->count--;
}

static void load(const struct registry *registry, uint16_t table, uint32_t row,
                 struct record *record)
{
    const union cell *cells = row_cells(registry, table, row);
    record->table = table;
    for (size_t i = 0; i < records_table(table)->column_count; i++) {
        record->values[i] = cell_value(registry, table, i, cells[i]);
    }
}

static bool equal_records(const struct table *table, const struct record *a, const struct record *b)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (compare_value(table->columns[i].type, a->values[i], b->values[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* ---- Change. */
static void count_digest(struct registry *registry, const struct record *record, bool add)
{
    if (record->table != TABLE_limit) {
        registry->digest += add ? record_hash(record) : 0 - record_hash(record);
    }
}

static void each_index(struct registry *registry, uint16_t table, uint32_t row,
                       void (*act)(const struct registry *, struct index *, uint32_t))
{
    for (uint32_t i = 0; i < INDEX_COUNT; i++) {
        if (registry->indexes[i].table == table && registry->indexes[i].heads != NULL) {
            act(registry, &registry->indexes[i], row);
        }
    }
}

/* Writes the values into the row. A text that does not change keeps its place, so that slices of a
 * row stay good when it is put back changed; old texts go after the new ones are in: a value may
 * borrow from its own row. False when the texts do not fit. */
static bool store(struct registry *registry, uint32_t row, const struct record *record, bool fresh)
{
    const struct table *table = records_table(record->table);
    union cell *cells = row_cells(registry, record->table, row), fill[RECORD_COLUMNS_MAX];
    for (size_t i = 0; i < table->column_count; i++) {
        slice text = record->values[i].text;
        bool is_text = table->columns[i].type == COLUMN_TEXT;
        if (is_text && !fresh &&
            slice_equal(text_heap_get(&registry->texts, cells[i].text), text)) {
            fill[i] = cells[i];
        } else if (!is_text) {
            fill[i].integer = record->values[i].integer;
        } else if (!text_heap_put(&registry->texts, text, &fill[i].text)) {
            return false;
        }
    }
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].type == COLUMN_TEXT && !fresh && fill[i].text != cells[i].text) {
            text_heap_free(&registry->texts, cells[i].text);
        }
        cells[i] = fill[i];
    }
    return true;
}

static void emit(struct out *out, const struct record *record)
{
    const struct table *table = records_table(record->table);
    struct record *slot = out_record(out, record->table);
    slot->deleted = record->deleted;
    size_t columns = record->deleted ? table->key_count : table->column_count;
    for (size_t i = 0; i < columns; i++) {
        if (table->columns[i].type == COLUMN_INTEGER) {
            slot->values[i].integer = record->values[i].integer;
        } else {
            slot->values[i].text = text_copy(out, record->values[i].text);
        }
    }
}

/* Texts longer than the heap takes are cut, at a character's edge. */
static void clip(const struct table *table, struct record *record)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].type == COLUMN_TEXT) {
            record->values[i].text = text_clip(record->values[i].text, TEXT_MAX);
        }
    }
}

/* Puts the row into memory. False when it was there already, just so. */
static bool apply(struct engine *engine, const struct record *record)
{
    struct registry *registry = engine->registry;
    const struct table *table = records_table(record->table);
    struct rows *rows = &registry->tables[record->table];
    if (!rows->stored) {
        count_digest(registry, record, true);
        return true;
    }
    uint32_t row = index_first(engine, (enum index_id)record->table, record->values);
    bool fresh = row == ROW_NONE;
    if (!fresh) {
        struct record old = {0};
        load(registry, record->table, row, &old);
        if (equal_records(table, &old, record)) {
            return false;
        }
        count_digest(registry, &old, false);
        each_index(registry, record->table, row, index_drop);
    } else if (rows->count == rows->max) {
        engine->exhausted = table->name;
        return false;
    } else {
        row = take_row(rows);
    }
    if (!store(registry, row, record, fresh)) {
        engine->exhausted = "text";
        return false;
    }
    each_index(registry, record->table, row, index_add);
    struct record now = {0}; /* not `record`: its texts may have stood in the row just replaced */
    load(registry, record->table, row, &now);
    count_digest(registry, &now, true);
    return true;
}

static bool unapply(struct engine *engine, const struct record *record)
{
    struct registry *registry = engine->registry;
    const struct table *table = records_table(record->table);
    struct rows *rows = &registry->tables[record->table];
    uint32_t row =
        rows->stored ? index_first(engine, (enum index_id)record->table, record->values) : ROW_NONE;
    if (row == ROW_NONE) {
        return false;
    }
    struct record old = {0};
    load(registry, record->table, row, &old);
    count_digest(registry, &old, false);
    each_index(registry, record->table, row, index_drop);
    union cell *cells = row_cells(registry, record->table, row);
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].type == COLUMN_TEXT) {
            text_heap_free(&registry->texts, cells[i].text);
        }
        cells[i].integer = 0;
    }
    give_row(rows, row);
    return true;
}

void records_put(struct engine *engine, struct out *out, const struct record *record)
{
    struct record put = *record;
    put.deleted = false;
    clip(records_table(put.table), &put);
    emit(out, &put); /* first: the values may borrow from the row they replace */
    if (!apply(engine, &put) && out->record_count > 0) {
        out->record_count--;
    }
}

void records_delete(struct engine *engine, struct out *out, const struct record *record)
{
    struct record gone = *record;
    gone.deleted = true;
    emit(out, &gone);
    if (!unapply(engine, &gone) && out->record_count > 0) {
        out->record_count--;
    }
}

/* ---- Restart, digest, limits, counters. */
enum err registry_restore(struct engine *engine, const struct record *record)
{
    if (record->deleted) {
        unapply(engine, record);
    } else {
        apply(engine, record);
    }
    return engine->exhausted == NULL ? ERR_OK : ERR_LIMIT;
}

uint64_t registry_digest(const struct engine *engine)
{
    return engine->registry->digest;
}

void registry_tell_limits(struct engine *engine, struct out *out)
{
    for (uint16_t i = 0; i < TABLE_COUNT; i++) {
        struct rows *rows = &engine->registry->tables[i];
        if (i != TABLE_limit && rows->stored && rows->high > rows->told &&
            (rows->told == 0 || rows->high >= 2 * rows->told || rows->high == rows->max)) {
            rows->told = rows->high;
            row_put_limit(engine, out,
                          &(struct row_limit){.name = slice_from(records_table(i)->name),
                                              .most = rows->max,
                                              .high_water = rows->high});
        }
    }
}

int64_t counter_next(struct engine *engine, struct out *out, slice name)
{
    struct row_counter counter = {.name = name};
    uint32_t row = row_find_counter(engine, &counter);
    counter.value = row == ROW_NONE ? 1 : row_get_counter(engine, row).value + 1;
    row_put_counter(engine, out, &counter);
    return counter.value;
}

/* ---- The typed doors: a struct of a row to a record and back, made from records.def. */
#define TO_INTEGER(field)   record->values[column++].integer = row->field;
#define TO_TEXT(field)      record->values[column++].text = row->field;
#define FROM_INTEGER(field) row->field = record->values[column++].integer;
#define FROM_TEXT(field)    row->field = record->values[column++].text;

#define TABLE(name)                                                                                \
    (void)column;                                                                                  \
    }                                                                                              \
    static void name##_to_record(const struct row_##name *row, struct record *record)              \
    {                                                                                              \
        size_t column = 0;                                                                         \
        *record = (struct record){.table = TABLE_##name};
#define COLUMN(table, name, type, key) TO_##type(name)
__attribute__((unused)) static void none_to_record(void)
{
    size_t column = 0;
#include "src/engine/records.def"
    (void)column;
}
#undef TABLE
#undef COLUMN

#define TABLE(name)                                                                                \
    (void)column;                                                                                  \
    }                                                                                              \
    static void name##_from_record(struct row_##name *row, const struct record *record)            \
    {                                                                                              \
        size_t column = 0;
#define COLUMN(table, name, type, key) FROM_##type(name)
__attribute__((unused)) static void none_from_record(void)
{
    size_t column = 0;
#include "src/engine/records.def"
    (void)column;
}
#undef TABLE
#undef COLUMN

#define TABLE(name)                                                                                \
    struct row_##name row_get_##name(const struct engine *engine, uint32_t row)                    \
    {                                                                                              \
        struct record record;                                                                      \
        struct row_##name value;                                                                   \
        load(engine->registry, TABLE_##name, row, &record);                                        \
        name##_from_record(&value, &record);                                                       \
        return value;                                                                              \
    }                                                                                              \
    uint32_t row_find_##name(const struct engine *engine, const struct row_##name *key)            \
    {                                                                                              \
        struct record record;                                                                      \
        name##_to_record(key, &record);                                                            \
        return index_first(engine, INDEX_key_of_##name, record.values);                            \
    }                                                                                              \
    void row_put_##name(struct engine *engine, struct out *out, const struct row_##name *value)    \
    {                                                                                              \
        struct record record;                                                                      \
        name##_to_record(value, &record);                                                          \
        records_put(engine, out, &record);                                                         \
    }                                                                                              \
    void row_delete_##name(struct engine *engine, struct out *out, const struct row_##name *key)   \
    {                                                                                              \
        struct record record;                                                                      \
        name##_to_record(key, &record);                                                            \
        records_delete(engine, out, &record);                                                      \
    }
#define COLUMN(table, name, type, key)
#include "src/engine/records.def"
#undef TABLE
#undef COLUMN
