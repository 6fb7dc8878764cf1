/* SPDX-License-Identifier: MIT
 *
 * C-MOVE and C-GET (PS3.4 C.4.2, C.4.3): what is asked for, as ranges of instances; the C-STORE
 * sub-operations in runs, each once the one before is answered; pending answers, counters, one
 * final answer. */
#include "sim/node/node_private.h"

#include "src/dicom/match.h"

#define OPEN_ATTEMPTS    3 /* of one store association; a transient rejection is tried again */
#define OPEN_RETRY_NS    (500 * TIME_MS)
#define FAILED_UIDS_SIZE 4096 /* of the Failed SOP Instance UID List that is kept */

/* ---- The manifest. */
static bool range_add(struct operation *operation, uint32_t entry, uint32_t nth, uint32_t count)
{
    struct range *last =
        operation->range_count > 0 ? &operation->ranges[operation->range_count - 1] : NULL;
    if (count == 0) {
        return true;
    }
    if (last != NULL && last->entry == entry && last->first + last->count == nth) {
        last->count += count;
    } else if (operation->range_count == RANGES_MAX) {
        return false;
    } else {
        operation->ranges[operation->range_count++] = (struct range){entry, nth, count};
    }
    operation->total += count;
    return operation->total <= MANIFEST_MAX;
}

/* The nth of the series that stand in the list: made ones as a whole, kept ones by their rows. */
static bool manifest_series(struct node *node, struct operation *operation, uint32_t number,
                            slice list)
{
    const struct entry *entry = &node->archive.entries[number];
    struct node_study room;
    const struct node_study *study = entry_study(node, entry, &room);
    uint32_t nth = entry_made(node, entry);
    for (uint32_t i = 0; entry->made && i < study->series_count; i++) {
        struct series_view view;
        entry_series_at(node, entry, i, &view);
        if (match_value(VR_UI, list, view.uid) &&
            !range_add(operation, number, image_series_first(study, i), view.count)) {
            return false;
        }
    }
    for (uint32_t at = entry->kept_first; at != NONE; at = node->archive.kept[at].next) {
        const struct kept *kept = &node->archive.kept[at];
        slice uid = texts_get(&node->archive.texts, node->archive.series[kept->series].uid);
        if (match_value(VR_UI, list, uid) && !range_add(operation, number, nth, kept->span)) {
            return false;
        }
        nth += kept->span;
    }
    return true;
}

static bool manifest_images(struct node *node, struct operation *operation, uint32_t number,
                            slice list, struct arena *scratch)
{
    uint32_t count = entry_instances(node, &node->archive.entries[number]);
    size_t used = scratch->used;
    uint8_t *bits = arena_alloc(scratch, count / 8 + 1);
    bool fits = bits != NULL;
    if (fits) {
        entry_mark(node, number, list, bits);
    }
    for (uint32_t i = 0; fits && i < count; i++) {
        fits = (bits[i / 8] >> i % 8 & 1) == 0 || range_add(operation, number, i, 1);
    }
    scratch->used = used;
    return fits;
}

static bool manifest_entry(struct node *node, struct operation *operation, uint32_t number, bool whole, struct arena *scratch)
{
    slice series = dataset_get(&operation->query, TAG_SeriesInstanceUID),
          sop = dataset_get(&operation->query, TAG_SOPInstanceUID);
    if (whole || operation->level < LEVEL_SERIES) {
        return range_add(operation, number, 0,
                         entry_instances(node, &node->archive.entries[number]));
    }
    return operation->level == LEVEL_SERIES
               ? manifest_series(node, operation, number, series)
               : manifest_images(node, operation, number, sop, scratch);
}

/* Does the study belong to what is asked for? PatientID as filed, in Patient Root at every level.
 */
