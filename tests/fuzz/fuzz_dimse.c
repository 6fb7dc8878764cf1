/* SPDX-License-Identifier: MIT
 *
 * Whatever bytes come as a command set: no crash; what is read and written reads as the same message. */
#include <assert.h>

#include "src/dicom/dimse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char memory[1 << 20] __attribute__((aligned(16)));
static char again[1 << 20] __attribute__((aligned(16)));
static char wire[1 << 18];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {.memory = memory, .size = sizeof memory}, more = {.memory = again, .size = sizeof again};
    struct buffer buffer = buffer_over(wire, sizeof wire);
    struct dimse message, back;
    struct dataset none = {0};
    bool has_data, back_data;
    if (size > 1 << 15) {
        return 0;
    }
    enum err err = dimse_parse_command(&message, (slice){(const char *)data, size}, &has_data, &arena);
    assert(err == ERR_OK || err == ERR_BAD_MESSAGE || err == ERR_LIMIT);
    if (err != ERR_OK) {
        return 0;
    }
    message.identifier = has_data ? &none : NULL;
    dimse_write_command(&message, &buffer);
    assert(!buffer.full);
    err = dimse_parse_command(&back, buffer_slice(&buffer), &back_data, &more);
    assert(err == ERR_OK && back.kind == message.kind && back.message_id == message.message_id && back.status == message.status);
    assert(slice_equal(back.sop_class_uid, message.sop_class_uid) && slice_equal(back.sop_instance_uid, message.sop_instance_uid));
    assert(back.completed == message.completed && back.type_id == message.type_id);
    return 0;
}
