/* SPDX-License-Identifier: MIT */
#include "src/scenario/value.h"

#include "tests/unit/unit.h"

static int64_t duration(const char *text, enum value_fault wanted)
{
    int64_t number = -1;
    slice unit = SLICE_EMPTY;
    ck_assert_int_eq(value_quantity(slice_from(text), QUANTITY_DURATION, &number, &unit), wanted);
    return number;
}

START_TEST(a_quantity_is_a_number_and_a_unit)
{
    int64_t number = 0;
    slice unit;
    ck_assert_int_eq(duration("5 min", VALUE_OK), 5 * TIME_MIN);
    ck_assert_int_eq(duration("1.5 h", VALUE_OK), 90 * TIME_MIN);
    ck_assert_int_eq(duration("250ms", VALUE_OK), 250 * TIME_MS);
    ck_assert_int_eq(value_quantity(SLICE("1.5 GB"), QUANTITY_SIZE, &number, &unit), VALUE_OK);
    ck_assert_int_eq(number, 1500000000);
    ck_assert_int_eq(value_quantity(SLICE("1 GiB"), QUANTITY_SIZE, &number, &unit), VALUE_OK);
    ck_assert_int_eq(number, 1073741824);
    ck_assert_int_eq(value_quantity(SLICE("100 Mbit/s"), QUANTITY_RATE, &number, &unit), VALUE_OK);
    ck_assert_int_eq(number, 100000000);
    ck_assert_int_eq(value_quantity(SLICE("2 %"), QUANTITY_SHARE, &number, &unit), VALUE_OK);
    ck_assert_int_eq(number, 20000);
}
END_TEST

START_TEST(a_quantity_that_is_none_says_why)
{
    (void)duration("5", VALUE_NO_UNIT);
    (void)duration("min", VALUE_NO_NUMBER);
    (void)duration("-5 min", VALUE_NO_NUMBER);
    (void)duration("5 minits", VALUE_WRONG_UNIT);
    (void)duration("5 MB", VALUE_WRONG_UNIT);
    (void)duration("1.5 ns", VALUE_TOO_FINE);
    (void)duration("99999999999999999999 s", VALUE_TOO_LARGE);
    (void)duration("9223372036854775807 d", VALUE_TOO_LARGE);
    ck_assert(slice_equal(quantity_nearest_unit(QUANTITY_DURATION, SLICE("minutes")), SLICE("min")));
    ck_assert(slice_equal(quantity_nearest_unit(QUANTITY_SIZE, SLICE("Mb")), SLICE("MB")));
}
END_TEST

START_TEST(a_date_is_a_day_that_exists)
{
    char da[9];
    ck_assert(value_date(SLICE("2008-02-29"), da));
    ck_assert_str_eq(da, "20080229");
    static const char *const none[] = {"2009-02-29", "1900-02-29", "2010-04-31", "2010-13-01", "2010-00-10", "2010-1-1", "20100301", "", "2010-03-01T00:00"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        ck_assert_msg(!value_date(slice_from(none[i]), da), "%s", none[i]);
    }
}
END_TEST

START_TEST(a_stamp_knows_when_british_clocks_change)
{
    time_ns at = 0;
    slice london = SLICE("Europe/London");
    ck_assert_int_eq(value_stamp(SLICE("2010-03-01T08:00"), london, &at), STAMP_OK);
    ck_assert_int_eq(at, time_from_calendar((struct calendar){2010, 3, 1, 8, 0, 0}));
    ck_assert_int_eq(value_stamp(SLICE("2010-07-01T08:00"), london, &at), STAMP_OK);
    ck_assert_int_eq(at, time_from_calendar((struct calendar){2010, 7, 1, 7, 0, 0}));
    ck_assert_int_eq(value_stamp(SLICE("2010-03-28T01:30"), london, &at), STAMP_MISSING_HOUR);
    ck_assert_int_eq(value_stamp(SLICE("2010-10-31T01:30"), london, &at), STAMP_DOUBLED_HOUR);
    ck_assert_int_eq(value_stamp(SLICE("2010-10-31T02:00"), london, &at), STAMP_OK);
    ck_assert_int_eq(at, time_from_calendar((struct calendar){2010, 10, 31, 2, 0, 0}));
    ck_assert_int_eq(value_stamp(SLICE("2010-03-28T01:30"), SLICE("UTC"), &at), STAMP_OK);
    ck_assert_int_eq(value_stamp(SLICE("2010-03-28"), london, &at), STAMP_FORM);
}
END_TEST

