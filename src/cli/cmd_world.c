/* SPDX-License-Identifier: MIT
 *
 * world: everything up on the wire, its history told, until a signal. The sheet is written last, all at once. */
#include "src/bench/stage.h"
#include "src/cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORLD_ARENA (1024u << 20)
#define SETTLE_S 120 /* until every archive has told what it holds and the history is published; then the sheet is written all the same, and says so */

static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
    (void)signal;
    stopped = 1;
}

struct up {
    struct scenario *scenario;
    struct stage stage;
    FILE *truth;
    size_t archives, archive_count; /* archives: whose truth is not told yet */
    bool short_truth; /* the sheet says that it may be */
    const char *folder, *sheet;
    int64_t settle_s;
};

static void put_quoted(FILE *file, slice text)
{
    fputc('"', file);
    for (size_t i = 0; i < text.size; i++) {
        fputs(text.data[i] == '"' ? "\"" : "", file);
        fputc(text.data[i], file);
    }
    fputc('"', file);
}

static void put_truth(struct up *up, const struct observation *seen)
{
    fprintf(up->truth, "%.*s,%.*s,%.*s,%lld,%.*s,%.*s,", SLICE_ARGS(seen->actor), SLICE_ARGS(seen->study_uid), SLICE_ARGS(seen->sop_uid), (long long)seen->count,
            SLICE_ARGS(seen->pixel_sha256), SLICE_ARGS(seen->dataset_sha256));
    if (seen->peer.size > 0) {
        put_quoted(up->truth, seen->peer);
    }
    fputc('\n', up->truth);
}

static enum err write_sheet(const struct up *up);

/* The last archive has told what it holds, after the sheet said that one had not. */
static void complete_truth(struct up *up)
{
    up->short_truth = false;
    fflush(up->truth);
    if (write_sheet(up) == ERR_OK) {
        fprintf(stderr, "pont: every archive has told what it holds now: %s/truth.csv is complete, and the sheet says so\n", up->folder);
    }
}

/* Told before the stage acts. */
static enum err look(void *self, const struct observation *seen, int64_t line)
{
    struct up *up = self;
    (void)line;
    if (seen->kind == OBSERVATION_truth_instance) {
        put_truth(up, seen);
    } else if (seen->kind == OBSERVATION_truth_told) {
        up->archives -= up->archives > 0;
        if (up->archives == 0 && up->short_truth) {
            complete_truth(up);
        }
    } else if (seen->kind == OBSERVATION_story) {
        fprintf(stderr, "pont: %.*s\n", SLICE_ARGS(seen->text));
    }
    return ERR_OK;
}

static void put_nodes(FILE *sheet, const struct scenario *scenario, const char *host)
{
    fputs("nodes:\n", sheet);
    for (size_t n = 0; n < scenario->node_count; n++) {
        const struct scenario_node *node = &scenario->nodes[n];
        slice vendor = node->vendor == NULL ? SLICE("viewer") : node->vendor->vendor;
        if (!node->external && (node->kind == KIND_PACS || node->kind == KIND_VIEWER)) {
            fprintf(sheet, "  - {name: %.*s, vendor: %.*s, organisation: %.*s, aet: %.*s, host: %s, port: %u}\n", SLICE_ARGS(node->id),
                    SLICE_ARGS(vendor), SLICE_ARGS(scenario->sites[node->site].id), SLICE_ARGS(node->aet), host, node->dicom_port);
        }
    }
}

static void put_people(FILE *sheet, const struct scenario *scenario)
{
    fputs("people:\n", sheet);
    for (size_t p = 0; p < scenario->person_count; p++) {
        const struct person *person = &scenario->persons[p];
        int studies = 0;
        for (size_t s = 0; s < scenario->study_count; s++) {
            studies += scenario->studies[s].person == p && !scenario->studies[s].planned && scenario->studies[s].under != FILED_ALSO;
        }
        fprintf(sheet, "  - {id: %.*s, nhs_number: \"%.*s\", name: \"%.*s^%.*s\", studies: %d}\n", SLICE_ARGS(person->id), SLICE_ARGS(person->nhs), SLICE_ARGS(person->family),
                SLICE_ARGS(person->given), studies);
    }
}

