/* SPDX-License-Identifier: MIT
 *
 * vendors: the emulated products, their quirks, how sure we are of each, who copes, and how to see it on the wire. */
#include "src/cli/cli.h"
#include "src/cli/probe.h"

#include <stdio.h>

#define NODE_PORT 11100
#define CLIENT "TRYME@127.0.0.1:11190"

struct vendor_words {
    const char *compare, *probe, *markdown, *node, *client, *quirks;
};

/* ---- What is common to all ways of showing. */

static size_t count_of(const struct vendor_profile *vendor, enum confidence confidence)
{
    size_t count = 0;
    for (int q = 0; q < QUIRK_COUNT; q++) {
        count += vendor->quirks[q].on && vendor->quirks[q].confidence == confidence;
    }
    return count;
}

struct all {
    struct vendor_profile *list[VENDORS_MAX];
    size_t count;
};

static int read_all(struct all *all, const char *level, struct arena *arena)
{
    slice names[VENDORS_MAX];
    size_t count = vendors_list(names, arena);
    int code = count == 0 ? cli_fail(ERR_NOT_FOUND, "the folder sim/vendors is neither beside the program nor here") : 0;
    for (all->count = 0; code == 0 && all->count < count; all->count++) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", SLICE_ARGS(names[all->count]));
        code = vendors_read(&all->list[all->count], "vendors", name, level, arena);
    }
    return code;
}

/* ---- pont vendors. */

static void show_list(const struct all *all)
{
    printf("%-11s %-34s %10s %8s %7s\n", "vendor", "title", "documented", "reported", "assumed");
    for (size_t i = 0; i < all->count; i++) {
        const struct vendor_profile *vendor = all->list[i];
        printf("%-11.*s %-34.*s %10zu %8zu %7zu\n", SLICE_ARGS(vendor->vendor), SLICE_ARGS(vendor->title), count_of(vendor, CONFIDENCE_DOCUMENTED),
               count_of(vendor, CONFIDENCE_REPORTED), count_of(vendor, CONFIDENCE_ASSUMED));
    }
    puts("\nEach is an emulation for test, not a statement about a product. `pont vendors VENDOR` shows its quirks.");
}

/* ---- pont vendors VENDOR. */

static void show_one(const struct vendor_profile *vendor)
{
    printf("%.*s: %.*s\n%.*s\n", SLICE_ARGS(vendor->vendor), SLICE_ARGS(vendor->title), SLICE_ARGS(vendor->note));
    for (int q = 0; q < QUIRK_COUNT; q++) {
        const struct quirk_setting *setting = &vendor->quirks[q];
        const char *dialect = vendors_dialect(vendor, (enum quirk)q);
        if (!setting->on) {
            continue;
        }
        printf("\n%s", quirk_row((enum quirk)q)->name);
        if (quirk_row((enum quirk)q)->type != QUIRK_TYPE_NONE) {
            fputs(" (", stdout);
            vendors_put_parameter(stdout, (enum quirk)q, setting);
            fputs(")", stdout);
        }
        printf("  %s, source %.*s\n  the node    %s\n  the engine  %s", confidence_text(setting->confidence), SLICE_ARGS(setting->source), quirk_row((enum quirk)q)->text,
               probe_copes((enum quirk)q));
        printf(dialect == NULL ? "\n" : " (dialect %s)\n", dialect);
    }
}

/* ---- pont vendors --compare. */

static void show_matrix(const struct all *all)
{
    printf("%-36s", "D documented, R reported, A assumed");
    for (size_t i = 0; i < all->count; i++) {
        printf(" %10.*s", SLICE_ARGS(all->list[i]->vendor));
    }
    fputs("\n", stdout);
    for (int q = 0; q < QUIRK_COUNT; q++) {
        printf("%-36s", quirk_row((enum quirk)q)->name);
        for (size_t i = 0; i < all->count; i++) {
            const struct quirk_setting *setting = &all->list[i]->quirks[q];
            printf(" %10c", setting->on ? "DRA"[setting->confidence] : '.');
        }
        fputs("\n", stdout);
    }
}

/* ---- pont vendors VENDOR --probe. */

