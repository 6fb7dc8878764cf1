/* SPDX-License-Identifier: MIT
 *
 * One step of an actor, and what becomes of it: records are committed before commands leave, observations come last. */
#include "sim/virtual/virtual_private.h"

#include "src/actor/serial.h"
#include "src/engine/records.h"

#define EVENT_HEAD offsetof(struct event, object) /* object and plan are filled whole where they are used */

void node_clear_event(struct virtual *virtual, enum event_kind kind, int64_t channel, enum protocol protocol)
{
    memset(&virtual->event, 0, EVENT_HEAD);
    virtual->event.kind = kind;
    virtual->event.channel = channel;
    virtual->event.protocol = protocol;
}

uint32_t node_peer(const struct virtual *virtual, uint32_t node, uint32_t peer)
{
    const struct virtual_node *setup = &virtual->nodes[node].setup;
    if (setup->peers != NULL) {
        return peer < setup->peer_count ? setup->peers[peer] : NONE;
    }
    return peer < virtual->node_count ? peer : NONE;
}

void node_arm(struct virtual *virtual, uint32_t number)
{
    struct node_state *node = &virtual->nodes[number];
    if (!node->down) {
        alarm_set(virtual, &node->clock, node->actor.due(node->actor.self), number, CLASS_TIMER, PENDING_CLOCK);
    }
}

/* ---- Hashes. */

static void hash_event(struct virtual *virtual, uint32_t node, uint64_t content_hash)
{
    const struct event *event = &virtual->event;
    uint64_t hash = mix_number(virtual->hash, (uint64_t)event->at_ns);
    hash = mix_number(hash, (uint64_t)node << 32 ^ (uint64_t)event->kind << 24 ^ (uint64_t)event->sequence);
    virtual->hash = mix_number(mix_number(hash, (uint64_t)event->channel), content_hash);
}

/* The messages of a SEND are hashed where they are copied: here their number does. */
static uint64_t hash_command(const struct command *command)
{
    uint64_t hash = mix_number((uint64_t)command->kind, (uint64_t)command->channel);
    switch (command->kind) {
    case COMMAND_OPEN:
        hash = mix_number(mix_number(hash, (uint64_t)command->span << 32 | command->peer), (uint64_t)command->timeout_ns);
        return hash_contexts(mix_slice(mix_slice(hash, command->calling), command->called), &command->contexts);
    case COMMAND_ACCEPT:
        hash = mix_number(mix_number(hash, (uint64_t)command->accept), (uint64_t)command->job);
        return hash_contexts(hash, &command->contexts);
    case COMMAND_REJECT:
        return mix_number(hash, (uint64_t)command->reject_result << 16 | (uint64_t)command->reject_source << 8 | command->reject_reason);
    case COMMAND_SEND:
        return mix_number(hash, command->run.count);
    case COMMAND_RELAY:
        return hash_relay_job(hash, &command->relay);
    case COMMAND_RELAY_END:
        return mix_number(hash, (uint64_t)command->job);
    case COMMAND_NOTE:
        return mix_slice(hash, command->text);
    case COMMAND_LISTEN:
        return mix_number(hash, command->flag);
    default:
        return hash;
    }
}

/* ---- Commands. */

static void open_channel(struct virtual *virtual, uint32_t node, const struct command *command)
{
    uint32_t to = node_peer(virtual, node, command->peer);
    if (to == NONE || pipe_open(virtual, node, to, command, 0) == 0) {
        pipe_refuse_open(virtual, node, command);
    }
}

static void obey_channel(struct virtual *virtual, uint32_t node, const struct command *command)
{
    uint32_t ref = pipe_find(virtual, node, command->channel);
    if (ref == 0) {
        virtual->counts.dropped++; /* one that ended does not matter */
        return;
    }
    switch (command->kind) {
    case COMMAND_ACCEPT:
        pipe_accept(virtual, ref, command);
        break;
    case COMMAND_REJECT:
        pipe_reject(virtual, ref, command->reject_result, command->reject_source, command->reject_reason);
        break;
    case COMMAND_SEND:
        pipe_send_run(virtual, ref, command);
        break;
    case COMMAND_CLOSE:
        pipe_close(virtual, ref);
        break;
    default:
        pipe_abort(virtual, ref, CLOSED_ABORTED_BY_US);
        break;
    }
}

