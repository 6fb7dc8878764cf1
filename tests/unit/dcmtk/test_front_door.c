/* SPDX-License-Identifier: MIT */
#include "tests/unit/dcmtk/peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#define HALF 60u /* bytes of a request that never becomes whole */

static struct server server;
static char room[200000];

static uint16_t port(void)
{
    return front_door_port(server.door);
}

static void expect_accepted(int fd)
{
    uint8_t type = 0;
    ck_assert_int_eq(recv(fd, &type, 1, 0), 1);
    ck_assert_uint_eq(type, 2);
}

static void expect_abort(int fd)
{
    uint8_t answer[16];
    ck_assert_uint_eq(raw_read_to_end(fd, answer, sizeof answer), 10);
    ck_assert_uint_eq(answer[0], 7);
    close(fd);
}

START_TEST(a_hundred_half_sent_requests_do_not_keep_an_echo_waiting)
{
    int held[100];
    struct front_door_limits patient = usual;
    patient.request_deadline_ns = TIME_HOUR;
    struct buffer buffer = buffer_over(room, sizeof room);
    slice half = slice_before(good_request(&buffer), HALF);
    server_start(&server, serve_echo, &patient);
    for (int i = 0; i < 100; i++) {
        held[i] = raw_connect(port());
        raw_send(held[i], half);
    }
    for (int i = 0; i < 10; i++) {
        echo_once(port());
    }
    for (int i = 0; i < 100; i++) { /* none was dropped for it */
        ck_assert_int_eq(recv(held[i], room, 1, MSG_DONTWAIT), -1);
        ck_assert_int_eq(errno, EAGAIN);
        close(held[i]);
    }
    server_await(&server, 10);
    server_stop(&server);
}
END_TEST

START_TEST(laggards_are_dropped_at_their_deadline)
{
    struct front_door_limits hasty = usual;
    hasty.request_deadline_ns = 100 * TIME_MS;
    struct buffer buffer = buffer_over(room, sizeof room);
    slice whole = good_request(&buffer);
    const size_t sizes[] = {0, 1, 5, 6, 7, HALF, whole.size - 1};
    char scrap[16];
    server_start(&server, serve_echo, &hasty);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int fd = raw_connect(port());
        raw_send(fd, slice_before(whole, sizes[i]));
        ck_assert_uint_eq(raw_read_to_end(fd, scrap, sizeof scrap), 0);
        close(fd);
    }
    echo_once(port());
    server_stop(&server);
}
END_TEST

START_TEST(a_request_may_come_byte_by_byte)
{
    struct buffer buffer = buffer_over(room, sizeof room);
    slice whole = good_request(&buffer);
    server_start(&server, serve_echo, &usual);
    int fd = raw_connect(port()), one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    for (size_t i = 0; i < whole.size; i++) {
        raw_send(fd, slice_before(slice_after(whole, i), 1));
    }
    expect_accepted(fd);
    close(fd);
    server_stop(&server);
}
END_TEST

START_TEST(at_an_address_limit_the_oldest_half_sent_request_goes)
{
    struct front_door_limits tight = {16, 3, TIME_HOUR, 65536};
    struct buffer buffer = buffer_over(room, sizeof room);
    slice whole = good_request(&buffer);
    int fd[4];
    char scrap[16];
    server_start(&server, serve_echo, &tight);
    for (int i = 0; i < 4; i++) {
        fd[i] = raw_connect(port());
        raw_send(fd[i], slice_before(whole, HALF));
    }
    ck_assert_uint_eq(raw_read_to_end(fd[0], scrap, sizeof scrap), 0);
    for (int i = 1; i < 4; i++) { /* the others are served once they go on */
        raw_send(fd[i], slice_after(whole, HALF));
        expect_accepted(fd[i]);
    }
    for (int i = 0; i < 4; i++) {
        close(fd[i]);
    }
    server_stop(&server);
}
END_TEST

START_TEST(at_the_door_limit_the_oldest_of_the_busiest_address_goes)
{
    struct front_door_limits tight = {3, 100, TIME_HOUR, 65536};
    struct buffer buffer = buffer_over(room, sizeof room);
    slice whole = good_request(&buffer);
    int fd[4];
    char scrap[16];
    server_start(&server, serve_echo, &tight);
    for (int i = 0; i < 4; i++) {
        fd[i] = raw_connect(port());
        raw_send(fd[i], slice_before(whole, HALF));
    }
    ck_assert_uint_eq(raw_read_to_end(fd[0], scrap, sizeof scrap), 0);
    raw_send(fd[3], slice_after(whole, HALF));
    expect_accepted(fd[3]);
    for (int i = 0; i < 4; i++) {
        close(fd[i]);
    }
    server_stop(&server);
}
END_TEST

