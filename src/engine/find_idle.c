/* SPDX-License-Identifier: MIT
 *
 * Associations kept for the next question, one for each node, only while the place is nobody else's. Timer subjects: less than zero,
 * by the node. */
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
    if (!idle->timed) {
        timer_set(engine, TIMER_FIND, -1 - (int64_t)node, engine->now + FIND_IDLE_NS);
    }
    *idle = (struct idle_find){.channel = state->spare, .message = state->spare_message, .timed = true, .until_ns = engine->now + FIND_IDLE_NS};
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

void find_idle_timer(struct engine *engine, struct out *out, uint32_t node)
{
    struct idle_find *idle = &engine->find->idle[node];
    idle->timed = idle->channel != 0 && engine->now < idle->until_ns;
    if (idle->timed) {
        timer_set(engine, TIMER_FIND, -1 - (int64_t)node, idle->until_ns);
    } else {
        idle_close(engine, out, node);
    }
}

void source_find_yield(struct engine *engine, struct out *out, uint32_t node)
{
    if (node != NODE_NONE && health_gate_bulk(engine, node) != GATE_OPEN) {
        idle_close(engine, out, node);
    }
}

bool find_idle_waits(struct engine *engine, uint32_t node)
{
    struct idle_find *idle = &engine->find->idle[node];
    idle->timed = idle->channel != 0;
    return idle->timed;
}

void find_idle_closed(struct engine *engine, const struct channel *channel)
{
    struct idle_find *idle = &engine->find->idle[channel->node];
    idle->channel = idle->channel == channel->number ? 0 : idle->channel;
}
