/* SPDX-License-Identifier: MIT
 *
 * Archive: the studies of a node, found by Study UID, filed patient id, filed accession number,
 * stem of SOP Instance UIDs and number. Made instances are never stored: they are counted. Order is
 * that in which things came; no answer depends on a hash. */
#include "sim/node/node_private.h"

#define TEXT_PER_KEPT    640 /* bytes of an object's UIDs, digests and path, at most */
#define TEXT_PER_ARRIVAL 1024

const uint32_t node_kept_tags[] = {TAG_StudyDate,         TAG_StudyTime,     TAG_StudyDescription,
                                   TAG_SeriesDescription, TAG_PatientSex,    TAG_BodyPartExamined,
                                   TAG_SeriesNumber,      TAG_InstanceNumber};
const size_t node_kept_tag_count = sizeof node_kept_tags / sizeof node_kept_tags[0];

/* ---- Room. */
static uint32_t stored_max(const struct node_setup *setup)
{
    return (setup->arrivals_max == 0 ? 4096 : setup->arrivals_max) +
           (uint32_t)setup->imported_count;
}

static uint32_t kept_max(const struct node_setup *setup)
{
    return (setup->kept_max == 0 ? 16384 : setup->kept_max) + (uint32_t)setup->imported_count;
}

#define HEADS_LEAST 64u

/* Buckets of a chained index over so many things. */
static size_t buckets(size_t count)
{
    size_t size = HEADS_LEAST;
    while (size < count) {
        size *= 2;
    }
    return size;
}

static size_t entry_buckets(const struct node_setup *setup)
{
    return buckets(setup->study_count + stored_max(setup));
}

static unsigned text_bits(const struct node_setup *setup)
{
    unsigned bits = 8;
    while (bits < 30 && (size_t)1 << bits < entry_buckets(setup) + kept_max(setup)) {
        bits++;
    }
    return bits;
}

static size_t text_size(const struct node_setup *setup)
{
    return (size_t)kept_max(setup) * TEXT_PER_KEPT + (size_t)stored_max(setup) * TEXT_PER_ARRIVAL;
}

size_t archive_memory(const struct node_setup *setup)
{
    size_t entries = setup->study_count + stored_max(setup),
           heads = INDEX_COUNT * entry_buckets(setup) + 2 * buckets(kept_max(setup)) +
                   ((size_t)1 << text_bits(setup));
    return entries * sizeof(struct entry) + stored_max(setup) * sizeof(struct stored_study) +
           kept_max(setup) *
               (sizeof(struct kept) + sizeof(struct kept_series)) +
           heads * sizeof(uint32_t) + text_size(setup) + 8192;
}

/* ---- Studies as they are stored. */
#define FIELD(name) offsetof(struct node_study, name)
static const size_t study_texts[STUDY_TEXTS] = {
    FIELD(person),     FIELD(patient_id), FIELD(issuer),    FIELD(name),
    FIELD(birth_date), FIELD(sex),        FIELD(accession), FIELD(accession_issuer),
    FIELD(study_uid),  FIELD(date),       FIELD(time),      FIELD(description),
    FIELD(modality),   FIELD(body_part),  FIELD(laterality)};
#undef FIELD
enum { TEXT_PATIENT_ID = 1, TEXT_ACCESSION = 6, TEXT_STUDY_UID = 8 }; /* places in study_texts */

const struct node_study *entry_study(const struct node *node, const struct entry *entry,
                                     struct node_study *room)
{
    if (entry->given != NULL) {
        return entry->given;
    }
    const struct stored_study *stored = &node->archive.stored[entry->stored];
    room->number = stored->number;
    room->series_count = stored->series_count;
    room->image_count = stored->image_count;
    room->image_bytes = stored->image_bytes;
    room->planned = false;
    for (size_t i = 0; i < STUDY_TEXTS; i++) {
        slice text = texts_get(&node->archive.texts, stored->texts[i]);
        memcpy((char *)room + study_texts[i], &text, sizeof text);
    }
    return room;
}

static slice study_text(const struct node *node, const struct entry *entry, size_t which)
{
    slice text;
    if (entry->given == NULL) {
        return texts_get(&node->archive.texts, node->archive.stored[entry->stored].texts[which]);
    }
    memcpy(&text, (const char *)entry->given + study_texts[which], sizeof text);
    return text;
}

slice entry_patient_id(const struct node *node, const struct entry *entry)
{
    return study_text(node, entry, TEXT_PATIENT_ID);
}

static int64_t study_number(const struct node *node, const struct entry *entry)
{
    return entry->given != NULL ? entry->given->number : node->archive.stored[entry->stored].number;
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
    slice given = study_text(node, entry, TEXT_STUDY_UID);
    const struct node_study bare = {.number = study_number(node, entry)};
    return given.size > 0 ? given : image_study_uid(node->setup->seed, &bare, text);
}

