/* SPDX-License-Identifier: MIT */
#include "tests/unit/node/node_test.h"

#define STUDY                                                                                      \
    {                                                                                              \
        TAG_QueryRetrieveLevel, "STUDY"                                                            \
    }

START_TEST(node_find_lists_the_studies_of_a_patient_each_once)
{
    bench_plain();
    bench_start();
    struct bench_answer answer = bench_study_find(KEYS(
        STUDY, {TAG_PatientID, "123456"}, {TAG_StudyInstanceUID, ""}, {TAG_ModalitiesInStudy, ""}));
    ck_assert_int_eq(answer.status, STATUS_SUCCESS);
    ck_assert_uint_eq(answer.count, 2);
    ck_assert_int_eq(answer.row_status, STATUS_PENDING);
    ck_assert_str_eq(value_of(&answer, 1, TAG_StudyInstanceUID), "1.2.3");
    ck_assert_str_eq(value_of(&answer, 1, TAG_ModalitiesInStudy), "CT");
    ck_assert_str_eq(value_of(&answer, 1, TAG_IssuerOfPatientID), "CAV");
    ck_assert_str_eq(value_of(&answer, 1, TAG_QueryRetrieveLevel), "STUDY");
    ck_assert_str_eq(value_of(&answer, 1, TAG_RetrieveAETitle), OWN);
    ck_assert_uint_eq(answer.bits, 0);
}
END_TEST

START_TEST(node_find_walks_series_and_images_of_a_study)
{
    bench_plain();
    bench_start();
    struct bench_answer series = bench_study_find(
        KEYS({TAG_QueryRetrieveLevel, "SERIES"}, {TAG_StudyInstanceUID, "1.2.3"},
             {TAG_SeriesInstanceUID, ""}, {TAG_NumberOfSeriesRelatedInstances, ""}));
    ck_assert_uint_eq(series.count, 2);
    ck_assert_str_eq(value_of(&series, 0, TAG_NumberOfSeriesRelatedInstances), "5");
    struct bench_answer images =
        bench_study_find(KEYS({TAG_QueryRetrieveLevel, "IMAGE"}, {TAG_StudyInstanceUID, "1.2.3"},
                              {TAG_SeriesInstanceUID, value_of(&series, 1, TAG_SeriesInstanceUID)},
                              {TAG_SOPInstanceUID, ""}, {TAG_InstanceNumber, ""}));
    ck_assert_uint_eq(images.count, 5);
    ck_assert_str_eq(value_of(&images, 4, TAG_InstanceNumber), "5");
    ck_assert_str_ne(value_of(&images, 0, TAG_SOPInstanceUID),
                     value_of(&images, 1, TAG_SOPInstanceUID));
}
END_TEST

START_TEST(node_find_lists_a_patient_once_at_patient_level)
{
    bench_plain();
    bench_start();
    bench_open(2, UID_PATIENT_ROOT_FIND);
    struct bench_answer answer = bench_find(
        2, UID_PATIENT_ROOT_FIND,
        KEYS({TAG_QueryRetrieveLevel, "PATIENT"}, {TAG_PatientName, "*"}, {TAG_PatientID, ""}));
    ck_assert_uint_eq(answer.count, 2);
}
END_TEST

START_TEST(node_find_says_ff01_for_a_key_it_has_not)
{
    bench_plain();
    bench_start();
    struct bench_answer answer =
        bench_study_find(KEYS(STUDY, {TAG_PatientID, "777"}, {TAG_Modality, "CT"}));
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_int_eq(answer.row_status, STATUS_PENDING_KEYS_MISSING);
}
END_TEST

START_TEST(node_find_refuses_an_unknown_level)
{
    bench_plain();
    bench_start();
    ck_assert_int_eq(bench_study_find(KEYS({TAG_QueryRetrieveLevel, "WARD"})).status,
                     STATUS_IDENTIFIER_MISMATCH);
    ck_assert_int_eq(bench_study_find(KEYS({TAG_QueryRetrieveLevel, "PATIENT"})).status,
                     STATUS_IDENTIFIER_MISMATCH);
}
END_TEST

