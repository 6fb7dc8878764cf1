/* SPDX-License-Identifier: MIT
 *
 * Retrieval: hands events to the transfer, the proof or the request they belong to, and brings demands back to
 * life after a crash. */
#include "src/engine/relay.h"
#include "src/engine/retrieve_private.h"

#define POOL_SHARE 8             /* of the engine's memory */
#define POOL_SIZE_MIN (4u << 20) /* bytes */
#define POOL_SIZE_MAX (96u << 20)
#define DEMANDS_DEFAULT 4096u

enum err retrieve_init(struct engine *engine)
{
    struct retrieve_state *state = arena_alloc(engine->arena, sizeof *state);
    if (state == NULL) {
        return ERR_LIMIT;
    }
    engine->retrieve = state;
    state->waiting_max = (engine->config->demands_max == 0 ? DEMANDS_DEFAULT : engine->config->demands_max) + 2 * TRANSFERS_MAX;
    state->waiting = arena_array(engine->arena, state->waiting_max, sizeof *state->waiting);
    enum err err = move_init(engine);
    if (state->waiting == NULL || err != ERR_OK) {
        return ERR_LIMIT;
    }
    uint64_t size = engine->config->memory / POOL_SHARE;
    size = size < POOL_SIZE_MIN ? POOL_SIZE_MIN : size;
    return pool_init(&state->pool, engine->arena, size > POOL_SIZE_MAX ? POOL_SIZE_MAX : (size_t)size);
}

int64_t retrieve_job_of(const struct engine *engine, uint32_t node, slice called)
{
    if (!slice_equal(called, engine->config->aet)) {
        return 0; /* no aliases are given out: the one open job of a holder is told by the holder */
    }
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        const struct transfer *transfer = &engine->retrieve->transfers[i];
        bool open = transfer->used && transfer->relay_open && transfer->phase != PHASE_ENDING;
        if (open && transfer->holders[transfer->holder].node == node) {
            return transfer->job;
        }
    }
    return 0;
}

void retrieve_event(struct engine *engine, const struct event *event, struct out *out, struct channel *channel)
{
    struct transfer *transfer = channel->kind == CHANNEL_RELAY || channel->subject == 0 ? NULL : transfer_of(engine, channel->subject);
    if (transfer == NULL) {
        return; /* a relay's association is the relay's own; a channel without subject is done with */
    }
    if (channel->kind == CHANNEL_MOVE) {
        transfer_event(engine, event, out, transfer, channel);
    } else {
        proof_event(engine, event, out, transfer, channel);
    }
}

void retrieve_relayed(struct engine *engine, const struct event *event, struct out *out)
{
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        struct transfer *transfer = &engine->retrieve->transfers[i];
        if (transfer->used && transfer->relay_open && transfer->job == event->job) {
            transfer_relayed(engine, event, out, transfer);
            return;
        }
    }
}

/* Owner ids: a demand, or less than zero a request that looks for its study. */
void retrieve_found_row(struct engine *engine, struct out *out, int64_t id, uint32_t find, const struct find_row *row)
{
    if (id < 0) {
        struct move_request *request = move_by_id(engine, -id);
        if (request != NULL) {
            move_found_row(engine, out, request, find, row);
        }
        return;
    }
    struct transfer *transfer = transfer_of(engine, id);
    if (transfer != NULL) {
        transfer_listed_row(engine, out, transfer, find, row);
    }
}

void retrieve_found_end(struct engine *engine, struct out *out, int64_t id, uint32_t find, enum find_outcome outcome, slice why)
{
    if (id < 0) {
        struct move_request *request = move_by_id(engine, -id);
        if (request != NULL) {
            move_found_end(engine, out, request, find, outcome, why);
        }
        return;
    }
    struct transfer *transfer = transfer_of(engine, id);
    if (transfer != NULL) {
        transfer_listed_end(engine, out, transfer, find, outcome, why);
    }
}

bool retrieve_waits(struct engine *engine, int64_t subject)
{
    struct retrieve_state *state = engine->retrieve;
    return subject > 0 || (subject < 0 && move_by_id(engine, -subject) != NULL) ||
           (subject == 0 && (state->ticking || state->waiting_count > 0 || state->transfer_count > 0));
}

/* A demand; less than zero a request of a client; zero the scheduler. */
void retrieve_timer(struct engine *engine, struct out *out, int64_t subject)
{
    struct row_demand row;
    if (subject == 0) {
        schedule(engine, out);
        return;
    }
    if (subject < 0) {
        move_timer(engine, out, -subject);
        return;
    }
    struct transfer *transfer = transfer_of(engine, subject);
    if (transfer != NULL) {
        transfer_timer(engine, out, transfer);
    } else if (demand_get(engine, subject, &row) && demand_is_over(row.state) && !items_are_kept(engine, &row)) {
        items_clean(engine, out, subject);
    }
}

