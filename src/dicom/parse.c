/* SPDX-License-Identifier: MIT
 *
 * Bytes -> data set. A reader goes over one data set, item or sequence; what is inside one of defined length
 * gets a reader of its own over just those bytes, so that nothing can reach beyond its parent. */
#include "src/dicom/dataset.h"

#include "src/dicom/dataset_private.h"

#define ELEMENTS_FIRST 8 /* room of a data set before it grows */
#define ITEMS_FIRST 2

struct reader {
    slice rest;
    enum syntax syntax;
    unsigned depth;
    struct arena *arena;
};

static enum err read_items(struct reader *reader, struct element *element, bool delimited);

static enum err take(struct reader *reader, size_t size, slice *bytes)
{
    if (size > reader->rest.size) {
        return ERR_BAD_MESSAGE;
    }
    *bytes = slice_before(reader->rest, size);
    reader->rest = (slice){reader->rest.data + size, reader->rest.size - size};
    return ERR_OK;
}

static enum err read_header(struct reader *reader, struct header *header)
{
    size_t size;
    slice bytes;
    enum err err = reader->rest.size < 8 ? ERR_BAD_MESSAGE : header_size(reader->rest.data, reader->syntax, &size);
    if (err == ERR_OK) {
        err = take(reader, size, &bytes);
    }
    if (err == ERR_OK) {
        *header = header_read(bytes.data, size, reader->syntax);
    }
    return err;
}

/* `things` of `size` bytes with room for *capacity, twice as many; null when the arena is full. */
static void *grow(struct arena *arena, const void *things, size_t size, uint32_t *capacity, uint32_t first)
{
    uint32_t more = *capacity == 0 ? first : 2 * *capacity;
    void *grown = *capacity > UINT32_MAX / 2 ? NULL : arena_array(arena, more, size);
    if (grown != NULL && *capacity > 0) {
        memcpy(grown, things, *capacity * size);
    }
    *capacity = more;
    return grown;
}

static enum err append(struct reader *reader, struct dataset *dataset, struct element element)
{
    if (dataset->count == DATASET_ELEMENTS_MAX) {
        return ERR_LIMIT;
    }
    if (dataset->count == dataset->capacity) {
        uint32_t capacity = dataset->capacity;
        struct element *grown = grow(reader->arena, dataset->elements, sizeof element, &capacity, ELEMENTS_FIRST);
        if (grown == NULL) {
            return ERR_LIMIT;
        }
        dataset->elements = grown;
        dataset->capacity = capacity;
    }
    dataset->elements[dataset->count++] = element;
    return ERR_OK;
}

/* Heap sort: in place and without a bad case, for writers that break the rule of ascending order. */
static void sift(struct element *elements, uint32_t at, uint32_t count)
{
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && elements[child + 1].tag > elements[child].tag) {
            child++;
        }
        if (elements[at].tag >= elements[child].tag) {
            return;
        }
        struct element kept = elements[at];
        elements[at] = elements[child];
        elements[child] = kept;
    }
}

static void sort(struct element *elements, uint32_t count)
{
    for (uint32_t i = count / 2; i > 0; i--) {
        sift(elements, i - 1, count);
    }
    for (uint32_t last = count; last > 1; last--) {
        struct element largest = elements[0];
        elements[0] = elements[last - 1];
        elements[last - 1] = largest;
        sift(elements, 0, last - 1);
    }
}

/* Which of two values would count? PS3.5 7.1 allows one, so a tag that comes twice is refused. */
static enum err put_in_order(struct dataset *dataset)
{
    bool ordered = true;
    for (uint32_t i = 1; i < dataset->count; i++) {
        ordered = ordered && dataset->elements[i - 1].tag < dataset->elements[i].tag;
    }
    if (!ordered) {
        sort(dataset->elements, dataset->count);
    }
    for (uint32_t i = 1; i < dataset->count; i++) {
        if (dataset->elements[i - 1].tag == dataset->elements[i].tag) {
            return ERR_BAD_MESSAGE;
        }
    }
    return ERR_OK;
}

static enum err read_value(struct reader *reader, struct header header, struct element *element)
{
    enum err err = take(reader, header.length, &element->value);
    uint8_t number_size = vr_traits(header.vr)->number_size;
    if (err != ERR_OK || reader->syntax != SYNTAX_EXPLICIT_BIG || number_size == 1 || header.length == 0) {
        return err;
    }
    char *swapped = arena_alloc(reader->arena, header.length);
    if (swapped == NULL) {
        return ERR_LIMIT;
    }
    memcpy(swapped, element->value.data, header.length);
    value_swap(swapped, header.length, number_size);
    element->value.data = swapped;
    return ERR_OK;
}

static enum err read_defined_sequence(struct reader *reader, struct header header, struct element *element)
{
    struct reader inner = *reader;
    enum err err = take(reader, header.length, &inner.rest);
    return err == ERR_OK ? read_items(&inner, element, false) : err;
}

/* UN of defined length: a writer that did not know the VR. If we do, it is that VR in implicit little endian
 * (PS3.5 6.2.2); what does not read as a sequence stays UN. */
