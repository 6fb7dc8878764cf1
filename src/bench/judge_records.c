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

static enum err message_row(struct judge *judge, const struct record *record, bool restored)
{
    slice control = text(record, COLUMN_hl7_in_control_id);
    uint64_t key = store_hash2(text(record, COLUMN_hl7_in_link), control), number = 0;
    if (record->deleted) {
        store_recent_remove(&judge->messages, key);
        return ERR_OK;
    }
    judge->duplicate_step = judge->duplicate_step || (!restored && store_recent_find(&judge->messages, key, &number));
    enum err err = store_recent_put(&judge->messages, key, 1);
    return err == ERR_OK && !restored ? store_recent_put(&judge->acks, store_hash(1, control), judge->ack_count++) : err;
}

/* ---- Persons and their numbers. */

static uint32_t name_hash(slice family, slice given)
{
    char name[600];
    struct buffer buffer = buffer_over(name, sizeof name);
    buffer_put(&buffer, slice_before(family, 290));
    buffer_put_byte(&buffer, '^');
    buffer_put(&buffer, slice_before(given, 290));
    return judge_hash32(buffer_slice(&buffer)); /* never 0: there is always the ^ */
}

static enum err person_row(struct judge *judge, const struct record *record, bool restored)
{
    int64_t id = integer(record, COLUMN_person_id);
    if (!judge_fits(id)) {
        return ERR_LIMIT;
    }
    struct engine_person *person = &judge->engine_persons[id];
    uint32_t into = (uint32_t)integer(record, COLUMN_person_merged_into);
    bool existed = person->name != 0;
    if (existed && !restored && !record->deleted && person->merged_into != into) {
        judge_effect(judge, AUDIT_MERGE, "the link of person", text(record, COLUMN_person_patient_id));
        if (into == 0) {
            judge_unmerged(judge, (uint32_t)id, person->merged_into);
        } else {
            judge_reach_merge(judge, (uint32_t)id, into);
        }
    }
    uint32_t number = judge_engine_identity(judge, text(record, COLUMN_person_issuer), text(record, COLUMN_person_patient_id));
    *person = record->deleted ? (struct engine_person){0}
                              : (struct engine_person){name_hash(text(record, COLUMN_person_family), text(record, COLUMN_person_given)), number, into};
    judge->engine_person_end = id >= (int64_t)judge->engine_person_end ? (uint32_t)id + 1 : judge->engine_person_end;
    return ERR_OK;
}

static enum err identifier_row(struct judge *judge, const struct record *record, bool restored)
{
    uint32_t identity = judge_engine_identity(judge, text(record, COLUMN_identifier_issuer), text(record, COLUMN_identifier_value));
    if (identity == JUDGE_NONE) {
        return ERR_LIMIT;
    }
    if (!restored && !record->deleted) {
        judge_moved(judge, identity, false, judge->identities[identity].engine, (uint32_t)integer(record, COLUMN_identifier_person));
    }
    judge->identities[identity].engine = record->deleted ? 0 : (uint32_t)integer(record, COLUMN_identifier_person);
    return ERR_OK;
}

/* ---- Studies. */

static enum err study_row(struct judge *judge, const struct record *record)
{
    int64_t id = integer(record, COLUMN_study_id);
    if (!judge_fits(id)) {
        return ERR_LIMIT;
    }
    struct engine_study *study = &judge->engine_studies[id];
    slice uid = text(record, COLUMN_study_uid);
    if (record->deleted) {
        study->study = 0;
        return ERR_OK;
    }
    uint32_t known = judge_study_of(judge, uid, text(record, COLUMN_study_accession));
    if (known == JUDGE_NONE && !(study->study & ENGINE_STUDY_TEXT)) {
        study->study = ENGINE_STUDY_TEXT | store_text_put(&judge->texts, uid);
    } else if (known != JUDGE_NONE) {
        study->study = known + 1;
    }
    judge->engine_study_end = id >= (int64_t)judge->engine_study_end ? (uint32_t)id + 1 : judge->engine_study_end;
    return ERR_OK;
}

