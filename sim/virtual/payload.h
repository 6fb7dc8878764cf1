/* SPDX-License-Identifier: MIT
 *
 * Payload: what is on its way from one actor to another, copied once out of the sender's step into one piece of the
 * slab, and given back when it was taken. Its hash is made while copying: the trace never walks a message twice. */
#ifndef PONT_SIM_VIRTUAL_PAYLOAD_H
#define PONT_SIM_VIRTUAL_PAYLOAD_H

#include "sim/virtual/slab.h"
#include "src/actor/actor.h"

enum payload_kind {
    PAYLOAD_RUN,      /* messages */
    PAYLOAD_ASK,      /* an association or connection is asked for */
    PAYLOAD_CONTEXTS, /* what a channel's two ends agreed on */
    PAYLOAD_END,      /* the other side ended the channel, by `cause` */
    PAYLOAD_PLAN,
    PAYLOAD_RESULTS,  /* of a relay job */
    PAYLOAD_STORED    /* a spooled object is safe */
};

struct payload {
    struct payload *next; /* in whatever list it waits */
    enum payload_kind kind;
    enum protocol protocol;
    uint64_t hash;
    int64_t bytes;        /* on the link */
    int64_t instances;
    int64_t held_back;    /* the last of them, which were not sent any more */
    int64_t parent;       /* number of the event that caused it */
    time_ns since_ns;     /* when it began to wait where it waits */
    time_ns began_ns;     /* stores: when the first of it began to leave, the holder where a relay passes it on */
    uint32_t count;       /* messages, results, contexts */
    uint8_t service;      /* enum virtual_service */
    bool responses, stores; /* of what the run is */
    bool streamed;        /* it has passed its link already, behind another */
    bool refused;         /* stores: by ourselves, no context takes them */
    enum closed cause;    /* END */
    struct dimse *dimse;  /* RUN of DICOM, STORED: `count` */
    struct message *hl7;  /* RUN of HL7 */
    struct contexts contexts;        /* ASK, CONTEXTS */
    slice calling, called, address;  /* ASK */
    struct plan_entry *plan;         /* PLAN: cut behind its last argument; copy with payload_get_plan */
    int64_t job;                     /* RESULTS */
    struct relay_result *results;
    bool ended;
    slice text;
};

/* Each gives null when the slab is full. */
struct payload *payload_make_run(struct slab *slab, enum protocol protocol, const struct message *messages, size_t count);
/* DICOM messages that are already values of ours. */
struct payload *payload_make_dimse(struct slab *slab, const struct dimse *messages, size_t count);
struct payload *payload_make_ask(struct slab *slab, enum protocol protocol, slice calling, slice called, slice address, const struct contexts *contexts);
struct payload *payload_make_contexts(struct slab *slab, const struct contexts *contexts);
struct payload *payload_make_end(struct slab *slab, enum closed cause);
struct payload *payload_make_plan(struct slab *slab, const struct plan_entry *entry);
struct payload *payload_make_results(struct slab *slab, const struct relay_result *results, size_t count);
struct payload *payload_make_text(struct slab *slab, slice text); /* RESULTS without any, with a text */

void payload_get_plan(const struct payload *payload, struct plan_entry *entry);
/* Bytes of a message on the link, an object's data set left out. */
int64_t payload_message_bytes(const struct message *message);

/* For the trace: what of a command or event is not in a payload. */
uint64_t hash_contexts(uint64_t hash, const struct contexts *contexts);
uint64_t hash_relay_job(uint64_t hash, const struct relay_job *job);
uint64_t hash_observation(uint64_t hash, const struct observation *observation);
uint64_t hash_record(uint64_t hash, const struct record *record);

#endif