START_TEST(node_find_tells_the_same_rows_whatever_the_run)
{
    for (uint32_t run = 1; run <= 64; run = run == 1 ? 7 : run == 7 ? 64 : 65) {
        bench_plain();
        bench_setup.run_max = run;
        bench_start();
        struct bench_answer answer =
            bench_study_find(KEYS({TAG_QueryRetrieveLevel, "IMAGE"},
                                  {TAG_StudyInstanceUID, "1.2.3"}, {TAG_SOPInstanceUID, ""}));
        ck_assert_uint_eq(answer.count, 10);
        for (size_t i = 1; i < answer.count; i++) {
            ck_assert_str_ne(value_of(&answer, i, TAG_SOPInstanceUID),
                             value_of(&answer, i - 1, TAG_SOPInstanceUID));
        }
    }
    bench_setup.run_max = 0;
}
END_TEST

START_TEST(node_find_ends_with_cancel_when_cancelled)
{
    bench_plain();
    bench_setup.run_max = 1;
    bench_start();
    bench_setup.run_max = 0;
    bench_open(2, UID_STUDY_ROOT_FIND);
    struct dimse request =
        bench_request(DIMSE_C_FIND_RQ, UID_STUDY_ROOT_FIND,
                      KEYS({TAG_QueryRetrieveLevel, "IMAGE"}, {TAG_StudyInstanceUID, "1.2.3"},
                           {TAG_SOPInstanceUID, ""}));
    bench_send(2, &request);
    struct dimse cancel = {.kind = DIMSE_C_CANCEL_RQ, .message_id = 7};
    bench_send(2, &cancel);
    struct event event = {.kind = EVENT_ROOM, .channel = 2};
    bench_step(&event);
    const struct command *sent = bench_command(COMMAND_SEND);
    ck_assert_ptr_nonnull(sent);
    ck_assert_int_eq(sent->run.messages[0].dimse.status, STATUS_CANCEL);
}
END_TEST

/* ---- One quirk each: bent, while the plain node answers as the standard asks. */

START_TEST(quirk_study_root_only_refuses_the_patient_root)
{
    bench_plain();
    bench_start();
    bench_open(2, UID_PATIENT_ROOT_FIND);
    bench_plain();
    bench_quirk(QUIRK_find_model_unsupported, "");
    bench_start();
    bench_ask(2, CALLER, OWN, UID_PATIENT_ROOT_FIND, UID_IMPLICIT_LITTLE);
    ck_assert_int_eq(bench_command(COMMAND_ACCEPT)->contexts.list[0].result,
                     CONTEXT_ABSTRACT_UNKNOWN);
}
END_TEST

START_TEST(quirk_no_relational_refuses_images_without_a_series)
{
    const struct bench_key keys[] = {{TAG_QueryRetrieveLevel, "IMAGE"},
                                     {TAG_StudyInstanceUID, "1.2.3"},
                                     {TAG_SOPInstanceUID, ""},
                                     {0, NULL}};
    bench_plain();
    bench_start();
    ck_assert_uint_eq(bench_study_find(bench_keys(keys)).count, 10);
    bench_plain();
    bench_quirk(QUIRK_find_no_relational, "");
    bench_start();
    struct bench_answer answer = bench_study_find(bench_keys(keys));
    ck_assert_int_eq(answer.status, STATUS_IDENTIFIER_MISMATCH);
    ck_assert_uint_eq(answer.count, 0);
    ck_assert(bit_of(&answer, QUIRK_find_no_relational));
}
END_TEST

