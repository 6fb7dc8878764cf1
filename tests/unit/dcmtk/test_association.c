/* SPDX-License-Identifier: MIT */
#include "tests/unit/dcmtk/peer.h"

#include <dirent.h>
#include <fcntl.h>

#define BULK (10u << 20)

static struct server server;
static char *bulk; /* BULK bytes, each a function of its place */

static uint16_t port(void)
{
    return front_door_port(server.door);
}

static uint64_t checksum(uint64_t sum, slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        sum = sum * 31 + (unsigned char)bytes.data[i];
    }
    return sum;
}

static slice make_bulk(void)
{
    bulk = malloc(BULK);
    for (size_t i = 0; i < BULK; i++) {
        bulk[i] = (char)(i * 7 + i / 251);
    }
    return (slice){bulk, BULK};
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *list = opendir("/proc/self/fd");
    while (readdir(list) != NULL) {
        count++;
    }
    closedir(list);
    return count;
}

START_TEST(echo_goes_through_the_front_door_and_comes_back)
{
    server_start(&server, serve_echo, &usual);
    for (int i = 0; i < 20; i++) {
        echo_once(port());
    }
    server_await(&server, 20);
    server_stop(&server);
}
END_TEST

static void *echo_in_thread(void *unused)
{
    (void)unused;
    for (int i = 0; i < 25; i++) {
        echo_once(port());
    }
    return NULL;
}

START_TEST(associations_are_opened_by_many_threads_at_once)
{
    pthread_t threads[8];
    server_start(&server, serve_echo, &usual);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, echo_in_thread, NULL), 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
    }
    server_await(&server, 200);
    server_stop(&server);
}
END_TEST

/* ---- Bulk. */

/* Sums the data up; the command that follows ends it. */
static void serve_count(struct server *self, struct association *association, struct asked *asked)
{
    struct fragment fragment;
    accept_all(&asked->contexts);
    ck_assert_int_eq(association_accept(association, &asked->contexts), ERR_OK);
    do {
        ck_assert_int_eq(association_read(association, &fragment, LONG_WAIT), ERR_OK);
        ck_assert_int_eq(fragment.kind, INCOMING_DATA);
        self->bytes += fragment.bytes.size;
        self->sum = checksum(self->sum, fragment.bytes);
    } while (!fragment.last);
    ck_assert_int_eq(association_read(association, &fragment, LONG_WAIT), ERR_OK);
    ck_assert_int_eq(fragment.kind, INCOMING_RELEASE);
    association_answer_release(association);
    association_free(association);
}

/* Sends BULK bytes as soon as it is accepted. */
static void serve_bulk(struct server *self, struct association *association, struct asked *asked)
{
    (void)self;
    struct fragment fragment;
    accept_all(&asked->contexts);
    ck_assert_int_eq(association_accept(association, &asked->contexts), ERR_OK);
    ck_assert_int_eq(association_write(association, 1, false, (slice){bulk, BULK}, true, LONG_WAIT), ERR_OK);
    (void)!association_read(association, &fragment, LONG_WAIT);
    association_free(association);
}

START_TEST(ten_megabytes_go_out_in_pieces_of_any_size)
{
    struct client client;
    slice rest = make_bulk();
    server_start(&server, serve_count, &usual);
    ck_assert_int_eq(client_open(&client, port(), LONG_WAIT), ERR_OK);
    for (size_t size = 1; rest.size > 0; size = size * 3 % 300007) { /* from one byte to more than a PDU */
        slice piece = slice_before(rest, size);
        rest = slice_after(rest, size);
        ck_assert_int_eq(association_write(client.association, 1, false, piece, rest.size == 0, LONG_WAIT), ERR_OK);
    }
    association_release(client.association, LONG_WAIT);
    client_free(&client);
    server_await(&server, 1);
    ck_assert_uint_eq(server.bytes, BULK);
    ck_assert_uint_eq(server.sum, checksum(0, (slice){bulk, BULK}));
    server_stop(&server);
    free(bulk);
}
END_TEST

