/* SPDX-License-Identifier: MIT
 *
 * Questions and answers: each question has one final answer; an unmarked one shows the truth, a marked one has
 * a cause. What came, went or was told of a patient while the question was open may be shown or not: both are true. */
#include "src/bench/judge_private.h"

#define STATUS_NONE_LOST (-1) /* query_answered, retrieve_answered: below zero the association was lost */

static struct question *open_question(struct judge *judge, const struct observation *seen)
{
    uint32_t found = store_index_find(&judge->question_index, store_hash2(seen->actor, seen->other_id));
    return found == JUDGE_NONE ? NULL : &judge->questions[found];
}

/* Of a question that nothing more is to come of: once, when its place is needed or the run is over. */
static void put_away(struct judge *judge, const struct question *question, bool ended);

/* Is the place free, or its question answered long ago? */
static bool give_place(struct judge *judge, struct question *question)
{
    if (question->used && question->answers > 0) {
        put_away(judge, question, false);
        judge_outcome_of(judge, question);
        store_index_remove(&judge->question_index, store_hash2(question->viewer, question->id));
        question->used = false;
    }
    return !question->used;
}

static enum err asked(struct judge *judge, const struct observation *seen, int64_t line)
{
    uint32_t at = judge->question_next, tries = 0;
    for (; tries < JUDGE_QUERIES_MAX && !give_place(judge, &judge->questions[at]); tries++) {
        at = (at + 1) % JUDGE_QUERIES_MAX;
    }
    if (tries == JUDGE_QUERIES_MAX || store_index_put(&judge->question_index, store_hash2(seen->actor, seen->other_id), at) != ERR_OK) {
        return ERR_LIMIT;
    }
    judge->question_next = (at + 1) % JUDGE_QUERIES_MAX;
    judge->question_end = at >= judge->question_end ? at + 1 : judge->question_end;
    struct question *question = &judge->questions[at];
    *question = (struct question){
        .id = seen->other_id, .viewer = seen->actor, .patient_id = seen->patient_id, .issuer = seen->issuer, .accession = seen->accession, .study_uid = seen->study_uid,
        .text = seen->text, .room = question->room, .asked_at = seen->at_ns, .answered_at = TIME_NEVER, .asked_line = line, .used = true,
        .watcher = slice_equal(seen->actor, SLICE("watcher")), .study_level = slice_starts(seen->text, SLICE("STUDY")), .row_first = JUDGE_NONE, .row_last = JUDGE_NONE};
    question->expected = slice_equal(seen->name, SLICE("complete")) ? EXPECT_COMPLETE : slice_equal(seen->name, SLICE("incomplete")) ? EXPECT_INCOMPLETE : EXPECT_NOTHING;
    slice *texts[] = {&question->id, &question->viewer, &question->patient_id, &question->issuer, &question->accession, &question->study_uid, &question->text};
    return store_room_keep(&question->room, texts, sizeof texts / sizeof texts[0], judge->arena) ? ERR_OK : ERR_LIMIT;
}

/* ---- Rows. */

static uint32_t take_row(struct judge *judge)
{
    uint32_t row = judge->row_free;
    if (row != JUDGE_NONE) {
        judge->row_free = judge->rows[row].next;
        return row;
    }
    return judge->row_count == JUDGE_SHOWN_MAX ? JUDGE_NONE : judge->row_count++;
}

static enum err row_shown(struct judge *judge, const struct observation *seen, int64_t line)
{
    struct question *question = open_question(judge, seen);
    if (question == NULL || !question->study_level || question->answers > 0) {
        return ERR_OK;
    }
    uint32_t row = take_row(judge);
    if (row == JUDGE_NONE) {
        return ERR_LIMIT;
    }
    struct shown_row *shown = &judge->rows[row];
    *shown = (struct shown_row){.uid = seen->study_uid, .patient_id = seen->patient_id, .issuer = seen->issuer, .accession = seen->accession, .holders = seen->other_issuer,
                                .line = line, .next = JUDGE_NONE, .study = JUDGE_NONE, .question = (uint32_t)(question - judge->questions), .room = shown->room};
    slice *texts[] = {&shown->uid, &shown->patient_id, &shown->issuer, &shown->accession, &shown->holders};
    if (!store_room_keep(&shown->room, texts, sizeof texts / sizeof texts[0], judge->arena)) {
        return ERR_LIMIT;
    }
    if (question->row_last == JUDGE_NONE) {
        question->row_first = row;
    } else {
        judge->rows[question->row_last].next = row;
    }
    question->row_last = row;
    question->row_count++;
    judge->rows_with_two_holders += slice_index(seen->other_issuer, '\\') < seen->other_issuer.size;
    return ERR_OK;
}

