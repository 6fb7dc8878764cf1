/* SPDX-License-Identifier: MIT
 *
 * Links. A large message is a flow: it has, of each link on its way, an even share among the flows there, and moves at the least
 * of them; shares are made anew when a flow comes or goes. A small one only waits for the bottleneck's rate. Whole
 * numbers only: bytes are counted in millionths, rates in bytes a second, and what division leaves is lost to nobody but the flow itself. */
#include "sim/virtual/virtual_private.h"

#define MICRO INT64_C(1000000)
#define PACKET 1460
#define RETRANSMIT_NS (200 * TIME_MS) /* the least that a lost packet costs when nothing follows it (RFC 6298 has 1 s, stacks 200 ms) */
#define FLOW_BYTES_MAX (INT64_MAX / MICRO)

/* ---- Ways. */

static uint32_t half_towards(const struct virtual_link *link, uint32_t number, uint32_t site)
{
    return number * 2 + (link->to == site ? 0 : 1);
}

static void extend(struct network *network, const struct path *before, struct path *path, uint32_t half)
{
    *path = *before;
    path->links[path->count++] = (uint16_t)half;
    path->delay_ns += network->halves[half].delay_ns;
    path->exists = true;
}

/* Breadth first from one site; links in their order. */
static void find_paths(struct virtual *virtual, uint32_t from)
{
    struct network *network = &virtual->network;
    struct path *row = &network->paths[from * network->site_count];
    uint32_t order[VIRTUAL_SITES_MAX], count = 1;
    uint64_t seen[VIRTUAL_SITES_MAX / 64] = {0};
    struct path start = {.count = 0};
    order[0] = from;
    seen[from / 64] |= 1ull << from % 64;
    extend(network, &start, &row[from], (uint32_t)(2 * network->link_count) + 2 * from);
    for (uint32_t i = 0; i < count; i++) {
        const struct path *here = order[i] == from ? &start : &row[order[i]];
        for (uint32_t l = 0; l < network->link_count && here->count < PATH_MAX_LINKS; l++) {
            const struct virtual_link *link = &virtual->config.links[l];
            uint32_t to = link->from == order[i] ? link->to : link->to == order[i] ? link->from : NONE;
            if (to != NONE && (seen[to / 64] >> to % 64 & 1) == 0) {
                seen[to / 64] |= 1ull << to % 64;
                extend(network, here, &row[to], half_towards(link, l, to));
                order[count++] = to;
            }
        }
    }
}

static void make_halves(struct virtual *virtual)
{
    struct network *network = &virtual->network;
    const struct virtual_config *config = &virtual->config;
    for (size_t h = 0; h < network->half_count; h++) {
        network->halves[h] = (struct half_link){.fault_rate = -1, .use_at_ns = config->start_ns};
    }
    for (size_t l = 0; l < 2 * network->link_count; l++) {
        const struct virtual_link *link = &config->links[l / 2];
        struct half_link *half = &network->halves[l];
        half->rate = link->share == 0 ? link->bytes_per_s : (int64_t)((__int128)link->bytes_per_s * link->share / 1000);
        half->delay_ns = link->delay_ns;
        half->jitter_ns = link->jitter_ns;
        half->loss_ppm = link->loss_ppm;
        half->quantiles = link->quantiles;
        half->quantile_count = link->quantile_count;
    }
    for (size_t s = 0; s < 2 * config->site_count; s++) {
        network->halves[2 * network->link_count + s].rate = config->sites[s / 2].bytes_per_s;
        network->halves[2 * network->link_count + s].delay_ns = config->sites[s / 2].delay_ns;
    }
}

size_t network_memory(const struct virtual_config *config, const struct virtual_limits *limits)
{
    size_t sites = config->site_count == 0 ? 1 : config->site_count;
    return sites * sites * sizeof(struct path) + 2 * (sites + config->link_count) * sizeof(struct half_link) + config->link_count * sizeof(struct flap) +
           limits->flows_max * (sizeof(struct flow) + sizeof(uint32_t)) + 4096;
}

