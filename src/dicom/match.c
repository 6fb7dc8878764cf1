/* SPDX-License-Identifier: MIT */
#include "src/dicom/match.h"

#include "src/dicom/charset_private.h"
#include "src/dicom/dataset_private.h"

/* ---- Wildcards. Back to the last star only, so that the work is at most pattern times text; the budget, which
 * no value of legal size comes near, makes it a multiple of their sum. */
#define STEPS_BASE (64u * 64u * 4u)
#define STEPS_PER_BYTE 64u

/* A walk over a text, folded or not, with carets added at its end. */
struct walk {
    struct fold fold;
    bool folded;
    unsigned carets;
};

#define WALK_END UINT32_MAX

static uint32_t walk_next(struct walk *walk)
{
    uint32_t c = FOLD_END;
    if (walk->folded) {
        c = fold_next(&walk->fold);
    } else if (walk->fold.rest.size > 0) {
        return utf8_next(&walk->fold.rest);
    }
    if (c != FOLD_END) {
        return c;
    }
    if (walk->carets > 0) {
        walk->carets--;
        return '^';
    }
    return WALK_END;
}

static bool match_walks(struct walk pattern, struct walk text)
{
    struct walk star_pattern = {.carets = 0}, star_text = {.carets = 0};
    bool star = false;
    uint64_t steps = STEPS_BASE + (uint64_t)STEPS_PER_BYTE * (pattern.fold.rest.size + text.fold.rest.size);
    while (steps-- > 0) {
        struct walk p = pattern, t = text;
        uint32_t wanted = walk_next(&p);
        if (wanted == '*') {
            star = true;
            star_pattern = pattern = p;
            star_text = text;
            continue;
        }
        uint32_t found = walk_next(&t);
        if (found == WALK_END) {
            return wanted == WALK_END;
        }
        if (wanted == found || (wanted == '?')) {
            pattern = p;
            text = t;
            continue;
        }
        if (!star) {
            return false;
        }
        (void)walk_next(&star_text);
        pattern = star_pattern;
        text = star_text;
    }
    return false;
}

bool match_wildcard(slice pattern, slice text)
{
    return slice_equal(pattern, text) || /* whatever stands in it matches itself */
           match_walks((struct walk){.fold.rest = pattern}, (struct walk){.fold.rest = text});
}

/* ---- Ranges. */

#define STAMP_MAX 32 /* digits */

struct stamp {
    char digits[STAMP_MAX];
    size_t size;
};

/* The digits of a DA, TM or DT, with or without the separators of old (PS3.5 6.2: 2010.03.01, 10:30:00). A zone
 * offset is left out. False for anything else. */
static bool read_stamp(slice text, struct stamp *stamp)
{
    text = slice_trim(text);
    stamp->size = 0;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '+' || c == '-') {
            return text.size - i == 5 && stamp->size > 0;
        }
        if (c >= '0' && c <= '9' && stamp->size < STAMP_MAX) {
            stamp->digits[stamp->size++] = c;
        } else if (c != '.' && c != ':') {
            return false;
        }
    }
    return stamp->size > 0;
}

/* Order of two stamps, the shorter one filled up with `fill`. */
static int compare_stamps(const struct stamp *a, const struct stamp *b, char fill_a, char fill_b)
{
    for (size_t i = 0; i < STAMP_MAX; i++) {
        char x = i < a->size ? a->digits[i] : fill_a, y = i < b->size ? b->digits[i] : fill_b;
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return 0;
}

/* Is the hyphen at `at` the sign of a zone offset? It is when four digits up to 1400 follow, after which the text
 * ends or a hyphen stands, and a full date before: no year is that small (PS3.4 C.2.2.2.5). */
static bool is_offset(slice text, size_t at)
{
    for (size_t i = 0; i < 8 && i < at; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false; /* a TM */
        }
    }
    if (at < 8 || text.size - at < 5 || (text.size - at > 5 && text.data[at + 5] != '-')) {
        return false;
    }
    int64_t number;
    slice digits = slice_before(slice_after(text, at + 1), 4);
    return digits.data[0] != '-' && slice_to_int64(digits, &number) && number <= 1400;
}

