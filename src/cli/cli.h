/* SPDX-License-Identifier: MIT
 *
 * Cli: one file per command, one table of options each. Results go to stdout, everything else to stderr. */
#ifndef PONT_CLI_CLI_H
#define PONT_CLI_CLI_H

#include "src/base/arena.h"
#include "src/scenario/scenario.h"

#define COMMAND(name, usage, text) int cmd_##name(int argc, char **argv);
#include "src/cli/commands.def"
#undef COMMAND

/* ---- Options: "--name VALUE", "--name=VALUE" or "--flag", anywhere. */
struct option_row {
    const char *name;  /* without dashes */
    const char *value; /* what stands for the value in the help; null: a flag */
    const char *text;
    const char **to;   /* where the value goes; a flag puts its own name there. Where `value` ends in "...", OPTION_MANY + 1 of
                          them, all null before: it may be said again */
};
#define OPTION_MANY 32
struct options {
    const char *command;
    const struct option_row *rows;
    size_t count;
    size_t least, most; /* how many arguments beside options */
};
/* Reads argv behind the command's name; the arguments beside options go to `arguments` (`most` at most). Prints what is
 * wrong, or the help, and returns the exit code of both; -1 when all is well. */
int options_read(const struct options *options, int argc, char **argv, const char **arguments, size_t *argument_count);
/* A whole number between the bounds, or an error printed and false. */
bool option_number(const char *command, const char *option, const char *text, int64_t low, int64_t high, int64_t *number);

/* --set NAME=VALUE for scenario_options, from texts up to the first null; false, and printed, when one has no "=". */
bool option_settings(const char *command, const char *const *texts, struct setting settings[OPTION_MANY], size_t *count);

/* Prints "pont: ..." to stderr; returns the exit code of `err`. */
int cli_fail(enum err err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints problems with the source line and a caret; returns 2. */
int cli_problems(const struct problems *problems, const char *path);
/* Switches a defect on in this process, "M-DROP-LAST" or "M_DROP_LAST"; false when there is none of that name. */
bool cli_mutant(const char *name);
/* Path of the running program. */
const char *cli_program(void);
/* The commit and compiler this was built from. */
const char *cli_commit(void);
const char *cli_compiler(void);
#define PONT_VERSION "0.1.0"

#endif
