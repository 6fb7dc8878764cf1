/* SPDX-License-Identifier: MIT
 *
 * Ground truth: what exists where, and whether what arrived is what was sent, under whose name. */
#include "src/bench/judge_private.h"

/* ---- Studies. */

uint32_t judge_study(const struct judge *judge, slice uid)
{
    uint32_t found = JUDGE_NONE;
    (void)map_find(&judge->uid_map, uid, &found);
    return found;
}

static const struct scenario_study *scenario_study(const struct judge *judge, slice uid, slice person)
{
    for (size_t s = 0; s < judge->scenario->study_count; s++) {
        const struct scenario_study *study = &judge->scenario->studies[s];
        if (slice_equal(study->study_uid, uid) && slice_equal(judge->scenario->persons[study->person].id, person)) {
            return study;
        }
    }
    return NULL;
}

/* Puts the study in front of the chain that the key leads to. */
static bool chain(struct map *map, slice key, uint32_t study, uint32_t *next)
{
    *next = JUDGE_NONE;
    (void)map_find(map, key, next);
    return map_put(map, key, study) == ERR_OK;
}

static uint32_t put_study(struct judge *judge, const struct observation *seen, int64_t line)
{
    char text[JUDGE_KEY_SIZE];
    /* Two patients may have studies of one UID (a cloned modality); imported studies have no person: the number tells them apart. */
    slice key = judge_key(text, seen->study_uid, seen->person.size > 0 ? seen->person : seen->patient_id);
    uint32_t found = JUDGE_NONE, node = judge_node(judge, seen->actor);
    if (map_find(&judge->study_map, key, &found)) {
        return found;
    }
    if (judge->study_count == JUDGE_STUDIES_MAX || map_put(&judge->study_map, judge_keep(judge, key), judge->study_count) != ERR_OK) {
        return JUDGE_NONE;
    }
    const struct scenario_study *known = scenario_study(judge, seen->study_uid, seen->person);
    uint32_t site = node == JUDGE_NONE ? JUDGE_NONE : judge->scenario->nodes[node].site;
    slice issuer = seen->issuer.size > 0 || site == JUDGE_NONE ? seen->issuer : judge->scenario->sites[site].issuer;
    found = judge->study_count++;
    struct truth_study *study = &judge->studies[found];
    *study = (struct truth_study){.uid = judge_keep(judge, seen->study_uid), .accession = known != NULL ? known->accession : judge_keep(judge, seen->accession),
                                  .site = site, .identity = judge_put_identity(judge, issuer, seen->patient_id, seen->person), .instances_first = JUDGE_NONE,
                                  .holdings = JUDGE_NONE, .first_at = seen->at_ns, .rejected_at = TIME_NEVER, .line = line, .shown_to = JUDGE_NONE};
    study->person = judge_person(judge, seen->person);
    bool chained = chain(&judge->uid_map, study->uid, found, &study->next_uid) && chain(&judge->accession_map, study->accession, found, &study->next_accession);
    if (!chained || study->identity == JUDGE_NONE) {
        return JUDGE_NONE;
    }
    study->next_identity = judge->identities[study->identity].studies;
    judge->identities[study->identity].studies = found;
    judge->counts[COUNT_studies]++;
    return found;
}

static struct holding *put_holding(struct judge *judge, slice node, uint32_t study, time_ns at, int64_t line)
{
    char text[JUDGE_KEY_SIZE], number[16];
    struct buffer digits = buffer_over(number, sizeof number);
    buffer_put_int(&digits, study);
    slice key = judge_key(text, node, buffer_slice(&digits));
    uint32_t found = 0;
    if (!map_find(&judge->holding_map, key, &found)) {
        if (judge->holding_count == JUDGE_HOLDINGS_MAX || map_put(&judge->holding_map, judge_keep(judge, key), judge->holding_count) != ERR_OK) {
            return NULL;
        }
        found = judge->holding_count++;
        judge->holdings[found] = (struct holding){.node = judge_keep(judge, node), .study = study, .next = judge->studies[study].holdings, .first_at = at,
                                                  .complete_at = TIME_NEVER, .gone_at = TIME_NEVER, .line = line};
        judge->studies[study].holdings = found;
    }
    return &judge->holdings[found];
}

