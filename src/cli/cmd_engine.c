/* SPDX-License-Identifier: MIT */
#include "src/cli/cli.h"
#include "src/cli/host.h"
#include "src/dcmtk/dcmtk.h"
#include "src/engine/engine.h"
#include "src/engine/mutant.h"
#include "src/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A defect by its name as the documents write it (M-DROP-LAST) or as the code does. */
bool cli_mutant(const char *name)
{
    char row[64];
    size_t size = 0;
    for (; name[size] != '\0' && size < sizeof row - 1; size++) {
        row[size] = name[size] == '-' ? '_' : name[size];
    }
    return mutant_set((slice){row, size});
}

static bool set_defects(const char *mutant, const char *without)
{
    if (mutant != NULL && !cli_mutant(mutant)) {
        fprintf(stderr, "pont engine: no mutant \"%s\" in this build; the names are in tests/mutants/mutants.def, and build/mutants/pont has them\n", mutant);
        return false;
    }
    if (without != NULL && !mutant_without(slice_from(without))) {
        fprintf(stderr, "pont engine: no mitigation \"%s\" to leave out in this build\n", without);
        return false;
    }
    return true;
}

/* Its own folders are made, not asked for. */
static enum err make_folder(slice path)
{
    char text[512];
    snprintf(text, sizeof text, "%.*s", SLICE_ARGS(path));
    return path.size == 0 || mkdir(text, 0777) == 0 || errno == EEXIST ? ERR_OK : ERR_SYSTEM;
}

/* The life after the last that has a journal: a restart goes on where the registry stands. */
static int64_t next_life(slice journal)
{
    int64_t life = 0;
    char path[600];
    do {
        snprintf(path, sizeof path, "%.*s/%lld.bin", SLICE_ARGS(journal), (long long)++life);
    } while (journal.size > 0 && access(path, F_OK) == 0);
    return life;
}

static const char *path_or_null(slice path)
{
    return path.size == 0 ? NULL : path.data; /* text of the configuration ends in NUL */
}

static int serve(const struct engine_file *file, struct driver_config *config, char why[256])
{
    struct arena memory;
    struct engine *engine = NULL;
    if (arena_make(&memory, (size_t)file->config.memory) != ERR_OK || engine_init(&engine, &file->config, &memory) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "the limits of the configuration do not fit into %llu bytes; raise engine.memory", (unsigned long long)file->config.memory);
    }
    const slice titles[] = {file->config.aet};
    char host[64];
    snprintf(host, sizeof host, "%.*s", SLICE_ARGS(file->host));
    config->name = file->config.name;
    config->titles = titles;
    config->title_count = 1;
    config->host = host;
    config->dicom_port = file->dicom_port;
    config->hl7_port = file->hl7_port;
    config->peers = file->peers;
    config->peer_count = file->peer_count;
    config->store = path_or_null(file->registry);
    config->journal = path_or_null(file->journal);
    config->spool = path_or_null(file->spool);
    struct actor actor = engine_actor(engine);
    enum err err = driver_run(config, &actor, why);
    arena_drop(&memory);
    return err == ERR_OK ? 0 : cli_fail(err, "%s", why);
}

int cmd_engine(int argc, char **argv)
{
    struct host_words words = {0};
    const char *life = NULL, *trace = NULL, *mutant = NULL, *without = NULL, *path = NULL;
    const struct option_row rows[] = {HOST_OPTIONS(words),
                                      {"life", "N", "which life of this registry (default: the next)", &life},
                                      {"trace", "FILE", "events and commands as JSON lines", &trace},
                                      {"mutant", "NAME", "a deliberate defect (build/mutants/pont only)", &mutant},
                                      {"without", "MITIGATION", "leave a mitigation out (build/mutants/pont only)", &without}};
    const struct options table = {"engine", rows, sizeof rows / sizeof rows[0], 1, 1};
    size_t count = 0;
    int code = options_read(&table, argc, argv, &path, &count);
    if (code >= 0) {
        return code;
    }
    static struct problems problems;
    struct driver_config config = {.trace = trace};
    struct engine_file *file = NULL;
    struct arena arena;
    char why[256] = "";
    if (!host_take("engine", &words, &config) || !set_defects(mutant, without) || (life != NULL && !option_number("engine", "life", life, 1, 1000000, &config.life))) {
        return 2;
    }
    if (arena_make(&arena, 32u << 20) != ERR_OK || dcmtk_start() != ERR_OK) {
        return cli_fail(ERR_SYSTEM, "DCMTK cannot start: is its data dictionary (package libdcmtk-data) installed?");
    }
    if (engine_yaml_read(&file, path, &problems, &arena) != ERR_OK) {
        return cli_problems(&problems, path);
    }
    if (config.run_max > 0) {
        file->config.run_max = config.run_max;
    }
    if (config.start_ns == 0) {
        config.start_ns = (time_ns)time(NULL) * TIME_S;
    }
    if (make_folder(file->journal) != ERR_OK || make_folder(file->spool) != ERR_OK) {
        return cli_fail(ERR_SYSTEM, "cannot make the folders of the journal and the spool that %s names", path);
    }
    if (path_or_null(file->registry) != NULL && path_or_null(file->spool) != NULL) {
        (void)store_sweep_spool(path_or_null(file->registry), path_or_null(file->spool));
    }
    config.life = life != NULL ? config.life : next_life(file->journal);
    code = serve(file, &config, why);
    arena_drop(&arena);
    return code;
}
