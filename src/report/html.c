/* SPDX-License-Identifier: MIT
 *
 * index.html: verdict first, then the evidence, then the detail. One file, nothing from elsewhere. */
#include "src/report/assets.h"
#include "src/report/report_private.h"

#include <stdarg.h>
#include <stdio.h>

void html_text(struct buffer *page, slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        const char *entity = byte == '<' ? "&lt;" : byte == '>' ? "&gt;" : byte == '&' ? "&amp;" : byte == '"' ? "&quot;" : byte == '\'' ? "&#39;" : NULL;
        if (entity != NULL) {
            buffer_put_text(page, entity);
        } else if ((unsigned char)byte >= 0x20 || byte == '\n') {
            buffer_put_byte(page, (uint8_t)byte);
        }
    }
}

void html_cstr(struct buffer *page, const char *text)
{
    html_text(page, slice_from(text));
}

void html_markup(struct buffer *page, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_put_text(page, text);
}

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

static void figure(struct buffer *page, int64_t value, int64_t of, const char *text)
{
    html_markup(page, "<div><b>%lld", (long long)value);
    if (of >= 0) {
        html_markup(page, " <span>of %lld</span>", (long long)of);
    }
    html_markup(page, "</b><span>%s</span></div>", text);
}

static void put_figures(struct buffer *page, const struct results *results)
{
    const int64_t *n = results->counts;
    buffer_put_text(page, "<div class=\"figures\">");
    figure(page, n[COUNT_published], n[COUNT_exams], "exams published");
    figure(page, n[COUNT_transfers_done], n[COUNT_transfers_requested], "transfers done with proof");
    figure(page, n[COUNT_priors_ready], n[COUNT_priors_wanted], "priors where they are read");
    figure(page, n[COUNT_mdt_ready], n[COUNT_mdt_cases], "MDT cases ready");
    figure(page, n[COUNT_queries_partial], n[COUNT_queries], "answers marked incomplete");
    figure(page, n[COUNT_images], -1, "images at their sources");
    figure(page, n[COUNT_hl7_messages], -1, "HL7 messages acknowledged");
    figure(page, results->lives - 1, -1, "times the engine was killed");
    buffer_put_text(page, "</div>\n");
}

/* ---- What was expected, what must always hold. */

static void put_bound(struct buffer *page, const struct expectation *expectation)
{
    switch (expectation->kind) {
    case BOUND_EXACTLY:
        html_markup(page, "%lld", (long long)expectation->low);
        break;
    case BOUND_MIN:
        html_markup(page, "at least %lld", (long long)expectation->low);
        break;
    case BOUND_MAX:
        html_markup(page, "at most %lld", (long long)expectation->high);
        break;
    case BOUND_BETWEEN:
        html_markup(page, "%lld to %lld", (long long)expectation->low, (long long)expectation->high);
        break;
    case BOUND_ALL:
        buffer_put_text(page, "all");
        break;
    }
}

static void put_expectations(struct buffer *page, const struct results *results)
{
    buffer_put_text(page, "<h2 class=\"keep\">What was expected</h2>\n<table><thead><tr><th>Expectation</th><th class=\"n\">Found</th><th class=\"n\">Bound</th><th>Held</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < results->expectation_count; i++) {
        const struct expectation_result *result = &results->expectations[i];
        buffer_put_text(page, "<tr><td>");
        html_text(page, result->expectation->text.size > 0 ? result->expectation->text : result->expectation->id);
        html_markup(page, "</td><td class=\"n\">%lld</td><td class=\"n\">", (long long)result->value);
        put_bound(page, result->expectation);
        buffer_put_text(page, result->pass ? "</td><td class=\"good\">✓ yes</td></tr>\n" : "</td><td class=\"wrong\">✗ no</td></tr>\n");
    }
    buffer_put_text(page, "</tbody></table>\n");
}

static void put_cases(struct buffer *page, const struct invariant_result *result)
{
    html_markup(page, "<details%s><summary>%lld case%s", result->violations > 0 ? " open" : "", (long long)result->checked, result->checked == 1 ? "" : "s");
    if (result->evidence_count < (size_t)result->checked) {
        html_markup(page, ", %zu kept", result->evidence_count);
    }
    buffer_put_text(page, "</summary><ul class=\"cases\">");
    for (size_t e = 0; e < result->evidence_count; e++) {
        const struct evidence *evidence = &result->evidence[e];
        buffer_put_text(page, evidence->violation ? "<li><b class=\"wrong\">✗</b> " : "<li>");
        html_cstr(page, evidence->text);
        for (size_t l = 0; l < evidence->line_count; l++) {
            html_markup(page, " <a href=\"#o%lld\">%lld</a>", (long long)evidence->lines[l], (long long)evidence->lines[l]);
        }
        buffer_put_text(page, "</li>");
    }
    buffer_put_text(page, "</ul></details>");
}

