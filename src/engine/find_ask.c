/* SPDX-License-Identifier: MIT
 *
 * The question in the dialect of the node it goes to. What is not sent is filtered here afterwards.
 */
#include "src/engine/find_private.h"

/* Attributes that are keys below the study; everything else that is asked for belongs to patient or
 * study (PS3.4 C.6). */
static const struct {
    uint32_t tag;
    enum find_level level;
} levels[] = {
    {TAG_PatientID, FIND_PATIENT},        {TAG_PatientName, FIND_PATIENT},
    {TAG_PatientBirthDate, FIND_PATIENT}, {TAG_PatientSex, FIND_PATIENT},
    {TAG_SeriesInstanceUID, FIND_SERIES}, {TAG_Modality, FIND_SERIES},
    {TAG_SeriesNumber, FIND_SERIES},      {TAG_SeriesDescription, FIND_SERIES},
    {TAG_SeriesDate, FIND_SERIES},        {TAG_SeriesTime, FIND_SERIES},
    {TAG_BodyPartExamined, FIND_SERIES},  {TAG_NumberOfSeriesRelatedInstances, FIND_SERIES},
    {TAG_SOPInstanceUID, FIND_IMAGE},     {TAG_SOPClassUID, FIND_IMAGE},
    {TAG_InstanceNumber, FIND_IMAGE},     {TAG_ContentDate, FIND_IMAGE},
};

enum find_level find_tag_level(uint32_t tag)
{
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (levels[i].tag == tag) {
            return levels[i].level;
        }
    }
    return FIND_STUDY;
}

bool find_push(struct find *find, const struct part *part)
{
    struct part *copy = arena_alloc(&find->arena, sizeof *copy);
    if (copy == NULL) {
        return false;
    }
    *copy = *part;
    copy->next = find->parts;
    find->parts = copy;
    return true;
}

/* ---- Days. */
static bool day_of(slice date, int32_t *day)
{
    time_ns at;
    if (date.size < 8 || !time_from_ts(slice_before(date, 8), &at)) {
        return false;
    }
    *day = (int32_t)((at < 0 ? at - TIME_DAY + 1 : at) / TIME_DAY);
    return true;
}

#define FIRST_DAY   0   /* 1970-01-01: no digital image is older */
#define AHEAD_DAYS  366 /* a modality's clock may be wrong: images of tomorrow exist */
#define NARROW_DAYS 366 /* a question over more days, without patient or number, is a broad one */

/* The span a StudyDate key asks for, within what can exist; one day if it has none: it is asked, and nothing
 * that comes answers the question. */
static void span_of(const struct engine *engine, slice date, int32_t *first, int32_t *last)
{
    int32_t latest = (int32_t)(engine->now / TIME_DAY) + AHEAD_DAYS;
    size_t dash = slice_index(date, '-');
    slice from = slice_before(date, dash),
          to = dash == date.size ? date : slice_after(date, dash + 1);
    if (!day_of(from, first) || *first < FIRST_DAY) {
        *first = FIRST_DAY;
    }
    if (!day_of(to, last) || *last > latest) {
        *last = latest;
    }
    if (*last < *first) {
        *last = *first;
    }
}

/* A question that names no patient, study or accession number reads the whole archive, or the days
 * it names. */
static bool is_broad(const struct dataset *keys)
{
    static const uint32_t narrow[] = {TAG_PatientID, TAG_StudyInstanceUID, TAG_AccessionNumber};
    for (size_t i = 0; i < sizeof narrow / sizeof narrow[0]; i++) {
        slice value = dataset_get(keys, narrow[i]);
        if (value.size > 0 && !slice_equal(value, SLICE("*"))) {
            return false;
        }
    }
    return true;
}

/* The part once for each year of its span, for a node that blocks broad questions; as it is for the
 * others. */
static bool push_years(struct engine *engine, struct out *out, struct find *find, struct part part)
{
    int32_t first, last;
    if (part.level > FIND_STUDY || !node_has(engine, find->node, DIALECT_narrow_first) ||
        !is_broad(&find->keys)) {
        return find_push(find, &part);
    }
    span_of(engine, dataset_get_first(&find->keys, TAG_StudyDate), &first, &last);
    bool ok = true;
    part.dated = true;
    for (int32_t day = first; ok && day <= last; day += NARROW_DAYS) {
        part.first_day = day;
        part.last_day = last - day < NARROW_DAYS ? last : day + NARROW_DAYS - 1;
        ok = find_push(find, &part); /* the newest year is asked first */
    }
    if (last - first >= NARROW_DAYS) {
        find_bit(engine, out, find->node, DIALECT_narrow_first,
                 "a broad question is asked year by year");
    }
    return ok;
}

