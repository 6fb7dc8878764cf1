/* SPDX-License-Identifier: MIT
 *
 * A node on a bench: the test is its driver. What a step puts out stays good until the test ends.
 */
#ifndef PONT_TESTS_NODE_TEST_H
#define PONT_TESTS_NODE_TEST_H

#include "sim/node/node.h"
#include "src/dicom/uid.h"
#include "tests/unit/unit.h"

#define CALLER "PONT"
#define TARGET "WS"
#define OWN    "PACS"

static struct arena bench_memory, bench_out;
static struct out bench;
static struct node *bench_node;
static struct vendor_profile bench_vendor;
static time_ns bench_now;
static int64_t bench_sequence;
static const struct peer bench_peers[] = {{.name = {"hub", 3}, .aet = {CALLER, 4}},
                                          {.name = {"ws", 2}, .aet = {TARGET, 2}}};

static const struct node_study bench_studies[] = {
    {.number = 10,
     .person = {"woman", 5},
     .patient_id = {"123456", 6},
     .issuer = {"CAV", 3},
     .name = {"Price^Megan", 11},
     .birth_date = {"19580411", 8},
     .sex = {"F", 1},
     .accession = {"CAV001", 6},
     .study_uid = {"1.2.3", 5},
     .date = {"20091207", 8},
     .time = {"101500", 6},
     .description = {"CT chest", 8},
     .modality = {"CT", 2},
     .body_part = {"CHEST", 5},
     .series_count = 2,
     .image_count = 10},
    {.number = 11,
     .person = {"woman", 5},
     .patient_id = {"123456", 6},
     .issuer = {"CAV", 3},
     .name = {"Price^Megan", 11},
     .birth_date = {"19580411", 8},
     .sex = {"F", 1},
     .accession = {"CAV002", 6},
     .study_uid = {"1.2.30", 6},
     .date = {"20080101", 8},
     .time = {"091500", 6},
     .description = {"Chest X-ray", 11},
     .modality = {"CR", 2},
     .body_part = {"CHEST", 5},
     .series_count = 1,
     .image_count = 2},
    {.number = 12,
     .person = {"sian", 4},
     .patient_id = {"777", 3},
     .issuer = {"CAV", 3},
     .name = {"Morgan^Si\xC3\xA2n", 12},
     .birth_date = {"19710930", 8},
     .sex = {"F", 1},
     .accession = {"CAV003", 6},
     .study_uid = {"1.2.300", 7},
     .date = {"20070101", 8},
     .time = {"081500", 6},
     .description = {"MR head", 7},
     .modality = {"MR", 2},
     .body_part = {"BRAIN", 5},
     .series_count = 1,
     .image_count = 3},
    {.number = 13,
     .person = {"later", 5},
     .patient_id = {"888", 3},
     .issuer = {"CAV", 3},
     .name = {"Rees^Nia", 8},
     .birth_date = {"19800101", 8},
     .sex = {"F", 1},
     .accession = {"CAV004", 6},
     .study_uid = {"1.2.3000", 8},
     .date = {"20100301", 8},
     .time = {"081500", 6},
     .description = {"CT", 2},
     .modality = {"CT", 2},
     .body_part = {"CHEST", 5},
     .series_count = 1,
     .image_count = 4,
     .planned = true},
};

static inline void bench_step(struct event *event)
{
    event->at_ns = bench_now;
    event->sequence = ++bench_sequence;
    bench.command_count = bench.record_count = bench.observation_count = 0;
    ck_assert_int_eq(node_step(bench_node, event, &bench), ERR_OK);
}

static inline void bench_quirk(enum quirk quirk, const char *parameter)
{
    bench_vendor.quirks[quirk].on = true;
    bench_vendor.quirks[quirk].confidence = CONFIDENCE_DOCUMENTED;
    ck_assert(quirk_set_parameter(quirk, &bench_vendor.quirks[quirk], slice_from(parameter)));
}

