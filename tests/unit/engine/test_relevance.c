/* SPDX-License-Identifier: MIT */
#include "src/engine/relevance.h"

#include "tests/unit/unit.h"

static char memory[1 << 18];
static struct relevance_choice choices[RELEVANT_MAX];
static size_t chosen;

static struct relevance_study study(const char *modality, const char *region, const char *side, int64_t day)
{
    return (struct relevance_study){slice_from(modality), slice_from(region), slice_from(side), day, false};
}

static void choose(struct relevance_study exam, const struct relevance_study *candidates, size_t count)
{
    struct arena arena = {.memory = memory, .size = sizeof memory};
    ck_assert_int_eq(relevance_choose(&exam, candidates, count, choices, RELEVANT_MAX, &chosen, &arena), ERR_OK);
}

START_TEST(relevance_of_a_chest_ct_reaches_other_kinds_and_regions)
{
    const struct relevance_study candidates[] = {
        study("CR", "CHEST", "", 14400),  study("CT", "CHEST", "", 14410),   study("MG", "BREAST", "", 14500),
        study("US", "BREAST", "R", 14510), study("MR", "BREAST", "", 10900), study("CT", "ABDOMEN", "", 14590),
    };
    choose(study("CT", "CHEST", "", 14669), candidates, 6);
    ck_assert_uint_eq(chosen, 5); /* all but the ultrasound of the breast */
    ck_assert_uint_eq(choices[0].candidate, 1);
    for (size_t i = 0; i < chosen; i++) {
        ck_assert_uint_ne(choices[i].candidate, 3);
        ck_assert(i == 0 || choices[i].score <= choices[i - 1].score);
    }
    ck_assert(slice_equal(choices[0].why, SLICE("same kind, same region: CT CHEST, 8 months before, score 95")));
}
END_TEST

START_TEST(relevance_takes_the_newest_and_no_more_than_the_table_says)
{
    const struct relevance_study candidates[] = {
        study("CR", "CHEST", "", 14000), study("CR", "CHEST", "", 14600), study("CR", "CHEST", "", 14500), study("DX", "CHEST", "", 14100),
    };
    choose(study("CR", "CHEST", "", 14669), candidates, 4);
    ck_assert_uint_eq(chosen, 3); /* two of the region, and one more of the very same kind */
    choose(study("CT", "CHEST", "", 14669), candidates, 4);
    ck_assert_uint_eq(chosen, 2);
    ck_assert_uint_eq(choices[0].candidate, 1);
    ck_assert_uint_eq(choices[1].candidate, 2);
}
END_TEST

START_TEST(relevance_leaves_what_is_there_out_of_the_count)
{
    struct relevance_study candidates[] = {
        study("CR", "CHEST", "", 14600), study("CR", "CHEST", "", 14500), study("CR", "CHEST", "", 14400),
    };
    candidates[0].there = true;
    choose(study("CT", "CHEST", "", 14669), candidates, 3);
    ck_assert_uint_eq(chosen, 3);
}
END_TEST

START_TEST(relevance_knows_left_from_right_and_old_from_new)
{
    const struct relevance_study candidates[] = {
        study("CR", "HAND", "L", 14600), study("CR", "HAND", "R", 14600), study("CR", "HAND", "R", 12000), study("CR", "HAND", "R", 14700),
    };
    choose(study("CR", "HAND", "R", 14669), candidates, 4);
    ck_assert_uint_eq(chosen, 1); /* not the other side, not eight years old, not of tomorrow */
    ck_assert_uint_eq(choices[0].candidate, 1);
    ck_assert_int_eq(choices[0].score, 90);
}
END_TEST

START_TEST(relevance_is_the_same_whatever_the_order_of_candidates)
{
    struct relevance_study a[] = {study("CT", "CHEST", "", 14100), study("MG", "BREAST", "", 14200), study("CR", "CHEST", "", 14300)};
    struct relevance_study b[] = {a[2], a[0], a[1]};
    int64_t scores[3];
    choose(study("CT", "CHEST", "", 14669), a, 3);
    for (size_t i = 0; i < 3; i++) {
        scores[i] = choices[i].score;
    }
    choose(study("CT", "CHEST", "", 14669), b, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(choices[i].score, scores[i]);
    }
}
END_TEST

UNIT_MAIN(relevance_of_a_chest_ct_reaches_other_kinds_and_regions, relevance_takes_the_newest_and_no_more_than_the_table_says,
          relevance_leaves_what_is_there_out_of_the_count, relevance_knows_left_from_right_and_old_from_new,
          relevance_is_the_same_whatever_the_order_of_candidates)
