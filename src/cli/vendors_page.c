/* SPDX-License-Identifier: MIT
 *
 * docs/quirks.md, made from quirks.def, probe.def, dialect.def, sources.def and the profiles. */
#include "src/cli/probe.h"

static const struct {
    const char *key, *what, *where;
} sources[] = {
#define SOURCE(key, what, where) {#key, what, where},
#include "src/cli/sources.def"
#undef SOURCE
};

static const struct {
    const char *name, *quirks, *text;
} dialects[] = {
#define DIALECT(name, quirks, text) {#name, quirks, text},
#include "src/engine/dialect.def"
#undef DIALECT
};

static void put_head(FILE *out)
{
    fputs("# The emulated products and their quirks\n\n"
          "Made by `make docs` from `sim/node/quirks.def`, `src/cli/probe.def`, `src/cli/sources.def`, `src/engine/dialect.def` and `sim/vendors/`; do not edit.\n\n"
          "A product here is a test double, bent by the quirks of its profile. It is not a statement about a product of that name, whose releases and "
          "configurations differ. How sure we are of a quirk is said with each:\n\n"
          "- **documented** (D): a manufacturer's document or the source of a program that met the product says so. The document may be of another release.\n"
          "- **reported** (R): somebody met it, and wrote it down in public.\n"
          "- **assumed** (A): products of its time did so, or nothing better is known. All of Insignia and Ferrania is assumed: no public technical document was found.\n\n"
          "`--quirks documented` leaves out the others, `--quirks reported` the assumed ones. `pont vendors VENDOR` shows one product, and "
          "`pont vendors VENDOR --probe` prints for each of its quirks the command with DCMTK's tools that shows it on the wire; `tests/wire/vendors.sh` runs exactly those.\n",
          out);
}

static void put_matrix(FILE *out, struct vendor_profile *const *list, size_t count)
{
    fputs("\n## Who has what\n\n| quirk |", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, " %.*s |", SLICE_ARGS(list[i]->vendor));
    }
    fputs("\n|---|", out);
    for (size_t i = 0; i < count; i++) {
        fputs("---|", out);
    }
    fputs("\n", out);
    for (int q = 0; q < QUIRK_COUNT; q++) {
        fprintf(out, "| `%s` |", quirk_row((enum quirk)q)->name);
        for (size_t i = 0; i < count; i++) {
            const struct quirk_setting *setting = &list[i]->quirks[q];
            fprintf(out, " %s |", setting->on ? &"D\0R\0A"[2 * setting->confidence] : "");
        }
        fputs("\n", out);
    }
}

static void put_quirks(FILE *out)
{
    static const char *const layers[] = {"value", "session", "bytes"};
    fputs("\n## The quirks\n\nValue: what an answer says. Session: associations and their order. Bytes: encoding, on the wire only. Q-names are those of the conformance cases.\n\n"
          "| quirk | layer | parameter | the node | the engine |\n|---|---|---|---|---|\n",
          out);
    for (int q = 0; q < QUIRK_COUNT; q++) {
        const struct quirk_row *row = quirk_row((enum quirk)q);
        fprintf(out, "| `%s`%s%s | %s | %s%s%s | %s | %s |\n", row->name, row->q_name[0] != '\0' ? " " : "", row->q_name, layers[row->layer], row->parameter,
                row->fallback[0] != '\0' ? ": " : "", row->fallback, row->text, probe_copes((enum quirk)q));
    }
}

static void put_product(FILE *out, const struct vendor_profile *vendor)
{
    fprintf(out, "\n### %.*s (`%.*s`)\n\n%.*s Text is in %.*s.\n", SLICE_ARGS(vendor->title), SLICE_ARGS(vendor->vendor), SLICE_ARGS(vendor->note), SLICE_ARGS(vendor->charset));
    bool any = false;
    for (int q = 0; q < QUIRK_COUNT; q++) {
        const struct quirk_setting *setting = &vendor->quirks[q];
        const char *dialect = vendors_dialect(vendor, (enum quirk)q);
        if (!setting->on) {
            continue;
        }
        fprintf(out, "%s| `%s` | ", any ? "" : "\n| quirk | parameter | confidence | source | dialect |\n|---|---|---|---|---|\n", quirk_row((enum quirk)q)->name);
        vendors_put_parameter(out, (enum quirk)q, setting);
        fprintf(out, " | %s | %.*s | %s |\n", confidence_text(setting->confidence), SLICE_ARGS(setting->source), dialect == NULL ? "" : dialect);
        any = true;
    }
}

void vendors_page(FILE *out, struct vendor_profile *const *list, size_t count)
{
    put_head(out);
    put_matrix(out, list, count);
    put_quirks(out);
    fputs("\n## The products\n", out);
    for (size_t i = 0; i < count; i++) {
        put_product(out, list[i]);
    }
    fputs("\n## The dialects\n\nWhat the engine does differently with a product, where a profile or engine.yaml says so.\n\n| dialect | answers | the engine |\n|---|---|---|\n", out);
    for (size_t d = 0; d < sizeof dialects / sizeof dialects[0]; d++) {
        fprintf(out, "| `%s` | %s | %s |\n", dialects[d].name, dialects[d].quirks, dialects[d].text);
    }
    fputs("\n## Sources\n\n", out);
    for (size_t s = 0; s < sizeof sources / sizeof sources[0]; s++) {
        fprintf(out, "- **%s** %s%s%s\n", sources[s].key, sources[s].what, sources[s].where[0] != '\0' ? " " : "", sources[s].where);
    }
}
