/* SPDX-License-Identifier: MIT
 *
 * Publish, inside: what exam.c (the row) and publish.c (finding its study) share. */
#ifndef PONT_ENGINE_PUBLISH_H
#define PONT_ENGINE_PUBLISH_H

#include "src/engine/engine_private.h"

/* issuer/accession, in out->arena. */
slice exam_key(struct out *out, const struct row_exam *exam);
/* The exam may have become ready to be published. */
void publish_wake(struct engine *engine, struct out *out, uint32_t row);

#endif