static bool entry_is_meant(struct node *node, const struct operation *operation, uint32_t number, struct arena *scratch)
{
    const struct entry *entry = &node->archive.entries[number];
    slice patient = dataset_get(&operation->query, TAG_PatientID),
          study = dataset_get(&operation->query, TAG_StudyInstanceUID);
    char uid[UID_SIZE_MAX + 1];
    size_t used = scratch->used;
    bool fits = entry->present &&
                (operation->level < LEVEL_STUDY ||
                 match_value(VR_UI, study, entry_uid(node, entry, uid))) &&
                (!operation->patient_root || patient.size == 0 ||
                 slice_equal(patient, filed_patient_id(node, entry_patient_id(node, entry), scratch)));
    scratch->used = used;
    return fits;
}

static bool manifest_make(struct node *node, struct operation *operation, struct arena *scratch)
{
    slice list = dataset_get(&operation->query,
                             operation->level < LEVEL_STUDY ? TAG_PatientID : TAG_StudyInstanceUID);
    enum index index = operation->level < LEVEL_STUDY ? INDEX_PATIENT : INDEX_UID;
    bool whole = node_quirk(node, QUIRK_move_level_study_only) && operation->level > LEVEL_STUDY;
    operation->ranges = node_reserve(&operation->arena, RANGES_MAX, sizeof *operation->ranges);
    if (operation->ranges == NULL) {
        return false;
    }
    while (list.data != NULL) {
        slice value = slice_unpad(slice_cut(&list, '\\'));
        for (uint32_t at = archive_first(node, index, value, scratch); at != NONE;
             at = archive_next(node, index, at, value, scratch)) {
            if (entry_is_meant(node, operation, at, scratch) &&
                !manifest_entry(node, operation, at, whole, scratch)) {
                return false;
            }
        }
    }
    return true;
}

static bool lacks_keys(const struct operation *operation)
{
    static const uint32_t keys[] = {TAG_PatientID, TAG_StudyInstanceUID, TAG_SeriesInstanceUID,
                                    TAG_SOPInstanceUID};
    return dataset_get(&operation->query, keys[operation->level]).size == 0 ||
           (operation->level > LEVEL_STUDY &&
            dataset_get(&operation->query, TAG_StudyInstanceUID).size == 0);
}

uint16_t answer_move_check(struct node *node, struct out *out, struct operation *operation,
                           slice *comment)
{
    if (operation->kind == OPERATION_MOVE) {
        operation->peer = session_peer(node, operation->request.move_destination);
        if (fault_bends(node, out, BEND_wrong_ae, 'm')) {
            *comment = SLICE("move destination unknown");
            return STATUS_MOVE_DESTINATION_UNKNOWN;
        }
        if (operation->peer == NONE) {
            bool bent = node_quirk(node, QUIRK_move_destination_unknown);
            if (bent) {
                quirk_bites(node, out, operation, QUIRK_move_destination_unknown);
            }
            *comment = SLICE("move destination unknown");
            return bent ? (uint16_t)quirk_number(node, QUIRK_move_destination_unknown)
                        : STATUS_MOVE_DESTINATION_UNKNOWN;
        }
    }
    if (lacks_keys(operation)) {
        *comment = SLICE("the unique key of the level, and the study, are required");
        return STATUS_IDENTIFIER_MISMATCH;
    }
    if (!manifest_make(node, operation, out->arena)) {
        *comment = SLICE("too many instances in one move");
        return STATUS_OUT_OF_RESOURCES;
    }
    if (node_quirk(node, QUIRK_move_level_study_only) && operation->level > LEVEL_STUDY) {
        quirk_bites(node, out, operation, QUIRK_move_level_study_only);
    }
    return STATUS_SUCCESS;
}

/* ---- Answers. */
static uint32_t remaining(const struct operation *operation)
{
    return operation->total - operation->completed - operation->failed - operation->warned;
}

static void put_counters(struct node *node, struct out *out, struct operation *operation, struct dimse *response, bool final)
{
    if (node_quirk(node, QUIRK_move_counters_missing)) {
        quirk_bites(node, out, operation, QUIRK_move_counters_missing);
        return;
    }
    response->remaining = final && response->status != STATUS_CANCEL
                              ? DIMSE_COUNTER_ABSENT
                              : (int32_t)remaining(operation);
    bool wrong = (operation->bent >> BEND_wrong_count & 1) != 0;
    response->remaining = wrong && response->remaining > 0 ? 0 : response->remaining;
    response->completed = (int32_t)operation->completed + (wrong ? 1 : 0);
    response->failed = (int32_t)operation->failed;
    response->warning = (int32_t)operation->warned;
}

