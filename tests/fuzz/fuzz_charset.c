/* SPDX-License-Identifier: MIT
 *
 * Whatever term and text come: no crash; what is decoded is UTF-8, encodes to something that decodes to the same,
 * and folding twice is folding once. A NUL separates term and text. */
#include <assert.h>

#include "src/dicom/charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char memory[1 << 22] __attribute__((aligned(16)));

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {.memory = memory, .size = sizeof memory};
    slice raw = {(const char *)data, size}, utf8, encoded, back;
    slice term = slice_cut(&raw, '\0');
    if (size > 1 << 16 || raw.data == NULL) {
        return 0;
    }
    slice folded = charset_fold(raw, &arena);
    slice twice = charset_fold(folded, &arena);
    assert(folded.data != NULL && (!charset_is_utf8(raw) || slice_equal(folded, twice)));
    enum err err = charset_decode(&utf8, raw, term, &arena);
    assert(err == ERR_OK || err == ERR_BAD_MESSAGE);
    if (err != ERR_OK) {
        return 0;
    }
    assert(charset_is_utf8(utf8));
    err = charset_encode(&encoded, utf8, term, &arena);
    if (err == ERR_OK) {
        err = charset_decode(&back, encoded, term, &arena);
        assert(err == ERR_OK && slice_equal(back, utf8));
    }
    return 0;
}
