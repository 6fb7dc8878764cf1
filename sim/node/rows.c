/* SPDX-License-Identifier: MIT
 *
 * Rows: what a node knows of a patient, study, series or image, does it match, and how it says it.
 */
#include "sim/node/images_private.h"
#include "sim/node/node_private.h"

#include "src/dicom/match.h"

/* Where a cursor stands. */
struct place {
    struct node *node;
    const struct operation *operation;
    uint32_t entry, inner;
    struct series_view series; /* these two when `has_series`, `has_image` */
    struct instance_view image;
    struct instance instance;
    struct node_study room;
    const struct node_study *study;
    bool has_series, has_image;
};

static slice text_number(int64_t number, struct arena *arena)
{
    struct buffer text = buffer_make(arena, 20);
    buffer_put_int(&text, number);
    return text.full ? SLICE_EMPTY : buffer_slice(&text);
}

static slice text_u16(uint32_t number, struct arena *arena)
{
    struct buffer text = buffer_make(arena, 2);
    buffer_put_u16(&text, (uint16_t)number);
    return text.full ? SLICE_EMPTY : buffer_slice(&text);
}

static slice copy(slice text, struct arena *arena)
{
    slice result = arena_copy(arena, text);
    return result.data == NULL ? SLICE_EMPTY : result;
}

static int64_t patient_studies(const struct place *place, struct arena *arena)
{
    const struct node *node = place->node;
    slice id = filed_patient_id(node, place->study->patient_id, arena);
    int64_t count = 0;
    for (uint32_t at = archive_first(node, INDEX_PATIENT, id, arena); at != NONE;
         at = archive_next(node, INDEX_PATIENT, at, id, arena)) {
        count++;
    }
    return count;
}

static slice modalities(const struct place *place, struct arena *arena)
{
    const struct entry *entry = &place->node->archive.entries[place->entry];
    struct buffer text = buffer_make(arena, 128);
    uint32_t count = entry_series(place->node, entry);
    for (uint32_t i = 0; i < count; i++) {
        slice modality = entry_modality_at(place->node, entry, i), rest = buffer_slice(&text);
        bool there = modality.size == 0;
        while (!there && rest.data != NULL && rest.size > 0) {
            there = slice_equal(slice_cut(&rest, '\\'), modality);
        }
        if (!there) {
            buffer_put_text(&text, text.size > 0 ? "\\" : "");
            buffer_put(&text, modality);
        }
    }
    return copy(buffer_slice(&text), arena);
}

/* ---- Values by level; false when the node has no such attribute at that level. */
static bool patient_value(const struct place *place, uint32_t tag, slice *value,
                          struct arena *arena)
{
    const struct node *node = place->node;
    const struct node_study *study = place->study;
    switch (tag) {
    case TAG_PatientName:
        *value = study->name;
        return true;
    case TAG_PatientID:
        *value = filed_patient_id(node, study->patient_id, arena);
        return true;
    case TAG_IssuerOfPatientID:
        *value = study->issuer.size > 0 ? study->issuer : node->setup->issuer;
        return !node_quirk(node, QUIRK_id_issuer_absent);
    case TAG_PatientBirthDate:
        *value = study->birth_date;
        return true;
    case TAG_PatientSex:
        *value = study->sex;
        return true;
    case TAG_NumberOfPatientRelatedStudies:
        *value = text_number(patient_studies(place, arena), arena);
        return true;
    case TAG_InstanceAvailability:
        *value = SLICE("ONLINE");
        return true;
    case TAG_RetrieveAETitle:
        *value = node_quirk(node, QUIRK_find_retrieve_ae_wrong)
                     ? quirk_text(node, QUIRK_find_retrieve_ae_wrong)
                     : node->setup->aet;
        return true;
    default:
        return false;
    }
}

