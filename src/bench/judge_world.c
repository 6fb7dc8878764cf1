/* SPDX-License-Identifier: MIT
 *
 * Ground truth: who is who, what exists where, and whether what arrived is what was sent, under whose name. */
#include "src/bench/judge_private.h"

#include <assert.h>

uint32_t judge_root(const struct judge *judge, uint32_t identity)
{
    while (judge->identities[identity].parent != identity) {
        identity = judge->identities[identity].parent;
    }
    return identity;
}

/* issuer/value without touching the arena: keys here are short. */
static slice short_key(char text[256], slice a, slice b)
{
    struct buffer key = buffer_over(text, 256);
    buffer_put(&key, a);
    buffer_put_byte(&key, '/');
    buffer_put(&key, b);
    return buffer_slice(&key);
}

uint32_t judge_identity(const struct judge *judge, slice issuer, slice value)
{
    char text[256];
    uint32_t found = UINT32_MAX;
    (void)map_find(&judge->identity_map, short_key(text, issuer, value), &found);
    return found;
}

static uint32_t put_identity(struct judge *judge, slice issuer, slice value, slice person)
{
    uint32_t found = judge_identity(judge, issuer, value);
    if (found != UINT32_MAX) {
        if (judge->identities[found].person.size == 0) {
            judge->identities[found].person = judge_keep(judge, person);
        }
        return found;
    }
    if (judge->identity_count == JUDGE_IDENTITIES_MAX) {
        return UINT32_MAX;
    }
    found = judge->identity_count++;
    judge->identities[found] = (struct identity){judge_keep(judge, issuer), judge_keep(judge, value), judge_keep(judge, person), found};
    return map_put(&judge->identity_map, judge_key(judge, issuer, value), found) == ERR_OK ? found : UINT32_MAX;
}

static void join(struct judge *judge, uint32_t a, uint32_t b)
{
    if (a != UINT32_MAX && b != UINT32_MAX) {
        judge->identities[judge_root(judge, a)].parent = judge_root(judge, b);
    }
}

static void truth_person(struct judge *judge, const struct observation *seen)
{
    uint32_t local = put_identity(judge, seen->issuer, seen->patient_id, seen->person);
    if (seen->flag && seen->nhs.size > 0) {
        join(judge, local, put_identity(judge, SLICE("NHS"), seen->nhs, seen->person));
    }
}

static uint32_t put_study(struct judge *judge, const struct observation *seen, int64_t line)
{
    slice key = judge_key(judge, seen->study_uid, seen->person);
    uint32_t found = UINT32_MAX;
    if (map_find(&judge->study_map, key, &found)) {
        return found;
    }
    if (judge->study_count == JUDGE_STUDIES_MAX || map_put(&judge->study_map, key, judge->study_count) != ERR_OK) {
        return UINT32_MAX;
    }
    const struct scenario_study *known = judge_scenario_study(judge, seen->study_uid, seen->person);
    slice issuer = seen->issuer.size > 0 ? seen->issuer : judge_site_issuer(judge, seen->actor);
    found = judge->study_count++;
    judge->studies[found] = (struct truth_study){.uid = judge_keep(judge, seen->study_uid), .person = judge_keep(judge, seen->person),
                                                 .accession = known != NULL ? known->accession : judge_keep(judge, seen->accession),
                                                 .issuer = judge_keep(judge, judge_site_issuer(judge, seen->actor)),
                                                 .identity = put_identity(judge, issuer, seen->patient_id, seen->person),
                                                 .first_at = seen->at_ns, .rejected_at = TIME_NEVER, .line = line};
    judge->counts[COUNT_studies]++;
    return found;
}

static struct holding *put_holding(struct judge *judge, slice node, uint32_t study, time_ns at, int64_t line)
{
    slice key = judge_key(judge, node, slice_from(""));
    char number[16];
    struct buffer digits = buffer_over(number, sizeof number);
    buffer_put_int(&digits, study);
    key = judge_key(judge, key, buffer_slice(&digits));
    uint32_t found = 0;
    if (!map_find(&judge->holding_map, key, &found)) {
        if (judge->holding_count == JUDGE_HOLDINGS_MAX || map_put(&judge->holding_map, key, judge->holding_count) != ERR_OK) {
            return NULL;
        }
        found = judge->holding_count++;
        judge->holdings[found] = (struct holding){.node = judge_keep(judge, node), .study = study, .first_at = at, .complete_at = TIME_NEVER, .line = line};
    }
    return &judge->holdings[found];
}

