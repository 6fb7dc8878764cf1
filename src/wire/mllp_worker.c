/* SPDX-License-Identifier: MIT
 *
 * An MLLP connection, from either side. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/wire/wire_private.h"

#define READ_SIZE (64u << 10)

void worker_set_fd(struct worker *worker, int fd)
{
    pthread_mutex_lock(&worker->driver->channels.lock);
    worker->fd = fd;
    if (fd >= 0 && atomic_load(&worker->cut) != CUT_NO) {
        shutdown(fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&worker->driver->channels.lock);
}

static void hang_up(struct worker *worker)
{
    int fd = worker->fd;
    if (fd < 0) {
        return;
    }
    worker_set_fd(worker, -1);
    if (worker->cause == CLOSED_ABORTED_BY_US) { /* a reset, as MLLP has no abort of its own */
        struct linger none = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    }
    close(fd);
}

/* ---- In. */

static void receive_message(struct worker *worker, slice bytes)
{
    struct hl7_message parsed;
    arena_reset(&worker->incoming);
    struct message *message = gather_slot(worker);
    slice copy = arena_copy(&worker->incoming, bytes);
    if (copy.data == NULL || hl7_parse(&parsed, copy, &worker->incoming) != ERR_OK || hl7_read(&message->hl7, &parsed, &worker->incoming) != ERR_OK) {
        message->unreadable = copy.data == NULL ? SLICE("MSH|") : copy;
    }
    gather_flush(worker);
}

static void take_bytes(struct worker *worker, struct mllp *mllp, slice bytes)
{
    while (bytes.size > 0 && !worker->over) {
        size_t used = 0;
        bool complete = false;
        if (mllp_take(mllp, bytes, &used, &complete) != ERR_OK) {
            worker_end(worker, CLOSED_ABORTED_BY_US); /* longer than any message may be */
            return;
        }
        if (complete) {
            receive_message(worker, mllp_message(mllp));
        }
        bytes = slice_after(bytes, used);
    }
}

static void receive(struct worker *worker, struct mllp *mllp, char *memory)
{
    ssize_t got = recv(worker->fd, memory, READ_SIZE, 0);
    if (got == 0) {
        worker_end(worker, mllp->state == MLLP_OUTSIDE ? CLOSED_RELEASED : CLOSED_LOST);
    } else if (got > 0) {
        take_bytes(worker, mllp, (slice){memory, (size_t)got});
    } else if (errno != EAGAIN && errno != EINTR) {
        worker_end(worker, CLOSED_LOST);
    }
}

/* ---- Out. */

