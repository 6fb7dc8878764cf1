/* SPDX-License-Identifier: MIT */
#include "src/engine/query_private.h"

/* What a study row needs besides what the client asked for: to tell whose it is and to merge it. */
static const uint32_t study_returns[] = {
    TAG_StudyDate,        TAG_StudyTime,        TAG_AccessionNumber, TAG_ModalitiesInStudy,
    TAG_StudyDescription, TAG_PatientName,      TAG_PatientID,       TAG_PatientBirthDate,
    TAG_PatientSex,       TAG_StudyInstanceUID, TAG_StudyID,
};
static const uint32_t series_returns[] = {
    TAG_Modality, TAG_SeriesDescription, TAG_StudyInstanceUID, TAG_SeriesInstanceUID, TAG_SeriesNumber,
};
static const uint32_t image_returns[] = {
    TAG_SOPClassUID, TAG_SOPInstanceUID, TAG_StudyInstanceUID, TAG_SeriesInstanceUID, TAG_InstanceNumber,
};

#define QUEUE_RETRY_NS (20 * TIME_MS)
#define RETURNS(list) list, sizeof list / sizeof list[0]

static void put_returns(struct dataset *keys, const uint32_t *tags, size_t count, struct out *out)
{
    for (size_t i = 0; i < count; i++) {
        if (!dataset_has(keys, tags[i]) && dataset_put(keys, tags[i], SLICE_EMPTY) != ERR_OK) {
            out->full = true;
        }
    }
}

static void put_key(struct dataset *keys, uint32_t tag, slice value, struct out *out)
{
    if (dataset_put(keys, tag, value) != ERR_OK) {
        out->full = true;
    }
}

/* Numbers are put by the mode; all else goes as a key only where the client's keys are all we have. A source may
 * hold her under a former name or with another description: it must not filter by what we filter better. */
static bool goes_as_key(const struct query *query, uint32_t tag)
{
    switch (tag) {
    case TAG_StudyDate:
    case TAG_StudyInstanceUID:
    case TAG_SeriesInstanceUID:
        return true;
    case TAG_PatientID:
    case TAG_AccessionNumber:
        return query->question.mode == ASK_BROAD;
    default:
        return query->question.mode == ASK_BROAD && !query->locating && query->question.level <= FIND_STUDY;
    }
}

static void keys_make(const struct query *query, struct dataset *keys, struct out *out)
{
    const struct dataset *asked = &query->question.keys;
    enum find_level level = query->locating ? FIND_STUDY : query->question.level;
    if (dataset_init(keys, out->arena, asked->count + 16) != ERR_OK) {
        out->full = true;
        return;
    }
    for (uint32_t i = 0; i < asked->count; i++) {
        const struct element *element = &asked->elements[i];
        bool below = query->locating && (element->tag == TAG_SeriesInstanceUID || element->tag == TAG_SOPInstanceUID);
        if (element_is_key(element) && element->vr != VR('S', 'Q') && element->tag != TAG_IssuerOfPatientID && !below) {
            put_key(keys, element->tag, goes_as_key(query, element->tag) ? element->value : SLICE_EMPTY, out);
        }
    }
    if (level <= FIND_STUDY) {
        put_returns(keys, RETURNS(study_returns), out);
    } else if (level == FIND_SERIES) {
        put_returns(keys, RETURNS(series_returns), out);
    } else {
        put_returns(keys, RETURNS(image_returns), out);
    }
}

/* The nth number to ask this node by: every person's numbers there; who has none there may have been sent there
 * under the engine's own. Empty when there is no nth. */
static slice person_number(const struct engine *engine, const struct query *query, uint32_t node, size_t nth)
{
    slice issuer = node_organisation(engine, node)->issuer;
    for (size_t i = 0; i < query->question.person_count; i++) {
        int64_t person = query->question.persons[i];
        size_t count = 0;
        for (slice number; (number = identity_number(engine, person, issuer, count)).size > 0; count++) {
            if (nth == count) {
                return number;
            }
        }
        struct row_person row;
        if (count == 0 && identity_row(engine, person, &row)) {
            if (nth == 0) {
                return row.patient_id;
            }
            count = 1;
        }
        nth -= count;
    }
    return SLICE_EMPTY;
}

