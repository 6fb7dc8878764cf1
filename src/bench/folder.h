/* SPDX-License-Identifier: MIT
 *
 * Folder: the run folder (design section 7): named, made, and begun with what is known before anything runs. */
#ifndef PONT_BENCH_FOLDER_H
#define PONT_BENCH_FOLDER_H

#include "src/scenario/scenario.h"

/* plan.jsonl: history and story, then the rows of the load as they are told; above PLAN_ROWS_MAX of these only their
 * number and a digest. */
#define PLAN_ROWS_MAX 200000
struct plan_file {
    void *file; /* FILE; null: not written */
    int64_t rows;
    uint64_t digest;
};
MUST_USE enum err plan_file_open(struct plan_file *plan, const char *folder, const struct scenario *scenario);
void plan_file_row(struct plan_file *plan, time_ns at_ns, slice actor, const struct plan_entry *entry);
void plan_file_close(struct plan_file *plan);

/* Makes `given`, or when null reports/runs/<scenario>-<world>-<seed>-<UTC time>; writes its path to `folder`, and
 * scenario.yaml into it. ERR_BAD_INPUT when it holds a run already, ERR_SYSTEM; `why` says which. */
MUST_USE enum err folder_open(char folder[512], const struct scenario *scenario, const char *scenario_file, const char *world, const char *given, char why[256]);
/* Points reports/runs/latest at it. */
void folder_link_latest(const char *folder);
/* Shows the files of the run in folder/inner as its own, where it has none. */
MUST_USE enum err folder_show(const char *folder, const char *inner);
/* Writes a file into it, all of it or ERR_SYSTEM. */
MUST_USE enum err folder_write(const char *folder, const char *name, slice bytes);

#endif
