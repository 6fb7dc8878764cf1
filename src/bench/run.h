/* SPDX-License-Identifier: MIT
 *
 * Run: plays a scenario on the wire, from the first process to the verdict, and leaves the run folder. */
#ifndef PONT_BENCH_RUN_H
#define PONT_BENCH_RUN_H

#include "src/bench/progress.h"
#include "src/bench/results.h"

struct run_options {
    const char *program;       /* path of pont itself */
    const char *scenario_file;
    const char *folder;        /* --out; null: reports/runs/<scenario>-<world>-<seed>-<time> and the link `latest` */
    slice quirks;
    bool seed_given, trace;
    uint64_t seed;
    int64_t speed;
    enum progress_mode progress;
    slice mutant, without;
    unsigned run_max;
};

/* Plays and judges. The folder used is written to `folder` (512 bytes). ERR_OK also when expectations fell short: look
 * at results->verdict. Other errors: `why` (256 bytes) says what failed, and what there is of the folder is valid. */
MUST_USE enum err run_wire(struct results *results, struct scenario *scenario, const struct run_options *options, char folder[512], char why[256],
                           struct arena *arena);
/* Judges a run folder (observations.jsonl, journal/, engine.yaml). `run_max` as the run had it, 0 the default. */
MUST_USE enum err run_judge(struct results *results, struct scenario *scenario, const char *folder, unsigned run_max, char why[256], struct arena *arena);

/* ^C was pressed: the run ends in order, inconclusive. Async-signal-safe. */
void run_interrupt(void);

#endif
