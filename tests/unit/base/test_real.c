/* SPDX-License-Identifier: MIT */
#include "src/base/real.h"

#include <math.h>

#include "src/base/distribution.h"
#include "src/base/random.h"
#include "tests/unit/unit.h"

#define DRAWS 200000

/* How many units in the last place `got` is off. */
static double ulps(double got, double wanted)
{
    return fabs(got - wanted) / fabs(nextafter(wanted, INFINITY) - wanted);
}

START_TEST(this_build_computes_what_every_build_must)
{
    ck_assert(real_self_test());
}
END_TEST

START_TEST(log_exp_and_sqrt_are_off_by_one_unit_at_most)
{
    for (uint64_t i = 0; i < DRAWS; i++) {
        double u = real_unit(random_draw(1, 0, 0, i)), x = exp((u - 0.5) * 1380);
        ck_assert(ulps(real_log(x), log(x)) <= 1);
        ck_assert(ulps(real_exp((u - 0.5) * 1400), exp((u - 0.5) * 1400)) <= 1);
        ck_assert(ulps(real_sqrt(x), sqrt(x)) <= 1);
    }
}
END_TEST

START_TEST(normal_is_the_inverse_of_the_normal_distribution)
{
    for (uint64_t i = 0; i < DRAWS; i++) {
        double u = real_unit(random_draw(2, 0, 0, i)), back = 0.5 * erfc(-real_normal(u) / sqrt(2.0));
        ck_assert(fabs(back - u) <= 1e-14);
    }
}
END_TEST

START_TEST(log_and_sqrt_of_what_they_cannot_take_are_defined)
{
    ck_assert(real_log(0) < -1e307 && real_log(-1) < -1e307);
    ck_assert(real_sqrt(0) >= 0 && real_sqrt(-4) <= 0);
    ck_assert(real_exp(-1000) <= 0 && real_exp(1000) > 1e307);
    ck_assert_int_eq(real_round(-2.5), -3);
    ck_assert_int_eq(real_round(1e300), (int64_t)1 << 62);
}
END_TEST

/* ---- Distributions: mean, deviation and a share against what theory says. */

static const struct distribution_point views[] = {{1, 0.42}, {2, 0.40}, {3, 0.10}, {4, 0.05}, {5, 0.03}}, sample[] = {{10, 0}, {20, 0}, {40, 0}};

static const struct theory {
    const char *name;
    struct distribution distribution;
    double mean, deviation;
} theory[] = {
    {"fixed", {.kind = DISTRIBUTION_FIXED, .a = 7}, 7, 0},
    {"uniform", {.kind = DISTRIBUTION_UNIFORM, .a = 90, .b = 110}, 100, 5.7735},
    {"exponential", {.kind = DISTRIBUTION_EXPONENTIAL, .a = 3}, 3, 3},
    {"normal", {.kind = DISTRIBUTION_NORMAL, .a = 50, .b = 5}, 50, 5},
    {"lognormal", {.kind = DISTRIBUTION_LOGNORMAL, .a = 200, .b = 0.6}, 239.44, 157.68},
    {"gamma", {.kind = DISTRIBUTION_GAMMA, .a = 4, .b = 12}, 12, 6},
    {"gamma, shape below 1", {.kind = DISTRIBUTION_GAMMA, .a = 0.5, .b = 2}, 2, 2.8284},
    {"weibull", {.kind = DISTRIBUTION_WEIBULL, .a = 2, .b = 10}, 8.8623, 4.6325},
    {"pareto", {.kind = DISTRIBUTION_PARETO, .a = 6, .b = 10}, 12, 2.4495},
    {"poisson", {.kind = DISTRIBUTION_POISSON, .a = 3, .plus = 1}, 4, 1.7321},
    {"poisson, large", {.kind = DISTRIBUTION_POISSON, .a = 900}, 900, 30},
    {"negative binomial", {.kind = DISTRIBUTION_NEGATIVE_BINOMIAL, .a = 10.2, .b = 0.11}, 10.2, 11.42},
    {"pmf", {.kind = DISTRIBUTION_PMF, .points = views, .point_count = 5}, 1.87, 0.996},
    {"empirical", {.kind = DISTRIBUTION_EMPIRICAL, .points = sample, .point_count = 3}, 22.5, 8.78},
};

