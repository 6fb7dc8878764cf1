/* SPDX-License-Identifier: MIT */
#include "src/cli/trial.h"

#include "src/bench/files.h"
#include "src/bench/run.h"
#include "src/cli/cli.h"
#include "src/engine/mutant.h"
#include "src/report/report.h"

#include <jansson.h>
#include <stdio.h>

#define TRIAL_ARENA ((size_t)3 << 30) /* taken lazily: only what is touched is used */

/* Nothing but what it did not reach: of that all seeds together are asked. */
static bool merely_missed(const struct results *results)
{
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        if (results->invariants[i].violations > 0) {
            return false;
        }
    }
    for (size_t i = 0; i < results->expectation_count; i++) {
        if (expectation_fails(&results->expectations[i]) && !results->expectations[i].reach) {
            return false;
        }
    }
    return true;
}

int trial_run(const struct trial *trial)
{
    static struct problems problems;
    static struct results results;
    struct scenario_options options = {.quirks = trial->quirks, .seed_given = trial->seed_given, .seed = trial->seed, .speed = trial->speed,
                                       .sets = trial->settings, .set_count = trial->setting_count};
    struct arena arena;
    struct scenario *scenario = NULL;
    if (options.speed == 0 && !slice_equal(trial->world, SLICE("wire"))) {
        options.speed = 1; /* as pont run does: the file's is the wire's */
    }
    if (arena_make(&arena, TRIAL_ARENA) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "not enough memory for a run");
    }
    if (scenario_read(&scenario, trial->scenario_file, &options, &problems, &arena) != ERR_OK) {
        return cli_problems(&problems, trial->scenario_file);
    }
    struct run_options run = {.program = cli_program(), .scenario_file = trial->scenario_file, .folder = trial->folder, .quirks = trial->quirks,
                              .seed_given = trial->seed_given, .seed = trial->seed, .speed = trial->speed, .progress = PROGRESS_NONE,
                              .mutant = trial->mutant, .without = trial->without, .bare = trial->bare, .until = trial->until};
    char folder[512], why[256];
    enum err err = (slice_equal(trial->world, SLICE("wire")) ? run_wire : run_virtual)(&results, scenario, &run, folder, why, &arena);
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
    bool fell_short = results.verdict == VERDICT_FAIL && !(trial->one_of_many && merely_missed(&results));
    return fell_short ? 1 : results.verdict == VERDICT_INCONCLUSIVE ? 3 : 0;
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

/* ---- args.json */

void trial_note_arguments(const char *folder, int argc, char **argv)
{
    char path[700], bytes[1 << 14];
    struct buffer text = buffer_over(bytes, sizeof bytes);
    buffer_put_byte(&text, '[');
    for (int i = 0; i < argc; i++) {
        buffer_put_text(&text, i == 0 ? "" : ", ");
        buffer_put_json(&text, slice_from(argv[i]));
    }
    buffer_put_text(&text, "]\n");
    snprintf(path, sizeof path, "%s/args.json", folder);
    if (text.full || files_write(path, buffer_slice(&text)) != ERR_OK) {
        fprintf(stderr, "pont: cannot write %s\n", path);
    }
}

/* The value of "--name VALUE" or "--name=VALUE" at word i; empty when it is another one. */
static slice value_at(const json_t *words, size_t i, const char *name)
{
    slice word = slice_from(json_string_value(json_array_get(words, i))), rest;
    if (!slice_starts(word, SLICE("--")) || !slice_starts(slice_after(word, 2), slice_from(name))) {
        return SLICE_EMPTY;
    }
    rest = slice_after(word, 2 + strlen(name));
    return rest.size > 0 && rest.data[0] == '=' ? slice_after(rest, 1) : rest.size == 0 ? slice_from(json_string_value(json_array_get(words, i + 1))) : SLICE_EMPTY;
}

#define SETTINGS_MAX 64

int trial_read_arguments(struct trial *trial, const char *folder, struct arena *arena)
{
    char path[700];
    snprintf(path, sizeof path, "%s/args.json", folder);
    json_t *words = json_load_file(path, 0, NULL);
    struct setting *settings = arena_array(arena, SETTINGS_MAX, sizeof *settings);
    trial->quirks = SLICE("assumed");
    for (size_t i = 0; settings != NULL && i < json_array_size(words); i++) {
        const struct {
            const char *name;
            slice *to;
        } texts[] = {{"quirks", &trial->quirks}, {"mutant", &trial->mutant}, {"without", &trial->without}};
        for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
            slice value = value_at(words, i, texts[t].name);
            *texts[t].to = value.size > 0 ? arena_copy(arena, value) : *texts[t].to;
        }
        (void)slice_to_int64(value_at(words, i, "speed"), &trial->speed);
        slice rest = value_at(words, i, "set");
        if (rest.size > 0 && trial->setting_count < SETTINGS_MAX) {
            rest = arena_copy(arena, rest);
            slice name = slice_cut(&rest, '=');
            settings[trial->setting_count++] = (struct setting){name, rest.data == NULL ? SLICE_EMPTY : rest};
        }
    }
    trial->settings = settings;
    json_decref(words);
    bool ok = trial_defects("shrink", trial->mutant.size > 0 ? trial->mutant.data : NULL, trial->without.size > 0 ? trial->without.data : NULL);
    return ok ? -1 : 2;
}
