/* SPDX-License-Identifier: MIT */
#include "src/bench/run.h"
#include "src/cli/cli.h"
#include "src/cli/trial.h"
#include "src/engine/mutant.h"
#include "src/report/report.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define RUN_ARENA (1536u << 20) /* taken lazily: only what is touched is used */

static void on_interrupt(int signal)
{
    (void)signal;
    run_interrupt();
}

static void catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESETHAND}; /* a second ^C ends at once */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

struct run_words {
    const char *world, *seed, *speed, *out, *junit, *quirks, *trace, *progress, *quiet, *json, *mutant, *without, *run_max, *timed;
};

static bool read_words(const struct run_words *words, struct run_options *run, struct scenario_options *options)
{
    int64_t number = 0;
    if (words->seed != NULL) {
        if (!option_number("run", "seed", words->seed, 0, INT64_MAX, &number)) {
            return false;
        }
        options->seed_given = run->seed_given = true;
        options->seed = run->seed = (uint64_t)number;
    }
    if (words->speed != NULL && !option_number("run", "speed", words->speed, 1, 1000000, &options->speed)) {
        return false;
    }
    if (words->run_max != NULL) {
        if (!option_number("run", "run-max", words->run_max, 1, RUN_MAX, &number)) {
            return false;
        }
        run->run_max = (unsigned)number;
    }
    if (words->quirks != NULL && strcmp(words->quirks, "documented") != 0 && strcmp(words->quirks, "reported") != 0 && strcmp(words->quirks, "assumed") != 0) {
        fprintf(stderr, "pont run: --quirks is \"%s\"; it must be documented, reported or assumed\n", words->quirks);
        return false;
    }
    run->quirks = options->quirks = words->quirks == NULL ? SLICE("assumed") : slice_from(words->quirks);
    run->progress = words->quiet != NULL ? PROGRESS_NONE : PROGRESS_AUTO;
    if (words->progress != NULL) {
        run->progress = strcmp(words->progress, "plain") == 0 ? PROGRESS_PLAIN : strcmp(words->progress, "none") == 0 ? PROGRESS_NONE : PROGRESS_AUTO;
    }
    run->trace = words->trace == NULL || strcmp(words->trace, "none") != 0;
    run->speed = options->speed;
#ifdef PONT_MUTANTS
    run->mutant = words->mutant == NULL ? SLICE_EMPTY : slice_from(words->mutant);
    run->without = words->without == NULL ? SLICE_EMPTY : slice_from(words->without);
    if ((words->mutant != NULL && !cli_mutant(words->mutant)) || (words->without != NULL && !mutant_without(run->without))) {
        fprintf(stderr, "pont run: no mutant or mitigation of that name; see tests/mutants/mutants.def and src/engine/dialect.def\n");
        return false; /* set here too: the replay of the journal must have the same defect */
    }
#else
    if (words->mutant != NULL || words->without != NULL) {
        fprintf(stderr, "pont run: --mutant and --without are of build/mutants/pont alone; `make mutants` builds it\n");
        return false;
    }
#endif
    return true;
}

static int print_json(const char *folder)
{
    char path[600], bytes[4096];
    snprintf(path, sizeof path, "%s/results.json", folder);
    FILE *file = fopen(path, "re");
    for (size_t got = 0; file != NULL && (got = fread(bytes, 1, sizeof bytes, file)) > 0;) {
        fwrite(bytes, 1, got, stdout);
    }
    return file == NULL ? 3 : fclose(file);
}

/* Writes the report and says how it went; the exit code of the verdict. */
static int tell(struct results *results, const char *folder, const char *junit, bool json, struct arena *arena)
{
    static char text[1 << 16];
    char why[256];
    results->sut_version = SLICE(PONT_VERSION);
    results->commit = slice_from(cli_commit());
    results->compiler = slice_from(cli_compiler());
    enum err err = report_write(results, folder, junit, why, arena);
    if (err != ERR_OK) {
        return cli_fail(err, "%s", why);
    }
    struct buffer summary = buffer_over(text, sizeof text);
    report_put_summary(results, folder, progress_colour(json ? 2 : 1), &summary);
    fwrite(summary.data, 1, summary.size, json ? stderr : stdout);
    if (json) {
        (void)print_json(folder);
    }
    return results->verdict == VERDICT_PASS ? 0 : results->verdict == VERDICT_FAIL ? 1 : 3;
}

