/* SPDX-License-Identifier: MIT */
#include "src/bench/run.h"

#include "src/bench/folder.h"
#include "src/bench/judge.h"
#include "src/bench/look.h"
#include "src/bench/machine.h"
#include "src/bench/stage.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

#define AGAIN_EVENTS 500000 /* runs up to this long are played a second time, to see that they come out the same */

static volatile sig_atomic_t interrupted;

void run_interrupt(void)
{
    interrupted = 1;
}

/* Who is told of what is observed: the judge, where it judges while the world goes on, and who takes times. */
struct ears {
    struct judge *judge;
    struct hops *hops;
};

static enum err hear(void *self, const struct observation *seen, int64_t line)
{
    const struct ears *ears = self;
    if (ears->hops != NULL) {
        hops_observe(ears->hops, seen);
    }
    return ears->judge == NULL ? ERR_OK : judge_observe(ears->judge, seen, line);
}

/* When the play must be over, in scenario time. A run with a period ends with that and what it needs to come to rest. */
static time_ns end_of(const struct scenario *scenario, time_ns now)
{
    int64_t speed = scenario->speed > 0 ? scenario->speed : 1;
    return scenario->length > 0 ? scenario->start + scenario->length / speed + scenario->drain : now + scenario->wall_limit;
}

static time_ns monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (time_ns)now.tv_sec * TIME_S + now.tv_nsec;
}

/* What passed, when by the scenario's clock, and what was still open then. */
static void say_why(struct stage *stage, const char *what, char why[256])
{
    struct buffer text = buffer_over(why, 255);
    time_ns at = stage->world.now(stage->world.self);
    bool over = stage->play == NULL || play_over(stage->play);
    if (stage->stopped == NULL || !*stage->stopped) { /* else somebody looks at things as they stand */
        stage_wind_up(stage);
    }
    buffer_put_text(&text, what);
    buffer_put_text(&text, " passed at ");
    time_put_iso(&text, at / TIME_S * TIME_S);
    buffer_put_text(&text, "; it waited for: ");
    if (!over) {
        play_waiting(stage->play, &text);
    } else {
        stage_put_open(stage, &text);
    }
    why[text.size] = '\0';
}

/* Why it must end although it is not over; null: it may go on. */
static const char *must_end(const struct stage *stage, time_ns end, time_ns wall_end)
{
    const struct world *world = &stage->world;
    if (interrupted) {
        return "interrupted";
    }
    if (stage->stopped != NULL && *stage->stopped) {
        return "what was looked for";
    }
    if (world->now(world->self) >= end) {
        return stage->scenario->length > 0 ? "the time to come to rest (run.drain)" : "the wall limit (run.limits.wall)";
    }
    if (monotonic_ns() >= wall_end) {
        return "the wall limit (run.limits.wall)";
    }
    return stage->scenario->events_limit > 0 && world->events != NULL && (uint64_t)world->events(world->self) >= stage->scenario->events_limit
               ? "the limit of events (run.limits.events)" : NULL;
}

static enum err play_through(struct stage *stage, char why[256])
{
    const struct world *world = &stage->world;
    time_ns end = end_of(stage->scenario, world->now(world->self)), wall_end = monotonic_ns() + stage->scenario->wall_limit;
    const char *what = NULL;
    stage->shown.until_ns = stage->scenario->length > 0 ? end : 0;
    enum err err = stage_history(stage);
    while (err == ERR_OK && !stage_is_over(stage)) {
        err = stage_turn(stage, end);
        if (err == ERR_OK && !stage_is_over(stage) && (what = must_end(stage, end, wall_end)) != NULL) {
            if (interrupted) {
                stage_wind_up(stage);
                snprintf(why, 256, "%s", what);
            } else {
                say_why(stage, what, why);
            }
            return ERR_TIMEOUT;
        }
    }
    if (err != ERR_OK) {
        const char *said = world->why(world->self);
        snprintf(why, 256, "%s", said[0] != '\0' ? said : err_text(err));
    }
    return err;
}

