/* SPDX-License-Identifier: MIT
 *
 * The engine inside: its parts, the doors between them, and the small helpers they share. engine.c only hands
 * events to modules; a module owns its own state (struct x_state, opaque to the others) and reaches the rest by
 * the functions here. Private to src/engine. */
#ifndef PONT_ENGINE_PRIVATE_H
#define PONT_ENGINE_PRIVATE_H

#include <assert.h>

#include "src/base/buffer.h"
#include "src/base/hash.h"
#include "src/dicom/charset.h"
#include "src/dicom/match.h"
#include "src/dicom/uid.h"
#include "src/engine/engine.h"
#include "src/engine/mutant.h"
#include "src/engine/registry.h"
#include "src/engine/state.h"

#define CHANNELS_MAX 4096
#define NODES_MAX 128
#define NODE_NONE UINT32_MAX

/* ---- Channels: what each open association or MLLP link is for. */
enum channel_kind {
    CHANNEL_FREE,
    CHANNEL_CLIENT, /* inbound: a client asks us (C-FIND, C-MOVE, C-GET, C-ECHO) */
    CHANNEL_RELAY,  /* inbound: a holder brings what a relay job ordered; the data pass us by */
    CHANNEL_SPOOL,  /* inbound: objects pushed to us */
    CHANNEL_HL7,    /* inbound MLLP link */
    CHANNEL_FIND,   /* outbound: source_find; subject: its slot */
    CHANNEL_MOVE,   /* outbound: the C-MOVE of a job; subject: the demand */
    CHANNEL_COMMIT, /* outbound: storage commitment of a demand; subject: the demand */
    CHANNEL_FORWARD, /* outbound: spooled objects on their way home; subject: the home's node + 1 */
    CHANNEL_PROBE,  /* outbound: is the node alive? */
    CHANNEL_KINDS
};
struct channel {
    int64_t number;
    enum channel_kind kind;
    uint32_t node;      /* the other side; NODE_NONE when it is no node of ours */
    int64_t subject;
    bool open;          /* OPENED came, or we accepted */
    slice calling;      /* inbound: as it called itself, copied, at most 16 bytes */
    char calling_text[17];
    int64_t job;        /* CHANNEL_RELAY */
    uint32_t next;      /* slot */
};
/* Null when the number names no channel. The pointer is good until the channel ends. */
struct channel *channel_find(struct engine *engine, int64_t number);
/* Begins an outbound association and counts it in the node's window, whether or not there is room there (ask
 * health_gate first). 0 when the table of channels is full. `classes`: abstract syntaxes to propose. */
int64_t channel_open(struct engine *engine, struct out *out, uint32_t node, enum channel_kind kind, int64_t subject, const slice *classes,
                     size_t class_count, time_ns timeout_ns);
/* The same with contexts of the caller's (in out->arena). */
int64_t channel_open_contexts(struct engine *engine, struct out *out, uint32_t node, enum channel_kind kind, int64_t subject, struct contexts contexts,
                              time_ns timeout_ns);
/* After these the driver still sends CLOSED; the module hears of it unless it set subject to 0. */
void channel_close(struct engine *engine, struct out *out, int64_t number);
void channel_abort(struct engine *engine, struct out *out, int64_t number);

/* ---- Timers. A timer cannot be taken back: when it fires its module looks whether it still means anything. */
enum timer_kind { TIMER_FIND, TIMER_PUBLISH, TIMER_HEALTH, TIMER_HL7, TIMER_MDT, TIMER_QUERY, TIMER_RETRIEVE, TIMER_PRIORS, TIMER_SPOOL, TIMER_KINDS };
void timer_set(struct engine *engine, enum timer_kind kind, int64_t subject, time_ns at_ns);

/* ---- The engine. */
struct timer {
    time_ns at_ns;
    uint64_t order;
    enum timer_kind kind;
    int64_t subject;
};
struct engine {
    const struct engine_config *config;
    struct arena *arena;
    time_ns now;
    const char *exhausted; /* the limit that was hit although nobody asked before; ends the run */
    bool restored;         /* the first CLOCK came */
    struct registry *registry;
    struct channel *channels;
    uint32_t *channel_heads, channel_free, channel_bound, channel_count; /* bound: ever in use */
    int64_t channel_last;  /* odd */
    struct timer *timers;
    size_t timer_count, timer_max;
    uint64_t timer_order;
    uint32_t inbound_count;
    int64_t audit_lsn;     /* last of the chain, with its hash */
    char audit_hash[SHA256_TEXT_SIZE + 1];
    /* Each module's own; made by its x_init in the engine's arena. */
    struct health_state *health;
    struct find_state *find;
    struct hl7_state *hl7;
    struct publish_state *publish;
    struct spool_state *spool;
    struct mdt_module *mdt;
    struct query_state *query;
    struct retrieve_state *retrieve;
    struct priors_state *priors;
};

