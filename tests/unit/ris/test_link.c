/* SPDX-License-Identifier: MIT */
#include "src/base/random.h"
#include "tests/unit/ris/ris_test.h"

#define ORDER_1 "order person=ann site=CAV number=A1 accession=CAV1"
#define ORDER_2 "order person=ann site=CAV number=A1 accession=CAV2"
#define ORDER_3 "order person=ann site=CAV number=A1 accession=CAV3"

static slice control_id(void)
{
    return sent()->fields[HL7_FIELD_CONTROL_ID];
}

/* Told one order and sent it on channel 1. Returns its control id. */
static slice waiting(void)
{
    begin(0);
    told(ORDER_1);
    happened(EVENT_OPENED, 1);
    return control_id();
}

/* Lets time pass until the next timer, and sends CLOCK. Returns how long it was. */
static time_ns until_due(void)
{
    time_ns due = ris_due(ris), waited = due - now;
    ck_assert_int_ne(due, TIME_NEVER);
    ck_assert_int_gt(waited, 0);
    now = due;
    happened(EVENT_CLOCK, 0);
    return waited;
}

START_TEST(nothing_happens_until_something_is_told)
{
    begin(0);
    happened(EVENT_CLOCK, 0);
    ck_assert_uint_eq(out.command_count, 0);
    ck_assert_int_eq(ris_due(ris), TIME_NEVER);
}
END_TEST

START_TEST(the_first_message_opens_a_channel_to_the_engine)
{
    begin(0);
    told(ORDER_1);
    const struct command *open = command_of(COMMAND_OPEN);
    ck_assert_ptr_nonnull(open);
    ck_assert_int_eq(open->channel, 1);
    ck_assert_int_eq(open->protocol, PROTOCOL_HL7);
    ck_assert_uint_eq(open->peer, ENGINE);
    ck_assert_int_eq(open->timeout_ns, 10 * TIME_S);
    ck_assert_int_eq(ris_due(ris), TIME_NEVER);
    told(ORDER_2);
    ck_assert_uint_eq(out.command_count, 0);
}
END_TEST

START_TEST(one_message_is_outstanding_and_the_next_waits_for_its_acknowledgement)
{
    slice first = waiting();
    ck_assert_slice_eq(observed(OBSERVATION_hl7_sent)->text, "ORM^O01");
    ck_assert_int_eq(observed(OBSERVATION_hl7_sent)->count, 1);
    told(ORDER_2);
    ck_assert_ptr_null(command_of(COMMAND_SEND));
    acknowledged(1, "AA", first);
    ck_assert_slice_eq(observed(OBSERVATION_hl7_acked)->text, "ORM^O01 AA");
    ck_assert_slice_eq(observed(OBSERVATION_hl7_acked)->accession, "CAV1");
    ck_assert_slice_eq(sent()->fields[HL7_FIELD_ACCESSION], "CAV2");
    ck_assert_uint_eq(ris_outbox_count(ris), 1);
    acknowledged(1, "CA", control_id());
    ck_assert_uint_eq(ris_outbox_count(ris), 0);
    ck_assert_int_eq(ris_due(ris), TIME_NEVER);
    told(ORDER_1);
    ck_assert_ptr_nonnull(command_of(COMMAND_SEND));
    ck_assert_ptr_null(command_of(COMMAND_OPEN));
}
END_TEST

START_TEST(ae_is_sent_again_after_waits_that_double_up_to_eight_seconds)
{
    static const int64_t waits_s[] = {1, 2, 4, 8, 8};
    slice first = waiting();
    told(ORDER_2);
    for (size_t i = 0; i < 5; i++) {
        acknowledged(1, i == 2 ? "ZZ" : "AE", first);
        ck_assert_uint_eq(out.command_count, 0);
        ck_assert_uint_eq(out.observation_count, 0);
        ck_assert_int_eq(until_due(), waits_s[i] * TIME_S);
        ck_assert_slice_eq(control_id(), "20100301080000000001");
        ck_assert_int_eq(observed(OBSERVATION_hl7_sent)->count, (int64_t)i + 2);
    }
    acknowledged(1, "AA", first);
    acknowledged(1, "AE", control_id());
    ck_assert_int_eq(until_due(), TIME_S); /* success began the waits anew */
}
END_TEST

START_TEST(ar_is_given_up_as_a_finding_and_the_next_message_goes)
{
    slice first = waiting();
    told(ORDER_2);
    acknowledged(1, "AR", first);
    ck_assert_slice_eq(observed(OBSERVATION_hl7_refused)->text, "ORM^O01 AR why");
    ck_assert_slice_eq(observed(OBSERVATION_hl7_refused)->other_id, "20100301080000000001");
    ck_assert_ptr_null(observed(OBSERVATION_hl7_acked));
    ck_assert_slice_eq(sent()->fields[HL7_FIELD_ACCESSION], "CAV2");
}
END_TEST

