/* SPDX-License-Identifier: MIT
 *
 * Params: the values with a name. `$NAME` where a whole value is due is replaced before anything is checked, and so is
 * {times: $NAME, of: VALUE}; there is no other arithmetic and no text templates, so that what a value means never depends
 * on what stands around it. */
#include "src/scenario/bind.h"

#include <stdio.h>

/* Where a param stands, to say of a problem there whence the value came. */
struct param_use {
    struct span at;
    uint32_t param; /* NONE: there is none of that name, and only that is told */
    struct param_use *next;
};

static const struct {
    const char *word;
    enum param_type type;
    enum field_type field;
} param_types[] = {
    {"bool", PARAM_BOOL, FIELD_BOOL},     {"number", PARAM_NUMBER, FIELD_NUMBER}, {"count", PARAM_COUNT, FIELD_COUNT}, {"duration", PARAM_DURATION, FIELD_DURATION},
    {"rate", PARAM_RATE, FIELD_BITRATE},  {"size", PARAM_SIZE, FIELD_SIZE},       {"share", PARAM_SHARE, FIELD_SHARE}, {"word", PARAM_WORD, FIELD_CODE},
};

static struct field field_of(enum param_type type)
{
    struct field field = {.root = ROOT_SCENARIO, .path = "params.*.default", .type = FIELD_CODE, .fallback = "", .refers = "", .text = ""};
    for (size_t i = 0; i < sizeof param_types / sizeof param_types[0]; i++) {
        field.type = param_types[i].type == type ? param_types[i].field : field.type;
    }
    return field;
}

/* Holds a value against the type and bounds of a param; complains at `at`. */
static void check_value(struct binder *binder, const struct scenario_param *param, const struct tree *tree, slice path)
{
    const struct field field = field_of(param->type);
    size_t before = binder->to->problems->error_count;
    int64_t value = 0, bound = 0;
    field_check(&binder->walk, &field, tree, path);
    if (binder->to->problems->error_count != before || !field_number(&field, tree->text, &value)) {
        return;
    }
    if (param->min.size > 0 && field_number(&field, param->min, &bound) && value < bound) {
        (void)complain(binder->to, "P303", tree->at, "%s is below the least value of %.*s, %.*s (%.*s)", quoted(tree->text).text, SLICE_ARGS(param->id),
                       SLICE_ARGS(param->min), SLICE_ARGS(path));
    } else if (param->max.size > 0 && field_number(&field, param->max, &bound) && value > bound) {
        (void)complain(binder->to, "P303", tree->at, "%s is above the greatest value of %.*s, %.*s (%.*s)", quoted(tree->text).text, SLICE_ARGS(param->id),
                       SLICE_ARGS(param->max), SLICE_ARGS(path));
    }
}

void param_check(struct binder *binder, slice name, const struct tree *tree, slice path)
{
    uint32_t index = 0;
    if (map_find(&binder->names[NAMES_PARAMS].map, name, &index) && index < binder->scenario->param_count) {
        check_value(binder, &binder->scenario->params[index], tree, path);
    }
}

static slice text_of(const struct tree *tree)
{
    return tree != NULL && tree->kind == TREE_TEXT && !tree_is_empty(tree) ? tree->text : SLICE_EMPTY;
}

static slice path_of(struct binder *binder, slice id, const char *key)
{
    char text[96];
    snprintf(text, sizeof text, "params.%.*s.%s", SLICE_ARGS(slice_before(id, 40)), key);
    return bind_copy(binder, slice_from(text));
}

static void bind_param(struct binder *binder, const struct tree *entry, struct scenario_param *param)
{
    const struct tree *fallback = tree_get(entry, "default"), *min = tree_get(entry, "min"), *max = tree_get(entry, "max");
    slice type = text_of(tree_get(entry, "type"));
    *param = (struct scenario_param){.id = entry->key, .type_text = type, .type = PARAM_WORD, .mark = {entry->key_at.line, entry->key_at.column}};
    for (size_t i = 0; i < sizeof param_types / sizeof param_types[0]; i++) {
        param->type = slice_equal(type, slice_from(param_types[i].word)) ? param_types[i].type : param->type;
    }
    param->fallback = param->value = text_of(fallback);
    const struct field field = field_of(param->type);
    for (int i = 0; i < 2; i++) {
        const struct tree *bound = i == 0 ? min : max;
        if (bound != NULL) {
            field_check(&binder->walk, &field, bound, path_of(binder, param->id, i == 0 ? "min" : "max"));
        }
    }
    param->min = text_of(min);
    param->max = text_of(max);
    if (fallback != NULL) {
        check_value(binder, param, fallback, path_of(binder, param->id, "default"));
    }
}

