/* SPDX-License-Identifier: MIT
 *
 * The shrinker with made-up failures: it ends at something of which nothing can be left out, and comes to the same end
 * with one child at a time and with several. */
#include "tests/unit/unit.h"

#include "src/bench/shrink.h"

#include <time.h>
#include <unistd.h>

#define ITEMS 200

static bool keep[ITEMS];

static struct shrink begin(size_t count, size_t jobs, bool (*fails)(void *self, const bool *keep, size_t probe))
{
    memset(keep, true, sizeof keep);
    return (struct shrink){.count = count, .keep = keep, .jobs = jobs, .fails = fails};
}

/* Fails with items 17 and 90 together. */
static bool needs_two(void *self, const bool *kept, size_t number)
{
    (void)self;
    (void)number;
    return kept[17] && kept[90];
}

/* Fails with any three of the items that can be divided by 7; probes end in another order than they began. */
static bool needs_any_three(void *self, const bool *kept, size_t number)
{
    (void)self;
    usleep((unsigned)(number * 7919 % 5) * 700);
    size_t found = 0;
    for (size_t i = 0; i < ITEMS; i += 7) {
        found += kept[i];
    }
    return found >= 3;
}

/* Not monotone: an even number of the first ten, and item 3. */
static bool is_odd_business(void *self, const bool *kept, size_t number)
{
    (void)self;
    (void)number;
    size_t found = 0;
    for (size_t i = 0; i < 10; i++) {
        found += kept[i];
    }
    return kept[3] && found % 2 == 0 && found > 0;
}

static bool always(void *self, const bool *kept, size_t number)
{
    (void)self;
    (void)kept;
    (void)number;
    return true;
}

static bool dies_but_for_all(void *self, const bool *kept, size_t number)
{
    (void)self;
    (void)number;
    for (size_t i = 0; i < 20; i++) {
        if (!kept[i]) {
            abort();
        }
    }
    return true;
}

START_TEST(two_items_that_fail_together_are_what_is_left)
{
    struct shrink shrink = begin(ITEMS, 1, needs_two);
    ck_assert(shrink_holds(&shrink));
    ck_assert(shrink_group(&shrink, 0, ITEMS));
    ck_assert_uint_eq(shrink_kept(&shrink, 0, ITEMS), 2);
    ck_assert(keep[17] && keep[90]);
    ck_assert_uint_le(shrink.probes, 60);
}
END_TEST

START_TEST(the_end_does_not_depend_on_how_many_probes_run_at_once)
{
    bool one[ITEMS];
    struct shrink shrink = begin(ITEMS, 1, needs_any_three);
    ck_assert(shrink_group(&shrink, 0, ITEMS));
    ck_assert_uint_eq(shrink_kept(&shrink, 0, ITEMS), 3);
    memcpy(one, keep, sizeof one);
    for (size_t jobs = 2; jobs <= 5; jobs++) {
        shrink = begin(ITEMS, jobs, needs_any_three);
        ck_assert(shrink_group(&shrink, 0, ITEMS));
        ck_assert_int_eq(memcmp(one, keep, sizeof one), 0);
    }
}
END_TEST

START_TEST(nothing_can_be_left_out_of_what_is_left)
{
    struct shrink shrink = begin(ITEMS, 2, is_odd_business);
    ck_assert(shrink_group(&shrink, 0, ITEMS));
    ck_assert(is_odd_business(NULL, keep, 0));
    for (size_t i = 0; i < ITEMS; i++) {
        if (keep[i]) {
            keep[i] = false;
            ck_assert(!is_odd_business(NULL, keep, 0));
            keep[i] = true;
        }
    }
}
END_TEST

START_TEST(only_the_group_is_touched)
{
    struct shrink shrink = begin(ITEMS, 2, always);
    ck_assert(shrink_group(&shrink, 50, 100));
    ck_assert_uint_eq(shrink_kept(&shrink, 0, 50), 50);
    ck_assert_uint_eq(shrink_kept(&shrink, 50, 100), 0);
    ck_assert_uint_eq(shrink_kept(&shrink, 150, 50), 50);
    ck_assert_uint_eq(shrink.probes, 1); /* all of it at once */
    ck_assert_uint_eq(shrink.accepted, 1);
}
END_TEST

