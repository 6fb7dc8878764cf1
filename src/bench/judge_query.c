/* SPDX-License-Identifier: MIT
 *
 * Questions and answers: each question has one final answer; an unmarked one shows the truth, a marked one has
 * a cause. What came, went or was told of a patient while the question was open may be shown or not: both are true. */
#include "src/bench/judge_private.h"

#define STATUS_NONE_LOST (-1) /* query_answered, retrieve_answered: below zero the association was lost */

static struct question *open_question(struct judge *judge, const struct observation *seen)
{
    char text[JUDGE_KEY_SIZE];
    uint32_t found = 0;
    return map_find(&judge->question_map, judge_key(text, seen->actor, seen->other_id), &found) ? &judge->questions[found] : NULL;
}

static enum err asked(struct judge *judge, const struct observation *seen, int64_t line)
{
    char text[JUDGE_KEY_SIZE];
    slice key = judge_keep(judge, judge_key(text, seen->actor, seen->other_id));
    if (judge->question_count == JUDGE_QUERIES_MAX || map_put(&judge->question_map, key, judge->question_count) != ERR_OK) {
        return ERR_LIMIT;
    }
    judge->questions[judge->question_count++] = (struct question){
        .id = judge_keep(judge, seen->other_id), .viewer = judge_keep(judge, seen->actor), .patient_id = judge_keep(judge, seen->patient_id),
        .issuer = judge_keep(judge, seen->issuer), .accession = judge_keep(judge, seen->accession), .study_uid = judge_keep(judge, seen->study_uid),
        .text = judge_keep(judge, seen->text), .asked_at = seen->at_ns, .answered_at = TIME_NEVER, .asked_line = line,
        .watcher = slice_equal(seen->actor, SLICE("watcher")), .study_level = slice_starts(seen->text, SLICE("STUDY")), .row_first = JUDGE_NONE,
        .row_last = JUDGE_NONE};
    return ERR_OK;
}

/* ---- Rows. */

static uint32_t take_row(struct judge *judge)
{
    uint32_t row = judge->row_free;
    if (row != JUDGE_NONE) {
        judge->row_free = judge->rows[row].next;
        return row;
    }
    return judge->row_count == JUDGE_ROWS_MAX ? JUDGE_NONE : judge->row_count++;
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
    judge->rows[row] = (struct shown_row){judge_keep(judge, seen->study_uid), judge_keep(judge, seen->patient_id), judge_keep(judge, seen->issuer),
                                          judge_keep(judge, seen->accession), judge_keep(judge, seen->other_issuer), line, JUDGE_NONE, JUDGE_NONE};
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
    for (uint32_t h = judge->studies[study].holdings; h != JUDGE_NONE; h = judge->holdings[h].next) {
        if (slice_equal(judge->holdings[h].node, node)) {
            return true;
        }
    }
    return false;
}

/* Of the studies of this UID the one that the row is: that of its patient, else the only one, else that of its accession number. */
static uint32_t study_of_row(struct judge *judge, const struct shown_row *row)
{
    uint32_t first = judge_study(judge, row->uid), fits = first;
    bool known = judge_identity(judge, row_issuer(row), row->patient_id) != JUDGE_NONE;
    for (uint32_t s = first; s != JUDGE_NONE; s = judge->studies[s].next_uid) {
        if (known && judge_names(judge, row_issuer(row), row->patient_id, s)) {
            return s;
        }
        fits = slice_equal(judge->studies[s].accession, row->accession) ? s : fits;
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
        for (uint32_t s = judge_study(judge, row->uid); s != JUDGE_NONE && !hers; s = judge->studies[s].next_uid) {
            mixed = mixed || holds(judge, s, node);
        }
    }
    judge->wrong_patient += !right || mixed;
    const int64_t lines[] = {question->asked_line, row->line, judge->studies[row->study].line};
    judge_case(judge, INVARIANT_right_patient, !right || mixed, lines, 3, "%.*s was shown study %.*s under %.*s (issuer %.*s)%s", SLICE_ARGS(question->viewer),
               SLICE_ARGS(row->uid), SLICE_ARGS(row->patient_id), SLICE_ARGS(row_issuer(row)),
               !right ? ": not its patient" : mixed ? ": one of the copies named is another patient's" : "");
}

