/* SPDX-License-Identifier: MIT
 *
 * Population: what happens in the hospitals, as a plain value: sites and how many exams they do, who the patients are,
 * when exams come, what an exam goes through, meetings, planned change, planned faults. src/scenario fills it from the
 * file, load.h makes the plan of it. Everything is borrowed for as long as the load lives.
 *
 * Units. A field whose name ends in _micro is in millionths (250000 is a quarter; exams_micro: of an exam a year). Times
 * are ns: points in time since 1970 UTC, lengths plain. Where a thing names another, it does so by index; NONE_OF is
 * none. Days of the week count from Monday, 0. Local time is that of `zone`. */
#ifndef PONT_LOAD_POPULATION_H
#define PONT_LOAD_POPULATION_H

#include "sim/load/zone.h"
#include "src/actor/actor.h"
#include "src/base/distribution.h"

#define NONE_OF UINT32_MAX
#define MICRO 1000000
#define LOAD_MODALITIES_MAX 16
#define LOAD_DOMAINS_MAX 32
#define LOAD_SITES_MAX 64
#define LOAD_STREAMS_MAX 64
#define LOAD_MEETINGS_MAX 128
/* A link has no node of its own: link L is the target node_count + L, as in sim/virtual. */

/* ---- When. */

/* Open hours. to_minute at or below from_minute: until that minute of the next day. */
struct opening {
    slice id;
    uint8_t weekdays; /* bit 0: Monday */
    uint16_t from_minute, to_minute;
    const int32_t *holidays; /* local days since 1970, rising */
    size_t holiday_count;
    uint8_t holiday_acts_as; /* day of the week; 7: closed */
};

enum shape_kind { SHAPE_HOURS, SHAPE_DAYS, SHAPE_MONTHS, SHAPE_RAMP };

/* Weights. HOURS: 24 of a day; DAYS: 7 from Monday; both only count relative to their sum. MONTHS: 12 factors from January.
 * RAMP: factors for the months of the run, the last goes on. */
struct shape {
    slice id;
    enum shape_kind kind;
    int64_t weights_micro[36];
    size_t count;
};

/* ---- Where. */

/* An identity domain: one numbering of patients and of exams. Sites with one issuer share it. */
struct population_domain {
    slice issuer;           /* of patient numbers, CX-4 */
    slice accession_issuer; /* its letters */
    slice accession;        /* form: each # is a digit, other characters stand as they are: "CAV#######" */
    uint32_t ris;           /* node that tells its messages */
};

struct population_site {
    slice id;
    uint32_t domain;
    int64_t exams_micro;        /* a year, of everybody */
    const int64_t *mix_micro;   /* [modality] of its exams; null: the stream's own mix */
    uint32_t pacs;              /* node its images go to */
    uint32_t viewer;            /* node its clinicians look at images on; NONE_OF: they do not look */
    uint32_t reading;           /* node where it reads, which priors must reach; NONE_OF: its PACS */
    const int64_t *enrolled_micro; /* [modality] share of its exams whose patients take part; null: that of `patients` */
};

/* ---- What. */

struct population_modality {
    slice id;               /* the scenario's word: XR */
    slice code;             /* in DICOM and HL7: CR; empty: id */
    slice other_code;       /* of the share other_micro of its exams: DX */
    int64_t other_micro;
    struct distribution images, series, image_bytes; /* of a study; images are cut at 10000, series at 64 */
};

/* ---- When exams come. */

enum load_process {
    PROCESS_POISSON,  /* share or rate, shapes, day noise */
    PROCESS_SCHEDULE, /* every `every`, first after half of it, give or take `jitter`, at each site */
    PROCESS_BURST,    /* `count` within `within` from `at`, at each site */
    PROCESS_TRACE,    /* rows of `trace` */
};
/* What the time of an arrival is: of its first step, or of acquisition. Hours measured in departments are those of
 * acquisition: the steps before it are then put back by their waits (never before the run begins). */