enum err network_init(struct virtual *virtual, struct arena *arena)
{
    struct network *network = &virtual->network;
    network->site_count = virtual->config.site_count == 0 ? 1 : virtual->config.site_count;
    network->link_count = virtual->config.link_count;
    network->half_count = 2 * (network->link_count + network->site_count);
    network->flow_max = virtual->limits.flows_max;
    network->alarm.armed_ns = TIME_NEVER;
    network->paths = arena_array(arena, network->site_count * network->site_count, sizeof *network->paths);
    network->halves = arena_array(arena, network->half_count, sizeof *network->halves);
    network->flaps = arena_array(arena, network->link_count, sizeof *network->flaps);
    network->flows = queue_take_memory(arena, network->flow_max, sizeof *network->flows);
    network->heap = queue_take_memory(arena, network->flow_max + 1, sizeof *network->heap);
    if (network->paths == NULL || network->halves == NULL || network->flaps == NULL || network->flows == NULL || network->heap == NULL) {
        return ERR_LIMIT;
    }
    make_halves(virtual);
    for (uint32_t s = 0; s < network->site_count; s++) {
        find_paths(virtual, s);
    }
    return ERR_OK;
}

const struct path *network_path(const struct virtual *virtual, uint32_t from, uint32_t to)
{
    return &virtual->network.paths[virtual->nodes[from].setup.site * virtual->network.site_count + virtual->nodes[to].setup.site];
}

/* ---- What links do to a message. */

static bool is_blocked(const struct half_link *half)
{
    return half->partitions > 0 || half->clogs > 0 || half->holes > 0 || half->flap_down;
}

static int64_t rate_of(const struct half_link *half)
{
    int64_t rate = half->fault_rate >= 0 && (half->rate == 0 || half->fault_rate < half->rate) ? half->fault_rate : half->rate;
    return half->double_ppm == 0 || rate == 0 ? rate : 1 + rate * MICRO / (MICRO + half->double_ppm);
}

uint32_t path_blocked(const struct virtual *virtual, const struct path *path)
{
    for (uint8_t i = 0; i < path->count; i++) {
        if (is_blocked(&virtual->network.halves[path->links[i]])) {
            return path->links[i] + 1u;
        }
    }
    return 0;
}

bool path_is_limited(const struct virtual *virtual, const struct path *path)
{
    for (uint8_t i = 0; i < path->count; i++) {
        if (rate_of(&virtual->network.halves[path->links[i]]) > 0) {
            return true;
        }
    }
    return false;
}

time_ns path_transmit_ns(const struct virtual *virtual, const struct path *path, int64_t bytes)
{
    time_ns longest = 0;
    for (uint8_t i = 0; i < path->count; i++) {
        const struct half_link *half = &virtual->network.halves[path->links[i]];
        int64_t rate = rate_of(half);
        if (rate > 0) {
            time_ns takes = (time_ns)((__int128)bytes * TIME_S * (half->flow_count + 1) / rate);
            longest = takes > longest ? takes : longest;
        }
    }
    return longest;
}

static uint64_t packets_of(int64_t bytes, uint64_t ppm, uint64_t draw)
{
    uint64_t expected = (uint64_t)(bytes / PACKET + 1) * ppm;
    return expected / MICRO + (random_below(draw, MICRO) < expected % MICRO);
}

static uint64_t lost_ppm(const struct half_link *half)
{
    return (uint64_t)half->loss_ppm + half->fault_loss_ppm + half->corrupt_ppm; /* a wrong checksum is a loss */
}

/* One in so many packets is lost; each costs a round trip, and the last one a whole time-out. */
static time_ns lost_ns(const struct half_link *half, int64_t bytes, time_ns round_trip_ns, uint64_t draw)
{
    uint64_t lost = packets_of(bytes, lost_ppm(half), draw);
    return lost == 0 ? 0 : RETRANSMIT_NS + (time_ns)lost * round_trip_ns;
}

/* One that comes late holds up those behind it. */
static time_ns late_ns(const struct half_link *half, int64_t bytes, time_ns round_trip_ns, uint64_t draw)
{
    return (time_ns)packets_of(bytes, half->late_ppm, draw) * (round_trip_ns > TIME_MS ? round_trip_ns : TIME_MS);
}

time_ns path_delay_ns(const struct virtual *virtual, const struct path *path, int64_t bytes, uint64_t key, uint64_t index)
{
    time_ns delay = 0;
    for (uint8_t i = 0; i < path->count; i++) {
        const struct half_link *half = &virtual->network.halves[path->links[i]];
        uint64_t entity = mix_number(key, path->links[i]);
        time_ns own = half->delay_ns + half->fault_delay_ns;
        if (half->quantile_count > 0) {
            own = drawn_stretch(random_draw(virtual->config.seed, PURPOSE('d', 'l', 'a', 'y'), entity, index), half->quantiles, half->quantile_count, own);
        }
        if (half->jitter_ns > 0) {
            own += (time_ns)random_below(random_draw(virtual->config.seed, PURPOSE('j', 'i', 't', 'r'), entity, index), (uint64_t)half->jitter_ns);
        }
        if (half->late_ppm > 0) {
            own += late_ns(half, bytes, 2 * path->delay_ns, random_draw(virtual->config.seed, PURPOSE('l', 'a', 't', 'e'), entity, index));
        }
        if (lost_ppm(half) > 0) {
            own += lost_ns(half, bytes, 2 * path->delay_ns, random_draw(virtual->config.seed, PURPOSE('l', 'o', 's', 's'), entity, index));
        }
        delay += own;
    }
    return delay;
}

