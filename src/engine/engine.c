/* SPDX-License-Identifier: MIT
 *
 * Dispatch only: which module an event belongs to, by the kind of its channel. */
#include "src/engine/engine.h"

#include "src/engine/channel.h"
#include "src/engine/engine_private.h"

#define TIMERS_MAX    65536u
#define TIMERS_A_STEP 64 /* so that one step's commands stay far below what `out` takes */

/* ---- Timers: a heap by (time, order of setting). */
static bool earlier(const struct timer *a, const struct timer *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void timer_set(struct engine *engine, enum timer_kind kind, int64_t subject, time_ns at_ns)
{
    if (engine->timer_count == engine->timer_max) {
        engine->exhausted = "timers";
        return;
    }
    size_t at = engine->timer_count++;
    struct timer timer = {at_ns, engine->timer_order++, kind, subject};
    while (at > 0 && earlier(&timer, &engine->timers[(at - 1) / 2])) {
        engine->timers[at] = engine->timers[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    engine->timers[at] = timer;
}

static struct timer take_timer(struct engine *engine)
{
    assert(engine->timer_count > 0);
    struct timer first = engine->timers[0], last = engine->timers[--engine->timer_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= engine->timer_count) {
            break;
        }
        if (child + 1 < engine->timer_count &&
            earlier(&engine->timers[child + 1], &engine->timers[child])) {
            child++;
        }
        if (!earlier(&engine->timers[child], &last)) {
            break;
        }
        engine->timers[at] = engine->timers[child];
        at = child;
    }
    if (engine->timer_count > 0) {
        engine->timers[at] = last;
    }
    return first;
}

/* Means nothing any more: what it was set for has ended. */
static bool is_stale(struct engine *engine, const struct timer *timer)
{
    return (timer->kind == TIMER_FIND && !source_find_waits(engine, timer->subject)) ||
           (timer->kind == TIMER_HEALTH && !health_waits(engine, timer->subject)) ||
           (timer->kind == TIMER_QUERY && !query_waits(engine, timer->subject)) ||
           (timer->kind == TIMER_RETRIEVE && !retrieve_waits(engine, timer->subject));
}

/* A step ends with a timer on top that means something: nobody is woken for nothing. */
static void drop_stale(struct engine *engine)
{
    while (engine->timer_count > 0 && is_stale(engine, &engine->timers[0])) {
        (void)take_timer(engine);
    }
}

static void fire(struct engine *engine, struct out *out, const struct timer *timer)
{
    switch (timer->kind) {
    case TIMER_FIND:
        source_find_timer(engine, out, timer->subject);
        break;
    case TIMER_PUBLISH:
        publish_timer(engine, out, timer->subject);
        break;
    case TIMER_HEALTH:
        health_timer(engine, out, timer->subject);
        break;
    case TIMER_HL7:
        hl7_in_timer(engine, out, timer->subject);
        break;
    case TIMER_MDT:
        mdt_timer(engine, out, timer->subject);
        break;
    case TIMER_QUERY:
        query_timer(engine, out, timer->subject);
        break;
    case TIMER_RETRIEVE:
        retrieve_timer(engine, out, timer->subject);
        break;
    case TIMER_PRIORS:
        priors_timer(engine, out, timer->subject);
        break;
    case TIMER_SPOOL:
        spool_timer(engine, out, timer->subject);
        break;
    case TIMER_KINDS:
        assert(false);
        break;
    }
}

/* The first CLOCK of a life: what was restored begins to live again. */
static void begin(struct engine *engine, struct out *out)
{
    engine->restored = true;
    health_restored(engine, out);
    hl7_in_restored(engine);
    publish_restored(engine, out);
    retrieve_restored(engine, out);
    priors_restored(engine, out);
    mdt_restored(engine, out);
    spool_restored(engine, out);
}

/* A quarter is taken: what fires next may need as much again, and more. */
static bool step_is_busy(const struct out *out)
{
    return out->record_count > OUT_RECORDS_MAX / 4 || out->command_count > OUT_COMMANDS_MAX / 4;
}

static void on_clock(struct engine *engine, struct out *out)
{
    if (!engine->restored) {
        begin(engine, out);
    }
    /* Work that is put off to the next step sets a timer for now: that one is not of this step. */
    for (int i = 0; i < TIMERS_A_STEP && engine->timer_count > 0 &&
                    engine->timers[0].at_ns <= engine->now && !step_is_busy(out);
         i++) {
        struct timer timer = take_timer(engine);
        fire(engine, out, &timer);
    }
}

/* ---- Channels. */
static void answer_echo(struct out *out, const struct channel *channel, const struct dimse *request)
{
    struct dimse response = dimse_response(request, STATUS_SUCCESS);
    out_send_dimse(out, channel->number, &response);
}

static void client_message(struct engine *engine, const struct event *event, struct out *out,
                           struct channel *channel, const struct dimse *message)
{
    switch (message->kind) {
    case DIMSE_C_ECHO_RQ:
        answer_echo(out, channel, message);
        break;
    case DIMSE_C_FIND_RQ:
        query_find(engine, event, out, channel, message);
        break;
    case DIMSE_C_MOVE_RQ:
        retrieve_move(engine, event, out, channel, message);
        break;
    case DIMSE_C_GET_RQ:
        retrieve_get(engine, event, out, channel, message);
        break;
    case DIMSE_C_CANCEL_RQ:
        query_cancel(engine, out, channel, message->message_id);
        retrieve_cancel(engine, out, channel, message->message_id);
        break;
    case DIMSE_N_EVENT_REPORT_RQ:
        retrieve_committed(engine, event, out, channel, message);
        break;
    default: /* a request we offer no service for, or a response to nothing (PS3.7 9.1): the
                association is beyond repair */
        channel_abort(engine, out, channel->number);
        break;
    }
}

static void client_event(struct engine *engine, const struct event *event, struct out *out,
                         struct channel *channel)
{
    if (event->kind == EVENT_RECEIVED) {
        for (size_t i = 0; i < event->run.count; i++) {
            client_message(engine, event, out, channel, &event->run.messages[i].dimse);
        }
    } else if (event->kind == EVENT_ROOM) {
        query_room(engine, out, channel);
    } else if (event->kind == EVENT_CLOSED) {
        query_closed(engine, out, channel);
        retrieve_client_closed(engine, out, channel);
    }
}

static void channel_event(struct engine *engine, const struct event *event, struct out *out,
                          struct channel *channel)
{
    switch (channel->kind) {
    case CHANNEL_CLIENT:
        client_event(engine, event, out, channel);
        break;
    case CHANNEL_HL7:
        hl7_in_event(engine, event, out, channel);
        break;
    case CHANNEL_FIND:
        source_find_event(engine, event, out, channel);
        break;
    case CHANNEL_PROBE:
        health_event(engine, event, out, channel);
        break;
    case CHANNEL_RELAY:
    case CHANNEL_MOVE:
    case CHANNEL_COMMIT:
        retrieve_event(engine, event, out, channel);
        break;
    case CHANNEL_SPOOL:
    case CHANNEL_FORWARD:
        spool_event(engine, event, out, channel);
        break;
    case CHANNEL_FREE:
    case CHANNEL_KINDS:
        break;
    }
}

void engine_pump(struct engine *engine, struct out *out, uint32_t node)
{
    source_find_pump(engine, out, node);
    retrieve_pump(engine, out, node);
    spool_pump(engine, out, node);
}

static void channel_ended(struct engine *engine, const struct event *event, struct out *out,
                          struct channel *channel)
{
    bool outbound = channel->number % 2 != 0;
    uint32_t node = channel->node;
    int64_t number = channel->number;
    if (outbound) {
        if (event->kind == EVENT_REFUSED) {
            health_refused(engine, out, node, event);
        }
        health_released(engine, out, node);
    } else {
        assert(engine->inbound_count > 0);
        engine->inbound_count--;
    }
    channel_event(engine, event, out, channel);
    channel_give(engine, channel_find(engine, number));
    if (outbound) {
        engine_pump(engine, out, node);
    }
}

static void on_channel(struct engine *engine, const struct event *event, struct out *out)
{
    struct channel *channel = channel_find(engine, event->channel);
    if (channel == NULL) {
        return; /* ended before this could reach us */
    }
    if (event->kind == EVENT_REFUSED || event->kind == EVENT_CLOSED) {
        channel_ended(engine, event, out, channel);
        return;
    }
    if (event->kind == EVENT_OPENED) {
        channel->open = true;
        health_opened(engine, out, channel->node);
    }
    channel_event(engine, event, out, channel);
}

static void on_operator(struct engine *engine, const struct event *event, struct out *out)
{
    lifecycle_operator(engine, event, out);
    retrieve_operator(engine, event, out);
}

enum err engine_step(struct engine *engine, const struct event *event, struct out *out)
{
    assert(event->at_ns >= engine->now);
    engine->now = event->at_ns;
    source_find_expire(engine, out);
    switch (event->kind) {
    case EVENT_CLOCK:
        on_clock(engine, out);
        break;
    case EVENT_PLAN:
    case EVENT_OPERATOR:
        on_operator(engine, event, out);
        break;
    case EVENT_ASKED:
        access_asked(engine, event, out);
        break;
    case EVENT_OPENED:
    case EVENT_REFUSED:
    case EVENT_RECEIVED:
    case EVENT_ROOM:
    case EVENT_CLOSED:
        on_channel(engine, event, out);
        break;
    case EVENT_RELAYED:
        retrieve_relayed(engine, event, out);
        break;
    case EVENT_STORED:
        spool_stored(engine, event, out);
        break;
    case EVENT_KIND_COUNT:
        assert(false);
        break;
    }
    registry_tell_limits(engine, out);
    drop_stale(engine);
    if (engine->exhausted != NULL) {
        out_note(out, TEXT(out, SLICE("limit reached: "), slice_from(engine->exhausted)));
    }
    return engine->exhausted == NULL && !out->full ? ERR_OK : ERR_LIMIT;
}

time_ns engine_due(const struct engine *engine)
{
    return engine->timer_count == 0 ? TIME_NEVER : engine->timers[0].at_ns;
}

/* ---- Life. */
static enum err init_modules(struct engine *engine)
{
    static enum err (*const inits[])(struct engine *) = {
        channel_init,  registry_init, health_init,       source_find_init,
        hl7_in_init,   publish_init,  mdt_init,          query_init,
        retrieve_init, priors_init,   spool_init,        registry_init_text};
    for (size_t i = 0; i < sizeof inits / sizeof inits[0]; i++) {
        enum err err = inits[i](engine);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

enum err engine_init(struct engine **out, const struct engine_config *config, struct arena *arena)
{
    assert(config->node_count <= NODES_MAX);
    struct engine *engine = arena_alloc(arena, sizeof *engine);
    if (engine == NULL) {
        return ERR_LIMIT;
    }
    *engine = (struct engine){
        .config = config, .arena = arena, .now = INT64_MIN, .timer_max = TIMERS_MAX};
    engine->timers = arena_array(arena, TIMERS_MAX, sizeof *engine->timers);
    if (engine->timers == NULL) {
        return ERR_LIMIT;
    }
    *out = engine;
    return init_modules(engine);
}

enum err engine_restore(struct engine *engine, const struct record *record)
{
    assert(!engine->restored);
    access_restored(engine, record);
    return registry_restore(engine, record);
}

uint64_t engine_digest(const struct engine *engine)
{
    return registry_digest(engine);
}

/* ---- As a driver sees it. */
static enum err actor_step(void *self, const struct event *event, struct out *out)
{
    return engine_step(self, event, out);
}

static time_ns actor_due(const void *self)
{
    return engine_due(self);
}

static enum err actor_restore(void *self, const struct record *record)
{
    return engine_restore(self, record);
}

static uint64_t actor_digest(const void *self)
{
    return engine_digest(self);
}

struct actor engine_actor(struct engine *engine)
{
    return (struct actor){engine, actor_step, actor_due, actor_restore, actor_digest};
}
