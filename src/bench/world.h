/* SPDX-License-Identifier: MIT
 *
 * World: the processes of a wire run: engine, emulated PACS, RADIS2, viewers, each its own process on loopback.
 * Starts them, gives them their plan, gathers what they observe, kills and restarts what the story says, stops
 * them all. One thread. Whatever happens, world_stop leaves no process behind. */
#ifndef PONT_BENCH_WORLD_H
#define PONT_BENCH_WORLD_H

#include "src/scenario/scenario.h"

struct world; /* opaque */

struct world_options {
    const char *program;     /* path of pont itself */
    const char *folder;      /* the run folder, exists */
    const char *scenario_file;
    slice quirks;
    bool seed_given, without_engine, trace;
    uint64_t seed;
    const char *engine_config; /* another engine.yaml; null: made from the scenario */
    slice mutant, without;     /* passed on to the engine of the mutants build; empty: none */
    unsigned run_max;
    /* Told of what is observed while the world starts; null: nobody is. */
    void (*observer)(void *self, const struct observation *observation, int64_t line);
    void *observer_self;
};

/* Everything runs and listens when it returns ERR_OK. Otherwise nothing is left running and `why` (256 bytes)
 * says what failed. Ports are written into scenario->nodes. */
MUST_USE enum err world_start(struct world **out, struct scenario *scenario, const struct world_options *options, char why[256], struct arena *arena);
/* Told for each observation, with its line in observations.jsonl. */
typedef void world_observer(void *self, const struct observation *observation, int64_t line);
/* Waits at most `timeout_ms` for observations and hands on all that came. ERR_PEER_GONE when a process ended that should not have;
 * world_why says which. */
MUST_USE enum err world_poll(struct world *world, int timeout_ms, world_observer *observer, void *self);
/* Gives a plan entry to a node (by id). */
MUST_USE enum err world_tell(struct world *world, slice node, const struct plan_entry *entry);
/* Records an observation of the bench's own, as any other. */
void world_note(struct world *world, const struct observation *observation, world_observer *observer, void *self);
/* SIGKILL; `killed` is observed. It is started again at once unless `stay_down`; `restarted` is observed when it listens. */
MUST_USE enum err world_kill(struct world *world, slice node, bool stay_down, world_observer *observer, void *self);
time_ns world_now(const struct world *world); /* scenario time */
const char *world_why(const struct world *world);
/* Ends everything in order: RIS, viewers, nodes, engine; waits, then kills what does not go. Observations until then are handed on. */
void world_stop(struct world *world, world_observer *observer, void *self);

struct world_resources {
    double engine_cpu_s, engine_rss_max_mib;
    int64_t engine_lives;
};
struct world_resources world_resources(const struct world *world);

#endif