START_TEST(without_acknowledgement_the_channel_is_cut_and_the_same_message_goes_again)
{
    waiting();
    struct hl7_value first = *sent();
    ck_assert_int_eq(until_due(), 10 * TIME_S);
    ck_assert_int_eq(command_of(COMMAND_ABORT)->channel, 1);
    ck_assert_int_eq(ris_due(ris), TIME_NEVER); /* until CLOSED comes */
    now += 5 * TIME_MS;
    happened(EVENT_CLOSED, 1);
    ck_assert_uint_eq(out.command_count, 0);
    ck_assert_int_eq(until_due(), TIME_S - 5 * TIME_MS);
    ck_assert_int_eq(command_of(COMMAND_OPEN)->channel, 3);
    happened(EVENT_OPENED, 3);
    ck_assert_slice_eq(sent()->fields[HL7_FIELD_CONTROL_ID], "20100301080000000001");
    ck_assert(slice_equal(sent()->fields[HL7_FIELD_SENT_AT], first.fields[HL7_FIELD_SENT_AT]));
    ck_assert_int_eq(observed(OBSERVATION_hl7_sent)->count, 2);
}
END_TEST

START_TEST(a_late_or_foreign_acknowledgement_is_not_taken_for_ours)
{
    waiting();
    acknowledged(1, "AA", SLICE("20100301080000000000"));
    ck_assert_uint_eq(out.observation_count, 0);
    ck_assert_uint_eq(ris_outbox_count(ris), 1);
    acknowledged(3, "AA", SLICE("20100301080000000001"));
    ck_assert_uint_eq(ris_outbox_count(ris), 1);
    until_due();
    acknowledged(1, "AA", SLICE("20100301080000000001")); /* after the time-out */
    ck_assert_uint_eq(ris_outbox_count(ris), 1);
    ck_assert_ptr_null(observed(OBSERVATION_hl7_acked));
}
END_TEST

START_TEST(what_is_no_acknowledgement_is_left_out)
{
    waiting();
    struct message unreadable = {
        .protocol = PROTOCOL_HL7, .hl7 = {.type = HL7_ACK}, .unreadable = SLICE("junk")};
    struct message order = {.protocol = PROTOCOL_HL7, .hl7 = {.type = HL7_ORM_O01}};
    ck_assert_int_eq(
        step((struct event){.kind = EVENT_RECEIVED, .channel = 1, .run = {&unreadable, 1}}),
        ERR_OK);
    ck_assert_int_eq(step((struct event){.kind = EVENT_RECEIVED, .channel = 1, .run = {&order, 1}}),
                     ERR_OK);
    ck_assert_uint_eq(ris_outbox_count(ris), 1);
    ck_assert_ptr_null(command_of(COMMAND_SEND));
}
END_TEST

START_TEST(a_refused_connection_is_tried_again_after_waits_that_double)
{
    static const int64_t waits_s[] = {1, 2, 4, 8, 8};
    begin(0);
    told(ORDER_1);
    for (int64_t i = 0; i < 5; i++) {
        happened(EVENT_REFUSED, 1 + 2 * i);
        ck_assert_int_eq(until_due(), waits_s[i] * TIME_S);
        ck_assert_int_eq(command_of(COMMAND_OPEN)->channel, 3 + 2 * i);
    }
}
END_TEST

START_TEST(a_lost_connection_sends_the_message_again)
{
    waiting();
    happened(EVENT_CLOSED, 1);
    ck_assert_int_eq(until_due(), TIME_S);
    happened(EVENT_OPENED, 3);
    ck_assert_slice_eq(control_id(), "20100301080000000001");
}
END_TEST

START_TEST(a_connection_lost_in_idleness_is_opened_for_the_next_message)
{
    acknowledged(1, "AA", waiting());
    happened(EVENT_CLOSED, 1);
    ck_assert_int_eq(ris_due(ris), TIME_NEVER);
    now += TIME_MIN;
    told(ORDER_2);
    ck_assert_int_eq(command_of(COMMAND_OPEN)->channel, 3);
}
END_TEST

