/* SPDX-License-Identifier: MIT */
#include "sim/node/vendor.h"

#include <assert.h>

static const struct quirk_row rows[QUIRK_COUNT] = {
#define QUIRK(name, q_name, layer, parameter, type, fallback, text)                                \
    {#name, q_name, parameter, fallback, text, LAYER_##layer, QUIRK_TYPE_##type},
#include "sim/node/quirks.def"
#undef QUIRK
};

static const char *const confidence_names[] = {"documented", "reported", "assumed"};

const struct quirk_row *quirk_row(enum quirk quirk)
{
    assert(quirk < QUIRK_COUNT);
    return &rows[quirk];
}

bool quirk_from_text(slice name, enum quirk *quirk)
{
    for (int i = 0; i < QUIRK_COUNT; i++) {
        if (slice_equal(name, slice_from(rows[i].name))) {
            *quirk = (enum quirk)i;
            return true;
        }
    }
    return false;
}

bool confidence_from_text(slice name, enum confidence *confidence)
{
    for (int i = 0; i <= CONFIDENCE_ASSUMED; i++) {
        if (slice_equal(name, slice_from(confidence_names[i]))) {
            *confidence = (enum confidence)i;
            return true;
        }
    }
    return false;
}

const char *confidence_text(enum confidence confidence)
{
    assert(confidence <= CONFIDENCE_ASSUMED);
    return confidence_names[confidence];
}

/* Four hexadecimal digits. */
static bool status_from_text(slice text, int64_t *status)
{
    int64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        char digit = text.data[i];
        int64_t number = digit >= '0' && digit <= '9'   ? digit - '0'
                         : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                        : -1;
        if (number < 0) {
            return false;
        }
        value = value * 16 + number;
    }
    *status = value;
    return text.size == 4;
}

bool quirk_set_parameter(enum quirk quirk, struct quirk_setting *setting, slice value)
{
    const struct quirk_row *row = quirk_row(quirk);
    int64_t number = 0;
    value = value.size == 0 ? slice_from(row->fallback) : value;
    switch (row->type) {
    case QUIRK_TYPE_NONE:
        return value.size == 0;
    case QUIRK_TYPE_TEXT:
        setting->text = value;
        return value.size > 0;
    case QUIRK_TYPE_STATUS:
        if (!status_from_text(value, &number)) {
            return false;
        }
        break;
    default:
        if (!slice_to_int64(value, &number) || number < 0 || number > INT32_MAX) {
            return false;
        }
    }
    setting->number = number;
    return true;
}

struct vendor_profile vendor_plain(void)
{
    return (struct vendor_profile){.vendor = SLICE("plain"),
                                   .title = SLICE("Plain PACS"),
                                   .note = SLICE("the standard, nothing bent"),
                                   .accession_prefix = SLICE_EMPTY,
                                   .charset = SLICE("ISO_IR 192"),
                                   .patient_root = true,
                                   .study_root = true,
                                   .get = true,
                                   .commitment = true};
}

bool vendor_has(const struct vendor_profile *vendor, enum quirk quirk)
{
    assert(quirk < QUIRK_COUNT);
    return vendor->quirks[quirk].on;
}

bool vendor_has_any(const struct vendor_profile *vendor, slice names)
{
    while (names.data != NULL) {
        enum quirk quirk;
        if (quirk_from_text(slice_trim(slice_cut(&names, ' ')), &quirk) &&
            vendor->quirks[quirk].on) {
            return true;
        }
    }
    return false;
}

/* What the engine is told of a quirk goes with it. */
void vendor_settle(struct vendor_profile *vendor, enum confidence level)
{
    for (int i = 0; i < QUIRK_COUNT; i++) {
        vendor->quirks[i].on = vendor->quirks[i].on && vendor->quirks[i].confidence <= level;
    }
    const struct quirk_setting *cap = &vendor->quirks[QUIRK_find_response_cap_silent];
    const struct quirk_setting *width = &vendor->quirks[QUIRK_id_leading_zero_patient_id];
    const struct quirk_setting *prefix = &vendor->quirks[QUIRK_id_accession_prefix];
    const struct quirk_setting *limit = &vendor->quirks[QUIRK_assoc_count_cap_transient];
    vendor->row_cap = cap->on ? (uint32_t)cap->number : 0;
    vendor->patient_id_width = width->on ? (uint32_t)width->number : 0;
    vendor->accession_prefix = prefix->on ? prefix->text : SLICE_EMPTY;
    if (!limit->on) {
        vendor->associations = 0;
    } else if (vendor->associations > limit->number) {
        vendor->associations = (uint32_t)limit->number;
    }
    vendor->patient_root = !vendor_has(vendor, QUIRK_find_model_unsupported);
    vendor->study_root = true;
    vendor->get = !vendor_has(vendor, QUIRK_move_no_cget);
    vendor->commitment = !vendor_has(vendor, QUIRK_life_stgcmt_unsupported_or_false);
}