START_TEST(quirk_silent_cap_cuts_a_list_and_says_success)
{
    bench_plain();
    bench_quirk(QUIRK_find_response_cap_silent, "2");
    bench_start();
    struct bench_answer answer = bench_study_find(KEYS(STUDY, {TAG_StudyInstanceUID, ""}));
    ck_assert_uint_eq(answer.count, 2);
    ck_assert_int_eq(answer.status, STATUS_SUCCESS);
    ck_assert(bit_of(&answer, QUIRK_find_response_cap_silent));
    answer = bench_study_find(KEYS(STUDY, {TAG_StudyInstanceUID, ""}, {TAG_PatientID, "123456"}));
    ck_assert_uint_eq(answer.count, 2);
    ck_assert_msg(!bit_of(&answer, QUIRK_find_response_cap_silent),
                  "a list that just fits is not cut");
    answer = bench_study_find(KEYS({TAG_QueryRetrieveLevel, "IMAGE"},
                                   {TAG_StudyInstanceUID, "1.2.3"}, {TAG_SOPInstanceUID, ""}));
    ck_assert_uint_eq(answer.count, 10);
}
END_TEST

START_TEST(quirk_refused_cap_tells_no_row_of_a_long_list)
{
    bench_plain();
    bench_quirk(QUIRK_find_response_cap_refused, "2");
    bench_start();
    struct bench_answer answer = bench_study_find(KEYS(STUDY, {TAG_StudyInstanceUID, ""}));
    ck_assert_uint_eq(answer.count, 0);
    ck_assert_int_eq(answer.status, STATUS_OUT_OF_RESOURCES);
    answer = bench_study_find(KEYS(STUDY, {TAG_StudyInstanceUID, ""}, {TAG_PatientID, "123456"}));
    ck_assert_uint_eq(answer.count, 2);
    ck_assert_int_eq(answer.status, STATUS_SUCCESS);
}
END_TEST

START_TEST(quirk_broad_query_is_refused_and_a_dated_one_is_not)
{
    bench_plain();
    bench_quirk(QUIRK_find_broad_query_blocked, "366");
    bench_start();
    ck_assert_int_eq(bench_study_find(KEYS(STUDY, {TAG_PatientName, "P*"})).status,
                     STATUS_OUT_OF_RESOURCES);
    ck_assert_int_eq(bench_study_find(KEYS(STUDY, {TAG_StudyDate, "20000101-20100101"})).status,
                     STATUS_OUT_OF_RESOURCES);
    struct bench_answer answer =
        bench_study_find(KEYS(STUDY, {TAG_StudyDate, "20090101-20091231"}));
    ck_assert_int_eq(answer.status, STATUS_SUCCESS);
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_uint_eq(bench_study_find(KEYS(STUDY, {TAG_PatientID, "123456"})).count, 2);
}
END_TEST

START_TEST(quirk_modalities_in_study_are_neither_matched_nor_told)
{
    bench_plain();
    bench_start();
    ck_assert_uint_eq(
        bench_study_find(KEYS(STUDY, {TAG_PatientID, "123456"}, {TAG_ModalitiesInStudy, "CT"}))
            .count,
        1);
    bench_plain();
    bench_quirk(QUIRK_find_modalities_in_study_missing, "");
    bench_start();
    struct bench_answer answer =
        bench_study_find(KEYS(STUDY, {TAG_PatientID, "123456"}, {TAG_ModalitiesInStudy, "CT"}));
    ck_assert_uint_eq(answer.count, 2);
    ck_assert(!dataset_has(answer.rows[0].identifier, TAG_ModalitiesInStudy));
    ck_assert(bit_of(&answer, QUIRK_find_modalities_in_study_missing));
}
END_TEST

START_TEST(quirk_wildcards_are_refused)
{
    bench_plain();
    bench_start();
    ck_assert_uint_eq(
        bench_study_find(KEYS(STUDY, {TAG_PatientID, "*"}, {TAG_StudyDate, "*"})).status,
        STATUS_SUCCESS);
    bench_plain();
    bench_quirk(QUIRK_find_star_alone_rejected, "");
    bench_quirk(QUIRK_find_date_star_rejected, "C001");
    bench_start();
    ck_assert_int_eq(bench_study_find(KEYS(STUDY, {TAG_PatientID, "*"})).status,
                     STATUS_IDENTIFIER_MISMATCH);
    ck_assert_int_eq(bench_study_find(KEYS(STUDY, {TAG_StudyDate, "2009*"})).status, 0xC001);
    ck_assert_uint_eq(bench_study_find(KEYS(STUDY, {TAG_PatientName, "Price*"})).count, 2);
}
END_TEST

