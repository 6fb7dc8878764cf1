/* SPDX-License-Identifier: MIT
 *
 * Publish: a completed exam's study is found at its PACS by accession number, checked against the
 * person, listed, and becomes a row that queries and retrieves see. Not there yet: again, after
 * waits that double; after publish_give_up_ns only now and then, for studies do turn up late.
 * Images come late too: what is published is looked at again a few times, and until nothing changes
 * any more. */
#include "src/engine/publish_private.h"

slice exam_key(struct out *out, const struct row_exam *exam)
{
    return TEXT(out, exam->issuer, SLICE("/"), exam->accession);
}

/* ---- Asking. */
static bool ask(struct engine *engine, struct out *out, struct work *work, enum find_level level,
                const struct element *keys, size_t count)
{
    struct dataset question;
    if (dataset_init(&question, out->arena, (uint32_t)count) != ERR_OK) {
        out->full = true;
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        enum err err = dataset_put(&question, keys[i].tag, keys[i].value);
        assert(err == ERR_OK);
    }
    work->find = source_find_start(
        engine, out,
        &(struct find_question){.node = work->node,
                                .level = level,
                                .keys = &question,
                                .deadline_ns = engine->now + 5 * engine->config->source_timeout_ns,
                                .owner = FIND_OF_PUBLISH,
                                .owner_id = work - engine->publish->works});
    return work->find != 0;
}

#define KEYS(...)                                                                                  \
    (const struct element[]){__VA_ARGS__},                                                         \
        sizeof((const struct element[]){__VA_ARGS__}) / sizeof(struct element)
#define KEY(keyword, wanted)                                                                       \
    {                                                                                              \
        .tag = TAG_##keyword, .value = (wanted)                                                    \
    }

/* Where the modalities of a study are had by asking its series, they are not asked for here: the series are asked anyway. */
static void ask_study(struct engine *engine, struct out *out, struct work *work)
{
    struct row_exam exam = row_get_exam(engine, work->row);
    const struct element keys[] = {KEY(AccessionNumber, exam.accession), KEY(StudyInstanceUID, SLICE_EMPTY), KEY(PatientID, SLICE_EMPTY),
                                   KEY(PatientName, SLICE_EMPTY), KEY(PatientBirthDate, SLICE_EMPTY), KEY(StudyDate, SLICE_EMPTY),
                                   KEY(StudyTime, SLICE_EMPTY), KEY(StudyDescription, SLICE_EMPTY), KEY(StudyID, SLICE_EMPTY),
                                   KEY(NumberOfStudyRelatedInstances, SLICE_EMPTY), KEY(ModalitiesInStudy, SLICE_EMPTY)};
    size_t count = sizeof keys / sizeof keys[0] - (node_has(engine, work->node, DIALECT_no_modalities) ? 1 : 0);
    work->phase = PHASE_STUDY;
    bool asked = ask(engine, out, work, FIND_STUDY, keys, count);
    if (!asked) {
        publish_not_yet(engine, out, work, SLICE("too many questions under way"));
    }
}

static void ask_series(struct engine *engine, struct out *out, struct work *work)
{
    work->phase = PHASE_SERIES;
    work->series_count = 0;
    bool asked = ask(engine, out, work, FIND_SERIES,
                     KEYS(KEY(StudyInstanceUID, work->studies[work->study_at].uid),
                          KEY(SeriesInstanceUID, SLICE_EMPTY), KEY(Modality, SLICE_EMPTY),
                          KEY(SeriesNumber, SLICE_EMPTY), KEY(SeriesDescription, SLICE_EMPTY),
                          KEY(NumberOfSeriesRelatedInstances, SLICE_EMPTY)));
    if (!asked) {
        publish_not_yet(engine, out, work, SLICE("too many questions under way"));
    }
}

static void publish_found(struct engine *engine, struct out *out, struct work *work);