static void write_all(struct worker *worker, slice bytes)
{
    time_ns timeout = worker->driver->config.limits.write_timeout_ns;
    while (bytes.size > 0 && !worker->over) {
        ssize_t put = send(worker->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (put >= 0) {
            bytes = slice_after(bytes, (size_t)put);
            continue;
        }
        struct pollfd set[2] = {{.fd = worker->fd, .events = POLLOUT}, {.fd = worker->mailbox.urgent, .events = POLLIN}};
        if (errno != EAGAIN && errno != EINTR) {
            worker_end(worker, atomic_load(&worker->cut) != CUT_NO ? CLOSED_ABORTED_BY_US : CLOSED_LOST);
        } else if (poll(set, 2, poll_timeout(monotonic_ns() + timeout)) == 0) {
            worker_end(worker, CLOSED_TIMEOUT);
        } else if (set[1].revents != 0) {
            worker_end(worker, CLOSED_ABORTED_BY_US);
        }
    }
}

static void send_message(struct worker *worker, const struct message *message)
{
    struct buffer *text = &worker->bytes, framed = buffer_make(&worker->scratch, HL7_MESSAGE_MAX + 16);
    text->size = 0;
    text->full = false;
    if (message->unreadable.size > 0) {
        buffer_put(text, message->unreadable); /* bytes that the actor wants to leave as they are */
    } else {
        hl7_write(&message->hl7, text);
    }
    mllp_write(buffer_slice(text), &framed);
    if (text->full || framed.full) {
        driver_log(worker->driver, "channel %lld: an HL7 message larger than %u bytes was not sent", (long long)worker->channel, HL7_MESSAGE_MAX);
        worker_end(worker, CLOSED_ABORTED_BY_US);
        return;
    }
    write_all(worker, buffer_slice(&framed));
}

static void obey(struct worker *worker, const struct command *command)
{
    for (size_t i = 0; command->kind == COMMAND_SEND && i < command->run.count && !worker->over; i++) {
        send_message(worker, &command->run.messages[i]);
    }
    if (command->kind == COMMAND_CLOSE) {
        worker_end(worker, CLOSED_RELEASED);
    } else if (command->kind == COMMAND_ABORT) {
        worker_end(worker, CLOSED_ABORTED_BY_US);
    }
}

static void session(struct worker *worker)
{
    char *memory = arena_alloc(&worker->keep, READ_SIZE);
    struct arena room;
    struct mllp mllp = {.state = MLLP_OUTSIDE};
    if (memory == NULL || memory_map(&room, HL7_MESSAGE_MAX) != ERR_OK) {
        worker_end(worker, CLOSED_ABORTED_BY_US);
        return;
    }
    mllp.message = buffer_over(room.memory, room.size);
    while (!worker->over) {
        struct command command;
        if (worker_wait(worker, worker->fd, false, TIME_NEVER, true) && !worker->over) {
            receive(worker, &mllp, memory);
        }
        arena_reset(&worker->scratch);
        if (!worker->over && mailbox_take(&worker->mailbox, &command, &worker->scratch)) {
            obey(worker, &command);
        }
    }
    memory_unmap(&room);
}

void mllp_asked(struct worker *worker)
{
    struct command answer = {.kind = COMMAND_REJECT};
    struct event asked = {.kind = EVENT_ASKED, .address = slice_from(worker->request.address)};
    worker_post(worker, &asked);
    if (worker_await_answer(worker, &answer) && answer.kind == COMMAND_ACCEPT && !worker->over) {
        session(worker);
    }
    worker_end(worker, CLOSED_ABORTED_BY_US);
    hang_up(worker);
}

/* ---- Opened by us. */

static int dial(const struct peer *peer, time_ns until)
{
    char host[64] = "";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(peer->hl7_port)};
    memcpy(host, peer->host.data, peer->host.size < sizeof host ? peer->host.size : 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        errno = EHOSTUNREACH;
    } else if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        return fd;
    } else if (errno == EINPROGRESS) {
        struct pollfd set = {.fd = fd, .events = POLLOUT};
        int failed = ETIMEDOUT;
        socklen_t size = sizeof failed;
        if (poll(&set, 1, poll_timeout(until)) > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) == 0 && failed == 0) {
            return fd;
        }
        errno = failed;
    }
    int kept = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = kept;
    return -1;
}

void mllp_open(struct worker *worker)
{
    const struct driver_config *config = &worker->driver->config;
    const struct command *open = &worker->open;
    time_ns timeout = open->timeout_ns > 0 ? open->timeout_ns : config->limits.open_timeout_ns;
    errno = EHOSTUNREACH;
    int fd = open->peer < config->peer_count ? dial(&config->peers[open->peer], monotonic_ns() + timeout) : -1;
    if (fd < 0) {
        worker_post(worker, &(struct event){.kind = EVENT_REFUSED, .refusal = errno == ETIMEDOUT ? REFUSAL_TIMEOUT : REFUSAL_NO_ROUTE});
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    worker_set_fd(worker, fd);
    worker_post(worker, &(struct event){.kind = EVENT_OPENED});
    worker->moved_at = monotonic_ns();
    session(worker);
    hang_up(worker);
}
