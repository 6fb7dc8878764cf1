/* SPDX-License-Identifier: MIT */
#include "src/bench/stage.h"

#include "src/base/hash.h"

#include <stdio.h>

#define WIND_UP_NS (5 * TIME_S) /* for questions in flight when the run is interrupted */
#define TAKE_UP_NS (5 * TIME_S) /* on the wire: a viewer that has not asked by then what it was told to ask will not */
#define WATCHER "watcher" /* id of the viewer that asks for every completed exam (design section 4) */
#define WATCH_IDS 1000000 /* above the rows of any plan */

/* ---- What was observed. */

/* Where it is remembered that this study was rejected, and what stands there then. */
static uint64_t *rejected_place(struct stage *stage, slice study_uid, uint64_t *hash)
{
    *hash = hash64(1, study_uid) | 1;
    return &stage->rejected[*hash / 2 % STAGE_REJECTED_MAX];
}

/* Nobody will ever be shown a study that is rejected as a whole: an exam that waits for it waits no longer. Whether it had to
 * be shown before that is the judge's question. */
static void tell_rejected(struct stage *stage, const struct observation *seen)
{
    uint64_t hash = 0;
    *rejected_place(stage, seen->study_uid, &hash) = hash;
    struct plan_entry unwatch = {.kind = PLAN_DO, .verb = SLICE("unwatch"), .argument_count = 2};
    unwatch.arguments[0] = (struct plan_argument){SLICE("issuer"), seen->issuer};
    unwatch.arguments[1] = (struct plan_argument){SLICE("accession"), seen->accession};
    if (seen->accession.size > 0 && stage->watched < stage->completed) {
        enum err err = stage->world.tell(stage->world.self, SLICE(WATCHER), &unwatch);
        stage->err = err == ERR_NOT_FOUND || stage->err != ERR_OK ? stage->err : err; /* a world without a watcher */
    }
}

static void tell_watcher(struct stage *stage, const struct observation *seen)
{
    uint64_t hash = 0;
    if (seen->study_uid.size > 0 && *rejected_place(stage, seen->study_uid, &hash) == hash) {
        return;
    }
    struct plan_entry watch = {.kind = PLAN_DO, .id = WATCH_IDS + stage->completed, .verb = SLICE("watch"), .argument_count = 3};
    char at[32];
    snprintf(at, sizeof at, "%lld", (long long)seen->at_ns);
    watch.arguments[0] = (struct plan_argument){SLICE("issuer"), seen->issuer};
    watch.arguments[1] = (struct plan_argument){SLICE("accession"), seen->accession};
    watch.arguments[2] = (struct plan_argument){SLICE("completed_at"), slice_from(at)};
    stage->completed += stage->world.tell(stage->world.self, SLICE(WATCHER), &watch) == ERR_OK;
}

static void count(struct stage *stage, const struct observation *seen)
{
    stage->shown.images += seen->kind == OBSERVATION_delivered && seen->number == 0 ? span_count(seen->span) : 0;
    stage->shown.messages += seen->kind == OBSERVATION_hl7_acked;
    stage->shown.queries += seen->kind == OBSERVATION_query_answered && !slice_equal(seen->actor, SLICE(WATCHER));
    stage->asked += seen->kind == OBSERVATION_query_asked;
    stage->answered += seen->kind == OBSERVATION_query_answered;
    stage->retrieves_asked += seen->kind == OBSERVATION_retrieve_asked;
    stage->retrieves_answered += seen->kind == OBSERVATION_retrieve_answered;
    stage->taken_up += (seen->kind == OBSERVATION_query_asked || seen->kind == OBSERVATION_retrieve_asked) && !slice_equal(seen->actor, SLICE(WATCHER));
    stage->watched += seen->kind == OBSERVATION_watched;
    stage->sent += seen->kind == OBSERVATION_hl7_sent && seen->count <= 1;
    stage->said += seen->kind == OBSERVATION_hl7_acked || seen->kind == OBSERVATION_hl7_refused;
}

static void count_unseen(struct stage *stage, const struct observation *seen)
{
    if (stage->winding_up && seen->kind == OBSERVATION_watched && !seen->flag && stage->unseen++ == 0) {
        snprintf(stage->unseen_first, sizeof stage->unseen_first, "%.*s/%.*s", SLICE_ARGS(seen->issuer), SLICE_ARGS(seen->accession));
    }
}

