/* SPDX-License-Identifier: MIT
 *
 * index.html: verdict first, then the evidence, then the detail. One file, nothing from elsewhere. */
#include "src/report/assets.h"
#include "src/report/report_private.h"

#include <stdio.h>

static void put_head(struct buffer *page, const struct results *results)
{
    buffer_put_text(page, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                          "<meta name=\"color-scheme\" content=\"light dark\"><title>");
    html_text(page, results->scenario->title);
    buffer_put_text(page, "</title>\n<style>");
    buffer_put(page, asset_css());
    buffer_put_text(page, "</style></head>\n<body><main>\n<h1><b>Pont</b> · ");
    html_text(page, results->scenario->title);
    buffer_put_text(page, "</h1>\n");
}

static void put_verdict(struct buffer *page, const struct results *results)
{
    const char *word = verdict_word(results->verdict);
    html_markup(page, "<div class=\"verdict %s\"><div class=\"word\">%s</div><p>", word, word);
    html_text(page, results->sentence);
    buffer_put_text(page, "</p></div>\n");
}

static void put_case(struct buffer *page, const struct evidence *evidence, const struct proof *proof);

/* What was violated stands where nobody can overlook it: the first case of each rule. */
static void put_shortfalls(struct buffer *page, const struct results *results, const struct proof *proof)
{
    bool begun = false;
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        const struct invariant_result *result = &results->invariants[i];
        size_t e = 0;
        while (e < result->evidence_count && !result->evidence[e].violation) {
            e++;
        }
        if (result->violations > 0 && e < result->evidence_count) {
            buffer_put_text(page, begun ? "" : "<ul class=\"cases short\">\n");
            html_markup(page, "<li class=\"bad\"><a href=\"#i-%s\"><b>%s</b></a>, %lld of %lld cases. The first:<ul class=\"cases\">", invariant_name((enum invariant)i),
                        invariant_name((enum invariant)i), (long long)result->violations, (long long)result->checked);
            put_case(page, &result->evidence[e], proof);
            buffer_put_text(page, "</ul></li>\n");
            begun = true;
        }
    }
    buffer_put_text(page, begun ? "</ul>\n" : "");
}

/* Nothing of a kind in this run: then no figure of it. */
static void figure(struct buffer *page, int64_t value, int64_t of, const char *text)
{
    if (of == 0) {
        return;
    }
    char number[32];
    html_markup(page, "<div><b>%s", grouped(value, number));
    if (of > 0) {
        html_markup(page, " <span>of %s</span>", grouped(of, number));
    }
    html_markup(page, "</b><span>%s</span></div>", text);
}

static void put_figures(struct buffer *page, const struct results *results)
{
    const int64_t *n = results->counts;
    int64_t kills = results->lives - 1;
    buffer_put_text(page, "<div class=\"figures\">");
    figure(page, n[COUNT_published], n[COUNT_exams], "exams published");
    figure(page, n[COUNT_transfers_done], n[COUNT_transfers_requested], "transfers done with proof");
    figure(page, n[COUNT_priors_ready], n[COUNT_priors_wanted], "priors where they are read");
    figure(page, n[COUNT_mdt_ready], n[COUNT_mdt_cases], n[COUNT_mdt_cases] == 1 ? "MDT case ready" : "MDT cases ready");
    figure(page, n[COUNT_queries_partial], n[COUNT_queries], "answers marked incomplete");
    figure(page, n[COUNT_images], -1, "images at their sources");
    figure(page, n[COUNT_hl7_messages], -1, "HL7 messages acknowledged");
    figure(page, kills > 0 ? kills : 0, -1, kills == 1 ? "time the engine was killed" : "times the engine was killed");
    buffer_put_text(page, "</div>\n");
}

/* ---- What was expected, what must always hold. */

static void put_expectations(struct buffer *page, const struct results *results)
{
    if (results->expectation_count == 0) {
        return;
    }
    buffer_put_text(page, "<h2 class=\"keep\">What was expected</h2>\n<table><thead><tr><th>Expectation</th><th class=\"n\">Found</th><th class=\"n\">Bound</th><th>Held</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < results->expectation_count; i++) {
        const struct expectation_result *result = &results->expectations[i];
        char found[VALUE_TEXT], bound[BOUND_TEXT];
        buffer_put_text(page, "<tr><td>");
        html_text(page, result->expectation->text.size > 0 ? result->expectation->text : result->expectation->id);
        html_markup(page, "</td><td class=\"n keep\">%s</td><td class=\"n keep\">%s", value_text(result->unit, result->value, found), bound_text(result, bound));
        buffer_put_text(page, result->pass       ? "</td><td class=\"good\">✓ yes</td></tr>\n"
                              : result->reported ? "</td><td class=\"attention\">no; shown only, times are not those of the plan</td></tr>\n"
                                                 : "</td><td class=\"wrong\">✗ no</td></tr>\n");
    }
    buffer_put_text(page, "</tbody></table>\n");
}

