/* SPDX-License-Identifier: MIT
 *
 * How channels begin and end. A channel has two ends, the opener's and the acceptor's; each hears of its end exactly
 * once, and then the channel goes. Whatever is pending for it names its generation, and is dropped. */
#include "sim/virtual/virtual_private.h"

/* ---- The table. */

size_t pipes_memory(const struct virtual_limits *limits)
{
    size_t slots = 1;
    while (slots < 4 * limits->channels_max) {
        slots *= 2;
    }
    return limits->channels_max * sizeof(struct channel) + slots * sizeof(uint32_t) + 4096;
}

enum err pipes_init(struct virtual *virtual, struct arena *arena)
{
    struct channels *channels = &virtual->channels;
    size_t slots = 1;
    while (slots < 4 * virtual->limits.channels_max) {
        slots *= 2;
    }
    channels->max = virtual->limits.channels_max;
    channels->map_mask = slots - 1;
    channels->alarm.armed_ns = TIME_NEVER;
    channels->list = queue_take_memory(arena, channels->max, sizeof *channels->list);
    channels->map = arena_array(arena, slots, sizeof *channels->map);
    return channels->list == NULL || channels->map == NULL ? ERR_LIMIT : ERR_OK;
}

static size_t slot_of(const struct channels *channels, uint32_t node, int64_t number)
{
    return (size_t)(mix_number(node, 0) + (uint64_t)number) & channels->map_mask; /* numbers count up: their places stay near each other */
}

uint32_t pipe_find(const struct virtual *virtual, uint32_t node, int64_t number)
{
    const struct channels *channels = &virtual->channels;
    for (size_t at = slot_of(channels, node, number);; at = (at + 1) & channels->map_mask) {
        uint32_t ref = channels->map[at];
        if (ref == 0) {
            return 0;
        }
        const struct end *end = &channels->list[REF_CHANNEL(ref)].ends[REF_END(ref)];
        if (end->node == node && end->number == number) {
            return ref;
        }
    }
}

static void map_add(struct channels *channels, const struct end *end, uint32_t ref)
{
    size_t at = slot_of(channels, end->node, end->number);
    while (channels->map[at] != 0) {
        at = (at + 1) & channels->map_mask;
    }
    channels->map[at] = ref;
}

/* Those behind it move up, so that no search ends at the hole. */
static void map_cut(struct channels *channels, const struct end *end, uint32_t ref)
{
    size_t hole = slot_of(channels, end->node, end->number);
    while (channels->map[hole] != ref) {
        hole = (hole + 1) & channels->map_mask;
    }
    for (size_t at = (hole + 1) & channels->map_mask; channels->map[at] != 0; at = (at + 1) & channels->map_mask) {
        uint32_t other = channels->map[at];
        const struct end *moved = &channels->list[REF_CHANNEL(other)].ends[REF_END(other)];
        size_t home = slot_of(channels, moved->node, moved->number);
        if (((at - home) & channels->map_mask) >= ((at - hole) & channels->map_mask)) {
            channels->map[hole] = other;
            hole = at;
        }
    }
    channels->map[hole] = 0;
}

static uint32_t take(struct virtual *virtual, enum protocol protocol)
{
    struct channels *channels = &virtual->channels;
    uint32_t index = channels->free, generation = 0;
    if (index != 0) {
        index--;
        channels->free = channels->list[index].next_free;
        generation = channels->list[index].generation;
    } else if (channels->end < channels->max) {
        index = channels->end++;
    } else {
        return NONE;
    }
    channels->list[index] = (struct channel){.used = true, .protocol = (uint8_t)protocol, .generation = generation + 1};
    channels->count++;
    virtual->counts.channels++;
    virtual->counts.channels_high = (int64_t)channels->count > virtual->counts.channels_high ? (int64_t)channels->count : virtual->counts.channels_high;
    return index;
}

/* ---- Lists of ends. */

static void node_add(struct virtual *virtual, uint32_t ref)
{
    struct end *end = end_at(virtual, ref);
    struct node_state *node = &virtual->nodes[end->node];
    end->node_previous = 0;
    end->node_next = node->ends;
    if (node->ends != 0) {
        end_at(virtual, node->ends)->node_previous = ref;
    }
    node->ends = ref;
    node->end_count++;
    if (end->number != 0) {
        map_add(&virtual->channels, end, ref);
    }
}