static bool study_value(const struct place *place, uint32_t tag, slice *value, struct arena *arena)
{
    const struct node *node = place->node;
    const struct entry *entry = &node->archive.entries[place->entry];
    bool counts = !node_quirk(node, QUIRK_find_series_counts_missing);
    char uid[UID_SIZE_MAX + 1];
    switch (tag) {
    case TAG_StudyInstanceUID:
        *value = copy(entry_uid(node, entry, uid), arena);
        return true;
    case TAG_StudyDate:
        *value = place->study->date;
        return true;
    case TAG_StudyTime:
        *value = place->study->time;
        return true;
    case TAG_StudyDescription:
        *value = place->study->description;
        return true;
    case TAG_AccessionNumber:
        *value = filed_accession(node, place->study->accession, arena);
        return true;
    case TAG_StudyID:
        *value = place->study->number >= 0 ? text_number(place->study->number, arena) : SLICE_EMPTY;
        return true;
    case TAG_ReferringPhysicianName:
        *value = SLICE_EMPTY;
        return true;
    case TAG_ModalitiesInStudy:
        *value = modalities(place, arena);
        return !node_quirk(node, QUIRK_find_modalities_in_study_missing);
    case TAG_NumberOfStudyRelatedSeries:
        *value = text_number(entry_series(node, entry), arena);
        return counts;
    case TAG_NumberOfStudyRelatedInstances:
        *value = text_number(entry_instances(node, entry), arena);
        return counts;
    default:
        return false;
    }
}

static bool series_value(const struct place *place, uint32_t tag, slice *value, struct arena *arena)
{
    switch (tag) {
    case TAG_SeriesInstanceUID:
        *value = copy(place->series.uid, arena);
        return true;
    case TAG_Modality:
        *value = place->series.modality;
        return true;
    case TAG_SeriesDescription:
        *value = place->series.description;
        return true;
    case TAG_BodyPartExamined:
        *value = place->series.body_part;
        return true;
    case TAG_Laterality:
        *value = place->study->laterality;
        return true;
    case TAG_SeriesNumber:
        *value = place->series.number < 0 ? SLICE_EMPTY : text_number(place->series.number, arena);
        return true;
    case TAG_NumberOfSeriesRelatedInstances:
        *value = text_number(place->series.count, arena);
        return !node_quirk(place->node, QUIRK_find_series_counts_missing);
    default:
        return false;
    }
}

static bool image_value(const struct place *place, uint32_t tag, slice *value, struct arena *arena)
{
    switch (tag) {
    case TAG_SOPInstanceUID:
        *value = copy(place->image.sop_uid, arena);
        return true;
    case TAG_SOPClassUID:
        *value = copy(place->image.sop_class, arena);
        return true;
    case TAG_InstanceNumber:
        *value = place->image.number < 0 ? SLICE_EMPTY : text_number(place->image.number, arena);
        return true;
    default:
        break;
    }
    if (place->instance.kept) {
        return false;
    }
    struct image_key key;
    archive_image_key(place->node, place->study, place->instance.number, &key);
    struct image_size size = image_dimensions(&key);
    switch (tag) {
    case TAG_Rows:
        *value = text_u16(size.rows, arena);
        return true;
    case TAG_Columns:
        *value = text_u16(size.columns, arena);
        return true;
    case TAG_NumberOfFrames:
        *value = text_number(size.frames, arena);
        return true;
    default:
        return false;
    }
}

static bool place_value(const struct place *place, uint32_t tag, slice *value, struct arena *arena)
{
    return patient_value(place, tag, value, arena) ||
           (place->operation->level >= LEVEL_STUDY && study_value(place, tag, value, arena)) ||
           (place->has_series && series_value(place, tag, value, arena)) ||
           (place->has_image && image_value(place, tag, value, arena));
}

static void place_study(struct place *place, struct node *node, const struct operation *operation,
                        uint32_t entry)
{
    place->node = node;
    place->operation = operation;
    place->entry = entry;
    place->study = entry_study(node, &node->archive.entries[entry], &place->room);
    place->has_series = place->has_image = false;
}

static void place_at(struct place *place, struct node *node, const struct operation *operation,
                     uint32_t entry, uint32_t inner)
{
    place_study(place, node, operation, entry);
    place->inner = inner;
    if (operation->level == LEVEL_SERIES) {
        place->has_series = true;
        entry_series_at(node, &node->archive.entries[entry], inner, &place->series);
    } else if (operation->level == LEVEL_IMAGE) {
        place->has_series = place->has_image = true;
        place->instance = entry_instance_at(node, entry, inner);
        instance_look(node, place->instance, &place->image);
        entry_series_at(node, &node->archive.entries[entry], instance_series(node, place->instance),
                        &place->series);
    }
}

