/* SPDX-License-Identifier: MIT
 *
 * The page of a sweep: the outcome in a sentence, failing seeds first with the command that repeats each, what was never
 * reached, arms against the first, and every measure with its interval. */
#include "src/bench/compare.h"
#include "src/bench/number.h"
#include "src/report/assets.h"
#include "src/report/report_private.h"

#define FAILURES_LISTED 200

/* Three figures are enough to read by; results.json has them all. */
static void put_number(struct buffer *page, double value)
{
    double size = value < 0 ? -value : value;
    char text[32];
    if (size >= 100 && size < 1e15) {
        html_cstr(page, grouped((int64_t)(value + (value < 0 ? -0.5 : 0.5)), text));
    } else {
        html_number(page, value);
    }
}

static void put_head(struct buffer *page, const struct sweep *sweep)
{
    static const char *const words[] = {"pass", "fail", "inconclusive"};
    const char *word = words[sweep_verdict(sweep)];
    size_t passed = 0, failed = 0, missing = 0;
    for (size_t a = 0; a < sweep->arm_count; a++) {
        passed += sweep->results[a].passed;
        failed += sweep->results[a].failure_count;
        missing += sweep->results[a].missing + sweep->results[a].inconclusive;
    }
    html_markup(page, "<!doctype html>\n<html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\"><title>Sweep: %s</title><style>", word);
    buffer_put(page, asset_css());
    html_markup(page, "</style><main><h1>Sweep of <b>");
    html_cstr(page, sweep->options->scenario_file);
    html_markup(page, "</b>, %s world, seeds %llu to %llu</h1><div class=\"verdict %s\"><div class=word>%s</div><p>", sweep->options->world.data,
                (unsigned long long)sweep->options->first, (unsigned long long)(sweep->options->first + sweep->seed_count - 1), word, word);
    if (failed > 0) {
        html_markup(page, "%zu of %zu runs fell short; each is listed below with the command that repeats it.", failed, passed + failed + missing);
    } else if (missing > 0) {
        html_markup(page, "All %zu runs that ended held everything; %zu have no result.", passed, missing);
    } else if (sweep_verdict(sweep) == SAMPLE_FAIL) {
        html_markup(page, "All %zu runs held what must always hold; what some run should have reached, none did.", passed);
    } else {
        html_markup(page, "All %zu runs held everything that was expected of them.", passed);
    }
    html_markup(page, "</p></div>");
}

static void put_failures(struct buffer *page, const struct sweep *sweep)
{
    size_t listed = 0;
    for (size_t a = 0; a < sweep->arm_count; a++) {
        const struct sweep_result *result = &sweep->results[a];
        for (size_t f = 0; f < result->failure_count && listed < FAILURES_LISTED; f++) {
            char bytes[2048];
            struct buffer command = buffer_over(bytes, sizeof bytes);
            sweep_put_command(sweep, &result->arm, result->failures[f].seed, &command);
            html_markup(page, "%s<tr><td>", listed++ == 0 ? "<section><h2>What failed</h2><table><thead><tr><th>Arm<th class=n>Seed<th>Rules<th>To repeat it</thead>" : "");
            html_text(page, result->arm.id);
            html_markup(page, "<td class=n>%llu<td class=wrong>", (unsigned long long)result->failures[f].seed);
            for (size_t r = 0; r < result->failures[f].rule_count; r++) {
                html_cstr(page, r == 0 ? "" : ", ");
                html_text(page, result->failures[f].rules[r]);
            }
            html_markup(page, "<td><code>");
            html_text(page, buffer_slice(&command));
            html_markup(page, "</code>");
        }
    }
    html_markup(page, listed > 0 ? "</table></section>" : "");
}

static void put_reached(struct buffer *page, const struct sweep_result *result)
{
    for (size_t r = 0; r < result->reached_count; r++) {
        html_markup(page, "%s<tr><td>", r == 0 ? "<h3>What the seeds reached</h3><table><thead><tr><th>State<th class=n>Seeds<th></thead>" : "");
        html_text(page, result->reached[r].id);
        html_markup(page, "<td class=n>%lld<td class=%s>%s", (long long)result->reached[r].times, result->reached[r].times > 0 ? "good" : "attention",
                    result->reached[r].times > 0 ? "reached" : "never reached");
    }
    html_markup(page, result->reached_count > 0 ? "</table>" : "");
}

/* An invariant that must hold and was never put to the test. */
static void put_unjudged(struct buffer *page, const struct sweep *sweep, const struct sweep_result *result)
{
    for (size_t n = 0; sweep_unjudged(sweep, result, n).size > 0; n++) {
        html_markup(page, "<p class=attention>No seed had a case of ");
        html_text(page, sweep_unjudged(sweep, result, n));
        html_markup(page, ".</p>");
    }
}

static void put_measures(struct buffer *page, const struct sweep_result *result)
{
    html_markup(page, "<h3>Measures</h3><table><thead><tr><th>Measure<th class=n>n<th class=n>Mean<th class=n>&plusmn; (95 %%)<th class=n>Least<th class=n>Most</thead>");
    for (size_t m = 0; m < result->mean_count; m++) {
        const struct stats_mean *mean = &result->means[m].mean;
        html_markup(page, "<tr><td>");
        html_text(page, result->means[m].id);
        html_cstr(page, measure_unit(result->means[m].id)[0] == '\0' ? "" : ", ");
        html_cstr(page, measure_unit(result->means[m].id));
        html_markup(page, "<td class=n>%zu<td class=n>", mean->n);
        put_number(page, mean->mean);
        html_markup(page, "<td class=n>");
        if (mean->n >= 2) {
            put_number(page, mean->half_width);
        }
        html_markup(page, "<td class=n>");
        put_number(page, mean->least);
        html_markup(page, "<td class=n>");
        put_number(page, mean->most);
    }
    html_markup(page, "</table>");
}

