/* SPDX-License-Identifier: MIT
 *
 * Arena: memory with one lifetime, given back all at once.
 *
 * Whoever owns the arena owns everything in it. Nothing is freed alone: reset the arena, or drop it. An arena
 * has a limit, set when it is made; reaching it gives a null pointer, which callers turn into ERR_LIMIT. */
#ifndef PONT_BASE_ARENA_H
#define PONT_BASE_ARENA_H

#include "src/base/error.h"
#include "src/base/slice.h"

struct arena {
    char *memory;
    size_t used, size; /* bytes */
    size_t high;       /* most bytes ever in use */
    bool untouched;    /* what lies above `high` is known to be zero: memory of arena_make and arena_carve, not of the caller's own */
};

/* Takes `size` bytes from the system, zeroed lazily by it. Fails with ERR_LIMIT when it has none. Only for
 * code above the wall; below it arenas are handed in. Drop with arena_drop. */
MUST_USE enum err arena_make(struct arena *arena, size_t size);
void arena_drop(struct arena *arena);

/* `size` zeroed bytes, aligned to 16; null when the arena is full. Good until reset. */
void *arena_alloc(struct arena *arena, size_t size);
/* As arena_alloc, but what stands in it is anything: for what is written before it is read. */
void *arena_take(struct arena *arena, size_t size);
/* Room for `count` things of `size` bytes, overflow checked. */
void *arena_array(struct arena *arena, size_t count, size_t size);
/* Cuts a part of `size` bytes off, as an arena of its own. */
MUST_USE enum err arena_carve(struct arena *out, struct arena *from, size_t size);
/* A copy of the bytes, with a NUL behind it that the slice does not count. data is null when full. */
slice arena_copy(struct arena *arena, slice bytes);
/* Everything handed out before is gone. */
void arena_reset(struct arena *arena);

#endif
