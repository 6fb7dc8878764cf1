/* SPDX-License-Identifier: MIT
 *
 * Shaper: bytes pass whole and in order, late, slow or not at all, as the line is told. */
#include "tests/unit/unit.h"

#include "src/wire/shaper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct shaper_link line;
static struct shaper_way way;
static struct shaper *shaper;
static int listener, control[2], client, server;
static pthread_t thread;

static void *run(void *self)
{
    return shaper_run(self) == ERR_OK ? self : NULL;
}

static int socket_at(uint16_t *port, bool listens)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(fd, 0);
    if (!listens) {
        ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
        return fd;
    }
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void begin(struct shaper_link of)
{
    line = of;
    way = (struct shaper_way){.half_count = 1, .halves = {0}};
    listener = socket_at(&way.target, true);
    ck_assert_int_eq(pipe(control), 0);
    const struct shaper_config config = {.host = "127.0.0.1", .seed = 1, .links = &line, .link_count = 1, .ways = &way, .way_count = 1, .control = control[0]};
    shaper = shaper_open(&config);
    ck_assert_ptr_nonnull(shaper);
    ck_assert_int_eq(pthread_create(&thread, NULL, run, shaper), 0);
}

static void join(void)
{
    client = socket_at(&way.port, false);
    server = accept(listener, NULL, NULL);
    ck_assert_int_ge(server, 0);
}

static void end(void)
{
    void *whole = NULL;
    close(control[1]);
    ck_assert_int_eq(pthread_join(thread, &whole), 0);
    ck_assert_ptr_nonnull(whole);
    shaper_close(shaper);
}

static void tell(const char *kind, const char *verb, const char *arguments)
{
    char text[256];
    int size = snprintf(text, sizeof text, "{\"id\":1,\"kind\":\"%s\",\"verb\":\"%s\",\"args\":{\"link\":\"0\"%s}}\n", kind, verb, arguments);
    ck_assert_int_eq(write(control[1], text, (size_t)size), size);
}

static void pass(size_t size)
{
    static char out[1 << 20], in[1 << 20];
    size_t sent = 0, got = 0;
    for (size_t i = 0; i < size; i++) {
        out[i] = (char)(i * 7 + i / 251);
    }
    while (got < size) {
        if (sent < size) {
            ssize_t put = send(client, out + sent, size - sent, MSG_DONTWAIT);
            sent += put > 0 ? (size_t)put : 0;
        }
        struct pollfd ready = {.fd = server, .events = POLLIN};
        ck_assert_int_ge(poll(&ready, 1, 1), 0);
        ssize_t come = ready.revents == 0 ? 0 : recv(server, in + got, size - got, MSG_DONTWAIT);
        ck_assert(come >= 0 || errno == EAGAIN);
        got += come > 0 ? (size_t)come : 0;
    }
    ck_assert_int_eq(memcmp(out, in, size), 0);
}

static bool comes(int fd, int within_ms)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return poll(&ready, 1, within_ms) == 1;
}

START_TEST(bytes_pass_whole_and_in_order_and_the_end_passes_too)
{
    char byte;
    begin((struct shaper_link){.bytes_per_s = 50000000, .delay_ns = 2 * TIME_MS, .loss_ppm = 2000});
    join();
    pass(1 << 20);
    ck_assert_int_eq(send(server, "x", 1, 0), 1);
    ck_assert_int_eq(recv(client, &byte, 1, 0), 1);
    shutdown(client, SHUT_WR);
    ck_assert_int_eq(recv(server, &byte, 1, 0), 0);
    close(server);
    ck_assert_int_eq(recv(client, &byte, 1, 0), 0);
    end();
}
END_TEST

START_TEST(a_slow_line_takes_at_least_its_time)
{
    struct timespec from, to;
    begin((struct shaper_link){.bytes_per_s = 1000000, .delay_ns = 20 * TIME_MS});
    join();
    clock_gettime(CLOCK_MONOTONIC, &from);
    pass(100000);
    clock_gettime(CLOCK_MONOTONIC, &to);
    ck_assert_int_ge((to.tv_sec - from.tv_sec) * TIME_S + to.tv_nsec - from.tv_nsec, 120 * TIME_MS);
    end();
}
END_TEST

