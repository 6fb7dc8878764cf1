/* SPDX-License-Identifier: MIT
 *
 * Judge, inside: ground truth as the world told it, open questions, the engine's rows as its record stream
 * told them. Only files of src/bench/judge*.c include this.
 *
 * Every look-up is by a map or a chain; what is walked from end to end is small (nodes, faults, sites). */
#ifndef PONT_BENCH_JUDGE_PRIVATE_H
#define PONT_BENCH_JUDGE_PRIVATE_H

#include "src/bench/histogram.h"
#include "src/bench/judge.h"
#include "src/bench/judge_store.h"
#include "src/engine/records.h"

#define JUDGE_NONE STORE_NONE
/* Reserved, not taken: only what is used costs memory. */
#define JUDGE_ROWS_MAX STORE_ROWS_MAX
#define JUDGE_TEXTS_MAX (1u << 30)
#define JUDGE_FAULTS_MAX 1000000
/* Kept while open, and a while after. */
#define JUDGE_QUERIES_MAX 20000
#define JUDGE_SHOWN_MAX 20000     /* rows shown to questions that are open */
#define JUDGE_RECENT_MAX 131072   /* messages, acknowledgements */
#define JUDGE_STORY_MAX 2000
#define JUDGE_LATENCIES_MAX 20000 /* kept one by one; of more there is a histogram */
#define JUDGE_TALLIES_MAX 4096
#define JUDGE_EXPECTED_MAX 256 /* questions of a story that say how they are answered */
#define JUDGE_TRANSFERS_MAX 20000 /* listed in the results */
#define JUDGE_NAMES_MAX 6         /* of one person */
#define JUDGE_OPEN_FINDS_MAX 64   /* at one node */
#define JUDGE_PENDING_MAX 8192    /* acknowledged spans between two commits */
/* A run of more than so many keeps less of each: no UIDs for people, spans of one kind together. */
#define JUDGE_MANY_STUDIES 100000
#define JUDGE_MANY_SPANS 50000
#define JUDGE_FOLD_NS (15 * TIME_MIN)

/* A node that was away may be thought so a little longer: its breaker opens for some seconds, then it is probed. */
#define JUDGE_CASE_NS (10 * TIME_MIN) /* that a name is given from when it is told of */
#define JUDGE_GRACE_NS (10 * TIME_S)
/* A timer of the engine fires no later than this behind its time, unless the whole machine stood still. */
#define JUDGE_LATE_NS TIME_S

/* ---- Ground truth. There are as many of these as the year has persons, numbers, exams and studies: each byte counts. */

/* A person of the scenario, as RADIS2 has told her so far. Names and birth dates are hashes. */
struct truth_person {
    uint32_t name;         /* FAMILY^GIVEN, the first told; 0: none */
    uint32_t settled_at;   /* tick */
    uint32_t birth_date;   /* 0: none */
    uint32_t more;         /* struct person_names; JUDGE_NONE: she has but one */
    int16_t open;          /* ADT messages told to the outbox and neither acknowledged nor refused */
    bool differs;          /* birth dates, or more names than are kept */
    uint8_t by_exam;       /* of those, told with the completion of an exam */
};
struct person_names {
    uint32_t names[JUDGE_NAMES_MAX];
    bool connected[JUDGE_NAMES_MAX]; /* said to be a former name of hers, or the present one to it */
    uint32_t count;
};

/* RADIS2 takes two persons for one: what is the one's may be shown as the other's until it says that they are two. */
#define JUDGE_MISTAKES_MAX 256
#define JUDGE_MISTAKE_LINGERS (30 * TIME_S) /* what was asked or sent for before */
struct mistake {
    uint32_t one, other;
    time_ns until;
};

/* A merge that the engine has not answered yet: numbers are one person's for it once it accepts. */
#define JUDGE_MERGES_MAX 64
struct told_merge {
    uint32_t person, number, prior;
};

/* A number inside an issuer. Numbers that RADIS2 knows to be one person's are in one group: a tree to find the group, a
 * ring to walk it. One that leaves its group becomes a joint, without studies, that leads to its new row. */
