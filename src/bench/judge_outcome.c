/* SPDX-License-Identifier: MIT
 *
 * What it came to: latencies, expectations, the story as lines between sites, what bit and who coped, and the
 * outcome digest, in which nothing depends on timing (design section 9.2). */
#include "src/bench/judge_private.h"

#include "src/base/hash.h"
#include "src/engine/state.h"

#include <stdio.h>
#include <stdlib.h>

#define EDGE_NS (2 * TIME_S) /* design section 9.2 */

/* ---- Expectations. */

/* Ready before RADIS2 was told that the exam was done: stamps in messages have whole seconds, so the telling is what counts. */
static int64_t priors_ready_before_scan(struct judge *judge)
{
    int64_t ready = 0;
    uint32_t cursor = judge->table_first[TABLE_prior];
    for (const struct record *prior = NULL; (prior = judge_row(judge, &cursor)) != NULL;) {
        slice accession = prior->values[COLUMN_prior_exam].text, issuer = slice_cut(&accession, '/');
        const struct truth_exam *exam = judge_exam(judge, issuer, accession, false);
        int64_t at = prior->values[COLUMN_prior_ready_at].integer;
        ready += at > 0 && (exam == NULL || at < exam->completed_at);
    }
    return ready;
}

static bool measure(struct judge *judge, const struct results *results, slice of, int64_t *value)
{
    static const char *const names[COUNT_COUNT] = {
#define COUNT(name, from, text) #name,
#include "src/bench/counts.def"
#undef COUNT
    };
    for (int i = 0; i < COUNT_COUNT; i++) {
        if (slice_equal(of, slice_from(names[i]))) {
            *value = judge->counts[i];
            return true;
        }
    }
    const struct {
        const char *name;
        int64_t value;
    } more[] = {{"priors_ready_before_scan", priors_ready_before_scan(judge)}, {"wrong_patient", judge->wrong_patient}, {"silently_missing", judge->silently_missing},
                {"engine_lives", results->lives}, {"rows_with_two_holders", judge->rows_with_two_holders}};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        if (slice_equal(of, slice_from(more[i].name))) {
            *value = more[i].value;
            return true;
        }
    }
    return false;
}

static void check_expectations(struct judge *judge, struct results *results)
{
    const struct scenario *scenario = judge->scenario;
    results->expectations = arena_array(judge->arena, scenario->expectation_count + 1, sizeof *results->expectations);
    for (size_t i = 0; results->expectations != NULL && i < scenario->expectation_count; i++) {
        const struct expectation *expectation = &scenario->expectations[i];
        struct expectation_result *result = &results->expectations[results->expectation_count++];
        *result = (struct expectation_result){.expectation = expectation};
        bool known = measure(judge, results, expectation->of, &result->value);
        int64_t low = expectation->low, high = expectation->high;
        if (expectation->kind == BOUND_ALL) {
            low = high = judge->completed_exams; /* every exam that RADIS2 said was done */
        }
        bool enough = expectation->kind == BOUND_MAX || result->value >= low, few = expectation->kind == BOUND_MIN || result->value <= high;
        result->pass = known && enough && few;
    }
}

/* ---- Story lines. */

/* Whom a question is about, by the scenario's name for her; its other keys are in the evidence. */
static slice asked_person(struct judge *judge, const struct observation *seen)
{
    uint32_t identity = judge_identity(judge, seen->issuer.size > 0 ? seen->issuer : SLICE("NHS"), seen->patient_id);
    uint32_t person = identity == JUDGE_NONE ? JUDGE_NONE : judge->identities[identity].person;
    return person == JUDGE_NONE ? judge_keep(judge, seen->person) : judge->persons[person].id;
}

static struct story_line *add_line(struct judge *judge, const struct observation *seen, int64_t line, const char *kind)
{
    if (!judge->story_begun || judge->story_count == JUDGE_STORY_MAX) {
        return NULL;
    }
    struct story_line *story = &judge->story[judge->story_count++];
    *story = (struct story_line){.at_ns = seen->at_ns, .end_ns = seen->at_ns, .from = judge_keep(judge, seen->actor), .kind = slice_from(kind),
                                 .text = judge_keep(judge, seen->text), .study_uid = judge_keep(judge, seen->study_uid), .person = asked_person(judge, seen), .line = line, .count = 1};
    return story;
}

