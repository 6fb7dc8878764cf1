/* SPDX-License-Identifier: MIT
 *
 * The story as swim lanes: a lane a site, time downwards, an arrow a message or a transfer. Time is drawn by
 * events, not by the second; where nothing happened for long a gap is drawn as a gap. Drawn in pieces that fit a page,
 * each with the names of its lanes on top. Colour is the organisation; the kind of message is in the line. */
#include "src/report/report_private.h"

#include <stdio.h>

#define LEFT 74
#define RIGHT 16
#define WIDTH 1230
#define ROW 18
#define HEAD 62
#define PIECE 560           /* height after which the next step begins a new piece: what fits a page on its side */
#define PIECE_MAX 680
#define GAP_NS (1 * TIME_S)
#define LINES_MAX 600
#define BANDS_MAX 32

struct band {
    size_t lane;
    slice effect;
    int y;
};

struct story {
    struct buffer *page;
    const struct results *results;
    const struct proof *proof;
    uint32_t nodes[SCENARIO_NODES_MAX];
    size_t lane_count;
    int lane_width, width;
    struct buffer rows, bands;
    struct band open[BANDS_MAX];
    size_t open_count;
    int y;
    time_ns begin;
};

/* ---- Lanes: in the scenario's order, the engine in the middle: every arrow begins or ends there. The watcher has none: it
 * asks about everything all the time. */
static void choose_lanes(struct story *story)
{
    const struct scenario *scenario = story->results->scenario;
    uint32_t engine = UINT32_MAX;
    for (uint32_t n = 0; n < scenario->node_count && story->lane_count < SCENARIO_NODES_MAX - 1; n++) {
        const struct scenario_node *node = &scenario->nodes[n];
        if (node->kind == KIND_ENGINE) {
            engine = n;
        } else if (!node->external && !slice_equal(node->id, SLICE("watcher"))) {
            story->nodes[story->lane_count++] = n;
        }
    }
    if (engine != UINT32_MAX) {
        size_t middle = (story->lane_count + 1) / 2;
        memmove(&story->nodes[middle + 1], &story->nodes[middle], (story->lane_count - middle) * sizeof story->nodes[0]);
        story->nodes[middle] = engine;
        story->lane_count++;
    }
    int lanes = story->lane_count > 0 ? (int)story->lane_count : 1, room = (WIDTH - LEFT - RIGHT) / lanes;
    story->lane_width = room > 180 ? 180 : room < 104 ? 104 : room;
    story->width = LEFT + story->lane_width * lanes + RIGHT;
}

static size_t lane_of(const struct story *story, slice id)
{
    size_t lane = 0;
    while (lane < story->lane_count && !slice_equal(story->results->scenario->nodes[story->nodes[lane]].id, id)) {
        lane++;
    }
    return lane;
}

static int lane_x(const struct story *story, size_t lane)
{
    return LEFT + story->lane_width / 2 + (int)lane * story->lane_width;
}

/* A name on two lines at most, broken at a blank. */
static void put_name(struct buffer *page, slice name, int x, size_t most)
{
    size_t cut = name.size;
    for (size_t i = 0; name.size > most && i < name.size && i < most; i++) {
        cut = name.data[i] == ' ' ? i : cut;
    }
    html_markup(page, "<text x=\"%d\" y=\"%d\" class=\"name\">", x, cut < name.size ? 22 : 29);
    html_short(page, slice_before(name, cut), most + 1);
    buffer_put_text(page, "</text>");
    if (cut < name.size) {
        html_markup(page, "<text x=\"%d\" y=\"36\" class=\"name\">", x);
        html_short(page, slice_after(name, cut + 1), most + 1);
        buffer_put_text(page, "</text>");
    }
}

static slice kind_of(const struct scenario_node *node)
{
    return node->vendor != NULL          ? node->vendor->vendor
           : node->kind == KIND_ENGINE   ? SLICE("engine")
           : node->kind == KIND_RIS      ? SLICE("RIS")
           : node->kind == KIND_PACS     ? SLICE("PACS")
                                         : SLICE("workstation");
}

