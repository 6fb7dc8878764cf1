/* SPDX-License-Identifier: MIT */
#include "src/hl7/hl7_private.h"

/* A separator that is a letter, a digit or invisible would cut names and numbers to pieces. */
static bool may_separate(char byte)
{
    bool alphanumeric = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                        (byte >= 'a' && byte <= 'z');
    return byte > ' ' && byte < 0x7F && !alphanumeric;
}

static bool are_separators(const char separators[5])
{
    for (size_t i = 0; i < 5; i++) {
        if (!may_separate(separators[i]) || memchr(separators, separators[i], i) != NULL) {
            return false;
        }
    }
    return true;
}

/* HL7 2.5 2.5.4; from 2.7 on a fifth character (truncation) may follow in MSH-2. */
enum err hl7_separators(struct hl7_message *message, slice bytes)
{
    if (bytes.size < 8 || !slice_starts(bytes, SLICE("MSH")) || !are_separators(bytes.data + 3)) {
        return ERR_BAD_MESSAGE;
    }
    slice rest = slice_after(bytes, 8);
    if (rest.size > 0 && rest.data[0] == '#') {
        rest = slice_after(rest, 1);
    }
    if (rest.size > 0 && rest.data[0] != bytes.data[3] && rest.data[0] != '\r' &&
        rest.data[0] != '\n') {
        return ERR_BAD_MESSAGE;
    }
    message->field = bytes.data[3];
    message->component = bytes.data[4];
    message->repetition = bytes.data[5];
    message->escape = bytes.data[6];
    message->subcomponent = bytes.data[7];
    return ERR_OK;
}

/* Cuts the next segment off. LF ends a segment only in messages without any CR; CRLF and LFCR leave
 * an LF at an end of the segment. */
static slice cut_segment(slice *rest, char end)
{
    slice segment = slice_cut(rest, end);
    while (segment.size > 0 && segment.data[0] == '\n') {
        segment = slice_after(segment, 1);
    }
    while (segment.size > 0 && segment.data[segment.size - 1] == '\n') {
        segment.size--;
    }
    return segment;
}

static bool is_segment(slice text, const char *name, char field)
{
    return slice_starts(text, (slice){name, 3}) && (text.size == 3 || text.data[3] == field);
}

/* Counts segments; ERR_BAD_MESSAGE for a second MSH: two messages in one frame are not one message.
 */
static enum err count_segments(const struct hl7_message *message, slice bytes, char end,
                               size_t *count)
{
    *count = 0;
    for (slice rest = bytes; rest.data != NULL;) {
        slice segment = cut_segment(&rest, end);
        if (*count > 0 && is_segment(segment, "MSH", message->field)) {
            return ERR_BAD_MESSAGE;
        }
        *count += segment.size > 0;
        if (*count > HL7_SEGMENTS_MAX) {
            return ERR_LIMIT;
        }
    }
    return ERR_OK;
}

enum err hl7_parse(struct hl7_message *message, slice bytes, struct arena *arena)
{
    struct hl7_message parsed = {0};
    size_t count = 0;
    if (bytes.size > HL7_MESSAGE_MAX) {
        return ERR_LIMIT;
    }
    while (bytes.size > 0 && (bytes.data[0] == '\r' || bytes.data[0] == '\n')) {
        bytes = slice_after(bytes, 1);
    }
    enum err err = hl7_separators(&parsed, bytes);
    if (err != ERR_OK) {
        return err;
    }
    char end = slice_index(bytes, '\r') < bytes.size ? '\r' : '\n';
    err = count_segments(&parsed, bytes, end, &count);
    if (err != ERR_OK) {
        return err;
    }
    parsed.segments = arena_array(arena, count, sizeof *parsed.segments);
    if (parsed.segments == NULL) {
        return ERR_LIMIT;
    }
    for (slice rest = bytes; rest.data != NULL;) {
        slice segment = cut_segment(&rest, end);
        if (segment.size > 0) {
            parsed.segments[parsed.count++].text = segment;
        }
    }
    *message = parsed;
    return ERR_OK;
}

slice hl7_segment(const struct hl7_message *message, const char *name)
{
    for (size_t i = 0; i < message->count; i++) {
        if (is_segment(message->segments[i].text, name, message->field)) {
            return message->segments[i].text;
        }
    }
    return (slice){NULL, 0};
}

size_t hl7_segment_count(const struct hl7_message *message, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < message->count; i++) {
        count += is_segment(message->segments[i].text, name, message->field);
    }
    return count;
}

/* Part `nth` (from 0) between separators; empty when there are fewer. */
static slice nth_part(slice text, char separator, unsigned nth)
{
    slice rest = text;
    if (text.size == 0) {
        return SLICE_EMPTY;
    }
    slice part = slice_cut(&rest, separator);
    for (; nth > 0 && rest.data != NULL; nth--) {
        part = slice_cut(&rest, separator);
    }
    return nth > 0 ? SLICE_EMPTY : part;
}

slice hl7_field(const struct hl7_message *message, const char *name, unsigned nth, unsigned number)
{
    for (size_t i = 0; i < message->count; i++) {
        slice text = message->segments[i].text;
        if (!is_segment(text, name, message->field) || nth-- > 0) {
            continue;
        }
        bool header = slice_starts(text, SLICE("MSH"));
        if (header && number == 1) {
            return slice_before(slice_after(text, 3), 1);
        }
        /* MSH-1 is the separator itself, so MSH-2 stands where other segments have their first
         * field. */
        return number == 0 ? SLICE_EMPTY
                           : nth_part(text, message->field, header ? number - 1 : number);
    }
    return SLICE_EMPTY;
}

slice hl7_repetition(const struct hl7_message *message, slice field, unsigned nth)
{
    return nth_part(field, message->repetition, nth);
}

slice hl7_component(const struct hl7_message *message, slice repetition, unsigned component)
{
    return component == 0 ? SLICE_EMPTY : nth_part(repetition, message->component, component - 1);
}

slice hl7_subcomponent(const struct hl7_message *message, slice component, unsigned subcomponent)
{
    return subcomponent == 0 ? SLICE_EMPTY
                             : nth_part(component, message->subcomponent, subcomponent - 1);
}
