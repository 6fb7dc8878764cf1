/* SPDX-License-Identifier: MIT
 *
 * sweep: a scenario with many seeds. */
#include "src/base/hash.h"
#include "src/bench/files.h"
#include "src/bench/sweep.h"
#include "src/cli/cli.h"
#include "src/cli/trial.h"
#include "src/report/report.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SWEEP_ARENA ((size_t)2 << 30) /* taken lazily */
#define JSON_MAX ((size_t)512 << 20)
#define SLURM_PARTS 64
#define SLURM_PARTS_MAX 1000 /* MaxArraySize of an untouched Slurm is 1001 */

struct sweep_words {
    const char *seeds, *jobs, *slurm, *out, *part, *world, *quirks, *speed, *progress, *quiet, *json, *mutant, *without;
};
struct sweep_job {
    struct sweep_words words;
    struct trial trial;
    struct sweep_options options;
    struct sweep_arm *arms;
    size_t arm_count;
    struct scenario *scenario;
    char folder[512], more[512];
    struct arena arena;
};

/* ---- What was asked for. */

static bool read_seeds(struct sweep_job *job)
{
    const struct study_plan *study = &job->scenario->study;
    int64_t first = 1, last = 0;
    if (job->words.seeds == NULL) {
        if (!study->wanted || study->seed_count == 0) {
            fprintf(stderr, "pont sweep: say which seeds, as --seeds 1..100; the scenario has no study.seeds\n");
            return false;
        }
        job->options.first = study->seed_from;
        job->options.seed_count = study->seed_count;
        job->options.study = study;
        return true;
    }
    slice rest = slice_from(job->words.seeds);
    const char *dots = strstr(job->words.seeds, "..");
    slice low = dots == NULL ? rest : slice_before(rest, (size_t)(dots - job->words.seeds));
    slice high = dots == NULL ? rest : slice_from(dots + 2);
    if (!slice_to_int64(low, &first) || !slice_to_int64(high, &last) || first < 0 || last < first || last - first >= SWEEP_SEEDS_MAX) {
        fprintf(stderr, "pont sweep: --seeds is \"%s\"; write it as 1..100, at most %d of them\n", job->words.seeds, SWEEP_SEEDS_MAX);
        return false;
    }
    job->options.first = (uint64_t)first;
    job->options.seed_count = (size_t)(last - first + 1);
    return true;
}

static bool read_part(struct sweep_job *job)
{
    int64_t part = 0, parts = 0;
    slice rest = slice_from(job->words.part), first = slice_cut(&rest, '/');
    if (!slice_to_int64(first, &part) || rest.data == NULL || !slice_to_int64(rest, &parts) || part < 0 || parts < 1 || part >= parts) {
        fprintf(stderr, "pont sweep: --part is \"%s\"; write it as 0/8, 1/8, ... 7/8\n", job->words.part);
        return false;
    }
    job->options.part = (size_t)part;
    job->options.parts = (size_t)parts;
    return true;
}

static bool read_words(struct sweep_job *job)
{
    const struct sweep_words *words = &job->words;
    int64_t jobs = sysconf(_SC_NPROCESSORS_ONLN);
    jobs = job->scenario->study.jobs > 0 ? job->scenario->study.jobs : jobs < 1 ? 1 : jobs;
    if (!read_seeds(job) || (words->part != NULL && !read_part(job)) || (words->jobs != NULL && !option_number("sweep", "jobs", words->jobs, 1, 256, &jobs))) {
        return false;
    }
    slice world = words->world != NULL ? slice_from(words->world) : job->scenario->study.world.size > 0 ? job->scenario->study.world : job->scenario->world;
    world = slice_equal(world, SLICE("both")) ? SLICE("virtual") : world;
    if (!slice_equal(world, SLICE("virtual")) && !slice_equal(world, SLICE("wire"))) {
        fprintf(stderr, "pont sweep: --world is \"%.*s\"; it must be virtual or wire\n", SLICE_ARGS(world));
        return false;
    }
    job->options.world = job->trial.world = world;
    job->options.jobs = (size_t)jobs;
    job->options.progress = words->quiet != NULL ? PROGRESS_NONE : PROGRESS_AUTO;
    if (words->progress != NULL) {
        job->options.progress = strcmp(words->progress, "none") == 0 ? PROGRESS_NONE : strcmp(words->progress, "plain") == 0 ? PROGRESS_PLAIN : PROGRESS_AUTO;
    }
    return trial_defects("sweep", words->mutant, words->without);
}

