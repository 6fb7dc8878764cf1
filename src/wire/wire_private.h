/* SPDX-License-Identifier: MIT
 *
 * Wire, the private door: the driver's struct and what its files do for each other.
 *
 * Who locks what. The queue, each mailbox, the table of channels and the table of relays have one lock each, held for
 * a few instructions and never across a wait, a post or another of these locks, but: a mailbox may be locked under
 * the table of channels. Everything else belongs to one thread: the actor, journal, store and trace to the core;
 * the front door and the MLLP listener to the acceptor; an association to its worker. */
#ifndef PONT_WIRE_PRIVATE_H
#define PONT_WIRE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "src/dcmtk/dcmtk.h"
#include "src/engine/relay.h"
#include "src/store/store.h"
#include "src/wire/driver.h"

#define EVENT_SIZE_MAX (4u << 20)     /* bytes of one event; a message that makes more is refused */
#define IDENTIFIER_MAX (1u << 20)     /* bytes of a data set that is no object */
#define QUEUE_SIZE (32u << 20)        /* events that wait for the core */
#define QUEUE_RESERVE (1u << 20)      /* of it for what the core itself must say */
#define COMMANDS_SIZE (64u << 20)     /* commands of one commit; one step may make half */
#define STEP_SIZE (64u << 20)         /* scratch of one step */
#define MAILBOX_SIZE (16u << 20)      /* commands that wait for one worker */
#define CHANNELS_LIMIT 4096u
#define RELAYS_MAX 1024u
#define OBSERVED_SIZE (16u << 20)     /* lines of one commit */
#define GATHER_NS (50 * TIME_MS)      /* a run goes up when its first message waits this long */

/* ---- memory.c: big blocks straight from the system: untouched pages cost nothing, and they go back at once. */
MUST_USE enum err memory_map(struct arena *arena, size_t size);
void memory_unmap(struct arena *arena);
/* Cuts a part off without touching it. The caller has counted: it fits. */
struct arena memory_carve(struct arena *from, size_t size);

/* ---- clock.c */
time_ns monotonic_ns(void);
struct timespec monotonic_spec(time_ns at);
/* Milliseconds for poll until a monotonic time, rounded up; -1 for TIME_NEVER. */
int poll_timeout(time_ns until);

/* ---- ring.c: byte strings in order, in memory of fixed size. No lock. */
struct ring {
    struct arena memory;
    size_t start, used, count;
};
MUST_USE enum err ring_make(struct ring *ring, size_t size);
void ring_drop(struct ring *ring);
/* False, unchanged, when it does not fit with `reserve` bytes left free. */
bool ring_put(struct ring *ring, slice bytes, size_t reserve);
size_t ring_next_size(const struct ring *ring); /* 0 when empty */
/* Takes the next out, into room for ring_next_size bytes. */
void ring_take(struct ring *ring, char *bytes);

/* ---- queue.c: events on their way to the core: many threads put, one takes. */
struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled, room;
    struct ring ring;
    bool quit, closed, poked;
};
MUST_USE enum err queue_open(struct queue *queue);
void queue_close(struct queue *queue); /* nobody waits for room any more; what is put is dropped */
void queue_drop(struct queue *queue);
/* Waits for room. False when the queue was closed. */
bool queue_append(struct queue *queue, slice event);
/* For the core, which must not wait for itself. */
void queue_put_own(struct queue *queue, slice event);
void queue_quit(struct queue *queue);
void queue_poke(struct queue *queue); /* ends a wait: something is due earlier than it was */
/* Waits until there is an event, a first quit, or the monotonic time is reached. */
void queue_wait(struct queue *queue, time_ns until, bool quitting);
/* One event into `bytes`; false when there is none or it does not fit into `size`. */
bool queue_take(struct queue *queue, char *bytes, size_t size, size_t *taken);
bool queue_is_quit(struct queue *queue);
bool queue_is_empty(struct queue *queue);

/* ---- mailbox.c: commands on their way to one worker. */
struct mailbox {
    pthread_mutex_t lock;
    struct ring ring;
    int wake;   /* eventfd, readable while there are commands */
    bool woken; /* `wake` was written and not yet read */
    int urgent; /* eventfd, readable once an ABORT waits or the worker is cut */
    atomic_bool abort_waits;
};
MUST_USE enum err mailbox_open(struct mailbox *mailbox);
void mailbox_drop(struct mailbox *mailbox);
bool mailbox_put(struct mailbox *mailbox, slice command, enum command_kind kind); /* false: it is full */
void mailbox_hurry(struct mailbox *mailbox);
/* The next command, read into the arena; false when there is none. */
bool mailbox_take(struct mailbox *mailbox, struct command *command, struct arena *arena);

