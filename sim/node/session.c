/* SPDX-License-Identifier: MIT
 *
 * Session: who may come, what is negotiated (PS3.8 7.1, 9.3.4; PS3.7 D.3), and the associations a
 * node opens. */
#include "sim/node/node_private.h"

/* ---- The table of channels. */
struct channel *session_find(struct node *node, int64_t number)
{
    for (uint32_t i = 0; i < node->in_use_count; i++) {
        struct channel *channel = &node->channels[node->in_use[i]];
        if (channel->number == number) {
            return channel;
        }
    }
    return NULL;
}

static struct channel *channel_take(struct node *node, int64_t number, enum purpose purpose)
{
    for (uint16_t i = 0; i < CHANNELS_MAX; i++) {
        struct channel *channel = &node->channels[i];
        if (channel->purpose == PURPOSE_FREE) {
            struct arena arena = channel->arena;
            arena_reset(&arena);
            *channel = (struct channel){
                .number = number, .purpose = purpose, .arena = arena, .owner = NONE};
            node->in_use[node->in_use_count++] = i;
            return channel;
        }
    }
    return NULL;
}

void session_closed(struct node *node, struct channel *channel)
{
    uint16_t index = (uint16_t)(channel - node->channels);
    for (uint32_t i = 0; i < node->in_use_count; i++) {
        if (node->in_use[i] == index) {
            node->in_use[i] = node->in_use[--node->in_use_count];
            break;
        }
    }
    channel->purpose = PURPOSE_FREE;
}

static void put_title(char *title, slice aet)
{
    aet = slice_before(aet, AET_SIZE);
    memcpy(title, aet.data, aet.size);
    title[aet.size] = '\0';
}

uint32_t session_peer(const struct node *node, slice aet)
{
    for (size_t i = 0; i < node->setup->peer_count; i++) {
        if (slice_equal(node->setup->peers[i].aet, aet)) {
            return (uint32_t)i;
        }
    }
    return NONE;
}

/* ---- What is offered. */
enum service {
    SERVICE_NONE,
    SERVICE_ECHO,
    SERVICE_QUERY,
    SERVICE_GET,
    SERVICE_COMMIT,
    SERVICE_STORE
};

static enum service service_of(const struct node *node, slice abstract)
{
    const struct vendor_profile *vendor = node->vendor;
    const struct {
        slice uid;
        enum service service;
        bool offered;
    } table[] = {
        {UID_VERIFICATION, SERVICE_ECHO, true},
        {UID_PATIENT_ROOT_FIND, SERVICE_QUERY, vendor->patient_root},
        {UID_PATIENT_ROOT_MOVE, SERVICE_QUERY, vendor->patient_root},
        {UID_PATIENT_ROOT_GET, SERVICE_GET, vendor->patient_root && vendor->get},
        {UID_STUDY_ROOT_FIND, SERVICE_QUERY, vendor->study_root},
        {UID_STUDY_ROOT_MOVE, SERVICE_QUERY, vendor->study_root},
        {UID_STUDY_ROOT_GET, SERVICE_GET, vendor->study_root && vendor->get},
        {UID_STORAGE_COMMITMENT, SERVICE_COMMIT, vendor->commitment},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (slice_equal(table[i].uid, abstract)) {
            return table[i].offered ? table[i].service : SERVICE_NONE;
        }
    }
    return uid_is_storage(abstract) ? SERVICE_STORE : SERVICE_NONE;
}

static bool syntax_fits(const struct node *node, enum service service, slice syntax)
{
    bool implicit = slice_equal(syntax, UID_IMPLICIT_LITTLE);
    bool native = implicit || slice_equal(syntax, UID_EXPLICIT_LITTLE) ||
                  slice_equal(syntax, UID_EXPLICIT_BIG);
    if (service == SERVICE_QUERY || service == SERVICE_GET) {
        return node_quirk(node, QUIRK_ts_qr_implicit_only) ? implicit : native;
    }
    if (service == SERVICE_STORE) {
        bool known = false;
        for (size_t i = 0; i < 9; i++) {
            const slice encapsulated[] = {
                UID_JPEG_BASELINE,     UID_JPEG_EXTENDED,   UID_JPEG_LOSSLESS,
                UID_JPEG_LOSSLESS_SV1, UID_JPEG_LS,         UID_JPEG_LS_NEAR,
                UID_JPEG_2000,         UID_JPEG_2000_LOSSY, UID_RLE};
            known = known || slice_equal(encapsulated[i], syntax);
        }
        return native || (known && !node_quirk(node, QUIRK_ts_j2k_not_supported));
    }
    return native;
}

