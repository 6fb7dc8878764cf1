/* SPDX-License-Identifier: MIT
 *
 * The walk: a tree held against the table of fields, map by map, with a sentence for whatever does not fit. */
#include "src/scenario/walk_private.h"

/* ---- The walk. The trail is what a sentence calls the place: "nodes.pacs_uhw.site", "story[3].after[0].event". */

struct trail {
    char text[200];
    size_t size;
};

static void check_map(struct walk *walk, enum field_root root, const struct field *parent, const struct tree *map, struct trail *trail);
static void check_value(struct walk *walk, const struct field *field, const struct tree *tree, struct trail *trail);

static slice trail_slice(const struct trail *trail)
{
    return (slice){trail->text, trail->size};
}

static void trail_put(struct trail *trail, slice part)
{
    size_t room = sizeof trail->text - trail->size;
    size_t size = part.size < room ? part.size : room;
    memcpy(trail->text + trail->size, part.data, size);
    trail->size += size;
}

static void trail_put_key(struct trail *trail, slice key)
{
    trail_put(trail, trail->size == 0 ? SLICE_EMPTY : SLICE("."));
    trail_put(trail, slice_before(key, 60));
}

static void trail_put_index(struct trail *trail, size_t index)
{
    char text[24];
    struct buffer buffer = buffer_over(text, sizeof text);
    buffer_put_byte(&buffer, '[');
    buffer_put_int(&buffer, (int64_t)index);
    buffer_put_byte(&buffer, ']');
    trail_put(trail, buffer_slice(&buffer));
}

void explain_line(struct walk *walk, slice path, slice value, struct span at)
{
    struct explained *line = walk->explained_tail == NULL ? NULL : arena_alloc(walk->arena, sizeof *line);
    char origin[320] = "built in";
    if (line == NULL) {
        return;
    }
    if (at.line > 0) {
        struct buffer buffer = buffer_over(origin, sizeof origin - 1);
        buffer_put_text(&buffer, walk->to->file);
        buffer_put_byte(&buffer, ':');
        buffer_put_int(&buffer, at.line);
        origin[buffer.size] = '\0';
    }
    *line = (struct explained){arena_copy(walk->arena, path), value, arena_copy(walk->arena, slice_from(origin)), NULL};
    *walk->explained_tail = line;
    walk->explained_tail = &line->next;
}

/* A key that is not there: what it is then. */
static void explain_absent(struct walk *walk, const struct field *field, struct trail *trail)
{
    const struct tree *shared = tree_get(walk->defaults, field_name(field));
    if (shared != NULL) {
        explain_line(walk, trail_slice(trail), shared->kind == TREE_TEXT ? shared->text : SLICE("{...}"), shared->at);
        return;
    }
    if (field->fallback[0] != '\0' && field->need == FIELD_OPTIONAL) {
        explain_line(walk, trail_slice(trail), slice_from(field->fallback), (struct span){0, 0, 0});
    }
    if (field->type != FIELD_MAP || field->need == FIELD_REQUIRED) {
        return;
    }
    for (const struct field *child = field_next_child(field->root, field, NULL); child != NULL; child = field_next_child(field->root, field, child)) {
        if (child->need == FIELD_REQUIRED) {
            return; /* a map that needs something is nothing without it */
        }
    }
    for (const struct field *child = field_next_child(field->root, field, NULL); child != NULL; child = field_next_child(field->root, field, child)) {
        size_t size = trail->size;
        trail_put_key(trail, slice_from(field_name(child)));
        explain_absent(walk, child, trail);
        trail->size = size;
    }
}

static void check_count(struct walk *walk, const struct field *field, const struct tree *tree, const struct trail *trail)
{
    int64_t count = (int64_t)tree->count;
    if (field->high == 0 || (count >= field->low && count <= field->high)) {
        return;
    }
    (void)complain(walk->to, "P303", tree->key_at, "%.*s has %lld entries; %lld to %lld are allowed", SLICE_ARGS(trail_slice(trail)), (long long)count,
                   (long long)field->low, (long long)field->high);
}

static void check_list(struct walk *walk, const struct field *field, const struct tree *list, struct trail *trail)
{
    const struct field *element = field_next_child(field->root, field, NULL);
    size_t index = 0;
    check_count(walk, field, list, trail);
    for (const struct tree *child = list->first; child != NULL && element != NULL; child = child->next, index++) {
        size_t size = trail->size;
        trail_put_index(trail, index);
        check_value(walk, element, child, trail);
        trail->size = size;
    }
}

static const char *shape_text(const struct tree *tree)
{
    return tree->kind == TREE_MAP ? "a map" : tree->kind == TREE_LIST ? "a list" : "a single value";
}

