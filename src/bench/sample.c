/* SPDX-License-Identifier: MIT */
#include "src/bench/sample.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

struct reader {
    struct sample *sample;
    struct arena *arena;
    int64_t violations, fell_short;
    bool full;
};

static slice keep(struct reader *reader, const json_t *text)
{
    slice copy = json_is_string(text) ? arena_copy(reader->arena, (slice){json_string_value(text), json_string_length(text)}) : SLICE_EMPTY;
    reader->full = reader->full || copy.data == NULL;
    return copy;
}

static slice join(struct reader *reader, const char *first, const char *second)
{
    char id[160];
    int size = snprintf(id, sizeof id, "%s.%s", first, second);
    slice copy = arena_copy(reader->arena, (slice){id, size < (int)sizeof id ? (size_t)size : sizeof id - 1});
    reader->full = reader->full || copy.data == NULL;
    return copy;
}

static void add_value(struct reader *reader, slice id, double value)
{
    if (reader->sample->value_count == SAMPLE_VALUES_MAX || id.data == NULL) {
        reader->full = true;
        return;
    }
    reader->sample->values[reader->sample->value_count++] = (struct sample_value){id, value};
}

static void add_failed(struct reader *reader, slice id)
{
    if (reader->sample->failed_count == SAMPLE_RULES_MAX || id.data == NULL) {
        reader->full = true;
        return;
    }
    reader->sample->failed[reader->sample->failed_count++] = id;
}

static void read_counts(struct reader *reader, json_t *root)
{
    const char *name;
    json_t *value, *time = json_object_get(root, "time");
    json_object_foreach (json_object_get(root, "counts"), name, value) {
        if (json_is_number(value)) {
            add_value(reader, arena_copy(reader->arena, slice_from(name)), json_number_value(value));
        }
    }
    reader->sample->events = json_integer_value(json_object_get(time, "events"));
    reader->sample->wall_s = json_number_value(json_object_get(time, "wall_s"));
    add_value(reader, SLICE("events"), (double)reader->sample->events);
    add_value(reader, SLICE("sut_steps"), json_number_value(json_object_get(time, "sut_steps")));
}

static void read_latencies(struct reader *reader, json_t *root)
{
    const char *kind, *name;
    json_t *latency, *value;
    json_object_foreach (json_object_get(root, "latency_ms"), kind, latency) {
        if (json_integer_value(json_object_get(latency, "count")) == 0) {
            continue; /* no percentile without a count */
        }
        json_object_foreach (latency, name, value) {
            add_value(reader, join(reader, kind, name), json_number_value(value));
        }
    }
}

static void read_invariants(struct reader *reader, json_t *root)
{
    size_t i;
    json_t *row;
    json_array_foreach (json_object_get(root, "invariants"), i, row) {
        struct sample_rule rule = {keep(reader, json_object_get(row, "id")), json_integer_value(json_object_get(row, "checked")),
                                   json_integer_value(json_object_get(row, "violations"))};
        if (reader->sample->rule_count == SAMPLE_RULES_MAX) {
            reader->full = true;
            return;
        }
        reader->sample->rules[reader->sample->rule_count++] = rule;
        reader->violations += rule.violations;
        if (rule.violations > 0) {
            add_failed(reader, rule.id);
        }
    }
}

static bool is_reach(const struct reader *reader, slice id)
{
    for (size_t i = 0; i < reader->sample->reached_count; i++) {
        if (slice_equal(reader->sample->reached[i].id, id)) {
            return true;
        }
    }
    return false;
}

/* Rows of {id, value, pass}: expectations and objectives have this shape. */
static void read_verdicts(struct reader *reader, json_t *rows, const char *prefix)
{
    size_t i;
    json_t *row;
    json_array_foreach (rows, i, row) {
        slice id = keep(reader, json_object_get(row, "id"));
        json_t *value = json_object_get(row, "value");
        if (json_is_number(value) && id.data != NULL) {
            add_value(reader, join(reader, prefix, id.data), json_number_value(value));
        }
        if (json_is_false(json_object_get(row, "pass")) && !json_is_true(json_object_get(row, "reported")) && !is_reach(reader, id)) {
            add_failed(reader, id);
            reader->fell_short++;
        }
    }
}

static void read_reached(struct reader *reader, json_t *root)
{
    size_t i;
    json_t *row;
    json_array_foreach (json_object_get(root, "sometimes"), i, row) {
        json_t *times = json_object_get(row, "times");
        if (reader->sample->reached_count == SAMPLE_RULES_MAX) {
            reader->full = true;
            return;
        }
        reader->sample->reached[reader->sample->reached_count++] =
            (struct sample_reach){keep(reader, json_object_get(row, "id")), json_is_integer(times) ? json_integer_value(times) : json_is_true(json_object_get(row, "reached"))};
    }
}

static void read_head(struct reader *reader, json_t *root)
{
    struct sample *sample = reader->sample;
    json_t *scenario = json_object_get(root, "scenario");
    slice verdict = slice_from(json_string_value(json_object_get(root, "verdict")));
    sample->verdict = slice_equal(verdict, SLICE("pass")) ? SAMPLE_PASS : slice_equal(verdict, SLICE("fail")) ? SAMPLE_FAIL : SAMPLE_INCONCLUSIVE;
    sample->seed = (uint64_t)json_integer_value(json_object_get(root, "seed"));
    sample->scenario = keep(reader, json_object_get(scenario, "name"));
    sample->file = keep(reader, json_object_get(scenario, "file"));
    sample->sha256 = keep(reader, json_object_get(scenario, "sha256"));
    sample->world = keep(reader, json_object_get(root, "world"));
    sample->trace_hash = keep(reader, json_object_get(root, "trace_hash"));
    sample->outcome_digest = keep(reader, json_object_get(root, "outcome_digest"));
    sample->error = keep(reader, json_object_get(root, "error"));
}

