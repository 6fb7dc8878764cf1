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

/* The number is divided by ten, limb by limb, until nothing is left: 39 digits at most. */
void uid_put(struct buffer *buffer, uint64_t high, uint64_t low)
{
    uint32_t limbs[4] = {(uint32_t)(high >> 32), (uint32_t)high, (uint32_t)(low >> 32), (uint32_t)low};
    char digits[39];
    size_t at = sizeof digits;
    do {
        uint64_t rest = 0;
        for (size_t i = 0; i < 4; i++) {
            rest = rest << 32 | limbs[i];
            limbs[i] = (uint32_t)(rest / 10);
            rest %= 10;
        }
        digits[--at] = (char)('0' + rest);
    } while ((limbs[0] | limbs[1] | limbs[2] | limbs[3]) != 0);
    buffer_put_text(buffer, "2.25.");
    buffer_put(buffer, (slice){digits + at, sizeof digits - at});
}
