/* SPDX-License-Identifier: MIT
 *
 * The experiment (`study:` of many runs, not of images) and what is kept of a run. */
#include "src/scenario/bind.h"

#include <stdio.h>

static int64_t study_number(const struct tree *group, const char *path, const char *key)
{
    return field_integer(ROOT_SCENARIO, path, tree_get(group, key));
}

/* {param: value, ...}: each value held against its param. */
static const struct setting *bind_settings(struct binder *binder, const struct tree *map, const char *path, size_t *count)
{
    struct setting *list = bind_array(binder, (map == NULL ? 0 : map->count) + 1, sizeof *list);
    *count = 0;
    for (const struct tree *entry = list == NULL ? NULL : map_first(map); entry != NULL; entry = entry->next) {
        if (entry->kind == TREE_TEXT && !tree_is_empty(entry)) {
            param_check(binder, entry->key, entry, slice_from(path));
            list[(*count)++] = (struct setting){entry->key, entry->text};
        }
    }
    return list;
}

static void bind_arms(struct binder *binder, const struct tree *compare)
{
    struct study_plan *study = &binder->scenario->study;
    struct study_arm *arms = bind_array(binder, (compare == NULL ? 0 : compare->count) + 1, sizeof *arms);
    for (const struct tree *entry = arms == NULL ? NULL : map_first(compare); entry != NULL; entry = entry->next) {
        struct study_arm *arm = &arms[study->arm_count++];
        arm->id = entry->key;
        arm->mark = mark_of(entry);
        arm->settings = bind_settings(binder, entry, "study.compare", &arm->setting_count);
    }
    study->arms = arms;
    if (study->arm_count == 1) {
        (void)complain_softly(binder->to, "P701", compare->key_at, "one arm alone is compared with nothing; add `base: {}`");
    }
}

static void bind_axes(struct binder *binder, const struct tree *sweep)
{
    struct study_plan *study = &binder->scenario->study;
    struct study_axis *axes = bind_array(binder, (sweep == NULL ? 0 : sweep->count) + 1, sizeof *axes);
    for (const struct tree *entry = axes == NULL ? NULL : map_first(sweep); entry != NULL; entry = entry->next) {
        struct study_axis *axis = &axes[study->axis_count++];
        slice *values = bind_array(binder, entry->count + 1, sizeof *values);
        axis->param = entry->key;
        for (const struct tree *value = values == NULL ? NULL : list_first(entry); value != NULL; value = value->next) {
            if (value->kind == TREE_TEXT) {
                param_check(binder, entry->key, value, SLICE("study.sweep"));
                values[axis->value_count++] = value->text;
            }
        }
        axis->values = values;
    }
    study->axes = axes;
}

static bool is_swept(const struct study_plan *study, slice param, slice value)
{
    for (size_t a = 0; a < study->axis_count; a++) {
        for (size_t v = 0; slice_equal(study->axes[a].param, param) && v < study->axes[a].value_count; v++) {
            if (slice_equal(study->axes[a].values[v], value)) {
                return true;
            }
        }
    }
    return false;
}

static void bind_skips(struct binder *binder, const struct tree *skip)
{
    struct study_plan *study = &binder->scenario->study;
    struct study_arm *skips = bind_array(binder, (skip == NULL ? 0 : skip->count) + 1, sizeof *skips);
    for (const struct tree *entry = skips == NULL ? NULL : list_first(skip); entry != NULL; entry = entry->next) {
        struct study_arm *one = &skips[study->skip_count++];
        one->mark = (struct mark){entry->at.line, entry->at.column};
        one->settings = bind_settings(binder, entry, "study.skip", &one->setting_count);
        for (const struct tree *value = map_first(entry); value != NULL; value = value->next) {
            if (value->kind == TREE_TEXT && !is_swept(study, value->key, value->text)) {
                (void)complain_softly(binder->to, "P701", value->at, "nothing is skipped by this: %.*s never is %s in the sweep", SLICE_ARGS(value->key),
                                      quoted(value->text).text);
            }
        }
    }
    study->skips = skips;
}

/* publish.p95: an slo, and one of the quantiles it bounds or its share; or a count. */
static void check_measure(struct binder *binder, const struct tree *measure)
{
    const struct scenario *scenario = binder->scenario;
    if (measure == NULL || measure->kind != TREE_TEXT) {
        return;
    }
    slice id = slice_before(measure->text, slice_index(measure->text, '.'));
    struct nearest nearest = nearest_begin(id);
    for (size_t i = 0; i < scenario->slo_count; i++) {
        nearest_try(&nearest, scenario->slos[i].id);
    }
    uint32_t index = 0;
    bool known = map_find(&binder->names[NAMES_COUNTS].map, measure->text, &index) || (nearest.distance == 0);
    for (size_t i = 0; i < scenario->slo_count; i++) {
        known = known || slice_equal(scenario->slos[i].id, id);
    }
    if (!known) {
        (void)complain(binder->to, "P204", measure->at, "%s is neither an slo of this file with a quantile nor a count (study.seeds.until.measure)%s",
                       quoted(measure->text).text, nearest_hint(&nearest).text);
    }
}

