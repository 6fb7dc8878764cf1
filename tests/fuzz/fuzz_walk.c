/* SPDX-License-Identifier: MIT
 *
 * Whatever data set comes: no crash, no byte read that is not there; and what is said in canonical form is already in
 * canonical form, so that saying it again changes nothing. The first byte chooses the transfer syntax. */
#include <assert.h>
#include <stdlib.h>

#include "src/dcmtk/walk.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char first[1 << 22], second[1 << 22];

/* The product asks DCMTK's dictionary; any function of the tag will do here. */
uint16_t dictionary_vr(uint32_t tag, bool is_signed)
{
    return tag == 0x00280106 && is_signed ? VR('S', 'S') : tag_vr(tag);
}

static void put(void *self, slice bytes)
{
    buffer_put(self, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const slice syntaxes[] = {UID_IMPLICIT_LITTLE, UID_EXPLICIT_LITTLE, UID_EXPLICIT_BIG};
    struct buffer once = buffer_over(first, sizeof first), twice = buffer_over(second, sizeof second);
    struct walk walk = {.put = put, .self = &once};
    char *copy = malloc(size);
    memcpy(copy, data, size);
    enum err err = walk_dataset(&walk, (slice){copy + 1, size - 1}, syntaxes[data[0] % 3]);
    if (err == ERR_OK && !once.full) {
        walk.self = &twice;
        err = walk_dataset(&walk, buffer_slice(&once), UID_EXPLICIT_LITTLE);
        assert(err == ERR_OK && slice_equal(buffer_slice(&once), buffer_slice(&twice)));
    }
    free(copy);
    return 0;
}