/* The story and the load that is played. */
static enum err prepare(struct stage *stage, struct arena *rows, char why[256], struct arena *arena)
{
    stage->link_base = stage->scenario->node_count;
    enum err err = stage->scenario->step_count == 0 ? ERR_OK : play_init(&stage->play, stage->scenario, arena);
    err = err == ERR_OK ? stage_rows(stage, rows) : err;
    if (err == ERR_OK && stage->scenario->fault_count > 0) {
        err = trouble_init(&stage->trouble, stage->scenario, stage->scenario->start, arena);
    }
    if (err != ERR_OK) {
        snprintf(why, 256, "the plan cannot be made: %s", err_text(err));
    }
    return err;
}

static void show(struct stage *stage, const char *what)
{
    stage->shown.now = slice_from(what);
    progress_show(stage->progress, &stage->shown);
}

static enum err play_on_the_wire(struct stage *stage, struct results *results, struct scenario *scenario, const struct run_options *options, const char *folder,
                                 char why[256], struct arena *arena)
{
    struct world_options world = {.program = options->program, .folder = folder, .scenario_file = options->scenario_file, .quirks = options->quirks,
                                  .seed_given = options->seed_given, .seed = options->seed, .trace = options->trace, .mutant = options->mutant,
                                  .without = options->without, .run_max = options->run_max, .observer = stage_observe, .observer_self = stage};
    struct ears ears = {NULL, options->hops};
    stage->then = hear;
    stage->then_self = &ears;
    struct machine_use before, after;
    bool looked = machine_look(&before);
    show(stage, "starting the world");
    enum err err = world_wire(&stage->world, scenario, &world, why, arena);
    if (err != ERR_OK) {
        return err;
    }
    err = play_through(stage, why);
    results->wall_ns = results->simulated_ns = stage->world.now(stage->world.self) - stage->begun_ns;
    results->plan = stage_totals(stage);
    show(stage, "stopping the world");
    stage->world.stop(stage->world.self);
    results->others_permille = looked && machine_look(&after) ? machine_others(&before, &after) : 0; /* its processes have ended */
    struct world_resources resources = stage->world.resources(stage->world.self);
    results->engine_cpu_s = resources.engine_cpu_s;
    results->engine_rss_max_mib = resources.engine_rss_max_mib;
    results->lives = resources.engine_lives;
    return err;
}

enum err run_wire(struct results *results, struct scenario *scenario, const struct run_options *options, char folder[512], char why[256], struct arena *arena)
{
    struct progress progress;
    struct stage stage = {.scenario = scenario, .progress = &progress, .shown.planned = scenario->step_count};
    *results = (struct results){.scenario = scenario, .world = SLICE("wire"), .sut_name = SLICE("pont"), .timed = options->timed};
    why[0] = '\0';
    struct plan_file plan = {0};
    enum err err = folder_open(folder, scenario, options->scenario_file, "wire", options->folder, why);
    err = err == ERR_OK ? plan_file_open(&plan, folder, scenario) : err;
    struct arena rows = {0};
    err = err == ERR_OK ? prepare(&stage, &rows, why, arena) : err;
    stage.plan = &plan;
    if (err != ERR_OK) {
        return err;
    }
    progress_begin(&progress, options->progress);
    err = play_on_the_wire(&stage, results, scenario, options, folder, why, arena);
    plan_file_close(&plan);
    arena_drop(&rows);
    progress_end(&progress);
    if (options->folder == NULL) {
        folder_link_latest(folder);
    }
    if (err != ERR_OK) {
        results->error = arena_copy(arena, slice_from(why));
    }
    return run_judge(results, scenario, folder, options->run_max, why, arena);
}

/* ---- In virtual time. */

static const struct load_row *next_row(void *self)
{
    return stage_next(self);
}

/* From the first event to the last; `judge` null: only what it comes to is wanted. */
static enum err play_virtually(struct stage *stage, struct judge *judge, struct scenario *scenario, const struct run_options *options, const char *folder,
                               struct virtual_sums *sums, struct results *results, char why[256], struct arena *arena)
{
    struct virtual_options world = {.folder = folder, .observations = judge != NULL && !options->bare, .trace = judge != NULL && options->trace, .all = options->trace_all, .run_max = options->run_max,
                                    .look = judge == NULL ? NULL : options->look, .judge = judge, .crash_one_in = options->crash_one_in, .crash_first = options->crash_first,
                                    .crash_last = options->crash_last, .restore_one_in = judge == NULL ? 0 : options->restore_one_in, .observer = stage_observe, .observer_self = stage,
                                    .next = scenario->populated ? next_row : NULL, .next_self = stage};
    struct arena rows = {0};
    struct ears ears = {judge, judge == NULL ? NULL : options->hops};
    stage->then = hear;
    stage->then_self = &ears;
    enum err err = prepare(stage, &rows, why, arena);
    err = err == ERR_OK ? world_virtual(&stage->world, scenario, &world, why, arena) : err;
    if (err == ERR_OK) {
        err = play_through(stage, why);
        results->simulated_ns = stage->world.now(stage->world.self) - stage->begun_ns;
        results->plan = stage_totals(stage);
        stage->world.stop(stage->world.self);
        *sums = world_virtual_sums(&stage->world);
    }
    arena_drop(&rows);
    return err;
}

