/* SPDX-License-Identifier: MIT
 *
 * Service times of nodes: so many at once, the rest in the order in which they came. */
#include "sim/virtual/virtual_private.h"

enum virtual_service service_of(const struct payload *payload)
{
    if (payload->kind == PAYLOAD_ASK) {
        return VIRTUAL_ASSOCIATE;
    }
    if (payload->kind != PAYLOAD_RUN) {
        return VIRTUAL_SERVICE_COUNT; /* takes no time */
    }
    if (payload->responses) {
        return VIRTUAL_ANSWER;
    }
    if (payload->protocol == PROTOCOL_HL7) {
        return VIRTUAL_HL7;
    }
    switch (payload->dimse[0].kind) {
    case DIMSE_C_ECHO_RQ:
        return VIRTUAL_ECHO;
    case DIMSE_C_FIND_RQ:
        return VIRTUAL_FIND;
    case DIMSE_C_MOVE_RQ:
    case DIMSE_C_GET_RQ:
        return VIRTUAL_MOVE;
    case DIMSE_C_STORE_RQ:
        return VIRTUAL_STORE;
    default:
        return VIRTUAL_OTHER;
    }
}

/* The inverse of the distribution, straight between its points. */
time_ns drawn_stretch(uint64_t draw, const uint32_t *quantiles, size_t count, time_ns of)
{
    if (count < 2 || of == 0) {
        return of;
    }
    unsigned __int128 place = (unsigned __int128)draw * (count - 1);
    size_t at = (size_t)(place >> 64);
    uint64_t part = (uint64_t)place >> 32; /* of 2^32 */
    int64_t low = quantiles[at], high = quantiles[at + 1];
    __int128 thousandths = ((__int128)low << 32) + (__int128)(high - low) * (int64_t)part;
    return (time_ns)(((__int128)of * thousandths / 1000) >> 32);
}

static time_ns duration(const struct virtual *virtual, const struct end *end, const struct payload *payload)
{
    const struct node_state *node = &virtual->nodes[end->node];
    const struct virtual_time *time = &node->services[payload->service].time;
    time_ns takes = time->base_ns + time->each_ns * payload->instances;
    if (time->bytes_per_s > 0) {
        takes += (time_ns)((__int128)payload->bytes * TIME_S / time->bytes_per_s);
    }
    uint64_t entity = mix_number(mix_number(end->node, (uint64_t)end->number), payload->service);
    takes = drawn_stretch(random_draw(virtual->config.seed, PURPOSE('s', 'e', 'r', 'v'), entity, end->served), time->quantiles, time->quantile_count, takes);
    return (node->stretched >> payload->service & 1) == 0 ? takes : (time_ns)((__int128)takes * node->stretch / 1000) + node->stretch_ns;
}

static bool costs(const struct virtual_time *time)
{
    return time->base_ns > 0 || time->each_ns > 0 || time->bytes_per_s > 0;
}

static void begin(struct virtual *virtual, uint32_t ref)
{
    struct end *end = end_at(virtual, ref);
    struct service *service = &virtual->nodes[end->node].services[end->inbox->service];
    time_ns takes = duration(virtual, end, end->inbox);
    struct pending *pending = pipe_put(virtual, ref, virtual->now_ns + takes, CLASS_RELEASE, PENDING_SERVED);
    if (end->inbox->stores && end->inbox->instances > 1) {
        pipe_waits_for_each(virtual, REF(REF_CHANNEL(ref), 1 - REF_END(ref)), takes - takes / end->inbox->instances);
    }
    if (pending != NULL) {
        pending->detail = end->inbox->service;
        pending->parent = end->inbox->parent;
    }
    end->served++;
    service->busy++;
}

bool service_begin(struct virtual *virtual, uint32_t ref)
{
    struct end *end = end_at(virtual, ref);
    struct payload *payload = end->inbox;
    if (payload->service >= VIRTUAL_SERVICE_COUNT || end->passage != 0) {
        return true;
    }
    struct service *service = &virtual->nodes[end->node].services[payload->service];
    if (!costs(&service->time)) {
        return true;
    }
    payload->since_ns = virtual->now_ns;
    use_change(&service->use, &service->use_at_ns, virtual->now_ns, 1, 0, payload->bytes);
    end->serving = true;
    if (service->waiting_first == 0 && (service->time.slots == 0 || service->busy < service->time.slots)) {
        begin(virtual, ref);
        return false;
    }
    end->waiting = true;
    end->waiting_next = 0;
    if (service->waiting_last == 0) {
        service->waiting_first = ref;
    } else {
        end_at(virtual, service->waiting_last)->waiting_next = ref;
    }
    service->waiting_last = ref;
    return false;
}

static void call_next(struct virtual *virtual, uint32_t node, unsigned service)
{
    if (virtual->nodes[node].services[service].waiting_first != 0) {
        struct pending *pending = virtual_put(virtual, virtual->now_ns, CLASS_SEIZE, node, PENDING_SEIZE);
        if (pending != NULL) {
            pending->detail = (uint16_t)service;
        }
    }
}

void service_over(struct virtual *virtual, uint32_t node, unsigned number)
{
    struct service *service = &virtual->nodes[node].services[number];
    assert(service->busy > 0);
    service->busy--;
    call_next(virtual, node, number);
}

void service_seize(struct virtual *virtual, uint32_t node, unsigned number)
{
    struct service *service = &virtual->nodes[node].services[number];
    uint32_t ref = service->waiting_first;
    if (ref == 0 || (service->time.slots != 0 && service->busy >= service->time.slots)) {
        return;
    }
    struct end *end = end_at(virtual, ref);
    service->waiting_first = end->waiting_next;
    service->waiting_last = service->waiting_first == 0 ? 0 : service->waiting_last;
    end->waiting = false;
    begin(virtual, ref);
}

/* The end goes: what it waits for or is served with is given up. A service that runs gives its slot back when it would be over. */
void service_forget(struct virtual *virtual, uint32_t ref)
{
    struct end *end = end_at(virtual, ref);
    if (!end->serving || end->inbox == NULL) {
        return;
    }
    unsigned number = end->inbox->service;
    struct service *service = &virtual->nodes[end->node].services[number];
    use_change(&service->use, &service->use_at_ns, virtual->now_ns, -1, virtual->now_ns - end->inbox->since_ns, 0);
    end->serving = false;
    if (!end->waiting) {
        service_over(virtual, end->node, number);
        return;
    }
    uint32_t before = 0;
    for (uint32_t at = service->waiting_first; at != ref; at = end_at(virtual, at)->waiting_next) {
        assert(at != 0);
        before = at;
    }
    if (before == 0) {
        service->waiting_first = end->waiting_next;
    } else {
        end_at(virtual, before)->waiting_next = end->waiting_next;
    }
    service->waiting_last = service->waiting_last == ref ? before : service->waiting_last;
    end->waiting = false;
}
