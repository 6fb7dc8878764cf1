/* SPDX-License-Identifier: MIT */
#include "src/bench/judge_private.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *name, *text;
} invariants[INVARIANT_COUNT] = {
#define INVARIANT(name, number, text) {#name, text},
#include "src/bench/invariants.def"
#undef INVARIANT
};

/* The table's names have underscores because they are also enumerators; people and files use hyphens. */
const char *invariant_name(enum invariant invariant)
{
    static char names[INVARIANT_COUNT][40];
    char *name = names[invariant];
    for (size_t i = 0; invariants[invariant].name[i] != '\0'; i++) {
        name[i] = invariants[invariant].name[i] == '_' ? '-' : invariants[invariant].name[i];
    }
    return name;
}

const char *invariant_text(enum invariant invariant)
{
    return invariants[invariant].text;
}

bool invariant_from_name(slice name, enum invariant *invariant)
{
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        if (slice_equal(name, slice_from(invariant_name((enum invariant)i)))) {
            *invariant = (enum invariant)i;
            return true;
        }
    }
    return false;
}

/* What may grow with the year is reserved and costs nothing until it is used. */
struct reserve {
    void **array;
    size_t max, size;
};
#define RESERVE(field, max) {(void **)&judge->field, max, sizeof *judge->field}
#define RESERVES {RESERVE(persons, JUDGE_ROWS_MAX),        RESERVE(names, JUDGE_ROWS_MAX),    RESERVE(identities, JUDGE_ROWS_MAX), RESERVE(stales, JUDGE_ROWS_MAX),     \
                  RESERVE(studies, JUDGE_ROWS_MAX),        RESERVE(ranges, JUDGE_ROWS_MAX),   RESERVE(exams, JUDGE_ROWS_MAX),      RESERVE(holdings, JUDGE_ROWS_MAX),   \
                  RESERVE(arrivals, JUDGE_ROWS_MAX),       RESERVE(faults, JUDGE_FAULTS_MAX), RESERVE(deliveries, JUDGE_ROWS_MAX), RESERVE(held, STORE_WORDS_MAX),      \
                  RESERVE(engine_persons, JUDGE_ROWS_MAX), RESERVE(engine_studies, JUDGE_ROWS_MAX), RESERVE(demands, JUDGE_ROWS_MAX), RESERVE(tombstones, JUDGE_ROWS_MAX), \
                  RESERVE(cases, JUDGE_ROWS_MAX),          RESERVE(demand_ids, JUDGE_ROWS_MAX), RESERVE(questions, JUDGE_QUERIES_MAX), RESERVE(retrieves, JUDGE_QUERIES_MAX), \
                  RESERVE(rows, JUDGE_SHOWN_MAX),          RESERVE(study_words, JUDGE_MANY_STUDIES),   RESERVE(late_uids, JUDGE_ROWS_MAX), RESERVE(meetings, JUDGE_ROWS_MAX), RESERVE(moves, JUDGE_ROWS_MAX), RESERVE(spooled, JUDGE_ROWS_MAX),   RESERVE(person_words, JUDGE_MANY_STUDIES)}

static enum err init_rows(struct judge *judge)
{
    const struct reserve reserves[] = RESERVES;
    for (size_t i = 0; i < sizeof reserves / sizeof reserves[0]; i++) {
        *reserves[i].array = store_reserve(reserves[i].max, reserves[i].size);
        if (*reserves[i].array == NULL) {
            return ERR_LIMIT;
        }
    }
    judge->range_free = judge->arrival_free = judge->row_free = JUDGE_NONE;
    return store_texts_init(&judge->texts, JUDGE_TEXTS_MAX);
}

void judge_drop(struct judge *judge)
{
    struct store_index *const indexes[] = {&judge->person_index,   &judge->identity_index,  &judge->uid_index,        &judge->exam_index,       &judge->delivery_index,
                                           &judge->question_index, &judge->retrieve_index,  &judge->node_index,       &judge->site_index,       &judge->scenario_studies,
                                           &judge->tombstone_index, &judge->case_index,     &judge->prior_index,      &judge->messages.index,   &judge->delivers_audited,
                                           &judge->clients_audited, &judge->answered.index, &judge->running_index,    &judge->acks.index,       &judge->tally_index,
                                           &judge->words.index,     &judge->whys.index,      &judge->next_uids,        &judge->next_exams,       &judge->uid_texts,
                                           &judge->row_index,       &judge->meeting_index,   &judge->spool_index};
    const struct reserve reserves[] = RESERVES;
    for (size_t i = 0; i < sizeof indexes / sizeof indexes[0]; i++) {
        store_index_clear(indexes[i]);
    }
    for (size_t i = 0; i < sizeof reserves / sizeof reserves[0]; i++) {
        store_release(*reserves[i].array, reserves[i].max, reserves[i].size);
        *reserves[i].array = NULL;
    }
    store_release(judge->texts.bytes, judge->texts.max, 1);
    judge->texts.bytes = NULL;
    judge_audit_drop(judge);
}

