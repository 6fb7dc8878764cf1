/* SPDX-License-Identifier: MIT
 *
 * Rig: tiny actors on drivers of their own threads, told by one pipe and heard by another. */
#ifndef PONT_TESTS_WIRE_RIG_H
#define PONT_TESTS_WIRE_RIG_H

#include "tests/unit/unit.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/actor/serial.h"
#include "src/dicom/uid.h"
#include "src/dcmtk/dcmtk.h"
#include "src/wire/driver.h"

#define RIG_WAIT_MS 20000
#define RIG_PEERS 4

/* One driver with its actor, in a thread of this process. */
struct rig {
    struct driver_config config;
    struct actor actor;
    pthread_t thread;
    int tell, hear; /* our ends */
    enum err result;
    char why[256];
    char heard[1 << 20];
    size_t heard_size;
    uint16_t dicom_port, hl7_port;
};

static struct peer rig_peers[RIG_PEERS];

static void *rig_main(void *self)
{
    struct rig *rig = self;
    rig->result = driver_run(&rig->config, &rig->actor, rig->why);
    close(rig->config.observe);
    return NULL;
}

/* Reads observations until one line holds both texts; what was read before is forgotten. False at the end, or when
 * nothing comes for long: the limit only keeps a broken test from hanging. */
static bool rig_hears(struct rig *rig, const char *first, const char *second)
{
    for (;;) {
        slice rest = {rig->heard, rig->heard_size};
        while (slice_index(rest, '\n') < rest.size) {
            size_t end = slice_index(rest, '\n');
            rest = slice_after(rest, 0);
            char *line = rig->heard + (rest.data - rig->heard);
            line[end] = '\0';
            bool found = strstr(line, first) != NULL && strstr(line, second) != NULL;
            const char *port = strstr(line, "\"ready\"");
            if (port != NULL) {
                const char *number = strstr(line, "\"number\":"), *count = strstr(line, "\"count\":");
                rig->dicom_port = (uint16_t)(number == NULL ? 0 : atoi(number + 9));
                rig->hl7_port = (uint16_t)(count == NULL ? 0 : atoi(count + 8));
            }
            rest = slice_after(rest, end + 1);
            if (found) {
                memmove(rig->heard, rest.data, rest.size);
                rig->heard_size = rest.size;
                return true;
            }
        }
        memmove(rig->heard, rest.data, rest.size);
        rig->heard_size = rest.size;
        struct pollfd set = {.fd = rig->hear, .events = POLLIN};
        ssize_t got = poll(&set, 1, RIG_WAIT_MS) > 0 ? read(rig->hear, rig->heard + rig->heard_size, sizeof rig->heard - rig->heard_size) : 0;
        if (got <= 0) {
            fprintf(stderr, "%s %s was not heard\n", first, second);
            return false;
        }
        rig->heard_size += (size_t)got;
    }
}

static void rig_start(struct rig *rig, const char *name)
{
    int tell[2], hear[2];
    ck_assert_int_eq(pipe(tell), 0);
    ck_assert_int_eq(pipe(hear), 0);
    rig->config.name = slice_from(name);
    rig->config.host = "127.0.0.1";
    rig->config.control = tell[0];
    rig->config.observe = hear[1];
    rig->config.peers = rig_peers;
    rig->config.peer_count = RIG_PEERS;
    rig->config.start_ns = rig->config.start_ns == 0 ? 1267432200 * TIME_S : rig->config.start_ns;
    rig->tell = tell[1];
    rig->hear = hear[0];
    ck_assert_int_eq(pthread_create(&rig->thread, NULL, rig_main, rig), 0);
    ck_assert_msg(rig_hears(rig, "\"ready\"", name), "%s", rig->why);
}

static inline void rig_tell(struct rig *rig, const char *line)
{
    ck_assert_int_eq(write(rig->tell, line, strlen(line)), (ssize_t)strlen(line));
}

static void rig_stop(struct rig *rig)
{
    rig_tell(rig, "{\"quit\":true}\n");
    pthread_join(rig->thread, NULL);
    ck_assert_msg(rig->result == ERR_OK, "%s", rig->why);
    close(rig->tell);
    close(rig->hear);
    close(rig->config.control);
}

static inline void rig_peer(size_t index, const char *name, const char *aet, uint16_t dicom_port, uint16_t hl7_port)
{
    rig_peers[index] = (struct peer){slice_from(name), slice_from(aet), SLICE("127.0.0.1"), dicom_port, hl7_port};
}

/* ---- What the actors of these tests share. */

static inline void say(struct out *out, const struct event *event, const char *text, int64_t count, int64_t number)
{
    struct observation *note = out_observe(out, OBSERVATION_note, event->at_ns);
    note->text = arena_copy(out->arena, slice_from(text));
    note->count = count;
    note->number = number;
}

/* Accepts every context in its first transfer syntax. */
static inline struct command *accept_all(struct out *out, const struct event *event)
{
    struct command *accept = out_command(out, COMMAND_ACCEPT);
    struct context *list = arena_array(out->arena, event->contexts.count + 1, sizeof *list);
    accept->channel = event->channel;
    for (size_t i = 0; i < event->contexts.count; i++) {
        list[i] = event->contexts.list[i];
        list[i].result = CONTEXT_ACCEPTED;
        list[i].accepted_syntax = list[i].transfer_syntaxes[0];
    }
    accept->contexts = (struct contexts){list, event->contexts.count};
    return accept;
}

static inline struct command *open_to(struct out *out, int64_t channel, uint32_t peer, slice abstract, slice syntax)
{
    struct command *open = out_command(out, COMMAND_OPEN);
    struct context *context = arena_alloc(out->arena, sizeof *context);
    *context = (struct context){.abstract_syntax = abstract, .transfer_syntaxes = {syntax}, .syntax_count = 1};
    open->channel = channel;
    open->peer = peer;
    open->contexts = (struct contexts){context, 1};
    return open;
}

static inline time_ns never(const void *self)
{
    (void)self;
    return TIME_NEVER;
}

#endif
