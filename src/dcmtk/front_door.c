/* SPDX-License-Identifier: MIT */
#include "src/dcmtk/associate.h"
#include "src/dcmtk/dcmtk_private.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define BACKLOG 512
#define EVENTS_AT_ONCE 64
#define ROUNDS_MAX 64    /* of one front_door_take */
#define ACCEPTS_MAX 64   /* in a row, so that a flood does not keep complete requests waiting */
#define DRAIN_MAX 262144 /* bytes read and thrown away of one refused peer at a time */
#define HALVES_MAX 65536u
#define REST (100 * TIME_MS) /* of the listener when the system has no descriptor for a caller */

/* What epoll hands back: the listener, the timer, or a connection by index and order of accept, so that an event
 * of one that has gone is not taken for its successor's. */
#define KEY_LISTENER UINT64_MAX
#define KEY_TIMER (UINT64_MAX - 1)
#define KEY_HALF(index, order) ((uint64_t)(order) * HALVES_MAX + (index))

enum half_state { HALF_FREE, HALF_HEAD, HALF_BODY, HALF_CLOSING };

/* A connection on which no complete request stands yet, or whose refusal is on its way. */
struct half_open {
    enum half_state state;
    int fd;
    unsigned group;  /* index of its peer address */
    uint64_t order;  /* of accept, for "oldest" */
    time_ns deadline;
    size_t size;     /* of the PDU once the head is read */
};

/* One peer address with at least one half-open connection. */
struct group {
    char address[64];
    unsigned count;
};

struct front_door {
    struct front_door_limits limits;
    int epoll, timer, listener, spare; /* spare: a descriptor to give up when there is none left to accept with */
    char host[256];
    uint16_t port;
    uint64_t next_order;
    time_ns armed; /* what the timer is set to */
    time_ns rest_until; /* the listener is not watched before; TIME_NEVER: it is watched */
    struct half_open *halves;
    struct group *groups;
    uint8_t *peek; /* request_max + head */
};

/* ---- Half-open connections. */

static void half_close(struct front_door *door, struct half_open *half)
{
    if (half->state == HALF_FREE) {
        return;
    }
    close(half->fd); /* also leaves the epoll set */
    door->groups[half->group].count--;
    half->state = HALF_FREE;
}

static struct half_open *half_oldest(struct front_door *door, unsigned group)
{
    struct half_open *oldest = NULL;
    for (unsigned i = 0; i < door->limits.half_open_max; i++) {
        struct half_open *half = &door->halves[i];
        if (half->state != HALF_FREE && half->group == group && (oldest == NULL || half->order < oldest->order)) {
            oldest = half;
        }
    }
    return oldest;
}

static unsigned group_busiest(const struct front_door *door)
{
    unsigned busiest = 0;
    for (unsigned i = 1; i < door->limits.half_open_max; i++) {
        if (door->groups[i].count > door->groups[busiest].count) {
            busiest = i;
        }
    }
    return busiest;
}

/* The group of an address: its own, or a free one. There are as many groups as connections, so one is free
 * whenever a connection is. */
static unsigned group_of(struct front_door *door, const char *address)
{
    unsigned unused = 0;
    for (unsigned i = 0; i < door->limits.half_open_max; i++) {
        if (door->groups[i].count == 0) {
            unused = i;
        } else if (strcmp(door->groups[i].address, address) == 0) {
            return i;
        }
    }
    snprintf(door->groups[unused].address, sizeof door->groups[unused].address, "%s", address);
    return unused;
}

static struct half_open *half_find_free(struct front_door *door)
{
    for (unsigned i = 0; i < door->limits.half_open_max; i++) {
        if (door->halves[i].state == HALF_FREE) {
            return &door->halves[i];
        }
    }
    return NULL;
}

/* Room for one more of this address; whoever has waited longest makes way, never the newcomer. */
static struct half_open *half_make_room(struct front_door *door, const char *address, unsigned *group)
{
    struct half_open *half = half_find_free(door);
    if (half == NULL) {
        half_close(door, half_oldest(door, group_busiest(door)));
        half = half_find_free(door);
    }
    *group = group_of(door, address);
    if (door->groups[*group].count >= door->limits.half_open_per_address) {
        half_close(door, half_oldest(door, *group));
        *group = group_of(door, address);
    }
    return half;
}

