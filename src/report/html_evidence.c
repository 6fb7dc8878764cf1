/* SPDX-License-Identifier: MIT
 *
 * Evidence: what the verdicts point at. Each observation named by a case or an arrow, in full, with the decoded messages that
 * the engine took and sent between a question and its answer; and each step of the engine that a case names: the event it
 * took and the commands it gave (trace.jsonl). */
#include "src/report/report_private.h"

#include <stdio.h>
#include <stdlib.h>

#define OBSERVATIONS_MAX 400000
#define SHOWN_MAX 1500
#define STEPS_MAX (INVARIANT_COUNT * EVIDENCE_MAX)
#define TRACE_LINES_MAX 16
#define STEP_LINES_MAX 12
#define FILE_MAX (256u << 20)

struct lines {
    char *bytes;
    slice *list;
    size_t count;
};
enum choice { CHOICE_NONE, CHOICE_CASE, CHOICE_STORY, CHOICE_VIOLATION, CHOICE_SHOWN };

struct step_lines {
    int64_t life, step;
    size_t first, count; /* lines of the trace; 0: not found */
};

struct proof {
    struct lines observations, trace;
    uint8_t *marks; /* by line - 1 */
    struct step_lines *steps; /* in order of life and step */
    size_t step_count;
};

/* ---- Reading. */

/* Reads a file as lines; empty when there is none. */
static struct lines read_lines(const char *folder, const char *name)
{
    struct lines lines = {0};
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return lines;
    }
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    if (size > 0 && (size_t)size <= FILE_MAX) {
        lines.bytes = malloc((size_t)size);
        lines.list = calloc(OBSERVATIONS_MAX, sizeof *lines.list);
    }
    if (lines.bytes != NULL && lines.list != NULL) {
        slice rest = {lines.bytes, fread(lines.bytes, 1, (size_t)size, file)};
        while (rest.size > 0 && rest.data != NULL && lines.count < OBSERVATIONS_MAX) {
            lines.list[lines.count++] = slice_cut(&rest, '\n');
        }
    }
    fclose(file);
    return lines;
}

static int64_t number_behind(slice line, const char *key)
{
    const char *at = memmem(line.data, line.size, key, strlen(key));
    return at == NULL ? 0 : strtoll(at + strlen(key), NULL, 10);
}

/* The value of a text field without escapes: names and kinds are that. */
static slice text_behind(slice line, const char *key)
{
    const char *at = memmem(line.data, line.size, key, strlen(key));
    slice rest = at == NULL ? SLICE_EMPTY : slice_after(line, (size_t)(at - line.data) + strlen(key));
    return slice_before(rest, slice_index(rest, '"'));
}

/* ---- Choosing. */

static void mark_line(struct proof *proof, int64_t line, enum choice choice)
{
    if (line > 0 && (size_t)line <= proof->observations.count && proof->marks[line - 1] < choice) {
        proof->marks[line - 1] = (uint8_t)choice;
    }
}

static void mark_all(struct proof *proof, const struct results *results)
{
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        const struct invariant_result *result = &results->invariants[i];
        for (size_t e = 0; e < result->evidence_count; e++) {
            const struct evidence *evidence = &result->evidence[e];
            for (size_t l = 0; l < evidence->line_count; l++) {
                mark_line(proof, evidence->lines[l], evidence->violation ? CHOICE_VIOLATION : CHOICE_CASE);
            }
            if (evidence->step > 0 && proof->step_count < STEPS_MAX) {
                proof->steps[proof->step_count++] = (struct step_lines){.life = evidence->life, .step = evidence->step};
            }
        }
    }
    for (size_t s = 0; s < results->story_count; s++) {
        mark_line(proof, results->story[s].line, CHOICE_STORY);
    }
    size_t shown = 0; /* violations first: they must not be cut */
    for (int choice = CHOICE_VIOLATION; choice > CHOICE_NONE; choice--) {
        for (size_t i = 0; i < proof->observations.count && shown < SHOWN_MAX; i++) {
            if (proof->marks[i] == choice) {
                proof->marks[i] = CHOICE_SHOWN;
                shown++;
            }
        }
    }
}

