/* SPDX-License-Identifier: MIT
 *
 * The one thread that steps the actor. For a group of steps: each event into the journal, then its step; then all
 * records in one transaction; then the marks COMMIT and OUT; then the commands; then the observations. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "src/actor/serial.h"
#include "src/base/hash.h"
#include "src/wire/wire_private.h"

#define LINE_SIZE (8u << 20)

enum err write_whole(int fd, slice bytes)
{
    while (bytes.size > 0) {
        ssize_t put = write(fd, bytes.data, bytes.size);
        if (put < 0 && errno != EINTR) {
            return ERR_SYSTEM;
        }
        bytes = slice_after(bytes, put < 0 ? 0 : (size_t)put);
    }
    return ERR_OK;
}

static enum err fail(struct driver *driver, enum err err, const char *what, char why[256])
{
    const char *detail = err == ERR_STORE && driver->core.store != NULL ? store_why(driver->core.store) : err == ERR_SYSTEM ? strerror(errno) : "";
    snprintf(why, 256, "%s: %s%s%s", what, err_text(err), detail[0] == '\0' ? "" : ": ", detail);
    return err;
}

/* ---- Beginning. */

static enum err make_room(struct core *core)
{
    size_t size = sizeof *core->out + STEP_SIZE + 8 * EVENT_SIZE_MAX + 2 * EVENT_SIZE_MAX + COMMANDS_SIZE + OBSERVED_SIZE + LINE_SIZE + (20u << 20);
    enum err err = memory_map(&core->memory, size);
    if (err != ERR_OK) {
        return err;
    }
    core->out = (struct out *)(void *)memory_carve(&core->memory, sizeof *core->out).memory;
    core->step = memory_carve(&core->memory, STEP_SIZE);
    core->event = memory_carve(&core->memory, 8 * EVENT_SIZE_MAX);
    core->event_bytes = memory_carve(&core->memory, EVENT_SIZE_MAX).memory;
    core->own_bytes = memory_carve(&core->memory, EVENT_SIZE_MAX).memory;
    core->commands = buffer_over(memory_carve(&core->memory, COMMANDS_SIZE).memory, COMMANDS_SIZE);
    core->observed = buffer_over(memory_carve(&core->memory, OBSERVED_SIZE).memory, OBSERVED_SIZE);
    core->line = buffer_over(memory_carve(&core->memory, LINE_SIZE).memory, LINE_SIZE);
    core->out->arena = &core->step;
    return ERR_OK;
}

static uint64_t digest_of(const struct core *core)
{
    return core->actor->digest == NULL ? 0 : core->actor->digest(core->actor->self);
}

static enum err restore_row(void *self, const struct record *record)
{
    struct core *core = self;
    return core->actor->restore == NULL ? ERR_OK : core->actor->restore(core->actor->self, record);
}

static enum err journal_row(void *self, const struct record *record)
{
    struct core *core = self;
    struct buffer bytes = buffer_over(core->own_bytes, EVENT_SIZE_MAX);
    record_write(record, &bytes);
    if (bytes.full) {
        return ERR_LIMIT;
    }
    journal_add(&core->journal, JOURNAL_RECORD, buffer_slice(&bytes));
    return ERR_OK;
}

static enum err restore(struct driver *driver, char why[256])
{
    struct core *core = &driver->core;
    struct store_meta before = {0};
    enum err err = ERR_OK;
    if (driver->config.store != NULL) {
        err = store_open(&core->store, driver->config.store, &core->memory);
        err = err == ERR_OK ? store_get_meta(core->store, &before) : err;
        err = err == ERR_OK ? store_restore(core->store, core, restore_row) : err;
    }
    if (err != ERR_OK) {
        return fail(driver, err, "the registry cannot be restored", why);
    }
    if (core->store != NULL && digest_of(core) != before.state_digest && before.life > 0) {
        driver_log(driver, "the restored state is not the one that was committed");
    }
    core->meta = (struct store_meta){.life = driver->config.life, .state_digest = digest_of(core)};
    err = journal_open(&core->journal, driver->config.journal, driver->config.life, &core->memory);
    if (err == ERR_OK) {
        journal_add_start(&core->journal, driver->config.life, driver_now(driver), core->meta.state_digest, &before);
        err = core->store != NULL && core->journal.fd >= 0 ? store_restore(core->store, core, journal_row) : ERR_OK;
    }
    err = err == ERR_OK ? journal_flush(&core->journal) : err;
    return err == ERR_OK ? ERR_OK : fail(driver, err, "the journal cannot be begun", why);
}

