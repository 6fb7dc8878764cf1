/* SPDX-License-Identifier: MIT
 *
 * The job of an attempt: the best holder is told to move what is missing to us, and the relay passes it on. Results
 * are recorded as the destination acknowledges them. */
#include "src/engine/channel.h"
#include "src/engine/retrieve_private.h"

#define RELAY_DEADLINE_NS TIME_HOUR  /* of a job that everyone forgot: its last resort */
#define FINAL_GRACE_NS (5 * TIME_S)  /* for the holder's final answer once everything arrived */

/* ---- The job: whose turn it is. */
static bool holder_is_busy(const struct engine *engine, uint32_t node)
{
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        const struct transfer *other = &engine->retrieve->transfers[i];
        if (other->used && transfer_has_job(other) && other->holders[other->holder].node == node) {
            return true;
        }
    }
    return false;
}

/* The relay's association counts in the destination's window like one of ours. */
static bool destination_is_free(const struct engine *engine, const struct transfer *transfer)
{
    enum gate gate = transfer->reason == DEMAND_CLIENT ? health_gate(engine, transfer->destination) : health_gate_bulk(engine, transfer->destination);
    return gate == GATE_OPEN;
}

static void destination_release(struct engine *engine, struct out *out, struct transfer *transfer)
{
    if (transfer->destination_taken) {
        transfer->destination_taken = false;
        health_released(engine, out, transfer->destination);
        engine_pump(engine, out, transfer->destination);
    }
}

static uint32_t holder_has(const struct transfer *transfer, size_t holder)
{
    uint32_t count = 0;
    for (const struct item *item = transfer->items; item != NULL; item = item->next) {
        count += item->wanted && !item->delivered && (item->holders >> holder & 1) != 0 ? item->count : 0;
    }
    return count;
}

/* The holder with most of what is missing that may be called now. `*down`: none is there and none is merely busy. */
static size_t holder_choose(const struct engine *engine, const struct transfer *transfer, bool *down)
{
    size_t best = transfer->holder_count;
    uint32_t most = 0;
    *down = true;
    for (size_t i = 0; i < transfer->holder_count; i++) {
        uint32_t node = transfer->holders[i].node, has = holder_has(transfer, i);
        enum gate gate = transfer->reason == DEMAND_CLIENT ? health_gate(engine, node) : health_gate_bulk(engine, node);
        if (has > 0 && gate != GATE_DOWN) {
            *down = false;
            if (gate == GATE_OPEN && !holder_is_busy(engine, node) && has > most) {
                best = i;
                most = has;
            }
        }
    }
    return best;
}

/* ---- The job: ordering it. */
static void job_mark(struct transfer *transfer)
{
    uint32_t listed = 0;
    transfer->job_wanted = transfer->job_answered = 0;
    for (struct series *series = transfer->series; series != NULL; series = series->next) {
        series->in_job = series->total = 0;
    }
    for (struct item *item = transfer->items; item != NULL; item = item->next) {
        bool here = (item->holders >> transfer->holder & 1) != 0;
        item->in_job = item->wanted && !item->delivered && here;
        item->answered = false;
        transfer->job_wanted += item->in_job ? item->count : 0;
        listed += here ? item->count : 0;
        struct series *series = series_of(transfer, item);
        series->total += here ? item->count : 0;
        series->in_job += item->in_job ? item->count : 0;
    }
    items_join(transfer);
    transfer->whole_study = transfer->job_wanted == listed && slice_equal(transfer->level, SLICE("STUDY"));
    transfer->move_series = transfer->series;
    transfer->move_asked = 0;
    transfer->message_id = 0;
}

