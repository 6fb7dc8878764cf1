/* SPDX-License-Identifier: MIT
 *
 * Proof of a transfer (design 3.3): the destination's own list covers the manifest, else it commits to it, else
 * the status it gave to every object that the engine itself relayed. Counters of a C-MOVE are never proof. */
#include "src/engine/retrieve_private.h"

#define ACTION_REQUEST_COMMITMENT 1 /* PS3.4 J.3.2 */

static bool last_attempt(const struct engine *engine, const struct transfer *transfer)
{
    struct row_demand row;
    return demand_get(engine, transfer->demand, &row) && row.attempts + 1 >= engine->config->transfer_attempts;
}

static void proven(struct engine *engine, struct out *out, struct transfer *transfer, enum proof proof)
{
    if (transfer->path == PATH_DIRECT) {
        direct_proven(engine, out, transfer);
    }
    demand_end(engine, out, transfer->demand, DEMAND_DONE, proof, SLICE_EMPTY);
    transfer_give(engine, out, transfer);
}

/* The destination cannot be asked. Everything was acknowledged, so this is no failure; it is no DONE either. */
static void not_proven(struct engine *engine, struct out *out, struct transfer *transfer, slice why)
{
    if (last_attempt(engine, transfer)) {
        demand_end(engine, out, transfer->demand, DEMAND_UNPROVEN, PROOF_NONE, why);
        transfer_give(engine, out, transfer);
    } else {
        transfer_fail(engine, out, transfer, true, why);
    }
}

/* ---- By list. */
static void list_again(struct engine *engine, struct out *out, struct transfer *transfer)
{
    for (struct item *item = transfer->items; item != NULL; item = item->next) {
        item->on_target = false;
    }
    items_join(transfer);
    if (!ask_images(engine, out, transfer, &transfer->target)) {
        not_proven(engine, out, transfer, transfer->target.why);
    }
}

/* The pieces of an acknowledged range that the destination lists take its place; true when one is missing. */
static bool item_pieces(struct engine *engine, struct out *out, struct transfer *transfer, const struct row_job_item *row, bool put)
{
    uint32_t span = span_count((uint32_t)row->span), count = 0;
    bool missing = false;
    for (uint32_t i = 0; i < span && !transfer->full; i += count) {
        char text[UID_SIZE_MAX + 1];
        struct row_job_item piece = *row;
        piece.sop_uid = i == 0 ? row->sop_uid : uid_advance(row->sop_uid, i, text);
        const struct item *item = item_cut(transfer, piece.sop_uid, span - i, &count);
        missing = missing || (item != NULL && !item->delivered);
        piece.span = count;
        if (put && item != NULL && item->delivered) {
            row_put_job_item(engine, out, &piece);
        }
    }
    return missing;
}

/* Rows of what was acknowledged and is missing after all. The first row that is touched is looked for again after each
 * change, for the index has changed; a step has its limits, and the next proof finds the rest again. */
static void items_take_back(struct engine *engine, struct out *out, struct transfer *transfer)
{
    for (size_t changed = 0; changed < CLEAN_RECORDS;) {
        uint32_t at = index_first_int(engine, INDEX_job_item_demand, transfer->demand);
        struct row_job_item row = {.span = 0};
        for (; at != ROW_NONE; at = index_next(engine, INDEX_job_item_demand, at)) {
            row = row_get_job_item(engine, at);
            if (item_pieces(engine, out, transfer, &row, false)) {
                break;
            }
        }
        if (at == ROW_NONE) {
            return;
        }
        row.sop_uid = text_copy(out, row.sop_uid);
        row.dataset_sha256 = text_copy(out, row.dataset_sha256);
        row.pixel_sha256 = text_copy(out, row.pixel_sha256);
        row_delete_job_item(engine, out, &row);
        (void)item_pieces(engine, out, transfer, &row, true);
        changed += 1;
    }
}

/* What the destination acknowledged and does not list is missing after all: it is moved again. */
static void take_back(struct engine *engine, struct out *out, struct transfer *transfer, uint32_t missing)
{
    struct row_demand row;
    uint32_t taken = 0;
    if (transfer->path == PATH_DIRECT) {
        direct_short(engine, out, transfer, missing);
        return;
    }
    for (struct item *item = transfer->items; item != NULL; item = item->next) {
        if (item->wanted && !item->on_target) {
            item->delivered = false;
            taken += item->count;
        }
    }
    items_take_back(engine, out, transfer);
    transfer->delivered = transfer->wanted - taken;
    if (demand_get(engine, transfer->demand, &row)) {
        row.delivered = transfer->delivered;
        row_put_demand(engine, out, &row);
    }
    finding(engine, out, transfer->destination, SLICE("acknowledged but not listed"),
            TEXT(out, text_int(out, missing), SLICE(" instances were acknowledged and are not on its list")));
    transfer_fail(engine, out, transfer, true, TEXT(out, text_int(out, missing), SLICE(" instances are not on the destination's list")));
}

