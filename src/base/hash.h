/* SPDX-License-Identifier: MIT
 *
 * Hash: two hashes, both pure. hash64 is for tables and fingerprints of our own data (seeded, not
 * cryptographic). sha256 (FIPS 180-4) is for chains and digests that outsiders check. */
#ifndef PONT_BASE_HASH_H
#define PONT_BASE_HASH_H

#include "src/base/slice.h"

uint64_t hash64(uint64_t seed, slice bytes);
/* The same for much data: eight bytes at a time, other values than hash64. */
uint64_t hash64_words(uint64_t seed, slice bytes);
/* Folds one number in. */
uint64_t hash64_mix(uint64_t hash, uint64_t number);

#define SHA256_SIZE 32
#define SHA256_TEXT_SIZE 64

struct sha256 {
    uint32_t state[8];
    uint64_t size;
    uint8_t block[64];
};

void sha256_init(struct sha256 *sha);
void sha256_put(struct sha256 *sha, slice bytes);
void sha256_end(struct sha256 *sha, uint8_t digest[SHA256_SIZE]);
/* All at once, as 64 lower-case hex digits and a NUL. */
void sha256_text(slice bytes, char text[SHA256_TEXT_SIZE + 1]);

#endif
