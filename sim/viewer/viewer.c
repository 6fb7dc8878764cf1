/* SPDX-License-Identifier: MIT
 *
 * Viewer: dispatch, what it is told to do, and the sink. Requests are in request.c, the watcher in
 * watch.c. */
#include "sim/viewer/viewer_private.h"

size_t viewer_memory(const struct viewer_setup *setup)
{
    size_t watches = setup->watches_max == 0 ? WATCHES_DEFAULT : setup->watches_max;
    return sizeof(struct viewer) + REQUESTS_MAX * (sizeof(struct request) + REQUEST_BYTES + 16) +
           watches * (sizeof(struct watch) + 2 * sizeof(uint32_t) + WATCH_BYTES) + 4096;
}

enum err viewer_init(struct viewer **out, const struct viewer_setup *setup, struct arena *arena)
{
    struct viewer *viewer = arena_alloc(arena, sizeof *viewer);
    if (viewer == NULL) {
        return ERR_LIMIT;
    }
    viewer->setup = *setup;
    viewer->channel_last = -1;
    viewer->watches_max = setup->watches_max == 0 ? WATCHES_DEFAULT : setup->watches_max;
    viewer->requests = arena_array(arena, REQUESTS_MAX, sizeof *viewer->requests);
    viewer->watches = arena_array(arena, viewer->watches_max, sizeof *viewer->watches);
    viewer->live = arena_array(arena, viewer->watches_max, sizeof *viewer->live);
    viewer->heap = arena_array(arena, viewer->watches_max, sizeof *viewer->heap);
    viewer->watch_text = arena_array(arena, viewer->watches_max, WATCH_BYTES);
    bool made = viewer->requests != NULL && viewer->watches != NULL && viewer->live != NULL &&
                viewer->heap != NULL && viewer->watch_text != NULL;
    enum err err = made ? ERR_OK : ERR_LIMIT;
    for (uint32_t i = 0; err == ERR_OK && i < REQUESTS_MAX; i++) {
        err = arena_carve(&viewer->requests[i].arena, arena, REQUEST_BYTES);
    }
    *out = viewer;
    return err;
}

slice viewer_copy(struct out *out, slice text)
{
    slice copy = text.size == 0 ? SLICE_EMPTY : arena_copy(out->arena, text);
    out->full = out->full || copy.data == NULL;
    return copy.data == NULL ? SLICE_EMPTY : copy;
}

size_t viewer_open_count(const struct viewer *viewer)
{
    size_t count = 0;
    for (uint32_t i = 0; i < viewer->request_bound; i++) {
        count +=
            viewer->requests[i].kind != REQUEST_FREE && viewer->requests[i].kind != REQUEST_WATCH;
    }
    return count + viewer->live_count;
}

/* ---- The sink: takes what it is sent, and answers an echo. */
static bool takes(slice abstract, slice syntax)
{
    bool native = slice_equal(syntax, UID_IMPLICIT_LITTLE) ||
                  slice_equal(syntax, UID_EXPLICIT_LITTLE) || slice_equal(syntax, UID_EXPLICIT_BIG);
    bool packed =
        slice_starts(syntax, SLICE("1.2.840.10008.1.2.4.")) || slice_equal(syntax, UID_RLE);
    return slice_equal(abstract, UID_VERIFICATION) ? native
                                                   : uid_is_storage(abstract) && (native || packed);
}

