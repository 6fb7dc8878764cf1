/* SPDX-License-Identifier: MIT
 *
 * The virtual driver: its beginning, and the loop that takes what is next. */
#include "sim/virtual/virtual_private.h"

#include "sim/node/images.h"
#include "src/actor/serial.h"

#define STEP_SIZE   (64u << 20)
#define HEADER_SIZE (4u << 20)
#define READ_SIZE   (HL7_READ_ARENA + (1u << 20))
#define SAME_TIME_MAX 50000000 /* events at one instant: more, and time does not go on */

/* ---- Failing. */

static void put_why(struct virtual *virtual, enum err err, const char *what)
{
    struct buffer why = buffer_over(virtual->why, sizeof virtual->why - 1);
    buffer_put_text(&why, what);
    buffer_put_text(&why, ": ");
    buffer_put_text(&why, err_text(err));
    buffer_put_text(&why, ", at ");
    time_put_iso(&why, virtual->now_ns);
    buffer_put_text(&why, ", event ");
    buffer_put_int(&why, virtual->number);
    virtual->why[why.size] = '\0';
}

void virtual_fail(struct virtual *virtual, enum err err, const char *what)
{
    if (virtual->err == ERR_OK) {
        virtual->err = err;
        put_why(virtual, err, what);
    }
}

void virtual_check(struct virtual *virtual, enum err err, const char *what)
{
    if (err != ERR_OK) {
        virtual_fail(virtual, err, what);
    }
}

const char *virtual_why(const struct virtual *virtual)
{
    return virtual->why;
}

/* ---- Pending events. */

/* Of what is under way a quiet world has nothing; timers and turns do not count. */
static bool counts(enum pending_kind kind)
{
    static const bool silent[PENDING_KIND_COUNT] = {[PENDING_CLOCK] = true,  [PENDING_FLAP] = true,     [PENDING_SEIZE] = true,
                                                    [PENDING_FLOWS] = true, [PENDING_TIMEOUTS] = true, [PENDING_RELAYS] = true};
    return !silent[kind];
}

struct pending *virtual_put(struct virtual *virtual, time_ns at_ns, enum queue_class class, uint32_t node, enum pending_kind kind)
{
    struct pending *pending = queue_put(&virtual->queue, at_ns < virtual->now_ns ? virtual->now_ns : at_ns, class, node);
    if (pending == NULL) {
        virtual_fail(virtual, ERR_LIMIT, "too many events are pending");
        return NULL;
    }
    pending->kind = (uint8_t)kind;
    pending->end = 0;
    pending->detail = 0;
    pending->subject = node;
    pending->generation = 0;
    pending->payload = NULL;
    pending->parent = virtual->cause;
    virtual->under_way += counts(kind);
    return pending;
}

void alarm_set(struct virtual *virtual, struct alarm *alarm, time_ns due_ns, uint32_t node, enum queue_class class, enum pending_kind kind)
{
    due_ns = due_ns < virtual->now_ns ? virtual->now_ns : due_ns;
    if (due_ns < alarm->armed_ns && virtual_put(virtual, due_ns, class, node, kind) != NULL) {
        alarm->armed_ns = due_ns;
    }
}

struct payload *virtual_keep(struct virtual *virtual, struct payload *payload)
{
    if (payload == NULL) {
        virtual_fail(virtual, ERR_LIMIT, "what is on its way does not fit into memory");
    }
    return payload;
}

void payload_free(struct virtual *virtual, struct payload *payload)
{
    slab_give(&virtual->slab, payload);
}

void virtual_observe(struct virtual *virtual, uint32_t node, enum observation_kind kind, slice text, int64_t count)
{
    slice name = node < virtual->node_count ? virtual->nodes[node].setup.name : virtual->config.links[node - virtual->node_count].name;
    struct observation observation = {.kind = kind, .at_ns = virtual->now_ns, .actor = name, .text = text, .count = count};
    virtual_check(virtual, virtual_note(virtual, &observation, node), "a watcher of observations");
}

