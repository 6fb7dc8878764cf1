/* SPDX-License-Identifier: MIT
 *
 * Check: what `pont check` does with a file: finds out whether it is a scenario, a vendor profile or engine.yaml, and
 * reads it as that. Also what is made from the table of fields: the JSON Schemas and the reference. */
#ifndef PONT_SCENARIO_CHECK_H
#define PONT_SCENARIO_CHECK_H

#include "src/scenario/scenario.h"

enum file_kind { FILE_SCENARIO, FILE_PROFILE, FILE_ENGINE, FILE_KIND_COUNT };
const char *file_kind_text(enum file_kind kind); /* "scenario", "profile", "engine" */

/* Reads and checks; errors as scenario_read. When all is well *summary gets one line about what is in the file; what
 * defaults filled in goes into `explain`, unless null. */
MUST_USE enum err check_file(const char *path, const struct scenario_options *options, struct problems *problems, struct buffer *summary,
                             struct buffer *explain, struct arena *arena);
/* Words of faults and of the timeline, ended by a null word, and why one has no meaning in a world (empty: it has one). */
struct meaning {
    const char *word, *not_wire, *not_virtual;
};
const struct meaning *meanings(void);
/* JSON Schema (2020-12) of one kind of file. */
void schema_put(enum file_kind kind, struct buffer *buffer);
/* docs/scenario-reference.md. */
void reference_put(struct buffer *buffer);

#endif
