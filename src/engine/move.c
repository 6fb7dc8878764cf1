/* SPDX-License-Identifier: MIT
 *
 * Clients that retrieve (C-MOVE SCP, PS3.4 C.4.2). A request becomes demands, one a study; the client gets
 * pending answers from what was acknowledged and one final answer when the last of its demands is over. A study
 * that the registry does not know is looked for at every source first. */
#include "src/engine/query_private.h"
#include "src/engine/retrieve_private.h"

enum err move_init(struct engine *engine)
{
    engine->retrieve->requests = arena_array(engine->arena, REQUESTS_MAX, sizeof *engine->retrieve->requests);
    return engine->retrieve->requests == NULL ? ERR_LIMIT : ERR_OK;
}

struct move_request *move_by_id(struct engine *engine, int64_t id)
{
    for (size_t i = 0; i < engine->retrieve->request_bound; i++) {
        if (engine->retrieve->requests[i].used && engine->retrieve->requests[i].id == id) {
            return &engine->retrieve->requests[i];
        }
    }
    return NULL;
}

static struct move_request *move_by_channel(struct engine *engine, int64_t channel)
{
    for (size_t i = 0; i < engine->retrieve->request_bound; i++) {
        if (engine->retrieve->requests[i].used && engine->retrieve->requests[i].channel == channel) {
            return &engine->retrieve->requests[i];
        }
    }
    return NULL;
}

static bool wants(const struct move_request *request, int64_t demand)
{
    for (size_t i = 0; i < request->demand_count; i++) {
        if (request->demands[i] == demand) {
            return true;
        }
    }
    return false;
}

const struct move_request *move_of_demand(const struct engine *engine, int64_t demand)
{
    for (size_t i = 0; i < engine->retrieve->request_bound; i++) {
        if (engine->retrieve->requests[i].used && wants(&engine->retrieve->requests[i], demand)) {
            return &engine->retrieve->requests[i];
        }
    }
    return NULL;
}

static void request_give(struct engine *engine, struct out *out, struct move_request *request)
{
    for (size_t i = 0; i < request->source_count; i++) {
        if (request->sources[i].find != 0) {
            source_find_cancel(engine, out, request->sources[i].find);
        }
    }
    chain_free(&request->chain);
    request->used = false;
}

/* ---- Answers. */
static void answer(struct out *out, const struct move_request *request, uint16_t status, slice comment)
{
    struct dimse response = dimse_response(&request->request, status);
    response.error_comment = slice_before(comment, QUERY_COMMENT_SIZE);
    out_send_dimse(out, request->channel, &response);
}

/* Counters from the demands themselves, never kept apart; false while a manifest is not listed yet. */
static bool count_up(const struct engine *engine, const struct move_request *request, struct dimse *response)
{
    int64_t wanted = 0, delivered = 0;
    for (size_t i = 0; i < request->demand_count; i++) {
        struct row_demand row;
        bool open = demand_get(engine, request->demands[i], &row) && !demand_is_over(row.state);
        if (open && row.wanted == 0) {
            return false;
        }
        wanted += open ? row.wanted : 0;
        delivered += open ? row.delivered : 0;
    }
    response->completed = (int32_t)(request->completed + delivered);
    response->failed = (int32_t)request->failed;
    response->remaining = (int32_t)(wanted - delivered);
    response->warning = 0;
    return true;
}

static void tell_pending(struct engine *engine, struct out *out, struct move_request *request, const struct dimse *response)
{
    out_send_dimse(out, request->channel, response);
    request->told_at = engine->now;
}

void move_progress(struct engine *engine, struct out *out, int64_t demand)
{
    for (size_t i = 0; i < engine->retrieve->request_bound; i++) {
        struct move_request *request = &engine->retrieve->requests[i];
        if (request->used && wants(request, demand)) {
            struct dimse response = dimse_response(&request->request, STATUS_PENDING);
            if (count_up(engine, request, &response)) {
                tell_pending(engine, out, request, &response);
            }
        }
    }
}