START_TEST(ten_megabytes_come_in_through_small_pdus)
{
    struct client client;
    struct context verification = proposed(VERIFICATION, IMPLICIT);
    uint64_t sum = 0;
    size_t size = 0;
    struct fragment fragment;
    make_bulk();
    server_start(&server, serve_bulk, &usual);
    ck_assert_int_eq(client_open_with(&client, port(), &verification, 1, 4096, LONG_WAIT), ERR_OK);
    do {
        ck_assert_int_eq(association_read(client.association, &fragment, LONG_WAIT), ERR_OK);
        ck_assert_int_eq(fragment.kind, INCOMING_DATA);
        ck_assert_uint_le(fragment.bytes.size, 4096 - 6);
        size += fragment.bytes.size;
        sum = checksum(sum, fragment.bytes);
    } while (!fragment.last);
    ck_assert_uint_eq(size, BULK);
    ck_assert_uint_eq(sum, checksum(0, (slice){bulk, BULK}));
    association_abort(client.association);
    client_free(&client);
    server_await(&server, 1);
    server_stop(&server);
    free(bulk);
}
END_TEST

START_TEST(an_empty_last_fragment_ends_a_data_set)
{
    struct client client;
    server_start(&server, serve_count, &usual);
    ck_assert_int_eq(client_open(&client, port(), LONG_WAIT), ERR_OK);
    ck_assert_int_eq(association_write(client.association, 1, false, SLICE("data"), false, LONG_WAIT), ERR_OK);
    ck_assert_int_eq(association_write(client.association, 1, false, SLICE_EMPTY, false, LONG_WAIT), ERR_OK);
    ck_assert_int_eq(association_write(client.association, 1, false, SLICE_EMPTY, true, LONG_WAIT), ERR_OK);
    association_release(client.association, LONG_WAIT);
    client_free(&client);
    server_await(&server, 1);
    ck_assert_uint_eq(server.bytes, 4);
    server_stop(&server);
}
END_TEST

/* ---- Peers that speak raw. */

static slice request_with_maximum(struct buffer *buffer, const char maximum[8])
{
    pdu_begin(buffer, 1, "TEST_SCP", "RAW_SCU");
    put_item(buffer, 0x10, SLICE(APPLICATION));
    put_context(buffer, 1, VERIFICATION, IMPLICIT);
    put_item(buffer, 0x50, (slice){maximum, 8});
    return pdu_end(buffer);
}

/* Reads one PDU; its type, and the length of its body. */
static uint8_t raw_read_pdu(int fd, uint8_t *body, size_t capacity, size_t *length)
{
    uint8_t head[6];
    ck_assert_int_eq(recv(fd, head, 6, MSG_WAITALL), 6);
    *length = (size_t)head[2] << 24 | (size_t)head[3] << 16 | (size_t)head[4] << 8 | head[5];
    ck_assert_uint_le(*length, capacity);
    ck_assert_int_eq(recv(fd, body, *length, MSG_WAITALL), (ssize_t)*length);
    return head[0];
}

static int raw_associate(const char maximum[8])
{
    static uint8_t body[65536];
    char room[512];
    struct buffer buffer = buffer_over(room, sizeof room);
    size_t length;
    int fd = raw_connect(port());
    raw_send(fd, request_with_maximum(&buffer, maximum));
    ck_assert_uint_eq(raw_read_pdu(fd, body, sizeof body, &length), 2);
    return fd;
}

static const struct {
    char maximum[9];
    size_t most;
} limits[] = {{"\x51\0\0\4\0\0\x01\0", 256}, {"\x51\0\0\4\0\0\x40\0", 16384}, {"\x51\0\0\4\0\0\0\0", PDU_SIZE_MAX}, {"\x51\0\0\4\xFF\xFF\xFF\xFF", PDU_SIZE_MAX}};

START_TEST(no_pdu_is_longer_than_the_peer_takes)
{
    static uint8_t body[PDU_SIZE_MAX + 64];
    size_t length, total = 0;
    make_bulk();
    server_start(&server, serve_bulk, &usual);
    int fd = raw_associate(limits[_i].maximum);
    do {
        ck_assert_uint_eq(raw_read_pdu(fd, body, sizeof body, &length), 4);
        ck_assert_uint_le(length, limits[_i].most);
        total += length - 6;
    } while ((body[5] & 2) == 0);
    ck_assert_uint_eq(total, BULK);
    close(fd);
    server_await(&server, 1);
    server_stop(&server);
    free(bulk);
}
END_TEST

static const char abort_pdu[10] = "\7\0\0\0\0\4\0\0\0\0";