static void arrow(struct judge *judge, const struct observation *seen, int64_t line, const char *kind, bool to_engine)
{
    struct story_line *story = add_line(judge, seen, line, kind);
    if (story == NULL) {
        return;
    }
    slice node = story->from, engine = judge_engine(judge);
    story->from = to_engine ? node : engine;
    story->to = to_engine ? engine : node;
    story->bad = seen->kind == OBSERVATION_query_answered ? seen->flag || seen->number < 0 : seen->number != 0 && seen->kind == OBSERVATION_retrieve_answered;
    story->count = seen->count;
    if (seen->kind == OBSERVATION_hl7_sent && seen->name.size > 0) {
        struct buffer text = buffer_make(judge->arena, seen->text.size + seen->name.size + 1);
        buffer_put(&text, seen->text);
        buffer_put_text(&text, " ");
        buffer_put(&text, seen->name);
        story->text = buffer_slice(&text);
    }
}

/* Deliveries of one study to one node are one thick arrow, as long as no fault lies in between. */
static void delivery(struct judge *judge, const struct observation *seen, int64_t line)
{
    for (uint32_t i = judge->story_count; i > 0 && i + 24 > judge->story_count; i--) {
        struct story_line *story = &judge->story[i - 1];
        if (slice_equal(story->kind, SLICE("fault"))) {
            break;
        }
        if (slice_equal(story->kind, SLICE("store")) && slice_equal(story->to, seen->actor) && slice_equal(story->study_uid, seen->study_uid)) {
            story->count++;
            story->bytes += seen->count;
            story->end_ns = seen->at_ns;
            return;
        }
    }
    struct story_line *story = add_line(judge, seen, line, "store");
    if (story != NULL) {
        story->to = story->from;
        story->from = judge_engine(judge);
        story->bytes = seen->count;
    }
}

/* "held at store 20" */
static slice held_text(struct judge *judge, const struct observation *seen)
{
    struct buffer text = buffer_make(judge->arena, seen->text.size + 32);
    buffer_put_text(&text, "held at ");
    buffer_put(&text, seen->text);
    buffer_put_byte(&text, ' ');
    buffer_put_int(&text, seen->count);
    return buffer_slice(&text);
}

void judge_story(struct judge *judge, const struct observation *seen, int64_t line)
{
    bool watcher = slice_equal(seen->actor, SLICE("watcher"));
    switch (seen->kind) {
    case OBSERVATION_story:
        judge->story_begun = true;
        (void)add_line(judge, seen, line, "step");
        break;
    case OBSERVATION_hl7_sent:
        arrow(judge, seen, line, "hl7", true);
        break;
    case OBSERVATION_query_asked:
    case OBSERVATION_retrieve_asked:
        if (!watcher) {
            arrow(judge, seen, line, seen->kind == OBSERVATION_query_asked ? "find" : "move", true);
        }
        break;
    case OBSERVATION_query_answered:
    case OBSERVATION_retrieve_answered:
        if (!watcher) {
            arrow(judge, seen, line, seen->kind == OBSERVATION_query_answered ? "answer" : "moved", false);
        }
        break;
    case OBSERVATION_move_received:
        arrow(judge, seen, line, "move", false);
        break;
    case OBSERVATION_delivered:
        delivery(judge, seen, line);
        break;
    case OBSERVATION_fault_began:
    case OBSERVATION_fault_ended:
    case OBSERVATION_held:
    case OBSERVATION_killed:
    case OBSERVATION_restarted: {
        struct story_line *story = add_line(judge, seen, line, seen->kind == OBSERVATION_killed || seen->kind == OBSERVATION_fault_began ? "fault" : "event");
        if (story != NULL) {
            story->bad = slice_equal(story->kind, SLICE("fault"));
            story->text = seen->text.size > 0 ? story->text : slice_from(observation_text(seen->kind));
            story->text = seen->kind == OBSERVATION_held ? held_text(judge, seen) : story->text;
            story->count = seen->kind == OBSERVATION_fault_ended || seen->kind == OBSERVATION_restarted ? -1 : 1; /* -1: the end of one */
        }
        break;
    }
    default:
        break;
    }
}

/* ---- The outcome digest: an order-free sum of sentences. */

static void add_outcome(struct judge *judge, struct results *results, const char *sentence, bool at_edge)
{
    judge->outcome += hash64(0x6F7574, slice_from(sentence));
    if (results->outcomes != NULL && results->outcome_count < OUTCOMES_MAX) {
        results->outcomes[results->outcome_count] = (struct outcome_item){judge_keep(judge, slice_from(sentence)), at_edge};
    }
    results->outcome_count++;
}