static void put_case(struct buffer *page, const struct evidence *evidence, const struct proof *proof)
{
    buffer_put_text(page, evidence->violation ? "<li class=\"bad\"><b class=\"wrong\">✗ violated:</b> " : "<li>");
    html_cstr(page, evidence->text);
    for (size_t l = 0; l < evidence->line_count; l++) {
        if (proof_has_line(proof, evidence->lines[l])) {
            html_markup(page, " <a href=\"#o%lld\" title=\"observation %lld\">%lld</a>", (long long)evidence->lines[l], (long long)evidence->lines[l], (long long)evidence->lines[l]);
        }
    }
    if (proof_has_step(proof, evidence->life, evidence->step)) {
        html_markup(page, " <a href=\"#e%lld-%lld\">step %lld</a>", (long long)evidence->life, (long long)evidence->step, (long long)evidence->step);
    }
    buffer_put_text(page, "</li>");
}

static void put_cases(struct buffer *page, const struct invariant_result *result, const struct proof *proof)
{
    html_markup(page, "<details%s><summary>%lld case%s", result->violations > 0 ? " open" : "", (long long)result->checked, result->checked == 1 ? "" : "s");
    if (result->evidence_count < (size_t)result->checked) {
        html_markup(page, ", %zu shown", result->evidence_count);
    }
    buffer_put_text(page, "</summary><ul class=\"cases\">");
    for (int violation = 1; violation >= 0; violation--) {
        for (size_t e = 0; e < result->evidence_count; e++) {
            if (result->evidence[e].violation == (violation == 1)) {
                put_case(page, &result->evidence[e], proof);
            }
        }
    }
    buffer_put_text(page, "</ul></details>");
}

static void put_invariant(struct buffer *page, const struct invariant_result *result, enum invariant invariant, const struct proof *proof)
{
    html_markup(page, "<tr id=\"i-%s\"><td><b>%s</b><br>", invariant_name(invariant), invariant_name(invariant));
    html_cstr(page, invariant_text(invariant));
    html_markup(page, "</td><td class=\"n %s\">%s %lld</td><td>", result->violations > 0 ? "wrong" : "good", result->violations > 0 ? "✗" : "✓", (long long)result->violations);
    put_cases(page, result, proof);
    buffer_put_text(page, "</td></tr>\n");
}

static void put_invariants(struct buffer *page, const struct results *results, const struct proof *proof, struct arena *arena)
{
    struct csv csv = csv_begin(arena);
    csv_cell(&csv, SLICE("invariant"));
    csv_cell(&csv, SLICE("violations"));
    csv_cell(&csv, SLICE("cases"));
    csv_line(&csv);
    buffer_put_text(page, "<section><h2>What must always hold</h2>\n<p>A case is something in which the rule could have failed. Numbers lead to what was observed, steps to what the engine took and gave.</p>\n"
                          "<table class=\"rules\"><thead><tr><th>Invariant, and when it holds</th><th class=\"n\">Violations</th><th>Cases</th></tr></thead><tbody>\n");
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        const struct invariant_result *result = &results->invariants[i];
        if (invariant_shown(results, (enum invariant)i)) {
            put_invariant(page, result, (enum invariant)i, proof);
            csv_cell(&csv, slice_from(invariant_name((enum invariant)i)));
            csv_number(&csv, result->violations);
            csv_number(&csv, result->checked);
            csv_line(&csv);
        }
    }
    buffer_put_text(page, "</tbody></table>\n");
    csv_link(page, &csv, "invariants");
    buffer_put_text(page, "</section>\n");
}

/* ---- Latencies: figures always, pictures where gnuplot drew them. */

static void put_plot(struct buffer *page, const char *folder, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/plots/%s.svg", folder, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    static char svg[1 << 19];
    size_t size = fread(svg, 1, sizeof svg, file);
    fclose(file);
    slice text = {svg, size};
    while (text.size > 0 && !slice_starts(text, SLICE("<svg"))) {
        text = slice_after(text, 1);
    }
    buffer_put_text(page, "<figure class=\"plot\">");
    buffer_put(page, text);
    html_markup(page, "</figure>\n");
}

