/* SPDX-License-Identifier: MIT */
#include "src/dicom/dimse.h"

#include <assert.h>

#define DATASET_NONE 0x0101u /* CommandDataSetType (PS3.7 E.1) */
#define DATASET_FOLLOWS 0x0001u

static const struct {
    uint16_t field;
    bool response;
    const char *text;
} kinds[] = {
#define DIMSE(name, field, response, text) {field, response, text},
#include "src/dicom/dimse.def"
#undef DIMSE
};

/* Elements of a command set, in the order of their tags (PS3.7 9.3, 10.3). */
enum part {
    AFFECTED_CLASS = 1 << 0,
    REQUESTED_CLASS = 1 << 1,
    MESSAGE_ID = 1 << 2,
    RESPONDED_ID = 1 << 3,
    DESTINATION = 1 << 4,
    PRIORITY = 1 << 5,
    ANSWER = 1 << 6, /* status and comment */
    AFFECTED_INSTANCE = 1 << 7,
    REQUESTED_INSTANCE = 1 << 8,
    EVENT_TYPE = 1 << 9,
    ACTION_TYPE = 1 << 10,
    COUNTERS = 1 << 11,
    ORIGINATOR = 1 << 12
};

/* What each message must hold, and what it may hold besides. */
static const struct {
    unsigned required, optional;
} parts[DIMSE_COUNT] = {
    [DIMSE_C_STORE_RQ] = {AFFECTED_CLASS | MESSAGE_ID | AFFECTED_INSTANCE, PRIORITY | ORIGINATOR},
    [DIMSE_C_STORE_RSP] = {RESPONDED_ID | ANSWER, AFFECTED_CLASS | AFFECTED_INSTANCE},
    [DIMSE_C_GET_RQ] = {AFFECTED_CLASS | MESSAGE_ID, PRIORITY},
    [DIMSE_C_GET_RSP] = {RESPONDED_ID | ANSWER, AFFECTED_CLASS | COUNTERS},
    [DIMSE_C_FIND_RQ] = {AFFECTED_CLASS | MESSAGE_ID, PRIORITY},
    [DIMSE_C_FIND_RSP] = {RESPONDED_ID | ANSWER, AFFECTED_CLASS},
    [DIMSE_C_MOVE_RQ] = {AFFECTED_CLASS | MESSAGE_ID | DESTINATION, PRIORITY},
    [DIMSE_C_MOVE_RSP] = {RESPONDED_ID | ANSWER, AFFECTED_CLASS | COUNTERS},
    [DIMSE_C_ECHO_RQ] = {MESSAGE_ID, AFFECTED_CLASS},
    [DIMSE_C_ECHO_RSP] = {RESPONDED_ID | ANSWER, AFFECTED_CLASS},
    [DIMSE_C_CANCEL_RQ] = {RESPONDED_ID, 0},
    [DIMSE_N_EVENT_REPORT_RQ] = {AFFECTED_CLASS | MESSAGE_ID | AFFECTED_INSTANCE | EVENT_TYPE, 0},
    [DIMSE_N_EVENT_REPORT_RSP] = {RESPONDED_ID | ANSWER, AFFECTED_CLASS | AFFECTED_INSTANCE | EVENT_TYPE},
    [DIMSE_N_ACTION_RQ] = {REQUESTED_CLASS | MESSAGE_ID | REQUESTED_INSTANCE | ACTION_TYPE, 0},
    [DIMSE_N_ACTION_RSP] = {RESPONDED_ID | ANSWER, AFFECTED_CLASS | AFFECTED_INSTANCE | ACTION_TYPE},
};

const char *dimse_text(enum dimse_kind kind)
{
    assert(kind < DIMSE_COUNT);
    return kinds[kind].text;
}

bool status_is_pending(uint16_t status)
{
    return status == STATUS_PENDING || status == STATUS_PENDING_KEYS_MISSING;
}

bool status_is_warning(uint16_t status)
{
    return status >> 12 == 0xB || status == 0x0001 || status == 0x0107 || status == 0x0116;
}

static bool find_kind(uint16_t field, enum dimse_kind *kind)
{
    for (unsigned i = 0; i < DIMSE_COUNT; i++) {
        if (kinds[i].field == field) {
            *kind = (enum dimse_kind)i;
            return true;
        }
    }
    return false;
}

uint32_t dimse_instances(const struct dimse *message)
{
    bool stores = message->kind == DIMSE_C_STORE_RQ || message->kind == DIMSE_C_STORE_RSP;
    return span_count(stores ? message->object.span : message->kind == DIMSE_C_FIND_RSP ? message->span : 0);
}

