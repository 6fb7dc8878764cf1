/* SPDX-License-Identifier: MIT
 *
 * Archive: the studies of a node, found by Study UID, filed patient id and filed accession number.
 * Made instances are never stored: they are counted. Order is that in which things came; no answer
 * depends on a hash. */
#include "sim/node/node_private.h"

#define TEXT_PER_KEPT    640 /* bytes of an object's UIDs, digests and path */
#define TEXT_PER_ARRIVAL 1024

const uint32_t node_kept_tags[] = {TAG_StudyDate,         TAG_StudyTime,     TAG_StudyDescription,
                                   TAG_SeriesDescription, TAG_PatientSex,    TAG_BodyPartExamined,
                                   TAG_SeriesNumber,      TAG_InstanceNumber};
const size_t node_kept_tag_count = sizeof node_kept_tags / sizeof node_kept_tags[0];

/* ---- Room. */
static uint32_t arrivals_max(const struct node_setup *setup)
{
    return (setup->arrivals_max == 0 ? 4096 : setup->arrivals_max) +
           (uint32_t)setup->imported_count;
}

static uint32_t kept_max(const struct node_setup *setup)
{
    return (setup->kept_max == 0 ? 16384 : setup->kept_max) + (uint32_t)setup->imported_count;
}

static uint32_t bucket_count(const struct node_setup *setup)
{
    uint32_t count = 64;
    while (count < setup->study_count + arrivals_max(setup)) {
        count *= 2;
    }
    return count;
}

static size_t text_size(const struct node_setup *setup)
{
    return (size_t)kept_max(setup) * TEXT_PER_KEPT + (size_t)arrivals_max(setup) * TEXT_PER_ARRIVAL;
}

size_t archive_memory(const struct node_setup *setup)
{
    size_t entries = setup->study_count + arrivals_max(setup);
    return entries * sizeof(struct entry) + arrivals_max(setup) * sizeof(struct node_study) +
           kept_max(setup) *
               (sizeof(struct kept) + sizeof(struct kept_series) + 4 * sizeof(struct map_slot)) +
           3 * (size_t)bucket_count(setup) * sizeof(uint32_t) + text_size(setup) + 4096;
}

/* ---- What is filed. */
slice filed_patient_id(const struct node *node, slice patient_id, struct arena *arena)
{
    size_t width = (size_t)quirk_number(node, QUIRK_id_leading_zero_patient_id);
    int64_t number;
    if (!node_quirk(node, QUIRK_id_leading_zero_patient_id) || patient_id.size >= width ||
        !slice_to_int64(patient_id, &number) || number < 0 || width > 64) {
        return patient_id;
    }
    struct buffer padded = buffer_make(arena, width);
    for (size_t i = patient_id.size; i < width; i++) {
        buffer_put_byte(&padded, '0');
    }
    buffer_put(&padded, patient_id);
    return padded.full ? patient_id : buffer_slice(&padded);
}

slice filed_accession(const struct node *node, slice accession, struct arena *arena)
{
    if (!node_quirk(node, QUIRK_id_accession_prefix) || accession.size == 0) {
        return accession;
    }
    slice prefix = quirk_text(node, QUIRK_id_accession_prefix);
    struct buffer filed = buffer_make(arena, prefix.size + accession.size);
    buffer_put(&filed, prefix);
    buffer_put(&filed, accession);
    return filed.full ? accession : buffer_slice(&filed);
}

slice entry_uid(const struct node *node, const struct entry *entry, char *text)
{
    return image_study_uid(node->setup->seed, entry->study, text);
}

/* ---- Indexes: chains in the order of arrival, newest first. */
static slice entry_value(const struct node *node, const struct entry *entry, enum index index,
                         char *text, struct arena *arena)
{
    switch (index) {
    case INDEX_UID:
        return entry_uid(node, entry, text);
    case INDEX_PATIENT:
        return filed_patient_id(node, entry->study->patient_id, arena);
    default:
        return filed_accession(node, entry->study->accession, arena);
    }
}

static void index_put(struct node *node, uint32_t number)
{
    struct archive *archive = &node->archive;
    struct entry *entry = &archive->entries[number];
    char text[UID_SIZE_MAX + 1], memory[256];
    for (int i = 0; i < 3; i++) {
        struct arena scratch = {.memory = memory, .size = sizeof memory};
        slice value = entry_value(node, entry, (enum index)i, text, &scratch);
        uint32_t *head = &archive->heads[i][hash64((uint64_t)i, value) & archive->head_mask];
        entry->next[i] = *head;
        *head = number;
    }
}