enum { IDENTITY_TOLD = 1, IDENTITY_JOINT = 2 }; /* TOLD: by the world, not by the engine alone */
struct identity {
    uint32_t value;        /* text */
    uint16_t issuer;       /* word */
    uint8_t flags;
    uint32_t person;       /* truth_person, or JUDGE_NONE; of a joint: its new row */
    uint32_t parent, next;
    uint32_t studies;      /* first study filed under it */
    uint32_t engine;       /* the engine's person, 0 none */
    uint32_t newest_name;  /* hash; of the event that is newest */
    uint32_t newest_at;    /* seconds */
};
struct stale_name { /* told later, of an earlier event */
    uint32_t identity, name;
};

/* An exam: what RADIS2 told, and the engine's row. */
enum { EXAM_TOLD = 1, EXAM_COLLISION = 2, EXAM_WATCHED = 4, EXAM_WITHDRAWN = 8, /* COLLISION: two persons have one of this number */
       EXAM_HAS_STUDY = 16, EXAM_OLD = 32 }; /* the engine's row names one; it was done before the run began */
struct truth_exam {
    uint32_t completed_at; /* tick, told; of TIME_NEVER when not */
    uint32_t accession;    /* text */
    uint32_t next;         /* of the same number, at another issuer */
    uint32_t studies;      /* of this number */
    uint32_t person;
    uint32_t engine_person, engine_identity; /* 0 and JUDGE_NONE: none */
    uint16_t issuer;       /* word */
    uint8_t flags;
    uint8_t engine_state;  /* 0: the engine has no row */
};

/* Instances of a study that are alike: so many from one on. SOP Instance UIDs are (stem, last component). */
struct sop_span {
    uint32_t stem, first, count;
};
enum { STUDY_WHOLE = 1,    /* its first PACS has all of it: no holding says so */
       STUDY_INSIDE = 2,   /* its first range is in the row */
       STUDY_REJECTED = 4, /* some of it: ranges say which */
       STUDY_SAME_UID = 8, STUDY_SAME_EXAM = 16, /* there are others, see judge_next_uid */
       STUDY_KNOWN_GONE = 32 /* the engine wrote down that it is rejected, or that a PACS which had it lists it no more */ };
struct truth_study {
    uint32_t first_at, range_at; /* ticks */
    uint32_t exam, person; /* exam: of its accession number, JUDGE_NONE when it has none */
    uint32_t identity;     /* under whose number it is filed */
    uint32_t next_identity;
    uint32_t holdings, ranges;
    uint32_t instances;
    struct sop_span inside;
    uint32_t dataset, pixels;    /* hashes of the digests */
    uint16_t origin;       /* word: the PACS that had it first */
    uint8_t site;          /* its site */
    uint8_t flags;
};
struct range {
    struct sop_span sops;
    uint32_t next, dataset, pixels;
    time_ns at_ns, rejected_at; /* of what is put together: the latest */
};
/* For people, of the first studies only: there is no place for those of a year. */
struct study_words {
    uint32_t uid, line;    /* uid: text, 0 when not known */
};

/* What a node holds of a study. */
struct holding {
    time_ns first_at, complete_at, gone_at; /* TIME_NEVER while incomplete; while there */
    uint32_t next, instances, line, arrivals;
    uint16_t node; /* word */
};
/* Instances at a node: how often they were brought there. */
struct arrival {
    struct sop_span sops;
    uint32_t next;
    time_ns at_ns;         /* of what is put together: the earliest */
    int32_t life;
    uint16_t count;
    bool acked;            /* the engine has a committed record of the node's acknowledgement */
};

/* ---- Questions. */

struct shown_row {
    slice uid, patient_id, issuer, accession, holders;
    int64_t line;
    uint32_t next, study, question, shown;
    struct store_room room;
};

struct question {
    slice id, viewer, patient_id, issuer, accession, study_uid, text;
    struct store_room room;
    time_ns asked_at, answered_at;
    int64_t asked_line, answered_line, answers, row_count, status;
    bool used, flagged, watcher, study_level;
    enum { EXPECT_NOTHING, EXPECT_COMPLETE, EXPECT_INCOMPLETE } expected;
    uint32_t row_first, row_last;
};

/* An answer marked incomplete, for which no cause is known yet. */
#define JUDGE_SUSPECTS_MAX 256
struct suspect {
    slice digits, study_uid, id, viewer;
    time_ns asked_at, answered_at;
    int64_t asked_line, answered_line;
    uint32_t identity;
};

struct retrieve {
    slice id, viewer, study_uid;
    struct store_room room;
    time_ns asked_at;
    int64_t asked_line, answers;
    bool used;
};

