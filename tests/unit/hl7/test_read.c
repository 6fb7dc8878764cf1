/* SPDX-License-Identifier: MIT */
#include "tests/unit/hl7/hl7_test.h"

#define MSH     "MSH|^~\\&|RADIS2|CAV|PONT||20100301083000||"
#define MSH_ORM MSH "ORM^O01|C1|P|2.3.1||||||"

static struct hl7_value read_ok(const char *text)
{
    static struct arena arena;
    struct hl7_value value = {0};
    arena = test_arena();
    ck_assert_int_eq(read_bytes(&value, slice_from(text), &arena), ERR_OK);
    return value;
}

static void assert_refused(const char *text, enum err expected)
{
    struct arena arena = test_arena();
    struct hl7_value value = {.id_count = 99};
    ck_assert_msg(read_bytes(&value, slice_from(text), &arena) == expected, "%s", text);
    ck_assert_uint_eq(value.id_count, 99);
}

START_TEST(an_order_gives_its_fields_by_name)
{
    struct hl7_value order = read_ok(
        MSH "ORM^O01^ORM_O01|C1|P|2.5\r"
            "PID|1||A123^^^CAV^PI~9990000018^^^NHS^NH||Jones^Si\\T\\n^Ann^^Mrs^^L||19500102|F\r"
            "PV1|1|O\rORC|NW|P77|||SC\r"
            "OBR|1|||CTCHE^CT of "
            "chest|||||||||||R^^^Chest^L|||CAV00012345^CAV||vel||20100301||CT||||||||||||"
            "20100308090000\r"
            "ZDS|1.2.826.0.1\r");
    ck_assert_int_eq(order.type, HL7_ORM_O01);
    ck_assert_slice_eq(order.fields[HL7_FIELD_SENDER], "RADIS2");
    ck_assert_slice_eq(order.fields[HL7_FIELD_SENDER_SITE], "CAV");
    ck_assert_slice_eq(order.fields[HL7_FIELD_CONTROL_ID], "C1");
    ck_assert_slice_eq(order.fields[HL7_FIELD_BIRTH_DATE], "19500102");
    ck_assert_slice_eq(order.fields[HL7_FIELD_ORDER_CONTROL], "NW");
    ck_assert_slice_eq(order.fields[HL7_FIELD_ORDER_STATUS], "SC");
    ck_assert_slice_eq(order.fields[HL7_FIELD_ACCESSION], "CAV00012345");
    ck_assert_slice_eq(order.fields[HL7_FIELD_ACCESSION_ISSUER], "CAV");
    ck_assert_slice_eq(order.fields[HL7_FIELD_PROCEDURE_TEXT], "CT of chest");
    ck_assert_slice_eq(order.fields[HL7_FIELD_BODY_PART], "Chest");
    ck_assert_slice_eq(order.fields[HL7_FIELD_LATERALITY], "L");
    ck_assert_slice_eq(order.fields[HL7_FIELD_MODALITY], "CT");
    ck_assert_slice_eq(order.fields[HL7_FIELD_READING_SITE], "vel");
    ck_assert_slice_eq(order.fields[HL7_FIELD_SCHEDULED_AT], "20100308090000");
    ck_assert_slice_eq(order.fields[HL7_FIELD_STUDY_UID], "1.2.826.0.1");
    ck_assert_uint_eq(order.id_count, 2);
    ck_assert_slice_eq(order.ids[1].value, "9990000018");
    ck_assert_slice_eq(order.ids[1].authority, "NHS");
    ck_assert_slice_eq(order.ids[1].type, "NH");
    ck_assert_uint_eq(order.name_count, 1);
    ck_assert_slice_eq(order.names[0].given, "Si&n");
    ck_assert_slice_eq(order.names[0].prefix, "Mrs");
}
END_TEST

START_TEST(a_maiden_name_is_found_as_repetition_or_in_pid_9)
{
    struct hl7_value update = read_ok(
        MSH "ADT^A08|C2|P|2.5\rPID|1||7^^^SWA^PI||Jones^Ann~Rees^Ann^^^^^M||||~^~Pugh&van^Ann\r");
    ck_assert_uint_eq(update.name_count, 3);
    ck_assert_slice_eq(update.names[0].kind, "");
    ck_assert_slice_eq(update.names[1].family, "Rees");
    ck_assert_slice_eq(update.names[1].kind, "M");
    ck_assert_slice_eq(update.names[2].family, "Pugh");
    ck_assert_slice_eq(update.names[2].kind, "A");
}
END_TEST