static void give_rows(struct judge *judge, struct question *question)
{
    for (uint32_t r = question->row_first; r != JUDGE_NONE; r = judge->rows[r].next) {
        if (judge->rows[r].study != JUDGE_NONE) {
            store_index_remove(&judge->row_index, store_hash_int((uint64_t)(question - judge->questions), judge->rows[r].study));
        }
    }
    if (question->row_last != JUDGE_NONE) {
        judge->rows[question->row_last].next = judge->row_free;
        judge->row_free = question->row_first;
    }
    question->row_first = question->row_last = JUDGE_NONE;
}

static slice row_issuer(const struct shown_row *row)
{
    return row->issuer.size > 0 ? row->issuer : SLICE("NHS");
}

static bool holds(const struct judge *judge, uint32_t study, slice node)
{
    struct holding holding;
    uint32_t name = store_word_find(&judge->words, node);
    for (uint32_t cursor = JUDGE_HOLDINGS; judge_next_holding(judge, study, &cursor, &holding);) {
        if (holding.node == name) {
            return true;
        }
    }
    return false;
}

/* Of the studies of this UID the one that the row is: that of its patient, else the only one, else that of its accession number. */
static uint32_t study_of_row(struct judge *judge, const struct shown_row *row)
{
    char room[STORE_TEXT_MAX];
    uint32_t first = judge_study(judge, row->uid), fits = first;
    bool known = judge_identity(judge, row_issuer(row), row->patient_id) != JUDGE_NONE;
    for (uint32_t s = first; s != JUDGE_NONE; s = judge_next_uid(judge, s)) {
        if (known && judge_names(judge, row_issuer(row), row->patient_id, s)) {
            return s;
        }
        fits = slice_equal(judge_accession(judge, s, room), row->accession) ? s : fits;
    }
    return fits;
}

/* The row's patient owns the study; and what it names as copies is hers too. */
static void check_row_person(struct judge *judge, const struct question *question, const struct shown_row *row)
{
    bool right = judge_names(judge, row_issuer(row), row->patient_id, row->study), mixed = false;
    for (slice rest = row->holders; rest.data != NULL && rest.size > 0;) {
        slice node = slice_cut(&rest, '\\');
        bool hers = holds(judge, row->study, node) || judge_is(judge, node, KIND_ENGINE);
        for (uint32_t s = judge_study(judge, row->uid); s != JUDGE_NONE && !hers; s = judge_next_uid(judge, s)) {
            mixed = mixed || holds(judge, s, node);
        }
    }
    judge->wrong_patient += !right || mixed;
    const int64_t lines[] = {question->asked_line, row->line, judge_line(judge, row->study)};
    judge_case(judge, INVARIANT_right_patient, !right || mixed, lines, 3, "%.*s was shown study %.*s under %.*s (issuer %.*s)%s", SLICE_ARGS(question->viewer),
               SLICE_ARGS(row->uid), SLICE_ARGS(row->patient_id), SLICE_ARGS(row_issuer(row)),
               !right ? ": not its patient" : mixed ? ": one of the copies named is another patient's" : "");
}

/* ---- The truth about a question. */

