/* SPDX-License-Identifier: MIT
 *
 * Matching: C-FIND keys against values (PS3.4 C.2.2.2): single value, list of UID, universal, wildcard,
 * range, sequence. Person names by component group, without regard to case and accents (as PS3.4 C.2.2.2.1
 * allows; Pont's one semantics for every source). Pure; text must be UTF-8 on both sides. */
#ifndef PONT_DICOM_MATCH_H
#define PONT_DICOM_MATCH_H

#include "src/dicom/dataset.h"

/* Does the value (possibly several, backslash) satisfy the key? An empty key, and a lone * in a text VR, match all. */
bool match_value(uint16_t vr, slice key, slice value);
/* Does the row satisfy every key of the query? QueryRetrieveLevel, SpecificCharacterSet, group lengths and
 * private elements are no keys. `*unknown` counts keys with a value for which the row has no element:
 * those match nothing, unless `lenient`, when they match and are counted. */
bool match_dataset(const struct dataset *query, const struct dataset *row, bool lenient, unsigned *unknown);
/* * and ? (PS3.4 C.2.2.2.4), bounded time even for hostile patterns. */
bool match_wildcard(slice pattern, slice text);
/* DA, TM or DT range "a-b", "a-", "-b" or single value. */
bool match_range(slice key, slice value);

/* Person names (PS3.5 6.2.1): component 0 family, 1 given, 2 middle, 3 prefix, 4 suffix of group 0 alphabetic,
 * 1 ideographic, 2 phonetic. Empty when absent. */
slice name_component(slice name, unsigned group, unsigned component);
/* True when family and given agree once folded. */
bool name_equal_folded(slice a, slice b, struct arena *scratch);

#endif
