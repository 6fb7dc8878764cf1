/* SPDX-License-Identifier: MIT
 *
 * Peer: what the tests of src/dcmtk share: a front door that serves echoes on threads of this process, and raw
 * sockets that say whatever a test wants. Included once, by a test. */
#ifndef PONT_TESTS_DCMTK_PEER_H
#define PONT_TESTS_DCMTK_PEER_H

#include "src/dcmtk/dcmtk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define LONG_WAIT (20 * TIME_S) /* for what must come; reached only by a failure */
#define VERIFICATION "1.2.840.10008.1.1"
#define IMPLICIT "1.2.840.10008.1.2"
#define EXPLICIT "1.2.840.10008.1.2.1"
#define CT_STORAGE "1.2.840.10008.5.1.4.1.1.2"

static const struct front_door_limits usual = {256, 128, 3 * TIME_S, 65536};

/* A C-ECHO-RQ or -RSP, Implicit VR Little Endian (PS3.7 9.3.5). */
static inline slice echo_command(struct buffer *buffer, bool response)
{
    buffer->size = 0;
    buffer_put_u32(buffer, 0x00000000);
    buffer_put_u32(buffer, 4);
    buffer_put_u32(buffer, response ? 26 + 10 + 10 + 10 + 10 : 26 + 10 + 10 + 10);
    buffer_put_u32(buffer, 0x00020000);
    buffer_put_u32(buffer, 18);
    buffer_put(buffer, (slice){VERIFICATION "\0", 18});
    buffer_put_u32(buffer, 0x01000000);
    buffer_put_u32(buffer, 2);
    buffer_put_u16(buffer, response ? 0x8030 : 0x0030);
    buffer_put_u32(buffer, response ? 0x01200000 : 0x01100000);
    buffer_put_u32(buffer, 2);
    buffer_put_u16(buffer, 1);
    buffer_put_u32(buffer, 0x08000000);
    buffer_put_u32(buffer, 2);
    buffer_put_u16(buffer, 0x0101);
    if (response) {
        buffer_put_u32(buffer, 0x09000000);
        buffer_put_u32(buffer, 2);
        buffer_put_u16(buffer, 0);
    }
    return buffer_slice(buffer);
}

/* Takes every context whose first syntax is proposed as it is. */
static inline void accept_all(struct contexts *contexts)
{
    for (size_t i = 0; i < contexts->count; i++) {
        contexts->list[i].result = CONTEXT_ACCEPTED;
        contexts->list[i].accepted_syntax = contexts->list[i].transfer_syntaxes[0];
    }
}

/* ---- A server. `serve` gets each association, with what it asked, in a thread of its own. */
struct server;
typedef void serve_function(struct server *server, struct association *association, struct asked *asked);

struct server {
    struct front_door *door;
    pthread_t thread;
    int stop, served; /* eventfds */
    serve_function *serve;
    size_t bytes;     /* what serve_count saw */
    uint64_t sum;
    pthread_t threads[512]; /* one an association, joined at the end */
    size_t thread_count;
};

struct served {
    struct server *server;
    struct association *association;
    struct asked asked;
    struct arena arena;
};

static inline void *serve_one(void *self)
{
    struct served *one = self;
    one->server->serve(one->server, one->association, &one->asked);
    eventfd_write(one->server->served, 1);
    arena_drop(&one->arena);
    free(one);
    return NULL;
}

static inline void serve_in_thread(struct server *server, struct association *association, struct asked asked, struct arena arena)
{
    struct served *one = malloc(sizeof *one);
    *one = (struct served){server, association, asked, arena};
    ck_assert_uint_lt(server->thread_count, sizeof server->threads / sizeof server->threads[0]);
    ck_assert_int_eq(pthread_create(&server->threads[server->thread_count++], NULL, serve_one, one), 0);
}

