/* SPDX-License-Identifier: MIT
 *
 * World: where a scenario is played, as whoever plays it sees it: something that can be told plan entries, goes on, and
 * is observed. Two kinds: world_wire.c (engine, emulated PACS, RADIS2 and viewers as processes on loopback) and
 * world_virtual.c (the same actors in one process, on an event queue). One thread. */
#ifndef PONT_BENCH_WORLD_H
#define PONT_BENCH_WORLD_H

#include "sim/load/load.h"
#include "src/scenario/scenario.h"

/* Told of each observation in order, with its line in observations.jsonl (from 1). It may tell and note. */
typedef void world_observer(void *self, const struct observation *observation, int64_t line);

struct world_resources {
    double engine_cpu_s, engine_rss_max_mib;
    int64_t engine_lives;
};

struct world {
    void *self;
    bool tells_rows; /* it takes the rows of the load itself, by options.next */
    /* Gives a plan entry to a node (by id), or a fault or its end to a link ("link 3"). ERR_NOT_FOUND when none of that name runs. */
    enum err (*tell)(void *self, slice node, const struct plan_entry *entry);
    /* Goes on until something was observed, or scenario time is `until`, or people should see progress; hands on what was
     * observed. ERR_PEER_GONE when a process ended that should not have; `why` says which. */
    enum err (*poll)(void *self, time_ns until);
    /* Records an observation of the bench's own, as any other. */
    void (*note)(void *self, const struct observation *observation);
    /* The node dies on the spot; `killed` is observed. It is started again at once unless `stay_down`; `restarted` is
     * observed when it listens. */
    enum err (*kill)(void *self, slice node, bool stay_down);
    /* Starts one again that died to stay down. */
    enum err (*revive)(void *self, slice node);
    /* Demands in no terminal state that the engine's records tell of; -1: they cannot be read. */
    int64_t (*open_demands)(void *self);
    /* From an observer: poll returns as soon as the event is over that was observed; null: it does so anyway. */
    void (*wake)(void *self);
    int64_t (*events)(const void *self); /* that were taken so far; null: nobody counts */
    time_ns (*now)(const void *self); /* scenario time */
    const char *(*why)(const void *self);
    /* Ends everything in order. Observations until then are handed on. Nothing else may be called after it but `resources` and `why`. */
    void (*stop)(void *self);
    struct world_resources (*resources)(const void *self);
};

/* ---- On the wire. */
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
    world_observer *observer;
    void *observer_self;
};

/* Everything runs and listens when it returns ERR_OK. Otherwise nothing is left running and `why` (256 bytes)
 * says what failed. Ports are written into scenario->nodes. Whatever happens later, stop leaves no process behind.
 * Observed while it starts: `world` is filled before the first one. */
MUST_USE enum err world_wire(struct world *world, struct scenario *scenario, const struct world_options *options, char why[256], struct arena *arena);

/* ---- In virtual time. */
struct judge;
struct look;
/* A run with more lines leaves neither observations.jsonl nor trace.jsonl nor causes.jsonl (design section 7). */
#define LINES_MAX 2000000
#define LINES_AN_EXAM 20 /* at least so many come of each: a run that is expected to have too many writes none */
struct virtual_options {
    const char *folder;        /* for engine.yaml, observations.jsonl and trace.jsonl; exists */
    bool observations, trace;  /* are written, while there are fewer than LINES_MAX lines */
    bool all;                  /* however many there are */
    unsigned run_max;
    struct look *look;         /* looks on; null: nobody does */
    struct judge *judge;       /* told of the engine's record stream; null: nobody is */
    uint32_t crash_one_in;     /* the engine dies at a seeded one in so many commits and is restored; 1: each; 0: none */
    int64_t crash_first, crash_last;
    uint32_t restore_one_in;   /* beside the engine that lives, one is restored at a seeded one in so many commits; 1: each; 0: none */
    world_observer *observer;
    void *observer_self;
    /* The next row of the load, in order of time; null: there is none any more. Null: no rows. */
    const struct load_row *(*next)(void *self);
    void *next_self;
};
MUST_USE enum err world_virtual(struct world *world, struct scenario *scenario, const struct virtual_options *options, char why[256], struct arena *arena);
/* Of a world made by world_virtual, also after its stop. */
struct virtual_sums {
    uint64_t trace_hash, state_digest;
    int64_t events, steps, lives;
};
struct virtual_sums world_virtual_sums(const struct world *world);

#endif
