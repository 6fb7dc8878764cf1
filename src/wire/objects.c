/* SPDX-License-Identifier: MIT
 *
 * Data sets on their way out of files and into them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/hash.h"
#include "src/dicom/splice.h"
#include "src/dicom/uid.h"
#include "src/wire/wire_private.h"

#define HEADER_MAX (1u << 20) /* of an object's attributes, pixel data left out */
#define IMPLEMENTATION_UID SLICE("2.25.212063790443283106129614396325472143")

/* ---- Out of a file. */

struct file_object {
    void *map;
    size_t map_size;
    slice converted; /* by DCMTK */
    struct arena changed;
};

static void drop_file(struct file_object *file)
{
    if (file->map != NULL) {
        munmap(file->map, file->map_size);
    }
    if (file->converted.data != NULL) {
        dcmtk_free(file->converted);
    }
    memory_unmap(&file->changed);
    free(file);
}

static enum err map_file(const char *path, const struct dicom_file *facts, struct file_object *file, slice *data)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0 || status.st_size < facts->data_offset + facts->data_size) {
        if (fd >= 0) {
            close(fd);
        }
        return ERR_NOT_FOUND;
    }
    file->map_size = (size_t)status.st_size;
    file->map = mmap(NULL, file->map_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (file->map == MAP_FAILED) {
        file->map = NULL;
        return ERR_SYSTEM;
    }
    *data = (slice){(const char *)file->map + facts->data_offset, (size_t)facts->data_size};
    return ERR_OK;
}

static enum err put_bytes(void *self, slice bytes)
{
    struct buffer *buffer = self;
    buffer_put(buffer, bytes);
    return buffer->full ? ERR_LIMIT : ERR_OK;
}

/* A copy with elements put or removed. */
static enum err edit(slice data, slice transfer_syntax, const struct splice_plan *plan, struct buffer *out, struct arena *arena)
{
    struct splice *splice = arena_alloc(arena, splice_size());
    if (splice == NULL) {
        return ERR_LIMIT;
    }
    splice_init(splice, syntax_of(transfer_syntax), plan, (struct splice_sink){put_bytes, out});
    enum err err = splice_put(splice, data);
    return err == ERR_OK ? splice_end(splice) : err;
}

/* What the actor changed in the object since it came. */
static enum err change(struct file_object *file, const struct object *object, slice transfer_syntax, slice *data)
{
    size_t room = data->size + HEADER_MAX;
    if (object->changed == NULL || object->changed->count == 0) {
        return ERR_OK;
    }
    enum err err = memory_map(&file->changed, room + HEADER_MAX);
    if (err != ERR_OK) {
        return err;
    }
    struct arena arena = {.memory = file->changed.memory + room, .size = HEADER_MAX};
    struct buffer out = buffer_over(file->changed.memory, room);
    err = edit(*data, transfer_syntax, &(struct splice_plan){.put = object->changed}, &out, &arena);
    *data = buffer_slice(&out);
    return err;
}

static enum err open_file(struct file_object *file, const struct object *object, slice transfer_syntax, slice *data)
{
    char path[512], why[128];
    struct arena arena;
    struct dicom_file facts;
    snprintf(path, sizeof path, "%.*s", SLICE_ARGS(object->file));
    enum err err = memory_map(&arena, HEADER_MAX);
    err = err == ERR_OK ? dcmtk_read_file(&facts, path, false, why, &arena) : err;
    err = err == ERR_OK ? map_file(path, &facts, file, data) : err;
    if (err == ERR_OK && !slice_equal(slice_unpad(facts.object.transfer_syntax), slice_unpad(transfer_syntax))) {
        err = dcmtk_convert(*data, facts.object.transfer_syntax, transfer_syntax, &file->converted);
        *data = file->converted;
    }
    memory_unmap(&arena);
    return err == ERR_OK ? change(file, object, transfer_syntax, data) : err;
}