struct fault_window {
    time_ns from, until;     /* TIME_NEVER while on */
    time_ns reach;           /* latest `until` of this and all before */
    uint32_t index;          /* of its node in the scenario; JUDGE_NONE */
    uint16_t node, effect;   /* words */
    uint16_t fault;          /* word: the scenario's id of it, where it is told */
    bool planned;
    uint32_t late, partial;  /* exams published late, answers marked, while it was on */
};

/* How a PACS serves, as it told it. */
struct source {
    time_ns finds[JUDGE_OPEN_FINDS_MAX]; /* received and not answered, oldest first */
    uint32_t find_count, move_count;
    time_ns failed_at, rejected_at;      /* last answer with a failure, last association refused; 0: never */
    time_ns slow_at;                     /* last answer that came later than anybody waits for it; 0: never */
};

/* ---- The engine's rows, as far as a rule reads them. By their number: row 0 is nobody. */

struct engine_person {
    uint32_t name;           /* hash of FAMILY^GIVEN; 0: no such row */
    uint32_t number;         /* identity: the number that the engine names her by */
    uint32_t merged_into;
};
struct engine_study {
    uint32_t study;          /* of ours, + 1; 0: no such row; with ENGINE_STUDY_TEXT: none of ours, the text of its UID */
};
#define ENGINE_STUDY_TEXT 0x80000000u
struct engine_demand {
    time_ns accepted_at, ended_at, due_at;
    int64_t job;             /* the running one, 0 none */
    uint64_t key;            /* manifest and destination */
    uint32_t study, wanted, delivered, why; /* study: the engine's; why: word */
    uint16_t destination;    /* word */
    uint16_t attempts;
    uint8_t reason, state, proof, path;
    bool alive, whole;       /* whole: level STUDY */
};
struct engine_tombstone {
    uint32_t uid;            /* text */
    uint16_t code;           /* word */
    bool alive;
};
struct engine_meeting {
    time_ns meets_at;        /* 0: not told yet */
    uint32_t id;             /* text */
    uint16_t node;           /* word */
};
struct engine_spooled {
    uint32_t sop, study;     /* texts */
    uint16_t home;           /* word */
};
struct engine_case {
    uint32_t meeting;        /* engine_meeting */
    uint32_t person;         /* the engine's */
    uint8_t state;
    bool alive, in_time;     /* in_time: ready when it had to be, `ready_before` of its meeting */
    bool known;              /* told of, also while the engine is dead */
    time_ns unready_at;      /* it was ready, and since then is not: more images have come; 0: no */
    int32_t ready_before_s;  /* of its meeting, or what a late name has */
    bool told_late;          /* RADIS2 told of it too late for that: nothing was promised */
};

/* What was asked for of a study at a node, so that what comes twice can be told from what was wanted twice. */
struct delivery {
    time_ns wished_at, job_at;
};

struct pending_ack { /* instances acknowledged by their destination, or taken back */
    uint32_t study;
    struct sop_span sops;
    uint16_t node;
    bool acked;
};

/* A row that a merge gave to another person. */
struct judge_move {
    uint32_t row, from, to;
    bool exam;
};

enum audit_event { AUDIT_QUERY, AUDIT_RETRIEVE, AUDIT_DELIVER, AUDIT_REJECT, AUDIT_MERGE, AUDIT_PUBLISH, AUDIT_OTHER, AUDIT_COUNT };

struct judge {
    const struct scenario *scenario;
    struct arena *arena;
    time_ns deadline_ns;     /* of a question; 0: not known */
    time_ns patience_ns;     /* of the engine with one source; 0: not known */
    struct invariant_result invariants[INVARIANT_COUNT];
    int64_t counts[COUNT_COUNT];
    int64_t *latencies[LATENCY_COUNT];
    int64_t latency_counts[LATENCY_COUNT];
    struct histogram histograms[LATENCY_COUNT];
    time_ns now, first_tick;