/* ---- Use. */

void use_change(struct virtual_use *use, time_ns *at_ns, time_ns now_ns, int change, time_ns sojourn_ns, int64_t bytes)
{
    uint64_t length = (uint64_t)use->waiting * (uint64_t)(now_ns - *at_ns);
    use->length_ns += length;
    use->length_ns_high += use->length_ns < length;
    use->busy_ns += use->waiting > 0 ? now_ns - *at_ns : 0;
    *at_ns = now_ns;
    use->waiting += change;
    use->high = use->waiting > use->high ? use->waiting : use->high;
    use->arrivals += change > 0;
    use->departures += change < 0;
    use->bytes += bytes;
    use->sojourn_ns += (uint64_t)sojourn_ns;
    use->sojourn_ns_high += use->sojourn_ns < (uint64_t)sojourn_ns;
}

/* ---- The heap of flows, by their end; equal ends by their beginning. */

static bool ends_before(const struct network *network, uint32_t a, uint32_t b)
{
    const struct flow *left = &network->flows[a], *right = &network->flows[b];
    return left->finish_ns != right->finish_ns ? left->finish_ns < right->finish_ns : left->serial < right->serial;
}

static void heap_set(struct network *network, size_t at, uint32_t flow)
{
    network->heap[at] = flow;
    network->flows[flow].heap = (uint32_t)at;
}

static void heap_up(struct network *network, size_t at, uint32_t flow)
{
    while (at > 1 && ends_before(network, flow, network->heap[at / 2])) {
        heap_set(network, at, network->heap[at / 2]);
        at /= 2;
    }
    heap_set(network, at, flow);
}

static void heap_down(struct network *network, size_t at, uint32_t flow)
{
    for (size_t down = 2 * at; down <= network->heap_count; down = 2 * at) {
        down += down < network->heap_count && ends_before(network, network->heap[down + 1], network->heap[down]);
        if (!ends_before(network, network->heap[down], flow)) {
            break;
        }
        heap_set(network, at, network->heap[down]);
        at = down;
    }
    heap_set(network, at, flow);
}

static void heap_move(struct network *network, uint32_t flow)
{
    size_t at = network->flows[flow].heap;
    if (at > 1 && ends_before(network, flow, network->heap[at / 2])) {
        heap_up(network, at, flow);
    } else {
        heap_down(network, at, flow);
    }
}

static void heap_remove(struct network *network, uint32_t flow)
{
    size_t at = network->flows[flow].heap;
    uint32_t last = network->heap[network->heap_count--];
    network->flows[flow].heap = 0;
    if (last != flow) {
        network->flows[last].heap = (uint32_t)at;
        network->heap[at] = last;
        heap_move(network, last);
    }
}

/* ---- Shares. */

static int64_t share_of(const struct network *network, const struct flow *flow)
{
    int64_t least = INT64_MAX;
    for (uint8_t i = 0; i < flow->link_count; i++) {
        const struct half_link *half = &network->halves[flow->links[i]];
        int64_t rate = rate_of(half);
        if (is_blocked(half)) {
            return 0;
        }
        if (rate > 0) {
            int64_t share = rate / half->flow_count;
            least = share < least ? share : least;
        }
    }
    return least > 0 ? least : 1;
}

static void settle(struct flow *flow, time_ns now_ns)
{
    __int128 moved = (__int128)flow->rate * (now_ns - flow->at_ns) / 1000;
    flow->left -= moved < flow->left ? (int64_t)moved : flow->left;
    flow->at_ns = now_ns;
}

