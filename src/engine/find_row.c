/* SPDX-License-Identifier: MIT
 *
 * The answer of a node made uniform: UTF-8, ids as the organisation writes them with their issuer,
 * nothing that does not answer the question. */
#include "src/engine/find_private.h"

void find_bit(struct engine *engine, struct out *out, uint32_t node, enum dialect dialect,
              const char *text)
{
    static const char *const names[DIALECT_COUNT] = {
#define DIALECT(name, quirks, does) #name,
#include "src/engine/dialect.def"
#undef DIALECT
    };
    if ((engine->find->told[node] >> dialect & 1) == 0) {
        engine->find->told[node] |= (uint64_t)1 << dialect;
        finding(engine, out, node, slice_from(names[dialect]), slice_from(text));
    }
}

/* ---- Text. */
static bool is_text_vr(uint16_t vr)
{
    /* Those that SpecificCharacterSet governs, as far as an answer has them. */
    return vr == VR_PN || vr == VR_LO || vr == VR_SH || vr == VR_ST;
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

static slice question_marks(struct out *out, slice text)
{
    struct buffer buffer = buffer_make(out->arena, text.size);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = (uint8_t)text.data[i];
        buffer_put_byte(&buffer, byte < 0x80 ? byte : '?');
    }
    return buffer.full ? SLICE_EMPTY : buffer_slice(&buffer);
}

static slice to_utf8(struct engine *engine, struct out *out, uint32_t node, slice raw, slice term)
{
    slice text;
    if (is_ascii(raw) && slice_index(raw, '\x1b') == raw.size) {
        return raw;
    }
    if (term.size > 0 && charset_decode(&text, raw, term, out->arena) == ERR_OK) {
        return text;
    }
    if (node_has(engine, node, DIALECT_assume_charset)) {
        slice own = node_at(engine, node)->charset;
        if (charset_decode(&text, raw, own.size > 0 ? own : SLICE("ISO_IR 100"), out->arena) ==
            ERR_OK) {
            find_bit(engine, out, node, DIALECT_assume_charset,
                     "text without a usable character set is read in the node's own");
            return text;
        }
    }
    return question_marks(out, raw);
}

/* ---- Ids. */
static slice strip_zeros(struct engine *engine, const struct find *find, slice id)
{
    const struct node_config *node = node_at(engine, find->node);
    if (!node_has(engine, find->node, DIALECT_strip_zeros) || id.size != node->patient_id_width) {
        return id;
    }
    slice asked = slice_unpad(dataset_get(&find->keys, TAG_PatientID)), bare = id;
    while (bare.size > 1 && bare.data[0] == '0') {
        if (asked.size == bare.size && slice_equal(asked, bare)) {
            break; /* a number that has zeros of its own */
        }
        bare = slice_after(bare, 1);
    }
    return bare;
}

static slice strip_prefix(struct engine *engine, uint32_t node, slice accession)
{
    slice prefix = node_at(engine, node)->accession_prefix;
    bool has = node_has(engine, node, DIALECT_accession_prefix) && prefix.size > 0 &&
               slice_starts(accession, prefix);
    return has ? slice_after(accession, prefix.size) : accession;
}

static slice first_value(slice value)
{
    return slice_trim(slice_before(value, slice_index(value, '\\')));
}

static slice uniform_value(struct engine *engine, struct out *out, const struct find *find,
                           const struct element *element, slice term)
{
    slice value = slice_unpad(element->value);
    uint16_t vr = tag_vr(element->tag);
    if (vr == VR_UI && element->value.size > 0 &&
        element->value.data[element->value.size - 1] == ' ') {
        /* PS3.5 9.1 pads UIDs with NUL; a space is a fault that many products have, undone by
         * unpadding above. */
        value = slice_trim(value);
    }
    switch (element->tag) {
    case TAG_PatientID:
        return strip_zeros(engine, find, first_value(value));
    case TAG_AccessionNumber:
        return strip_prefix(engine, find->node, first_value(value));
    default:
        return is_text_vr(vr) ? to_utf8(engine, out, find->node, value, term) : value;
    }
}

static bool is_dropped(const struct element *element)
{
    return element->items != NULL || element->item_count > 0 || (element->tag >> 16) % 2 != 0 ||
           (element->tag & 0xFFFF) == 0 || element->tag == TAG_SpecificCharacterSet ||
           element->tag == TAG_QueryRetrieveLevel || element->tag == TAG_RetrieveAETitle;
}

static slice issuer_of(struct engine *engine, struct out *out, const struct find *find,
                       const struct dataset *raw)
{
    slice issuer = slice_trim(dataset_get(raw, TAG_IssuerOfPatientID));
    if (issuer.size > 0) {
        const struct organisation *organisation = organisation_by_issuer(engine, issuer);
        return organisation == NULL ? issuer : organisation->issuer;
    }
    if (node_has(engine, find->node, DIALECT_assume_issuer)) {
        find_bit(engine, out, find->node, DIALECT_assume_issuer,
                 "patient ids without an issuer are the organisation's own");
        return node_organisation(engine, find->node)->issuer;
    }
    return SLICE_EMPTY;
}

