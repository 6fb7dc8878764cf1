/* SPDX-License-Identifier: MIT
 *
 * Relay jobs in virtual time: a holder (1), an engine (0) and a destination (2) that are toys, the relay is the engine's own. */
#include "tests/unit/virtual/toy.h"

static struct toy *const engine = &t.list[0], *const holder = &t.list[1], *const destination = &t.list[2];

enum { ANSWERS_WELL, ANSWERS_EVERY_SECOND_BADLY, ANSWERS_NOTHING, REJECTS };

static struct heard {
    int64_t results, good, bad, ends, findings, batches;
    char why[64];
    uint16_t statuses[64];
    size_t status_count;
    slice patient_id;
    char patient[32];
    time_ns deadline_ns;
    bool coerces;
    uint32_t spans;
    slice originator;
    char originator_text[32];
} heard;

static void begin_job(struct out *out, time_ns now)
{
    static const struct relay_item items[] = {{{"1.2.3.1", 7}, {"1.2.840.10008.5.1.4.1.1.2", 25}, 0}, {{"1.2.3.2", 7}, {"1.2.840.10008.5.1.4.1.1.2", 25}, 0},
                                              {{"1.2.3.3", 7}, {"1.2.840.10008.5.1.4.1.1.2", 25}, 0}, {{"1.2.3.4", 7}, {"1.2.840.10008.5.1.4.1.1.2", 25}, 0}};
    struct command *relay = out_command(out, COMMAND_RELAY);
    struct dataset *coercion = arena_alloc(out->arena, sizeof *coercion);
    ck_assert_int_eq(dataset_init(coercion, out->arena, 4), ERR_OK);
    ck_assert_int_eq(dataset_put(coercion, TAG_PatientID, SLICE("NEW1")), ERR_OK);
    relay->relay = (struct relay_job){.id = 7, .holder = 1, .destination = 2, .study_uid = SLICE("1.2.3"), .items = items, .item_count = 4, .coercion = heard.coerces ? coercion : NULL,
                                      .coercion_source = SLICE("test"), .move_originator = SLICE("WHO"), .move_originator_id = 3,
                                      .deadline_ns = heard.deadline_ns == 0 ? now + TIME_HOUR : heard.deadline_ns, .called_alias = SLICE_EMPTY};
}

static void take_engine(struct toy *toy, const struct event *event, struct out *out)
{
    (void)toy;
    if (event->kind == EVENT_PLAN && slice_equal(event->plan.verb, SLICE("relay"))) {
        begin_job(out, event->at_ns);
    } else if (event->kind == EVENT_PLAN) {
        out_command(out, COMMAND_RELAY_END)->job = 7;
    } else if (event->kind == EVENT_ASKED) {
        struct command *accept = out_command(out, COMMAND_ACCEPT);
        accept->channel = event->channel;
        accept->accept = ACCEPT_RELAY;
        accept->job = 7;
    } else if (event->kind == EVENT_RELAYED) {
        heard.batches += event->result_count > 0;
        for (size_t i = 0; i < event->result_count; i++) {
            heard.results++;
            heard.good += event->results[i].status == 0;
            heard.bad += event->results[i].status != 0;
        }
        heard.ends += event->relay_ended;
        heard.findings += !event->relay_ended && event->relay_text.size > 0;
        if (event->relay_ended) {
            memcpy(heard.why, event->relay_text.data, event->relay_text.size < 63 ? event->relay_text.size : 63);
        }
    }
}

/* A run of instances from..to of the study, one of them `other` instead of the manifest's. */
static void send_run(struct toy *toy, struct out *out, int from, int to, int64_t size)
{
    struct message *messages = arena_array(out->arena, 8, sizeof *messages);
    struct command *send = out_command(out, COMMAND_SEND);
    send->channel = toy->last_channel;
    for (int i = from; i <= to; i++) {
        struct buffer uid = buffer_make(out->arena, 32);
        buffer_put_text(&uid, "1.2.3.");
        buffer_put_int(&uid, i);
        slice text = buffer_slice(&uid);
        messages[i - from] = (struct message){.protocol = PROTOCOL_DICOM,
                                              .dimse = {.kind = DIMSE_C_STORE_RQ, .message_id = (uint16_t)i, .sop_class_uid = {"1.2.840.10008.5.1.4.1.1.2", 25}, .sop_instance_uid = text,
                                                        .object = {.sop_class_uid = {"1.2.840.10008.5.1.4.1.1.2", 25}, .sop_instance_uid = text, .study_uid = SLICE("1.2.3"),
                                                                   .patient_id = SLICE("OLD1"), .size = size, .study = -1, .instance = -1}}};
    }
    send->run = (struct run){messages, (size_t)(to - from + 1)};
}