    struct store_texts texts;
    struct store_words words, whys;
    struct truth_person *persons;
    struct person_names *names;
    struct mistake mistakes[JUDGE_MISTAKES_MAX];
    uint32_t mistake_count;
    struct told_merge merges[JUDGE_MERGES_MAX];
    uint32_t merge_count;
    struct identity *identities;
    struct stale_name *stales;
    struct truth_study *studies;
    struct study_words *study_words; /* of the first JUDGE_MANY_STUDIES */
    uint32_t *person_words;          /* texts of their ids, as many */
    struct range *ranges;
    struct truth_exam *exams;
    struct holding *holdings;
    struct arrival *arrivals;
    struct fault_window *faults;
    struct delivery *deliveries;
    struct question *questions;
    struct retrieve *retrieves;
    struct shown_row *rows;
    struct suspect suspects[JUDGE_SUSPECTS_MAX];
    struct store_room suspect_rooms[JUDGE_SUSPECTS_MAX];
    uint32_t suspect_count;
    struct source *sources;  /* by node of the scenario */
    uint32_t person_count, name_count, identity_count, stale_count, study_count, range_count, range_free, exam_count, holding_count, arrival_count, arrival_free,
        fault_count, fault_open, delivery_count, question_next, retrieve_next, question_end, retrieve_end, row_count, row_free;
    struct store_index person_index, identity_index, uid_index, exam_index, delivery_index, question_index, retrieve_index, node_index, site_index;
    struct store_index scenario_studies; /* of the scenario, by UID and person */
    uint32_t *late_uids, late_uid_count;
    struct store_index spool_index;      /* what was taken over and nobody else has for certain yet, by instance and origin */
    struct engine_spooled *spooled;
    uint32_t spooled_count;
    time_ns urgent_ns;       /* after its acceptance an urgent transfer is needed */
    struct store_index next_uids, next_exams, uid_texts, row_index; /* by study: the next of its UID, of its number; its UID, if asked for; the row shown */
    struct { /* by word of the node's name */
        int64_t studies, images;
    } *held;
    int64_t rows_with_two_holders, wrong_patient, silently_missing, completed_exams, adt_told;
    time_ns adt_told_at;

    /* The record stream. */
    struct engine_person *engine_persons;
    struct engine_study *engine_studies;
    struct engine_demand *demands;
    struct engine_tombstone *tombstones;
    struct engine_case *cases;
    struct engine_meeting *meetings;
    uint32_t engine_person_end, engine_study_end, demand_end, tombstone_count, case_count, meeting_count;
    struct store_index tombstone_index, case_index, meeting_index, prior_index; /* prior_index: chosen and not there yet */
    struct store_recent messages; /* the engine's hl7_in rows */
    int64_t priors_ready_before;
    bool restoring;
    int64_t life, step, committed_step, records_of_step;
    int64_t at_step;         /* of the engine, what is judged now comes of; 0: of no step */
    bool duplicate_step;
    int64_t step_audits[AUDIT_COUNT];
    int64_t audited[AUDIT_COUNT], answers_left;
    struct store_index delivers_audited; /* study uid: DELIVER records not yet used, in this life */
    struct store_index clients_audited;  /* AE title that asked for a retrieve, in this life */
    struct store_recent answered;        /* channel and message id whose rows left, in this life */
    struct store_index running_index;    /* jobs for one manifest and destination */
    char audit_hash[65];
    int64_t audit_lsn;
    void *digest_context;    /* of libcrypto */
    struct store_recent acks; /* control ids with a record, numbered; those below ack_committed are durable */
    uint64_t ack_count, ack_committed;
    uint32_t *demand_ids;    /* the same of demands */
    uint32_t demand_count, demand_committed;
    struct pending_ack *pending;
    uint32_t pending_count;

    struct judge_fold *fold; /* month by month; null in a short run */
    struct slo_fold *slos;   /* by objective of the scenario */
    bool *reached;           /* by row of reach.def */
    time_ns within[INVARIANT_COUNT]; /* bounds of those that have one */
    struct judge_move *moves; /* rows that went from person to person */
    uint32_t move_count, unmerge_count;
    struct { uint32_t from, to; } unmerged[16]; /* in this step */
    uint32_t demand_low;     /* no demand below is open */

    struct story_line *story;
    uint32_t story_count;
    bool story_begun;
    const enum invariant *wanted; /* whose first violation sets *seen; null: none */
    bool *wanted_seen;
    uint64_t outcome;        /* of questions that were put away */
    struct outcome_item *outcomes;
    size_t outcome_count;
    struct expected_answer { /* of the story's questions that say how */
        slice id, text;
        int64_t value;
    } *expected_answers;
    uint32_t expected_count;
    struct quirk_tally {
        slice node, what;
        int64_t count;
        bool coped;
    } *tallies;
    uint32_t tally_count;
    struct store_index tally_index;
};