static bool relay_order(struct engine *engine, struct out *out, struct transfer *transfer)
{
    uint32_t holder = transfer->holders[transfer->holder].node;
    uint32_t count = 0;
    for (const struct item *item = transfer->items; item != NULL; item = item->next) {
        count += item->in_job;
    }
    struct relay_item *items = arena_array(out->arena, count, sizeof *items);
    struct dataset put, *coercion = arena_alloc(out->arena, sizeof *coercion);
    slice source = SLICE_EMPTY;
    if (items == NULL || coercion == NULL) {
        out->full = true;
        return false;
    }
    count = 0;
    for (const struct item *item = transfer->items; item != NULL; item = item->next) {
        if (item->in_job) {
            /* copied: the manifest may be cut and joined again before the command is out */
            items[count++] = (struct relay_item){text_copy(out, item->sop_uid), item->class_uid, item->count};
        }
    }
    bool coerced = coercion_plan(engine, out, transfer->study, holder, transfer->destination, &put, &source);
    if (coerced && dataset_copy(coercion, &put, out->arena, 0) != ERR_OK) {
        out->full = true;
        return false;
    }
    const struct move_request *client = move_of_demand(engine, transfer->demand);
    struct command *command = out_command(out, COMMAND_RELAY);
    command->job = transfer->job;
    command->relay = (struct relay_job){
        .id = transfer->job,
        .holder = node_at(engine, holder)->peer,
        .destination = node_at(engine, transfer->destination)->peer,
        .study_uid = transfer->study_uid,
        .items = items,
        .item_count = count,
        .coercion = coerced ? coercion : NULL,
        .coercion_source = source,
        .move_originator = client == NULL ? SLICE_EMPTY : text_copy(out, client->client),
        .move_originator_id = client == NULL ? 0 : client->request.message_id,
        .deadline_ns = engine->now + RELAY_DEADLINE_NS,
    };
    return true;
}

static void job_start(struct engine *engine, struct out *out, struct transfer *transfer, size_t holder)
{
    struct row_demand row;
    uint32_t node = transfer->holders[holder].node;
    bool found = demand_get(engine, transfer->demand, &row);
    assert(found);
    transfer->holder = (uint32_t)holder;
    job_mark(transfer);
    if (!row_room(engine, TABLE_job_item, transfer->job_wanted) || !row_room(engine, TABLE_job, 1)) {
        transfer_fail(engine, out, transfer, true, SLICE("limit instances_max"));
        return;
    }
    slice what = TEXT(out, transfer->study_uid, SLICE(" "), node_at(engine, node)->name, SLICE(" > "), row.destination);
    if (!access_audit(engine, out, SLICE("DELIVER"), SLICE("ordered"), row.principal, what, row.reason_key)) {
        transfer_fail(engine, out, transfer, true, SLICE("the access cannot be audited"));
        return;
    }
    transfer->job = counter_next(engine, out, SLICE("job"));
    transfer->path = direct_fits(engine, transfer, node) ? PATH_DIRECT : PATH_RELAY;
    row_put_job(engine, out,
                &(struct row_job){.demand = row.id, .id = transfer->job, .holder = node_at(engine, node)->name, .path = transfer->path,
                                  .state = DEMAND_RUNNING, .started_at = engine->now});
    transfer->relay_open = transfer->path == PATH_RELAY && relay_order(engine, out, transfer);
    transfer->destination_taken = transfer->path == PATH_DIRECT || transfer->relay_open;
    if (transfer->destination_taken) {
        health_taken(engine, transfer->destination);
        source_find_yield(engine, out, transfer->destination);
    }
    transfer->root = node_at(engine, node)->study_root ? UID_STUDY_ROOT_MOVE : UID_PATIENT_ROOT_MOVE;
    transfer->final_seen = transfer->lost = transfer->rule_broken = false;
    transfer->why = SLICE_EMPTY;
    transfer->sign_ns = engine->now;
    transfer->phase = PHASE_OPENING;
    transfer->channel = channel_open(engine, out, node, CHANNEL_MOVE, transfer->demand, &transfer->root, 1, 0);
    uint32_t at = row_find_study(engine, &(struct row_study){.id = row.study});
    struct row_person person;
    if (at != ROW_NONE && identity_row(engine, identity_survivor(engine, row_get_study(engine, at).person), &person)) {
        row.epoch = person.epoch; /* of the links that the coercion was planned under */
    }
    if (row.state != DEMAND_RUNNING || row.why.size > 0 || row.path != transfer->path) {
        row.state = DEMAND_RUNNING;
        row.path = transfer->path;
        row.why = SLICE_EMPTY;
        demand_put(engine, out, &row);
    }
    if (transfer->channel == 0) {
        transfer_stop(engine, out, transfer, SLICE("limit channels"));
    }
}

