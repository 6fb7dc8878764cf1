/* SPDX-License-Identifier: MIT */
#include "src/report/report_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

const char *verdict_word(enum verdict verdict)
{
    static const char *const words[] = {"pass", "fail", "inconclusive"};
    return words[verdict];
}

double latency_ms(const struct latency *latency, int percentile)
{
    if (latency->count == 0) {
        return 0;
    }
    int64_t rank = (latency->kept * percentile + 99) / 100;
    return (double)latency->sorted_ns[(rank < 1 ? 1 : rank) - 1] / 1e6;
}

bool invariant_shown(const struct results *results, enum invariant invariant)
{
    return results->invariants[invariant].checked > 0;
}

size_t utf8_size(slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    if (text.size == 0 || bytes[0] < 0x80) {
        return text.size == 0 ? 0 : 1;
    }
    size_t size = bytes[0] >= 0xC2 && bytes[0] < 0xE0 ? 2 : bytes[0] >= 0xE0 && bytes[0] < 0xF0 ? 3 : bytes[0] >= 0xF0 && bytes[0] < 0xF5 ? 4 : 0;
    if (size == 0 || text.size < size) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    /* No overlong forms, no surrogates, nothing above U+10FFFF, and not the two that are no characters. */
    bool wrong = (bytes[0] == 0xE0 && bytes[1] < 0xA0) || (bytes[0] == 0xED && bytes[1] >= 0xA0) || (bytes[0] == 0xF0 && bytes[1] < 0x90) ||
                 (bytes[0] == 0xF4 && bytes[1] >= 0x90) || (bytes[0] == 0xEF && bytes[1] == 0xBF && bytes[2] >= 0xBE);
    return wrong ? 0 : size;
}

/* Written beside and renamed: a reader never sees half a file. */
enum err report_file(const char *folder, const char *name, slice bytes, char why[256])
{
    char path[600], fresh[620];
    snprintf(path, sizeof path, "%s%s%s", folder, folder[0] == '\0' ? "" : "/", name);
    snprintf(fresh, sizeof fresh, "%s.part", path);
    FILE *file = fopen(fresh, "we");
    bool ok = file != NULL && fwrite(bytes.data, 1, bytes.size, file) == bytes.size;
    if (file != NULL) {
        ok = fclose(file) == 0 && ok;
    }
    if (!ok || rename(fresh, path) != 0) {
        snprintf(why, 256, "cannot write %.180s: %s", path, strerror(errno));
        return ERR_SYSTEM;
    }
    return ERR_OK;
}

static slice node_field(const struct results *results, slice id, bool site)
{
    for (size_t n = 0; n < results->scenario->node_count; n++) {
        const struct scenario_node *node = &results->scenario->nodes[n];
        if (slice_equal(node->id, id) || slice_equal(node->aet, id)) {
            return site ? results->scenario->sites[node->site].name : node->name.size > 0 ? node->name : node->id;
        }
    }
    return id;
}

slice node_name(const struct results *results, slice id)
{
    return node_field(results, id, false);
}

slice node_site(const struct results *results, slice id)
{
    return node_field(results, id, true);
}

const char *node_colour(const struct results *results, slice id)
{
    static const char *const okabe_ito[] = {"#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000"};
    for (size_t n = 0; n < results->scenario->node_count; n++) {
        const struct scenario_node *node = &results->scenario->nodes[n];
        if (slice_equal(node->id, id) && (node->kind == KIND_PACS || node->kind == KIND_VIEWER)) {
            return okabe_ito[node->site % 7];
        }
    }
    return "#718096";
}

const struct scenario_study *study_of_uid(const struct results *results, slice uid)
{
    for (size_t s = 0; s < results->scenario->study_count; s++) {
        if (slice_equal(results->scenario->studies[s].study_uid, uid)) {
            return &results->scenario->studies[s];
        }
    }
    return NULL;
}

enum err report_write_results(const struct results *results, const char *folder, char why[256])
{
    return report_json(results, folder, why);
}

enum err report_write(const struct results *results, const char *folder, const char *junit_path, char why[256], struct arena *arena)
{
    enum err err = report_json(results, folder, why);
    if (err == ERR_OK) {
        err = report_junit(results, folder, junit_path, why, arena);
    }
    if (err == ERR_OK) {
        report_plots(results, folder, arena);
        err = report_html(results, folder, why, arena);
    }
    return err;
}

