/* SPDX-License-Identifier: MIT
 *
 * Request: a question or a retrieve, on an association of its own, from the plan to its final
 * answer. */
#include "sim/viewer/viewer_private.h"

#include "src/dicom/charset.h"

/* ---- Keys. */
static const struct key {
    const char *argument;
    uint32_t tag;
} keys[] = {
    {"patient_id", TAG_PatientID},
    {"issuer", TAG_IssuerOfPatientID},
    {"name", TAG_PatientName},
    {"birth_date", TAG_PatientBirthDate},
    {"accession", TAG_AccessionNumber},
    {"study_uid", TAG_StudyInstanceUID},
    {"series_uid", TAG_SeriesInstanceUID},
    {"modality", TAG_ModalitiesInStudy},
    {"date", TAG_StudyDate},
};

static const uint32_t study_keys[] = {TAG_PatientName,
                                      TAG_PatientID,
                                      TAG_IssuerOfPatientID,
                                      TAG_PatientBirthDate,
                                      TAG_PatientSex,
                                      TAG_StudyInstanceUID,
                                      TAG_StudyDate,
                                      TAG_StudyTime,
                                      TAG_AccessionNumber,
                                      TAG_ModalitiesInStudy,
                                      TAG_StudyDescription,
                                      TAG_NumberOfStudyRelatedSeries,
                                      TAG_NumberOfStudyRelatedInstances};
static const uint32_t patient_keys[] = {TAG_PatientName, TAG_PatientID, TAG_IssuerOfPatientID,
                                        TAG_PatientBirthDate, TAG_PatientSex};
static const uint32_t series_keys[] = {TAG_StudyInstanceUID,  TAG_SeriesInstanceUID,
                                       TAG_Modality,          TAG_SeriesNumber,
                                       TAG_SeriesDescription, TAG_NumberOfSeriesRelatedInstances};
static const uint32_t image_keys[] = {TAG_StudyInstanceUID, TAG_SeriesInstanceUID,
                                      TAG_SOPInstanceUID, TAG_SOPClassUID, TAG_InstanceNumber};

enum err request_keys(struct request *request, const char *level)
{
    const struct {
        const char *level;
        const uint32_t *tags;
        size_t count;
    } levels[] = {{"PATIENT", patient_keys, sizeof patient_keys / sizeof patient_keys[0]},
                  {"STUDY", study_keys, sizeof study_keys / sizeof study_keys[0]},
                  {"SERIES", series_keys, sizeof series_keys / sizeof series_keys[0]},
                  {"IMAGE", image_keys, sizeof image_keys / sizeof image_keys[0]}};
    enum err err = dataset_init(&request->keys, &request->arena, 32);
    for (size_t l = 0; err == ERR_OK && l < 4; l++) {
        for (size_t i = 0; slice_equal(slice_from(levels[l].level), slice_from(level)) &&
                           err == ERR_OK && i < levels[l].count;
             i++) {
            err = dataset_put(&request->keys, levels[l].tags[i], SLICE_EMPTY);
        }
    }
    err = err == ERR_OK ? dataset_put(&request->keys, TAG_SpecificCharacterSet, SLICE("ISO_IR 192"))
                        : err;
    return err == ERR_OK ? dataset_put(&request->keys, TAG_QueryRetrieveLevel,
                                       arena_copy(&request->arena, slice_from(level)))
                         : err;
}

/* Only what was given: C-MOVE takes unique keys alone (PS3.4 C.4.2.2.1). */
static enum err move_keys(struct request *request)
{
    return dataset_init(&request->keys, &request->arena, 8);
}

static enum err put_given(struct request *request, const struct plan_entry *plan)
{
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < sizeof keys / sizeof keys[0]; i++) {
        slice value = plan_get(plan, keys[i].argument);
        bool unique = (keys[i].tag == TAG_PatientID && request->patient_root) ||
                      keys[i].tag == TAG_StudyInstanceUID || keys[i].tag == TAG_SeriesInstanceUID;
        if (value.size > 0 && (request->kind == REQUEST_QUERY || unique)) {
            value = arena_copy(&request->arena, value);
            err = value.data == NULL ? ERR_LIMIT : dataset_put(&request->keys, keys[i].tag, value);
        }
    }
    slice issuer = plan_get(plan, "accession_issuer");
    if (err != ERR_OK || issuer.size == 0 || request->kind != REQUEST_QUERY) {
        return err;
    }
    struct dataset *item = arena_alloc(&request->arena, sizeof *item);
    issuer = arena_copy(&request->arena, issuer);
    if (item == NULL || issuer.data == NULL || dataset_init(item, &request->arena, 1) != ERR_OK) {
        return ERR_LIMIT;
    }
    err = dataset_put(item, TAG_LocalNamespaceEntityID, issuer);
    return err == ERR_OK
               ? dataset_put_items(&request->keys, TAG_IssuerOfAccessionNumberSequence, item, 1)
               : err;
}