static uint32_t chain_walk(const struct node *node, enum index index, uint32_t at, slice value,
                           struct arena *arena)
{
    char text[UID_SIZE_MAX + 1];
    size_t used = arena->used;
    for (; at != NONE; at = node->archive.entries[at].next[index]) {
        const struct entry *entry = &node->archive.entries[at];
        bool same =
            entry->present && slice_equal(entry_value(node, entry, index, text, arena), value);
        arena->used = used;
        if (same) {
            return at;
        }
    }
    return NONE;
}

uint32_t archive_first(const struct node *node, enum index index, slice value, struct arena *arena)
{
    return chain_walk(
        node, index,
        node->archive.heads[index][hash64((uint64_t)index, value) & node->archive.head_mask], value,
        arena);
}

uint32_t archive_next(const struct node *node, enum index index, uint32_t entry, slice value,
                      struct arena *arena)
{
    return chain_walk(node, index, node->archive.entries[entry].next[index], value, arena);
}

uint32_t archive_by_number(const struct node *node, int64_t number)
{
    const struct entry *guess =
        number >= 0 && number < node->archive.entry_count ? &node->archive.entries[number] : NULL;
    if (guess != NULL && guess->made && guess->study->number == number) {
        return (uint32_t)number; /* a node without a scenario numbers its studies from 0 */
    }
    for (uint32_t i = 0; i < node->archive.entry_count; i++) {
        if (node->archive.entries[i].made && node->archive.entries[i].study->number == number) {
            return i;
        }
    }
    return NONE;
}

static uint32_t entry_add(struct node *node, const struct node_study *study, bool made,
                          bool present)
{
    struct archive *archive = &node->archive;
    if (archive->entry_count == archive->entries_max) {
        return NONE;
    }
    uint32_t number = archive->entry_count++;
    archive->entries[number] = (struct entry){.study = study,
                                              .kept_first = NONE,
                                              .kept_last = NONE,
                                              .series_first = NONE,
                                              .made = made,
                                              .present = present};
    index_put(node, number);
    archive->instances += made && present ? study->image_count : 0;
    return number;
}

/* ---- Studies that come later. */
static bool keep_text(struct node *node, slice *text)
{
    slice copy = text->size == 0 ? SLICE_EMPTY : arena_copy(&node->archive.text, *text);
    if (copy.data == NULL) {
        return false;
    }
    *text = copy;
    return true;
}

uint32_t archive_add(struct node *node, const struct node_study *study, bool made)
{
    struct archive *archive = &node->archive;
    if (archive->arrival_count == archive->arrivals_max) {
        return NONE;
    }
    struct node_study *copy = &archive->arrivals[archive->arrival_count];
    *copy = *study;
    slice *texts[] = {
        &copy->person,     &copy->patient_id, &copy->issuer,    &copy->name,
        &copy->birth_date, &copy->sex,        &copy->accession, &copy->accession_issuer,
        &copy->study_uid,  &copy->date,       &copy->time,      &copy->description,
        &copy->modality,   &copy->body_part,  &copy->laterality};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!keep_text(node, texts[i])) {
            return NONE;
        }
    }
    archive->arrival_count++;
    return entry_add(node, copy, made, true);
}

/* ---- Made and kept instances under one numbering. */
uint32_t entry_made(const struct entry *entry)
{
    return entry->made ? entry->study->image_count : 0;
}

uint32_t entry_instances(const struct entry *entry)
{
    return entry_made(entry) + entry->kept_count;
}

static uint32_t made_series(const struct entry *entry)
{
    return entry->made ? entry->study->series_count : 0;
}

uint32_t entry_series(const struct node *node, const struct entry *entry)
{
    uint32_t count = made_series(entry);
    for (uint32_t at = entry->series_first; at != NONE; at = node->archive.series[at].next) {
        count++;
    }
    return count;
}

