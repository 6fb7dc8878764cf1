/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/fake.h"

static const struct fake_patient megan = {"GWE",   "40018586", "9990000018", "Price",
                                          "Megan", "19580411", NULL,         false};

static struct hl7_value meeting(enum hl7_type type, const struct fake_patient *patient,
                                const char *node, const char *control)
{
    struct hl7_value value = fake_message(type, patient, control, "20100301100000");
    value.fields[HL7_FIELD_MEETING] = SLICE("breast");
    value.fields[HL7_FIELD_MEETING_AT] = SLICE("20100302130000");
    value.fields[HL7_FIELD_MEETING_TEXT] = SLICE("Breast MDT");
    value.fields[HL7_FIELD_MEETING_SITE] = slice_from(node);
    return value;
}

static struct row_mdt_case the_case(void)
{
    int64_t person = identity_person(fake.engine, SLICE("GWE"), SLICE("40018586"));
    uint32_t row = row_find_mdt_case(
        fake.engine, &(struct row_mdt_case){.mdt = SLICE("breast"), .person = person});
    ck_assert(row != ROW_NONE);
    return row_get_mdt_case(fake.engine, row);
}

static bool has(slice text, const char *part)
{
    for (size_t i = 0; i + strlen(part) <= text.size; i++) {
        if (memcmp(text.data + i, part, strlen(part)) == 0) {
            return true;
        }
    }
    return false;
}

static void publish(const char *accession, const char *uid, const char *control)
{
    fake_holds(1, uid, accession, &megan, 1, 3);
    struct hl7_value done = fake_order(&megan, accession, "CM", control, "20100301090000");
    fake_say(&done, "AA");
    ck_assert_int_eq(fake_exam("GWE", accession).state, EXAM_PUBLISHED);
}

START_TEST(a_case_whose_images_are_where_the_meeting_is_is_ready)
{
    fake_init();
    fake_start();
    publish("GWE1", "1.2.1", "p1");
    struct hl7_value booked = meeting(HL7_SIU_S12, &megan, "pacs_gwent", "s1");
    fake_say(&booked, "AA");
    ck_assert_int_eq(the_case().state, MDT_READY);
    ck_assert_int_gt(the_case().ready_at, 0);
    ck_assert_uint_eq(the_case().why.size, 0);
}
END_TEST

START_TEST(a_case_whose_images_are_elsewhere_waits_for_them_and_says_where_they_are)
{
    fake_init();
    fake_start();
    publish("GWE1", "1.2.1", "p1");
    struct hl7_value booked = meeting(HL7_SIU_S12, &megan, "mdt_room", "s1");
    fake_say_only(&booked);
    ck_assert_int_eq(the_case().state, MDT_WAITING);
    ck_assert(has(the_case().why, "pacs_gwent"));
    ck_assert_uint_eq(row_count(fake.engine, TABLE_demand), 1);
    fake_say_only(&booked); /* said again: no second demand */
    ck_assert_uint_eq(row_count(fake.engine, TABLE_demand), 1);
}
END_TEST

START_TEST(an_exam_that_is_not_published_keeps_the_case_waiting)
{
    fake_init();
    fake_start();
    struct hl7_value done = fake_order(&megan, "GWE1", "CM", "p1", "20100301090000");
    fake_say(&done, "AA");
    struct hl7_value booked = meeting(HL7_SIU_S12, &megan, "pacs_gwent", "s1");
    fake_say(&booked, "AA");
    ck_assert_int_eq(the_case().state, MDT_WAITING);
    ck_assert(has(the_case().why, "GWE/GWE1"));
    fake_holds(1, "1.2.1", "GWE1", &megan, 1, 3);
    fake_run(10 * TIME_S);
    ck_assert_int_eq(the_case().state, MDT_READY);
}
END_TEST

START_TEST(a_case_that_cannot_be_had_names_reason_site_and_whom_to_call)
{
    fake_init();
    fake_start();
    publish("GWE1", "1.2.1", "p1");
    fake.down[1] = true;
    struct hl7_value booked = meeting(HL7_SIU_S12, &megan, "mdt_room", "s1");
    fake_say(&booked, "AA");
    fake_run(TIME_HOUR);
    ck_assert_int_ne(the_case().state, MDT_READY);
    ck_assert_msg(has(the_case().why, "pacs_gwent") &&
                      has(the_case().why, "call the PACS office of Gwent"),
                  "%.*s", SLICE_ARGS(the_case().why));
}
END_TEST