START_TEST(quirk_ff01_marks_every_row)
{
    bench_plain();
    bench_quirk(QUIRK_find_pending_ff01, "");
    bench_start();
    struct bench_answer answer = bench_study_find(KEYS(STUDY, {TAG_PatientID, "777"}));
    ck_assert_int_eq(answer.row_status, STATUS_PENDING_KEYS_MISSING);
    ck_assert(bit_of(&answer, QUIRK_find_pending_ff01));
}
END_TEST

START_TEST(quirk_patient_ids_are_filed_with_leading_zeros)
{
    bench_plain();
    bench_quirk(QUIRK_id_leading_zero_patient_id, "10");
    bench_start();
    ck_assert_uint_eq(bench_study_find(KEYS(STUDY, {TAG_PatientID, "123456"})).count, 0);
    struct bench_answer answer = bench_study_find(KEYS(STUDY, {TAG_PatientID, "0000123456"}));
    ck_assert_uint_eq(answer.count, 2);
    ck_assert_str_eq(value_of(&answer, 0, TAG_PatientID), "0000123456");
    ck_assert(bit_of(&answer, QUIRK_id_leading_zero_patient_id));
}
END_TEST

START_TEST(quirk_accession_numbers_are_filed_behind_a_prefix)
{
    bench_plain();
    bench_quirk(QUIRK_id_accession_prefix, "R");
    bench_start();
    ck_assert_uint_eq(bench_study_find(KEYS(STUDY, {TAG_AccessionNumber, "CAV001"})).count, 0);
    struct bench_answer answer = bench_study_find(KEYS(STUDY, {TAG_AccessionNumber, "RCAV001"}));
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_str_eq(value_of(&answer, 0, TAG_AccessionNumber), "RCAV001");
}
END_TEST

START_TEST(quirk_issuer_is_never_told)
{
    bench_plain();
    bench_quirk(QUIRK_id_issuer_absent, "");
    bench_start();
    struct bench_answer answer =
        bench_study_find(KEYS(STUDY, {TAG_PatientID, "777"}, {TAG_IssuerOfPatientID, ""}));
    ck_assert_uint_eq(answer.count, 1);
    ck_assert(!dataset_has(answer.rows[0].identifier, TAG_IssuerOfPatientID));
    ck_assert(bit_of(&answer, QUIRK_id_issuer_absent));
}
END_TEST

START_TEST(quirk_character_set_is_not_told)
{
    bench_plain();
    bench_start();
    struct bench_answer answer =
        bench_study_find(KEYS(STUDY, {TAG_PatientID, "777"}, {TAG_PatientName, ""}));
    ck_assert_str_eq(value_of(&answer, 0, TAG_SpecificCharacterSet), "ISO_IR 100");
    ck_assert_str_eq(value_of(&answer, 0, TAG_PatientName), "Morgan^Si\xE2n");
    bench_plain();
    bench_quirk(QUIRK_find_charset_absent_in_rsp, "");
    bench_start();
    answer = bench_study_find(KEYS(STUDY, {TAG_PatientID, "777"}, {TAG_PatientName, ""}));
    ck_assert(!dataset_has(answer.rows[0].identifier, TAG_SpecificCharacterSet));
    ck_assert_str_eq(value_of(&answer, 0, TAG_PatientName), "Morgan^Si\xE2n");
    ck_assert(bit_of(&answer, QUIRK_find_charset_absent_in_rsp));
}
END_TEST

