/* SPDX-License-Identifier: MIT
 *
 * Texts: the texts of a node's archive, each kept once and named by 32 bits. A node of a million
 * studies says "CT" and "CARDIFF" a million times. Nothing is ever given back; equal names mean
 * equal texts. Memory is not touched before it is used. */
#ifndef PONT_SIM_NODE_TEXTS_H
#define PONT_SIM_NODE_TEXTS_H

#include "src/base/arena.h"

#define TEXTS_FULL UINT32_MAX

struct texts {
    char *memory;
    uint32_t used, units; /* of TEXTS_UNIT bytes; unit 0 is the empty text */
    uint32_t *heads;
    uint32_t mask, most, count; /* chains now less one, and at most; texts */
};

/* Over `size` bytes that need not be zero, and `heads` of 1 << bits numbers, which are used as the texts become more. */
void texts_init(struct texts *texts, char *memory, size_t size, uint32_t *heads, unsigned bits);
/* The name of a text, new or not; TEXTS_FULL when there is no room, or it is longer than 65535. */
uint32_t texts_put(struct texts *texts, slice text);
/* Good for ever, with a NUL behind it that the slice does not count. */
slice texts_get(const struct texts *texts, uint32_t name);

#endif