static void complain_of_shape(struct walk *walk, const struct tree *tree, const struct trail *trail, const char *due)
{
    if (tree_is_empty(tree)) {
        (void)complain(walk->to, "P111", tree->key_at, "%.*s has no value; %s is due", SLICE_ARGS(trail_slice(trail)), due);
        return;
    }
    (void)complain(walk->to, "P111", tree->at, "%.*s is %s; %s is due", SLICE_ARGS(trail_slice(trail)), shape_text(tree), due);
}

static void check_variant(struct walk *walk, const struct field *field, const struct tree *tree, struct trail *trail)
{
    if (tree->kind != TREE_MAP) {
        complain_of_shape(walk, tree, trail, "a map {key: value}");
        return;
    }
    enum field_root root = walk->variant(walk->self, field, tree);
    if (root == ROOT_STEP && tree->count != 1) {
        (void)complain(walk->to, "P213", tree->at, "a step of a pathway is one word with its arguments; %.*s has %zu", SLICE_ARGS(trail_slice(trail)), tree->count);
    }
    if (root != ROOT_COUNT) {
        check_map(walk, root, NULL, tree, trail);
    }
}

/* Is the key alone a value: does it need nothing more? */
static bool stands_alone(const struct field *field)
{
    if (field->type != FIELD_MAP && field->type != FIELD_CHOICE_OR_MAP) {
        return false;
    }
    for (const struct field *child = field_next_child(field->root, field, NULL); child != NULL; child = field_next_child(field->root, field, child)) {
        if (child->need == FIELD_REQUIRED) {
            return false;
        }
    }
    return true;
}

/* A word for a map that has only its key. */
static void check_alone(struct walk *walk, enum field_root root, const struct field *parent, const struct tree *tree, const struct trail *trail)
{
    struct nearest nearest = nearest_begin(tree->text);
    for (const struct field *child = field_next_key(root, parent, NULL); child != NULL; child = field_next_key(root, parent, child)) {
        if (!slice_equal(slice_from(field_name(child)), tree->text)) {
            nearest_try(&nearest, slice_from(field_name(child)));
            continue;
        }
        if (!stands_alone(child)) {
            (void)complain(walk->to, "P112", tree->at, "%s needs its argument (%.*s): {%s: ...}, %s", quoted(tree->text).text, SLICE_ARGS(trail_slice(trail)),
                           field_name(child), child->text);
        }
        return;
    }
    (void)complain(walk->to, "P207", tree->at, "unknown word %s (%.*s)%s", quoted(tree->text).text, SLICE_ARGS(trail_slice(trail)), nearest_hint(&nearest).text);
}

static void check_one_of(struct walk *walk, const struct field *field, const struct tree *tree, struct trail *trail)
{
    if (tree->kind == TREE_TEXT && !tree_is_empty(tree)) {
        check_alone(walk, field->root, field, tree, trail);
    } else if (tree->kind != TREE_MAP) {
        complain_of_shape(walk, tree, trail, "a map {key: value}");
    } else {
        if (tree->count != 1) {
            (void)complain(walk->to, "P213", tree->at, "%.*s is one of its words; %zu stand here", SLICE_ARGS(trail_slice(trail)), tree->count);
        }
        check_map(walk, field->root, field, tree, trail);
    }
}

/* The arguments that stand beside the word of an effect. */
static bool is_effect_argument(slice key)
{
    return field_has("instances rows late_by", key);
}

static void check_effect(struct walk *walk, const struct tree *tree, struct trail *trail)
{
    size_t words = 0;
    if (tree->kind == TREE_TEXT && !tree_is_empty(tree)) {
        check_alone(walk, ROOT_EFFECT, NULL, tree, trail);
        return;
    }
    if (tree->kind != TREE_MAP) {
        complain_of_shape(walk, tree, trail, "a word, or a map {word: argument}");
        return;
    }
    for (const struct tree *entry = tree->first; entry != NULL; entry = entry->next) {
        words += !is_effect_argument(entry->key);
    }
    if (words != 1) {
        (void)complain(walk->to, "P213", tree->at, "a fault has one effect; %.*s has %zu", SLICE_ARGS(trail_slice(trail)), words);
    }
    check_map(walk, ROOT_EFFECT, NULL, tree, trail);
}