static void tell_pending(struct node *node, struct out *out, struct operation *operation)
{
    if (operation->channel == 0 || remaining(operation) == 0) {
        return;
    }
    if (node_quirk(node, QUIRK_move_no_pending)) {
        quirk_bites(node, out, operation, QUIRK_move_no_pending);
        return;
    }
    struct dimse response = dimse_response(&operation->request, STATUS_PENDING);
    put_counters(node, out, operation, &response, false);
    out_send_dimse(out, operation->channel, &response);
}

static uint16_t final_status(struct node *node, struct out *out, struct operation *operation)
{
    if (operation->cancelled) {
        return STATUS_CANCEL;
    }
    if (operation->failed == 0) {
        return STATUS_SUCCESS;
    }
    if (node_quirk(node, QUIRK_move_success_despite_failures)) {
        quirk_bites(node, out, operation, QUIRK_move_success_despite_failures);
        return STATUS_SUCCESS;
    }
    return operation->failed == operation->total ? STATUS_OUT_OF_RESOURCES_SUBOPERATIONS
                                                 : STATUS_SUBOPERATIONS_FAILED;
}

static void put_failed_uids(struct out *out, const struct operation *operation, struct dimse *response)
{
    if (operation->failed_uids.size == 0 || response->status == STATUS_SUCCESS) {
        return;
    }
    response->identifier = arena_alloc(out->arena, sizeof *response->identifier);
    if (response->identifier == NULL ||
        dataset_init(response->identifier, out->arena, 1) != ERR_OK ||
        dataset_put(response->identifier, TAG_FailedSOPInstanceUIDList, operation->failed_uids) !=
            ERR_OK) {
        out->full = true;
    }
}

void answer_move_final(struct node *node, struct out *out, struct operation *operation)
{
    struct channel *channel = session_find(node, operation->channel);
    struct dimse response = dimse_response(&operation->request, final_status(node, out, operation));
    bool silent = operation->channel != 0 && (operation->bent >> BEND_never_final & 1) != 0;
    put_counters(node, out, operation, &response, true);
    put_failed_uids(out, operation, &response);
    bool aborts = operation->channel != 0 && (operation->bent >> BEND_abort_mid_pdu & 1) != 0;
    if (aborts) {
        session_abort(node, out, operation->channel);
    } else if (operation->channel != 0 && !silent) {
        out_send_dimse(out, operation->channel, &response);
    }
    struct observation *seen = out_observe(out, OBSERVATION_move_answered, node->now);
    seen->peer = channel == NULL ? SLICE_EMPTY : slice_from(channel->calling);
    seen->study_uid = dataset_get(&operation->query, TAG_StudyInstanceUID);
    seen->number = response.status;
    seen->count = operation->completed;
    seen->text = silent || aborts ? SLICE("never told: fault") : bits_text(operation->bits, out);
    if (silent) {
        operation->state = STATE_SILENT;
        operation->store_channel = 0;
    } else {
        operation_free(node, operation);
    }
}

/* ---- Failures. */
static void fail_one(struct node *node, struct operation *operation, struct instance instance)
{
    struct instance_view view;
    operation->failed++;
    if (operation->failed_uids.data != NULL && operation->failed_uids.size + UID_SIZE_MAX + 1 >= FAILED_UIDS_SIZE) {
        return; /* the list is as long as it may get */
    }
    instance_look(node, instance, &view);
    if (operation->failed_uids.data == NULL) {
        operation->failed_uids = (slice){arena_alloc(&operation->arena, FAILED_UIDS_SIZE), 0};
    }
    size_t size = operation->failed_uids.size;
    if (operation->failed_uids.data != NULL && size + view.sop_uid.size + 1 < FAILED_UIDS_SIZE) {
        struct buffer list = buffer_over((char *)operation->failed_uids.data, FAILED_UIDS_SIZE);
        list.size = size;
        buffer_put_text(&list, size > 0 ? "\\" : "");
        buffer_put(&list, view.sop_uid);
        operation->failed_uids = buffer_slice(&list);
    }
}

