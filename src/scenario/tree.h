/* SPDX-License-Identifier: MIT
 *
 * Tree: a YAML file as it stands, each value with its place. All scalars are text: what a text means is the business of
 * the table of fields, so that `no`, `012` and `12:30` are what they look like. Refuses what scenarios must not use
 * (tags, merge keys, aliases to collections, duplicate keys, tabs) and what is no text. */
#ifndef PONT_SCENARIO_TREE_H
#define PONT_SCENARIO_TREE_H

#include "src/scenario/problem.h"

#define TREE_FILE_MAX (8u << 20) /* bytes; a scenario of a thousand people is 200 kB */
#define TREE_DEPTH_MAX 64
#define TREE_NODES_MAX 1000000

enum tree_kind { TREE_TEXT, TREE_LIST, TREE_MAP };

struct tree {
    enum tree_kind kind;
    bool quoted;         /* text in quotes or a block: never taken for "nothing" */
    slice key;           /* of an entry of a map, ended by a NUL */
    slice text;          /* of TREE_TEXT, ended by a NUL */
    uint32_t param;      /* of a text that a param replaced: its index + 1 */
    struct span at;      /* the value; of a list or map its first character */
    struct span key_at;  /* the key; of an element of a list the value */
    struct tree *first, *next;
    size_t count;        /* children */
};

/* The bytes of a file, in the arena, ended by a NUL. Complains (P101, P102, P103) and gives ERR_NOT_FOUND, ERR_BAD_INPUT
 * or ERR_LIMIT. */
MUST_USE enum err tree_load(slice *source, const char *path, const struct complaints *to, struct arena *arena);
/* Borrows from the arena only. ERR_BAD_INPUT with at least one complaint: *root is null when the grammar is broken, and the
 * rest of the file where only keys stood twice; ERR_LIMIT (P105) when the arena is full. */
MUST_USE enum err tree_parse(struct tree **root, slice source, const struct complaints *to, struct arena *arena);

/* The entry of a map; null when there is none, or `map` is null or no map. */
const struct tree *tree_get(const struct tree *map, const char *key);
/* Nothing was written: `key:` or `key: ~`. */
bool tree_is_empty(const struct tree *tree);

#endif
