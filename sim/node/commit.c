/* SPDX-License-Identifier: MIT
 *
 * Storage commitment (PS3.4 J.3): N-ACTION names instances, N-EVENT-REPORT says which are kept; on
 * the same association, or on one of the node's own. */
#include "sim/node/node_private.h"

#define EVENT_ALL_KEPT    1 /* PS3.4 J.3.3.1 */
#define EVENT_SOME_FAILED 2
#define ACTION_REQUEST    1 /* PS3.4 J.3.2.1 */

static struct commit *commit_take(struct node *node)
{
    for (uint32_t i = 0; i < COMMITS_MAX; i++) {
        struct commit *commit = &node->commits[i];
        if (!commit->used) {
            struct arena arena = commit->arena;
            arena_reset(&arena);
            *commit = (struct commit){.used = true, .arena = arena};
            return commit;
        }
    }
    return NULL;
}

/* Copies the references: the kept ones, and the others with a reason. */
static bool sort_references(struct node *node, struct commit *commit, const struct element *asked,
                            struct dataset *kept, struct dataset *failed)
{
    for (uint32_t i = 0; i < asked->item_count; i++) {
        slice uid = dataset_get(&asked->items[i], TAG_ReferencedSOPInstanceUID),
              sop_class = dataset_get(&asked->items[i], TAG_ReferencedSOPClassUID);
        bool there = archive_has(node, uid, sop_class);
        struct dataset *item = there ? &kept[commit->count++] : &failed[commit->failed++];
        if (dataset_init(item, &commit->arena, 3) != ERR_OK ||
            dataset_put(item, TAG_ReferencedSOPClassUID, arena_copy(&commit->arena, sop_class)) !=
                ERR_OK ||
            dataset_put(item, TAG_ReferencedSOPInstanceUID, arena_copy(&commit->arena, uid)) !=
                ERR_OK ||
            (!there && dataset_put_u16(item, &commit->arena, TAG_FailureReason,
                                       STATUS_NO_SUCH_INSTANCE) != ERR_OK)) {
            return false;
        }
    }
    return true;
}

static bool report_make(struct node *node, struct commit *commit, const struct dataset *asked)
{
    const struct element *references = dataset_find(asked, TAG_ReferencedSOPSequence);
    slice transaction = arena_copy(&commit->arena, dataset_get(asked, TAG_TransactionUID));
    struct dataset *kept = arena_array(&commit->arena, references->item_count, sizeof *kept);
    struct dataset *failed = arena_array(&commit->arena, references->item_count, sizeof *failed);
    if (kept == NULL || failed == NULL || transaction.data == NULL ||
        dataset_init(&commit->report, &commit->arena, 4) != ERR_OK ||
        !sort_references(node, commit, references, kept, failed) ||
        dataset_put(&commit->report, TAG_TransactionUID, transaction) != ERR_OK) {
        return false;
    }
    commit->event = commit->failed > 0 ? EVENT_SOME_FAILED : EVENT_ALL_KEPT;
    if (commit->count > 0 && dataset_put_items(&commit->report, TAG_ReferencedSOPSequence, kept,
                                               commit->count) != ERR_OK) {
        return false;
    }
    return commit->failed == 0 || dataset_put_items(&commit->report, TAG_FailedSOPSequence, failed,
                                                    commit->failed) == ERR_OK;
}

static void tell_report(struct node *node, struct out *out, struct commit *commit, int64_t channel)
{
    struct dimse report = {.kind = DIMSE_N_EVENT_REPORT_RQ,
                           .message_id = (uint16_t)(++node->operation_last),
                           .sop_class_uid = UID_STORAGE_COMMITMENT,
                           .sop_instance_uid = UID_STORAGE_COMMITMENT_INSTANCE,
                           .type_id = commit->event,
                           .identifier = &commit->report,
                           .move_destination = SLICE_EMPTY,
                           .move_originator = SLICE_EMPTY,
                           .error_comment = SLICE_EMPTY,
                           .remaining = DIMSE_COUNTER_ABSENT,
                           .completed = DIMSE_COUNTER_ABSENT,
                           .failed = DIMSE_COUNTER_ABSENT,
                           .warning = DIMSE_COUNTER_ABSENT};
    out_send_dimse(out, channel, &report);
    struct observation *seen = out_observe(out, OBSERVATION_committed, node->now);
    seen->peer = slice_from(commit->calling);
    seen->count = commit->count;
    seen->number = commit->failed;
    commit->used = false;
}

