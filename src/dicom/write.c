/* SPDX-License-Identifier: MIT
 *
 * Data set -> bytes. */
#include <assert.h>

#include "src/dicom/dataset_private.h"

#define SHORT_LENGTH_MAX 65534u /* even, in the two bytes of a short header */

static void write_delimiter(uint32_t tag, uint32_t length, enum syntax syntax, struct buffer *buffer)
{
    header_write((struct header){.tag = tag, .length = length}, syntax, buffer);
}

static void write_items(const struct element *element, enum syntax syntax, struct buffer *buffer)
{
    header_write((struct header){element->tag, UNDEFINED_LENGTH, VR_SQ, 0}, syntax, buffer);
    for (uint32_t i = 0; i < element->item_count; i++) {
        write_delimiter(DELIMITER_ITEM, UNDEFINED_LENGTH, syntax, buffer);
        dataset_write(&element->items[i], syntax, buffer);
        write_delimiter(DELIMITER_ITEM_END, 0, syntax, buffer);
    }
    write_delimiter(DELIMITER_SEQUENCE_END, 0, syntax, buffer);
}

void element_write(const struct element *element, enum syntax syntax, struct buffer *buffer)
{
    if (element->vr == VR_SQ) {
        write_items(element, syntax, buffer);
        return;
    }
    const struct vr_traits *traits = vr_traits(element->vr);
    size_t size = element->value.size, padded = size + (size & 1);
    if (padded >= UNDEFINED_LENGTH) {
        buffer->full = true;
        return;
    }
    /* Too long for its header: the VR becomes UN (PS3.5 6.2.2), whose value is little endian always. */
    bool unknown = syntax != SYNTAX_IMPLICIT_LITTLE && !traits->long_length && padded > SHORT_LENGTH_MAX;
    uint16_t vr = unknown ? VR_UN : element->vr;
    header_write((struct header){element->tag, (uint32_t)padded, vr, 0}, syntax, buffer);
    buffer_put(buffer, element->value);
    if (syntax == SYNTAX_EXPLICIT_BIG && !unknown && !buffer->full) {
        value_swap(buffer->data + buffer->size - size, size, traits->number_size);
    }
    if (padded > size) {
        buffer_put_byte(buffer, (uint8_t)traits->pad);
    }
}

void dataset_write(const struct dataset *dataset, enum syntax syntax, struct buffer *buffer)
{
    for (uint32_t i = 0; i < dataset->count; i++) {
        assert(i == 0 || dataset->elements[i - 1].tag < dataset->elements[i].tag);
        element_write(&dataset->elements[i], syntax, buffer);
    }
}
