/* SPDX-License-Identifier: MIT
 *
 * Coercion: what changes in an instance on its way to another organisation (coercion.def), as the data set of
 * replacements that src/dicom/splice.h applies. It decides values; it never touches an object. What stood there
 * before is kept by the splice in OriginalAttributesSequence, so every coercion can be undone. */
#ifndef PONT_ENGINE_COERCION_H
#define PONT_ENGINE_COERCION_H

#include "src/actor/actor.h"
#include "src/dicom/splice.h"

#define ACCESSION_SIZE_MAX 16 /* SH, PS3.5 6.2 */

/* A number and whose it is. */
struct number {
    slice value, issuer;
};

/* All that the replacements depend on. */
struct coercion_facts {
    struct number own;       /* the engine's own: issuer NHS or PONT; empty when the person is not known */
    struct number came_with; /* at the holder's organisation */
    struct number local;     /* at the receiver's organisation; empty when the person has none there */
    struct number accession; /* issuer: the three letters */
    bool at_home;            /* the receiver's organisation issued the accession number: it stays bare */
    int64_t study;           /* for Pont's own accession number */
};

/* "CWM" and "123456" give "CWM123456", and so does a number that begins with the letters; more than 16 characters give Pont's own number, P and ten digits of
 * the study. Never cut. Empty for an empty accession. data null when the arena is full. */
slice coercion_accession(struct number accession, int64_t study, struct arena *arena);
/* The replacements. ERR_LIMIT when the arena is full. */
MUST_USE enum err coercion_make(struct dataset *out, const struct coercion_facts *facts, struct arena *arena);

/* Elements that go whenever anything is replaced: they would contradict what is put. */
extern const uint32_t coercion_removed[];
extern const size_t coercion_removed_count;
/* How a relay applies a job's coercion. `modified_at` is a DT. Not for a job without one. */
struct splice_plan coercion_splice(const struct relay_job *job, slice modified_at);

#endif