/* ---- Beginning. */
struct request *request_take(struct viewer *viewer, enum request_kind kind)
{
    for (uint32_t i = 0; i < REQUESTS_MAX; i++) {
        struct request *request = &viewer->requests[i];
        if (request->kind == REQUEST_FREE) {
            struct arena arena = request->arena;
            arena_reset(&arena);
            *request = (struct request){.kind = kind,
                                        .arena = arena,
                                        .peer = viewer->setup.engine,
                                        .retry_ns = RETRY_FIRST_NS,
                                        .next_ns = TIME_NEVER,
                                        .watch = UINT32_MAX};
            viewer->request_bound = i >= viewer->request_bound ? i + 1 : viewer->request_bound;
            return request;
        }
    }
    return NULL;
}

static uint32_t peer_of(const struct viewer *viewer, slice name)
{
    for (uint32_t i = 0; i < viewer->setup.peer_count; i++) {
        const struct peer *peer = &viewer->setup.peers[i];
        if (name.size > 0 && (slice_equal(peer->name, name) || slice_equal(peer->aet, name))) {
            return i;
        }
    }
    return viewer->setup.engine;
}

static slice next_id(struct viewer *viewer, struct request *request, slice given, uint32_t attempt)
{
    struct buffer id = buffer_make(&request->arena, 80);
    if (given.size > 0) {
        buffer_put(&id, given);
    } else {
        buffer_put_int(&id, ++viewer->id_last);
    }
    if (attempt > 1) {
        buffer_put_byte(&id, '.');
        buffer_put_int(&id, attempt);
    }
    return buffer_slice(&id);
}

static const char *level_of(const struct plan_entry *plan)
{
    static const char *const levels[] = {"PATIENT", "STUDY", "SERIES", "IMAGE"};
    slice level = plan_get(plan, "level");
    for (size_t i = 0; i < 4; i++) {
        if (slice_equal(level, slice_from(levels[i]))) {
            return levels[i];
        }
    }
    return plan_get(plan, "series_uid").size > 0 && level.size == 0 ? "SERIES" : "STUDY";
}

enum err request_add(struct viewer *viewer, const struct plan_entry *plan, struct out *out)
{
    bool query = slice_equal(plan->verb, SLICE("query")),
         retrieve = slice_equal(plan->verb, SLICE("retrieve"));
    if (!query && !retrieve && !slice_equal(plan->verb, SLICE("move_to"))) {
        return ERR_BAD_INPUT;
    }
    struct request *request = request_take(viewer, query ? REQUEST_QUERY : REQUEST_RETRIEVE);
    if (request == NULL) {
        return ERR_LIMIT;
    }
    const char *level = level_of(plan);
    slice destination = retrieve ? viewer->setup.aet : plan_get(plan, "destination");
    request->peer = peer_of(viewer, plan_get(plan, "to"));
    request->patient_root = slice_equal(plan_get(plan, "root"), SLICE("patient"));
    request->expected = arena_copy(&request->arena, plan_get(plan, "expect"));
    request->until_complete = slice_equal(plan_get(plan, "until"), SLICE("complete"));
    request->attempt = 1;
    request->id = next_id(viewer, request, plan_get(plan, "id"), 1);
    request->destination = arena_copy(&request->arena, destination);
    request->study_uid = arena_copy(&request->arena, plan_get(plan, "study_uid"));
    enum err err = query ? request_keys(request, level) : move_keys(request);
    err = err == ERR_OK && !query
              ? dataset_put(&request->keys, TAG_QueryRetrieveLevel, slice_from(level))
              : err;
    err = err == ERR_OK ? put_given(request, plan) : err;
    if (err != ERR_OK || (!query && (request->study_uid.size == 0 || destination.size == 0))) {
        request->kind = REQUEST_FREE;
        return err != ERR_OK ? err : ERR_BAD_INPUT;
    }
    request_open(viewer, out, request);
    return ERR_OK;
}

