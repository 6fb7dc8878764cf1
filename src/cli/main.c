/* SPDX-License-Identifier: MIT */
#include "src/cli/cli.h"

#include <stdio.h>

static const struct {
    const char *name, *usage, *text;
    int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(name, usage, text) {#name, usage, text, cmd_##name},
#include "src/cli/commands.def"
#undef COMMAND
};

#ifndef PONT_COMMIT
#define PONT_COMMIT "unknown"
#endif
const char *cli_commit(void)
{
    return PONT_COMMIT;
}

static void print_commands(FILE *out)
{
    fputs("Pont links the image archives of many hospitals into one, and proves that the link works.\n\n", out);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (commands[i].text[0] != '\0') {
            fprintf(out, "  pont %-8s %s\n", commands[i].name, commands[i].text);
        }
    }
    fputs("\n`pont COMMAND --help` says more. Begin with: pont run scenarios/quickstart.yaml\n"
          "Exit codes: 0 everything held, 1 something fell short, 2 the input is wrong, 3 the environment failed, 4 less than planned ran.\n",
          out);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_commands(stderr);
        return 2;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_commands(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("pont %s (%s, %s)\n", PONT_VERSION, cli_commit(), cli_compiler());
        return 0;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "pont: unknown command \"%s\"; `pont help` lists them\n", argv[1]);
    return 2;
}
