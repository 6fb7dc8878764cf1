/* SPDX-License-Identifier: MIT */
#include "tests/unit/node/node_test.h"

/* ---- The destination, played by the test: takes everything that is sent and answers it. */
struct taken {
    slice uids[64];
    size_t count, opened, pending;
    int status, completed, failed, remaining; /* of the final answer; status -1: none */
    bool originator, wrong;
    slice first_syntax;
};
static struct taken taken;
static uint16_t taken_status;
static uint64_t taken_bits;

static void look(int64_t request_channel);

static void answer_open(const struct command *command, int64_t request_channel)
{
    struct context *list = arena_array(&bench_out, command->contexts.count, sizeof *list);
    for (size_t i = 0; i < command->contexts.count; i++) {
        list[i] = command->contexts.list[i];
        list[i].id = (uint8_t)(2 * i + 1);
        list[i].result = CONTEXT_ACCEPTED;
        list[i].accepted_syntax = list[i].transfer_syntaxes[0];
    }
    struct event event = {.kind = EVENT_OPENED,
                          .channel = command->channel,
                          .contexts = {list, command->contexts.count}};
    taken.opened++;
    bench_step(&event);
    look(request_channel);
}

static void answer_stores(const struct command *command, int64_t request_channel)
{
    struct message *responses = arena_array(&bench_out, command->run.count, sizeof *responses);
    for (size_t i = 0; i < command->run.count; i++) {
        const struct dimse *request = &command->run.messages[i].dimse;
        responses[i] = (struct message){.protocol = PROTOCOL_DICOM,
                                        .dimse = dimse_response(request, taken_status)};
        taken.uids[taken.count++] = arena_copy(&bench_out, request->sop_instance_uid);
        taken.originator = taken.originator || request->move_originator.size > 0;
        taken.first_syntax =
            taken.count == 1 ? request->object.transfer_syntax : taken.first_syntax;
        taken.wrong = taken.wrong || request->object.study < 0 || request->context_id == 0;
    }
    bench_received(command->channel, responses, command->run.count);
    look(request_channel);
}

