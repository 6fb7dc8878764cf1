/* SPDX-License-Identifier: MIT
 *
 * Shrink: takes away from something that fails until nothing can be taken away any more (ddmin of Zeller and Hildebrandt,
 * by halving chunks, last first). What is taken away are items, numbered; what an item is, the caller's probe knows. A
 * probe runs in a child, several at once, and the one accepted is the first in the order of candidates, never the first to
 * finish: the outcome is a function of the items and the probe alone. */
#ifndef PONT_BENCH_SHRINK_H
#define PONT_BENCH_SHRINK_H

#include "src/base/arena.h"

struct shrink {
    size_t count;             /* of items */
    bool *keep;               /* [count]; all true at the begin */
    size_t jobs;
    size_t probes_max;        /* 0: no bound */
    int64_t deadline_ns;      /* CLOCK_MONOTONIC; after it no more probes begin; 0: never */
    /* In a child: does it still fail, in the same way, with these items alone? `probe` numbers it from 1. */
    bool (*fails)(void *self, const bool *keep, size_t probe);
    /* In the parent, after each accepted step; it may take away more that makes no difference. Null: nobody is told. */
    void (*told)(void *self, struct shrink *shrink);
    /* In the parent: candidates of one name are one and the same, and are asked about once. Null: all of them differ. */
    uint64_t (*name)(void *self, const bool *keep);
    void *self;
    struct shrink_refused {   /* names of what did not fail; shrink_forget empties and frees it */
        uint64_t *names;
        size_t count, size;   /* a power of two */
    } refused;
    size_t probes, accepted;  /* so far */
    bool out_of_time;
    enum err err;
};

/* Items first .. first + count - 1 of which nothing can be left out, all others staying as they are. False when nothing
 * could be taken away. */
bool shrink_group(struct shrink *shrink, size_t first, size_t count);
/* What was refused may be asked again: the probe has come to mean something else, or all is over. */
void shrink_forget(struct shrink *shrink);
/* Is it so with what is kept now? */
bool shrink_holds(struct shrink *shrink);
/* Takes the group away but for what `wanted` says, if it still fails so. */
bool shrink_try(struct shrink *shrink, const bool *wanted);
size_t shrink_kept(const struct shrink *shrink, size_t first, size_t count);

#endif