/* ---- Indexes: chains in the order of arrival, newest first. */
static slice entry_value(const struct node *node, const struct entry *entry, enum index index,
                         char *text, struct arena *arena)
{
    const struct node_study bare = {.number = study_number(node, entry)};
    switch (index) {
    case INDEX_UID:
        return entry_uid(node, entry, text);
    case INDEX_PATIENT:
        return filed_patient_id(node, study_text(node, entry, TEXT_PATIENT_ID), arena);
    case INDEX_ACCESSION:
        return filed_accession(node, study_text(node, entry, TEXT_ACCESSION), arena);
    case INDEX_SOP:
        return image_sop_stem(node->setup->seed, &bare, text);
    default:
        memcpy(text, &bare.number, sizeof bare.number);
        return (slice){text, sizeof bare.number};
    }
}

static void chain_in(struct archive *archive, uint32_t number)
{
    struct entry *entry = &archive->entries[number];
    for (int i = 0; i < (entry->made ? INDEX_COUNT : INDEX_SOP); i++) {
        uint32_t *head = &archive->heads[i][entry->hash[i] & archive->head_mask];
        entry->next[i] = *head;
        *head = number;
    }
}

/* Twice as many chains, so that a node of a few studies touches little memory. */
static void chains_grow(struct archive *archive)
{
    archive->head_mask = 2 * archive->head_mask + 1;
    for (int i = 0; i < INDEX_COUNT; i++) {
        memset(archive->heads[i], 0xFF, ((size_t)archive->head_mask + 1) * sizeof(uint32_t));
    }
    for (uint32_t e = 0; e < archive->entry_count; e++) {
        chain_in(archive, e);
    }
}

static void index_put(struct node *node, uint32_t number)
{
    struct archive *archive = &node->archive;
    struct entry *entry = &archive->entries[number];
    char text[UID_SIZE_MAX + 2], memory[256];
    for (int i = 0; i < (entry->made ? INDEX_COUNT : INDEX_SOP); i++) {
        struct arena scratch = {.memory = memory, .size = sizeof memory};
        slice value = entry_value(node, entry, (enum index)i, text, &scratch);
        entry->hash[i] = (uint32_t)hash64_words((uint64_t)i, value);
    }
    chain_in(archive, number);
}

static uint32_t chain_walk(const struct node *node, enum index index, uint32_t at, uint32_t hash,
                           slice value, struct arena *arena, bool any)
{
    char text[UID_SIZE_MAX + 2];
    size_t used = arena->used;
    for (; at != NONE; at = node->archive.entries[at].next[index]) {
        const struct entry *entry = &node->archive.entries[at];
        bool same = entry->hash[index] == hash && (any || entry->present) &&
                    slice_equal(entry_value(node, entry, index, text, arena), value);
        arena->used = used;
        if (same) {
            return at;
        }
    }
    return NONE;
}

uint32_t archive_first(const struct node *node, enum index index, slice value, struct arena *arena)
{
    uint32_t hash = (uint32_t)hash64_words((uint64_t)index, value);
    return chain_walk(node, index, node->archive.heads[index][hash & node->archive.head_mask], hash,
                      value, arena, false);
}

uint32_t archive_next(const struct node *node, enum index index, uint32_t entry, slice value,
                      struct arena *arena)
{
    const struct entry *from = &node->archive.entries[entry];
    return chain_walk(node, index, from->next[index], from->hash[index], value, arena, false);
}

uint32_t archive_by_number(const struct node *node, int64_t number)
{
    char text[sizeof number];
    struct arena none = {0};
    memcpy(text, &number, sizeof number);
    slice value = {text, sizeof text};
    uint32_t hash = (uint32_t)hash64_words(INDEX_NUMBER, value);
    return chain_walk(node, INDEX_NUMBER,
                      node->archive.heads[INDEX_NUMBER][hash & node->archive.head_mask], hash, value,
                      &none, true);
}

static uint32_t entry_add(struct node *node, struct entry entry)
{
    struct archive *archive = &node->archive;
    if (archive->entry_count == archive->entries_max) {
        return NONE;
    }
    if (archive->entry_count > archive->head_mask && archive->head_mask + 1 < archive->heads_most) {
        chains_grow(archive);
    }
    uint32_t number = archive->entry_count++;
    entry.kept_first = entry.kept_last = entry.series_first = NONE;
    archive->entries[number] = entry;
    index_put(node, number);
    archive->instances += entry.present ? entry_made(node, &entry) : 0;
    return number;
}

