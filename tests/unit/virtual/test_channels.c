/* SPDX-License-Identifier: MIT
 *
 * The life of channels: how they begin, what moves on them, how they end, and that each end hears of it once. */
#include "tests/unit/virtual/toy.h"

/* What a toy does when it is asked, as numbers[0] says; a plan's verb is one thing to do on its last channel. */
enum { ACCEPTS, REJECTS_FOR_NOW, REJECTS_FOR_EVER, IS_SILENT, ACCEPTS_NO_CONTEXT };

static void take_plan(struct toy *toy, slice verb, struct out *out)
{
    if (slice_equal(verb, SLICE("dial"))) {
        toy_dial(toy, out, 1, PROTOCOL_DICOM);
    } else if (slice_equal(verb, SLICE("connect"))) {
        toy_dial(toy, out, 1, PROTOCOL_HL7);
    } else if (slice_equal(verb, SLICE("nobody"))) {
        toy_dial(toy, out, 77, PROTOCOL_DICOM);
    } else if (slice_equal(verb, SLICE("echo"))) {
        toy_echo(out, toy->last_channel);
    } else if (slice_equal(verb, SLICE("store"))) {
        toy_store(out, toy->last_channel, 10, 1000000);
    } else if (slice_equal(verb, SLICE("stores"))) {
        toy_store(out, toy->last_channel, 0, 100);
        toy_store(out, toy->last_channel, 3, 100);
        toy_store(out, toy->last_channel, 0, 100);
    } else if (slice_equal(verb, SLICE("close"))) {
        toy_end(out, COMMAND_CLOSE, toy->last_channel);
    } else if (slice_equal(verb, SLICE("abort"))) {
        toy_end(out, COMMAND_ABORT, toy->last_channel);
    } else if (slice_equal(verb, SLICE("drop"))) {
        out_command(out, COMMAND_DROP_ALL);
    } else if (slice_equal(verb, SLICE("deaf")) || slice_equal(verb, SLICE("hear"))) {
        out_command(out, COMMAND_LISTEN)->flag = slice_equal(verb, SLICE("hear"));
    } else if (slice_equal(verb, SLICE("say"))) {
        out_send_hl7(out, toy->last_channel, &(struct hl7_value){.type = HL7_ACK, .fields = {[HL7_FIELD_CONTROL_ID] = SLICE("1")}});
    } else if (slice_equal(verb, SLICE("let in"))) {
        out_command(out, COMMAND_ACCEPT)->channel = toy->numbers[1];
    }
}

static void take(struct toy *toy, const struct event *event, struct out *out)
{
    if (event->kind == EVENT_PLAN) {
        take_plan(toy, event->plan.verb, out);
    } else if (event->kind == EVENT_ASKED) {
        toy->numbers[1] = event->channel;
        toy->numbers[2] = (int64_t)event->contexts.count;
        if (toy->numbers[0] == ACCEPTS) {
            toy_accept(event, out);
        } else if (toy->numbers[0] == ACCEPTS_NO_CONTEXT) {
            toy_end(out, COMMAND_ACCEPT, event->channel);
        } else if (toy->numbers[0] != IS_SILENT) {
            struct command *reject = out_command(out, COMMAND_REJECT);
            reject->channel = event->channel;
            reject->reject_result = toy->numbers[0] == REJECTS_FOR_NOW ? 2 : 1;
            reject->reject_source = 1;
            reject->reject_reason = 7;
        }
    } else if (event->kind == EVENT_OPENED) {
        toy->numbers[3] = event->contexts.count == 0 ? 0 : event->contexts.list[0].id << 16 | event->contexts.list[2].id << 8 | (int64_t)event->contexts.list[1].result;
        toy->numbers[4] = event->contexts.count > 0 && slice_equal(event->contexts.list[1].accepted_syntax, UID_IMPLICIT_LITTLE);
    } else if (event->kind == EVENT_REFUSED) {
        toy->numbers[5] = event->reject_result << 16 | event->reject_source << 8 | event->reject_reason;
    } else if (event->kind == EVENT_RECEIVED && event->protocol == PROTOCOL_DICOM && toy->numbers[6] == 0) {
        toy->numbers[7] = event->run.messages[0].dimse.context_id;
        if (event->run.messages[0].dimse.kind == DIMSE_C_STORE_RQ || event->run.messages[0].dimse.kind == DIMSE_C_ECHO_RQ) {
            toy_answer(event, out, STATUS_SUCCESS);
        }
    }
}

