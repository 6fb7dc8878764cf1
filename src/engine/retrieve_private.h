/* SPDX-License-Identifier: MIT
 *
 * Retrieval inside: demands that wait (demand.c), the running transfer of one (transfer.c: listing, job.c: moving,
 * proof.c: proving), the clients that asked (move.c), events to their places (retrieve.c). Private to these files.
 *
 * A demand is durable; a transfer is one attempt at it and lives in memory. When an attempt fails the transfer
 * is given back and the demand waits for its next turn; what the destination acknowledged stays in job_item, so
 * the next attempt lists again and moves only what is missing. A crash is nothing but a failed attempt. */
#ifndef PONT_ENGINE_RETRIEVE_PRIVATE_H
#define PONT_ENGINE_RETRIEVE_PRIVATE_H

#include "src/engine/coercion.h"
#include "src/engine/engine_private.h"
#include "src/engine/pool.h"

#define TRANSFERS_MAX 64       /* attempts under way */
#define HOLDERS_MAX 8          /* of one study that are asked */
#define BUCKETS 512            /* of a manifest's hash tables */
#define REQUESTS_MAX 256       /* open C-MOVE requests of clients */
#define REQUEST_DEMANDS_MAX 64 /* studies of one request */
#define MOVE_UIDS_MAX 64       /* instances named in one C-MOVE */
#define FAILED_LIST_SIZE 60000 /* bytes; the element holds 65534 (PS3.5 7.1.2) */
#define BACKOFF_FIRST_NS (200 * TIME_MS)
#define BACKOFF_LAST_NS (10 * TIME_S)
#define PROOF_TRIES_MAX 6      /* lists of the destination before what is not in them counts as missing */
#define CLEAN_RECORDS 1024     /* job items dropped in one step */
#define TURN_NS (10 * TIME_MIN) /* how long a demand may wait for nodes that send other images first */
#define SIGN_NS (20 * TIME_S)  /* a client that waits hears this often that it goes on: many give up after 30 s or 60 s of silence */

enum phase {
    PHASE_LISTING,    /* holders and, where it helps, the destination say what they hold */
    PHASE_READY,      /* waits for its holder and its destination */
    PHASE_OPENING,    /* the relay is ordered, the holder is being called */
    PHASE_MOVING,     /* C-MOVE is running */
    PHASE_ENDING,     /* the relay was ended, its last results are awaited */
    PHASE_PROVING,    /* the destination lists */
    PHASE_COMMITTING, /* the destination was asked to commit */
    PHASE_COUNT
};

/* A part of the manifest: instances whose UIDs count up from the first (struct object), alike in all that stands
 * here. */
struct item {
    struct item *next, *previous, *next_in_bucket, *next_in_stem;
    slice sop_uid, class_uid; /* of the first */
    uint64_t last;            /* the last component of its UID, behind stem_size bytes; 0 when it cannot be counted on */
    uint32_t count, series;
    uint8_t stem_size;
    uint8_t holders;   /* bits: index in transfer->holders */
    bool wanted;       /* a holder lists it, it is asked for and not rejected */
    bool delivered;    /* acknowledged by the destination, or on its list */
    bool on_target;    /* on the destination's list */
    bool in_job, answered, stemmed;
    uint16_t status;   /* the destination's last */
    char uid_text[UID_SIZE_MAX];
};
struct series {
    struct series *next;
    slice uid;
    uint32_t number;
    uint32_t in_job, total; /* of the job; listed by its holder */
};
struct listing {
    uint32_t node, find; /* find 0: none running */
    bool done, complete;
    slice why;
};

