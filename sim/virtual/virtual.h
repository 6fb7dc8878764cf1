/* SPDX-License-Identifier: MIT
 *
 * Virtual: the virtual driver: many actors in one process, on modelled links, in virtual time. What one actor SENDs
 * is what the other RECEIVEs, as a value, after as long as links and nodes take for it. A pure function of its
 * configuration and of what it is told: no clock, no socket, no thread, no allocation but from the arena of its init.
 *
 * Order. What happens is totally ordered by (time, class, node, number at that node); classes: faults and repairs,
 * releases, messages, timers, seizes, observers. All times are whole nanoseconds. A draw is a function of (seed,
 * purpose, entity, index), so nothing depends on who else drew.
 *
 * Nodes are actors; their numbers are their indexes in the configuration. Links come after them: link L is target
 * `node_count + L` where a plan row may address it. Not thread-safe; slices handed to callbacks are good during the call. */
#ifndef PONT_SIM_VIRTUAL_VIRTUAL_H
#define PONT_SIM_VIRTUAL_VIRTUAL_H

#include "src/actor/actor.h"

#define VIRTUAL_NONE UINT32_MAX
#define VIRTUAL_NODES_MAX 4096
#define VIRTUAL_SITES_MAX 256
#define VIRTUAL_LINKS_MAX 256

struct virtual; /* opaque */

/* ---- Service times: from the arrival of something at a node until its actor has it. */
enum virtual_service {
    VIRTUAL_ASSOCIATE, /* an association is asked for */
    VIRTUAL_ECHO,
    VIRTUAL_FIND,
    VIRTUAL_MOVE,      /* C-MOVE and C-GET requests */
    VIRTUAL_STORE,     /* `each` is per instance, `bytes_per_s` the disk */
    VIRTUAL_HL7,
    VIRTUAL_ANSWER,    /* any response or acknowledgement */
    VIRTUAL_OTHER,
    VIRTUAL_SERVICE_COUNT
};
/* (base + each * instances + bytes / bytes_per_s), stretched by a drawn factor. */
struct virtual_time {
    time_ns base_ns, each_ns;
    int64_t bytes_per_s;       /* 0: size does not matter */
    const uint32_t *quantiles; /* of the factor in thousandths, evenly spaced from the 0th to the 100th; null: always 1000 */
    size_t quantile_count;     /* 0, or 2 .. 1025 */
    uint32_t slots;            /* so many at once, the rest waits in order; 0: any number */
};

/* ---- Nodes. */
struct virtual_node {
    slice name;            /* in observations and the trace */
    slice aet;             /* calling where a command names none; called where the caller names none */
    slice address;         /* what it is seen to come from; empty: 127.0.0.1 */
    uint32_t site;
    bool dicom, hl7;       /* what it listens for */
    bool durable;          /* its records are committed and told, its commands are told when they left: the engine */
    struct actor actor;
    const uint32_t *peers; /* its peer number -> node, VIRTUAL_NONE: nobody is there; null: the same number */
    size_t peer_count;     /* with `peers` */
    struct virtual_time services[VIRTUAL_SERVICE_COUNT];
    time_ns restart_ns;    /* from a kill until it listens again */
    time_ns connect_ns;    /* 0: nothing; added to each association it opens */
    uint32_t channels_max; /* open at once; 0: limits.node_channels_max */
};

/* ---- The network. Sites are joined by links; the way between two sites is the one of fewest links (the first
 * listed where equal). Sites without a way cannot reach each other. Nodes of one site meet over its own network. */
struct virtual_site {
    slice name;
    int64_t bytes_per_s; /* of each direction of the local network's trunk; 0: no limit */
    time_ns delay_ns;    /* one way */
};
struct virtual_link {
    slice name;
    uint32_t from, to;        /* sites; `to_hub` is towards `to`, `from_hub` towards `from` */
    int64_t bytes_per_s;      /* of each direction; 0: no limit */
    uint32_t share;           /* thousandths of it that are ours; 0: all */
    time_ns delay_ns;         /* one way */
    time_ns jitter_ns;        /* a message takes up to so much longer */
    const uint32_t *quantiles;/* of the delay in thousandths, as for services; null: jitter alone */
    size_t quantile_count;
    uint32_t loss_ppm;        /* of packets of 1460 bytes, each costs a retransmission */
};

/* ---- Where plan rows come from, in order of time: false when there are no more. *entry is good until the next call.
 * `node` may be a link (see above). A row in the past is told now. */
struct virtual_plan {
    void *self;
    bool (*next)(void *self, time_ns *at_ns, uint32_t *node, const struct plan_entry **entry);
};

