/* SPDX-License-Identifier: MIT
 *
 * Stats: what several seeds of one scenario say together: means with intervals, paired differences, bootstrap, correction
 * for many measures, and when enough seeds were seen. Values come in the order of their seeds, so that the same seeds give
 * the same bytes. Never used for a decision of engine or world. */
#ifndef PONT_BENCH_STATS_H
#define PONT_BENCH_STATS_H

#include "src/base/arena.h"

/* P(|T| > t) of Student's t with `freedom` degrees of freedom (any number above 0). */
double stats_t_two_sided(double t, double freedom);
/* The t that |T| stays below with probability `confidence`: 0.95 and 9 give 2.262. */
double stats_t_bound(double confidence, double freedom);

struct stats_mean {
    size_t n;
    double mean, half_width, deviation; /* half_width: of the t interval; 0 when n < 2, as no interval can be given */
    double least, most;
};
struct stats_mean stats_mean(const double *values, size_t n, double confidence);

/* Two arms with the same seeds: second minus first. */
struct stats_pair {
    size_t n;
    double first, second;        /* means */
    double difference;           /* second - first */
    double half_width;           /* of the paired t interval; 0 when n < 2 */
    double unpaired_half_width;  /* Welch's, as if the seeds were not shared: what pairing bought */
    double sign_share;           /* share of seeds whose difference has the sign of the mean difference; 1 when all are 0 */
    double p;                    /* two-sided; 1 when n < 2 or nothing differs; 0 when all seeds differ by the same amount */
};
struct stats_pair stats_pair(const double *first, const double *second, size_t n, double confidence);

/* Quantile 0..1 of sorted values, interpolated between neighbours (never a bucket's edge); 0 without any. */
double stats_quantile(const double *sorted, size_t n, double quantile);

/* Interval of statistic(second) - statistic(first) over seeds, by resampling seeds in pairs; the draws are functions of
 * (seed, resample, index). The statistic is the mean (of values that are quantiles or shares themselves, where a t interval
 * presumes too much), or a quantile. ERR_LIMIT when the arena is full; the arena is given back as it was. */
#define STATS_MEAN (-1.0) /* as `quantile` */
struct stats_interval {
    double low, high;
};
#define STATS_RESAMPLES 2000
MUST_USE enum err stats_bootstrap(struct stats_interval *interval, const double *first, const double *second, size_t n, double quantile, double confidence,
                                  uint64_t seed, struct arena *arena);

/* Holm's correction: adjusted[i] is the p at which measure i stands when all `n` are looked at. At most STATS_TESTS_MAX. */
#define STATS_TESTS_MAX 256
void stats_holm(const double *p, size_t n, double *adjusted);

/* The stop rule: seeds are looked at when there are 10, 14, 20, 28, 40, 56, ... of them, and nowhere between. */
size_t stats_next_look(size_t n); /* the first look above n */
/* The confidence that the look at `n` must use so that all looks together keep `confidence`: the k-th look spends
 * 1/(k(k+1)) of what may go wrong, which sums to 1. */
double stats_look_confidence(size_t n, double confidence);

#endif
