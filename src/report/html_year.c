/* SPDX-License-Identifier: MIT
 *
 * The year for a project board: month by month, day by day, what was promised and what it cost when something was down. */
#include "src/report/report_private.h"

#include <stdio.h>
#include <stdlib.h>

#define BANDS_MAX 2000
#define OUTAGES_SHOWN 30 /* rows; with more of them those that cost something, the dearest first */

/* One measure of a month; `known` false: the month had no case of it. */
typedef double measure_of(const struct series_month *month, bool *known);

static double share(int64_t part, int64_t whole, bool *known)
{
    *known = whole > 0;
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static double exams(const struct series_month *m, bool *known)
{
    *known = true;
    return (double)m->exams;
}

static double delay(const struct series_month *m, bool *known)
{
    *known = m->publish_count > 0;
    return (double)m->publish_p95_ns / 1e9;
}

static double priors(const struct series_month *m, bool *known)
{
    return share(m->priors_ready, m->priors_wanted, known);
}

static double mdt(const struct series_month *m, bool *known)
{
    return share(m->mdt_ready, m->mdt_cases, known);
}

static double moved(const struct series_month *m, bool *known)
{
    *known = true;
    return (double)m->transfer_bytes / 1e9;
}

static double partial(const struct series_month *m, bool *known)
{
    return share(m->queries_partial, m->queries, known);
}


static int64_t sum(const struct series *series, size_t offset)
{
    int64_t total = 0;
    for (size_t i = 0; i < series->month_count; i++) {
        total += *(const int64_t *)((const char *)&series->months[i] + offset);
    }
    return total;
}
#define SUM(field) sum(series, offsetof(struct series_month, field))

static double percent(int64_t part, int64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

struct year {
    const struct series *series;
    struct chart_band *bands;
    size_t band_count;
    double values[SERIES_MONTHS_MAX];
    bool known[SERIES_MONTHS_MAX];
    int years[SERIES_MONTHS_MAX], months[SERIES_MONTHS_MAX];
};

static void draw(struct buffer *page, struct year *year, measure_of *of, const char *unit, double top, const char *title, const char *caption)
{
    const struct series *series = year->series;
    for (size_t i = 0; i < series->month_count; i++) {
        year->values[i] = of(&series->months[i], &year->known[i]);
        year->years[i] = series->months[i].year;
        year->months[i] = series->months[i].month;
    }
    html_chart(page, &(struct chart){.title = title, .caption = caption, .unit = unit, .values = year->values, .known = year->known, .years = year->years, .months = year->months,
                                     .count = series->month_count, .top = top, .from_ns = series->months[0].from_ns, .until_ns = series->months[series->month_count - 1].until_ns,
                                     .bands = year->bands, .band_count = year->band_count});
}

static void put_pictures(struct buffer *page, struct year *year)
{
    const struct series *series = year->series;
    char title[160], caption[160], one[32], two[32];
    int64_t discussed = SUM(mdt_cases), wanted = SUM(priors_wanted), asked = SUM(queries), worst = 0;
    buffer_put_text(page, "<div class=\"charts\">\n");
    snprintf(title, sizeof title, "%s exams, %s of them published", grouped(SUM(exams), one), grouped(SUM(published), two));
    snprintf(caption, sizeof caption, "exams completed in each month; %s images", grouped(SUM(images), one));
    draw(page, year, exams, "exams", 0, title, caption);
    for (size_t i = 0; i < series->month_count; i++) {
        worst = series->months[i].publish_p95_ns > worst ? series->months[i].publish_p95_ns : worst;
    }
    snprintf(title, sizeof title, "95 %% of exams were seen published within %.0f s in the slowest month", (double)worst / 1e9);
    snprintf(caption, sizeof caption, "p95 of completion to seen published, seconds; n = %s", grouped(SUM(publish_count), one));
    draw(page, year, delay, "s", 0, title, caption);
    if (wanted > 0) {
        snprintf(title, sizeof title, "Priors were there before %.1f %% of the scans they were wanted for", percent(SUM(priors_ready), wanted));
        snprintf(caption, sizeof caption, "share ready in time, %%; n = %s priors", grouped(wanted, one));
        draw(page, year, priors, "%", 100, title, caption);
    }
    if (discussed > 0) {
        snprintf(title, sizeof title, "%.1f %% of MDT cases had everything when the meeting began", percent(SUM(mdt_ready), discussed));
        snprintf(caption, sizeof caption, "share ready, %%; n = %s cases", grouped(discussed, one));
        draw(page, year, mdt, "%", 100, title, caption);
    }
    bool much = SUM(transfer_bytes) >= (int64_t)1e12;
    snprintf(title, sizeof title, "%.1f %s moved between organisations", (double)SUM(transfer_bytes) / (much ? 1e12 : 1e9), much ? "TB" : "GB");
    snprintf(caption, sizeof caption, "GB a month; %s transfers, %s failed", grouped(SUM(transfers), one), grouped(SUM(transfers_failed), two));
    draw(page, year, moved, "GB", 0, title, caption);
    if (asked > 0) {
        snprintf(title, sizeof title, "%.2f %% of answers said that a source was missing", percent(SUM(queries_partial), asked));
        snprintf(caption, sizeof caption, "answers marked incomplete, %%; n = %s questions", grouped(asked, one));
        draw(page, year, partial, "%", 0, title, caption);
    }
    buffer_put_text(page, "</div>\n<p class=\"legend\"><span><svg width=\"14\" height=\"11\"><rect width=\"14\" height=\"11\" class=\"band\"/></svg> a node or link was down</span>"
                          "<span><svg width=\"14\" height=\"11\"><rect y=\"6\" width=\"14\" height=\"5\" class=\"plan\"/></svg> planned work</span></p>\n");
}

/* ---- The table behind the pictures. */

static void put_months(struct buffer *page, const struct series *series, struct arena *arena)
{
    static const char *const columns[] = {"month", "exams", "published", "images", "bytes", "hl7_messages", "publish_p50_ms", "publish_p95_ms", "priors_wanted", "priors_ready",
                                          "mdt_cases", "mdt_ready", "transfers", "transfers_failed", "transfer_bytes", "queries", "queries_partial"};
    struct csv csv = csv_begin(arena);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        csv_cell(&csv, slice_from(columns[i]));
    }
    csv_line(&csv);
    buffer_put_text(page, "<details><summary>The same as a table</summary><table><thead><tr><th>Month</th><th class=\"n\">Exams</th><th class=\"n\">Published</th><th class=\"n\">p50 s</th><th class=\"n\">p95 s</th>"
                          "<th class=\"n\">Priors ready</th><th class=\"n\">MDT ready</th><th class=\"n\">Transfers</th><th class=\"n\">GB moved</th><th class=\"n\">Marked</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < series->month_count; i++) {
        const struct series_month *m = &series->months[i];
        char name[16];
        snprintf(name, sizeof name, "%d-%02d", m->year, m->month);
        const int64_t cells[] = {m->exams, m->published, m->images, m->bytes, m->messages, m->publish_p50_ns / TIME_MS, m->publish_p95_ns / TIME_MS, m->priors_wanted, m->priors_ready,
                                 m->mdt_cases, m->mdt_ready, m->transfers, m->transfers_failed, m->transfer_bytes, m->queries, m->queries_partial};
        csv_cell(&csv, slice_from(name));
        for (size_t c = 0; c < sizeof cells / sizeof cells[0]; c++) {
            csv_number(&csv, cells[c]);
        }
        csv_line(&csv);
        html_markup(page, "<tr><td>%s</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td><td class=\"n\">%.1f</td><td class=\"n\">%.1f</td><td class=\"n\">%lld of %lld</td>"
                          "<td class=\"n\">%lld of %lld</td><td class=\"n\">%lld</td><td class=\"n\">%.1f</td><td class=\"n\">%lld of %lld</td></tr>\n",
                    name, (long long)m->exams, (long long)m->published, (double)m->publish_p50_ns / 1e9, (double)m->publish_p95_ns / 1e9, (long long)m->priors_ready,
                    (long long)m->priors_wanted, (long long)m->mdt_ready, (long long)m->mdt_cases, (long long)m->transfers, (double)m->transfer_bytes / 1e9,
                    (long long)m->queries_partial, (long long)m->queries);
    }
    buffer_put_text(page, "</tbody></table></details>\n");
    csv_link(page, &csv, "months");
}

/* ---- Every day. */

static void put_days(struct buffer *page, const struct series *series, struct arena *arena)
{
    int64_t *values = arena_array(arena, series->day_count + 1, sizeof *values), *marked = arena_array(arena, series->day_count + 1, sizeof *marked);
    if (values == NULL || marked == NULL || series->day_count < 14) {
        return;
    }
    struct year_days days = {.values = values, .marked = marked, .count = series->day_count, .unit = "exams"};
    int64_t down = 0;
    size_t busiest = 0;
    for (size_t d = 0; d < series->day_count; d++) {
        values[d] = series->days[d].exams;
        marked[d] = series->days[d].down_nodes;
        down += marked[d] > 0;
        busiest = values[d] > values[busiest] ? d : busiest;
    }
    days.most = values[busiest];
    days.first_ns = (series->first_day_ns + TIME_DAY / 2) / TIME_DAY * TIME_DAY; /* local midnight is at most some hours from that of UTC */
    days.first_weekday = (unsigned)((days.first_ns / TIME_DAY + 3) % 7);
    struct calendar date = time_calendar(days.first_ns + (time_ns)busiest * TIME_DAY);
    html_markup(page, "<h3>Every day</h3>\n<p>The busiest was %d-%02d-%02d with %lld exams. On %lld of %zu days a node was down at some time.</p>\n", date.year, date.month, date.day,
                (long long)days.most, (long long)down, series->day_count);
    html_days(page, &days);
}

/* ---- What was promised. */

static const char *amount(const struct series_objective *objective, double value, char text[VALUE_TEXT])
{
    bool ms = slice_equal(objective->unit, SLICE("ms"));
    return value_text(ms ? VALUE_MS : VALUE_PERCENT_100, (int64_t)(ms ? value + 0.5 : value * 100 + 0.5), text);
}

static void put_windows(struct buffer *page, const struct series_objective *objective)
{
    int shown = 0;
    char text[VALUE_TEXT];
    for (size_t w = 0; w < objective->window_count && shown < 60; w++) {
        const struct series_window *window = &objective->windows[w];
        bool over = window->burnt > 1 || (window->burnt < 0 && window->count > 0 && (objective->at_least ? window->value < objective->bound : window->value > objective->bound));
        struct calendar date = time_calendar(window->from_ns + TIME_DAY / 2);
        if (window->count == 0) {
            continue;
        }
        html_markup(page, "<span class=\"window %s\" title=\"from %d-%02d-%02d: %s%sn = %lld, %lld missed", over ? "wrong" : "good", date.year, date.month, date.day,
                    window->value > 0 ? amount(objective, window->value, text) : "", window->value > 0 ? ", " : "", (long long)window->count, (long long)window->missed);
        if (window->burnt >= 0) {
            html_markup(page, ", %.0f %% of the budget used", 100 * window->burnt);
        }
        html_markup(page, "\">%s</span>", over ? "✗" : "✓");
        shown++;
    }
}

/* An objective with a budget holds while no window has spent more than all of it, whatever the figure over all is. */
static void put_budget(struct buffer *page, const struct series_objective *objective)
{
    double worst = -1;
    for (size_t w = 0; w < objective->window_count; w++) {
        worst = objective->windows[w].burnt > worst ? objective->windows[w].burnt : worst;
    }
    if (worst >= 0) {
        html_markup(page, "<br><span class=\"%s\">budget: %.0f %% used in the worst window</span>", worst > 1 ? "wrong" : "soft", 100 * worst);
    }
}

static void put_objectives(struct buffer *page, const struct series *series)
{
    if (series->objective_count == 0) {
        return;
    }
    buffer_put_text(page, "<section><h2>What was promised</h2>\n<p>One mark for each window; its figures show on the pointer. The interval is the 95 % one over the cases of this run.</p>\n"
                          "<table><thead><tr><th>Objective</th><th class=\"n\">Found</th><th class=\"n\">Bound</th><th class=\"n\">n</th><th>Window by window</th><th>Held</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < series->objective_count; i++) {
        const struct series_objective *o = &series->objectives[i];
        char found[VALUE_TEXT], bound[VALUE_TEXT];
        buffer_put_text(page, "<tr><td>");
        html_text(page, o->text.size > 0 ? o->text : o->id);
        if (o->count > 0) {
            html_markup(page, "</td><td class=\"n keep\">%s", amount(o, o->value, found));
            html_markup(page, "<br><span class=\"soft keep\">%s to %s</span>", amount(o, o->low, found), amount(o, o->high, bound));
        } else {
            buffer_put_text(page, "</td><td class=\"n soft\">no case");
        }
        html_markup(page, "</td><td class=\"n keep\">%s %s", o->at_least ? "at least" : "at most", amount(o, o->bound, bound));
        put_budget(page, o);
        html_markup(page, "</td><td class=\"n\">%s</td><td class=\"windows\">", grouped(o->count, found));
        put_windows(page, o);
        buffer_put_text(page, o->pass ? "</td><td class=\"good keep\">✓ yes</td></tr>\n" : "</td><td class=\"wrong keep\">✗ no</td></tr>\n");
    }
    buffer_put_text(page, "</tbody></table></section>\n");
}

/* ---- What was down, and what it cost. */

static void put_place(struct buffer *page, const struct results *results, uint32_t node)
{
    size_t link = node - results->scenario->node_count;
    if (node < results->scenario->node_count) {
        html_text(page, node_name(results, results->scenario->nodes[node].id));
    } else if (link < results->series->link_count) {
        buffer_put_text(page, "link ");
        html_text(page, results->series->links[link].name);
    }
}

static void put_length(struct buffer *page, time_ns length)
{
    if (length >= 2 * TIME_DAY) {
        html_markup(page, "%.1f d", (double)length / (double)TIME_DAY);
    } else if (length >= 2 * TIME_HOUR) {
        html_markup(page, "%.1f h", (double)length / (double)TIME_HOUR);
    } else if (length >= 2 * TIME_MIN) {
        html_markup(page, "%.0f min", (double)length / (double)TIME_MIN);
    } else {
        html_markup(page, "%.1f s", (double)length / (double)TIME_S);
    }
}

/* Begun and ended together, by the same effect: one piece of work at several places. */
static bool same_outage(const struct series_outage *a, const struct series_outage *b)
{
    return a->from_ns == b->from_ns && a->until_ns == b->until_ns && a->planned == b->planned && slice_equal(a->effect, b->effect);
}

static void put_outage(struct buffer *page, const struct results *results, const struct series_outage *outage, size_t count)
{
    struct calendar at = time_calendar(outage->from_ns);
    html_markup(page, "<tr><td class=\"keep\">%d-%02d-%02d %02d:%02d UTC</td><td>", at.year, at.month, at.day, at.hour, at.minute);
    if (count > 2) {
        html_markup(page, "%zu places: ", count);
    }
    for (size_t i = 0; i < count; i++) {
        buffer_put_text(page, i > 0 ? ", " : "");
        put_place(page, results, outage[i].node);
    }
    buffer_put_text(page, "</td><td>");
    html_text(page, outage->effect);
    buffer_put_text(page, outage->planned ? " <span class=\"soft\">planned</span></td><td class=\"n keep\">" : "</td><td class=\"n keep\">");
    if (outage->until_ns > 0) {
        put_length(page, outage->until_ns - outage->from_ns);
    } else {
        buffer_put_text(page, "not healed");
    }
    html_markup(page, "</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td></tr>\n", (long long)outage->exams_late, (long long)outage->queries_partial);
}

struct outage_row {
    size_t first, together;
    int64_t cost; /* exams late and answers marked: of all that began together */
};

static int by_cost(const void *a, const void *b)
{
    const struct outage_row *one = a, *other = b;
    return one->cost != other->cost ? (one->cost < other->cost ? 1 : -1) : one->first < other->first ? -1 : 1;
}

static size_t outage_rows(const struct series *series, struct outage_row *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < series->outage_count; i += rows[count++].together) {
        const struct series_outage *outage = &series->outages[i];
        rows[count] = (struct outage_row){.first = i, .together = 1, .cost = outage->exams_late + outage->queries_partial};
        while (i + rows[count].together < series->outage_count && same_outage(outage, outage + rows[count].together)) {
            rows[count].together++;
        }
    }
    return count;
}

