/* SPDX-License-Identifier: MIT */
#include "src/engine/text_heap.h"

#include <assert.h>

#include "src/base/hash.h"

struct block {
    uint32_t rows; /* that say it; of a free one the next free */
    uint16_t size;
    bool is_free;
};
_Static_assert(sizeof(struct block) % TEXT_UNIT == 0, "texts follow their head");

#define EXACT      64u /* classes 0 .. EXACT: blocks of so many units */
#define SLOTS_LEAST 256u

/* Exact up to 256 bytes, then two classes for each power of two. */
static uint32_t class_units(uint32_t class)
{
    return class <= EXACT ? class : (class % 2 == 1 ? 96u : 128u) << (class - EXACT - 1) / 2;
}

static uint32_t class_of(size_t bytes)
{
    size_t units = (bytes + sizeof(struct block) + TEXT_UNIT - 1) / TEXT_UNIT;
    uint32_t class = units <= EXACT ? (uint32_t)units : EXACT + 1;
    while (class_units(class) < units) {
        class ++;
    }
    assert(class < TEXT_CLASSES);
    return class;
}

static struct block *block_at(const struct text_heap *heap, uint32_t name)
{
    return (struct block *)(void *)(heap->memory + (size_t)name * TEXT_UNIT);
}

static char *take(struct arena *arena, size_t bytes)
{
    size_t start = (arena->used + 15) & ~(size_t)15;
    arena->used = start + bytes;
    arena->high = arena->used > arena->high ? arena->used : arena->high;
    assert(arena->used <= arena->size);
    return arena->memory + start;
}

enum err text_heap_init(struct text_heap *heap, struct arena *arena, size_t spare)
{
    size_t left = arena->size - arena->used;
    if (left < spare + 65536) {
        return ERR_LIMIT;
    }
    /* A quarter for the slots: a text takes 32 bytes with its head, and seldom less. Not zeroed as a whole: pages are
     * touched when texts come. */
    size_t most = SLOTS_LEAST, bytes = left - spare - 64;
    while (most * 2 * sizeof(struct text_slot) <= bytes / 4 && most < (size_t)1 << 30) {
        most *= 2;
    }
    *heap = (struct text_heap){.used = 1, .mask = SLOTS_LEAST - 1, .most = (uint32_t)most};
    heap->slots = (struct text_slot *)(void *)take(arena, most * sizeof *heap->slots);
    memset(heap->slots, 0, SLOTS_LEAST * sizeof *heap->slots);
    size_t units = (bytes - most * sizeof *heap->slots) / TEXT_UNIT;
    heap->units = units < TEXT_ABSENT ? (uint32_t)units : TEXT_ABSENT;
    heap->memory = take(arena, (size_t)heap->units * TEXT_UNIT);
    return ERR_OK;
}

bool text_heap_room(const struct text_heap *heap, size_t bytes)
{
    return (uint64_t)(heap->units - heap->used) * TEXT_UNIT >= bytes && heap->count < heap->most / 8 * 7;
}

slice text_heap_get(const struct text_heap *heap, uint32_t name)
{
    if (name == 0) {
        return SLICE_EMPTY;
    }
    const struct block *block = block_at(heap, name);
    return (slice){(const char *)(block + 1), block->size};
}

/* ---- Slots: linear probing. A slot says enough of the hash to pass by other texts without a look at them. */
static uint32_t hash_of(slice text)
{
    return (uint32_t)hash64_words(1, text);
}

/* The slot of the text, or the free one where it belongs. */
static uint32_t slot_of(const struct text_heap *heap, slice text, uint32_t hash)
{
    uint32_t at = hash & heap->mask;
    for (; heap->slots[at].name != 0; at = (at + 1) & heap->mask) {
        if (heap->slots[at].hash == hash) {
            const struct block *block = block_at(heap, heap->slots[at].name);
            if (block->size == text.size && memcmp(block + 1, text.data, text.size) == 0) {
                break;
            }
        }
    }
    return at;
}

