/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <sys/mman.h>

#include "src/wire/wire_private.h"

enum err memory_map(struct arena *arena, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *arena = (struct arena){0};
    if (memory == MAP_FAILED) {
        return ERR_LIMIT;
    }
    *arena = (struct arena){.memory = memory, .size = size};
    return ERR_OK;
}

void memory_unmap(struct arena *arena)
{
    if (arena->memory != NULL) {
        munmap(arena->memory, arena->size);
    }
    *arena = (struct arena){0};
}

struct arena memory_carve(struct arena *from, size_t size)
{
    size_t start = (from->used + 15) & ~(size_t)15;
    assert(start <= from->size && size <= from->size - start);
    from->used = start + size;
    return (struct arena){.memory = from->memory + start, .size = size};
}
