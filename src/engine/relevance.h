/* SPDX-License-Identifier: MIT
 *
 * Relevance: which of a person's earlier studies are wanted beside a new examination, by the table
 * relevance.def. Pure arithmetic over integers: it neither looks anything up nor moves anything. */
#ifndef PONT_ENGINE_RELEVANCE_H
#define PONT_ENGINE_RELEVANCE_H

#include "src/base/arena.h"

#define RELEVANT_MAX 12 /* studies for one examination, those already there not counted */

/* The examination, or a study that might be wanted. */
struct relevance_study {
    slice modalities; /* backslash between */
    slice region, laterality;
    int64_t day;      /* since 1970 */
    bool there;       /* the reading site holds it: costs nothing, counts for no `most` */
};

struct relevance_choice {
    size_t candidate; /* index */
    int64_t score;    /* 1 .. 105 */
    slice why;        /* "same region, film: CR CHEST, 8 months before, score 73" */
};

/* Chooses among `count` candidates, best score first, later studies before earlier at the same score. Candidates of a later
 * day than the examination are left out; so must be the examination itself, by the caller. At most `most` choices. */
MUST_USE enum err relevance_choose(const struct relevance_study *exam, const struct relevance_study *candidates, size_t count,
                                   struct relevance_choice *choices, size_t most, size_t *chosen, struct arena *arena);

#endif
