/* SPDX-License-Identifier: MIT
 *
 * The direct path (design 3.3): the holder is told to move straight to the destination, and the pixels never come
 * near us. Only where nothing has to change in them, where the holder was told the destination's title, and where
 * the destination itself will prove what it got: the holder's counters prove nothing. What falls short is relayed. */
#include "src/engine/retrieve_private.h"

static bool is_told(const struct node_config *holder, slice destination)
{
    for (size_t i = 0; i < holder->moves_to_count; i++) {
        if (slice_equal(holder->moves_to[i], destination)) {
            return true;
        }
    }
    return false;
}

static uint64_t *strangers(const struct engine *engine, const struct transfer *transfer, uint32_t holder)
{
    return &engine->retrieve->strangers[holder][transfer->destination / 64];
}

bool direct_fits(const struct engine *engine, const struct transfer *transfer, uint32_t holder)
{
    const struct node_config *from = node_at(engine, holder), *to = node_at(engine, transfer->destination);
    bool proof = to->answers_list || to->commitment;
    bool same_numbers = from->organisation == to->organisation; /* else the relay coerces */
    bool shows_life = !node_has(engine, holder, DIALECT_no_pending);
    bool stranger = (*strangers(engine, transfer, holder) >> transfer->destination % 64 & 1) != 0;
    /* A part of the study is the relay's: it alone refuses what was rejected or is there already. */
    bool whole = transfer->whole_study && transfer->job_wanted == transfer->wanted && transfer->gap.size == 0;
    return proof && same_numbers && shows_life && !stranger && whole && !transfer->no_direct && is_told(from, to->name);
}

void direct_answered(struct engine *engine, struct transfer *transfer, const struct dimse *response)
{
    bool failed = response->status != STATUS_SUCCESS && !status_is_warning(response->status);
    bool counted_less = response->completed != DIMSE_COUNTER_ABSENT && (uint32_t)response->completed < transfer->job_wanted;
    transfer->in_doubt = failed || status_is_warning(response->status) || counted_less;
    if (response->status == STATUS_MOVE_DESTINATION_UNKNOWN) {
        *strangers(engine, transfer, transfer->holders[transfer->holder].node) |= UINT64_C(1) << transfer->destination % 64;
    }
}

/* The same attempt goes on by relay, with what is not on the destination's list. */
static void fall_back(struct engine *engine, struct out *out, struct transfer *transfer, slice why)
{
    const struct node_config *to = node_at(engine, transfer->destination);
    finding(engine, out, transfer->holders[transfer->holder].node, SLICE("direct move"),
            TEXT(out, SLICE("asked to move straight to "), to->name, SLICE(", "), why, SLICE(": the relay is used")));
    transfer->no_direct = true;
    transfer->path = PATH_RELAY;
    transfer->phase = PHASE_READY;
    transfer_run_if_ready(engine, out, transfer);
}

void direct_over(struct engine *engine, struct out *out, struct transfer *transfer)
{
    if (!transfer->final_seen) {
        transfer_fail(engine, out, transfer, true, transfer->why.size > 0 ? transfer->why : SLICE("the direct move did not end"));
    } else if (transfer->final_status == STATUS_MOVE_DESTINATION_UNKNOWN) {
        fall_back(engine, out, transfer, SLICE("it does not know that destination"));
    } else {
        proof_begin(engine, out, transfer);
    }
}

void direct_proven(struct engine *engine, struct out *out, struct transfer *transfer)
{
    struct row_demand row;
    for (struct item *item = transfer->items; item != NULL; item = item->next) {
        item->delivered = item->delivered || item->wanted;
    }
    transfer->delivered = transfer->wanted;
    if (demand_get(engine, transfer->demand, &row) && row.delivered != transfer->delivered) {
        row.delivered = transfer->delivered;
        row_put_demand(engine, out, &row);
    }
}

void direct_short(struct engine *engine, struct out *out, struct transfer *transfer, uint32_t missing)
{
    struct row_demand row;
    transfer->delivered = 0;
    for (struct item *item = transfer->items; item != NULL; item = item->next) {
        item->delivered = item->on_target;
        transfer->delivered += item->wanted && item->delivered ? item->count : 0;
    }
    if (transfer->delivered == 0 && transfer->in_doubt) { /* products have their own codes for it */
        *strangers(engine, transfer, transfer->holders[transfer->holder].node) |= UINT64_C(1) << transfer->destination % 64;
    }
    if (demand_get(engine, transfer->demand, &row)) {
        row.delivered = transfer->delivered;
        row_put_demand(engine, out, &row);
        move_progress(engine, out, transfer->demand);
    }
    fall_back(engine, out, transfer, TEXT(out, text_int(out, missing), SLICE(" of "), text_int(out, transfer->wanted), SLICE(" instances did not arrive")));
}