static void put_heads(const struct story *story, int height)
{
    struct buffer *page = story->page;
    for (size_t lane = 0; lane < story->lane_count; lane++) {
        const struct scenario_node *node = &story->results->scenario->nodes[story->nodes[lane]];
        int x = lane_x(story, lane), half = story->lane_width / 2 - 4;
        html_markup(page, "<line class=\"lane\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/><rect x=\"%d\" y=\"2\" width=\"%d\" height=\"5\" fill=\"%s\"/>", x, x, HEAD - 4, height, x - half,
                    2 * half, node_colour(story->results, node->id));
        put_name(page, node->name.size > 0 ? node->name : node->id, x, (size_t)story->lane_width / 7);
        html_markup(page, "<text x=\"%d\" y=\"51\" class=\"soft kind\">", x);
        html_short(page, kind_of(node), 16);
        buffer_put_text(page, "</text>\n");
    }
}

/* ---- Bands: a node that was away is shaded from the fault to its end. */

static void put_band(struct story *story, const struct band *band, int to)
{
    int x = lane_x(story, band->lane), half = story->lane_width / 2 - 6;
    html_markup(&story->bands, "<rect class=\"band\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", x - half, band->y, 2 * half, to - band->y > 4 ? to - band->y : 4);
}

/* Away, or standing still: what only bends a message shades nothing. */
static bool is_outage(slice effect)
{
    const slice outages[] = {SLICE("down"), SLICE("crash"), SLICE("killed"), SLICE("hang"), SLICE("hold")};
    for (size_t i = 0; i < sizeof outages / sizeof outages[0]; i++) {
        if (slice_starts(effect, outages[i])) {
            return true;
        }
    }
    return false;
}

static void follow_fault(struct story *story, const struct story_line *line, size_t lane)
{
    slice effect = slice_equal(line->text, SLICE("restarted")) ? SLICE("killed") : line->text;
    if (line->bad && is_outage(effect) && story->open_count < BANDS_MAX) {
        story->open[story->open_count++] = (struct band){lane, effect, story->y - 2};
        return;
    }
    for (size_t i = 0; line->count < 0 && i < story->open_count; i++) {
        if (story->open[i].lane == lane && slice_equal(story->open[i].effect, effect)) {
            put_band(story, &story->open[i], story->y + 2);
            story->open[i] = story->open[--story->open_count];
            return;
        }
    }
}

/* ---- Rows. */

static bool is(const struct story_line *line, const char *kind)
{
    return slice_equal(line->kind, slice_from(kind));
}

static void begin_link(struct story *story, const struct story_line *line)
{
    bool shown = proof_has_line(story->proof, line->line);
    html_markup(&story->rows, shown ? "<a href=\"#o%lld\">" : "<g>", (long long)line->line);
}

static void end_link(struct story *story, const struct story_line *line)
{
    buffer_put_text(&story->rows, proof_has_line(story->proof, line->line) ? "</a>\n" : "</g>\n");
}

static void put_study(struct story *story, const struct story_line *line)
{
    const struct scenario_study *study = study_of_uid(story->results, line->study_uid);
    html_short(&story->rows, study != NULL ? study->id : line->study_uid, 24);
}

/* What a message is about: a study, else a person, else its keys. */
static void put_about(struct story *story, const struct story_line *line, slice otherwise)
{
    if (line->study_uid.size > 0) {
        put_study(story, line);
    } else {
        html_short(&story->rows, line->person.size > 0 ? line->person : otherwise, 30);
    }
}

static void put_label(struct story *story, const struct story_line *line, size_t messages)
{
    struct buffer *rows = &story->rows;
    if (is(line, "store")) {
        put_study(story, line);
        html_markup(rows, ": %lld image%s, ", (long long)line->count, line->count == 1 ? "" : "s");
        html_bytes(rows, line->bytes);
    } else if (is(line, "answer")) {
        html_markup(rows, "%lld row%s", (long long)line->count, line->count == 1 ? "" : "s");
        buffer_put_text(rows, line->bad ? ", " : "");
        html_short(rows, line->bad && line->text.size > 0 ? line->text : line->bad ? SLICE("no full answer") : SLICE_EMPTY, 60);
    } else if (is(line, "moved")) {
        html_markup(rows, "retrieve ended: %lld image%s", (long long)line->count, line->count == 1 ? "" : "s");
        buffer_put_text(rows, line->bad ? ", " : "");
        html_short(rows, line->bad ? line->text : SLICE_EMPTY, 60);
    } else if (is(line, "hl7")) {
        html_short(rows, line->text, 24);
        buffer_put_text(rows, line->study_uid.size + line->person.size > 0 ? " " : "");
        put_about(story, line, SLICE_EMPTY);
    } else {
        size_t to = lane_of(story, line->to);
        bool engine = to < story->lane_count && story->results->scenario->nodes[story->nodes[to]].kind == KIND_ENGINE;
        buffer_put_text(rows, is(line, "find") ? "question: " : engine ? "retrieve " : "C-MOVE ");
        put_about(story, line, line->text);
    }
    if (messages > 1) {
        html_markup(rows, " and %zu more", messages - 1);
    }
}

