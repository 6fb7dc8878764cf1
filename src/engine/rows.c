/* SPDX-License-Identifier: MIT
 *
 * Rows: the cells of the tables, packed. Texts stand once in the heap, times and counts take eight
 * bytes, all other numbers four: a registry of a million examinations is to fit a small machine. */
#include "src/engine/registry_private.h"

void *registry_reserve(struct arena *arena, size_t count, size_t size)
{
    size_t start = (arena->used + 15) & ~(size_t)15;
    if (start > arena->size || count > (arena->size - start) / size) {
        return NULL;
    }
    arena->used = start + count * size;
    arena->high = arena->used > arena->high ? arena->used : arena->high;
    return arena->memory + start;
}

/* ---- Layout. */
/* Numbers that may be large: times ("at", "event_at"), and those of tables that count things up. */
static bool is_wide(uint16_t table, const char *name)
{
    static const uint16_t wide[] = {TABLE_audit, TABLE_finding, TABLE_query, TABLE_counter, TABLE_limit};
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        if (table == wide[i]) {
            return true;
        }
    }
    return slice_ends(slice_from(name), SLICE("at"));
}

static void layout_init(struct layout *layout, uint16_t number)
{
    const struct table *table = records_table(number);
    size_t at = 0;
    *layout = (struct layout){.columns = (uint8_t)table->column_count, .keys = (uint8_t)table->key_count};
    for (size_t i = 0; i < table->column_count; i++) {
        layout->cell[i] = table->columns[i].type == COLUMN_TEXT ? CELL_TEXT : is_wide(number, table->columns[i].name) ? CELL_WIDE : CELL_SMALL;
        layout->offset[i] = (uint8_t)at;
        at += layout->cell[i] == CELL_WIDE ? 8 : 4;
    }
    assert(at <= UINT8_MAX);
    layout->size = (uint8_t)at;
}

bool rows_init(struct rows *rows, struct arena *arena, uint16_t table, uint32_t max)
{
    *rows = (struct rows){.max = max, .stored = max > 0};
    layout_init(&rows->layout, table);
    if (max == 0) {
        return true;
    }
    rows->cells = registry_reserve(arena, max, rows->layout.size);
    rows->used = registry_reserve(arena, max, sizeof *rows->used);
    return rows->cells != NULL && rows->used != NULL;
}

static char *cells_at(const struct rows *rows, uint32_t row)
{
    return rows->cells + (size_t)row * rows->layout.size;
}

uint32_t rows_take(struct registry *registry, uint16_t table)
{
    struct rows *rows = &registry->tables[table];
    uint32_t row = rows->free_head;
    assert(rows->count < rows->max);
    if (row != 0) {
        row--;
        memcpy(&rows->free_head, cells_at(rows, row), sizeof rows->free_head);
    } else {
        row = rows->bound++;
    }
    rows->used[row] = 1;
    rows->count++;
    if (rows->count > rows->high) {
        rows->high = rows->count;
        registry->risen = registry->risen || (table != TABLE_limit && (rows->told == 0 || rows->high >= 2 * rows->told || rows->high == rows->max));
    }
    return row;
}

void rows_give(struct registry *registry, uint16_t table, uint32_t row)
{
    struct rows *rows = &registry->tables[table];
    for (size_t i = 0; i < rows->layout.columns; i++) {
        if (rows->layout.cell[i] == CELL_TEXT) {
            text_heap_free(&registry->texts, (uint32_t)rows_raw(registry, table, row, i));
        }
    }
    rows->used[row] = 0;
    memcpy(cells_at(rows, row), &rows->free_head, sizeof rows->free_head);
    rows->free_head = row + 1;
    rows->count--;
}

