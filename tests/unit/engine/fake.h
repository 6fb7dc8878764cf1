/* SPDX-License-Identifier: MIT
 *
 * Fake: a small world around one engine, for tests: nodes that hold studies and answer C-FIND, with
 * a few faults, a RIS that speaks HL7, a clock that jumps to the next timer, and the records kept
 * as a driver would. */
#ifndef PONT_TESTS_FAKE_H
#define PONT_TESTS_FAKE_H

#include <stdio.h>

#include "src/dicom/match.h"
#include "src/dicom/uid.h"
#include "src/engine/engine_private.h"
#include "tests/unit/unit.h"

#define FAKE_NODES        4
#define FAKE_STUDIES_MAX  512
#define FAKE_COMMANDS_MAX 4096
#define FAKE_RECORDS_MAX  65536

struct fake_study {
    uint32_t node;
    const char *uid, *accession, *patient_id, *name, *birth_date, *date, *modality;
    int series, images; /* of each series */
};
struct fake {
    struct arena arena, step_arena, keep;
    struct engine_config config;
    struct engine *engine;
    struct out *out;
    time_ns now;
    int64_t sequence, inbound;
    struct fake_study studies[FAKE_STUDIES_MAX];
    size_t study_count;
    bool down[FAKE_NODES];                        /* refuses connections */
    bool hangs[FAKE_NODES];                       /* accepts, never answers */
    uint32_t cap[FAKE_NODES];                     /* rows after which it stops silently */
    uint32_t refuse_above[FAKE_NODES];            /* A700 when more rows match */
    int refuse_days[FAKE_NODES];                  /* A700 without patient, study or number, and a longer span of dates */
    uint32_t limit[FAKE_NODES], open[FAKE_NODES]; /* associations; above: transient rejection */
    bool no_issuer, no_modalities, space_uids, no_counts, no_level, twice;
    const char *charset; /* of the answers; null: UTF-8, said so */
    bool exact_names;    /* capitals count, as in find-case-and-empty-policy */
    bool one_uid;        /* looks at the first UID of a list only */
    bool ignores_keys;   /* answers every study whatever was asked */
    int finds[FAKE_NODES], opens[FAKE_NODES];
    slice last_date[FAKE_NODES];
    struct {
        int64_t channel;
        uint32_t node;
    } channels[512];
    size_t channel_count;
    struct command commands[FAKE_COMMANDS_MAX];
    size_t command_first, command_count;
    struct record *records;
    size_t record_count;
    struct dataset *rows[4096]; /* of the client's last question */
    size_t row_count;
    uint16_t status; /* its final one; 1 before */
    int finals;
    slice comment;
    uint16_t message_id;
    bool strict; /* no wildcard may reach a node at all */
    slice last_ack, last_ack_text;
    int acks;
    const char *last_notes;
};
static struct fake fake;

static struct organisation fake_organisations[] = {
    {SLICE("cardiff"), SLICE("Cardiff and Vale"), SLICE("CAV"), SLICE("CAV")},
    {SLICE("gwent"), SLICE("Gwent"), SLICE("GWE"), SLICE("GWE")},
    {SLICE("swansea"), SLICE("Abertawe Bro Morgannwg"), SLICE("SWA"), SLICE("SWA")},
};
static struct node_config fake_nodes[FAKE_NODES];

