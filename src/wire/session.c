/* SPDX-License-Identifier: MIT
 *
 * An association from its beginning to its end. */
#include "src/wire/wire_private.h"

/* ---- Ends. */

void worker_set_association(struct worker *worker, struct association **slot, struct association *association)
{
    pthread_mutex_lock(&worker->driver->channels.lock);
    *slot = association;
    if (association != NULL && atomic_load(&worker->cut) != CUT_NO) {
        association_interrupt(association);
    }
    pthread_mutex_unlock(&worker->driver->channels.lock);
}

/* Takes the association out of everybody's reach, then frees it. */
static void free_association(struct worker *worker)
{
    struct association *association = worker->association;
    worker_set_association(worker, &worker->association, NULL);
    association_free(association);
}

/* What is left of the association, by the way the session ended. A released one is closed already. */
static void hang_up(struct worker *worker)
{
    if (worker->association == NULL) {
        return;
    }
    if (atomic_load(&worker->cut) == CUT_DROP) {
        association_drop(worker->association);
    } else if (worker->cause == CLOSED_ABORTED_BY_US || worker->cause == CLOSED_TIMEOUT) {
        association_abort(worker->association);
    }
    free_association(worker);
}

/* ---- The session. */

static void obey(struct worker *worker, const struct command *command)
{
    switch (command->kind) {
    case COMMAND_SEND:
        dicom_send(worker, command);
        break;
    case COMMAND_CLOSE:
        gather_flush(worker);
        association_release(worker->association, worker->driver->config.limits.release_timeout_ns);
        worker_end(worker, CLOSED_RELEASED);
        break;
    case COMMAND_ABORT:
        worker_end(worker, CLOSED_ABORTED_BY_US);
        break;
    default: /* nothing else is for a channel that is open */
        break;
    }
}

void dicom_session(struct worker *worker)
{
    while (!worker->over) {
        bool ready = worker_wait(worker, association_fd(worker->association), association_has_data(worker->association), worker->gather.due, true);
        if (!worker->over && ready) {
            dicom_receive(worker);
        }
        if (monotonic_ns() >= worker->gather.due) {
            gather_flush(worker);
        }
        struct command command;
        arena_reset(&worker->scratch);
        if (!worker->over && mailbox_take(&worker->mailbox, &command, &worker->scratch)) {
            obey(worker, &command);
        }
    }
    gather_flush(worker);
}

/* ---- Asked for. */

void dicom_reject(struct worker *worker, uint8_t result, uint8_t source, uint8_t reason)
{
    struct association *association = worker->association;
    worker_set_association(worker, &worker->association, NULL);
    association_reject(association, result, source, reason);
    worker_end(worker, CLOSED_ABORTED_BY_US);
}

/* Nothing said: permanent, by the service user, no reason given (PS3.8 9.3.4). */
static void reject(struct worker *worker, const struct command *answer)
{
    uint8_t result = answer->reject_result, source = answer->reject_source, reason = answer->reject_reason;
    dicom_reject(worker, result == 0 ? 1 : result, source == 0 ? 1 : source, reason == 0 ? 1 : reason);
}

static void accept_it(struct worker *worker, const struct command *answer)
{
    worker->contexts = answer->contexts;
    worker->accept = answer->accept;
    worker->job = answer->job;
    if (worker->accept == ACCEPT_RELAY) {
        relay_session(worker);
        return;
    }
    if (worker->accept == ACCEPT_SPOOL && worker->driver->config.spool == NULL) {
        reject(worker, &(struct command){.reject_result = 1, .reject_source = 1, .reject_reason = 1});
        return;
    }
    enum err err = association_accept(worker->association, &worker->contexts);
    if (err != ERR_OK) {
        worker_end_by_error(worker, err);
        return;
    }
    dicom_session(worker);
}

void dicom_asked(struct worker *worker)
{
    struct command answer = {.kind = COMMAND_REJECT, .reject_result = 2, .reject_source = 3, .reject_reason = 1};
    struct event asked = {.kind = EVENT_ASKED, .calling = worker->request.calling, .called = worker->request.called,
                          .address = slice_from(worker->request.address), .contexts = worker->request.contexts};
    worker_post(worker, &asked);
    bool answered = worker_await_answer(worker, &answer);
    if (worker->over) {
        hang_up(worker);
    } else if (!answered || answer.kind == COMMAND_REJECT) {
        reject(worker, &answer); /* unanswered: transient, temporary congestion */
    } else if (answer.kind == COMMAND_ACCEPT) {
        accept_it(worker, &answer);
        hang_up(worker);
    } else {
        worker_end(worker, CLOSED_ABORTED_BY_US);
        hang_up(worker);
    }
}

/* ---- Opened by us. */

static enum refusal refusal_of(const struct association_refusal *refusal, enum err err)
{
    switch (refusal->kind) {
    case REFUSED_CONNECT:
        return REFUSAL_NO_ROUTE;
    case REFUSED_TIMEOUT:
        return REFUSAL_TIMEOUT;
    case REFUSED_REJECTED:
        return refusal->result == 2 ? REFUSAL_TRANSIENT : REFUSAL_PERMANENT;
    default:
        return err == ERR_LIMIT ? REFUSAL_TRANSIENT : REFUSAL_PROTOCOL;
    }
}

static enum err open_association(struct worker *worker, struct association **made, struct association_refusal *refusal)
{
    const struct driver_config *config = &worker->driver->config;
    const struct peer *peer = &config->peers[worker->open.peer];
    char host[64] = "";
    memcpy(host, peer->host.data, peer->host.size < sizeof host ? peer->host.size : 0);
    time_ns timeout = worker->open.timeout_ns > 0 ? worker->open.timeout_ns : config->limits.open_timeout_ns;
    struct association_request request = {.host = host, .port = peer->dicom_port, .connect_timeout_ns = timeout, .answer_timeout_ns = timeout,
                                          .contexts = worker->open.contexts};
    request.calling = worker->open.calling.size > 0 ? worker->open.calling : config->title_count > 0 ? config->titles[0] : SLICE_EMPTY;
    request.called = worker->open.called.size > 0 ? worker->open.called : peer->aet;
    if (peer->dicom_port == 0) {
        refusal->kind = REFUSED_CONNECT;
        return ERR_REFUSED;
    }
    return association_open(made, &request, &worker->contexts, refusal, &worker->keep);
}

void dicom_open(struct worker *worker)
{
    struct association *made = NULL;
    struct association_refusal refusal = {0};
    enum err err = worker->open.peer < worker->driver->config.peer_count ? open_association(worker, &made, &refusal) : ERR_BAD_INPUT;
    if (err != ERR_OK) {
        worker_post(worker, &(struct event){.kind = EVENT_REFUSED, .refusal = refusal_of(&refusal, err), .reject_result = refusal.result,
                                            .reject_source = refusal.source, .reject_reason = refusal.reason});
        return;
    }
    worker_set_association(worker, &worker->association, made);
    worker_post(worker, &(struct event){.kind = EVENT_OPENED, .contexts = worker->contexts});
    worker->moved_at = monotonic_ns();
    dicom_session(worker);
    hang_up(worker);
}
