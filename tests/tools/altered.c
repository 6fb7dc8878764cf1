/* SPDX-License-Identifier: MIT
 *
 * Linked into build/altered/pont alone (-Wl,--wrap=random_draw): the draw that PONT_ALTERED_DRAW numbers, from 1, among those of the
 * purpose PONT_ALTERED_PURPOSE comes out with its bits turned over, each time it is drawn from then on; and at the end it tells how
 * many of that purpose there were. See tests/virtual/equal.sh. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/random.h"

uint64_t __real_random_draw(uint64_t seed, uint32_t purpose, uint64_t entity, uint64_t index);
uint64_t __wrap_random_draw(uint64_t seed, uint32_t purpose, uint64_t entity, uint64_t index);

static struct {
    bool begun, found;
    uint32_t purpose;
    uint64_t number, draws, entity, index;
} altered;

static void tell(void)
{
    printf("draws %llu\n", (unsigned long long)altered.draws);
}

static void begin(void)
{
    const char *purpose = getenv("PONT_ALTERED_PURPOSE"), *number = getenv("PONT_ALTERED_DRAW");
    altered.begun = true;
    altered.number = number == NULL ? 0 : strtoull(number, NULL, 10);
    if (purpose != NULL && strlen(purpose) == 4) {
        altered.purpose = PURPOSE(purpose[0], purpose[1], purpose[2], purpose[3]);
    }
    (void)atexit(tell);
}

uint64_t __wrap_random_draw(uint64_t seed, uint32_t purpose, uint64_t entity, uint64_t index)
{
    if (!altered.begun) {
        begin();
    }
    uint64_t draw = __real_random_draw(seed, purpose, entity, index);
    if (purpose != altered.purpose) {
        return draw;
    }
    if (++altered.draws == altered.number) {
        altered.found = true;
        altered.entity = entity;
        altered.index = index;
    }
    return altered.found && entity == altered.entity && index == altered.index ? ~draw : draw;
}
