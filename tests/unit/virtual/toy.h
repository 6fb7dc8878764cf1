/* SPDX-License-Identifier: MIT
 *
 * Toys: actors of a few lines, each a function of the test's own. They write down what they hear of their channels, and check that each channel
 * ends exactly once. */
#ifndef PONT_TESTS_VIRTUAL_TOY_H
#define PONT_TESTS_VIRTUAL_TOY_H

#include "sim/virtual/virtual.h"
#include "src/base/random.h"
#include "src/base/real.h"
#include "src/dicom/uid.h"
#include "tests/unit/unit.h"

#define MAYBE __attribute__((unused)) static
#define TOYS_MAX 80
#define TOY_CHANNELS 4096
#define TOY_START (1000 * TIME_DAY)

struct toy {
    uint32_t number;
    void (*take)(struct toy *toy, const struct event *event, struct out *out);
    time_ns due;
    int64_t last_channel; /* odd, as opener */
    int64_t heard[EVENT_KIND_COUNT];
    uint8_t ends[TOY_CHANNELS]; /* by channel number: how often it ended */
    time_ns at[EVENT_KIND_COUNT]; /* of the last */
    enum refusal refusal;
    enum closed cause;
    uint16_t status;      /* of the last response */
    int64_t instances;    /* received in requests */
    int64_t responses, rows;
    int64_t numbers[16];  /* the test's own */
    void *own;
};

static struct toys {
    struct arena arena;
    struct toy list[TOYS_MAX];
    struct virtual_node nodes[TOYS_MAX];
    struct virtual_site sites[8];
    struct virtual_link links[8];
    struct virtual_config config;
    struct virtual *virtual;
    int64_t seen[OBSERVATION_COUNT];
} t;

MAYBE enum err toy_step(void *self, const struct event *event, struct out *out)
{
    struct toy *toy = self;
    toy->heard[event->kind]++;
    toy->at[event->kind] = event->at_ns;
    toy->refusal = event->kind == EVENT_REFUSED ? event->refusal : toy->refusal;
    toy->cause = event->kind == EVENT_CLOSED ? event->cause : toy->cause;
    if (event->kind == EVENT_REFUSED || event->kind == EVENT_CLOSED) {
        ck_assert_int_lt(event->channel % TOY_CHANNELS, TOY_CHANNELS);
        toy->ends[event->channel % TOY_CHANNELS]++;
    }
    if (event->kind == EVENT_CLOCK) {
        toy->due = TIME_NEVER;
    }
    for (size_t i = 0; event->kind == EVENT_RECEIVED && event->protocol == PROTOCOL_DICOM && i < event->run.count; i++) {
        const struct dimse *message = &event->run.messages[i].dimse;
        bool response = message->kind == DIMSE_C_STORE_RSP || message->kind == DIMSE_C_FIND_RSP || message->kind == DIMSE_C_ECHO_RSP;
        toy->status = response ? message->status : toy->status;
        toy->responses += response ? dimse_instances(message) : 0;
        toy->instances += response ? 0 : dimse_instances(message);
    }
    if (toy->take != NULL) {
        toy->take(toy, event, out);
    }
    return ERR_OK;
}

MAYBE time_ns toy_due(const void *self)
{
    return ((const struct toy *)self)->due;
}

MAYBE enum err toys_observe(void *self, const struct observation *observation, uint32_t node)
{
    (void)self, (void)node;
    t.seen[observation->kind]++;
    return ERR_OK;
}

MAYBE void toys_make(size_t count)
{
    struct arena arena = t.arena;
    if (arena.memory == NULL) {
        ck_assert_int_eq(arena_make(&arena, (size_t)700 << 20), ERR_OK);
    }
    memset(&t, 0, sizeof t);
    t.arena = arena;
    arena_reset(&t.arena);
    for (uint32_t n = 0; n < count; n++) {
        t.list[n] = (struct toy){.number = n, .due = TIME_NEVER, .last_channel = -1};
        t.nodes[n] = (struct virtual_node){.name = SLICE("toy"), .aet = SLICE("TOY"), .dicom = true, .hl7 = true,
                                           .actor = {.self = &t.list[n], .step = toy_step, .due = toy_due}};
    }
    t.config = (struct virtual_config){.seed = 5, .start_ns = TOY_START, .nodes = t.nodes, .node_count = count, .sites = t.sites, .links = t.links,
                                       .watcher = {.observe = toys_observe},
                                       .limits = {.events_max = 65536, .channels_max = 8192, .payload_bytes = 64u << 20, .flows_max = 4096}};
}

MAYBE void toys_open(void)
{
    enum err err = virtual_init(&t.virtual, &t.config, &t.arena);
    ck_assert_int_eq(err, ERR_OK);
}

MAYBE void toys_run(time_ns until_ns)
{
    enum virtual_end end;
    enum err err = virtual_run(t.virtual, &(struct virtual_until){.until_ns = TOY_START + until_ns}, &end);
    ck_assert_msg(err == ERR_OK, "%s", virtual_why(t.virtual));
}

