/* SPDX-License-Identifier: MIT
 *
 * Run: plays a scenario on the wire or in virtual time, from the first event to the verdict, and leaves the run folder. */
#ifndef PONT_BENCH_RUN_H
#define PONT_BENCH_RUN_H

#include "src/bench/hops.h"
#include "src/bench/progress.h"
#include "src/bench/results.h"

struct run_options {
    const char *program;       /* path of pont itself */
    const char *scenario_file;
    const char *folder;        /* --out; null: reports/runs/<scenario>-<world>-<seed>-<time> and the link `latest` */
    bool again;                /* the folder holds this run already: it is played once more, in virtual time */
    bool bare;                 /* virtual: nothing is written but what the verdict needs, and it is not played again: for probes */
    const enum invariant *until; /* virtual: a violation of it that is seen on the way ends the run: the verdict is known; null: to the end */
    slice quirks;
    bool seed_given, trace;
    bool timed;                /* --timed: objectives of time make the run fail, wherever it is played */
    bool trace_all;            /* virtual: all lines are written, however many there are (world.h) */
    uint64_t seed;
    int64_t speed;
    enum progress_mode progress;
    slice mutant, without;
    unsigned run_max;
    struct look *look;         /* virtual: looks on; null: nobody does */
    struct hops *hops;         /* filled with how long things took; null: nobody wants to know */
    uint32_t crash_one_in;     /* virtual: the engine dies at a seeded one in so many of its commits; 0: only as the story says */
    int64_t crash_first, crash_last; /* only at commits so numbered; last 0: no end */
    uint32_t restore_one_in;   /* virtual: beside it one is restored from its rows at a seeded one in so many commits, and compared; 0: none */
};

/* Plays and judges in the world that is named. The folder used is written to `folder` (512 bytes). ERR_OK also when
 * expectations fell short: look at results->verdict. Other errors: `why` (256 bytes) says what failed, and what there is
 * of the folder is valid. */
MUST_USE enum err run_wire(struct results *results, struct scenario *scenario, const struct run_options *options, char folder[512], char why[256],
                           struct arena *arena);
MUST_USE enum err run_virtual(struct results *results, struct scenario *scenario, const struct run_options *options, char folder[512], char why[256],
                              struct arena *arena);
/* Judges a run folder (observations.jsonl, journal/, engine.yaml). `run_max` as the run had it, 0 the default. */
MUST_USE enum err run_judge(struct results *results, struct scenario *scenario, const char *folder, unsigned run_max, char why[256], struct arena *arena);

/* ^C was pressed: the run ends in order, inconclusive. Async-signal-safe. */
void run_interrupt(void);

#endif
