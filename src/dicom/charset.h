/* SPDX-License-Identifier: MIT
 *
 * Character sets: raw DICOM text to UTF-8 and back, by the terms of SpecificCharacterSet (PS3.3 C.12.1.1.2,
 * PS3.5 6.1): ISO_IR 6, 100, 101, 109, 110, 144, 127, 126, 138, 148, 203, 166, 192 and their ISO 2022 forms, with the
 * misspellings that occur ("ISO-IR 100"). A term it does not know gives ERR_BAD_MESSAGE: say so, never guess. */
#ifndef PONT_DICOM_CHARSET_H
#define PONT_DICOM_CHARSET_H

#include "src/base/arena.h"

/* `term`: the raw value of (0008,0005), backslashes and all; empty: the default repertoire, in which bytes
 * above 7F give ERR_BAD_MESSAGE. The result lives in the arena (or borrows `raw` when nothing changes). */
MUST_USE enum err charset_decode(slice *utf8, slice raw, slice term, struct arena *arena);
/* ERR_BAD_MESSAGE when a character does not exist in the target set (w-circumflex in ISO_IR 100). */
MUST_USE enum err charset_encode(slice *raw, slice utf8, slice term, struct arena *arena);
bool charset_is_utf8(slice bytes);
/* For matching only: lower case without accents (w-circumflex gives w), punctuation and repeated spaces
 * dropped (the ^, = and backslash between parts become a space), in the arena; what display shows is never folded. data null when the arena is full. */
slice charset_fold(slice utf8, struct arena *arena);

#endif