/* What breaks the protocol on an open association: an A-ABORT comes back and the line is closed. */
static const struct {
    const char *name;
    slice bytes;
} breaches[] = {
    {"A1 unknown PDU type", {"\x42\0\0\0\0\4\0\0\0\0", 10}},
    {"A5 an A-ASSOCIATE-AC", {"\2\0\0\0\0\4\0\0\0\0", 10}},
    {"A6 a release response that nobody asked for", {"\6\0\0\0\0\4\0\0\0\0", 10}},
    {"A23 PDU longer than we take", {"\4\0\0\2\0\1\0\1\xFF\xFD\1\3", 12}},
    {"A24 PDV length 0", {"\4\0\0\0\0\4\0\0\0\0", 10}},
    {"A24 PDV length 1", {"\4\0\0\0\0\5\0\0\0\1\1", 11}},
    {"A24 PDV beyond its PDU", {"\4\0\0\0\0\7\0\0\0\x50\1\3x", 13}},
    {"A24 PDV of a context that was not accepted", {"\4\0\0\0\0\7\0\0\0\3\3\3x", 13}},
};

/* Reads until it ends; how it ended goes to `sum`. */
static void serve_reader(struct server *self, struct association *association, struct asked *asked)
{
    struct fragment fragment;
    accept_all(&asked->contexts);
    enum err err = association_accept(association, &asked->contexts);
    do {
        err = err == ERR_OK ? association_read(association, &fragment, LONG_WAIT) : err;
    } while (err == ERR_OK && fragment.kind <= INCOMING_DATA);
    self->sum = err == ERR_OK ? 100u + fragment.kind : (uint64_t)err;
    association_free(association);
}

START_TEST(a_breach_of_the_protocol_is_answered_with_an_abort)
{
    uint8_t answer[64];
    server_start(&server, serve_reader, &usual);
    int fd = raw_associate("\x51\0\0\4\0\0\x40\0");
    raw_send(fd, breaches[_i].bytes);
    size_t size = raw_read_to_end(fd, answer, sizeof answer);
    ck_assert_msg(size == 10 && answer[0] == 7, "%s: %zu bytes", breaches[_i].name, size);
    server_await(&server, 1);
    ck_assert_msg(server.sum == ERR_PEER_GONE, "%s: %d", breaches[_i].name, (int)server.sum);
    close(fd);
    server_stop(&server);
}
END_TEST

START_TEST(a_peer_that_aborts_and_one_that_vanishes_are_told_apart)
{
    server_start(&server, serve_reader, &usual);
    int fd = raw_associate("\x51\0\0\4\0\0\x40\0");
    raw_send(fd, (slice){abort_pdu, sizeof abort_pdu});
    server_await(&server, 1);
    ck_assert_uint_eq(server.sum, 100 + INCOMING_ABORT);
    close(fd);
    fd = raw_associate("\x51\0\0\4\0\0\x40\0");
    close(fd);
    server_await(&server, 1);
    ck_assert_uint_eq(server.sum, 100 + INCOMING_GONE);
    fd = raw_associate("\x51\0\0\4\0\0\x40\0"); /* in the middle of a PDU */
    raw_send(fd, SLICE("\4\0\0\0\0\x20\0\0"));
    close(fd);
    server_await(&server, 1);
    ck_assert_uint_eq(server.sum, 100 + INCOMING_GONE);
    server_stop(&server);
}
END_TEST

static void serve_two(struct server *self, struct association *association, struct asked *asked)
{
    struct fragment first, second;
    accept_all(&asked->contexts);
    ck_assert_int_eq(association_accept(association, &asked->contexts), ERR_OK);
    ck_assert_int_eq(association_read(association, &first, LONG_WAIT), ERR_OK);
    ck_assert(first.kind == INCOMING_COMMAND && first.last && slice_equal(first.bytes, SLICE("ab")));
    ck_assert(association_has_data(association));
    ck_assert_int_eq(association_read(association, &second, 0), ERR_OK);
    ck_assert(second.kind == INCOMING_DATA && !second.last && slice_equal(second.bytes, SLICE("cde")));
    ck_assert(!association_has_data(association));
    self->sum = 1;
    association_free(association);
}