/* Keys that the judge does not match itself make the answer smaller than the studies of the patient. */
static bool has_other_keys(slice text)
{
    static const char *const known[] = {"PatientID", "IssuerOfPatientID", "AccessionNumber", "IssuerOfAccessionNumber", "StudyInstanceUID", "patient_id", "ModalitiesInStudy", "StudyDate",
                                        "issuer",    "accession",         "accession_issuer", "study_uid",              "root"};
    slice rest = text;
    (void)slice_cut(&rest, ' ');
    while (rest.data != NULL) {
        slice part = slice_trim(slice_cut(&rest, ' '));
        slice name = slice_before(part, slice_index(part, '='));
        bool is_known = name.size == part.size; /* no "key=value" at all */
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            is_known = is_known || slice_equal(name, slice_from(known[i]));
        }
        if (!is_known) {
            return true;
        }
    }
    return false;
}

/* The value of one key of the question, as the viewer told it; empty when it was not asked for. */
static slice key_of(const struct question *question, slice name)
{
    slice rest = question->text;
    (void)slice_cut(&rest, ' ');
    while (rest.data != NULL) {
        slice part = slice_trim(slice_cut(&rest, ' '));
        size_t equals = slice_index(part, '=');
        if (equals < part.size && slice_equal(slice_before(part, equals), name)) {
            return slice_after(part, equals + 1);
        }
    }
    return SLICE_EMPTY;
}

static bool in_span(slice date, slice span)
{
    size_t dash = slice_index(span, '-');
    slice from = slice_before(span, dash), to = dash == span.size ? from : slice_after(span, dash + 1);
    return span.size == 0 || (slice_compare(date, from) >= 0 && slice_compare(date, to) <= 0);
}

/* Kind and days of a study are the scenario's; of one that the scenario does not name nothing is known. */
enum fit { FIT_NO, FIT_YES, FIT_UNKNOWN };
static enum fit fits_kind(const struct judge *judge, const struct question *question, uint32_t s)
{
    const struct scenario_study *study = judge_scenario_study(judge, s);
    slice modality = key_of(question, SLICE("ModalitiesInStudy")), span = key_of(question, SLICE("StudyDate"));
    if (modality.size == 0 && span.size == 0) {
        return FIT_YES;
    }
    if (study == NULL) {
        return FIT_UNKNOWN;
    }
    return (modality.size == 0 || slice_equal(study->modality, modality)) && in_span(study->date, span) ? FIT_YES : FIT_NO;
}

static bool is_broad(const struct question *question)
{
    return question->study_uid.size == 0 && question->accession.size == 0 && question->patient_id.size == 0;
}

static bool fits_accession(const struct judge *judge, const struct question *question, uint32_t s)
{
    char room[STORE_TEXT_MAX];
    uint32_t site = question->patient_id.size > 0 ? JUDGE_NONE : judge_site(judge, question->issuer);
    return question->accession.size == 0 || (slice_equal(question->accession, judge_accession(judge, s, room)) && (site == JUDGE_NONE || judge_same_issuer(judge, site, judge->studies[s].site)));
}

/* Does the truth say that this study answers the question? One that answers is either reached by its UID, or is of a UID as asked for. */
static bool answers(const struct judge *judge, const struct question *question, uint32_t s, bool of_uid)
{
    if ((question->study_uid.size > 0 && !of_uid) || !fits_accession(judge, question, s)) {
        return false;
    }
    if (question->patient_id.size == 0) {
        return true;
    }
    uint32_t identity = judge_identity(judge, question->issuer.size > 0 ? question->issuer : SLICE("NHS"), question->patient_id);
    return identity != JUDGE_NONE && (judge_same_group(judge, identity, judge->studies[s].identity) ||
                                      judge_mixed_up(judge, judge->identities[identity].person, judge->studies[s].person, question->asked_at));
}

static bool lists(slice holders, slice node)
{
    while (holders.data != NULL && holders.size > 0) {
        if (slice_equal(slice_cut(&holders, '\\'), node)) {
            return true;
        }
    }
    return false;
}