/* --set NAME=VALUE. */
static void set_params(struct binder *binder)
{
    for (size_t s = 0; s < binder->options->set_count; s++) {
        const struct setting *set = &binder->options->sets[s];
        const struct span declared = binder->names[NAMES_PARAMS].declared;
        struct tree said = {.kind = TREE_TEXT, .text = set->value, .at = declared.line > 0 ? declared : (struct span){1, 1, 1}};
        size_t before = binder->to->problems->error_count;
        uint32_t index = 0;
        if (!map_find(&binder->names[NAMES_PARAMS].map, set->name, &index)) {
            struct nearest nearest = nearest_begin(set->name);
            for (size_t i = 0; i < binder->names[NAMES_PARAMS].count; i++) {
                nearest_try(&nearest, binder->names[NAMES_PARAMS].list[i]);
            }
            (void)complain(binder->to, "P204", said.at, "--set %.*s: there is no param %s%s", SLICE_ARGS(slice_before(set->name, 40)), quoted(set->name).text,
                           nearest_hint(&nearest).text);
            continue;
        }
        struct scenario_param *param = &binder->scenario->params[index];
        said.at = (struct span){param->mark.line, param->mark.column, param->mark.column + (int)param->id.size};
        check_value(binder, param, &said, SLICE("--set"));
        param->value = binder->to->problems->error_count == before ? set->value : param->value;
    }
}

static void explain(struct binder *binder)
{
    for (size_t i = 0; i < binder->scenario->param_count; i++) {
        const struct scenario_param *param = &binder->scenario->params[i];
        bool set = !slice_equal(param->value, param->fallback);
        explain_line(&binder->walk, path_of(binder, param->id, "value"), param->value, set ? (struct span){0, 0, 0} : (struct span){param->mark.line, 1, 1});
    }
}

/* ---- Putting them in. */

static const struct scenario_param *find(struct binder *binder, const struct tree *tree, uint32_t *index)
{
    slice name = slice_after(tree->text, 1);
    const struct names *names = &binder->names[NAMES_PARAMS];
    if (map_find(&names->map, name, index)) {
        return &binder->scenario->params[*index];
    }
    struct nearest nearest = nearest_begin(name);
    for (size_t i = 0; i < names->count; i++) {
        nearest_try(&nearest, names->list[i]);
    }
    struct problem *added = complain(binder->to, "P204", tree->at, "unknown param %s%s%s", quoted(tree->text).text, nearest_hint(&nearest).text,
                                     names->count == 0 ? "; none is declared under `params`" : "");
    problem_relate(added, names->declared, "params are declared here");
    return NULL;
}

static bool is_use(const struct tree *tree)
{
    return tree != NULL && tree->kind == TREE_TEXT && !tree->quoted && tree->text.size > 1 && tree->text.data[0] == '$';
}

static void note_use(struct binder *binder, struct tree *tree, uint32_t param)
{
    struct param_use *use = bind_array(binder, 1, sizeof *use);
    if (use != NULL) {
        *use = (struct param_use){tree->at, param, binder->uses};
        binder->uses = use;
    }
    tree->param = param == NONE ? 0 : param + 1;
}

static void put_in(struct binder *binder, struct tree *tree)
{
    uint32_t index = 0;
    const struct scenario_param *param = find(binder, tree, &index);
    if (param != NULL) {
        tree->text = param->value;
        note_use(binder, tree, index);
    } else {
        note_use(binder, tree, NONE);
    }
}