enum anchor { ANCHOR_BY_PROCESS, /* acquisition for poisson, else first step */
              ANCHOR_FIRST, ANCHOR_ACQUIRE };

struct trace_exam {
    time_ns at;
    uint32_t site, modality;
    int64_t person; /* below 0: drawn */
};

struct population_burst {
    slice id;
    time_ns at, within;
    uint32_t site;
    int64_t count;
    const int64_t *mix_micro; /* [modality]; null: that of the stream at the site */
};

struct population_stream {
    slice id;
    enum load_process process;
    enum anchor anchor;
    const uint32_t *sites;
    size_t site_count;
    /* POISSON: exams a year at a site and modality =
     *   rate_micro × mix, when rate_micro is above 0 (at each site); else
     *   exams of the site × share_by[m] × mix of the site, when share_by is not null and the site has a mix; else
     *   exams of the site × share_micro × mix_micro of the stream;
     * all × scale_micro × the enrolled share. */
    int64_t rate_micro, share_micro;
    const int64_t *share_by_micro; /* [modality] */
    const int64_t *mix_micro;      /* [modality] */
    int64_t scale_micro;           /* 0 is none; 1000000 as it is */
    int64_t day_noise_micro;       /* sigma of each day's log-normal factor, mean 1 */
    const struct shape *hours, *days, *months; /* null: even */
    uint32_t calendar;             /* whose holidays it keeps; NONE_OF: none */
    int64_t holiday_micro;         /* factor on holidays, on top of the day they act as; 0: 1 */
    time_ns every, jitter;         /* SCHEDULE */
    time_ns at, within;            /* BURST */
    int64_t count;                 /* BURST; SCHEDULE: at most so many a site, 0: no bound */
    const struct trace_exam *trace;
    size_t trace_count;
    const struct population_burst *bursts;
    size_t burst_count;
    uint32_t pathway;
};

/* ---- What an exam goes through. */

enum step_kind {
    STEP_ORDER,    /* registration (ADT), order and scheduling */
    STEP_WAIT,     /* time, then on to when `calendar` is open */
    STEP_PREFETCH, /* the engine's own doing; here for the reader of a file */
    STEP_NO_SHOW,  /* chance: cancelled, and nothing more */
    STEP_ARRIVE,   /* patient arrives; chance of `unknown`: NHS number not known yet */
    STEP_ACQUIRE,  /* time by modality; the exam is then complete */
    STEP_STORE,    /* images reach the PACS; late series, rejection */
    STEP_PUBLISH,  /* the engine's own doing */
    STEP_REPORT,   /* time by modality until the final report; chance: that there is none */
    STEP_TRANSFER, /* chance: the study is sent to `target` (a node), by its site's viewer */
    STEP_LOOK,     /* mean_micro ad hoc questions, share `chance` of them followed by a retrieve */
    STEP_MDT,      /* put on the next list of `target` (a meeting; NONE_OF: the nearest of its domain) */
    STEP_BRANCH,   /* one of `options` */
    STEP_AGAIN,    /* another exam by pathway `target`, same person, site and modality */
    STEP_MERGE,    /* a second number of the person is merged, if she has one */
    STEP_CANCEL,   /* after completion: entered in error */
    STEP_KIND_COUNT
};

struct pathway_option {
    int64_t chance_micro; /* of the last one: what is left */
    const struct pathway_step *steps;
    size_t step_count;
};
#define PATHWAY_DEPTH_MAX 8 /* of branches in branches */

