/* SPDX-License-Identifier: MIT
 *
 * Questions and answers: each question has one final answer; an unmarked one shows the truth, a marked one has
 * a cause. A study that came or went while the question was open may be shown or not: both are true. */
#include "src/bench/judge_private.h"

static struct question *open_question(struct judge *judge, const struct observation *seen)
{
    uint32_t found = 0;
    if (map_find(&judge->question_map, judge_key(judge, seen->actor, seen->other_id), &found)) {
        return &judge->questions[found];
    }
    return NULL;
}

static enum err asked(struct judge *judge, const struct observation *seen, int64_t line)
{
    if (judge->question_count == JUDGE_QUERIES_MAX ||
        map_put(&judge->question_map, judge_key(judge, seen->actor, seen->other_id), judge->question_count) != ERR_OK) {
        return ERR_LIMIT;
    }
    judge->questions[judge->question_count++] = (struct question){
        .id = judge_keep(judge, seen->other_id), .viewer = judge_keep(judge, seen->actor), .patient_id = judge_keep(judge, seen->patient_id),
        .issuer = judge_keep(judge, seen->issuer), .accession = judge_keep(judge, seen->accession), .study_uid = judge_keep(judge, seen->study_uid),
        .text = judge_keep(judge, seen->text), .asked_at = seen->at_ns, .answered_at = TIME_NEVER, .asked_line = line,
        .watcher = slice_equal(seen->actor, SLICE("watcher")), .study_level = slice_starts(seen->text, SLICE("STUDY")), .row_first = judge->row_count};
    return ERR_OK;
}

/* The person whom the row's number names owns a study of this UID? */
static void check_row_person(struct judge *judge, const struct question *question, const struct observation *seen, int64_t line)
{
    slice issuer = seen->issuer.size > 0 ? seen->issuer : SLICE("NHS");
    uint32_t identity = judge_identity(judge, issuer, seen->patient_id);
    bool right = slice_equal(issuer, SLICE("PONT")), known = false;
    for (uint32_t s = 0; s < judge->study_count; s++) {
        const struct truth_study *study = &judge->studies[s];
        if (slice_equal(study->uid, seen->study_uid)) {
            known = true;
            right = right || (identity != UINT32_MAX && slice_equal(judge->identities[identity].person, study->person));
        }
    }
    judge->wrong_patient += !(right && known);
    const int64_t lines[] = {question->asked_line, line};
    judge_case(judge, INVARIANT_right_patient, !(right && known), lines, 2, "%.*s was shown study %.*s under %.*s (issuer %.*s)", SLICE_ARGS(seen->actor),
               SLICE_ARGS(seen->study_uid), SLICE_ARGS(seen->patient_id), SLICE_ARGS(issuer));
}

static enum err row_shown(struct judge *judge, const struct observation *seen, int64_t line)
{
    struct question *question = open_question(judge, seen);
    if (question == NULL || !question->study_level) {
        return ERR_OK;
    }
    if (judge->row_count == JUDGE_QUERIES_MAX * 4) {
        return ERR_LIMIT;
    }
    judge->rows[judge->row_count++] = (struct shown_row){judge_keep(judge, seen->study_uid), judge_keep(judge, seen->patient_id),
                                                         judge_keep(judge, seen->issuer), judge_keep(judge, seen->other_issuer), line};
    question->row_count++;
    judge->rows_with_two_holders += slice_index(seen->other_issuer, '\\') < seen->other_issuer.size;
    check_row_person(judge, question, seen, line);
    return ERR_OK;
}

/* Does the truth say that this study answers the question? */
static bool answers(const struct judge *judge, const struct question *question, const struct truth_study *study)
{
    if (question->study_uid.size > 0) {
        return slice_equal(question->study_uid, study->uid);
    }
    if (question->accession.size > 0) {
        return slice_equal(question->accession, study->accession);
    }
    slice issuer = question->issuer.size > 0 ? question->issuer : SLICE("NHS");
    uint32_t identity = judge_identity(judge, issuer, question->patient_id);
    return identity != UINT32_MAX && judge_root(judge, identity) == judge_root(judge, study->identity);
}

