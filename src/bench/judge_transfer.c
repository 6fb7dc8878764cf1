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

static slice study_uid(const struct judge *judge, const struct record *demand)
{
    const struct record *study = judge_row_by_id(judge, TABLE_study, integer(demand, COLUMN_demand_study));
    return study == NULL ? SLICE_EMPTY : text(study, COLUMN_study_uid);
}

/* ---- Is DONE true? */

/* Of the studies of this UID the one that the demand is for: two patients may have one each. */
static uint32_t study_of(const struct judge *judge, const struct record *demand)
{
    const struct record *row = judge_row_by_id(judge, TABLE_study, integer(demand, COLUMN_demand_study));
    uint32_t first = row == NULL ? JUDGE_NONE : judge_study(judge, text(row, COLUMN_study_uid)), fits = first;
    for (uint32_t s = first; s != JUDGE_NONE; s = judge->studies[s].next_uid) {
        fits = slice_equal(judge->studies[s].accession, text(row, COLUMN_study_accession)) ? s : fits;
    }
    return fits;
}

/* Instances that existed when the demand was accepted, are not rejected, and are not at the destination. */
static int64_t missing(struct judge *judge, const struct record *demand, uint32_t study)
{
    int64_t count = 0;
    for (uint32_t i = judge->studies[study].instances_first; i != JUDGE_NONE; i = judge->instances[i].next) {
        const struct truth_instance *instance = &judge->instances[i];
        bool wanted = instance->at_ns <= integer(demand, COLUMN_demand_accepted_at) && instance->rejected_at == TIME_NEVER;
        count += wanted && judge_arrival(judge, text(demand, COLUMN_demand_destination), instance->sop, false) == NULL;
    }
    return count;
}

static void check_done(struct judge *judge, const struct record *demand)
{
    uint32_t study = study_of(judge, demand);
    bool whole = slice_equal(text(demand, COLUMN_demand_level), SLICE("STUDY")), proven = integer(demand, COLUMN_demand_proof) != PROOF_NONE;
    int64_t wanted = integer(demand, COLUMN_demand_wanted);
    int64_t lack = whole && study != JUDGE_NONE ? missing(judge, demand, study) : wanted - integer(demand, COLUMN_demand_delivered);
    bool wrong = lack > 0 || !proven || study == JUDGE_NONE || (!whole && wanted == 0);
    const int64_t lines[] = {study == JUDGE_NONE ? 0 : judge->studies[study].line};
    judge->silently_missing += wrong;
    judge_case(judge, INVARIANT_proof_of_delivery, wrong, lines, 1, "transfer %lld of study %.*s to %.*s: done%s, %lld instance%s missing there",
               (long long)integer(demand, COLUMN_demand_id), SLICE_ARGS(study_uid(judge, demand)), SLICE_ARGS(text(demand, COLUMN_demand_destination)),
               proven ? "" : " without proof", (long long)lack, lack == 1 ? "" : "s");
}

/* ---- Demands. */

static void demand_row(struct judge *judge, const struct record *demand, const struct record *before)
{
    int64_t state = integer(demand, COLUMN_demand_state), was = before == NULL ? 0 : integer(before, COLUMN_demand_state);
    if (before == NULL && judge->demand_count < JUDGE_DEMANDS_MAX) {
        judge->demand_ids[judge->demand_count++] = integer(demand, COLUMN_demand_id);
    }
    bool again = is_over(was) && !is_over(state);
    if ((before == NULL && integer(demand, COLUMN_demand_reason) == DEMAND_CLIENT) || again) {
        struct delivery *delivery = judge_delivery(judge, study_uid(judge, demand), text(demand, COLUMN_demand_destination));
        if (delivery != NULL) {
            delivery->wished_at = judge->now;
        }
    }
    /* Only a failure may be tried again, by a person. */
    if (is_over(was) && state != was && was != DEMAND_FAILED) {
        judge_case(judge, INVARIANT_no_lost_transfer, true, NULL, 0, "transfer %lld had ended and is open again", (long long)integer(demand, COLUMN_demand_id));
    }
    if (state == DEMAND_DONE && was != DEMAND_DONE) {
        check_done(judge, demand);
    }
}

/* ---- Jobs. */

