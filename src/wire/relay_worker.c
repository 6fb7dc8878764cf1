/* SPDX-License-Identifier: MIT
 *
 * A holder's association for a relay job: what it sends streams on to the destination, and the destination's own
 * answer goes back. No object is ever held: at most the fragments until the study is known. */
#include <poll.h>

#include "src/base/time.h"
#include "src/dicom/splice.h"
#include "src/dicom/uid.h"
#include "src/engine/coercion.h"
#include "src/wire/wire_private.h"

#define HOLD_SIZE (512u << 10)  /* held back until the study is known */
#define OUT_SIZE (128u << 10)   /* spliced bytes gathered for one write */
#define DESTINATION_SIZE (1u << 20)
#define COMMAND_SIZE 4096u
#define STATUS_UNRECOGNISED 0x0211u /* PS3.7 Annex C: unrecognized operation */

struct passage { /* of one relay association */
    struct worker *worker;
    struct relay_entry *entry;
    struct destination destination;
    bool broken; /* the destination takes nothing more on this association */
    struct splice *scout, *splice;
    struct buffer hold, out;
    /* Of the instance on its way. */
    uint8_t context_id; /* at the destination */
    bool splices;
    enum err err;       /* of the destination's side */
    int64_t size;
    time_ns sign_ns;    /* when it began, or the engine was told that bytes flow */
};

/* ---- The destination. */

static enum err ask_destination(struct passage *passage, const struct contexts *proposed)
{
    struct worker *worker = passage->worker;
    const struct driver_config *config = &worker->driver->config;
    const struct relay_job *job = relay_job(passage->entry->relay);
    struct destination *destination = &passage->destination;
    if (job->destination >= config->peer_count || proposed->count == 0) {
        return ERR_REFUSED;
    }
    const struct peer *peer = &config->peers[job->destination];
    char host[64] = "";
    memcpy(host, peer->host.data, peer->host.size < sizeof host ? peer->host.size : 0);
    struct association_request request = {.host = host, .port = peer->dicom_port, .called = peer->aet, .contexts = *proposed,
                                          .calling = config->title_count > 0 ? config->titles[0] : SLICE_EMPTY,
                                          .connect_timeout_ns = config->limits.open_timeout_ns, .answer_timeout_ns = config->limits.open_timeout_ns};
    struct association_refusal refusal;
    enum err err = memory_map(&destination->memory, DESTINATION_SIZE);
    err = err == ERR_OK ? association_open(&destination->association, &request, &destination->contexts, &refusal, &destination->memory) : err;
    if (err != ERR_OK) {
        destination->association = NULL;
        memory_unmap(&destination->memory);
    }
    return err;
}

static bool accepts_any(const struct contexts *answered)
{
    for (size_t i = 0; i < answered->count; i++) {
        if (answered->list[i].result == CONTEXT_ACCEPTED) {
            return true;
        }
    }
    return false;
}

/* A spare destination serves when it is still there and shares something with what the holder asks for now. */
static bool spare_serves(struct passage *passage, struct contexts *answered)
{
    struct worker *worker = passage->worker;
    struct destination *destination = &passage->destination;
    if (destination->association == NULL) {
        return false;
    }
    struct pollfd fd = {.fd = association_fd(destination->association), .events = POLLIN};
    bool alive = poll(&fd, 1, 0) == 0;
    if (alive && relay_answer(passage->entry->relay, &worker->request.contexts, &destination->contexts, answered, &worker->keep) == ERR_OK &&
        accepts_any(answered)) {
        return true;
    }
    destination_release(worker->driver, destination);
    return false;
}

static enum err open_destination(struct passage *passage, struct contexts *answered)
{
    struct worker *worker = passage->worker;
    struct contexts proposed;
    if (spare_serves(passage, answered)) {
        return ERR_OK;
    }
    enum err err = relay_propose(passage->entry->relay, &worker->request.contexts, &proposed, &worker->keep);
    err = err == ERR_OK ? ask_destination(passage, &proposed) : err;
    return err == ERR_OK
               ? relay_answer(passage->entry->relay, &worker->request.contexts, &passage->destination.contexts, answered, &worker->keep)
               : err;
}

/* The destination cannot go on: what comes is drained and refused. */
static void break_destination(struct passage *passage)
{
    passage->broken = true;
    worker_set_association(passage->worker, &passage->worker->outbound, NULL);
    destination_abort(&passage->destination);
}