/* What must be the same for two results to stand in one folder. */
static bool make_identity(struct sweep_job *job)
{
    slice program;
    size_t used = job->arena.used;
    char digest[SHA256_TEXT_SIZE + 1], text[512];
    if (files_read(&program, "/proc/self/exe", &job->arena) != ERR_OK) {
        return false;
    }
    sha256_text(program, digest);
    job->arena.used = used;
    int size = snprintf(text, sizeof text, "scenario %s\nprogram %s\nworld %.*s\noptions %s\n", job->scenario->sha256, digest, SLICE_ARGS(job->options.world), job->more);
    job->options.identity = arena_copy(&job->arena, (slice){text, size < (int)sizeof text ? (size_t)size : sizeof text - 1});
    return job->options.identity.data != NULL;
}

static void put_more(struct sweep_job *job)
{
    const struct {
        const char *name, *value;
    } rows[] = {{"quirks", job->words.quirks}, {"speed", job->words.speed}, {"mutant", job->words.mutant}, {"without", job->words.without}};
    struct buffer more = buffer_over(job->more, sizeof job->more - 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].value != NULL) {
            buffer_put_text(&more, more.size == 0 ? "--" : " --");
            buffer_put_text(&more, rows[i].name);
            buffer_put_byte(&more, ' ');
            buffer_put_text(&more, rows[i].value);
        }
    }
    job->more[more.size] = '\0';
    job->options.more = job->more;
}

static int play(void *self, const struct sweep_arm *arm, uint64_t seed, const char *folder)
{
    struct sweep_job *job = self;
    struct trial trial = job->trial;
    trial.settings = arm->settings;
    trial.setting_count = arm->setting_count;
    trial.seed_given = true;
    trial.seed = seed;
    trial.folder = folder;
    trial.one_of_many = true;
    return trial_run(&trial);
}

static int prepare(struct sweep_job *job, const char *file)
{
    static struct problems problems;
    struct scenario_options options = {.quirks = job->words.quirks == NULL ? SLICE("assumed") : slice_from(job->words.quirks)};
    if (job->words.speed != NULL && !option_number("sweep", "speed", job->words.speed, 1, 1000000, &options.speed)) {
        return 2;
    }
    if (arena_make(&job->arena, SWEEP_ARENA) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "not enough memory for a sweep");
    }
    if (scenario_read(&job->scenario, file, &options, &problems, &job->arena) != ERR_OK) {
        return cli_problems(&problems, file);
    }
    job->trial = (struct trial){.scenario_file = file, .quirks = options.quirks, .speed = options.speed,
                                .mutant = slice_from(job->words.mutant), .without = slice_from(job->words.without)};
    if (!read_words(job)) {
        return 2;
    }
    put_more(job);
    snprintf(job->folder, sizeof job->folder, "reports/runs/%.*s-sweep-%llu-%zu", SLICE_ARGS(job->scenario->id), (unsigned long long)job->options.first,
             job->options.seed_count);
    job->options.folder = job->words.out != NULL ? job->words.out : job->folder;
    job->options.scenario_file = file;
    job->options.sha256 = slice_from(job->scenario->sha256);
    job->options.always = job->scenario->always;
    job->options.always_count = job->scenario->always_count;
    job->options.play = play;
    job->options.self = job;
    if (!make_identity(job) || sweep_arms(job->scenario, &job->arms, &job->arm_count, &job->arena) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "the study has more than %d arms", SWEEP_ARMS_MAX);
    }
    return -1;
}

