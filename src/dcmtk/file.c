/* SPDX-License-Identifier: MIT */
#include "src/dcmtk/dataset.h"
#include "src/dcmtk/walk.h"

#include "src/dicom/charset.h"
#include "src/dicom/uid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREAMBLE 128u
#define META_MAX 65536u /* bytes of group 2; real ones have some hundred */
#define WHY_SIZE 128u

/* ---- What identifies an object. */

/* Where a value goes: parent sequence (0: top), tag, offset in struct object. */
static const struct identity {
    uint32_t parent, tag;
    size_t offset;
} identities[] = {
    {0, 0x00080016, offsetof(struct object, sop_class_uid)},
    {0, 0x00080018, offsetof(struct object, sop_instance_uid)},
    {0, 0x00080050, offsetof(struct object, accession)},
    {0x00080051, 0x00400031, offsetof(struct object, accession_issuer)},
    {0, 0x00080060, offsetof(struct object, modality)},
    {0, 0x00100010, offsetof(struct object, patient_name)},
    {0, 0x00100020, offsetof(struct object, patient_id)},
    {0, 0x00100021, offsetof(struct object, patient_issuer)},
    {0, 0x00100030, offsetof(struct object, birth_date)},
    {0, 0x0020000D, offsetof(struct object, study_uid)},
    {0, 0x0020000E, offsetof(struct object, series_uid)},
};

/* What a walk gathers. */
struct gathering {
    struct object object; /* borrows from the bytes */
    slice character_set;
    struct digest *dataset, *pixels; /* null when no digests are wanted */
};

static slice *object_field(struct object *object, size_t offset)
{
    return (slice *)(void *)((char *)object + offset);
}

static void gather_element(void *self, uint32_t parent, uint32_t tag, slice value)
{
    struct gathering *gathering = self;
    if (parent == 0 && tag == 0x00080005) {
        gathering->character_set = slice_unpad(value);
    }
    for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++) {
        slice *field = object_field(&gathering->object, identities[i].offset);
        if (identities[i].tag == tag && identities[i].parent == parent && field->size == 0) {
            *field = slice_trim(value);
        }
    }
}

static void gather_dataset(void *self, slice bytes)
{
    digest_put(((struct gathering *)self)->dataset, bytes);
}

static void gather_pixels(void *self, slice bytes)
{
    digest_put(((struct gathering *)self)->pixels, bytes);
}

/* A name whose character set is unknown or wrong: what is not ASCII becomes a question mark. */
static slice name_in_ascii(slice raw, struct arena *arena)
{
    slice copy = arena_copy(arena, raw);
    for (size_t i = 0; copy.data != NULL && i < copy.size; i++) {
        if ((unsigned char)copy.data[i] > 0x7E) {
            ((char *)(uintptr_t)copy.data)[i] = '?';
        }
    }
    return copy;
}

static slice name_in_utf8(slice raw, slice character_set, struct arena *arena)
{
    slice utf8;
    if (charset_decode(&utf8, raw, character_set, arena) != ERR_OK) {
        return name_in_ascii(raw, arena);
    }
    return arena_copy(arena, utf8);
}

/* The gathered fields, in the arena. */
static enum err settle_object(struct object *out, const struct gathering *gathering, struct arena *arena)
{
    const slice name = gathering->object.patient_name;
    for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++) {
        slice value = *object_field((struct object *)&gathering->object, identities[i].offset);
        slice *field = object_field(out, identities[i].offset);
        bool is_name = identities[i].offset == offsetof(struct object, patient_name);
        *field = is_name ? name_in_utf8(name, gathering->character_set, arena) : arena_copy(arena, value);
        if (field->data == NULL) {
            return ERR_LIMIT;
        }
    }
    return ERR_OK;
}

static void gathering_init(struct gathering *gathering)
{
    memset(gathering, 0, sizeof *gathering);
    gathering->character_set = SLICE_EMPTY;
    for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++) {
        *object_field(&gathering->object, identities[i].offset) = SLICE_EMPTY;
    }
}

/* ---- Walking what may be deflated. */

