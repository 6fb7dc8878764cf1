/* SPDX-License-Identifier: MIT */
#include "src/engine/query_private.h"

bool set_has(const struct node_set *set, uint32_t node)
{
    return (set->bits[node / 64] >> (node % 64) & 1) != 0;
}

void set_add(struct node_set *set, uint32_t node)
{
    set->bits[node / 64] |= (uint64_t)1 << (node % 64);
}

void set_cut(struct node_set *set, uint32_t node)
{
    set->bits[node / 64] &= ~((uint64_t)1 << (node % 64));
}

bool set_is_empty(const struct node_set *set)
{
    for (size_t i = 0; i < sizeof set->bits / sizeof set->bits[0]; i++) {
        if (set->bits[i] != 0) {
            return false;
        }
    }
    return true;
}

/* What we sent to a node is of the person we sent it for, under whatever number it was filed there: a merge that was a mistake may
 * have stood between. */
static int64_t sent_for(const struct engine *engine, uint32_t node, slice uid, int64_t filed)
{
    int64_t person = filed;
    for (uint32_t row = index_first_text(engine, INDEX_study_uid, uid); row != ROW_NONE;
         row = index_next(engine, INDEX_study_uid, row)) {
        struct row_study study = row_get_study(engine, row);
        struct row_copy key = {.study = study.id, .node = node_at(engine, node)->name};
        uint32_t copy = row_find_copy(engine, &key);
        int64_t of = identity_survivor(engine, study.person);
        if (of == filed) {
            return filed;
        }
        if (copy != ROW_NONE && row_get_copy(engine, copy).role == COPY_LEASED) {
            person = of;
        }
    }
    return person;
}

int64_t row_filed(const struct engine *engine, uint32_t node, const struct find_row *row, struct number *filed)
{
    slice id = slice_unpad(row->patient_id);
    *filed = (struct number){.issuer = row->patient_issuer, .value = id};
    int64_t person = identity_person(engine, filed->issuer, id);
    bool own = row->patient_issuer.size == 0 || slice_equal(row->patient_issuer, node_organisation(engine, node)->issuer);
    if (person == 0 && own) {
        /* What we sent there stands under the engine's own number, and some nodes forget the issuer. */
        filed->issuer = nhs_number_is_valid(id) ? ISSUER_NHS : ISSUER_PONT;
        person = identity_person(engine, filed->issuer, id);
    }
    return person;
}

int64_t row_person(const struct engine *engine, uint32_t node, const struct find_row *row)
{
    struct number filed;
    int64_t person = row_filed(engine, node, row, &filed);
    slice uid = slice_unpad(row->study_uid);
    return person == 0 || uid.size == 0 ? person : sent_for(engine, node, uid, person);
}

/* What a row at the query's level is told apart by. */
static slice row_uid(const struct query *query, const struct find_row *row)
{
    if (query->locating || query->question.level <= FIND_STUDY) {
        return slice_unpad(row->study_uid);
    }
    return slice_unpad(query->question.level == FIND_SERIES ? row->series_uid : row->sop_uid);
}

static bool person_is_asked_for(const struct question *question, int64_t person)
{
    for (size_t i = 0; i < question->person_count; i++) {
        if (question->persons[i] == person) {
            return true;
        }
    }
    return false;
}

/* Of the studies with this UID, the one of this person. Where the person is not known but the registry knows
 * that this node holds just one such study, it is that one. */
static bool study_of_row(const struct engine *engine, slice uid, int64_t person, uint32_t node, struct row_study *study)
{
    bool found = false;
    for (uint32_t row = index_first_text(engine, INDEX_study_uid, uid); row != ROW_NONE;
         row = index_next(engine, INDEX_study_uid, row)) {
        struct row_study candidate = row_get_study(engine, row);
        struct row_copy key = {.study = candidate.id, .node = node_at(engine, node)->name};
        bool same = person != 0 ? identity_survivor(engine, candidate.person) == person : row_find_copy(engine, &key) != ROW_NONE;
        if (same && !found) {
            *study = candidate;
            found = true;
        }
    }
    return found;
}