static void set_rate(struct virtual *virtual, uint32_t index)
{
    struct flow *flow = &virtual->network.flows[index];
    int64_t rate = share_of(&virtual->network, flow);
    if (rate == flow->rate) {
        return;
    }
    settle(flow, virtual->now_ns);
    if ((rate == 0) != (flow->rate == 0) || flow->finish_ns == 0) {
        uint32_t ref = REF(flow->channel, flow->end);
        pipe_timeout(virtual, ref, rate == 0 ? TIMEOUT_WRITE : TIMEOUT_IDLE,
                        virtual->now_ns + (rate == 0 ? virtual->limits.write_timeout_ns : virtual->limits.idle_timeout_ns));
    }
    flow->rate = rate;
    flow->finish_ns = TIME_NEVER;
    if (rate > 0) {
        __int128 takes = ((__int128)flow->left * 1000 + rate - 1) / rate;
        flow->finish_ns = takes < TIME_NEVER - virtual->now_ns ? virtual->now_ns + (time_ns)takes : TIME_NEVER;
    }
    heap_move(&virtual->network, index);
}

static void share_anew(struct virtual *virtual, uint32_t half)
{
    struct network *network = &virtual->network;
    uint32_t next;
    for (uint32_t at = network->halves[half].flow_first; at != 0; at = next) {
        uint32_t index = (at - 1) / FLOW_LINKS_MAX, slot = (at - 1) % FLOW_LINKS_MAX;
        next = network->flows[index].link_next[slot];
        set_rate(virtual, index);
    }
}

static void arm(struct virtual *virtual)
{
    struct network *network = &virtual->network;
    time_ns due = network->heap_count == 0 ? TIME_NEVER : network->flows[network->heap[1]].finish_ns;
    alarm_set(virtual, &network->alarm, due, pseudo_node(virtual, PSEUDO_FLOWS), CLASS_RELEASE, PENDING_FLOWS);
}

/* ---- Flows come and go. */

static void join(struct network *network, uint32_t index, uint32_t half)
{
    struct flow *flow = &network->flows[index];
    for (uint8_t i = 0; i < flow->link_count; i++) {
        if (flow->links[i] == half) {
            return;
        }
    }
    uint8_t slot = flow->link_count++;
    struct half_link *link = &network->halves[half];
    uint32_t here = index * FLOW_LINKS_MAX + slot + 1;
    flow->links[slot] = (uint16_t)half;
    flow->link_next[slot] = link->flow_first;
    flow->link_previous[slot] = 0;
    if (link->flow_first != 0) {
        network->flows[(link->flow_first - 1) / FLOW_LINKS_MAX].link_previous[(link->flow_first - 1) % FLOW_LINKS_MAX] = here;
    }
    link->flow_first = here;
    link->flow_count++;
}

static void leave(struct network *network, uint32_t index, uint8_t slot)
{
    struct flow *flow = &network->flows[index];
    struct half_link *link = &network->halves[flow->links[slot]];
    uint32_t next = flow->link_next[slot], previous = flow->link_previous[slot];
    if (previous == 0) {
        link->flow_first = next;
    } else {
        network->flows[(previous - 1) / FLOW_LINKS_MAX].link_next[(previous - 1) % FLOW_LINKS_MAX] = next;
    }
    if (next != 0) {
        network->flows[(next - 1) / FLOW_LINKS_MAX].link_previous[(next - 1) % FLOW_LINKS_MAX] = previous;
    }
    link->flow_count--;
}

bool flow_start(struct virtual *virtual, uint32_t channel, unsigned end, struct payload *payload, const struct path *first, const struct path *second, time_ns extra_ns)
{
    struct network *network = &virtual->network;
    uint32_t index = network->flow_free;
    if (index != 0) {
        network->flow_free = network->flows[--index].next_free;
    } else if (network->flow_end < network->flow_max) {
        index = network->flow_end++;
    } else {
        return false;
    }
    int64_t bytes = payload->bytes < FLOW_BYTES_MAX ? payload->bytes : FLOW_BYTES_MAX;
    network->flows[index] = (struct flow){.used = true, .end = (uint8_t)end, .channel = channel, .left = bytes * MICRO, .rate = -1, .at_ns = virtual->now_ns,
                                          .began_ns = virtual->now_ns, .extra_ns = extra_ns, .serial = ++network->flow_serial, .payload = payload};
    struct flow *flow = &network->flows[index];
    for (uint8_t i = 0; i < first->count; i++) {
        join(network, index, first->links[i]);
    }
    for (uint8_t i = 0; second != NULL && i < second->count; i++) {
        join(network, index, second->links[i]);
    }
    network->flow_count++;
    virtual->counts.flows++;
    virtual->counts.flows_high = network->flow_count > virtual->counts.flows_high ? network->flow_count : virtual->counts.flows_high;
    pipe_at(virtual, channel)->ends[end].flow = index + 1;
    heap_set(network, ++network->heap_count, index); /* its end is not known yet; first on its links, it is asked first */
    for (uint8_t i = 0; i < flow->link_count; i++) {
        struct half_link *half = &network->halves[flow->links[i]];
        use_change(&half->use, &half->use_at_ns, virtual->now_ns, 1, 0, 0);
        share_anew(virtual, flow->links[i]);
    }
    arm(virtual);
    return true;
}

