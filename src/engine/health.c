/* SPDX-License-Identifier: MIT
 *
 * Health: what each node can bear and whether it is there. A breaker opens after failures in a row;
 * a probe (a C-ECHO and one real C-FIND, for a node may answer the first and hang in the second)
 * closes it. The window of parallel associations is learnt from transient rejections: halved then,
 * grown by one after quiet work. */
#include "src/engine/channel.h"
#include "src/engine/engine_private.h"

#define WINDOW_DEFAULT     4u
#define WINDOW_GROWS_AFTER 32u
#define BUSY_NS                                                                                    \
    (250 * TIME_MS) /* first wait after a transient rejection; doubled up to BUSY_DOUBLINGS times  \
                     */
#define BUSY_DOUBLINGS 5u
#define PROBE_UID      "2.25.1" /* names no study */

enum breaker { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF };
enum probe { PROBE_ECHO, PROBE_FIND };

struct node_health {
    uint32_t window, ceiling, in_use;
    uint32_t quiet;      /* operations that ended well since the window last changed */
    uint32_t failures;   /* in a row */
    uint32_t rejections; /* transient, in a row */
    time_ns busy_until;
    enum breaker breaker;
    enum probe probe;
    int64_t probe_channel; /* 0: none */
    uint32_t epoch;        /* a timer of an older one means nothing */
    uint32_t row_cap;
};
struct health_state {
    struct node_health nodes[NODES_MAX];
};

static struct node_health *health_of(const struct engine *engine, uint32_t node)
{
    assert(node < engine->config->node_count);
    return &engine->health->nodes[node];
}

enum err health_init(struct engine *engine)
{
    engine->health = arena_alloc(engine->arena, sizeof *engine->health);
    if (engine->health == NULL) {
        return ERR_LIMIT;
    }
    for (uint32_t i = 0; i < engine->config->node_count; i++) {
        const struct node_config *node = node_at(engine, i);
        uint32_t ceiling = node_has(engine, i, DIALECT_serial) ? 1
                           : node->associations == 0           ? WINDOW_DEFAULT
                                                               : node->associations;
        *health_of(engine, i) =
            (struct node_health){.window = ceiling, .ceiling = ceiling, .row_cap = node->row_cap};
    }
    return ERR_OK;
}

void health_restored(struct engine *engine, struct out *out)
{
    (void)out;
    for (uint32_t i = 0; i < engine->config->node_count; i++) {
        uint32_t row =
            row_find_peer_state(engine, &(struct row_peer_state){.node = node_at(engine, i)->name});
        if (row != ROW_NONE) {
            struct row_peer_state learnt = row_get_peer_state(engine, row);
            struct node_health *health = health_of(engine, i);
            health->window = learnt.window >= 1 && learnt.window <= health->ceiling
                                 ? (uint32_t)learnt.window
                                 : health->ceiling;
            health->row_cap = health->row_cap == 0 ? (uint32_t)learnt.row_cap : health->row_cap;
        }
    }
}

static void remember(struct engine *engine, struct out *out, uint32_t node)
{
    const struct node_health *health = health_of(engine, node);
    row_put_peer_state(engine, out,
                       &(struct row_peer_state){.node = node_at(engine, node)->name,
                                                .window = health->window,
                                                .row_cap = health->row_cap});
}

/* ---- The gate. */
enum gate health_gate(const struct engine *engine, uint32_t node)
{
    const struct node_health *health = health_of(engine, node);
    if (health->breaker != BREAKER_CLOSED) {
        return GATE_DOWN;
    }
    return health->in_use >= health->window || engine->now < health->busy_until ? GATE_BUSY
                                                                                : GATE_OPEN;
}

enum gate health_gate_bulk(const struct engine *engine, uint32_t node)
{
    const struct node_health *health = health_of(engine, node);
    enum gate gate = health_gate(engine, node);
    return gate == GATE_OPEN && health->window > 1 && health->in_use + 1 >= health->window
               ? GATE_BUSY
               : gate;
}

bool health_is_down(const struct engine *engine, uint32_t node)
{
    return health_of(engine, node)->breaker != BREAKER_CLOSED;
}

void health_taken(struct engine *engine, uint32_t node)
{
    health_of(engine, node)->in_use++;
}

void health_released(struct engine *engine, struct out *out, uint32_t node)
{
    (void)out;
    assert(health_of(engine, node)->in_use > 0);
    health_of(engine, node)->in_use--;
}

void health_opened(struct engine *engine, struct out *out, uint32_t node)
{
    (void)out;
    if (node != NODE_NONE) {
        health_of(engine, node)->rejections = 0;
    }
}