static void asked(struct viewer *viewer, const struct event *event, struct out *out)
{
    struct observation *seen = out_observe(out, OBSERVATION_asked, viewer->now);
    seen->peer = viewer_copy(out, event->calling);
    seen->text = viewer_copy(out, event->called);
    seen->flag = !viewer->down && !viewer->rejects;
    if (viewer->down || viewer->rejects) {
        bool permanent = viewer->rejects && viewer->reject_result == 1;
        struct command *command = out_command(out, COMMAND_REJECT);
        command->channel = event->channel;
        command->reject_result = permanent ? 1 : 2; /* transient, presentation, temporary congestion: PS3.8 9.3.4 */
        command->reject_source = permanent ? 1 : 3; /* permanent: by the user, no reason given */
        command->reject_reason = 1;
        return;
    }
    struct command *command = out_command(out, COMMAND_ACCEPT);
    struct context *list = arena_array(out->arena, event->contexts.count, sizeof *list);
    command->channel = event->channel;
    command->accept = ACCEPT_SERVE;
    command->contexts = (struct contexts){list, list == NULL ? 0 : event->contexts.count};
    for (size_t i = 0; i < command->contexts.count; i++) {
        const struct context *from = &event->contexts.list[i];
        list[i] = *from;
        list[i].abstract_syntax = viewer_copy(out, slice_unpad(from->abstract_syntax));
        list[i].result = CONTEXT_SYNTAX_UNKNOWN;
        list[i].accepted_syntax = SLICE_EMPTY;
        list[i].syntax_count = 0;
        for (uint8_t s = 0; s < from->syntax_count && list[i].result != CONTEXT_ACCEPTED; s++) {
            slice syntax = slice_unpad(from->transfer_syntaxes[s]);
            if (takes(list[i].abstract_syntax, syntax)) {
                list[i].result = CONTEXT_ACCEPTED;
                list[i].accepted_syntax = viewer_copy(out, syntax);
            }
        }
    }
}

static void observe_delivered(struct viewer *viewer, struct out *out, const struct dimse *request,
                              uint16_t status)
{
    const struct object *object = &request->object;
    struct observation *seen = out_observe(
        out, status == STATUS_SUCCESS ? OBSERVATION_delivered : OBSERVATION_store_refused,
        viewer->now);
    seen->peer = viewer_copy(out, request->move_originator);
    seen->study_uid = viewer_copy(out, object->study_uid);
    seen->series_uid = viewer_copy(out, object->series_uid);
    seen->sop_uid = viewer_copy(out, object->sop_instance_uid);
    seen->patient_id = viewer_copy(out, object->patient_id);
    seen->issuer = viewer_copy(out, object->patient_issuer);
    seen->name = viewer_copy(out, object->patient_name);
    seen->accession = viewer_copy(out, object->accession);
    seen->modality = viewer_copy(out, object->modality);
    seen->dataset_sha256 = viewer_copy(out, object->dataset_sha256);
    seen->pixel_sha256 = viewer_copy(out, object->pixel_sha256);
    seen->count = object->size;
    seen->number = status;
    seen->span = object->span > 1 ? object->span : 0;
}

static void stored(struct viewer *viewer, const struct event *event, struct out *out)
{
    size_t count = event->run.count;
    struct message *messages = arena_array(out->arena, count, sizeof *messages);
    if (messages == NULL) {
        out->full = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct dimse *request = &event->run.messages[i].dimse;
        uint16_t status = uid_is_valid(slice_unpad(request->object.study_uid))
                              ? STATUS_SUCCESS
                              : STATUS_IDENTIFIER_MISMATCH;
        messages[i].protocol = PROTOCOL_DICOM;
        messages[i].dimse = dimse_response(request, status);
        messages[i].dimse.sop_class_uid = viewer_copy(out, request->sop_class_uid);
        messages[i].dimse.sop_instance_uid = viewer_copy(out, request->sop_instance_uid);
        messages[i].dimse.object =
            (struct object){.sop_instance_uid = messages[i].dimse.sop_instance_uid,
                            .span = request->object.span};
        observe_delivered(viewer, out, request, status);
        if (status == STATUS_SUCCESS) {
            request_image(viewer, out, slice_unpad(request->object.study_uid), event->lead_ns);
        }
    }
    struct command *command = out_command(out, COMMAND_SEND);
    command->channel = event->channel;
    command->protocol = PROTOCOL_DICOM;
    command->run = (struct run){messages, count};
}