/* The next series whose count was not told; when there is none the study is known. */
static void ask_images(struct engine *engine, struct out *out, struct work *work)
{
    while (work->series_at < work->series_count &&
           work->series[work->series_at].instance_count >= 0) {
        work->series_at++;
    }
    if (work->series_at == work->series_count) {
        publish_found(engine, out, work);
        return;
    }
    work->phase = PHASE_IMAGE;
    struct found_series *series = &work->series[work->series_at];
    series->instance_count = 0;
    bool asked = ask(engine, out, work, FIND_IMAGE,
                     KEYS(KEY(StudyInstanceUID, work->studies[work->study_at].uid),
                          KEY(SeriesInstanceUID, series->uid), KEY(SOPInstanceUID, SLICE_EMPTY)));
    if (!asked) {
        publish_not_yet(engine, out, work, SLICE("too many questions under way"));
    }
}

/* At the start of the work's arena, not zeroed: a series is written as a whole. */
static struct found_series *series_room(struct work *work)
{
    _Static_assert(WORK_SERIES_MAX * sizeof(struct found_series) < WORK_ARENA / 2, "the rest is for texts");
    work->arena.used = WORK_SERIES_MAX * sizeof(struct found_series);
    return (struct found_series *)(void *)work->arena.memory;
}

void publish_begin(struct engine *engine, struct out *out, struct work *work, uint32_t row)
{
    struct row_exam exam = row_get_exam(engine, row);
    struct arena arena = work->arena;
    arena_reset(&arena);
    *work = (struct work){.phase = PHASE_STUDY,
                          .row = row,
                          .arena = arena,
                          .round = (uint8_t)(engine->publish->busy[row] - 1)};
    work->node =
        organisation_source(engine, organisation_by_issuer(engine, exam.issuer), NODE_NONE);
    work->series = series_room(work);
    if (work->node == NODE_NONE) {
        publish_not_yet(engine, out, work, SLICE("the organisation has no PACS"));
        return;
    }
    if (health_is_down(engine, work->node)) {
        publish_try_again(engine, out, work, TEXT(out, node_at(engine, work->node)->name, SLICE(": not asked: did not answer lately")), false);
        return;
    }
    ask_study(engine, out, work);
}

/* ---- Rows. */
static slice keep(struct work *work, slice text)
{
    slice copy = arena_copy(&work->arena, text);
    work->too_many = work->too_many || copy.data == NULL;
    return copy.data == NULL ? SLICE_EMPTY : copy;
}

/* The number filed with the images must name the person of the exam, and the birth dates must not
 * differ. */
static bool is_hers(struct engine *engine, const struct row_exam *exam, const struct find_row *row)
{
    struct row_person person;
    slice birth_date = dataset_get(row->dataset, TAG_PatientBirthDate);
    int64_t named = identity_person(engine, row->patient_issuer, row->patient_id);
    if (named == 0 || named != identity_survivor(engine, exam->person) ||
        !identity_row(engine, named, &person)) {
        return false;
    }
    return birth_date.size == 0 || person.birth_date.size == 0 ||
           slice_equal(birth_date, person.birth_date);
}

static void study_row(struct engine *engine, struct out *out, struct work *work,
                      const struct find_row *row)
{
    struct row_exam exam = row_get_exam(engine, work->row);
    if (!is_hers(engine, &exam, row)) {
        work->strangers++;
        review_open(engine, out, SLICE("accession"), exam_key(out, &exam),
                    TEXT(out, SLICE("a study at "), node_at(engine, work->node)->name,
                         SLICE(" has this number and patient "), row->patient_issuer, SLICE("/"),
                         row->patient_id, SLICE(": not published")));
        return;
    }
    if (work->study_count == WORK_STUDIES_MAX) {
        work->too_many = true;
        return;
    }
    const struct dataset *from = row->dataset;
    int64_t count = -1;
    bool told = dataset_get_int(from, TAG_NumberOfStudyRelatedInstances, &count) && count >= 0;
    work->studies[work->study_count++] =
        (struct found_study){.uid = keep(work, row->study_uid),
                             .date = keep(work, dataset_get(from, TAG_StudyDate)),
                             .time = keep(work, dataset_get(from, TAG_StudyTime)),
                             .description = keep(work, dataset_get(from, TAG_StudyDescription)),
                             .study_id = keep(work, dataset_get(from, TAG_StudyID)),
                             .modalities = keep(work, dataset_get(from, TAG_ModalitiesInStudy)),
                             .instance_count = told ? count : -1};
}

