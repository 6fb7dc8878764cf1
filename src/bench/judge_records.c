/* SPDX-License-Identifier: MIT
 *
 * The engine's record stream: demands and jobs, audit, acknowledgements, limits, what was restored. The judge
 * keeps its own copy of the rows; it never asks the engine. */
#include "src/bench/judge_private.h"

#include "src/base/hash.h"
#include "src/engine/state.h"

#include <stdio.h>

static slice row_key(struct judge *judge, const struct record *record)
{
    struct buffer key = buffer_make(judge->arena, 512);
    record_put_key(record, &key);
    judge->arena->used -= key.capacity - key.size; /* the last thing taken: give the rest back */
    return buffer_slice(&key);
}

static const char *text_of(struct judge *judge, slice text)
{
    return judge_keep(judge, text).data;
}

/* Column by number. */
static int64_t integer(const struct record *record, int column)
{
    return record->values[column].integer;
}
static slice text(const struct record *record, int column)
{
    return record->values[column].text;
}

/* ---- What each table means to a rule, as its rows come. */

static void check_audit(struct judge *judge, const struct record *record)
{
    char joined[4096], hash[SHA256_TEXT_SIZE + 1];
    struct buffer buffer = buffer_over(joined, sizeof joined);
    buffer_put(&buffer, text(record, COLUMN_audit_previous));
    buffer_put_byte(&buffer, '\n');
    buffer_put_int(&buffer, integer(record, COLUMN_audit_lsn));
    buffer_put_byte(&buffer, '\n');
    buffer_put_int(&buffer, integer(record, COLUMN_audit_at_ns));
    for (int column = COLUMN_audit_event; column <= COLUMN_audit_why; column++) {
        buffer_put_byte(&buffer, '\n');
        buffer_put(&buffer, text(record, column));
    }
    sha256_text(buffer_slice(&buffer), hash);
    bool chained = judge->audit_lsn == 0 || slice_equal(text(record, COLUMN_audit_previous), slice_from(judge->audit_hash));
    bool sound = !buffer.full && slice_equal(slice_from(hash), text(record, COLUMN_audit_hash)) && integer(record, COLUMN_audit_lsn) == judge->audit_lsn + 1;
    if (!(chained && sound)) {
        judge_case(judge, INVARIANT_access_is_audited, true, NULL, 0, "audit record %lld breaks the chain", (long long)integer(record, COLUMN_audit_lsn));
    }
    judge->audit_lsn = integer(record, COLUMN_audit_lsn);
    snprintf(judge->audit_hash, sizeof judge->audit_hash, "%.*s", SLICE_ARGS(text(record, COLUMN_audit_hash)));
    judge->queries_audited += slice_equal(text(record, COLUMN_audit_event), SLICE("QUERY"));
    judge->deliveries_audited += slice_equal(text(record, COLUMN_audit_event), SLICE("DELIVER"));
}

static void check_hl7_in(struct judge *judge, const struct record *record, bool existed)
{
    uint32_t resent = 0;
    slice control = text(record, COLUMN_hl7_in_control_id);
    if (existed) {
        judge->duplicate_step = true;
    }
    (void)map_find(&judge->resent_map, control, &resent);
    if (judge->pending_ack_count < sizeof judge->pending_acks / sizeof judge->pending_acks[0]) {
        judge->pending_acks[judge->pending_ack_count++] = judge_keep(judge, control);
    }
}

static void check_job(struct judge *judge, const struct record *record)
{
    /* Another demand for the same study and destination must not run at the same time. */
    uint32_t cursor = 0, running = 0;
    const struct record *demand = NULL, *mine = NULL;
    while ((demand = judge_row(judge, TABLE_demand, &cursor)) != NULL) {
        mine = integer(demand, COLUMN_demand_id) == integer(record, COLUMN_job_demand) ? demand : mine;
    }
    cursor = 0;
    const struct record *job = NULL;
    while (mine != NULL && (job = judge_row(judge, TABLE_job, &cursor)) != NULL) {
        uint32_t inner = 0;
        while ((demand = judge_row(judge, TABLE_demand, &inner)) != NULL) {
            bool same = integer(demand, COLUMN_demand_id) == integer(job, COLUMN_job_demand) &&
                        integer(demand, COLUMN_demand_study) == integer(mine, COLUMN_demand_study) &&
                        slice_equal(text(demand, COLUMN_demand_destination), text(mine, COLUMN_demand_destination)) &&
                        slice_equal(text(demand, COLUMN_demand_uids), text(mine, COLUMN_demand_uids));
            running += same;
        }
    }
    if (mine != NULL) {
        judge_case(judge, INVARIANT_one_job, running > 1, NULL, 0, "demand %lld: %u jobs run for this study and destination", (long long)integer(record, COLUMN_job_demand), running);
    }
}

