/* SPDX-License-Identifier: MIT
 *
 * Ground truth: what exists where, and whether what arrived is what was sent, under whose name. */
#include "src/bench/judge_private.h"

/* ---- Studies. */

uint32_t judge_study(const struct judge *judge, slice uid)
{
    return store_index_find(&judge->uid_index, store_hash(1, uid));
}

slice judge_accession(const struct judge *judge, uint32_t study, char room[STORE_TEXT_MAX])
{
    uint32_t exam = judge->studies[study].exam;
    return exam == JUDGE_NONE ? SLICE_EMPTY : judge_text(judge, judge->exams[exam].accession, room);
}

uint32_t judge_study_of(const struct judge *judge, slice uid, slice accession)
{
    char room[STORE_TEXT_MAX];
    uint32_t first = judge_study(judge, uid), fits = first;
    for (uint32_t s = first; s != JUDGE_NONE && judge_next_uid(judge, first) != JUDGE_NONE; s = judge_next_uid(judge, s)) {
        fits = slice_equal(judge_accession(judge, s, room), accession) ? s : fits;
    }
    return fits;
}

slice judge_uid(const struct judge *judge, uint32_t study, char room[STORE_TEXT_MAX])
{
    const struct truth_study *truth = &judge->studies[study];
    uint32_t uid = study < JUDGE_MANY_STUDIES ? judge->study_words[study].uid : 0, found = uid == 0 ? store_index_find(&judge->uid_texts, store_hash_int(1, study)) : STORE_NONE;
    uid = found == STORE_NONE ? uid : judge->late_uids[found];
    if (uid != 0 || truth->exam == JUDGE_NONE) {
        return judge_text(judge, uid, room);
    }
    const struct truth_exam *exam = &judge->exams[truth->exam];
    char accession[STORE_TEXT_MAX];
    struct buffer text = buffer_over(room, STORE_TEXT_MAX);
    buffer_put_text(&text, "of ");
    buffer_put(&text, judge_spell(judge, exam->issuer));
    buffer_put_text(&text, "/");
    buffer_put(&text, judge_text(judge, exam->accession, accession));
    return buffer_slice(&text);
}

/* Beyond the first ones only the UIDs of studies that are sent somewhere are kept. */
static void know_uid(struct judge *judge, uint32_t study, slice uid)
{
    if (study < JUDGE_MANY_STUDIES) {
        return;
    }
    uint64_t key = store_hash_int(1, study);
    if (judge->late_uid_count < JUDGE_ROWS_MAX && store_index_find(&judge->uid_texts, key) == STORE_NONE && store_index_put(&judge->uid_texts, key, judge->late_uid_count) == ERR_OK) {
        judge->late_uids[judge->late_uid_count++] = store_text_put(&judge->texts, uid);
    }
}

/* Few studies share their UID or their number with another: who is next is kept aside. */
static uint32_t next_of(const struct store_index *index, uint32_t study)
{
    return store_index_find(index, store_hash_int(1, study));
}
uint32_t judge_next_uid(const struct judge *judge, uint32_t study)
{
    return judge->studies[study].flags & STUDY_SAME_UID ? next_of(&judge->next_uids, study) : JUDGE_NONE;
}
uint32_t judge_next_exam(const struct judge *judge, uint32_t study)
{
    return judge->studies[study].flags & STUDY_SAME_EXAM ? next_of(&judge->next_exams, study) : JUDGE_NONE;
}
int64_t judge_line(const struct judge *judge, uint32_t study)
{
    return study < JUDGE_MANY_STUDIES ? judge->study_words[study].line : 0;
}

static const struct scenario_study *scenario_study(const struct judge *judge, slice uid, slice person)
{
    uint32_t found = judge->scenario->study_count == 0 ? JUDGE_NONE : store_index_find(&judge->scenario_studies, store_hash2(uid, person));
    return found == JUDGE_NONE ? NULL : &judge->scenario->studies[found];
}