/* How a quantity varies: one family, with its parameters. */
static void check_distribution(struct walk *walk, const struct field *field, const struct tree *tree, struct trail *trail)
{
    const char *around = walk->quantity;
    size_t families = 0;
    const struct tree *gilbert = tree_get(tree, "gilbert");
    for (const struct tree *entry = tree->first; entry != NULL; entry = entry->next) {
        families += field_has("fixed uniform exponential normal lognormal gamma weibull pareto poisson negative_binomial pmf empirical gilbert", entry->key);
    }
    if (families != 1) {
        (void)complain(walk->to, "P309", tree->at, "%.*s has one way to vary (fixed, uniform, lognormal, ...); %zu stand here", SLICE_ARGS(trail_slice(trail)), families);
    }
    if (gilbert != NULL && strcmp(field->refers, "share") != 0) {
        (void)complain(walk->to, "P309", gilbert->key_at, "gilbert is for the loss of packets, not for a %s (%.*s)", field->refers, SLICE_ARGS(trail_slice(trail)));
    }
    walk->quantity = field->refers;
    check_map(walk, field->root, field, tree, trail);
    walk->quantity = around;
}

static void check_value(struct walk *walk, const struct field *field, const struct tree *tree, struct trail *trail)
{
    switch (field->type) {
    case FIELD_LATER:
        (void)complain(walk->to, "P601", tree->key_at, "`%s` is a word of the language that this version does not run (%.*s); %s", field_name(field),
                       SLICE_ARGS(trail_slice(trail)), field->text);
        return;
    case FIELD_VARIANT:
        check_variant(walk, field, tree, trail);
        return;
    case FIELD_ONE_OF:
        check_one_of(walk, field, tree, trail);
        return;
    case FIELD_EFFECT:
        check_effect(walk, tree, trail);
        return;
    case FIELD_DISTRIBUTION:
        if (tree->kind == TREE_MAP) {
            check_distribution(walk, field, tree, trail);
            return;
        }
        break;
    case FIELD_NAME_OR_MAP:
    case FIELD_CHOICE_OR_MAP:
    case FIELD_EVERY:
        if (tree->kind == TREE_MAP) {
            check_map(walk, field->root, field, tree, trail);
            return;
        }
        break;
    case FIELD_STEPS_OR_WORD:
        if (tree->kind == TREE_LIST) {
            check_list(walk, field, tree, trail);
            return;
        }
        break;
    case FIELD_DIGEST:
        if (tree_is_empty(tree)) {
            return;
        }
        break;
    case FIELD_MAP:
    case FIELD_ITEMS:
    case FIELD_ITEMS_OF:
    case FIELD_ITEMS_ANY:
        if (tree->kind != TREE_MAP) {
            complain_of_shape(walk, tree, trail, "a map {key: value}");
        } else {
            check_count(walk, field, tree, trail);
            check_map(walk, field->root, field, tree, trail);
        }
        return;
    case FIELD_LIST:
    case FIELD_ONE_OR_LIST:
        if (tree->kind == TREE_LIST) {
            check_list(walk, field, tree, trail);
        } else if (field->type == FIELD_ONE_OR_LIST) {
            check_value(walk, field_next_child(field->root, field, NULL), tree, trail);
        } else {
            complain_of_shape(walk, tree, trail, "a list [one, another]");
        }
        return;
    case FIELD_AUTO_OR_MAP:
        if (tree->kind == TREE_MAP) {
            check_map(walk, field->root, field, tree, trail);
        } else if (tree->kind == TREE_LIST || !slice_equal(tree->text, SLICE("auto"))) {
            complain_of_shape(walk, tree, trail, "auto or a map {key: value}");
        }
        return;
    default:
        break;
    }
    if (tree->kind != TREE_TEXT || tree_is_empty(tree)) {
        complain_of_shape(walk, tree, trail, "a single value");
        return;
    }
    walk_text(walk, field, tree, trail_slice(trail));
}

/* Roots whose top is words of which one is said. */
static bool is_menu(enum field_root root)
{
    return (root >= ROOT_RIS && root <= ROOT_HUB) || root == ROOT_STEP || root == ROOT_DISTRIBUTION || root == ROOT_EFFECT;
}

static const struct field *child_named(enum field_root root, const struct field *parent, slice key)
{
    const struct field *wild = NULL;
    for (const struct field *child = field_next_key(root, parent, NULL); child != NULL; child = field_next_key(root, parent, child)) {
        const char *name = field_name(child);
        if (slice_equal(slice_from(name), key)) {
            return child;
        }
        wild = name[0] == '*' ? child : wild;
    }
    return wild;
}