static void put_outage_rows(struct buffer *page, const struct results *results, struct arena *arena)
{
    struct outage_row *rows = arena_array(arena, results->series->outage_count, sizeof *rows);
    if (rows == NULL) {
        page->full = true;
        return;
    }
    size_t count = outage_rows(results->series, rows), shown = count;
    if (count > OUTAGES_SHOWN) {
        qsort(rows, count, sizeof *rows, by_cost);
        for (shown = 0; shown < OUTAGES_SHOWN && rows[shown].cost > 0; shown++) {
        }
    }
    buffer_put_text(page, "<table><thead><tr><th>From</th><th>Where</th><th>What</th><th class=\"n\">Length</th><th class=\"n\">Exams late</th>"
                          "<th class=\"n\">Answers marked</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < shown; i++) {
        put_outage(page, results, &results->series->outages[rows[i].first], rows[i].together);
    }
    buffer_put_text(page, "</tbody></table>\n");
    if (shown < count && rows[shown].cost == 0) {
        html_markup(page, "<p class=\"soft\">The dearest first. The other %zu cost nothing; all of them are in the file.</p>\n", count - shown);
    } else if (shown < count) {
        html_markup(page, "<p class=\"soft\">The dearest %zu of %zu; all of them are in the file.</p>\n", shown, count);
    }
}

