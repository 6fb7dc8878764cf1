/* SPDX-License-Identifier: MIT
 *
 * Spool: objects that a modality or a workstation stores to us unasked. Each is safe on disk and its row committed
 * before it is acknowledged; then it is ours until its home, the PACS of the sender's organisation, has it and lists
 * it. What no home takes waits for a person, never forgotten. docs/decisions/0008-what-is-pushed-goes-home.md. */
#include "src/engine/query_private.h"

#define QUIET_NS (500 * TIME_MS)  /* after the last object: more of the study is probably on its way */
#define RETRY_NS (2 * TIME_S)
#define ATTEMPTS_MAX 6            /* of one object at its home */
#define LISTS_MAX 5               /* of a study, before what is not on the list counts as lost there */
#define ROWS_A_STEP 256

enum forward_phase { FORWARD_IDLE, FORWARD_OPENING, FORWARD_SENDING, FORWARD_LISTING };

/* To one home. What was asked of it and not answered is asked again after a crash: it lives in memory. */
struct forward {
    enum forward_phase phase;
    int64_t channel;
    uint32_t rows[RUN_MAX]; /* in flight, in order */
    size_t row_count, answered;
    bool refused, waits; /* waits: a timer is set */
    time_ns due_at;
    uint16_t message_id;
    uint32_t find, lists;
    char study_text[UID_SIZE_MAX], accession_text[32];
    slice study, accession; /* being listed; of what it listed */
    char origin_text[64];
    slice origin;
};
struct spool_state {
    struct forward forwards[NODES_MAX]; /* by home */
};

enum err spool_init(struct engine *engine)
{
    engine->spool = arena_alloc(engine->arena, sizeof *engine->spool);
    return engine->spool == NULL ? ERR_LIMIT : ERR_OK;
}

bool spool_takes(const struct engine *engine, uint32_t node)
{
    return node_at(engine, node)->pushes;
}

static void soon(struct engine *engine, uint32_t home, time_ns wait)
{
    struct forward *forward = &engine->spool->forwards[home];
    if (!forward->waits || forward->due_at > engine->now + wait) {
        forward->waits = true;
        forward->due_at = engine->now + wait;
        timer_set(engine, TIMER_SPOOL, (int64_t)home + 1, forward->due_at);
    }
}

/* ---- Taking over. */
static void answer(struct out *out, const struct channel *channel, const struct object *object, uint16_t status, const char *comment)
{
    struct dimse request = {.kind = DIMSE_C_STORE_RQ, .context_id = (uint8_t)(channel->subject >> 16), .message_id = (uint16_t)channel->subject,
                            .sop_class_uid = slice_unpad(object->sop_class_uid), .sop_instance_uid = slice_unpad(object->sop_instance_uid)};
    struct dimse response = dimse_response(&request, status);
    response.error_comment = slice_from(comment);
    response.object.sop_instance_uid = request.sop_instance_uid;
    out_send_dimse(out, channel->number, &response);
}

static void discard(struct out *out, slice file)
{
    out_command(out, COMMAND_DISCARD)->text = text_copy(out, file);
}

/* One record for each study that an association brings, before the first of its images is taken. */
static bool audited(struct engine *engine, struct out *out, struct channel *channel, const struct object *object)
{
    int64_t study = (int64_t)hash64(13, slice_unpad(object->study_uid));
    bool good = channel->job == study ||
                access_audit(engine, out, SLICE("STORE"), SLICE("accepted"), channel->calling, slice_unpad(object->study_uid), SLICE_EMPTY);
    channel->job = good ? study : channel->job;
    return good;
}

static const char *refusal(struct engine *engine, struct out *out, struct channel *channel, const struct object *object, uint16_t *status)
{
    slice study = slice_unpad(object->study_uid), sop = slice_unpad(object->sop_instance_uid);
    *status = STATUS_IDENTIFIER_MISMATCH;
    if (channel->subject >> 24 != 0 || sop.size == 0 || study.size == 0 || sop.size > UID_SIZE_MAX || study.size > UID_SIZE_MAX) {
        return "the data set is not the instance announced, or names no study";
    }
    *status = STATUS_CANNOT_UNDERSTAND;
    if (lifecycle_hidden(engine, study, sop)) {
        return "this instance was rejected";
    }
    *status = STATUS_OUT_OF_RESOURCES;
    if (!row_room(engine, TABLE_spooled, 1) || !text_room(engine, 4096)) {
        return "limit spool";
    }
    return audited(engine, out, channel, object) ? NULL : "the access cannot be audited";
}

