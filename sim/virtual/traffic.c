/* SPDX-License-Identifier: MIT
 *
 * What moves on channels: out through the outbox of an end, over the links, into the inbox of the other, through the
 * service of its node to its actor. In order on each channel and direction, whatever the times say. */
#include "sim/virtual/virtual_private.h"

#include "src/hl7/hl7.h"

#define OBJECT_BYTES (INT64_C(512) << 10)
#define STATUS_UNREACHABLE STATUS_SOP_CLASS_NOT_SUPPORTED

/* ---- Lists. */

static void list_add(struct payload **first, struct payload **last, struct payload *payload)
{
    payload->next = NULL;
    if (*last == NULL) {
        *first = payload;
    } else {
        (*last)->next = payload;
    }
    *last = payload;
}

static struct payload *list_take(struct payload **first, struct payload **last)
{
    struct payload *payload = *first;
    *first = payload->next;
    *last = *first == NULL ? NULL : *last;
    return payload;
}

void payload_list_drop(struct virtual *virtual, struct payload **first, struct payload **last)
{
    while (*first != NULL) {
        payload_free(virtual, list_take(first, last));
    }
}

struct pending *pipe_put(struct virtual *virtual, uint32_t ref, time_ns at_ns, enum queue_class class, enum pending_kind kind)
{
    const struct channel *channel = pipe_at(virtual, REF_CHANNEL(ref));
    struct pending *pending = virtual_put(virtual, at_ns, class, channel->ends[REF_END(ref)].node, kind);
    if (pending != NULL) {
        pending->subject = REF_CHANNEL(ref);
        pending->end = (uint8_t)REF_END(ref);
        pending->generation = channel->generation;
    }
    return pending;
}

/* ---- Out. */

static void other_gets(struct virtual *virtual, uint32_t ref, time_ns at_ns, struct payload *payload)
{
    uint32_t to = REF(REF_CHANNEL(ref), 1 - REF_END(ref));
    struct end *end = end_at(virtual, ref);
    at_ns = at_ns < end->arrival_ns ? end->arrival_ns : at_ns; /* nothing overtakes on a connection */
    end->arrival_ns = at_ns;
    struct pending *pending = pipe_put(virtual, to, at_ns, CLASS_MESSAGE, PENDING_ARRIVE);
    if (pending == NULL) {
        payload_free(virtual, payload);
        return;
    }
    pending->payload = payload;
    pending->parent = payload->parent;
}

static uint64_t draw_key(const struct end *end)
{
    return mix_number(end->node, (uint64_t)end->number);
}

static bool wants_room(const struct payload *payload)
{
    return payload->kind == PAYLOAD_RUN && payload->protocol == PROTOCOL_DICOM && payload->responses && payload->count > 0 &&
           status_is_pending(payload->dimse[payload->count - 1].status) && payload->dimse[payload->count - 1].kind == DIMSE_C_FIND_RSP;
}

/* It has left, and will be there after the delay. */
static void left(struct virtual *virtual, uint32_t ref, struct payload *payload, time_ns left_ns, time_ns delay_ns)
{
    struct end *end = end_at(virtual, ref);
    if (wants_room(payload)) {
        (void)pipe_put(virtual, ref, left_ns, CLASS_RELEASE, PENDING_ROOM);
    }
    if (payload->stores) {
        pipe_timeout(virtual, ref, TIMEOUT_MESSAGE, left_ns + delay_ns + virtual->limits.message_timeout_ns);
    } else {
        end->moved_ns = left_ns;
    }
    other_gets(virtual, ref, left_ns + delay_ns, payload);
}

void pipe_waits_for_each(struct virtual *virtual, uint32_t ref, time_ns more_ns)
{
    struct end *end = end_at(virtual, ref);
    uint32_t holder = end->passage == 0 || end->number != 0 ? 0 : passage_holder(virtual, end->passage - 1);
    if (end->timeout == TIMEOUT_MESSAGE) {
        pipe_timeout(virtual, ref, TIMEOUT_MESSAGE, end->due_ns + more_ns);
    }
    if (holder != 0) {
        pipe_waits_for_each(virtual, REF(holder - 1, 0), more_ns);
    }
}

