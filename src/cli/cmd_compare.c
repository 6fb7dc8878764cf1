/* SPDX-License-Identifier: MIT
 *
 * compare: two runs, two sweeps, or two arms of sweeps. */
#include "src/bench/compare.h"
#include "src/cli/cli.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COMPARE_ARENA ((size_t)2 << 30) /* taken lazily */

struct side {
    const char *word;
    char folder[512], arm[256];
    struct sample *samples;
    size_t count;
    bool is_run; /* a run folder, which has a trace */
};

static int by_seed(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;
    return (x->seed > y->seed) - (x->seed < y->seed);
}

/* The only arm of a sweep, when none is named. */
static bool find_arm(struct side *side)
{
    char path[600];
    size_t arms = 0;
    snprintf(path, sizeof path, "%s/seeds", side->folder);
    DIR *all = opendir(path);
    for (struct dirent *entry; all != NULL && (entry = readdir(all)) != NULL;) {
        if (entry->d_name[0] != '.' && strchr(entry->d_name, '.') == NULL && ++arms == 1) {
            snprintf(side->arm, sizeof side->arm, "%s", entry->d_name);
        }
    }
    if (all != NULL) {
        closedir(all);
    }
    if (arms > 1) {
        fprintf(stderr, "pont compare: %s holds %zu arms; name one, as %s:%s\n", side->folder, arms, side->folder, side->arm);
    }
    return arms == 1;
}

static enum err read_sweep(struct side *side, struct arena *arena)
{
    char path[1200];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/seeds/%s", side->folder, side->arm);
    DIR *all = opendir(path);
    if (all == NULL) {
        return ERR_NOT_FOUND;
    }
    while (readdir(all) != NULL) {
        count++;
    }
    rewinddir(all);
    side->samples = arena_array(arena, count + 1, sizeof *side->samples);
    enum err err = side->samples == NULL ? ERR_LIMIT : ERR_OK;
    for (struct dirent *entry; err == ERR_OK && side->count < count && (entry = readdir(all)) != NULL;) {
        char *end = NULL;
        unsigned long long seed = strtoull(entry->d_name, &end, 10);
        if (end == entry->d_name || strcmp(end, ".json") != 0) {
            continue;
        }
        snprintf(path, sizeof path, "%s/seeds/%s/%s", side->folder, side->arm, entry->d_name);
        err = sample_read(&side->samples[side->count], path, arena);
        side->samples[side->count].seed = seed;
        side->count += err == ERR_OK;
    }
    closedir(all);
    if (side->count > 1) {
        qsort(side->samples, side->count, sizeof *side->samples, by_seed); /* seeds are unique: the order is total */
    }
    return err;
}

/* -1 when well, else the exit code. */
static int read_side(struct side *side, struct arena *arena)
{
    char path[600];
    snprintf(side->folder, sizeof side->folder, "%s", side->word);
    char *colon = strrchr(side->folder, ':');
    if (colon != NULL && access(side->folder, F_OK) != 0) {
        *colon = '\0';
        snprintf(side->arm, sizeof side->arm, "%s", colon + 1);
    }
    snprintf(path, sizeof path, "%s/results.json", side->folder);
    if (side->arm[0] == '\0' && access(path, R_OK) == 0) {
        side->is_run = true;
        side->samples = arena_array(arena, 1, sizeof *side->samples);
        side->count = 1;
        enum err err = side->samples == NULL ? ERR_LIMIT : sample_read(side->samples, path, arena);
        return err == ERR_OK ? -1 : cli_fail(err, "%s is no results.json of this version", path);
    }
    snprintf(path, sizeof path, "%s/seeds", side->folder);
    if (access(path, R_OK) != 0) {
        return cli_fail(ERR_NOT_FOUND, "%s is neither a run folder (results.json) nor a sweep (seeds/)", side->folder);
    }
    if (side->arm[0] == '\0' && !find_arm(side)) {
        return 2;
    }
    enum err err = read_sweep(side, arena);
    return err == ERR_OK ? -1 : cli_fail(err, "the arm %s of %s cannot be read", side->arm, side->folder);
}

static void put_cut(FILE *out, const char *name, const char *line)
{
    fprintf(out, "  %-6s %.240s%s\n", name, line[0] == '\0' ? "(the trace ends)" : line, strlen(line) > 240 ? "..." : "");
}

static void tell_parting(const struct side *first, const struct side *second, FILE *out)
{
    static struct parting parting;
    char path_first[600], path_second[600];
    if (!first->is_run || !second->is_run) {
        return;
    }
    snprintf(path_first, sizeof path_first, "%s/trace.jsonl", first->folder);
    snprintf(path_second, sizeof path_second, "%s/trace.jsonl", second->folder);
    if (compare_traces(&parting, path_first, path_second) != ERR_OK) {
        fprintf(out, "where the worlds part is not known: one of the runs has no trace.jsonl\n");
    } else if (!parting.parted) {
        fprintf(out, "the traces are the same, all %lld lines\n", (long long)parting.line - 1);
    } else {
        fprintf(out, "the worlds part at line %lld of trace.jsonl\n", (long long)parting.line);
        put_cut(out, "after", parting.before);
        put_cut(out, "first", parting.first);
        put_cut(out, "second", parting.second);
    }
}

int cmd_compare(int argc, char **argv)
{
    const char *json = NULL, *words[2];
    const struct option_row rows[] = {{"json", NULL, "the table as JSON on stdout, the text on stderr", &json}};
    const struct options table = {"compare", rows, 1, 2, 2};
    static char text[1 << 20], bytes[4 << 20];
    static struct side sides[2];
    struct arena arena;
    struct compare compare;
    size_t count = 0;
    int code = options_read(&table, argc, argv, words, &count);
    if (code >= 0) {
        return code;
    }
    if (arena_make(&arena, COMPARE_ARENA) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "not enough memory");
    }
    for (size_t i = 0; i < 2; i++) {
        sides[i].word = words[i];
        code = read_side(&sides[i], &arena);
        if (code >= 0) {
            return code;
        }
    }
    /* Two single runs are compared whatever their seeds. */
    if (sides[0].is_run && sides[1].is_run) {
        sides[1].samples->seed = sides[0].samples->seed;
    }
    enum err err = compare_samples(&compare, sides[0].samples, sides[0].count, sides[1].samples, sides[1].count, &arena);
    if (err != ERR_OK) {
        return cli_fail(err, "too many numbers to compare");
    }
    if (compare.seed_count == 0) {
        return cli_fail(ERR_NOTHING_RAN, "%s and %s have no seed in common", words[0], words[1]);
    }
    FILE *out = json == NULL ? stdout : stderr;
    struct buffer lines = buffer_over(text, sizeof text), object = buffer_over(bytes, sizeof bytes);
    compare_put_text(&compare, slice_from(words[0]), slice_from(words[1]), &lines);
    fwrite(lines.data, 1, lines.size, out);
    tell_parting(&sides[0], &sides[1], out);
    fprintf(out, compare.regression ? "regression: what is marked WORSE is beyond its interval, or a seed fails that passed\n" : "no regression\n");
    if (json != NULL) {
        compare_put_json(&compare, slice_from(words[0]), slice_from(words[1]), &object);
        fwrite(object.data, 1, object.size, stdout);
        putchar('\n');
    }
    arena_drop(&arena);
    return compare.regression ? 1 : 0;
}