/* Walks; `*inflated` are the bytes that the gathering borrows, to be freed with dcmtk_free once settled. */
static enum err walk_any(const struct walk *walk, slice bytes, slice syntax, slice *inflated)
{
    *inflated = (slice){NULL, 0};
    if (!slice_equal(syntax, UID_DEFLATED)) {
        return walk_dataset(walk, bytes, syntax);
    }
    enum err err = dataset_inflate(bytes, inflated);
    return err == ERR_OK ? walk_dataset(walk, *inflated, UID_EXPLICIT_LITTLE) : err;
}

static enum err digests_open(struct gathering *gathering)
{
    gathering->dataset = digest_open();
    gathering->pixels = digest_open();
    return gathering->dataset != NULL && gathering->pixels != NULL ? ERR_OK : ERR_LIMIT;
}

static void digests_end(struct gathering *gathering, char dataset_sha256[65], char pixel_sha256[65])
{
    if (gathering->dataset != NULL) {
        digest_end(gathering->dataset, dataset_sha256);
    }
    if (gathering->pixels != NULL) {
        digest_end(gathering->pixels, pixel_sha256);
    }
}

enum err dcmtk_digest(slice dataset, slice transfer_syntax, const uint32_t *left_out, size_t left_out_count, char dataset_sha256[65],
                      char pixel_sha256[65], struct object *object, struct arena *arena)
{
    struct gathering gathering;
    gathering_init(&gathering);
    const struct walk walk = {gather_dataset, gather_pixels, gather_element, &gathering, left_out, left_out_count, false};
    slice inflated = {NULL, 0};
    enum err err = digests_open(&gathering);
    if (err == ERR_OK) {
        err = walk_any(&walk, dataset, transfer_syntax, &inflated);
    }
    digests_end(&gathering, dataset_sha256, pixel_sha256);
    if (err == ERR_OK && object != NULL) {
        err = settle_object(object, &gathering, arena);
        object->transfer_syntax = arena_copy(arena, transfer_syntax);
        object->size = (int64_t)dataset.size;
    }
    dcmtk_free(inflated);
    return err;
}

/* ---- Files. */

static enum err unfit(char why[WHY_SIZE], const char *text)
{
    snprintf(why, WHY_SIZE, "%s", text);
    return ERR_BAD_MESSAGE;
}

/* The file meta information (PS3.10 7.1): explicit little endian elements of group 2. *rest is what follows. */
static enum err read_meta(slice *rest, slice *syntax, char why[WHY_SIZE])
{
    const size_t begin = rest->size;
    *syntax = SLICE_EMPTY;
    while (rest->size >= 8 && rest->data[0] == 2 && rest->data[1] == 0) {
        const uint8_t *at = (const uint8_t *)rest->data;
        bool wide = at[4] == 'O' || (at[4] == 'U' && (at[5] == 'N' || at[5] == 'T')) || (at[4] == 'S' && at[5] == 'Q');
        size_t head = wide ? 12 : 8;
        if (rest->size < head) {
            return unfit(why, "its file meta information is cut short");
        }
        struct cursor cursor = {slice_after(*rest, wide ? 8 : 6), false};
        size_t size = wide ? cursor_u32(&cursor) : cursor_u16(&cursor);
        if (size > rest->size - head || begin - rest->size + size > META_MAX) {
            return unfit(why, "its file meta information runs over its end");
        }
        if (at[2] == 0x10 && at[3] == 0) {
            *syntax = slice_trim(slice_before(slice_after(*rest, head), size));
        }
        *rest = slice_after(*rest, head + size);
    }
    return uid_is_valid(*syntax) ? ERR_OK : unfit(why, "it names no transfer syntax (0002,0010)");
}

static enum err check_identity(const struct object *object, char why[WHY_SIZE])
{
    const struct {
        slice uid;
        const char *why;
    } needed[] = {{object->study_uid, "it has no StudyInstanceUID (0020,000D)"},
                  {object->series_uid, "it has no SeriesInstanceUID (0020,000E)"},
                  {object->sop_instance_uid, "it has no SOPInstanceUID (0008,0018)"},
                  {object->sop_class_uid, "it has no SOPClassUID (0008,0016)"}};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (needed[i].uid.size == 0) {
            return unfit(why, needed[i].why);
        }
        if (!uid_is_valid(needed[i].uid)) {
            return unfit(why, "one of its UIDs is none");
        }
    }
    return ERR_OK;
}