struct arrival *judge_arrival(struct judge *judge, slice node, slice sop, bool make)
{
    char text[JUDGE_KEY_SIZE];
    slice key = judge_key(text, node, sop);
    uint32_t found = 0;
    if (map_find(&judge->arrival_map, key, &found)) {
        return &judge->arrivals[found];
    }
    if (!make || judge->arrival_count == JUDGE_ARRIVALS_MAX || map_put(&judge->arrival_map, judge_keep(judge, key), judge->arrival_count) != ERR_OK) {
        return NULL;
    }
    return &judge->arrivals[judge->arrival_count++];
}

/* The node has one instance more. */
static bool hold(struct judge *judge, slice node, uint32_t study, time_ns at, int64_t line)
{
    struct holding *holding = put_holding(judge, node, study, at, line);
    if (holding == NULL) {
        return false;
    }
    holding->gone_at = TIME_NEVER;
    if (++holding->instances >= judge->studies[study].instances) {
        holding->complete_at = at;
    }
    return true;
}

static enum err truth_instance(struct judge *judge, const struct observation *seen, int64_t line)
{
    uint32_t study = put_study(judge, seen, line), found = 0;
    if (study == JUDGE_NONE) {
        return ERR_LIMIT;
    }
    if (!map_find(&judge->instance_map, seen->sop_uid, &found)) {
        slice sop = judge_keep(judge, seen->sop_uid);
        if (judge->instance_count == JUDGE_INSTANCES_MAX || map_put(&judge->instance_map, sop, judge->instance_count) != ERR_OK) {
            return ERR_LIMIT;
        }
        found = judge->instance_count++;
        judge->instances[found] = (struct truth_instance){.study = study, .next = judge->studies[study].instances_first, .sop = sop,
                                                          .dataset_sha256 = judge_keep(judge, seen->dataset_sha256),
                                                          .pixel_sha256 = judge_keep(judge, seen->pixel_sha256), .at_ns = seen->at_ns, .rejected_at = TIME_NEVER};
        judge->studies[study].instances_first = found;
        judge->studies[study].instances++;
        judge->studies[study].rejected_at = TIME_NEVER;
        judge->counts[COUNT_images]++;
    }
    /* A node that was started again tells once more what it holds. */
    if (judge_arrival(judge, seen->actor, seen->sop_uid, false) != NULL) {
        return ERR_OK;
    }
    struct arrival *arrival = judge_arrival(judge, seen->actor, seen->sop_uid, true);
    if (arrival == NULL || !hold(judge, seen->actor, judge->instances[found].study, seen->at_ns, line)) {
        return ERR_LIMIT;
    }
    *arrival = (struct arrival){.at_ns = seen->at_ns};
    return ERR_OK;
}

/* ---- What goes, what must not be seen any more. */

static void lose(struct judge *judge, const struct observation *seen)
{
    char text[JUDGE_KEY_SIZE];
    uint32_t instance = 0;
    if (!map_find(&judge->instance_map, seen->sop_uid, &instance) || !map_remove(&judge->arrival_map, judge_key(text, seen->actor, seen->sop_uid))) {
        return;
    }
    struct holding *holding = put_holding(judge, seen->actor, judge->instances[instance].study, seen->at_ns, 0);
    if (holding != NULL && --holding->instances == 0) {
        holding->gone_at = seen->at_ns;
    }
}

static void reject(struct judge *judge, uint32_t instance, time_ns at)
{
    struct truth_instance *truth = &judge->instances[instance];
    struct truth_study *study = &judge->studies[truth->study];
    if (truth->rejected_at == TIME_NEVER) {
        truth->rejected_at = at;
        study->rejected_at = ++study->rejected == study->instances ? at : TIME_NEVER;
    }
}

static void instance_rejected(struct judge *judge, const struct observation *seen)
{
    uint32_t instance = 0;
    lose(judge, seen);
    if (map_find(&judge->instance_map, seen->sop_uid, &instance)) {
        reject(judge, instance, seen->at_ns);
    }
}

/* RADIS2 withdrew a published exam: its study is rejected once the engine was told. */
static void withdraw(struct judge *judge, const struct truth_exam *exam, time_ns at)
{
    for (uint32_t s = judge_study(judge, exam->study_uid); s != JUDGE_NONE; s = judge->studies[s].next_uid) {
        bool same = slice_equal(judge->studies[s].accession, exam->accession);
        for (uint32_t i = same ? judge->studies[s].instances_first : JUDGE_NONE; i != JUDGE_NONE; i = judge->instances[i].next) {
            reject(judge, i, at);
        }
    }
}

/* ---- Exams. */