void transfer_run_if_ready(struct engine *engine, struct out *out, struct transfer *transfer)
{
    bool down = false;
    assert(transfer->phase == PHASE_READY);
    bool client = transfer->reason == DEMAND_CLIENT;
    size_t holder = holder_choose(engine, transfer, &down);
    if (health_gate(engine, transfer->destination) == GATE_DOWN) {
        transfer_fail(engine, out, transfer, client, SLICE("the destination is down"));
    } else if (down) {
        transfer_fail(engine, out, transfer, client, SLICE("every holder is down"));
    } else if (holder < transfer->holder_count && destination_is_free(engine, transfer)) {
        job_start(engine, out, transfer, holder);
    }
}

/* ---- The job: moving. */
static slice move_uids(struct out *out, struct transfer *transfer, const struct series *series, size_t *count)
{
    struct buffer text = buffer_make(out->arena, MOVE_UIDS_MAX * (UID_SIZE_MAX + 1));
    uint32_t before = 0; /* instances of the job in this series that stand before: ranges come and go, their order stays */
    *count = 0;
    for (const struct item *item = transfer->items; item != NULL && *count < MOVE_UIDS_MAX; item = item->next) {
        if (!item->in_job || item->series != series->number) {
            continue;
        }
        for (uint32_t i = transfer->move_asked > before ? transfer->move_asked - before : 0; i < item->count && *count < MOVE_UIDS_MAX; i++, (*count)++) {
            char uid[UID_SIZE_MAX + 1];
            buffer_put_text(&text, *count > 0 ? "\\" : "");
            buffer_put(&text, i == 0 ? slice_before(item->sop_uid, UID_SIZE_MAX) : uid_advance(item->sop_uid, i, uid));
        }
        before += item->count;
    }
    transfer->move_asked += (uint32_t)*count;
    out->full = out->full || text.full;
    return buffer_slice(&text);
}

static bool put_key(struct dataset *keys, uint32_t tag, slice value)
{
    return dataset_put(keys, tag, value) == ERR_OK;
}

/* What to ask for next: the study, a whole series, or instances of one; false when everything was asked for. */
static bool move_next(struct out *out, struct transfer *transfer, struct dataset *keys)
{
    if (transfer->whole_study) {
        transfer->move_series = NULL;
        return transfer->message_id == 0 && put_key(keys, TAG_QueryRetrieveLevel, SLICE("STUDY"));
    }
    while (transfer->move_series != NULL) {
        const struct series *series = transfer->move_series;
        bool whole = series->in_job > 0 && series->in_job == series->total && !slice_equal(transfer->level, SLICE("IMAGE"));
        size_t count = 0;
        slice uids = SLICE_EMPTY;
        if (series->in_job > 0 && !whole) {
            uids = move_uids(out, transfer, series, &count);
        }
        if (whole || count == 0) {
            transfer->move_series = series->next;
            transfer->move_asked = 0;
        }
        if (whole || count > 0) {
            return put_key(keys, TAG_QueryRetrieveLevel, whole ? SLICE("SERIES") : SLICE("IMAGE")) &&
                   put_key(keys, TAG_SeriesInstanceUID, series->uid) && (whole || put_key(keys, TAG_SOPInstanceUID, uids));
        }
    }
    return false;
}

static slice patient_at(const struct engine *engine, const struct transfer *transfer, uint32_t node)
{
    uint32_t at = row_find_study(engine, &(struct row_study){.id = transfer->study});
    int64_t person = at == ROW_NONE ? 0 : identity_survivor(engine, row_get_study(engine, at).person);
    return person == 0 ? SLICE_EMPTY : identity_number(engine, person, node_organisation(engine, node)->issuer, 0);
}

static bool move_send(struct engine *engine, struct out *out, struct transfer *transfer)
{
    uint32_t node = transfer->holders[transfer->holder].node;
    struct dataset keys;
    if (dataset_init(&keys, out->arena, 6) != ERR_OK || !put_key(&keys, TAG_StudyInstanceUID, transfer->study_uid)) {
        out->full = true;
        return false;
    }
    if (slice_equal(transfer->root, UID_PATIENT_ROOT_MOVE) && !put_key(&keys, TAG_PatientID, patient_at(engine, transfer, node))) {
        out->full = true;
        return false;
    }
    if (!move_next(out, transfer, &keys)) {
        return false;
    }
    struct dimse request = {
        .kind = DIMSE_C_MOVE_RQ,
        .message_id = ++transfer->message_id,
        .sop_class_uid = transfer->root,
        .move_destination = transfer->path == PATH_DIRECT ? node_at(engine, transfer->destination)->aet : engine->config->aet,
        .priority = transfer->reason == DEMAND_CLIENT ? 1 : 0,
        .remaining = DIMSE_COUNTER_ABSENT, .completed = DIMSE_COUNTER_ABSENT, .failed = DIMSE_COUNTER_ABSENT, .warning = DIMSE_COUNTER_ABSENT,
        .identifier = &keys,
    };
    out_send_dimse(out, transfer->channel, &request);
    return true;
}

