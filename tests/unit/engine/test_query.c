/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/world.h"

#define TAG_HOLDERS 0x00991001u

/* A woman with studies at two organisations, and a namesake at one of them. */
static void make(void)
{
    world_make();
    person_put(1, "9990000018", "Price", "Megan", "19580411");
    number_put(1, "CAV", "C624723");
    number_put(1, "GWE", "40018586");
    person_put(2, "9990000026", "Price", "Megan", "19580411");
    number_put(2, "CAV", "C900000");
    archive_put(PACS_CAV, "C624723", "Price^Megan", "19580411", "CAV1001", "1.2.1", "20091207", "CT", 2, 5);
    archive_put(PACS_GWE, "40018586", "Price^Megan", "19580411", "GWE2001", "1.2.2", "20090914", "MG", 1, 4);
    archive_put(PACS_CAV, "C900000", "Price^Megan", "19580411", "CAV1002", "1.2.3", "20091209", "CT", 1, 3);
    study_put(1, 1, "1.2.1", "CAV", "CAV1001", "20091207", "CT", "ABDOMEN", "pacs_cav", 10);
    study_put(2, 2, "1.2.3", "CAV", "CAV1002", "20091209", "CT", "CHEST", "pacs_cav", 3);
}

#define STUDY_KEYS KEY(QueryRetrieveLevel, "STUDY"), KEY(StudyInstanceUID, ""), KEY(AccessionNumber, ""), KEY(StudyDate, "")

START_TEST(query_by_nhs_number_shows_registered_and_live_studies_once_and_no_namesake)
{
    make();
    world_start();
    FIND(STUDY_ROOT, STUDY_KEYS, KEY(PatientID, "9990000018"), KEY(IssuerOfPatientID, ""), KEY(PatientName, ""), KEY(OtherPatientIDsSequence, ""));
    ck_assert_int_eq(w.finals, 1);
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_uint_eq(w.row_count, 2);
    const struct dataset *live = row_of("1.2.2", 0);
    ck_assert_ptr_nonnull(live);
    ck_assert_slice_eq(dataset_get(live, TAG_PatientID), SLICE("9990000018"));
    ck_assert_slice_eq(dataset_get(live, TAG_IssuerOfPatientID), SLICE("NHS"));
    ck_assert_slice_eq(dataset_get(live, TAG_HOLDERS), SLICE("pacs_gwe"));
    ck_assert_slice_eq(dataset_get(live, TAG_RetrieveAETitle), SLICE("PONT"));
    const struct element *other = dataset_find(live, TAG_OtherPatientIDsSequence);
    ck_assert_uint_eq(other->item_count, 1);
    ck_assert_slice_eq(dataset_get(&other->items[0], TAG_PatientID), SLICE("40018586"));
    ck_assert_slice_eq(dataset_get(&other->items[0], TAG_IssuerOfPatientID), SLICE("GWE"));
}
END_TEST

START_TEST(query_in_patient_root_finds_by_the_clients_own_local_number)
{
    make();
    world_start();
    FIND(PATIENT_ROOT, STUDY_KEYS, KEY(PatientID, "40018586"));
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_uint_eq(w.row_count, 2);
    FIND(PATIENT_ROOT, STUDY_KEYS, KEY(PatientID, "C624723")); /* another organisation's number, bare: names nobody */
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_uint_eq(w.row_count, 0);
    FIND(PATIENT_ROOT, STUDY_KEYS, KEY(PatientID, "C624723"), KEY(IssuerOfPatientID, "CAV"));
    ck_assert_uint_eq(w.row_count, 2);
}
END_TEST

/* A pattern meets the engine's own numbers too; stars in a row are one. */
START_TEST(query_by_a_pattern_of_numbers_finds_whoever_has_one_that_fits)
{
    make();
    restore((struct record){.table = TABLE_person, .values = {N(3), T("P000000003"), T("PONT"), T("Morgan"), T("Sian"), T("19710930"), T("F"), N(PERSON_ACTIVE), N(0), N(1)}});
    number_put(3, "CAV", "C700000");
    archive_put(PACS_CAV, "C700000", "Morgan^Sian", "19710930", "CAV1003", "1.2.4", "20091209", "CT", 1, 3);
    study_put(3, 3, "1.2.4", "CAV", "CAV1003", "20091209", "CT", "CHEST", "pacs_cav", 3);
    world_start();
    FIND(STUDY_ROOT, STUDY_KEYS, KEY(PatientID, "P00000000?"));
    ck_assert_uint_eq(w.row_count, 1);
    ck_assert_ptr_nonnull(row_of("1.2.4", 0));
    FIND(STUDY_ROOT, STUDY_KEYS, KEY(PatientID, "9990*"));
    ck_assert_uint_eq(w.row_count, 3);
    FIND(STUDY_ROOT, STUDY_KEYS, KEY(PatientID, "P*"), KEY(IssuerOfPatientID, "NHS"));
    ck_assert_uint_eq(w.row_count, 0);
    FIND(STUDY_ROOT, STUDY_KEYS, KEY(PatientID, "****"));
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_uint_eq(w.row_count, 4);
}
END_TEST