static void node_cut(struct virtual *virtual, uint32_t ref)
{
    struct end *end = end_at(virtual, ref);
    struct node_state *node = &virtual->nodes[end->node];
    if (end->node_previous == 0) {
        node->ends = end->node_next;
    } else {
        end_at(virtual, end->node_previous)->node_next = end->node_next;
    }
    if (end->node_next != 0) {
        end_at(virtual, end->node_next)->node_previous = end->node_previous;
    }
    node->end_count--;
    if (end->number != 0) {
        map_cut(&virtual->channels, end, ref);
    }
}

/* ---- Timeouts: a list of each kind, in order of time; most come with the same length, so the walk is short. */

static void timeout_cut(struct virtual *virtual, uint32_t ref)
{
    struct end *end = end_at(virtual, ref);
    struct timeout_list *list = &virtual->channels.timeouts[end->timeout];
    if (end->timeout == TIMEOUT_NONE) {
        return;
    }
    if (end->timeout_previous == 0) {
        list->first = end->timeout_next;
    } else {
        end_at(virtual, end->timeout_previous)->timeout_next = end->timeout_next;
    }
    if (end->timeout_next == 0) {
        list->last = end->timeout_previous;
    } else {
        end_at(virtual, end->timeout_next)->timeout_previous = end->timeout_previous;
    }
    end->timeout = TIMEOUT_NONE;
}

static void timeouts_arm(struct virtual *virtual)
{
    time_ns due = TIME_NEVER;
    for (unsigned kind = TIMEOUT_OPEN; kind < TIMEOUT_COUNT; kind++) {
        uint32_t first = virtual->channels.timeouts[kind].first;
        due = first != 0 && end_at(virtual, first)->due_ns < due ? end_at(virtual, first)->due_ns : due;
    }
    alarm_set(virtual, &virtual->channels.alarm, due, pseudo_node(virtual, PSEUDO_TIMEOUTS), CLASS_TIMER, PENDING_TIMEOUTS);
}

void pipe_timeout(struct virtual *virtual, uint32_t ref, enum timeout_kind kind, time_ns due_ns)
{
    struct end *end = end_at(virtual, ref);
    timeout_cut(virtual, ref);
    if (kind == TIMEOUT_NONE || end->state == END_ENDED) {
        return;
    }
    struct timeout_list *list = &virtual->channels.timeouts[kind];
    uint32_t before = list->last;
    while (before != 0 && end_at(virtual, before)->due_ns > due_ns) {
        before = end_at(virtual, before)->timeout_previous;
    }
    end->timeout = (uint8_t)kind;
    end->due_ns = due_ns;
    end->timeout_previous = before;
    end->timeout_next = before == 0 ? list->first : end_at(virtual, before)->timeout_next;
    if (before == 0) {
        list->first = ref;
    } else {
        end_at(virtual, before)->timeout_next = ref;
    }
    if (end->timeout_next == 0) {
        list->last = ref;
    } else {
        end_at(virtual, end->timeout_next)->timeout_previous = ref;
    }
    if (list->first == ref) {
        timeouts_arm(virtual);
    }
}

/* What nothing moves on is let go; what moved since is looked at again when it would be due. */
static void idle(struct virtual *virtual, uint32_t ref)
{
    struct end *end = end_at(virtual, ref);
    bool flows = end->flow != 0 && virtual->network.flows[end->flow - 1].rate > 0;
    time_ns moved = flows ? virtual->now_ns : end->moved_ns;
    if (moved + virtual->limits.idle_timeout_ns > virtual->now_ns) {
        pipe_timeout(virtual, ref, TIMEOUT_IDLE, moved + virtual->limits.idle_timeout_ns);
    } else {
        pipe_abort(virtual, ref, CLOSED_TIMEOUT);
    }
}