START_TEST(a_closed_door_refuses_and_an_open_one_serves_again)
{
    ck_assert_int_eq(dcmtk_start(), ERR_OK);
    struct front_door *door;
    ck_assert_int_eq(front_door_open(&door, "127.0.0.1", 0, &usual), ERR_OK);
    uint16_t number = front_door_port(door);
    char scrap[16];
    int half = raw_connect(number);
    struct arena arena;
    struct asked asked;
    struct association *association;
    ck_assert_int_eq(arena_make(&arena, 1 << 18), ERR_OK);
    ck_assert_int_eq(front_door_take(door, &association, &asked, &arena), ERR_OK);
    ck_assert_int_eq(front_door_listen(door, false), ERR_OK);
    ck_assert_uint_eq(raw_read_to_end(half, scrap, sizeof scrap), 0);
    struct client client;
    ck_assert_int_eq(client_open(&client, number, LONG_WAIT), ERR_REFUSED);
    ck_assert_int_eq(client.refusal.kind, REFUSED_CONNECT);
    client_free(&client);
    ck_assert_int_eq(front_door_listen(door, true), ERR_OK);
    ck_assert_uint_eq(front_door_port(door), number);
    close(raw_connect(number));
    close(half);
    front_door_close(door);
    arena_drop(&arena);
}
END_TEST

START_TEST(two_doors_cannot_share_a_port)
{
    struct front_door *first, *second;
    ck_assert_int_eq(front_door_open(&first, "127.0.0.1", 0, &usual), ERR_OK);
    ck_assert_int_eq(front_door_open(&second, "127.0.0.1", front_door_port(first), &usual), ERR_SYSTEM);
    ck_assert_int_eq(errno, EADDRINUSE);
    front_door_close(first);
}
END_TEST