/* ---- Watchers. Any function may be null. Anything but ERR_OK ends the run with that. */
struct virtual_meta { /* as store_meta */
    int64_t life, step;
    uint64_t command_hash, state_digest;
};
struct virtual_start {
    uint32_t node;
    int64_t life;
    time_ns at_ns;
    uint64_t restored_digest;
    struct virtual_meta before; /* committed last by the life before; zero for the first */
};
struct virtual_watcher {
    void *self;
    enum err (*observe)(void *self, const struct observation *observation, uint32_t node);
    /* Of durable nodes, in the order of replay_watcher (src/wire/replay.h): records and the commit of a step, then
     * the commands that left; a life begins with its start and its restored rows (step 0). */
    enum err (*start)(void *self, const struct virtual_start *start);
    enum err (*record)(void *self, uint32_t node, const struct record *record, int64_t step, time_ns at_ns, bool restored);
    enum err (*committed)(void *self, uint32_t node, int64_t step, uint64_t digest, time_ns at_ns);
    enum err (*left)(void *self, uint32_t node, const struct command *command, int64_t step, time_ns at_ns);
    /* A copy made from the durable rows, see virtual_copies: its digest beside the one that was committed. */
    enum err (*copied)(void *self, uint32_t node, int64_t step, uint64_t committed, uint64_t copied);
};

/* ---- The trace: every event that an actor took and every command that it gave. */
struct virtual_trace_line {
    int64_t number;  /* of the event, from 1 over the whole run; a command has that of the event it answers */
    int64_t parent;  /* number of the event that caused it; 0: the plan, a timer of the start */
    uint32_t node;
    const struct event *event;     /* one of the two is set */
    const struct command *command;
};
struct virtual_trace {
    void *self;
    enum err (*line)(void *self, const struct virtual_trace_line *line);
};

/* ---- Crashes of durable nodes at their own commits (design 3.1). */
struct virtual_crashes {
    uint32_t one_in;      /* a seeded one in so many commits; 1: every commit; 0: none */
    int64_t first, last;  /* only commits so numbered, from 1 over all lives; last 0: no end */
    unsigned point;       /* 1 before the commit, 2 after it and before its commands leave, 3 after them; 0: drawn */
};

/* ---- Copies of durable nodes, made from their rows at their own commits: what a death would leave, though nobody dies, so that
 * it can be looked at after each commit there is. They take part in nothing: the trace hash is the same without them. */
struct virtual_copies {
    uint32_t one_in; /* a seeded one in so many commits; 1: every commit; 0: none */
    enum err (*make)(void *self, uint32_t node, struct actor *actor); /* as rebuild, but beside the node that lives */
    void *self;
};

/* Zero means the default in brackets. */
struct virtual_limits {
    size_t events_max;        /* pending at once (1 M) */
    size_t channels_max;      /* open at once, all nodes (16384) */
    size_t node_channels_max; /* open at once at one node (1024): above, associations are rejected as transient */
    size_t flows_max;         /* large transfers at once (8192) */
    size_t relays_max;        /* relay jobs at once (1024) */
    size_t records_max;       /* durable rows, with crashes, copies or keep_records (1 M) */
    size_t payload_bytes;     /* of what is on its way (256 MiB) */
    size_t record_bytes;      /* of durable rows (256 MiB) */
    time_ns open_timeout_ns, answer_timeout_ns, message_timeout_ns, write_timeout_ns, idle_timeout_ns, release_timeout_ns; /* as the wire driver */
};

struct virtual_config {
    uint64_t seed;
    time_ns start_ns;
    const struct virtual_node *nodes; /* actors are copied, the rest is borrowed */
    size_t node_count;
    const struct virtual_site *sites; /* none: one site without limits */
    size_t site_count;
    const struct virtual_link *links;
    size_t link_count;
    struct virtual_plan plan;         /* next null: none */
    struct virtual_watcher watcher;
    struct virtual_trace trace;       /* line null: none; the hash is always made */
    uint32_t run_max;                 /* instances in one RECEIVED, of RUN_MAX messages at most; 0: as many as came in the run */
    int64_t small_max;                /* bytes up to which a message takes no share of a link from others (16 KiB) */
    /* Bytes of one instance of an object that does not say its size; null: 512 KiB. */
    int64_t (*object_size)(void *self, uint32_t node, const struct object *object);
    /* Attributes that a receiver keeps of an object (its `changed`), made by the node that sends it; null: none. */
    const struct dataset *(*object_header)(void *self, uint32_t node, const struct object *object, struct arena *arena);
    void *object_self;
    /* Makes the actor of a durable node afresh after a kill: without rows, which are restored by the driver. Null: kills are ERR_BAD_INPUT. */
    enum err (*rebuild)(void *self, uint32_t node, struct actor *actor);
    void *rebuild_self;
    struct virtual_crashes crashes;
    struct virtual_copies copies;
    bool keep_records;                /* durable rows are kept though no crash is asked for: virtual_kill may be called */
    uint32_t proof_one_in;            /* one in so many messages goes through write and parse, and must come back equal; 0: none */
    struct virtual_limits limits;
};