static void put_latencies(struct buffer *page, const struct results *results, const char *folder)
{
    static const char *const rows[LATENCY_COUNT][2] = {{"query", "Question to final answer"},
                                                       {"retrieve", "Retrieve to final answer"},
                                                       {"publish", "Completion at RADIS2 to seen published (upper end of the interval)"},
                                                       {"first_image", "Retrieve to first image"}};
    buffer_put_text(page, "<section><h2>How long it took</h2>\n<table><thead><tr><th>Measure</th><th class=\"n\">n</th><th class=\"n\">p50 ms</th><th class=\"n\">p95 ms</th>"
                          "<th class=\"n\">p99 ms</th><th class=\"n\">max ms</th></tr></thead><tbody>\n");
    for (int i = 0; i < LATENCY_COUNT; i++) {
        const struct latency *latency = &results->latency[i];
        html_markup(page, "<tr><td>%s</td><td class=\"n\">%lld</td>", rows[i][1], (long long)latency->count);
        for (int p = 0; p < 4; p++) {
            static const int percentiles[] = {50, 95, 99, 100};
            if (latency->count == 0) {
                buffer_put_text(page, "<td class=\"n soft\">–</td>");
            } else {
                html_markup(page, "<td class=\"n\">%.1f</td>", latency_ms(latency, percentiles[p]));
            }
        }
        buffer_put_text(page, "</tr>\n");
    }
    buffer_put_text(page, "</tbody></table>\n<div class=\"plots\">");
    for (int i = 0; i < LATENCY_COUNT; i++) {
        put_plot(page, folder, rows[i][0]);
    }
    html_markup(page, "</div><p class=\"soft\">World %.*s, seed %llu, one run %s, not a hospital.</p></section>\n", SLICE_ARGS(results->world),
                (unsigned long long)results->scenario->seed,
                slice_equal(results->world, SLICE("virtual")) ? "in virtual time: these times are those of the model" : "on loopback: these times describe this machine");
}

/* ---- The end: how to repeat it, what was assumed, what the run cannot tell. */

static void put_foot(struct buffer *page, const struct results *results)
{
    buffer_put_text(page, "<footer><p>Repeat this run: <code>build/pont run ");
    html_text(page, results->scenario->file);
    html_markup(page, " --world %.*s --seed %llu</code></p><p>Scenario <code>%.12s</code>, outcome <code>%016llx</code>, commands <code>%016llx</code>, state <code>%016llx</code>, "
                 "%lld events, %lld engine steps, engine %.2f s of CPU and %.0f MiB, commit ",
           SLICE_ARGS(results->world), (unsigned long long)results->scenario->seed, results->scenario->sha256, (unsigned long long)results->outcome_digest,
           (unsigned long long)results->trace_hash, (unsigned long long)results->state_digest, (long long)results->events, (long long)results->sut_steps,
           results->engine_cpu_s, results->engine_rss_max_mib);
    html_text(page, results->commit);
    buffer_put_text(page, ", ");
    html_text(page, results->compiler);
    buffer_put_text(page, ".</p><p>Assumed: the vendors are emulations made for test; each quirk says documented, reported or assumed (<code>pont vendors</code>). Patients are synthetic. ");
    html_text(page, results->scenario->note);
    buffer_put_text(page, "</p><p>This run cannot tell how real products behave, nor how long anything takes on a hospital's network.</p></footer>\n");
}

enum err report_html(const struct results *results, const char *folder, char why[256], struct arena *arena)
{
    struct arena before = *arena;
    struct buffer page = buffer_make(arena, PAGE_SIZE_MAX);
    struct proof *proof = proof_read(results, folder, arena);
    put_head(&page, results);
    put_verdict(&page, results);
    put_shortfalls(&page, results, proof);
    put_figures(&page, results);
    put_expectations(&page, results);
    html_year(&page, results, arena);
    html_places(&page, results, arena);
    html_fidelity(&page, results);
    html_story(&page, results, proof, arena);
    html_map(&page, results);
    put_invariants(&page, results, proof, arena);
    html_transfers(&page, results, arena);
    put_latencies(&page, results, folder);
    html_proof(&page, results, proof);
    proof_drop(proof);
    put_foot(&page, results);
    buffer_put_text(&page, "</main>\n<script>");
    buffer_put(&page, asset_js());
    buffer_put_text(&page, "</script></body></html>\n");
    enum err err = page.full ? ERR_LIMIT : report_file(folder, "index.html", buffer_slice(&page), why);
    if (page.full) {
        snprintf(why, 256, "the report is larger than %u MiB", PAGE_SIZE_MAX >> 20);
    }
    arena->used = before.used;
    return err;
}
