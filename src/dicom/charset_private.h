/* SPDX-License-Identifier: MIT
 *
 * Charset (private): characters one at a time, as they are or folded. */
#ifndef PONT_DICOM_CHARSET_PRIVATE_H
#define PONT_DICOM_CHARSET_PRIVATE_H

#include "src/base/buffer.h"

#define NOT_UTF8 0x110000u /* added to a byte that begins no UTF-8 character */

/* Cuts the first character off. What is no UTF-8 (RFC 3629) comes byte by byte as NOT_UTF8 + byte. Not of the empty slice. */
uint32_t utf8_next(slice *text);
/* Writes a character; NOT_UTF8 + byte as that byte. */
void utf8_put(struct buffer *buffer, uint32_t character);

#define FOLD_END 0u

/* A walk over a text, folded: see charset_fold. */
struct fold {
    slice rest;
    bool key;      /* keep * ? and ^, drop every space: names in matching */
    char second;   /* of a letter that folds to two */
    bool started;  /* something came out */
    bool space;    /* a space is due before the next */
};

/* The next folded character, FOLD_END at the end. */
uint32_t fold_next(struct fold *fold);

#endif