static void expire(struct virtual *virtual, uint32_t ref, enum timeout_kind kind)
{
    switch (kind) {
    case TIMEOUT_OPEN:
        pipe_abort(virtual, ref, CLOSED_TIMEOUT);
        break;
    case TIMEOUT_ANSWER: /* unanswered: transient, temporary congestion */
        pipe_reject(virtual, ref, 2, 3, 1);
        break;
    case TIMEOUT_IDLE:
        idle(virtual, ref);
        break;
    case TIMEOUT_MESSAGE:
    case TIMEOUT_WRITE:
        pipe_abort(virtual, ref, CLOSED_TIMEOUT);
        break;
    case TIMEOUT_NONE:
    case TIMEOUT_COUNT:
        break;
    }
}

void pipes_due(struct virtual *virtual)
{
    virtual->channels.alarm.armed_ns = TIME_NEVER;
    for (unsigned kind = TIMEOUT_OPEN; kind < TIMEOUT_COUNT; kind++) {
        struct timeout_list *list = &virtual->channels.timeouts[kind];
        while (list->first != 0 && end_at(virtual, list->first)->due_ns <= virtual->now_ns) {
            uint32_t ref = list->first;
            timeout_cut(virtual, ref);
            expire(virtual, ref, (enum timeout_kind)kind);
        }
    }
    timeouts_arm(virtual);
}

/* ---- The end. */

static void end_clear(struct virtual *virtual, uint32_t ref)
{
    struct end *end = end_at(virtual, ref);
    timeout_cut(virtual, ref);
    service_forget(virtual, ref);
    if (end->flow != 0) {
        flow_cut(virtual, end->flow - 1);
    }
    payload_list_drop(virtual, &end->inbox, &end->inbox_last);
}

static void free_if_over(struct virtual *virtual, uint32_t index)
{
    struct channel *channel = pipe_at(virtual, index);
    if (!channel->ends[0].told || !channel->ends[1].told) {
        return;
    }
    for (unsigned e = 0; e < 2; e++) {
        struct end *end = &channel->ends[e];
        network_forget(virtual, REF(index, e));
        end_clear(virtual, REF(index, e));
        payload_list_drop(virtual, &end->outbox, &end->outbox_last);
    }
    payload_free(virtual, channel->ask);
    payload_free(virtual, channel->contexts);
    channel->used = false;
    channel->generation++;
    channel->next_free = virtual->channels.free;
    virtual->channels.free = index + 1;
    virtual->channels.count--;
}

/* The end is out of its node's sight. */
static void set_told(struct virtual *virtual, uint32_t ref)
{
    struct end *end = end_at(virtual, ref);
    if (!end->told) {
        end->told = true;
        end->state = END_ENDED;
        if (REF_END(ref) == 0 || end->number != 0) {
            node_cut(virtual, ref);
        }
        end_clear(virtual, ref);
        free_if_over(virtual, REF_CHANNEL(ref));
    }
}

void pipe_over_later(struct virtual *virtual, uint32_t ref, time_ns at_ns, enum closed cause, int refusal)
{
    struct pending *pending = pipe_put(virtual, ref, at_ns, CLASS_RELEASE, PENDING_CLOSED);
    if (pending != NULL) {
        pending->detail = (uint16_t)(refusal < 0 ? (unsigned)cause : 0x8000u | (unsigned)refusal);
    }
}

void pipe_over(struct virtual *virtual, uint32_t ref, enum closed cause, int refusal, uint32_t reject)
{
    struct end *end = end_at(virtual, ref);
    uint32_t passage = end->passage, node = end->node;
    int64_t number = end->number;
    enum protocol protocol = (enum protocol)pipe_at(virtual, REF_CHANNEL(ref))->protocol;
    if (end->told) {
        return;
    }
    if (passage != 0) {
        passage_closed(virtual, passage - 1, REF_CHANNEL(ref));
        end = end_at(virtual, ref);
    }
    bool knows = number != 0 && (REF_END(ref) == 0 || end->asked); /* who was never asked has nothing to hear */
    set_told(virtual, ref);
    if (!knows) {
        return;
    }
    if (refusal >= 0) {
        node_clear_event(virtual, EVENT_REFUSED, number, protocol);
        virtual->event.refusal = (enum refusal)refusal;
        virtual->event.reject_result = (uint8_t)(reject >> 16);
        virtual->event.reject_source = (uint8_t)(reject >> 8);
        virtual->event.reject_reason = (uint8_t)reject;
        virtual->counts.refused++;
    } else {
        node_clear_event(virtual, EVENT_CLOSED, number, protocol);
        virtual->event.cause = cause;
    }
    node_take(virtual, node, (uint64_t)(refusal + 1) << 32 | (uint64_t)cause << 24 | reject);
}

