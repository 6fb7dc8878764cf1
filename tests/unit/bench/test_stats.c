/* SPDX-License-Identifier: MIT
 *
 * Statistics against values that others have published: tables of Student's t, the sleep data of Student (1908) as every
 * textbook computes them, and Holm's procedure worked by hand. */
#include "tests/unit/unit.h"

#include "src/bench/stats.h"

#include <math.h>

#define NEAR(value, expected, tolerance) ck_assert_double_eq_tol(value, expected, tolerance)

/* Hours of sleep gained by ten patients with two drugs: Student, "The probable error of a mean", Biometrika 6 (1908). */
static const double drug_1[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
static const double drug_2[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};

START_TEST(bounds_of_t_are_those_of_the_printed_tables)
{
    static const struct {
        double freedom, p95, p99;
    } rows[] = {{1, 12.706, 63.657}, {2, 4.303, 9.925},  {3, 3.182, 5.841},  {4, 2.776, 4.604},  {5, 2.571, 4.032},  {9, 2.262, 3.250},
                {10, 2.228, 3.169},  {19, 2.093, 2.861}, {20, 2.086, 2.845}, {30, 2.042, 2.750}, {60, 2.000, 2.660}, {120, 1.980, 2.617}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        NEAR(stats_t_bound(0.95, rows[i].freedom), rows[i].p95, 0.0005);
        NEAR(stats_t_bound(0.99, rows[i].freedom), rows[i].p99, 0.0005);
    }
    NEAR(stats_t_bound(0.95, 1e6), 1.95996, 0.0001); /* the normal distribution */
}
END_TEST

START_TEST(the_chance_beyond_a_bound_is_what_the_bound_was_asked_for)
{
    for (double freedom = 1; freedom < 500; freedom *= 1.7) {
        NEAR(stats_t_two_sided(stats_t_bound(0.95, freedom), freedom), 0.05, 1e-9);
        NEAR(stats_t_two_sided(stats_t_bound(0.999, freedom), freedom), 0.001, 1e-9);
    }
    NEAR(stats_t_two_sided(0, 7), 1, 1e-12);
}
END_TEST

START_TEST(the_sleep_data_give_the_paired_test_of_the_textbooks)
{
    struct stats_pair pair = stats_pair(drug_1, drug_2, 10, 0.95);
    NEAR(pair.first, 0.75, 1e-9);
    NEAR(pair.second, 2.33, 1e-9);
    NEAR(pair.difference, 1.58, 1e-9);
    NEAR(pair.difference - pair.half_width, 0.7001142, 1e-6);
    NEAR(pair.difference + pair.half_width, 2.4598858, 1e-6);
    NEAR(pair.p, 0.002833, 1e-6);
    NEAR(pair.sign_share, 0.9, 1e-9);
}
END_TEST

START_TEST(the_sleep_data_give_the_unpaired_interval_of_welch)
{
    struct stats_pair pair = stats_pair(drug_1, drug_2, 10, 0.95);
    NEAR(pair.difference - pair.unpaired_half_width, -0.2054832, 1e-6);
    NEAR(pair.difference + pair.unpaired_half_width, 3.3654832, 1e-6);
}
END_TEST

START_TEST(the_mean_of_the_sleep_data_has_its_interval)
{
    struct stats_mean mean = stats_mean(drug_1, 10, 0.95);
    NEAR(mean.mean, 0.75, 1e-9);
    NEAR(mean.deviation, 1.789010, 1e-6);
    NEAR(mean.half_width, 1.279780, 1e-5);
    NEAR(mean.least, -1.6, 1e-12);
    NEAR(mean.most, 3.7, 1e-12);
}
END_TEST

START_TEST(one_value_has_no_interval_and_none_has_no_mean)
{
    ck_assert_double_eq(stats_mean(drug_1, 1, 0.95).half_width, 0);
    ck_assert_uint_eq(stats_mean(drug_1, 0, 0.95).n, 0);
    struct stats_pair pair = stats_pair(drug_1, drug_2, 1, 0.95);
    ck_assert_double_eq(pair.half_width, 0);
    ck_assert_double_eq(pair.p, 1);
}
END_TEST

START_TEST(arms_that_do_not_differ_differ_by_exactly_nothing)
{
    struct stats_pair pair = stats_pair(drug_1, drug_1, 10, 0.95);
    ck_assert_double_eq(pair.difference, 0);
    ck_assert_double_eq(pair.half_width, 0);
    ck_assert_double_eq(pair.p, 1);
    ck_assert_double_eq(pair.sign_share, 1);
}
END_TEST

START_TEST(a_shift_that_every_seed_shows_alike_is_certain)
{
    double shifted[10];
    for (size_t i = 0; i < 10; i++) {
        shifted[i] = drug_1[i] + 2;
    }
    struct stats_pair pair = stats_pair(drug_1, shifted, 10, 0.95);
    NEAR(pair.difference, 2, 1e-12);
    ck_assert_double_lt(pair.half_width, 1e-9);
    ck_assert_double_gt(pair.unpaired_half_width, 1.5);
    ck_assert_double_lt(pair.p, 1e-12);
}
END_TEST

START_TEST(quantiles_are_interpolated)
{
    static const double sorted[] = {1, 2, 3, 4, 10};
    ck_assert_double_eq(stats_quantile(sorted, 5, 0), 1);
    ck_assert_double_eq(stats_quantile(sorted, 5, 0.5), 3);
    NEAR(stats_quantile(sorted, 5, 0.9), 7.6, 1e-12); /* as type 7 of Hyndman and Fan (1996) */
    ck_assert_double_eq(stats_quantile(sorted, 5, 1), 10);
    ck_assert_double_eq(stats_quantile(sorted, 0, 0.5), 0);
}
END_TEST

static struct stats_interval bootstrap_of(double quantile, uint64_t seed)
{
    struct arena arena;
    struct stats_interval interval;
    ck_assert_int_eq(arena_make(&arena, 1 << 20), ERR_OK);
    ck_assert_int_eq(stats_bootstrap(&interval, drug_1, drug_2, 10, quantile, 0.95, seed, &arena), ERR_OK);
    ck_assert_uint_eq(arena.used, 0);
    arena_drop(&arena);
    return interval;
}

static struct stats_interval bootstrap(uint64_t seed)
{
    return bootstrap_of(0.5, seed);
}

START_TEST(the_bootstrap_of_means_is_near_the_t_interval)
{
    struct stats_interval interval = bootstrap_of(STATS_MEAN, 3); /* by t: 0.70 to 2.46 */
    NEAR(interval.low, 0.9, 0.25);
    NEAR(interval.high, 2.35, 0.25);
}
END_TEST

START_TEST(the_bootstrap_holds_the_difference_and_repeats_itself)
{
    struct stats_interval one = bootstrap(1), again = bootstrap(1), other = bootstrap(2);
    ck_assert_double_le(one.low, 1.75 - 0.35); /* the difference of the medians is 1.40 */
    ck_assert_double_ge(one.high, 1.40);
    ck_assert_double_eq(one.low, again.low);
    ck_assert_double_eq(one.high, again.high);
    NEAR(one.low, other.low, 0.5);
    NEAR(one.high, other.high, 0.5);
}
END_TEST

START_TEST(the_bootstrap_says_when_memory_is_short)
{
    struct arena arena;
    struct stats_interval interval;
    ck_assert_int_eq(arena_make(&arena, 256), ERR_OK);
    ck_assert_int_eq(stats_bootstrap(&interval, drug_1, drug_2, 10, 0.5, 0.95, 1, &arena), ERR_LIMIT);
    arena_drop(&arena);
}
END_TEST

START_TEST(holm_corrects_as_worked_by_hand)
{
    static const double p[] = {0.01, 0.04, 0.03, 0.005}, expected[] = {0.03, 0.06, 0.06, 0.02};
    double adjusted[4];
    stats_holm(p, 4, adjusted);
    for (size_t i = 0; i < 4; i++) {
        NEAR(adjusted[i], expected[i], 1e-12);
    }
    double alone = 0;
    stats_holm(p, 1, &alone);
    NEAR(alone, 0.01, 1e-12);
}
END_TEST

START_TEST(holm_never_gives_more_than_certainty)
{
    static const double p[] = {0.9, 0.8, 0.7};
    double adjusted[3];
    stats_holm(p, 3, adjusted);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_double_eq(adjusted[i], 1);
    }
}
END_TEST