/* How many rows of this question are this study? Two studies of one UID are told apart by the person. */
static int64_t rows_of(const struct judge *judge, const struct question *question, const struct truth_study *study, const struct shown_row **row)
{
    int64_t count = 0;
    for (uint32_t r = question->row_first; r < judge->row_count; r++) {
        const struct shown_row *shown = &judge->rows[r];
        if (!slice_equal(shown->uid, study->uid)) {
            continue;
        }
        uint32_t identity = judge_identity(judge, shown->issuer.size > 0 ? shown->issuer : SLICE("NHS"), shown->patient_id);
        bool same = identity == UINT32_MAX || slice_equal(judge->identities[identity].person, study->person);
        if (same) {
            *row = shown;
            count++;
        }
    }
    return count;
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

/* Every copy that was whole before the question must be named. Viewers answer no question themselves: theirs may be. */
static bool names_all_copies(const struct judge *judge, const struct question *question, uint32_t study, const struct shown_row *row)
{
    for (uint32_t h = 0; row->holders.size > 0 && h < judge->holding_count; h++) {
        const struct holding *holding = &judge->holdings[h];
        if (holding->study == study && holding->complete_at < question->asked_at && judge_is_pacs(judge, holding->node) && !lists(row->holders, holding->node)) {
            return false;
        }
    }
    return true;
}

static void check_study(struct judge *judge, const struct question *question, uint32_t s, int64_t line)
{
    const struct truth_study *study = &judge->studies[s];
    const struct shown_row *row = NULL;
    int64_t shown = rows_of(judge, question, study, &row);
    bool gone = study->rejected_at < question->asked_at, settled = study->first_at < question->asked_at && study->rejected_at > question->answered_at;
    const int64_t lines[] = {question->asked_line, line, row == NULL ? 0 : row->line};
    if (gone) {
        judge_case(judge, INVARIANT_rejected_stays_hidden, shown > 0, lines, 3, "question %.*s and rejected study %.*s", SLICE_ARGS(question->id), SLICE_ARGS(study->uid));
        return;
    }
    if (!question->flagged && settled && shown == 0) {
        judge->silently_missing++;
        judge_case(judge, INVARIANT_answer_is_true, true, lines, 2, "question %.*s by %.*s: study %.*s exists and was not shown, and nothing said so",
                   SLICE_ARGS(question->id), SLICE_ARGS(question->viewer), SLICE_ARGS(study->uid));
    } else if (shown > 1) {
        judge_case(judge, INVARIANT_answer_is_true, true, lines, 3, "question %.*s: study %.*s was shown %lld times", SLICE_ARGS(question->id), SLICE_ARGS(study->uid), (long long)shown);
    } else if (!question->flagged && settled && !names_all_copies(judge, question, s, row)) {
        judge_case(judge, INVARIANT_answer_is_true, true, lines, 3, "question %.*s: study %.*s was shown without one of its copies (named: %.*s)",
                   SLICE_ARGS(question->id), SLICE_ARGS(study->uid), SLICE_ARGS(row->holders));
    }
}

static void check_truth(struct judge *judge, const struct question *question, int64_t line)
{
    int64_t before = judge->invariants[INVARIANT_answer_is_true].violations, expected = 0;
    for (uint32_t s = 0; s < judge->study_count; s++) {
        if (answers(judge, question, &judge->studies[s])) {
            check_study(judge, question, s, line);
            expected++;
        }
    }
    int64_t shown_known = 0;
    for (uint32_t s = 0; s < judge->study_count; s++) {
        const struct shown_row *row = NULL;
        shown_known += answers(judge, question, &judge->studies[s]) ? rows_of(judge, question, &judge->studies[s], &row) : 0;
    }
    const int64_t lines[] = {question->asked_line, line};
    if (shown_known < question->row_count) {
        judge_case(judge, INVARIANT_answer_is_true, true, lines, 2, "question %.*s: %lld rows do not answer it", SLICE_ARGS(question->id), (long long)(question->row_count - shown_known));
    } else if (judge->invariants[INVARIANT_answer_is_true].violations == before) {
        judge_case(judge, INVARIANT_answer_is_true, false, lines, 2, "question %.*s by %.*s (%.*s): %lld of %lld studies, %s", SLICE_ARGS(question->id),
                   SLICE_ARGS(question->viewer), SLICE_ARGS(question->text), (long long)question->row_count, (long long)expected,
                   question->flagged ? "marked incomplete" : "complete");
    }
}

/* Was a PACS away for the whole of the question (then the mark is due), or at any time in it (then it is allowed)? */
static void check_flag(struct judge *judge, const struct question *question, int64_t line)
{
    bool due = false, allowed = false;
    for (uint32_t f = 0; f < judge->fault_count; f++) {
        const struct fault_window *fault = &judge->faults[f];
        bool stops_answers = slice_starts(fault->effect, SLICE("down")) || slice_starts(fault->effect, SLICE("hang")) || slice_starts(fault->effect, SLICE("crash"));
        due = due || (stops_answers && fault->from <= question->asked_at && fault->until >= question->answered_at);
        allowed = allowed || (fault->from <= question->answered_at && fault->until >= question->asked_at - 10 * TIME_S);
    }
    for (int64_t i = 0; i < judge->node_failures; i++) {
        allowed = allowed || (judge->failure_times[i] >= question->asked_at && judge->failure_times[i] <= question->answered_at);
    }
    bool wrong = (due && !question->flagged) || (question->flagged && !due && !allowed);
    const int64_t lines[] = {question->asked_line, line};
    judge_case(judge, INVARIANT_partial_is_flagged, wrong, lines, 2, "question %.*s by %.*s was %s; %s", SLICE_ARGS(question->id), SLICE_ARGS(question->viewer),
               question->flagged ? "marked incomplete" : "not marked", due ? "a PACS was away all the while" : allowed ? "a PACS was away for a part of it" : "every PACS was there");
}

static void take_latency(struct judge *judge, enum latency_kind kind, int64_t latency_ns)
{
    if (judge->latency_counts[kind] < JUDGE_LATENCIES_MAX) {
        judge->latencies[kind][judge->latency_counts[kind]++] = latency_ns;
    }
}

static void answered(struct judge *judge, const struct observation *seen, int64_t line)
{
    struct question *question = open_question(judge, seen);
    if (question == NULL) {
        return;
    }
    question->answers++;
    question->answered_at = seen->at_ns;
    question->answered_line = line;
    question->flagged = seen->flag;
    question->status = seen->number;
    if (question->answers > 1) {
        return; /* told at the end */
    }
    if (!question->watcher) {
        judge->counts[COUNT_queries]++;
        judge->counts[COUNT_queries_partial] += seen->flag;
        take_latency(judge, LATENCY_query, seen->latency_ns);
    }
    if (seen->number < 0) {
        return; /* the association was lost: no answer at all, so nothing that could be untrue */
    }
    check_flag(judge, question, line);
    if (question->study_level) {
        check_truth(judge, question, line);
    }
}

static void retrieve(struct judge *judge, const struct observation *seen, int64_t line)
{
    slice key = judge_key(judge, seen->actor, seen->other_id);
    uint32_t count = 0;
    bool open = map_find(&judge->retrieve_map, key, &count);
    if (seen->kind == OBSERVATION_retrieve_asked) {
        judge->retrieves_open += map_put(&judge->retrieve_map, key, 0) == ERR_OK;
        return;
    }
    const int64_t lines[] = {line};
    judge_case(judge, INVARIANT_one_final_answer, !open || count > 0, lines, 1, "retrieve %.*s by %.*s ended with status %04llX", SLICE_ARGS(seen->other_id),
               SLICE_ARGS(seen->actor), (unsigned long long)seen->number);
    judge->retrieves_open -= count == 0;
    (void)!map_put(&judge->retrieve_map, key, count + 1);
    take_latency(judge, LATENCY_retrieve, seen->latency_ns);
}

static void watched(struct judge *judge, const struct observation *seen)
{
    uint32_t value = 0;
    slice key = judge_key(judge, seen->issuer, seen->accession);
    if (seen->flag && !map_find(&judge->watched_map, key, &value) && map_put(&judge->watched_map, key, 1) == ERR_OK) {
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
    case OBSERVATION_retrieve_answered:
        retrieve(judge, seen, line);
        return ERR_OK;
    case OBSERVATION_first_image:
        take_latency(judge, LATENCY_first_image, seen->latency_ns);
        return ERR_OK;
    case OBSERVATION_watched:
        watched(judge, seen);
        return ERR_OK;
    case OBSERVATION_find_answered:
        if (seen->number != 0 && judge->node_failures < JUDGE_QUERIES_MAX) {
            judge->failure_times[judge->node_failures++] = seen->at_ns;
        }
        return ERR_OK;
    default:
        return ERR_OK;
    }
}

void judge_questions_end(struct judge *judge)
{
    for (uint32_t q = 0; q < judge->question_count; q++) {
        const struct question *question = &judge->questions[q];
        const int64_t lines[] = {question->asked_line, question->answered_line};
        judge_case(judge, INVARIANT_one_final_answer, question->answers != 1, lines, 2, "question %.*s by %.*s got %lld final answers", SLICE_ARGS(question->id),
                   SLICE_ARGS(question->viewer), (long long)question->answers);
    }
    if (judge->retrieves_open > 0) {
        judge_case(judge, INVARIANT_one_final_answer, true, NULL, 0, "%lld retrieves never got a final answer", (long long)judge->retrieves_open);
    }
}