struct dimse dimse_response(const struct dimse *request, uint16_t status)
{
    struct dimse response = {
        .context_id = request->context_id,
        .message_id = request->message_id,
        .status = status,
        .sop_class_uid = request->sop_class_uid,
        .sop_instance_uid = request->sop_instance_uid,
        .type_id = request->type_id,
        .remaining = DIMSE_COUNTER_ABSENT,
        .completed = DIMSE_COUNTER_ABSENT,
        .failed = DIMSE_COUNTER_ABSENT,
        .warning = DIMSE_COUNTER_ABSENT,
    };
    bool found = find_kind(kinds[request->kind].field | 0x8000, &response.kind);
    assert(found && !kinds[request->kind].response); /* C-CANCEL-RQ has no response */
    (void)found;
    response.object.sop_instance_uid = response.sop_instance_uid;
    return response;
}

/* ---- Reading. */

/* Several values where one is due: the first. */
static bool read_u16(const struct dataset *command, uint32_t tag, uint16_t *number)
{
    int64_t value;
    if (!dataset_get_int(command, tag, &value)) {
        return false;
    }
    *number = (uint16_t)value;
    return true;
}

static bool read_text(const struct dataset *command, uint32_t tag, slice *text)
{
    *text = dataset_get_first(command, tag);
    return text->size > 0;
}

static int32_t read_counter(const struct dataset *command, uint32_t tag)
{
    uint16_t number;
    return read_u16(command, tag, &number) ? number : DIMSE_COUNTER_ABSENT;
}

static void read_counters(struct dimse *message, const struct dataset *command)
{
    message->remaining = read_counter(command, TAG_NumberOfRemainingSuboperations);
    message->completed = read_counter(command, TAG_NumberOfCompletedSuboperations);
    message->failed = read_counter(command, TAG_NumberOfFailedSuboperations);
    message->warning = read_counter(command, TAG_NumberOfWarningSuboperations);
}

/* Reads one part; false when it is not there. */
static bool read_part(struct dimse *message, const struct dataset *command, enum part part)
{
    switch (part) {
    case AFFECTED_CLASS:
        return read_text(command, TAG_AffectedSOPClassUID, &message->sop_class_uid);
    case REQUESTED_CLASS:
        return read_text(command, TAG_RequestedSOPClassUID, &message->sop_class_uid);
    case MESSAGE_ID:
        return read_u16(command, TAG_MessageID, &message->message_id);
    case RESPONDED_ID:
        return read_u16(command, TAG_MessageIDBeingRespondedTo, &message->message_id);
    case DESTINATION:
        return read_text(command, TAG_MoveDestination, &message->move_destination);
    case PRIORITY:
        return read_u16(command, TAG_Priority, &message->priority);
    case ANSWER:
        message->error_comment = dataset_get_first(command, TAG_ErrorComment);
        return read_u16(command, TAG_Status, &message->status);
    case AFFECTED_INSTANCE:
        return read_text(command, TAG_AffectedSOPInstanceUID, &message->sop_instance_uid);
    case REQUESTED_INSTANCE:
        return read_text(command, TAG_RequestedSOPInstanceUID, &message->sop_instance_uid);
    case EVENT_TYPE:
        return read_u16(command, TAG_EventTypeID, &message->type_id);
    case ACTION_TYPE:
        return read_u16(command, TAG_ActionTypeID, &message->type_id);
    case COUNTERS:
        read_counters(message, command);
        return true;
    case ORIGINATOR:
        read_text(command, TAG_MoveOriginatorApplicationEntityTitle, &message->move_originator);
        return read_u16(command, TAG_MoveOriginatorMessageID, &message->move_originator_id);
    }
    return false;
}

static enum err read_command(struct dimse *message, const struct dataset *command, bool *has_data)
{
    uint16_t field, data;
    if (!read_u16(command, TAG_CommandField, &field) || !find_kind(field, &message->kind) ||
        !read_u16(command, TAG_CommandDataSetType, &data)) {
        return ERR_BAD_MESSAGE;
    }
    *has_data = data != DATASET_NONE;
    unsigned required = parts[message->kind].required, all = required | parts[message->kind].optional;
    for (unsigned bit = 1; bit <= ORIGINATOR; bit <<= 1) {
        bool found = (all & bit) != 0 && read_part(message, command, (enum part)bit);
        if (!found && (required & bit) != 0) {
            return ERR_BAD_MESSAGE;
        }
    }
    if (message->kind == DIMSE_C_STORE_RQ) {
        message->object.sop_class_uid = message->sop_class_uid;
    }
    message->object.sop_instance_uid = message->sop_instance_uid;
    return ERR_OK;
}

enum err dimse_parse_command(struct dimse *message, slice bytes, bool *has_data, struct arena *arena)
{
    struct dataset command;
    *message = (struct dimse){
        .remaining = DIMSE_COUNTER_ABSENT,
        .completed = DIMSE_COUNTER_ABSENT,
        .failed = DIMSE_COUNTER_ABSENT,
        .warning = DIMSE_COUNTER_ABSENT,
    };
    *has_data = false;
    enum err err = dataset_parse(&command, bytes, SYNTAX_IMPLICIT_LITTLE, arena);
    if (err != ERR_OK) {
        return err;
    }
    if (command.count > 0 && command.elements[command.count - 1].tag >> 16 != 0) {
        return ERR_BAD_MESSAGE; /* a command set holds group 0000 only (PS3.7 6.3.1) */
    }
    return read_command(message, &command, has_data);
}

