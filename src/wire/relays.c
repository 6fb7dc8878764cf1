/* SPDX-License-Identifier: MIT
 *
 * The table of relay jobs, between the core that begins and ends them and the workers that holders come to. Posts
 * by workers are made outside its lock: the queue may be full, and the core needs the lock to empty it. */
#include <stdio.h>

#include "src/actor/serial.h"
#include "src/wire/wire_private.h"

#define JOB_SIZE (32u << 20) /* of one job with its manifest */

void relays_init(struct relays *relays)
{
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&relays->lock, NULL);
    pthread_cond_init(&relays->released, &clock);
    pthread_condattr_destroy(&clock);
}

/* ---- Destinations. */

void destination_release(struct driver *driver, struct destination *destination)
{
    if (destination->association != NULL) {
        association_release(destination->association, driver->config.limits.release_timeout_ns);
        association_free(destination->association);
    }
    memory_unmap(&destination->memory);
    *destination = (struct destination){.association = NULL};
}

void destination_abort(struct destination *destination)
{
    if (destination->association != NULL) {
        association_abort(destination->association);
        association_free(destination->association);
    }
    memory_unmap(&destination->memory);
    *destination = (struct destination){.association = NULL};
}

struct release {
    struct driver *driver;
    struct destination destination;
};

static void *release_main(void *self)
{
    struct release *release = self;
    struct driver *driver = release->driver;
    struct destination destination = release->destination; /* `release` stands in its memory */
    destination_release(driver, &destination);
    pthread_mutex_lock(&driver->relays.lock);
    driver->relays.releasing--;
    pthread_cond_signal(&driver->relays.released);
    pthread_mutex_unlock(&driver->relays.lock);
    return NULL;
}

/* Under the lock, from the core too, which must not wait for a peer: a thread of its own does. */
static void release_aside(struct driver *driver, struct destination *destination)
{
    pthread_t thread;
    struct release *release = destination->association == NULL ? NULL : arena_alloc(&destination->memory, sizeof *release);
    if (release != NULL) {
        *release = (struct release){driver, *destination};
        if (pthread_create(&thread, NULL, release_main, release) == 0) {
            pthread_detach(thread);
            driver->relays.releasing++;
            *destination = (struct destination){.association = NULL};
            return;
        }
    }
    destination_abort(destination);
}

/* ---- What is to be posted. */

/* A complete job goes on until RELAY_END: the holder may try again what failed, and its final answer is yet to come.
 * Results on their way to the queue come before the end: the engine would take what they tell of for lost. */
static bool is_over(const struct relay_entry *entry)
{
    return entry->passing == 0 && entry->posting == 0 && entry->closed;
}

/* The next event that the engine must have; false when there is none. Results borrow from the relay. */
static bool next_event(struct relay_entry *entry, time_ns now_ns, bool flush, struct event *event)
{
    bool over = is_over(entry);
    *event = (struct event){.kind = EVENT_RELAYED, .job = entry->job, .relay_text = SLICE_EMPTY};
    if (relay_batch(entry->relay, now_ns, flush || over, &event->results, &event->result_count)) {
        return true;
    }
    if (over && !entry->told) {
        entry->told = event->relay_ended = true;
        event->relay_text = slice_from(entry->why);
        return true;
    }
    return false;
}

/* Nobody needs the entry any more. */
static void settle(struct driver *driver, struct relay_entry *entry)
{
    if (entry->told && entry->workers == 0) {
        release_aside(driver, &entry->spare);
        memory_unmap(&entry->memory);
        entry->relay = NULL;
    }
}

/* By a worker: the lock is held on entry and on return, not while posting. */
static void post_by_worker(struct worker *worker, struct relay_entry *entry, bool flush)
{
    struct relays *relays = &worker->driver->relays;
    struct event event;
    while (next_event(entry, driver_now(worker->driver), flush, &event)) {
        event.channel = worker->channel;
        worker->event.size = 0;
        worker->event.full = false;
        event_write(&event, &worker->event); /* 64 results: far below its size */
        entry->workers++; /* keeps the entry while the lock is off */
        entry->posting++;
        pthread_mutex_unlock(&relays->lock);
        (void)queue_append(&worker->driver->queue, buffer_slice(&worker->event));
        pthread_mutex_lock(&relays->lock);
        entry->posting--;
        entry->workers--;
    }
}

static void post_by_core(struct driver *driver, struct relay_entry *entry, time_ns now_ns)
{
    struct event event;
    while (next_event(entry, now_ns, false, &event)) {
        core_post(driver, &event);
    }
    settle(driver, entry);
}

/* ---- The core's side. */

static struct relay_entry *find(struct relays *relays, int64_t job)
{
    for (size_t i = 0; i < relays->end; i++) {
        if (relays->entries[i].relay != NULL && relays->entries[i].job == job) {
            return &relays->entries[i];
        }
    }
    return NULL;
}

static struct relay_entry *find_free(struct relays *relays)
{
    for (size_t i = 0; i < relays->end; i++) {
        if (relays->entries[i].relay == NULL) {
            return &relays->entries[i];
        }
    }
    return relays->end < RELAYS_MAX ? &relays->entries[relays->end++] : NULL;
}

static enum err begin(struct relays *relays, const struct relay_job *job)
{
    struct relay_entry *entry = find_free(relays);
    if (entry == NULL || find(relays, job->id) != NULL) {
        return ERR_LIMIT;
    }
    *entry = (struct relay_entry){.job = job->id};
    enum err err = memory_map(&entry->memory, JOB_SIZE);
    err = err == ERR_OK ? relay_init(&entry->relay, job, &entry->memory) : err;
    if (err != ERR_OK) {
        memory_unmap(&entry->memory);
        entry->relay = NULL;
    }
    return err;
}