static void check_exam(struct judge *judge, const struct record *record, const struct record *before)
{
    int64_t person = integer(record, COLUMN_exam_person), was = before == NULL ? person : integer(before, COLUMN_exam_person);
    bool frozen = integer(record, COLUMN_exam_state) == EXAM_FROZEN;
    bool moved = person != was && !frozen;
    if (moved) {
        /* Only a merge or an unlink may move an exam, and then the old person says so. */
        uint32_t cursor = 0;
        const struct record *row = NULL;
        while ((row = judge_row(judge, TABLE_person, &cursor)) != NULL) {
            bool merged = integer(row, COLUMN_person_id) == was && integer(row, COLUMN_person_status) == PERSON_MERGED;
            moved = moved && !merged;
        }
        moved = moved && slice_equal(text(record, COLUMN_exam_identifier_value), text(before, COLUMN_exam_identifier_value)) == false;
    }
    judge_case(judge, INVARIANT_one_exam_per_number, moved, NULL, 0, "exam %.*s/%.*s", SLICE_ARGS(text(record, COLUMN_exam_issuer)), SLICE_ARGS(text(record, COLUMN_exam_accession)));
}

static void check_limit(struct judge *judge, const struct record *record)
{
    judge_case(judge, INVARIANT_bounded, integer(record, COLUMN_limit_high_water) > integer(record, COLUMN_limit_most), NULL, 0, "%.*s: %lld of %lld",
               SLICE_ARGS(text(record, COLUMN_limit_name)), (long long)integer(record, COLUMN_limit_high_water), (long long)integer(record, COLUMN_limit_most));
}

static void check_row(struct judge *judge, const struct record *record, const struct record *before)
{
    switch (record->table) {
    case TABLE_audit:
        check_audit(judge, record);
        break;
    case TABLE_hl7_in:
        check_hl7_in(judge, record, before != NULL);
        break;
    case TABLE_job:
        if (before == NULL) {
            check_job(judge, record);
        }
        break;
    case TABLE_exam:
        check_exam(judge, record, before);
        break;
    case TABLE_limit:
        check_limit(judge, record);
        break;
    default:
        break;
    }
}

/* ---- The stream. */

static bool keep_row(struct judge *judge, struct table_row *row, const struct record *record)
{
    const struct table *table = records_table(record->table);
    row->alive = !record->deleted;
    row->record = *record;
    for (size_t c = 0; c < table->column_count; c++) {
        row->record.values[c].text = record->values[c].text.size == 0 ? SLICE_EMPTY : judge_keep(judge, record->values[c].text);
    }
    return true;
}

/* A step that took a message it had taken before must change nothing else. */
static void end_step(struct judge *judge)
{
    if (judge->duplicate_step) {
        judge_case(judge, INVARIANT_idempotent, judge->records_of_step > 0, NULL, 0, "a repeated message changed %lld rows", (long long)judge->records_of_step);
    }
    judge->duplicate_step = false;
    judge->records_of_step = 0;
}

enum err judge_life(struct judge *judge, int64_t life)
{
    end_step(judge);
    judge->life = life;
    judge->lives = life > judge->lives ? life : judge->lives;
    judge->pending_ack_count = 0;
    return ERR_OK;
}

enum err judge_record(struct judge *judge, const struct record *record, int64_t step, time_ns at_ns, bool restored)
{
    if (restored) {
        return ERR_OK; /* known already from the life before; judge_restored compares the digests */
    }
    if (step != judge->step) {
        end_step(judge);
        judge->step = step;
    }
    judge->now = at_ns;
    slice key = row_key(judge, record);
    uint32_t found = 0;
    bool existed = map_find(&judge->table_map, key, &found) && judge->table_rows[found].alive;
    if (!map_find(&judge->table_map, key, &found)) {
        if (judge->table_row_count == JUDGE_ROWS_SEEN_MAX / 4 || map_put(&judge->table_map, key, judge->table_row_count) != ERR_OK) {
            return ERR_LIMIT;
        }
        found = judge->table_row_count++;
    }
    struct record before = judge->table_rows[found].record;
    struct record *was = existed ? &before : NULL;
    static const bool counts_as_change[TABLE_COUNT] = {[TABLE_person] = true, [TABLE_identifier] = true, [TABLE_exam] = true, [TABLE_study] = true,
                                                       [TABLE_demand] = true, [TABLE_tombstone] = true,  [TABLE_name] = true, [TABLE_mdt_case] = true};
    judge->records_of_step += counts_as_change[record->table];
    (void)keep_row(judge, &judge->table_rows[found], record);
    if (!record->deleted) {
        check_row(judge, &judge->table_rows[found].record, was);
    }
    return ERR_OK;
}

