/* SPDX-License-Identifier: MIT
 *
 * Sweep: one scenario with many seeds, and with the arms of its study, each run in a process of its own. What is merged
 * is a function of the scenario, the program and the seeds: the same bytes whatever the order, the jobs or the machines.
 *
 * The folder holds seeds/ARM/SEED.json (the results of each run; those that are there are not run again), sweep.json and
 * index.html (written by src/report). Runs nothing itself: the caller's function does, in a child. */
#ifndef PONT_BENCH_SWEEP_H
#define PONT_BENCH_SWEEP_H

#include "src/bench/progress.h"
#include "src/bench/sample.h"
#include "src/bench/stats.h"
#include "src/scenario/scenario.h"

#define SWEEP_SEEDS_MAX 1000000
#define SWEEP_ARMS_MAX 256

struct sweep_arm {
    slice id;                 /* "base" when the scenario has no study */
    const struct setting *settings;
    size_t setting_count;
};

struct sweep_options {
    const char *scenario_file, *folder;
    const char *more;                /* further options of `pont run` that repeat a run: "--mutant M_GHOST"; null: none */
    slice world, sha256, identity;   /* identity: of program and options; a folder of another one is refused */
    uint64_t first;
    size_t seed_count;               /* at least 1 */
    size_t jobs;
    size_t part, parts;              /* runs only tasks whose number is `part` modulo `parts`; parts 0: all */
    const struct study_plan *study;  /* stop rule; null: none */
    const slice *always;             /* invariants that must have had a case in some seed */
    size_t always_count;
    enum progress_mode progress;
    /* One run, in a child: leaves results.json (and failure.json) in `folder`; gives the exit code of `pont run`. */
    int (*play)(void *self, const struct sweep_arm *arm, uint64_t seed, const char *folder);
    void *self;
};

struct sweep_mean {
    slice id;
    struct stats_mean mean;
};
struct sweep_failure {
    uint64_t seed;
    const slice *rules;
    size_t rule_count;
};
struct sweep_result {
    struct sweep_arm arm;
    struct sample *samples;          /* by seed, rising; those that ended */
    size_t sample_count;
    size_t passed, inconclusive, missing; /* missing: not run, or died without a result */
    struct sweep_failure *failures;
    size_t failure_count;
    struct sweep_mean *means;
    size_t mean_count;
    struct sample_rule *rules;       /* summed over seeds */
    size_t rule_count;
    struct sample_reach *reached;    /* times: seeds that reached it */
    size_t reached_count;
    uint64_t longest_seed;           /* that took most events */
    int64_t longest_events;
};

struct sweep {
    const struct sweep_options *options;
    const struct sweep_arm *arms;
    size_t arm_count, seed_count;    /* seeds in the end, by the stop rule */
    struct sweep_result *results;    /* one an arm */
    bool interrupted;
    /* Of this process alone, and never in sweep.json: */
    size_t ran;
    double wall_s, longest_wall_s;
    uint64_t longest_wall_seed;
    char why[256];
};

/* The arms of a study: compare, else every combination of sweep but those of skip, else one. ERR_LIMIT. */
MUST_USE enum err sweep_arms(const struct scenario *scenario, struct sweep_arm **arms, size_t *count, struct arena *arena);
/* Runs what is missing and merges. ERR_OK also when runs failed: look at sweep_verdict. ERR_BAD_INPUT: the folder holds
 * another sweep; sweep->why says so. */
MUST_USE enum err sweep_run(struct sweep *sweep, const struct sweep_options *options, const struct sweep_arm *arms, size_t arm_count, struct arena *arena);
/* Reads what a folder holds, running nothing; options need no play. */
MUST_USE enum err sweep_merge(struct sweep *sweep, const struct sweep_options *options, const struct sweep_arm *arms, size_t arm_count, struct arena *arena);
void sweep_interrupt(void); /* ^C; async-signal-safe */

/* Of all runs together: each held what was asked of it, and what may be reached was reached by some. */
enum sample_verdict sweep_verdict(const struct sweep *sweep);
/* The nth invariant of `always` of which no seed of that arm had a case; empty: there is none. */
slice sweep_unjudged(const struct sweep *sweep, const struct sweep_result *result, size_t nth);
/* The command that repeats one run. */
void sweep_put_command(const struct sweep *sweep, const struct sweep_arm *arm, uint64_t seed, struct buffer *buffer);
/* sweep.json, and the lines for the terminal. */
void sweep_put_json(const struct sweep *sweep, struct buffer *buffer, struct arena *arena);
void sweep_put_summary(const struct sweep *sweep, struct buffer *buffer);

#endif