/* Index of the hyphen between the bounds; text.size when there is none. */
static size_t range_hyphen(slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '-') {
            if (!is_offset(text, i)) {
                return i;
            }
            i += 4;
        }
    }
    return text.size;
}

bool match_range(slice key, slice value)
{
    struct stamp stamp, bound;
    key = slice_trim(key);
    if (!read_stamp(value, &stamp)) {
        return false;
    }
    size_t hyphen = range_hyphen(key);
    if (hyphen == key.size) {
        return read_stamp(key, &bound) && compare_stamps(&stamp, &bound, '0', '0') == 0;
    }
    slice from = slice_trim(slice_before(key, hyphen)), to = slice_trim(slice_after(key, hyphen + 1));
    if (from.size > 0 && (!read_stamp(from, &bound) || compare_stamps(&stamp, &bound, '0', '0') < 0)) {
        return false;
    }
    return to.size == 0 || (read_stamp(to, &bound) && compare_stamps(&stamp, &bound, '0', '9') <= 0);
}

/* ---- Person names. */

static unsigned count_carets(slice text)
{
    unsigned count = 0;
    for (size_t i = 0; i < text.size; i++) {
        count += text.data[i] == '^';
    }
    return count;
}

static slice strip_carets(slice text)
{
    text = slice_trim(text);
    while (text.size > 0 && (text.data[text.size - 1] == '^' || text.data[text.size - 1] == ' ')) {
        text.size--;
    }
    return text;
}

/* One component group. Empty components at the end do not count (PS3.5 6.2.1), so the value gets as many as the
 * key asks about: "SMITH^*" finds "SMITH". */
static bool match_group(slice key, slice value)
{
    key = strip_carets(key);
    value = strip_carets(value);
    unsigned wanted = count_carets(key), has = count_carets(value);
    struct walk pattern = {.fold = {.rest = key, .key = true}, .folded = true};
    struct walk text = {.fold = {.rest = value, .key = true}, .folded = true, .carets = wanted > has ? wanted - has : 0};
    return match_walks(pattern, text);
}

/* A key of one group may be met by any group of the name; of a key of several, each is met by its own. */
static bool match_name(slice key, slice value)
{
    if (slice_index(key, '=') == key.size) {
        for (slice groups = value; groups.data != NULL;) {
            if (match_group(key, slice_cut(&groups, '='))) {
                return true;
            }
        }
        return false;
    }
    slice keys = key, values = value;
    while (keys.data != NULL) {
        slice wanted = slice_cut(&keys, '=');
        slice found = values.data == NULL ? SLICE_EMPTY : slice_cut(&values, '=');
        if (slice_trim(wanted).size > 0 && !match_group(wanted, found)) {
            return false;
        }
    }
    return true;
}

/* ---- Values. */

static bool takes_wildcards(uint16_t vr)
{
    static const uint16_t vrs[] = {VR_AE, VR_CS, VR_LO, VR_LT, VR_PN, VR_SH, VR_ST, VR_UC, VR_UR, VR_UT};
    for (size_t i = 0; i < sizeof vrs / sizeof vrs[0]; i++) {
        if (vrs[i] == vr) {
            return true;
        }
    }
    return false;
}

static bool match_integer(slice key, slice value)
{
    int64_t a, b;
    key = slice_after(key, key.size > 0 && key.data[0] == '+');
    value = slice_after(value, value.size > 0 && value.data[0] == '+');
    return slice_to_int64(key, &a) && slice_to_int64(value, &b) ? a == b : slice_equal(key, value);
}

