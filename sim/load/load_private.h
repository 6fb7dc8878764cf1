/* SPDX-License-Identifier: MIT
 *
 * What the parts of the load share. A heap of what is due drives it: generators (a day of a stream, a meeting's list, the
 * next merge, ...) and exams under way, each waiting for its next row. An exam's times are drawn once, when it is made. */
#ifndef PONT_LOAD_PRIVATE_H
#define PONT_LOAD_PRIVATE_H

#include "sim/load/load.h"
#include "sim/load/person.h"

#define EVENTS_MAX 24             /* rows of one exam */
#define OFFSET_SHIFT 24           /* offsets of events are in 2^24 ns, 17 ms: 32 bits reach two years */
#define START_SPREAD (7 * TIME_DAY) /* orders from before the start are told within so long */
#define LOOK_BACK_SLACK (7 * TIME_DAY) /* an order goes back over a weekend and holidays */
#define RECENT_MAX 256            /* persons with an exam just done, a domain, of each kind */
#define QUEUE_MAX 64              /* names waiting for a meeting */
#define CASES_MAX 64
#define REMOTE_MICRO 400000           /* priors of somebody known in two domains that lie in the other */
#define FAULTS_LIVE_MAX 4096
#define TEXT_MAX 32768

/* ---- What is due. At equal times generators come first, then by order. */
enum due_kind {
    DUE_STREAM_DAY, DUE_SCHEDULE, DUE_BURST, DUE_TRACE, DUE_BACKLOG, DUE_MEETING, DUE_MERGE, DUE_MERGES, DUE_UNMERGES, DUE_FAULT, DUE_FAULT_ROW,
    DUE_READER, DUE_SHIFT, DUE_EXAM
};
struct due {
    time_ns at;
    uint64_t order; /* kind << 60 and what tells two of a kind apart */
    uint32_t index;
    uint32_t kind;
};
struct due_heap {
    struct due *items;
    size_t count, max;
};
bool due_put(struct due_heap *heap, struct due due); /* false: full */
struct due due_take(struct due_heap *heap);          /* the heap is not empty */

/* ---- One exam under way. */
enum exam_flag {
    EXAM_OTHER_CODE = 1, /* DX instead of CR */
    EXAM_SECOND = 2,     /* under the person's second number, until merged */
    EXAM_UNKNOWN = 4,    /* ordered before anybody knew the NHS number */
    EXAM_PRIOR = 8,
    EXAM_CANCELLED = 16, /* never acquired */
    EXAM_UNSCHEDULED = 32, /* no scheduling message: the order says when */
};
/* Events beside those of enum load_what: they give no row by themselves. */
enum { EVENT_NAME = LOAD_WHAT_COUNT, EVENT_SPAWN, EVENT_LATE_NAME, EVENT_READ };

struct exam {
    uint64_t key;      /* of all its draws */
    int64_t number;
    time_ns base;      /* of its first event */
    time_ns acquired, done;
    uint32_t person, site, accession, next_free;
    uint32_t pathway, read_ms; /* how long reading takes */
    uint16_t images, late_images;
    uint8_t series, modality, procedure, domain, flags, event_count, event_at;
    uint8_t asked; /* PACS of a question to all of them */
    uint8_t what[EVENTS_MAX];
    uint16_t detail[EVENTS_MAX];
    uint32_t offset[EVENTS_MAX];
};
/* Its events while it is being made; sealed, they stand in order of time, those of one time as they were put. */
struct draft {
    struct {
        time_ns at;
        uint8_t what;
        uint16_t detail;
    } events[EVENTS_MAX];
    size_t count;
};
void draft_put(struct draft *draft, time_ns at, unsigned what, unsigned detail); /* above EVENTS_MAX: left out */

