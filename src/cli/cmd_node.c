/* SPDX-License-Identifier: MIT
 *
 * node: one emulated PACS on loopback until ^C, for a person with DICOM tools; or the digests of a file. */
#include "src/cli/cli.h"
#include "src/cli/host.h"
#include "src/cli/import.h"
#include "src/cli/vendors.h"
#include "src/dcmtk/dcmtk.h"

#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ADDRESS "127.0.0.1"
#define STUDIES 20
#define STUDIES_MAX 1000000
#define PEERS "TRYME@127.0.0.1:11190"
#define PEERS_MAX 256

struct node_words {
    struct host_words host;
    const char *aet, *port, *studies, *seed, *import, *digest, *quirks, *peers, *full;
};

struct place {
    struct vendor_profile *vendor;
    struct node_setup setup;
    struct driver_config config;
    struct import import;
    struct arena arena;
    char folder[256];
};

/* ---- --digest FILE. */

static int digest(const char *path)
{
    struct arena arena;
    struct dicom_file file;
    char why[128] = "";
    if (arena_make(&arena, 64u << 20) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "no memory to read %s", path);
    }
    enum err err = dcmtk_read_file_without(&file, path, actors_left_out, actors_left_out_count, why, &arena);
    if (err != ERR_OK) {
        fprintf(stderr, "pont node: %s: %s\n", path, why[0] != '\0' ? why : err_text(err));
        arena_drop(&arena);
        return err == ERR_LIMIT ? err_exit_code(err) : 2;
    }
    const struct object *object = &file.object;
    printf("sop_instance_uid %.*s\nstudy_instance_uid %.*s\ntransfer_syntax %.*s\nsize %lld\ndataset_sha256 %.*s\npixel_sha256 %.*s\n",
           SLICE_ARGS(object->sop_instance_uid), SLICE_ARGS(object->study_uid), SLICE_ARGS(object->transfer_syntax), (long long)object->size,
           SLICE_ARGS(object->dataset_sha256), SLICE_ARGS(object->pixel_sha256));
    arena_drop(&arena);
    return 0;
}

/* ---- The node. */

static bool read_peers(struct place *place, const char *text)
{
    slice rest = slice_from(text == NULL ? PEERS : text);
    struct peer *peers = arena_array(&place->arena, PEERS_MAX, sizeof *peers);
    size_t count = 0;
    while (peers != NULL && rest.data != NULL) {
        slice one = slice_trim(slice_cut(&rest, ','));
        if (count == PEERS_MAX || !vendors_address(&peers[count], one, &place->arena)) {
            fprintf(stderr, "pont node: --peers has \"%.*s\"; it takes up to %d of AET@host:port, the host a number, with commas between\n", SLICE_ARGS(one), PEERS_MAX);
            return false;
        }
        count++;
    }
    place->setup.peers = place->config.peers = peers;
    place->setup.peer_count = place->config.peer_count = count;
    return peers != NULL;
}

static int take_words(struct place *place, const struct node_words *words, const char *name)
{
    int64_t port = 0, studies = words->import != NULL ? 0 : STUDIES, seed = 1;
    if (!host_take("node", &words->host, &place->config) || (words->port != NULL && !option_number("node", "port", words->port, 0, 65535, &port)) ||
        (words->studies != NULL && !option_number("node", "studies", words->studies, 0, STUDIES_MAX, &studies)) ||
        (words->seed != NULL && !option_number("node", "seed", words->seed, 0, INT64_MAX, &seed))) {
        return 2;
    }
    if (arena_make(&place->arena, (256u << 20) + (size_t)studies * 1024) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "no memory for %lld studies", (long long)studies);
    }
    int code = vendors_read(&place->vendor, "node", name, words->quirks, &place->arena);
    if (code != 0 || !read_peers(place, words->peers)) {
        return code != 0 ? code : 2;
    }
    slice aet = words->aet == NULL ? vendors_title(place->vendor, &place->arena) : slice_from(words->aet);
    if (aet.size == 0 || aet.size > 16) {
        fprintf(stderr, "pont node: --aet is \"%.*s\"; an AE title has 1 to 16 characters\n", SLICE_ARGS(aet));
        return 2;
    }
    place->config.dicom_port = (uint16_t)port;
    place->config.dicom_any_port = port == 0;
    place->setup.name = place->setup.aet = place->setup.issuer = aet;
    place->setup.vendor = place->vendor;
    place->setup.seed = (uint64_t)seed;
    place->setup.pixels_full = words->full != NULL;
    place->setup.truth = words->host.observe != NULL;
    place->setup.left_out = actors_left_out;
    place->setup.left_out_count = actors_left_out_count;
    place->setup.run_max = place->config.run_max;
    place->setup.study_count = (size_t)studies;
    return 0;
}

