/* SPDX-License-Identifier: MIT
 *
 * Every fault of sim/node/faults.def that bends an answer or an association, and that it ends. */
#include "tests/unit/node/node_test.h"

#define STUDY {TAG_QueryRetrieveLevel, "STUDY"}
#define HERS KEYS(STUDY, {TAG_PatientID, "777"})
#define TWO  KEYS(STUDY, {TAG_PatientID, "123456"})

/* The driver sends CLOCK when something is due. */
static void bench_node_until(time_ns at)
{
    struct event event = {.kind = EVENT_CLOCK};
    bench_now = at > bench_now ? at : bench_now;
    bench_step(&event);
}

static void begin(void)
{
    bench_plain();
    bench_start();
}

static void bend(const char *how)
{
    bench_plan(PLAN_FAULT, "reply", "how", how, NULL, NULL);
    ck_assert_ptr_nonnull(bench_seen(OBSERVATION_fault_began));
}

static void mend(void)
{
    bench_plan(PLAN_HEAL, "reply", NULL, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(bench_seen(OBSERVATION_fault_ended));
    struct bench_answer answer = bench_study_find(TWO);
    ck_assert_uint_eq(answer.count, 2);
    ck_assert_int_eq(answer.status, STATUS_SUCCESS);
}

START_TEST(a_find_without_a_final_answer_has_its_rows)
{
    begin();
    bench_plan(PLAN_FAULT, "reply", "how", "never_final", "op", "find");
    struct bench_answer answer = bench_study_find(TWO);
    ck_assert_uint_eq(answer.count, 2);
    ck_assert_int_eq(answer.status, -1);
    mend();
}
END_TEST

START_TEST(a_final_answer_may_come_first)
{
    begin();
    bend("final_first");
    bench_open(2, UID_STUDY_ROOT_FIND);
    struct dimse request = bench_request(DIMSE_C_FIND_RQ, UID_STUDY_ROOT_FIND, TWO);
    bench_send(2, &request);
    ck_assert_uint_eq(bench_command(COMMAND_SEND)->run.messages[0].dimse.status, STATUS_SUCCESS);
    static struct bench_answer answer;
    memset(&answer, 0, sizeof answer);
    bench_gather(&answer);
    ck_assert_uint_eq(answer.count, 2);
    mend();
}
END_TEST

START_TEST(a_pending_row_may_come_after_the_final_answer)
{
    begin();
    bend("late_pending");
    bench_open(2, UID_STUDY_ROOT_FIND);
    struct dimse request = bench_request(DIMSE_C_FIND_RQ, UID_STUDY_ROOT_FIND, TWO);
    bench_send(2, &request);
    const struct command *command = bench_command(COMMAND_SEND);
    ck_assert_uint_eq(command->run.count, 4);
    ck_assert_uint_eq(command->run.messages[2].dimse.status, STATUS_SUCCESS);
    ck_assert(status_is_pending(command->run.messages[3].dimse.status));
    mend();
}
END_TEST

START_TEST(rows_may_come_twice_and_of_other_patients)
{
    begin();
    bend("duplicate_rows");
    ck_assert_uint_eq(bench_study_find(TWO).count, 4);
    mend();
    bend("other_patient");
    ck_assert_uint_gt(bench_study_find(TWO).count, 2);
    mend();
}
END_TEST

START_TEST(a_key_may_be_ignored)
{
    begin();
    bench_plan(PLAN_FAULT, "ignore_key", "key", "PatientID", NULL, NULL);
    ck_assert_uint_gt(bench_study_find(HERS).count, 1);
    bench_plan(PLAN_HEAL, "ignore_key", NULL, NULL, NULL, NULL);
    ck_assert_uint_eq(bench_study_find(HERS).count, 1);
}
END_TEST

START_TEST(rows_may_name_a_wrong_character_set)
{
    begin();
    struct bench_answer right = bench_study_find(HERS);
    const char *charset = value_of(&right, 0, TAG_SpecificCharacterSet);
    bench_plan(PLAN_FAULT, "charset_wrong", NULL, NULL, NULL, NULL);
    struct bench_answer wrong = bench_study_find(HERS);
    ck_assert_str_ne(value_of(&wrong, 0, TAG_SpecificCharacterSet), charset);
    ck_assert_str_eq(value_of(&wrong, 0, TAG_PatientName), value_of(&right, 0, TAG_PatientName));
}
END_TEST

START_TEST(an_answer_may_be_aborted_in_its_middle)
{
    begin();
    bench_plan(PLAN_FAULT, "abort_mid_pdu", NULL, NULL, NULL, NULL);
    bench_open(2, UID_STUDY_ROOT_FIND);
    struct dimse request = bench_request(DIMSE_C_FIND_RQ, UID_STUDY_ROOT_FIND, TWO);
    bench_send(2, &request);
    ck_assert_uint_eq(bench_command(COMMAND_SEND)->run.count, 1);
    ck_assert_ptr_nonnull(bench_command(COMMAND_ABORT));
}
END_TEST

START_TEST(the_nth_answers_alone_may_be_bent)
{
    begin();
    struct event event = {.kind = EVENT_PLAN, .plan = {.kind = PLAN_FAULT, .verb = SLICE("reply"), .argument_count = 3}};
    event.plan.arguments[0] = (struct plan_argument){SLICE("how"), SLICE("capped")};
    event.plan.arguments[1] = (struct plan_argument){SLICE("rows"), SLICE("1")};
    event.plan.arguments[2] = (struct plan_argument){SLICE("nth"), SLICE("2\\4")};
    bench_step(&event);
    ck_assert_ptr_null(bench_seen(OBSERVATION_fault_began)); /* it begins when it bites */
    static const size_t rows[] = {2, 1, 2, 1, 2};
    for (size_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(bench_study_find(TWO).count, rows[i]);
    }
}
END_TEST

START_TEST(an_answer_may_be_bent_by_chance_and_the_same_way_each_time)
{
    size_t bent[2] = {0, 0};
    for (int run = 0; run < 2; run++) {
        begin();
        struct event event = {.kind = EVENT_PLAN, .plan = {.kind = PLAN_FAULT, .id = 5, .verb = SLICE("reply"), .argument_count = 3}};
        event.plan.arguments[0] = (struct plan_argument){SLICE("how"), SLICE("capped")};
        event.plan.arguments[1] = (struct plan_argument){SLICE("rows"), SLICE("1")};
        event.plan.arguments[2] = (struct plan_argument){SLICE("chance"), SLICE("300000")};
        bench_step(&event);
        for (int i = 0; i < 40; i++) {
            bent[run] = bent[run] * 2 % 1000003 + (bench_study_find(TWO).count == 1);
        }
    }
    ck_assert_uint_eq(bent[0], bent[1]);
    ck_assert_uint_gt(bent[0], 0);
}
END_TEST

START_TEST(so_many_answers_may_be_bent)
{
    begin();
    struct event event = {.kind = EVENT_PLAN, .plan = {.kind = PLAN_FAULT, .verb = SLICE("reply"), .argument_count = 3}};
    event.plan.arguments[0] = (struct plan_argument){SLICE("how"), SLICE("capped")};
    event.plan.arguments[1] = (struct plan_argument){SLICE("rows"), SLICE("1")};
    event.plan.arguments[2] = (struct plan_argument){SLICE("times"), SLICE("1")};
    bench_step(&event);
    ck_assert_uint_eq(bench_study_find(TWO).count, 1);
    ck_assert_uint_eq(bench_study_find(TWO).count, 2);
}
END_TEST

static void rejected_with(uint8_t result, uint8_t source, uint8_t reason)
{
    bench_ask(40, CALLER, OWN, UID_STUDY_ROOT_FIND, UID_IMPLICIT_LITTLE);
    const struct command *reject = bench_command(COMMAND_REJECT);
    ck_assert_ptr_nonnull(reject);
    ck_assert_uint_eq(reject->reject_result, result);
    ck_assert_uint_eq(reject->reject_source, source);
    ck_assert_uint_eq(reject->reject_reason, reason);
    struct event event = {.kind = EVENT_CLOSED, .channel = 40, .cause = CLOSED_ABORTED_BY_US};
    bench_step(&event);
}

START_TEST(associations_may_be_rejected_in_three_ways)
{
    begin();
    bench_plan(PLAN_FAULT, "reject", "how", "transient", NULL, NULL);
    rejected_with(2, 3, 1);
    bench_plan(PLAN_HEAL, "reject", NULL, NULL, NULL, NULL);
    bench_plan(PLAN_FAULT, "reject", "how", "permanent", NULL, NULL);
    rejected_with(1, 1, 1);
    bench_plan(PLAN_HEAL, "reject", NULL, NULL, NULL, NULL);
    bench_plan(PLAN_FAULT, "wrong_ae", NULL, NULL, NULL, NULL);
    rejected_with(1, 1, 7);
    bench_plan(PLAN_HEAL, "wrong_ae", NULL, NULL, NULL, NULL);
    ck_assert_uint_eq(bench_study_find(HERS).count, 1);
}
END_TEST

START_TEST(associations_may_be_few)
{
    begin();
    bench_plan(PLAN_FAULT, "associations", "n", "1", NULL, NULL);
    bench_open(2, UID_STUDY_ROOT_FIND);
    rejected_with(2, 3, 2);
    bench_plan(PLAN_HEAL, "associations", NULL, NULL, NULL, NULL);
    bench_open(4, UID_STUDY_ROOT_FIND);
}
END_TEST

START_TEST(a_node_that_pauses_goes_on_where_it_was)
{
    begin();
    bench_open(2, UID_STUDY_ROOT_FIND);
    bench_plan(PLAN_FAULT, "pause", NULL, NULL, NULL, NULL);
    struct dimse request = bench_request(DIMSE_C_FIND_RQ, UID_STUDY_ROOT_FIND, TWO);
    bench_send(2, &request);
    ck_assert_ptr_null(bench_command(COMMAND_SEND));
    bench_plan(PLAN_HEAL, "pause", NULL, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(bench_command(COMMAND_SEND));
}
END_TEST

START_TEST(a_node_in_a_restart_loop_dies_and_comes_back_until_healed)
{
    begin();
    bench_plan(PLAN_FAULT, "restart_loop", "every", "4000000000", NULL, NULL);
    ck_assert(!bench_command(COMMAND_LISTEN)->flag);
    for (int round = 0; round < 3; round++) {
        bench_node_until(node_due(bench_node));
        ck_assert(bench_command(COMMAND_LISTEN)->flag); /* back */
        bench_node_until(node_due(bench_node));
        ck_assert(!bench_command(COMMAND_LISTEN)->flag); /* and down again */
    }
    bench_plan(PLAN_HEAL, "restart_loop", NULL, NULL, NULL, NULL);
    ck_assert(bench_command(COMMAND_LISTEN)->flag);
    ck_assert_int_eq(node_due(bench_node), TIME_NEVER);
}
END_TEST

START_TEST(a_heal_without_detail_ends_every_hang_and_says_each)
{
    begin();
    bench_plan(PLAN_FAULT, "hang", "op", "find", NULL, NULL);
    ck_assert_str_eq(text_of(bench_seen(OBSERVATION_fault_began)->text), "hang find");
    bench_plan(PLAN_FAULT, "hang", "op", "move", NULL, NULL);
    ck_assert_str_eq(text_of(bench_seen(OBSERVATION_fault_began)->text), "hang move");
    bench_plan(PLAN_HEAL, "hang", NULL, NULL, NULL, NULL);
    size_t ended = 0;
    for (size_t i = 0; i < bench.observation_count; i++) {
        ended += bench.observations[i].kind == OBSERVATION_fault_ended;
    }
    ck_assert_uint_eq(ended, 2);
}
END_TEST

UNIT_MAIN(a_find_without_a_final_answer_has_its_rows, a_final_answer_may_come_first, a_pending_row_may_come_after_the_final_answer,
          rows_may_come_twice_and_of_other_patients, a_key_may_be_ignored, rows_may_name_a_wrong_character_set,
          an_answer_may_be_aborted_in_its_middle, the_nth_answers_alone_may_be_bent, an_answer_may_be_bent_by_chance_and_the_same_way_each_time,
          so_many_answers_may_be_bent, associations_may_be_rejected_in_three_ways, associations_may_be_few, a_node_that_pauses_goes_on_where_it_was,
          a_node_in_a_restart_loop_dies_and_comes_back_until_healed, a_heal_without_detail_ends_every_hang_and_says_each)