START_TEST(query_at_patient_level_gives_one_row_a_person)
{
    make();
    world_start();
    FIND(PATIENT_ROOT, KEY(QueryRetrieveLevel, "PATIENT"), KEY(PatientName, "PRICE*"), KEY(PatientID, ""), KEY(NumberOfPatientRelatedStudies, ""));
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_uint_eq(w.row_count, 2);
    ck_assert_slice_eq(dataset_get(w.rows[0], TAG_NumberOfPatientRelatedStudies), SLICE("2"));
    ck_assert_slice_eq(dataset_get(w.rows[1], TAG_NumberOfPatientRelatedStudies), SLICE("1"));
}
END_TEST

START_TEST(query_refuses_what_breaks_the_hierarchy)
{
    static const struct {
        const char *level, *patient, *study, *series;
        bool patient_root;
    } rows[] = {
        {"WARD", "", "", "", false}, {"", "", "", "", false}, {"PATIENT", "", "", "", false}, {"STUDY", "", "", "", true},
        {"SERIES", "", "", "", false}, {"SERIES", "", "1.2\\1.3", "", false}, {"IMAGE", "", "1.2", "", false}, {"SERIES", "", "1.2", "", true},
        {"STUDY", "99*", "", "", true}, {"STUDY", "", "1.2.*", "", false},
        {"STUDY", "", "?", "", false}, {"STUDY", "", "PatientID", "", false},
    };
    make();
    world_start();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct key keys[] = {KEY(QueryRetrieveLevel, rows[i].level), KEY(PatientID, rows[i].patient), KEY(StudyInstanceUID, rows[i].study),
                                   KEY(SeriesInstanceUID, rows[i].series), {0, NULL}};
        slice model = rows[i].patient_root ? UID_PATIENT_ROOT_FIND : UID_STUDY_ROOT_FIND;
        client_asks(client_open("GWEWS", model), DIMSE_C_FIND_RQ, model, "", keys);
        world_run(TIME_S);
        ck_assert_int_eq(w.finals, 1);
        ck_assert_uint_eq(w.final.status, STATUS_IDENTIFIER_MISMATCH);
        ck_assert_uint_gt(w.final.error_comment.size, 0);
    }
    ck_assert_int_eq(w.finds[PACS_CAV] + w.finds[PACS_GWE], 0);
}
END_TEST

START_TEST(query_by_accession_number_keeps_to_its_issuer)
{
    make();
    world_start();
    FIND(STUDY_ROOT, KEY(QueryRetrieveLevel, "STUDY"), KEY(StudyInstanceUID, ""), KEY(AccessionNumber, "CAV1001"));
    ck_assert_uint_eq(w.row_count, 1);
    ck_assert_slice_eq(dataset_get(w.rows[0], TAG_StudyInstanceUID), SLICE("1.2.1"));
    FIND(STUDY_ROOT, KEY(QueryRetrieveLevel, "STUDY"), KEY(StudyInstanceUID, ""), KEY(AccessionNumber, "1001")); /* Gwent's own 1001: none */
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_uint_eq(w.row_count, 0);
}
END_TEST

START_TEST(query_says_who_did_not_answer_when_a_source_is_down)
{
    make();
    world_start();
    w.down[PACS_GWE] = true;
    FIND(STUDY_ROOT, STUDY_KEYS, KEY(PatientID, "9990000018"));
    ck_assert_int_eq(w.finals, 1);
    ck_assert_uint_eq(w.final.status, 0xC0D1);
    ck_assert(slice_starts(w.final.error_comment, SLICE("incomplete: pacs_gwe ")));
    ck_assert_uint_eq(w.row_count, 1);
    const struct record *row = record_find(TABLE_query, COLUMN_query_status, 0xC0D1);
    ck_assert_ptr_nonnull(row);
    ck_assert(slice_starts(row->values[COLUMN_query_incomplete].text, SLICE("pacs_gwe ")));
}
END_TEST