/* The next instance of the manifest, and how many alike from it on, `most` at most; 0 at its end. */
static uint32_t manifest_next(struct node *node, struct operation *operation, uint32_t most,
                              struct instance *instance)
{
    while (operation->range < operation->range_count) {
        const struct range *range = &operation->ranges[operation->range];
        if (operation->range_at < range->count) {
            uint32_t rest = range->count - operation->range_at;
            *instance = entry_instance_at(node, range->entry, range->first + operation->range_at);
            uint32_t span = instance_span(node, *instance, rest < most ? rest : most);
            operation->range_at += span;
            return span;
        }
        operation->range++;
        operation->range_at = 0;
    }
    return 0;
}

static void fail_span(struct node *node, struct operation *operation, struct instance instance, uint32_t span)
{
    for (uint32_t i = 0; i < span; i++) {
        struct instance one = instance;
        *(instance.kept ? &one.offset : &one.number) += i;
        fail_one(node, operation, one);
    }
}

/* Everything not sent yet fails: the destination is out of reach. */
static void fail_rest(struct node *node, struct operation *operation)
{
    struct instance instance;
    while (manifest_next(node, operation, 1, &instance) > 0) {
        fail_one(node, operation, instance);
    }
    operation->failed += operation->in_flight;
    operation->in_flight = 0;
}

/* ---- The store association. */
static bool class_is_listed(const struct contexts *contexts, slice sop_class, slice syntax)
{
    for (size_t i = 0; i < contexts->count; i++) {
        const struct context *context = &contexts->list[i];
        if (slice_equal(context->abstract_syntax, sop_class) &&
            slice_equal(context->transfer_syntaxes[0], syntax)) {
            return true;
        }
    }
    return false;
}

static void propose(struct contexts *contexts, slice sop_class, slice first, slice second)
{
    if (contexts->count == CONTEXTS_MAX || class_is_listed(contexts, sop_class, first)) {
        return;
    }
    struct context *context = &contexts->list[contexts->count++];
    *context = (struct context){.abstract_syntax = sop_class, .accepted_syntax = SLICE_EMPTY};
    context->transfer_syntaxes[context->syntax_count++] = first;
    if (second.size > 0) {
        context->transfer_syntaxes[context->syntax_count++] = second;
    }
}

/* An association for each image? */
static bool splits(const struct node *node, const struct operation *operation)
{
    return operation->kind == OPERATION_MOVE && node_quirk(node, QUIRK_move_sub_association_splitting);
}

/* One context for each class, and for each syntax an imported object stands in. */
static bool propose_all(struct node *node, struct operation *operation, struct contexts *contexts, struct arena *arena)
{
    uint32_t most = splits(node, operation) ? 1 : UINT32_MAX;
    struct operation cursor = *operation; /* what is looked at here is still to send */
    struct instance instance;
    contexts->list = arena_array(arena, most == 1 ? 2 : CONTEXTS_MAX, sizeof *contexts->list); /* each instance adds two at most */
    for (; contexts->list != NULL && most > 0 && manifest_next(node, &cursor, UINT32_MAX, &instance) > 0; most--) {
        struct instance_view view;
        struct object object = {.transfer_syntax = SLICE_EMPTY};
        instance_look(node, instance, &view);
        if (instance.kept && !kept_object(node, instance.number, 0, 1, &object, arena)) {
            return false;
        }
        if (object.transfer_syntax.size > 0 && uid_is_encapsulated(object.transfer_syntax)) {
            propose(contexts, view.sop_class, object.transfer_syntax, SLICE_EMPTY);
        }
        propose(contexts, view.sop_class, UID_EXPLICIT_LITTLE, UID_IMPLICIT_LITTLE);
    }
    return contexts->list != NULL && contexts->count > 0;
}

