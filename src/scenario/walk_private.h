/* SPDX-License-Identifier: MIT
 *
 * Walk, private: what walk.c and walk_text.c share. */
#ifndef PONT_SCENARIO_WALK_PRIVATE_H
#define PONT_SCENARIO_WALK_PRIVATE_H

#include "src/scenario/field.h"

/* Complains (P204) of a name that is none of what `refers` says; `path` is what the sentence calls the place. */
void walk_name(struct walk *walk, const char *refers, slice name, struct span at, slice path);
/* Complains of a single value that does not fit its field. */
void walk_text(struct walk *walk, const struct field *field, const struct tree *tree, slice path);

#endif