void relays_begin(struct driver *driver, const struct relay_job *job)
{
    pthread_mutex_lock(&driver->relays.lock);
    enum err err = begin(&driver->relays, job);
    pthread_mutex_unlock(&driver->relays.lock);
    if (err != ERR_OK) {
        core_post(driver, &(struct event){.kind = EVENT_RELAYED, .job = job->id, .relay_ended = true, .relay_text = SLICE("no room for another relay job")});
    }
}

static void close_entry(struct relay_entry *entry, const char *why)
{
    if (!entry->closed) {
        entry->closed = true;
        snprintf(entry->why, sizeof entry->why, "%s", why);
        relay_close(entry->relay);
    }
}

void relays_end(struct driver *driver, int64_t job)
{
    pthread_mutex_lock(&driver->relays.lock);
    struct relay_entry *entry = find(&driver->relays, job);
    if (entry != NULL) {
        close_entry(entry, "");
        post_by_core(driver, entry, driver_now(driver));
    }
    pthread_mutex_unlock(&driver->relays.lock);
}

time_ns relays_tick(struct driver *driver, time_ns now_ns)
{
    struct relays *relays = &driver->relays;
    time_ns next = TIME_NEVER;
    pthread_mutex_lock(&relays->lock);
    for (size_t i = 0; i < relays->end; i++) {
        struct relay_entry *entry = &relays->entries[i];
        if (entry->relay == NULL) {
            continue;
        }
        if (now_ns >= relay_job(entry->relay)->deadline_ns) {
            close_entry(entry, "its deadline passed");
        }
        post_by_core(driver, entry, now_ns);
        if (entry->relay != NULL) {
            time_ns deadline = entry->closed ? TIME_NEVER : relay_job(entry->relay)->deadline_ns, due = relay_due(entry->relay);
            next = deadline < next ? deadline : next;
            next = due < next ? due : next;
        }
    }
    pthread_mutex_unlock(&driver->relays.lock);
    return next;
}

void relays_drop(struct driver *driver)
{
    struct relays *relays = &driver->relays;
    struct timespec until = monotonic_spec(monotonic_ns() + driver->config.limits.release_timeout_ns);
    int waited = 0;
    pthread_mutex_lock(&relays->lock);
    for (size_t i = 0; i < relays->end; i++) {
        if (relays->entries[i].relay != NULL) {
            release_aside(driver, &relays->entries[i].spare);
            memory_unmap(&relays->entries[i].memory);
            relays->entries[i].relay = NULL;
        }
    }
    while (relays->releasing > 0 && waited == 0) {
        waited = pthread_cond_timedwait(&relays->released, &relays->lock, &until);
    }
    pthread_mutex_unlock(&relays->lock);
}

/* ---- The workers' side. */

struct relay_entry *relays_enter(struct driver *driver, int64_t job, struct destination *destination)
{
    *destination = (struct destination){.association = NULL};
    pthread_mutex_lock(&driver->relays.lock);
    struct relay_entry *entry = find(&driver->relays, job);
    if (entry != NULL && (entry->closed || entry->told)) {
        entry = NULL;
    }
    if (entry != NULL) {
        entry->workers++;
        *destination = entry->spare;
        entry->spare = (struct destination){.association = NULL};
    }
    pthread_mutex_unlock(&driver->relays.lock);
    return entry;
}

void relays_fail(struct worker *worker, struct relay_entry *entry, const char *why)
{
    pthread_mutex_lock(&worker->driver->relays.lock);
    if (entry->workers == 1) {
        close_entry(entry, why);
    }
    pthread_mutex_unlock(&worker->driver->relays.lock);
}

void relays_leave(struct worker *worker, struct relay_entry *entry, struct destination *destination)
{
    struct relays *relays = &worker->driver->relays;
    pthread_mutex_lock(&relays->lock);
    entry->workers--;
    post_by_worker(worker, entry, true);
    if (destination->association != NULL && entry->spare.association == NULL && !entry->told) {
        entry->spare = *destination;
        *destination = (struct destination){.association = NULL};
    }
    settle(worker->driver, entry);
    pthread_mutex_unlock(&relays->lock);
    destination_release(worker->driver, destination);
}

uint16_t relays_offer(struct worker *worker, struct relay_entry *entry, slice sop_instance_uid, slice study_uid)
{
    slice finding = SLICE_EMPTY;
    pthread_mutex_lock(&worker->driver->relays.lock);
    slice study = study_uid.size > 0 ? study_uid : relay_job(entry->relay)->study_uid;
    uint16_t status = relay_offer(entry->relay, sop_instance_uid, study, &finding);
    entry->passing += status == STATUS_SUCCESS;
    pthread_mutex_unlock(&worker->driver->relays.lock);
    if (finding.size > 0) {
        worker_post(worker, &(struct event){.kind = EVENT_RELAYED, .job = entry->job, .relay_text = finding});
    }
    return status;
}

void relays_took(struct worker *worker, struct relay_entry *entry, slice sop_instance_uid, uint16_t status, int64_t size)
{
    struct relay_result result = {.job = entry->job, .sop_instance_uid = sop_instance_uid, .status = status, .size = size};
    pthread_mutex_lock(&worker->driver->relays.lock);
    relay_took(entry->relay, &result, driver_now(worker->driver));
    entry->passing--;
    post_by_worker(worker, entry, false);
    pthread_mutex_unlock(&worker->driver->relays.lock);
    queue_poke(&worker->driver->queue); /* the core posts what waits 50 ms */
}
