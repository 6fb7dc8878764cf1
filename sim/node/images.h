/* SPDX-License-Identifier: MIT
 *
 * Images: the instances of a made study, as a pure function of (seed, study, number of the
 * instance): a data set in the IOD of its modality with a phantom picture, byte for byte the same
 * each time. Integer maths only. Nothing is kept: a node holds a million studies in no disk, and
 * anyone can make an instance again to know what must arrive. Native transfer syntaxes only.
 * Thread-safe: every function is pure. */
#ifndef PONT_SIM_NODE_IMAGES_H
#define PONT_SIM_NODE_IMAGES_H

#include "src/base/hash.h"
#include "src/dicom/dataset.h"

#define STUDY_IMAGES_MAX 10000 /* instances of one study */
#define STUDY_SERIES_MAX 64

/* A study as a site files it. Text is UTF-8. All borrowed, for as long as the node lives. */
struct node_study {
    int64_t number; /* key of its instances, from 0; what UIDs are derived from */
    slice person;   /* the scenario's id; empty when none */
    slice patient_id, issuer, name, birth_date, sex;
    slice accession, accession_issuer;
    slice study_uid; /* empty: derived from seed and number */
    slice date, time, description, modality, body_part, laterality;
    uint32_t series_count, image_count; /* images in all, spread evenly over the series */
    uint32_t image_bytes;               /* of one real image; 0: as its kind has */
    bool planned;                       /* not there until study_arrives */
};

/* What an instance is made from. */
struct image_key {
    uint64_t seed;
    const struct node_study *study; /* ids and accession as they are to stand in the object */
    uint32_t instance;              /* 0 .. image_count-1 */
    bool full;                      /* the size of a real one; else a small one */
    slice charset;                  /* SpecificCharacterSet; empty: ISO_IR 192 */
    bool no_issuer;                 /* IssuerOfPatientID stands empty */
};

/* UIDs: 2.25 of hash(seed, study, ...), into `text` (at least UID_SIZE_MAX + 1 bytes). */
slice image_study_uid(uint64_t seed, const struct node_study *study, char *text);
slice image_series_uid(uint64_t seed, const struct node_study *study, uint32_t series, char *text);
slice image_sop_uid(uint64_t seed, const struct node_study *study, uint32_t instance, char *text);
/* Those of the instances count up: image_sop_stem and the number of the instance from 1. */
slice image_sop_stem(uint64_t seed, const struct node_study *study, char *text);
/* False when it names no instance of the study. */
bool image_of_uid(uint64_t seed, const struct node_study *study, slice sop_uid, uint32_t *instance);
slice image_sop_class(const struct node_study *study, uint32_t instance);
/* How many instances from this one on are alike: of one series, class and size. At least 1. */
uint32_t image_span(const struct node_study *study, uint32_t instance);
/* Series of an instance, and the first instance and number of instances of a series. */
uint32_t image_series_of(const struct node_study *study, uint32_t instance);
uint32_t image_series_first(const struct node_study *study, uint32_t series);
uint32_t image_series_size(const struct node_study *study, uint32_t series);

struct image_size {
    uint32_t rows, columns, frames, samples, bits; /* bits allocated */
};
struct image_size image_dimensions(const struct image_key *key);
/* Bytes of the whole data set in this syntax; exact. */
int64_t image_bytes(const struct image_key *key, enum syntax syntax);
/* Within some tens of bytes, and the same for all that are alike: what the virtual world counts. */
int64_t image_bytes_about(const struct image_key *key);
/* Writes the data set, no preamble and no group 2. The buffer says when it was too small. ERR_LIMIT
 * when the header does not fit its scratch (a study with texts beyond their VR). */
MUST_USE enum err image_write(const struct image_key *key, enum syntax syntax,
                              struct buffer *buffer);
/* Digests of design section 6: dataset_sha256 without PixelData and the tags of `left_out`,
 * pixel_sha256 over the value of PixelData. */
MUST_USE enum err image_digest(const struct image_key *key, const uint32_t *left_out,
                               size_t left_out_count, char dataset_sha256[SHA256_TEXT_SIZE + 1],
                               char pixel_sha256[SHA256_TEXT_SIZE + 1]);
/* What stands for them in the virtual world: of the study, the same for each of its instances. */
void image_digest_virtual(uint64_t seed, int64_t number, char dataset_sha256[SHA256_TEXT_SIZE + 1],
                          char pixel_sha256[SHA256_TEXT_SIZE + 1]);

#endif