void virtual_observe_fault(struct virtual *virtual, uint32_t node, const struct plan_entry *entry)
{
    slice name = node < virtual->node_count ? virtual->nodes[node].setup.name : virtual->config.links[node - virtual->node_count].name;
    bool begins = entry->kind == PLAN_FAULT;
    int64_t line = node < virtual->node_count ? 0 : (int64_t)(node - virtual->node_count) + 1;
    struct observation observation = {.number = line, .kind = begins ? OBSERVATION_fault_began : OBSERVATION_fault_ended, .at_ns = virtual->now_ns, .actor = name, .text = entry->verb};
    if (begins) {
        observation.other_id = plan_get(entry, "fault");
        observation.flag = plan_get_int(entry, "announced", 0) != 0;
    }
    virtual_check(virtual, virtual_note(virtual, &observation, node), "a watcher of observations");
}

enum err virtual_note(struct virtual *virtual, const struct observation *observation, uint32_t node)
{
    const struct virtual_watcher *watcher = &virtual->config.watcher;
    virtual->counts.observations++;
    return watcher->observe == NULL ? ERR_OK : watcher->observe(watcher->self, observation, node);
}

/* ---- The beginning. */

static void set_default(size_t *limit, size_t value)
{
    *limit = *limit == 0 ? value : *limit;
}

static void set_default_ns(time_ns *limit, time_ns value)
{
    *limit = *limit == 0 ? value : *limit;
}

static struct virtual_limits limits_of(const struct virtual_config *config)
{
    struct virtual_limits limits = config->limits;
    set_default(&limits.events_max, 1u << 20);
    set_default(&limits.channels_max, 16384);
    set_default(&limits.node_channels_max, 1024);
    set_default(&limits.flows_max, 8192);
    set_default(&limits.relays_max, 1024);
    set_default(&limits.records_max, 1u << 20);
    set_default(&limits.payload_bytes, 256u << 20);
    set_default(&limits.record_bytes, 256u << 20);
    set_default_ns(&limits.open_timeout_ns, 10 * TIME_S);
    set_default_ns(&limits.answer_timeout_ns, 30 * TIME_S);
    set_default_ns(&limits.message_timeout_ns, 30 * TIME_S);
    set_default_ns(&limits.write_timeout_ns, 30 * TIME_S);
    set_default_ns(&limits.idle_timeout_ns, 10 * TIME_MIN);
    set_default_ns(&limits.release_timeout_ns, 3 * TIME_S);
    return limits;
}

static bool keeps_rows(const struct virtual_config *config)
{
    return config->keep_records || config->crashes.one_in > 0 || config->copies.one_in > 0;
}

static size_t queue_nodes(const struct virtual_config *config)
{
    return config->node_count + config->link_count + PSEUDO_COUNT;
}

size_t virtual_memory(const struct virtual_config *config)
{
    struct virtual_limits limits = limits_of(config);
    return sizeof(struct virtual) + sizeof(struct out) + queue_memory(limits.events_max, queue_nodes(config)) + limits.payload_bytes + STEP_SIZE + HEADER_SIZE +
           READ_SIZE + RUN_MAX * sizeof(struct message) + config->node_count * sizeof(struct node_state) + pipes_memory(&limits) + jobs_memory(&limits) +
           network_memory(config, &limits) + (keeps_rows(config) ? durable_memory(&limits) : 0) + 65536;
}

static bool is_sound(const struct virtual_config *config)
{
    size_t sites = config->site_count == 0 ? 1 : config->site_count;
    bool sound = config->node_count > 0 && config->node_count <= VIRTUAL_NODES_MAX && sites <= VIRTUAL_SITES_MAX && config->link_count <= VIRTUAL_LINKS_MAX &&
                 config->start_ns >= 0 && config->run_max <= RUN_MAX && (!keeps_rows(config) || config->rebuild != NULL);
    for (size_t n = 0; n < config->node_count && sound; n++) {
        sound = config->nodes[n].site < sites && config->nodes[n].actor.step != NULL && config->nodes[n].actor.due != NULL;
    }
    for (size_t l = 0; l < config->link_count && sound; l++) {
        sound = config->links[l].from < sites && config->links[l].to < sites && config->links[l].from != config->links[l].to;
    }
    return sound;
}

