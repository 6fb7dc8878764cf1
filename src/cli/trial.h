/* SPDX-License-Identifier: MIT
 *
 * Trial: one run of an experiment (sweep, shrink) inside this process, which is a child made for it: reads the scenario,
 * plays it, and leaves results.json (and failure.json) in a folder. Writes no report and prints no progress. */
#ifndef PONT_CLI_TRIAL_H
#define PONT_CLI_TRIAL_H

#include "src/bench/results.h"

struct trial {
    const char *scenario_file;
    slice world, quirks, mutant, without;
    int64_t speed;
    const struct setting *settings;
    size_t setting_count;
    bool seed_given;
    uint64_t seed;
    const char *folder;
    bool bare; /* see run_options */
    const enum invariant *until; /* see run_options */
    bool one_of_many; /* what it did not reach is asked of all together: no failure of this one */
};
/* The exit code `pont run` would have, but for one_of_many. What is wrong goes to stderr. */
int trial_run(const struct trial *trial);
/* args.json of a run folder: the words of the command that made it. */
void trial_note_arguments(const char *folder, int argc, char **argv);
/* Fills in quirks, speed, mutant, without and settings as the run had them, and switches its defects on in this process. A
 * folder without args.json had none. -1 when well, else an exit code. */
int trial_read_arguments(struct trial *trial, const char *folder, struct arena *arena);
/* Checks and switches on --mutant and --without in this process; prints what is wrong and returns false. */
bool trial_defects(const char *command, const char *mutant, const char *without);

#endif