/* Every copy at a PACS that was whole before the question, and still is, must be named; and none that never was. */
static const char *wrong_copy(const struct judge *judge, const struct question *question, uint32_t study, const struct shown_row *row)
{
    if (judge_is(judge, row->holders, KIND_ENGINE)) {
        return NULL; /* it says only whom to ask for the images: itself */
    }
    struct holding holding;
    for (uint32_t cursor = JUDGE_HOLDINGS; row->holders.size > 0 && judge_next_holding(judge, study, &cursor, &holding);) {
        slice node = judge_spell(judge, holding.node);
        bool whole = holding.instances >= judge->studies[study].instances && holding.complete_at < question->asked_at && holding.gone_at == TIME_NEVER;
        if (whole && judge_is(judge, node, KIND_PACS) && !lists(row->holders, node)) {
            return "without one of its copies";
        }
    }
    for (slice rest = row->holders; rest.data != NULL && rest.size > 0;) {
        if (!holds(judge, study, slice_cut(&rest, '\\'))) {
            return "with a copy that is none";
        }
    }
    return NULL;
}

/* Was it at a PACS from before the question until after its answer, and hers beyond doubt? */
static bool is_settled(const struct judge *judge, const struct question *question, uint32_t s, time_ns rejected_at)
{
    bool there = false;
    struct holding holding;
    for (uint32_t cursor = JUDGE_HOLDINGS; judge_next_holding(judge, s, &cursor, &holding);) {
        there = there || (holding.first_at < question->asked_at && holding.gone_at == TIME_NEVER && judge_is(judge, judge_spell(judge, holding.node), KIND_PACS));
    }
    return there && rejected_at == TIME_NEVER && (question->patient_id.size == 0 || judge_is_certain(judge, judge->studies[s].person, question->asked_at));
}

static const struct shown_row *shown_row(const struct judge *judge, uint32_t s, uint32_t q)
{
    uint32_t at = store_index_find(&judge->row_index, store_hash_int(q, s));
    return at == STORE_NONE ? NULL : &judge->rows[at];
}

/* One study that answers the question: was it shown as it should be? */
static void check_study(struct judge *judge, const struct question *question, uint32_t q, uint32_t s)
{
    char room[STORE_TEXT_MAX];
    const struct shown_row *row = shown_row(judge, s, q);
    time_ns rejected_at = judge_rejected_at(judge, s);
    bool settled = is_settled(judge, question, s, rejected_at);
    slice uid = row != NULL ? row->uid : question->study_uid.size > 0 ? question->study_uid : judge_uid(judge, s, room);
    const int64_t lines[] = {question->asked_line, question->answered_line, row == NULL ? judge_line(judge, s) : row->line};
    if (rejected_at < question->asked_at) {
        /* A PACS that rejects tells nobody: who has not heard it, and says that the answer lacks something, did not know better. */
        bool unheard = row != NULL && question->flagged && !(judge->studies[s].flags & STUDY_KNOWN_GONE);
        judge_case(judge, INVARIANT_rejected_stays_hidden, row != NULL && !unheard, lines, 3, "question %.*s by %.*s and rejected study %.*s: %s", SLICE_ARGS(question->id),
                   SLICE_ARGS(question->viewer), SLICE_ARGS(uid), unheard ? "shown, unheard of yet, in an answer that is marked" : row != NULL ? "shown" : "not shown");
        return;
    }
    const char *copy = row == NULL || question->flagged || !settled ? NULL : wrong_copy(judge, question, s, row);
    if (row == NULL && settled && !question->flagged && !has_other_keys(question->text) && fits_kind(judge, question, s) == FIT_YES) {
        judge->silently_missing++;
        judge_case(judge, INVARIANT_answer_is_true, true, lines, 3, "question %.*s by %.*s: study %.*s exists and was not shown, and nothing said so",
                   SLICE_ARGS(question->id), SLICE_ARGS(question->viewer), SLICE_ARGS(uid));
    } else if (row != NULL && row->shown > 1) {
        judge_case(judge, INVARIANT_answer_is_true, true, lines, 3, "question %.*s by %.*s: study %.*s was shown %u times", SLICE_ARGS(question->id),
                   SLICE_ARGS(question->viewer), SLICE_ARGS(uid), row->shown);
    } else if (copy != NULL) {
        judge_case(judge, INVARIANT_answer_is_true, true, lines, 3, "question %.*s by %.*s: study %.*s was shown %s (named: %.*s)", SLICE_ARGS(question->id),
                   SLICE_ARGS(question->viewer), SLICE_ARGS(uid), copy, SLICE_ARGS(row->holders));
    }
}