START_TEST(a_lost_acknowledgement_makes_a_duplicate)
{
    slice first = waiting();
    ck_assert_int_eq(plan(PLAN_FAULT, "ack_lost"), ERR_OK);
    ck_assert_slice_eq(observed(OBSERVATION_fault_began)->text, "ack_lost");
    acknowledged(1, "AA", first);
    ck_assert_ptr_null(observed(OBSERVATION_hl7_acked));
    ck_assert_int_eq(until_due(), 10 * TIME_S);
    happened(EVENT_CLOSED, 1);
    until_due();
    happened(EVENT_OPENED, 3);
    acknowledged(3, "AA", control_id());
    ck_assert_ptr_nonnull(observed(OBSERVATION_hl7_acked));
    ck_assert_int_eq(observed(OBSERVATION_hl7_acked)->count, 2);
}
END_TEST

START_TEST(healing_ends_the_loss_of_acknowledgements)
{
    slice first = waiting();
    ck_assert_int_eq(plan(PLAN_FAULT, "ack_lost count=0"), ERR_OK);
    acknowledged(1, "AA", first);
    acknowledged(1, "AA", first);
    ck_assert_uint_eq(ris_outbox_count(ris), 1);
    ck_assert_int_eq(plan(PLAN_HEAL, "ack_lost"), ERR_OK);
    ck_assert_slice_eq(observed(OBSERVATION_fault_ended)->text, "ack_lost");
    acknowledged(1, "AA", first);
    ck_assert_uint_eq(ris_outbox_count(ris), 0);
}
END_TEST

START_TEST(a_duplicate_fault_sends_each_message_twice_and_counts_it_once)
{
    slice first = waiting();
    told(ORDER_2);
    ck_assert_int_eq(plan(PLAN_FAULT, "duplicate count=1"), ERR_OK);
    acknowledged(1, "AA", first);
    ck_assert_ptr_nonnull(observed(OBSERVATION_hl7_acked));
    ck_assert_slice_eq(control_id(), "20100301080000000001");
    ck_assert_int_eq(observed(OBSERVATION_hl7_sent)->count, 2);
    acknowledged(1, "AA", first);
    ck_assert_ptr_null(observed(OBSERVATION_hl7_acked));
    ck_assert_slice_eq(control_id(), "20100301080000000002");
    acknowledged(1, "AA", control_id()); /* the fault's count is used up */
    ck_assert_uint_eq(ris_outbox_count(ris), 0);
}
END_TEST

START_TEST(an_acknowledgement_that_is_late_counts_when_it_comes)
{
    slice first = waiting();
    ck_assert_int_eq(plan(PLAN_FAULT, "ack_late nth=1 delay=400000000"), ERR_OK);
    acknowledged(1, "AA", first);
    ck_assert_slice_eq(observed(OBSERVATION_fault_began)->text, "ack_late");
    ck_assert_ptr_null(observed(OBSERVATION_hl7_acked));
    ck_assert_int_eq(until_due(), 400 * TIME_MS);
    ck_assert_ptr_nonnull(observed(OBSERVATION_hl7_acked));
    ck_assert_uint_eq(ris_outbox_count(ris), 0);
}
END_TEST

START_TEST(a_message_out_of_order_goes_after_the_next_one)
{
    slice first = waiting();
    ck_assert_int_eq(plan(PLAN_FAULT, "out_of_order nth=1"), ERR_OK);
    told(ORDER_2);
    acknowledged(1, "AA", first);
    ck_assert_ptr_null(observed(OBSERVATION_hl7_sent)); /* it waits for the next */
    told(ORDER_3);
    ck_assert_slice_eq(control_id(), "20100301080000000003");
    acknowledged(1, "AA", control_id());
    ck_assert_slice_eq(control_id(), "20100301080000000002");
    acknowledged(1, "AA", control_id());
    ck_assert_uint_eq(ris_outbox_count(ris), 0);
}
END_TEST

START_TEST(a_message_that_nobody_overtakes_goes_after_a_while)
{
    slice first = waiting();
    ck_assert_int_eq(plan(PLAN_FAULT, "out_of_order nth=1"), ERR_OK);
    told(ORDER_2);
    acknowledged(1, "AA", first);
    ck_assert_int_eq(until_due(), 30 * TIME_S);
    ck_assert_slice_eq(control_id(), "20100301080000000002");
}
END_TEST

START_TEST(what_is_no_fault_of_messages_cannot_be_of_some_of_them)
{
    (void)waiting();
    ck_assert_int_eq(plan(PLAN_FAULT, "down nth=2"), ERR_BAD_INPUT);
    ck_assert_int_eq(plan(PLAN_FAULT, "clock how=sideways"), ERR_BAD_INPUT);
}
END_TEST

