/* SPDX-License-Identifier: MIT */
#include "src/base/random.h"

#include <assert.h>

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit. */
static uint64_t mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

uint64_t random_draw(uint64_t seed, uint32_t purpose, uint64_t entity, uint64_t index)
{
    return mix(mix(mix(mix(seed) ^ purpose) ^ entity) ^ index);
}

uint64_t random_below(uint64_t draw, uint64_t bound)
{
    assert(bound > 0);
    return (uint64_t)(((unsigned __int128)draw * bound) >> 64);
}