static slice running_key(const struct judge *judge, const struct record *job, char key[JUDGE_KEY_SIZE])
{
    const struct record *demand = judge_row_by_id(judge, TABLE_demand, integer(job, COLUMN_job_demand));
    if (demand == NULL) {
        return SLICE_EMPTY;
    }
    int size = snprintf(key, JUDGE_KEY_SIZE, "%lld/%.*s/%.*s", (long long)integer(demand, COLUMN_demand_study), SLICE_ARGS(text(demand, COLUMN_demand_destination)),
                        SLICE_ARGS(slice_before(text(demand, COLUMN_demand_uids), 500)));
    return (slice){key, size < JUDGE_KEY_SIZE ? (size_t)size : JUDGE_KEY_SIZE - 1};
}

static uint32_t count_running(struct judge *judge, slice key, int by)
{
    uint32_t count = 0;
    bool known = map_find(&judge->running_map, key, &count);
    count = by > 0 ? count + 1 : count - (count > 0);
    (void)!map_put(&judge->running_map, known ? key : judge_keep(judge, key), count);
    return count;
}

static void job_row(struct judge *judge, const struct record *job, const struct record *before)
{
    char text_of_key[JUDGE_KEY_SIZE];
    slice key = running_key(judge, job, text_of_key);
    const struct record *demand = judge_row_by_id(judge, TABLE_demand, integer(job, COLUMN_job_demand));
    if (before == NULL && key.size > 0 && demand != NULL) {
        struct delivery *delivery = judge_delivery(judge, study_uid(judge, demand), text(demand, COLUMN_demand_destination));
        if (delivery != NULL) {
            delivery->job_at = judge->now;
        }
        uint32_t running = count_running(judge, key, 1);
        judge_case(judge, INVARIANT_one_job, running > 1, NULL, 0, "job %lld of demand %lld: %u running for this manifest and destination",
                   (long long)integer(job, COLUMN_job_id), (long long)integer(job, COLUMN_job_demand), running);
    }
    bool replaced = before != NULL && integer(before, COLUMN_job_id) != integer(job, COLUMN_job_id);
    if (replaced) {
        judge_case(judge, INVARIANT_one_job, true, NULL, 0, "job %lld began while job %lld of the same demand was running", (long long)integer(job, COLUMN_job_id),
                   (long long)integer(before, COLUMN_job_id));
    }
}

/* ---- Acknowledged instances. */

static void pend(struct judge *judge, const struct record *item, bool acked)
{
    char key[JUDGE_KEY_SIZE];
    const struct record *demand = judge_row_by_id(judge, TABLE_demand, integer(item, COLUMN_job_item_demand));
    if (demand == NULL) {
        return;
    }
    /* Taken away with its demand when that is done; from one that is open or failed it is taken back. */
    if (!acked && integer(demand, COLUMN_demand_state) == DEMAND_DONE) {
        return;
    }
    if (judge->pending_count == JUDGE_PENDING_MAX) {
        judge_transfers_committed(judge); /* sooner than told: judged a little stricter */
    }
    judge->pending[judge->pending_count++] =
        (struct pending_ack){judge_keep(judge, judge_key(key, text(demand, COLUMN_demand_destination), text(item, COLUMN_job_item_sop_uid))), acked};
}

void judge_transfers_committed(struct judge *judge)
{
    for (uint32_t i = 0; i < judge->pending_count; i++) {
        uint32_t found = 0;
        if (map_find(&judge->arrival_map, judge->pending[i].key, &found)) {
            struct arrival *arrival = &judge->arrivals[found];
            arrival->acked = judge->pending[i].acked;
            arrival->count = arrival->acked ? arrival->count : 0; /* taken back: as if it had never come */
        }
    }
    judge->pending_count = 0;
    judge->demand_committed = judge->demand_count;
}

/* ---- The doors. */

void judge_transfer_row(struct judge *judge, const struct record *record, const struct record *before)
{
    if (record->table == TABLE_demand) {
        demand_row(judge, record, before);
    } else if (record->table == TABLE_job) {
        job_row(judge, record, before);
    } else if (record->table == TABLE_job_item) {
        pend(judge, record, true);
    }
}