START_TEST(a_case_that_cannot_be_had_is_tried_ever_less_often)
{
    fake_init();
    fake_start();
    publish("GWE1", "1.2.1", "p1");
    struct hl7_value booked = meeting(HL7_SIU_S12, &megan, "mdt_room", "s1"); /* its images never come: nobody relays here */
    fake_say(&booked, "AA");
    fake_run(2 * TIME_DAY);
    uint32_t demands = row_count(fake.engine, TABLE_demand);
    ck_assert_uint_ge(demands, 3);
    ck_assert_uint_le(demands, 15); /* every two minutes would be hundreds */
    fake_run(TIME_DAY);
    ck_assert_uint_eq(row_count(fake.engine, TABLE_demand), demands); /* the meeting is over */
}
END_TEST

/* Her number is merged into another's by mistake after she was listed, and again before the next listing. */
START_TEST(a_case_goes_with_its_number_when_a_merge_is_taken_back)
{
    struct fake_patient mair = megan;
    mair.number = "40018599";
    mair.given = "Mair";
    mair.nhs = NULL;
    fake_init();
    fake_start();
    struct hl7_value told = fake_message(HL7_ADT_A04, &mair, "a1", "20100301090000"),
                     booked = meeting(HL7_SIU_S12, &megan, "pacs_gwent", "s1"),
                     late = meeting(HL7_SIU_S12, &megan, "pacs_gwent", "s2"),
                     merge = fake_message(HL7_ADT_A40, &mair, "m1", "20100301100000"),
                     back = fake_message(HL7_ADT_A37, &mair, "m2", "20100301110000");
    merge.prior_ids[merge.prior_id_count++] = (struct hl7_id){SLICE("40018586"), SLICE("GWE"), SLICE("PI")};
    back.prior_ids[back.prior_id_count++] = merge.prior_ids[0];
    late.fields[HL7_FIELD_MEETING] = SLICE("lung");
    fake_say(&told, "AA");
    fake_say(&booked, "AA");
    fake_say(&merge, "AA");
    fake_say(&late, "AA");
    int64_t person = identity_person(fake.engine, SLICE("GWE"), SLICE("40018599"));
    ck_assert_int_eq(the_case().person, person);
    fake_say(&back, "AA");
    ck_assert_int_ne(the_case().person, person); /* breast */
    ck_assert_uint_ne(row_find_mdt_case(fake.engine, &(struct row_mdt_case){.mdt = SLICE("lung"), .person = the_case().person}), ROW_NONE);
}
END_TEST

START_TEST(a_case_struck_off_is_gone_and_an_unknown_node_is_refused)
{
    fake_init();
    fake_start();
    struct hl7_value booked = meeting(HL7_SIU_S12, &megan, "pacs_gwent", "s1");
    struct hl7_value struck = meeting(HL7_SIU_S15, &megan, "pacs_gwent", "s2");
    struct hl7_value nowhere = meeting(HL7_SIU_S12, &megan, "nowhere", "s3");
    fake_say(&booked, "AA");
    fake_say(&struck, "AA");
    ck_assert_uint_eq(row_count(fake.engine, TABLE_mdt_case), 0);
    fake_say(&nowhere, "AR");
    ck_assert_uint_eq(row_count(fake.engine, TABLE_mdt_case), 0);
}
END_TEST

UNIT_MAIN(a_case_whose_images_are_where_the_meeting_is_is_ready,
          a_case_whose_images_are_elsewhere_waits_for_them_and_says_where_they_are,
          an_exam_that_is_not_published_keeps_the_case_waiting,
          a_case_that_cannot_be_had_names_reason_site_and_whom_to_call,
          a_case_that_cannot_be_had_is_tried_ever_less_often,
          a_case_goes_with_its_number_when_a_merge_is_taken_back, a_case_struck_off_is_gone_and_an_unknown_node_is_refused)
