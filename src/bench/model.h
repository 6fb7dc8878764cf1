/* SPDX-License-Identifier: MIT
 *
 * Model: the network and the service times of a scenario as the virtual driver wants them. Where the scenario says
 * nothing, times are about those of the wire world's processes on loopback. */
#ifndef PONT_BENCH_MODEL_H
#define PONT_BENCH_MODEL_H

#include "sim/virtual/virtual.h"
#include "src/scenario/scenario.h"

/* Places: a node with a line of its own is one by itself; the others stand beside a node of their organisation. Link L
 * of the scenario is link L here. */
struct model {
    struct virtual_site *sites;
    size_t site_count;
    struct virtual_link *links;
    size_t link_count;
    uint32_t places[SCENARIO_NODES_MAX]; /* by node */
};

/* ERR_LIMIT when the arena is full or there are too many links. */
MUST_USE enum err model_make(struct model *model, const struct scenario *scenario, struct arena *arena);
/* What a node takes for one request of this kind, as its scenario says; its process takes its own time besides. */
time_ns model_takes(const struct scenario_node *node, enum dimse_kind kind, uint64_t draw);
/* Fills place and service times of a node. */
MUST_USE enum err model_node(struct virtual_node *node, const struct model *model, const struct scenario *scenario, uint32_t n, struct arena *arena);

#endif
