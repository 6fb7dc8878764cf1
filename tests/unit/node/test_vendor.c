/* SPDX-License-Identifier: MIT */
#include "sim/node/vendor.h"
#include "tests/unit/unit.h"

START_TEST(every_quirk_has_a_name_a_sentence_and_a_parameter_that_its_own_reader_takes)
{
    for (int i = 0; i < QUIRK_COUNT; i++) {
        const struct quirk_row *row = quirk_row((enum quirk)i);
        enum quirk found;
        struct quirk_setting setting = {.number = -1};
        ck_assert(quirk_from_text(slice_from(row->name), &found));
        ck_assert_int_eq(found, i);
        ck_assert(row->text[0] != '\0');
        ck_assert_int_eq(row->type == QUIRK_TYPE_NONE, row->parameter[0] == '\0');
        ck_assert(quirk_set_parameter((enum quirk)i, &setting, SLICE_EMPTY));
    }
}
END_TEST

START_TEST(a_parameter_that_is_none_is_refused)
{
    struct quirk_setting setting = {.number = 4};
    ck_assert(!quirk_set_parameter(QUIRK_find_response_cap_silent, &setting, SLICE("many")));
    ck_assert(!quirk_set_parameter(QUIRK_find_response_cap_silent, &setting, SLICE("-1")));
    ck_assert(!quirk_set_parameter(QUIRK_find_star_alone_rejected, &setting, SLICE("A9")));
    ck_assert(!quirk_set_parameter(QUIRK_find_pending_ff01, &setting, SLICE("1")));
    ck_assert_int_eq(setting.number, 4);
    ck_assert(quirk_set_parameter(QUIRK_find_star_alone_rejected, &setting, SLICE("C001")));
    ck_assert_int_eq(setting.number, 0xC001);
}
END_TEST

START_TEST(a_level_keeps_only_quirks_as_sure_as_itself)
{
    struct vendor_profile vendor = vendor_plain();
    vendor.quirks[QUIRK_find_response_cap_silent] =
        (struct quirk_setting){.on = true, .number = 5, .confidence = CONFIDENCE_ASSUMED};
    vendor.quirks[QUIRK_id_leading_zero_patient_id] =
        (struct quirk_setting){.on = true, .number = 10, .confidence = CONFIDENCE_DOCUMENTED};
    vendor.quirks[QUIRK_move_no_cget] =
        (struct quirk_setting){.on = true, .confidence = CONFIDENCE_REPORTED};
    struct vendor_profile reported = vendor, documented = vendor;
    vendor_settle(&vendor, CONFIDENCE_ASSUMED);
    vendor_settle(&reported, CONFIDENCE_REPORTED);
    vendor_settle(&documented, CONFIDENCE_DOCUMENTED);
    ck_assert_uint_eq(vendor.row_cap, 5);
    ck_assert_uint_eq(reported.row_cap, 0);
    ck_assert_uint_eq(documented.patient_id_width, 10);
    ck_assert(!vendor.get && !reported.get && documented.get);
}
END_TEST

START_TEST(a_dialect_is_needed_when_one_of_its_quirks_is_on)
{
    struct vendor_profile vendor = vendor_plain();
    ck_assert(!vendor_has_any(&vendor, SLICE("find_star_alone_rejected find_date_star_rejected")));
    vendor.quirks[QUIRK_find_date_star_rejected].on = true;
    ck_assert(vendor_has_any(&vendor, SLICE("find_star_alone_rejected find_date_star_rejected")));
    ck_assert(!vendor_has_any(&vendor, SLICE("find_star_alone_rejected no_such_quirk")));
}
END_TEST

UNIT_MAIN(every_quirk_has_a_name_a_sentence_and_a_parameter_that_its_own_reader_takes,
          a_parameter_that_is_none_is_refused, a_level_keeps_only_quirks_as_sure_as_itself,
          a_dialect_is_needed_when_one_of_its_quirks_is_on)
