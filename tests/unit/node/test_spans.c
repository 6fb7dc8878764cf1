/* SPDX-License-Identifier: MIT
 *
 * Spans: a node in the virtual world says and does in a few messages what it says and does one by
 * one on the wire, wherever a span is cut. */
#include <stdio.h>

#include "tests/unit/node/node_test.h"

#include "src/base/random.h"

#define MANY 512
static char told[MANY][UID_SIZE_MAX + 1];
static size_t told_count;

static void note(slice uid, uint32_t span)
{
    for (uint32_t i = 0; i < span_count(span); i++) {
        ck_assert_uint_lt(told_count, MANY);
        slice one = uid_advance(uid, i, told[told_count]);
        ck_assert_uint_gt(one.size, 0);
        memmove(told[told_count], one.data, one.size);
        told[told_count++][one.size] = '\0';
    }
}

static void begin(bool spans, uint32_t run_max)
{
    memset(&bench_setup, 0, sizeof bench_setup);
    bench_plain();
    bench_setup.spans = spans;
    bench_setup.run_max = run_max;
    bench_setup.truth = true;
    bench_start();
    told_count = 0;
}

static void again(void)
{
    arena_drop(&bench_memory);
    arena_drop(&bench_out);
}

/* ---- Rows. */
static size_t list_images(const char *study)
{
    struct bench_answer answer =
        bench_study_find(KEYS({TAG_QueryRetrieveLevel, "IMAGE"}, {TAG_StudyInstanceUID, study},
                              {TAG_SOPInstanceUID, ""}, {TAG_SeriesInstanceUID, ""}));
    ck_assert_int_eq(answer.status, STATUS_SUCCESS);
    told_count = 0;
    for (size_t i = 0; i < answer.count; i++) {
        note(dataset_get(answer.rows[i].identifier, TAG_SOPInstanceUID), answer.rows[i].span);
    }
    return answer.count;
}

static size_t find_images(bool spans, uint32_t run_max)
{
    begin(spans, run_max);
    return list_images("1.2.3");
}

START_TEST(image_rows_in_spans_tell_the_same_instances_however_they_are_cut)
{
    static char one_by_one[MANY][UID_SIZE_MAX + 1];
    ck_assert_uint_eq(find_images(false, 0), 10);
    memcpy(one_by_one, told, sizeof told);
    size_t count = told_count;
    again();
    for (uint32_t run_max = 1; run_max < 12; run_max++) {
        size_t rows = find_images(true, run_max);
        ck_assert_uint_eq(told_count, count);
        ck_assert_int_eq(memcmp(told, one_by_one, sizeof told[0] * count), 0);
        ck_assert(run_max < 10 || rows == 2); /* one for each series */
        again();
    }
}
END_TEST

/* ---- What a node is sent. */
static struct message store_of(uint32_t first, uint32_t span, char text[UID_SIZE_MAX + 1])
{
    snprintf(text, UID_SIZE_MAX + 1, "1.9.7.%u", first + 1);
    struct object object = {.sop_class_uid = UID_CT_IMAGE,
                            .sop_instance_uid = slice_from(text),
                            .study_uid = SLICE("1.9"),
                            .series_uid = first < 100 ? SLICE("1.9.1") : SLICE("1.9.2"),
                            .transfer_syntax = UID_EXPLICIT_LITTLE,
                            .patient_id = SLICE("55"),
                            .patient_issuer = SLICE("CAV"),
                            .patient_name = SLICE("Rees^Nia"),
                            .birth_date = SLICE("19800101"),
                            .accession = SLICE("A9"),
                            .accession_issuer = SLICE_EMPTY,
                            .modality = SLICE("CT"),
                            .dataset_sha256 = SLICE("aa"),
                            .pixel_sha256 = SLICE("bb"),
                            .size = 500,
                            .study = 77,
                            .instance = first,
                            .span = span,
                            .file = SLICE_EMPTY};
    struct message message = {.protocol = PROTOCOL_DICOM};
    message.dimse = (struct dimse){.kind = DIMSE_C_STORE_RQ,
                                   .message_id = (uint16_t)(first + 1),
                                   .sop_class_uid = UID_CT_IMAGE,
                                   .sop_instance_uid = object.sop_instance_uid,
                                   .object = object};
    return message;
}

/* Sends 200 instances in two series, cut by chance, some parts twice; returns what was answered. */
static uint32_t send_all(uint64_t chance)
{
    uint32_t answered = 0;
    uint64_t draw = 0;
    for (uint32_t first = 0; first < 200;) {
        char text[UID_SIZE_MAX + 1];
        uint32_t end = first < 100 ? 100 : 200;
        uint32_t back = (uint32_t)random_below(random_draw(chance, 1, 1, draw++), 10);
        uint32_t from = first % 100 < back ? first : first - back;
        uint32_t span = 1 + (uint32_t)random_below(random_draw(chance, 1, 2, draw++), 40) + first - from;
        span = from + span > end ? end - from : span;
        struct message message = store_of(from, span, text);
        struct event event = {.kind = EVENT_RECEIVED, .channel = 2, .run = {&message, 1}};
        bench_step(&event);
        const struct command *send = bench_command(COMMAND_SEND);
        ck_assert_ptr_nonnull(send);
        for (size_t i = 0; i < send->run.count; i++) {
            ck_assert_uint_eq(send->run.messages[i].dimse.status, STATUS_SUCCESS);
            answered += dimse_instances(&send->run.messages[i].dimse);
        }
        first = from + span;
    }
    return answered;
}