/* ---- Writing. */

static void write_text(struct buffer *buffer, uint32_t tag, slice text)
{
    if (text.size == 0) {
        return;
    }
    size_t padded = text.size + (text.size & 1);
    buffer_put_u16(buffer, (uint16_t)(tag >> 16));
    buffer_put_u16(buffer, (uint16_t)tag);
    buffer_put_u32(buffer, (uint32_t)padded);
    buffer_put(buffer, text);
    if (padded > text.size) {
        buffer_put_byte(buffer, tag_vr(tag) == VR_UI ? '\0' : ' ');
    }
}

static void write_u16(struct buffer *buffer, uint32_t tag, uint16_t number)
{
    buffer_put_u16(buffer, (uint16_t)(tag >> 16));
    buffer_put_u16(buffer, (uint16_t)tag);
    buffer_put_u32(buffer, 2);
    buffer_put_u16(buffer, number);
}

static void write_counter(struct buffer *buffer, uint32_t tag, int32_t counter)
{
    if (counter != DIMSE_COUNTER_ABSENT) {
        write_u16(buffer, tag, (uint16_t)counter);
    }
}

static bool data_follows(const struct dimse *message)
{
    return message->kind == DIMSE_C_STORE_RQ || message->identifier != NULL;
}

/* In the order of tags, so what a message holds is looked at piece by piece. */
static void write_parts(const struct dimse *message, unsigned has, struct buffer *buffer)
{
    slice instance = message->sop_instance_uid.size > 0 ? message->sop_instance_uid : message->object.sop_instance_uid;
    write_text(buffer, TAG_AffectedSOPClassUID, has & AFFECTED_CLASS ? message->sop_class_uid : SLICE_EMPTY);
    write_text(buffer, TAG_RequestedSOPClassUID, has & REQUESTED_CLASS ? message->sop_class_uid : SLICE_EMPTY);
    write_u16(buffer, TAG_CommandField, kinds[message->kind].field);
    if (has & MESSAGE_ID) {
        write_u16(buffer, TAG_MessageID, message->message_id);
    }
    if (has & RESPONDED_ID) {
        write_u16(buffer, TAG_MessageIDBeingRespondedTo, message->message_id);
    }
    write_text(buffer, TAG_MoveDestination, has & DESTINATION ? message->move_destination : SLICE_EMPTY);
    if (has & PRIORITY) {
        write_u16(buffer, TAG_Priority, message->priority);
    }
    write_u16(buffer, TAG_CommandDataSetType, data_follows(message) ? DATASET_FOLLOWS : DATASET_NONE);
    if (has & ANSWER) {
        write_u16(buffer, TAG_Status, message->status);
        write_text(buffer, TAG_ErrorComment, slice_before(message->error_comment, 64));
    }
    write_text(buffer, TAG_AffectedSOPInstanceUID, has & AFFECTED_INSTANCE ? instance : SLICE_EMPTY);
    write_text(buffer, TAG_RequestedSOPInstanceUID, has & REQUESTED_INSTANCE ? instance : SLICE_EMPTY);
    if (has & EVENT_TYPE) {
        write_u16(buffer, TAG_EventTypeID, message->type_id);
    }
    if (has & ACTION_TYPE) {
        write_u16(buffer, TAG_ActionTypeID, message->type_id);
    }
    if (has & COUNTERS) {
        write_counter(buffer, TAG_NumberOfRemainingSuboperations, message->remaining);
        write_counter(buffer, TAG_NumberOfCompletedSuboperations, message->completed);
        write_counter(buffer, TAG_NumberOfFailedSuboperations, message->failed);
        write_counter(buffer, TAG_NumberOfWarningSuboperations, message->warning);
    }
    if (has & ORIGINATOR && message->move_originator.size > 0) {
        write_text(buffer, TAG_MoveOriginatorApplicationEntityTitle, message->move_originator);
        write_u16(buffer, TAG_MoveOriginatorMessageID, message->move_originator_id);
    }
}

void dimse_write_command(const struct dimse *message, struct buffer *buffer)
{
    assert(message->kind < DIMSE_COUNT);
    size_t start = buffer->size;
    buffer_put_u32(buffer, TAG_CommandGroupLength);
    buffer_put_u32(buffer, 4);
    buffer_put_u32(buffer, 0);
    write_parts(message, parts[message->kind].required | parts[message->kind].optional, buffer);
    if (buffer->full) {
        return;
    }
    struct buffer length = buffer_over(buffer->data + start + 8, 4);
    buffer_put_u32(&length, (uint32_t)(buffer->size - start - 12)); /* bytes behind the group length */
}
