/* SPDX-License-Identifier: MIT */
#include "src/cli/host.h"

#include "src/cli/cli.h"
#include "src/dcmtk/dcmtk.h"
#include "src/dicom/uid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_AGAIN_MAX 10000 /* receptions of one SOP Instance UID */

bool host_take(const char *command, const struct host_words *words, struct driver_config *config)
{
    int64_t control = -1, observe = -1, run_max = 0;
    if ((words->control != NULL && !option_number(command, "control", words->control, 0, 1023, &control)) ||
        (words->observe != NULL && !option_number(command, "observe", words->observe, 0, 1023, &observe)) ||
        (words->run_max != NULL && !option_number(command, "run-max", words->run_max, 1, RUN_MAX, &run_max)) ||
        (words->start != NULL && !option_number(command, "start", words->start, 0, INT64_MAX, &config->start_ns)) ||
        (words->origin != NULL && !option_number(command, "origin", words->origin, 0, INT64_MAX, &config->origin_ns))) {
        return false;
    }
    config->control = (int)control;
    config->observe = (int)observe;
    config->run_max = (uint32_t)run_max;
    config->signals = true;
    config->left_out = actors_left_out;
    config->left_out_count = actors_left_out_count;
    return true;
}

/* ---- Out. */

static enum err make_made(const struct node *node, const struct object *object, slice transfer_syntax, struct object_bytes *out)
{
    int64_t size = node_object_size(node, object, transfer_syntax);
    char *memory = size <= 0 ? NULL : malloc((size_t)size + 65536); /* changed attributes may be longer than those made */
    if (memory == NULL) {
        return size <= 0 ? ERR_NOT_FOUND : ERR_LIMIT;
    }
    struct buffer buffer = buffer_over(memory, (size_t)size + 65536);
    enum err err = node_object_write(node, object, transfer_syntax, &buffer);
    if (err == ERR_OK && buffer.full) {
        err = ERR_LIMIT;
    }
    if (err != ERR_OK) {
        free(memory);
        return err;
    }
    *out = (struct object_bytes){buffer_slice(&buffer), memory};
    return ERR_OK;
}

static enum err read_part(const char *path, int64_t offset, int64_t size, char **bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *bytes = fd < 0 ? NULL : malloc((size_t)size + 1);
    int64_t got = 0;
    while (*bytes != NULL && got < size) {
        ssize_t part = pread(fd, *bytes + got, (size_t)(size - got), offset + got);
        if (part <= 0) {
            break;
        }
        got += part;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (*bytes != NULL && got < size) {
        free(*bytes);
        *bytes = NULL;
    }
    return *bytes == NULL ? ERR_NOT_FOUND : ERR_OK;
}

/* A DICOM file as it stands, or converted when the peer takes its syntax not. */
static enum err make_file(const struct object *object, slice transfer_syntax, struct object_bytes *out)
{
    char path[4096], why[128], *bytes = NULL;
    struct arena arena;
    struct dicom_file file;
    snprintf(path, sizeof path, "%.*s", SLICE_ARGS(object->file));
    enum err err = arena_make(&arena, 1u << 20);
    err = err == ERR_OK ? dcmtk_read_file(&file, path, false, why, &arena) : err;
    err = err == ERR_OK ? read_part(path, file.data_offset, file.data_size, &bytes) : err;
    if (err == ERR_OK) {
        *out = (struct object_bytes){{bytes, (size_t)file.data_size}, bytes};
        if (!slice_equal(file.object.transfer_syntax, transfer_syntax)) {
            slice converted;
            err = dcmtk_convert(out->data, file.object.transfer_syntax, transfer_syntax, &converted);
            free(bytes);
            *out = err == ERR_OK ? (struct object_bytes){converted, (void *)(uintptr_t)converted.data} : (struct object_bytes){{NULL, 0}, NULL};
        }
    }
    arena_drop(&arena);
    return err;
}

static enum err make(void *self, const struct object *object, slice transfer_syntax, struct object_bytes *out)
{
    struct host_objects *objects = self;
    return object->file.size > 0 ? make_file(object, transfer_syntax, out) : make_made(objects->node, object, transfer_syntax, out);
}

static void drop(void *self, struct object_bytes *bytes)
{
    (void)self;
    free(bytes->handle);
}

struct object_source host_source(struct host_objects *objects)
{
    return (struct object_source){objects, make, drop};
}

/* ---- In. */

static void put_meta(FILE *file, const struct object *object, slice transfer_syntax)
{
    char memory[1024];
    struct buffer meta = buffer_over(memory, sizeof memory);
    const struct {
        uint16_t element;
        slice value;
    } rows[] = {{0x0002, object->sop_class_uid}, {0x0003, object->sop_instance_uid}, {0x0010, transfer_syntax}, {0x0012, SLICE("2.25.112111110116")}};
    buffer_put(&meta, ((slice){"\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01", 14}));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        buffer_put_u16(&meta, 2);
        buffer_put_u16(&meta, rows[i].element);
        buffer_put_text(&meta, "UI");
        buffer_put_u16(&meta, (uint16_t)((rows[i].value.size + 1) / 2 * 2));
        buffer_put(&meta, rows[i].value);
        if (rows[i].value.size % 2 != 0) {
            buffer_put_byte(&meta, 0);
        }
    }
    static const char preamble[128];
    char head[12];
    struct buffer length = buffer_over(head, sizeof head);
    buffer_put(&length, ((slice){"\x02\x00\x00\x00UL\x04\x00", 8}));
    buffer_put_u32(&length, (uint32_t)meta.size);
    fwrite(preamble, 1, sizeof preamble, file);
    fwrite("DICM", 1, 4, file);
    fwrite(head, 1, length.size, file);
    fwrite(memory, 1, meta.size, file);
}

