/* SPDX-License-Identifier: MIT
 *
 * Reduce: a scenario as a list of things that may be taken away or made plainer, for the shrinker. Knows the language's
 * words but nothing of their meaning: a candidate that makes no sense is refused by the reader, and so shows nothing. */
#ifndef PONT_BENCH_REDUCE_H
#define PONT_BENCH_REDUCE_H

#include "src/bench/yaml.h"

#define REDUCE_GROUPS_MAX 64
#define REDUCE_ITEMS_MAX 20000

struct reduce {
    const struct tree *root;
    struct yaml_edit *items;      /* what taking item i away does */
    struct reduce_place {
        uint32_t first, end;      /* of the item's node and what is in it, counted in the order of the file */
    } *places;
    size_t count;
    size_t groups[REDUCE_GROUPS_MAX + 1]; /* group g is items groups[g] .. groups[g + 1] - 1, the coarse ones first */
    size_t group_count;
    bool has_length;              /* group 0 is how long it lasts: worth another try when the faults are few, after group */
    size_t faults_end;            /* faults_end - 1 */
};
/* Nothing that is named `rule` is an item. ERR_LIMIT. */
MUST_USE enum err reduce_init(struct reduce *reduce, const struct tree *root, slice rule, struct arena *arena);
/* Takes away, too, what lay in something that is gone. */
void reduce_settle(const struct reduce *reduce, bool *keep);
/* The scenario with these items. */
void reduce_put(const struct reduce *reduce, const bool *keep, struct buffer *buffer);
/* How many entries of a section ("people", "faults", "story") are left. */
size_t reduce_left(const struct reduce *reduce, const bool *keep, const char *section);

#endif