/* ---- judge.c */
/* Adds a case to an invariant, with lines that show it (0: none). A violation keeps its evidence first. */
void judge_case(struct judge *judge, enum invariant invariant, bool violation, const int64_t *lines, size_t line_count, const char *text, ...)
    __attribute__((format(printf, 6, 7)));
/* The case just told was one of `count` instances, each of which counts. */
void judge_weigh(struct judge *judge, enum invariant invariant, bool violation, uint32_t count);
slice judge_keep(struct judge *judge, slice text);
/* Ticks of a 64th of a second, never earlier than the time they stand for; tick 0 is before all, the last never. */
#define JUDGE_TICK_NS (TIME_S / 64)
uint32_t judge_tick(const struct judge *judge, time_ns at);
time_ns judge_time(const struct judge *judge, uint32_t tick);
slice judge_text(const struct judge *judge, uint32_t text, char room[STORE_TEXT_MAX]);
uint16_t judge_word(struct judge *judge, slice word); /* 0, the empty word, when there are too many */
slice judge_spell(const struct judge *judge, uint32_t word);
static inline uint32_t judge_hash32(slice text) /* never 0 but of nothing */
{
    return text.size == 0 ? 0 : (uint32_t)(store_hash(5, text) >> 32) | 1;
}
uint32_t judge_node(const struct judge *judge, slice id_or_aet); /* of the scenario, or JUDGE_NONE */
uint32_t judge_site(const struct judge *judge, slice issuer);    /* by its issuer or the letters of its accession numbers */
bool judge_same_issuer(const struct judge *judge, uint32_t site, uint32_t other); /* sites of one organisation share numbers */
bool judge_is(const struct judge *judge, slice node, enum scenario_kind kind);
slice judge_engine(const struct judge *judge);                   /* id of the engine's node */
void judge_tally(struct judge *judge, slice node, slice what, bool coped);

/* ---- judge_person.c */
enum err judge_persons(struct judge *judge, const struct observation *seen);
uint32_t judge_identity(const struct judge *judge, slice issuer, slice value); /* or JUDGE_NONE */
uint32_t judge_put_identity(struct judge *judge, slice issuer, slice value, slice person); /* made if need be */
uint32_t judge_engine_identity(struct judge *judge, slice issuer, slice value); /* made if need be, not told */
uint32_t judge_identity_now(const struct judge *judge, uint32_t identity);       /* where a joint leads */
uint32_t judge_person(const struct judge *judge, slice id);
bool judge_same_group(const struct judge *judge, uint32_t a, uint32_t b);
/* Does the number name the person of the study? A number of the engine's own names whom it named first. */
bool judge_names(struct judge *judge, slice issuer, slice value, uint32_t study);
/* Everything that RADIS2 said of her was acknowledged before `since`, and names and birth dates leave no doubt. */
bool judge_is_certain(const struct judge *judge, uint32_t person, time_ns since);
/* Did RADIS2 take the two for one (other JUDGE_NONE: one of them for anybody) at `since` or after it? */
bool judge_mixed_up(const struct judge *judge, uint32_t one, uint32_t other, time_ns since);

/* ---- judge_world.c */
enum err judge_truth(struct judge *judge, const struct observation *seen, int64_t line);
uint32_t judge_study(const struct judge *judge, slice uid); /* first of this UID */
uint32_t judge_next_uid(const struct judge *judge, uint32_t study);  /* the others; JUDGE_NONE: no more */
uint32_t judge_next_exam(const struct judge *judge, uint32_t study); /* of its accession number there */
int64_t judge_line(const struct judge *judge, uint32_t study);       /* of observations.jsonl; 0: not known any more */
uint32_t judge_study_of(const struct judge *judge, slice uid, slice accession); /* of this UID the one of this number, else the first */
slice judge_accession(const struct judge *judge, uint32_t study, char room[STORE_TEXT_MAX]);
const struct scenario_study *judge_scenario_study(const struct judge *judge, uint32_t study); /* null: the scenario does not name it */
slice judge_uid(const struct judge *judge, uint32_t study, char room[STORE_TEXT_MAX]); /* for people; "(of NOR A1)" when it was left out */
struct truth_exam *judge_exam(const struct judge *judge, slice issuer, slice accession); /* told by RADIS2; or null */
struct truth_exam *judge_put_exam(struct judge *judge, slice issuer, slice accession);   /* made if need be, told or not; null when full */
uint32_t judge_first_exam(const struct judge *judge, slice accession); /* of this number, next the others */
struct delivery *judge_delivery(struct judge *judge, uint32_t study, uint16_t node); /* made if need be; null when full */
/* Everything that holds the study, the one whose holding is not written down first; *cursor begins with JUDGE_HOLDINGS. */
#define JUDGE_HOLDINGS (JUDGE_NONE - 1)
bool judge_next_holding(const struct judge *judge, uint32_t study, uint32_t *cursor, struct holding *holding);

