/* SPDX-License-Identifier: MIT
 *
 * Walk: goes through a data set's bytes in any transfer syntax and says it again in one canonical form: explicit VR
 * little endian, sequences and items of undefined length, no group 0 and 2, group lengths or trailing padding, and no
 * top-level PixelData. Nothing is allocated and nothing believed: a length that overruns is ERR_BAD_MESSAGE.
 *
 * The canonical VR is a function of the tag alone (DCMTK's dictionary; UN for what it does not know, private elements
 * among it), for implicit VR does not carry it: so the same data set gives the same bytes from every syntax. */
#ifndef PONT_DCMTK_WALK_H
#define PONT_DCMTK_WALK_H

#include "src/dcmtk/dcmtk.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WALK_DEPTH_MAX 32

struct walk {
    /* Canonical bytes, in pieces; those of the value of PixelData in native little endian, or its fragments. May be null. */
    void (*put)(void *self, slice bytes);
    void (*put_pixels)(void *self, slice bytes);
    /* A top-level element (parent 0), or one of an item of a top-level sequence `parent`; raw value. May be null. */
    void (*element)(void *self, uint32_t parent, uint32_t tag, slice value);
    void *self;
    const uint32_t *left_out; /* top-level tags that `put` does not get */
    size_t left_out_count;
    bool stop_at_pixels; /* the rest of the bytes is neither looked at nor needed */
};

/* Not for deflated bytes: inflate them first and say explicit little endian. */
MUST_USE enum err walk_dataset(const struct walk *walk, slice bytes, slice transfer_syntax);

/* The canonical VR of a tag; `is_signed`: PixelRepresentation is 1. In dictionary.cc. */
uint16_t dictionary_vr(uint32_t tag, bool is_signed);

#ifdef __cplusplus
}
#endif
#endif
