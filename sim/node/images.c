/* SPDX-License-Identifier: MIT */
#include "sim/node/images_private.h"

/* ---- UIDs. */
static slice uid_make(uint64_t seed, uint32_t purpose, const struct node_study *study,
                      uint64_t index, char *text)
{
    struct buffer buffer = buffer_over(text, UID_SIZE_MAX + 1);
    uint64_t number = (uint64_t)study->number;
    uid_put(&buffer, random_draw(seed, purpose, number, 2 * index),
            random_draw(seed, purpose, number, 2 * index + 1));
    return buffer_slice(&buffer);
}

slice image_study_uid(uint64_t seed, const struct node_study *study, char *text)
{
    return study->study_uid.size > 0 ? study->study_uid
                                     : uid_make(seed, PURPOSE('s', 't', 'd', 'y'), study, 0, text);
}

slice image_series_uid(uint64_t seed, const struct node_study *study, uint32_t series, char *text)
{
    return uid_make(seed, PURPOSE('s', 'e', 'r', 'i'), study, series, text);
}

slice image_sop_stem(uint64_t seed, const struct node_study *study, char *text)
{
    struct buffer buffer = buffer_over(text, UID_SIZE_MAX + 1);
    buffer.size = uid_make(seed, PURPOSE('s', 'o', 'p', 'i'), study, 0, text).size;
    buffer_put_byte(&buffer, '.');
    return buffer_slice(&buffer);
}

slice image_sop_uid(uint64_t seed, const struct node_study *study, uint32_t instance, char *text)
{
    struct buffer buffer = buffer_over(text, UID_SIZE_MAX + 1);
    buffer.size = image_sop_stem(seed, study, text).size;
    buffer_put_int(&buffer, (int64_t)instance + 1);
    return buffer_slice(&buffer);
}

bool image_of_uid(uint64_t seed, const struct node_study *study, slice sop_uid, uint32_t *instance)
{
    char text[UID_SIZE_MAX + 1];
    slice stem = SLICE_EMPTY;
    uint64_t last = 0;
    if (!uid_split(sop_uid, &stem, &last) || last < 1 || last > study->image_count ||
        !slice_equal(stem, image_sop_stem(seed, study, text))) {
        return false;
    }
    *instance = (uint32_t)last - 1;
    return true;
}

/* ---- Series: the images spread evenly, the first ones get what is left over. */
uint32_t image_series_size(const struct node_study *study, uint32_t series)
{
    assert(series < study->series_count);
    return study->image_count / study->series_count +
           (series < study->image_count % study->series_count);
}

uint32_t image_series_first(const struct node_study *study, uint32_t series)
{
    uint32_t more = study->image_count % study->series_count;
    return series * (study->image_count / study->series_count) + (series < more ? series : more);
}

uint32_t image_series_of(const struct node_study *study, uint32_t instance)
{
    uint32_t even = study->image_count / study->series_count,
             more = study->image_count % study->series_count;
    uint32_t first = more * (even + 1);
    assert(instance < study->image_count);
    return instance < first ? instance / (even + 1) : more + (instance - first) / even;
}

/* ---- Kinds and sizes. */
enum image_kind image_kind(const struct node_study *study)
{
    static const struct {
        const char *modality;
        enum image_kind kind;
    } kinds[] = {{"CT", IMAGE_CT}, {"MR", IMAGE_MR}, {"CR", IMAGE_CR}, {"DX", IMAGE_DX},
                 {"XR", IMAGE_CR}, {"US", IMAGE_US}, {"MG", IMAGE_MG}, {"NM", IMAGE_NM}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (slice_equal(study->modality, slice_from(kinds[i].modality))) {
            return kinds[i].kind;
        }
    }
    return IMAGE_SC;
}

/* 8 in 100 ultrasound images are clips. Without the seed: the SOP class must not depend on who
 * asks. */
static bool is_clip(const struct node_study *study, uint32_t instance)
{
    uint64_t draw = random_draw(0, PURPOSE('c', 'l', 'i', 'p'), (uint64_t)study->number, instance);
    enum image_kind kind = image_kind(study);
    return kind == IMAGE_NM || (kind == IMAGE_US && (instance == 0 ? study->image_count > 3
                                                                   : random_below(draw, 100) < 8));
}

