/* SPDX-License-Identifier: MIT
 *
 * Random: counter-based draws. A draw is a pure function of (seed, purpose, entity, index), so that adding a
 * node moves nobody else's draws. Not for secrets. */
#ifndef PONT_BASE_RANDOM_H
#define PONT_BASE_RANDOM_H

#include <stdint.h>

/* 64 even bits. `purpose` is a four-letter code of the caller's, as PURPOSE('j','i','t','r'). */
uint64_t random_draw(uint64_t seed, uint32_t purpose, uint64_t entity, uint64_t index);
/* Even in 0 .. bound-1; bound is at least 1. */
uint64_t random_below(uint64_t draw, uint64_t bound);

#define PURPOSE(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

#endif
