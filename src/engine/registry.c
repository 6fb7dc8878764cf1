/* SPDX-License-Identifier: MIT */
#include "src/engine/registry_private.h"

#define ALL_COLUMNS UINT32_MAX

/* ---- Sizes. */
#define HL7_IN_MAX 65536u
#define SMALL_MAX  1024u
#define SLACK      (MUTANT(M_NO_LIMIT) ? 2u : 1u) /* times what a table may hold that it does hold */

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
        return config->meetings_max == 0 ? SMALL_MAX : config->meetings_max;
    case TABLE_mdt_case:
        return config->cases_max == 0 ? 16 * SMALL_MAX : config->cases_max;
    case TABLE_prior:
        return 2 * config->demands_max;
    case TABLE_hl7_in:
        return 8 * config->exams_max < HL7_IN_MAX ? 8 * config->exams_max : HL7_IN_MAX;
    case TABLE_review:
        return config->persons_max;
    case TABLE_peer_state:
        return NODES_MAX;
    case TABLE_spooled:
        return config->spool_max == 0 ? 4096 : config->spool_max;
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

enum err registry_init(struct engine *engine)
{
    struct registry *registry = arena_alloc(engine->arena, sizeof *registry);
    if (registry == NULL) {
        return ERR_LIMIT;
    }
    engine->registry = registry;
    registry->risen = true;
    for (uint16_t i = 0; i < TABLE_COUNT; i++) {
        if (!rows_init(&registry->tables[i], engine->arena, i, SLACK * table_max(engine->config, i))) {
            return ERR_LIMIT;
        }
    }
    return index_init(registry, engine->arena) ? ERR_OK : ERR_LIMIT;
}

uint64_t registry_memory(const struct engine_config *config)
{
    uint64_t bytes = sizeof(struct registry);
    for (uint16_t i = 0; i < TABLE_COUNT; i++) {
        uint64_t max = (uint64_t)SLACK * table_max(config, i);
        struct rows rows;
        struct arena none = {0};
        (void)rows_init(&rows, &none, i, 0); /* its layout alone */
        /* A row, its mark, and in each index a link and up to two heads. */
        bytes += max * (rows.layout.size + 1u) + index_count_of(i) * (12 * max + 256);
    }
    return bytes;
}

enum err registry_init_text(struct engine *engine)
{
    return text_heap_init(&engine->registry->texts, engine->arena, 0);
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

uint32_t row_max(const struct engine *engine, enum record_table table)
{
    return engine->registry->tables[table].max;
}

bool text_room(const struct engine *engine, size_t bytes)
{
    return text_heap_room(&engine->registry->texts, bytes);
}

/* ---- Change. */
static void count_digest(struct registry *registry, uint16_t table, uint64_t hash, bool add)
{
    if (table != TABLE_limit) {
        registry->digest += add ? hash : 0 - hash;
    }
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
        if (table->columns[i].type == COLUMN_TEXT && record->values[i].text.size > TEXT_MAX) {
            record->values[i].text = text_clip(record->values[i].text, TEXT_MAX);
        }
    }
}

/* The indexes of the table by any of these columns; that of the key when all are meant. */
static void each_index(struct registry *registry, uint16_t table, uint32_t row, uint32_t columns,
                       void (*act)(struct registry *, struct index *, uint32_t))
{
    const struct rows *rows = &registry->tables[table];
    if (columns == ALL_COLUMNS) {
        act(registry, &registry->indexes[table], row);
    }
    for (uint8_t i = 0; i < rows->index_count; i++) {
        struct index *index = &registry->indexes[rows->indexes[i]];
        if ((index->bits & columns) != 0) {
            act(registry, index, row);
        }
    }
}

/* What the change of these columns does to the digest. */
static uint64_t digest_change(const struct registry *registry, const struct record *record,
                              uint32_t row, uint32_t columns)
{
    const struct table *table = records_table(record->table);
    uint64_t key = record_key_hash(record), change = 0;
    for (size_t i = 0; columns != 0; i++, columns >>= 1) {
        if ((columns & 1) != 0) {
            struct record_value old = rows_value(registry, record->table, row, i);
            change += record_cell_hash(key, table->columns[i].type, i, &record->values[i]) -
                      record_cell_hash(key, table->columns[i].type, i, &old);
        }
    }
    return change;
}

/* Changes a row that is there. */
static void change(struct engine *engine, struct out *out, const struct record *record, uint32_t row)
{
    struct registry *registry = engine->registry;
    uint32_t columns = rows_differ(registry, row, record);
    if (columns == 0) {
        return;
    }
    if (out != NULL) {
        emit(out, record); /* first: the values may borrow from the row they replace */
    }
    count_digest(registry, record->table, digest_change(registry, record, row, columns), true);
    each_index(registry, record->table, row, columns, index_drop);
    const char *full = rows_store(registry, row, record, columns, false);
    each_index(registry, record->table, row, columns, index_add);
    engine->exhausted = full != NULL ? full : engine->exhausted;
    if (MUTANT(M_UNRECORDED) && out != NULL && record->table == TABLE_exam) {
        out->record_count--;
    }
}