static inline void bench_plain(void)
{
    bench_vendor = vendor_plain();
    bench_vendor.charset = SLICE("ISO_IR 100");
}

static struct node_setup bench_setup;

/* After bench_plain and the quirks. */
static inline void bench_start(void)
{
    vendor_settle(&bench_vendor, CONFIDENCE_ASSUMED);
    bench_setup.name = SLICE("pacs");
    bench_setup.aet = SLICE(OWN);
    bench_setup.issuer = SLICE("CAV");
    bench_setup.vendor = &bench_vendor;
    bench_setup.peers = bench_peers;
    bench_setup.peer_count = 2;
    bench_setup.seed = 2009;
    bench_setup.studies = bench_studies;
    bench_setup.study_count = sizeof bench_studies / sizeof bench_studies[0];
    bench_setup.arrivals_max = 64;
    bench_setup.kept_max = 256;
    ck_assert_int_eq(arena_make(&bench_memory, node_memory(&bench_setup)), ERR_OK);
    ck_assert_int_eq(arena_make(&bench_out, 64u << 20), ERR_OK);
    bench.arena = &bench_out;
    bench_now = TIME_S;
    ck_assert_int_eq(node_init(&bench_node, &bench_setup, &bench_memory), ERR_OK);
    struct event event = {.kind = EVENT_CLOCK};
    bench_step(&event);
}

static inline const struct command *bench_command(enum command_kind kind)
{
    for (size_t i = 0; i < bench.command_count; i++) {
        if (bench.commands[i].kind == kind) {
            return &bench.commands[i];
        }
    }
    return NULL;
}

static inline const struct observation *bench_seen(enum observation_kind kind)
{
    for (size_t i = 0; i < bench.observation_count; i++) {
        if (bench.observations[i].kind == kind) {
            return &bench.observations[i];
        }
    }
    return NULL;
}

static inline bool bench_bit(enum quirk quirk)
{
    for (size_t i = 0; i < bench.observation_count; i++) {
        if (bench.observations[i].kind == OBSERVATION_quirk_bit &&
            slice_equal(bench.observations[i].text, slice_from(quirk_row(quirk)->name))) {
            return true;
        }
    }
    return false;
}

/* Asks for an association with one context; the answer is in bench.commands. */
static inline void bench_ask(int64_t channel, const char *calling, const char *called,
                             slice sop_class, slice syntax)
{
    struct context context = {.id = 1,
                              .abstract_syntax = sop_class,
                              .transfer_syntaxes = {syntax},
                              .syntax_count = 1,
                              .scp = true};
    struct event event = {.kind = EVENT_ASKED,
                          .channel = channel,
                          .calling = slice_from(calling),
                          .called = slice_from(called),
                          .address = SLICE("127.0.0.1"),
                          .contexts = {&context, 1}};
    bench_step(&event);
}

static inline void bench_open(int64_t channel, slice sop_class)
{
    bench_ask(channel, CALLER, OWN, sop_class, UID_IMPLICIT_LITTLE);
    const struct command *accept = bench_command(COMMAND_ACCEPT);
    ck_assert_ptr_nonnull(accept);
    ck_assert_int_eq(accept->contexts.list[0].result, CONTEXT_ACCEPTED);
}

static inline void bench_received(int64_t channel, struct message *messages, size_t count)
{
    struct event event = {.kind = EVENT_RECEIVED, .channel = channel, .run = {messages, count}};
    bench_step(&event);
}

static inline void bench_send(int64_t channel, const struct dimse *message)
{
    struct message one = {.protocol = PROTOCOL_DICOM, .dimse = *message};
    bench_received(channel, &one, 1);
}

struct bench_key {
    uint32_t tag;
    const char *value;
};