void entry_series_at(const struct node *node, const struct entry *entry, uint32_t nth,
                     struct series_view *view)
{
    const struct node_study *study = entry->study;
    if (nth < made_series(entry)) {
        *view = (struct series_view){.modality = study->modality,
                                     .description = study->description,
                                     .body_part = study->body_part,
                                     .count = image_series_size(study, nth),
                                     .number = (int32_t)nth + 1};
        view->uid = image_series_uid(node->setup->seed, study, nth, view->text);
        return;
    }
    uint32_t at = entry->series_first;
    for (nth -= made_series(entry); nth > 0; nth--) {
        at = node->archive.series[at].next;
    }
    const struct kept_series *series = &node->archive.series[at];
    *view = (struct series_view){.uid = series->uid,
                                 .modality = series->modality,
                                 .description = series->description,
                                 .body_part = series->body_part,
                                 .count = series->count,
                                 .number = series->number};
}

struct instance entry_instance_at(const struct node *node, uint32_t number, uint32_t nth)
{
    const struct entry *entry = &node->archive.entries[number];
    if (nth < entry_made(entry)) {
        return (struct instance){number, nth, false};
    }
    uint32_t at = entry->kept_first;
    for (nth -= entry_made(entry); nth > 0; nth--) {
        at = node->archive.kept[at].next;
    }
    return (struct instance){number, at, true};
}

uint32_t instance_series(const struct node *node, struct instance instance)
{
    const struct entry *entry = &node->archive.entries[instance.entry];
    if (!instance.kept) {
        return image_series_of(entry->study, instance.number);
    }
    uint32_t nth = made_series(entry);
    for (uint32_t at = entry->series_first; at != node->archive.kept[instance.number].series;
         at = node->archive.series[at].next) {
        nth++;
    }
    return nth;
}

void instance_look(const struct node *node, struct instance instance, struct instance_view *view)
{
    const struct entry *entry = &node->archive.entries[instance.entry];
    if (instance.kept) {
        const struct kept *kept = &node->archive.kept[instance.number];
        *view = (struct instance_view){.sop_uid = kept->object.sop_instance_uid,
                                       .sop_class = kept->object.sop_class_uid,
                                       .series_uid = node->archive.series[kept->series].uid,
                                       .number = kept->number};
        return;
    }
    uint32_t series = image_series_of(entry->study, instance.number);
    *view = (struct instance_view){
        .sop_class = image_sop_class(entry->study, instance.number),
        .number = (int32_t)(instance.number - image_series_first(entry->study, series)) + 1};
    view->sop_uid = image_sop_uid(node->setup->seed, entry->study, instance.number, view->text);
    view->series_uid = image_series_uid(node->setup->seed, entry->study, series, view->series_text);
}

void archive_image_key(const struct node *node, const struct entry *entry, uint32_t instance,
                       struct image_key *key)
{
    *key = (struct image_key){.seed = node->setup->seed,
                              .study = entry->study,
                              .instance = instance,
                              .full = node->setup->pixels_full,
                              .charset = node->vendor->charset,
                              .no_issuer = node_quirk(node, QUIRK_id_issuer_absent)};
}

bool instance_object(const struct node *node, struct instance instance, struct object *object,
                     struct arena *arena)
{
    const struct entry *entry = &node->archive.entries[instance.entry];
    const struct node_study *study = entry->study;
    if (instance.kept) {
        *object = node->archive.kept[instance.number].object;
        return object->file.size > 0 || object->study >= 0;
    }
    struct instance_view view;
    char uid[UID_SIZE_MAX + 1];
    struct image_key key;
    instance_look(node, instance, &view);
    archive_image_key(node, entry, instance.number, &key);
    *object = (struct object){
        .sop_class_uid = view.sop_class,
        .sop_instance_uid = arena_copy(arena, view.sop_uid),
        .study_uid = arena_copy(arena, entry_uid(node, entry, uid)),
        .series_uid = arena_copy(arena, view.series_uid),
        .transfer_syntax = UID_EXPLICIT_LITTLE,
        .patient_id = study->patient_id,
        .patient_issuer = node_quirk(node, QUIRK_id_issuer_absent) ? SLICE_EMPTY : study->issuer,
        .patient_name = study->name,
        .birth_date = study->birth_date,
        .accession = study->accession,
        .accession_issuer = SLICE_EMPTY,
        .modality = study->modality,
        .dataset_sha256 = SLICE_EMPTY,
        .pixel_sha256 = SLICE_EMPTY,
        .size = image_bytes(&key, SYNTAX_EXPLICIT_LITTLE),
        .study = study->number,
        .instance = instance.number,
        .file = SLICE_EMPTY};
    return object->sop_instance_uid.data != NULL && object->study_uid.data != NULL &&
           object->series_uid.data != NULL;
}