/* ---- What is left behind. */

static int tell(struct sweep_job *job, struct sweep *sweep)
{
    static char text[1 << 16];
    char path[600], why[256];
    char *memory = malloc(JSON_MAX);
    struct buffer json = buffer_over(memory, memory == NULL ? 0 : JSON_MAX);
    snprintf(path, sizeof path, "%s/sweep.json", job->options.folder);
    sweep_put_json(sweep, &json, &job->arena);
    enum err err = json.full ? ERR_LIMIT : files_write(path, buffer_slice(&json));
    if (err == ERR_OK) {
        err = report_sweep(sweep, job->options.folder, why, &job->arena);
    }
    if (err != ERR_OK) {
        free(memory);
        return cli_fail(err, "cannot write %s: %s", path, err == ERR_LIMIT ? "it is too large" : strerror(errno));
    }
    struct buffer summary = buffer_over(text, sizeof text);
    sweep_put_summary(sweep, &summary);
    fwrite(summary.data, 1, summary.size, job->words.json == NULL ? stdout : stderr);
    fprintf(job->words.json == NULL ? stdout : stderr, "report  %s/index.html\n", job->options.folder);
    if (job->words.json != NULL) {
        fwrite(json.data, 1, json.size, stdout);
    }
    free(memory);
    enum sample_verdict verdict = sweep_verdict(sweep);
    for (size_t a = 0; verdict == SAMPLE_PASS && a < sweep->arm_count; a++) {
        slice unjudged = sweep_unjudged(sweep, &sweep->results[a], 0);
        if (unjudged.size > 0) {
            return cli_fail(ERR_NOTHING_RAN, "expect.always names %.*s, but no seed had a case of it", SLICE_ARGS(unjudged));
        }
    }
    return verdict == SAMPLE_PASS ? 0 : verdict == SAMPLE_FAIL ? 1 : 3;
}

/* ---- A cluster. */

extern char **environ;

static enum err write_script(const struct sweep_job *job, size_t parts, char path[600])
{
    char bytes[4096], here[2048], scenario[4096];
    struct buffer script = buffer_over(bytes, sizeof bytes);
    if (getcwd(here, sizeof here) == NULL || realpath(job->options.scenario_file, scenario) == NULL) {
        return ERR_SYSTEM;
    }
    snprintf(path, 600, "%s/slurm.sh", job->options.folder);
    buffer_put_text(&script, "#!/bin/sh\n#SBATCH --job-name=pont-sweep\n#SBATCH --requeue\n#SBATCH --array=0-");
    buffer_put_int(&script, (int64_t)parts - 1);
    buffer_put_byte(&script, '%');
    buffer_put_int(&script, job->scenario->study.at_once > 0 ? job->scenario->study.at_once : SLURM_PARTS);
    buffer_put_text(&script, "\ncd '");
    buffer_put_text(&script, here);
    buffer_put_text(&script, "' || exit 3\nexec '");
    buffer_put_text(&script, cli_program());
    buffer_put_text(&script, "' sweep '");
    buffer_put_text(&script, job->options.scenario_file);
    buffer_put_text(&script, "' --seeds ");
    buffer_put_int(&script, (int64_t)job->options.first);
    buffer_put_text(&script, "..");
    buffer_put_int(&script, (int64_t)(job->options.first + job->options.seed_count - 1));
    buffer_put_text(&script, " --world ");
    buffer_put(&script, job->options.world);
    buffer_put_text(&script, " --jobs 1 --quiet --out '");
    buffer_put_text(&script, job->options.folder);
    buffer_put_text(&script, "' --part \"$SLURM_ARRAY_TASK_ID/");
    buffer_put_int(&script, (int64_t)parts);
    buffer_put_text(&script, "\" ");
    buffer_put_text(&script, job->more);
    buffer_put_byte(&script, '\n');
    return script.full ? ERR_LIMIT : files_write(path, buffer_slice(&script));
}