static void fake_init(void)
{
    struct record *records =
        fake.records == NULL ? calloc(FAKE_RECORDS_MAX, sizeof *records) : fake.records;
    struct out *out = fake.out == NULL ? calloc(1, sizeof *out) : fake.out;
    fake = (struct fake){.records = records, .out = out, .now = 1267430400 * TIME_S};
    ck_assert_int_eq(arena_make(&fake.arena, 192u << 20), ERR_OK);
    ck_assert_int_eq(arena_make(&fake.step_arena, 32u << 20), ERR_OK);
    ck_assert_int_eq(arena_make(&fake.keep, 64u << 20), ERR_OK);
    static const char *const names[FAKE_NODES] = {"pacs_uhw", "pacs_gwent", "pacs_morriston",
                                                  "mdt_room"};
    static const char *const titles[FAKE_NODES] = {"UHW", "GWENT", "MORRISTON", "MDT"};
    for (uint32_t i = 0; i < FAKE_NODES; i++) {
        fake_nodes[i] = (struct node_config){.name = slice_from(names[i]),
                                             .aet = slice_from(titles[i]),
                                             .kind = i < 3 ? NODE_PACS : NODE_VIEWER,
                                             .peer = i,
                                             .organisation = i < 3 ? i : 0,
                                             .study_root = true,
                                             .source = i < 3,
                                             .destination = true,
                                             .answers_list = i < 3,
                                             .associations = 4,
                                             .dialect = (uint64_t)1 << DIALECT_assume_issuer};
        fake.limit[i] = 100;
    }
    fake.config = (struct engine_config){.seed = 1,
                                         .aet = SLICE("PONT"),
                                         .name = SLICE("hub"),
                                         .organisations = fake_organisations,
                                         .organisation_count = 3,
                                         .nodes = fake_nodes,
                                         .node_count = FAKE_NODES,
                                         .query_deadline_ns = 3 * TIME_S,
                                         .source_timeout_ns = 2 * TIME_S,
                                         .response_timeout_ns = 30 * TIME_S,
                                         .publish_retry_ns = 2 * TIME_S,
                                         .publish_give_up_ns = 10 * TIME_MIN,
                                         .breaker_open_ns = 3 * TIME_S,
                                         .breaker_failures = 3,
                                         .transfer_attempts = 6,
                                         .run_max = 64,
                                         .associations_in = 64,
                                         .persons_max = 2000,
                                         .exams_max = 2000,
                                         .studies_max = 2000,
                                         .instances_max = 20000,
                                         .demands_max = 500,
                                         .queries_max = 64,
                                         .audits_max = 1000000,
                                         .memory = 128u << 20};
}

static void fake_make_engine(void)
{
    fake.arena.used = 0;
    ck_assert_int_eq(engine_init(&fake.engine, &fake.config, &fake.arena), ERR_OK);
}

/* ---- Commands and records are kept as a driver keeps them. */
static void fake_keep(void)
{
    for (size_t i = 0; i < fake.out->record_count; i++) {
        struct record record = fake.out->records[i];
        const struct table *table = records_table(record.table);
        for (size_t c = 0; c < table->column_count; c++) {
            if (table->columns[c].type == COLUMN_TEXT) {
                record.values[c].text = arena_copy(&fake.keep, record.values[c].text);
            }
        }
        ck_assert(fake.record_count < FAKE_RECORDS_MAX);
        fake.records[fake.record_count++] = record;
    }
    for (size_t i = 0; i < fake.out->command_count; i++) {
        struct command command = fake.out->commands[i];
        if (command.kind == COMMAND_SEND) {
            struct message *messages = arena_array(&fake.keep, command.run.count, sizeof *messages);
            for (size_t m = 0; m < command.run.count; m++) {
                messages[m] = command.run.messages[m];
                if (messages[m].protocol == PROTOCOL_HL7) {
                    ck_assert_int_eq(hl7_value_copy(&messages[m].hl7, &messages[m].hl7, &fake.keep),
                                     ERR_OK);
                } else if (messages[m].dimse.identifier != NULL) {
                    struct dataset *copy = arena_alloc(&fake.keep, sizeof *copy);
                    ck_assert_int_eq(
                        dataset_copy(copy, messages[m].dimse.identifier, &fake.keep, 0), ERR_OK);
                    messages[m].dimse.identifier = copy;
                }
            }
            command.run.messages = messages;
        }
        if (command.contexts.count > 0) {
            struct context *list = arena_array(&fake.keep, command.contexts.count, sizeof *list);
            memcpy(list, command.contexts.list, command.contexts.count * sizeof *list);
            command.contexts.list = list;
        }
        command.text = arena_copy(&fake.keep, command.text);
        ck_assert(fake.command_count < FAKE_COMMANDS_MAX);
        fake.commands[(fake.command_first + fake.command_count++) % FAKE_COMMANDS_MAX] = command;
    }
}

