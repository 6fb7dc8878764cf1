/* SPDX-License-Identifier: MIT
 *
 * Actor: the one shape of everything pure (engine, node, RIS, viewer). Events in; commands, records and
 * observations out. It reads no clock, opens no socket, starts no thread and allocates nothing after its
 * init: the same events in the same order give the same outputs, byte for byte. A driver (src/wire, later
 * sim/virtual) turns the world into events and commands into the world. Not thread-safe: one actor, one thread.
 *
 * Channels. A channel is one association or one MLLP connection. The opener chooses odd numbers, the driver
 * even ones for ASKED; none is used twice in one life. A channel ends with exactly one of REFUSED (it never
 * opened) or CLOSED, whatever happens; after CLOSE, ABORT or REJECT the driver still sends CLOSED.
 *
 * Runs. SEND carries one message or a run: up to RUN_MAX of one kind on one channel (C-FIND responses,
 * C-STORE requests, their responses). A run arrives as one RECEIVED; C-STORE requests are answered in one
 * RECEIVED of responses, in order (on the wire gathered up to RUN_MAX or 50 ms). Nothing may depend on where a run is cut.
 * RUN_MAX counts messages. A message of a span (struct object) stands for many instances: where there are spans, in the
 * virtual world, one run may hold RUN_INSTANCES_MAX of them; a run size that somebody asked for counts instances.
 *
 * Memory. Slices in an event are good during the step. Slices in `out` must live in out->arena or in the
 * actor; the driver copies what it keeps before the next step. */
#ifndef PONT_ACTOR_ACTOR_H
#define PONT_ACTOR_ACTOR_H

#include "src/base/time.h"
#include "src/dicom/dimse.h"
#include "src/hl7/hl7.h"

#define RUN_MAX 64
#define RUN_INSTANCES_MAX 1024
#define OUT_COMMANDS_MAX 512      /* in one step */
#define OUT_RECORDS_MAX 4096
#define OUT_OBSERVATIONS_MAX 4096


enum protocol { PROTOCOL_DICOM, PROTOCOL_HL7 };

/* ---- Messages. */
struct message {
    enum protocol protocol;
    struct dimse dimse;    /* PROTOCOL_DICOM */
    struct hl7_value hl7;  /* PROTOCOL_HL7 */
    slice unreadable;      /* RECEIVED: bytes of an HL7 message that hl7_read refused; the actor answers AR.
                              SEND: these bytes leave instead of hl7 (hl7_write_reject, or what a bent system says) */
};

struct run {
    const struct message *messages;
    size_t count;
};

/* ---- The plan: what the scenario wants an actor to do, and faults. One row of plan.jsonl. */
enum plan_kind { PLAN_DO, PLAN_FAULT, PLAN_HEAL };

#define PLAN_ARGUMENTS_MAX 40

/* `verb` is the actor's own word (sim/ris, sim/viewer, sim/node list theirs); for FAULT and HEAL the effect
 * ("down", "hold", "ack_lost", ...). Arguments are name = text; numbers are decimal, times ns since 1970,
 * lists are joined by a backslash. */
struct plan_argument {
    slice name, value;
};
struct plan_entry {
    enum plan_kind kind;
    int64_t id;       /* row number in plan.jsonl */
    slice verb;
    struct plan_argument arguments[PLAN_ARGUMENTS_MAX];
    size_t argument_count;
};
/* Value of an argument; empty when absent. */
slice plan_get(const struct plan_entry *entry, const char *name);
int64_t plan_get_int(const struct plan_entry *entry, const char *name, int64_t otherwise);

/* ---- Relay jobs (design 3.3): pixel data go past the engine from holder to destination. */
struct relay_item {
    slice sop_instance_uid, sop_class_uid;
    uint32_t span;                    /* see struct object; 0 and 1: one instance */
};
struct relay_job {
    int64_t id;
    uint32_t holder, destination;     /* peers */
    slice called_alias;               /* AE title the holder will call us by; empty: our own */
    slice study_uid;
    const struct relay_item *items;   /* the manifest still to deliver */
    size_t item_count;
    const struct dataset *coercion;   /* elements to put, see src/dicom/splice.h; null: nothing changes */
    slice coercion_source;            /* for OriginalAttributesSequence */
    slice move_originator;            /* passed on in C-STORE-RQ */
    uint16_t move_originator_id;
    time_ns deadline_ns;
};
/* What became of one instance. */
struct relay_result {
    int64_t job;
    slice sop_instance_uid;
    uint16_t status;                  /* the destination's own; or STATUS_OUT_OF_RESOURCES_SUBOPERATIONS when it never got there */
    slice dataset_sha256, pixel_sha256; /* as delivered; empty when not */
    int64_t size;                     /* of each instance */
    uint32_t span;                    /* see struct object; 0 and 1: one instance */
};

