/* SPDX-License-Identifier: MIT */
#include "tests/unit/hl7/hl7_test.h"

#define VT  "\x0B"
#define END "\x1C\r"

static char frame[64], seen_bytes[256];

/* Takes all bytes and writes the messages into `seen`, each in brackets. */
static void take(struct mllp *mllp, slice bytes, struct buffer *seen)
{
    while (bytes.size > 0) {
        size_t used = 0;
        bool complete = false;
        ck_assert_int_eq(mllp_take(mllp, bytes, &used, &complete), ERR_OK);
        ck_assert(used > 0 || complete);
        bytes = slice_after(bytes, used);
        if (complete) {
            buffer_put_text(seen, "[");
            buffer_put(seen, mllp_message(mllp));
            buffer_put_text(seen, "]");
        }
    }
}

static struct mllp fresh(void)
{
    return (struct mllp){.message = buffer_over(frame, sizeof frame)};
}

static void assert_seen(const char *stream, const char *expected, size_t garbage)
{
    slice all = slice_from(stream);
    for (size_t cut = 0; cut <= all.size; cut++) {
        struct mllp mllp = fresh();
        struct buffer seen = buffer_over(seen_bytes, sizeof seen_bytes);
        take(&mllp, slice_before(all, cut), &seen);
        take(&mllp, slice_after(all, cut), &seen);
        ck_assert_slice_eq(buffer_slice(&seen), expected);
        ck_assert_uint_eq(mllp.garbage, garbage);
    }
    struct mllp mllp = fresh();
    struct buffer seen = buffer_over(seen_bytes, sizeof seen_bytes);
    for (size_t i = 0; i < all.size; i++) {
        take(&mllp, (slice){all.data + i, 1}, &seen);
    }
    ck_assert_slice_eq(buffer_slice(&seen), expected);
    ck_assert_uint_eq(mllp.garbage, garbage);
}

START_TEST(a_message_arrives_whole_wherever_it_is_split)
{
    assert_seen(VT "MSH|^~\\&|RIS\rPID|1\r" END, "[MSH|^~\\&|RIS\rPID|1\r]", 0);
}
END_TEST

START_TEST(two_messages_in_one_chunk_are_two_messages)
{
    assert_seen(VT "one" END VT "two" END, "[one][two]", 0);
}
END_TEST

START_TEST(an_empty_message_is_a_message)
{
    assert_seen(VT END, "[]", 0);
}
END_TEST

START_TEST(bytes_between_messages_are_counted_and_left_out)
{
    assert_seen("xx" VT "one" END "\r\nyy" VT "two" END "z", "[one][two]", 7);
    assert_seen("MSH|no start" END, "", 14);
}
END_TEST

START_TEST(a_start_within_a_message_begins_it_anew)
{
    assert_seen(VT "lost" VT "one" END, "[one]", 5);
    assert_seen(VT VT VT "one" END, "[one]", 2);
}
END_TEST

START_TEST(an_end_without_cr_is_seen_when_the_next_message_begins)
{
    assert_seen(VT "one\x1C" VT "two" END, "[one][two]", 0);
}
END_TEST

START_TEST(an_fs_within_a_message_is_part_of_it)
{
    assert_seen(VT "a\x1C"
                   "b\x1C\x1C" END,
                "[a\x1C"
                "b\x1C\x1C]",
                0);
}
END_TEST

START_TEST(a_message_longer_than_its_limit_is_a_limit)
{
    char stream[] = VT "12345678" END;
    for (size_t capacity = 0; capacity <= 8; capacity++) {
        struct mllp mllp = {.message = buffer_over(frame, capacity)};
        size_t used = 0;
        bool complete = false;
        enum err err = mllp_take(&mllp, slice_from(stream), &used, &complete);
        ck_assert_int_eq(err, capacity < 8 ? ERR_LIMIT : ERR_OK);
        ck_assert_int_eq(complete, capacity == 8);
    }
}
END_TEST

START_TEST(a_written_frame_is_taken_again)
{
    char bytes[32];
    struct buffer buffer = buffer_over(bytes, sizeof bytes);
    mllp_write(SLICE("MSH|"), &buffer);
    ck_assert_slice_eq(buffer_slice(&buffer), VT "MSH|" END);
}
END_TEST

UNIT_MAIN(a_message_arrives_whole_wherever_it_is_split, two_messages_in_one_chunk_are_two_messages,
          an_empty_message_is_a_message, bytes_between_messages_are_counted_and_left_out,
          a_start_within_a_message_begins_it_anew,
          an_end_without_cr_is_seen_when_the_next_message_begins,
          an_fs_within_a_message_is_part_of_it, a_message_longer_than_its_limit_is_a_limit,
          a_written_frame_is_taken_again)
