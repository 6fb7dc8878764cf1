/* SPDX-License-Identifier: MIT */
#include "sim/ris/ris_private.h"

/* ---- The tables. */

enum verb {
#define RIS_VERB(name, type, control, status, needs, text) VERB_##name,
#include "sim/ris/verbs.def"
#undef RIS_VERB
    VERB_COUNT
};
static const struct verb_row {
    const char *name;
    enum hl7_type type;
    const char *control, *status;
} verbs[VERB_COUNT] = {
#define RIS_VERB(name, type, control, status, needs, text) {#name, HL7_##type, control, status},
#include "sim/ris/verbs.def"
#undef RIS_VERB
};

enum argument_kind { ARGUMENT_WHO, ARGUMENT_TEXT, ARGUMENT_TIME, ARGUMENT_AFTER, ARGUMENT_OTHER };
#define HL7_FIELD_NONE HL7_FIELD_COUNT
static const struct argument_row {
    const char *name;
    size_t size; /* of the name */
    enum argument_kind kind;
    unsigned field; /* HL7_FIELD_NONE: code below says where it goes */
} arguments[] = {
#define RIS_ARGUMENT(kind, name, field, text) {#name, sizeof #name - 1, ARGUMENT_##kind, HL7_FIELD_##field},
#include "sim/ris/arguments.def"
#undef RIS_ARGUMENT
};
#define ARGUMENT_COUNT (sizeof arguments / sizeof arguments[0])

/* ---- One message in the making. */

struct telling {
    const struct plan_entry *entry;
    enum verb verb;
    bool is_list;
    size_t nth; /* the case, from 0 */
    time_ns now, wall; /* the truth; what the clock on its wall says */
    struct out *out;
    enum err err; /* the first one stays */
};

static size_t part_count(slice list)
{
    size_t count = 0;
    for (slice rest = list; rest.data != NULL; count++) {
        (void)slice_cut(&rest, '\\');
    }
    return count;
}

/* The nth part; a list of one is the same for all. */
static slice part_of(slice list, size_t nth)
{
    slice rest = list, part = slice_cut(&rest, '\\');
    if (rest.data == NULL) {
        return part;
    }
    for (; nth > 0 && rest.data != NULL; nth--) {
        part = slice_cut(&rest, '\\');
    }
    return part;
}

static slice who(const struct telling *telling, const char *name)
{
    slice value = plan_get(telling->entry, name);
    return telling->is_list ? part_of(value, telling->nth) : value;
}

static slice who_or(const struct telling *telling, const char *name, slice otherwise)
{
    slice value = who(telling, name);
    return value.size > 0 ? value : otherwise;
}

/* Text of a buffer made in the step's arena. */
static slice made(struct telling *telling, const struct buffer *buffer)
{
    if (buffer->full) {
        telling->err = ERR_LIMIT;
        return SLICE_EMPTY;
    }
    return buffer_slice(buffer);
}

static slice stamp(struct telling *telling, time_ns at)
{
    struct buffer buffer = buffer_make(telling->out->arena, 32);
    time_put_ts(&buffer, at);
    return made(telling, &buffer);
}

static slice stamp_of(struct telling *telling, slice number, time_ns from)
{
    int64_t at = 0;
    if (!slice_to_int64(number, &at) || at < 0 || at > TIME_NEVER - from) {
        telling->err = ERR_BAD_INPUT;
        return SLICE_EMPTY;
    }
    return stamp(telling, from + at);
}

static void put_arguments(struct telling *telling, struct hl7_value *value)
{
    for (size_t i = 0; i < ARGUMENT_COUNT; i++) {
        const struct argument_row *row = &arguments[i];
        slice text = row->kind == ARGUMENT_WHO ? who(telling, row->name)
                                               : plan_get(telling->entry, row->name);
        if (row->field == HL7_FIELD_NONE || text.size == 0) {
            continue;
        }
        if (row->kind == ARGUMENT_TIME || row->kind == ARGUMENT_AFTER) {
            text = stamp_of(telling, text, row->kind == ARGUMENT_AFTER ? telling->wall : 0);
        }
        value->fields[row->field] = text;
    }
}

static void fill(slice *field, slice otherwise)
{
    *field = field->size == 0 ? otherwise : *field;
}

static bool is_adt(enum hl7_type type)
{
    return type == HL7_ADT_A04 || type == HL7_ADT_A08 || type == HL7_ADT_A40 || type == HL7_ADT_A37;
}

static bool is_exam(enum hl7_type type)
{
    return type == HL7_ORM_O01 || type == HL7_ORU_R01;
}