/* Did a fault begin or end at a node that this touches? A question touches every PACS, a transfer its holders. */
static bool is_at_edge(const struct judge *judge, slice node, slice study_uid, time_ns from, time_ns until)
{
    for (uint32_t f = 0; f < judge->fault_count; f++) {
        const struct fault_window *window = &judge->faults[f];
        bool began = window->from >= from - EDGE_NS && window->from <= until + EDGE_NS, ended = window->until >= from - EDGE_NS && window->until - EDGE_NS <= until;
        bool touched = slice_equal(window->node, node) || slice_equal(window->node, judge_engine(judge)) || study_uid.size == 0;
        for (uint32_t s = study_uid.size == 0 ? JUDGE_NONE : judge_study(judge, study_uid); s != JUDGE_NONE; s = judge->studies[s].next_uid) {
            for (uint32_t h = judge->studies[s].holdings; h != JUDGE_NONE; h = judge->holdings[h].next) {
                touched = touched || slice_equal(judge->holdings[h].node, window->node);
            }
        }
        if (touched && (began || ended)) {
            return true;
        }
    }
    return false;
}

static void outcome_rows(struct judge *judge, struct results *results)
{
    char text[1024];
    uint32_t cursor = judge->table_first[TABLE_exam];
    for (const struct record *row = NULL; (row = judge_row(judge, &cursor)) != NULL;) {
        snprintf(text, sizeof text, "exam %.*s/%.*s state %lld", SLICE_ARGS(row->values[COLUMN_exam_issuer].text), SLICE_ARGS(row->values[COLUMN_exam_accession].text),
                 (long long)row->values[COLUMN_exam_state].integer);
        add_outcome(judge, results, text, false);
    }
    cursor = judge->table_first[TABLE_identifier];
    for (const struct record *row = NULL; (row = judge_row(judge, &cursor)) != NULL;) {
        /* A person is named by her own number where that is the NHS's: row numbers, and numbers made of them, may differ between runs. */
        const struct record *person = judge_row_by_id(judge, TABLE_person, judge_survivor(judge, row->values[COLUMN_identifier_person].integer));
        bool nhs = person != NULL && slice_equal(person->values[COLUMN_person_issuer].text, SLICE("NHS"));
        slice own = nhs ? person->values[COLUMN_person_patient_id].text : SLICE_EMPTY;
        snprintf(text, sizeof text, "link %.*s/%.*s to %.*s", SLICE_ARGS(row->values[COLUMN_identifier_issuer].text), SLICE_ARGS(row->values[COLUMN_identifier_value].text),
                 SLICE_ARGS(own));
        add_outcome(judge, results, text, false);
    }
    cursor = judge->table_first[TABLE_tombstone];
    for (const struct record *row = NULL; (row = judge_row(judge, &cursor)) != NULL;) {
        snprintf(text, sizeof text, "tombstone %.*s %.*s", SLICE_ARGS(row->values[COLUMN_tombstone_uid].text), SLICE_ARGS(row->values[COLUMN_tombstone_code].text));
        add_outcome(judge, results, text, false);
    }
}

/* Instances of the study that are at the destination. */
static int64_t there(const struct judge *judge, const struct transfer_result *transfer)
{
    int64_t most = 0;
    for (uint32_t s = judge_study(judge, transfer->study_uid); s != JUDGE_NONE; s = judge->studies[s].next_uid) {
        for (uint32_t h = judge->studies[s].holdings; h != JUDGE_NONE; h = judge->holdings[h].next) {
            bool here = slice_equal(judge->holdings[h].node, transfer->destination);
            most = here && judge->holdings[h].instances > most ? judge->holdings[h].instances : most;
        }
    }
    return most;
}

static void outcome_transfers(struct judge *judge, struct results *results)
{
    char text[1024];
    for (size_t i = 0; i < results->transfer_count; i++) {
        const struct transfer_result *transfer = &results->transfers[i];
        snprintf(text, sizeof text, "transfer %.*s to %.*s for %lld: state %lld, %lld there", SLICE_ARGS(transfer->study_uid), SLICE_ARGS(transfer->destination),
                 (long long)transfer->reason, (long long)transfer->state, (long long)there(judge, transfer));
        add_outcome(judge, results, text, is_at_edge(judge, transfer->destination, transfer->study_uid, transfer->accepted_at, transfer->ended_at == 0 ? judge->now : transfer->ended_at));
    }
}