#define DELAY (10 * TIME_MS)

/* Two toys with a link between them. */
static struct toy *const a = &t.list[0], *const b = &t.list[1];
static void setup(void)
{
    toys_make(2);
    a->take = b->take = take;
    t.nodes[1].site = 1;
    t.links[0] = (struct virtual_link){.name = SLICE("link"), .from = 0, .to = 1, .bytes_per_s = 1000000, .delay_ns = DELAY};
    t.config.site_count = 2;
    t.config.link_count = 1;
    toys_open();
}

START_TEST(an_association_is_asked_for_accepted_used_and_released)
{
    setup();
    toy_tell(0, TIME_S, "dial");
    toy_tell(0, 2 * TIME_S, "echo");
    toy_tell(0, 3 * TIME_S, "close");
    toys_run(TIME_MIN);
    ck_assert_int_eq(b->heard[EVENT_ASKED], 1);
    ck_assert_int_eq(b->numbers[2], 3);
    ck_assert_int_eq(a->heard[EVENT_OPENED], 1);
    ck_assert_int_eq(a->numbers[3], 1 << 16 | 5 << 8 | CONTEXT_ACCEPTED);
    ck_assert(a->numbers[4]);
    ck_assert_int_ge(a->at[EVENT_OPENED], TOY_START + TIME_S + 4 * DELAY); /* the connection and the question take a round trip each */
    ck_assert_int_lt(a->at[EVENT_OPENED], TOY_START + TIME_S + 4 * DELAY + 5 * TIME_MS);
    ck_assert_int_eq(b->numbers[7], 1);
    ck_assert_int_eq(a->responses, 1);
    ck_assert_int_eq(a->status, STATUS_SUCCESS);
    ck_assert_int_eq(a->cause, CLOSED_RELEASED);
    ck_assert_int_eq(b->cause, CLOSED_RELEASED);
    toys_check_ends(true);
    ck_assert(virtual_quiet(t.virtual));
}
END_TEST

START_TEST(a_context_that_the_answer_leaves_out_is_not_accepted)
{
    setup();
    b->numbers[0] = ACCEPTS_NO_CONTEXT;
    toy_tell(0, TIME_S, "dial");
    toy_tell(0, 2 * TIME_S, "echo"); /* on a context that nobody accepted: answered here */
    toys_run(TIME_MIN);
    ck_assert_int_eq(a->numbers[3] & 255, CONTEXT_NO_REASON);
    ck_assert_int_eq(a->status, STATUS_SOP_CLASS_NOT_SUPPORTED);
    ck_assert_int_eq(b->heard[EVENT_RECEIVED], 0);
}
END_TEST

START_TEST(nobody_there_is_no_route)
{
    setup();
    toy_tell(0, TIME_S, "nobody");
    toys_run(2 * TIME_S);
    ck_assert_int_eq(a->heard[EVENT_REFUSED], 1);
    ck_assert_int_eq(a->refusal, REFUSAL_NO_ROUTE);
    toy_tell(1, 3 * TIME_S, "deaf");
    toy_tell(0, 4 * TIME_S, "dial");
    toy_tell(0, 4 * TIME_S, "connect");
    toys_run(5 * TIME_S);
    ck_assert_int_eq(a->heard[EVENT_REFUSED], 3);
    ck_assert_int_eq(a->refusal, REFUSAL_NO_ROUTE);
    toy_tell(1, 6 * TIME_S, "hear");
    toy_tell(0, 7 * TIME_S, "dial");
    toys_run(8 * TIME_S);
    ck_assert_int_eq(a->heard[EVENT_OPENED], 1);
    ck_assert_int_eq(b->heard[EVENT_ASKED], 1);
}
END_TEST

START_TEST(a_rejection_arrives_with_its_reason)
{
    setup();
    b->numbers[0] = REJECTS_FOR_NOW;
    toy_tell(0, TIME_S, "dial");
    toys_run(2 * TIME_S);
    ck_assert_int_eq(a->refusal, REFUSAL_TRANSIENT);
    ck_assert_int_eq(a->numbers[5], 2 << 16 | 1 << 8 | 7);
    ck_assert_int_eq(b->cause, CLOSED_ABORTED_BY_US);
    b->numbers[0] = REJECTS_FOR_EVER;
    toy_tell(0, 3 * TIME_S, "dial");
    toy_tell(0, 3 * TIME_S, "connect"); /* a connection stands already: it is reset */
    toys_run(4 * TIME_S);
    ck_assert_int_eq(a->refusal, REFUSAL_PERMANENT);
    ck_assert_int_eq(a->heard[EVENT_OPENED], 1);
    ck_assert_int_eq(a->cause, CLOSED_LOST);
    toys_check_ends(true);
}
END_TEST