START_TEST(query_ends_before_its_deadline_when_a_source_says_nothing)
{
    make();
    world_start();
    w.silent[PACS_GWE] = true;
    FIND(STUDY_ROOT, STUDY_KEYS, KEY(PatientID, "9990000018"));
    ck_assert_int_eq(w.finals, 1);
    ck_assert_uint_eq(w.final.status, 0xC0D1);
    ck_assert_int_le(w.final_at - w.asked_at, 3 * TIME_S);
}
END_TEST

START_TEST(query_shows_nobody_elses_rows_when_a_source_ignores_the_patient_key)
{
    make();
    w.ignores_patient[PACS_CAV] = true;
    archive_put(PACS_CAV, "C555555", "Else^Someone", "19400101", "CAV1003", "1.2.4", "20091210", "CT", 1, 3);
    world_start();
    FIND(STUDY_ROOT, STUDY_KEYS, KEY(PatientID, "9990000018"));
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_uint_eq(w.row_count, 2);
    ck_assert_ptr_null(row_of("1.2.3", 0));
    ck_assert_ptr_null(row_of("1.2.4", 0));
}
END_TEST

START_TEST(query_shows_one_study_uid_under_two_patients_as_two_rows)
{
    make();
    archive_put(PACS_GWE, "40019999", "Jones^Ann", "19700101", "GWE3001", "1.2.1", "20091207", "CT", 1, 1);
    person_put(3, "9990000034", "Jones", "Ann", "19700101");
    number_put(3, "GWE", "40019999");
    world_start();
    FIND(STUDY_ROOT, KEY(QueryRetrieveLevel, "STUDY"), KEY(StudyInstanceUID, "1.2.1"), KEY(PatientID, ""));
    ck_assert_uint_eq(w.row_count, 2);
    ck_assert(!slice_equal(dataset_get(row_of("1.2.1", 0), TAG_PatientID), dataset_get(row_of("1.2.1", 1), TAG_PatientID)));
}
END_TEST

START_TEST(query_by_uid_shows_studies_of_patients_nobody_registered)
{
    make();
    archive_put(PACS_VEL, "V1", "Nobody^Known", "19700101", "77", "1.2.9", "20090101", "CR", 1, 2);
    world_start();
    FIND(STUDY_ROOT, KEY(QueryRetrieveLevel, "STUDY"), KEY(StudyInstanceUID, "1.2.9"), KEY(PatientID, ""), KEY(PatientName, ""));
    ck_assert_uint_eq(w.row_count, 1);
    ck_assert_slice_eq(dataset_get(w.rows[0], TAG_PatientID), SLICE("V1"));
    ck_assert_slice_eq(dataset_get(w.rows[0], TAG_IssuerOfPatientID), SLICE("VEL"));
    ck_assert_slice_eq(dataset_get(w.rows[0], TAG_PatientName), SLICE("Nobody^Known"));
}
END_TEST

START_TEST(query_walks_down_to_series_and_images_of_one_study)
{
    make();
    world_start();
    FIND(STUDY_ROOT, KEY(QueryRetrieveLevel, "SERIES"), KEY(StudyInstanceUID, "1.2.1"), KEY(SeriesInstanceUID, ""), KEY(Modality, ""));
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_uint_eq(w.row_count, 2);
    FIND(STUDY_ROOT, KEY(QueryRetrieveLevel, "IMAGE"), KEY(StudyInstanceUID, "1.2.1"), KEY(SeriesInstanceUID, "1.2.1.1"), KEY(SOPInstanceUID, ""),
         KEY(StudyComments, ""));
    ck_assert_uint_eq(w.row_count, 5);
    ck_assert(dataset_has(w.rows[0], TAG_StudyComments)); /* requested keys are always present */
    /* A study that only its source knows: it is found first, then asked. */
    FIND(STUDY_ROOT, KEY(QueryRetrieveLevel, "SERIES"), KEY(StudyInstanceUID, "1.2.2"), KEY(SeriesInstanceUID, ""));
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_uint_eq(w.row_count, 1);
}
END_TEST