enum err judge_committed(struct judge *judge, int64_t step, uint64_t digest, time_ns at_ns)
{
    (void)digest;
    (void)at_ns;
    for (uint32_t i = 0; i < judge->pending_ack_count; i++) {
        if (map_put(&judge->committed_acks, judge->pending_acks[i], 2) != ERR_OK) {
            return ERR_LIMIT;
        }
    }
    judge->pending_ack_count = 0;
    judge->committed_step = step;
    return ERR_OK;
}

enum err judge_left(struct judge *judge, const struct command *command, int64_t step, time_ns at_ns)
{
    (void)step;
    (void)at_ns;
    if (command->kind == COMMAND_RELAY) {
        judge_case(judge, INVARIANT_access_is_audited, judge->deliveries_audited == 0, NULL, 0, "transfer of study %.*s began behind audit record %lld",
                   SLICE_ARGS(command->relay.study_uid), (long long)judge->audit_lsn);
        judge->deliveries_audited -= judge->deliveries_audited > 0;
        return ERR_OK;
    }
    if (command->kind != COMMAND_SEND || command->run.count == 0) {
        return ERR_OK;
    }
    const struct message *message = &command->run.messages[0];
    if (message->protocol == PROTOCOL_HL7 && message->hl7.type == HL7_ACK && slice_equal(message->hl7.fields[HL7_FIELD_ACK_CODE], SLICE("AA"))) {
        uint32_t value = 0;
        slice control = message->hl7.fields[HL7_FIELD_ACK_OF];
        bool durable = map_find(&judge->committed_acks, control, &value);
        judge_case(judge, INVARIANT_ack_is_durable, !durable, NULL, 0, "AA for message %s left %s its commit", text_of(judge, control), durable ? "after" : "before");
    }
    bool shows = message->protocol == PROTOCOL_DICOM && message->dimse.kind == DIMSE_C_FIND_RSP && message->dimse.identifier != NULL;
    if (shows) {
        char name[64];
        uint32_t value = 0;
        snprintf(name, sizeof name, "%lld/%lld/%u", (long long)judge->life, (long long)command->channel, message->dimse.message_id);
        if (!map_find(&judge->answered_map, slice_from(name), &value)) {
            (void)!map_put(&judge->answered_map, judge_keep(judge, slice_from(name)), 1);
            judge->queries_left++;
            judge_case(judge, INVARIANT_access_is_audited, judge->queries_left > judge->queries_audited, NULL, 0,
                       "answer %lld on channel %lld left behind audit record %lld", (long long)judge->queries_left, (long long)command->channel, (long long)judge->audit_lsn);
        }
    }
    return ERR_OK;
}

enum err judge_replayed(struct judge *judge, int64_t life, bool equal, slice difference)
{
    judge_case(judge, INVARIANT_replayable, !equal, NULL, 0, "life %lld: %.*s", (long long)life, SLICE_ARGS(difference));
    return ERR_OK;
}

enum err judge_restored(struct judge *judge, int64_t life, uint64_t committed_digest, uint64_t restored_digest)
{
    judge_case(judge, INVARIANT_restore_is_exact, committed_digest != restored_digest, NULL, 0, "life %lld began with %016llx, committed was %016llx", (long long)life,
               (unsigned long long)restored_digest, (unsigned long long)committed_digest);
    return ERR_OK;
}

const struct record *judge_row(const struct judge *judge, enum record_table table, uint32_t *cursor)
{
    while (*cursor < judge->table_row_count) {
        const struct table_row *row = &judge->table_rows[(*cursor)++];
        if (row->alive && row->record.table == table) {
            return &row->record;
        }
    }
    return NULL;
}

/* ---- The end: every demand has one end, and DONE is true. */

