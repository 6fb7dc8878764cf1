/* SPDX-License-Identifier: MIT */
#include "src/dicom/dataset.h"

#include "src/dicom/dataset_private.h"

static const struct {
    uint32_t tag;
    uint16_t vr;
    uint16_t size; /* of the keyword */
    const char *keyword;
} tags[] = {
#define TAG(keyword, group, element, vr, vm) {(uint32_t)(group) << 16 | (element), VR_##vr, sizeof #keyword - 1, #keyword},
#include "src/dicom/tags.def"
#undef TAG
};

static const struct vr_traits vrs[] = {
#define VR_ROW(name, first, second, long_length, number_size, text, pad, several) {VR_##name, long_length, number_size, text, pad, several},
#include "src/dicom/vr.def"
#undef VR_ROW
};

enum vr_row {
#define VR_ROW(name, first, second, long_length, number_size, text, pad, several) VR_ROW_##name,
#include "src/dicom/vr.def"
#undef VR_ROW
};

#define TAG_ROWS (sizeof tags / sizeof tags[0])

/* Row of the tag, TAG_ROWS when there is none. */
static size_t tag_row(uint32_t tag)
{
    size_t low = 0, high = TAG_ROWS;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tags[middle].tag < tag) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < TAG_ROWS && tags[low].tag == tag ? low : TAG_ROWS;
}

uint16_t tag_vr(uint32_t tag)
{
    switch (tag) { /* asked for at every element: compilers make a short tree of it */
#define TAG(keyword, group, element, vr, vm)                                                       \
    case (uint32_t)(group) << 16 | (element):                                                      \
        return VR_##vr;
#include "src/dicom/tags.def"
#undef TAG
    default:
        break;
    }
    if ((tag & 0xFFFF) == 0) {
        return VR_UL;
    }
    /* The creator of a private block (PS3.5 7.8.1). */
    bool creator = (tag >> 16 & 1) == 1 && (tag & 0xFFFF) >= 0x10 && (tag & 0xFFFF) <= 0xFF;
    return creator ? VR_LO : VR_UN;
}

const char *tag_keyword(uint32_t tag)
{
    size_t row = tag_row(tag);
    return row < TAG_ROWS ? tags[row].keyword : "";
}

static bool hex_digits(slice text, uint32_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16) {
            return false;
        }
        *number = *number << 4 | digit;
    }
    return true;
}

bool tag_from_text(slice text, uint32_t *tag)
{
    uint32_t group, element;
    if (text.size == 9 && text.data[4] == ',' && hex_digits(slice_before(text, 4), &group) && hex_digits(slice_after(text, 5), &element)) {
        *tag = group << 16 | element;
        return true;
    }
    for (size_t i = 0; i < TAG_ROWS; i++) {
        if (text.size == tags[i].size && memcmp(text.data, tags[i].keyword, text.size) == 0) {
            *tag = tags[i].tag;
            return true;
        }
    }
    return false;
}

const struct vr_traits *vr_traits(uint16_t vr)
{
    static const struct vr_traits unknown = {VR_UN, true, 1, false, '\0', false};
    switch (vr) {
#define VR_ROW(name, first, second, long_length, number_size, text, pad, several)                  \
    case VR_##name:                                                                                \
        return &vrs[VR_ROW_##name];
#include "src/dicom/vr.def"
#undef VR_ROW
    default:
        return &unknown;
    }
}
