/* SPDX-License-Identifier: MIT
 *
 * The same run by place: each organisation, each make of PACS, each link, and how the archives grow. */
#include "src/report/report_private.h"

#include <stdio.h>

static void put_share(struct buffer *page, int64_t part, int64_t whole)
{
    if (whole == 0) {
        buffer_put_text(page, "<td class=\"n soft\">–</td>");
    } else {
        char of[32];
        double share = 100.0 * (double)part / (double)whole; /* what is not all never reads as all */
        html_markup(page, "<td class=\"n keep\">%.*f %% <span class=\"soft\">of %s</span></td>", share == 100.0 ? 0 : share > 99.95 ? 3 : 1, share, grouped(whole, of));
    }
}

static void put_gb(struct buffer *page, int64_t bytes)
{
    html_markup(page, "<td class=\"n\">%.*f</td>", bytes >= 10000000000 ? 0 : 2, (double)bytes / 1e9);
}

static bool is_quiet(const struct series_site *site)
{
    return site->exams == 0 && site->transfers_in == 0 && site->transfers_out == 0 && site->mdt_cases == 0;
}

static void put_site(struct buffer *page, const struct site *site, const struct series_site *row, const char *colour)
{
    html_markup(page, "<tr><td><span class=\"dot\" style=\"background:%s\"></span> ", colour);
    html_text(page, site->name.size > 0 ? site->name : site->id);
    html_markup(page, "</td><td class=\"n\">%lld</td>", (long long)row->exams);
    put_share(page, row->published, row->exams);
    html_markup(page, "<td class=\"n\">%.1f</td><td class=\"n\">%.1f</td>", (double)row->publish_p50_ns / 1e9, (double)row->publish_p95_ns / 1e9);
    put_share(page, row->priors_ready, row->priors_wanted);
    put_share(page, row->mdt_ready, row->mdt_cases);
    html_markup(page, "<td class=\"n\">%lld</td>", (long long)row->transfers_in);
    put_gb(page, row->bytes_in);
    html_markup(page, "<td class=\"n\">%lld</td>", (long long)row->transfers_out);
    put_gb(page, row->bytes_out);
    buffer_put_text(page, "</tr>\n");
}

static const char *colour_of(const struct results *results, size_t site)
{
    for (size_t n = 0; n < results->scenario->node_count; n++) {
        if (results->scenario->nodes[n].site == site) {
            return node_colour(results, results->scenario->nodes[n].id);
        }
    }
    return "var(--unknown)";
}

static void put_sites(struct buffer *page, const struct results *results)
{
    buffer_put_text(page, "<section><h2>Organisation by organisation</h2>\n<div class=\"wide\"><table><thead><tr><th>Organisation</th><th class=\"n\">Exams</th><th class=\"n\">Published</th><th class=\"n\">p50 s</th>"
                          "<th class=\"n\">p95 s</th><th class=\"n\">Priors in time</th><th class=\"n\">MDT ready</th><th class=\"n\">Studies in</th><th class=\"n\">GB in</th><th class=\"n\">Studies out</th>"
                          "<th class=\"n\">GB out</th></tr></thead><tbody>\n");
    for (size_t s = 0; s < results->scenario->site_count; s++) {
        if (!is_quiet(&results->series->sites[s])) {
            put_site(page, &results->scenario->sites[s], &results->series->sites[s], colour_of(results, s));
        }
    }
    buffer_put_text(page, "</tbody></table></div></section>\n");
}

/* ---- Makes of PACS: the nodes that wear one profile, together. */

struct make {
    slice title;
    const struct vendor_profile *profile;
    int64_t nodes, studies, finds, finds_failed, moves, moves_failed, outages, planned;
    time_ns down_ns;
};

static void add_node(struct make *make, const struct series_node *node)
{
    make->nodes++;
    make->studies += node->studies;
    make->finds += node->finds;
    make->finds_failed += node->finds_failed;
    make->moves += node->moves;
    make->moves_failed += node->moves_failed;
    make->outages += node->outages;
    make->planned += node->planned;
    make->down_ns += node->down_ns;
}

static struct make *make_of(struct make *makes, size_t *count, const struct vendor_profile *profile)
{
    for (size_t i = 0; i < *count; i++) {
        if (slice_equal(makes[i].title, profile->title)) {
            return &makes[i];
        }
    }
    if (*count == SCENARIO_NODES_MAX) {
        return NULL;
    }
    makes[*count] = (struct make){.title = profile->title, .profile = profile};
    return &makes[(*count)++];
}

