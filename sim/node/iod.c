/* SPDX-License-Identifier: MIT
 *
 * IOD: the header of a made object from the table iod.def, and the few sequences that a table
 * cannot hold. */
#include "sim/node/images_private.h"

#include "src/dicom/charset.h"

#define HEADER_ELEMENTS 96

static const struct iod_row {
    const char *modalities;
    uint32_t tag;
    const char *value;
} rows[] = {
#define IOD(modalities, keyword, value) {modalities, TAG_##keyword, value},
#include "sim/node/iod.def"
#undef IOD
};

static bool is_ascii(slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((uint8_t)text.data[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

slice image_encode(slice utf8, slice charset, struct arena *arena)
{
    slice raw;
    if (is_ascii(utf8)) {
        return utf8;
    }
    if (charset_encode(&raw, utf8, charset, arena) == ERR_OK) {
        return raw;
    }
    struct buffer text = buffer_make(arena, utf8.size);
    for (size_t i = 0; i < utf8.size;) {
        size_t size = 1;
        while (i + size < utf8.size && ((uint8_t)utf8.data[i + size] & 0xC0) == 0x80) {
            size++;
        }
        slice letter = {utf8.data + i, size};
        buffer_put(&text,
                   charset_encode(&raw, letter, charset, arena) == ERR_OK ? raw : SLICE("?"));
        i += size;
    }
    return buffer_slice(&text);
}

/* ---- Values that depend on the study and the instance. */
static slice text_int(int64_t number, struct arena *arena)
{
    struct buffer text = buffer_make(arena, 20);
    buffer_put_int(&text, number);
    return buffer_slice(&text);
}

static slice text_u16(uint32_t number, struct arena *arena)
{
    struct buffer text = buffer_make(arena, 2);
    buffer_put_u16(&text, (uint16_t)number);
    return buffer_slice(&text);
}

/* Tenths of a millimetre, as 120.5. */
static void put_tenths(struct buffer *text, int64_t tenths)
{
    if (tenths < 0) {
        buffer_put_byte(text, '-');
        tenths = -tenths;
    }
    buffer_put_int(text, tenths / 10);
    buffer_put_byte(text, '.');
    buffer_put_int(text, tenths % 10);
}

static int64_t slice_tenths(const struct image_key *key)
{
    uint32_t series = image_series_of(key->study, key->instance);
    return 50 * (int64_t)(key->instance - image_series_first(key->study, series)) - 1000;
}

static slice text_position(const struct image_key *key, struct arena *arena)
{
    struct buffer text = buffer_make(arena, 64);
    buffer_put_text(&text, "-180.0\\-180.0\\");
    put_tenths(&text, slice_tenths(key));
    return buffer_slice(&text);
}

static slice text_slice(const struct image_key *key, struct arena *arena)
{
    struct buffer text = buffer_make(arena, 24);
    put_tenths(&text, slice_tenths(key));
    return buffer_slice(&text);
}

/* 360 mm across, in thousandths. */
static slice text_spacing(const struct image_key *key, struct arena *arena)
{
    int64_t thousandths = 360000 / image_dimensions(key).columns;
    struct buffer text = buffer_make(arena, 40);
    for (int i = 0; i < 2; i++) {
        buffer_put_text(&text, i > 0 ? "\\" : "");
        buffer_put_int(&text, thousandths / 1000);
        buffer_put_byte(&text, '.');
        buffer_put_padded(&text, (uint64_t)(thousandths % 1000), 3);
    }
    return buffer_slice(&text);
}

static slice uid_copy(slice uid, struct arena *arena)
{
    slice copy = arena_copy(arena, uid);
    return copy.data == NULL ? SLICE_EMPTY : copy;
}

static slice frame_of_reference(const struct image_key *key, struct arena *arena)
{
    char text[UID_SIZE_MAX + 1];
    struct buffer uid = buffer_over(text, sizeof text);
    uint64_t number = (uint64_t)key->study->number;
    uid_put(&uid, random_draw(key->seed, PURPOSE('f', 'o', 'r', 'u'), number, 0),
            random_draw(key->seed, PURPOSE('f', 'o', 'r', 'u'), number, 1));
    return uid_copy(buffer_slice(&uid), arena);
}

static slice study_value(const struct image_key *key, slice name, struct arena *arena)
{
    const struct node_study *study = key->study;
    slice charset = key->charset.size > 0 ? key->charset : SLICE("ISO_IR 192");
    const struct {
        slice name, value;
        bool text;
    } table[] = {
        {SLICE("charset"), charset, false},
        {SLICE("date"), study->date, false},
        {SLICE("time"), study->time, false},
        {SLICE("accession"), study->accession, false},
        {SLICE("modality"),
         slice_equal(study->modality, SLICE("XR")) ? SLICE("CR") : study->modality, false},
        {SLICE("description"), study->description, true},
        {SLICE("name"), study->name, true},
        {SLICE("patient_id"), study->patient_id, false},
        {SLICE("issuer"), key->no_issuer ? SLICE_EMPTY : study->issuer, false},
        {SLICE("birth_date"), study->birth_date, false},
        {SLICE("sex"), study->sex, false},
        {SLICE("body_part"), study->body_part, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (slice_equal(table[i].name, name)) {
            return table[i].text ? image_encode(table[i].value, charset, arena) : table[i].value;
        }
    }
    return (slice){NULL, 0};
}

static slice uid_value(const struct image_key *key, slice name, struct arena *arena)
{
    char text[UID_SIZE_MAX + 1];
    uint32_t series = image_series_of(key->study, key->instance);
    if (slice_equal(name, SLICE("sop_class"))) {
        return image_sop_class(key->study, key->instance);
    }
    if (slice_equal(name, SLICE("sop_uid"))) {
        return uid_copy(image_sop_uid(key->seed, key->study, key->instance, text), arena);
    }
    if (slice_equal(name, SLICE("study_uid"))) {
        return uid_copy(image_study_uid(key->seed, key->study, text), arena);
    }
    if (slice_equal(name, SLICE("series_uid"))) {
        return uid_copy(image_series_uid(key->seed, key->study, series, text), arena);
    }
    return slice_equal(name, SLICE("frame_of_reference")) ? frame_of_reference(key, arena)
                                                          : (slice){NULL, 0};
}

static slice ones(uint32_t count, struct arena *arena)
{
    struct buffer text = buffer_make(arena, 2 * (size_t)count);
    for (uint32_t i = 0; i < count; i++) {
        buffer_put_u16(&text, 1);
    }
    return buffer_slice(&text);
}

static slice orientation(const struct image_key *key)
{
    if (image_is_oblique(key)) {
        return image_is_left(key) ? SLICE("A\\FR") : SLICE("P\\FL");
    }
    return image_is_left(key) ? SLICE("A\\R") : SLICE("P\\L");
}

/* Laterality stands only where the body part is one of a pair (PS3.3 C.7.3.1). */
static bool is_paired(slice body_part)
{
    static const char *const paired[] = {"BREAST", "KNEE",  "HIP",  "SHOULDER", "ELBOW",  "WRIST",
                                         "HAND",   "ANKLE", "FOOT", "EYE",      "KIDNEY", "LUNG"};
    for (size_t i = 0; i < sizeof paired / sizeof paired[0]; i++) {
        if (slice_equal(body_part, slice_from(paired[i]))) {
            return true;
        }
    }
    return false;
}

static slice made_value(const struct image_key *key, slice name, struct arena *arena)
{
    struct image_size size = image_dimensions(key);
    uint32_t series = image_series_of(key->study, key->instance);
    uint32_t stored = size.bits == 8                       ? 8
                      : image_kind(key->study) == IMAGE_NM ? 16
                                                           : 12; /* NM: PS3.3 C.8.4.8.1 */
    slice side = key->study->laterality;
    bool one_side = slice_equal(side, SLICE("L")) || slice_equal(side, SLICE("R"));
    const struct {
        slice name, value;
    } table[] = {
        {SLICE("study_id"), text_int(key->study->number, arena)},
        {SLICE("series_number"), text_int(series + 1, arena)},
        {SLICE("instance_number"),
         text_int(key->instance - image_series_first(key->study, series) + 1, arena)},
        {SLICE("position"), text_position(key, arena)},
        {SLICE("slice"), text_slice(key, arena)},
        {SLICE("spacing"), text_spacing(key, arena)},
        {SLICE("rows"), text_u16(size.rows, arena)},
        {SLICE("columns"), text_u16(size.columns, arena)},
        {SLICE("bits_allocated"), text_u16(size.bits, arena)},
        {SLICE("bits_stored"), text_u16(stored, arena)},
        {SLICE("high_bit"), text_u16(stored - 1, arena)},
        {SLICE("minus_one"), text_u16(0xFFFF, arena)},
        {SLICE("laterality"), image_is_left(key) ? SLICE("L") : SLICE("R")},
        {SLICE("side"), !is_paired(key->study->body_part) ? (slice){NULL, 0}
                        : one_side                        ? side
                                                          : SLICE_EMPTY},
        {SLICE("orientation"), orientation(key)},
        {SLICE("nm_pointer"), SLICE("\x54\x00\x10\x00\x54\x00\x20\x00")},
        {SLICE("ones"), ones(size.frames, arena)},
        /* Of a clip only. */
        {SLICE("frames"), image_is_clip(key) ? text_int(size.frames, arena) : (slice){NULL, 0}},
        {SLICE("frame_time"), image_is_clip(key) ? SLICE("40") : (slice){NULL, 0}},
        {SLICE("frame_pointer"), image_is_clip(key) ? SLICE("\x18\x00\x63\x10") : (slice){NULL, 0}},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (slice_equal(table[i].name, name)) {
            return table[i].value;
        }
    }
    return (slice){NULL, 0};
}

/* data null: the element is left out. */
static slice row_value(const struct image_key *key, const char *value, struct arena *arena)
{
    slice text = slice_from(value);
    int64_t number = 0;
    if (text.size == 0 || (text.data[0] != '=' && text.data[0] != '#')) {
        return text;
    }
    slice name = slice_after(text, 1);
    if (text.data[0] == '#') {
        return slice_to_int64(name, &number) ? text_u16((uint32_t)number, arena) : (slice){NULL, 0};
    }
    slice found = study_value(key, name, arena);
    found = found.data == NULL ? uid_value(key, name, arena) : found;
    return found.data == NULL ? made_value(key, name, arena) : found;
}

/* ---- Sequences. */
static struct dataset *code_item(slice value, slice scheme, slice meaning, struct arena *arena)
{
    struct dataset *item = arena_alloc(arena, sizeof *item);
    if (item == NULL || dataset_init(item, arena, 4) != ERR_OK ||
        dataset_put(item, TAG_CodeValue, value) != ERR_OK ||
        dataset_put(item, TAG_CodingSchemeDesignator, scheme) != ERR_OK ||
        dataset_put(item, TAG_CodeMeaning, meaning) != ERR_OK) {
        return NULL;
    }
    return item;
}

static enum err put_empty(struct dataset *header, uint32_t tag)
{
    return dataset_put_items(header, tag, NULL, 0);
}

static enum err put_mammography(const struct image_key *key, struct dataset *header,
                                struct arena *arena)
{
    struct dataset *breast = code_item(SLICE("T-04000"), SLICE("SRT"), SLICE("Breast"), arena);
    struct dataset *view =
        image_is_oblique(key)
            ? code_item(SLICE("R-10226"), SLICE("SRT"), SLICE("medio-lateral oblique"), arena)
            : code_item(SLICE("R-10242"), SLICE("SRT"), SLICE("cranio-caudal"), arena);
    if (breast == NULL || view == NULL || put_empty(view, TAG_ViewModifierCodeSequence) != ERR_OK ||
        dataset_put_items(header, TAG_AnatomicRegionSequence, breast, 1) != ERR_OK) {
        return ERR_LIMIT;
    }
    return dataset_put_items(header, TAG_ViewCodeSequence, view, 1);
}

static enum err put_nuclear(struct dataset *header, struct arena *arena)
{
    static const uint32_t empty[] = {
        TAG_EnergyWindowInformationSequence, TAG_RadiopharmaceuticalInformationSequence,
        TAG_PatientOrientationCodeSequence, TAG_PatientGantryRelationshipCodeSequence};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        if (put_empty(header, empty[i]) != ERR_OK) {
            return ERR_LIMIT;
        }
    }
    struct dataset *detector = arena_alloc(arena, sizeof *detector);
    if (detector == NULL || dataset_init(detector, arena, 3) != ERR_OK ||
        dataset_put(detector, TAG_CollimatorType, SLICE("PARA")) != ERR_OK ||
        dataset_put(detector, TAG_ImagePositionPatient, SLICE_EMPTY) != ERR_OK ||
        dataset_put(detector, TAG_ImageOrientationPatient, SLICE_EMPTY) != ERR_OK) {
        return ERR_LIMIT;
    }
    return dataset_put_items(header, TAG_DetectorInformationSequence, detector, 1);
}

static enum err put_sequences(const struct image_key *key, struct dataset *header,
                              struct arena *arena)
{
    enum image_kind kind = image_kind(key->study);
    enum err err = ERR_OK;
    if (kind == IMAGE_DX) {
        bool abdomen = slice_equal(key->study->body_part, SLICE("ABDOMEN"));
        struct dataset *region =
            abdomen ? code_item(SLICE("T-D4000"), SLICE("SRT"), SLICE("Abdomen"), arena)
                    : code_item(SLICE("T-D3000"), SLICE("SRT"), SLICE("Chest"), arena);
        err = region == NULL ? ERR_LIMIT
                             : dataset_put_items(header, TAG_AnatomicRegionSequence, region, 1);
    }
    if (kind == IMAGE_DX || kind == IMAGE_MG) {
        err = err == ERR_OK ? put_empty(header, TAG_AcquisitionContextSequence) : err;
    }
    if (kind == IMAGE_MG) {
        err = err == ERR_OK ? put_mammography(key, header, arena) : err;
    }
    return kind == IMAGE_NM && err == ERR_OK ? put_nuclear(header, arena) : err;
}

static bool is_meant(const char *modalities, enum image_kind kind)
{
    static const char letters[IMAGE_KIND_COUNT + 1] = "CMRDUGNS";
    for (; *modalities != '\0'; modalities++) {
        if (*modalities == '*' || *modalities == letters[kind]) {
            return true;
        }
    }
    return false;
}

enum err image_header(const struct image_key *key, struct dataset *header, struct arena *arena)
{
    enum image_kind kind = image_kind(key->study);
    if (dataset_init(header, arena, HEADER_ELEMENTS) != ERR_OK) {
        return ERR_LIMIT;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!is_meant(rows[i].modalities, kind)) {
            continue;
        }
        slice value = row_value(key, rows[i].value, arena);
        if (value.data != NULL && dataset_put(header, rows[i].tag, value) != ERR_OK) {
            return ERR_LIMIT;
        }
    }
    return put_sequences(key, header, arena);
}
