/* SPDX-License-Identifier: MIT
 *
 * Host: what a process that runs one actor needs around it: the options it is started with, and for a node where
 * its objects come from and go to. */
#ifndef PONT_CLI_HOST_H
#define PONT_CLI_HOST_H

#include "sim/node/node.h"
#include "src/bench/actors.h"
#include "src/wire/driver.h"

/* The options that `pont run` and `pont world` start a process with. */
struct host_words {
    const char *control, *observe, *start, *origin, *run_max, *seed, *quirks;
};
#define HOST_OPTIONS(words)                                                                                      \
    {"control", "FD", "descriptor of JSON lines in", &(words).control}, {"observe", "FD", "descriptor of JSON lines out", &(words).observe}, \
        {"start", "NS", "scenario time", &(words).start}, {"origin", "NS", "CLOCK_MONOTONIC at the start", &(words).origin},    \
        {"run-max", "N", "messages in one run", &(words).run_max}
/* Puts them into the configuration; false, with the error printed, when one is wrong. */
bool host_take(const char *command, const struct host_words *words, struct driver_config *config);

/* Objects of a node: made, imported or kept in `folder` (null: received ones are not kept, only digested). */
struct host_objects {
    struct node *node;
    const char *folder;
};
struct object_source host_source(struct host_objects *objects);
struct object_sink host_sink(struct host_objects *objects);

#endif