static void known_gone(struct judge *judge, uint32_t study, bool gone)
{
    struct truth_study *truth = &judge->studies[study];
    truth->flags = (uint8_t)(gone ? truth->flags | STUDY_KNOWN_GONE : truth->flags & ~STUDY_KNOWN_GONE);
}

static void copy_row(struct judge *judge, const struct record *record)
{
    int64_t id = integer(record, COLUMN_copy_study);
    uint32_t ours = record->deleted || !judge_fits(id) ? 0 : judge->engine_studies[id].study;
    if (ours != 0 && !(ours & ENGINE_STUDY_TEXT) && integer(record, COLUMN_copy_role) == COPY_ORIGINAL) {
        known_gone(judge, ours - 1, integer(record, COLUMN_copy_state) == COPY_GONE);
    }
}

static enum err tombstone_row(struct judge *judge, const struct record *record, bool restored)
{
    slice uid = text(record, COLUMN_tombstone_uid), code = text(record, COLUMN_tombstone_code);
    uint64_t key = store_hash2(uid, code);
    uint32_t at = store_index_find(&judge->tombstone_index, key);
    if (at == JUDGE_NONE) {
        at = judge->tombstone_count;
        if (at == JUDGE_ROWS_MAX || store_index_put(&judge->tombstone_index, key, at) != ERR_OK) {
            return ERR_LIMIT;
        }
        judge->tombstones[judge->tombstone_count++] = (struct engine_tombstone){.uid = store_text_put(&judge->texts, uid), .code = judge_word(judge, code)};
    }
    struct engine_tombstone *tombstone = &judge->tombstones[at];
    if (!record->deleted && !restored && !tombstone->alive) {
        judge_effect(judge, AUDIT_REJECT, "the rejection of", uid);
    }
    tombstone->alive = !record->deleted;
    for (uint32_t s = judge_study(judge, uid); s != JUDGE_NONE && !record->deleted; s = judge_next_uid(judge, s)) {
        known_gone(judge, s, true);
    }
    return ERR_OK;
}

/* ---- Exams: a number that names another person now, though nothing was linked, was used twice. */

static void check_moved(struct judge *judge, const struct record *record, const struct truth_exam *exam)
{
    uint32_t person = judge_survivor(judge, (uint32_t)integer(record, COLUMN_exam_person));
    uint32_t number = exam->engine_identity == JUDGE_NONE ? 0 : judge->identities[judge_identity_now(judge, exam->engine_identity)].engine;
    bool wrong = number != 0 && judge_survivor(judge, number) != person;
    judge_case(judge, INVARIANT_one_exam_per_number, wrong, NULL, 0, "exam %.*s/%.*s moved to person %u, %s", SLICE_ARGS(text(record, COLUMN_exam_issuer)),
               SLICE_ARGS(text(record, COLUMN_exam_accession)), person, wrong ? "whose number it was not ordered under" : "whose number it was ordered under");
}

/* What lay in the archives from before is published when RADIS2 tells of it: no measure of anything. */
static void note_published(struct judge *judge, const struct truth_exam *exam)
{
    time_ns stored = exam->studies == JUDGE_NONE ? 0 : judge_time(judge, judge->studies[exam->studies].range_at);
    if (exam->studies != JUDGE_NONE && stored > judge->scenario->start) {
        time_ns took = judge->now > stored ? judge->now - stored : 0;
        judge_length(judge, MEASURE_published_after_stored, judge->now, took);
    }
}

static enum err exam_row(struct judge *judge, const struct record *record, bool restored)
{
    struct truth_exam *exam = judge_put_exam(judge, text(record, COLUMN_exam_issuer), text(record, COLUMN_exam_accession));
    if (exam == NULL) {
        return ERR_LIMIT;
    }
    struct truth_exam before = *exam;
    slice number = text(record, COLUMN_exam_identifier_value);
    exam->engine_state = record->deleted ? 0 : (uint8_t)integer(record, COLUMN_exam_state);
    exam->engine_person = (uint32_t)integer(record, COLUMN_exam_person);
    bool has_study = integer(record, COLUMN_exam_study) != 0;
    exam->flags = (uint8_t)(has_study ? exam->flags | EXAM_HAS_STUDY : exam->flags & ~EXAM_HAS_STUDY);
    exam->engine_identity = number.size == 0 ? JUDGE_NONE : judge_engine_identity(judge, text(record, COLUMN_exam_identifier_issuer), number);
    if (restored || record->deleted || before.engine_state == 0) {
        return ERR_OK;
    }
    judge_moved(judge, (uint32_t)(exam - judge->exams), true, before.engine_person, exam->engine_person);
    if (before.engine_person != exam->engine_person && exam->engine_state != EXAM_FROZEN) {
        check_moved(judge, record, exam);
    }
    if (!(before.flags & EXAM_HAS_STUDY) && has_study) {
        judge_effect(judge, AUDIT_PUBLISH, "the publication of", text(record, COLUMN_exam_accession));
        note_published(judge, exam);
    }
    return ERR_OK;
}

