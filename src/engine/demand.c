/* SPDX-License-Identifier: MIT
 *
 * Demands: what is accepted, in which order it gets its turn, how it ends. Earliest deadline first; a demand
 * whose holder or destination is away or busy lets the next one pass. */
#include "src/engine/retrieve_private.h"

bool demand_get(const struct engine *engine, int64_t id, struct row_demand *row)
{
    uint32_t found = row_find_demand(engine, &(struct row_demand){.id = id});
    if (found == ROW_NONE) {
        return false;
    }
    *row = row_get_demand(engine, found);
    return true;
}

bool demand_is_over(int64_t state)
{
    return state == DEMAND_DONE || state == DEMAND_UNPROVEN || state == DEMAND_FAILED;
}

void demand_put(struct engine *engine, struct out *out, const struct row_demand *row)
{
    row_put_demand(engine, out, row);
    mdt_demand_changed(engine, out, row->id);
    priors_demand_changed(engine, out, row->id);
}

static bool study_get(const struct engine *engine, int64_t id, struct row_study *study)
{
    uint32_t found = row_find_study(engine, &(struct row_study){.id = id});
    if (found == ROW_NONE) {
        return false;
    }
    *study = row_get_study(engine, found);
    return true;
}

static int64_t epoch_of(const struct engine *engine, int64_t study)
{
    struct row_study row;
    struct row_person person;
    if (!study_get(engine, study, &row) || !identity_row(engine, identity_survivor(engine, row.person), &person)) {
        return 0;
    }
    return person.epoch;
}

bool retrieve_is_at(const struct engine *engine, int64_t study, uint32_t node)
{
    uint32_t row = row_find_copy(engine, &(struct row_copy){.study = study, .node = node_at(engine, node)->name});
    if (row == ROW_NONE) {
        return false;
    }
    struct row_copy copy = row_get_copy(engine, row);
    return copy.state == COPY_PRESENT && (copy.role == COPY_ORIGINAL || copy.proof != PROOF_NONE);
}

/* ---- The queue. */
static bool goes_before(const struct waiting *a, const struct waiting *b)
{
    return a->due_at != b->due_at ? a->due_at < b->due_at : a->demand < b->demand;
}

/* Could the scheduler begin anything? What waits for a time has a timer of its own. */
static bool somebody_is_ready(const struct engine *engine)
{
    const struct retrieve_state *state = engine->retrieve;
    for (size_t i = 0; i < TRANSFERS_MAX && state->transfer_count > 0; i++) {
        if (state->transfers[i].used && state->transfers[i].phase == PHASE_READY) {
            return true;
        }
    }
    for (size_t i = 0; i < state->waiting_count; i++) {
        if (state->waiting[i].not_before <= engine->now) {
            return true;
        }
    }
    return false;
}

void schedule_soon(struct engine *engine)
{
    if (!engine->retrieve->ticking && somebody_is_ready(engine)) {
        engine->retrieve->ticking = true;
        timer_set(engine, TIMER_RETRIEVE, 0, engine->now + (MUTANT(M_ADDRESS) ? (time_ns)((uintptr_t)engine->retrieve >> 4 & 0xFFFF) : 0));
    }
}

void waiting_add(struct engine *engine, struct out *out, const struct row_demand *row, time_ns not_before)
{
    struct retrieve_state *state = engine->retrieve;
    (void)out;
    assert(state->waiting_count < state->waiting_max);
    not_before += MUTANT(M_STARVE) && row->id % 8 == 3 && not_before == engine->now ? 50 * TIME_MIN : 0;
    struct waiting entry = {row->due_at, not_before, row->id};
    size_t at = state->waiting_count++;
    for (; at > 0 && goes_before(&entry, &state->waiting[at - 1]); at--) {
        state->waiting[at] = state->waiting[at - 1];
    }
    state->waiting[at] = entry;
    if (not_before > engine->now) {
        timer_set(engine, TIMER_RETRIEVE, 0, not_before);
    } else {
        schedule_soon(engine);
    }
}

