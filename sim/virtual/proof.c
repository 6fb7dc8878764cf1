/* SPDX-License-Identifier: MIT
 *
 * Messages travel as values; now and then one goes through the bytes that the wire would have carried, and must come
 * back equal: what is not written or not read would be a difference between the two worlds. */
#include "sim/virtual/virtual_private.h"

#include "src/dicom/uid.h"

#define COMMAND_SIZE 4096u
#define BYTES_SIZE   (2u << 20)

static bool texts_equal(const struct dimse *a, const struct dimse *b)
{
    const slice left[] = {a->sop_class_uid, a->sop_instance_uid, a->move_destination, a->move_originator, a->error_comment};
    const slice right[] = {b->sop_class_uid, b->sop_instance_uid, b->move_destination, b->move_originator, b->error_comment};
    for (size_t i = 0; i < 5; i++) {
        if (!slice_equal(slice_trim(left[i]), slice_trim(right[i]))) {
            return false;
        }
    }
    return true;
}

static bool commands_equal(const struct dimse *a, const struct dimse *b)
{
    return a->kind == b->kind && a->message_id == b->message_id && a->status == b->status && a->priority == b->priority && a->remaining == b->remaining &&
           a->completed == b->completed && a->failed == b->failed && a->warning == b->warning && a->type_id == b->type_id && texts_equal(a, b) &&
           (a->move_originator.size == 0 || a->move_originator_id == b->move_originator_id);
}

static bool is_response(enum dimse_kind kind)
{
    static const bool responses[DIMSE_COUNT] = {
#define DIMSE(name, field, response, text) response,
#include "src/dicom/dimse.def"
#undef DIMSE
    };
    return responses[kind];
}

/* What a kind does not carry is not asked for: only retrieves count, only requests have a priority. */
static struct dimse plain(const struct dimse *message, const struct dimse *read)
{
    struct dimse copy = *message;
    bool counts = copy.kind == DIMSE_C_MOVE_RSP || copy.kind == DIMSE_C_GET_RSP;
    copy.priority = is_response(copy.kind) ? read->priority : copy.priority;
    copy.error_comment = slice_before(copy.error_comment, 64);
    if (!counts) {
        copy.remaining = read->remaining;
        copy.completed = read->completed;
        copy.failed = read->failed;
        copy.warning = read->warning;
    }
    return copy;
}

bool proof_dimse(struct virtual *virtual, const struct dimse *message, slice transfer_syntax)
{
    struct arena *arena = &virtual->step_read;
    struct dimse read, sent;
    bool has_data = false;
    arena_reset(arena);
    struct buffer bytes = buffer_make(arena, COMMAND_SIZE);
    dimse_write_command(message, &bytes);
    if (bytes.full || dimse_parse_command(&read, buffer_slice(&bytes), &has_data, arena) != ERR_OK) {
        return false;
    }
    sent = plain(message, &read);
    if (!commands_equal(&sent, &read) || has_data != (message->identifier != NULL || message->kind == DIMSE_C_STORE_RQ)) {
        return false;
    }
    if (message->identifier == NULL) {
        return true;
    }
    struct dataset back;
    enum syntax syntax = slice_equal(slice_unpad(transfer_syntax), UID_IMPLICIT_LITTLE) ? SYNTAX_IMPLICIT_LITTLE : SYNTAX_EXPLICIT_LITTLE;
    struct buffer data = buffer_make(arena, BYTES_SIZE);
    dataset_write(message->identifier, syntax, &data);
    return !data.full && dataset_parse(&back, buffer_slice(&data), syntax, arena) == ERR_OK && dataset_equal(message->identifier, &back);
}

bool proof_hl7(struct virtual *virtual, const struct hl7_value *value)
{
    struct arena *arena = &virtual->step_read;
    struct hl7_message parsed;
    struct hl7_value *read;
    arena_reset(arena);
    read = arena_alloc(arena, sizeof *read);
    struct buffer bytes = buffer_make(arena, BYTES_SIZE / 2);
    hl7_write(value, &bytes);
    return !bytes.full && hl7_parse(&parsed, buffer_slice(&bytes), arena) == ERR_OK && hl7_read(read, &parsed, arena) == ERR_OK && hl7_value_equal(value, read);
}

bool proof_is_due(const struct virtual *virtual, uint64_t key, uint64_t index)
{
    uint32_t one_in = virtual->config.proof_one_in;
    return one_in > 0 && random_below(random_draw(virtual->config.seed, PURPOSE('p', 'r', 'o', 'f'), key, index), one_in) == 0;
}
