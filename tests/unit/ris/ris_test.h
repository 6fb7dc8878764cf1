/* SPDX-License-Identifier: MIT
 *
 * What the tests of sim/ris share: a driver by hand. Each call is one event; what came out stays in
 * `out`. */
#ifndef PONT_TESTS_RIS_TEST_H
#define PONT_TESTS_RIS_TEST_H

#include "sim/ris/ris.h"
#include "tests/unit/unit.h"

#define START  (1267430400 * TIME_S) /* 2010-03-01T08:00:00Z */
#define ENGINE 7

static char run_memory[1 << 20] __attribute__((aligned(16), unused));
static char step_memory[1 << 20] __attribute__((aligned(16), unused));
static struct arena run_arena, step_arena;
static struct out out;
static struct ris *ris;
static time_ns now;
static int64_t sequence;

static inline void begin(size_t outbox_bytes)
{
    struct ris_config config = {.engine = ENGINE,
                                .outbox_bytes = outbox_bytes == 0 ? 65536 : outbox_bytes};
    run_arena = (struct arena){.memory = run_memory, .size = sizeof run_memory};
    step_arena = (struct arena){.memory = step_memory, .size = sizeof step_memory};
    out.arena = &step_arena;
    now = START;
    sequence = 0;
    ck_assert_int_eq(ris_init(&ris, &config, &run_arena), ERR_OK);
}

static inline enum err step(struct event event)
{
    struct actor actor = ris_actor(ris);
    out_clear(&out);
    arena_reset(&step_arena);
    event.at_ns = now;
    event.sequence = ++sequence;
    return actor.step(actor.self, &event, &out);
}

/* A plan entry from "verb name=value name=value"; a plus stands for a space in a value. */
static inline enum err plan(enum plan_kind kind, const char *words)
{
    static char text[2048];
    struct event event = {.kind = EVENT_PLAN, .plan = {.kind = kind}};
    struct plan_entry *entry = &event.plan;
    ck_assert_uint_lt(strlen(words), sizeof text);
    strcpy(text, words);
    slice rest = slice_from(text);
    entry->verb = slice_cut(&rest, ' ');
    while (rest.data != NULL) {
        slice word = slice_cut(&rest, ' ');
        struct plan_argument *argument = &entry->arguments[entry->argument_count++];
        argument->name = slice_cut(&word, '=');
        argument->value = word;
    }
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '+' ? ' ' : *c;
    }
    enum err err = step(event);
    memset(text, '?', sizeof text); /* what is borrowed beyond the step shows */
    return err;
}

static inline void told(const char *words)
{
    ck_assert_int_eq(plan(PLAN_DO, words), ERR_OK);
}

static inline void happened(enum event_kind kind, int64_t channel)
{
    ck_assert_int_eq(
        step((struct event){.kind = kind, .channel = channel, .protocol = PROTOCOL_HL7}), ERR_OK);
}

static inline void acknowledged(int64_t channel, const char *code, slice of)
{
    static struct message message;
    message = (struct message){.protocol = PROTOCOL_HL7, .hl7 = {.type = HL7_ACK}};
    message.hl7.fields[HL7_FIELD_ACK_CODE] = slice_from(code);
    message.hl7.fields[HL7_FIELD_ACK_OF] = of;
    message.hl7.fields[HL7_FIELD_ACK_TEXT] = SLICE("why");
    struct event event = {.kind = EVENT_RECEIVED, .channel = channel, .run = {&message, 1}};
    ck_assert_int_eq(step(event), ERR_OK);
}

static inline const struct command *command_of(enum command_kind kind)
{
    for (size_t i = 0; i < out.command_count; i++) {
        if (out.commands[i].kind == kind) {
            return &out.commands[i];
        }
    }
    return NULL;
}

static inline const struct observation *observed(enum observation_kind kind)
{
    for (size_t i = 0; i < out.observation_count; i++) {
        if (out.observations[i].kind == kind) {
            return &out.observations[i];
        }
    }
    return NULL;
}

/* The message that was sent in this step, copied so that it outlives it. */
static inline const struct hl7_value *sent(void)
{
    static char memory[65536] __attribute__((aligned(16)));
    static struct hl7_value value;
    struct arena arena = {.memory = memory, .size = sizeof memory};
    const struct command *send = command_of(COMMAND_SEND);
    ck_assert_ptr_nonnull(send);
    ck_assert_uint_eq(send->run.count, 1);
    ck_assert_int_eq(send->run.messages[0].protocol, PROTOCOL_HL7);
    ck_assert_int_eq(hl7_value_copy(&value, &send->run.messages[0].hl7, &arena), ERR_OK);
    return &value;
}

#define ck_assert_slice_eq(a, text)                                                                \
    do {                                                                                           \
        slice found = (a), wanted = slice_from(text);                                              \
        ck_assert_msg(slice_equal(found, wanted), "'%.*s' is not '%.*s'", SLICE_ARGS(found),       \
                      SLICE_ARGS(wanted));                                                         \
    } while (0)

#endif