/* A sign of life: the images may stand in a queue, or a holder be slow, for longer than a client listens to silence. A pending
 * answer needs no counters (PS3.7 9.1.4), so one can be given before anything is listed. */
void move_timer(struct engine *engine, struct out *out, int64_t id)
{
    struct move_request *request = move_by_id(engine, id);
    if (request == NULL) {
        return;
    }
    if (engine->now >= request->told_at + SIGN_NS) {
        struct dimse response = dimse_response(&request->request, STATUS_PENDING), counted = response;
        tell_pending(engine, out, request, count_up(engine, request, &counted) ? &counted : &response);
    }
    timer_set(engine, TIMER_RETRIEVE, -id, request->told_at + SIGN_NS);
}

static void final_answer(struct engine *engine, struct out *out, struct move_request *request)
{
    uint16_t status = request->failed == 0 && request->why.size == 0 ? STATUS_SUCCESS
                      : request->completed > 0                       ? STATUS_SUBOPERATIONS_FAILED
                                                                     : STATUS_OUT_OF_RESOURCES_SUBOPERATIONS;
    struct dimse response = dimse_response(&request->request, status);
    struct dataset list;
    response.completed = (int32_t)request->completed;
    response.failed = (int32_t)request->failed;
    response.warning = 0;
    response.error_comment = slice_before(request->why, QUERY_COMMENT_SIZE);
    if (request->failed_uids.size > 0) {
        if (dataset_init(&list, out->arena, 1) != ERR_OK ||
            dataset_put(&list, TAG_FailedSOPInstanceUIDList, buffer_slice(&request->failed_uids)) != ERR_OK) {
            out->full = true;
        }
        response.identifier = &list;
    }
    out_send_dimse(out, request->channel, &response);
    request_give(engine, out, request);
}

static void put_failed(struct move_request *request, const struct transfer *transfer, struct out *out)
{
    struct buffer *list = &request->failed_uids;
    if (list->capacity == 0) {
        char *memory = chain_alloc(&request->chain, FAILED_LIST_SIZE / 2); /* a block's worth: some 450 instances */
        *list = buffer_over(memory, memory == NULL ? 0 : FAILED_LIST_SIZE / 2);
    }
    for (const struct item *item = transfer->items; item != NULL; item = item->next) {
        for (uint32_t i = 0; item->wanted && !item->delivered && i < item->count && list->capacity - list->size > UID_SIZE_MAX + 1; i++) {
            char text[UID_SIZE_MAX + 1];
            buffer_put_text(list, list->size > 0 ? "\\" : "");
            buffer_put(list, i == 0 ? item->sop_uid : uid_advance(item->sop_uid, i, text));
        }
    }
    (void)out;
}

void move_demand_over(struct engine *engine, struct out *out, const struct row_demand *row, const struct transfer *transfer)
{
    for (size_t i = 0; i < engine->retrieve->request_bound; i++) {
        struct move_request *request = &engine->retrieve->requests[i];
        if (!request->used || !wants(request, row->id)) {
            continue;
        }
        int64_t missing = row->state == DEMAND_FAILED ? row->wanted - row->delivered : 0;
        request->completed += row->delivered;
        request->failed += missing;
        if (row->state == DEMAND_FAILED && request->why.size == 0) {
            request->why = chain_copy(&request->chain, row->why.size > 0 ? row->why : SLICE("failed"));
        }
        if (missing > 0 && transfer != NULL) {
            put_failed(request, transfer, out);
        }
        assert(request->open_count > 0);
        for (size_t k = 0; k < request->demand_count; k++) {
            if (request->demands[k] == row->id) {
                request->demands[k] = 0;
            }
        }
        if (--request->open_count == 0 && request->pending == 0) {
            final_answer(engine, out, request);
        }
    }
}

/* ---- From keys to demands. */
static bool study_fits(const struct engine *engine, const struct move_request *request, const struct row_study *study)
{
    return !request->person_given || (request->person != 0 && identity_survivor(engine, study->person) == request->person) ||
           (request->person == 0 && study->person == 0);
}