/* ---- The beginning. */

static void put_ids(struct contexts *contexts)
{
    for (size_t i = 0; i < contexts->count; i++) {
        contexts->list[i].id = contexts->list[i].id == 0 ? (uint8_t)(2 * i + 1) : contexts->list[i].id;
    }
}

static slice or_else(slice text, slice otherwise)
{
    return text.size > 0 ? text : otherwise;
}

static bool is_full(const struct virtual *virtual, uint32_t node)
{
    const struct node_state *state = &virtual->nodes[node];
    return state->end_count >= (state->setup.channels_max > 0 ? state->setup.channels_max : virtual->limits.node_channels_max);
}

uint32_t pipe_open(struct virtual *virtual, uint32_t node, uint32_t to, const struct command *command, uint32_t passage)
{
    const struct virtual_node *us = &virtual->nodes[node].setup, *them = &virtual->nodes[to].setup;
    uint32_t index = is_full(virtual, node) ? NONE : take(virtual, command->protocol);
    if (index == NONE) {
        return 0;
    }
    struct channel *channel = pipe_at(virtual, index);
    uint32_t ref = REF(index, 0);
    channel->span = command->span;
    channel->ends[0] = (struct end){.node = node, .number = command->channel, .state = END_OPENING, .passage = passage, .moved_ns = virtual->now_ns};
    channel->ends[1] = (struct end){.node = to, .state = END_ASKED, .moved_ns = virtual->now_ns};
    node_add(virtual, ref);
    struct payload *ask = virtual_keep(virtual, payload_make_ask(&virtual->slab, command->protocol, or_else(command->calling, us->aet), or_else(command->called, them->aet),
                                                                 or_else(us->address, SLICE("127.0.0.1")), &command->contexts));
    if (ask == NULL) {
        return ref;
    }
    put_ids(&ask->contexts);
    ask->bytes = 300 + 100 * (int64_t)ask->contexts.count;
    pipe_timeout(virtual, ref, TIMEOUT_OPEN, virtual->now_ns + (command->timeout_ns > 0 ? command->timeout_ns : virtual->limits.open_timeout_ns));
    if (!network_path(virtual, node, to)->exists || !network_path(virtual, to, node)->exists) {
        payload_free(virtual, ask);
        channel->ends[0].state = END_ENDED;
        channel->ends[1].told = true;
        pipe_over_later(virtual, ref, virtual->now_ns, CLOSED_LOST, REFUSAL_NO_ROUTE);
        return ref;
    }
    pipe_send(virtual, ref, ask);
    return ref;
}

void pipe_refuse_open(struct virtual *virtual, uint32_t node, const struct command *command)
{
    struct payload *note = virtual_keep(virtual, payload_make_text(&virtual->slab, SLICE_EMPTY));
    struct pending *pending = virtual_put(virtual, virtual->now_ns, CLASS_RELEASE, node, PENDING_REFUSED);
    if (note != NULL && pending != NULL) {
        note->job = command->channel;
        note->protocol = command->protocol;
        pending->payload = note;
        pending->generation = (uint32_t)virtual->nodes[node].meta.life;
    }
}

/* The opener hears that nobody is there, if it can hear at all. */
static void refuse_ask(struct virtual *virtual, uint32_t ref, int refusal, uint32_t reject)
{
    uint32_t index = REF_CHANNEL(ref);
    struct channel *channel = pipe_at(virtual, index);
    const struct path *back = network_path(virtual, channel->ends[1].node, channel->ends[0].node);
    channel->reject = reject;
    if (channel->ends[0].state == END_OPENING && path_blocked(virtual, back) == 0) {
        pipe_timeout(virtual, REF(index, 0), TIMEOUT_NONE, 0);
        channel->ends[0].state = END_ENDED;
        pipe_over_later(virtual, REF(index, 0), virtual->now_ns + back->delay_ns, CLOSED_LOST, refusal);
    }
    set_told(virtual, ref);
}

