/* SPDX-License-Identifier: MIT */
#include "sim/virtual/queue.h"

#include <assert.h>

#define DIGIT_BITS  6u
#define CLASS_SHIFT 61u
#define NODE_SHIFT  48u
#define MEMORY_ALIGN 64u

void *queue_take_memory(struct arena *arena, size_t count, size_t size)
{
    uintptr_t at = (uintptr_t)(arena->memory + arena->used);
    size_t start = arena->used + (size_t)(-at & (MEMORY_ALIGN - 1));
    if (start > arena->size || (size != 0 && count > (arena->size - start) / size)) {
        return NULL;
    }
    arena->used = start + count * size;
    arena->high = arena->used > arena->high ? arena->used : arena->high;
    return arena->memory + start;
}

/* Of each bucket only the first chunk is not full. */
static size_t chunks_for(size_t max)
{
    return max / QUEUE_CHUNK + QUEUE_LEVELS * QUEUE_DIGITS + 2;
}

size_t queue_memory(size_t max, size_t node_count)
{
    return max * (sizeof(struct pending) + sizeof(struct queue_now)) + chunks_for(max) * sizeof(struct queue_chunk) +
           node_count * sizeof(uint64_t) + 8u * MEMORY_ALIGN;
}

enum err queue_init(struct queue *queue, size_t max, size_t node_count, time_ns start_ns, struct arena *arena)
{
    assert(node_count <= QUEUE_NODES_MAX && max < UINT32_MAX && start_ns >= 0);
    *queue = (struct queue){.max = max, .node_count = node_count, .last_ns = start_ns};
    queue->entries = queue_take_memory(arena, max, sizeof *queue->entries);
    queue->chunks = queue_take_memory(arena, chunks_for(max), sizeof *queue->chunks);
    queue->now = queue_take_memory(arena, max, sizeof *queue->now);
    queue->numbers = arena_array(arena, node_count, sizeof *queue->numbers);
    return queue->entries == NULL || queue->chunks == NULL || queue->now == NULL || (queue->numbers == NULL && node_count > 0) ? ERR_LIMIT : ERR_OK;
}

uint32_t pending_node(const struct pending *pending)
{
    return (uint32_t)(pending->order >> NODE_SHIFT) & (QUEUE_NODES_MAX - 1);
}

enum queue_class pending_class(const struct pending *pending)
{
    return (enum queue_class)(pending->order >> CLASS_SHIFT);
}

/* ---- Those whose time has come: a binary heap on the order. */

static void now_put(struct queue *queue, uint64_t order, uint32_t entry)
{
    size_t at = queue->now_count++;
    while (at > 0) {
        size_t up = (at - 1) / 2;
        if (queue->now[up].order < order) {
            break;
        }
        assert(queue->now[up].order != order); /* two events that cannot be ordered */
        queue->now[at] = queue->now[up];
        at = up;
    }
    queue->now[at] = (struct queue_now){order, entry};
}

static uint32_t now_take(struct queue *queue)
{
    uint32_t first = queue->now[0].entry;
    struct queue_now last = queue->now[--queue->now_count];
    size_t at = 0, count = queue->now_count;
    for (;;) {
        size_t down = 2 * at + 1;
        if (down >= count) {
            break;
        }
        down += down + 1 < count && queue->now[down + 1].order < queue->now[down].order;
        if (queue->now[down].order > last.order) {
            break;
        }
        assert(queue->now[down].order != last.order);
        queue->now[at] = queue->now[down];
        at = down;
    }
    queue->now[at] = last;
    return first;
}

/* ---- Buckets. */

static uint32_t chunk_take(struct queue *queue, uint32_t next)
{
    uint32_t chunk = queue->chunk_free;
    if (chunk != 0) {
        queue->chunk_free = queue->chunks[chunk - 1].next;
    } else {
        chunk = ++queue->chunk_end;
        assert(chunk <= chunks_for(queue->max));
    }
    queue->chunks[chunk - 1].count = 0;
    queue->chunks[chunk - 1].next = next;
    return chunk;
}