void retrieve_pump(struct engine *engine, struct out *out, uint32_t node)
{
    (void)out;
    (void)node;
    if (engine->retrieve->waiting_count > 0 || engine->retrieve->transfer_count > 0) {
        schedule_soon(engine);
    }
}

/* After a crash no job runs. What was acknowledged stands in job_item; what was on its way is not known, so a
 * destination that lists is asked before anything is moved again. */
void retrieve_restored(struct engine *engine, struct out *out)
{
    uint32_t bound = row_bound(engine, TABLE_demand);
    for (uint32_t at = 0; at < bound; at++) {
        if (!row_used(engine, TABLE_demand, at)) {
            continue;
        }
        struct row_demand row = row_get_demand(engine, at);
        if (demand_is_over(row.state)) {
            if (index_first_int(engine, INDEX_job_item_demand, row.id) != ROW_NONE && !items_are_kept(engine, &row)) {
                timer_set(engine, TIMER_RETRIEVE, row.id, engine->now);
            }
            continue;
        }
        row_delete_job(engine, out, &(struct row_job){.demand = row.id});
        if (row.state != DEMAND_WAITING) {
            row.state = DEMAND_WAITING;
            row_put_demand(engine, out, &row);
        }
        waiting_add(engine, out, &row, engine->now);
    }
}

void retrieve_give_up(struct engine *engine, struct out *out, int64_t demand, slice why)
{
    struct transfer *transfer = transfer_of(engine, demand);
    if (transfer == NULL) {
        waiting_drop(engine, demand);
        demand_end(engine, out, demand, DEMAND_FAILED, PROOF_NONE, why);
        return;
    }
    if (transfer_has_job(transfer)) {
        transfer->given_up = true;
        transfer_stop(engine, out, transfer, why);
        return;
    }
    demand_end(engine, out, demand, DEMAND_FAILED, PROOF_NONE, why);
    transfer_give(engine, out, transfer);
}

/* A plan made under old links: what runs stops, what waits is planned anew when its turn comes. */
void retrieve_person_changed(struct engine *engine, struct out *out, int64_t person)
{
    for (uint32_t at = index_first_int(engine, INDEX_study_person, person); at != ROW_NONE; at = index_next(engine, INDEX_study_person, at)) {
        int64_t study = row_get_study(engine, at).id;
        for (size_t i = 0; i < TRANSFERS_MAX; i++) {
            struct transfer *transfer = &engine->retrieve->transfers[i];
            if (transfer->used && transfer->study == study && transfer->phase != PHASE_ENDING) {
                transfer_stop(engine, out, transfer, SLICE("the patient's numbers changed"));
            }
        }
    }
    priors_person_changed(engine, out, person);
}

bool retrieve_goes_to(const struct engine *engine, int64_t study, uint32_t node)
{
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        const struct transfer *transfer = &engine->retrieve->transfers[i];
        if (transfer->used && transfer->study == study && transfer->destination == node) {
            return true;
        }
    }
    return false;
}

bool retrieve_comes_from(const struct engine *engine, uint32_t node)
{
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        const struct transfer *transfer = &engine->retrieve->transfers[i];
        bool moving = transfer->used && transfer->phase == PHASE_MOVING && transfer->holders[transfer->holder].node == node;
        if (moving && engine->now - transfer->sign_ns < 2 * RELAY_SIGN_NS) {
            return true;
        }
    }
    return false;
}

void retrieve_get(struct engine *engine, const struct event *event, struct out *out, struct channel *channel, const struct dimse *request)
{
    (void)engine;
    (void)event;
    struct dimse response = dimse_response(request, STATUS_SOP_CLASS_NOT_SUPPORTED); /* docs/decisions/0004 */
    out_send_dimse(out, channel->number, &response);
}

void retrieve_operator(struct engine *engine, const struct event *event, struct out *out)
{
    struct row_demand row;
    int64_t demand = plan_get_int(&event->plan, "demand", 0);
    if (!demand_get(engine, demand, &row)) {
        return;
    }
    if (slice_equal(event->plan.verb, SLICE("give_up")) && !demand_is_over(row.state)) {
        retrieve_give_up(engine, out, demand, SLICE("given up by an operator"));
    } else if (slice_equal(event->plan.verb, SLICE("retry")) && row.state == DEMAND_FAILED) {
        row.state = DEMAND_WAITING;
        row.attempts = 0;
        row.ended_at = 0;
        waiting_add(engine, out, &row, engine->now);
        demand_put(engine, out, &row);
    }
}
