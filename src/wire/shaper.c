/* SPDX-License-Identifier: MIT
 *
 * The connections that pass. Each is two streams, one a direction: bytes are taken in when their line is free, wait until
 * they have passed it, and go out when nothing blocks it. One thread; poll tells what can be read and written. */
#include "src/wire/shaper_private.h"

#include "src/wire/driver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECE 16384            /* bytes taken in at once */
#define HELD_MAX (512 * 1024)  /* bytes of one stream on their way */
#define LINE_SIZE 65536

struct piece {
    struct piece *next;
    time_ns due_ns;
    size_t size, sent;
    char bytes[];
};

struct stream {
    struct shaper_path path;
    int from, to;            /* of the connection's descriptors: 0 or 1 */
    struct piece *first, *last;
    size_t held;
    int64_t passed;          /* bytes taken in since it was opened, or since a stop_after_bytes began */
    time_ns last_due, slice_at;
    bool ended, shut;        /* no more comes; that was passed on */
    time_ns shut_at;
    bool deaf;               /* what comes is thrown away */
};

struct connection {
    int fd[2];               /* who dialled; who listens: -1 until dialled */
    bool used, connecting, dead;
    struct stream streams[2];
    const struct shaper_way *way;
};

struct shaper {
    struct shaper_config config;
    struct shaper_links links;
    int listeners[SHAPER_WAYS_MAX];
    struct connection connections[SHAPER_CONNECTIONS_MAX];
    size_t connection_end;
    char line[LINE_SIZE];
    size_t line_size;
    struct pollfd set[1 + SHAPER_WAYS_MAX + 2 * SHAPER_CONNECTIONS_MAX];
    size_t set_count;
};

static time_ns monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (time_ns)now.tv_sec * TIME_S + now.tv_nsec;
}

static struct sockaddr_in address_of(const char *host, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    (void)inet_pton(AF_INET, host, &address.sin_addr);
    return address;
}

/* ---- Open and close. */

static int listen_anywhere(const char *host, uint16_t *port)
{
    struct sockaddr_in address = address_of(host, 0);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 64) != 0 || getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

struct shaper *shaper_open(const struct shaper_config *config)
{
    struct shaper *shaper = config->way_count > SHAPER_WAYS_MAX || config->link_count > SHAPER_LINKS_MAX ? NULL : calloc(1, sizeof *shaper);
    if (shaper == NULL) {
        return NULL;
    }
    shaper->config = *config;
    shaper_links_init(&shaper->links, config);
    for (size_t w = 0; w < SHAPER_WAYS_MAX; w++) {
        shaper->listeners[w] = -1;
    }
    for (size_t w = 0; w < config->way_count; w++) {
        shaper->listeners[w] = listen_anywhere(config->host, &config->ways[w].port);
        if (shaper->listeners[w] < 0) {
            shaper_close(shaper);
            return NULL;
        }
    }
    return shaper;
}

static void drop_pieces(struct stream *stream)
{
    while (stream->first != NULL) {
        struct piece *next = stream->first->next;
        free(stream->first);
        stream->first = next;
    }
    stream->last = NULL;
    stream->held = 0;
}

static void drop(struct connection *connection, bool reset)
{
    for (int i = 0; i < 2; i++) {
        if (connection->fd[i] >= 0) {
            struct linger now = {.l_onoff = 1, .l_linger = 0};
            if (reset) {
                setsockopt(connection->fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof now);
            }
            close(connection->fd[i]);
        }
        drop_pieces(&connection->streams[i]);
    }
    *connection = (struct connection){.fd = {-1, -1}};
}

void shaper_close(struct shaper *shaper)
{
    for (size_t w = 0; w < SHAPER_WAYS_MAX; w++) {
        if (shaper->listeners[w] >= 0) {
            close(shaper->listeners[w]);
        }
    }
    for (size_t c = 0; c < shaper->connection_end; c++) {
        if (shaper->connections[c].used) {
            drop(&shaper->connections[c], true);
        }
    }
    free(shaper);
}

/* ---- A connection begins. */

