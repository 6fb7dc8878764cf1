/* SPDX-License-Identifier: MIT
 *
 * Associations kept for the next question, one for each node, only while the place is nobody else's. No timer is set for them: one
 * that has been kept long enough goes when the engine next has anything to do, and the driver lets none be idle for ever. */
#include "src/engine/find_private.h"

bool find_has_spare(struct engine *engine, uint32_t node)
{
    struct find_state *state = engine->find;
    struct idle_find *idle = &state->idle[node];
    if (state->spare == 0 && idle->channel != 0) {
        state->spare = idle->channel;
        state->spare_node = node;
        state->spare_message = idle->message;
        idle->channel = 0;
    }
    return state->spare != 0 && state->spare_node == node;
}

bool find_keep_spare(struct engine *engine)
{
    struct find_state *state = engine->find;
    uint32_t node = state->spare_node;
    struct idle_find *idle = &state->idle[node];
    if (idle->channel != 0 || health_gate_bulk(engine, node) != GATE_OPEN) {
        return false;
    }
    *idle = (struct idle_find){.channel = state->spare, .message = state->spare_message, .until_ns = engine->now + FIND_IDLE_NS};
    state->idle_due_ns = state->idle_due_ns == 0 || idle->until_ns < state->idle_due_ns ? idle->until_ns : state->idle_due_ns;
    channel_find(engine, state->spare)->subject = 0;
    return true;
}

static void idle_close(struct engine *engine, struct out *out, uint32_t node)
{
    struct idle_find *idle = &engine->find->idle[node];
    if (idle->channel != 0) {
        channel_close(engine, out, idle->channel);
        idle->channel = 0;
    }
}

void source_find_expire(struct engine *engine, struct out *out)
{
    struct find_state *state = engine->find;
    time_ns due = 0;
    if (state->idle_due_ns == 0 || state->idle_due_ns >= engine->now) {
        return;
    }
    for (uint32_t node = 0; node < engine->config->node_count; node++) {
        const struct idle_find *idle = &state->idle[node];
        if (idle->channel != 0 && idle->until_ns < engine->now) {
            idle_close(engine, out, node);
        } else if (idle->channel != 0 && (due == 0 || idle->until_ns < due)) {
            due = idle->until_ns;
        }
    }
    state->idle_due_ns = due;
}

void source_find_yield(struct engine *engine, struct out *out, uint32_t node)
{
    if (node != NODE_NONE && health_gate_bulk(engine, node) != GATE_OPEN) {
        idle_close(engine, out, node);
    }
}

void find_idle_closed(struct engine *engine, const struct channel *channel)
{
    struct idle_find *idle = &engine->find->idle[channel->node];
    idle->channel = idle->channel == channel->number ? 0 : idle->channel;
}
