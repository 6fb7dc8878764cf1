/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/fake.h"

static const struct fake_patient megan = {"GWE",   "40018586", "9990000018", "Price",
                                          "Megan", "19580411", NULL,         false};

/* `count` studies of as many people at a node, `days` apart. */
static void crowd(uint32_t node, int count, int days)
{
    static char uids[400][32], accessions[400][16], ids[400][16], dates[400][16], names[400][32];
    for (int i = 0; i < count; i++) {
        struct buffer date = buffer_over(dates[i], sizeof dates[i] - 1);
        snprintf(uids[i], sizeof uids[i], "1.2.5.%d", i);
        snprintf(accessions[i], sizeof accessions[i], "GWE%d", 3000 + i);
        snprintf(ids[i], sizeof ids[i], "4%06d", i);
        snprintf(names[i], sizeof names[i], "Crowd%d^Ann", i);
        time_put_da(&date, 1167609600 * TIME_S + (time_ns)i * days * TIME_DAY);
        fake.studies[fake.study_count++] = (struct fake_study){
            node, uids[i], accessions[i], ids[i], names[i], "19500101", dates[i], "CR", 1, 2};
    }
}

static void start(uint64_t dialect)
{
    fake_nodes[1].dialect |= dialect;
    fake_start();
}
#define BIT(name) ((uint64_t)1 << DIALECT_##name)

START_TEST(a_silent_cap_is_noticed_and_defeated_by_splitting_the_dates)
{
    fake_init();
    crowd(1, 340, 3);
    fake.cap[1] = 100;
    start(BIT(row_cap));
    ASK(fake_client("MDT", "PONT"), WANT(StudyDate, "20070101-20100101"), WANT(PatientID, ""));
    ck_assert_uint_eq(fake.row_count, 340);
    ck_assert_uint_eq(fake.status, STATUS_SUCCESS);
    ck_assert(fake_has_finding("row_cap"));
    ck_assert_uint_eq(health_row_cap(fake.engine, 1), 100);
}
END_TEST

START_TEST(a_known_cap_that_is_no_round_number_is_defeated_too)
{
    fake_init();
    crowd(1, 340, 3);
    fake.cap[1] = 77;
    fake_nodes[1].row_cap = 77;
    start(0);
    ASK(fake_client("MDT", "PONT"), WANT(StudyDate, "20070101-20100101"), WANT(PatientID, ""));
    ck_assert_uint_eq(fake.row_count, 340);
    ck_assert_uint_eq(fake.status, STATUS_SUCCESS);
}
END_TEST

/* Twelve published studies of Megan at a node that tells five at most, the last dated as given; a thirteenth that nobody
 * has told of when `hidden` is not NULL. */
static void capped(const char *date, const char *hidden)
{
    static char uids[12][24], accessions[12][24], dates[12][32], controls[12][16];
    fake_init();
    fake.cap[1] = 5;
    fake_nodes[1].row_cap = 5;
    fake_start();
    for (int i = 0; i < 12; i++) {
        snprintf(uids[i], sizeof uids[i], "1.2.7.%d", i);
        snprintf(accessions[i], sizeof accessions[i], "GWE%d", 100 + i);
        snprintf(dates[i], sizeof dates[i], "2009%02d%02d", i / 3 + 1, i + 1);
        snprintf(controls[i], sizeof controls[i], "c%d", i);
        fake_holds(1, uids[i], accessions[i], &megan, 1, 1);
        fake.studies[fake.study_count - 1].date = i == 11 && date != NULL ? date : dates[i];
        struct hl7_value done = fake_order(&megan, accessions[i], "CM", controls[i], "20100301090000");
        fake_say(&done, "AA");
    }
    if (hidden != NULL) {
        fake_holds(1, "1.2.7.99", "X99", &megan, 1, 1);
        fake.studies[fake.study_count - 1].date = hidden;
    }
}