static void fake_step(struct event event)
{
    event.at_ns = fake.now;
    event.sequence = ++fake.sequence;
    fake.out->arena = &fake.step_arena;
    out_clear(fake.out);
    enum err err = engine_step(fake.engine, &event, fake.out);
    ck_assert_msg(err == ERR_OK, "step failed: %s",
                  fake.engine->exhausted == NULL ? "out is full" : fake.engine->exhausted);
    fake_keep();
}

/* ---- Nodes. */
static void fake_text(struct dataset *row, uint32_t tag, const char *text)
{
    ck_assert_int_eq(dataset_put(row, tag, arena_copy(&fake.keep, slice_from(text))), ERR_OK);
}

static int fake_studies_of(uint32_t node, const char *patient_id)
{
    int count = 0;
    for (size_t s = 0; s < fake.study_count; s++) {
        count += fake.studies[s].node == node && strcmp(fake.studies[s].patient_id, patient_id) == 0;
    }
    return count;
}

static void fake_rows_of(uint32_t node, const struct dataset *keys, slice level,
                         struct dataset *rows, size_t *count)
{
    char text[96];
    for (size_t s = 0; s < fake.study_count; s++) {
        const struct fake_study *study = &fake.studies[s];
        int parts = slice_equal(level, SLICE("STUDY"))    ? 1
                    : slice_equal(level, SLICE("SERIES")) ? study->series
                                                          : study->series * study->images;
        for (int p = 0; study->node == node && p < parts; p++) {
            struct dataset row;
            size_t before = fake.keep.used;
            unsigned unknown;
            int series = slice_equal(level, SLICE("IMAGE")) ? p / study->images : p;
            ck_assert_int_eq(dataset_init(&row, &fake.keep, 24), ERR_OK);
            snprintf(text, sizeof text, "%s%s", study->uid, fake.space_uids ? " " : "");
            fake_text(&row, TAG_StudyInstanceUID, text);
            if (parts == 1 && slice_equal(level, SLICE("STUDY"))) {
                fake_text(&row, TAG_AccessionNumber, study->accession);
                fake_text(&row, TAG_PatientID, study->patient_id);
                fake_text(&row, TAG_PatientName, study->name);
                fake_text(&row, TAG_PatientBirthDate, study->birth_date);
                fake_text(&row, TAG_StudyDate, study->date);
                if (!fake.no_counts && dataset_has(keys, TAG_NumberOfPatientRelatedStudies)) {
                    snprintf(text, sizeof text, "%d", fake_studies_of(node, study->patient_id));
                    fake_text(&row, TAG_NumberOfPatientRelatedStudies, text);
                }
                if (!fake.no_modalities) {
                    fake_text(&row, TAG_ModalitiesInStudy, study->modality);
                }
            } else {
                snprintf(text, sizeof text, "%s.%d", study->uid, series + 1);
                fake_text(&row, TAG_SeriesInstanceUID, text);
                fake_text(&row, TAG_Modality, study->modality);
                if (!fake.no_counts && slice_equal(level, SLICE("SERIES"))) {
                    snprintf(text, sizeof text, "%d", study->images);
                    fake_text(&row, TAG_NumberOfSeriesRelatedInstances, text);
                }
                if (slice_equal(level, SLICE("IMAGE"))) {
                    snprintf(text, sizeof text, "%s.%d.%d", study->uid, series + 1,
                             p % study->images + 1);
                    fake_text(&row, TAG_SOPInstanceUID, text);
                }
            }
            slice name = dataset_get(keys, TAG_PatientName),
                  uid = dataset_get(keys, TAG_StudyInstanceUID);
            bool hidden = (fake.exact_names && name.size > 0 &&
                           !match_wildcard(name, dataset_get(&row, TAG_PatientName))) ||
                          (fake.one_uid && uid.size > 0 &&
                           !slice_equal(slice_before(uid, slice_index(uid, '\\')),
                                        dataset_get(&row, TAG_StudyInstanceUID)));
            if (fake.ignores_keys || (!hidden && match_dataset(keys, &row, true, &unknown))) {
                if (!fake.no_level) {
                    ck_assert_int_eq(dataset_put(&row, TAG_QueryRetrieveLevel, level), ERR_OK);
                }
                if (fake.charset == NULL || fake.charset[0] != 0) {
                    fake_text(&row, TAG_SpecificCharacterSet,
                              fake.charset == NULL ? "ISO_IR 192" : fake.charset);
                }
                rows[(*count)++] = row;
                if (fake.twice) {
                    rows[(*count)++] = row;
                }
            } else {
                fake.keep.used = before;
            }
        }
    }
}

