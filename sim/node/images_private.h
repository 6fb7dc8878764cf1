/* SPDX-License-Identifier: MIT
 *
 * Images, inside: the header of a made object (iod.c) and its picture (phantom.c). */
#ifndef PONT_SIM_NODE_IMAGES_PRIVATE_H
#define PONT_SIM_NODE_IMAGES_PRIVATE_H

#include "sim/node/images.h"
#include "src/base/random.h"
#include "src/dicom/uid.h"

#include <assert.h>

#define HEADER_BYTES       24576 /* scratch of one header */
#define HEADER_BYTES_ABOUT 1600  /* of most made objects, within some tens */

/* CT, MR, CR, DX, US, MG, NM, and Secondary Capture for all else: the letters of iod.def. */
enum image_kind {
    IMAGE_CT,
    IMAGE_MR,
    IMAGE_CR,
    IMAGE_DX,
    IMAGE_US,
    IMAGE_MG,
    IMAGE_NM,
    IMAGE_SC,
    IMAGE_KIND_COUNT
};
enum image_kind image_kind(const struct node_study *study);
/* A clip, not a still: some ultrasound images, all nuclear ones. */
bool image_is_clip(const struct image_key *key);
/* Left or right of a mammogram, MLO or CC. */
bool image_is_left(const struct image_key *key);
bool image_is_oblique(const struct image_key *key);

/* The data set without PixelData, in the arena. ERR_LIMIT when it does not fit. */
MUST_USE enum err image_header(const struct image_key *key, struct dataset *header,
                               struct arena *arena);
/* Text in a character set; a letter that the set has not becomes a question mark. */
slice image_encode(slice utf8, slice charset, struct arena *arena);

#define ROW_BYTES_MAX 16384
/* One row of one frame, little endian. */
void image_row(const struct image_key *key, const struct image_size *size, uint32_t frame,
               uint32_t y, uint8_t *row);

#endif