/* The node asks as SCP: role selection (PS3.7 D.3.3.4). */
static bool open_second(struct node *node, struct out *out, struct commit *commit)
{
    uint32_t peer = session_peer(node, slice_from(commit->calling));
    struct context *context = arena_alloc(out->arena, sizeof *context);
    if (peer == NONE || context == NULL) {
        return false;
    }
    *context = (struct context){.abstract_syntax = UID_STORAGE_COMMITMENT,
                                .syntax_count = 1,
                                .scp = true,
                                .accepted_syntax = SLICE_EMPTY};
    context->transfer_syntaxes[0] = UID_IMPLICIT_LITTLE;
    const struct contexts contexts = {context, 1};
    return session_open(node, out, peer, node->setup->aet, &contexts, 0, PURPOSE_COMMIT,
                        (uint32_t)(commit - node->commits)) != NULL;
}

static uint16_t action_check(const struct dimse *request, slice *comment)
{
    const struct element *references =
        request->identifier == NULL ? NULL
                                    : dataset_find(request->identifier, TAG_ReferencedSOPSequence);
    if (!slice_equal(slice_unpad(request->sop_class_uid), UID_STORAGE_COMMITMENT)) {
        return STATUS_SOP_CLASS_NOT_SUPPORTED;
    }
    if (request->type_id != ACTION_REQUEST) {
        *comment = SLICE("no such action");
        return 0x0123; /* PS3.7 Annex C.4.2 */
    }
    if (references == NULL || references->item_count == 0 ||
        dataset_get(request->identifier, TAG_TransactionUID).size == 0) {
        *comment = SLICE("transaction UID or references are missing");
        return STATUS_PROCESSING_FAILURE;
    }
    return STATUS_SUCCESS;
}

void answer_commit(struct node *node, const struct event *event, const struct dimse *request,
                   struct out *out)
{
    struct channel *channel = session_find(node, event->channel);
    slice comment = SLICE_EMPTY;
    uint16_t status = action_check(request, &comment);
    struct commit *commit = status == STATUS_SUCCESS ? commit_take(node) : NULL;
    if (status == STATUS_SUCCESS &&
        (commit == NULL || !report_make(node, commit, request->identifier))) {
        comment = SLICE("too many at once");
        status = STATUS_PROCESSING_FAILURE;
    }
    struct dimse response = dimse_response(request, status);
    response.error_comment = comment;
    response.type_id = request->type_id;
    out_send_dimse(out, event->channel, &response);
    if (commit != NULL && status != STATUS_SUCCESS) {
        commit->used = false;
    }
    if (status != STATUS_SUCCESS) {
        return;
    }
    memcpy(commit->calling, channel->calling, sizeof commit->calling);
    if (node_quirk(node, QUIRK_life_stgcmt_second_association)) {
        quirk_bites(node, out, NULL, QUIRK_life_stgcmt_second_association);
        commit->used = open_second(node, out, commit);
    } else {
        tell_report(node, out, commit, event->channel);
    }
}

void answer_commit_opened(struct node *node, struct out *out, struct channel *channel)
{
    struct commit *commit = channel->owner == NONE ? NULL : &node->commits[channel->owner];
    if (commit == NULL ||
        contexts_find(&channel->contexts, UID_STORAGE_COMMITMENT, SLICE_EMPTY) == NULL) {
        session_close(node, out, channel->number);
        return;
    }
    tell_report(node, out, commit, channel->number);
    channel->owner = NONE;
}

/* Refused or lost before the report went: the requestor asks again, as PS3.4 J.3.3 leaves it to it.
 */
void answer_commit_closed(struct node *node, struct channel *channel)
{
    if (channel->owner != NONE) {
        node->commits[channel->owner].used = false;
    }
}
