/* SPDX-License-Identifier: MIT
 *
 * Transfers: every demand has one end, DONE is true, one job runs for a manifest and destination. */
#include "src/bench/judge_private.h"

#include "src/engine/state.h"

#include <stdio.h>

static int64_t integer(const struct record *record, int column)
{
    return record->values[column].integer;
}
static slice text(const struct record *record, int column)
{
    return record->values[column].text;
}
static bool is_over(int64_t state)
{
    return state == DEMAND_DONE || state == DEMAND_UNPROVEN || state == DEMAND_FAILED;
}

static struct delivery *delivery_of(struct judge *judge, const struct engine_demand *demand)
{
    uint32_t study = judge_demand_study(judge, demand);
    return study == JUDGE_NONE ? NULL : judge_delivery(judge, study, demand->destination);
}

/* ---- Is DONE true? */

static void check_done(struct judge *judge, const struct record *record, const struct engine_demand *demand)
{
    char room[STORE_TEXT_MAX];
    uint32_t study = judge_demand_study(judge, demand);
    bool proven = demand->proof != PROOF_NONE;
    int64_t lack = demand->wanted - demand->delivered;
    if (demand->whole && study != JUDGE_NONE) {
        const struct holding *holding = judge_holding(judge, study, demand->destination);
        lack = judge_missing(judge, study, holding == NULL ? JUDGE_NONE : holding->arrivals, demand->accepted_at);
    }
    bool wrong = lack > 0 || !proven || study == JUDGE_NONE || (!demand->whole && demand->wanted == 0);
    const int64_t lines[] = {study == JUDGE_NONE ? 0 : judge_line(judge, study)};
    judge->silently_missing += wrong;
    judge_case(judge, INVARIANT_proof_of_delivery, wrong, lines, 1, "transfer %lld of study %.*s to %.*s: done%s, %lld instance%s missing there",
               (long long)integer(record, COLUMN_demand_id), SLICE_ARGS(judge_demand_uid(judge, demand, room)), SLICE_ARGS(text(record, COLUMN_demand_destination)),
               proven ? "" : " without proof", (long long)lack, lack == 1 ? "" : "s");
}

/* ---- Demands. */

static enum err fill_demand(struct judge *judge, const struct record *record, struct engine_demand *demand)
{
    slice uids = slice_before(text(record, COLUMN_demand_uids), 500), destination = text(record, COLUMN_demand_destination);
    int64_t attempts = integer(record, COLUMN_demand_attempts);
    uint32_t why = store_word(&judge->whys, text(record, COLUMN_demand_why));
    *demand = (struct engine_demand){
        .accepted_at = integer(record, COLUMN_demand_accepted_at), .ended_at = integer(record, COLUMN_demand_ended_at), .due_at = integer(record, COLUMN_demand_due_at),
        .job = demand->job, .study = (uint32_t)integer(record, COLUMN_demand_study), .wanted = (uint32_t)integer(record, COLUMN_demand_wanted),
        .delivered = (uint32_t)integer(record, COLUMN_demand_delivered), .why = why == STORE_NONE ? 0 : why,
        .destination = judge_word(judge, destination), .attempts = attempts > UINT16_MAX ? UINT16_MAX : (uint16_t)attempts,
        .reason = (uint8_t)integer(record, COLUMN_demand_reason), .state = (uint8_t)integer(record, COLUMN_demand_state),
        .proof = (uint8_t)integer(record, COLUMN_demand_proof), .path = (uint8_t)integer(record, COLUMN_demand_path), .alive = true, .whole = slice_equal(text(record, COLUMN_demand_level), SLICE("STUDY"))};
    demand->key = store_hash_int(store_hash2(destination, uids), demand->study);
    return demand->destination == 0 && destination.size > 0 ? ERR_LIMIT : ERR_OK;
}

static void note_wish(struct judge *judge, const struct engine_demand *demand)
{
    struct delivery *delivery = delivery_of(judge, demand);
    if (delivery != NULL) {
        delivery->wished_at = judge->now;
    }
}