static void fake_receive(int64_t channel, struct message *messages, size_t count)
{
    for (size_t at = 0; at < count;
         at += 7) { /* runs of seven: nothing may depend on where a run is cut */
        fake_step((struct event){.kind = EVENT_RECEIVED,
                                 .channel = channel,
                                 .run = {messages + at, count - at < 7 ? count - at : 7}});
    }
}

/* What no product may ever be asked (quirks find-no-relational, find-date-star-rejected,
 * find-star-alone-rejected). */
static void fake_look(const struct dataset *keys)
{
    slice level = dataset_get(keys, TAG_QueryRetrieveLevel);
    for (uint32_t i = 0; i < keys->count; i++) {
        slice value = dataset_get(keys, keys->elements[i].tag);
        bool text = tag_vr(keys->elements[i].tag) != tag_vr(TAG_StudyDate) &&
                    tag_vr(keys->elements[i].tag) != tag_vr(TAG_StudyInstanceUID);
        ck_assert(!slice_equal(value, SLICE("*")));
        ck_assert(slice_index(value, '*') == value.size || (text && !fake.strict));
        ck_assert(slice_index(value, '?') == value.size || (text && !fake.strict));
        ck_assert_uint_ne(keys->elements[i].tag & 0xFFFF, 0);
        for (size_t at = 0; at < value.size; at++) {
            ck_assert_int_lt((uint8_t)value.data[at], 0x80);
        }
    }
    if (!slice_equal(level, SLICE("STUDY"))) {
        ck_assert_uint_gt(dataset_get(keys, TAG_StudyInstanceUID).size, 0);
        ck_assert(slice_equal(level, SLICE("SERIES")) ||
                  dataset_get(keys, TAG_SeriesInstanceUID).size > 0);
    }
}

static bool fake_is_broad(const struct dataset *keys, int days)
{
    slice date = dataset_get(keys, TAG_StudyDate);
    time_ns from = 0, to = 0;
    bool dated = time_from_ts(slice_before(date, 8), &from);
    dated = dated && (date.size == 8 || time_from_ts(slice_after(date, 9), &to));
    return dataset_get(keys, TAG_PatientID).size == 0 && dataset_get(keys, TAG_StudyInstanceUID).size == 0 &&
           dataset_get(keys, TAG_AccessionNumber).size == 0 && !(dated && (date.size == 8 || to - from < days * TIME_DAY));
}

