/* SPDX-License-Identifier: MIT */
#include "src/bench/judge_private.h"

#include <assert.h>
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

static enum err init_maps(struct judge *judge, struct arena *arena)
{
    struct {
        struct map *map;
        size_t max;
    } maps[] = {{&judge->identity_map, JUDGE_IDENTITIES_MAX}, {&judge->instance_map, JUDGE_INSTANCES_MAX}, {&judge->study_map, JUDGE_STUDIES_MAX},
                {&judge->holding_map, JUDGE_HOLDINGS_MAX},    {&judge->held_map, JUDGE_INSTANCES_MAX},     {&judge->question_map, JUDGE_QUERIES_MAX},
                {&judge->retrieve_map, JUDGE_QUERIES_MAX},    {&judge->exam_map, JUDGE_STUDIES_MAX},       {&judge->watched_map, JUDGE_STUDIES_MAX},
                {&judge->resent_map, JUDGE_STUDIES_MAX},      {&judge->table_map, JUDGE_ROWS_SEEN_MAX},    {&judge->committed_acks, JUDGE_ROWS_SEEN_MAX / 4},
                {&judge->answered_map, JUDGE_QUERIES_MAX}};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        if (map_init(maps[i].map, arena, maps[i].max) != ERR_OK) {
            return ERR_LIMIT;
        }
    }
    return ERR_OK;
}

enum err judge_init(struct judge **out, const struct scenario *scenario, struct arena *arena)
{
    struct judge *judge = arena_alloc(arena, sizeof *judge);
    if (judge == NULL || init_maps(judge, arena) != ERR_OK) {
        return ERR_LIMIT;
    }
    judge->scenario = scenario;
    judge->arena = arena;
    judge->identities = arena_array(arena, JUDGE_IDENTITIES_MAX, sizeof *judge->identities);
    judge->instances = arena_array(arena, JUDGE_INSTANCES_MAX, sizeof *judge->instances);
    judge->studies = arena_array(arena, JUDGE_STUDIES_MAX, sizeof *judge->studies);
    judge->holdings = arena_array(arena, JUDGE_HOLDINGS_MAX, sizeof *judge->holdings);
    judge->questions = arena_array(arena, JUDGE_QUERIES_MAX, sizeof *judge->questions);
    judge->rows = arena_array(arena, JUDGE_QUERIES_MAX * 4, sizeof *judge->rows);
    judge->faults = arena_array(arena, JUDGE_FAULTS_MAX, sizeof *judge->faults);
    judge->failure_times = arena_array(arena, JUDGE_QUERIES_MAX, sizeof *judge->failure_times);
    judge->story = arena_array(arena, JUDGE_STORY_MAX, sizeof *judge->story);
    judge->table_rows = arena_array(arena, JUDGE_ROWS_SEEN_MAX / 4, sizeof *judge->table_rows);
    judge->tallies = arena_array(arena, 4096, sizeof *judge->tallies);
    bool ok = judge->identities && judge->instances && judge->studies && judge->holdings && judge->questions && judge->rows && judge->faults &&
              judge->failure_times && judge->story && judge->table_rows && judge->tallies;
    for (int i = 0; ok && i < LATENCY_COUNT; i++) {
        judge->latencies[i] = arena_array(arena, JUDGE_LATENCIES_MAX, sizeof(int64_t));
        ok = judge->latencies[i] != NULL;
    }
    for (int i = 0; ok && i < INVARIANT_COUNT; i++) {
        judge->invariants[i].evidence = arena_array(arena, EVIDENCE_MAX, sizeof(struct evidence));
        ok = judge->invariants[i].evidence != NULL;
    }
    *out = judge;
    return ok ? ERR_OK : ERR_LIMIT;
}

/* Violations push out the cases that held: what went wrong is never the part that was left out. */
static struct evidence *evidence_slot(struct invariant_result *result, bool violation)
{
    if (result->evidence_count < EVIDENCE_MAX) {
        return &result->evidence[result->evidence_count++];
    }
    for (size_t i = 0; violation && i < EVIDENCE_MAX; i++) {
        if (!result->evidence[i].violation) {
            return &result->evidence[i];
        }
    }
    return NULL;
}

