/* SPDX-License-Identifier: MIT */
#include "src/scenario/value.h"

#include "src/scenario/problem.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

size_t value_character_size(const char *text, size_t left)
{
    const unsigned char *at = (const unsigned char *)text;
    if (at[0] < 0x80) {
        return 1;
    }
    size_t size = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;
    if (at[0] < 0xC2 || at[0] > 0xF4 || size > left) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool wrong = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F) || (at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] > 0x8F);
    return wrong ? 0 : size;
}

bool value_integer(slice text, int64_t *number)
{
    return slice_to_int64(text, number);
}

bool value_bool(slice text, bool *truth)
{
    static const struct {
        slice word;
        bool truth;
    } words[] = {{SLICE("true"), true}, {SLICE("false"), false}, {SLICE("yes"), true}, {SLICE("no"), false}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (slice_equal(text, words[i].word)) {
            *truth = words[i].truth;
            return true;
        }
    }
    return false;
}

/* ---- Quantities. */

#define TIME_YEAR (31556952 * TIME_S) /* 365.2425 days, the mean of the Gregorian calendar */

/* Decimal prefixes are powers of ten, the binary ones say so (KiB). Months and years are calendar lengths on average. */
static const struct unit {
    enum quantity quantity;
    slice name;
    int64_t factor;
} units[] = {
    {QUANTITY_DURATION, SLICE("ns"), 1},
    {QUANTITY_DURATION, SLICE("us"), TIME_US},
    {QUANTITY_DURATION, SLICE("ms"), TIME_MS},
    {QUANTITY_DURATION, SLICE("s"), TIME_S},
    {QUANTITY_DURATION, SLICE("min"), TIME_MIN},
    {QUANTITY_DURATION, SLICE("h"), TIME_HOUR},
    {QUANTITY_DURATION, SLICE("d"), TIME_DAY},
    {QUANTITY_DURATION, SLICE("w"), 7 * TIME_DAY},
    {QUANTITY_DURATION, SLICE("mo"), TIME_YEAR / 12},
    {QUANTITY_DURATION, SLICE("y"), TIME_YEAR},
    {QUANTITY_SIZE, SLICE("B"), 1},
    {QUANTITY_SIZE, SLICE("kB"), 1000},
    {QUANTITY_SIZE, SLICE("MB"), 1000000},
    {QUANTITY_SIZE, SLICE("GB"), 1000000000},
    {QUANTITY_SIZE, SLICE("TB"), 1000000000000},
    {QUANTITY_SIZE, SLICE("KiB"), 1LL << 10},
    {QUANTITY_SIZE, SLICE("MiB"), 1LL << 20},
    {QUANTITY_SIZE, SLICE("GiB"), 1LL << 30},
    {QUANTITY_SIZE, SLICE("TiB"), 1LL << 40},
    {QUANTITY_RATE, SLICE("bit/s"), 1},
    {QUANTITY_RATE, SLICE("kbit/s"), 1000},
    {QUANTITY_RATE, SLICE("Mbit/s"), 1000000},
    {QUANTITY_RATE, SLICE("Gbit/s"), 1000000000},
    {QUANTITY_RATE, SLICE("kB/s"), 8000},
    {QUANTITY_RATE, SLICE("MB/s"), 8000000},
    {QUANTITY_RATE, SLICE("GB/s"), 8000000000},
    {QUANTITY_SHARE, SLICE("%"), 10000},
};
#define UNIT_COUNT (sizeof units / sizeof units[0])

const char *quantity_units(enum quantity quantity)
{
    static const char *const texts[] = {"ns us ms s min h d w mo y", "B kB MB GB TB KiB MiB GiB TiB", "bit/s kbit/s Mbit/s Gbit/s kB/s MB/s GB/s", "%"};
    return texts[quantity];
}

