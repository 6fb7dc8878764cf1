/* SPDX-License-Identifier: MIT
 *
 * Kept: objects that a node was sent or that were imported. Where spans come, what came as one, or
 * one after the other with UIDs that count up and all else equal, stands in one row: where a span
 * was cut leaves no trace. Rows are found by their first UID, those of more than one also by the stem of it. */
#include "sim/node/node_private.h"

#define FIELD(name) offsetof(struct object, name)
static const size_t object_texts[OBJECT_TEXTS] = {
    FIELD(sop_instance_uid), FIELD(sop_class_uid),    FIELD(study_uid),      FIELD(series_uid),
    FIELD(transfer_syntax),  FIELD(patient_id),       FIELD(patient_issuer), FIELD(patient_name),
    FIELD(birth_date),       FIELD(accession),        FIELD(accession_issuer), FIELD(modality),
    FIELD(dataset_sha256),   FIELD(pixel_sha256),     FIELD(file)};
#undef FIELD

static slice kept_uid(const struct node *node, uint32_t at)
{
    return texts_get(&node->archive.texts, node->archive.kept[at].texts[0]);
}

/* A UID that cannot be counted on from is its own stem. */
static uint64_t stem_of(slice uid, slice *stem)
{
    uint64_t last = 0;
    *stem = uid;
    return uid_split(uid, stem, &last) ? last : 0;
}

/* ---- Finding. The number of the first + 1; without one NONE comes of it. */
static uint32_t *uid_head(const struct node *node, slice uid)
{
    return &node->archive.uid_heads[hash64_words(11, uid) & node->archive.kept_mask];
}

static uint32_t *stem_head(const struct node *node, slice stem)
{
    return &node->archive.stem_heads[hash64_words(12, stem) & node->archive.kept_mask];
}

uint32_t kept_find(const struct node *node, slice sop_uid, uint32_t *offset)
{
    const struct kept *kept = node->archive.kept;
    slice stem, other;
    *offset = 0;
    for (uint32_t at = *uid_head(node, sop_uid) - 1; at != NONE; at = kept[at].uid_next) {
        if (slice_equal(kept_uid(node, at), sop_uid)) {
            return at;
        }
    }
    uint64_t last = stem_of(sop_uid, &stem);
    for (uint32_t at = *stem_head(node, stem) - 1; at != NONE; at = kept[at].stem_next) {
        uint64_t first = stem_of(kept_uid(node, at), &other);
        if (last >= first && last - first < kept[at].span && slice_equal(stem, other)) {
            *offset = (uint32_t)(last - first);
            return at;
        }
    }
    return NONE;
}

/* How many of `count` instances from the UID on come before the first that is kept. The first is
 * not. Where spans come every row has its stem. */
static uint32_t free_span(const struct node *node, slice uid, uint32_t count)
{
    const struct kept *kept = node->archive.kept;
    slice stem, other;
    uint64_t last = stem_of(uid, &stem);
    for (uint32_t at = *stem_head(node, stem) - 1; at != NONE; at = kept[at].stem_next) {
        uint64_t first = stem_of(kept_uid(node, at), &other);
        if (first > last && first - last < count && slice_equal(stem, other)) {
            count = (uint32_t)(first - last);
        }
    }
    return count;
}

static void link_uid(struct node *node, uint32_t at)
{
    uint32_t *head = uid_head(node, kept_uid(node, at));
    node->archive.kept[at].uid_next = *head - 1;
    *head = at + 1;
}

/* What has more than one is found by its stem too; where spans come, every row. */
static void link_stem(struct node *node, uint32_t at)
{
    struct kept *kept = &node->archive.kept[at];
    if (!kept->stemmed && (kept->span > 1 || node->setup->spans)) {
        slice stem;
        (void)stem_of(kept_uid(node, at), &stem);
        uint32_t *head = stem_head(node, stem);
        kept->stem_next = *head - 1;
        kept->stemmed = true;
        *head = at + 1;
    }
}

bool kept_object(const struct node *node, uint32_t at, uint32_t offset, uint32_t span,
                 struct object *object, struct arena *arena)
{
    const struct kept *kept = &node->archive.kept[at];
    char text[UID_SIZE_MAX + 1];
    *object = (struct object){.size = kept->size,
                              .study = kept->study,
                              .instance = kept->instance + (kept->study >= 0 ? offset : 0),
                              .span = span > 1 ? span : 0};
    for (size_t i = 0; i < OBJECT_TEXTS; i++) {
        slice value = texts_get(&node->archive.texts, kept->texts[i]);
        memcpy((char *)object + object_texts[i], &value, sizeof value);
    }
    if (offset > 0) {
        object->sop_instance_uid =
            arena_copy(arena, uid_advance(object->sop_instance_uid, offset, text));
    }
    return object->sop_instance_uid.data != NULL;
}