bool find_uniform(struct engine *engine, struct out *out, const struct find *find,
                  const struct dataset *raw, struct dataset *row)
{
    slice term = dataset_get(raw, TAG_SpecificCharacterSet);
    bool ok = dataset_init(row, out->arena, raw->count + 6) == ERR_OK;
    for (uint32_t i = 0; ok && i < raw->count; i++) {
        const struct element *element = &raw->elements[i];
        if (!is_dropped(element)) {
            ok = dataset_put(row, element->tag, uniform_value(engine, out, find, element, term)) ==
                 ERR_OK;
        }
    }
    if (ok && find->parts->level <= FIND_STUDY) {
        ok = dataset_put(row, TAG_IssuerOfPatientID, issuer_of(engine, out, find, raw)) == ERR_OK;
    }
    /* Parents that the node leaves out, from the question. */
    if (ok && find->parts->study.size > 0 && dataset_get(row, TAG_StudyInstanceUID).size == 0) {
        ok = dataset_put(row, TAG_StudyInstanceUID, find->parts->study) == ERR_OK;
    }
    if (ok && find->parts->series.size > 0 && dataset_get(row, TAG_SeriesInstanceUID).size == 0) {
        ok = dataset_put(row, TAG_SeriesInstanceUID, find->parts->series) == ERR_OK;
    }
    return ok;
}

/* ---- Does it answer? */
/* Keys by which a row is told to be somebody's: one that comes without them is nobody's. */
static bool must_come_back(uint32_t tag)
{
    return tag == TAG_PatientID || tag == TAG_StudyInstanceUID || tag == TAG_AccessionNumber ||
           tag == TAG_SeriesInstanceUID || tag == TAG_SOPInstanceUID;
}

bool find_matches(struct engine *engine, struct out *out, const struct find *find,
                  enum find_level level, const struct dataset *row)
{
    (void)engine;
    struct dataset keys;
    if (MUTANT(M_TRUST_SOURCE)) {
        return true;
    }
    if (dataset_init(&keys, out->arena, find->keys.count) != ERR_OK) {
        out->full = true;
        return false;
    }
    for (uint32_t i = 0; i < find->keys.count; i++) {
        const struct element *key = &find->keys.elements[i];
        enum find_level own =
            key->tag == TAG_StudyInstanceUID ? FIND_STUDY : find_tag_level(key->tag);
        bool here = level <= FIND_STUDY ? own <= FIND_STUDY
                                        : own == level || key->tag == TAG_StudyInstanceUID ||
                                              key->tag == TAG_SeriesInstanceUID;
        if (!here || key->value.size == 0 || key->item_count > 0 ||
            key->tag == TAG_IssuerOfPatientID) {
            continue;
        }
        if (must_come_back(key->tag) && !dataset_has(row, key->tag)) {
            return false;
        }
        if (dataset_put(&keys, key->tag, key->value) != ERR_OK) {
            return false;
        }
    }
    unsigned unknown = 0;
    return match_dataset(&keys, row, true, &unknown);
}

/* Whose accession number: told by its letters when they are those of an organisation, else the
 * node's own. */
static slice accession_issuer_of(const struct engine *engine, uint32_t node, slice accession)
{
    const struct organisation *own = node_organisation(engine, node);
    if (accession.size == 0 || slice_starts(accession, own->accession_issuer)) {
        return own->accession_issuer;
    }
    for (size_t i = 0; i < engine->config->organisation_count; i++) {
        slice letters = engine->config->organisations[i].accession_issuer;
        if (letters.size > 0 && slice_starts(accession, letters)) {
            return letters;
        }
    }
    return own->accession_issuer;
}

void find_describe(struct engine *engine, uint32_t node, const struct dataset *dataset,
                   struct find_row *row)
{
    *row = (struct find_row){.dataset = dataset};
    row->patient_id = dataset_get(dataset, TAG_PatientID);
    row->patient_issuer = dataset_get(dataset, TAG_IssuerOfPatientID);
    row->accession = dataset_get(dataset, TAG_AccessionNumber);
    row->accession_issuer = accession_issuer_of(engine, node, row->accession);
    row->study_uid = dataset_get(dataset, TAG_StudyInstanceUID);
    row->series_uid = dataset_get(dataset, TAG_SeriesInstanceUID);
    row->sop_uid = dataset_get(dataset, TAG_SOPInstanceUID);
}

/* ---- Rows seen. */
/* The place of the hash: free, or of an equal one. */
static uint16_t *seen_place(const struct find *find, uint64_t hash)
{
    uint32_t at = (uint32_t)(hash >> 32) & find->seen_mask;
    while (find->seen_at[at] != 0 && find->seen[find->seen_at[at] - 1] != hash) {
        at = (at + 1) & find->seen_mask;
    }
    return &find->seen_at[at];
}

/* Most questions have few rows, and are to touch little memory. */
static void seen_grow(struct find *find)
{
    find->seen_mask = 2 * find->seen_mask + 1;
    memset(find->seen_at, 0, (find->seen_mask + 1) * sizeof *find->seen_at);
    for (uint32_t s = 0; s < find->seen_count; s++) {
        *seen_place(find, find->seen[s]) = (uint16_t)(s + 1);
    }
}

bool find_seen_before(struct find *find, slice uid)
{
    uint64_t hash = hash64_words(find->handle, uid);
    uint16_t *place = seen_place(find, hash);
    if (*place != 0) {
        return true;
    }
    find->seen[find->seen_count++] = hash;
    *place = (uint16_t)find->seen_count;
    if (find->seen_count * 4 >= (find->seen_mask + 1) * 3 && find->seen_mask + 1 < FIND_SEEN) {
        seen_grow(find);
    }
    return false;
}