static void take_over(struct engine *engine, struct out *out, struct channel *channel, const struct object *object)
{
    uint32_t home = organisation_source(engine, node_organisation(engine, channel->node), NODE_NONE);
    struct row_spooled row = {
        .sop_uid = slice_unpad(object->sop_instance_uid),
        .origin = node_at(engine, channel->node)->name,
        .study_uid = slice_unpad(object->study_uid),
        .class_uid = slice_unpad(object->sop_class_uid),
        .syntax = slice_unpad(object->transfer_syntax),
        .accession = slice_trim(slice_unpad(object->accession)),
        .file = object->file,
        .size = object->size,
        .home = home == NODE_NONE ? SLICE_EMPTY : node_at(engine, home)->name,
        .state = home == NODE_NONE ? SPOOL_QUARANTINED : SPOOL_HELD,
        .stored_at = engine->now,
        .why = home == NODE_NONE ? SLICE("the sender's organisation has no PACS") : SLICE_EMPTY,
    };
    if (row_find_spooled(engine, &row) != ROW_NONE) {
        discard(out, object->file); /* the same again: we have it */
    } else {
        row_put_spooled(engine, out, &row);
    }
    answer(out, channel, object, STATUS_SUCCESS, "");
    if (home == NODE_NONE) {
        review_open(engine, out, SLICE("spool"), row.study_uid, row.why);
    } else {
        soon(engine, home, QUIET_NS);
    }
}

void spool_stored(struct engine *engine, const struct event *event, struct out *out)
{
    struct channel *channel = channel_find(engine, event->channel);
    uint16_t status = STATUS_SUCCESS;
    if (channel == NULL || channel->kind != CHANNEL_SPOOL) {
        discard(out, event->object.file); /* the sender is gone and was told nothing: it will send it again */
        return;
    }
    const char *why = refusal(engine, out, channel, &event->object, &status);
    if (why == NULL) {
        take_over(engine, out, channel, &event->object);
        return;
    }
    discard(out, event->object.file);
    answer(out, channel, &event->object, status, why);
}

/* What is asked for is noted; the answer waits for STORED. */
static void pushed(struct engine *engine, struct out *out, struct channel *channel, const struct dimse *message)
{
    if (message->kind == DIMSE_C_ECHO_RQ) {
        struct dimse response = dimse_response(message, STATUS_SUCCESS);
        out_send_dimse(out, channel->number, &response);
    } else if (message->kind == DIMSE_C_STORE_RQ) {
        bool same = slice_equal(slice_unpad(message->sop_instance_uid), slice_unpad(message->object.sop_instance_uid));
        channel->subject = (int64_t)message->context_id << 16 | message->message_id | (same ? 0 : (int64_t)1 << 24);
    } else {
        channel_abort(engine, out, channel->number);
    }
}

/* ---- On its way home. */
static uint32_t first_row(const struct engine *engine, uint32_t home, enum spooled_state state)
{
    const struct record_value key[] = {{.text = node_at(engine, home)->name}, {.integer = state}};
    return index_first(engine, INDEX_spooled_home, key);
}

static bool listed_context(const struct contexts *contexts, slice class_uid, slice syntax)
{
    for (size_t i = 0; i < contexts->count; i++) {
        if (slice_equal(contexts->list[i].abstract_syntax, class_uid) && slice_equal(contexts->list[i].transfer_syntaxes[0], syntax)) {
            return true;
        }
    }
    return false;
}

/* Each class in each syntax that is held; native ones in the other native syntax too. */
static struct contexts propose(const struct engine *engine, struct out *out, uint32_t home)
{
    struct contexts contexts = {arena_array(out->arena, CONTEXTS_MAX, sizeof *contexts.list), 0};
    size_t looked = 0;
    for (uint32_t at = first_row(engine, home, SPOOL_HELD); at != ROW_NONE && contexts.list != NULL && looked < ROWS_A_STEP;
         at = index_next(engine, INDEX_spooled_home, at), looked++) {
        struct row_spooled row = row_get_spooled(engine, at);
        bool encapsulated = uid_is_encapsulated(row.syntax);
        slice syntax = encapsulated ? row.syntax : UID_EXPLICIT_LITTLE;
        if (contexts.count == CONTEXTS_MAX || listed_context(&contexts, row.class_uid, syntax)) {
            continue;
        }
        struct context *context = &contexts.list[contexts.count];
        *context = (struct context){.id = (uint8_t)(2 * contexts.count + 1), .abstract_syntax = text_copy(out, row.class_uid)};
        context->transfer_syntaxes[context->syntax_count++] = encapsulated ? text_copy(out, syntax) : syntax;
        if (!encapsulated) {
            context->transfer_syntaxes[context->syntax_count++] = UID_IMPLICIT_LITTLE;
        }
        contexts.count++;
    }
    out->full = out->full || contexts.list == NULL;
    return contexts;
}

