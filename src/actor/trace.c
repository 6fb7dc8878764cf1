/* SPDX-License-Identifier: MIT
 *
 * Events and commands as lines for people. Fields that are empty are left out. */
#include "src/actor/serial.h"

#include <assert.h>

static const char *const event_names[EVENT_KIND_COUNT] = {
    "CLOCK", "PLAN", "ASKED", "OPENED", "REFUSED", "RECEIVED", "ROOM", "CLOSED", "RELAYED", "STORED", "OPERATOR",
};
static const char *const command_names[COMMAND_KIND_COUNT] = {
    "OPEN", "ACCEPT", "REJECT", "SEND", "CLOSE", "ABORT", "RELAY", "RELAY_END", "NOTE", "LISTEN", "DROP_ALL", "DISCARD",
};
static const char *const refusal_names[] = {"no-route", "timeout", "transient", "permanent", "protocol"};
static const char *const closed_names[] = {"released", "aborted-by-peer", "aborted-by-us", "lost", "timeout"};
static const char *const accept_names[] = {"serve", "spool", "relay"};
static const char *const plan_names[] = {"do", "fault", "heal"};
static const char *const field_names[HL7_FIELD_COUNT] = {
#define HL7_TYPE(name, code, trigger, text)
#define HL7_FIELD(name, segment, number, component, text) #name,
#include "src/hl7/hl7.def"
#undef HL7_TYPE
#undef HL7_FIELD
};

/* ---- Pieces. `put_name` writes the comma too, unless an object has just begun. */

static void put_name(struct buffer *buffer, const char *name)
{
    if (buffer->size > 0 && buffer->data[buffer->size - 1] != '{') {
        buffer_put_byte(buffer, ',');
    }
    buffer_put_byte(buffer, '"');
    buffer_put_text(buffer, name);
    buffer_put_text(buffer, "\":");
}

static void put_text(struct buffer *buffer, const char *name, slice text)
{
    if (text.size > 0) {
        put_name(buffer, name);
        buffer_put_json(buffer, text);
    }
}

static void put_word(struct buffer *buffer, const char *name, const char *word)
{
    put_text(buffer, name, slice_from(word));
}

static void put_int(struct buffer *buffer, const char *name, int64_t number)
{
    put_name(buffer, name);
    buffer_put_int(buffer, number);
}

static void put_int_set(struct buffer *buffer, const char *name, int64_t number)
{
    if (number != 0) {
        put_int(buffer, name, number);
    }
}

/* A span of one is nothing to tell. */
static void put_span(struct buffer *buffer, uint32_t span)
{
    put_int_set(buffer, "span", span > 1 ? span : 0);
}

static void put_true(struct buffer *buffer, const char *name, bool flag)
{
    if (flag) {
        put_name(buffer, name);
        buffer_put_text(buffer, "true");
    }
}

/* Statuses and tags are known to everybody by their hex digits. */
static void put_hex16(struct buffer *buffer, uint32_t number)
{
    static const char digits[] = "0123456789ABCDEF";
    for (int shift = 12; shift >= 0; shift -= 4) {
        buffer_put_byte(buffer, (uint8_t)digits[number >> shift & 15]);
    }
}

static void put_separator(struct buffer *buffer, size_t index)
{
    if (index > 0) {
        buffer_put_byte(buffer, ',');
    }
}

/* ---- Messages. */

static void put_dataset(struct buffer *buffer, const struct dataset *dataset, unsigned depth);

static void put_tag(struct buffer *buffer, uint32_t tag)
{
    const char *keyword = tag_keyword(tag);
    buffer_put_byte(buffer, '"');
    if (keyword[0] != '\0') {
        buffer_put_text(buffer, keyword);
    } else {
        put_hex16(buffer, tag >> 16);
        buffer_put_byte(buffer, ',');
        put_hex16(buffer, tag & 0xFFFF);
    }
    buffer_put_text(buffer, "\":");
}

static void put_binary(struct buffer *buffer, const struct element *element)
{
    slice value = slice_before(element->value, 16);
    buffer_put_byte(buffer, '"');
    buffer_put_hex(buffer, value);
    buffer_put_text(buffer, value.size < element->value.size ? "...\"" : "\"");
}

static bool is_binary(uint16_t vr)
{
    static const uint16_t binary[] = {VR('U', 'S'), VR('U', 'L'), VR('S', 'S'), VR('S', 'L'), VR('O', 'B'), VR('O', 'W'),
                                      VR('U', 'N'), VR('F', 'L'), VR('F', 'D'), VR('A', 'T'), VR('O', 'F'), VR('O', 'D')};
    for (size_t i = 0; i < sizeof binary / sizeof binary[0]; i++) {
        if (vr == binary[i]) {
            return true;
        }
    }
    return false;
}