#define KNOWN_MAX 512

/* The days, in order, of what the registry has at this node of the patient who is asked for; how many. */
static uint32_t known_days(const struct engine *engine, const struct find *find,
                           int32_t days[KNOWN_MAX])
{
    slice id = dataset_get_first(&find->keys, TAG_PatientID), node = node_at(engine, find->node)->name;
    slice issuer = node_organisation(engine, find->node)->issuer;
    int64_t person = id.size == 0 ? 0 : identity_person(engine, issuer, id);
    uint32_t count = 0;
    for (uint32_t at = person == 0 ? ROW_NONE : index_first_int(engine, INDEX_study_person, person);
         at != ROW_NONE && count < KNOWN_MAX; at = index_next(engine, INDEX_study_person, at)) {
        struct row_study study = row_get_study(engine, at);
        struct row_copy copy = {.study = study.id, .node = node};
        int32_t day = 0;
        if (!day_of(study.date, &day) || row_find_copy(engine, &copy) == ROW_NONE) {
            continue;
        }
        uint32_t place = count++;
        for (; place > 0 && days[place - 1] > day; place--) {
            days[place] = days[place - 1];
        }
        days[place] = day;
    }
    return count;
}

/* A node that cuts its lists is asked for spans of days in which the registry knows of fewer than it tells: a question
 * that is sure to be cut is never put. The newest days are asked first. */
static bool push_known(struct engine *engine, struct out *out, struct find *find, struct part part)
{
    uint32_t cap = WITHOUT(DIALECT_row_cap) || part.level > FIND_STUDY || part.study.size > 0 ||
                           dataset_get(&find->keys, TAG_StudyDate).size > 0
                       ? 0
                       : health_row_cap(engine, find->node);
    int32_t days[KNOWN_MAX];
    uint32_t count = cap < 2 ? 0 : known_days(engine, find, days), held = 0;
    if (cap < 2 || count < cap) {
        return push_years(engine, out, find, part);
    }
    bool ok = true;
    int32_t last;
    span_of(engine, SLICE_EMPTY, &part.first_day, &last);
    part.dated = true;
    for (uint32_t i = 0; ok && i < count; i++, held++) {
        if (held + 1 >= cap && days[i] > days[i - 1]) {
            part.last_day = days[i] - 1;
            ok = find_push(find, &part);
            part.first_day = days[i];
            held = 0;
        }
    }
    part.last_day = last;
    return ok && find_push(find, &part);
}

/* Names are matched as they are spelt by some products: they are asked for as given and in
 * capitals. */
static bool push_names(struct engine *engine, struct out *out, struct find *find, struct part part)
{
    slice name = dataset_get(&find->keys, TAG_PatientName);
    bool sent = part.level <= FIND_STUDY && name.size > 0 &&
                dataset_get(&find->keys, TAG_PatientID).size == 0 && !slice_equal(name, SLICE("*"));
    for (size_t i = 0; sent && i < name.size; i++) {
        if (name.data[i] >= 'a' && name.data[i] <= 'z') {
            part.capitals = true;
            sent = false;
            if (!push_known(engine, out, find, part)) {
                return false;
            }
        }
    }
    part.capitals = false;
    return push_known(engine, out, find, part);
}

/* Lists of UIDs are asked one by one: products look at the first few only (find-list-of-uid-limit).
 */
bool find_first_part(struct engine *engine, struct out *out, struct find *find)
{
    find->level = find->level == FIND_PATIENT
                      ? FIND_STUDY
                      : find->level; /* Study Root knows no patients (PS3.4 C.6.2) */
    slice studies = dataset_get(&find->keys, TAG_StudyInstanceUID),
          all_series = dataset_get(&find->keys, TAG_SeriesInstanceUID);
    enum find_level level = find->level;
    level = level == FIND_IMAGE && all_series.size == 0 ? FIND_SERIES : level;
    level = level == FIND_SERIES && studies.size == 0 ? FIND_STUDY : level;
    if (level != find->level && node_has(engine, find->node, DIALECT_hierarchical_only)) {
        find_bit(engine, out, find->node, DIALECT_hierarchical_only, "walks down from the study");
    }
    bool ok = true;
    for (slice rest = studies; ok && rest.data != NULL;) {
        slice study = slice_trim(slice_cut(&rest, '\\'));
        for (slice inner = level >= FIND_SERIES ? all_series : SLICE_EMPTY;
             ok && inner.data != NULL;) {
            struct part part = {
                .level = level, .study = study, .series = slice_trim(slice_cut(&inner, '\\'))};
            ok = push_names(engine, out, find, part);
        }
    }
    return ok;
}