static enum err write_sheet(const struct up *up)
{
    const char *path = up->sheet;
    const struct scenario *scenario = up->scenario;
    char fresh[620], host[64];
    snprintf(fresh, sizeof fresh, "%s.part", path);
    snprintf(host, sizeof host, "%.*s", SLICE_ARGS(scenario->bind));
    FILE *sheet = fopen(fresh, "we");
    if (sheet == NULL) {
        return ERR_SYSTEM;
    }
    for (size_t n = 0; n < scenario->node_count; n++) {
        const struct scenario_node *node = &scenario->nodes[n];
        if (node->kind == KIND_ENGINE) {
            fprintf(sheet, "engine: {aet: %.*s, host: %s, port: %u, hl7_port: %u}\n", SLICE_ARGS(node->aet), host, node->dicom_port, node->hl7_port);
        } else if (node->kind == KIND_RIS) {
            fprintf(sheet, "ris: {name: %.*s, hl7_port: %u}\n", SLICE_ARGS(node->id), node->hl7_port);
        }
    }
    put_nodes(sheet, scenario, host);
    fputs("clients:\n", sheet);
    for (size_t n = 0; n < scenario->node_count; n++) {
        if (scenario->nodes[n].external) {
            fprintf(sheet, "  - {aet: %.*s, port: %u}\n", SLICE_ARGS(scenario->nodes[n].aet), scenario->nodes[n].dicom_port);
        }
    }
    put_people(sheet, scenario);
    fprintf(sheet, "truth: %s/truth.csv\ntruth_complete: %s\n", up->folder, up->archives == 0 ? "true" : "false");
    bool ok = fclose(sheet) == 0 && rename(fresh, path) == 0;
    return ok ? ERR_OK : ERR_SYSTEM;
}

/* Every archive has told what it holds, and what the history names is published. */
static bool is_settled(const struct up *up, bool engine)
{
    return up->archives == 0 && (!engine || up->stage.watched >= (int64_t)up->scenario->history_exams);
}

static enum err settle(struct up *up, bool engine)
{
    const struct world *world = &up->stage.world;
    time_ns end = world->now(world->self) + up->settle_s * TIME_S;
    enum err err = engine ? stage_history(&up->stage) : ERR_OK;
    while (err == ERR_OK && !stopped && !is_settled(up, engine) && world->now(world->self) < end) {
        err = world->poll(world->self, end);
    }
    return err;
}

static void say_up(const struct up *up, bool settled)
{
    if (up->short_truth) {
        fprintf(stderr, "pont: %zu of %zu archives had not told what they hold after %lld s: %s/truth.csv may be short\n", up->archives, up->archive_count,
                (long long)up->settle_s, up->folder);
    }
    printf("The world is up%s: %lld of %zu exams published", settled ? "" : ", but has not settled", (long long)up->stage.watched, up->scenario->history_exams);
    if (!settled) {
        printf(" after %lld s; see its logs", (long long)up->settle_s);
    }
    printf(". Endpoints: %s; ^C ends it.\n", up->sheet);
    fflush(stdout);
}

struct world_words {
    const char *sheet, *no_engine, *engine_config, *play, *quirks, *out, *seed, *settle;
};