/* Those that images can be fetched from: a workstation that was sent some is none. */
static void add_holders(const struct engine *engine, int64_t study, struct node_set *holders)
{
    for (uint32_t row = index_first_int(engine, INDEX_copy_study, study); row != ROW_NONE;
         row = index_next(engine, INDEX_copy_study, row)) {
        struct row_copy copy = row_get_copy(engine, row);
        uint32_t node = node_by_name(engine, copy.node);
        if (copy.state != COPY_GONE && node != NODE_NONE && node_at(engine, node)->source) {
            set_add(holders, node);
        }
    }
}

/* ---- The values of a row. */
static void put(struct query *query, struct dataset *to, uint32_t tag, slice value)
{
    slice copy = chain_copy(&query->chain, slice_unpad(value));
    if (copy.data == NULL || dataset_put(to, tag, copy) != ERR_OK) {
        query->memory_cut = true;
    }
}

static void put_known(struct query *query, struct dataset *to, uint32_t tag, slice value)
{
    if (value.size > 0) {
        put(query, to, tag, value);
    }
}

static void put_number(struct query *query, struct out *out, struct dataset *to, uint32_t tag, int64_t number)
{
    if (number > 0) {
        put(query, to, tag, text_int(out, number));
    }
}

static void put_person(const struct engine *engine, struct query *query, struct out *out, struct dataset *to, int64_t person)
{
    struct row_person row;
    if (!identity_row(engine, person, &row)) {
        return;
    }
    put(query, to, TAG_PatientName, row.given.size > 0 ? TEXT(out, row.family, SLICE("^"), row.given) : row.family);
    put(query, to, TAG_PatientBirthDate, row.birth_date);
    put(query, to, TAG_PatientSex, row.sex);
}

static void put_study(struct query *query, struct out *out, struct dataset *to, const struct row_study *study)
{
    put(query, to, TAG_StudyInstanceUID, study->uid);
    put_known(query, to, TAG_StudyDate, study->date);
    put_known(query, to, TAG_StudyTime, study->time);
    put_known(query, to, TAG_StudyDescription, study->description);
    put_known(query, to, TAG_StudyID, study->study_id);
    put_known(query, to, TAG_ModalitiesInStudy, study->modalities);
    put_known(query, to, TAG_AccessionNumber, study->accession);
    put_number(query, out, to, TAG_NumberOfStudyRelatedSeries, study->series_count);
    put_number(query, out, to, TAG_NumberOfStudyRelatedInstances, study->instance_count);
}

/* Elements of the source that the client asked for, or that we merge and sort by; nothing else reaches her. */
static void put_source(struct query *query, struct dataset *to, const struct dataset *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        const struct element *element = &from->elements[i];
        bool wanted = dataset_has(&query->question.keys, element->tag) || element->tag == TAG_StudyDate ||
                      element->tag == TAG_PatientName;
        if (wanted && element_is_key(element) && element->vr != VR('S', 'Q') && !dataset_has(to, element->tag)) {
            put(query, to, element->tag, element->value);
        }
    }
}

static bool attributes_init(struct query *query, struct dataset *attributes)
{
    uint32_t capacity = query->question.keys.count + 20;
    attributes->elements = chain_alloc(&query->chain, capacity * sizeof *attributes->elements);
    attributes->capacity = attributes->elements == NULL ? 0 : capacity;
    attributes->count = 0;
    return attributes->elements != NULL;
}

/* Her former names, backslash between: a name asked for may be one of them. */
static slice names_of(const struct engine *engine, struct out *out, int64_t person, slice also)
{
    slice names = also;
    for (uint32_t row = index_first_int(engine, INDEX_name_person, person); person != 0 && row != ROW_NONE;
         row = index_next(engine, INDEX_name_person, row)) {
        struct row_name name = row_get_name(engine, row);
        names = TEXT(out, names, SLICE("\\"), name.family, SLICE("^"), name.given);
    }
    return names;
}