const struct scenario_study *judge_scenario_study(const struct judge *judge, uint32_t s)
{
    char uid[STORE_TEXT_MAX], person[STORE_TEXT_MAX];
    const struct truth_study *study = &judge->studies[s];
    if (study->person == JUDGE_NONE || study->person >= JUDGE_MANY_STUDIES) {
        return NULL;
    }
    return scenario_study(judge, judge_uid(judge, s, uid), judge_text(judge, judge->person_words[study->person], person));
}

/* Two patients may have studies of one UID (a cloned modality); imported studies have no person: the number tells them apart. */
static uint32_t find_study(const struct judge *judge, const struct observation *seen, uint32_t first, uint32_t person, slice issuer)
{
    uint32_t number = seen->person.size > 0 ? JUDGE_NONE : judge_identity(judge, issuer, seen->patient_id);
    for (uint32_t s = first; s != JUDGE_NONE; s = judge_next_uid(judge, s)) {
        const struct truth_study *study = &judge->studies[s];
        if (seen->person.size > 0 ? person != JUDGE_NONE && study->person == person : study->person == JUDGE_NONE && judge_identity_now(judge, study->identity) == number) {
            return s;
        }
    }
    return JUDGE_NONE;
}

static slice issuer_at(const struct judge *judge, const struct observation *seen, uint32_t *site)
{
    uint32_t node = judge_node(judge, seen->actor);
    *site = node == JUDGE_NONE ? JUDGE_NONE : judge->scenario->nodes[node].site;
    return seen->issuer.size > 0 || *site == JUDGE_NONE ? seen->issuer : judge->scenario->sites[*site].issuer;
}

static void chain_exam(struct judge *judge, uint32_t study, slice accession)
{
    struct truth_study *truth = &judge->studies[study];
    slice issuer = truth->site == UINT8_MAX ? SLICE_EMPTY : judge->scenario->sites[truth->site].issuer;
    struct truth_exam *exam = accession.size == 0 ? NULL : judge_put_exam(judge, issuer, accession);
    truth->exam = exam == NULL ? JUDGE_NONE : (uint32_t)(exam - judge->exams);
    if (exam != NULL && exam->studies != JUDGE_NONE && store_index_put(&judge->next_exams, store_hash_int(1, study), exam->studies) == ERR_OK) {
        truth->flags |= STUDY_SAME_EXAM;
    }
    if (exam != NULL) {
        exam->studies = study;
    }
}

static uint32_t put_study(struct judge *judge, const struct observation *seen, int64_t line)
{
    uint32_t site = JUDGE_NONE, first = judge_study(judge, seen->study_uid), person = judge_person(judge, seen->person);
    slice issuer = issuer_at(judge, seen, &site);
    uint32_t found = find_study(judge, seen, first, person, issuer);
    if (found != JUDGE_NONE) {
        return found;
    }
    uint32_t at = judge->study_count, identity = judge_put_identity(judge, issuer, seen->patient_id, seen->person);
    if (at == JUDGE_ROWS_MAX || identity == JUDGE_NONE || store_index_put(&judge->uid_index, store_hash(1, seen->study_uid), at) != ERR_OK) {
        return JUDGE_NONE;
    }
    const struct scenario_study *known = scenario_study(judge, seen->study_uid, seen->person);
    struct truth_study *study = &judge->studies[judge->study_count++];
    *study = (struct truth_study){.first_at = judge_tick(judge, seen->at_ns), .exam = JUDGE_NONE, .person = judge_person(judge, seen->person), .identity = identity,
                                  .next_identity = judge->identities[identity].studies, .holdings = JUDGE_NONE, .ranges = JUDGE_NONE,
                                  .origin = judge_word(judge, seen->actor), .site = site == JUDGE_NONE ? UINT8_MAX : (uint8_t)site, .flags = STUDY_WHOLE};
    if (first != JUDGE_NONE && store_index_put(&judge->next_uids, store_hash_int(1, at), first) == ERR_OK) {
        study->flags |= STUDY_SAME_UID;
    }
    if (at < JUDGE_MANY_STUDIES) {
        judge->study_words[at] = (struct study_words){store_text_put(&judge->texts, seen->study_uid), (uint32_t)line};
    }
    judge->identities[identity].studies = at;
    chain_exam(judge, at, known != NULL ? known->accession : seen->accession);
    judge->counts[COUNT_studies]++;
    return at;
}

