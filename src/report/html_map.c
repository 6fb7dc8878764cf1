/* SPDX-License-Identifier: MIT
 *
 * The map: every node round the engine, links as thick as what went over them, dashed where a node was down; then
 * a card a node: vendor, studies, the quirks that bit and how the engine coped. */
#include "src/report/report_private.h"

#include <math.h>
#include <stdio.h>

#define BOX 214
#define CENTRE_X 550
#define MANY 12 /* more than so many stand in two columns */
#define ROW 54

struct map {
    int places, left, right; /* drawn in all; in the columns */
    int height;
};

static int64_t bytes_to(const struct results *results, slice node)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < results->story_count; i++) {
        bytes += slice_equal(results->story[i].to, node) ? results->story[i].bytes : 0;
    }
    return bytes;
}

static bool was_down(const struct results *results, slice node)
{
    for (size_t i = 0; i < results->story_count; i++) {
        if (slice_equal(results->story[i].from, node) && slice_equal(results->story[i].kind, SLICE("fault"))) {
            return true;
        }
    }
    return false;
}

static bool is_drawn(const struct scenario_node *node)
{
    return node->kind != KIND_ENGINE && !node->external && !slice_equal(node->id, SLICE("watcher"));
}

static void put_link(struct buffer *page, const struct results *results, const struct scenario_node *node, const struct map *map, int x, int y, int64_t bytes)
{
    double width = 1.5;
    for (int64_t rest = bytes; rest > 30000; rest /= 3) {
        width += 0.9;
    }
    html_markup(page, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"%s\" stroke-width=\"%.1f\"%s/>\n", CENTRE_X, map->height / 2, x, y, node_colour(results, node->id), width,
                was_down(results, node->id) ? " stroke-dasharray=\"8 6\"" : "");
}

static void put_box(struct buffer *page, const struct results *results, const struct scenario_node *node, const struct map *map, int x, int y, int64_t bytes)
{
    (void)map;
    html_markup(page, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"46\" rx=\"4\" class=\"box\" stroke=\"%s\"/><text x=\"%d\" y=\"%d\" class=\"name\">", x - BOX / 2, y - 23, BOX,
                node_colour(results, node->id), x, y - 4);
    html_short(page, node->name.size > 0 ? node->name : node->id, 30);
    html_markup(page, "</text><text x=\"%d\" y=\"%d\" class=\"soft kind\">", x, y + 13);
    html_short(page, node->vendor != NULL ? node->vendor->vendor : node->kind == KIND_RIS ? SLICE("RIS, HL7") : SLICE("workstation"), 14);
    if (bytes > 0) {
        buffer_put_text(page, ", received ");
        html_bytes(page, bytes);
    }
    buffer_put_text(page, "</text>\n");
}

static struct map map_of(const struct scenario *scenario)
{
    struct map map = {.height = 470};
    for (size_t n = 0; n < scenario->node_count; n++) {
        if (is_drawn(&scenario->nodes[n])) {
            map.places++;
            map.left += scenario->nodes[n].kind == KIND_PACS;
            map.right += scenario->nodes[n].kind != KIND_PACS;
        }
    }
    if (map.places > MANY) {
        map.height = ROW * (map.left > map.right ? map.left : map.right) + 8;
    }
    return map;
}

/* Few: evenly round an ellipse. Many: the PACS to the left of the engine, those who read to its right. Boxes over the links. */
static void put_nodes(struct buffer *page, const struct results *results, const struct map *map, bool links)
{
    const struct scenario *scenario = results->scenario;
    int place = 0, rows[2] = {0, 0};
    for (size_t n = 0; n < scenario->node_count; n++) {
        const struct scenario_node *node = &scenario->nodes[n];
        if (!is_drawn(node)) {
            continue;
        }
        double angle = 2 * M_PI * place++ / map->places - M_PI / 2;
        int x = CENTRE_X + (int)(440 * cos(angle)), y = map->height / 2 + (int)(205 * sin(angle));
        if (map->places > MANY) {
            bool right = node->kind != KIND_PACS;
            x = right ? 2 * CENTRE_X - BOX / 2 - 2 : BOX / 2 + 2;
            y = map->height / 2 + ROW * (2 * rows[right] + 1 - (right ? map->right : map->left)) / 2;
            rows[right]++;
        }
        (links ? put_link : put_box)(page, results, node, map, x, y, bytes_to(results, node->id));
    }
}

/* "find_pending_ff01 x12, ..." as a list. */
static void put_tally(struct buffer *page, slice list, const char *none)
{
    if (list.size == 0) {
        html_markup(page, "<p class=\"soft\">%s</p>", none);
        return;
    }
    buffer_put_text(page, "<ul class=\"tally\">");
    for (slice rest = list; rest.data != NULL;) {
        slice part = slice_trim(slice_cut(&rest, ','));
        size_t cut = part.size;
        for (size_t i = 0; i + 2 < part.size; i++) {
            cut = part.data[i] == ' ' && part.data[i + 1] == 'x' ? i : cut;
        }
        buffer_put_text(page, "<li><span>");
        html_text(page, slice_before(part, cut));
        buffer_put_text(page, "</span><b>");
        html_text(page, slice_after(part, cut + 2));
        buffer_put_text(page, "×</b></li>");
    }
    buffer_put_text(page, "</ul>");
}

static void put_card(struct buffer *page, const struct results *results, const struct node_result *result)
{
    const struct scenario_node *node = &results->scenario->nodes[result->node];
    html_markup(page, "<div class=\"card\" style=\"border-top-color:%s\"><h3>", node_colour(results, node->id));
    html_text(page, node->name.size > 0 ? node->name : node->id);
    buffer_put_text(page, "</h3><p class=\"soft\">");
    html_text(page, results->scenario->sites[node->site].name.size > 0 ? results->scenario->sites[node->site].name : results->scenario->sites[node->site].id);
    if (node->vendor != NULL) {
        buffer_put_text(page, " · emulated ");
        html_text(page, node->vendor->title);
    }
    html_markup(page, "</p><p>%lld stud%s, %lld image%s</p><h4>Quirks that bit</h4>", (long long)result->studies, result->studies == 1 ? "y" : "ies", (long long)result->images,
                result->images == 1 ? "" : "s");
    put_tally(page, result->quirks_bit, "none in this run");
    buffer_put_text(page, "<h4>How the engine coped</h4>");
    put_tally(page, result->coped, "nothing to cope with");
    buffer_put_text(page, "</div>\n");
}

void html_map(struct buffer *page, const struct results *results)
{
    struct map map = map_of(results->scenario);
    html_markup(page, "<section><h2>The sites</h2>\n<figure class=\"wide map\"><svg role=\"img\" aria-label=\"Sites and links\" viewBox=\"0 0 1100 %d\" width=\"1100\" height=\"%d\">\n", map.height,
                map.height);
    put_nodes(page, results, &map, true);
    html_markup(page, "<circle cx=\"%d\" cy=\"%d\" r=\"42\" class=\"hub\"/><text x=\"%d\" y=\"%d\" class=\"name\">Pont</text>\n", CENTRE_X, map.height / 2, CENTRE_X, map.height / 2 + 5);
    put_nodes(page, results, &map, false);
    buffer_put_text(page, "</svg><figcaption>A link is as thick as the images that were received over it. Dashed: a fault was set there.</figcaption></figure>\n<div class=\"cards\">\n");
    for (size_t i = 0; i < results->node_count; i++) {
        if (results->scenario->nodes[results->nodes[i].node].kind == KIND_PACS) {
            put_card(page, results, &results->nodes[i]);
        }
    }
    buffer_put_text(page, "</div></section>\n");
}
