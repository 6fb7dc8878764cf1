/* SPDX-License-Identifier: MIT */
#include "src/engine/text_heap.h"

#include <assert.h>

#include "src/base/hash.h"

struct block {
    uint32_t next; /* in its chain, or of the free ones */
    uint32_t rows; /* that say it */
    uint16_t size;
    uint16_t mark; /* of its hash */
};
_Static_assert(sizeof(struct block) % TEXT_UNIT == 0, "texts follow their head");

#define EXACT      64u /* classes 0 .. EXACT: blocks of so many units */
#define HEADS_LEAST 256u

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
    /* A sixteenth for the heads of the chains: texts of rows are seldom shorter than 64 bytes with
     * their head. Not zeroed as a whole: pages are touched when texts come. */
    size_t most = HEADS_LEAST, bytes = left - spare - 64;
    while (most * 2 * sizeof(uint32_t) <= bytes / 16 && most < (size_t)1 << 30) {
        most *= 2;
    }
    *heap = (struct text_heap){.used = 1, .mask = HEADS_LEAST - 1, .most = (uint32_t)most};
    heap->heads = (uint32_t *)(void *)take(arena, most * sizeof *heap->heads);
    memset(heap->heads, 0, HEADS_LEAST * sizeof *heap->heads);
    size_t units = (bytes - most * sizeof *heap->heads) / TEXT_UNIT;
    heap->units = units < TEXT_ABSENT ? (uint32_t)units : TEXT_ABSENT;
    heap->memory = take(arena, (size_t)heap->units * TEXT_UNIT);
    return ERR_OK;
}

bool text_heap_room(const struct text_heap *heap, size_t bytes)
{
    return (uint64_t)(heap->units - heap->used) * TEXT_UNIT >= bytes;
}

slice text_heap_get(const struct text_heap *heap, uint32_t name)
{
    if (name == 0) {
        return SLICE_EMPTY;
    }
    const struct block *block = block_at(heap, name);
    return (slice){(const char *)(block + 1), block->size};
}

/* ---- Chains. */
static uint64_t hash_of(slice text)
{
    return hash64_words(1, text);
}

/* The link to the text, or the end of its chain. */
static uint32_t *link_of(const struct text_heap *heap, slice text, uint64_t hash)
{
    uint32_t *link = &heap->heads[hash & heap->mask];
    for (; *link != 0; link = &block_at(heap, *link)->next) {
        const struct block *block = block_at(heap, *link);
        if (block->mark == (uint16_t)(hash >> 48) && block->size == text.size &&
            memcmp(block + 1, text.data, text.size) == 0) {
            return link;
        }
    }
    return link;
}

/* Twice as many chains: each is parted in two. */
static void grow(struct text_heap *heap)
{
    uint32_t old = heap->mask + 1;
    memset(heap->heads + old, 0, old * sizeof *heap->heads);
    heap->mask = 2 * old - 1;
    for (uint32_t i = 0; i < old; i++) {
        uint32_t *low = &heap->heads[i], *high = &heap->heads[i + old];
        for (uint32_t at = *low; at != 0;) {
            struct block *block = block_at(heap, at);
            uint32_t **to = (hash_of(text_heap_get(heap, at)) & old) != 0 ? &high : &low;
            uint32_t next = block->next;
            **to = at;
            *to = &block->next;
            at = next;
        }
        *low = *high = 0;
    }
}

uint32_t text_heap_find(const struct text_heap *heap, slice text)
{
    if (text.data == NULL || text.size == 0) {
        return 0;
    }
    uint32_t name = *link_of(heap, text, hash_of(text));
    return name == 0 ? TEXT_ABSENT : name;
}

/* ---- Putting and freeing. */
static uint32_t block_take(struct text_heap *heap, uint32_t class)
{
    uint32_t name = heap->free_heads[class];
    if (name != 0) {
        heap->free_heads[class] = block_at(heap, name)->next;
    } else if (heap->units - heap->used >= class_units(class)) {
        name = heap->used;
        heap->used += class_units(class);
    }
    return name;
}

bool text_heap_put(struct text_heap *heap, slice text, uint32_t *name)
{
    *name = 0;
    if (text.data == NULL || text.size == 0) {
        return true;
    }
    assert(text.size <= TEXT_MAX);
    uint64_t hash = hash_of(text);
    uint32_t *link = link_of(heap, text, hash);
    if (*link != 0) {
        *name = *link;
        block_at(heap, *name)->rows++;
        return true;
    }
    uint32_t class = class_of(text.size), fresh = block_take(heap, class);
    if (fresh == 0) {
        return false;
    }
    struct block *block = block_at(heap, fresh);
    *block = (struct block){
        .rows = 1, .size = (uint16_t)text.size, .mark = (uint16_t)(hash >> 48)};
    memcpy(block + 1, text.data, text.size);
    *link = fresh;
    heap->live += (uint64_t)class_units(class) * TEXT_UNIT;
    if (++heap->count > heap->mask && heap->mask + 1 < heap->most) {
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
    uint32_t *link = link_of(heap, text, hash_of(text)), class = class_of(text.size);
    assert(*link == name);
    *link = block->next;
    block->next = heap->free_heads[class];
    heap->free_heads[class] = name;
    heap->live -= (uint64_t)class_units(class) * TEXT_UNIT;
    heap->count--;
}
