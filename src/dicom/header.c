/* SPDX-License-Identifier: MIT
 *
 * Element headers (PS3.5 7.1): tag, VR and length in the three native syntaxes. */
#include "src/dicom/dataset_private.h"

static uint32_t get_u16(const char *bytes, enum syntax syntax)
{
    uint32_t first = (uint8_t)bytes[0], second = (uint8_t)bytes[1];
    return syntax == SYNTAX_EXPLICIT_BIG ? first << 8 | second : second << 8 | first;
}

static uint32_t get_u32(const char *bytes, enum syntax syntax)
{
    uint32_t first = get_u16(bytes, syntax), second = get_u16(bytes + 2, syntax);
    return syntax == SYNTAX_EXPLICIT_BIG ? first << 16 | second : second << 16 | first;
}

static uint32_t get_tag(const char *bytes, enum syntax syntax)
{
    return get_u16(bytes, syntax) << 16 | get_u16(bytes + 2, syntax);
}

static void put_u16(struct buffer *buffer, uint32_t value, enum syntax syntax)
{
    uint32_t swapped = (value & 0xFF) << 8 | (value >> 8 & 0xFF);
    buffer_put_u16(buffer, (uint16_t)(syntax == SYNTAX_EXPLICIT_BIG ? swapped : value));
}

static void put_u32(struct buffer *buffer, uint32_t value, enum syntax syntax)
{
    bool big = syntax == SYNTAX_EXPLICIT_BIG;
    put_u16(buffer, big ? value >> 16 : value & 0xFFFF, syntax);
    put_u16(buffer, big ? value & 0xFFFF : value >> 16, syntax);
}

static uint16_t get_vr(const char *bytes)
{
    return VR((uint8_t)bytes[4], (uint8_t)bytes[5]);
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

enum err header_size(const char bytes[8], enum syntax syntax, size_t *size)
{
    *size = 8;
    if (syntax == SYNTAX_IMPLICIT_LITTLE || get_u16(bytes, syntax) == DELIMITER_GROUP) {
        return ERR_OK;
    }
    if (!is_capital(bytes[4]) || !is_capital(bytes[5])) {
        return ERR_BAD_MESSAGE;
    }
    *size = vr_traits(get_vr(bytes))->long_length ? 12 : 8;
    return ERR_OK;
}

struct header header_read(const char *bytes, size_t size, enum syntax syntax)
{
    struct header header = {.tag = get_tag(bytes, syntax), .size = (uint8_t)size};
    if (header.tag >> 16 == DELIMITER_GROUP) {
        header.length = get_u32(bytes + 4, syntax);
    } else if (syntax == SYNTAX_IMPLICIT_LITTLE) {
        header.vr = tag_vr(header.tag);
        header.length = get_u32(bytes + 4, syntax);
    } else {
        header.vr = get_vr(bytes);
        header.length = size == 12 ? get_u32(bytes + 8, syntax) : get_u16(bytes + 6, syntax);
    }
    return header;
}

void header_write(struct header header, enum syntax syntax, struct buffer *buffer)
{
    put_u16(buffer, header.tag >> 16, syntax);
    put_u16(buffer, header.tag & 0xFFFF, syntax);
    if (header.tag >> 16 == DELIMITER_GROUP || syntax == SYNTAX_IMPLICIT_LITTLE) {
        put_u32(buffer, header.length, syntax);
        return;
    }
    buffer_put_byte(buffer, (uint8_t)(header.vr & 0xFF));
    buffer_put_byte(buffer, (uint8_t)(header.vr >> 8));
    if (vr_traits(header.vr)->long_length) {
        put_u16(buffer, 0, syntax);
        put_u32(buffer, header.length, syntax);
    } else {
        put_u16(buffer, header.length, syntax);
    }
}

bool header_is_group_length(uint32_t tag)
{
    return (tag & 0xFFFF) == 0 && tag >> 16 != 0;
}

void value_swap(char *bytes, size_t size, uint8_t number_size)
{
    for (size_t at = 0; number_size > 1 && size - at >= number_size; at += number_size) {
        for (size_t i = 0; i < number_size / 2u; i++) {
            char kept = bytes[at + i];
            bytes[at + i] = bytes[at + number_size - 1 - i];
            bytes[at + number_size - 1 - i] = kept;
        }
    }
}