START_TEST(two_pdvs_in_one_pdu_come_one_by_one)
{
    server_start(&server, serve_two, &usual);
    int fd = raw_associate("\x51\0\0\4\0\0\x40\0");
    raw_send(fd, (slice){"\4\0\0\0\0\x11\0\0\0\4\1\3ab\0\0\0\5\1\0cde", 23});
    server_await(&server, 1);
    ck_assert_uint_eq(server.sum, 1);
    close(fd);
    server_stop(&server);
}
END_TEST

static void serve_release(struct server *self, struct association *association, struct asked *asked)
{
    (void)self;
    accept_all(&asked->contexts);
    ck_assert_int_eq(association_accept(association, &asked->contexts), ERR_OK);
    association_release(association, LONG_WAIT);
    association_free(association);
}

START_TEST(two_releases_at_once_both_end) /* A21, PS3.8 9.2.3 */
{
    uint8_t body[64];
    size_t length;
    server_start(&server, serve_release, &usual);
    int fd = raw_associate("\x51\0\0\4\0\0\x40\0");
    raw_send(fd, SLICE("\5\0\0\0\0\4\0\0\0\0"));
    ck_assert_uint_eq(raw_read_pdu(fd, body, sizeof body, &length), 5);
    raw_send(fd, SLICE("\6\0\0\0\0\4\0\0\0\0"));
    raw_read_to_end(fd, body, sizeof body);
    close(fd);
    server_await(&server, 1);
    server_stop(&server);
}
END_TEST

/* ---- Waits. */

START_TEST(a_read_that_times_out_leaves_the_association_usable)
{
    struct client client;
    struct fragment fragment;
    server_start(&server, serve_echo, &usual);
    ck_assert_int_eq(client_open(&client, port(), LONG_WAIT), ERR_OK);
    ck_assert_int_eq(association_read(client.association, &fragment, 20 * TIME_MS), ERR_TIMEOUT);
    ck_assert_int_eq(association_read(client.association, &fragment, 0), ERR_TIMEOUT);
    client_echo(&client);
    association_release(client.association, LONG_WAIT);
    client_free(&client);
    server_stop(&server);
}
END_TEST

static void serve_impatiently(struct server *self, struct association *association, struct asked *asked)
{
    struct fragment fragment;
    accept_all(&asked->contexts);
    ck_assert_int_eq(association_accept(association, &asked->contexts), ERR_OK);
    enum err err;
    do { /* until the first byte has come */
        err = association_read(association, &fragment, 50 * TIME_MS);
    } while (err == ERR_TIMEOUT && association_fd(association) >= 0);
    self->sum = (uint64_t)err;
    ck_assert_int_eq(association_read(association, &fragment, LONG_WAIT), ERR_PEER_GONE);
    association_free(association);
}

START_TEST(a_pdu_that_stops_half_way_times_out_and_is_aborted)
{
    uint8_t answer[64];
    server_start(&server, serve_impatiently, &usual);
    int fd = raw_associate("\x51\0\0\4\0\0\x40\0");
    raw_send(fd, SLICE("\4\0\0\0\0\x20\0\0"));
    size_t size = raw_read_to_end(fd, answer, sizeof answer);
    ck_assert_uint_eq(size, 10);
    ck_assert_uint_eq(answer[0], 7);
    server_await(&server, 1);
    ck_assert_uint_eq(server.sum, ERR_TIMEOUT);
    close(fd);
    server_stop(&server);
}
END_TEST

/* Accepts and then does nothing until the peer is gone. */
static void serve_nothing(struct server *self, struct association *association, struct asked *asked)
{
    accept_all(&asked->contexts);
    ck_assert_int_eq(association_accept(association, &asked->contexts), ERR_OK);
    eventfd_t one;
    eventfd_read((int)self->bytes, &one);
    association_free(association);
}

START_TEST(a_write_times_out_when_the_peer_takes_nothing)
{
    struct client client;
    slice bytes = make_bulk();
    server_start(&server, serve_nothing, &usual);
    int hold = eventfd(0, 0);
    server.bytes = (size_t)hold;
    ck_assert_int_eq(client_open(&client, port(), LONG_WAIT), ERR_OK);
    ck_assert_int_eq(association_write(client.association, 1, false, bytes, true, 100 * TIME_MS), ERR_TIMEOUT);
    ck_assert_int_eq(association_write(client.association, 1, false, bytes, true, 100 * TIME_MS), ERR_PEER_GONE);
    client_free(&client);
    eventfd_write(hold, 1);
    server_await(&server, 1);
    server_stop(&server);
    close(hold);
    free(bulk);
}
END_TEST