enum err objects_make(const struct driver *driver, const struct object *object, slice transfer_syntax, struct object_bytes *out)
{
    const struct object_source *source = &driver->config.source;
    *out = (struct object_bytes){SLICE_EMPTY, NULL};
    if (object->file.size == 0) {
        return source->make == NULL ? ERR_NOT_FOUND : source->make(source->self, object, transfer_syntax, out);
    }
    struct file_object *file = calloc(1, sizeof *file);
    enum err err = file == NULL ? ERR_LIMIT : open_file(file, object, transfer_syntax, &out->data);
    if (err != ERR_OK && file != NULL) {
        drop_file(file);
        return err;
    }
    out->handle = file;
    return err;
}

void objects_drop(const struct driver *driver, const struct object *object, struct object_bytes *bytes)
{
    const struct object_source *source = &driver->config.source;
    if (object->file.size > 0) {
        drop_file(bytes->handle);
    } else if (source->drop != NULL) {
        source->drop(source->self, bytes);
    }
}

/* ---- Into a file (PS3.10 7.1). */

static void put_meta(struct buffer *buffer, uint16_t element, const char *vr, slice value, char pad)
{
    bool odd = value.size % 2 != 0, is_long = vr[0] == 'O';
    buffer_put_u16(buffer, 2);
    buffer_put_u16(buffer, element);
    buffer_put_text(buffer, vr);
    if (is_long) {
        buffer_put_u16(buffer, 0);
        buffer_put_u32(buffer, (uint32_t)(value.size + odd));
    } else {
        buffer_put_u16(buffer, (uint16_t)(value.size + odd));
    }
    buffer_put(buffer, value);
    if (odd) {
        buffer_put_byte(buffer, (uint8_t)pad);
    }
}

static void put_file_header(struct buffer *buffer, const struct object *object)
{
    char memory[512];
    struct buffer meta = buffer_over(memory, sizeof memory);
    put_meta(&meta, 0x0001, "OB", (slice){"\0\1", 2}, '\0');
    put_meta(&meta, 0x0002, "UI", slice_unpad(object->sop_class_uid), '\0');
    put_meta(&meta, 0x0003, "UI", slice_unpad(object->sop_instance_uid), '\0');
    put_meta(&meta, 0x0010, "UI", slice_unpad(object->transfer_syntax), '\0');
    put_meta(&meta, 0x0012, "UI", IMPLEMENTATION_UID, '\0');
    put_meta(&meta, 0x0013, "SH", SLICE("PONT"), ' ');
    for (size_t i = 0; i < 128; i++) {
        buffer_put_byte(buffer, 0);
    }
    buffer_put_text(buffer, "DICM");
    char size[4];
    struct buffer number = buffer_over(size, sizeof size);
    buffer_put_u32(&number, (uint32_t)meta.size);
    put_meta(buffer, 0x0000, "UL", buffer_slice(&number), '\0');
    buffer_put(buffer, buffer_slice(&meta));
}

static enum err write_all(int fd, slice bytes)
{
    while (bytes.size > 0) {
        ssize_t put = write(fd, bytes.data, bytes.size);
        if (put < 0 && errno != EINTR) {
            return ERR_SYSTEM;
        }
        bytes = slice_after(bytes, put < 0 ? 0 : (size_t)put);
    }
    return ERR_OK;
}

/* So that the file's name survives a crash too. */
static enum err sync_folder(const char *path)
{
    char folder[512];
    snprintf(folder, sizeof folder, "%s", path);
    char *end = strrchr(folder, '/');
    if (end != NULL) {
        *end = '\0';
    }
    int fd = open(end == NULL ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool safe = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return safe ? ERR_OK : ERR_SYSTEM;
}

/* Written beside and renamed: whoever reads the old one goes on reading it. */
enum err objects_write_file(const char *path, slice dataset, const struct object *object, bool safe)
{
    static atomic_uint_fast64_t files;
    char memory[1024], beside[560];
    struct buffer header = buffer_over(memory, sizeof memory);
    put_file_header(&header, object);
    snprintf(beside, sizeof beside, "%s.%llu.part", path, (unsigned long long)atomic_fetch_add(&files, 1));
    int fd = header.full ? -1 : open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return ERR_SYSTEM;
    }
    enum err err = write_all(fd, buffer_slice(&header));
    err = err == ERR_OK ? write_all(fd, dataset) : err;
    err = err == ERR_OK && safe && fsync(fd) != 0 ? ERR_SYSTEM : err;
    err = close(fd) != 0 && err == ERR_OK ? ERR_SYSTEM : err;
    err = err == ERR_OK && rename(beside, path) != 0 ? ERR_SYSTEM : err;
    if (err != ERR_OK) {
        unlink(beside);
        return err;
    }
    return safe ? sync_folder(path) : ERR_OK;
}