/* The first proposed syntax that fits wins, as in most products. */
static void answer_context(const struct node *node, struct context *context)
{
    enum service service = service_of(node, slice_unpad(context->abstract_syntax));
    context->result = service == SERVICE_NONE ? CONTEXT_ABSTRACT_UNKNOWN : CONTEXT_SYNTAX_UNKNOWN;
    context->accepted_syntax = SLICE_EMPTY;
    for (uint8_t i = 0; service != SERVICE_NONE && i < context->syntax_count; i++) {
        slice syntax = slice_unpad(context->transfer_syntaxes[i]);
        if (syntax.size > 0 && syntax_fits(node, service, syntax)) {
            context->result = CONTEXT_ACCEPTED;
            context->accepted_syntax = syntax;
            return;
        }
    }
}

/* A copy in the channel's own memory; false when it does not fit. */
static bool keep_contexts(struct channel *channel, const struct contexts *from)
{
    struct context *list = arena_array(&channel->arena, from->count, sizeof *list);
    if (list == NULL) {
        return from->count == 0;
    }
    for (size_t i = 0; i < from->count; i++) {
        list[i] = from->list[i];
        list[i].abstract_syntax =
            arena_copy(&channel->arena, slice_unpad(from->list[i].abstract_syntax));
        list[i].accepted_syntax = arena_copy(&channel->arena, from->list[i].accepted_syntax);
        list[i].syntax_count = 0;
        if (list[i].abstract_syntax.data == NULL || list[i].accepted_syntax.data == NULL) {
            return false;
        }
    }
    channel->contexts = (struct contexts){list, from->count};
    return true;
}

/* ---- ASKED. */
struct rejection {
    uint8_t result, source, reason;
};

static bool is_full(const struct node *node)
{
    int64_t served = 0;
    for (uint32_t i = 0; i < node->in_use_count; i++) {
        const struct channel *channel = &node->channels[node->in_use[i]];
        served += channel->purpose == PURPOSE_SERVED && !channel->cut;
    }
    if (node->faults.associations > 0 && served >= node->faults.associations) {
        return true;
    }
    return node_quirk(node, QUIRK_assoc_count_cap_transient)
               ? served >= quirk_number(node, QUIRK_assoc_count_cap_transient)
               : served >= CHANNELS_MAX - OPERATIONS_MAX;
}

/* The reasons of PS3.8 Table 9-21. */
static struct rejection judge(struct node *node, const struct event *event, struct out *out)
{
    if (node->faults.down || node->faults.crash) {
        return (struct rejection){2, 3, 1};
    }
    if (fault_bends(node, out, BEND_reject_transient, 'o')) {
        return (struct rejection){2, 3, 1};
    }
    if (fault_bends(node, out, BEND_reject_permanent, 'o')) {
        return (struct rejection){1, 1, 1};
    }
    if (fault_bends(node, out, BEND_wrong_ae, 'o')) {
        return (struct rejection){1, 1, 7};
    }
    if (node_quirk(node, QUIRK_assoc_called_ae_checked) &&
        !slice_equal(event->called, node->setup->aet)) {
        quirk_bites(node, out, NULL, QUIRK_assoc_called_ae_checked);
        return (struct rejection){1, 1, 7};
    }
    if (node_quirk(node, QUIRK_assoc_ae_allow_list) && session_peer(node, event->calling) == NONE) {
        quirk_bites(node, out, NULL, QUIRK_assoc_ae_allow_list);
        return (struct rejection){1, 1, 3};
    }
    if (is_full(node)) {
        if (node->faults.associations == 0 && node_quirk(node, QUIRK_assoc_count_cap_transient)) {
            quirk_bites(node, out, NULL, QUIRK_assoc_count_cap_transient);
        }
        return (struct rejection){2, 3, 2};
    }
    return (struct rejection){0, 0, 0};
}

static void note_syntax(struct node *node, struct out *out, const struct contexts *contexts)
{
    for (size_t i = 0; i < contexts->count; i++) {
        const struct context *context = &contexts->list[i];
        bool query = slice_starts(context->abstract_syntax, SLICE("1.2.840.10008.5.1.4.1.2."));
        if (node_quirk(node, QUIRK_ts_qr_implicit_only) && query && context->syntax_count > 1) {
            quirk_bites(node, out, NULL, QUIRK_ts_qr_implicit_only);
            return;
        }
    }
}

