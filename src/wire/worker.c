/* SPDX-License-Identifier: MIT
 *
 * One thread a channel: what DICOM and MLLP have in common. */
#include <errno.h>
#include <poll.h>

#include "src/actor/serial.h"
#include "src/wire/wire_private.h"

void worker_post(struct worker *worker, struct event *event)
{
    event->channel = worker->channel;
    event->protocol = worker->protocol;
    worker->event.size = 0;
    worker->event.full = false;
    event_write(event, &worker->event);
    if (worker->event.full) { /* only a message can be that long: it is refused by ending */
        driver_log(worker->driver, "channel %lld: a message larger than %u bytes", (long long)worker->channel, EVENT_SIZE_MAX);
        worker_end(worker, CLOSED_ABORTED_BY_US);
        return;
    }
    (void)queue_append(&worker->driver->queue, buffer_slice(&worker->event));
}

enum err worker_copy_contexts(struct contexts *contexts, struct arena *arena)
{
    struct command shallow = {.kind = COMMAND_ACCEPT, .contexts = *contexts}, deep;
    enum err err = command_copy(&deep, &shallow, arena);
    *contexts = deep.contexts;
    return err;
}

void worker_end(struct worker *worker, enum closed cause)
{
    if (!worker->over) {
        worker->over = true;
        worker->cause = cause;
    }
}

void worker_end_by_error(struct worker *worker, enum err err)
{
    bool ours = atomic_load(&worker->cut) != CUT_NO;
    worker_end(worker, ours ? CLOSED_ABORTED_BY_US : err == ERR_TIMEOUT ? CLOSED_TIMEOUT : CLOSED_LOST);
}

bool worker_wait(struct worker *worker, int fd, bool has_data, time_ns until, bool commands)
{
    struct pollfd set[3] = {{.fd = fd, .events = POLLIN}, {.fd = worker->mailbox.urgent, .events = POLLIN},
                            {.fd = commands ? worker->mailbox.wake : -1, .events = POLLIN}};
    time_ns idle = worker->moved_at + worker->driver->config.limits.idle_timeout_ns;
    int ready = poll(set, 3, has_data ? 0 : poll_timeout(until < idle ? until : idle));
    if (atomic_load(&worker->cut) != CUT_NO) {
        worker_end(worker, CLOSED_ABORTED_BY_US);
        return false;
    }
    if (ready < 0 && errno != EINTR) {
        worker_end(worker, CLOSED_LOST);
        return false;
    }
    if (ready > 0 || has_data) {
        worker->moved_at = monotonic_ns();
    } else if (monotonic_ns() >= idle) {
        worker_end(worker, CLOSED_TIMEOUT);
    }
    return has_data || (ready > 0 && set[0].revents != 0);
}

bool worker_await_answer(struct worker *worker, struct command *answer)
{
    time_ns until = monotonic_ns() + worker->driver->config.limits.answer_timeout_ns;
    while (monotonic_ns() < until && !worker->over) {
        (void)worker_wait(worker, -1, false, until, true);
        arena_reset(&worker->scratch);
        if (mailbox_take(&worker->mailbox, answer, &worker->scratch)) {
            struct command copy = *answer;
            return command_copy(answer, &copy, &worker->keep) == ERR_OK;
        }
    }
    return false;
}

void worker_run(struct worker *worker)
{
    struct event closed = {.kind = EVENT_CLOSED};
    if (worker->protocol == PROTOCOL_DICOM) {
        worker->asked ? dicom_asked(worker) : dicom_open(worker);
    } else {
        worker->asked ? mllp_asked(worker) : mllp_open(worker);
    }
    if (worker->over) { /* a refused OPEN has posted its end already */
        closed.cause = worker->cause;
        worker_post(worker, &closed);
    }
}
