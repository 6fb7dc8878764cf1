/* SPDX-License-Identifier: MIT
 *
 * What the seeds of a sweep come to together. Nothing here depends on when or where a run was made. */
#include "src/bench/compare.h"
#include "src/bench/number.h"
#include "src/bench/sweep_private.h"

#include <stdio.h>

/* ---- Reading. */

static enum err read_samples(struct sweep *sweep, struct sweep_result *result, struct arena *arena)
{
    result->samples = arena_array(arena, sweep->seed_count + 1, sizeof *result->samples);
    if (result->samples == NULL) {
        return ERR_LIMIT;
    }
    for (size_t i = 0; i < sweep->seed_count; i++) {
        char path[600];
        struct sample *sample = &result->samples[result->sample_count];
        sweep_path(sweep->options, &result->arm, sweep->options->first + i, ".json", path);
        enum err err = sample_read(sample, path, arena);
        if (err == ERR_LIMIT) {
            return err;
        }
        if (err != ERR_OK) {
            result->missing++;
            continue;
        }
        sample->seed = sweep->options->first + i;
        result->sample_count++;
    }
    return ERR_OK;
}

/* ---- Summing up. */

static enum err collect_means(struct sweep_result *result, struct arena *arena)
{
    double *values = arena_array(arena, result->sample_count + 1, sizeof *values);
    result->means = arena_array(arena, SAMPLE_VALUES_MAX, sizeof *result->means);
    if (values == NULL || result->means == NULL) {
        return ERR_LIMIT;
    }
    for (size_t i = 0; i < result->sample_count; i++) {
        for (size_t v = 0; v < result->samples[i].value_count; v++) {
            slice id = result->samples[i].values[v].id;
            size_t at = 0, n = 0;
            while (at < result->mean_count && !slice_equal(result->means[at].id, id)) {
                at++;
            }
            if (at < result->mean_count || at == SAMPLE_VALUES_MAX) {
                continue;
            }
            for (size_t j = i; j < result->sample_count; j++) {
                n += sample_find(&result->samples[j], id, &values[n]);
            }
            result->means[result->mean_count++] = (struct sweep_mean){id, stats_mean(values, n, COMPARE_CONFIDENCE)};
        }
    }
    return ERR_OK;
}

static void add_rule(struct sweep_result *result, const struct sample_rule *rule)
{
    size_t at = 0;
    while (at < result->rule_count && !slice_equal(result->rules[at].id, rule->id)) {
        at++;
    }
    if (at == SAMPLE_RULES_MAX) {
        return;
    }
    result->rule_count += at == result->rule_count;
    result->rules[at].id = rule->id;
    result->rules[at].checked += rule->checked;
    result->rules[at].violations += rule->violations;
}

static void add_reached(struct sweep_result *result, const struct sample_reach *reach)
{
    size_t at = 0;
    while (at < result->reached_count && !slice_equal(result->reached[at].id, reach->id)) {
        at++;
    }
    if (at == SAMPLE_RULES_MAX) {
        return;
    }
    result->reached_count += at == result->reached_count;
    result->reached[at].id = reach->id;
    result->reached[at].times += reach->times > 0;
}

static enum err sum_up(struct sweep_result *result, struct arena *arena)
{
    result->rules = arena_array(arena, SAMPLE_RULES_MAX, sizeof *result->rules);
    result->reached = arena_array(arena, SAMPLE_RULES_MAX, sizeof *result->reached);
    result->failures = arena_array(arena, result->sample_count + 1, sizeof *result->failures);
    if (result->rules == NULL || result->reached == NULL || result->failures == NULL) {
        return ERR_LIMIT;
    }
    for (size_t i = 0; i < result->sample_count; i++) {
        const struct sample *sample = &result->samples[i];
        result->passed += sample->verdict == SAMPLE_PASS;
        result->inconclusive += sample->verdict == SAMPLE_INCONCLUSIVE;
        if (sample->verdict == SAMPLE_FAIL) {
            result->failures[result->failure_count++] = (struct sweep_failure){sample->seed, sample->failed, sample->failed_count};
        }
        if (sample->events > result->longest_events) {
            result->longest_events = sample->events;
            result->longest_seed = sample->seed;
        }
        for (size_t r = 0; r < sample->rule_count; r++) {
            add_rule(result, &sample->rules[r]);
        }
        for (size_t r = 0; r < sample->reached_count; r++) {
            add_reached(result, &sample->reached[r]);
        }
    }
    return collect_means(result, arena);
}

