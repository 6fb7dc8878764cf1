/* SPDX-License-Identifier: MIT
 *
 * results.json, the contract of design section 7. */
#include "src/report/json_private.h"
#include "src/report/report_private.h"

#include <stdio.h>
#include <stdlib.h>

json_t *json_slice(slice s)
{
    json_t *value = json_stringn(s.data == NULL ? "" : s.data, s.size);
    return value == NULL ? json_string("(not UTF-8)") : value;
}

static json_t *hex(uint64_t value)
{
    return json_sprintf("%016llx", (unsigned long long)value);
}

static json_t *latencies(const struct results *results)
{
    static const char *const names[LATENCY_COUNT] = {"query", "retrieve", "publish", "first_image"};
    json_t *all = json_object();
    for (int i = 0; i < LATENCY_COUNT; i++) {
        const struct latency *latency = &results->latency[i];
        json_object_set_new(all, names[i],
                            json_pack("{s:I, s:f, s:f, s:f, s:f}", "count", (json_int_t)latency->count, "p50", latency_ms(latency, 50), "p95", latency_ms(latency, 95),
                                      "p99", latency_ms(latency, 99), "max", latency_ms(latency, 100)));
    }
    return all;
}

static json_t *counts(const struct results *results)
{
    static const char *const names[COUNT_COUNT] = {
#define COUNT(name, from, what) #name,
#include "src/bench/counts.def"
#undef COUNT
    };
    json_t *all = json_object();
    for (int i = 0; i < COUNT_COUNT; i++) {
        json_object_set_new(all, names[i], json_integer(results->counts[i]));
    }
    return all;
}

static json_t *invariants(const struct results *results)
{
    json_t *all = json_array();
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        if (invariant_shown(results, (enum invariant)i)) {
            json_array_append_new(all, json_pack("{s:s, s:I, s:I}", "id", invariant_name((enum invariant)i), "checked", (json_int_t)results->invariants[i].checked,
                                                 "violations", (json_int_t)results->invariants[i].violations));
        }
    }
    return all;
}

static json_t *bound(const struct expectation *expectation)
{
    return expectation->kind == BOUND_BETWEEN ? json_pack("[I, I]", (json_int_t)expectation->low, (json_int_t)expectation->high)
           : expectation->kind == BOUND_ALL   ? json_string("all")
                                              : json_integer(expectation->kind == BOUND_MAX ? expectation->high : expectation->low);
}

static json_t *expectations(const struct results *results)
{
    json_t *all = json_array();
    for (size_t i = 0; i < results->expectation_count; i++) {
        const struct expectation_result *result = &results->expectations[i];
        static const char *const units[] = {"", "ms", "0.01 %"};
        json_t *row = json_pack("{s:o, s:o, s:I, s:o, s:s, s:b}", "id", json_slice(result->expectation->id), "text", json_slice(result->expectation->text), "value",
                                (json_int_t)result->value, "bound", bound(result->expectation), "unit", units[result->unit], "pass", result->pass);
        if (result->reported) {
            json_object_set_new(row, "reported", json_true()); /* and fails nothing */
        }
        json_array_append_new(all, row);
    }
    return all;
}

/* Of these a sweep must see each in some seed, not in every one. */
static json_t *sometimes(const struct results *results)
{
    json_t *all = json_array();
    for (size_t i = 0; i < results->expectation_count; i++) {
        const struct expectation_result *result = &results->expectations[i];
        if (result->reach) {
            json_array_append_new(all, json_pack("{s:o, s:b}", "id", json_slice(result->expectation->id), "reached", result->pass));
        }
    }
    return all;
}

static json_t *nodes(const struct results *results)
{
    json_t *all = json_array();
    for (size_t i = 0; i < results->node_count; i++) {
        const struct scenario_node *node = &results->scenario->nodes[results->nodes[i].node];
        if (node->kind != KIND_PACS) {
            continue;
        }
        json_t *quirks = json_array();
        slice rest = results->nodes[i].quirks_bit;
        while (rest.data != NULL && rest.size > 0) {
            json_array_append_new(quirks, json_slice(slice_trim(slice_cut(&rest, ','))));
        }
        json_array_append_new(all, json_pack("{s:o, s:o, s:o, s:I, s:o}", "name", json_slice(node->id), "vendor", json_slice(node->vendor == NULL ? SLICE_EMPTY : node->vendor->vendor),
                                             "organisation", json_slice(results->scenario->sites[node->site].id), "studies", (json_int_t)results->nodes[i].studies, "quirks", quirks));
    }
    return all;
}

