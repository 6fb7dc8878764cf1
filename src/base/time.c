/* SPDX-License-Identifier: MIT */
#include "src/base/time.h"

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days from civil and back: the era method, 400 years at a time, March first. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400), of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct calendar time_calendar(time_ns at)
{
    int64_t seconds = floor_div(at, TIME_S), days = floor_div(seconds, 86400), rest = seconds - days * 86400;
    int64_t shifted = days + 719468, era = floor_div(shifted, 146097), of_era = shifted - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), march = (5 * of_year + 2) / 153;
    int64_t month = march < 10 ? march + 3 : march - 9;
    return (struct calendar){(int)(year + era * 400 + (month <= 2)), (int)month, (int)(of_year - (153 * march + 2) / 5 + 1),
                             (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60)};
}

#define SECONDS_MAX (INT64_MAX / TIME_S - 10 * 86400) /* years 1678 to 2261, and room for sums of a few days */

time_ns time_from_calendar(struct calendar c)
{
    int64_t seconds = ((days_from_civil(c.year, c.month, c.day) * 24 + c.hour) * 60 + c.minute) * 60 + c.second;
    if (seconds > SECONDS_MAX) {
        return SECONDS_MAX * TIME_S;
    }
    return seconds < -SECONDS_MAX ? -SECONDS_MAX * TIME_S : seconds * TIME_S;
}

void time_put_da(struct buffer *buffer, time_ns at)
{
    struct calendar c = time_calendar(at);
    buffer_put_padded(buffer, (uint64_t)c.year, 4);
    buffer_put_padded(buffer, (uint64_t)c.month, 2);
    buffer_put_padded(buffer, (uint64_t)c.day, 2);
}

void time_put_tm(struct buffer *buffer, time_ns at)
{
    struct calendar c = time_calendar(at);
    buffer_put_padded(buffer, (uint64_t)c.hour, 2);
    buffer_put_padded(buffer, (uint64_t)c.minute, 2);
    buffer_put_padded(buffer, (uint64_t)c.second, 2);
}

void time_put_ts(struct buffer *buffer, time_ns at)
{
    time_put_da(buffer, at);
    time_put_tm(buffer, at);
}

void time_put_iso(struct buffer *buffer, time_ns at)
{
    struct calendar c = time_calendar(at);
    const int parts[6] = {c.year, c.month, c.day, c.hour, c.minute, c.second};
    static const char after[6] = {'-', '-', 'T', ':', ':', 'Z'};
    for (size_t i = 0; i < 6; i++) {
        buffer_put_padded(buffer, (uint64_t)parts[i], i == 0 ? 4 : 2);
        buffer_put_byte(buffer, (uint8_t)after[i]);
    }
}

bool time_from_ts(slice text, time_ns *at)
{
    size_t digits = 0;
    while (digits < text.size && digits < 14 && text.data[digits] >= '0' && text.data[digits] <= '9') {
        digits++;
    }
    if (digits < 4 || digits % 2 != 0) {
        return false;
    }
    int parts[6] = {0, 1, 1, 0, 0, 0};
    for (size_t i = 0, from = 0; i < 6 && from < digits; i++) {
        size_t size = i == 0 ? 4 : 2;
        int64_t value = 0;
        if (!slice_to_int64(slice_before(slice_after(text, from), size), &value)) {
            return false;
        }
        parts[i] = (int)value;
        from += size;
    }
    if (parts[1] < 1 || parts[1] > 12 || parts[2] < 1 || parts[2] > 31 || parts[3] > 23 || parts[4] > 59 || parts[5] > 60) {
        return false;
    }
    *at = time_from_calendar((struct calendar){parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]});
    return true;
}