enum err sweep_merge(struct sweep *sweep, const struct sweep_options *options, const struct sweep_arm *arms, size_t arm_count, struct arena *arena)
{
    size_t seeds = sweep->seed_count > options->seed_count ? sweep->seed_count : options->seed_count;
    sweep->options = options;
    sweep->arms = arms;
    sweep->arm_count = arm_count;
    sweep->seed_count = seeds;
    sweep->results = arena_array(arena, arm_count + 1, sizeof *sweep->results);
    enum err err = sweep->results == NULL ? ERR_LIMIT : ERR_OK;
    for (size_t a = 0; err == ERR_OK && a < arm_count; a++) {
        sweep->results[a].arm = arms[a];
        err = read_samples(sweep, &sweep->results[a], arena);
        err = err == ERR_OK ? sum_up(&sweep->results[a], arena) : err;
    }
    return err;
}

enum sample_verdict sweep_verdict(const struct sweep *sweep)
{
    bool open = false, unreached = false;
    for (size_t a = 0; a < sweep->arm_count; a++) {
        const struct sweep_result *result = &sweep->results[a];
        if (result->failure_count > 0) {
            return SAMPLE_FAIL;
        }
        open = open || result->missing > 0 || result->inconclusive > 0;
        for (size_t r = 0; r < result->reached_count; r++) {
            unreached = unreached || result->reached[r].times == 0;
        }
    }
    return open ? SAMPLE_INCONCLUSIVE : unreached ? SAMPLE_FAIL : SAMPLE_PASS;
}

slice sweep_unjudged(const struct sweep *sweep, const struct sweep_result *result, size_t nth)
{
    for (size_t i = 0; i < sweep->options->always_count; i++) {
        bool judged = false;
        for (size_t r = 0; r < result->rule_count; r++) {
            judged = judged || (slice_equal(result->rules[r].id, sweep->options->always[i]) && result->rules[r].checked > 0);
        }
        if (!judged && nth-- == 0) {
            return sweep->options->always[i];
        }
    }
    return SLICE_EMPTY;
}

/* ---- sweep.json */

void sweep_put_command(const struct sweep *sweep, const struct sweep_arm *arm, uint64_t seed, struct buffer *buffer)
{
    buffer_put_text(buffer, "pont run ");
    buffer_put_text(buffer, sweep->options->scenario_file);
    buffer_put_text(buffer, " --world ");
    buffer_put(buffer, sweep->options->world);
    buffer_put_text(buffer, " --seed ");
    buffer_put_int(buffer, (int64_t)seed);
    if (sweep->options->more != NULL && sweep->options->more[0] != '\0') {
        buffer_put_byte(buffer, ' ');
        buffer_put_text(buffer, sweep->options->more);
    }
    for (size_t s = 0; s < arm->setting_count; s++) {
        buffer_put_text(buffer, " --set '");
        buffer_put(buffer, arm->settings[s].name);
        buffer_put_byte(buffer, '=');
        buffer_put(buffer, arm->settings[s].value);
        buffer_put_byte(buffer, '\'');
    }
}

static const char *verdict_text(enum sample_verdict verdict)
{
    static const char *const words[] = {"pass", "fail", "inconclusive"};
    return words[verdict];
}

static void put_failures(const struct sweep *sweep, const struct sweep_result *result, struct buffer *buffer)
{
    buffer_put_text(buffer, "   \"failing\": [");
    for (size_t f = 0; f < result->failure_count; f++) {
        char bytes[2048];
        struct buffer command = buffer_over(bytes, sizeof bytes);
        sweep_put_command(sweep, &result->arm, result->failures[f].seed, &command);
        buffer_put_text(buffer, f == 0 ? "\n    {\"seed\": " : ",\n    {\"seed\": ");
        buffer_put_int(buffer, (int64_t)result->failures[f].seed);
        buffer_put_text(buffer, ", \"rules\": [");
        for (size_t r = 0; r < result->failures[f].rule_count; r++) {
            buffer_put_text(buffer, r == 0 ? "" : ", ");
            buffer_put_json(buffer, result->failures[f].rules[r]);
        }
        buffer_put_text(buffer, "], \"repeat\": ");
        buffer_put_json(buffer, buffer_slice(&command));
        buffer_put_byte(buffer, '}');
    }
    buffer_put_text(buffer, "],\n");
}

static void put_mean(const struct sweep_mean *row, struct buffer *buffer)
{
    buffer_put_text(buffer, "{\"id\": ");
    buffer_put_json(buffer, row->id);
    buffer_put_text(buffer, ", \"n\": ");
    buffer_put_int(buffer, (int64_t)row->mean.n);
    buffer_put_text(buffer, ", \"mean\": ");
    number_put(buffer, row->mean.mean);
    buffer_put_text(buffer, ", \"half_width\": ");
    if (row->mean.n < 2) {
        buffer_put_text(buffer, "null");
    } else {
        number_put(buffer, row->mean.half_width);
    }
    buffer_put_text(buffer, ", \"min\": ");
    number_put(buffer, row->mean.least);
    buffer_put_text(buffer, ", \"max\": ");
    number_put(buffer, row->mean.most);
    buffer_put_byte(buffer, '}');
}

