/* SPDX-License-Identifier: MIT
 *
 * Probe: the shell command that shows a quirk on the wire, made from src/cli/probe.def for one node. */
#ifndef PONT_CLI_PROBE_H
#define PONT_CLI_PROBE_H

#include "src/cli/vendors.h"

#define PROBE_STUDIES 500
#define PROBE_SEED 1

/* The node that the commands speak to, and what is known of its studies. */
struct probe {
    const struct vendor_profile *vendor;
    struct peer node, client;
    struct node_study *studies; /* PROBE_STUDIES of seed PROBE_SEED */
    struct arena *arena;
};
/* Makes the studies. ERR_LIMIT. */
MUST_USE enum err probe_init(struct probe *probe, const struct vendor_profile *vendor, struct peer node, struct peer client, struct arena *arena);

/* What to expect, and the command, with everything filled in. Text in the arena; null data when it is full. */
slice probe_expect(const struct probe *probe, enum quirk quirk);
slice probe_command(const struct probe *probe, enum quirk quirk);
/* How the engine copes with it. */
const char *probe_copes(enum quirk quirk);

#endif