/* {times: $x, of: 16} becomes what that is. */
static void multiply(struct binder *binder, struct tree *tree)
{
    const struct tree *times = tree_get(tree, "times"), *of = tree_get(tree, "of");
    int64_t factor = 0;
    char text[64];
    struct buffer buffer = buffer_over(text, sizeof text);
    if (text_of(times).size == 0 || text_of(of).size == 0 || value_decimal(times->text, &factor) != VALUE_OK) {
        (void)complain(binder->to, "P304", times->at, "%s is no number to multiply with", quoted(text_of(times)).text);
    } else if (!value_put_times(of->text, factor, &buffer) || buffer.full) {
        (void)complain(binder->to, "P304", of->at, "%s cannot be multiplied; write a number, or one with a unit", quoted(of->text).text);
    }
    tree->kind = TREE_TEXT;
    tree->text = buffer.size > 0 ? bind_text(binder, &buffer) : SLICE("0");
    tree->quoted = false;
    tree->first = NULL;
    tree->count = 0;
    if (times->param > 0) {
        note_use(binder, tree, times->param - 1);
    }
}

static void expand(struct binder *binder, struct tree *tree)
{
    if (is_use(tree)) {
        put_in(binder, tree);
    }
    for (struct tree *child = tree->first; child != NULL && binder->err == ERR_OK; child = child->next) {
        expand(binder, child);
    }
    if (tree->kind == TREE_MAP && tree->count == 2 && tree_get(tree, "times") != NULL && tree_get(tree, "of") != NULL) {
        multiply(binder, tree);
    }
}

void params_bind(struct binder *binder, struct tree *root)
{
    struct scenario *scenario = binder->scenario;
    const struct tree *params = tree_get(root, "params");
    bool usable = params != NULL && params->kind == TREE_MAP;
    scenario->params = bind_array(binder, (usable ? params->count : 0) + 1, sizeof *scenario->params);
    for (const struct tree *entry = usable ? params->first : NULL; entry != NULL && binder->err == ERR_OK; entry = entry->next) {
        bind_param(binder, entry, &scenario->params[scenario->param_count++]);
    }
    if (binder->err == ERR_OK) {
        set_params(binder);
        explain(binder);
    }
    for (struct tree *group = root->first; group != NULL && binder->err == ERR_OK; group = group->next) {
        if (!slice_equal(group->key, SLICE("params")) && !slice_equal(group->key, SLICE("study")) && !slice_equal(group->key, SLICE("scenario"))) {
            expand(binder, group);
        }
    }
}

/* Is something wrong with the param itself? Then so it is wherever it stands, and that need not be said again. */
static bool is_broken(const struct binder *binder, const struct problems *problems, uint32_t param)
{
    if (param == NONE) {
        return true;
    }
    const struct tree *entry = tree_get(tree_get(binder->root, "params"), binder->scenario->params[param].id.data);
    for (size_t i = 0; i < problems->count; i++) {
        const struct error *error = &problems->list[i].error;
        for (const struct tree *key = map_first(entry); key != NULL; key = key->next) {
            if (error->line == key->at.line && error->column == key->at.column) {
                return true;
            }
        }
    }
    return false;
}

static void drop(struct problems *problems, size_t index)
{
    problems->error_count -= problems->list[index].severity == SEVERITY_ERROR;
    problems->count--;
    memmove(&problems->list[index], &problems->list[index + 1], (problems->count - index) * sizeof problems->list[0]);
}

void params_relate(const struct binder *binder, struct problems *problems)
{
    for (const struct param_use *use = binder->uses; use != NULL; use = use->next) {
        bool broken = is_broken(binder, problems, use->param);
        for (size_t i = problems->count; i > 0; i--) {
            struct problem *problem = &problems->list[i - 1];
            bool here = problem->error.line == use->at.line && problem->error.column == use->at.column;
            if (!here || (use->param == NONE && strcmp(problem->rule, "P204") == 0)) {
                continue;
            }
            if (broken) {
                drop(problems, i - 1);
            } else if (problem->related_line == 0) {
                const struct mark *mark = &binder->scenario->params[use->param].mark;
                problem_relate(problem, (struct span){mark->line, mark->column, 0}, "the value comes from this param");
            }
        }
    }
}
