/* SPDX-License-Identifier: MIT */
#include "src/engine/query_private.h"

/* QueryRetrieveLevel as it is written (PS3.4 C.6.1.1, C.6.2.1). */
static const char *const level_names[] = {"PATIENT", "STUDY", "SERIES", "IMAGE"};

static bool level_read(slice text, enum find_level *level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (slice_equal(text, slice_from(level_names[i]))) {
            *level = (enum find_level)i;
            return true;
        }
    }
    return false;
}

/* One value without wildcards: what a unique key above the level must be (PS3.4 C.4.1.2.1). */
static bool is_single(slice value)
{
    return value.size > 0 && slice_index(value, '\\') == value.size && slice_index(value, '*') == value.size &&
           slice_index(value, '?') == value.size;
}

static bool has_wildcard(slice value)
{
    return slice_index(value, '*') < value.size || slice_index(value, '?') < value.size;
}

/* Stars in a row say what one says, and one alone what nothing says (PS3.4 C.2.2.2.3); clients put it into dates and
 * UIDs too, where the standard knows no wildcard. */
static slice stars_folded(slice value)
{
    char *data = (char *)value.data; /* the query's own copy */
    size_t size = 0;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] != '*' || i == 0 || value.data[i - 1] != '*') {
            data[size++] = value.data[i];
        }
    }
    return size == 1 && data[0] == '*' ? SLICE_EMPTY : (slice){data, size};
}

static bool is_text(uint16_t vr)
{
    return vr == VR('P', 'N') || vr == VR('L', 'O') || vr == VR('S', 'H') || vr == VR('L', 'T') || vr == VR('S', 'T') ||
           vr == VR('U', 'T') || vr == VR('U', 'C');
}

/* Written in the default repertoire only, whatever the character set (PS3.5 6.1.2.3). */
static bool is_plain(uint16_t vr)
{
    return vr == VR('D', 'A') || vr == VR('T', 'M') || vr == VR('D', 'T') || vr == VR('C', 'S') || vr == VR('A', 'E') ||
           vr == VR('U', 'I') || vr == VR('A', 'S') || vr == VR('D', 'S') || vr == VR('I', 'S');
}

static bool is_printable(slice value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < ' ' || value.data[i] > '~') {
            return false;
        }
    }
    return true;
}

bool element_is_key(const struct element *element)
{
    uint32_t tag = element->tag;
    return (tag & 0xFFFF) != 0 && (tag >> 16 & 1) == 0 && tag != TAG_QueryRetrieveLevel && tag != TAG_SpecificCharacterSet &&
           tag != TAG_QueryRetrieveView && tag >> 16 != 0x0002;
}

/* The client's identifier in UTF-8, copied into the query's chain; sequences one level deep. */
static uint16_t keys_copy(struct query *query, struct dataset *to, const struct dataset *from, slice charset, int depth,
                          struct arena *scratch, slice *comment)
{
    to->elements = chain_alloc(&query->chain, (from->count + 1) * sizeof *to->elements);
    to->capacity = from->count + 1;
    if (to->elements == NULL) {
        *comment = SLICE("too many questions at once");
        return STATUS_OUT_OF_RESOURCES;
    }
    for (uint32_t i = 0; i < from->count; i++) {
        struct element *element = &to->elements[to->count++];
        *element = from->elements[i];
        slice value = slice_unpad(element->value);
        if ((is_text(element->vr) && charset_decode(&value, value, charset, scratch) != ERR_OK) ||
            (is_plain(element->vr) && !is_printable(value))) {
            *comment = SLICE("text is not in the character set named");
            return STATUS_UNABLE_TO_PROCESS;
        }
        element->value = chain_copy(&query->chain, value);
        element->items = NULL;
        element->item_count = 0;
        if (element->value.data == NULL) {
            *comment = SLICE("too many questions at once");
            return STATUS_OUT_OF_RESOURCES;
        }
        element->value = stars_folded(element->value); /* may be empty, and then has no data */
        if (from->elements[i].item_count > 0 && depth < 2) {
            element->items = chain_alloc(&query->chain, sizeof *element->items);
            element->item_count = element->items == NULL ? 0 : 1;
            uint16_t status = element->items == NULL ? STATUS_OUT_OF_RESOURCES
                                                     : keys_copy(query, element->items, &from->elements[i].items[0], charset,
                                                                 depth + 1, scratch, comment);
            if (status != STATUS_SUCCESS) {
                return status;
            }
        }
    }
    return STATUS_SUCCESS;
}