/* ---- The job: ending. */
static void job_over(struct engine *engine, struct out *out, struct transfer *transfer);

/* May give the transfer back: nothing of it may be used afterwards. */
static void job_end(struct engine *engine, struct out *out, struct transfer *transfer, bool abort)
{
    transfer_hang_up(engine, out, transfer, abort);
    if (!transfer->relay_open) {
        job_over(engine, out, transfer); /* the relay had its answers and ended before the holder did */
    } else if (transfer->phase != PHASE_ENDING) {
        out_command(out, COMMAND_RELAY_END)->job = transfer->job;
        transfer->phase = PHASE_ENDING;
        timer_set(engine, TIMER_RETRIEVE, transfer->demand, engine->now + engine->config->response_timeout_ns);
        transfer->sign_ns = engine->now;
    }
}

void transfer_stop(struct engine *engine, struct out *out, struct transfer *transfer, slice why)
{
    if (transfer_has_job(transfer)) {
        transfer->why = chain_copy(&transfer->chain, why);
        job_end(engine, out, transfer, true);
    } else {
        transfer_fail(engine, out, transfer, false, why);
    }
}

static slice text_status(struct out *out, uint16_t status)
{
    const uint8_t bytes[] = {(uint8_t)(status >> 8), (uint8_t)status};
    struct buffer text = buffer_make(out->arena, 4);
    buffer_put_hex(&text, (slice){(const char *)bytes, sizeof bytes});
    return buffer_slice(&text);
}

static slice job_gap(const struct transfer *transfer, struct out *out)
{
    uint32_t missing = 0;
    uint16_t status = 0;
    for (const struct item *item = transfer->items; item != NULL; item = item->next) {
        if (item->wanted && !item->delivered) {
            missing += item->count;
            status = item->answered ? item->status : status;
        }
    }
    struct buffer text = buffer_make(out->arena, 120);
    buffer_put_int(&text, missing);
    buffer_put_text(&text, " of ");
    buffer_put_int(&text, transfer->wanted);
    buffer_put_text(&text, " instances did not arrive");
    if (status != 0) {
        buffer_put_text(&text, ", status ");
        buffer_put(&text, text_status(out, status));
    }
    return buffer_slice(&text);
}

/* Everything wanted that could be listed is there: what is left is the proof, or a holder that did not list. */
void transfer_settled(struct engine *engine, struct out *out, struct transfer *transfer)
{
    if (transfer->gap.size > 0) {
        transfer_fail(engine, out, transfer, true, transfer->gap);
        return;
    }
    proof_begin(engine, out, transfer);
}

static void job_over(struct engine *engine, struct out *out, struct transfer *transfer)
{
    bool job_complete = true;
    destination_release(engine, out, transfer);
    row_delete_job(engine, out, &(struct row_job){.demand = transfer->demand});
    for (struct item *item = transfer->items; item != NULL; item = item->next) {
        job_complete = job_complete && (!item->in_job || item->delivered);
        if (MUTANT(M_RETRY_DUP) && !transfer->again) {
            item->delivered = false;
        }
        item->in_job = false;
    }
    items_join(transfer);
    if (MUTANT(M_RETRY_DUP) && !transfer->again) {
        transfer->again = true;
        transfer->delivered = 0;
    }
    schedule_soon(engine);
    if (transfer->given_up) {
        demand_end(engine, out, transfer->demand, DEMAND_FAILED, PROOF_NONE, transfer->why);
        transfer_give(engine, out, transfer);
    } else if (transfer->path == PATH_DIRECT) {
        direct_over(engine, out, transfer);
    } else if (transfer->delivered == transfer->wanted) {
        transfer_settled(engine, out, transfer);
    } else if (job_complete && transfer->why.size == 0) {
        transfer->phase = PHASE_READY; /* the rest is at another holder */
        transfer_run_if_ready(engine, out, transfer);
    } else {
        slice gap = job_gap(transfer, out);
        transfer_fail(engine, out, transfer, true, transfer->why.size > 0 ? TEXT(out, transfer->why, SLICE(": "), gap) : gap);
    }
}