static slice demand_key(struct out *out, const struct move_request *request, int64_t study, slice destination)
{
    char digest[SHA256_TEXT_SIZE + 1];
    sha256_text(request->detail_uids, digest);
    slice what = request->detail_uids.size == 0 ? SLICE("all") : text_copy(out, (slice){digest, 16});
    return TEXT(out, SLICE("move/"), text_int(out, study), SLICE("/"), destination, SLICE("/"), request->level, SLICE("/"), what);
}

static void demand_add(struct engine *engine, struct out *out, struct move_request *request, int64_t study)
{
    slice why = SLICE_EMPTY;
    struct demand_wish wish = {
        .reason = DEMAND_CLIENT,
        .key = demand_key(out, request, study, node_at(engine, request->destination)->name),
        .study = study,
        .destination = request->destination,
        .level = slice_equal(request->level, SLICE("PATIENT")) ? SLICE("STUDY") : request->level,
        .uids = request->detail_uids,
        .principal = request->client,
        .due_at = engine->now,
    };
    int64_t demand = request->demand_count < REQUEST_DEMANDS_MAX ? retrieve_demand(engine, out, &wish, &why) : 0;
    if (demand != 0 && !wants(request, demand)) {
        request->demands[request->demand_count++] = demand;
        request->open_count++;
    } else if (demand == 0 && request->why.size == 0) {
        request->why = chain_copy(&request->chain, why.size > 0 ? why : SLICE("more studies than one request may name"));
    }
}

/* Studies of the registry that the keys name. More than one for a UID: two patients', and she must say whose. */
static size_t demands_by_uid(struct engine *engine, struct out *out, struct move_request *request, slice uid)
{
    int64_t first = 0;
    size_t count = 0;
    for (uint32_t at = index_first_text(engine, INDEX_study_uid, uid); at != ROW_NONE; at = index_next(engine, INDEX_study_uid, at)) {
        struct row_study study = row_get_study(engine, at);
        if (study_fits(engine, request, &study) && !lifecycle_hidden(engine, study.uid, SLICE_EMPTY)) {
            first = count++ == 0 || MUTANT(M_UID_IS_KEY) ? study.id : first;
        }
    }
    if (count > 1 && !MUTANT(M_UID_IS_KEY)) {
        request->conflict = true;
    } else if (count > 0) {
        demand_add(engine, out, request, first);
    }
    return count;
}

static void demands_by_person(struct engine *engine, struct out *out, struct move_request *request)
{
    for (uint32_t at = index_first_int(engine, INDEX_study_person, request->person); at != ROW_NONE && request->person != 0;
         at = index_next(engine, INDEX_study_person, at)) {
        struct row_study study = row_get_study(engine, at);
        if (!lifecycle_hidden(engine, study.uid, SLICE_EMPTY)) {
            demand_add(engine, out, request, study.id);
        }
    }
}

/* ---- A study the registry does not know. */
static void locate(struct engine *engine, struct out *out, struct move_request *request, slice uid)
{
    static const uint32_t returns[] = {TAG_StudyDate, TAG_StudyTime, TAG_AccessionNumber, TAG_ModalitiesInStudy, TAG_StudyDescription,
                                       TAG_PatientName, TAG_PatientID, TAG_PatientBirthDate, TAG_StudyID};
    struct dataset keys;
    bool full = dataset_init(&keys, out->arena, 12) != ERR_OK || dataset_put(&keys, TAG_StudyInstanceUID, uid) != ERR_OK;
    for (size_t i = 0; i < sizeof returns / sizeof returns[0] && !full; i++) {
        full = dataset_put(&keys, returns[i], SLICE_EMPTY) != ERR_OK;
    }
    out->full = out->full || full;
    for (uint32_t node = 0; node < engine->config->node_count && !full; node++) {
        const struct node_config *config = node_at(engine, node);
        struct find_question question = {.node = node, .level = FIND_STUDY, .keys = &keys, .deadline_ns = engine->now + engine->config->source_timeout_ns,
                                         .owner = FIND_OF_RETRIEVE, .owner_id = -request->id};
        if (config->kind != NODE_PACS || !config->source) {
            continue;
        }
        struct listing *source = &request->sources[request->source_count++];
        *source = (struct listing){.node = node, .find = source_find_start(engine, out, &question)};
        request->pending += source->find != 0;
        source->done = source->find == 0;
        source->why = SLICE("too many questions at once");
    }
}

