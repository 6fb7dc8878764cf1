/* SPDX-License-Identifier: MIT
 *
 * Whatever bytes come: no crash; what is read and written again reads as an equal row; what is
 * refused can be answered, and the answer can be read. */
#include <assert.h>

#include "src/hl7/hl7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char memory[HL7_READ_ARENA] __attribute__((aligned(16)));
static char again[HL7_READ_ARENA] __attribute__((aligned(16)));
static char wire[8 * HL7_MESSAGE_MAX];

static void write_and_read_again(const struct hl7_value *value)
{
    struct buffer buffer = buffer_over(wire, sizeof wire);
    struct arena arena = {.memory = again, .size = sizeof again};
    struct hl7_message message;
    struct hl7_value back;
    hl7_write(value, &buffer);
    assert(!buffer.full);
    enum err err = hl7_parse(&message, buffer_slice(&buffer), &arena);
    assert(err == ERR_OK || buffer.size > HL7_MESSAGE_MAX);
    if (err == ERR_OK) {
        err = hl7_read(&back, &message, &arena);
        assert(err == ERR_OK && hl7_value_equal(value, &back));
    }
}

static void reject(slice bytes)
{
    struct buffer buffer = buffer_over(wire, sizeof wire);
    struct arena arena = {.memory = again, .size = sizeof again};
    struct hl7_message message;
    struct hl7_value ack;
    hl7_write_reject(bytes, SLICE("unreadable"), &buffer);
    assert(!buffer.full);
    enum err err = hl7_parse(&message, buffer_slice(&buffer), &arena);
    assert(err == ERR_OK);
    err = hl7_read(&ack, &message, &arena);
    assert(err == ERR_OK && ack.type == HL7_ACK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice bytes = {(const char *)data, size};
    struct arena arena = {.memory = memory, .size = sizeof memory};
    struct hl7_message message;
    struct hl7_value value;
    enum err err = hl7_parse(&message, bytes, &arena);
    if (err == ERR_OK) {
        err = hl7_read(&value, &message, &arena);
    }
    if (err == ERR_OK) {
        write_and_read_again(&value);
    } else {
        reject(bytes);
    }
    return 0;
}
