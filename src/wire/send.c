/* SPDX-License-Identifier: MIT
 *
 * Messages onto an association. */
#include "src/actor/serial.h"
#include "src/wire/wire_private.h"

/* The context to send on: the request's own, else an accepted one of the class, preferably in the object's syntax. */
static const struct context *context_for(const struct worker *worker, const struct dimse *message)
{
    if (message->context_id != 0) {
        return contexts_get(&worker->contexts, message->context_id);
    }
    return contexts_find(&worker->contexts, message->sop_class_uid, message->object.transfer_syntax);
}

enum err dicom_write(struct worker *worker, struct association *association, const struct dimse *message, const struct context *context)
{
    time_ns timeout = worker->driver->config.limits.write_timeout_ns;
    struct buffer *bytes = &worker->bytes;
    bytes->size = 0;
    bytes->full = false;
    dimse_write_command(message, bytes);
    if (bytes->full) {
        return ERR_LIMIT;
    }
    enum err err = association_write(association, context->id, true, buffer_slice(bytes), true, timeout);
    if (err != ERR_OK || message->identifier == NULL) {
        return err;
    }
    bytes->size = 0;
    dataset_write(message->identifier, syntax_of(context->accepted_syntax), bytes);
    if (bytes->full) {
        return ERR_LIMIT;
    }
    return association_write(association, context->id, false, buffer_slice(bytes), true, timeout);
}

/* ---- Answers that we give ourselves, so that the actor never waits in vain. */

static void answer_self(struct worker *worker, const struct dimse *request, uint16_t status)
{
    if (worker->gather.count == 0) {
        arena_reset(&worker->incoming);
    } else if (worker->gather.messages[0].dimse.kind != DIMSE_C_STORE_RSP) {
        gather_flush(worker);
    }
    struct message answer = {.protocol = PROTOCOL_DICOM, .dimse = dimse_response(request, status)};
    answer.dimse.object.sop_instance_uid = request->sop_instance_uid;
    struct message *copy = arena_alloc(&worker->incoming, sizeof *copy);
    if (copy == NULL || message_copy(copy, &answer, &worker->incoming) != ERR_OK) {
        worker_end(worker, CLOSED_ABORTED_BY_US);
        return;
    }
    gather_add(worker, &copy->dimse);
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

static void send_message(struct worker *worker, const struct dimse *message)
{
    const struct context *context = context_for(worker, message);
    if (context == NULL || context->result != CONTEXT_ACCEPTED) {
        if (!is_response(message->kind) && message->kind != DIMSE_C_CANCEL_RQ) {
            answer_self(worker, message, STATUS_SOP_CLASS_NOT_SUPPORTED);
        }
        return;
    }
    enum err err = dicom_write(worker, worker->association, message, context);
    if (err != ERR_OK) {
        worker_end_by_error(worker, err);
    }
}

/* ---- C-STORE requests: one out, its answer in, then the next. */

static bool aborted(struct worker *worker)
{
    return atomic_load(&worker->cut) != CUT_NO || atomic_load(&worker->mailbox.abort_waits);
}

/* Other messages may come meanwhile (C-CANCEL); they go up as they come. */
static void await_stored(struct worker *worker)
{
    time_ns until = monotonic_ns() + worker->driver->config.limits.message_timeout_ns;
    while (worker->store.waits && !worker->over && !aborted(worker)) {
        time_ns due = worker->gather.due < until ? worker->gather.due : until;
        if (worker_wait(worker, association_fd(worker->association), association_has_data(worker->association), due, false)) {
            dicom_receive(worker);
        }
        if (monotonic_ns() >= worker->gather.due) {
            gather_flush(worker);
        }
        if (worker->store.waits && monotonic_ns() >= until) {
            worker_end(worker, CLOSED_TIMEOUT);
        }
    }
}

static enum err write_object(struct worker *worker, const struct dimse *message, const struct context *context, slice data)
{
    enum err err = dicom_write(worker, worker->association, message, context);
    if (err != ERR_OK) {
        return err;
    }
    return association_write(worker->association, context->id, false, data, true, worker->driver->config.limits.write_timeout_ns);
}

static void store(struct worker *worker, const struct dimse *message)
{
    const struct driver *driver = worker->driver;
    const struct context *context = context_for(worker, message);
    struct object_bytes bytes;
    if (context == NULL || context->result != CONTEXT_ACCEPTED) {
        answer_self(worker, message, STATUS_SOP_CLASS_NOT_SUPPORTED);
        return;
    }
    if (objects_make(driver, &message->object, context->accepted_syntax, &bytes) != ERR_OK) {
        answer_self(worker, message, STATUS_UNABLE_TO_PROCESS);
        return;
    }
    time_ns sent = pace_take(worker->driver, bytes.data.size);
    worker->store = (struct store_wait){true, message->message_id, message->sop_instance_uid};
    enum err err = write_object(worker, message, context, bytes.data);
    objects_drop(driver, &message->object, &bytes);
    if (err != ERR_OK) {
        worker_end_by_error(worker, err);
        return;
    }
    await_stored(worker);
    worker->store.waits = false;
    pace_sent(worker, sent);
}

void dicom_send(struct worker *worker, const struct command *command)
{
    bool answers = command->run.count > 0 && is_response(command->run.messages[0].dimse.kind);
    for (size_t i = 0; i < command->run.count && !worker->over; i++) {
        const struct dimse *message = &command->run.messages[i].dimse;
        if (message->kind != DIMSE_C_STORE_RQ) {
            send_message(worker, message);
        } else if (!aborted(worker)) {
            store(worker, message);
        }
    }
    worker->moved_at = monotonic_ns();
    if (!answers) {
        gather_flush(worker); /* the answers to a run of ours */
    } else if (!worker->over) {
        worker_post(worker, &(struct event){.kind = EVENT_ROOM});
    }
}