START_TEST(spans_that_are_sent_leave_the_same_archive_wherever_they_are_cut)
{
    for (uint64_t chance = 0; chance < 50; chance++) {
        begin(true, 0);
        size_t before = node_instance_count(bench_node);
        bench_open(2, UID_CT_IMAGE);
        ck_assert_uint_ge(send_all(chance), 200);
        ck_assert_uint_eq(node_instance_count(bench_node), before + 200);
        ck_assert_uint_eq(list_images("1.9"), 2); /* two series */
        ck_assert_uint_eq(told_count, 200);
        ck_assert_str_eq(told[0], "1.9.7.1");
        ck_assert_str_eq(told[199], "1.9.7.200");
        again();
    }
}
END_TEST

START_TEST(span_that_comes_again_with_other_names_replaces_only_what_it_covers)
{
    char text[UID_SIZE_MAX + 1];
    begin(true, 0);
    bench_open(2, UID_CT_IMAGE);
    size_t before = node_instance_count(bench_node);
    struct message message = store_of(0, 100, text);
    struct event event = {.kind = EVENT_RECEIVED, .channel = 2, .run = {&message, 1}};
    bench_step(&event);
    message = store_of(30, 20, text);
    message.dimse.object.pixel_sha256 = SLICE("cc");
    bench_step(&event);
    ck_assert_uint_eq(node_instance_count(bench_node), before + 100);
    ck_assert_uint_eq(list_images("1.9"), 3); /* 30, 20, 50 */
    ck_assert_uint_eq(told_count, 100);
    ck_assert_str_eq(told[31], "1.9.7.32");
    ck_assert_str_eq(told[99], "1.9.7.100");
}
END_TEST

/* ---- Truth, and moves. */
/* Moves the CT of ten images to the workstation, which refuses every third; the test is its driver. */
static void move_study(bool spans, uint32_t run_max, struct dimse *final)
{
    begin(spans, run_max);
    bench_open(2, UID_STUDY_ROOT_MOVE);
    struct dimse request = bench_request(DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE,
                                         KEYS({TAG_QueryRetrieveLevel, "STUDY"}, {TAG_StudyInstanceUID, "1.2.3"}));
    bench_send(2, &request);
    const struct command *open = bench_command(COMMAND_OPEN);
    ck_assert_ptr_nonnull(open);
    struct context context = open->contexts.list[0];
    context.id = 1;
    context.accepted_syntax = UID_EXPLICIT_LITTLE;
    struct event event = {.kind = EVENT_OPENED, .channel = open->channel, .contexts = {&context, 1}};
    bench_step(&event);
    final->status = STATUS_PENDING;
    while (status_is_pending(final->status)) {
        struct message answers[RUN_MAX];
        size_t count = 0;
        int64_t channel = 0;
        for (size_t c = 0; c < bench.command_count; c++) {
            const struct command *send = &bench.commands[c];
            for (size_t i = 0; send->kind == COMMAND_SEND && i < send->run.count; i++) {
                const struct dimse *message = &send->run.messages[i].dimse;
                if (message->kind == DIMSE_C_MOVE_RSP) {
                    *final = *message;
                    continue;
                }
                channel = send->channel;
                for (uint32_t n = 0; n < dimse_instances(message); n++) {
                    uint16_t status = told_count % 3 == 2 ? STATUS_OUT_OF_RESOURCES : STATUS_SUCCESS;
                    answers[count] = (struct message){.dimse = dimse_response(message, status)};
                    answers[count++].dimse.object.span = 1;
                    char text[UID_SIZE_MAX + 1];
                    note(uid_advance(message->sop_instance_uid, n, text), 1);
                }
            }
        }
        if (count > 0) {
            bench_received(channel, answers, count);
        } else {
            ck_assert(!status_is_pending(final->status));
        }
    }
}

START_TEST(move_in_spans_sends_and_counts_the_same_instances_however_they_are_cut)
{
    static char one_by_one[MANY][UID_SIZE_MAX + 1];
    struct dimse final = {0};
    move_study(false, 0, &final);
    ck_assert_uint_eq(told_count, 10);
    ck_assert_int_eq(final.completed, 7);
    ck_assert_int_eq(final.failed, 3);
    memcpy(one_by_one, told, sizeof told);
    again();
    for (uint32_t run_max = 1; run_max < 12; run_max++) {
        move_study(true, run_max, &final);
        ck_assert_uint_eq(told_count, 10);
        ck_assert_int_eq(memcmp(told, one_by_one, sizeof told[0] * 10), 0);
        ck_assert_int_eq(final.completed, 7);
        ck_assert_int_eq(final.failed, 3);
        again();
    }
}
END_TEST

START_TEST(truth_of_a_study_that_arrives_has_one_row_for_each_series)
{
    begin(true, 0);
    struct event event = {.kind = EVENT_PLAN};
    event.plan = (struct plan_entry){.kind = PLAN_DO, .verb = SLICE("study_arrives"), .argument_count = 1};
    event.plan.arguments[0] = (struct plan_argument){SLICE("study"), SLICE("13")};
    bench_step(&event);
    const struct observation *seen = bench_seen(OBSERVATION_truth_instance);
    ck_assert_ptr_nonnull(seen);
    ck_assert_int_eq(seen->span, 4);
    ck_assert_uint_eq(seen->dataset_sha256.size, SHA256_TEXT_SIZE);
    ck_assert_int_gt(seen->count, 8192);
}
END_TEST

UNIT_MAIN(image_rows_in_spans_tell_the_same_instances_however_they_are_cut, spans_that_are_sent_leave_the_same_archive_wherever_they_are_cut,
          move_in_spans_sends_and_counts_the_same_instances_however_they_are_cut,
          span_that_comes_again_with_other_names_replaces_only_what_it_covers, truth_of_a_study_that_arrives_has_one_row_for_each_series)