static void put_arrow(struct story *story, const struct story_line *line, size_t messages, size_t from_lane, size_t to_lane)
{
    int from = lane_x(story, from_lane), to = lane_x(story, to_lane), y = story->y;
    const struct scenario_node *origin = &story->results->scenario->nodes[story->nodes[from_lane]];
    const char *colour = line->bad ? "var(--wrong)" : node_colour(story->results, origin->kind == KIND_ENGINE ? line->to : line->from);
    const char *dash = is(line, "find") || is(line, "move") ? " stroke-dasharray=\"6 3\"" : is(line, "answer") || is(line, "moved") ? " stroke-dasharray=\"2 3\"" : "";
    double width = 1.5;
    for (int64_t bytes = line->bytes; bytes > 50000; bytes /= 4) {
        width += 0.9; /* thickness by bytes, in steps of four */
    }
    int direction = to > from ? 1 : -1;
    begin_link(story, line);
    html_markup(&story->rows, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"%s\" stroke-width=\"%.1f\"%s/><path d=\"M%d %dl%d -4.5v9z\" fill=\"%s\"/>", from, y, to - 6 * direction, y,
                colour, width, dash, to, y, -8 * direction, colour);
    html_markup(&story->rows, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\" class=\"label%s\">", direction > 0 ? from + 7 : from - 7, y - 4, direction > 0 ? "start" : "end", line->bad ? " bad" : "");
    put_label(story, line, messages);
    buffer_put_text(&story->rows, "</text>");
    end_link(story, line);
}

static void put_event(struct story *story, const struct story_line *line, size_t lane)
{
    int x = lane_x(story, lane);
    bool far_right = lane + 1 == story->lane_count;
    begin_link(story, line);
    if (line->bad) {
        html_markup(&story->rows, "<path d=\"M%d %dl5 9h-10z\" fill=\"var(--wrong)\"/>", x, story->y - 5);
    } else {
        html_markup(&story->rows, "<circle cx=\"%d\" cy=\"%d\" r=\"4\" fill=\"var(--%s)\"/>", x, story->y, line->count < 0 ? "good" : "attention");
    }
    html_markup(&story->rows, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\" class=\"label%s\">", far_right ? x - 9 : x + 9, story->y + 4, far_right ? "end" : "start", line->bad ? " bad" : "");
    buffer_put_text(&story->rows, line->count < 0 && !slice_equal(line->text, SLICE("restarted")) ? "healed: " : "");
    html_short(&story->rows, line->text, 40);
    buffer_put_text(&story->rows, "</text>");
    end_link(story, line);
}

/* "ws_gwent: query woman": the node by its name. */
static void put_step(struct story *story, const struct story_line *line)
{
    slice rest = line->text, id = slice_before(rest, slice_index(rest, ':'));
    slice name = id.size < rest.size ? node_name(story->results, id) : id;
    html_markup(&story->rows, "<rect class=\"step\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/><text x=\"%d\" y=\"%d\" class=\"steptext\">", LEFT - 4, story->y - 12, story->width - LEFT - RIGHT + 8, ROW - 1,
                LEFT + 4, story->y + 2);
    html_short(&story->rows, name, 60);
    html_short(&story->rows, slice_after(rest, id.size), 100);
    buffer_put_text(&story->rows, "</text>\n");
}

static void put_time(struct story *story, time_ns at)
{
    html_markup(&story->rows, "<text x=\"%d\" y=\"%d\" class=\"soft time\">%.2f s</text>", LEFT - 10, story->y + 3, (double)(at - story->begin) / 1e9);
}

static void put_gap(struct story *story, time_ns length)
{
    html_markup(&story->rows, "<path d=\"M%d %dh%d\" class=\"gap\"/><text x=\"%d\" y=\"%d\" class=\"soft label\">%.1f s pass</text>\n", LEFT - 4, story->y, story->width - LEFT - RIGHT + 8, LEFT + 4, story->y + 4,
                (double)length / 1e9);
}

/* ---- Pieces. */

