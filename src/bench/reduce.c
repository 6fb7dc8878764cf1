/* SPDX-License-Identifier: MIT */
#include "src/bench/reduce.h"

#include <stdio.h>

/* ---- What may go, in the order in which it is tried: what makes later probes cheap comes first. `*` is any entry. */

static const char *const patterns[] = {
    "study", "observe", "arrivals", "meetings", "timeline", "faults", "story", "patients", "people", "studies",
    "arrivals.*", "meetings.*", "timeline.*", "faults.*", "story.*", "studies.*", "people.*",
    "expect.*", "expect.always.*", "expect.counts.*", "expect.slo.*", "expect.sometimes.*", "expect.healed_within.*", "expect.never.*",
    "links.*", "nodes.*", "sites.*", "pathways.*", "calendars.*", "shapes.*", "params.*",
    "pathways.*.*", "arrivals.*.*", "arrivals.*.process.trace.rows.*", "story.*.after.*", "story.*.*", "people.*.numbers.*", "people.*.*", "studies.*.*",
    "nodes.*.*", "links.*.*", "sites.*.*", "patients.*", "faults.*.*", "run.*", "run.*.*", "scenario.*",
};

/* Whole numbers that one is tried for, by the key they stand at. */
static const char *const counts[] = {"images", "series", "count", "nth", "cases", "studies"};

struct finder {
    struct reduce *reduce;
    struct arena *arena;
    slice rule;
    size_t max;
    bool full;
};

static void add(struct finder *finder, struct yaml_edit item)
{
    if (finder->reduce->count == finder->max) {
        finder->full = true;
        return;
    }
    finder->reduce->items[finder->reduce->count++] = item;
}

/* Half of it, half of that, ... 1; of several that were taken the last one holds. */
static void add_ladder(struct finder *finder, const struct tree *node, int64_t number, slice unit)
{
    while (number > 1) {
        char text[48];
        number /= 2;
        int size = snprintf(text, sizeof text, "%lld%s%.*s", (long long)number, unit.size > 0 ? " " : "", SLICE_ARGS(unit));
        slice copy = arena_copy(finder->arena, (slice){text, (size_t)size});
        if (copy.data == NULL) {
            finder->full = true;
            return;
        }
        add(finder, (struct yaml_edit){node, copy});
    }
}

/* How long examinations arrive: cut first, as that makes all that follows cheap. */
static void find_length(struct finder *finder, const struct tree *root)
{
    int64_t number = 0;
    const struct tree *node = tree_get(root, "run");
    node = node == NULL ? NULL : tree_get(node, "clock");
    node = node == NULL ? NULL : tree_get(node, "length");
    if (node != NULL && node->kind == TREE_TEXT) {
        slice unit = node->text, digits = slice_trim(slice_cut(&unit, ' '));
        if (slice_to_int64(digits, &number)) {
            add_ladder(finder, node, number, slice_trim(unit));
        }
    }
}

/* Is it the rule itself, or what it stands in: {id: rule}, or a key or text of its name. */
static bool names_rule(const struct finder *finder, const struct tree *node)
{
    const struct tree *id = tree_get(node, "id");
    if (slice_equal(node->key, finder->rule) || (node->kind == TREE_TEXT && slice_equal(node->text, finder->rule)) || (id != NULL && slice_equal(id->text, finder->rule))) {
        return true;
    }
    for (const struct tree *child = node->first; child != NULL && node->kind != TREE_TEXT; child = child->next) {
        if (names_rule(finder, child)) {
            return true;
        }
    }
    return false;
}

static void match(struct finder *finder, const struct tree *node, slice pattern)
{
    slice rest = pattern, part = slice_cut(&rest, '.');
    if (node == NULL || node->kind == TREE_TEXT) {
        return;
    }
    for (const struct tree *child = node->first; child != NULL; child = child->next) {
        if (!slice_equal(part, SLICE("*")) && !slice_equal(part, child->key)) {
            continue;
        }
        if (rest.data != NULL) {
            match(finder, child, rest);
        } else if (!slice_starts(pattern, SLICE("expect")) || !names_rule(finder, child)) {
            add(finder, (struct yaml_edit){.node = child});
        }
    }
}

