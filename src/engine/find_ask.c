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

#define FIRST_DAY   (-98615) /* 1700-01-01 and 2200-01-01: dates are typed by hand, and clocks are wrong */
#define LAST_DAY    84006
#define BROAD_FIRST 0   /* 1970-01-01: no digital image is older */
#define BROAD_AHEAD 366 /* days: a modality's clock may be wrong: images of tomorrow exist */
#define NARROW_DAYS 366 /* a question over more days, without patient or number, is a broad one */

struct days {
    int32_t first, last;
};

/* The span a StudyDate key asks for, inside another; one day if it has none: it is asked, and nothing that comes
 * answers the question. */
static struct days span_of(slice date, struct days within)
{
    size_t dash = slice_index(date, '-');
    slice from = slice_before(date, dash),
          to = dash == date.size ? date : slice_after(date, dash + 1);
    struct days span;
    if (!day_of(from, &span.first) || span.first < within.first) {
        span.first = within.first;
    }
    if (!day_of(to, &span.last) || span.last > within.last) {
        span.last = within.last;
    }
    span.last = span.last < span.first ? span.first : span.last;
    return span;
}

static const struct days all_days = {FIRST_DAY, LAST_DAY};

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

static bool push_days(struct find *find, struct part part, int32_t first, int32_t last)
{
    part.dated = true;
    part.first_day = first;
    part.last_day = last;
    return first > last || find_push(find, &part);
}

/* The part once for each year of its span, the newest on top; before and after the years that images are of, once. */
static bool push_years(struct engine *engine, struct out *out, struct find *find, struct part part)
{
    slice date = dataset_get_first(&find->keys, TAG_StudyDate);
    struct days asked = span_of(date, all_days),
                span = span_of(date, (struct days){BROAD_FIRST, (int32_t)(engine->now / TIME_DAY) + BROAD_AHEAD});
    find->undated = find->undated || date.size == 0;
    part.far = true;
    bool ok = push_days(find, part, asked.first, asked.last < span.first ? asked.last : span.first - 1) &&
              push_days(find, part, asked.first > span.last ? asked.first : span.last + 1, asked.last);
    part.far = false;
    for (int32_t day = span.first; ok && day <= span.last && asked.first <= span.last && asked.last >= span.first; day += NARROW_DAYS) {
        ok = push_days(find, part, day, span.last - day < NARROW_DAYS ? span.last : day + NARROW_DAYS - 1);
    }
    if (span.last - span.first >= NARROW_DAYS) {
        find_bit(engine, out, find->node, DIALECT_narrow_first,
                 "a broad question is asked year by year");
    }
    return ok;
}

/* A node that blocks broad questions is asked year by year from the first; a name or a date of birth is tried as it is. */
static bool push_broad(struct engine *engine, struct out *out, struct find *find, struct part part)
{
    bool years = part.level <= FIND_STUDY && node_has(engine, find->node, DIALECT_narrow_first) && is_broad(&find->keys) &&
                 dataset_get(&find->keys, TAG_PatientName).size == 0 &&
                 dataset_get(&find->keys, TAG_PatientBirthDate).size == 0;
    return years ? push_years(engine, out, find, part) : find_push(find, &part);
}

#define KNOWN_MAX 512

/* The next study, after row `at` or the first, that the registry has at this node of the patient who is asked for. */
static uint32_t next_known(const struct engine *engine, const struct find *find, uint32_t at, struct row_study *study)
{
    slice id = dataset_get_first(&find->keys, TAG_PatientID), node = node_at(engine, find->node)->name;
    int64_t person = id.size == 0 ? 0 : identity_person(engine, node_organisation(engine, find->node)->issuer, id);
    if (person == 0) {
        return ROW_NONE;
    }
    at = at == ROW_NONE ? index_first_int(engine, INDEX_study_person, person) : index_next(engine, INDEX_study_person, at);
    for (; at != ROW_NONE; at = index_next(engine, INDEX_study_person, at)) {
        *study = row_get_study(engine, at);
        if (row_find_copy(engine, &(struct row_copy){.study = study->id, .node = node}) != ROW_NONE) {
            break;
        }
    }
    return at;
}