/* The study becomes a row, so that it can be moved: without an exam, with the person its number names. */
static void adopt(struct engine *engine, struct out *out, struct move_request *request, uint32_t node, const struct find_row *row)
{
    const struct dataset *from = row->dataset;
    int64_t person = row_person(engine, node, row);
    struct row_study study = {.uid = slice_unpad(row->study_uid), .person = person};
    if (!study_fits(engine, request, &study)) {
        return;
    }
    for (uint32_t at = index_first_text(engine, INDEX_study_uid, study.uid); at != ROW_NONE; at = index_next(engine, INDEX_study_uid, at)) {
        struct row_study known = row_get_study(engine, at);
        if (identity_survivor(engine, known.person) == person) {
            study.id = known.id;
        }
    }
    if (request->found_study != 0 && request->found_study != study.id) {
        request->conflict = true;
        return;
    }
    if (study.id == 0) {
        if (!row_room(engine, TABLE_study, 1) || !row_room(engine, TABLE_copy, 1)) {
            request->why = SLICE("limit studies_max");
            return;
        }
        struct number accession = accession_read(engine, slice_unpad(row->accession), row->accession_issuer, node);
        struct number filed;
        (void)row_filed(engine, node, row, &filed);
        study.id = counter_next(engine, out, SLICE("study"));
        study.filed_issuer = filed.issuer;
        study.filed_number = filed.value;
        study.issuer = accession.issuer;
        study.accession = slice_unpad(row->accession);
        study.date = dataset_get(from, TAG_StudyDate);
        study.time = dataset_get(from, TAG_StudyTime);
        study.description = dataset_get(from, TAG_StudyDescription);
        study.study_id = dataset_get(from, TAG_StudyID);
        study.modalities = dataset_get(from, TAG_ModalitiesInStudy);
        row_put_study(engine, out, &study);
    }
    request->found_study = study.id;
    row_put_copy(engine, out, &(struct row_copy){.study = study.id, .node = node_at(engine, node)->name, .role = COPY_ORIGINAL, .state = COPY_PRESENT});
}

void move_found_row(struct engine *engine, struct out *out, struct move_request *request, uint32_t find, const struct find_row *row)
{
    for (size_t i = 0; i < request->source_count; i++) {
        bool asked = request->sources[i].find == find && slice_equal(slice_unpad(row->study_uid), request->study_uids);
        if (asked && !lifecycle_hidden(engine, request->study_uids, SLICE_EMPTY)) {
            adopt(engine, out, request, request->sources[i].node, row);
        }
    }
}

static void conflict_end(struct engine *engine, struct out *out, struct move_request *request)
{
    review_open(engine, out, SLICE("uid"), request->study_uids, SLICE("one Study Instance UID names studies of several patients"));
    answer(out, request, STATUS_UNABLE_TO_PROCESS, SLICE("this Study UID names several patients' studies: give PatientID"));
    request_give(engine, out, request);
}

/* What is not found is moved with success, of nothing, only when every source said so. */
static void located(struct engine *engine, struct out *out, struct move_request *request)
{
    slice why = SLICE_EMPTY;
    if (request->conflict) {
        conflict_end(engine, out, request);
        return;
    }
    if (request->found_study != 0) {
        demand_add(engine, out, request, request->found_study);
    }
    for (size_t i = 0; i < request->source_count && request->found_study == 0; i++) {
        if (!request->sources[i].complete && why.size == 0) {
            why = TEXT(out, SLICE("not found, but "), node_at(engine, request->sources[i].node)->name, SLICE(" "), request->sources[i].why);
        }
    }
    if (why.size > 0) {
        request->why = chain_copy(&request->chain, why);
    }
    if (request->open_count == 0) {
        final_answer(engine, out, request);
    }
}

