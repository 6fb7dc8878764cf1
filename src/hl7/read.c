/* SPDX-License-Identifier: MIT */
#include "src/hl7/hl7_private.h"

#include <assert.h>

const struct hl7_type_row hl7_types[HL7_TYPE_COUNT] = {
#define HL7_TYPE(name, code, trigger, text) {code, trigger},
#define HL7_FIELD(name, segment, number, component, text)
#include "src/hl7/hl7.def"
#undef HL7_TYPE
#undef HL7_FIELD
};

const struct hl7_place hl7_places[HL7_FIELD_COUNT] = {
#define HL7_TYPE(name, code, trigger, text)
#define HL7_FIELD(name, segment, number, component, text) {segment, number, component},
#include "src/hl7/hl7.def"
#undef HL7_TYPE
#undef HL7_FIELD
};

#define SPLIT_MAX 40u /* fields of a segment that are split at once: all of hl7.def */

/* What every reader below needs. The first error stays; later reads then do nothing. */
struct reader {
    const struct hl7_message *message;
    struct arena *arena;
    enum hl7_charset charset;
    enum err err;
    const char *split;       /* segment whose fields stand below */
    slice fields[SPLIT_MAX]; /* from its name on */
    unsigned field_count;
};

/* Printable ASCII without a separator or an escape: it is what it says in every character set. Most fields are. */
static bool is_plain(const struct hl7_message *message, slice raw)
{
    for (size_t i = 0; i < raw.size; i++) {
        char byte = raw.data[i];
        if (byte < ' ' || byte > '~' || byte == message->component || byte == message->repetition || byte == message->escape ||
            byte == message->subcomponent) {
            return false;
        }
    }
    return true;
}

static slice copy_plain(struct reader *reader, slice raw)
{
    slice text = reader->err == ERR_OK && raw.size > 0 ? arena_copy(reader->arena, raw) : SLICE_EMPTY;
    reader->err = text.data == NULL ? ERR_LIMIT : reader->err;
    return text.data == NULL ? SLICE_EMPTY : text;
}

static slice decode(struct reader *reader, slice raw)
{
    slice text = SLICE_EMPTY;
    if (is_plain(reader->message, raw)) {
        return copy_plain(reader, raw);
    }
    if (reader->err == ERR_OK && raw.size > 0) {
        reader->err = hl7_decode(&text, reader->message, raw, reader->charset, reader->arena);
    }
    return reader->err == ERR_OK ? text : SLICE_EMPTY;
}

static slice decode_component(struct reader *reader, slice repetition, unsigned component)
{
    return decode(reader, hl7_component(reader->message, repetition, component));
}

/* The first subcomponent: HD namespace of an authority, FN surname of a name. */
static slice decode_first(struct reader *reader, slice repetition, unsigned component)
{
    slice raw = hl7_component(reader->message, repetition, component);
    return decode(reader, hl7_subcomponent(reader->message, raw, 1));
}

static bool find_type(const struct hl7_message *message, enum hl7_type *type)
{
    slice field = hl7_field(message, "MSH", 0, 9);
    slice code = hl7_component(message, field, 1), trigger = hl7_component(message, field, 2);
    if (hl7_segment_count(message, "MSA") > 0 || slice_equal(code, SLICE("ACK"))) {
        *type = HL7_ACK; /* ORR, ADR and others answer too: MSA decides */
        return true;
    }
    for (size_t i = 0; i < HL7_TYPE_COUNT; i++) {
        if (slice_equal(code, slice_from(hl7_types[i].code)) &&
            slice_equal(trigger, slice_from(hl7_types[i].trigger))) {
            *type = (enum hl7_type)i;
            return true;
        }
    }
    return false;
}

/* Segments of which only the first would be read: a second one is refused, not lost. */
static bool is_one_case(const struct hl7_message *message, enum hl7_type type)
{
    static const char once[][4] = {"MSA", "EVN", "MRG", "ORC", "OBR", "ZDS", "SCH"};
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++) {
        if (hl7_segment_count(message, once[i]) > 1) {
            return false;
        }
    }
    return hl7_segment_count(message, "PID") <= (type == HL7_ADT_A37 ? 2 : 1);
}

static bool is_version_2(const struct hl7_message *message)
{
    slice version = hl7_component(message, hl7_field(message, "MSH", 0, 12), 1);
    return version.size == 0 || slice_starts(version, SLICE("2."));
}

/* Places stand segment by segment, so each is split once. */
static void split(struct reader *reader, const char *segment)
{
    slice rest = hl7_segment(reader->message, segment);
    reader->split = segment;
    reader->field_count = 0;
    while (rest.data != NULL && reader->field_count < SPLIT_MAX) {
        reader->fields[reader->field_count++] = slice_cut(&rest, reader->message->field);
    }
}

static slice field_at(struct reader *reader, const struct hl7_place *place)
{
    bool header = memcmp(place->segment, "MSH", 4) == 0; /* MSH-1 is the separator itself */
    unsigned at = header ? place->number - 1 : place->number;
    if (reader->split == NULL || memcmp(reader->split, place->segment, 4) != 0) {
        split(reader, place->segment);
    }
    assert(at > 0 && at < SPLIT_MAX);
    return at < reader->field_count ? reader->fields[at] : SLICE_EMPTY;
}

