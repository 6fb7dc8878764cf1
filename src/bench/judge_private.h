/* SPDX-License-Identifier: MIT
 *
 * Judge, inside: ground truth as the world told it, open questions, the engine's rows as its record stream
 * told them. Only files of src/bench/judge*.c include this.
 *
 * Every look-up is by a map or a chain; what is walked from end to end is small (nodes, faults, sites). */
#ifndef PONT_BENCH_JUDGE_PRIVATE_H
#define PONT_BENCH_JUDGE_PRIVATE_H

#include "src/base/map.h"
#include "src/bench/judge.h"
#include "src/engine/records.h"

#define JUDGE_IDENTITIES_MAX 40000
#define JUDGE_PERSONS_MAX 20000
#define JUDGE_INSTANCES_MAX 100000
#define JUDGE_STUDIES_MAX 20000
#define JUDGE_EXAMS_MAX 20000
#define JUDGE_HOLDINGS_MAX 60000
#define JUDGE_ARRIVALS_MAX 200000
#define JUDGE_QUERIES_MAX 20000
#define JUDGE_ROWS_MAX 20000      /* shown to questions that are open */
#define JUDGE_FAULTS_MAX 1024
#define JUDGE_DEMANDS_MAX 20000
#define JUDGE_TABLE_ROWS_MAX 98304 /* taken a chunk at a time: rows are large */
#define JUDGE_TABLE_CHUNK 2048
#define JUDGE_ACKS_MAX 100000
#define JUDGE_STORY_MAX 2000
#define JUDGE_LATENCIES_MAX 20000
#define JUDGE_TALLIES_MAX 4096
#define JUDGE_NAMES_MAX 6         /* of one person */
#define JUDGE_OPEN_FINDS_MAX 64   /* at one node */
#define JUDGE_PENDING_MAX 8192    /* acknowledged instances between two commits */
#define JUDGE_SCRATCH_SIZE (1u << 18)
#define JUDGE_NONE UINT32_MAX

/* A node that was away may be thought so a little longer: its breaker opens for some seconds, then it is probed. */
#define JUDGE_GRACE_NS (10 * TIME_S)
/* A timer of the engine fires no later than this behind its time, unless the whole machine stood still. */
#define JUDGE_LATE_NS TIME_S

/* ---- Ground truth. */

/* A person of the scenario, as RADIS2 has told her so far. */
struct truth_person {
    slice id, birth_date;
    slice names[JUDGE_NAMES_MAX];     /* FAMILY^GIVEN, each once */
    bool connected[JUDGE_NAMES_MAX];  /* said to be a former name of hers, or the present one to it */
    uint32_t name_count;
    bool differs;                     /* birth dates, or more names than are kept */
    int64_t told, settled;            /* ADT messages: told to the outbox, acknowledged or refused */
    time_ns settled_at;
};

/* A number inside an issuer. Numbers that RADIS2 knows to be one person's are in one group. */
struct identity {
    slice issuer, value;
    uint32_t person;          /* truth_person, or JUDGE_NONE */
    uint32_t link;            /* its place in the groups */
    uint32_t studies;         /* first study filed under it */
    slice newest_name, stale_name; /* stale: told later, of an earlier event */
    time_ns newest_at;
};

/* Groups are trees to find the group, and rings to walk it. An identity that leaves its group takes a new link; the
 * old one stays as a joint without identity. */
struct link {
    uint32_t parent, next, identity;
};

struct truth_study {
    slice uid, accession;
    uint32_t person, site;    /* of the PACS that has it; JUDGE_NONE when unknown */
    uint32_t identity;        /* under whose number it is filed */
    uint32_t instances_first, holdings, next_uid, next_accession, next_identity;
    int64_t instances, rejected;
    time_ns first_at, rejected_at; /* rejected_at: of the last instance; TIME_NEVER while one is left */
    int64_t line;
    uint32_t shown_to, shown, row;  /* scratch of check_truth */
};

struct truth_instance {
    uint32_t study, next;
    slice sop, dataset_sha256, pixel_sha256;
    time_ns at_ns, rejected_at;
};

struct truth_exam {
    slice accession, study_uid;
    uint32_t site, person;
    bool collision;           /* two persons have an exam of this number */
    bool watched, cancelled;
    time_ns completed_at;     /* told; TIME_NEVER when not */
};

/* What a node holds of a study. */
struct holding {
    slice node;
    uint32_t study, next;
    int64_t instances;
    time_ns first_at, complete_at, gone_at; /* TIME_NEVER while incomplete; while there */
    int64_t line;
};

/* An instance at a node: how often it was brought there. */
struct arrival {
    int64_t count, life;
    time_ns at_ns;
    bool acked; /* the engine has a committed record of the node's acknowledgement */
};

