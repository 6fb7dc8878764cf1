/* SPDX-License-Identifier: MIT */
#include "tests/unit/hl7/hl7_test.h"

#define ORDER                                                                                      \
    "MSH|^~\\&|RIS|SITE_A\rPID|1||TEST-0001^^^CAV^PI~9990000018^^^NHS^NH\rOBX|1\rOBX|2|TX\r"

static struct hl7_message parsed(const char *text, struct arena *arena)
{
    struct hl7_message message = {0};
    ck_assert_int_eq(hl7_parse(&message, slice_from(text), arena), ERR_OK);
    return message;
}

static void assert_refused(slice bytes, enum err expected)
{
    struct arena arena = test_arena();
    struct hl7_message message = {.count = 99};
    ck_assert_int_eq(hl7_parse(&message, bytes, &arena), expected);
    ck_assert_uint_eq(message.count, 99);
}

START_TEST(hl7_parse_fails_cleanly_at_every_arena_size)
{
    enum err err = ERR_LIMIT;
    for (size_t size = 0; err == ERR_LIMIT; size++) {
        ck_assert_uint_le(size, sizeof test_memory);
        struct arena arena = {.memory = test_memory, .size = size};
        struct hl7_message order = {.count = 99};

        err = hl7_parse(&order, slice_from(ORDER), &arena);

        ck_assert(err == ERR_OK ? order.count == 4 : order.count == 99);
    }
    ck_assert_int_eq(err, ERR_OK);
}
END_TEST

START_TEST(hl7_field_counts_as_the_standard_does)
{
    struct arena arena = test_arena();
    struct hl7_message order = parsed(ORDER, &arena);
    ck_assert_slice_eq(hl7_field(&order, "MSH", 0, 1), "|");
    ck_assert_slice_eq(hl7_field(&order, "MSH", 0, 2), "^~\\&");
    ck_assert_slice_eq(hl7_field(&order, "MSH", 0, 3), "RIS");
    ck_assert_slice_eq(hl7_field(&order, "MSH", 0, 4), "SITE_A");
    ck_assert_slice_eq(hl7_field(&order, "PID", 0, 1), "1");
    ck_assert_slice_eq(hl7_field(&order, "OBX", 1, 2), "TX");
}
END_TEST

START_TEST(hl7_field_is_empty_when_the_segment_is_absent)
{
    struct arena arena = test_arena();
    struct hl7_message order = parsed(ORDER, &arena);
    ck_assert_slice_eq(hl7_field(&order, "ZDS", 0, 1), "");
    ck_assert_slice_eq(hl7_field(&order, "OBX", 2, 1), "");
    ck_assert_slice_eq(hl7_field(&order, "MSH", 0, 40), "");
    ck_assert_slice_eq(hl7_field(&order, "PID", 0, 0), "");
}
END_TEST

START_TEST(hl7_repetitions_and_components_come_apart)
{
    struct arena arena = test_arena();
    struct hl7_message order = parsed(ORDER, &arena);
    slice ids = hl7_field(&order, "PID", 0, 3), second = hl7_repetition(&order, ids, 1);
    ck_assert_slice_eq(hl7_component(&order, hl7_repetition(&order, ids, 0), 1), "TEST-0001");
    ck_assert_slice_eq(hl7_component(&order, second, 4), "NHS");
    ck_assert_slice_eq(hl7_component(&order, second, 5), "NH");
    ck_assert_slice_eq(hl7_component(&order, second, 2), "");
    ck_assert_slice_eq(hl7_component(&order, second, 9), "");
    ck_assert_slice_eq(hl7_component(&order, second, 0), "");
    ck_assert_slice_eq(hl7_repetition(&order, ids, 2), "");
    ck_assert_slice_eq(hl7_subcomponent(&order, SLICE("a&b"), 2), "b");
    ck_assert_slice_eq(hl7_subcomponent(&order, SLICE("a&b"), 3), "");
    ck_assert_slice_eq(hl7_subcomponent(&order, SLICE("a&b"), 0), "");
}
END_TEST

START_TEST(separators_are_those_that_the_message_declares)
{
    struct arena arena = test_arena();
    struct hl7_message order = parsed("MSH$%*!@$RIS\rPID$1$$A%B*C@D\r", &arena);
    slice ids = hl7_field(&order, "PID", 0, 3);
    ck_assert_slice_eq(hl7_field(&order, "MSH", 0, 3), "RIS");
    ck_assert_slice_eq(hl7_component(&order, hl7_repetition(&order, ids, 0), 2), "B");
    ck_assert_slice_eq(hl7_subcomponent(&order, hl7_repetition(&order, ids, 1), 2), "D");
}
END_TEST

START_TEST(a_fifth_encoding_character_is_let_pass)
{
    struct arena arena = test_arena();
    struct hl7_message order = parsed("MSH|^~\\&#|RIS\r", &arena);
    ck_assert_slice_eq(hl7_field(&order, "MSH", 0, 3), "RIS");
}
END_TEST

