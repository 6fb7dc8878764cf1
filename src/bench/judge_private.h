/* SPDX-License-Identifier: MIT
 *
 * Judge, inside: ground truth as the world told it, open questions, the engine's rows as its record stream
 * told them. Only files of src/bench/judge*.c include this. */
#ifndef PONT_BENCH_JUDGE_PRIVATE_H
#define PONT_BENCH_JUDGE_PRIVATE_H

#include "src/base/map.h"
#include "src/bench/judge.h"
#include "src/engine/records.h"

#define JUDGE_IDENTITIES_MAX 20000
#define JUDGE_INSTANCES_MAX 200000
#define JUDGE_STUDIES_MAX 20000
#define JUDGE_HOLDINGS_MAX 60000
#define JUDGE_QUERIES_MAX 20000
#define JUDGE_ROWS_MAX 4096       /* of one question */
#define JUDGE_FAULTS_MAX 1024
#define JUDGE_DEMANDS_MAX 20000
#define JUDGE_ROWS_SEEN_MAX 400000 /* rows of all tables in the stream */
#define JUDGE_STORY_MAX 2000
#define JUDGE_LATENCIES_MAX 20000

/* A number inside an issuer. Numbers that RADIS2 knows to be one person's have one root. */
struct identity {
    slice issuer, value, person; /* person: the scenario's id */
    uint32_t parent;
};

struct truth_study {
    slice uid, person, accession, issuer;
    uint32_t identity;       /* under whose number it is filed */
    int64_t instances;
    time_ns first_at, rejected_at; /* rejected_at: TIME_NEVER when not */
    int64_t line;
};

struct truth_instance {
    uint32_t study;
    slice sop, dataset_sha256, pixel_sha256;
    int64_t bytes;
};

/* What a node holds of a study. */
struct holding {
    slice node;
    uint32_t study;
    int64_t instances;
    bool original;
    time_ns first_at, complete_at;  /* TIME_NEVER while incomplete */
    int64_t line;
};

struct shown_row {
    slice uid, patient_id, issuer, holders;
    int64_t line;
};

struct question {
    slice id, viewer, patient_id, issuer, accession, study_uid, text;
    time_ns asked_at, answered_at;
    int64_t asked_line, answered_line, answers, row_count, status;
    bool flagged, watcher, study_level;
    struct shown_row *rows; /* JUDGE_ROWS_MAX while open, borrowed from a pool of lines */
    uint32_t row_first;
};

struct fault_window {
    slice node, effect;
    time_ns from, until;     /* TIME_NEVER while on */
};

struct table_row {
    struct record record;    /* text in the judge's arena */
    bool alive;
};

struct judge {
    const struct scenario *scenario;
    struct arena *arena;
    struct invariant_result invariants[INVARIANT_COUNT];
    int64_t counts[COUNT_COUNT];
    int64_t *latencies[LATENCY_COUNT];
    int64_t latency_counts[LATENCY_COUNT];

    struct identity *identities;
    uint32_t identity_count;
    struct map identity_map;        /* issuer/value */
    struct truth_instance *instances;
    uint32_t instance_count;
    struct map instance_map;        /* sop uid */
    struct truth_study *studies;
    uint32_t study_count;
    struct map study_map;           /* uid/person */
    struct holding *holdings;
    uint32_t holding_count;
    struct map holding_map;         /* node/study */
    struct map held_map;            /* node/sop: deliveries seen, value: lives begun by then */
    struct question *questions;
    uint32_t question_count;
    struct map question_map;        /* viewer/id */
    struct shown_row *rows;
    uint32_t row_count;
    struct map retrieve_map;        /* viewer/id: answers */
    int64_t retrieves_open;
    struct fault_window *faults;
    uint32_t fault_count;
    struct map exam_map;            /* issuer/accession seen in truth */
    struct map watched_map;
    struct map resent_map;          /* control ids sent more than once */
    int64_t rows_with_two_holders, wrong_patient, silently_missing, rejected_count;
    int64_t node_failures;          /* find answers with a failure status */
    time_ns *failure_times;
    struct story_line *story;
    uint32_t story_count;
    bool story_begun;
    time_ns now;

    /* The record stream. */
    struct table_row *table_rows;
    uint32_t table_row_count;
    struct map table_map;           /* table/key */
    int64_t life, lives, committed_step;
    time_ns last_record_at;
    struct map committed_acks;      /* control id with a committed hl7_in row; value 1 put, 2 committed */
    slice pending_acks[512];
    uint32_t pending_ack_count;
    int64_t pending_step;
    int64_t queries_audited, deliveries_audited, queries_left;
    struct map answered_map;        /* channel/message id whose rows left */
    char audit_hash[65];
    int64_t audit_lsn;
    bool duplicate_step;            /* this step put an hl7_in row that was there before */
    int64_t duplicate_number, records_of_step, step;
    uint64_t outcome;
    struct quirk_tally {
        slice node, what;
        int64_t count;
        bool coped;
    } *tallies;
    uint32_t tally_count;
};

/* Adds a case to an invariant, with lines that show it (0: none). A violation keeps its evidence first. */
void judge_case(struct judge *judge, enum invariant invariant, bool violation, const int64_t *lines, size_t line_count, const char *text, ...)
    __attribute__((format(printf, 6, 7)));
slice judge_key(struct judge *judge, slice a, slice b);
slice judge_keep(struct judge *judge, slice text);
uint32_t judge_root(const struct judge *judge, uint32_t identity);
/* Index of the identity, or UINT32_MAX. */
uint32_t judge_identity(const struct judge *judge, slice issuer, slice value);
const struct scenario_study *judge_scenario_study(const struct judge *judge, slice uid, slice person);
slice judge_site_issuer(const struct judge *judge, slice node);
bool judge_is_pacs(const struct judge *judge, slice node);

/* judge_world.c */
enum err judge_truth(struct judge *judge, const struct observation *seen, int64_t line);
enum err judge_delivered(struct judge *judge, const struct observation *seen, int64_t line);
/* judge_query.c */
enum err judge_question(struct judge *judge, const struct observation *seen, int64_t line);
void judge_questions_end(struct judge *judge);
/* judge_records.c */
void judge_records_end(struct judge *judge, struct results *results);
/* Iterates the living rows of a table in the order they were first put; null at the end. */
const struct record *judge_row(const struct judge *judge, enum record_table table, uint32_t *cursor);
/* judge_outcome.c */
void judge_story(struct judge *judge, const struct observation *seen, int64_t line);
void judge_outcome(struct judge *judge, struct results *results);

#endif
