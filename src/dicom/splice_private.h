/* SPDX-License-Identifier: MIT
 *
 * Splice (private): the state between two pieces of a stream. */
#ifndef PONT_DICOM_SPLICE_PRIVATE_H
#define PONT_DICOM_SPLICE_PRIVATE_H

#include "src/dicom/dataset_private.h"
#include "src/dicom/splice.h"

/* What stands open: an element of undefined length or an item of undefined length. Things of defined length
 * are passed as so many bytes. */
enum level_kind { LEVEL_SEQUENCE, LEVEL_ITEM, LEVEL_FRAGMENTS };

struct level {
    enum level_kind kind;
    enum syntax syntax;
};

#define LEVELS_MAX (2 * DATASET_DEPTH_MAX)

struct seen {
    uint32_t tag;
    size_t size; /* may be beyond the room: then the value is not told */
    char text[SPLICE_SEEN_MAX];
};

#define SEEN_COUNT 5

struct splice {
    enum syntax syntax;
    const struct splice_plan *plan;
    struct splice_sink sink;
    enum err err; /* once not ERR_OK, for ever */

    char head[HEADER_SIZE_MAX]; /* of the element or item that begins */
    size_t head_size;
    uint64_t rest;              /* bytes of its value still to come */
    struct level levels[LEVELS_MAX];
    unsigned depth;             /* levels open; 0 between top-level elements */

    uint32_t last_tag;          /* of the top-level element that is passing, or passed last */
    bool begun;                 /* there was one */
    bool drop, capture;         /* it is left out; it is kept as an original */
    bool append;                /* our item goes behind its last item */
    enum syntax append_syntax;
    struct seen *seeing;        /* where its value is noted, or null */

    uint32_t put_next;          /* first element of the plan that did not go out yet */
    bool original_due;          /* OriginalAttributesSequence is still before us */

    size_t captured_size;
    char captured[SPLICE_CAPTURE_MAX];
    char out[SPLICE_PUT_MAX];
    char scratch[4 * SPLICE_CAPTURE_MAX];
    struct seen seen[SEEN_COUNT];
};

#endif