/* ---- Who holds what. */

static struct holding *put_holding(struct judge *judge, uint32_t study, uint16_t node, time_ns at, int64_t line)
{
    struct holding *holding = judge_holding(judge, study, node);
    if (holding == NULL && judge->holding_count < JUDGE_ROWS_MAX) {
        holding = &judge->holdings[judge->holding_count];
        *holding = (struct holding){.node = node, .next = judge->studies[study].holdings, .first_at = at, .complete_at = TIME_NEVER, .gone_at = TIME_NEVER,
                                    .line = (uint32_t)line, .arrivals = JUDGE_NONE};
        judge->studies[study].holdings = judge->holding_count++;
        judge->held[node].studies++;
    }
    return holding;
}

/* The node has so many instances more. */
static void hold(struct judge *judge, struct holding *holding, uint32_t study, uint32_t count, time_ns at)
{
    holding->gone_at = TIME_NEVER;
    holding->instances += count;
    holding->complete_at = holding->instances >= judge->studies[study].instances ? at : holding->complete_at;
    judge->held[holding->node].images += count;
}

/* The study of this UID that has the beginning of the span, else JUDGE_NONE; *part as judge_known_part. */
static uint32_t owner_of(const struct judge *judge, slice study_uid, const struct sop_span *sops, struct sop_span *part, struct range *range)
{
    struct sop_span least = *sops;
    for (uint32_t s = judge_study(judge, study_uid); s != JUDGE_NONE; s = judge_next_uid(judge, s)) {
        if (judge_known_part(judge, s, sops, part, range)) {
            return s;
        }
        least.count = part->count < least.count ? part->count : least.count;
    }
    *part = least;
    return JUDGE_NONE;
}

static void advance(struct sop_span *rest, const struct sop_span *part)
{
    rest->first += part->count;
    rest->count -= part->count;
}

/* The node tells that it has these; one that was started again tells once more. */
static enum err hold_part(struct judge *judge, uint32_t study, uint16_t node, const struct sop_span *sops, const struct observation *seen, int64_t line)
{
    struct sop_span rest = *sops, part;
    struct holding *holding = put_holding(judge, study, node, seen->at_ns, line);
    enum err err = holding == NULL ? ERR_LIMIT : ERR_OK;
    for (; err == ERR_OK && rest.count > 0; advance(&rest, &part)) {
        if (judge_arrived_part(judge, holding->arrivals, &rest, &part) == JUDGE_NONE) {
            struct arrival arrival = {.sops = part, .at_ns = seen->at_ns};
            err = judge_add_arrival(judge, &holding->arrivals, &arrival);
            hold(judge, holding, study, part.count, seen->at_ns);
        }
    }
    return err;
}

/* Instances that nobody had so far: those of a study's first PACS need no holding. */
static enum err add_part(struct judge *judge, uint32_t study, uint16_t node, const struct sop_span *part, const struct observation *seen)
{
    struct truth_study *truth = &judge->studies[study];
    struct range range = {.sops = *part, .dataset = judge_hash32(seen->dataset_sha256), .pixels = judge_hash32(seen->pixel_sha256), .at_ns = seen->at_ns,
                          .rejected_at = TIME_NEVER};
    if ((truth->flags & STUDY_WHOLE) && truth->origin != node) {
        (void)judge_holding(judge, study, truth->origin); /* it has not all any more */
        truth->flags &= (uint8_t)~STUDY_WHOLE;
    } else if (truth->flags & STUDY_WHOLE) {
        judge->held[node].studies += truth->instances == 0;
        judge->held[node].images += part->count;
    }
    judge->counts[COUNT_images] += part->count;
    bool late = truth->instances > 0 && truth->exam != JUDGE_NONE && (judge->exams[truth->exam].flags & (EXAM_HAS_STUDY | EXAM_WATCHED)) != 0;
    judge->reached[REACH_late_series_after_publish] |= late;
    judge_fold_images(judge, study, seen->actor, part->count, seen->count * part->count, seen->at_ns);
    return judge_add_range(judge, study, &range);
}