slice quantity_nearest_unit(enum quantity quantity, slice unit)
{
    /* What people write for a unit and does not look like it. */
    static const struct {
        enum quantity quantity;
        slice said, meant;
    } words[] = {{QUANTITY_DURATION, SLICE("sec"), SLICE("s")},      {QUANTITY_DURATION, SLICE("second"), SLICE("s")}, {QUANTITY_DURATION, SLICE("seconds"), SLICE("s")},
                 {QUANTITY_DURATION, SLICE("m"), SLICE("min")},      {QUANTITY_DURATION, SLICE("minutes"), SLICE("min")}, {QUANTITY_DURATION, SLICE("minute"), SLICE("min")},
                 {QUANTITY_DURATION, SLICE("hours"), SLICE("h")},    {QUANTITY_DURATION, SLICE("hour"), SLICE("h")},   {QUANTITY_DURATION, SLICE("days"), SLICE("d")},
                 {QUANTITY_DURATION, SLICE("day"), SLICE("d")},      {QUANTITY_DURATION, SLICE("month"), SLICE("mo")},    {QUANTITY_DURATION, SLICE("months"), SLICE("mo")},
                 {QUANTITY_DURATION, SLICE("year"), SLICE("y")},     {QUANTITY_DURATION, SLICE("years"), SLICE("y")},      {QUANTITY_DURATION, SLICE("weeks"), SLICE("w")},
                 {QUANTITY_RATE, SLICE("Mbps"), SLICE("Mbit/s")},  {QUANTITY_RATE, SLICE("Gbps"), SLICE("Gbit/s")},
                 {QUANTITY_SIZE, SLICE("bytes"), SLICE("B")},        {QUANTITY_SHARE, SLICE("percent"), SLICE("%")}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].quantity == quantity && slice_equal(unit, words[i].said)) {
            return words[i].meant;
        }
    }
    struct nearest nearest = nearest_begin(unit);
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (units[i].quantity == quantity) {
            nearest_try(&nearest, units[i].name);
        }
    }
    return nearest.distance == SIZE_MAX ? SLICE_EMPTY : nearest.best;
}

/* Digits before and behind the point; the text is cut behind them. */
struct decimal {
    int64_t whole, fraction, scale; /* whole + fraction / scale */
};

static enum value_fault cut_decimal(slice *text, struct decimal *number)
{
    size_t at = 0;
    *number = (struct decimal){.scale = 1};
    for (; at < text->size && is_digit(text->data[at]); at++) {
        if (number->whole > (INT64_MAX - 9) / 10) {
            return VALUE_TOO_LARGE;
        }
        number->whole = number->whole * 10 + (text->data[at] - '0');
    }
    if (at == 0) {
        return VALUE_NO_NUMBER;
    }
    if (at + 1 < text->size && text->data[at] == '.' && is_digit(text->data[at + 1])) {
        for (at++; at < text->size && is_digit(text->data[at]); at++) {
            if (number->scale >= 1000000000) {
                return VALUE_TOO_FINE;
            }
            number->fraction = number->fraction * 10 + (text->data[at] - '0');
            number->scale *= 10;
        }
    }
    *text = slice_after(*text, at);
    return VALUE_OK;
}

enum value_fault value_quantity(slice text, enum quantity quantity, int64_t *number, slice *unit)
{
    struct decimal decimal;
    slice rest = slice_trim(text);
    enum value_fault fault = cut_decimal(&rest, &decimal);
    if (fault != VALUE_OK) {
        return fault;
    }
    *unit = slice_trim(rest);
    if (unit->size == 0) {
        return VALUE_NO_UNIT;
    }
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (units[i].quantity != quantity || !slice_equal(units[i].name, *unit)) {
            continue;
        }
        __extension__ typedef __int128 wide;
        wide scaled = (wide)decimal.fraction * units[i].factor;
        if (scaled % decimal.scale != 0) {
            return VALUE_TOO_FINE;
        }
        wide value = (wide)decimal.whole * units[i].factor + scaled / decimal.scale;
        *number = value > INT64_MAX ? 0 : (int64_t)value;
        return value > INT64_MAX ? VALUE_TOO_LARGE : VALUE_OK;
    }
    return VALUE_WRONG_UNIT;
}

