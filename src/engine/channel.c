/* SPDX-License-Identifier: MIT */
#include "src/engine/channel.h"

#define CHANNEL_BUCKETS 4096u

enum err channel_init(struct engine *engine)
{
    engine->channels = arena_array(engine->arena, CHANNELS_MAX, sizeof *engine->channels);
    engine->channel_heads =
        arena_array(engine->arena, CHANNEL_BUCKETS, sizeof *engine->channel_heads);
    if (engine->channels == NULL || engine->channel_heads == NULL) {
        return ERR_LIMIT;
    }
    engine->channel_last = -1;
    return ERR_OK;
}

/* Channel numbers count up, so their low bits spread well. */
static uint32_t bucket_of(int64_t number)
{
    return (uint32_t)number & (CHANNEL_BUCKETS - 1);
}

struct channel *channel_find(struct engine *engine, int64_t number)
{
    for (uint32_t at = engine->channel_heads[bucket_of(number)]; at != 0;
         at = engine->channels[at - 1].next) {
        if (engine->channels[at - 1].number == number) {
            return &engine->channels[at - 1];
        }
    }
    return NULL;
}

struct channel *channel_take(struct engine *engine, int64_t number, enum channel_kind kind,
                             uint32_t node, int64_t subject)
{
    uint32_t slot = engine->channel_free;
    if (slot == 0 && engine->channel_bound == CHANNELS_MAX) {
        return NULL;
    }
    assert(channel_find(engine, number) == NULL);
    bool fresh = slot == 0;
    slot = fresh ? ++engine->channel_bound : slot;
    struct channel *channel = &engine->channels[slot - 1];
    engine->channel_free = fresh ? 0 : channel->next;
    *channel = (struct channel){.number = number,
                                .kind = kind,
                                .node = node,
                                .subject = subject,
                                .next = engine->channel_heads[bucket_of(number)]};
    engine->channel_heads[bucket_of(number)] = slot;
    engine->channel_count++;
    return channel;
}

void channel_give(struct engine *engine, struct channel *channel)
{
    uint32_t *link = &engine->channel_heads[bucket_of(channel->number)];
    uint32_t slot = (uint32_t)(channel - engine->channels) + 1;
    while (*link != slot) {
        assert(*link != 0);
        link = &engine->channels[*link - 1].next;
    }
    *link = channel->next;
    *channel = (struct channel){.kind = CHANNEL_FREE, .next = engine->channel_free};
    engine->channel_free = slot;
    engine->channel_count--;
}

/* The contexts to propose: one for each class, the native syntaxes, or implicit alone where the
 * product needs it. */
static void propose(struct engine *engine, struct out *out, uint32_t node, const slice *classes,
                    size_t count, struct contexts *contexts)
{
    contexts->list = arena_array(out->arena, count, sizeof *contexts->list);
    if (contexts->list == NULL) {
        out->full = true;
        return;
    }
    contexts->count = count;
    for (size_t i = 0; i < count; i++) {
        struct context *context = &contexts->list[i];
        *context = (struct context){.id = (uint8_t)(2 * i + 1), .abstract_syntax = classes[i]};
        if (!node_has(engine, node, DIALECT_implicit_only)) {
            context->transfer_syntaxes[context->syntax_count++] = UID_EXPLICIT_LITTLE;
        }
        context->transfer_syntaxes[context->syntax_count++] = UID_IMPLICIT_LITTLE;
    }
}

int64_t channel_open_contexts(struct engine *engine, struct out *out, uint32_t node,
                              enum channel_kind kind, int64_t subject, struct contexts contexts,
                              time_ns timeout_ns)
{
    assert(contexts.count > 0 && contexts.count <= CONTEXTS_MAX);
    engine->channel_last += 2;
    struct channel *channel = channel_take(engine, engine->channel_last, kind, node, subject);
    if (channel == NULL) {
        return 0;
    }
    struct command *command = out_command(out, COMMAND_OPEN);
    command->channel = channel->number;
    command->protocol = PROTOCOL_DICOM;
    command->peer = node_at(engine, node)->peer;
    command->calling = engine->config->aet;
    command->called = node_at(engine, node)->aet;
    command->timeout_ns = timeout_ns;
    command->contexts = contexts;
    health_taken(engine, node);
    source_find_yield(engine, out, node);
    return channel->number;
}

int64_t channel_open(struct engine *engine, struct out *out, uint32_t node, enum channel_kind kind,
                     int64_t subject, const slice *classes, size_t class_count, time_ns timeout_ns)
{
    struct contexts contexts = {NULL, 0};
    assert(class_count > 0 && class_count < CONTEXTS_MAX);
    propose(engine, out, node, classes, class_count, &contexts);
    return contexts.count == 0 ? 0
                               : channel_open_contexts(engine, out, node, kind, subject, contexts,
                                                       timeout_ns);
}

void channel_close(struct engine *engine, struct out *out, int64_t number)
{
    (void)engine;
    out_command(out, COMMAND_CLOSE)->channel = number;
}

void channel_abort(struct engine *engine, struct out *out, int64_t number)
{
    (void)engine;
    out_command(out, COMMAND_ABORT)->channel = number;
}
