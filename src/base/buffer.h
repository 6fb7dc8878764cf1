/* SPDX-License-Identifier: MIT
 *
 * Buffer: bytes being written, up to a limit. A write that does not fit sets `full` and changes nothing;
 * writers go on and look at `full` once, at the end. The buffer borrows its memory. */
#ifndef PONT_BASE_BUFFER_H
#define PONT_BASE_BUFFER_H

#include "src/base/arena.h"
#include "src/base/slice.h"

struct buffer {
    char *data;
    size_t size, capacity; /* bytes */
    bool full;
};

/* A buffer over `capacity` bytes of the arena; capacity 0 and full when the arena has no room. */
struct buffer buffer_make(struct arena *arena, size_t capacity);
/* A buffer over memory of the caller's. */
struct buffer buffer_over(char *memory, size_t capacity);
static inline void buffer_put(struct buffer *buffer, slice bytes)
{
    if (buffer->full || bytes.size > buffer->capacity - buffer->size) {
        buffer->full = true;
        return;
    }
    if (bytes.size > 0) {
        memcpy(buffer->data + buffer->size, bytes.data, bytes.size);
    }
    buffer->size += bytes.size;
}
static inline void buffer_put_text(struct buffer *buffer, const char *text)
{
    buffer_put(buffer, slice_from(text));
}
static inline void buffer_put_byte(struct buffer *buffer, uint8_t byte)
{
    buffer_put(buffer, (slice){(const char *)&byte, 1});
}
void buffer_put_u16(struct buffer *buffer, uint16_t value); /* little endian, as the two below */
void buffer_put_u32(struct buffer *buffer, uint32_t value);
void buffer_put_u64(struct buffer *buffer, uint64_t value);
void buffer_put_int(struct buffer *buffer, int64_t value);                   /* decimal */
void buffer_put_padded(struct buffer *buffer, uint64_t value, size_t width); /* decimal, zeros before */
void buffer_put_hex(struct buffer *buffer, slice bytes);                     /* two digits a byte */
void buffer_put_json(struct buffer *buffer, slice text); /* quoted and escaped; bytes that are not UTF-8 become U+FFFD */
/* What was written so far; borrows from the buffer. */
static inline slice buffer_slice(const struct buffer *buffer)
{
    return (slice){buffer->data, buffer->size};
}

/* Reading back what buffer_put_uN wrote: a cursor over bytes. After a short read `bad` is set and every
 * further read gives 0 or the empty slice. */
struct cursor {
    slice rest;
    bool bad;
};
uint8_t cursor_byte(struct cursor *cursor);
uint16_t cursor_u16(struct cursor *cursor);
uint32_t cursor_u32(struct cursor *cursor);
uint64_t cursor_u64(struct cursor *cursor);
slice cursor_bytes(struct cursor *cursor, size_t size); /* borrows from what the cursor reads */

#endif