void move_found_end(struct engine *engine, struct out *out, struct move_request *request, uint32_t find, enum find_outcome outcome, slice why)
{
    for (size_t i = 0; i < request->source_count; i++) {
        struct listing *source = &request->sources[i];
        if (source->find != find || source->done) {
            continue;
        }
        source->find = 0;
        source->done = true;
        source->complete = outcome == FIND_COMPLETE;
        source->why = chain_copy(&request->chain, why.size > 0 ? slice_before(why, 200) : find_outcome_text(outcome));
        if (--request->pending == 0) {
            located(engine, out, request);
        }
        return;
    }
}

/* ---- The request. */
static uint16_t keys_read(struct engine *engine, struct move_request *request, const struct dataset *keys, bool patient_root, slice *comment)
{
    slice level = dataset_get(keys, TAG_QueryRetrieveLevel);
    slice patient = dataset_get_first(keys, TAG_PatientID);
    slice detail = slice_equal(level, SLICE("SERIES")) ? dataset_get(keys, TAG_SeriesInstanceUID)
                   : slice_equal(level, SLICE("IMAGE")) ? dataset_get(keys, TAG_SOPInstanceUID)
                                                        : SLICE_EMPTY;
    bool below = slice_equal(level, SLICE("SERIES")) || slice_equal(level, SLICE("IMAGE"));
    bool at_patient = patient_root && slice_equal(level, SLICE("PATIENT"));
    request->level = chain_copy(&request->chain, level);
    request->study_uids = chain_copy(&request->chain, dataset_get(keys, TAG_StudyInstanceUID));
    request->detail_uids = chain_copy(&request->chain, detail);
    request->person_given = patient.size > 0;
    request->person = person_of_number(engine, request->client_node, patient, dataset_get(keys, TAG_IssuerOfPatientID));
    if (!below && !at_patient && !slice_equal(level, SLICE("STUDY"))) {
        *comment = SLICE("QueryRetrieveLevel is missing or unknown");
        return STATUS_IDENTIFIER_MISMATCH;
    }
    if (at_patient ? patient.size == 0 : request->study_uids.size == 0 || (below && detail.size == 0)) {
        *comment = SLICE("the unique key of the level, and those above it, are required");
        return STATUS_IDENTIFIER_MISMATCH;
    }
    if (below && slice_index(request->study_uids, '\\') < request->study_uids.size) {
        *comment = SLICE("one study at a time below STUDY level");
        return STATUS_IDENTIFIER_MISMATCH;
    }
    return request->study_uids.data == NULL || request->detail_uids.data == NULL ? STATUS_OUT_OF_RESOURCES : STATUS_SUCCESS;
}

static void request_begin(struct engine *engine, struct out *out, struct move_request *request)
{
    slice rest = request->study_uids;
    if (slice_equal(request->level, SLICE("PATIENT"))) {
        demands_by_person(engine, out, request);
        rest = (slice){NULL, 0};
    }
    bool one = slice_index(rest, '\\') == rest.size;
    while (rest.data != NULL && !request->conflict) {
        slice uid = slice_trim(slice_cut(&rest, '\\'));
        if (uid.size > 0 && demands_by_uid(engine, out, request, uid) == 0) {
            if (one) {
                locate(engine, out, request, uid);
            } else if (request->why.size == 0) {
                request->why = SLICE("a study of the list is not known");
            }
        }
    }
    if (request->conflict) {
        conflict_end(engine, out, request);
    } else if (request->open_count == 0 && request->pending == 0) {
        final_answer(engine, out, request);
    }
}