static inline struct dataset *bench_keys(const struct bench_key *keys)
{
    struct dataset *dataset = arena_alloc(&bench_out, sizeof *dataset);
    ck_assert_int_eq(dataset_init(dataset, &bench_out, 32), ERR_OK);
    for (; keys->tag != 0; keys++) {
        ck_assert_int_eq(dataset_put(dataset, keys->tag, slice_from(keys->value)), ERR_OK);
    }
    return dataset;
}

#define KEYS(...) bench_keys((const struct bench_key[]){__VA_ARGS__, {0, NULL}})

static inline struct dimse bench_request(enum dimse_kind kind, slice sop_class,
                                         struct dataset *keys)
{
    return (struct dimse){.kind = kind,
                          .message_id = 7,
                          .sop_class_uid = sop_class,
                          .identifier = keys,
                          .move_destination = SLICE(TARGET)};
}

struct bench_answer {
    struct dimse rows[256];
    size_t count;
    int status, row_status; /* final; -1: none came. row_status: of the first row */
    uint64_t bits;
};

static inline void bench_gather(struct bench_answer *answer)
{
    for (size_t i = 0; i < bench.command_count; i++) {
        const struct command *command = &bench.commands[i];
        for (size_t m = 0; command->kind == COMMAND_SEND && m < command->run.count; m++) {
            const struct dimse *message = &command->run.messages[m].dimse;
            if (message->kind == DIMSE_C_FIND_RSP && status_is_pending(message->status)) {
                answer->row_status = answer->count == 0 ? message->status : answer->row_status;
                answer->rows[answer->count++] = *message;
            } else if (message->kind == DIMSE_C_FIND_RSP) {
                answer->status = message->status;
            }
        }
    }
    for (int q = 0; q < QUIRK_COUNT; q++) {
        answer->bits |= bench_bit((enum quirk)q) ? (uint64_t)1 << q : 0;
    }
}

/* Asks on an open channel and gives ROOM and CLOCK until the end. */
static inline struct bench_answer bench_find(int64_t channel, slice sop_class, struct dataset *keys)
{
    static struct bench_answer answer;
    memset(&answer, 0, sizeof answer);
    answer.status = -1;
    struct dimse request = bench_request(DIMSE_C_FIND_RQ, sop_class, keys);
    bench_send(channel, &request);
    bench_gather(&answer);
    for (int i = 0; i < 200 && answer.status < 0; i++) {
        struct event event = {.kind = EVENT_ROOM, .channel = channel};
        bench_step(&event);
        bench_gather(&answer);
    }
    return answer;
}

static inline struct bench_answer bench_study_find(struct dataset *keys)
{
    static int64_t channel = 1000;
    channel += 2;
    bench_open(channel, UID_STUDY_ROOT_FIND);
    struct bench_answer answer = bench_find(channel, UID_STUDY_ROOT_FIND, keys);
    struct event event = {.kind = EVENT_CLOSED, .channel = channel, .cause = CLOSED_RELEASED};
    bench_step(&event);
    return answer;
}

static inline bool bit_of(const struct bench_answer *answer, enum quirk quirk)
{
    return (answer->bits >> quirk & 1) != 0;
}

static inline const char *text_of(slice text)
{
    slice copy = arena_copy(&bench_out, text);
    return copy.data;
}

static inline const char *value_of(const struct bench_answer *answer, size_t row, uint32_t tag)
{
    return text_of(dataset_get(answer->rows[row].identifier, tag));
}

static inline void bench_plan(enum plan_kind kind, const char *verb, const char *name,
                              const char *value, const char *name2, const char *value2)
{
    struct event event = {.kind = EVENT_PLAN, .plan = {.kind = kind, .verb = slice_from(verb)}};
    if (name != NULL) {
        event.plan.arguments[event.plan.argument_count++] =
            (struct plan_argument){slice_from(name), slice_from(value)};
    }
    if (name2 != NULL) {
        event.plan.arguments[event.plan.argument_count++] =
            (struct plan_argument){slice_from(name2), slice_from(value2)};
    }
    bench_step(&event);
}

#endif