/* What the verb itself says, and what arguments that are absent mean. */
static void put_defaults(struct telling *telling, struct hl7_value *value)
{
    slice *fields = value->fields;
    const struct verb_row *row = &verbs[telling->verb];
    bool scheduled = fields[HL7_FIELD_SCHEDULED_AT].size > 0;
    fields[HL7_FIELD_ORDER_CONTROL] = slice_from(row->control);
    fields[HL7_FIELD_ORDER_STATUS] =
        telling->verb == VERB_order && scheduled ? SLICE("SC") : slice_from(row->status);
    if (is_adt(row->type)) {
        fill(&fields[HL7_FIELD_EVENT_AT], stamp(telling, telling->wall));
    } else {
        fields[HL7_FIELD_EVENT_AT] = SLICE_EMPTY; /* EVN belongs to ADT */
    }
    if (is_exam(row->type)) {
        fill(&fields[HL7_FIELD_ACCESSION_ISSUER], who(telling, "site"));
    }
    if (telling->verb == VERB_complete || telling->verb == VERB_report) {
        fill(&fields[HL7_FIELD_COMPLETED_AT], stamp(telling, telling->wall));
    }
    if (telling->verb == VERB_report) {
        fill(&fields[HL7_FIELD_RESULT_STATUS], SLICE("F"));
    }
    if (slice_equal(plan_get(telling->entry, "send_uid"), SLICE("1"))) {
        fields[HL7_FIELD_STUDY_UID] = plan_get(telling->entry, "study_uid");
    }
}

static bool is_verified(const struct telling *telling)
{
    return who(telling, "nhs").size > 0 && !slice_equal(who(telling, "nhs_verified"), SLICE("0"));
}

static void put_id(struct hl7_id *ids, size_t *count, slice value, slice authority, slice type)
{
    if (value.size > 0) {
        ids[(*count)++] = (struct hl7_id){value, authority, type};
    }
}

static void put_person(struct telling *telling, struct hl7_value *value)
{
    slice site = who(telling, "site"), nhs = who(telling, "nhs"), given = who(telling, "given");
    put_id(value->ids, &value->id_count, who(telling, "number"), site, SLICE("PI"));
    put_id(value->ids, &value->id_count, nhs, SLICE("NHS"), SLICE("NH"));
    put_id(value->prior_ids, &value->prior_id_count, who(telling, "prior_number"),
           who_or(telling, "prior_site", site), SLICE("PI"));
    if (nhs.size > 0) {
        /* NHS data dictionary: 01 present and verified, 02 present but not traced. */
        value->fields[HL7_FIELD_NHS_STATUS] = is_verified(telling) ? SLICE("01") : SLICE("02");
    }
    if (who(telling, "family").size + given.size > 0) {
        value->names[value->name_count++] =
            (struct hl7_name){who(telling, "family"), given, who(telling, "middle"),
                              who(telling, "prefix"), SLICE("L")};
    }
    if (who(telling, "previous_family").size + who(telling, "previous_given").size > 0) {
        value->names[value->name_count++] = (struct hl7_name){
            who(telling, "previous_family"), who_or(telling, "previous_given", given), SLICE_EMPTY,
            SLICE_EMPTY, who_or(telling, "previous_kind", SLICE("M"))};
    }
}

/* MSH. The control id is the time and a number, so that no two lives of RADIS2 use one twice: 20
 * characters. */
static void put_header(struct telling *telling, struct teller *teller, struct hl7_value *value)
{
    struct buffer id = buffer_make(telling->out->arena, 32);
    time_put_ts(&id, telling->now);
    buffer_put_padded(&id, ++teller->messages, 6);
    value->fields[HL7_FIELD_CONTROL_ID] = made(telling, &id);
    value->fields[HL7_FIELD_SENT_AT] = stamp(telling, telling->wall);
    value->fields[HL7_FIELD_SENDER] = teller->name;
    value->fields[HL7_FIELD_RECEIVER] = teller->receiver;
}

/* ---- The truth, for the judge. */

/* A copy in the step's arena: what the plan entry says is gone after the step. */
static slice kept(struct telling *telling, slice text)
{
    slice copy = arena_copy(telling->out->arena, text);
    if (copy.data == NULL) {
        telling->err = ERR_LIMIT;
        return SLICE_EMPTY;
    }
    return copy;
}

/* FAMILY^GIVEN of a former name; empty when none is told. */
static slice previous_name(struct telling *telling)
{
    slice family = who(telling, "previous_family"), given = who_or(telling, "previous_given", who(telling, "given"));
    struct buffer name = buffer_make(telling->out->arena, family.size + given.size + 1);
    if (family.size == 0) {
        return SLICE_EMPTY;
    }
    buffer_put(&name, family);
    buffer_put_text(&name, "^");
    buffer_put(&name, given);
    return made(telling, &name);
}