/* ---- Decimals, shares, counts and rates: in millionths. */

static enum value_fault to_millionths(const struct decimal *decimal, int64_t factor, int64_t *millionths)
{
    __extension__ typedef __int128 wide;
    wide value = ((wide)decimal->whole * MILLION + (wide)decimal->fraction * MILLION / decimal->scale) * factor;
    if (value > INT64_MAX) {
        return VALUE_TOO_LARGE;
    }
    *millionths = (int64_t)value;
    return VALUE_OK;
}

enum value_fault value_decimal(slice text, int64_t *millionths)
{
    struct decimal decimal;
    slice rest = slice_trim(text);
    enum value_fault fault = cut_decimal(&rest, &decimal);
    if (fault != VALUE_OK) {
        return fault;
    }
    return slice_trim(rest).size > 0 ? VALUE_NO_NUMBER : to_millionths(&decimal, 1, millionths);
}

static enum value_fault cut_share(slice *rest, int64_t *millionths)
{
    struct decimal decimal;
    enum value_fault fault = cut_decimal(rest, &decimal);
    fault = fault == VALUE_OK ? to_millionths(&decimal, 1, millionths) : fault;
    *rest = slice_trim(*rest);
    if (fault == VALUE_OK && rest->size > 0 && rest->data[0] == '%') {
        *rest = slice_trim(slice_after(*rest, 1));
        *millionths /= 100;
    }
    return fault;
}

enum value_fault value_share(slice text, int64_t *millionths)
{
    slice rest = slice_trim(text);
    enum value_fault fault = cut_share(&rest, millionths);
    return fault != VALUE_OK ? fault : rest.size > 0 ? VALUE_NO_NUMBER : *millionths > MILLION ? VALUE_TOO_LARGE : VALUE_OK;
}

/* k and M before the rest; 1 when neither stands there. */
static int64_t cut_prefix(slice *rest)
{
    static const struct {
        char letter;
        int64_t factor;
    } prefixes[] = {{'k', 1000}, {'M', 1000000}, {'G', 1000000000}};
    *rest = slice_trim(*rest);
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        bool alone = rest->size == 1 || (rest->size > 1 && (rest->data[1] == '/' || rest->data[1] == ' '));
        if (rest->size > 0 && rest->data[0] == prefixes[i].letter && alone) {
            *rest = slice_trim(slice_after(*rest, 1));
            return prefixes[i].factor;
        }
    }
    return 1;
}

enum value_fault value_count(slice text, int64_t *count)
{
    struct decimal decimal;
    slice rest = slice_trim(text);
    enum value_fault fault = cut_decimal(&rest, &decimal);
    if (fault != VALUE_OK) {
        return fault;
    }
    int64_t factor = cut_prefix(&rest);
    __extension__ typedef __int128 wide;
    wide scaled = (wide)decimal.fraction * factor, value = (wide)decimal.whole * factor + scaled / decimal.scale;
    if (rest.size > 0) {
        return VALUE_WRONG_UNIT;
    }
    *count = (int64_t)value;
    return value > INT64_MAX ? VALUE_TOO_LARGE : scaled % decimal.scale != 0 ? VALUE_TOO_FINE : VALUE_OK;
}

/* "/y" at the end. */
static bool read_per(slice text, time_ns *per)
{
    slice unit = text.size > 0 && text.data[0] == '/' ? slice_trim(slice_after(text, 1)) : SLICE_EMPTY;
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (units[i].quantity == QUANTITY_DURATION && slice_equal(units[i].name, unit)) {
            *per = units[i].factor;
            return true;
        }
    }
    return false;
}

