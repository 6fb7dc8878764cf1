/* SPDX-License-Identifier: MIT
 *
 * Freeze: faults that come by chance or again and again, written down one by one as they came in a run: what a seed drew
 * becomes a line of the scenario that can be taken away by itself. Reads the plan of the run; plays nothing. */
#ifndef PONT_BENCH_FREEZE_H
#define PONT_BENCH_FREEZE_H

#include "src/scenario/scenario.h"
#include "src/scenario/tree.h"

#define FREEZE_FAULTS_MAX 4000

/* *frozen: `root` with such faults, in the arena, or `root` itself when there are none; what the plan does not tell (faults
 * after an event) stays as it is. ERR_NOT_FOUND: no plan there; ERR_LIMIT: too many, or no memory. */
MUST_USE enum err freeze_faults(const struct tree **frozen, const struct tree *root, const struct scenario *scenario, const char *plan_path, struct arena *arena);

#endif