static void put_element(struct buffer *buffer, const struct element *element, unsigned depth)
{
    put_tag(buffer, element->tag);
    if (element->vr == VR('S', 'Q')) {
        buffer_put_byte(buffer, '[');
        for (uint32_t i = 0; i < element->item_count; i++) {
            put_separator(buffer, i);
            put_dataset(buffer, &element->items[i], depth + 1);
        }
        buffer_put_byte(buffer, ']');
    } else if (is_binary(element->vr)) {
        put_binary(buffer, element);
    } else {
        buffer_put_json(buffer, slice_unpad(element->value));
    }
}

static void put_dataset(struct buffer *buffer, const struct dataset *dataset, unsigned depth)
{
    buffer_put_byte(buffer, '{');
    for (uint32_t i = 0; i < dataset->count && depth <= DATASET_DEPTH_MAX; i++) {
        put_separator(buffer, i);
        put_element(buffer, &dataset->elements[i], depth);
    }
    buffer_put_byte(buffer, '}');
}

static void put_object(struct buffer *buffer, const struct object *object)
{
    put_text(buffer, "study_uid", object->study_uid);
    put_text(buffer, "series_uid", object->series_uid);
    put_text(buffer, "syntax", object->transfer_syntax);
    put_text(buffer, "patient_id", object->patient_id);
    put_text(buffer, "patient_issuer", object->patient_issuer);
    put_text(buffer, "accession", object->accession);
    put_text(buffer, "modality", object->modality);
    put_text(buffer, "dataset_sha256", object->dataset_sha256);
    put_text(buffer, "pixel_sha256", object->pixel_sha256);
    put_text(buffer, "file", object->file);
    put_int_set(buffer, "size", object->size);
    put_span(buffer, object->span);
}

static void put_counters(struct buffer *buffer, const struct dimse *dimse)
{
    const struct {
        const char *name;
        int32_t number;
    } counters[] = {{"remaining", dimse->remaining}, {"completed", dimse->completed}, {"failed", dimse->failed}, {"warning", dimse->warning}};
    bool counted = dimse->kind == DIMSE_C_MOVE_RSP || dimse->kind == DIMSE_C_GET_RSP;
    for (size_t i = 0; counted && i < sizeof counters / sizeof counters[0]; i++) {
        if (counters[i].number != DIMSE_COUNTER_ABSENT) {
            put_int(buffer, counters[i].name, counters[i].number);
        }
    }
}

static void put_dimse(struct buffer *buffer, const struct dimse *dimse)
{
    const char *kind = dimse_text(dimse->kind);
    put_word(buffer, "dimse", kind);
    put_int_set(buffer, "context", dimse->context_id);
    put_int(buffer, "id", dimse->message_id);
    if (slice_ends(slice_from(kind), SLICE("RSP"))) {
        put_name(buffer, "status");
        buffer_put_byte(buffer, '"');
        put_hex16(buffer, dimse->status);
        buffer_put_byte(buffer, '"');
    }
    put_text(buffer, "class", dimse->sop_class_uid);
    put_text(buffer, "instance", dimse->sop_instance_uid);
    put_text(buffer, "destination", dimse->move_destination);
    put_text(buffer, "originator", dimse->move_originator);
    put_int_set(buffer, "originator_id", dimse->move_originator_id);
    put_counters(buffer, dimse);
    put_text(buffer, "comment", dimse->error_comment);
    put_int_set(buffer, "type", dimse->type_id);
    put_object(buffer, &dimse->object);
    put_span(buffer, dimse->span);
    if (dimse->identifier != NULL) {
        put_name(buffer, "keys");
        put_dataset(buffer, dimse->identifier, 0);
    }
}

static void put_ids(struct buffer *buffer, const char *name, const struct hl7_id *ids, size_t count)
{
    if (count == 0) {
        return;
    }
    put_name(buffer, name);
    buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < count; i++) {
        put_separator(buffer, i);
        buffer_put_byte(buffer, '{');
        put_text(buffer, "value", ids[i].value);
        put_text(buffer, "authority", ids[i].authority);
        put_text(buffer, "type", ids[i].type);
        buffer_put_byte(buffer, '}');
    }
    buffer_put_byte(buffer, ']');
}

