/* SPDX-License-Identifier: MIT
 *
 * The shim against DCMTK's own programs, as they come: echoscu and storescu through the front door, and our
 * associations to storescp. */
#include "tests/unit/dcmtk/peer.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "src/base/hash.h"
#include "src/dicom/dimse.h"
#include "src/dicom/uid.h"

extern char **environ;

static struct server server;

/* Starts a program; `in` becomes its standard input, -1: none. What it says goes nowhere. */
static pid_t start(char *const *arguments, int in)
{
    pid_t child;
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    if (in >= 0) {
        posix_spawn_file_actions_adddup2(&files, in, 0);
    }
    ck_assert_msg(posix_spawnp(&child, arguments[0], &files, NULL, arguments, environ) == 0, "%s does not start", arguments[0]);
    posix_spawn_file_actions_destroy(&files);
    return child;
}

static int await(pid_t child)
{
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static char *port_text(void)
{
    static char text[8];
    snprintf(text, sizeof text, "%u", front_door_port(server.door));
    return text;
}

START_TEST(echoscu_is_answered)
{
    server_start(&server, serve_echo, &usual);
    char *const arguments[] = {"echoscu", "-aet", "DCMTK_SCU", "-aec", "TEST_SCP", "127.0.0.1", port_text(), NULL};
    ck_assert_int_eq(await(start(arguments, -1)), 0);
    server_await(&server, 1);
    server_stop(&server);
}
END_TEST

START_TEST(echoscu_is_answered_while_a_hundred_half_sent_requests_stand_open)
{
    char room[512];
    int held[100];
    struct front_door_limits patient = usual;
    patient.request_deadline_ns = TIME_HOUR;
    struct buffer buffer = buffer_over(room, sizeof room);
    slice half = slice_before(good_request(&buffer), 60);
    server_start(&server, serve_echo, &patient);
    for (int i = 0; i < 100; i++) {
        held[i] = raw_connect(front_door_port(server.door));
        raw_send(held[i], half);
    }
    char *const arguments[] = {"echoscu", "127.0.0.1", port_text(), NULL};
    ck_assert_int_eq(await(start(arguments, -1)), 0);
    server_await(&server, 1);
    for (int i = 0; i < 100; i++) {
        close(held[i]);
    }
    server_stop(&server);
}
END_TEST

/* ---- C-STORE, both ways. */

#define IMAGE_SIZE 70000u

/* A data set of this UID with pixels of IMAGE_SIZE bytes, explicit little endian. */
static slice image(struct arena *arena)
{
    static const char uids[][2][32] = {{"\x08\0\x16\0", CT_STORAGE}, {"\x08\0\x18\0", "1.2.3.4"}, {"\x20\0\x0D\0", "1.2.3"}, {"\x20\0\x0E\0", "1.2.3.1"}};
    struct buffer buffer = buffer_make(arena, IMAGE_SIZE + 512);
    for (size_t i = 0; i < 4; i++) {
        size_t size = strlen(uids[i][1]);
        buffer_put(&buffer, (slice){uids[i][0], 4});
        buffer_put(&buffer, SLICE("UI"));
        buffer_put_u16(&buffer, (uint16_t)(size + size % 2));
        buffer_put(&buffer, (slice){uids[i][1], size + size % 2});
    }
    buffer_put(&buffer, (slice){"\xE0\x7F\x10\0OW\0\0", 8});
    buffer_put_u32(&buffer, IMAGE_SIZE);
    for (unsigned i = 0; i < IMAGE_SIZE; i++) {
        buffer_put_byte(&buffer, (uint8_t)(i * i >> 3));
    }
    ck_assert(!buffer.full);
    return buffer_slice(&buffer);
}

static void answer_store(struct association *association, const struct dimse *request, uint8_t context_id)
{
    char room[512];
    struct buffer buffer = buffer_over(room, sizeof room);
    struct dimse response = dimse_response(request, STATUS_SUCCESS);
    dimse_write_command(&response, &buffer);
    ck_assert_int_eq(association_write(association, context_id, true, buffer_slice(&buffer), true, LONG_WAIT), ERR_OK);
}

/* Takes one C-STORE; its bytes into `sum`. */
static void serve_store(struct server *self, struct association *association, struct asked *asked)
{
    struct fragment fragment;
    struct dimse request;
    struct arena arena;
    bool has_data;
    ck_assert_int_eq(arena_make(&arena, 1 << 18), ERR_OK);
    accept_all(&asked->contexts);
    ck_assert_int_eq(association_accept(association, &asked->contexts), ERR_OK);
    ck_assert_int_eq(association_read(association, &fragment, LONG_WAIT), ERR_OK);
    ck_assert(fragment.kind == INCOMING_COMMAND && fragment.last);
    ck_assert_int_eq(dimse_parse_command(&request, arena_copy(&arena, fragment.bytes), &has_data, &arena), ERR_OK);
    ck_assert(request.kind == DIMSE_C_STORE_RQ && has_data);
    uint8_t context_id = fragment.context_id;
    struct digest *digest = digest_open();
    do {
        ck_assert_int_eq(association_read(association, &fragment, LONG_WAIT), ERR_OK);
        ck_assert_int_eq(fragment.kind, INCOMING_DATA);
        digest_put(digest, fragment.bytes);
        self->bytes += fragment.bytes.size;
    } while (!fragment.last);
    char text[65];
    digest_end(digest, text);
    self->sum = hash64(0, (slice){text, 64});
    answer_store(association, &request, context_id);
    ck_assert_int_eq(association_read(association, &fragment, LONG_WAIT), ERR_OK);
    ck_assert_int_eq(fragment.kind, INCOMING_RELEASE);
    association_answer_release(association);
    association_free(association);
    arena_drop(&arena);
}

static uint64_t sum_of(slice bytes)
{
    char text[65];
    sha256_text(bytes, text);
    return hash64(0, (slice){text, 64});
}

START_TEST(storescu_sends_what_the_file_holds)
{
    static const char meta[] = "DICM\2\0\0\0UL\4\0\x1C\0\0\0\2\0\x10\0UI\x14\0" EXPLICIT;
    char path[] = "/tmp/pont-store-XXXXXX", preamble[128] = {0};
    struct arena arena;
    ck_assert_int_eq(arena_make(&arena, 1 << 18), ERR_OK);
    slice bytes = image(&arena);
    int file = mkstemp(path);
    ck_assert_int_eq(write(file, preamble, sizeof preamble), sizeof preamble);
    ck_assert_int_eq(write(file, meta, sizeof meta), sizeof meta);
    ck_assert_int_eq(write(file, bytes.data, bytes.size), (ssize_t)bytes.size);
    close(file);
    server_start(&server, serve_store, &usual);
    char *const arguments[] = {"storescu", "-xe", "127.0.0.1", port_text(), path, NULL};
    ck_assert_int_eq(await(start(arguments, -1)), 0);
    server_await(&server, 1);
    ck_assert_uint_eq(server.bytes, bytes.size);
    ck_assert_uint_eq(server.sum, sum_of(bytes));
    server_stop(&server);
    unlink(path);
    arena_drop(&arena);
}
END_TEST

/* storescp takes its one connection from us, as from inetd. */
static void *run_storescp(void *self)
{
    int *listener = self;
    int fd = accept4(*listener, NULL, NULL, SOCK_CLOEXEC);
    char *const arguments[] = {"storescp", "--inetd", "-od", "/tmp", "--ignore", NULL};
    pid_t child = start(arguments, fd);
    close(fd);
    await(child);
    return NULL;
}

START_TEST(storescp_takes_what_we_send)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    struct client client;
    struct context storage = proposed(CT_STORAGE, EXPLICIT);
    struct fragment fragment;
    struct dimse answer;
    pthread_t thread;
    bool has_data;
    char room[512];
    struct buffer buffer = buffer_over(room, sizeof room);
    ck_assert_int_eq(dcmtk_start(), ERR_OK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, run_storescp, &listener), 0);
    ck_assert_int_eq(client_open_with(&client, ntohs(at.sin_port), &storage, 1, 0, LONG_WAIT), ERR_OK);
    ck_assert_int_eq(client.answered.list[0].result, CONTEXT_ACCEPTED);
    struct dimse request = {.kind = DIMSE_C_STORE_RQ, .message_id = 7, .sop_class_uid = UID_CT_IMAGE, .sop_instance_uid = SLICE("1.2.3.4"),
                            .remaining = DIMSE_COUNTER_ABSENT, .completed = DIMSE_COUNTER_ABSENT, .failed = DIMSE_COUNTER_ABSENT,
                            .warning = DIMSE_COUNTER_ABSENT};
    dimse_write_command(&request, &buffer);
    ck_assert_int_eq(association_write(client.association, 1, true, buffer_slice(&buffer), true, LONG_WAIT), ERR_OK);
    ck_assert_int_eq(association_write(client.association, 1, false, image(&client.arena), true, LONG_WAIT), ERR_OK);
    ck_assert_int_eq(association_read(client.association, &fragment, LONG_WAIT), ERR_OK);
    ck_assert_int_eq(dimse_parse_command(&answer, fragment.bytes, &has_data, &client.arena), ERR_OK);
    ck_assert(answer.kind == DIMSE_C_STORE_RSP && answer.status == STATUS_SUCCESS && answer.message_id == 7);
    association_release(client.association, LONG_WAIT);
    client_free(&client);
    pthread_join(thread, NULL);
    close(listener);
}
END_TEST

UNIT_MAIN(echoscu_is_answered, echoscu_is_answered_while_a_hundred_half_sent_requests_stand_open, storescu_sends_what_the_file_holds,
          storescp_takes_what_we_send)
