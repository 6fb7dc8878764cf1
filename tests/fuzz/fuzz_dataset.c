/* SPDX-License-Identifier: MIT
 *
 * Whatever bytes come: no crash; what is read and written is read again as an equal data set, in the same syntax.
 * The first byte chooses the syntax. */
#include <assert.h>

#include "src/dicom/dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char memory[1 << 22] __attribute__((aligned(16)));
static char again[1 << 23] __attribute__((aligned(16)));
static char wire[1 << 20];

/* An odd length is padded, an unknown VR kept: only what survives one writing must survive another. */
static void write_and_read(const struct dataset *dataset, enum syntax syntax, struct dataset *back, struct arena *arena, struct buffer *buffer)
{
    dataset_write(dataset, syntax, buffer);
    assert(!buffer->full);
    enum err err = dataset_parse(back, buffer_slice(buffer), syntax, arena);
    assert(err == ERR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {.memory = memory, .size = sizeof memory}, more = {.memory = again, .size = sizeof again};
    struct dataset dataset, once, twice;
    if (size == 0 || size > 1 << 16) {
        return 0;
    }
    enum syntax syntax = (enum syntax)(data[0] % 3);
    enum err err = dataset_parse(&dataset, (slice){(const char *)data + 1, size - 1}, syntax, &arena);
    assert(err == ERR_OK || err == ERR_BAD_MESSAGE || err == ERR_LIMIT);
    if (err != ERR_OK) {
        return 0;
    }
    struct buffer buffer = buffer_over(wire, sizeof wire / 2), second = buffer_over(wire + sizeof wire / 2, sizeof wire / 2);
    write_and_read(&dataset, syntax, &once, &more, &buffer);
    write_and_read(&once, syntax, &twice, &more, &second);
    assert(slice_equal(buffer_slice(&buffer), buffer_slice(&second)) && dataset_equal(&once, &twice));
    buffer = buffer_over(wire, sizeof wire);
    dataset_put_text(&dataset, &buffer);
    return 0;
}