static void hang_up(struct engine *engine, struct out *out, struct forward *forward)
{
    struct channel *channel = forward->channel == 0 ? NULL : channel_find(engine, forward->channel);
    if (channel != NULL) {
        channel->subject = 0;
        channel_close(engine, out, channel->number);
    }
    forward->channel = 0;
    forward->phase = FORWARD_IDLE;
}

static void send_run(struct engine *engine, struct out *out, uint32_t home)
{
    struct forward *forward = &engine->spool->forwards[home];
    size_t most = engine->config->run_max == 0 || engine->config->run_max > RUN_MAX ? RUN_MAX : engine->config->run_max;
    struct message *messages = arena_array(out->arena, most, sizeof *messages);
    forward->row_count = forward->answered = 0;
    for (uint32_t at = first_row(engine, home, SPOOL_HELD); at != ROW_NONE && messages != NULL && forward->row_count < most;
         at = index_next(engine, INDEX_spooled_home, at)) {
        struct row_spooled row = row_get_spooled(engine, at);
        struct message *message = &messages[forward->row_count];
        *message = (struct message){.protocol = PROTOCOL_DICOM};
        message->dimse = (struct dimse){.kind = DIMSE_C_STORE_RQ, .message_id = ++forward->message_id, .sop_class_uid = text_copy(out, row.class_uid),
                                        .sop_instance_uid = text_copy(out, row.sop_uid), .remaining = DIMSE_COUNTER_ABSENT,
                                        .completed = DIMSE_COUNTER_ABSENT, .failed = DIMSE_COUNTER_ABSENT, .warning = DIMSE_COUNTER_ABSENT};
        message->dimse.object = (struct object){.sop_class_uid = message->dimse.sop_class_uid, .sop_instance_uid = message->dimse.sop_instance_uid,
                                                .study_uid = text_copy(out, row.study_uid), .transfer_syntax = text_copy(out, row.syntax),
                                                .file = text_copy(out, row.file), .size = row.size, .study = -1, .instance = -1};
        forward->rows[forward->row_count++] = at;
    }
    if (forward->row_count == 0) {
        out->full = out->full || messages == NULL;
        hang_up(engine, out, forward);
        soon(engine, home, 0); /* everything went: now its list */
        return;
    }
    forward->phase = FORWARD_SENDING;
    struct command *command = out_command(out, COMMAND_SEND);
    command->channel = forward->channel;
    command->run = (struct run){messages, forward->row_count};
}

static void delivered(struct engine *engine, struct out *out, struct row_spooled row)
{
    row.state = SPOOL_DELIVERED;
    row_put_spooled(engine, out, &row);
    discard(out, row.file);
    struct row_spooled key = {.sop_uid = text_copy(out, row.sop_uid), .origin = text_copy(out, row.origin)};
    row_delete_spooled(engine, out, &key);
}

/* Not taken, or lost there: again, some times; then a person looks at it. */
static void not_taken(struct engine *engine, struct out *out, struct row_spooled row, slice why)
{
    row.attempts++;
    row.state = row.attempts >= ATTEMPTS_MAX ? SPOOL_QUARANTINED : SPOOL_HELD;
    row.why = why;
    if (row.state == SPOOL_QUARANTINED) {
        review_open(engine, out, SLICE("spool"), row.study_uid, TEXT(out, row.home, SLICE(" does not take it: "), why));
    }
    row_put_spooled(engine, out, &row);
}

static void remember_exam(struct forward *forward, const struct row_spooled *row)
{
    if (row->accession.size <= sizeof forward->accession_text && row->origin.size <= sizeof forward->origin_text) {
        memcpy(forward->accession_text, row->accession.data, row->accession.size);
        memcpy(forward->origin_text, row->origin.data, row->origin.size);
        forward->accession = (slice){forward->accession_text, row->accession.size};
        forward->origin = (slice){forward->origin_text, row->origin.size};
    }
}

/* It arrived: the examination it belongs to may be published, or has more images than before. */
static void wake_exam(struct engine *engine, struct out *out, struct forward *forward)
{
    uint32_t origin = node_by_name(engine, forward->origin);
    if (forward->accession.size == 0 || origin == NODE_NONE) {
        return;
    }
    struct number number = accession_read(engine, forward->accession, SLICE_EMPTY, origin);
    uint32_t at = row_find_exam(engine, &(struct row_exam){.issuer = number.issuer, .accession = number.value});
    if (at != ROW_NONE) {
        publish_pushed(engine, out, at);
    }
    forward->accession = SLICE_EMPTY;
}