static void fake_find(uint32_t node, int64_t channel, const struct dimse *request)
{
    static struct dataset rows[4096];
    static struct message messages[4097];
    size_t count = 0;
    fake.finds[node]++;
    if (fake.hangs[node]) {
        return;
    }
    fake_look(request->identifier);
    fake.last_date[node] = dataset_get(request->identifier, TAG_StudyDate);
    fake_rows_of(node, request->identifier,
                 dataset_get(request->identifier, TAG_QueryRetrieveLevel), rows, &count);
    uint16_t status = STATUS_SUCCESS;
    bool broad = fake.refuse_days[node] > 0 && fake_is_broad(request->identifier, fake.refuse_days[node]);
    if (broad || (fake.refuse_above[node] > 0 && count > fake.refuse_above[node])) {
        count = 0;
        status = STATUS_OUT_OF_RESOURCES;
    }
    count = fake.cap[node] > 0 && count > fake.cap[node] ? fake.cap[node] : count;
    for (size_t i = 0; i < count; i++) {
        messages[i] =
            (struct message){.protocol = PROTOCOL_DICOM,
                             .dimse = dimse_response(request, STATUS_PENDING_KEYS_MISSING)};
        messages[i].dimse.identifier = &rows[i];
    }
    messages[count] =
        (struct message){.protocol = PROTOCOL_DICOM, .dimse = dimse_response(request, status)};
    fake_receive(channel, messages, count + 1);
}

static uint32_t fake_node_of(int64_t channel)
{
    for (size_t i = 0; i < fake.channel_count; i++) {
        if (fake.channels[i].channel == channel) {
            return fake.channels[i].node;
        }
    }
    return NODE_NONE;
}

static void fake_open(const struct command *command)
{
    uint32_t node = command->peer;
    fake.opens[node]++;
    if (fake.down[node]) {
        fake_step((struct event){
            .kind = EVENT_REFUSED, .channel = command->channel, .refusal = REFUSAL_NO_ROUTE});
        return;
    }
    if (fake.open[node] >= fake.limit[node]) {
        fake_step((struct event){.kind = EVENT_REFUSED,
                                 .channel = command->channel,
                                 .refusal = REFUSAL_TRANSIENT,
                                 .reject_result = 2,
                                 .reject_source = 3,
                                 .reject_reason = 2});
        return;
    }
    fake.open[node]++;
    struct contexts contexts = {
        arena_array(&fake.keep, command->contexts.count, sizeof *contexts.list),
        command->contexts.count};
    for (size_t i = 0; i < contexts.count; i++) {
        contexts.list[i] = command->contexts.list[i];
        contexts.list[i].result = CONTEXT_ACCEPTED;
        contexts.list[i].accepted_syntax = UID_IMPLICIT_LITTLE;
    }
    ck_assert(fake.channel_count < 512);
    fake.channels[fake.channel_count].channel = command->channel;
    fake.channels[fake.channel_count++].node = node;
    fake_step(
        (struct event){.kind = EVENT_OPENED, .channel = command->channel, .contexts = contexts});
}

static void fake_sent(const struct command *command)
{
    for (size_t i = 0; i < command->run.count; i++) {
        const struct message *message = &command->run.messages[i];
        uint32_t node = fake_node_of(command->channel);
        if (message->protocol == PROTOCOL_HL7) {
            fake.last_ack = message->hl7.fields[HL7_FIELD_ACK_CODE];
            fake.last_ack_text = message->hl7.fields[HL7_FIELD_ACK_TEXT];
            fake.acks++;
        } else if (message->dimse.kind == DIMSE_C_FIND_RQ && node != NODE_NONE) {
            fake_find(node, command->channel, &message->dimse);
        } else if (message->dimse.kind == DIMSE_C_FIND_RSP &&
                   status_is_pending(message->dimse.status)) {
            ck_assert(fake.row_count < 4096);
            fake.rows[fake.row_count++] = message->dimse.identifier;
        } else if (message->dimse.kind == DIMSE_C_FIND_RSP) {
            fake.status = message->dimse.status;
            fake.comment = arena_copy(&fake.keep, message->dimse.error_comment);
            fake.finals++;
        } else if (message->dimse.kind == DIMSE_C_ECHO_RQ) {
            struct message answer = {.protocol = PROTOCOL_DICOM,
                                     .dimse = dimse_response(&message->dimse, STATUS_SUCCESS)};
            fake_receive(command->channel, &answer, 1);
        }
    }
}

