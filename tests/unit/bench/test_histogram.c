/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

#include "src/bench/histogram.h"

static struct arena arena;

static struct histogram make(int64_t first, int64_t count, int64_t step)
{
    struct histogram histogram = {0};
    if (arena.memory == NULL) {
        ck_assert_int_eq(arena_make(&arena, 4u << 20), ERR_OK);
    }
    for (int64_t i = 0; i < count; i++) {
        histogram_add(&histogram, first + i * step, &arena);
    }
    return histogram;
}

START_TEST(a_quantile_is_right_to_three_digits_and_no_edge_of_a_step)
{
    struct histogram histogram = make(1000003, 100000, 7919); /* 1 ms to 793 ms, evenly */
    for (int64_t percent = 1; percent < 100; percent++) {
        int64_t truth = 1000003 + (int64_t)(99999.0 * (double)percent / 100) * 7919, value = histogram_quantile(&histogram, percent * (PPB / 100));
        ck_assert_msg(value > truth - truth / 1000 && value < truth + truth / 1000, "p%lld is %lld, not %lld", (long long)percent, (long long)value, (long long)truth);
    }
    /* Values of one step lie evenly in it: neighbours differ. */
    ck_assert_int_ne(histogram_quantile(&histogram, 500000000), histogram_quantile(&histogram, 500010000));
}
END_TEST

START_TEST(the_ends_are_the_lowest_and_the_highest_value)
{
    struct histogram histogram = make(17, 1000, 1000001);
    ck_assert_int_eq(histogram_quantile(&histogram, 0), 17);
    ck_assert_int_eq(histogram_quantile(&histogram, PPB), 17 + 999 * (int64_t)1000001);
    ck_assert_int_eq(histogram.count, 1000);
}
END_TEST

START_TEST(small_values_are_exact_and_what_is_below_zero_is_zero)
{
    struct histogram histogram = make(0, 101, 1);
    ck_assert_int_eq(histogram_quantile(&histogram, PPB / 2), 50);
    ck_assert_int_eq(histogram_quantile(&histogram, PPB / 100 * 95), 95);
    histogram_add(&histogram, -5, &arena);
    ck_assert_int_eq(histogram.lowest, 0);
}
END_TEST

START_TEST(an_empty_one_has_no_quantile)
{
    struct histogram none = {0};
    ck_assert_int_eq(histogram_quantile(&none, PPB / 2), 0);
    ck_assert_int_eq(histogram_above(&none, 5), 0);
}
END_TEST

START_TEST(two_added_are_as_one_that_had_all)
{
    struct histogram a = make(5000, 3000, 333), b = make(900000000, 2000, 77777), all = make(5000, 3000, 333);
    for (int64_t i = 0; i < 2000; i++) {
        histogram_add(&all, 900000000 + i * 77777, &arena);
    }
    histogram_merge(&a, &b, &arena);
    ck_assert_int_eq(a.count, all.count);
    for (int64_t percent = 0; percent <= 100; percent++) {
        ck_assert_int_eq(histogram_quantile(&a, percent * (PPB / 100)), histogram_quantile(&all, percent * (PPB / 100)));
    }
}
END_TEST

START_TEST(so_many_lie_above_a_bound)
{
    struct histogram histogram = make(1000000, 1000, 1000000); /* 1 ms to 1 s */
    ck_assert_int_eq(histogram_above(&histogram, 0), 1000);
    ck_assert_int_eq(histogram_above(&histogram, 1000 * (int64_t)1000000), 0);
    int64_t above = histogram_above(&histogram, 750 * (int64_t)1000000 + 500000);
    ck_assert_msg(above >= 249 && above <= 251, "%lld", (long long)above);
}
END_TEST

UNIT_MAIN(a_quantile_is_right_to_three_digits_and_no_edge_of_a_step, the_ends_are_the_lowest_and_the_highest_value,
          small_values_are_exact_and_what_is_below_zero_is_zero, an_empty_one_has_no_quantile, two_added_are_as_one_that_had_all, so_many_lie_above_a_bound)