static const struct record *study_row(const struct judge *judge, int64_t id)
{
    uint32_t cursor = 0;
    const struct record *row = NULL;
    while ((row = judge_row(judge, TABLE_study, &cursor)) != NULL) {
        if (integer(row, COLUMN_study_id) == id) {
            return row;
        }
    }
    return NULL;
}

/* How many instances of the study are at the node, and how many there are. */
static bool has_all(struct judge *judge, slice uid, slice node, int64_t wanted, int64_t *there)
{
    for (uint32_t h = 0; h < judge->holding_count; h++) {
        const struct holding *holding = &judge->holdings[h];
        if (slice_equal(judge->studies[holding->study].uid, uid) && slice_equal(holding->node, node)) {
            *there = holding->instances > *there ? holding->instances : *there;
            if (holding->instances >= judge->studies[holding->study].instances || (wanted > 0 && wanted < judge->studies[holding->study].instances && holding->instances >= wanted)) {
                return true;
            }
        }
    }
    return false;
}

static void check_demand(struct judge *judge, const struct record *demand, struct transfer_result *result)
{
    int64_t state = integer(demand, COLUMN_demand_state), there = 0;
    const struct record *study = study_row(judge, integer(demand, COLUMN_demand_study));
    slice uid = study == NULL ? SLICE_EMPTY : text(study, COLUMN_study_uid);
    *result = (struct transfer_result){.id = integer(demand, COLUMN_demand_id), .state = state, .proof = integer(demand, COLUMN_demand_proof),
                                       .wanted = integer(demand, COLUMN_demand_wanted), .delivered = integer(demand, COLUMN_demand_delivered),
                                       .attempts = integer(demand, COLUMN_demand_attempts), .reason = integer(demand, COLUMN_demand_reason), .study_uid = uid,
                                       .destination = text(demand, COLUMN_demand_destination), .why = text(demand, COLUMN_demand_why),
                                       .accepted_at = integer(demand, COLUMN_demand_accepted_at), .ended_at = integer(demand, COLUMN_demand_ended_at)};
    judge->counts[COUNT_transfers_requested]++;
    judge->counts[COUNT_transfers_done] += state == DEMAND_DONE;
    judge->counts[COUNT_transfers_unproven] += state == DEMAND_UNPROVEN;
    judge->counts[COUNT_transfers_failed] += state == DEMAND_FAILED;
    bool ended = state == DEMAND_DONE || state == DEMAND_UNPROVEN || state == DEMAND_FAILED;
    judge_case(judge, INVARIANT_no_lost_transfer, !ended, NULL, 0, "transfer %lld of study %.*s to %.*s %s", (long long)result->id, SLICE_ARGS(uid),
               SLICE_ARGS(result->destination), ended ? "ended" : "never ended");
    bool whole_study = text(demand, COLUMN_demand_uids).size == 0;
    if (state == DEMAND_DONE) {
        bool true_proof = result->proof != PROOF_NONE && (!whole_study || has_all(judge, uid, result->destination, 0, &there));
        judge->silently_missing += !true_proof;
        judge_case(judge, INVARIANT_proof_of_delivery, !true_proof, NULL, 0, "transfer %lld of study %.*s to %.*s: done, %lld instances are there", (long long)result->id,
                   SLICE_ARGS(uid), SLICE_ARGS(result->destination), (long long)there);
    }
}

void judge_records_end(struct judge *judge, struct results *results)
{
    end_step(judge);
    uint32_t cursor = 0;
    const struct record *row = NULL;
    results->transfers = arena_array(judge->arena, JUDGE_DEMANDS_MAX, sizeof *results->transfers);
    while (results->transfers != NULL && (row = judge_row(judge, TABLE_demand, &cursor)) != NULL && results->transfer_count < JUDGE_DEMANDS_MAX) {
        check_demand(judge, row, &results->transfers[results->transfer_count++]);
    }
    cursor = 0;
    while ((row = judge_row(judge, TABLE_prior, &cursor)) != NULL) {
        judge->counts[COUNT_priors_wanted]++;
        judge->counts[COUNT_priors_ready] += integer(row, COLUMN_prior_ready_at) > 0;
    }
    cursor = 0;
    while ((row = judge_row(judge, TABLE_mdt_case, &cursor)) != NULL) {
        judge->counts[COUNT_mdt_cases]++;
        judge->counts[COUNT_mdt_ready] += integer(row, COLUMN_mdt_case_state) == MDT_READY;
    }
}