static void init_node(struct virtual *virtual, uint32_t number)
{
    struct node_state *node = &virtual->nodes[number];
    *node = (struct node_state){.setup = virtual->config.nodes[number], .listening = true, .stretch = 1000, .clock = {TIME_NEVER}};
    node->actor = node->setup.actor;
    node->meta.life = 1;
    for (size_t s = 0; s < VIRTUAL_SERVICE_COUNT; s++) {
        node->services[s] = (struct service){.time = node->setup.services[s], .use_at_ns = virtual->now_ns};
    }
}

static void carve(struct arena *out, struct arena *from, size_t size)
{
    *out = (struct arena){.memory = queue_take_memory(from, size, 1), .size = size};
}

static enum err make_room(struct virtual *virtual, struct arena *arena)
{
    const struct virtual_config *config = &virtual->config;
    enum err err = queue_init(&virtual->queue, virtual->limits.events_max, queue_nodes(config), config->start_ns, arena);
    err = err == ERR_OK ? slab_init(&virtual->slab, virtual->limits.payload_bytes, arena) : err;
    err = err == ERR_OK ? network_init(virtual, arena) : err;
    err = err == ERR_OK ? pipes_init(virtual, arena) : err;
    err = err == ERR_OK ? jobs_init(virtual, arena) : err;
    err = err == ERR_OK && keeps_rows(config) ? durable_init(&virtual->rows, &virtual->limits, arena) : err;
    virtual->nodes = arena_array(arena, config->node_count, sizeof *virtual->nodes);
    virtual->out = queue_take_memory(arena, 1, sizeof *virtual->out);
    virtual->messages = arena_array(arena, RUN_MAX, sizeof *virtual->messages);
    carve(&virtual->step, arena, STEP_SIZE);
    carve(&virtual->header, arena, HEADER_SIZE);
    carve(&virtual->step_read, arena, READ_SIZE);
    if (err != ERR_OK || virtual->nodes == NULL || virtual->out == NULL || virtual->messages == NULL || virtual->step.memory == NULL || virtual->header.memory == NULL ||
        virtual->step_read.memory == NULL) {
        return ERR_LIMIT;
    }
    virtual->out->arena = &virtual->step;
    return ERR_OK;
}

/* The next row of the plan is asked for when the one before was told: a year of it is never held. */
static void next_row(struct virtual *virtual)
{
    const struct virtual_plan *plan = &virtual->config.plan;
    virtual->rows_over = virtual->rows_over || plan->next == NULL ||
                         !plan->next(plan->self, &virtual->next_row_ns, &virtual->next_row_target, &virtual->next_row);
    if (!virtual->rows_over) {
        virtual->cause = 0;
        (void)virtual_put(virtual, virtual->next_row_ns, virtual->next_row->kind == PLAN_DO ? CLASS_MESSAGE : CLASS_FAULT, pseudo_node(virtual, PSEUDO_PLAN), PENDING_ROW);
    }
}

enum err virtual_init(struct virtual **out, const struct virtual_config *config, struct arena *arena)
{
    struct virtual *virtual = is_sound(config) ? arena_alloc(arena, sizeof *virtual) : NULL;
    if (virtual == NULL) {
        return is_sound(config) ? ERR_LIMIT : ERR_BAD_INPUT;
    }
    virtual->config = *config;
    virtual->config.run_max = config->run_max == 0 ? UINT32_MAX : config->run_max;
    virtual->config.small_max = config->small_max == 0 ? 16384 : config->small_max;
    virtual->limits = limits_of(config);
    virtual->now_ns = config->start_ns;
    virtual->node_count = config->node_count;
    enum err err = make_room(virtual, arena);
    if (err != ERR_OK) {
        return err;
    }
    for (uint32_t n = 0; n < config->node_count; n++) {
        init_node(virtual, n);
        (void)virtual_put(virtual, config->start_ns, CLASS_RELEASE, n, PENDING_START);
    }
    next_row(virtual);
    *out = virtual;
    return virtual->err;
}

/* ---- What is told. */

