/* SPDX-License-Identifier: MIT */
#include "src/dicom/dimse.h"
#include "src/dicom/uid.h"
#include "tests/unit/dicom/dicom_test.h"

static slice write(const struct dimse *message)
{
    struct buffer buffer = buffer_over(test_bytes, sizeof test_bytes);
    dimse_write_command(message, &buffer);
    ck_assert(!buffer.full);
    return buffer_slice(&buffer);
}

static enum err parse(struct dimse *message, slice bytes, bool *has_data)
{
    struct arena arena = test_arena();
    return dimse_parse_command(message, bytes, has_data, &arena);
}

/* A message of the kind with every part it may hold. */
static struct dimse full_message(int kind)
{
    return (struct dimse){.kind = (enum dimse_kind)kind,
                          .message_id = 7,
                          .status = 0xB000,
                          .priority = 1,
                          .sop_class_uid = UID_CT_IMAGE,
                          .sop_instance_uid = SLICE("1.2.3"),
                          .move_destination = SLICE("DEST"),
                          .move_originator = SLICE("ORIG"),
                          .move_originator_id = 9,
                          .remaining = 1,
                          .completed = 2,
                          .failed = 3,
                          .warning = DIMSE_COUNTER_ABSENT,
                          .error_comment = SLICE("one failed"),
                          .type_id = 2};
}

START_TEST(every_message_is_read_as_it_was_written)
{
    for (int kind = 0; kind < DIMSE_COUNT; kind++) {
        struct dimse message = full_message(kind), back;
        bool has_data;
        char first[1024];
        slice bytes = write(&message);
        memcpy(first, bytes.data, bytes.size);
        ck_assert_msg(parse(&back, bytes, &has_data) == ERR_OK, "%s", dimse_text(message.kind));
        ck_assert_int_eq(back.kind, kind);
        ck_assert_uint_eq(back.message_id, 7);
        ck_assert_int_eq(has_data, kind == DIMSE_C_STORE_RQ);
        struct dimse again = back;
        again.sop_class_uid = back.sop_class_uid.size == 0 ? SLICE_EMPTY : UID_CT_IMAGE;
        again.sop_instance_uid = back.sop_instance_uid.size == 0 ? SLICE_EMPTY : SLICE("1.2.3");
        again.move_destination = back.move_destination.size == 0 ? SLICE_EMPTY : SLICE("DEST");
        again.move_originator = back.move_originator.size == 0 ? SLICE_EMPTY : SLICE("ORIG");
        again.error_comment = back.error_comment.size == 0 ? SLICE_EMPTY : SLICE("one failed");
        again.object.sop_instance_uid = SLICE_EMPTY;
        slice rewritten = write(&again);
        ck_assert_msg(rewritten.size == bytes.size && memcmp(first, rewritten.data, bytes.size) == 0, "%s", dimse_text(message.kind));
    }
}
END_TEST

START_TEST(a_move_response_keeps_its_counters_and_tells_the_absent_one)
{
    struct dimse message = full_message(DIMSE_C_MOVE_RSP), back;
    bool has_data;
    ck_assert_int_eq(parse(&back, write(&message), &has_data), ERR_OK);
    ck_assert_int_eq(back.remaining, 1);
    ck_assert_int_eq(back.failed, 3);
    ck_assert_int_eq(back.warning, DIMSE_COUNTER_ABSENT);
    ck_assert_slice_eq(back.error_comment, "one failed");
    ck_assert_uint_eq(back.status, 0xB000);
}
END_TEST

START_TEST(a_store_request_tells_its_originator_and_describes_its_object)
{
    struct dimse message = full_message(DIMSE_C_STORE_RQ), back;
    bool has_data;
    ck_assert_int_eq(parse(&back, write(&message), &has_data), ERR_OK);
    ck_assert_slice_eq(back.move_originator, "ORIG");
    ck_assert_uint_eq(back.move_originator_id, 9);
    ck_assert(slice_equal(back.object.sop_class_uid, UID_CT_IMAGE));
    ck_assert_slice_eq(back.object.sop_instance_uid, "1.2.3");
}
END_TEST

