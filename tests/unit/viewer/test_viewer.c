/* SPDX-License-Identifier: MIT */
#include "sim/viewer/viewer.h"
#include "src/dicom/uid.h"
#include "tests/unit/unit.h"

static struct arena memory, scratch;
static struct out out;
static struct viewer *viewer;
static time_ns now;
static const struct peer peers[] = {{.name = {"hub", 3}, .aet = {"PONT", 4}},
                                    {.name = {"pacs_uhw", 8}, .aet = {"UHW_PACS", 8}}};

static void step(struct event *event)
{
    event->at_ns = now;
    out.command_count = out.observation_count = 0;
    ck_assert_int_eq(viewer_step(viewer, event, &out), ERR_OK);
}

static void start(void)
{
    static struct viewer_setup setup = {
        .name = {"ws", 2}, .aet = {"WS_GWENT", 8}, .peers = peers, .peer_count = 2, .engine = 0};
    ck_assert_int_eq(arena_make(&memory, viewer_memory(&setup)), ERR_OK);
    ck_assert_int_eq(arena_make(&scratch, 32u << 20), ERR_OK);
    out.arena = &scratch;
    now = TIME_S;
    ck_assert_int_eq(viewer_init(&viewer, &setup, &memory), ERR_OK);
}

static void tell(const char *verb, const char *const *arguments)
{
    struct event event = {.kind = EVENT_PLAN, .plan = {.kind = PLAN_DO, .verb = slice_from(verb)}};
    for (; arguments[0] != NULL; arguments += 2) {
        event.plan.arguments[event.plan.argument_count++] =
            (struct plan_argument){slice_from(arguments[0]), slice_from(arguments[1])};
    }
    step(&event);
}
#define TELL(verb, ...) tell(verb, (const char *const[]){__VA_ARGS__, NULL})

static const struct command *command_of(enum command_kind kind)
{
    for (size_t i = 0; i < out.command_count; i++) {
        if (out.commands[i].kind == kind) {
            return &out.commands[i];
        }
    }
    return NULL;
}

static const struct observation *seen(enum observation_kind kind)
{
    for (size_t i = 0; i < out.observation_count; i++) {
        if (out.observations[i].kind == kind) {
            return &out.observations[i];
        }
    }
    return NULL;
}

/* Lets the OPEN of the last step through; returns its channel and what is then sent. */
static int64_t let_open(struct dimse *request)
{
    const struct command *opening = command_of(COMMAND_OPEN);
    ck_assert_ptr_nonnull(opening);
    int64_t channel = opening->channel;
    struct context context = opening->contexts.list[0];
    context.result = CONTEXT_ACCEPTED;
    context.accepted_syntax = UID_EXPLICIT_LITTLE;
    struct event event = {.kind = EVENT_OPENED, .channel = channel, .contexts = {&context, 1}};
    step(&event);
    const struct command *sent = command_of(COMMAND_SEND);
    ck_assert_ptr_nonnull(sent);
    *request = sent->run.messages[0].dimse;
    return channel;
}

static void answer(int64_t channel, const struct dimse *request, uint16_t status,
                   const char *comment, struct dataset *row)
{
    struct message message = {.protocol = PROTOCOL_DICOM, .dimse = dimse_response(request, status)};
    message.dimse.error_comment = slice_from(comment);
    message.dimse.identifier = row;
    struct event event = {.kind = EVENT_RECEIVED, .channel = channel, .run = {&message, 1}};
    step(&event);
}