START_TEST(an_authority_may_be_misplaced_and_may_have_an_oid)
{
    struct hl7_value update = read_ok(
        MSH "ADT^A08|C2|P|2.5\rPID|1||~7^^^SWA&1.2.3&ISO^PI~~8^^^^PI^GWE&1.2&ISO~^^^NHS^NH~9\r");
    ck_assert_uint_eq(update.id_count, 3);
    ck_assert_slice_eq(update.ids[0].authority, "SWA");
    ck_assert_slice_eq(update.ids[1].authority, "GWE");
    ck_assert_slice_eq(update.ids[2].value, "9");
    ck_assert_slice_eq(update.ids[2].authority, "");
}
END_TEST

START_TEST(a_merge_names_the_number_that_ends)
{
    struct hl7_value merge = read_ok(MSH "ADT^A40|C3|P|2.5\rPID|1||7^^^CT^PI\rMRG|8^^^CT^PI\r");
    ck_assert_slice_eq(merge.ids[0].value, "7");
    ck_assert_uint_eq(merge.prior_id_count, 1);
    ck_assert_slice_eq(merge.prior_ids[0].value, "8");
    ck_assert_slice_eq(merge.prior_ids[0].authority, "CT");
}
END_TEST

START_TEST(an_unlink_names_its_second_number_in_a_second_pid)
{
    struct hl7_value unlink =
        read_ok(MSH "ADT^A37|C3|P|2.5\rPID|1||7^^^CT^PI\rPV1||N\rPID|2||8^^^CT^PI\r");
    ck_assert_slice_eq(unlink.ids[0].value, "7");
    ck_assert_slice_eq(unlink.prior_ids[0].value, "8");
    ck_assert_uint_eq(unlink.prior_id_count, 1);
}
END_TEST

START_TEST(an_explicit_null_is_told_from_an_empty_field)
{
    struct hl7_value update = read_ok(MSH "ADT^A08|C2|P|2.5\rPID|1||7||\"\"||\"\"|\r");
    ck_assert_slice_eq(update.fields[HL7_FIELD_BIRTH_DATE], "\"\"");
    ck_assert_slice_eq(update.fields[HL7_FIELD_SEX], "");
    ck_assert_slice_eq(update.names[0].family, "\"\"");
}
END_TEST

START_TEST(a_report_is_all_its_text_lines_with_separators_nobody_escaped)
{
    struct hl7_value report =
        read_ok(MSH "ORU^R01|C4|P|2.5\rOBX|1|TX|||No change\\.br\\R&D ^ see\r"
                    "OBX|2|ED|||JVBERi0xLjQ\rOBX|3||||a~b\rOBX|4|ST|||\rOBX|5|FT|||end\r");
    ck_assert_slice_eq(report.fields[HL7_FIELD_REPORT], "No change\nR&D ^ see\na\nb\n\nend");
}
END_TEST

START_TEST(any_message_with_an_msa_is_an_acknowledgement)
{
    struct hl7_value ack = read_ok(MSH "ACK^O01^ACK|9|P|2.5\rMSA|AA|C1\r");
    ck_assert_int_eq(ack.type, HL7_ACK);
    ck_assert_slice_eq(ack.fields[HL7_FIELD_ACK_OF], "C1");
    ck_assert_int_eq(read_ok(MSH "ORR^O02|9|P|2.5\rMSA|AE|C1|busy\r").type, HL7_ACK);
    ck_assert_int_eq(read_ok(MSH "ACK|9\rMSA|AR|C1\r").type, HL7_ACK);
}
END_TEST

START_TEST(text_comes_out_in_utf_8_whatever_set_it_came_in)
{
    ck_assert_slice_eq(read_ok(MSH_ORM "8859/1\rPID|||7||Si\xE2n\\XE9\\\r").names[0].family,
                       "Si\u00E2n\u00E9");
    ck_assert_slice_eq(read_ok(MSH_ORM "UNICODE UTF-8\rPID|||7||T\u0177 Gwyn\r").names[0].family,
                       "T\u0177 Gwyn");
    ck_assert_slice_eq(read_ok(MSH_ORM "ASCII\rPID|||7||Rees\r").names[0].family, "Rees");
    ck_assert_slice_eq(read_ok(MSH_ORM "\rPID|||7||Rees\r").names[0].family, "Rees");
}
END_TEST

