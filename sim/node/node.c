/* SPDX-License-Identifier: MIT
 *
 * Node: dispatch only. What an event means is in the file of its service. */
#include "sim/node/node_private.h"

_Static_assert(QUIRK_COUNT <= 64, "operation.bits holds one bit for each quirk");

bool node_quirk(const struct node *node, enum quirk quirk)
{
    return node->vendor->quirks[quirk].on;
}

int64_t quirk_number(const struct node *node, enum quirk quirk)
{
    return node->vendor->quirks[quirk].number;
}

slice quirk_text(const struct node *node, enum quirk quirk)
{
    return node->vendor->quirks[quirk].text;
}

size_t node_memory(const struct node_setup *setup)
{
    return sizeof(struct node) + archive_memory(setup) +
           CHANNELS_MAX * (sizeof(struct channel) + CHANNEL_BYTES + 16) +
           OPERATIONS_MAX * (sizeof(struct operation) + OPERATION_BYTES + 16) +
           COMMITS_MAX * (sizeof(struct commit) + COMMIT_BYTES + 16) + 65536;
}

void *node_reserve(struct arena *arena, size_t count, size_t size)
{
    size_t start = (arena->used + 15) & ~(size_t)15;
    if (start > arena->size || count > (arena->size - start) / size) {
        return NULL;
    }
    arena->used = start + count * size;
    arena->high = arena->used > arena->high ? arena->used : arena->high;
    return arena->memory + start;
}

static enum err carve(struct arena *out, struct arena *arena, size_t size)
{
    char *memory = node_reserve(arena, size, 1);
    *out = (struct arena){.memory = memory, .size = memory == NULL ? 0 : size};
    return memory == NULL ? ERR_LIMIT : ERR_OK;
}

static enum err tables_init(struct node *node, struct arena *arena)
{
    node->channels = arena_array(arena, CHANNELS_MAX, sizeof *node->channels);
    node->operations = arena_array(arena, OPERATIONS_MAX, sizeof *node->operations);
    node->commits = arena_array(arena, COMMITS_MAX, sizeof *node->commits);
    if (node->channels == NULL || node->operations == NULL || node->commits == NULL) {
        return ERR_LIMIT;
    }
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < CHANNELS_MAX; i++) {
        err = carve(&node->channels[i].arena, arena, CHANNEL_BYTES);
    }
    for (uint32_t i = 0; err == ERR_OK && i < OPERATIONS_MAX; i++) {
        err = carve(&node->operations[i].arena, arena, OPERATION_BYTES);
    }
    for (uint32_t i = 0; err == ERR_OK && i < COMMITS_MAX; i++) {
        err = carve(&node->commits[i].arena, arena, COMMIT_BYTES);
    }
    return err;
}

enum err node_init(struct node **out, const struct node_setup *setup, struct arena *arena)
{
    struct node *node = arena_alloc(arena, sizeof *node);
    if (node == NULL) {
        return ERR_LIMIT;
    }
    node->copy = *setup;
    node->setup = &node->copy;
    node->plain = vendor_plain();
    node->vendor = setup->vendor == NULL ? &node->plain : setup->vendor;
    node->channel_last = -1;
    enum err err = tables_init(node, arena);
    err = err == ERR_OK ? archive_init(node, arena) : err;
    *out = node;
    return err;
}

size_t node_instance_count(const struct node *node)
{
    return node->archive.instances;
}

/* ---- Messages. */
static void received_one(struct node *node, const struct event *event, const struct dimse *request,
                         struct out *out)
{
    switch (request->kind) {
    case DIMSE_C_ECHO_RQ:
        if (!node->faults.hang_echo && !node->faults.pause) {
            struct dimse response = dimse_response(request, STATUS_SUCCESS);
            out_send_dimse(out, event->channel, &response);
        }
        return;
    case DIMSE_C_FIND_RQ:
    case DIMSE_C_MOVE_RQ:
    case DIMSE_C_GET_RQ:
        operation_start(node, event, request, out);
        return;
    case DIMSE_C_CANCEL_RQ:
        operation_cancel(node, event->channel, request->message_id);
        return;
    case DIMSE_N_ACTION_RQ:
        answer_commit(node, event, request, out);
        return;
    default:
        out_command(out, COMMAND_ABORT)->channel =
            event->channel; /* nothing that a PACS expects here */
    }
}

