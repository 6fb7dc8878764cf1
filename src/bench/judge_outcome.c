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

static int64_t tally_sum(const struct judge *judge, const char *what, bool coped)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < judge->tally_count; i++) {
        sum += judge->tallies[i].coped == coped && slice_equal(judge->tallies[i].what, slice_from(what)) ? judge->tallies[i].count : 0;
    }
    return sum;
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
    } more[] = {{"priors_ready_before_scan", judge->priors_ready_before}, {"wrong_patient", judge->wrong_patient}, {"silently_missing", judge->silently_missing},
                {"engine_lives", results->lives}, {"rows_with_two_holders", judge->rows_with_two_holders},
                {"caps_bit", tally_sum(judge, "find_response_cap_silent", false)}, {"caps_coped", tally_sum(judge, "row_cap", true)},
                {"broad_refused", tally_sum(judge, "find_broad_query_blocked", false)}, {"broad_coped", tally_sum(judge, "narrow_first", true)}};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        if (slice_equal(of, slice_from(more[i].name))) {
            *value = more[i].value;
            return true;
        }
    }
    return false;
}

#define SOON_NS (10 * TIME_MIN) /* within this an exam need not have been shown */

/* Its PACS, a line or the engine was away then. */
static bool was_away(const struct judge *judge, slice pacs, time_ns since)
{
    return judge_disturbed(judge, pacs, since, since + SOON_NS) || judge_line_disturbed(judge, since, since + SOON_NS) ||
           judge_disturbed(judge, judge_engine(judge), since, since + SOON_NS);
}

/* Completed, never shown, and rejected as a whole before it had to be: soon after its completion, or so that it could not be
 * seen when it came nor when it went. */
bool judge_is_beyond(const struct judge *judge, const struct truth_exam *exam)
{
    time_ns done_at = judge_time(judge, exam->completed_at), last = INT64_MIN;
    if (exam->completed_at == UINT32_MAX || (exam->flags & EXAM_WATCHED) || exam->studies == JUDGE_NONE) {
        return false;
    }
    for (uint32_t s = exam->studies; s != JUDGE_NONE; s = judge_next_exam(judge, s)) {
        time_ns at = judge_rejected_at(judge, s);
        last = at > last ? at : last;
    }
    slice pacs = judge_spell(judge, judge->studies[exam->studies].origin);
    return last != TIME_NEVER && (last <= done_at + SOON_NS || (was_away(judge, pacs, done_at) && was_away(judge, pacs, last - SOON_NS)));
}

static int64_t exams_beyond(const struct judge *judge)
{
    int64_t count = 0;
    for (uint32_t e = 0; e < judge->exam_count; e++) {
        count += judge_is_beyond(judge, &judge->exams[e]);
    }
    return count;
}

static void check_expectations(struct judge *judge, struct results *results)
{
    const struct scenario *scenario = judge->scenario;
    results->expectations = arena_array(judge->arena, scenario->expectation_count + judge->expected_count + scenario->slo_count * SLO_QUANTILES_MAX + scenario->sometimes_count +
                                                            scenario->never_count + scenario->healed_count + 1, sizeof *results->expectations);
    for (size_t i = 0; results->expectations != NULL && i < scenario->expectation_count; i++) {
        const struct expectation *expectation = &scenario->expectations[i];
        struct expectation_result *result = &results->expectations[results->expectation_count++];
        *result = (struct expectation_result){.expectation = expectation};
        bool known = measure(judge, results, expectation->of, &result->value);
        int64_t low = expectation->low, high = expectation->high;
        if (expectation->kind == BOUND_ALL) {
            low = high = judge->completed_exams - exams_beyond(judge); /* every exam that RADIS2 said was done and that there is */
        }
        bool enough = expectation->kind == BOUND_MAX || result->value >= low, few = expectation->kind == BOUND_MIN || result->value <= high;
        result->pass = known && enough && few;
    }
    struct expectation *answers = arena_array(judge->arena, judge->expected_count + 1, sizeof *answers);
    for (uint32_t i = 0; results->expectations != NULL && answers != NULL && i < judge->expected_count; i++) {
        const struct expected_answer *answer = &judge->expected_answers[i];
        answers[i] = (struct expectation){.id = answer->id, .text = answer->text, .kind = BOUND_EXACTLY, .low = 1, .high = 1};
        results->expectations[results->expectation_count++] = (struct expectation_result){.expectation = &answers[i], .value = answer->value, .pass = answer->value == 1};
    }
}