struct blocked {
    struct client client;
    bool writes;
    enum err err;
    int begun;
};

static void *block(void *self)
{
    struct blocked *blocked = self;
    struct fragment fragment;
    eventfd_write(blocked->begun, 1);
    blocked->err = blocked->writes ? association_write(blocked->client.association, 1, false, (slice){bulk, BULK}, true, TIME_NEVER)
                                   : association_read(blocked->client.association, &fragment, TIME_NEVER);
    return NULL;
}

static void interrupt_one(bool writes)
{
    struct blocked blocked = {.writes = writes, .begun = eventfd(0, 0)};
    pthread_t thread;
    eventfd_t one;
    ck_assert_int_eq(client_open(&blocked.client, port(), LONG_WAIT), ERR_OK);
    ck_assert_int_eq(pthread_create(&thread, NULL, block, &blocked), 0);
    eventfd_read(blocked.begun, &one);
    association_interrupt(blocked.client.association);
    pthread_join(thread, NULL);
    ck_assert_int_eq(blocked.err, ERR_PEER_GONE);
    association_abort(blocked.client.association);
    client_free(&blocked.client);
    close(blocked.begun);
}

START_TEST(an_interrupt_wakes_a_blocked_read_and_a_blocked_write)
{
    make_bulk();
    server_start(&server, serve_nothing, &usual);
    int hold = eventfd(0, EFD_SEMAPHORE);
    server.bytes = (size_t)hold;
    for (int i = 0; i < 20; i++) {
        interrupt_one(i % 2 == 1);
    }
    eventfd_write(hold, 20);
    server_await(&server, 20);
    server_stop(&server);
    close(hold);
    free(bulk);
}
END_TEST

/* ---- Ways in which an association does not come about. */

static void serve_reject(struct server *self, struct association *association, struct asked *asked)
{
    (void)self;
    (void)asked;
    association_reject(association, 2, 3, 1);
}

static void serve_abort(struct server *self, struct association *association, struct asked *asked)
{
    (void)self;
    (void)asked;
    association_abort(association);
    association_free(association);
}

static void serve_drop(struct server *self, struct association *association, struct asked *asked)
{
    (void)self;
    (void)asked;
    association_drop(association);
    association_free(association);
}

static const struct {
    serve_function *serve;
    enum err err;
    int kind;
    uint8_t result, source, reason;
} refusals[] = {
    {serve_reject, ERR_REFUSED, REFUSED_REJECTED, 2, 3, 1},
    {serve_abort, ERR_PEER_GONE, REFUSED_ABORTED, 0, 0, 0},
    {serve_drop, ERR_PEER_GONE, REFUSED_ABORTED, 0, 0, 0},
};

START_TEST(a_refusal_says_how)
{
    struct client client;
    server_start(&server, refusals[_i].serve, &usual);
    ck_assert_int_eq(client_open(&client, port(), LONG_WAIT), refusals[_i].err);
    ck_assert_int_eq((int)client.refusal.kind, refusals[_i].kind);
    ck_assert_uint_eq(client.refusal.result, refusals[_i].result);
    ck_assert_uint_eq(client.refusal.source, refusals[_i].source);
    ck_assert_uint_eq(client.refusal.reason, refusals[_i].reason);
    ck_assert_ptr_null(client.association);
    client_free(&client);
    server_await(&server, 1);
    server_stop(&server);
}
END_TEST

/* A listener of ours that DCMTK knows nothing of. */
static int raw_listen(int backlog, uint16_t *number)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    ck_assert_int_eq(listen(fd, backlog), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    *number = ntohs(at.sin_port);
    return fd;
}

START_TEST(a_port_where_nobody_listens_is_a_refused_connect)
{
    struct client client;
    uint16_t number;
    close(raw_listen(1, &number));
    ck_assert_int_eq(dcmtk_start(), ERR_OK);
    ck_assert_int_eq(client_open(&client, number, LONG_WAIT), ERR_REFUSED);
    ck_assert_int_eq(client.refusal.kind, REFUSED_CONNECT);
    client_free(&client);
}
END_TEST