static void series_row(struct work *work, const struct find_row *row)
{
    int64_t count = -1;
    if (work->series_count == WORK_SERIES_MAX) {
        work->too_many = true;
        return;
    }
    if (!dataset_get_int(row->dataset, TAG_NumberOfSeriesRelatedInstances, &count) || count < 0) {
        count = -1;
    }
    work->series[work->series_count++] = (struct found_series){
        .uid = keep(work, row->series_uid),
        .modality = keep(work, dataset_get_first(row->dataset, TAG_Modality)),
        .number = keep(work, dataset_get(row->dataset, TAG_SeriesNumber)),
        .description = keep(work, dataset_get(row->dataset, TAG_SeriesDescription)),
        .instance_count = count};
}

void publish_found_row(struct engine *engine, struct out *out, int64_t id, uint32_t find,
                       const struct find_row *row)
{
    struct work *work = &engine->publish->works[id];
    assert(work->find == find);
    switch (work->phase) {
    case PHASE_STUDY:
        study_row(engine, out, work, row);
        break;
    case PHASE_SERIES:
        series_row(work, row);
        break;
    case PHASE_IMAGE:
        work->series[work->series_at].instance_count += span_count(row->span);
        break;
    case PHASE_FREE:
        break;
    }
}

/* ---- Into the registry. */
/* A client retrieved it before anyone knew whose it is: the row then has no person, and this node's
 * copy. */
static bool was_adopted(const struct engine *engine, const struct row_study *study, uint32_t node)
{
    return study->person == 0 &&
           row_find_copy(engine, &(struct row_copy){.study = study->id,
                                                    .node = node_at(engine, node)->name}) !=
               ROW_NONE;
}

/* The row of this UID and person, or a new one; a UID that also names another person's study stays
 * two rows. */
static void place_study(struct engine *engine, struct out *out, slice uid, int64_t person,
                        uint32_t node, struct row_study *study)
{
    bool clash = false;
    for (uint32_t row = index_first_text(engine, INDEX_study_uid, uid), next; row != ROW_NONE;
         row = next) {
        next = index_next(engine, INDEX_study_uid, row);
        struct row_study other = row_get_study(engine, row);
        bool hers = identity_survivor(engine, other.person) == person || MUTANT(M_UID_IS_KEY);
        if (hers || was_adopted(engine, &other, node)) {
            *study = other;
            study->person = hers ? other.person : person;
            study->filed_issuer = study->filed_number = SLICE_EMPTY; /* its exam says whose it is */
            return;
        }
        clash = true;
        other.conflict = 1;
        row_put_study(engine, out, &other);
    }
    *study = (struct row_study){.id = counter_next(engine, out, SLICE("study")),
                                .uid = uid,
                                .person = person,
                                .conflict = clash};
    if (clash) {
        review_open(engine, out, SLICE("uid"), uid,
                    SLICE("one Study Instance UID names studies of two persons"));
    }
}

static void put_series(struct engine *engine, struct out *out, const struct work *work,
                       int64_t study)
{
    for (uint32_t row = index_first_int(engine, INDEX_series_study, study), next; row != ROW_NONE;
         row = next) {
        next = index_next(engine, INDEX_series_study, row);
        struct row_series old = row_get_series(engine, row);
        bool still = false;
        for (uint32_t i = 0; i < work->series_count; i++) {
            still = still || slice_equal(work->series[i].uid, old.uid);
        }
        if (!still) {
            row_delete_series(engine, out, &old);
        }
    }
    for (uint32_t i = 0; i < work->series_count; i++) {
        const struct found_series *series = &work->series[i];
        row_put_series(engine, out,
                       &(struct row_series){study, series->uid, series->modality, series->number,
                                            series->description, series->instance_count});
    }
}