START_TEST(an_hour_that_comes_twice_is_told_apart_by_fold)
{
    time_ns first = 0, second = 0, at = 0;
    slice london = SLICE("Europe/London"), stamp = SLICE("2026-10-25T01:59");
    ck_assert_int_eq(value_stamp_folded(stamp, london, 0, &first), STAMP_DOUBLED_HOUR);
    ck_assert_int_eq(value_stamp_folded(stamp, london, 1, &second), STAMP_DOUBLED_HOUR);
    ck_assert_int_eq(first, time_from_calendar((struct calendar){2026, 10, 25, 0, 59, 0}));
    ck_assert_int_eq(second, first + TIME_HOUR);
    ck_assert_int_eq(value_stamp_folded(SLICE("2026-10-25T02:00"), london, 0, &at), STAMP_OK);
    ck_assert_int_eq(at, second + TIME_MIN);
    ck_assert_int_eq(value_stamp_folded(SLICE("2026-10-25T00:59"), london, 1, &at), STAMP_OK);
    ck_assert_int_eq(at, first - TIME_HOUR);
    /* Until 1995 it was the fourth Sunday of October: the 22nd in 1995, not the 29th. */
    ck_assert_int_eq(value_stamp_folded(SLICE("1995-10-22T01:30"), london, 0, &at), STAMP_DOUBLED_HOUR);
    ck_assert_int_eq(value_stamp_folded(SLICE("1995-10-29T01:30"), london, 0, &at), STAMP_OK);
    ck_assert(value_is_zone(london) && value_is_zone(SLICE("UTC")) && !value_is_zone(SLICE("Europe/Lundon")));
}
END_TEST

START_TEST(decimals_shares_counts_and_rates_are_whole_numbers_inside)
{
    int64_t number = 0;
    time_ns per = 0;
    slice unit = SLICE_EMPTY;
    ck_assert_int_eq(value_decimal(SLICE("0.62"), &number), VALUE_OK);
    ck_assert_int_eq(number, 620000);
    ck_assert_int_eq(value_decimal(SLICE("14"), &number), VALUE_OK);
    ck_assert_int_eq(number, 14000000);
    ck_assert_int_eq(value_decimal(SLICE("14 d"), &number), VALUE_NO_NUMBER);
    ck_assert_int_eq(value_share(SLICE("99.9 %"), &number), VALUE_OK);
    ck_assert_int_eq(number, 999000);
    ck_assert_int_eq(value_share(SLICE("0.0002"), &number), VALUE_OK);
    ck_assert_int_eq(number, 200);
    ck_assert_int_eq(value_share(SLICE("1.1"), &number), VALUE_TOO_LARGE);
    ck_assert_int_eq(value_share(SLICE("62 percent"), &number), VALUE_NO_NUMBER);
    ck_assert_int_eq(value_count(SLICE("640 k"), &number), VALUE_OK);
    ck_assert_int_eq(number, 640000);
    ck_assert_int_eq(value_count(SLICE("1.2 M"), &number), VALUE_OK);
    ck_assert_int_eq(number, 1200000);
    ck_assert_int_eq(value_count(SLICE("1.5"), &number), VALUE_TOO_FINE);
    ck_assert_int_eq(value_rate(SLICE("270 k/y"), &number, &per, &unit), VALUE_OK);
    ck_assert_int_eq(number, 270000000000);
    ck_assert_int_eq(per, 31556952 * TIME_S);
    ck_assert_int_eq(value_rate(SLICE("15 /d"), &number, &per, &unit), VALUE_OK);
    ck_assert(number == 15000000 && per == TIME_DAY);
    ck_assert_int_eq(value_rate(SLICE("15"), &number, &per, &unit), VALUE_NO_UNIT);
    ck_assert_int_eq(value_rate(SLICE("15 /yr"), &number, &per, &unit), VALUE_WRONG_UNIT);
    ck_assert_int_eq(value_growth(SLICE("3 %/y"), &number, &per), VALUE_OK);
    ck_assert_int_eq(number, 30000);
    ck_assert_int_eq(value_budget(SLICE("0.5 % per month"), &number, &unit), VALUE_OK);
    ck_assert(number == 5000 && slice_equal(unit, SLICE("month")));
}
END_TEST

