/* SPDX-License-Identifier: MIT
 *
 * Import: a folder of real DICOM files, as an archive serves them. Of files that share a SOP Instance UID the first by
 * name is served and the others are findings; what has no study, series or SOP UID is refused, by name and reason. */
#ifndef PONT_CLI_IMPORT_H
#define PONT_CLI_IMPORT_H

#include "src/base/arena.h"
#include "src/dicom/dimse.h"

#include <stdio.h>

#define IMPORT_MAX 65536

struct import_note {
    slice file;
    char why[128];
};
struct import {
    struct object *objects; /* with file, digests, identifying fields */
    size_t count;
    struct import_note *refused, *doubled;
    size_t refused_count, doubled_count;
};

/* Reads DIR and what is below it, in order of path. ERR_NOT_FOUND when it is no folder; ERR_LIMIT above IMPORT_MAX files. */
MUST_USE enum err import_folder(struct import *import, const char *folder, struct arena *arena);
/* One line a refused and a doubled file, then the counts. */
void import_tell(const struct import *import, FILE *out);

#endif