/* Bytes of arena that virtual_init needs; pages that are not used are not touched. */
size_t virtual_memory(const struct virtual_config *config);
/* Makes it inside `arena`, which must outlive it. Each actor gets CLOCK at start_ns. ERR_LIMIT, ERR_BAD_INPUT. */
MUST_USE enum err virtual_init(struct virtual **out, const struct virtual_config *config, struct arena *arena);

/* ---- Running. */
enum virtual_end {
    VIRTUAL_AT_TIME,  /* all before and at `until_ns` happened; now is until_ns */
    VIRTUAL_AT_EVENT, /* event number `event` was taken */
    VIRTUAL_QUIET,    /* nothing is under way, see virtual_quiet */
    VIRTUAL_STOPPED,  /* virtual_stop was called */
    VIRTUAL_EMPTY     /* nothing will ever happen again */
};
struct virtual_until {
    time_ns until_ns; /* 0: no end */
    int64_t event;    /* 0: none */
    bool quiet;       /* ends as soon as nothing is under way */
};
MUST_USE enum err virtual_run(struct virtual *virtual, const struct virtual_until *until, enum virtual_end *end);
/* From a callback: the run ends after the event it is in. */
void virtual_stop(struct virtual *virtual);
const char *virtual_why(const struct virtual *virtual); /* what failed, for people */

/* ---- Telling; also from callbacks. Times before now are now. */
/* A plan entry for a node or link; copied. Effects of links: partition {direction: both | to_hub | from_hub}, rate
 * {bytes_per_s}, delay {ns}, loss {ppm}, clog (nothing moves, nothing is refused), flap {up, down: ns}; a HEAL of the
 * same word ends it. For a node, FAULT and HEAL of pause (it takes nothing, all waits), stretch {permille, delay, ops} (service times)
 * kill {for | stay: until healed} and disk_fails (dies at its next commit, until healed) are the driver's; every other word goes to its actor. */
MUST_USE enum err virtual_tell(struct virtual *virtual, uint32_t target, const struct plan_entry *entry, time_ns at_ns);
MUST_USE enum err virtual_operate(struct virtual *virtual, uint32_t node, const struct plan_entry *entry, time_ns at_ns); /* EVENT_OPERATOR */
/* The node's process dies and is made again `restart_ns` later (`stay_down`: when virtual_restart says). Durable
 * nodes only: ERR_BAD_INPUT. `killed` and `restarted` are observed. */
MUST_USE enum err virtual_kill(struct virtual *virtual, uint32_t node, time_ns at_ns, bool stay_down);
MUST_USE enum err virtual_restart(struct virtual *virtual, uint32_t node, time_ns at_ns);
/* An observation of the bench's own, as any other. */
MUST_USE enum err virtual_note(struct virtual *virtual, const struct observation *observation, uint32_t node);

/* ---- Asking. */
time_ns virtual_now(const struct virtual *virtual);
time_ns virtual_due(const struct virtual *virtual); /* when something happens next; TIME_NEVER: never */
/* No message, flow, opening, relay job, service or plan row is under way or waiting; timers of actors do not count. */
bool virtual_quiet(const struct virtual *virtual);
uint64_t virtual_hash(const struct virtual *virtual); /* trace hash: over every event and command so far */
struct virtual_meta virtual_meta(const struct virtual *virtual, uint32_t node);
uint64_t virtual_digest(const struct virtual *virtual, uint32_t node); /* of its durable rows, asked of the actor; 0 for others */
/* Digest of an instance of a made study (64 hex digits and a NUL): hash(seed, study), the same for all its instances. */
void virtual_study_digest(uint64_t seed, int64_t study, bool pixels, char text[65]);

struct virtual_counts {
    int64_t events;    /* taken by actors */
    int64_t popped;    /* from the queue, the driver's own among them */
    int64_t steps;     /* of durable nodes */
    int64_t commands, observations, records, commits, kills;
    int64_t messages, instances, bytes; /* delivered */
    int64_t channels, refused, flows, relays;
    int64_t wrong_restores; /* lives and copies whose digest was not the one committed before */
    int64_t copies;
    int64_t dropped;   /* came for a dead channel or life */
    int64_t proofs, unequal; /* messages that went through write and parse and came back equal; or did not: our bug */
    int64_t pending_high, channels_high, flows_high, payload_high; /* most at once */
};
struct virtual_counts virtual_counts(const struct virtual *virtual);
/* Use of a direction of a link (0: towards `to`), and of the queue of a node's service. Integrals are over time, so
 * that Little's law can be asked of them. */
struct virtual_use {
    int64_t arrivals, departures, waiting, high; /* now waiting or in service; most at once */
    int64_t bytes;
    time_ns busy_ns;         /* time with at least one */
    uint64_t length_ns_high, length_ns; /* integral of the number present, 128 bits */
    uint64_t sojourn_ns_high, sojourn_ns; /* sum of the times spent, 128 bits */
};
struct virtual_use virtual_link_use(const struct virtual *virtual, uint32_t link, unsigned direction);
struct virtual_use virtual_service_use(const struct virtual *virtual, uint32_t node, enum virtual_service service);

#endif
