/* SPDX-License-Identifier: MIT
 *
 * What the files of the virtual driver share. Things refer to each other by index; a pending event names a channel by
 * index and generation, so that nothing reaches one that is gone. */
#ifndef PONT_SIM_VIRTUAL_PRIVATE_H
#define PONT_SIM_VIRTUAL_PRIVATE_H

#include <assert.h>

#include "sim/virtual/mix.h"
#include "sim/virtual/payload.h"
#include "sim/virtual/queue.h"
#include "sim/virtual/virtual.h"
#include "src/base/random.h"
#include "src/engine/relay.h"

#define NONE VIRTUAL_NONE

/* ---- Pending events. */
enum pending_kind {
    PENDING_START,    /* of a node's first life */
    PENDING_CLOCK,    /* subject: node */
    PENDING_ROW,      /* the plan's next row is due */
    PENDING_TELL,     /* payload: PLAN, for a node's actor */
    PENDING_OPERATE,
    PENDING_LINK,     /* payload: PLAN, for a link */
    PENDING_FLAP,     /* subject: link; its next turn */
    PENDING_NODE,     /* payload: PLAN, a fault of a node that is the driver's */
    PENDING_KILL,     /* detail: it stays down */
    PENDING_RESTART,
    PENDING_ARRIVE,   /* subject, end: the channel's end at which `payload` arrives */
    PENDING_SERVED,   /* subject, end: the service of its inbox's first is over; detail: service */
    PENDING_SEIZE,    /* node, detail: a slot of the service is free, somebody waits */
    PENDING_REFUSED,  /* to an opener for whom there was no channel: payload, whose job is its number */
    PENDING_ROOM,
    PENDING_CLOSED,   /* detail: cause */
    PENDING_FLOWS,    /* a flow may have ended */
    PENDING_TIMEOUTS, /* a timeout may be due */
    PENDING_RELAYS,   /* a batch or a deadline may be due */
    PENDING_RELAYED,  /* payload: RESULTS, for a node */
    PENDING_STORED,   /* subject, end; payload: STORED */
    PENDING_KIND_COUNT
};

/* Something whose time moves often: one event for it is in the queue, at or before the time that counts. */
struct alarm {
    time_ns armed_ns; /* TIME_NEVER: none */
};

/* ---- The network. */
#define PATH_MAX_LINKS 6u /* half links of one way */
#define FLOW_LINKS_MAX (2u * PATH_MAX_LINKS)

struct path {
    uint16_t links[PATH_MAX_LINKS]; /* half links */
    uint8_t count;
    bool exists;
    time_ns delay_ns;
};

/* One direction of a link, or of a site's own network. */
struct half_link {
    int64_t rate;          /* bytes a second, as configured and shared; 0: no limit */
    int64_t fault_rate;    /* -1: none */
    time_ns delay_ns, fault_delay_ns, jitter_ns;
    uint32_t loss_ppm, fault_loss_ppm, corrupt_ppm, late_ppm, double_ppm;
    uint32_t resets, holes; /* reset; black_hole */
    const uint32_t *quantiles;
    size_t quantile_count;
    uint32_t partitions, clogs; /* faults that hold it; blocked when any */
    bool flap_down;
    uint32_t flow_count, flow_first; /* flow * FLOW_LINKS_MAX + slot + 1; 0: none */
    uint32_t parked_first, parked_last; /* ends that wait for it: channel * 2 + end + 1 */
    struct virtual_use use;
    time_ns use_at_ns;
};

struct flow {
    bool used;
    uint8_t link_count, end;
    uint32_t channel;
    uint16_t links[FLOW_LINKS_MAX];
    uint32_t link_next[FLOW_LINKS_MAX], link_previous[FLOW_LINKS_MAX];
    int64_t left;        /* millionths of a byte */
    int64_t rate;        /* bytes a second; 0: held */
    time_ns at_ns, finish_ns, extra_ns, began_ns;
    uint32_t heap;       /* place in the heap, from 1; 0: not in it */
    uint32_t next_free;
    uint64_t serial;
    struct payload *payload;
};

