/* SPDX-License-Identifier: MIT
 *
 * Evidence: what the verdicts point at. Each observation named by a case or an arrow, in full, and between a
 * question and its answer the decoded messages that the engine took and sent (trace.jsonl). */
#include "src/report/report_private.h"

#include <stdio.h>
#include <stdlib.h>

#define OBSERVATIONS_MAX 400000
#define SHOWN_MAX 1500
#define TRACE_LINES_MAX 16
#define FILE_MAX (256u << 20)

struct lines {
    char *bytes;
    slice *list;
    size_t count;
};

/* Reads a file as lines; empty when there is none. The caller frees both. */
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

/* Marks the observations that a case or an arrow names. */
static void mark(const struct results *results, uint8_t *wanted, size_t count)
{
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        const struct invariant_result *result = &results->invariants[i];
        for (size_t e = 0; e < result->evidence_count; e++) {
            for (size_t l = 0; l < result->evidence[e].line_count; l++) {
                int64_t line = result->evidence[e].lines[l];
                if (line > 0 && (size_t)line <= count) {
                    wanted[line - 1] = result->evidence[e].violation ? 2 : wanted[line - 1] == 2 ? 2 : 1;
                }
            }
        }
    }
    for (size_t s = 0; s < results->story_count; s++) {
        int64_t line = results->story[s].line;
        if (line > 0 && (size_t)line <= count && wanted[line - 1] == 0) {
            wanted[line - 1] = 1;
        }
    }
}

static int64_t number_behind(slice line, const char *key)
{
    const char *at = memmem(line.data, line.size, key, strlen(key));
    return at == NULL ? 0 : strtoll(at + strlen(key), NULL, 10);
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

static void put_observation(struct buffer *page, const struct lines *trace, slice line, size_t number)
{
    char head[96];
    snprintf(head, sizeof head, "<div class=\"ev\" id=\"o%zu\"><b>%zu</b><pre>", number, number);
    buffer_put_text(page, head);
    html_text(page, slice_before(line, 4000));
    buffer_put_text(page, "</pre>");
    int64_t latency = number_behind(line, "\"latency_ns\":"), at = number_behind(line, "\"at\":");
    if (latency > 0) {
        put_trace(page, trace, at - latency, at);
    }
    buffer_put_text(page, "</div>\n");
}

void html_evidence(struct buffer *page, const struct results *results, const char *folder, struct arena *arena)
{
    struct lines observations = read_lines(folder, "observations.jsonl"), trace = read_lines(folder, "trace.jsonl");
    struct arena before = *arena;
    uint8_t *wanted = arena_alloc(arena, observations.count + 1);
    buffer_put_text(page, "<h2>Evidence</h2>\n<p>Lines of observations.jsonl that the verdicts and the story point at, by number.</p>\n<details><summary>show them all</summary>\n");
    if (wanted != NULL) {
        mark(results, wanted, observations.count);
    }
    for (size_t round = 2, shown = 0; wanted != NULL && round > 0; round--) { /* violations first: they must not be cut */
        for (size_t i = 0; i < observations.count && shown < SHOWN_MAX; i++) {
            if (wanted[i] == round) {
                put_observation(page, &trace, observations.list[i], i + 1);
                shown++;
            }
        }
    }
    buffer_put_text(page, "</details>\n");
    arena->used = before.used;
    free(observations.bytes);
    free(observations.list);
    free(trace.bytes);
    free(trace.list);
}
