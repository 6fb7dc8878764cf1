/* SPDX-License-Identifier: MIT */
#include "src/dicom/uid.h"

enum uid_kind { UID_KIND_SOP, UID_KIND_INSTANCE, UID_KIND_STORAGE, UID_KIND_SYNTAX };

#define UID(name, uid, kind, text) const slice UID_##name = {uid, sizeof(uid) - 1};
#include "src/dicom/uids.def"
#undef UID

static const struct uid_row {
    slice uid;
    enum uid_kind kind;
    slice text;
} rows[] = {
#define UID(name, uid, kind, text) {{uid, sizeof(uid) - 1}, UID_KIND_##kind, {text, sizeof(text) - 1}},
#include "src/dicom/uids.def"
#undef UID
};

static const struct uid_row *find_row(slice uid)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (slice_equal(rows[i].uid, uid)) {
            return &rows[i];
        }
    }
    return NULL;
}

bool uid_is_valid(slice uid)
{
    bool digit_before = false;
    if (uid.size == 0 || uid.size > UID_SIZE_MAX) {
        return false;
    }
    for (size_t i = 0; i < uid.size; i++) {
        bool digit = uid.data[i] >= '0' && uid.data[i] <= '9';
        if (!digit && (uid.data[i] != '.' || !digit_before)) {
            return false;
        }
        digit_before = digit;
    }
    return digit_before;
}

slice uid_text(slice uid)
{
    const struct uid_row *row = find_row(uid);
    return row == NULL ? uid : row->text;
}

bool uid_is_storage(slice uid)
{
    const struct uid_row *row = find_row(uid);
    return row == NULL ? slice_starts(uid, SLICE("1.2.840.10008.5.1.4.1.1.")) : row->kind == UID_KIND_STORAGE;
}

bool uid_is_encapsulated(slice transfer_syntax)
{
    return !slice_equal(transfer_syntax, UID_IMPLICIT_LITTLE) && !slice_equal(transfer_syntax, UID_EXPLICIT_LITTLE) &&
           !slice_equal(transfer_syntax, UID_EXPLICIT_BIG) && !slice_equal(transfer_syntax, UID_DEFLATED);
}

/* The number is divided by 10^9, limb by limb, until nothing is left: nine digits at a time, 39 at most. */
void uid_put(struct buffer *buffer, uint64_t high, uint64_t low)
{
    uint32_t limbs[4] = {(uint32_t)(high >> 32), (uint32_t)high, (uint32_t)(low >> 32), (uint32_t)low};
    char digits[45];
    size_t at = sizeof digits, first = 0; /* limb that is not 0 */
    do {
        uint64_t rest = 0;
        for (size_t i = first; i < 4; i++) {
            rest = rest << 32 | limbs[i];
            limbs[i] = (uint32_t)(rest / 1000000000u);
            rest %= 1000000000u;
        }
        uint32_t nine = (uint32_t)rest;
        for (size_t i = 0; i < 4; i++) {
            uint32_t two = nine % 100;
            nine /= 100;
            digits[--at] = (char)('0' + two % 10);
            digits[--at] = (char)('0' + two / 10);
        }
        digits[--at] = (char)('0' + nine);
        while (first < 4 && limbs[first] == 0) {
            first++;
        }
    } while (first < 4);
    while (at < sizeof digits - 1 && digits[at] == '0') {
        at++;
    }
    buffer_put_text(buffer, "2.25.");
    buffer_put(buffer, (slice){digits + at, sizeof digits - at});
}

bool uid_split(slice uid, slice *stem, uint64_t *last)
{
    uint64_t number = 0, scale = 1;
    size_t at = uid.size;
    while (at > 0 && uid.data[at - 1] != '.' && uid.size - at < 18) {
        uint8_t digit = (uint8_t)(uid.data[--at] - '0');
        if (digit > 9) {
            return false;
        }
        number += digit * scale;
        scale *= 10;
    }
    size_t digits = uid.size - at;
    if (at == 0 || digits == 0 || uid.data[at - 1] != '.' || (digits > 1 && uid.data[at] == '0')) {
        return false;
    }
    *stem = slice_before(uid, at);
    *last = number;
    return true;
}

slice uid_advance(slice uid, uint64_t by, char text[UID_SIZE_MAX + 1])
{
    slice stem = uid;
    uint64_t last = 0;
    struct buffer buffer = buffer_over(text, UID_SIZE_MAX);
    if (by == 0 || !uid_split(uid, &stem, &last) || last + by < last || last + by > INT64_MAX) {
        buffer_put(&buffer, by == 0 ? uid : SLICE_EMPTY);
        return buffer_slice(&buffer);
    }
    buffer_put(&buffer, stem);
    buffer_put_int(&buffer, (int64_t)(last + by));
    return buffer.full ? SLICE_EMPTY : buffer_slice(&buffer);
}

bool uid_in_span(slice first, uint64_t count, slice other, uint64_t *offset)
{
    slice stem, other_stem;
    uint64_t last, other_last;
    *offset = 0;
    if (slice_equal(first, other)) {
        return count > 0;
    }
    if (count < 2 || !uid_split(first, &stem, &last) || !uid_split(other, &other_stem, &other_last) || other_last < last || other_last - last >= count ||
        !slice_equal(stem, other_stem)) {
        return false;
    }
    *offset = other_last - last;
    return true;
}
