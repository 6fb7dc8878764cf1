/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

#include "src/actor/serial.h"

static char memory[1 << 20] __attribute__((aligned(16)));
static struct arena arena;
static struct out out;

static void begin(size_t size)
{
    arena = (struct arena){.memory = memory, .size = size};
    out.arena = &arena;
    out_clear(&out);
}

START_TEST(out_keeps_what_it_is_given_in_order)
{
    begin(sizeof memory);
    out_command(&out, COMMAND_CLOSE)->channel = 3;
    out_command(&out, COMMAND_ABORT)->channel = 5;
    out_record(&out, 2)->values[0].integer = 9;
    ck_assert_uint_eq(out.command_count, 2);
    ck_assert_int_eq(out.commands[1].kind, COMMAND_ABORT);
    ck_assert_int_eq(out.records[0].values[0].integer, 9);
    out_clear(&out);
    ck_assert_uint_eq(out.command_count + out.record_count + out.observation_count, 0);
}
END_TEST

START_TEST(out_says_full_instead_of_writing_past_its_end)
{
    begin(sizeof memory);
    for (size_t i = 0; i < OUT_COMMANDS_MAX; i++) {
        (void)out_command(&out, COMMAND_NOTE);
    }
    ck_assert(!out.full);
    ck_assert_ptr_nonnull(out_command(&out, COMMAND_NOTE));
    ck_assert(out.full);
    ck_assert_uint_eq(out.command_count, OUT_COMMANDS_MAX);
}
END_TEST

START_TEST(out_send_copies_the_message_deeply)
{
    char uid[] = "1.2.3";
    begin(sizeof memory);
    out_send_dimse(&out, 7, &(struct dimse){.kind = DIMSE_C_ECHO_RQ, .message_id = 1, .sop_class_uid = {uid, 5}});
    memset(uid, 'x', sizeof uid);
    ck_assert_int_eq(out.commands[0].kind, COMMAND_SEND);
    ck_assert_int_eq(out.commands[0].channel, 7);
    ck_assert(slice_equal(out.commands[0].run.messages[0].dimse.sop_class_uid, SLICE("1.2.3")));
}
END_TEST

START_TEST(out_send_says_full_when_its_arena_is)
{
    begin(64);
    out_send_dimse(&out, 7, &(struct dimse){.kind = DIMSE_C_ECHO_RQ});
    ck_assert(out.full);
}
END_TEST

START_TEST(plan_arguments_are_found_by_name)
{
    struct plan_entry entry = {.argument_count = 2};
    entry.arguments[0] = (struct plan_argument){SLICE("person"), SLICE("woman")};
    entry.arguments[1] = (struct plan_argument){SLICE("at"), SLICE("12")};
    ck_assert(slice_equal(plan_get(&entry, "person"), SLICE("woman")));
    ck_assert_uint_eq(plan_get(&entry, "nobody").size, 0);
    ck_assert_int_eq(plan_get_int(&entry, "at", 5), 12);
    ck_assert_int_eq(plan_get_int(&entry, "person", 5), 5);
    ck_assert_int_eq(plan_get_int(&entry, "nothing", 5), 5);
}
END_TEST

START_TEST(observation_names_are_those_of_the_table)
{
    enum observation_kind kind;
    ck_assert_str_eq(observation_text(OBSERVATION_delivered), "delivered");
    ck_assert(observation_from_text(SLICE("study_delivered"), &kind));
    ck_assert_int_eq(kind, OBSERVATION_study_delivered);
    ck_assert(!observation_from_text(SLICE("nothing"), &kind));
}
END_TEST

START_TEST(observation_line_leaves_out_what_is_empty)
{
    char text[512];
    struct buffer buffer = buffer_over(text, sizeof text - 1);
    observation_put_json(&(struct observation){.kind = OBSERVATION_asked, .at_ns = 5, .actor = SLICE("vel"), .text = SLICE("a\"b"), .number = 3, .flag = true}, &buffer);
    text[buffer.size] = '\0';
    ck_assert_str_eq(text, "{\"observed\":\"asked\",\"at\":5,\"actor\":\"vel\",\"text\":\"a\\\"b\",\"number\":3,\"flag\":true}");
}
END_TEST

UNIT_MAIN(out_keeps_what_it_is_given_in_order, out_says_full_instead_of_writing_past_its_end, out_send_copies_the_message_deeply,
          out_send_says_full_when_its_arena_is, plan_arguments_are_found_by_name, observation_names_are_those_of_the_table,
          observation_line_leaves_out_what_is_empty)