START_TEST(a_peer_that_never_answers_times_out)
{
    struct client client;
    uint16_t number;
    int listener = raw_listen(8, &number); /* the system connects, nobody accepts */
    ck_assert_int_eq(dcmtk_start(), ERR_OK);
    ck_assert_int_eq(client_open(&client, number, 100 * TIME_MS), ERR_TIMEOUT);
    ck_assert_int_eq(client.refusal.kind, REFUSED_TIMEOUT);
    client_free(&client);
    close(listener);
}
END_TEST

START_TEST(a_connect_that_nobody_answers_times_out)
{
    struct client client;
    uint16_t number;
    int listener = raw_listen(0, &number), filler[8];
    for (int i = 0; i < 8; i++) { /* a full queue: further requests to connect are dropped in silence */
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(number), .sin_addr = {htonl(INADDR_LOOPBACK)}};
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(filler[i], (struct sockaddr *)&to, sizeof to);
    }
    ck_assert_int_eq(dcmtk_start(), ERR_OK);
    ck_assert_int_eq(client_open(&client, number, 100 * TIME_MS), ERR_TIMEOUT);
    ck_assert_int_eq(client.refusal.kind, REFUSED_TIMEOUT);
    client_free(&client);
    for (int i = 0; i < 8; i++) {
        close(filler[i]);
    }
    close(listener);
}
END_TEST

/* Answers one request with these bytes. */
struct parrot {
    int listener;
    slice answer;
};

static void *parrot_run(void *self)
{
    struct parrot *parrot = self;
    char scrap[4096];
    int fd = accept(parrot->listener, NULL, NULL);
    (void)!recv(fd, scrap, sizeof scrap, 0);
    raw_send(fd, parrot->answer);
    while (recv(fd, scrap, sizeof scrap, 0) > 0) {
    }
    close(fd);
    return NULL;
}

static const struct {
    const char *name;
    slice bytes;
} nonsense[] = {
    {"HTTP", {"HTTP/1.1 400 Bad Request\r\n\r\n", 28}},
    {"an A-ASSOCIATE-RQ", {"\1\0\0\0\0\4\0\0\0\0", 10}},
    {"data", {"\4\0\0\0\0\7\0\0\0\3\1\3x", 13}},
    {"an A-ASSOCIATE-AC of two gigabytes", {"\2\0\x7F\xFF\xFF\xFF", 6}},
    {"an A-ASSOCIATE-AC of no items", {"\2\0\0\0\0\4\0\1\0\0", 10}},
    {"an A-ASSOCIATE-RJ of one byte", {"\3\0\0\0\0\1\0", 7}},
};

START_TEST(nonsense_for_an_answer_is_refused)
{
    struct client client;
    struct parrot parrot = {.answer = nonsense[_i].bytes};
    uint16_t number;
    pthread_t thread;
    parrot.listener = raw_listen(8, &number);
    ck_assert_int_eq(dcmtk_start(), ERR_OK);
    ck_assert_int_eq(pthread_create(&thread, NULL, parrot_run, &parrot), 0);
    enum err err = client_open(&client, number, LONG_WAIT);
    ck_assert_msg(err == ERR_PEER_GONE, "%s: %s", nonsense[_i].name, err_name(err));
    ck_assert_int_eq(client.refusal.kind, REFUSED_PROTOCOL);
    ck_assert_ptr_null(client.association);
    client_free(&client);
    pthread_join(thread, NULL);
    close(parrot.listener);
}
END_TEST

static void serve_some(struct server *self, struct association *association, struct asked *asked)
{
    (void)self;
    struct fragment fragment;
    ck_assert_uint_eq(asked->contexts.count, 3);
    ck_assert(asked->contexts.list[1].scp && !asked->contexts.list[1].scu);
    accept_all(&asked->contexts);
    asked->contexts.list[0].accepted_syntax = asked->contexts.list[0].transfer_syntaxes[1];
    asked->contexts.list[2].result = CONTEXT_ABSTRACT_UNKNOWN;
    ck_assert_int_eq(association_accept(association, &asked->contexts), ERR_OK);
    ck_assert_int_eq(association_read(association, &fragment, LONG_WAIT), ERR_OK);
    association_answer_release(association);
    association_free(association);
}

