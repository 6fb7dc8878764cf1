/* SPDX-License-Identifier: MIT
 *
 * Holdings: what a study has, made instances first, then kept ones, under one numbering; one by
 * one, or in spans of those that are alike. */
#include "sim/node/node_private.h"

uint32_t entry_made(const struct node *node, const struct entry *entry)
{
    return !entry->made ? 0
           : entry->given != NULL ? entry->given->image_count
                                  : node->archive.stored[entry->stored].image_count;
}

uint32_t entry_instances(const struct node *node, const struct entry *entry)
{
    return entry_made(node, entry) + entry->kept_count;
}

/* ---- Series. */
static uint32_t made_series(const struct node *node, const struct entry *entry)
{
    return !entry->made ? 0
           : entry->given != NULL ? entry->given->series_count
                                  : node->archive.stored[entry->stored].series_count;
}

uint32_t entry_series(const struct node *node, const struct entry *entry)
{
    uint32_t count = made_series(node, entry);
    for (uint32_t at = entry->series_first; at != NONE; at = node->archive.series[at].next) {
        count++;
    }
    return count;
}

static const struct kept_series *kept_series_at(const struct node *node, const struct entry *entry,
                                                uint32_t nth)
{
    uint32_t at = entry->series_first;
    for (; nth > 0; nth--) {
        at = node->archive.series[at].next;
    }
    return &node->archive.series[at];
}

void entry_series_at(const struct node *node, const struct entry *entry, uint32_t nth,
                     struct series_view *view)
{
    const struct texts *texts = &node->archive.texts;
    uint32_t made = made_series(node, entry);
    if (nth < made) {
        struct node_study room;
        const struct node_study *study = entry_study(node, entry, &room);
        view->modality = study->modality;
        view->description = study->description;
        view->body_part = study->body_part;
        view->count = image_series_size(study, nth);
        view->number = (int32_t)nth + 1;
        view->uid = image_series_uid(node->setup->seed, study, nth, view->text);
        return;
    }
    const struct kept_series *series = kept_series_at(node, entry, nth - made);
    view->uid = texts_get(texts, series->uid);
    view->modality = texts_get(texts, series->modality);
    view->description = texts_get(texts, series->description);
    view->body_part = texts_get(texts, series->body_part);
    view->count = series->count;
    view->number = series->number;
}

slice entry_modality_at(const struct node *node, const struct entry *entry, uint32_t nth)
{
    uint32_t made = made_series(node, entry);
    struct node_study room;
    return nth < made ? entry_study(node, entry, &room)->modality
                      : texts_get(&node->archive.texts,
                                  kept_series_at(node, entry, nth - made)->modality);
}

/* ---- Instances. */
struct instance entry_instance_at(const struct node *node, uint32_t number, uint32_t nth)
{
    const struct entry *entry = &node->archive.entries[number];
    uint32_t made = entry_made(node, entry);
    if (nth < made) {
        return (struct instance){number, nth, 0, false};
    }
    uint32_t at = entry->kept_first;
    for (nth -= made; nth >= node->archive.kept[at].span; at = node->archive.kept[at].next) {
        nth -= node->archive.kept[at].span;
    }
    return (struct instance){number, at, nth, true};
}

uint32_t instance_span(const struct node *node, struct instance instance, uint32_t most)
{
    struct node_study room;
    const struct entry *entry = &node->archive.entries[instance.entry];
    if (!node->setup->spans) {
        return 1;
    }
    uint32_t span = instance.kept
                        ? node->archive.kept[instance.number].span - instance.offset
                        : image_span(entry_study(node, entry, &room), instance.number);
    return span < most ? span : most;
}

uint32_t instance_series(const struct node *node, struct instance instance)
{
    const struct entry *entry = &node->archive.entries[instance.entry];
    struct node_study room;
    if (!instance.kept) {
        return image_series_of(entry_study(node, entry, &room), instance.number);
    }
    uint32_t nth = made_series(node, entry);
    for (uint32_t at = entry->series_first; at != node->archive.kept[instance.number].series;
         at = node->archive.series[at].next) {
        nth++;
    }
    return nth;
}