static void fill_study(struct out *out, const struct work *work, const struct found_study *found,
                       const struct row_exam *exam, struct row_study *study)
{
    study->issuer = exam->issuer;
    study->accession = exam->accession;
    study->date = found->date;
    study->time = found->time;
    study->description = found->description.size > 0 ? found->description : exam->procedure_text;
    study->study_id = found->study_id;
    study->region = exam->region;
    study->modalities = SLICE_EMPTY;
    study->series_count = work->series_count;
    study->instance_count = 0;
    for (uint32_t i = 0; i < work->series_count; i++) {
        study->instance_count += work->series[i].instance_count;
        study->modalities = text_list_add(out, study->modalities, work->series[i].modality);
    }
    study->modalities = study->modalities.size > 0 ? study->modalities : found->modalities;
}

/* Room for all that one study adds: asked before anything is written. */
static bool has_room(const struct engine *engine, const struct work *work)
{
    return row_room(engine, TABLE_study, 1) && row_room(engine, TABLE_series, work->series_count) &&
           row_room(engine, TABLE_copy, 1) && row_room(engine, TABLE_review, 1) &&
           text_room(engine, 2 * WORK_ARENA);
}

/* More has come: copies elsewhere are not whole any more. */
static void mark_partial(struct engine *engine, struct out *out, int64_t study, int64_t instances)
{
    for (uint32_t row = index_first_int(engine, INDEX_copy_study, study), next; row != ROW_NONE;
         row = next) {
        next = index_next(engine, INDEX_copy_study, row);
        struct row_copy copy = row_get_copy(engine, row);
        if (copy.role != COPY_ORIGINAL && copy.state == COPY_PRESENT &&
            copy.instance_count < instances) {
            copy.state = COPY_PARTIAL;
            row_put_copy(engine, out, &copy);
        }
    }
}

/* Puts study, series and copy; 0 when that must not be. */
static int64_t put_study(struct engine *engine, struct out *out, struct work *work,
                         const struct row_exam *exam)
{
    const struct found_study *found = &work->studies[work->study_at];
    struct row_study study;
    slice name = node_at(engine, work->node)->name;
    int64_t person = identity_survivor(engine, exam->person);
    if (!access_audit(engine, out, SLICE("PUBLISH"), SLICE("ok"), name, found->uid,
                      exam_key(out, exam))) {
        return 0;
    }
    place_study(engine, out, found->uid, person, work->node, &study);
    fill_study(out, work, found, exam, &study);
    int64_t id = study.id, instances = study.instance_count;
    row_put_study(engine, out, &study);
    put_series(engine, out, work, id);
    row_put_copy(engine, out,
                 &(struct row_copy){id, name, COPY_ORIGINAL, COPY_PRESENT, instances, PROOF_LIST,
                                    engine->now});
    mark_partial(engine, out, id, instances);
    return id;
}

/* Looked at again, and as it was. */
static bool is_unchanged(const struct engine *engine, const struct work *work,
                         const struct row_exam *exam)
{
    int64_t instances = 0;
    for (uint32_t i = 0; i < work->series_count; i++) {
        instances += work->series[i].instance_count;
    }
    for (uint32_t row =
             index_first_text(engine, INDEX_study_uid, work->studies[work->study_at].uid);
         row != ROW_NONE; row = index_next(engine, INDEX_study_uid, row)) {
        struct row_study study = row_get_study(engine, row);
        if (study.person == exam->person && study.series_count == work->series_count &&
            study.instance_count == instances) {
            return true;
        }
    }
    return false;
}

static void published(struct engine *engine, struct out *out, struct work *work, int64_t study)
{
    struct row_exam exam = row_get_exam(engine, work->row);
    bool first = exam.study == 0;
    if (first) {
        exam.study = study;
        exam.state = exam.state == EXAM_COMPLETED ? EXAM_PUBLISHED : exam.state;
        exam.published_at = engine->now;
        exam.why = SLICE_EMPTY;
        row_put_exam(engine, out, &exam);
        exam = row_get_exam(engine, work->row);
    }
    int64_t person = exam.person;
    priors_study_published(engine, out, study);
    mdt_study_changed(engine, out, person);
}

