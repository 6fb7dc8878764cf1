/* SPDX-License-Identifier: MIT
 *
 * One walk over each value serves three ends: writing it, reading it, and copying it deeply. So what is written
 * is what is read, and a new field is added in one place. */
#include "src/actor/serial.h"

#include <assert.h>

#define SERIAL_VERSION 2u
#define HEAD_SIZE 6u /* letter, version, u32 size of the rest */
#define LIST_MAX (1u << 20)

enum codec_mode { CODEC_WRITE, CODEC_READ, CODEC_COPY };

struct codec {
    enum codec_mode mode;
    struct buffer *buffer; /* WRITE */
    struct cursor cursor;  /* READ */
    struct arena *arena;   /* READ and COPY */
    bool bad, full;
};

/* ---- Scalars, texts and lists. */

static uint64_t code_number(struct codec *codec, uint64_t value, size_t size)
{
    if (codec->mode == CODEC_WRITE) {
        char bytes[8];
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (char)(value >> (8 * i));
        }
        buffer_put(codec->buffer, (slice){bytes, size});
        return value;
    }
    if (codec->mode == CODEC_COPY) {
        return value;
    }
    slice bytes = cursor_bytes(&codec->cursor, size);
    uint64_t number = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        number |= (uint64_t)(uint8_t)bytes.data[i] << (8 * i);
    }
    return number;
}

/* A field is assigned to only when reading: what is written may stand in constant memory. */
#define CODE(codec, size, field)                                                                   \
    do {                                                                                           \
        uint64_t coded_ = code_number((codec), (uint64_t)(field), (size));                         \
        if ((codec)->mode == CODEC_READ) {                                                         \
            (field) = coded_;                                                                      \
        }                                                                                          \
    } while (0)

/* As CODE, for an enumeration below `limit`. */
#define CODE_ENUM(codec, field, limit)                                                             \
    do {                                                                                           \
        uint64_t coded_ = code_number((codec), (uint64_t)(field), 1);                              \
        if ((codec)->mode == CODEC_READ) {                                                         \
            (codec)->bad = (codec)->bad || coded_ >= (uint64_t)(limit);                            \
            (field) = coded_ >= (uint64_t)(limit) ? 0 : coded_;                                    \
        }                                                                                          \
    } while (0)

static void code_slice(struct codec *codec, slice *text)
{
    if (codec->mode == CODEC_COPY && text->size == 0) {
        *text = SLICE_EMPTY; /* most are */
        return;
    }
    size_t size = (size_t)code_number(codec, text->size, 4);
    if (codec->mode == CODEC_WRITE) {
        buffer_put(codec->buffer, *text);
        return;
    }
    slice from = codec->mode == CODEC_READ ? cursor_bytes(&codec->cursor, size) : *text;
    *text = from.size == 0 ? SLICE_EMPTY : arena_copy(codec->arena, from);
    if (text->data == NULL) {
        *text = SLICE_EMPTY;
        codec->full = true;
    }
}

/* Room for the items when reading, a shallow copy when copying, the list itself when writing. The items are the
 * caller's to walk. */
static void *code_list(struct codec *codec, const void *list, size_t *count, size_t item_size)
{
    size_t number = (size_t)code_number(codec, *count, 4);
    if (codec->mode == CODEC_WRITE) {
        return (void *)(uintptr_t)list;
    }
    /* Every item takes a byte at least, so a count that lies cannot ask for much. */
    if (codec->mode == CODEC_READ && (number > codec->cursor.rest.size || number > LIST_MAX)) {
        codec->bad = true;
        number = 0;
    }
    *count = number;
    void *items = number == 0 ? NULL : arena_array(codec->arena, number, item_size);
    if (number > 0 && items == NULL) {
        codec->full = true;
        *count = 0;
    } else if (number > 0 && codec->mode == CODEC_COPY) {
        memcpy(items, list, number * item_size);
    }
    return items;
}

static bool code_present(struct codec *codec, bool present)
{
    return code_number(codec, present, 1) != 0;
}

/* ---- Data sets, objects, contexts. */

static void code_dataset(struct codec *codec, struct dataset *dataset, unsigned depth);

static void code_element(struct codec *codec, struct element *element, unsigned depth)
{
    CODE(codec, 4, element->tag);
    CODE(codec, 2, element->vr);
    code_slice(codec, &element->value);
    size_t count = element->item_count;
    struct dataset *items = code_list(codec, element->items, &count, sizeof *items);
    if (codec->mode != CODEC_WRITE) {
        element->items = items;
        element->item_count = (uint32_t)count;
    }
    for (size_t i = 0; i < count; i++) {
        code_dataset(codec, &items[i], depth + 1);
    }
}

