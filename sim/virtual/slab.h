/* SPDX-License-Identifier: MIT
 *
 * Slab: pieces of any size out of one block of memory, each given back alone. Sizes are rounded up to quarters of a
 * power of two; a piece goes back to the list of its size. No compaction; full is a null pointer. */
#ifndef PONT_SIM_VIRTUAL_SLAB_H
#define PONT_SIM_VIRTUAL_SLAB_H

#include "src/base/arena.h"

#define SLAB_SIZES 136u

struct slab_piece { /* before each piece */
    struct slab_piece *next;
    uint32_t size_class, spare;
};
struct slab {
    char *memory;
    size_t size, end;  /* bytes; what was ever used */
    size_t used, high; /* in pieces */
    struct slab_piece *free[SLAB_SIZES];
};

MUST_USE enum err slab_init(struct slab *slab, size_t size, struct arena *arena);
/* Not zeroed; aligned to 16. */
void *slab_take(struct slab *slab, size_t size);
void slab_give(struct slab *slab, void *piece); /* null: nothing */

#endif