static struct dataset *row(const char *study_uid)
{
    struct dataset *dataset = arena_alloc(&scratch, sizeof *dataset);
    ck_assert_int_eq(dataset_init(dataset, &scratch, 16), ERR_OK);
    const struct {
        uint32_t tag;
        const char *value;
    } values[] = {{TAG_SpecificCharacterSet, "ISO_IR 100"},
                  {TAG_PatientName, "Morgan^Si\xE2n"},
                  {TAG_PatientID, "9990000034"},
                  {TAG_IssuerOfPatientID, "NHS"},
                  {TAG_StudyInstanceUID, study_uid},
                  {TAG_AccessionNumber, "CAV1"},
                  {TAG_ModalitiesInStudy, "CT"},
                  {TAG_NumberOfStudyRelatedInstances, "12"},
                  {TAG_RetrieveAETitle, "UHW_PACS"}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        ck_assert_int_eq(dataset_put(dataset, values[i].tag, slice_from(values[i].value)), ERR_OK);
    }
    return dataset;
}

static void close_channel(int64_t channel, enum closed cause)
{
    struct event event = {.kind = EVENT_CLOSED, .channel = channel, .cause = cause};
    step(&event);
}

START_TEST(viewer_asks_and_tells_what_it_was_shown)
{
    struct dimse request;
    start();
    TELL("query", "id", "q1", "patient_id", "9990000034", "issuer", "NHS");
    const struct observation *asked = seen(OBSERVATION_query_asked);
    ck_assert(slice_equal(asked->other_id, SLICE("q1")) &&
              slice_starts(asked->text, SLICE("STUDY")) &&
              slice_equal(asked->patient_id, SLICE("9990000034")));
    int64_t channel = let_open(&request);
    ck_assert_int_eq(request.kind, DIMSE_C_FIND_RQ);
    ck_assert(slice_equal(dataset_get(request.identifier, TAG_PatientID), SLICE("9990000034")));
    ck_assert(dataset_has(request.identifier, TAG_StudyInstanceUID));
    answer(channel, &request, STATUS_PENDING, "", row("1.2.3"));
    const struct observation *shown = seen(OBSERVATION_row_shown);
    ck_assert(slice_equal(shown->name, SLICE("Morgan^Siân")) &&
              slice_equal(shown->study_uid, SLICE("1.2.3")));
    ck_assert(slice_equal(shown->other_issuer, SLICE("pacs_uhw"))); /* who holds it, by name */
    ck_assert_int_eq(shown->count, 12);
    now += 70 * TIME_MS;
    answer(channel, &request, STATUS_SUCCESS, "", NULL);
    const struct observation *answered = seen(OBSERVATION_query_answered);
    ck_assert(!answered->flag && answered->count == 1 && answered->number == 0 &&
              answered->latency_ns == 70 * TIME_MS);
    ck_assert_ptr_nonnull(command_of(COMMAND_CLOSE));
    close_channel(channel, CLOSED_RELEASED);
    ck_assert_uint_eq(out.observation_count, 0);
    ck_assert_uint_eq(viewer_open_count(viewer), 0);
}
END_TEST

START_TEST(viewer_takes_a_failure_for_the_mark_of_an_incomplete_answer)
{
    struct dimse request;
    start();
    TELL("query", "patient_id", "1");
    int64_t channel = let_open(&request);
    answer(channel, &request, 0xC0D1, "incomplete: pacs_gwent: down", NULL);
    ck_assert(seen(OBSERVATION_query_answered)->flag);
    ck_assert(
        slice_equal(seen(OBSERVATION_query_answered)->text, SLICE("incomplete: pacs_gwent: down")));
}
END_TEST

START_TEST(viewer_asks_until_the_answer_is_complete)
{
    struct dimse request;
    start();
    TELL("query", "id", "q", "patient_id", "1", "until", "complete");
    int64_t channel = let_open(&request);
    answer(channel, &request, 0xC0D1, "incomplete", NULL);
    close_channel(channel, CLOSED_RELEASED);
    ck_assert_int_eq(viewer_due(viewer), now + 500 * TIME_MS);
    now = viewer_due(viewer);
    struct event clock = {.kind = EVENT_CLOCK};
    step(&clock);
    ck_assert(slice_equal(seen(OBSERVATION_query_asked)->other_id, SLICE("q.2")));
    channel = let_open(&request);
    answer(channel, &request, STATUS_SUCCESS, "", NULL);
    ck_assert(!seen(OBSERVATION_query_answered)->flag);
    ck_assert_uint_eq(viewer_open_count(viewer), 0);
}
END_TEST

