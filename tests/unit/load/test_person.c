/* SPDX-License-Identifier: MIT */
#include "sim/load/person.h"

#include "tests/unit/load/wales.h"
#include "tests/unit/unit.h"

static struct wales wales;
static struct people people;

static void make(void)
{
    const double exams[DOMAINS] = {34000, 14738, 13000, 9000, 34000, 22000, 11000};
    people_init(&people, wales_make(&wales, true, false), 7, exams);
}

static bool is_valid(const char *nhs)
{
    int sum = 0;
    for (int i = 0; i < 9; i++) {
        sum += (nhs[i] - '0') * (10 - i);
    }
    return (11 - sum % 11) % 11 == nhs[9] - '0';
}

START_TEST(nhs_numbers_are_valid_distinct_and_begin_with_999)
{
    char before[10] = "9990000000", text[10];
    for (uint64_t i = 0; i < 891000; i++) {
        person_nhs_number(i, text);
        ck_assert(is_valid(text));
        ck_assert(memcmp(before, text, 10) < 0 && memcmp(text, "999", 3) == 0);
        memcpy(before, text, 10);
    }
}
END_TEST

START_TEST(past_the_999_range_numbers_go_on_in_998)
{
    char text[10];
    person_nhs_number(891000, text);
    ck_assert(memcmp(text, "998", 3) == 0 && is_valid(text));
    person_nhs_number(891000 + 900000, text);
    ck_assert(memcmp(text, "997", 3) == 0 && is_valid(text));
}
END_TEST

START_TEST(local_numbers_are_distinct_in_a_domain)
{
    static uint8_t taken[LOAD_DOMAINS_MAX][10000000 / 8];
    make();
    for (uint32_t d = 0; d < 3; d++) {
        memset(taken[d], 0, sizeof taken[d]);
        for (uint64_t p = 0; p < 200000; p++) {
            for (int second = 0; second < 2; second++) {
                char text[PERSON_NUMBER_SIZE + 1] = "";
                size_t size = person_number(&people, p * 7, d, second == 1, text);
                int64_t number = 0;
                ck_assert(slice_to_int64((slice){text + 1, size - 1}, &number) && number < 10000000);
                ck_assert((taken[d][number / 8] >> (number % 8) & 1) == 0);
                taken[d][number / 8] |= (uint8_t)(1u << (number % 8));
            }
        }
    }
}
END_TEST

START_TEST(whom_a_domain_draws_it_knows)
{
    make();
    for (uint64_t i = 0; i < 50000; i++) {
        uint32_t domain = (uint32_t)(i % DOMAINS);
        int shared = (int)(i % 3) - 1;
        const struct people_block *block = people_block(&people, people_draw(&people, domain, i * 977, shared));
        ck_assert(block->home == domain || block->other == domain);
        ck_assert(shared < 1 || block->other != NONE_OF);
        ck_assert(shared != 0 || block->other == NONE_OF);
    }
}
END_TEST

START_TEST(as_many_are_known_elsewhere_as_was_asked_and_where_it_was_asked)
{
    int two = 0, gwent = 0, all = 50000;
    make();
    for (int i = 0; i < all; i++) {
        const struct people_block *block = people_block(&people, people_draw(&people, VCC, (uint64_t)i * 31, -1));
        two += block->other != NONE_OF;
        gwent += block->other != NONE_OF && (block->home == GWE || block->other == GWE);
    }
    ck_assert_int_ge(two, (int)(0.89 * all));
    ck_assert_int_le(two, (int)(0.91 * all));
    ck_assert_int_ge(gwent, (int)(0.36 * 0.9 * all)); /* affinity .38 */
    ck_assert_int_le(gwent, (int)(0.40 * 0.9 * all));
}
END_TEST

