/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit.h"

#include "src/base/arena.h"
#include "src/base/buffer.h"
#include "src/base/hash.h"
#include "src/base/map.h"
#include "src/base/random.h"
#include "src/base/time.h"

#include <stdio.h>

static char memory[1 << 20];

static struct arena whole(void)
{
    return (struct arena){.memory = memory, .size = sizeof memory};
}

START_TEST(a_slice_is_cut_at_each_separator_and_ends_with_null)
{
    slice rest = SLICE("a\\\\b");
    ck_assert(slice_equal(slice_cut(&rest, '\\'), SLICE("a")));
    ck_assert(slice_equal(slice_cut(&rest, '\\'), SLICE("")));
    ck_assert(slice_equal(slice_cut(&rest, '\\'), SLICE("b")));
    ck_assert_ptr_null(rest.data);
}
END_TEST

START_TEST(padding_goes_at_the_end_only_and_blanks_at_both)
{
    ck_assert(slice_equal(slice_unpad((slice){" 1.2\0 ", 6}), SLICE(" 1.2")));
    ck_assert(slice_equal(slice_trim((slice){" \t1.2\r\n\0", 8}), SLICE("1.2")));
    ck_assert(slice_equal(slice_trim(SLICE("   ")), SLICE("")));
}
END_TEST