/* ---- Merging: one row per study and person, with all copies. */
static uint64_t row_hash(const struct query *query, slice uid, int64_t person, struct number number, uint32_t node)
{
    uint64_t hash = hash64(1, uid);
    if (MUTANT(M_NO_DEDUP)) {
        hash ^= node;
    }
    if (MUTANT(M_UID_IS_KEY) || (query->question.level > FIND_STUDY && !query->locating)) {
        return hash;
    }
    if (person != 0) {
        return hash ^ hash64(2, (slice){(const char *)&person, sizeof person});
    }
    return hash ^ hash64(3, number.value) ^ hash64(4, number.issuer);
}

static struct query_row *row_find(const struct query *query, uint64_t hash, slice uid)
{
    for (struct query_row *row = query->rows; row != NULL; row = row->next) {
        if (row->hash == hash && slice_equal(row->uid, uid)) {
            return row;
        }
    }
    return NULL;
}

static struct query_row *row_add(struct query *query, uint64_t hash, slice uid)
{
    if (query->row_count >= QUERY_ROWS_MAX) {
        query->rows_cut = true;
        return NULL;
    }
    struct query_row *row = chain_alloc(&query->chain, sizeof *row);
    if (row == NULL || !attributes_init(query, &row->attributes)) {
        query->memory_cut = true;
        return NULL;
    }
    row->hash = hash;
    row->uid = chain_copy(&query->chain, uid);
    row->next = query->rows;
    query->rows = row;
    query->row_count++;
    return row;
}

static void row_drop_newest(struct query *query)
{
    query->rows = query->rows->next;
    query->row_count--;
}

/* A study that the registry knows, as a row; `from` null or the source's. */
static struct query_row *row_of_study(const struct engine *engine, struct out *out, struct query *query, const struct row_study *study,
                                      uint32_t node, const struct find_row *from)
{
    int64_t person = identity_survivor(engine, study->person);
    uint64_t hash = row_hash(query, study->uid, person, (struct number){SLICE_EMPTY, SLICE_EMPTY}, node);
    struct query_row *row = row_find(query, hash, study->uid);
    if (row != NULL) {
        return row;
    }
    row = row_add(query, hash, study->uid);
    if (row == NULL) {
        return NULL;
    }
    row->study = study->id;
    row->person = person;
    row->accession = accession_read(engine, study->accession, study->issuer, NODE_NONE);
    put_study(query, out, &row->attributes, study);
    put_person(engine, query, out, &row->attributes, person);
    if (from != NULL) {
        put_source(query, &row->attributes, from->dataset);
    }
    if (!MUTANT(M_NO_DEDUP)) {
        add_holders(engine, study->id, &row->holders);
    }
    return row;
}

static bool accession_is_asked_for(const struct question *question, struct number accession)
{
    if (question->accession.value.size == 0) {
        return true;
    }
    return slice_equal(question->accession.value, accession.value) &&
           (question->accession.issuer.size == 0 || slice_equal(question->accession.issuer, accession.issuer));
}

static bool row_passes(const struct engine *engine, struct out *out, struct query *query, struct query_row *row, slice also, bool lenient)
{
    unsigned unknown = 0;
    const struct question *question = &query->question;
    if (question->mode == ASK_PERSONS && !person_is_asked_for(question, row->person)) {
        return false;
    }
    if (question->mode == ASK_NUMBER &&
        !(slice_equal(row->number.value, question->number.value) && slice_equal(row->number.issuer, question->number.issuer))) {
        return false;
    }
    if (!accession_is_asked_for(question, row->accession)) {
        return false;
    }
    if (query->locating) {
        return slice_equal(row->uid, question->study_uids);
    }
    bool fits = question_matches(question, &row->attributes, names_of(engine, out, row->person, also), lenient, &unknown);
    row->keys_missing = unknown > 0;
    return fits;
}

static void row_from_registry(struct engine *engine, struct out *out, struct query *query, const struct row_study *study)
{
    struct node_set holders = {{0}};
    add_holders(engine, study->id, &holders);
    if (set_is_empty(&holders) || lifecycle_hidden(engine, study->uid, SLICE_EMPTY) || lifecycle_is_gone(engine, study->id)) {
        return;
    }
    size_t before = query->row_count;
    struct query_row *row = row_of_study(engine, out, query, study, NODE_NONE, NULL);
    if (row != NULL && query->row_count > before && !row_passes(engine, out, query, row, SLICE_EMPTY, false)) {
        row_drop_newest(query);
    }
}