/* Room at a node, or the node is back: who waits for it goes on, questions first. */
void engine_pump(struct engine *engine, struct out *out, uint32_t node);

/* ---- Helpers (helpers.c). Text is made in out->arena; when that is full, out->full is set and "" comes back. */
slice text_join(struct out *out, const slice *parts, size_t count);
#define TEXT(out, ...) text_join((out), (const slice[]){__VA_ARGS__}, sizeof((const slice[]){__VA_ARGS__}) / sizeof(slice))
slice text_int(struct out *out, int64_t number);
slice text_copy(struct out *out, slice text);
/* The first `size` bytes at most, never half a character. */
slice text_clip(slice text, size_t size);
/* "a\b\c" with `part` added once; texts that have it come back as they are. */
slice text_list_add(struct out *out, slice list, slice part);
bool text_list_has(slice list, slice part);
/* Index of the node by name or by title; NODE_NONE. */
uint32_t node_by_name(const struct engine *engine, slice name);
uint32_t node_by_aet(const struct engine *engine, slice aet);
const struct node_config *node_at(const struct engine *engine, uint32_t node);
const struct organisation *node_organisation(const struct engine *engine, uint32_t node);
/* Organisation by patient issuer or by accession issuer (either spelling); null. */
const struct organisation *organisation_by_issuer(const struct engine *engine, slice issuer);
/* The PACS of the organisation that holds originals, in order of configuration from `after` + 1 (NODE_NONE: from the start). */
uint32_t organisation_source(const struct engine *engine, const struct organisation *organisation, uint32_t after);
bool node_has(const struct engine *engine, uint32_t node, enum dialect dialect);
/* A source broke a rule or a mitigation bit: the record, and a NOTE without patient attributes. */
void finding(struct engine *engine, struct out *out, uint32_t node, slice what, slice text);
/* Opens a review case once; a second call with the same kind and key changes nothing. */
void review_open(struct engine *engine, struct out *out, slice kind, slice key, slice text);
void review_close(struct engine *engine, struct out *out, slice kind, slice key);

/* ---- identity.c: who is who. */
#define ISSUER_NHS SLICE("NHS")
#define ISSUER_PONT SLICE("PONT")
bool nhs_number_is_valid(slice number); /* ten digits, modulus 11 */
/* The person a number names, through merges; 0 when unknown. Issuer is never guessed: an empty one names nobody. */
int64_t identity_person(const struct engine *engine, slice issuer, slice value);
/* The person she is now, through merges; 0 when unknown. */
int64_t identity_survivor(const struct engine *engine, int64_t person);
bool identity_row(const struct engine *engine, int64_t person, struct row_person *row);
/* Her nth (from 0) number inside an issuer; empty when there is none. */
slice identity_number(const struct engine *engine, int64_t person, slice issuer, size_t nth);
/* A case told under a number that was merged away goes with the number when that is given back. */
void identity_told_case(struct engine *engine, struct out *out, const struct hl7_value *value, slice meeting);
/* The name rule of design 3.2 against her present, previous and maiden names. `name` is a DICOM PN in UTF-8. */
bool identity_has_name(const struct engine *engine, int64_t person, slice name, struct arena *scratch);
/* What an HL7 message says about persons. Returns the person, 0 when it names none; *refuse is a sentence when
 * the message cannot be applied. */
int64_t identity_apply(struct engine *engine, struct out *out, const struct hl7_value *value, time_ns event_at, slice *refuse);

/* ---- access.c */
/* Checks ASKED and answers it with ACCEPT or REJECT; makes the channel. */
void access_asked(struct engine *engine, const struct event *event, struct out *out);
/* Writes the audit record; call it BEFORE the effect. False when it cannot be written: then the effect must not happen. */
bool access_audit(struct engine *engine, struct out *out, slice event, slice outcome, slice who, slice what, slice why);
void access_restored(struct engine *engine, const struct record *record); /* a row of audit came back */

/* ---- health.c: breaker, association window, probes, per node. */
void health_taken(struct engine *engine, uint32_t node); /* by channel_open: one more association is under way */
enum gate { GATE_OPEN, GATE_BUSY, GATE_DOWN };
MUST_USE enum err health_init(struct engine *engine);
void health_restored(struct engine *engine, struct out *out);
/* May one more association be opened to the node? BUSY: its window is used up, health calls x_pump when there
 * is room again. DOWN: its breaker is open, a probe finds out when it is back, then x_pump is called. */
