/* SPDX-License-Identifier: MIT */
#include "tests/unit/ris/ris_test.h"

#define ANN                                                                                        \
    "person=ann site=CAV number=A1 nhs=9990000018 family=Jones given=Ann birth_date=19500102 "     \
    "sex=F"
#define EXAM                                                                                       \
    ANN " accession=CAV1 procedure=CTCHE procedure_text=CT+chest body_part=CHEST laterality=L "    \
        "modality=CT"

/* What `words` makes RADIS2 send; the observations of telling it are then in `truths`. */
static struct observation truths[8];
static size_t truth_count;

static const struct hl7_value *told_and_sent(const char *words)
{
    begin(0);
    told(words);
    truth_count = out.observation_count;
    ck_assert_uint_le(truth_count, 8);
    for (size_t i = 0; i < truth_count; i++) {
        static char kept[8][512];
        struct buffer buffer = buffer_over(kept[i], sizeof kept[i]);
        slice *texts[] = {&truths[i].person, &truths[i].nhs,       &truths[i].patient_id,
                          &truths[i].issuer, &truths[i].other_id,  &truths[i].other_issuer,
                          &truths[i].name,   &truths[i].accession, &truths[i].study_uid,
                          &truths[i].text};
        truths[i] = out.observations[i];
        for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
            size_t start = buffer.size;
            buffer_put(&buffer, *texts[k]);
            *texts[k] = slice_after(buffer_slice(&buffer), start);
        }
    }
    happened(EVENT_OPENED, 1);
    return sent();
}

