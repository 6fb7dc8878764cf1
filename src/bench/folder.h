/* SPDX-License-Identifier: MIT
 *
 * Folder: the run folder (design section 7): named, made, and begun with what is known before anything runs. */
#ifndef PONT_BENCH_FOLDER_H
#define PONT_BENCH_FOLDER_H

#include "src/scenario/scenario.h"

/* Makes `given`, or when null reports/runs/<scenario>-<world>-<seed>-<UTC time>; writes its path to `folder`, and
 * scenario.yaml and plan.jsonl into it. ERR_BAD_INPUT when it holds a run already, ERR_SYSTEM; `why` says which. */
MUST_USE enum err folder_open(char folder[512], const struct scenario *scenario, const char *scenario_file, const char *world, const char *given, char why[256]);
/* Points reports/runs/latest at it. */
void folder_link_latest(const char *folder);
/* Writes a file into it, all of it or ERR_SYSTEM. */
MUST_USE enum err folder_write(const char *folder, const char *name, slice bytes);

#endif