/* Puts the row into memory; its record goes to `out`, where there is one. */
static void apply(struct engine *engine, struct out *out, const struct record *record)
{
    struct registry *registry = engine->registry;
    struct rows *rows = &registry->tables[record->table];
    uint32_t row = rows->stored ? index_first(engine, (enum index_id)record->table, record->values)
                                : ROW_NONE;
    if (row != ROW_NONE) {
        change(engine, out, record, row);
        return;
    }
    if (out != NULL) {
        emit(out, record);
    }
    if (rows->stored && rows->count == rows->max) {
        engine->exhausted = records_table(record->table)->name;
        return;
    }
    count_digest(registry, record->table, record_hash(record), true);
    if (rows->stored) {
        row = rows_take(registry, record->table);
        const char *full = rows_store(registry, row, record, ALL_COLUMNS, true);
        if (full == NULL) {
            each_index(registry, record->table, row, ALL_COLUMNS, index_add);
        }
        engine->exhausted = full != NULL ? full : engine->exhausted;
    }
}

static bool unapply(struct engine *engine, const struct record *record)
{
    struct registry *registry = engine->registry;
    struct rows *rows = &registry->tables[record->table];
    uint32_t row =
        rows->stored ? index_first(engine, (enum index_id)record->table, record->values) : ROW_NONE;
    if (row == ROW_NONE) {
        return false;
    }
    count_digest(registry, record->table, rows_hash(registry, record->table, row), false);
    each_index(registry, record->table, row, ALL_COLUMNS, index_drop);
    rows_give(registry, record->table, row);
    return true;
}

static void put(struct engine *engine, struct out *out, struct record *record)
{
    clip(records_table(record->table), record);
    apply(engine, out, record);
}

void records_put(struct engine *engine, struct out *out, const struct record *record)
{
    struct record copy = *record;
    copy.deleted = false;
    put(engine, out, &copy);
}

void records_delete(struct engine *engine, struct out *out, const struct record *record)
{
    struct record gone = *record;
    gone.deleted = true;
    emit(out, &gone); /* first: its key may borrow from the row */
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
        apply(engine, NULL, record);
    }
    return engine->exhausted == NULL ? ERR_OK : ERR_LIMIT;
}

uint64_t registry_digest(const struct engine *engine)
{
    return engine->registry->digest;
}

void registry_tell_limits(struct engine *engine, struct out *out)
{
    bool risen = engine->registry->risen;
    engine->registry->risen = false;
    for (uint16_t i = 0; risen && i < TABLE_COUNT; i++) {
        struct rows *rows = &engine->registry->tables[i];
        if (i != TABLE_limit && rows->stored && rows->high > rows->told &&
            (rows->told == 0 || rows->high >= 2 * rows->told || rows->high == rows->max)) {
            rows->told = rows->high;
            row_put_limit(engine, out,
                          &(struct row_limit){.name = slice_from(records_table(i)->name),
                                              .most = rows->max / SLACK,
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
#define TO_INTEGER(field)   record->values[column++] = (struct record_value){SLICE_EMPTY, row->field};
#define TO_TEXT(field)      record->values[column++] = (struct record_value){row->field, 0};
#define FROM_INTEGER(field) row->field = layout_integer(layout, cells, column++);
#define FROM_TEXT(field)    row->field = layout_text(texts, layout, cells, column++);

#define TABLE(name)                                                                                \
    (void)column;                                                                                  \
    }                                                                                              \
    static void name##_to_record(const struct row_##name *row, struct record *record)              \
    {                                                                                              \
        size_t column = 0;                                                                         \
        record->table = TABLE_##name;                                                              \
        record->deleted = false;
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
    (void)column, (void)texts, (void)layout, (void)cells;                                          \
    }                                                                                              \
    static void name##_from_row(struct row_##name *row, const struct registry *registry,           \
                                uint32_t number)                                                   \
    {                                                                                              \
        size_t column = 0;                                                                         \
        const struct text_heap *texts = &registry->texts;                                          \
        const struct layout *layout = &registry->tables[TABLE_##name].layout;                      \
        const char *cells = rows_cells(&registry->tables[TABLE_##name], number);
#define COLUMN(table, name, type, key) FROM_##type(name)
__attribute__((unused)) static void none_from_row(void)
{
    size_t column = 0;
    const struct text_heap *texts = NULL;
    const struct layout *layout = NULL;
    const char *cells = NULL;
#include "src/engine/records.def"
    (void)column, (void)texts, (void)layout, (void)cells;
}
#undef TABLE
#undef COLUMN

#define TABLE(name)                                                                                \
    struct row_##name row_get_##name(const struct engine *engine, uint32_t row)                    \
    {                                                                                              \
        struct row_##name value;                                                                   \
        name##_from_row(&value, engine->registry, row);                                            \
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
        put(engine, out, &record);                                                                 \
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
