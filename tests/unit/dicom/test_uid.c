/* SPDX-License-Identifier: MIT */
#include "src/dicom/uid.h"
#include "tests/unit/dicom/dicom_test.h"

START_TEST(uid_is_digits_and_dots_of_64_at_most)
{
    static const struct {
        const char *uid;
        bool valid;
    } rows[] = {
        {"1.2.840.10008.1.1", true},
        {"1", true},
        {"1.02.3", true},
        {"1234567890123456789012345678901234567890123456789012345678901234", true},
        {"12345678901234567890123456789012345678901234567890123456789012345", false},
        {"", false},
        {".1", false},
        {"1.", false},
        {"1..2", false},
        {"1.2 ", false},
        {"1.a", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(uid_is_valid(slice_from(rows[i].uid)) == rows[i].valid, "%s", rows[i].uid);
    }
}
END_TEST

START_TEST(uid_is_told_by_its_name_or_shown_itself)
{
    ck_assert_slice_eq(uid_text(UID_CT_IMAGE), "CT Image");
    ck_assert_slice_eq(uid_text(SLICE("1.2.3")), "1.2.3");
}
END_TEST

START_TEST(storage_classes_are_those_of_the_table_and_of_the_root)
{
    ck_assert(uid_is_storage(UID_MR_IMAGE));
    ck_assert(uid_is_storage(SLICE("1.2.840.10008.5.1.4.1.1.481.2")));
    ck_assert(!uid_is_storage(UID_STUDY_ROOT_FIND));
    ck_assert(!uid_is_storage(UID_VERIFICATION));
}
END_TEST

START_TEST(native_and_deflated_syntaxes_are_not_encapsulated)
{
    ck_assert(!uid_is_encapsulated(UID_IMPLICIT_LITTLE));
    ck_assert(!uid_is_encapsulated(UID_EXPLICIT_LITTLE));
    ck_assert(!uid_is_encapsulated(UID_EXPLICIT_BIG));
    ck_assert(!uid_is_encapsulated(UID_DEFLATED));
    ck_assert(uid_is_encapsulated(UID_JPEG_2000));
    ck_assert(uid_is_encapsulated(UID_RLE));
}
END_TEST

START_TEST(uid_put_writes_128_bits_as_one_number)
{
    static const struct {
        uint64_t high, low;
        const char *text;
    } rows[] = {
        {0, 0, "2.25.0"},
        {0, 10, "2.25.10"},
        {1, 0, "2.25.18446744073709551616"},
        {UINT64_MAX, UINT64_MAX, "2.25.340282366920938463463374607431768211455"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer buffer = buffer_over(test_bytes, UID_SIZE_MAX);
        uid_put(&buffer, rows[i].high, rows[i].low);
        ck_assert_slice_eq(buffer_slice(&buffer), rows[i].text);
        ck_assert(uid_is_valid(buffer_slice(&buffer)));
    }
}
END_TEST

START_TEST(uid_counts_on_in_its_last_component)
{
    static const struct {
        const char *uid, *stem;
        uint64_t last, by;
        const char *result;
    } rows[] = {
        {"1.2.3", "1.2.", 3, 7, "1.2.10"},
        {"1.2.0", "1.2.", 0, 1, "1.2.1"},
        {"2.25.9.999", "2.25.9.", 999, 1, "2.25.9.1000"},
        {"1.123456789012345678", "1.", 123456789012345678, 1, "1.123456789012345679"},
    };
    static const char *const none[] = {"", "7", "1.", "1.2.03", "1.1234567890123456789", "2.25.340282366920938463463374607431768211455", "1.2.x"};
    char text[UID_SIZE_MAX + 1];
    slice stem = SLICE_EMPTY;
    uint64_t last = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert(uid_split(slice_from(rows[i].uid), &stem, &last));
        ck_assert_slice_eq(stem, rows[i].stem);
        ck_assert_uint_eq(last, rows[i].last);
        ck_assert_slice_eq(uid_advance(slice_from(rows[i].uid), rows[i].by, text), rows[i].result);
    }
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        ck_assert(!uid_split(slice_from(none[i]), &stem, &last));
        ck_assert_uint_eq(uid_advance(slice_from(none[i]), 1, text).size, 0);
        ck_assert_slice_eq(uid_advance(slice_from(none[i]), 0, text), none[i]);
    }
    ck_assert_uint_eq(uid_advance(SLICE("1.2.3456789012345678901234567890123456789012345678901234567890.99"), 1, text).size, 0);
}
END_TEST

START_TEST(span_holds_the_uids_that_count_up_from_its_first)
{
    uint64_t offset = 9;
    ck_assert(uid_in_span(SLICE("1.2.9"), 3, SLICE("1.2.11"), &offset));
    ck_assert_uint_eq(offset, 2);
    ck_assert(uid_in_span(SLICE("1.2.9"), 1, SLICE("1.2.9"), &offset));
    ck_assert_uint_eq(offset, 0);
    ck_assert(!uid_in_span(SLICE("1.2.9"), 3, SLICE("1.2.12"), &offset));
    ck_assert(!uid_in_span(SLICE("1.2.9"), 3, SLICE("1.2.8"), &offset));
    ck_assert(!uid_in_span(SLICE("1.2.9"), 3, SLICE("1.3.10"), &offset));
    ck_assert(!uid_in_span(SLICE("1.2.09"), 3, SLICE("1.2.10"), &offset));
}
END_TEST

UNIT_MAIN(uid_counts_on_in_its_last_component, span_holds_the_uids_that_count_up_from_its_first, uid_is_digits_and_dots_of_64_at_most, uid_is_told_by_its_name_or_shown_itself,
          storage_classes_are_those_of_the_table_and_of_the_root, native_and_deflated_syntaxes_are_not_encapsulated,
          uid_put_writes_128_bits_as_one_number)
