/* SPDX-License-Identifier: MIT
 *
 * Matching: C-FIND keys against values (PS3.4 C.2.2.2): single value, list of UID, universal, wildcard,
 * range, sequence. Person names by component group, without regard to case and accents (as PS3.4 C.2.2.2.1
 * allows; Pont's one semantics for every source). Pure; text must be UTF-8 on both sides. */
#ifndef PONT_DICOM_MATCH_H
#define PONT_DICOM_MATCH_H

#include "src/dicom/dataset.h"

/* Does the value (possibly several, backslash) satisfy the key? An empty key, and a lone * in a text VR, match all.
 * Of several keys (a list of UIDs, or CT\MR) one must be met. Only names are matched without regard to case. */
bool match_value(uint16_t vr, slice key, slice value);
/* Does the row satisfy every key of the query? QueryRetrieveLevel, SpecificCharacterSet, group lengths and
 * private elements are no keys. `*unknown` is set to the number of keys with a value for which the row has no element:
 * those match nothing, unless `lenient`, when they match and are counted. */
bool match_dataset(const struct dataset *query, const struct dataset *row, bool lenient, unsigned *unknown);
/* * and ? (PS3.4 C.2.2.2.4), ? being one UTF-8 character. The work is bounded by a multiple of both sizes: a hostile
 * pattern beyond it matches nothing. */
bool match_wildcard(slice pattern, slice text);
/* DA, TM or DT range "a-b", "a-", "-b" or single value. What a value or lower bound leaves out counts as zero, of an
 * upper bound as its last moment; zone offsets are left out. */
bool match_range(slice key, slice value);

/* Person names (PS3.5 6.2.1): component 0 family, 1 given, 2 middle, 3 prefix, 4 suffix of group 0 alphabetic,
 * 1 ideographic, 2 phonetic. Empty when absent. */
slice name_component(slice name, unsigned group, unsigned component);
/* True when family and given agree once folded, without regard to spaces, and one of them is there. */
bool name_equal_folded(slice a, slice b, struct arena *scratch);

#endif