/* ---- The study and the series it belongs to. */
static uint32_t entry_of_object(struct node *node, const struct object *object, struct arena *arena)
{
    for (uint32_t at = archive_first(node, INDEX_UID, object->study_uid, arena); at != NONE;
         at = archive_next(node, INDEX_UID, at, object->study_uid, arena)) {
        if (slice_equal(entry_patient_id(node, &node->archive.entries[at]), object->patient_id)) {
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
    uint32_t uid = texts_put(&archive->texts, object->series_uid);
    uint32_t *link = &entry->series_first;
    for (; *link != NONE; link = &archive->series[*link].next) {
        if (archive->series[*link].uid == uid) {
            return *link;
        }
    }
    const struct dataset empty = {0}, *header = object->changed == NULL ? &empty : object->changed;
    int64_t number = 0;
    struct kept_series series = {
        .uid = uid,
        .modality = texts_put(&archive->texts, object->modality),
        .description = texts_put(&archive->texts, dataset_get(header, TAG_SeriesDescription)),
        .body_part = texts_put(&archive->texts, dataset_get(header, TAG_BodyPartExamined)),
        .next = NONE};
    series.number = dataset_get_int(header, TAG_SeriesNumber, &number) ? (int32_t)number : -1;
    if (archive->series_count == archive->series_max || uid == TEXTS_FULL ||
        series.modality == TEXTS_FULL || series.description == TEXTS_FULL ||
        series.body_part == TEXTS_FULL) {
        return NONE;
    }
    archive->series[archive->series_count] = series;
    *link = archive->series_count++;
    return *link;
}

/* ---- Rows. */
static bool kept_fill(struct node *node, struct kept *kept, const struct object *object)
{
    const struct dataset empty = {0}, *header = object->changed == NULL ? &empty : object->changed;
    int64_t number = 0;
    kept->number = dataset_get_int(header, TAG_InstanceNumber, &number) ? (int32_t)number : -1;
    kept->size = object->size;
    kept->study = object->study;
    kept->instance = object->instance;
    for (size_t i = 0; i < OBJECT_TEXTS; i++) {
        slice text;
        memcpy(&text, (const char *)object + object_texts[i], sizeof text);
        kept->texts[i] = texts_put(&node->archive.texts, text);
        if (kept->texts[i] == TEXTS_FULL) {
            return false;
        }
    }
    return true;
}

/* Does `next` go on where the row ends, with nothing but UID and numbers changed? */
static bool goes_on(const struct node *node, const struct kept *row, const struct kept *next)
{
    char text[UID_SIZE_MAX + 1];
    if (!node->setup->spans || row->series != next->series || row->size != next->size || row->study != next->study ||
        (row->study >= 0 && row->instance + row->span != next->instance) ||
        row->number + (int32_t)row->span != next->number ||
        memcmp(row->texts + 1, next->texts + 1, sizeof row->texts - sizeof row->texts[0]) != 0) {
        return false;
    }
    slice first = texts_get(&node->archive.texts, row->texts[0]);
    return slice_equal(uid_advance(first, row->span, text),
                       texts_get(&node->archive.texts, next->texts[0]));
}

static void count_in(struct node *node, struct entry *entry, const struct kept *kept)
{
    entry->kept_count += kept->span;
    node->archive.series[kept->series].count += kept->span;
    node->archive.instances += kept->span;
}

/* A row more, at the end of its study; or the last one grows. */
static bool row_add(struct node *node, uint32_t number, uint32_t series,
                    const struct object *object)
{
    struct archive *archive = &node->archive;
    struct entry *entry = &archive->entries[number];
    struct kept kept = {.entry = number, .next = NONE, .series = series, .span = span_count(object->span)};
    if (!kept_fill(node, &kept, object)) {
        return false;
    }
    kept.number = kept.number < 0 ? (int32_t)archive->series[series].count + 1 : kept.number;
    struct kept *last = entry->kept_last == NONE ? NULL : &archive->kept[entry->kept_last];
    if (last != NULL && goes_on(node, last, &kept)) {
        last->span += kept.span;
        link_stem(node, entry->kept_last);
        count_in(node, entry, &kept);
        return true;
    }
    if (archive->kept_count == archive->kept_max) {
        return false;
    }
    uint32_t at = archive->kept_count++;
    archive->kept[at] = kept;
    *(last != NULL ? &last->next : &entry->kept_first) = at;
    entry->kept_last = at;
    link_uid(node, at);
    link_stem(node, at);
    count_in(node, entry, &kept);
    return true;
}

/* From `offset` on a row becomes one of its own, behind it. */
static bool row_cut(struct node *node, uint32_t at, uint32_t offset)
{
    struct archive *archive = &node->archive;
    char memory[UID_SIZE_MAX + 2];
    struct arena arena = {.memory = memory, .size = sizeof memory};
    struct object object;
    if (offset == 0 || offset == archive->kept[at].span) {
        return true;
    }
    if (archive->kept_count == archive->kept_max || !kept_object(node, at, offset, 1, &object, &arena)) {
        return false;
    }
    uint32_t name = texts_put(&archive->texts, object.sop_instance_uid), more = archive->kept_count;
    if (name == TEXTS_FULL) {
        return false;
    }
    struct kept *row = &archive->kept[at], *rest = &archive->kept[more];
    *rest = *row;
    rest->texts[0] = name;
    rest->instance = object.instance;
    rest->number = row->number + (int32_t)offset;
    rest->span = row->span - offset;
    rest->stemmed = false;
    row->span = offset;
    row->next = more;
    struct entry *entry = &archive->entries[row->entry];
    entry->kept_last = entry->kept_last == at ? more : entry->kept_last;
    archive->kept_count++;
    link_uid(node, more);
    link_stem(node, more);
    return true;
}

/* What came again replaces what stood there; false when there is no room. */
static bool row_replace(struct node *node, uint32_t at, uint32_t offset,
                        const struct object *object)
{
    struct kept now = node->archive.kept[at];
    uint32_t span = span_count(object->span);
    if (!kept_fill(node, &now, object)) {
        return false;
    }
    const struct kept *row = &node->archive.kept[at];
    if (memcmp(now.texts + 1, row->texts + 1, sizeof now.texts - sizeof now.texts[0]) == 0 && now.size == row->size) {
        return true;
    }
    if (!row_cut(node, at, offset)) {
        return false;
    }
    at = offset > 0 ? node->archive.kept[at].next : at;
    if (!row_cut(node, at, span)) {
        return false;
    }
    struct kept *changed = &node->archive.kept[at];
    memcpy(changed->texts + 1, now.texts + 1, sizeof now.texts - sizeof now.texts[0]);
    changed->size = now.size;
    changed->study = now.study;
    changed->instance = now.instance;
    return true;
}

/* How many of the entry's made instances begin with this one. */
static uint32_t made_span(const struct node *node, const struct entry *entry, slice sop_uid)
{
    struct node_study room;
    uint32_t instance = 0;
    bool made = entry->made && image_of_uid(node->setup->seed, entry_study(node, entry, &room),
                                            sop_uid, &instance);
    return made ? entry_made(node, entry) - instance : 0;
}

/* One part of what came, as long as it may be treated alike; false when there is no room. */
static bool keep_part(struct node *node, uint32_t number, struct object *part, uint32_t *again)
{
    struct entry *entry = &node->archive.entries[number];
    uint32_t offset = 0, at = kept_find(node, part->sop_instance_uid, &offset),
             span = span_count(part->span);
    if (at != NONE) {
        uint32_t rest = node->archive.kept[at].span - offset;
        part->span = span < rest ? span : rest;
        *again += part->span;
        return node_quirk(node, QUIRK_store_duplicate_rejected_silently) ||
               row_replace(node, at, offset, part);
    }
    uint32_t made = made_span(node, entry, part->sop_instance_uid);
    if (made > 0) {
        part->span = span < made ? span : made;
        *again += part->span;
        return true;
    }
    part->span = span > 1 ? free_span(node, part->sop_instance_uid, span) : 1;
    uint32_t series = series_of_object(node, entry, part);
    return series != NONE && row_add(node, number, series, part);
}

void archive_keep(struct node *node, const struct object *object, uint32_t *kept, uint32_t *again)
{
    char memory[256], text[UID_SIZE_MAX + 1];
    struct arena scratch = {.memory = memory, .size = sizeof memory};
    uint32_t number = entry_of_object(node, object, &scratch), span = span_count(object->span);
    *kept = *again = 0;
    while (number != NONE && *kept < span) {
        struct object part = *object;
        part.sop_instance_uid = uid_advance(object->sop_instance_uid, *kept, text);
        part.instance = object->study >= 0 ? object->instance + *kept : object->instance;
        part.span = span - *kept;
        if (!keep_part(node, number, &part, again)) {
            return;
        }
        *kept += span_count(part.span);
    }
}