START_TEST(numbers_are_read_whole_or_not_at_all)
{
    static const struct {
        const char *text;
        bool good;
        int64_t number;
    } rows[] = {{"0", true, 0},
                {"-17", true, -17},
                {"9223372036854775807", true, INT64_MAX},
                {"9223372036854775808", false, 0},
                {"99999999999999999999", false, 0},
                {"", false, 0},
                {"-", false, 0},
                {"1 ", false, 0},
                {"0x1", false, 0},
                {"1.5", false, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t number = 42;
        ck_assert_msg(slice_to_int64(slice_from(rows[i].text), &number) == rows[i].good, "%s", rows[i].text);
        ck_assert_int_eq(number, rows[i].good ? rows[i].number : 42);
    }
}
END_TEST

START_TEST(an_arena_gives_aligned_zeroed_memory_until_it_is_full)
{
    struct arena arena = whole();
    memset(memory, 0xAA, sizeof memory);
    arena.size = 100;
    char *a = arena_alloc(&arena, 3), *b = arena_alloc(&arena, 16);
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(b);
    ck_assert_uint_eq(((uintptr_t)b - (uintptr_t)memory) % 16, 0);
    for (size_t i = 0; i < 16; i++) {
        ck_assert_int_eq(b[i], 0);
    }
    ck_assert_ptr_null(arena_alloc(&arena, 100));
    ck_assert_ptr_null(arena_array(&arena, SIZE_MAX / 2, 4));
    arena_reset(&arena);
    ck_assert_ptr_eq(arena_alloc(&arena, 1), a);
    ck_assert_uint_eq(arena.high, 32);
}
END_TEST

START_TEST(memory_used_before_is_zeroed_again_and_carved_memory_is_too)
{
    struct arena arena, part;
    ck_assert_int_eq(arena_make(&arena, 1 << 16), ERR_OK);
    for (size_t size = 1; size < 40000; size = size * 3 + 5) {
        unsigned char *bytes = arena_alloc(&arena, size); /* partly above what was ever used */
        for (size_t i = 0; i < size; i++) {
            ck_assert_uint_eq(bytes[i], 0);
        }
        memset(bytes, 0xAA, size);
        arena_reset(&arena);
    }
    ck_assert_int_eq(arena_carve(&part, &arena, 30000), ERR_OK);
    for (int round = 0; round < 2; round++) {
        unsigned char *bytes = arena_alloc(&part, 20000);
        for (size_t i = 0; i < 20000; i++) {
            ck_assert_uint_eq(bytes[i], 0);
        }
        memset(bytes, 0xBB, 20000);
        arena_reset(&part);
    }
    arena_drop(&arena);
}
END_TEST

START_TEST(a_copy_ends_in_a_nul_that_its_size_leaves_out)
{
    struct arena arena = whole();
    slice copy = arena_copy(&arena, SLICE("UHW"));
    ck_assert_uint_eq(copy.size, 3);
    ck_assert_str_eq(copy.data, "UHW");
}
END_TEST

START_TEST(a_buffer_that_is_full_keeps_what_it_held)
{
    char room[4];
    struct buffer buffer = buffer_over(room, sizeof room);
    buffer_put_text(&buffer, "abc");
    buffer_put_text(&buffer, "de");
    buffer_put_text(&buffer, "f");
    ck_assert(buffer.full);
    ck_assert(slice_equal(buffer_slice(&buffer), SLICE("abc")));
}
END_TEST

START_TEST(json_text_is_escaped_and_what_is_not_utf8_is_replaced)
{
    char room[256];
    struct buffer buffer = buffer_over(room, sizeof room);
    buffer_put_json(&buffer, (slice){"a\"\\\n\x01\xC5\xB5\xFF\xC0\x80\xED\xA0\x80", 13});
    ck_assert(slice_equal(buffer_slice(&buffer), SLICE("\"a\\\"\\\\\\n\\u0001\xC5\xB5\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"")));
}
END_TEST

START_TEST(what_is_written_little_endian_is_read_back_and_a_short_read_is_bad)
{
    char room[64];
    struct buffer buffer = buffer_over(room, sizeof room);
    buffer_put_byte(&buffer, 0xFE);
    buffer_put_u16(&buffer, 0xBEEF);
    buffer_put_u32(&buffer, 0xDEADBEEF);
    buffer_put_u64(&buffer, 0x0123456789ABCDEF);
    struct cursor cursor = {.rest = buffer_slice(&buffer)};
    ck_assert_uint_eq(cursor_byte(&cursor), 0xFE);
    ck_assert_uint_eq(cursor_u16(&cursor), 0xBEEF);
    ck_assert_uint_eq(cursor_u32(&cursor), 0xDEADBEEF);
    ck_assert(cursor_u64(&cursor) == 0x0123456789ABCDEF);
    ck_assert(!cursor.bad);
    ck_assert_uint_eq(cursor_byte(&cursor), 0);
    ck_assert(cursor.bad);
}
END_TEST

START_TEST(integers_are_written_in_full_range)
{
    char room[64];
    struct buffer buffer = buffer_over(room, sizeof room);
    buffer_put_int(&buffer, INT64_MIN);
    buffer_put_byte(&buffer, ' ');
    buffer_put_padded(&buffer, 7, 3);
    ck_assert(slice_equal(buffer_slice(&buffer), SLICE("-9223372036854775808 007")));
}
END_TEST

/* The examples of FIPS 180-4 and one that crosses the padding block. */
START_TEST(sha256_gives_the_published_digests)
{
    char text[SHA256_TEXT_SIZE + 1];
    sha256_text(SLICE(""), text);
    ck_assert_str_eq(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_text(SLICE("abc"), text);
    ck_assert_str_eq(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_text(SLICE("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), text);
    ck_assert_str_eq(text, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    struct sha256 sha;
    uint8_t digest[SHA256_SIZE];
    sha256_init(&sha);
    for (int i = 0; i < 1000000; i++) {
        sha256_put(&sha, SLICE("a"));
    }
    sha256_end(&sha, digest);
    ck_assert_uint_eq(digest[0], 0xcd);
    ck_assert_uint_eq(digest[31], 0xd0);
}
END_TEST

/* A model beside it: an array. Removals and puts in a pattern that makes the map sweep its dead slots many times. */
START_TEST(a_map_does_what_an_array_does_over_many_puts_and_removals)
{
    struct arena arena = whole();
    struct map map;
    static char keys[200][8];
    static uint32_t model[200];
    static bool present[200];
    size_t count = 0;
    ck_assert_int_eq(map_init(&map, &arena, 100), ERR_OK);
    for (size_t i = 0; i < 200; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
    }
    for (uint64_t step = 0; step < 20000; step++) {
        size_t i = random_below(random_draw(1, PURPOSE('m', 'a', 'p', ' '), 0, step), 200);
        slice key = slice_from(keys[i]);
        if (step % 3 == 0) {
            ck_assert(map_remove(&map, key) == present[i]);
            count -= present[i];
            present[i] = false;
        } else if (present[i] || count < 100) {
            ck_assert_int_eq(map_put(&map, key, (uint32_t)step), ERR_OK);
            count += !present[i];
            present[i] = true;
            model[i] = (uint32_t)step;
        } else {
            ck_assert_int_eq(map_put(&map, key, 0), ERR_LIMIT);
        }
        uint32_t value = 0;
        ck_assert(map_find(&map, key, &value) == present[i]);
        ck_assert(!present[i] || value == model[i]);
        ck_assert_uint_eq(map.count, count);
    }
}
END_TEST

START_TEST(draws_depend_on_every_argument_and_on_nothing_else)
{
    uint64_t draw = random_draw(1, 2, 3, 4);
    ck_assert(draw == random_draw(1, 2, 3, 4));
    ck_assert(draw != random_draw(2, 2, 3, 4));
    ck_assert(draw != random_draw(1, 3, 3, 4));
    ck_assert(draw != random_draw(1, 2, 4, 4));
    ck_assert(draw != random_draw(1, 2, 3, 5));
    for (uint64_t i = 0; i < 1000; i++) {
        ck_assert_uint_lt(random_below(random_draw(9, 9, 9, i), 7), 7);
    }
}
END_TEST

START_TEST(every_day_of_four_hundred_years_comes_back)
{
    for (time_ns day = -106000; day < 106000; day++) {
        struct calendar c = time_calendar(day * TIME_DAY + 3661 * TIME_S);
        ck_assert(time_from_calendar(c) == day * TIME_DAY + 3661 * TIME_S);
    }
    struct calendar leap = time_calendar(time_from_calendar((struct calendar){2008, 2, 29, 23, 59, 59}) + TIME_S);
    ck_assert_int_eq(leap.month, 3);
    ck_assert_int_eq(leap.day, 1);
}
END_TEST

START_TEST(time_stamps_are_read_with_what_they_leave_out)
{
    char room[64];
    time_ns at = 0;
    struct buffer buffer = buffer_over(room, sizeof room);
    ck_assert(time_from_ts(SLICE("201003010830"), &at));
    time_put_iso(&buffer, at);
    ck_assert(slice_equal(buffer_slice(&buffer), SLICE("2010-03-01T08:30:00Z")));
    ck_assert(!time_from_ts(SLICE("20101301"), &at));
    ck_assert(!time_from_ts(SLICE("201"), &at));
    ck_assert(!time_from_ts(SLICE("next week"), &at));
}
END_TEST

START_TEST(every_error_has_a_sentence_and_one_of_the_five_exit_codes)
{
    for (int i = 0; i < ERR_COUNT; i++) {
        ck_assert_uint_gt(strlen(err_text((enum err)i)), 3);
        ck_assert_int_ge(err_exit_code((enum err)i), 0);
        ck_assert_int_le(err_exit_code((enum err)i), 4);
    }
    ck_assert_str_eq(err_name(ERR_LIMIT), "LIMIT");
}
END_TEST

START_TEST(a_year_beyond_what_a_time_holds_is_its_first_or_last)
{
    time_ns first, last, now;
    ck_assert(time_from_ts(SLICE("00010101"), &first) && time_from_ts(SLICE("99991231"), &last) && time_from_ts(SLICE("2010"), &now));
    ck_assert_int_lt(first, INT64_MIN + 20 * TIME_DAY);
    ck_assert_int_gt(last, INT64_MAX - 20 * TIME_DAY);
    ck_assert(first - TIME_DAY < now && last + TIME_DAY > now);
}
END_TEST

UNIT_MAIN(a_year_beyond_what_a_time_holds_is_its_first_or_last, a_slice_is_cut_at_each_separator_and_ends_with_null, padding_goes_at_the_end_only_and_blanks_at_both, numbers_are_read_whole_or_not_at_all,
          an_arena_gives_aligned_zeroed_memory_until_it_is_full, memory_used_before_is_zeroed_again_and_carved_memory_is_too, a_copy_ends_in_a_nul_that_its_size_leaves_out, a_buffer_that_is_full_keeps_what_it_held,
          json_text_is_escaped_and_what_is_not_utf8_is_replaced, what_is_written_little_endian_is_read_back_and_a_short_read_is_bad,
          integers_are_written_in_full_range, sha256_gives_the_published_digests, a_map_does_what_an_array_does_over_many_puts_and_removals,
          draws_depend_on_every_argument_and_on_nothing_else, every_day_of_four_hundred_years_comes_back, time_stamps_are_read_with_what_they_leave_out,
          every_error_has_a_sentence_and_one_of_the_five_exit_codes)
