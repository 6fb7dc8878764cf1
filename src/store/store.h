/* SPDX-License-Identifier: MIT
 *
 * Store: the registry on disk: the tables of src/engine/records.def in one SQLite file that any SQLite tool can
 * read while it is in use, and one row of `meta` that says which step it stands at. Write-ahead log, synchronous
 * FULL: what store_commit let through survives a crash. One thread at a time. ERR_STORE: SQLite refused;
 * store_why says what it said. */
#ifndef PONT_STORE_STORE_H
#define PONT_STORE_STORE_H

#include "src/engine/records.h"

struct store; /* opaque */

/* What the last committed transaction stood for. All zero in a fresh store. */
struct store_meta {
    int64_t life, step;    /* steps count from 1 in one life of the engine */
    uint64_t command_hash; /* over the commands of that life up to the step */
    uint64_t state_digest; /* of the durable rows */
};

/* Opens or makes the file. The store lives in `arena`. ERR_STORE also for a file of another shape. */
MUST_USE enum err store_open(struct store **out, const char *path, struct arena *arena);
MUST_USE enum err store_get_meta(struct store *store, struct store_meta *meta);
/* Hands out every row, table by table, in the order of its key. Slices are good during the call. Stops at the
 * first error of `row` and returns it. */
MUST_USE enum err store_restore(struct store *store, void *self, enum err (*row)(void *self, const struct record *record));

/* One transaction: begin, puts, commit. A put inserts, replaces, or deletes by key. */
MUST_USE enum err store_begin(struct store *store);
MUST_USE enum err store_put(struct store *store, const struct record *record);
MUST_USE enum err store_commit(struct store *store, const struct store_meta *meta);
/* Rolls back what is not committed, writes the log into the file, closes. */
void store_close(struct store *store);
const char *store_why(const struct store *store);

/* Demands in no terminal state, in a file that another process may be writing; -1 when it cannot be read. */
int64_t store_open_demands(const char *path);

/* Removes the files of `folder` that no row of `spooled` names, and returns how many; -1 when the database cannot be
 * read: then nothing is removed. Nobody else may be using it. */
int store_sweep_spool(const char *path, const char *folder);

#endif