enum err virtual_tell(struct virtual *virtual, uint32_t target, const struct plan_entry *entry, time_ns at_ns)
{
    bool link = target >= virtual->node_count;
    if (target >= virtual->node_count + virtual->config.link_count) {
        return ERR_BAD_INPUT;
    }
    struct payload *payload = virtual_keep(virtual, payload_make_plan(&virtual->slab, entry));
    enum pending_kind kind = link ? PENDING_LINK : fault_is_ours(entry) ? PENDING_NODE : PENDING_TELL;
    struct pending *pending = payload == NULL ? NULL : virtual_put(virtual, at_ns, entry->kind == PLAN_DO ? CLASS_MESSAGE : CLASS_FAULT, target, kind);
    if (pending == NULL) {
        return virtual->err;
    }
    pending->payload = payload;
    return ERR_OK;
}

enum err virtual_operate(struct virtual *virtual, uint32_t node, const struct plan_entry *entry, time_ns at_ns)
{
    struct payload *payload = node >= virtual->node_count ? NULL : virtual_keep(virtual, payload_make_plan(&virtual->slab, entry));
    struct pending *pending = payload == NULL ? NULL : virtual_put(virtual, at_ns, CLASS_MESSAGE, node, PENDING_OPERATE);
    if (pending == NULL) {
        return node >= virtual->node_count ? ERR_BAD_INPUT : virtual->err;
    }
    pending->payload = payload;
    return ERR_OK;
}

static bool may_die(const struct virtual *virtual, uint32_t node)
{
    return node < virtual->node_count && virtual->nodes[node].setup.durable && virtual->rows != NULL && virtual->config.rebuild != NULL;
}

enum err virtual_kill(struct virtual *virtual, uint32_t node, time_ns at_ns, bool stay_down)
{
    struct pending *pending = !may_die(virtual, node) ? NULL : virtual_put(virtual, at_ns, CLASS_FAULT, node, PENDING_KILL);
    if (pending == NULL) {
        return may_die(virtual, node) ? virtual->err : ERR_BAD_INPUT;
    }
    pending->detail = stay_down;
    return ERR_OK;
}

enum err virtual_restart(struct virtual *virtual, uint32_t node, time_ns at_ns)
{
    if (!may_die(virtual, node)) {
        return ERR_BAD_INPUT;
    }
    return virtual_put(virtual, at_ns, CLASS_FAULT, node, PENDING_RESTART) == NULL ? virtual->err : ERR_OK;
}

/* ---- The loop. */

static uint64_t hash_plan(const struct plan_entry *entry)
{
    uint64_t hash = mix_slice(mix_number((uint64_t)entry->kind, (uint64_t)entry->id), entry->verb);
    for (size_t i = 0; i < entry->argument_count; i++) {
        hash = mix_slice(mix_slice(hash, entry->arguments[i].name), entry->arguments[i].value);
    }
    return hash;
}

static void copy_entry(struct plan_entry *to, const struct plan_entry *from)
{
    to->kind = from->kind;
    to->id = from->id;
    to->verb = from->verb;
    to->argument_count = from->argument_count;
    memcpy(to->arguments, from->arguments, from->argument_count * sizeof from->arguments[0]);
}

static void tell_actor(struct virtual *virtual, uint32_t node, enum event_kind kind, const struct plan_entry *entry)
{
    node_clear_event(virtual, kind, 0, PROTOCOL_DICOM);
    copy_entry(&virtual->event.plan, entry);
    node_take(virtual, node, hash_plan(entry));
}

static void tell_target(struct virtual *virtual, uint32_t target, const struct plan_entry *entry)
{
    if (target >= virtual->node_count) {
        virtual->hash = mix_number(mix_number(virtual->hash, target), hash_plan(entry));
        virtual_check(virtual, network_tell(virtual, target - (uint32_t)virtual->node_count, entry), "a fault of a link");
    } else if (fault_is_ours(entry)) {
        virtual->hash = mix_number(mix_number(virtual->hash, target), hash_plan(entry));
        virtual_check(virtual, fault_tell(virtual, target, entry), "a fault of a node");
    } else {
        tell_actor(virtual, target, EVENT_PLAN, entry);
    }
}