static void set_paths(struct connection *connection, const struct shaper_way *way)
{
    struct shaper_path *there = &connection->streams[0].path, *back = &connection->streams[1].path;
    there->count = back->count = way->half_count;
    for (uint8_t i = 0; i < way->half_count; i++) {
        there->halves[i] = way->halves[i];
        back->halves[way->half_count - 1 - i] = way->halves[i] ^ 1u;
    }
    connection->streams[0].to = 1;
    connection->streams[1].from = 1;
}

static void accept_one(struct shaper *shaper, size_t way)
{
    int fd = accept4(shaper->listeners[way], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), one = 1;
    size_t c = 0;
    while (fd >= 0 && c < SHAPER_CONNECTIONS_MAX && shaper->connections[c].used) {
        c++;
    }
    if (fd < 0 || c == SHAPER_CONNECTIONS_MAX) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    struct connection *connection = &shaper->connections[c];
    shaper->connection_end = c >= shaper->connection_end ? c + 1 : shaper->connection_end;
    *connection = (struct connection){.fd = {fd, -1}, .used = true, .way = &shaper->config.ways[way]};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    set_paths(connection, connection->way);
    if (shaper_resets(&shaper->links, &connection->streams[0].path) || shaper_resets(&shaper->links, &connection->streams[1].path)) {
        drop(connection, true);
    }
}

/* Nobody is dialled through a line that is cut: the caller waits, as if his SYN were lost. */
static void dial(struct shaper *shaper, struct connection *connection)
{
    if (connection->fd[1] >= 0 || shaper_blocked(&shaper->links, &connection->streams[0].path) || shaper_blocked(&shaper->links, &connection->streams[1].path)) {
        return;
    }
    struct sockaddr_in address = address_of(shaper->config.host, connection->way->target);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
    if (fd < 0) {
        drop(connection, true);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connection->fd[1] = fd;
    connection->connecting = true;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
        drop(connection, true); /* nobody listens: refused */
    }
}

static void dialled(struct connection *connection)
{
    int failed = 0;
    socklen_t size = sizeof failed;
    connection->connecting = false;
    if (getsockopt(connection->fd[1], SOL_SOCKET, SO_ERROR, &failed, &size) != 0 || failed != 0) {
        drop(connection, true);
    }
}

/* ---- Bytes. */

static void end_stream(struct shaper *shaper, struct stream *stream, time_ns now)
{
    time_ns due = shaper_pass(&shaper->links, &stream->path, 0, now);
    stream->ended = true;
    stream->shut_at = (due > stream->last_due ? due : stream->last_due) + shaper_close_ns(&shaper->links, &stream->path);
}

static bool may_take(const struct shaper *shaper, const struct connection *connection, const struct stream *stream, time_ns now, time_ns *when)
{
    if ((stream->ended && !stream->deaf) || connection->fd[stream->from] < 0 || (stream->from == 1 && connection->connecting)) {
        return false;
    }
    if (stream->deaf || shaper_swallows(&shaper->links, &stream->path)) {
        return true;
    }
    time_ns at = shaper_takes_at(&shaper->links, &stream->path);
    if (stream->held >= HELD_MAX || stream->passed >= shaper_stops_at(&shaper->links, &stream->path)) {
        return false;
    }
    *when = at > now && at < *when ? at : *when;
    return at <= now;
}

static void keep(struct shaper *shaper, struct stream *stream, const char *bytes, size_t size, time_ns now)
{
    struct piece *piece = malloc(sizeof *piece + size);
    if (piece == NULL) {
        abort(); /* a few megabytes at most: the machine is at its end */
    }
    time_ns due = shaper_pass(&shaper->links, &stream->path, (int64_t)size, now);
    stream->last_due = due > stream->last_due ? due : stream->last_due;
    *piece = (struct piece){.due_ns = stream->last_due, .size = size};
    memcpy(piece->bytes, bytes, size);
    if (stream->last == NULL) {
        stream->first = piece;
    } else {
        stream->last->next = piece;
    }
    stream->last = piece;
    stream->held += size;
    stream->passed += (int64_t)size;
}