struct truth_exam *judge_exam(struct judge *judge, slice issuer, slice accession, bool make)
{
    char text[JUDGE_KEY_SIZE];
    uint32_t site = judge_site(judge, issuer), found = 0;
    slice key = judge_key(text, site == JUDGE_NONE ? issuer : judge->scenario->sites[site].issuer, accession);
    if (map_find(&judge->exam_map, key, &found)) {
        return &judge->exams[found];
    }
    if (!make || judge->exam_count == JUDGE_EXAMS_MAX || map_put(&judge->exam_map, judge_keep(judge, key), judge->exam_count) != ERR_OK) {
        return NULL;
    }
    judge->counts[COUNT_exams]++;
    judge->exams[judge->exam_count] = (struct truth_exam){.accession = judge_keep(judge, accession), .site = site, .person = JUDGE_NONE, .completed_at = TIME_NEVER};
    return &judge->exams[judge->exam_count++];
}

static enum err exam_told(struct judge *judge, const struct observation *seen)
{
    struct truth_exam *exam = judge_exam(judge, seen->issuer, seen->accession, true);
    if (exam == NULL) {
        return ERR_LIMIT;
    }
    uint32_t person = judge_person(judge, seen->person);
    exam->collision = exam->collision || (exam->person != JUDGE_NONE && exam->person != person);
    exam->person = exam->person == JUDGE_NONE ? person : exam->person;
    exam->study_uid = exam->study_uid.size > 0 ? exam->study_uid : judge_keep(judge, seen->study_uid);
    exam->cancelled = slice_equal(seen->text, SLICE("cancelled"));
    if (slice_equal(seen->text, SLICE("completed")) && exam->completed_at == TIME_NEVER) {
        exam->completed_at = seen->at_ns;
        judge->completed_exams++;
    }
    return ERR_OK;
}

static void exam_acked(struct judge *judge, const struct observation *seen)
{
    struct truth_exam *exam = seen->accession.size == 0 ? NULL : judge_exam(judge, seen->issuer, seen->accession, false);
    judge->counts[COUNT_hl7_messages]++;
    if (exam != NULL && exam->cancelled && exam->watched && slice_equal(seen->name, SLICE("CA"))) {
        withdraw(judge, exam, seen->at_ns);
    }
}

enum err judge_truth(struct judge *judge, const struct observation *seen, int64_t line)
{
    switch (seen->kind) {
    case OBSERVATION_truth_instance:
        return truth_instance(judge, seen, line);
    case OBSERVATION_instance_gone:
        lose(judge, seen);
        return ERR_OK;
    case OBSERVATION_rejected:
        instance_rejected(judge, seen);
        return ERR_OK;
    case OBSERVATION_truth_exam:
        return exam_told(judge, seen);
    case OBSERVATION_hl7_acked:
        exam_acked(judge, seen);
        return ERR_OK;
    case OBSERVATION_quirk_bit:
        judge_tally(judge, seen->actor, seen->text, false);
        return ERR_OK;
    default:
        return ERR_OK;
    }
}

/* ---- What arrived. */

struct delivery *judge_delivery(struct judge *judge, slice uid, slice node)
{
    char text[JUDGE_KEY_SIZE];
    slice key = judge_key(text, uid, node);
    uint32_t found = 0;
    if (map_find(&judge->delivery_map, key, &found)) {
        return &judge->deliveries[found];
    }
    if (judge->delivery_count == JUDGE_DEMANDS_MAX || map_put(&judge->delivery_map, judge_keep(judge, key), judge->delivery_count) != ERR_OK) {
        return NULL;
    }
    judge->deliveries[judge->delivery_count] = (struct delivery){.wished_at = INT64_MIN, .job_at = INT64_MIN};
    return &judge->deliveries[judge->delivery_count++];
}

/* A number of another organisation never crosses: where it arrives it names nobody, or somebody else. */
static void check_person(struct judge *judge, const struct observation *seen, int64_t line, uint32_t study)
{
    const struct truth_study *truth = &judge->studies[study];
    uint32_t node = judge_node(judge, seen->actor), here = node == JUDGE_NONE ? JUDGE_NONE : judge->scenario->nodes[node].site;
    slice issuer = seen->issuer.size > 0 || here == JUDGE_NONE ? seen->issuer : judge->scenario->sites[here].issuer;
    uint32_t from = judge_site(judge, issuer);
    bool crosses = from != JUDGE_NONE && from != here;
    bool right = !crosses && judge_names(judge, issuer, seen->patient_id, study);
    judge->wrong_patient += !right;
    const int64_t lines[] = {line, truth->line};
    judge_case(judge, INVARIANT_right_patient, !right, lines, 2, "an image of study %.*s arrived at %.*s under %.*s (issuer %.*s)%s", SLICE_ARGS(truth->uid),
               SLICE_ARGS(seen->actor), SLICE_ARGS(seen->patient_id), SLICE_ARGS(issuer), right ? "" : crosses ? ": a number of another organisation" : ": not its patient");
}