/* At the end: whose exam each number is must be what RADIS2 ordered; what it ordered twice for two must be frozen. */
static void check_exam(struct judge *judge, const struct truth_exam *exam)
{
    if (exam->engine_state == 0 || !(exam->flags & EXAM_TOLD) || judge_site(judge, judge_spell(judge, exam->issuer)) == JUDGE_NONE) {
        return; /* never told to the engine, or refused */
    }
    char room[STORE_TEXT_MAX];
    bool frozen = exam->engine_state == EXAM_FROZEN, collision = exam->flags & EXAM_COLLISION;
    const struct identity *number = exam->engine_identity == JUDGE_NONE ? NULL : &judge->identities[judge_identity_now(judge, exam->engine_identity)];
    bool told = number != NULL && (number->flags & IDENTITY_TOLD);
    bool hers = !told || exam->person == JUDGE_NONE || number->person == exam->person;
    bool same = number == NULL || number->engine == 0 || judge_survivor(judge, number->engine) == judge_survivor(judge, exam->engine_person);
    bool wrong = collision ? !frozen : !hers || !same;
    judge_case(judge, INVARIANT_one_exam_per_number, wrong, NULL, 0, "exam %.*s/%.*s: %s", SLICE_ARGS(judge_spell(judge, exam->issuer)),
               SLICE_ARGS(judge_text(judge, exam->accession, room)),
               collision ? (frozen ? "ordered for two persons, frozen" : "ordered for two persons, and one of them got it") : wrong ? "is another person's now" : "one person's");
}

/* ---- What older messages may not do: at the end nobody bears a name that an older event brought later. */

/* The newest of what was told under any number that the engine counts as this person. */
struct newest {
    uint32_t person, name, at;
};

static void take_newest(const struct judge *judge, struct newest *newest, const struct store_index *wanted)
{
    for (uint32_t i = 0; i < judge->identity_count; i++) {
        const struct identity *identity = &judge->identities[i];
        if (identity->engine == 0 || identity->newest_name == 0 || (identity->flags & IDENTITY_JOINT)) {
            continue;
        }
        uint32_t at = store_index_find(wanted, store_hash_int(1, judge_survivor(judge, identity->engine)));
        if (at != JUDGE_NONE && (newest[at].name == 0 || identity->newest_at > newest[at].at)) {
            newest[at].at = identity->newest_at;
            newest[at].name = identity->newest_name;
        }
    }
}

static uint32_t engine_person(const struct judge *judge, uint32_t identity)
{
    uint32_t person = judge->identities[judge_identity_now(judge, identity)].engine;
    person = person == 0 ? 0 : judge_survivor(judge, person);
    return person < judge->engine_person_end && judge->engine_persons[person].name != 0 ? person : 0;
}

static void check_stale(struct judge *judge, const struct stale_name *stale, uint32_t newest)
{
    char room[STORE_TEXT_MAX];
    const struct identity *identity = &judge->identities[judge_identity_now(judge, stale->identity)];
    uint32_t name = judge->engine_persons[engine_person(judge, stale->identity)].name;
    bool wrong = name == stale->name && name != newest;
    slice issuer = judge_spell(judge, identity->issuer), value = judge_text(judge, identity->value, room);
    judge_case(judge, INVARIANT_idempotent, wrong, NULL, 0, "what was told late of %.*s/%.*s %s", SLICE_ARGS(issuer), SLICE_ARGS(value),
               wrong ? "overwrote what is newer" : "changed nothing newer");
    judge_case(judge, INVARIANT_ordered_per_patient, wrong, NULL, 0, "the older event of %.*s/%.*s that came late %s", SLICE_ARGS(issuer), SLICE_ARGS(value),
               wrong ? "overwrote a newer one" : "overwrote nothing");
}

