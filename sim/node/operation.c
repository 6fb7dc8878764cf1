/* SPDX-License-Identifier: MIT
 *
 * Operation: one C-FIND, C-MOVE or C-GET from its request to its final answer. Here: taking it,
 * whose turn it is, delays, cancel and loss; what it does is in answer_find.c and answer_move.c. */
#include "sim/node/node_private.h"

#include "src/dicom/charset.h"

size_t node_run_max(const struct node *node)
{
    return node->setup->run_max == 0 || node->setup->run_max > RUN_MAX ? RUN_MAX
                                                                       : node->setup->run_max;
}

uint32_t node_run_instances(const struct node *node)
{
    return node->setup->run_max == 0 && node->setup->spans ? RUN_INSTANCES_MAX
                                                           : (uint32_t)node_run_max(node);
}

static struct operation *operation_take(struct node *node)
{
    for (uint16_t i = 0; i < OPERATIONS_MAX; i++) {
        struct operation *operation = &node->operations[i];
        if (operation->kind == OPERATION_FREE) {
            struct arena arena = operation->arena;
            arena_reset(&arena);
            *operation = (struct operation){
                .arena = arena, .id = ++node->operation_last, .next = NONE, .peer = NONE};
            node->active[node->active_count++] = i;
            return operation;
        }
    }
    return NULL;
}

void operation_free(struct node *node, struct operation *operation)
{
    uint16_t index = (uint16_t)(operation - node->operations);
    for (uint32_t i = 0; i < node->active_count; i++) {
        if (node->active[i] == index) {
            node->active_count--;
            memmove(node->active + i, node->active + i + 1,
                    (node->active_count - i) * sizeof node->active[0]);
            break;
        }
    }
    operation->kind = OPERATION_FREE;
}

/* ---- Quirks that bit. */
void quirk_bites(struct node *node, struct out *out, struct operation *operation, enum quirk quirk)
{
    uint64_t bit = (uint64_t)1 << quirk;
    if (operation != NULL && (operation->bits & bit) != 0) {
        return;
    }
    struct observation *seen = out_observe(out, OBSERVATION_quirk_bit, node->now);
    seen->text = slice_from(quirk_row(quirk)->name);
    if (operation != NULL) {
        struct channel *channel = session_find(node, operation->channel);
        operation->bits |= bit;
        seen->peer = channel == NULL ? SLICE_EMPTY : slice_from(channel->calling);
    }
}

slice bits_text(uint64_t bits, struct out *out)
{
    struct buffer text = buffer_make(out->arena, 1024);
    for (int i = 0; bits != 0 && i < QUIRK_COUNT; i++) {
        if ((bits >> i & 1) != 0) {
            buffer_put_text(&text, text.size > 0 ? " " : "");
            buffer_put_text(&text, quirk_row((enum quirk)i)->name);
        }
    }
    return buffer_slice(&text);
}

/* ---- The request. */
static bool is_text(uint16_t vr)
{
    return vr == VR_PN || vr == VR_LO || vr == VR_SH || vr == VR_LT || vr == VR_ST || vr == VR_UT;
}

/* Text to UTF-8; what is not in the named set stays as it is and matches nothing. */
static enum err query_read(struct operation *operation, const struct dataset *identifier)
{
    if (dataset_copy(&operation->query, identifier, &operation->arena, 0) != ERR_OK) {
        return ERR_LIMIT;
    }
    operation->charset = dataset_get(&operation->query, TAG_SpecificCharacterSet);
    for (uint32_t i = 0; i < operation->query.count; i++) {
        struct element *element = &operation->query.elements[i];
        slice utf8 = element->value;
        if (is_text(element->vr) && charset_decode(&utf8, element->value, operation->charset,
                                                   &operation->arena) == ERR_OK) {
            element->value = utf8;
        }
    }
    return ERR_OK;
}