static int unjudged_invariant(const struct results *results)
{
    for (size_t i = 0; i < results->scenario->always_count; i++) {
        enum invariant invariant;
        if (results->error.size == 0 && invariant_from_name(results->scenario->always[i], &invariant) && results->invariants[invariant].checked == 0) {
            return cli_fail(ERR_NOTHING_RAN, "expect.always names %.*s, but this run had no case of it", SLICE_ARGS(results->scenario->always[i]));
        }
    }
    return 0;
}

int cmd_run(int argc, char **argv)
{
    struct run_words words = {0};
    const struct option_row rows[] = {
        {"world", "wire", "the world to play in; virtual time comes with a later version", &words.world},
        {"seed", "N", "another seed than the scenario's", &words.seed},
        {"speed", "X", "divide the waits of the plan by X", &words.speed},
        {"out", "DIR", "the run folder", &words.out},
        {"junit", "FILE", "a second copy of junit.xml", &words.junit},
        {"quirks", "LEVEL", "documented, reported or assumed (all; the default)", &words.quirks},
        {"trace", "full|none", "the engine's events and commands as JSON lines (default full)", &words.trace},
        {"progress", "auto|plain|none", "how progress is shown on stderr", &words.progress},
        {"quiet", NULL, "no progress", &words.quiet},
        {"json", NULL, "results.json on stdout, the summary on stderr", &words.json},
        {"timed", NULL, "objectives of time fail the run too", &words.timed},
        {"run-max", "N", "messages in one run, 1 to 64", &words.run_max},
        {"mutant", "NAME", "a deliberate defect (build/mutants/pont only)", &words.mutant},
        {"without", "MITIGATION", "leave a mitigation out (build/mutants/pont only)", &words.without},
    };
    const struct options table = {"run", rows, sizeof rows / sizeof rows[0], 1, 1};
    const char *file = NULL;
    size_t count = 0;
    int code = options_read(&table, argc, argv, &file, &count);
    if (code >= 0) {
        return code;
    }
    static struct run_options run;
    static struct scenario_options options;
    static struct problems problems;
    static struct results results;
    if (!read_words(&words, &run, &options)) {
        return 2;
    }
    struct arena arena;
    struct scenario *scenario = NULL;
    if (arena_make(&arena, RUN_ARENA) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "not enough memory for a run");
    }
    enum err err = scenario_read(&scenario, file, &options, &problems, &arena);
    if (err != ERR_OK) {
        return cli_problems(&problems, file);
    }
    slice world = words.world == NULL ? scenario->world : slice_from(words.world);
    if (!slice_equal(world, SLICE("wire"))) {
        return cli_fail(ERR_BAD_INPUT, "world \"%.*s\" cannot be played by this version; use --world wire", SLICE_ARGS(world));
    }
    char folder[512], why[256];
    run.program = cli_program();
    run.scenario_file = file;
    run.folder = words.out;
    catch_interrupts();
    err = run_wire(&results, scenario, &run, folder, why, &arena);
    if (err != ERR_OK) {
        return cli_fail(err, "%s", why);
    }
    trial_note_arguments(folder, argc, argv);
    code = tell(&results, folder, words.junit, words.json != NULL, &arena);
    if (code == 0) {
        code = unjudged_invariant(&results);
    }
    arena_drop(&arena);
    return code;
}

/* ---- report RUN and rejudge RUN: both judge what the folder holds and write the report of it. */

static int judge_again(const char *command, int argc, char **argv)
{
    const struct options table = {command, NULL, 0, 1, 1};
    const char *folder = NULL;
    size_t count = 0;
    int code = options_read(&table, argc, argv, &folder, &count);
    if (code >= 0) {
        return code;
    }
    static struct scenario_options options;
    static struct problems problems;
    static struct results results;
    struct arena arena;
    struct scenario *scenario = NULL;
    char path[600], why[256] = "";
    snprintf(path, sizeof path, "%s/scenario.yaml", folder);
    if (arena_make(&arena, RUN_ARENA) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "not enough memory for a run");
    }
    if (scenario_read(&scenario, path, &options, &problems, &arena) != ERR_OK) {
        return cli_problems(&problems, path);
    }
    results = (struct results){.scenario = scenario, .world = SLICE("wire"), .sut_name = SLICE("pont"), .lives = 1};
    enum err err = run_judge(&results, scenario, folder, 0, why, &arena);
    if (err != ERR_OK) {
        return cli_fail(err, "%s", why);
    }
    code = tell(&results, folder, NULL, false, &arena);
    arena_drop(&arena);
    return code;
}

int cmd_report(int argc, char **argv)
{
    return judge_again("report", argc, argv);
}

int cmd_rejudge(int argc, char **argv)
{
    return judge_again("rejudge", argc, argv);
}
