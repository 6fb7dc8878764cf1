/* SPDX-License-Identifier: MIT */
#include "src/cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void print_help(FILE *out, const struct options *options)
{
    static const struct {
        const char *name, *usage, *text;
    } commands[] = {
#define COMMAND(name, usage, text) {#name, usage, text},
#include "src/cli/commands.def"
#undef COMMAND
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, options->command) == 0) {
            fprintf(out, "pont %s %s\n  %s\n", commands[i].name, commands[i].usage, commands[i].text);
        }
    }
    for (size_t i = 0; i < options->count; i++) {
        char left[64];
        snprintf(left, sizeof left, "--%s %s", options->rows[i].name, options->rows[i].value == NULL ? "" : options->rows[i].value);
        fprintf(out, "  %-28s %s\n", left, options->rows[i].text);
    }
}

/* Edit distance, for "did you mean"; words are short. */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], length = strlen(b);
    if (length >= 63) {
        return 64;
    }
    for (size_t j = 0; j <= length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t change = corner + (a[i - 1] != b[j - 1]), gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            corner = row[j];
            row[j] = change < gap ? change : gap;
        }
    }
    return row[length];
}

static int unknown_option(const struct options *options, const char *name)
{
    const char *nearest = NULL;
    size_t best = 4;
    for (size_t i = 0; i < options->count; i++) {
        size_t far = distance(name, options->rows[i].name);
        if (far < best) {
            best = far;
            nearest = options->rows[i].name;
        }
    }
    fprintf(stderr, "pont %s: unknown option --%s%s%s%s; `pont %s --help` lists them\n", options->command, name, nearest == NULL ? "" : ", did you mean --",
            nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?", options->command);
    return 2;
}

static const struct option_row *find_option(const struct options *options, const char *name, size_t size)
{
    for (size_t i = 0; i < options->count; i++) {
        if (strlen(options->rows[i].name) == size && memcmp(options->rows[i].name, name, size) == 0) {
            return &options->rows[i];
        }
    }
    return NULL;
}

/* A row whose value is words with bars between takes one of them; false, and printed, when it is another. */
static bool is_one_of(const struct options *options, const struct option_row *row, const char *text)
{
    const char *bar = strchr(row->value, '|');
    for (slice rest = slice_from(row->value); bar != NULL && rest.data != NULL;) {
        if (slice_equal(slice_cut(&rest, '|'), slice_from(text))) {
            return true;
        }
    }
    if (bar != NULL) {
        fprintf(stderr, "pont %s: --%s is \"%s\"; it must be one of %s\n", options->command, row->name, text, row->value);
    }
    return bar == NULL;
}

/* Takes the option at argv[*at]; 0 when well, else the exit code. */
static int take_option(const struct options *options, int argc, char **argv, int *at)
{
    const char *name = argv[*at] + 2, *equals = strchr(name, '=');
    const struct option_row *row = find_option(options, name, equals == NULL ? strlen(name) : (size_t)(equals - name));
    if (row == NULL) {
        return unknown_option(options, name);
    }
    const char **to = row->to;
    for (size_t i = 0; row->value != NULL && slice_ends(slice_from(row->value), SLICE("...")) && *to != NULL; i++, to++) {
        if (i + 1 == OPTION_MANY) {
            fprintf(stderr, "pont %s: --%s stands more than %d times\n", options->command, row->name, OPTION_MANY);
            return 2;
        }
    }
    if (row->value == NULL) {
        *to = row->name;
    } else if (equals != NULL) {
        *to = equals + 1;
    } else if (*at + 1 < argc) {
        *to = argv[++*at];
    } else {
        fprintf(stderr, "pont %s: --%s needs a value: --%s %s\n", options->command, row->name, row->name, row->value);
        return 2;
    }
    return row->value == NULL || is_one_of(options, row, *to) ? 0 : 2;
}

int options_read(const struct options *options, int argc, char **argv, const char **arguments, size_t *argument_count)
{
    *argument_count = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(stdout, options);
            return 0;
        }
        if (argv[i][0] == '-' && argv[i][1] == '-') {
            int code = take_option(options, argc, argv, &i);
            if (code != 0) {
                return code;
            }
        } else if (*argument_count < options->most) {
            arguments[(*argument_count)++] = argv[i];
        } else {
            fprintf(stderr, "pont %s: one argument too many: %s\n", options->command, argv[i]);
            return 2;
        }
    }
    if (*argument_count < options->least) {
        print_help(stderr, options);
        return 2;
    }
    return -1;
}

bool option_settings(const char *command, const char *const *texts, struct setting settings[OPTION_MANY], size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < OPTION_MANY && texts[i] != NULL; i++, (*count)++) {
        slice rest = slice_from(texts[i]);
        settings[i].name = slice_cut(&rest, '=');
        settings[i].value = rest;
        if (rest.data == NULL || settings[i].name.size == 0) {
            fprintf(stderr, "pont %s: --set is \"%s\"; it must be NAME=VALUE, a param of the scenario and its value\n", command, texts[i]);
            return false;
        }
    }
    return true;
}

bool option_number(const char *command, const char *option, const char *text, int64_t low, int64_t high, int64_t *number)
{
    int64_t value = 0;
    if (!slice_to_int64(slice_from(text), &value) || value < low || value > high) {
        fprintf(stderr, "pont %s: --%s is \"%s\"; it must be a whole number from %lld to %lld\n", command, option, text, (long long)low, (long long)high);
        return false;
    }
    *number = value;
    return true;
}

int cli_fail(enum err err, const char *format, ...)
{
    va_list arguments;
    fputs("pont: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return err_exit_code(err);
}

/* The whole file, for the line under a complaint; null when it cannot be read. */
static char *read_text(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = file == NULL ? NULL : calloc(1, (1u << 20) + 1);
    if (text != NULL) {
        (void)!fread(text, 1, 1u << 20, file);
    }
    if (file != NULL) {
        fclose(file);
    }
    return text;
}

int cli_problems(const struct problems *problems, const char *path)
{
    char *source = read_text(path), *memory = malloc(1u << 20);
    struct buffer text = buffer_over(memory, memory == NULL ? 0 : 1u << 20);
    problems_put_text(problems, source, &text);
    fwrite(text.data, 1, text.size, stderr);
    free(memory);
    free(source);
    return 2;
}

const char *cli_program(void)
{
    static char path[4096];
    ssize_t size = path[0] != '\0' ? 0 : readlink("/proc/self/exe", path, sizeof path - 1);
    return size < 0 ? "pont" : path;
}

const char *cli_compiler(void)
{
#ifdef __clang__
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}
