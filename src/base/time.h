/* SPDX-License-Identifier: MIT
 *
 * Time: nanoseconds since 1970-01-01T00:00:00Z, scenario time, as one integer. No clock is read here; the
 * drivers own the clock. Calendar arithmetic is proleptic Gregorian and knows no zone: local stamps are
 * the scenario reader's business. */
#ifndef PONT_BASE_TIME_H
#define PONT_BASE_TIME_H

#include "src/base/buffer.h"

typedef int64_t time_ns;

#define TIME_US ((time_ns)1000)
#define TIME_MS ((time_ns)1000000)
#define TIME_S ((time_ns)1000000000)
#define TIME_MIN (60 * TIME_S)
#define TIME_HOUR (60 * TIME_MIN)
#define TIME_DAY (24 * TIME_HOUR)
#define TIME_NEVER INT64_MAX

struct calendar {
    int year, month, day, hour, minute, second;
};

struct calendar time_calendar(time_ns at);
time_ns time_from_calendar(struct calendar calendar);
/* DICOM DA (YYYYMMDD), TM (HHMMSS) and HL7 TS (YYYYMMDDHHMMSS). */
void time_put_da(struct buffer *buffer, time_ns at);
void time_put_tm(struct buffer *buffer, time_ns at);
void time_put_ts(struct buffer *buffer, time_ns at);
/* 2010-03-01T08:30:00Z */
void time_put_iso(struct buffer *buffer, time_ns at);
/* Reads an HL7 TS or DICOM DT of 4 to 14 digits, anything after them left out; false when it is none. */
bool time_from_ts(slice text, time_ns *at);

#endif