/* Twice as many slots: filled again from the texts as they lie. */
static void grow(struct text_heap *heap)
{
    heap->mask = 2 * heap->mask + 1;
    memset(heap->slots, 0, ((size_t)heap->mask + 1) * sizeof *heap->slots);
    for (uint32_t name = 1; name < heap->used; name += class_units(class_of(block_at(heap, name)->size))) {
        const struct block *block = block_at(heap, name);
        if (block->is_free) {
            continue;
        }
        uint32_t hash = hash_of((slice){(const char *)(block + 1), block->size}), at = hash & heap->mask;
        while (heap->slots[at].name != 0) {
            at = (at + 1) & heap->mask;
        }
        heap->slots[at] = (struct text_slot){name, hash};
    }
}

/* Those behind move up, so that no search ends at the hole. */
static void slot_give(struct text_heap *heap, uint32_t hole)
{
    for (uint32_t at = (hole + 1) & heap->mask; heap->slots[at].name != 0; at = (at + 1) & heap->mask) {
        uint32_t home = heap->slots[at].hash & heap->mask;
        if (((at - home) & heap->mask) >= ((at - hole) & heap->mask)) {
            heap->slots[hole] = heap->slots[at];
            hole = at;
        }
    }
    heap->slots[hole] = (struct text_slot){0, 0};
}

uint32_t text_heap_find(const struct text_heap *heap, slice text)
{
    if (text.data == NULL || text.size == 0) {
        return 0;
    }
    uint32_t name = heap->slots[slot_of(heap, text, hash_of(text))].name;
    return name == 0 ? TEXT_ABSENT : name;
}

/* ---- Putting and freeing. */
static uint32_t block_take(struct text_heap *heap, uint32_t class)
{
    uint32_t name = heap->free_heads[class];
    if (name != 0) {
        heap->free_heads[class] = block_at(heap, name)->rows;
    } else if (heap->units - heap->used >= class_units(class)) {
        name = heap->used;
        heap->used += class_units(class);
    }
    return name;
}

/* No more slots to be had, and those there are nearly full. */
static bool is_crowded(const struct text_heap *heap)
{
    return heap->mask + 1 == heap->most && heap->count >= heap->most / 16 * 15;
}

bool text_heap_put(struct text_heap *heap, slice text, uint32_t *name)
{
    *name = 0;
    if (text.data == NULL || text.size == 0) {
        return true;
    }
    assert(text.size <= TEXT_MAX);
    uint32_t hash = hash_of(text), at = slot_of(heap, text, hash);
    if (heap->slots[at].name != 0) {
        *name = heap->slots[at].name;
        block_at(heap, *name)->rows++;
        return true;
    }
    uint32_t class = class_of(text.size), fresh = is_crowded(heap) ? 0 : block_take(heap, class);
    if (fresh == 0) {
        return false;
    }
    struct block *block = block_at(heap, fresh);
    *block = (struct block){.rows = 1, .size = (uint16_t)text.size};
    memcpy(block + 1, text.data, text.size);
    heap->slots[at] = (struct text_slot){fresh, hash};
    heap->live += (uint64_t)class_units(class) * TEXT_UNIT;
    if (++heap->count > heap->mask / 4 * 3 && heap->mask + 1 < heap->most) {
        grow(heap);
    }
    *name = fresh;
    return true;
}

void text_heap_free(struct text_heap *heap, uint32_t name)
{
    if (name == 0) {
        return;
    }
    struct block *block = block_at(heap, name);
    assert(block->rows > 0);
    if (--block->rows > 0) {
        return;
    }
    slice text = text_heap_get(heap, name);
    uint32_t at = slot_of(heap, text, hash_of(text)), class = class_of(text.size);
    assert(heap->slots[at].name == name);
    slot_give(heap, at);
    block->is_free = true;
    block->rows = heap->free_heads[class];
    heap->free_heads[class] = name;
    heap->live -= (uint64_t)class_units(class) * TEXT_UNIT;
    heap->count--;
}