/* Exams of the number asked for, at whichever issuer. */
static int64_t check_exams(struct judge *judge, const struct question *question, uint32_t q)
{
    int64_t count = 0;
    for (uint32_t e = judge_first_exam(judge, question->accession); e != JUDGE_NONE; e = judge->exams[e].next) {
        for (uint32_t s = judge->exams[e].studies; s != JUDGE_NONE; s = judge_next_exam(judge, s)) {
            if (answers(judge, question, s, false)) {
                check_study(judge, question, q, s);
                count++;
            }
        }
    }
    return count;
}

/* Calls check_study for all that answer; returns how many there are. */
static int64_t check_studies(struct judge *judge, const struct question *question, uint32_t q)
{
    int64_t count = 0;
    uint32_t first = JUDGE_NONE, identity = JUDGE_NONE;
    if (question->study_uid.size > 0) {
        first = judge_study(judge, question->study_uid);
    } else if (question->accession.size > 0) {
        return check_exams(judge, question, q);
    } else {
        identity = judge_identity(judge, question->issuer.size > 0 ? question->issuer : SLICE("NHS"), question->patient_id);
    }
    for (uint32_t s = first; s != JUDGE_NONE; s = judge_next_uid(judge, s)) {
        if (answers(judge, question, s, true)) {
            check_study(judge, question, q, s);
            count++;
        }
    }
    for (uint32_t at = identity; at != JUDGE_NONE;) {
        for (uint32_t s = judge->identities[at].studies; s != JUDGE_NONE; s = judge->studies[s].next_identity, count++) {
            check_study(judge, question, q, s);
        }
        at = judge->identities[at].next == identity ? JUDGE_NONE : judge->identities[at].next;
    }
    return count;
}

/* Nobody's in particular: every study there is. */
static int64_t check_all(struct judge *judge, const struct question *question, uint32_t q)
{
    int64_t count = 0;
    for (uint32_t s = 0; s < judge->study_count; s++) {
        if (fits_kind(judge, question, s) == FIT_YES) {
            check_study(judge, question, q, s);
            count++;
        }
    }
    return count;
}

/* Finds out which study each row is; a row of what does not exist, or does not answer, is a lie. */
static void check_rows(struct judge *judge, const struct question *question, uint32_t q)
{
    for (uint32_t r = question->row_first; r != JUDGE_NONE; r = judge->rows[r].next) {
        struct shown_row *row = &judge->rows[r];
        const int64_t lines[] = {question->asked_line, row->line, question->answered_line};
        row->study = study_of_row(judge, row);
        if (row->study == JUDGE_NONE) {
            judge_case(judge, INVARIANT_answer_is_true, true, lines, 3, "question %.*s by %.*s: study %.*s was shown and does not exist", SLICE_ARGS(question->id),
                       SLICE_ARGS(question->viewer), SLICE_ARGS(row->uid));
            continue;
        }
        check_row_person(judge, question, row);
        const struct shown_row *before = shown_row(judge, row->study, q);
        row->shown = before == NULL || before == row ? 1 : before->shown + 1;
        (void)!store_index_put(&judge->row_index, store_hash_int(q, row->study), r);
        if (fits_kind(judge, question, row->study) == FIT_NO) {
            judge_case(judge, INVARIANT_answer_is_true, true, lines, 3, "question %.*s by %.*s: study %.*s was shown and is of another kind or day", SLICE_ARGS(question->id),
                       SLICE_ARGS(question->viewer), SLICE_ARGS(row->uid));
        }
        if (!is_broad(question) && !answers(judge, question, row->study, slice_equal(row->uid, question->study_uid))) {
            judge_case(judge, INVARIANT_answer_is_true, true, lines, 3, "question %.*s by %.*s: study %.*s was shown and does not answer it", SLICE_ARGS(question->id),
                       SLICE_ARGS(question->viewer), SLICE_ARGS(row->uid));
        }
    }
}