slice operation_text(const struct operation *operation, struct arena *arena)
{
    static const char *const levels[] = {"PATIENT", "STUDY", "SERIES", "IMAGE"};
    struct buffer text = buffer_make(arena, 512);
    buffer_put_text(&text, levels[operation->level]);
    for (uint32_t i = 0; i < operation->query.count; i++) {
        const struct element *element = &operation->query.elements[i];
        slice value = slice_unpad(element->value);
        bool key = element->tag != TAG_QueryRetrieveLevel &&
                   element->tag != TAG_SpecificCharacterSet && value.size > 0 &&
                   element->items == NULL;
        if (key && text.size + value.size + 48 < text.capacity) {
            buffer_put_text(&text, " ");
            buffer_put_text(&text, tag_keyword(element->tag));
            buffer_put_text(&text, "=");
            buffer_put(&text, value);
        }
    }
    return buffer_slice(&text);
}

static bool level_read(slice text, enum level *level)
{
    static const char *const names[] = {"PATIENT", "STUDY", "SERIES", "IMAGE"};
    for (int i = 0; i < 4; i++) {
        if (slice_equal(text, slice_from(names[i]))) {
            *level = (enum level)i;
            return true;
        }
    }
    return false;
}

static bool is_patient_root(slice sop_class)
{
    return slice_equal(sop_class, UID_PATIENT_ROOT_FIND) ||
           slice_equal(sop_class, UID_PATIENT_ROOT_MOVE) ||
           slice_equal(sop_class, UID_PATIENT_ROOT_GET);
}

static bool is_query_class(enum operation_kind kind, slice sop_class)
{
    const slice classes[][2] = {[OPERATION_FIND] = {UID_PATIENT_ROOT_FIND, UID_STUDY_ROOT_FIND},
                                [OPERATION_MOVE] = {UID_PATIENT_ROOT_MOVE, UID_STUDY_ROOT_MOVE},
                                [OPERATION_GET] = {UID_PATIENT_ROOT_GET, UID_STUDY_ROOT_GET}};
    return slice_equal(sop_class, classes[kind][0]) || slice_equal(sop_class, classes[kind][1]);
}

static void refuse(struct node *node, struct out *out, const struct event *event,
                   const struct dimse *request, uint16_t status, slice comment)
{
    struct dimse response = dimse_response(request, status);
    response.error_comment = comment;
    out_send_dimse(out, event->channel, &response);
    bool find = request->kind == DIMSE_C_FIND_RQ;
    struct observation *seen =
        out_observe(out, find ? OBSERVATION_find_answered : OBSERVATION_move_answered, node->now);
    struct channel *channel = session_find(node, event->channel);
    seen->peer = channel == NULL ? SLICE_EMPTY : slice_from(channel->calling);
    seen->number = status;
    seen->study_uid =
        request->identifier == NULL
            ? SLICE_EMPTY
            : session_copy(out, dataset_get(request->identifier, TAG_StudyInstanceUID));
}

static uint16_t request_check(struct node *node, struct out *out, struct operation *operation,
                              const struct dimse *request, slice *comment)
{
    slice sop_class = slice_unpad(request->sop_class_uid);
    if (!is_query_class(operation->kind, sop_class)) {
        *comment = SLICE("not a class of this service");
        return STATUS_SOP_CLASS_NOT_SUPPORTED;
    }
    operation->patient_root = is_patient_root(sop_class);
    if (request->identifier == NULL ||
        !level_read(dataset_get(request->identifier, TAG_QueryRetrieveLevel), &operation->level)) {
        *comment = SLICE("QueryRetrieveLevel is missing or unknown");
        return STATUS_IDENTIFIER_MISMATCH;
    }
    if (!operation->patient_root && operation->level == LEVEL_PATIENT) {
        *comment = SLICE("Study Root has no PATIENT level");
        return STATUS_IDENTIFIER_MISMATCH;
    }
    if (query_read(operation, request->identifier) != ERR_OK) {
        *comment = SLICE("the identifier is too large");
        return STATUS_OUT_OF_RESOURCES;
    }
    return operation->kind == OPERATION_FIND ? answer_find_check(node, out, operation, comment)
                                             : answer_move_check(node, out, operation, comment);
}