static int by_step(const void *left, const void *right)
{
    const struct step_lines *a = left, *b = right;
    return a->life != b->life ? (a->life < b->life ? -1 : 1) : a->step < b->step ? -1 : a->step > b->step;
}

static struct step_lines *find_step(const struct proof *proof, int64_t life, int64_t step)
{
    struct step_lines wanted = {.life = life, .step = step};
    return proof->step_count == 0 ? NULL : bsearch(&wanted, proof->steps, proof->step_count, sizeof wanted, by_step);
}

/* An event of the trace has a number, its commands follow it; a number that does not grow begins another life. */
static void find_steps(struct proof *proof)
{
    int64_t life = 1, before = 0;
    struct step_lines *at = NULL;
    qsort(proof->steps, proof->step_count, sizeof *proof->steps, by_step);
    size_t kept = 0;
    for (size_t i = 0; i < proof->step_count; i++) {
        if (kept == 0 || by_step(&proof->steps[kept - 1], &proof->steps[i]) != 0) {
            proof->steps[kept++] = proof->steps[i];
        }
    }
    proof->step_count = kept;
    for (size_t i = 0; i < proof->trace.count; i++) {
        int64_t step = number_behind(slice_before(proof->trace.list[i], 60), "\"n\":");
        if (step > 0) {
            life += step <= before;
            before = step;
            at = find_step(proof, life, step);
            if (at != NULL) {
                at->first = i;
            }
        }
        if (at != NULL) {
            at->count++;
        }
    }
}

struct proof *proof_read(const struct results *results, const char *folder, struct arena *arena)
{
    struct proof *proof = arena_alloc(arena, sizeof *proof);
    if (proof == NULL) {
        return NULL;
    }
    proof->observations = read_lines(folder, "observations.jsonl");
    proof->trace = read_lines(folder, "trace.jsonl");
    proof->marks = arena_alloc(arena, proof->observations.count + 1);
    proof->steps = arena_array(arena, STEPS_MAX, sizeof *proof->steps);
    if (proof->marks == NULL || proof->steps == NULL) {
        proof_drop(proof);
        return NULL;
    }
    mark_all(proof, results);
    find_steps(proof);
    return proof;
}

void proof_drop(struct proof *proof)
{
    if (proof != NULL) {
        free(proof->observations.bytes);
        free(proof->observations.list);
        free(proof->trace.bytes);
        free(proof->trace.list);
    }
}

bool proof_has_line(const struct proof *proof, int64_t line)
{
    return proof != NULL && line > 0 && (size_t)line <= proof->observations.count && proof->marks[line - 1] == CHOICE_SHOWN;
}

bool proof_has_step(const struct proof *proof, int64_t life, int64_t step)
{
    const struct step_lines *found = proof == NULL ? NULL : find_step(proof, life, step);
    return found != NULL && found->count > 0;
}

/* ---- Showing. */

static void put_time(struct buffer *page, time_ns at)
{
    struct calendar stamp = time_calendar(at);
    html_markup(page, "%02d:%02d:%02d.%03d", stamp.hour, stamp.minute, stamp.second, (int)(at % TIME_S / TIME_MS));
}

