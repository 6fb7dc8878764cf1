/* SPDX-License-Identifier: MIT */
#include "sim/load/opening.h"
#include "tests/unit/unit.h"

static time_ns at(int year, int month, int day, int hour, int minute)
{
    return time_from_calendar((struct calendar){.year = year, .month = month, .day = day, .hour = hour, .minute = minute});
}

START_TEST(london_is_an_hour_ahead_from_march_to_october)
{
    ck_assert_int_eq(zone_offset(ZONE_LONDON, at(2010, 3, 28, 0, 59)), 0);
    ck_assert_int_eq(zone_offset(ZONE_LONDON, at(2010, 3, 28, 1, 0)), TIME_HOUR);
    ck_assert_int_eq(zone_offset(ZONE_LONDON, at(2010, 10, 31, 0, 59)), TIME_HOUR);
    ck_assert_int_eq(zone_offset(ZONE_LONDON, at(2010, 10, 31, 1, 0)), 0);
    ck_assert_int_eq(zone_offset(ZONE_LONDON, at(2010, 7, 1, 0, 0)), TIME_HOUR);
    ck_assert_int_eq(zone_offset(ZONE_LONDON, at(2010, 12, 1, 0, 0)), 0);
    ck_assert_int_eq(zone_offset(ZONE_UTC, at(2010, 7, 1, 0, 0)), 0);
}
END_TEST

START_TEST(the_hour_that_spring_takes_is_missing)
{
    bool missing = false;
    (void)zone_to_utc(ZONE_LONDON, at(2010, 3, 28, 0, 59), 0, &missing);
    ck_assert(!missing);
    ck_assert_int_eq(zone_to_utc(ZONE_LONDON, at(2010, 3, 28, 1, 30), 0, &missing), at(2010, 3, 28, 1, 30));
    ck_assert(missing);
    ck_assert_int_eq(zone_to_utc(ZONE_LONDON, at(2010, 3, 28, 2, 0), 0, &missing), at(2010, 3, 28, 1, 0));
    ck_assert(!missing);
}
END_TEST

START_TEST(the_hour_that_autumn_gives_stands_twice)
{
    ck_assert_int_eq(zone_to_utc(ZONE_LONDON, at(2010, 10, 31, 1, 30), 0, NULL), at(2010, 10, 31, 0, 30));
    ck_assert_int_eq(zone_to_utc(ZONE_LONDON, at(2010, 10, 31, 1, 30), 1, NULL), at(2010, 10, 31, 1, 30));
    ck_assert_int_eq(zone_to_utc(ZONE_LONDON, at(2010, 10, 31, 2, 0), 1, NULL), at(2010, 10, 31, 2, 0));
    ck_assert_int_eq(zone_to_utc(ZONE_LONDON, at(2010, 7, 1, 9, 0), 1, NULL), at(2010, 7, 1, 8, 0));
}
END_TEST

START_TEST(local_time_there_and_back_is_the_same)
{
    for (time_ns utc = at(2009, 1, 1, 0, 0); utc < at(2013, 1, 1, 0, 0); utc += 17 * TIME_MIN) {
        time_ns local = utc + zone_offset(ZONE_LONDON, utc);
        ck_assert(zone_to_utc(ZONE_LONDON, local, 0, NULL) == utc || zone_to_utc(ZONE_LONDON, local, 1, NULL) == utc);
    }
}
END_TEST

START_TEST(weekdays_count_from_monday)
{
    ck_assert_int_eq(zone_weekday(zone_day(at(2010, 1, 4, 12, 0))), 0);
    ck_assert_int_eq(zone_weekday(zone_day(at(2010, 1, 3, 23, 59))), 6);
    ck_assert_int_eq(zone_weekday(zone_day(at(1969, 12, 31, 1, 0))), 2);
    ck_assert_int_eq(zone_day(-1), -1);
}
END_TEST

static const int32_t holidays[] = {14610, 14732}; /* 1 Jan, 3 May 2010 */
static const struct opening week = {.id = {"week", 4}, .weekdays = 0x1F, .from_minute = 8 * 60, .to_minute = 17 * 60, .holidays = holidays, .holiday_count = 2, .holiday_acts_as = 6};
static const struct opening nights = {.id = {"nights", 6}, .weekdays = 0x40, .from_minute = 22 * 60, .to_minute = 4 * 60, .holiday_acts_as = 7};

START_TEST(a_calendar_opens_after_the_weekend_and_the_holiday)
{
    ck_assert_int_eq(opening_next(&week, ZONE_LONDON, at(2010, 1, 4, 9, 0)), at(2010, 1, 4, 9, 0));
    ck_assert_int_eq(opening_next(&week, ZONE_LONDON, at(2010, 1, 1, 9, 0)), at(2010, 1, 4, 8, 0));
    ck_assert_int_eq(opening_next(&week, ZONE_LONDON, at(2010, 4, 30, 18, 0)), at(2010, 5, 4, 7, 0)); /* summer time */
    ck_assert_int_eq(opening_next(NULL, ZONE_LONDON, 5), 5);
}
END_TEST

START_TEST(the_open_time_before_an_instant_is_where_an_order_goes)
{
    ck_assert_int_eq(opening_previous(&week, ZONE_LONDON, at(2010, 1, 9, 12, 0), 0), at(2010, 1, 8, 8, 0));
    ck_assert_int_eq(opening_previous(&week, ZONE_LONDON, at(2010, 1, 9, 12, 0), 500000), at(2010, 1, 8, 12, 30));
    ck_assert_int_eq(opening_previous(&week, ZONE_LONDON, at(2010, 1, 8, 12, 0), 0), at(2010, 1, 8, 12, 0));
}
END_TEST

START_TEST(a_night_ends_on_the_next_day)
{
    ck_assert_int_eq(opening_next(&nights, ZONE_UTC, at(2010, 1, 4, 3, 0)), at(2010, 1, 4, 3, 0));
    ck_assert_int_eq(opening_next(&nights, ZONE_UTC, at(2010, 1, 4, 5, 0)), at(2010, 1, 10, 22, 0));
}
END_TEST

START_TEST(the_first_week_of_a_month_is_its_first_seven_days)
{
    ck_assert(opening_in_week(zone_day(at(2010, 6, 7, 0, 0)), 1));
    ck_assert(!opening_in_week(zone_day(at(2010, 6, 8, 0, 0)), 1));
    ck_assert(opening_in_week(zone_day(at(2010, 6, 29, 0, 0)), 5));
    ck_assert(opening_in_week(zone_day(at(2010, 6, 29, 0, 0)), 0));
}
END_TEST

UNIT_MAIN(london_is_an_hour_ahead_from_march_to_october, the_hour_that_spring_takes_is_missing, the_hour_that_autumn_gives_stands_twice,
          local_time_there_and_back_is_the_same, weekdays_count_from_monday, a_calendar_opens_after_the_weekend_and_the_holiday,
          the_open_time_before_an_instant_is_where_an_order_goes, a_night_ends_on_the_next_day, the_first_week_of_a_month_is_its_first_seven_days)