enum value_fault value_rate(slice text, int64_t *millionths, time_ns *per, slice *unit)
{
    struct decimal decimal;
    slice rest = slice_trim(text);
    enum value_fault fault = cut_decimal(&rest, &decimal);
    *unit = SLICE_EMPTY;
    if (fault != VALUE_OK) {
        return fault;
    }
    *unit = slice_trim(rest);
    int64_t factor = cut_prefix(&rest);
    if (rest.size == 0) {
        return VALUE_NO_UNIT;
    }
    return read_per(rest, per) ? to_millionths(&decimal, factor, millionths) : VALUE_WRONG_UNIT;
}

enum value_fault value_growth(slice text, int64_t *millionths, time_ns *per)
{
    slice rest = slice_trim(text);
    enum value_fault fault = cut_share(&rest, millionths);
    return fault != VALUE_OK ? fault : rest.size == 0 ? VALUE_NO_UNIT : read_per(rest, per) ? VALUE_OK : VALUE_WRONG_UNIT;
}

enum value_fault value_budget(slice text, int64_t *millionths, slice *per)
{
    slice rest = slice_trim(text);
    enum value_fault fault = cut_share(&rest, millionths);
    *per = SLICE_EMPTY;
    if (fault == VALUE_OK && slice_starts(rest, SLICE("per "))) {
        *per = slice_trim(slice_after(rest, 4));
    }
    return fault == VALUE_OK && per->size == 0 ? VALUE_NO_UNIT : fault;
}

void value_put_duration(struct buffer *buffer, int64_t ns)
{
    size_t best = 0;
    for (size_t i = 0; i < UNIT_COUNT && units[i].quantity == QUANTITY_DURATION; i++) {
        if (ns != 0 && ns % units[i].factor == 0) {
            best = i;
        }
    }
    buffer_put_int(buffer, ns / units[best].factor);
    buffer_put_byte(buffer, ' ');
    buffer_put(buffer, ns == 0 ? SLICE("s") : units[best].name);
}

void value_put_decimal(struct buffer *buffer, int64_t millionths)
{
    int64_t fraction = millionths % MILLION, scale = MILLION / 10;
    buffer_put_int(buffer, millionths / MILLION);
    buffer_put_text(buffer, fraction > 0 ? "." : "");
    for (; fraction > 0; scale /= 10) {
        buffer_put_int(buffer, fraction / scale);
        fraction %= scale;
    }
}

bool value_put_times(slice of, int64_t millionths, struct buffer *buffer)
{
    __extension__ typedef __int128 wide;
    struct decimal decimal;
    slice rest = slice_trim(of);
    int64_t factor = 0;
    if (cut_decimal(&rest, &decimal) != VALUE_OK || to_millionths(&decimal, 1, &factor) != VALUE_OK) {
        return false;
    }
    wide product = ((wide)factor * millionths + MILLION / 2) / MILLION;
    rest = slice_trim(rest);
    bool whole = decimal.scale == 1 && rest.size == 0;
    product = whole ? (product + MILLION / 2) / MILLION * MILLION : product;
    if (product > INT64_MAX) {
        return false;
    }
    value_put_decimal(buffer, (int64_t)product);
    buffer_put_text(buffer, rest.size > 0 ? " " : "");
    buffer_put(buffer, rest);
    return true;
}

/* ---- Dates and stamps. */

static bool digits_at(slice text, size_t at, size_t count, int *number)
{
    *number = 0;
    for (size_t i = at; i < at + count; i++) {
        if (i >= text.size || !is_digit(text.data[i])) {
            return false;
        }
        *number = *number * 10 + (text.data[i] - '0');
    }
    return true;
}

static int month_length(int year, int month)
{
    static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return lengths[month - 1] + (month == 2 && leap);
}

static bool date_of(slice text, struct calendar *date)
{
    return text.size == 10 && text.data[4] == '-' && text.data[7] == '-' && digits_at(text, 0, 4, &date->year) && digits_at(text, 5, 2, &date->month) &&
           digits_at(text, 8, 2, &date->day) && date->year >= 1850 && date->year <= 2199 && date->month >= 1 && date->month <= 12 && date->day >= 1 &&
           date->day <= month_length(date->year, date->month);
}