void waiting_drop(struct engine *engine, int64_t demand)
{
    struct retrieve_state *state = engine->retrieve;
    for (size_t i = 0; i < state->waiting_count; i++) {
        if (state->waiting[i].demand == demand) {
            memmove(&state->waiting[i], &state->waiting[i + 1], (state->waiting_count - i - 1) * sizeof state->waiting[0]);
            state->waiting_count--;
            return;
        }
    }
}

/* Until when a demand that nobody waits at the counter for is kept alive while nodes are away. */
static time_ns give_up_at(const struct engine *engine, const struct row_demand *row)
{
    time_ns from = row->due_at > row->accepted_at ? row->due_at : row->accepted_at;
    return from + engine->config->publish_give_up_ns;
}

/* Can an attempt do anything now? A client is told soon, so her demand is tried, and counted, all the same. */
static bool can_begin(const struct engine *engine, const struct row_demand *row, slice *why)
{
    uint32_t destination = node_by_name(engine, row->destination);
    bool any = false, all_down = true;
    if (destination == NODE_NONE || row->reason == DEMAND_CLIENT) {
        return true;
    }
    if (health_gate(engine, destination) == GATE_DOWN) {
        *why = SLICE("the destination is down");
        return false;
    }
    for (uint32_t at = index_first_int(engine, INDEX_copy_study, row->study); at != ROW_NONE; at = index_next(engine, INDEX_copy_study, at)) {
        struct row_copy copy = row_get_copy(engine, at);
        uint32_t node = node_by_name(engine, copy.node);
        if (node != NODE_NONE && node != destination && copy.state != COPY_GONE && node_at(engine, node)->source) {
            any = true;
            all_down = all_down && health_gate(engine, node) == GATE_DOWN;
        }
    }
    *why = SLICE("every holder is down");
    return !(any && all_down);
}

static struct transfer *free_transfer(struct engine *engine)
{
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        if (!engine->retrieve->transfers[i].used) {
            return &engine->retrieve->transfers[i];
        }
    }
    return NULL;
}

/* One study to one place at a time: who comes second looks at what the first has brought. */
static bool is_under_way(const struct engine *engine, const struct row_demand *row)
{
    uint32_t destination = node_by_name(engine, row->destination);
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        const struct transfer *other = &engine->retrieve->transfers[i];
        if (other->used && other->study == row->study && other->destination == destination) {
            return true;
        }
    }
    return false;
}

static void say_waits(struct engine *engine, struct out *out, struct row_demand *row, slice why)
{
    if (engine->now >= give_up_at(engine, row)) {
        waiting_drop(engine, row->id);
        demand_end(engine, out, row->id, DEMAND_FAILED, PROOF_NONE, why);
    } else if (!slice_equal(row->why, why)) {
        row->why = why;
        demand_put(engine, out, row);
    }
}

void schedule(struct engine *engine, struct out *out)
{
    struct retrieve_state *state = engine->retrieve;
    state->ticking = false;
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        if (state->transfers[i].used && state->transfers[i].phase == PHASE_READY) {
            transfer_run_if_ready(engine, out, &state->transfers[i]);
        }
    }
    for (size_t i = 0; i < state->waiting_count && free_transfer(engine) != NULL;) {
        struct waiting entry = state->waiting[i];
        struct row_demand row;
        slice why = SLICE_EMPTY;
        if (entry.not_before > engine->now || !demand_get(engine, entry.demand, &row) || is_under_way(engine, &row)) {
            i++;
        } else if (!can_begin(engine, &row, &why)) {
            say_waits(engine, out, &row, why);
            if (MUTANT(M_ONE_QUEUE)) {
                return;
            }
            i += i < state->waiting_count && state->waiting[i].demand == entry.demand;
        } else {
            waiting_drop(engine, entry.demand);
            (void)transfer_begin(engine, out, &row);
        }
        if (out->command_count > OUT_COMMANDS_MAX / 2 || out->record_count > OUT_RECORDS_MAX / 2) {
            schedule_soon(engine); /* the rest in the next step */
            return;
        }
    }
}

