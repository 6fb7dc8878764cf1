/* SPDX-License-Identifier: MIT */
#include "src/wire/driver.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include "src/actor/serial.h"
#include "src/wire/wire_private.h"

#define STOP_NS (2 * TIME_S) /* until the last worker has gone */

static void set_default(time_ns *limit, time_ns otherwise)
{
    *limit = *limit > 0 ? *limit : otherwise;
}

static void set_defaults(struct driver_config *config)
{
    struct driver_limits *limits = &config->limits;
    limits->channels_max = limits->channels_max == 0 ? 1024 : limits->channels_max > CHANNELS_LIMIT ? CHANNELS_LIMIT : limits->channels_max;
    limits->batch_max = limits->batch_max == 0 ? 256 : limits->batch_max;
    limits->object_size_max = limits->object_size_max == 0 ? (size_t)512 << 20 : limits->object_size_max;
    set_default(&limits->open_timeout_ns, 10 * TIME_S);
    set_default(&limits->answer_timeout_ns, 30 * TIME_S);
    set_default(&limits->message_timeout_ns, 30 * TIME_S);
    set_default(&limits->write_timeout_ns, 30 * TIME_S);
    set_default(&limits->idle_timeout_ns, 10 * TIME_MIN);
    set_default(&limits->release_timeout_ns, 3 * TIME_S);
    set_default(&limits->quit_timeout_ns, 5 * TIME_S);
    config->run_max = config->run_max == 0 || config->run_max > RUN_MAX ? RUN_MAX : config->run_max;
}

void driver_log(const struct driver *driver, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    time_ns ms = (driver_now(driver) - driver->config.start_ns) / TIME_MS;
    fprintf(stderr, "%lld.%03llds  %.*s  %s\n", (long long)(ms / 1000), (long long)(ms % 1000), SLICE_ARGS(driver->config.name), text);
}

/* Written at once, not with a commit: it tells of the driver, not of the actor. */
static void tell_ready(struct driver *driver)
{
    char line[512];
    struct buffer text = buffer_over(line, sizeof line);
    struct observation ready = {.kind = OBSERVATION_ready, .at_ns = driver_now(driver), .actor = driver->config.name,
                                .number = driver->acceptor.dicom_port, .count = driver->acceptor.hl7_port};
    observation_put_json(&ready, &text);
    buffer_put_byte(&text, '\n');
    if (driver->config.observe >= 0) {
        (void)!(write_whole(driver->config.observe, buffer_slice(&text)) == ERR_OK);
    }
    if (driver->config.ready != NULL) {
        driver->config.ready(driver->config.ready_self, driver->acceptor.dicom_port, driver->acceptor.hl7_port);
    }
}

static enum err start(struct driver *driver, char why[256])
{
    channels_init(&driver->channels);
    relays_init(&driver->relays);
    enum err err = queue_open(&driver->queue);
    err = err == ERR_OK ? core_open(driver, why) : err;
    err = err == ERR_OK ? acceptor_open(driver, why) : err;
    err = err == ERR_OK ? control_start(driver) : err;
    err = err == ERR_OK ? acceptor_start(driver) : err;
    if (err == ERR_OK) {
        tell_ready(driver);
    } else if (why[0] == '\0') {
        snprintf(why, 256, "the driver cannot start: %s", err_text(err));
    }
    return err;
}

/* Every thread ends before what it uses goes. A worker that is still dialling a peer that does not answer cannot be
 * hurried: then its memory is left to the end of the process, which is near. */
static bool stop(struct driver *driver, bool orderly)
{
    time_ns until = monotonic_ns() + STOP_NS;
    acceptor_stop(driver);
    queue_close(&driver->queue); /* workers that wait for room to say something */
    channels_close_all(driver);
    bool gone = false;
    do {
        channels_cut_all(driver, CUT_ABORT); /* again for one that was on its way to its socket */
        gone = channels_wait(driver, monotonic_ns() + TIME_S / 4);
    } while (!gone && monotonic_ns() < until);
    control_stop(driver);
    core_close(driver, orderly);
    if (gone) {
        relays_drop(driver);
        queue_drop(&driver->queue);
    }
    return gone;
}

enum err driver_run(const struct driver_config *config, struct actor *actor, char why[256])
{
    struct arena memory;
    why[0] = '\0';
    signal(SIGPIPE, SIG_IGN);
    enum err err = memory_map(&memory, sizeof(struct driver) + 64);
    if (err != ERR_OK) {
        snprintf(why, 256, "no memory for the driver");
        return err;
    }
    struct driver *driver = (struct driver *)(void *)memory.memory;
    driver->memory = memory;
    driver->config = *config;
    driver->core.actor = actor;
    driver->acceptor.wake = driver->acceptor.mllp = driver->control.wake = driver->control.signals = -1;
    driver->core.journal.fd = driver->core.trace = -1;
    driver->origin_ns = config->origin_ns != 0 ? config->origin_ns : monotonic_ns();
    set_defaults(&driver->config);
    err = start(driver, why);
    err = err == ERR_OK ? core_run(driver, why) : err;
    if (stop(driver, err == ERR_OK)) {
        memory_unmap(&memory);
    }
    return err;
}