START_TEST(peers_that_come_and_go_leave_nothing_behind)
{
    struct buffer buffer = buffer_over(room, sizeof room);
    slice whole = good_request(&buffer);
    server_start(&server, serve_echo, &usual);
    for (int i = 0; i < 50; i++) {
        int fd = raw_connect(port());
        raw_send(fd, slice_before(whole, (size_t)i));
        struct linger reset = {i % 2, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
    }
    int half_closed = raw_connect(port()); /* says all, then only listens */
    raw_send(half_closed, whole);
    shutdown(half_closed, SHUT_WR);
    expect_accepted(half_closed);
    close(half_closed);
    echo_once(port());
    server_stop(&server);
}
END_TEST

START_TEST(when_descriptors_run_out_callers_are_shown_out_and_later_ones_served) /* O2 */
{
    int held[200], count = 0;
    char scrap[16];
    struct front_door_limits patient = usual;
    patient.request_deadline_ns = TIME_HOUR;
    server_start(&server, serve_echo, &patient);
    echo_once(port());
    server_await(&server, 1);
    struct rlimit before, low;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = before;
    low.rlim_cur = (rlim_t)dup(0) + 60; /* both ends of a connection are ours: some thirty of them */
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    int fd;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port()), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    while (count < 200 && (fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0) {
        held[count++] = fd;
        ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    }
    ck_assert_int_gt(count, 10);
    raw_read_to_end(held[count - 1], scrap, sizeof scrap); /* the last one is shown out, not left standing */
    for (int i = 0; i < count; i++) {
        close(held[i]);
    }
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    echo_once(port());
    server_stop(&server);
}
END_TEST

/* Kilobytes of memory in use. */
static long resident(void)
{
    long pages = 0, shared = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_int_eq(fscanf(file, "%ld %ld", &shared, &pages), 2);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* A request with two user identities of 30,000 bytes, which DCMTK would leak. */
static slice leaky_request(struct buffer *buffer)
{
    static char identity[30008] = {1, 0, 0x75, 0x30};
    struct buffer body = buffer_over(room + 100000, 100000);
    pdu_begin(buffer, 1, "S", "C");
    put_item(buffer, 0x10, SLICE(APPLICATION));
    put_context(buffer, 1, VERIFICATION, IMPLICIT);
    put_item(&body, 0x51, (slice){"\0\0\x40\0", 4});
    put_item(&body, 0x58, (slice){identity, 30006});
    put_item(&body, 0x58, (slice){identity, 30006});
    put_item(buffer, 0x50, buffer_slice(&body));
    return pdu_end(buffer);
}

static void refuse_many(unsigned count)
{
    struct buffer buffer = buffer_over(room, 100000);
    slice request = leaky_request(&buffer);
    for (unsigned i = 0; i < count; i++) {
        int fd = raw_connect(port());
        raw_send(fd, request);
        expect_abort(fd);
    }
}

START_TEST(hostile_requests_leave_no_memory_behind) /* R12 */
{
    server_start(&server, serve_echo, &usual);
    refuse_many(200);
    long before = resident();
    refuse_many(1000);
    long grown = resident() - before;
    (void)grown;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which keep what was freed */
    ck_assert_msg(grown < 4096, "%ld KiB more after 1000 requests that would have leaked 30 MB", grown);
#endif
    ck_assert_int_ge(before, 0);
    server_stop(&server);
}
END_TEST

static void serve_and_look(struct server *self, struct association *association, struct asked *asked)
{
    ck_assert(slice_equal(asked->calling, SLICE("RAW_SCU")));
    ck_assert(slice_equal(asked->called, SLICE("TEST_SCP")));
    ck_assert_str_eq(asked->address, "127.0.0.1");
    ck_assert_uint_eq(asked->contexts.count, 1);
    ck_assert_uint_eq(asked->contexts.list[0].id, 1);
    ck_assert(slice_equal(asked->contexts.list[0].abstract_syntax, SLICE(VERIFICATION)));
    ck_assert(slice_equal(asked->contexts.list[0].transfer_syntaxes[0], SLICE(IMPLICIT)));
    ck_assert_uint_eq(asked->pdu_max, 16384);
    ck_assert(slice_equal(asked->implementation_uid, SLICE("1.2.3")));
    serve_echo(self, association, asked);
}

START_TEST(what_was_asked_is_told)
{
    struct buffer buffer = buffer_over(room, sizeof room);
    server_start(&server, serve_and_look, &usual);
    int fd = raw_connect(port());
    raw_send(fd, good_request(&buffer));
    expect_accepted(fd);
    close(fd);
    server_await(&server, 1);
    server_stop(&server);
}
END_TEST

/* ---- Hostile requests. Items are written out; the head and the length of the whole are made. */
#define APP "\x10\0\0\x15" APPLICATION
#define CONTEXT_HEAD(id) "\x20\0\0\x2E" id "\0\0\0"
#define ABSTRACT "\x30\0\0\x11" VERIFICATION
#define TRANSFER "\x40\0\0\x11" IMPLICIT
#define CONTEXT(id) CONTEXT_HEAD(id) ABSTRACT TRANSFER
#define USER(size, items) "\x50\0\0" size items
#define MAXIMUM "\x51\0\0\4\0\0\x40\0"
#define USER_PLAIN USER("\x08", MAXIMUM)
#define IDENTITY "\x58\0\0\x08\1\0\0\2ab\0\0"
#define BYTES(literal) {(literal), sizeof(literal) - 1}

enum reaction { ACCEPT, REJECT, ABORT };

static const struct hostile {
    const char *name;
    uint16_t version;
    const char *called, *calling;
    slice items;
    enum reaction reaction;
    uint8_t result, source, reason;
} requests[] = {
    {"A4 version 0", 0, "S", "C", BYTES(APP CONTEXT("\1") USER_PLAIN), REJECT, 1, 2, 2},
    {"A4 version 2", 2, "S", "C", BYTES(APP CONTEXT("\1") USER_PLAIN), REJECT, 1, 2, 2},
    {"A4 version FFFF", 0xFFFF, "S", "C", BYTES(APP CONTEXT("\1") USER_PLAIN), ACCEPT, 0, 0, 0},
    {"A7 no application context", 1, "S", "C", BYTES(CONTEXT("\1") USER_PLAIN), ABORT, 0, 2, 6},
    {"A7 two application contexts", 1, "S", "C", BYTES(APP APP CONTEXT("\1") USER_PLAIN), ABORT, 0, 2, 6},
    {"A7 wrong application context", 1, "S", "C", BYTES("\x10\0\0\x05" "1.2.3" CONTEXT("\1") USER_PLAIN), REJECT, 1, 1, 2},
    {"A8 no presentation context", 1, "S", "C", BYTES(APP USER_PLAIN), ABORT, 0, 2, 6},
    {"A8 even id", 1, "S", "C", BYTES(APP CONTEXT("\2") USER_PLAIN), ABORT, 0, 2, 6},
    {"A8 id 0", 1, "S", "C", BYTES(APP CONTEXT("\0") USER_PLAIN), ABORT, 0, 2, 6},
    {"A8 the same id twice", 1, "S", "C", BYTES(APP CONTEXT("\1") CONTEXT("\1") USER_PLAIN), ABORT, 0, 2, 6},
    {"A9 no abstract syntax", 1, "S", "C", BYTES(APP "\x20\0\0\x19\1\0\0\0" TRANSFER USER_PLAIN), ABORT, 0, 2, 6},
    {"A9 two abstract syntaxes", 1, "S", "C", BYTES(APP "\x20\0\0\x43\1\0\0\0" ABSTRACT ABSTRACT TRANSFER USER_PLAIN), ABORT, 0, 2, 6},
    {"A9 no transfer syntax", 1, "S", "C", BYTES(APP "\x20\0\0\x19\1\0\0\0" ABSTRACT USER_PLAIN), ABORT, 0, 2, 6},
    {"A10 UID of no characters", 1, "S", "C", BYTES(APP "\x20\0\0\x1D\1\0\0\0" "\x30\0\0\0" TRANSFER USER_PLAIN), ABORT, 0, 2, 6},
    {"A10 UID of letters", 1, "S", "C", BYTES(APP "\x20\0\0\x20\1\0\0\0" "\x30\0\0\3abc" TRANSFER USER_PLAIN), ABORT, 0, 2, 6},
    {"A10 UID with a trailing space", 1, "S", "C", BYTES(APP "\x20\0\0\x21\1\0\0\0" "\x30\0\0\4" "1.2 " TRANSFER USER_PLAIN), ACCEPT, 0, 0, 0},
    {"A11 no user information", 1, "S", "C", BYTES(APP CONTEXT("\1")), ABORT, 0, 2, 6},
    {"A11 user information twice", 1, "S", "C", BYTES(APP CONTEXT("\1") USER_PLAIN USER_PLAIN), ABORT, 0, 2, 6},
    {"A11 no maximum length", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x09", "\x52\0\0\5" "1.2.3")), ABORT, 0, 2, 6},
    {"A11 maximum length twice", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x10", MAXIMUM MAXIMUM)), ABORT, 0, 2, 6},
    {"A11 maximum length of 2 bytes", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x06", "\x51\0\0\2\x40\0")), ABORT, 0, 2, 6},
    {"A11 maximum length 0", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x08", "\x51\0\0\4\0\0\0\0")), ACCEPT, 0, 0, 0},
    {"A11 maximum length 1", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x08", "\x51\0\0\4\0\0\0\1")), ABORT, 0, 2, 6},
    {"A11 maximum length 12", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x08", "\x51\0\0\4\0\0\0\x0C")), ABORT, 0, 2, 6},
    {"A11 maximum length 2^32-1", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x08", "\x51\0\0\4\xFF\xFF\xFF\xFF")), ACCEPT, 0, 0, 0},
    {"A12 user identity once", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x14", MAXIMUM IDENTITY)), ACCEPT, 0, 0, 0},
    {"A12 user identity twice", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x20", MAXIMUM IDENTITY IDENTITY)), ABORT, 0, 2, 6},
    {"A12 user identity of type 255", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x14", MAXIMUM "\x58\0\0\x08\xFF\1\0\2ab\0\0")), ACCEPT, 0, 0, 0},
    {"A12 user identity that overruns", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x14", MAXIMUM "\x58\0\0\x08\1\0\xFF\xFF" "ab\0\0")), ABORT, 0, 2, 6},
    {"A13 role for what was not proposed", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x13", MAXIMUM "\x54\0\0\7\0\3" "1.2" "\1\1")), ACCEPT, 0, 0, 0},
    {"A13 role that overruns", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x13", MAXIMUM "\x54\0\0\7\0\x30" "1.2" "\1\1")), ABORT, 0, 2, 6},
    {"A14 extended negotiation that overruns", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x11", MAXIMUM "\x56\0\0\5\0\xFF" "1.2")), ABORT, 0, 2, 6},
    {"A15 asynchronous window 65535", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x10", MAXIMUM "\x53\0\0\4\xFF\xFF\xFF\xFF")), ACCEPT, 0, 0, 0},
    {"A16 item that overruns the PDU", 1, "S", "C", BYTES(APP CONTEXT("\1") "\x50\0\xFF\xFF" MAXIMUM), ABORT, 0, 2, 6},
    {"A16 sub-item that overruns its item", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x08", "\x51\0\0\x44\0\0\x40\0")), ABORT, 0, 2, 6},
    {"A16 half an item head", 1, "S", "C", BYTES(APP CONTEXT("\1") USER_PLAIN "\x10\0"), ABORT, 0, 2, 6},
    {"A17 unknown item at the end", 1, "S", "C", BYTES(APP CONTEXT("\1") USER_PLAIN "\x99\0\0\2zz"), ACCEPT, 0, 0, 0},
    {"A17 unknown sub-item inside", 1, "S", "C", BYTES(APP CONTEXT("\1") USER("\x0E", MAXIMUM "\x5E\0\0\2zz")), ACCEPT, 0, 0, 0},
    {"A18 called title of spaces", 1, "", "C", BYTES(APP CONTEXT("\1") USER_PLAIN), REJECT, 1, 1, 7},
    {"A18 calling title of spaces", 1, "S", "", BYTES(APP CONTEXT("\1") USER_PLAIN), REJECT, 1, 1, 3},
    {"A18 backslash", 1, "S", "A\\B", BYTES(APP CONTEXT("\1") USER_PLAIN), REJECT, 1, 1, 3},
    {"A18 control byte", 1, "S\x1B[31m", "C", BYTES(APP CONTEXT("\1") USER_PLAIN), REJECT, 1, 1, 7},
    {"A18 UTF-8", 1, "S", "\xC5\xB5", BYTES(APP CONTEXT("\1") USER_PLAIN), REJECT, 1, 1, 3},
    {"A18 a path is only a title", 1, "S", "../../etc", BYTES(APP CONTEXT("\1") USER_PLAIN), ACCEPT, 0, 0, 0},
    {"A19 implementation UID missing", 1, "S", "C", BYTES(APP CONTEXT("\1") USER_PLAIN), ACCEPT, 0, 0, 0},
    {"A20 reserved bytes set", 1, "S", "C", BYTES("\x10\xAA\0\x15" APPLICATION "\x20\xAA\0\x2E\1\xAA\xAA\xAA" ABSTRACT TRANSFER USER_PLAIN), ACCEPT, 0, 0, 0},
};

static void expect_answer(int fd, enum reaction reaction, uint8_t result, uint8_t source, uint8_t reason, const char *name)
{
    static const uint8_t types[] = {2, 3, 7};
    uint8_t answer[4096];
    if (reaction == ACCEPT) {
        shutdown(fd, SHUT_WR);
    }
    size_t size = raw_read_to_end(fd, answer, sizeof answer);
    ck_assert_msg(size > 0 && answer[0] == types[reaction], "%s: %zu bytes, type %d", name, size, size > 0 ? answer[0] : -1);
    if (reaction != ACCEPT) {
        const uint8_t expected[10] = {types[reaction], 0, 0, 0, 0, 4, 0, result, source, reason};
        ck_assert_msg(size == 10 && memcmp(answer, expected, 10) == 0, "%s: %d/%d/%d", name, answer[7], answer[8], answer[9]);
    }
    close(fd);
}

START_TEST(hostile_requests_get_the_answer_of_the_standard)
{
    struct buffer buffer = buffer_over(room, sizeof room);
    server_start(&server, serve_echo, &usual);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        const struct hostile *request = &requests[i];
        pdu_begin(&buffer, request->version, request->called, request->calling);
        buffer_put(&buffer, request->items);
        int fd = raw_connect(port());
        raw_send(fd, pdu_end(&buffer));
        expect_answer(fd, request->reaction, request->result, request->source, request->reason, request->name);
    }
    echo_once(port());
    server_stop(&server);
}
END_TEST

/* First bytes that are no request at all. */
static const struct {
    const char *name;
    slice bytes;
    uint8_t reason;
} strangers[] = {
    {"A1 type 0", BYTES("\0\0\0\0\0\4\0\0\0\0"), 1},
    {"A1 type 8", BYTES("\x08\0\0\0\0\4\0\0\0\0"), 1},
    {"A1 type FF", BYTES("\xFF\0\0\0\0\4\0\0\0\0"), 1},
    {"A2 length 0", BYTES("\1\0\0\0\0\0"), 6},
    {"A2 length 2^31-1", BYTES("\1\0\x7F\xFF\xFF\xFF"), 6},
    {"A2 length 2^32-1", BYTES("\1\0\xFF\xFF\xFF\xFF"), 6},
    {"A6 DATA before an association", BYTES("\4\0\0\0\0\6\0\0\0\2\1\3"), 2},
    {"A6 RELEASE before an association", BYTES("\5\0\0\0\0\4\0\0\0\0"), 2},
    {"T11 TLS on the plain port", BYTES("\x16\3\1\2\0\1\0\1\xFC\3\3"), 1},
    {"T12 HTTP", BYTES("GET / HTTP/1.1\r\nHost: pacs\r\n\r\n"), 1},
    {"T12 MLLP", BYTES("\x0BMSH|^~\\&|RIS|\r\x1C\r"), 1},
};

START_TEST(strangers_are_told_to_go)
{
    server_start(&server, serve_echo, &usual);
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        int fd = raw_connect(port());
        raw_send(fd, strangers[i].bytes);
        expect_answer(fd, ABORT, 0, 2, strangers[i].reason, strangers[i].name);
    }
    char scrap[16];
    int fd = raw_connect(port()); /* an A-ABORT needs no answer */
    raw_send(fd, SLICE("\7\0\0\0\0\4\0\0\0\0"));
    ck_assert_uint_eq(raw_read_to_end(fd, scrap, sizeof scrap), 0);
    close(fd);
    server_stop(&server);
}
END_TEST

static int send_contexts(unsigned count, unsigned syntaxes, size_t uid_size)
{
    static char uid[60001];
    struct buffer buffer = buffer_over(room, sizeof room), body = buffer_over(room + 100000, 100000);
    memset(uid, '1', sizeof uid);
    pdu_begin(&buffer, 1, "S", "C");
    put_item(&buffer, 0x10, SLICE(APPLICATION));
    for (unsigned i = 0; i < count; i++) {
        body.size = 0;
        buffer_put(&body, (slice){(const char[]){(char)(2 * i + 1), 0, 0, 0}, 4});
        put_item(&body, 0x30, (slice){uid, uid_size});
        for (unsigned s = 0; s < syntaxes; s++) {
            put_item(&body, 0x40, SLICE(IMPLICIT));
        }
        put_item(&buffer, 0x20, buffer_slice(&body));
    }
    put_item(&buffer, 0x50, SLICE(MAXIMUM));
    int fd = raw_connect(port());
    raw_send(fd, pdu_end(&buffer));
    return fd;
}

START_TEST(many_contexts_are_served_and_too_many_are_not)
{
    server_start(&server, serve_echo, &usual);
    expect_answer(send_contexts(128, 1, 5), ACCEPT, 0, 0, 0, "A8 128 contexts");
    expect_answer(send_contexts(129, 1, 5), ABORT, 0, 2, 6, "A8 129 contexts");
    expect_answer(send_contexts(1, 500, 5), ACCEPT, 0, 0, 0, "A9 500 transfer syntaxes");
    expect_answer(send_contexts(1, 1, 64), ACCEPT, 0, 0, 0, "A10 UID of 64");
    expect_answer(send_contexts(1, 1, 65), ABORT, 0, 2, 6, "A10 UID of 65");
    expect_answer(send_contexts(1, 1, 60000), ABORT, 0, 2, 6, "A10 UID of 60,000");
    server_stop(&server);
}
END_TEST

UNIT_MAIN(a_hundred_half_sent_requests_do_not_keep_an_echo_waiting, laggards_are_dropped_at_their_deadline, a_request_may_come_byte_by_byte,
          at_an_address_limit_the_oldest_half_sent_request_goes, at_the_door_limit_the_oldest_of_the_busiest_address_goes,
          a_closed_door_refuses_and_an_open_one_serves_again, two_doors_cannot_share_a_port, peers_that_come_and_go_leave_nothing_behind,
          when_descriptors_run_out_callers_are_shown_out_and_later_ones_served, hostile_requests_leave_no_memory_behind,
          what_was_asked_is_told, hostile_requests_get_the_answer_of_the_standard, strangers_are_told_to_go,
          many_contexts_are_served_and_too_many_are_not)