START_TEST(viewer_ends_a_question_whose_association_is_lost_or_silent)
{
    struct dimse request;
    start();
    TELL("query", "patient_id", "1");
    int64_t channel = let_open(&request);
    close_channel(channel, CLOSED_LOST);
    ck_assert_int_eq(seen(OBSERVATION_query_answered)->number, -1);
    TELL("query", "patient_id", "1");
    channel = let_open(&request);
    now = viewer_due(viewer);
    struct event clock = {.kind = EVENT_CLOCK};
    step(&clock);
    ck_assert_ptr_nonnull(command_of(COMMAND_ABORT));
    close_channel(channel, CLOSED_ABORTED_BY_US);
    ck_assert_int_eq(seen(OBSERVATION_query_answered)->number, -1);
}
END_TEST

static void store(int64_t channel, const char *study_uid)
{
    struct message message = {.protocol = PROTOCOL_DICOM,
                              .dimse = {.kind = DIMSE_C_STORE_RQ,
                                        .message_id = 1,
                                        .sop_class_uid = UID_CT_IMAGE,
                                        .sop_instance_uid = SLICE("1.2.3.4")}};
    message.dimse.object = (struct object){.sop_instance_uid = SLICE("1.2.3.4"),
                                           .sop_class_uid = UID_CT_IMAGE,
                                           .study_uid = slice_from(study_uid),
                                           .patient_id = SLICE("G1"),
                                           .pixel_sha256 = SLICE("aa"),
                                           .size = 99};
    struct event event = {.kind = EVENT_RECEIVED, .channel = channel, .run = {&message, 1}};
    step(&event);
}

START_TEST(viewer_retrieves_to_itself_and_tells_the_first_image)
{
    struct dimse request;
    start();
    TELL("retrieve", "study_uid", "1.2.3");
    int64_t channel = let_open(&request);
    ck_assert_int_eq(request.kind, DIMSE_C_MOVE_RQ);
    ck_assert(slice_equal(request.move_destination, SLICE("WS_GWENT")));
    struct context context = {.id = 1,
                              .abstract_syntax = UID_CT_IMAGE,
                              .transfer_syntaxes = {UID_EXPLICIT_LITTLE},
                              .syntax_count = 1};
    struct event asked = {.kind = EVENT_ASKED,
                          .channel = 2,
                          .calling = SLICE("PONT"),
                          .called = SLICE("WS_GWENT"),
                          .contexts = {&context, 1}};
    step(&asked);
    ck_assert_int_eq(command_of(COMMAND_ACCEPT)->contexts.list[0].result, CONTEXT_ACCEPTED);
    store(2, "1.2.3");
    ck_assert_ptr_nonnull(seen(OBSERVATION_first_image));
    ck_assert(slice_equal(seen(OBSERVATION_delivered)->pixel_sha256, SLICE("aa")));
    ck_assert_int_eq(command_of(COMMAND_SEND)->run.messages[0].dimse.status, STATUS_SUCCESS);
    store(2, "1.2.3");
    ck_assert_ptr_null(seen(OBSERVATION_first_image));
    answer(channel, &request, STATUS_SUCCESS, "", NULL);
    ck_assert_ptr_nonnull(seen(OBSERVATION_retrieve_answered));
}
END_TEST

