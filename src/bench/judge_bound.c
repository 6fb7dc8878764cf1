/* SPDX-License-Identifier: MIT
 *
 * What must hold within a time, once what disturbed it has ended: published studies can be had, a dead node holds up
 * nobody else, nothing waits for ever. And what must hold over a while: a merge that is undone leaves no trace, what was
 * taken over stays somewhere. */
#include "src/bench/judge_private.h"

#include "src/engine/state.h"

#define URGENT_NS (30 * TIME_MIN) /* where the scenario does not say when an urgent transfer is needed */

void judge_bound_init(struct judge *judge)
{
    judge->within[INVARIANT_published_is_retrievable] = 10 * TIME_MIN;
    judge->within[INVARIANT_isolation] = 30 * TIME_MIN;
    judge->within[INVARIANT_no_starvation] = 4 * TIME_HOUR;
    for (size_t i = 0; i < judge->scenario->healed_count; i++) {
        enum invariant invariant;
        if (invariant_from_name(judge->scenario->healed[i].invariant, &invariant)) {
            judge->within[invariant] = judge->scenario->healed[i].within;
        }
    }
    judge->demand_low = 1;
    judge->urgent_ns = URGENT_NS;
    for (size_t p = 0; p < judge->scenario->population.pathway_count; p++) {
        const struct pathway *pathway = &judge->scenario->population.pathways[p];
        for (size_t s = 0; s < pathway->step_count; s++) {
            const struct pathway_step *step = &pathway->steps[s];
            judge->urgent_ns = step->kind == STEP_TRANSFER && step->urgent && step->lead > 0 ? step->lead : judge->urgent_ns;
        }
    }
}

/* ---- Disturbances, seen from one transfer. What RADIS2 says late, twice or not at all holds up no images. */

struct disturbance {
    bool own, other; /* of one of its nodes, a link or the engine; of a PACS that it has nothing to do with */
};

static bool holds(const struct judge *judge, uint32_t study, uint16_t node)
{
    struct holding holding;
    for (uint32_t cursor = JUDGE_HOLDINGS; study != JUDGE_NONE && judge_next_holding(judge, study, &cursor, &holding);) {
        if (holding.node == node) {
            return true;
        }
    }
    return false;
}

static struct disturbance disturbed(const struct judge *judge, uint32_t study, uint16_t destination, time_ns since)
{
    struct disturbance found = {false, false};
    size_t nodes = judge->scenario->node_count;
    for (uint32_t f = judge->fault_count; f > 0 && judge->faults[f - 1].reach >= since; f--) {
        const struct fault_window *window = &judge->faults[f - 1];
        if (window->index < nodes && judge->scenario->nodes[window->index].kind == KIND_RIS) {
            continue;
        }
        bool pacs = window->index < nodes && judge->scenario->nodes[window->index].kind == KIND_PACS;
        bool own = !pacs || window->node == destination || holds(judge, study, window->node);
        found.own = found.own || (own && window->until >= since);
        found.other = found.other || (!own && window->until >= since && judge_stops(judge_spell(judge, window->effect)));
    }
    return found;
}

/* ---- Published is retrievable. */

static bool is_slow(const struct judge *judge, uint32_t study, time_ns since)
{
    struct holding holding;
    for (uint32_t cursor = JUDGE_HOLDINGS; judge_next_holding(judge, study, &cursor, &holding);) {
        if (judge_was_slow(judge, holding.node, since)) {
            return true;
        }
    }
    return false;
}

/* A PACS has all of it, nothing was rejected, and whose it is is beyond doubt: it must be possible to have it. */
static bool is_owed(const struct judge *judge, uint32_t study, time_ns since)
{
    struct holding holding;
    const struct truth_study *truth = &judge->studies[study];
    bool published = truth->exam != JUDGE_NONE && (judge->exams[truth->exam].flags & (EXAM_WATCHED | EXAM_HAS_STUDY)) != 0, whole = false;
    for (uint32_t cursor = JUDGE_HOLDINGS; published && judge_next_holding(judge, study, &cursor, &holding);) {
        bool pacs = judge_is(judge, judge_spell(judge, holding.node), KIND_PACS);
        whole = whole || (pacs && holding.instances >= truth->instances && holding.complete_at < since && holding.gone_at == TIME_NEVER);
    }
    return whole && !(truth->flags & STUDY_REJECTED) && judge_is_certain(judge, truth->person, since);
}

