/* SPDX-License-Identifier: MIT */
#include "src/bench/run.h"

#include "src/bench/json.h"
#include "src/bench/play.h"
#include "src/bench/world.h"
#include "src/store/store.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS 50
#define WIND_UP_NS (5 * TIME_S) /* for questions in flight when the run is interrupted */
#define WATCHER "watcher" /* id of the viewer that asks for every completed exam (design section 4) */

static volatile sig_atomic_t interrupted;

void run_interrupt(void)
{
    interrupted = 1;
}

struct run_state {
    struct scenario *scenario;
    const struct run_options *options;
    const char *folder;
    struct world *world;
    struct play *play;
    struct progress progress;
    struct progress_state shown;
    char now[160];
    int64_t completed, watched; /* exams whose completion was acknowledged; of those, seen or given up by the watcher */
    int64_t asked, answered, retrieves_asked, retrieves_answered;
    time_ns begun_ns;
    int64_t told_to_ris, sent, said; /* entries; messages begun; messages acknowledged or refused for good */
    FILE *plan;
};

/* ---- What was observed. */

static void tell_watcher(struct run_state *run, const struct observation *seen)
{
    struct plan_entry watch = {.kind = PLAN_DO, .id = 1000000 + run->completed, .verb = SLICE("watch"), .argument_count = 3};
    char at[32];
    snprintf(at, sizeof at, "%lld", (long long)seen->at_ns);
    watch.arguments[0] = (struct plan_argument){SLICE("issuer"), seen->issuer};
    watch.arguments[1] = (struct plan_argument){SLICE("accession"), seen->accession};
    watch.arguments[2] = (struct plan_argument){SLICE("completed_at"), slice_from(at)};
    if (world_tell(run->world, SLICE(WATCHER), &watch) == ERR_OK) {
        run->completed++;
    }
}

static void count(struct run_state *run, const struct observation *seen)
{
    run->shown.images += seen->kind == OBSERVATION_delivered && seen->number == 0;
    run->shown.messages += seen->kind == OBSERVATION_hl7_acked;
    run->shown.queries += seen->kind == OBSERVATION_query_answered && !slice_equal(seen->actor, SLICE(WATCHER));
    run->asked += seen->kind == OBSERVATION_query_asked;
    run->answered += seen->kind == OBSERVATION_query_answered;
    run->retrieves_asked += seen->kind == OBSERVATION_retrieve_asked;
    run->retrieves_answered += seen->kind == OBSERVATION_retrieve_answered;
    run->watched += seen->kind == OBSERVATION_watched;
    run->sent += seen->kind == OBSERVATION_hl7_sent && seen->count <= 1;
    run->said += seen->kind == OBSERVATION_hl7_acked || seen->kind == OBSERVATION_hl7_refused;
}

static bool is_ris(const struct run_state *run, slice id)
{
    for (size_t n = 0; n < run->scenario->node_count; n++) {
        if (run->scenario->nodes[n].kind == KIND_RIS && slice_equal(run->scenario->nodes[n].id, id)) {
            return true;
        }
    }
    return false;
}

static void observe(void *self, const struct observation *seen, int64_t line)
{
    struct run_state *run = self;
    (void)line;
    count(run, seen);
    /* hl7_acked names the exam and, in `name`, the order status that was acknowledged: CM is completed. */
    if (seen->kind == OBSERVATION_hl7_acked && slice_equal(seen->name, SLICE("CM")) && seen->accession.size > 0) {
        tell_watcher(run, seen);
    }
    struct observation derived;
    if (play_observe(run->play, seen, &derived)) {
        world_note(run->world, &derived, observe, run);
    }
}

/* ---- The story. */

static void note_plan(struct run_state *run, slice actor, const struct plan_entry *entry, slice text)
{
    static char line[1 << 16];
    struct buffer buffer = buffer_over(line, sizeof line);
    buffer_put_text(&buffer, "{\"actor\":");
    buffer_put_json(&buffer, actor);
    buffer_put_text(&buffer, ",\"text\":");
    buffer_put_json(&buffer, text);
    buffer_put_text(&buffer, ",\"entry\":");
    plan_put_json(entry, &buffer);
    buffer.size--; /* the newline of the entry */
    buffer_put_text(&buffer, "}\n");
    fwrite(buffer.data, 1, buffer.size, run->plan);
}

static enum err tell_step(struct run_state *run, const struct step *step)
{
    struct observation story = {.kind = OBSERVATION_story, .at_ns = world_now(run->world), .actor = step->actor, .text = step->text,
                                .other_id = step->id, .number = (int64_t)play_steps_told(run->play)};
    play_told(run->play, step);
    snprintf(run->now, sizeof run->now, "%.*s", SLICE_ARGS(step->text));
    run->shown.now = slice_from(run->now);
    run->shown.done = play_steps_told(run->play);
    run->shown.told_ns = world_now(run->world) - run->begun_ns;
    run->shown.force = true;
    progress_show(&run->progress, &run->shown);
    run->shown.force = false;
    world_note(run->world, &story, observe, run);
    if (step->actor.size == 0) {
        return ERR_OK;
    }
    if (slice_equal(step->entry.verb, SLICE("kill"))) {
        return world_kill(run->world, step->actor, false, observe, run);
    }
    run->told_to_ris += is_ris(run, step->actor) && step->entry.kind == PLAN_DO;
    return world_tell(run->world, step->actor, &step->entry);
}