START_TEST(a_crash_drops_the_channel_and_keeps_the_outbox)
{
    slice first = waiting();
    ck_assert_int_eq(plan(PLAN_FAULT, "crash"), ERR_OK);
    ck_assert_ptr_nonnull(command_of(COMMAND_DROP_ALL));
    ck_assert_int_eq(ris_due(ris), TIME_NEVER);
    happened(EVENT_CLOSED, 1);
    acknowledged(1, "AA", first);
    told(ORDER_2);
    ck_assert_uint_eq(out.command_count, 0);
    ck_assert_uint_eq(ris_outbox_count(ris), 2);
    ck_assert_int_eq(plan(PLAN_HEAL, "crash"), ERR_OK);
    ck_assert_int_eq(command_of(COMMAND_OPEN)->channel, 3);
    happened(EVENT_OPENED, 3);
    ck_assert_slice_eq(control_id(), "20100301080000000001");
}
END_TEST

START_TEST(healing_what_was_not_broken_changes_nothing)
{
    slice first = waiting();
    ck_assert_int_eq(plan(PLAN_HEAL, "crash"), ERR_OK);
    ck_assert_ptr_null(command_of(COMMAND_OPEN));
    acknowledged(1, "AA", first);
    ck_assert_uint_eq(ris_outbox_count(ris), 0);
    ck_assert_int_eq(plan(PLAN_FAULT, "sing"), ERR_BAD_INPUT);
}
END_TEST

START_TEST(who_calls_radis2_is_rejected)
{
    begin(0);
    happened(EVENT_ASKED, 2);
    ck_assert_int_eq(command_of(COMMAND_REJECT)->channel, 2);
}
END_TEST

START_TEST(a_full_outbox_is_a_limit_and_keeps_what_it_has)
{
    begin(1000);
    size_t count = 0;
    enum err err;
    while ((err = plan(PLAN_DO, ORDER_1)) == ERR_OK) {
        count++;
    }
    ck_assert_int_eq(err, ERR_LIMIT);
    ck_assert_uint_gt(count, 1);
    ck_assert_uint_eq(ris_outbox_count(ris), count);
    happened(EVENT_OPENED, 1);
    for (size_t i = 1; i < count; i++) {
        acknowledged(1, "AA", control_id());
    }
    told(ORDER_2); /* there is room again, at the front */
    ck_assert_uint_eq(ris_outbox_count(ris), 2);
}
END_TEST

START_TEST(ris_init_fails_cleanly_at_every_arena_size)
{
    struct ris_config config = {.outbox_bytes = 100};
    enum err err = ERR_LIMIT;
    for (size_t size = 0; err == ERR_LIMIT; size++) {
        ck_assert_uint_le(size, sizeof run_memory);
        struct arena arena = {.memory = run_memory, .size = size};
        struct ris *made = NULL;
        err = ris_init(&made, &config, &arena);
        ck_assert(err == ERR_OK ? made != NULL : made == NULL);
    }
    ck_assert_int_eq(err, ERR_OK);
}
END_TEST

START_TEST(a_step_fails_cleanly_at_every_arena_size)
{
    enum err err = ERR_LIMIT;
    for (size_t size = 0; err == ERR_LIMIT; size += 16) {
        ck_assert_uint_le(size, sizeof step_memory);
        begin(0);
        step_arena.size = size;
        err = plan(PLAN_DO, ORDER_1);
        ck_assert(err == ERR_OK || err == ERR_LIMIT);
    }
    ck_assert_int_eq(err, ERR_OK);
    err = ERR_LIMIT;
    for (size_t size = 0; err == ERR_LIMIT; size += 16) {
        ck_assert_uint_le(size, sizeof step_memory);
        begin(0);
        told(ORDER_1);
        step_arena = (struct arena){.memory = step_memory, .size = size};
        err = step((struct event){.kind = EVENT_OPENED, .channel = 1});
        ck_assert(err == ERR_OK || err == ERR_LIMIT);
    }
    ck_assert_int_eq(err, ERR_OK);
}
END_TEST

/* ---- Whatever the network and the engine do, every message is acknowledged once, in order. */

struct world {
    int64_t open;      /* channel that is open or opening, 0 none */
    char awaiting[32]; /* control id on its way to the engine */
    int64_t acked, told;
};

static void note_output(struct world *world)
{
    const struct command *open = command_of(COMMAND_OPEN), *send = command_of(COMMAND_SEND);
    const struct observation *acked = observed(OBSERVATION_hl7_acked);
    ck_assert(open == NULL || world->open == 0);
    world->open = open != NULL ? open->channel : world->open;
    if (send != NULL) {
        slice id = send->run.messages[0].hl7.fields[HL7_FIELD_CONTROL_ID];
        ck_assert_int_eq(world->awaiting[0], '\0'); /* strictly one outstanding */
        memcpy(world->awaiting, id.data, id.size);
    }
    if (acked != NULL) {
        int64_t number = 0;
        ck_assert(slice_to_int64(slice_after(acked->accession, 3), &number));
        ck_assert_int_eq(number, ++world->acked);
    }
    if (command_of(COMMAND_ABORT) != NULL) {
        memset(world->awaiting, 0, sizeof world->awaiting);
    }
}