START_TEST(what_is_sent_over_a_cut_line_comes_when_it_is_whole_again)
{
    char byte;
    begin((struct shaper_link){0});
    join();
    pass(1000);
    tell("fault", "partition", ",\"direction\":\"from_hub\"");
    ck_assert_int_eq(send(server, "y", 1, 0), 1);
    ck_assert_int_eq(recv(client, &byte, 1, 0), 1); /* the other direction: and the cut was heard by then, or soon */
    while (true) {
        ck_assert_int_eq(send(client, "x", 1, 0), 1);
        if (!comes(server, 200)) {
            break;
        }
        ck_assert_int_eq(recv(server, &byte, 1, 0), 1);
    }
    tell("heal", "partition", ",\"direction\":\"from_hub\"");
    ck_assert_int_eq(recv(server, &byte, 1, 0), 1);
    end();
}
END_TEST

START_TEST(a_reset_ends_every_connection_and_refuses_new_ones_until_healed)
{
    char byte;
    begin((struct shaper_link){0});
    join();
    pass(1000);
    tell("fault", "reset", "");
    ck_assert_int_eq(recv(client, &byte, 1, 0), -1);
    ck_assert_int_eq(errno, ECONNRESET);
    ck_assert_int_le(recv(server, &byte, 1, 0), 0);
    int again = socket_at(&way.port, false);
    ck_assert_int_le(recv(again, &byte, 1, 0), 0);
    tell("heal", "reset", "");
    for (int tried = 0; tried < 1000; tried++) { /* until the word was heard */
        int next = socket_at(&way.port, false);
        if (!comes(next, 20)) {
            break;
        }
        close(next);
    }
    ck_assert_int_ge(accept(listener, NULL, NULL), 0);
    end();
}
END_TEST

START_TEST(a_half_close_ends_one_direction_and_the_other_goes_on)
{
    char byte;
    begin((struct shaper_link){0});
    join();
    pass(1000);
    tell("fault", "half_close", "");
    ck_assert_int_eq(recv(server, &byte, 1, 0), 0);
    ck_assert_int_eq(send(server, "y", 1, 0), 1);
    ck_assert_int_eq(recv(client, &byte, 1, 0), 1);
    end();
}
END_TEST

START_TEST(nothing_comes_after_the_bytes_that_a_stop_lets_through)
{
    char bytes[64];
    begin((struct shaper_link){0});
    tell("fault", "stop_after_bytes", ",\"bytes\":\"10\"");
    tell("fault", "slice", ",\"size\":\"1\",\"delay\":\"1000\"");
    join();
    ck_assert_int_eq(send(client, "0123456789abcdef", 16, 0), 16);
    for (ssize_t got = 0; got < 10;) {
        ssize_t come = recv(server, bytes, sizeof bytes, 0);
        ck_assert_int_gt(come, 0);
        got += come;
        ck_assert_int_le(got, 10);
    }
    ck_assert(!comes(server, 100));
    end();
}
END_TEST

START_TEST(a_word_that_is_none_of_a_line_is_not_known)
{
    ck_assert(shaper_knows(SLICE("partition")));
    ck_assert(shaper_knows(SLICE("black_hole")));
    ck_assert(!shaper_knows(SLICE("crash")));
}
END_TEST

UNIT_MAIN(bytes_pass_whole_and_in_order_and_the_end_passes_too, a_slow_line_takes_at_least_its_time, what_is_sent_over_a_cut_line_comes_when_it_is_whole_again,
          a_reset_ends_every_connection_and_refuses_new_ones_until_healed, a_half_close_ends_one_direction_and_the_other_goes_on,
          nothing_comes_after_the_bytes_that_a_stop_lets_through, a_word_that_is_none_of_a_line_is_not_known)
