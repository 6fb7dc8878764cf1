/* SPDX-License-Identifier: MIT */
#include "src/engine/text_heap.h"

#include <assert.h>

/* Two classes for each power of two: 1, 2, 3, 4, 6, 8, 12, 16 ... units. At most a third of a block
 * is wasted. */
static uint32_t class_units(uint32_t class)
{
    static const uint32_t small[3] = {1, 2, 3};
    return class < 3 ? small[class] : (class % 2 == 1 ? 4u : 6u) << ((class - 3) / 2);
}

static uint32_t class_of(size_t bytes)
{
    uint32_t class = 0;
    while ((size_t)class_units(class) * TEXT_UNIT < bytes) {
        class ++;
    }
    assert(class < TEXT_CLASSES);
    return class;
}

enum err text_heap_init(struct text_heap *heap, struct arena *arena, size_t spare)
{
    size_t left = arena->size - arena->used;
    if (left < spare + 64 * (size_t)TEXT_UNIT) {
        return ERR_LIMIT;
    }
    size_t units = (left - spare) / TEXT_UNIT - 2;
    if (units > UINT32_MAX) {
        units = UINT32_MAX;
    }
    /* Not zeroed as a whole: pages are touched when texts come. */
    size_t start = (arena->used + TEXT_UNIT - 1) & ~(size_t)(TEXT_UNIT - 1);
    *heap =
        (struct text_heap){.memory = arena->memory + start, .units = (uint32_t)units, .used = 1};
    arena->used = start + units * TEXT_UNIT;
    arena->high = arena->used > arena->high ? arena->used : arena->high;
    assert(arena->used <= arena->size);
    return ERR_OK;
}

bool text_heap_room(const struct text_heap *heap, size_t bytes)
{
    return (uint64_t)(heap->units - heap->used) * TEXT_UNIT >= bytes;
}

bool text_heap_put(struct text_heap *heap, slice text, uint64_t *handle)
{
    *handle = 0;
    if (text.data == NULL || text.size == 0) {
        return true;
    }
    assert(text.size <= TEXT_MAX);
    uint32_t class = class_of(text.size), unit = heap->free_heads[class];
    if (unit != 0) {
        memcpy(&heap->free_heads[class], heap->memory + (size_t)unit * TEXT_UNIT, sizeof(uint32_t));
    } else if (heap->units - heap->used >= class_units(class)) {
        unit = heap->used;
        heap->used += class_units(class);
    } else {
        return false;
    }
    memcpy(heap->memory + (size_t)unit * TEXT_UNIT, text.data, text.size);
    heap->live += (uint64_t)class_units(class) * TEXT_UNIT;
    *handle = (uint64_t)unit << 32 | text.size;
    return true;
}

void text_heap_free(struct text_heap *heap, uint64_t handle)
{
    if (handle == 0) {
        return;
    }
    uint32_t unit = (uint32_t)(handle >> 32), class = class_of((uint32_t)handle);
    assert(unit < heap->used);
    memcpy(heap->memory + (size_t)unit * TEXT_UNIT, &heap->free_heads[class], sizeof(uint32_t));
    heap->free_heads[class] = unit;
    heap->live -= (uint64_t)class_units(class) * TEXT_UNIT;
}

slice text_heap_get(const struct text_heap *heap, uint64_t handle)
{
    if (handle == 0) {
        return SLICE_EMPTY;
    }
    return (slice){heap->memory + (size_t)(uint32_t)(handle >> 32) * TEXT_UNIT, (uint32_t)handle};
}
