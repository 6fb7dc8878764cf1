/* SPDX-License-Identifier: MIT */
#include "src/base/buffer.h"

struct buffer buffer_make(struct arena *arena, size_t capacity)
{
    char *memory = arena_take(arena, capacity);
    return (struct buffer){memory, 0, memory == NULL ? 0 : capacity, memory == NULL};
}

struct buffer buffer_over(char *memory, size_t capacity)
{
    return (struct buffer){memory, 0, capacity, false};
}

static void put_little(struct buffer *buffer, uint64_t value, size_t size)
{
    char bytes[8];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(value >> (8 * i));
    }
    buffer_put(buffer, (slice){bytes, size});
}

void buffer_put_u16(struct buffer *buffer, uint16_t value)
{
    put_little(buffer, value, 2);
}

void buffer_put_u32(struct buffer *buffer, uint32_t value)
{
    put_little(buffer, value, 4);
}

void buffer_put_u64(struct buffer *buffer, uint64_t value)
{
    put_little(buffer, value, 8);
}

void buffer_put_padded(struct buffer *buffer, uint64_t value, size_t width)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t shown = sizeof digits - at; shown < width; shown++) {
        buffer_put_byte(buffer, '0');
    }
    buffer_put(buffer, (slice){digits + at, sizeof digits - at});
}

void buffer_put_int(struct buffer *buffer, int64_t value)
{
    if (value < 0) {
        buffer_put_byte(buffer, '-');
    }
    buffer_put_padded(buffer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);
}

void buffer_put_hex(struct buffer *buffer, slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        buffer_put_byte(buffer, (uint8_t)digits[(uint8_t)bytes.data[i] >> 4]);
        buffer_put_byte(buffer, (uint8_t)digits[(uint8_t)bytes.data[i] & 15]);
    }
}

/* Bytes of the UTF-8 character at the front, 0 when what stands there is none (RFC 3629). */
static size_t utf8_size(slice s)
{
    uint8_t lead = (uint8_t)s.data[0];
    size_t size = lead < 0x80 ? 1 : lead >= 0xC2 && lead < 0xE0 ? 2 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
    if (size == 0 || size > s.size) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if (((uint8_t)s.data[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    uint8_t second = size > 1 ? (uint8_t)s.data[1] : 0;
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
        return 0;
    }
    return size;
}

static void put_json_control(struct buffer *buffer, char byte)
{
    if (byte == '\n') {
        buffer_put_text(buffer, "\\n");
    } else {
        buffer_put_text(buffer, "\\u00");
        buffer_put_hex(buffer, (slice){&byte, 1});
    }
}

void buffer_put_json(struct buffer *buffer, slice text)
{
    buffer_put_byte(buffer, '"');
    while (text.size > 0) {
        size_t plain = 0; /* most of it stands as it is */
        while (plain < text.size && text.data[plain] >= ' ' && text.data[plain] != '"' && text.data[plain] != '\\') {
            plain++;
        }
        buffer_put(buffer, slice_before(text, plain));
        text = slice_after(text, plain);
        if (text.size == 0) {
            break;
        }
        size_t size = utf8_size(text);
        if (size == 0) {
            buffer_put_text(buffer, "\xEF\xBF\xBD");
            size = 1;
        } else if (text.data[0] == '"' || text.data[0] == '\\') {
            buffer_put_byte(buffer, '\\');
            buffer_put_byte(buffer, (uint8_t)text.data[0]);
        } else if ((uint8_t)text.data[0] < 0x20) {
            put_json_control(buffer, text.data[0]);
        } else {
            buffer_put(buffer, slice_before(text, size));
        }
        text = slice_after(text, size);
    }
    buffer_put_byte(buffer, '"');
}

static uint64_t take_little(struct cursor *cursor, size_t size)
{
    slice bytes = cursor_bytes(cursor, size);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        value |= (uint64_t)(uint8_t)bytes.data[i] << (8 * i);
    }
    return value;
}

uint8_t cursor_byte(struct cursor *cursor)
{
    return (uint8_t)take_little(cursor, 1);
}

uint16_t cursor_u16(struct cursor *cursor)
{
    return (uint16_t)take_little(cursor, 2);
}

uint32_t cursor_u32(struct cursor *cursor)
{
    return (uint32_t)take_little(cursor, 4);
}

uint64_t cursor_u64(struct cursor *cursor)
{
    return take_little(cursor, 8);
}

slice cursor_bytes(struct cursor *cursor, size_t size)
{
    if (cursor->bad || size > cursor->rest.size) {
        cursor->bad = true;
        return SLICE_EMPTY;
    }
    slice bytes = slice_before(cursor->rest, size);
    cursor->rest = (slice){cursor->rest.data + size, cursor->rest.size - size};
    return bytes;
}