START_TEST(watcher_asks_at_doubling_intervals_until_it_sees_the_exam)
{
    struct dimse request;
    start();
    TELL("watch", "issuer", "CAV", "accession", "CAV1", "study_uid", "1.2.3");
    time_ns told = now;
    ck_assert_int_eq(viewer_due(viewer), told + 5 * TIME_S);
    struct event clock = {.kind = EVENT_CLOCK};
    now = viewer_due(viewer);
    step(&clock);
    int64_t channel = let_open(&request);
    ck_assert(slice_equal(dataset_get(request.identifier, TAG_AccessionNumber), SLICE("CAV1")));
    ck_assert(slice_equal(
        dataset_get(
            &dataset_find(request.identifier, TAG_IssuerOfAccessionNumberSequence)->items[0],
            TAG_LocalNamespaceEntityID),
        SLICE("CAV")));
    answer(channel, &request, STATUS_SUCCESS, "", NULL);
    ck_assert_ptr_null(command_of(COMMAND_CLOSE));
    ck_assert_ptr_null(seen(OBSERVATION_watched));
    ck_assert_int_eq(viewer_due(viewer), now + 10 * TIME_S);
    now = viewer_due(viewer);
    step(&clock); /* over the association that is still there */
    const struct command *sent = command_of(COMMAND_SEND);
    ck_assert(sent != NULL && sent->channel == channel);
    request = sent->run.messages[0].dimse;
    answer(channel, &request, STATUS_PENDING, "", row("1.2.3"));
    answer(channel, &request, STATUS_SUCCESS, "", NULL);
    const struct observation *watched = seen(OBSERVATION_watched);
    ck_assert(watched->flag && watched->latency_ns == 15 * TIME_S);
    ck_assert_int_eq(viewer_due(viewer), now + 4 * TIME_MIN);
    now = viewer_due(viewer);
    step(&clock);
    ck_assert_ptr_nonnull(command_of(COMMAND_CLOSE));
    ck_assert_int_eq(viewer_due(viewer), TIME_NEVER);
}
END_TEST

START_TEST(watcher_asks_for_all_that_is_due_over_one_association)
{
    struct dimse request;
    start();
    TELL("watch", "issuer", "CAV", "accession", "CAV1");
    TELL("watch", "issuer", "CAV", "accession", "CAV2");
    now = viewer_due(viewer);
    struct event clock = {.kind = EVENT_CLOCK};
    step(&clock);
    int64_t channel = let_open(&request);
    answer(channel, &request, STATUS_PENDING, "", row("1.2.3"));
    answer(channel, &request, STATUS_SUCCESS, "", NULL);
    ck_assert(seen(OBSERVATION_watched)->flag);
    const struct command *sent = command_of(COMMAND_SEND);
    ck_assert_ptr_nonnull(sent);
    ck_assert(slice_equal(dataset_get(sent->run.messages[0].dimse.identifier, TAG_AccessionNumber),
                          SLICE("CAV2")));
    close_channel(channel,
                  CLOSED_LOST); /* the engine dies: asked again soon, not at the doubled interval */
    ck_assert_int_eq(viewer_due(viewer), now + 500 * TIME_MS);
    TELL("unwatch", "issuer", "CAV", "accession", "CAV2");
    ck_assert(!seen(OBSERVATION_watched)->flag);
    ck_assert_uint_eq(viewer_open_count(viewer), 0);
}
END_TEST

START_TEST(viewer_moves_to_another_destination)
{
    struct dimse request;
    start();
    TELL("move_to", "study_uid", "1.2.3", "destination", "MDT", "to", "pacs_uhw");
    ck_assert(slice_equal(command_of(COMMAND_OPEN)->called, SLICE("UHW_PACS")));
    (void)let_open(&request);
    ck_assert(slice_equal(request.move_destination, SLICE("MDT")));
}
END_TEST

UNIT_MAIN(viewer_asks_and_tells_what_it_was_shown,
          viewer_takes_a_failure_for_the_mark_of_an_incomplete_answer,
          viewer_asks_until_the_answer_is_complete,
          viewer_ends_a_question_whose_association_is_lost_or_silent,
          viewer_retrieves_to_itself_and_tells_the_first_image,
          watcher_asks_at_doubling_intervals_until_it_sees_the_exam,
          watcher_asks_for_all_that_is_due_over_one_association,
          viewer_moves_to_another_destination)