/* Into the bucket of the highest six bits in which the time differs from that of the last pop. */
static void bucket_put(struct queue *queue, time_ns at_ns, uint32_t entry)
{
    uint64_t differs = (uint64_t)at_ns ^ (uint64_t)queue->last_ns;
    unsigned level = (63u - (unsigned)__builtin_clzll(differs)) / DIGIT_BITS;
    unsigned digit = (unsigned)((uint64_t)at_ns >> (DIGIT_BITS * level)) & (QUEUE_DIGITS - 1);
    struct queue_bucket *bucket = &queue->buckets[level][digit];
    if (bucket->head == 0) {
        queue->filled[level] |= 1ull << digit;
        queue->levels |= 1u << level;
        *bucket = (struct queue_bucket){at_ns, chunk_take(queue, 0)};
    } else if (queue->chunks[bucket->head - 1].count == QUEUE_CHUNK) {
        bucket->head = chunk_take(queue, bucket->head);
    }
    bucket->first_ns = at_ns < bucket->first_ns ? at_ns : bucket->first_ns;
    struct queue_chunk *chunk = &queue->chunks[bucket->head - 1];
    chunk->keys[chunk->count++] = (struct queue_key){at_ns, entry};
}

struct pending *queue_put(struct queue *queue, time_ns at_ns, enum queue_class class, uint32_t node)
{
    assert(node < queue->node_count);
    uint32_t index = queue->entry_free;
    if (index != 0) {
        queue->entry_free = queue->entries[index - 1].next;
    } else if (queue->entry_end < queue->max) {
        index = ++queue->entry_end;
    } else {
        return NULL;
    }
    struct pending *pending = &queue->entries[index - 1];
    at_ns = at_ns < queue->last_ns ? queue->last_ns : at_ns;
    pending->at_ns = at_ns;
    pending->order = (uint64_t)class << CLASS_SHIFT | (uint64_t)node << NODE_SHIFT | ++queue->numbers[node];
    if (at_ns == queue->last_ns) {
        now_put(queue, pending->order, index);
    } else {
        bucket_put(queue, at_ns, index);
    }
    queue->count++;
    queue->high = queue->count > queue->high ? queue->count : queue->high;
    return pending;
}

/* The bucket with the earliest times: none is earlier than those of another. */
static const struct queue_bucket *first_bucket(const struct queue *queue, unsigned *level, unsigned *digit)
{
    *level = (unsigned)__builtin_ctz(queue->levels);
    *digit = (unsigned)__builtin_ctzll(queue->filled[*level]);
    return &queue->buckets[*level][*digit];
}

time_ns queue_first(const struct queue *queue)
{
    unsigned level, digit;
    if (queue->now_count > 0) {
        return queue->last_ns;
    }
    return queue->levels == 0 ? TIME_NEVER : first_bucket(queue, &level, &digit)->first_ns;
}

static void empty_bucket(struct queue *queue, unsigned level, unsigned digit)
{
    queue->buckets[level][digit].head = 0;
    queue->filled[level] &= ~(1ull << digit);
    if (queue->filled[level] == 0) {
        queue->levels &= ~(1u << level);
    }
}

/* All of a bucket's entries go to where they belong after its first, whose time is now. */
static void spread(struct queue *queue, uint32_t head)
{
    while (head != 0) {
        struct queue_chunk *chunk = &queue->chunks[head - 1];
        for (uint32_t i = 0; i < chunk->count; i++) {
            if (chunk->keys[i].at_ns == queue->last_ns) {
                now_put(queue, queue->entries[chunk->keys[i].entry - 1].order, chunk->keys[i].entry);
            } else {
                bucket_put(queue, chunk->keys[i].at_ns, chunk->keys[i].entry);
            }
        }
        uint32_t next = chunk->next;
        chunk->next = queue->chunk_free;
        queue->chunk_free = head;
        head = next;
    }
}

struct pending *queue_pop(struct queue *queue, time_ns limit_ns)
{
    uint32_t entry;
    if (queue->now_count > 0) {
        if (queue->last_ns > limit_ns) {
            return NULL;
        }
        entry = now_take(queue);
    } else {
        unsigned level, digit;
        if (queue->levels == 0) {
            return NULL;
        }
        struct queue_bucket bucket = *first_bucket(queue, &level, &digit);
        if (bucket.first_ns > limit_ns) {
            return NULL;
        }
        uint32_t head = bucket.head;
        queue->last_ns = bucket.first_ns;
        struct queue_chunk *chunk = &queue->chunks[head - 1];
        empty_bucket(queue, level, digit);
        if (chunk->count == 1 && chunk->next == 0) {
            entry = chunk->keys[0].entry;
            chunk->next = queue->chunk_free;
            queue->chunk_free = head;
        } else {
            spread(queue, head);
            entry = now_take(queue);
        }
    }
    queue->count--;
    return &queue->entries[entry - 1];
}

void queue_give(struct queue *queue, struct pending *pending)
{
    pending->next = queue->entry_free;
    queue->entry_free = (uint32_t)(pending - queue->entries) + 1;
}