/* Of how many images the next association is: where there are spans one stands for that of each of those that would ask for the
 * same. A fault's instance begins one of its own. */
static uint32_t store_span(struct node *node, const struct operation *operation)
{
    struct operation cursor = *operation;
    struct instance instance;
    struct instance_view first = {.sop_class = SLICE_EMPTY}, view;
    const struct faults *faults = &node->faults;
    uint32_t most = node->setup->run_max > 0 || !node->setup->spans ? 1 : RUN_INSTANCES_MAX, sum = 0, span;
    if (faults->hold && operation->sent + 1 <= faults->hold_nth) {
        uint32_t before = faults->hold_nth - 1 - operation->sent;
        most = before < 1 ? 1 : before < most ? before : most;
    }
    bool goes_on = splits(node, operation);
    for (uint32_t i = 0; goes_on && i < RUN_MAX && sum < most && (span = manifest_next(node, &cursor, most - sum, &instance)) > 0; i++) {
        instance_look(node, instance, i == 0 ? &first : &view);
        bool fits = i == 0 || (!instance.kept && slice_equal(view.sop_class, first.sop_class));
        goes_on = fits && !instance.kept; /* a kept one may stand in a syntax of its own */
        sum += fits ? span : 0;
    }
    return sum > 0 ? sum : 1;
}

static void open_store(struct node *node, struct out *out, struct operation *operation)
{
    struct contexts contexts = {0};
    uint32_t owner = (uint32_t)(operation - node->operations);
    struct channel *channel = NULL;
    operation->store_span = store_span(node, operation);
    if (propose_all(node, operation, &contexts, out->arena)) {
        channel = session_open(node, out, operation->peer, node->setup->aet, &contexts, operation->store_span, PURPOSE_STORE, owner);
    }
    if (channel == NULL) {
        fail_rest(node, operation);
        operation->state = STATE_READY;
        return;
    }
    operation->store_channel = channel->number;
    operation->state = STATE_OPENING;
}

/* ---- The beginning. */
static bool ends_empty(struct node *node, struct out *out, struct operation *operation)
{
    if (!node_quirk(node, QUIRK_move_success_zero_subops) || operation->total == 0) {
        return false;
    }
    struct entry *entry = &node->archive.entries[operation->ranges[0].entry];
    if (entry->zero_moves >= quirk_number(node, QUIRK_move_success_zero_subops)) {
        return false;
    }
    entry->zero_moves++;
    quirk_bites(node, out, operation, QUIRK_move_success_zero_subops);
    return true;
}

void answer_move_begin(struct node *node, struct out *out, struct operation *operation)
{
    bool empty = ends_empty(node, out, operation);
    operation->bent = fault_bends_of(node, out, 'm');
    if (empty) {
        operation->total = 0;
        operation->range_count = 0;
    }
    if (operation->total > 0 && (operation->bent >> BEND_success_but_missing & 1) != 0) {
        struct range *last = &operation->ranges[operation->range_count - 1];
        operation->skipped = 1; /* counted as sent, but left out */
        last->count--;
    }
    operation->state = STATE_READY;
    if (operation->kind == OPERATION_MOVE && operation->total > operation->skipped) {
        open_store(node, out, operation);
    } else if (operation->kind == OPERATION_GET) {
        operation->store_channel = operation->channel;
    }
}

/* ---- Sending. */
static bool object_prepare(struct node *node, struct out *out, const struct channel *channel,
                           struct instance instance, uint32_t span, struct object *object,
                           uint8_t *context_id)
{
    if (!instance_object(node, instance, span, object, out->arena)) {
        return false;
    }
    const struct context *context =
        contexts_find(&channel->contexts, object->sop_class_uid, object->transfer_syntax);
    if (context == NULL) {
        return false;
    }
    object->transfer_syntax = context->accepted_syntax;
    *context_id = context->id;
    return true;
}

