/* SPDX-License-Identifier: MIT */
#include "src/base/arena.h"

#include <assert.h>
#include <stdlib.h>

#define ARENA_ALIGN 16u

enum err arena_make(struct arena *arena, size_t size)
{
    *arena = (struct arena){.memory = calloc(1, size == 0 ? 1 : size), .size = size, .untouched = true};
    return arena->memory == NULL ? ERR_LIMIT : ERR_OK;
}

void arena_drop(struct arena *arena)
{
    free(arena->memory);
    *arena = (struct arena){0};
}

void *arena_take(struct arena *arena, size_t size)
{
    size_t start = (arena->used + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (start > arena->size || size > arena->size - start) {
        return NULL;
    }
    arena->used = start + size;
    if (arena->used > arena->high) {
        arena->high = arena->used;
    }
    return arena->memory + start;
}

/* Large memory is mostly never used: what nobody wrote to is not written to here either, so that it costs no pages. */
void *arena_alloc(struct arena *arena, size_t size)
{
    size_t high = arena->high;
    char *memory = arena_take(arena, size);
    if (memory == NULL || size == 0) {
        return memory;
    }
    size_t start = (size_t)(memory - arena->memory);
    size_t dirty = !arena->untouched ? size : high <= start ? 0 : high - start < size ? high - start : size;
    memset(memory, 0, dirty);
    return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    return arena_alloc(arena, count * size);
}

enum err arena_carve(struct arena *out, struct arena *from, size_t size)
{
    char *memory = arena_alloc(from, size);
    if (memory == NULL) {
        return ERR_LIMIT;
    }
    *out = (struct arena){.memory = memory, .size = size, .untouched = true};
    return ERR_OK;
}

slice arena_copy(struct arena *arena, slice bytes)
{
    char *copy = bytes.size < SIZE_MAX ? arena_take(arena, bytes.size + 1) : NULL;
    if (copy == NULL) {
        return (slice){NULL, 0};
    }
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    copy[bytes.size] = '\0';
    return (slice){copy, bytes.size};
}

void arena_reset(struct arena *arena)
{
    assert(arena->used <= arena->size);
    arena->used = 0;
}
