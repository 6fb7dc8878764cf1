/* SPDX-License-Identifier: MIT
 *
 * Messages off an association, and how they are gathered into runs. */
#include "src/dicom/uid.h"
#include "src/wire/wire_private.h"

#define COMMAND_MAX (64u << 10)
#define GATHER_MEMORY (2u << 20) /* of gathered messages: then the run goes up */

enum syntax syntax_of(slice transfer_syntax)
{
    slice uid = slice_unpad(transfer_syntax);
    if (slice_equal(uid, UID_IMPLICIT_LITTLE)) {
        return SYNTAX_IMPLICIT_LITTLE;
    }
    return slice_equal(uid, UID_EXPLICIT_BIG) ? SYNTAX_EXPLICIT_BIG : SYNTAX_EXPLICIT_LITTLE;
}

/* ---- Gathering. */

void gather_flush(struct worker *worker)
{
    if (worker->gather.count > 0) {
        struct event received = {.kind = EVENT_RECEIVED, .run = {worker->gather.messages, worker->gather.count}};
        worker->gather.count = 0;
        worker->gather.due = TIME_NEVER;
        worker_post(worker, &received);
    }
}

struct message *gather_slot(struct worker *worker)
{
    struct message *slot = &worker->gather.messages[worker->gather.count++];
    *slot = (struct message){.protocol = worker->protocol};
    if (worker->gather.count == 1) {
        worker->gather.due = monotonic_ns() + GATHER_NS;
    }
    return slot;
}

/* Only rows of an answer and answers to a run of ours wait for more of their kind. */
static bool waits(const struct dimse *message)
{
    return (message->kind == DIMSE_C_FIND_RSP && status_is_pending(message->status)) || message->kind == DIMSE_C_STORE_RSP;
}

void gather_add(struct worker *worker, const struct dimse *message)
{
    gather_slot(worker)->dimse = *message;
    if (!waits(message) || worker->gather.count >= worker->driver->config.run_max || worker->incoming.used > GATHER_MEMORY) {
        gather_flush(worker);
    }
}

/* A message of another kind, or of another request, begins another run. */
static bool joins(const struct worker *worker, const struct dimse *message)
{
    const struct dimse *first = &worker->gather.messages[0].dimse;
    return worker->gather.count == 0 || (first->kind == message->kind && (first->kind == DIMSE_C_STORE_RSP || first->message_id == message->message_id));
}

/* ---- Reading. */

/* A fragment that is no data: the end of the session, by its kind. */
static void end_by(struct worker *worker, enum incoming kind)
{
    static const enum closed causes[] = {[INCOMING_RELEASE] = CLOSED_RELEASED, [INCOMING_ABORT] = CLOSED_ABORTED_BY_PEER, [INCOMING_GONE] = CLOSED_LOST};
    if (kind == INCOMING_RELEASE) {
        association_answer_release(worker->association);
    }
    worker_end(worker, kind == INCOMING_COMMAND || kind == INCOMING_DATA ? CLOSED_ABORTED_BY_US : causes[kind]);
}

/* One fragment of the kind that is due; false when the session is over. */
bool dicom_read_fragment(struct worker *worker, struct fragment *fragment, enum incoming due)
{
    enum err err = association_read(worker->association, fragment, worker->driver->config.limits.message_timeout_ns);
    if (err != ERR_OK) {
        worker_end_by_error(worker, err);
        return false;
    }
    if (fragment->kind != due) {
        end_by(worker, fragment->kind);
        return false;
    }
    worker->moved_at = monotonic_ns();
    return true;
}

/* All fragments of a command or identifier, joined in the arena. */
static bool read_whole(struct worker *worker, enum incoming due, size_t max, slice *whole, uint8_t *context_id)
{
    struct fragment fragment = {.last = false};
    struct buffer *bytes = &worker->bytes;
    bytes->size = 0;
    bytes->full = false;
    while (!fragment.last) {
        if (!dicom_read_fragment(worker, &fragment, due)) {
            return false;
        }
        if (fragment.bytes.size > max - bytes->size) {
            worker_end(worker, CLOSED_ABORTED_BY_US);
            return false;
        }
        buffer_put(bytes, fragment.bytes);
        *context_id = fragment.context_id;
    }
    *whole = arena_copy(&worker->incoming, buffer_slice(bytes));
    if (whole->data == NULL) {
        worker_end(worker, CLOSED_ABORTED_BY_US);
    }
    return whole->data != NULL;
}

bool dicom_read_command(struct worker *worker, struct dimse *message, bool *has_data)
{
    slice bytes;
    uint8_t context_id = 0;
    if (!read_whole(worker, INCOMING_COMMAND, COMMAND_MAX, &bytes, &context_id)) {
        return false;
    }
    if (dimse_parse_command(message, bytes, has_data, &worker->incoming) != ERR_OK) {
        worker_end(worker, CLOSED_ABORTED_BY_US);
        return false;
    }
    message->context_id = context_id;
    return true;
}

/* An identifier that is no data set goes up as none: the actor refuses what it cannot understand. */
static bool read_identifier(struct worker *worker, struct dimse *message)
{
    slice bytes;
    uint8_t context_id = 0;
    const struct context *context = contexts_get(&worker->contexts, message->context_id);
    if (!read_whole(worker, INCOMING_DATA, IDENTIFIER_MAX, &bytes, &context_id)) {
        return false;
    }
    struct dataset *identifier = arena_alloc(&worker->incoming, sizeof *identifier);
    if (identifier == NULL || context_id != message->context_id || context == NULL) {
        worker_end(worker, CLOSED_ABORTED_BY_US);
        return false;
    }
    bool parsed = dataset_parse(identifier, bytes, syntax_of(context->accepted_syntax), &worker->incoming) == ERR_OK;
    message->identifier = parsed ? identifier : NULL;
    return true;
}

bool dicom_drain(struct worker *worker)
{
    struct fragment fragment = {.last = false};
    while (!fragment.last) {
        if (!dicom_read_fragment(worker, &fragment, INCOMING_DATA)) {
            return false;
        }
    }
    return true;
}

/* The answer to the C-STORE request that dicom_send waits for says which instance it is of. */
static void note_stored(struct worker *worker, struct dimse *message)
{
    struct store_wait *wait = &worker->store;
    bool awaited = wait->waits && wait->message_id == message->message_id;
    slice instance = message->sop_instance_uid.size == 0 && awaited ? wait->sop_instance_uid : message->sop_instance_uid;
    message->object.sop_instance_uid = message->sop_instance_uid = instance;
    wait->waits = wait->waits && !awaited;
}

void dicom_receive(struct worker *worker)
{
    struct dimse message;
    bool has_data = false;
    if (worker->gather.count == 0) {
        arena_reset(&worker->incoming);
    }
    if (!dicom_read_command(worker, &message, &has_data)) {
        return;
    }
    if (!joins(worker, &message)) {
        gather_flush(worker);
    }
    if (message.kind == DIMSE_C_STORE_RQ) {
        dicom_receive_object(worker, &message, has_data);
        return;
    }
    if (has_data && !read_identifier(worker, &message)) {
        return;
    }
    if (message.kind == DIMSE_C_STORE_RSP) {
        note_stored(worker, &message);
    }
    pace_request(worker, message.kind);
    gather_add(worker, &message);
}