static int bring_up(struct up *up, const struct world_words *words, struct world_options *options, struct arena *arena)
{
    char why[256] = "", path[600], made[] = "/tmp/pont-world-XXXXXX";
    up->folder = words->out != NULL ? words->out : mkdtemp(made);
    if (up->folder == NULL || (mkdir(up->folder, 0777) != 0 && errno != EEXIST)) {
        return cli_fail(ERR_SYSTEM, "cannot make the folder of the world %s: %s", up->folder == NULL ? made : up->folder, strerror(errno));
    }
    snprintf(path, sizeof path, "%s/journal", up->folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/truth.csv", up->folder);
    up->truth = fopen(path, "we");
    if (up->truth == NULL) {
        return cli_fail(ERR_SYSTEM, "cannot write %s: %s", path, strerror(errno));
    }
    fputs("node,study,sop_instance_uid,size,pixel_sha256,dataset_sha256,file\n", up->truth);
    options->folder = up->folder;
    options->observer = stage_observe;
    options->observer_self = &up->stage;
    up->stage.scenario = up->scenario;
    up->stage.then = look;
    up->stage.then_self = up;
    for (size_t n = 0; n < up->scenario->node_count; n++) {
        up->archive_count = up->archives += up->scenario->nodes[n].kind == KIND_PACS && !up->scenario->nodes[n].external;
    }
    const struct world *world = &up->stage.world;
    enum err err = world_wire(&up->stage.world, up->scenario, options, why, arena);
    if (err != ERR_OK) {
        return cli_fail(err, "%s", why);
    }
    err = settle(up, !options->without_engine);
    fflush(up->truth);
    snprintf(path, sizeof path, "%s/sheet.yaml", up->folder);
    up->sheet = words->sheet == NULL ? path : words->sheet;
    up->short_truth = up->archives > 0;
    if (err == ERR_OK && write_sheet(up) != ERR_OK) {
        err = ERR_SYSTEM;
        fprintf(stderr, "pont: cannot write the sheet %s: %s\n", up->sheet, strerror(errno));
    } else if (err == ERR_OK) {
        say_up(up, is_settled(up, !options->without_engine));
        while (err == ERR_OK && !stopped) {
            err = stage_turn(&up->stage, TIME_NEVER);
        }
    }
    if (err != ERR_OK && world->why(world->self)[0] != '\0') {
        fprintf(stderr, "pont: %s\n", world->why(world->self));
    }
    world->stop(world->self);
    fclose(up->truth);
    up->sheet = NULL; /* `path` goes */
    return err_exit_code(err);
}

int cmd_world(int argc, char **argv)
{
    struct world_words words = {0};
    const struct option_row rows[] = {
        {"sheet", "FILE", "where the endpoint sheet goes (YAML), written last", &words.sheet},
        {"no-engine", NULL, "the world without the engine, for a supplier's", &words.no_engine},
        {"engine-config", "FILE", "another engine.yaml", &words.engine_config},
        {"play", NULL, "tell the story too, not only the history", &words.play},
        {"quirks", "LEVEL", "documented, reported or assumed", &words.quirks},
        {"seed", "N", "another seed", &words.seed},
        {"settle", "SECONDS", "how long the sheet waits for the world to settle (120)", &words.settle},
        {"out", "DIR", "folder of the world (logs, truth.csv, registry)", &words.out},
    };
    const struct options table = {"world", rows, sizeof rows / sizeof rows[0], 1, 1};
    const char *file = NULL;
    size_t count = 0;
    int code = options_read(&table, argc, argv, &file, &count);
    if (code >= 0) {
        return code;
    }
    static struct scenario_options options;
    static struct problems problems;
    static struct up up;
    struct arena arena;
    int64_t seed = 0;
    up.settle_s = SETTLE_S;
    if ((words.seed != NULL && !option_number("world", "seed", words.seed, 0, INT64_MAX, &seed)) ||
        (words.settle != NULL && !option_number("world", "settle", words.settle, 0, 3600, &up.settle_s))) {
        return 2;
    }
    options.quirks = words.quirks == NULL ? SLICE("assumed") : slice_from(words.quirks);
    options.seed_given = words.seed != NULL;
    options.seed = (uint64_t)seed;
    if (arena_make(&arena, WORLD_ARENA) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "not enough memory for a world");
    }
    if (scenario_read(&up.scenario, file, &options, &problems, &arena) != ERR_OK) {
        return cli_problems(&problems, file);
    }
    if (words.play != NULL && play_init(&up.stage.play, up.scenario, &arena) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "the story does not fit");
    }
    struct world_options world = {.program = cli_program(), .scenario_file = file, .quirks = options.quirks, .without_engine = words.no_engine != NULL,
                                  .engine_config = words.engine_config, .seed_given = options.seed_given, .seed = options.seed};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    code = bring_up(&up, &words, &world, &arena);
    arena_drop(&arena);
    return code;
}