void judge_transfer_deleted(struct judge *judge, const struct record *record)
{
    char key[JUDGE_KEY_SIZE];
    if (record->table == TABLE_demand) {
        judge_case(judge, INVARIANT_no_lost_transfer, true, NULL, 0, "the row of transfer %lld was deleted", (long long)integer(record, COLUMN_demand_id));
    } else if (record->table == TABLE_job) {
        slice running = running_key(judge, record, key);
        (void)(running.size > 0 && count_running(judge, running, -1));
    } else if (record->table == TABLE_job_item) {
        pend(judge, record, false);
    }
}

void judge_transfer_restored(struct judge *judge, const struct record *record)
{
    char key[JUDGE_KEY_SIZE];
    if (record->table == TABLE_job) {
        slice running = running_key(judge, record, key);
        (void)(running.size > 0 && count_running(judge, running, 1));
    } else if (record->table == TABLE_job_item) {
        pend(judge, record, true); /* durable: it was restored */
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
        bool there = judge_row_by_id(judge, TABLE_demand, judge->demand_ids[i]) != NULL;
        judge_case(judge, INVARIANT_no_lost_transfer, !there, NULL, 0, "transfer %lld %s the crash before life %lld", (long long)judge->demand_ids[i],
                   there ? "outlived" : "was lost in", (long long)judge->life);
    }
    judge->demand_count = judge->demand_committed;
    /* Demands of steps that were committed without a mark are known from now on. */
    uint32_t cursor = judge->table_first[TABLE_demand];
    int64_t newest = judge->demand_count == 0 ? 0 : judge->demand_ids[judge->demand_count - 1];
    for (const struct record *demand = NULL; (demand = judge_row(judge, &cursor)) != NULL;) {
        if (integer(demand, COLUMN_demand_id) > newest && judge->demand_count < JUDGE_DEMANDS_MAX) {
            judge->demand_ids[judge->demand_count++] = integer(demand, COLUMN_demand_id);
        }
    }
    judge_transfers_committed(judge);
}

static void end_demand(struct judge *judge, const struct record *demand, struct transfer_result *result, bool ended)
{
    int64_t state = integer(demand, COLUMN_demand_state);
    slice uid = study_uid(judge, demand);
    *result = (struct transfer_result){.id = integer(demand, COLUMN_demand_id), .state = state, .proof = integer(demand, COLUMN_demand_proof),
                                       .wanted = integer(demand, COLUMN_demand_wanted), .delivered = integer(demand, COLUMN_demand_delivered),
                                       .attempts = integer(demand, COLUMN_demand_attempts), .reason = integer(demand, COLUMN_demand_reason), .study_uid = uid,
                                       .destination = text(demand, COLUMN_demand_destination), .why = text(demand, COLUMN_demand_why),
                                       .accepted_at = integer(demand, COLUMN_demand_accepted_at), .ended_at = integer(demand, COLUMN_demand_ended_at)};
    judge->counts[COUNT_transfers_requested]++;
    judge->counts[COUNT_transfers_done] += state == DEMAND_DONE;
    judge->counts[COUNT_transfers_direct] += state == DEMAND_DONE && integer(demand, COLUMN_demand_path) == PATH_DIRECT;
    judge->counts[COUNT_transfers_committed] += state == DEMAND_DONE && result->proof == PROOF_COMMITMENT;
    judge->counts[COUNT_transfers_unproven] += state == DEMAND_UNPROVEN;
    judge->counts[COUNT_transfers_failed] += state == DEMAND_FAILED;
    bool known = state >= DEMAND_WAITING && state <= DEMAND_FAILED, over = is_over(state);
    if (!ended && !over) {
        return; /* the run was cut short: it may well be open */
    }
    judge_case(judge, INVARIANT_no_lost_transfer, !over || !known, NULL, 0, "transfer %lld of study %.*s to %.*s %s", (long long)result->id, SLICE_ARGS(uid),
               SLICE_ARGS(result->destination), over ? "ended" : "never ended");
}

void judge_transfers_end(struct judge *judge, struct results *results)
{
    judge_transfers_restored(judge);
    results->transfers = arena_array(judge->arena, JUDGE_DEMANDS_MAX, sizeof *results->transfers);
    uint32_t cursor = judge->table_first[TABLE_demand];
    for (const struct record *demand = NULL; results->transfers != NULL && results->transfer_count < JUDGE_DEMANDS_MAX && (demand = judge_row(judge, &cursor)) != NULL;) {
        end_demand(judge, demand, &results->transfers[results->transfer_count++], results->error.size == 0);
    }
}
