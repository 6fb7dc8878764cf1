/* SPDX-License-Identifier: MIT */
#include <assert.h>

#include "src/wire/wire_private.h"

#define SIZE_BYTES 4u

enum err ring_make(struct ring *ring, size_t size)
{
    *ring = (struct ring){.start = 0};
    return memory_map(&ring->memory, size);
}

void ring_drop(struct ring *ring)
{
    memory_unmap(&ring->memory);
}

static void copy_in(struct ring *ring, const char *bytes, size_t size)
{
    size_t at = (ring->start + ring->used) % ring->memory.size;
    size_t first = size < ring->memory.size - at ? size : ring->memory.size - at;
    memcpy(ring->memory.memory + at, bytes, first);
    memcpy(ring->memory.memory, bytes + first, size - first);
    ring->used += size;
}

static void copy_out(const struct ring *ring, char *bytes, size_t skip, size_t size)
{
    size_t at = (ring->start + skip) % ring->memory.size;
    size_t first = size < ring->memory.size - at ? size : ring->memory.size - at;
    memcpy(bytes, ring->memory.memory + at, first);
    memcpy(bytes + first, ring->memory.memory, size - first);
}

bool ring_put(struct ring *ring, slice bytes, size_t reserve)
{
    size_t unused = ring->memory.size - ring->used;
    if (bytes.size == 0 || unused < reserve + SIZE_BYTES || bytes.size > unused - reserve - SIZE_BYTES) {
        return false;
    }
    uint32_t size = (uint32_t)bytes.size;
    copy_in(ring, (const char *)&size, SIZE_BYTES);
    copy_in(ring, bytes.data, bytes.size);
    ring->count++;
    return true;
}

size_t ring_next_size(const struct ring *ring)
{
    uint32_t size = 0;
    if (ring->count > 0) {
        copy_out(ring, (char *)&size, 0, SIZE_BYTES);
    }
    return size;
}

void ring_take(struct ring *ring, char *bytes)
{
    size_t size = ring_next_size(ring);
    assert(ring->count > 0);
    copy_out(ring, bytes, SIZE_BYTES, size);
    ring->start = (ring->start + SIZE_BYTES + size) % ring->memory.size;
    ring->used -= SIZE_BYTES + size;
    ring->count--;
    if (ring->count == 0) {
        ring->start = 0; /* stays on the pages it has touched */
    }
}
