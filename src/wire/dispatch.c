/* SPDX-License-Identifier: MIT
 *
 * Commands of the core, on their way to whoever obeys them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/actor/serial.h"
#include "src/wire/wire_private.h"

static void refuse_open(struct driver *driver, const struct command *command)
{
    core_post(driver, &(struct event){.kind = EVENT_REFUSED, .channel = command->channel, .protocol = command->protocol, .refusal = REFUSAL_NO_ROUTE});
}

/* The new worker opens it: the core never waits for a peer. */
static void open_channel(struct driver *driver, const struct command *command)
{
    struct worker *worker = worker_make(driver, command->protocol, false);
    if (worker == NULL) {
        refuse_open(driver, command);
        return;
    }
    worker->channel = command->channel;
    if (command_copy(&worker->open, command, &worker->keep) != ERR_OK) {
        channels_leave(worker);
        worker_drop(worker);
        refuse_open(driver, command);
    } else if (worker_start(worker) != ERR_OK) {
        refuse_open(driver, command);
    }
}

/* Its row is gone, and that is on disk: only then may the file go. */
static void discard_file(struct driver *driver, slice path)
{
    char text[512];
    snprintf(text, sizeof text, "%.*s", SLICE_ARGS(path));
    if (unlink(text) != 0 && errno != ENOENT) {
        driver_log(driver, "cannot remove %s: %s", text, strerror(errno));
    }
}

static void obey(struct driver *driver, slice bytes, const struct command *command)
{
    switch (command->kind) {
    case COMMAND_OPEN:
        open_channel(driver, command);
        break;
    case COMMAND_RELAY:
        relays_begin(driver, &command->relay);
        break;
    case COMMAND_RELAY_END:
        relays_end(driver, command->job);
        break;
    case COMMAND_NOTE:
        driver_log(driver, "%.*s", SLICE_ARGS(command->text));
        break;
    case COMMAND_LISTEN:
        acceptor_listen(driver, command->flag && !driver->quitting);
        break;
    case COMMAND_DISCARD:
        discard_file(driver, command->text);
        break;
    case COMMAND_DROP_ALL:
        channels_cut_all(driver, CUT_DROP);
        break;
    case COMMAND_ACCEPT:
    case COMMAND_REJECT:
    case COMMAND_SEND:
    case COMMAND_CLOSE:
    case COMMAND_ABORT:
    case COMMAND_KIND_COUNT:
        channels_deliver(driver, command->channel, bytes, command->kind);
        break;
    }
}

void dispatch_all(struct driver *driver)
{
    struct core *core = &driver->core;
    struct cursor kept = {buffer_slice(&core->commands), false};
    while (kept.rest.size > 0) {
        uint32_t size = cursor_u32(&kept);
        struct command command;
        (void)cursor_u64(&kept);
        slice bytes = cursor_bytes(&kept, size);
        if (command_peek(bytes, &command.kind, &command.channel) != ERR_OK) {
            continue;
        }
        bool to_worker = command.kind == COMMAND_SEND || command.kind == COMMAND_ACCEPT;
        arena_reset(&core->event);
        if (!to_worker && command_read(&command, bytes, &core->event) != ERR_OK) {
            driver_log(driver, "a command larger than the room for one was left out");
            continue;
        }
        obey(driver, bytes, &command);
    }
}