START_TEST(every_verb_says_its_message)
{
    static const struct {
        const char *words;
        enum hl7_type type;
        const char *control, *status;
    } cases[] = {
        {"register " ANN, HL7_ADT_A04, "", ""},
        {"demographics " ANN, HL7_ADT_A08, "", ""},
        {"order " EXAM, HL7_ORM_O01, "NW", ""},
        {"order " EXAM " scheduled_in=1", HL7_ORM_O01, "NW", "SC"},
        {"schedule " EXAM " scheduled_in=1", HL7_ORM_O01, "SC", "SC"},
        {"arrive " EXAM, HL7_ORM_O01, "SC", "IP"},
        {"complete " EXAM, HL7_ORM_O01, "SC", "CM"},
        {"cancel " EXAM, HL7_ORM_O01, "CA", "CA"},
        {"report " EXAM " report=Normal.", HL7_ORU_R01, "", ""},
        {"merge " ANN " prior_number=A2", HL7_ADT_A40, "", ""},
        {"unlink " ANN " prior_number=A2 prior_person=bee", HL7_ADT_A37, "", ""},
        {"meeting " ANN " meeting=M1 meeting_in=1 node=mdt", HL7_SIU_S12, "", ""},
        {"meeting_cancel " ANN " meeting=M1 meeting_in=1 node=mdt", HL7_SIU_S15, "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct hl7_value *value = told_and_sent(cases[i].words);
        ck_assert_int_eq(value->type, cases[i].type);
        ck_assert_slice_eq(value->fields[HL7_FIELD_ORDER_CONTROL], cases[i].control);
        ck_assert_slice_eq(value->fields[HL7_FIELD_ORDER_STATUS], cases[i].status);
        ck_assert_slice_eq(value->fields[HL7_FIELD_SENDER], "RADIS2");
        ck_assert_slice_eq(value->fields[HL7_FIELD_RECEIVER], "PONT");
        ck_assert_slice_eq(value->fields[HL7_FIELD_SENT_AT], "20100301080000");
    }
}
END_TEST

START_TEST(a_registration_names_the_person_by_the_numbering_of_her_site)
{
    const struct hl7_value *value = told_and_sent("register " ANN " prefix=Mrs middle=Mai");
    ck_assert_slice_eq(value->fields[HL7_FIELD_SENDER_SITE], "CAV");
    ck_assert_uint_eq(value->id_count, 2);
    ck_assert_slice_eq(value->ids[0].value, "A1");
    ck_assert_slice_eq(value->ids[0].authority, "CAV");
    ck_assert_slice_eq(value->ids[0].type, "PI");
    ck_assert_slice_eq(value->ids[1].value, "9990000018");
    ck_assert_slice_eq(value->ids[1].authority, "NHS");
    ck_assert_slice_eq(value->fields[HL7_FIELD_NHS_STATUS], "01");
    ck_assert_slice_eq(value->fields[HL7_FIELD_BIRTH_DATE], "19500102");
    ck_assert_slice_eq(value->fields[HL7_FIELD_SEX], "F");
    ck_assert_slice_eq(value->fields[HL7_FIELD_EVENT_AT], "20100301080000");
    ck_assert_slice_eq(value->names[0].prefix, "Mrs");
    ck_assert_slice_eq(value->names[0].middle, "Mai");
    ck_assert_slice_eq(value->names[0].kind, "L");
    ck_assert_uint_eq(truth_count, 1);
    ck_assert_int_eq(truths[0].kind, OBSERVATION_truth_person);
    ck_assert_slice_eq(truths[0].person, "ann");
    ck_assert_slice_eq(truths[0].patient_id, "A1");
    ck_assert_slice_eq(truths[0].issuer, "CAV");
    ck_assert_slice_eq(truths[0].nhs, "9990000018");
    ck_assert_slice_eq(truths[0].name, "Jones^Ann");
    ck_assert_slice_eq(truths[0].text, "19500102");
    ck_assert(truths[0].flag);
}
END_TEST

START_TEST(an_nhs_number_may_be_unverified_or_unknown)
{
    const struct hl7_value *value = told_and_sent("register " ANN " nhs_verified=0");
    ck_assert_slice_eq(value->fields[HL7_FIELD_NHS_STATUS], "02");
    ck_assert(!truths[0].flag);
    value = told_and_sent("register person=bee site=SWA number=S7 family=Rees given=Bee");
    ck_assert_uint_eq(value->id_count, 1);
    ck_assert_slice_eq(value->fields[HL7_FIELD_NHS_STATUS], "");
    ck_assert(!truths[0].flag);
}
END_TEST

START_TEST(an_update_carries_the_maiden_name_as_a_second_name)
{
    const struct hl7_value *value =
        told_and_sent("demographics " ANN " previous_family=Rees at=1267387200000000000");
    ck_assert_uint_eq(value->name_count, 2);
    ck_assert_slice_eq(value->names[1].family, "Rees");
    ck_assert_slice_eq(value->names[1].given, "Ann");
    ck_assert_slice_eq(value->names[1].kind, "M");
    ck_assert_slice_eq(value->fields[HL7_FIELD_EVENT_AT], "20100228200000");
    value = told_and_sent("demographics " ANN
                          " previous_family=Pugh previous_given=Nan previous_kind=A");
    ck_assert_slice_eq(value->names[1].given, "Nan");
    ck_assert_slice_eq(value->names[1].kind, "A");
}
END_TEST

START_TEST(an_order_carries_the_exam_and_its_truth)
{
    const struct hl7_value *value =
        told_and_sent("order " EXAM " reading_site=pacs_velindre study_uid=1.2.3"
                      " scheduled_in=7200000000000 placer=P1");
    ck_assert_slice_eq(value->fields[HL7_FIELD_ACCESSION], "CAV1");
    ck_assert_slice_eq(value->fields[HL7_FIELD_ACCESSION_ISSUER], "CAV");
    ck_assert_slice_eq(value->fields[HL7_FIELD_PROCEDURE], "CTCHE");
    ck_assert_slice_eq(value->fields[HL7_FIELD_PROCEDURE_TEXT], "CT chest");
    ck_assert_slice_eq(value->fields[HL7_FIELD_BODY_PART], "CHEST");
    ck_assert_slice_eq(value->fields[HL7_FIELD_LATERALITY], "L");
    ck_assert_slice_eq(value->fields[HL7_FIELD_MODALITY], "CT");
    ck_assert_slice_eq(value->fields[HL7_FIELD_READING_SITE], "pacs_velindre");
    ck_assert_slice_eq(value->fields[HL7_FIELD_SCHEDULED_AT], "20100301100000");
    ck_assert_slice_eq(value->fields[HL7_FIELD_PLACER], "P1");
    ck_assert_slice_eq(value->fields[HL7_FIELD_STUDY_UID], "");
    ck_assert_slice_eq(value->fields[HL7_FIELD_EVENT_AT], "");
    ck_assert_int_eq(truths[0].kind, OBSERVATION_truth_exam);
    ck_assert_slice_eq(truths[0].person, "ann");
    ck_assert_slice_eq(truths[0].accession, "CAV1");
    ck_assert_slice_eq(truths[0].issuer, "CAV");
    ck_assert_slice_eq(truths[0].study_uid, "1.2.3");
    ck_assert_slice_eq(truths[0].text, "ordered");
    ck_assert_slice_eq(observed(OBSERVATION_hl7_sent)->person, "ann");
    ck_assert_slice_eq(observed(OBSERVATION_hl7_sent)->study_uid, "1.2.3");
    value = told_and_sent("order " EXAM " study_uid=1.2.3 send_uid=1 accession_issuer=VEL");
    ck_assert_slice_eq(value->fields[HL7_FIELD_STUDY_UID], "1.2.3");
    ck_assert_slice_eq(value->fields[HL7_FIELD_ACCESSION_ISSUER], "VEL");
}
END_TEST

START_TEST(a_completion_says_when_and_its_acknowledgement_names_the_status)
{
    const struct hl7_value *value = told_and_sent("complete " EXAM);
    ck_assert_slice_eq(value->fields[HL7_FIELD_COMPLETED_AT], "20100301080000");
    ck_assert_slice_eq(truths[0].text, "completed");
    acknowledged(1, "AA", value->fields[HL7_FIELD_CONTROL_ID]);
    ck_assert_slice_eq(observed(OBSERVATION_hl7_acked)->name, "CM");
    ck_assert_slice_eq(observed(OBSERVATION_hl7_acked)->accession, "CAV1");
    ck_assert_slice_eq(observed(OBSERVATION_hl7_acked)->issuer, "CAV");
    value = told_and_sent("complete " EXAM " completed_at=1267387200000000000");
    ck_assert_slice_eq(value->fields[HL7_FIELD_COMPLETED_AT], "20100228200000");
}
END_TEST

START_TEST(who_was_brought_in_unknown_is_told_of_by_the_first_message_that_knows)
{
    (void)told_and_sent("complete " EXAM);
    ck_assert_uint_eq(truth_count, 1);
    (void)told_and_sent("arrive " EXAM);
    ck_assert_uint_eq(truth_count, 2);
    ck_assert_int_eq(truths[1].kind, OBSERVATION_truth_person);
    ck_assert_int_eq(truths[1].count, 0);
    (void)told_and_sent("complete identified=1 " EXAM);
    ck_assert_uint_eq(truth_count, 2);
    ck_assert_int_eq(truths[1].kind, OBSERVATION_truth_person);
    ck_assert_slice_eq(truths[1].nhs, "9990000018");
    ck_assert_int_eq(truths[1].count, 1);
}
END_TEST

START_TEST(a_report_is_final_unless_told_otherwise)
{
    const struct hl7_value *value = told_and_sent("report " EXAM " report=No+lump.\n\nSee+MR.");
    ck_assert_slice_eq(value->fields[HL7_FIELD_REPORT], "No lump.\n\nSee MR.");
    ck_assert_slice_eq(value->fields[HL7_FIELD_RESULT_STATUS], "F");
    ck_assert_slice_eq(truths[0].text, "reported");
    value = told_and_sent("report " EXAM " report=Hm. result=P");
    ck_assert_slice_eq(value->fields[HL7_FIELD_RESULT_STATUS], "P");
}
END_TEST

START_TEST(a_merge_ends_one_number_in_favour_of_the_other)
{
    const struct hl7_value *value = told_and_sent("merge " ANN " prior_number=A2");
    ck_assert_slice_eq(value->ids[0].value, "A1");
    ck_assert_uint_eq(value->prior_id_count, 1);
    ck_assert_slice_eq(value->prior_ids[0].value, "A2");
    ck_assert_slice_eq(value->prior_ids[0].authority, "CAV");
    ck_assert_int_eq(truths[0].kind, OBSERVATION_truth_person); /* a merge also says who she is */
    ck_assert_int_eq(truths[1].kind, OBSERVATION_truth_merged);
    ck_assert_slice_eq(truths[1].patient_id, "A1");
    ck_assert_slice_eq(truths[1].issuer, "CAV");
    ck_assert_slice_eq(truths[1].other_id, "A2");
    ck_assert_slice_eq(truths[1].other_issuer, "CAV");
    value = told_and_sent("merge " ANN " prior_number=S2 prior_site=SWA");
    ck_assert_slice_eq(value->prior_ids[0].authority, "SWA");
    ck_assert_slice_eq(truths[1].other_issuer, "SWA");
}
END_TEST

START_TEST(an_unlink_makes_two_persons_again)
{
    const struct hl7_value *value =
        told_and_sent("unlink " ANN " prior_number=A2 prior_person=bee");
    ck_assert_slice_eq(value->prior_ids[0].value, "A2");
    ck_assert_uint_eq(truth_count, 2);
    ck_assert_slice_eq(truths[0].person, "ann");
    ck_assert_slice_eq(truths[0].patient_id, "A1");
    ck_assert_slice_eq(truths[1].person, "bee");
    ck_assert_slice_eq(truths[1].patient_id, "A2");
    ck_assert_slice_eq(truths[1].issuer, "CAV");
}
END_TEST

START_TEST(a_meeting_is_one_message_for_each_case)
{
    const struct hl7_value *value = told_and_sent(
        "meeting person=ann\\bee\\cat site=CAV\\SWA\\CAV number=A1\\S7\\A9 nhs=9990000018\\\\ "
        "family=Jones\\Rees\\Pugh given=Ann meeting=breast meeting_in=86400000000000 "
        "text=Breast+MDT "
        "node=mdt_llandough");
    static const char *const numbers[] = {"A1", "S7", "A9"}, *const sites[] = {"CAV", "SWA", "CAV"};
    ck_assert_uint_eq(truth_count, 3); /* it may be where a number is told of first */
    ck_assert_uint_eq(ris_outbox_count(ris), 3);
    for (size_t i = 0; i < 3; i++) {
        value = i == 0 ? value : sent();
        ck_assert_int_eq(value->type, HL7_SIU_S12);
        ck_assert_slice_eq(value->fields[HL7_FIELD_MEETING], "breast");
        ck_assert_slice_eq(value->fields[HL7_FIELD_MEETING_AT], "20100302080000");
        ck_assert_slice_eq(value->fields[HL7_FIELD_MEETING_TEXT], "Breast MDT");
        ck_assert_slice_eq(value->fields[HL7_FIELD_MEETING_SITE], "mdt_llandough");
        ck_assert_slice_eq(value->fields[HL7_FIELD_SENDER_SITE], sites[i]);
        ck_assert_slice_eq(value->ids[0].value, numbers[i]);
        ck_assert_slice_eq(value->ids[0].authority, sites[i]);
        ck_assert_uint_eq(value->id_count, i == 0 ? 2 : 1);
        ck_assert_slice_eq(value->names[0].given, "Ann");
        acknowledged(1, "AA", value->fields[HL7_FIELD_CONTROL_ID]);
    }
    ck_assert_uint_eq(ris_outbox_count(ris), 0);
}
END_TEST

START_TEST(control_ids_are_never_used_twice)
{
    begin(0);
    told("register " ANN);
    told("register " ANN);
    happened(EVENT_OPENED, 1);
    char first[32] = {0};
    memcpy(first, sent()->fields[HL7_FIELD_CONTROL_ID].data, 20);
    acknowledged(1, "AA", slice_from(first));
    ck_assert_uint_eq(sent()->fields[HL7_FIELD_CONTROL_ID].size,
                      20); /* MSH-10 holds no more in 2.5 */
    ck_assert(!slice_equal(sent()->fields[HL7_FIELD_CONTROL_ID], slice_from(first)));
}
END_TEST

START_TEST(a_plan_that_cannot_be_told_is_refused_and_nothing_of_it_is_sent)
{
    static const char *const bad[] = {
        "sing " ANN,
        "order " EXAM " colour=blue",
        "order " EXAM " scheduled_at=soon",
        "order " EXAM " scheduled_at=-1",
        "order " EXAM " scheduled_in=9223372036854775807",
        "meeting person=ann\\bee number=A1\\A2\\A3 site=CAV meeting=M",
        "register person=ann site=CAV number=A1 family=\xFF",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        begin(0);
        ck_assert_msg(plan(PLAN_DO, bad[i]) == ERR_BAD_INPUT, "%s", bad[i]);
        ck_assert_uint_eq(ris_outbox_count(ris), 0);
        ck_assert_uint_eq(out.command_count, 0);
        ck_assert_uint_eq(out.observation_count, 0);
    }
}
END_TEST

UNIT_MAIN(every_verb_says_its_message, a_registration_names_the_person_by_the_numbering_of_her_site,
          an_nhs_number_may_be_unverified_or_unknown,
          an_update_carries_the_maiden_name_as_a_second_name,
          an_order_carries_the_exam_and_its_truth,
          a_completion_says_when_and_its_acknowledgement_names_the_status,
          who_was_brought_in_unknown_is_told_of_by_the_first_message_that_knows,
          a_report_is_final_unless_told_otherwise, a_merge_ends_one_number_in_favour_of_the_other,
          an_unlink_makes_two_persons_again, a_meeting_is_one_message_for_each_case,
          control_ids_are_never_used_twice,
          a_plan_that_cannot_be_told_is_refused_and_nothing_of_it_is_sent)