struct flap {
    bool on;
    time_ns up_ns, down_ns;
    uint32_t turn; /* counts, so that an old turn is known */
};

struct network {
    struct path *paths;  /* site_count * site_count */
    size_t site_count, link_count;
    struct half_link *halves; /* link * 2 + direction; then site * 2 + direction */
    size_t half_count;
    struct flap *flaps;
    struct flow *flows;
    uint32_t flow_free, flow_end, flow_count;
    uint64_t flow_serial;
    uint32_t *heap;      /* flows by (finish, serial) */
    size_t heap_count, flow_max;
    int64_t parked;      /* ends that wait for a link */
    struct alarm alarm;
};

/* ---- Channels. */
enum end_state {
    END_NONE,
    END_OPENING,  /* the opener waits */
    END_ASKED,    /* the acceptor was or will be asked */
    END_OPEN,
    END_CLOSING,  /* CLOSE was said; its answer is awaited */
    END_ENDED     /* REFUSED or CLOSED is told or on its way */
};
enum timeout_kind { TIMEOUT_NONE, TIMEOUT_OPEN, TIMEOUT_ANSWER, TIMEOUT_MESSAGE, TIMEOUT_WRITE, TIMEOUT_IDLE, TIMEOUT_COUNT };

struct end {
    uint32_t node;
    int64_t number;       /* as its actor knows it; 0: the driver's own, a relay's */
    uint8_t state, timeout, accept;
    bool serving;         /* the first of the inbox is in service or waits for a slot */
    bool asked;           /* ASKED was delivered */
    bool told;            /* the actor had its REFUSED or CLOSED */
    bool parked;          /* waits for a half link that is blocked */
    uint16_t parked_half;
    bool waiting;         /* for a slot of a service */
    uint32_t passage;     /* + 1: a relay's end; 0: the actor's */
    uint32_t flow;        /* + 1: of what it sends */
    int64_t storing;      /* instances sent whose answers are awaited */
    time_ns moved_ns, due_ns, arrival_ns; /* last sign of life; of its timeout; last arrival of what it sent */
    struct payload *inbox, *inbox_last;   /* came, not taken */
    struct payload *outbox, *outbox_last; /* to be sent, behind what is being sent */
    uint32_t timeout_previous, timeout_next; /* channel * 2 + end + 1 */
    uint32_t node_previous, node_next;
    uint32_t parked_next, waiting_next;
    uint32_t files;       /* spooled so far */
    uint32_t sent, served; /* so far: indexes of draws */
};

struct channel {
    bool used;
    uint8_t protocol;
    uint32_t generation, next_free;
    uint32_t span;            /* associations it stands for, one for each instance (struct command); 0 and 1: one */
    uint32_t reject;          /* result, source, reason of a refusal */
    struct payload *ask;      /* what was asked for, until it is answered */
    struct payload *contexts; /* as answered */
    time_ns open_timeout_ns;
    struct end ends[2];       /* opener, acceptor */
};

struct timeout_list {
    uint32_t first, last;
};

struct channels {
    struct channel *list;
    size_t max, count;
    uint32_t free, end;
    uint32_t *map;       /* (node, number) -> channel * 2 + end + 1, linear probing */
    size_t map_mask;
    struct timeout_list timeouts[TIMEOUT_COUNT];
    struct alarm alarm;
};

/* ---- Services. */
struct service {
    struct virtual_time time;
    uint32_t busy;
    uint32_t waiting_first, waiting_last; /* ends */
    struct virtual_use use;
    time_ns use_at_ns;
};