static int fill(struct place *place, const struct node_words *words)
{
    struct node_study *studies = NULL;
    enum err err = vendors_studies(&studies, place->setup.study_count, place->setup.seed, place->setup.issuer, &place->arena);
    if (err != ERR_OK) {
        return cli_fail(err, "%zu studies do not fit into memory", place->setup.study_count);
    }
    place->setup.studies = studies;
    if (words->import == NULL) {
        return 0;
    }
    err = import_folder(&place->import, words->import, &place->arena);
    if (err != ERR_OK) {
        return cli_fail(err == ERR_NOT_FOUND ? ERR_BAD_INPUT : err, "--import %s: %s", words->import, err == ERR_NOT_FOUND ? "no folder that can be read" : err_text(err));
    }
    import_tell(&place->import, stdout);
    place->setup.imported = place->import.objects;
    place->setup.imported_count = place->import.count;
    return 0;
}

static void tell_ready(void *self, uint16_t dicom_port, uint16_t hl7_port)
{
    const struct place *place = self;
    (void)hl7_port;
    printf("%.*s@" ADDRESS ":%u  %.*s, %zu studies made, %zu objects imported; ^C ends it\n", SLICE_ARGS(place->setup.aet), dicom_port,
           SLICE_ARGS(place->vendor->title), place->setup.study_count, place->setup.imported_count);
    fflush(stdout);
}

/* What it was sent lives as long as it does. */
static void remove_folder(char *folder)
{
    char *const paths[] = {folder, NULL};
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry = NULL; tree != NULL && (entry = fts_read(tree)) != NULL;) {
        if (entry->fts_info == FTS_F) {
            unlink(entry->fts_path);
        } else if (entry->fts_info == FTS_DP) {
            rmdir(entry->fts_path);
        }
    }
    if (tree != NULL) {
        fts_close(tree);
    }
}

static int run(struct place *place)
{
    struct arena memory;
    struct node *node = NULL;
    char why[256] = "";
    const char *temporary = getenv("TMPDIR");
    if (arena_make(&memory, node_memory(&place->setup)) != ERR_OK || node_init(&node, &place->setup, &memory) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "a node of %zu studies does not fit into memory", place->setup.study_count);
    }
    snprintf(place->folder, sizeof place->folder, "%.200s/pont-node-XXXXXX", temporary == NULL ? "/tmp" : temporary);
    if (mkdtemp(place->folder) == NULL) {
        return cli_fail(ERR_SYSTEM, "cannot make a folder like %s for what it is sent", place->folder);
    }
    struct host_objects objects = {node, place->folder};
    struct actor actor = node_actor(node);
    place->config.name = place->setup.name;
    place->config.titles = &place->setup.aet;
    place->config.title_count = 1;
    place->config.host = ADDRESS;
    place->config.source = host_source(&objects);
    place->config.sink = host_sink(&objects);
    place->config.ready = tell_ready;
    place->config.ready_self = place;
    enum err err = driver_run(&place->config, &actor, why);
    remove_folder(place->folder);
    arena_drop(&memory);
    return err == ERR_OK ? 0 : cli_fail(err, "%s", why);
}

int cmd_node(int argc, char **argv)
{
    struct node_words words = {{0}, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};
    const struct option_row rows[] = {
        {"aet", "T", "its AE title (the vendor's name in capitals)", &words.aet},
        {"port", "N", "where it listens (any free port)", &words.port},
        {"studies", "N", "how many studies are made (20; none with --import)", &words.studies},
        {"seed", "N", "what they are made from (1)", &words.seed},
        {"full", NULL, "images of the real size, not small ones", &words.full},
        {"import", "DIR", "serve the DICOM files below this folder", &words.import},
        {"peers", "AET@host:port,...", "whom it knows and may send to (" PEERS ")", &words.peers},
        {"quirks", "LEVEL", "documented, reported or assumed (all)", &words.quirks},
        {"digest", "FILE", "print UIDs and digests of a DICOM file instead", &words.digest},
        HOST_OPTIONS(words.host),
    };
    const struct options table = {"node", rows, sizeof rows / sizeof rows[0], 0, 1};
    const char *name = NULL;
    size_t count = 0;
    int code = options_read(&table, argc, argv, &name, &count);
    if (code >= 0) {
        return code;
    }
    if (dcmtk_start() != ERR_OK) {
        return cli_fail(ERR_SYSTEM, "DCMTK cannot start: is its data dictionary (package libdcmtk-data) installed?");
    }
    if (words.digest != NULL) {
        return digest(words.digest);
    }
    if (count == 0) {
        fputs("pont node: name a vendor; `pont vendors` lists them\n", stderr);
        return 2;
    }
    static struct place place;
    code = take_words(&place, &words, name);
    code = code == 0 ? fill(&place, &words) : code;
    code = code == 0 ? run(&place) : code;
    arena_drop(&place.arena);
    return code;
}