/* ---- A channel and its worker. */
enum cut { CUT_NO, CUT_ABORT, CUT_DROP };

struct gather { /* messages that go up as one run */
    struct message *messages;
    size_t count;
    time_ns due; /* monotonic; TIME_NEVER when empty */
};

struct store_wait { /* the C-STORE request that is out */
    bool waits;
    uint16_t message_id;
    slice sop_instance_uid;
};

struct worker {
    struct driver *driver;
    struct arena memory;   /* the whole of it; the worker itself stands at its front */
    struct arena keep;     /* for the channel's life */
    struct arena scratch;  /* one command or message */
    struct arena incoming; /* of the messages gathered */
    struct buffer event;  /* an event being written */
    struct buffer bytes;  /* a message being written or read */
    int64_t channel;
    enum protocol protocol;
    bool asked;           /* the peer opened it */
    struct mailbox mailbox;
    struct association *association; /* set and unset under the lock of channels */
    struct association *outbound;    /* a relay's, to the destination; likewise */
    int fd;               /* MLLP; -1 none */
    atomic_int cut;       /* enum cut */
    struct asked request; /* asked: what it asks for */
    struct command open;  /* not asked: what to open */
    enum accept accept;
    int64_t job;
    struct contexts contexts; /* as answered */
    struct gather gather;
    struct store_wait store;
    struct arena bulk;    /* data set of an incoming object; mapped at the first */
    bool over;            /* the session ends, by `cause` */
    enum closed cause;
    uint64_t files;       /* written for the spool */
    time_ns moved_at;     /* last sign of life, monotonic */
};

/* ---- channels.c */
struct channels {
    pthread_mutex_t lock;
    pthread_cond_t left;
    struct worker *list[CHANNELS_LIMIT];
    size_t count;
    int64_t last_asked; /* even */
    bool stopping;
};
void channels_init(struct channels *channels);
/* Makes a worker; asked ones get a number. Null: no room, or stopping. */
struct worker *worker_make(struct driver *driver, enum protocol protocol, bool asked);
/* Lets it run: from now on it is its own thread's. ERR_LIMIT: the worker is gone, and not told of. */
MUST_USE enum err worker_start(struct worker *worker);
void worker_drop(struct worker *worker);
/* Hands a command to the channel's worker; one that ended does not matter. */
void channels_deliver(struct driver *driver, int64_t channel, slice command, enum command_kind kind);
void channels_cut_all(struct driver *driver, enum cut how);
void channels_close_all(struct driver *driver);
/* The worker's last act but dropping itself. */
void channels_leave(struct worker *worker);
/* True when none is left at `until` (monotonic). */
bool channels_wait(struct driver *driver, time_ns until);

/* ---- worker.c: what DICOM and MLLP workers share. */
void worker_run(struct worker *worker);             /* the thread */
void worker_post(struct worker *worker, struct event *event); /* channel and protocol filled in */
void worker_end(struct worker *worker, enum closed cause);    /* the first cause stays */
void worker_end_by_error(struct worker *worker, enum err err);
/* Waits for the socket, an abort or cut, `until`, and if `commands` for any command; true when the socket has something. */
bool worker_wait(struct worker *worker, int fd, bool has_data, time_ns until, bool commands);
/* Replaces them by a deep copy in the arena. */
MUST_USE enum err worker_copy_contexts(struct contexts *contexts, struct arena *arena);
/* Waits for ACCEPT, REJECT, CLOSE or ABORT; false when none came in time. Contexts then live in `keep`. */
bool worker_await_answer(struct worker *worker, struct command *answer);

/* ---- session.c: an association that the actor talks on. */
/* For association and outbound: another thread may interrupt what is set. */
void worker_set_association(struct worker *worker, struct association **slot, struct association *association);
void dicom_asked(struct worker *worker);
void dicom_open(struct worker *worker);
void dicom_session(struct worker *worker);
void dicom_reject(struct worker *worker, uint8_t result, uint8_t source, uint8_t reason);

