/* SPDX-License-Identifier: MIT
 *
 * Dataset (private): what the readers and writers of this folder share. */
#ifndef PONT_DICOM_DATASET_PRIVATE_H
#define PONT_DICOM_DATASET_PRIVATE_H

#include "src/dicom/dataset.h"

/* Delimiters (PS3.5 7.5); they are no data elements and have no VR. */
#define DELIMITER_GROUP 0xFFFEu
#define DELIMITER_ITEM 0xFFFEE000u
#define DELIMITER_ITEM_END 0xFFFEE00Du
#define DELIMITER_SEQUENCE_END 0xFFFEE0DDu

#define HEADER_SIZE_MAX 12 /* bytes of the longest element header */

struct vr_traits {
    uint16_t vr;
    bool long_length;    /* explicit header: two bytes reserved, then four of length (PS3.5 7.1.2) */
    uint8_t number_size; /* bytes that are swapped together in big endian; 1: none */
    bool text;
    char pad;
    bool several; /* a backslash separates values */
};

/* Traits of a VR; those of UN for one that is not known: new VRs have the long header (PS3.5 6.2). */
const struct vr_traits *vr_traits(uint16_t vr);

struct header {
    uint32_t tag, length;
    uint16_t vr; /* in implicit syntax by tag; 0 of a delimiter */
    uint8_t size;
};

/* Size of the element header whose first 8 bytes these are: 8 or 12. ERR_BAD_MESSAGE when the VR is none. */
MUST_USE enum err header_size(const char bytes[8], enum syntax syntax, size_t *size);
/* Reads a whole header. */
struct header header_read(const char *bytes, size_t size, enum syntax syntax);
void header_write(struct header header, enum syntax syntax, struct buffer *buffer);
/* A group length (gggg,0000), the command set's left out: retired, and wrong as soon as anything changes. */
bool header_is_group_length(uint32_t tag);
void element_write(const struct element *element, enum syntax syntax, struct buffer *buffer);
/* The bytes of a value of numbers, turned around in place, number by number. */
void value_swap(char *bytes, size_t size, uint8_t number_size);

#endif