static void put_line(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put_line(struct buffer *buffer, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    buffer_put_text(buffer, line);
    buffer_put_byte(buffer, '\n');
}

const char *value_text(enum value_unit unit, int64_t value, char text[VALUE_TEXT])
{
    char number[32];
    if (unit == VALUE_PERCENT_100) {
        snprintf(text, VALUE_TEXT, "%.2f %%", (double)value / 100);
    } else if (unit == VALUE_MS && value >= 2 * 60 * 60 * 1000) {
        snprintf(text, VALUE_TEXT, "%.1f h", (double)value / 3.6e6);
    } else if (unit == VALUE_MS && value >= 2 * 60 * 1000) {
        snprintf(text, VALUE_TEXT, "%.1f min", (double)value / 6e4);
    } else if (unit == VALUE_MS && value >= 2000) {
        snprintf(text, VALUE_TEXT, "%.1f s", (double)value / 1000);
    } else {
        snprintf(text, VALUE_TEXT, "%s%s", grouped(value, number), unit == VALUE_MS ? " ms" : "");
    }
    return text;
}

const char *bound_text(const struct expectation_result *result, char text[BOUND_TEXT])
{
    static const char *const before[] = {[BOUND_EXACTLY] = "", [BOUND_MIN] = "at least ", [BOUND_MAX] = "at most ", [BOUND_BETWEEN] = ""};
    const struct expectation *expectation = result->expectation;
    char low[VALUE_TEXT], high[VALUE_TEXT];
    if (expectation->kind == BOUND_ALL) {
        return "all";
    }
    value_text(result->unit, expectation->low, low);
    value_text(result->unit, expectation->high, high);
    bool between = expectation->kind == BOUND_BETWEEN;
    snprintf(text, BOUND_TEXT, "%s%s%s%s", before[expectation->kind], expectation->kind == BOUND_MAX ? high : low, between ? " to " : "", between ? high : "");
    return text;
}

/* ", at 2010-06-25T05:10:15Z", in a run that has months: there the lines that show it are not written. */
static const char *when(const struct results *results, time_ns at, char text[48])
{
    struct buffer buffer = buffer_over(text, 47);
    if (results->series != NULL && at > 0) {
        buffer_put_text(&buffer, ", at ");
        time_put_iso(&buffer, at / TIME_S * TIME_S);
    }
    text[buffer.size] = '\0';
    return text;
}

static void put_shortfalls(const struct results *results, struct buffer *buffer)
{
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        const struct invariant_result *result = &results->invariants[i];
        for (size_t e = 0, shown = 0; result->violations > 0 && e < result->evidence_count && shown < 3; e++) {
            if (result->evidence[e].violation) {
                char at[48];
                put_line(buffer, "  violated %s: %s%s", invariant_name((enum invariant)i), result->evidence[e].text, when(results, result->evidence[e].at_ns, at));
                shown++;
            }
        }
    }
    for (size_t i = 0; i < results->expectation_count; i++) {
        const struct expectation_result *result = &results->expectations[i];
        if (!result->pass) {
            char found[VALUE_TEXT], bound[BOUND_TEXT];
            put_line(buffer, "  %s %.*s: %s; got %s", result->reported ? "of note:" : "expected", SLICE_ARGS(result->expectation->text), bound_text(result, bound), value_text(result->unit, result->value, found));
        }
    }
}

/* Clients of outside are no part of the world. */
static size_t nodes_of_the_world(const struct results *results)
{
    size_t count = 0;
    for (size_t i = 0; i < results->node_count; i++) {
        count += !results->scenario->nodes[results->nodes[i].node].external;
    }
    return count;
}

void report_put_summary(const struct results *results, const char *folder, bool colour, struct buffer *buffer)
{
    static const char *const colours[] = {"\033[1;32m", "\033[1;31m", "\033[1;33m"};
    int64_t checked = 0, violations = 0, kinds = 0;
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        checked += results->invariants[i].checked;
        violations += results->invariants[i].violations;
        kinds += results->invariants[i].checked > 0;
    }
    const int64_t *counts = results->counts;
    put_line(buffer, "%s%s%s  %.*s", colour ? colours[results->verdict] : "", verdict_word(results->verdict), colour ? "\033[0m" : "", SLICE_ARGS(results->sentence));
    put_line(buffer, "  %lld studies at %zu nodes, %lld HL7 messages, %lld of %lld exams published", (long long)counts[COUNT_studies], nodes_of_the_world(results),
             (long long)counts[COUNT_hl7_messages], (long long)counts[COUNT_published], (long long)counts[COUNT_exams]);
    put_line(buffer, "  %lld transfers: %lld done with proof, %lld unproven, %lld failed; priors %lld of %lld, MDT %lld of %lld", (long long)counts[COUNT_transfers_requested],
             (long long)counts[COUNT_transfers_done], (long long)counts[COUNT_transfers_unproven], (long long)counts[COUNT_transfers_failed],
             (long long)counts[COUNT_priors_ready], (long long)counts[COUNT_priors_wanted], (long long)counts[COUNT_mdt_ready], (long long)counts[COUNT_mdt_cases]);
    put_line(buffer, "  %lld queries (%lld marked incomplete), median %.0f ms", (long long)counts[COUNT_queries], (long long)counts[COUNT_queries_partial],
             latency_ms(&results->latency[LATENCY_query], 50));
    put_line(buffer, "  %lld invariants, %lld cases, %lld violations; engine lives %lld, %.1f s in all", (long long)kinds, (long long)checked, (long long)violations,
             (long long)results->lives, (double)results->wall_ns / 1e9);
    put_shortfalls(results, buffer);
    put_line(buffer, "  report: %s/index.html", folder);
    if (results->verdict != VERDICT_PASS) {
        put_line(buffer, "  repeat: build/pont run %.*s --world %.*s --seed %llu", SLICE_ARGS(results->scenario->file), SLICE_ARGS(results->world),
                 (unsigned long long)results->scenario->seed);
    }
}