static void put_store(struct node *node, struct out *out, struct operation *operation,
                      const struct object *object, struct message *message)
{
    bool missing = node_quirk(node, QUIRK_move_originator_missing_or_wrong);
    struct channel *requestor = session_find(node, operation->channel);
    const struct dimse request = {.kind = DIMSE_C_STORE_RQ,
                                  .message_id = (uint16_t)(operation->sent + 1),
                                  .sop_class_uid = object->sop_class_uid,
                                  .sop_instance_uid = object->sop_instance_uid,
                                  .move_destination = SLICE_EMPTY,
                                  .move_originator = SLICE_EMPTY,
                                  .error_comment = SLICE_EMPTY,
                                  .priority = operation->request.priority,
                                  .object = *object,
                                  .remaining = DIMSE_COUNTER_ABSENT,
                                  .completed = DIMSE_COUNTER_ABSENT,
                                  .failed = DIMSE_COUNTER_ABSENT,
                                  .warning = DIMSE_COUNTER_ABSENT};
    session_say(message, &request);
    operation->sent += span_count(object->span);
    if (operation->kind == OPERATION_MOVE && missing) {
        quirk_bites(node, out, operation, QUIRK_move_originator_missing_or_wrong);
    } else if (operation->kind == OPERATION_MOVE && requestor != NULL) {
        message->dimse.move_originator = slice_from(requestor->calling);
        message->dimse.move_originator_id = operation->request.message_id;
    }
}

/* Stops before the instance that a `hold` names? */
static bool is_held(struct node *node, struct out *out, struct operation *operation)
{
    struct faults *faults = &node->faults;
    if (!faults->hold || faults->holding || operation->sent + 1 != faults->hold_nth ||
        operation->in_flight > 0) {
        return false;
    }
    faults->hold = false;
    faults->holding = true;
    operation->state = STATE_HELD;
    struct observation *seen = out_observe(out, OBSERVATION_held, node->now);
    seen->text = SLICE("store");
    seen->count = faults->hold_nth;
    seen->number = operation->store_channel;
    seen->study_uid = dataset_get(&operation->query, TAG_StudyInstanceUID);
    return true;
}

/* How many may go in this run: a hold cuts it before its instance. */
static uint32_t run_room(const struct node *node, const struct operation *operation)
{
    uint32_t most = node_run_instances(node);
    if (splits(node, operation)) {
        most = operation->store_span;
    }
    const struct faults *faults = &node->faults;
    if (faults->hold && operation->sent + 1 < faults->hold_nth &&
        faults->hold_nth - 1 - operation->sent < most) {
        most = faults->hold_nth - 1 - operation->sent;
    }
    return most;
}

static void send_next(struct node *node, struct out *out, struct operation *operation)
{
    struct channel *channel = session_find(node, operation->store_channel);
    uint32_t sent = 0, span, room = run_room(node, operation);
    size_t count = 0, most = room < RUN_MAX ? room : RUN_MAX;
    struct message *messages = node_reserve(out->arena, most, sizeof *messages);
    struct instance instance;
    assert(channel != NULL);
    out->full = out->full || messages == NULL;
    while (messages != NULL && count < most && sent < room &&
           (span = manifest_next(node, operation, room - sent, &instance)) > 0) {
        struct object object;
        uint8_t context_id = 0;
        if (object_prepare(node, out, channel, instance, span, &object, &context_id)) {
            put_store(node, out, operation, &object, &messages[count]);
            messages[count++].dimse.context_id = context_id;
            sent += span;
        } else {
            fail_span(node, operation, instance, span);
        }
    }
    if (count > 0) {
        session_send(out, channel->number, messages, count);
        operation->in_flight = sent;
        operation->state = STATE_STORING;
    }
}

static bool is_exhausted(const struct operation *operation)
{
    return operation->completed + operation->failed + operation->warned + operation->in_flight +
               operation->skipped >=
           operation->total;
}