void pipe_left(struct virtual *virtual, uint32_t channel, unsigned end, struct payload *payload, time_ns extra_ns)
{
    uint32_t ref = REF(channel, end);
    const struct channel *self = pipe_at(virtual, channel);
    const struct path *path = network_path(virtual, self->ends[end].node, self->ends[1 - end].node);
    time_ns delay = path_delay_ns(virtual, path, payload->bytes, draw_key(&self->ends[end]), pipe_at(virtual, channel)->ends[end].sent++);
    payload->streamed = true; /* over what lies behind the other end, too, if it goes on at once */
    left(virtual, ref, payload, virtual->now_ns, delay + extra_ns);
    pipe_pump(virtual, ref);
}

/* The release is answered; a partner out of reach is not waited for longer than so. */
static void release_self(struct virtual *virtual, uint32_t ref, const struct path *path)
{
    struct end *end = end_at(virtual, ref);
    time_ns answer = 2 * path->delay_ns < virtual->limits.release_timeout_ns ? 2 * path->delay_ns : virtual->limits.release_timeout_ns;
    bool dicom = pipe_at(virtual, REF_CHANNEL(ref))->protocol == PROTOCOL_DICOM;
    if (end->state != END_ENDED) {
        end->state = END_CLOSING;
        pipe_timeout(virtual, ref, TIMEOUT_NONE, 0);
        pipe_over_later(virtual, ref, virtual->now_ns + (dicom ? answer : 0), CLOSED_RELEASED, -1);
    }
}

/* Answers of our own to requests that no context takes. */
static void answer_self(struct virtual *virtual, uint32_t ref, struct payload *requests)
{
    struct dimse answers[RUN_MAX];
    size_t count = 0;
    for (; count < requests->count && count < RUN_MAX; count++) {
        const struct dimse *request = &requests->dimse[count];
        answers[count] = dimse_response(request, STATUS_UNREACHABLE);
        answers[count].object = (struct object){.sop_instance_uid = request->sop_instance_uid, .span = request->object.span};
        answers[count].span = request->span;
    }
    struct payload *payload = virtual_keep(virtual, payload_make_dimse(&virtual->slab, answers, count));
    struct pending *pending = payload == NULL ? NULL : pipe_put(virtual, ref, virtual->now_ns, CLASS_MESSAGE, PENDING_ARRIVE);
    if (pending != NULL) {
        payload->responses = true;
        payload->refused = true; /* of ours: nothing awaited it */
        pending->payload = payload;
    }
    payload_free(virtual, requests);
}

/* Where a relay passes on what comes, both ways are one flow. */
static const struct path *onward_path(struct virtual *virtual, uint32_t ref)
{
    const struct end *other = &pipe_at(virtual, REF_CHANNEL(ref))->ends[1 - REF_END(ref)];
    uint32_t onward = other->passage == 0 || other->number == 0 ? 0 : passage_onward(virtual, other->passage - 1);
    if (onward == 0) {
        return NULL;
    }
    const struct channel *behind = pipe_at(virtual, onward - 1);
    return network_path(virtual, behind->ends[0].node, behind->ends[1].node);
}

static time_ns turnarounds(const struct payload *payload, const struct path *path, const struct path *onward)
{
    time_ns round_trip = 2 * (path->delay_ns + (onward == NULL ? 0 : onward->delay_ns));
    return payload->stores && payload->instances > 1 ? (payload->instances - 1) * round_trip : 0; /* each waits for its answer */
}

/* Of one that stands for many associations each further one is opened before its instance goes: a connection, the request, the
 * answer, and what both sides take for it. */
static time_ns openings(const struct virtual *virtual, const struct channel *channel, unsigned end, const struct payload *payload, const struct path *path)
{
    if (channel->span <= 1 || end != 0 || !payload->stores || payload->instances <= 1) {
        return 0;
    }
    const struct virtual_time *takes = &virtual->nodes[channel->ends[1].node].services[VIRTUAL_ASSOCIATE].time;
    return (payload->instances - 1) * (4 * path->delay_ns + virtual->nodes[channel->ends[0].node].setup.connect_ns + takes->base_ns + takes->each_ns);
}

