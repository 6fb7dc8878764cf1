/* SPDX-License-Identifier: MIT */
#include "tests/unit/node/node_test.h"

#include <stdio.h>

static void rejected_with(uint8_t result, uint8_t source, uint8_t reason)
{
    const struct command *reject = bench_command(COMMAND_REJECT);
    ck_assert_ptr_nonnull(reject);
    ck_assert_uint_eq(reject->reject_result, result);
    ck_assert_uint_eq(reject->reject_source, source);
    ck_assert_uint_eq(reject->reject_reason, reason);
    ck_assert(!bench_seen(OBSERVATION_asked)->flag);
}

START_TEST(node_answers_an_echo)
{
    bench_plain();
    bench_start();
    bench_open(2, UID_VERIFICATION);
    struct dimse echo = {
        .kind = DIMSE_C_ECHO_RQ, .message_id = 3, .sop_class_uid = UID_VERIFICATION};
    bench_send(2, &echo);
    ck_assert_int_eq(bench_command(COMMAND_SEND)->run.messages[0].dimse.kind, DIMSE_C_ECHO_RSP);
    bench_plan(PLAN_FAULT, "hang", "op", "echo", NULL, NULL);
    bench_send(2, &echo);
    ck_assert_ptr_null(bench_command(COMMAND_SEND));
}
END_TEST

START_TEST(quirk_strangers_are_rejected)
{
    bench_plain();
    bench_start();
    bench_ask(2, "STRANGER", OWN, UID_VERIFICATION, UID_IMPLICIT_LITTLE);
    ck_assert_ptr_nonnull(bench_command(COMMAND_ACCEPT));
    bench_plain();
    bench_quirk(QUIRK_assoc_ae_allow_list, "");
    bench_start();
    bench_ask(2, "STRANGER", OWN, UID_VERIFICATION, UID_IMPLICIT_LITTLE);
    rejected_with(1, 1, 3);
    ck_assert(bench_bit(QUIRK_assoc_ae_allow_list));
    bench_ask(4, CALLER, OWN, UID_VERIFICATION, UID_IMPLICIT_LITTLE);
    ck_assert_ptr_nonnull(bench_command(COMMAND_ACCEPT));
}
END_TEST

START_TEST(quirk_another_called_title_is_rejected)
{
    bench_plain();
    bench_start();
    bench_ask(2, CALLER, "OTHER", UID_VERIFICATION, UID_IMPLICIT_LITTLE);
    ck_assert_ptr_nonnull(bench_command(COMMAND_ACCEPT));
    bench_plain();
    bench_quirk(QUIRK_assoc_called_ae_checked, "");
    bench_start();
    bench_ask(2, CALLER, "OTHER", UID_VERIFICATION, UID_IMPLICIT_LITTLE);
    rejected_with(1, 1, 7);
}
END_TEST

START_TEST(quirk_one_association_too_many_is_rejected_as_transient)
{
    bench_plain();
    bench_quirk(QUIRK_assoc_count_cap_transient, "2");
    bench_start();
    bench_open(2, UID_VERIFICATION);
    bench_open(4, UID_VERIFICATION);
    bench_ask(6, CALLER, OWN, UID_VERIFICATION, UID_IMPLICIT_LITTLE);
    rejected_with(2, 3, 2);
    ck_assert(bench_bit(QUIRK_assoc_count_cap_transient));
    struct event closed = {.kind = EVENT_CLOSED, .channel = 4, .cause = CLOSED_RELEASED};
    bench_step(&closed);
    bench_ask(8, CALLER, OWN, UID_VERIFICATION, UID_IMPLICIT_LITTLE);
    ck_assert_ptr_nonnull(bench_command(COMMAND_ACCEPT));
}
END_TEST

START_TEST(quirk_queries_take_implicit_only)
{
    bench_plain();
    bench_start();
    bench_ask(2, CALLER, OWN, UID_STUDY_ROOT_FIND, UID_EXPLICIT_LITTLE);
    ck_assert_int_eq(bench_command(COMMAND_ACCEPT)->contexts.list[0].result, CONTEXT_ACCEPTED);
    bench_plain();
    bench_quirk(QUIRK_ts_qr_implicit_only, "");
    bench_start();
    bench_ask(2, CALLER, OWN, UID_STUDY_ROOT_FIND, UID_EXPLICIT_LITTLE);
    ck_assert_int_eq(bench_command(COMMAND_ACCEPT)->contexts.list[0].result,
                     CONTEXT_SYNTAX_UNKNOWN);
    bench_ask(4, CALLER, OWN, UID_CT_IMAGE, UID_EXPLICIT_LITTLE);
    ck_assert_int_eq(bench_command(COMMAND_ACCEPT)->contexts.list[0].result, CONTEXT_ACCEPTED);
}
END_TEST

