/* SPDX-License-Identifier: MIT
 *
 * Hops: how long single things took, by what and where, as the observations tell it: an acknowledgement, a list, a move,
 * an answer. The same fold over both worlds, so that what one predicts can be held against what the other measured. */
#ifndef PONT_BENCH_HOPS_H
#define PONT_BENCH_HOPS_H

#include "src/base/arena.h"
#include "src/actor/actor.h"

#define HOPS_MAX 128
#define HOP_SAMPLES_MAX 4096 /* of one hop; more are not kept */
#define HOP_OPEN_MAX 256     /* at once at one hop; more are not timed */

struct hop {
    slice name;                    /* "find at pacs_uhw" */
    int64_t *samples_ns;           /* hops_sort puts them in order */
    size_t count;
    struct {
        uint64_t key;
        time_ns at_ns;
    } open[HOP_OPEN_MAX];
    size_t open_count;
};
struct hops {
    struct hop hops[HOPS_MAX];     /* in the order in which they were first seen */
    size_t count;
    struct arena *arena;
};

void hops_init(struct hops *hops, struct arena *arena);
void hops_observe(struct hops *hops, const struct observation *seen);
void hops_sort(struct hops *hops);
/* Of a sorted hop, between its values; share in percent. */
int64_t hop_quantile(const struct hop *hop, int percent);

#endif
