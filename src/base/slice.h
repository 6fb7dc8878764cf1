/* SPDX-License-Identifier: MIT
 *
 * Slice: a borrowed run of bytes, passed by value everywhere. It never owns what it points at and need
 * not end in a NUL. Text is UTF-8 unless a comment says otherwise. No threads, no lifetime of its own. */
#ifndef PONT_BASE_SLICE_H
#define PONT_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct slice {
    const char *data;
    size_t size; /* bytes */
} slice;

/* A slice over a string literal, its final NUL left out. */
#define SLICE(literal) ((slice){(literal), sizeof(literal) - 1})
#define SLICE_EMPTY ((slice){"", 0})

/* For printf: "%.*s", SLICE_ARGS(x). */
#define SLICE_ARGS(s) (int)(s).size, (s).data

/* Borrows from `text`, which ends in a NUL. A null pointer gives the empty slice. */
static inline slice slice_from(const char *text)
{
    return text == NULL ? SLICE_EMPTY : (slice){text, strlen(text)};
}
static inline bool slice_equal(slice a, slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}
/* Bytewise order, a prefix before what it begins: below 0, 0, above 0. */
int slice_compare(slice a, slice b);
static inline bool slice_starts(slice s, slice prefix)
{
    return s.size >= prefix.size && (prefix.size == 0 || memcmp(s.data, prefix.data, prefix.size) == 0);
}
bool slice_ends(slice s, slice suffix);
/* The part from `from` (clamped to the size) to the end; the first `size` bytes at most. */
static inline slice slice_after(slice s, size_t from)
{
    return from >= s.size ? SLICE_EMPTY : (slice){s.data + from, s.size - from};
}
static inline slice slice_before(slice s, size_t size)
{
    return size < s.size ? (slice){s.data, size} : s;
}
/* Index of the first `byte`, or s.size if there is none. */
static inline size_t slice_index(slice s, char byte)
{
    const char *found = s.size == 0 ? NULL : (const char *)memchr(s.data, byte, s.size);
    return found == NULL ? s.size : (size_t)(found - s.data);
}
/* Without spaces, NULs, tabs, CR and LF at both ends. */
slice slice_trim(slice s);
/* Without spaces and NULs at the end only: DICOM padding (PS3.5 6.2). */
static inline slice slice_unpad(slice s)
{
    while (s.size > 0 && (s.data[s.size - 1] == ' ' || s.data[s.size - 1] == '\0')) {
        s.size--;
    }
    return s;
}
/* Cuts what stands before the first `separator` off the front of *rest and returns it. After the last
 * part *rest is empty with a null data pointer; a loop runs while rest.data is not null. */
slice slice_cut(slice *rest, char separator);
/* Reads a whole decimal number, optional minus sign; false leaves *number alone. */
bool slice_to_int64(slice s, int64_t *number);

#endif