static void check_stales(struct judge *judge)
{
    struct store_index wanted = {0};
    struct newest *newest = arena_array(judge->arena, judge->stale_count + 1, sizeof *newest);
    uint32_t count = 0;
    for (uint32_t s = 0; newest != NULL && s < judge->stale_count; s++) {
        uint32_t person = engine_person(judge, judge->stales[s].identity);
        if (person != 0 && store_index_find(&wanted, store_hash_int(1, person)) == JUDGE_NONE && store_index_put(&wanted, store_hash_int(1, person), count) == ERR_OK) {
            newest[count++].person = person;
        }
    }
    if (count > 0) {
        take_newest(judge, newest, &wanted);
    }
    for (uint32_t s = 0; newest != NULL && s < judge->stale_count; s++) {
        uint32_t at = store_index_find(&wanted, store_hash_int(1, engine_person(judge, judge->stales[s].identity)));
        if (at != JUDGE_NONE) {
            check_stale(judge, &judge->stales[s], newest[at].name);
        }
    }
    store_index_clear(&wanted);
}

/* ---- Priors and cases of meetings: counted as they come and as they are ready. */

static enum err prior_row(struct judge *judge, const struct record *record, bool restored)
{
    slice key = text(record, COLUMN_prior_exam), accession = key, issuer = slice_cut(&accession, '/');
    uint64_t hash = store_hash_int(store_hash(1, key), (uint64_t)integer(record, COLUMN_prior_study));
    bool waited = store_index_find(&judge->prior_index, hash) != JUDGE_NONE;
    time_ns at = integer(record, COLUMN_prior_ready_at);
    const struct truth_exam *of = judge_exam(judge, issuer, accession);
    judge->counts[COUNT_priors_wanted] += !waited;
    if (at <= 0) {
        judge_fold_prior(judge, of, !waited && !restored, false);
        return waited ? ERR_OK : store_index_put(&judge->prior_index, hash, 0);
    }
    /* Ready before RADIS2 was told that the exam was done: stamps in messages have whole seconds, so the telling is what counts. */
    bool in_time = of == NULL || at < judge_time(judge, of->completed_at);
    if (!restored) {
        judge_fold_prior(judge, of, !waited, in_time);
        judge_share(judge, MEASURE_priors_ready_share, judge->now, in_time);
    }
    store_index_remove(&judge->prior_index, hash);
    judge->counts[COUNT_priors_ready]++;
    judge->priors_ready_before += in_time;
    return ERR_OK;
}

static uint32_t put_meeting(struct judge *judge, slice id)
{
    uint32_t at = store_index_find(&judge->meeting_index, store_hash(1, id));
    if (at != JUDGE_NONE || judge->meeting_count == JUDGE_ROWS_MAX || store_index_put(&judge->meeting_index, store_hash(1, id), judge->meeting_count) != ERR_OK) {
        return at;
    }
    judge->meetings[judge->meeting_count].id = store_text_put(&judge->texts, id);
    return judge->meeting_count++;
}

static enum err meeting_row(struct judge *judge, const struct record *record)
{
    uint32_t at = put_meeting(judge, text(record, COLUMN_mdt_id));
    if (at == JUDGE_NONE) {
        return ERR_LIMIT;
    }
    if (!record->deleted) {
        judge->meetings[at].meets_at = integer(record, COLUMN_mdt_meets_at);
        judge->meetings[at].node = judge_word(judge, text(record, COLUMN_mdt_node));
    }
    return ERR_OK;
}

/* How long before it begins everything must be there. Weekly meetings have their day behind their name. */
static time_ns ready_before(const struct judge *judge, const struct engine_meeting *meeting)
{
    char room[STORE_TEXT_MAX];
    slice id = judge_text(judge, meeting->id, room);
    const struct population *population = &judge->scenario->population;
    for (size_t i = 0; i < population->meeting_count; i++) {
        slice name = population->meetings[i].id;
        if (slice_starts(id, name) && (id.size == name.size || id.data[name.size] == '-')) {
            return population->meetings[i].ready_before;
        }
    }
    return 0;
}

