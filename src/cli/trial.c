/* SPDX-License-Identifier: MIT */
#include "src/cli/trial.h"

#include "src/bench/run.h"
#include "src/cli/cli.h"
#include "src/engine/mutant.h"
#include "src/report/report.h"

#include <stdio.h>

#define TRIAL_ARENA ((size_t)3 << 30) /* taken lazily: only what is touched is used */

int trial_run(const struct trial *trial)
{
    static struct problems problems;
    static struct results results;
    struct scenario_options options = {.quirks = trial->quirks, .seed_given = trial->seed_given, .seed = trial->seed, .speed = trial->speed,
                                       .sets = trial->settings, .set_count = trial->setting_count};
    struct arena arena;
    struct scenario *scenario = NULL;
    if (arena_make(&arena, TRIAL_ARENA) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "not enough memory for a run");
    }
    if (scenario_read(&scenario, trial->scenario_file, &options, &problems, &arena) != ERR_OK) {
        return cli_problems(&problems, trial->scenario_file);
    }
    struct run_options run = {.program = cli_program(), .scenario_file = trial->scenario_file, .folder = trial->folder, .quirks = trial->quirks,
                              .seed_given = trial->seed_given, .seed = trial->seed, .speed = trial->speed, .progress = PROGRESS_NONE,
                              .mutant = trial->mutant, .without = trial->without};
    char folder[512], why[256];
    enum err err = run_wire(&results, scenario, &run, folder, why, &arena);
    if (err != ERR_OK) {
        return cli_fail(err, "%s", why);
    }
    results.sut_version = SLICE(PONT_VERSION);
    results.commit = slice_from(cli_commit());
    results.compiler = slice_from(cli_compiler());
    err = report_write_results(&results, folder, why);
    if (err != ERR_OK) {
        return cli_fail(err, "%s", why);
    }
    return results.verdict == VERDICT_PASS ? 0 : results.verdict == VERDICT_FAIL ? 1 : 3;
}

bool trial_defects(const char *command, const char *mutant, const char *without)
{
#ifdef PONT_MUTANTS
    if ((mutant != NULL && !cli_mutant(mutant)) || (without != NULL && !mutant_without(slice_from(without)))) {
        fprintf(stderr, "pont %s: no mutant or mitigation of that name; see tests/mutants/mutants.def and src/engine/dialect.def\n", command);
        return false;
    }
#else
    if (mutant != NULL || without != NULL) {
        fprintf(stderr, "pont %s: --mutant and --without are of build/mutants/pont alone; `make mutants` builds it\n", command);
        return false;
    }
#endif
    return true;
}