static enum err truth_instance(struct judge *judge, const struct observation *seen, int64_t line)
{
    uint32_t study = put_study(judge, seen, line);
    struct sop_span rest = judge_sops(seen->sop_uid, seen->span), part;
    uint16_t node = judge_word(judge, seen->actor);
    struct range range;
    enum err err = study == JUDGE_NONE ? ERR_LIMIT : ERR_OK;
    for (; err == ERR_OK && rest.count > 0; advance(&rest, &part)) {
        uint32_t owner = owner_of(judge, seen->study_uid, &rest, &part, &range);
        if (owner == JUDGE_NONE) {
            owner = study;
            err = add_part(judge, study, node, &part, seen);
        }
        const struct truth_study *truth = &judge->studies[owner];
        bool whole = (truth->flags & STUDY_WHOLE) && truth->origin == node;
        err = err == ERR_OK && !whole ? hold_part(judge, owner, node, &part, seen, line) : err;
    }
    return err;
}

/* ---- What goes, what must not be seen any more. */

static void lose_part(struct judge *judge, uint32_t study, uint16_t node, const struct sop_span *sops, time_ns at)
{
    struct sop_span rest = *sops, part;
    struct holding *holding = judge_holding(judge, study, node);
    for (; holding != NULL && rest.count > 0; advance(&rest, &part)) {
        uint32_t arrival = judge_cut_arrival(judge, judge_arrived_part(judge, holding->arrivals, &rest, &part), &part);
        if (arrival == JUDGE_NONE) {
            continue;
        }
        judge_remove_arrival(judge, &holding->arrivals, arrival);
        holding->instances -= part.count;
        holding->gone_at = holding->instances == 0 ? at : holding->gone_at;
        judge->held[node].images -= part.count;
    }
}

static void lose(struct judge *judge, const struct observation *seen, bool rejected)
{
    struct sop_span rest = judge_sops(seen->sop_uid, seen->span), part;
    uint16_t node = judge_word(judge, seen->actor);
    struct range range;
    for (; rest.count > 0; advance(&rest, &part)) {
        uint32_t study = owner_of(judge, seen->study_uid, &rest, &part, &range);
        if (study != JUDGE_NONE) {
            lose_part(judge, study, node, &part, seen->at_ns);
        }
        judge->reached[REACH_reject_before_data] |= rejected && study == JUDGE_NONE;
        if (study != JUDGE_NONE && rejected) {
            uint32_t exam = judge->studies[study].exam;
            judge->reached[REACH_reject_after_publish] |= exam != JUDGE_NONE && (judge->exams[exam].flags & (EXAM_HAS_STUDY | EXAM_WATCHED)) != 0;
            know_uid(judge, study, seen->study_uid);
            judge_reject(judge, study, &part, seen->at_ns);
        }
    }
}

/* RADIS2 withdrew a published exam: its study is rejected once the engine was told. */
static void withdraw(struct judge *judge, const struct truth_exam *exam, const struct observation *seen)
{
    uint32_t first = seen->study_uid.size > 0 ? judge_study(judge, seen->study_uid) : exam->studies;
    for (uint32_t s = first; s != JUDGE_NONE; s = seen->study_uid.size > 0 ? judge_next_uid(judge, s) : judge_next_exam(judge, s)) {
        char mine[STORE_TEXT_MAX], its[STORE_TEXT_MAX];
        if (slice_equal(judge_accession(judge, s, its), judge_text(judge, exam->accession, mine))) {
            judge_reject(judge, s, NULL, seen->at_ns);
            judge->studies[s].flags |= STUDY_KNOWN_GONE; /* it was told in so many words */
        }
    }
}

/* ---- Exams: by number; those of one number at several issuers are a chain. */

