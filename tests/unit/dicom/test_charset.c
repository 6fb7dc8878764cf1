/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "src/dicom/charset.h"
#include "tests/unit/dicom/dicom_test.h"

/* ERR_OK: decodes to `utf8` and, when `encodes`, back to `raw`. */
static const struct row {
    const char *what, *term;
    slice raw;
    const char *utf8;
    bool encodes;
} rows[] = {
    {"default repertoire", "", {"Jones^Sian", 10}, "Jones^Sian", true},
    {"explicit default", "ISO_IR 6", {"Jones", 5}, "Jones", true},
    {"Latin-1", "ISO_IR 100", {"Si\xE2n^M\xFCller", 11}, "Siân^Müller", true},
    {"Latin-2", "ISO_IR 101", {"\xA3ukasz", 6}, "Łukasz", true},
    {"Latin-3", "ISO_IR 109", {"\xC6" "en", 3}, "Ĉen", true},
    {"Latin-4", "ISO_IR 110", {"\xA2", 1}, "ĸ", true},
    {"Cyrillic", "ISO_IR 144", {"\xBB\xEE\xDA", 3}, "Люк", true},
    {"Arabic", "ISO_IR 127", {"\xE2\xC8", 2}, "قب", true},
    {"Greek", "ISO_IR 126", {"\xC4\xE9\xEF", 3}, "Διο", true},
    {"Hebrew", "ISO_IR 138", {"\xF9\xF8", 2}, "שר", true},
    {"Latin-5", "ISO_IR 148", {"\xDD\xFE", 2}, "İş", true},
    {"Latin-9", "ISO_IR 203", {"\xA4\xBD", 2}, "€œ", true},
    {"Thai", "ISO_IR 166", {"\xB9\xD2", 2}, "นา", true},
    {"UTF-8", "ISO_IR 192", {"T\xC5\xB7 G\xC5\xB5yn", 9}, "Tŷ Gŵyn", true},
    {"hyphen in the term", "ISO-IR 100", {"\xE9", 1}, "é", true},
    {"space in the term", "ISO IR 100", {"\xE9", 1}, "é", true},
    {"nothing between", "ISOIR100", {"\xE9", 1}, "é", true},
    {"small letters and padding", "iso_ir_100 ", {"\xE9", 1}, "é", true},
    {"extension form alone", "ISO 2022 IR 100", {"\xE9", 1}, "é", true},
    {"redundant default", "ISO 2022 IR 6\\ISO 2022 IR 100", {"\xE9", 1}, "é", false},
    {"redundant default beside UTF-8", "ISO 2022 IR 6\\ISO_IR 192", {"\xC3\xA9", 2}, "é", true},
    {"escape to Cyrillic", "ISO 2022 IR 100\\ISO 2022 IR 144", {"\xE9\x1B-L\xBB\x1B-A", 8}, "éЛ", true},
    {"escape from nothing", "\\ISO 2022 IR 101", {"a\x1B-B\xA3\x1B(B", 8}, "aŁ", true},
    {"reset at a caret", "ISO 2022 IR 100\\ISO 2022 IR 144", {"\x1B-L\xBB\x1B-A^\xE9", 9}, "Л^é", true},
    {"reset at a caret without escape", "ISO 2022 IR 100\\ISO 2022 IR 144", {"\x1B-L\xBB^\xE9", 6}, "Л^é", false},
    {"reset at an equals sign", "ISO 2022 IR 100\\ISO 2022 IR 144", {"\x1B-L\xBB=\xE9", 6}, "Л=é", false},
    {"reset at a backslash", "ISO 2022 IR 100\\ISO 2022 IR 144", {"\x1B-L\xBB\\\xE9", 6}, "Л\\é", false},
    {"reset at a line end", "ISO 2022 IR 100\\ISO 2022 IR 144", {"\x1B-L\xBB\r\n\xE9", 7}, "Л\r\né", false},
    {"no reset at a space", "ISO 2022 IR 100\\ISO 2022 IR 144", {"\x1B-L\xBB \xBB\x1B-A", 9}, "Л Л", true},
    {"back to ASCII keeps G1", "ISO 2022 IR 100\\ISO 2022 IR 144", {"\x1B-L\x1B(B\xBB", 7}, "Л", false},
};

