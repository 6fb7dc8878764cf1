/* SPDX-License-Identifier: MIT
 *
 * shrink: from a run that failed to a small scenario that fails in the same way. */
#include "src/base/hash.h"
#include "src/bench/files.h"
#include "src/bench/freeze.h"
#include "src/bench/progress.h"
#include "src/bench/reduce.h"
#include "src/bench/results.h"
#include "src/bench/sample.h"
#include "src/bench/shrink.h"
#include "src/cli/cli.h"
#include "src/cli/trial.h"
#include "src/engine/mutant.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHRINK_ARENA ((size_t)1 << 30) /* taken lazily */
#define TEXT_MAX ((size_t)16 << 20)
#define SEEDS 3             /* the run's own, and two others that the result should fail with as well */
#define ROUNDS_MAX 8
#define PROBE_GUARD_S 120   /* a probe that hangs is ended */
#define SECONDS_DEFAULT 300

struct job {
    const char *run_folder;
    char folder[600], scenario_file[600], out[600];
    struct trial trial;
    struct sample sample;      /* of the run */
    slice rule;
    uint64_t seeds[SEEDS];
    size_t seed_count;         /* those with which the whole scenario fails so */
    const struct tree *written, *root; /* as the run had it, and with its faults one by one */
    struct reduce reduce;
    struct shrink shrink;
    enum progress_mode progress;
    bool live;
    double begun;
    char *text;                /* of the candidate, TEXT_MAX */
    slice now;                 /* of what is kept */
    enum invariant invariant;  /* that the rule is, if it is one */
    bool is_invariant;
    bool **history;            /* what was kept after each accepted step with the seed of the run alone, each less than the one before */
    size_t history_count, history_size;
    struct arena arena;
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- One probe: in a child, which makes one of its own for each seed, as a process plays one run. */

static bool ended_so(const struct job *job, const char *folder, bool sound)
{
    static struct sample sample;
    char path[800];
    struct arena arena = job->arena; /* a child's: nothing is kept */
    snprintf(path, sizeof path, "%s/results.json", folder);
    if (sample_read(&sample, path, &arena) != ERR_OK) {
        return false;
    }
    bool failed = false;
    for (size_t i = 0; i < sample.failed_count; i++) {
        failed = failed || slice_equal(sample.failed[i], job->rule);
    }
    return sound ? sample.verdict == SAMPLE_PASS : failed;
}

static void be_sound(struct trial *trial)
{
#ifdef PONT_MUTANTS
    memset(mutants_on, 0, sizeof mutants_on);
    mutants_without = 0;
#endif
    trial->mutant = trial->without = SLICE_EMPTY;
}

/* Plays a file with a seed: does it fail by the rule? `sound`: does it pass with an engine that has no planted defect? */
static bool play(const struct job *job, const char *file, uint64_t seed, size_t number, bool sound)
{
    char folder[700];
    int status = 0;
    snprintf(folder, sizeof folder, "%s/%zu-%llu%s", job->folder, number, (unsigned long long)seed, sound ? "-sound" : "");
    fflush(NULL); /* or the child would write it again */
    pid_t pid = fork();
    if (pid == 0) {
        struct trial trial = job->trial;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        alarm(PROBE_GUARD_S);
        trial.scenario_file = file;
        trial.seed_given = true;
        trial.seed = seed;
        trial.folder = folder;
        if (sound) {
            be_sound(&trial);
        } else if (job->is_invariant) {
            trial.until = &job->invariant; /* what comes after the violation does not matter */
        }
        trial.bare = !slice_equal(job->rule, SLICE("replayable"));
        int code = trial_run(&trial);
        fflush(NULL);
        _exit(code);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    bool so = ended_so(job, folder, sound);
    files_remove_folder(folder);
    return so;
}

static bool probe(void *self, const bool *keep, size_t number)
{
    struct job *job = self;
    char file[700];
    struct buffer text = buffer_over(job->text, TEXT_MAX);
    reduce_put(&job->reduce, keep, &text);
    if (text.full) {
        return false;
    }
    snprintf(file, sizeof file, "%s/%zu.yaml", job->folder, number);
    bool fails = files_write(file, buffer_slice(&text)) == ERR_OK;
    for (size_t s = 0; fails && s < job->seed_count; s++) {
        fails = play(job, file, job->seeds[s], number, false);
    }
    if (fails && (job->trial.mutant.size > 0 || job->trial.without.size > 0)) {
        fails = play(job, file, job->seeds[0], number, true); /* else it slipped to a story that nobody could pass */
    }
    unlink(file);
    return fails;
}

/* What a candidate says: two of one text are the same. */
static uint64_t name_of(void *self, const bool *keep)
{
    struct job *job = self;
    struct buffer text = buffer_over(job->text, TEXT_MAX);
    reduce_put(&job->reduce, keep, &text);
    return hash64(1, buffer_slice(&text));
}

/* ---- Progress. */

static void remember(struct job *job)
{
    struct buffer text = buffer_over(job->text, TEXT_MAX);
    reduce_put(&job->reduce, job->shrink.keep, &text);
    free((void *)(uintptr_t)job->now.data);
    char *copy = malloc(text.size + 1);
    if (copy != NULL) {
        memcpy(copy, text.data, text.size);
    }
    job->now = (slice){copy, copy == NULL ? 0 : text.size};
}

static void note_history(struct job *job)
{
    if (job->history_count == job->history_size) {
        size_t size = job->history_size * 2 + 64;
        bool **grown = realloc(job->history, size * sizeof *grown);
        if (grown == NULL) {
            return; /* there is a step less to go back to */
        }
        job->history = grown;
        job->history_size = size;
    }
    bool *copy = malloc(job->shrink.count + 1);
    if (copy != NULL) {
        memcpy(copy, job->shrink.keep, job->shrink.count);
        job->history[job->history_count++] = copy;
    }
}

static void told(void *self, struct shrink *shrink)
{
    struct job *job = self;
    reduce_settle(&job->reduce, shrink->keep);
    remember(job);
    if (job->seed_count == 1) {
        note_history(job);
    }
    if (job->progress != PROGRESS_NONE) {
        fprintf(stderr, job->live ? "\r\033[K" : "pont: ");
        fprintf(stderr, "%3.0f s  %zu probes  %zu people, %zu studies, %zu steps, %zu faults, %zu nodes left, %zu bytes", seconds() - job->begun, shrink->probes,
                reduce_left(&job->reduce, shrink->keep, "people"), reduce_left(&job->reduce, shrink->keep, "studies"), reduce_left(&job->reduce, shrink->keep, "story"),
                reduce_left(&job->reduce, shrink->keep, "faults"), reduce_left(&job->reduce, shrink->keep, "nodes"), job->now.size);
        fprintf(stderr, job->live ? "" : "\n");
    }
}

/* ---- What is to be shrunk. */

static int read_run(struct job *job, const char *rule)
{
    char path[700];
    snprintf(path, sizeof path, "%s/results.json", job->run_folder);
    enum err err = sample_read(&job->sample, path, &job->arena);
    if (err != ERR_OK) {
        return cli_fail(err, "%s is not there, or no results of this version; name a run folder", path);
    }
    snprintf(job->scenario_file, sizeof job->scenario_file, "%s/scenario.yaml", job->run_folder);
    if (access(job->scenario_file, R_OK) != 0) {
        return cli_fail(ERR_NOT_FOUND, "%s is not there; name a run folder", job->scenario_file);
    }
    if (job->sample.failed_count == 0) {
        return cli_fail(ERR_BAD_INPUT, "nothing fell short in %s, so there is nothing to shrink", job->run_folder);
    }
    job->rule = rule != NULL ? slice_from(rule) : job->sample.failed[0];
    bool found = false;
    for (size_t i = 0; i < job->sample.failed_count; i++) {
        found = found || slice_equal(job->sample.failed[i], job->rule);
    }
    if (!found) {
        return cli_fail(ERR_BAD_INPUT, "%s held in %s; what fell short is %.*s", rule, job->run_folder, SLICE_ARGS(job->sample.failed[0]));
    }
    job->is_invariant = invariant_from_name(job->rule, &job->invariant);
    job->trial.world = job->sample.world;
    return trial_read_arguments(&job->trial, job->run_folder, &job->arena);
}

/* What came by chance is written down one by one; where that cannot be, the scenario stays as it is. */
static const struct tree *freeze(struct job *job, const struct tree *root)
{
    static struct problems problems;
    char plan[700];
    const struct tree *frozen = root;
    struct scenario *scenario = NULL;
    struct scenario_options options = {.quirks = job->trial.quirks, .seed_given = true, .seed = job->sample.seed, .speed = job->trial.speed == 0 ? 1 : job->trial.speed,
                                       .sets = job->trial.settings, .set_count = job->trial.setting_count};
    snprintf(plan, sizeof plan, "%s/plan.jsonl", job->run_folder);
    bool frozen_well = scenario_read(&scenario, job->scenario_file, &options, &problems, &job->arena) == ERR_OK &&
                       freeze_faults(&frozen, root, scenario, plan, &job->arena) == ERR_OK;
    return frozen_well ? frozen : root;
}

static int take_tree(struct job *job, const struct tree *root)
{
    job->root = root;
    if (reduce_init(&job->reduce, root, job->rule, &job->arena) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "%s has more than %d entries", job->scenario_file, REDUCE_ITEMS_MAX);
    }
    job->shrink.count = job->reduce.count;
    job->shrink.keep = arena_alloc(&job->arena, job->reduce.count + 1);
    if (job->shrink.keep == NULL) {
        return cli_fail(ERR_LIMIT, "not enough memory");
    }
    memset(job->shrink.keep, true, job->reduce.count);
    remember(job);
    return -1;
}

static int read_tree(struct job *job)
{
    static struct problems problems;
    const struct complaints to = {.problems = &problems, .file = job->scenario_file};
    struct tree *root = NULL;
    slice source;
    if (tree_load(&source, job->scenario_file, &to, &job->arena) != ERR_OK || tree_parse(&root, source, &to, &job->arena) != ERR_OK) {
        return cli_problems(&problems, job->scenario_file);
    }
    job->written = root;
    job->text = malloc(TEXT_MAX);
    return job->text == NULL ? cli_fail(ERR_LIMIT, "not enough memory") : take_tree(job, freeze(job, root));
}

/* Does the whole of it fail when played again? With its faults one by one, or else as it was written. */
static int try_whole(struct job *job)
{
    job->seeds[0] = job->sample.seed;
    job->seed_count = 1;
    bool fails = shrink_holds(&job->shrink);
    if (!fails && job->root != job->written && job->shrink.err == ERR_OK) {
        int code = take_tree(job, job->written);
        if (code >= 0) {
            return code;
        }
        fails = shrink_holds(&job->shrink);
    }
    if (!fails) {
        return cli_fail(ERR_SYSTEM, "played again, %.*s holds: what failed in %s is not repeated by its scenario, seed and options", SLICE_ARGS(job->rule), job->run_folder);
    }
    job->shrink.probes = job->shrink.probes < 2 ? 1 : job->shrink.probes; /* number 1 is the whole; those that follow are compared with it */
    return -1;
}

/* ---- The passes: each group in its order, again until a round takes nothing away. */

static void pass_groups(struct job *job, size_t end)
{
    for (size_t g = 0; g < end && job->shrink.err == ERR_OK; g++) {
        (void)shrink_group(&job->shrink, job->reduce.groups[g], job->reduce.groups[g + 1] - job->reduce.groups[g]);
        if (job->reduce.has_length && g + 1 == job->reduce.faults_end) {
            (void)shrink_group(&job->shrink, job->reduce.groups[0], job->reduce.groups[1] - job->reduce.groups[0]);
        }
    }
}

static void pass_all(struct job *job)
{
    for (size_t round = 0; round < ROUNDS_MAX && job->shrink.err == ERR_OK && !job->shrink.out_of_time; round++) {
        size_t before = shrink_kept(&job->shrink, 0, job->shrink.count), bytes = job->now.size;
        pass_groups(job, job->reduce.group_count);
        if (shrink_kept(&job->shrink, 0, job->shrink.count) == before || job->now.size == bytes) {
            break;
        }
    }
}

/* ---- Other seeds. What needs none is asked of the seed of the run alone until the faults are few, as that is quicker, then of all. */

static bool fails_with(struct job *job, const bool *keep, size_t seeds)
{
    memmove(job->shrink.keep, keep, job->shrink.count);
    job->seed_count = seeds;
    return job->shrink.err == ERR_OK && shrink_holds(&job->shrink);
}

/* What failed with one seed does not fail with all: as long as before, with the faults that are left? */
static bool fails_longer(struct job *job, const bool *last)
{
    if (!job->reduce.has_length) {
        return false;
    }
    memmove(job->shrink.keep, last, job->shrink.count);
    for (size_t i = job->reduce.groups[0]; i < job->reduce.groups[1]; i++) {
        job->shrink.keep[i] = true;
    }
    return fails_with(job, job->shrink.keep, SEEDS);
}

/* The last step, or nearly, that failed with all seeds. False: not even the first one. */
static bool go_back(struct job *job)
{
    size_t good = 0, bad = job->history_count; /* good - 1 fails with all */
    while (bad - good > 1) {
        size_t middle = good + (bad - good) / 2;
        if (fails_with(job, job->history[middle - 1], SEEDS)) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    return good > 0 && (memcpy(job->shrink.keep, job->history[good - 1], job->shrink.count), true);
}

/* With as many seeds as the whole of it fails with. */
static void take_whole(struct job *job, const bool *last)
{
    size_t seeds = SEEDS;
    for (; seeds > 1; seeds--) {
        memset(job->shrink.keep, true, job->shrink.count);
        shrink_forget(&job->shrink);
        if (fails_with(job, job->shrink.keep, seeds)) {
            break;
        }
    }
    job->seed_count = seeds;
    if (seeds == 1) { /* it hangs on the seed of the run: what that one came to stands */
        memcpy(job->shrink.keep, last, job->shrink.count);
        shrink_forget(&job->shrink);
    }
}

static void pass_with_seeds(struct job *job)
{
    note_history(job);
    pass_groups(job, job->reduce.faults_end > 0 ? job->reduce.faults_end : job->reduce.group_count);
    if (job->shrink.err != ERR_OK || job->shrink.out_of_time || job->history_count == 0) {
        return;
    }
    const bool *last = job->history[job->history_count - 1];
    for (size_t s = 0; s < SEEDS; s++) {
        job->seeds[s] = job->sample.seed + s;
    }
    if (!fails_with(job, last, SEEDS) && !fails_longer(job, last) && !go_back(job)) {
        take_whole(job, last);
    }
    remember(job);
    pass_all(job);
}

/* ---- The result. */

static void put_comment(const struct job *job, struct buffer *text)
{
    enum invariant invariant;
    buffer_put_text(text, "# Shrunk by `pont shrink`: ");
    buffer_put(text, job->rule);
    buffer_put_text(text, " falls short here");
    if (invariant_from_name(job->rule, &invariant)) {
        buffer_put_text(text, ".\n# It would hold if ");
        buffer_put_text(text, invariant_text(invariant));
    }
    buffer_put_text(text, ".\n# From ");
    buffer_put(text, job->sample.scenario);
    buffer_put_text(text, " with seed ");
    buffer_put_int(text, (int64_t)job->sample.seed);
    if (job->trial.mutant.size > 0) {
        buffer_put_text(text, " and the deliberate defect ");
        buffer_put(text, job->trial.mutant);
    }
    buffer_put_text(text, job->seed_count == SEEDS ? "; the seed does not matter: it falls short with two others as well.\n" : "; with other seeds it may hold.\n");
}

static int write_result(struct job *job)
{
    char *memory = malloc(TEXT_MAX);
    struct buffer text = buffer_over(memory, memory == NULL ? 0 : TEXT_MAX);
    put_comment(job, &text);
    buffer_put(&text, job->now);
    enum err err = text.full ? ERR_LIMIT : files_write(job->out, buffer_slice(&text));
    free(memory);
    return err == ERR_OK ? -1 : cli_fail(err, "cannot write %s: %s", job->out, strerror(errno));
}

static void tell(const struct job *job)
{
    const bool *keep = job->shrink.keep;
    printf("%.*s still falls short with %zu people, %zu studies, %zu steps, %zu faults at %zu nodes%s\n", SLICE_ARGS(job->rule),
           reduce_left(&job->reduce, keep, "people"), reduce_left(&job->reduce, keep, "studies"), reduce_left(&job->reduce, keep, "story"),
           reduce_left(&job->reduce, keep, "faults"), reduce_left(&job->reduce, keep, "nodes"), job->shrink.out_of_time ? "; the time ran out before nothing more could go" : "");
    printf("%zu probes in %.1f s; %s\n", job->shrink.probes, seconds() - job->begun,
           job->seed_count == SEEDS ? "it falls short with three seeds, so none is needed" : "it falls short with the seed of the run alone");
    printf("written to %s\nrepeat  pont run %s --world %.*s%s%.*s\n", job->out, job->out, SLICE_ARGS(job->trial.world), job->trial.mutant.size > 0 ? " --mutant " : "",
           SLICE_ARGS(job->trial.mutant));
}

/* Profiles that lay beside the scenario: they go where a candidate is read, and where the result is written. */
static void copy_profiles(const struct job *job, const char *folder)
{
    const struct tree *nodes = tree_get(job->root, "nodes");
    const char *slash = job->sample.file.size > 0 ? strrchr(job->sample.file.data, '/') : NULL;
    for (const struct tree *node = nodes == NULL ? NULL : nodes->first; node != NULL && slash != NULL; node = node->next) {
        const struct tree *vendor = tree_get(node, "vendor");
        char from[1200], to[1200];
        if (vendor != NULL) {
            snprintf(from, sizeof from, "%.*s/%.60s.yaml", (int)(slash - job->sample.file.data), job->sample.file.data, vendor->text.data);
            snprintf(to, sizeof to, "%s/%.60s.yaml", folder, vendor->text.data);
            if (access(from, R_OK) == 0 && access(to, F_OK) != 0) {
                (void)!files_copy(from, to);
            }
        }
    }
}

static int shrink_run(struct job *job)
{
    if (files_make_folder(job->folder) != ERR_OK) {
        return cli_fail(ERR_SYSTEM, "cannot make %s: %s", job->folder, strerror(errno));
    }
    copy_profiles(job, job->folder);
    int code = try_whole(job);
    if (code < 0) {
        pass_with_seeds(job);
        if (job->live) {
            fputs("\r\033[K", stderr);
        }
        code = job->shrink.err == ERR_OK ? write_result(job) : cli_fail(job->shrink.err, "interrupted, or no process could be started");
    }
    shrink_forget(&job->shrink);
    files_remove_folder(job->folder);
    if (code >= 0) {
        return code;
    }
    char folder[600];
    snprintf(folder, sizeof folder, "%s", job->out);
    char *slash = strrchr(folder, '/');
    copy_profiles(job, slash == NULL ? "." : (*slash = '\0', folder));
    tell(job);
    return 0;
}

int cmd_shrink(int argc, char **argv)
{
    static struct job job;
    const char *out = NULL, *rule = NULL, *jobs = NULL, *limit = NULL, *quiet = NULL;
    const struct option_row rows[] = {
        {"out", "FILE", "the scenario to write; RUN/shrunk.yaml when absent", &out},
        {"rule", "ID", "the invariant or expectation; the first that fell short when absent", &rule},
        {"jobs", "N", "probes at once; as many as there are processors when absent", &jobs},
        {"seconds", "N", "the time it may take (300)", &limit},
        {"quiet", NULL, "no progress", &quiet},
    };
    const struct options table = {"shrink", rows, sizeof rows / sizeof rows[0], 1, 1};
    int64_t job_count = sysconf(_SC_NPROCESSORS_ONLN), most = SECONDS_DEFAULT;
    size_t count = 0;
    int code = options_read(&table, argc, argv, &job.run_folder, &count);
    if (code >= 0) {
        return code;
    }
    if ((jobs != NULL && !option_number("shrink", "jobs", jobs, 1, 16, &job_count)) || (limit != NULL && !option_number("shrink", "seconds", limit, 1, 100000, &most))) {
        return 2;
    }
    if (arena_make(&job.arena, SHRINK_ARENA) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "not enough memory");
    }
    code = read_run(&job, rule);
    code = code < 0 ? read_tree(&job) : code;
    if (code >= 0) {
        return code;
    }
    job.begun = seconds();
    job.progress = quiet != NULL ? PROGRESS_NONE : PROGRESS_AUTO;
    job.live = isatty(STDERR_FILENO);
    job.shrink.jobs = job_count < 1 ? 1 : (size_t)job_count;
    job.shrink.deadline_ns = (int64_t)((job.begun + (double)most) * 1e9);
    job.shrink.fails = probe;
    job.shrink.told = told;
    job.shrink.name = name_of;
    job.shrink.self = &job;
    snprintf(job.folder, sizeof job.folder, "%s/.shrink", job.run_folder);
    snprintf(job.out, sizeof job.out, "%s%s", out != NULL ? out : job.run_folder, out != NULL ? "" : "/shrunk.yaml");
    return shrink_run(&job);
}