static void session_accept(struct node *node, const struct event *event, struct out *out)
{
    struct command *command = out_command(out, COMMAND_ACCEPT);
    struct context *list = arena_array(out->arena, event->contexts.count, sizeof *list);
    struct channel *channel = channel_take(node, event->channel, PURPOSE_SERVED);
    if ((list == NULL && event->contexts.count > 0) || channel == NULL) {
        out->full = true;
        return;
    }
    command->channel = event->channel;
    command->accept = ACCEPT_SERVE;
    command->contexts = (struct contexts){list, event->contexts.count};
    for (size_t i = 0; i < event->contexts.count; i++) {
        list[i] = event->contexts.list[i];
        list[i].abstract_syntax = session_copy(out, list[i].abstract_syntax);
        answer_context(node, &list[i]);
        list[i].accepted_syntax = session_copy(out, list[i].accepted_syntax);
        list[i].syntax_count = 0; /* what was proposed is not part of an answer */
    }
    channel->open = true;
    put_title(channel->calling, event->calling);
    put_title(channel->called, event->called);
    if (!keep_contexts(channel, &command->contexts)) {
        out->full = true;
    }
    note_syntax(node, out, &event->contexts);
}

void session_asked(struct node *node, const struct event *event, struct out *out)
{
    struct rejection rejection = judge(node, event, out);
    struct observation *seen = out_observe(out, OBSERVATION_asked, event->at_ns);
    seen->peer = session_copy(out, event->calling);
    seen->text = session_copy(out, event->called);
    seen->flag = rejection.result == 0;
    seen->number = rejection.reason;
    if (rejection.result == 0) {
        session_accept(node, event, out);
        return;
    }
    struct command *command = out_command(out, COMMAND_REJECT);
    command->channel = event->channel;
    command->reject_result = rejection.result;
    command->reject_source = rejection.source;
    command->reject_reason = rejection.reason;
}

/* ---- Associations of our own. */
struct channel *session_open(struct node *node, struct out *out, uint32_t peer, slice calling,
                             const struct contexts *contexts, uint32_t span, enum purpose purpose,
                             uint32_t owner)
{
    node->channel_last += 2;
    struct channel *channel = channel_take(node, node->channel_last, purpose);
    if (channel == NULL) {
        return NULL;
    }
    struct command *command = out_command(out, COMMAND_OPEN);
    command->channel = channel->number;
    command->protocol = PROTOCOL_DICOM;
    command->peer = peer;
    command->calling = calling;
    command->called = node->setup->peers[peer].aet;
    command->contexts = *contexts;
    command->span = span > 1 ? span : 0;
    channel->owner = owner;
    put_title(channel->calling, calling);
    put_title(channel->called, command->called);
    return channel;
}

void session_opened(struct node *node, const struct event *event)
{
    struct channel *channel = session_find(node, event->channel);
    assert(channel != NULL);
    channel->open = true;
    if (!keep_contexts(channel, &event->contexts)) {
        channel->contexts = (struct contexts){0};
    }
}

void session_close(struct node *node, struct out *out, int64_t number)
{
    struct channel *channel = session_find(node, number);
    if (channel != NULL && !channel->cut) {
        channel->cut = true;
        channel->owner = NONE;
        out_command(out, COMMAND_CLOSE)->channel = number;
    }
}

void session_abort(struct node *node, struct out *out, int64_t number)
{
    struct channel *channel = session_find(node, number);
    if (channel != NULL && !channel->cut) {
        channel->cut = true;
        channel->owner = NONE;
        out_command(out, COMMAND_ABORT)->channel = number;
    }
}

void session_drop_all(struct node *node, struct out *out)
{
    out_command(out, COMMAND_DROP_ALL);
    for (uint32_t i = 0; i < node->in_use_count; i++) {
        node->channels[node->in_use[i]].cut = true;
        node->channels[node->in_use[i]].owner = NONE;
    }
    while (node->active_count > 0) {
        operation_free(node, &node->operations[node->active[node->active_count - 1]]);
    }
    for (uint32_t i = 0; i < COMMITS_MAX; i++) {
        node->commits[i].used = false;
    }
    node->faults.holding = false;
}

/* ---- Sending. */
slice session_copy(struct out *out, slice text)
{
    slice copy = text.size == 0 ? SLICE_EMPTY : arena_copy(out->arena, text);
    out->full = out->full || copy.data == NULL;
    return copy.data == NULL ? SLICE_EMPTY : copy;
}

struct message *session_run(struct out *out, size_t count)
{
    struct message *messages = arena_take(out->arena, count * sizeof *messages);
    out->full = out->full || messages == NULL;
    return messages;
}

void session_say(struct message *message, const struct dimse *dimse)
{
    message->protocol = PROTOCOL_DICOM;
    message->dimse = *dimse;
    message->unreadable = SLICE_EMPTY;
}

void session_send(struct out *out, int64_t channel, struct message *messages, size_t count)
{
    struct command *command = out_command(out, COMMAND_SEND);
    command->channel = channel;
    command->protocol = PROTOCOL_DICOM;
    command->run = (struct run){messages, count};
}