static void put_makes(struct buffer *page, const struct results *results)
{
    struct make makes[SCENARIO_NODES_MAX];
    size_t count = 0;
    for (size_t n = 0; n < results->scenario->node_count; n++) {
        const struct vendor_profile *profile = results->scenario->nodes[n].vendor;
        struct make *make = profile == NULL ? NULL : make_of(makes, &count, profile);
        if (make != NULL) {
            add_node(make, &results->series->nodes[n]);
        }
    }
    if (count == 0) {
        return;
    }
    buffer_put_text(page, "<section><h2>Make by make</h2>\n<p>Emulations made for test: what bit is told at each node above, and nothing here is a statement about a product.</p>\n"
                          "<table><thead><tr><th>Emulated make</th><th class=\"n\">Nodes</th><th class=\"n\">Studies</th><th class=\"n\">Questions</th><th class=\"n\">not answered</th>"
                          "<th class=\"n\">Moves</th><th class=\"n\">fell short</th><th class=\"n\">Outages</th><th class=\"n\">Hours down</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < count; i++) {
        buffer_put_text(page, "<tr><td>");
        html_text(page, makes[i].title);
        html_markup(page, "</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td>"
                          "<td class=\"n keep\">%lld <span class=\"soft\">+ %lld planned</span></td><td class=\"n\">%.1f</td></tr>\n",
                    (long long)makes[i].nodes, (long long)makes[i].studies, (long long)makes[i].finds, (long long)makes[i].finds_failed,
                    (long long)makes[i].moves, (long long)makes[i].moves_failed, (long long)(makes[i].outages - makes[i].planned), (long long)makes[i].planned,
                    (double)makes[i].down_ns / (double)TIME_HOUR);
    }
    buffer_put_text(page, "</tbody></table></section>\n");
}

/* ---- Links and archives. */

struct pictures {
    double values[SERIES_MONTHS_MAX];
    int years[SERIES_MONTHS_MAX], months[SERIES_MONTHS_MAX];
};

static void draw(struct buffer *page, const struct series *series, struct pictures *pictures, const char *unit, const char *title, const char *caption)
{
    for (size_t i = 0; i < series->month_count; i++) {
        pictures->years[i] = series->months[i].year;
        pictures->months[i] = series->months[i].month;
    }
    html_chart(page, &(struct chart){.title = title, .caption = caption, .unit = unit, .values = pictures->values, .years = pictures->years, .months = pictures->months,
                                     .count = series->month_count, .from_ns = series->months[0].from_ns, .until_ns = series->months[series->month_count - 1].until_ns});
}

static void put_link(struct buffer *page, const struct series *series, const struct series_link *link, struct pictures *pictures)
{
    char title[200], caption[160];
    double highest = 0;
    for (size_t m = 0; m < series->month_count; m++) {
        int64_t capacity = link->capacity_by_month[m];
        pictures->values[m] = capacity > 0 ? 100.0 * (double)link->bytes_by_month[m] / (double)capacity : (double)link->bytes_by_month[m] / 1e9;
        highest = pictures->values[m] > highest ? pictures->values[m] : highest;
    }
    bool limited = series->month_count > 0 && link->capacity_by_month[0] > 0;
    snprintf(title, sizeof title, limited ? "%.*s: at most %.2f %% of what it can carry" : "%.*s: at most %.1f GB a month", SLICE_ARGS(link->name), highest);
    snprintf(caption, sizeof caption, "%s; %.1f GB in all, %s for %.1f h", limited ? "share used, %" : "GB", (double)link->bytes / 1e9, link->outages == 1 ? "down once" : "down in all",
             (double)link->down_ns / (double)TIME_HOUR);
    draw(page, series, pictures, limited ? "%" : "GB", title, caption);
}

static void put_links(struct buffer *page, const struct results *results, struct pictures *pictures)
{
    const struct series *series = results->series;
    if (series->link_count == 0) {
        return;
    }
    buffer_put_text(page, "<section><h2>The network</h2>\n<div class=\"charts\">\n");
    for (size_t l = 0; l < series->link_count; l++) {
        put_link(page, series, &series->links[l], pictures);
    }
    buffer_put_text(page, "</div></section>\n");
}

static void put_storage(struct buffer *page, const struct results *results, struct pictures *pictures)
{
    const struct series *series = results->series;
    bool begun = false;
    for (size_t n = 0; n < results->scenario->node_count; n++) {
        const struct series_node *node = &series->nodes[n];
        const struct scenario_node *named = &results->scenario->nodes[n];
        char title[200], caption[160];
        if (named->kind != KIND_PACS || node->bytes_by_month == NULL || node->bytes == 0) {
            continue;
        }
        for (size_t m = 0; m < series->month_count; m++) {
            pictures->values[m] = (double)node->bytes_by_month[m] / 1e12;
        }
        buffer_put_text(page, begun ? "" : "<section><h2>How the archives grow</h2>\n<div class=\"charts\">\n");
        begun = true;
        slice name = node_name(results, named->id);
        snprintf(title, sizeof title, "%.*s: %.2f TB at the end", SLICE_ARGS(name), (double)node->bytes / 1e12);
        snprintf(caption, sizeof caption, "TB of the run's own studies at the end of each month; %lld studies", (long long)node->studies);
        draw(page, series, pictures, "TB", title, caption);
    }
    buffer_put_text(page, begun ? "</div></section>\n" : "");
}

void html_places(struct buffer *page, const struct results *results, struct arena *arena)
{
    static struct pictures pictures; /* large */
    (void)arena;
    if (results->series == NULL || results->series->month_count == 0) {
        return;
    }
    put_sites(page, results);
    put_makes(page, results);
    put_links(page, results, &pictures);
    put_storage(page, results, &pictures);
}