/* A question that is asked until it is complete has ids 7, 7.2, 7.3: it counts once, with its last answer. */
static bool is_last_attempt(const struct judge *judge, const struct question *question)
{
    char text[JUDGE_KEY_SIZE], next[128];
    size_t dot = slice_index(question->id, '.');
    int64_t attempt = 1;
    uint32_t found = 0;
    (void)slice_to_int64(slice_after(question->id, dot + 1), &attempt);
    snprintf(next, sizeof next, "%.*s.%lld", SLICE_ARGS(slice_before(question->id, dot)), (long long)attempt + 1);
    return !map_find(&judge->question_map, judge_key(text, question->viewer, slice_from(next)), &found);
}

/* The watcher asks as often as it takes: its questions are left out. */
static void outcome_questions(struct judge *judge, struct results *results)
{
    char text[1024];
    for (uint32_t q = 0; q < judge->question_count; q++) {
        const struct question *question = &judge->questions[q];
        if (!question->watcher && is_last_attempt(judge, question)) {
            snprintf(text, sizeof text, "question %.*s of %.*s: %s", SLICE_ARGS(slice_before(question->id, slice_index(question->id, '.'))), SLICE_ARGS(question->viewer),
                     question->flagged ? "incomplete" : "complete");
            add_outcome(judge, results, text, is_at_edge(judge, question->viewer, SLICE_EMPTY, question->asked_at, question->answers == 0 ? judge->now : question->answered_at));
        }
    }
}

/* ---- Nodes. */

static slice tallied(struct judge *judge, slice node, bool coped)
{
    struct buffer text = buffer_make(judge->arena, 2048);
    for (uint32_t i = 0; i < judge->tally_count; i++) {
        const struct quirk_tally *tally = &judge->tallies[i];
        if (tally->coped == coped && slice_equal(tally->node, node)) {
            buffer_put_text(&text, text.size == 0 ? "" : ", ");
            buffer_put(&text, tally->what);
            buffer_put_text(&text, " x");
            buffer_put_int(&text, tally->count);
        }
    }
    return buffer_slice(&text);
}

void judge_tally(struct judge *judge, slice node, slice what, bool coped)
{
    char text[JUDGE_KEY_SIZE], both[JUDGE_KEY_SIZE];
    slice key = judge_key(text, coped ? SLICE("coped") : SLICE("bit"), judge_key(both, node, slice_before(what, 200)));
    uint32_t at = 0;
    if (!map_find(&judge->tally_map, key, &at)) {
        if (judge->tally_count == JUDGE_TALLIES_MAX || map_put(&judge->tally_map, judge_keep(judge, key), judge->tally_count) != ERR_OK) {
            return;
        }
        at = judge->tally_count++;
        judge->tallies[at] = (struct quirk_tally){judge_keep(judge, node), judge_keep(judge, what), 0, coped};
    }
    judge->tallies[at].count++;
}

static void fill_nodes(struct judge *judge, struct results *results)
{
    const struct scenario *scenario = judge->scenario;
    results->nodes = arena_array(judge->arena, scenario->node_count, sizeof *results->nodes);
    for (uint32_t n = 0; results->nodes != NULL && n < scenario->node_count; n++) {
        struct node_result *node = &results->nodes[results->node_count++];
        *node = (struct node_result){.node = n};
        for (uint32_t h = 0; h < judge->holding_count; h++) {
            if (slice_equal(judge->holdings[h].node, scenario->nodes[n].id)) {
                node->studies++;
                node->images += judge->holdings[h].instances;
            }
        }
        node->quirks_bit = tallied(judge, scenario->nodes[n].id, false);
        node->coped = tallied(judge, scenario->nodes[n].id, true);
    }
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

void judge_outcome(struct judge *judge, struct results *results)
{
    memcpy(results->counts, judge->counts, sizeof judge->counts);
    for (int i = 0; i < LATENCY_COUNT; i++) {
        qsort(judge->latencies[i], (size_t)judge->latency_counts[i], sizeof(int64_t), by_value);
        results->latency[i] = (struct latency){judge->latency_counts[i], judge->latencies[i]};
    }
    fill_nodes(judge, results);
    check_expectations(judge, results);
    results->outcomes = arena_array(judge->arena, OUTCOMES_MAX, sizeof *results->outcomes);
    outcome_rows(judge, results);
    outcome_transfers(judge, results);
    outcome_questions(judge, results);
    results->outcome_count = results->outcomes == NULL || results->outcome_count > OUTCOMES_MAX ? 0 : results->outcome_count;
    results->outcome_digest = judge->outcome;
    results->story = judge->story;
    results->story_count = judge->story_count;
}
