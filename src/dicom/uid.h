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

#endif