/* ---- Story lines. */

/* Whom a question is about, by the scenario's name for her; its other keys are in the evidence. */
static slice asked_person(struct judge *judge, const struct observation *seen)
{
    uint32_t identity = judge_identity(judge, seen->issuer.size > 0 ? seen->issuer : SLICE("NHS"), seen->patient_id);
    uint32_t person = identity == JUDGE_NONE ? JUDGE_NONE : judge->identities[identity].person;
    char room[STORE_TEXT_MAX];
    return judge_keep(judge, person == JUDGE_NONE ? seen->person : person < JUDGE_MANY_STUDIES ? judge_text(judge, judge->person_words[person], room) : seen->person);
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

static void add_outcome(struct judge *judge, const char *sentence, bool at_edge)
{
    judge->outcome += hash64(0x6F7574, slice_from(sentence));
    if (judge->outcome_count < OUTCOMES_MAX) {
        judge->outcomes[judge->outcome_count] = (struct outcome_item){judge_keep(judge, slice_from(sentence)), at_edge};
    }
    judge->outcome_count++;
}

static bool is_held(const struct judge *judge, uint32_t study, uint16_t node)
{
    struct holding holding;
    for (uint32_t cursor = JUDGE_HOLDINGS; study != JUDGE_NONE && judge_next_holding(judge, study, &cursor, &holding);) {
        if (holding.node == node) {
            return true;
        }
    }
    return false;
}

/* Did a fault begin or end at a node that this touches? A question touches every PACS, a transfer its holders. */
static bool is_at_edge(const struct judge *judge, uint32_t node, bool question, uint32_t study, time_ns from, time_ns until)
{
    uint32_t engine = judge->fault_count == 0 ? 0 : store_word_find(&judge->words, judge_engine(judge));
    for (uint32_t f = judge->fault_count; f > 0 && judge->faults[f - 1].reach >= from - EDGE_NS; f--) {
        const struct fault_window *window = &judge->faults[f - 1];
        bool began = window->from >= from - EDGE_NS && window->from <= until + EDGE_NS, ended = window->until >= from - EDGE_NS && window->until - EDGE_NS <= until;
        if ((began || ended) && (question || window->node == node || window->node == engine || is_held(judge, study, window->node))) {
            return true;
        }
    }
    return false;
}

static void outcome_rows(struct judge *judge)
{
    char sentence[1024], room[STORE_TEXT_MAX], own[STORE_TEXT_MAX];
    for (uint32_t e = 0; e < judge->exam_count; e++) {
        const struct truth_exam *exam = &judge->exams[e];
        if (exam->engine_state != 0) {
            snprintf(sentence, sizeof sentence, "exam %.*s/%.*s state %u", SLICE_ARGS(judge_spell(judge, exam->issuer)), SLICE_ARGS(judge_text(judge, exam->accession, room)),
                     exam->engine_state);
            add_outcome(judge, sentence, false);
        }
    }
    uint32_t nhs = store_word_find(&judge->words, SLICE("NHS"));
    for (uint32_t i = 0; i < judge->identity_count; i++) {
        const struct identity *identity = &judge->identities[i];
        if (identity->engine == 0 || (identity->flags & IDENTITY_JOINT)) {
            continue;
        }
        /* A person is named by her own number where that is the NHS's: row numbers, and numbers made of them, may differ between runs. */
        uint32_t survivor = judge_survivor(judge, identity->engine);
        const struct engine_person *person = survivor < judge->engine_person_end ? &judge->engine_persons[survivor] : NULL;
        const struct identity *name = person == NULL || person->name == 0 || person->number == JUDGE_NONE ? NULL : &judge->identities[judge_identity_now(judge, person->number)];
        slice number = name != NULL && name->issuer == nhs ? judge_text(judge, name->value, own) : SLICE_EMPTY;
        snprintf(sentence, sizeof sentence, "link %.*s/%.*s to %.*s", SLICE_ARGS(judge_spell(judge, identity->issuer)), SLICE_ARGS(judge_text(judge, identity->value, room)),
                 SLICE_ARGS(number));
        add_outcome(judge, sentence, false);
    }
    for (uint32_t t = 0; t < judge->tombstone_count; t++) {
        if (judge->tombstones[t].alive) {
            snprintf(sentence, sizeof sentence, "tombstone %.*s %.*s", SLICE_ARGS(judge_text(judge, judge->tombstones[t].uid, room)),
                     SLICE_ARGS(judge_spell(judge, judge->tombstones[t].code)));
            add_outcome(judge, sentence, false);
        }
    }
}

/* Instances of the study that are at the destination; of several studies of its UID the most. */
static int64_t there(const struct judge *judge, uint32_t study, uint16_t node)
{
    int64_t most = 0;
    struct holding holding;
    for (uint32_t cursor = JUDGE_HOLDINGS; study != JUDGE_NONE && judge_next_holding(judge, study, &cursor, &holding);) {
        most = holding.node == node && holding.instances > most ? holding.instances : most;
    }
    return most;
}

static void outcome_transfers(struct judge *judge)
{
    char sentence[1024], room[STORE_TEXT_MAX];
    for (uint32_t id = 1; id < judge->demand_end; id++) {
        const struct engine_demand *demand = &judge->demands[id];
        uint32_t study = demand->alive ? judge_demand_study(judge, demand) : JUDGE_NONE;
        if (demand->alive) {
            snprintf(sentence, sizeof sentence, "transfer %.*s to %.*s for %d: state %d, %lld there", SLICE_ARGS(judge_demand_uid(judge, demand, room)),
                     SLICE_ARGS(judge_spell(judge, demand->destination)), demand->reason, demand->state, (long long)there(judge, study, demand->destination));
            add_outcome(judge, sentence, is_at_edge(judge, demand->destination, false, study, demand->accepted_at, demand->ended_at == 0 ? judge->now : demand->ended_at));
        }
    }
}

/* A question that is asked until it is complete has ids 7, 7.2, 7.3: it counts once, with its last answer. */
static bool is_last_attempt(const struct judge *judge, const struct question *question)
{
    char next[128];
    size_t dot = slice_index(question->id, '.');
    int64_t attempt = 1;
    (void)slice_to_int64(slice_after(question->id, dot + 1), &attempt);
    snprintf(next, sizeof next, "%.*s.%lld", SLICE_ARGS(slice_before(question->id, dot)), (long long)attempt + 1);
    return store_index_find(&judge->question_index, store_hash2(question->viewer, slice_from(next))) == JUDGE_NONE;
}

/* The watcher asks as often as it takes: its questions are left out. */
void judge_outcome_of(struct judge *judge, const struct question *question)
{
    char sentence[1024];
    if (!question->watcher && is_last_attempt(judge, question)) {
        snprintf(sentence, sizeof sentence, "question %.*s of %.*s: %s", SLICE_ARGS(slice_before(question->id, slice_index(question->id, '.'))),
                 SLICE_ARGS(question->viewer), question->flagged ? "incomplete" : "complete");
        add_outcome(judge, sentence, is_at_edge(judge, 0, true, JUDGE_NONE, question->asked_at, question->answers == 0 ? judge->now : question->answered_at));
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
    uint64_t key = store_hash_int(store_hash2(node, slice_before(what, 200)), coped);
    uint32_t at = store_index_find(&judge->tally_index, key);
    if (at == JUDGE_NONE) {
        if (judge->tally_count == JUDGE_TALLIES_MAX || store_index_put(&judge->tally_index, key, judge->tally_count) != ERR_OK) {
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
        uint32_t word = store_word_find(&judge->words, scenario->nodes[n].id);
        if (word != STORE_NONE) {
            node->studies = judge->held[word].studies;
            node->images = judge->held[word].images;
        }
        node->quirks_bit = tallied(judge, scenario->nodes[n].id, false);
        node->coped = tallied(judge, scenario->nodes[n].id, true);
    }
}

/* ---- Latencies: one by one, of very many as ten thousand and one quantiles. */

void judge_latency(struct judge *judge, enum latency_kind kind, int64_t latency_ns)
{
    if (judge->latency_counts[kind] < JUDGE_LATENCIES_MAX) {
        judge->latencies[kind][judge->latency_counts[kind]] = latency_ns;
    }
    judge->latency_counts[kind]++;
    histogram_add(&judge->histograms[kind], latency_ns, judge->arena);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

#define QUANTILES 10000
static void fill_latency(struct judge *judge, enum latency_kind kind, struct latency *latency)
{
    *latency = (struct latency){.count = judge->latency_counts[kind], .sorted_ns = judge->latencies[kind], .kept = judge->latency_counts[kind]};
    if (latency->count <= JUDGE_LATENCIES_MAX) {
        qsort(latency->sorted_ns, (size_t)latency->count, sizeof(int64_t), by_value);
        return;
    }
    latency->kept = QUANTILES + 1;
    for (int64_t i = 0; i <= QUANTILES; i++) {
        latency->sorted_ns[i] = histogram_quantile(&judge->histograms[kind], i * (PPB / QUANTILES));
    }
}

/* Cases that are only known to be bad when the run is over. */
static void end_shares(struct judge *judge)
{
    for (uint32_t e = 0; e < judge->exam_count; e++) {
        const struct truth_exam *exam = &judge->exams[e];
        if ((exam->flags & EXAM_TOLD) && exam->completed_at != UINT32_MAX && !judge_is_beyond(judge, exam)) {
            judge_share(judge, MEASURE_published_share, judge_time(judge, exam->completed_at), (exam->flags & EXAM_WATCHED) != 0);
        }
    }
    for (size_t p = 0; p < judge->prior_index.count; p++) {
        judge_share(judge, MEASURE_priors_ready_share, judge->now, false);
    }
}

void judge_outcome(struct judge *judge, struct results *results)
{
    uint64_t before = judge->outcome; /* of the questions that were put away; they stay counted */
    size_t put_away = judge->outcome_count;
    memcpy(results->counts, judge->counts, sizeof judge->counts);
    for (int i = 0; i < LATENCY_COUNT; i++) {
        fill_latency(judge, (enum latency_kind)i, &results->latency[i]);
    }
    fill_nodes(judge, results);
    results->expectation_count = 0;
    check_expectations(judge, results);
    end_shares(judge);
    if (results->expectations != NULL) {
        judge_slo_end(judge, results);
    }
    judge_fold_end(judge, results);
    outcome_rows(judge);
    outcome_transfers(judge);
    for (uint32_t q = 0; q < judge->question_end; q++) {
        if (judge->questions[q].used) {
            judge_outcome_of(judge, &judge->questions[q]);
        }
    }
    results->outcomes = judge->outcomes;
    results->outcome_count = judge->outcome_count > OUTCOMES_MAX ? 0 : judge->outcome_count;
    results->outcome_digest = judge->outcome;
    judge->outcome = before;
    judge->outcome_count = put_away;
    results->story = judge->story;
    results->story_count = judge->story_count;
}
