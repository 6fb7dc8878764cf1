/* SPDX-License-Identifier: MIT
 *
 * One attempt at a demand, up to the manifest: who holds the study, what each of them lists, what is there already. */
#include "src/engine/retrieve_private.h"

struct transfer *transfer_of(struct engine *engine, int64_t demand)
{
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        if (engine->retrieve->transfers[i].used && engine->retrieve->transfers[i].demand == demand) {
            return &engine->retrieve->transfers[i];
        }
    }
    return NULL;
}

bool transfer_has_job(const struct transfer *transfer)
{
    return transfer->phase == PHASE_OPENING || transfer->phase == PHASE_MOVING || transfer->phase == PHASE_ENDING;
}

void transfer_hang_up(struct engine *engine, struct out *out, struct transfer *transfer, bool abort)
{
    struct channel *channel = transfer->channel == 0 ? NULL : channel_find(engine, transfer->channel);
    if (channel != NULL) {
        channel->subject = 0; /* its CLOSED is nobody's news */
        if (abort) {
            channel_abort(engine, out, channel->number);
        } else {
            channel_close(engine, out, channel->number);
        }
    }
    transfer->channel = 0;
}

void transfer_give(struct engine *engine, struct out *out, struct transfer *transfer)
{
    assert(transfer->used && !transfer->relay_open);
    for (size_t i = 0; i < transfer->holder_count; i++) {
        if (transfer->holders[i].find != 0) {
            source_find_cancel(engine, out, transfer->holders[i].find);
        }
    }
    if (transfer->target.find != 0) {
        source_find_cancel(engine, out, transfer->target.find);
    }
    transfer_hang_up(engine, out, transfer, false);
    chain_free(&transfer->chain);
    transfer->used = false;
    engine->retrieve->transfer_count--;
    schedule_soon(engine);
}

void transfer_fail(struct engine *engine, struct out *out, struct transfer *transfer, bool counts, slice why)
{
    int64_t demand = transfer->demand;
    struct row_demand row;
    why = text_copy(out, why);
    /* The manifest is what tells a client which instances she lacks: it must live until the demand's end. */
    if (counts && demand_get(engine, demand, &row) && row.attempts + 1 >= engine->config->transfer_attempts) {
        demand_end(engine, out, demand, DEMAND_FAILED, PROOF_NONE, why);
        transfer_give(engine, out, transfer);
        return;
    }
    transfer_give(engine, out, transfer);
    demand_again(engine, out, demand, counts, why);
}

/* ---- Listing. */
bool ask_images(struct engine *engine, struct out *out, const struct transfer *transfer, struct listing *listing)
{
    static const uint32_t returns[] = {TAG_SOPClassUID, TAG_SOPInstanceUID, TAG_SeriesInstanceUID, TAG_InstanceNumber};
    struct dataset keys;
    bool full = dataset_init(&keys, out->arena, 8) != ERR_OK || dataset_put(&keys, TAG_StudyInstanceUID, transfer->study_uid) != ERR_OK;
    for (size_t i = 0; i < sizeof returns / sizeof returns[0] && !full; i++) {
        full = dataset_put(&keys, returns[i], SLICE_EMPTY) != ERR_OK;
    }
    if (full) {
        out->full = true;
        return false;
    }
    struct find_question question = {
        .node = listing->node,
        .level = FIND_IMAGE,
        .keys = &keys,
        .deadline_ns = engine->now + engine->config->response_timeout_ns,
        .owner = FIND_OF_RETRIEVE,
        .owner_id = transfer->demand,
    };
    listing->done = listing->complete = false;
    listing->find = source_find_start(engine, out, &question);
    if (listing->find == 0) {
        listing->done = true;
        listing->why = SLICE("too many questions at once");
    }
    return listing->find != 0;
}

/* Originals; leased copies where no original is known. Never the destination itself. Nobody where the originals are gone: what was
 * rejected at its home goes nowhere from elsewhere. */
