/* SPDX-License-Identifier: MIT
 *
 * The engine's record stream, life by life: what each row means to a rule, as it comes. */
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

/* ---- Messages. */

static enum err hl7_row(struct judge *judge, const struct record *record, const struct record *before)
{
    slice control = text(record, COLUMN_hl7_in_control_id);
    judge->duplicate_step = judge->duplicate_step || before != NULL;
    if (judge->ack_count == JUDGE_ACKS_MAX) {
        return ERR_LIMIT;
    }
    slice kept = judge_keep(judge, control);
    judge->acks[judge->ack_count] = kept;
    return map_put(&judge->ack_map, kept, judge->ack_count++);
}

/* ---- Exams: a number that names another person now, though nothing was linked, was used twice. */

static void exam_row(struct judge *judge, const struct record *record, const struct record *before)
{
    if (before == NULL || integer(before, COLUMN_exam_person) == integer(record, COLUMN_exam_person) || integer(record, COLUMN_exam_state) == EXAM_FROZEN) {
        return;
    }
    const struct record *number = judge_row_by_texts(judge, TABLE_identifier, text(record, COLUMN_exam_identifier_issuer), text(record, COLUMN_exam_identifier_value));
    int64_t person = judge_survivor(judge, integer(record, COLUMN_exam_person));
    bool wrong = number != NULL && judge_survivor(judge, integer(number, COLUMN_identifier_person)) != person;
    judge_case(judge, INVARIANT_one_exam_per_number, wrong, NULL, 0, "exam %.*s/%.*s moved to person %lld, %s", SLICE_ARGS(text(record, COLUMN_exam_issuer)),
               SLICE_ARGS(text(record, COLUMN_exam_accession)), (long long)person, wrong ? "whose number it was not ordered under" : "whose number it was ordered under");
}

/* At the end: whose exam each number is must be what RADIS2 ordered; what it ordered twice for two must be frozen. */
static void check_exam(struct judge *judge, const struct truth_exam *exam)
{
    const struct site *site = exam->site == JUDGE_NONE ? NULL : &judge->scenario->sites[exam->site];
    const struct record *row = site == NULL ? NULL : judge_row_by_texts(judge, TABLE_exam, site->accession.size > 0 ? site->accession : site->issuer, exam->accession);
    if (row == NULL) {
        return; /* never told to the engine, or refused */
    }
    bool frozen = integer(row, COLUMN_exam_state) == EXAM_FROZEN;
    uint32_t number = judge_identity(judge, text(row, COLUMN_exam_identifier_issuer), text(row, COLUMN_exam_identifier_value));
    bool hers = number == JUDGE_NONE || exam->person == JUDGE_NONE || judge->identities[number].person == exam->person;
    const struct record *identifier = judge_row_by_texts(judge, TABLE_identifier, text(row, COLUMN_exam_identifier_issuer), text(row, COLUMN_exam_identifier_value));
    bool same = identifier == NULL || judge_survivor(judge, integer(identifier, COLUMN_identifier_person)) == judge_survivor(judge, integer(row, COLUMN_exam_person));
    bool wrong = exam->collision ? !frozen : !hers || !same;
    judge_case(judge, INVARIANT_one_exam_per_number, wrong, NULL, 0, "exam %.*s/%.*s: %s", SLICE_ARGS(text(row, COLUMN_exam_issuer)), SLICE_ARGS(exam->accession),
               exam->collision ? (frozen ? "ordered for two persons, frozen" : "ordered for two persons, and one of them got it") : wrong ? "is another person's now" : "one person's");
}

/* ---- What older messages may not do: at the end nobody bears a name that an older event brought later. */

static const struct record *engine_person(const struct judge *judge, const struct identity *identity)
{
    const struct record *number = judge_row_by_texts(judge, TABLE_identifier, identity->issuer, identity->value);
    return number == NULL ? NULL : judge_row_by_id(judge, TABLE_person, judge_survivor(judge, integer(number, COLUMN_identifier_person)));
}

static bool has_name(const struct record *person, slice name)
{
    slice family = slice_before(name, slice_index(name, '^')), given = slice_after(name, family.size + 1);
    return slice_equal(text(person, COLUMN_person_family), family) && slice_equal(text(person, COLUMN_person_given), given);
}

/* The newest of what was told under any number that the engine counts as this person. */
static slice newest_name(const struct judge *judge, const struct record *person)
{
    slice name = SLICE_EMPTY;
    time_ns newest = INT64_MIN;
    for (uint32_t i = 0; i < judge->identity_count; i++) {
        const struct identity *identity = &judge->identities[i];
        const struct record *whose = identity->newest_at <= newest ? NULL : engine_person(judge, identity);
        if (whose != NULL && integer(whose, COLUMN_person_id) == integer(person, COLUMN_person_id)) {
            newest = identity->newest_at;
            name = identity->newest_name;
        }
    }
    return name;
}