START_TEST(query_at_series_level_refuses_a_uid_of_two_patients_without_a_patient_id)
{
    make();
    study_put(3, 2, "1.2.1", "GWE", "GWE3001", "20091207", "CT", "CHEST", "pacs_gwe", 1);
    world_start();
    FIND(STUDY_ROOT, KEY(QueryRetrieveLevel, "SERIES"), KEY(StudyInstanceUID, "1.2.1"), KEY(SeriesInstanceUID, ""));
    ck_assert_uint_eq(w.final.status, STATUS_UNABLE_TO_PROCESS);
    FIND(PATIENT_ROOT, KEY(QueryRetrieveLevel, "SERIES"), KEY(PatientID, "9990000018"), KEY(StudyInstanceUID, "1.2.1"), KEY(SeriesInstanceUID, ""));
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_uint_eq(w.row_count, 2);
}
END_TEST

START_TEST(query_tells_long_answers_in_runs_of_the_size_configured)
{
    make();
    for (int i = 0; i < 30; i++) {
        char uid[16];
        struct buffer buffer = buffer_over(uid, sizeof uid);
        buffer_put_text(&buffer, "1.3.");
        buffer_put_int(&buffer, i);
        archive_put(PACS_GWE, "40018586", "Price^Megan", "19580411", "", keep(buffer_slice(&buffer)).data, "20050101", "CR", 1, 1);
    }
    world_start();
    FIND(STUDY_ROOT, STUDY_KEYS, KEY(PatientID, "9990000018"));
    ck_assert_uint_eq(w.row_count, 32);
    ck_assert_uint_eq(w.run_largest, 7);
    ck_assert_int_eq(w.finals, 1);
}
END_TEST

START_TEST(query_waits_its_turn_under_load_and_has_no_holes)
{
    const struct key keys[] = {STUDY_KEYS, KEY(PatientID, "9990000018"), {0, NULL}};
    make();
    w.config.queries_max = 50; /* and three questions each: more than may be under way */
    w.config.source_timeout_ns = w.config.query_deadline_ns = 20 * TIME_S;
    engine_make();
    for (size_t i = 0; i < w.record_count; i++) {
        ck_assert_int_eq(engine_restore(w.engine, &w.records[i].record), ERR_OK);
    }
    world_start();
    for (int i = 0; i < 51; i++) {
        client_asks(client_open("GWEWS", UID_STUDY_ROOT_FIND), DIMSE_C_FIND_RQ, UID_STUDY_ROOT_FIND, "", keys);
    }
    world_run(TIME_MIN);
    ck_assert_int_eq(w.finals, 51);
    ck_assert_int_eq(w.bad_finals, 1); /* the last was told to come again */
    ck_assert_uint_eq(w.row_count, 50 * 2);
}
END_TEST

START_TEST(query_that_is_cancelled_ends_with_fe00)
{
    const struct key keys[] = {STUDY_KEYS, KEY(PatientID, "9990000018"), {0, NULL}};
    make();
    world_start();
    w.silent[PACS_GWE] = true;
    int64_t channel = client_open("GWEWS", UID_STUDY_ROOT_FIND);
    client_asks(channel, DIMSE_C_FIND_RQ, UID_STUDY_ROOT_FIND, "", keys);
    push_message(channel, (struct dimse){.kind = DIMSE_C_CANCEL_RQ, .message_id = 5});
    world_run(10 * TIME_S);
    ck_assert_int_eq(w.finals, 1);
    ck_assert_uint_eq(w.final.status, STATUS_CANCEL);
}
END_TEST

/* From one node to another, or nowhere. */
static void file_study(const char *study, int from, int to)
{
    for (size_t i = 0; i < w.instance_count; i++) {
        if (w.archive[i].node == from && strcmp(w.archive[i].study, study) == 0) {
            w.archive[i].node = to;
        }
    }
}

START_TEST(query_does_not_show_what_its_holder_does_not_hold_any_more_and_shows_it_when_it_is_back)
{
    make();
    world_start();
    file_study("1.2.1", PACS_CAV, -2);
    for (int i = 0; i < 2; i++) {
        FIND(STUDY_ROOT, STUDY_KEYS, KEY(PatientID, "9990000018"));
        ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
        ck_assert_uint_eq(w.row_count, 1);
        ck_assert_ptr_null(row_of("1.2.1", 0));
        ck_assert_int_eq(w.finds[PACS_CAV], 2 + i); /* the list, then that one study; known to be gone it is not asked for again */
    }
    file_study("1.2.1", -2, PACS_CAV);
    FIND(STUDY_ROOT, STUDY_KEYS, KEY(PatientID, "9990000018"));
    ck_assert_uint_eq(w.row_count, 2);
    ck_assert_slice_eq(dataset_get(row_of("1.2.1", 0), TAG_HOLDERS), SLICE("pacs_cav"));
    ck_assert_int_eq(w.finds[PACS_CAV], 4);
}
END_TEST