struct transfer {
    bool used;
    int64_t demand, study;
    enum phase phase;
    struct chain chain;
    slice study_uid, level, uids;
    uint32_t destination;
    enum demand_reason reason;
    struct listing holders[HOLDERS_MAX];
    size_t holder_count;
    struct listing target;   /* what the destination holds */
    bool target_asked;
    struct item *items, *items_last, *spare, **buckets, **stems;
    struct series *series;
    uint32_t series_count;
    uint32_t wanted, delivered;
    bool full;               /* the pool was exhausted */
    bool given_up;           /* the demand ends with this attempt */
    bool again;              /* M_RETRY_DUP did its work */
    slice gap;               /* who did not list, where that matters */
    /* The job. */
    int64_t job, channel;
    uint32_t holder;         /* index in holders */
    slice root;              /* SOP class of the C-MOVE */
    uint16_t message_id;
    struct series *move_series; /* next to ask for */
    uint32_t move_asked;        /* instances of it asked for one by one */
    bool whole_study;        /* one C-MOVE does */
    bool relay_open, destination_taken, final_seen, lost, rule_broken;
    uint16_t final_status;
    uint32_t job_wanted, job_answered;
    time_ns sign_ns;         /* last sign of life */
    slice why;               /* what went wrong with the job */
    enum path path;          /* of the job, and of what is being proven */
    bool no_direct;          /* was tried in this attempt and fell short */
    bool in_doubt;           /* the holder itself says that not everything was moved directly */
    uint32_t proof_tries;
    slice transaction_uid;   /* of the commitment */
    enum proof proof;
};

struct waiting {
    time_ns due_at, not_before;
    int64_t demand;
};

/* A client's C-MOVE. */
struct move_request {
    bool used;
    int64_t id, channel;
    struct dimse request;
    struct chain chain;
    slice client;
    uint32_t client_node, destination;
    int64_t demands[REQUEST_DEMANDS_MAX];
    size_t demand_count, open_count;
    int64_t completed, failed; /* of demands that ended */
    time_ns told_at;           /* the last pending answer */
    struct buffer failed_uids;
    slice why;                 /* of the first that failed */
    /* The study is not in the registry: who has it? */
    slice level, study_uids, detail_uids;
    int64_t person;            /* PatientID names her; 0 none given */
    bool person_given;
    struct listing sources[NODES_MAX];
    size_t source_count, pending;
    int64_t found_study;
    bool conflict;
};

struct retrieve_state {
    struct pool pool;
    struct transfer transfers[TRANSFERS_MAX];
    size_t transfer_count;     /* used */
    struct waiting *waiting;   /* in order of due_at, then number */
    size_t waiting_count, waiting_max;
    struct move_request *requests;
    size_t request_bound; /* ever in use: those behind are never looked at */
    uint64_t strangers[NODES_MAX][NODES_MAX / 64]; /* [holder]: bits of destinations it turned out not to move to */
    int64_t items_from;        /* of demands before this nothing is remembered when they are over */
    bool ticking;              /* a timer for the scheduler is set for this instant */
};

/* ---- demand.c */
bool demand_get(const struct engine *engine, int64_t id, struct row_demand *row);
/* Puts the row and tells those who wait for it. */
void demand_put(struct engine *engine, struct out *out, const struct row_demand *row);
bool demand_is_over(int64_t state);
/* Ends it: row, items, leased copy, clients. */
void demand_end(struct engine *engine, struct out *out, int64_t id, enum demand_state state, enum proof proof, slice why);
/* Waits for its next turn; counts an attempt when `counts`; fails when there have been enough. */
void demand_again(struct engine *engine, struct out *out, int64_t id, bool counts, slice why);
void waiting_add(struct engine *engine, struct out *out, const struct row_demand *row, time_ns not_before);
void waiting_drop(struct engine *engine, int64_t demand);
void schedule(struct engine *engine, struct out *out);
/* The scheduler runs at the next CLOCK, which is due at once: never from inside another module's step. */
void schedule_soon(struct engine *engine);
/* Rows of job_item whose demand is over go, some a step. */
bool items_are_kept(const struct engine *engine, const struct row_demand *row);
void items_clean(struct engine *engine, struct out *out, int64_t demand);

