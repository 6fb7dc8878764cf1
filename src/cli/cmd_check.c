/* SPDX-License-Identifier: MIT */
#include "src/cli/cli.h"
#include "src/scenario/check.h"
#include "src/scenario/rules.h"

#include <stdio.h>
#include <stdlib.h>

#define FILES_MAX 256
#define CHECK_ARENA (1024u << 20) /* a file of a million values; taken lazily */
#define OUTPUT_MAX (8u << 20)

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SARIF, FORMAT_GITHUB };

struct checking {
    struct scenario_options options;
    enum format format;
    bool explain;
    struct problems *problems; /* of one file in text, of all in the other formats */
    struct buffer summary, explained, output;
    struct arena arena;
    int code;
};

static int print_rule(const char *id)
{
    char memory[2048];
    struct buffer text = buffer_over(memory, sizeof memory);
    const struct rule *rule = rule_find(slice_from(id));
    if (rule == NULL) {
        fprintf(stderr, "pont check: there is no rule \"%s\"; rules are", id);
        for (size_t i = 0; i < rule_count; i++) {
            fprintf(stderr, " %s", rules[i].id);
        }
        fprintf(stderr, "\n");
        return 2;
    }
    rule_put(rule, &text);
    fwrite(text.data, 1, text.size, stdout);
    return 0;
}

static void check_one(struct checking *checking, const char *path)
{
    checking->summary.size = 0;
    enum err err = check_file(path, &checking->options, checking->problems, &checking->summary, checking->explain ? &checking->explained : NULL, &checking->arena);
    arena_reset(&checking->arena);
    checking->code = err == ERR_OK ? checking->code : err == ERR_LIMIT && checking->code == 0 ? 3 : 2;
    if (checking->format != FORMAT_TEXT) {
        return;
    }
    if (checking->problems->count > 0) {
        (void)cli_problems(checking->problems, path);
    }
    if (err == ERR_OK) {
        fprintf(stderr, "%s: ok, %.*s\n", path, (int)checking->summary.size, checking->summary.data);
    }
    *checking->problems = (struct problems){.count = 0};
}

static bool read_format(const char *word, enum format *format)
{
    static const char *const words[] = {"text", "json", "sarif", "github"};
    *format = FORMAT_TEXT;
    for (int i = 0; word != NULL && i < 4; i++) {
        if (strcmp(word, words[i]) == 0) {
            *format = (enum format)i;
            return true;
        }
    }
    if (word != NULL) {
        fprintf(stderr, "pont check: --format is \"%s\"; it must be text, json, sarif or github\n", word);
    }
    return word == NULL;
}

static bool check_begin(struct checking *checking)
{
    checking->problems = calloc(1, sizeof *checking->problems);
    char *memory = malloc(OUTPUT_MAX + 4096), *explained = malloc(OUTPUT_MAX);
    if (checking->problems == NULL || memory == NULL || explained == NULL || arena_make(&checking->arena, CHECK_ARENA) != ERR_OK) {
        return false;
    }
    checking->output = buffer_over(memory, OUTPUT_MAX);
    checking->summary = buffer_over(memory + OUTPUT_MAX, 4096);
    checking->explained = buffer_over(explained, OUTPUT_MAX);
    return true;
}

static void check_end(struct checking *checking)
{
    if (checking->format == FORMAT_JSON) {
        problems_put_json(checking->problems, &checking->output);
    } else if (checking->format == FORMAT_SARIF) {
        problems_put_sarif(checking->problems, &checking->output);
    } else if (checking->format == FORMAT_GITHUB) {
        problems_put_github(checking->problems, &checking->output);
    }
    fwrite(checking->output.data, 1, checking->output.size, stdout);
    fwrite(checking->explained.data, 1, checking->explained.size, stdout);
    free(checking->output.data);
    free(checking->explained.data);
    free(checking->problems);
    arena_drop(&checking->arena);
}

int cmd_check(int argc, char **argv)
{
    const char *explain = NULL, *rule = NULL, *format = NULL, *quirks = NULL, *files[FILES_MAX], *sets[OPTION_MANY + 1] = {NULL};
    size_t count = 0;
    struct setting settings[OPTION_MANY];
    const struct option_row rows[] = {
        {"explain", NULL, "print what defaults filled in, and from where", &explain},
        {"rule", "ID", "say what a rule means, with an example", &rule},
        {"format", "text|json|sarif|github", "how problems are printed (text)", &format},
        {"quirks", "LEVEL", "documented, reported or assumed (all)", &quirks},
        {"set", "NAME=VALUE...", "give a param of the scenario another value", sets},
    };
    const struct options options = {"check", rows, sizeof rows / sizeof rows[0], 0, FILES_MAX};
    int code = options_read(&options, argc, argv, files, &count);
    if (code >= 0) {
        return code;
    }
    if (rule != NULL) {
        return print_rule(rule);
    }
    struct checking checking = {.explain = explain != NULL, .options = {.quirks = slice_from(quirks)}};
    checking.options.sets = settings;
    if (!read_format(format, &checking.format) || !option_settings("check", sets, settings, &checking.options.set_count)) {
        return 2;
    }
    if (count == 0) {
        fprintf(stderr, "pont check: name a file; `pont check --help` says more\n");
        return 2;
    }
    if (!check_begin(&checking)) {
        return cli_fail(ERR_LIMIT, "no memory to check files");
    }
    for (size_t i = 0; i < count; i++) {
        check_one(&checking, files[i]);
    }
    check_end(&checking);
    return checking.code;
}

/* ---- Hidden: `pont schema scenario|profile|engine|reference`, what docs/schema and the reference are made from. */

int cmd_schema(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "scenario";
    char *memory = malloc(OUTPUT_MAX);
    struct buffer buffer = buffer_over(memory, memory == NULL ? 0 : OUTPUT_MAX);
    for (int kind = 0; kind < FILE_KIND_COUNT; kind++) {
        if (strcmp(what, file_kind_text((enum file_kind)kind)) == 0) {
            schema_put((enum file_kind)kind, &buffer);
        }
    }
    if (strcmp(what, "reference") == 0) {
        reference_put(&buffer);
    }
    if (buffer.size == 0 || buffer.full) {
        free(memory);
        fprintf(stderr, "pont schema: scenario, profile, engine or reference\n");
        return 2;
    }
    fwrite(buffer.data, 1, buffer.size, stdout);
    free(memory);
    return 0;
}