/* What was on its way when the study was rejected may still arrive; what was begun after may not. */
static void check_hidden(struct judge *judge, const struct observation *seen, int64_t line, uint32_t instance)
{
    const struct truth_instance *truth = &judge->instances[instance];
    const struct truth_study *study = &judge->studies[truth->study];
    if (truth->rejected_at >= seen->at_ns) {
        return;
    }
    const struct delivery *delivery = judge_delivery(judge, study->uid, seen->actor);
    bool begun_after = delivery == NULL || delivery->job_at == INT64_MIN || delivery->job_at > truth->rejected_at;
    const int64_t lines[] = {line, study->line};
    judge_case(judge, INVARIANT_rejected_stays_hidden, begun_after, lines, 2, "an instance of rejected study %.*s arrived at %.*s", SLICE_ARGS(study->uid), SLICE_ARGS(seen->actor));
}

/* Twice is once too often, unless it was asked for again, or nobody could know that the first had arrived. */
static void check_once(struct judge *judge, const struct observation *seen, int64_t line, const struct arrival *before, uint32_t study)
{
    const struct delivery *delivery = judge_delivery(judge, judge->studies[study].uid, seen->actor);
    bool wished = delivery != NULL && delivery->wished_at > before->at_ns;
    bool unknown = !before->acked && (before->life != judge->life || judge->adt_told_at >= before->at_ns || judge_disturbed(judge, SLICE_EMPTY, before->at_ns, seen->at_ns));
    const int64_t lines[] = {line};
    judge_case(judge, INVARIANT_one_job, !wished && !unknown, lines, 1, "instance %.*s came to %.*s again: %s", SLICE_ARGS(seen->sop_uid), SLICE_ARGS(seen->actor),
               wished ? "asked for again" : unknown ? "its acknowledgement was not recorded" : before->acked ? "its acknowledgement was recorded" : "nothing had gone wrong");
}

static void check_equal(struct judge *judge, const struct observation *seen, int64_t line, const struct truth_instance *truth)
{
    bool pixels = slice_equal(truth->pixel_sha256, seen->pixel_sha256), attributes = slice_equal(truth->dataset_sha256, seen->dataset_sha256);
    const int64_t lines[] = {line, judge->studies[truth->study].line};
    if (!pixels || !attributes) {
        judge_case(judge, INVARIANT_proof_of_delivery, true, lines, 2, "instance %.*s arrived at %.*s with other %s than were sent", SLICE_ARGS(seen->sop_uid),
                   SLICE_ARGS(seen->actor), pixels ? "attributes" : "pixels");
    }
}

enum err judge_delivered(struct judge *judge, const struct observation *seen, int64_t line)
{
    uint32_t instance = 0;
    const int64_t lines[] = {line};
    if (seen->number != 0) {
        return ERR_OK;
    }
    judge->counts[COUNT_bytes] += seen->count;
    if (!map_find(&judge->instance_map, seen->sop_uid, &instance)) {
        judge_case(judge, INVARIANT_proof_of_delivery, true, lines, 1, "instance %.*s arrived at %.*s but no source holds it", SLICE_ARGS(seen->sop_uid), SLICE_ARGS(seen->actor));
        return ERR_OK;
    }
    const struct truth_instance *truth = &judge->instances[instance];
    check_person(judge, seen, line, truth->study);
    check_hidden(judge, seen, line, instance);
    check_equal(judge, seen, line, truth);
    struct arrival *arrival = judge_arrival(judge, seen->actor, seen->sop_uid, false);
    bool first = arrival == NULL;
    arrival = first ? judge_arrival(judge, seen->actor, seen->sop_uid, true) : arrival;
    if (arrival == NULL || (first && !hold(judge, seen->actor, truth->study, seen->at_ns, line))) {
        return ERR_LIMIT;
    }
    if (first) {
        *arrival = (struct arrival){.count = 0};
    } else if (arrival->count > 0) {
        check_once(judge, seen, line, arrival, truth->study);
    }
    *arrival = (struct arrival){.count = arrival->count + 1, .life = judge->life, .at_ns = seen->at_ns, .acked = arrival->acked};
    return ERR_OK;
}