static void check_truth(struct judge *judge, const struct question *question, uint32_t q)
{
    int64_t before = judge->invariants[INVARIANT_answer_is_true].violations;
    check_rows(judge, question, q);
    int64_t expected = is_broad(question) ? check_all(judge, question, q) : check_studies(judge, question, q);
    const int64_t lines[] = {question->asked_line, question->answered_line};
    if (judge->invariants[INVARIANT_answer_is_true].violations == before) {
        judge_case(judge, INVARIANT_answer_is_true, false, lines, 2, "question %.*s by %.*s (%.*s): %lld of %lld studies, %s", SLICE_ARGS(question->id),
                   SLICE_ARGS(question->viewer), SLICE_ARGS(slice_before(question->text, 100)), (long long)question->row_count, (long long)expected,
                   question->flagged ? "marked incomplete" : "complete");
    }
}

static void check_flag(struct judge *judge, const struct question *question)
{
    struct flag_cause cause = judge_flag_cause(judge, question);
    bool wrong = question->flagged ? !cause.due && !cause.allowed : cause.due;
    const int64_t lines[] = {question->asked_line, question->answered_line};
    if (wrong && question->flagged) {
        judge_suspect(judge, question);
        return;
    }
    judge_case(judge, INVARIANT_partial_is_flagged, wrong, lines, 2, "question %.*s by %.*s was %s; %s", SLICE_ARGS(question->id), SLICE_ARGS(question->viewer),
               question->flagged ? "marked incomplete" : "not marked", cause.why);
}

/* ---- Answers. */

/* "Not now", "not so" and "which of the two": the question was not answered at all (PS3.4 C.4.1.1.4). */
static bool is_refusal(int64_t status)
{
    return (status & 0xFF00) == STATUS_OUT_OF_RESOURCES || (status & 0xFF00) == 0xA900 || status == (int64_t)STATUS_UNABLE_TO_PROCESS ||
           status == (int64_t)STATUS_SOP_CLASS_NOT_SUPPORTED;
}

static void answered(struct judge *judge, const struct observation *seen, int64_t line)
{
    struct question *question = open_question(judge, seen);
    if (question == NULL || ++question->answers > 1) {
        return; /* told at the end */
    }
    question->answered_at = seen->at_ns;
    question->answered_line = line;
    question->flagged = seen->flag;
    question->status = seen->number;
    if (!question->watcher) {
        judge->counts[COUNT_queries]++;
        judge->counts[COUNT_queries_partial] += seen->flag && !is_refusal(seen->number);
        judge_latency(judge, LATENCY_query, seen->latency_ns);
        judge_length(judge, MEASURE_query_answer, seen->at_ns, seen->latency_ns);
        judge_share(judge, MEASURE_query_complete_share, seen->at_ns, !seen->flag || is_refusal(seen->number));
        judge_fold_question(judge, seen->flag && !is_refusal(seen->number));
        judge->reached[REACH_partial_answer_flagged] |= seen->flag && !is_refusal(seen->number);
    }
    /* A lost association, a cancelled question and a refusal are no answers, so nothing that could be untrue. */
    if (seen->number == 0 || (seen->flag && !is_refusal(seen->number))) {
        check_flag(judge, question);
        if (question->study_level) {
            check_truth(judge, question, (uint32_t)(question - judge->questions));
        }
    }
    give_rows(judge, question);
}

/* A system that the engine was not told of: its association is refused, so no request of it is ever accepted. */
static bool is_stranger(const struct judge *judge, slice viewer)
{
    for (size_t n = 0; n < judge->scenario->node_count; n++) {
        if (judge->scenario->nodes[n].unknown && slice_equal(judge->scenario->nodes[n].id, viewer)) {
            return true;
        }
    }
    return false;
}

/* Does the asker stand at another site than the engine, with a line between them? */
static bool is_apart(const struct judge *judge, slice viewer)
{
    uint32_t here = judge_node(judge, judge_engine(judge)), there = judge_node(judge, viewer);
    return here != JUDGE_NONE && there != JUDGE_NONE && judge->scenario->nodes[here].site != judge->scenario->nodes[there].site;
}