bool image_is_clip(const struct image_key *key)
{
    return is_clip(key->study, key->instance);
}

slice image_sop_class(const struct node_study *study, uint32_t instance)
{
    switch (image_kind(study)) {
    case IMAGE_CT:
        return UID_CT_IMAGE;
    case IMAGE_MR:
        return UID_MR_IMAGE;
    case IMAGE_CR:
        return UID_CR_IMAGE;
    case IMAGE_DX:
        return UID_DX_IMAGE;
    case IMAGE_MG:
        return UID_MG_IMAGE;
    case IMAGE_NM:
        return UID_NM_IMAGE;
    case IMAGE_US:
        return is_clip(study, instance) ? UID_US_MULTIFRAME_IMAGE : UID_US_IMAGE;
    default:
        return UID_SC_IMAGE;
    }
}

uint32_t image_span(const struct node_study *study, uint32_t instance)
{
    uint32_t series = image_series_of(study, instance);
    uint32_t end = image_series_first(study, series) + image_series_size(study, series);
    if (image_kind(study) != IMAGE_US) {
        return end - instance;
    }
    uint32_t next = instance + 1;
    while (next < end && is_clip(study, next) == is_clip(study, instance)) {
        next++;
    }
    return next - instance;
}

bool image_is_left(const struct image_key *key)
{
    slice side = key->study->laterality;
    return side.size > 0 && side.data[0] != 'B' ? side.data[0] == 'L' : key->instance % 2 == 1;
}

bool image_is_oblique(const struct image_key *key)
{
    return key->instance % 4 >= 2;
}

struct image_size image_dimensions(const struct image_key *key)
{
    static const struct {
        uint32_t rows, columns, frames, bits;
    } full[IMAGE_KIND_COUNT] = {
        [IMAGE_CT] = {512, 512, 1, 16},   [IMAGE_MR] = {320, 300, 1, 16},
        [IMAGE_CR] = {2000, 2000, 1, 16}, [IMAGE_DX] = {2000, 2000, 1, 16},
        [IMAGE_US] = {704, 1024, 1, 8},   [IMAGE_MG] = {4000, 3000, 1, 16},
        [IMAGE_NM] = {128, 128, 18, 16},  [IMAGE_SC] = {1024, 1024, 1, 16},
    };
    enum image_kind kind = image_kind(key->study);
    struct image_size size = {full[kind].rows, full[kind].columns, full[kind].frames, 1,
                              full[kind].bits};
    if (!key->full) {
        size.rows = size.columns = 64;
    } else if (key->study->image_bytes > 0) { /* rows make up for what is asked */
        uint32_t row = size.columns * size.frames * size.bits / 8, rows = key->study->image_bytes / row;
        size.rows = rows < 1 ? 1 : rows > UINT16_MAX ? UINT16_MAX : rows;
    }
    if (image_is_clip(key)) {
        size.frames = key->full ? (kind == IMAGE_US ? 30 : size.frames) : 4;
        size.rows = key->full && kind == IMAGE_US ? 480 : size.rows;
        size.columns = key->full && kind == IMAGE_US ? 640 : size.columns;
    }
    return size;
}

static int64_t pixel_bytes(const struct image_size *size)
{
    return (int64_t)size->rows * size->columns * size->frames * size->samples * size->bits / 8;
}

/* Tag, VR and length of PixelData as PS3.5 7.1 writes them. */
static void put_pixel_header(const struct image_size *size, enum syntax syntax,
                             struct buffer *buffer)
{
    int64_t bytes = pixel_bytes(size);
    bool big = syntax == SYNTAX_EXPLICIT_BIG;
    buffer_put(buffer, big ? SLICE("\x7F\xE0\x00\x10") : SLICE("\xE0\x7F\x10\x00"));
    if (syntax != SYNTAX_IMPLICIT_LITTLE) {
        buffer_put(buffer, size->bits == 8 ? SLICE("OB\0\0") : SLICE("OW\0\0"));
    }
    for (int i = 0; i < 4; i++) {
        buffer_put_byte(buffer, (uint8_t)(bytes >> 8 * (big ? 3 - i : i)));
    }
}

int64_t image_bytes_about(const struct image_key *key)
{
    struct image_size size = image_dimensions(key);
    return HEADER_BYTES_ABOUT + pixel_bytes(&size);
}