static void publish_found(struct engine *engine, struct out *out, struct work *work)
{
    struct row_exam exam = row_get_exam(engine, work->row);
    const struct found_study *found = &work->studies[work->study_at];
    if (exam.state != EXAM_COMPLETED && exam.state != EXAM_REPORTED &&
        exam.state != EXAM_PUBLISHED) {
        publish_leave(engine, out, work); /* cancelled or frozen meanwhile */
        return;
    }
    if (lifecycle_hidden(engine, found->uid, SLICE_EMPTY)) {
        publish_not_yet(engine, out, work, SLICE("rejected or withdrawn at its source"));
        return;
    }
    if (work->too_many || !has_room(engine, work)) {
        publish_not_yet(engine, out, work,
                work->too_many ? SLICE("limit series of a study") : SLICE("limit studies"));
        return;
    }
    if (work->round == 0 || !is_unchanged(engine, work, &exam)) {
        int64_t study = put_study(engine, out, work, &exam);
        if (study == 0) {
            publish_not_yet(engine, out, work, SLICE("limit audits"));
            return;
        }
        work->changed = true;
        published(engine, out, work, study);
    }
    if (++work->study_at < work->study_count) {
        ask_series(engine, out, work);
        return;
    }
    publish_leave(engine, out, work);
}

/* ---- Ends of questions. */
/* Looked at again, every study has as many instances as are published: its series need not be
 * asked. */
static bool is_as_before(const struct engine *engine, const struct work *work,
                         const struct row_exam *exam)
{
    for (uint32_t i = 0; i < work->study_count; i++) {
        const struct found_study *found = &work->studies[i];
        bool same = false;
        for (uint32_t row = index_first_text(engine, INDEX_study_uid, found->uid); row != ROW_NONE;
             row = index_next(engine, INDEX_study_uid, row)) {
            struct row_study study = row_get_study(engine, row);
            same = same || (study.person == exam->person &&
                            study.instance_count == found->instance_count);
        }
        if (!same) {
            return false;
        }
    }
    return work->round > 0;
}

static void study_end(struct engine *engine, struct out *out, struct work *work, bool complete,
                      slice why)
{
    struct row_exam exam = row_get_exam(engine, work->row);
    if (work->study_count > 0) {
        work->study_at = 0;
        if (complete && is_as_before(engine, work, &exam)) {
            publish_leave(engine, out, work);
        } else {
            ask_series(engine, out, work);
        }
        return;
    }
    slice name = node_at(engine, work->node)->name;
    uint32_t next =
        organisation_source(engine, organisation_by_issuer(engine, exam.issuer), work->node);
    if (complete && work->strangers == 0 && next != NODE_NONE) {
        work->node = next;
        ask_study(engine, out, work);
    } else if (!complete) {
        publish_not_yet(engine, out, work, TEXT(out, name, SLICE(": "), why));
    } else if (work->strangers > 0) {
        publish_not_yet(engine, out, work,
                TEXT(out, SLICE("the study at "), name, SLICE(" belongs to another patient")));
    } else {
        publish_not_yet(engine, out, work, TEXT(out, SLICE("not yet at "), name));
    }
}

void publish_found_end(struct engine *engine, struct out *out, int64_t id, uint32_t find,
                       enum find_outcome outcome, slice why)
{
    struct work *work = &engine->publish->works[id];
    bool complete = outcome == FIND_COMPLETE;
    assert(work->find == find);
    slice reason = TEXT(out, find_outcome_text(outcome), SLICE(": "), why);
    work->find = 0;
    if (outcome == FIND_SKIPPED || outcome == FIND_DOWN) {
        /* Not the study's fault: the wait does not grow with the outage. */
        publish_try_again(engine, out, work,
                  TEXT(out, node_at(engine, work->node)->name, SLICE(": "), reason), false);
    } else if (work->phase == PHASE_STUDY) {
        study_end(engine, out, work, complete, reason);
    } else if (!complete || work->series_count == 0) {
        publish_not_yet(engine, out, work, complete ? SLICE("the study has no series yet") : reason);
    } else {
        work->series_at = work->phase == PHASE_IMAGE ? work->series_at + 1 : 0;
        ask_images(engine, out, work);
    }
}