static enum err tell_history(struct run_state *run)
{
    for (size_t n = 0; n < run->scenario->node_count; n++) {
        if (run->scenario->nodes[n].kind != KIND_RIS) {
            continue;
        }
        for (size_t h = 0; h < run->scenario->history_count; h++) {
            enum err err = world_tell(run->world, run->scenario->nodes[n].id, &run->scenario->history[h]);
            run->told_to_ris++;
            if (err == ERR_OK) {
                err = world_poll(run->world, 0, observe, run);
            }
            if (err != ERR_OK) {
                return err;
            }
        }
    }
    return ERR_OK;
}

/* Nothing that was begun is still open: what RADIS2 was told it has said, what the watcher and the viewers asked has an answer, and the registry
 * has no open demand (read as any SQLite tool would). */
static bool is_quiet(struct run_state *run)
{
    if (run->said < run->told_to_ris || run->said < run->sent || run->watched < run->completed || run->answered < run->asked || run->retrieves_answered < run->retrieves_asked) {
        return false;
    }
    char path[600];
    snprintf(path, sizeof path, "%s/registry.db", run->folder);
    return store_open_demands(path) == 0;
}

/* ^C: no new question is asked, and those in flight get their answers, so that nothing is judged that was only cut off. */
static void wind_up(struct run_state *run)
{
    struct plan_entry unwatch = {.kind = PLAN_DO, .verb = SLICE("unwatch")};
    time_ns end = world_now(run->world) + WIND_UP_NS;
    enum err err = world_tell(run->world, SLICE(WATCHER), &unwatch);
    while ((err == ERR_OK || err == ERR_NOT_FOUND) && run->answered < run->asked && world_now(run->world) < end) {
        err = world_poll(run->world, POLL_MS, observe, run);
    }
}

static enum err play_through(struct run_state *run, char why[256])
{
    time_ns end = world_now(run->world) + run->scenario->wall_limit;
    enum err err = tell_history(run);
    while (err == ERR_OK && !(play_over(run->play) && is_quiet(run))) {
        const struct step *step = play_due(run->play);
        if (step != NULL) {
            err = tell_step(run, step);
            continue;
        }
        err = world_poll(run->world, POLL_MS, observe, run);
        progress_show(&run->progress, &run->shown);
        if (interrupted) {
            wind_up(run);
            snprintf(why, 256, "interrupted");
            return ERR_TIMEOUT;
        }
        if (world_now(run->world) > end) {
            struct buffer text = buffer_over(why, 255);
            buffer_put_text(&text, "the wall limit of the scenario passed; the story waited for: ");
            play_waiting(run->play, &text);
            buffer_put_text(&text, play_over(run->play) ? "open demands, questions or watches to end" : "");
            why[text.size] = '\0';
            return ERR_TIMEOUT;
        }
    }
    if (err != ERR_OK) {
        snprintf(why, 256, "%s", world_why(run->world)[0] != '\0' ? world_why(run->world) : err_text(err));
    }
    return err;
}

/* ---- The run folder. */

static enum err copy_file(const char *from, const char *folder, const char *name)
{
    char path[600], bytes[1 << 16];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen(from, "re"), *out = fopen(path, "we");
    size_t got = 0;
    while (in != NULL && out != NULL && (got = fread(bytes, 1, sizeof bytes, in)) > 0) {
        fwrite(bytes, 1, got, out);
    }
    bool ok = in != NULL && out != NULL && ferror(in) == 0;
    if (in != NULL) {
        fclose(in);
    }
    return (out == NULL || fclose(out) == 0) && ok ? ERR_OK : ERR_SYSTEM;
}

static enum err make_folder(const char *path)
{
    char part[512];
    snprintf(part, sizeof part, "%s", path);
    for (char *at = part + 1; *at != '\0'; at++) {
        if (*at == '/') {
            *at = '\0';
            if (mkdir(part, 0777) != 0 && errno != EEXIST) {
                return ERR_SYSTEM;
            }
            *at = '/';
        }
    }
    return mkdir(part, 0777) == 0 || errno == EEXIST ? ERR_OK : ERR_SYSTEM;
}