/* ---- Questions. */

struct shown_row {
    slice uid, patient_id, issuer, accession, holders;
    int64_t line;
    uint32_t next, study;
};

struct question {
    slice id, viewer, patient_id, issuer, accession, study_uid, text;
    time_ns asked_at, answered_at;
    int64_t asked_line, answered_line, answers, row_count, status;
    bool flagged, watcher, study_level;
    uint32_t row_first, row_last;
};

struct retrieve {
    slice id, viewer, study_uid;
    time_ns asked_at;
    int64_t asked_line, answers;
};

struct fault_window {
    slice node, effect;
    time_ns from, until;     /* TIME_NEVER while on */
};

/* How a PACS serves, as it told it. */
struct source {
    time_ns finds[JUDGE_OPEN_FINDS_MAX]; /* received and not answered, oldest first */
    uint32_t find_count, move_count;
    time_ns failed_at, rejected_at;      /* last answer with a failure, last association refused; 0: never */
};

/* ---- The engine's rows. */

struct table_row {
    struct record record;
    char *text;
    size_t text_capacity;
    bool alive;
    uint32_t next;           /* of the same table, in the order in which they were first put */
};

/* What was asked for of a study at a node, so that what comes twice can be told from what was wanted twice. */
struct delivery {
    time_ns wished_at, job_at;
};

struct pending_ack { /* an instance acknowledged by its destination, or taken back */
    slice key;
    bool acked;
};

enum audit_event { AUDIT_QUERY, AUDIT_RETRIEVE, AUDIT_DELIVER, AUDIT_REJECT, AUDIT_MERGE, AUDIT_PUBLISH, AUDIT_OTHER, AUDIT_COUNT };

struct judge {
    const struct scenario *scenario;
    struct arena *arena;
    time_ns deadline_ns;     /* of a question; 0: not known */
    struct invariant_result invariants[INVARIANT_COUNT];
    int64_t counts[COUNT_COUNT];
    int64_t *latencies[LATENCY_COUNT];
    int64_t latency_counts[LATENCY_COUNT];
    time_ns now;

    struct truth_person *persons;
    struct identity *identities;
    struct link *links;
    struct truth_instance *instances;
    struct truth_study *studies;
    struct truth_exam *exams;
    struct holding *holdings;
    struct arrival *arrivals;
    struct question *questions;
    struct retrieve *retrieves;
    struct shown_row *rows;
    struct fault_window *faults;
    struct source *sources;  /* by node of the scenario */
    struct delivery *deliveries;
    uint32_t person_count, identity_count, link_count, instance_count, study_count, exam_count, holding_count, arrival_count, question_count,
        retrieve_count, row_count, row_free, fault_count, delivery_count;
    struct map person_map, identity_map, instance_map, study_map, uid_map, accession_map, exam_map, holding_map, arrival_map, question_map,
        retrieve_map, delivery_map;
    int64_t rows_with_two_holders, wrong_patient, silently_missing, completed_exams, adt_told;
    time_ns adt_told_at;

    /* The record stream. */
    struct table_row *table_chunks[JUDGE_TABLE_ROWS_MAX / JUDGE_TABLE_CHUNK];
    uint32_t table_row_count, table_first[TABLE_COUNT], table_last[TABLE_COUNT];
    struct map table_map;
    char *scratch;           /* texts of the row before */
    bool restoring;
    int64_t life, step, committed_step, records_of_step;
    int64_t at_step;         /* of the engine, what is judged now comes of; 0: of no step */
    bool duplicate_step;
    int64_t step_audits[AUDIT_COUNT];
    int64_t audited[AUDIT_COUNT], answers_left;
    struct map delivers_audited; /* study uid: DELIVER records not yet used, in this life */
    struct map clients_audited;  /* AE title that asked for a retrieve, in this life */
    struct map answered_map;     /* life/channel/message id whose rows left */
    struct map running_map;      /* jobs for one manifest and destination */
    char audit_hash[65];
    int64_t audit_lsn;
    slice *acks;             /* control ids with a record, in order; those below ack_committed are durable */
    uint32_t ack_count, ack_committed;
    struct map ack_map;
    int64_t *demand_ids;     /* the same of demands */
    uint32_t demand_count, demand_committed;
    struct pending_ack *pending;
    uint32_t pending_count;

    struct story_line *story;
    uint32_t story_count;
    bool story_begun;
    uint64_t outcome;
    struct quirk_tally {
        slice node, what;
        int64_t count;
        bool coped;
    } *tallies;
    uint32_t tally_count;
    struct map tally_map;
};

