/* SPDX-License-Identifier: MIT */
#include "tests/unit/hl7/hl7_test.h"

static const struct hl7_message standard = {
    .field = '|', .component = '^', .repetition = '~', .escape = '\\', .subcomponent = '&'};

static slice unescaped(const char *text)
{
    static struct arena arena;
    arena = test_arena();
    return hl7_unescape(&standard, slice_from(text), &arena);
}

static slice escaped(slice text)
{
    static char bytes[256];
    struct buffer buffer = buffer_over(bytes, sizeof bytes);
    hl7_put_escaped(&buffer, text);
    ck_assert(!buffer.full);
    return buffer_slice(&buffer);
}

START_TEST(each_separator_has_its_escape)
{
    ck_assert_slice_eq(unescaped("a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f"), "a|b^c&d~e\\f");
    ck_assert_slice_eq(escaped(SLICE("a|b^c&d~e\\f")), "a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f");
}
END_TEST

START_TEST(separators_of_the_message_come_out_of_escapes)
{
    struct arena arena = test_arena();
    struct hl7_message odd = {
        .field = '$', .component = '%', .repetition = '*', .escape = '!', .subcomponent = '@'};
    ck_assert_slice_eq(hl7_unescape(&odd, SLICE("!F!!S!!T!!R!!E!\\F\\"), &arena), "$%@*!\\F\\");
}
END_TEST

START_TEST(every_way_to_break_a_line_gives_one_line_break)
{
    static const char *const forms[] = {"a\\.br\\b",   "a\\X0A\\b",   "a\\X0D\\b",
                                        "a\\X0D0A\\b", "a\\X000d\\b", "a\\X0D\\\\X0A\\b",
                                        "a\\X0a00\\b"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        ck_assert_slice_eq(unescaped(forms[i]), "a\nb");
    }
    ck_assert_slice_eq(unescaped("a\\X0A0A\\b"), "a\n\nb");
    ck_assert_slice_eq(unescaped("a\\X0D\\ \\X0A\\b"), "a\n \nb");
    ck_assert_slice_eq(unescaped("a\\X0D\\\\.br\\b"), "a\n\nb");
    ck_assert_slice_eq(unescaped("a\\X0D\\\\F\\\\X0A\\b"), "a\n|\nb");
    ck_assert_slice_eq(escaped(SLICE("a\nb\r\nc\rd\r")), "a\\.br\\b\\.br\\c\\.br\\d\\.br\\");
}
END_TEST

START_TEST(hex_gives_bytes_but_never_a_nul)
{
    ck_assert_slice_eq(unescaped("\\XC3A9\\"), "\xC3\xA9");
    ck_assert_slice_eq(unescaped("a\\X00\\b"), "ab");
    ck_assert_slice_eq(escaped((slice){"a\x0B\x1C\x1B\0b", 6}), "a\\X0B\\\\X1C\\\\X1B\\b");
}
END_TEST

START_TEST(unknown_escapes_stay_as_they_are)
{
    static const char *const forms[] = {
        "\\Z1\\",  "a\\H\\bold\\N\\b", "\\",          "a\\",     "a\\F",  "\\\\",
        "\\X\\",   "\\X123\\",         "\\XGG\\",     "\\X4G\\", "\\f\\", "\\FF\\",
        "\\.sp\\", "\\C2842\\",        "C:\\images\\"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        ck_assert_slice_eq(unescaped(forms[i]), forms[i]);
    }
    ck_assert_slice_eq(unescaped("\\F"), "\\F");
    ck_assert_slice_eq(unescaped("\\Z\\\\F\\\\F"), "\\Z\\|\\F");
}
END_TEST

START_TEST(text_without_escapes_is_borrowed_not_copied)
{
    struct arena empty = {0};
    slice text = SLICE("plain");
    ck_assert_ptr_eq(hl7_unescape(&standard, text, &empty).data, text.data);
    ck_assert_ptr_null(hl7_unescape(&standard, SLICE("\\F\\"), &empty).data);
}
END_TEST

START_TEST(whatever_is_escaped_comes_back)
{
    for (int a = 1; a < 256; a++) {
        for (int b = 1; b < 256; b++) {
            char bytes[3] = {(char)a, (char)b, 'F'};
            if (a == '\r' || b == '\r') {
                continue; /* becomes LF */
            }
            char copy[64];
            slice wire = escaped((slice){bytes, 3});
            memcpy(copy, wire.data, wire.size);
            copy[wire.size] = '\0';
            ck_assert(slice_equal(unescaped(copy), (slice){bytes, 3}));
        }
    }
}
END_TEST

UNIT_MAIN(each_separator_has_its_escape, separators_of_the_message_come_out_of_escapes,
          every_way_to_break_a_line_gives_one_line_break, hex_gives_bytes_but_never_a_nul,
          unknown_escapes_stay_as_they_are, text_without_escapes_is_borrowed_not_copied,
          whatever_is_escaped_comes_back)
