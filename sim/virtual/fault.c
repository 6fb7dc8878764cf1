/* SPDX-License-Identifier: MIT
 *
 * Faults of nodes that are the driver's: a process that dies and is made again from its rows, one that stands still,
 * one that is slow. */
#include "sim/virtual/virtual_private.h"

bool fault_is_ours(const struct plan_entry *entry)
{
    return entry->kind != PLAN_DO && (slice_equal(entry->verb, SLICE("pause")) || slice_equal(entry->verb, SLICE("stretch")) ||
                                      slice_equal(entry->verb, SLICE("kill")) || slice_equal(entry->verb, SLICE("disk_fails")));
}

/* ---- Standing still: what comes for the node waits, in order. */

bool node_parks(struct virtual *virtual, struct pending *pending)
{
    uint32_t number = pending_node(pending);
    if (number >= virtual->node_count) {
        return false;
    }
    struct node_state *node = &virtual->nodes[number];
    bool always = pending->kind == PENDING_NODE || pending->kind == PENDING_KILL || pending->kind == PENDING_RESTART || pending->kind == PENDING_SEIZE;
    bool told = pending->kind == PENDING_TELL || pending->kind == PENDING_OPERATE;
    if (always || (node->paused == 0 && !node->down) || (node->down && !told)) {
        return false; /* for a life that is over, what comes is dropped where it is looked at */
    }
    if (pending->kind == PENDING_ARRIVE && pending->payload != NULL && ((struct payload *)pending->payload)->kind == PAYLOAD_ASK) {
        return false; /* the kernel takes connections; nobody answers */
    }
    pending->next = 0;
    if (node->parked_last == NULL) {
        node->parked_first = pending;
    } else {
        node->parked_last->next = (uint32_t)(pending - virtual->queue.entries) + 1;
    }
    node->parked_last = pending;
    return true;
}

void node_unpark(struct virtual *virtual, uint32_t number)
{
    struct node_state *node = &virtual->nodes[number];
    struct pending *pending = node->parked_first;
    node->parked_first = node->parked_last = NULL;
    while (pending != NULL) {
        struct pending *next = pending->next == 0 ? NULL : &virtual->queue.entries[pending->next - 1];
        struct pending *again = virtual_put(virtual, virtual->now_ns, pending_class(pending), number, (enum pending_kind)pending->kind);
        if (again != NULL) {
            again->end = pending->end;
            again->detail = pending->detail;
            again->subject = pending->subject;
            again->generation = pending->generation;
            again->payload = pending->payload;
            again->parent = pending->parent;
            virtual->under_way--; /* it was counted when it was put first */
        }
        queue_give(&virtual->queue, pending);
        pending = next;
    }
    uint32_t next;
    for (uint32_t ref = node->ends; ref != 0; ref = next) { /* inboxes that stood still */
        next = end_at(virtual, ref)->node_next;
        struct pending *work = end_at(virtual, ref)->inbox == NULL ? NULL : pipe_put(virtual, ref, virtual->now_ns, CLASS_SEIZE, PENDING_SERVED);
        if (work != NULL) {
            work->detail = VIRTUAL_SERVICE_COUNT;
        }
    }
    node->clock.armed_ns = TIME_NEVER;
    node_arm(virtual, number);
}

/* ---- Death and life. */

void node_kill(struct virtual *virtual, uint32_t number, bool stay_down)
{
    struct node_state *node = &virtual->nodes[number];
    if (node->down) {
        node->stays_down = node->stays_down || stay_down;
        return;
    }
    node->down = true;
    node->stays_down = stay_down;
    node->listening = false;
    node->clock.armed_ns = TIME_NEVER;
    pipes_drop_node(virtual, number, true);
    jobs_drop_node(virtual, number);
    virtual->counts.kills++;
    virtual_observe(virtual, number, OBSERVATION_killed, SLICE_EMPTY, node->meta.life);
    if (!stay_down) {
        (void)virtual_put(virtual, virtual->now_ns + node->setup.restart_ns, CLASS_FAULT, number, PENDING_RESTART);
    }
}

struct restoring {
    struct virtual *virtual;
    uint32_t node;
};

static enum err restore_row(void *self, const struct record *record)
{
    const struct actor *actor = self;
    return actor->restore == NULL ? ERR_OK : actor->restore(actor->self, record);
}

void fault_copy(struct virtual *virtual, uint32_t number)
{
    const struct virtual_copies *copies = &virtual->config.copies;
    const struct virtual_watcher *watcher = &virtual->config.watcher;
    const struct node_state *node = &virtual->nodes[number];
    struct actor copy = {0};
    if (copies->one_in == 0 || random_below(random_draw(virtual->config.seed, PURPOSE('c', 'o', 'p', 'y'), number, (uint64_t)node->commits), copies->one_in) != 0) {
        return;
    }
    virtual_check(virtual, copies->make(copies->self, number, &copy), "a copy could not be made");
    virtual_check(virtual, virtual->err == ERR_OK ? durable_each(virtual->rows, number, &copy, restore_row) : ERR_OK, "the rows of a copy could not be restored");
    if (virtual->err == ERR_OK) {
        uint64_t digest = copy.digest == NULL ? 0 : copy.digest(copy.self);
        virtual->counts.copies++;
        virtual->counts.wrong_restores += digest != node->meta.state_digest;
        virtual_check(virtual, watcher->copied == NULL ? ERR_OK : watcher->copied(watcher->self, number, node->meta.step, node->meta.state_digest, digest), "a watcher of copies");
    }
}

static enum err tell_row(void *self, const struct record *record)
{
    struct restoring *restoring = self;
    struct virtual *virtual = restoring->virtual;
    const struct virtual_watcher *watcher = &virtual->config.watcher;
    return watcher->record == NULL ? ERR_OK : watcher->record(watcher->self, restoring->node, record, 0, virtual->now_ns, true);
}

