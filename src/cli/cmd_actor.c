/* SPDX-License-Identifier: MIT
 *
 * actor: one process of a world, started by `pont run` and `pont world`. It reads the scenario itself, so that all
 * processes agree on every number, and takes its part of it. */
#include "sim/ris/ris.h"
#include "sim/viewer/viewer.h"
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

static uint32_t engine_peer(const struct scenario *scenario)
{
    for (uint32_t n = 0; n < scenario->node_count; n++) {
        if (scenario->nodes[n].kind == KIND_ENGINE) {
            return n;
        }
    }
    return 0;
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
    part->config.peers = part->peers;
    part->config.peer_count = part->scenario->node_count;
    enum err err = driver_run(&part->config, actor, why);
    return err == ERR_OK ? 0 : cli_fail(err, "%s", why);
}

/* The studies of this node as it files them: under the name and number of the time. */
static enum err node_studies(struct part *part, struct node_study **out, size_t *count)
{
    const struct scenario *scenario = part->scenario;
    struct node_study *studies = arena_array(&part->arena, scenario->study_count + 1, sizeof *studies);
    *count = 0;
    for (size_t s = 0; studies != NULL && s < scenario->study_count; s++) {
        const struct scenario_study *study = &scenario->studies[s];
        if (&scenario->nodes[study->node] != part->node) {
            continue;
        }
        const struct person *person = &scenario->persons[study->person];
        bool maiden = study->under == FILED_MAIDEN;
        slice number = maiden ? person->maiden_numbers[part->node->site] : study->under == FILED_ALSO ? person->also_numbers[part->node->site] : person->numbers[part->node->site];
        struct buffer name = buffer_make(&part->arena, 256);
        buffer_put(&name, maiden ? person->maiden_family : person->family);
        buffer_put_byte(&name, '^');
        buffer_put(&name, maiden && person->maiden_given.size > 0 ? person->maiden_given : person->given);
        studies[(*count)++] = (struct node_study){.number = study->number, .person = person->id, .patient_id = number, .issuer = scenario->sites[part->node->site].issuer,
                                                  .name = buffer_slice(&name), .birth_date = person->birth_date, .sex = person->sex, .accession = study->accession,
                                                  .accession_issuer = scenario->sites[part->node->site].accession, .study_uid = study->study_uid, .date = study->date,
                                                  .time = study->time, .description = study->text, .modality = study->modality, .body_part = study->region,
                                                  .laterality = study->laterality, .series_count = study->series_count, .image_count = study->image_count,
                                                  .planned = study->planned};
    }
    *out = studies;
    return studies == NULL ? ERR_LIMIT : ERR_OK;
}

static int run_node(struct part *part)
{
    struct node_study *studies = NULL;
    struct node_setup setup = {.name = part->node->id, .aet = part->node->aet, .issuer = part->scenario->sites[part->node->site].issuer, .vendor = part->node->vendor,
                               .peers = part->peers, .peer_count = part->scenario->node_count, .seed = part->scenario->seed, .pixels_full = part->scenario->pixels_full,
                               .truth = true, .left_out = host_left_out, .left_out_count = host_left_out_count, .run_max = part->config.run_max};
    struct import import = {0};
    enum err err = node_studies(part, &studies, &setup.study_count);
    setup.studies = studies;
    if (err == ERR_OK && part->node->import.size > 0) {
        err = import_folder(&import, part->node->import.data, &part->arena);
        import_tell(&import, stderr);
        setup.imported = import.objects;
        setup.imported_count = import.count;
    }
    struct arena memory;
    struct node *node = NULL;
    char folder[600];
    if (err != ERR_OK || arena_make(&memory, node_memory(&setup)) != ERR_OK || node_init(&node, &setup, &memory) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "node %.*s does not fit into memory", SLICE_ARGS(part->node->id));
    }
    snprintf(folder, sizeof folder, "%s/objects", part->folder);
    mkdir(folder, 0777);
    snprintf(folder, sizeof folder, "%s/objects/%.*s", part->folder, SLICE_ARGS(part->node->id));
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return cli_fail(ERR_SYSTEM, "cannot make %s: %s", folder, strerror(errno));
    }
    struct host_objects objects = {node, folder};
    part->config.source = host_source(&objects);
    part->config.sink = host_sink(&objects);
    struct actor actor = node_actor(node);
    int code = run(part, &actor);
    arena_drop(&memory);
    return code;
}

static int run_ris(struct part *part)
{
    struct ris_config setup = {.name = SLICE("RADIS2"), .receiver = SLICE("PONT"), .engine = engine_peer(part->scenario), .outbox_bytes = 64u << 20};
    struct ris *ris = NULL;
    struct arena memory;
    if (arena_make(&memory, 128u << 20) != ERR_OK || ris_init(&ris, &setup, &memory) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "the outbox of %.*s does not fit into memory", SLICE_ARGS(part->node->id));
    }
    struct actor actor = ris_actor(ris);
    part->config.sink = (struct object_sink){NULL, NULL};
    int code = run(part, &actor);
    arena_drop(&memory);
    return code;
}

static int run_viewer(struct part *part)
{
    struct viewer_setup setup = {.name = part->node->id, .aet = part->node->aet, .peers = part->peers, .peer_count = part->scenario->node_count,
                                 .engine = engine_peer(part->scenario)};
    struct viewer *viewer = NULL;
    struct arena memory;
    if (arena_make(&memory, viewer_memory(&setup)) != ERR_OK || viewer_init(&viewer, &setup, &memory) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "viewer %.*s does not fit into memory", SLICE_ARGS(part->node->id));
    }
    struct host_objects objects = {NULL, NULL};
    part->config.sink = host_sink(&objects);
    struct actor actor = viewer_actor(viewer);
    int code = run(part, &actor);
    arena_drop(&memory);
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
    switch (part.node->kind) {
    case KIND_PACS:
        return run_node(&part);
    case KIND_RIS:
        return run_ris(&part);
    case KIND_VIEWER:
        return run_viewer(&part);
    case KIND_ENGINE:
        break;
    }
    return cli_fail(ERR_BAD_INPUT, "the engine is started by `pont engine`");
}