void request_open(struct viewer *viewer, struct out *out, struct request *request)
{
    bool move = request->kind == REQUEST_RETRIEVE;
    struct context *context = arena_alloc(out->arena, sizeof *context);
    if (context == NULL) {
        out->full = true;
        return;
    }
    *context = (struct context){.syntax_count = 2, .accepted_syntax = SLICE_EMPTY};
    context->abstract_syntax =
        move ? (request->patient_root ? UID_PATIENT_ROOT_MOVE : UID_STUDY_ROOT_MOVE)
        : request->patient_root ? UID_PATIENT_ROOT_FIND
                                : UID_STUDY_ROOT_FIND;
    context->transfer_syntaxes[0] = UID_EXPLICIT_LITTLE;
    context->transfer_syntaxes[1] = UID_IMPLICIT_LITTLE;
    viewer->channel_last += 2;
    struct command *command = out_command(out, COMMAND_OPEN);
    command->channel = viewer->channel_last;
    command->protocol = PROTOCOL_DICOM;
    command->peer = request->peer;
    command->calling = viewer->setup.aet;
    command->called = viewer->setup.peers[request->peer].aet;
    command->contexts = (struct contexts){context, 1};
    request->channel = viewer->channel_last;
    request->asked = false;
    request->first_image = false;
    request->rows = request->completed = 0;
    request->asked_ns = viewer->now;
    request->silent_ns =
        viewer->now + (viewer->setup.timeout_ns == 0 ? TIMEOUT_NS : viewer->setup.timeout_ns);
    request->next_ns = TIME_NEVER;
    if (request->kind != REQUEST_WATCH) {
        request_ask(viewer, out,
                    request); /* the question begins when it is wanted, not when it gets through */
    }
}

/* ---- Asking: observed at once, sent when the association is open. */
static slice keys_text(struct out *out, const struct request *request)
{
    struct buffer text = buffer_make(out->arena, 512);
    buffer_put(&text, dataset_get(&request->keys, TAG_QueryRetrieveLevel));
    for (uint32_t i = 0; i < request->keys.count; i++) {
        const struct element *element = &request->keys.elements[i];
        bool key = element->tag != TAG_QueryRetrieveLevel &&
                   element->tag != TAG_SpecificCharacterSet && element->value.size > 0;
        if (key && text.size + element->value.size + 48 < text.capacity) {
            buffer_put_text(&text, " ");
            buffer_put_text(&text, tag_keyword(element->tag));
            buffer_put_text(&text, "=");
            buffer_put(&text, element->value);
        }
    }
    return buffer_slice(&text);
}

void request_ask(struct viewer *viewer, struct out *out, struct request *request)
{
    bool move = request->kind == REQUEST_RETRIEVE;
    struct observation *seen =
        out_observe(out, move ? OBSERVATION_retrieve_asked : OBSERVATION_query_asked, viewer->now);
    seen->other_id = viewer_copy(out, request->id);
    seen->peer = viewer->setup.peers[request->peer].aet;
    seen->text = move ? viewer_copy(out, request->destination) : keys_text(out, request);
    seen->patient_id = viewer_copy(out, dataset_get(&request->keys, TAG_PatientID));
    seen->issuer = viewer_copy(out, dataset_get(&request->keys, TAG_IssuerOfPatientID));
    seen->accession = viewer_copy(out, dataset_get(&request->keys, TAG_AccessionNumber));
    seen->study_uid = viewer_copy(out, dataset_get(&request->keys, TAG_StudyInstanceUID));
    seen->name = viewer_copy(out, request->expected);
    request->asked_ns = viewer->now;
}

static void send_request(struct viewer *viewer, struct out *out, struct request *request)
{
    bool move = request->kind == REQUEST_RETRIEVE;
    struct dimse message = {.kind = move ? DIMSE_C_MOVE_RQ : DIMSE_C_FIND_RQ,
                            .message_id = (uint16_t)request->attempt,
                            .identifier = &request->keys,
                            .move_destination = move ? request->destination : SLICE_EMPTY,
                            .sop_instance_uid = SLICE_EMPTY,
                            .move_originator = SLICE_EMPTY,
                            .error_comment = SLICE_EMPTY,
                            .remaining = DIMSE_COUNTER_ABSENT,
                            .completed = DIMSE_COUNTER_ABSENT,
                            .failed = DIMSE_COUNTER_ABSENT,
                            .warning = DIMSE_COUNTER_ABSENT};
    message.sop_class_uid =
        move ? (request->patient_root ? UID_PATIENT_ROOT_MOVE : UID_STUDY_ROOT_MOVE)
        : request->patient_root ? UID_PATIENT_ROOT_FIND
                                : UID_STUDY_ROOT_FIND;
    request->asked = true;
    request->silent_ns =
        viewer->now + (viewer->setup.timeout_ns == 0 ? TIMEOUT_NS : viewer->setup.timeout_ns);
    out_send_dimse(out, request->channel, &message);
}