/* Digits and dots, or a list of such; padding was taken off. */
static bool is_uids(slice value)
{
    for (size_t i = 0; i < value.size; i++) {
        char c = value.data[i];
        if ((c < '0' || c > '9') && c != '.' && c != '\\' && c != ' ') {
            return false;
        }
    }
    return true;
}

/* What is no UID is nobody's: no source need be troubled with it. */
static uint16_t uids_check(const struct question *question, slice *comment)
{
    for (uint32_t i = 0; i < question->keys.count; i++) {
        const struct element *element = &question->keys.elements[i];
        if (element->vr == VR('U', 'I') && !is_uids(element->value)) {
            *comment = SLICE("a UID is digits and dots; an empty one matches all");
            return STATUS_IDENTIFIER_MISMATCH;
        }
    }
    return STATUS_SUCCESS;
}

/* The unique keys of all levels above must be given, one value each (PS3.4 C.4.1.2.1, C.4.1.3.1.1). */
static uint16_t hierarchy_check(const struct question *question, slice *comment)
{
    slice patient = dataset_get(&question->keys, TAG_PatientID);
    slice study = dataset_get(&question->keys, TAG_StudyInstanceUID);
    slice series = dataset_get(&question->keys, TAG_SeriesInstanceUID);
    if (question->patient_root && question->level > FIND_PATIENT && !is_single(patient)) {
        *comment = SLICE("PatientID of one patient is required at this level");
        return STATUS_IDENTIFIER_MISMATCH;
    }
    if (!question->patient_root && question->level == FIND_PATIENT) {
        *comment = SLICE("Study Root has no PATIENT level");
        return STATUS_IDENTIFIER_MISMATCH;
    }
    if (question->level > FIND_STUDY && !is_single(study)) {
        *comment = SLICE("StudyInstanceUID of one study is required at this level");
        return STATUS_IDENTIFIER_MISMATCH;
    }
    if (question->level > FIND_SERIES && !is_single(series)) {
        *comment = SLICE("SeriesInstanceUID of one series is required at this level");
        return STATUS_IDENTIFIER_MISMATCH;
    }
    return STATUS_SUCCESS;
}

/* Whose bare numbers are: the client's own organisation's. A bare number never crosses one. */
static slice client_issuer(const struct engine *engine, uint32_t client)
{
    return client == NODE_NONE ? SLICE_EMPTY : node_organisation(engine, client)->issuer;
}

/* The engine's own number for a person without an NHS number: P and nine digits. */
static bool is_pont_number(slice value)
{
    int64_t digits;
    return value.size == 10 && value.data[0] == 'P' && slice_to_int64(slice_after(value, 1), &digits) && digits >= 0;
}

int64_t person_of_number(const struct engine *engine, uint32_t client, slice value, slice issuer)
{
    int64_t person = 0;
    if (value.size == 0) {
        return 0;
    }
    if (issuer.size > 0) {
        const struct organisation *organisation = organisation_by_issuer(engine, issuer);
        return identity_person(engine, organisation != NULL ? organisation->issuer : issuer, value);
    }
    if (nhs_number_is_valid(value)) {
        person = identity_person(engine, ISSUER_NHS, value);
    } else if (is_pont_number(value)) {
        person = identity_person(engine, ISSUER_PONT, value);
    }
    return person != 0 ? person : identity_person(engine, client_issuer(engine, client), value);
}

static void persons_add(struct question *question, int64_t person)
{
    for (size_t i = 0; i < question->person_count; i++) {
        if (question->persons[i] == person) {
            return;
        }
    }
    if (question->person_count == QUERY_PERSONS_MAX) {
        question->too_many_persons = true;
        return;
    }
    size_t at = question->person_count++;
    for (; at > 0 && question->persons[at - 1] > person; at--) {
        question->persons[at] = question->persons[at - 1];
    }
    question->persons[at] = person; /* in order of number: rows of a table come in any */
}

