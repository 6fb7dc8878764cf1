/* SPDX-License-Identifier: MIT
 *
 * The row as the client gets it: every key she asked for, her namespace's numbers, and where the images are. */
#include "src/engine/query_private.h"

static void answer_put(struct out *out, struct dataset *to, uint32_t tag, uint16_t vr, slice value)
{
    if (dataset_put_vr(to, tag, vr, value) != ERR_OK) {
        out->full = true;
    }
}

static void answer_items(struct out *out, struct dataset *to, uint32_t tag, struct dataset *items, uint32_t count)
{
    if (dataset_put_items(to, tag, items, count) != ERR_OK) {
        out->full = true;
    }
}

static void answer_patient(const struct engine *engine, struct out *out, const struct query_row *row, struct dataset *to)
{
    struct row_person person;
    struct number number = row->number;
    if (identity_row(engine, row->person, &person)) {
        number = (struct number){person.patient_id, person.issuer};
    }
    if (number.value.size > 0) {
        answer_put(out, to, TAG_PatientID, VR('L', 'O'), number.value);
        answer_put(out, to, TAG_IssuerOfPatientID, VR('L', 'O'), number.issuer);
    }
    bool other = row->number.value.size > 0 && !slice_equal(row->number.value, number.value);
    if (other && dataset_has(to, TAG_OtherPatientIDsSequence)) {
        struct dataset *item = arena_alloc(out->arena, sizeof *item);
        if (item == NULL || dataset_init(item, out->arena, 2) != ERR_OK) {
            out->full = true;
            return;
        }
        answer_put(out, item, TAG_PatientID, VR('L', 'O'), row->number.value);
        answer_put(out, item, TAG_IssuerOfPatientID, VR('L', 'O'), row->number.issuer);
        answer_items(out, to, TAG_OtherPatientIDsSequence, item, 1);
    }
}

static void answer_accession(struct out *out, const struct query_row *row, struct dataset *to)
{
    if (row->accession.value.size == 0 || row->accession.issuer.size == 0 || !dataset_has(to, TAG_AccessionNumber)) {
        return;
    }
    struct dataset *item = arena_alloc(out->arena, sizeof *item);
    if (item == NULL || dataset_init(item, out->arena, 1) != ERR_OK) {
        out->full = true;
        return;
    }
    answer_put(out, item, TAG_LocalNamespaceEntityID, VR('U', 'T'), row->accession.issuer);
    answer_items(out, to, TAG_IssuerOfAccessionNumberSequence, item, 1);
}

static void answer_holders(const struct engine *engine, struct out *out, const struct query_row *row, struct dataset *to)
{
    slice names = SLICE_EMPTY;
    for (uint32_t node = 0; node < engine->config->node_count; node++) {
        if (set_has(&row->holders, node)) {
            names = names.size == 0 ? node_at(engine, node)->name : TEXT(out, names, SLICE("\\"), node_at(engine, node)->name);
        }
    }
    answer_put(out, to, TAG_PONT_CREATOR, VR('L', 'O'), SLICE("PONT"));
    answer_put(out, to, TAG_PONT_HOLDERS, VR('L', 'O'), names);
}

struct dataset *row_answer(const struct engine *engine, struct out *out, const struct query *query, const struct query_row *row)
{
    const struct dataset *keys = &query->question.keys;
    struct dataset *to = arena_alloc(out->arena, sizeof *to);
    if (to == NULL || dataset_init(to, out->arena, keys->count + 12) != ERR_OK) {
        out->full = true;
        return NULL;
    }
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct element *key = &keys->elements[i];
        if (element_is_key(key) && key->vr == VR('S', 'Q')) {
            answer_items(out, to, key->tag, NULL, 0);
        } else if (element_is_key(key)) {
            answer_put(out, to, key->tag, key->vr, dataset_get(&row->attributes, key->tag));
        }
    }
    answer_put(out, to, TAG_SpecificCharacterSet, VR('C', 'S'), SLICE("ISO_IR 192"));
    answer_put(out, to, TAG_QueryRetrieveLevel, VR('C', 'S'), dataset_get(keys, TAG_QueryRetrieveLevel));
    answer_put(out, to, TAG_RetrieveAETitle, VR('A', 'E'), engine->config->aet);
    if (query->question.level <= FIND_STUDY) {
        answer_patient(engine, out, row, to);
        answer_accession(out, row, to);
    } else if (dataset_has(keys, TAG_PatientID)) {
        answer_put(out, to, TAG_PatientID, VR('L', 'O'), dataset_get(keys, TAG_PatientID));
    }
    if (dataset_has(keys, TAG_InstanceAvailability)) {
        answer_put(out, to, TAG_InstanceAvailability, VR('C', 'S'), SLICE("ONLINE"));
    }
    if (dataset_has(keys, TAG_NumberOfPatientRelatedStudies) && query->question.level == FIND_PATIENT) {
        answer_put(out, to, TAG_NumberOfPatientRelatedStudies, VR('I', 'S'), text_int(out, row->studies + 1));
    }
    answer_holders(engine, out, row, to);
    /* The row's values stand in the query's chain, which the final answer gives back in this very step. */
    struct dataset *copy = arena_alloc(out->arena, sizeof *copy);
    if (copy == NULL || dataset_copy(copy, to, out->arena, 0) != ERR_OK) {
        out->full = true;
        return NULL;
    }
    return copy;
}