void judge_retrieved(struct judge *judge, slice study_uid, slice viewer, time_ns asked_at, int64_t asked_line, const struct observation *seen, int64_t line)
{
    uint32_t study = judge_study(judge, study_uid);
    time_ns bound = judge->within[INVARIANT_published_is_retrievable];
    bool busy = seen->number == (int64_t)STATUS_OUT_OF_RESOURCES || seen->number == (int64_t)STATUS_CANCEL, good = seen->number == 0;
    if (study == JUDGE_NONE || judge_next_uid(judge, study) != JUDGE_NONE || busy || !is_owed(judge, study, asked_at - bound)) {
        return;
    }
    struct disturbance found = disturbed(judge, study, (uint16_t)judge_word(judge, viewer), asked_at - bound);
    if (!good && (found.own || found.other || is_slow(judge, study, asked_at - bound))) {
        return;
    }
    const int64_t lines[] = {asked_line, line};
    judge_case(judge, INVARIANT_published_is_retrievable, !good, lines, 2, "%.*s asked for published study %.*s: %s%s%.*s", SLICE_ARGS(viewer), SLICE_ARGS(study_uid),
               good ? "it came" : "it did not come, and nothing had gone wrong", seen->text.size > 0 ? ": " : "", SLICE_ARGS(seen->text));
}

/* ---- A transfer ended. */

static void check_waiting(struct judge *judge, uint32_t id, const struct engine_demand *demand, uint32_t study)
{
    time_ns start = demand->due_at > demand->accepted_at ? demand->due_at : demand->accepted_at, late = judge->now - start;
    struct disturbance found = disturbed(judge, study, demand->destination, demand->accepted_at - JUDGE_GRACE_NS);
    if (found.own) {
        return; /* its own nodes may have held it up */
    }
    enum invariant invariant = found.other ? INVARIANT_isolation : INVARIANT_no_starvation;
    judge_case(judge, invariant, late > judge->within[invariant], NULL, 0, "transfer %u to %.*s ended %lld s behind its time, %s", id,
               SLICE_ARGS(judge_spell(judge, demand->destination)), (long long)(late < 0 ? 0 : late / TIME_S),
               found.other ? "while a PACS that it does not need was down" : "and nothing was down");
}

/* Open long after its time, though for as long nothing it needs was disturbed. */
bool judge_is_forgotten(const struct judge *judge, const struct engine_demand *demand)
{
    time_ns start = demand->due_at > demand->accepted_at ? demand->due_at : demand->accepted_at, within = judge->within[INVARIANT_no_starvation];
    struct disturbance found = disturbed(judge, judge_demand_study(judge, demand), demand->destination, judge->now - within);
    return judge->now - start > within && !found.own && !found.other;
}

void judge_demand_ended(struct judge *judge, uint32_t id, const struct engine_demand *demand)
{
    uint32_t study = judge_demand_study(judge, demand);
    bool done = demand->state == DEMAND_DONE, failed = demand->state == DEMAND_FAILED;
    time_ns needed = demand->due_at > demand->accepted_at ? demand->due_at : demand->accepted_at + judge->urgent_ns;
    judge->reached[REACH_transfer_retried] |= done && demand->attempts > 1;
    judge->reached[REACH_transfer_failed] |= failed;
    judge->reached[REACH_transfer_unproven] |= demand->state == DEMAND_UNPROVEN;
    judge->reached[REACH_transfer_direct] |= done && demand->path == PATH_DIRECT;
    judge->reached[REACH_transfer_relayed] |= done && demand->path == PATH_RELAY;
    judge_fold_transfer(judge, study, demand);
    judge_share(judge, MEASURE_transfer_done_share, judge->now, done);
    if (done) {
        time_ns late = demand->due_at > 0 && judge->now > demand->due_at ? judge->now - demand->due_at : 0;
        judge_length(judge, MEASURE_transfer_duration, judge->now, judge->now - demand->accepted_at);
        judge_length(judge, MEASURE_transfer_lateness, judge->now, demand->due_at > 0 ? late : 0);
    }
    if (done && demand->reason == DEMAND_CLIENT) {
        judge_length(judge, MEASURE_transfer_urgent_lateness, judge->now, judge->now > needed ? judge->now - needed : 0);
    }
    check_waiting(judge, id, demand, study);
}

/* ---- Merges that are undone. */