/* ---- Nodes. */
struct node_state {
    struct virtual_node setup;
    struct actor actor;
    bool down, listening, stays_down;
    uint32_t paused;
    uint32_t stretch;       /* thousandths */
    time_ns stretch_ns;     /* and so much more */
    uint32_t stretched;     /* services that it is about: a bit each */
    bool disk_fails;        /* the next commit cannot be made: its process ends there */
    int64_t sequence;       /* of events in this life */
    int64_t last_asked;     /* even */
    uint32_t ends;          /* list */
    uint32_t end_count;
    struct alarm clock;
    struct service services[VIRTUAL_SERVICE_COUNT];
    struct virtual_meta meta;
    int64_t commits;        /* over all lives */
    struct pending *parked_first, *parked_last; /* while paused or down */
};

/* ---- Relays. */
struct relay_entry {
    bool used, closed, told;
    int64_t job;
    uint32_t node;
    struct relay *relay;
    void *memory;           /* piece of the slab */
    uint32_t passages, passing;
    time_ns sign_ns;        /* when the engine is told next that bytes flow */
    uint32_t spare;         /* channel + 1 of a destination between two holders */
    uint32_t spare_generation;
    uint16_t spare_message;
    const char *why;
};
enum passage_state { PASSAGE_OPENING, PASSAGE_ACTIVE, PASSAGE_BROKEN };
struct passage_item { /* instances of the run that is under way, with one answer */
    uint32_t request;     /* message of the run that they are of ... */
    uint32_t offset, count; /* ... and which of its span */
    uint16_t status;
    bool passes, done;    /* it went on; its answer came */
};
#define PASSAGE_ITEMS_MAX (2u * RUN_MAX)
struct passage {
    bool used;
    enum passage_state state;
    uint32_t entry;
    uint32_t holder, destination; /* channel + 1 */
    uint16_t message_id;
    struct payload *request;      /* the holder's run */
    struct passage_item items[PASSAGE_ITEMS_MAX];
    size_t item_count;
    uint32_t next_free;
};
struct relays {
    struct relay_entry *entries;
    size_t max, count, end;
    struct passage *passages;
    uint32_t passage_free, passage_end;
    size_t passage_max;
    struct alarm alarm;
};

/* ---- Durable rows. */
struct rows;

/* ---- All of it. */
struct virtual {
    struct virtual_config config;
    struct virtual_limits limits;
    struct queue queue;
    struct slab slab;
    struct network network;
    struct channels channels;
    struct relays relays;
    struct node_state *nodes;
    size_t node_count;
    struct rows *rows;      /* null: none are kept */
    struct out *out;
    struct arena step;      /* scratch of a step */
    struct arena header;    /* of an object's attributes */
    struct arena step_read; /* of HL7 that leaves as bytes */
    struct message *messages; /* of a DICOM run being delivered: RUN_MAX */
    struct event event;     /* being delivered */
    struct plan_entry row;  /* of a payload */
    time_ns now_ns;
    int64_t number;         /* of the last event that an actor took */
    int64_t cause;          /* number of the event that what happens now goes back to */
    uint64_t hash;
    int64_t under_way;      /* what virtual_quiet counts */
    int64_t same_time;      /* events since time went on */
    const struct plan_entry *next_row;
    time_ns next_row_ns;
    uint32_t next_row_target;
    bool rows_over, stop;
    struct virtual_counts counts;
    uint32_t failed_node;
    enum err err;           /* the first that a handler met */
    char why[256];
};

/* Pseudo nodes of the queue, behind nodes and links. */
enum pseudo { PSEUDO_FLOWS, PSEUDO_TIMEOUTS, PSEUDO_RELAYS, PSEUDO_PLAN, PSEUDO_COUNT };
static inline uint32_t pseudo_node(const struct virtual *virtual, enum pseudo which)
{
    return (uint32_t)(virtual->config.node_count + virtual->config.link_count) + (uint32_t)which;
}
#define REF(channel, end) ((channel) * 2u + (uint32_t)(end) + 1u)
#define REF_CHANNEL(ref) (((ref) - 1u) / 2u)
#define REF_END(ref) (((ref) - 1u) % 2u)