/* False when it must wait: what is before it moves, or the way is blocked. */
static bool transmit(struct virtual *virtual, uint32_t ref, struct payload *payload)
{
    struct channel *channel = pipe_at(virtual, REF_CHANNEL(ref));
    unsigned e = REF_END(ref);
    struct end *end = &channel->ends[e];
    const struct path *path = network_path(virtual, end->node, channel->ends[1 - e].node);
    uint32_t blocked = path_blocked(virtual, path);
    if (blocked != 0) {
        if (payload->kind == PAYLOAD_END && payload->cause == CLOSED_RELEASED && end->state == END_OPEN) {
            end->state = END_CLOSING;
            pipe_timeout(virtual, ref, TIMEOUT_NONE, 0);
            pipe_over_later(virtual, ref, virtual->now_ns + virtual->limits.release_timeout_ns, CLOSED_RELEASED, -1);
        }
        network_park(virtual, blocked - 1, REF_CHANNEL(ref), e);
        return false;
    }
    (void)list_take(&end->outbox, &end->outbox_last);
    if (payload->refused) {
        answer_self(virtual, ref, payload);
        return true;
    }
    if (payload->kind == PAYLOAD_END && payload->cause == CLOSED_RELEASED && end->state == END_OPEN) {
        release_self(virtual, ref, path);
    }
    if (payload->stores) {
        end->storing += payload->instances;
        payload->began_ns = payload->began_ns == 0 ? virtual->now_ns : payload->began_ns;
    }
    const struct path *onward = payload->streamed ? NULL : onward_path(virtual, ref);
    time_ns extra = turnarounds(payload, path, onward) + openings(virtual, channel, e, payload, path);
    bool limited = path_is_limited(virtual, path) || (onward != NULL && path_is_limited(virtual, onward));
    if (payload->streamed) {
        payload->streamed = false;
        left(virtual, ref, payload, virtual->now_ns, path_delay_ns(virtual, path, payload->bytes, draw_key(end), end->sent++));
        return true;
    }
    if (limited && payload->bytes > virtual->config.small_max && flow_start(virtual, REF_CHANNEL(ref), e, payload, path, onward, extra)) {
        return true;
    }
    time_ns delay = path_delay_ns(virtual, path, payload->bytes, draw_key(end), end->sent++);
    if (payload->kind == PAYLOAD_ASK) {
        delay += (payload->protocol == PROTOCOL_DICOM ? 2 * path->delay_ns : 0) + virtual->nodes[end->node].setup.connect_ns; /* the connection first */
    }
    left(virtual, ref, payload, virtual->now_ns + path_transmit_ns(virtual, path, payload->bytes), delay + extra);
    return true;
}

static bool may_go(const struct end *end, const struct payload *payload)
{
    switch (payload->kind) {
    case PAYLOAD_ASK:
    case PAYLOAD_CONTEXTS:
        return true;
    case PAYLOAD_END:
        return end->state != END_OPENING || payload->cause != CLOSED_RELEASED;
    default:
        return end->state == END_OPEN && !(payload->stores && end->storing > 0);
    }
}

void pipe_pump(struct virtual *virtual, uint32_t ref)
{
    struct end *end = end_at(virtual, ref);
    while (end->outbox != NULL && end->flow == 0 && !end->parked && may_go(end, end->outbox) && transmit(virtual, ref, end->outbox)) {
    }
}

void pipe_send(struct virtual *virtual, uint32_t ref, struct payload *payload)
{
    struct end *end = end_at(virtual, ref);
    payload->parent = virtual->cause;
    list_add(&end->outbox, &end->outbox_last, payload);
    pipe_pump(virtual, ref);
}

void pipe_retry(struct virtual *virtual, uint32_t channel, unsigned end)
{
    pipe_pump(virtual, REF(channel, end));
}

void pipe_room(struct virtual *virtual, uint32_t ref)
{
    struct end *end = end_at(virtual, ref);
    if (end->state == END_OPEN && end->passage == 0) {
        node_clear_event(virtual, EVENT_ROOM, end->number, PROTOCOL_DICOM);
        node_take(virtual, end->node, 0);
    }
}

/* ---- A run of the actor's own. */

static bool is_response(enum dimse_kind kind)
{
    static const bool responses[DIMSE_COUNT] = {
#define DIMSE(name, field, response, text) response,
#include "src/dicom/dimse.def"
#undef DIMSE
    };
    return responses[kind];
}

static const struct context *context_for(const struct channel *channel, const struct dimse *message)
{
    static const struct contexts none = {NULL, 0};
    const struct contexts *contexts = channel->contexts == NULL ? &none : &channel->contexts->contexts;
    const struct context *found = message->context_id != 0 ? contexts_get(contexts, message->context_id)
                                                           : contexts_find(contexts, message->sop_class_uid, message->object.transfer_syntax);
    return found != NULL && found->result == CONTEXT_ACCEPTED ? found : NULL;
}

