/* SPDX-License-Identifier: MIT
 *
 * Person names (PS3.5 6.2.1): groups between =, components between ^. */
#include "src/dicom/charset_private.h"
#include "src/dicom/match.h"

static slice nth_part(slice rest, char separator, unsigned index)
{
    slice part = slice_cut(&rest, separator);
    while (index-- > 0) {
        if (rest.data == NULL) {
            return SLICE_EMPTY;
        }
        part = slice_cut(&rest, separator);
    }
    return part;
}

slice name_component(slice name, unsigned group, unsigned component)
{
    slice part = nth_part(nth_part(name, '=', group), '^', component);
    part = slice_unpad(part);
    while (part.size > 0 && part.data[0] == ' ') {
        part = slice_after(part, 1);
    }
    return part;
}

/* Folded and without spaces: "Van der Berg", "VANDERBERG" and "van-der-Berg" are one name. */
static bool equal_folded(slice a, slice b, bool *empty)
{
    struct fold x = {.rest = a, .key = true}, y = {.rest = b, .key = true};
    uint32_t c, d;
    do {
        c = fold_next(&x);
        d = fold_next(&y);
        *empty = *empty && c == FOLD_END && d == FOLD_END;
    } while (c == d && c != FOLD_END);
    return c == d;
}

bool name_equal_folded(slice a, slice b, struct arena *scratch)
{
    bool empty = true, equal = true;
    (void)scratch; /* the names are folded as they are compared */
    for (unsigned component = 0; component < 2; component++) {
        equal = equal && equal_folded(name_component(a, 0, component), name_component(b, 0, component), &empty);
    }
    return equal && !empty;
}