static void bind_seeds(struct binder *binder, const struct tree *seeds)
{
    struct study_plan *study = &binder->scenario->study;
    const struct tree *until = tree_get(seeds, "until"), *max = tree_get(until, "max");
    study->seed_from = (uint64_t)study_number(seeds, "study.seeds.from", "from");
    study->seed_count = (uint32_t)study_number(seeds, "study.seeds.count", "count");
    study->world = field_text(ROOT_SCENARIO, "study.seeds.world", tree_get(seeds, "world"));
    study->seed_max = study->seed_count;
    if (until == NULL) {
        return;
    }
    study->until_measure = field_text(ROOT_SCENARIO, "study.seeds.until.measure", tree_get(until, "measure"));
    study->half_width_micro = study_number(until, "study.seeds.until.half_width", "half_width");
    study->confidence_micro = study_number(until, "study.seeds.until.confidence", "confidence");
    study->seed_max = (uint32_t)study_number(until, "study.seeds.until.max", "max");
    check_measure(binder, tree_get(until, "measure"));
    if (max != NULL && study->seed_max < study->seed_count) {
        (void)complain(binder->to, "P303", max->at, "at most %u seeds, but at least %u (study.seeds)", study->seed_max, study->seed_count);
    }
    if (study->seed_count < 10) {
        (void)complain_softly(binder->to, "P704", until->key_at, "%u seeds to begin with say little about how sure a mean is: at least 10 are due (study.seeds.count)",
                              study->seed_count);
    }
}

static void bind_where(struct binder *binder, const struct tree *where)
{
    struct study_plan *study = &binder->scenario->study;
    study->engine = slice_equal(field_text(ROOT_SCENARIO, "study.where.engine", tree_get(where, "engine")), SLICE("slurm")) ? WHERE_SLURM : WHERE_LOCAL;
    study->jobs = (uint32_t)study_number(where, "study.where.jobs", "jobs");
    study->task_length = study_number(where, "study.where.tasks_of", "tasks_of");
    study->at_once = (uint32_t)study_number(where, "study.where.at_once", "at_once");
}

static void bind_observe(struct binder *binder, const struct tree *observe)
{
    struct observe *to = &binder->scenario->observe;
    const struct tree *histograms = tree_get(observe, "histograms"), *series = tree_get(observe, "series"), *keep = tree_get(observe, "keep");
    const struct tree *exports = tree_get(observe, "export");
    to->histogram_digits = (uint32_t)study_number(histograms, "observe.histograms.digits", "digits");
    to->histogram_highest = study_number(histograms, "observe.histograms.highest", "highest");
    to->series_every = study_number(series, "observe.series.every", "every");
    for (const struct tree *name = list_first(tree_get(series, "of")); name != NULL && to->series_count < SERIES_MAX; name = name->next) {
        if (bind_index(binder, NAMES_SERIES, name) != NONE) {
            to->series[to->series_count++] = name->text;
        }
    }
    slice events = field_text(ROOT_SCENARIO, "observe.keep.events", tree_get(keep, "events"));
    to->keep = slice_equal(events, SLICE("always")) ? KEEP_ALWAYS : slice_equal(events, SLICE("never")) ? KEEP_NEVER : KEEP_ON_FAILURE;
    to->keep_window = study_number(keep, "observe.keep.window", "window");
    const struct {
        const char *word;
        bool *set;
    } formats[] = {{"csv", &to->export_csv}, {"json", &to->export_json}, {"otel", &to->export_otel}, {"hdr", &to->export_hdr}};
    for (const struct tree *word = one_first(exports); word != NULL; word = one_next(exports, word)) {
        for (size_t i = 0; i < 4; i++) {
            *formats[i].set = *formats[i].set || slice_equal(word->text, slice_from(formats[i].word));
        }
    }
}

void bind_experiment(struct binder *binder)
{
    const struct tree *study = tree_get(binder->root, "study");
    binder->scenario->study.wanted = study != NULL;
    binder->scenario->study.lockstep = field_integer(ROOT_SCENARIO, "study.lockstep", tree_get(study, "lockstep")) != 0;
    bind_seeds(binder, tree_get(study, "seeds"));
    bind_arms(binder, tree_get(study, "compare"));
    bind_axes(binder, tree_get(study, "sweep"));
    bind_skips(binder, tree_get(study, "skip"));
    bind_where(binder, tree_get(study, "where"));
    bind_observe(binder, tree_get(binder->root, "observe"));
}