/* Between the days that the rows told so far lie on, so that each half has fewer of them. */
static int32_t middle_of(const struct find *find, const struct part *part)
{
    int32_t early = find->early_day, late = find->late_day;
    if (early > late || early < part->first_day || late > part->last_day) {
        return part->first_day + (part->last_day - part->first_day) / 2;
    }
    if (early < late) {
        return early + (late - early) / 2;
    }
    return early > part->first_day ? early - 1 : early; /* all on one day: it is cut off */
}

bool find_split(struct engine *engine, struct find *find)
{
    struct part part = *find->parts;
    if (part.level > FIND_STUDY || part.study.size > 0) {
        return false;
    }
    if (!part.dated) {
        span_of(engine, dataset_get_first(&find->keys, TAG_StudyDate), &part.first_day,
                &part.last_day);
        part.dated = true;
    }
    if (part.first_day >= part.last_day) {
        return false;
    }
    int32_t middle = middle_of(find, &part);
    struct part early = part, late = part;
    early.last_day = middle;
    late.first_day = middle + 1;
    find->parts = find->parts->next;
    return find_push(find, &early) && find_push(find, &late);
}

void find_note_day(struct find *find, slice date)
{
    int32_t day;
    if (day_of(date, &day)) {
        find->early_day = day < find->early_day ? day : find->early_day;
        find->late_day = day > find->late_day ? day : find->late_day;
    }
}

/* ---- One key. */
static bool has_wildcard(slice value)
{
    return slice_index(value, '*') < value.size || slice_index(value, '?') < value.size;
}

static bool is_digits(slice value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') {
            return false;
        }
    }
    return value.size > 0;
}

static slice padded_id(struct engine *engine, struct out *out, const struct find *find, slice id)
{
    uint32_t width = node_at(engine, find->node)->patient_id_width;
    if (!node_has(engine, find->node, DIALECT_strip_zeros) || !is_digits(id) || id.size >= width ||
        width > 64) {
        return id;
    }
    static const char zeros[65] =
        "0000000000000000000000000000000000000000000000000000000000000000";
    find_bit(engine, out, find->node, DIALECT_strip_zeros,
             "patient ids are asked for with leading zeros");
    return TEXT(out, (slice){zeros, width - id.size}, id);
}

/* Bytes beyond ASCII become the wildcard for one character: sources match in encodings of their
 * own. What may follow, empty components and titles, is left open. */
static slice name_asked(struct out *out, slice name, bool capitals, bool open)
{
    struct buffer buffer = buffer_make(out->arena, name.size + 1);
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = (uint8_t)name.data[i];
        bool small = byte >= 'a' && byte <= 'z';
        if ((byte & 0xC0) != 0x80) { /* once a character */
            buffer_put_byte(&buffer, byte >= 0x80        ? '?'
                                     : capitals && small ? (uint8_t)(byte - 32)
                                                         : byte);
        }
    }
    if (open && name.size > 0 && name.data[name.size - 1] != '*') {
        buffer_put_byte(&buffer, '*');
    }
    return buffer.full ? SLICE_EMPTY : buffer_slice(&buffer);
}

static slice key_value(struct engine *engine, struct out *out, const struct find *find,
                       const struct element *key)
{
    slice value = slice_unpad(key->value);
    bool strict = node_has(engine, find->node, DIALECT_no_wildcards);
    uint16_t vr = tag_vr(key->tag);
    if (slice_equal(value, SLICE("*"))) {
        return SLICE_EMPTY; /* universal matching as the standard writes it (PS3.4 C.2.2.2.3) */
    }
    switch (key->tag) {
    case TAG_PatientID:
        value = padded_id(engine, out, find, value);
        break;
    case TAG_AccessionNumber:
        if (value.size > 0 && node_has(engine, find->node, DIALECT_accession_prefix)) {
            find_bit(engine, out, find->node, DIALECT_accession_prefix,
                     "accession numbers are asked for with this product's prefix");
            value = TEXT(out, node_at(engine, find->node)->accession_prefix, value);
        }
        break;
    case TAG_PatientName:
        /* A number decides better than a spelling: the name is then compared here only. */
        value = dataset_get(&find->keys, TAG_PatientID).size > 0
                    ? SLICE_EMPTY
                    : name_asked(out, value, find->parts->capitals, !strict);
        break;
    case TAG_SOPInstanceUID:
        return slice_index(value, '\\') < value.size ? SLICE_EMPTY : value;
    case TAG_StudyTime:
    case TAG_ModalitiesInStudy:
        return SLICE_EMPTY; /* matched differently everywhere: asked for, filtered here */
    case TAG_PatientBirthDate:
        value = slice_index(value, '-') < value.size ? SLICE_EMPTY : value;
        break;
    default:
        break;
    }
    if (has_wildcard(value) &&
        (strict || vr == tag_vr(TAG_StudyDate) || vr == tag_vr(TAG_StudyInstanceUID))) {
        find_bit(engine, out, find->node, DIALECT_no_wildcards,
                 "wildcards are left out of the question");
        return SLICE_EMPTY;
    }
    return value;
}