/* ---- Answers to the holder. */

static void answer(struct passage *passage, const struct dimse *request, uint16_t status, slice comment)
{
    struct worker *worker = passage->worker;
    struct dimse response = dimse_response(request, status);
    response.error_comment = comment;
    const struct context *context = contexts_get(&worker->contexts, request->context_id);
    if (worker->over || context == NULL) {
        return;
    }
    enum err err = dicom_write(worker, worker->association, &response, context);
    if (err != ERR_OK) {
        worker_end_by_error(worker, err);
    }
}

/* ---- The stream. */

static enum err write_out(struct passage *passage, slice bytes, bool last)
{
    return association_write(passage->destination.association, passage->context_id, false, bytes, last,
                             passage->worker->driver->config.limits.write_timeout_ns);
}

/* A splice gives many small pieces: they leave together. */
static enum err put_out(void *self, slice bytes)
{
    struct passage *passage = self;
    enum err err = ERR_OK;
    while (bytes.size > 0 && err == ERR_OK) {
        slice part = slice_before(bytes, passage->out.capacity - passage->out.size);
        buffer_put(&passage->out, part);
        bytes = slice_after(bytes, part.size);
        if (passage->out.size == passage->out.capacity) {
            err = write_out(passage, buffer_slice(&passage->out), false);
            passage->out.size = 0;
        }
    }
    return err;
}

static enum err put_nowhere(void *self, slice bytes)
{
    (void)self;
    (void)bytes;
    return ERR_OK;
}

/* One fragment onward, unless the destination has failed. */
static void feed(struct passage *passage, slice bytes, bool last)
{
    passage->size += (int64_t)bytes.size;
    if (passage->err != ERR_OK) {
        return;
    }
    if (!passage->splices) {
        passage->err = write_out(passage, bytes, last);
        return;
    }
    passage->err = splice_put(passage->splice, bytes);
    if (last && passage->err == ERR_OK) {
        passage->err = splice_end(passage->splice);
    }
    if (last && passage->err == ERR_OK) {
        passage->err = write_out(passage, buffer_slice(&passage->out), true);
        passage->out.size = 0;
    }
}

/* Reads until the study and the instance are known, or the hold is full. False when the holder is gone. */
static bool hold_back(struct passage *passage, const struct context *context, bool *last)
{
    static const struct dataset nothing = {.count = 0};
    static const struct splice_plan look = {.put = &nothing};
    struct fragment fragment;
    passage->hold.size = 0;
    splice_init(passage->scout, syntax_of(context->accepted_syntax), &look, (struct splice_sink){put_nowhere, NULL});
    enum err err = ERR_OK;
    *last = false;
    while (!*last && err == ERR_OK && splice_seen(passage->scout, TAG_StudyInstanceUID).size == 0 &&
           passage->hold.capacity - passage->hold.size >= PDU_SIZE_MAX) {
        if (!dicom_read_fragment(passage->worker, &fragment, INCOMING_DATA)) {
            return false;
        }
        buffer_put(&passage->hold, fragment.bytes);
        err = splice_put(passage->scout, fragment.bytes);
        *last = fragment.last;
    }
    return true;
}

/* ---- The destination's answer. */

static enum err read_answer(struct passage *passage, struct dimse *response)
{
    struct association *association = passage->destination.association;
    time_ns timeout = passage->worker->driver->config.limits.message_timeout_ns;
    struct buffer command = buffer_make(&passage->worker->scratch, COMMAND_SIZE);
    struct fragment fragment = {.last = false};
    bool has_data = false;
    while (!fragment.last) {
        enum err err = association_read(association, &fragment, timeout);
        if (err != ERR_OK || fragment.kind != INCOMING_COMMAND) {
            return err == ERR_OK ? ERR_PEER_GONE : err;
        }
        buffer_put(&command, fragment.bytes);
    }
    if (command.full || dimse_parse_command(response, buffer_slice(&command), &has_data, &passage->worker->scratch) != ERR_OK) {
        return ERR_BAD_MESSAGE;
    }
    bool ours = response->kind == DIMSE_C_STORE_RSP && response->message_id == passage->destination.message_id && !has_data;
    return ours ? ERR_OK : ERR_BAD_MESSAGE;
}

/* ---- One instance. */