/* The engine's own numbers are no rows of the table of identifiers. */
static void persons_by_own_number(const struct engine *engine, struct query *query, slice pattern)
{
    uint32_t bound = row_bound(engine, TABLE_person);
    for (uint32_t row = 0; row < bound; row++) {
        if (!row_used(engine, TABLE_person, row)) {
            continue;
        }
        struct row_person person = row_get_person(engine, row);
        if (slice_equal(person.issuer, ISSUER_PONT) && match_wildcard(pattern, person.patient_id)) {
            persons_add(&query->question, identity_survivor(engine, person.id));
        }
    }
}

static void persons_by_pattern(const struct engine *engine, struct query *query, slice pattern, slice issuer)
{
    uint32_t bound = row_bound(engine, TABLE_identifier);
    for (uint32_t row = 0; row < bound; row++) {
        if (!row_used(engine, TABLE_identifier, row)) {
            continue;
        }
        struct row_identifier id = row_get_identifier(engine, row);
        bool issuer_fits = issuer.size > 0 ? slice_equal(id.issuer, issuer)
                                           : slice_equal(id.issuer, ISSUER_NHS) ||
                                                 slice_equal(id.issuer, client_issuer(engine, query->client_node));
        if (issuer_fits && match_wildcard(pattern, id.value)) {
            persons_add(&query->question, identity_survivor(engine, id.person));
        }
    }
    if (issuer.size == 0 || slice_equal(issuer, ISSUER_PONT)) {
        persons_by_own_number(engine, query, pattern);
    }
}

static void person_read(const struct engine *engine, struct query *query)
{
    struct question *question = &query->question;
    slice value = dataset_get_first(&question->keys, TAG_PatientID);
    slice issuer = dataset_get(&question->keys, TAG_IssuerOfPatientID);
    if (value.size == 0 || slice_equal(value, SLICE("*"))) {
        return;
    }
    question->mode = ASK_PERSONS;
    if (has_wildcard(value)) {
        persons_by_pattern(engine, query, value, issuer);
    } else {
        int64_t person = person_of_number(engine, query->client_node, value, issuer);
        if (person != 0) {
            persons_add(question, person);
        }
        if (issuer.size == 0) {
            issuer = nhs_number_is_valid(value) ? ISSUER_NHS : client_issuer(engine, query->client_node);
        }
    }
    if (question->person_count == 0) {
        bool askable = !has_wildcard(value) && issuer.size > 0 && !slice_equal(issuer, ISSUER_PONT);
        question->mode = askable ? ASK_NUMBER : ASK_NOBODY;
        question->number = (struct number){value, issuer};
    }
}

/* Begins with the letters of an organisation and goes on? */
static const struct organisation *organisation_of_letters(const struct engine *engine, slice value)
{
    for (size_t i = 0; i < engine->config->organisation_count; i++) {
        slice letters = engine->config->organisations[i].accession_issuer;
        if (letters.size > 0 && value.size > letters.size && slice_starts(value, letters)) {
            return &engine->config->organisations[i];
        }
    }
    return NULL;
}

struct number accession_read(const struct engine *engine, slice value, slice issuer, uint32_t client)
{
    const struct organisation *organisation = NULL;
    if (issuer.size > 0) {
        organisation = organisation_by_issuer(engine, issuer);
        if (organisation == NULL) {
            return (struct number){value, issuer};
        }
    } else {
        organisation = organisation_of_letters(engine, value);
        if (organisation == NULL && client != NODE_NONE) {
            organisation = node_organisation(engine, client);
        }
    }
    if (organisation == NULL) {
        return (struct number){value, SLICE_EMPTY};
    }
    slice letters = organisation->accession_issuer;
    slice bare = slice_starts(value, letters) && value.size > letters.size ? slice_after(value, letters.size) : value;
    return (struct number){bare, letters};
}