static void put_outages(struct buffer *page, const struct results *results, struct arena *arena)
{
    static const char *const columns[] = {"from", "fault", "effect", "node", "length_ms", "planned", "exams_late", "answers_marked"};
    const struct series *series = results->series;
    if (series->outage_count == 0) {
        return;
    }
    struct csv csv = csv_begin(arena);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        csv_cell(&csv, slice_from(columns[i]));
    }
    csv_line(&csv);
    int64_t planned = 0;
    for (size_t i = 0; i < series->outage_count; i++) {
        const struct series_outage *outage = &series->outages[i];
        char at[32];
        struct buffer stamp = buffer_over(at, sizeof at);
        time_put_iso(&stamp, outage->from_ns);
        csv_cell(&csv, buffer_slice(&stamp));
        csv_cell(&csv, outage->id);
        csv_cell(&csv, outage->effect);
        csv_number(&csv, outage->node);
        csv_number(&csv, outage->until_ns > 0 ? (outage->until_ns - outage->from_ns) / TIME_MS : 0);
        csv_number(&csv, outage->planned);
        csv_number(&csv, outage->exams_late);
        csv_number(&csv, outage->queries_partial);
        csv_line(&csv);
        planned += outage->planned;
    }
    html_markup(page, "<section><h2>What failed, and what it cost</h2>\n<p>%zu faults, %lld of them planned work. An exam is late when it was seen published after the objective while the fault lasted.</p>\n",
                series->outage_count, (long long)planned);
    put_outage_rows(page, results, arena);
    csv_link(page, &csv, "faults");
    buffer_put_text(page, "</section>\n");
}

void html_year(struct buffer *page, const struct results *results, struct arena *arena)
{
    static struct year year; /* large */
    const struct series *series = results->series;
    if (series == NULL || series->month_count == 0) {
        return;
    }
    size_t room = series->outage_count < BANDS_MAX ? series->outage_count : BANDS_MAX;
    year = (struct year){.series = series, .bands = arena_array(arena, room + 1, sizeof *year.bands)};
    for (size_t i = 0; year.bands != NULL && i < room; i++) {
        const struct series_outage *outage = &series->outages[i];
        time_ns until = outage->until_ns > 0 ? outage->until_ns : series->months[series->month_count - 1].until_ns;
        year.bands[year.band_count++] = (struct chart_band){outage->from_ns, until, outage->planned};
    }
    buffer_put_text(page, "<section><h2>Month by month</h2>\n");
    put_pictures(page, &year);
    put_months(page, series, arena);
    put_days(page, series, arena);
    buffer_put_text(page, "</section>\n");
    put_objectives(page, series);
    put_outages(page, results, arena);
}