static void obey(struct virtual *virtual, uint32_t node, const struct command *command)
{
    switch (command->kind) {
    case COMMAND_OPEN:
        open_channel(virtual, node, command);
        break;
    case COMMAND_RELAY:
        jobs_begin(virtual, node, &command->relay);
        break;
    case COMMAND_RELAY_END:
        jobs_end(virtual, node, command->job);
        break;
    case COMMAND_NOTE:
        break;
    case COMMAND_LISTEN:
        virtual->nodes[node].listening = command->flag;
        break;
    case COMMAND_DROP_ALL:
        pipes_drop_node(virtual, node, false);
        break;
    default:
        obey_channel(virtual, node, command);
        break;
    }
}

static void let_out(struct virtual *virtual, uint32_t number)
{
    struct node_state *node = &virtual->nodes[number];
    const struct virtual_config *config = &virtual->config;
    bool tells = node->setup.durable && config->watcher.left != NULL;
    for (size_t i = 0; i < virtual->out->command_count && virtual->err == ERR_OK; i++) {
        const struct command *command = &virtual->out->commands[i];
        uint64_t hash = hash_command(command);
        virtual->hash = mix_number(virtual->hash, hash);
        node->meta.command_hash = mix_number(node->meta.command_hash, hash);
        virtual->counts.commands++;
        if (config->trace.line != NULL) {
            struct virtual_trace_line line = {.number = virtual->number, .parent = virtual->number, .node = number, .command = command};
            virtual_check(virtual, config->trace.line(config->trace.self, &line), "the trace");
        }
        obey(virtual, number, command);
        if (tells) {
            virtual_check(virtual, config->watcher.left(config->watcher.self, number, command, node->meta.step, virtual->now_ns), "a watcher of what left");
        }
    }
}

/* ---- Records. */

static void put_records(struct virtual *virtual, uint32_t number)
{
    struct node_state *node = &virtual->nodes[number];
    const struct virtual_watcher *watcher = &virtual->config.watcher;
    const struct out *out = virtual->out;
    for (size_t i = 0; i < out->record_count && virtual->err == ERR_OK; i++) {
        if (virtual->rows != NULL) {
            virtual_check(virtual, durable_put(virtual->rows, number, &out->records[i]), "the durable rows are full");
        }
        if (watcher->record != NULL) {
            virtual_check(virtual, watcher->record(watcher->self, number, &out->records[i], node->meta.step, virtual->now_ns, false), "a watcher of records");
        }
    }
    virtual->counts.records += (int64_t)out->record_count;
}

static void commit(struct virtual *virtual, uint32_t number)
{
    struct node_state *node = &virtual->nodes[number];
    const struct virtual_watcher *watcher = &virtual->config.watcher;
    if (virtual->out->record_count == 0 && virtual->out->command_count == 0) {
        return;
    }
    put_records(virtual, number);
    node->meta.state_digest = node->actor.digest == NULL ? 0 : node->actor.digest(node->actor.self);
    virtual->counts.commits++;
    if (watcher->committed != NULL && virtual->err == ERR_OK) {
        virtual_check(virtual, watcher->committed(watcher->self, number, node->meta.step, node->meta.state_digest, virtual->now_ns), "a watcher of commits");
    }
    if (virtual->err == ERR_OK) {
        fault_copy(virtual, number);
    }
}

static void observe_all(struct virtual *virtual, uint32_t number)
{
    const struct virtual_watcher *watcher = &virtual->config.watcher;
    struct out *out = virtual->out;
    virtual->counts.observations += (int64_t)out->observation_count;
    for (size_t i = 0; i < out->observation_count && virtual->err == ERR_OK && watcher->observe != NULL; i++) {
        struct observation *observation = &out->observations[i];
        observation->actor = observation->actor.size == 0 ? virtual->nodes[number].setup.name : observation->actor;
        virtual_check(virtual, watcher->observe(watcher->self, observation, number), "a watcher of observations");
    }
}

/* ---- The step. */