static void accession_key(const struct engine *engine, struct query *query)
{
    struct question *question = &query->question;
    slice value = dataset_get_first(&question->keys, TAG_AccessionNumber);
    if (value.size == 0 || has_wildcard(value)) {
        return;
    }
    const struct element *issuers = dataset_find(&question->keys, TAG_IssuerOfAccessionNumberSequence);
    slice issuer = issuers != NULL && issuers->item_count > 0 ? dataset_get(&issuers->items[0], TAG_LocalNamespaceEntityID)
                                                              : SLICE_EMPTY;
    question->accession = accession_read(engine, value, issuer, query->client_node);
    if (question->mode == ASK_BROAD) {
        question->mode = ASK_ACCESSION;
    }
}

uint16_t question_read(struct engine *engine, struct out *out, struct query *query, const struct dimse *request, slice *comment)
{
    struct question *question = &query->question;
    question->patient_root = slice_equal(slice_unpad(request->sop_class_uid), UID_PATIENT_ROOT_FIND);
    if (request->identifier == NULL || !level_read(dataset_get(request->identifier, TAG_QueryRetrieveLevel), &question->level)) {
        *comment = SLICE("QueryRetrieveLevel is missing or unknown");
        return STATUS_IDENTIFIER_MISMATCH;
    }
    slice charset = dataset_get(request->identifier, TAG_SpecificCharacterSet);
    uint16_t status = keys_copy(query, &question->keys, request->identifier, charset, 0, out->arena, comment);
    if (status == STATUS_SUCCESS) {
        status = hierarchy_check(question, comment);
    }
    if (status == STATUS_SUCCESS) {
        status = uids_check(question, comment);
    }
    if (status != STATUS_SUCCESS) {
        return status;
    }
    question->study_uids = dataset_get(&question->keys, TAG_StudyInstanceUID);
    question->series_uid = dataset_get(&question->keys, TAG_SeriesInstanceUID);
    person_read(engine, query);
    accession_key(engine, query);
    if (question->mode == ASK_BROAD && question->study_uids.size > 0 && !has_wildcard(question->study_uids)) {
        question->mode = ASK_STUDY;
    }
    return STATUS_SUCCESS;
}

slice question_text(const struct query *query, struct out *out)
{
    struct buffer text = buffer_make(out->arena, 1024);
    buffer_put_text(&text, level_names[query->question.level]);
    for (uint32_t i = 0; i < query->question.keys.count; i++) {
        const struct element *element = &query->question.keys.elements[i];
        if (element_is_key(element) && element->value.size > 0) {
            buffer_put_text(&text, " ");
            buffer_put_text(&text, tag_keyword(element->tag));
            buffer_put_text(&text, "=");
            buffer_put(&text, slice_before(element->value, 128));
        }
    }
    return buffer_slice(&text);
}

static bool name_matches(slice key, slice value, slice names)
{
    if (match_value(VR('P', 'N'), key, value)) {
        return true;
    }
    while (names.data != NULL) {
        if (match_value(VR('P', 'N'), key, slice_cut(&names, '\\'))) {
            return true;
        }
    }
    return false;
}

/* Numbers are matched by what they name, not by how they are written. */
static bool is_number(uint32_t tag)
{
    return tag == TAG_PatientID || tag == TAG_IssuerOfPatientID || tag == TAG_AccessionNumber ||
           tag == TAG_IssuerOfAccessionNumberSequence || tag == TAG_OtherPatientIDs || tag == TAG_OtherPatientIDsSequence ||
           tag == TAG_RetrieveAETitle || tag == TAG_InstanceAvailability;
}

bool question_matches(const struct question *question, const struct dataset *row, slice names, bool lenient, unsigned *unknown)
{
    for (uint32_t i = 0; i < question->keys.count; i++) {
        const struct element *key = &question->keys.elements[i];
        bool accession_pattern = key->tag == TAG_AccessionNumber && question->accession.value.size == 0;
        if (!element_is_key(key) || key->value.size == 0 || (is_number(key->tag) && !accession_pattern)) {
            continue;
        }
        const struct element *value = dataset_find(row, key->tag);
        if (value == NULL) {
            (*unknown)++;
            if (!lenient) {
                return false;
            }
        } else if (key->tag == TAG_PatientName) {
            if (!name_matches(key->value, value->value, names)) {
                return false;
            }
        } else if (!match_value(tag_vr(key->tag), key->value, value->value)) {
            return false;
        }
    }
    return true;
}
