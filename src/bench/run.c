/* SPDX-License-Identifier: MIT */
#include "src/bench/run.h"

#include "src/bench/folder.h"
#include "src/bench/stage.h"

#include <signal.h>
#include <stdio.h>

static volatile sig_atomic_t interrupted;

void run_interrupt(void)
{
    interrupted = 1;
}

static void say_why(const struct stage *stage, char why[256])
{
    struct buffer text = buffer_over(why, 255);
    buffer_put_text(&text, "the wall limit of the scenario passed; the story waited for: ");
    play_waiting(stage->play, &text);
    buffer_put_text(&text, play_over(stage->play) ? "open demands, questions or watches to end" : "");
    why[text.size] = '\0';
}

static enum err play_through(struct stage *stage, char why[256])
{
    const struct world *world = &stage->world;
    time_ns end = world->now(world->self) + stage->scenario->wall_limit;
    enum err err = stage_history(stage);
    while (err == ERR_OK && !stage_is_over(stage)) {
        err = stage_turn(stage, end);
        if (err == ERR_OK && interrupted) {
            stage_wind_up(stage);
            snprintf(why, 256, "interrupted");
            return ERR_TIMEOUT;
        }
        if (err == ERR_OK && world->now(world->self) > end) {
            say_why(stage, why);
            return ERR_TIMEOUT;
        }
    }
    if (err != ERR_OK) {
        const char *said = world->why(world->self);
        snprintf(why, 256, "%s", said[0] != '\0' ? said : err_text(err));
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
    show(stage, "starting the world");
    enum err err = world_wire(&stage->world, scenario, &world, why, arena);
    if (err != ERR_OK) {
        return err;
    }
    err = play_through(stage, why);
    results->wall_ns = results->simulated_ns = stage->world.now(stage->world.self) - stage->begun_ns;
    show(stage, "stopping the world");
    stage->world.stop(stage->world.self);
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
    *results = (struct results){.scenario = scenario, .world = SLICE("wire"), .sut_name = SLICE("pont")};
    why[0] = '\0';
    enum err err = folder_open(folder, scenario, options->scenario_file, "wire", options->folder, why);
    err = err == ERR_OK ? play_init(&stage.play, scenario, arena) : err;
    if (err != ERR_OK) {
        return err;
    }
    progress_begin(&progress, options->progress);
    err = play_on_the_wire(&stage, results, scenario, options, folder, why, arena);
    progress_end(&progress);
    if (options->folder == NULL) {
        folder_link_latest(folder);
    }
    if (err != ERR_OK) {
        results->error = arena_copy(arena, slice_from(why));
    }
    return run_judge(results, scenario, folder, options->run_max, why, arena);
}