static bool match_one(uint16_t vr, slice key, slice value)
{
    switch (vr) {
    case VR_PN:
        return match_name(key, value);
    case VR_DA:
    case VR_TM:
    case VR_DT:
        return match_range(key, value);
    case VR_IS:
        return match_integer(key, value);
    default:
        return takes_wildcards(vr) ? match_wildcard(key, value) : slice_equal(key, value);
    }
}

/* Universal matching (PS3.4 C.2.2.2.3). */
static bool is_universal(uint16_t vr, slice key)
{
    key = vr_traits(vr)->text ? slice_trim(key) : key;
    for (size_t i = 0; i < key.size; i++) {
        if (!takes_wildcards(vr) || key.data[i] != '*') {
            return false;
        }
    }
    return true;
}

bool match_value(uint16_t vr, slice key, slice value)
{
    const struct vr_traits *traits = vr_traits(vr);
    if (is_universal(vr, key)) {
        return true;
    }
    if (!traits->text) {
        return slice_equal(key, value);
    }
    if (!traits->several) {
        return match_one(vr, slice_trim(key), slice_trim(value));
    }
    for (slice keys = key; keys.data != NULL;) {
        slice wanted = slice_trim(slice_cut(&keys, '\\'));
        for (slice values = value; wanted.size > 0 && values.data != NULL;) {
            if (match_one(vr, wanted, slice_trim(slice_cut(&values, '\\')))) {
                return true;
            }
        }
    }
    return false;
}

/* ---- Data sets. */

/* Elements of an identifier that say how to answer, not what to look for. */
static bool is_key(uint32_t tag)
{
    return tag != TAG_QueryRetrieveLevel && tag != TAG_SpecificCharacterSet && (tag & 0xFFFF) != 0 && (tag >> 16 & 1) == 0;
}

/* Is there anything in the key that could fail to match? */
static bool asks(const struct element *key)
{
    if (key->vr != VR_SQ) {
        uint16_t vr = tag_vr(key->tag);
        return !is_universal(vr == VR_UN ? key->vr : vr, key->value);
    }
    for (uint32_t i = 0; key->item_count > 0 && i < key->items[0].count; i++) {
        const struct element *inner = &key->items[0].elements[i];
        if (is_key(inner->tag) && asks(inner)) {
            return true;
        }
    }
    return false;
}

static bool match_keys(const struct dataset *query, const struct dataset *row, bool lenient, unsigned *unknown);

/* Sequence matching (PS3.4 C.2.2.2.6): one item of the row satisfies the one item of the key. */
static bool match_items(const struct element *key, const struct element *found, bool lenient, unsigned *unknown)
{
    unsigned fewest = UINT32_MAX;
    for (uint32_t i = 0; i < found->item_count; i++) {
        unsigned here = 0;
        if (match_keys(&key->items[0], &found->items[i], lenient, &here)) {
            *unknown += here;
            return true;
        }
        fewest = here < fewest ? here : fewest;
    }
    *unknown += fewest == UINT32_MAX ? 0 : fewest;
    return false;
}

static bool match_keys(const struct dataset *query, const struct dataset *row, bool lenient, unsigned *unknown)
{
    bool matches = true;
    for (uint32_t i = 0; i < query->count; i++) {
        const struct element *key = &query->elements[i];
        if (!is_key(key->tag) || !asks(key)) {
            continue;
        }
        const struct element *found = dataset_find(row, key->tag);
        if (found == NULL) {
            ++*unknown;
            matches = matches && lenient;
        } else if (key->vr == VR_SQ) {
            matches = match_items(key, found, lenient, unknown) && matches;
        } else {
            uint16_t vr = tag_vr(key->tag);
            matches = match_value(vr == VR_UN ? key->vr : vr, key->value, found->value) && matches;
        }
    }
    return matches;
}

bool match_dataset(const struct dataset *query, const struct dataset *row, bool lenient, unsigned *unknown)
{
    *unknown = 0;
    return match_keys(query, row, lenient, unknown);
}
