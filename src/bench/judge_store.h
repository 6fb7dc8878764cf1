/* SPDX-License-Identifier: MIT
 *
 * Store of the judge: rows that grow without being moved, an index over 56 bits of a hash, texts packed two signs to
 * a byte, words kept once, and memories of what came lately. Made for a year of a million examinations: only what is
 * touched costs memory. Keys are told apart by their hash alone: of ten million keys two are taken for one with a
 * probability of 1 in 1,400. Memory comes from the system page by page and is given back by the drop functions. */
#ifndef PONT_BENCH_JUDGE_STORE_H
#define PONT_BENCH_JUDGE_STORE_H

#include "src/base/arena.h"

#define STORE_NONE UINT32_MAX
#define STORE_ROWS_MAX ((1u << 24) - 2) /* of one kind: what the index can name */

/* Room for `max` rows of `size` bytes, zeroed, none of it touched. Null when the system has none. */
void *store_reserve(size_t max, size_t size);
void store_release(void *memory, size_t max, size_t size);

uint64_t store_hash(uint64_t seed, slice text);
/* Of a pair: the seed of the second is the hash of the first. */
static inline uint64_t store_hash2(slice a, slice b)
{
    return store_hash(store_hash(1, a), b);
}
static inline uint64_t store_hash_int(uint64_t seed, uint64_t number)
{
    return store_hash(seed, (slice){(const char *)&number, sizeof number});
}

/* From a hash to a number below STORE_ROWS_MAX. Grows. */
struct store_index {
    uint64_t *high;   /* 56 bits of the hash, the upper 8 of the value + 1; 0: free */
    uint16_t *low;
    size_t slot_count, count;
};
MUST_USE enum err store_index_put(struct store_index *index, uint64_t hash, uint32_t value);
uint32_t store_index_find(const struct store_index *index, uint64_t hash); /* or STORE_NONE */
void store_index_remove(struct store_index *index, uint64_t hash);
void store_index_clear(struct store_index *index);
void store_index_drop(struct store_index *index);
size_t store_index_bytes(const struct store_index *index);

/* Texts, by the number that store_text_put gives; 0 is the empty text. */
struct store_texts {
    uint8_t *bytes;
    size_t used, max;
};
#define STORE_TEXT_MAX 256 /* longer ones are cut */
MUST_USE enum err store_texts_init(struct store_texts *texts, size_t max);
uint32_t store_text_put(struct store_texts *texts, slice text); /* 0 when full, too */
slice store_text_get(const struct store_texts *texts, uint32_t at, char room[STORE_TEXT_MAX]);

/* Words, each kept once: number 0 is the empty word. */
#define STORE_WORDS_MAX 8192
struct store_words {
    slice *words;
    uint32_t count;
    struct store_index index;
    struct arena *arena;
};
MUST_USE enum err store_words_init(struct store_words *words, struct arena *arena);
uint32_t store_word(struct store_words *words, slice word); /* STORE_NONE when full */
uint32_t store_word_find(const struct store_words *words, slice word); /* or STORE_NONE */

/* What came lately: the last `size` hashes, each with a number. */
struct store_recent {
    struct store_index index; /* to the place in the ring */
    uint64_t *ring;
    uint64_t *numbers;
    uint32_t size, next, end; /* end: places ever in use */
};
MUST_USE enum err store_recent_init(struct store_recent *recent, uint32_t size, struct arena *arena);
MUST_USE enum err store_recent_put(struct store_recent *recent, uint64_t hash, uint64_t number);
bool store_recent_find(const struct store_recent *recent, uint64_t hash, uint64_t *number);
void store_recent_remove(struct store_recent *recent, uint64_t hash);
void store_recent_clear(struct store_recent *recent);

/* Texts of a slot that is used again and again: their memory stays with it. */
struct store_room {
    char *data;
    uint32_t size;
};
/* Copies `count` texts into the room and points them there. False when the arena is full. */
bool store_room_keep(struct store_room *room, slice **texts, size_t count, struct arena *arena);

#endif
