/* SPDX-License-Identifier: MIT */
#include "src/bench/freeze.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

struct came { /* one fault, as it came */
    slice name, actor;
    time_ns from, until;
};
struct freezer {
    const struct scenario *scenario;
    struct arena *arena;
    struct came *came;
    size_t count;
    bool full;
};

/* ---- The plan. */

static void take_row(struct freezer *freezer, const json_t *row)
{
    const json_t *entry = json_object_get(row, "entry");
    const char *kind = json_string_value(json_object_get(entry, "kind")), *actor = json_string_value(json_object_get(row, "actor"));
    const char *name = json_string_value(json_object_get(json_object_get(entry, "args"), "fault"));
    time_ns at = json_integer_value(json_object_get(row, "at"));
    if (kind == NULL || actor == NULL || name == NULL) {
        return;
    }
    if (strcmp(kind, "heal") == 0) {
        for (size_t i = 0; i < freezer->count; i++) {
            struct came *came = &freezer->came[i];
            if (came->until == TIME_NEVER && slice_equal(came->name, slice_from(name)) && slice_equal(came->actor, slice_from(actor))) {
                came->until = at;
                return;
            }
        }
        return;
    }
    if (freezer->count == FREEZE_FAULTS_MAX) {
        freezer->full = true;
        return;
    }
    freezer->came[freezer->count++] = (struct came){arena_copy(freezer->arena, slice_from(name)), arena_copy(freezer->arena, slice_from(actor)), at, TIME_NEVER};
}

static enum err read_plan(struct freezer *freezer, const char *path)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    if (file == NULL) {
        return ERR_NOT_FOUND;
    }
    while (getline(&line, &size, file) > 0) {
        if (strstr(line, "\"kind\":\"fault\"") != NULL || strstr(line, "\"kind\":\"heal\"") != NULL) {
            json_t *row = json_loads(line, 0, NULL);
            take_row(freezer, row);
            json_decref(row);
        }
    }
    free(line);
    fclose(file);
    return freezer->full ? ERR_LIMIT : ERR_OK;
}

/* ---- The tree. */

static struct tree *put_node(struct freezer *freezer, const struct tree *like, enum tree_kind kind, slice key, slice text)
{
    struct tree *node = arena_alloc(freezer->arena, sizeof *node);
    if (node == NULL) {
        freezer->full = true;
        return NULL;
    }
    *node = (struct tree){.kind = kind, .key = key, .text = text, .at = like->at, .key_at = like->key_at};
    return node;
}

static void append(struct tree *to, struct tree ***end, struct tree *child)
{
    if (child != NULL) {
        **end = child;
        *end = &child->next;
        to->count++;
    }
}

/* Everything is copied: what stands in one frozen fault can be taken away without the others. */
static struct tree *copy(struct freezer *freezer, const struct tree *from)
{
    struct tree *to = put_node(freezer, from, from->kind, from->key, from->text);
    if (to == NULL) {
        return NULL;
    }
    to->quoted = from->quoted;
    to->param = from->param;
    struct tree **end = &to->first;
    for (const struct tree *child = from->kind == TREE_TEXT ? NULL : from->first; child != NULL; child = child->next) {
        append(to, &end, copy(freezer, child));
    }
    return to;
}

/* "link 3" is {link: spokes, to: pacs_s}; anything else a node. */
static struct tree *target_of(struct freezer *freezer, const struct tree *like, slice actor)
{
    int64_t number = 0;
    const struct scenario *scenario = freezer->scenario;
    if (!slice_starts(actor, SLICE("link ")) || !slice_to_int64(slice_after(actor, 5), &number) || number < 0 || (size_t)number >= scenario->link_count) {
        return put_node(freezer, like, TREE_TEXT, SLICE("target"), actor);
    }
    const struct scenario_link *link = &scenario->links[number];
    struct tree *target = put_node(freezer, like, TREE_MAP, SLICE("target"), SLICE_EMPTY);
    if (target != NULL) {
        struct tree **end = &target->first;
        append(target, &end, put_node(freezer, like, TREE_TEXT, SLICE("link"), link->id));
        append(target, &end, put_node(freezer, like, TREE_TEXT, SLICE("to"), scenario->nodes[link->to].id));
    }
    return target;
}

static slice stamp(struct freezer *freezer, time_ns at)
{
    char text[32];
    struct buffer iso = buffer_over(text, sizeof text);
    time_put_iso(&iso, at + zone_offset(freezer->scenario->population.zone, at));
    return arena_copy(freezer->arena, slice_before((slice){text, iso.size}, 19)); /* 2010-09-18T16:00:33 */
}