/* ---- Events. */
static void moved(struct engine *engine, struct out *out, struct transfer *transfer, const struct dimse *response)
{
    if (response->kind != DIMSE_C_MOVE_RSP || transfer->phase != PHASE_MOVING) {
        return;
    }
    transfer->sign_ns = engine->now;
    if (status_is_pending(response->status)) {
        if (transfer->path == PATH_DIRECT) {
            move_progress(engine, out, transfer->demand); /* nothing else shows the client that it goes on */
        }
        return;
    }
    uint32_t node = transfer->holders[transfer->holder].node;
    health_worked(engine, out, node);
    transfer->final_seen = true;
    transfer->final_status = response->status;
    if (transfer->path == PATH_DIRECT) {
        direct_answered(engine, transfer, response);
    } else if (response->status != STATUS_SUCCESS && !status_is_warning(response->status) && transfer->why.size == 0) {
        transfer->why = chain_copy(&transfer->chain, TEXT(out, node_at(engine, node)->name, SLICE(" answered "), text_status(out, response->status)));
    }
    if (transfer->job_answered == transfer->job_wanted || !move_send(engine, out, transfer)) {
        job_end(engine, out, transfer, false);
    }
}

static void opened(struct engine *engine, const struct event *event, struct out *out, struct transfer *transfer)
{
    if (contexts_find(&event->contexts, transfer->root, SLICE_EMPTY) == NULL) {
        transfer->why = SLICE("the holder does not offer C-MOVE");
        job_end(engine, out, transfer, false);
        return;
    }
    transfer->phase = PHASE_MOVING;
    transfer->sign_ns = engine->now;
    timer_set(engine, TIMER_RETRIEVE, transfer->demand, engine->now + engine->config->response_timeout_ns);
    if (!move_send(engine, out, transfer)) {
        job_end(engine, out, transfer, false);
    }
}

void transfer_event(struct engine *engine, const struct event *event, struct out *out, struct transfer *transfer, struct channel *channel)
{
    if (channel->number != transfer->channel) {
        return;
    }
    uint32_t node = transfer->holders[transfer->holder].node;
    switch (event->kind) {
    case EVENT_OPENED:
        opened(engine, event, out, transfer);
        break;
    case EVENT_RECEIVED:
        for (size_t i = 0; i < event->run.count && transfer->channel != 0; i++) {
            moved(engine, out, transfer, &event->run.messages[i].dimse);
        }
        break;
    case EVENT_REFUSED:
        transfer->channel = 0;
        transfer->why = chain_copy(&transfer->chain, TEXT(out, node_at(engine, node)->name, SLICE(" cannot be reached")));
        job_end(engine, out, transfer, false);
        break;
    case EVENT_CLOSED:
        transfer->channel = 0;
        transfer->lost = true;
        transfer->why = chain_copy(&transfer->chain, TEXT(out, node_at(engine, node)->name, SLICE(" dropped the association")));
        health_failed(engine, out, node, SLICE("association lost"));
        job_end(engine, out, transfer, false);
        break;
    default:
        break;
    }
}

/* One part of a result, as far as the manifest knows its instances alike. */
static void took_part(struct engine *engine, struct out *out, struct transfer *transfer, struct item *item, const struct relay_result *result)
{
    transfer->job_answered += item->answered ? 0 : item->count;
    item->answered = true;
    item->status = result->status;
    bool there = result->status == STATUS_SUCCESS || status_is_warning(result->status);
    if (there && !item->delivered) {
        item->delivered = true;
        transfer->delivered += item->count;
        row_put_job_item(engine, out,
                         &(struct row_job_item){.demand = transfer->demand, .sop_uid = item->sop_uid, .span = item->count, .status = result->status,
                                                .dataset_sha256 = result->dataset_sha256, .pixel_sha256 = result->pixel_sha256});
    }
}