/* What the bytes would say: size and digests, and the attributes that a receiver keeps. */
static void describe(struct virtual *virtual, uint32_t node, struct object *object, const struct context *context)
{
    const struct virtual_config *config = &virtual->config;
    if (object->size <= 0) {
        object->size = config->object_size == NULL ? OBJECT_BYTES : config->object_size(config->object_self, node, object);
    }
    if (config->object_header != NULL && object->study >= 0) {
        object->changed = (struct dataset *)(uintptr_t)config->object_header(config->object_self, node, object, &virtual->header);
    }
    if (object->study >= 0 && object->dataset_sha256.size == 0) {
        char *texts = arena_alloc(&virtual->header, 130);
        if (texts != NULL) {
            virtual_study_digest(config->seed, object->study, false, texts);
            virtual_study_digest(config->seed, object->study, true, texts + 65);
            object->dataset_sha256 = (slice){texts, 64};
            object->pixel_sha256 = (slice){texts + 65, 64};
        }
    }
    object->transfer_syntax = context->accepted_syntax; /* the key stays: who has it may send it on, as no file is kept */
}

static int64_t bytes_of(const struct dimse *message)
{
    struct message whole;
    whole.protocol = PROTOCOL_DICOM;
    whole.dimse.identifier = message->identifier;
    int64_t bytes = payload_message_bytes(&whole) * dimse_instances(message);
    return message->kind == DIMSE_C_STORE_RQ ? bytes + (message->object.size + 400) * span_count(message->object.span) : bytes;
}

/* As much of a message as has passed whole, of so many bytes; false when nothing has. */
static bool cut_message(struct dimse *message, int64_t *bytes)
{
    int64_t instances = dimse_instances(message), each = bytes_of(message) / instances, whole = *bytes / (each > 0 ? each : 1);
    whole = whole < instances ? whole : instances;
    *bytes = whole < instances ? 0 : *bytes - whole * each;
    message->object.span = whole > 1 ? (uint32_t)whole : 0;
    return whole > 0;
}

int64_t pipe_whole(const struct payload *payload, int64_t bytes)
{
    int64_t instances = 0;
    for (size_t i = 0; i < payload->count; i++) {
        struct dimse message = payload->dimse[i];
        if (!cut_message(&message, &bytes)) {
            break;
        }
        instances += dimse_instances(&message);
    }
    return instances;
}

void pipe_cut_short(struct virtual *virtual, uint32_t channel, unsigned end, struct payload *payload, int64_t bytes)
{
    const struct channel *self = pipe_at(virtual, channel);
    struct dimse whole[RUN_MAX];
    size_t count = 0;
    bool heard = payload->stores && self->ends[1 - end].state == END_OPEN && virtual->err == ERR_OK;
    for (; heard && count < payload->count && count < RUN_MAX; count++) {
        whole[count] = payload->dimse[count];
        if (!cut_message(&whole[count], &bytes)) {
            break;
        }
    }
    struct payload *part = count == 0 ? NULL : virtual_keep(virtual, payload_make_dimse(&virtual->slab, whole, count));
    if (part != NULL) {
        part->stores = part->streamed = true;
        part->parent = payload->parent;
        part->began_ns = payload->began_ns;
        for (size_t i = 0; i < count; i++) {
            part->instances += dimse_instances(&whole[i]);
            part->bytes += bytes_of(&whole[i]);
        }
        other_gets(virtual, REF(channel, end), virtual->now_ns + network_path(virtual, self->ends[end].node, self->ends[1 - end].node)->delay_ns, part);
    }
    payload_free(virtual, payload);
}

static void send_group(struct virtual *virtual, uint32_t ref, const struct dimse *messages, size_t count, bool refused)
{
    struct payload *payload = count == 0 ? NULL : virtual_keep(virtual, payload_make_dimse(&virtual->slab, messages, count));
    if (payload == NULL) {
        return;
    }
    payload->responses = is_response(messages[0].kind);
    payload->stores = messages[0].kind == DIMSE_C_STORE_RQ && !refused;
    payload->refused = refused;
    for (size_t i = 0; i < count; i++) {
        payload->bytes += bytes_of(&messages[i]);
        payload->instances += dimse_instances(&messages[i]);
    }
    pipe_send(virtual, ref, payload);
}

