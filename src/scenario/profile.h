/* SPDX-License-Identifier: MIT
 *
 * Profile: a vendor profile as a value, and the names that profiles and engine.yaml share. */
#ifndef PONT_SCENARIO_PROFILE_H
#define PONT_SCENARIO_PROFILE_H

#include "src/scenario/field.h"

struct dialect_row {
    const char *name, *quirks;
};
extern const struct dialect_row dialect_rows[DIALECT_COUNT];

struct profile_names {
    struct names quirks, dialects, charsets;
};
/* Makes the walk know quirks, dialects and character sets. */
MUST_USE enum err profile_names(struct walk *walk, struct profile_names *names);
/* The profile in a file, its quirks filtered by level. Complaints go to `to`, not sorted. What defaults filled in is hung
 * where `explained` points, unless null. */
MUST_USE enum err profile_read(struct vendor_profile **out, const char *path, enum confidence level, const struct complaints *to, struct explained **explained,
                               struct arena *arena);
/* As vendor_read, in the folder of the scenario `file`. */
MUST_USE enum err vendor_read_beside(struct vendor_profile **out, slice name, const char *file, const struct scenario_options *options,
                                     struct problems *problems, struct arena *arena);
/* engine_yaml_read, with what defaults filled in. */
MUST_USE enum err engine_file_read(struct engine_file **out, const char *path, struct problems *problems, struct explained **explained, struct arena *arena);

#endif