static void tell_row(struct virtual *virtual)
{
    uint32_t target = virtual->next_row_target;
    bool waits = target < virtual->node_count && !fault_is_ours(virtual->next_row) && (virtual->nodes[target].paused > 0 || virtual->nodes[target].down);
    if (target >= virtual->node_count + virtual->config.link_count) {
        virtual_fail(virtual, ERR_BAD_INPUT, "a row of the plan is for nobody");
    } else if (waits) {
        virtual_check(virtual, virtual_tell(virtual, target, virtual->next_row, virtual->now_ns), "a row of the plan");
    } else {
        tell_target(virtual, target, virtual->next_row);
    }
    next_row(virtual);
}

static void take_clock(struct virtual *virtual, uint32_t number)
{
    struct node_state *node = &virtual->nodes[number];
    node->clock.armed_ns = TIME_NEVER;
    if (node->paused > 0 || node->down) {
        return;
    }
    if (node->actor.due(node->actor.self) > virtual->now_ns) {
        node_arm(virtual, number);
        return;
    }
    node_clear_event(virtual, EVENT_CLOCK, 0, PROTOCOL_DICOM);
    node_take(virtual, number, 0);
}

static void start(struct virtual *virtual, uint32_t number)
{
    struct node_state *node = &virtual->nodes[number];
    const struct virtual_watcher *watcher = &virtual->config.watcher;
    if (node->setup.durable && watcher->start != NULL) {
        node->meta.state_digest = node->actor.digest == NULL ? 0 : node->actor.digest(node->actor.self);
        struct virtual_start begins = {.node = number, .life = 1, .at_ns = virtual->now_ns, .restored_digest = node->meta.state_digest};
        virtual_check(virtual, watcher->start(watcher->self, &begins), "a watcher of lives");
    }
    node_clear_event(virtual, EVENT_CLOCK, 0, PROTOCOL_DICOM);
    node_take(virtual, number, 0);
}

static void relayed(struct virtual *virtual, uint32_t node, struct payload *payload)
{
    node_clear_event(virtual, EVENT_RELAYED, 0, PROTOCOL_DICOM);
    virtual->event.job = payload->job;
    virtual->event.results = payload->results;
    virtual->event.result_count = payload->count;
    virtual->event.relay_ended = payload->ended;
    virtual->event.relay_text = payload->text;
    node_take(virtual, node, payload->hash);
    payload_free(virtual, payload);
}

static void refused(struct virtual *virtual, uint32_t node, struct payload *payload)
{
    node_clear_event(virtual, EVENT_REFUSED, payload->job, payload->protocol);
    virtual->event.refusal = REFUSAL_NO_ROUTE;
    virtual->counts.refused++;
    node_take(virtual, node, 0);
    payload_free(virtual, payload);
}

static void served(struct virtual *virtual, uint32_t ref, unsigned service)
{
    struct end *end = end_at(virtual, ref);
    if (service < VIRTUAL_SERVICE_COUNT) {
        if (!end->serving || end->waiting) {
            return;
        }
        end->serving = false;
        struct service *state = &virtual->nodes[end->node].services[service];
        use_change(&state->use, &state->use_at_ns, virtual->now_ns, -1, virtual->now_ns - end->inbox->since_ns, 0);
        service_over(virtual, end->node, service);
        pipe_served(virtual, ref);
    }
}

/* Of a channel: false when it is gone, and the payload with it. */
static bool pipe_lives(struct virtual *virtual, const struct pending *pending)
{
    const struct channel *channel = pipe_at(virtual, pending->subject);
    if (channel->used && channel->generation == pending->generation) {
        return true;
    }
    virtual->counts.dropped++;
    payload_free(virtual, pending->payload);
    return false;
}

