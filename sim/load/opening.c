/* SPDX-License-Identifier: MIT */
#include "sim/load/opening.h"

#define LOOK_DAYS 60

bool opening_is_holiday(const struct opening *opening, int32_t day)
{
    for (size_t i = 0; i < opening->holiday_count && opening->holidays[i] <= day; i++) {
        if (opening->holidays[i] == day) {
            return true;
        }
    }
    return false;
}

int opening_acts_as(const struct opening *opening, int32_t day)
{
    return opening_is_holiday(opening, day) ? opening->holiday_acts_as : zone_weekday(day);
}

bool opening_of_day(const struct opening *opening, int32_t day, time_ns *from, time_ns *to)
{
    int weekday = opening_acts_as(opening, day);
    if (weekday > 6 || (opening->weekdays >> weekday & 1) == 0) {
        return false;
    }
    *from = day * TIME_DAY + opening->from_minute * TIME_MIN;
    *to = day * TIME_DAY + opening->to_minute * TIME_MIN + (opening->to_minute <= opening->from_minute ? TIME_DAY : 0);
    return true;
}

time_ns opening_next(const struct opening *opening, enum zone zone, time_ns at)
{
    if (opening == NULL) {
        return at;
    }
    time_ns local = at + zone_offset(zone, at), from = 0, to = 0;
    int32_t today = zone_day(local);
    for (int32_t day = today - 1; day < today + LOOK_DAYS; day++) {
        if (opening_of_day(opening, day, &from, &to) && local < to) {
            return local >= from ? at : zone_to_utc(zone, from, 0, NULL);
        }
    }
    return at;
}

time_ns opening_previous(const struct opening *opening, enum zone zone, time_ns at, int64_t share_micro)
{
    if (opening == NULL || opening_next(opening, zone, at) == at) {
        return at;
    }
    time_ns local = at + zone_offset(zone, at), from = 0, to = 0;
    int32_t today = zone_day(local);
    for (int32_t day = today; day > today - LOOK_DAYS; day--) {
        if (opening_of_day(opening, day, &from, &to) && to <= local) {
            return zone_to_utc(zone, from + (to - from) / MICRO * share_micro, 0, NULL);
        }
    }
    return at;
}

bool opening_in_week(int32_t day, uint8_t week)
{
    return week == 0 || (time_calendar(day * TIME_DAY).day - 1) / 7 + 1 == week;
}