/* ---- Events. */
enum event_kind {
    EVENT_CLOCK,    /* a timer is due, or the last record was restored */
    EVENT_PLAN,     /* plan */
    EVENT_ASKED,    /* channel, protocol, calling, called, address, contexts: answer with ACCEPT or REJECT */
    EVENT_OPENED,   /* channel, contexts (answered): our OPEN succeeded */
    EVENT_REFUSED,  /* channel, refusal, reason: our OPEN failed */
    EVENT_RECEIVED, /* channel, run */
    EVENT_ROOM,     /* channel: a SEND of DIMSE responses has left; the next run of a long answer may go */
    EVENT_CLOSED,   /* channel, cause */
    EVENT_RELAYED,  /* job, results, relay_ended, relay_text */
    EVENT_STORED,   /* channel, object: a spooled object is safe on disk; its request was RECEIVED just before and is answered now */
    EVENT_OPERATOR, /* plan.verb and arguments: what a person at the console wants */
    EVENT_KIND_COUNT
};
enum refusal { REFUSAL_NO_ROUTE, REFUSAL_TIMEOUT, REFUSAL_TRANSIENT, REFUSAL_PERMANENT, REFUSAL_PROTOCOL };
enum closed { CLOSED_RELEASED, CLOSED_ABORTED_BY_PEER, CLOSED_ABORTED_BY_US, CLOSED_LOST, CLOSED_TIMEOUT };

struct event {
    enum event_kind kind;
    time_ns at_ns;        /* scenario time; never earlier than that of the event before */
    int64_t sequence;     /* counts from 1 in one life */
    int64_t channel;
    enum protocol protocol;
    slice calling, called, address;
    struct contexts contexts;
    enum refusal refusal;
    uint8_t reject_result, reject_source, reject_reason; /* REFUSED by an A-ASSOCIATE-RJ (PS3.8 9.3.4) */
    enum closed cause;
    struct run run;
    int64_t job;
    const struct relay_result *results;
    size_t result_count;
    bool relay_ended;
    slice relay_text;     /* for people: why it ended; before its end a finding (what came that should not have) */
    time_ns lead_ns;      /* RECEIVED of C-STORE requests, where there are spans: so long ago the first instance of the run came */
    struct object object;
    struct plan_entry plan;
};

/* ---- Commands. */
enum command_kind {
    COMMAND_OPEN,      /* channel, protocol, peer, calling, called, contexts, timeout_ns */
    COMMAND_ACCEPT,    /* channel, accept, job, contexts (answered) */
    COMMAND_REJECT,    /* channel, reject_* */
    COMMAND_SEND,      /* channel, run */
    COMMAND_CLOSE,     /* channel: release, after what was sent */
    COMMAND_ABORT,     /* channel */
    COMMAND_RELAY,     /* relay: from now on its holder may come */
    COMMAND_RELAY_END, /* job */
    COMMAND_NOTE,      /* text: for the log; no patient attribute in it */
    COMMAND_LISTEN,    /* flag: stop (false) or resume (true) accepting connections; nodes that go down */
    COMMAND_DROP_ALL,  /* every channel is cut without a goodbye: the process "crashed" inside */
    COMMAND_DISCARD,   /* text: file of a spooled object that no row names any more */
    COMMAND_KIND_COUNT
};
enum accept { ACCEPT_SERVE, ACCEPT_SPOOL, ACCEPT_RELAY };

