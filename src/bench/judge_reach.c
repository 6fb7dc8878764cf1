/* SPDX-License-Identifier: MIT
 *
 * What a run reached, as far as single observations tell it; the rest is noted where it is judged. */
#include "src/bench/judge_private.h"

#include "src/engine/state.h"

const char *reach_name(enum reach_point point)
{
    static const char *const names[REACH_COUNT] = {
#define REACH(name, text) #name,
#include "src/bench/reach.def"
#undef REACH
    };
    return names[point];
}

static bool is_pacs(const struct judge *judge, uint32_t index)
{
    return index < judge->scenario->node_count && judge->scenario->nodes[index].kind == KIND_PACS;
}

/* Is a second PACS down now? */
static bool is_other_down(const struct judge *judge, uint32_t node)
{
    for (uint32_t f = judge->fault_count; f > judge->fault_open; f--) {
        const struct fault_window *window = &judge->faults[f - 1];
        if (window->until == TIME_NEVER && window->index != node && is_pacs(judge, window->index) && judge_stops(judge_spell(judge, window->effect))) {
            return true;
        }
    }
    return false;
}

/* Called once the window is open. */
void judge_reach_fault(struct judge *judge, const struct fault_window *window)
{
    slice effect = judge_spell(judge, window->effect);
    if (window->index != JUDGE_NONE && window->index >= judge->scenario->node_count) {
        judge->reached[REACH_link_down] |= slice_starts(effect, SLICE("partition"));
        return;
    }
    if (!judge_stops(effect) || window->index == JUDGE_NONE) {
        return;
    }
    const struct source *source = &judge->sources[window->index];
    bool engine = judge->scenario->nodes[window->index].kind == KIND_ENGINE;
    judge->reached[REACH_crash_during_move] |= engine ? judge->running_index.count > 0 : source->move_count > 0;
    judge->reached[REACH_crash_during_find] |= source->find_count > 0;
    judge->reached[REACH_two_pacs_down] |= is_pacs(judge, window->index) && is_other_down(judge, window->index);
}

/* Two became one: was a prior of hers on its way? */
void judge_reach_merge(struct judge *judge, uint32_t gone, uint32_t kept)
{
    for (uint32_t id = judge->demand_low; id < judge->demand_end; id++) {
        const struct engine_demand *demand = &judge->demands[id];
        bool open = demand->alive && demand->state != DEMAND_DONE && demand->state != DEMAND_UNPROVEN && demand->state != DEMAND_FAILED;
        uint32_t study = open && demand->reason == DEMAND_PRIOR ? judge_demand_study(judge, demand) : JUDGE_NONE;
        uint32_t person = study == JUDGE_NONE ? 0 : judge->identities[judge_identity_now(judge, judge->studies[study].identity)].engine;
        judge->demand_low += !open && id == judge->demand_low;
        judge->reached[REACH_merge_during_prefetch] |= person != 0 && (person == gone || person == kept);
    }
}