static void trace_event(struct virtual *virtual, uint32_t number, int64_t parent)
{
    const struct virtual_trace *trace = &virtual->config.trace;
    if (trace->line != NULL) {
        struct virtual_trace_line line = {.number = virtual->number, .parent = parent, .node = number, .event = &virtual->event};
        virtual_check(virtual, trace->line(trace->self, &line), "the trace");
    }
}

/* 1: before the commit, 2: after it, before the commands leave, 3: after those. */
static void end_step(struct virtual *virtual, uint32_t number)
{
    struct node_state *node = &virtual->nodes[number];
    unsigned crash = 0;
    if (node->setup.durable) {
        crash = virtual->out->record_count + virtual->out->command_count == 0 ? 0 : fault_crash_point(virtual, number);
        bool fails = node->disk_fails && virtual->out->record_count + virtual->out->command_count > 0;
        if (crash == 1 || fails) { /* who cannot commit lets nothing out: it ends, until its disk is mended */
            node_kill(virtual, number, fails);
            return;
        }
        commit(virtual, number);
    }
    if (crash != 2) {
        let_out(virtual, number);
        observe_all(virtual, number);
    }
    if (crash != 0) {
        node_kill(virtual, number, false);
    }
}

/* The table with the most records, and one of its keys: it says what was too much. */
static void put_table(const struct out *out, struct buffer *text)
{
    size_t counts[UINT8_MAX + 1] = {0}, most = 0;
    for (size_t i = 0; i < out->record_count; i++) {
        size_t count = ++counts[out->records[i].table & UINT8_MAX];
        most = count >= counts[out->records[most].table & UINT8_MAX] ? i : most;
    }
    if (out->record_count > 0) {
        buffer_put_text(text, "; most of them like ");
        record_put_key(&out->records[most], text);
    }
}

/* What did not fit, or what the actor itself says of it. */
static void put_failure(const struct virtual *virtual, struct buffer *text)
{
    const struct out *out = virtual->out;
    const struct {
        const char *what;
        size_t used;
    } parts[] = {{"commands", out->command_count}, {"records", out->record_count}, {"observations", out->observation_count}, {"bytes", out->arena->used}};
    buffer_put_text(text, out->full ? "the output of one step ran full (" : "a step failed (");
    for (size_t i = 0; out->full && i < sizeof parts / sizeof parts[0]; i++) {
        buffer_put_text(text, i > 0 ? ", " : "");
        buffer_put_int(text, (int64_t)parts[i].used);
        buffer_put_text(text, " ");
        buffer_put_text(text, parts[i].what);
    }
    if (out->full) {
        put_table(out, text);
    }
    for (size_t i = out->command_count; !out->full && i > 0; i--) {
        if (out->commands[i - 1].kind == COMMAND_NOTE) {
            buffer_put(text, slice_before(out->commands[i - 1].text, 100));
            break;
        }
    }
    buffer_put_text(text, ")");
}

void node_take(struct virtual *virtual, uint32_t number, uint64_t content_hash)
{
    struct node_state *node = &virtual->nodes[number];
    int64_t parent = virtual->cause;
    if (virtual->err != ERR_OK || node->down) {
        return;
    }
    virtual->event.at_ns = virtual->now_ns;
    virtual->event.sequence = ++node->sequence;
    virtual->number++;
    virtual->counts.events++;
    hash_event(virtual, number, content_hash);
    trace_event(virtual, number, parent);
    out_clear(virtual->out);
    if (node->setup.durable) {
        node->meta.step++;
        virtual->counts.steps++;
    }
    enum err err = node->actor.step(node->actor.self, &virtual->event, virtual->out);
    virtual->cause = virtual->number;
    if (err != ERR_OK || virtual->out->full) {
        char said[256] = "";
        struct buffer text = buffer_over(said, sizeof said - 1);
        put_failure(virtual, &text);
        buffer_put_text(&text, ": ");
        buffer_put(&text, slice_before(node->setup.name, 64));
        virtual_fail(virtual, err == ERR_OK ? ERR_LIMIT : err, said);
        virtual->failed_node = number;
        return;
    }
    end_step(virtual, number);
    node_arm(virtual, number);
}