static void observe_received(struct node *node, struct out *out, const struct operation *operation,
                             const struct channel *channel)
{
    bool find = operation->kind == OPERATION_FIND;
    struct observation *seen =
        out_observe(out, find ? OBSERVATION_find_received : OBSERVATION_move_received, node->now);
    seen->peer = slice_from(channel->calling);
    seen->number = operation->request.message_id;
    seen->study_uid = session_copy(out, dataset_get(&operation->query, TAG_StudyInstanceUID));
    seen->text = find ? operation_text(operation, out->arena)
                      : session_copy(out, operation->request.move_destination);
}

static bool keep_request(struct operation *operation, const struct dimse *request)
{
    operation->request = *request;
    operation->request.identifier = NULL;
    operation->request.object = (struct object){0};
    slice *texts[] = {&operation->request.sop_class_uid, &operation->request.move_destination};
    for (size_t i = 0; i < 2; i++) {
        *texts[i] = arena_copy(&operation->arena, slice_unpad(*texts[i]));
        if (texts[i]->data == NULL) {
            return false;
        }
    }
    return true;
}

void operation_start(struct node *node, const struct event *event, const struct dimse *request,
                     struct out *out)
{
    struct channel *channel = session_find(node, event->channel);
    struct operation *operation = operation_take(node);
    if (operation == NULL) {
        refuse(node, out, event, request, STATUS_OUT_OF_RESOURCES,
               SLICE("too many operations at once"));
        return;
    }
    slice comment = SLICE_EMPTY;
    operation->kind = request->kind == DIMSE_C_FIND_RQ   ? OPERATION_FIND
                      : request->kind == DIMSE_C_MOVE_RQ ? OPERATION_MOVE
                                                         : OPERATION_GET;
    operation->channel = event->channel;
    uint16_t status = keep_request(operation, request)
                          ? request_check(node, out, operation, request, &comment)
                          : STATUS_OUT_OF_RESOURCES;
    observe_received(node, out, operation, channel);
    if (status != STATUS_SUCCESS) {
        operation_free(node, operation);
        refuse(node, out, event, request, status, comment);
        return;
    }
    operation->state = STATE_WAITING;
    operation->ready_ns = node->now + node->faults.slow_ns;
    if (operation->kind != OPERATION_FIND && node_quirk(node, QUIRK_move_nearline_delay)) {
        operation->ready_ns += quirk_number(node, QUIRK_move_nearline_delay) * TIME_MS;
        quirk_bites(node, out, operation, QUIRK_move_nearline_delay);
    }
}

void operation_cancel(struct node *node, int64_t channel, uint16_t message_id)
{
    for (uint32_t i = 0; i < node->active_count; i++) {
        struct operation *operation = &node->operations[node->active[i]];
        bool meant = operation->channel == channel &&
                     operation->request.message_id == message_id;
        operation->cancelled = operation->cancelled || meant;
    }
}

void operation_room(struct node *node, int64_t channel)
{
    for (uint32_t i = 0; i < node->active_count; i++) {
        struct operation *operation = &node->operations[node->active[i]];
        if (operation->kind == OPERATION_FIND && operation->channel == channel &&
            operation->state == STATE_ROOM) {
            operation->state = STATE_TELLING;
        }
    }
}

/* The requestor is gone: nobody waits for an answer, and what is still to send is not sent. */
void operations_closed(struct node *node, int64_t channel)
{
    for (uint32_t i = 0; i < node->active_count; i++) {
        struct operation *operation = &node->operations[node->active[i]];
        if (operation->channel == channel) {
            operation->cancelled = true;
            operation->channel = 0;
            operation->state = operation->store_channel == 0 || operation->kind == OPERATION_GET
                                   ? STATE_SILENT
                                   : operation->state;
        }
    }
}

/* ---- Whose turn. */
static bool is_active(const struct operation *operation)
{
    return operation->kind != OPERATION_FREE && operation->state != STATE_WAITING &&
           operation->state != STATE_SILENT;
}