/* ---- judge.c */
/* Adds a case to an invariant, with lines that show it (0: none). A violation keeps its evidence first. */
void judge_case(struct judge *judge, enum invariant invariant, bool violation, const int64_t *lines, size_t line_count, const char *text, ...)
    __attribute__((format(printf, 6, 7)));
slice judge_keep(struct judge *judge, slice text);
/* a/b in `text` of JUDGE_KEY_SIZE bytes, for look-ups; judge_keep makes it last. */
#define JUDGE_KEY_SIZE 768
slice judge_key(char *text, slice a, slice b);
uint32_t judge_node(const struct judge *judge, slice id_or_aet); /* of the scenario, or JUDGE_NONE */
uint32_t judge_site(const struct judge *judge, slice issuer);    /* by its issuer or the letters of its accession numbers */
bool judge_is(const struct judge *judge, slice node, enum scenario_kind kind);
slice judge_engine(const struct judge *judge);                   /* id of the engine's node */
void judge_tally(struct judge *judge, slice node, slice what, bool coped);

/* ---- judge_person.c */
enum err judge_persons(struct judge *judge, const struct observation *seen);
uint32_t judge_identity(const struct judge *judge, slice issuer, slice value); /* or JUDGE_NONE */
uint32_t judge_put_identity(struct judge *judge, slice issuer, slice value, slice person); /* made if need be */
uint32_t judge_person(const struct judge *judge, slice id);
bool judge_same_group(const struct judge *judge, uint32_t a, uint32_t b);
/* Does the number name the person of the study? A number of the engine's own names whom it named first. */
bool judge_names(struct judge *judge, slice issuer, slice value, uint32_t study);
/* Everything that RADIS2 said of her was acknowledged before `since`, and names and birth dates leave no doubt. */
bool judge_is_certain(const struct judge *judge, uint32_t person, time_ns since);

/* ---- judge_world.c */
enum err judge_truth(struct judge *judge, const struct observation *seen, int64_t line);
enum err judge_delivered(struct judge *judge, const struct observation *seen, int64_t line);
uint32_t judge_study(const struct judge *judge, slice uid); /* first of this UID, next_uid the others */
struct truth_exam *judge_exam(struct judge *judge, slice issuer, slice accession, bool make);
struct arrival *judge_arrival(struct judge *judge, slice node, slice sop, bool make);
struct delivery *judge_delivery(struct judge *judge, slice uid, slice node); /* made if need be; null when full */

/* ---- judge_fault.c */
void judge_fault(struct judge *judge, const struct observation *seen);
/* Was the mark of incompleteness due, was it allowed? `why` says for people. */
struct flag_cause {
    bool due, allowed;
    const char *why;
};
struct flag_cause judge_flag_cause(const struct judge *judge, const struct question *question);
/* Did anything happen to this node since? `node` empty: to any. */
bool judge_disturbed(const struct judge *judge, slice node, time_ns since, time_ns until);

/* ---- judge_query.c */
enum err judge_question(struct judge *judge, const struct observation *seen, int64_t line);
void judge_questions_end(struct judge *judge, bool ended);

/* ---- judge_mirror.c: the judge's own copy of the rows. */
/* Takes the record; *before is filled when there was a living row. Null when full. */
const struct record *judge_mirror(struct judge *judge, const struct record *record, struct record *before, bool *existed);
void judge_mirror_clear(struct judge *judge);
/* Living rows of a table in the order they were first put; *cursor begins with judge->table_first[table]. */
const struct record *judge_row(const struct judge *judge, uint32_t *cursor);
/* "exam/CAV/CAV1": a living row, or null. */
const struct record *judge_row_by_key(const struct judge *judge, const char *key);
const struct record *judge_row_by_id(const struct judge *judge, enum record_table table, int64_t id);
const struct record *judge_row_by_texts(const struct judge *judge, enum record_table table, slice first, slice second);
int64_t judge_survivor(const struct judge *judge, int64_t person); /* of the engine's persons */

/* ---- judge_records.c, judge_audit.c, judge_transfer.c */
void judge_audit_row(struct judge *judge, const struct record *record, bool restored);
void judge_effect(struct judge *judge, const struct record *record, const struct record *before);
void judge_transfer_row(struct judge *judge, const struct record *record, const struct record *before);
void judge_transfer_deleted(struct judge *judge, const struct record *record);
void judge_transfer_restored(struct judge *judge, const struct record *record);
void judge_transfers_committed(struct judge *judge);
void judge_transfers_restored(struct judge *judge); /* the last row of a life was restored */
void judge_transfers_end(struct judge *judge, struct results *results);
void judge_records_end(struct judge *judge, struct results *results);

/* ---- judge_outcome.c */
void judge_story(struct judge *judge, const struct observation *seen, int64_t line);
void judge_outcome(struct judge *judge, struct results *results);

#endif
