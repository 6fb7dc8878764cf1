/* SPDX-License-Identifier: MIT
 *
 * actor: one process of a world, started by `pont run` and `pont world`. It reads the scenario itself, so that all
 * processes agree on every number, and takes its part of it. */
#include "src/base/random.h"
#include "src/bench/actors.h"
#include "src/bench/model.h"
#include "src/cli/cli.h"
#include "src/cli/host.h"
#include "src/cli/import.h"
#include "src/dcmtk/dcmtk.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

struct part {
    struct scenario *scenario;
    const struct scenario_node *node;
    struct peer *peers;
    struct driver_config config;
    const char *folder;
    struct arena arena;
};

static time_ns takes(void *self, enum dimse_kind kind, uint64_t nth)
{
    const struct part *part = self;
    return model_takes(part->node, kind, random_draw(part->scenario->seed, PURPOSE('p', 'a', 'c', 'e'), (uint64_t)(part->node - part->scenario->nodes), nth));
}

static int run(struct part *part, struct actor *actor)
{
    char why[256] = "", host[64];
    const slice titles[] = {part->node->aet};
    snprintf(host, sizeof host, "%.*s", SLICE_ARGS(part->scenario->bind));
    part->config.name = part->node->id;
    part->config.titles = titles;
    part->config.title_count = 1;
    part->config.host = host;
    part->config.dicom_port = part->node->kind == KIND_RIS ? 0 : part->node->dicom_port;
    part->config.hl7_port = part->node->hl7_port;
    part->config.pace = (struct pace){part, takes, part->node->service.move_bps / 8};
    part->config.peers = part->peers;
    part->config.peer_count = part->scenario->node_count;
    enum err err = driver_run(&part->config, actor, why);
    return err == ERR_OK ? 0 : cli_fail(err, "%s", why);
}

static enum err make_folder(char *folder, size_t size, const struct part *part)
{
    snprintf(folder, size, "%s/objects", part->folder);
    mkdir(folder, 0777);
    snprintf(folder, size, "%s/objects/%.*s", part->folder, SLICE_ARGS(part->node->id));
    return mkdir(folder, 0777) == 0 || errno == EEXIST ? ERR_OK : ERR_SYSTEM;
}

static int play(struct part *part)
{
    struct actors_options options = {.peers = part->peers, .run_max = part->config.run_max};
    struct import import = {0};
    struct made_actor made;
    char folder[600] = "";
    bool archive = part->node->kind == KIND_PACS;
    enum err err = ERR_OK;
    if (archive && part->node->import.size > 0) {
        err = import_folder(&import, part->node->import.data, &part->arena);
        import_tell(&import, stderr);
        options.imported = import.objects;
        options.imported_count = import.count;
    }
    err = err == ERR_OK ? actors_make(&made, part->scenario, (uint32_t)(part->node - part->scenario->nodes), &options, &part->arena) : err;
    if (err != ERR_OK) {
        return cli_fail(err, "%.*s cannot be made (does it fit into memory?)", SLICE_ARGS(part->node->id));
    }
    if (archive && make_folder(folder, sizeof folder, part) != ERR_OK) {
        return cli_fail(ERR_SYSTEM, "cannot make %s: %s", folder, strerror(errno));
    }
    struct host_objects objects = {made.node, archive ? folder : NULL};
    part->config.source = archive ? host_source(&objects) : part->config.source;
    part->config.sink = part->node->kind == KIND_RIS ? part->config.sink : host_sink(&objects);
    int code = run(part, &made.actor);
    actors_drop(&made);
    return code;
}

struct actor_words {
    struct host_words host;
    const char *name, *ports, *folder, *seed, *quirks;
};

static int prepare(struct part *part, const struct actor_words *words, const char *file)
{
    static struct problems problems;
    struct scenario_options options = {.quirks = words->quirks == NULL ? SLICE("assumed") : slice_from(words->quirks), .seed_given = words->seed != NULL};
    int64_t seed = 0;
    if (!host_take("actor", &words->host, &part->config) || (words->seed != NULL && !option_number("actor", "seed", words->seed, 0, INT64_MAX, &seed))) {
        return 2;
    }
    options.seed = (uint64_t)seed;
    part->folder = words->folder == NULL ? "." : words->folder;
    if (arena_make(&part->arena, 256u << 20) != ERR_OK || dcmtk_start() != ERR_OK) {
        return cli_fail(ERR_SYSTEM, "DCMTK cannot start: is its data dictionary (package libdcmtk-data) installed?");
    }
    if (scenario_read(&part->scenario, file, &options, &problems, &part->arena) != ERR_OK) {
        return cli_problems(&problems, file);
    }
    enum err err = words->ports == NULL ? ERR_BAD_INPUT : scenario_read_ports(part->scenario, words->ports, &part->arena);
    err = err == ERR_OK ? scenario_peers(part->scenario, &part->peers, &part->arena) : err;
    for (size_t n = 0; n < part->scenario->node_count && words->name != NULL; n++) {
        part->node = slice_equal(part->scenario->nodes[n].id, slice_from(words->name)) ? &part->scenario->nodes[n] : part->node;
    }
    if (err != ERR_OK || part->node == NULL) {
        return cli_fail(ERR_BAD_INPUT, "pont actor is started by pont run: it needs --name of a node and --ports FILE");
    }
    return 0;
}

int cmd_actor(int argc, char **argv)
{
    struct actor_words words = {{0}, NULL, NULL, NULL, NULL, NULL};
    const struct option_row rows[] = {HOST_OPTIONS(words.host),
                                      {"name", "NODE", "which node of the scenario", &words.name},
                                      {"ports", "FILE", "ports.txt of the run", &words.ports},
                                      {"folder", "DIR", "the run folder", &words.folder},
                                      {"seed", "N", "another seed", &words.seed},
                                      {"quirks", "LEVEL", "documented, reported or assumed", &words.quirks}};
    const struct options table = {"actor", rows, sizeof rows / sizeof rows[0], 1, 1};
    const char *file = NULL;
    size_t count = 0;
    int code = options_read(&table, argc, argv, &file, &count);
    if (code >= 0) {
        return code;
    }
    static struct part part;
    code = prepare(&part, &words, file);
    if (code != 0) {
        return code;
    }
    return part.node->kind == KIND_ENGINE ? cli_fail(ERR_BAD_INPUT, "the engine is started by `pont engine`") : play(&part);
}