static enum err init_arrays(struct judge *judge, struct arena *arena)
{
    judge->sources = arena_array(arena, judge->scenario->node_count + 1, sizeof *judge->sources);
    judge->pending = arena_array(arena, JUDGE_PENDING_MAX, sizeof *judge->pending);
    judge->story = arena_array(arena, JUDGE_STORY_MAX, sizeof *judge->story);
    judge->tallies = arena_array(arena, JUDGE_TALLIES_MAX, sizeof *judge->tallies);
    judge->expected_answers = arena_array(arena, JUDGE_EXPECTED_MAX, sizeof *judge->expected_answers);
    judge->reached = arena_array(arena, REACH_COUNT, sizeof *judge->reached);
    judge->outcomes = arena_array(arena, OUTCOMES_MAX, sizeof *judge->outcomes);
    bool ok = judge->sources != NULL && judge->pending != NULL && judge->story != NULL && judge->tallies != NULL && judge->expected_answers != NULL && judge->outcomes != NULL && judge->reached != NULL;
    for (int i = 0; ok && i < LATENCY_COUNT; i++) {
        judge->latencies[i] = arena_array(arena, JUDGE_LATENCIES_MAX, sizeof(int64_t));
        ok = judge->latencies[i] != NULL;
    }
    for (int i = 0; ok && i < INVARIANT_COUNT; i++) {
        judge->invariants[i].evidence = arena_array(arena, EVIDENCE_MAX, sizeof(struct evidence));
        ok = judge->invariants[i].evidence != NULL;
    }
    ok = ok && store_words_init(&judge->words, arena) == ERR_OK && store_words_init(&judge->whys, arena) == ERR_OK && store_recent_init(&judge->messages, JUDGE_RECENT_MAX, arena) == ERR_OK &&
         store_recent_init(&judge->acks, JUDGE_RECENT_MAX, arena) == ERR_OK && store_recent_init(&judge->answered, JUDGE_RECENT_MAX, arena) == ERR_OK;
    return ok ? ERR_OK : ERR_LIMIT;
}

/* What is looked up in the scenario with every observation; of two of one name the first counts. */
static enum err index_names(struct judge *judge)
{
    enum err err = ERR_OK;
    for (uint32_t n = (uint32_t)judge->scenario->node_count; err == ERR_OK && n > 0; n--) {
        const struct scenario_node *node = &judge->scenario->nodes[n - 1];
        err = node->aet.size > 0 ? store_index_put(&judge->node_index, store_hash(1, node->aet), n - 1) : ERR_OK;
    }
    for (uint32_t n = (uint32_t)judge->scenario->node_count; err == ERR_OK && n > 0; n--) {
        err = store_index_put(&judge->node_index, store_hash(1, judge->scenario->nodes[n - 1].id), n - 1);
    }
    for (uint32_t s = (uint32_t)judge->scenario->site_count; err == ERR_OK && s > 0; s--) {
        const struct site *site = &judge->scenario->sites[s - 1];
        err = site->issuer.size > 0 ? store_index_put(&judge->site_index, store_hash(1, site->issuer), s - 1) : ERR_OK;
        err = err == ERR_OK && site->accession.size > 0 ? store_index_put(&judge->site_index, store_hash(1, site->accession), s - 1) : err;
    }
    for (uint32_t s = (uint32_t)judge->scenario->study_count; err == ERR_OK && s > 0; s--) {
        const struct scenario_study *study = &judge->scenario->studies[s - 1];
        err = store_index_put(&judge->scenario_studies, store_hash2(study->study_uid, judge->scenario->persons[study->person].id), s - 1);
    }
    return err;
}

enum err judge_init(struct judge **out, const struct scenario *scenario, struct arena *arena)
{
    struct judge *judge = arena_alloc(arena, sizeof *judge);
    if (judge == NULL) {
        return ERR_LIMIT;
    }
    judge->scenario = scenario;
    judge->arena = arena;
    *out = judge;
    enum err err = init_rows(judge);
    err = err == ERR_OK ? init_arrays(judge, arena) : err;
    err = err == ERR_OK ? index_names(judge) : err;
    err = err == ERR_OK ? judge_fold_init(judge) : err;
    judge_bound_init(judge);
    return err == ERR_OK ? judge_slo_init(judge) : err;
}

