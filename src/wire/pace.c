/* SPDX-License-Identifier: MIT
 *
 * What an emulated node takes for its work, because the one it stands for takes it. */
#include "src/wire/wire_private.h"

static void wait_until(struct worker *worker, time_ns until)
{
    while (!worker->over && monotonic_ns() < until && atomic_load(&worker->cut) == CUT_NO && !atomic_load(&worker->mailbox.abort_waits)) {
        (void)worker_wait(worker, -1, false, until, false);
    }
}

void pace_request(struct worker *worker, enum dimse_kind kind)
{
    struct driver *driver = worker->driver;
    const struct pace *pace = &driver->config.pace;
    time_ns takes = pace->takes == NULL ? 0 : pace->takes(pace->self, kind, atomic_fetch_add(&driver->paced, 1));
    if (takes > 0) {
        wait_until(worker, monotonic_ns() + takes);
    }
}

/* All that leaves a node shares one line: whoever sends takes the next stretch of it. */
time_ns pace_take(struct driver *driver, size_t bytes)
{
    int64_t rate = driver->config.pace.sends_bytes_per_s;
    if (rate <= 0) {
        return 0;
    }
    int64_t takes = (int64_t)((__int128)bytes * TIME_S / rate), before = atomic_load(&driver->line_free_at), until = 0;
    do {
        time_ns now = monotonic_ns();
        until = (before > now ? before : now) + takes;
    } while (!atomic_compare_exchange_weak(&driver->line_free_at, &before, until));
    return until;
}

void pace_sent(struct worker *worker, time_ns until)
{
    if (until > 0) {
        wait_until(worker, until);
    }
}