static struct observation *put_truth_person(struct telling *telling, slice person, slice number, slice issuer)
{
    slice family = who(telling, "family"), given = who(telling, "given");
    struct buffer name = buffer_make(telling->out->arena, family.size + given.size + 1);
    struct observation *truth = out_observe(telling->out, OBSERVATION_truth_person, telling->now);
    buffer_put(&name, family);
    buffer_put_text(&name, "^");
    buffer_put(&name, given);
    truth->person = kept(telling, person);
    truth->patient_id = kept(telling, number);
    truth->issuer = kept(telling, issuer);
    truth->nhs = kept(telling, who(telling, "nhs"));
    truth->name = made(telling, &name);
    truth->other_id = previous_name(telling);
    truth->text = kept(telling, who(telling, "birth_date"));
    truth->number = plan_get_int(telling->entry, "at", telling->now);
    truth->flag = is_verified(telling);
    return truth;
}

/* Whose a number is, when nothing else is told of her. */
static void put_truth_number(struct telling *telling, slice person, slice number, slice issuer)
{
    struct observation *truth = out_observe(telling->out, OBSERVATION_truth_person, telling->now);
    truth->person = kept(telling, person);
    truth->patient_id = kept(telling, number);
    truth->issuer = kept(telling, issuer);
    truth->number = plan_get_int(telling->entry, "at", telling->now);
}

static void put_truth_exam(struct telling *telling, const struct hl7_value *value)
{
    static const char *const status[VERB_COUNT] = {
        [VERB_order] = "ordered",      [VERB_schedule] = "scheduled", [VERB_arrive] = "arrived",
        [VERB_complete] = "completed", [VERB_cancel] = "cancelled",   [VERB_report] = "reported",
    };
    struct observation *truth = out_observe(telling->out, OBSERVATION_truth_exam, telling->now);
    truth->person = kept(telling, who(telling, "person"));
    truth->accession = kept(telling, value->fields[HL7_FIELD_ACCESSION]);
    truth->issuer = kept(telling, value->fields[HL7_FIELD_ACCESSION_ISSUER]);
    truth->study_uid = kept(telling, plan_get(telling->entry, "study_uid"));
    truth->text = slice_from(status[telling->verb]);
    truth->number = telling->verb == VERB_complete ? plan_get_int(telling->entry, "completed_at", 0) : 0;
}

static void put_truth_merged(struct telling *telling)
{
    slice site = who(telling, "site");
    struct observation *truth = out_observe(telling->out, OBSERVATION_truth_merged, telling->now);
    truth->person = kept(telling, who(telling, "person"));
    truth->patient_id = kept(telling, who(telling, "number"));
    truth->issuer = kept(telling, site);
    truth->other_id = kept(telling, who(telling, "prior_number"));
    truth->nhs = is_verified(telling) ? kept(telling, who(telling, "nhs")) : SLICE_EMPTY;
    truth->other_issuer = kept(telling, who_or(telling, "prior_site", site));
    truth->flag = slice_equal(plan_get(telling->entry, "wrong"), SLICE("1"));
    truth->name = truth->flag ? kept(telling, who(telling, "prior_person")) : SLICE_EMPTY;
}

static void put_truth(struct telling *telling, const struct hl7_value *value)
{
    slice site = who(telling, "site");
    switch (value->type) {
    case HL7_ADT_A04:
    case HL7_ADT_A08:
        put_truth_person(telling, who(telling, "person"), who(telling, "number"), site);
        return;
    case HL7_ADT_A37:
        put_truth_person(telling, who(telling, "person"), who(telling, "number"), site);
        put_truth_number(telling, who(telling, "prior_person"), who(telling, "prior_number"),
                         who_or(telling, "prior_site", site));
        return;
    case HL7_ADT_A40:
        put_truth_person(telling, who(telling, "person"), who(telling, "number"), site);
        put_truth_merged(telling);
        return;
    case HL7_ORM_O01:
    case HL7_ORU_R01:
        put_truth_exam(telling, value);
        if (telling->verb == VERB_arrive) { /* who was brought in unknown is somebody from here on */
            put_truth_person(telling, who(telling, "person"), who(telling, "number"), site);
        } else if (slice_equal(plan_get(telling->entry, "identified"), SLICE("1"))) { /* not each who arrives is told of then */
            put_truth_person(telling, who(telling, "person"), who(telling, "number"), site)->count = 1;
        }
        return;
    case HL7_SIU_S12:
    case HL7_SIU_S15: /* the list of a meeting may be where a number is told of first */
        put_truth_person(telling, who(telling, "person"), who(telling, "number"), site);
        return;
    default:
        return;
    }
}

