/* SPDX-License-Identifier: MIT
 *
 * Sample: one run as the statistics see it: its numbers by name, what it was judged by, what it reached. Read from the
 * results.json of a run. Lives in the arena handed in. */
#ifndef PONT_BENCH_SAMPLE_H
#define PONT_BENCH_SAMPLE_H

#include "src/base/arena.h"

#define SAMPLE_VALUES_MAX 1024
#define SAMPLE_RULES_MAX 256

struct sample_value {
    slice id; /* "published", "publish.p95" */
    double value;
};
struct sample_rule { /* an invariant */
    slice id;
    int64_t checked, violations;
};
struct sample_reach { /* of expect.sometimes */
    slice id;
    int64_t times;
};
enum sample_verdict { SAMPLE_PASS, SAMPLE_FAIL, SAMPLE_INCONCLUSIVE };

struct sample {
    uint64_t seed;
    enum sample_verdict verdict;
    slice scenario, file, sha256, world, trace_hash, outcome_digest, error;
    double wall_s;
    int64_t events;
    struct sample_value *values;
    size_t value_count;
    struct sample_rule *rules;
    size_t rule_count;
    struct sample_reach *reached;
    size_t reached_count;
    slice *failed;  /* what fell short: invariants, expectations, objectives; in the order of the file. Not what was not reached: that is
                     * asked of all runs together, and a run that lacks nothing else counts as passed */
    size_t failed_count;
};

/* ERR_NOT_FOUND when there is no such file, ERR_BAD_INPUT when it is no results.json, ERR_LIMIT. */
MUST_USE enum err sample_read(struct sample *sample, const char *path, struct arena *arena);
/* False when the run has no such number. */
bool sample_find(const struct sample *sample, slice id, double *value);

/* ---- What a measure means: measures.def. */
enum measure_worse { WORSE_NEITHER, WORSE_LESS, WORSE_MORE };
enum measure_worse measure_worse(slice id);
/* A quantile or share, whose interval is bootstrapped. */
bool measure_is_quantile(slice id);
/* "ms" of latencies, else "". */
const char *measure_unit(slice id);

#endif