/* ---- Cells. */
static int64_t cell_get(enum cell cell, const char *at)
{
    int64_t wide;
    int32_t small;
    if (cell == CELL_WIDE) {
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
    memcpy(&small, at, sizeof small);
    return cell == CELL_TEXT ? (int64_t)(uint32_t)small : small;
}

int64_t rows_raw(const struct registry *registry, uint16_t table, uint32_t row, size_t column)
{
    const struct rows *rows = &registry->tables[table];
    return layout_raw(&rows->layout, rows_cells(rows, row), column);
}

static struct record_value value_of(const struct registry *registry, const struct layout *layout, const char *cells, size_t column)
{
    int64_t raw = cell_get(layout->cell[column], cells + layout->offset[column]);
    return layout->cell[column] == CELL_TEXT ? (struct record_value){.text = text_heap_get(&registry->texts, (uint32_t)raw)}
                                             : (struct record_value){.text = SLICE_EMPTY, .integer = raw};
}

struct record_value rows_value(const struct registry *registry, uint16_t table, uint32_t row, size_t column)
{
    const struct rows *rows = &registry->tables[table];
    assert(row < rows->bound && rows->used[row]);
    return value_of(registry, &rows->layout, cells_at(rows, row), column);
}

void rows_load(const struct registry *registry, uint16_t table, uint32_t row, struct record *record)
{
    const struct rows *rows = &registry->tables[table];
    assert(row < rows->bound && rows->used[row]);
    record->table = table;
    record->deleted = false;
    for (size_t i = 0; i < rows->layout.columns; i++) {
        record->values[i] = value_of(registry, &rows->layout, cells_at(rows, row), i);
    }
}

uint32_t rows_differ(const struct registry *registry, uint32_t row, const struct record *record)
{
    const struct rows *rows = &registry->tables[record->table];
    const struct layout *layout = &rows->layout;
    const char *cells = rows_cells(rows, row);
    uint32_t bits = 0;
    for (size_t i = layout->keys; i < layout->columns; i++) {
        const struct record_value *value = &record->values[i];
        if (layout->cell[i] != CELL_TEXT) {
            bits |= (uint32_t)(layout_integer(layout, cells, i) != value->integer) << i;
            continue;
        }
        slice own = layout_text(&registry->texts, layout, cells, i);
        bool same = own.size == value->text.size && (own.size == 0 || own.data == value->text.data || memcmp(own.data, value->text.data, own.size) == 0);
        bits |= (uint32_t)!same << i;
    }
    return bits;
}

uint64_t rows_hash(const struct registry *registry, uint16_t table, uint32_t row)
{
    struct record record;
    rows_load(registry, table, row, &record);
    return record_hash(&record);
}

/* ---- Writing. */
static bool cell_put(enum cell cell, char *at, int64_t value)
{
    int32_t small = (int32_t)value;
    uint32_t name = (uint32_t)value;
    if (cell == CELL_WIDE) {
        memcpy(at, &value, sizeof value);
    } else if (cell == CELL_TEXT) {
        memcpy(at, &name, sizeof name);
    } else {
        memcpy(at, &small, sizeof small);
    }
    return cell != CELL_SMALL || small == value;
}

const char *rows_store(struct registry *registry, uint32_t row, const struct record *record, uint32_t columns, bool fresh)
{
    const struct rows *rows = &registry->tables[record->table];
    const struct layout *layout = &rows->layout;
    char *cells = cells_at(rows, row);
    uint32_t gone[RECORD_COLUMNS_MAX];
    size_t gone_count = 0;
    for (size_t i = 0; i < layout->columns; i++) {
        const struct record_value *value = &record->values[i];
        char *at = cells + layout->offset[i];
        if ((columns >> i & 1) == 0) {
            continue;
        }
        if (layout->cell[i] != CELL_TEXT) {
            if (!cell_put(layout->cell[i], at, value->integer)) {
                return "number";
            }
            continue;
        }
        uint32_t name = 0, old = fresh ? 0 : (uint32_t)cell_get(CELL_TEXT, at);
        if (!text_heap_put(&registry->texts, value->text, &name)) {
            return "text";
        }
        gone[gone_count] = old;
        gone_count += old != 0;
        cell_put(CELL_TEXT, at, name);
    }
    for (size_t i = 0; i < gone_count; i++) {
        text_heap_free(&registry->texts, gone[i]);
    }
    return NULL;
}
