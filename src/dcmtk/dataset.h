/* SPDX-License-Identifier: MIT
 *
 * Data set: what src/dcmtk takes from DCMTK about data sets, for its own C files. */
#ifndef PONT_DCMTK_DATASET_H
#define PONT_DCMTK_DATASET_H

#include "src/dcmtk/dcmtk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Deflated explicit little endian to explicit little endian, malloc'd: dcmtk_free. ERR_BAD_MESSAGE. */
MUST_USE enum err dataset_inflate(slice bytes, slice *out);

#ifdef __cplusplus
}
#endif
#endif
