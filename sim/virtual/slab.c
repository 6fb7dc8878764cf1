/* SPDX-License-Identifier: MIT */
#include "sim/virtual/slab.h"

#include <assert.h>

#include "sim/virtual/queue.h"

#define SMALLEST 64u

enum err slab_init(struct slab *slab, size_t size, struct arena *arena)
{
    *slab = (struct slab){.memory = queue_take_memory(arena, size, 1), .size = size};
    return slab->memory == NULL ? ERR_LIMIT : ERR_OK;
}

/* 64, 80, 96, 112, 128, 160, 192, 224, 256, ... */
static size_t round_up(size_t size, uint32_t *size_class)
{
    if (size <= SMALLEST) {
        *size_class = 0;
        return SMALLEST;
    }
    unsigned power = 63u - (unsigned)__builtin_clzll(size - 1); /* 2^power < size <= 2^(power+1) */
    size_t step = (size_t)1 << (power - 2), whole = (size + step - 1) & ~(step - 1);
    *size_class = (power - 6) * 4 + (uint32_t)((whole >> (power - 2)) - 4);
    return whole;
}

void *slab_take(struct slab *slab, size_t size)
{
    uint32_t size_class;
    size_t whole = round_up(size + sizeof(struct slab_piece), &size_class);
    assert(size_class < SLAB_SIZES);
    struct slab_piece *piece = slab->free[size_class];
    if (piece != NULL) {
        slab->free[size_class] = piece->next;
    } else if (whole <= slab->size - slab->end) {
        piece = (struct slab_piece *)(void *)(slab->memory + slab->end);
        slab->end += whole;
        piece->size_class = size_class;
    } else {
        return NULL;
    }
    piece->spare = (uint32_t)(whole / 16);
    slab->used += whole;
    slab->high = slab->used > slab->high ? slab->used : slab->high;
    return piece + 1;
}

void slab_give(struct slab *slab, void *memory)
{
    if (memory == NULL) {
        return;
    }
    struct slab_piece *piece = (struct slab_piece *)memory - 1;
    slab->used -= (size_t)piece->spare * 16;
    piece->next = slab->free[piece->size_class];
    slab->free[piece->size_class] = piece;
}
