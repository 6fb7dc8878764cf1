/* SPDX-License-Identifier: MIT
 *
 * HL7, the private door: what the files of src/hl7 share. */
#ifndef PONT_HL7_PRIVATE_H
#define PONT_HL7_PRIVATE_H

#include "src/hl7/hl7.h"

struct hl7_type_row {
    const char *code, *trigger;
};
extern const struct hl7_type_row hl7_types[HL7_TYPE_COUNT];

/* Where a field of hl7.def stands. */
struct hl7_place {
    char segment[4];
    unsigned number, component;
};
extern const struct hl7_place hl7_places[HL7_FIELD_COUNT];

/* Reads MSH-1 and MSH-2 off the front of `bytes`. ERR_BAD_MESSAGE, message untouched. */
MUST_USE enum err hl7_separators(struct hl7_message *message, slice bytes);
/* The first segment of that name; its data null when there is none. */
slice hl7_segment(const struct hl7_message *message, const char *name);
/* How often a segment occurs. */
size_t hl7_segment_count(const struct hl7_message *message, const char *name);

/* MSH-18 in the words of table 0211. */
enum hl7_charset { HL7_ASCII, HL7_LATIN1, HL7_UTF8 };
MUST_USE enum err hl7_charset_of(const struct hl7_message *message, enum hl7_charset *charset);
/* Escapes undone, then to UTF-8; always a copy in the arena. ERR_BAD_MESSAGE for bytes not of the
 * set. */
MUST_USE enum err hl7_decode(slice *utf8, const struct hl7_message *message, slice raw,
                             enum hl7_charset charset, struct arena *arena);

#endif
