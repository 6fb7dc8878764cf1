/* SPDX-License-Identifier: MIT
 *
 * C-STORE (PS3.4 B.2.3) as its SCP: keeps key and attributes of what it is sent and says what it
 * got. */
#include "sim/node/node_private.h"

static void observe(struct node *node, struct out *out, const struct object *object, slice peer,
                    uint16_t status, slice why)
{
    bool kept = status == STATUS_SUCCESS;
    struct observation *seen =
        out_observe(out, kept ? OBSERVATION_delivered : OBSERVATION_store_refused, node->now);
    seen->peer = peer;
    seen->study_uid = session_copy(out, object->study_uid);
    seen->series_uid = session_copy(out, object->series_uid);
    seen->sop_uid = session_copy(out, object->sop_instance_uid);
    seen->patient_id = session_copy(out, object->patient_id);
    seen->issuer = session_copy(out, object->patient_issuer);
    seen->name = session_copy(out, object->patient_name);
    seen->accession = session_copy(out, object->accession);
    seen->modality = session_copy(out, object->modality);
    seen->dataset_sha256 = session_copy(out, object->dataset_sha256);
    seen->pixel_sha256 = session_copy(out, object->pixel_sha256);
    seen->count = object->size;
    seen->number = status;
    seen->span = object->span > 1 ? object->span : 0;
    seen->text = why;
}

/* How many of the instances are kept. Why the rest is not: *status, *why. */
static uint32_t keep(struct node *node, struct out *out, const struct dimse *request,
                     uint16_t *status, slice *why)
{
    const struct object *object = &request->object;
    uint32_t kept = 0, again = 0;
    *why = SLICE("no room");
    *status = STATUS_OUT_OF_RESOURCES;
    if (fault_bends(node, out, BEND_disk_full, 's')) {
        return 0;
    }
    if (!uid_is_valid(slice_unpad(object->study_uid)) ||
        !uid_is_valid(slice_unpad(object->series_uid)) ||
        !uid_is_valid(slice_unpad(request->sop_instance_uid))) {
        *why = SLICE("study, series or SOP UID is missing");
        *status = STATUS_IDENTIFIER_MISMATCH;
        return 0;
    }
    archive_keep(node, object, &kept, &again);
    if (again > 0 && node_quirk(node, QUIRK_store_duplicate_rejected_silently)) {
        quirk_bites(node, out, NULL, QUIRK_store_duplicate_rejected_silently);
    }
    return kept;
}

/* Answers and observes `span` instances of the request from `first` on. */
static void answer_part(struct node *node, struct out *out, const struct channel *channel,
                        const struct dimse *request, uint32_t first, uint32_t span, uint16_t status,
                        slice why, struct message *message)
{
    char text[UID_SIZE_MAX + 1];
    struct object part = request->object;
    struct dimse answer = dimse_response(request, status);
    session_say(message, &answer);
    message->dimse.sop_instance_uid =
        first == 0 ? arena_copy(out->arena, request->sop_instance_uid) /* as it came, padding and all */
                   : arena_copy(out->arena, uid_advance(request->sop_instance_uid, first, text));
    message->dimse.sop_class_uid = arena_copy(out->arena, request->sop_class_uid);
    message->dimse.object = (struct object){.sop_instance_uid = message->dimse.sop_instance_uid,
                                            .span = span > 1 ? span : 0};
    message->dimse.error_comment = why;
    out->full = out->full || message->dimse.sop_instance_uid.data == NULL ||
                message->dimse.sop_class_uid.data == NULL;
    part.sop_instance_uid =
        first == 0 ? part.sop_instance_uid : uid_advance(part.sop_instance_uid, first, text);
    part.span = span;
    observe(node, out, &part, slice_from(channel->calling), status, why);
}

void answer_store(struct node *node, const struct event *event, struct out *out)
{
    struct channel *channel = session_find(node, event->channel);
    size_t count = 0;
    struct message *messages = session_run(out, 2 * event->run.count);
    if (messages == NULL || node->faults.hang_store || node->faults.pause) {
        return;
    }
    for (size_t i = 0; i < event->run.count; i++) {
        const struct dimse *request = &event->run.messages[i].dimse;
        slice why = SLICE_EMPTY;
        uint16_t status = STATUS_SUCCESS;
        uint32_t span = span_count(request->object.span),
                 kept = keep(node, out, request, &status, &why);
        if (kept > 0) {
            answer_part(node, out, channel, request, 0, kept, STATUS_SUCCESS, SLICE_EMPTY,
                        &messages[count++]);
        }
        if (kept < span) {
            answer_part(node, out, channel, request, kept, span - kept, status, why,
                        &messages[count++]);
        }
    }
    session_send(out, event->channel, messages, count);
}