void judge_deadline(struct judge *judge, time_ns deadline_ns)
{
    judge->deadline_ns = deadline_ns;
}

void judge_patience(struct judge *judge, time_ns patience_ns)
{
    judge->patience_ns = patience_ns;
}

/* Violations push out the cases that held: what went wrong is never the part that was left out. */
static struct evidence *evidence_slot(struct invariant_result *result, bool violation)
{
    if (result->evidence_count < EVIDENCE_MAX) {
        return &result->evidence[result->evidence_count++];
    }
    for (size_t i = 0; violation && result->violations <= EVIDENCE_MAX && i < EVIDENCE_MAX; i++) {
        if (!result->evidence[i].violation) {
            return &result->evidence[i];
        }
    }
    return NULL;
}

void judge_weigh(struct judge *judge, enum invariant invariant, bool violation, uint32_t count)
{
    judge->invariants[invariant].checked += count - 1;
    judge->invariants[invariant].violations += violation ? count - 1 : 0;
}

void judge_want(struct judge *judge, const enum invariant *invariant, bool *seen)
{
    judge->wanted = invariant;
    judge->wanted_seen = seen;
}

void judge_case(struct judge *judge, enum invariant invariant, bool violation, const int64_t *lines, size_t line_count, const char *text, ...)
{
    struct invariant_result *result = &judge->invariants[invariant];
    result->checked++;
    result->violations += violation;
    if (violation && judge->wanted != NULL && *judge->wanted == invariant) {
        *judge->wanted_seen = true;
    }
    struct evidence *evidence = evidence_slot(result, violation);
    if (evidence == NULL) {
        return;
    }
    *evidence = (struct evidence){.violation = violation, .life = judge->life, .step = judge->at_step, .at_ns = judge->now};
    va_list arguments;
    va_start(arguments, text);
    vsnprintf(evidence->text, sizeof evidence->text, text, arguments);
    va_end(arguments);
    for (size_t i = 0; i < line_count && evidence->line_count < EVIDENCE_LINES_MAX; i++) {
        if (lines[i] > 0) {
            evidence->lines[evidence->line_count++] = lines[i];
        }
    }
}

slice judge_keep(struct judge *judge, slice text)
{
    slice copy = arena_copy(judge->arena, text);
    return copy.data == NULL ? SLICE_EMPTY : copy;
}

slice judge_text(const struct judge *judge, uint32_t text, char room[STORE_TEXT_MAX])
{
    return store_text_get(&judge->texts, text, room);
}

uint16_t judge_word(struct judge *judge, slice word)
{
    uint32_t found = store_word(&judge->words, word);
    return found == STORE_NONE ? 0 : (uint16_t)found;
}

slice judge_spell(const struct judge *judge, uint32_t word)
{
    return judge->words.words[word];
}

uint32_t judge_tick(const struct judge *judge, time_ns at)
{
    if (at == TIME_NEVER) {
        return UINT32_MAX;
    }
    time_ns ticks = at <= judge->first_tick ? 0 : (at - judge->first_tick + JUDGE_TICK_NS - 1) / JUDGE_TICK_NS;
    return ticks >= UINT32_MAX ? UINT32_MAX - 1 : (uint32_t)ticks;
}

time_ns judge_time(const struct judge *judge, uint32_t tick)
{
    return tick == 0 ? INT64_MIN : tick == UINT32_MAX ? TIME_NEVER : judge->first_tick + (time_ns)tick * JUDGE_TICK_NS;
}

/* ---- The scenario. */

uint32_t judge_node(const struct judge *judge, slice id_or_aet)
{
    return id_or_aet.size == 0 ? JUDGE_NONE : store_index_find(&judge->node_index, store_hash(1, id_or_aet));
}

uint32_t judge_site(const struct judge *judge, slice issuer)
{
    return issuer.size == 0 ? JUDGE_NONE : store_index_find(&judge->site_index, store_hash(1, issuer));
}

bool judge_same_issuer(const struct judge *judge, uint32_t site, uint32_t other)
{
    size_t count = judge->scenario->site_count;
    return site == other || (site < count && other < count && slice_equal(judge->scenario->sites[site].issuer, judge->scenario->sites[other].issuer));
}

bool judge_is(const struct judge *judge, slice node, enum scenario_kind kind)
{
    uint32_t found = judge_node(judge, node);
    return found != JUDGE_NONE && judge->scenario->nodes[found].kind == kind;
}