static bool clock_of(slice text, struct calendar *clock)
{
    bool seconds = text.size == 8;
    clock->second = 0;
    return (text.size == 5 || (seconds && text.data[5] == ':' && digits_at(text, 6, 2, &clock->second))) && text.data[2] == ':' &&
           digits_at(text, 0, 2, &clock->hour) && digits_at(text, 3, 2, &clock->minute) && clock->hour < 24 && clock->minute < 60 && clock->second < 60;
}

bool value_date(slice text, char da[9])
{
    struct calendar date = {0};
    if (!date_of(text, &date)) {
        return false;
    }
    struct buffer buffer = buffer_over(da, 8);
    time_put_da(&buffer, time_from_calendar(date));
    da[8] = '\0';
    return !buffer.full;
}

bool value_clock(slice text, char tm[7])
{
    struct calendar clock = {.year = 1970, .month = 1, .day = 1};
    if (!clock_of(text, &clock)) {
        return false;
    }
    struct buffer buffer = buffer_over(tm, 6);
    time_put_tm(&buffer, time_from_calendar(clock));
    tm[6] = '\0';
    return !buffer.full;
}

bool value_time_of_day(slice text, time_ns *since_midnight)
{
    struct calendar clock = {0};
    if (slice_equal(text, SLICE("24:00"))) {
        *since_midnight = TIME_DAY;
        return true;
    }
    if (!clock_of(text, &clock)) {
        return false;
    }
    *since_midnight = clock.hour * TIME_HOUR + clock.minute * TIME_MIN + clock.second * TIME_S;
    return true;
}

bool value_hours(slice text, time_ns *from, time_ns *until)
{
    slice rest = text;
    slice first = slice_cut(&rest, '-');
    return rest.data != NULL && value_time_of_day(slice_trim(first), from) && value_time_of_day(slice_trim(rest), until) && *from < *until;
}

static bool find_word(slice text, const char *const *words, uint32_t count, uint32_t *index)
{
    for (uint32_t i = 0; i < count; i++) {
        if (slice_equal(text, slice_from(words[i]))) {
            *index = i;
            return true;
        }
    }
    return false;
}

