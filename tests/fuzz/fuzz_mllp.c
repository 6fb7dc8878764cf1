/* SPDX-License-Identifier: MIT
 *
 * The same stream, taken whole and taken in pieces of a size that its first byte gives, holds the
 * same messages. */
#include <assert.h>

#include "src/base/hash.h"
#include "src/hl7/hl7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT 4096

static uint64_t take_all(slice bytes, size_t piece_max)
{
    static char memory[LIMIT];
    struct mllp mllp = {.message = buffer_over(memory, sizeof memory)};
    uint64_t digest = 0;
    while (bytes.size > 0) {
        slice piece = slice_before(bytes, piece_max);
        size_t used = 0;
        bool complete = false;
        if (mllp_take(&mllp, piece, &used, &complete) != ERR_OK) {
            return digest + 1;
        }
        assert(used <= piece.size && (complete || used == piece.size));
        digest = complete ? hash64(digest, mllp_message(&mllp)) : digest;
        bytes = slice_after(bytes, used);
    }
    return digest + mllp.garbage;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    slice stream = {(const char *)data + 1, size - 1};
    uint64_t whole = take_all(stream, SIZE_MAX), pieces = take_all(stream, (size_t)data[0] + 1);
    assert(whole == pieces);
    return 0;
}