static enum err read_unknown(struct reader *reader, struct header header, struct element *element)
{
    enum err err = read_value(reader, header, element);
    uint16_t vr = tag_vr(header.tag);
    if (err != ERR_OK || reader->syntax == SYNTAX_IMPLICIT_LITTLE || vr == VR_UN) {
        return err;
    }
    if (vr != VR_SQ) {
        element->vr = vr;
        return ERR_OK;
    }
    struct reader inner = {element->value, SYNTAX_IMPLICIT_LITTLE, reader->depth, reader->arena};
    struct element sequence = {.tag = header.tag, .vr = VR_SQ, .value = SLICE_EMPTY};
    err = read_items(&inner, &sequence, false);
    if (err == ERR_OK) {
        *element = sequence;
    }
    return err == ERR_LIMIT ? err : ERR_OK;
}

/* Encapsulated pixel data (PS3.5 A.4): items of defined length up to the delimiter, none of them kept. */
static enum err skip_fragments(struct reader *reader)
{
    struct header header;
    enum err err;
    slice fragment;
    while ((err = read_header(reader, &header)) == ERR_OK && header.tag == DELIMITER_ITEM) {
        if ((err = take(reader, header.length, &fragment)) != ERR_OK) {
            return err;
        }
    }
    return err == ERR_OK && (header.tag != DELIMITER_SEQUENCE_END || header.length != 0) ? ERR_BAD_MESSAGE : err;
}

/* Sets *kept to false for what is read but not held. */
static enum err read_undefined(struct reader *reader, struct header header, struct element *element, bool *kept)
{
    if (header.vr == VR_OB || header.vr == VR_OW) {
        *kept = false;
        return skip_fragments(reader);
    }
    if (header.vr != VR_SQ && header.vr != VR_UN) {
        return ERR_BAD_MESSAGE;
    }
    struct reader inner = *reader;
    if (header.vr == VR_UN) {
        inner.syntax = SYNTAX_IMPLICIT_LITTLE; /* PS3.5 6.2.2 */
        element->vr = VR_SQ;
    }
    enum err err = read_items(&inner, element, true);
    reader->rest = inner.rest;
    return err;
}

static enum err read_element(struct reader *reader, struct header header, struct dataset *dataset)
{
    struct element element = {.tag = header.tag, .vr = header.vr, .value = SLICE_EMPTY};
    bool kept = !header_is_group_length(header.tag);
    enum err err;
    if (header.tag >> 16 == DELIMITER_GROUP) {
        return ERR_BAD_MESSAGE;
    }
    if (header.length == UNDEFINED_LENGTH) {
        err = read_undefined(reader, header, &element, &kept);
    } else if (header.vr == VR_SQ) {
        err = read_defined_sequence(reader, header, &element);
    } else if (header.vr == VR_UN) {
        err = read_unknown(reader, header, &element);
    } else {
        err = read_value(reader, header, &element);
    }
    return err == ERR_OK && kept ? append(reader, dataset, element) : err;
}

/* The elements of a data set or item: to the end of the bytes, or to the delimiter. */
static enum err read_elements(struct reader *reader, struct dataset *dataset, bool delimited)
{
    *dataset = (struct dataset){0};
    enum err err = ERR_OK;
    while (err == ERR_OK && (delimited || reader->rest.size > 0)) {
        struct header header;
        err = read_header(reader, &header);
        if (err == ERR_OK && delimited && header.tag == DELIMITER_ITEM_END) {
            return header.length == 0 ? put_in_order(dataset) : ERR_BAD_MESSAGE;
        }
        if (err == ERR_OK) {
            err = read_element(reader, header, dataset);
        }
    }
    return err == ERR_OK ? put_in_order(dataset) : err;
}

static enum err read_item(struct reader *reader, struct header header, struct dataset *item)
{
    if (header.length == UNDEFINED_LENGTH) {
        return read_elements(reader, item, true);
    }
    struct reader inner = *reader;
    enum err err = take(reader, header.length, &inner.rest);
    return err == ERR_OK ? read_elements(&inner, item, false) : err;
}

static enum err read_items(struct reader *reader, struct element *element, bool delimited)
{
    uint32_t capacity = 0;
    enum err err = ++reader->depth > DATASET_DEPTH_MAX ? ERR_LIMIT : ERR_OK;
    while (err == ERR_OK && (delimited || reader->rest.size > 0)) {
        struct header header;
        err = read_header(reader, &header);
        if (err == ERR_OK && delimited && header.tag == DELIMITER_SEQUENCE_END) {
            reader->depth--;
            return header.length == 0 ? ERR_OK : ERR_BAD_MESSAGE;
        }
        if (err == ERR_OK && header.tag != DELIMITER_ITEM) {
            err = ERR_BAD_MESSAGE;
        }
        if (err == ERR_OK && element->item_count == capacity) {
            element->items = grow(reader->arena, element->items, sizeof(struct dataset), &capacity, ITEMS_FIRST);
            err = element->items == NULL ? ERR_LIMIT : ERR_OK;
        }
        if (err == ERR_OK) {
            err = read_item(reader, header, &element->items[element->item_count++]);
        }
    }
    reader->depth--;
    return err;
}

enum err dataset_parse(struct dataset *dataset, slice bytes, enum syntax syntax, struct arena *arena)
{
    struct reader reader = {bytes, syntax, 0, arena};
    enum err err = read_elements(&reader, dataset, false);
    if (err != ERR_OK) {
        *dataset = (struct dataset){0};
    }
    return err;
}