static void check_stale(struct judge *judge, const struct identity *identity)
{
    const struct record *person = identity->stale_name.size == 0 ? NULL : engine_person(judge, identity);
    if (person == NULL) {
        return;
    }
    bool wrong = has_name(person, identity->stale_name) && !has_name(person, newest_name(judge, person));
    judge_case(judge, INVARIANT_idempotent, wrong, NULL, 0, "what was told late of %.*s/%.*s %s", SLICE_ARGS(identity->issuer), SLICE_ARGS(identity->value),
               wrong ? "overwrote what is newer" : "changed nothing newer");
}

/* ---- Questions and limits. */

static void query_row(struct judge *judge, const struct record *record)
{
    time_ns took = integer(record, COLUMN_query_answered_at) - integer(record, COLUMN_query_at);
    /* A long answer goes out as fast as its client takes it; a cancelled one has no deadline. */
    if (judge->deadline_ns <= 0 || integer(record, COLUMN_query_rows) > RUN_MAX || integer(record, COLUMN_query_status) == (int64_t)STATUS_CANCEL) {
        return;
    }
    bool late = took > judge->deadline_ns + JUDGE_LATE_NS;
    judge_case(judge, INVARIANT_one_final_answer, late, NULL, 0, "question %lld of %.*s was answered after %lld ms", (long long)integer(record, COLUMN_query_id),
               SLICE_ARGS(text(record, COLUMN_query_client)), (long long)(took / TIME_MS));
}

static void limit_row(struct judge *judge, const struct record *record)
{
    judge_case(judge, INVARIANT_bounded, integer(record, COLUMN_limit_high_water) > integer(record, COLUMN_limit_most), NULL, 0, "%.*s: %lld of %lld",
               SLICE_ARGS(text(record, COLUMN_limit_name)), (long long)integer(record, COLUMN_limit_high_water), (long long)integer(record, COLUMN_limit_most));
}

/* ---- The stream. */

enum care { CARE_NONE, CARE_ONCE, CARE_KEEP }; /* ONCE: looked at as it comes; KEEP: mirrored */
static const struct {
    enum care care;
    bool changes; /* a repeated message may not */
} cares[TABLE_COUNT] = {
    [TABLE_person] = {CARE_KEEP, true},  [TABLE_identifier] = {CARE_KEEP, true}, [TABLE_name] = {CARE_NONE, true},     [TABLE_exam] = {CARE_KEEP, true},
    [TABLE_study] = {CARE_KEEP, true},   [TABLE_series] = {CARE_NONE, true},     [TABLE_copy] = {CARE_NONE, true},     [TABLE_tombstone] = {CARE_KEEP, true},
    [TABLE_demand] = {CARE_KEEP, true},  [TABLE_job] = {CARE_KEEP, true},        [TABLE_job_item] = {CARE_ONCE, true}, [TABLE_mdt] = {CARE_NONE, true},
    [TABLE_mdt_case] = {CARE_KEEP, true}, [TABLE_prior] = {CARE_KEEP, true},     [TABLE_hl7_in] = {CARE_KEEP, false},  [TABLE_audit] = {CARE_ONCE, false},
    [TABLE_finding] = {CARE_ONCE, false}, [TABLE_query] = {CARE_ONCE, false},    [TABLE_limit] = {CARE_ONCE, false},
};

static enum err look(struct judge *judge, const struct record *record, const struct record *before)
{
    switch (record->table) {
    case TABLE_audit:
        judge_audit_row(judge, record, false);
        return ERR_OK;
    case TABLE_hl7_in:
        return hl7_row(judge, record, before);
    case TABLE_exam:
        exam_row(judge, record, before);
        break;
    case TABLE_query:
        query_row(judge, record);
        return ERR_OK;
    case TABLE_limit:
        limit_row(judge, record);
        return ERR_OK;
    case TABLE_finding:
        judge_tally(judge, text(record, COLUMN_finding_node), text(record, COLUMN_finding_what), true);
        return ERR_OK;
    default:
        break;
    }
    judge_transfer_row(judge, record, before);
    judge_effect(judge, record, before);
    return ERR_OK;
}

/* A step that took a message it had taken before must change nothing else. */
static void end_step(struct judge *judge)
{
    judge->at_step = judge->step;
    if (judge->duplicate_step) {
        judge_case(judge, INVARIANT_idempotent, judge->records_of_step > 0, NULL, 0, "step %lld: a repeated message changed %lld row%s", (long long)judge->step,
                   (long long)judge->records_of_step, judge->records_of_step == 1 ? "" : "s");
    }
    judge->duplicate_step = false;
    judge->records_of_step = 0;
    memset(judge->step_audits, 0, sizeof judge->step_audits);
}