enum err core_open(struct driver *driver, char why[256])
{
    struct core *core = &driver->core;
    enum err err = make_room(core);
    if (err != ERR_OK) {
        return fail(driver, err, "no memory for the core", why);
    }
    if (driver->config.trace != NULL) {
        core->trace = open(driver->config.trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (core->trace < 0) {
            return fail(driver, ERR_SYSTEM, driver->config.trace, why);
        }
    }
    return restore(driver, why);
}

void core_close(struct driver *driver, bool orderly)
{
    struct core *core = &driver->core;
    if (orderly) {
        journal_add(&core->journal, JOURNAL_END, SLICE_EMPTY);
    }
    journal_close(&core->journal);
    if (core->store != NULL) {
        store_close(core->store);
    }
    if (core->trace >= 0) {
        close(core->trace);
    }
    memory_unmap(&core->memory);
}

/* ---- One step. */

static void trace_line(struct core *core)
{
    buffer_put_byte(&core->line, '\n');
    if (!core->line.full) {
        (void)!(write_whole(core->trace, buffer_slice(&core->line)) == ERR_OK);
    }
    core->line.size = 0;
    core->line.full = false;
}

static void trace_step(struct core *core, const struct event *event)
{
    if (core->trace < 0) {
        return;
    }
    event_put_json(event, &core->line);
    trace_line(core);
    for (size_t i = 0; i < core->out->command_count; i++) {
        command_put_json(&core->out->commands[i], event->at_ns, &core->line);
        trace_line(core);
    }
}

static enum err put_records(struct core *core)
{
    enum err err = ERR_OK;
    if (core->store == NULL || core->out->record_count == 0) {
        return ERR_OK;
    }
    if (!core->in_transaction) {
        err = store_begin(core->store);
        core->in_transaction = err == ERR_OK;
    }
    for (size_t i = 0; i < core->out->record_count && err == ERR_OK; i++) {
        err = store_put(core->store, &core->out->records[i]);
    }
    return err;
}

static enum err keep_commands(struct core *core)
{
    for (size_t i = 0; i < core->out->command_count; i++) {
        size_t start = core->commands.size;
        if (!command_keep(&core->commands, &core->out->commands[i], core->meta.step)) {
            return ERR_LIMIT;
        }
        core->meta.command_hash = hash64(core->meta.command_hash, slice_after(buffer_slice(&core->commands), start + COMMAND_HEAD));
    }
    return ERR_OK;
}

static enum err keep_observations(struct driver *driver)
{
    struct core *core = &driver->core;
    for (size_t i = 0; i < core->out->observation_count && driver->config.observe >= 0; i++) {
        struct observation *observation = &core->out->observations[i];
        observation->actor = observation->actor.size == 0 ? driver->config.name : observation->actor;
        observation_put_json(observation, &core->observed);
        buffer_put_byte(&core->observed, '\n');
    }
    return core->observed.full ? ERR_LIMIT : ERR_OK;
}

/* Scenario time never goes back, whatever the clock does. */
static time_ns stamp_time(struct driver *driver)
{
    time_ns now = driver_now(driver);
    driver->core.last_ns = now > driver->core.last_ns ? now : driver->core.last_ns;
    return driver->core.last_ns;
}

static enum err step(struct driver *driver, size_t size)
{
    struct core *core = &driver->core;
    struct event event;
    slice bytes = {core->event_bytes, size};
    event_stamp(core->event_bytes, stamp_time(driver), core->meta.step + 1);
    arena_reset(&core->event);
    enum err err = event_read(&event, bytes, &core->event);
    journal_add(&core->journal, JOURNAL_EVENT, bytes);
    err = err == ERR_OK ? journal_flush(&core->journal) : err;
    if (err != ERR_OK) {
        return err;
    }
    core->meta.step++;
    out_clear(core->out);
    err = core->actor->step(core->actor->self, &event, core->out);
    trace_step(core, &event);
    err = err == ERR_OK && core->out->full ? ERR_LIMIT : err;
    err = err == ERR_OK ? put_records(core) : err;
    err = err == ERR_OK ? keep_commands(core) : err;
    return err == ERR_OK ? keep_observations(driver) : err;
}

/* ---- The commit. */

static void mark_out(struct core *core, time_ns at_ns)
{
    struct cursor kept = {buffer_slice(&core->commands), false};
    int64_t marked = 0;
    while (kept.rest.size > 0) {
        uint32_t size = cursor_u32(&kept);
        int64_t of = (int64_t)cursor_u64(&kept);
        (void)cursor_bytes(&kept, size);
        if (of != marked) {
            journal_add_out(&core->journal, of, at_ns);
            marked = of;
        }
    }
}

static enum err commit(struct driver *driver)
{
    struct core *core = &driver->core;
    enum err err = ERR_OK;
    core->meta.state_digest = core->store == NULL && core->journal.fd < 0 ? 0 : digest_of(core);
    if (core->in_transaction) {
        err = store_commit(core->store, &core->meta);
        core->in_transaction = false;
    }
    if (err == ERR_OK && core->journal.fd >= 0) {
        time_ns at_ns = stamp_time(driver);
        journal_add_commit(&core->journal, core->meta.step, core->meta.command_hash, core->meta.state_digest, at_ns);
        mark_out(core, at_ns);
        err = journal_flush(&core->journal);
    }
    if (err != ERR_OK) {
        return err;
    }
    dispatch_all(driver);
    core->commands.size = 0;
    if (core->observed.size > 0 && write_whole(driver->config.observe, buffer_slice(&core->observed)) != ERR_OK) {
        driver->config.observe = -1; /* whoever listened is gone: the control's end follows */
    }
    core->observed.size = 0;
    return ERR_OK;
}

/* ---- The loop. */

void core_post(struct driver *driver, const struct event *event)
{
    struct buffer bytes = buffer_over(driver->core.own_bytes, EVENT_SIZE_MAX);
    event_write(event, &bytes);
    queue_put_own(&driver->queue, buffer_slice(&bytes));
}

static bool group_is_full(const struct core *core)
{
    return core->commands.size > COMMANDS_SIZE / 2 || core->observed.size > OBSERVED_SIZE / 2;
}

static enum err step_clock(struct driver *driver)
{
    struct buffer bytes = buffer_over(driver->core.event_bytes, EVENT_SIZE_MAX);
    event_write(&(struct event){.kind = EVENT_CLOCK}, &bytes);
    return step(driver, bytes.size);
}

/* One group: a clock if due, then what is in the queue. */
static enum err step_group(struct driver *driver, bool clock)
{
    struct core *core = &driver->core;
    size_t size = 0, steps = 0;
    enum err err = ERR_OK;
    if (clock || core->actor->due(core->actor->self) <= driver_now(driver)) {
        err = step_clock(driver);
        steps++;
    }
    while (err == ERR_OK && steps < driver->config.limits.batch_max && !group_is_full(core) &&
           queue_take(&driver->queue, core->event_bytes, EVENT_SIZE_MAX, &size)) {
        err = step(driver, size);
        steps++;
    }
    return err == ERR_OK && steps > 0 ? commit(driver) : err;
}

/* Monotonic time at which something is due. */
static time_ns next_due(struct driver *driver)
{
    time_ns relays = relays_tick(driver, driver_now(driver)), due = driver->core.actor->due(driver->core.actor->self);
    due = relays < due ? relays : due;
    return due == TIME_NEVER ? TIME_NEVER : due - driver->config.start_ns + driver->origin_ns;
}

/* The actor goes on hearing while its channels end: every one of them ends with CLOSED. */
static bool quit_is_over(struct driver *driver, time_ns *until)
{
    if (!driver->quitting) {
        driver->quitting = true;
        *until = monotonic_ns() + driver->config.limits.quit_timeout_ns;
        acceptor_listen(driver, false);
        channels_close_all(driver);
    }
    if (channels_wait(driver, monotonic_ns() + 10 * TIME_MS)) {
        return true;
    }
    if (monotonic_ns() > *until) {
        channels_cut_all(driver, CUT_ABORT);
    }
    return monotonic_ns() > *until + TIME_S;
}

enum err core_run(struct driver *driver, char why[256])
{
    time_ns quit_until = TIME_NEVER;
    bool over = false;
    enum err err = step_group(driver, true);
    while (err == ERR_OK && !over) {
        if (queue_is_quit(&driver->queue)) {
            over = quit_is_over(driver, &quit_until) && queue_is_empty(&driver->queue);
        } else {
            queue_wait(&driver->queue, next_due(driver), false);
        }
        err = step_group(driver, false);
    }
    return err == ERR_OK ? ERR_OK : fail(driver, err, driver->core.out->full ? "the output of one step ran full" : "a step failed", why);
}
