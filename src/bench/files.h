/* SPDX-License-Identifier: MIT
 *
 * Files: folders made and removed whole, files written so that they are there whole or not at all. */
#ifndef PONT_BENCH_FILES_H
#define PONT_BENCH_FILES_H

#include "src/base/arena.h"

/* Makes it and what it lies in; ERR_OK when it is there. ERR_SYSTEM: errno says why. */
MUST_USE enum err files_make_folder(const char *path);
/* Removes it and all that is in it; no link is followed. What cannot be removed stays. */
void files_remove_folder(const char *path);
/* By another name first, then renamed. ERR_SYSTEM. */
MUST_USE enum err files_write(const char *path, slice bytes);
/* The bytes, ended by a NUL. ERR_NOT_FOUND, ERR_LIMIT. */
MUST_USE enum err files_read(slice *bytes, const char *path, struct arena *arena);
/* ERR_NOT_FOUND, ERR_SYSTEM. */
MUST_USE enum err files_copy(const char *from, const char *to);

#endif