/* ---- virtual.c */
/* Remembers the first failure: the run ends after this event. */
void virtual_fail(struct virtual *virtual, enum err err, const char *what);
void virtual_check(struct virtual *virtual, enum err err, const char *what); /* fails unless ERR_OK */
/* Null when the queue is full, which ends the run. */
struct pending *virtual_put(struct virtual *virtual, time_ns at_ns, enum queue_class class, uint32_t node, enum pending_kind kind);
void alarm_set(struct virtual *virtual, struct alarm *alarm, time_ns due_ns, uint32_t node, enum queue_class class, enum pending_kind kind);
/* A payload, or the failure. */
struct payload *virtual_keep(struct virtual *virtual, struct payload *payload);
void payload_free(struct virtual *virtual, struct payload *payload);
/* Observes for the driver itself. */
void virtual_observe(struct virtual *virtual, uint32_t node, enum observation_kind kind, slice text, int64_t count);
void virtual_observe_fault(struct virtual *virtual, uint32_t node, const struct plan_entry *entry);

/* ---- step.c */
/* Lets the node's actor take virtual->event, whose kind and content are filled in, and obeys it. */
void node_take(struct virtual *virtual, uint32_t node, uint64_t content_hash);
void node_clear_event(struct virtual *virtual, enum event_kind kind, int64_t channel, enum protocol protocol);
void node_arm(struct virtual *virtual, uint32_t node);
/* The node that it knows by this number; NONE: nobody. */
uint32_t node_peer(const struct virtual *virtual, uint32_t node, uint32_t peer);

/* ---- network.c */
MUST_USE enum err network_init(struct virtual *virtual, struct arena *arena);
size_t network_memory(const struct virtual_config *config, const struct virtual_limits *limits);
const struct path *network_path(const struct virtual *virtual, uint32_t from, uint32_t to); /* nodes */
/* The first blocked half link of the path, + 1; 0: none. */
uint32_t path_blocked(const struct virtual *virtual, const struct path *path);
/* Time that a message of so many bytes takes to leave, and is on its way, with jitter and loss; it takes nothing from others. */
time_ns path_transmit_ns(const struct virtual *virtual, const struct path *path, int64_t bytes);
/* `key` and `index` name the draws: the channel's end, and which of its messages it is. */
time_ns path_delay_ns(const struct virtual *virtual, const struct path *path, int64_t bytes, uint64_t key, uint64_t index);
bool path_is_limited(const struct virtual *virtual, const struct path *path);
/* Starts a flow over both paths (second may be null). False when there is no room for one. */
bool flow_start(struct virtual *virtual, uint32_t channel, unsigned end, struct payload *payload, const struct path *first, const struct path *second, time_ns extra_ns);
/* Ends it without delivery; the payload is given back. */
void flow_cut(struct virtual *virtual, uint32_t flow);
/* Ends it where it is, and gives what it carried: so many bytes of it have passed. */
struct payload *flow_stop(struct virtual *virtual, uint32_t flow, int64_t *bytes);
void network_due(struct virtual *virtual);
void network_park(struct virtual *virtual, uint32_t half, uint32_t channel, unsigned end);
void network_forget(struct virtual *virtual, uint32_t ref);
/* Something about a half link is another: flows share it anew, and who waited for it tries again. */
void network_changed(struct virtual *virtual, uint32_t half);

/* ---- line.c: faults of links */
enum err network_tell(struct virtual *virtual, uint32_t link, const struct plan_entry *entry);
bool network_resets(const struct virtual *virtual, const struct path *path); /* a connection there is reset at once */
void network_flap(struct virtual *virtual, uint32_t link, uint32_t turn);
void use_change(struct virtual_use *use, time_ns *at_ns, time_ns now_ns, int change, time_ns sojourn_ns, int64_t bytes);