static enum err tell_start(struct virtual *virtual, uint32_t number, const struct virtual_meta *before, uint64_t restored)
{
    const struct virtual_watcher *watcher = &virtual->config.watcher;
    struct virtual_start start = {.node = number, .life = virtual->nodes[number].meta.life, .at_ns = virtual->now_ns, .restored_digest = restored, .before = *before};
    return watcher->start == NULL ? ERR_OK : watcher->start(watcher->self, &start);
}

void node_restart(struct virtual *virtual, uint32_t number)
{
    struct node_state *node = &virtual->nodes[number];
    const struct virtual_config *config = &virtual->config;
    struct restoring restoring = {virtual, number};
    struct virtual_meta before = node->meta;
    if (!node->down) {
        return;
    }
    virtual_check(virtual, config->rebuild(config->rebuild_self, number, &node->actor), "the actor could not be made again");
    virtual_check(virtual, virtual->err == ERR_OK ? durable_each(virtual->rows, number, &node->actor, restore_row) : ERR_OK, "the rows could not be restored");
    if (virtual->err != ERR_OK) {
        return;
    }
    uint64_t restored = node->actor.digest == NULL ? 0 : node->actor.digest(node->actor.self);
    node->meta = (struct virtual_meta){.life = before.life + 1, .state_digest = restored};
    node->down = false;
    node->listening = true;
    node->sequence = 0;
    node->last_asked = 0;
    virtual->counts.wrong_restores += restored != before.state_digest;
    virtual_check(virtual, tell_start(virtual, number, &before, restored), "a watcher of lives");
    virtual_check(virtual, virtual->err == ERR_OK ? durable_each(virtual->rows, number, &restoring, tell_row) : ERR_OK, "a watcher of records");
    virtual_observe(virtual, number, OBSERVATION_restarted, SLICE_EMPTY, node->meta.life);
    node_clear_event(virtual, EVENT_CLOCK, 0, PROTOCOL_DICOM);
    node_take(virtual, number, 0);
    node_unpark(virtual, number);
}

unsigned fault_crash_point(struct virtual *virtual, uint32_t number)
{
    const struct virtual_crashes *crashes = &virtual->config.crashes;
    int64_t commit = ++virtual->nodes[number].commits;
    if (crashes->one_in == 0 || commit < crashes->first || (crashes->last > 0 && commit > crashes->last)) {
        return 0;
    }
    uint64_t draw = random_draw(virtual->config.seed, PURPOSE('c', 'r', 's', 'h'), number, (uint64_t)commit);
    if (random_below(draw, crashes->one_in) != 0) {
        return 0;
    }
    return crashes->point != 0 ? crashes->point : 1 + (unsigned)random_below(random_draw(virtual->config.seed, PURPOSE('c', 'r', 'p', 't'), number, (uint64_t)commit), 3);
}

/* ---- As a plan says. */

/* "find\\move": the services of these operations; empty: all. */
static uint32_t services_of(slice ops)
{
    static const struct {
        const char *op;
        enum virtual_service service;
    } words[] = {{"find", VIRTUAL_FIND}, {"move", VIRTUAL_MOVE}, {"get", VIRTUAL_MOVE}, {"store", VIRTUAL_STORE}, {"echo", VIRTUAL_ECHO}};
    uint32_t services = ops.size == 0 ? UINT32_MAX : 0;
    while (ops.size > 0) {
        slice op = slice_cut(&ops, '\\');
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            services |= slice_equal(op, slice_from(words[i].op)) ? 1u << words[i].service : 0;
        }
    }
    return services;
}

static void stretch(struct node_state *node, const struct plan_entry *entry)
{
    int64_t permille = plan_get_int(entry, "permille", 1000);
    node->stretch = permille < 1 ? 1 : permille > 1000000 ? 1000000 : (uint32_t)permille;
    node->stretch_ns = plan_get_int(entry, "delay", 0);
    node->stretched = entry->kind == PLAN_FAULT ? services_of(plan_get(entry, "ops")) : 0;
}

enum err fault_tell(struct virtual *virtual, uint32_t number, const struct plan_entry *entry)
{
    struct node_state *node = &virtual->nodes[number];
    bool begins = entry->kind == PLAN_FAULT;
    if (slice_equal(entry->verb, SLICE("stretch"))) {
        stretch(node, entry);
    } else if (slice_equal(entry->verb, SLICE("disk_fails"))) {
        if (!node->setup.durable || virtual->rows == NULL || virtual->config.rebuild == NULL) {
            return ERR_BAD_INPUT;
        }
        node->disk_fails = begins;
        if (!begins) {
            node_restart(virtual, number); /* if it met it */
        }
    } else if (slice_equal(entry->verb, SLICE("pause"))) {
        node->paused += begins ? 1u : node->paused > 0 ? UINT32_MAX : 0u;
        if (node->paused == 0) {
            node_unpark(virtual, number);
        }
    } else if (begins) {
        int64_t length = plan_get_int(entry, "for", -1);
        if (!node->setup.durable || virtual->rows == NULL || virtual->config.rebuild == NULL) {
            return ERR_BAD_INPUT;
        }
        node_kill(virtual, number, length >= 0 || plan_get_int(entry, "stay", 0) != 0);
        if (length >= 0) {
            (void)virtual_put(virtual, virtual->now_ns + length, CLASS_FAULT, number, PENDING_RESTART);
        }
        return virtual->err;
    } else {
        node_restart(virtual, number);
        return virtual->err;
    }
    virtual_observe_fault(virtual, number, entry);
    return virtual->err;
}