/* ---- The truth about a question. */

/* Keys that the judge does not match itself make the answer smaller than the studies of the patient. */
static bool has_other_keys(slice text)
{
    static const char *const known[] = {"PatientID", "IssuerOfPatientID", "AccessionNumber", "IssuerOfAccessionNumber", "StudyInstanceUID", "patient_id",
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

static bool is_broad(const struct question *question)
{
    return question->study_uid.size == 0 && question->accession.size == 0 && question->patient_id.size == 0;
}

static bool fits_accession(const struct judge *judge, const struct question *question, const struct truth_study *study)
{
    uint32_t site = question->patient_id.size > 0 ? JUDGE_NONE : judge_site(judge, question->issuer);
    return question->accession.size == 0 || (slice_equal(question->accession, study->accession) && (site == JUDGE_NONE || site == study->site));
}

/* Does the truth say that this study answers the question? */
static bool answers(const struct judge *judge, const struct question *question, uint32_t s)
{
    const struct truth_study *study = &judge->studies[s];
    if ((question->study_uid.size > 0 && !slice_equal(question->study_uid, study->uid)) || !fits_accession(judge, question, study)) {
        return false;
    }
    if (question->patient_id.size == 0) {
        return true;
    }
    uint32_t identity = judge_identity(judge, question->issuer.size > 0 ? question->issuer : SLICE("NHS"), question->patient_id);
    return identity != JUDGE_NONE && judge_same_group(judge, identity, study->identity);
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
    for (uint32_t h = judge->studies[study].holdings; row->holders.size > 0 && h != JUDGE_NONE; h = judge->holdings[h].next) {
        const struct holding *holding = &judge->holdings[h];
        bool whole = holding->instances >= judge->studies[study].instances && holding->complete_at < question->asked_at && holding->gone_at == TIME_NEVER;
        if (whole && judge_is(judge, holding->node, KIND_PACS) && !lists(row->holders, holding->node)) {
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
static bool is_settled(const struct judge *judge, const struct question *question, const struct truth_study *study)
{
    bool there = false;
    for (uint32_t h = study->holdings; h != JUDGE_NONE; h = judge->holdings[h].next) {
        const struct holding *holding = &judge->holdings[h];
        there = there || (holding->first_at < question->asked_at && holding->gone_at == TIME_NEVER && judge_is(judge, holding->node, KIND_PACS));
    }
    return there && study->rejected_at == TIME_NEVER && (question->patient_id.size == 0 || judge_is_certain(judge, study->person, question->asked_at));
}

static const struct shown_row *shown_row(const struct judge *judge, const struct truth_study *study, uint32_t q)
{
    return study->shown_to == q ? &judge->rows[study->row] : NULL;
}

/* One study that answers the question: was it shown as it should be? */
static void check_study(struct judge *judge, const struct question *question, uint32_t q, uint32_t s)
{
    const struct truth_study *study = &judge->studies[s];
    const struct shown_row *row = shown_row(judge, study, q);
    bool settled = is_settled(judge, question, study);
    const int64_t lines[] = {question->asked_line, question->answered_line, row == NULL ? study->line : row->line};
    if (study->rejected_at < question->asked_at) {
        judge_case(judge, INVARIANT_rejected_stays_hidden, row != NULL, lines, 3, "question %.*s by %.*s and rejected study %.*s: %s", SLICE_ARGS(question->id),
                   SLICE_ARGS(question->viewer), SLICE_ARGS(study->uid), row != NULL ? "shown" : "not shown");
        return;
    }
    const char *copy = row == NULL || question->flagged || !settled ? NULL : wrong_copy(judge, question, s, row);
    if (row == NULL && settled && !question->flagged && !has_other_keys(question->text)) {
        judge->silently_missing++;
        judge_case(judge, INVARIANT_answer_is_true, true, lines, 3, "question %.*s by %.*s: study %.*s exists and was not shown, and nothing said so",
                   SLICE_ARGS(question->id), SLICE_ARGS(question->viewer), SLICE_ARGS(study->uid));
    } else if (row != NULL && study->shown > 1) {
        judge_case(judge, INVARIANT_answer_is_true, true, lines, 3, "question %.*s by %.*s: study %.*s was shown %u times", SLICE_ARGS(question->id),
                   SLICE_ARGS(question->viewer), SLICE_ARGS(study->uid), study->shown);
    } else if (copy != NULL) {
        judge_case(judge, INVARIANT_answer_is_true, true, lines, 3, "question %.*s by %.*s: study %.*s was shown %s (named: %.*s)", SLICE_ARGS(question->id),
                   SLICE_ARGS(question->viewer), SLICE_ARGS(study->uid), copy, SLICE_ARGS(row->holders));
    }
}

/* Calls check_study for all that answer; returns how many there are. */
static int64_t check_studies(struct judge *judge, const struct question *question, uint32_t q)
{
    int64_t count = 0;
    uint32_t first = JUDGE_NONE, identity = JUDGE_NONE;
    if (question->study_uid.size > 0) {
        first = judge_study(judge, question->study_uid);
    } else if (question->accession.size > 0) {
        (void)map_find(&judge->accession_map, question->accession, &first);
    } else {
        identity = judge_identity(judge, question->issuer.size > 0 ? question->issuer : SLICE("NHS"), question->patient_id);
    }
    for (uint32_t s = first; s != JUDGE_NONE; s = question->study_uid.size > 0 ? judge->studies[s].next_uid : judge->studies[s].next_accession) {
        if (answers(judge, question, s)) {
            check_study(judge, question, q, s);
            count++;
        }
    }
    uint32_t begin = identity == JUDGE_NONE ? JUDGE_NONE : judge->identities[identity].link, link = begin;
    while (link != JUDGE_NONE) {
        uint32_t of = judge->links[link].identity;
        for (uint32_t s = of == JUDGE_NONE ? JUDGE_NONE : judge->identities[of].studies; s != JUDGE_NONE; s = judge->studies[s].next_identity, count++) {
            check_study(judge, question, q, s);
        }
        link = judge->links[link].next == begin ? JUDGE_NONE : judge->links[link].next;
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
        struct truth_study *study = &judge->studies[row->study];
        study->shown = study->shown_to == q ? study->shown + 1 : 1;
        study->row = r;
        study->shown_to = q;
        if (!is_broad(question) && !answers(judge, question, row->study)) {
            judge_case(judge, INVARIANT_answer_is_true, true, lines, 3, "question %.*s by %.*s: study %.*s was shown and does not answer it", SLICE_ARGS(question->id),
                       SLICE_ARGS(question->viewer), SLICE_ARGS(row->uid));
        }
    }
}

static void check_truth(struct judge *judge, const struct question *question, uint32_t q)
{
    int64_t before = judge->invariants[INVARIANT_answer_is_true].violations;
    check_rows(judge, question, q);
    int64_t expected = is_broad(question) ? question->row_count : check_studies(judge, question, q);
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
    judge_case(judge, INVARIANT_partial_is_flagged, wrong, lines, 2, "question %.*s by %.*s was %s; %s", SLICE_ARGS(question->id), SLICE_ARGS(question->viewer),
               question->flagged ? "marked incomplete" : "not marked", cause.why);
}

/* ---- Answers. */

static void take_latency(struct judge *judge, enum latency_kind kind, int64_t latency_ns)
{
    if (judge->latency_counts[kind] < JUDGE_LATENCIES_MAX) {
        judge->latencies[kind][judge->latency_counts[kind]++] = latency_ns;
    }
}

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
        take_latency(judge, LATENCY_query, seen->latency_ns);
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

/* Without an answer because the engine was killed, or the asker cut it: nobody owes one. */
static bool is_excused(const struct judge *judge, slice viewer, time_ns asked_at, time_ns answered_at)
{
    return is_stranger(judge, viewer) || judge_disturbed(judge, judge_engine(judge), asked_at, answered_at) || judge_disturbed(judge, viewer, asked_at, answered_at);
}

static enum err retrieve_asked(struct judge *judge, const struct observation *seen, int64_t line)
{
    char text[JUDGE_KEY_SIZE];
    slice key = judge_keep(judge, judge_key(text, seen->actor, seen->other_id));
    if (judge->retrieve_count == JUDGE_QUERIES_MAX || map_put(&judge->retrieve_map, key, judge->retrieve_count) != ERR_OK) {
        return ERR_LIMIT;
    }
    judge->retrieves[judge->retrieve_count++] = (struct retrieve){judge_keep(judge, seen->other_id), judge_keep(judge, seen->actor), judge_keep(judge, seen->study_uid),
                                                                  seen->at_ns, line, 0};
    return ERR_OK;
}

static void retrieve_answered(struct judge *judge, const struct observation *seen, int64_t line)
{
    char text[JUDGE_KEY_SIZE];
    uint32_t found = 0;
    bool known = map_find(&judge->retrieve_map, judge_key(text, seen->actor, seen->other_id), &found);
    struct retrieve *retrieve = known ? &judge->retrieves[found] : NULL;
    bool lost = seen->number <= STATUS_NONE_LOST, again = !known || ++retrieve->answers > 1;
    bool wrong = again || (lost && !is_excused(judge, seen->actor, retrieve->asked_at, seen->at_ns));
    const int64_t lines[] = {known ? retrieve->asked_line : 0, line};
    judge_case(judge, INVARIANT_one_final_answer, wrong, lines, 2, "retrieve %.*s by %.*s %s", SLICE_ARGS(seen->other_id), SLICE_ARGS(seen->actor),
               again ? "ended more than once" : lost ? "lost its association" : "had its final answer");
    take_latency(judge, LATENCY_retrieve, seen->latency_ns);
}

static void watched(struct judge *judge, const struct observation *seen)
{
    struct truth_exam *exam = seen->flag ? judge_exam(judge, seen->issuer, seen->accession, false) : NULL;
    if (exam != NULL && !exam->watched) {
        exam->watched = true;
        judge->counts[COUNT_published]++;
        take_latency(judge, LATENCY_publish, seen->latency_ns);
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
        take_latency(judge, LATENCY_first_image, seen->latency_ns);
        return ERR_OK;
    case OBSERVATION_watched:
        watched(judge, seen);
        return ERR_OK;
    default:
        return ERR_OK;
    }
}

/* ---- The end: a run that was cut short owes no answers. */

void judge_questions_end(struct judge *judge, bool ended)
{
    for (uint32_t q = 0; q < judge->question_count; q++) {
        const struct question *question = &judge->questions[q];
        const int64_t lines[] = {question->asked_line, question->answered_line};
        bool lost = question->answers == 1 && question->status <= STATUS_NONE_LOST;
        bool excused = is_excused(judge, question->viewer, question->asked_at, question->answered_at);
        bool wrong = question->answers > 1 || (question->answers == 0 ? ended && !excused : lost && !excused);
        judge_case(judge, INVARIANT_one_final_answer, wrong, lines, 2, "question %.*s by %.*s %s", SLICE_ARGS(question->id), SLICE_ARGS(question->viewer),
                   question->answers > 1 ? "got more than one final answer" : question->answers == 0 ? "got no final answer" : lost ? "lost its association" : "had its final answer");
    }
    for (uint32_t r = 0; r < judge->retrieve_count; r++) {
        const struct retrieve *retrieve = &judge->retrieves[r];
        const int64_t lines[] = {retrieve->asked_line};
        if (retrieve->answers == 0 && ended && !is_excused(judge, retrieve->viewer, retrieve->asked_at, TIME_NEVER)) {
            judge_case(judge, INVARIANT_one_final_answer, true, lines, 1, "retrieve %.*s by %.*s never got a final answer", SLICE_ARGS(retrieve->id), SLICE_ARGS(retrieve->viewer));
        }
    }
}