START_TEST(text_is_decoded_by_its_term_and_encoded_back)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena arena = test_arena();
        slice utf8, raw;
        ck_assert_msg(charset_decode(&utf8, rows[i].raw, slice_from(rows[i].term), &arena) == ERR_OK, "%s", rows[i].what);
        ck_assert_msg(slice_equal(utf8, slice_from(rows[i].utf8)), "%s: %.*s", rows[i].what, SLICE_ARGS(utf8));
        ck_assert_msg(charset_is_utf8(utf8), "%s", rows[i].what);
        if (rows[i].encodes) {
            ck_assert_msg(charset_encode(&raw, utf8, slice_from(rows[i].term), &arena) == ERR_OK, "%s", rows[i].what);
            ck_assert_msg(slice_equal(raw, rows[i].raw), "%s", rows[i].what);
        }
    }
}
END_TEST

START_TEST(what_cannot_be_decoded_is_said_and_never_guessed)
{
    static const struct {
        const char *what, *term;
        slice raw;
    } bad[] = {
        {"a high byte in the default repertoire", "", {"\xE9", 1}},
        {"Latin bytes labelled UTF-8", "ISO_IR 192", {"\xE9", 1}},
        {"an overlong form", "ISO_IR 192", {"\xC0\xAF", 2}},
        {"an overlong form of three", "ISO_IR 192", {"\xE0\x80\xAF", 3}},
        {"a surrogate", "ISO_IR 192", {"\xED\xA0\x80", 3}},
        {"beyond the last character", "ISO_IR 192", {"\xF4\x90\x80\x80", 4}},
        {"half a character", "ISO_IR 192", {"\xC5", 1}},
        {"an unknown term", "ISO_IR 999", {"a", 1}},
        {"a term for 8859-14, which DICOM has not", "ISO_IR 199", {"a", 1}},
        {"a multi-byte term", "ISO 2022 IR 6\\ISO 2022 IR 87", {"a", 1}},
        {"words", "UNICODE", {"a", 1}},
        {"a long term", "ISO_IR 100000000000000000000000000000", {"a", 1}},
        {"UTF-8 and another", "ISO_IR 192\\ISO_IR 100", {"a", 1}},
        {"a control byte above 7F", "ISO_IR 100", {"\x92", 1}},
        {"a byte that stands for nothing", "ISO_IR 127", {"\xA1", 1}},
        {"an escape without extensions", "ISO_IR 100", {"\x1B-A", 3}},
        {"an escape to a set not declared", "ISO 2022 IR 100\\ISO 2022 IR 144", {"\x1B-B\xA3", 4}},
        {"an escape of another shape", "ISO 2022 IR 100\\ISO 2022 IR 144", {"\x1B$B!!", 5}},
        {"an escape cut short", "ISO 2022 IR 100", {"a\x1B-", 3}},
        {"which of two sets?", "ISO 2022 IR 6\\ISO 2022 IR 100\\ISO 2022 IR 144", {"\xE9", 1}},
        {"too many terms", "\\\\\\\\\\\\\\\\\\\\\\\\\\", {"a", 1}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct arena arena = test_arena();
        slice utf8;
        ck_assert_msg(charset_decode(&utf8, bad[i].raw, slice_from(bad[i].term), &arena) == ERR_BAD_MESSAGE, "%s", bad[i].what);
    }
}
END_TEST

START_TEST(what_a_set_does_not_have_is_not_encoded)
{
    static const struct {
        const char *term, *utf8;
    } bad[] = {{"ISO_IR 100", "Tŷ"}, {"ISO_IR 100", "Gŵyn"}, {"", "é"}, {"ISO_IR 6", "é"}, {"ISO_IR 203", "ŵ"},
               {"ISO 2022 IR 100\\ISO 2022 IR 144", "ŵ"}, {"ISO_IR 100", "\x1B-L"}, {"ISO_IR 192", "\xFF"}, {"ISO_IR 100", "\xFF"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct arena arena = test_arena();
        slice raw;
        ck_assert_msg(charset_encode(&raw, slice_from(bad[i].utf8), slice_from(bad[i].term), &arena) == ERR_BAD_MESSAGE, "%s", bad[i].utf8);
    }
}
END_TEST

START_TEST(every_byte_of_every_set_comes_back)
{
    static const int numbers[] = {100, 101, 109, 110, 144, 127, 126, 138, 148, 203, 166};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char term[16];
        unsigned good = 0;
        snprintf(term, sizeof term, "ISO_IR %d", numbers[i]);
        for (int byte = 0xA0; byte <= 0xFF; byte++) {
            struct arena arena = test_arena();
            char one = (char)byte;
            slice utf8, raw;
            if (charset_decode(&utf8, (slice){&one, 1}, slice_from(term), &arena) == ERR_OK) {
                good++;
                ck_assert_int_eq(charset_encode(&raw, utf8, slice_from(term), &arena), ERR_OK);
                ck_assert_msg(raw.size == 1 && raw.data[0] == one, "%s byte %02x", term, (unsigned)byte);
            }
        }
        ck_assert_uint_gt(good, 40);
    }
}
END_TEST

START_TEST(text_of_ascii_is_borrowed)
{
    struct arena arena = {0};
    slice utf8, raw = SLICE("PLAIN");
    ck_assert_int_eq(charset_decode(&utf8, raw, SLICE("ISO_IR 100"), &arena), ERR_OK);
    ck_assert_ptr_eq(utf8.data, raw.data);
    ck_assert_int_eq(charset_decode(&utf8, SLICE("\xE9"), SLICE("ISO_IR 100"), &arena), ERR_LIMIT);
    ck_assert_int_eq(charset_encode(&raw, SLICE("é"), SLICE("ISO_IR 100"), &arena), ERR_LIMIT);
    ck_assert_ptr_null(charset_fold(SLICE("a"), &arena).data);
}
END_TEST

START_TEST(folding_takes_case_accents_and_punctuation_off)
{
    static const struct {
        const char *text, *folded;
    } folds[] = {
        {"Siân", "sian"},
        {"Tŷ Gŵyn", "ty gwyn"},
        {"ŴŶẀẂẄỲŸ", "wywwwyy"},
        {"O'Brien", "obrien"},
        {"O’Brien", "obrien"},
        {"  Van  der   Berg ", "van der berg"},
        {"Smith-Jones", "smithjones"},
        {"Jones^Siân", "jones sian"},
        {"Weiß", "weiss"},
        {"Ærøskøbing", "aeroskobing"},
        {"Łukasz", "lukasz"},
        {"Þóra", "thora"},
        {"e\xCC\x81", "e"},
        {"Ώρα", "ωρα"},
        {"ΓΙΏΡΓΟΣ", "γιωργοσ"},
        {"ЁЛКА", "елка"},
        {"СЕРГЕЙ", "сергеи"},
        {"山田", "山田"},
        {"...", ""},
        {"", ""},
        {"St. John", "st john"},
        {"\xE9", "\xE9"},
    };
    for (size_t i = 0; i < sizeof folds / sizeof folds[0]; i++) {
        struct arena arena = test_arena();
        ck_assert_slice_eq(charset_fold(slice_from(folds[i].text), &arena), folds[i].folded);
    }
}
END_TEST

UNIT_MAIN(text_is_decoded_by_its_term_and_encoded_back, what_cannot_be_decoded_is_said_and_never_guessed,
          what_a_set_does_not_have_is_not_encoded, every_byte_of_every_set_comes_back, text_of_ascii_is_borrowed,
          folding_takes_case_accents_and_punctuation_off)