START_TEST(what_the_registry_knows_of_is_asked_for_in_spans_that_are_not_cut)
{
    capped(NULL, NULL);
    int before = fake.finds[1];
    ASK(fake_client("MDT", "PONT"), WANT(PatientID, "9990000018"));
    ck_assert_uint_eq(fake.row_count, 12);
    ck_assert_uint_eq(fake.status, STATUS_SUCCESS);
    ck_assert_int_eq(fake.finds[1] - before, 3); /* four a span */
}
END_TEST

/* No span of dates matches a study without one: where lists are cut it is known of, or the answer is marked. */
START_TEST(a_study_in_no_span_of_days_is_found_or_the_answer_is_marked)
{
    static const struct {
        const char *date, *hidden;
        bool no_counts;
        uint32_t rows;
        bool whole;
    } cases[] = {
        {NULL, NULL, false, 12, true},         {"", NULL, false, 12, true},
        {"19551231", NULL, false, 12, true},   {"21500101", NULL, false, 12, true},
        {NULL, "19551231", false, 13, true},   {NULL, "21500101", false, 13, true},
        {NULL, "", false, 12, false},          {"", "", false, 12, false},
        {NULL, NULL, true, 12, false},         {NULL, "16660902", false, 12, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        capped(cases[i].date, cases[i].hidden);
        fake.no_counts = cases[i].no_counts;
        ASK(fake_client("MDT", "PONT"), WANT(PatientID, "9990000018"));
        ck_assert_msg(fake.row_count == cases[i].rows, "case %zu: %u rows", i, (unsigned)fake.row_count);
        ck_assert_msg((fake.status == STATUS_SUCCESS) == cases[i].whole, "case %zu: status %04x", i, fake.status);
    }
}
END_TEST

START_TEST(a_question_for_dates_is_whole_without_what_has_none)
{
    capped(NULL, "");
    ASK(fake_client("MDT", "PONT"), WANT(PatientID, "9990000018"), WANT(StudyDate, "20000101-20100101"));
    ck_assert_uint_eq(fake.row_count, 12);
    ck_assert_uint_eq(fake.status, STATUS_SUCCESS);
}
END_TEST

START_TEST(a_cap_that_cannot_be_split_is_said_to_be_incomplete)
{
    fake_init();
    crowd(1, 340, 0);
    fake.cap[1] = 100;
    start(BIT(row_cap));
    ASK(fake_client("MDT", "PONT"), WANT(StudyDate, "20070101-20100101"), WANT(PatientID, ""));
    ck_assert_uint_ne(fake.status, STATUS_SUCCESS);
    ck_assert_uint_eq(fake.row_count, 100);
}
END_TEST

START_TEST(without_the_mitigation_a_silent_cap_loses_rows)
{
    fake_init();
    crowd(1, 340, 3);
    fake.cap[1] = 100;
    start(0);
    ASK(fake_client("MDT", "PONT"), WANT(StudyDate, "20070101-20100101"), WANT(PatientID, ""));
    ck_assert_uint_eq(fake.row_count, 100);
}
END_TEST

START_TEST(a_source_that_refuses_broad_questions_is_asked_narrow_ones)
{
    static const struct {
        slice name, date;
        uint32_t rows;
        bool whole; /* what has no date, or one that no image has, cannot be asked for there */
    } cases[] = {
        {SLICE("Crowd*"), SLICE(""), 340, false},
        {SLICE("Crowd*"), SLICE("20060101-20101231"), 340, true},
        {SLICE("Crowd*"), SLICE("00010101-99991231"), 340, false},
        {SLICE("Crowd*"), SLICE("19500101-19600101"), 0, false},
        {SLICE(""), SLICE("20070101-20070102"), 1, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fake_init();
        crowd(1, 340, 3);
        fake.refuse_above[1] = 50;
        fake.refuse_days[1] = 92;
        start(BIT(narrow_first));
        ASK(fake_client("MDT", "PONT"), {.tag = TAG_PatientName, .value = cases[i].name}, {.tag = TAG_StudyDate, .value = cases[i].date});
        ck_assert_msg(fake.row_count == cases[i].rows, "case %zu: %u rows", i, (unsigned)fake.row_count);
        ck_assert_msg((fake.status == STATUS_SUCCESS) == cases[i].whole, "case %zu: status %04x", i, fake.status);
    }
}
END_TEST

START_TEST(a_name_is_asked_as_it_is_where_its_list_is_short)
{
    fake_init();
    crowd(1, 40, 3);
    fake.studies[7].date = "";
    fake.refuse_above[1] = 50;
    start(BIT(narrow_first));
    ASK(fake_client("MDT", "PONT"), WANT(PatientName, "CROWD*"));
    ck_assert_uint_eq(fake.row_count, 40);
    ck_assert_uint_eq(fake.status, STATUS_SUCCESS);
    ck_assert_int_eq(fake.finds[1], 1);
}
END_TEST

/* A modality whose clock is ahead dates its images so: half a year ahead of the engine's clock here. */
START_TEST(what_is_dated_ahead_of_the_clock_is_found_where_questions_are_split_too)
{
    fake_init();
    crowd(1, 340, 4);
    fake.refuse_above[1] = 50;
    start(BIT(narrow_first));
    ASK(fake_client("MDT", "PONT"), WANT(PatientName, "Crowd*"));
    ck_assert_uint_eq(fake.row_count, 340);
}
END_TEST

static int64_t start_with_every_dialect(void)
{
    fake_init();
    crowd(1, 30, 3);
    for (uint32_t i = 0; i < 3; i++) {
        fake_nodes[i].dialect |= BIT(narrow_first) | BIT(row_cap) | BIT(no_wildcards) | BIT(no_modalities) | BIT(strip_zeros) | BIT(hierarchical_only);
    }
    fake_start();
    return fake_client("MDT", "PONT");
}

/* Whatever stands in a key, and whatever dialect the sources speak, the question is answered once. */
START_TEST(strange_keys_get_one_final_answer_in_every_dialect)
{
    static const char *const values[] = {
        "20100101-20090101", "20300101-", "20300101", "00010101-99991231", "99999999-00000000", "-", "--", "-20100101", "junk", "*", "?", "**",
        "\\", "\\\\1.2.3\\*", "1.2.5.1\\1.2.5.1", "=", "^^^^^^", "^=^=^", " ", "%s%n", "\x1b$B\xff", "9990000018", "999\\9990000018",
    };
    static const uint32_t tags[] = {
        TAG_StudyDate, TAG_StudyTime, TAG_PatientID, TAG_PatientName, TAG_PatientBirthDate, TAG_StudyInstanceUID, TAG_SeriesInstanceUID,
        TAG_AccessionNumber, TAG_ModalitiesInStudy, TAG_IssuerOfPatientID, TAG_SpecificCharacterSet, TAG_NumberOfStudyRelatedInstances,
    };
    for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
        int64_t client = start_with_every_dialect();
        for (size_t t = 0; t < sizeof tags / sizeof tags[0]; t++) {
            ASK(client, {.tag = tags[t], .value = slice_from(values[v])}, WANT(PatientSex, ""));
            ck_assert_uint_ne(fake.status, 1);
        }
    }
    int64_t client = start_with_every_dialect();
    ASK(client, WANT(StudyDate, "20070110-20070101"), WANT(PatientID, ""));
    ck_assert_uint_eq(fake.row_count, 0);
    ck_assert_uint_eq(fake.status, STATUS_SUCCESS);
    ASK(client, WANT(StudyDate, "00010101-99991231"), WANT(PatientID, ""));
    ck_assert_uint_eq(fake.row_count, 30);
    ck_assert_uint_eq(fake.status, STATUS_SUCCESS);
}
END_TEST

START_TEST(rows_that_do_not_answer_the_question_are_dropped)
{
    fake_init();
    crowd(1, 30, 3);
    fake.ignores_keys = true;
    start(0);
    ASK(fake_client("MDT", "PONT"), WANT(PatientName, "Crowd7^Ann"));
    ck_assert_uint_eq(fake.row_count, 1);
    ASK(fake_client("MDT", "PONT"), WANT(StudyDate, "20070101-20070110"));
    ck_assert_uint_eq(fake.row_count, 4);
}
END_TEST

START_TEST(a_row_told_twice_is_one_row)
{
    fake_init();
    crowd(1, 30, 3);
    fake.twice = true;
    start(0);
    ASK(fake_client("MDT", "PONT"), WANT(StudyDate, "20070101-20100101"));
    ck_assert_uint_eq(fake.row_count, 30);
}
END_TEST

START_TEST(no_wildcard_reaches_a_product_that_cannot_bear_it)
{
    fake_init();
    crowd(1, 30, 3);
    fake.strict = true;
    for (uint32_t i = 0; i < 3; i++) {
        fake_nodes[i].dialect |= BIT(no_wildcards);
    }
    fake_start();
    ASK(fake_client("MDT", "PONT"), WANT(PatientName, "Crowd1*"), WANT(AccessionNumber, "*"));
    ck_assert_uint_eq(fake.row_count, 11);
}
END_TEST

START_TEST(modalities_that_a_product_leaves_out_come_from_its_series)
{
    fake_init();
    crowd(1, 3, 3);
    fake.no_modalities = true;
    start(BIT(no_modalities));
    ASK(fake_client("MDT", "PONT"), WANT(StudyDate, "20070101-20100101"),
        WANT(ModalitiesInStudy, "CR"));
    ck_assert_uint_eq(fake.row_count, 3);
    ck_assert(slice_equal(dataset_get(fake.rows[0], TAG_ModalitiesInStudy), SLICE("CR")));
    ASK(fake_client("MDT", "PONT"), WANT(StudyDate, "20070101-20100101"),
        WANT(ModalitiesInStudy, "MR"));
    ck_assert_uint_eq(fake.row_count, 0);
}
END_TEST

/* Publication goes through the same door: here the ids of its question and answer are bent. */
static void publishes(const char *patient_id, const char *accession)
{
    fake_holds(1, "1.2.3", accession, &megan, 1, 3);
    fake.studies[fake.study_count - 1].patient_id = patient_id;
    fake_start();
    struct hl7_value done = fake_order(&megan, "GWE1001", "CM", "c1", "20100301090000");
    fake_say(&done, "AA");
    ck_assert_int_eq(fake_exam("GWE", "GWE1001").state, EXAM_PUBLISHED);
}

START_TEST(leading_zeros_of_a_product_are_its_own)
{
    fake_init();
    fake_nodes[1].dialect |= BIT(strip_zeros);
    fake_nodes[1].patient_id_width = 10;
    publishes("0040018586", "GWE1001");
    ASK(fake_client("MDT", "PONT"), WANT(PatientID, "9990000018"));
    ck_assert_uint_eq(fake.row_count, 1);
    ck_assert_uint_eq(fake.status, STATUS_SUCCESS);
}
END_TEST

START_TEST(a_products_accession_prefix_is_its_own)
{
    fake_init();
    fake_nodes[1].dialect |= BIT(accession_prefix);
    fake_nodes[1].accession_prefix = SLICE("X-");
    publishes("40018586", "X-GWE1001");
    ck_assert(
        slice_equal(fake_study_row(fake_exam("GWE", "GWE1001").study).accession, SLICE("GWE1001")));
}
END_TEST

START_TEST(a_space_behind_a_uid_is_no_part_of_it)
{
    fake_init();
    fake.space_uids = true;
    publishes("40018586", "GWE1001");
    ck_assert(slice_equal(fake_study_row(fake_exam("GWE", "GWE1001").study).uid, SLICE("1.2.3")));
}
END_TEST

START_TEST(text_without_a_character_set_is_read_in_the_nodes_own)
{
    fake_init();
    fake.charset = "";
    fake_nodes[1].dialect |= BIT(assume_charset);
    fake_nodes[1].charset = SLICE("ISO_IR 100");
    fake.studies[fake.study_count++] = (struct fake_study){
        1, "1.2.3", "GWE1", "4001", "Morgan^Si\xE2n", "19710930", "20070102", "US", 1, 1};
    fake_start();
    ASK(fake_client("MDT", "PONT"), WANT(StudyDate, "20070101-20100101"), WANT(PatientName, ""));
    ck_assert_uint_eq(fake.row_count, 1);
    ck_assert(slice_equal(dataset_get(fake.rows[0], TAG_PatientName), SLICE("Morgan^Si\xC3\xA2n")));
    ck_assert(fake_has_finding("assume_charset"));
}
END_TEST

START_TEST(names_are_found_however_they_are_spelt)
{
    fake_init();
    fake.exact_names = true;
    fake.studies[fake.study_count++] = (struct fake_study){
        1, "1.2.1", "GWE1", "4001", "MORGAN^SI\xC3\x82N", "19710930", "20070102", "US", 1, 1};
    fake.studies[fake.study_count++] = (struct fake_study){
        1, "1.2.2", "GWE2", "4002", "Morgan^Si\xC3\xA2n^^", "19710930", "20070102", "US", 1, 1};
    fake.studies[fake.study_count++] = (struct fake_study){
        1, "1.2.3", "GWE3", "4003", "Morgans^Ann", "19710930", "20070102", "US", 1, 1};
    fake_start();
    ASK(fake_client("MDT", "PONT"), WANT(PatientName, "Morgan^Si\xC3\xA2n"),
        WANT(SpecificCharacterSet, "ISO_IR 192"));
    ck_assert_uint_eq(fake.row_count, 2);
    ck_assert_uint_eq(fake.status, STATUS_SUCCESS);
}
END_TEST

START_TEST(every_uid_of_a_list_is_asked_for)
{
    fake_init();
    crowd(1, 9, 3);
    fake.one_uid = true;
    fake_start();
    ASK(fake_client("MDT", "PONT"), WANT(StudyInstanceUID, "1.2.5.1\\1.2.5.4\\1.2.5.8"));
    ck_assert_uint_eq(fake.row_count, 3);
    ck_assert_uint_eq(fake.status, STATUS_SUCCESS);
}
END_TEST

START_TEST(a_source_that_is_down_is_named_and_the_others_answer)
{
    fake_init();
    crowd(1, 30, 3);
    fake.down[0] = true;
    fake_start();
    ASK(fake_client("MDT", "PONT"), WANT(StudyDate, "20070101-20100101"));
    ck_assert_uint_eq(fake.row_count, 30);
    ck_assert_uint_ne(fake.status, STATUS_SUCCESS);
    ck_assert_uint_gt(fake.comment.size, 0);
    fake.down[0] = false;
    fake_run(20 * TIME_S);
    ASK(fake_client("MDT", "PONT"), WANT(StudyDate, "20070101-20100101"));
    ck_assert_uint_eq(fake.status, STATUS_SUCCESS);
}
END_TEST

START_TEST(after_failures_in_a_row_a_dead_source_is_not_waited_for)
{
    fake_init();
    crowd(1, 3, 3);
    fake.hangs[0] = true;
    fake_start();
    for (int i = 0; i < 3; i++) {
        ASK(fake_client("MDT", "PONT"), WANT(StudyDate, "20070101-20100101"));
        ck_assert_uint_ne(fake.status, STATUS_SUCCESS);
    }
    int finds = fake.finds[0];
    ck_assert(health_is_down(fake.engine, 0));
    time_ns before = fake.now;
    struct element key = WANT(StudyDate, "20070101-20100101");
    fake_ask(fake_client("MDT", "PONT"), &key, 1);
    ck_assert_uint_ne(fake.status, STATUS_SUCCESS);
    ck_assert_int_le(fake.finds[0], finds + 2); /* probes may have asked, the question did not */
    ck_assert_int_ge(fake.now, before);
    fake.hangs[0] = false;
    fake_run(30 * TIME_S);
    ck_assert(!health_is_down(fake.engine, 0));
}
END_TEST

START_TEST(a_source_with_few_places_is_never_asked_for_more_once_that_is_known)
{
    fake_init();
    crowd(1, 30, 3);
    fake.limit[1] = 1;
    fake_start();
    for (int i = 0; i < 5; i++) {
        ASK(fake_client("MDT", "PONT"), WANT(StudyDate, "20070101-20100101"));
        ck_assert_uint_eq(fake.row_count, 30);
        ck_assert_uint_eq(fake.status, STATUS_SUCCESS);
    }
}
END_TEST

START_TEST(wrong_titles_are_rejected_with_the_standards_reasons)
{
    fake_init();
    fake_start();
    ck_assert_int_eq(fake_client("STRANGER", "PONT"), -3);
    ck_assert_int_eq(fake_client("MDT", "WRONG"), -7);
    ck_assert_int_gt(fake_client("MDT", "PONT"), 0);
    ck_assert_uint_eq(fake_records(TABLE_audit), 2);
}
END_TEST

START_TEST(the_audit_chain_is_unbroken_over_a_restart)
{
    char hash[SHA256_TEXT_SIZE + 1];
    slice previous = SLICE_EMPTY;
    int64_t lsn = 0;
    fake_init();
    fake_start();
    fake_client("STRANGER", "PONT");
    fake_client("MDT", "WRONG");
    fake_restart();
    fake_clock();
    fake_client("STRANGER", "PONT");
    for (size_t i = 0; i < fake.record_count; i++) {
        const struct record *record = &fake.records[i];
        if (record->table != TABLE_audit) {
            continue;
        }
        struct buffer text = buffer_make(&fake.keep, 2048);
        buffer_put(&text, record->values[COLUMN_audit_previous].text);
        buffer_put_byte(&text, '\n');
        buffer_put_int(&text, record->values[COLUMN_audit_lsn].integer);
        buffer_put_byte(&text, '\n');
        buffer_put_int(&text, record->values[COLUMN_audit_at_ns].integer);
        for (int column = COLUMN_audit_event; column <= COLUMN_audit_why; column++) {
            buffer_put_byte(&text, '\n');
            buffer_put(&text, record->values[column].text);
        }
        sha256_text(buffer_slice(&text), hash);
        ck_assert_int_eq(record->values[COLUMN_audit_lsn].integer, ++lsn);
        ck_assert(slice_equal(record->values[COLUMN_audit_previous].text, previous));
        ck_assert(slice_equal(record->values[COLUMN_audit_hash].text, slice_from(hash)));
        previous = record->values[COLUMN_audit_hash].text;
    }
    ck_assert_int_eq(lsn, 3);
}
END_TEST

UNIT_MAIN(a_silent_cap_is_noticed_and_defeated_by_splitting_the_dates,
          a_known_cap_that_is_no_round_number_is_defeated_too,
          what_the_registry_knows_of_is_asked_for_in_spans_that_are_not_cut, a_study_in_no_span_of_days_is_found_or_the_answer_is_marked,
          a_question_for_dates_is_whole_without_what_has_none, a_name_is_asked_as_it_is_where_its_list_is_short, a_cap_that_cannot_be_split_is_said_to_be_incomplete,
          without_the_mitigation_a_silent_cap_loses_rows,
          a_source_that_refuses_broad_questions_is_asked_narrow_ones, what_is_dated_ahead_of_the_clock_is_found_where_questions_are_split_too,
          strange_keys_get_one_final_answer_in_every_dialect,
          rows_that_do_not_answer_the_question_are_dropped, a_row_told_twice_is_one_row,
          no_wildcard_reaches_a_product_that_cannot_bear_it,
          modalities_that_a_product_leaves_out_come_from_its_series,
          leading_zeros_of_a_product_are_its_own, a_products_accession_prefix_is_its_own,
          a_space_behind_a_uid_is_no_part_of_it,
          text_without_a_character_set_is_read_in_the_nodes_own,
          names_are_found_however_they_are_spelt, every_uid_of_a_list_is_asked_for,
          a_source_that_is_down_is_named_and_the_others_answer,
          after_failures_in_a_row_a_dead_source_is_not_waited_for,
          a_source_with_few_places_is_never_asked_for_more_once_that_is_known,
          wrong_titles_are_rejected_with_the_standards_reasons,
          the_audit_chain_is_unbroken_over_a_restart)