static void holders_fill(struct engine *engine, struct transfer *transfer)
{
    if ((MUTANT(M_NO_HOLDER) && transfer->study % 8 == 5) || lifecycle_is_gone(engine, transfer->study)) {
        return;
    }
    for (int role = COPY_ORIGINAL; role <= COPY_LEASED && transfer->holder_count == 0; role++) {
        for (uint32_t at = index_first_int(engine, INDEX_copy_study, transfer->study); at != ROW_NONE;
             at = index_next(engine, INDEX_copy_study, at)) {
            struct row_copy copy = row_get_copy(engine, at);
            uint32_t node = node_by_name(engine, copy.node);
            bool fits = node != NODE_NONE && node != transfer->destination && copy.role == role && copy.state != COPY_GONE &&
                        node_at(engine, node)->source;
            if (fits && transfer->holder_count < HOLDERS_MAX) {
                transfer->holders[transfer->holder_count++] = (struct listing){.node = node};
            }
        }
    }
}

static bool is_asked_for(const struct transfer *transfer, const struct find_row *row, slice sop_uid)
{
    if (slice_equal(transfer->level, SLICE("SERIES"))) {
        return text_list_has(transfer->uids, slice_unpad(row->series_uid));
    }
    if (slice_equal(transfer->level, SLICE("IMAGE"))) {
        return text_list_has(transfer->uids, sop_uid);
    }
    return true;
}

/* Of how many instances from one on the same is to be said: where lists of UIDs or tombstones may part them, each is
 * looked at. */
static uint32_t alike(const struct engine *engine, const struct transfer *transfer, uint32_t span)
{
    return row_count(engine, TABLE_tombstone) > 0 || slice_equal(transfer->level, SLICE("IMAGE")) ? 1 : span;
}

static void listed(const struct engine *engine, struct transfer *transfer, uint32_t find, const struct find_row *row, slice sop_uid, uint32_t most,
                   uint32_t *count)
{
    *count = most;
    struct item *item = is_asked_for(transfer, row, sop_uid) ? item_take(transfer, row, sop_uid, most, count) : NULL;
    if (item == NULL) {
        return;
    }
    item->on_target = item->on_target || find == transfer->target.find;
    for (size_t i = 0; i < transfer->holder_count; i++) {
        if (transfer->holders[i].find == find && find != transfer->target.find) {
            item->holders |= (uint8_t)(1u << i);
            item->wanted = !lifecycle_hidden(engine, transfer->study_uid, sop_uid);
        }
    }
    item_join(transfer, item);
}

void transfer_listed_row(struct engine *engine, struct out *out, struct transfer *transfer, uint32_t find, const struct find_row *row)
{
    slice sop_uid = slice_unpad(row->sop_uid);
    bool same_study = row->study_uid.size == 0 || slice_equal(slice_unpad(row->study_uid), transfer->study_uid);
    uint32_t span = span_count(row->span), count = 0;
    if (sop_uid.size == 0 || !same_study) {
        return;
    }
    for (uint32_t at = 0; at < span && !transfer->full; at += count) {
        char text[UID_SIZE_MAX + 1];
        slice uid = at == 0 ? sop_uid : uid_advance(sop_uid, at, text);
        listed(engine, transfer, find, row, uid, alike(engine, transfer, span - at), &count);
    }
    (void)out;
}

/* What the destination acknowledged of one demand. */
static void items_acknowledged(struct engine *engine, struct transfer *transfer, int64_t demand)
{
    for (uint32_t at = index_first_int(engine, INDEX_job_item_demand, demand); at != ROW_NONE; at = index_next(engine, INDEX_job_item_demand, at)) {
        struct row_job_item row = row_get_job_item(engine, at);
        uint32_t span = span_count((uint32_t)row.span), count = 0;
        for (uint32_t i = 0; i < span && !transfer->full; i += count) {
            char text[UID_SIZE_MAX + 1];
            slice uid = i == 0 ? row.sop_uid : uid_advance(row.sop_uid, i, text);
            struct item *item = item_cut(transfer, uid, span - i, &count);
            if (item != NULL) {
                item->delivered = true;
                item_join(transfer, item);
            }
        }
    }
}

/* Nobody waits, and the destination cannot be asked: what it took with demands before is there still. */
static void items_taken_before(struct engine *engine, struct transfer *transfer)
{
    slice name = node_at(engine, transfer->destination)->name;
    uint32_t copy = row_find_copy(engine, &(struct row_copy){.study = transfer->study, .node = name});
    if (transfer->reason == DEMAND_CLIENT || copy == ROW_NONE || row_get_copy(engine, copy).state == COPY_GONE) {
        return;
    }
    for (uint32_t at = index_first_int(engine, INDEX_demand_study, transfer->study); at != ROW_NONE; at = index_next(engine, INDEX_demand_study, at)) {
        struct row_demand row = row_get_demand(engine, at);
        if (row.state == DEMAND_DONE && slice_equal(row.destination, name)) {
            items_acknowledged(engine, transfer, row.id);
        }
    }
}