START_TEST(contexts_and_roles_are_negotiated)
{
    struct client client;
    struct context list[3] = {proposed(VERIFICATION, IMPLICIT), proposed(CT_STORAGE, EXPLICIT), proposed("1.2.3.4", IMPLICIT)};
    list[0].transfer_syntaxes[list[0].syntax_count++] = SLICE(EXPLICIT);
    list[1].scp = true;
    server_start(&server, serve_some, &usual);
    ck_assert_int_eq(client_open_with(&client, port(), list, 3, 0, LONG_WAIT), ERR_OK);
    const struct context *answered = client.answered.list;
    ck_assert_uint_eq(client.answered.count, 3);
    ck_assert(answered[0].id == 1 && answered[1].id == 3 && answered[2].id == 5);
    ck_assert_int_eq(answered[0].result, CONTEXT_ACCEPTED);
    ck_assert(slice_equal(answered[0].accepted_syntax, SLICE(EXPLICIT)));
    ck_assert(!answered[0].scp);
    ck_assert_int_eq(answered[1].result, CONTEXT_ACCEPTED);
    ck_assert(answered[1].scp);
    ck_assert_int_eq(answered[2].result, CONTEXT_ABSTRACT_UNKNOWN);
    association_release(client.association, LONG_WAIT);
    client_free(&client);
    server_await(&server, 1);
    server_stop(&server);
}
END_TEST

START_TEST(nothing_stays_open_when_associations_fail)
{
    struct client client;
    uint16_t number;
    struct parrot parrot = {.answer = nonsense[0].bytes};
    pthread_t thread;
    parrot.listener = raw_listen(64, &number);
    ck_assert_int_eq(dcmtk_start(), ERR_OK);
    unsigned before = open_descriptors();
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(pthread_create(&thread, NULL, parrot_run, &parrot), 0);
        ck_assert_int_ne(client_open(&client, number, LONG_WAIT), ERR_OK);
        client_free(&client);
        pthread_join(thread, NULL);
        ck_assert_int_eq(client_open(&client, number, 10 * TIME_MS), ERR_TIMEOUT);
        client_free(&client);
        close(accept(parrot.listener, NULL, NULL));
    }
    ck_assert_uint_eq(open_descriptors(), before);
    close(parrot.listener);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

int main(void)
{
    Suite *suite = suite_create("unit");
    TCase *cases = tcase_create("cases");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, echo_goes_through_the_front_door_and_comes_back);
    tcase_add_test(cases, associations_are_opened_by_many_threads_at_once);
    tcase_add_test(cases, ten_megabytes_go_out_in_pieces_of_any_size);
    tcase_add_test(cases, ten_megabytes_come_in_through_small_pdus);
    tcase_add_test(cases, an_empty_last_fragment_ends_a_data_set);
    tcase_add_loop_test(cases, no_pdu_is_longer_than_the_peer_takes, 0, COUNT(limits));
    tcase_add_loop_test(cases, a_breach_of_the_protocol_is_answered_with_an_abort, 0, COUNT(breaches));
    tcase_add_test(cases, a_peer_that_aborts_and_one_that_vanishes_are_told_apart);
    tcase_add_test(cases, two_pdvs_in_one_pdu_come_one_by_one);
    tcase_add_test(cases, two_releases_at_once_both_end);
    tcase_add_test(cases, a_read_that_times_out_leaves_the_association_usable);
    tcase_add_test(cases, a_pdu_that_stops_half_way_times_out_and_is_aborted);
    tcase_add_test(cases, a_write_times_out_when_the_peer_takes_nothing);
    tcase_add_test(cases, an_interrupt_wakes_a_blocked_read_and_a_blocked_write);
    tcase_add_loop_test(cases, a_refusal_says_how, 0, COUNT(refusals));
    tcase_add_test(cases, a_port_where_nobody_listens_is_a_refused_connect);
    tcase_add_test(cases, a_peer_that_never_answers_times_out);
    tcase_add_test(cases, a_connect_that_nobody_answers_times_out);
    tcase_add_loop_test(cases, nonsense_for_an_answer_is_refused, 0, COUNT(nonsense));
    tcase_add_test(cases, contexts_and_roles_are_negotiated);
    tcase_add_test(cases, nothing_stays_open_when_associations_fail);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
