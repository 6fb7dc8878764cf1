/* SPDX-License-Identifier: MIT */
#include "src/engine/pool.h"

#include <assert.h>

#define HEADER_SIZE 32

struct pool_block {
    struct pool_block *next;
    size_t used; /* the header included */
};

_Static_assert(sizeof(struct pool_block) <= HEADER_SIZE, "what is allocated begins behind the header");

enum err pool_init(struct pool *pool, struct arena *arena, size_t size)
{
    size_t count = size / POOL_BLOCK_SIZE;
    char *memory = arena_array(arena, count, POOL_BLOCK_SIZE);
    if (memory == NULL) {
        return ERR_LIMIT;
    }
    *pool = (struct pool){.fresh = memory, .fresh_count = count, .block_count = count};
    return ERR_OK;
}

struct chain chain_make(struct pool *pool)
{
    return (struct chain){.pool = pool};
}

static struct pool_block *chain_grow(struct chain *chain)
{
    struct pool *pool = chain->pool;
    struct pool_block *block = pool->free;
    if (block != NULL) {
        pool->free = block->next;
    } else if (pool->fresh_count > 0) {
        block = (struct pool_block *)(void *)pool->fresh;
        pool->fresh += POOL_BLOCK_SIZE;
        pool->fresh_count--;
    } else {
        return NULL;
    }
    pool->in_use++;
    pool->high_water = pool->in_use > pool->high_water ? pool->in_use : pool->high_water;
    block->next = chain->blocks;
    block->used = HEADER_SIZE;
    chain->blocks = block;
    return block;
}

void *chain_alloc(struct chain *chain, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;
    struct pool_block *block = chain->blocks;
    if (size > POOL_BLOCK_SIZE - HEADER_SIZE) {
        return NULL;
    }
    if (block == NULL || POOL_BLOCK_SIZE - block->used < rounded) {
        block = chain_grow(chain);
    }
    if (block == NULL) {
        return NULL;
    }
    char *memory = (char *)block + block->used;
    block->used += rounded;
    memset(memory, 0, rounded);
    return memory;
}

slice chain_copy(struct chain *chain, slice bytes)
{
    char *copy = chain_alloc(chain, bytes.size + 1);
    if (copy == NULL) {
        return (slice){NULL, 0};
    }
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return (slice){copy, bytes.size};
}

void chain_free(struct chain *chain)
{
    while (chain->blocks != NULL) {
        struct pool_block *block = chain->blocks;
        chain->blocks = block->next;
        block->next = chain->pool->free;
        chain->pool->free = block;
        assert(chain->pool->in_use > 0);
        chain->pool->in_use--;
    }
}