static void rows_by_persons(struct engine *engine, struct out *out, struct query *query)
{
    for (size_t i = 0; i < query->question.person_count; i++) {
        int64_t person = query->question.persons[i];
        for (uint32_t row = index_first_int(engine, INDEX_study_person, person); row != ROW_NONE;
             row = index_next(engine, INDEX_study_person, row)) {
            struct row_study study = row_get_study(engine, row);
            row_from_registry(engine, out, query, &study);
        }
    }
}

static void rows_by_uids(struct engine *engine, struct out *out, struct query *query)
{
    slice rest = query->question.study_uids;
    while (rest.data != NULL) {
        slice uid = slice_trim(slice_cut(&rest, '\\'));
        for (uint32_t row = index_first_text(engine, INDEX_study_uid, uid); row != ROW_NONE;
             row = index_next(engine, INDEX_study_uid, row)) {
            struct row_study study = row_get_study(engine, row);
            row_from_registry(engine, out, query, &study);
        }
    }
}

static void rows_by_scan(struct engine *engine, struct out *out, struct query *query)
{
    uint32_t bound = row_bound(engine, TABLE_study);
    for (uint32_t row = 0; row < bound && !query->rows_cut && !query->memory_cut; row++) {
        if (row_used(engine, TABLE_study, row)) {
            struct row_study study = row_get_study(engine, row);
            row_from_registry(engine, out, query, &study);
        }
    }
}

/* With the letters and without, under either spelling of the issuer: as the RIS happened to write it. */
static void rows_by_accession(struct engine *engine, struct out *out, struct query *query)
{
    struct number number = query->question.accession;
    const struct organisation *issuer = number.issuer.size == 0 ? NULL : organisation_by_issuer(engine, number.issuer);
    if (issuer == NULL) {
        rows_by_scan(engine, out, query);
        return;
    }
    const slice issuers[] = {issuer->accession_issuer, issuer->issuer};
    const slice values[] = {number.value, TEXT(out, issuer->accession_issuer, number.value)};
    size_t spellings = slice_equal(issuers[0], issuers[1]) ? 1 : 2;
    for (size_t i = 0; i < spellings * 2; i++) {
        for (uint32_t row = index_first_texts(engine, INDEX_study_accession, issuers[i / 2], values[i % 2]); row != ROW_NONE;
             row = index_next(engine, INDEX_study_accession, row)) {
            struct row_study study = row_get_study(engine, row);
            row_from_registry(engine, out, query, &study);
        }
    }
}

void rows_from_registry(struct engine *engine, struct out *out, struct query *query)
{
    if (MUTANT(M_NO_DEDUP)) {
        return; /* every holder's own row comes from the holder */
    }
    switch (query->question.mode) {
    case ASK_PERSONS:
        rows_by_persons(engine, out, query);
        return;
    case ASK_STUDY:
        rows_by_uids(engine, out, query);
        return;
    case ASK_ACCESSION:
        rows_by_accession(engine, out, query);
        return;
    case ASK_BROAD:
        rows_by_scan(engine, out, query);
        return;
    default:
        return;
    }
}