static inline void *server_run(void *self)
{
    struct server *server = self;
    for (;;) {
        struct pollfd ready[2] = {{front_door_fd(server->door), POLLIN, 0}, {server->stop, POLLIN, 0}};
        poll(ready, 2, -1);
        if (ready[1].revents != 0) {
            return NULL;
        }
        struct arena arena;
        struct asked asked;
        struct association *association;
        ck_assert_int_eq(arena_make(&arena, 1 << 20), ERR_OK);
        ck_assert_int_eq(front_door_take(server->door, &association, &asked, &arena), ERR_OK);
        if (association == NULL) {
            arena_drop(&arena);
        } else {
            serve_in_thread(server, association, asked, arena);
        }
    }
}

static inline void server_start(struct server *server, serve_function *serve, const struct front_door_limits *limits)
{
    memset(server, 0, sizeof *server);
    ck_assert_int_eq(dcmtk_start(), ERR_OK);
    ck_assert_int_eq(front_door_open(&server->door, "127.0.0.1", 0, limits), ERR_OK);
    server->serve = serve;
    server->stop = eventfd(0, EFD_CLOEXEC);
    server->served = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
    ck_assert_int_eq(pthread_create(&server->thread, NULL, server_run, server), 0);
}

/* Until `count` associations have been served to their end. */
static inline void server_await(struct server *server, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        eventfd_t one;
        struct pollfd ready = {server->served, POLLIN, 0};
        ck_assert_int_eq(poll(&ready, 1, 20000), 1);
        eventfd_read(server->served, &one);
    }
}

static inline void server_stop(struct server *server)
{
    eventfd_write(server->stop, 1);
    pthread_join(server->thread, NULL);
    for (size_t i = 0; i < server->thread_count; i++) {
        pthread_join(server->threads[i], NULL);
    }
    front_door_close(server->door);
    close(server->stop);
    close(server->served);
}

/* Answers every command with a C-ECHO-RSP until the peer lets go. */
static inline void serve_echo(struct server *server, struct association *association, struct asked *asked)
{
    (void)server;
    char room[128];
    struct buffer buffer = buffer_over(room, sizeof room);
    accept_all(&asked->contexts);
    enum err err = association_accept(association, &asked->contexts);
    while (err == ERR_OK) {
        struct fragment fragment;
        err = association_read(association, &fragment, LONG_WAIT);
        if (err != ERR_OK || fragment.kind == INCOMING_ABORT || fragment.kind == INCOMING_GONE) {
            break;
        }
        if (fragment.kind == INCOMING_RELEASE) {
            association_answer_release(association);
            break;
        }
        if (fragment.kind == INCOMING_COMMAND && fragment.last) {
            err = association_write(association, fragment.context_id, true, echo_command(&buffer, true), true, LONG_WAIT);
        }
    }
    association_free(association);
}

/* ---- A client through the shim. */
struct client {
    struct arena arena;
    struct association *association;
    struct contexts answered;
    struct association_refusal refusal;
};

static inline struct context proposed(const char *abstract, const char *syntax)
{
    struct context context = {.abstract_syntax = slice_from(abstract), .syntax_count = 1};
    context.transfer_syntaxes[0] = slice_from(syntax);
    return context;
}

static inline enum err client_open_with(struct client *client, uint16_t port, struct context *list, size_t count, uint32_t pdu_max, time_ns timeout)
{
    struct association_request request = {.host = "127.0.0.1",
                                          .port = port,
                                          .calling = SLICE("TEST_SCU"),
                                          .called = SLICE("TEST_SCP"),
                                          .contexts = {list, count},
                                          .connect_timeout_ns = timeout,
                                          .answer_timeout_ns = timeout,
                                          .pdu_max = pdu_max};
    memset(client, 0, sizeof *client);
    ck_assert_int_eq(arena_make(&client->arena, 1 << 18), ERR_OK);
    return association_open(&client->association, &request, &client->answered, &client->refusal, &client->arena);
}

static inline enum err client_open(struct client *client, uint16_t port, time_ns timeout)
{
    struct context verification = proposed(VERIFICATION, IMPLICIT);
    return client_open_with(client, port, &verification, 1, 0, timeout);
}

static inline void client_free(struct client *client)
{
    association_free(client->association);
    arena_drop(&client->arena);
}