static bool is_earlier(const struct operation *a, const struct operation *b)
{
    return a->kind != OPERATION_FREE && a->state == STATE_WAITING && a->id < b->id;
}

/* The oldest goes first; `limit` may be active at once, of one destination where `per_peer`. */
static bool is_over(const struct node *node, const struct operation *operation, int64_t limit,
                    bool per_peer)
{
    int64_t before = 0;
    for (uint32_t i = 0; i < node->active_count; i++) {
        const struct operation *other = &node->operations[node->active[i]];
        bool counts =
            other != operation &&
            (!per_peer || (other->kind == OPERATION_MOVE && other->peer == operation->peer));
        before += counts && (is_active(other) || is_earlier(other, operation));
    }
    return before >= limit;
}

/* Associations to a destination that are not closed yet, those that are being released included. */
static int64_t open_to(const struct node *node, uint32_t peer)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < node->in_use_count; i++) {
        const struct channel *channel = &node->channels[node->in_use[i]];
        count += channel->purpose == PURPOSE_STORE &&
                 slice_equal(slice_from(channel->called), node->setup->peers[peer].aet);
    }
    return count;
}

static bool may_begin(struct node *node, struct out *out, struct operation *operation)
{
    bool find = operation->kind == OPERATION_FIND;
    if (operation->ready_ns > node->now ||
        node->faults.pause || (find ? node->faults.hang_find : node->faults.hang_move)) {
        return false;
    }
    if (node_quirk(node, QUIRK_perf_single_worker) && is_over(node, operation, 1, false)) {
        quirk_bites(node, out, operation, QUIRK_perf_single_worker);
        return false;
    }
    int64_t limit = quirk_number(node, QUIRK_assoc_serial_per_ae);
    bool queues =
        operation->kind == OPERATION_MOVE && node_quirk(node, QUIRK_assoc_serial_per_ae) &&
        (is_over(node, operation, limit, true) || open_to(node, operation->peer) >= limit);
    if (queues) {
        quirk_bites(node, out, operation, QUIRK_assoc_serial_per_ae);
    }
    return !queues;
}

static void operation_advance(struct node *node, struct out *out, struct operation *operation)
{
    if (operation->state == STATE_SILENT && operation->channel == 0) {
        operation_free(node, operation);
        return;
    }
    if (operation->state == STATE_WAITING && operation->cancelled) {
        operation->state = operation->kind == OPERATION_FIND ? STATE_TELLING : STATE_READY;
    } else if (operation->state == STATE_WAITING && may_begin(node, out, operation)) {
        if (operation->kind == OPERATION_FIND) {
            answer_find_begin(node, out, operation);
        } else {
            answer_move_begin(node, out, operation);
        }
    }
    if (operation->kind == OPERATION_FIND && operation->state == STATE_TELLING) {
        answer_find_tell(node, out, operation);
    } else if (operation->kind == OPERATION_MOVE || operation->kind == OPERATION_GET) {
        answer_move_advance(node, out, operation);
    }
}

/* In the order in which they came; the next is sought by its number, because one that ends lets
 * the others move up. */
void operations_advance(struct node *node, struct out *out)
{
    int64_t done = 0;
    for (uint32_t i = 0; i < node->active_count;) {
        struct operation *operation = &node->operations[node->active[i]];
        if (operation->id <= done) {
            i++;
            continue;
        }
        done = operation->id;
        operation_advance(node, out, operation);
        i = 0;
    }
}

time_ns operations_due(const struct node *node)
{
    time_ns due = TIME_NEVER;
    for (uint32_t i = 0; i < node->active_count; i++) {
        const struct operation *operation = &node->operations[node->active[i]];
        time_ns at = TIME_NEVER;
        if (operation->state == STATE_TELLING) {
            at = node->now;
        } else if ((operation->state == STATE_WAITING || operation->state == STATE_CLOSING) &&
                   operation->ready_ns > node->now) {
            at = operation->ready_ns;
        }
        due = at < due ? at : due;
    }
    return due;
}
