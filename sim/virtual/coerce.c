/* SPDX-License-Identifier: MIT
 *
 * What the splice of a relay would have done to a data set. */
#include "sim/virtual/virtual_private.h"

#include "src/engine/coercion.h"

void job_coerces(struct virtual *virtual, struct object *object, const struct dataset *coercion)
{
    static const struct dataset nothing = {.count = 0};
    const struct dataset *before = object->changed == NULL ? &nothing : object->changed;
    struct dataset *after = arena_alloc(&virtual->header, sizeof *after);
    const struct {
        uint32_t tag;
        slice *field;
    } fields[] = {{TAG_PatientID, &object->patient_id}, {TAG_IssuerOfPatientID, &object->patient_issuer}, {TAG_AccessionNumber, &object->accession}};
    if (coercion == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        *fields[i].field = dataset_has(coercion, fields[i].tag) ? dataset_get(coercion, fields[i].tag) : *fields[i].field;
    }
    bool full = after == NULL || dataset_copy(after, before, &virtual->header, coercion->count) != ERR_OK;
    for (uint32_t i = 0; !full && i < coercion->count; i++) {
        const struct element *element = &coercion->elements[i];
        full = (element->item_count > 0 ? dataset_put_items(after, element->tag, element->items, element->item_count)
                                        : dataset_put_vr(after, element->tag, element->vr, element->value)) != ERR_OK;
    }
    for (size_t i = 0; !full && i < coercion_removed_count; i++) {
        dataset_remove(after, coercion_removed[i]);
    }
    if (full) {
        virtual_fail(virtual, ERR_LIMIT, "a coerced header does not fit");
    } else {
        object->changed = after;
    }
}
