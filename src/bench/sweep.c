/* SPDX-License-Identifier: MIT */
#include "src/bench/sweep.h"

#include "src/bench/files.h"
#include "src/bench/pool.h"
#include "src/bench/sweep_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

void sweep_interrupt(void)
{
    interrupted = 1;
}

/* ---- Arms. */

static bool matches(const struct setting *settings, size_t count, const struct study_arm *skip)
{
    for (size_t s = 0; s < skip->setting_count; s++) {
        bool found = false;
        for (size_t i = 0; i < count; i++) {
            found = found || (slice_equal(settings[i].name, skip->settings[s].name) && slice_equal(settings[i].value, skip->settings[s].value));
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

/* "volume=0.5,hub_retry=30s": what a combination is called, and its folder. */
static slice combination_id(const struct setting *settings, size_t count, struct arena *arena)
{
    struct buffer id = buffer_make(arena, 256);
    for (size_t i = 0; i < count; i++) {
        buffer_put_text(&id, i == 0 ? "" : ",");
        buffer_put(&id, settings[i].name);
        buffer_put_byte(&id, '=');
        for (size_t c = 0; c < settings[i].value.size; c++) {
            char letter = settings[i].value.data[c];
            if (letter != ' ') {
                buffer_put_byte(&id, (uint8_t)(letter == '/' ? '-' : letter));
            }
        }
    }
    return id.full ? SLICE_EMPTY : buffer_slice(&id);
}

static enum err combine(const struct study_plan *study, struct sweep_arm *arms, size_t *count, struct arena *arena)
{
    size_t total = 1;
    for (size_t a = 0; a < study->axis_count; a++) {
        total *= study->axes[a].value_count;
        if (total > 100000) {
            return ERR_LIMIT;
        }
    }
    for (size_t n = 0; n < total; n++) {
        struct setting *settings = arena_array(arena, study->axis_count, sizeof *settings);
        size_t left = n;
        bool skipped = false;
        for (size_t a = study->axis_count; settings != NULL && a-- > 0; left /= study->axes[a].value_count) {
            settings[a] = (struct setting){study->axes[a].param, study->axes[a].values[left % study->axes[a].value_count]};
        }
        for (size_t s = 0; settings != NULL && s < study->skip_count; s++) {
            skipped = skipped || matches(settings, study->axis_count, &study->skips[s]);
        }
        if (skipped) {
            continue;
        }
        slice id = settings == NULL ? SLICE_EMPTY : combination_id(settings, study->axis_count, arena);
        if (id.size == 0 || *count == SWEEP_ARMS_MAX) {
            return ERR_LIMIT;
        }
        arms[(*count)++] = (struct sweep_arm){id, settings, study->axis_count};
    }
    return ERR_OK;
}

enum err sweep_arms(const struct scenario *scenario, struct sweep_arm **arms, size_t *count, struct arena *arena)
{
    const struct study_plan *study = &scenario->study;
    *count = 0;
    *arms = arena_array(arena, SWEEP_ARMS_MAX, sizeof **arms);
    if (*arms == NULL || study->arm_count > SWEEP_ARMS_MAX) {
        return ERR_LIMIT;
    }
    for (size_t a = 0; a < study->arm_count; a++) {
        (*arms)[(*count)++] = (struct sweep_arm){study->arms[a].id, study->arms[a].settings, study->arms[a].setting_count};
    }
    if (study->axis_count > 0) {
        enum err err = combine(study, *arms, count, arena);
        if (err != ERR_OK) {
            return err;
        }
    }
    if (*count == 0) {
        (*arms)[(*count)++] = (struct sweep_arm){.id = SLICE("base")};
    }
    return ERR_OK;
}

/* ---- The folder. */

void sweep_path(const struct sweep_options *options, const struct sweep_arm *arm, uint64_t seed, const char *end, char path[600])
{
    snprintf(path, 600, "%s/seeds/%.*s/%llu%s", options->folder, SLICE_ARGS(arm->id), (unsigned long long)seed, end);
}

/* The first process leaves who the folder belongs to; the others compare. */
static enum err claim(struct sweep *sweep, const struct sweep_options *options)
{
    char path[600], held[512] = "";
    snprintf(path, sizeof path, "%s/identity", options->folder);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t size = read(fd, held, sizeof held - 1);
        close(fd);
        if (size < 0 || !slice_equal((slice){held, (size_t)size}, options->identity)) {
            snprintf(sweep->why, sizeof sweep->why, "%s holds a sweep of another scenario, program or options; name another folder with --out or remove it", options->folder);
            return ERR_BAD_INPUT;
        }
        return ERR_OK;
    }
    if (files_write(path, options->identity) != ERR_OK) {
        snprintf(sweep->why, sizeof sweep->why, "cannot write %.180s: %s", path, strerror(errno));
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

static enum err open_folder(struct sweep *sweep, const struct sweep_options *options)
{
    char path[600];
    for (size_t a = 0; a < sweep->arm_count; a++) {
        snprintf(path, sizeof path, "%s/seeds/%.*s", options->folder, SLICE_ARGS(sweep->arms[a].id));
        if (files_make_folder(path) != ERR_OK) {
            snprintf(sweep->why, sizeof sweep->why, "cannot make %.180s: %s", path, strerror(errno));
            return ERR_SYSTEM;
        }
    }
    return claim(sweep, options);
}

/* ---- Tasks: task t is seed t / arms with arm t % arms, so that arms of one seed are near in time. */

static uint64_t task_seed(const struct sweep *sweep, size_t task)
{
    return sweep->options->first + task / sweep->arm_count;
}

static const struct sweep_arm *task_arm(const struct sweep *sweep, size_t task)
{
    return &sweep->arms[task % sweep->arm_count];
}

static int play_task(void *self, size_t task)
{
    struct sweep *sweep = self;
    char folder[600];
    sweep_path(sweep->options, task_arm(sweep, task), task_seed(sweep, task), ".run", folder);
    return sweep->options->play(sweep->options->self, task_arm(sweep, task), task_seed(sweep, task), folder);
}

static bool is_done(const struct sweep *sweep, size_t task)
{
    char path[600];
    sweep_path(sweep->options, task_arm(sweep, task), task_seed(sweep, task), ".json", path);
    return access(path, F_OK) == 0;
}

/* An assertion that failed is a result too: the seed fails, and says why. */
static void write_assertion(const struct sweep *sweep, size_t task, const char *path, const char *log)
{
    char last[512] = "", bytes[4096];
    struct buffer json = buffer_over(bytes, sizeof bytes);
    FILE *file = fopen(log, "re");
    for (char line[512]; file != NULL && fgets(line, sizeof line, file) != NULL;) {
        snprintf(last, sizeof last, "%s", strstr(line, "Assertion") == NULL ? line : strstr(line, "Assertion"));
    }
    if (file != NULL) {
        fclose(file);
    }
    buffer_put_text(&json, "{\"pont\": \"results/1\", \"verdict\": \"fail\", \"seed\": ");
    buffer_put_int(&json, (int64_t)task_seed(sweep, task));
    buffer_put_text(&json, ", \"error\": ");
    buffer_put_json(&json, slice_trim(slice_from(last)));
    buffer_put_text(&json, "}\n");
    (void)!files_write(path, buffer_slice(&json));
}

static void take_result(struct sweep *sweep, size_t task, int code)
{
    char folder[600], from[640], to[600], log[600];
    const struct sweep_arm *arm = task_arm(sweep, task);
    sweep_path(sweep->options, arm, task_seed(sweep, task), ".run", folder);
    sweep_path(sweep->options, arm, task_seed(sweep, task), ".json", to);
    snprintf(log, sizeof log, "%s/seeds/%zu.log", sweep->options->folder, task);
    snprintf(from, sizeof from, "%s/results.json", folder);
    if (code == -SIGABRT) {
        write_assertion(sweep, task, to, log);
    } else if (code == 0 || code == 1 || code == 3 || code == 4) { /* 3: it did not come to its end, and says so */
        (void)!rename(from, to); /* not there: the task counts as missing */
    }
    snprintf(from, sizeof from, "%s/failure.json", folder);
    sweep_path(sweep->options, arm, task_seed(sweep, task), "-failure.json", to);
    (void)!rename(from, to);
    if (code >= 0 && code != 3) {
        unlink(log);
    }
    files_remove_folder(folder);
}

/* Ends what still runs; half a run is none. */
static void stop_tasks(struct sweep *sweep, struct pool *pool)
{
    size_t tasks[POOL_JOBS_MAX], count = 0;
    for (size_t i = 0; i < POOL_JOBS_MAX; i++) {
        if (pool->children[i].pid != 0) {
            tasks[count++] = pool->children[i].task;
        }
    }
    pool_kill(pool, 0);
    for (size_t i = 0; i < count; i++) {
        char folder[600];
        sweep_path(sweep->options, task_arm(sweep, tasks[i]), task_seed(sweep, tasks[i]), ".run", folder);
        files_remove_folder(folder);
    }
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct line { /* of progress */
    double begun, shown;
    size_t done, planned, failed;
    bool live;
    double started[POOL_JOBS_MAX];
};

static void show(const struct sweep *sweep, struct line *line, bool last)
{
    double now = seconds(), spent = now - line->begun;
    if (sweep->options->progress == PROGRESS_NONE || (!last && now - line->shown < (line->live ? 0.1 : 3)) || line->done == 0) {
        return;
    }
    line->shown = now;
    double rate = (double)line->done / (spent > 0 ? spent : 1e-9);
    fprintf(stderr, line->live ? "\r\033[K" : "pont: ");
    fprintf(stderr, "%zu of %zu runs  %.1f/s  about %.0f s left  %zu failed", line->done, line->planned, rate, (double)(line->planned - line->done) / rate, line->failed);
    fprintf(stderr, line->live ? "" : "\n");
}

/* ---- Running. */

static bool mine(const struct sweep *sweep, size_t task)
{
    return sweep->options->parts == 0 || task % sweep->options->parts == sweep->options->part;
}

static void note_time(struct sweep *sweep, size_t task, double took)
{
    if (took > sweep->longest_wall_s) {
        sweep->longest_wall_s = took;
        sweep->longest_wall_seed = task_seed(sweep, task);
    }
}

static enum err run_tasks(struct sweep *sweep, size_t count, struct line *line, double *started)
{
    char log[600];
    snprintf(log, sizeof log, "%s/seeds/%%zu.log", sweep->options->folder);
    struct pool pool = {.jobs = sweep->options->jobs, .run = play_task, .self = sweep, .log = log};
    size_t next = 0, task = 0;
    int code = 0;
    while (!interrupted) {
        while (next < count && (!mine(sweep, next) || is_done(sweep, next))) {
            next++;
        }
        if (next < count && pool_has_room(&pool)) {
            started[next] = seconds();
            enum err err = pool_start(&pool, next++);
            if (err != ERR_OK) {
                stop_tasks(sweep, &pool);
                snprintf(sweep->why, sizeof sweep->why, "cannot start a process: %s", strerror(errno));
                return err;
            }
            continue;
        }
        if (pool.running == 0) {
            break;
        }
        if (pool_wait(&pool, &task, &code)) {
            take_result(sweep, task, code);
            note_time(sweep, task, seconds() - started[task]);
            sweep->ran++;
            line->done++;
            line->failed += code != 0;
            show(sweep, line, false);
        }
    }
    sweep->interrupted = interrupted != 0;
    stop_tasks(sweep, &pool);
    return ERR_OK;
}

/* How many tasks up to `count` are still to be run here. */
static size_t left_to_run(const struct sweep *sweep, size_t count)
{
    size_t left = 0;
    for (size_t task = 0; task < count; task++) {
        left += mine(sweep, task) && !is_done(sweep, task);
    }
    return left;
}

/* The stop rule: looked at only at 10, 14, 20, 28, ... seeds, so that peeking does not end it falsely early. */
static bool is_sure(const struct sweep *sweep, const struct study_plan *study)
{
    for (size_t a = 0; a < sweep->arm_count; a++) {
        const struct sweep_result *result = &sweep->results[a];
        double values[4096];
        size_t n = 0;
        for (size_t i = 0; i < result->sample_count && n < 4096; i++) {
            n += sample_find(&result->samples[i], study->until_measure, &values[n]);
        }
        double confidence = stats_look_confidence(sweep->seed_count, (double)study->confidence_micro / 1e6);
        struct stats_mean mean = stats_mean(values, n, confidence);
        double wanted = (double)study->half_width_micro / 1e6 * (mean.mean < 0 ? -mean.mean : mean.mean);
        if (n < 2 || mean.half_width > wanted) {
            return false;
        }
    }
    return true;
}

static enum err run_all(struct sweep *sweep, struct arena *arena)
{
    const struct sweep_options *options = sweep->options;
    const struct study_plan *study = options->study;
    bool stops = study != NULL && study->until_measure.size > 0 && options->parts == 0;
    size_t most = stops && study->seed_max > options->seed_count ? study->seed_max : options->seed_count;
    double *started = arena_array(arena, most * sweep->arm_count, sizeof *started);
    if (started == NULL) {
        return ERR_LIMIT;
    }
    struct line line = {.begun = seconds(), .live = options->progress == PROGRESS_AUTO && isatty(STDERR_FILENO)};
    enum err err = ERR_OK;
    while (err == ERR_OK && !sweep->interrupted) {
        line.planned = line.done + left_to_run(sweep, sweep->seed_count * sweep->arm_count);
        err = run_tasks(sweep, sweep->seed_count * sweep->arm_count, &line, started);
        if (err != ERR_OK || !stops || sweep->seed_count >= most || sweep->interrupted) {
            break;
        }
        size_t used = arena->used;
        err = sweep_merge(sweep, options, sweep->arms, sweep->arm_count, arena);
        bool sure = err == ERR_OK && is_sure(sweep, study);
        arena->used = used;
        if (sure) {
            break;
        }
        size_t next = stats_next_look(sweep->seed_count);
        sweep->seed_count = next < most ? next : most;
    }
    show(sweep, &line, true);
    if (line.live) {
        fputs("\r\033[K", stderr);
    }
    sweep->wall_s = seconds() - line.begun;
    return err;
}

enum err sweep_run(struct sweep *sweep, const struct sweep_options *options, const struct sweep_arm *arms, size_t arm_count, struct arena *arena)
{
    *sweep = (struct sweep){.options = options, .arms = arms, .arm_count = arm_count, .seed_count = options->seed_count};
    enum err err = open_folder(sweep, options);
    err = err == ERR_OK ? run_all(sweep, arena) : err;
    return err == ERR_OK ? sweep_merge(sweep, options, arms, arm_count, arena) : err;
}
