/* SPDX-License-Identifier: MIT */
#include "src/hl7/hl7_private.h"

#include <assert.h>

/* One order of segments that is right for every type of hl7.def; a segment with nothing in it is
 * left out. */
static const char order[][4] = {"MSH", "MSA", "ERR", "EVN", "SCH", "PID", "PV1",
                                "MRG", "ORC", "OBR", "OBX", "ZDS", "RGS", "AIL"};

/* What 2.5 requires in a field and no row of hl7.def holds. */
static const struct {
    char segment[4];
    unsigned number;
    const char *text;
} constants[] = {
    {"MSH", 2, "^~\\&"}, {"MSH", 11, "P"},
    {"MSH", 12, "2.5"},  {"MSH", 18, "UNICODE UTF-8"},
    {"ERR", 4, "E"},     {"PID", 1, "1"},
    {"PV1", 1, "1"},     {"PV1", 2, "N"},
    {"OBR", 1, "1"},     {"OBX", 1, "1"},
    {"OBX", 2, "FT"},    {"OBX", 3, "18782-3^Radiology study observation^LN"},
    {"RGS", 1, "1"},     {"AIL", 1, "1"},
};

/* MSH-9: message structure of each type (HL7 2.5 table 0354). */
static const char *const structures[HL7_TYPE_COUNT] = {
    [HL7_ADT_A04] = "ADT_A01", [HL7_ADT_A08] = "ADT_A01", [HL7_ADT_A40] = "ADT_A39",
    [HL7_ADT_A37] = "ADT_A37", [HL7_ORM_O01] = "ORM_O01", [HL7_ORU_R01] = "ORU_R01",
    [HL7_SIU_S12] = "SIU_S12", [HL7_SIU_S15] = "SIU_S12", [HL7_ACK] = "ACK",
};

static bool is_named(const char a[4], const char b[4])
{
    return memcmp(a, b, 4) == 0;
}

/* The rows of hl7.def of one segment stand together. */
struct range {
    size_t first, end;
};

#define ORDER_COUNT (sizeof order / sizeof order[0])

static size_t place_in_order(const char segment[4])
{
    size_t at = 0;
    while (!is_named(order[at], segment)) {
        at++;
        assert(at < ORDER_COUNT);
    }
    return at;
}

static void find_ranges(struct range ranges[ORDER_COUNT])
{
    memset(ranges, 0, ORDER_COUNT * sizeof ranges[0]);
    for (size_t i = 0, end; i < HL7_FIELD_COUNT; i = end) {
        for (end = i + 1; end < HL7_FIELD_COUNT && is_named(hl7_places[end].segment, hl7_places[i].segment);) {
            end++;
        }
        ranges[place_in_order(hl7_places[i].segment)] = (struct range){i, end};
    }
}

static bool has_fields(const struct hl7_value *value, struct range rows)
{
    for (size_t i = rows.first; i < rows.end; i++) {
        if (value->fields[i].size > 0) {
            return true;
        }
    }
    return false;
}

/* In A37 the second number stands in a PID of its own, so the first PID must be there. */
static bool has_segment(const struct hl7_value *value, const char *segment, struct range rows, struct range locations)
{
    if (is_named(segment, "PV1")) {
        return value->type == HL7_ADT_A04 || value->type == HL7_ADT_A08;
    }
    if (is_named(segment, "RGS")) {
        return has_fields(value, locations);
    }
    if (is_named(segment, "MRG")) {
        return value->type != HL7_ADT_A37 && value->prior_id_count > 0;
    }
    bool person = value->id_count + value->name_count + value->prior_id_count > 0;
    return is_named(segment, "MSH") || (is_named(segment, "PID") && person) ||
           has_fields(value, rows);
}

static void put_ids(const struct hl7_id *ids, size_t count, struct buffer *buffer)
{
    for (size_t i = 0; i < count; i++) {
        buffer_put_text(buffer, i > 0 ? "~" : "");
        hl7_put_escaped(buffer, ids[i].value);
        if (ids[i].authority.size + ids[i].type.size > 0) {
            buffer_put_text(buffer, "^^^");
            hl7_put_escaped(buffer, ids[i].authority);
        }
        if (ids[i].type.size > 0) {
            buffer_put_text(buffer, "^");
            hl7_put_escaped(buffer, ids[i].type);
        }
    }
}

/* Puts components with as few separators as they need. */
static void put_components(const slice *components, size_t count, struct buffer *buffer)
{
    size_t written = 0;
    for (size_t i = 0; i < count; i++) {
        if (components[i].size == 0) {
            continue;
        }
        for (; written < i; written++) {
            buffer_put_text(buffer, "^");
        }
        hl7_put_escaped(buffer, components[i]);
    }
}