/* ---- Kept objects. */
static uint32_t entry_of_object(struct node *node, const struct object *object, struct arena *arena)
{
    for (uint32_t at = archive_first(node, INDEX_UID, object->study_uid, arena); at != NONE;
         at = archive_next(node, INDEX_UID, at, object->study_uid, arena)) {
        if (slice_equal(node->archive.entries[at].study->patient_id, object->patient_id)) {
            return at;
        }
    }
    const struct dataset empty = {0}, *header = object->changed == NULL ? &empty : object->changed;
    const struct node_study study = {.number = -1,
                                     .person = SLICE_EMPTY,
                                     .patient_id = object->patient_id,
                                     .issuer = object->patient_issuer,
                                     .name = object->patient_name,
                                     .birth_date = object->birth_date,
                                     .sex = dataset_get(header, TAG_PatientSex),
                                     .accession = object->accession,
                                     .accession_issuer = object->accession_issuer,
                                     .study_uid = object->study_uid,
                                     .date = dataset_get(header, TAG_StudyDate),
                                     .time = dataset_get(header, TAG_StudyTime),
                                     .description = dataset_get(header, TAG_StudyDescription),
                                     .modality = object->modality,
                                     .body_part = dataset_get(header, TAG_BodyPartExamined),
                                     .laterality = SLICE_EMPTY};
    return archive_add(node, &study, false);
}

static uint32_t series_of_object(struct node *node, struct entry *entry,
                                 const struct object *object)
{
    struct archive *archive = &node->archive;
    uint32_t *link = &entry->series_first;
    for (; *link != NONE; link = &archive->series[*link].next) {
        if (slice_equal(archive->series[*link].uid, object->series_uid)) {
            return *link;
        }
    }
    const struct dataset empty = {0}, *header = object->changed == NULL ? &empty : object->changed;
    int64_t number = 0;
    struct kept_series series = {.uid = object->series_uid,
                                 .modality = object->modality,
                                 .description = dataset_get(header, TAG_SeriesDescription),
                                 .body_part = dataset_get(header, TAG_BodyPartExamined),
                                 .next = NONE};
    series.number = dataset_get_int(header, TAG_SeriesNumber, &number) ? (int32_t)number : -1;
    if (archive->series_count == archive->series_max || !keep_text(node, &series.uid) ||
        !keep_text(node, &series.modality) || !keep_text(node, &series.description) ||
        !keep_text(node, &series.body_part)) {
        return NONE;
    }
    archive->series[archive->series_count] = series;
    *link = archive->series_count++;
    return *link;
}

static uint32_t kept_find(const struct node *node, slice sop_uid)
{
    uint32_t at = NONE;
    return map_find(&node->archive.kept_map, sop_uid, &at) ? at : NONE;
}

static bool made_has(const struct node *node, const struct entry *entry, slice sop_uid)
{
    char text[UID_SIZE_MAX + 1];
    for (uint32_t i = 0; i < entry_made(entry); i++) {
        if (slice_equal(image_sop_uid(node->setup->seed, entry->study, i, text), sop_uid)) {
            return true;
        }
    }
    return false;
}

static bool kept_fill(struct node *node, struct kept *kept, const struct object *object)
{
    const struct dataset empty = {0}, *header = object->changed == NULL ? &empty : object->changed;
    int64_t number = 0;
    kept->object = *object;
    kept->object.changed = NULL;
    kept->number = dataset_get_int(header, TAG_InstanceNumber, &number) ? (int32_t)number : -1;
    struct object *mine = &kept->object;
    slice *texts[] = {&mine->sop_class_uid,  &mine->sop_instance_uid, &mine->study_uid,
                      &mine->series_uid,     &mine->transfer_syntax,  &mine->patient_id,
                      &mine->patient_issuer, &mine->patient_name,     &mine->birth_date,
                      &mine->accession,      &mine->accession_issuer, &mine->modality,
                      &mine->dataset_sha256, &mine->pixel_sha256,     &mine->file};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!keep_text(node, texts[i])) {
            return false;
        }
    }
    return true;
}

