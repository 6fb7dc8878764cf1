/* SPDX-License-Identifier: MIT
 *
 * Whose turn it is to be published: a ring of exams that want a place, exams whose node is away, times to try or look again. */
#include "src/engine/publish_private.h"

#define DOUBLINGS_MAX 30
#define SUBJECT_GO_ON INT64_MIN /* of a timer: what waits goes on, a step ran full */

enum err publish_init(struct engine *engine)
{
    struct publish_state *state = arena_alloc(engine->arena, sizeof *state);
    engine->publish = state;
    if (state == NULL) {
        return ERR_LIMIT;
    }
    state->ring_max = engine->config->exams_max;
    state->waiting = arena_array(engine->arena, state->ring_max, sizeof *state->waiting);
    state->busy = arena_array(engine->arena, state->ring_max, sizeof *state->busy);
    state->parked = arena_array(engine->arena, state->ring_max, sizeof *state->parked);
    if (state->waiting == NULL || state->busy == NULL || state->parked == NULL) {
        return ERR_LIMIT;
    }
    for (uint32_t i = 0; i < WORKS_MAX; i++) {
        if (arena_carve(&state->works[i].arena, engine->arena, WORK_ARENA) != ERR_OK) {
            return ERR_LIMIT;
        }
    }
    return ERR_OK;
}

/* ---- Who is to be published. */
static bool wants_publication(const struct row_exam *exam)
{
    return exam->study == 0 && (exam->state == EXAM_COMPLETED || exam->state == EXAM_REPORTED);
}

static void start_waiting(struct engine *engine, struct out *out);

static void enqueue(struct engine *engine, struct out *out, uint32_t row, uint8_t round)
{
    struct publish_state *state = engine->publish;
    assert(state->ring_count < state->ring_max && !state->busy[row]);
    state->busy[row] = (uint8_t)(round + 1);
    state->waiting[(state->ring_first + state->ring_count++) % state->ring_max] = row;
    start_waiting(engine, out);
}

void publish_wake(struct engine *engine, struct out *out, uint32_t row)
{
    struct row_exam exam = row_get_exam(engine, row);
    if (wants_publication(&exam) && !engine->publish->busy[row]) {
        enqueue(engine, out, row, 0);
    }
}

/* ---- Looking again at what is published. Timer subjects: exam row, round. Of an exam that was done long ago nothing comes late. */
#define SETTLED_NS (7 * TIME_DAY)
static const time_ns look_again_ns[] = {15 * TIME_S, TIME_MIN, 5 * TIME_MIN};
#define ROUNDS (sizeof look_again_ns / sizeof look_again_ns[0])

static void look_again(struct engine *engine, uint32_t row, uint8_t round)
{
    time_ns done = row_get_exam(engine, row).completed_at;
    bool settled = done > 0 && done < engine->now - SETTLED_NS;
    if (round <= ROUNDS && !settled) {
        timer_set(engine, TIMER_PUBLISH, (int64_t)round << 32 | row,
                  engine->now + look_again_ns[round - 1]);
    }
}

void publish_timer(struct engine *engine, struct out *out, int64_t subject)
{
    uint32_t row = (uint32_t)subject;
    uint8_t round = (uint8_t)(subject >> 32);
    if (subject == SUBJECT_GO_ON) {
        engine->publish->goes_on = false;
        start_waiting(engine, out);
    } else if (round == 0) {
        publish_wake(engine, out, row);
    } else if (!engine->publish->busy[row] && row_get_exam(engine, row).study != 0) {
        enqueue(engine, out, row, round);
    }
}

void publish_pushed(struct engine *engine, struct out *out, uint32_t row)
{
    if (row_get_exam(engine, row).study == 0) {
        publish_wake(engine, out, row);
    } else {
        publish_timer(engine, out, (int64_t)1 << 32 | row);
    }
}

void publish_restored(struct engine *engine, struct out *out)
{
    for (uint32_t row = 0; row < row_bound(engine, TABLE_exam); row++) {
        if (!row_used(engine, TABLE_exam, row)) {
            continue;
        }
        struct row_exam exam = row_get_exam(engine, row);
        publish_wake(engine, out, row);
        if (exam.study != 0 && exam.published_at > engine->now - look_again_ns[ROUNDS - 1]) {
            look_again(engine, row, 1);
        }
    }
}

void publish_person_changed(struct engine *engine, struct out *out, int64_t person)
{
    for (uint32_t row = index_first_int(engine, INDEX_exam_person, person); row != ROW_NONE;
         row = index_next(engine, INDEX_exam_person, row)) {
        publish_wake(engine, out, row);
    }
}