static void note_proof(struct virtual *virtual, bool equal)
{
    virtual->counts.proofs += equal;
    virtual->counts.unequal += !equal;
}

static void send_dicom(struct virtual *virtual, uint32_t ref, const struct command *command)
{
    struct channel *channel = pipe_at(virtual, REF_CHANNEL(ref));
    uint32_t node = end_at(virtual, ref)->node;
    struct dimse group[RUN_MAX];
    size_t count = 0;
    bool refused = false, proves = proof_is_due(virtual, draw_key(end_at(virtual, ref)), end_at(virtual, ref)->sent);
    arena_reset(&virtual->header);
    for (size_t i = 0; i < command->run.count; i++) {
        const struct dimse *message = &command->run.messages[i].dimse;
        const struct context *context = context_for(channel, message);
        bool response = is_response(message->kind) || message->kind == DIMSE_C_CANCEL_RQ;
        if (context == NULL && response) {
            continue; /* no context to say it on */
        }
        if (count == RUN_MAX || (count > 0 && refused != (context == NULL))) {
            send_group(virtual, ref, group, count, refused);
            count = 0;
        }
        refused = context == NULL;
        group[count] = *message;
        if (context != NULL) {
            group[count].context_id = context->id;
            if (message->kind == DIMSE_C_STORE_RQ) {
                describe(virtual, node, &group[count].object, context);
            }
            if (proves) {
                note_proof(virtual, proof_dimse(virtual, &group[count], context->accepted_syntax));
            }
        }
        count++;
    }
    send_group(virtual, ref, group, count, refused);
}

/* Bytes that leave as they are are read as any receiver reads them. */
static const struct message *read_bytes(struct virtual *virtual, slice bytes, struct message *read)
{
    struct hl7_message parsed;
    *read = (struct message){.protocol = PROTOCOL_HL7, .unreadable = bytes};
    arena_reset(&virtual->step_read);
    if (hl7_parse(&parsed, bytes, &virtual->step_read) == ERR_OK && hl7_read(&read->hl7, &parsed, &virtual->step_read) == ERR_OK) {
        read->unreadable = SLICE_EMPTY;
    }
    return read;
}

static void send_hl7(struct virtual *virtual, uint32_t ref, const struct command *command)
{
    for (size_t i = 0; i < command->run.count; i++) {
        const struct message *message = &command->run.messages[i];
        struct message read;
        const struct message *leaves = message->unreadable.size > 0 ? read_bytes(virtual, message->unreadable, &read) : message;
        if (message->unreadable.size == 0 && proof_is_due(virtual, draw_key(end_at(virtual, ref)), end_at(virtual, ref)->sent)) {
            note_proof(virtual, proof_hl7(virtual, &message->hl7));
        }
        struct payload *payload = virtual_keep(virtual, payload_make_run(&virtual->slab, PROTOCOL_HL7, leaves, 1));
        if (payload != NULL) {
            payload->responses = leaves->hl7.type == HL7_ACK;
            payload->instances = 1;
            payload->bytes = payload_message_bytes(message);
            pipe_send(virtual, ref, payload);
        }
    }
}

void pipe_send_run(struct virtual *virtual, uint32_t ref, const struct command *command)
{
    struct end *end = end_at(virtual, ref);
    if (end->state != END_OPEN || end->passage != 0) {
        virtual->counts.dropped++;
    } else if (pipe_at(virtual, REF_CHANNEL(ref))->protocol == PROTOCOL_DICOM) {
        send_dicom(virtual, ref, command);
    } else {
        send_hl7(virtual, ref, command);
    }
}

/* ---- In. */

void pipe_arrive(struct virtual *virtual, uint32_t ref, struct payload *payload)
{
    struct end *end = end_at(virtual, ref);
    if (payload->kind == PAYLOAD_ASK && !pipe_take_ask(virtual, ref, payload)) {
        return;
    }
    if (end->state == END_ENDED || end->state == END_CLOSING) {
        bool over = payload->kind == PAYLOAD_END && end->number == 0 && end->passage == 0;
        payload_free(virtual, payload);
        virtual->counts.dropped += !over;
        return;
    }
    end->moved_ns = virtual->now_ns;
    payload->service = (uint8_t)service_of(payload);
    list_add(&end->inbox, &end->inbox_last, payload);
    pipe_work(virtual, ref);
}