static inline void client_echo(struct client *client)
{
    char room[128];
    struct buffer buffer = buffer_over(room, sizeof room);
    struct fragment fragment;
    ck_assert_int_eq(association_write(client->association, 1, true, echo_command(&buffer, false), true, LONG_WAIT), ERR_OK);
    ck_assert_int_eq(association_read(client->association, &fragment, LONG_WAIT), ERR_OK);
    ck_assert_int_eq(fragment.kind, INCOMING_COMMAND);
    ck_assert(fragment.last);
    slice expected = echo_command(&buffer, true);
    ck_assert_uint_eq(fragment.bytes.size, expected.size);
    ck_assert_mem_eq(fragment.bytes.data, expected.data, expected.size);
}

static inline void echo_once(uint16_t port)
{
    struct client client;
    ck_assert_int_eq(client_open(&client, port, LONG_WAIT), ERR_OK);
    client_echo(&client);
    association_release(client.association, LONG_WAIT);
    client_free(&client);
}

/* ---- Raw sockets. */
static inline int raw_connect(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval wait = {20, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static inline void raw_send(int fd, slice bytes)
{
    ck_assert_int_eq(send(fd, bytes.data, bytes.size, MSG_NOSIGNAL), (ssize_t)bytes.size);
}

/* Reads until the peer closes (or resets); what came, at most `size` bytes. Fails when the peer stays. */
static inline size_t raw_read_to_end(int fd, void *out, size_t size)
{
    size_t got = 0;
    for (;;) {
        ssize_t n = recv(fd, (char *)out + got, size - got, 0);
        if (n <= 0) {
            ck_assert_msg(n == 0 || errno == ECONNRESET, "the peer did not close: %s", strerror(errno));
            return got;
        }
        got += (size_t)n;
    }
}

static void put_big16(struct buffer *buffer, size_t value)
{
    buffer_put_byte(buffer, (uint8_t)(value >> 8));
    buffer_put_byte(buffer, (uint8_t)value);
}

static inline void put_item(struct buffer *buffer, uint8_t type, slice body)
{
    buffer_put_byte(buffer, type);
    buffer_put_byte(buffer, 0);
    put_big16(buffer, body.size);
    buffer_put(buffer, body);
}

static inline void put_context(struct buffer *buffer, uint8_t id, const char *abstract, const char *syntax)
{
    char room[256];
    struct buffer body = buffer_over(room, sizeof room);
    buffer_put(&body, (slice){(const char[]){(char)id, 0, 0, 0}, 4});
    put_item(&body, 0x30, slice_from(abstract));
    put_item(&body, 0x40, slice_from(syntax));
    put_item(buffer, 0x20, buffer_slice(&body));
}

/* Up to the first item: version, titles. pdu_end sets the length. */
static inline void pdu_begin(struct buffer *buffer, uint16_t version, const char *called, const char *calling)
{
    buffer->size = 0;
    buffer_put(buffer, (slice){"\1\0\0\0\0\0", 6});
    put_big16(buffer, version);
    put_big16(buffer, 0);
    char titles[33];
    snprintf(titles, sizeof titles, "%-16s%-16s", called, calling);
    buffer_put(buffer, (slice){titles, 32});
    char reserved[32] = {0};
    buffer_put(buffer, (slice){reserved, 32});
}

static inline slice pdu_end(struct buffer *buffer)
{
    size_t length = buffer->size - 6;
    for (int i = 0; i < 4; i++) {
        buffer->data[2 + i] = (char)(length >> (24 - 8 * i));
    }
    ck_assert(!buffer->full);
    return buffer_slice(buffer);
}

#define APPLICATION "1.2.840.10008.3.1.1.1"
#define USER_MAXIMUM "\x51\0\0\4\0\0\x40\0"
#define USER_USUAL USER_MAXIMUM "\x52\0\0\x05" "1.2.3"

static inline slice good_request(struct buffer *buffer)
{
    pdu_begin(buffer, 1, "TEST_SCP", "RAW_SCU");
    put_item(buffer, 0x10, SLICE(APPLICATION));
    put_context(buffer, 1, VERIFICATION, IMPLICIT);
    put_item(buffer, 0x50, SLICE(USER_USUAL));
    return pdu_end(buffer);
}

#endif
