/* SPDX-License-Identifier: MIT */
#include "src/cli/vendors.h"

#include "src/cli/cli.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static int by_name(const void *a, const void *b)
{
    return slice_compare(*(const slice *)a, *(const slice *)b);
}

size_t vendors_list(slice names[VENDORS_MAX], struct arena *arena)
{
    char path[640];
    const char *found = scenario_find_data("sim/vendors", path, sizeof path);
    DIR *folder = found == NULL ? NULL : opendir(found);
    size_t count = 0;
    for (struct dirent *entry = NULL; folder != NULL && count < VENDORS_MAX && (entry = readdir(folder)) != NULL;) {
        slice name = slice_from(entry->d_name);
        if (slice_ends(name, SLICE(".yaml")) && entry->d_name[0] != '.') {
            names[count++] = arena_copy(arena, slice_before(name, name.size - 5));
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    qsort(names, count, sizeof names[0], by_name);
    return count;
}

static int unknown_vendor(const char *command, const char *name, struct arena *arena)
{
    slice names[VENDORS_MAX];
    size_t count = vendors_list(names, arena);
    fprintf(stderr, "pont %s: there is no vendor \"%s\"; there are", command, name);
    for (size_t i = 0; i < count; i++) {
        fprintf(stderr, "%s %.*s", i == 0 ? "" : ",", SLICE_ARGS(names[i]));
    }
    fputs("\n", stderr);
    return 2;
}

int vendors_read(struct vendor_profile **out, const char *command, const char *name, const char *level, struct arena *arena)
{
    static struct problems problems;
    char folder[512], path[1024];
    slice vendor = slice_from(name);
    bool file = slice_ends(vendor, SLICE(".yaml"));
    struct scenario_options options = {.quirks = level == NULL ? SLICE_EMPTY : slice_from(level)};
    if (file) {
        const char *slash = strrchr(name, '/');
        snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - name), slash == NULL ? "." : name);
        options.vendors = folder;
        vendor = slice_from(slash == NULL ? name : slash + 1);
        vendor = slice_before(vendor, vendor.size - 5);
    } else {
        options.vendors = scenario_find_data("sim/vendors", folder, sizeof folder);
    }
    snprintf(path, sizeof path, "%s/%.*s.yaml", options.vendors == NULL ? "sim/vendors" : options.vendors, SLICE_ARGS(vendor));
    FILE *probe = fopen(path, "re");
    if (probe == NULL) {
        return file ? cli_fail(ERR_NOT_FOUND, "%s cannot be read", path) : unknown_vendor(command, name, arena);
    }
    fclose(probe);
    problems.count = problems.error_count = 0;
    return vendor_read(out, vendor, &options, &problems, arena) == ERR_OK ? 0 : cli_problems(&problems, path);
}

bool vendors_address(struct peer *peer, slice text, struct arena *arena)
{
    slice host = text, aet = slice_cut(&host, '@');
    struct in_addr address;
    char host_text[64];
    int64_t port = 0;
    if (host.data == NULL || aet.size == 0 || aet.size > 16) {
        return false;
    }
    slice rest = host;
    host = slice_cut(&rest, ':');
    snprintf(host_text, sizeof host_text, "%.*s", SLICE_ARGS(slice_before(host, 63)));
    if (rest.data == NULL || !slice_to_int64(rest, &port) || port < 1 || port > 65535 || inet_pton(AF_INET, host_text, &address) != 1) {
        return false;
    }
    *peer = (struct peer){.name = arena_copy(arena, aet), .aet = arena_copy(arena, aet), .host = arena_copy(arena, host), .dicom_port = (uint16_t)port};
    return peer->aet.data != NULL && peer->host.data != NULL;
}

enum err vendors_studies(struct node_study **studies, size_t count, uint64_t seed, slice issuer, struct arena *arena)
{
    *studies = arena_array(arena, count + 1, sizeof **studies);
    enum err err = *studies == NULL ? ERR_LIMIT : ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        err = node_study_make(&(*studies)[i], seed, i, issuer, arena);
    }
    return err;
}

slice vendors_title(const struct vendor_profile *vendor, struct arena *arena)
{
    struct buffer text = buffer_make(arena, 17);
    for (size_t i = 0; i < vendor->vendor.size && i < 16; i++) {
        char letter = vendor->vendor.data[i];
        buffer_put_byte(&text, (uint8_t)(letter >= 'a' && letter <= 'z' ? letter - 'a' + 'A' : letter == '-' ? '_' : letter));
    }
    return buffer_slice(&text);
}

/* ---- Quirks and who copes. */

static const struct {
    const char *name, *quirks, *text;
} dialects[] = {
#define DIALECT(name, quirks, text) {#name, quirks, text},
#include "src/engine/dialect.def"
#undef DIALECT
};

static bool names_quirk(const char *names, enum quirk quirk)
{
    slice rest = slice_from(names);
    while (rest.data != NULL) {
        if (slice_equal(slice_trim(slice_cut(&rest, ' ')), slice_from(quirk_row(quirk)->name))) {
            return true;
        }
    }
    return false;
}

const char *vendors_dialect(const struct vendor_profile *vendor, enum quirk quirk)
{
    for (size_t d = 0; d < sizeof dialects / sizeof dialects[0]; d++) {
        for (size_t i = 0; names_quirk(dialects[d].quirks, quirk) && i < vendor->dialect_count; i++) {
            if (slice_equal(vendor->dialects[i], slice_from(dialects[d].name))) {
                return dialects[d].name;
            }
        }
    }
    return NULL;
}

void vendors_put_parameter(FILE *out, enum quirk quirk, const struct quirk_setting *setting)
{
    const struct quirk_row *row = quirk_row(quirk);
    switch (row->type) {
    case QUIRK_TYPE_NONE: break;
    case QUIRK_TYPE_TEXT: fprintf(out, "%s %.*s", row->parameter, SLICE_ARGS(setting->text)); break;
    case QUIRK_TYPE_STATUS: fprintf(out, "%s %04llX", row->parameter, (unsigned long long)setting->number); break;
    case QUIRK_TYPE_MS: fprintf(out, "%s %lld ms", row->parameter, (long long)setting->number); break;
    case QUIRK_TYPE_NUMBER: fprintf(out, "%s %lld", row->parameter, (long long)setting->number); break;
    }
}