static void put_stored(struct virtual *virtual, uint32_t ref, const struct dimse *message)
{
    struct end *end = end_at(virtual, ref);
    struct dimse stored = *message;
    char path[64];
    struct buffer text = buffer_over(path, sizeof path);
    buffer_put_text(&text, "spool/");
    buffer_put_int(&text, virtual->nodes[end->node].meta.life);
    buffer_put_text(&text, "-");
    buffer_put_int(&text, end->number);
    buffer_put_text(&text, "-");
    buffer_put_int(&text, ++end->files);
    buffer_put_text(&text, ".dcm");
    stored.object.file = buffer_slice(&text);
    struct payload *payload = virtual_keep(virtual, payload_make_dimse(&virtual->slab, &stored, 1));
    struct pending *pending = payload == NULL ? NULL : pipe_put(virtual, ref, virtual->now_ns, CLASS_MESSAGE, PENDING_STORED);
    if (pending != NULL) {
        pending->payload = payload;
    }
}

void pipe_stored(struct virtual *virtual, uint32_t ref, struct payload *payload)
{
    struct end *end = end_at(virtual, ref);
    if (end->state == END_OPEN) {
        node_clear_event(virtual, EVENT_STORED, end->number, PROTOCOL_DICOM);
        virtual->event.object = payload->dimse[0].object;
        node_take(virtual, end->node, payload->hash);
    }
    payload_free(virtual, payload);
}

static void give_run(struct virtual *virtual, uint32_t node, int64_t number, const struct payload *payload, size_t first, size_t count)
{
    node_clear_event(virtual, EVENT_RECEIVED, number, payload->protocol);
    if (payload->protocol == PROTOCOL_HL7) {
        virtual->event.run = (struct run){payload->hl7 + first, count};
    } else {
        for (size_t i = 0; i < count; i++) {
            virtual->messages[i].dimse = payload->dimse[first + i];
        }
        virtual->event.run = (struct run){virtual->messages, count};
        virtual->event.lead_ns = payload->stores && first == 0 ? (virtual->now_ns - payload->began_ns) / payload->instances * (payload->instances - 1) : 0;
    }
    node_take(virtual, node, mix_number(payload->hash, first << 32 | count));
}

/* In pieces of at most run_max instances. The channel may go while the actor takes them. */
static void deliver_run(struct virtual *virtual, uint32_t ref, struct payload *payload)
{
    struct channel *channel = pipe_at(virtual, REF_CHANNEL(ref));
    struct end *end = end_at(virtual, ref);
    uint32_t generation = channel->generation, node = end->node;
    int64_t number = end->number;
    bool spools = end->accept == ACCEPT_SPOOL && payload->dimse != NULL && payload->dimse[0].kind == DIMSE_C_STORE_RQ;
    size_t most = spools ? 1 : virtual->config.run_max;
    for (size_t first = 0, next; first < payload->count && virtual->err == ERR_OK; first = next) {
        int64_t instances = 0;
        for (next = first; next < payload->count && next - first < RUN_MAX; next++) {
            int64_t more = payload->protocol == PROTOCOL_HL7 ? 1 : dimse_instances(&payload->dimse[next]);
            if (next > first && (uint64_t)(instances + more) > most) {
                break;
            }
            instances += more;
        }
        give_run(virtual, node, number, payload, first, next - first);
        if (channel->generation != generation || end->state != END_OPEN) {
            break;
        }
        if (spools) {
            put_stored(virtual, ref, &payload->dimse[first]);
        }
    }
    virtual->counts.messages += payload->count;
    virtual->counts.instances += payload->instances;
    virtual->counts.bytes += payload->bytes;
    payload_free(virtual, payload);
}

/* Answers to what this end sent let it send more. */
static void take_answers(struct virtual *virtual, uint32_t ref, const struct payload *payload)
{
    struct end *end = end_at(virtual, ref);
    if (payload->kind != PAYLOAD_RUN || !payload->responses || payload->refused || payload->dimse == NULL || payload->dimse[0].kind != DIMSE_C_STORE_RSP ||
        end->storing == 0) {
        return;
    }
    end->storing -= payload->instances < end->storing ? payload->instances : end->storing;
    if (end->storing == 0) {
        pipe_timeout(virtual, ref, TIMEOUT_IDLE, virtual->now_ns + virtual->limits.idle_timeout_ns);
        pipe_pump(virtual, ref);
    }
}

