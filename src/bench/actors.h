/* SPDX-License-Identifier: MIT
 *
 * Actors: the node, RIS or viewer that a scenario describes, made from it. The same in both worlds: on the wire each
 * process makes its own, in virtual time one process makes them all. The engine is made from engine.yaml instead. */
#ifndef PONT_BENCH_ACTORS_H
#define PONT_BENCH_ACTORS_H

#include "sim/load/load.h"
#include "src/scenario/scenario.h"

struct node;

struct actors_options {
    const struct peer *peers;       /* scenario_peers */
    const struct object *imported;  /* of a node that serves files */
    size_t imported_count;
    unsigned run_max;               /* 0: the default */
    bool in_spans;                  /* virtual time: nodes tell and send consecutive instances as one */
};
struct made_actor {
    struct actor actor;
    struct node *node;    /* of a PACS; null otherwise */
    struct arena memory;  /* its own */
};

/* Any node of the scenario but the engine. ERR_LIMIT when it does not fit into memory. Borrows scenario and options' contents. */
MUST_USE enum err actors_make(struct made_actor *made, const struct scenario *scenario, uint32_t node, const struct actors_options *options, struct arena *arena);
void actors_drop(struct made_actor *made);

/* What the population will bring; false when the scenario has none. */
bool actors_expect(const struct scenario *scenario, struct load_expected *expected);

/* Index of the engine among the nodes. */
uint32_t actors_engine(const struct scenario *scenario);

/* Tags that digests leave out: the table of coercions. */
extern const uint32_t actors_left_out[];
extern const size_t actors_left_out_count;

#endif