static void put_arm(const struct sweep *sweep, const struct sweep_result *result, struct buffer *buffer)
{
    buffer_put_text(buffer, "  {\"id\": ");
    buffer_put_json(buffer, result->arm.id);
    buffer_put_text(buffer, ", \"params\": {");
    for (size_t s = 0; s < result->arm.setting_count; s++) {
        buffer_put_text(buffer, s == 0 ? "" : ", ");
        buffer_put_json(buffer, result->arm.settings[s].name);
        buffer_put_text(buffer, ": ");
        buffer_put_json(buffer, result->arm.settings[s].value);
    }
    buffer_put_text(buffer, "},\n   \"passed\": ");
    buffer_put_int(buffer, (int64_t)result->passed);
    buffer_put_text(buffer, ", \"failed\": ");
    buffer_put_int(buffer, (int64_t)result->failure_count);
    buffer_put_text(buffer, ", \"inconclusive\": ");
    buffer_put_int(buffer, (int64_t)result->inconclusive);
    buffer_put_text(buffer, ", \"missing\": ");
    buffer_put_int(buffer, (int64_t)result->missing);
    buffer_put_text(buffer, ", \"longest\": {\"seed\": ");
    buffer_put_int(buffer, (int64_t)result->longest_seed);
    buffer_put_text(buffer, ", \"events\": ");
    buffer_put_int(buffer, result->longest_events);
    buffer_put_text(buffer, "},\n");
    put_failures(sweep, result, buffer);
    buffer_put_text(buffer, "   \"measures\": [");
    for (size_t m = 0; m < result->mean_count; m++) {
        buffer_put_text(buffer, m == 0 ? "\n    " : ",\n    ");
        put_mean(&result->means[m], buffer);
    }
    buffer_put_text(buffer, "],\n   \"invariants\": [");
    for (size_t r = 0; r < result->rule_count; r++) {
        buffer_put_text(buffer, r == 0 ? "\n    {\"id\": " : ",\n    {\"id\": ");
        buffer_put_json(buffer, result->rules[r].id);
        buffer_put_text(buffer, ", \"checked\": ");
        buffer_put_int(buffer, result->rules[r].checked);
        buffer_put_text(buffer, ", \"violations\": ");
        buffer_put_int(buffer, result->rules[r].violations);
        buffer_put_byte(buffer, '}');
    }
    buffer_put_text(buffer, "],\n   \"sometimes\": [");
    for (size_t r = 0; r < result->reached_count; r++) {
        buffer_put_text(buffer, r == 0 ? "\n    {\"id\": " : ",\n    {\"id\": ");
        buffer_put_json(buffer, result->reached[r].id);
        buffer_put_text(buffer, ", \"seeds\": ");
        buffer_put_int(buffer, result->reached[r].times);
        buffer_put_byte(buffer, '}');
    }
    buffer_put_text(buffer, "],\n   \"unjudged\": [");
    for (size_t n = 0; sweep_unjudged(sweep, result, n).size > 0; n++) {
        buffer_put_text(buffer, n == 0 ? "" : ", ");
        buffer_put_json(buffer, sweep_unjudged(sweep, result, n));
    }
    buffer_put_text(buffer, "]}");
}

static void put_comparisons(const struct sweep *sweep, struct buffer *buffer, struct arena *arena)
{
    for (size_t a = 1; a < sweep->arm_count; a++) {
        struct compare compare;
        size_t used = arena->used;
        const struct sweep_result *first = &sweep->results[0], *second = &sweep->results[a];
        if (compare_samples(&compare, first->samples, first->sample_count, second->samples, second->sample_count, arena) == ERR_OK) {
            buffer_put_text(buffer, a == 1 ? "\n " : ",\n ");
            compare_put_json(&compare, first->arm.id, second->arm.id, buffer);
        } else {
            buffer->full = true;
        }
        arena->used = used;
    }
}

void sweep_put_json(const struct sweep *sweep, struct buffer *buffer, struct arena *arena)
{
    buffer_put_text(buffer, "{\"pont\": \"sweep/1\", \"verdict\": \"");
    buffer_put_text(buffer, verdict_text(sweep_verdict(sweep)));
    buffer_put_text(buffer, "\",\n \"scenario\": {\"file\": ");
    buffer_put_json(buffer, slice_from(sweep->options->scenario_file));
    buffer_put_text(buffer, ", \"sha256\": ");
    buffer_put_json(buffer, sweep->options->sha256);
    buffer_put_text(buffer, "}, \"world\": ");
    buffer_put_json(buffer, sweep->options->world);
    buffer_put_text(buffer, ",\n \"seeds\": {\"first\": ");
    buffer_put_int(buffer, (int64_t)sweep->options->first);
    buffer_put_text(buffer, ", \"count\": ");
    buffer_put_int(buffer, (int64_t)sweep->seed_count);
    buffer_put_text(buffer, "},\n \"arms\": [\n");
    for (size_t a = 0; a < sweep->arm_count; a++) {
        put_arm(sweep, &sweep->results[a], buffer);
        buffer_put_text(buffer, a + 1 < sweep->arm_count ? ",\n" : "\n");
    }
    buffer_put_text(buffer, " ],\n \"compare\": [");
    put_comparisons(sweep, buffer, arena);
    buffer_put_text(buffer, "]}\n");
}