enum err archive_keep(struct node *node, const struct object *object, bool *again)
{
    struct archive *archive = &node->archive;
    char memory[256];
    struct arena scratch = {.memory = memory, .size = sizeof memory};
    uint32_t number = entry_of_object(node, object, &scratch);
    if (number == NONE) {
        return ERR_LIMIT;
    }
    struct entry *entry = &archive->entries[number];
    uint32_t at = kept_find(node, object->sop_instance_uid);
    *again = at != NONE || made_has(node, entry, object->sop_instance_uid);
    if (*again) {
        bool replace = at != NONE && !node_quirk(node, QUIRK_store_duplicate_rejected_silently);
        return replace && !kept_fill(node, &archive->kept[at], object) ? ERR_LIMIT : ERR_OK;
    }
    uint32_t series = series_of_object(node, entry, object);
    if (series == NONE || archive->kept_count == archive->kept_max) {
        return ERR_LIMIT;
    }
    struct kept *kept = &archive->kept[archive->kept_count];
    *kept = (struct kept){.next = NONE, .series = series};
    if (!kept_fill(node, kept, object) ||
        map_put(&archive->kept_map, kept->object.sop_instance_uid, archive->kept_count) != ERR_OK) {
        return ERR_LIMIT;
    }
    if (entry->kept_last != NONE) {
        archive->kept[entry->kept_last].next = archive->kept_count;
    } else {
        entry->kept_first = archive->kept_count;
    }
    entry->kept_last = archive->kept_count++;
    entry->kept_count++;
    archive->series[series].count++;
    kept->number = kept->number < 0 ? (int32_t)archive->series[series].count : kept->number;
    archive->instances++;
    return ERR_OK;
}

bool archive_has(const struct node *node, slice sop_uid, slice sop_class)
{
    uint32_t at = kept_find(node, sop_uid);
    if (at != NONE) {
        return slice_equal(node->archive.kept[at].object.sop_class_uid, sop_class);
    }
    for (uint32_t e = 0; e < node->archive.entry_count; e++) {
        const struct entry *entry = &node->archive.entries[e];
        if (entry->present && made_has(node, entry, sop_uid)) {
            return true;
        }
    }
    return false;
}

enum err archive_init(struct node *node, struct arena *arena)
{
    const struct node_setup *setup = node->setup;
    struct archive *archive = &node->archive;
    uint32_t buckets = bucket_count(setup);
    archive->arrivals_max = arrivals_max(setup);
    archive->entries_max = (uint32_t)setup->study_count + archive->arrivals_max;
    archive->kept_max = archive->series_max = kept_max(setup);
    archive->head_mask = buckets - 1;
    archive->entries = node_reserve(arena, archive->entries_max, sizeof *archive->entries);
    archive->arrivals = node_reserve(arena, archive->arrivals_max, sizeof *archive->arrivals);
    archive->kept = node_reserve(arena, archive->kept_max, sizeof *archive->kept);
    archive->series = node_reserve(arena, archive->series_max, sizeof *archive->series);
    char *text = node_reserve(arena, text_size(setup), 1);
    archive->text = (struct arena){.memory = text, .size = text_size(setup)};
    if (archive->entries == NULL || archive->arrivals == NULL || archive->kept == NULL ||
        archive->series == NULL || text == NULL) {
        return ERR_LIMIT;
    }
    if (map_init(&archive->kept_map, arena, archive->kept_max) != ERR_OK) {
        return ERR_LIMIT;
    }
    for (int i = 0; i < 3; i++) {
        archive->heads[i] = arena_array(arena, buckets, sizeof *archive->heads[i]);
        if (archive->heads[i] == NULL) {
            return ERR_LIMIT;
        }
        memset(archive->heads[i], 0xFF, buckets * sizeof *archive->heads[i]);
    }
    for (size_t i = 0; i < setup->study_count; i++) {
        if (entry_add(node, &setup->studies[i], true, !setup->studies[i].planned) == NONE) {
            return ERR_LIMIT;
        }
    }
    for (size_t i = 0; i < setup->imported_count; i++) {
        bool again = false;
        if (archive_keep(node, &setup->imported[i], &again) != ERR_OK) {
            return ERR_LIMIT;
        }
    }
    return ERR_OK;
}
