/* SPDX-License-Identifier: MIT */
#include "src/base/hash.h"

#include "src/base/buffer.h"

uint64_t hash64(uint64_t seed, slice bytes)
{
    /* FNV-1a over the bytes, then a SplitMix64 finaliser so that short keys fill all 64 bits. */
    uint64_t x = seed ^ 0xCBF29CE484222325u;
    for (size_t i = 0; i < bytes.size; i++) {
        x = (x ^ (uint8_t)bytes.data[i]) * 0x100000001B3u;
    }
    x ^= (uint64_t)bytes.size * 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

uint64_t hash64_mix(uint64_t hash, uint64_t number)
{
    hash = (hash ^ number) * 0x9E3779B97F4A7C15u;
    return (hash ^ (hash >> 29)) * 0xBF58476D1CE4E5B9u ^ hash >> 32;
}

/* Little endian on every machine. Written out, for of a loop gcc -O2 makes no single load. */
static uint64_t word_at(const char *data)
{
    const uint8_t *b = (const uint8_t *)data;
    return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 | (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 |
           (uint64_t)b[7] << 56;
}

uint64_t hash64_words(uint64_t seed, slice bytes)
{
    uint64_t hash = seed ^ (uint64_t)bytes.size * 0x94D049BB133111EBu;
    size_t at = 0;
    for (; at + 8 <= bytes.size; at += 8) {
        hash = hash64_mix(hash, word_at(bytes.data + at));
    }
    if (at < bytes.size) {
        char rest[8] = {0};
        memcpy(rest, bytes.data + at, bytes.size - at);
        hash = hash64_mix(hash, word_at(rest));
    }
    return hash64_mix(hash, bytes.size);
}

static const uint32_t rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, unsigned by)
{
    return x >> by | x << (32 - by);
}

static void absorb(uint32_t state[8], const uint8_t block[64])
{
    uint32_t w[64];
    for (size_t i = 0; i < 16; i++) {
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    }
    for (size_t i = 16; i < 64; i++) {
        uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f = state[5], g = state[6], h = state[7];
    for (size_t i = 0; i < 64; i++) { /* single variables stay in registers */
        uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + rounds[i] + w[i];
        uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    const uint32_t added[8] = {a, b, c, d, e, f, g, h};
    for (size_t i = 0; i < 8; i++) {
        state[i] += added[i];
    }
}

void sha256_init(struct sha256 *sha)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    *sha = (struct sha256){.size = 0};
    memcpy(sha->state, start, sizeof start);
}

void sha256_put(struct sha256 *sha, slice bytes)
{
    while (bytes.size > 0) {
        size_t held = sha->size % 64, room = 64 - held;
        size_t take = bytes.size < room ? bytes.size : room;
        memcpy(sha->block + held, bytes.data, take);
        sha->size += take;
        bytes = slice_after(bytes, take);
        if (held + take == 64) {
            absorb(sha->state, sha->block);
        }
    }
}

void sha256_end(struct sha256 *sha, uint8_t digest[SHA256_SIZE])
{
    uint64_t bits = sha->size * 8;
    static const char padding[64] = {(char)0x80};
    size_t held = sha->size % 64;
    sha256_put(sha, (slice){padding, held < 56 ? 56 - held : 120 - held});
    char length[8];
    for (size_t i = 0; i < 8; i++) {
        length[i] = (char)(bits >> (56 - 8 * i));
    }
    sha256_put(sha, (slice){length, 8});
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        digest[i] = (uint8_t)(sha->state[i / 4] >> (24 - 8 * (i % 4)));
    }
}

void sha256_text(slice bytes, char text[SHA256_TEXT_SIZE + 1])
{
    struct sha256 sha;
    uint8_t digest[SHA256_SIZE];
    sha256_init(&sha);
    sha256_put(&sha, bytes);
    sha256_end(&sha, digest);
    struct buffer out = buffer_over(text, SHA256_TEXT_SIZE);
    buffer_put_hex(&out, (slice){(const char *)digest, SHA256_SIZE});
    text[SHA256_TEXT_SIZE] = '\0';
}
