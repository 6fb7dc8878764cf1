/* SPDX-License-Identifier: MIT
 *
 * Histogram: lengths of time in 1,024 steps to each power of two, so that a quantile is right to three digits; between
 * the edges of a step it is interpolated. Memory is taken a power of two at a time. Two are added exactly. */
#ifndef PONT_BENCH_HISTOGRAM_H
#define PONT_BENCH_HISTOGRAM_H

#include "src/base/arena.h"

#define HISTOGRAM_STEPS 1024
#define HISTOGRAM_PARTS 55
#define PPB 1000000000 /* quantiles and shares are in billionths */

struct histogram {
    uint32_t *parts[HISTOGRAM_PARTS]; /* part 0: 0 to 1023 one by one; part p: [2^(p+9), 2^(p+10)) */
    int64_t count, lowest, highest;
    int64_t sum_us;                   /* in microseconds */
};

/* Below zero counts as zero. Loses the value when the arena is full. */
void histogram_add(struct histogram *histogram, int64_t value, struct arena *arena);
void histogram_merge(struct histogram *into, const struct histogram *from, struct arena *arena);
/* 0 when empty; 0 and PPB give the lowest and the highest. */
int64_t histogram_quantile(const struct histogram *histogram, int64_t ppb);
/* Values above `bound`, interpolated in its step. */
int64_t histogram_above(const struct histogram *histogram, int64_t bound);

#endif