/* On the wire what was told a moment ago is not asked yet. */
static bool is_taken_up(const struct stage *stage)
{
    return stage->world.tells_rows || stage->taken_up >= stage->told_to_viewers || stage->world.now(stage->world.self) >= stage->told_viewer_at + TAKE_UP_NS;
}

/* The story is told and everybody who asked or said something has an answer. */
static bool is_settled(const struct stage *stage)
{
    return !stage->has_row && (stage->play == NULL || play_over(stage->play)) && stage->said >= stage->told_to_ris && stage->said >= stage->sent && stage->watched >= stage->completed &&
           stage->answered >= stage->asked && stage->retrieves_answered >= stage->retrieves_asked && is_taken_up(stage);
}

void stage_observe(void *self, const struct observation *seen, int64_t line)
{
    struct stage *stage = self;
    if (stage->then != NULL && stage->err == ERR_OK) {
        stage->err = stage->then(stage->then_self, seen, line);
    }
    count(stage, seen);
    count_unseen(stage, seen);
    /* hl7_acked names the exam and, in `name`, the order status that was acknowledged: CM is completed. */
    if (seen->kind == OBSERVATION_hl7_acked && slice_equal(seen->name, SLICE("CM")) && seen->accession.size > 0) {
        tell_watcher(stage, seen);
    }
    if (seen->kind == OBSERVATION_rejected && seen->flag) {
        tell_rejected(stage, seen);
    }
    struct observation derived;
    bool troubled = stage->trouble != NULL && trouble_observe(stage->trouble, seen);
    if (stage->play != NULL && play_observe(stage->play, seen, &derived)) {
        stage->world.note(stage->world.self, &derived);
    }
    if (stage->world.wake != NULL && (stage->err != ERR_OK || troubled || is_settled(stage) || (stage->play != NULL && play_due(stage->play) != NULL))) {
        stage->world.wake(stage->world.self);
    }
}

/* ---- Faults. */

/* Where a row goes: a node's id, or "link" and a number. */
static slice target_of(const struct stage *stage, uint32_t node, char text[32])
{
    if (node < stage->link_base) {
        return stage->scenario->nodes[node].id;
    }
    return (slice){text, (size_t)snprintf(text, 32, "link %u", node - (uint32_t)stage->link_base)};
}

/* A process that dies is the world's; one that is to stay dead for a while is started again by the end of the fault. */
static enum err tell_fault(struct stage *stage, uint32_t node, const struct plan_entry *entry)
{
    char text[32];
    slice target = target_of(stage, node, text);
    const struct world *world = &stage->world;
    if (!slice_equal(entry->verb, SLICE("kill"))) {
        return world->tell(world->self, target, entry);
    }
    return entry->kind == PLAN_HEAL ? world->revive(world->self, target) : world->kill(world->self, target, plan_get_int(entry, "stay", 0) != 0);
}

static enum err tell_troubles(struct stage *stage)
{
    struct trouble_act act;
    enum err err = ERR_OK;
    while (err == ERR_OK && stage->trouble != NULL && trouble_take(stage->trouble, stage->world.now(stage->world.self), &act)) {
        err = tell_fault(stage, act.target, &act.entry);
    }
    return err;
}

static time_ns troubles_due(const struct stage *stage)
{
    return stage->trouble == NULL ? TIME_NEVER : trouble_due(stage->trouble);
}

/* ---- History and story. */

enum err stage_history(struct stage *stage)
{
    const struct scenario *scenario = stage->scenario;
    stage->begun_ns = stage->world.now(stage->world.self);
    enum err err = tell_troubles(stage);
    for (size_t n = 0; n < scenario->node_count; n++) {
        for (size_t h = 0; err == ERR_OK && scenario->nodes[n].kind == KIND_RIS && h < scenario->history_count; h++) {
            err = stage->world.tell(stage->world.self, scenario->nodes[n].id, &scenario->history[h]);
            err = err == ERR_OK ? stage->world.poll(stage->world.self, 0) : err;
            stage->told_to_ris++;
        }
    }
    return err;
}