static void code_dataset(struct codec *codec, struct dataset *dataset, unsigned depth)
{
    if (depth > DATASET_DEPTH_MAX) {
        codec->bad = true;
        return;
    }
    size_t count = dataset->count;
    struct element *elements = code_list(codec, dataset->elements, &count, sizeof *elements);
    if (codec->mode != CODEC_WRITE) {
        *dataset = (struct dataset){elements, (uint32_t)count, (uint32_t)count};
    }
    for (size_t i = 0; i < count; i++) {
        code_element(codec, &elements[i], depth);
    }
}

static void code_dataset_pointer(struct codec *codec, struct dataset **pointer)
{
    struct dataset *from = *pointer;
    if (!code_present(codec, from != NULL)) {
        if (codec->mode == CODEC_READ) {
            *pointer = NULL;
        }
        return;
    }
    if (codec->mode == CODEC_WRITE) {
        code_dataset(codec, from, 0);
        return;
    }
    struct dataset *made = arena_alloc(codec->arena, sizeof *made);
    *pointer = made;
    if (made == NULL) {
        codec->full = true;
        return;
    }
    if (codec->mode == CODEC_COPY) {
        *made = *from;
    }
    code_dataset(codec, made, 0);
}

static void code_object(struct codec *codec, struct object *object)
{
    slice *const texts[] = {
        &object->sop_class_uid,  &object->sop_instance_uid, &object->study_uid,    &object->series_uid,
        &object->transfer_syntax, &object->patient_id,      &object->patient_issuer, &object->patient_name,
        &object->birth_date,     &object->accession,        &object->accession_issuer, &object->modality,
        &object->dataset_sha256, &object->pixel_sha256,     &object->file,
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        code_slice(codec, texts[i]);
    }
    CODE(codec, 8, object->size);
    CODE(codec, 8, object->study);
    CODE(codec, 8, object->instance);
    CODE(codec, 4, object->span);
    code_dataset_pointer(codec, &object->changed);
}

static void code_contexts(struct codec *codec, struct contexts *contexts)
{
    size_t count = contexts->count;
    struct context *list = code_list(codec, contexts->list, &count, sizeof *list);
    if (codec->mode != CODEC_WRITE) {
        *contexts = (struct contexts){list, count};
    }
    for (size_t i = 0; i < count; i++) {
        CODE(codec, 1, list[i].id);
        code_slice(codec, &list[i].abstract_syntax);
        CODE_ENUM(codec, list[i].syntax_count, CONTEXT_SYNTAXES_MAX + 1);
        for (size_t s = 0; s < list[i].syntax_count; s++) {
            code_slice(codec, &list[i].transfer_syntaxes[s]);
        }
        CODE(codec, 1, list[i].scu);
        CODE(codec, 1, list[i].scp);
        CODE_ENUM(codec, list[i].result, CONTEXT_SYNTAX_UNKNOWN + 1);
        code_slice(codec, &list[i].accepted_syntax);
    }
}

/* ---- Messages. */

static void code_dimse(struct codec *codec, struct dimse *dimse)
{
    CODE_ENUM(codec, dimse->kind, DIMSE_COUNT);
    CODE(codec, 1, dimse->context_id);
    CODE(codec, 2, dimse->message_id);
    CODE(codec, 2, dimse->status);
    CODE(codec, 2, dimse->priority);
    code_slice(codec, &dimse->sop_class_uid);
    code_slice(codec, &dimse->sop_instance_uid);
    code_slice(codec, &dimse->move_destination);
    code_slice(codec, &dimse->move_originator);
    CODE(codec, 2, dimse->move_originator_id);
    CODE(codec, 4, dimse->remaining);
    CODE(codec, 4, dimse->completed);
    CODE(codec, 4, dimse->failed);
    CODE(codec, 4, dimse->warning);
    code_slice(codec, &dimse->error_comment);
    CODE(codec, 2, dimse->type_id);
    CODE(codec, 4, dimse->span);
    code_dataset_pointer(codec, &dimse->identifier);
    if (dimse->kind == DIMSE_C_STORE_RQ || dimse->kind == DIMSE_C_STORE_RSP) {
        code_object(codec, &dimse->object);
    }
}

static void code_ids(struct codec *codec, struct hl7_id *ids, size_t *count)
{
    CODE_ENUM(codec, *count, HL7_REPETITIONS_MAX + 1);
    for (size_t i = 0; i < *count; i++) {
        code_slice(codec, &ids[i].value);
        code_slice(codec, &ids[i].authority);
        code_slice(codec, &ids[i].type);
    }
}