static void take_holder(struct toy *toy, const struct event *event, struct out *out)
{
    slice verb = event->kind == EVENT_PLAN ? event->plan.verb : SLICE_EMPTY;
    if (slice_equal(verb, SLICE("dial"))) {
        toy_dial(toy, out, 0, PROTOCOL_DICOM);
    } else if (slice_equal(verb, SLICE("send"))) {
        send_run(toy, out, 1, 4, 1000000);
    } else if (slice_equal(verb, SLICE("first"))) {
        send_run(toy, out, 1, 2, 1000);
    } else if (slice_equal(verb, SLICE("rest"))) {
        send_run(toy, out, 3, 4, 1000);
    } else if (slice_equal(verb, SLICE("wrong"))) {
        send_run(toy, out, 4, 6, 1000);
    } else if (slice_equal(verb, SLICE("echo"))) {
        toy_echo(out, toy->last_channel);
    } else if (slice_equal(verb, SLICE("close"))) {
        toy_end(out, COMMAND_CLOSE, toy->last_channel);
    } else if (slice_equal(verb, SLICE("abort"))) {
        toy_end(out, COMMAND_ABORT, toy->last_channel);
    } else if (event->kind == EVENT_RECEIVED) {
        for (size_t i = 0; i < event->run.count; i++) {
            heard.statuses[heard.status_count++] = event->run.messages[i].dimse.status;
            ck_assert(event->run.messages[i].dimse.context_id > 0 || event->run.messages[i].dimse.status == STATUS_SOP_CLASS_NOT_SUPPORTED);
        }
    }
}

static void take_destination(struct toy *toy, const struct event *event, struct out *out)
{
    if (event->kind == EVENT_ASKED && toy->numbers[0] == REJECTS) {
        out_command(out, COMMAND_REJECT)->channel = event->channel;
    } else if (event->kind == EVENT_ASKED) {
        toy_accept(event, out);
    } else if (event->kind == EVENT_PLAN) {
        out_command(out, COMMAND_DROP_ALL);
    } else if (event->kind == EVENT_RECEIVED) {
        const struct dimse *first = &event->run.messages[0].dimse;
        memcpy(heard.patient, first->object.patient_id.data, first->object.patient_id.size);
        memcpy(heard.originator_text, first->move_originator.data, first->move_originator.size);
        for (size_t i = 0; i < event->run.count && toy->numbers[0] != ANSWERS_NOTHING; i++) {
            struct dimse response = dimse_response(&event->run.messages[i].dimse, toy->numbers[0] == ANSWERS_EVERY_SECOND_BADLY && i % 2 == 1 ? 0xA700 : 0);
            response.object = (struct object){.sop_instance_uid = event->run.messages[i].dimse.sop_instance_uid};
            out_send_dimse(out, event->channel, &response);
        }
    }
}

static void setup(void)
{
    memset(&heard, 0, sizeof heard);
    toys_make(3);
    engine->take = take_engine;
    holder->take = take_holder;
    destination->take = take_destination;
    for (uint32_t n = 0; n < 3; n++) {
        t.nodes[n].site = n;
    }
    for (uint32_t l = 0; l < 2; l++) {
        t.links[l] = (struct virtual_link){.name = SLICE("link"), .from = l + 1, .to = 0, .bytes_per_s = 1000000, .delay_ns = 10 * TIME_MS};
    }
    t.config.site_count = 3;
    t.config.link_count = 2;
    toys_open();
    toy_tell(0, TIME_S, "relay");
    toy_tell(1, 2 * TIME_S, "dial");
}