static bool is_ris(const struct stage *stage, slice id)
{
    for (size_t n = 0; n < stage->scenario->node_count; n++) {
        if (stage->scenario->nodes[n].kind == KIND_RIS && slice_equal(stage->scenario->nodes[n].id, id)) {
            return true;
        }
    }
    return false;
}

static void show(struct stage *stage, bool now)
{
    stage->shown.force = now && stage->world.events == NULL; /* in virtual time the story flies by */
    if (stage->progress != NULL) {
        if (stage->world.events != NULL) {
            stage->shown.at_ns = stage->world.now(stage->world.self);
            stage->shown.from_ns = stage->begun_ns;
            stage->shown.events = stage->world.events(stage->world.self);
        }
        progress_show(stage->progress, &stage->shown);
    }
}

static enum err tell_step(struct stage *stage, const struct step *step)
{
    struct observation story = {.kind = OBSERVATION_story, .at_ns = stage->world.now(stage->world.self), .actor = step->actor, .text = step->text,
                                .other_id = step->id, .number = (int64_t)play_steps_told(stage->play)};
    play_told(stage->play, step);
    snprintf(stage->now, sizeof stage->now, "%.*s", SLICE_ARGS(step->text));
    stage->shown.now = slice_from(stage->now);
    stage->shown.done = play_steps_told(stage->play);
    stage->shown.told_ns = story.at_ns - stage->begun_ns;
    show(stage, true);
    stage->world.note(stage->world.self, &story);
    if (step->actor.size == 0) {
        return ERR_OK;
    }
    if (slice_equal(step->entry.verb, SLICE("kill"))) {
        return stage->world.kill(stage->world.self, step->actor, false);
    }
    stage->told_to_ris += is_ris(stage, step->actor) && step->entry.kind == PLAN_DO;
    return stage->world.tell(stage->world.self, step->actor, &step->entry);
}

/* ---- Rows of the load. */

/* Late reports and looks trickle in for ever: what would come when the run has half come to rest is of no run. */
static bool is_after_all(const struct stage *stage)
{
    const struct scenario *scenario = stage->scenario;
    int64_t speed = scenario->speed > 0 ? scenario->speed : 1;
    return scenario->length > 0 && stage->row.entry.kind != PLAN_HEAL && stage->row.at_ns > scenario->start + scenario->length / speed + scenario->drain / 2;
}