START_TEST(quirk_uids_end_in_a_space)
{
    bench_plain();
    bench_quirk(QUIRK_ds_uid_trailing_space, "");
    bench_start();
    struct bench_answer answer = bench_study_find(KEYS(STUDY, {TAG_StudyInstanceUID, "1.2.3"}));
    ck_assert_uint_eq(answer.count, 1);
    ck_assert(slice_equal(dataset_find(answer.rows[0].identifier, TAG_StudyInstanceUID)->value,
                          SLICE("1.2.3 ")));
    ck_assert(bit_of(&answer, QUIRK_ds_uid_trailing_space));
}
END_TEST

START_TEST(quirk_counts_are_missing)
{
    bench_plain();
    bench_quirk(QUIRK_find_series_counts_missing, "");
    bench_start();
    struct bench_answer answer = bench_study_find(
        KEYS(STUDY, {TAG_StudyInstanceUID, "1.2.3"}, {TAG_NumberOfStudyRelatedInstances, ""}));
    ck_assert(!dataset_has(answer.rows[0].identifier, TAG_NumberOfStudyRelatedInstances));
}
END_TEST

START_TEST(quirk_one_key_is_ignored)
{
    bench_plain();
    bench_start();
    ck_assert_uint_eq(
        bench_study_find(KEYS(STUDY, {TAG_PatientID, "123456"}, {TAG_PatientSex, "M"})).count, 0);
    bench_plain();
    bench_quirk(QUIRK_find_key_ignored_returns_all, "PatientSex");
    bench_start();
    struct bench_answer answer =
        bench_study_find(KEYS(STUDY, {TAG_PatientID, "123456"}, {TAG_PatientSex, "M"}));
    ck_assert_uint_eq(answer.count, 2);
    ck_assert(bit_of(&answer, QUIRK_find_key_ignored_returns_all));
}
END_TEST

START_TEST(quirk_birth_date_range_finds_nothing)
{
    bench_plain();
    bench_quirk(QUIRK_find_birthdate_range_unsupported, "");
    bench_start();
    ck_assert_uint_eq(
        bench_study_find(KEYS(STUDY, {TAG_PatientBirthDate, "19500101-19601231"})).count, 0);
    ck_assert_uint_eq(bench_study_find(KEYS(STUDY, {TAG_PatientBirthDate, "19580411"})).count, 2);
}
END_TEST

START_TEST(quirk_names_are_matched_as_they_are_spelt)
{
    bench_plain();
    bench_start();
    ck_assert_uint_eq(bench_study_find(KEYS(STUDY, {TAG_PatientName, "PRICE*"})).count, 2);
    bench_plain();
    bench_quirk(QUIRK_find_case_and_empty_policy, "");
    bench_start();
    ck_assert_uint_eq(bench_study_find(KEYS(STUDY, {TAG_PatientName, "PRICE*"})).count, 0);
    ck_assert_uint_eq(bench_study_find(KEYS(STUDY, {TAG_PatientName, "Price*"})).count, 2);
}
END_TEST

START_TEST(quirk_list_of_uids_is_cut)
{
    bench_plain();
    bench_start();
    ck_assert_uint_eq(
        bench_study_find(KEYS(STUDY, {TAG_StudyInstanceUID, "1.2.3\\1.2.30\\1.2.300"})).count, 3);
    bench_plain();
    bench_quirk(QUIRK_find_list_of_uid_limit, "2");
    bench_start();
    struct bench_answer answer =
        bench_study_find(KEYS(STUDY, {TAG_StudyInstanceUID, "1.2.3\\1.2.30\\1.2.300"}));
    ck_assert_uint_eq(answer.count, 2);
    ck_assert(bit_of(&answer, QUIRK_find_list_of_uid_limit));
}
END_TEST

START_TEST(quirk_rows_come_twice_and_name_an_unknown_title)
{
    bench_plain();
    bench_quirk(QUIRK_find_duplicates_rows, "");
    bench_quirk(QUIRK_find_retrieve_ae_wrong, "LWARCH");
    bench_start();
    struct bench_answer answer =
        bench_study_find(KEYS(STUDY, {TAG_PatientID, "123456"}, {TAG_StudyInstanceUID, ""}));
    ck_assert_uint_eq(answer.count, 4);
    ck_assert_str_eq(value_of(&answer, 0, TAG_StudyInstanceUID),
                     value_of(&answer, 1, TAG_StudyInstanceUID));
    ck_assert_str_eq(value_of(&answer, 0, TAG_RetrieveAETitle), "LWARCH");
}
END_TEST

