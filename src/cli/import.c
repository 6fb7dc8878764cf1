/* SPDX-License-Identifier: MIT */
#include "src/cli/import.h"

#include "src/base/map.h"
#include "src/cli/host.h"
#include "src/dcmtk/dcmtk.h"

#include <fts.h>
#include <stdlib.h>
#include <string.h>

static int by_path(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

struct reading {
    struct import *import;
    struct map seen; /* SOP instance UIDs */
    struct arena *arena;
};

static void note(struct import_note *list, size_t *count, slice file, const char *why)
{
    struct import_note *entry = &list[(*count)++];
    entry->file = file;
    snprintf(entry->why, sizeof entry->why, "%s", why);
}

static enum err take_file(struct reading *reading, const char *path)
{
    struct import *import = reading->import;
    char why[128] = "";
    struct dicom_file file;
    if (import->count + import->refused_count + import->doubled_count >= IMPORT_MAX) {
        return ERR_LIMIT;
    }
    slice name = arena_copy(reading->arena, slice_from(path));
    enum err err = dcmtk_read_file_without(&file, path, actors_left_out, actors_left_out_count, why, reading->arena);
    if (err == ERR_LIMIT) {
        return err;
    }
    if (err != ERR_OK) {
        note(import->refused, &import->refused_count, name, why);
        return ERR_OK;
    }
    uint32_t before = 0;
    if (map_find(&reading->seen, file.object.sop_instance_uid, &before)) {
        snprintf(why, sizeof why, "its SOP Instance UID is that of %.90s", import->objects[before].file.data);
        note(import->doubled, &import->doubled_count, name, why);
        return ERR_OK;
    }
    import->objects[import->count] = file.object;
    import->objects[import->count].file = name;
    return map_put(&reading->seen, file.object.sop_instance_uid, (uint32_t)import->count++);
}

enum err import_folder(struct import *import, const char *folder, struct arena *arena)
{
    char *const paths[] = {(char *)(uintptr_t)folder, NULL};
    struct reading reading = {.import = import, .arena = arena};
    *import = (struct import){.objects = arena_array(arena, IMPORT_MAX, sizeof *import->objects), .refused = arena_array(arena, IMPORT_MAX, sizeof *import->refused),
                              .doubled = arena_array(arena, IMPORT_MAX, sizeof *import->doubled)};
    if (import->objects == NULL || import->refused == NULL || import->doubled == NULL || map_init(&reading.seen, arena, IMPORT_MAX) != ERR_OK) {
        return ERR_LIMIT;
    }
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_path);
    enum err err = tree == NULL ? ERR_NOT_FOUND : ERR_OK;
    size_t entries = 0;
    for (FTSENT *entry = NULL; err == ERR_OK && (entry = fts_read(tree)) != NULL; entries++) {
        if (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR) {
            err = entry->fts_level == 0 ? ERR_NOT_FOUND : ERR_OK;
        } else if (entry->fts_info == FTS_F) {
            err = take_file(&reading, entry->fts_path);
        }
    }
    if (tree != NULL) {
        fts_close(tree);
    }
    return err;
}

void import_tell(const struct import *import, FILE *out)
{
    for (size_t i = 0; i < import->refused_count; i++) {
        fprintf(out, "refused %s: %s\n", import->refused[i].file.data, import->refused[i].why);
    }
    for (size_t i = 0; i < import->doubled_count; i++) {
        fprintf(out, "finding %s: %s; the first is served\n", import->doubled[i].file.data, import->doubled[i].why);
    }
    fprintf(out, "imported %zu, refused %zu, doubled %zu\n", import->count, import->refused_count, import->doubled_count);
}