START_TEST(quirk_compressed_objects_are_not_taken)
{
    bench_plain();
    bench_start();
    bench_ask(2, CALLER, OWN, UID_CT_IMAGE, UID_JPEG_2000);
    ck_assert_int_eq(bench_command(COMMAND_ACCEPT)->contexts.list[0].result, CONTEXT_ACCEPTED);
    bench_plain();
    bench_quirk(QUIRK_ts_j2k_not_supported, "");
    bench_start();
    bench_ask(2, CALLER, OWN, UID_CT_IMAGE, UID_JPEG_2000);
    ck_assert_int_eq(bench_command(COMMAND_ACCEPT)->contexts.list[0].result,
                     CONTEXT_SYNTAX_UNKNOWN);
}
END_TEST

/* ---- C-STORE. */
static struct object an_object(const char *sop, const char *digest)
{
    return (struct object){.sop_class_uid = UID_CT_IMAGE,
                           .sop_instance_uid = slice_from(sop),
                           .study_uid = SLICE("1.9.1"),
                           .series_uid = SLICE("1.9.1.1"),
                           .transfer_syntax = UID_EXPLICIT_LITTLE,
                           .patient_id = SLICE("555"),
                           .patient_issuer = SLICE("CAV"),
                           .patient_name = SLICE("Pugh^Huw"),
                           .birth_date = SLICE("19600101"),
                           .accession = SLICE("A9"),
                           .modality = SLICE("CT"),
                           .pixel_sha256 = slice_from(digest),
                           .study = -1,
                           .instance = -1,
                           .file = SLICE("/objects/1.dcm"),
                           .size = 1234};
}

static uint16_t store(const char *sop, const char *digest)
{
    struct dimse request = {.kind = DIMSE_C_STORE_RQ,
                            .message_id = 1,
                            .sop_class_uid = UID_CT_IMAGE,
                            .sop_instance_uid = slice_from(sop)};
    request.object = an_object(sop, digest);
    bench_send(2, &request);
    return bench_command(COMMAND_SEND)->run.messages[0].dimse.status;
}

START_TEST(node_keeps_what_it_is_sent_and_lists_and_sends_it_on)
{
    bench_plain();
    bench_start();
    bench_open(2, UID_CT_IMAGE);
    size_t before = node_instance_count(bench_node);
    ck_assert_uint_eq(store("1.9.1.1.1", "aa"), STATUS_SUCCESS);
    const struct observation *seen = bench_seen(OBSERVATION_delivered);
    ck_assert(slice_equal(seen->sop_uid, SLICE("1.9.1.1.1")) &&
              slice_equal(seen->pixel_sha256, SLICE("aa")));
    ck_assert_uint_eq(store("1.9.1.1.2", "bb"), STATUS_SUCCESS);
    ck_assert_uint_eq(node_instance_count(bench_node), before + 2);
    struct bench_answer answer = bench_study_find(
        KEYS({TAG_QueryRetrieveLevel, "STUDY"}, {TAG_PatientID, "555"}, {TAG_StudyInstanceUID, ""},
             {TAG_NumberOfStudyRelatedInstances, ""}, {TAG_PatientName, ""}));
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_str_eq(value_of(&answer, 0, TAG_StudyInstanceUID), "1.9.1");
    ck_assert_str_eq(value_of(&answer, 0, TAG_NumberOfStudyRelatedInstances), "2");
    answer = bench_study_find(KEYS({TAG_QueryRetrieveLevel, "IMAGE"},
                                   {TAG_StudyInstanceUID, "1.9.1"}, {TAG_SOPInstanceUID, ""}));
    ck_assert_uint_eq(answer.count, 2);
    bench_open(4, UID_STUDY_ROOT_MOVE);
    struct dimse request =
        bench_request(DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE,
                      KEYS({TAG_QueryRetrieveLevel, "STUDY"}, {TAG_StudyInstanceUID, "1.9.1"}));
    bench_send(4, &request);
    struct command opening = *bench_command(COMMAND_OPEN);
    struct context context = opening.contexts.list[0];
    context.result = CONTEXT_ACCEPTED;
    context.accepted_syntax = UID_IMPLICIT_LITTLE;
    struct event opened = {
        .kind = EVENT_OPENED, .channel = opening.channel, .contexts = {&context, 1}};
    bench_step(&opened);
    const struct command *sent = bench_command(COMMAND_SEND);
    ck_assert_uint_eq(sent->run.count, 2);
    ck_assert(slice_equal(sent->run.messages[0].dimse.object.file, SLICE("/objects/1.dcm")));
    ck_assert(slice_equal(sent->run.messages[0].dimse.object.transfer_syntax, UID_IMPLICIT_LITTLE));
}
END_TEST