static slice span_text(struct out *out, const struct part *part)
{
    struct buffer buffer = buffer_make(out->arena, 17);
    time_put_da(&buffer, (time_ns)part->first_day * TIME_DAY);
    if (part->first_day != part->last_day) {
        buffer_put_byte(&buffer, '-');
        time_put_da(&buffer, (time_ns)part->last_day * TIME_DAY);
    }
    return buffer.full ? SLICE_EMPTY : buffer_slice(&buffer);
}

static bool is_sent(const struct find *find, const struct element *key)
{
    const struct part *part = find->parts;
    if (key->items != NULL || key->item_count > 0 ||
        tag_vr(key->tag) == tag_vr(TAG_ReferencedSOPSequence) || (key->tag >> 16) % 2 != 0 ||
        (key->tag & 0xFFFF) == 0 || key->tag == TAG_IssuerOfPatientID ||
        key->tag == TAG_OtherPatientIDs || key->tag == TAG_SpecificCharacterSet ||
        key->tag == TAG_QueryRetrieveLevel || key->tag == TAG_StudyInstanceUID ||
        key->tag == TAG_SeriesInstanceUID) {
        return false; /* the last four are put below */
    }
    enum find_level level = find_tag_level(key->tag);
    return part->level <= FIND_STUDY ? level <= FIND_STUDY : level == part->level;
}

static slice level_text(enum find_level level)
{
    static const char *const texts[] = {"PATIENT", "STUDY", "SERIES", "IMAGE"};
    return slice_from(texts[level]);
}

bool find_make_keys(struct engine *engine, struct out *out, const struct find *find,
                    struct dataset *keys)
{
    const struct part *part = find->parts;
    bool ok = dataset_init(keys, out->arena, find->keys.count + 12) == ERR_OK;
    ok = ok && dataset_put(keys, TAG_SpecificCharacterSet, SLICE_EMPTY) ==
                   ERR_OK; /* products send it only when asked */
    ok = ok && dataset_put(keys, TAG_QueryRetrieveLevel, level_text(part->level)) == ERR_OK;
    for (uint32_t i = 0; ok && i < find->keys.count; i++) {
        const struct element *key = &find->keys.elements[i];
        if (is_sent(find, key)) {
            ok = dataset_put(keys, key->tag, key_value(engine, out, find, key)) == ERR_OK;
        }
    }
    if (part->dated) {
        ok = ok && dataset_put(keys, TAG_StudyDate, span_text(out, part)) == ERR_OK;
    }
    if (part->level >= FIND_STUDY) {
        ok = ok && dataset_put(keys, TAG_StudyInstanceUID, part->study) == ERR_OK;
    }
    if (part->level >= FIND_SERIES) {
        ok = ok && dataset_put(keys, TAG_SeriesInstanceUID, part->series) == ERR_OK;
    }
    if (part->level == FIND_IMAGE && !dataset_has(keys, TAG_SOPInstanceUID)) {
        ok = ok && dataset_put(keys, TAG_SOPInstanceUID, SLICE_EMPTY) == ERR_OK;
    }
    if (part->kept != NULL) {
        ok = ok && dataset_put(keys, TAG_Modality, SLICE_EMPTY) == ERR_OK;
        ok = ok && dataset_put(keys, TAG_NumberOfSeriesRelatedInstances, SLICE_EMPTY) == ERR_OK;
    }
    /* What a row is told apart by always comes back. */
    if (part->level <= FIND_STUDY && !dataset_has(keys, TAG_PatientID)) {
        ok = ok && dataset_put(keys, TAG_PatientID, SLICE_EMPTY) == ERR_OK;
    }
    return ok;
}