START_TEST(who_is_not_answered_gives_up_and_the_other_loses_the_channel)
{
    setup();
    b->numbers[0] = IS_SILENT;
    toy_tell(0, TIME_S, "dial");
    toys_run(TIME_MIN);
    ck_assert_int_eq(a->refusal, REFUSAL_TIMEOUT);
    ck_assert_int_eq(a->at[EVENT_REFUSED], TOY_START + 11 * TIME_S);
    ck_assert_int_eq(b->cause, CLOSED_LOST);
    toys_check_ends(true);
}
END_TEST

START_TEST(an_actor_that_never_answers_is_answered_for)
{
    setup();
    t.virtual = NULL;
    t.config.limits.open_timeout_ns = TIME_HOUR;
    arena_reset(&t.arena);
    toys_open();
    b->numbers[0] = IS_SILENT;
    toy_tell(0, TIME_S, "dial");
    toys_run(2 * TIME_MIN);
    ck_assert_int_eq(a->refusal, REFUSAL_TRANSIENT);
    ck_assert_int_eq(b->cause, CLOSED_ABORTED_BY_US);
    toys_check_ends(true);
}
END_TEST

START_TEST(an_abort_is_heard_as_one_and_a_lost_connection_as_lost)
{
    setup();
    toy_tell(0, TIME_S, "dial");
    toy_tell(0, 2 * TIME_S, "abort");
    toys_run(3 * TIME_S);
    ck_assert_int_eq(a->cause, CLOSED_ABORTED_BY_US);
    ck_assert_int_eq(b->cause, CLOSED_ABORTED_BY_PEER);
    toy_tell(0, 4 * TIME_S, "connect");
    toy_tell(0, 5 * TIME_S, "abort");
    toys_run(6 * TIME_S);
    ck_assert_int_eq(b->cause, CLOSED_LOST);
    toy_tell(0, 7 * TIME_S, "dial");
    toy_tell(0, 7 * TIME_S, "connect");
    toy_tell(0, 8 * TIME_S, "drop");
    toys_run(9 * TIME_S);
    ck_assert_int_eq(a->heard[EVENT_CLOSED], 4);
    ck_assert_int_eq(b->cause, CLOSED_LOST);
    toys_check_ends(true);
}
END_TEST

START_TEST(an_association_on_which_nothing_moves_times_out)
{
    setup();
    toy_tell(0, TIME_S, "dial");
    toy_tell(0, 5 * TIME_MIN, "echo");
    toys_run(14 * TIME_MIN);
    ck_assert_int_eq(a->heard[EVENT_CLOSED], 0);
    toys_run(16 * TIME_MIN);
    ck_assert_int_eq(a->heard[EVENT_CLOSED] + b->heard[EVENT_CLOSED], 2);
    ck_assert(a->cause == CLOSED_TIMEOUT || b->cause == CLOSED_TIMEOUT);
    toys_check_ends(true);
}
END_TEST

START_TEST(a_store_that_is_not_answered_times_out)
{
    setup();
    b->numbers[6] = 1; /* answers nothing */
    toy_tell(0, TIME_S, "dial");
    toy_tell(0, 2 * TIME_S, "store");
    toys_run(2 * TIME_MIN);
    ck_assert_int_eq(b->instances, 10);
    ck_assert_int_eq(a->cause, CLOSED_TIMEOUT);
    ck_assert_int_ge(a->at[EVENT_CLOSED], TOY_START + 42 * TIME_S); /* ten seconds on the link, then half a minute */
    ck_assert_int_le(a->at[EVENT_CLOSED], TOY_START + 43 * TIME_S);
    ck_assert_int_eq(b->cause, CLOSED_ABORTED_BY_PEER);
    toys_check_ends(true);
}
END_TEST

START_TEST(stores_of_one_association_go_one_run_after_the_other)
{
    setup();
    toy_tell(0, TIME_S, "dial");
    toy_tell(0, 2 * TIME_S, "stores");
    toys_run(TIME_MIN);
    ck_assert_int_eq(b->instances, 5);
    ck_assert_int_eq(a->responses, 5);
    ck_assert_int_ge(a->at[EVENT_RECEIVED], TOY_START + 2 * TIME_S + (5 + 1) * 2 * DELAY - 2 * DELAY); /* each instance has a round trip of its own */
}
END_TEST