static enum err pull(struct stage *stage)
{
    enum err err = ERR_OK;
    do {
        err = load_next(stage->load, &stage->row);
    } while (err == ERR_OK && is_after_all(stage));
    stage->has_row = err == ERR_OK;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err stage_rows(struct stage *stage, struct arena *memory)
{
    const struct scenario *scenario = stage->scenario;
    struct load_setup setup = {.population = &scenario->population, .seed = scenario->seed, .start = scenario->start, .length = scenario->length, .speed = scenario->speed};
    if (!scenario->populated) {
        return ERR_OK;
    }
    enum err err = arena_make(memory, load_memory(&setup));
    err = err == ERR_OK ? load_init(&stage->load, &setup, memory) : err;
    return err == ERR_OK ? pull(stage) : err;
}

struct plan_totals stage_totals(const struct stage *stage)
{
    const struct load_counts *counts = stage->load == NULL ? NULL : load_count(stage->load);
    struct plan_totals totals = {.known = counts != NULL};
    if (counts != NULL) {
        totals.exams = counts->exams;
        totals.images = counts->images;
        totals.bytes = counts->bytes;
        totals.messages = load_messages(counts);
        totals.meetings = counts->meetings;
        totals.cases = counts->discussions;
        totals.exams_before = counts->rows[LOAD_PRIOR_COMPLETE];
        totals.messages_before = counts->rows[LOAD_PRIOR_REGISTER] + counts->rows[LOAD_PRIOR_COMPLETE] + counts->rows[LOAD_PRIOR_REPORT];
    }
    return totals;
}

static void count_row(struct stage *stage, const struct load_row *row)
{
    char text[32];
    const struct scenario *scenario = stage->scenario;
    stage->told_to_ris += row->node < scenario->node_count && scenario->nodes[row->node].kind == KIND_RIS && row->entry.kind == PLAN_DO;
    if (stage->trouble != NULL && trouble_row(stage->trouble, row) && stage->world.wake != NULL && stage->world.self != NULL) {
        stage->world.wake(stage->world.self); /* something is due that was not */
    }
    if (stage->plan != NULL) {
        plan_file_row(stage->plan, row->at_ns, target_of(stage, row->node, text), &row->entry);
    }
}

const struct load_row *stage_next(struct stage *stage)
{
    if (stage->row_taken && stage->err == ERR_OK) {
        stage->err = pull(stage);
        stage->row_taken = false;
    }
    if (!stage->has_row) {
        return NULL;
    }
    stage->row_taken = true;
    count_row(stage, &stage->row);
    return &stage->row;
}

static enum err tell_row(struct stage *stage)
{
    const struct load_row *row = &stage->row;
    count_row(stage, row);
    if (row->entry.kind == PLAN_DO && row->node < stage->scenario->node_count && stage->scenario->nodes[row->node].kind == KIND_VIEWER) {
        stage->told_to_viewers++;
        stage->told_viewer_at = stage->world.now(stage->world.self);
    }
    enum err err = tell_fault(stage, row->node, &row->entry);
    return err == ERR_OK ? pull(stage) : err;
}

enum err stage_turn(struct stage *stage, time_ns until)
{
    const struct step *step = stage->play == NULL ? NULL : play_due(stage->play);
    if (step != NULL) {
        return tell_step(stage, step);
    }
    time_ns trouble = troubles_due(stage);
    if (trouble <= stage->world.now(stage->world.self)) {
        return tell_troubles(stage);
    }
    until = trouble < until ? trouble : until;
    bool rows = stage->has_row && !stage->world.tells_rows;
    if (rows && stage->row.at_ns <= stage->world.now(stage->world.self)) {
        return tell_row(stage);
    }
    until = is_taken_up(stage) || until < stage->told_viewer_at + TAKE_UP_NS ? until : stage->told_viewer_at + TAKE_UP_NS;
    enum err err = stage->world.poll(stage->world.self, rows && stage->row.at_ns < until ? stage->row.at_ns : until);
    show(stage, false);
    return err == ERR_OK ? stage->err : err;
}

bool stage_is_over(struct stage *stage)
{
    return is_settled(stage) && troubles_due(stage) == TIME_NEVER && stage->world.open_demands(stage->world.self) == 0;
}

void stage_wind_up(struct stage *stage)
{
    struct plan_entry unwatch = {.kind = PLAN_DO, .verb = SLICE("unwatch")};
    time_ns end = stage->world.now(stage->world.self) + WIND_UP_NS;
    stage->winding_up = true;
    enum err err = stage->world.tell(stage->world.self, SLICE(WATCHER), &unwatch);
    while ((err == ERR_OK || err == ERR_NOT_FOUND) && (stage->answered < stage->asked || stage->watched < stage->completed) && stage->world.now(stage->world.self) < end) {
        err = stage->world.poll(stage->world.self, end);
    }
}

static void put_some(struct buffer *text, int64_t number, const char *what, const char *more)
{
    if (number > 0) {
        buffer_put_text(text, text->size > 0 && text->data[text->size - 1] != ' ' ? ", " : "");
        buffer_put_int(text, number);
        buffer_put_text(text, what);
        buffer_put_text(text, number == 1 ? "" : "s");
        buffer_put_text(text, more);
    }
}

void stage_put_open(struct stage *stage, struct buffer *text)
{
    char first[96];
    int64_t told = stage->told_to_ris > stage->sent ? stage->told_to_ris : stage->sent;
    snprintf(first, sizeof first, " to be shown (first %s)", stage->unseen_first);
    put_some(text, stage->unseen, " exam", first);
    put_some(text, stage->asked - stage->answered, " question", "");
    put_some(text, stage->retrieves_asked - stage->retrieves_answered, " retrieve", "");
    put_some(text, told - stage->said, " message", " to be acknowledged");
    put_some(text, (int64_t)stage->world.open_demands(stage->world.self), " open demand", "");
    put_some(text, troubles_due(stage) == TIME_NEVER ? 0 : 1, " fault", " to come or to end");
    put_some(text, stage->has_row ? 1 : 0, " row", " of the plan that was not told, or more");
}
