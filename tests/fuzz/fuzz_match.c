/* SPDX-License-Identifier: MIT
 *
 * Whatever key and value come: no crash and no hang; universal keys match, and a key without wildcards that matches
 * text byte by byte is found. The first byte chooses the VR; a NUL separates key and value. */
#include <assert.h>

#include "src/dicom/match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char memory[1 << 20] __attribute__((aligned(16)));

static const uint16_t vrs[] = {VR_PN, VR_LO, VR_UI, VR_DA, VR_TM, VR_DT, VR_IS, VR_DS, VR_LT, VR_US, VR_CS, VR_SQ, VR_UN};

static void match_as_data_sets(slice bytes)
{
    struct arena arena = {.memory = memory, .size = sizeof memory};
    struct dataset query, row;
    unsigned unknown;
    slice half = slice_before(bytes, bytes.size / 2);
    if (dataset_parse(&query, half, SYNTAX_IMPLICIT_LITTLE, &arena) == ERR_OK &&
        dataset_parse(&row, slice_after(bytes, bytes.size / 2), SYNTAX_IMPLICIT_LITTLE, &arena) == ERR_OK) {
        bool strict = match_dataset(&query, &row, false, &unknown);
        assert(!strict || match_dataset(&query, &row, true, &unknown));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 1 << 16) {
        return 0;
    }
    struct arena arena = {.memory = memory, .size = sizeof memory};
    slice value = {(const char *)data + 1, size - 1};
    match_as_data_sets(value);
    slice key = slice_cut(&value, '\0');
    uint16_t vr = vrs[data[0] % (sizeof vrs / sizeof vrs[0])];
    value = value.data == NULL ? SLICE_EMPTY : value;
    (void)match_value(vr, key, value);
    (void)match_range(key, value);
    assert(match_value(vr, SLICE_EMPTY, value));
    assert(match_value(VR_LO, SLICE("*"), value));
    assert(match_wildcard(SLICE("*"), value));
    if (slice_index(value, '*') == value.size) {
        assert(match_wildcard(value, value));
    }
    (void)name_equal_folded(key, value, &arena);
    return 0;
}
