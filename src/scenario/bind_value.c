/* SPDX-License-Identifier: MIT
 *
 * What many binders read: points in time, distributions, weights that sum to 1, lists. */
#include "src/scenario/bind.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Lists that may be a single value. */

const struct tree *one_first(const struct tree *tree)
{
    return tree == NULL || tree->kind == TREE_MAP ? NULL : tree->kind == TREE_LIST ? tree->first : tree_is_empty(tree) ? NULL : tree;
}

const struct tree *one_next(const struct tree *tree, const struct tree *at)
{
    return tree->kind == TREE_LIST ? at->next : NULL;
}

size_t one_count(const struct tree *tree)
{
    return tree == NULL || tree->kind == TREE_MAP ? 0 : tree->kind == TREE_LIST ? tree->count : !tree_is_empty(tree);
}

const struct tree *map_first(const struct tree *tree)
{
    return tree == NULL || tree->kind != TREE_MAP ? NULL : tree->first;
}

const struct tree *list_first(const struct tree *tree)
{
    return tree == NULL || tree->kind != TREE_LIST ? NULL : tree->first;
}

struct mark mark_of(const struct tree *tree)
{
    return (struct mark){tree->key_at.line, tree->key_at.column};
}

const uint32_t *bind_indexes(struct binder *binder, enum name_kind kind, const struct tree *names, size_t *count)
{
    uint32_t *list = bind_array(binder, one_count(names) + 1, sizeof *list);
    *count = 0;
    for (const struct tree *name = list == NULL ? NULL : one_first(names); name != NULL; name = one_next(names, name)) {
        uint32_t index = bind_index(binder, kind, name);
        if (index != NONE) {
            list[(*count)++] = index;
        }
    }
    return list;
}

/* ---- Points in time. */

bool bind_instant(struct binder *binder, const struct tree *tree, const struct tree *around, time_ns *at)
{
    int64_t number = 0;
    slice unit = SLICE_EMPTY;
    time_ns since_midnight = 0;
    char text[32];
    if (tree == NULL || tree->kind != TREE_TEXT || tree_is_empty(tree)) {
        return false;
    }
    if (value_quantity(tree->text, QUANTITY_DURATION, &number, &unit) == VALUE_OK) {
        *at = binder->scenario->start + number;
        return true;
    }
    slice stamp = tree->text;
    if (value_time_of_day(tree->text, &since_midnight)) {
        slice start = field_text(ROOT_SCENARIO, "run.clock.start", tree_get(tree_get(tree_get(binder->root, "run"), "clock"), "start"));
        int size = snprintf(text, sizeof text, "%.*sT%.*s", SLICE_ARGS(slice_before(start, 10)), SLICE_ARGS(slice_before(tree->text, 8)));
        stamp = (slice){text, size > 0 ? (size_t)size : 0};
    }
    return bind_stamp(binder, stamp, tree, around, at);
}

bool bind_stamp(struct binder *binder, slice stamp, const struct tree *tree, const struct tree *around, time_ns *at)
{
    const struct tree *fold = tree_get(around, "fold");
    int64_t which = 0;
    if (fold != NULL && fold->kind == TREE_TEXT) {
        (void)value_integer(fold->text, &which);
    }
    enum stamp_fault fault = value_stamp_folded(stamp, binder->walk.zone, (int)which, at);
    if (fault == STAMP_DOUBLED_HOUR && fold == NULL) {
        (void)complain_softly(binder->to, "P402", tree->at, "%s comes twice, for the clocks go back over this hour: the first one is taken; write `fold: 0` or `fold: 1`",
                              quoted(tree->text).text);
    } else if (fault == STAMP_OK && fold != NULL) {
        (void)complain_softly(binder->to, "P402", fold->key_at, "fold says nothing here: %s comes only once", quoted(tree->text).text);
    }
    return fault == STAMP_OK || fault == STAMP_DOUBLED_HOUR;
}