/* ---- The plan. */
static enum err fault(struct viewer *viewer, const struct plan_entry *plan, struct out *out)
{
    static const slice names[] = {SLICE("down"), SLICE("reject"), SLICE("reject_association"), SLICE("retry_everything")};
    bool *const flags[] = {&viewer->down, &viewer->rejects, &viewer->rejects, &viewer->repeats};
    size_t which = 0;
    bool begins = plan->kind == PLAN_FAULT;
    while (which < 4 && !slice_equal(plan->verb, names[which])) {
        which++;
    }
    if (which == 4) {
        return ERR_BAD_INPUT;
    }
    *flags[which] = begins;
    viewer->reject_result = slice_equal(plan_get(plan, "how"), SLICE("permanent")) ? 1 : 2;
    if (which == 0) {
        out_command(out, COMMAND_LISTEN)->flag = !begins;
        if (begins) {
            out_command(out, COMMAND_DROP_ALL);
        }
    }
    struct observation *seen = out_observe(out, begins ? OBSERVATION_fault_began : OBSERVATION_fault_ended, viewer->now);
    seen->text = names[which];
    seen->other_id = begins ? viewer_copy(out, plan_get(plan, "fault")) : SLICE_EMPTY;
    return ERR_OK;
}

/* Whoever asks asks again at once. */
static enum err ask_again(struct viewer *viewer, const struct plan_entry *plan, struct out *out)
{
    struct plan_entry again = *plan;
    for (size_t i = 0; i < again.argument_count; i++) {
        again.arguments[i].name = slice_equal(again.arguments[i].name, SLICE("id")) ? SLICE("first_id") : again.arguments[i].name;
    }
    return request_add(viewer, &again, out);
}

static enum err planned(struct viewer *viewer, const struct event *event, struct out *out)
{
    const struct plan_entry *plan = &event->plan;
    if (plan->kind != PLAN_DO) {
        return fault(viewer, plan, out);
    }
    if (slice_equal(plan->verb, SLICE("watch"))) {
        return watch_add(viewer, plan);
    }
    if (slice_equal(plan->verb, SLICE("unwatch"))) {
        watch_remove(viewer, plan, out);
        return ERR_OK;
    }
    enum err err = request_add(viewer, plan, out);
    return err == ERR_OK && viewer->repeats ? ask_again(viewer, plan, out) : err;
}

static void received(struct viewer *viewer, const struct event *event, struct out *out)
{
    for (size_t i = 0; i < event->run.count; i++) {
        const struct dimse *message = &event->run.messages[i].dimse;
        switch (message->kind) {
        case DIMSE_C_STORE_RQ:
            stored(viewer, event, out); /* a run is of one kind */
            return;
        case DIMSE_C_ECHO_RQ: {
            struct dimse response = dimse_response(message, STATUS_SUCCESS);
            out_send_dimse(out, event->channel, &response);
            break;
        }
        case DIMSE_C_FIND_RSP:
        case DIMSE_C_MOVE_RSP:
            request_answer(viewer, event, message, out);
            break;
        default:
            out_command(out, COMMAND_ABORT)->channel = event->channel;
            return;
        }
    }
}

enum err viewer_step(struct viewer *viewer, const struct event *event, struct out *out)
{
    enum err err = ERR_OK;
    viewer->now = event->at_ns;
    switch (event->kind) {
    case EVENT_PLAN:
        err = planned(viewer, event, out);
        break;
    case EVENT_ASKED:
        asked(viewer, event, out);
        break;
    case EVENT_OPENED:
        request_opened(viewer, event, out);
        break;
    case EVENT_RECEIVED:
        received(viewer, event, out);
        break;
    case EVENT_REFUSED:
    case EVENT_CLOSED:
        request_lost(viewer, event, out);
        break;
    default:
        break;
    }
    request_clock(viewer, out);
    watch_clock(viewer, out);
    while (viewer->request_bound > 0 &&
           viewer->requests[viewer->request_bound - 1].kind == REQUEST_FREE) {
        viewer->request_bound--;
    }
    return err != ERR_OK ? err : out->full ? ERR_LIMIT : ERR_OK;
}

time_ns viewer_due(const struct viewer *viewer)
{
    time_ns requests = request_due(viewer), watches = watch_due(viewer);
    return requests < watches ? requests : watches;
}

static enum err actor_step(void *self, const struct event *event, struct out *out)
{
    return viewer_step(self, event, out);
}

static time_ns actor_due(const void *self)
{
    return viewer_due(self);
}

struct actor viewer_actor(struct viewer *viewer)
{
    return (struct actor){.self = viewer, .step = actor_step, .due = actor_due};
}