/* ---- pipes.c: how channels begin and end. A `ref` is REF(channel, end); 0: none. */
MUST_USE enum err pipes_init(struct virtual *virtual, struct arena *arena);
size_t pipes_memory(const struct virtual_limits *limits);
static inline struct channel *pipe_at(struct virtual *virtual, uint32_t channel)
{
    return &virtual->channels.list[channel];
}
static inline struct end *end_at(struct virtual *virtual, uint32_t ref)
{
    return &virtual->channels.list[REF_CHANNEL(ref)].ends[REF_END(ref)];
}
uint32_t pipe_find(const struct virtual *virtual, uint32_t node, int64_t number);
/* Opens one from a node to another; for a relay when `passage` is not 0. The opener's ref; 0 when there is no room. */
uint32_t pipe_open(struct virtual *virtual, uint32_t node, uint32_t to, const struct command *command, uint32_t passage);
void pipe_refuse_open(struct virtual *virtual, uint32_t node, const struct command *command);
/* An ask arrives: its end gets a number and a place, or is refused. */
bool pipe_take_ask(struct virtual *virtual, uint32_t ref, struct payload *ask);
void pipe_accept(struct virtual *virtual, uint32_t ref, const struct command *command);
void pipe_answer(struct virtual *virtual, uint32_t ref, const struct contexts *contexts);
void pipe_reject(struct virtual *virtual, uint32_t ref, uint8_t result, uint8_t source, uint8_t reason);
void pipe_close(struct virtual *virtual, uint32_t ref);
/* This end ends it without goodbye: it hears `ours`, the other `theirs`. */
void pipe_cut(struct virtual *virtual, uint32_t ref, enum closed ours, enum closed theirs);
void pipe_abort(struct virtual *virtual, uint32_t ref, enum closed ours);
void pipes_drop_node(struct virtual *virtual, uint32_t node, bool died);
/* The end hears of its end: `refusal` -1 for CLOSED. */
void pipe_over(struct virtual *virtual, uint32_t ref, enum closed cause, int refusal, uint32_t reject);
/* In a while, as a release. */
void pipe_over_later(struct virtual *virtual, uint32_t ref, time_ns at_ns, enum closed cause, int refusal);
void pipes_due(struct virtual *virtual);
void pipe_timeout(struct virtual *virtual, uint32_t ref, enum timeout_kind kind, time_ns due_ns);

/* ---- traffic.c: what moves on channels. */
/* Takes the payload. */
void pipe_send(struct virtual *virtual, uint32_t ref, struct payload *payload);
/* A run of the end's actor, with contexts found and objects made whole. */
void pipe_send_run(struct virtual *virtual, uint32_t ref, const struct command *command);
void pipe_pump(struct virtual *virtual, uint32_t ref); /* sends what may go */
void pipe_arrive(struct virtual *virtual, uint32_t ref, struct payload *payload);
void pipe_left(struct virtual *virtual, uint32_t channel, unsigned end, struct payload *payload, time_ns extra_ns); /* a flow ended */
/* A flow was cut when so many bytes of it had passed: what is whole arrives. Takes the payload. */
/* How many whole instances so many of its bytes are. */
int64_t pipe_whole(const struct payload *payload, int64_t bytes);
/* The end waits for the answer to each instance of what it sent: together they take so much longer than the last. */
void pipe_waits_for_each(struct virtual *virtual, uint32_t ref, time_ns more_ns);
void pipe_cut_short(struct virtual *virtual, uint32_t channel, unsigned end, struct payload *payload, int64_t bytes);
void pipe_retry(struct virtual *virtual, uint32_t channel, unsigned end); /* a half link is free again */
void pipe_work(struct virtual *virtual, uint32_t ref); /* goes on with the inbox */
void pipe_served(struct virtual *virtual, uint32_t ref); /* its first was served */
void pipe_room(struct virtual *virtual, uint32_t ref);
void pipe_stored(struct virtual *virtual, uint32_t ref, struct payload *payload);
void payload_list_drop(struct virtual *virtual, struct payload **first, struct payload **last);
/* A pending event for an end. */
struct pending *pipe_put(struct virtual *virtual, uint32_t ref, time_ns at_ns, enum queue_class class, enum pending_kind kind);

