/* SPDX-License-Identifier: MIT
 *
 * Distribution: how a quantity varies, as a value, and draws from it. A draw is a pure function of (seed, purpose,
 * entity, index), made with the functions of real.h alone, so that every compiler gives the same bits. Durations are
 * in ns. No memory of its own, no state. */
#ifndef PONT_BASE_DISTRIBUTION_H
#define PONT_BASE_DISTRIBUTION_H

#include "src/base/error.h"
#include "src/base/time.h"

enum distribution_kind {
    DISTRIBUTION_FIXED,             /* a */
    DISTRIBUTION_UNIFORM,           /* a .. b */
    DISTRIBUTION_EXPONENTIAL,       /* mean a */
    DISTRIBUTION_NORMAL,            /* mean a, standard deviation b; cut at 0 */
    DISTRIBUTION_LOGNORMAL,         /* median a, sigma b */
    DISTRIBUTION_GAMMA,             /* shape a, mean b */
    DISTRIBUTION_WEIBULL,           /* shape a, scale b */
    DISTRIBUTION_PARETO,            /* shape a, smallest b */
    DISTRIBUTION_POISSON,           /* mean a */
    DISTRIBUTION_NEGATIVE_BINOMIAL, /* mean a, share of zeros b (at least exp(-a)) */
    DISTRIBUTION_PMF,               /* points: value and weight; weights need not add up to 1 */
    DISTRIBUTION_EMPIRICAL,         /* points: values in rising order; between two neighbours evenly */
    DISTRIBUTION_KIND_COUNT
};

struct distribution_point {
    double value, weight;
};

/* All zero: fixed 0. `minimum` and `maximum` cut every draw (maximum 0: none); `plus` is added before that. */
struct distribution {
    enum distribution_kind kind;
    double a, b;
    double plus, minimum, maximum;
    const struct distribution_point *points; /* borrowed */
    size_t point_count;
};

/* ERR_BAD_INPUT with a reason in *why (never null) when it has no meaning: a negative sigma, no points, ... */
MUST_USE enum err distribution_check(const struct distribution *distribution, const char **why);
double distribution_draw(const struct distribution *distribution, uint64_t seed, uint32_t purpose, uint64_t entity, uint64_t index);
/* Rounded to the nearest integer; never negative. */
int64_t distribution_count(const struct distribution *distribution, uint64_t seed, uint32_t purpose, uint64_t entity, uint64_t index);
/* As distribution_count, for durations: never negative, never above a hundred years. */
time_ns distribution_ns(const struct distribution *distribution, uint64_t seed, uint32_t purpose, uint64_t entity, uint64_t index);
/* Expected value where it has a closed form without the cuts; of the cut normal that of the uncut one. */
double distribution_mean(const struct distribution *distribution);
/* The value below which the share `u` (0 < u < 1) of the draws lies, where that can be said at once: all but gamma;
 * gamma gives its mean. What `draw` makes of one even draw. */
double distribution_quantile(const struct distribution *distribution, double u);

#endif