START_TEST(bytes_take_their_time_on_the_link)
{
    setup();
    toy_tell(0, TIME_S, "dial");
    toy_tell(0, 2 * TIME_S, "store"); /* ten times a megabyte at a megabyte a second */
    toys_run(TIME_MIN);
    time_ns took = b->at[EVENT_RECEIVED] - TOY_START - 2 * TIME_S;
    ck_assert_int_ge(took, 10 * TIME_S);
    ck_assert_int_le(took, 10 * TIME_S + 300 * TIME_MS);
    ck_assert_int_eq(virtual_counts(t.virtual).flows, 1);
    struct virtual_use use = virtual_link_use(t.virtual, 0, 0);
    ck_assert_int_ge(use.bytes, 10000000);
    ck_assert_int_ge(use.busy_ns, 10 * TIME_S);
}
END_TEST

START_TEST(a_link_that_is_cut_holds_what_is_sent_until_it_is_whole)
{
    setup();
    toy_tell(0, TIME_S, "dial");
    toy_fault(2, PLAN_FAULT, 2 * TIME_S, "partition", "direction", "both");
    toy_tell(0, 3 * TIME_S, "echo");
    toy_fault(2, PLAN_HEAL, 20 * TIME_S, "partition", "direction", "both");
    toys_run(19 * TIME_S);
    ck_assert_int_eq(b->heard[EVENT_RECEIVED], 0);
    ck_assert(!virtual_quiet(t.virtual));
    toys_run(21 * TIME_S);
    ck_assert_int_eq(b->heard[EVENT_RECEIVED], 1);
    ck_assert_int_eq(a->responses, 1);
    ck_assert_int_eq(t.seen[OBSERVATION_fault_began], 1);
    ck_assert_int_eq(t.seen[OBSERVATION_fault_ended], 1);
}
END_TEST

START_TEST(nobody_is_reached_over_a_cut_link_and_a_release_is_not_waited_for)
{
    setup();
    toy_tell(0, TIME_S, "dial");
    toy_fault(2, PLAN_FAULT, 2 * TIME_S, "partition", "direction", "both");
    toy_tell(0, 3 * TIME_S, "close");
    toys_run(5 * TIME_S);
    ck_assert_int_eq(a->heard[EVENT_CLOSED], 0);
    toys_run(7 * TIME_S);
    ck_assert_int_eq(a->heard[EVENT_CLOSED], 1);
    ck_assert_int_eq(a->cause, CLOSED_RELEASED);
    ck_assert_int_eq(b->heard[EVENT_CLOSED], 0);
    toy_tell(0, 8 * TIME_S, "dial");
    toys_run(30 * TIME_S);
    ck_assert_int_eq(a->refusal, REFUSAL_TIMEOUT);
    toy_fault(2, PLAN_HEAL, 40 * TIME_S, "partition", "direction", "both");
    toys_run(50 * TIME_S);
    ck_assert_int_eq(b->heard[EVENT_CLOSED], 1);
    ck_assert_int_eq(b->heard[EVENT_ASKED], 1); /* who gave up asks nobody later */
    toys_check_ends(true);
    ck_assert(virtual_quiet(t.virtual));
}
END_TEST

START_TEST(a_flow_that_is_held_too_long_times_out_and_one_that_is_not_goes_on)
{
    setup();
    toy_tell(0, TIME_S, "dial");
    toy_tell(0, 2 * TIME_S, "store");
    toy_fault(2, PLAN_FAULT, 3 * TIME_S, "clog", "direction", "both");
    toy_fault(2, PLAN_HEAL, 30 * TIME_S, "clog", "direction", "both");
    toys_run(TIME_MIN);
    ck_assert_int_eq(b->instances, 10);
    ck_assert_int_ge(b->at[EVENT_RECEIVED], TOY_START + 39 * TIME_S);
    toy_tell(0, 100 * TIME_S, "store");
    toy_fault(2, PLAN_FAULT, 101 * TIME_S, "partition", "direction", "to_hub");
    toys_run(3 * TIME_MIN);
    ck_assert_int_eq(a->cause, CLOSED_TIMEOUT);
    ck_assert_int_eq(a->at[EVENT_CLOSED], TOY_START + 131 * TIME_S);
    ck_assert_int_eq(b->instances, 10);
    toy_fault(2, PLAN_HEAL, 200 * TIME_S, "partition", "direction", "to_hub");
    toys_run(4 * TIME_MIN);
    toys_check_ends(true);
}
END_TEST