START_TEST(a_data_set_is_announced_when_there_is_one)
{
    struct dataset identifier = {0};
    struct dimse message = full_message(DIMSE_C_FIND_RQ), back;
    bool has_data = false;
    message.identifier = &identifier;
    ck_assert_int_eq(parse(&back, write(&message), &has_data), ERR_OK);
    ck_assert(has_data);
}
END_TEST

START_TEST(a_response_answers_its_request)
{
    struct dimse request = full_message(DIMSE_N_ACTION_RQ);
    request.context_id = 5;
    struct dimse response = dimse_response(&request, STATUS_NO_SUCH_INSTANCE);
    ck_assert_int_eq(response.kind, DIMSE_N_ACTION_RSP);
    ck_assert_uint_eq(response.context_id, 5);
    ck_assert_uint_eq(response.message_id, 7);
    ck_assert_uint_eq(response.status, STATUS_NO_SUCH_INSTANCE);
    ck_assert_int_eq(response.completed, DIMSE_COUNTER_ABSENT);
    request.kind = DIMSE_C_ECHO_RQ;
    ck_assert_int_eq(dimse_response(&request, 0).kind, DIMSE_C_ECHO_RSP);
}
END_TEST

START_TEST(a_message_without_a_required_element_is_refused)
{
    struct dimse message = full_message(DIMSE_C_MOVE_RQ), back;
    bool has_data;
    message.move_destination = SLICE_EMPTY;
    ck_assert_int_eq(parse(&back, write(&message), &has_data), ERR_BAD_MESSAGE);
    message = full_message(DIMSE_C_STORE_RQ);
    message.sop_instance_uid = SLICE_EMPTY;
    ck_assert_int_eq(parse(&back, write(&message), &has_data), ERR_BAD_MESSAGE);
    message = full_message(DIMSE_C_FIND_RQ);
    message.sop_class_uid = SLICE_EMPTY;
    ck_assert_int_eq(parse(&back, write(&message), &has_data), ERR_BAD_MESSAGE);
}
END_TEST

