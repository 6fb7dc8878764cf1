/* SPDX-License-Identifier: MIT
 *
 * Linked into build/altered/pont alone (-Wl,--wrap=random_draw): counts the draws, tells how many there were, and turns
 * over the bits of the one that PONT_ALTERED_DRAW numbers, from 1. See tests/virtual/equal.sh. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t __real_random_draw(uint64_t seed, uint32_t purpose, uint64_t entity, uint64_t index);
uint64_t __wrap_random_draw(uint64_t seed, uint32_t purpose, uint64_t entity, uint64_t index);

static uint64_t draws;

static void tell(void)
{
    printf("draws %llu\n", (unsigned long long)draws);
}

uint64_t __wrap_random_draw(uint64_t seed, uint32_t purpose, uint64_t entity, uint64_t index)
{
    static uint64_t altered;
    if (draws++ == 0) {
        const char *text = getenv("PONT_ALTERED_DRAW");
        altered = text == NULL ? 0 : strtoull(text, NULL, 10);
        (void)atexit(tell);
    }
    uint64_t draw = __real_random_draw(seed, purpose, entity, index);
    return draws == altered ? ~draw : draw;
}
