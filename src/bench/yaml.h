/* SPDX-License-Identifier: MIT
 *
 * Yaml: a scenario's tree written as a person would write it, with entries left out or changed. What is written, read
 * again, gives the same tree. Comments are not kept: the tree has none. */
#ifndef PONT_BENCH_YAML_H
#define PONT_BENCH_YAML_H

#include "src/scenario/tree.h"

struct yaml_edit {
    const struct tree *node;
    slice text; /* of a text: written instead; data null: the node is left out, with its key */
};
/* A collection all of whose entries are left out is left out itself. Sets buffer->full when there is no room. */
void yaml_put(const struct tree *root, const struct yaml_edit *edits, size_t edit_count, struct buffer *buffer);
/* One text: plain where it can be, else in double quotes. */
void yaml_put_text(slice text, bool quoted, struct buffer *buffer);

#endif