/* ---- Rows of the sources. */
static void study_row(struct engine *engine, struct out *out, struct query *query, uint32_t node, const struct find_row *from)
{
    struct row_study study;
    struct query_row *row;
    int64_t person = row_person(engine, node, from);
    slice uid = row_uid(query, from);
    size_t before = query->row_count;
    if (lifecycle_hidden(engine, uid, SLICE_EMPTY)) {
        return;
    }
    if (study_of_row(engine, uid, person, node, &study)) {
        lifecycle_returned(engine, out, study.id, node);
        if (lifecycle_is_gone(engine, study.id)) {
            return; /* a copy that outlived its original */
        }
        row = row_of_study(engine, out, query, &study, node, from);
    } else {
        struct number number = {slice_unpad(from->patient_id), from->patient_issuer};
        uint64_t hash = row_hash(query, uid, person, number, node);
        row = row_find(query, hash, uid);
        row = row != NULL ? row : row_add(query, hash, uid);
    }
    if (row == NULL) {
        return;
    }
    bool is_new = query->row_count > before;
    if (is_new && row->study == 0) {
        row->person = person;
        put_person(engine, query, out, &row->attributes, person);
        row->accession = accession_read(engine, slice_unpad(from->accession), from->accession_issuer, node);
    }
    if (is_new || row->number.value.size == 0) {
        row->number.value = chain_copy(&query->chain, slice_unpad(from->patient_id));
        row->number.issuer = chain_copy(&query->chain, from->patient_issuer);
    }
    put_source(query, &row->attributes, from->dataset);
    if (MUTANT(M_TRUST_SOURCE) && is_new) {
        row->person = query->question.person_count > 0 ? query->question.persons[0] : row->person;
    } else if (is_new && !row_passes(engine, out, query, row, dataset_get(from->dataset, TAG_PatientName), true)) {
        row_drop_newest(query);
        return;
    }
    set_add(&row->holders, node);
    set_add(&row->listed, node);
}

/* ---- What a holder did not list. */
static bool is_original_at(const struct engine *engine, int64_t study, uint32_t node)
{
    uint32_t at = row_find_copy(engine, &(struct row_copy){.study = study, .node = node_at(engine, node)->name});
    struct row_copy copy = {.state = COPY_GONE};
    if (at != ROW_NONE) {
        copy = row_get_copy(engine, at);
    }
    return copy.role == COPY_ORIGINAL && copy.state != COPY_GONE;
}

struct query_row *rows_doubt(const struct engine *engine, struct query *query, uint32_t node)
{
    for (struct query_row *row = query->rows; row != NULL; row = row->next) {
        bool doubtful = row->study != 0 && !set_has(&row->listed, node) && !set_has(&row->doubted, node) && is_original_at(engine, row->study, node);
        if (doubtful) {
            set_add(&row->doubted, node);
            return row;
        }
    }
    return NULL;
}

void rows_vanished(struct engine *engine, struct out *out, struct query *query, struct query_row *row, uint32_t node)
{
    lifecycle_vanished(engine, out, row->study, node);
    set_cut(&row->holders, node);
    for (struct query_row **at = &query->rows; *at != NULL; at = &(*at)->next) {
        if (*at == row && lifecycle_is_gone(engine, row->study)) {
            *at = row->next; /* its memory stays: another source may be asked for it just now */
            query->row_count--;
            return;
        }
    }
}

void rows_gone(const struct engine *engine, struct query *query)
{
    for (struct query_row **at = &query->rows; *at != NULL;) {
        if ((*at)->study != 0 && lifecycle_is_gone(engine, (*at)->study)) {
            *at = (*at)->next;
            query->row_count--;
        } else {
            at = &(*at)->next;
        }
    }
}

/* Series and instances: asked of the holders of one study of one person only. */
static void detail_row(struct engine *engine, struct out *out, struct query *query, uint32_t node, const struct find_row *from)
{
    slice uid = row_uid(query, from);
    unsigned unknown = 0;
    bool same_study = from->study_uid.size == 0 || slice_equal(slice_unpad(from->study_uid), query->question.study_uids);
    bool hidden = lifecycle_hidden(engine, query->question.study_uids, query->question.level == FIND_IMAGE ? uid : SLICE_EMPTY);
    if (uid.size == 0 || !same_study || hidden) {
        return;
    }
    uint64_t hash = row_hash(query, uid, 0, (struct number){SLICE_EMPTY, SLICE_EMPTY}, node);
    struct query_row *row = row_find(query, hash, uid);
    if (row == NULL) {
        row = row_add(query, hash, uid);
        if (row == NULL) {
            return;
        }
        put(query, &row->attributes, TAG_StudyInstanceUID, query->question.study_uids);
        if (query->question.level == FIND_IMAGE) {
            put(query, &row->attributes, TAG_SeriesInstanceUID, query->question.series_uid);
        }
        put_source(query, &row->attributes, from->dataset);
        if (!question_matches(&query->question, &row->attributes, SLICE_EMPTY, true, &unknown)) {
            row_drop_newest(query);
            return;
        }
        row->keys_missing = unknown > 0;
        row->study = query->detail_study;
    }
    set_add(&row->holders, node);
    (void)out;
}

