/* SPDX-License-Identifier: MIT
 *
 * Exam: what RADIS2 says about one examination (ORM, ORU), as a row keyed by (issuer, accession
 * number). */
#include "src/engine/publish.h"

/* ORC-1 and ORC-5 (HL7 tables 0119, 0038) -> the state the exam has reached at least. */
static int64_t state_said(const struct hl7_value *value)
{
    static const struct {
        const char *code;
        int64_t state;
    } statuses[] = {{"CM", EXAM_COMPLETED},
                    {"A", EXAM_COMPLETED},
                    {"IP", EXAM_ARRIVED},
                    {"SC", EXAM_SCHEDULED},
                    {"HD", EXAM_ORDERED}};
    static const char *const cancels[] = {"CA", "OC", "CR", "DC"};
    slice control = value->fields[HL7_FIELD_ORDER_CONTROL],
          status = value->fields[HL7_FIELD_ORDER_STATUS];
    if (value->type == HL7_ORU_R01) {
        return EXAM_REPORTED;
    }
    for (size_t i = 0; i < sizeof cancels / sizeof cancels[0]; i++) {
        if (slice_equal(control, slice_from(cancels[i])) ||
            slice_equal(status, slice_from(cancels[i]))) {
            return EXAM_CANCELLED;
        }
    }
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (slice_equal(status, slice_from(statuses[i].code))) {
            return statuses[i].state;
        }
    }
    return value->fields[HL7_FIELD_SCHEDULED_AT].size > 0 ? EXAM_SCHEDULED : EXAM_ORDERED;
}

static slice said_or(slice old, slice said)
{
    return said.size == 0 ? old : slice_equal(said, SLICE("\"\"")) ? SLICE_EMPTY : said;
}

static int64_t time_or(int64_t old, slice said)
{
    time_ns at;
    return time_from_ts(said, &at) ? at : old;
}

/* HL7 counts seconds: of an exam done in this very second the message itself tells best when that
 * was. */
static int64_t done_at(const struct engine *engine, int64_t old, slice said)
{
    int64_t at = time_or(old, said);
    if (old > at && old < at + TIME_S) {
        return old; /* said again */
    }
    return engine->now >= at && engine->now < at + TIME_S ? engine->now : at;
}

static void take_attributes(struct row_exam *exam, const struct hl7_value *value)
{
    exam->procedure = said_or(exam->procedure, value->fields[HL7_FIELD_PROCEDURE]);
    exam->procedure_text = said_or(exam->procedure_text, value->fields[HL7_FIELD_PROCEDURE_TEXT]);
    exam->modality = said_or(exam->modality, value->fields[HL7_FIELD_MODALITY]);
    exam->region = said_or(exam->region, value->fields[HL7_FIELD_BODY_PART]);
    exam->laterality = said_or(exam->laterality, value->fields[HL7_FIELD_LATERALITY]);
    exam->reading_node = said_or(exam->reading_node, value->fields[HL7_FIELD_READING_SITE]);
    exam->scheduled_at = time_or(exam->scheduled_at, value->fields[HL7_FIELD_SCHEDULED_AT]);
}

/* An order never goes back, whatever the order in which its messages come; only a cancellation and,
 * later than that, a new order do. */
static void take_state(struct row_exam *exam, int64_t said, time_ns event_at, bool newer)
{
    bool done = exam->state >= EXAM_COMPLETED && exam->state <= EXAM_REPORTED;
    if (exam->state == EXAM_FROZEN) {
        return;
    }
    if (said == EXAM_CANCELLED) {
        exam->state = newer ? EXAM_CANCELLED : exam->state;
    } else if (exam->state == EXAM_CANCELLED) {
        exam->state = newer ? said : EXAM_CANCELLED;
    } else if (said > exam->state) {
        exam->state = said;
    }
    if (!done && exam->state >= EXAM_COMPLETED && exam->state <= EXAM_REPORTED &&
        exam->completed_at == 0) {
        exam->completed_at = event_at;
    }
}

/* One number, two persons: nobody can say whose the images are. Nothing of either is overwritten.
 */