/* The days of those, in order; how many. */
static uint32_t known_days(const struct engine *engine, const struct find *find, int32_t days[KNOWN_MAX])
{
    struct row_study study;
    uint32_t count = 0;
    for (uint32_t at = next_known(engine, find, ROW_NONE, &study); at != ROW_NONE && count < KNOWN_MAX;
         at = next_known(engine, find, at, &study)) {
        int32_t day = 0;
        if (!day_of(study.date, &day)) {
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

/* The question goes on in spans of days. No span matches what has no date (PS3.4 C.2.2.2.5): those of them that the
 * registry knows of are asked for by their UIDs. */
static bool leave_undated(const struct engine *engine, struct find *find, enum find_level level)
{
    if (find->undated || dataset_get(&find->keys, TAG_StudyDate).size > 0) {
        return true;
    }
    find->undated = true;
    struct row_study study;
    bool ok = true;
    uint32_t count = 0;
    for (uint32_t at = next_known(engine, find, ROW_NONE, &study); ok && at != ROW_NONE && count < KNOWN_MAX;
         at = next_known(engine, find, at, &study), count++) {
        int32_t day;
        struct part part = {.level = level};
        if (!day_of(study.date, &day)) {
            part.study = arena_copy(&find->arena, study.uid);
            ok = part.study.data != NULL && find_push(find, &part);
        }
    }
    return ok;
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
        return push_broad(engine, out, find, part);
    }
    bool ok = leave_undated(engine, find, part.level);
    part.first_day = FIRST_DAY;
    part.dated = true;
    for (uint32_t i = 0; ok && i < count; i++, held++) {
        if (held + 1 >= cap && days[i] > days[i - 1]) {
            part.last_day = days[i] - 1;
            ok = find_push(find, &part);
            part.first_day = days[i];
            held = 0;
        }
    }
    part.last_day = LAST_DAY;
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
        struct days span = span_of(dataset_get_first(&find->keys, TAG_StudyDate), all_days);
        part.first_day = span.first;
        part.last_day = span.last;
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
    return leave_undated(engine, find, part.level) && find_push(find, &early) && find_push(find, &late);
}

bool find_narrow(struct engine *engine, struct out *out, struct find *find)
{
    struct part part = *find->parts;
    if (part.level > FIND_STUDY || part.study.size > 0) {
        return false;
    }
    if (part.far) {
        find->clamped = true; /* three centuries are not asked for in months */
        find->parts = find->parts->next;
        return true;
    }
    if (part.dated || !is_broad(&find->keys)) {
        return find_split(engine, find);
    }
    find->parts = find->parts->next;
    return push_years(engine, out, find, part);
}

void find_note_day(struct find *find, slice date)
{
    int32_t day;
    if (day_of(date, &day)) {
        find->early_day = day < find->early_day ? day : find->early_day;
        find->late_day = day > find->late_day ? day : find->late_day;
    }
}

static bool has_wildcard(slice value)
{
    return slice_index(value, '*') < value.size || slice_index(value, '?') < value.size;
}

/* One patient of a node that cuts or refuses lists: how many studies that node has of him proves what was listed. */
static bool counts_studies(const struct engine *engine, const struct find *find)
{
    slice id = slice_unpad(dataset_get(&find->keys, TAG_PatientID));
    return id.size > 0 && !has_wildcard(id) && slice_index(id, '\\') == id.size &&
           (node_has(engine, find->node, DIALECT_row_cap) || node_has(engine, find->node, DIALECT_narrow_first) ||
            health_row_cap(engine, find->node) > 0);
}

void find_note_study(struct find *find, const struct dataset *row, slice patient_id)
{
    int64_t studies = 0;
    if (!slice_equal(patient_id, slice_unpad(dataset_get(&find->keys, TAG_PatientID)))) {
        return;
    }
    find->own++;
    if (dataset_get_int(row, TAG_NumberOfPatientRelatedStudies, &studies) && studies > find->told && studies <= UINT32_MAX) {
        find->told = (uint32_t)studies;
    }
}

slice find_gap(const struct find *find)
{
    if (find->clamped) {
        return SLICE("asked year by year: dates before 1970 or more than a year ahead were refused");
    }
    return find->undated && (find->told == 0 || find->own < find->told)
               ? SLICE("asked in spans of days: studies without a date may be missing")
               : SLICE_EMPTY;
}

/* ---- One key. */
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
    if (part->level == FIND_STUDY && counts_studies(engine, find) && !dataset_has(keys, TAG_NumberOfPatientRelatedStudies)) {
        ok = ok && dataset_put(keys, TAG_NumberOfPatientRelatedStudies, SLICE_EMPTY) == ERR_OK;
    }
    /* What a row is told apart by always comes back. */
    if (part->level <= FIND_STUDY && !dataset_has(keys, TAG_PatientID)) {
        ok = ok && dataset_put(keys, TAG_PatientID, SLICE_EMPTY) == ERR_OK;
    }
    return ok;
}
