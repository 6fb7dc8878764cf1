/* SPDX-License-Identifier: MIT
 *
 * Splice: replaces, inserts and removes top-level elements of a data set as its bytes stream past, without
 * ever holding it. Implicit and explicit little endian, explicit big endian; encapsulated pixel data pass.
 * Every other byte goes through as it came. Bytes may arrive in any pieces. One splice, one data set. */
#ifndef PONT_DICOM_SPLICE_H
#define PONT_DICOM_SPLICE_H

#include "src/dicom/dataset.h"

#define SPLICE_CAPTURE_MAX 4096 /* bytes of original values kept for OriginalAttributesSequence */
#define SPLICE_PUT_MAX 8192     /* bytes of one element that is put, or of the item of originals */
#define SPLICE_SEEN_MAX 256     /* bytes of a value that splice_seen tells */

/* Where the spliced bytes go. Not ERR_OK stops the splice, which returns it. */
struct splice_sink {
    enum err (*put)(void *self, slice bytes);
    void *self;
};

/* What to do: every element of `put` replaces or is inserted; every element whose tag is in `remove` goes.
 * If `source` is not empty, originals of replaced and removed elements are kept in an item of
 * OriginalAttributesSequence (0400,0561), added behind what is already there (PS3.3 C.12.1). That holds for
 * elements before (0400,0561), which is where all of identity lies; with a source the plan must not name (0400,0561)
 * itself. What is inserted where nothing stood is no original; without any there is no item. Values of `put` are
 * raw, in the character set of the data set that streams past. Retired group lengths of changed groups go. */
struct splice_plan {
    const struct dataset *put;
    const uint32_t *remove;
    size_t remove_count;
    slice source;      /* (0400,0564) SourceOfPreviousValues */
    slice modified_at; /* (0400,0562) AttributeModificationDateTime, a DT */
    slice modifier;    /* (0400,0563) ModifyingSystem */
    slice reason;      /* (0400,0565) COERCE or CORRECT */
};

struct splice; /* open in splice_private.h; size for allocation: */
size_t splice_size(void);
/* Into memory of splice_size() bytes. Borrows plan and sink. */
void splice_init(struct splice *splice, enum syntax syntax, const struct splice_plan *plan, struct splice_sink sink);
/* ERR_BAD_MESSAGE when the bytes are no data set: delimiters that do not match, a VR that is none, tags that do not
 * ascend (the second of two PatientIDs must not slip through), groups 0000 to 0006. ERR_LIMIT for depth, and when
 * originals or an element to put are larger than their room. After an error nothing more may be put. */
MUST_USE enum err splice_put(struct splice *splice, slice bytes);
/* The end: what still must be inserted goes out. ERR_BAD_MESSAGE when an element is cut short. */
MUST_USE enum err splice_end(struct splice *splice);
/* What passed on the way, for descriptors: SOPClassUID, StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID, PatientID,
 * as found in the original; empty when absent. Good as long as the splice. */
slice splice_seen(const struct splice *splice, uint32_t tag);

#endif
