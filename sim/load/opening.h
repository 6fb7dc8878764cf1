/* SPDX-License-Identifier: MIT
 *
 * Opening: when a calendar is open, and how much of its week an arrival stream puts into each hour. Pure. */
#ifndef PONT_LOAD_OPENING_H
#define PONT_LOAD_OPENING_H

#include "sim/load/population.h"

bool opening_is_holiday(const struct opening *opening, int32_t day);
/* Day of the week that this day acts as; 7: closed all day. */
int opening_acts_as(const struct opening *opening, int32_t day);
/* Open interval that begins on this local day, as local ns; false when there is none. */
bool opening_of_day(const struct opening *opening, int32_t day, time_ns *from, time_ns *to);
/* `at` itself when open, else the next instant at which it opens (UTC); null: `at`. Looks ahead 60 days, then gives up
 * and returns `at`. */
time_ns opening_next(const struct opening *opening, enum zone zone, time_ns at);
/* `at` itself when open, else an instant inside the last open interval before it, at this share (millionths) of it. */
time_ns opening_previous(const struct opening *opening, enum zone zone, time_ns at, int64_t share_micro);
/* True when the day of this opening is in the nth week of its month (1: days 1-7); week 0: always. */
bool opening_in_week(int32_t day, uint8_t week);

#endif
