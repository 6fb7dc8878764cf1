/* SPDX-License-Identifier: MIT
 *
 * A client's question inside: what it asks (query_keys.c), whom we ask (query_ask.c), the rows (query_rows.c),
 * and its life (query.c). Private to these files. */
#ifndef PONT_ENGINE_QUERY_PRIVATE_H
#define PONT_ENGINE_QUERY_PRIVATE_H

#include "src/engine/coercion.h"
#include "src/engine/engine_private.h"
#include "src/engine/pool.h"

#define QUERY_SLOTS_MAX 256
#define QUERY_PERSONS_MAX 64   /* that a PatientID with wildcards may name */
#define QUERY_ROWS_MAX 10000   /* of one answer; more is said to be incomplete */
#define QUERY_COMMENT_SIZE 64  /* Error Comment is LO (PS3.7 C.4) */
#define QUERY_WHY_SIZE 1024

/* Final status of an answer whose sources did not all complete: docs/decisions/0003. */
#define STATUS_INCOMPLETE 0xC0D1u

/* The holders of a study, for viewers that want to show them: docs/decisions/0003. */
#define TAG_PONT_CREATOR 0x00990010u
#define TAG_PONT_HOLDERS 0x00991001u

struct node_set {
    uint64_t bits[NODES_MAX / 64];
};

enum ask_mode {
    ASK_BROAD,     /* the client's keys as they are */
    ASK_PERSONS,   /* each node by the numbers the persons have there */
    ASK_NUMBER,    /* a number that the registry does not know, where its issuer is */
    ASK_ACCESSION, /* an accession number, bare at its issuer, coerced elsewhere */
    ASK_STUDY,     /* study UIDs, at every node */
    ASK_NOBODY     /* the keys name nobody */
};

/* The client's keys, understood. */
struct question {
    bool patient_root;
    enum find_level level;
    struct dataset keys;       /* UTF-8 */
    enum ask_mode mode;
    int64_t persons[QUERY_PERSONS_MAX];
    size_t person_count;
    bool too_many_persons;
    struct number number;      /* ASK_NUMBER */
    struct number accession;   /* issuer: accession letters, empty when any; value without them */
    slice study_uids, series_uid;
};

struct query_row {
    struct query_row *next;
    uint64_t hash;             /* of what makes it one row */
    slice uid;                 /* study, series or instance */
    int64_t study, person;     /* 0: not in the registry, person not known */
    struct number number;      /* came with; names an unknown person */
    struct number accession;
    struct node_set holders;
    struct node_set listed;    /* whose own answer has it */
    struct node_set doubted;   /* who was asked for it by its UID, for the answer did not have it */
    struct dataset attributes; /* UTF-8 */
    int64_t studies;           /* PATIENT level: her studies after the first */
    bool keys_missing;         /* FF01 */
};

struct query_source {
    uint32_t node, find;
    size_t next;               /* number of the question to ask after the running one */
    struct query_row *doubt;   /* the running question is whether this is there still */
    bool done, queued;         /* queued: no slot was free for its question */
    enum find_outcome outcome; /* the worst so far */
    slice why;
};

struct query {
    bool used;
    int64_t id, channel;
    struct dimse request;      /* without its identifier */
    slice client;
    uint32_t client_node;
    time_ns asked_at, deadline_ns;
    struct buffer incomplete;  /* who did not complete and why; empty: all did */
    char incomplete_text[QUERY_WHY_SIZE];
    struct chain chain;
    struct question question;
    bool locating;             /* SERIES or IMAGE of a study not in the registry: its holders are looked for first */
    struct node_set detail;    /* SERIES and IMAGE: whom to ask */
    int64_t detail_study;      /* in the registry, 0 not */
    struct query_source *sources;
    size_t source_count, pending;
    struct query_row *rows;
    size_t row_count;
    bool rows_cut, memory_cut;
    bool answering;
    const struct query_row *next_row; /* to be told */
    size_t told;
};

struct query_state {
    struct pool pool;
    struct query *slots;
    size_t slot_count, slot_bound; /* at most, and ever in use: those behind are never looked at */
};

bool set_has(const struct node_set *set, uint32_t node);
void set_add(struct node_set *set, uint32_t node);
void set_cut(struct node_set *set, uint32_t node);
bool set_is_empty(const struct node_set *set);

/* ---- query_keys.c */
/* Reads the request. STATUS_SUCCESS or the status to refuse with, then *comment says why. */
uint16_t question_read(struct engine *engine, struct out *out, struct query *query, const struct dimse *request, slice *comment);
/* The person that a PatientID key names when this client says it; 0 none. */
int64_t person_of_number(const struct engine *engine, uint32_t client, slice value, slice issuer);
/* What was asked, for records: "STUDY PatientID=... StudyDate=...". */
slice question_text(const struct query *query, struct out *out);
/* Does a row with these values satisfy the keys? `names`: alternatives to PatientName, backslash between. */
bool question_matches(const struct question *question, const struct dataset *row, slice names, bool lenient, unsigned *unknown);
bool element_is_key(const struct element *element);
/* Whose number an accession is: letters of an organisation and the rest. `client`: for bare numbers. */
struct number accession_read(const struct engine *engine, slice value, slice issuer, uint32_t client);

/* ---- query_ask.c */
/* Chooses the sources and asks each its first question. False when there is no memory for it. */
bool query_ask(struct engine *engine, struct out *out, struct query *query);
/* The source's next question, or its end. */
void query_ask_next(struct engine *engine, struct out *out, struct query *query, struct query_source *source);

/* Asks those whose question found no free slot, once more. */
void query_ask_queued(struct engine *engine, struct out *out, struct query *query);

/* ---- query_rows.c */
void rows_from_registry(struct engine *engine, struct out *out, struct query *query);
void rows_from_source(struct engine *engine, struct out *out, struct query *query, uint32_t node, const struct find_row *row);
/* Puts the rows in their order; at PATIENT level one row a person. */
/* Takes out studies that another question found gone while this one was open. */
void rows_gone(const struct engine *engine, struct query *query);
void rows_order(struct query *query);
/* query_answer.c: the row as it goes to the client, in out->arena; null when that is full. */
struct dataset *row_answer(const struct engine *engine, struct out *out, const struct query *query, const struct query_row *row);
/* The person a source's row is about; 0 when not known. */
/* The person whom the row's number names, and that number with its issuer; 0 nobody. */
int64_t row_filed(const struct engine *engine, uint32_t node, const struct find_row *row, struct number *filed);
int64_t row_person(const struct engine *engine, uint32_t node, const struct find_row *row);
/* A row of the registry that its holder did not list though it answered in full; null when there is none (left). */
struct query_row *rows_doubt(const struct engine *engine, struct query *query, uint32_t node);
/* The holder was asked for it and does not have it: out of the registry's copies, and out of the answer when no original is left. */
void rows_vanished(struct engine *engine, struct out *out, struct query *query, struct query_row *row, uint32_t node);
/* Two persons among the rows? */
bool rows_conflict(const struct query *query);

#endif
