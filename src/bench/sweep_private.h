/* SPDX-License-Identifier: MIT
 *
 * Sweep, inside. */
#ifndef PONT_BENCH_SWEEP_PRIVATE_H
#define PONT_BENCH_SWEEP_PRIVATE_H

#include "src/bench/sweep.h"

/* seeds/ARM/SEED and `end`. */
void sweep_path(const struct sweep_options *options, const struct sweep_arm *arm, uint64_t seed, const char *end, char path[600]);

#endif