/* ---- receive.c */
/* Reads one message (or the end) and posts what is to be posted. The arena `incoming` is cleared when a message is
 * begun and none is gathered. */
void dicom_receive(struct worker *worker);
/* Reads a command set, or one fragment of the kind that is due; false when the session is over. */
MUST_USE bool dicom_read_command(struct worker *worker, struct dimse *message, bool *has_data);
MUST_USE bool dicom_read_fragment(struct worker *worker, struct fragment *fragment, enum incoming due);
/* Puts a message that lives in `incoming` into the run, and posts the run when it need not wait. */
void gather_add(struct worker *worker, const struct dimse *message);
void gather_flush(struct worker *worker);
struct message *gather_slot(struct worker *worker);
enum syntax syntax_of(slice transfer_syntax); /* of what is not pixel data: encapsulated ones are explicit little */

/* ---- incoming_object.c: a C-STORE request and its data. */
void dicom_receive_object(struct worker *worker, struct dimse *message, bool has_data);
/* Reads a data set to its end and throws it away; false when the session ended. */
bool dicom_drain(struct worker *worker);

/* ---- send.c */
void dicom_send(struct worker *worker, const struct command *command);
/* Writes command set and identifier. */
MUST_USE enum err dicom_write(struct worker *worker, struct association *association, const struct dimse *message, const struct context *context);

/* ---- objects.c */
MUST_USE enum err objects_make(const struct driver *driver, const struct object *object, slice transfer_syntax, struct object_bytes *out);
void objects_drop(const struct driver *driver, const struct object *object, struct object_bytes *bytes);
MUST_USE enum err objects_take(const struct driver *driver, slice dataset, struct object *object, struct arena *arena);
/* Writes a DICOM file of these bytes; fsync when `safe`. */
MUST_USE enum err objects_write_file(const char *path, slice dataset, const struct object *object, bool safe);

/* ---- mllp_worker.c */
void worker_set_fd(struct worker *worker, int fd); /* as worker_set_association */
void mllp_asked(struct worker *worker);
void mllp_open(struct worker *worker);

/* ---- pace.c */
void pace_request(struct worker *worker, enum dimse_kind kind); /* before the actor hears of it */
time_ns pace_take(struct driver *driver, size_t bytes);         /* when so many bytes have left; 0: at once */
void pace_sent(struct worker *worker, time_ns until);

/* ---- relays.c: the jobs that holders may come for. */
struct destination { /* our association to where a job goes; moves from one holder's association to the next */
    struct association *association; /* null: none */
    struct contexts contexts;        /* as answered, in `memory` */
    struct arena memory;
    uint16_t message_id;
};
struct relay_entry {
    struct relay *relay; /* null: the entry is free */
    struct arena memory;
    int64_t job;
    unsigned workers;    /* holders' associations on it */
    unsigned passing;    /* instances on their way */
    unsigned posting; /* events of workers between the relay and the queue */
    bool closed, told;   /* closed: RELAY_END or deadline; told: RELAYED with its end was posted */
    char why[128];
    struct destination spare; /* between two holders' associations */
};
struct relays {
    pthread_mutex_t lock;
    pthread_cond_t released;
    unsigned releasing;  /* destinations that are being released in the background */
    struct relay_entry entries[RELAYS_MAX];
    size_t end;          /* entries that were ever used */
};
void relays_init(struct relays *relays);
void relays_begin(struct driver *driver, const struct relay_job *job);
void relays_end(struct driver *driver, int64_t job);
/* Posts what is due, ends jobs whose deadline passed. Returns when it must be called next, in scenario time. */
time_ns relays_tick(struct driver *driver, time_ns now_ns);
void relays_drop(struct driver *driver);
/* A holder came: null when the job takes none any more. The spare destination comes along. */
struct relay_entry *relays_enter(struct driver *driver, int64_t job, struct destination *destination);
/* The destination cannot be reached: the job ends, unless another association is passing for it. */
void relays_fail(struct worker *worker, struct relay_entry *entry, const char *why);
/* It goes; a destination that is whole becomes the spare one, or is released. */
void relays_leave(struct worker *worker, struct relay_entry *entry, struct destination *destination);
/* As relay_offer and relay_took, under the lock, with what must be posted posted. */
uint16_t relays_offer(struct worker *worker, struct relay_entry *entry, slice sop_instance_uid, slice study_uid);
void relays_took(struct worker *worker, struct relay_entry *entry, slice sop_instance_uid, uint16_t status, int64_t size);
void destination_release(struct driver *driver, struct destination *destination); /* waits for the answer */
void destination_abort(struct destination *destination);