void bind_inside(struct binder *binder, const struct tree *tree, time_ns at)
{
    const struct scenario *scenario = binder->scenario;
    if (at < scenario->start) {
        (void)complain(binder->to, "P405", tree->at, "%s lies before the start of the run (run.clock.start)", quoted(tree->text).text);
    } else if (scenario->length > 0 && at >= scenario->start + scenario->length + scenario->drain) {
        (void)complain(binder->to, "P405", tree->at, "%s lies behind the end of the run (run.clock.length)", quoted(tree->text).text);
    }
}

/* ---- Weights. */

static void put_weights(struct buffer *buffer, const struct tree *map, enum field_type type)
{
    const struct field field = {.type = type, .path = "", .fallback = "", .refers = "", .text = ""};
    for (const struct tree *entry = map_first(map); entry != NULL; entry = entry->next) {
        int64_t weight = 0;
        if (field_number(&field, entry->text, &weight)) {
            buffer_put_text(buffer, buffer->size > 0 ? " " : "");
            buffer_put(buffer, slice_before(entry->key, 20));
            buffer_put_byte(buffer, ' ');
            value_put_decimal(buffer, weight);
        }
    }
}

#define SUM_SLACK 1000 /* thirds and the like need not be written out */

bool bind_sum_is_one(struct binder *binder, const struct tree *map, const char *group, slice id, const char *key)
{
    char path[128];
    const struct field field = {.type = FIELD_SHARE, .path = "", .fallback = "", .refers = "", .text = ""};
    int64_t sum = 0;
    for (const struct tree *entry = map_first(map); entry != NULL; entry = entry->next) {
        int64_t weight = 0;
        if (entry->kind != TREE_TEXT || !field_number(&field, entry->text, &weight)) {
            return true; /* complained of already */
        }
        sum += weight;
    }
    if (map == NULL || map->kind != TREE_MAP || (sum >= MILLION - SUM_SLACK && sum <= MILLION + SUM_SLACK)) {
        return true;
    }
    char total[32], list[160];
    struct buffer number = buffer_over(total, sizeof total - 1), weights = buffer_over(list, sizeof list - 1);
    value_put_decimal(&number, sum);
    put_weights(&weights, map, FIELD_SHARE);
    total[number.size] = list[weights.size] = '\0';
    snprintf(path, sizeof path, "%s%s%.*s%s%s", group, id.size > 0 ? "." : "", SLICE_ARGS(slice_before(id, 40)), key[0] == '\0' ? "" : ".", key);
    (void)complain(binder->to, "P311", map->at, "the parts sum to %s, not 1 (%s): %s", total, path, list);
    return false;
}

/* By modality, in the order of the population; null when nothing stands there. */
const int64_t *bind_by_modality(struct binder *binder, const struct tree *map)
{
    const struct names *names = &binder->names[NAMES_MODALITIES];
    const struct field field = {.type = FIELD_SHARE, .path = "", .fallback = "", .refers = "", .text = ""};
    int64_t *list = map == NULL || map->kind != TREE_MAP ? NULL : bind_array(binder, names->count + 1, sizeof *list);
    for (const struct tree *entry = list == NULL ? NULL : map_first(map); entry != NULL; entry = entry->next) {
        uint32_t index = 0;
        if (entry->kind == TREE_TEXT && map_find(&names->map, entry->key, &index)) {
            (void)field_number(&field, entry->text, &list[index]);
        }
    }
    return list;
}

/* ---- Distributions. */

static enum field_type drawn_type(const char *quantity)
{
    return strcmp(quantity, "duration") == 0 ? FIELD_DURATION : strcmp(quantity, "size") == 0 ? FIELD_SIZE : strcmp(quantity, "share") == 0 ? FIELD_SHARE : FIELD_NUMBER;
}

/* A value as the distribution counts: ns, bytes, or a plain number. */
static double drawn(const char *quantity, const struct tree *tree)
{
    const struct field field = {.type = drawn_type(quantity), .path = "", .fallback = "", .refers = "", .text = ""};
    int64_t number = 0;
    if (tree == NULL || tree->kind != TREE_TEXT || !field_number(&field, tree->text, &number)) {
        return 0;
    }
    bool micro = field.type == FIELD_NUMBER || field.type == FIELD_SHARE;
    return micro ? (double)number / (double)MILLION : (double)number;
}