bool pipe_take_ask(struct virtual *virtual, uint32_t ref, struct payload *ask)
{
    struct channel *channel = pipe_at(virtual, REF_CHANNEL(ref));
    struct end *end = &channel->ends[1];
    struct node_state *node = &virtual->nodes[end->node];
    bool serves = ask->protocol == PROTOCOL_DICOM ? node->setup.dicom : node->setup.hl7;
    if (channel->ends[0].state == END_ENDED || !serves || !node->listening || node->down || network_resets(virtual, network_path(virtual, channel->ends[0].node, end->node))) {
        payload_free(virtual, ask);
        refuse_ask(virtual, ref, REFUSAL_NO_ROUTE, 0);
        return false;
    }
    if (is_full(virtual, end->node)) {
        payload_free(virtual, ask);
        refuse_ask(virtual, ref, REFUSAL_TRANSIENT, 2u << 16 | 3u << 8 | 2u); /* local limit exceeded (PS3.8 9.3.4) */
        return false;
    }
    node->last_asked += 2;
    end->number = node->last_asked;
    node_add(virtual, ref);
    pipe_timeout(virtual, ref, TIMEOUT_ANSWER, virtual->now_ns + virtual->limits.answer_timeout_ns);
    if (ask->protocol == PROTOCOL_HL7) { /* a connection stands before anybody was asked */
        pipe_answer(virtual, ref, &(struct contexts){NULL, 0});
    }
    return true;
}

/* For each context that was asked for what the answer says of it. */
void pipe_answer(struct virtual *virtual, uint32_t ref, const struct contexts *contexts)
{
    struct channel *channel = pipe_at(virtual, REF_CHANNEL(ref));
    struct context list[CONTEXTS_MAX];
    size_t count = 0;
    for (; channel->ask != NULL && count < channel->ask->contexts.count; count++) {
        const struct context *asked = &channel->ask->contexts.list[count], *answer = contexts_get(contexts, asked->id);
        list[count] = (struct context){.id = asked->id, .abstract_syntax = asked->abstract_syntax, .scu = asked->scu, .scp = asked->scp, .accepted_syntax = SLICE_EMPTY,
                                       .result = answer == NULL ? CONTEXT_NO_REASON : answer->result};
        if (answer != NULL && answer->result == CONTEXT_ACCEPTED) {
            list[count].accepted_syntax = answer->accepted_syntax;
        }
    }
    channel->contexts = virtual_keep(virtual, payload_make_contexts(&virtual->slab, &(struct contexts){list, count}));
    struct payload *mark = virtual_keep(virtual, payload_make_contexts(&virtual->slab, &(struct contexts){NULL, 0}));
    payload_free(virtual, channel->ask);
    channel->ask = NULL;
    if (mark != NULL && channel->contexts != NULL) {
        mark->bytes = 200 + 40 * (int64_t)count;
        mark->hash = channel->contexts->hash;
        pipe_send(virtual, ref, mark);
    }
}

static void work_later(struct virtual *virtual, uint32_t ref)
{
    if (end_at(virtual, ref)->inbox != NULL) {
        struct pending *pending = pipe_put(virtual, ref, virtual->now_ns, CLASS_SEIZE, PENDING_SERVED);
        if (pending != NULL) {
            pending->detail = VIRTUAL_SERVICE_COUNT;
        }
    }
}

void pipe_accept(struct virtual *virtual, uint32_t ref, const struct command *command)
{
    struct channel *channel = pipe_at(virtual, REF_CHANNEL(ref));
    struct end *end = end_at(virtual, ref);
    if (REF_END(ref) != 1 || end->state != END_ASKED || !end->asked || end->passage != 0) {
        return;
    }
    end->accept = (uint8_t)command->accept;
    if (command->accept == ACCEPT_RELAY) {
        pipe_timeout(virtual, ref, TIMEOUT_NONE, 0);
        passage_enter(virtual, ref, command->job);
        return;
    }
    end->state = END_OPEN;
    pipe_timeout(virtual, ref, TIMEOUT_IDLE, virtual->now_ns + virtual->limits.idle_timeout_ns);
    if (channel->protocol == PROTOCOL_DICOM) {
        pipe_answer(virtual, ref, &command->contexts);
    }
    work_later(virtual, ref);
}