/* The defect M_DROP_LAST. */
static void drop_last(struct transfer *transfer)
{
    struct item *last = transfer->items_last;
    while (last != NULL && !last->wanted) {
        last = last->previous;
    }
    if (last != NULL) {
        char text[UID_SIZE_MAX + 1];
        uint32_t count = 0;
        slice uid = last->count == 1 ? last->sop_uid : uid_advance(last->sop_uid, last->count - 1, text);
        last = item_cut(transfer, uid, 1, &count);
    }
    if (last != NULL) {
        last->wanted = false;
    }
}

static void items_sum_up(struct engine *engine, struct transfer *transfer)
{
    for (struct item *item = transfer->items; item != NULL; item = item->next) {
        item->delivered = item->on_target;
    }
    if (MUTANT(M_DROP_LAST)) {
        drop_last(transfer);
    }
    items_acknowledged(engine, transfer, transfer->demand);
    items_taken_before(engine, transfer);
    transfer->wanted = transfer->delivered = 0;
    for (struct item *item = transfer->items; item != NULL; item = item->next) {
        transfer->wanted += item->wanted ? item->count : 0;
        transfer->delivered += item->wanted && item->delivered ? item->count : 0;
    }
}

/* Instances that the registry expects of the whole study; 0 unknown. */
static int64_t expected(const struct engine *engine, const struct transfer *transfer)
{
    uint32_t at = row_find_study(engine, &(struct row_study){.id = transfer->study});
    return at == ROW_NONE || !slice_equal(transfer->level, SLICE("STUDY")) ? 0 : row_get_study(engine, at).instance_count;
}

/* Who did not list, in words; empty when all did, or when one did and all is listed that is expected: by the registry, which may
 * not know yet how a study has grown, and by an attempt before. A list that broke off proves nothing by itself. */
static slice listing_gap(const struct engine *engine, const struct transfer *transfer, const struct row_demand *row, struct out *out)
{
    slice why = SLICE_EMPTY;
    bool any = false;
    for (size_t i = 0; i < transfer->holder_count; i++) {
        const struct listing *holder = &transfer->holders[i];
        any = any || holder->complete;
        if (!holder->complete && why.size == 0) {
            why = TEXT(out, node_at(engine, holder->node)->name, SLICE(" "), holder->why);
        }
    }
    int64_t count = expected(engine, transfer);
    return any && count > 0 && transfer->wanted >= count && transfer->wanted >= row->wanted ? SLICE_EMPTY : why;
}

/* Who did not list is sending images: some products do one thing after the other, and that is no attempt that failed. Not for ever. */
static bool waits_its_turn(const struct engine *engine, const struct transfer *transfer, const struct row_demand *row)
{
    bool busy = transfer->target_asked && !transfer->target.complete && retrieve_comes_from(engine, transfer->destination);
    for (size_t i = 0; i < transfer->holder_count; i++) {
        busy = busy || (!transfer->holders[i].complete && retrieve_comes_from(engine, transfer->holders[i].node));
    }
    return busy && engine->now < row->accepted_at + TURN_NS;
}

/* Nothing to send. Where every holder has said so again and again it does not hold the study any more. */
static void nothing_listed(struct engine *engine, struct out *out, struct transfer *transfer, const struct row_demand *row, slice why)
{
    bool gone = row->attempts + 1 >= engine->config->transfer_attempts && slice_equal(transfer->level, SLICE("STUDY"));
    uint32_t nodes[HOLDERS_MAX], count = 0;
    int64_t study = transfer->study;
    for (const struct item *item = transfer->items; item != NULL; item = item->next) {
        gone = gone && item->holders == 0;
    }
    for (size_t i = 0; gone && i < transfer->holder_count; i++) {
        nodes[count] = transfer->holders[i].node;
        count += transfer->holders[i].complete;
    }
    transfer_fail(engine, out, transfer, true, why);
    for (uint32_t i = 0; i < count; i++) {
        lifecycle_vanished(engine, out, study, nodes[i]);
    }
}