static void stored_at_home(struct engine *engine, struct out *out, uint32_t home, const struct dimse *response)
{
    struct forward *forward = &engine->spool->forwards[home];
    if (response->kind != DIMSE_C_STORE_RSP || forward->phase != FORWARD_SENDING || forward->answered == forward->row_count) {
        return;
    }
    uint32_t at = forward->rows[forward->answered++];
    struct row_spooled row = row_get_spooled(engine, at);
    if (response->status != STATUS_SUCCESS && !status_is_warning(response->status)) {
        forward->refused = true;
        not_taken(engine, out, row, SLICE("it refused the image"));
    } else if (node_at(engine, home)->answers_list) {
        row.state = SPOOL_SENT;
        row_put_spooled(engine, out, &row);
    } else {
        remember_exam(forward, &row);
        delivered(engine, out, row);
    }
    if (forward->answered < forward->row_count) {
        return;
    }
    if (forward->refused) {
        hang_up(engine, out, forward);
        soon(engine, home, RETRY_NS);
    } else {
        send_run(engine, out, home);
    }
}

static void forward_event(struct engine *engine, const struct event *event, struct out *out, struct channel *channel)
{
    uint32_t home = channel->node;
    struct forward *forward = &engine->spool->forwards[home];
    if (channel->number != forward->channel) {
        return;
    }
    switch (event->kind) {
    case EVENT_OPENED:
        send_run(engine, out, home);
        break;
    case EVENT_RECEIVED:
        for (size_t i = 0; i < event->run.count && forward->channel != 0; i++) {
            stored_at_home(engine, out, home, &event->run.messages[i].dimse);
        }
        break;
    case EVENT_CLOSED:
        health_failed(engine, out, home, SLICE("association lost"));
        /* fall through */
    case EVENT_REFUSED:
        forward->channel = 0;
        forward->phase = FORWARD_IDLE;
        soon(engine, home, RETRY_NS);
        break;
    default:
        break;
    }
}

void spool_event(struct engine *engine, const struct event *event, struct out *out, struct channel *channel)
{
    if (channel->kind == CHANNEL_FORWARD) {
        forward_event(engine, event, out, channel);
        return;
    }
    for (size_t i = 0; event->kind == EVENT_RECEIVED && i < event->run.count; i++) {
        pushed(engine, out, channel, &event->run.messages[i].dimse);
    }
}

/* ---- Is it there? Its own list says so. */
static void list_study(struct engine *engine, struct out *out, uint32_t home, uint32_t at)
{
    static const uint32_t returns[] = {TAG_SOPInstanceUID, TAG_SeriesInstanceUID, TAG_InstanceNumber};
    struct forward *forward = &engine->spool->forwards[home];
    struct row_spooled row = row_get_spooled(engine, at);
    struct dataset keys;
    if (!slice_equal(row.study_uid, forward->study)) {
        memcpy(forward->study_text, row.study_uid.data, row.study_uid.size);
        forward->study = (slice){forward->study_text, row.study_uid.size};
        forward->lists = 0;
    }
    bool full = dataset_init(&keys, out->arena, 6) != ERR_OK || dataset_put(&keys, TAG_StudyInstanceUID, forward->study) != ERR_OK;
    for (size_t i = 0; i < sizeof returns / sizeof returns[0] && !full; i++) {
        full = dataset_put(&keys, returns[i], SLICE_EMPTY) != ERR_OK;
    }
    out->full = out->full || full;
    struct find_question question = {.node = home, .level = FIND_IMAGE, .keys = &keys, .deadline_ns = engine->now + engine->config->response_timeout_ns,
                                     .owner = FIND_OF_SPOOL, .owner_id = home};
    forward->find = full ? 0 : source_find_start(engine, out, &question);
    if (forward->find == 0) {
        soon(engine, home, RETRY_NS);
        return;
    }
    forward->phase = FORWARD_LISTING;
}

static void found_one(struct engine *engine, struct out *out, int64_t id, uint32_t find, slice sop_uid)
{
    struct forward *forward = &engine->spool->forwards[id];
    for (uint32_t node = 0; node < engine->config->node_count && forward->find == find; node++) {
        struct row_spooled key = {.sop_uid = sop_uid, .origin = node_at(engine, node)->name};
        uint32_t at = spool_takes(engine, node) ? row_find_spooled(engine, &key) : ROW_NONE;
        if (at == ROW_NONE) {
            continue;
        }
        struct row_spooled row = row_get_spooled(engine, at);
        if (row.state == SPOOL_SENT && slice_equal(row.home, node_at(engine, (uint32_t)id)->name)) {
            remember_exam(forward, &row);
            delivered(engine, out, row);
        }
    }
}

