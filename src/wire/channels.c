/* SPDX-License-Identifier: MIT
 *
 * The table of open channels. A worker is in it from worker_make until channels_leave; only there can another thread
 * find it, so that nobody holds one that is gone. */
#include <sys/socket.h>

#include "src/actor/serial.h"
#include "src/wire/wire_private.h"

/* Untouched pages cost nothing: these are bounds, not needs. */
#define KEEP_SIZE (2u << 20)
#define SCRATCH_SIZE (64u << 20)
#define INCOMING_SIZE (32u << 20)
#define BYTES_SIZE (4u << 20)
#define WORKER_SIZE (KEEP_SIZE + SCRATCH_SIZE + INCOMING_SIZE + BYTES_SIZE + EVENT_SIZE_MAX + (1u << 20))
#define STACK_SIZE (512u << 10)

void channels_init(struct channels *channels)
{
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&channels->lock, NULL);
    pthread_cond_init(&channels->left, &clock);
    pthread_condattr_destroy(&clock);
    channels->count = 0;
    channels->last_asked = 0;
    channels->stopping = false;
}

static bool fill(struct worker *worker)
{
    worker->keep = memory_carve(&worker->memory, KEEP_SIZE);
    worker->scratch = memory_carve(&worker->memory, SCRATCH_SIZE);
    worker->incoming = memory_carve(&worker->memory, INCOMING_SIZE);
    worker->event = buffer_over(memory_carve(&worker->memory, EVENT_SIZE_MAX).memory, EVENT_SIZE_MAX);
    worker->bytes = buffer_over(memory_carve(&worker->memory, BYTES_SIZE).memory, BYTES_SIZE);
    worker->gather.messages = arena_array(&worker->memory, RUN_MAX, sizeof *worker->gather.messages);
    worker->gather.due = TIME_NEVER;
    worker->fd = -1;
    worker->moved_at = monotonic_ns();
    return worker->gather.messages != NULL && mailbox_open(&worker->mailbox) == ERR_OK;
}

static bool enter(struct channels *channels, struct worker *worker, size_t max)
{
    pthread_mutex_lock(&channels->lock);
    bool room = channels->count < max && !channels->stopping;
    if (room) {
        if (worker->asked) {
            channels->last_asked += 2;
            worker->channel = channels->last_asked;
        }
        channels->list[channels->count++] = worker;
    }
    pthread_mutex_unlock(&channels->lock);
    return room;
}

struct worker *worker_make(struct driver *driver, enum protocol protocol, bool asked)
{
    struct arena memory;
    if (memory_map(&memory, WORKER_SIZE) != ERR_OK) {
        return NULL;
    }
    struct worker *worker = arena_alloc(&memory, sizeof *worker);
    *worker = (struct worker){.driver = driver, .memory = memory, .protocol = protocol, .asked = asked};
    if (!fill(worker)) {
        memory_unmap(&memory);
        return NULL;
    }
    if (!enter(&driver->channels, worker, driver->config.limits.channels_max)) {
        worker_drop(worker);
        return NULL;
    }
    return worker;
}

void worker_drop(struct worker *worker)
{
    struct arena memory = worker->memory; /* the worker stands in what it gives back */
    mailbox_drop(&worker->mailbox);
    memory_unmap(&worker->bulk);
    memory_unmap(&memory);
}

static void *thread_main(void *self)
{
    struct worker *worker = self;
    worker_run(worker);
    channels_leave(worker);
    worker_drop(worker);
    return NULL;
}

enum err worker_start(struct worker *worker)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    int failed = pthread_create(&thread, &attributes, thread_main, worker);
    pthread_attr_destroy(&attributes);
    if (failed != 0) {
        channels_leave(worker);
        worker_drop(worker);
        return ERR_LIMIT;
    }
    return ERR_OK;
}

static struct worker *find(struct channels *channels, int64_t channel)
{
    for (size_t i = 0; i < channels->count; i++) {
        if (channels->list[i]->channel == channel) {
            return channels->list[i];
        }
    }
    return NULL;
}

/* Under the lock. The worker may be blocked in its socket. */
static void cut(struct worker *worker, enum cut how)
{
    atomic_store(&worker->cut, how);
    if (worker->association != NULL) {
        association_interrupt(worker->association);
    }
    if (worker->outbound != NULL) {
        association_interrupt(worker->outbound);
    }
    if (worker->fd >= 0) {
        shutdown(worker->fd, SHUT_RDWR);
    }
    mailbox_hurry(&worker->mailbox);
}

void channels_deliver(struct driver *driver, int64_t channel, slice command, enum command_kind kind)
{
    pthread_mutex_lock(&driver->channels.lock);
    struct worker *worker = find(&driver->channels, channel);
    bool full = worker != NULL && !mailbox_put(&worker->mailbox, command, kind);
    if (full) {
        cut(worker, CUT_ABORT);
    }
    pthread_mutex_unlock(&driver->channels.lock);
    if (full) {
        driver_log(driver, "channel %lld takes nothing and its mailbox is full: cut", (long long)channel);
    }
}

void channels_cut_all(struct driver *driver, enum cut how)
{
    pthread_mutex_lock(&driver->channels.lock);
    for (size_t i = 0; i < driver->channels.count; i++) {
        cut(driver->channels.list[i], how);
    }
    pthread_mutex_unlock(&driver->channels.lock);
}

void channels_close_all(struct driver *driver)
{
    char bytes[64];
    struct buffer buffer = buffer_over(bytes, sizeof bytes);
    command_write(&(struct command){.kind = COMMAND_CLOSE}, &buffer);
    pthread_mutex_lock(&driver->channels.lock);
    driver->channels.stopping = true;
    for (size_t i = 0; i < driver->channels.count; i++) {
        (void)mailbox_put(&driver->channels.list[i]->mailbox, buffer_slice(&buffer), COMMAND_CLOSE);
    }
    pthread_mutex_unlock(&driver->channels.lock);
}

void channels_leave(struct worker *worker)
{
    struct channels *channels = &worker->driver->channels;
    pthread_mutex_lock(&channels->lock);
    for (size_t i = 0; i < channels->count; i++) {
        if (channels->list[i] == worker) {
            channels->list[i] = channels->list[--channels->count];
            break;
        }
    }
    pthread_cond_signal(&channels->left);
    pthread_mutex_unlock(&channels->lock);
}

bool channels_wait(struct driver *driver, time_ns until)
{
    struct timespec spec = monotonic_spec(until);
    int waited = 0;
    pthread_mutex_lock(&driver->channels.lock);
    while (driver->channels.count > 0 && waited == 0) {
        waited = pthread_cond_timedwait(&driver->channels.left, &driver->channels.lock, &spec);
    }
    bool empty = driver->channels.count == 0;
    pthread_mutex_unlock(&driver->channels.lock);
    return empty;
}
