/* SPDX-License-Identifier: MIT
 *
 * Load: the plan of a population, row by row in order of time, made as it is pulled: a pure function of (population,
 * seed, start, length, speed). Memory grows with the exams under way at one moment and with the patients, not with the
 * exams of the year. Draws are keyed by what they are for, so a stream, site or fault less moves nobody else's.
 *
 * Persons are numbers, 0 .. count-1; everything about one is a function of the number (person.h). Their id in entries
 * is "p" and the number. Not thread-safe: one load, one thread. Two loads of the same setup give the same rows. */
#ifndef PONT_LOAD_LOAD_H
#define PONT_LOAD_LOAD_H

#include "sim/load/population.h"

struct load; /* opaque */

struct load_setup {
    const struct population *population;
    uint64_t seed;
    time_ns start, length; /* exams are acquired in [start, start + length) */
    int64_t speed;         /* planned waits are divided by it; 0: 1 */
};

enum load_what {
    LOAD_REGISTER, LOAD_UPDATE, LOAD_ORDER, LOAD_SCHEDULE, LOAD_ARRIVE, LOAD_COMPLETE, LOAD_CANCEL,
    LOAD_PRELIMINARY, LOAD_FINAL, LOAD_CORRECTED,                        /* RIS, of exams */
    LOAD_PRIOR_REGISTER, LOAD_PRIOR_COMPLETE, LOAD_PRIOR_REPORT,            /* RIS, of exams from before */
    LOAD_MERGE, LOAD_UNMERGE, LOAD_MEETING,                              /* RIS */
    LOAD_STORED, LOAD_LATE_SERIES, LOAD_REJECTED, LOAD_PRIOR_STORED,     /* nodes */
    LOAD_LOOK, LOAD_RETRIEVE, LOAD_TRANSFER,                             /* viewers */
    LOAD_FAULT, LOAD_HEAL,
    LOAD_WHAT_COUNT
};

/* One row of the plan. Slices of the entry are good until the next load_next. person and study are the truth, -1 where
 * there is none; study is the key of its made images (argument `number`). */
struct load_row {
    time_ns at_ns;
    uint32_t node; /* index in population->nodes, or node_count + link */
    struct plan_entry entry;
    enum load_what what;
    uint32_t site; /* NONE_OF: none */
    int64_t person, study;
};

/* What a run will bring, about: for the limits of whoever must hold it. A tenth more, and then some, is a safe limit. */
struct load_expected {
    int64_t exams, priors, meetings_names;
    int64_t persons, registrations; /* who take part at some time; their numbers in all domains */
    int64_t studies[256];           /* stored at each of the first 256 nodes, priors too */
};
void load_expect(const struct load_setup *setup, struct load_expected *expected);

/* Bytes of arena that load_init and the load's life need. */
size_t load_memory(const struct load_setup *setup);
/* Makes it inside `arena`, which must outlive it. ERR_BAD_INPUT when population_check refuses, ERR_LIMIT when the arena
 * is too small. Borrows the setup's contents for as long. */
MUST_USE enum err load_init(struct load **out, const struct load_setup *setup, struct arena *arena);
/* The next row. ERR_NOT_FOUND: there is none any more. ERR_LIMIT: more under way than there is room for. */
MUST_USE enum err load_next(struct load *load, struct load_row *row);

/* What was made so far. */
struct load_counts {
    int64_t rows[LOAD_WHAT_COUNT];
    int64_t exams;       /* acquired */
    int64_t images;      /* of them */
    int64_t bytes;
    int64_t discussions; /* names on lists */
    int64_t meetings;
    int64_t persons;     /* seen at least once; priors do not count */
    int64_t alive_max;   /* most exams under way at once */
};
const struct load_counts *load_count(const struct load *load);
/* HL7 messages about exams of the run: ADT, ORM, ORU. */
int64_t load_messages(const struct load_counts *counts);
/* Exams acquired per site, modality and local hour of the week (0: Monday 00 h): what came, and what was asked for. The
 * latter in millionths, day noise left out, over the whole run. */
#define LOAD_WEEK_HOURS 168
int64_t load_came(const struct load *load, uint32_t site, uint32_t modality, int hour);
int64_t load_asked_micro(const struct load *load, uint32_t site, uint32_t modality, int hour);

#endif
