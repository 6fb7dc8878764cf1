/* SPDX-License-Identifier: MIT
 *
 * Pool: blocks for what lives longer than a step and shorter than the engine: the rows of an open question, the
 * manifest of an open demand. A chain takes blocks as it grows and gives all of them back at once. When the
 * pool is empty an allocation gives null, which its owner turns into a refusal by name. */
#ifndef PONT_ENGINE_POOL_H
#define PONT_ENGINE_POOL_H

#include "src/base/arena.h"

#define POOL_BLOCK_SIZE 32768 /* bytes; also the largest single allocation, less a header */

struct pool_block;

struct pool {
    struct pool_block *free; /* given back */
    char *fresh;             /* the next that nobody had yet: memory is touched when it is used */
    size_t block_count, fresh_count, in_use, high_water;
};

struct chain {
    struct pool *pool;
    struct pool_block *blocks; /* the one being filled first */
};

/* ERR_LIMIT when the arena has no room for `size` bytes of blocks. */
MUST_USE enum err pool_init(struct pool *pool, struct arena *arena, size_t size);
struct chain chain_make(struct pool *pool);
/* `size` zeroed bytes aligned to 16, or null: the pool is empty or `size` is above a block. */
void *chain_alloc(struct chain *chain, size_t size);
/* A copy with a NUL behind it. data null when there is no room. */
slice chain_copy(struct chain *chain, slice bytes);
/* Gives everything back; the chain may be used again. */
void chain_free(struct chain *chain);

#endif