static enum err truth_instance(struct judge *judge, const struct observation *seen, int64_t line)
{
    uint32_t study = put_study(judge, seen, line), found = 0;
    if (study == UINT32_MAX || judge->instance_count == JUDGE_INSTANCES_MAX) {
        return ERR_LIMIT;
    }
    if (map_find(&judge->instance_map, seen->sop_uid, &found)) {
        return ERR_OK; /* a copy that a node kept: `delivered` tells of it */
    }
    slice sop = judge_keep(judge, seen->sop_uid);
    judge->instances[judge->instance_count] = (struct truth_instance){study, sop, judge_keep(judge, seen->dataset_sha256), judge_keep(judge, seen->pixel_sha256), seen->count};
    struct holding *holding = put_holding(judge, seen->actor, study, seen->at_ns, line);
    if (holding == NULL || map_put(&judge->instance_map, sop, judge->instance_count++) != ERR_OK) {
        return ERR_LIMIT;
    }
    judge->studies[study].instances++;
    holding->original = true;
    holding->instances++;
    holding->complete_at = seen->at_ns;
    judge->counts[COUNT_images]++;
    return ERR_OK;
}

static void reject_study(struct judge *judge, const struct observation *seen)
{
    for (uint32_t s = 0; s < judge->study_count; s++) {
        struct truth_study *study = &judge->studies[s];
        bool named = (seen->study_uid.size > 0 && slice_equal(study->uid, seen->study_uid)) ||
                     (seen->accession.size > 0 && slice_equal(study->accession, seen->accession));
        if (named && study->rejected_at == TIME_NEVER) {
            study->rejected_at = seen->at_ns;
            judge->rejected_count++;
        }
    }
}

static void fault(struct judge *judge, const struct observation *seen)
{
    if (seen->kind == OBSERVATION_fault_began && judge->fault_count < JUDGE_FAULTS_MAX) {
        judge->faults[judge->fault_count++] = (struct fault_window){judge_keep(judge, seen->actor), judge_keep(judge, seen->text), seen->at_ns, TIME_NEVER};
    }
    for (uint32_t f = 0; seen->kind == OBSERVATION_fault_ended && f < judge->fault_count; f++) {
        struct fault_window *window = &judge->faults[f];
        if (window->until == TIME_NEVER && slice_equal(window->node, seen->actor) && slice_equal(window->effect, seen->text)) {
            window->until = seen->at_ns;
        }
    }
}

static void tally(struct judge *judge, slice node, slice what, bool coped)
{
    uint32_t i = 0;
    while (i < judge->tally_count && !(judge->tallies[i].coped == coped && slice_equal(judge->tallies[i].node, node) && slice_equal(judge->tallies[i].what, what))) {
        i++;
    }
    if (i == judge->tally_count && i < 4096) {
        judge->tallies[judge->tally_count++] = (struct quirk_tally){judge_keep(judge, node), judge_keep(judge, what), 0, coped};
    }
    if (i < 4096) {
        judge->tallies[i].count++;
    }
}

static void message(struct judge *judge, const struct observation *seen)
{
    uint32_t value = 0;
    slice key = judge_key(judge, seen->issuer, seen->accession);
    if (seen->kind == OBSERVATION_truth_exam && !map_find(&judge->exam_map, key, &value) && map_put(&judge->exam_map, key, 1) == ERR_OK) {
        judge->counts[COUNT_exams]++;
    }
    if (seen->kind == OBSERVATION_hl7_sent && seen->count > 1) {
        (void)!map_put(&judge->resent_map, judge_keep(judge, seen->other_id), (uint32_t)seen->count);
    }
    judge->counts[COUNT_hl7_messages] += seen->kind == OBSERVATION_hl7_acked;
}