/* A file of its own for each reception: the actor may go on with the one before (a duplicate). */
static int open_fresh(char *path, size_t size, const char *folder, slice sop_uid)
{
    int fd = -1;
    for (int nth = 0; fd < 0 && nth < KEPT_AGAIN_MAX; nth++) {
        char again[16] = "";
        if (nth > 0) {
            snprintf(again, sizeof again, "-%d", nth);
        }
        snprintf(path, size, "%s/%.*s%s.dcm", folder, SLICE_ARGS(sop_uid), again);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST) {
            return -1;
        }
    }
    return fd;
}

static enum err keep(const char *folder, slice dataset, slice transfer_syntax, struct object *object, struct arena *arena)
{
    char path[512];
    if (!uid_is_valid(object->sop_instance_uid)) {
        return ERR_BAD_MESSAGE; /* it becomes a file name */
    }
    int fd = open_fresh(path, sizeof path, folder, object->sop_instance_uid);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file == NULL) {
        return ERR_SYSTEM;
    }
    put_meta(file, object, transfer_syntax);
    bool ok = fwrite(dataset.data, 1, dataset.size, file) == dataset.size;
    ok = fclose(file) == 0 && ok;
    object->file = ok ? arena_copy(arena, slice_from(path)) : SLICE_EMPTY;
    return ok ? ERR_OK : ERR_SYSTEM;
}

/* The attributes that later C-FIND answers are made of. Encapsulated objects keep none: their answers are shorter. */
static void note_changed(slice dataset, slice transfer_syntax, struct object *object, struct arena *arena)
{
    struct dataset all, *kept = arena_alloc(arena, sizeof *kept);
    bool implicit = slice_equal(transfer_syntax, UID_IMPLICIT_LITTLE);
    if (kept == NULL || (!implicit && !slice_equal(transfer_syntax, UID_EXPLICIT_LITTLE)) ||
        dataset_parse(&all, dataset, implicit ? SYNTAX_IMPLICIT_LITTLE : SYNTAX_EXPLICIT_LITTLE, arena) != ERR_OK ||
        dataset_init(kept, arena, (uint32_t)node_kept_tag_count + 1) != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < node_kept_tag_count; i++) {
        const struct element *element = dataset_find(&all, node_kept_tags[i]);
        if (element != NULL && element->items == NULL && dataset_put_vr(kept, element->tag, element->vr, arena_copy(arena, element->value)) != ERR_OK) {
            return;
        }
    }
    object->changed = kept;
}

static enum err take(void *self, slice dataset, slice transfer_syntax, struct object *object, struct arena *arena)
{
    struct host_objects *objects = self;
    char dataset_sha256[65], pixel_sha256[65];
    enum err err = dcmtk_digest(dataset, transfer_syntax, actors_left_out, actors_left_out_count, dataset_sha256, pixel_sha256, object, arena);
    if (err != ERR_OK) {
        return err;
    }
    object->dataset_sha256 = arena_copy(arena, slice_from(dataset_sha256));
    object->pixel_sha256 = arena_copy(arena, slice_from(pixel_sha256));
    object->study = object->instance = -1;
    if (objects->folder != NULL) {
        note_changed(dataset, transfer_syntax, object, arena);
        err = keep(objects->folder, dataset, transfer_syntax, object, arena);
    }
    return err;
}

struct object_sink host_sink(struct host_objects *objects)
{
    return (struct object_sink){objects, take};
}