static void code_hl7(struct codec *codec, struct hl7_value *value)
{
    CODE_ENUM(codec, value->type, HL7_TYPE_COUNT);
    for (size_t i = 0; i < HL7_FIELD_COUNT; i++) {
        code_slice(codec, &value->fields[i]);
    }
    code_ids(codec, value->ids, &value->id_count);
    code_ids(codec, value->prior_ids, &value->prior_id_count);
    CODE_ENUM(codec, value->name_count, HL7_REPETITIONS_MAX + 1);
    for (size_t i = 0; i < value->name_count; i++) {
        code_slice(codec, &value->names[i].family);
        code_slice(codec, &value->names[i].given);
        code_slice(codec, &value->names[i].middle);
        code_slice(codec, &value->names[i].prefix);
        code_slice(codec, &value->names[i].kind);
    }
}

static void code_message(struct codec *codec, struct message *message)
{
    CODE_ENUM(codec, message->protocol, PROTOCOL_HL7 + 1);
    if (message->protocol == PROTOCOL_DICOM) {
        code_dimse(codec, &message->dimse);
    } else {
        code_hl7(codec, &message->hl7);
        code_slice(codec, &message->unreadable);
    }
}

static void code_run(struct codec *codec, struct run *run)
{
    size_t count = run->count;
    struct message *messages = code_list(codec, run->messages, &count, sizeof *messages);
    if (codec->mode != CODEC_WRITE) {
        *run = (struct run){messages, count};
    }
    for (size_t i = 0; i < count; i++) {
        code_message(codec, &messages[i]);
    }
}

static void code_plan(struct codec *codec, struct plan_entry *plan)
{
    CODE_ENUM(codec, plan->kind, PLAN_HEAL + 1);
    CODE(codec, 8, plan->id);
    code_slice(codec, &plan->verb);
    CODE_ENUM(codec, plan->argument_count, PLAN_ARGUMENTS_MAX + 1);
    for (size_t i = 0; i < plan->argument_count; i++) {
        code_slice(codec, &plan->arguments[i].name);
        code_slice(codec, &plan->arguments[i].value);
    }
}

/* ---- Relay. */

static void code_results(struct codec *codec, struct event *event)
{
    size_t count = event->result_count;
    struct relay_result *results = code_list(codec, event->results, &count, sizeof *results);
    if (codec->mode != CODEC_WRITE) {
        event->results = results;
        event->result_count = count;
    }
    for (size_t i = 0; i < count; i++) {
        CODE(codec, 8, results[i].job);
        code_slice(codec, &results[i].sop_instance_uid);
        CODE(codec, 2, results[i].status);
        code_slice(codec, &results[i].dataset_sha256);
        code_slice(codec, &results[i].pixel_sha256);
        CODE(codec, 8, results[i].size);
        CODE(codec, 4, results[i].span);
    }
}

static void code_relay_items(struct codec *codec, struct relay_job *job)
{
    size_t count = job->item_count;
    struct relay_item *items = code_list(codec, job->items, &count, sizeof *items);
    if (codec->mode != CODEC_WRITE) {
        job->items = items;
        job->item_count = count;
    }
    for (size_t i = 0; i < count; i++) {
        code_slice(codec, &items[i].sop_instance_uid);
        code_slice(codec, &items[i].sop_class_uid);
        CODE(codec, 4, items[i].span);
    }
}

static void code_relay_job(struct codec *codec, struct relay_job *job)
{
    CODE(codec, 8, job->id);
    CODE(codec, 4, job->holder);
    CODE(codec, 4, job->destination);
    code_slice(codec, &job->called_alias);
    code_slice(codec, &job->study_uid);
    code_relay_items(codec, job);
    struct dataset *coercion = (struct dataset *)(uintptr_t)job->coercion;
    code_dataset_pointer(codec, &coercion);
    if (codec->mode != CODEC_WRITE) {
        job->coercion = coercion;
    }
    code_slice(codec, &job->coercion_source);
    code_slice(codec, &job->move_originator);
    CODE(codec, 2, job->move_originator_id);
    CODE(codec, 8, job->deadline_ns);
}

/* ---- Events. */

