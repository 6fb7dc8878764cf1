/* SPDX-License-Identifier: MIT
 *
 * What the tests of src/hl7 share: an arena, and reading in one call. */
#ifndef PONT_TESTS_HL7_TEST_H
#define PONT_TESTS_HL7_TEST_H

#include "src/hl7/hl7.h"
#include "tests/unit/unit.h"

static char test_memory[HL7_READ_ARENA] __attribute__((aligned(16), unused));

static inline struct arena test_arena(void)
{
    return (struct arena){.memory = test_memory, .size = sizeof test_memory};
}

static inline enum err read_bytes(struct hl7_value *value, slice bytes, struct arena *arena)
{
    struct hl7_message message;
    enum err err = hl7_parse(&message, bytes, arena);
    return err == ERR_OK ? hl7_read(value, &message, arena) : err;
}

#define ck_assert_slice_eq(a, text)                                                                \
    do {                                                                                           \
        slice found = (a), wanted = slice_from(text);                                              \
        ck_assert_msg(slice_equal(found, wanted), "'%.*s' is not '%.*s'", SLICE_ARGS(found),       \
                      SLICE_ARGS(wanted));                                                         \
    } while (0)

#endif
