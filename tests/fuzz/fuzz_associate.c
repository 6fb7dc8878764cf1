/* SPDX-License-Identifier: MIT
 *
 * Whatever request comes: no crash; what is found good holds to the limits that DCMTK relies on, and everything told of
 * it lies within the bytes that came; what is not good has an answer or is closed. */
#include <assert.h>
#include <stdlib.h>

#include "src/dcmtk/associate.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char memory[65536] __attribute__((aligned(16)));

static void assert_within(slice part, slice whole)
{
    assert(part.size == 0 || (part.data >= whole.data && part.data + part.size <= whole.data + whole.size));
}

static void assert_good(const struct asked *asked, slice pdu)
{
    bool used[256] = {false};
    assert_within(asked->calling, pdu);
    assert_within(asked->called, pdu);
    assert_within(asked->implementation_uid, pdu);
    assert_within(asked->implementation_name, pdu);
    assert(asked->calling.size >= 1 && asked->calling.size <= 16 && asked->called.size >= 1 && asked->called.size <= 16);
    assert(asked->contexts.count >= 1 && asked->contexts.count <= CONTEXTS_MAX);
    for (size_t i = 0; i < asked->contexts.count; i++) {
        const struct context *context = &asked->contexts.list[i];
        assert(context->id % 2 == 1 && !used[context->id]);
        used[context->id] = true;
        assert(uid_is_valid(context->abstract_syntax) && context->syntax_count >= 1);
        assert_within(context->abstract_syntax, pdu);
        for (unsigned s = 0; s < context->syntax_count; s++) {
            assert(uid_is_valid(context->transfer_syntaxes[s]));
            assert_within(context->transfer_syntaxes[s], pdu);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t wanted;
    struct asked asked;
    uint8_t answer[PDU_ANSWER_SIZE];
    struct arena arena = {.memory = memory, .size = sizeof memory};
    if (size < PDU_HEAD_SIZE) {
        return 0;
    }
    struct verdict verdict = associate_check_head(data, 65536, &wanted);
    assert(verdict.kind != VERDICT_GOOD || (wanted >= HEAD_FIXED && wanted <= 65536 + PDU_HEAD_SIZE));
    char *copy = malloc(size); /* of its own, so that a sanitizer sees a step over its end */
    memcpy(copy, data, size);
    verdict = associate_check((slice){copy, size}, &asked, &arena);
    if (verdict.kind == VERDICT_GOOD) {
        assert_good(&asked, (slice){copy, size});
    } else {
        assert(associate_answer(&verdict, answer) && (answer[0] == 3 || answer[0] == PDU_ABORT));
    }
    free(copy);
    return 0;
}
