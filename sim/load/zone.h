/* SPDX-License-Identifier: MIT
 *
 * Zone: local time of the few zones a scenario can be in, from the rules in force since 1996 (EU directive 2000/84/EC:
 * summer time from the last Sunday of March, 01:00 UTC, to the last Sunday of October, 01:00 UTC). Pure. */
#ifndef PONT_LOAD_ZONE_H
#define PONT_LOAD_ZONE_H

#include "src/base/time.h"

enum zone { ZONE_UTC, ZONE_LONDON };

/* Europe/London, UTC; false when it is none of these. */
bool zone_from_text(slice name, enum zone *zone);
/* What to add to UTC for local time. */
time_ns zone_offset(enum zone zone, time_ns utc);
/* A local stamp, as ns since 1970-01-01T00:00 local, to UTC. In the doubled hour of autumn `fold` 1 is the second one.
 * In the missing hour of spring *missing is set and the time is what the clock would say an hour later. `missing` may
 * be null. */
time_ns zone_to_utc(enum zone zone, time_ns local, int fold, bool *missing);
/* Days since 1970 and day of the week (0 is Monday) of a local time. */
int32_t zone_day(time_ns local);
int zone_weekday(int32_t day);

#endif
