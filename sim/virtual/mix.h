/* SPDX-License-Identifier: MIT
 *
 * Mix: the hash of the trace: field by field, eight bytes at a time. For fingerprints of our own values, not for strangers. */
#ifndef PONT_SIM_VIRTUAL_MIX_H
#define PONT_SIM_VIRTUAL_MIX_H

#include "src/base/slice.h"

static inline uint64_t mix_number(uint64_t hash, uint64_t value)
{
    unsigned __int128 product = (unsigned __int128)(hash ^ value ^ 0x9E3779B97F4A7C15u) * 0xD6E8FEB86659FD93u;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t mix_slice(uint64_t hash, slice bytes)
{
    uint64_t word;
    const char *at = bytes.data;
    size_t left = bytes.size;
    hash = mix_number(hash, bytes.size);
    for (; left >= sizeof word; left -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = mix_number(hash, word);
    }
    if (left > 0) {
        word = 0;
        memcpy(&word, at, left);
        hash = mix_number(hash, word);
    }
    return hash;
}

#endif
