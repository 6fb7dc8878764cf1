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
    seen->text = why;
}

static uint16_t keep(struct node *node, struct out *out, const struct dimse *request, slice *why)
{
    const struct object *object = &request->object;
    bool again = false;
    if (!uid_is_valid(slice_unpad(object->study_uid)) ||
        !uid_is_valid(slice_unpad(object->series_uid)) ||
        !uid_is_valid(slice_unpad(request->sop_instance_uid))) {
        *why = SLICE("study, series or SOP UID is missing");
        return STATUS_IDENTIFIER_MISMATCH;
    }
    if (archive_keep(node, object, &again) != ERR_OK) {
        *why = SLICE("no room");
        return STATUS_OUT_OF_RESOURCES;
    }
    if (again && node_quirk(node, QUIRK_store_duplicate_rejected_silently)) {
        quirk_bites(node, out, NULL, QUIRK_store_duplicate_rejected_silently);
    }
    return STATUS_SUCCESS;
}

void answer_store(struct node *node, const struct event *event, struct out *out)
{
    struct channel *channel = session_find(node, event->channel);
    size_t count = event->run.count;
    struct message *messages = session_run(out, count);
    if (messages == NULL || node->faults.hang_store) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct dimse *request = &event->run.messages[i].dimse;
        slice why = SLICE_EMPTY;
        uint16_t status = keep(node, out, request, &why);
        messages[i] =
            (struct message){.protocol = PROTOCOL_DICOM, .dimse = dimse_response(request, status)};
        messages[i].dimse.sop_instance_uid =
            arena_copy(out->arena, request->sop_instance_uid); /* as it came, padding and all */
        messages[i].dimse.sop_class_uid = arena_copy(out->arena, request->sop_class_uid);
        messages[i].dimse.object =
            (struct object){.sop_instance_uid = messages[i].dimse.sop_instance_uid};
        messages[i].dimse.error_comment = why;
        out->full = out->full || messages[i].dimse.sop_instance_uid.data == NULL ||
                    messages[i].dimse.sop_class_uid.data == NULL;
        observe(node, out, &request->object, slice_from(channel->calling), status, why);
    }
    session_send(out, event->channel, messages, count);
}