static void received(struct node *node, const struct event *event, struct out *out)
{
    struct channel *channel = session_find(node, event->channel);
    if (channel == NULL || channel->cut || event->run.count == 0) {
        return;
    }
    enum dimse_kind kind = event->run.messages[0].dimse.kind;
    if (kind == DIMSE_C_STORE_RQ && channel->purpose == PURPOSE_SERVED) {
        answer_store(node, event, out);
    } else if (kind == DIMSE_C_STORE_RSP) {
        answer_move_stored(node, out, event);
    } else if (kind == DIMSE_N_EVENT_REPORT_RSP) {
        if (channel->purpose == PURPOSE_COMMIT) {
            session_close(node, out, channel->number);
        }
    } else if (channel->purpose == PURPOSE_SERVED) {
        for (size_t i = 0; i < event->run.count; i++) {
            received_one(node, event, &event->run.messages[i].dimse, out);
        }
    }
}

/* ---- Channels. */
static void opened(struct node *node, const struct event *event, struct out *out)
{
    struct channel *channel = session_find(node, event->channel);
    if (channel == NULL) {
        return;
    }
    session_opened(node, event);
    if (channel->cut) {
        return;
    }
    if (channel->purpose == PURPOSE_STORE) {
        answer_move_opened(node, out, channel);
    } else {
        answer_commit_opened(node, out, channel);
    }
}

static void closed(struct node *node, const struct event *event, struct out *out)
{
    struct channel *channel = session_find(node, event->channel);
    if (channel == NULL) {
        return;
    }
    switch (channel->purpose) {
    case PURPOSE_SERVED:
        operations_closed(node, channel->number);
        break;
    case PURPOSE_STORE:
        if (event->kind == EVENT_REFUSED) {
            answer_move_refused(node, out, channel, event);
        } else {
            answer_move_lost(node, out, channel);
        }
        break;
    default:
        answer_commit_closed(node, channel);
    }
    session_closed(node, channel);
}

enum err node_step(struct node *node, const struct event *event, struct out *out)
{
    enum err err = ERR_OK;
    node->now = event->at_ns;
    switch (event->kind) {
    case EVENT_PLAN:
        err = fault_plan(node, event, out);
        break;
    case EVENT_ASKED:
        session_asked(node, event, out);
        break;
    case EVENT_OPENED:
        opened(node, event, out);
        break;
    case EVENT_RECEIVED:
        received(node, event, out);
        break;
    case EVENT_ROOM:
        operation_room(node, event->channel);
        break;
    case EVENT_REFUSED:
    case EVENT_CLOSED:
        closed(node, event, out);
        break;
    default:
        break;
    }
    fault_clock(node, out);
    if (node->setup->truth) {
        archive_truth(node, out);
    }
    operations_advance(node, out);
    node->begun = true;
    return err != ERR_OK ? err : out->full ? ERR_LIMIT : ERR_OK;
}

time_ns node_due(const struct node *node)
{
    bool telling = node->setup->truth && truth_left(node);
    time_ns due = operations_due(node);
    time_ns fault = node_fault_due(node);
    due = fault < due ? fault : due;
    return telling || !node->begun ? node->now : due;
}

/* ---- The actor. */
static enum err actor_step(void *self, const struct event *event, struct out *out)
{
    return node_step(self, event, out);
}

static time_ns actor_due(const void *self)
{
    return node_due(self);
}

struct actor node_actor(struct node *node)
{
    return (struct actor){.self = node, .step = actor_step, .due = actor_due};
}

/* ---- Objects. */
static bool object_key(const struct node *node, const struct object *object, struct image_key *key,
                       struct node_study *room)
{
    uint32_t at = object->study < 0 ? NONE : archive_by_number(node, object->study);
    const struct node_study *study =
        at == NONE ? NULL : entry_study(node, &node->archive.entries[at], room);
    if (study == NULL || object->instance < 0 || object->instance >= study->image_count) {
        return false;
    }
    archive_image_key(node, study, (uint32_t)object->instance, key);
    return true;
}

static enum syntax syntax_of(slice transfer_syntax)
{
    return slice_equal(transfer_syntax, UID_IMPLICIT_LITTLE) ? SYNTAX_IMPLICIT_LITTLE
           : slice_equal(transfer_syntax, UID_EXPLICIT_BIG)  ? SYNTAX_EXPLICIT_BIG
                                                             : SYNTAX_EXPLICIT_LITTLE;
}

int64_t node_object_size(const struct node *node, const struct object *object,
                         slice transfer_syntax)
{
    struct image_key key;
    struct node_study room;
    return object_key(node, object, &key, &room) ? image_bytes(&key, syntax_of(transfer_syntax)) : 0;
}

enum err node_object_write(const struct node *node, const struct object *object,
                           slice transfer_syntax, struct buffer *buffer)
{
    struct image_key key;
    struct node_study room;
    return object_key(node, object, &key, &room) ? image_write(&key, syntax_of(transfer_syntax), buffer)
                                          : ERR_NOT_FOUND;
}
