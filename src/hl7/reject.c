/* SPDX-License-Identifier: MIT */
#include "src/hl7/hl7_private.h"

#define ECHO_MAX                                                                                   \
    200 /* bytes of a name or control id worth sending back (MSH-10 is ST(199) at its longest) */

/* What of MSH can be sent back to somebody whose message could not be read: visible ASCII only. */
static slice echo(const struct hl7_message *message, unsigned number, struct arena *arena)
{
    slice raw = hl7_component(message, hl7_field(message, "MSH", 0, number), 1);
    slice text = raw.size > ECHO_MAX ? SLICE_EMPTY : hl7_unescape(message, raw, arena);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < ' ' || text.data[i] > '~') {
            return SLICE_EMPTY;
        }
    }
    return text.data == NULL ? SLICE_EMPTY : text;
}

static bool is_known(const struct hl7_message *message, unsigned component)
{
    slice field = hl7_field(message, "MSH", 0, 9);
    slice code = hl7_component(message, field, 1), trigger = hl7_component(message, field, 2);
    for (size_t i = 0; i < HL7_TYPE_COUNT; i++) {
        if (slice_equal(code, slice_from(hl7_types[i].code)) &&
            (component == 1 || slice_equal(trigger, slice_from(hl7_types[i].trigger)))) {
            return true;
        }
    }
    return false;
}

/* Table 0357, and what the sender can do about it. */
enum why { WHY_SEQUENCE, WHY_FIELD, WHY_DATA, WHY_TYPE, WHY_EVENT, WHY_VERSION, WHY_COUNT };
static const struct {
    const char *code, *text;
} whys[WHY_COUNT] = {
    [WHY_SEQUENCE] = {"100", "the message does not begin with an MSH segment and its separators"},
    [WHY_FIELD] = {"101", "MSH-9 (message type) or MSH-10 (control id) is empty"},
    [WHY_DATA] = {"102", "the message cannot be read: encoding, repetitions or lengths"},
    [WHY_TYPE] = {"200", "MSH-9: this message type is not taken here"},
    [WHY_EVENT] = {"201", "MSH-9: this trigger event is not taken here"},
    [WHY_VERSION] = {"203", "MSH-12: versions 2.x are taken"},
};

/* The first thing that is wrong. */
static enum why reason(const struct hl7_message *header)
{
    slice version = hl7_field(header, "MSH", 0, 12);
    if (hl7_field(header, "MSH", 0, 10).size == 0 || hl7_field(header, "MSH", 0, 9).size == 0) {
        return WHY_FIELD;
    }
    if (!is_known(header, 1)) {
        return WHY_TYPE;
    }
    if (!is_known(header, 2)) {
        return WHY_EVENT;
    }
    return version.size > 0 && !slice_starts(version, SLICE("2.")) ? WHY_VERSION : WHY_DATA;
}

void hl7_write_reject(slice bytes, slice text, struct buffer *buffer)
{
    char memory[8 * (ECHO_MAX + 16)] __attribute__((aligned(16)));
    struct arena arena = {.memory = memory, .size = sizeof memory};
    struct hl7_value to = {0};
    enum why why = WHY_SEQUENCE;
    size_t end = slice_index(bytes, '\r');
    struct hl7_segment segment = {
        slice_before(bytes, end < bytes.size ? end : slice_index(bytes, '\n'))};
    struct hl7_message header = {.segments = &segment, .count = 1};
    if (hl7_separators(&header, segment.text) == ERR_OK) {
        to.fields[HL7_FIELD_SENDER] = echo(&header, 3, &arena);
        to.fields[HL7_FIELD_SENDER_SITE] = echo(&header, 4, &arena);
        to.fields[HL7_FIELD_RECEIVER] = echo(&header, 5, &arena);
        to.fields[HL7_FIELD_RECEIVER_SITE] = echo(&header, 6, &arena);
        to.fields[HL7_FIELD_CONTROL_ID] = echo(&header, 10, &arena);
        why = reason(&header);
    }
    slice control_id = to.fields[HL7_FIELD_CONTROL_ID];
    struct hl7_value ack =
        hl7_ack(&to, SLICE("AR"), text.size > 0 ? text : slice_from(whys[why].text), control_id.size > 0 ? control_id : SLICE("REJECT"));
    ack.fields[HL7_FIELD_ERROR_CODE] = slice_from(whys[why].code);
    hl7_write(&ack, buffer);
}