START_TEST(what_a_holder_sends_arrives_with_the_destinations_own_answers)
{
    setup();
    destination->numbers[0] = ANSWERS_EVERY_SECOND_BADLY;
    toy_tell(1, 3 * TIME_S, "send");
    toys_run(30 * TIME_S);
    ck_assert_int_eq(destination->instances, 4);
    ck_assert_uint_eq(heard.status_count, 4);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(heard.statuses[i], i % 2 == 1 ? 0xA700 : 0);
    }
    ck_assert_int_eq(heard.results, 4);
    ck_assert_int_eq(heard.bad, 2);
    ck_assert_int_eq(heard.ends, 0);
    ck_assert_str_eq(heard.originator_text, "WHO");
    ck_assert_int_eq(engine->heard[EVENT_RECEIVED], 0); /* pixel data never enters the engine */
    toy_tell(1, 31 * TIME_S, "close");
    toy_tell(0, 32 * TIME_S, "end");
    toys_run(60 * TIME_S);
    ck_assert_int_eq(heard.ends, 1);
    ck_assert_str_eq(heard.why, "");
    ck_assert_int_eq(destination->cause, CLOSED_RELEASED);
    toys_check_ends(true);
    ck_assert(virtual_quiet(t.virtual));
}
END_TEST

START_TEST(both_ways_are_one_flow)
{
    setup();
    toy_tell(1, 3 * TIME_S, "send"); /* four megabytes at a megabyte a second, over both links at once */
    toys_run(30 * TIME_S);
    time_ns took = destination->at[EVENT_RECEIVED] - TOY_START - 3 * TIME_S;
    ck_assert_int_ge(took, 4 * TIME_S);
    ck_assert_int_le(took, 4 * TIME_S + 300 * TIME_MS);
    for (uint32_t l = 0; l < 2; l++) {
        struct virtual_use use = virtual_link_use(t.virtual, l, l); /* towards the engine, and away from it */
        ck_assert_int_eq(use.departures, 1);
        ck_assert_int_ge(use.bytes, 4000000);
    }
}
END_TEST

START_TEST(a_coercion_changes_what_arrives)
{
    setup();
    heard.coerces = true;
    toy_tell(1, 3 * TIME_S, "first");
    toys_run(30 * TIME_S);
    ck_assert_str_eq(heard.patient, "NEW1");
}
END_TEST

START_TEST(what_the_manifest_does_not_list_is_refused_and_found)
{
    setup();
    toy_tell(1, 3 * TIME_S, "wrong");
    toy_tell(1, 4 * TIME_S, "echo");
    toys_run(30 * TIME_S);
    ck_assert_int_eq(destination->instances, 1);
    ck_assert_uint_eq(heard.status_count, 4);
    ck_assert_uint_eq(heard.statuses[0], STATUS_SUCCESS);
    ck_assert_uint_eq(heard.statuses[1], STATUS_NOT_AUTHORISED);
    ck_assert_uint_eq(heard.statuses[2], STATUS_NOT_AUTHORISED);
    ck_assert_uint_eq(heard.statuses[3], STATUS_SOP_CLASS_NOT_SUPPORTED); /* the echo: a relay takes nothing but objects */
    ck_assert_int_eq(heard.findings, 2);
}
END_TEST

START_TEST(a_destination_out_of_reach_ends_the_job_and_turns_the_holder_away)
{
    setup();
    destination->numbers[0] = REJECTS;
    toys_run(30 * TIME_S);
    ck_assert_int_eq(holder->refusal, REFUSAL_TRANSIENT);
    ck_assert_int_eq(heard.ends, 1);
    ck_assert_str_eq(heard.why, "the destination cannot be reached");
    toys_check_ends(true);
    ck_assert(virtual_quiet(t.virtual));
}
END_TEST

