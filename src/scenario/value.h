/* SPDX-License-Identifier: MIT
 *
 * Value: what one text of a scenario means: numbers, quantities with units, dates, stamps, identifiers. Quantities are
 * integers inside: nanoseconds, bytes, bits a second, millionths. No floating point. */
#ifndef PONT_SCENARIO_VALUE_H
#define PONT_SCENARIO_VALUE_H

#include "src/base/time.h"

enum quantity { QUANTITY_DURATION, QUANTITY_SIZE, QUANTITY_RATE, QUANTITY_SHARE };
#define MILLION 1000000LL /* decimals and shares are whole millionths */

enum value_fault {
    VALUE_OK,
    VALUE_NO_NUMBER,    /* does not begin with a number */
    VALUE_NO_UNIT,      /* a bare number */
    VALUE_WRONG_UNIT,   /* a unit, but none of this quantity */
    VALUE_TOO_LARGE,    /* does not fit 63 bits */
    VALUE_TOO_FINE,     /* more decimals than the unit has */
};

/* Bytes of the UTF-8 character that begins at `at`; 0 when it is none (RFC 3629: no overlong forms, no surrogates). */
size_t value_character_size(const char *at, size_t left);
bool value_integer(slice text, int64_t *number);
bool value_bool(slice text, bool *truth); /* true false yes no */
/* "5 min", "1.5 GB", "100 Mbit/s", "2 %". On VALUE_WRONG_UNIT *unit is what stood there. */
enum value_fault value_quantity(slice text, enum quantity quantity, int64_t *number, slice *unit);
/* The units of a quantity, for people: "ns us ms s min h d w". */
const char *quantity_units(enum quantity quantity);
/* The unit nearest to a misspelt one; empty when none is. */
slice quantity_nearest_unit(enum quantity quantity, slice unit);
/* "0.62", "14": in millionths. No sign. */
enum value_fault value_decimal(slice text, int64_t *millionths);
/* "0.62" or "62 %": in millionths, 0 to 1. VALUE_TOO_LARGE above. */
enum value_fault value_share(slice text, int64_t *millionths);
/* "155", "640 k", "1.2 M": how many. */
enum value_fault value_count(slice text, int64_t *count);
/* "270 k/y", "15 /y", "1.2 k/mo": so many (in millionths) in a time of so long. On VALUE_WRONG_UNIT *unit is what stood there. */
enum value_fault value_rate(slice text, int64_t *millionths, time_ns *per, slice *unit);
/* "3 %/y": a part (in millionths) in a time of so long. */
enum value_fault value_growth(slice text, int64_t *millionths, time_ns *per);
/* "0.5 % per month": a share, and the word behind `per`. */
enum value_fault value_budget(slice text, int64_t *millionths, slice *per);
/* Writes a duration in its largest whole unit: "2 min". */
void value_put_duration(struct buffer *buffer, int64_t ns);
/* "16" or "2 min" times so many millionths: whole numbers stay whole (rounded to the nearest), what has a unit keeps it. False:
 * not a number. */
bool value_put_times(slice of, int64_t millionths, struct buffer *buffer);
/* Millionths as a decimal: "0.62". */
void value_put_decimal(struct buffer *buffer, int64_t millionths);

/* 2010-03-01 -> 20100301 (DICOM DA); false when there is no such day. */
bool value_date(slice text, char da[9]);
/* 08:30 or 08:30:15 -> 083000 (DICOM TM). */
bool value_clock(slice text, char tm[7]);
/* "08:30", "24:00" at the latest: time since midnight. */
bool value_time_of_day(slice text, time_ns *since_midnight);
/* "08:00-17:00": from before until. */
bool value_hours(slice text, time_ns *from, time_ns *until);
/* mon tue wed thu fri sat sun: 0 to 6. jan to dec: 0 to 11. */
bool value_weekday(slice text, uint32_t *day);
bool value_month(slice text, uint32_t *month);
/* "wed 12:30". */
bool value_weekly(slice text, uint32_t *day, time_ns *since_midnight);
enum stamp_fault { STAMP_OK, STAMP_FORM, STAMP_MISSING_HOUR, STAMP_DOUBLED_HOUR };
/* 2010-03-01T08:00[:15] as the clocks of the zone show it (Europe/London or UTC); UTC out. Of an hour that comes twice
 * *at is the first one, and STAMP_DOUBLED_HOUR says so. */
enum stamp_fault value_stamp(slice text, slice zone, time_ns *at);
/* The same, but of an hour that comes twice the one that `fold` names: 0 or 1 (as in PEP 495). */
enum stamp_fault value_stamp_folded(slice text, slice zone, int fold, time_ns *at);
bool value_is_zone(slice zone);

bool value_is_id(slice text);        /* a letter, then letters, digits, _ - . ; 1 to 40 */
bool value_is_title(slice text);     /* AE title: 1 to 16 printing ASCII, no backslash, no space at the ends */
bool value_is_nhs_number(slice text); /* ten digits, modulus 11 */
bool value_is_address(slice text);   /* dotted IPv4 */
bool value_is_loopback(slice text);
/* Family^Given in UTF-8, both present, no ^ but the one, no backslash or =. */
bool value_person_name(slice text, slice *family, slice *given);

#endif