START_TEST(looks_come_at_10_14_20_28_40_56)
{
    static const size_t looks[] = {10, 14, 20, 28, 40, 56, 80};
    size_t n = 0;
    for (size_t i = 0; i < 7; i++) {
        n = stats_next_look(n);
        ck_assert_uint_eq(n, looks[i]);
    }
    ck_assert_uint_eq(stats_next_look(15), 20);
}
END_TEST

START_TEST(all_looks_together_spend_no_more_than_was_allowed)
{
    double spent = 0;
    for (size_t n = 10; n < 100000; n = stats_next_look(n)) {
        spent += 1 - stats_look_confidence(n, 0.95);
        ck_assert_double_gt(stats_look_confidence(n, 0.95), 0.95);
    }
    ck_assert_double_le(spent, 0.05 + 1e-12);
    ck_assert_double_ge(spent, 0.045);
}
END_TEST

UNIT_MAIN(bounds_of_t_are_those_of_the_printed_tables, the_chance_beyond_a_bound_is_what_the_bound_was_asked_for,
          the_sleep_data_give_the_paired_test_of_the_textbooks, the_sleep_data_give_the_unpaired_interval_of_welch,
          the_mean_of_the_sleep_data_has_its_interval, one_value_has_no_interval_and_none_has_no_mean, arms_that_do_not_differ_differ_by_exactly_nothing,
          a_shift_that_every_seed_shows_alike_is_certain, quantiles_are_interpolated, the_bootstrap_holds_the_difference_and_repeats_itself,
          the_bootstrap_of_means_is_near_the_t_interval, the_bootstrap_says_when_memory_is_short, holm_corrects_as_worked_by_hand, holm_never_gives_more_than_certainty, looks_come_at_10_14_20_28_40_56,
          all_looks_together_spend_no_more_than_was_allowed)