/* ---- Matching. */
bool answer_fits(struct node *node, const struct operation *operation, uint32_t entry,
                 struct arena *arena)
{
    static const uint32_t tags[] = {TAG_PatientID, TAG_StudyInstanceUID, TAG_StudyDate,
                                    TAG_AccessionNumber};
    size_t used = arena->used;
    struct place place;
    bool fits = node->archive.entries[entry].present;
    place_study(&place, node, operation, entry);
    for (size_t i = 0; fits && i < sizeof tags / sizeof tags[0]; i++) {
        slice value = SLICE_EMPTY, key = dataset_get(&operation->match, tags[i]);
        bool known =
            i == 0 ? patient_value(&place, tags[i], &value, arena)
                   : operation->level >= LEVEL_STUDY && study_value(&place, tags[i], &value, arena);
        fits = key.size == 0 || !known || match_value(tag_vr(tags[i]), key, value);
    }
    arena->used = used;
    return fits;
}

/* Names as they are spelt. */
static bool name_fits(struct node *node, struct out *out, struct operation *operation,
                      const struct dataset *row)
{
    slice key = dataset_get(&operation->match, TAG_PatientName);
    if (!node_quirk(node, QUIRK_find_case_and_empty_policy) || key.size == 0 ||
        match_wildcard(key, dataset_get(row, TAG_PatientName))) {
        return true;
    }
    quirk_bites(node, out, operation, QUIRK_find_case_and_empty_policy);
    return false;
}

struct dataset *answer_match(struct node *node, struct out *out, struct operation *operation,
                             uint32_t entry, uint32_t inner)
{
    struct place place;
    struct dataset *row = arena_alloc(out->arena, sizeof *row);
    place_at(&place, node, operation, entry, inner);
    if (row == NULL || dataset_init(row, out->arena, operation->query.count + 8) != ERR_OK) {
        out->full = true;
        return NULL;
    }
    for (uint32_t i = 0; i < operation->query.count; i++) {
        const struct element *key = &operation->query.elements[i];
        slice value = SLICE_EMPTY;
        if (place_value(&place, key->tag, &value, out->arena) &&
            dataset_put_vr(row, key->tag, key->vr, value) != ERR_OK) {
            out->full = true;
        }
    }
    unsigned unknown = 0;
    if (!match_dataset(&operation->match, row, true, &unknown) ||
        !name_fits(node, out, operation, row)) {
        return NULL;
    }
    slice issuer = SLICE_EMPTY;
    bool tells = operation->level <= LEVEL_STUDY && dataset_has(row, TAG_PatientID) &&
                 patient_value(&place, TAG_IssuerOfPatientID, &issuer, out->arena) &&
                 issuer.size > 0;
    if (tells && dataset_put(row, TAG_IssuerOfPatientID, issuer) != ERR_OK) {
        out->full = true; /* a number without its issuer is nobody's */
    }
    operation->keys_missing = operation->keys_missing || unknown > 0;
    return row;
}

/* ---- Saying it. */
static bool is_text(uint16_t vr)
{
    return vr == VR_PN || vr == VR_LO || vr == VR_SH || vr == VR_LT || vr == VR_ST || vr == VR_UT;
}