static void look_kept(const struct node *node, struct instance instance, struct instance_view *view)
{
    const struct kept *kept = &node->archive.kept[instance.number];
    struct arena text = {.memory = view->text, .size = sizeof view->text};
    struct object object;
    (void)kept_object(node, instance.number, instance.offset, 1, &object, &text);
    view->sop_uid = object.sop_instance_uid;
    view->sop_class = object.sop_class_uid;
    view->series_uid = texts_get(&node->archive.texts, node->archive.series[kept->series].uid);
    view->number = kept->number < 0 ? -1 : kept->number + (int32_t)instance.offset;
}

void instance_look(const struct node *node, struct instance instance, struct instance_view *view)
{
    struct node_study room;
    if (instance.kept) {
        look_kept(node, instance, view);
        return;
    }
    const struct node_study *study =
        entry_study(node, &node->archive.entries[instance.entry], &room);
    uint32_t series = image_series_of(study, instance.number);
    view->sop_class = image_sop_class(study, instance.number);
    view->number = (int32_t)(instance.number - image_series_first(study, series)) + 1;
    view->sop_uid = image_sop_uid(node->setup->seed, study, instance.number, view->text);
    view->series_uid = image_series_uid(node->setup->seed, study, series, view->series_text);
}

/* In the virtual world an object carries what the wire would find in its bytes. */
static void put_virtual(const struct node *node, const struct image_key *key, uint32_t span,
                        struct object *object, struct arena *arena)
{
    char dataset[SHA256_TEXT_SIZE + 1], pixels[SHA256_TEXT_SIZE + 1];
    image_digest_virtual(node->setup->seed, key->study->number, dataset, pixels);
    object->dataset_sha256 = arena_copy(arena, (slice){dataset, SHA256_TEXT_SIZE});
    object->pixel_sha256 = arena_copy(arena, (slice){pixels, SHA256_TEXT_SIZE});
    object->size = image_bytes_about(key);
    object->span = span;
}

bool instance_object(const struct node *node, struct instance instance, uint32_t span,
                     struct object *object, struct arena *arena)
{
    if (instance.kept) {
        return kept_object(node, instance.number, instance.offset, span, object, arena) &&
               (object->file.size > 0 || object->study >= 0);
    }
    const struct entry *entry = &node->archive.entries[instance.entry];
    struct node_study room;
    const struct node_study *study = entry_study(node, entry, &room);
    struct instance_view view;
    char uid[UID_SIZE_MAX + 1];
    struct image_key key;
    instance_look(node, instance, &view);
    archive_image_key(node, study, instance.number, &key);
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
        .study = study->number,
        .instance = instance.number,
        .file = SLICE_EMPTY};
    if (node->setup->spans) {
        put_virtual(node, &key, span, object, arena);
    } else {
        object->size = image_bytes(&key, SYNTAX_EXPLICIT_LITTLE);
    }
    return object->sop_instance_uid.data != NULL && object->study_uid.data != NULL &&
           object->series_uid.data != NULL && object->dataset_sha256.data != NULL &&
           object->pixel_sha256.data != NULL;
}

/* ---- A list of instances. */
static void mark_kept(const struct node *node, uint32_t number, slice uid, uint8_t *bits)
{
    const struct entry *entry = &node->archive.entries[number];
    uint32_t offset = 0, wanted = kept_find(node, uid, &offset),
             nth = entry_made(node, entry) + offset;
    for (uint32_t at = entry->kept_first; wanted != NONE && at != NONE;
         at = node->archive.kept[at].next) {
        if (at == wanted) {
            bits[nth / 8] |= (uint8_t)(1 << nth % 8);
            return;
        }
        nth += node->archive.kept[at].span;
    }
}

void entry_mark(const struct node *node, uint32_t number, slice sop_uids, uint8_t *bits)
{
    const struct entry *entry = &node->archive.entries[number];
    struct node_study room;
    const struct node_study *study = entry_study(node, entry, &room);
    while (sop_uids.data != NULL) {
        slice uid = slice_unpad(slice_cut(&sop_uids, '\\'));
        uint32_t nth = 0;
        if (entry->made && image_of_uid(node->setup->seed, study, uid, &nth)) {
            bits[nth / 8] |= (uint8_t)(1 << nth % 8);
        } else {
            mark_kept(node, number, uid, bits);
        }
    }
}
