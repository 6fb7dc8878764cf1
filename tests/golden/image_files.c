/* SPDX-License-Identifier: MIT
 *
 * Writes made instances as DICOM files, one of each kind and view, for
 * tests/golden/images_dciodvfy.sh. image_files DIR tiny|full */
#include "sim/node/images.h"

#include "src/dicom/uid.h"

#include <stdio.h>
#include <stdlib.h>

static void put_element(struct buffer *buffer, uint16_t element, const char *vr, slice value)
{
    buffer_put_u16(buffer, 2);
    buffer_put_u16(buffer, element);
    buffer_put_text(buffer, vr);
    if (vr[0] == 'O') {
        buffer_put_u16(buffer, 0);
        buffer_put_u32(buffer, (uint32_t)value.size);
    } else {
        buffer_put_u16(buffer, (uint16_t)(value.size + value.size % 2));
    }
    buffer_put(buffer, value);
    if (value.size % 2 == 1) {
        buffer_put_byte(buffer, 0);
    }
}

static void put_meta(struct buffer *buffer, slice sop_class, slice sop_uid)
{
    char memory[1024];
    struct buffer meta = buffer_over(memory, sizeof memory);
    put_element(&meta, 0x0001, "OB", SLICE("\0\1"));
    put_element(&meta, 0x0002, "UI", sop_class);
    put_element(&meta, 0x0003, "UI", sop_uid);
    put_element(&meta, 0x0010, "UI", UID_EXPLICIT_LITTLE);
    put_element(&meta, 0x0012, "UI", SLICE("2.25.4711"));
    for (int i = 0; i < 128; i++) {
        buffer_put_byte(buffer, 0);
    }
    buffer_put_text(buffer, "DICM");
    char length[4];
    struct buffer bytes = buffer_over(length, 4);
    buffer_put_u32(&bytes, (uint32_t)meta.size);
    put_element(buffer, 0x0000, "UL", buffer_slice(&bytes));
    buffer_put(buffer, buffer_slice(&meta));
}

static int write_one(const char *folder, const struct image_key *key, struct arena *arena)
{
    char path[512], uid[UID_SIZE_MAX + 1];
    struct buffer buffer =
        buffer_make(arena, (size_t)image_bytes(key, SYNTAX_EXPLICIT_LITTLE) + 2048);
    put_meta(&buffer, image_sop_class(key->study, key->instance),
             image_sop_uid(key->seed, key->study, key->instance, uid));
    size_t before = buffer.size;
    if (image_write(key, SYNTAX_EXPLICIT_LITTLE, &buffer) != ERR_OK || buffer.full ||
        (int64_t)(buffer.size - before) != image_bytes(key, SYNTAX_EXPLICIT_LITTLE)) {
        fprintf(stderr, "image_write: wrong size\n");
        return 1;
    }
    snprintf(path, sizeof path, "%s/%.*s-%u.dcm", folder, SLICE_ARGS(key->study->modality),
             key->instance);
    FILE *file = fopen(path, "wb");
    int bad = file == NULL || fwrite(buffer.data, 1, buffer.size, file) != buffer.size;
    return (file != NULL && fclose(file) != 0) || bad;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *modality, *body_part;
        uint32_t images;
    } kinds[] = {{"CT", "CHEST", 2},     {"MR", "BREAST", 2},  {"CR", "CHEST", 1},
                 {"DX", "CHEST", 1},     {"US", "ABDOMEN", 5}, {"MG", "BREAST", 4},
                 {"NM", "WHOLEBODY", 1}, {"RF", "CHEST", 1}};
    struct arena arena;
    if (argc != 3 || arena_make(&arena, 256u << 20) != ERR_OK) {
        return 2;
    }
    int bad = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct node_study study = {.number = (int64_t)i,
                                         .patient_id = SLICE("C624723"),
                                         .issuer = SLICE("CAV"),
                                         .name = SLICE("Price^Siân"),
                                         .birth_date = SLICE("19580411"),
                                         .sex = SLICE("F"),
                                         .accession = SLICE("CAV0012345"),
                                         .date = SLICE("20091207"),
                                         .time = SLICE("101500"),
                                         .description = SLICE("Phantom"),
                                         .modality = slice_from(kinds[i].modality),
                                         .body_part = slice_from(kinds[i].body_part),
                                         .series_count = 1,
                                         .image_count = kinds[i].images};
        for (uint32_t n = 0; n < kinds[i].images; n++) {
            const struct image_key key = {.seed = 2009,
                                          .study = &study,
                                          .instance = n,
                                          .full = argv[2][0] == 'f',
                                          .charset = SLICE("ISO_IR 192")};
            bad |= write_one(argv[1], &key, &arena);
            arena_reset(&arena);
        }
    }
    arena_drop(&arena);
    return bad;
}