static void put_names(const struct hl7_value *value, struct buffer *buffer)
{
    for (size_t i = 0; i < value->name_count; i++) {
        const struct hl7_name *name = &value->names[i];
        const slice components[] = {name->family, name->given, name->middle, SLICE_EMPTY,
                                    name->prefix, SLICE_EMPTY, name->kind};
        buffer_put_text(buffer, i > 0 ? "~" : "");
        put_components(components, sizeof components / sizeof components[0], buffer);
    }
}

static void put_type(const struct hl7_value *value, struct buffer *buffer)
{
    const struct hl7_type_row *row = &hl7_types[value->type];
    const slice components[] = {slice_from(row->code), slice_from(row->trigger),
                                slice_from(structures[value->type])};
    put_components(components, 3, buffer);
}

static void put_rows(const struct hl7_value *value, struct range rows, unsigned number,
                     struct buffer *buffer)
{
    slice components[8] = {{NULL, 0}};
    for (size_t i = rows.first; i < rows.end; i++) {
        if (hl7_places[i].number == number) {
            components[hl7_places[i].component - 1] = value->fields[i];
        }
    }
    put_components(components, 8, buffer);
}

static void put_field(const struct hl7_value *value, const char *segment, struct range rows, unsigned number,
                      struct buffer *buffer)
{
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        if (is_named(constants[i].segment, segment) && constants[i].number == number) {
            buffer_put_text(buffer, constants[i].text);
            return;
        }
    }
    if (is_named(segment, "MSH") && number == 9) {
        put_type(value, buffer);
    } else if (is_named(segment, "PID") && number == 3) {
        put_ids(value->ids, value->id_count, buffer);
    } else if (is_named(segment, "MRG") && number == 1) {
        put_ids(value->prior_ids, value->prior_id_count, buffer);
    } else if (is_named(segment, "PID") && number == 5) {
        put_names(value, buffer);
    } else if (is_named(segment, "OBX") && number == 11) {
        slice status = value->fields[HL7_FIELD_RESULT_STATUS];
        hl7_put_escaped(buffer, status.size == 0 ? SLICE("F") : status);
    } else {
        put_rows(value, rows, number, buffer);
    }
}

/* Bit n: field n of the segment has something in it. hl7.def's highest is OBR-36. */
static uint64_t fields_present(const struct hl7_value *value, const char *segment, struct range rows)
{
    uint64_t present = 0;
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        present |= (uint64_t)is_named(constants[i].segment, segment) << constants[i].number;
    }
    for (size_t i = rows.first; i < rows.end; i++) {
        present |= (uint64_t)(value->fields[i].size > 0) << hl7_places[i].number;
    }
    present |= (uint64_t)is_named(segment, "MSH") << 9;
    present |= (uint64_t)is_named(segment, "OBX") << 11;
    present |= (uint64_t)(is_named(segment, "PID") && value->id_count > 0) << 3;
    present |= (uint64_t)(is_named(segment, "PID") && value->name_count > 0) << 5;
    present |= (uint64_t)is_named(segment, "MRG") << 1;
    return present;
}

static void put_segment(const struct hl7_value *value, const char *segment, struct range rows, struct buffer *buffer)
{
    uint64_t present = fields_present(value, segment, rows);
    unsigned first = is_named(segment, "MSH") ? 2 : 1, separators = first - 1;
    buffer_put_text(buffer, segment);
    for (unsigned number = first; number < 64; number++) {
        if ((present >> number & 1) == 0) {
            continue; /* its separator waits for a later field */
        }
        for (; separators < number; separators++) {
            buffer_put_text(buffer, "|");
        }
        put_field(value, segment, rows, number, buffer);
    }
    buffer_put_text(buffer, "\r");
}

void hl7_write(const struct hl7_value *value, struct buffer *buffer)
{
    struct range ranges[ORDER_COUNT];
    find_ranges(ranges);
    for (size_t i = 0; i < ORDER_COUNT; i++) {
        if (has_segment(value, order[i], ranges[i], ranges[place_in_order("AIL")])) {
            put_segment(value, order[i], ranges[i], buffer);
        }
    }
    if (value->type == HL7_ADT_A37 && value->prior_id_count > 0) {
        buffer_put_text(buffer, "PID|2||");
        put_ids(value->prior_ids, value->prior_id_count, buffer);
        buffer_put_text(buffer, "\r");
    }
}