static void code_event(struct codec *codec, struct event *event)
{
    CODE_ENUM(codec, event->kind, EVENT_KIND_COUNT);
    CODE(codec, 8, event->at_ns);
    CODE(codec, 8, event->sequence);
    CODE(codec, 8, event->channel);
    CODE_ENUM(codec, event->protocol, PROTOCOL_HL7 + 1);
    switch (event->kind) {
    case EVENT_ASKED:
        code_slice(codec, &event->calling);
        code_slice(codec, &event->called);
        code_slice(codec, &event->address);
        code_contexts(codec, &event->contexts);
        break;
    case EVENT_OPENED:
        code_contexts(codec, &event->contexts);
        break;
    case EVENT_REFUSED:
        CODE_ENUM(codec, event->refusal, REFUSAL_PROTOCOL + 1);
        CODE(codec, 1, event->reject_result);
        CODE(codec, 1, event->reject_source);
        CODE(codec, 1, event->reject_reason);
        break;
    case EVENT_RECEIVED:
        code_run(codec, &event->run);
        break;
    case EVENT_CLOSED:
        CODE_ENUM(codec, event->cause, CLOSED_TIMEOUT + 1);
        break;
    case EVENT_RELAYED:
        CODE(codec, 8, event->job);
        code_results(codec, event);
        CODE(codec, 1, event->relay_ended);
        code_slice(codec, &event->relay_text);
        break;
    case EVENT_STORED:
        code_object(codec, &event->object);
        break;
    case EVENT_PLAN:
    case EVENT_OPERATOR:
        code_plan(codec, &event->plan);
        break;
    case EVENT_CLOCK:
    case EVENT_ROOM:
    case EVENT_KIND_COUNT:
        break;
    }
}

/* ---- Commands. */

static void code_open(struct codec *codec, struct command *command)
{
    CODE(codec, 4, command->peer);
    code_slice(codec, &command->calling);
    code_slice(codec, &command->called);
    code_contexts(codec, &command->contexts);
    CODE(codec, 8, command->timeout_ns);
    CODE(codec, 4, command->span);
}

static void code_command(struct codec *codec, struct command *command)
{
    CODE_ENUM(codec, command->kind, COMMAND_KIND_COUNT);
    CODE(codec, 8, command->channel);
    CODE_ENUM(codec, command->protocol, PROTOCOL_HL7 + 1);
    switch (command->kind) {
    case COMMAND_OPEN:
        code_open(codec, command);
        break;
    case COMMAND_ACCEPT:
        CODE_ENUM(codec, command->accept, ACCEPT_RELAY + 1);
        CODE(codec, 8, command->job);
        code_contexts(codec, &command->contexts);
        break;
    case COMMAND_REJECT:
        CODE(codec, 1, command->reject_result);
        CODE(codec, 1, command->reject_source);
        CODE(codec, 1, command->reject_reason);
        break;
    case COMMAND_SEND:
        CODE(codec, 1, command->one_by_one);
        code_run(codec, &command->run);
        break;
    case COMMAND_RELAY:
        code_relay_job(codec, &command->relay);
        break;
    case COMMAND_RELAY_END:
        CODE(codec, 8, command->job);
        break;
    case COMMAND_NOTE:
    case COMMAND_DISCARD:
        code_slice(codec, &command->text);
        break;
    case COMMAND_LISTEN:
        CODE(codec, 1, command->flag);
        break;
    case COMMAND_CLOSE:
    case COMMAND_ABORT:
    case COMMAND_DROP_ALL:
    case COMMAND_KIND_COUNT:
        break;
    }
}

/* ---- Records. A column holds a number or a text; columns behind the last that is set are left out. */

enum value_kind { VALUE_NONE, VALUE_INTEGER, VALUE_TEXT, VALUE_BOTH, VALUE_KINDS };

static enum value_kind value_kind(const struct record_value *value)
{
    return (value->integer != 0 ? VALUE_INTEGER : VALUE_NONE) | (value->text.size > 0 ? VALUE_TEXT : VALUE_NONE);
}

static void code_value(struct codec *codec, struct record_value *value)
{
    uint64_t kind = code_number(codec, value_kind(value), 1);
    codec->bad = codec->bad || kind >= VALUE_KINDS;
    if (kind & VALUE_INTEGER) {
        CODE(codec, 8, value->integer);
    }
    if (kind & VALUE_TEXT) {
        code_slice(codec, &value->text);
    } else if (codec->mode != CODEC_WRITE) {
        value->text = SLICE_EMPTY;
    }
}

static void code_record(struct codec *codec, struct record *record)
{
    size_t count = RECORD_COLUMNS_MAX;
    while (codec->mode == CODEC_WRITE && count > 0 && value_kind(&record->values[count - 1]) == VALUE_NONE) {
        count--;
    }
    CODE(codec, 2, record->table);
    CODE(codec, 1, record->deleted);
    CODE_ENUM(codec, count, RECORD_COLUMNS_MAX + 1);
    for (size_t i = 0; i < RECORD_COLUMNS_MAX; i++) {
        if (i < count) {
            code_value(codec, &record->values[i]);
        } else if (codec->mode == CODEC_READ) {
            record->values[i] = (struct record_value){SLICE_EMPTY, 0};
        }
    }
}