START_TEST(text_that_is_not_in_its_set_is_refused_not_mangled)
{
    static const char *const bad[] = {
        MSH_ORM "\rPID|||7||Si\xE2n\r",
        MSH_ORM "ASCII\rPID|||7||Si\u00E2n\r",
        MSH_ORM "8859/1\rPID|||7||O\x92Neill\r",
        MSH_ORM "UNICODE UTF-8\rPID|||7||Si\xE2n\r",
        MSH_ORM "UNICODE UTF-8\rPID|||7||\xC0\xAF\r",
        MSH_ORM "UNICODE UTF-8\rPID|||7||\xED\xA0\x80\r",
        MSH_ORM "UNICODE UTF-8\rPID|||7||\xE2\x82\r",
        MSH_ORM "UNICODE UTF-8\rPID|||7||\xF4\x90\x80\x80\r",
        MSH_ORM "UNICODE UTF-8\rPID|||7||a\\X80\\\r",
        MSH_ORM "UNICODE UTF-8\rPID|||7||\xF0\x9F\x98 \r",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_refused(bad[i], ERR_BAD_MESSAGE);
    }
    struct hl7_value value;
    struct arena arena = test_arena();
    static const char nul[] = MSH_ORM "8859/1\rPID|||7\0||Rees\r",
                      nul_8[] = MSH_ORM "UNICODE UTF-8\rPID|||7\0||Rees\r",
                      nul_a[] = MSH_ORM "\rPID|||7\0||Rees\r";
    ck_assert_int_eq(read_bytes(&value, (slice){nul, sizeof nul - 1}, &arena), ERR_BAD_MESSAGE);
    ck_assert_int_eq(read_bytes(&value, (slice){nul_8, sizeof nul_8 - 1}, &arena), ERR_BAD_MESSAGE);
    ck_assert_int_eq(read_bytes(&value, (slice){nul_a, sizeof nul_a - 1}, &arena), ERR_BAD_MESSAGE);
}
END_TEST

START_TEST(a_character_set_that_cannot_be_read_is_refused)
{
    static const char *const sets[] = {"8859/15", "encoding", "UNICODE UTF-16", "8859/1~ISO IR87",
                                       "ISO IR14"};
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        char text[256] = MSH_ORM;
        assert_refused(strcat(strcat(text, sets[i]), "\rPID|1||7\r"), ERR_BAD_MESSAGE);
    }
}
END_TEST

START_TEST(a_message_of_no_known_type_or_without_control_id_is_refused)
{
    static const char *const bad[] = {
        MSH "BAR^P01|C1|P|2.5\r",
        MSH "ORM^O99|C1|P|2.5\r",
        MSH "ORM|C1|P|2.5\r",
        MSH "|C1|P|2.5\r",
        MSH "ORM^O01||P|2.5\r",
        MSH "ORM^O01\r",
        "MSH|^~\\&",
        MSH "ORM^O01|C1|P|1.0\r",
        MSH "ACK|\rMSA|AA|C1\r",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_refused(bad[i], ERR_BAD_MESSAGE);
    }
    ck_assert_int_eq(read_ok(MSH "ORM^O01|C1|P|2.9\r").type, HL7_ORM_O01);
    ck_assert_int_eq(read_ok(MSH "ORM^O01|C1\r").type, HL7_ORM_O01);
}
END_TEST

START_TEST(a_second_patient_or_order_is_refused_not_lost)
{
    assert_refused(MSH "ORM^O01|C1\rPID|1||7\rPID|2||8\r", ERR_BAD_MESSAGE);
    assert_refused(MSH "ORM^O01|C1\rPID|1||7\rORC|NW\rOBR|1\rORC|NW\rOBR|2\r", ERR_BAD_MESSAGE);
    assert_refused(MSH "ADT^A40|C1\rPID|1||7\rMRG|8\rPID|2||9\rMRG|10\r", ERR_BAD_MESSAGE);
    assert_refused(MSH "ADT^A37|C1\rPID|1||7\rPID|2||8\rPID|3||9\r", ERR_BAD_MESSAGE);
}
END_TEST