enum gate health_gate(const struct engine *engine, uint32_t node);
enum gate health_gate_bulk(const struct engine *engine, uint32_t node); /* for C-MOVE: leaves one place to questions where there are two */
bool health_is_down(const struct engine *engine, uint32_t node);        /* breaker not closed */
void health_worked(struct engine *engine, struct out *out, uint32_t node);                /* an operation ended as it should */
void health_failed(struct engine *engine, struct out *out, uint32_t node, slice why);     /* no answer, lost, cannot connect */
void health_opened(struct engine *engine, struct out *out, uint32_t node);                /* by engine.c, all four */
void health_refused(struct engine *engine, struct out *out, uint32_t node, const struct event *event);
void health_released(struct engine *engine, struct out *out, uint32_t node);
void health_event(struct engine *engine, const struct event *event, struct out *out, struct channel *channel);
/* False for a timer that means nothing any more. */
bool health_waits(const struct engine *engine, int64_t subject);
void health_timer(struct engine *engine, struct out *out, int64_t subject);
uint32_t health_row_cap(const struct engine *engine, uint32_t node); /* known or learnt; 0: none */
void health_learn_row_cap(struct engine *engine, struct out *out, uint32_t node, uint32_t cap);

/* ---- source_find.c: one question to one node in its dialect, the answer made uniform. */
enum find_level { FIND_PATIENT, FIND_STUDY, FIND_SERIES, FIND_IMAGE };
enum find_outcome {
    FIND_COMPLETE, /* everything the node has for the question was told */
    FIND_CAPPED,   /* the node cuts its answers and splitting did not help */
    FIND_TIMEOUT,  /* nothing final before the deadline */
    FIND_REFUSED,  /* it answered with a failure status */
    FIND_SKIPPED,  /* not asked: see why (breaker open, queue full) */
    FIND_DOWN      /* no connection, or lost */
};
enum find_owner { FIND_OF_PUBLISH, FIND_OF_QUERY, FIND_OF_RETRIEVE, FIND_OF_HEALTH, FIND_OF_MDT, FIND_OF_SPOOL, FIND_OWNERS };
struct find_question {
    uint32_t node;
    enum find_level level; /* FIND_PATIENT is asked as FIND_STUDY, rows come one a study */
    /* Keys and wanted attributes. UTF-8. PatientID and AccessionNumber as the node's organisation writes them
     * (its local number; no padding, no prefix: the dialect adds them). An issuer key is not sent. Always give
     * the parent UIDs you know: below STUDY StudyInstanceUID, at IMAGE also SeriesInstanceUID; where they are
     * absent source_find walks down itself. */
    const struct dataset *keys;
    time_ns deadline_ns;   /* absolute; the queue is served earliest deadline first */
    enum find_owner owner;
    int64_t owner_id;      /* handed back */
};
struct find_row {
    const struct dataset *dataset; /* UTF-8, padding gone, without group 0002/QueryRetrieveLevel; good during the call */
    slice patient_id, patient_issuer; /* as the organisation writes it, and whose number it is */
    slice accession, accession_issuer;
    slice study_uid, series_uid, sop_uid;
    uint32_t span; /* level IMAGE: so many instances from sop_uid on (struct object); 0: one */
};
MUST_USE enum err source_find_init(struct engine *engine);
/* Copies the question. Returns a handle above 0; 0 when no slot is free ("finds" limit): tell the client so. Its
 * rows and its one end come by x_found_row and x_found_end of the owner, never before this call returned. */
uint32_t source_find_start(struct engine *engine, struct out *out, const struct find_question *question);
/* Nothing more will be told; the association ends. */
void source_find_cancel(struct engine *engine, struct out *out, uint32_t find);
void source_find_event(struct engine *engine, const struct event *event, struct out *out, struct channel *channel);
/* Does a timer of this subject still mean anything? */
bool source_find_waits(struct engine *engine, int64_t subject);
void source_find_timer(struct engine *engine, struct out *out, int64_t subject);
void source_find_pump(struct engine *engine, struct out *out, uint32_t node);
/* Associations that were kept long enough go. */
void source_find_expire(struct engine *engine, struct out *out);
/* Somebody else needs the place that an association kept for questions takes. */
void source_find_yield(struct engine *engine, struct out *out, uint32_t node);
slice find_outcome_text(enum find_outcome outcome); /* "timed out" */

