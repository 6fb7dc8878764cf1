/* SPDX-License-Identifier: MIT */
#include "src/bench/stats.h"

#include "src/base/random.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* ---- Student's t by the regularised incomplete beta function (Abramowitz and Stegun 26.5.8, 26.7.1). */

#define FRACTION_TERMS 500
#define NEGLIGIBLE 1e-15
#define TINY 1e-300

static double away_from_zero(double value)
{
    return fabs(value) < TINY ? TINY : value;
}

/* The continued fraction, evaluated by Lentz's method. */
static double beta_fraction(double x, double a, double b)
{
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;
    for (int m = 1; m <= FRACTION_TERMS; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        value *= d * c;
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        value *= d * c;
        if (fabs(d * c - 1) < NEGLIGIBLE) {
            break;
        }
    }
    return value;
}

static double incomplete_beta(double x, double a, double b)
{
    if (x <= 0 || x >= 1) {
        return x <= 0 ? 0 : 1;
    }
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(x, a, b) / a : 1 - front * beta_fraction(1 - x, b, a) / b;
}

double stats_t_two_sided(double t, double freedom)
{
    assert(freedom > 0);
    return isinf(t) ? 0 : incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5);
}

double stats_t_bound(double confidence, double freedom)
{
    double low = 0, high = 1;
    while (stats_t_two_sided(high, freedom) > 1 - confidence && high < 1e12) {
        high *= 2;
    }
    for (int i = 0; i < 200 && high - low > 1e-13 * high; i++) {
        double middle = (low + high) / 2;
        if (stats_t_two_sided(middle, freedom) > 1 - confidence) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (low + high) / 2;
}

/* ---- Means. */

static double variance(const double *values, size_t n, double mean)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (values[i] - mean) * (values[i] - mean);
    }
    return n < 2 ? 0 : sum / (double)(n - 1);
}

struct stats_mean stats_mean(const double *values, size_t n, double confidence)
{
    struct stats_mean result = {.n = n};
    if (n == 0) {
        return result;
    }
    result.least = result.most = values[0];
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += values[i];
        result.least = fmin(result.least, values[i]);
        result.most = fmax(result.most, values[i]);
    }
    result.mean = sum / (double)n;
    result.deviation = sqrt(variance(values, n, result.mean));
    if (n >= 2) {
        result.half_width = stats_t_bound(confidence, (double)(n - 1)) * result.deviation / sqrt((double)n);
    }
    return result;
}

/* ---- Pairs. */

static double sign_share(const double *first, const double *second, size_t n, double difference)
{
    size_t agree = 0;
    for (size_t i = 0; i < n; i++) {
        double d = second[i] - first[i];
        agree += (d > 0 && difference > 0) || (d < 0 && difference < 0) || (d == 0 && difference == 0);
    }
    return n == 0 ? 1 : (double)agree / (double)n;
}

/* Welch (1947), with Satterthwaite's degrees of freedom. */
static double unpaired(const double *first, const double *second, size_t n, double confidence, double mean_first, double mean_second)
{
    double a = variance(first, n, mean_first) / (double)n, b = variance(second, n, mean_second) / (double)n;
    if (a + b <= 0) {
        return 0;
    }
    double freedom = (a + b) * (a + b) * (double)(n - 1) / (a * a + b * b);
    return stats_t_bound(confidence, freedom) * sqrt(a + b);
}

struct stats_pair stats_pair(const double *first, const double *second, size_t n, double confidence)
{
    struct stats_pair pair = {.n = n, .p = 1, .sign_share = 1};
    if (n == 0) {
        return pair;
    }
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        pair.first += first[i] / (double)n;
        pair.second += second[i] / (double)n;
        pair.difference += (second[i] - first[i]) / (double)n;
    }
    pair.sign_share = sign_share(first, second, n, pair.difference);
    if (n < 2) {
        return pair;
    }
    for (size_t i = 0; i < n; i++) {
        double off = second[i] - first[i] - pair.difference;
        squares += off * off;
    }
    double error = sqrt(squares / (double)(n - 1) / (double)n);
    pair.half_width = stats_t_bound(confidence, (double)(n - 1)) * error;
    pair.unpaired_half_width = unpaired(first, second, n, confidence, pair.first, pair.second);
    pair.p = pair.difference == 0 ? 1 : error <= 0 ? 0 : stats_t_two_sided(pair.difference / error, (double)(n - 1));
    return pair;
}

/* ---- Quantiles and the bootstrap. */

static int by_value(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

double stats_quantile(const double *sorted, size_t n, double quantile)
{
    if (n == 0) {
        return 0;
    }
    double at = quantile * (double)(n - 1);
    size_t below = at <= 0 ? 0 : (size_t)at;
    if (below + 1 >= n) {
        return sorted[n - 1];
    }
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

static double statistic(double *values, size_t n, double quantile)
{
    if (quantile >= 0) {
        qsort(values, n, sizeof *values, by_value);
        return stats_quantile(values, n, quantile);
    }
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += values[i];
    }
    return sum / (double)n;
}

enum err stats_bootstrap(struct stats_interval *interval, const double *first, const double *second, size_t n, double quantile, double confidence,
                         uint64_t seed, struct arena *arena)
{
    *interval = (struct stats_interval){0, 0};
    size_t used = arena->used;
    double *a = arena_array(arena, n + 1, sizeof *a), *b = arena_array(arena, n + 1, sizeof *b);
    double *differences = arena_array(arena, STATS_RESAMPLES, sizeof *differences);
    if (a == NULL || b == NULL || differences == NULL) {
        arena->used = used;
        return ERR_LIMIT;
    }
    for (uint64_t r = 0; n > 0 && r < STATS_RESAMPLES; r++) {
        for (size_t i = 0; i < n; i++) {
            size_t pick = (size_t)random_below(random_draw(seed, PURPOSE('b', 'o', 'o', 't'), r, i), n);
            a[i] = first[pick];
            b[i] = second[pick];
        }
        differences[r] = statistic(b, n, quantile) - statistic(a, n, quantile);
    }
    qsort(differences, STATS_RESAMPLES, sizeof *differences, by_value);
    interval->low = stats_quantile(differences, STATS_RESAMPLES, (1 - confidence) / 2);
    interval->high = stats_quantile(differences, STATS_RESAMPLES, (1 + confidence) / 2);
    arena->used = used;
    return ERR_OK;
}

/* ---- Many measures, many looks. */

void stats_holm(const double *p, size_t n, double *adjusted)
{
    assert(n <= STATS_TESTS_MAX);
    size_t order[STATS_TESTS_MAX];
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        while (at > 0 && p[order[at - 1]] > p[i]) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
    double most = 0;
    for (size_t k = 0; k < n; k++) {
        most = fmax(most, fmin(1, p[order[k]] * (double)(n - k)));
        adjusted[order[k]] = most;
    }
}

#define FIRST_LOOK 10
#define SECOND_LOOK 14

size_t stats_next_look(size_t n)
{
    size_t look = FIRST_LOOK, then = SECOND_LOOK;
    while (look <= n) {
        size_t next = look * 2;
        look = then;
        then = next;
    }
    return look;
}

double stats_look_confidence(size_t n, double confidence)
{
    double k = 1;
    for (size_t look = FIRST_LOOK; look < n; look = stats_next_look(look)) {
        k++;
    }
    return 1 - (1 - confidence) / (k * (k + 1));
}