static enum err demand_row(struct judge *judge, const struct record *record, bool restored)
{
    int64_t id = integer(record, COLUMN_demand_id);
    if (!judge_fits(id)) {
        return ERR_LIMIT;
    }
    struct engine_demand *demand = &judge->demands[id], before = *demand;
    judge->demand_end = id >= (int64_t)judge->demand_end ? (uint32_t)id + 1 : judge->demand_end;
    enum err err = fill_demand(judge, record, demand);
    if (restored || err != ERR_OK) {
        return err;
    }
    int64_t state = demand->state, was = before.alive ? before.state : 0;
    if (!before.alive && judge->demand_count < JUDGE_ROWS_MAX) {
        judge->demand_ids[judge->demand_count++] = (uint32_t)id;
    }
    if ((!before.alive && demand->reason == DEMAND_CLIENT) || (is_over(was) && !is_over(state))) {
        note_wish(judge, demand);
    }
    if (!before.alive && demand->reason == DEMAND_CLIENT) {
        judge_client_demand(judge, record);
    }
    /* Only a failure may be tried again, by a person. */
    if (is_over(was) && state != was && was != DEMAND_FAILED) {
        judge_case(judge, INVARIANT_no_lost_transfer, true, NULL, 0, "transfer %lld had ended and is open again", (long long)id);
    }
    if (state == DEMAND_DONE && was != DEMAND_DONE) {
        check_done(judge, record, demand);
    }
    if (is_over(state) && !is_over(was)) {
        judge_demand_ended(judge, (uint32_t)id, demand);
    }
    return ERR_OK;
}

/* ---- Jobs. */

static uint32_t count_running(struct judge *judge, uint64_t key, int by)
{
    uint32_t count = store_index_find(&judge->running_index, key);
    count = count == STORE_NONE ? 0 : count;
    count = by > 0 ? count + 1 : count - (count > 0);
    if (count == 0) {
        store_index_remove(&judge->running_index, key);
    } else {
        (void)!store_index_put(&judge->running_index, key, count);
    }
    return count;
}

static enum err job_row(struct judge *judge, const struct record *record, bool restored)
{
    struct engine_demand *demand = judge_demand(judge, integer(record, COLUMN_job_demand));
    int64_t job = integer(record, COLUMN_job_id);
    if (demand == NULL) {
        return ERR_OK;
    }
    int64_t before = demand->job;
    demand->job = job;
    if (before == 0) {
        uint32_t running = count_running(judge, demand->key, 1);
        struct delivery *delivery = restored ? NULL : delivery_of(judge, demand);
        if (delivery != NULL) {
            delivery->job_at = judge->now;
        }
        if (!restored) {
            judge_case(judge, INVARIANT_one_job, running > 1, NULL, 0, "job %lld of demand %lld: %u running for this manifest and destination", (long long)job,
                       (long long)integer(record, COLUMN_job_demand), running);
        }
    } else if (before != job && !restored) {
        judge_case(judge, INVARIANT_one_job, true, NULL, 0, "job %lld began while job %lld of the same demand was running", (long long)job, (long long)before);
    }
    return ERR_OK;
}

/* ---- Acknowledged instances. */

static void pend(struct judge *judge, const struct record *item, bool acked)
{
    const struct engine_demand *demand = judge_demand(judge, integer(item, COLUMN_job_item_demand));
    uint32_t study = demand == NULL ? JUDGE_NONE : judge_demand_study(judge, demand);
    /* Taken away with its demand when that is done; from one that is open or failed it is taken back. */
    if (study == JUDGE_NONE || (!acked && demand->state == DEMAND_DONE)) {
        return;
    }
    if (judge->pending_count == JUDGE_PENDING_MAX) {
        judge_transfers_committed(judge); /* sooner than told: judged a little stricter */
    }
    judge->pending[judge->pending_count++] = (struct pending_ack){study, judge_sops(text(item, COLUMN_job_item_sop_uid), integer(item, COLUMN_job_item_span)), demand->destination, acked};
}

static void settle(struct judge *judge, const struct pending_ack *ack, uint32_t study)
{
    struct sop_span rest = ack->sops, part;
    struct holding *holding = judge_holding(judge, study, ack->node);
    for (; holding != NULL && rest.count > 0; rest.first += part.count, rest.count -= part.count) {
        uint32_t at = judge_cut_arrival(judge, judge_arrived_part(judge, holding->arrivals, &rest, &part), &part);
        if (at != JUDGE_NONE) {
            struct arrival *arrival = &judge->arrivals[at];
            arrival->acked = ack->acked;
            arrival->count = ack->acked ? arrival->count : 0; /* taken back: as if it had never come */
            judge_join_arrival(judge, &holding->arrivals, at);
        }
    }
}

void judge_transfers_committed(struct judge *judge)
{
    for (uint32_t i = 0; i < judge->pending_count; i++) {
        settle(judge, &judge->pending[i], judge->pending[i].study);
    }
    judge->pending_count = 0;
    judge->demand_committed = judge->demand_count;
}

/* ---- The doors. */

enum err judge_transfer_row(struct judge *judge, const struct record *record, bool restored)
{
    if (record->table == TABLE_demand) {
        return demand_row(judge, record, restored);
    }
    if (record->table == TABLE_job) {
        return job_row(judge, record, restored);
    }
    pend(judge, record, true); /* restored: it is durable */
    return ERR_OK;
}

