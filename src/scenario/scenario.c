/* SPDX-License-Identifier: MIT */
#include "src/scenario/bind.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Where the data of the program lie. */

const char *scenario_find_data(const char *what, char *path, size_t size)
{
    static const char *const below[] = {"..", "../..", "../share/pont", "../../.."};
    char program[4096];
    FILE *probe = NULL;
    if (realpath("/proc/self/exe", program) != NULL) {
        char *slash = strrchr(program, '/');
        program[slash == NULL ? 0 : slash - program] = '\0';
        for (size_t i = 0; i < sizeof below / sizeof below[0] && probe == NULL; i++) {
            const char *name = strcmp(below[i], "../share/pont") == 0 && strncmp(what, "sim/", 4) == 0 ? what + 4 : what;
            int used = snprintf(path, size, "%s/%s/%s", program, below[i], name);
            probe = used > 0 && (size_t)used < size ? fopen(path, "re") : NULL;
        }
    }
    if (probe == NULL) {
        snprintf(path, size, "%s", what);
        probe = fopen(path, "re");
    }
    if (probe == NULL) {
        return NULL;
    }
    fclose(probe);
    return path;
}

/* ---- Reading. */

static void check_level(const struct scenario_options *options, const struct complaints *to)
{
    enum confidence level = CONFIDENCE_ASSUMED;
    if (options->quirks.size > 0 && !confidence_from_text(options->quirks, &level)) {
        (void)complain(to, "P207", (struct span){1, 1, 1}, "quirks are documented, reported or assumed, not %s", quoted(options->quirks).text);
    }
}

static enum err bind_all(struct binder *binder, struct tree *root)
{
    bind_names(binder);
    if (binder->err == ERR_OK) {
        params_bind(binder, root);
    }
    if (binder->err == ERR_OK) {
        fields_check(&binder->walk, ROOT_SCENARIO, binder->root, SLICE_EMPTY);
        bind_run(binder);
        bind_world(binder);
    }
    if (binder->err == ERR_OK) {
        bind_people(binder);
    }
    if (binder->err == ERR_OK) {
        bind_studies(binder);
    }
    if (binder->err == ERR_OK) {
        bind_history(binder);
        bind_story(binder);
        bind_expectations(binder);
    }
    static void (*const binders[])(struct binder *binder) = {bind_links,   bind_population, bind_pathways,   bind_arrivals,
                                                             bind_meetings, bind_timeline,   bind_faults,     bind_experiment,
                                                             check_world};
    for (size_t i = 0; i < sizeof binders / sizeof binders[0] && binder->err == ERR_OK; i++) {
        binders[i](binder);
    }
    return binder->err;
}

static enum err read_source(struct scenario *scenario, slice source, const struct scenario_options *options, const struct complaints *to, struct arena *arena)
{
    struct tree *root = NULL;
    enum err err = tree_parse(&root, source, to, arena);
    if (err == ERR_LIMIT || root == NULL || root->kind != TREE_MAP) {
        return err == ERR_OK ? ERR_BAD_INPUT : err;
    }
    struct binder *binder = arena_alloc(arena, sizeof *binder);
    if (binder == NULL) {
        return ERR_LIMIT;
    }
    *binder = (struct binder){.scenario = scenario, .root = root, .to = to, .arena = arena, .options = options};
    binder->walk = (struct walk){.to = to, .arena = arena, .variant = bind_variant, .self = binder};
    binder->walk.explained_tail = &scenario->explained;
    binder->walk.zone = field_text(ROOT_SCENARIO, "run.clock.zone", tree_get(tree_get(tree_get(root, "run"), "clock"), "zone"));
    check_level(options, to);
    err = bind_all(binder, root);
    params_relate(binder, to->problems);
    return err;
}

enum err scenario_read(struct scenario **out, const char *path, const struct scenario_options *options, struct problems *problems, struct arena *arena)
{
    struct complaints to = {problems, path};
    slice source = SLICE_EMPTY;
    size_t before = problems->error_count;
    enum err err = tree_load(&source, path, &to, arena);
    struct scenario *scenario = err == ERR_OK ? arena_alloc(arena, sizeof *scenario) : NULL;
    if (scenario != NULL) {
        scenario->file = arena_copy(arena, slice_from(path));
        sha256_text(source, scenario->sha256);
        err = read_source(scenario, source, options, &to, arena);
    } else if (err == ERR_OK) {
        err = ERR_LIMIT;
    }
    if (err == ERR_LIMIT && problems->error_count == before) {
        (void)complain(&to, "P105", (struct span){1, 1, 1}, "no memory is left; the scenario is too large");
    }
    problems_sort(problems);
    if (err == ERR_OK && problems->error_count > before) {
        err = ERR_BAD_INPUT;
    }
    *out = err == ERR_OK ? scenario : NULL;
    return err;
}

/* ---- For people and for drivers. */

void explained_put(const struct explained *line, struct buffer *buffer)
{
    for (; line != NULL; line = line->next) {
        buffer_put(buffer, line->path);
        buffer_put_text(buffer, ": ");
        buffer_put(buffer, line->value);
        buffer_put_text(buffer, "   # ");
        buffer_put(buffer, line->origin);
        buffer_put_text(buffer, "\n");
    }
}

void scenario_explain(const struct scenario *scenario, struct buffer *buffer)
{
    explained_put(scenario->explained, buffer);
}

enum err scenario_peers(const struct scenario *scenario, struct peer **peers, struct arena *arena)
{
    struct peer *list = arena_array(arena, scenario->node_count + 1, sizeof *list);
    if (list == NULL) {
        return ERR_LIMIT;
    }
    for (size_t n = 0; n < scenario->node_count; n++) {
        const struct scenario_node *node = &scenario->nodes[n];
        list[n] = (struct peer){node->id, node->aet, scenario->bind, node->dicom_port, node->hl7_port};
    }
    *peers = list;
    return ERR_OK;
}