slice judge_engine(const struct judge *judge)
{
    for (size_t n = 0; n < judge->scenario->node_count; n++) {
        if (judge->scenario->nodes[n].kind == KIND_ENGINE) {
            return judge->scenario->nodes[n].id;
        }
    }
    return SLICE_EMPTY;
}

/* ---- Everything that was seen. */

enum err judge_observe(struct judge *judge, const struct observation *seen, int64_t line)
{
    judge->now = seen->at_ns > judge->now ? seen->at_ns : judge->now;
    judge->at_step = 0;
    if (judge->first_tick == 0) {
        judge->first_tick = seen->at_ns / TIME_S * TIME_S - TIME_DAY; /* whole seconds stay whole */
    }
    enum err err = judge_persons(judge, seen);
    err = err == ERR_OK ? judge_truth(judge, seen, line) : err;
    err = err == ERR_OK ? judge_question(judge, seen, line) : err;
    judge_fault(judge, seen);
    if (judge->suspect_count > 0) {
        judge_suspects_end(judge, seen->at_ns);
    }
    judge_fold_observe(judge, seen);
    judge_story(judge, seen, line);
    return err;
}

/* ---- The end. */

static int64_t put_failure(char *line, size_t size, const struct results *results)
{
    int64_t violations = 0, failed = 0;
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        violations += results->invariants[i].violations;
    }
    for (size_t i = 0; i < results->expectation_count; i++) {
        failed += expectation_fails(&results->expectations[i]);
    }
    snprintf(line, size, "It fell short: %lld violation%s of what must always hold, %lld expectation%s not met.", (long long)violations,
             violations == 1 ? "" : "s", (long long)failed, failed == 1 ? "" : "s");
    return violations + failed;
}

static void put_success(char *line, size_t size, const struct results *results)
{
    const int64_t *n = results->counts;
    int64_t asked = n[COUNT_transfers_requested], done = n[COUNT_transfers_done], partial = n[COUNT_queries_partial];
    char away[160] = "";
    if (partial > 0) {
        snprintf(away, sizeof away, " %lld question%s came while a PACS was away, and %s said so.", (long long)partial, partial == 1 ? "" : "s",
                 partial == 1 ? "its answer" : "every answer");
    }
    if (asked == 0) {
        snprintf(line, size, "Nothing was lost, mixed up or hidden: %lld of %lld exams published, %lld question%s answered.%s", (long long)n[COUNT_published],
                 (long long)n[COUNT_exams], (long long)n[COUNT_queries], n[COUNT_queries] == 1 ? "" : "s", away);
        return;
    }
    snprintf(line, size, "%s: %lld of %lld transfers done with proof, %lld of %lld exams published.%s",
             done == asked ? "Every image asked for arrived, under the right patient" : "What arrived is right, and what did not says why", (long long)done,
             (long long)asked, (long long)n[COUNT_published], (long long)n[COUNT_exams], away);
}

/* The sentence a person would say, worst first. */
static slice sentence(struct judge *judge, const struct results *results)
{
    char line[500];
    if (put_failure(line, sizeof line, results) == 0) {
        put_success(line, sizeof line, results);
    }
    struct buffer text = buffer_make(judge->arena, 1100);
    if (results->error.size > 0) {
        buffer_put_text(&text, "The run did not come to its end: ");
        buffer_put(&text, slice_before(results->error, 400));
        buffer_put_text(&text, results->verdict == VERDICT_FAIL ? ". " : ".");
    }
    if (results->error.size == 0 || results->verdict == VERDICT_FAIL) {
        buffer_put_text(&text, line);
    }
    return buffer_slice(&text);
}

enum err judge_end(struct judge *judge, struct results *results)
{
    /* The run went on after what was seen last: an answer that is late by then is late. */
    time_ns end = judge->scenario->start + results->simulated_ns;
    judge->now = end > judge->now ? end : judge->now;
    judge->at_step = 0;
    judge_questions_end(judge, results->error.size == 0);
    judge_records_end(judge, results);
    judge_spool_end(judge);
    memcpy(results->invariants, judge->invariants, sizeof judge->invariants);
    judge_outcome(judge, results);
    /* A violation seen is a violation, however the run ended; what was expected counts at its end only. */
    results->verdict = results->error.size > 0 ? VERDICT_INCONCLUSIVE : VERDICT_PASS;
    for (size_t i = 0; results->error.size == 0 && i < results->expectation_count; i++) {
        results->verdict = expectation_fails(&results->expectations[i]) ? VERDICT_FAIL : results->verdict;
    }
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        results->verdict = judge->invariants[i].violations > 0 ? VERDICT_FAIL : results->verdict;
    }
    results->sentence = sentence(judge, results);
    return ERR_OK;
}