static slice length(struct freezer *freezer, time_ns lasts)
{
    char text[32];
    int64_t s = (lasts + TIME_S - 1) / TIME_S;
    int size = s % 3600 == 0 ? snprintf(text, sizeof text, "%lld h", (long long)s / 3600)
               : s >= 600    ? snprintf(text, sizeof text, "%lld min", (long long)(s + 59) / 60)
                             : snprintf(text, sizeof text, "%lld s", (long long)s);
    return arena_copy(freezer->arena, (slice){text, (size_t)size});
}

static bool is_by_chance(const struct tree *fault)
{
    return tree_get(fault, "rate") != NULL || tree_get(fault, "every") != NULL;
}

static struct tree *freeze_one(struct freezer *freezer, const struct tree *fault, const struct came *came, size_t nth)
{
    static const char *const drawn[] = {"target", "rate", "every", "for", "until", "at", "fold"};
    char key[80];
    int size = snprintf(key, sizeof key, "%.60s-%zu", fault->key.data, nth);
    struct tree *frozen = put_node(freezer, fault, TREE_MAP, arena_copy(freezer->arena, (slice){key, (size_t)size}), SLICE_EMPTY);
    if (frozen == NULL) {
        return NULL;
    }
    struct tree **end = &frozen->first;
    append(frozen, &end, target_of(freezer, fault, came->actor));
    for (const struct tree *child = fault->first; child != NULL; child = child->next) {
        bool kept = true;
        for (size_t i = 0; i < sizeof drawn / sizeof drawn[0]; i++) {
            kept = kept && !slice_equal(child->key, slice_from(drawn[i]));
        }
        if (kept) {
            append(frozen, &end, copy(freezer, child));
        }
    }
    struct tree *at = put_node(freezer, fault, TREE_TEXT, SLICE("at"), stamp(freezer, came->from));
    if (at != NULL) {
        at->quoted = true;
    }
    append(frozen, &end, at);
    if (came->until != TIME_NEVER) {
        append(frozen, &end, put_node(freezer, fault, TREE_TEXT, SLICE("for"), length(freezer, came->until - came->from)));
    }
    return frozen;
}

static struct tree *freeze_all(struct freezer *freezer, const struct tree *faults)
{
    struct tree *all = put_node(freezer, faults, TREE_MAP, faults->key, SLICE_EMPTY);
    if (all == NULL) {
        return NULL;
    }
    struct tree **end = &all->first;
    for (const struct tree *fault = faults->first; fault != NULL; fault = fault->next) {
        size_t nth = 0;
        for (size_t i = 0; is_by_chance(fault) && i < freezer->count; i++) {
            if (slice_equal(freezer->came[i].name, fault->key)) {
                append(all, &end, freeze_one(freezer, fault, &freezer->came[i], ++nth));
            }
        }
        if (!is_by_chance(fault)) {
            append(all, &end, copy(freezer, fault));
        }
    }
    return all;
}

enum err freeze_faults(const struct tree **frozen, const struct tree *root, const struct scenario *scenario, const char *plan_path, struct arena *arena)
{
    struct freezer freezer = {.scenario = scenario, .arena = arena, .came = arena_array(arena, FREEZE_FAULTS_MAX, sizeof(struct came))};
    const struct tree *faults = tree_get(root, "faults");
    bool any = false;
    *frozen = root;
    for (const struct tree *fault = faults == NULL ? NULL : faults->first; fault != NULL; fault = fault->next) {
        any = any || is_by_chance(fault);
    }
    if (!any || freezer.came == NULL) {
        return any ? ERR_LIMIT : ERR_OK;
    }
    enum err err = read_plan(&freezer, plan_path);
    struct tree *all = err == ERR_OK ? put_node(&freezer, root, TREE_MAP, SLICE_EMPTY, SLICE_EMPTY) : NULL;
    struct tree **end = all == NULL ? NULL : &all->first;
    for (const struct tree *section = root->first; all != NULL && section != NULL; section = section->next) {
        append(all, &end, section == faults ? freeze_all(&freezer, section) : copy(&freezer, section));
    }
    if (err == ERR_OK && !freezer.full) {
        *frozen = all;
    }
    return err != ERR_OK ? err : freezer.full ? ERR_LIMIT : ERR_OK;
}