void judge_case(struct judge *judge, enum invariant invariant, bool violation, const int64_t *lines, size_t line_count, const char *text, ...)
{
    struct invariant_result *result = &judge->invariants[invariant];
    result->checked++;
    result->violations += violation;
    struct evidence *evidence = evidence_slot(result, violation);
    if (evidence == NULL) {
        return;
    }
    *evidence = (struct evidence){.violation = violation};
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

slice judge_key(struct judge *judge, slice a, slice b)
{
    struct buffer key = buffer_make(judge->arena, a.size + b.size + 1);
    buffer_put(&key, a);
    buffer_put_byte(&key, '/');
    buffer_put(&key, b);
    return buffer_slice(&key);
}

const struct scenario_study *judge_scenario_study(const struct judge *judge, slice uid, slice person)
{
    for (size_t s = 0; s < judge->scenario->study_count; s++) {
        const struct scenario_study *study = &judge->scenario->studies[s];
        if (slice_equal(study->study_uid, uid) && (person.size == 0 || slice_equal(judge->scenario->persons[study->person].id, person))) {
            return study;
        }
    }
    return NULL;
}

static const struct scenario_node *find_node(const struct judge *judge, slice node)
{
    for (size_t n = 0; n < judge->scenario->node_count; n++) {
        const struct scenario_node *candidate = &judge->scenario->nodes[n];
        if (slice_equal(candidate->id, node) || slice_equal(candidate->aet, node)) {
            return candidate;
        }
    }
    return NULL;
}

slice judge_site_issuer(const struct judge *judge, slice node)
{
    const struct scenario_node *found = find_node(judge, node);
    return found == NULL ? SLICE_EMPTY : judge->scenario->sites[found->site].issuer;
}

bool judge_is_pacs(const struct judge *judge, slice node)
{
    const struct scenario_node *found = find_node(judge, node);
    return found != NULL && found->kind == KIND_PACS;
}

enum err judge_observe(struct judge *judge, const struct observation *seen, int64_t line)
{
    judge->now = seen->at_ns;
    enum err err = judge_truth(judge, seen, line);
    if (err == ERR_OK && seen->kind == OBSERVATION_delivered) {
        err = judge_delivered(judge, seen, line);
    }
    if (err == ERR_OK) {
        err = judge_question(judge, seen, line);
    }
    judge_story(judge, seen, line);
    return err;
}

/* The sentence a person would say, worst first. */
static slice sentence(struct judge *judge, const struct results *results)
{
    struct buffer text = buffer_make(judge->arena, 512);
    int64_t violations = 0, failed = 0;
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        violations += results->invariants[i].violations;
    }
    for (size_t i = 0; i < results->expectation_count; i++) {
        failed += !results->expectations[i].pass;
    }
    char line[500];
    if (results->error.size > 0) {
        snprintf(line, sizeof line, "The run did not come to its end: %.*s.", SLICE_ARGS(results->error));
    } else if (violations > 0 || failed > 0) {
        snprintf(line, sizeof line, "It fell short: %lld violation%s of an invariant, %lld expectation%s not met.", (long long)violations,
                 violations == 1 ? "" : "s", (long long)failed, failed == 1 ? "" : "s");
    } else {
        snprintf(line, sizeof line,
                 "Every image asked for arrived under the right patient: %lld of %lld transfers done with proof, %lld exams published, "
                 "%lld question%s asked while a PACS was away, and %s said so.",
                 (long long)results->counts[COUNT_transfers_done], (long long)results->counts[COUNT_transfers_requested],
                 (long long)results->counts[COUNT_published], (long long)results->counts[COUNT_queries_partial],
                 results->counts[COUNT_queries_partial] == 1 ? "" : "s", results->counts[COUNT_queries_partial] == 1 ? "its answer" : "every answer");
    }
    buffer_put_text(&text, line);
    return buffer_slice(&text);
}

enum err judge_end(struct judge *judge, struct results *results)
{
    judge_questions_end(judge);
    judge_records_end(judge, results);
    memcpy(results->invariants, judge->invariants, sizeof judge->invariants);
    judge_outcome(judge, results);
    bool pass = results->error.size == 0;
    bool fell_short = false;
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        fell_short = fell_short || judge->invariants[i].violations > 0;
    }
    for (size_t i = 0; i < results->expectation_count; i++) {
        fell_short = fell_short || !results->expectations[i].pass;
    }
    results->verdict = fell_short && pass ? VERDICT_FAIL : pass ? VERDICT_PASS : VERDICT_INCONCLUSIVE;
    /* A violation seen is a violation, however the run ended. */
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        results->verdict = judge->invariants[i].violations > 0 ? VERDICT_FAIL : results->verdict;
    }
    results->sentence = sentence(judge, results);
    return ERR_OK;
}