START_TEST(hours_and_days_of_the_week_are_read)
{
    time_ns from = 0, until = 0;
    uint32_t day = 0;
    ck_assert(value_hours(SLICE("08:00-17:30"), &from, &until) && from == 8 * TIME_HOUR && until == 1050 * TIME_MIN);
    ck_assert(value_hours(SLICE("00:00-24:00"), &from, &until) && until == TIME_DAY);
    ck_assert(!value_hours(SLICE("17:00-08:00"), &from, &until) && !value_hours(SLICE("8-17"), &from, &until));
    ck_assert(value_weekly(SLICE("wed 12:30"), &day, &from) && day == 2 && from == 750 * TIME_MIN);
    ck_assert(!value_weekly(SLICE("wed"), &day, &from) && !value_weekly(SLICE("wednesday 12:30"), &day, &from));
}
END_TEST

START_TEST(an_nhs_number_has_a_check_digit)
{
    ck_assert(value_is_nhs_number(SLICE("9434765919")));
    ck_assert(value_is_nhs_number(SLICE("9990000018")));
    ck_assert(!value_is_nhs_number(SLICE("9991234560")));
    ck_assert(!value_is_nhs_number(SLICE("9912003444")));
    ck_assert(!value_is_nhs_number(SLICE("999000001")));
    ck_assert(!value_is_nhs_number(SLICE("99900000180")));
    ck_assert(!value_is_nhs_number(SLICE("99900000 8")));
    ck_assert(!value_is_nhs_number(SLICE("")));
}
END_TEST

START_TEST(titles_ids_addresses_and_names_have_their_forms)
{
    slice family, given;
    ck_assert(value_is_title(SLICE("PACS_UHW")) && value_is_title(SLICE("A B")) && !value_is_title(SLICE(" A")) && !value_is_title(SLICE("A\\B")));
    ck_assert(value_is_title(SLICE("SIXTEEN_LETTERS_")) && !value_is_title(SLICE("SEVENTEEN_LETTERS")) && !value_is_title(SLICE("")));
    ck_assert(value_is_id(SLICE("pacs_uhw")) && value_is_id(SLICE("a-1.b")) && !value_is_id(SLICE("1a")) && !value_is_id(SLICE("a b")));
    ck_assert(value_is_address(SLICE("127.0.0.1")) && !value_is_address(SLICE("127.0.0.256")) && !value_is_address(SLICE("127.0.0")) && !value_is_address(SLICE("localhost")));
    ck_assert(value_person_name(SLICE("Llŷr^Siân"), &family, &given));
    ck_assert(slice_equal(family, SLICE("Llŷr")) && slice_equal(given, SLICE("Siân")));
    ck_assert(!value_person_name(SLICE("Jones"), &family, &given) && !value_person_name(SLICE("Jones^"), &family, &given));
    ck_assert(!value_person_name(SLICE("Jones^Ann^Mary"), &family, &given));
}
END_TEST

START_TEST(a_character_of_utf_8_is_told_from_junk)
{
    ck_assert_uint_eq(value_character_size("a", 1), 1);
    ck_assert_uint_eq(value_character_size("\xC5\xB7", 2), 2);
    ck_assert_uint_eq(value_character_size("\xE2\x82\xAC", 3), 3);
    ck_assert_uint_eq(value_character_size("\xF0\x9F\x98\x80", 4), 4);
    ck_assert_uint_eq(value_character_size("\xC5", 1), 0);         /* cut */
    ck_assert_uint_eq(value_character_size("\xC0\xAF", 2), 0);     /* overlong */
    ck_assert_uint_eq(value_character_size("\xED\xA0\x80", 3), 0); /* surrogate */
    ck_assert_uint_eq(value_character_size("\xF4\x90\x80\x80", 4), 0);
    ck_assert_uint_eq(value_character_size("\x80", 1), 0);
}
END_TEST

UNIT_MAIN(a_quantity_is_a_number_and_a_unit, a_quantity_that_is_none_says_why, a_date_is_a_day_that_exists, a_stamp_knows_when_british_clocks_change, an_hour_that_comes_twice_is_told_apart_by_fold,
          decimals_shares_counts_and_rates_are_whole_numbers_inside, hours_and_days_of_the_week_are_read,
          an_nhs_number_has_a_check_digit, titles_ids_addresses_and_names_have_their_forms, a_character_of_utf_8_is_told_from_junk)