void image_digest_virtual(uint64_t seed, int64_t number, char dataset_sha256[SHA256_TEXT_SIZE + 1],
                          char pixel_sha256[SHA256_TEXT_SIZE + 1])
{
    static const char digits[] = "0123456789abcdef";
    char *const texts[] = {dataset_sha256, pixel_sha256};
    for (uint64_t t = 0; t < 2; t++) {
        for (uint64_t part = 0; part < 4; part++) {
            uint64_t draw =
                random_draw(seed, PURPOSE('d', 'g', 's', 't'), (uint64_t)number, 4 * t + part);
            for (size_t i = 0; i < 16; i++) {
                texts[t][16 * part + i] = digits[draw >> 4 * i & 15];
            }
        }
        texts[t][SHA256_TEXT_SIZE] = '\0';
    }
}

int64_t image_bytes(const struct image_key *key, enum syntax syntax)
{
    char memory[HEADER_BYTES], text[HEADER_BYTES];
    struct arena arena = {.memory = memory, .size = sizeof memory};
    struct buffer bytes = buffer_over(text, sizeof text);
    struct image_size size = image_dimensions(key);
    struct dataset header;
    if (image_header(key, &header, &arena) != ERR_OK) {
        return 0;
    }
    dataset_write(&header, syntax, &bytes);
    put_pixel_header(&size, syntax, &bytes);
    return bytes.full ? 0 : (int64_t)bytes.size + pixel_bytes(&size);
}

enum err image_write(const struct image_key *key, enum syntax syntax, struct buffer *buffer)
{
    char memory[HEADER_BYTES];
    uint8_t row[ROW_BYTES_MAX];
    struct arena arena = {.memory = memory, .size = sizeof memory};
    struct image_size size = image_dimensions(key);
    struct dataset header;
    size_t row_size = (size_t)size.columns * size.bits / 8;
    enum err err = image_header(key, &header, &arena);
    if (err != ERR_OK) {
        return err;
    }
    dataset_write(&header, syntax, buffer);
    put_pixel_header(&size, syntax, buffer);
    for (uint32_t frame = 0; frame < size.frames; frame++) {
        for (uint32_t y = 0; y < size.rows && !buffer->full; y++) {
            image_row(key, &size, frame, y, row);
            for (size_t i = 0; syntax == SYNTAX_EXPLICIT_BIG && size.bits == 16 && i < row_size;
                 i += 2) {
                uint8_t low = row[i];
                row[i] = row[i + 1];
                row[i + 1] = low;
            }
            buffer_put(buffer, (slice){(const char *)row, row_size});
        }
    }
    return ERR_OK;
}

static void digest_text(struct sha256 *sha, char text[SHA256_TEXT_SIZE + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[SHA256_SIZE];
    sha256_end(sha, digest);
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    text[SHA256_TEXT_SIZE] = '\0';
}

enum err image_digest(const struct image_key *key, const uint32_t *left_out, size_t left_out_count,
                      char dataset_sha256[SHA256_TEXT_SIZE + 1],
                      char pixel_sha256[SHA256_TEXT_SIZE + 1])
{
    char memory[HEADER_BYTES], text[HEADER_BYTES];
    uint8_t row[ROW_BYTES_MAX];
    struct arena arena = {.memory = memory, .size = sizeof memory};
    struct buffer bytes = buffer_over(text, sizeof text);
    struct image_size size = image_dimensions(key);
    struct dataset header;
    struct sha256 sha;
    enum err err = image_header(key, &header, &arena);
    if (err != ERR_OK) {
        return err;
    }
    for (size_t i = 0; i < left_out_count; i++) {
        dataset_remove(&header, left_out[i]);
    }
    dataset_write(&header, SYNTAX_EXPLICIT_LITTLE, &bytes);
    if (bytes.full) {
        return ERR_LIMIT;
    }
    sha256_text(buffer_slice(&bytes), dataset_sha256);
    sha256_init(&sha);
    for (uint32_t frame = 0; frame < size.frames; frame++) {
        for (uint32_t y = 0; y < size.rows; y++) {
            image_row(key, &size, frame, y, row);
            sha256_put(&sha, (slice){(const char *)row, (size_t)size.columns * size.bits / 8});
        }
    }
    digest_text(&sha, pixel_sha256);
    return ERR_OK;
}
