/* SPDX-License-Identifier: MIT
 *
 * The story as swim lanes: a lane a site, time downwards, an arrow a message or a transfer. Time is drawn by
 * events, not by the second; where nothing happened for long a gap is drawn as a gap. */
#include "src/report/report_private.h"

#include <stdio.h>

#define LANE_WIDTH 122
#define LEFT 84
#define ROW 17
#define HEAD 56
#define GAP_NS (1 * TIME_S)
#define LINES_MAX 320

struct lanes {
    uint32_t nodes[SCENARIO_NODES_MAX];
    size_t count;
};

/* Lanes in the scenario's order, the engine in the middle: every arrow begins or ends there. The watcher has none: it
 * asks about everything all the time. */
static struct lanes choose_lanes(const struct results *results)
{
    struct lanes lanes = {.count = 0};
    uint32_t engine = UINT32_MAX;
    for (uint32_t n = 0; n < results->scenario->node_count; n++) {
        const struct scenario_node *node = &results->scenario->nodes[n];
        if (node->kind == KIND_ENGINE) {
            engine = n;
        } else if (!node->external && !slice_equal(node->id, SLICE("watcher"))) {
            lanes.nodes[lanes.count++] = n;
        }
    }
    if (engine != UINT32_MAX) {
        size_t middle = (lanes.count + 1) / 2;
        memmove(&lanes.nodes[middle + 1], &lanes.nodes[middle], (lanes.count - middle) * sizeof lanes.nodes[0]);
        lanes.nodes[middle] = engine;
        lanes.count++;
    }
    return lanes;
}

/* Messages that follow one another with nothing in between are one arrow. How many, from `first`. */
static size_t run_of_messages(const struct results *results, size_t first)
{
    size_t count = 1;
    while (slice_equal(results->story[first].kind, SLICE("hl7")) && first + count < results->story_count &&
           slice_equal(results->story[first + count].kind, SLICE("hl7")) && slice_equal(results->story[first + count].from, results->story[first].from)) {
        count++;
    }
    return count;
}

static int lane_x(const struct results *results, const struct lanes *lanes, slice id)
{
    for (size_t i = 0; i < lanes->count; i++) {
        if (slice_equal(results->scenario->nodes[lanes->nodes[i]].id, id)) {
            return LEFT + LANE_WIDTH / 2 + (int)i * LANE_WIDTH;
        }
    }
    return -1;
}

static void put_lane_heads(struct buffer *page, const struct results *results, const struct lanes *lanes, int height)
{
    for (size_t i = 0; i < lanes->count; i++) {
        const struct scenario_node *node = &results->scenario->nodes[lanes->nodes[i]];
        int x = LEFT + LANE_WIDTH / 2 + (int)i * LANE_WIDTH;
        html_markup(page, "<line class=\"lane\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/><rect x=\"%d\" y=\"4\" width=\"%d\" height=\"5\" fill=\"%s\"/>", x, x, HEAD - 8, height, x - 54, 108,
               node_colour(results, node->id));
        html_markup(page, "<text x=\"%d\" y=\"24\" text-anchor=\"middle\" font-weight=\"600\">", x);
        html_text(page, slice_before(node->name.size > 0 ? node->name : node->id, 18));
        html_markup(page, "</text><text x=\"%d\" y=\"40\" text-anchor=\"middle\" class=\"soft\">", x);
        html_text(page, node->vendor != NULL ? node->vendor->vendor : node->kind == KIND_ENGINE ? SLICE("engine") : node->kind == KIND_RIS ? SLICE("RIS") : SLICE("workstation"));
        buffer_put_text(page, "</text>\n");
    }
}

static const char *colour_of(const struct story_line *line)
{
    return line->bad                                   ? "var(--wrong)"
           : slice_equal(line->kind, SLICE("hl7"))    ? "#0072B2"
           : slice_equal(line->kind, SLICE("store"))  ? "#009E73"
           : slice_equal(line->kind, SLICE("answer")) ? "#56B4E9"
                                                      : "#CC79A7";
}

/* What stands on the arrow; a study's UID becomes the scenario's name for it. */
static void put_label(struct buffer *page, const struct results *results, const struct story_line *line, size_t messages)
{
    if (slice_equal(line->kind, SLICE("store"))) {
        slice name = line->text;
        for (size_t s = 0; s < results->scenario->study_count; s++) {
            name = slice_equal(results->scenario->studies[s].study_uid, line->text) ? results->scenario->studies[s].id : name;
        }
        html_text(page, slice_before(name, 18));
        html_markup(page, ": %lld image%s, %.1f MB", (long long)line->count, line->count == 1 ? "" : "s", (double)line->bytes / 1e6);
        return;
    }
    if (slice_equal(line->kind, SLICE("answer"))) {
        html_markup(page, "%s%lld row%s", line->bad ? "incomplete: " : "answer: ", (long long)line->count, line->count == 1 ? "" : "s");
        return;
    }
    html_text(page, slice_before(line->text, 34));
    if (messages > 1) {
        html_markup(page, " and %zu more", messages - 1);
    }
}