uint32_t judge_first_exam(const struct judge *judge, slice accession)
{
    return store_index_find(&judge->exam_index, store_hash(1, accession));
}

static uint32_t find_exam(const struct judge *judge, slice issuer, slice accession)
{
    uint32_t site = judge_site(judge, issuer);
    uint32_t word = store_word_find(&judge->words, site == JUDGE_NONE ? issuer : judge->scenario->sites[site].issuer);
    uint32_t exam = judge_first_exam(judge, accession);
    while (exam != JUDGE_NONE && judge->exams[exam].issuer != word) {
        exam = judge->exams[exam].next;
    }
    return exam;
}

struct truth_exam *judge_exam(const struct judge *judge, slice issuer, slice accession)
{
    uint32_t exam = find_exam(judge, issuer, accession);
    return exam == JUDGE_NONE || !(judge->exams[exam].flags & EXAM_TOLD) ? NULL : &judge->exams[exam];
}

struct truth_exam *judge_put_exam(struct judge *judge, slice issuer, slice accession)
{
    uint32_t exam = find_exam(judge, issuer, accession), site = judge_site(judge, issuer), at = judge->exam_count;
    if (exam != JUDGE_NONE) {
        return &judge->exams[exam];
    }
    uint32_t text = store_text_put(&judge->texts, accession), first = judge_first_exam(judge, accession);
    if (at == JUDGE_ROWS_MAX || (text == 0 && accession.size > 0) || store_index_put(&judge->exam_index, store_hash(1, accession), at) != ERR_OK) {
        return NULL;
    }
    judge->exams[at] = (struct truth_exam){.completed_at = UINT32_MAX, .accession = text, .next = first, .studies = JUDGE_NONE, .person = JUDGE_NONE,
                                           .engine_identity = JUDGE_NONE, .issuer = judge_word(judge, site == JUDGE_NONE ? issuer : judge->scenario->sites[site].issuer)};
    return &judge->exams[judge->exam_count++];
}

static enum err exam_told(struct judge *judge, const struct observation *seen)
{
    struct truth_exam *exam = judge_put_exam(judge, seen->issuer, seen->accession);
    if (exam == NULL) {
        return ERR_LIMIT;
    }
    uint32_t person = judge_person(judge, seen->person);
    bool differs = exam->person != JUDGE_NONE && exam->person != person;
    judge->reached[REACH_accession_clash] |= differs;
    judge->counts[COUNT_exams] += !(exam->flags & EXAM_TOLD);
    exam->flags |= EXAM_TOLD | (differs ? EXAM_COLLISION : 0);
    exam->person = exam->person == JUDGE_NONE ? person : exam->person;
    exam->flags = (uint8_t)(slice_equal(seen->text, SLICE("cancelled")) ? exam->flags | EXAM_WITHDRAWN : exam->flags & ~EXAM_WITHDRAWN);
    if (slice_equal(seen->text, SLICE("completed")) && exam->completed_at == UINT32_MAX) {
        exam->completed_at = judge_tick(judge, seen->at_ns);
        exam->flags |= judge->scenario->populated && seen->number != 0 && seen->number < judge->scenario->start ? EXAM_OLD : 0;
        judge->completed_exams++;
        judge_fold_completed(judge, exam);
    }
    return ERR_OK;
}

static void exam_acked(struct judge *judge, const struct observation *seen)
{
    struct truth_exam *exam = seen->accession.size == 0 ? NULL : judge_exam(judge, seen->issuer, seen->accession);
    judge->counts[COUNT_hl7_messages]++;
    if (exam != NULL && (exam->flags & EXAM_WITHDRAWN) && (exam->flags & EXAM_WATCHED) && slice_equal(seen->name, SLICE("CA"))) {
        judge->reached[REACH_cancelled_after_publish] = true;
        withdraw(judge, exam, seen);
    }
}

/* ---- What arrived. */

static struct delivery *find_delivery(const struct judge *judge, uint32_t study, uint16_t node)
{
    uint32_t found = store_index_find(&judge->delivery_index, store_hash_int(node, study));
    return found == JUDGE_NONE ? NULL : &judge->deliveries[found];
}