static void complain_of_key(struct walk *walk, enum field_root root, const struct field *parent, const struct tree *entry, const struct trail *trail)
{
    struct nearest nearest = nearest_begin(entry->key);
    char known[160];
    struct buffer list = buffer_over(known, sizeof known - 1);
    for (const struct field *child = field_next_key(root, parent, NULL); child != NULL; child = field_next_key(root, parent, child)) {
        nearest_try(&nearest, slice_from(field_name(child)));
        if (child->type != FIELD_LATER) {
            buffer_put_text(&list, list.size == 0 ? "" : " ");
            buffer_put_text(&list, field_name(child));
        }
    }
    known[list.size] = '\0';
    bool verb = root >= ROOT_RIS && root <= ROOT_HUB && parent == NULL;
    struct hint hint = nearest_hint(&nearest);
    const char *before = hint.text[0] == '\0' && !list.full && list.size > 0 ? "; known here: " : "";
    const char *rest = before[0] == '\0' ? "" : known;
    if (slice_equal(trail_slice(trail), entry->key)) {
        (void)complain(walk->to, "P201", entry->key_at, "unknown key %s%s%s%s", quoted(entry->key).text, hint.text, before, rest);
        return;
    }
    (void)complain(walk->to, verb ? "P203" : "P201", entry->key_at, "unknown %s %s (%.*s)%s%s%s", verb ? "verb" : "key", quoted(entry->key).text,
                   SLICE_ARGS(trail_slice(trail)), hint.text, before, rest);
}

/* Is a key that nobody knows this one, misspelt? Then that is complained of, and not that it is missing too. */
static bool is_misspelt(enum field_root root, const struct field *parent, const struct tree *map, const struct field *wanted)
{
    for (const struct tree *entry = map->first; entry != NULL; entry = entry->next) {
        if (child_named(root, parent, entry->key) != NULL) {
            continue;
        }
        struct nearest nearest = nearest_begin(entry->key);
        for (const struct field *child = field_next_key(root, parent, NULL); child != NULL; child = field_next_key(root, parent, child)) {
            nearest_try(&nearest, slice_from(field_name(child)));
        }
        if (nearest.distance != SIZE_MAX && slice_equal(nearest.best, slice_from(field_name(wanted)))) {
            return true;
        }
    }
    return false;
}

static void check_missing(struct walk *walk, enum field_root root, const struct field *parent, const struct tree *map, struct trail *trail)
{
    for (const struct field *child = field_next_child(root, parent, NULL); child != NULL; child = field_next_child(root, parent, child)) {
        const char *name = field_name(child);
        if (name[0] == '*' || tree_get(map, name) != NULL) {
            continue;
        }
        size_t size = trail->size;
        trail_put_key(trail, slice_from(name));
        if (child->need == FIELD_REQUIRED && is_misspelt(root, parent, map, child)) {
            trail->size = size;
            continue;
        }
        if (child->need == FIELD_REQUIRED) {
            (void)complain(walk->to, "P112", parent == NULL && map->key.size == 0 ? map->at : map->key_at, "%.*s is missing: %s", SLICE_ARGS(trail_slice(trail)),
                           child->text);
        } else {
            /* A word that is not said has no defaults. */
            bool word = (is_menu(root) && parent == NULL) || (parent != NULL && parent->type == FIELD_ONE_OF);
            word ? (void)0 : explain_absent(walk, child, trail);
        }
        trail->size = size;
    }
}

static void check_map(struct walk *walk, enum field_root root, const struct field *parent, const struct tree *map, struct trail *trail)
{
    const struct tree *around = walk->defaults, *shared = tree_get(map, "defaults");
    for (const struct tree *entry = map->first; entry != NULL; entry = entry->next) {
        const struct field *field = child_named(root, parent, entry->key);
        size_t size = trail->size;
        walk->defaults = parent != NULL && parent->type == FIELD_ITEMS && entry != shared ? shared : NULL;
        trail_put_key(trail, entry->key);
        if (field == NULL) {
            complain_of_key(walk, root, parent, entry, trail);
        } else {
            if (parent != NULL && parent->type == FIELD_ITEMS && !value_is_id(entry->key)) {
                (void)complain(walk->to, "P211", entry->key_at, "%s is no id (%.*s): a letter, then letters, digits, \"_\", \"-\" or \".\", 40 at most",
                               quoted(entry->key).text, SLICE_ARGS(trail_slice(trail)));
            } else if (parent != NULL && parent->type == FIELD_ITEMS_OF && field_name(field)[0] == '*') {
                walk_name(walk, parent->refers, entry->key, entry->key_at, trail_slice(trail));
            }
            check_value(walk, field, entry, trail);
        }
        trail->size = size;
    }
    walk->defaults = around;
    check_missing(walk, root, parent, map, trail);
}

void fields_check(struct walk *walk, enum field_root root, const struct tree *map, slice path)
{
    struct trail trail = {.size = 0};
    trail_put(&trail, path);
    check_map(walk, root, NULL, map, &trail);
}

void field_check(struct walk *walk, const struct field *field, const struct tree *tree, slice path)
{
    struct trail trail = {.size = 0};
    trail_put(&trail, path);
    check_value(walk, field, tree, &trail);
}