static void freeze(struct engine *engine, struct out *out, struct row_exam *exam, int64_t person)
{
    slice key = exam_key(out, exam);
    review_open(engine, out, SLICE("accession"), key,
                TEXT(out, SLICE("names an exam of person "), text_int(out, exam->person),
                     SLICE(" and one of person "), text_int(out, person)));
    exam->state = EXAM_FROZEN;
    exam->why = SLICE("the accession number names exams of two persons");
    row_put_exam(engine, out, exam);
}

static void withdraw(struct engine *engine, struct out *out, const struct row_exam *exam)
{
    uint32_t row = exam->study == 0
                       ? ROW_NONE
                       : row_find_study(engine, &(struct row_study){.id = exam->study});
    if (row != ROW_NONE) {
        lifecycle_reject(engine, out, text_copy(out, row_get_study(engine, row).uid),
                         SLICE("CANCELLED"), SLICE("RADIS2"));
    }
}

static bool exam_identity(struct engine *engine, const struct hl7_value *value,
                          struct row_exam *exam, slice *refuse)
{
    slice issuer = value->fields[HL7_FIELD_ACCESSION_ISSUER];
    const struct organisation *organisation = organisation_by_issuer(
        engine, issuer.size > 0 ? issuer : value->fields[HL7_FIELD_SENDER_SITE]);
    *exam = (struct row_exam){.accession = slice_trim(value->fields[HL7_FIELD_ACCESSION])};
    if (exam->accession.size == 0) {
        *refuse = SLICE("no accession number in OBR-18");
        return false;
    }
    if (organisation == NULL) {
        *refuse = SLICE("the issuer of the accession number is not a known organisation");
        return false;
    }
    exam->issuer = organisation->accession_issuer.size > 0 ? organisation->accession_issuer
                                                           : organisation->issuer;
    return true;
}

/* The number of the person that the message itself uses: what an unlink goes by. */
static void take_identifier(struct engine *engine, const struct hl7_value *value, int64_t person,
                            struct row_exam *exam)
{
    for (size_t i = 0; i < value->id_count; i++) {
        const struct organisation *own = organisation_by_issuer(
            engine, value->ids[i].authority.size > 0 ? value->ids[i].authority
                                                     : value->fields[HL7_FIELD_SENDER_SITE]);
        if (own != NULL && identity_person(engine, own->issuer, value->ids[i].value) == person) {
            exam->identifier_issuer = own->issuer;
            exam->identifier_value = value->ids[i].value;
            return;
        }
    }
}

void publish_apply(struct engine *engine, struct out *out, const struct hl7_value *value,
                   int64_t person, time_ns event_at, slice *refuse)
{
    struct row_exam exam;
    if (!exam_identity(engine, value, &exam, refuse)) {
        return;
    }
    uint32_t row = row_find_exam(engine, &exam);
    bool fresh = row == ROW_NONE, newer = true;
    if (fresh) {
        exam.person = person;
        exam.state = EXAM_ORDERED;
        take_identifier(engine, value, person, &exam);
    } else {
        exam = row_get_exam(engine, row);
        newer = event_at >= exam.event_at;
        if (identity_survivor(engine, exam.person) != person) {
            if (!MUTANT(M_ONE_NUMBER)) {
                freeze(engine, out, &exam, person);
                return;
            }
            exam.person = person;
            take_identifier(engine, value, person, &exam);
        }
    }
    int64_t was = exam.state;
    if (newer) {
        take_attributes(&exam, value);
        exam.event_at = event_at;
    }
    take_state(&exam, state_said(value), event_at, newer);
    if (exam.state >= EXAM_COMPLETED && exam.state <= EXAM_REPORTED && value->type == HL7_ORM_O01) {
        exam.completed_at = done_at(
            engine, exam.completed_at,
            value->fields[HL7_FIELD_COMPLETED_AT]); /* in an ORU OBR-22 is when it was reported */
    }
    row_put_exam(engine, out, &exam);
    exam = row_get_exam(engine, row_find_exam(engine, &exam));
    if (exam.state == EXAM_CANCELLED && was != EXAM_CANCELLED) {
        withdraw(engine, out, &exam);
    }
    publish_wake(engine, out, row_find_exam(engine, &exam));
    if (fresh || newer || exam.state != was) {
        exam = row_get_exam(engine, row_find_exam(engine, &exam));
        priors_exam_changed(engine, out, &exam);
    }
}