static struct move_request *request_take(struct engine *engine)
{
    struct retrieve_state *state = engine->retrieve;
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        struct move_request *request = &state->requests[i];
        if (i >= state->request_bound || !request->used) {
            state->request_bound = i < state->request_bound ? state->request_bound : i + 1;
            memset(request, 0, sizeof *request);
            request->used = true;
            request->chain = chain_make(&engine->retrieve->pool);
            return request;
        }
    }
    return NULL;
}

void retrieve_move(struct engine *engine, const struct event *event, struct out *out, struct channel *channel, const struct dimse *message)
{
    (void)event;
    slice comment = SLICE("too many retrieves at once");
    struct move_request *request = move_by_channel(engine, channel->number) == NULL ? request_take(engine) : NULL;
    if (request == NULL) {
        struct dimse response = dimse_response(message, STATUS_OUT_OF_RESOURCES);
        response.error_comment = comment;
        out_send_dimse(out, channel->number, &response);
        return;
    }
    request->id = counter_next(engine, out, SLICE("retrieve"));
    request->told_at = engine->now;
    request->channel = channel->number;
    request->client = chain_copy(&request->chain, channel->calling);
    request->client_node = channel->node;
    request->request = (struct dimse){.kind = message->kind, .context_id = message->context_id, .message_id = message->message_id,
                                      .sop_class_uid = chain_copy(&request->chain, slice_unpad(message->sop_class_uid))};
    slice destination = slice_trim(message->move_destination);
    request->destination = node_by_aet(engine, destination);
    bool patient_root = slice_equal(request->request.sop_class_uid, UID_PATIENT_ROOT_MOVE);
    uint16_t status = STATUS_IDENTIFIER_MISMATCH;
    if (request->destination == NODE_NONE || !node_at(engine, request->destination)->destination) {
        status = STATUS_MOVE_DESTINATION_UNKNOWN;
        comment = SLICE("the move destination is not known");
    } else if (message->identifier != NULL) {
        status = keys_read(engine, request, message->identifier, patient_root, &comment);
    }
    slice what = TEXT(out, request->level, SLICE(" "), slice_before(request->study_uids, 200), SLICE(" > "), destination);
    bool refused = status != STATUS_SUCCESS;
    if (!access_audit(engine, out, SLICE("RETRIEVE"), refused ? SLICE("refused") : SLICE("accepted"), request->client, what, refused ? comment : SLICE_EMPTY)) {
        status = STATUS_OUT_OF_RESOURCES;
        comment = SLICE("the access cannot be audited");
    }
    if (status != STATUS_SUCCESS) {
        answer(out, request, status, comment);
        request_give(engine, out, request);
        return;
    }
    timer_set(engine, TIMER_RETRIEVE, -request->id, request->told_at + SIGN_NS);
    request_begin(engine, out, request);
}

/* Demands that nobody but this client wants are given up. */
void retrieve_cancel(struct engine *engine, struct out *out, struct channel *channel, uint16_t message_id)
{
    struct move_request *request = move_by_channel(engine, channel->number);
    if (request == NULL || request->request.message_id != message_id) {
        return;
    }
    int64_t demands[REQUEST_DEMANDS_MAX];
    size_t count = request->demand_count;
    memcpy(demands, request->demands, sizeof demands);
    struct dimse response = dimse_response(&request->request, STATUS_CANCEL);
    (void)count_up(engine, request, &response);
    out_send_dimse(out, request->channel, &response);
    request_give(engine, out, request);
    for (size_t i = 0; i < count; i++) {
        struct row_demand row;
        if (demands[i] == 0 || move_of_demand(engine, demands[i]) != NULL || !demand_get(engine, demands[i], &row) || row.reason != DEMAND_CLIENT ||
            demand_is_over(row.state)) {
            continue;
        }
        retrieve_give_up(engine, out, demands[i], SLICE("cancelled by the client"));
    }
}

void retrieve_client_closed(struct engine *engine, struct out *out, struct channel *channel)
{
    struct move_request *request = move_by_channel(engine, channel->number);
    if (request != NULL) {
        request_give(engine, out, request); /* its demands were accepted: they go on */
    }
}