/* Wakes epoll only when `bytes` are there (or the peer has closed), so that a half-sent request costs nothing. */
static void half_wake_at(int fd, size_t bytes)
{
    int low = (int)bytes;
    setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low);
}

static void half_admit(struct front_door *door, int fd, const char *address)
{
    unsigned group;
    struct half_open *half = half_make_room(door, address, &group);
    uint64_t key = KEY_HALF(half - door->halves, door->next_order);
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data = {.u64 = key}};
    half_wake_at(fd, PDU_HEAD_SIZE);
    if (epoll_ctl(door->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        close(fd);
        return;
    }
    door->groups[group].count++;
    *half = (struct half_open){HALF_HEAD, fd, group, door->next_order++, clock_after(door->limits.request_deadline_ns), 0};
}

/* Sends the answer and waits for the peer to close, so that a reset does not overtake it. */
static void half_refuse(struct front_door *door, struct half_open *half, struct verdict verdict)
{
    uint8_t answer[PDU_ANSWER_SIZE];
    if (!associate_answer(&verdict, answer)) {
        half_close(door, half);
        return;
    }
    half_wake_at(half->fd, 1);
    if (send(half->fd, answer, sizeof answer, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof answer) {
        half_close(door, half);
        return;
    }
    shutdown(half->fd, SHUT_WR);
    half->state = HALF_CLOSING;
}

static void half_drain(struct front_door *door, struct half_open *half)
{
    for (size_t total = 0; total < DRAIN_MAX;) {
        ssize_t n = recv(half->fd, door->peek, door->limits.request_max, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (n <= 0) {
            half_close(door, half);
            return;
        }
        total += (size_t)n;
    }
}

/* Looks at up to `wanted` bytes without taking them. False when they are not all there yet; a peer that has
 * closed before sending them is dropped. */
static bool half_peek(struct front_door *door, struct half_open *half, size_t wanted, bool closed)
{
    ssize_t n = recv(half->fd, door->peek, wanted, MSG_PEEK | MSG_DONTWAIT);
    if (n == (ssize_t)wanted) {
        return true;
    }
    bool waiting = n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
    if (!waiting || closed) {
        half_close(door, half);
    }
    return false;
}

/* ---- A complete request. */

static void half_hand_over(struct front_door *door, struct half_open *half, struct association **association, struct asked *asked)
{
    snprintf(asked->address, sizeof asked->address, "%s", door->groups[half->group].address);
    epoll_ctl(door->epoll, EPOLL_CTL_DEL, half->fd, NULL);
    half_wake_at(half->fd, 1);
    int fd = half->fd;
    half->state = HALF_FREE;
    door->groups[half->group].count--;
    if (association_receive(association, fd, asked) != ERR_OK) {
        *association = NULL; /* DCMTK refuses what we let pass, or memory is short: one peer less, the door stays open */
    }
}

static void half_judge(struct front_door *door, struct half_open *half, struct association **association, struct asked *asked,
                       struct arena *arena)
{
    struct arena before = *arena;
    slice pdu = arena_copy(arena, (slice){(const char *)door->peek, half->size});
    struct verdict verdict = {VERDICT_REJECT, 2, 3, 2}; /* local limit exceeded */
    if (pdu.data != NULL) {
        verdict = associate_check(pdu, asked, arena);
    }
    if (verdict.kind == VERDICT_GOOD) {
        half_hand_over(door, half, association, asked);
        return;
    }
    arena->used = before.used;
    half_refuse(door, half, verdict);
}

static void half_advance(struct front_door *door, struct half_open *half, bool closed, struct association **association,
                         struct asked *asked, struct arena *arena)
{
    if (half->state == HALF_CLOSING) {
        half_drain(door, half);
        return;
    }
    if (half->state == HALF_HEAD && half_peek(door, half, PDU_HEAD_SIZE, closed)) {
        struct verdict verdict = associate_check_head(door->peek, door->limits.request_max, &half->size);
        if (verdict.kind != VERDICT_GOOD) {
            half_refuse(door, half, verdict);
            return;
        }
        half_wake_at(half->fd, half->size);
        half->state = HALF_BODY;
    }
    if (half->state == HALF_BODY && half_peek(door, half, half->size, closed)) {
        half_judge(door, half, association, asked, arena);
    }
}

/* ---- Listening. */

static bool watch_listener(struct front_door *door)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = KEY_LISTENER}};
    bool watched = epoll_ctl(door->epoll, EPOLL_CTL_ADD, door->listener, &event) == 0;
    door->rest_until = watched ? TIME_NEVER : clock_after(REST);
    return watched;
}