void spool_found_row(struct engine *engine, struct out *out, int64_t id, uint32_t find, const struct find_row *found)
{
    slice sop_uid = slice_unpad(found->sop_uid);
    for (uint32_t i = 0; i < span_count(found->span); i++) {
        char text[UID_SIZE_MAX + 1];
        found_one(engine, out, id, find, i == 0 ? sop_uid : uid_advance(sop_uid, i, text));
    }
}

/* What it acknowledged and does not list is missing after all: sent again. */
static void take_back(struct engine *engine, struct out *out, uint32_t home)
{
    struct forward *forward = &engine->spool->forwards[home];
    uint32_t taken = 0;
    for (uint32_t at = first_row(engine, home, SPOOL_SENT), next; at != ROW_NONE && taken < ROWS_A_STEP; at = next) {
        next = index_next(engine, INDEX_spooled_home, at);
        struct row_spooled row = row_get_spooled(engine, at);
        if (slice_equal(row.study_uid, forward->study)) {
            taken++;
            not_taken(engine, out, row, SLICE("it acknowledged the image and does not list it"));
        }
    }
    if (taken > 0) {
        finding(engine, out, home, SLICE("acknowledged but not listed"), TEXT(out, text_int(out, taken), SLICE(" pushed images are not on its list")));
    }
}

static bool study_waits(const struct engine *engine, uint32_t home, slice study)
{
    for (uint32_t at = first_row(engine, home, SPOOL_SENT); at != ROW_NONE; at = index_next(engine, INDEX_spooled_home, at)) {
        if (slice_equal(row_get_spooled(engine, at).study_uid, study)) {
            return true;
        }
    }
    return false;
}

void spool_found_end(struct engine *engine, struct out *out, int64_t id, uint32_t find, enum find_outcome outcome, slice why)
{
    struct forward *forward = &engine->spool->forwards[id];
    (void)why;
    if (forward->find != find) {
        return;
    }
    forward->find = 0;
    forward->phase = FORWARD_IDLE;
    wake_exam(engine, out, forward);
    bool lacks = study_waits(engine, (uint32_t)id, forward->study);
    if (lacks && outcome == FIND_COMPLETE && ++forward->lists >= LISTS_MAX) {
        take_back(engine, out, (uint32_t)id);
        forward->lists = 0;
    }
    soon(engine, (uint32_t)id, lacks ? RETRY_NS : 0);
}

/* ---- When. */
void spool_timer(struct engine *engine, struct out *out, int64_t subject)
{
    uint32_t home = (uint32_t)(subject - 1);
    struct forward *forward = &engine->spool->forwards[home];
    uint32_t sent = ROW_NONE;
    if (!forward->waits || engine->now < forward->due_at) {
        return; /* an older timer */
    }
    forward->waits = false;
    if (forward->phase != FORWARD_IDLE) {
        return; /* its end looks again */
    }
    if (first_row(engine, home, SPOOL_HELD) != ROW_NONE) {
        if (health_gate_bulk(engine, home) != GATE_OPEN) {
            soon(engine, home, RETRY_NS);
            return;
        }
        struct contexts contexts = propose(engine, out, home);
        forward->refused = false;
        forward->message_id = 0;
        forward->channel = contexts.count == 0 ? 0 : channel_open_contexts(engine, out, home, CHANNEL_FORWARD, (int64_t)home + 1, contexts, 0);
        forward->phase = forward->channel == 0 ? FORWARD_IDLE : FORWARD_OPENING;
        if (forward->channel == 0) {
            soon(engine, home, RETRY_NS);
        }
    } else if ((sent = first_row(engine, home, SPOOL_SENT)) != ROW_NONE) {
        list_study(engine, out, home, sent);
    } else {
        wake_exam(engine, out, forward);
    }
}

void spool_pump(struct engine *engine, struct out *out, uint32_t node)
{
    (void)out;
    if (engine->spool->forwards[node].phase == FORWARD_IDLE && first_row(engine, node, SPOOL_HELD) != ROW_NONE) {
        soon(engine, node, 0);
    }
}

void spool_restored(struct engine *engine, struct out *out)
{
    (void)out;
    for (uint32_t node = 0; node < engine->config->node_count; node++) {
        if (first_row(engine, node, SPOOL_HELD) != ROW_NONE || first_row(engine, node, SPOOL_SENT) != ROW_NONE) {
            soon(engine, node, 0);
        }
    }
}