void proof_listed(struct engine *engine, struct out *out, struct transfer *transfer)
{
    uint32_t missing = 0;
    for (const struct item *item = transfer->items; item != NULL; item = item->next) {
        missing += item->wanted && !item->on_target ? item->count : 0;
    }
    if (missing == 0 && !transfer->full) {
        proven(engine, out, transfer, PROOF_LIST);
        return;
    }
    bool hopeless = transfer->in_doubt && transfer->target.complete; /* waiting for its index would change nothing */
    if (++transfer->proof_tries < PROOF_TRIES_MAX && !hopeless) {
        time_ns wait = BACKOFF_FIRST_NS << (transfer->proof_tries - 1); /* some index what they took a little later */
        timer_set(engine, TIMER_RETRIEVE, transfer->demand, engine->now + wait);
        transfer->sign_ns = engine->now + wait - engine->config->response_timeout_ns;
    } else if (transfer->target.complete) {
        take_back(engine, out, transfer, missing);
    } else {
        not_proven(engine, out, transfer, TEXT(out, SLICE("cannot be proven: the destination "), transfer->target.why));
    }
}

/* ---- By commitment (PS3.4 Annex J). */
static struct dataset *commit_request(struct out *out, struct transfer *transfer)
{
    struct dataset *request = arena_alloc(out->arena, sizeof *request);
    struct dataset *items = arena_array(out->arena, transfer->wanted, sizeof *items);
    char uid[UID_SIZE_MAX];
    struct buffer text = buffer_over(uid, sizeof uid);
    uint64_t high = hash64(11, transfer->study_uid);
    uid_put(&text, high, (uint64_t)transfer->demand << 16 | transfer->proof_tries);
    transfer->transaction_uid = chain_copy(&transfer->chain, buffer_slice(&text));
    if (request == NULL || items == NULL || dataset_init(request, out->arena, 2) != ERR_OK) {
        return NULL;
    }
    uint32_t count = 0;
    for (const struct item *item = transfer->items; item != NULL; item = item->next) {
        for (uint32_t i = 0; item->wanted && i < item->count; i++) {
            char one[UID_SIZE_MAX + 1];
            struct dataset *to = &items[count++];
            slice sop_uid = text_copy(out, i == 0 ? item->sop_uid : uid_advance(item->sop_uid, i, one));
            if (dataset_init(to, out->arena, 2) != ERR_OK || dataset_put(to, TAG_ReferencedSOPClassUID, item->class_uid) != ERR_OK ||
                dataset_put(to, TAG_ReferencedSOPInstanceUID, sop_uid) != ERR_OK) {
                return NULL;
            }
        }
    }
    bool put = dataset_put(request, TAG_TransactionUID, transfer->transaction_uid) == ERR_OK &&
               dataset_put_items(request, TAG_ReferencedSOPSequence, items, count) == ERR_OK;
    return put ? request : NULL;
}

static void commit_begin(struct engine *engine, struct out *out, struct transfer *transfer)
{
    const slice classes[] = {UID_STORAGE_COMMITMENT};
    transfer->phase = PHASE_COMMITTING;
    transfer->sign_ns = engine->now;
    transfer->channel = channel_open(engine, out, transfer->destination, CHANNEL_COMMIT, transfer->demand, classes, 1, 0);
    timer_set(engine, TIMER_RETRIEVE, transfer->demand, engine->now + engine->config->response_timeout_ns);
    if (transfer->channel == 0) {
        not_proven(engine, out, transfer, SLICE("limit channels"));
    }
}

static void commit_send(struct engine *engine, struct out *out, struct transfer *transfer)
{
    struct dimse request = {
        .kind = DIMSE_N_ACTION_RQ,
        .message_id = 1,
        .sop_class_uid = UID_STORAGE_COMMITMENT,
        .sop_instance_uid = UID_STORAGE_COMMITMENT_INSTANCE,
        .type_id = ACTION_REQUEST_COMMITMENT,
        .remaining = DIMSE_COUNTER_ABSENT, .completed = DIMSE_COUNTER_ABSENT, .failed = DIMSE_COUNTER_ABSENT, .warning = DIMSE_COUNTER_ABSENT,
        .identifier = commit_request(out, transfer),
    };
    if (request.identifier == NULL) {
        out->full = true;
        return;
    }
    (void)engine;
    out_send_dimse(out, transfer->channel, &request);
}