START_TEST(query_shows_no_copy_of_what_is_gone_where_it_was_made)
{
    make();
    study_put(3, 1, "1.2.4", "CAV", "CAV1003", "20091211", "CT", "CHEST", "pacs_cav", 1);
    restore((struct record){.table = TABLE_copy, .values = {N(3), T("pacs_gwe"), N(COPY_LEASED), N(COPY_PRESENT), N(1), N(PROOF_LIST), N(0)}});
    archive_put(PACS_GWE, "40018586", "Price^Megan", "19580411", "CAV1003", "1.2.4", "20091211", "CT", 1, 1);
    world_start();
    FIND(STUDY_ROOT, STUDY_KEYS, KEY(PatientID, "9990000018"));
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_ptr_null(row_of("1.2.4", 0));
    ck_assert_uint_eq(w.row_count, 2);
}
END_TEST

START_TEST(query_shows_what_a_list_left_out_and_the_holder_has_all_the_same)
{
    make();
    study_put(3, 1, "1.2.4", "CAV", "CAV1003", "20091211", "CT", "CHEST", "pacs_cav", 1);
    archive_put(PACS_CAV, "C111111", "Price^Megan", "19580411", "CAV1003", "1.2.4", "20091211", "CT", 1, 1); /* under a number nobody told of */
    world_start();
    FIND(STUDY_ROOT, STUDY_KEYS, KEY(PatientID, "9990000018"));
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_uint_eq(w.row_count, 3);
    ck_assert_ptr_nonnull(row_of("1.2.4", 0));
}
END_TEST

START_TEST(query_keeps_a_doubtful_row_and_says_so_when_the_holder_does_not_answer)
{
    make();
    world_start();
    w.down[PACS_CAV] = true;
    FIND(STUDY_ROOT, STUDY_KEYS, KEY(PatientID, "9990000018"));
    ck_assert_uint_eq(w.final.status, 0xC0D1);
    ck_assert_ptr_nonnull(row_of("1.2.1", 0));
}
END_TEST

START_TEST(query_by_an_accession_number_with_its_issuer_asks_that_organisation_alone)
{
    make();
    world_start();
    w.down[PACS_GWE] = true;
    FIND(STUDY_ROOT, STUDY_KEYS, KEY(AccessionNumber, "CAV1001"));
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS); /* who cannot have it may be down */
    ck_assert_uint_eq(w.row_count, 1);
    ck_assert_int_eq(w.finds[PACS_GWE] + w.finds[PACS_VEL], 0);
    ck_assert_int_eq(w.finds[PACS_CAV], 2); /* with the letters and without */
}
END_TEST

UNIT_MAIN(query_by_a_pattern_of_numbers_finds_whoever_has_one_that_fits, query_does_not_show_what_its_holder_does_not_hold_any_more_and_shows_it_when_it_is_back, query_shows_no_copy_of_what_is_gone_where_it_was_made,
          query_shows_what_a_list_left_out_and_the_holder_has_all_the_same, query_keeps_a_doubtful_row_and_says_so_when_the_holder_does_not_answer,
          query_by_an_accession_number_with_its_issuer_asks_that_organisation_alone,
          query_by_nhs_number_shows_registered_and_live_studies_once_and_no_namesake, query_in_patient_root_finds_by_the_clients_own_local_number,
          query_at_patient_level_gives_one_row_a_person, query_refuses_what_breaks_the_hierarchy, query_by_accession_number_keeps_to_its_issuer,
          query_says_who_did_not_answer_when_a_source_is_down, query_ends_before_its_deadline_when_a_source_says_nothing,
          query_shows_nobody_elses_rows_when_a_source_ignores_the_patient_key, query_shows_one_study_uid_under_two_patients_as_two_rows, query_by_uid_shows_studies_of_patients_nobody_registered,
          query_walks_down_to_series_and_images_of_one_study, query_at_series_level_refuses_a_uid_of_two_patients_without_a_patient_id,
          query_tells_long_answers_in_runs_of_the_size_configured, query_waits_its_turn_under_load_and_has_no_holes, query_that_is_cancelled_ends_with_fe00)