/* A client is told of instances one by one. */
static void detail_rows(struct engine *engine, struct out *out, struct query *query, uint32_t node, const struct find_row *from)
{
    int64_t number = 0;
    bool numbered = dataset_get_int(from->dataset, TAG_InstanceNumber, &number);
    for (uint32_t i = 0; i < span_count(from->span); i++) {
        struct find_row one = *from;
        struct dataset *dataset = arena_alloc(out->arena, sizeof *dataset);
        char text[UID_SIZE_MAX + 1];
        if (i > 0) {
            one.sop_uid = text_copy(out, uid_advance(slice_unpad(from->sop_uid), i, text));
            one.dataset = dataset;
            if (dataset == NULL || dataset_copy(dataset, from->dataset, out->arena, 2) != ERR_OK ||
                dataset_put(dataset, TAG_SOPInstanceUID, one.sop_uid) != ERR_OK ||
                (numbered && dataset_put(dataset, TAG_InstanceNumber, text_int(out, number + i)) != ERR_OK)) {
                out->full = true;
                return;
            }
        }
        detail_row(engine, out, query, node, &one);
    }
}

void rows_from_source(struct engine *engine, struct out *out, struct query *query, uint32_t node, const struct find_row *row)
{
    if (query->locating || query->question.level <= FIND_STUDY) {
        study_row(engine, out, query, node, row);
    } else {
        detail_rows(engine, out, query, node, row);
    }
}

bool rows_conflict(const struct query *query)
{
    return query->rows != NULL && query->rows->next != NULL;
}

/* ---- Their order: date, then UID, then person; never that of arrival. */
static int row_compare(const struct query_row *a, const struct query_row *b)
{
    int order = slice_compare(dataset_get(&a->attributes, TAG_StudyDate), dataset_get(&b->attributes, TAG_StudyDate));
    order = order != 0 ? order : slice_compare(a->uid, b->uid);
    if (order == 0) {
        order = a->person < b->person ? -1 : a->person > b->person;
    }
    order = order != 0 ? order : slice_compare(a->number.issuer, b->number.issuer);
    return order != 0 ? order : slice_compare(a->number.value, b->number.value);
}

static struct query_row *merge(struct query_row *a, struct query_row *b)
{
    struct query_row *first = NULL, **last = &first;
    while (a != NULL && b != NULL) {
        struct query_row **from = row_compare(b, a) < 0 ? &b : &a;
        *last = *from;
        last = &(*last)->next;
        *from = *last;
    }
    *last = a != NULL ? a : b;
    return first;
}

static struct query_row *sort(struct query_row *rows)
{
    if (rows == NULL || rows->next == NULL) {
        return rows;
    }
    struct query_row *slow = rows, *fast = rows->next;
    while (fast != NULL && fast->next != NULL) {
        slow = slow->next;
        fast = fast->next->next;
    }
    struct query_row *half = slow->next;
    slow->next = NULL;
    return merge(sort(rows), sort(half));
}

void rows_order(struct query *query)
{
    query->rows = sort(query->rows);
    if (query->question.level != FIND_PATIENT) {
        return;
    }
    /* One row a patient: the first of her studies stands for her. */
    for (struct query_row *row = query->rows; row != NULL; row = row->next) {
        for (struct query_row *before = row; before->next != NULL;) {
            struct query_row *other = before->next;
            bool same = row->person != 0 ? other->person == row->person
                                         : other->person == 0 && slice_equal(other->number.value, row->number.value) &&
                                               slice_equal(other->number.issuer, row->number.issuer);
            if (same) {
                row->studies++;
                for (size_t i = 0; i < sizeof row->holders.bits / sizeof row->holders.bits[0]; i++) {
                    row->holders.bits[i] |= other->holders.bits[i];
                }
                before->next = other->next;
                query->row_count--;
            } else {
                before = other;
            }
        }
    }
}