static void deliver_ask(struct virtual *virtual, uint32_t ref, struct payload *payload)
{
    struct channel *channel = pipe_at(virtual, REF_CHANNEL(ref));
    struct end *end = end_at(virtual, ref);
    uint32_t node = end->node;
    end->asked = true;
    node_clear_event(virtual, EVENT_ASKED, end->number, payload->protocol);
    virtual->event.calling = payload->calling;
    virtual->event.called = payload->called;
    virtual->event.address = payload->address;
    virtual->event.contexts = payload->contexts;
    if (payload->protocol == PROTOCOL_DICOM) {
        channel->ask = payload;
        node_take(virtual, node, payload->hash); /* the channel has it until it is answered */
    } else {
        node_take(virtual, node, payload->hash);
        payload_free(virtual, payload);
    }
}

static void deliver_contexts(struct virtual *virtual, uint32_t ref, struct payload *payload)
{
    struct channel *channel = pipe_at(virtual, REF_CHANNEL(ref));
    struct end *end = end_at(virtual, ref);
    uint64_t hash = payload->hash;
    payload_free(virtual, payload);
    if (end->state != END_OPENING) {
        return;
    }
    end->state = END_OPEN;
    pipe_timeout(virtual, ref, TIMEOUT_IDLE, virtual->now_ns + virtual->limits.idle_timeout_ns);
    if (end->number == 0) {
        passage_opened(virtual, end->passage - 1, &channel->contexts->contexts);
        return;
    }
    node_clear_event(virtual, EVENT_OPENED, end->number, (enum protocol)channel->protocol);
    virtual->event.contexts = channel->contexts->contexts;
    uint32_t generation = channel->generation;
    node_take(virtual, end->node, hash);
    if (channel->generation == generation) {
        pipe_pump(virtual, ref);
    }
}

static void deliver_end(struct virtual *virtual, uint32_t ref, struct payload *payload)
{
    uint32_t reject = (uint32_t)payload->job;
    enum closed cause = payload->cause;
    bool refused = payload->ended, opening = end_at(virtual, ref)->state == END_OPENING;
    payload_free(virtual, payload);
    int refusal = refused ? ((reject >> 16) == 2 ? REFUSAL_TRANSIENT : REFUSAL_PERMANENT) : opening ? REFUSAL_PROTOCOL : -1;
    pipe_over(virtual, ref, cause, refusal, reject);
}

static void deliver(struct virtual *virtual, uint32_t ref, struct payload *payload)
{
    struct end *end = end_at(virtual, ref);
    virtual->cause = payload->parent;
    switch (payload->kind) {
    case PAYLOAD_ASK:
        deliver_ask(virtual, ref, payload);
        break;
    case PAYLOAD_CONTEXTS:
        deliver_contexts(virtual, ref, payload);
        break;
    case PAYLOAD_END:
        deliver_end(virtual, ref, payload);
        break;
    default:
        take_answers(virtual, ref, payload);
        if (end->passage != 0) {
            passage_received(virtual, end->passage - 1, REF_CHANNEL(ref), payload);
        } else {
            deliver_run(virtual, ref, payload);
        }
        break;
    }
}

/* What came before an end accepted waits for that; its end does not. */
static bool may_come(const struct end *end)
{
    bool run = end->inbox->kind == PAYLOAD_RUN;
    return !run || end->state == END_OPEN;
}

void pipe_work(struct virtual *virtual, uint32_t ref)
{
    struct channel *channel = pipe_at(virtual, REF_CHANNEL(ref));
    struct end *end = end_at(virtual, ref);
    uint32_t generation = channel->generation;
    while (channel->generation == generation && end->inbox != NULL && !end->serving && may_come(end) && virtual->err == ERR_OK) {
        const struct node_state *node = &virtual->nodes[end->node];
        if (node->paused > 0 || node->down || !service_begin(virtual, ref)) {
            return;
        }
        deliver(virtual, ref, list_take(&end->inbox, &end->inbox_last));
    }
}

void pipe_served(struct virtual *virtual, uint32_t ref)
{
    struct channel *channel = pipe_at(virtual, REF_CHANNEL(ref));
    struct end *end = end_at(virtual, ref);
    uint32_t generation = channel->generation;
    deliver(virtual, ref, list_take(&end->inbox, &end->inbox_last));
    if (channel->generation == generation) {
        pipe_work(virtual, ref);
    }
}