static double number_of(const struct tree *tree)
{
    return drawn("count", tree);
}

static void bind_pmf(struct binder *binder, const char *quantity, const struct tree *pmf, struct distribution *distribution)
{
    struct distribution_point *points = bind_array(binder, pmf->count + 1, sizeof *points);
    size_t count = 0;
    for (const struct tree *entry = points == NULL ? NULL : map_first(pmf); entry != NULL; entry = entry->next) {
        const struct tree value = {.kind = TREE_TEXT, .text = entry->key, .at = entry->key_at, .key_at = entry->key_at};
        const struct field field = {.type = drawn_type(quantity), .path = "", .fallback = "", .refers = "", .text = ""};
        field_check(&binder->walk, &field, &value, SLICE("pmf"));
        points[count++] = (struct distribution_point){drawn(quantity, &value), drawn("share", entry)};
    }
    distribution->points = points;
    distribution->point_count = count;
    (void)bind_sum_is_one(binder, pmf, "pmf", SLICE_EMPTY, "");
}

static int by_value(const void *left, const void *right)
{
    const struct distribution_point *a = left, *b = right;
    return a->value < b->value ? -1 : a->value > b->value;
}

#define EMPIRICAL_MAX 100000

/* One value a line; blank lines and those that begin with # are left out. */
static void bind_empirical(struct binder *binder, const char *quantity, const struct tree *name, struct distribution *distribution)
{
    char path[512];
    const struct field field = {.type = drawn_type(quantity), .path = "", .fallback = "", .refers = "", .text = ""};
    slice source = SLICE_EMPTY;
    if (name->kind != TREE_TEXT || !bind_read_beside(binder, name, path, sizeof path, &source)) {
        return;
    }
    struct distribution_point *points = bind_array(binder, EMPIRICAL_MAX, sizeof *points);
    size_t count = 0;
    int line = 0;
    for (slice rest = source; points != NULL && rest.data != NULL;) {
        slice text = slice_trim(slice_cut(&rest, '\n'));
        int64_t number = 0;
        line++;
        if (text.size == 0 || text.data[0] == '#') {
            continue;
        }
        if (!field_number(&field, text, &number) || count == EMPIRICAL_MAX) {
            (void)complain(binder->to, "P309", name->at, "line %d of %s is no %s: %s", line, quoted(name->text).text, quantity, quoted(text).text);
            return;
        }
        const struct tree value = {.kind = TREE_TEXT, .text = text};
        points[count++] = (struct distribution_point){drawn(quantity, &value), 1};
    }
    if (count == 0) {
        (void)complain(binder->to, "P309", name->at, "%s has no values", quoted(name->text).text);
        return;
    }
    qsort(points, count, sizeof *points, by_value);
    distribution->points = points;
    distribution->point_count = count;
}

/* The family, and which parameters are its a and b. */
static const struct family {
    const char *word;
    enum distribution_kind kind;
    const char *a, *b;
    bool a_number, b_number; /* plain numbers, whatever the distribution is of */
} families[] = {
    {"exponential", DISTRIBUTION_EXPONENTIAL, "mean", NULL, false, false}, {"normal", DISTRIBUTION_NORMAL, "mean", "sd", false, false},
    {"lognormal", DISTRIBUTION_LOGNORMAL, "median", "sigma", false, true}, {"gamma", DISTRIBUTION_GAMMA, "shape", "mean", true, false},
    {"weibull", DISTRIBUTION_WEIBULL, "shape", "scale", true, false},      {"pareto", DISTRIBUTION_PARETO, "shape", "scale", true, false},
    {"poisson", DISTRIBUTION_POISSON, "mean", NULL, true, true},           {"negative_binomial", DISTRIBUTION_NEGATIVE_BINOMIAL, "mean", "zero", true, true},
};