static void put_names(struct buffer *buffer, const struct hl7_value *value)
{
    if (value->name_count == 0) {
        return;
    }
    put_name(buffer, "names");
    buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < value->name_count; i++) {
        put_separator(buffer, i);
        buffer_put_byte(buffer, '{');
        put_text(buffer, "family", value->names[i].family);
        put_text(buffer, "given", value->names[i].given);
        put_text(buffer, "middle", value->names[i].middle);
        put_text(buffer, "prefix", value->names[i].prefix);
        put_text(buffer, "kind", value->names[i].kind);
        buffer_put_byte(buffer, '}');
    }
    buffer_put_byte(buffer, ']');
}

static void put_hl7(struct buffer *buffer, const struct message *message)
{
    const struct hl7_value *value = &message->hl7;
    if (message->unreadable.size > 0) {
        put_text(buffer, "unreadable", message->unreadable);
        return;
    }
    put_word(buffer, "hl7", hl7_type_text(value->type));
    for (size_t i = 0; i < HL7_FIELD_COUNT; i++) {
        put_text(buffer, field_names[i], value->fields[i]);
    }
    put_ids(buffer, "ids", value->ids, value->id_count);
    put_ids(buffer, "prior_ids", value->prior_ids, value->prior_id_count);
    put_names(buffer, value);
}

static void put_run(struct buffer *buffer, const struct run *run)
{
    put_name(buffer, "messages");
    buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < run->count; i++) {
        put_separator(buffer, i);
        buffer_put_byte(buffer, '{');
        if (run->messages[i].protocol == PROTOCOL_DICOM) {
            put_dimse(buffer, &run->messages[i].dimse);
        } else {
            put_hl7(buffer, &run->messages[i]);
        }
        buffer_put_byte(buffer, '}');
    }
    buffer_put_byte(buffer, ']');
}

/* [{"id":1,"class":"1.2...","result":0,"syntax":"1.2..."}], proposed syntaxes where none was accepted. */
static void put_contexts(struct buffer *buffer, const struct contexts *contexts)
{
    put_name(buffer, "contexts");
    buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < contexts->count; i++) {
        const struct context *context = &contexts->list[i];
        put_separator(buffer, i);
        buffer_put_byte(buffer, '{');
        put_int(buffer, "id", context->id);
        put_text(buffer, "class", context->abstract_syntax);
        put_int(buffer, "result", context->result);
        put_text(buffer, "syntax", context->accepted_syntax);
        if (context->accepted_syntax.size == 0) {
            put_name(buffer, "syntaxes");
            buffer_put_byte(buffer, '[');
            for (size_t s = 0; s < context->syntax_count; s++) {
                put_separator(buffer, s);
                buffer_put_json(buffer, context->transfer_syntaxes[s]);
            }
            buffer_put_byte(buffer, ']');
        }
        buffer_put_byte(buffer, '}');
    }
    buffer_put_byte(buffer, ']');
}

static void put_rejection(struct buffer *buffer, uint8_t result, uint8_t source, uint8_t reason)
{
    put_int_set(buffer, "result", result);
    put_int_set(buffer, "source", source);
    put_int_set(buffer, "reason", reason);
}

static void put_plan(struct buffer *buffer, const struct plan_entry *plan)
{
    put_int(buffer, "row", plan->id);
    put_word(buffer, "kind", plan_names[plan->kind]);
    put_text(buffer, "verb", plan->verb);
    put_name(buffer, "args");
    buffer_put_byte(buffer, '{');
    for (size_t i = 0; i < plan->argument_count; i++) {
        put_separator(buffer, i);
        buffer_put_json(buffer, plan->arguments[i].name);
        buffer_put_byte(buffer, ':');
        buffer_put_json(buffer, plan->arguments[i].value);
    }
    buffer_put_byte(buffer, '}');
}

static void put_results(struct buffer *buffer, const struct event *event)
{
    put_int(buffer, "job", event->job);
    put_name(buffer, "results");
    buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < event->result_count; i++) {
        const struct relay_result *result = &event->results[i];
        put_separator(buffer, i);
        buffer_put_byte(buffer, '{');
        put_text(buffer, "instance", result->sop_instance_uid);
        put_name(buffer, "status");
        buffer_put_byte(buffer, '"');
        put_hex16(buffer, result->status);
        buffer_put_byte(buffer, '"');
        put_text(buffer, "dataset_sha256", result->dataset_sha256);
        put_text(buffer, "pixel_sha256", result->pixel_sha256);
        put_int_set(buffer, "size", result->size);
        put_span(buffer, result->span);
        buffer_put_byte(buffer, '}');
    }
    buffer_put_byte(buffer, ']');
    put_true(buffer, "ended", event->relay_ended);
    put_text(buffer, "text", event->relay_text);
}