/* ---- To the sink. */

/* The attributes that the actor wants to see, out of the data set without its pixel data. */
static enum err pick_kept(const struct driver *driver, slice dataset, struct object *object, struct arena *arena)
{
    static const uint32_t pixels[] = {0x7FE00008, 0x7FE00009, 0x7FE00010};
    const struct driver_config *config = &driver->config;
    struct buffer header = buffer_make(arena, dataset.size < HEADER_MAX ? dataset.size + 64 : HEADER_MAX);
    struct dataset parsed, *kept = arena_alloc(arena, sizeof *kept);
    if (header.full || kept == NULL) {
        return ERR_LIMIT;
    }
    enum err err = edit(dataset, object->transfer_syntax, &(struct splice_plan){.remove = pixels, .remove_count = 3}, &header, arena);
    err = err == ERR_OK ? dataset_parse(&parsed, buffer_slice(&header), syntax_of(object->transfer_syntax), arena) : err;
    err = err == ERR_OK ? dataset_init(kept, arena, (uint32_t)config->kept_tag_count) : err;
    for (size_t i = 0; i < config->kept_tag_count && err == ERR_OK; i++) {
        const struct element *element = dataset_find(&parsed, config->kept_tags[i]);
        if (element != NULL && element->vr == VR('S', 'Q')) {
            err = dataset_put_items(kept, element->tag, element->items, element->item_count);
        } else if (element != NULL) {
            err = dataset_put_vr(kept, element->tag, element->vr, element->value);
        }
    }
    object->changed = kept;
    return err;
}

static enum err keep_file(const struct driver *driver, slice dataset, struct object *object, struct arena *arena)
{
    char path[512], name[SHA256_TEXT_SIZE + 1];
    sha256_text(object->sop_instance_uid, name); /* UIDs come from others: never a path */
    snprintf(path, sizeof path, "%s/%.32s.dcm", driver->config.keep, name);
    object->file = arena_copy(arena, slice_from(path));
    return object->file.data == NULL ? ERR_LIMIT : objects_write_file(path, dataset, object, false);
}

enum err objects_take(const struct driver *driver, slice dataset, struct object *object, struct arena *arena)
{
    const struct driver_config *config = &driver->config;
    const struct object_sink *sink = &config->sink;
    char *digests = arena_alloc(arena, 2 * (SHA256_TEXT_SIZE + 1));
    slice syntax = object->transfer_syntax;
    int64_t size = object->size;
    if (digests == NULL) {
        return ERR_LIMIT;
    }
    char *pixels = digests + SHA256_TEXT_SIZE + 1;
    enum err err = dcmtk_digest(dataset, syntax, config->left_out, config->left_out_count, digests, pixels, object, arena);
    object->transfer_syntax = syntax;
    object->size = size;
    object->study = object->instance = -1;
    object->dataset_sha256 = slice_from(digests);
    object->pixel_sha256 = slice_from(pixels);
    err = err == ERR_OK && config->kept_tag_count > 0 ? pick_kept(driver, dataset, object, arena) : err;
    err = err == ERR_OK && config->keep != NULL ? keep_file(driver, dataset, object, arena) : err;
    return err == ERR_OK && sink->take != NULL ? sink->take(sink->self, dataset, syntax, object, arena) : err;
}