static int show_probes(const struct vendor_profile *vendor, const struct vendor_words *words, struct arena *arena)
{
    struct peer client, node = {.aet = vendors_title(vendor, arena), .host = SLICE("127.0.0.1"), .dicom_port = NODE_PORT};
    struct probe probe;
    if ((words->node != NULL && !vendors_address(&node, slice_from(words->node), arena)) ||
        !vendors_address(&client, slice_from(words->client == NULL ? CLIENT : words->client), arena)) {
        fputs("pont vendors: --node and --client take AET@host:port, the host a number\n", stderr);
        return 2;
    }
    if (probe_init(&probe, vendor, node, client, arena) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "%d studies do not fit into memory", PROBE_STUDIES);
    }
    printf("# Each command (bash, DCMTK's tools) exits 0 exactly when the quirk shows. They ask the node that this starts:\n"
           "# pont node %.*s --aet %.*s --port %u --studies %d --seed %d --peers %.*s@%.*s:%u\n",
           SLICE_ARGS(vendor->vendor), SLICE_ARGS(node.aet), node.dicom_port, PROBE_STUDIES, PROBE_SEED, SLICE_ARGS(client.aet), SLICE_ARGS(client.host), client.dicom_port);
    for (int q = 0; q < QUIRK_COUNT; q++) {
        slice expect = vendor->quirks[q].on ? probe_expect(&probe, (enum quirk)q) : SLICE_EMPTY;
        slice command = vendor->quirks[q].on ? probe_command(&probe, (enum quirk)q) : SLICE_EMPTY;
        if (expect.data == NULL || command.data == NULL) {
            return cli_fail(ERR_LIMIT, "the command of %s is too long", quirk_row((enum quirk)q)->name);
        }
        if (vendor->quirks[q].on) {
            printf("\n# %s: %.*s\n%.*s\n", quirk_row((enum quirk)q)->name, SLICE_ARGS(expect), SLICE_ARGS(command));
        }
    }
    return 0;
}

int cmd_vendors(int argc, char **argv)
{
    struct vendor_words words = {NULL, NULL, NULL, NULL, NULL, NULL};
    const struct option_row rows[] = {
        {"compare", NULL, "one table: quirks by vendors", &words.compare},
        {"probe", NULL, "the commands that show each quirk of VENDOR on the wire", &words.probe},
        {"node", "AET@host:port", "the node that those commands ask (the vendor's name, 127.0.0.1:11100)", &words.node},
        {"client", "AET@host:port", "who asks and receives (" CLIENT ")", &words.client},
        {"quirks", "LEVEL", "documented, reported or assumed (all)", &words.quirks},
        {"markdown", NULL, "print docs/quirks.md", &words.markdown},
    };
    const struct options table = {"vendors", rows, sizeof rows / sizeof rows[0], 0, 1};
    const char *name = NULL;
    size_t count = 0;
    int code = options_read(&table, argc, argv, &name, &count);
    if (code >= 0) {
        return code;
    }
    if (words.probe != NULL && count == 0) {
        fputs("pont vendors: --probe needs a vendor; `pont vendors` lists them\n", stderr);
        return 2;
    }
    struct arena arena;
    if (arena_make(&arena, 256u << 20) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "no memory for the profiles");
    }
    static struct all all;
    struct vendor_profile *vendor = NULL;
    code = count == 0 ? read_all(&all, words.quirks, &arena) : vendors_read(&vendor, "vendors", name, words.quirks, &arena);
    if (code == 0 && vendor != NULL && words.compare != NULL) {
        all = (struct all){{vendor}, 1};
    }
    if (code == 0 && words.markdown != NULL && vendor == NULL) {
        vendors_page(stdout, all.list, all.count);
    } else if (code == 0 && words.probe != NULL) {
        code = show_probes(vendor, &words, &arena);
    } else if (code == 0 && words.compare != NULL) {
        show_matrix(&all);
    } else if (code == 0 && vendor != NULL) {
        show_one(vendor);
    } else if (code == 0) {
        show_list(&all);
    }
    arena_drop(&arena);
    return code;
}