/* Something of it may be at the destination, which was asked and did not say: it is asked again, for what is there must not be
 * sent twice. Not for ever: the second half of the attempts goes on without. */
static bool target_is_in_doubt(const struct engine *engine, const struct transfer *transfer, const struct row_demand *row)
{
    uint32_t at = row_find_copy(engine, &(struct row_copy){.study = transfer->study, .node = node_at(engine, transfer->destination)->name});
    bool some = row->attempts > 0 || (at != ROW_NONE && row_get_copy(engine, at).state != COPY_GONE);
    return transfer->target_asked && !transfer->target.complete && some && row->attempts < engine->config->transfer_attempts / 2;
}

static void transfer_listed(struct engine *engine, struct out *out, struct transfer *transfer)
{
    struct row_demand row;
    items_sum_up(engine, transfer);
    bool found = demand_get(engine, transfer->demand, &row);
    assert(found);
    slice gap = listing_gap(engine, transfer, &row, out);
    if (!transfer->full && (gap.size > 0 || transfer->target_asked) && waits_its_turn(engine, transfer, &row)) {
        transfer_fail(engine, out, transfer, false, gap.size > 0 ? gap : SLICE("the destination is busy and did not list what it has"));
        return;
    }
    if (transfer->full) {
        transfer_fail(engine, out, transfer, true, SLICE("limit: memory of manifests"));
        return;
    }
    if (transfer->wanted == 0) {
        nothing_listed(engine, out, transfer, &row, gap.size > 0 ? gap : SLICE("no holder lists any instance"));
        return;
    }
    if (target_is_in_doubt(engine, transfer, &row)) {
        transfer_fail(engine, out, transfer, true, TEXT(out, SLICE("the destination did not list what it has: "), transfer->target.why));
        return;
    }
    row.wanted = transfer->wanted;
    row.delivered = transfer->delivered;
    row_put_demand(engine, out, &row);
    move_progress(engine, out, transfer->demand);
    transfer->gap = chain_copy(&transfer->chain, gap);
    if (transfer->delivered == transfer->wanted) {
        transfer_settled(engine, out, transfer);
        return;
    }
    transfer->phase = PHASE_READY;
    transfer_run_if_ready(engine, out, transfer);
}

void transfer_listed_end(struct engine *engine, struct out *out, struct transfer *transfer, uint32_t find, enum find_outcome outcome, slice why)
{
    struct listing *listing = find == transfer->target.find ? &transfer->target : NULL;
    bool all = true;
    for (size_t i = 0; i < transfer->holder_count; i++) {
        listing = transfer->holders[i].find == find ? &transfer->holders[i] : listing;
    }
    if (listing == NULL) {
        return;
    }
    listing->find = 0;
    listing->done = true;
    listing->complete = outcome == FIND_COMPLETE;
    listing->why = chain_copy(&transfer->chain, why.size > 0 ? slice_before(why, 200) : find_outcome_text(outcome));
    if (transfer->phase == PHASE_PROVING) {
        proof_listed(engine, out, transfer);
        return;
    }
    for (size_t i = 0; i < transfer->holder_count; i++) {
        all = all && transfer->holders[i].done;
    }
    if (all && (!transfer->target_asked || transfer->target.done)) {
        transfer_listed(engine, out, transfer);
    }
}

/* ---- Beginning. */
static struct transfer *transfer_take(struct engine *engine)
{
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        struct transfer *transfer = &engine->retrieve->transfers[i];
        if (!transfer->used) {
            *transfer = (struct transfer){.used = true, .chain = chain_make(&engine->retrieve->pool)};
            engine->retrieve->transfer_count++;
            return transfer;
        }
    }
    return NULL;
}

/* A destination that lists is asked first where something may be there already: after an attempt or a crash, where
 * the registry says so, and always where no client waits. */
static bool target_is_worth_asking(const struct engine *engine, const struct row_demand *row, uint32_t destination)
{
    return node_at(engine, destination)->answers_list &&
           (row->reason != DEMAND_CLIENT || row->attempts > 0 || row->wanted > 0 || retrieve_is_at(engine, row->study, destination));
}

