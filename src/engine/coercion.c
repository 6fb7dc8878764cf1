/* SPDX-License-Identifier: MIT */
#include "src/engine/coercion.h"

#include "src/engine/engine_private.h"

/* Rows of coercion.def whose receiver gets nothing. */
const uint32_t coercion_removed[] = {
    TAG_IssuerOfPatientIDQualifiersSequence,
    TAG_OtherPatientIDs,
};
const size_t coercion_removed_count = sizeof coercion_removed / sizeof coercion_removed[0];

slice coercion_accession(struct number accession, int64_t study, struct arena *arena)
{
    if (accession.value.size == 0) {
        return SLICE_EMPTY;
    }
    struct buffer text = buffer_make(arena, ACCESSION_SIZE_MAX);
    if (text.capacity == 0) {
        return (slice){NULL, 0};
    }
    bool has_letters = slice_starts(accession.value, accession.issuer); /* as some trusts print them */
    size_t letters = has_letters ? 0 : accession.issuer.size;
    if (letters + accession.value.size <= ACCESSION_SIZE_MAX) {
        buffer_put(&text, slice_before(accession.issuer, letters));
        buffer_put(&text, accession.value);
    } else {
        buffer_put_text(&text, "P");
        buffer_put_padded(&text, (uint64_t)study, 10);
    }
    return buffer_slice(&text);
}

static enum err put_other_id(struct dataset *items, uint32_t *count, struct number number,
                             struct arena *arena)
{
    if (number.value.size == 0) {
        return ERR_OK;
    }
    struct dataset *item = &items[(*count)++];
    enum err err = dataset_init(item, arena, 3);
    if (err == ERR_OK) {
        err = dataset_put(item, TAG_PatientID, number.value);
    }
    if (err == ERR_OK) {
        err = dataset_put(item, TAG_IssuerOfPatientID, number.issuer);
    }
    if (err == ERR_OK) {
        err = dataset_put(item, TAG_TypeOfPatientID, SLICE("TEXT"));
    }
    return err;
}

static bool number_equal(struct number a, struct number b)
{
    return slice_equal(a.value, b.value) && slice_equal(a.issuer, b.issuer);
}

static enum err put_patient(struct dataset *out, const struct coercion_facts *facts, struct arena *arena)
{
    struct number to = facts->local.value.size > 0 ? facts->local
                       : facts->own.value.size > 0 ? facts->own
                                                   : facts->came_with;
    enum err err = to.value.size > 0 ? dataset_put(out, TAG_PatientID, to.value) : ERR_OK;
    if (err == ERR_OK) {
        err = dataset_put(out, TAG_IssuerOfPatientID, to.issuer); /* of a bare number too: it must not cross bare */
    }
    struct dataset *items = arena_array(arena, 2, sizeof *items);
    if (err != ERR_OK || items == NULL) {
        return ERR_LIMIT;
    }
    uint32_t count = 0;
    if (!number_equal(facts->came_with, to)) {
        err = put_other_id(items, &count, facts->came_with, arena);
    }
    if (err == ERR_OK && !number_equal(facts->own, to)) {
        err = put_other_id(items, &count, facts->own, arena);
    }
    return err == ERR_OK && count > 0
               ? dataset_put_items(out, TAG_OtherPatientIDsSequence, items, count)
               : err;
}

static enum err put_accession(struct dataset *out, const struct coercion_facts *facts, struct arena *arena)
{
    slice accession = facts->at_home ? facts->accession.value : coercion_accession(facts->accession, facts->study, arena);
    struct dataset *item = arena_alloc(arena, sizeof *item);
    if (accession.data == NULL || item == NULL) {
        return ERR_LIMIT;
    }
    if (accession.size == 0) {
        return ERR_OK;
    }
    enum err err = dataset_put(out, TAG_AccessionNumber, accession);
    if (err == ERR_OK) {
        err = dataset_init(item, arena, 1);
    }
    if (err == ERR_OK) {
        err = dataset_put(item, TAG_LocalNamespaceEntityID, facts->accession.issuer);
    }
    return err == ERR_OK ? dataset_put_items(out, TAG_IssuerOfAccessionNumberSequence, item, 1) : err;
}

enum err coercion_make(struct dataset *out, const struct coercion_facts *facts, struct arena *arena)
{
    enum err err = dataset_init(out, arena, 8);
    if (err == ERR_OK) {
        err = put_accession(out, facts, arena);
    }
    if (err == ERR_OK) {
        err = put_patient(out, facts, arena);
    }
    return err;
}

struct splice_plan coercion_splice(const struct relay_job *job, slice modified_at)
{
    assert(job->coercion != NULL);
    return (struct splice_plan){
        .put = job->coercion,
        .remove = coercion_removed,
        .remove_count = coercion_removed_count,
        .source = job->coercion_source,
        .modified_at = modified_at,
        .modifier = SLICE("PONT"),
        .reason = SLICE("COERCE"),
    };
}

/* The number the study was ordered under, else any the person has at that organisation. */
static struct number number_at(const struct engine *engine, const struct row_study *study, const struct organisation *organisation)
{
    for (uint32_t row = index_first_int(engine, INDEX_exam_study, study->id); row != ROW_NONE;
         row = index_next(engine, INDEX_exam_study, row)) {
        struct row_exam exam = row_get_exam(engine, row);
        if (organisation_by_issuer(engine, exam.identifier_issuer) == organisation) {
            return (struct number){exam.identifier_value, organisation->issuer};
        }
    }
    int64_t person = identity_survivor(engine, study->person);
    return (struct number){person == 0 ? SLICE_EMPTY : identity_number(engine, person, organisation->issuer, 0), organisation->issuer};
}

static void facts_fill(const struct engine *engine, const struct row_study *study, const struct organisation *from,
                       const struct organisation *to, struct coercion_facts *facts)
{
    struct row_person person;
    const struct organisation *issuer = organisation_by_issuer(engine, study->issuer);
    int64_t survivor = identity_survivor(engine, study->person);
    *facts = (struct coercion_facts){.study = study->id};
    facts->came_with = number_at(engine, study, from);
    if (survivor != 0 && identity_row(engine, survivor, &person)) {
        facts->own = (struct number){person.patient_id, person.issuer};
        facts->local = (struct number){identity_number(engine, survivor, to->issuer, 0), to->issuer};
    }
    facts->accession = (struct number){study->accession, issuer != NULL ? issuer->accession_issuer : study->issuer};
    facts->at_home = issuer == to;
}

bool coercion_plan(const struct engine *engine, struct out *out, int64_t study, uint32_t holder, uint32_t destination,
                   struct dataset *put, slice *source)
{
    struct coercion_facts facts;
    const struct row_study key = {.id = study};
    const struct organisation *from = node_organisation(engine, holder), *to = node_organisation(engine, destination);
    uint32_t row = row_find_study(engine, &key);
    if (MUTANT(M_NO_COERCE) || row == ROW_NONE || from == to) {
        return false; /* one namespace: what stands there is what the receiver reads */
    }
    struct row_study value = row_get_study(engine, row);
    facts_fill(engine, &value, from, to, &facts);
    if (coercion_make(put, &facts, out->arena) != ERR_OK) {
        out->full = true;
        return false;
    }
    *source = from->issuer;
    return true;
}