static void put_rules(struct buffer *page, const struct sweep_result *result)
{
    html_markup(page, "<h3>Invariants, all seeds together</h3><table><thead><tr><th>Invariant<th class=n>Cases<th class=n>Violated</thead>");
    for (size_t r = 0; r < result->rule_count; r++) {
        html_markup(page, "<tr><td>");
        html_text(page, result->rules[r].id);
        html_markup(page, "<td class=n>%lld<td class=\"n %s\">%lld", (long long)result->rules[r].checked, result->rules[r].violations > 0 ? "wrong" : "",
                    (long long)result->rules[r].violations);
    }
    html_markup(page, "</table>");
}

static void put_arm(struct buffer *page, const struct sweep *sweep, const struct sweep_result *result)
{
    html_markup(page, "<section><h2>");
    html_cstr(page, sweep->arm_count > 1 ? "Arm " : "All seeds");
    html_text(page, sweep->arm_count > 1 ? result->arm.id : SLICE_EMPTY);
    html_markup(page, "</h2><p>");
    for (size_t s = 0; s < result->arm.setting_count; s++) {
        html_text(page, result->arm.settings[s].name);
        html_cstr(page, " = ");
        html_text(page, result->arm.settings[s].value);
        html_cstr(page, s + 1 < result->arm.setting_count ? ", " : ". ");
    }
    html_markup(page, "%zu seeds passed, %zu failed, %zu inconclusive, %zu without a result. Seed %llu took the most events: %lld.</p>", result->passed, result->failure_count,
                result->inconclusive, result->missing, (unsigned long long)result->longest_seed, (long long)result->longest_events);
    put_reached(page, result);
    put_unjudged(page, sweep, result);
    put_measures(page, result);
    put_rules(page, result);
    html_markup(page, "</section>");
}

static void put_comparison(struct buffer *page, const struct compare *compare, slice first, slice second)
{
    html_markup(page, "<h3>");
    html_text(page, second);
    html_cstr(page, " against ");
    html_text(page, first);
    html_markup(page, "</h3><p class=soft>%zu seeds in both arms, differences paired by seed%s.</p><table><thead><tr><th>Measure<th class=n>", compare->seed_count,
                compare->holm ? ", p corrected by Holm" : "");
    html_text(page, first);
    html_markup(page, "<th class=n>");
    html_text(page, second);
    html_markup(page, "<th class=n>Difference<th class=n>&plusmn; paired (95 %%)<th class=n>&plusmn; unpaired<th class=n>Seeds that agree<th class=n>p<th></thead>");
    for (size_t r = 0; r < compare->row_count; r++) {
        const struct compare_row *row = &compare->rows[r];
        if (row->pair.difference == 0 && row->pair.half_width == 0) {
            continue;
        }
        const double cells[] = {row->pair.first, row->pair.second, row->pair.difference, row->pair.half_width, row->pair.unpaired_half_width};
        html_markup(page, "<tr><td>");
        html_text(page, row->id);
        for (size_t c = 0; c < sizeof cells / sizeof cells[0]; c++) {
            html_markup(page, "<td class=n>");
            put_number(page, cells[c]);
        }
        html_markup(page, "<td class=n>%.0f %%<td class=n>%.2g<td class=%s>%s", row->pair.sign_share * 100, row->p_adjusted, row->regression ? "wrong" : "good",
                    row->regression ? "worse" : row->improvement ? "better" : "");
    }
    html_markup(page, "</table>");
}

static void put_comparisons(struct buffer *page, const struct sweep *sweep, struct arena *arena)
{
    for (size_t a = 1; a < sweep->arm_count; a++) {
        struct compare compare;
        size_t used = arena->used;
        const struct sweep_result *first = &sweep->results[0], *second = &sweep->results[a];
        html_markup(page, a == 1 ? "<section><h2>What the arms differ in</h2>" : "");
        if (compare_samples(&compare, first->samples, first->sample_count, second->samples, second->sample_count, arena) == ERR_OK) {
            put_comparison(page, &compare, first->arm.id, second->arm.id);
        }
        arena->used = used;
    }
    html_markup(page, sweep->arm_count > 1 ? "</section>" : "");
}

enum err report_sweep(const struct sweep *sweep, const char *folder, char why[256], struct arena *arena)
{
    size_t used = arena->used;
    struct buffer page = buffer_make(arena, PAGE_SIZE_MAX);
    put_head(&page, sweep);
    put_failures(&page, sweep);
    put_comparisons(&page, sweep, arena);
    for (size_t a = 0; a < sweep->arm_count; a++) {
        put_arm(&page, sweep, &sweep->results[a]);
    }
    html_markup(&page, "<footer>The numbers of each seed are in <code>seeds/</code>, all of this page in <code>sweep.json</code>. An interval is Student's t over seeds; a seed is one world.</footer></main>\n");
    enum err err = page.full ? ERR_LIMIT : report_file(folder, "index.html", buffer_slice(&page), why);
    arena->used = used;
    return err;
}
