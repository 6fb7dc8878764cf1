/* SPDX-License-Identifier: MIT
 *
 * Text heap: the texts of the rows, each kept once however many rows say it, in blocks that are used
 * again. A text is named by 32 bits; equal names mean equal texts. Never moves, never grows beyond
 * what it was given; memory is not touched before it is used. Private to src/engine. */
#ifndef PONT_ENGINE_TEXT_HEAP_H
#define PONT_ENGINE_TEXT_HEAP_H

#include "src/base/arena.h"

#define TEXT_UNIT    4u     /* bytes */
#define TEXT_MAX     65535u /* bytes of one text; longer ones are cut by whoever puts them */
#define TEXT_CLASSES 96u
#define TEXT_ABSENT  UINT32_MAX

struct text_slot {
    uint32_t name, hash; /* name 0: free */
};

struct text_heap {
    char *memory;
    uint32_t units, used;              /* of TEXT_UNIT bytes; unit 0 is the empty text */
    uint32_t free_heads[TEXT_CLASSES]; /* first free block of each class, 0 none */
    struct text_slot *slots;           /* by hash, the next free one when taken; grow with the texts */
    uint32_t mask, most;               /* slots now less one, and at most */
    uint32_t count;                    /* texts */
    uint64_t live;                     /* bytes of blocks in use */
};

/* Takes all but `spare` bytes of what is left in the arena. ERR_LIMIT when that is next to nothing.
 */
MUST_USE enum err text_heap_init(struct text_heap *heap, struct arena *arena, size_t spare);
/* One more row says it. False when there is no room. The empty text is 0 and costs nothing. */
bool text_heap_put(struct text_heap *heap, slice text, uint32_t *name);
/* One row less says it. */
void text_heap_free(struct text_heap *heap, uint32_t name);
slice text_heap_get(const struct text_heap *heap, uint32_t name); /* good while a row says it */
/* Its name; TEXT_ABSENT when no row says it. */
uint32_t text_heap_find(const struct text_heap *heap, slice text);
bool text_heap_room(const struct text_heap *heap, size_t bytes);

#endif
