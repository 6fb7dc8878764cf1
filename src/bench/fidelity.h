/* SPDX-License-Identifier: MIT
 *
 * Fidelity: two runs of one plan, one in each world, held against each other (design section 9): what they came to,
 * sentence by sentence, and how long things took against how long they were thought to take. */
#ifndef PONT_BENCH_FIDELITY_H
#define PONT_BENCH_FIDELITY_H

#include "src/bench/hops.h"
#include "src/bench/results.h"

#define FIDELITY_SAMPLES_MIN 5 /* of a hop in each world, else its quantiles say nothing */
#define FIDELITY_LEFT_OUT_PERCENT 5
#define FIDELITY_JUDGED_MIN 20           /* samples: fewer are shown and not judged */
#define FIDELITY_P50_MICRO_MAX 500000    /* a hop whose median is further off was not predicted at all */
#define FIDELITY_OTHERS_PERMILLE_MAX 100 /* a machine of which others use more does not show how long things take */

/* Fills `fidelity`. Hops are sorted. ERR_LIMIT when the arena is full, ERR_BAD_INPUT when there are more outcomes than are kept. */
MUST_USE enum err fidelity_compare(struct fidelity *fidelity, const struct results *predicted, const struct results *measured, struct hops *predicted_hops,
                                   struct hops *measured_hops, struct arena *arena);
/* Makes the verdict and the sentence those of both: they differ, or times that the scenario wants alike
 * (expect.same_in_both.latency) are worlds apart, or the virtual run fell short, or as the measured one. Times
 * that were measured while others used the machine decide nothing: where they are worlds apart it is inconclusive. */
void fidelity_judge(struct results *results, const struct results *predicted, struct arena *arena);

#endif