/* ---- judge_span.c: ranges of instances. */
struct sop_span judge_sops(slice uid, int64_t span);
bool judge_next_range(const struct judge *judge, uint32_t study, uint32_t *cursor, struct range *range); /* *cursor begins with JUDGE_HOLDINGS */
/* Which part of `sops` is in the study: *part begins where `sops` does and is known or unknown as one. False: unknown. */
bool judge_known_part(const struct judge *judge, uint32_t study, const struct sop_span *sops, struct sop_span *part, struct range *range);
MUST_USE enum err judge_add_range(struct judge *judge, uint32_t study, const struct range *range);
void judge_reject(struct judge *judge, uint32_t study, const struct sop_span *sops, time_ns at); /* sops null: all of it */
time_ns judge_rejected_at(const struct judge *judge, uint32_t study); /* TIME_NEVER while an instance is left */
/* The same of what is at a node: the arrivals list of a holding. */
uint32_t judge_arrived_part(const struct judge *judge, uint32_t arrivals, const struct sop_span *sops, struct sop_span *part); /* arrival or JUDGE_NONE */
uint32_t judge_cut_arrival(struct judge *judge, uint32_t arrival, const struct sop_span *part); /* the arrival of just this part; JUDGE_NONE when full */
MUST_USE enum err judge_add_arrival(struct judge *judge, uint32_t *arrivals, const struct arrival *arrival);
void judge_remove_arrival(struct judge *judge, uint32_t *arrivals, uint32_t arrival);
void judge_join_arrival(struct judge *judge, uint32_t *arrivals, uint32_t arrival); /* with its neighbours */
int64_t judge_missing(struct judge *judge, uint32_t study, uint32_t arrivals, time_ns until); /* there until then, not rejected, not arrived */
struct holding *judge_holding(struct judge *judge, uint32_t study, uint16_t node); /* written down if it is not; null: it holds nothing, or full */

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
bool judge_is_beyond(const struct judge *judge, const struct truth_exam *exam); /* rejected before anybody could see it */
bool judge_line_disturbed(const struct judge *judge, time_ns since, time_ns until); /* a fault of any line between sites overlaps */

/* ---- judge_late.c */
void judge_suspect(struct judge *judge, const struct question *question);
void judge_taken_up(struct judge *judge, const struct observation *seen); /* a PACS got a question */
void judge_suspects_end(struct judge *judge, time_ns now); /* those for which it is too late */

/* ---- judge_query.c */
enum err judge_question(struct judge *judge, const struct observation *seen, int64_t line);
void judge_questions_end(struct judge *judge, bool ended);

/* ---- judge_rows.c: the judge's own copy of the rows. */
void judge_rows_clear(struct judge *judge); /* a life is over */
uint32_t judge_survivor(const struct judge *judge, uint32_t person); /* of the engine's persons */
struct engine_demand *judge_demand(const struct judge *judge, int64_t id); /* living, or null */
uint32_t judge_demand_study(const struct judge *judge, const struct engine_demand *demand); /* of ours, or JUDGE_NONE */
slice judge_demand_uid(const struct judge *judge, const struct engine_demand *demand, char room[STORE_TEXT_MAX]);
bool judge_fits(int64_t id); /* a row number that there is room for */