static void fake_closed(int64_t channel, enum closed cause)
{
    for (size_t i = 0; i < fake.channel_count; i++) {
        if (fake.channels[i].channel == channel) {
            fake.open[fake.channels[i].node]--;
            fake.channels[i] = fake.channels[--fake.channel_count];
            break;
        }
    }
    fake_step((struct event){.kind = EVENT_CLOSED, .channel = channel, .cause = cause});
}

/* Carries commands out until nothing is left to carry, without letting time pass. */
static void fake_settle(void)
{
    while (fake.command_count > 0) {
        struct command command = fake.commands[fake.command_first];
        fake.command_first = (fake.command_first + 1) % FAKE_COMMANDS_MAX;
        fake.command_count--;
        switch (command.kind) {
        case COMMAND_OPEN:
            fake_open(&command);
            break;
        case COMMAND_SEND:
            fake_sent(&command);
            fake_step((struct event){.kind = EVENT_ROOM, .channel = command.channel});
            break;
        case COMMAND_CLOSE:
            fake_closed(command.channel, CLOSED_RELEASED);
            break;
        case COMMAND_ABORT:
            fake_closed(command.channel, CLOSED_ABORTED_BY_US);
            break;
        default:
            break;
        }
    }
}

static void fake_clock(void)
{
    fake_step((struct event){.kind = EVENT_CLOCK});
    fake_settle();
}

/* Lets scenario time pass, timer by timer. */
static void fake_run(time_ns span)
{
    time_ns until = fake.now + span;
    while (engine_due(fake.engine) <= until) {
        fake.now = engine_due(fake.engine) > fake.now ? engine_due(fake.engine) : fake.now;
        fake_clock();
    }
    fake.now = until;
    fake_clock();
}

static void fake_start(void)
{
    fake_make_engine();
    fake_clock();
}

/* A second life from the records of the first; returns the digest of before. */
static uint64_t fake_restart(void)
{
    uint64_t digest = engine_digest(fake.engine);
    fake.command_count = 0;
    fake.channel_count = 0;
    memset(fake.open, 0, sizeof fake.open);
    fake_make_engine();
    for (size_t i = 0; i < fake.record_count; i++) {
        ck_assert_int_eq(engine_restore(fake.engine, &fake.records[i]), ERR_OK);
    }
    return digest;
}

/* ---- The RIS. */
struct fake_patient {
    const char *site, *number, *nhs, *family, *given, *birth_date, *former_family;
    bool unverified;
};

static struct hl7_value fake_message(enum hl7_type type, const struct fake_patient *patient,
                                     const char *control, const char *at)
{
    struct hl7_value value = {.type = type};
    for (size_t i = 0; i < HL7_FIELD_COUNT; i++) {
        value.fields[i] = SLICE_EMPTY;
    }
    value.fields[HL7_FIELD_SENDER] = SLICE("RADIS2");
    value.fields[HL7_FIELD_SENDER_SITE] = slice_from(patient->site);
    value.fields[HL7_FIELD_CONTROL_ID] = slice_from(control);
    value.fields[HL7_FIELD_SENT_AT] = slice_from(at);
    value.fields[HL7_FIELD_EVENT_AT] = slice_from(at);
    value.fields[HL7_FIELD_BIRTH_DATE] = slice_from(patient->birth_date);
    value.fields[HL7_FIELD_SEX] = SLICE("F");
    value.ids[value.id_count++] =
        (struct hl7_id){slice_from(patient->number), slice_from(patient->site), SLICE("PI")};
    if (patient->nhs != NULL) {
        value.ids[value.id_count++] =
            (struct hl7_id){slice_from(patient->nhs), SLICE("NHS"), SLICE("NH")};
        value.fields[HL7_FIELD_NHS_STATUS] = patient->unverified ? SLICE("02") : SLICE("01");
    }
    value.names[value.name_count++] =
        (struct hl7_name){slice_from(patient->family), slice_from(patient->given), SLICE_EMPTY,
                          SLICE_EMPTY, SLICE("L")};
    if (patient->former_family != NULL) {
        value.names[value.name_count++] =
            (struct hl7_name){slice_from(patient->former_family), slice_from(patient->given),
                              SLICE_EMPTY, SLICE_EMPTY, SLICE("M")};
    }
    return value;
}