static struct request *request_of(struct viewer *viewer, int64_t channel)
{
    for (uint32_t i = 0; i < viewer->request_bound; i++) {
        if (viewer->requests[i].kind != REQUEST_FREE && viewer->requests[i].channel == channel) {
            return &viewer->requests[i];
        }
    }
    return NULL;
}

void request_opened(struct viewer *viewer, const struct event *event, struct out *out)
{
    struct request *request = request_of(viewer, event->channel);
    if (request == NULL) {
        out_command(out, COMMAND_ABORT)->channel = event->channel; /* given up meanwhile */
    } else if (event->contexts.count == 0 || event->contexts.list[0].result != CONTEXT_ACCEPTED) {
        out_command(out, COMMAND_CLOSE)->channel = event->channel; /* its CLOSED ends the request */
    } else if (request->kind == REQUEST_WATCH) {
        watch_next(viewer, out, request);
    } else {
        send_request(viewer, out, request);
    }
}

/* For the watcher: one more question on an association that is open. */
void request_send(struct viewer *viewer, struct out *out, struct request *request)
{
    request->attempt++;
    request->rows = 0;
    request->seen = false;
    request_ask(viewer, out, request);
    send_request(viewer, out, request);
}

/* ---- Answers. */
static slice utf8_of(struct out *out, const struct dataset *row, uint32_t tag)
{
    slice raw = dataset_get(row, tag), utf8;
    return viewer_copy(out, charset_decode(&utf8, raw, dataset_get(row, TAG_SpecificCharacterSet),
                                           out->arena) == ERR_OK
                                ? utf8
                                : raw);
}

/* Holders as the engine names them, else the AE title to retrieve from, as the name of that peer.
 */
static slice holders_of(const struct viewer *viewer, struct out *out, const struct dataset *row)
{
    slice holders = slice_unpad(dataset_get(row, TAG_PONT_HOLDERS)),
          aet = dataset_get_first(row, TAG_RetrieveAETitle);
    for (uint32_t i = 0; holders.size == 0 && i < viewer->setup.peer_count; i++) {
        if (slice_equal(viewer->setup.peers[i].aet, aet)) {
            return viewer->setup.peers[i].name;
        }
    }
    return viewer_copy(out, holders);
}

static void show_row(struct viewer *viewer, struct out *out, struct request *request,
                     const struct dataset *row)
{
    struct observation *seen = out_observe(out, OBSERVATION_row_shown, viewer->now);
    int64_t count = 0;
    slice modality = dataset_get(row, TAG_ModalitiesInStudy);
    seen->other_id = viewer_copy(out, request->id);
    seen->patient_id = viewer_copy(out, dataset_get(row, TAG_PatientID));
    seen->issuer = viewer_copy(out, dataset_get(row, TAG_IssuerOfPatientID));
    seen->name = utf8_of(out, row, TAG_PatientName);
    seen->text = viewer_copy(out, dataset_get(row, TAG_PatientBirthDate));
    seen->accession = viewer_copy(out, dataset_get(row, TAG_AccessionNumber));
    seen->study_uid = viewer_copy(out, dataset_get(row, TAG_StudyInstanceUID));
    seen->series_uid = viewer_copy(out, dataset_get(row, TAG_SeriesInstanceUID));
    seen->sop_uid = viewer_copy(out, dataset_get(row, TAG_SOPInstanceUID));
    seen->modality =
        viewer_copy(out, modality.size > 0 ? modality : dataset_get(row, TAG_Modality));
    seen->count = dataset_get_int(row, TAG_NumberOfStudyRelatedInstances, &count) ? count : 0;
    seen->other_issuer = holders_of(viewer, out, row);
    request->rows++;
    request->seen = request->seen ||
                    (request->kind == REQUEST_WATCH && watch_row(viewer, request, seen->study_uid));
}

static void observe_end(struct viewer *viewer, struct out *out, struct request *request,
                        int64_t status, slice comment)
{
    bool move = request->kind == REQUEST_RETRIEVE;
    struct observation *seen = out_observe(
        out, move ? OBSERVATION_retrieve_answered : OBSERVATION_query_answered, viewer->now);
    seen->other_id = viewer_copy(out, request->id);
    seen->study_uid = viewer_copy(out, request->study_uid);
    seen->number = status;
    seen->text = viewer_copy(out, comment);
    seen->count = move ? request->completed : request->rows;
    seen->flag = !move && status > 0 && status != STATUS_CANCEL;
    seen->latency_ns = viewer->now - request->asked_ns;
}