/* ---- Events. */

static void put_event_body(struct buffer *buffer, const struct event *event)
{
    switch (event->kind) {
    case EVENT_ASKED:
        put_text(buffer, "calling", event->calling);
        put_text(buffer, "called", event->called);
        put_text(buffer, "address", event->address);
        put_contexts(buffer, &event->contexts);
        break;
    case EVENT_OPENED:
        put_contexts(buffer, &event->contexts);
        break;
    case EVENT_REFUSED:
        put_word(buffer, "refusal", refusal_names[event->refusal]);
        put_rejection(buffer, event->reject_result, event->reject_source, event->reject_reason);
        break;
    case EVENT_RECEIVED:
        put_run(buffer, &event->run);
        break;
    case EVENT_CLOSED:
        put_word(buffer, "cause", closed_names[event->cause]);
        break;
    case EVENT_RELAYED:
        put_results(buffer, event);
        break;
    case EVENT_STORED:
        put_text(buffer, "instance", event->object.sop_instance_uid);
        put_object(buffer, &event->object);
        break;
    case EVENT_PLAN:
    case EVENT_OPERATOR:
        put_plan(buffer, &event->plan);
        break;
    case EVENT_CLOCK:
    case EVENT_ROOM:
    case EVENT_KIND_COUNT:
        break;
    }
}

void event_put_json(const struct event *event, struct buffer *buffer)
{
    assert(event->kind < EVENT_KIND_COUNT);
    buffer_put_byte(buffer, '{');
    put_int(buffer, "t", event->at_ns);
    put_int(buffer, "n", event->sequence);
    put_word(buffer, "in", event_names[event->kind]);
    put_int_set(buffer, "channel", event->channel);
    put_event_body(buffer, event);
    buffer_put_byte(buffer, '}');
}

/* ---- Commands. */

static void put_relay(struct buffer *buffer, const struct relay_job *job)
{
    put_int(buffer, "job", job->id);
    put_int(buffer, "holder", job->holder);
    put_int(buffer, "destination", job->destination);
    put_text(buffer, "alias", job->called_alias);
    put_text(buffer, "study_uid", job->study_uid);
    int64_t instances = 0;
    for (size_t i = 0; i < job->item_count; i++) {
        instances += span_count(job->items[i].span);
    }
    put_int(buffer, "instances", instances);
    if (job->coercion != NULL) {
        put_name(buffer, "coercion");
        put_dataset(buffer, job->coercion, 0);
    }
    put_int(buffer, "deadline", job->deadline_ns);
}

static void put_command_body(struct buffer *buffer, const struct command *command)
{
    switch (command->kind) {
    case COMMAND_OPEN:
        put_word(buffer, "protocol", command->protocol == PROTOCOL_HL7 ? "hl7" : "dicom");
        put_int(buffer, "peer", command->peer);
        put_text(buffer, "calling", command->calling);
        put_text(buffer, "called", command->called);
        put_span(buffer, command->span);
        put_contexts(buffer, &command->contexts);
        break;
    case COMMAND_ACCEPT:
        put_word(buffer, "as", accept_names[command->accept]);
        put_int_set(buffer, "job", command->job);
        put_contexts(buffer, &command->contexts);
        break;
    case COMMAND_REJECT:
        put_rejection(buffer, command->reject_result, command->reject_source, command->reject_reason);
        break;
    case COMMAND_SEND:
        put_run(buffer, &command->run);
        break;
    case COMMAND_RELAY:
        put_relay(buffer, &command->relay);
        break;
    case COMMAND_RELAY_END:
        put_int(buffer, "job", command->job);
        break;
    case COMMAND_NOTE:
    case COMMAND_DISCARD:
        put_text(buffer, "text", command->text);
        break;
    case COMMAND_LISTEN:
        put_int(buffer, "listen", command->flag);
        break;
    case COMMAND_CLOSE:
    case COMMAND_ABORT:
    case COMMAND_DROP_ALL:
    case COMMAND_KIND_COUNT:
        break;
    }
}

void command_put_json(const struct command *command, time_ns at_ns, struct buffer *buffer)
{
    assert(command->kind < COMMAND_KIND_COUNT);
    buffer_put_byte(buffer, '{');
    put_int(buffer, "t", at_ns);
    put_word(buffer, "out", command_names[command->kind]);
    put_int_set(buffer, "channel", command->channel);
    put_command_body(buffer, command);
    buffer_put_byte(buffer, '}');
}