static slice read_field(struct reader *reader, enum hl7_field_name name)
{
    const struct hl7_place *place = &hl7_places[name];
    slice field = field_at(reader, place);
    if (field.size == 0) {
        return SLICE_EMPTY;
    }
    if (is_plain(reader->message, field)) {
        return place->component == 1 ? copy_plain(reader, field) : SLICE_EMPTY; /* it has no other */
    }
    return decode_component(reader, hl7_repetition(reader->message, field, 0), place->component);
}

/* OBX-2 tells of what type OBX-5 is; PDFs and codes are not report text. */
static bool is_report_text(slice type)
{
    return type.size == 0 || slice_equal(type, SLICE("TX")) || slice_equal(type, SLICE("FT")) ||
           slice_equal(type, SLICE("ST"));
}

/* OBX-5 is text to its end, separators that somebody forgot to escape included. Repetitions and
 * further OBX segments are further lines. */
static slice read_report(struct reader *reader)
{
    const struct hl7_message *message = reader->message;
    size_t count = hl7_segment_count(message, "OBX"), size = 0, lines = 0;
    for (size_t i = 0; i < count; i++) {
        size += hl7_field(message, "OBX", (unsigned)i, 5).size + 1;
    }
    if (count == 0 || reader->err != ERR_OK) {
        return SLICE_EMPTY;
    }
    struct buffer raw = buffer_make(reader->arena, 5 * count + size);
    for (size_t i = 0; i < count; i++) {
        slice rest = hl7_field(message, "OBX", (unsigned)i, 5);
        if (!is_report_text(hl7_field(message, "OBX", (unsigned)i, 2))) {
            continue;
        }
        while (rest.data != NULL) {
            slice line = slice_cut(&rest, message->repetition);
            buffer_put(&raw, lines++ > 0 ? SLICE("\n") : SLICE_EMPTY);
            buffer_put(&raw, line);
        }
    }
    if (raw.full) {
        reader->err = ERR_LIMIT;
        return SLICE_EMPTY;
    }
    return decode(reader, buffer_slice(&raw));
}

static void read_fields(struct reader *reader, struct hl7_value *value)
{
    for (size_t i = 0; i < HL7_FIELD_COUNT; i++) {
        enum hl7_field_name name = (enum hl7_field_name)i;
        value->fields[i] =
            name == HL7_FIELD_REPORT ? read_report(reader) : read_field(reader, name);
    }
}

static void read_ids(struct reader *reader, slice field, struct hl7_id *ids, size_t *count)
{
    for (slice rest = field; rest.data != NULL && reader->err == ERR_OK;) {
        slice repetition = slice_cut(&rest, reader->message->repetition);
        struct hl7_id id = {.value = decode_component(reader, repetition, 1)};
        if (id.value.size == 0) {
            continue;
        }
        if (*count == HL7_REPETITIONS_MAX) {
            reader->err = ERR_LIMIT;
            return;
        }
        id.authority = decode_first(reader, repetition, 4);
        if (id.authority.size == 0) {
            id.authority = decode_first(reader, repetition, 6);
        }
        id.type = decode_component(reader, repetition, 5);
        ids[(*count)++] = id;
    }
}

static void read_names(struct reader *reader, slice field, slice kind_otherwise,
                       struct hl7_value *value)
{
    for (slice rest = field; rest.data != NULL && reader->err == ERR_OK;) {
        slice repetition = slice_cut(&rest, reader->message->repetition);
        struct hl7_name name = {.family = decode_first(reader, repetition, 1),
                                .given = decode_component(reader, repetition, 2),
                                .middle = decode_component(reader, repetition, 3),
                                .prefix = decode_component(reader, repetition, 5),
                                .kind = decode_component(reader, repetition, 7)};
        if (name.family.size + name.given.size + name.middle.size + name.prefix.size == 0) {
            continue;
        }
        if (value->name_count == HL7_REPETITIONS_MAX) {
            reader->err = ERR_LIMIT;
            return;
        }
        name.kind = name.kind.size == 0 ? kind_otherwise : name.kind;
        value->names[value->name_count++] = name;
    }
}

static void read_person(struct reader *reader, struct hl7_value *value)
{
    const struct hl7_message *message = reader->message;
    bool second = value->type == HL7_ADT_A37 && hl7_segment_count(message, "PID") == 2;
    slice prior = second ? hl7_field(message, "PID", 1, 3) : hl7_field(message, "MRG", 0, 1);
    read_ids(reader, hl7_field(message, "PID", 0, 3), value->ids, &value->id_count);
    read_ids(reader, prior, value->prior_ids, &value->prior_id_count);
    read_names(reader, hl7_field(message, "PID", 0, 5), SLICE_EMPTY, value);
    read_names(reader, hl7_field(message, "PID", 0, 9), SLICE("A"), value);
}

enum err hl7_read(struct hl7_value *value, const struct hl7_message *message, struct arena *arena)
{
    struct hl7_value row = {0};
    struct reader reader = {.message = message, .arena = arena, .err = ERR_OK};
    enum err err = hl7_charset_of(message, &reader.charset);
    if (err != ERR_OK) {
        return err;
    }
    if (!find_type(message, &row.type) || !is_version_2(message) ||
        !is_one_case(message, row.type)) {
        return ERR_BAD_MESSAGE;
    }
    read_fields(&reader, &row);
    read_person(&reader, &row);
    if (reader.err == ERR_OK && row.fields[HL7_FIELD_CONTROL_ID].size == 0) {
        reader.err = ERR_BAD_MESSAGE;
    }
    if (reader.err == ERR_OK) {
        *value = row;
    }
    return reader.err;
}