/* Is this one study there? Asked of who has answered all else. */
static void question_doubt(const struct query *query, const struct query_row *row, struct dataset *keys, struct out *out)
{
    keys_make(query, keys, out);
    put_key(keys, TAG_PatientID, SLICE_EMPTY, out);
    put_key(keys, TAG_AccessionNumber, SLICE_EMPTY, out);
    put_key(keys, TAG_StudyInstanceUID, row->uid, out);
}

/* The letters are part of the number: RADIS2 writes it so, and by that number its PACS had the study. */
static bool is_written_so(const struct engine *engine, const struct question *question, slice value)
{
    uint32_t row = row_find_exam(engine, &(struct row_exam){.issuer = question->accession.issuer, .accession = value});
    uint32_t bare = row_find_exam(engine, &(struct row_exam){.issuer = question->accession.issuer, .accession = question->accession.value});
    return row != ROW_NONE && row_get_exam(engine, row).study != 0 && bare == ROW_NONE;
}

/* The nth question for the node put into `keys`; false when there is none. */
static bool question_nth(const struct engine *engine, const struct query *query, uint32_t node, size_t nth, struct dataset *keys,
                         struct out *out)
{
    const struct question *question = &query->question;
    slice value = SLICE_EMPTY;
    keys_make(query, keys, out);
    if (question->level > FIND_STUDY && !query->locating) {
        return nth == 0;
    }
    switch (question->mode) {
    case ASK_PERSONS:
        value = person_number(engine, query, node, nth);
        put_key(keys, TAG_PatientID, value, out);
        return value.size > 0;
    case ASK_NUMBER:
        put_key(keys, TAG_PatientID, question->number.value, out);
        return nth == 0;
    case ASK_ACCESSION:
        value = dataset_get_first(&question->keys, TAG_AccessionNumber);
        if (question->accession.issuer.size > 0) {
            const struct organisation *issuer = organisation_by_issuer(engine, question->accession.issuer);
            bool at_home = issuer == node_organisation(engine, node);
            value = at_home ? value : coercion_accession(question->accession, 0, out->arena);
            if (at_home && !slice_equal(value, question->accession.value) && nth == 1 && !is_written_so(engine, question, value)) {
                value = question->accession.value; /* the client wrote the letters; the organisation may not */
                nth = 0;
            }
        }
        put_key(keys, TAG_AccessionNumber, value, out);
        return nth == 0;
    default:
        return nth == 0;
    }
}

/* An accession number whose issuer is known is a matter of who issued it: that PACS has the study, and the registry knows of
 * copies elsewhere. */
static bool issuer_is_asked(const struct engine *engine, const struct query *query, uint32_t node)
{
    const struct question *question = &query->question;
    const struct organisation *issuer = question->accession.issuer.size == 0 ? NULL : organisation_by_issuer(engine, question->accession.issuer);
    bool has_source = issuer != NULL && organisation_source(engine, issuer, NODE_NONE) != NODE_NONE;
    for (const struct query_row *row = query->rows; row != NULL; row = row->next) {
        if (row->study != 0 && retrieve_goes_to(engine, row->study, node)) {
            return true; /* it may be there already, and only the proof not yet */
        }
    }
    return !has_source || issuer == node_organisation(engine, node);
}

static bool node_is_asked(const struct engine *engine, const struct query *query, uint32_t node)
{
    const struct node_config *config = node_at(engine, node);
    if (config->kind != NODE_PACS || !config->source) {
        return false;
    }
    if (query->question.level > FIND_STUDY && !query->locating) {
        return set_has(&query->detail, node);
    }
    if (query->question.mode == ASK_NUMBER && !slice_equal(query->question.number.issuer, ISSUER_NHS)) {
        return slice_equal(node_organisation(engine, node)->issuer, query->question.number.issuer);
    }
    return query->question.mode == ASK_ACCESSION ? issuer_is_asked(engine, query, node) : query->question.mode != ASK_NOBODY;
}