struct pathway_step {
    enum step_kind kind;
    int64_t chance_micro;
    int64_t mean_micro;                    /* LOOK */
    bool everywhere;                       /* LOOK: asks every PACS itself, by name and birth date, instead of the engine */
    struct distribution time;
    const struct distribution *time_by;    /* [modality]; null: `time` for all */
    uint32_t calendar;                     /* NONE_OF: any time */
    uint32_t target;
    int64_t late_series_micro, reject_micro; /* STORE */
    const struct pathway_option *options;    /* BRANCH */
    size_t option_count;
    const int64_t *never_by_micro; /* REPORT: [modality] chance that there is none, on top of chance_micro; null: none */
    bool nobody;                   /* REPORT: waits for no reader (`by: nobody`) */
    uint8_t priority;              /* REPORT: 0 routine, 1 soon, 2 urgent */
    uint32_t role;                 /* REPORT: enum staff_role that reads */
    bool urgent;                   /* TRANSFER */
    time_ns lead;                  /* PREFETCH: before the exam; TRANSFER: needed within; 0: not said */
    uint32_t relevant;             /* PREFETCH: priors that matter */
};

struct pathway {
    slice id;
    const struct pathway_step *steps;
    size_t step_count;
    time_ns wait_max; /* of all waits before acquisition together; 0: 90 days */
};

/* How many messages an exam has besides its order and completion, which are one each: means. */
struct population_messages {
    int64_t register_micro, update_micro;      /* ADT: of each order, of each exam that is done */
    int64_t schedule_micro, arrive_micro;      /* ORM SC, ORM IP */
    int64_t preliminary_micro, final_micro, corrected_micro; /* ORU, where the pathway reports */
    struct distribution schedule_after;        /* the order; the first scheduling */
    struct distribution complete_after;        /* the acquisition: when RADIS2 says so */
    struct distribution store_after;           /* the acquisition: when the images are in the PACS */
    struct distribution late_after;            /* the first images: when the late series comes */
    struct distribution reject_after;
    struct distribution corrected_after;       /* the final report */
    struct distribution look_after;            /* the completion */
};

/* ---- Who. */

struct population_affinity {
    uint32_t domain, other;
    int64_t weight_micro; /* of those known in both, seen from `domain` */
};

struct population_patients {
    int64_t count;             /* in all domains together */
    int64_t nhs_missing_micro; /* RADIS2 has no NHS number, or has one that was not traced */
    int64_t nhs_wrong_micro;   /* one domain has a wrong one */
    int64_t at_two_micro;      /* share of a domain's exams whose patient another domain knows too */
    const int64_t *at_two_by_micro; /* [domain]; null: at_two_micro everywhere */
    const struct population_affinity *affinity; /* pairs without a row: by the exams of the other */
    size_t affinity_count;
    int64_t hard_letters_micro; /* names that no single-byte set can write (ŵ, ŷ) */
    int64_t accents_micro;      /* names with â, ô, ë, ... */
    int64_t twins_micro, maiden_micro, duplicates_micro; /* of persons; duplicates: of a domain's persons */
    int64_t merges_micro, unmerges_micro; /* a year, in all domains together */
    const int64_t *enrolled_micro; /* [modality] share of exams whose patients take part; null: all */
    const struct shape *ramp;      /* share of those persons who take part yet; null: all */
    bool enrolled_only;            /* what does not take part is not told at all (always so today) */
};

/* Exams from before the run, whose manifests are loaded when the person takes part. */
struct population_priors {
    struct distribution count; /* per person; all 0: none */
    struct distribution age;   /* before the run began */
    int64_t remote_micro;      /* of a person known in two domains: chance that one lies in the other; 0: 400000 */
    const int64_t *mix_micro;  /* [modality]; null: as the exams of the domain */
    time_ns at, within;        /* the share `early_micro` is loaded then, the rest evenly until the end */
    int64_t early_micro;       /* 0: all */
    uint32_t calendar;         /* only when it is open; NONE_OF: any time */
    bool reports;              /* a final report with each */
};

/* ---- Meetings. */