START_TEST(what_is_said_before_a_connection_is_accepted_waits)
{
    setup();
    b->numbers[0] = IS_SILENT;
    toy_tell(0, TIME_S, "connect");
    toy_tell(0, 2 * TIME_S, "say");
    toy_tell(0, 2 * TIME_S, "say");
    toys_run(5 * TIME_S);
    ck_assert_int_eq(a->heard[EVENT_OPENED], 1);
    ck_assert_int_eq(b->heard[EVENT_RECEIVED], 0);
    toy_tell(1, 6 * TIME_S, "let in");
    toys_run(7 * TIME_S);
    ck_assert_int_eq(b->heard[EVENT_RECEIVED], 2);
}
END_TEST

START_TEST(a_node_that_stands_still_hears_it_all_later_in_order)
{
    setup();
    toy_tell(0, TIME_S, "dial");
    toy_fault(1, PLAN_FAULT, 2 * TIME_S, "pause", "", "");
    toy_tell(0, 3 * TIME_S, "echo");
    toy_tell(0, 4 * TIME_S, "close");
    toys_run(10 * TIME_S);
    ck_assert_int_eq(b->heard[EVENT_RECEIVED], 0);
    toy_fault(1, PLAN_HEAL, 11 * TIME_S, "pause", "", "");
    toys_run(12 * TIME_S);
    ck_assert_int_eq(b->heard[EVENT_RECEIVED], 1);
    ck_assert_int_eq(b->cause, CLOSED_RELEASED);
    toys_check_ends(true);
}
END_TEST

/* ---- Anything at any time. */

#define CROWD 6

static void take_wild(struct toy *toy, const struct event *event, struct out *out)
{
    uint64_t draw = random_draw((uint64_t)toy->numbers[15], 9, toy->number, (uint64_t)event->sequence);
    if (event->kind == EVENT_ASKED) {
        toy->numbers[0] = (int64_t)(draw % 8);
        if (draw % 8 < 5) {
            toy_accept(event, out);
        } else if (draw % 8 == 5) {
            out_command(out, COMMAND_REJECT)->channel = event->channel;
        } else if (draw % 8 == 6) {
            toy_end(out, COMMAND_ABORT, event->channel);
        }
    } else if (event->kind == EVENT_PLAN) {
        (void)toy_dial(toy, out, (uint32_t)(draw >> 8) % CROWD, (draw >> 16) % 3 == 0 ? PROTOCOL_HL7 : PROTOCOL_DICOM);
    } else if (event->kind == EVENT_OPENED || event->kind == EVENT_RECEIVED) {
        if (event->kind == EVENT_RECEIVED && event->protocol == PROTOCOL_DICOM && event->run.messages[0].dimse.kind == DIMSE_C_STORE_RQ && draw % 5 != 0) {
            toy_answer(event, out, STATUS_SUCCESS);
        }
        bool dicom = event->protocol == PROTOCOL_DICOM; /* the toys say nothing in HL7 */
        switch (dicom ? (draw >> 20) % 9 : 3 + (draw >> 20) % 3) {
        case 0:
        case 1:
            toy_store(out, event->channel, (uint32_t)(draw >> 30) % 60, (int64_t)(draw >> 40) % 200000);
            break;
        case 2:
            toy_echo(out, event->channel);
            break;
        case 3:
        case 4:
            toy_end(out, COMMAND_CLOSE, event->channel);
            break;
        case 5:
            toy_end(out, COMMAND_ABORT, event->channel);
            break;
        case 6:
            toy_end(out, COMMAND_CLOSE, event->channel);
            toy_echo(out, event->channel);
            toy_end(out, COMMAND_ABORT, event->channel);
            break;
        default:
            break;
        }
        if ((draw >> 50) % 40 == 0) {
            out_command(out, COMMAND_DROP_ALL);
        }
    }
}