START_TEST(a_probe_that_dies_shows_nothing)
{
    struct shrink shrink = begin(20, 2, dies_but_for_all);
    ck_assert(shrink_holds(&shrink));
    ck_assert(!shrink_group(&shrink, 0, 20));
    ck_assert_uint_eq(shrink_kept(&shrink, 0, 20), 20);
    ck_assert_int_eq(shrink.err, ERR_OK);
}
END_TEST

START_TEST(a_guess_is_taken_only_if_it_still_fails)
{
    struct shrink shrink = begin(ITEMS, 1, needs_two);
    bool wanted[ITEMS] = {[17] = true};
    ck_assert(!shrink_try(&shrink, wanted));
    ck_assert_uint_eq(shrink_kept(&shrink, 0, ITEMS), ITEMS);
    wanted[90] = wanted[91] = true;
    ck_assert(shrink_try(&shrink, wanted));
    ck_assert_uint_eq(shrink_kept(&shrink, 0, ITEMS), 3);
}
END_TEST

START_TEST(it_ends_when_probes_or_time_are_used_up)
{
    struct shrink shrink = begin(ITEMS, 1, needs_two);
    shrink.probes_max = 5;
    (void)shrink_group(&shrink, 0, ITEMS);
    ck_assert_uint_eq(shrink.probes, 5);
    ck_assert(shrink.out_of_time);
    ck_assert(needs_two(NULL, keep, 0)); /* and what there is still fails */
    shrink = begin(ITEMS, 1, needs_two);
    shrink.deadline_ns = 1;
    (void)shrink_group(&shrink, 0, ITEMS);
    ck_assert_uint_eq(shrink.probes, 0);
}
END_TEST

/* Items in pairs: an even one says nothing without the odd one that follows it. */
static uint64_t name_of_pairs(void *self, const bool *kept)
{
    uint64_t name = 1;
    (void)self;
    for (size_t i = 0; i < 20; i += 2) {
        name = name * 3 + kept[i + 1] * (1u + kept[i]);
    }
    return name << 1;
}

static bool needs_seven(void *self, const bool *kept, size_t number)
{
    (void)self;
    (void)number;
    return kept[7];
}

START_TEST(what_says_the_same_is_asked_once)
{
    struct shrink shrink = begin(20, 1, needs_seven), named = begin(20, 1, needs_seven);
    named.name = name_of_pairs;
    ck_assert(shrink_group(&named, 0, 20));
    ck_assert_uint_eq(shrink_kept(&named, 0, 20), 1);
    ck_assert(keep[7]);
    size_t asked = named.probes;
    (void)shrink_group(&named, 0, 20); /* all that can be asked was refused */
    ck_assert_uint_eq(named.probes, asked);
    memset(keep, false, sizeof keep);
    ck_assert(!shrink_holds(&named));
    asked = named.probes;
    ck_assert(!shrink_holds(&named));
    ck_assert_uint_eq(named.probes, asked);
    shrink_forget(&named);
    ck_assert(!shrink_holds(&named));
    ck_assert_uint_eq(named.probes, asked + 1);
    shrink_forget(&named);
    memset(keep, true, sizeof keep);
    ck_assert(shrink_group(&shrink, 0, 20));
    ck_assert_uint_gt(shrink.probes, asked);
}
END_TEST

UNIT_MAIN(two_items_that_fail_together_are_what_is_left, the_end_does_not_depend_on_how_many_probes_run_at_once, nothing_can_be_left_out_of_what_is_left,
          only_the_group_is_touched, a_probe_that_dies_shows_nothing, a_guess_is_taken_only_if_it_still_fails, it_ends_when_probes_or_time_are_used_up,
          what_says_the_same_is_asked_once)