static json_t *transfers(const struct results *results)
{
    json_t *all = json_array();
    for (size_t i = 0; i < results->transfer_count; i++) {
        const struct transfer_result *transfer = &results->transfers[i];
        json_array_append_new(all, json_pack("{s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "id", (json_int_t)transfer->id, "study", json_slice(transfer->study_uid), "destination",
                                             json_slice(transfer->destination), "state", (json_int_t)transfer->state, "proof", (json_int_t)transfer->proof, "wanted",
                                             (json_int_t)transfer->wanted, "delivered", (json_int_t)transfer->delivered, "attempts", (json_int_t)transfer->attempts, "why",
                                             json_slice(transfer->why)));
    }
    return all;
}

static json_t *plan(const struct plan_totals *totals)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I}}", "exams", (json_int_t)totals->exams, "images", (json_int_t)totals->images, "bytes",
                     (json_int_t)totals->bytes, "hl7_messages", (json_int_t)totals->messages, "meetings", (json_int_t)totals->meetings, "mdt_cases",
                     (json_int_t)totals->cases, "before", "exams", (json_int_t)totals->exams_before, "hl7_messages", (json_int_t)totals->messages_before);
}

static double ms(int64_t ns)
{
    return (double)ns / 1e6;
}

static json_t *fidelity(const struct fidelity *from)
{
    json_t *cells = json_array();
    for (size_t i = 0; i < from->cell_count; i++) {
        const struct fidelity_cell *cell = &from->cells[i];
        json_array_append_new(cells, json_pack("{s:o, s:I, s:f, s:f, s:f, s:f}", "hop", json_slice(cell->hop), "n", (json_int_t)cell->n, "p50_predicted_ms",
                                               ms(cell->p50_predicted_ns), "p50_measured_ms", ms(cell->p50_measured_ns), "p95_predicted_ms",
                                               ms(cell->p95_predicted_ns), "p95_measured_ms", ms(cell->p95_measured_ns)));
    }
    json_t *difference = from->first_difference.size == 0 ? json_null() : json_slice(from->first_difference);
    return json_pack("{s:b, s:o, s:I, s:o}", "outcome_equal", from->outcome_equal, "first_difference", difference, "left_out", (json_int_t)from->left_out, "cells", cells);
}

enum err report_json(const struct results *results, const char *folder, char why[256])
{
    const struct scenario *scenario = results->scenario;
    json_t *root = json_object();
    json_object_set_new(root, "pont", json_string("results/1"));
    json_object_set_new(root, "verdict", json_string(verdict_word(results->verdict)));
    json_object_set_new(root, "sentence", json_slice(results->sentence));
    json_object_set_new(root, "scenario", json_pack("{s:o, s:o, s:s}", "name", json_slice(scenario->id), "file", json_slice(scenario->file), "sha256", scenario->sha256));
    json_object_set_new(root, "world", json_slice(results->world));
    json_object_set_new(root, "seed", json_integer((json_int_t)scenario->seed));
    json_object_set_new(root, "sut", json_pack("{s:o, s:o}", "name", json_slice(results->sut_name), "version", json_slice(results->sut_version)));
    json_object_set_new(root, "trace_hash", hex(results->trace_hash));
    json_object_set_new(root, "state_digest", hex(results->state_digest));
    json_object_set_new(root, "outcome_digest", hex(results->outcome_digest));
    json_object_set_new(root, "time", json_pack("{s:f, s:f, s:I, s:I}", "simulated_s", (double)results->simulated_ns / 1e9, "wall_s", (double)results->wall_ns / 1e9, "events",
                                                (json_int_t)results->events, "sut_steps", (json_int_t)results->sut_steps));
    json_object_set_new(root, "counts", counts(results));
    if (results->plan.known) {
        json_object_set_new(root, "plan", plan(&results->plan));
    }
    json_object_set_new(root, "latency_ms", latencies(results));
    json_object_set_new(root, "invariants", invariants(results));
    json_object_set_new(root, "expectations", expectations(results));
    json_object_set_new(root, "sometimes", sometimes(results));
    if (results->fidelity.compared) {
        json_object_set_new(root, "fidelity", fidelity(&results->fidelity));
    }
    json_object_set_new(root, "nodes", nodes(results));
    json_object_set_new(root, "transfers", transfers(results));
    if (results->series != NULL) {
        json_object_set_new(root, "series", json_series(results));
    }
    json_object_set_new(root, "resources", json_pack("{s:{s:f, s:f, s:I}, s:f}", "engine", "cpu_s", results->engine_cpu_s, "rss_max_mib", results->engine_rss_max_mib, "lives",
                                                     (json_int_t)results->lives, "others_cpu_share", (double)results->others_permille / 1000));
    json_object_set_new(root, "build", json_pack("{s:o, s:o}", "commit", json_slice(results->commit), "compiler", json_slice(results->compiler)));
    if (results->error.size > 0) {
        json_object_set_new(root, "error", json_slice(results->error));
    }
    char *dump = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    json_decref(root);
    enum err err = dump == NULL ? ERR_LIMIT : report_file(folder, "results.json", slice_from(dump), why);
    free(dump);
    return err;
}
