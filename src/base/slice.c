/* SPDX-License-Identifier: MIT */
#include "src/base/slice.h"

int slice_compare(slice a, slice b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    if (order != 0) {
        return order;
    }
    return a.size < b.size ? -1 : a.size > b.size;
}

bool slice_ends(slice s, slice suffix)
{
    return s.size >= suffix.size && slice_equal(slice_after(s, s.size - suffix.size), suffix);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\0' || byte == '\t' || byte == '\r' || byte == '\n';
}

slice slice_trim(slice s)
{
    while (s.size > 0 && is_blank(s.data[0])) {
        s = slice_after(s, 1);
    }
    while (s.size > 0 && is_blank(s.data[s.size - 1])) {
        s.size--;
    }
    return s;
}

slice slice_cut(slice *rest, char separator)
{
    size_t at = slice_index(*rest, separator);
    slice part = slice_before(*rest, at);
    if (at == rest->size) {
        *rest = (slice){NULL, 0};
    } else {
        *rest = (slice){rest->data + at + 1, rest->size - at - 1};
    }
    return part;
}

bool slice_to_int64(slice s, int64_t *number)
{
    bool negative = s.size > 0 && s.data[0] == '-';
    uint64_t value = 0;
    size_t at = negative ? 1 : 0;
    if (at == s.size) {
        return false;
    }
    for (; at < s.size; at++) {
        if (s.data[at] < '0' || s.data[at] > '9' || value > (uint64_t)INT64_MAX / 10) {
            return false;
        }
        value = value * 10 + (uint64_t)(s.data[at] - '0');
        if (value > (uint64_t)INT64_MAX) {
            return false;
        }
    }
    *number = negative ? -(int64_t)value : (int64_t)value;
    return true;
}