static void source_ends(struct query *query, struct query_source *source)
{
    assert(!source->done && query->pending > 0);
    source->done = true;
    source->find = 0;
    query->pending--;
}

/* The source's next question into `keys`; false when there is none. What is left at the end are the registry's rows that it
 * ought to have listed: docs/decisions/0010. */
static bool question_next(const struct engine *engine, struct query *query, struct query_source *source, struct dataset *keys, struct out *out)
{
    source->doubt = NULL;
    if (question_nth(engine, query, source->node, source->next, keys, out)) {
        source->next++;
        return true;
    }
    bool tells_all = source->outcome == FIND_COMPLETE && query->question.level <= FIND_STUDY && !query->locating;
    source->doubt = tells_all ? rows_doubt(engine, query, source->node) : NULL;
    if (source->doubt != NULL) {
        question_doubt(query, source->doubt, keys, out);
    }
    return source->doubt != NULL;
}

/* The question could not be asked now. */
static void take_back(struct query_source *source)
{
    if (source->doubt != NULL) {
        set_cut(&source->doubt->doubted, source->node);
        source->doubt = NULL;
    } else {
        source->next--;
    }
}

void query_ask_next(struct engine *engine, struct out *out, struct query *query, struct query_source *source)
{
    struct dataset keys;
    if (source->doubt != NULL && source->outcome == FIND_COMPLETE && !set_has(&source->doubt->listed, source->node)) {
        rows_vanished(engine, out, query, source->doubt, source->node);
    }
    if (source->outcome == FIND_DOWN || source->outcome == FIND_SKIPPED || source->outcome == FIND_TIMEOUT ||
        !question_next(engine, query, source, &keys, out)) {
        source_ends(query, source);
        return;
    }
    /* A second round (series after study) ends with the question's own deadline at the latest. */
    time_ns deadline = engine->now + (MUTANT(M_NO_DEADLINE) ? 1000 * TIME_DAY : engine->config->source_timeout_ns);
    if (!MUTANT(M_NO_DEADLINE) && deadline > query->deadline_ns) {
        deadline = query->deadline_ns;
    }
    struct find_question question = {
        .node = source->node,
        .level = query->locating || query->question.level == FIND_PATIENT ? FIND_STUDY : query->question.level,
        .keys = &keys,
        .deadline_ns = deadline,
        .owner = FIND_OF_QUERY,
        .owner_id = query->id,
    };
    source->find = source_find_start(engine, out, &question);
    source->queued = source->find == 0;
    if (source->queued) { /* overload is no reason for an answer with holes: it waits, until the deadline at most */
        take_back(source);
        source->why = SLICE("not asked: too many questions at once");
        timer_set(engine, TIMER_QUERY, -query->id, engine->now + QUEUE_RETRY_NS);
    }
}

void query_ask_queued(struct engine *engine, struct out *out, struct query *query)
{
    for (size_t i = 0; i < query->source_count; i++) {
        if (query->sources[i].queued) {
            query->sources[i].queued = false;
            query_ask_next(engine, out, query, &query->sources[i]);
        }
    }
}

bool query_ask(struct engine *engine, struct out *out, struct query *query)
{
    uint32_t count = (uint32_t)engine->config->node_count;
    query->source_count = query->pending = 0;
    query->sources = chain_alloc(&query->chain, (count + 1) * sizeof *query->sources);
    if (query->sources == NULL) {
        return false;
    }
    for (uint32_t node = 0; node < count; node++) {
        if (node_is_asked(engine, query, node)) {
            query->sources[query->source_count++] = (struct query_source){.node = node, .outcome = FIND_COMPLETE};
        }
    }
    query->pending = query->source_count;
    for (size_t i = 0; i < query->source_count; i++) {
        query_ask_next(engine, out, query, &query->sources[i]);
    }
    return true;
}