static const struct context *destination_context(const struct passage *passage, const struct dimse *request, const struct context *context)
{
    const struct context *found = contexts_find(&passage->destination.contexts, request->sop_class_uid, context->accepted_syntax);
    return found != NULL && slice_equal(slice_unpad(found->accepted_syntax), slice_unpad(context->accepted_syntax)) ? found : NULL;
}

/* The C-STORE request to the destination, and the splice if the job has a coercion. */
static void begin_instance(struct passage *passage, const struct dimse *request, const struct context *context)
{
    struct worker *worker = passage->worker;
    const struct relay_job *job = relay_job(passage->entry->relay);
    const struct context *onward = passage->broken ? NULL : destination_context(passage, request, context);
    passage->size = passage->sign_ns = 0;
    passage->out.size = 0;
    passage->splices = job->coercion != NULL;
    passage->err = onward == NULL ? ERR_REFUSED : ERR_OK;
    if (onward == NULL) {
        return;
    }
    passage->context_id = onward->id;
    struct dimse store = *request;
    store.context_id = onward->id;
    store.message_id = ++passage->destination.message_id;
    store.move_originator = job->move_originator;
    store.move_originator_id = job->move_originator_id;
    passage->err = dicom_write(worker, passage->destination.association, &store, onward);
}

/* The splice borrows its plan: it stands in the arena until the instance has passed. */
static void begin_splice(struct passage *passage, const struct context *context)
{
    struct worker *worker = passage->worker;
    const struct relay_job *job = relay_job(passage->entry->relay);
    struct splice_plan *plan = arena_alloc(&worker->scratch, sizeof *plan);
    struct buffer at = buffer_make(&worker->scratch, 32);
    if (job->coercion == NULL) {
        return;
    }
    time_put_ts(&at, driver_now(worker->driver));
    *plan = coercion_splice(job, buffer_slice(&at));
    splice_init(passage->splice, syntax_of(context->accepted_syntax), plan, (struct splice_sink){put_out, passage});
}

/* What the holder is answered: the destination's own status, or ours when it never got there. */
static uint16_t end_instance(struct passage *passage, slice *comment)
{
    struct dimse response;
    if (passage->err == ERR_OK) {
        passage->err = read_answer(passage, &response);
    }
    if (passage->err == ERR_OK) {
        *comment = response.error_comment;
        return response.status;
    }
    if (!passage->broken && passage->err != ERR_REFUSED) {
        break_destination(passage);
    }
    return passage->err == ERR_BAD_MESSAGE && passage->splices ? STATUS_CANNOT_UNDERSTAND : STATUS_OUT_OF_RESOURCES_SUBOPERATIONS;
}

/* One image may take longer than the engine waits for a sign of life. */
static void tell_that_bytes_flow(struct passage *passage)
{
    time_ns now = driver_now(passage->worker->driver);
    if (passage->sign_ns == 0 || now - passage->sign_ns >= RELAY_SIGN_NS) {
        if (passage->sign_ns != 0) {
            worker_post(passage->worker, &(struct event){.kind = EVENT_RELAYED, .job = passage->entry->job, .relay_text = SLICE_EMPTY});
        }
        passage->sign_ns = now;
    }
}

/* False when the holder is gone in the middle: the destination has half a data set, which only an abort ends. */
static bool stream(struct passage *passage, bool last)
{
    struct fragment fragment;
    feed(passage, buffer_slice(&passage->hold), last);
    while (!last) {
        if (!dicom_read_fragment(passage->worker, &fragment, INCOMING_DATA)) {
            if (!passage->broken) {
                break_destination(passage);
            }
            passage->err = ERR_PEER_GONE;
            return false;
        }
        last = fragment.last;
        feed(passage, fragment.bytes, last);
        tell_that_bytes_flow(passage);
    }
    return true;
}

static void pass(struct passage *passage, const struct dimse *request, const struct context *context, bool last)
{
    struct worker *worker = passage->worker;
    slice comment = SLICE_EMPTY;
    begin_instance(passage, request, context);
    begin_splice(passage, context);
    bool whole = stream(passage, last);
    uint16_t status = whole ? end_instance(passage, &comment) : STATUS_OUT_OF_RESOURCES_SUBOPERATIONS;
    answer(passage, request, status, comment);
    relays_took(worker, passage->entry, request->sop_instance_uid, status, passage->size);
}