START_TEST(node_refuses_an_object_without_a_study)
{
    bench_plain();
    bench_start();
    bench_open(2, UID_CT_IMAGE);
    struct dimse request = {.kind = DIMSE_C_STORE_RQ,
                            .message_id = 1,
                            .sop_class_uid = UID_CT_IMAGE,
                            .sop_instance_uid = SLICE("1.9.1.1.1")};
    request.object = an_object("1.9.1.1.1", "aa");
    request.object.study_uid = SLICE_EMPTY;
    bench_send(2, &request);
    ck_assert_uint_eq(bench_command(COMMAND_SEND)->run.messages[0].dimse.status,
                      STATUS_IDENTIFIER_MISMATCH);
    ck_assert_ptr_nonnull(bench_seen(OBSERVATION_store_refused));
}
END_TEST

START_TEST(node_answers_out_of_resources_when_it_is_full)
{
    bench_plain();
    bench_start();
    bench_open(2, UID_CT_IMAGE);
    char sop[32];
    uint16_t status = STATUS_SUCCESS;
    int kept = 0;
    for (; kept < 1000 && status == STATUS_SUCCESS; kept++) {
        snprintf(sop, sizeof sop, "1.9.1.1.%d", kept);
        status = store(sop, "aa");
    }
    ck_assert_uint_eq(status, STATUS_OUT_OF_RESOURCES);
    ck_assert_int_eq(kept, 257); /* kept_max of the bench, and the one refused */
}
END_TEST

START_TEST(quirk_duplicate_is_answered_with_success_and_dropped)
{
    bench_plain();
    bench_quirk(QUIRK_store_duplicate_rejected_silently, "");
    bench_start();
    bench_open(2, UID_CT_IMAGE);
    size_t before = node_instance_count(bench_node);
    ck_assert_uint_eq(store("1.9.1.1.1", "aa"), STATUS_SUCCESS);
    ck_assert_uint_eq(store("1.9.1.1.1", "bb"), STATUS_SUCCESS);
    ck_assert(bench_bit(QUIRK_store_duplicate_rejected_silently));
    ck_assert_uint_eq(node_instance_count(bench_node), before + 1);
}
END_TEST

/* ---- Storage commitment. */
static struct dataset *commitment(const char *first, const char *second)
{
    struct dataset *items = arena_array(&bench_out, 2, sizeof *items);
    const char *uids[] = {first, second};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(dataset_init(&items[i], &bench_out, 2), ERR_OK);
        ck_assert_int_eq(dataset_put(&items[i], TAG_ReferencedSOPClassUID, UID_CT_IMAGE), ERR_OK);
        ck_assert_int_eq(dataset_put(&items[i], TAG_ReferencedSOPInstanceUID, slice_from(uids[i])),
                         ERR_OK);
    }
    struct dataset *action = KEYS({TAG_TransactionUID, "1.8.1"});
    ck_assert_int_eq(dataset_put_items(action, TAG_ReferencedSOPSequence, items, 2), ERR_OK);
    return action;
}

static void ask_commitment(int64_t channel, const char *first, const char *second)
{
    struct dimse request = {.kind = DIMSE_N_ACTION_RQ,
                            .message_id = 5,
                            .sop_class_uid = UID_STORAGE_COMMITMENT,
                            .sop_instance_uid = UID_STORAGE_COMMITMENT_INSTANCE,
                            .type_id = 1,
                            .identifier = commitment(first, second)};
    bench_send(channel, &request);
}

static const struct dimse *report(void)
{
    for (size_t i = 0; i < bench.command_count; i++) {
        const struct command *command = &bench.commands[i];
        if (command->kind == COMMAND_SEND &&
            command->run.messages[0].dimse.kind == DIMSE_N_EVENT_REPORT_RQ) {
            return &command->run.messages[0].dimse;
        }
    }
    return NULL;
}