static void check_theory(size_t nth)
{
    const struct theory *row = &theory[nth];
    const char *why = NULL;
    double sum = 0, squares = 0;
    ck_assert_msg(distribution_check(&row->distribution, &why) == ERR_OK, "%s: %s", row->name, why);
    for (uint64_t i = 0; i < DRAWS; i++) {
        double x = distribution_draw(&row->distribution, 5, PURPOSE('t', 'e', 's', 't'), nth, i);
        sum += x;
        squares += x * x;
    }
    double mean = sum / DRAWS, deviation = sqrt(fmax(0, squares / DRAWS - mean * mean));
    ck_assert_msg(fabs(mean - row->mean) <= 0.001 + 5 * row->deviation / sqrt(DRAWS), "%s: mean %g, not %g", row->name, mean, row->mean);
    ck_assert_msg(fabs(deviation - row->deviation) <= 0.001 + 0.03 * row->deviation, "%s: deviation %g, not %g", row->name, deviation, row->deviation);
    ck_assert_msg(fabs(distribution_mean(&row->distribution) - row->mean) <= 0.002 * row->mean, "%s: said mean %g", row->name,
                  distribution_mean(&row->distribution));
}

START_TEST(draws_have_the_mean_and_the_deviation_of_their_distribution)
{
    for (size_t i = 0; i < sizeof theory / sizeof theory[0]; i++) {
        check_theory(i);
    }
}
END_TEST

START_TEST(a_negative_binomial_has_the_share_of_zeros_it_was_given)
{
    int zeros = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        zeros += distribution_count(&theory[11].distribution, 9, PURPOSE('z', 'e', 'r', 'o'), 0, i) == 0;
    }
    ck_assert(fabs((double)zeros / DRAWS - 0.11) < 0.003);
}
END_TEST

START_TEST(a_draw_is_cut_where_it_says_and_depends_on_its_key_alone)
{
    struct distribution cut = {.kind = DISTRIBUTION_LOGNORMAL, .a = 200, .b = 0.9, .minimum = 50, .maximum = 300};
    for (uint64_t i = 0; i < 1000; i++) {
        int64_t count = distribution_count(&cut, 1, 2, 3, i);
        ck_assert(count >= 50 && count <= 300);
        ck_assert_int_eq(count, distribution_count(&cut, 1, 2, 3, i));
    }
}
END_TEST

START_TEST(what_has_no_meaning_is_refused_with_a_reason)
{
    const struct distribution bad[] = {
        {.kind = DISTRIBUTION_UNIFORM, .a = 2, .b = 1},  {.kind = DISTRIBUTION_LOGNORMAL, .a = 0, .b = 1},
        {.kind = DISTRIBUTION_GAMMA, .a = 0, .b = 1},    {.kind = DISTRIBUTION_NEGATIVE_BINOMIAL, .a = 1, .b = 0.2},
        {.kind = DISTRIBUTION_PMF},                      {.kind = DISTRIBUTION_FIXED, .minimum = 3, .maximum = 2},
        {.kind = DISTRIBUTION_NORMAL, .a = 1, .b = -1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *why = NULL;
        ck_assert_int_eq(distribution_check(&bad[i], &why), ERR_BAD_INPUT);
        ck_assert(why != NULL && why[0] != '\0');
    }
}
END_TEST

UNIT_MAIN(this_build_computes_what_every_build_must,
          log_exp_and_sqrt_are_off_by_one_unit_at_most,
          normal_is_the_inverse_of_the_normal_distribution,
          log_and_sqrt_of_what_they_cannot_take_are_defined,
          draws_have_the_mean_and_the_deviation_of_their_distribution,
          a_negative_binomial_has_the_share_of_zeros_it_was_given,
          a_draw_is_cut_where_it_says_and_depends_on_its_key_alone,
          what_has_no_meaning_is_refused_with_a_reason)
