/* SPDX-License-Identifier: MIT */
#include "src/dicom/dimse.h"

const struct context *contexts_find(const struct contexts *contexts, slice sop_class, slice transfer_syntax)
{
    const struct context *first = NULL;
    for (size_t i = 0; i < contexts->count; i++) {
        const struct context *context = &contexts->list[i];
        if (context->result != CONTEXT_ACCEPTED || !slice_equal(context->abstract_syntax, sop_class)) {
            continue;
        }
        if (transfer_syntax.size == 0 || slice_equal(context->accepted_syntax, transfer_syntax)) {
            return context;
        }
        first = first == NULL ? context : first;
    }
    return first;
}

const struct context *contexts_get(const struct contexts *contexts, uint8_t id)
{
    for (size_t i = 0; i < contexts->count; i++) {
        if (contexts->list[i].id == id) {
            return &contexts->list[i];
        }
    }
    return NULL;
}
