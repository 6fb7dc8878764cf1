/* SPDX-License-Identifier: MIT
 *
 * Causes: causes.jsonl of a run in virtual time, read back: which event caused which, up to a row of the plan or a timer of the
 * start. And the bundle that a failing run leaves, failure.json. */
#ifndef PONT_BENCH_CAUSES_H
#define PONT_BENCH_CAUSES_H

#include "src/bench/results.h"

struct cause {
    int64_t number, parent, step; /* parent 0: none; step: of its actor, in that life */
    time_ns at_ns;
    slice node, what;
    slice about[8];
    size_t about_count;
};
struct causes {
    struct cause *list; /* number n is list[n - 1] */
    size_t count;
};
/* ERR_NOT_FOUND when there is no such file, ERR_BAD_INPUT, ERR_LIMIT. */
MUST_USE enum err causes_read(struct causes *causes, const char *path, struct arena *arena);
const struct cause *causes_get(const struct causes *causes, int64_t number); /* null when there is none */
bool cause_is_about(const struct cause *cause, slice key);
/* The last event about any of the keys, at `node` if that is not empty, not after at_ns; null when there is none. */
const struct cause *causes_last(const struct causes *causes, const slice *keys, size_t key_count, slice node, time_ns at_ns);
/* "2010-03-01T08:00:44.709383 pacs_n: RECEIVED C-FIND-RQ" */
void cause_put(const struct cause *cause, struct buffer *buffer);
#define CHAIN_MAX 1024
/* The event and what caused it, nearest first; how many. A story whose steps wait for each other makes a long chain. */
size_t causes_chain(const struct causes *causes, const struct cause *last, const struct cause *chain[CHAIN_MAX]);

/* ---- failure.json: at most FAILURE_MAX bytes. Written when something was violated or fell short; `repeat` is the command that does so
 * again. Without causes.jsonl it lacks the events. ERR_SYSTEM. */
#define FAILURE_MAX (1u << 20)
#define FAILURE_WINDOW (2 * TIME_HOUR)
MUST_USE enum err failure_write(const struct results *results, const char *folder, const char *repeat, struct arena *arena);

#endif