static void put_invariants(struct buffer *page, const struct results *results)
{
    buffer_put_text(page, "<h2>What must always hold</h2>\n<p>A case is something in which the rule could have failed. Numbers lead to the messages that show it.</p>\n"
                          "<table><thead><tr><th>Invariant</th><th>It holds when</th><th class=\"n\">Violations</th><th>Cases</th></tr></thead><tbody>\n");
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        const struct invariant_result *result = &results->invariants[i];
        if (!invariant_shown(results, (enum invariant)i)) {
            continue;
        }
        html_markup(page, "<tr id=\"i-%s\"><td class=\"mono\">%s</td><td>", invariant_name((enum invariant)i), invariant_name((enum invariant)i));
        html_cstr(page, invariant_text((enum invariant)i));
        html_markup(page, "</td><td class=\"n %s\">%s %lld</td><td>", result->violations > 0 ? "wrong" : "good", result->violations > 0 ? "✗" : "✓", (long long)result->violations);
        put_cases(page, result);
        buffer_put_text(page, "</td></tr>\n");
    }
    buffer_put_text(page, "</tbody></table>\n");
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
    buffer_put_text(page, "<h2>How long it took</h2>\n<table><thead><tr><th>Measure</th><th class=\"n\">n</th><th class=\"n\">p50 ms</th><th class=\"n\">p95 ms</th>"
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
    buffer_put_text(page, "</tbody></table>\n<div class=\"cards\">");
    for (int i = 0; i < LATENCY_COUNT; i++) {
        put_plot(page, folder, rows[i][0]);
    }
    html_markup(page, "</div><p class=\"soft\">World %.*s, seed %llu, one run on loopback: these times describe this machine, not a hospital.</p>\n", SLICE_ARGS(results->world),
           (unsigned long long)results->scenario->seed);
}

/* ---- Transfers. */

static void put_transfers(struct buffer *page, const struct results *results)
{
    static const char *const states[] = {"", "waiting", "running", "verifying", "done", "unproven", "failed"};
    static const char *const proofs[] = {"none", "list", "commitment", "store-response"};
    static const char *const reasons[] = {"", "prior", "MDT", "client", "operator"};
    buffer_put_text(page, "<h2>Every transfer</h2>\n<table><thead><tr><th class=\"n\">No.</th><th>For</th><th>Study</th><th>To</th><th class=\"n\">Images</th><th>State</th><th>Proof</th>"
                          "<th class=\"n\">Attempts</th><th class=\"n\">s</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < results->transfer_count; i++) {
        const struct transfer_result *transfer = &results->transfers[i];
        html_markup(page, "<tr><td class=\"n\">%lld</td><td>%s</td><td class=\"mono uid\">", (long long)transfer->id, reasons[transfer->reason % 5]);
        const struct scenario_study *study = NULL;
        for (size_t s = 0; s < results->scenario->study_count; s++) {
            study = slice_equal(results->scenario->studies[s].study_uid, transfer->study_uid) ? &results->scenario->studies[s] : study;
        }
        html_text(page, study == NULL ? transfer->study_uid : study->id);
        buffer_put_text(page, "</td><td>");
        html_text(page, node_name(results, transfer->destination));
        html_markup(page, "</td><td class=\"n\">%lld of %lld</td><td class=\"%s\">%s", (long long)transfer->delivered, (long long)transfer->wanted,
               transfer->state == 4 ? "good" : transfer->state == 6 ? "wrong" : "attention", states[transfer->state % 7]);
        if (transfer->why.size > 0 && transfer->state != 4) {
            buffer_put_text(page, "<br><span class=\"soft\">");
            html_text(page, transfer->why);
            buffer_put_text(page, "</span>");
        }
        html_markup(page, "</td><td>%s</td><td class=\"n\">%lld</td><td class=\"n\">%.1f</td></tr>\n", proofs[transfer->proof % 4], (long long)transfer->attempts,
               transfer->ended_at > transfer->accepted_at ? (double)(transfer->ended_at - transfer->accepted_at) / 1e9 : 0.0);
    }
    buffer_put_text(page, "</tbody></table>\n");
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
    put_head(&page, results);
    put_verdict(&page, results);
    put_figures(&page, results);
    put_expectations(&page, results);
    html_story(&page, results);
    html_map(&page, results);
    put_invariants(&page, results);
    put_transfers(&page, results);
    put_latencies(&page, results, folder);
    html_evidence(&page, results, folder, arena);
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