void pipe_reject(struct virtual *virtual, uint32_t ref, uint8_t result, uint8_t source, uint8_t reason)
{
    struct channel *channel = pipe_at(virtual, REF_CHANNEL(ref));
    struct end *end = end_at(virtual, ref);
    if (REF_END(ref) != 1 || end->state != END_ASKED) {
        return;
    }
    if (channel->protocol == PROTOCOL_HL7) {
        pipe_cut(virtual, ref, CLOSED_ABORTED_BY_US, CLOSED_LOST);
        return;
    }
    struct payload *over = virtual_keep(virtual, payload_make_end(&virtual->slab, CLOSED_LOST));
    if (over == NULL) {
        return;
    }
    result = result == 0 ? 1 : result; /* nothing said: permanent, by the service user, no reason given (PS3.8 9.3.4) */
    over->ended = true;
    over->job = (int64_t)result << 16 | (int64_t)(source == 0 ? 1 : source) << 8 | (reason == 0 ? 1 : reason);
    over->hash = mix_number(over->hash, (uint64_t)over->job);
    over->bytes = 10;
    pipe_send(virtual, ref, over);
    end_at(virtual, ref)->state = END_ENDED;
    pipe_timeout(virtual, ref, TIMEOUT_NONE, 0);
    pipe_over_later(virtual, ref, virtual->now_ns, CLOSED_ABORTED_BY_US, -1);
}

/* ---- How an end ends it. */

/* Goes after all that was sent. */
void pipe_close(struct virtual *virtual, uint32_t ref)
{
    struct end *end = end_at(virtual, ref);
    if (end->state != END_OPEN && end->state != END_OPENING) {
        if (end->state == END_ASKED && end->asked) {
            pipe_cut(virtual, ref, CLOSED_ABORTED_BY_US, CLOSED_ABORTED_BY_PEER);
        }
        return;
    }
    struct payload *over = virtual_keep(virtual, payload_make_end(&virtual->slab, CLOSED_RELEASED));
    if (over != NULL) {
        over->bytes = 10;
        pipe_send(virtual, ref, over);
    }
}

void pipe_cut(struct virtual *virtual, uint32_t ref, enum closed ours, enum closed theirs)
{
    struct channel *channel = pipe_at(virtual, REF_CHANNEL(ref));
    struct end *end = end_at(virtual, ref), *other = &channel->ends[1 - REF_END(ref)];
    bool opening = end->state == END_OPENING, arrived = REF_END(ref) == 1 || other->number != 0 || other->told;
    if (end->state == END_ENDED) {
        return;
    }
    end_clear(virtual, ref);
    network_forget(virtual, ref);
    payload_list_drop(virtual, &end->outbox, &end->outbox_last);
    end->state = END_ENDED;
    if (!arrived) { /* the ask did not arrive: nobody will be asked */
        struct end *asked = &channel->ends[1];
        asked->told = true;
        asked->state = END_ENDED;
    } else if (!other->told) {
        struct payload *over = virtual_keep(virtual, payload_make_end(&virtual->slab, theirs));
        if (over != NULL) {
            over->bytes = 10;
            pipe_send(virtual, ref, over);
        }
    }
    pipe_over_later(virtual, ref, virtual->now_ns, ours, opening && ours == CLOSED_TIMEOUT ? (int)REFUSAL_TIMEOUT : -1);
}

/* With an A-ABORT, which MLLP has not: there it is a reset. */
void pipe_abort(struct virtual *virtual, uint32_t ref, enum closed ours)
{
    bool dicom = pipe_at(virtual, REF_CHANNEL(ref))->protocol == PROTOCOL_DICOM;
    bool opening = end_at(virtual, ref)->state == END_OPENING;
    pipe_cut(virtual, ref, ours, dicom && !opening ? CLOSED_ABORTED_BY_PEER : CLOSED_LOST);
}

void pipes_drop_node(struct virtual *virtual, uint32_t node, bool died)
{
    uint32_t next;
    for (uint32_t ref = virtual->nodes[node].ends; ref != 0; ref = next) {
        next = end_at(virtual, ref)->node_next;
        pipe_cut(virtual, ref, CLOSED_ABORTED_BY_US, CLOSED_LOST);
        if (died) {
            end_at(virtual, ref)->passage = 0;
            set_told(virtual, ref);
        }
    }
}