/* ---- transfer.c */
/* Its association ends, and what CLOSED says of it is nobody's news. */
void transfer_hang_up(struct engine *engine, struct out *out, struct transfer *transfer, bool abort);
struct transfer *transfer_of(struct engine *engine, int64_t demand);
struct transfer *transfer_begin(struct engine *engine, struct out *out, const struct row_demand *row);
void transfer_give(struct engine *engine, struct out *out, struct transfer *transfer);
/* Ends the attempt: the demand waits for the next. */
void transfer_fail(struct engine *engine, struct out *out, struct transfer *transfer, bool counts, slice why);
void transfer_listed_row(struct engine *engine, struct out *out, struct transfer *transfer, uint32_t find, const struct find_row *row);
void transfer_listed_end(struct engine *engine, struct out *out, struct transfer *transfer, uint32_t find, enum find_outcome outcome, slice why);
bool ask_images(struct engine *engine, struct out *out, const struct transfer *transfer, struct listing *listing);
/* OPENING, MOVING or ENDING: a job is open. */
bool transfer_has_job(const struct transfer *transfer);

/* ---- manifest.c. `most`: so many instances from the UID on; *count: of how many of these the answer is true, so that a
 * caller goes on behind them. What is changed afterwards is joined. Null with transfer->full when memory ran out. */
/* The item that stands for these; null when none of them is in the manifest. */
struct item *item_cut(struct transfer *transfer, slice uid, uint32_t most, uint32_t *count);
/* The same; a new one when none of them is. */
struct item *item_take(struct transfer *transfer, const struct find_row *row, slice uid, uint32_t most, uint32_t *count);
void item_join(struct transfer *transfer, struct item *item);
void items_join(struct transfer *transfer);
struct series *series_of(const struct transfer *transfer, const struct item *item);

/* ---- job.c */
void transfer_run_if_ready(struct engine *engine, struct out *out, struct transfer *transfer);
void transfer_event(struct engine *engine, const struct event *event, struct out *out, struct transfer *transfer, struct channel *channel);
void transfer_relayed(struct engine *engine, const struct event *event, struct out *out, struct transfer *transfer);
void transfer_timer(struct engine *engine, struct out *out, struct transfer *transfer);
/* Everything that was listed is delivered. */
void transfer_settled(struct engine *engine, struct out *out, struct transfer *transfer);
/* Stops a running job at once; its results so far are kept. */
void transfer_stop(struct engine *engine, struct out *out, struct transfer *transfer, slice why);

/* ---- direct.c */
/* May the job that job_mark made for this holder go straight to the destination? */
bool direct_fits(const struct engine *engine, const struct transfer *transfer, uint32_t holder);
/* The holder's final answer to a direct move, before the job is over. */
void direct_answered(struct engine *engine, struct transfer *transfer, const struct dimse *response);
/* The job is over; its row is gone. May give the transfer back. */
void direct_over(struct engine *engine, struct out *out, struct transfer *transfer);
/* The destination's list or commitment (item->on_target) covers everything, or lacks some: the relay brings the rest. */
void direct_proven(struct engine *engine, struct out *out, struct transfer *transfer);
void direct_short(struct engine *engine, struct out *out, struct transfer *transfer, uint32_t missing);

/* ---- proof.c */
void proof_begin(struct engine *engine, struct out *out, struct transfer *transfer);
void proof_listed(struct engine *engine, struct out *out, struct transfer *transfer);
void proof_timer(struct engine *engine, struct out *out, struct transfer *transfer);
void proof_event(struct engine *engine, const struct event *event, struct out *out, struct transfer *transfer, struct channel *channel);

/* ---- move.c */
enum err move_init(struct engine *engine);
void move_progress(struct engine *engine, struct out *out, int64_t demand);
void move_demand_over(struct engine *engine, struct out *out, const struct row_demand *row, const struct transfer *transfer);
void move_found_row(struct engine *engine, struct out *out, struct move_request *request, uint32_t find, const struct find_row *row);
void move_found_end(struct engine *engine, struct out *out, struct move_request *request, uint32_t find, enum find_outcome outcome, slice why);
struct move_request *move_by_id(struct engine *engine, int64_t id);
/* Her client hears that it goes on, and again after as long. */
void move_timer(struct engine *engine, struct out *out, int64_t id);
/* The client whose request wants this demand, for the move originator; null when none is there any more. */
const struct move_request *move_of_demand(const struct engine *engine, int64_t demand);

#endif