static int64_t fake_link(void)
{
    if (fake.inbound == 0) {
        fake.inbound = 2;
        fake_step((struct event){.kind = EVENT_ASKED,
                                 .channel = 2,
                                 .protocol = PROTOCOL_HL7,
                                 .calling = SLICE_EMPTY,
                                 .called = SLICE_EMPTY,
                                 .address = SLICE("127.0.0.1")});
        fake_settle();
    }
    return fake.inbound;
}

/* Says it without letting the world answer; `fake_settle` then does. */
static void fake_say_only(const struct hl7_value *value)
{
    struct message message = {.protocol = PROTOCOL_HL7, .hl7 = *value, .unreadable = SLICE_EMPTY};
    fake_link();
    fake_step(
        (struct event){.kind = EVENT_RECEIVED, .channel = fake.inbound, .run = {&message, 1}});
}

static void fake_say(const struct hl7_value *value, const char *ack)
{
    fake_say_only(value);
    fake_settle();
    ck_assert_msg(slice_equal(fake.last_ack, slice_from(ack)), "ack %.*s: %.*s",
                  SLICE_ARGS(fake.last_ack), SLICE_ARGS(fake.last_ack_text));
}

static struct hl7_value fake_order(const struct fake_patient *patient, const char *accession,
                                   const char *status, const char *control, const char *at)
{
    struct hl7_value value = fake_message(HL7_ORM_O01, patient, control, at);
    value.fields[HL7_FIELD_EVENT_AT] = SLICE_EMPTY;
    value.fields[HL7_FIELD_ORDER_CONTROL] = SLICE("SC");
    value.fields[HL7_FIELD_ORDER_STATUS] = slice_from(status);
    value.fields[HL7_FIELD_ACCESSION] = slice_from(accession);
    value.fields[HL7_FIELD_ACCESSION_ISSUER] = slice_from(patient->site);
    value.fields[HL7_FIELD_MODALITY] = SLICE("CT");
    value.fields[HL7_FIELD_BODY_PART] = SLICE("CHEST");
    value.fields[HL7_FIELD_PROCEDURE_TEXT] = SLICE("CT chest");
    return value;
}

static void fake_holds(uint32_t node, const char *uid, const char *accession,
                       const struct fake_patient *patient, int series, int images)
{
    static char names[FAKE_STUDIES_MAX][64];
    ck_assert(fake.study_count < FAKE_STUDIES_MAX);
    snprintf(names[fake.study_count], sizeof names[0], "%s^%s", patient->family, patient->given);
    fake.studies[fake.study_count] = (struct fake_study){
        node,       uid,  accession, patient->number, names[fake.study_count], patient->birth_date,
        "20090616", "CT", series,    images};
    fake.study_count++;
}

/* ---- A client. */
static int64_t fake_client(const char *calling, const char *called)
{
    static struct context list[2];
    list[0] = (struct context){.id = 1,
                               .abstract_syntax = UID_STUDY_ROOT_FIND,
                               .transfer_syntaxes = {UID_IMPLICIT_LITTLE},
                               .syntax_count = 1};
    list[1] = (struct context){.id = 3,
                               .abstract_syntax = UID_VERIFICATION,
                               .transfer_syntaxes = {UID_EXPLICIT_BIG, UID_EXPLICIT_LITTLE},
                               .syntax_count = 2};
    int64_t channel = 4 + 2 * fake.sequence;
    size_t from = (fake.command_first + fake.command_count) % FAKE_COMMANDS_MAX;
    fake_step((struct event){.kind = EVENT_ASKED,
                             .channel = channel,
                             .protocol = PROTOCOL_DICOM,
                             .calling = slice_from(calling),
                             .called = slice_from(called),
                             .address = SLICE("127.0.0.1"),
                             .contexts = {list, 2}});
    return fake.commands[from].kind == COMMAND_ACCEPT ? channel
                                                      : -(int64_t)fake.commands[from].reject_reason;
}