static void receive_instance(struct passage *passage, const struct dimse *request)
{
    struct worker *worker = passage->worker;
    const struct context *context = contexts_get(&worker->contexts, request->context_id);
    bool last = false;
    if (context == NULL) {
        worker_end(worker, CLOSED_ABORTED_BY_US);
        return;
    }
    if (!hold_back(passage, context, &last)) {
        return;
    }
    slice instance = splice_seen(passage->scout, TAG_SOPInstanceUID);
    bool lies = instance.size > 0 && !slice_equal(instance, slice_unpad(request->sop_instance_uid));
    uint16_t status = lies ? STATUS_IDENTIFIER_MISMATCH
                           : relays_offer(worker, passage->entry, request->sop_instance_uid, splice_seen(passage->scout, TAG_StudyInstanceUID));
    if (status == STATUS_SUCCESS) {
        pass(passage, request, context, last);
        return;
    }
    if (lies) {
        worker_post(worker, &(struct event){.kind = EVENT_RELAYED, .job = passage->entry->job,
                                            .relay_text = SLICE("a C-STORE request names another instance than its data set")});
    }
    if (last || dicom_drain(worker)) {
        answer(passage, request, status, SLICE_EMPTY);
    }
}

/* ---- The association. */

static void receive(struct passage *passage)
{
    struct worker *worker = passage->worker;
    struct dimse request;
    bool has_data = false;
    arena_reset(&worker->incoming);
    if (!dicom_read_command(worker, &request, &has_data)) {
        return;
    }
    if (request.kind == DIMSE_C_STORE_RQ && has_data) {
        receive_instance(passage, &request);
        return;
    }
    if (!has_data || dicom_drain(worker)) {
        answer(passage, &request, request.kind == DIMSE_C_ECHO_RQ ? STATUS_SUCCESS : STATUS_UNRECOGNISED, SLICE_EMPTY);
    }
}

static void serve(struct passage *passage)
{
    struct worker *worker = passage->worker;
    while (!worker->over) {
        struct command command;
        if (worker_wait(worker, association_fd(worker->association), association_has_data(worker->association), TIME_NEVER, true) && !worker->over) {
            receive(passage);
        }
        arena_reset(&worker->scratch);
        if (worker->over || !mailbox_take(&worker->mailbox, &command, &worker->scratch)) {
            continue;
        }
        if (command.kind == COMMAND_CLOSE) {
            association_release(worker->association, worker->driver->config.limits.release_timeout_ns);
            worker_end(worker, CLOSED_RELEASED);
        } else if (command.kind == COMMAND_ABORT) {
            worker_end(worker, CLOSED_ABORTED_BY_US);
        }
    }
}

static bool prepare(struct passage *passage)
{
    struct arena *keep = &passage->worker->keep;
    passage->scout = arena_alloc(keep, splice_size());
    passage->splice = arena_alloc(keep, splice_size());
    passage->hold = buffer_make(keep, HOLD_SIZE);
    passage->out = buffer_make(keep, OUT_SIZE);
    return passage->scout != NULL && passage->splice != NULL && !passage->out.full;
}

static void refuse(struct worker *worker, struct relay_entry *entry, enum err err)
{
    if (entry != NULL) {
        driver_log(worker->driver, "relay job %lld: the destination cannot be reached: %s", (long long)entry->job, err_text(err));
        relays_fail(worker, entry, "the destination cannot be reached");
    }
    dicom_reject(worker, 2, 3, 1); /* transient, temporary congestion (PS3.8 9.3.4) */
}

void relay_session(struct worker *worker)
{
    struct passage passage = {.worker = worker, .entry = NULL};
    struct contexts answered;
    passage.entry = relays_enter(worker->driver, worker->job, &passage.destination);
    if (passage.entry == NULL) {
        refuse(worker, NULL, ERR_NOT_FOUND);
        return;
    }
    enum err err = prepare(&passage) ? open_destination(&passage, &answered) : ERR_LIMIT;
    err = err == ERR_OK ? worker_copy_contexts(&answered, &worker->keep) : err; /* they outlive the destination */
    if (err != ERR_OK) {
        refuse(worker, passage.entry, err);
    } else {
        worker->contexts = answered;
        worker_set_association(worker, &worker->outbound, passage.destination.association);
        err = association_accept(worker->association, &answered);
        if (err != ERR_OK) {
            worker_end_by_error(worker, err);
        }
        serve(&passage);
        worker_set_association(worker, &worker->outbound, NULL);
    }
    relays_leave(worker, passage.entry, &passage.destination);
}