static void find_counts(struct finder *finder, const struct tree *node)
{
    int64_t number = 0;
    if (node->kind == TREE_TEXT) {
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            if (slice_equal(node->key, slice_from(counts[i])) && slice_to_int64(node->text, &number) && number > 1) {
                add_ladder(finder, node, number, SLICE_EMPTY);
            }
        }
        return;
    }
    for (const struct tree *child = node->first; child != NULL; child = child->next) {
        find_counts(finder, child);
    }
}

static void end_group(struct reduce *reduce)
{
    if (reduce->count > reduce->groups[reduce->group_count]) {
        reduce->groups[++reduce->group_count] = reduce->count;
    }
}

static uint32_t place(struct reduce *reduce, const struct tree *node, uint32_t number)
{
    uint32_t first = number++;
    for (const struct tree *child = node->kind == TREE_TEXT ? NULL : node->first; child != NULL; child = child->next) {
        number = place(reduce, child, number);
    }
    for (size_t i = 0; i < reduce->count; i++) {
        if (reduce->items[i].node == node) {
            reduce->places[i] = (struct reduce_place){first, number};
        }
    }
    return number;
}

void reduce_settle(const struct reduce *reduce, bool *keep)
{
    for (size_t gone = 0; gone < reduce->count; gone++) {
        const struct reduce_place *around = &reduce->places[gone];
        for (size_t i = 0; !keep[gone] && reduce->items[gone].text.data == NULL && i < reduce->count; i++) {
            bool inside = reduce->places[i].first > around->first && reduce->places[i].end <= around->end;
            bool same = reduce->places[i].first == around->first && reduce->items[i].text.data != NULL;
            keep[i] = keep[i] && !inside && !same;
        }
    }
}

enum err reduce_init(struct reduce *reduce, const struct tree *root, slice rule, struct arena *arena)
{
    *reduce = (struct reduce){.root = root, .items = arena_array(arena, REDUCE_ITEMS_MAX, sizeof *reduce->items)};
    struct finder finder = {.reduce = reduce, .arena = arena, .rule = rule, .max = REDUCE_ITEMS_MAX};
    _Static_assert(sizeof patterns / sizeof patterns[0] + 2 <= REDUCE_GROUPS_MAX, "a group for each pattern");
    if (reduce->items == NULL) {
        return ERR_LIMIT;
    }
    find_length(&finder, root);
    end_group(reduce);
    reduce->has_length = reduce->group_count > 0;
    for (size_t p = 0; p < sizeof patterns / sizeof patterns[0]; p++) {
        match(&finder, root, slice_from(patterns[p]));
        end_group(reduce);
        reduce->faults_end = slice_equal(slice_from(patterns[p]), SLICE("faults.*")) ? reduce->group_count : reduce->faults_end;
    }
    find_counts(&finder, root);
    end_group(reduce);
    reduce->places = arena_array(arena, reduce->count + 1, sizeof *reduce->places);
    if (finder.full || reduce->places == NULL) {
        return ERR_LIMIT;
    }
    (void)place(reduce, root, 0);
    return ERR_OK;
}

/* ---- Writing. */

void reduce_put(const struct reduce *reduce, const bool *keep, struct buffer *buffer)
{
    static struct yaml_edit edits[REDUCE_ITEMS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < reduce->count; i++) {
        if (!keep[i]) {
            edits[count++] = reduce->items[i];
        }
    }
    yaml_put(reduce->root, edits, count, buffer);
}

size_t reduce_left(const struct reduce *reduce, const bool *keep, const char *section)
{
    const struct tree *map = tree_get(reduce->root, section);
    size_t left = 0;
    for (size_t i = 0; map != NULL && i < reduce->count; i++) {
        if (reduce->items[i].node == map && !keep[i]) {
            return 0;
        }
    }
    for (const struct tree *child = map == NULL ? NULL : map->first; child != NULL; child = child->next) {
        bool gone = false;
        for (size_t i = 0; i < reduce->count && !gone; i++) {
            gone = reduce->items[i].node == child && reduce->items[i].text.data == NULL && !keep[i];
        }
        left += !gone;
    }
    return left;
}
