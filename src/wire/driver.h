/* SPDX-License-Identifier: MIT
 *
 * Driver: runs one actor on the wire: real associations, MLLP connections, a registry on disk, the one clock.
 *
 * One core thread steps the actor; an acceptor, a control reader and one worker a channel turn sockets into events
 * and commands into bytes. A slow peer holds up its own worker only. Several steps share one commit: their events
 * are in the journal before they are stepped, their records are on disk before any of their commands leaves, and
 * observations come last. dcmtk_start must have been called. One driver a process: it may take SIGTERM and SIGINT. */
#ifndef PONT_WIRE_DRIVER_H
#define PONT_WIRE_DRIVER_H

#include "src/actor/actor.h"

/* The bytes of one object in a transfer syntax; `handle` is the source's own. */
struct object_bytes {
    slice data;
    void *handle;
};

/* Where the data sets of outgoing C-STORE come from, for objects without a file (those are read from it). Called by
 * many workers at once. */
struct object_source {
    void *self;
    /* The data set of `object` in `transfer_syntax`. Any error makes the instance fail with C000, unsent. */
    enum err (*make)(void *self, const struct object *object, slice transfer_syntax, struct object_bytes *out);
    void (*drop)(void *self, struct object_bytes *bytes);
};

/* Where the data sets of incoming C-STORE go (ACCEPT_SERVE). Called by many workers at once, with an object that has
 * its identifying fields, digests, syntax and size, the attributes of `kept_tags` in `changed`, and `file` when one was
 * kept; it may change them, text in the arena. Any error: refused with C000, the actor never hears of it. */
struct object_sink {
    void *self;
    enum err (*take)(void *self, slice dataset, slice transfer_syntax, struct object *object, struct arena *arena);
};

/* What an emulated node takes for its work, because the one it stands for takes it. All null or 0: nothing. */
struct pace {
    void *self;
    /* From a request of this kind until the actor hears of it; called by many workers at once, `nth` is never the same. */
    time_ns (*takes)(void *self, enum dimse_kind kind, uint64_t nth);
    int64_t sends_bytes_per_s; /* data sets of C-STORE requests, all together */
};

/* Zero means the default in brackets. */
struct driver_limits {
    size_t channels_max;        /* open at once (1024): above, associations are rejected as transient */
    size_t batch_max;           /* steps in one commit (256) */
    time_ns open_timeout_ns;    /* OPEN without one of its own (10 s) */
    time_ns answer_timeout_ns;  /* the actor's answer to ASKED (30 s) */
    time_ns message_timeout_ns; /* the rest of a message once begun, and a C-STORE response (30 s) */
    time_ns write_timeout_ns;   /* a peer that takes no bytes (30 s) */
    time_ns idle_timeout_ns;    /* a channel on which nothing moves (10 min) */
    time_ns release_timeout_ns; /* the answer to our release (3 s) */
    time_ns quit_timeout_ns;    /* channels that do not end by themselves after a quit are cut (5 s) */
    size_t object_size_max;     /* data set held for the sink (512 MiB) */
};

struct driver_config {
    slice name;                     /* in observations and the log */
    const slice *titles;            /* our AE titles; the first is calling where a command names none */
    size_t title_count;
    const char *host;               /* numeric address to bind */
    uint16_t dicom_port, hl7_port;  /* 0: none */
    bool dicom_any_port, hl7_any_port; /* any free port instead; `ready` says which */
    const struct peer *peers;
    size_t peer_count;
    time_ns start_ns;               /* scenario time ... */
    time_ns origin_ns;              /* ... at this CLOCK_MONOTONIC; 0: when driver_run begins */
    int control;                    /* descriptor: JSON lines in, -1 none. Its end is a quit. */
    int observe;                    /* descriptor: JSON lines out, -1 none */
    void (*ready)(void *self, uint16_t dicom_port, uint16_t hl7_port); /* called once, when it listens; null: none */
    void *ready_self;
    bool signals;                   /* SIGTERM and SIGINT are a quit */
    uint32_t run_max;               /* messages gathered into one run (RUN_MAX) */
    const char *store;              /* registry.db; null: none */
    const char *journal;            /* folder of N.bin; null: none */
    int64_t life;                   /* N */
    const char *spool;              /* folder for ACCEPT_SPOOL; null: none, such associations are rejected */
    const char *trace;              /* trace.jsonl, appended to; null: none */
    struct object_source source;    /* make null: none */
    struct object_sink sink;        /* take null: nothing more than the above */
    const char *keep;               /* folder in which received objects are kept as files; null: they are not */
    const uint32_t *kept_tags;      /* attributes of received objects that the actor wants to see */
    size_t kept_tag_count;
    const uint32_t *left_out;       /* tags that digests leave out (coercion) */
    size_t left_out_count;
    struct driver_limits limits;
    struct pace pace;
};

/* Runs until quit: restores, listens, tells `ready`, steps. ERR_OK after an orderly quit. ERR_LIMIT when the actor
 * or its output ran full, ERR_STORE, ERR_SYSTEM; `why` (256 bytes) then says what failed. */
MUST_USE enum err driver_run(const struct driver_config *config, struct actor *actor, char why[256]);

/* Reads one control line into an event of kind PLAN or OPERATOR; *quit instead for {"quit":true}. Text in the
 * arena. ERR_BAD_MESSAGE when it is neither. */
MUST_USE enum err control_parse(slice line, struct event *event, bool *quit, struct arena *arena);

#endif
