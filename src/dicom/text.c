/* SPDX-License-Identifier: MIT
 *
 * Data set -> lines for people. */
#include "src/dicom/charset.h"
#include "src/dicom/dataset_private.h"

#define HEX_SHOWN 16 /* bytes of a value that is neither text nor numbers */
#define NUMBERS_SHOWN 16

static void put_tag(struct buffer *buffer, uint32_t tag)
{
    char bytes[4] = {(char)(tag >> 24), (char)(tag >> 16), (char)(tag >> 8), (char)tag};
    buffer_put_byte(buffer, '(');
    buffer_put_hex(buffer, (slice){bytes, 2});
    buffer_put_byte(buffer, ',');
    buffer_put_hex(buffer, (slice){bytes + 2, 2});
    buffer_put_text(buffer, ") ");
}

/* Control characters, and bytes of a character set we are not told, are shown as \xHH. */
static void put_plain(struct buffer *buffer, slice value)
{
    bool utf8 = charset_is_utf8(value);
    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = (uint8_t)value.data[i];
        if (byte < 0x20 || byte == 0x7F || (byte > 0x7F && !utf8)) {
            buffer_put_text(buffer, "\\x");
            buffer_put_hex(buffer, (slice){&value.data[i], 1});
        } else {
            buffer_put_byte(buffer, byte);
        }
    }
}

static int64_t take_number(struct cursor *cursor, uint16_t vr)
{
    switch (vr) {
    case VR_US:
        return cursor_u16(cursor);
    case VR_SS:
        return (int16_t)cursor_u16(cursor);
    case VR_UL:
        return cursor_u32(cursor);
    default:
        return (int32_t)cursor_u32(cursor);
    }
}

static void put_numbers(struct buffer *buffer, const struct element *element)
{
    struct cursor cursor = {.rest = element->value};
    size_t size = vr_traits(element->vr)->number_size;
    for (unsigned i = 0; cursor.rest.size >= size; i++) {
        if (i == NUMBERS_SHOWN) {
            buffer_put_text(buffer, "...");
            return;
        }
        buffer_put_text(buffer, i == 0 ? "" : "\\");
        buffer_put_int(buffer, take_number(&cursor, element->vr));
    }
}

static void put_value(struct buffer *buffer, const struct element *element)
{
    uint16_t vr = element->vr;
    if (vr_traits(vr)->text) {
        put_plain(buffer, slice_unpad(element->value));
    } else if (vr == VR_US || vr == VR_SS || vr == VR_UL || vr == VR_SL) {
        put_numbers(buffer, element);
    } else {
        buffer_put_hex(buffer, slice_before(element->value, HEX_SHOWN));
        if (element->value.size > HEX_SHOWN) {
            buffer_put_text(buffer, "... ");
            buffer_put_int(buffer, (int64_t)element->value.size);
            buffer_put_text(buffer, " bytes");
        }
    }
}

static void put_indent(struct buffer *buffer, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++) {
        buffer_put_text(buffer, "  ");
    }
}

static void put_level(const struct dataset *dataset, struct buffer *buffer, unsigned depth)
{
    for (uint32_t i = 0; i < dataset->count; i++) {
        const struct element *element = &dataset->elements[i];
        const char *keyword = tag_keyword(element->tag);
        char vr[2] = {(char)(element->vr & 0xFF), (char)(element->vr >> 8)};
        put_indent(buffer, depth);
        put_tag(buffer, element->tag);
        buffer_put(buffer, (slice){vr, 2});
        buffer_put_byte(buffer, ' ');
        buffer_put_text(buffer, keyword[0] == '\0' ? "-" : keyword);
        if (element->vr != VR_SQ) {
            buffer_put_text(buffer, " [");
            put_value(buffer, element);
            buffer_put_byte(buffer, ']');
        }
        buffer_put_byte(buffer, '\n');
        for (uint32_t j = 0; j < element->item_count; j++) {
            put_indent(buffer, depth + 1);
            buffer_put_text(buffer, "item ");
            buffer_put_int(buffer, (int64_t)j + 1);
            buffer_put_byte(buffer, '\n');
            put_level(&element->items[j], buffer, depth + 2);
        }
    }
}

void dataset_put_text(const struct dataset *dataset, struct buffer *buffer)
{
    put_level(dataset, buffer, 0);
}
