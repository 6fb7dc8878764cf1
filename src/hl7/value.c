/* SPDX-License-Identifier: MIT */
#include "src/hl7/hl7.h"

static bool ids_equal(const struct hl7_id *a, const struct hl7_id *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!slice_equal(a[i].value, b[i].value) || !slice_equal(a[i].authority, b[i].authority) ||
            !slice_equal(a[i].type, b[i].type)) {
            return false;
        }
    }
    return true;
}

static bool names_equal(const struct hl7_name *a, const struct hl7_name *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!slice_equal(a[i].family, b[i].family) || !slice_equal(a[i].given, b[i].given) ||
            !slice_equal(a[i].middle, b[i].middle) || !slice_equal(a[i].prefix, b[i].prefix) ||
            !slice_equal(a[i].kind, b[i].kind)) {
            return false;
        }
    }
    return true;
}

bool hl7_value_equal(const struct hl7_value *a, const struct hl7_value *b)
{
    if (a->type != b->type || a->id_count != b->id_count ||
        a->prior_id_count != b->prior_id_count || a->name_count != b->name_count) {
        return false;
    }
    for (size_t i = 0; i < HL7_FIELD_COUNT; i++) {
        if (!slice_equal(a->fields[i], b->fields[i])) {
            return false;
        }
    }
    return ids_equal(a->ids, b->ids, a->id_count) &&
           ids_equal(a->prior_ids, b->prior_ids, a->prior_id_count) &&
           names_equal(a->names, b->names, a->name_count);
}

/* Copies *text in place; false when the arena is full. */
static bool keep(slice *text, struct arena *arena)
{
    if (text->size == 0) {
        *text = SLICE_EMPTY;
        return true;
    }
    *text = arena_copy(arena, *text);
    return text->data != NULL;
}

static bool keep_ids(struct hl7_id *ids, size_t count, struct arena *arena)
{
    bool kept = true;
    for (size_t i = 0; i < count && kept; i++) {
        kept = keep(&ids[i].value, arena) && keep(&ids[i].authority, arena) &&
               keep(&ids[i].type, arena);
    }
    return kept;
}

static bool keep_names(struct hl7_name *names, size_t count, struct arena *arena)
{
    bool kept = true;
    for (size_t i = 0; i < count && kept; i++) {
        kept = keep(&names[i].family, arena) && keep(&names[i].given, arena) &&
               keep(&names[i].middle, arena) && keep(&names[i].prefix, arena) &&
               keep(&names[i].kind, arena);
    }
    return kept;
}

enum err hl7_value_copy(struct hl7_value *out, const struct hl7_value *from, struct arena *arena)
{
    struct hl7_value copy = *from;
    bool kept = true;
    for (size_t i = 0; i < HL7_FIELD_COUNT && kept; i++) {
        kept = keep(&copy.fields[i], arena);
    }
    kept = kept && keep_ids(copy.ids, copy.id_count, arena) &&
           keep_ids(copy.prior_ids, copy.prior_id_count, arena) &&
           keep_names(copy.names, copy.name_count, arena);
    if (!kept) {
        return ERR_LIMIT;
    }
    *out = copy;
    return ERR_OK;
}

const char *hl7_type_text(enum hl7_type type)
{
    static const char *const texts[HL7_TYPE_COUNT] = {
#define HL7_TYPE(name, code, trigger, text) code "^" trigger,
#define HL7_FIELD(name, segment, number, component, text)
#include "src/hl7/hl7.def"
#undef HL7_TYPE
#undef HL7_FIELD
    };
    return type == HL7_ACK ? "ACK" : texts[type]; /* the one without a trigger */
}

struct hl7_value hl7_ack(const struct hl7_value *to, slice code, slice text, slice control_id)
{
    struct hl7_value ack = {.type = HL7_ACK};
    bool accepted = slice_equal(code, SLICE("AA"));
    for (size_t i = 0; i < HL7_FIELD_COUNT; i++) {
        ack.fields[i] = SLICE_EMPTY;
    }
    ack.fields[HL7_FIELD_SENDER] = to->fields[HL7_FIELD_RECEIVER];
    ack.fields[HL7_FIELD_SENDER_SITE] = to->fields[HL7_FIELD_RECEIVER_SITE];
    ack.fields[HL7_FIELD_RECEIVER] = to->fields[HL7_FIELD_SENDER];
    ack.fields[HL7_FIELD_RECEIVER_SITE] = to->fields[HL7_FIELD_SENDER_SITE];
    ack.fields[HL7_FIELD_CONTROL_ID] = control_id;
    ack.fields[HL7_FIELD_ACK_CODE] = code;
    ack.fields[HL7_FIELD_ACK_OF] = to->fields[HL7_FIELD_CONTROL_ID];
    ack.fields[HL7_FIELD_ACK_TEXT] = text;
    ack.fields[HL7_FIELD_ERROR_CODE] = accepted ? SLICE_EMPTY : SLICE("207");
    return ack;
}