static void name_folder(const struct scenario *scenario, const struct run_options *options, char folder[512])
{
    if (options->folder != NULL) {
        snprintf(folder, 512, "%s", options->folder);
        return;
    }
    time_t now = time(NULL);
    struct tm utc;
    char stamp[32];
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
    snprintf(folder, 512, "reports/runs/%.*s-wire-%llu-%s", SLICE_ARGS(scenario->id), (unsigned long long)scenario->seed, stamp);
    for (int again = 2; access(folder, F_OK) == 0 && again < 1000; again++) {
        snprintf(folder, 512, "reports/runs/%.*s-wire-%llu-%s-%d", SLICE_ARGS(scenario->id), (unsigned long long)scenario->seed, stamp, again);
    }
}

static void link_latest(const char *folder)
{
    const char *name = strrchr(folder, '/');
    char fresh[64];
    snprintf(fresh, sizeof fresh, "reports/runs/.latest-%d", (int)getpid());
    if (name != NULL && symlink(name + 1, fresh) == 0 && rename(fresh, "reports/runs/latest") != 0) {
        unlink(fresh);
    }
}

static enum err open_folder(struct run_state *run, char folder[512], char why[256])
{
    char path[600];
    name_folder(run->scenario, run->options, folder);
    snprintf(path, sizeof path, "%s/observations.jsonl", folder);
    if (access(path, F_OK) == 0) {
        snprintf(why, 256, "%s holds a run already; name another folder with --out or remove it", folder);
        return ERR_BAD_INPUT;
    }
    enum err err = make_folder(folder);
    for (size_t i = 0; err == ERR_OK && i < 3; i++) {
        static const char *const inner[] = {"journal", "evidence", "plots"};
        snprintf(path, sizeof path, "%s/%s", folder, inner[i]);
        err = make_folder(path);
    }
    err = err == ERR_OK ? copy_file(run->options->scenario_file, folder, "scenario.yaml") : err;
    snprintf(path, sizeof path, "%s/plan.jsonl", folder);
    run->plan = err == ERR_OK ? fopen(path, "we") : NULL;
    if (run->plan == NULL) {
        snprintf(why, 256, "cannot write the run folder %s: %s", folder, strerror(errno));
        return ERR_SYSTEM;
    }
    for (size_t h = 0; h < run->scenario->history_count; h++) {
        note_plan(run, SLICE("history"), &run->scenario->history[h], SLICE_EMPTY);
    }
    for (size_t s = 0; s < run->scenario->step_count; s++) {
        note_plan(run, run->scenario->story[s].actor, &run->scenario->story[s].entry, run->scenario->story[s].text);
    }
    fclose(run->plan);
    return ERR_OK;
}

static enum err play_world(struct run_state *run, struct results *results, char why[256], struct arena *arena)
{
    const struct run_options *options = run->options;
    struct world_options world = {.program = options->program, .folder = run->folder, .scenario_file = options->scenario_file, .quirks = options->quirks,
                                  .seed_given = options->seed_given, .seed = options->seed, .trace = options->trace, .mutant = options->mutant,
                                  .without = options->without, .run_max = options->run_max, .observer = observe, .observer_self = run};
    run->shown.now = SLICE("starting the world");
    progress_show(&run->progress, &run->shown);
    enum err err = world_start(&run->world, run->scenario, &world, why, arena);
    if (err != ERR_OK) {
        return err;
    }
    time_ns begun = run->begun_ns = world_now(run->world);
    err = play_through(run, why);
    results->wall_ns = world_now(run->world) - begun;
    results->simulated_ns = results->wall_ns;
    run->shown.now = SLICE("stopping the world");
    progress_show(&run->progress, &run->shown);
    world_stop(run->world, observe, run);
    struct world_resources resources = world_resources(run->world);
    results->engine_cpu_s = resources.engine_cpu_s;
    results->engine_rss_max_mib = resources.engine_rss_max_mib;
    results->lives = resources.engine_lives;
    return err;
}

enum err run_wire(struct results *results, struct scenario *scenario, const struct run_options *options, char folder[512], char why[256], struct arena *arena)
{
    static struct run_state run; /* large, and one run a process */
    run = (struct run_state){.scenario = scenario, .options = options, .folder = folder};
    *results = (struct results){.scenario = scenario, .world = SLICE("wire"), .sut_name = SLICE("pont")};
    why[0] = '\0';
    enum err err = open_folder(&run, folder, why);
    err = err == ERR_OK ? play_init(&run.play, scenario, arena) : err;
    if (err != ERR_OK) {
        return err;
    }
    run.shown.planned = scenario->step_count;
    progress_begin(&run.progress, options->progress);
    err = play_world(&run, results, why, arena);
    progress_end(&run.progress);
    if (options->folder == NULL) {
        link_latest(folder);
    }
    char inconclusive[256];
    snprintf(inconclusive, sizeof inconclusive, "%s", why);
    if (err != ERR_OK) {
        results->error = arena_copy(arena, slice_from(inconclusive));
    }
    return run_judge(results, scenario, folder, options->run_max, why, arena);
}