bool value_weekday(slice text, uint32_t *day)
{
    static const char *const words[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    return find_word(text, words, 7, day);
}

bool value_month(slice text, uint32_t *month)
{
    static const char *const words[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
    return find_word(text, words, 12, month);
}

bool value_weekly(slice text, uint32_t *day, time_ns *since_midnight)
{
    slice rest = text;
    slice word = slice_cut(&rest, ' ');
    return rest.data != NULL && value_weekday(word, day) && value_time_of_day(slice_trim(rest), since_midnight) && *since_midnight < TIME_DAY;
}

/* ---- Zones. A few rules of our own rather than the machine's data base, so that a file means the same everywhere. The clocks
 * of a row show `winter` ahead of UTC, and an hour more from the spring to the autumn day; both changes happen at 01:00 UTC. */
static const struct zone_rule {
    const char *zone;
    int first_year;
    time_ns winter;
    bool summer;
    int autumn_by; /* the last Sunday of October up to this day */
} zone_rules[] = {
    {"UTC", 1850, 0, false, 0},
    {"Europe/London", 1850, 0, true, 29}, /* so since 1981 */
    {"Europe/London", 1990, 0, true, 28},
    {"Europe/London", 1996, 0, true, 31}, /* Directive 94/21/EC; SI 2002/262 */
};

static const struct zone_rule *zone_rule(slice zone, int year)
{
    const struct zone_rule *found = NULL;
    for (size_t i = 0; i < sizeof zone_rules / sizeof zone_rules[0]; i++) {
        if (slice_equal(zone, slice_from(zone_rules[i].zone)) && (found == NULL || year >= zone_rules[i].first_year)) {
            found = &zone_rules[i];
        }
    }
    return found;
}

bool value_is_zone(slice zone)
{
    return zone_rule(zone, 2010) != NULL;
}

/* 01:00 of the Sunday on or before a day. 1970-01-01 was a Thursday. */
static time_ns sunday_by(int year, int month, int day)
{
    time_ns at = time_from_calendar((struct calendar){year, month, day, 1, 0, 0});
    return at - (at / TIME_DAY + 4) % 7 * TIME_DAY;
}

enum stamp_fault value_stamp_folded(slice text, slice zone, int fold, time_ns *at)
{
    struct calendar calendar = {0};
    if (text.size < 16 || text.data[10] != 'T' || !date_of(slice_before(text, 10), &calendar) || !clock_of(slice_after(text, 11), &calendar)) {
        return STAMP_FORM;
    }
    const struct zone_rule *rule = zone_rule(zone, calendar.year);
    time_ns local = time_from_calendar(calendar);
    *at = local - (rule == NULL ? 0 : rule->winter);
    if (rule == NULL || !rule->summer) {
        return STAMP_OK;
    }
    /* What the clocks show, less the hours of winter, compared with the instants in UTC. */
    time_ns spring = sunday_by(calendar.year, 3, 31), autumn = sunday_by(calendar.year, 10, rule->autumn_by);
    time_ns winter_time = *at;
    if (winter_time >= spring && winter_time < spring + TIME_HOUR) {
        return STAMP_MISSING_HOUR;
    }
    bool doubled = winter_time >= autumn && winter_time < autumn + TIME_HOUR;
    bool summer = winter_time >= spring && winter_time < autumn + (doubled && fold == 0 ? TIME_HOUR : 0);
    *at = summer ? winter_time - TIME_HOUR : winter_time;
    return doubled ? STAMP_DOUBLED_HOUR : STAMP_OK;
}

enum stamp_fault value_stamp(slice text, slice zone, time_ns *at)
{
    return value_stamp_folded(text, zone, 0, at);
}

/* ---- Identifiers. */

bool value_is_id(slice text)
{
    if (text.size == 0 || text.size > 40 || !is_letter(text.data[0])) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (!is_letter(c) && !is_digit(c) && c != '_' && c != '-' && c != '.') {
            return false;
        }
    }
    return true;
}

bool value_is_title(slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7E || text.data[i] == '\\') {
            return false;
        }
    }
    return text.size > 0 && text.size <= 16 && slice_trim(text).size == text.size;
}

bool value_is_nhs_number(slice text)
{
    int sum = 0;
    for (size_t i = 0; i < text.size && i < 10; i++) {
        if (!is_digit(text.data[i])) {
            return false;
        }
        sum += (text.data[i] - '0') * (int)(i < 9 ? 10 - i : 1);
    }
    return text.size == 10 && sum % 11 == 0;
}

bool value_is_address(slice text)
{
    slice rest = text;
    int parts = 0;
    for (; rest.data != NULL; parts++) {
        slice part = slice_cut(&rest, '.');
        int64_t number = -1;
        if (part.size == 0 || part.size > 3 || !slice_to_int64(part, &number) || number < 0 || number > 255 || !is_digit(part.data[0])) {
            return false;
        }
    }
    return parts == 4;
}

bool value_is_loopback(slice text)
{
    return slice_starts(text, SLICE("127."));
}

bool value_person_name(slice text, slice *family, slice *given)
{
    slice rest = text;
    *family = slice_cut(&rest, '^');
    *given = rest.data == NULL ? SLICE_EMPTY : rest;
    bool odd = memchr(given->data, '^', given->size) != NULL || memchr(text.data, '\\', text.size) != NULL || memchr(text.data, '=', text.size) != NULL;
    return family->size > 0 && given->size > 0 && text.size <= 64 && !odd && slice_trim(*family).size == family->size && slice_trim(*given).size == given->size;
}