/* ---- hl7_in.c */
MUST_USE enum err hl7_in_init(struct engine *engine);
void hl7_in_event(struct engine *engine, const struct event *event, struct out *out, struct channel *channel);
void hl7_in_timer(struct engine *engine, struct out *out, int64_t subject);
void hl7_in_restored(struct engine *engine);

/* ---- publish.c */
MUST_USE enum err publish_init(struct engine *engine);
/* ORM or ORU: the exam row. *refuse is a sentence when it cannot be applied. */
void publish_apply(struct engine *engine, struct out *out, const struct hl7_value *value, int64_t person, time_ns event_at, slice *refuse);
void publish_found_row(struct engine *engine, struct out *out, int64_t id, uint32_t find, const struct find_row *row);
void publish_found_end(struct engine *engine, struct out *out, int64_t id, uint32_t find, enum find_outcome outcome, slice why);
void publish_timer(struct engine *engine, struct out *out, int64_t subject);
void publish_restored(struct engine *engine, struct out *out);
/* Questions to the node are let through again: what waited for it goes on. */
void publish_node_up(struct engine *engine, struct out *out, uint32_t node);
/* Images of this examination came to its PACS just now, through us: looked for at once. Row of the exam. */
void publish_pushed(struct engine *engine, struct out *out, uint32_t row);
/* A person's links changed: exams frozen or waiting may go on, published ones are checked again. */
void publish_person_changed(struct engine *engine, struct out *out, int64_t person);

/* ---- lifecycle.c: tombstones. */
/* Hidden by a tombstone on its study or itself. */
bool lifecycle_hidden(const struct engine *engine, slice study_uid, slice sop_uid);
void lifecycle_reject(struct engine *engine, struct out *out, slice uid, slice code, slice origin);
/* A node that answered in full does not hold the study any more: docs/decisions/0010. */
void lifecycle_vanished(struct engine *engine, struct out *out, int64_t study, uint32_t node);
/* It does after all. */
void lifecycle_returned(struct engine *engine, struct out *out, int64_t study, uint32_t node);
/* Every original is gone: copies elsewhere are not shown either. */
bool lifecycle_is_gone(const struct engine *engine, int64_t study);
void lifecycle_operator(struct engine *engine, const struct event *event, struct out *out);

/* ---- mdt.c */
MUST_USE enum err mdt_init(struct engine *engine);
void mdt_apply(struct engine *engine, struct out *out, const struct hl7_value *value, int64_t person, slice *refuse);
void mdt_demand_changed(struct engine *engine, struct out *out, int64_t demand); /* retrieve: state or why changed */
void mdt_study_changed(struct engine *engine, struct out *out, int64_t person);  /* publish: she has a study more */
void mdt_timer(struct engine *engine, struct out *out, int64_t subject);
void mdt_restored(struct engine *engine, struct out *out);

/* ---- query.c (C-FIND SCP). Channels of kind CHANNEL_CLIENT. */
MUST_USE enum err query_init(struct engine *engine);
void query_find(struct engine *engine, const struct event *event, struct out *out, struct channel *channel, const struct dimse *request);
void query_cancel(struct engine *engine, struct out *out, struct channel *channel, uint16_t message_id);
void query_room(struct engine *engine, struct out *out, struct channel *channel);   /* ROOM: the next run may go */
void query_closed(struct engine *engine, struct out *out, struct channel *channel); /* the client is gone */
void query_found_row(struct engine *engine, struct out *out, int64_t id, uint32_t find, const struct find_row *row);
void query_found_end(struct engine *engine, struct out *out, int64_t id, uint32_t find, enum find_outcome outcome, slice why);
bool query_waits(struct engine *engine, int64_t subject);
void query_timer(struct engine *engine, struct out *out, int64_t subject);