/* No descriptor is left: gives the spare one up, takes the caller in and shows it out. If even that fails, lets the
 * listener be for a while, which would stay readable and keep us busy with nothing. */
static void turn_away(struct front_door *door)
{
    if (door->spare >= 0) {
        close(door->spare);
    }
    int fd = accept4(door->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        close(fd);
    } else if (errno != EAGAIN) {
        epoll_ctl(door->epoll, EPOLL_CTL_DEL, door->listener, NULL);
        door->rest_until = clock_after(REST);
    }
    door->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_callers(struct front_door *door)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        int fd = accept4(door->listener, (struct sockaddr *)&from, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == ECONNABORTED || errno == EINTR) {
                continue;
            }
            if (errno != EAGAIN) {
                turn_away(door);
            }
            return;
        }
        char address[64];
        if (getnameinfo((struct sockaddr *)&from, size, address, sizeof address, NULL, 0, NI_NUMERICHOST) != 0) {
            strcpy(address, "?");
        }
        half_admit(door, fd, address);
    }
}

static int bind_first(const struct addrinfo *list)
{
    for (const struct addrinfo *at = list; at != NULL; at = at->ai_next) {
        int one = 1, fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) {
            continue;
        }
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
            return fd;
        }
        int kept = errno;
        close(fd);
        errno = kept;
    }
    return -1;
}