/* ---- Studies that come later. */
uint32_t archive_add(struct node *node, const struct node_study *study, bool made)
{
    struct archive *archive = &node->archive;
    if (archive->stored_count == archive->stored_max) {
        return NONE;
    }
    struct stored_study *stored = &archive->stored[archive->stored_count];
    stored->number = study->number;
    stored->series_count = study->series_count;
    stored->image_count = study->image_count;
    stored->image_bytes = study->image_bytes;
    for (size_t i = 0; i < STUDY_TEXTS; i++) {
        slice text;
        memcpy(&text, (const char *)study + study_texts[i], sizeof text);
        stored->texts[i] = texts_put(&archive->texts, text);
        if (stored->texts[i] == TEXTS_FULL) {
            return NONE;
        }
    }
    return entry_add(node, (struct entry){.stored = archive->stored_count++,
                                          .made = made,
                                          .present = true});
}

void archive_image_key(const struct node *node, const struct node_study *study, uint32_t instance,
                       struct image_key *key)
{
    *key = (struct image_key){.seed = node->setup->seed,
                              .study = study,
                              .instance = instance,
                              .full = node->setup->pixels_full,
                              .charset = node->vendor->charset,
                              .no_issuer = node_quirk(node, QUIRK_id_issuer_absent)};
}

bool archive_has(const struct node *node, slice sop_uid, slice sop_class)
{
    char memory[256];
    struct arena scratch = {.memory = memory, .size = sizeof memory};
    uint32_t offset = 0, at = kept_find(node, sop_uid, &offset);
    if (at != NONE) {
        struct object object;
        return kept_object(node, at, 0, 1, &object, &scratch) &&
               slice_equal(object.sop_class_uid, sop_class);
    }
    slice stem = SLICE_EMPTY;
    uint64_t last = 0;
    if (!uid_split(sop_uid, &stem, &last)) {
        return false;
    }
    uint32_t entry = archive_first(node, INDEX_SOP, stem, &scratch);
    return entry != NONE && last >= 1 && last <= entry_made(node, &node->archive.entries[entry]);
}

/* ---- The beginning. */
static enum err heads_init(struct node *node, struct arena *arena)
{
    struct archive *archive = &node->archive;
    size_t entries = entry_buckets(node->setup), kept = buckets(archive->kept_max);
    bool made = true;
    archive->head_mask = HEADS_LEAST - 1;
    archive->heads_most = (uint32_t)entries;
    archive->kept_mask = (uint32_t)kept - 1;
    for (int i = 0; i < INDEX_COUNT; i++) {
        archive->heads[i] = node_reserve(arena, entries, sizeof(uint32_t));
        made = made && archive->heads[i] != NULL;
        if (made) {
            memset(archive->heads[i], 0xFF, HEADS_LEAST * sizeof(uint32_t));
        }
    }
    archive->uid_heads = arena_array(arena, kept, sizeof(uint32_t));
    archive->stem_heads = arena_array(arena, kept, sizeof(uint32_t));
    char *text = node_reserve(arena, text_size(node->setup), 1);
    uint32_t *names = node_reserve(arena, (size_t)1 << text_bits(node->setup), sizeof *names);
    if (!made || archive->uid_heads == NULL || archive->stem_heads == NULL || text == NULL ||
        names == NULL) {
        return ERR_LIMIT;
    }
    texts_init(&archive->texts, text, text_size(node->setup), names, text_bits(node->setup));
    return ERR_OK;
}

static enum err tables_init(struct node *node, struct arena *arena)
{
    const struct node_setup *setup = node->setup;
    struct archive *archive = &node->archive;
    archive->stored_max = stored_max(setup);
    archive->entries_max = (uint32_t)setup->study_count + archive->stored_max;
    archive->kept_max = archive->series_max = kept_max(setup);
    archive->entries = node_reserve(arena, archive->entries_max, sizeof *archive->entries);
    archive->stored = node_reserve(arena, archive->stored_max, sizeof *archive->stored);
    archive->kept = node_reserve(arena, archive->kept_max, sizeof *archive->kept);
    archive->series = node_reserve(arena, archive->series_max, sizeof *archive->series);
    if (archive->entries == NULL || archive->stored == NULL || archive->kept == NULL ||
        archive->series == NULL) {
        return ERR_LIMIT;
    }
    return heads_init(node, arena);
}

enum err archive_init(struct node *node, struct arena *arena)
{
    const struct node_setup *setup = node->setup;
    enum err err = tables_init(node, arena);
    for (size_t i = 0; err == ERR_OK && i < setup->study_count; i++) {
        const struct entry entry = {
            .given = &setup->studies[i], .made = true, .present = !setup->studies[i].planned};
        err = entry_add(node, entry) == NONE ? ERR_LIMIT : ERR_OK;
    }
    for (size_t i = 0; err == ERR_OK && i < setup->imported_count; i++) {
        uint32_t kept = 0, again = 0;
        archive_keep(node, &setup->imported[i], &kept, &again);
        err = kept == 0 ? ERR_LIMIT : ERR_OK;
    }
    return err;
}
