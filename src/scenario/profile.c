/* SPDX-License-Identifier: MIT
 *
 * A vendor profile (sim/vendors/NAME.yaml) as a value. */
#include "src/scenario/profile.h"

#include <stdio.h>

static const char *const quirk_names[] = {
#define QUIRK(name, q_name, layer, parameter, type, fallback, text) #name,
#include "sim/node/quirks.def"
#undef QUIRK
};
static const char *const charset_names[] = {"ISO_IR 6", "ISO_IR 100", "ISO_IR 192"};

const struct dialect_row dialect_rows[DIALECT_COUNT] = {
#define DIALECT(name, quirks, text) {#name, quirks},
#include "src/engine/dialect.def"
#undef DIALECT
};

enum err profile_names(struct walk *walk, struct profile_names *names)
{
    const char *dialects[DIALECT_COUNT];
    for (size_t i = 0; i < DIALECT_COUNT; i++) {
        dialects[i] = dialect_rows[i].name;
    }
    enum err err = names_rows(walk, &names->quirks, NAMES_QUIRKS, quirk_names, QUIRK_COUNT);
    err = err != ERR_OK ? err : names_rows(walk, &names->dialects, NAMES_DIALECTS, dialects, DIALECT_COUNT);
    return err != ERR_OK ? err : names_rows(walk, &names->charsets, NAMES_CHARSETS, charset_names, sizeof charset_names / sizeof charset_names[0]);
}

/* A time may be written with its unit; the table of quirks counts milliseconds. */
static slice parameter_text(const struct quirk_row *row, slice text, struct arena *arena)
{
    int64_t ns = 0;
    slice unit = SLICE_EMPTY;
    if (row->type != QUIRK_TYPE_MS || value_quantity(text, QUANTITY_DURATION, &ns, &unit) != VALUE_OK) {
        return text;
    }
    struct buffer buffer = buffer_make(arena, 24);
    buffer_put_int(&buffer, ns / TIME_MS);
    return buffer_slice(&buffer);
}

static void complain_of_parameter(const struct complaints *to, const struct quirk_row *row, const struct tree *entry)
{
    if (row->parameter[0] == '\0') {
        (void)complain(to, "P201", entry->key_at, "%s has no parameter; take %s away", row->name, quoted(entry->key).text);
        return;
    }
    (void)complain(to, "P201", entry->key_at, "%s is not the parameter of %s; that is `%s`", quoted(entry->key).text, row->name, row->parameter);
}

static void read_quirk(const struct complaints *to, const struct tree *map, enum quirk quirk, struct quirk_setting *setting, struct arena *arena)
{
    static const char *const wanted[] = {[QUIRK_TYPE_NONE] = "nothing", [QUIRK_TYPE_NUMBER] = "a number", [QUIRK_TYPE_MS] = "a time in ms", [QUIRK_TYPE_TEXT] = "a text",
                                         [QUIRK_TYPE_STATUS] = "a status of four hexadecimal digits, as A700"};
    const struct quirk_row *row = quirk_row(quirk);
    setting->on = true;
    (void)confidence_from_text(field_text(ROOT_PROFILE, "quirks.*.confidence", tree_get(map, "confidence")), &setting->confidence);
    setting->source = field_text(ROOT_PROFILE, "quirks.*.source", tree_get(map, "source"));
    (void)quirk_set_parameter(quirk, setting, SLICE_EMPTY);
    for (const struct tree *entry = map->first; entry != NULL; entry = entry->next) {
        if (slice_equal(entry->key, SLICE("confidence")) || slice_equal(entry->key, SLICE("source"))) {
            continue;
        }
        if (row->parameter[0] == '\0' || !slice_equal(entry->key, slice_from(row->parameter))) {
            complain_of_parameter(to, row, entry);
        } else if (entry->kind == TREE_TEXT && !quirk_set_parameter(quirk, setting, parameter_text(row, entry->text, arena))) {
            (void)complain(to, "P304", entry->at, "%s: `%s` takes %s, not %s", row->name, row->parameter, wanted[row->type], quoted(entry->text).text);
        }
    }
}

/* A dialect answers quirks: one that no quirk of this level asks for is not spoken. */
static void read_dialects(const struct tree *list, struct vendor_profile *profile)
{
    for (const struct tree *name = list == NULL ? NULL : list->first; name != NULL && profile->dialect_count < VENDOR_DIALECTS_MAX; name = name->next) {
        for (size_t i = 0; i < DIALECT_COUNT && name->kind == TREE_TEXT; i++) {
            if (slice_equal(name->text, slice_from(dialect_rows[i].name))) {
                profile->dialects[profile->dialect_count++] = name->text;
            }
        }
    }
}

static void drop_dialects(struct vendor_profile *profile)
{
    size_t kept = 0;
    for (size_t i = 0; i < profile->dialect_count; i++) {
        for (size_t d = 0; d < DIALECT_COUNT; d++) {
            bool named = slice_equal(profile->dialects[i], slice_from(dialect_rows[d].name));
            /* Every PACS files bare numbers of its own organisation, quirk or not. */
            if (named && (d == DIALECT_assume_issuer || vendor_has_any(profile, slice_from(dialect_rows[d].quirks)))) {
                profile->dialects[kept++] = profile->dialects[i];
                break;
            }
        }
    }
    profile->dialect_count = kept;
}