static enum err start_listening(struct front_door *door)
{
    char port[8];
    snprintf(port, sizeof port, "%u", door->port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list;
    if (getaddrinfo(door->host, port, &hints, &list) != 0) {
        errno = EADDRNOTAVAIL;
        return ERR_SYSTEM;
    }
    door->listener = bind_first(list);
    freeaddrinfo(list);
    if (door->listener < 0 || !watch_listener(door)) {
        return ERR_SYSTEM;
    }
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    getsockname(door->listener, (struct sockaddr *)&bound, &size);
    char text[8];
    if (getnameinfo((struct sockaddr *)&bound, size, NULL, 0, text, sizeof text, NI_NUMERICSERV) == 0) {
        door->port = (uint16_t)strtoul(text, NULL, 10);
    }
    return ERR_OK;
}

static void stop_listening(struct front_door *door)
{
    if (door->listener >= 0) {
        close(door->listener);
        door->listener = -1;
        door->rest_until = TIME_NEVER;
    }
    for (unsigned i = 0; i < door->limits.half_open_max; i++) {
        half_close(door, &door->halves[i]);
    }
}

enum err front_door_listen(struct front_door *door, bool listen)
{
    if (listen == (door->listener >= 0)) {
        return ERR_OK;
    }
    if (listen) {
        return start_listening(door);
    }
    stop_listening(door);
    return ERR_OK;
}

/* ---- Deadlines. */

static void drop_laggards(struct front_door *door)
{
    uint64_t rang;
    if (read(door->timer, &rang, sizeof rang) < 0) {
        return; /* it had not rung after all */
    }
    time_ns now = clock_now();
    for (unsigned i = 0; i < door->limits.half_open_max; i++) {
        if (door->halves[i].state != HALF_FREE && door->halves[i].deadline <= now) {
            half_close(door, &door->halves[i]);
        }
    }
    if (door->rest_until <= now) {
        watch_listener(door);
    }
    door->armed = TIME_NEVER;
}

static void arm_timer(struct front_door *door)
{
    time_ns first = door->rest_until;
    for (unsigned i = 0; i < door->limits.half_open_max; i++) {
        if (door->halves[i].state != HALF_FREE && door->halves[i].deadline < first) {
            first = door->halves[i].deadline;
        }
    }
    if (first == door->armed) {
        return;
    }
    struct itimerspec at = {.it_value = {0, 0}};
    if (first != TIME_NEVER) {
        at.it_value.tv_sec = first / TIME_S;
        at.it_value.tv_nsec = first % TIME_S;
    }
    timerfd_settime(door->timer, TFD_TIMER_ABSTIME, &at, NULL);
    door->armed = first;
}

/* ---- The door. */

static void handle_event(struct front_door *door, const struct epoll_event *event, struct association **association, struct asked *asked,
                         struct arena *arena)
{
    if (event->data.u64 == KEY_LISTENER) {
        accept_callers(door);
        return;
    }
    if (event->data.u64 == KEY_TIMER) {
        drop_laggards(door);
        return;
    }
    struct half_open *half = &door->halves[event->data.u64 % HALVES_MAX];
    if (half->state != HALF_FREE && half->order == event->data.u64 / HALVES_MAX) {
        half_advance(door, half, (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0, association, asked, arena);
    }
}

enum err front_door_take(struct front_door *door, struct association **association, struct asked *asked, struct arena *arena)
{
    *association = NULL;
    int count = 1;
    for (int round = 0; round < ROUNDS_MAX && count > 0 && *association == NULL; round++) {
        struct epoll_event events[EVENTS_AT_ONCE];
        count = epoll_wait(door->epoll, events, EVENTS_AT_ONCE, 0);
        for (int i = 0; i < count && *association == NULL; i++) {
            handle_event(door, &events[i], association, asked, arena);
        }
    }
    bool failed = count < 0 && errno != EINTR;
    arm_timer(door);
    return failed ? ERR_SYSTEM : ERR_OK;
}

static enum err open_descriptors(struct front_door *door)
{
    door->epoll = epoll_create1(EPOLL_CLOEXEC);
    door->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    door->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = KEY_TIMER}};
    if (door->epoll < 0 || door->timer < 0 || door->spare < 0 || epoll_ctl(door->epoll, EPOLL_CTL_ADD, door->timer, &event) != 0) {
        return ERR_SYSTEM;
    }
    return start_listening(door);
}

enum err front_door_open(struct front_door **out, const char *host, uint16_t port, const struct front_door_limits *limits)
{
    struct front_door *door = calloc(1, sizeof *door);
    if (door == NULL) {
        return ERR_LIMIT;
    }
    door->limits = *limits;
    if (door->limits.half_open_max == 0 || door->limits.half_open_max > HALVES_MAX) {
        door->limits.half_open_max = door->limits.half_open_max == 0 ? 1 : HALVES_MAX;
    }
    if (door->limits.half_open_per_address == 0) {
        door->limits.half_open_per_address = 1;
    }
    door->port = port;
    door->listener = door->epoll = door->timer = door->spare = -1;
    door->armed = door->rest_until = TIME_NEVER;
    snprintf(door->host, sizeof door->host, "%s", host);
    door->halves = calloc(door->limits.half_open_max, sizeof *door->halves);
    door->groups = calloc(door->limits.half_open_max, sizeof *door->groups);
    door->peek = malloc(limits->request_max + PDU_HEAD_SIZE);
    enum err err = door->halves != NULL && door->groups != NULL && door->peek != NULL ? open_descriptors(door) : ERR_LIMIT;
    if (err != ERR_OK) {
        int kept = errno;
        front_door_close(door);
        errno = kept;
        return err;
    }
    *out = door;
    return ERR_OK;
}

void front_door_close(struct front_door *door)
{
    if (door == NULL) {
        return;
    }
    if (door->halves != NULL) {
        stop_listening(door);
    }
    const int fds[] = {door->epoll, door->timer, door->spare};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    free(door->halves);
    free(door->groups);
    free(door->peek);
    free(door);
}

uint16_t front_door_port(const struct front_door *door)
{
    return door->port;
}

int front_door_fd(const struct front_door *door)
{
    return door->epoll;
}