static void put_piece(struct story *story)
{
    int height = story->y;
    for (size_t i = 0; i < story->open_count; i++) {
        put_band(story, &story->open[i], height);
        story->open[i].y = HEAD;
    }
    if (story->rows.size > 0) {
        html_markup(story->page, "<svg role=\"img\" aria-label=\"The story as a sequence between sites\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n", story->width, height, story->width, height);
        buffer_put(story->page, buffer_slice(&story->bands));
        put_heads(story, height);
        buffer_put(story->page, buffer_slice(&story->rows));
        buffer_put_text(story->page, "</svg>\n");
    }
    story->page->full = story->page->full || story->rows.full || story->bands.full;
    story->rows.size = story->bands.size = 0;
    story->y = HEAD + ROW;
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

static void put_lines(struct story *story)
{
    const struct results *results = story->results;
    time_ns before = story->begin, shown = INT64_MIN;
    size_t messages = 1, drawn = 0;
    for (size_t i = 0; i < results->story_count && drawn < LINES_MAX; i += messages) {
        const struct story_line *line = &results->story[i];
        messages = run_of_messages(results, i);
        size_t from = lane_of(story, line->from), to = line->to.size > 0 ? lane_of(story, line->to) : from;
        bool step = is(line, "step");
        if (!step && (from == story->lane_count || to == story->lane_count)) {
            continue;
        }
        if (story->y > PIECE_MAX || (story->y > PIECE && step)) {
            put_piece(story);
            shown = INT64_MIN;
        }
        if (line->at_ns - before > GAP_NS) {
            put_gap(story, line->at_ns - before);
            story->y += ROW;
        }
        before = results->story[i + messages - 1].at_ns;
        drawn++;
        if (shown == INT64_MIN || line->at_ns - shown >= 50 * TIME_MS) {
            shown = line->at_ns;
            put_time(story, line->at_ns);
        }
        if (step) {
            put_step(story, line);
        } else if (to != from) {
            put_arrow(story, line, messages, from, to);
        } else {
            put_event(story, line, from);
            follow_fault(story, line, from);
        }
        story->y += ROW;
    }
}

void html_story(struct buffer *page, const struct results *results, const struct proof *proof, struct arena *arena)
{
    struct arena before = *arena;
    struct story story = {.page = page, .results = results, .proof = proof, .rows = buffer_make(arena, 2u << 20), .bands = buffer_make(arena, 1u << 16), .y = HEAD + ROW};
    story.begin = results->story_count > 0 ? results->story[0].at_ns : 0;
    if (results->story_count == 0 && results->series != NULL) {
        return; /* a year tells its own */
    }
    choose_lanes(&story);
    buffer_put_text(page, "<section class=\"story\"><h2>The story</h2>\n");
    if (results->story_count == 0) {
        buffer_put_text(page, "<p class=\"soft\">This scenario tells no story.</p></section>\n");
        return;
    }
    buffer_put_text(page, "<p>Time runs downwards from the first step. Each lane is a site in its organisation's colour. An arrow leads to what was observed.</p>\n"
                          "<p class=\"legend\"><span><svg width=\"34\" height=\"10\"><line x1=\"1\" x2=\"33\" y1=\"5\" y2=\"5\" class=\"key\"/></svg> HL7 message</span>"
                          "<span><svg width=\"34\" height=\"10\"><line x1=\"1\" x2=\"33\" y1=\"5\" y2=\"5\" class=\"key\" stroke-dasharray=\"6 3\"/></svg> question, retrieve</span>"
                          "<span><svg width=\"34\" height=\"10\"><line x1=\"1\" x2=\"33\" y1=\"5\" y2=\"5\" class=\"key\" stroke-dasharray=\"2 3\"/></svg> answer</span>"
                          "<span><svg width=\"34\" height=\"10\"><line x1=\"1\" x2=\"33\" y1=\"5\" y2=\"5\" class=\"key\" style=\"stroke-width:4\"/></svg> images, thicker for more bytes</span>"
                          "<span><svg width=\"14\" height=\"12\"><path d=\"M7 1l6 10h-12z\" fill=\"var(--wrong)\"/></svg> fault, shaded until it is healed</span></p>\n<div class=\"wide\">");
    put_lines(&story);
    put_piece(&story);
    buffer_put_text(page, "</div>\n");
    if (results->story_count > LINES_MAX) {
        html_markup(page, "<p class=\"soft\">At most %d of %zu lines are drawn; observations.jsonl holds all.</p>\n", LINES_MAX, results->story_count);
    }
    buffer_put_text(page, "</section>\n");
    arena->used = before.used;
}
