/* SPDX-License-Identifier: MIT
 *
 * Compare: two arms of one experiment, seed by seed: what differs, by how much, how surely, and the first event where two
 * worlds part. Seeds that only one arm has are left out. */
#ifndef PONT_BENCH_COMPARE_H
#define PONT_BENCH_COMPARE_H

#include "src/bench/sample.h"
#include "src/base/buffer.h"
#include "src/bench/stats.h"

#define COMPARE_CONFIDENCE 0.95
#define COMPARE_HOLM_ABOVE 5 /* measures tested: with more, p is corrected for their number */

struct compare_row {
    slice id;
    struct stats_pair pair;
    struct stats_interval bootstrap; /* of quantiles and shares */
    bool is_quantile, tested;        /* tested: it differs in at least one seed, and worse has a meaning */
    double p_adjusted;
    enum measure_worse worse;
    bool regression, improvement;    /* beyond the interval */
};
struct compare {
    struct compare_row *rows;
    size_t row_count, seed_count, tested_count;
    size_t failed_first, failed_second; /* seeds that failed, of the shared ones */
    size_t newly_failed;                /* passed in the first, fails in the second */
    uint64_t newly_failed_seed;         /* the first of them */
    bool holm, regression;
};
MUST_USE enum err compare_samples(struct compare *compare, const struct sample *first, size_t first_count, const struct sample *second, size_t second_count,
                                  struct arena *arena);

/* The first line in which two traces differ. */
#define PARTING_LINE_MAX 4096
struct parting {
    bool parted;
    int64_t line;                 /* from 1 */
    char before[PARTING_LINE_MAX], first[PARTING_LINE_MAX], second[PARTING_LINE_MAX]; /* last common line; empty where a trace ended */
};
/* ERR_NOT_FOUND when one of them is not there. */
MUST_USE enum err compare_traces(struct parting *parting, const char *first_path, const char *second_path);

void compare_put_text(const struct compare *compare, slice first, slice second, struct buffer *buffer);
void compare_put_json(const struct compare *compare, slice first, slice second, struct buffer *buffer); /* an object, without newline */

#endif