/* ---- Streams. */
struct cell { /* of one stream: a site and a modality */
    uint32_t site, modality;
    double a_year; /* exams by people who take part, before the ramp */
    uint64_t key;
};
struct day_hours {
    time_ns at[26]; /* where each hour of the local day begins, UTC; a doubled hour stands twice */
    double upto[26]; /* rising sums of weights */
    uint8_t hour[26];
    size_t count;
    double weight; /* of the day beside others: days, months, holidays and the hours it has */
};
struct stream_state {
    struct cell *cells;
    size_t cell_count;
    double norm; /* sum of day weights over the 365 days from the start */
    double done_share; /* of arrivals that are acquired */
    double asked[LOAD_WEEK_HOURS]; /* years' worth of exams that each hour of the week has in the run */
    uint64_t key;
    int32_t next_day;
};

struct meeting_state {
    time_ns next;
    int64_t owed_micro; /* of weeks_micro */
    uint32_t queue[QUEUE_MAX];
    uint32_t queue_count;
};
struct fault_live {
    uint32_t fault, target;
    time_ns begin, end;
    bool begun, used;
};
struct fault_state { /* a fault, or a fault at one target */
    uint32_t fault, target; /* target NONE_OF: all or a pick of them */
    time_ns next, free_at;
    uint64_t nth, key;
    int32_t day;
};
struct recent {
    uint32_t persons[RECENT_MAX];
    uint32_t count, next;
};
struct prior_cell {
    uint32_t site, modality;
    double upto;
};

/* Those who read for one domain, and what waits for them: lists of exams by priority. */
enum { ROLES = 3, PRIORITIES = 3 };
struct pool {
    uint32_t first[PRIORITIES], last[PRIORITIES], waiting, busy;
    bool woken; /* a DUE_SHIFT is on its way */
};

struct load {
    struct load_setup setup;
    const struct population *population;
    uint64_t seed;
    time_ns start, end, now;
    int64_t speed;
    struct arena *arena;
    struct people people;
    struct due_heap heap;
    struct exam *exams;
    uint32_t exam_max, exam_bound, exam_free, alive; /* at most; ever in use */
    struct stream_state streams[LOAD_STREAMS_MAX];
    struct meeting_state meetings[LOAD_MEETINGS_MAX];
    struct recent recent[LOAD_DOMAINS_MAX][2]; /* [known elsewhere too] */
    struct fault_state *faults;
    size_t fault_count;
    struct fault_live live[FAULTS_LIVE_MAX];
    uint8_t procedures[LOAD_MODALITIES_MAX][2]; /* first row of load_procedures for code and other_code */
    uint32_t accessions[LOAD_DOMAINS_MAX];
    struct prior_cell *prior_cells[LOAD_DOMAINS_MAX];
    size_t prior_cell_count[LOAD_DOMAINS_MAX];
    uint64_t backlog_next;
    time_ns backlog_open, backlog_all, backlog_used; /* where the part in hand begins; its open time; that of days gone by */
    int32_t backlog_day;
    struct pool pools[ROLES][LOAD_DOMAINS_MAX];
    uint64_t reads;
    uint64_t merges_nth, unmerges_nth;
    uint8_t *merged, *seen; /* a bit a person */
    int64_t *came;          /* [site][modality][LOAD_WEEK_HOURS] */
    struct load_counts counts;
    int64_t rows;
    char text[TEXT_MAX];
    size_t text_size;
};

/* draw.c: times and chances. */
uint64_t load_below(const struct load *load, uint32_t purpose, uint64_t key, uint64_t index, uint64_t bound);
double load_unit(const struct load *load, uint32_t purpose, uint64_t key, uint64_t index);
bool load_chance(const struct load *load, uint32_t purpose, uint64_t key, uint64_t index, int64_t micro);
/* floor(mean) or one more, so that the mean comes out. */
int64_t load_times(const struct load *load, uint32_t purpose, uint64_t key, uint64_t index, int64_t mean_micro);
const struct opening *load_opening(const struct load *load, uint32_t calendar);
/* Of a ramp at this time, in millionths; null: MICRO. */
int64_t load_ramp(const struct load *load, const struct shape *ramp, time_ns at);
bool load_enrolled(const struct load *load, uint64_t person, time_ns at);
bool bit_get(const uint8_t *bits, uint64_t index);
void bit_set(uint8_t *bits, uint64_t index);