/* The report covers the manifest: every instance among the committed ones, none among the failed. */
static void committed(struct engine *engine, struct out *out, struct transfer *transfer, const struct dataset *report)
{
    const struct element *done = dataset_find(report, TAG_ReferencedSOPSequence);
    uint32_t missing = 0;
    for (struct item *item = transfer->items; item != NULL; item = item->next) {
        item->on_target = false;
    }
    for (uint32_t i = 0; done != NULL && i < done->item_count; i++) {
        uint32_t count = 0;
        struct item *item = item_cut(transfer, dataset_get(&done->items[i], TAG_ReferencedSOPInstanceUID), 1, &count);
        if (item != NULL) {
            item->on_target = true;
            item_join(transfer, item);
        }
    }
    for (const struct item *item = transfer->items; item != NULL; item = item->next) {
        missing += item->wanted && !item->on_target ? item->count : 0;
    }
    if (missing == 0) {
        proven(engine, out, transfer, PROOF_COMMITMENT);
    } else {
        take_back(engine, out, transfer, missing);
    }
}

static void report_answer(struct out *out, const struct channel *channel, const struct dimse *report)
{
    struct dimse response = dimse_response(report, STATUS_SUCCESS);
    out_send_dimse(out, channel->number, &response);
}

void proof_event(struct engine *engine, const struct event *event, struct out *out, struct transfer *transfer, struct channel *channel)
{
    if (channel->number != transfer->channel || transfer->phase != PHASE_COMMITTING) {
        return;
    }
    if (event->kind == EVENT_OPENED) {
        commit_send(engine, out, transfer);
    } else if (event->kind == EVENT_REFUSED || event->kind == EVENT_CLOSED) {
        transfer->channel = 0;
        if (event->kind == EVENT_REFUSED) {
            not_proven(engine, out, transfer, SLICE("cannot be proven: the destination refuses storage commitment"));
        } /* closed: the report may come on an association of the destination's */
    } else if (event->kind == EVENT_RECEIVED) {
        const struct dimse *message = &event->run.messages[0].dimse;
        if (message->kind == DIMSE_N_ACTION_RSP && message->status != STATUS_SUCCESS) {
            not_proven(engine, out, transfer, SLICE("cannot be proven: the destination refuses to commit"));
        } else if (message->kind == DIMSE_N_EVENT_REPORT_RQ) {
            report_answer(out, channel, message);
            if (message->identifier != NULL) {
                committed(engine, out, transfer, message->identifier);
            }
        }
    }
}

void retrieve_committed(struct engine *engine, const struct event *event, struct out *out, struct channel *channel, const struct dimse *report)
{
    (void)event;
    slice uid = report->identifier == NULL ? SLICE_EMPTY : dataset_get(report->identifier, TAG_TransactionUID);
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        struct transfer *transfer = &engine->retrieve->transfers[i];
        bool here = transfer->used && transfer->phase == PHASE_COMMITTING && slice_equal(transfer->transaction_uid, uid);
        if (here && uid.size > 0 && channel->node == transfer->destination) {
            report_answer(out, channel, report);
            committed(engine, out, transfer, report->identifier);
            return;
        }
    }
    struct dimse response = dimse_response(report, STATUS_PROCESSING_FAILURE); /* no such transaction is open */
    out_send_dimse(out, channel->number, &response);
}

/* ---- Either. */
void proof_begin(struct engine *engine, struct out *out, struct transfer *transfer)
{
    const struct node_config *node = node_at(engine, transfer->destination);
    struct row_demand row;
    if (demand_get(engine, transfer->demand, &row)) {
        row.state = DEMAND_VERIFYING;
        demand_put(engine, out, &row);
    }
    transfer->phase = PHASE_PROVING;
    transfer->proof_tries = 0;
    if (node->answers_list) {
        list_again(engine, out, transfer);
    } else if (node->commitment) {
        commit_begin(engine, out, transfer);
    } else {
        proven(engine, out, transfer, PROOF_STORE);
    }
}

void proof_timer(struct engine *engine, struct out *out, struct transfer *transfer)
{
    if (engine->now < transfer->sign_ns + engine->config->response_timeout_ns) {
        return;
    }
    if (transfer->phase == PHASE_COMMITTING) {
        not_proven(engine, out, transfer, SLICE("cannot be proven: no commitment came"));
    } else if (transfer->target.find == 0) {
        list_again(engine, out, transfer);
    }
}