static void finish(struct node *node, struct out *out, struct operation *operation)
{
    if (operation->kind == OPERATION_MOVE && operation->store_channel != 0) {
        session_close(node, out, operation->store_channel);
    }
    operation->completed += operation->skipped;
    operation->skipped = 0;
    if (operation->total > RUN_MAX && node_quirk(node, QUIRK_move_no_pending)) {
        quirk_bites(node, out, operation, QUIRK_move_no_pending); /* a longer run does not hide what it keeps back */
    }
    answer_move_final(node, out, operation);
}

void answer_move_advance(struct node *node, struct out *out, struct operation *operation)
{
    bool over = operation->cancelled && operation->state == STATE_HELD && operation->channel == 0;
    if (operation->state == STATE_CLOSING && operation->ready_ns <= node->now) {
        open_store(node, out, operation);
    }
    while (operation->state == STATE_READY || over) {
        if (operation->cancelled || is_exhausted(operation)) {
            finish(node, out, operation);
            return;
        }
        if (is_held(node, out, operation)) {
            return;
        }
        send_next(node, out, operation);
    }
}

/* ---- What the store association tells. */
static struct operation *owner_of(struct node *node, const struct channel *channel)
{
    if (channel->owner == NONE) {
        return NULL;
    }
    struct operation *operation = &node->operations[channel->owner];
    return operation->kind != OPERATION_FREE && operation->store_channel == channel->number
               ? operation
               : NULL;
}

void answer_move_opened(struct node *node, struct out *out, struct channel *channel)
{
    struct operation *operation = owner_of(node, channel);
    if (operation == NULL) {
        session_close(node, out, channel->number);
        return;
    }
    operation->attempts = 0;
    operation->state = STATE_READY;
}

void answer_move_refused(struct node *node, struct out *out, struct channel *channel,
                         const struct event *event)
{
    (void)out;
    struct operation *operation = owner_of(node, channel);
    if (operation == NULL) {
        return;
    }
    operation->store_channel = 0;
    if (event->refusal == REFUSAL_TRANSIENT && ++operation->attempts < OPEN_ATTEMPTS) {
        operation->state = STATE_CLOSING;
        operation->ready_ns = node->now + OPEN_RETRY_NS;
        return;
    }
    fail_rest(node, operation);
    operation->state = STATE_READY;
}

static struct operation *get_of_channel(struct node *node, int64_t channel)
{
    for (uint32_t i = 0; i < node->active_count; i++) {
        struct operation *operation = &node->operations[node->active[i]];
        if (operation->store_channel == channel && operation->in_flight > 0) {
            return operation;
        }
    }
    return NULL;
}

/* Responses to our C-STORE requests, in their order. */
void answer_move_stored(struct node *node, struct out *out, const struct event *event)
{
    struct operation *operation = get_of_channel(node, event->channel);
    struct channel *channel = session_find(node, event->channel);
    if (operation == NULL || channel == NULL) {
        return;
    }
    for (size_t i = 0; i < event->run.count && operation->in_flight > 0; i++) {
        const struct dimse *response = &event->run.messages[i].dimse;
        uint32_t answered = dimse_instances(response);
        answered = answered < operation->in_flight ? answered : operation->in_flight;
        operation->in_flight -= answered;
        *(response->status == STATUS_SUCCESS          ? &operation->completed
          : status_is_warning(response->status) ? &operation->warned
                                                : &operation->failed) += answered;
    }
    if (operation->in_flight > 0) {
        return;
    }
    tell_pending(node, out, operation);
    operation->state = STATE_READY;
    if (splits(node, operation) && !operation->cancelled && !is_exhausted(operation)) {
        quirk_bites(node, out, operation, QUIRK_move_sub_association_splitting);
        session_close(node, out, operation->store_channel);
        operation->store_channel = 0;
        open_store(node, out, operation);
    }
}

void answer_move_lost(struct node *node, struct out *out, struct channel *channel)
{
    (void)out;
    struct operation *operation = owner_of(node, channel);
    if (operation == NULL) {
        return;
    }
    if (operation->state == STATE_HELD) {
        node->faults.holding = false;
    }
    operation->store_channel = 0;
    fail_rest(node, operation);
    operation->state = STATE_READY;
}