/* ---- retrieve.c (demands, jobs, C-MOVE SCP, C-GET refusal, proofs). */
struct demand_wish {
    enum demand_reason reason;
    slice key;           /* what makes it one demand: an open one with this key is returned, not doubled */
    int64_t study;
    uint32_t destination; /* node */
    slice level, uids;   /* STUDY and empty: all */
    slice principal;
    time_ns due_at;
};
MUST_USE enum err retrieve_init(struct engine *engine);
/* Accepts a demand (or finds the open or done one of this key). 0 when refused; *why says by which limit or rule. */
int64_t retrieve_demand(struct engine *engine, struct out *out, const struct demand_wish *wish, slice *why);
/* Does the node hold the whole study, as far as we have proof? */
bool retrieve_is_at(const struct engine *engine, int64_t study, uint32_t node);
/* Are images of the study on their way there just now? */
bool retrieve_goes_to(const struct engine *engine, int64_t study, uint32_t node);
/* Does the node send us images now? Then it is there, however long its other answers take. */
bool retrieve_comes_from(const struct engine *engine, uint32_t node);
void retrieve_move(struct engine *engine, const struct event *event, struct out *out, struct channel *channel, const struct dimse *request);
void retrieve_get(struct engine *engine, const struct event *event, struct out *out, struct channel *channel, const struct dimse *request);
void retrieve_cancel(struct engine *engine, struct out *out, struct channel *channel, uint16_t message_id);
void retrieve_client_closed(struct engine *engine, struct out *out, struct channel *channel);
/* ASKED from a node for storage contexts: the open relay job it serves, 0 when none. `called` may be an alias. */
int64_t retrieve_job_of(const struct engine *engine, uint32_t node, slice called);
/* OPENED, REFUSED, RECEIVED, ROOM, CLOSED of CHANNEL_MOVE, CHANNEL_COMMIT and CHANNEL_RELAY. */
void retrieve_event(struct engine *engine, const struct event *event, struct out *out, struct channel *channel);
/* N-EVENT-REPORT of a storage commitment on an association the destination opened. */
void retrieve_committed(struct engine *engine, const struct event *event, struct out *out, struct channel *channel, const struct dimse *report);
void retrieve_relayed(struct engine *engine, const struct event *event, struct out *out);
void retrieve_found_row(struct engine *engine, struct out *out, int64_t id, uint32_t find, const struct find_row *row);
void retrieve_found_end(struct engine *engine, struct out *out, int64_t id, uint32_t find, enum find_outcome outcome, slice why);
bool retrieve_waits(struct engine *engine, int64_t subject);
void retrieve_timer(struct engine *engine, struct out *out, int64_t subject);
void retrieve_pump(struct engine *engine, struct out *out, uint32_t node); /* the node has room again, or is back */
void retrieve_restored(struct engine *engine, struct out *out);
/* The person of the study changed (merge, unlink): demands made under the old epoch are looked at again. */
void retrieve_person_changed(struct engine *engine, struct out *out, int64_t person);
/* Ends an open demand without further attempts. */
void retrieve_give_up(struct engine *engine, struct out *out, int64_t demand, slice why);
void retrieve_operator(struct engine *engine, const struct event *event, struct out *out);

/* ---- priors.c */
MUST_USE enum err priors_init(struct engine *engine);
void priors_exam_changed(struct engine *engine, struct out *out, const struct row_exam *exam);    /* ordered, scheduled, arrived, cancelled */
void priors_study_published(struct engine *engine, struct out *out, int64_t study);  /* it may be a prior of a waiting exam */
void priors_person_changed(struct engine *engine, struct out *out, int64_t person); /* by retrieve_person_changed */
bool priors_demand_is_right(const struct engine *engine, int64_t demand, int64_t person); /* of a DEMAND_PRIOR, before anything leaves */
void priors_demand_changed(struct engine *engine, struct out *out, int64_t demand);
void priors_timer(struct engine *engine, struct out *out, int64_t subject);
void priors_restored(struct engine *engine, struct out *out);
/* Relevance of a study for a case: 0 not relevant, else the score; *why in words. */
int64_t priors_relevance(const struct engine *engine, struct out *out, const struct row_exam *exam, const struct row_study *study, slice *why);

/* ---- spool.c: what is pushed to us. */
MUST_USE enum err spool_init(struct engine *engine);
/* May this node push? Then its association is CHANNEL_SPOOL. */
bool spool_takes(const struct engine *engine, uint32_t node);
void spool_event(struct engine *engine, const struct event *event, struct out *out, struct channel *channel); /* CHANNEL_SPOOL and CHANNEL_FORWARD */
void spool_stored(struct engine *engine, const struct event *event, struct out *out);
void spool_found_row(struct engine *engine, struct out *out, int64_t id, uint32_t find, const struct find_row *row);
void spool_found_end(struct engine *engine, struct out *out, int64_t id, uint32_t find, enum find_outcome outcome, slice why);
void spool_timer(struct engine *engine, struct out *out, int64_t subject);
void spool_pump(struct engine *engine, struct out *out, uint32_t node);
void spool_restored(struct engine *engine, struct out *out);

/* ---- coercion.c */
/* What must be put into every instance of the study on its way to the destination; false: nothing. `put` in out->arena. */
bool coercion_plan(const struct engine *engine, struct out *out, int64_t study, uint32_t holder, uint32_t destination, struct dataset *put,
                   slice *source);

#endif
