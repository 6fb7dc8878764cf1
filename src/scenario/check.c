/* SPDX-License-Identifier: MIT */
#include "src/scenario/check.h"

#include "src/scenario/profile.h"

#include <stdlib.h>

static const char *const kind_texts[FILE_KIND_COUNT] = {"scenario", "profile", "engine"};

const char *file_kind_text(enum file_kind kind)
{
    return kind_texts[kind];
}

/* Told by the keys that only one kind has; a file that tells nothing is taken for a scenario. */
static enum err kind_of(const char *path, enum file_kind *kind, struct arena *arena)
{
    struct problems *scratch = calloc(1, sizeof *scratch);
    struct complaints to = {scratch, path};
    slice source = SLICE_EMPTY;
    struct tree *root = NULL;
    *kind = FILE_SCENARIO;
    if (scratch == NULL) {
        return ERR_LIMIT;
    }
    enum err err = tree_load(&source, path, &to, arena);
    err = err == ERR_OK ? tree_parse(&root, source, &to, arena) : err;
    free(scratch);
    if (err == ERR_OK && tree_get(root, "vendor") != NULL) {
        *kind = FILE_PROFILE;
    } else if (err == ERR_OK && (tree_get(root, "engine") != NULL || tree_get(root, "organisations") != NULL)) {
        *kind = FILE_ENGINE;
    }
    return ERR_OK;
}

static void put_count(struct buffer *buffer, const char *before, size_t count, const char *one, const char *many)
{
    buffer_put_text(buffer, before);
    buffer_put_int(buffer, (int64_t)count);
    buffer_put_text(buffer, " ");
    buffer_put_text(buffer, count == 1 ? one : many);
}

static void sum_up_scenario(const struct scenario *scenario, struct buffer *summary)
{
    buffer_put_text(summary, "scenario ");
    buffer_put(summary, scenario->id);
    put_count(summary, ": ", scenario->site_count, "site", "sites");
    put_count(summary, ", ", scenario->node_count, "node", "nodes");
    put_count(summary, ", ", scenario->person_count, "person", "people");
    put_count(summary, ", ", scenario->study_count, "study", "studies");
    put_count(summary, ", ", scenario->step_count, "step", "steps");
    put_count(summary, ", ", scenario->always_count + scenario->expectation_count, "expectation", "expectations");
}

static void sum_up_profile(const struct vendor_profile *profile, struct buffer *summary)
{
    size_t quirks = 0;
    for (int i = 0; i < QUIRK_COUNT; i++) {
        quirks += vendor_has(profile, (enum quirk)i);
    }
    buffer_put_text(summary, "vendor profile ");
    buffer_put(summary, profile->vendor);
    put_count(summary, ": ", quirks, "quirk", "quirks");
    put_count(summary, ", ", profile->dialect_count, "dialect", "dialects");
}

static enum err check_profile(const char *path, const struct scenario_options *options, struct problems *problems, struct buffer *summary,
                              struct explained **explained, struct arena *arena)
{
    struct complaints to = {problems, path};
    struct vendor_profile *profile = NULL;
    enum confidence level = CONFIDENCE_ASSUMED;
    if (options->quirks.size > 0) {
        (void)confidence_from_text(options->quirks, &level);
    }
    enum err err = profile_read(&profile, path, level, &to, explained, arena);
    problems_sort(problems);
    if (err == ERR_OK) {
        sum_up_profile(profile, summary);
    }
    return err;
}

static enum err check_engine(const char *path, struct problems *problems, struct buffer *summary, struct explained **explained, struct arena *arena)
{
    struct engine_file *file = NULL;
    enum err err = engine_file_read(&file, path, problems, explained, arena);
    if (err == ERR_OK) {
        buffer_put_text(summary, "engine configuration of ");
        buffer_put(summary, file->config.aet);
        put_count(summary, ": ", file->config.organisation_count, "organisation", "organisations");
        put_count(summary, ", ", file->config.node_count, "node", "nodes");
    }
    return err;
}

enum err check_file(const char *path, const struct scenario_options *options, struct problems *problems, struct buffer *summary, struct buffer *explain,
                    struct arena *arena)
{
    enum file_kind kind = FILE_SCENARIO;
    struct explained *explained = NULL;
    struct scenario *scenario = NULL;
    size_t used = arena->used;
    enum err err = kind_of(path, &kind, arena);
    arena->used = used;
    if (err != ERR_OK) {
        return err;
    }
    if (kind == FILE_PROFILE) {
        err = check_profile(path, options, problems, summary, &explained, arena);
    } else if (kind == FILE_ENGINE) {
        err = check_engine(path, problems, summary, &explained, arena);
    } else {
        err = scenario_read(&scenario, path, options, problems, arena);
        explained = err == ERR_OK ? scenario->explained : NULL;
        if (err == ERR_OK) {
            sum_up_scenario(scenario, summary);
        }
    }
    if (explain != NULL && err == ERR_OK) {
        explained_put(explained, explain);
    }
    return err;
}
