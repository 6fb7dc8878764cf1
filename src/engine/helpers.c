/* SPDX-License-Identifier: MIT */
#include "src/engine/engine_private.h"

slice text_join(struct out *out, const slice *parts, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += parts[i].size;
    }
    struct buffer buffer = buffer_make(out->arena, size);
    for (size_t i = 0; i < count; i++) {
        buffer_put(&buffer, parts[i].data == NULL ? SLICE_EMPTY : parts[i]);
    }
    if (buffer.full) {
        out->full = true;
        return SLICE_EMPTY;
    }
    return buffer_slice(&buffer);
}

slice text_int(struct out *out, int64_t number)
{
    struct buffer buffer = buffer_make(out->arena, 20);
    buffer_put_int(&buffer, number);
    if (buffer.full) {
        out->full = true;
        return SLICE_EMPTY;
    }
    return buffer_slice(&buffer);
}

slice text_copy(struct out *out, slice text)
{
    if (text.data == NULL || text.size == 0) {
        return SLICE_EMPTY;
    }
    slice copy = arena_copy(out->arena, text);
    if (copy.data == NULL) {
        out->full = true;
        return SLICE_EMPTY;
    }
    return copy;
}

slice text_clip(slice text, size_t size)
{
    if (text.size <= size) {
        return text;
    }
    while (size > 0 && ((uint8_t)text.data[size] & 0xC0) == 0x80) {
        size--;
    }
    return slice_before(text, size);
}

bool text_list_has(slice list, slice part)
{
    for (slice rest = list; rest.data != NULL && rest.size > 0;) {
        if (slice_equal(slice_cut(&rest, '\\'), part)) {
            return true;
        }
    }
    return false;
}

slice text_list_add(struct out *out, slice list, slice part)
{
    if (part.size == 0 || text_list_has(list, part)) {
        return list;
    }
    return list.size == 0 ? part : TEXT(out, list, SLICE("\\"), part);
}

/* ---- Nodes and organisations. */
uint32_t node_by_name(const struct engine *engine, slice name)
{
    for (uint32_t i = 0; i < engine->config->node_count; i++) {
        if (slice_equal(engine->config->nodes[i].name, name)) {
            return i;
        }
    }
    return NODE_NONE;
}

uint32_t node_by_aet(const struct engine *engine, slice aet)
{
    slice title = slice_trim(aet);
    for (uint32_t i = 0; i < engine->config->node_count; i++) {
        if (title.size > 0 && slice_equal(engine->config->nodes[i].aet, title)) {
            return i;
        }
    }
    return NODE_NONE;
}

const struct node_config *node_at(const struct engine *engine, uint32_t node)
{
    assert(node < engine->config->node_count);
    return &engine->config->nodes[node];
}

const struct organisation *node_organisation(const struct engine *engine, uint32_t node)
{
    assert(node_at(engine, node)->organisation < engine->config->organisation_count);
    return &engine->config->organisations[node_at(engine, node)->organisation];
}

const struct organisation *organisation_by_issuer(const struct engine *engine, slice issuer)
{
    for (size_t i = 0; issuer.size > 0 && i < engine->config->organisation_count; i++) {
        const struct organisation *organisation = &engine->config->organisations[i];
        if (slice_equal(organisation->issuer, issuer) ||
            slice_equal(organisation->accession_issuer, issuer)) {
            return organisation;
        }
    }
    return NULL;
}

uint32_t organisation_source(const struct engine *engine, const struct organisation *organisation,
                             uint32_t after)
{
    uint32_t from = after == NODE_NONE ? 0 : after + 1;
    for (uint32_t i = from; organisation != NULL && i < engine->config->node_count; i++) {
        const struct node_config *node = node_at(engine, i);
        if (node->kind == NODE_PACS && node->source &&
            node_organisation(engine, i) == organisation) {
            return i;
        }
    }
    return NODE_NONE;
}

bool node_has(const struct engine *engine, uint32_t node, enum dialect dialect)
{
    return (node_at(engine, node)->dialect >> dialect & 1) != 0 && !WITHOUT(dialect);
}

/* ---- What people must know. */
void finding(struct engine *engine, struct out *out, uint32_t node, slice what, slice text)
{
    slice name = node == NODE_NONE ? SLICE_EMPTY : node_at(engine, node)->name;
    struct row_finding row = {.at = engine->now, .node = name, .what = what, .text = text};
    row.id = counter_next(engine, out, SLICE("finding"));
    row_put_finding(engine, out, &row);
    out_note(out, TEXT(out, SLICE("finding "), what, name.size > 0 ? SLICE(" at ") : SLICE_EMPTY,
                       name, SLICE(": "), text));
}

void review_open(struct engine *engine, struct out *out, slice kind, slice key, slice text)
{
    struct row_review review = {
        .kind = kind, .key = key, .text = text, .opened_at = engine->now, .open = 1};
    uint32_t row = row_find_review(engine, &review);
    if (row != ROW_NONE && row_get_review(engine, row).open) {
        return;
    }
    if (row == ROW_NONE && !row_room(engine, TABLE_review, 1)) {
        finding(engine, out, NODE_NONE, SLICE("limit review"),
                TEXT(out, kind, SLICE(": the list of cases is full")));
        return;
    }
    row_put_review(engine, out, &review);
}

void review_close(struct engine *engine, struct out *out, slice kind, slice key)
{
    uint32_t row = row_find_review(engine, &(struct row_review){.kind = kind, .key = key});
    if (row != ROW_NONE) {
        struct row_review review = row_get_review(engine, row);
        review.open = 0;
        row_put_review(engine, out, &review);
    }
}