/* ---- judge_records.c, judge_audit.c, judge_transfer.c */
void judge_audit_drop(struct judge *judge);
void judge_audit_row(struct judge *judge, const struct record *record, bool restored);
void judge_effect(struct judge *judge, enum audit_event event, const char *what, slice name); /* in this step: was its audit record before it? */
void judge_client_demand(struct judge *judge, const struct record *record);
MUST_USE enum err judge_transfer_row(struct judge *judge, const struct record *record, bool restored);
void judge_transfer_deleted(struct judge *judge, const struct record *record);
void judge_transfers_committed(struct judge *judge);
void judge_transfers_restored(struct judge *judge); /* the last row of a life was restored */
void judge_transfers_end(struct judge *judge, struct results *results);
void judge_records_end(struct judge *judge, struct results *results);

/* ---- judge_series.c: month by month, day by day, place by place. All do nothing in a short run. */
MUST_USE enum err judge_fold_init(struct judge *judge);
void judge_fold_observe(struct judge *judge, const struct observation *seen);
void judge_fold_completed(struct judge *judge, const struct truth_exam *exam);
void judge_fold_published(struct judge *judge, const struct truth_exam *exam, time_ns latency_ns);
void judge_fold_images(struct judge *judge, uint32_t study, slice node, int64_t count, int64_t bytes, time_ns at);
void judge_fold_delivered(struct judge *judge, uint32_t study, slice node, int64_t bytes);
void judge_fold_question(struct judge *judge, bool partial);
void judge_fold_prior(struct judge *judge, const struct truth_exam *exam, bool wanted, bool ready);
void judge_fold_transfer(struct judge *judge, uint32_t study, const struct engine_demand *demand);
void judge_fold_find(struct judge *judge, uint32_t node, bool failed);
void judge_fold_move(struct judge *judge, uint32_t node, bool failed);
void judge_fold_end(struct judge *judge, struct results *results);
void judge_fold_objectives(struct judge *judge, struct series_objective *objectives, size_t count);

/* ---- judge_slo.c: objectives. */
enum measure {
#define MEASURE(name, kind, spelt, text) MEASURE_##name,
#include "src/bench/slo.def"
#undef MEASURE
    MEASURE_COUNT
};
MUST_USE enum err judge_slo_init(struct judge *judge);
void judge_length(struct judge *judge, enum measure measure, time_ns at, int64_t value_ns); /* a case of a latency */
void judge_share(struct judge *judge, enum measure measure, time_ns at, bool good);         /* a case of a share */
void judge_slo_end(struct judge *judge, struct results *results);
time_ns judge_period(const struct judge *judge, enum slo_per per, time_ns at, time_ns *until); /* where it begins, local time */

/* ---- judge_reach.c: what must be reached in some run. */
enum reach_point {
#define REACH(name, text) REACH_##name,
#include "src/bench/reach.def"
#undef REACH
    REACH_COUNT
};
static inline void judge_reach(struct judge *judge, enum reach_point point)
{
    judge->reached[point] = true;
}
const char *reach_name(enum reach_point point);
void judge_reach_fault(struct judge *judge, const struct fault_window *window);
void judge_reach_seen(struct judge *judge, const struct observation *seen);
void judge_reach_merge(struct judge *judge, uint32_t gone, uint32_t kept);

/* ---- judge_bound.c: what must hold within a time, or after a while. */
void judge_bound_init(struct judge *judge);
bool judge_is_forgotten(const struct judge *judge, const struct engine_demand *demand);
void judge_demand_ended(struct judge *judge, uint32_t id, const struct engine_demand *demand);
void judge_retrieved(struct judge *judge, slice study_uid, slice viewer, time_ns asked_at, int64_t asked_line, const struct observation *seen, int64_t line);
void judge_moved(struct judge *judge, uint32_t row, bool exam, uint32_t from, uint32_t to); /* identity or exam from person to person */
void judge_unmerged(struct judge *judge, uint32_t from, uint32_t to); /* the step of which this is ends them */
void judge_unmerge_end(struct judge *judge);
bool judge_was_slow(const struct judge *judge, uint16_t node, time_ns since); /* left a question lie longer than the engine waits */
bool judge_stops(slice effect); /* nothing is answered while it lasts */
MUST_USE enum err judge_spooled(struct judge *judge, const struct record *record, bool restored);
void judge_spool_end(struct judge *judge);

/* ---- judge_outcome.c */
void judge_story(struct judge *judge, const struct observation *seen, int64_t line);
void judge_outcome_of(struct judge *judge, const struct question *question); /* it is put away */
void judge_outcome(struct judge *judge, struct results *results);
void judge_latency(struct judge *judge, enum latency_kind kind, int64_t latency_ns);

#endif