/* Seconds before it begins when the case must be ready. A late name has the time that any name is given (requirement MD-04: added half
 * an hour before, ready in ten minutes); below zero: it was told of too late for that, and nothing is promised. */
static int64_t due_before(const struct judge *judge, const struct engine_meeting *meeting)
{
    time_ns before = ready_before(judge, meeting), left = meeting->meets_at - judge->now - JUDGE_CASE_NS;
    return (meeting->meets_at > 0 && left < before ? left : before) / TIME_S;
}

/* How it was when it had to be ready is what counts; what comes later changes only the row. A case that was ready until more images came
 * has for them the time that a name has. */
static enum err case_row(struct judge *judge, const struct record *record)
{
    uint32_t meeting = put_meeting(judge, text(record, COLUMN_mdt_case_mdt));
    uint64_t key = store_hash_int(store_hash(1, text(record, COLUMN_mdt_case_mdt)), (uint64_t)integer(record, COLUMN_mdt_case_person));
    uint32_t at = store_index_find(&judge->case_index, key);
    if (at == JUDGE_NONE) {
        at = judge->case_count;
        if (at == JUDGE_ROWS_MAX || meeting == JUDGE_NONE || store_index_put(&judge->case_index, key, at) != ERR_OK) {
            return ERR_LIMIT;
        }
        judge->case_count++;
    }
    struct engine_case *one = &judge->cases[at];
    int64_t before_s = one->known ? one->ready_before_s : due_before(judge, &judge->meetings[meeting]);
    time_ns meets_at = judge->meetings[meeting].meets_at, due_at = meets_at - before_s * TIME_S;
    bool ready = integer(record, COLUMN_mdt_case_state) == MDT_READY, late = meets_at > 0 && judge->now > due_at;
    time_ns unready_at = ready ? 0 : one->alive && one->state == MDT_READY ? judge->now : one->unready_at;
    bool made_up = late && ready && one->unready_at != 0 && judge->now - one->unready_at <= JUDGE_CASE_NS && judge->now <= meets_at;
    *one = (struct engine_case){.meeting = meeting, .unready_at = unready_at, .person = (uint32_t)integer(record, COLUMN_mdt_case_person), .state = (uint8_t)integer(record, COLUMN_mdt_case_state), .alive = !record->deleted,
                                .in_time = late ? one->in_time || made_up : ready, .told_late = one->known ? one->told_late : before_s < 0, .known = !record->deleted, .ready_before_s = (int32_t)before_s};
    judge->reached[REACH_name_after_list_closed] |= one->told_late;
    return ERR_OK;
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

/* A repeated message may not change these. */
static const bool changes[TABLE_COUNT] = {
    [TABLE_person] = true,    [TABLE_identifier] = true, [TABLE_name] = true, [TABLE_exam] = true,     [TABLE_study] = true, [TABLE_series] = true,
    [TABLE_copy] = true,      [TABLE_tombstone] = true,  [TABLE_demand] = true, [TABLE_job] = true,    [TABLE_job_item] = true, [TABLE_mdt] = true,
    [TABLE_mdt_case] = true,  [TABLE_prior] = true, [TABLE_spooled] = true,
};

/* Takes the record into the copy of the rows, and asks of it what can be asked at once. */
static enum err take_row(struct judge *judge, const struct record *record, bool restored)
{
    switch (record->table) {
    case TABLE_hl7_in:
        return message_row(judge, record, restored);
    case TABLE_person:
        return person_row(judge, record, restored);
    case TABLE_identifier:
        return identifier_row(judge, record, restored);
    case TABLE_study:
        return study_row(judge, record);
    case TABLE_copy:
        copy_row(judge, record);
        return ERR_OK;
    case TABLE_tombstone:
        return tombstone_row(judge, record, restored);
    case TABLE_exam:
        return exam_row(judge, record, restored);
    case TABLE_prior:
        return record->deleted ? ERR_OK : prior_row(judge, record, restored);
    case TABLE_mdt:
        return meeting_row(judge, record);
    case TABLE_spooled:
        return judge_spooled(judge, record, restored);
    case TABLE_mdt_case:
        return case_row(judge, record);
    case TABLE_demand:
    case TABLE_job:
    case TABLE_job_item:
        if (record->deleted) {
            judge_transfer_deleted(judge, record);
            return ERR_OK;
        }
        return judge_transfer_row(judge, record, restored);
    default:
        return ERR_OK;
    }
}

static void look(struct judge *judge, const struct record *record)
{
    switch (record->table) {
    case TABLE_audit:
        judge_audit_row(judge, record, false);
        return;
    case TABLE_query:
        query_row(judge, record);
        return;
    case TABLE_limit:
        limit_row(judge, record);
        return;
    case TABLE_finding:
        judge_tally(judge, text(record, COLUMN_finding_node), text(record, COLUMN_finding_what), true);
        return;
    default:
        return;
    }
}

/* A step that took a message it had taken before must change nothing else. */
static void end_step(struct judge *judge)
{
    judge->at_step = judge->step;
    judge_unmerge_end(judge);
    judge->reached[REACH_duplicate_message] |= judge->duplicate_step;
    if (judge->duplicate_step) {
        judge_case(judge, INVARIANT_idempotent, judge->records_of_step > 0, NULL, 0, "step %lld: a repeated message changed %lld row%s", (long long)judge->step,
                   (long long)judge->records_of_step, judge->records_of_step == 1 ? "" : "s");
    }
    judge->duplicate_step = false;
    judge->records_of_step = 0;
    memset(judge->step_audits, 0, sizeof judge->step_audits);
}

/* Acknowledgements of steps that were never committed. */
static void forget_acks(struct judge *judge)
{
    struct store_recent *acks = &judge->acks;
    for (uint32_t i = 0; i < acks->end; i++) {
        if (acks->ring[i] != 0 && acks->numbers[i] >= judge->ack_committed && store_index_find(&acks->index, acks->ring[i]) == i) {
            store_recent_remove(acks, acks->ring[i]);
        }
    }
    judge->ack_count = judge->ack_committed;
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
    forget_acks(judge);
    judge_rows_clear(judge);
    store_index_clear(&judge->running_index);
    store_index_clear(&judge->delivers_audited);
    store_index_clear(&judge->clients_audited);
    store_recent_clear(&judge->answered);
    memset(judge->audited, 0, sizeof judge->audited);
    judge->answers_left = 0;
    judge->audit_lsn = 0;
    judge->audit_hash[0] = '\0';
    return ERR_OK;
}

enum err judge_record(struct judge *judge, const struct record *record, int64_t step, time_ns at_ns, bool restored)
{
    if (restored) {
        if (record->table == TABLE_audit) {
            judge_audit_row(judge, record, true);
        }
        return take_row(judge, record, true);
    }
    judge_transfers_restored(judge);
    if (step != judge->step) {
        end_step(judge);
        judge->step = step;
    }
    judge->at_step = step;
    judge->now = at_ns > judge->now ? at_ns : judge->now;
    judge->records_of_step += changes[record->table];
    if (!record->deleted) {
        look(judge, record);
    }
    return take_row(judge, record, false);
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

enum err judge_copied(struct judge *judge, int64_t step, uint64_t committed_digest, uint64_t copied_digest)
{
    judge_case(judge, INVARIANT_restore_is_exact, committed_digest != copied_digest, NULL, 0, "restored at step %lld of life %lld: %016llx, committed was %016llx",
               (long long)step, (long long)judge->life, (unsigned long long)copied_digest, (unsigned long long)committed_digest);
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
    check_stales(judge);
    judge->counts[COUNT_mdt_cases] = judge->counts[COUNT_mdt_ready] = 0;
    for (uint32_t c = 0; c < judge->case_count; c++) {
        judge->counts[COUNT_mdt_cases] += judge->cases[c].alive;
        judge->counts[COUNT_mdt_ready] += judge->cases[c].alive && judge->cases[c].state == MDT_READY;
    }
}
