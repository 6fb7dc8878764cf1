/* SPDX-License-Identifier: MIT
 *
 * The judge's own copy of the engine's rows, made of its record stream: it never asks the engine. Rows put by steps that
 * a killed engine never committed go away with its life: the next begins with what was restored. */
#include "src/bench/judge_private.h"

#include <stdio.h>

static struct table_row *row_at(const struct judge *judge, uint32_t at)
{
    return &judge->table_chunks[at / JUDGE_TABLE_CHUNK][at % JUDGE_TABLE_CHUNK];
}

void judge_mirror_clear(struct judge *judge)
{
    memset(judge->table_map.slots, 0, judge->table_map.slot_count * sizeof judge->table_map.slots[0]);
    judge->table_map.count = judge->table_map.used = 0;
    /* The texts' memory stays with its place, for whichever row is put there next. */
    for (uint32_t r = 0; r < judge->table_row_count; r++) {
        row_at(judge, r)->alive = false;
    }
    judge->table_row_count = 0;
    for (int t = 0; t < TABLE_COUNT; t++) {
        judge->table_first[t] = judge->table_last[t] = JUDGE_NONE;
    }
}

static bool is_text(const struct table *table, size_t column)
{
    return table->columns[column].type == COLUMN_TEXT && column < RECORD_COLUMNS_MAX;
}

/* Moves the texts of a row to `to`; they fit, see keep. */
static void copy_texts(struct record *record, const struct table *table, char *to)
{
    for (size_t c = 0; c < table->column_count; c++) {
        slice *text = &record->values[c].text;
        if (is_text(table, c) && text->size > 0) {
            memcpy(to, text->data, text->size);
            *text = (slice){to, text->size};
            to += text->size;
        } else {
            *text = SLICE_EMPTY;
        }
    }
}

static size_t texts_size(const struct record *record, const struct table *table)
{
    size_t size = 0;
    for (size_t c = 0; c < table->column_count; c++) {
        size += is_text(table, c) ? record->values[c].text.size : 0;
    }
    return size;
}

static bool keep(struct judge *judge, struct table_row *row, const struct record *record)
{
    const struct table *table = records_table(record->table);
    size_t size = texts_size(record, table);
    if (size > row->text_capacity) {
        row->text_capacity = size + size / 2 + 16;
        row->text = arena_alloc(judge->arena, row->text_capacity);
    }
    if (row->text == NULL && size > 0) {
        row->text_capacity = 0;
        return false;
    }
    row->record = *record;
    copy_texts(&row->record, table, row->text);
    row->alive = true;
    return true;
}

static struct table_row *add_row(struct judge *judge, enum record_table table, slice key)
{
    struct table_row **chunk = &judge->table_chunks[judge->table_row_count / JUDGE_TABLE_CHUNK];
    if (judge->table_row_count == JUDGE_TABLE_ROWS_MAX) {
        return NULL;
    }
    *chunk = *chunk != NULL ? *chunk : arena_array(judge->arena, JUDGE_TABLE_CHUNK, sizeof **chunk);
    if (*chunk == NULL || map_put(&judge->table_map, judge_keep(judge, key), judge->table_row_count) != ERR_OK) {
        return NULL;
    }
    uint32_t at = judge->table_row_count++;
    if (judge->table_last[table] == JUDGE_NONE) {
        judge->table_first[table] = at;
    } else {
        row_at(judge, judge->table_last[table])->next = at;
    }
    judge->table_last[table] = at;
    row_at(judge, at)->next = JUDGE_NONE;
    return row_at(judge, at);
}

const struct record *judge_mirror(struct judge *judge, const struct record *record, struct record *before, bool *existed)
{
    char text[JUDGE_KEY_SIZE];
    struct buffer key = buffer_over(text, sizeof text);
    const struct table *table = records_table(record->table);
    uint32_t found = 0;
    record_put_key(record, &key);
    struct table_row *row = map_find(&judge->table_map, buffer_slice(&key), &found) ? row_at(judge, found) : NULL;
    *existed = row != NULL && row->alive;
    if (*existed && texts_size(&row->record, table) <= JUDGE_SCRATCH_SIZE) {
        *before = row->record;
        copy_texts(before, table, judge->scratch);
    }
    if (record->deleted) {
        if (row != NULL) {
            row->alive = false;
        }
        return record;
    }
    row = row != NULL ? row : add_row(judge, record->table, buffer_slice(&key));
    return row != NULL && keep(judge, row, record) ? &row->record : NULL;
}

const struct record *judge_row(const struct judge *judge, uint32_t *cursor)
{
    while (*cursor != JUDGE_NONE) {
        const struct table_row *row = row_at(judge, *cursor);
        *cursor = row->next;
        if (row->alive) {
            return &row->record;
        }
    }
    return NULL;
}

const struct record *judge_row_by_key(const struct judge *judge, const char *key)
{
    uint32_t found = 0;
    return map_find(&judge->table_map, slice_from(key), &found) && row_at(judge, found)->alive ? &row_at(judge, found)->record : NULL;
}

const struct record *judge_row_by_id(const struct judge *judge, enum record_table table, int64_t id)
{
    char key[64];
    snprintf(key, sizeof key, "%s/%lld", records_table(table)->name, (long long)id);
    return judge_row_by_key(judge, key);
}

const struct record *judge_row_by_texts(const struct judge *judge, enum record_table table, slice first, slice second)
{
    char key[JUDGE_KEY_SIZE];
    snprintf(key, sizeof key, "%s/%.*s/%.*s", records_table(table)->name, SLICE_ARGS(first), SLICE_ARGS(second));
    return judge_row_by_key(judge, key);
}

int64_t judge_survivor(const struct judge *judge, int64_t person)
{
    for (int hops = 0; hops < 64; hops++) { /* a ring of merges would be the engine's fault, and no reason to hang */
        const struct record *row = judge_row_by_id(judge, TABLE_person, person);
        if (row == NULL || row->values[COLUMN_person_merged_into].integer == 0) {
            return person;
        }
        person = row->values[COLUMN_person_merged_into].integer;
    }
    return person;
}