struct delivery *judge_delivery(struct judge *judge, uint32_t study, uint16_t node)
{
    struct delivery *known = find_delivery(judge, study, node);
    if (known != NULL || judge->delivery_count == JUDGE_ROWS_MAX ||
        store_index_put(&judge->delivery_index, store_hash_int(node, study), judge->delivery_count) != ERR_OK) {
        return known;
    }
    judge->deliveries[judge->delivery_count] = (struct delivery){.wished_at = INT64_MIN, .job_at = INT64_MIN};
    return &judge->deliveries[judge->delivery_count++];
}

/* A number of another organisation never crosses: where it arrives it names nobody, or somebody else. */
static void check_person(struct judge *judge, const struct observation *seen, int64_t line, uint32_t study, uint32_t count)
{
    uint32_t here = JUDGE_NONE;
    slice issuer = issuer_at(judge, seen, &here);
    uint32_t from = judge_site(judge, issuer);
    bool crosses = from != JUDGE_NONE && !judge_same_issuer(judge, from, here);
    bool right = !crosses && judge_names(judge, issuer, seen->patient_id, study);
    judge->wrong_patient += right ? 0 : count;
    const int64_t lines[] = {line, judge_line(judge, study)};
    judge_case(judge, INVARIANT_right_patient, !right, lines, 2, "an image of study %.*s arrived at %.*s under %.*s (issuer %.*s)%s", SLICE_ARGS(seen->study_uid),
               SLICE_ARGS(seen->actor), SLICE_ARGS(seen->patient_id), SLICE_ARGS(issuer), right ? "" : crosses ? ": a number of another organisation" : ": not its patient");
    judge_weigh(judge, INVARIANT_right_patient, !right, count);
}

/* What was on its way when the study was rejected may still arrive; what was begun after may not. */
static void check_hidden(struct judge *judge, const struct observation *seen, int64_t line, uint32_t study, time_ns rejected_at, uint32_t count)
{
    if (rejected_at >= seen->at_ns) {
        return;
    }
    const struct delivery *delivery = find_delivery(judge, study, judge_word(judge, seen->actor));
    bool begun_after = delivery == NULL || delivery->job_at == INT64_MIN || delivery->job_at > rejected_at;
    const int64_t lines[] = {line, judge_line(judge, study)};
    judge_case(judge, INVARIANT_rejected_stays_hidden, begun_after, lines, 2, "an instance of rejected study %.*s arrived at %.*s", SLICE_ARGS(seen->study_uid),
               SLICE_ARGS(seen->actor));
    judge_weigh(judge, INVARIANT_rejected_stays_hidden, begun_after, count);
}

/* Twice is once too often, unless it was asked for again, or nobody could know that the first had arrived. */
static void check_once(struct judge *judge, const struct observation *seen, int64_t line, uint32_t study, const struct arrival *before)
{
    const struct delivery *delivery = find_delivery(judge, study, judge_word(judge, seen->actor));
    bool wished = delivery != NULL && delivery->wished_at > before->at_ns;
    bool unknown = !before->acked && (before->life != (int32_t)judge->life || judge->adt_told_at >= before->at_ns ||
                                      judge_disturbed(judge, SLICE_EMPTY, before->at_ns, seen->at_ns));
    const int64_t lines[] = {line};
    bool wrong = !wished && !unknown;
    judge_case(judge, INVARIANT_one_job, wrong, lines, 1, "instance %.*s came to %.*s again: %s", SLICE_ARGS(seen->sop_uid), SLICE_ARGS(seen->actor),
               wished ? "asked for again" : unknown ? "its acknowledgement was not recorded" : before->acked ? "its acknowledgement was recorded" : "nothing had gone wrong");
    judge_weigh(judge, INVARIANT_one_job, wrong, before->sops.count);
}