/* ---- Admission. */
static int64_t find_by_key(const struct engine *engine, const struct demand_wish *wish)
{
    int64_t done = 0;
    for (uint32_t at = index_first_text(engine, INDEX_demand_key, wish->key); at != ROW_NONE; at = index_next(engine, INDEX_demand_key, at)) {
        struct row_demand row = row_get_demand(engine, at);
        if (!demand_is_over(row.state)) {
            return row.id;
        }
        if (row.state == DEMAND_DONE && wish->reason != DEMAND_CLIENT) {
            done = row.id;
        }
    }
    return done;
}

int64_t retrieve_demand(struct engine *engine, struct out *out, const struct demand_wish *wish, slice *why)
{
    int64_t known = find_by_key(engine, wish);
    struct row_study study;
    if (known != 0) {
        return known;
    }
    if (!study_get(engine, wish->study, &study)) {
        *why = SLICE("no such study");
        return 0;
    }
    if (lifecycle_hidden(engine, study.uid, SLICE_EMPTY)) {
        *why = SLICE("the study was rejected");
        return 0;
    }
    if (!node_at(engine, wish->destination)->destination) {
        *why = SLICE("the node does not receive");
        return 0;
    }
    if (!row_room(engine, TABLE_demand, 1) || engine->retrieve->waiting_count + TRANSFERS_MAX >= engine->retrieve->waiting_max) {
        *why = SLICE("limit demands_max");
        return 0;
    }
    struct row_demand row = {
        .id = counter_next(engine, out, SLICE("demand")),
        .reason = wish->reason,
        .reason_key = wish->key,
        .study = wish->study,
        .epoch = epoch_of(engine, wish->study),
        .destination = node_at(engine, wish->destination)->name,
        .level = wish->level.size == 0 ? SLICE("STUDY") : wish->level,
        .uids = wish->uids,
        .principal = wish->principal,
        .due_at = wish->due_at,
        .state = DEMAND_WAITING,
        .accepted_at = engine->now,
    };
    row_put_demand(engine, out, &row); /* whoever asked learns the number from us: no call back into it */
    waiting_add(engine, out, &row, engine->now);
    if (wish->reason != DEMAND_CLIENT) {
        timer_set(engine, TIMER_RETRIEVE, 0, give_up_at(engine, &row));
    }
    return row.id;
}

/* ---- Ends. */
void items_clean(struct engine *engine, struct out *out, int64_t demand)
{
    for (size_t i = 0; i < CLEAN_RECORDS && out->record_count < OUT_RECORDS_MAX / 2; i++) { /* several may end in one step */
        uint32_t at = index_first_int(engine, INDEX_job_item_demand, demand);
        if (at == ROW_NONE) {
            return;
        }
        struct row_job_item item = row_get_job_item(engine, at);
        item.sop_uid = text_copy(out, item.sop_uid);
        row_delete_job_item(engine, out, &item);
    }
    timer_set(engine, TIMER_RETRIEVE, demand, engine->now); /* the rest in the next step */
}

/* A client got all of it again since: what went before says nothing more. */
static bool is_outdone(const struct engine *engine, const struct row_demand *row)
{
    for (uint32_t at = index_first_int(engine, INDEX_demand_study, row->study); at != ROW_NONE; at = index_next(engine, INDEX_demand_study, at)) {
        struct row_demand other = row_get_demand(engine, at);
        if (other.id > row->id && other.state == DEMAND_DONE && other.reason == DEMAND_CLIENT && slice_equal(other.level, SLICE("STUDY")) &&
            slice_equal(other.destination, row->destination)) {
            return true;
        }
    }
    return false;
}

/* A destination that cannot be asked what it holds: what it acknowledged is remembered, so that of a study that grows only the rest
 * is sent. */
bool items_are_kept(const struct engine *engine, const struct row_demand *row)
{
    uint32_t node = node_by_name(engine, row->destination);
    return row->state == DEMAND_DONE && slice_equal(row->level, SLICE("STUDY")) && node != NODE_NONE && !node_at(engine, node)->answers_list &&
           row->id >= engine->retrieve->items_from && !is_outdone(engine, row);
}