START_TEST(a_destination_that_is_lost_fails_what_was_on_its_way)
{
    setup();
    destination->numbers[0] = ANSWERS_NOTHING;
    toy_tell(1, 3 * TIME_S, "first");
    toy_tell(2, 5 * TIME_S, "drop");
    toy_tell(1, 6 * TIME_S, "rest");
    toys_run(30 * TIME_S);
    ck_assert_uint_eq(heard.status_count, 4);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(heard.statuses[i], STATUS_OUT_OF_RESOURCES_SUBOPERATIONS);
    }
    ck_assert_int_eq(heard.bad, 4);
    toy_tell(1, 31 * TIME_S, "close");
    toy_tell(0, 32 * TIME_S, "end");
    toys_run(60 * TIME_S);
    toys_check_ends(true);
    ck_assert(virtual_quiet(t.virtual));
}
END_TEST

START_TEST(a_holder_that_is_lost_ends_nothing_but_its_association)
{
    setup();
    toy_tell(1, 3 * TIME_S, "send");
    toy_tell(1, 5 * TIME_S, "abort"); /* two of four megabytes have passed */
    toy_tell(1, 6 * TIME_S, "dial");
    toy_tell(1, 7 * TIME_S, "rest");
    toys_run(30 * TIME_S);
    ck_assert_int_eq(holder->ends[1], 1);
    ck_assert_int_eq(heard.ends, 0);
    ck_assert_int_eq(heard.good, 3); /* the one that had passed whole, and the rest */
    ck_assert_int_eq(destination->instances, 3);
    toy_tell(0, 31 * TIME_S, "end");
    toys_run(60 * TIME_S);
    ck_assert_int_eq(heard.ends, 1);
}
END_TEST

START_TEST(a_holder_that_comes_again_finds_the_same_destination)
{
    setup();
    toy_tell(1, 3 * TIME_S, "first");
    toy_tell(1, 4 * TIME_S, "close");
    toy_tell(1, 5 * TIME_S, "dial");
    toy_tell(1, 6 * TIME_S, "rest");
    toy_tell(1, 7 * TIME_S, "close");
    toys_run(30 * TIME_S);
    ck_assert_int_eq(destination->heard[EVENT_ASKED], 1);
    ck_assert_int_eq(destination->instances, 4);
    ck_assert_int_eq(heard.good, 4);
    toy_tell(0, 31 * TIME_S, "end");
    toys_run(60 * TIME_S);
    ck_assert_int_eq(heard.ends, 1);
    toys_check_ends(true);
}
END_TEST

START_TEST(a_job_ends_at_its_deadline_and_takes_no_more)
{
    setup();
    heard.deadline_ns = TOY_START + 5 * TIME_S;
    toy_tell(1, 3 * TIME_S, "first");
    toy_tell(1, 6 * TIME_S, "rest");
    toys_run(30 * TIME_S);
    ck_assert_int_eq(heard.ends, 1);
    ck_assert_str_eq(heard.why, "its deadline passed");
    ck_assert_uint_eq(heard.status_count, 4);
    ck_assert_uint_eq(heard.statuses[2], STATUS_OUT_OF_RESOURCES);
    ck_assert_int_eq(heard.good, 2);
    toy_tell(1, 31 * TIME_S, "close");
    toys_run(60 * TIME_S);
    toys_check_ends(true);
    ck_assert(virtual_quiet(t.virtual));
}
END_TEST

START_TEST(a_holder_without_a_job_is_turned_away)
{
    setup();
    toy_tell(0, TIME_S + TIME_MS, "end");
    toys_run(30 * TIME_S);
    ck_assert_int_eq(heard.ends, 1);
    ck_assert_int_eq(holder->refusal, REFUSAL_TRANSIENT);
    ck_assert_int_eq(destination->heard[EVENT_ASKED], 0);
    toys_check_ends(true);
}
END_TEST

UNIT_MAIN(what_a_holder_sends_arrives_with_the_destinations_own_answers, both_ways_are_one_flow, a_coercion_changes_what_arrives,
          what_the_manifest_does_not_list_is_refused_and_found, a_destination_out_of_reach_ends_the_job_and_turns_the_holder_away,
          a_destination_that_is_lost_fails_what_was_on_its_way, a_holder_that_is_lost_ends_nothing_but_its_association,
          a_holder_that_comes_again_finds_the_same_destination, a_job_ends_at_its_deadline_and_takes_no_more, a_holder_without_a_job_is_turned_away)