/* ---- Into the outbox. */

/* What the engine will read must be what was meant: text that HL7 cannot carry is a fault of the
 * plan. */
static enum err check(const struct hl7_value *value, slice wire, struct hl7_value *back, struct arena *arena)
{
    struct hl7_message message;
    enum err err = hl7_parse(&message, wire, arena);
    err = err == ERR_OK ? hl7_read(back, &message, arena) : err;
    if (err == ERR_OK && !hl7_value_equal(value, back)) {
        err = ERR_BAD_MESSAGE;
    }
    return err == ERR_BAD_MESSAGE ? ERR_BAD_INPUT : err;
}

static enum err put_message(struct telling *telling, struct outbox *outbox, struct first *first,
                            const struct hl7_value *value)
{
    struct hl7_value back;
    bool is_first = outbox->count == 0; /* then it is read once, not again when it goes */
    if (is_first) {
        first->is_read = false;
        arena_reset(&first->arena);
    }
    struct buffer wire =
        outbox_begin(outbox, who(telling, "person"), plan_get(telling->entry, "study_uid"));
    size_t start = wire.size;
    hl7_write(value, &wire);
    enum err err = wire.full
                       ? ERR_LIMIT
                       : check(value, slice_after(buffer_slice(&wire), start), &back, is_first ? &first->arena : telling->out->arena);
    if (err == ERR_OK && !outbox_end(outbox, &wire)) {
        err = ERR_LIMIT;
    }
    if (err == ERR_OK && is_first) {
        first->value = back;
        first->is_read = true;
    }
    return err;
}

static enum err tell_case(struct telling *telling, struct teller *teller, struct outbox *outbox, struct first *first)
{
    struct hl7_value value = {.type = verbs[telling->verb].type};
    for (size_t i = 0; i < HL7_FIELD_COUNT; i++) {
        value.fields[i] = SLICE_EMPTY;
    }
    put_arguments(telling, &value);
    put_defaults(telling, &value);
    put_person(telling, &value);
    put_header(telling, teller, &value);
    if (telling->err == ERR_OK) {
        telling->err = put_message(telling, outbox, first, &value);
    }
    if (telling->err == ERR_OK) {
        put_truth(telling, &value);
    }
    return telling->err;
}

/* Every list of who is as long as that of `person`, or one value for all. */
static bool are_lists_equal(const struct plan_entry *entry, size_t cases)
{
    for (size_t i = 0; i < ARGUMENT_COUNT; i++) {
        size_t parts = part_count(plan_get(entry, arguments[i].name));
        if (arguments[i].kind == ARGUMENT_WHO && parts != 1 && parts != cases) {
            return false;
        }
    }
    return true;
}

static bool is_argument(slice name)
{
    for (size_t i = 0; i < ARGUMENT_COUNT; i++) {
        if (arguments[i].size == name.size && memcmp(name.data, arguments[i].name, name.size) == 0) {
            return true;
        }
    }
    return false;
}

/* An argument nobody reads would be left out in silence. */
static bool are_arguments_known(const struct plan_entry *entry)
{
    for (size_t i = 0; i < entry->argument_count; i++) {
        if (!is_argument(entry->arguments[i].name)) {
            return false;
        }
    }
    return true;
}

enum err tell(struct teller *teller, struct outbox *outbox, struct first *first, const struct plan_entry *entry,
              time_ns now, struct out *out)
{
    struct telling telling = {.entry = entry, .now = now, .wall = now + teller->clock_offset, .out = out, .err = ERR_OK};
    while (telling.verb < VERB_COUNT &&
           !slice_equal(entry->verb, slice_from(verbs[telling.verb].name))) {
        telling.verb++;
    }
    if (telling.verb == VERB_COUNT || !are_arguments_known(entry)) {
        return ERR_BAD_INPUT;
    }
    telling.is_list = telling.verb == VERB_meeting || telling.verb == VERB_meeting_cancel;
    size_t cases = telling.is_list ? part_count(plan_get(entry, "person")) : 1;
    if (telling.is_list && !are_lists_equal(entry, cases)) {
        return ERR_BAD_INPUT;
    }
    for (telling.nth = 0; telling.nth < cases && telling.err == ERR_OK; telling.nth++) {
        telling.err = tell_case(&telling, teller, outbox, first);
    }
    return telling.err;
}
