/* SPDX-License-Identifier: MIT */
#include "src/dicom/dataset.h"

#include <assert.h>

#include "src/dicom/dataset_private.h"

enum err dataset_init(struct dataset *dataset, struct arena *arena, uint32_t capacity)
{
    *dataset = (struct dataset){.elements = arena_take(arena, capacity * sizeof(struct element)), .capacity = capacity};
    if (dataset->elements == NULL) {
        *dataset = (struct dataset){0};
        return ERR_LIMIT;
    }
    return ERR_OK;
}

/* Index of the first element that is not below the tag. */
static uint32_t place_of(const struct dataset *dataset, uint32_t tag)
{
    uint32_t low = 0, high = dataset->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (dataset->elements[middle].tag < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct element *dataset_find(const struct dataset *dataset, uint32_t tag)
{
    uint32_t at = place_of(dataset, tag);
    return at < dataset->count && dataset->elements[at].tag == tag ? &dataset->elements[at] : NULL;
}

static slice element_get(const struct element *element)
{
    return vr_traits(element->vr)->text ? slice_unpad(element->value) : element->value;
}

slice dataset_get(const struct dataset *dataset, uint32_t tag)
{
    const struct element *element = dataset_find(dataset, tag);
    return element == NULL ? SLICE_EMPTY : element_get(element);
}

slice dataset_get_first(const struct dataset *dataset, uint32_t tag)
{
    const struct element *element = dataset_find(dataset, tag);
    if (element == NULL) {
        return SLICE_EMPTY;
    }
    const struct vr_traits *traits = vr_traits(element->vr);
    if (!traits->text || !traits->several) {
        return element_get(element);
    }
    slice first = slice_unpad(slice_before(element->value, slice_index(element->value, '\\')));
    while (first.size > 0 && first.data[0] == ' ') {
        first = slice_after(first, 1);
    }
    return first;
}

bool dataset_has(const struct dataset *dataset, uint32_t tag)
{
    return dataset_find(dataset, tag) != NULL;
}

bool dataset_get_int(const struct dataset *dataset, uint32_t tag, int64_t *number)
{
    const struct element *element = dataset_find(dataset, tag);
    if (element == NULL) {
        return false;
    }
    struct cursor cursor = {.rest = element->value};
    int64_t value = 0;
    slice text;
    switch (element->vr) {
    case VR_US:
        value = cursor_u16(&cursor);
        break;
    case VR_SS:
        value = (int16_t)cursor_u16(&cursor);
        break;
    case VR_UL:
        value = cursor_u32(&cursor);
        break;
    case VR_SL:
        value = (int32_t)cursor_u32(&cursor);
        break;
    case VR_IS:
        text = slice_trim(slice_before(element->value, slice_index(element->value, '\\')));
        return slice_to_int64(slice_after(text, text.size > 1 && text.data[0] == '+' && text.data[1] != '-'), number);
    default:
        return false;
    }
    if (!cursor.bad) {
        *number = value;
    }
    return !cursor.bad;
}

/* Where the element of this tag belongs, to be filled in whole; null when there is no room. */
static struct element *room_for(struct dataset *dataset, uint32_t tag)
{
    bool last = dataset->count == 0 || dataset->elements[dataset->count - 1].tag < tag; /* most come in order */
    uint32_t at = last ? dataset->count : place_of(dataset, tag);
    struct element *element = &dataset->elements[at];
    if (at < dataset->count && element->tag == tag) {
        return element;
    }
    if (dataset->count == dataset->capacity) {
        return NULL;
    }
    if (!last) {
        memmove(element + 1, element, (dataset->count - at) * sizeof *element);
    }
    dataset->count++;
    return element;
}

enum err dataset_put(struct dataset *dataset, uint32_t tag, slice value)
{
    return dataset_put_vr(dataset, tag, tag_vr(tag), value);
}

enum err dataset_put_vr(struct dataset *dataset, uint32_t tag, uint16_t vr, slice value)
{
    struct element *element = room_for(dataset, tag);
    if (element == NULL) {
        return ERR_LIMIT;
    }
    *element = (struct element){.tag = tag, .vr = vr, .value = value};
    return ERR_OK;
}

enum err dataset_put_u16(struct dataset *dataset, struct arena *arena, uint32_t tag, uint16_t value)
{
    struct buffer buffer = buffer_make(arena, 2);
    buffer_put_u16(&buffer, value);
    if (buffer.full) {
        return ERR_LIMIT;
    }
    return dataset_put_vr(dataset, tag, VR_US, buffer_slice(&buffer));
}

enum err dataset_put_items(struct dataset *dataset, uint32_t tag, struct dataset *items, uint32_t item_count)
{
    struct element *element = room_for(dataset, tag);
    if (element == NULL) {
        return ERR_LIMIT;
    }
    *element = (struct element){tag, VR_SQ, SLICE_EMPTY, item_count == 0 ? NULL : items, item_count};
    return ERR_OK;
}

void dataset_remove(struct dataset *dataset, uint32_t tag)
{
    uint32_t at = place_of(dataset, tag);
    if (at < dataset->count && dataset->elements[at].tag == tag) {
        dataset->count--;
        memmove(&dataset->elements[at], &dataset->elements[at + 1], (dataset->count - at) * sizeof dataset->elements[0]);
    }
}

/* Built by hand or parsed, no data set is deeper than what dataset_parse lets in. */
static enum err copy_level(struct dataset *out, const struct dataset *from, struct arena *arena, uint32_t spare, unsigned depth)
{
    assert(depth <= DATASET_DEPTH_MAX);
    enum err err = spare > UINT32_MAX - from->count ? ERR_LIMIT : dataset_init(out, arena, from->count + spare);
    for (uint32_t i = 0; err == ERR_OK && i < from->count; i++) {
        const struct element *element = &from->elements[i];
        struct element *copy = &out->elements[out->count++];
        copy->tag = element->tag;
        copy->vr = element->vr;
        copy->value = arena_copy(arena, element->value);
        copy->items = element->item_count == 0 ? NULL : arena_array(arena, element->item_count, sizeof(struct dataset));
        copy->item_count = element->item_count;
        if (copy->value.data == NULL || (copy->item_count > 0 && copy->items == NULL)) {
            return ERR_LIMIT;
        }
        for (uint32_t j = 0; err == ERR_OK && j < copy->item_count; j++) {
            err = copy_level(&copy->items[j], &element->items[j], arena, 0, depth + 1);
        }
    }
    return err;
}

enum err dataset_copy(struct dataset *out, const struct dataset *from, struct arena *arena, uint32_t spare)
{
    return copy_level(out, from, arena, spare, 0);
}

bool dataset_equal(const struct dataset *a, const struct dataset *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        const struct element *x = &a->elements[i], *y = &b->elements[i];
        if (x->tag != y->tag || x->vr != y->vr || x->item_count != y->item_count || !slice_equal(element_get(x), element_get(y))) {
            return false;
        }
        for (uint32_t j = 0; j < x->item_count; j++) {
            if (!dataset_equal(&x->items[j], &y->items[j])) {
                return false;
            }
        }
    }
    return true;
}
