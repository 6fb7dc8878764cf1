/* SPDX-License-Identifier: MIT
 *
 * Data set: a DICOM data set as a C value (PS3.5 7), and its bytes in the native transfer syntaxes.
 *
 * Values are kept as the raw bytes that stand on the wire, little endian, in the data set's own character
 * set; src/dicom/charset.h turns text into UTF-8. A data set borrows all its values. Elements are in
 * ascending order of tag, each tag once. It never holds bulk pixel data: those are streamed past it. */
#ifndef PONT_DICOM_DATASET_H
#define PONT_DICOM_DATASET_H

#include "src/base/arena.h"
#include "src/base/buffer.h"

/* VR as its two letters: VR('P','N'). */
#define VR(a, b) ((uint16_t)((a) | (b) << 8))

/* VR_PN and so on, from vr.def: the same numbers as VR('P','N'). */
enum vr {
#define VR_ROW(name, first, second, long_length, number_size, text, pad, several) VR_##name = (first) | (second) << 8,
#include "src/dicom/vr.def"
#undef VR_ROW
};

/* Every tag that code names, with its VR and keyword: dicom/tags.def. TAG_PatientID = 0x00100020. */
enum tag {
#define TAG(keyword, group, element, vr, vm) TAG_##keyword = (int)((uint32_t)(group) << 16 | (element)),
#include "src/dicom/tags.def"
#undef TAG
};

#define DATASET_DEPTH_MAX 16   /* nested sequences; deeper is refused as ERR_LIMIT */
#define DATASET_ELEMENTS_MAX 4096 /* in one data set or item, when parsed from the wire */
#define UNDEFINED_LENGTH 0xFFFFFFFFu

struct dataset;

struct element {
    uint32_t tag;
    uint16_t vr;           /* VR(...) */
    slice value;           /* raw, padded or not; empty for a sequence */
    struct dataset *items; /* of a sequence */
    uint32_t item_count;
};

struct dataset {
    struct element *elements;
    uint32_t count, capacity;
};

/* Encapsulated transfer syntaxes are explicit little endian to this module. */
enum syntax { SYNTAX_IMPLICIT_LITTLE, SYNTAX_EXPLICIT_LITTLE, SYNTAX_EXPLICIT_BIG };

/* VR and keyword of a tag from tags.def; VR('U','N') and "" when it is not there. Group length: UL. */
uint16_t tag_vr(uint32_t tag);
const char *tag_keyword(uint32_t tag);
/* Tag of a keyword, case-sensitive, or of "gggg,eeee"; false when there is none. */
bool tag_from_text(slice text, uint32_t *tag);

/* An empty data set with room for `capacity` elements. ERR_LIMIT when the arena is full. */
MUST_USE enum err dataset_init(struct dataset *dataset, struct arena *arena, uint32_t capacity);
/* The element, or null. */
const struct element *dataset_find(const struct dataset *dataset, uint32_t tag);
/* Raw value, without padding at its end when it is text; empty when absent. */
slice dataset_get(const struct dataset *dataset, uint32_t tag);
/* First of several values (backslash), unpadded and without leading spaces. */
slice dataset_get_first(const struct dataset *dataset, uint32_t tag);
bool dataset_has(const struct dataset *dataset, uint32_t tag);
/* Value of US, UL, SS, SL, or of IS text; false when absent or empty. */
bool dataset_get_int(const struct dataset *dataset, uint32_t tag, int64_t *number);
/* Sets the element in its place; the value is borrowed. ERR_LIMIT when there is no room. */
MUST_USE enum err dataset_put(struct dataset *dataset, uint32_t tag, slice value);
MUST_USE enum err dataset_put_vr(struct dataset *dataset, uint32_t tag, uint16_t vr, slice value);
MUST_USE enum err dataset_put_u16(struct dataset *dataset, struct arena *arena, uint32_t tag, uint16_t value);
/* A sequence of `item_count` data sets that the caller owns. */
MUST_USE enum err dataset_put_items(struct dataset *dataset, uint32_t tag, struct dataset *items, uint32_t item_count);
void dataset_remove(struct dataset *dataset, uint32_t tag);
/* A deep copy into the arena, with room for `spare` more elements. */
MUST_USE enum err dataset_copy(struct dataset *out, const struct dataset *from, struct arena *arena, uint32_t spare);
bool dataset_equal(const struct dataset *a, const struct dataset *b);

/* Bytes -> value. Borrows from `bytes` (big endian numbers are swapped into the arena). Odd lengths, UN
 * sequences and undefined lengths are read (PS3.5 6.2.2, 7.5); elements out of order are put in order. Group
 * lengths (but that of the command set) and encapsulated pixel data are read and left out. ERR_BAD_MESSAGE when
 * an element runs over the end or comes twice, a VR is no two capital letters, or delimiters do not match;
 * ERR_LIMIT for depth, elements, or a full arena. */
MUST_USE enum err dataset_parse(struct dataset *dataset, slice bytes, enum syntax syntax, struct arena *arena);
/* Value -> bytes: even lengths padded as the VR asks (PS3.5 6.2), sequences and items of undefined length
 * with delimiters. A full buffer says so itself. */
void dataset_write(const struct dataset *dataset, enum syntax syntax, struct buffer *buffer);
/* For people: one "(0010,0020) LO PatientID [9990000018]" a line, items indented. */
void dataset_put_text(const struct dataset *dataset, struct buffer *buffer);

#endif