/* ---- The terminal. */

#define FAILURES_SHOWN 10

static void put_count(struct buffer *buffer, size_t count, const char *what)
{
    buffer_put_int(buffer, (int64_t)count);
    buffer_put_text(buffer, what);
}

/* "reached by seeds: link_down 40, engine_killed 38" */
static void put_reached(const struct sweep_result *result, struct buffer *buffer)
{
    bool begun = false;
    for (size_t r = 0; r < result->reached_count; r++) {
        if (result->reached[r].times > 0) {
            buffer_put_text(buffer, begun ? ", " : "  reached by seeds: ");
            buffer_put(buffer, result->reached[r].id);
            buffer_put_byte(buffer, ' ');
            buffer_put_int(buffer, result->reached[r].times);
            begun = true;
        }
    }
    buffer_put_text(buffer, begun ? "\n" : "");
}

static void put_arm_summary(const struct sweep *sweep, const struct sweep_result *result, struct buffer *buffer)
{
    if (sweep->arm_count > 1) {
        buffer_put(buffer, result->arm.id);
        buffer_put_text(buffer, ": ");
    }
    put_count(buffer, result->passed, " seeds passed, ");
    put_count(buffer, result->failure_count, " failed");
    if (result->inconclusive > 0) {
        buffer_put_text(buffer, ", ");
        put_count(buffer, result->inconclusive, " inconclusive");
    }
    if (result->missing > 0) {
        buffer_put_text(buffer, ", ");
        put_count(buffer, result->missing, " without a result");
    }
    buffer_put_byte(buffer, '\n');
    for (size_t f = 0; f < result->failure_count && f < FAILURES_SHOWN; f++) {
        buffer_put_text(buffer, "  seed ");
        put_count(buffer, (size_t)result->failures[f].seed, ": ");
        for (size_t r = 0; r < result->failures[f].rule_count; r++) {
            buffer_put_text(buffer, r == 0 ? "" : ", ");
            buffer_put(buffer, result->failures[f].rules[r]);
        }
        buffer_put_text(buffer, "\n    ");
        sweep_put_command(sweep, &result->arm, result->failures[f].seed, buffer);
        buffer_put_byte(buffer, '\n');
    }
    if (result->failure_count > FAILURES_SHOWN) {
        put_count(buffer, result->failure_count - FAILURES_SHOWN, " more in sweep.json\n");
    }
    for (size_t r = 0; r < result->reached_count; r++) {
        if (result->reached[r].times == 0) {
            buffer_put_text(buffer, "  never reached: ");
            buffer_put(buffer, result->reached[r].id);
            buffer_put_byte(buffer, '\n');
        }
    }
    put_reached(result, buffer);
    for (size_t n = 0; sweep_unjudged(sweep, result, n).size > 0; n++) {
        buffer_put_text(buffer, "  no seed had a case of ");
        buffer_put(buffer, sweep_unjudged(sweep, result, n));
        buffer_put_byte(buffer, '\n');
    }
}

void sweep_put_summary(const struct sweep *sweep, struct buffer *buffer)
{
    char line[200];
    int64_t checked = 0, violations = 0;
    for (size_t a = 0; a < sweep->arm_count; a++) {
        put_arm_summary(sweep, &sweep->results[a], buffer);
        for (size_t r = 0; r < sweep->results[a].rule_count; r++) {
            checked += sweep->results[a].rules[r].checked;
            violations += sweep->results[a].rules[r].violations;
        }
    }
    snprintf(line, sizeof line, "%lld cases of invariants checked, %lld violated\n", (long long)checked, (long long)violations);
    buffer_put_text(buffer, line);
    if (sweep->ran > 0) {
        snprintf(line, sizeof line, "%zu runs in %.1f s, %.2f a second; the slowest, seed %llu, took %.2f s\n", sweep->ran, sweep->wall_s,
                 (double)sweep->ran / (sweep->wall_s > 0 ? sweep->wall_s : 1e-9), (unsigned long long)sweep->longest_wall_seed, sweep->longest_wall_s);
        buffer_put_text(buffer, line);
    }
    if (sweep->interrupted) {
        buffer_put_text(buffer, "interrupted: the same command goes on where this one stopped\n");
    }
}