void judge_moved(struct judge *judge, uint32_t row, bool exam, uint32_t from, uint32_t to)
{
    if (from != 0 && to != 0 && from != to && judge->move_count < JUDGE_ROWS_MAX) {
        judge->moves[judge->move_count++] = (struct judge_move){row, from, to, exam};
    }
}

void judge_unmerged(struct judge *judge, uint32_t from, uint32_t to)
{
    if (judge->unmerge_count < sizeof judge->unmerged / sizeof judge->unmerged[0]) {
        judge->unmerged[judge->unmerge_count].from = from;
        judge->unmerged[judge->unmerge_count++].to = to;
    }
}

/* What the merge gave to the other person is hers no more. */
static void check_unmerge(struct judge *judge, uint32_t from, uint32_t to)
{
    uint32_t moved = 0, back = 0, kept = 0;
    for (uint32_t m = 0; m < judge->move_count; m++) {
        struct judge_move move = judge->moves[m];
        bool forth = move.from == from && move.to == to, here = move.from == to && move.to == from;
        if (forth) {
            uint32_t now = move.exam ? judge->exams[move.row].engine_person : judge->identities[judge_identity_now(judge, move.row)].engine;
            moved++;
            back += now != to; /* an NHS number told meanwhile may have led her on at once */
        } else if (!here) {
            judge->moves[kept++] = move;
        }
    }
    judge->move_count = kept;
    judge_case(judge, INVARIANT_merge_reverses, moved != back, NULL, 0, "person %u is no part of person %u any more: %u of %u numbers and exams left", from, to, back, moved);
    judge->reached[REACH_merge_undone] = true;
}

void judge_unmerge_end(struct judge *judge)
{
    for (uint32_t i = 0; i < judge->unmerge_count; i++) {
        check_unmerge(judge, judge->unmerged[i].from, judge->unmerged[i].to);
    }
    judge->unmerge_count = 0;
}

/* ---- What was taken over: each object is in the spool, or where it belongs. */

static slice text(const struct record *record, int column)
{
    return record->values[column].text;
}

static bool is_there(struct judge *judge, const struct engine_spooled *object)
{
    char uid[STORE_TEXT_MAX], sop[STORE_TEXT_MAX];
    struct sop_span sops = judge_sops(judge_text(judge, object->sop, sop), 1), part;
    uint32_t first = judge_study(judge, judge_text(judge, object->study, uid));
    if (first == JUDGE_NONE) {
        return true; /* pushed from outside of this world: nobody tells where it is */
    }
    for (uint32_t s = first; s != JUDGE_NONE; s = judge_next_uid(judge, s)) {
        const struct holding *holding = judge_holding(judge, s, object->home);
        if (holding != NULL && judge_arrived_part(judge, holding->arrivals, &sops, &part) != JUDGE_NONE) {
            return true;
        }
    }
    return false;
}

enum err judge_spooled(struct judge *judge, const struct record *record, bool restored)
{
    uint64_t key = store_hash2(text(record, COLUMN_spooled_sop_uid), text(record, COLUMN_spooled_origin));
    uint32_t at = store_index_find(&judge->spool_index, key);
    if (record->deleted) {
        if (at != JUDGE_NONE && !restored) {
            bool there = is_there(judge, &judge->spooled[at]);
            judge_case(judge, INVARIANT_conservation, !there, NULL, 0, "object %.*s left the spool %s", SLICE_ARGS(text(record, COLUMN_spooled_sop_uid)),
                       there ? "and is where it belongs" : "and is nowhere");
        }
        store_index_remove(&judge->spool_index, key);
        return ERR_OK;
    }
    if (at == JUDGE_NONE) {
        at = judge->spooled_count;
        if (at == JUDGE_ROWS_MAX || store_index_put(&judge->spool_index, key, at) != ERR_OK) {
            return ERR_LIMIT;
        }
        judge->spooled[judge->spooled_count++] = (struct engine_spooled){.sop = store_text_put(&judge->texts, text(record, COLUMN_spooled_sop_uid)),
                                                                         .study = store_text_put(&judge->texts, text(record, COLUMN_spooled_study_uid))};
    }
    judge->spooled[at].home = judge_word(judge, text(record, COLUMN_spooled_home));
    return ERR_OK;
}

/* What is still there at the end has one place, too. */
void judge_spool_end(struct judge *judge)
{
    for (size_t i = 0; i < judge->spool_index.count; i++) {
        judge_case(judge, INVARIANT_conservation, false, NULL, 0, "an object is in the spool as the run ends");
    }
}
