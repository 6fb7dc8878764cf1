/* SPDX-License-Identifier: MIT
 *
 * Publish, the private door: publish.c (one attempt: questions, answers, rows), publish_queue.c (whose turn it is). */
#ifndef PONT_ENGINE_PUBLISH_PRIVATE_H
#define PONT_ENGINE_PUBLISH_PRIVATE_H

#include "src/engine/publish.h"

#define WORKS_MAX        48u /* publications under way: leaves room for questions among FINDS_MAX */
#define WORK_ARENA       (96u * 1024)
#define WORK_STUDIES_MAX 8u /* studies under one accession number */
#define WORK_SERIES_MAX  512u

enum phase { PHASE_FREE, PHASE_STUDY, PHASE_SERIES, PHASE_IMAGE };

struct found_series {
    slice uid, modality, number, description;
    int64_t instance_count; /* -1: not told */
};
struct found_study {
    slice uid, date, time, description, study_id, modalities, accession;
    int64_t instance_count; /* -1: not told */
};
struct work {
    enum phase phase;
    uint32_t row; /* of the exam */
    uint32_t node;
    uint32_t find;
    struct arena arena;
    struct found_study studies[WORK_STUDIES_MAX];
    uint32_t study_count, study_at;
    struct found_series *series;
    uint32_t series_count, series_at;
    uint8_t round;      /* 0: to be published; else how often it was looked at since */
    bool changed;       /* since the last look */
    uint32_t strangers; /* studies of this number that belong to somebody else */
    bool too_many;
};

struct publish_state {
    struct work works[WORKS_MAX];
    uint32_t *waiting; /* a ring of exam rows that want a place */
    uint8_t *busy;     /* by exam row: waiting or at work: its round + 1 */
    uint32_t ring_max, ring_first, ring_count;
    uint32_t *parked;  /* by exam row: the next one, + 1, that waits for the same node to come back */
    uint32_t parked_first[NODES_MAX], parked_last[NODES_MAX]; /* row + 1 */
    bool goes_on; /* SUBJECT_GO_ON is set */
    bool starting; /* start_waiting is under way: an attempt that ends at once must not start the
                      next inside */
};

/* ---- publish.c */
/* An attempt for this row of an exam. It ends in publish_leave, publish_try_again or publish_not_yet, perhaps at once. */
void publish_begin(struct engine *engine, struct out *out, struct work *work, uint32_t row);

/* ---- publish_queue.c */
void publish_leave(struct engine *engine, struct out *out, struct work *work);
/* Not published: later. `counts`: for the wait to grow; it does not while a node is away. */
void publish_try_again(struct engine *engine, struct out *out, struct work *work, slice why, bool counts);
void publish_not_yet(struct engine *engine, struct out *out, struct work *work, slice why);

#endif