/* Asks at STUDY level and lets time pass until the final answer. */
static void fake_ask(int64_t channel, const struct element *keys, size_t count)
{
    struct dataset *identifier = arena_alloc(&fake.keep, sizeof *identifier);
    ck_assert_int_eq(dataset_init(identifier, &fake.keep, (uint32_t)count + 2), ERR_OK);
    ck_assert_int_eq(dataset_put(identifier, TAG_QueryRetrieveLevel, SLICE("STUDY")), ERR_OK);
    ck_assert_int_eq(dataset_put(identifier, TAG_StudyInstanceUID, SLICE_EMPTY), ERR_OK);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(dataset_put(identifier, keys[i].tag, keys[i].value), ERR_OK);
    }
    struct message message = {.protocol = PROTOCOL_DICOM,
                              .dimse = {.kind = DIMSE_C_FIND_RQ,
                                        .message_id = ++fake.message_id,
                                        .sop_class_uid = UID_STUDY_ROOT_FIND,
                                        .identifier = identifier,
                                        .context_id = 1}};
    fake.row_count = 0;
    fake.status = 1;
    fake.finals = 0;
    fake_step((struct event){.kind = EVENT_RECEIVED, .channel = channel, .run = {&message, 1}});
    fake_settle();
    fake_run(4 * TIME_S);
    ck_assert_int_eq(fake.finals, 1);
}
#define ASK(channel, ...)                                                                          \
    fake_ask((channel), (const struct element[]){__VA_ARGS__},                                     \
             sizeof((const struct element[]){__VA_ARGS__}) / sizeof(struct element))
#define WANT(keyword, text)                                                                        \
    {                                                                                              \
        .tag = TAG_##keyword, .value = SLICE(text)                                                 \
    }

/* ---- What the engine knows. */
static struct row_exam fake_exam(const char *issuer, const char *accession)
{
    uint32_t row =
        row_find_exam(fake.engine, &(struct row_exam){.issuer = slice_from(issuer),
                                                      .accession = slice_from(accession)});
    ck_assert_msg(row != ROW_NONE, "no exam %s/%s", issuer, accession);
    return row_get_exam(fake.engine, row);
}

static struct row_study fake_study_row(int64_t id)
{
    uint32_t row = row_find_study(fake.engine, &(struct row_study){.id = id});
    ck_assert(row != ROW_NONE);
    return row_get_study(fake.engine, row);
}

static size_t fake_records(enum record_table table)
{
    size_t count = 0;
    for (size_t i = 0; i < fake.record_count; i++) {
        count += fake.records[i].table == table && !fake.records[i].deleted;
    }
    return count;
}

static bool fake_has_finding(const char *what)
{
    for (size_t i = 0; i < fake.record_count; i++) {
        if (fake.records[i].table == TABLE_finding &&
            slice_equal(fake.records[i].values[COLUMN_finding_what].text, slice_from(what))) {
            return true;
        }
    }
    return false;
}

/* Keeps the compiler quiet about helpers that one test file does not use. */
#define FAKE_UNUSED                                                                                \
    __attribute__((unused)) static void fake_all(void)                                             \
    {                                                                                              \
        (void)fake_restart;                                                                        \
        (void)fake_records;                                                                        \
        (void)fake_has_finding;                                                                    \
        (void)fake_study_row;                                                                      \
        (void)fake_exam;                                                                           \
        (void)fake_holds;                                                                          \
        (void)fake_order;                                                                          \
        (void)fake_say;                                                                            \
        (void)fake_start;                                                                          \
        (void)fake_run;                                                                            \
        (void)fake_init;                                                                           \
        (void)fake_message;                                                                        \
        (void)fake_client;                                                                         \
        (void)fake_ask;                                                                            \
    }
FAKE_UNUSED

#endif