/* The engine's messages between two times: by bisection, the trace is in order of time. */
static void put_trace(struct buffer *page, const struct lines *trace, int64_t from, int64_t to)
{
    size_t low = 0, high = trace->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (number_behind(trace->list[middle], "\"t\":") < from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool begun = false;
    for (size_t i = low, shown = 0; i < trace->count && shown < TRACE_LINES_MAX && number_behind(trace->list[i], "\"t\":") <= to; i++) {
        bool message = memmem(trace->list[i].data, trace->list[i].size, "RECEIVED", 8) != NULL || memmem(trace->list[i].data, trace->list[i].size, "\"SEND\"", 6) != NULL;
        if (message) {
            buffer_put_text(page, begun ? "\n" : "<details><summary>the engine's messages in that time</summary><pre>");
            html_text(page, slice_before(trace->list[i], 1200));
            begun = true;
            shown++;
        }
    }
    buffer_put_text(page, begun ? "</pre></details>" : "");
}

static void put_observation(struct buffer *page, const struct results *results, const struct proof *proof, size_t number)
{
    slice line = proof->observations.list[number - 1], actor = text_behind(line, "\"actor\":\""), kind = text_behind(line, "\"observed\":\"");
    int64_t latency = number_behind(line, "\"latency_ns\":"), at = number_behind(line, "\"at\":");
    html_markup(page, "<div class=\"ev\" id=\"o%zu\"><p><b>%zu</b> ", number, number);
    put_time(page, at);
    buffer_put_text(page, " · ");
    html_text(page, node_name(results, actor));
    buffer_put_text(page, " · ");
    for (size_t i = 0; i < kind.size; i++) {
        buffer_put_byte(page, kind.data[i] == '_' ? ' ' : (uint8_t)kind.data[i]);
    }
    buffer_put_text(page, "</p><pre>");
    html_text(page, slice_before(line, 4000));
    buffer_put_text(page, "</pre>");
    if (latency > 0) {
        put_trace(page, &proof->trace, at - latency, at);
    }
    buffer_put_text(page, "</div>\n");
}

static void put_step(struct buffer *page, const struct proof *proof, const struct step_lines *step)
{
    html_markup(page, "<div class=\"ev\" id=\"e%lld-%lld\"><p><b>life %lld, step %lld</b> ", (long long)step->life, (long long)step->step, (long long)step->life, (long long)step->step);
    put_time(page, number_behind(proof->trace.list[step->first], "\"t\":"));
    buffer_put_text(page, " · the engine</p><pre>");
    for (size_t i = 0; i < step->count && i < STEP_LINES_MAX; i++) {
        buffer_put_text(page, i > 0 ? "\n" : "");
        html_text(page, slice_before(proof->trace.list[step->first + i], 1500));
    }
    if (step->count > STEP_LINES_MAX) {
        html_markup(page, "\n(%zu lines more in trace.jsonl)", step->count - STEP_LINES_MAX);
    }
    buffer_put_text(page, "</pre></div>\n");
}

void html_proof(struct buffer *page, const struct results *results, const struct proof *proof)
{
    buffer_put_text(page, "<section class=\"proof\"><h2>Evidence</h2>\n");
    if (proof == NULL || proof->observations.count == 0) {
        buffer_put_text(page, "<p class=\"soft\">This folder holds no observations.</p></section>\n");
        return;
    }
    size_t count = 0, steps = 0;
    for (size_t i = 0; i < proof->observations.count; i++) {
        count += proof->marks[i] == CHOICE_SHOWN;
    }
    for (size_t s = 0; s < proof->step_count; s++) {
        steps += proof->steps[s].count > 0;
    }
    html_markup(page, "<p>What the verdicts and the story point at: %zu of %zu observations, by their line in observations.jsonl, and %zu steps of the engine.</p>\n"
                      "<details><summary>Observations</summary>\n", count, proof->observations.count, steps);
    for (size_t i = 0; i < proof->observations.count; i++) {
        if (proof->marks[i] == CHOICE_SHOWN) {
            put_observation(page, results, proof, i + 1);
        }
    }
    buffer_put_text(page, "</details>\n<details><summary>Steps of the engine: what it took, what it gave</summary>\n");
    buffer_put_text(page, steps == 0 ? "<p class=\"soft\">No trace was kept (--trace none).</p>\n" : "");
    for (size_t s = 0; s < proof->step_count; s++) {
        if (proof->steps[s].count > 0) {
            put_step(page, proof, &proof->steps[s]);
        }
    }
    buffer_put_text(page, "</details></section>\n");
}