/* ---- The doors. */

static size_t begin(struct buffer *buffer, char letter)
{
    size_t start = buffer->size;
    buffer_put_byte(buffer, (uint8_t)letter);
    buffer_put_byte(buffer, SERIAL_VERSION);
    buffer_put_u32(buffer, 0);
    return start;
}

static void end(struct buffer *buffer, size_t start)
{
    if (buffer->full) {
        return;
    }
    size_t size = buffer->size - start - HEAD_SIZE;
    assert(size <= UINT32_MAX);
    for (size_t i = 0; i < 4; i++) {
        buffer->data[start + 2 + i] = (char)(size >> (8 * i));
    }
}

static bool open_bytes(struct codec *codec, slice bytes, char letter, struct arena *arena)
{
    *codec = (struct codec){.mode = CODEC_READ, .cursor = {bytes, false}, .arena = arena};
    uint8_t found = cursor_byte(&codec->cursor), version = cursor_byte(&codec->cursor);
    uint32_t size = cursor_u32(&codec->cursor);
    return !codec->cursor.bad && found == (uint8_t)letter && version == SERIAL_VERSION && size == codec->cursor.rest.size;
}

static enum err verdict(const struct codec *codec)
{
    if (codec->full) {
        return ERR_LIMIT;
    }
    return codec->bad || codec->cursor.bad || codec->cursor.rest.size > 0 ? ERR_BAD_MESSAGE : ERR_OK;
}

#define DOORS(name, letter)                                                                        \
    void name##_write(const struct name *value, struct buffer *buffer)                             \
    {                                                                                              \
        struct name shallow = *value;                                                              \
        size_t start = begin(buffer, letter);                                                      \
        code_##name(&(struct codec){.mode = CODEC_WRITE, .buffer = buffer}, &shallow);             \
        end(buffer, start);                                                                        \
    }                                                                                              \
    enum err name##_read(struct name *value, slice bytes, struct arena *arena)                     \
    {                                                                                              \
        struct codec codec;                                                                        \
        memset(value, 0, sizeof *value);                                                           \
        if (!open_bytes(&codec, bytes, letter, arena)) {                                           \
            return ERR_BAD_MESSAGE;                                                                \
        }                                                                                          \
        code_##name(&codec, value);                                                                \
        return verdict(&codec);                                                                    \
    }                                                                                              \
    enum err name##_copy(struct name *out, const struct name *from, struct arena *arena)           \
    {                                                                                              \
        struct codec codec = {.mode = CODEC_COPY, .arena = arena};                                 \
        *out = *from;                                                                              \
        code_##name(&codec, out);                                                                  \
        return verdict(&codec);                                                                    \
    }
DOORS(event, 'E')
DOORS(command, 'C')
DOORS(record, 'R')

enum err message_copy(struct message *out, const struct message *from, struct arena *arena)
{
    struct codec codec = {.mode = CODEC_COPY, .arena = arena};
    out->protocol = from->protocol; /* of the two messages in one only that which is meant: they are large */
    out->unreadable = from->unreadable;
    if (from->protocol == PROTOCOL_DICOM) {
        out->dimse = from->dimse;
    } else {
        out->hl7 = from->hl7;
    }
    code_message(&codec, out);
    return verdict(&codec);
}

/* Kind, time, sequence and channel stand at the same place in every event. */
#define EVENT_AT (HEAD_SIZE + 1)
#define EVENT_SEQUENCE (EVENT_AT + 8)

void event_stamp(char *bytes, time_ns at_ns, int64_t sequence)
{
    for (size_t i = 0; i < 8; i++) {
        bytes[EVENT_AT + i] = (char)((uint64_t)at_ns >> (8 * i));
        bytes[EVENT_SEQUENCE + i] = (char)((uint64_t)sequence >> (8 * i));
    }
}

enum err command_peek(slice bytes, enum command_kind *kind, int64_t *channel)
{
    struct codec codec;
    if (!open_bytes(&codec, bytes, 'C', NULL)) {
        return ERR_BAD_MESSAGE;
    }
    uint8_t found = cursor_byte(&codec.cursor);
    *channel = (int64_t)cursor_u64(&codec.cursor);
    *kind = (enum command_kind)found;
    return codec.cursor.bad || found >= COMMAND_KIND_COUNT ? ERR_BAD_MESSAGE : ERR_OK;
}