START_TEST(segments_may_end_in_cr_lf_crlf_lfcr_or_nothing)
{
    static const char *const ends[] = {"\r", "\n", "\r\n", "\n\r"};
    for (size_t i = 0; i < 4; i++) {
        for (int last = 0; last < 2; last++) {
            char text[64] = "MSH|^~\\&|RIS";
            strcat(strcat(text, ends[i]), "PID|1||7");
            strcat(text, last == 0 ? "" : ends[i]);
            struct arena arena = test_arena();
            struct hl7_message order = parsed(text, &arena);
            ck_assert_uint_eq(order.count, 2);
            ck_assert_slice_eq(hl7_field(&order, "MSH", 0, 3), "RIS");
            ck_assert_slice_eq(hl7_field(&order, "PID", 0, 3), "7");
        }
    }
}
END_TEST

START_TEST(empty_lines_before_and_between_segments_are_nothing)
{
    struct arena arena = test_arena();
    struct hl7_message order = parsed("\r\n\nMSH|^~\\&|RIS\r\r\n\rPID|1||7\r\r", &arena);
    ck_assert_uint_eq(order.count, 2);
    ck_assert_slice_eq(hl7_field(&order, "PID", 0, 3), "7");
}
END_TEST

START_TEST(an_lf_within_a_field_does_not_split_its_segment)
{
    struct arena arena = test_arena();
    struct hl7_message report = parsed("MSH|^~\\&|RIS\rOBX|1|TX|||one\ntwo|x\r", &arena);
    ck_assert_uint_eq(report.count, 2);
    ck_assert_slice_eq(hl7_field(&report, "OBX", 0, 5), "one\ntwo");
    ck_assert_slice_eq(hl7_field(&report, "OBX", 0, 6), "x");
}
END_TEST

START_TEST(a_name_that_only_begins_like_a_segment_is_another)
{
    struct arena arena = test_arena();
    struct hl7_message order = parsed("MSH|^~\\&|RIS\rPIDX|1||WRONG\rPID\rPID|1||RIGHT\r", &arena);
    ck_assert_slice_eq(hl7_field(&order, "PID", 0, 3), "");
    ck_assert_slice_eq(hl7_field(&order, "PID", 1, 3), "RIGHT");
}
END_TEST

START_TEST(bytes_without_a_usable_msh_are_refused)
{
    static const char *const bad[] = {
        "",
        "MSH",
        "MSH|",
        "MSH|^~\\",
        "PID|1\rMSH|^~\\&|",
        "FHS|^~\\&|",
        "MSH||~\\&|",
        "MSH|^^\\&|",
        "MSH|^~\\^|",
        "MSH|A~\\&|",
        "MSH1^~\\&1",
        "MSH|^~\\ |",
        "MSH|^~\\&X",
        "MSH|^~|RIS|X",
        "MSH|^~\\\x7f|",
        "MSH|^~\\\xc3|RIS|X",
        "msh|^~\\&|RIS",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_refused(slice_from(bad[i]), ERR_BAD_MESSAGE);
    }
    assert_refused((slice){"MSH|^~\0&|RIS", 12}, ERR_BAD_MESSAGE);
}
END_TEST

START_TEST(two_messages_in_one_frame_are_refused)
{
    assert_refused(SLICE("MSH|^~\\&|RIS\rPID|1\rMSH|^~\\&|RIS\rPID|2\r"), ERR_BAD_MESSAGE);
}
END_TEST

START_TEST(too_many_segments_are_a_limit)
{
    static char bytes[2000 + 5 * HL7_SEGMENTS_MAX];
    struct buffer buffer = buffer_over(bytes, sizeof bytes);
    buffer_put_text(&buffer, "MSH|^~\\&|RIS\r\r\r");
    for (size_t i = 1; i < HL7_SEGMENTS_MAX; i++) {
        buffer_put_text(&buffer, "NTE|\r");
    }
    struct arena arena = test_arena();
    struct hl7_message message = {0};
    ck_assert_int_eq(hl7_parse(&message, buffer_slice(&buffer), &arena), ERR_OK);
    ck_assert_uint_eq(message.count, HL7_SEGMENTS_MAX);
    buffer_put_text(&buffer, "NTE|\r");
    assert_refused(buffer_slice(&buffer), ERR_LIMIT);
}
END_TEST

START_TEST(a_message_over_the_size_limit_is_refused_before_it_is_looked_at)
{
    static char bytes[HL7_MESSAGE_MAX + 1];
    memset(bytes, '\r', sizeof bytes);
    memcpy(bytes, "MSH|^~\\&|", 9);
    assert_refused((slice){bytes, sizeof bytes}, ERR_LIMIT);
    struct arena arena = test_arena();
    struct hl7_message message = {0};
    ck_assert_int_eq(hl7_parse(&message, (slice){bytes, sizeof bytes - 1}, &arena), ERR_OK);
}
END_TEST

UNIT_MAIN(hl7_parse_fails_cleanly_at_every_arena_size, hl7_field_counts_as_the_standard_does,
          hl7_field_is_empty_when_the_segment_is_absent, hl7_repetitions_and_components_come_apart,
          separators_are_those_that_the_message_declares, a_fifth_encoding_character_is_let_pass,
          segments_may_end_in_cr_lf_crlf_lfcr_or_nothing,
          empty_lines_before_and_between_segments_are_nothing,
          an_lf_within_a_field_does_not_split_its_segment,
          a_name_that_only_begins_like_a_segment_is_another, bytes_without_a_usable_msh_are_refused,
          two_messages_in_one_frame_are_refused, too_many_segments_are_a_limit,
          a_message_over_the_size_limit_is_refused_before_it_is_looked_at)