/* Nothing but scenario and seed may matter: not the memory it is played in, nor whether anybody looks on. */
static enum err play_again(const struct stage *before, struct judge *judge, struct scenario *scenario, const struct run_options *options, const char *folder,
                           const struct virtual_sums *sums, struct arena *arena)
{
    struct stage stage = {.scenario = scenario};
    struct virtual_sums again = {0};
    struct results none;
    char why[256] = "", difference[128] = "the same trace hash when played again";
    enum err err = play_virtually(&stage, NULL, scenario, options, folder, &again, &none, why, arena);
    bool equal = err == ERR_OK && again.trace_hash == sums->trace_hash && again.events == sums->events && again.state_digest == sums->state_digest &&
                 stage.said == before->said;
    if (!equal) {
        snprintf(difference, sizeof difference, "played again: trace %016llx after %lld events, not %016llx after %lld", (unsigned long long)again.trace_hash,
                 (long long)again.events, (unsigned long long)sums->trace_hash, (long long)sums->events);
    }
    return judge_replayed(judge, sums->lives, equal, slice_from(difference));
}

enum err run_virtual(struct results *results, struct scenario *scenario, const struct run_options *options, char folder[512], char why[256], struct arena *arena)
{
    struct progress progress;
    struct stage stage = {.scenario = scenario, .progress = &progress, .shown.planned = scenario->step_count};
    struct judge *judge = NULL;
    struct virtual_sums sums = {0};
    struct plan_file plan = {0};
    stage.plan = &plan;
    stage.stopped = options->look == NULL ? NULL : &options->look->reached;
    *results = (struct results){.scenario = scenario, .world = SLICE("virtual"), .sut_name = SLICE("pont"), .timed = options->timed || scenario->speed <= 1};
    why[0] = '\0';
    enum err err = ERR_OK;
    if (options->again) {
        snprintf(folder, 512, "%s", options->folder);
    } else {
        err = folder_open(folder, scenario, options->scenario_file, "virtual", options->folder, why);
    }
    if (err == ERR_OK && judge_init(&judge, scenario, arena) != ERR_OK) {
        snprintf(why, 256, "the judge does not fit into memory");
        err = ERR_LIMIT;
    }
    if (err != ERR_OK) {
        return err;
    }
    bool fell_short = false;
    if (options->until != NULL) {
        judge_want(judge, options->until, &fell_short);
        stage.stopped = &fell_short;
    }
    time_ns begun = monotonic_ns();
    progress_begin(&progress, options->progress);
    err = options->bare ? ERR_OK : plan_file_open(&plan, folder, scenario);
    err = err == ERR_OK ? play_virtually(&stage, judge, scenario, options, folder, &sums, results, why, arena) : err;
    plan_file_close(&plan);
    results->wall_ns = monotonic_ns() - begun;
    struct world_resources resources = stage.world.self == NULL ? (struct world_resources){0} : stage.world.resources(stage.world.self);
    progress_end(&progress);
    if (options->folder == NULL) {
        folder_link_latest(folder);
    }
    results->engine_cpu_s = resources.engine_cpu_s;
    results->engine_rss_max_mib = resources.engine_rss_max_mib;
    results->lives = sums.lives;
    results->trace_hash = sums.trace_hash;
    results->state_digest = sums.state_digest;
    results->events = sums.events;
    results->sut_steps = sums.steps;
    if (err != ERR_OK) {
        results->error = arena_copy(arena, slice_from(why));
    } else if (sums.events <= AGAIN_EVENTS && !options->bare) {
        err = play_again(&stage, judge, scenario, options, folder, &sums, arena);
    }
    return results->error.size > 0 || err == ERR_OK ? judge_end(judge, results) : err;
}