static uint64_t run_wild(int64_t seed)
{
    static const char *const effects[] = {"partition", "clog", "flap", "loss", "rate", "delay"};
    toys_make(CROWD);
    for (uint32_t n = 0; n < CROWD; n++) {
        t.list[n].take = take_wild;
        t.list[n].numbers[15] = seed;
        t.nodes[n].site = n % 3;
        t.nodes[n].services[VIRTUAL_STORE] = (struct virtual_time){.base_ns = 30 * TIME_MS, .slots = 1};
        t.nodes[n].services[VIRTUAL_ASSOCIATE] = (struct virtual_time){.base_ns = 3 * TIME_MS, .slots = 2};
    }
    t.links[0] = (struct virtual_link){.name = SLICE("x"), .from = 0, .to = 1, .bytes_per_s = 2000000, .delay_ns = DELAY, .jitter_ns = DELAY};
    t.links[1] = (struct virtual_link){.name = SLICE("y"), .from = 1, .to = 2, .bytes_per_s = 1000000, .delay_ns = DELAY, .jitter_ns = DELAY};
    t.config.site_count = 3;
    t.config.link_count = 2;
    toys_open();
    for (uint64_t i = 0; i < 1500; i++) {
        uint64_t draw = random_draw((uint64_t)seed, 10, 0, i);
        time_ns at = (time_ns)(draw % (uint64_t)(5 * TIME_MIN));
        if (i % 25 == 0) {
            const char *effect = effects[(draw >> 40) % 6], *name = "ppm", *value = "30000";
            name = (draw >> 40) % 6 == 4 ? "bytes_per_s" : name;
            toy_fault(CROWD + (uint32_t)(i / 25 % 2), PLAN_FAULT, at, effect, name, value);
            toy_fault(CROWD + (uint32_t)(i / 25 % 2), PLAN_HEAL, at + (time_ns)(draw >> 20) % (20 * TIME_S), effect, name, value);
        } else if (i % 60 == 1) {
            toy_fault((uint32_t)(draw >> 40) % CROWD, PLAN_FAULT, at, "pause", "", "");
            toy_fault((uint32_t)(draw >> 40) % CROWD, PLAN_HEAL, at + 3 * TIME_S, "pause", "", "");
        } else {
            toy_tell((uint32_t)(draw >> 40) % CROWD, at, "go");
        }
    }
    toys_run(2 * TIME_HOUR);
    return virtual_hash(t.virtual);
}

START_TEST(whatever_is_done_each_channel_ends_once_at_each_end)
{
    for (int64_t seed = 1; seed <= 40; seed++) {
        (void)run_wild(seed);
        toys_check_ends(true);
        ck_assert(virtual_quiet(t.virtual));
        ck_assert_int_eq(virtual_due(t.virtual) == TIME_NEVER || virtual_quiet(t.virtual), 1);
        for (uint32_t link = 0; link < 2; link++) {
            for (unsigned direction = 0; direction < 2; direction++) {
                struct virtual_use use = virtual_link_use(t.virtual, link, direction);
                ck_assert_int_eq(use.arrivals, use.departures);
                ck_assert_int_eq(use.waiting, 0);
                ck_assert_uint_eq(use.length_ns, use.sojourn_ns);
            }
        }
        for (uint32_t n = 0; n < CROWD; n++) {
            struct virtual_use use = virtual_service_use(t.virtual, n, VIRTUAL_STORE);
            ck_assert_int_eq(use.waiting, 0);
            ck_assert_uint_eq(use.length_ns, use.sojourn_ns);
        }
    }
}
END_TEST

START_TEST(a_wild_world_is_the_same_each_time)
{
    uint64_t first = run_wild(77);
    ck_assert_uint_eq(run_wild(77), first);
    ck_assert_uint_ne(run_wild(78), first);
}
END_TEST

UNIT_MAIN(an_association_is_asked_for_accepted_used_and_released, a_context_that_the_answer_leaves_out_is_not_accepted, nobody_there_is_no_route,
          a_rejection_arrives_with_its_reason, who_is_not_answered_gives_up_and_the_other_loses_the_channel, an_actor_that_never_answers_is_answered_for,
          an_abort_is_heard_as_one_and_a_lost_connection_as_lost, an_association_on_which_nothing_moves_times_out, a_store_that_is_not_answered_times_out,
          stores_of_one_association_go_one_run_after_the_other, bytes_take_their_time_on_the_link, a_link_that_is_cut_holds_what_is_sent_until_it_is_whole,
          nobody_is_reached_over_a_cut_link_and_a_release_is_not_waited_for, a_flow_that_is_held_too_long_times_out_and_one_that_is_not_goes_on,
          what_is_said_before_a_connection_is_accepted_waits, a_node_that_stands_still_hears_it_all_later_in_order,
          whatever_is_done_each_channel_ends_once_at_each_end, a_wild_world_is_the_same_each_time)
