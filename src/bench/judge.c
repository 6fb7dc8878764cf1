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

static enum err init_maps(struct judge *judge, struct arena *arena)
{
    struct {
        struct map *map;
        size_t max;
    } maps[] = {{&judge->person_map, JUDGE_PERSONS_MAX},      {&judge->identity_map, JUDGE_IDENTITIES_MAX}, {&judge->instance_map, JUDGE_INSTANCES_MAX},
                {&judge->study_map, JUDGE_STUDIES_MAX},       {&judge->uid_map, JUDGE_STUDIES_MAX},         {&judge->accession_map, JUDGE_STUDIES_MAX},
                {&judge->exam_map, JUDGE_EXAMS_MAX},          {&judge->holding_map, JUDGE_HOLDINGS_MAX},    {&judge->arrival_map, JUDGE_ARRIVALS_MAX},
                {&judge->question_map, JUDGE_QUERIES_MAX},    {&judge->retrieve_map, JUDGE_QUERIES_MAX},    {&judge->delivery_map, JUDGE_DEMANDS_MAX},
                {&judge->table_map, JUDGE_TABLE_ROWS_MAX},    {&judge->ack_map, JUDGE_ACKS_MAX},            {&judge->answered_map, JUDGE_QUERIES_MAX},
                {&judge->delivers_audited, JUDGE_STUDIES_MAX}, {&judge->clients_audited, SCENARIO_NODES_MAX * 4}, {&judge->running_map, JUDGE_DEMANDS_MAX},
                {&judge->tally_map, JUDGE_TALLIES_MAX}};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        if (map_init(maps[i].map, arena, maps[i].max) != ERR_OK) {
            return ERR_LIMIT;
        }
    }
    return ERR_OK;
}

static enum err init_arrays(struct judge *judge, struct arena *arena)
{
#define ARRAY(field, max) {(void **)&judge->field, max, sizeof *judge->field}
    const struct {
        void **array;
        size_t max, size;
    } arrays[] = {ARRAY(persons, JUDGE_PERSONS_MAX),       ARRAY(identities, JUDGE_IDENTITIES_MAX), ARRAY(links, 2 * JUDGE_IDENTITIES_MAX),
                  ARRAY(instances, JUDGE_INSTANCES_MAX),   ARRAY(studies, JUDGE_STUDIES_MAX),       ARRAY(exams, JUDGE_EXAMS_MAX),
                  ARRAY(holdings, JUDGE_HOLDINGS_MAX),     ARRAY(arrivals, JUDGE_ARRIVALS_MAX),     ARRAY(questions, JUDGE_QUERIES_MAX),
                  ARRAY(retrieves, JUDGE_QUERIES_MAX),     ARRAY(rows, JUDGE_ROWS_MAX),             ARRAY(faults, JUDGE_FAULTS_MAX),
                  ARRAY(sources, judge->scenario->node_count + 1), ARRAY(deliveries, JUDGE_DEMANDS_MAX),
                  ARRAY(acks, JUDGE_ACKS_MAX),             ARRAY(demand_ids, JUDGE_DEMANDS_MAX),    ARRAY(pending, JUDGE_PENDING_MAX),
                  ARRAY(story, JUDGE_STORY_MAX),           ARRAY(tallies, JUDGE_TALLIES_MAX),       ARRAY(scratch, JUDGE_SCRATCH_SIZE)};
#undef ARRAY
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        *arrays[i].array = arena_array(arena, arrays[i].max, arrays[i].size);
        if (*arrays[i].array == NULL) {
            return ERR_LIMIT;
        }
    }
    return ERR_OK;
}

enum err judge_init(struct judge **out, const struct scenario *scenario, struct arena *arena)
{
    struct judge *judge = arena_alloc(arena, sizeof *judge);
    if (judge == NULL) {
        return ERR_LIMIT;
    }
    judge->scenario = scenario;
    judge->arena = arena;
    judge->row_free = JUDGE_NONE;
    bool ok = init_maps(judge, arena) == ERR_OK && init_arrays(judge, arena) == ERR_OK;
    for (int i = 0; ok && i < LATENCY_COUNT; i++) {
        judge->latencies[i] = arena_array(arena, JUDGE_LATENCIES_MAX, sizeof(int64_t));
        ok = judge->latencies[i] != NULL;
    }
    for (int i = 0; ok && i < INVARIANT_COUNT; i++) {
        judge->invariants[i].evidence = arena_array(arena, EVIDENCE_MAX, sizeof(struct evidence));
        ok = judge->invariants[i].evidence != NULL;
    }
    if (ok) {
        judge_mirror_clear(judge);
    }
    *out = judge;
    return ok ? ERR_OK : ERR_LIMIT;
}

void judge_deadline(struct judge *judge, time_ns deadline_ns)
{
    judge->deadline_ns = deadline_ns;
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
    *evidence = (struct evidence){.violation = violation, .life = judge->life, .step = judge->at_step};
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

/* What does not fit is cut: no UID, number or title is that long. */
slice judge_key(char *text, slice a, slice b)
{
    struct buffer key = buffer_over(text, JUDGE_KEY_SIZE);
    buffer_put(&key, slice_before(a, JUDGE_KEY_SIZE / 2 - 1));
    buffer_put_byte(&key, '/');
    buffer_put(&key, slice_before(b, JUDGE_KEY_SIZE / 2 - 1));
    return buffer_slice(&key);
}

/* ---- The scenario. */

uint32_t judge_node(const struct judge *judge, slice id_or_aet)
{
    for (uint32_t n = 0; n < judge->scenario->node_count; n++) {
        const struct scenario_node *node = &judge->scenario->nodes[n];
        if (slice_equal(node->id, id_or_aet) || (node->aet.size > 0 && slice_equal(node->aet, id_or_aet))) {
            return n;
        }
    }
    return JUDGE_NONE;
}

uint32_t judge_site(const struct judge *judge, slice issuer)
{
    for (uint32_t s = 0; issuer.size > 0 && s < judge->scenario->site_count; s++) {
        if (slice_equal(judge->scenario->sites[s].issuer, issuer) || slice_equal(judge->scenario->sites[s].accession, issuer)) {
            return s;
        }
    }
    return JUDGE_NONE;
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
    enum err err = judge_persons(judge, seen);
    err = err == ERR_OK ? judge_truth(judge, seen, line) : err;
    if (err == ERR_OK && seen->kind == OBSERVATION_delivered) {
        err = judge_delivered(judge, seen, line);
    }
    err = err == ERR_OK ? judge_question(judge, seen, line) : err;
    judge_fault(judge, seen);
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
        failed += !results->expectations[i].pass;
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
    judge->at_step = 0;
    judge_questions_end(judge, results->error.size == 0);
    judge_records_end(judge, results);
    memcpy(results->invariants, judge->invariants, sizeof judge->invariants);
    judge_outcome(judge, results);
    /* A violation seen is a violation, however the run ended; what was expected counts at its end only. */
    results->verdict = results->error.size > 0 ? VERDICT_INCONCLUSIVE : VERDICT_PASS;
    for (size_t i = 0; results->error.size == 0 && i < results->expectation_count; i++) {
        results->verdict = results->expectations[i].pass ? results->verdict : VERDICT_FAIL;
    }
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        results->verdict = judge->invariants[i].violations > 0 ? VERDICT_FAIL : results->verdict;
    }
    results->sentence = sentence(judge, results);
    return ERR_OK;
}
