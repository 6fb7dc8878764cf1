/* SPDX-License-Identifier: MIT
 *
 * Trouble: the faults of a scenario that no plan can tell beforehand, in either world: those of single operations (nth,
 * chance), which nodes count for themselves and are told at the start; those after an observation, while a meeting goes on
 * or during another fault, which are watched for here. It acts on nothing: it says what is due, and whoever asks does it. */
#ifndef PONT_BENCH_TROUBLE_H
#define PONT_BENCH_TROUBLE_H

#include "sim/load/load.h"
#include "src/scenario/scenario.h"

struct trouble; /* opaque */

/* Made inside the arena; borrows the scenario. Nothing is due of what happened before `now`, the start. */
MUST_USE enum err trouble_init(struct trouble **out, const struct scenario *scenario, time_ns now, struct arena *arena);
/* True when something new is to be done on account of it. */
bool trouble_observe(struct trouble *trouble, const struct observation *seen);
/* A row of the load that is told at row->at_ns: of a meeting? */
bool trouble_row(struct trouble *trouble, const struct load_row *row);

/* What is due next, and when; TIME_NEVER: nothing that is known of. */
struct trouble_act {
    uint32_t target;         /* a node; node_count + link */
    struct plan_entry entry; /* FAULT or HEAL; borrows until the next call */
};
time_ns trouble_due(const struct trouble *trouble);
/* Takes the next one that is due at `now`; false: none. */
bool trouble_take(struct trouble *trouble, time_ns now, struct trouble_act *act);

#endif