/* ---- The end of one attempt. */
void publish_leave(struct engine *engine, struct out *out, struct work *work)
{
    engine->publish->busy[work->row] = 0;
    work->phase = PHASE_FREE;
    if (row_get_exam(engine, work->row).study != 0) {
        look_again(engine, work->row, work->changed ? 1 : (uint8_t)(work->round + 1));
    }
    start_waiting(engine, out);
}

/* Waits double; their sum reaches publish_give_up_ns, then it is tried once in that span. */
static time_ns wait_of(const struct engine *engine, int64_t attempts)
{
    time_ns wait =
        engine->config->publish_retry_ns > 0 ? engine->config->publish_retry_ns : 2 * TIME_S;
    time_ns most = engine->config->publish_give_up_ns > wait ? engine->config->publish_give_up_ns
                                                             : 10 * TIME_MIN;
    for (int64_t i = 1; i < attempts && i < DOUBLINGS_MAX && wait < most; i++) {
        wait *= 2;
    }
    return wait < most ? wait : most;
}

/* Its node is away: it waits, silent, for the node and not for a time. */
static void park(struct engine *engine, struct out *out, struct work *work, struct row_exam *exam, slice why)
{
    struct publish_state *state = engine->publish;
    uint32_t *last = &state->parked_last[work->node];
    if (!slice_equal(exam->why, why)) {
        exam->why = why;
        row_put_exam(engine, out, exam);
    }
    state->parked[work->row] = 0;
    *(*last == 0 ? &state->parked_first[work->node] : &state->parked[*last - 1]) = work->row + 1;
    *last = work->row + 1;
    work->phase = PHASE_FREE; /* busy still: nothing else wakes it */
    start_waiting(engine, out);
}

void publish_node_up(struct engine *engine, struct out *out, uint32_t node)
{
    struct publish_state *state = engine->publish;
    uint32_t at = state->parked_first[node];
    state->parked_first[node] = state->parked_last[node] = 0;
    for (; at != 0; at = state->parked[at - 1]) {
        struct row_exam exam = row_get_exam(engine, at - 1);
        if (wants_publication(&exam)) {
            assert(state->ring_count < state->ring_max);
            state->waiting[(state->ring_first + state->ring_count++) % state->ring_max] = at - 1;
        } else {
            state->busy[at - 1] = 0;
        }
    }
    start_waiting(engine, out);
}

void publish_try_again(struct engine *engine, struct out *out, struct work *work, slice why,
                      bool counts)
{
    struct row_exam exam = row_get_exam(engine, work->row);
    if (exam.study != 0) {
        publish_leave(engine, out, work);
        return;
    }
    if (!counts && health_is_down(engine, work->node)) {
        park(engine, out, work, &exam, why);
        return;
    }
    exam.attempts += counts;
    exam.why = why;
    row_put_exam(engine, out, &exam);
    timer_set(engine, TIMER_PUBLISH, work->row,
              engine->now +
                  (counts ? wait_of(engine, exam.attempts) : 2 * engine->config->breaker_open_ns));
    publish_leave(engine, out, work);
}

void publish_not_yet(struct engine *engine, struct out *out, struct work *work, slice why)
{
    publish_try_again(engine, out, work, why, true);
}

/* ---- Turns. */
/* The rest in the next step. */
static void go_on_later(struct engine *engine)
{
    if (!engine->publish->goes_on) {
        engine->publish->goes_on = true;
        timer_set(engine, TIMER_PUBLISH, SUBJECT_GO_ON, engine->now);
    }
}

static void start_waiting(struct engine *engine, struct out *out)
{
    struct publish_state *state = engine->publish;
    if (state->starting) {
        return;
    }
    state->starting = true;
    for (uint32_t i = 0; i < WORKS_MAX && state->ring_count > 0; i++) {
        while (state->works[i].phase == PHASE_FREE && state->ring_count > 0) { /* an attempt may end at once */
            if (out->record_count > OUT_RECORDS_MAX / 4 || out->command_count > OUT_COMMANDS_MAX / 2) {
                go_on_later(engine);
                state->starting = false;
                return;
            }
            uint32_t row = state->waiting[state->ring_first];
            state->ring_first = (state->ring_first + 1) % state->ring_max;
            state->ring_count--;
            publish_begin(engine, out, &state->works[i], row);
        }
    }
    state->starting = false;
}