/* Half of the table is for that. What was asked for first is forgotten first: studies grow soon or not at all, and one that
 * grows later is sent whole again. */
static void items_make_room(struct engine *engine, struct out *out, int64_t newest)
{
    struct row_demand row;
    while (row_count(engine, TABLE_job_item) > engine->config->instances_max / 2 && engine->retrieve->items_from <= newest &&
           out->record_count < OUT_RECORDS_MAX / 2) {
        int64_t oldest = engine->retrieve->items_from++;
        if (demand_get(engine, oldest, &row) && demand_is_over(row.state)) {
            items_clean(engine, out, oldest);
        }
    }
}

/* After `row` has ended: of her own, or of those before that she outdoes, nothing is to be remembered. */
static void items_forget(struct engine *engine, struct out *out, const struct row_demand *row)
{
    for (uint32_t at = index_first_int(engine, INDEX_demand_study, row->study); at != ROW_NONE; at = index_next(engine, INDEX_demand_study, at)) {
        struct row_demand other = row_get_demand(engine, at);
        if (other.id <= row->id && demand_is_over(other.state) && !items_are_kept(engine, &other)) {
            items_clean(engine, out, other.id);
        }
    }
}

static void copy_lease(struct engine *engine, struct out *out, const struct row_demand *row)
{
    struct row_copy copy = {.study = row->study, .node = row->destination};
    uint32_t at = row_find_copy(engine, &copy);
    if (at != ROW_NONE) {
        copy = row_get_copy(engine, at);
        if (copy.role == COPY_ORIGINAL && copy.state == COPY_PRESENT) {
            return;
        }
    }
    bool whole = slice_equal(row->level, SLICE("STUDY"));
    if (!whole && copy.state == COPY_PRESENT) {
        return;
    }
    copy.role = copy.role == 0 ? COPY_LEASED : copy.role;
    copy.state = whole ? COPY_PRESENT : COPY_PARTIAL;
    copy.instance_count = row->delivered;
    copy.proof = row->proof;
    copy.proved_at = engine->now;
    row_put_copy(engine, out, &copy);
}

void demand_end(struct engine *engine, struct out *out, int64_t id, enum demand_state state, enum proof proof, slice why)
{
    struct row_demand row;
    bool found = demand_get(engine, id, &row);
    assert(found && !demand_is_over(row.state));
    why = text_copy(out, why);
    row.state = state;
    row.proof = proof;
    row.why = why;
    row.ended_at = engine->now;
    row.attempts += transfer_of(engine, id) != NULL; /* the one that ends here */
    if (state == DEMAND_DONE) {
        copy_lease(engine, out, &row);
    }
    move_demand_over(engine, out, &row, transfer_of(engine, id));
    demand_put(engine, out, &row);
    items_forget(engine, out, &row);
    items_make_room(engine, out, row.id);
}

static time_ns backoff(int64_t attempts)
{
    time_ns wait = BACKOFF_FIRST_NS;
    for (int64_t i = 1; i < attempts && wait < BACKOFF_LAST_NS; i++) {
        wait *= 2;
    }
    return wait < BACKOFF_LAST_NS ? wait : BACKOFF_LAST_NS;
}

void demand_again(struct engine *engine, struct out *out, int64_t id, bool counts, slice why)
{
    struct row_demand row;
    bool found = demand_get(engine, id, &row);
    assert(found && !demand_is_over(row.state));
    why = text_copy(out, why);
    row.attempts += counts ? 1 : 0;
    if (row.attempts >= engine->config->transfer_attempts) {
        row_put_demand(engine, out, &row);
        demand_end(engine, out, id, DEMAND_FAILED, PROOF_NONE, why);
        return;
    }
    row.state = DEMAND_WAITING;
    row.why = why;
    if (!MUTANT(M_LOSE_AGAIN)) {
        waiting_add(engine, out, &row, engine->now + (counts ? backoff(row.attempts) : BACKOFF_FIRST_NS));
    }
    demand_put(engine, out, &row);
}