/* Without an answer because the engine was killed, the asker cut it or the line did: nobody owes one. */
static bool is_excused(const struct judge *judge, slice viewer, time_ns asked_at, time_ns answered_at)
{
    return is_stranger(judge, viewer) || judge_disturbed(judge, judge_engine(judge), asked_at, answered_at) || judge_disturbed(judge, viewer, asked_at, answered_at) ||
           (is_apart(judge, viewer) && judge_line_disturbed(judge, asked_at, answered_at));
}

static enum err retrieve_asked(struct judge *judge, const struct observation *seen, int64_t line)
{
    uint32_t at = judge->retrieve_next, tries = 0;
    for (; tries < JUDGE_QUERIES_MAX && judge->retrieves[at].used && judge->retrieves[at].answers == 0; tries++) {
        at = (at + 1) % JUDGE_QUERIES_MAX;
    }
    struct retrieve *retrieve = &judge->retrieves[at];
    if (retrieve->used) {
        store_index_remove(&judge->retrieve_index, store_hash2(retrieve->viewer, retrieve->id));
    }
    if (tries == JUDGE_QUERIES_MAX || store_index_put(&judge->retrieve_index, store_hash2(seen->actor, seen->other_id), at) != ERR_OK) {
        return ERR_LIMIT;
    }
    judge->retrieve_next = (at + 1) % JUDGE_QUERIES_MAX;
    judge->retrieve_end = at >= judge->retrieve_end ? at + 1 : judge->retrieve_end;
    *retrieve = (struct retrieve){.id = seen->other_id, .viewer = seen->actor, .study_uid = seen->study_uid, .room = retrieve->room, .asked_at = seen->at_ns,
                                  .asked_line = line, .used = true};
    slice *texts[] = {&retrieve->id, &retrieve->viewer, &retrieve->study_uid};
    return store_room_keep(&retrieve->room, texts, sizeof texts / sizeof texts[0], judge->arena) ? ERR_OK : ERR_LIMIT;
}

static void retrieve_answered(struct judge *judge, const struct observation *seen, int64_t line)
{
    uint32_t found = store_index_find(&judge->retrieve_index, store_hash2(seen->actor, seen->other_id));
    struct retrieve *retrieve = found == JUDGE_NONE ? NULL : &judge->retrieves[found];
    bool lost = seen->number <= STATUS_NONE_LOST, again = retrieve == NULL || ++retrieve->answers > 1;
    bool wrong = again || (lost && !is_excused(judge, seen->actor, retrieve->asked_at, seen->at_ns));
    const int64_t lines[] = {retrieve != NULL ? retrieve->asked_line : 0, line};
    judge_case(judge, INVARIANT_one_final_answer, wrong, lines, 2, "retrieve %.*s by %.*s %s", SLICE_ARGS(seen->other_id), SLICE_ARGS(seen->actor),
               again ? "ended more than once" : lost ? "lost its association" : "had its final answer");
    judge_latency(judge, LATENCY_retrieve, seen->latency_ns);
    judge_length(judge, MEASURE_retrieve, seen->at_ns, seen->latency_ns);
    if (!again) {
        judge_retrieved(judge, retrieve->study_uid, retrieve->viewer, retrieve->asked_at, retrieve->asked_line, seen, line);
    }
}

static void first_image(struct judge *judge, const struct observation *seen)
{
    uint32_t study = judge_study(judge, seen->study_uid), viewer = judge_node(judge, seen->actor);
    judge_latency(judge, LATENCY_first_image, seen->latency_ns);
    if (study != JUDGE_NONE && viewer != JUDGE_NONE) {
        bool local = judge->studies[study].site == judge->scenario->nodes[viewer].site;
        judge_length(judge, local ? MEASURE_open_local_first_image : MEASURE_open_remote_first_image, seen->at_ns, seen->latency_ns);
    }
}

static void watched(struct judge *judge, const struct observation *seen)
{
    struct truth_exam *exam = seen->flag ? judge_exam(judge, seen->issuer, seen->accession) : NULL;
    if (exam != NULL && !(exam->flags & EXAM_WATCHED)) {
        exam->flags |= EXAM_WATCHED;
        judge->counts[COUNT_published]++;
        bool old = (exam->flags & EXAM_OLD) != 0; /* loaded by night, months after it was done: nobody waits for it */
        if (!old) {
            judge_latency(judge, LATENCY_publish, seen->latency_ns);
            judge_length(judge, MEASURE_published_after_completed, seen->at_ns, seen->latency_ns);
        }
        judge_fold_published(judge, exam, old ? -1 : seen->latency_ns);
    }
}