/* The digests as texts in the arena. */
static enum err settle_digests(struct object *object, const char dataset_sha256[65], const char pixel_sha256[65], struct arena *arena)
{
    object->dataset_sha256 = arena_copy(arena, slice_from(dataset_sha256));
    object->pixel_sha256 = arena_copy(arena, slice_from(pixel_sha256));
    return object->dataset_sha256.data != NULL && object->pixel_sha256.data != NULL ? ERR_OK : ERR_LIMIT;
}

/* How to read: with digests or without, and what they leave out. */
struct reading {
    bool digests;
    const uint32_t *left_out;
    size_t left_out_count;
};

static enum err read_object(struct object *object, slice dataset, slice syntax, const struct reading *reading, char why[WHY_SIZE],
                            struct arena *arena)
{
    const bool digests = reading->digests;
    char dataset_sha256[65] = "", pixel_sha256[65] = "";
    struct gathering gathering;
    gathering_init(&gathering);
    const struct walk walk = {.put = digests ? gather_dataset : NULL,
                              .put_pixels = digests ? gather_pixels : NULL,
                              .element = gather_element,
                              .self = &gathering,
                              .left_out = reading->left_out,
                              .left_out_count = reading->left_out_count,
                              .stop_at_pixels = !digests};
    slice inflated = {NULL, 0};
    enum err err = digests ? digests_open(&gathering) : ERR_OK;
    if (err == ERR_OK) {
        err = walk_any(&walk, dataset, syntax, &inflated);
        if (err == ERR_BAD_MESSAGE) {
            unfit(why, "its data set cannot be read");
        }
    }
    digests_end(&gathering, dataset_sha256, pixel_sha256);
    if (err == ERR_OK) {
        err = check_identity(&gathering.object, why);
    }
    if (err == ERR_OK) {
        err = settle_object(object, &gathering, arena);
    }
    dcmtk_free(inflated);
    return err == ERR_OK ? settle_digests(object, dataset_sha256, pixel_sha256, arena) : err;
}

static enum err read_file(struct dicom_file *out, slice bytes, const char *path, const struct reading *reading, char why[WHY_SIZE],
                          struct arena *arena)
{
    slice rest = slice_after(bytes, PREAMBLE), syntax;
    if (!slice_starts(rest, SLICE("DICM"))) {
        return unfit(why, "it is no DICOM file (no DICM after the preamble)");
    }
    rest = slice_after(rest, 4);
    enum err err = read_meta(&rest, &syntax, why);
    if (err == ERR_OK) {
        err = read_object(&out->object, rest, syntax, reading, why, arena);
    }
    if (err != ERR_OK) {
        return err;
    }
    out->data_size = out->object.size = (int64_t)rest.size;
    out->data_offset = (int64_t)(bytes.size - rest.size);
    out->object.study = out->object.instance = -1;
    out->object.transfer_syntax = arena_copy(arena, syntax);
    out->object.file = arena_copy(arena, slice_from(path));
    return out->object.file.data != NULL && out->object.transfer_syntax.data != NULL ? ERR_OK : ERR_LIMIT;
}

static enum err open_and_read(struct dicom_file *out, const char *path, const struct reading *reading, char why[WHY_SIZE], struct arena *arena)
{
    memset(out, 0, sizeof *out);
    why[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us up */
    struct stat status;
    if (fd < 0) {
        snprintf(why, WHY_SIZE, "it cannot be opened: %s", strerror(errno));
        return ERR_NOT_FOUND;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= (off_t)PREAMBLE) {
        close(fd);
        return unfit(why, "it is no DICOM file (too short, or no regular file)");
    }
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED) {
        snprintf(why, WHY_SIZE, "it cannot be read: %s", strerror(errno));
        return ERR_NOT_FOUND;
    }
    enum err err = read_file(out, (slice){bytes, (size_t)status.st_size}, path, reading, why, arena);
    munmap(bytes, (size_t)status.st_size);
    return err;
}

enum err dcmtk_read_file(struct dicom_file *out, const char *path, bool digests, char why[WHY_SIZE], struct arena *arena)
{
    return open_and_read(out, path, &(struct reading){.digests = digests}, why, arena);
}

enum err dcmtk_read_file_without(struct dicom_file *out, const char *path, const uint32_t *left_out, size_t left_out_count, char why[WHY_SIZE],
                                 struct arena *arena)
{
    return open_and_read(out, path, &(struct reading){true, left_out, left_out_count}, why, arena);
}