static void clear_map(struct map *map)
{
    memset(map->slots, 0, map->slot_count * sizeof map->slots[0]);
    map->count = map->used = 0;
}

enum err judge_life(struct judge *judge, int64_t life)
{
    end_step(judge);
    judge_transfers_restored(judge);
    judge->restoring = life > 1;
    judge->life = life;
    judge->step = judge->committed_step = 0;
    /* What was put and never committed is no more. */
    judge->pending_count = 0;
    judge->ack_count = judge->ack_committed;
    judge_mirror_clear(judge);
    clear_map(&judge->running_map);
    clear_map(&judge->delivers_audited);
    clear_map(&judge->clients_audited);
    clear_map(&judge->answered_map);
    memset(judge->audited, 0, sizeof judge->audited);
    judge->answers_left = 0;
    judge->audit_lsn = 0;
    judge->audit_hash[0] = '\0';
    return ERR_OK;
}

static enum err restored_row(struct judge *judge, const struct record *record)
{
    struct record before;
    bool existed = false;
    if (record->table == TABLE_audit) {
        judge_audit_row(judge, record, true);
        return ERR_OK;
    }
    if (cares[record->table].care == CARE_KEEP && judge_mirror(judge, record, &before, &existed) == NULL) {
        return ERR_LIMIT;
    }
    judge_transfer_restored(judge, record);
    return ERR_OK;
}

enum err judge_record(struct judge *judge, const struct record *record, int64_t step, time_ns at_ns, bool restored)
{
    if (restored) {
        return restored_row(judge, record);
    }
    judge_transfers_restored(judge);
    if (step != judge->step) {
        end_step(judge);
        judge->step = step;
    }
    judge->at_step = step;
    judge->now = at_ns > judge->now ? at_ns : judge->now;
    struct record before;
    bool existed = false;
    const struct record *row = cares[record->table].care == CARE_KEEP ? judge_mirror(judge, record, &before, &existed) : record;
    if (row == NULL) {
        return ERR_LIMIT;
    }
    judge->records_of_step += cares[record->table].changes;
    if (record->deleted) {
        judge_transfer_deleted(judge, record);
        return ERR_OK;
    }
    return cares[record->table].care == CARE_NONE ? ERR_OK : look(judge, row, existed ? &before : NULL);
}

enum err judge_committed(struct judge *judge, int64_t step, uint64_t digest, time_ns at_ns)
{
    (void)digest;
    judge_transfers_restored(judge);
    judge->now = at_ns > judge->now ? at_ns : judge->now;
    judge->ack_committed = judge->ack_count;
    judge_transfers_committed(judge);
    judge->committed_step = step;
    return ERR_OK;
}

enum err judge_replayed(struct judge *judge, int64_t life, bool equal, slice difference)
{
    judge->at_step = 0;
    judge_case(judge, INVARIANT_replayable, !equal, NULL, 0, "life %lld: %.*s", (long long)life, SLICE_ARGS(difference));
    return ERR_OK;
}

enum err judge_restored(struct judge *judge, int64_t life, uint64_t committed_digest, uint64_t restored_digest)
{
    judge->at_step = 0;
    judge_case(judge, INVARIANT_restore_is_exact, committed_digest != restored_digest, NULL, 0, "life %lld began with %016llx, committed was %016llx", (long long)life,
               (unsigned long long)restored_digest, (unsigned long long)committed_digest);
    return ERR_OK;
}

/* ---- The end. */

void judge_records_end(struct judge *judge, struct results *results)
{
    end_step(judge);
    judge->at_step = 0;
    judge_transfers_end(judge, results);
    for (uint32_t e = 0; e < judge->exam_count; e++) {
        check_exam(judge, &judge->exams[e]);
    }
    for (uint32_t i = 0; i < judge->identity_count; i++) {
        check_stale(judge, &judge->identities[i]);
    }
    uint32_t cursor = judge->table_first[TABLE_prior];
    for (const struct record *prior = NULL; (prior = judge_row(judge, &cursor)) != NULL;) {
        judge->counts[COUNT_priors_wanted]++;
        judge->counts[COUNT_priors_ready] += integer(prior, COLUMN_prior_ready_at) > 0;
    }
    cursor = judge->table_first[TABLE_mdt_case];
    for (const struct record *one = NULL; (one = judge_row(judge, &cursor)) != NULL;) {
        judge->counts[COUNT_mdt_cases]++;
        judge->counts[COUNT_mdt_ready] += integer(one, COLUMN_mdt_case_state) == MDT_READY;
    }
}