static void lose_channel(struct world *world, enum event_kind how)
{
    int64_t channel = world->open;
    world->open = 0;
    memset(world->awaiting, 0, sizeof world->awaiting);
    happened(how, channel);
}

static void answer(struct world *world, const char *code)
{
    char id[32];
    memcpy(id, world->awaiting, sizeof id);
    memset(world->awaiting, 0, sizeof world->awaiting);
    acknowledged(world->open, code, slice_from(id));
}

static void tell_order(struct world *world)
{
    char words[] = "order person=ann site=CAV number=A1 accession=CAV000";
    int64_t number = ++world->told;
    for (size_t i = sizeof words - 2; number > 0; number /= 10, i--) {
        words[i] = (char)('0' + number % 10);
    }
    told(words);
}

static void something_happens(struct world *world, uint64_t draw, bool rough)
{
    bool bad = rough && random_below(draw >> 8, 3) == 0;
    if (rough && world->told < 40 && random_below(draw, 4) == 0) {
        tell_order(world);
    } else if (world->awaiting[0] != '\0' && !(bad && random_below(draw >> 16, 3) == 0)) {
        bad ? lose_channel(world, EVENT_CLOSED)
            : answer(world, rough && random_below(draw >> 24, 3) == 0 ? "AE" : "AA");
    } else if (world->open != 0 && command_of(COMMAND_ABORT) != NULL) {
        lose_channel(world, EVENT_CLOSED);
    } else if (world->open != 0 && command_of(COMMAND_OPEN) != NULL) {
        bad ? lose_channel(world, EVENT_REFUSED) : happened(EVENT_OPENED, world->open);
    } else if (ris_due(ris) != TIME_NEVER) {
        now = ris_due(ris) > now ? ris_due(ris) : now;
        happened(EVENT_CLOCK, 0);
    } else {
        world->open != 0 ? lose_channel(world, EVENT_CLOSED) : happened(EVENT_CLOCK, 0);
    }
}

START_TEST(every_message_is_acknowledged_once_and_in_order_whatever_the_link_does)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct world world = {.open = 0};
        begin(0);
        for (uint64_t i = 0; i < 2000; i++) {
            something_happens(&world, random_draw(seed, PURPOSE('r', 'i', 's', 't'), 0, i),
                              i < 1000);
            note_output(&world);
        }
        ck_assert_int_eq(world.told, 40);
        ck_assert_int_eq(world.acked, 40);
        ck_assert_uint_eq(ris_outbox_count(ris), 0);
    }
}
END_TEST

UNIT_MAIN(nothing_happens_until_something_is_told, the_first_message_opens_a_channel_to_the_engine,
          one_message_is_outstanding_and_the_next_waits_for_its_acknowledgement,
          ae_is_sent_again_after_waits_that_double_up_to_eight_seconds,
          ar_is_given_up_as_a_finding_and_the_next_message_goes,
          without_acknowledgement_the_channel_is_cut_and_the_same_message_goes_again,
          a_late_or_foreign_acknowledgement_is_not_taken_for_ours,
          what_is_no_acknowledgement_is_left_out,
          a_refused_connection_is_tried_again_after_waits_that_double,
          a_lost_connection_sends_the_message_again,
          a_connection_lost_in_idleness_is_opened_for_the_next_message,
          a_lost_acknowledgement_makes_a_duplicate, healing_ends_the_loss_of_acknowledgements,
          a_duplicate_fault_sends_each_message_twice_and_counts_it_once,
          an_acknowledgement_that_is_late_counts_when_it_comes, a_message_out_of_order_goes_after_the_next_one,
          a_message_that_nobody_overtakes_goes_after_a_while, what_is_no_fault_of_messages_cannot_be_of_some_of_them,
          a_crash_drops_the_channel_and_keeps_the_outbox,
          healing_what_was_not_broken_changes_nothing, who_calls_radis2_is_rejected,
          a_full_outbox_is_a_limit_and_keeps_what_it_has,
          ris_init_fails_cleanly_at_every_arena_size, a_step_fails_cleanly_at_every_arena_size,
          every_message_is_acknowledged_once_and_in_order_whatever_the_link_does)
