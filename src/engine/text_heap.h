/* SPDX-License-Identifier: MIT
 *
 * Text heap: the texts of the rows, in blocks of a few sizes that are used again. A text is named
 * by 64 bits (where and how long). Never moves, never grows beyond what it was given. Private to
 * src/engine. */
#ifndef PONT_ENGINE_TEXT_HEAP_H
#define PONT_ENGINE_TEXT_HEAP_H

#include "src/base/arena.h"

#define TEXT_UNIT    16u    /* bytes */
#define TEXT_MAX     65535u /* bytes of one text; longer ones are cut by whoever puts them */
#define TEXT_CLASSES 24u

struct text_heap {
    char *memory;
    uint32_t units, used;              /* of TEXT_UNIT bytes; unit 0 stays empty */
    uint32_t free_heads[TEXT_CLASSES]; /* first free unit of each class, 0 none */
    uint64_t live;                     /* bytes of blocks in use */
};

/* Takes all but `spare` bytes of what is left in the arena. ERR_LIMIT when that is next to nothing.
 */
MUST_USE enum err text_heap_init(struct text_heap *heap, struct arena *arena, size_t spare);
/* False when there is no room. The empty text is 0 and costs nothing. */
bool text_heap_put(struct text_heap *heap, slice text, uint64_t *handle);
void text_heap_free(struct text_heap *heap, uint64_t handle);
slice text_heap_get(const struct text_heap *heap, uint64_t handle); /* good until freed */
bool text_heap_room(const struct text_heap *heap, size_t bytes);

#endif