START_TEST(too_many_repetitions_are_a_limit)
{
    assert_refused(MSH "ADT^A08|C1\rPID|||1~2~3~4~5~6~7~8~9\r", ERR_LIMIT);
    assert_refused(MSH "ADT^A08|C1\rPID|||1||a~b~c~d~e||||f~g~h~i\r", ERR_LIMIT);
    assert_refused(MSH "ADT^A40|C1\rPID|||1\rMRG|1~2~3~4~5~6~7~8~9\r", ERR_LIMIT);
    ck_assert_uint_eq(read_ok(MSH "ADT^A08|C1\rPID|||1~2~3~4~5~6~7~8~~~\r").id_count, 8);
}
END_TEST

START_TEST(a_megabyte_of_repetitions_or_escapes_ends_in_an_answer)
{
    static const char *const fillers[] = {"~",     "^", "\\", "&",  "|",     "\\X0D\\",
                                          "\\F\\", "a", "\r", "\n", "OBX|\r"};
    static const char *const places[] = {"PID|||", "PID|||||", "OBX|1|TX|||", "OBR|||"};
    static char bytes[HL7_MESSAGE_MAX];
    for (size_t i = 0; i < sizeof fillers / sizeof fillers[0]; i++) {
        for (size_t k = 0; k < sizeof places / sizeof places[0]; k++) {
            struct buffer buffer = buffer_over(bytes, sizeof bytes);
            struct arena arena = test_arena();
            struct hl7_value value = {0};
            buffer_put_text(&buffer, MSH "ORU^R01|C1|P|2.5||||||8859/1\r");
            buffer_put_text(&buffer, places[k]);
            while (!buffer.full) {
                buffer_put_text(&buffer, fillers[i]);
            }
            enum err err = read_bytes(&value, buffer_slice(&buffer), &arena);
            ck_assert(err == ERR_OK ||
                      ((fillers[i][0] == 'O' || fillers[i][0] == '\n') && err == ERR_LIMIT));
        }
    }
}
END_TEST

START_TEST(hl7_read_fails_cleanly_at_every_arena_size)
{
    static const char *const texts[] = {
        MSH_ORM "8859/"
                "1\rPID|1||7^^^CAV^PI~8||J\xEFnes^A~Rees^A^^^^^M\rMRG|9^^^CAV\rOBR|1|||C^T\rOBX|1|"
                "FT|||a\\.br\\b\r",
        MSH_ORM "UNICODE "
                "UTF-8\rPID|1||7^^^CAV^PI~8||J\u00EFnes^A\rMRG|9^^^CAV\rOBX|1|FT|||a\\.br\\b\rOBX|"
                "2|FT|||c\r",
    };
    static char part[2048] __attribute__((aligned(16)));
    for (size_t i = 0; i < 2; i++) {
        struct arena all = test_arena();
        struct hl7_message message;
        enum err err = hl7_parse(&message, slice_from(texts[i]), &all);
        ck_assert_int_eq(err, ERR_OK);
        err = ERR_LIMIT;
        for (size_t size = 0; err == ERR_LIMIT; size++) {
            ck_assert_uint_le(size, sizeof part);
            struct arena arena = {.memory = part, .size = size};
            struct hl7_value value = {.id_count = 99};

            err = hl7_read(&value, &message, &arena);

            ck_assert(err == ERR_OK ? value.id_count == 2 : value.id_count == 99);
        }
        ck_assert_int_eq(err, ERR_OK);
    }
}
END_TEST

UNIT_MAIN(an_order_gives_its_fields_by_name, a_maiden_name_is_found_as_repetition_or_in_pid_9,
          an_authority_may_be_misplaced_and_may_have_an_oid, a_merge_names_the_number_that_ends,
          an_unlink_names_its_second_number_in_a_second_pid,
          an_explicit_null_is_told_from_an_empty_field,
          a_report_is_all_its_text_lines_with_separators_nobody_escaped,
          any_message_with_an_msa_is_an_acknowledgement,
          text_comes_out_in_utf_8_whatever_set_it_came_in,
          text_that_is_not_in_its_set_is_refused_not_mangled,
          a_character_set_that_cannot_be_read_is_refused,
          a_message_of_no_known_type_or_without_control_id_is_refused,
          a_second_patient_or_order_is_refused_not_lost, too_many_repetitions_are_a_limit,
          a_megabyte_of_repetitions_or_escapes_ends_in_an_answer,
          hl7_read_fails_cleanly_at_every_arena_size)
