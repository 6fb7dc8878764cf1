/* SPDX-License-Identifier: MIT */
#include "src/bench/causes.h"
#include "src/bench/fidelity.h"
#include "src/bench/folder.h"
#include "src/bench/look.h"
#include "src/bench/run.h"
#include "src/cli/cli.h"
#include "src/cli/trial.h"
#include "src/engine/mutant.h"
#include "src/report/report.h"

#include <jansson.h>
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
    const char *world, *seed, *speed, *out, *junit, *quirks, *trace, *progress, *quiet, *json, *mutant, *without, *run_max, *timed, *crash_at, *crash_every, *restore_every, *goto_event, *watch;
    const char *sets[OPTION_MANY + 1];
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
    if (words->crash_every != NULL) {
        if (!option_number("run", "crash-every", words->crash_every, 1, 1000000, &number)) {
            return false;
        }
        if (number == 1) {
            fprintf(stderr, "pont run: --crash-every 1: what dies at each of its commits answers nobody, so the run has no end; --restore-every 1 restores it at each, --crash-at K kills it at one\n");
            return false;
        }
        run->crash_one_in = (uint32_t)number;
    }
    if (words->restore_every != NULL) {
        if (!option_number("run", "restore-every", words->restore_every, 1, 1000000, &number)) {
            return false;
        }
        run->restore_one_in = (uint32_t)number;
    }
    if (words->crash_at != NULL) {
        if (!option_number("run", "crash-at", words->crash_at, 1, INT64_MAX, &run->crash_first)) {
            return false;
        }
        run->crash_one_in = 1;
        run->crash_last = run->crash_first;
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
    run->trace_all = words->trace != NULL && strcmp(words->trace, "full") == 0;
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

static void name_build(struct results *results)
{
    results->sut_version = SLICE(PONT_VERSION);
    results->commit = slice_from(cli_commit());
    results->compiler = slice_from(cli_compiler());
}

/* Writes the report and says how it went; the exit code of the verdict. */
static int tell(struct results *results, const char *folder, const char *junit, bool json, struct arena *arena)
{
    static char text[1 << 16];
    char why[256];
    name_build(results);
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

/* One world of two, into its own folder inside. */
static int run_one(struct results *results, struct scenario *scenario, const struct run_options *options, const char *folder, const char *world, struct hops *hops,
                   struct arena *arena)
{
    struct run_options one = *options;
    char inside[560], used[512], why[256];
    snprintf(inside, sizeof inside, "%s/%s", folder, world);
    one.folder = inside;
    one.hops = hops;
    hops_init(hops, arena);
    enum err err = (strcmp(world, "wire") == 0 ? run_wire : run_virtual)(results, scenario, &one, used, why, arena);
    name_build(results);
    err = err == ERR_OK ? report_write(results, used, NULL, why, arena) : err;
    return err == ERR_OK ? 0 : cli_fail(err, "%s: %s", world, why);
}

/* The same plan in both worlds. What they came to together is judged as the wire's run, unless they differ. */
static int run_both(struct results *results, struct scenario *scenario, const struct run_options *options, char folder[512], struct arena *arena)
{
    static struct results predicted, measured;
    static struct hops hops[2];
    char why[256];
    enum err err = folder_open(folder, scenario, options->scenario_file, "both", options->folder, why);
    if (err != ERR_OK) {
        return cli_fail(err, "%s", why);
    }
    int code = run_one(&predicted, scenario, options, folder, "virtual", &hops[0], arena);
    code = code == 0 ? run_one(&measured, scenario, options, folder, "wire", &hops[1], arena) : code;
    if (code != 0) {
        return code;
    }
    err = folder_show(folder, "wire");
    *results = measured;
    results->world = SLICE("both");
    results->trace_hash = predicted.trace_hash;
    err = err == ERR_OK ? fidelity_compare(&results->fidelity, &predicted, &measured, &hops[0], &hops[1], arena) : err;
    if (err != ERR_OK) {
        return cli_fail(err, "the two worlds cannot be compared: %s", err_text(err));
    }
    fidelity_judge(results, &predicted, arena);
    if (options->folder == NULL) {
        folder_link_latest(folder);
    }
    return 0;
}

static int play(struct results *results, struct scenario *scenario, const struct run_options *options, slice world, char folder[512], struct arena *arena)
{
    char why[256];
    if (slice_equal(world, SLICE("both"))) {
        return run_both(results, scenario, options, folder, arena);
    }
    enum err err = (slice_equal(world, SLICE("wire")) ? run_wire : run_virtual)(results, scenario, options, folder, why, arena);
    return err == ERR_OK ? 0 : cli_fail(err, "%s", why);
}

/* What may be looked at; false, and said, when it cannot be. */
static bool read_look(struct look *look, const struct run_words *words, const struct scenario *scenario, slice world)
{
    static char text[2048];
    struct buffer names = buffer_over(text, sizeof text);
    if ((words->goto_event != NULL || words->watch != NULL) && !slice_equal(world, SLICE("virtual"))) {
        fprintf(stderr, "pont run: --goto and --watch are of the virtual world; say --world virtual\n");
        return false;
    }
    if (words->goto_event != NULL && !option_number("run", "goto", words->goto_event, 1, INT64_MAX, &look->goto_event)) {
        return false;
    }
    if (words->watch != NULL && !look_can_watch(scenario, words->watch)) {
        look_put_watches(&names);
        fprintf(stderr, "pont run: there is no %s to watch; there are\n%.*s", words->watch, (int)names.size, names.data);
        return false;
    }
    look->watch = words->watch;
    look->causes_wanted = words->trace == NULL || strcmp(words->trace, "none") != 0;
    return true;
}

/* What was found is kept with its causes, so that somebody can look into it. */
static void keep_failure(const struct results *results, const char *folder, const char *file, const struct run_words *words, struct arena *arena)
{
    char repeat[1024];
    snprintf(repeat, sizeof repeat, "pont run %s --world virtual --seed %llu%s%s%s%s", file, (unsigned long long)results->scenario->seed,
             words->mutant == NULL ? "" : " --mutant ", words->mutant == NULL ? "" : words->mutant, words->without == NULL ? "" : " --without ",
             words->without == NULL ? "" : words->without);
    if (failure_write(results, folder, repeat, arena) != ERR_OK) {
        fprintf(stderr, "pont: cannot write %s/failure.json\n", folder);
    }
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
        {"world", "wire|virtual|both", "the world to play in (the scenario's; virtual)", &words.world},
        {"seed", "N", "another seed than the scenario's", &words.seed},
        {"speed", "X", "divide the waits of the plan by X", &words.speed},
        {"out", "DIR", "the run folder", &words.out},
        {"junit", "FILE", "a second copy of junit.xml", &words.junit},
        {"quirks", "LEVEL", "documented, reported or assumed (all; the default)", &words.quirks},
        {"trace", "full|window|none", "the engine's events and commands as JSON lines (default: full, in runs of fewer than 2 million lines)", &words.trace},
        {"progress", "auto|plain|none", "how progress is shown on stderr", &words.progress},
        {"quiet", NULL, "no progress", &words.quiet},
        {"json", NULL, "results.json on stdout, the summary on stderr", &words.json},
        {"timed", NULL, "objectives of time fail the run too", &words.timed},
        {"run-max", "N", "messages in one run, 1 to 64", &words.run_max},
        {"crash-at", "K", "virtual: the engine dies at its Kth commit, before what it decided leaves, and is restored", &words.crash_at},
        {"crash-every", "N", "virtual: it dies at a seeded one in N of its commits (2 or more)", &words.crash_every},
        {"restore-every", "N", "virtual: at a seeded one in N commits another is restored beside it and compared", &words.restore_every},
        {"set", "NAME=VALUE...", "give a param of the scenario another value", words.sets},
        {"goto", "N", "virtual: stop when event N was taken, and say where everything stands", &words.goto_event},
        {"watch", "FIELD", "virtual: a line whenever this number changes; help lists what can be watched", &words.watch},
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
    static struct setting settings[OPTION_MANY];
    static struct look look;
    options.sets = settings;
    if (!read_words(&words, &run, &options) || !option_settings("run", words.sets, settings, &options.set_count)) {
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
    if (!slice_equal(world, SLICE("both")) && !slice_equal(world, SLICE("wire")) && !slice_equal(world, SLICE("virtual"))) {
        return cli_fail(ERR_BAD_INPUT, "--world is \"%.*s\"; it must be wire, virtual or both", SLICE_ARGS(world));
    }
    if (!read_look(&look, &words, scenario, world)) {
        return 2;
    }
    char folder[512];
    run.look = &look;
    run.program = cli_program();
    run.scenario_file = file;
    run.folder = words.out;
    run.timed = words.timed != NULL;
    catch_interrupts();
    if (slice_equal(world, SLICE("virtual")) && words.speed == NULL && scenario->speed != 1) {
        options.speed = 1; /* the file's is the wire's: virtual time has time */
        if (scenario_read(&scenario, file, &options, &problems, &arena) != ERR_OK) {
            return cli_problems(&problems, file);
        }
    }
    code = play(&results, scenario, &run, world, folder, &arena);
    if (code != 0) {
        return code;
    }
    trial_note_arguments(folder, argc, argv);
    if (look.reached) {
        return 0;
    }
    name_build(&results);
    if (results.verdict == VERDICT_FAIL && slice_equal(world, SLICE("virtual"))) {
        keep_failure(&results, folder, file, &words, &arena);
    }
    code = tell(&results, folder, words.junit, words.json != NULL, &arena);
    if (code == 0) {
        code = unjudged_invariant(&results);
    }
    arena_drop(&arena);
    return code;
}

/* ---- report RUN and rejudge RUN: both judge what the folder holds and write the report of it. A run in virtual time holds
 * all it needs to be played again, which is what is done. */

/* World and seed as results.json says; the scenario's own where there is none. */
static void read_before(const char *folder, char world[16], struct scenario_options *options)
{
    char path[600];
    snprintf(path, sizeof path, "%s/results.json", folder);
    json_t *before = json_load_file(path, 0, NULL);
    const char *name = json_string_value(json_object_get(before, "world"));
    json_t *seed = json_object_get(before, "seed");
    snprintf(world, 16, "%s", name == NULL ? "wire" : name);
    options->seed_given = json_is_integer(seed);
    options->seed = (uint64_t)json_integer_value(seed);
    json_decref(before);
}

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
    char path[600], used[512], world[16], why[256] = "";
    snprintf(path, sizeof path, "%s/scenario.yaml", folder);
    read_before(folder, world, &options);
    if (strcmp(world, "both") == 0) {
        return cli_fail(ERR_BAD_INPUT, "%s holds two runs; judge %s/virtual or %s/wire again", folder, folder, folder);
    }
    if (access(path, R_OK) != 0) {
        return cli_fail(ERR_BAD_INPUT, "%s is no run folder: it holds no scenario.yaml; pont run writes one, see reports/runs", folder);
    }
    if (arena_make(&arena, RUN_ARENA) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "not enough memory for a run");
    }
    if (scenario_read(&scenario, path, &options, &problems, &arena) != ERR_OK) {
        return cli_problems(&problems, path);
    }
    results = (struct results){.scenario = scenario, .world = SLICE("wire"), .sut_name = SLICE("pont"), .lives = 1};
    const struct run_options again = {.scenario_file = path, .folder = folder, .again = true, .trace = true, .progress = PROGRESS_NONE};
    enum err err = strcmp(world, "virtual") == 0 ? run_virtual(&results, scenario, &again, used, why, &arena) : run_judge(&results, scenario, folder, 0, why, &arena);
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