START_TEST(ranks_are_a_permutation)
{
    make();
    int64_t below_half = 0;
    for (uint64_t rank = 0; rank < people.count; rank++) {
        uint64_t person = people_of_rank(&people, rank);
        ck_assert(person < people.count);
        ck_assert_int_eq(people_rank_micro(&people, person), (int64_t)(rank * MICRO / people.count));
        below_half += people_rank_micro(&people, rank) < MICRO / 2;
    }
    ck_assert_int_ge(below_half, (int64_t)people.count / 2 - 1);
    ck_assert_int_le(below_half, (int64_t)people.count / 2 + 1);
    ck_assert_int_ge((int64_t)people.count, 23000);
    ck_assert_int_le((int64_t)people.count, 23030);
}
END_TEST

START_TEST(identity_is_as_wrong_as_was_asked)
{
    int missing = 0, wrong = 0, second = 0, hard = 0, accents = 0, jones = 0, maiden = 0, count = (int)0;
    make();
    for (uint64_t p = 0; p < people.count; p++) {
        const struct people_block *block = people_block(&people, p);
        struct person_facts facts, there;
        person_get(&people, p, block->home, &facts);
        person_get(&people, p, block->other != NONE_OF ? block->other : block->home, &there);
        count++;
        missing += !facts.has_nhs || (!facts.nhs_verified && is_valid(facts.nhs));
        wrong += there.has_nhs && !is_valid(there.nhs);
        second += person_has_second(&people, p);
        jones += slice_equal(facts.family, SLICE("Jones"));
        maiden += facts.previous_family.size > 0;
        bool w = false, accent = false;
        for (size_t i = 0; i + 1 < facts.family.size; i++) {
            unsigned char a = (unsigned char)facts.family.data[i], b = (unsigned char)facts.family.data[i + 1];
            w = w || (a == 0xC5 && (b == 0xB4 || b == 0xB5 || b == 0xB6 || b == 0xB7));
            accent = accent || a == 0xC3;
        }
        hard += w;
        accents += accent;
        ck_assert(facts.birth_date[0] == '1' || facts.birth_date[0] == '2');
    }
    ck_assert_int_ge(missing * 1000, count * 36);
    ck_assert_int_le(missing * 1000, count * 44);
    ck_assert_int_ge(wrong * 10000, count * 20);
    ck_assert_int_le(wrong * 10000, count * 42);
    ck_assert_int_ge(second * 1000, count * 27);
    ck_assert_int_le(second * 1000, count * 33);
    ck_assert_int_ge(jones * 100, count * 7);
    ck_assert_int_le(jones * 100, count * 9);
    ck_assert_int_ge(maiden * 1000, count * 5);
    ck_assert_int_gt(hard, 0);
    ck_assert_int_lt(hard * 1000, count * 2);
    ck_assert_int_gt(accents, hard);
}
END_TEST

START_TEST(twins_share_family_and_birthday_and_no_more)
{
    int twins = 0;
    make();
    for (uint64_t p = 1; p < people.count; p += 2) {
        uint32_t home = people_block(&people, p)->home;
        struct person_facts one, two;
        person_get(&people, p - 1, home, &one);
        person_get(&people, p, home, &two);
        if (memcmp(one.birth_date, two.birth_date, 8) == 0 && slice_equal(one.family, two.family)) {
            twins++;
            ck_assert(memcmp(one.nhs, two.nhs, 10) != 0);
            ck_assert(!slice_equal(one.given, two.given));
        }
    }
    ck_assert_int_ge(twins * 1000, (int)people.count * 12);
    ck_assert_int_le(twins * 1000, (int)people.count * 18);
}
END_TEST

UNIT_MAIN(nhs_numbers_are_valid_distinct_and_begin_with_999, past_the_999_range_numbers_go_on_in_998, local_numbers_are_distinct_in_a_domain,
          whom_a_domain_draws_it_knows, as_many_are_known_elsewhere_as_was_asked_and_where_it_was_asked, ranks_are_a_permutation,
          identity_is_as_wrong_as_was_asked, twins_share_family_and_birthday_and_no_more)