static void took(struct engine *engine, struct out *out, struct transfer *transfer, const struct relay_result *result)
{
    slice sop_uid = slice_unpad(result->sop_instance_uid);
    uint32_t span = span_count(result->span), count = 0;
    for (uint32_t at = 0; at < span && !transfer->full; at += count) {
        char text[UID_SIZE_MAX + 1];
        struct item *item = item_cut(transfer, at == 0 ? sop_uid : uid_advance(sop_uid, at, text), span - at, &count);
        if (item != NULL && item->in_job) {
            took_part(engine, out, transfer, item, result);
        }
        if (item != NULL) {
            item_join(transfer, item);
        }
    }
}

/* The relay speaks up without ending: either it cannot get through, or the holder broke a rule. */
static void relay_says(struct engine *engine, struct out *out, struct transfer *transfer, slice words)
{
    if (slice_starts(words, SLICE("the destination"))) {
        transfer->why = chain_copy(&transfer->chain, slice_before(words, 200));
        health_failed(engine, out, transfer->destination, SLICE("does not take images"));
    } else if (!transfer->rule_broken) {
        transfer->rule_broken = true; /* once a job: a holder that sends too much does so for every image */
        finding(engine, out, transfer->holders[transfer->holder].node, SLICE("relay"), words);
    }
}

void transfer_relayed(struct engine *engine, const struct event *event, struct out *out, struct transfer *transfer)
{
    uint32_t before = transfer->delivered;
    for (size_t i = 0; i < event->result_count; i++) {
        took(engine, out, transfer, &event->results[i]);
    }
    struct row_demand row;
    if (transfer->delivered != before && demand_get(engine, transfer->demand, &row)) {
        row.delivered = transfer->delivered;
        row_put_demand(engine, out, &row);
        move_progress(engine, out, transfer->demand);
    }
    transfer->sign_ns = engine->now;
    if (event->result_count == 0 && !event->relay_ended && event->relay_text.size == 0) {
        move_progress(engine, out, transfer->demand); /* bytes flow: her client hears that it goes on */
        return;
    }
    if (transfer->phase == PHASE_MOVING && transfer->job_answered == transfer->job_wanted) {
        timer_set(engine, TIMER_RETRIEVE, transfer->demand, engine->now + FINAL_GRACE_NS);
    }
    if (event->relay_text.size > 0 && !event->relay_ended) {
        relay_says(engine, out, transfer, event->relay_text);
    }
    if (!event->relay_ended) {
        return;
    }
    transfer->relay_open = false;
    if (transfer->phase == PHASE_MOVING && transfer->job_answered == transfer->job_wanted) {
        return; /* the holder's final answer is due */
    }
    if (transfer->phase != PHASE_ENDING) { /* the relay gave up by itself */
        transfer_hang_up(engine, out, transfer, true);
        transfer->why = chain_copy(&transfer->chain, event->relay_text.size > 0 ? slice_before(event->relay_text, 200) : SLICE("the relay ended"));
    }
    job_over(engine, out, transfer);
}

void transfer_timer(struct engine *engine, struct out *out, struct transfer *transfer)
{
    time_ns silent_since = transfer->sign_ns + engine->config->response_timeout_ns;
    uint32_t node = transfer->holder < transfer->holder_count ? transfer->holders[transfer->holder].node : NODE_NONE;
    if (transfer->phase == PHASE_MOVING && transfer->job_answered == transfer->job_wanted && engine->now >= transfer->sign_ns + FINAL_GRACE_NS) {
        finding(engine, out, node, SLICE("no final C-MOVE response"), SLICE("everything arrived, the final answer did not"));
        job_end(engine, out, transfer, true);
    } else if (transfer->phase == PHASE_MOVING && engine->now >= silent_since) {
        transfer->why = chain_copy(&transfer->chain, TEXT(out, node_at(engine, node)->name, SLICE(" gave no sign of life")));
        job_end(engine, out, transfer, true);
        health_failed(engine, out, node, SLICE("C-MOVE timed out"));
    } else if (transfer->phase == PHASE_MOVING) {
        timer_set(engine, TIMER_RETRIEVE, transfer->demand, silent_since);
    } else if (transfer->phase == PHASE_ENDING && engine->now >= silent_since) {
        transfer->relay_open = false; /* the driver owes us the end; nothing may wait for it for ever */
        job_over(engine, out, transfer);
    } else if (transfer->phase == PHASE_PROVING || transfer->phase == PHASE_COMMITTING) {
        proof_timer(engine, out, transfer);
    }
}
