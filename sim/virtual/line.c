/* SPDX-License-Identifier: MIT
 *
 * Line: the faults of links, as they are told: cut, slow, late, lossy, flapping, reset. The same words as on the wire
 * (src/wire/shaper_links.c). */
#include "sim/virtual/virtual_private.h"

static void count_change(uint32_t *count, bool begins)
{
    *count += begins ? 1u : *count > 0 ? UINT32_MAX : 0u;
}

static void set_ppm(uint32_t *ppm, const struct plan_entry *entry)
{
    int64_t said = entry->kind == PLAN_FAULT ? plan_get_int(entry, "ppm", 0) : 0;
    *ppm = said < 0 ? 0 : said > 1000000 ? 1000000 : (uint32_t)said;
}

static void change_half(struct virtual *virtual, uint32_t half, const struct plan_entry *entry)
{
    struct half_link *link = &virtual->network.halves[half];
    bool begins = entry->kind == PLAN_FAULT;
    if (slice_equal(entry->verb, SLICE("partition"))) {
        count_change(&link->partitions, begins);
    } else if (slice_equal(entry->verb, SLICE("clog"))) {
        count_change(&link->clogs, begins);
    } else if (slice_equal(entry->verb, SLICE("rate"))) {
        int64_t rate = plan_get_int(entry, "bytes_per_s", 1);
        link->fault_rate = !begins ? -1 : rate < 1 ? 1 : rate;
    } else if (slice_equal(entry->verb, SLICE("delay"))) {
        link->fault_delay_ns = begins ? plan_get_int(entry, "ns", 0) : 0;
    } else if (slice_equal(entry->verb, SLICE("loss"))) {
        set_ppm(&link->fault_loss_ppm, entry);
    } else if (slice_equal(entry->verb, SLICE("corrupt"))) {
        set_ppm(&link->corrupt_ppm, entry);
    } else if (slice_equal(entry->verb, SLICE("reorder"))) {
        set_ppm(&link->late_ppm, entry);
    } else if (slice_equal(entry->verb, SLICE("duplicate"))) {
        set_ppm(&link->double_ppm, entry);
    } else if (slice_equal(entry->verb, SLICE("reset"))) {
        count_change(&link->resets, begins);
    } else if (slice_equal(entry->verb, SLICE("black_hole"))) {
        count_change(&link->holes, begins);
    }
    network_changed(virtual, half);
}

static bool is_known(slice verb)
{
    const slice verbs[] = {SLICE("partition"), SLICE("clog"), SLICE("rate"), SLICE("delay"), SLICE("loss"), SLICE("flap"),
                           SLICE("duplicate"), SLICE("corrupt"), SLICE("reorder"), SLICE("reset"), SLICE("black_hole")};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (slice_equal(verbs[i], verb)) {
            return true;
        }
    }
    return false;
}

static void set_flap(struct virtual *virtual, uint32_t link, bool down)
{
    for (uint32_t half = 2 * link; half < 2 * link + 2; half++) {
        virtual->network.halves[half].flap_down = down;
        network_changed(virtual, half);
    }
}

static void next_turn(struct virtual *virtual, uint32_t link, time_ns after_ns)
{
    struct pending *pending = virtual_put(virtual, virtual->now_ns + after_ns, CLASS_FAULT, (uint32_t)virtual->config.node_count + link, PENDING_FLAP);
    if (pending != NULL) {
        pending->subject = link;
        pending->generation = virtual->network.flaps[link].turn;
    }
}

void network_flap(struct virtual *virtual, uint32_t link, uint32_t turn)
{
    struct flap *flap = &virtual->network.flaps[link];
    if (!flap->on || flap->turn != turn) {
        return;
    }
    bool down = !virtual->network.halves[2 * link].flap_down;
    set_flap(virtual, link, down);
    next_turn(virtual, link, down ? flap->down_ns : flap->up_ns);
}

static void begin_flap(struct virtual *virtual, uint32_t link, const struct plan_entry *entry)
{
    struct flap *flap = &virtual->network.flaps[link];
    flap->turn++;
    flap->on = entry->kind == PLAN_FAULT;
    flap->up_ns = plan_get_int(entry, "up", 5 * TIME_S);
    flap->down_ns = plan_get_int(entry, "down", 5 * TIME_S);
    flap->up_ns = flap->up_ns < TIME_MS ? TIME_MS : flap->up_ns;
    flap->down_ns = flap->down_ns < TIME_MS ? TIME_MS : flap->down_ns;
    set_flap(virtual, link, flap->on);
    if (flap->on) {
        next_turn(virtual, link, flap->down_ns);
    }
}

/* ---- What a fault does to connections. */

static bool is_over(const struct path *path, uint32_t link)
{
    for (uint8_t i = 0; i < path->count; i++) {
        if (path->links[i] / 2 == link) {
            return true;
        }
    }
    return false;
}

bool network_resets(const struct virtual *virtual, const struct path *path)
{
    for (uint8_t i = 0; i < path->count; i++) {
        if (virtual->network.halves[path->links[i]].resets > 0) {
            return true;
        }
    }
    return false;
}

/* A reset cuts them when it begins. What a black hole took never comes: when it ends, connections that led into it are of no use. */
static void cut_all(struct virtual *virtual, uint32_t link)
{
    for (uint32_t c = 0; c < virtual->channels.end; c++) {
        const struct channel *channel = pipe_at(virtual, c);
        if (channel->used && is_over(network_path(virtual, channel->ends[0].node, channel->ends[1].node), link)) {
            pipe_cut(virtual, REF(c, 0), CLOSED_LOST, CLOSED_LOST);
        }
    }
}

enum err network_tell(struct virtual *virtual, uint32_t link, const struct plan_entry *entry)
{
    slice direction = plan_get(entry, "direction");
    if (link >= virtual->network.link_count || entry->kind == PLAN_DO || !is_known(entry->verb)) {
        return ERR_BAD_INPUT;
    }
    if (slice_equal(entry->verb, SLICE("flap"))) {
        begin_flap(virtual, link, entry);
    } else {
        bool to = !slice_equal(direction, SLICE("from_hub")), from = !slice_equal(direction, SLICE("to_hub"));
        if (to) {
            change_half(virtual, 2 * link, entry);
        }
        if (from) {
            change_half(virtual, 2 * link + 1, entry);
        }
    }
    bool cuts = entry->kind == PLAN_FAULT ? slice_equal(entry->verb, SLICE("reset")) : slice_equal(entry->verb, SLICE("black_hole"));
    if (cuts) {
        cut_all(virtual, link);
    }
    virtual_observe_fault(virtual, (uint32_t)virtual->config.node_count + link, entry);
    return virtual->err;
}