enum err judge_question(struct judge *judge, const struct observation *seen, int64_t line)
{
    switch (seen->kind) {
    case OBSERVATION_query_asked:
        return asked(judge, seen, line);
    case OBSERVATION_row_shown:
        return row_shown(judge, seen, line);
    case OBSERVATION_query_answered:
        answered(judge, seen, line);
        return ERR_OK;
    case OBSERVATION_retrieve_asked:
        return retrieve_asked(judge, seen, line);
    case OBSERVATION_retrieve_answered:
        retrieve_answered(judge, seen, line);
        return ERR_OK;
    case OBSERVATION_first_image:
        first_image(judge, seen);
        return ERR_OK;
    case OBSERVATION_watched:
        watched(judge, seen);
        return ERR_OK;
    default:
        return ERR_OK;
    }
}

/* ---- The end: a run that was cut short owes no answers, but those that were long due. */
static bool is_overdue(const struct judge *judge, const struct question *question)
{
    return judge->deadline_ns > 0 && question->row_count <= RUN_MAX && judge->now - question->asked_at > 2 * judge->deadline_ns + JUDGE_LATE_NS;
}

static void judge_expected(struct judge *judge, const struct question *question)
{
    if (question->expected == EXPECT_NOTHING || judge->expected_count == JUDGE_EXPECTED_MAX) {
        return;
    }
    bool incomplete = question->expected == EXPECT_INCOMPLETE;
    struct buffer text = buffer_make(judge->arena, question->id.size + question->viewer.size + 80);
    buffer_put_text(&text, "answer-");
    buffer_put(&text, question->id);
    slice id = buffer_slice(&text);
    size_t from = text.size;
    buffer_put(&text, question->viewer);
    buffer_put_text(&text, incomplete ? ": the answer says that it is incomplete" : ": the answer is complete");
    judge->expected_answers[judge->expected_count++] =
        (struct expected_answer){id, slice_after(buffer_slice(&text), from), question->answers == 1 && question->flagged == incomplete && question->status != STATUS_NONE_LOST};
}

static void put_away(struct judge *judge, const struct question *question, bool ended)
{
    judge_expected(judge, question);
    const int64_t lines[] = {question->asked_line, question->answered_line};
    bool lost = question->answers == 1 && question->status <= STATUS_NONE_LOST;
    bool owed = (question->answers == 0 && (ended || is_overdue(judge, question))) || lost;
    bool wrong = question->answers > 1 || (owed && !is_excused(judge, question->viewer, question->asked_at, question->answered_at));
    judge_case(judge, INVARIANT_one_final_answer, wrong, lines, 2, "question %.*s by %.*s %s", SLICE_ARGS(question->id), SLICE_ARGS(question->viewer),
               question->answers > 1 ? "got more than one final answer" : question->answers == 0 ? "got no final answer" : lost ? "lost its association" : "had its final answer");
}

void judge_questions_end(struct judge *judge, bool ended)
{
    judge_suspects_end(judge, TIME_NEVER);
    for (uint32_t q = 0; q < judge->question_end; q++) { /* beyond it nothing was ever written, nor its memory taken */
        if (judge->questions[q].used) {
            put_away(judge, &judge->questions[q], ended);
        }
    }
    for (uint32_t r = 0; r < judge->retrieve_end; r++) {
        const struct retrieve *retrieve = &judge->retrieves[r];
        const int64_t lines[] = {retrieve->asked_line};
        if (retrieve->used && retrieve->answers == 0 && ended && !is_excused(judge, retrieve->viewer, retrieve->asked_at, TIME_NEVER)) {
            judge_case(judge, INVARIANT_one_final_answer, true, lines, 1, "retrieve %.*s by %.*s never got a final answer", SLICE_ARGS(retrieve->id), SLICE_ARGS(retrieve->viewer));
        }
    }
}