/* ---- The breaker. Timer subjects: node, what for, epoch. */
enum { WAIT_OPEN, WAIT_PROBE, WAIT_BUSY };

static void wait_for(struct engine *engine, uint32_t node, int what, time_ns at_ns)
{
    timer_set(engine, TIMER_HEALTH,
              (int64_t)health_of(engine, node)->epoch << 16 | (int64_t)node << 2 | what, at_ns);
}

static void open_breaker(struct engine *engine, struct out *out, uint32_t node, slice why)
{
    struct node_health *health = health_of(engine, node);
    if (health->breaker == BREAKER_CLOSED) {
        out_note(out, TEXT(out, SLICE("breaker opens: "), node_at(engine, node)->name, SLICE(": "),
                           why));
    }
    health->breaker = BREAKER_OPEN;
    health->epoch++;
    health->probe_channel = 0;
    wait_for(engine, node, WAIT_OPEN, engine->now + engine->config->breaker_open_ns);
    engine_pump(engine, out, node); /* what waits for the node learns that it is down */
}

static void close_breaker(struct engine *engine, struct out *out, uint32_t node)
{
    struct node_health *health = health_of(engine, node);
    out_note(out, TEXT(out, SLICE("breaker closes: "), node_at(engine, node)->name));
    health->breaker = BREAKER_CLOSED;
    health->failures = 0;
    health->epoch++;
    health->probe_channel = 0;
    engine_pump(engine, out, node);
    publish_node_up(engine, out, node);
}

void health_failed(struct engine *engine, struct out *out, uint32_t node, slice why)
{
    struct node_health *health = health_of(engine, node);
    health->failures++;
    health->quiet = 0;
    uint32_t most = engine->config->breaker_failures == 0 ? 3 : engine->config->breaker_failures;
    if (health->breaker == BREAKER_CLOSED && health->failures >= most) {
        open_breaker(engine, out, node, why);
    }
}

void health_worked(struct engine *engine, struct out *out, uint32_t node)
{
    struct node_health *health = health_of(engine, node);
    health->failures = 0;
    if (++health->quiet >= WINDOW_GROWS_AFTER && health->window < health->ceiling) {
        health->window++;
        health->quiet = 0;
        remember(engine, out, node);
    }
}

/* ---- The window. */
static void too_many(struct engine *engine, struct out *out, uint32_t node)
{
    struct node_health *health = health_of(engine, node);
    uint32_t others =
        health->in_use > 1 ? health->in_use - 1 : 1; /* those that it did bear, this one left out */
    uint32_t half = health->window / 2 > 0 ? health->window / 2 : 1;
    uint32_t window = others < half ? others : half;
    if (window < health->window) {
        finding(engine, out, node, SLICE("association limit"),
                TEXT(out, SLICE("refused association "), text_int(out, health->in_use),
                     SLICE(" as transient; from now on at most "), text_int(out, window)));
        health->window = window;
        remember(engine, out, node);
    }
    health->quiet = 0;
    uint32_t doublings = health->rejections < BUSY_DOUBLINGS ? health->rejections : BUSY_DOUBLINGS;
    health->rejections++;
    health->busy_until = engine->now + (BUSY_NS << doublings);
    wait_for(engine, node, WAIT_BUSY, health->busy_until);
}

/* A-ASSOCIATE-RJ with result 2 is "not now" (PS3.8 9.3.4), never a sign that the node is ill. */
void health_refused(struct engine *engine, struct out *out, uint32_t node,
                    const struct event *event)
{
    if (event->refusal == REFUSAL_TRANSIENT) {
        too_many(engine, out, node);
        source_find_yield(engine, out, node);
    } else if (event->refusal == REFUSAL_NO_ROUTE || event->refusal == REFUSAL_TIMEOUT) {
        health_failed(engine, out, node, SLICE("cannot connect"));
    } else {
        health_failed(engine, out, node, SLICE("association rejected"));
    }
}

/* ---- Probes. */
static void start_probe(struct engine *engine, struct out *out, uint32_t node)
{
    struct node_health *health = health_of(engine, node);
    const slice classes[] = {UID_VERIFICATION, UID_STUDY_ROOT_FIND};
    size_t count = node_at(engine, node)->kind == NODE_PACS ? 2 : 1;
    health->breaker = BREAKER_HALF;
    health->probe = PROBE_ECHO;
    health->epoch++;
    health->probe_channel = channel_open(engine, out, node, CHANNEL_PROBE, node, classes, count,
                                         engine->config->source_timeout_ns);
    wait_for(engine, node, WAIT_PROBE, engine->now + 2 * engine->config->source_timeout_ns);
}