/* False when the connection broke. */
static bool take(struct shaper *shaper, struct connection *connection, struct stream *stream, time_ns now)
{
    char bytes[PIECE];
    bool nowhere = stream->deaf || shaper_swallows(&shaper->links, &stream->path);
    int64_t room = shaper_stops_at(&shaper->links, &stream->path) - stream->passed;
    size_t most = nowhere || room > PIECE ? PIECE : (size_t)room;
    ssize_t got = recv(connection->fd[stream->from], bytes, most, 0);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    if (got == 0) {
        stream->deaf = false;
        if (!stream->ended) {
            end_stream(shaper, stream, now);
        }
    } else if (!nowhere) {
        keep(shaper, stream, bytes, (size_t)got, now);
    }
    return true;
}

/* Sends what is due; false when the connection broke. *when: the next time that something is. */
static bool give(struct shaper *shaper, struct connection *connection, struct stream *stream, time_ns now, time_ns *when)
{
    time_ns between;
    int64_t slice_size = shaper_slice(&shaper->links, &stream->path, &between);
    if (connection->fd[stream->to] < 0 || (stream->to == 1 && connection->connecting) || shaper_blocked(&shaper->links, &stream->path)) {
        return true;
    }
    for (struct piece *piece; (piece = stream->first) != NULL;) {
        time_ns due = slice_size > 0 && stream->slice_at > piece->due_ns ? stream->slice_at : piece->due_ns;
        if (due > now) {
            *when = due < *when ? due : *when;
            return true;
        }
        size_t left = piece->size - piece->sent, most = slice_size > 0 && (size_t)slice_size < left ? (size_t)slice_size : left;
        ssize_t put = send(connection->fd[stream->to], piece->bytes + piece->sent, most, MSG_NOSIGNAL);
        if (put < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        piece->sent += (size_t)put;
        stream->slice_at = now + between;
        if (piece->sent == piece->size) {
            stream->first = piece->next;
            stream->last = stream->first == NULL ? NULL : stream->last;
            stream->held -= piece->size;
            free(piece);
        }
    }
    if (stream->ended && !stream->shut) {
        stream->shut = stream->shut_at <= now;
        if (stream->shut) {
            shutdown(connection->fd[stream->to], SHUT_WR);
        } else {
            *when = stream->shut_at < *when ? stream->shut_at : *when;
        }
    }
    return true;
}

/* ---- What is told. */

static bool passes(const struct connection *connection, int64_t link)
{
    for (uint8_t i = 0; i < connection->way->half_count; i++) {
        if (connection->way->halves[i] / 2 == link) {
            return true;
        }
    }
    return false;
}

static void strike(struct shaper *shaper, enum shaper_blow blow, int64_t link, time_ns now)
{
    for (size_t c = 0; c < shaper->connection_end; c++) {
        struct connection *connection = &shaper->connections[c];
        if (!connection->used || !passes(connection, link)) {
            continue;
        }
        if (blow == BLOW_RESET) {
            drop(connection, true);
        } else if (!connection->streams[0].ended) {
            end_stream(shaper, &connection->streams[0], now);
            connection->streams[0].deaf = true;
        }
    }
}

static void tell(struct shaper *shaper, slice line, time_ns now)
{
    static _Alignas(16) char room[4 * LINE_SIZE];
    struct arena arena = {.memory = room, .size = sizeof room};
    struct event event;
    bool quit = false;
    enum shaper_blow blow = BLOW_NONE;
    if (control_parse(line, &event, &quit, &arena) != ERR_OK || quit || event.kind != EVENT_PLAN ||
        shaper_links_tell(&shaper->links, &event.plan, now, &blow) != ERR_OK) {
        return; /* the bench asks shaper_knows before it tells */
    }
    int64_t link = plan_get_int(&event.plan, "link", 0);
    if (blow != BLOW_NONE) {
        strike(shaper, blow, link, now);
    }
    for (size_t c = 0; c < shaper->connection_end && slice_equal(event.plan.verb, SLICE("stop_after_bytes")); c++) {
        shaper->connections[c].streams[0].passed = shaper->connections[c].streams[1].passed = 0;
    }
}

/* False at its end. */
static bool listen_to_control(struct shaper *shaper, time_ns now)
{
    ssize_t got = read(shaper->config.control, shaper->line + shaper->line_size, LINE_SIZE - shaper->line_size);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    shaper->line_size += (size_t)got;
    slice rest = {shaper->line, shaper->line_size};
    while (slice_index(rest, '\n') < rest.size) {
        tell(shaper, slice_cut(&rest, '\n'), now);
    }
    shaper->line_size = rest.size == LINE_SIZE ? 0 : rest.size;
    memmove(shaper->line, rest.data, shaper->line_size);
    return true;
}

/* ---- The loop. */

static void put_fd(struct shaper *shaper, int fd, short events)
{
    shaper->set[shaper->set_count++] = (struct pollfd){.fd = events == 0 ? -1 : fd, .events = events};
}

/* Moves what can be moved. */
static void serve(struct shaper *shaper, struct connection *connection, const struct pollfd set[2], time_ns now, time_ns *when)
{
    bool whole = true;
    if (connection->connecting && (set[1].revents & (POLLOUT | POLLERR | POLLHUP)) != 0) {
        dialled(connection);
    }
    if (connection->used) {
        dial(shaper, connection);
    }
    for (int s = 0; s < 2 && whole && connection->used; s++) {
        struct stream *stream = &connection->streams[s];
        bool comes = (set[stream->from].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
        if (comes && may_take(shaper, connection, stream, now, when)) {
            whole = take(shaper, connection, stream, now);
        }
        whole = whole && give(shaper, connection, stream, now, when);
    }
    if (connection->used && (!whole || (connection->streams[0].shut && connection->streams[1].shut))) {
        drop(connection, !whole);
    }
}

static void watch(struct shaper *shaper, const struct connection *connection, time_ns now, time_ns *when)
{
    short events[2] = {0, 0};
    for (int s = 0; s < 2; s++) {
        const struct stream *stream = &connection->streams[s];
        if (may_take(shaper, connection, stream, now, when)) {
            events[stream->from] |= POLLIN;
        }
        if (stream->first != NULL && stream->first->due_ns <= now && stream->slice_at <= now && !shaper_blocked(&shaper->links, &stream->path)) {
            events[stream->to] |= POLLOUT;
        }
    }
    events[1] |= connection->connecting ? POLLOUT : 0;
    for (int i = 0; i < 2; i++) {
        put_fd(shaper, connection->fd[i], events[i]);
    }
}

enum err shaper_run(struct shaper *shaper)
{
    bool lives = true;
    while (lives) {
        time_ns now = monotonic_ns(), when = shaper_links_turn(&shaper->links, now);
        shaper->set_count = 0;
        put_fd(shaper, shaper->config.control, POLLIN);
        for (size_t w = 0; w < shaper->config.way_count; w++) {
            put_fd(shaper, shaper->listeners[w], POLLIN);
        }
        size_t first = shaper->set_count, count = shaper->connection_end;
        static const struct pollfd nothing[2];
        for (size_t c = 0; c < count; c++) {
            if (shaper->connections[c].used) {
                serve(shaper, &shaper->connections[c], nothing, now, &when);
            }
            watch(shaper, &shaper->connections[c], now, &when);
        }
        time_ns left = when == TIME_NEVER ? 10 * TIME_S : when - now;
        struct timespec wait = {.tv_sec = left > 0 ? left / TIME_S : 0, .tv_nsec = left > 0 ? left % TIME_S : 0};
        if (ppoll(shaper->set, shaper->set_count, &wait, NULL) < 0 && errno != EINTR) {
            return ERR_SYSTEM;
        }
        now = monotonic_ns();
        for (size_t c = 0; c < count; c++) {
            if (shaper->connections[c].used) {
                serve(shaper, &shaper->connections[c], &shaper->set[first + 2 * c], now, &when);
            }
        }
        for (size_t w = 0; w < shaper->config.way_count; w++) {
            if ((shaper->set[1 + w].revents & POLLIN) != 0) {
                accept_one(shaper, w);
            }
        }
        lives = shaper->set[0].revents == 0 || listen_to_control(shaper, now);
    }
    return ERR_OK;
}