void judge_transfer_deleted(struct judge *judge, const struct record *record)
{
    if (record->table == TABLE_demand) {
        struct engine_demand *demand = judge_demand(judge, integer(record, COLUMN_demand_id));
        judge_case(judge, INVARIANT_no_lost_transfer, true, NULL, 0, "the row of transfer %lld was deleted", (long long)integer(record, COLUMN_demand_id));
        if (demand != NULL) {
            demand->alive = false;
        }
    } else if (record->table == TABLE_job) {
        struct engine_demand *demand = judge_demand(judge, integer(record, COLUMN_job_demand));
        if (demand != NULL && demand->job != 0) {
            demand->job = 0;
            (void)count_running(judge, demand->key, -1);
        }
    } else if (record->table == TABLE_job_item) {
        pend(judge, record, false);
    }
}

/* A crash is over: every demand that was committed must be there again. */
void judge_transfers_restored(struct judge *judge)
{
    if (!judge->restoring) {
        return;
    }
    judge->restoring = false;
    for (uint32_t i = 0; i < judge->demand_committed; i++) {
        bool there = judge_demand(judge, judge->demand_ids[i]) != NULL;
        judge_case(judge, INVARIANT_no_lost_transfer, !there, NULL, 0, "transfer %lld %s the crash before life %lld", (long long)judge->demand_ids[i],
                   there ? "outlived" : "was lost in", (long long)judge->life);
    }
    judge->demand_count = judge->demand_committed;
    /* Demands of steps that were committed without a mark are known from now on. */
    uint32_t newest = judge->demand_count == 0 ? 0 : judge->demand_ids[judge->demand_count - 1];
    for (uint32_t id = newest + 1; id < judge->demand_end; id++) {
        if (judge->demands[id].alive && judge->demand_count < JUDGE_ROWS_MAX) {
            judge->demand_ids[judge->demand_count++] = id;
        }
    }
    judge_transfers_committed(judge);
}

static void list_demand(struct judge *judge, uint32_t id, struct results *results)
{
    char room[STORE_TEXT_MAX];
    const struct engine_demand *demand = &judge->demands[id];
    results->transfers[results->transfer_count++] = (struct transfer_result){
        .id = id, .state = demand->state, .proof = demand->proof, .wanted = demand->wanted, .delivered = demand->delivered, .attempts = demand->attempts,
        .reason = demand->reason, .study_uid = judge_keep(judge, judge_demand_uid(judge, demand, room)), .destination = judge_spell(judge, demand->destination),
        .why = judge->whys.words[demand->why], .accepted_at = demand->accepted_at, .ended_at = demand->ended_at};
}

static void end_demand(struct judge *judge, uint32_t id, bool ended)
{
    char room[STORE_TEXT_MAX];
    const struct engine_demand *demand = &judge->demands[id];
    int64_t state = demand->state;
    judge->counts[COUNT_transfers_requested]++;
    judge->counts[COUNT_transfers_done] += state == DEMAND_DONE;
    judge->counts[COUNT_transfers_direct] += state == DEMAND_DONE && demand->path == PATH_DIRECT;
    judge->counts[COUNT_transfers_committed] += state == DEMAND_DONE && demand->proof == PROOF_COMMITMENT;
    judge->counts[COUNT_transfers_unproven] += state == DEMAND_UNPROVEN;
    judge->counts[COUNT_transfers_failed] += state == DEMAND_FAILED;
    bool known = state >= DEMAND_WAITING && state <= DEMAND_FAILED, over = is_over(state);
    if (!ended && !over && !judge_is_forgotten(judge, demand)) {
        return; /* the run was cut short: it may well be open */
    }
    judge_case(judge, INVARIANT_no_lost_transfer, !over || !known, NULL, 0, "transfer %u of study %.*s to %.*s %s", id, SLICE_ARGS(judge_demand_uid(judge, demand, room)),
               SLICE_ARGS(judge_spell(judge, demand->destination)), over ? "ended" : "never ended");
}

/* Of very many those are listed that did not end well, then as many others as there is room for. */
void judge_transfers_end(struct judge *judge, struct results *results)
{
    judge_transfers_restored(judge);
    results->transfers = arena_array(judge->arena, JUDGE_TRANSFERS_MAX, sizeof *results->transfers);
    bool many = judge->demand_end > JUDGE_TRANSFERS_MAX;
    for (uint32_t id = 1; id < judge->demand_end; id++) {
        if (judge->demands[id].alive) {
            end_demand(judge, id, results->error.size == 0);
        }
    }
    for (int round = many ? 0 : 1; results->transfers != NULL && round < 2; round++) {
        for (uint32_t id = 1; id < judge->demand_end && results->transfer_count < JUDGE_TRANSFERS_MAX; id++) {
            bool done = judge->demands[id].state == DEMAND_DONE;
            if (judge->demands[id].alive && (!many || done == (round == 1))) {
                list_demand(judge, id, results);
            }
        }
    }
}