enum err judge_truth(struct judge *judge, const struct observation *seen, int64_t line)
{
    switch (seen->kind) {
    case OBSERVATION_truth_person:
        truth_person(judge, seen);
        return ERR_OK;
    case OBSERVATION_truth_merged:
        join(judge, put_identity(judge, seen->issuer, seen->patient_id, seen->person),
             put_identity(judge, seen->other_issuer.size > 0 ? seen->other_issuer : seen->issuer, seen->other_id, seen->person));
        return ERR_OK;
    case OBSERVATION_truth_instance:
        return truth_instance(judge, seen, line);
    case OBSERVATION_rejected:
        reject_study(judge, seen);
        return ERR_OK;
    case OBSERVATION_fault_began:
    case OBSERVATION_fault_ended:
        fault(judge, seen);
        return ERR_OK;
    case OBSERVATION_quirk_bit:
        tally(judge, seen->actor, seen->text, false);
        return ERR_OK;
    case OBSERVATION_truth_exam:
    case OBSERVATION_hl7_sent:
    case OBSERVATION_hl7_acked:
        message(judge, seen);
        return ERR_OK;
    default:
        return ERR_OK;
    }
}

/* ---- What arrived. */

static void check_person(struct judge *judge, const struct observation *seen, int64_t line, const struct truth_study *study)
{
    slice issuer = seen->issuer.size > 0 ? seen->issuer : judge_site_issuer(judge, seen->actor);
    uint32_t identity = judge_identity(judge, issuer, seen->patient_id);
    /* The engine's own numbers (P and nine digits) name nobody in ground truth: then the study must at least be alone under it. */
    bool own = slice_equal(issuer, SLICE("PONT"));
    bool right = own || (identity != UINT32_MAX && slice_equal(judge->identities[identity].person, study->person));
    judge->wrong_patient += !right;
    const int64_t lines[] = {line, study->line};
    judge_case(judge, INVARIANT_right_patient, !right, lines, 2, "an image of study %.*s arrived at %.*s under %.*s (issuer %.*s)", SLICE_ARGS(study->uid),
               SLICE_ARGS(seen->actor), SLICE_ARGS(seen->patient_id), SLICE_ARGS(issuer));
}

static void check_hidden(struct judge *judge, const struct observation *seen, int64_t line, const struct truth_study *study)
{
    bool hidden = study->rejected_at < seen->at_ns;
    if (study->rejected_at != TIME_NEVER && hidden) {
        const int64_t lines[] = {line, study->line};
        judge_case(judge, INVARIANT_rejected_stays_hidden, true, lines, 2, "rejected study %.*s was delivered to %.*s", SLICE_ARGS(study->uid), SLICE_ARGS(seen->actor));
    }
}

static void check_once(struct judge *judge, const struct observation *seen, int64_t line)
{
    slice key = judge_key(judge, seen->actor, seen->sop_uid);
    uint32_t before = 0;
    bool again = map_find(&judge->held_map, key, &before);
    if (again) {
        /* After a crash of the engine in between it may not know of the acknowledgement: then once more is right. */
        const int64_t lines[] = {line};
        judge_case(judge, INVARIANT_one_job, before == (uint32_t)judge->lives, lines, 1, "instance %.*s came to %.*s twice", SLICE_ARGS(seen->sop_uid), SLICE_ARGS(seen->actor));
    }
    (void)!map_put(&judge->held_map, key, (uint32_t)judge->lives);
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
    struct truth_study *study = &judge->studies[truth->study];
    check_person(judge, seen, line, study);
    check_hidden(judge, seen, line, study);
    bool equal = slice_equal(truth->pixel_sha256, seen->pixel_sha256) && slice_equal(truth->dataset_sha256, seen->dataset_sha256);
    if (!equal) {
        judge_case(judge, INVARIANT_proof_of_delivery, true, lines, 1, "instance %.*s arrived at %.*s with other %s than were sent", SLICE_ARGS(seen->sop_uid),
                   SLICE_ARGS(seen->actor), slice_equal(truth->pixel_sha256, seen->pixel_sha256) ? "attributes" : "pixels");
    }
    struct holding *holding = put_holding(judge, seen->actor, truth->study, seen->at_ns, line);
    if (holding == NULL) {
        return ERR_LIMIT;
    }
    uint32_t before = 0;
    bool first = !map_find(&judge->held_map, judge_key(judge, seen->actor, seen->sop_uid), &before);
    check_once(judge, seen, line);
    if (first && ++holding->instances == study->instances) {
        holding->complete_at = seen->at_ns;
    }
    return ERR_OK;
}