struct population_meeting {
    slice id, text;
    uint32_t site;
    uint32_t viewer;         /* node where the images are looked at */
    const uint32_t *joined;  /* further sites whose patients are discussed */
    size_t joined_count;
    time_ns once_at;         /* above 0: that one; else weekly: */
    uint8_t weekday;
    uint16_t minute;
    uint32_t every_weeks;    /* 0: 1 */
    int64_t weeks_micro;     /* weeks in a year in which it would meet if every_weeks were 1; 0: all but holidays */
    uint32_t calendar;       /* not on its holidays; NONE_OF */
    int64_t cases_micro, spread_micro; /* list size: mean; evenly give or take this share of it */
    time_ns closes;          /* before it begins */
    int64_t late_micro, in_meeting_micro;
    int64_t external_micro;  /* share of the studies looked at that lie in another domain; 0: as they come */
    const struct shape *ramp; /* of the list size; null */
    int64_t studies_each_micro; /* looked at for each case; 0: not said */
    time_ns ready_before;    /* everything must be there so long before it begins */
    time_ns lasts;
};

/* ---- People who work there. */

enum staff_role { STAFF_READERS, STAFF_RADIOGRAPHERS, STAFF_COORDINATORS };

struct population_staff {
    slice id;
    enum staff_role role;
    const uint32_t *sites;   /* each has as many */
    size_t site_count;
    int64_t count_micro, otherwise_micro; /* at work in the hours of the calendar, and outside of them */
    uint32_t calendar;       /* NONE_OF: all hours */
};

/* ---- Planned change and faults. */

struct population_merge {
    slice id;
    time_ns at;
    int64_t patients;
    uint32_t domain;  /* NONE_OF: any */
    uint32_t undoes;  /* index of the merge that is undone; NONE_OF: a merge */
    bool wrong;       /* two persons: it will be undone */
};

enum fault_when {
    FAULT_AT,     /* once */
    FAULT_EVERY,  /* every `every` from `at` (0: the start) */
    FAULT_RATE,   /* rate_micro a year, Poisson, on each target */
    FAULT_OPENING /* at each opening of `calendar`, in `week_of_month` (1-5; 0: every week) */
};

struct population_fault {
    slice id;
    slice effect;                       /* verb of the entry: down, crash, slow, partition, ... */
    const struct plan_argument *arguments;
    size_t argument_count;
    const uint32_t *targets;            /* nodes, or node_count + link */
    size_t target_count;
    uint32_t pick;                      /* so many of them each time, drawn; 0: all */
    bool in_turn;                       /* one after the other, each for its part of the length */
    enum fault_when when;
    time_ns at, every, until;           /* until: no instance begins later; 0: the end */
    int64_t rate_micro;
    uint32_t calendar;
    uint8_t week_of_month;
    struct distribution length;         /* 0: never healed but at the end of the run */
    bool announced;                     /* passed on as an argument */
    bool deed;                          /* PLAN_DO instead of FAULT, without an end: change, kill */
};

/* ---- All of it. */

struct population {
    enum zone zone;
    const slice *nodes; /* names of the scenario's nodes: row.node is an index into it */
    const slice *titles; /* their AE titles; null: nothing is sent to a PACS by hand */
    size_t node_count;
    const struct opening *openings;
    size_t opening_count;
    const struct population_domain *domains;
    size_t domain_count;
    const struct population_site *sites;
    size_t site_count;
    const struct population_modality *modalities;
    size_t modality_count;
    int64_t exams_growth_micro, images_growth_micro; /* a year; the year's figures are those of its middle */
    const struct population_stream *streams;
    size_t stream_count;
    const struct pathway *pathways;
    size_t pathway_count;
    struct population_messages messages;
    struct population_patients patients;
    struct population_priors priors;
    const struct population_meeting *meetings;
    size_t meeting_count;
    const struct population_staff *staff;
    size_t staff_count;
    const struct population_merge *merges;
    size_t merge_count;
    const struct population_fault *faults;
    size_t fault_count;
};

/* What holds where a file says nothing: messages, delays. */
void population_defaults(struct population *population);
/* What load_init would refuse; *why says what, with the ids in it, into `text`. ERR_BAD_INPUT. */
MUST_USE enum err population_check(const struct population *population, char *why, size_t why_size);

#endif