START_TEST(quirk_rows_lack_their_level_or_hold_what_nobody_asked_for)
{
    bench_plain();
    bench_quirk(QUIRK_find_missing_query_level_in_rsp, "");
    bench_quirk(QUIRK_find_unsolicited_attributes, "");
    bench_start();
    struct bench_answer answer =
        bench_study_find(KEYS(STUDY, {TAG_PatientID, "777"}, {TAG_ReferringPhysicianName, ""}));
    ck_assert(!dataset_has(answer.rows[0].identifier, TAG_QueryRetrieveLevel));
    ck_assert(!dataset_has(answer.rows[0].identifier, TAG_ReferringPhysicianName));
    ck_assert(dataset_has(answer.rows[0].identifier, 0x00091001));
}
END_TEST

START_TEST(quirk_cancel_is_ignored)
{
    bench_plain();
    bench_quirk(QUIRK_find_cancel_ignored, "");
    bench_setup.run_max = 1;
    bench_start();
    bench_setup.run_max = 0;
    bench_open(2, UID_STUDY_ROOT_FIND);
    struct dimse request =
        bench_request(DIMSE_C_FIND_RQ, UID_STUDY_ROOT_FIND,
                      KEYS({TAG_QueryRetrieveLevel, "IMAGE"}, {TAG_StudyInstanceUID, "1.2.3"},
                           {TAG_SOPInstanceUID, ""}));
    bench_send(2, &request);
    struct dimse cancel = {.kind = DIMSE_C_CANCEL_RQ, .message_id = 7};
    bench_send(2, &cancel);
    struct event event = {.kind = EVENT_ROOM, .channel = 2};
    bench_step(&event);
    ck_assert_int_eq(bench_command(COMMAND_SEND)->run.messages[0].dimse.status, STATUS_PENDING);
}
END_TEST

START_TEST(quirk_single_worker_lets_the_second_question_wait)
{
    bench_plain();
    bench_quirk(QUIRK_perf_single_worker, "");
    bench_setup.run_max = 1;
    bench_start();
    bench_setup.run_max = 0;
    bench_open(2, UID_STUDY_ROOT_FIND);
    bench_open(4, UID_STUDY_ROOT_FIND);
    struct dimse request =
        bench_request(DIMSE_C_FIND_RQ, UID_STUDY_ROOT_FIND, KEYS(STUDY, {TAG_PatientID, "777"}));
    bench_send(2, &request);
    ck_assert_ptr_nonnull(bench_command(COMMAND_SEND));
    bench_send(4, &request);
    ck_assert_ptr_null(bench_command(COMMAND_SEND));
    ck_assert(bench_bit(QUIRK_perf_single_worker));
    struct event event = {.kind = EVENT_ROOM, .channel = 2};
    bench_step(&event); /* the final answer of the first: the second begins */
    bool second = false;
    for (size_t i = 0; i < bench.command_count; i++) {
        second =
            second || (bench.commands[i].kind == COMMAND_SEND && bench.commands[i].channel == 4);
    }
    ck_assert(second);
}
END_TEST