static void put_arrow(struct buffer *page, const struct results *results, const struct story_line *line, size_t messages, int from, int to, int y)
{
    double width = 1.3;
    for (int64_t bytes = line->bytes; bytes > 100000; bytes /= 4) {
        width += 0.7; /* thickness by bytes, in steps of four */
    }
    int direction = to > from ? 1 : -1;
    html_markup(page, "<a href=\"#o%lld\"><line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"%s\" stroke-width=\"%.1f\"/><path d=\"M%d %dl%d -4v8z\" fill=\"%s\"/>", (long long)line->line, from, y,
           to - 5 * direction, y, colour_of(line), width, to, y, -7 * direction, colour_of(line));
    html_markup(page, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\" style=\"font-size:10.5px\"%s>", direction > 0 ? from + 6 : from - 6, y - 3, direction > 0 ? "start" : "end", line->bad ? " class=\"bad\"" : "");
    put_label(page, results, line, messages);
    buffer_put_text(page, "</text></a>\n");
}

static void put_event(struct buffer *page, const struct story_line *line, int x, int y)
{
    html_markup(page, "<a href=\"#o%lld\"><circle cx=\"%d\" cy=\"%d\" r=\"4.5\" fill=\"%s\"/><text x=\"%d\" y=\"%d\" style=\"font-size:11px\"%s>", (long long)line->line, x, y,
           line->bad ? "var(--wrong)" : "var(--attention)", x + 9, y + 4, line->bad ? " class=\"bad\"" : "");
    html_text(page, slice_before(line->text, 40));
    buffer_put_text(page, "</text></a>\n");
}

static void put_step(struct buffer *page, const struct story_line *line, int width, int y)
{
    html_markup(page, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"var(--wash)\"/><text x=\"%d\" y=\"%d\" font-weight=\"600\">", LEFT - 4, y - 11, width - LEFT, ROW - 2, LEFT + 4, y + 2);
    html_text(page, slice_before(line->text, 120));
    buffer_put_text(page, "</text>\n");
}

static int put_lines(struct buffer *page, const struct results *results, const struct lanes *lanes, int width)
{
    int y = HEAD + ROW;
    time_ns begin = results->story_count > 0 ? results->story[0].at_ns : 0, before = begin;
    size_t messages = 1, drawn = 0;
    time_ns shown = -TIME_S;
    for (size_t i = 0; i < results->story_count && drawn < LINES_MAX; i += messages) {
        const struct story_line *line = &results->story[i];
        messages = run_of_messages(results, i);
        int from = lane_x(results, lanes, line->from), to = line->to.size > 0 ? lane_x(results, lanes, line->to) : -1;
        bool step = slice_equal(line->kind, SLICE("step"));
        if (!step && (from < 0 || (line->to.size > 0 && to < 0))) {
            continue;
        }
        if (line->at_ns - before > GAP_NS) {
            html_markup(page, "<text x=\"%d\" y=\"%d\" class=\"soft\" style=\"font-size:11px\">%.1f s pass</text>\n", LEFT + 4, y, (double)(line->at_ns - before) / 1e9);
            y += ROW;
        }
        before = results->story[i + messages - 1].at_ns;
        drawn++;
        if (line->at_ns - shown >= 50 * TIME_MS) {
            shown = line->at_ns;
            html_markup(page, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" class=\"soft\" style=\"font-size:11px\">%.2f s</text>", LEFT - 12, y + 2, (double)(line->at_ns - begin) / 1e9);
        }
        if (step) {
            put_step(page, line, width, y);
        } else if (to >= 0 && to != from) {
            put_arrow(page, results, line, messages, from, to, y);
        } else {
            put_event(page, line, from, y);
        }
        y += ROW;
    }
    return y;
}

void html_story(struct buffer *page, const struct results *results)
{
    struct lanes lanes = choose_lanes(results);
    int width = LEFT + (int)lanes.count * LANE_WIDTH + 20;
    buffer_put_text(page, "<h2>The story</h2>\n<p>Time runs downwards, from the first step of the story. <span style=\"color:#0072B2\">■</span> HL7, "
                          "<span style=\"color:#CC79A7\">■</span> question or retrieve, <span style=\"color:#56B4E9\">■</span> answer, <span style=\"color:#009E73\">■</span> images "
                          "(thicker: more bytes), <span class=\"wrong\">●</span> fault. An arrow leads to what was observed.</p>\n");
    if (results->story_count == 0) {
        buffer_put_text(page, "<p class=\"soft\">This scenario tells no story.</p>\n");
        return;
    }
    /* The height is known only afterwards: lines go into the page first, then the frame is put round them. */
    size_t start = page->size;
    int height = put_lines(page, results, &lanes, width) + ROW;
    size_t size = page->size - start;
    static char held[1 << 20];
    bool fits = size <= sizeof held;
    memcpy(held, page->data + start, fits ? size : sizeof held);
    page->size = start;
    html_markup(page, "<div class=\"wide\"><svg role=\"img\" aria-label=\"The story as a sequence between sites\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n", width, height, width, height);
    put_lane_heads(page, results, &lanes, height);
    buffer_put(page, (slice){held, fits ? size : 0});
    buffer_put_text(page, "</svg></div>\n");
    if (results->story_count > LINES_MAX) {
        html_markup(page, "<p class=\"soft\">The first %d of %zu lines; observations.jsonl holds all.</p>\n", LINES_MAX, results->story_count);
    }
}