/* ---- relay_worker.c */
void relay_session(struct worker *worker);

/* ---- journal.c: format and writing; replay.c reads. */
#define JOURNAL_VERSION 1u
enum journal_kind { JOURNAL_START = 'S', JOURNAL_RECORD = 'R', JOURNAL_EVENT = 'E', JOURNAL_COMMIT = 'C', JOURNAL_OUT = 'O', JOURNAL_END = 'X' };
#define JOURNAL_HEAD 9u /* kind, u32 size, u32 check */
struct journal {
    int fd; /* -1: none is kept */
    struct buffer buffer;
};
uint32_t journal_check(enum journal_kind kind, slice bytes);
MUST_USE enum err journal_open(struct journal *journal, const char *folder, int64_t life, struct arena *arena);
void journal_add(struct journal *journal, enum journal_kind kind, slice bytes); /* flushes itself when full */
void journal_add_start(struct journal *journal, int64_t life, time_ns at_ns, uint64_t restored, const struct store_meta *before);
void journal_add_commit(struct journal *journal, int64_t step, uint64_t command_hash, uint64_t digest, time_ns at_ns);
void journal_add_out(struct journal *journal, int64_t step, time_ns at_ns);
MUST_USE enum err journal_flush(struct journal *journal); /* hands all to the kernel */
void journal_close(struct journal *journal);

/* A command kept for later: u32 size, i64 step, then its bytes. False when the buffer is full. */
#define COMMAND_HEAD 12u
bool command_keep(struct buffer *buffer, const struct command *command, int64_t step);

/* ---- accept.c */
struct acceptor {
    pthread_t thread;
    bool running;
    int wake; /* eventfd */
    atomic_bool listen, stop;
    struct front_door *door;
    int mllp; /* listener, -1 none */
    uint16_t dicom_port, hl7_port;
    struct arena memory;
};
MUST_USE enum err acceptor_open(struct driver *driver, char why[256]);
MUST_USE enum err acceptor_start(struct driver *driver);
void acceptor_listen(struct driver *driver, bool listen);
void acceptor_stop(struct driver *driver);

/* ---- control.c */
struct control {
    pthread_t thread;
    bool running;
    int wake, signals; /* eventfd, signalfd */
    struct arena memory;
};
MUST_USE enum err control_start(struct driver *driver);
void control_stop(struct driver *driver);

/* ---- core.c and dispatch.c */
struct core {
    struct actor *actor;
    struct out *out;
    struct arena memory;      /* of everything here */
    struct arena step;        /* scratch of one step */
    struct arena event;       /* the event being stepped, a command being obeyed */
    char *event_bytes, *own_bytes; /* EVENT_SIZE_MAX each: the one being stepped, one of the core's own */
    struct buffer commands;   /* of this commit, as command_keep puts them */
    struct buffer observed;   /* lines of this commit */
    struct buffer line;       /* a trace line */
    struct journal journal;
    struct store *store;
    bool in_transaction;
    struct store_meta meta;   /* of what is committed next; step counts the steps of this life */
    time_ns last_ns;
    int trace; /* descriptor, -1 none */
};
MUST_USE enum err core_open(struct driver *driver, char why[256]);
MUST_USE enum err core_run(struct driver *driver, char why[256]);
void core_close(struct driver *driver, bool orderly);
/* Obeys the commands of this commit, in order. */
void dispatch_all(struct driver *driver);
/* An event of the core's own, for a later step. */
void core_post(struct driver *driver, const struct event *event);
/* All of it, to a descriptor that may be a pipe. */
MUST_USE enum err write_whole(int fd, slice bytes);

struct driver {
    struct driver_config config;
    struct queue queue;
    struct channels channels;
    struct relays relays;
    struct acceptor acceptor;
    struct control control;
    struct core core;
    time_ns origin_ns;
    struct arena memory;
    bool quitting; /* the core's own */
    _Atomic uint64_t paced;        /* requests */
    _Atomic int64_t line_free_at;  /* monotonic */
};
time_ns driver_now(const struct driver *driver);
/* One line on stderr: "12.041s  pacs_uhw  text". No patient attribute in it. */
void driver_log(const struct driver *driver, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