/* ---- Faults. */
START_TEST(a_node_that_hangs_answers_when_it_is_healed)
{
    bench_plain();
    bench_start();
    bench_plan(PLAN_FAULT, "hang", "op", "find", NULL, NULL);
    ck_assert_ptr_nonnull(bench_seen(OBSERVATION_fault_began));
    bench_open(2, UID_STUDY_ROOT_FIND);
    struct dimse request =
        bench_request(DIMSE_C_FIND_RQ, UID_STUDY_ROOT_FIND, KEYS(STUDY, {TAG_PatientID, "777"}));
    bench_send(2, &request);
    ck_assert_ptr_nonnull(bench_seen(OBSERVATION_find_received));
    ck_assert_ptr_null(bench_command(COMMAND_SEND));
    ck_assert_int_eq(node_due(bench_node), TIME_NEVER);
    bench_plan(PLAN_HEAL, "hang", NULL, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(bench_command(COMMAND_SEND));
}
END_TEST

START_TEST(a_node_that_is_down_listens_no_more_and_cuts_what_it_had)
{
    bench_plain();
    bench_start();
    bench_open(2, UID_STUDY_ROOT_FIND);
    bench_plan(PLAN_FAULT, "down", NULL, NULL, NULL, NULL);
    ck_assert(!bench_command(COMMAND_LISTEN)->flag);
    ck_assert_ptr_nonnull(bench_command(COMMAND_DROP_ALL));
    struct event event = {.kind = EVENT_CLOSED, .channel = 2, .cause = CLOSED_ABORTED_BY_US};
    bench_step(&event);
    bench_plan(PLAN_HEAL, "down", NULL, NULL, NULL, NULL);
    ck_assert(bench_command(COMMAND_LISTEN)->flag);
    ck_assert_uint_eq(bench_study_find(KEYS(STUDY, {TAG_PatientID, "777"})).count, 1);
}
END_TEST

START_TEST(a_capped_reply_cuts_the_list)
{
    bench_plain();
    bench_start();
    bench_plan(PLAN_FAULT, "reply", "how", "capped", "rows", "1");
    ck_assert_uint_eq(bench_study_find(KEYS(STUDY, {TAG_PatientID, "123456"})).count, 1);
    bench_plan(PLAN_HEAL, "reply", NULL, NULL, NULL, NULL);
    ck_assert_uint_eq(bench_study_find(KEYS(STUDY, {TAG_PatientID, "123456"})).count, 2);
}
END_TEST

START_TEST(a_slow_node_begins_later)
{
    bench_plain();
    bench_start();
    bench_plan(PLAN_FAULT, "slow", "delay", "3000000000", NULL, NULL);
    bench_open(2, UID_STUDY_ROOT_FIND);
    struct dimse request =
        bench_request(DIMSE_C_FIND_RQ, UID_STUDY_ROOT_FIND, KEYS(STUDY, {TAG_PatientID, "777"}));
    bench_send(2, &request);
    ck_assert_ptr_null(bench_command(COMMAND_SEND));
    ck_assert_int_eq(node_due(bench_node), bench_now + 3 * TIME_S);
    bench_now += 3 * TIME_S;
    struct event event = {.kind = EVENT_CLOCK};
    bench_step(&event);
    ck_assert_ptr_nonnull(bench_command(COMMAND_SEND));
}
END_TEST

START_TEST(a_planned_study_is_found_once_it_arrives_and_no_more_once_rejected)
{
    bench_plain();
    bench_setup.truth = true;
    bench_start();
    bench_setup.truth = false;
    ck_assert_uint_eq(bench.observation_count, 16); /* ten, two and three instances, and that this is all */
    ck_assert_ptr_nonnull(bench_seen(OBSERVATION_truth_told));
    ck_assert_uint_eq(bench_study_find(KEYS(STUDY, {TAG_PatientID, "888"})).count, 0);
    bench_plan(PLAN_DO, "study_arrives", "study", "13", NULL, NULL);
    ck_assert_uint_eq(bench.observation_count, 4);
    const struct observation *truth = bench_seen(OBSERVATION_truth_instance);
    ck_assert(slice_equal(truth->person, SLICE("later")));
    ck_assert_uint_eq(truth->dataset_sha256.size, 64);
    ck_assert_uint_eq(bench_study_find(KEYS(STUDY, {TAG_PatientID, "888"})).count, 1);
    bench_plan(PLAN_DO, "reject", "study_uid", "1.2.3000", "code", "113037");
    ck_assert_uint_eq(bench.observation_count, 4);
    ck_assert_ptr_nonnull(bench_seen(OBSERVATION_rejected));
    ck_assert_uint_eq(bench_study_find(KEYS(STUDY, {TAG_PatientID, "888"})).count, 0);
}
END_TEST

START_TEST(a_series_that_comes_later_is_of_the_study_that_is_there)
{
    struct event event = {.kind = EVENT_PLAN, .plan = {.kind = PLAN_DO, .verb = SLICE("study_arrives")}};
    const struct plan_argument told[] = {{SLICE("study_uid"), SLICE("1.2.77")}, {SLICE("number"), SLICE("77")}, {SLICE("patient_id"), SLICE("9")},
                                         {SLICE("modality"), SLICE("CT")}, {SLICE("series"), SLICE("1")}, {SLICE("images"), SLICE("6")}};
    memcpy(event.plan.arguments, told, sizeof told);
    event.plan.argument_count = sizeof told / sizeof told[0];
    bench_plain();
    bench_setup.truth = true;
    bench_start();
    bench_setup.truth = false;
    bench_step(&event);
    ck_assert_uint_eq(bench.observation_count, 6);
    char text[UID_SIZE_MAX + 1] = "";
    slice last = bench.observations[5].sop_uid;
    ck_assert_uint_lt(last.size, sizeof text);
    memcpy(text, last.data, last.size);
    event.plan.arguments[4].value = SLICE("2");
    event.plan.arguments[5].value = SLICE("12");
    bench_step(&event);
    ck_assert_uint_eq(bench.observation_count, 6); /* those that are new */
    ck_assert(slice_equal(bench.observations[0].study_uid, SLICE("1.2.77")));
    ck_assert(!slice_equal(bench.observations[0].sop_uid, slice_from(text)));
    bench_step(&event);
    ck_assert_uint_eq(bench.observation_count, 0); /* told twice */
    struct bench_answer answer = bench_study_find(KEYS(STUDY, {TAG_StudyInstanceUID, "1.2.77"}, {TAG_NumberOfStudyRelatedInstances, ""}));
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_str_eq(value_of(&answer, 0, TAG_NumberOfStudyRelatedInstances), "12");
}
END_TEST

UNIT_MAIN(node_find_lists_the_studies_of_a_patient_each_once,
          node_find_walks_series_and_images_of_a_study,
          node_find_lists_a_patient_once_at_patient_level, node_find_says_ff01_for_a_key_it_has_not,
          node_find_refuses_an_unknown_level, node_find_tells_the_same_rows_whatever_the_run,
          node_find_ends_with_cancel_when_cancelled, quirk_study_root_only_refuses_the_patient_root,
          quirk_no_relational_refuses_images_without_a_series,
          quirk_silent_cap_cuts_a_list_and_says_success,
          quirk_refused_cap_tells_no_row_of_a_long_list,
          quirk_broad_query_is_refused_and_a_dated_one_is_not,
          quirk_modalities_in_study_are_neither_matched_nor_told, quirk_wildcards_are_refused,
          quirk_ff01_marks_every_row, quirk_patient_ids_are_filed_with_leading_zeros,
          quirk_accession_numbers_are_filed_behind_a_prefix, quirk_issuer_is_never_told,
          quirk_character_set_is_not_told, quirk_uids_end_in_a_space, quirk_counts_are_missing,
          quirk_one_key_is_ignored, quirk_birth_date_range_finds_nothing,
          quirk_names_are_matched_as_they_are_spelt, quirk_list_of_uids_is_cut,
          quirk_rows_come_twice_and_name_an_unknown_title,
          quirk_rows_lack_their_level_or_hold_what_nobody_asked_for, quirk_cancel_is_ignored,
          quirk_single_worker_lets_the_second_question_wait,
          a_node_that_hangs_answers_when_it_is_healed,
          a_node_that_is_down_listens_no_more_and_cuts_what_it_had, a_capped_reply_cuts_the_list,
          a_slow_node_begins_later,
          a_planned_study_is_found_once_it_arrives_and_no_more_once_rejected, a_series_that_comes_later_is_of_the_study_that_is_there)
