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

/* ---- Whether a fault of the words of a scenario bit. */

static bool is_one_of(slice effect, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_starts(effect, slice_from(words[i]))) {
            return true;
        }
    }
    return false;
}
#define IS_ONE_OF(effect, words) is_one_of(effect, words, sizeof(words) / sizeof(words)[0])

/* A question or a retrieve of a viewer ended: what disturbed lines and nodes meanwhile? */
static void reach_disturbed(struct judge *judge, const struct observation *seen)
{
    static const char *const broken[] = {"reset", "half_close", "slow_close", "slice", "stop_after_bytes", "black_hole"};
    static const char *const disturbed[] = {"pause", "slow", "stretch", "hang", "hold", "associations"};
    time_ns since = seen->at_ns - seen->latency_ns;
    for (uint32_t f = judge->fault_count; f > 0 && judge->faults[f - 1].reach >= since; f--) {
        const struct fault_window *window = &judge->faults[f - 1];
        slice effect = judge_spell(judge, window->effect);
        bool meets = window->from <= seen->at_ns && window->until >= since && window->index != JUDGE_NONE, line = window->index >= judge->scenario->node_count;
        judge->reached[REACH_line_disturbed] |= meets && line && !IS_ONE_OF(effect, broken);
        judge->reached[REACH_connection_broken] |= meets && line && IS_ONE_OF(effect, broken);
        judge->reached[REACH_node_disturbed] |= meets && is_pacs(judge, window->index) && IS_ONE_OF(effect, disturbed);
    }
}

static bool has_wrong_clock(const struct judge *judge, time_ns at)
{
    for (uint32_t f = judge->fault_count; f > 0 && judge->faults[f - 1].reach >= at; f--) {
        if (judge->faults[f - 1].until >= at && slice_equal(judge_spell(judge, judge->faults[f - 1].effect), SLICE("clock"))) {
            return true;
        }
    }
    return false;
}

void judge_reach_seen(struct judge *judge, const struct observation *seen)
{
    switch (seen->kind) {
    case OBSERVATION_query_answered:
    case OBSERVATION_retrieve_answered:
        if (judge->fault_count > 0) {
            reach_disturbed(judge, seen);
        }
        return;
    case OBSERVATION_hl7_sent:
        judge->reached[REACH_message_resent] |= seen->count > 1;
        judge->reached[REACH_clock_wrong] |= judge->fault_count > 0 && !judge->reached[REACH_clock_wrong] && has_wrong_clock(judge, seen->at_ns);
        return;
    case OBSERVATION_store_refused:
        judge->reached[REACH_image_refused] = true;
        return;
    default:
        return;
    }
}

/* Called once the window is open. */
void judge_reach_fault(struct judge *judge, const struct fault_window *window)
{
    slice effect = judge_spell(judge, window->effect);
    if (window->index != JUDGE_NONE && window->index >= judge->scenario->node_count) {
        judge->reached[REACH_link_down] |= slice_starts(effect, SLICE("partition"));
        return;
    }
    static const char *const bends[] = {"reply", "reject", "ignore_key", "wrong_ae", "abort_mid_pdu", "charset_wrong"};
    judge->reached[REACH_answer_bent] |= is_pacs(judge, window->index) && IS_ONE_OF(effect, bends);
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
