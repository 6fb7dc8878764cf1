/* SPDX-License-Identifier: MIT
 *
 * Series: what a long run came to month by month, day by day, site by site: what the report of a year is drawn from.
 * Plain arrays, made by the judge while the run goes on, in the arena of the run. Months and days are local ones of the
 * scenario's zone. A figure that the run had no case of is 0 with a count of 0, never invented. */
#ifndef PONT_BENCH_SERIES_H
#define PONT_BENCH_SERIES_H

#include "src/base/slice.h"
#include "src/base/time.h"

#define SERIES_MONTHS_MAX 132 /* eleven years */
#define SERIES_DAYS_MAX 4020

struct series_month {
    int year, month;                 /* 2010, 1 */
    time_ns from_ns, until_ns;
    int64_t exams, published, images, bytes, messages; /* exams: completed by RADIS2 in this month */
    int64_t publish_count, publish_p50_ns, publish_p95_ns; /* completion acknowledged to seen published */
    int64_t priors_wanted, priors_ready; /* ready: before the exam they were wanted for was done */
    int64_t mdt_cases, mdt_ready;    /* ready when the meeting began */
    int64_t transfers, transfers_failed, transfer_bytes;
    int64_t queries, queries_partial;
};

struct series_day {
    int64_t exams;
    int64_t publish_worst_ns;
    int64_t down_nodes;              /* nodes that were down at some time of the day, planned or not */
};

struct series_site { /* parallel to scenario->sites */
    int64_t exams, published, images, bytes;
    int64_t publish_count, publish_p50_ns, publish_p95_ns;
    int64_t transfers_in, bytes_in, transfers_out, bytes_out;
    int64_t priors_wanted, priors_ready, mdt_cases, mdt_ready;
    int64_t *exams_by_month;         /* [month_count] */
};

struct series_node { /* parallel to scenario->nodes */
    int64_t studies, bytes;          /* originals held at the end */
    int64_t *bytes_by_month;         /* held at the end of each month */
    int64_t outages, planned;        /* of them planned */
    time_ns down_ns;
    int64_t finds, finds_failed, moves, moves_failed;
};

struct series_link { /* parallel to the links of the scenario */
    slice name;
    int64_t bytes;
    int64_t *bytes_by_month;
    int64_t *capacity_by_month;      /* bytes it could have carried; 0: no limit */
    int64_t outages;
    time_ns down_ns;
};

/* One fault as it happened. */
struct series_outage {
    slice id, effect;                /* of the scenario's fault; effect: down, crash, partition, slow ... */
    uint32_t node;                   /* index, or node_count + link */
    time_ns from_ns, until_ns;       /* until 0: not healed within the run */
    bool planned;
    int64_t exams_late, queries_partial; /* what it cost: exams published later than the objective, answers marked */
};

/* An objective (expect.slo), window by window. */
struct series_window {
    time_ns from_ns;
    int64_t count, missed;           /* cases, and those beyond the bound */
    double value;                    /* as measured, in the objective's unit */
    double burnt;                    /* share of the error budget used, 1 is all of it; below 0: there is no budget */
};
struct series_objective {
    slice id, text, unit;            /* "ms", "%" */
    double bound;
    bool at_least;                   /* the value must be at least the bound; else at most */
    struct series_window *windows;
    size_t window_count;
    int64_t count;
    double value, low, high;         /* over the whole run, with its 95 % interval */
    bool pass;
};

struct series {
    struct series_month *months;
    size_t month_count;
    struct series_day *days;
    size_t day_count;
    time_ns first_day_ns;            /* local midnight of days[0], in UTC */
    struct series_site *sites;
    struct series_node *nodes;
    struct series_link *links;
    size_t link_count;
    struct series_outage *outages;
    size_t outage_count;
    struct series_objective *objectives;
    size_t objective_count;
};

#endif