static bool is_ascii(slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((uint8_t)text.data[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static slice pad_uid(slice uid, struct arena *arena)
{
    if (uid.size % 2 == 0) {
        return uid;
    }
    struct buffer text = buffer_make(arena, uid.size + 1);
    buffer_put(&text, uid);
    buffer_put_byte(&text, ' ');
    return text.full ? uid : buffer_slice(&text);
}

static void put(struct dataset *row, struct out *out, uint32_t tag, uint16_t vr, slice value)
{
    if (dataset_put_vr(row, tag, vr, value) != ERR_OK) {
        out->full = true;
    }
}

/* The quirks of identifiers and texts that changed this row. */
static void row_bites(struct node *node, struct out *out, struct operation *operation,
                      const struct dataset *row, bool ascii)
{
    const struct {
        enum quirk quirk;
        bool bit;
    } table[] = {
        {QUIRK_find_charset_absent_in_rsp, !ascii},
        {QUIRK_id_leading_zero_patient_id,
         slice_starts(dataset_get(row, TAG_PatientID), SLICE("0"))},
        {QUIRK_id_accession_prefix, dataset_get(row, TAG_AccessionNumber).size > 0},
        {QUIRK_id_issuer_absent, dataset_get(row, TAG_PatientID).size > 0},
        {QUIRK_find_modalities_in_study_missing,
         dataset_has(&operation->query, TAG_ModalitiesInStudy)},
        {QUIRK_find_series_counts_missing,
         dataset_has(&operation->query, TAG_NumberOfSeriesRelatedInstances) ||
             dataset_has(&operation->query, TAG_NumberOfStudyRelatedInstances)},
        {QUIRK_find_retrieve_ae_wrong, true},
        {QUIRK_find_missing_query_level_in_rsp, true},
        {QUIRK_find_unsolicited_attributes, true},
        {QUIRK_ds_uid_trailing_space, dataset_get(row, TAG_StudyInstanceUID).size % 2 == 1 ||
                                          dataset_get(row, TAG_SOPInstanceUID).size % 2 == 1 ||
                                          dataset_get(row, TAG_SeriesInstanceUID).size % 2 == 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].bit && node_quirk(node, table[i].quirk)) {
            quirk_bites(node, out, operation, table[i].quirk);
        }
    }
}

static void put_private(struct dataset *row, struct out *out)
{
    put(row, out, 0x00090010, VR_LO, SLICE("EMULATED PRIVATE"));
    put(row, out, 0x00091001, VR_LO, SLICE("nobody asked for this"));
    put(row, out, 0x00091002, VR_SH, SLICE("1"));
}

struct dataset *answer_row(struct node *node, struct out *out, struct operation *operation,
                           const struct dataset *row)
{
    static const char *const levels[] = {"PATIENT", "STUDY", "SERIES", "IMAGE"};
    struct dataset *answer = arena_alloc(out->arena, sizeof *answer);
    bool ascii = true, omits = node_quirk(node, QUIRK_find_missing_query_level_in_rsp);
    slice charset = node->vendor->charset;
    if (answer == NULL || dataset_init(answer, out->arena, row->count + 8) != ERR_OK) {
        out->full = true;
        return NULL;
    }
    for (uint32_t i = 0; i < row->count; i++) {
        const struct element *element = &row->elements[i];
        slice value = is_text(element->vr) ? image_encode(element->value, charset, out->arena)
                                           : element->value;
        ascii = ascii && is_ascii(value);
        value = element->vr == VR_UI && node_quirk(node, QUIRK_ds_uid_trailing_space)
                    ? pad_uid(value, out->arena)
                    : value;
        if (!omits || value.size > 0) {
            put(answer, out, element->tag, element->vr, value);
        }
    }
    if (!omits) {
        put(answer, out, TAG_QueryRetrieveLevel, VR_CS, slice_from(levels[operation->level]));
    }
    put(answer, out, TAG_RetrieveAETitle, VR_AE,
        node_quirk(node, QUIRK_find_retrieve_ae_wrong)
            ? quirk_text(node, QUIRK_find_retrieve_ae_wrong)
            : node->setup->aet);
    if (!node_quirk(node, QUIRK_find_charset_absent_in_rsp)) {
        bool wrong = (operation->bent >> BEND_charset_wrong & 1) != 0;
        bool utf8 = slice_equal(charset, SLICE("ISO_IR 192"));
        put(answer, out, TAG_SpecificCharacterSet, VR_CS,
            !wrong ? charset : utf8 ? SLICE("ISO_IR 100") : SLICE("ISO_IR 192"));
    }
    if (node_quirk(node, QUIRK_find_unsolicited_attributes)) {
        put_private(answer, out);
    }
    row_bites(node, out, operation, row, ascii);
    return answer;
}