static bool transfer_fill(struct engine *engine, struct transfer *transfer, const struct row_demand *row, const struct row_study *study)
{
    transfer->demand = row->id;
    transfer->study = row->study;
    transfer->reason = (enum demand_reason)row->reason;
    transfer->destination = node_by_name(engine, row->destination);
    transfer->phase = PHASE_LISTING;
    transfer->study_uid = chain_copy(&transfer->chain, study->uid);
    transfer->level = chain_copy(&transfer->chain, row->level);
    transfer->uids = chain_copy(&transfer->chain, row->uids);
    transfer->buckets = chain_alloc(&transfer->chain, BUCKETS * sizeof *transfer->buckets);
    transfer->stems = chain_alloc(&transfer->chain, BUCKETS * sizeof *transfer->stems);
    transfer->target.node = transfer->destination;
    return transfer->buckets != NULL && transfer->stems != NULL && transfer->uids.data != NULL && transfer->study_uid.data != NULL;
}

/* A plan made under an old link is checked again before anything leaves (design 3.2): does the study still belong
 * to the patient for whom it was wanted? What a client named by its UID she gets under the right person. */
static bool still_right(const struct engine *engine, const struct row_demand *row, const struct row_study *study)
{
    int64_t person = identity_survivor(engine, study->person);
    if (row->reason == DEMAND_PRIOR) {
        return priors_demand_is_right(engine, row->id, person);
    }
    return row->reason != DEMAND_MDT || index_first_int(engine, INDEX_mdt_case_person, person) != ROW_NONE;
}

/* Nothing to do, or nothing that may be done? Then the demand ends here. */
static bool ends_at_once(struct engine *engine, struct out *out, struct row_demand *row, const struct row_study *study)
{
    uint32_t destination = node_by_name(engine, row->destination);
    if (destination == NODE_NONE) {
        demand_end(engine, out, row->id, DEMAND_FAILED, PROOF_NONE, SLICE("the destination is no longer configured"));
        return true;
    }
    if (lifecycle_hidden(engine, study->uid, SLICE_EMPTY)) {
        demand_end(engine, out, row->id, DEMAND_FAILED, PROOF_NONE, SLICE("the study was rejected"));
        return true;
    }
    if (!still_right(engine, row, study)) {
        demand_end(engine, out, row->id, DEMAND_FAILED, PROOF_NONE, SLICE("the study is not this patient's any more"));
        return true;
    }
    if (row->reason == DEMAND_CLIENT || !slice_equal(row->level, SLICE("STUDY")) || !retrieve_is_at(engine, row->study, destination)) {
        return false;
    }
    uint32_t at = row_find_copy(engine, &(struct row_copy){.study = row->study, .node = row->destination});
    struct row_copy copy = row_get_copy(engine, at);
    row->wanted = row->delivered = copy.instance_count;
    row_put_demand(engine, out, row);
    demand_end(engine, out, row->id, DEMAND_DONE, copy.proof == PROOF_NONE ? PROOF_LIST : (enum proof)copy.proof, SLICE("was there already"));
    return true;
}

struct transfer *transfer_begin(struct engine *engine, struct out *out, const struct row_demand *demand)
{
    struct row_demand row = *demand;
    uint32_t at = row_find_study(engine, &(struct row_study){.id = row.study});
    if (at == ROW_NONE) {
        demand_end(engine, out, row.id, DEMAND_FAILED, PROOF_NONE, SLICE("the study is gone"));
        return NULL;
    }
    struct row_study study = row_get_study(engine, at);
    if (ends_at_once(engine, out, &row, &study)) {
        return NULL;
    }
    struct transfer *transfer = transfer_take(engine);
    assert(transfer != NULL);
    if (!transfer_fill(engine, transfer, &row, &study)) {
        transfer_fail(engine, out, transfer, true, SLICE("limit: memory of manifests"));
        return NULL;
    }
    holders_fill(engine, transfer);
    bool any = false;
    for (size_t i = 0; i < transfer->holder_count; i++) {
        any = ask_images(engine, out, transfer, &transfer->holders[i]) || any;
    }
    if (!any) {
        transfer_fail(engine, out, transfer, transfer->holder_count == 0, transfer->holder_count == 0 ? SLICE("no node holds the study") : SLICE("too many questions at once"));
        return NULL;
    }
    if (target_is_worth_asking(engine, &row, transfer->destination)) {
        transfer->target_asked = true;
        (void)ask_images(engine, out, transfer, &transfer->target);
    }
    return transfer;
}