START_TEST(node_commits_to_what_it_keeps_and_names_what_it_does_not)
{
    bench_plain();
    bench_start();
    bench_open(2, UID_CT_IMAGE);
    ck_assert_uint_eq(store("1.9.1.1.1", "aa"), STATUS_SUCCESS);
    ck_assert_uint_eq(store("1.9.1.1.2", "aa"), STATUS_SUCCESS);
    bench_open(4, UID_STORAGE_COMMITMENT);
    ask_commitment(4, "1.9.1.1.1", "1.9.1.1.2");
    ck_assert_ptr_nonnull(report());
    ck_assert_uint_eq(report()->type_id, 1);
    ck_assert_str_eq(text_of(dataset_get(report()->identifier, TAG_TransactionUID)), "1.8.1");
    ck_assert_uint_eq(dataset_find(report()->identifier, TAG_ReferencedSOPSequence)->item_count, 2);
    ask_commitment(4, "1.9.1.1.1", "1.9.1.1.99");
    ck_assert_uint_eq(report()->type_id, 2);
    ck_assert_uint_eq(dataset_find(report()->identifier, TAG_FailedSOPSequence)->item_count, 1);
    ck_assert_int_eq(bench_seen(OBSERVATION_committed)->number, 1);
}
END_TEST

START_TEST(quirk_commitment_is_reported_on_a_second_association)
{
    bench_plain();
    bench_quirk(QUIRK_life_stgcmt_second_association, "");
    bench_start();
    bench_open(4, UID_STORAGE_COMMITMENT);
    ask_commitment(4, "1.9.1.1.1", "1.9.1.1.2");
    ck_assert_ptr_null(report());
    struct command opening = *bench_command(COMMAND_OPEN);
    ck_assert_uint_eq(opening.peer, 0);
    ck_assert(opening.contexts.list[0].scp);
    struct context context = opening.contexts.list[0];
    context.result = CONTEXT_ACCEPTED;
    context.accepted_syntax = UID_IMPLICIT_LITTLE;
    struct event opened = {
        .kind = EVENT_OPENED, .channel = opening.channel, .contexts = {&context, 1}};
    bench_step(&opened);
    ck_assert_ptr_nonnull(report());
    struct dimse response = {.kind = DIMSE_N_EVENT_REPORT_RSP, .message_id = 1};
    bench_send(opening.channel, &response);
    ck_assert_ptr_nonnull(bench_command(COMMAND_CLOSE));
}
END_TEST

START_TEST(quirk_no_commitment_is_offered)
{
    bench_plain();
    bench_quirk(QUIRK_life_stgcmt_unsupported_or_false, "");
    bench_start();
    bench_ask(2, CALLER, OWN, UID_STORAGE_COMMITMENT, UID_IMPLICIT_LITTLE);
    ck_assert_int_eq(bench_command(COMMAND_ACCEPT)->contexts.list[0].result,
                     CONTEXT_ABSTRACT_UNKNOWN);
}
END_TEST

/* ---- Imported objects. */
START_TEST(node_serves_imported_objects)
{
    static struct object imported[2];
    imported[0] = an_object("1.9.1.1.1", "aa");
    imported[1] = an_object("1.9.1.1.2", "bb");
    bench_plain();
    bench_setup.imported = imported;
    bench_setup.imported_count = 2;
    bench_start();
    bench_setup.imported_count = 0;
    struct bench_answer answer =
        bench_study_find(KEYS({TAG_QueryRetrieveLevel, "STUDY"}, {TAG_StudyInstanceUID, "1.9.1"},
                              {TAG_NumberOfStudyRelatedInstances, ""}));
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_str_eq(value_of(&answer, 0, TAG_NumberOfStudyRelatedInstances), "2");
}
END_TEST

UNIT_MAIN(node_answers_an_echo, quirk_strangers_are_rejected,
          quirk_another_called_title_is_rejected,
          quirk_one_association_too_many_is_rejected_as_transient, quirk_queries_take_implicit_only,
          quirk_compressed_objects_are_not_taken,
          node_keeps_what_it_is_sent_and_lists_and_sends_it_on,
          node_refuses_an_object_without_a_study, node_answers_out_of_resources_when_it_is_full,
          quirk_duplicate_is_answered_with_success_and_dropped,
          node_commits_to_what_it_keeps_and_names_what_it_does_not,
          quirk_commitment_is_reported_on_a_second_association, quirk_no_commitment_is_offered,
          node_serves_imported_objects)