static bool bind_family(const char *quantity, const struct tree *tree, struct distribution *distribution)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        const struct family *family = &families[i];
        const struct tree *parameters = tree_get(tree, family->word);
        if (parameters == NULL) {
            continue;
        }
        const struct tree *a = tree_get(parameters, family->a), *b = family->b == NULL ? NULL : tree_get(parameters, family->b);
        bool share = family->kind == DISTRIBUTION_NEGATIVE_BINOMIAL;
        distribution->kind = family->kind;
        distribution->a = family->a_number ? number_of(a) : drawn(quantity, a);
        distribution->b = share ? drawn("share", b) : family->b_number ? number_of(b) : drawn(quantity, b);
        distribution->plus = number_of(tree_get(parameters, "plus"));
        return true;
    }
    return false;
}

static void bind_varying(struct binder *binder, const char *quantity, const struct tree *tree, struct distribution *distribution)
{
    const struct tree *fixed = tree_get(tree, "fixed"), *uniform = tree_get(tree, "uniform"), *pmf = tree_get(tree, "pmf"), *empirical = tree_get(tree, "empirical");
    if (fixed != NULL) {
        distribution->a = drawn(quantity, fixed);
    } else if (uniform != NULL) {
        const struct tree *low = list_first(uniform);
        distribution->kind = DISTRIBUTION_UNIFORM;
        distribution->a = drawn(quantity, low);
        distribution->b = drawn(quantity, low == NULL ? NULL : low->next);
        if (distribution->a > distribution->b) {
            (void)complain(binder->to, "P309", uniform->at, "the lower bound stands above the upper one");
        }
    } else if (pmf != NULL) {
        distribution->kind = DISTRIBUTION_PMF;
        bind_pmf(binder, quantity, pmf, distribution);
    } else if (empirical != NULL) {
        distribution->kind = DISTRIBUTION_EMPIRICAL;
        bind_empirical(binder, quantity, empirical, distribution);
    } else {
        (void)bind_family(quantity, tree, distribution);
    }
    distribution->minimum = drawn(quantity, tree_get(tree, "min"));
    distribution->maximum = drawn(quantity, tree_get(tree, "max"));
}

/* Was something on the rest of its line complained of? Then its numbers say nothing. */
static bool has_problem(const struct binder *binder, const struct tree *tree)
{
    const struct problems *problems = binder->to->problems;
    for (size_t i = 0; i < problems->count; i++) {
        const struct error *error = &problems->list[i].error;
        if (error->line == tree->at.line && error->column >= tree->at.column && problems->list[i].severity == SEVERITY_ERROR) {
            return true;
        }
    }
    return false;
}

void bind_distribution(struct binder *binder, enum field_root root, const char *path, const struct tree *tree, struct distribution *distribution)
{
    const struct field *field = field_find(root, path);
    const char *quantity = field == NULL ? "count" : field->refers;
    *distribution = (struct distribution){.kind = DISTRIBUTION_FIXED};
    if (tree == NULL || tree->kind != TREE_MAP) {
        struct tree said = {.kind = TREE_TEXT, .text = tree != NULL && tree->kind == TREE_TEXT ? tree->text : slice_from(field == NULL ? "" : field->fallback)};
        distribution->a = drawn(quantity, &said);
        return;
    }
    size_t before = binder->to->problems->error_count;
    const char *why = "";
    bind_varying(binder, quantity, tree, distribution);
    bool told = tree_get(tree, "gilbert") != NULL || binder->to->problems->error_count != before || has_problem(binder, tree);
    if (!told && distribution_check(distribution, &why) != ERR_OK) {
        (void)complain(binder->to, "P309", tree->at, "this distribution has no meaning: %s", why);
    }
}

bool bind_read_beside(struct binder *binder, const struct tree *name, char *path, size_t size, slice *source)
{
    const char *slash = strrchr(binder->to->file, '/');
    struct problems *scratch = calloc(1, sizeof *scratch);
    int used = snprintf(path, size, "%.*s/%.*s", slash == NULL ? 1 : (int)(slash - binder->to->file), slash == NULL ? "." : binder->to->file, SLICE_ARGS(name->text));
    const struct complaints to = {scratch, path};
    bool found = scratch != NULL && used > 0 && (size_t)used < size && tree_load(source, path, &to, binder->arena) == ERR_OK;
    if (!found) {
        (void)complain(binder->to, "P101", name->at, "%s cannot be read; it is looked for beside this file", quoted(name->text).text);
    }
    free(scratch);
    return found;
}