static void bind_profile(struct vendor_profile *profile, const struct tree *root, const struct complaints *to, struct arena *arena)
{
    *profile = vendor_plain();
    profile->dialect_count = 0;
    profile->vendor = field_text(ROOT_PROFILE, "vendor", tree_get(root, "vendor"));
    profile->title = field_text(ROOT_PROFILE, "title", tree_get(root, "title"));
    profile->note = field_text(ROOT_PROFILE, "note", tree_get(root, "note"));
    const struct tree *quirks = tree_get(root, "quirks");
    for (const struct tree *entry = quirks == NULL || quirks->kind != TREE_MAP ? NULL : quirks->first; entry != NULL; entry = entry->next) {
        enum quirk quirk = 0;
        if (entry->kind == TREE_MAP && quirk_from_text(entry->key, &quirk)) {
            read_quirk(to, entry, quirk, &profile->quirks[quirk], arena);
        }
    }
    const struct tree *dialects = tree_get(root, "dialects");
    read_dialects(dialects != NULL && dialects->kind == TREE_LIST ? dialects : NULL, profile);
    profile->row_cap = (uint32_t)field_integer(ROOT_PROFILE, "row_cap", tree_get(root, "row_cap"));
    profile->patient_id_width = (uint32_t)field_integer(ROOT_PROFILE, "patient_id_width", tree_get(root, "patient_id_width"));
    profile->accession_prefix = field_text(ROOT_PROFILE, "accession_prefix", tree_get(root, "accession_prefix"));
    profile->charset = field_text(ROOT_PROFILE, "charset", tree_get(root, "charset"));
    profile->associations = (uint32_t)field_integer(ROOT_PROFILE, "associations", tree_get(root, "associations"));
    profile->patient_root = field_integer(ROOT_PROFILE, "patient_root", tree_get(root, "patient_root")) != 0;
    profile->study_root = field_integer(ROOT_PROFILE, "study_root", tree_get(root, "study_root")) != 0;
    profile->get = field_integer(ROOT_PROFILE, "get", tree_get(root, "get")) != 0;
    profile->commitment = field_integer(ROOT_PROFILE, "commitment", tree_get(root, "commitment")) != 0;
}

/* A profile is found by the name of its file. */
static void check_own_name(const struct complaints *to, const char *path, const struct tree *vendor)
{
    const char *slash = strrchr(path, '/');
    slice name = slice_from(slash == NULL ? path : slash + 1);
    name = slice_ends(name, SLICE(".yaml")) ? slice_before(name, name.size - 5) : name;
    if (vendor != NULL && vendor->kind == TREE_TEXT && !slice_equal(vendor->text, name)) {
        (void)complain(to, "P210", vendor->at, "the profile says it is %s, but its file is called %s.yaml; a profile is found by the name of its file",
                       quoted(vendor->text).text, quoted(name).text);
    }
}

enum err profile_read(struct vendor_profile **out, const char *path, enum confidence level, const struct complaints *to, struct explained **explained,
                      struct arena *arena)
{
    slice source = SLICE_EMPTY;
    struct tree *root = NULL;
    size_t before = to->problems->error_count;
    enum err err = tree_load(&source, path, to, arena);
    if (err != ERR_OK) {
        return err;
    }
    err = tree_parse(&root, source, to, arena);
    if (err == ERR_LIMIT || root == NULL || root->kind != TREE_MAP) {
        return err == ERR_OK ? ERR_BAD_INPUT : err;
    }
    struct walk walk = {.to = to, .arena = arena, .explained_tail = explained};
    struct profile_names names;
    struct vendor_profile *profile = arena_alloc(arena, sizeof *profile);
    if (profile == NULL || profile_names(&walk, &names) != ERR_OK) {
        return ERR_LIMIT;
    }
    fields_check(&walk, ROOT_PROFILE, root, SLICE_EMPTY);
    bind_profile(profile, root, to, arena);
    check_own_name(to, path, tree_get(root, "vendor"));
    vendor_settle(profile, level);
    drop_dialects(profile);
    *out = profile;
    return to->problems->error_count > before ? ERR_BAD_INPUT : ERR_OK;
}

static enum err read_named(struct vendor_profile **out, const char *folder, slice name, const struct scenario_options *options, struct problems *problems,
                           struct arena *arena)
{
    char path[640];
    enum confidence level = CONFIDENCE_ASSUMED;
    snprintf(path, sizeof path, "%s/%.*s.yaml", folder, SLICE_ARGS(slice_before(name, 40)));
    struct complaints to = {problems, path};
    if (options->quirks.size > 0 && !confidence_from_text(options->quirks, &level)) {
        (void)complain(&to, "P207", (struct span){1, 1, 1}, "quirks are documented, reported or assumed, not %s", quoted(options->quirks).text);
        return ERR_BAD_INPUT;
    }
    if (!value_is_id(name)) {
        (void)complain(&to, "P210", (struct span){1, 1, 1}, "%s is no name of a profile", quoted(name).text);
        return ERR_NOT_FOUND;
    }
    enum err err = profile_read(out, path, level, &to, NULL, arena);
    problems_sort(problems);
    return err;
}

enum err vendor_read(struct vendor_profile **out, slice name, const struct scenario_options *options, struct problems *problems, struct arena *arena)
{
    char found[512];
    const char *folder = options->vendors != NULL ? options->vendors : scenario_find_data("sim/vendors", found, sizeof found);
    return read_named(out, folder == NULL ? "sim/vendors" : folder, name, options, problems, arena);
}

enum err vendor_read_beside(struct vendor_profile **out, slice name, const char *file, const struct scenario_options *options, struct problems *problems,
                            struct arena *arena)
{
    char folder[512];
    const char *slash = strrchr(file, '/');
    snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - file), slash == NULL ? "." : file);
    return read_named(out, folder, name, options, problems, arena);
}