/* ---- service.c */
/* Begins the service of what is first in the end's inbox. True when it is over at once. */
bool service_begin(struct virtual *virtual, uint32_t ref);
void service_over(struct virtual *virtual, uint32_t node, unsigned service);
void service_seize(struct virtual *virtual, uint32_t node, unsigned service);
void service_forget(struct virtual *virtual, uint32_t ref);
enum virtual_service service_of(const struct payload *payload);
time_ns drawn_stretch(uint64_t draw, const uint32_t *quantiles, size_t count, time_ns of);

/* ---- jobs.c */
MUST_USE enum err jobs_init(struct virtual *virtual, struct arena *arena);
size_t jobs_memory(const struct virtual_limits *limits);
void jobs_begin(struct virtual *virtual, uint32_t node, const struct relay_job *job);
void jobs_end(struct virtual *virtual, uint32_t node, int64_t job);
/* The engine is to hear now that bytes of this job flow. */
bool job_owes_sign(struct virtual *virtual, struct relay_entry *entry);
/* What the splice would have done to the data set; null: nothing. */
void job_coerces(struct virtual *virtual, struct object *object, const struct dataset *coercion);
void jobs_due(struct virtual *virtual);
void jobs_drop_node(struct virtual *virtual, uint32_t node);
/* A holder was accepted for a job: `ref` is the engine's end. */
void passage_enter(struct virtual *virtual, uint32_t ref, int64_t job);
void passage_opened(struct virtual *virtual, uint32_t passage, const struct contexts *contexts);
void passage_received(struct virtual *virtual, uint32_t passage, uint32_t channel, struct payload *payload);
void passage_closed(struct virtual *virtual, uint32_t passage, uint32_t channel);
/* The channel to the destination if what the holder sends streams on to it: channel + 1. */
uint32_t passage_onward(const struct virtual *virtual, uint32_t passage);
/* The holder's channel + 1; 0: it is gone. */
uint32_t passage_holder(const struct virtual *virtual, uint32_t passage);

/* ---- durable.c */
size_t durable_memory(const struct virtual_limits *limits);
MUST_USE enum err durable_init(struct rows **out, const struct virtual_limits *limits, struct arena *arena);
MUST_USE enum err durable_put(struct rows *rows, uint32_t node, const struct record *record);
/* In the order in which a store hands them out. */
MUST_USE enum err durable_each(struct rows *rows, uint32_t node, void *self, enum err (*row)(void *self, const struct record *record));
size_t durable_count(const struct rows *rows);

/* ---- proof.c */
/* Whether a message comes back equal out of its bytes. */
bool proof_dimse(struct virtual *virtual, const struct dimse *message, slice transfer_syntax);
bool proof_hl7(struct virtual *virtual, const struct hl7_value *value);
bool proof_is_due(const struct virtual *virtual, uint64_t key, uint64_t index);

/* ---- fault.c: kills and other faults of nodes. */
enum err fault_tell(struct virtual *virtual, uint32_t node, const struct plan_entry *entry);
bool fault_is_ours(const struct plan_entry *entry);
void node_kill(struct virtual *virtual, uint32_t node, bool stay_down);
void node_restart(struct virtual *virtual, uint32_t node);
/* Parks what is for a node that takes nothing now; false when it may go on. */
bool node_parks(struct virtual *virtual, struct pending *pending);
void node_unpark(struct virtual *virtual, uint32_t node);
/* Whether this commit is one to crash at: 0 no, 1 before it, 2 before the commands leave, 3 after. */
unsigned fault_crash_point(struct virtual *virtual, uint32_t node);
void fault_copy(struct virtual *virtual, uint32_t node); /* if this commit is one of which a copy is made */

#endif
