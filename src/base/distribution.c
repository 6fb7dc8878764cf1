/* SPDX-License-Identifier: MIT */
#include "src/base/distribution.h"

#include <assert.h>

#include "src/base/random.h"
#include "src/base/real.h"

#define POISSON_EXACT_MAX 500.0
#define DURATION_MAX (100 * 366 * TIME_DAY)

/* The shape of a negative binomial with this mean and share of zeros: (r / (r + mean))^r = zero, falling in r. */
static double binomial_shape(double mean, double zero)
{
    double low = -12.0, high = 12.0, wanted = real_log(zero); /* of log r */
    for (int i = 0; i < 48; i++) {
        double middle = 0.5 * (low + high), r = real_exp(middle);
        if (r * (middle - real_log(r + mean)) > wanted) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return real_exp(0.5 * (low + high));
}

static double quantile_of_counts(double first, double u, double (*next)(double p, double k, const double *parameters), const double *parameters)
{
    double p = first, sum = first, k = 0;
    while (u > sum && k < 1e6 && p > 0) {
        p = next(p, k, parameters);
        sum = sum + p;
        k = k + 1;
    }
    return k;
}

static double next_poisson(double p, double k, const double *mean)
{
    return p * *mean / (k + 1);
}

static double next_binomial(double p, double k, const double *shape_and_failure)
{
    return p * (k + shape_and_failure[0]) / (k + 1) * shape_and_failure[1];
}

/* Above POISSON_EXACT_MAX exp(-mean) is nearly 0: there the Cornish-Fisher expansion is right to a fraction of one. */
static double poisson_quantile(double mean, double u)
{
    if (mean <= 0) {
        return 0;
    }
    if (mean > POISSON_EXACT_MAX) {
        double z = real_normal(u), k = mean + z * real_sqrt(mean) + (z * z - 1) / 6;
        return k < 0 ? 0 : (double)real_round(k);
    }
    return quantile_of_counts(real_exp(-mean), u, next_poisson, &mean);
}

static double binomial_quantile(double mean, double zero, double u)
{
    double shape = binomial_shape(mean, zero), parameters[2] = {shape, mean / (mean + shape)};
    return quantile_of_counts(zero, u, next_binomial, parameters);
}

static double pmf_quantile(const struct distribution *d, double u)
{
    double all = 0, sum = 0;
    for (size_t i = 0; i < d->point_count; i++) {
        all = all + d->points[i].weight;
    }
    for (size_t i = 0; i + 1 < d->point_count; i++) {
        sum = sum + d->points[i].weight;
        if (u * all < sum) {
            return d->points[i].value;
        }
    }
    return d->points[d->point_count - 1].value;
}

static double empirical_quantile(const struct distribution *d, double u)
{
    double at = u * (double)(d->point_count - 1);
    size_t i = (size_t)at;
    if (i + 1 >= d->point_count) {
        return d->points[d->point_count - 1].value;
    }
    return d->points[i].value + (at - (double)i) * (d->points[i + 1].value - d->points[i].value);
}

static double uncut_quantile(const struct distribution *d, double u)
{
    double normal = d->kind == DISTRIBUTION_NORMAL ? d->a + d->b * real_normal(u) : 0;
    switch (d->kind) {
    case DISTRIBUTION_FIXED:
        return d->a;
    case DISTRIBUTION_UNIFORM:
        return d->a + u * (d->b - d->a);
    case DISTRIBUTION_EXPONENTIAL:
        return -d->a * real_log(1 - u);
    case DISTRIBUTION_NORMAL:
        return normal < 0 ? 0 : normal;
    case DISTRIBUTION_LOGNORMAL:
        return d->b > 0 ? d->a * real_exp(d->b * real_normal(u)) : d->a;
    case DISTRIBUTION_GAMMA:
        return d->b;
    case DISTRIBUTION_WEIBULL:
        return d->b * real_exp(real_log(-real_log(1 - u)) / d->a);
    case DISTRIBUTION_PARETO:
        return d->b * real_exp(-real_log(1 - u) / d->a);
    case DISTRIBUTION_POISSON:
        return poisson_quantile(d->a, u);
    case DISTRIBUTION_NEGATIVE_BINOMIAL:
        return binomial_quantile(d->a, d->b, u);
    case DISTRIBUTION_PMF:
        return pmf_quantile(d, u);
    case DISTRIBUTION_EMPIRICAL:
        return empirical_quantile(d, u);
    default:
        assert(false);
        return 0;
    }
}

static double cut(const struct distribution *d, double x)
{
    x = x + d->plus;
    x = x < d->minimum ? d->minimum : x;
    return d->maximum > 0 && x > d->maximum ? d->maximum : x;
}

double distribution_quantile(const struct distribution *distribution, double u)
{
    return cut(distribution, uncut_quantile(distribution, u));
}

/* Marsaglia and Tsang, ACM TOMS 26 (2000): a cube of a normal, accepted about 19 times in 20. A shape below 1 is drawn as
 * one above, times a power of an even number. Further draws come under purposes of their own. */
static double gamma_draw(double shape, uint64_t seed, uint32_t purpose, uint64_t entity, uint64_t index)
{
    double boost = 1;
    if (shape < 1) {
        boost = real_exp(real_log(real_unit(random_draw(seed, purpose + 1, entity, index))) / shape);
        shape = shape + 1;
    }
    double d = shape - 1.0 / 3, c = 1 / real_sqrt(9 * d);
    for (uint32_t k = 0; k < 64; k++) {
        double z = real_normal(real_unit(random_draw(seed, purpose + 2 + 2 * k, entity, index)));
        double u = real_unit(random_draw(seed, purpose + 3 + 2 * k, entity, index)), v = 1 + c * z;
        v = v * v * v;
        if (v > 0 && real_log(u) < 0.5 * z * z + d - d * v + d * real_log(v)) {
            return boost * d * v;
        }
    }
    return boost * d;
}

double distribution_draw(const struct distribution *distribution, uint64_t seed, uint32_t purpose, uint64_t entity, uint64_t index)
{
    if (distribution->kind == DISTRIBUTION_FIXED) {
        return cut(distribution, distribution->a);
    }
    if (distribution->kind == DISTRIBUTION_GAMMA) {
        return cut(distribution, gamma_draw(distribution->a, seed, purpose, entity, index) * distribution->b / distribution->a);
    }
    return distribution_quantile(distribution, real_unit(random_draw(seed, purpose, entity, index)));
}

int64_t distribution_count(const struct distribution *distribution, uint64_t seed, uint32_t purpose, uint64_t entity, uint64_t index)
{
    int64_t count = real_round(distribution_draw(distribution, seed, purpose, entity, index));
    return count < 0 ? 0 : count;
}

time_ns distribution_ns(const struct distribution *distribution, uint64_t seed, uint32_t purpose, uint64_t entity, uint64_t index)
{
    int64_t length = distribution_count(distribution, seed, purpose, entity, index);
    return length > DURATION_MAX ? DURATION_MAX : length;
}

static double points_mean(const struct distribution *d)
{
    double sum = 0, all = 0;
    for (size_t i = 0; i < d->point_count; i++) {
        double weight = d->kind == DISTRIBUTION_PMF ? d->points[i].weight : i == 0 || i + 1 == d->point_count ? 0.5 : 1;
        sum = sum + weight * d->points[i].value;
        all = all + weight;
    }
    return all > 0 ? sum / all : 0;
}

/* log Gamma for x >= 1, Stirling's series after shifting up: enough for a mean that people read. */
static double log_gamma(double x)
{
    double shift = 0;
    for (; x < 8; x = x + 1) {
        shift = shift + real_log(x);
    }
    double y = 1 / (x * x);
    return (x - 0.5) * real_log(x) - x + 0.91893853320467274178 + (1.0 / 12 - y * (1.0 / 360 - y / 1260)) / x - shift;
}

double distribution_mean(const struct distribution *distribution)
{
    const struct distribution *d = distribution;
    double mean = d->a;
    switch (d->kind) {
    case DISTRIBUTION_UNIFORM:
        mean = 0.5 * (d->a + d->b);
        break;
    case DISTRIBUTION_LOGNORMAL:
        mean = d->a * real_exp(0.5 * d->b * d->b);
        break;
    case DISTRIBUTION_GAMMA:
        mean = d->b;
        break;
    case DISTRIBUTION_WEIBULL:
        mean = d->b * real_exp(log_gamma(1 + 1 / d->a));
        break;
    case DISTRIBUTION_PARETO:
        mean = d->a > 1 ? d->a * d->b / (d->a - 1) : 1e308;
        break;
    case DISTRIBUTION_PMF:
    case DISTRIBUTION_EMPIRICAL:
        mean = points_mean(d);
        break;
    default:
        break;
    }
    return mean + d->plus;
}

/* ---- Sense. */

static const char *points_wrong(const struct distribution *d)
{
    double all = 0;
    if (d->point_count == 0) {
        return "it has no values";
    }
    for (size_t i = 0; i < d->point_count; i++) {
        if (d->kind == DISTRIBUTION_PMF && d->points[i].weight < 0) {
            return "a weight is negative";
        }
        if (d->kind == DISTRIBUTION_EMPIRICAL && i > 0 && d->points[i].value < d->points[i - 1].value) {
            return "its values do not rise";
        }
        all = all + d->points[i].weight;
    }
    return d->kind == DISTRIBUTION_PMF && !(all > 0) ? "its weights add up to nothing" : NULL;
}

static const char *wrong(const struct distribution *d)
{
    switch (d->kind) {
    case DISTRIBUTION_FIXED:
        return NULL;
    case DISTRIBUTION_UNIFORM:
        return d->b < d->a ? "it ends before it begins" : NULL;
    case DISTRIBUTION_EXPONENTIAL:
    case DISTRIBUTION_POISSON:
        return d->a < 0 ? "its mean is negative" : NULL;
    case DISTRIBUTION_NORMAL:
        return d->b < 0 ? "its standard deviation is negative" : NULL;
    case DISTRIBUTION_LOGNORMAL:
        return !(d->a > 0) ? "its median is not above 0" : d->b < 0 || d->b > 5 ? "its sigma is not within 0 and 5" : NULL;
    case DISTRIBUTION_GAMMA:
    case DISTRIBUTION_WEIBULL:
    case DISTRIBUTION_PARETO:
        return !(d->a > 0) || !(d->b > 0) ? "its shape and scale must be above 0" : NULL;
    case DISTRIBUTION_NEGATIVE_BINOMIAL:
        return !(d->a > 0) || d->a > 1e4 ? "its mean is not within 0 and 10000"
               : !(d->b < 1) || !(d->b > real_exp(-d->a)) ? "its share of zeros is not above that of a Poisson distribution and below 1"
                                                          : NULL;
    case DISTRIBUTION_PMF:
    case DISTRIBUTION_EMPIRICAL:
        return points_wrong(d);
    default:
        return "there is no such distribution";
    }
}

enum err distribution_check(const struct distribution *distribution, const char **why)
{
    const char *reason = wrong(distribution);
    if (reason == NULL && distribution->maximum > 0 && distribution->maximum < distribution->minimum) {
        reason = "its maximum is below its minimum";
    }
    *why = reason == NULL ? "" : reason;
    return reason == NULL ? ERR_OK : ERR_BAD_INPUT;
}