struct command {
    enum command_kind kind;
    int64_t channel;
    enum protocol protocol;
    uint32_t peer;             /* index in the driver's table of peers */
    slice calling, called;     /* AE titles of OPEN */
    struct contexts contexts;
    time_ns timeout_ns;        /* OPEN: until answered; 0: the driver's default of 10 s */
    uint32_t span;             /* OPEN, where there are spans (struct object): it stands for so many associations, one after the
                                  other, with one instance each of the span that is sent on it; 0 and 1: one */
    enum accept accept;
    int64_t job;
    struct relay_job relay;
    struct run run;
    uint8_t reject_result, reject_source, reject_reason;
    slice text;
    bool flag;
    bool one_by_one;           /* SEND of C-STORE requests: next one only after the answer (always so on the wire) */
};

/* ---- Records: the durable rows of the engine (src/engine/records.def). Others emit none. */
#define RECORD_COLUMNS_MAX 24
struct record_value {
    slice text;      /* TEXT columns */
    int64_t integer; /* INTEGER columns */
};
struct record {
    uint16_t table;  /* enum record_table of src/engine/records.h */
    bool deleted;    /* the row with this key goes; only key columns are set */
    struct record_value values[RECORD_COLUMNS_MAX];
};

/* ---- Observations (observation.def). */
enum observation_kind {
#define OBSERVATION(name, text, fields) OBSERVATION_##name,
#include "src/actor/observation.def"
#undef OBSERVATION
    OBSERVATION_COUNT
};
struct observation {
    enum observation_kind kind;
    time_ns at_ns;
    slice actor;  /* who emits it: the node's name; filled by the driver when empty */
    slice peer;   /* AE title or name of the other side */
    slice person; /* the scenario's id of the person, where the emitter knows the truth */
    slice nhs, patient_id, issuer, other_id, other_issuer, name;
    slice accession, study_uid, series_uid, sop_uid, modality, text;
    slice dataset_sha256, pixel_sha256;
    int64_t count, number, latency_ns;
    int64_t span; /* truth_instance, delivered, instance_gone, rejected: so many instances from sop_uid on (struct object); 0 and 1: one */
    bool flag;
};
const char *observation_text(enum observation_kind kind); /* the row's name: "delivered" */
bool observation_from_text(slice name, enum observation_kind *kind);

/* ---- What a step puts out, in order inside each list. */
struct out {
    struct arena *arena; /* scratch of the step, owned by the driver */
    struct command commands[OUT_COMMANDS_MAX];
    size_t command_count;
    struct record records[OUT_RECORDS_MAX];
    size_t record_count;
    struct observation observations[OUT_OBSERVATIONS_MAX];
    size_t observation_count;
    bool full; /* something did not fit: the driver stops with ERR_LIMIT, having let nothing out */
};
/* The next free slot, zeroed but for its kind; when full a slot that nobody reads, and `full` is set. */
struct command *out_command(struct out *out, enum command_kind kind);
struct record *out_record(struct out *out, uint16_t table);
struct observation *out_observe(struct out *out, enum observation_kind kind, time_ns at_ns);
/* Sends one DIMSE message or HL7 value, deep-copied into out->arena. */
void out_send_dimse(struct out *out, int64_t channel, const struct dimse *message);
void out_send_hl7(struct out *out, int64_t channel, const struct hl7_value *value);
/* NOTE from words and numbers: "%s" slice-free; text is copied. */
void out_note(struct out *out, slice text);
void out_clear(struct out *out);

/* ---- The actor as a driver sees it. */
struct actor {
    void *self;
    /* Takes one event and puts what must be done about it into `out`. ERR_LIMIT when the actor's own memory
     * is full: the run ends. */
    enum err (*step)(void *self, const struct event *event, struct out *out);
    /* When CLOCK must come at the latest; TIME_NEVER when nothing waits. */
    time_ns (*due)(const void *self);
    /* Puts one durable row back, before the first event; null for actors without records. After the last
     * one the driver sends CLOCK. */
    enum err (*restore)(void *self, const struct record *record);
    /* Order-free digest over the durable rows; null for actors without records. */
    uint64_t (*digest)(const void *self);
};

/* A peer as actor and driver both know it: actors name peers by index. */
struct peer {
    slice name;          /* the scenario's id: "pacs_uhw" */
    slice aet;           /* its AE title */
    slice host;          /* numeric address */
    uint16_t dicom_port, hl7_port; /* 0: none */
};

#endif