static void take_channel(struct virtual *virtual, const struct pending *pending)
{
    uint32_t ref = REF(pending->subject, pending->end);
    if (!pipe_lives(virtual, pending)) {
        return;
    }
    switch (pending->kind) {
    case PENDING_ARRIVE:
        pipe_arrive(virtual, ref, pending->payload);
        break;
    case PENDING_SERVED:
        if (pending->detail < VIRTUAL_SERVICE_COUNT) {
            served(virtual, ref, pending->detail);
        } else {
            pipe_work(virtual, ref);
        }
        break;
    case PENDING_ROOM:
        pipe_room(virtual, ref);
        break;
    case PENDING_STORED:
        pipe_stored(virtual, ref, pending->payload);
        break;
    default:
        pipe_over(virtual, ref, (enum closed)(pending->detail & 0xFF), (pending->detail & 0x8000) != 0 ? pending->detail & 0xFF : -1,
                     pipe_at(virtual, pending->subject)->reject);
        break;
    }
}

static void take_node(struct virtual *virtual, const struct pending *pending)
{
    uint32_t node = pending_node(pending);
    struct payload *payload = pending->payload;
    bool same_life = node < virtual->node_count && pending->generation == (uint32_t)virtual->nodes[node].meta.life && !virtual->nodes[node].down;
    switch (pending->kind) {
    case PENDING_TELL:
    case PENDING_OPERATE:
        payload_get_plan(payload, &virtual->row);
        tell_actor(virtual, node, pending->kind == PENDING_TELL ? EVENT_PLAN : EVENT_OPERATOR, &virtual->row);
        payload_free(virtual, payload);
        break;
    case PENDING_LINK:
    case PENDING_NODE:
        payload_get_plan(payload, &virtual->row);
        tell_target(virtual, node, &virtual->row);
        payload_free(virtual, payload);
        break;
    case PENDING_RELAYED:
    case PENDING_REFUSED:
        if (!same_life) {
            virtual->counts.dropped++;
            payload_free(virtual, payload);
        } else if (pending->kind == PENDING_RELAYED) {
            relayed(virtual, node, payload);
        } else {
            refused(virtual, node, payload);
        }
        break;
    case PENDING_KILL:
        node_kill(virtual, node, pending->detail != 0);
        break;
    case PENDING_RESTART:
        node_restart(virtual, node);
        break;
    case PENDING_SEIZE:
        service_seize(virtual, node, pending->detail);
        break;
    default:
        start(virtual, node);
        break;
    }
}

/* An alarm that was set to an earlier time since is looked at then. */
static bool alarm_rings(const struct alarm *alarm, const struct pending *pending)
{
    return alarm->armed_ns == pending->at_ns;
}

static void take(struct virtual *virtual, const struct pending *pending)
{
    switch (pending->kind) {
    case PENDING_CLOCK:
        if (alarm_rings(&virtual->nodes[pending->subject].clock, pending)) {
            take_clock(virtual, pending->subject);
        }
        break;
    case PENDING_ROW:
        tell_row(virtual);
        break;
    case PENDING_FLAP:
        network_flap(virtual, pending->subject, pending->generation);
        break;
    case PENDING_FLOWS:
        if (alarm_rings(&virtual->network.alarm, pending)) {
            network_due(virtual);
        }
        break;
    case PENDING_TIMEOUTS:
        if (alarm_rings(&virtual->channels.alarm, pending)) {
            pipes_due(virtual);
        }
        break;
    case PENDING_RELAYS:
        if (alarm_rings(&virtual->relays.alarm, pending)) {
            jobs_due(virtual);
        }
        break;
    case PENDING_ARRIVE:
    case PENDING_SERVED:
    case PENDING_ROOM:
    case PENDING_STORED:
    case PENDING_CLOSED:
        take_channel(virtual, pending);
        break;
    default:
        take_node(virtual, pending);
        break;
    }
}

static void watch_time(struct virtual *virtual, time_ns at_ns)
{
    virtual->same_time = at_ns > virtual->now_ns ? 0 : virtual->same_time + 1;
    if (virtual->same_time > SAME_TIME_MAX) {
        virtual_fail(virtual, ERR_LIMIT, "time does not go on: events without end at one instant");
    }
    assert(at_ns >= virtual->now_ns);
    virtual->now_ns = at_ns;
}