static void check_equal(struct judge *judge, const struct observation *seen, int64_t line, const struct range *range, uint32_t study, uint32_t count)
{
    bool pixels = range->pixels == judge_hash32(seen->pixel_sha256), attributes = range->dataset == judge_hash32(seen->dataset_sha256);
    const int64_t lines[] = {line, judge_line(judge, study)};
    if (!pixels || !attributes) {
        judge_case(judge, INVARIANT_proof_of_delivery, true, lines, 2, "instance %.*s arrived at %.*s with other %s than were sent", SLICE_ARGS(seen->sop_uid),
                   SLICE_ARGS(seen->actor), pixels ? "attributes" : "pixels");
        judge_weigh(judge, INVARIANT_proof_of_delivery, true, count);
    }
}

static enum err arrive(struct judge *judge, const struct observation *seen, int64_t line, uint32_t study, const struct sop_span *sops)
{
    struct holding *holding = put_holding(judge, study, judge_word(judge, seen->actor), seen->at_ns, line);
    struct sop_span rest = *sops, part;
    enum err err = holding == NULL ? ERR_LIMIT : ERR_OK;
    for (; err == ERR_OK && rest.count > 0; advance(&rest, &part)) {
        uint32_t at = judge_arrived_part(judge, holding->arrivals, &rest, &part);
        if (at == JUDGE_NONE) {
            struct arrival arrival = {.sops = part, .at_ns = seen->at_ns, .life = (int32_t)judge->life, .count = 1};
            err = judge_add_arrival(judge, &holding->arrivals, &arrival);
            hold(judge, holding, study, part.count, seen->at_ns);
            continue;
        }
        at = judge_cut_arrival(judge, at, &part);
        if (at == JUDGE_NONE) {
            return ERR_LIMIT;
        }
        struct arrival *arrival = &judge->arrivals[at];
        if (arrival->count > 0) {
            check_once(judge, seen, line, study, arrival);
        }
        arrival->count += arrival->count < UINT16_MAX;
        arrival->life = (int32_t)judge->life;
        arrival->at_ns = seen->at_ns;
        judge_join_arrival(judge, &holding->arrivals, at);
    }
    return err;
}

static enum err delivered(struct judge *judge, const struct observation *seen, int64_t line)
{
    struct sop_span rest = judge_sops(seen->sop_uid, seen->span), part;
    struct range range;
    enum err err = ERR_OK;
    if (seen->number != 0) {
        return ERR_OK;
    }
    judge->counts[COUNT_bytes] += seen->count * rest.count;
    for (; err == ERR_OK && rest.count > 0; advance(&rest, &part)) {
        uint32_t study = owner_of(judge, seen->study_uid, &rest, &part, &range);
        if (study == JUDGE_NONE) {
            const int64_t lines[] = {line};
            judge_case(judge, INVARIANT_proof_of_delivery, true, lines, 1, "instance %.*s arrived at %.*s but no source holds it", SLICE_ARGS(seen->sop_uid),
                       SLICE_ARGS(seen->actor));
            continue;
        }
        know_uid(judge, study, seen->study_uid);
        check_person(judge, seen, line, study, part.count);
        check_hidden(judge, seen, line, study, range.rejected_at, part.count);
        check_equal(judge, seen, line, &range, study, part.count);
        judge_fold_delivered(judge, study, seen->actor, seen->count * part.count);
        err = arrive(judge, seen, line, study, &part);
    }
    return err;
}

enum err judge_truth(struct judge *judge, const struct observation *seen, int64_t line)
{
    switch (seen->kind) {
    case OBSERVATION_truth_instance:
        return truth_instance(judge, seen, line);
    case OBSERVATION_instance_gone:
    case OBSERVATION_rejected:
        lose(judge, seen, seen->kind == OBSERVATION_rejected);
        return ERR_OK;
    case OBSERVATION_truth_exam:
        return exam_told(judge, seen);
    case OBSERVATION_hl7_acked:
        exam_acked(judge, seen);
        return ERR_OK;
    case OBSERVATION_delivered:
        return delivered(judge, seen, line);
    case OBSERVATION_quirk_bit:
        judge_tally(judge, seen->actor, seen->text, false);
        return ERR_OK;
    default:
        return ERR_OK;
    }
}
