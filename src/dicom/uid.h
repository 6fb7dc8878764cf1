/* SPDX-License-Identifier: MIT
 *
 * UIDs: the ones code names, and making new ones. Pont's own are under 2.25 (PS3.5 B.2), derived from a hash
 * so that the same thing gets the same UID in every run. */
#ifndef PONT_DICOM_UID_H
#define PONT_DICOM_UID_H

#include "src/base/buffer.h"

/* UID_CT_IMAGE and so on: slices that live for ever. */
#define UID(name, uid, kind, text) extern const slice UID_##name;
#include "src/dicom/uids.def"
#undef UID

#define UID_SIZE_MAX 64

/* 1 to 64 characters, digits and dots, no empty component; leading zeros are let pass (they occur). */
bool uid_is_valid(slice uid);
/* "CT Image" for what uids.def names, the UID itself for the rest. Borrows. */
slice uid_text(slice uid);
/* True for storage SOP classes of uids.def; unknown ones are told by root 1.2.840.10008.5.1.4.1.1. */
bool uid_is_storage(slice uid);
/* Encapsulated syntaxes: everything but the three native ones and deflated. */
bool uid_is_encapsulated(slice transfer_syntax);
/* Writes a 2.25 UID of the 128 bits (high, low). */
void uid_put(struct buffer *buffer, uint64_t high, uint64_t low);

/* ---- Spans (struct object of dimse.h): UIDs that differ only in their last component. */

/* Parts "1.2.3.17" into "1.2.3." and 17. False when its last component is not one to count on from: a leading
 * zero, or more than 18 digits. `stem` borrows. */
bool uid_split(slice uid, slice *stem, uint64_t *last);
/* The UID with its last component higher by `by`, in `text`. By 0 it is the UID itself. Empty when it cannot be parted or
 * would be longer than UID_SIZE_MAX. */
slice uid_advance(slice uid, uint64_t by, char text[UID_SIZE_MAX + 1]);
/* Whether `other` is one of `count` UIDs that count up from `first`; *offset is which. */
bool uid_in_span(slice first, uint64_t count, slice other, uint64_t *offset);

#endif