static bool next(struct virtual *virtual, time_ns until_ns)
{
    struct pending *first = queue_pop(&virtual->queue, until_ns);
    if (first == NULL) {
        return false;
    }
    watch_time(virtual, first->at_ns);
    virtual->counts.popped++;
    virtual->cause = first->parent;
    if (node_parks(virtual, first)) {
        return true;
    }
    struct pending pending = *first;
    queue_give(&virtual->queue, first);
    virtual->under_way -= counts((enum pending_kind)pending.kind);
    take(virtual, &pending);
    return true;
}

enum err virtual_run(struct virtual *virtual, const struct virtual_until *until, enum virtual_end *end)
{
    time_ns until_ns = until->until_ns == 0 ? TIME_NEVER - 1 : until->until_ns;
    virtual->stop = false;
    while (virtual->err == ERR_OK) {
        if (virtual->stop || (until->event > 0 && virtual->number >= until->event) || (until->quiet && virtual_quiet(virtual))) {
            *end = virtual->stop ? VIRTUAL_STOPPED : until->event > 0 && virtual->number >= until->event ? VIRTUAL_AT_EVENT : VIRTUAL_QUIET;
            return ERR_OK;
        }
        if (!next(virtual, until_ns)) {
            bool empty = virtual->queue.count == 0;
            *end = empty && until->until_ns == 0 ? VIRTUAL_EMPTY : VIRTUAL_AT_TIME;
            virtual->now_ns = until->until_ns > virtual->now_ns ? until->until_ns : virtual->now_ns;
            return ERR_OK;
        }
    }
    return virtual->err;
}

void virtual_stop(struct virtual *virtual)
{
    virtual->stop = true;
}

/* ---- Asking. */

time_ns virtual_now(const struct virtual *virtual)
{
    return virtual->now_ns;
}

time_ns virtual_due(const struct virtual *virtual)
{
    return queue_first(&virtual->queue);
}

bool virtual_quiet(const struct virtual *virtual)
{
    const struct timeout_list *timeouts = virtual->channels.timeouts;
    return virtual->under_way == 0 && virtual->network.flow_count == 0 && virtual->network.parked == 0 && virtual->relays.count == 0 && timeouts[TIMEOUT_OPEN].first == 0 &&
           timeouts[TIMEOUT_ANSWER].first == 0 && timeouts[TIMEOUT_MESSAGE].first == 0 && timeouts[TIMEOUT_WRITE].first == 0;
}

uint64_t virtual_hash(const struct virtual *virtual)
{
    return virtual->hash;
}

struct virtual_meta virtual_meta(const struct virtual *virtual, uint32_t node)
{
    return node < virtual->node_count ? virtual->nodes[node].meta : (struct virtual_meta){0};
}

uint64_t virtual_digest(const struct virtual *virtual, uint32_t node)
{
    const struct actor *actor = node < virtual->node_count ? &virtual->nodes[node].actor : NULL;
    return actor == NULL || actor->digest == NULL ? 0 : actor->digest(actor->self);
}

void virtual_study_digest(uint64_t seed, int64_t study, bool pixels, char text[65])
{
    char other[SHA256_TEXT_SIZE + 1];
    image_digest_virtual(seed, study, pixels ? other : text, pixels ? text : other);
}

struct virtual_counts virtual_counts(const struct virtual *virtual)
{
    struct virtual_counts counts = virtual->counts;
    counts.pending_high = (int64_t)virtual->queue.high;
    counts.payload_high = (int64_t)virtual->slab.high;
    return counts;
}

struct virtual_use virtual_link_use(const struct virtual *virtual, uint32_t link, unsigned direction)
{
    struct half_link half = virtual->network.halves[2 * link + (direction & 1)];
    assert(link < virtual->network.link_count);
    use_change(&half.use, &half.use_at_ns, virtual->now_ns, 0, 0, 0);
    return half.use;
}

struct virtual_use virtual_service_use(const struct virtual *virtual, uint32_t node, enum virtual_service service)
{
    assert(node < virtual->node_count && service < VIRTUAL_SERVICE_COUNT);
    struct service state = virtual->nodes[node].services[service];
    use_change(&state.use, &state.use_at_ns, virtual->now_ns, 0, 0, 0);
    return state.use;
}