START_TEST(a_command_that_is_none_is_refused)
{
    struct dimse message;
    bool has_data;
    static const struct {
        const char *what;
        slice bytes;
    } rows[] = {
        {"nothing", SLICE("")},
        {"unknown command field", SLICE("\0\0\0\1\2\0\0\0\x55\x55\0\0\x10\1\2\0\0\0\1\0\0\0\0\x08\2\0\0\0\1\1")},
        {"no command field", SLICE("\0\0\x10\1\2\0\0\0\1\0\0\0\0\x08\2\0\0\0\1\1")},
        {"no data set type", SLICE("\0\0\0\1\2\0\0\0\x30\0\0\0\x10\1\2\0\0\0\1\0")},
        {"explicit VR", SLICE("\0\0\0\1US\2\0\x30\0\0\0\x10\1US\2\0\1\0\0\0\0\x08US\2\0\1\1")},
        {"big endian", SLICE("\0\0\1\0\0\0\0\2\0\x30\0\0\1\x10\0\0\0\2\0\1\0\0\x08\0\0\0\0\2\1\1")},
        {"an element of the data set", SLICE("\0\0\0\1\2\0\0\0\x30\0\0\0\x10\1\2\0\0\0\1\0\0\0\0\x08\2\0\0\0\1\1\x10\0\x20\0\2\0\0\0P1")},
        {"command field of one byte", SLICE("\0\0\0\1\1\0\0\0\x30\0\0\x10\1\2\0\0\0\1\0\0\0\0\x08\2\0\0\0\1\1")},
        {"cut short", SLICE("\0\0\0\1\2\0\0\0\x30\0\0\0\x10\1\2\0\0")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(parse(&message, rows[i].bytes, &has_data) == ERR_BAD_MESSAGE, "%s", rows[i].what);
    }
}
END_TEST

START_TEST(a_group_length_may_be_wrong_or_absent_and_values_may_be_several)
{
    struct dimse message;
    bool has_data;
    slice absent = BYTES("\0\0\0\1\2\0\0\0\x30\0\0\0\x10\1\2\0\0\0\3\0\0\0\0\x08\2\0\0\0\1\1");
    slice wrong = BYTES("\0\0\0\0\4\0\0\0\xFF\xFF\0\0\0\0\0\1\4\0\0\0\x30\0\x55\x55\0\0\x10\1\2\0\0\0\3\0\0\0\0\x08\2\0\0\0\1\1");
    ck_assert_int_eq(parse(&message, absent, &has_data), ERR_OK);
    ck_assert_int_eq(parse(&message, wrong, &has_data), ERR_OK);
    ck_assert_int_eq(message.kind, DIMSE_C_ECHO_RQ);
    ck_assert_uint_eq(message.message_id, 3);
}
END_TEST

START_TEST(an_arena_too_small_for_a_command_is_said)
{
    struct dimse message = full_message(DIMSE_C_MOVE_RSP), back;
    slice bytes = write(&message);
    bool has_data;
    enum err err = ERR_LIMIT;
    size_t size;
    for (size = 0; err != ERR_OK; size += 16) {
        struct arena tight = {.memory = test_memory, .size = size};
        err = dimse_parse_command(&back, bytes, &has_data, &tight);
        ck_assert(err == ERR_OK || err == ERR_LIMIT);
    }
    ck_assert_uint_gt(size, 16);
    ck_assert_uint_lt(size, 4096);
}
END_TEST

START_TEST(a_command_that_does_not_fit_leaves_the_buffer_full)
{
    struct dimse message = full_message(DIMSE_C_MOVE_RQ);
    for (size_t size = 0; size < write(&message).size; size++) {
        struct buffer buffer = buffer_over(test_memory, size);
        dimse_write_command(&message, &buffer);
        ck_assert(buffer.full);
    }
}
END_TEST

START_TEST(statuses_are_pending_warning_or_neither)
{
    ck_assert(status_is_pending(0xFF00) && status_is_pending(0xFF01) && !status_is_pending(0xFE00));
    ck_assert(status_is_warning(0xB000) && status_is_warning(0xB007) && status_is_warning(1) && status_is_warning(0x107));
    ck_assert(!status_is_warning(0) && !status_is_warning(0xA700) && !status_is_warning(0xFF00) && !status_is_warning(0xC000));
}
END_TEST

START_TEST(a_context_is_found_by_class_and_preferably_by_syntax)
{
    struct context list[] = {
        {.id = 1, .abstract_syntax = UID_CT_IMAGE, .result = CONTEXT_SYNTAX_UNKNOWN, .accepted_syntax = UID_JPEG_2000},
        {.id = 3, .abstract_syntax = UID_CT_IMAGE, .result = CONTEXT_ACCEPTED, .accepted_syntax = UID_IMPLICIT_LITTLE},
        {.id = 5, .abstract_syntax = UID_CT_IMAGE, .result = CONTEXT_ACCEPTED, .accepted_syntax = UID_EXPLICIT_LITTLE},
    };
    struct contexts contexts = {list, 3};
    ck_assert_uint_eq(contexts_find(&contexts, UID_CT_IMAGE, UID_EXPLICIT_LITTLE)->id, 5);
    ck_assert_uint_eq(contexts_find(&contexts, UID_CT_IMAGE, SLICE_EMPTY)->id, 3);
    ck_assert_uint_eq(contexts_find(&contexts, UID_CT_IMAGE, UID_JPEG_2000)->id, 3);
    ck_assert_ptr_null(contexts_find(&contexts, UID_MR_IMAGE, SLICE_EMPTY));
    ck_assert_ptr_eq(contexts_get(&contexts, 1), &list[0]);
    ck_assert_ptr_null(contexts_get(&contexts, 2));
}
END_TEST

UNIT_MAIN(every_message_is_read_as_it_was_written, a_move_response_keeps_its_counters_and_tells_the_absent_one,
          a_store_request_tells_its_originator_and_describes_its_object, a_data_set_is_announced_when_there_is_one,
          a_response_answers_its_request, a_message_without_a_required_element_is_refused,
          a_command_that_is_none_is_refused, a_group_length_may_be_wrong_or_absent_and_values_may_be_several,
          an_arena_too_small_for_a_command_is_said, a_command_that_does_not_fit_leaves_the_buffer_full,
          statuses_are_pending_warning_or_neither, a_context_is_found_by_class_and_preferably_by_syntax)
