/* SPDX-License-Identifier: MIT */
#include "sim/load/zone.h"

bool zone_from_text(slice name, enum zone *zone)
{
    *zone = slice_equal(name, SLICE("Europe/London")) ? ZONE_LONDON : ZONE_UTC;
    return *zone == ZONE_LONDON || slice_equal(name, SLICE("UTC"));
}

int32_t zone_day(time_ns local)
{
    time_ns day = local / TIME_DAY;
    return (int32_t)(local % TIME_DAY < 0 ? day - 1 : day);
}

/* 1970-01-01 was a Thursday. */
int zone_weekday(int32_t day)
{
    int weekday = (day + 3) % 7;
    return weekday < 0 ? weekday + 7 : weekday;
}

/* 01:00 UTC of the last Sunday of a month of 31 days. */
static time_ns last_sunday(int year, int month)
{
    time_ns last = time_from_calendar((struct calendar){.year = year, .month = month, .day = 31});
    return last - (zone_weekday(zone_day(last)) + 1) % 7 * TIME_DAY + TIME_HOUR;
}

time_ns zone_offset(enum zone zone, time_ns utc)
{
    if (zone != ZONE_LONDON) {
        return 0;
    }
    struct calendar date = time_calendar(utc);
    if (date.month == 3 || date.month == 10) {
        return (utc >= last_sunday(date.year, date.month)) == (date.month == 3) ? TIME_HOUR : 0;
    }
    return date.month > 3 && date.month < 10 ? TIME_HOUR : 0;
}

time_ns zone_to_utc(enum zone zone, time_ns local, int fold, bool *missing)
{
    bool summer_first = zone_offset(zone, local - TIME_HOUR) == TIME_HOUR; /* it may be summer time */
    bool winter_too = zone_offset(zone, local) == 0;                      /* it may be winter time */
    if (missing != NULL) {
        *missing = !summer_first && !winter_too;
    }
    return summer_first && !(winter_too && fold == 1) ? local - TIME_HOUR : local;
}