/* Does what the commands of the last step ask of the world. */
static void look(int64_t request_channel)
{
    size_t count = bench.command_count;
    struct command *copies = arena_array(&bench_out, count + 1, sizeof *copies);
    memcpy(copies, bench.commands, count * sizeof *copies);
    for (int q = 0; q < QUIRK_COUNT; q++) {
        taken_bits |= bench_bit((enum quirk)q) ? (uint64_t)1 << q : 0;
    }
    for (size_t i = 0; i < count; i++) {
        const struct command *command = &copies[i];
        if (command->kind == COMMAND_SEND && command->channel == request_channel &&
            command->run.messages[0].dimse.kind != DIMSE_C_STORE_RQ) {
            const struct dimse *message = &command->run.messages[0].dimse;
            taken.pending += status_is_pending(message->status);
            if (!status_is_pending(message->status)) {
                taken.status = message->status;
                taken.completed = message->completed;
                taken.failed = message->failed;
                taken.remaining = message->remaining;
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct command *command = &copies[i];
        if (command->kind == COMMAND_OPEN) {
            answer_open(command, request_channel);
        } else if (command->kind == COMMAND_SEND &&
                   command->run.messages[0].dimse.kind == DIMSE_C_STORE_RQ) {
            answer_stores(command, request_channel);
        } else if (command->kind == COMMAND_CLOSE) {
            struct event event = {
                .kind = EVENT_CLOSED, .channel = command->channel, .cause = CLOSED_RELEASED};
            bench_step(&event);
            look(request_channel);
        }
    }
}

static void move_to(int64_t channel, struct dataset *keys, const char *destination)
{
    taken = (struct taken){.status = -1};
    taken_status = STATUS_SUCCESS;
    taken_bits = 0;
    struct dimse request = bench_request(DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, keys);
    request.move_destination = slice_from(destination);
    bench_send(channel, &request);
    look(channel);
}

static bool bit(enum quirk quirk)
{
    return (taken_bits >> quirk & 1) != 0;
}

#define MOVE_STUDY(uid) KEYS({TAG_QueryRetrieveLevel, "STUDY"}, {TAG_StudyInstanceUID, uid})

static void start(void)
{
    bench_start();
    bench_open(2, UID_STUDY_ROOT_MOVE);
}

START_TEST(node_move_sends_every_instance_once_and_counts)
{
    bench_plain();
    start();
    move_to(2, MOVE_STUDY("1.2.3"), TARGET);
    ck_assert_uint_eq(taken.count, 10);
    ck_assert_int_eq(taken.status, STATUS_SUCCESS);
    ck_assert_int_eq(taken.completed, 10);
    ck_assert_int_eq(taken.failed, 0);
    ck_assert_uint_eq(taken.opened, 1);
    ck_assert(taken.originator && !taken.wrong);
    for (size_t i = 1; i < taken.count; i++) {
        ck_assert(!slice_equal(taken.uids[i], taken.uids[0]));
    }
    const struct observation *seen = bench_seen(OBSERVATION_move_answered);
    ck_assert(seen == NULL || seen->count == 10);
}
END_TEST

START_TEST(node_move_sends_the_same_whatever_the_run)
{
    for (uint32_t run = 1; run <= 64; run = run == 1 ? 7 : run == 7 ? 64 : 65) {
        bench_plain();
        bench_setup.run_max = run;
        start();
        move_to(2, MOVE_STUDY("1.2.3"), TARGET);
        ck_assert_uint_eq(taken.count, 10);
        ck_assert_int_eq(taken.completed, 10);
        ck_assert_uint_eq(taken.pending,
                          (10 + run - 1) / run - 1); /* one behind each run but the last */
    }
    bench_setup.run_max = 0;
}
END_TEST

START_TEST(node_move_sends_only_the_series_or_image_asked_for)
{
    bench_plain();
    start();
    struct bench_answer series =
        bench_study_find(KEYS({TAG_QueryRetrieveLevel, "SERIES"}, {TAG_StudyInstanceUID, "1.2.3"},
                              {TAG_SeriesInstanceUID, ""}));
    const char *second = value_of(&series, 1, TAG_SeriesInstanceUID);
    move_to(2,
            KEYS({TAG_QueryRetrieveLevel, "SERIES"}, {TAG_StudyInstanceUID, "1.2.3"},
                 {TAG_SeriesInstanceUID, second}),
            TARGET);
    ck_assert_uint_eq(taken.count, 5);
    const char *one = text_of(taken.uids[3]);
    move_to(2,
            KEYS({TAG_QueryRetrieveLevel, "IMAGE"}, {TAG_StudyInstanceUID, "1.2.3"},
                 {TAG_SeriesInstanceUID, second}, {TAG_SOPInstanceUID, one}),
            TARGET);
    ck_assert_uint_eq(taken.count, 1);
    ck_assert_str_eq(text_of(taken.uids[0]), one);
}
END_TEST

START_TEST(node_move_refuses_an_unknown_destination_and_missing_keys)
{
    bench_plain();
    start();
    move_to(2, MOVE_STUDY("1.2.3"), "NOBODY");
    ck_assert_int_eq(taken.status, STATUS_MOVE_DESTINATION_UNKNOWN);
    move_to(2, KEYS({TAG_QueryRetrieveLevel, "SERIES"}, {TAG_SeriesInstanceUID, "1.2"}), TARGET);
    ck_assert_int_eq(taken.status, STATUS_IDENTIFIER_MISMATCH);
    bench_plain();
    bench_quirk(QUIRK_move_destination_unknown, "C000");
    start();
    move_to(2, MOVE_STUDY("1.2.3"), "NOBODY");
    ck_assert_int_eq(taken.status, 0xC000);
    ck_assert(bit(QUIRK_move_destination_unknown));
}
END_TEST

START_TEST(node_move_says_what_failed)
{
    bench_plain();
    start();
    taken = (struct taken){.status = -1};
    taken_status = STATUS_OUT_OF_RESOURCES;
    struct dimse request =
        bench_request(DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, MOVE_STUDY("1.2.30"));
    bench_send(2, &request);
    look(2);
    ck_assert_int_eq(taken.status, STATUS_OUT_OF_RESOURCES_SUBOPERATIONS);
    ck_assert_int_eq(taken.failed, 2);
    bench_plain();
    bench_quirk(QUIRK_move_success_despite_failures, "");
    start();
    taken = (struct taken){.status = -1};
    bench_send(2, &request);
    look(2);
    ck_assert_int_eq(taken.status, STATUS_SUCCESS);
}
END_TEST

START_TEST(node_move_fails_when_the_destination_refuses)
{
    bench_plain();
    start();
    struct dimse request =
        bench_request(DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, MOVE_STUDY("1.2.30"));
    bench_send(2, &request);
    const struct command *opening = bench_command(COMMAND_OPEN);
    ck_assert_ptr_nonnull(opening);
    ck_assert_uint_eq(opening->peer, 1);
    struct event event = {
        .kind = EVENT_REFUSED, .channel = opening->channel, .refusal = REFUSAL_PERMANENT};
    bench_step(&event);
    taken = (struct taken){.status = -1};
    look(2);
    ck_assert_int_eq(taken.status, STATUS_OUT_OF_RESOURCES_SUBOPERATIONS);
}
END_TEST

START_TEST(node_move_tries_again_after_a_transient_refusal)
{
    bench_plain();
    start();
    struct dimse request =
        bench_request(DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, MOVE_STUDY("1.2.30"));
    bench_send(2, &request);
    struct event event = {.kind = EVENT_REFUSED,
                          .channel = bench_command(COMMAND_OPEN)->channel,
                          .refusal = REFUSAL_TRANSIENT};
    bench_step(&event);
    ck_assert_ptr_null(bench_command(COMMAND_OPEN));
    bench_now = node_due(bench_node);
    struct event clock = {.kind = EVENT_CLOCK};
    bench_step(&clock);
    taken = (struct taken){.status = -1};
    taken_status = STATUS_SUCCESS;
    look(2);
    ck_assert_int_eq(taken.status, STATUS_SUCCESS);
    ck_assert_uint_eq(taken.count, 2);
}
END_TEST

START_TEST(node_move_is_held_before_the_instance_and_goes_on_when_healed)
{
    for (uint32_t run = 1; run <= 64; run = run == 1 ? 7 : run == 7 ? 64 : 65) {
        bench_plain();
        bench_setup.run_max = run;
        start();
        bench_plan(PLAN_FAULT, "hold", "op", "store", "nth", "5");
        taken = (struct taken){.status = -1};
        taken_status = STATUS_SUCCESS;
        struct dimse request =
            bench_request(DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, MOVE_STUDY("1.2.3"));
        bench_send(2, &request);
        look(2);
        ck_assert_uint_eq(taken.count, 4);
        ck_assert_int_eq(taken.status, -1);
        bench_plan(PLAN_HEAL, "hold", NULL, NULL, NULL, NULL);
        look(2);
        ck_assert_uint_eq(taken.count, 10);
        ck_assert_int_eq(taken.completed, 10);
    }
    bench_setup.run_max = 0;
}
END_TEST

START_TEST(node_tells_that_it_holds_and_forgets_a_move_whose_requestor_is_gone)
{
    bench_plain();
    start();
    bench_plan(PLAN_FAULT, "hold", "op", "store", "nth", "1");
    struct dimse request = bench_request(DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, MOVE_STUDY("1.2.3"));
    bench_send(2, &request);
    const struct command *opening = bench_command(COMMAND_OPEN);
    int64_t store = opening->channel;
    struct context context = opening->contexts.list[0];
    context.id = 1;
    context.result = CONTEXT_ACCEPTED;
    context.accepted_syntax = UID_EXPLICIT_LITTLE;
    struct event opened = {.kind = EVENT_OPENED, .channel = store, .contexts = {&context, 1}};
    bench_step(&opened);
    const struct observation *held = bench_seen(OBSERVATION_held);
    ck_assert_ptr_nonnull(held);
    ck_assert_int_eq(held->count, 1);
    ck_assert(slice_equal(held->text, SLICE("store")));
    struct event gone = {.kind = EVENT_CLOSED, .channel = store, .cause = CLOSED_LOST};
    bench_step(&gone);
    struct event requestor = {.kind = EVENT_CLOSED, .channel = 2, .cause = CLOSED_LOST};
    bench_step(&requestor);
    bench_plan(PLAN_HEAL, "hold", NULL, NULL, NULL, NULL);
    ck_assert_ptr_null(bench_command(COMMAND_SEND));
    bench_open(4, UID_STUDY_ROOT_MOVE);
    move_to(4, MOVE_STUDY("1.2.3"), TARGET);
    ck_assert_uint_eq(taken.count, 10);
}
END_TEST

START_TEST(node_move_ends_with_cancel)
{
    bench_plain();
    bench_setup.run_max = 2;
    start();
    bench_setup.run_max = 0;
    bench_plan(PLAN_FAULT, "hold", "op", "store", "nth", "3");
    taken = (struct taken){.status = -1};
    taken_status = STATUS_SUCCESS;
    struct dimse request = bench_request(DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, MOVE_STUDY("1.2.3"));
    bench_send(2, &request);
    look(2);
    struct dimse cancel = {.kind = DIMSE_C_CANCEL_RQ, .message_id = 7};
    bench_send(2, &cancel);
    bench_plan(PLAN_HEAL, "hold", NULL, NULL, NULL, NULL);
    look(2);
    ck_assert_int_eq(taken.status, STATUS_CANCEL);
    ck_assert_int_eq(taken.completed, 2);
    ck_assert_int_eq(taken.remaining, 8);
}
END_TEST

START_TEST(a_reply_may_never_come_or_leave_an_instance_out)
{
    bench_plain();
    start();
    bench_plan(PLAN_FAULT, "reply", "how", "success_but_missing", "times", "1");
    move_to(2, MOVE_STUDY("1.2.3"), TARGET);
    ck_assert_uint_eq(taken.count, 9);
    ck_assert_int_eq(taken.status, STATUS_SUCCESS);
    ck_assert_int_eq(taken.completed, 10);
    bench_plan(PLAN_FAULT, "reply", "how", "never_final", "times", "1");
    move_to(2, MOVE_STUDY("1.2.3"), TARGET);
    ck_assert_uint_eq(taken.count, 10);
    ck_assert_int_eq(taken.status, -1);
    move_to(2, MOVE_STUDY("1.2.3"), TARGET);
    ck_assert_int_eq(taken.status, STATUS_SUCCESS);
}
END_TEST

/* ---- Quirks. */
START_TEST(quirk_counters_are_missing)
{
    bench_plain();
    bench_quirk(QUIRK_move_counters_missing, "");
    start();
    move_to(2, MOVE_STUDY("1.2.3"), TARGET);
    ck_assert_int_eq(taken.status, STATUS_SUCCESS);
    ck_assert_int_eq(taken.completed, DIMSE_COUNTER_ABSENT);
    ck_assert(bit(QUIRK_move_counters_missing));
}
END_TEST

START_TEST(quirk_no_pending_answer_comes)
{
    bench_plain();
    bench_setup.run_max = 2;
    bench_quirk(QUIRK_move_no_pending, "");
    start();
    bench_setup.run_max = 0;
    move_to(2, MOVE_STUDY("1.2.3"), TARGET);
    ck_assert_uint_eq(taken.pending, 0);
    ck_assert_uint_eq(taken.count, 10);
    ck_assert(bit(QUIRK_move_no_pending));
}
END_TEST

START_TEST(quirk_first_move_ends_in_success_with_nothing_sent)
{
    bench_plain();
    bench_quirk(QUIRK_move_success_zero_subops, "1");
    start();
    move_to(2, MOVE_STUDY("1.2.3"), TARGET);
    ck_assert_int_eq(taken.status, STATUS_SUCCESS);
    ck_assert_uint_eq(taken.count, 0);
    ck_assert_int_eq(taken.completed, 0);
    ck_assert(bit(QUIRK_move_success_zero_subops));
    move_to(2, MOVE_STUDY("1.2.3"), TARGET);
    ck_assert_uint_eq(taken.count, 10);
}
END_TEST

START_TEST(quirk_each_image_has_an_association_of_its_own)
{
    bench_plain();
    bench_quirk(QUIRK_move_sub_association_splitting, "");
    start();
    move_to(2, MOVE_STUDY("1.2.3"), TARGET);
    ck_assert_uint_eq(taken.count, 10);
    ck_assert_uint_eq(taken.opened, 10);
    ck_assert_int_eq(taken.completed, 10);
    ck_assert(bit(QUIRK_move_sub_association_splitting));
}
END_TEST

START_TEST(quirk_level_is_ignored)
{
    bench_plain();
    bench_quirk(QUIRK_move_level_study_only, "");
    start();
    move_to(2,
            KEYS({TAG_QueryRetrieveLevel, "SERIES"}, {TAG_StudyInstanceUID, "1.2.3"},
                 {TAG_SeriesInstanceUID, "1.2.3.4"}),
            TARGET);
    ck_assert_uint_eq(taken.count, 10);
    ck_assert(bit(QUIRK_move_level_study_only));
}
END_TEST

START_TEST(quirk_originator_is_not_told)
{
    bench_plain();
    bench_quirk(QUIRK_move_originator_missing_or_wrong, "");
    start();
    move_to(2, MOVE_STUDY("1.2.3"), TARGET);
    ck_assert(!taken.originator);
    ck_assert(bit(QUIRK_move_originator_missing_or_wrong));
}
END_TEST

START_TEST(quirk_study_comes_from_tape)
{
    bench_plain();
    bench_quirk(QUIRK_move_nearline_delay, "2000");
    start();
    struct dimse request = bench_request(DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, MOVE_STUDY("1.2.3"));
    bench_send(2, &request);
    ck_assert_ptr_null(bench_command(COMMAND_OPEN));
    ck_assert_int_eq(node_due(bench_node), bench_now + 2 * TIME_S);
    bench_now += 2 * TIME_S;
    struct event clock = {.kind = EVENT_CLOCK};
    bench_step(&clock);
    ck_assert_ptr_nonnull(bench_command(COMMAND_OPEN));
}
END_TEST

START_TEST(quirk_one_association_at_a_time_to_a_destination)
{
    bench_plain();
    start();
    bench_open(4, UID_STUDY_ROOT_MOVE);
    struct dimse request = bench_request(DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, MOVE_STUDY("1.2.3"));
    bench_send(2, &request);
    bench_send(4, &request);
    ck_assert_ptr_nonnull(bench_command(COMMAND_OPEN)); /* plain: two at once */
    bench_plain();
    bench_quirk(QUIRK_assoc_serial_per_ae, "1");
    start();
    bench_open(4, UID_STUDY_ROOT_MOVE);
    bench_send(2, &request);
    struct command opening = *bench_command(COMMAND_OPEN);
    bench_send(4, &request);
    ck_assert_ptr_null(bench_command(COMMAND_OPEN));
    ck_assert(bench_bit(QUIRK_assoc_serial_per_ae));
    struct event opened = {.kind = EVENT_OPENED, .channel = opening.channel};
    bench_step(&opened); /* nothing is accepted: all fails, the association is released */
    ck_assert_ptr_nonnull(bench_command(COMMAND_CLOSE));
    ck_assert_ptr_null(bench_command(COMMAND_OPEN));
    struct event closed = {
        .kind = EVENT_CLOSED, .channel = opening.channel, .cause = CLOSED_RELEASED};
    bench_step(&closed);
    ck_assert_ptr_nonnull(
        bench_command(COMMAND_OPEN)); /* the second begins when the first is closed */
}
END_TEST

/* ---- C-GET. */
START_TEST(node_get_sends_on_the_association_of_the_request)
{
    bench_plain();
    bench_start();
    struct context contexts[] = {{.id = 1,
                                  .abstract_syntax = UID_STUDY_ROOT_GET,
                                  .transfer_syntaxes = {UID_IMPLICIT_LITTLE},
                                  .syntax_count = 1},
                                 {.id = 3,
                                  .abstract_syntax = UID_CT_IMAGE,
                                  .transfer_syntaxes = {UID_IMPLICIT_LITTLE},
                                  .syntax_count = 1,
                                  .scp = true}};
    struct event asked = {.kind = EVENT_ASKED,
                          .channel = 2,
                          .calling = SLICE(CALLER),
                          .called = SLICE(OWN),
                          .contexts = {contexts, 2}};
    bench_step(&asked);
    taken = (struct taken){.status = -1};
    taken_status = STATUS_SUCCESS;
    struct dimse request = bench_request(DIMSE_C_GET_RQ, UID_STUDY_ROOT_GET, MOVE_STUDY("1.2.3"));
    bench_send(2, &request);
    look(2);
    ck_assert_uint_eq(taken.count, 10);
    ck_assert_int_eq(taken.status, STATUS_SUCCESS);
    ck_assert_int_eq(taken.completed, 10);
    ck_assert(slice_equal(taken.first_syntax, UID_IMPLICIT_LITTLE));
    bench_plain();
    bench_quirk(QUIRK_move_no_cget, "");
    bench_start();
    bench_ask(2, CALLER, OWN, UID_STUDY_ROOT_GET, UID_IMPLICIT_LITTLE);
    ck_assert_int_eq(bench_command(COMMAND_ACCEPT)->contexts.list[0].result,
                     CONTEXT_ABSTRACT_UNKNOWN);
}
END_TEST

UNIT_MAIN(node_move_sends_every_instance_once_and_counts, node_move_sends_the_same_whatever_the_run,
          node_move_sends_only_the_series_or_image_asked_for,
          node_move_refuses_an_unknown_destination_and_missing_keys, node_move_says_what_failed,
          node_move_fails_when_the_destination_refuses,
          node_move_tries_again_after_a_transient_refusal,
          node_move_is_held_before_the_instance_and_goes_on_when_healed,
          node_tells_that_it_holds_and_forgets_a_move_whose_requestor_is_gone,
          node_move_ends_with_cancel, a_reply_may_never_come_or_leave_an_instance_out,
          quirk_counters_are_missing, quirk_no_pending_answer_comes,
          quirk_first_move_ends_in_success_with_nothing_sent,
          quirk_each_image_has_an_association_of_its_own, quirk_level_is_ignored,
          quirk_originator_is_not_told, quirk_study_comes_from_tape,
          quirk_one_association_at_a_time_to_a_destination,
          node_get_sends_on_the_association_of_the_request)