/* Takes it off its links; its share goes to the others. How many bytes have passed. */
static int64_t end_flow(struct virtual *virtual, uint32_t index, bool whole)
{
    struct network *network = &virtual->network;
    struct flow *flow = &network->flows[index];
    if (!whole) {
        settle(flow, virtual->now_ns);
    }
    int64_t bytes = flow->payload->bytes - (whole ? 0 : flow->left / MICRO);
    heap_remove(network, index);
    for (uint8_t i = 0; i < flow->link_count; i++) {
        struct half_link *half = &network->halves[flow->links[i]];
        use_change(&half->use, &half->use_at_ns, virtual->now_ns, -1, virtual->now_ns - flow->began_ns, bytes);
        leave(network, index, i);
    }
    for (uint8_t i = 0; i < flow->link_count; i++) {
        share_anew(virtual, flow->links[i]);
    }
    pipe_at(virtual, flow->channel)->ends[flow->end].flow = 0;
    flow->used = false;
    flow->next_free = network->flow_free;
    network->flow_free = index + 1;
    network->flow_count--;
    return bytes;
}

struct payload *flow_stop(struct virtual *virtual, uint32_t flow, int64_t *bytes)
{
    struct payload *payload = virtual->network.flows[flow].payload;
    *bytes = end_flow(virtual, flow, false);
    arm(virtual);
    return payload;
}

void flow_cut(struct virtual *virtual, uint32_t flow)
{
    struct flow cut = virtual->network.flows[flow];
    int64_t bytes = end_flow(virtual, flow, false);
    pipe_cut_short(virtual, cut.channel, cut.end, cut.payload, bytes);
    arm(virtual);
}

void network_due(struct virtual *virtual)
{
    struct network *network = &virtual->network;
    network->alarm.armed_ns = TIME_NEVER;
    while (network->heap_count > 0 && network->flows[network->heap[1]].finish_ns <= virtual->now_ns) {
        uint32_t index = network->heap[1];
        struct flow flow = network->flows[index];
        virtual->cause = flow.payload->parent;
        (void)end_flow(virtual, index, true);
        pipe_left(virtual, flow.channel, flow.end, flow.payload, flow.extra_ns);
    }
    arm(virtual);
}

/* ---- Blocked ways, and what waits for them. */

void network_park(struct virtual *virtual, uint32_t half, uint32_t channel, unsigned end)
{
    struct half_link *link = &virtual->network.halves[half];
    struct end *self = &pipe_at(virtual, channel)->ends[end];
    uint32_t ref = REF(channel, end);
    assert(!self->parked);
    self->parked = true;
    virtual->network.parked++;
    self->parked_half = (uint16_t)half;
    self->parked_next = 0;
    if (link->parked_last == 0) {
        link->parked_first = ref;
    } else {
        end_at(virtual, link->parked_last)->parked_next = ref;
    }
    link->parked_last = ref;
}

/* A channel that goes waits for nothing. */
void network_forget(struct virtual *virtual, uint32_t ref)
{
    struct end *end = end_at(virtual, ref);
    if (!end->parked) {
        return;
    }
    struct half_link *link = &virtual->network.halves[end->parked_half];
    uint32_t before = 0;
    for (uint32_t at = link->parked_first; at != ref; at = end_at(virtual, at)->parked_next) {
        assert(at != 0);
        before = at;
    }
    if (before == 0) {
        link->parked_first = end->parked_next;
    } else {
        end_at(virtual, before)->parked_next = end->parked_next;
    }
    link->parked_last = link->parked_last == ref ? before : link->parked_last;
    end->parked = false;
    virtual->network.parked--;
}

static void unpark(struct virtual *virtual, uint32_t half)
{
    struct half_link *link = &virtual->network.halves[half];
    uint32_t ref = link->parked_first;
    link->parked_first = link->parked_last = 0;
    while (ref != 0) {
        struct end *end = end_at(virtual, ref);
        uint32_t next = end->parked_next;
        end->parked = false;
        virtual->network.parked--;
        pipe_retry(virtual, REF_CHANNEL(ref), REF_END(ref));
        ref = next;
    }
}

void network_changed(struct virtual *virtual, uint32_t half)
{
    share_anew(virtual, half);
    arm(virtual);
    if (!is_blocked(&virtual->network.halves[half])) {
        unpark(virtual, half);
    }
}
