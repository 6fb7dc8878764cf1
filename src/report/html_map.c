/* SPDX-License-Identifier: MIT
 *
 * The map: every node round the engine, links as thick as what went over them, dashed where a node was down; then
 * a card a node: vendor, studies, the quirks that bit and how the engine coped. */
#include "src/report/report_private.h"

#include <stdio.h>

/* Places on an ellipse round (500, 230): cosine and sine of k/12 of a circle in thousandths. */
static const int cosines[12] = {1000, 866, 500, 0, -500, -866, -1000, -866, -500, 0, 500, 866};

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

static void put_spoke(struct buffer *page, const struct results *results, const struct scenario_node *node, size_t place, size_t places)
{
    size_t twelfth = place * 12 / places % 12;
    int x = 500 + 390 * cosines[twelfth] / 1000, y = 200 - 165 * cosines[(twelfth + 9) % 12] / 1000;
    int64_t bytes = bytes_to(results, node->id);
    double width = 1.2;
    for (int64_t rest = bytes; rest > 50000; rest /= 3) {
        width += 0.9;
    }
    html_markup(page, "<line x1=\"500\" y1=\"200\" x2=\"%d\" y2=\"%d\" stroke=\"%s\" stroke-width=\"%.1f\"%s/>", x, y, node_colour(results, node->id), width,
           was_down(results, node->id) ? " stroke-dasharray=\"7 5\"" : "");
    html_markup(page, "<rect x=\"%d\" y=\"%d\" width=\"188\" height=\"44\" rx=\"4\" fill=\"var(--paper)\" stroke=\"%s\" stroke-width=\"2\"/><text x=\"%d\" y=\"%d\" text-anchor=\"middle\" font-weight=\"600\">",
           x - 94, y - 22, node_colour(results, node->id), x, y - 4);
    html_text(page, slice_before(node->name.size > 0 ? node->name : node->id, 28));
    html_markup(page, "</text><text x=\"%d\" y=\"%d\" text-anchor=\"middle\" class=\"soft\">", x, y + 13);
    html_text(page, node->vendor != NULL ? node->vendor->vendor : node->kind == KIND_RIS ? SLICE("RIS, HL7") : SLICE("workstation"));
    if (bytes > 0) {
        html_markup(page, ", received %.1f MB", (double)bytes / 1e6);
    }
    buffer_put_text(page, "</text>\n");
}

static void put_card(struct buffer *page, const struct results *results, const struct node_result *result)
{
    const struct scenario_node *node = &results->scenario->nodes[result->node];
    html_markup(page, "<div class=\"card\" style=\"border-top-color:%s\"><h3>", node_colour(results, node->id));
    html_text(page, node->name.size > 0 ? node->name : node->id);
    buffer_put_text(page, "</h3><div class=\"soft\">");
    html_text(page, results->scenario->sites[node->site].name);
    buffer_put_text(page, ", emulated ");
    html_text(page, node->vendor->title);
    html_markup(page, "</div><dl><dt>Holds</dt><dd>%lld studies, %lld images</dd><dt>Quirks that bit</dt><dd>", (long long)result->studies, (long long)result->images);
    html_text(page, result->quirks_bit.size > 0 ? result->quirks_bit : SLICE("none in this run"));
    buffer_put_text(page, "</dd><dt>How the engine coped</dt><dd>");
    html_text(page, result->coped.size > 0 ? result->coped : SLICE("nothing to cope with"));
    buffer_put_text(page, "</dd></dl></div>\n");
}

void html_map(struct buffer *page, const struct results *results)
{
    const struct scenario *scenario = results->scenario;
    size_t places = 0, place = 0;
    for (size_t n = 0; n < scenario->node_count; n++) {
        places += scenario->nodes[n].kind != KIND_ENGINE && !slice_equal(scenario->nodes[n].id, SLICE("watcher"));
    }
    buffer_put_text(page, "<h2>The sites</h2>\n<figure class=\"wide\"><svg role=\"img\" aria-label=\"Sites and links\" viewBox=\"0 0 1000 400\" width=\"1000\" height=\"400\">\n");
    for (size_t n = 0; n < scenario->node_count; n++) {
        if (scenario->nodes[n].kind != KIND_ENGINE && !slice_equal(scenario->nodes[n].id, SLICE("watcher"))) {
            put_spoke(page, results, &scenario->nodes[n], place++, places);
        }
    }
    buffer_put_text(page, "<circle cx=\"500\" cy=\"200\" r=\"40\" fill=\"var(--paper)\" stroke=\"var(--ink)\" stroke-width=\"3\"/><text x=\"500\" y=\"204\" text-anchor=\"middle\" "
                          "font-weight=\"700\">Pont</text></svg><figcaption>Thicker: more images received. Dashed: a fault was set there.</figcaption></figure>\n<div class=\"cards\">\n");
    for (size_t i = 0; i < results->node_count; i++) {
        if (scenario->nodes[results->nodes[i].node].kind == KIND_PACS) {
            put_card(page, results, &results->nodes[i]);
        }
    }
    buffer_put_text(page, "</div>\n");
}