/* stream.c: arrivals. */
double cell_rate(const struct population *population, const struct population_stream *stream, uint32_t site, uint32_t modality);
void stream_day(const struct load *load, uint32_t stream, int32_t day, struct day_hours *hours);
enum err streams_init(struct load *load);
enum err stream_due(struct load *load, const struct due *due);
double growth_at(const struct load *load, int64_t growth_micro, time_ns at);

/* exam.c: exams. A negative person is drawn. */
struct arrival {
    uint64_t key;
    time_ns at;
    uint32_t site, modality, pathway;
    int64_t person;
    bool at_acquisition;
};
enum err exam_make(struct load *load, const struct arrival *arrival);
enum err exam_wait(struct load *load, uint32_t index); /* for its next event, or ends it */
time_ns exam_event_at(const struct exam *exam, size_t nth);
struct exam *exam_take(struct load *load, uint32_t *index); /* null: full */
enum err exam_seal(struct load *load, uint32_t index, struct draft *draft);      /* and waits for its first event */
int64_t load_image_bytes(const struct load *load, const struct exam *exam); /* of one image */
void exam_fill(struct load *load, struct exam *exam, uint64_t key, uint64_t person, uint32_t site, uint32_t modality, time_ns at);
double pathway_done_share(const struct population *population, uint32_t pathway);
time_ns pathway_wait_max(const struct population *population, uint32_t pathway);
void procedures_init(struct load *load);
size_t procedure_of(const struct load *load, size_t first, uint64_t key, bool woman);
slice modality_code(const struct load *load, const struct exam *exam);
struct procedure {
    const char *modality, *region, *code, *text, *side;
    uint32_t weight, women;
};
extern const struct procedure load_procedures[];

/* reader.c: those who read. */
void pools_init(struct load *load);
bool pool_is_there(const struct load *load, uint32_t role, uint32_t domain); /* somebody reads there at some time */
enum err pool_enter(struct load *load, uint32_t exam, unsigned detail);      /* detail: role << 4 | priority */
enum err pool_due(struct load *load, const struct due *due);
void draft_report(const struct load *load, const struct exam *exam, struct draft *draft, time_ns from, time_ns at);

/* backlog.c: exams from before. */
enum err backlog_init(struct load *load);
enum err backlog_due(struct load *load);

/* meeting.c, merge.c, disturb.c: true in *made when the row was filled. */
enum err meetings_init(struct load *load);
enum err meeting_due(struct load *load, uint32_t meeting, struct load_row *row, bool *made);
void meeting_late(struct load *load, struct exam *name, struct load_row *row);
void meeting_name(struct load *load, const struct exam *exam, uint32_t meeting);
void recent_put(struct load *load, const struct exam *exam);
enum err merges_init(struct load *load);
enum err merge_due(struct load *load, const struct due *due, struct load_row *row, bool *made);
bool merge_row(struct load *load, const struct exam *slot, unsigned what, struct load_row *row); /* false: nothing to merge any more */
enum err faults_init(struct load *load);
enum err fault_due(struct load *load, const struct due *due, struct load_row *row, bool *made);

/* row.c: rows. Text lives until the next row. */
time_ns load_squeeze(const struct load *load, time_ns at);
void row_begin(struct load *load, struct load_row *row, enum load_what what, uint32_t node, slice verb);
void row_put(struct load_row *row, slice name, slice value); /* an empty value is left out */
void row_put_int(struct load *load, struct load_row *row, slice name, int64_t value);
void row_put_time(struct load *load, struct load_row *row, slice name, time_ns at); /* squeezed */
slice row_text(struct load *load, slice text);
slice row_person_id(struct load *load, uint64_t person);
void row_put_who(struct load *load, struct load_row *row, uint64_t person, uint32_t domain, bool second, bool nameless);
uint32_t row_next_pacs(const struct load *load, uint32_t nth); /* the nth PACS that exams go to; NONE_OF: there are no more */
void row_exam(struct load *load, struct exam *exam, unsigned what, struct load_row *row);

#endif