static int submit(struct sweep_job *job)
{
    char path[600];
    size_t tasks = job->options.seed_count * job->arm_count, parts = tasks < SLURM_PARTS_MAX ? tasks : SLURM_PARTS_MAX;
    size_t few = job->scenario->study.at_once > 0 ? job->scenario->study.at_once : SLURM_PARTS;
    parts = parts < few ? parts : few;
    if (files_make_folder(job->options.folder) != ERR_OK || write_script(job, parts, path) != ERR_OK) {
        return cli_fail(ERR_SYSTEM, "cannot write %s/slurm.sh: %s", job->options.folder, strerror(errno));
    }
    char *arguments[] = {"sbatch", "--wait", path, NULL};
    pid_t pid = 0;
    int status = 0, error = posix_spawnp(&pid, "sbatch", NULL, NULL, arguments, environ);
    if (error != 0) {
        return cli_fail(ERR_SYSTEM, "there is no sbatch here (%s). %s is ready: submit it where Slurm is (sbatch --wait %s), then give this command again without --slurm; it runs what is missing and merges",
                        strerror(error), path, path);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "pont sweep: sbatch ended with %d; merging what there is\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    }
    static struct sweep sweep;
    enum err err = sweep_merge(&sweep, &job->options, job->arms, job->arm_count, &job->arena);
    return err == ERR_OK ? tell(job, &sweep) : cli_fail(err, "cannot merge %s", job->options.folder);
}

static void on_interrupt(int signal)
{
    (void)signal;
    sweep_interrupt();
}

int cmd_sweep(int argc, char **argv)
{
    static struct sweep_job job;
    static struct sweep sweep;
    const struct option_row rows[] = {
        {"seeds", "A..B", "the seeds, both ends included; the scenario's study.seeds when absent", &job.words.seeds},
        {"jobs", "N", "runs at once; as many as there are processors when absent", &job.words.jobs},
        {"out", "DIR", "the folder; what it holds already is not run again", &job.words.out},
        {"world", "virtual|wire", "the world to play in", &job.words.world},
        {"slurm", NULL, "as a job array of a Slurm cluster, merged when it has ended", &job.words.slurm},
        {"part", "I/N", "only every Nth run, from the Ith (0 first), and no report: for machines that share the folder", &job.words.part},
        {"quirks", "LEVEL", "documented, reported or assumed (all; the default)", &job.words.quirks},
        {"speed", "X", "divide the waits of the plan by X", &job.words.speed},
        {"progress", "auto|plain|none", "how progress is shown on stderr", &job.words.progress},
        {"quiet", NULL, "no progress", &job.words.quiet},
        {"json", NULL, "sweep.json on stdout, the summary on stderr", &job.words.json},
        {"mutant", "NAME", "a deliberate defect (build/mutants/pont only)", &job.words.mutant},
        {"without", "MITIGATION", "leave a mitigation out (build/mutants/pont only)", &job.words.without},
    };
    const struct options table = {"sweep", rows, sizeof rows / sizeof rows[0], 1, 1};
    const char *file = NULL;
    size_t count = 0;
    int code = options_read(&table, argc, argv, &file, &count);
    code = code < 0 ? prepare(&job, file) : code;
    if (code >= 0) {
        return code;
    }
    if (job.words.slurm != NULL || (job.scenario->study.engine == WHERE_SLURM && job.scenario->study.wanted && job.words.part == NULL && job.words.jobs == NULL)) {
        return submit(&job);
    }
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    enum err err = sweep_run(&sweep, &job.options, job.arms, job.arm_count, &job.arena);
    if (err != ERR_OK) {
        return cli_fail(err, "%s", sweep.why[0] != '\0' ? sweep.why : err_text(err));
    }
    if (job.options.parts > 0) {
        return sweep.interrupted ? 3 : 0;
    }
    return tell(&job, &sweep);
}