static void send_echo(struct out *out, int64_t channel)
{
    struct dimse echo = {
        .kind = DIMSE_C_ECHO_RQ, .message_id = 1, .sop_class_uid = UID_VERIFICATION};
    out_send_dimse(out, channel, &echo);
}

static void send_find(struct out *out, int64_t channel)
{
    struct dataset keys;
    if (dataset_init(&keys, out->arena, 2) != ERR_OK ||
        dataset_put(&keys, TAG_QueryRetrieveLevel, SLICE("STUDY")) != ERR_OK ||
        dataset_put(&keys, TAG_StudyInstanceUID, SLICE(PROBE_UID)) != ERR_OK) {
        out->full = true;
        return;
    }
    struct dimse find = {.kind = DIMSE_C_FIND_RQ,
                         .message_id = 2,
                         .sop_class_uid = UID_STUDY_ROOT_FIND,
                         .identifier = &keys};
    out_send_dimse(out, channel, &find);
}

static void probe_passed(struct engine *engine, struct out *out, uint32_t node, int64_t channel)
{
    channel_close(engine, out, channel);
    close_breaker(engine, out, node);
}

static void probe_answered(struct engine *engine, struct out *out, uint32_t node, int64_t channel,
                           const struct dimse *answer)
{
    struct node_health *health = health_of(engine, node);
    if (health->probe_channel != channel || status_is_pending(answer->status)) {
        return;
    }
    if (answer->kind == DIMSE_C_ECHO_RSP && answer->status == STATUS_SUCCESS &&
        health->probe == PROBE_ECHO) {
        if (node_at(engine, node)->kind != NODE_PACS) {
            probe_passed(engine, out, node, channel);
            return;
        }
        health->probe = PROBE_FIND;
        send_find(out, channel);
    } else if (answer->kind == DIMSE_C_FIND_RSP && health->probe == PROBE_FIND) {
        /* Any final answer shows that questions are answered: a product may well refuse this one.
         */
        probe_passed(engine, out, node, channel);
    }
}

void health_event(struct engine *engine, const struct event *event, struct out *out,
                  struct channel *channel)
{
    uint32_t node = channel->node;
    struct node_health *health = health_of(engine, node);
    bool current = health->probe_channel == channel->number;
    if (event->kind == EVENT_OPENED) {
        send_echo(out, channel->number);
    } else if (event->kind == EVENT_RECEIVED) {
        for (size_t i = 0; i < event->run.count; i++) {
            probe_answered(engine, out, node, channel->number, &event->run.messages[i].dimse);
        }
    } else if (current && event->kind == EVENT_REFUSED) {
        if (event->refusal == REFUSAL_TRANSIENT) {
            close_breaker(engine, out, node); /* alive and busy: the window deals with that */
        } else {
            open_breaker(engine, out, node, SLICE("probe refused"));
        }
    } else if (current && event->kind == EVENT_CLOSED) {
        open_breaker(engine, out, node, SLICE("probe cut off"));
    }
}

/* A wait of an older epoch has ended: what it was for came. */
bool health_waits(const struct engine *engine, int64_t subject)
{
    uint32_t node = (uint32_t)(subject >> 2 & 0x3FFF), epoch = (uint32_t)(subject >> 16);
    return (subject & 3) == WAIT_BUSY || epoch == health_of(engine, node)->epoch;
}

void health_timer(struct engine *engine, struct out *out, int64_t subject)
{
    uint32_t node = (uint32_t)(subject >> 2 & 0x3FFF), epoch = (uint32_t)(subject >> 16);
    struct node_health *health = health_of(engine, node);
    int what = (int)(subject & 3);
    if (what == WAIT_BUSY) {
        engine_pump(engine, out, node);
    } else if (epoch != health->epoch) {
        return;
    } else if (what == WAIT_OPEN) {
        start_probe(engine, out, node);
    } else if (what == WAIT_PROBE) {
        if (health->probe_channel != 0) {
            channel_abort(engine, out, health->probe_channel);
        }
        open_breaker(engine, out, node, SLICE("probe without an answer"));
    }
}

uint32_t health_row_cap(const struct engine *engine, uint32_t node)
{
    return health_of(engine, node)->row_cap;
}

void health_learn_row_cap(struct engine *engine, struct out *out, uint32_t node, uint32_t cap)
{
    struct node_health *health = health_of(engine, node);
    if (health->row_cap == 0 || cap < health->row_cap) {
        health->row_cap = cap;
        remember(engine, out, node);
    }
}