MAYBE void toy_tell(uint32_t node, time_ns at_ns, const char *verb)
{
    struct plan_entry entry = {.kind = PLAN_DO, .verb = slice_from(verb)};
    ck_assert_int_eq(virtual_tell(t.virtual, node, &entry, TOY_START + at_ns), ERR_OK);
}

MAYBE void toy_fault(uint32_t target, enum plan_kind kind, time_ns at_ns, const char *verb, const char *name, const char *value)
{
    struct plan_entry entry = {.kind = kind, .verb = slice_from(verb), .arguments = {{slice_from(name), slice_from(value)}}, .argument_count = 1};
    ck_assert_int_eq(virtual_tell(t.virtual, target, &entry, TOY_START + at_ns), ERR_OK);
}

/* ---- What toys say. */

MAYBE int64_t toy_dial(struct toy *toy, struct out *out, uint32_t to, enum protocol protocol)
{
    static const slice classes[] = {{"1.2.840.10008.1.1", 17}, {"1.2.840.10008.5.1.4.1.1.2", 25}, {"1.2.840.10008.5.1.4.1.2.2.1", 27}};
    struct context *list = arena_array(out->arena, 3, sizeof *list);
    for (size_t i = 0; i < 3; i++) {
        list[i] = (struct context){.abstract_syntax = classes[i], .transfer_syntaxes = {UID_EXPLICIT_LITTLE, UID_IMPLICIT_LITTLE}, .syntax_count = 2, .accepted_syntax = SLICE_EMPTY};
    }
    struct command *open = out_command(out, COMMAND_OPEN);
    open->channel = toy->last_channel += 2;
    open->peer = to;
    open->protocol = protocol;
    open->contexts = protocol == PROTOCOL_DICOM ? (struct contexts){list, 3} : (struct contexts){NULL, 0};
    return open->channel;
}

/* Accepts every context in its second syntax, if there is one. */
MAYBE void toy_accept(const struct event *event, struct out *out)
{
    struct command *accept = out_command(out, COMMAND_ACCEPT);
    struct context *list = arena_array(out->arena, event->contexts.count + 1, sizeof *list);
    accept->channel = event->channel;
    accept->contexts = (struct contexts){list, event->contexts.count};
    for (size_t i = 0; i < event->contexts.count; i++) {
        list[i] = event->contexts.list[i];
        list[i].result = CONTEXT_ACCEPTED;
        list[i].accepted_syntax = list[i].transfer_syntaxes[list[i].syntax_count - 1];
    }
}

MAYBE void toy_store(struct out *out, int64_t channel, uint32_t span, int64_t size)
{
    struct dimse store = {.kind = DIMSE_C_STORE_RQ, .message_id = 1, .sop_class_uid = {"1.2.840.10008.5.1.4.1.1.2", 25}, .sop_instance_uid = SLICE("1.2.3.1"),
                          .object = {.sop_class_uid = {"1.2.840.10008.5.1.4.1.1.2", 25}, .sop_instance_uid = SLICE("1.2.3.1"), .study_uid = SLICE("1.2.3"), .size = size,
                                     .study = -1, .instance = -1, .span = span}};
    out_send_dimse(out, channel, &store);
}

MAYBE void toy_echo(struct out *out, int64_t channel)
{
    out_send_dimse(out, channel, &(struct dimse){.kind = DIMSE_C_ECHO_RQ, .message_id = 1, .sop_class_uid = {"1.2.840.10008.1.1", 17}});
}

MAYBE void toy_answer(const struct event *event, struct out *out, uint16_t status)
{
    for (size_t i = 0; i < event->run.count; i++) {
        struct dimse response = dimse_response(&event->run.messages[i].dimse, status);
        response.object = (struct object){.sop_instance_uid = event->run.messages[i].dimse.sop_instance_uid, .span = event->run.messages[i].dimse.object.span};
        out_send_dimse(out, event->channel, &response);
    }
}

MAYBE void toy_end(struct out *out, enum command_kind kind, int64_t channel)
{
    out_command(out, kind)->channel = channel;
}

/* A server: accepts, answers every request with success. */
MAYBE void take_serve(struct toy *toy, const struct event *event, struct out *out)
{
    (void)toy;
    if (event->kind == EVENT_ASKED) {
        toy_accept(event, out);
    } else if (event->kind == EVENT_RECEIVED && event->protocol == PROTOCOL_DICOM) {
        toy_answer(event, out, STATUS_SUCCESS);
    }
}

/* Every channel that any of them knew has ended at most once; `all`: exactly once. */
MAYBE void toys_check_ends(bool all)
{
    for (size_t n = 0; n < t.config.node_count; n++) {
        for (int64_t c = 1; c <= t.list[n].last_channel; c += 2) {
            ck_assert_int_le(t.list[n].ends[c], 1);
            ck_assert(!all || t.list[n].ends[c] == 1);
        }
        for (int64_t c = 2; c < TOY_CHANNELS; c += 2) {
            ck_assert_int_le(t.list[n].ends[c], 1);
        }
        int64_t asked = t.list[n].heard[EVENT_ASKED], ended = 0;
        for (int64_t c = 2; c < TOY_CHANNELS; c += 2) {
            ended += t.list[n].ends[c];
        }
        ck_assert(!all || ended == asked);
    }
}

#endif