/* Ended; a query that must be complete is asked again. */
static void end(struct viewer *viewer, struct out *out, struct request *request, int64_t status,
                slice comment)
{
    observe_end(viewer, out, request, status, comment);
    request->channel = 0;
    if (!request->until_complete || status == STATUS_SUCCESS || request->kind != REQUEST_QUERY) {
        request->kind = REQUEST_FREE;
        return;
    }
    request->next_ns = viewer->now + request->retry_ns;
    request->retry_ns = 2 * request->retry_ns > RETRY_MAX_NS ? RETRY_MAX_NS : 2 * request->retry_ns;
}

void request_answer(struct viewer *viewer, const struct event *event, const struct dimse *response,
                    struct out *out)
{
    struct request *request = request_of(viewer, event->channel);
    if (request == NULL || !request->asked) {
        return;
    }
    request->silent_ns =
        viewer->now + (viewer->setup.timeout_ns == 0 ? TIMEOUT_NS : viewer->setup.timeout_ns);
    request->completed = response->completed >= 0 ? response->completed : request->completed;
    if (status_is_pending(response->status)) {
        if (response->kind == DIMSE_C_FIND_RSP && response->identifier != NULL) {
            show_row(viewer, out, request, response->identifier);
        }
        return;
    }
    if (request->kind == REQUEST_WATCH) {
        observe_end(viewer, out, request, response->status, response->error_comment);
        watch_answered(viewer, out, request);
        return;
    }
    out_command(out, COMMAND_CLOSE)->channel = event->channel;
    end(viewer, out, request, response->status, response->error_comment);
}

void request_lost(struct viewer *viewer, const struct event *event, struct out *out)
{
    struct request *request = request_of(viewer, event->channel);
    slice comment = event->kind == EVENT_REFUSED ? SLICE("refused") : SLICE("association lost");
    if (request == NULL) {
        return;
    }
    if (request->kind != REQUEST_WATCH) {
        end(viewer, out, request, -1, comment);
        return;
    }
    if (request->asked && request->watch != UINT32_MAX) {
        observe_end(viewer, out, request, -1, comment);
    }
    watch_lost(viewer, request);
    request->kind = REQUEST_FREE;
}

void request_image(struct viewer *viewer, struct out *out, slice study_uid, time_ns lead_ns)
{
    for (uint32_t i = 0; i < viewer->request_bound; i++) {
        struct request *request = &viewer->requests[i];
        if (request->kind == REQUEST_RETRIEVE && !request->first_image &&
            slice_equal(request->study_uid, study_uid)) {
            request->first_image = true;
            struct observation *seen = out_observe(out, OBSERVATION_first_image, viewer->now);
            seen->other_id = viewer_copy(out, request->id);
            seen->study_uid = viewer_copy(out, study_uid);
            time_ns waited = viewer->now - request->asked_ns;
            seen->latency_ns = lead_ns < waited ? waited - lead_ns : waited;
        }
    }
}

/* ---- Time. */
void request_clock(struct viewer *viewer, struct out *out)
{
    for (uint32_t i = 0; i < viewer->request_bound; i++) {
        struct request *request = &viewer->requests[i];
        if (request->kind == REQUEST_FREE) {
            continue;
        }
        if (request->channel != 0 && request->silent_ns <= viewer->now) {
            out_command(out, COMMAND_ABORT)->channel =
                request->channel; /* its CLOSED ends the request */
            request->silent_ns = TIME_NEVER;
        } else if (request->channel == 0 && request->next_ns <= viewer->now) {
            slice base = slice_before(request->id, slice_index(request->id, '.'));
            request->id = next_id(viewer, request, base, ++request->attempt);
            request_open(viewer, out, request);
        }
    }
}

time_ns request_due(const struct viewer *viewer)
{
    time_ns due = TIME_NEVER;
    for (uint32_t i = 0; i < viewer->request_bound; i++) {
        const struct request *request = &viewer->requests[i];
        time_ns at = request->kind == REQUEST_FREE ? TIME_NEVER
                     : request->channel != 0       ? request->silent_ns
                                                   : request->next_ns;
        due = at < due ? at : due;
    }
    return due;
}