static bool lacks_reach(const struct sample *sample)
{
    for (size_t i = 0; i < sample->reached_count; i++) {
        if (sample->reached[i].times == 0) {
            return true;
        }
    }
    return false;
}

/* The rows are collected in full size, then given back but for what was used. */
static bool make_room(struct sample *sample, struct arena *arena)
{
    sample->values = arena_array(arena, SAMPLE_VALUES_MAX, sizeof *sample->values);
    sample->rules = arena_array(arena, SAMPLE_RULES_MAX, sizeof *sample->rules);
    sample->reached = arena_array(arena, SAMPLE_RULES_MAX, sizeof *sample->reached);
    sample->failed = arena_array(arena, SAMPLE_RULES_MAX, sizeof *sample->failed);
    return sample->values != NULL && sample->rules != NULL && sample->reached != NULL && sample->failed != NULL;
}

static void *shrunk(struct arena *arena, const void *rows, size_t count, size_t size)
{
    void *copy = arena_array(arena, count + 1, size);
    if (copy != NULL && count > 0) {
        memcpy(copy, rows, count * size);
    }
    return copy;
}

enum err sample_read(struct sample *sample, const char *path, struct arena *arena)
{
    static char scratch_memory[(SAMPLE_VALUES_MAX * sizeof(struct sample_value)) + SAMPLE_RULES_MAX * (sizeof(struct sample_rule) + sizeof(struct sample_reach) + sizeof(slice)) + 256];
    struct arena scratch = {.memory = scratch_memory, .size = sizeof scratch_memory};
    struct reader reader = {.sample = sample, .arena = arena};
    *sample = (struct sample){.seed = 0};
    if (access(path, R_OK) != 0) {
        return ERR_NOT_FOUND;
    }
    json_t *root = json_load_file(path, 0, NULL);
    if (!json_is_object(root) || !slice_equal(slice_from(json_string_value(json_object_get(root, "pont"))), SLICE("results/1")) || !make_room(sample, &scratch)) {
        json_decref(root);
        return ERR_BAD_INPUT;
    }
    read_head(&reader, root);
    read_counts(&reader, root);
    read_latencies(&reader, root);
    read_invariants(&reader, root);
    read_reached(&reader, root);
    read_verdicts(&reader, json_object_get(root, "expectations"), "expect");
    read_verdicts(&reader, json_object_get(root, "slos"), "slo");
    read_verdicts(&reader, json_object_get(root, "healed_within"), "healed");
    add_value(&reader, SLICE("violations"), (double)reader.violations);
    add_value(&reader, SLICE("fell_short"), (double)reader.fell_short);
    if (sample->verdict == SAMPLE_FAIL && sample->failed_count == 0 && sample->error.size == 0 && lacks_reach(sample)) {
        sample->verdict = SAMPLE_PASS;
    } else if (sample->verdict == SAMPLE_FAIL && sample->failed_count == 0) {
        add_failed(&reader, sample->error.size > 0 ? sample->error : SLICE("verdict"));
    }
    json_decref(root);
    sample->values = shrunk(arena, sample->values, sample->value_count, sizeof *sample->values);
    sample->rules = shrunk(arena, sample->rules, sample->rule_count, sizeof *sample->rules);
    sample->reached = shrunk(arena, sample->reached, sample->reached_count, sizeof *sample->reached);
    sample->failed = shrunk(arena, sample->failed, sample->failed_count, sizeof *sample->failed);
    bool ok = !reader.full && sample->values != NULL && sample->rules != NULL && sample->reached != NULL && sample->failed != NULL;
    return ok ? ERR_OK : ERR_LIMIT;
}

bool sample_find(const struct sample *sample, slice id, double *value)
{
    for (size_t i = 0; i < sample->value_count; i++) {
        if (slice_equal(sample->values[i].id, id)) {
            *value = sample->values[i].value;
            return true;
        }
    }
    return false;
}

/* ---- What a measure means. */

static bool is_latency(slice id)
{
    static const slice ends[] = {SLICE(".p50"), SLICE(".p90"), SLICE(".p95"), SLICE(".p99"), SLICE(".p999"), SLICE(".max")};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (slice_ends(id, ends[i])) {
            return true;
        }
    }
    return false;
}

enum measure_worse measure_worse(slice id)
{
    static const struct {
        slice id;
        enum measure_worse worse;
    } rows[] = {
#define MEASURE(name, worse, text) {SLICE(#name), WORSE_##worse},
#include "src/bench/measures.def"
#undef MEASURE
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (slice_equal(rows[i].id, id)) {
            return rows[i].worse;
        }
    }
    return is_latency(id) ? WORSE_MORE : WORSE_NEITHER;
}

bool measure_is_quantile(slice id)
{
    return is_latency(id) || slice_starts(id, SLICE("slo.")) || slice_ends(id, SLICE("_share"));
}

const char *measure_unit(slice id)
{
    return is_latency(id) ? "ms" : "";
}
