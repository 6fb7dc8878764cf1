/* SPDX-License-Identifier: MIT */
#include "src/bench/judge_store.h"

#include <assert.h>
#include <sys/mman.h>

void *store_reserve(size_t max, size_t size)
{
    void *memory = mmap(NULL, max * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void store_release(void *memory, size_t max, size_t size)
{
    if (memory != NULL) {
        munmap(memory, max * size);
    }
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t store_hash(uint64_t seed, slice text)
{
    uint64_t hash = fold(seed ^ 0x9E3779B97F4A7C15u, text.size ^ 0xD6E8FEB86659FD93u), part = 0;
    const char *at = text.data;
    size_t left = text.size;
    for (; left >= 8; at += 8, left -= 8) {
        memcpy(&part, at, 8);
        hash = fold(hash ^ part, 0xA0761D6478BD642Fu);
    }
    if (left > 0) {
        part = 0;
        memcpy(&part, at, left);
        hash = fold(hash ^ part, 0xE7037ED1A0B428DBu);
    }
    return fold(hash ^ 0x8EBC6AF09C88C6E3u, 0x589965CC75374CC3u);
}

/* ---- Index: linear probing, no dead slots. */

#define TAG_MASK 0xFFFFFFFFFFFFFF00u

/* Never 0: a free slot is known by `high` alone, without a look at memory far off. */
static uint64_t tag_of(uint64_t hash)
{
    return (hash & TAG_MASK) == 0 ? 0x100 : hash & TAG_MASK;
}

static void put_slot(struct store_index *index, size_t at, uint64_t tag, uint32_t value)
{
    index->high[at] = tag | (value + 1) >> 16;
    index->low[at] = (uint16_t)(value + 1);
}
static uint32_t slot_value(const struct store_index *index, size_t at)
{
    return ((uint32_t)(index->high[at] & 0xFF) << 16 | index->low[at]) - 1;
}
static bool is_free(const struct store_index *index, size_t at)
{
    return index->high[at] == 0;
}
static size_t home(const struct store_index *index, uint64_t tag)
{
    return (size_t)(tag >> 8) & (index->slot_count - 1);
}
static size_t slot_of(const struct store_index *index, uint64_t tag)
{
    size_t at = home(index, tag);
    while (!is_free(index, at) && (index->high[at] & TAG_MASK) != tag) {
        at = (at + 1) & (index->slot_count - 1);
    }
    return at;
}

static bool make_slots(struct store_index *index, size_t slot_count)
{
    index->high = store_reserve(slot_count, sizeof *index->high);
    index->low = store_reserve(slot_count, sizeof *index->low);
    index->slot_count = slot_count;
    return index->high != NULL && index->low != NULL;
}

static bool grow(struct store_index *index)
{
    struct store_index old = *index;
    if (!make_slots(index, old.slot_count == 0 ? 512 : 2 * old.slot_count)) {
        *index = old;
        return false;
    }
    for (size_t i = 0; i < old.slot_count; i++) {
        if (!is_free(&old, i)) {
            uint64_t tag = old.high[i] & TAG_MASK;
            put_slot(index, slot_of(index, tag), tag, slot_value(&old, i));
        }
    }
    store_index_drop(&old);
    return true;
}

enum err store_index_put(struct store_index *index, uint64_t hash, uint32_t value)
{
    assert(value < STORE_ROWS_MAX);
    if (index->count * 5 >= index->slot_count * 4 && !grow(index)) {
        return ERR_LIMIT;
    }
    uint64_t tag = tag_of(hash);
    size_t at = slot_of(index, tag);
    index->count += is_free(index, at);
    put_slot(index, at, tag, value);
    return ERR_OK;
}

uint32_t store_index_find(const struct store_index *index, uint64_t hash)
{
    if (index->slot_count == 0) {
        return STORE_NONE;
    }
    size_t at = slot_of(index, tag_of(hash));
    return is_free(index, at) ? STORE_NONE : slot_value(index, at);
}

/* Those behind move up, so that no path is broken. */
void store_index_remove(struct store_index *index, uint64_t hash)
{
    size_t mask = index->slot_count - 1, at = index->slot_count == 0 ? 0 : slot_of(index, tag_of(hash));
    if (index->slot_count == 0 || is_free(index, at)) {
        return;
    }
    for (size_t next = (at + 1) & mask; !is_free(index, next); next = (next + 1) & mask) {
        if (((next - home(index, index->high[next] & TAG_MASK)) & mask) >= ((next - at) & mask)) {
            index->high[at] = index->high[next];
            index->low[at] = index->low[next];
            at = next;
        }
    }
    index->high[at] = 0;
    index->low[at] = 0;
    index->count--;
}

void store_index_clear(struct store_index *index)
{
    store_index_drop(index);
    *index = (struct store_index){0};
}

void store_index_drop(struct store_index *index)
{
    store_release(index->high, index->slot_count, sizeof *index->high);
    store_release(index->low, index->slot_count, sizeof *index->low);
}

size_t store_index_bytes(const struct store_index *index)
{
    return index->slot_count * (sizeof *index->high + sizeof *index->low);
}

/* ---- Texts: digits, dots and a few more signs take half a byte; 15 says that the next two halves are a byte. */

static const char signs[] = "0123456789.-P/^";
enum { SIGN_COUNT = 15, SIGN_OTHER = 15 };

enum err store_texts_init(struct store_texts *texts, size_t max)
{
    *texts = (struct store_texts){.bytes = store_reserve(max, 1), .used = 1, .max = max};
    return texts->bytes == NULL ? ERR_LIMIT : ERR_OK;
}

static unsigned sign_of(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return (unsigned)(byte - '0');
    }
    for (unsigned i = 10; i < SIGN_COUNT; i++) {
        if (signs[i] == byte) {
            return i;
        }
    }
    return SIGN_OTHER;
}

static void put_half(uint8_t *bytes, size_t *halves, unsigned half)
{
    bytes[*halves / 2] = (uint8_t)(*halves % 2 == 0 ? half : bytes[*halves / 2] | half << 4);
    ++*halves;
}

uint32_t store_text_put(struct store_texts *texts, slice text)
{
    text = slice_before(text, STORE_TEXT_MAX - 1);
    size_t at = texts->used, halves = 0;
    if (text.size == 0 || at + 2 + 2 * STORE_TEXT_MAX > texts->max || at > UINT32_MAX - 2 * STORE_TEXT_MAX) {
        return 0;
    }
    texts->bytes[at] = (uint8_t)text.size; /* signs, not bytes */
    uint8_t *bytes = texts->bytes + at + 1;
    for (size_t i = 0; i < text.size; i++) {
        unsigned sign = sign_of(text.data[i]);
        put_half(bytes, &halves, sign);
        if (sign == SIGN_OTHER) {
            put_half(bytes, &halves, (unsigned char)text.data[i] & 15u);
            put_half(bytes, &halves, (unsigned char)text.data[i] >> 4);
        }
    }
    texts->used = at + 1 + (halves + 1) / 2;
    return (uint32_t)at;
}

static unsigned get_half(const uint8_t *bytes, size_t *halves)
{
    unsigned both = bytes[*halves / 2];
    return (*halves)++ % 2 == 0 ? both & 15u : both >> 4;
}

slice store_text_get(const struct store_texts *texts, uint32_t at, char room[STORE_TEXT_MAX])
{
    size_t size = at == 0 ? 0 : texts->bytes[at], halves = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned sign = get_half(texts->bytes + at + 1, &halves);
        if (sign == SIGN_OTHER) {
            unsigned low = get_half(texts->bytes + at + 1, &halves);
            room[i] = (char)(low | get_half(texts->bytes + at + 1, &halves) << 4);
        } else {
            room[i] = signs[sign];
        }
    }
    return (slice){room, size};
}

/* ---- Words. */

enum err store_words_init(struct store_words *words, struct arena *arena)
{
    *words = (struct store_words){.words = arena_array(arena, STORE_WORDS_MAX, sizeof(slice)), .count = 1, .arena = arena};
    if (words->words == NULL) {
        return ERR_LIMIT;
    }
    words->words[0] = SLICE_EMPTY;
    return ERR_OK;
}

uint32_t store_word_find(const struct store_words *words, slice word)
{
    return word.size == 0 ? 0 : store_index_find(&words->index, store_hash(1, word));
}

uint32_t store_word(struct store_words *words, slice word)
{
    uint32_t found = store_word_find(words, word);
    if (found != STORE_NONE || words->count == STORE_WORDS_MAX) {
        return found;
    }
    slice kept = arena_copy(words->arena, word);
    if (kept.data == NULL || store_index_put(&words->index, store_hash(1, word), words->count) != ERR_OK) {
        return STORE_NONE;
    }
    words->words[words->count] = kept;
    return words->count++;
}

/* ---- Lately. */

enum err store_recent_init(struct store_recent *recent, uint32_t size, struct arena *arena)
{
    *recent = (struct store_recent){.size = size, .ring = arena_array(arena, size, sizeof(uint64_t)), .numbers = arena_array(arena, size, sizeof(uint64_t))};
    return recent->ring == NULL || recent->numbers == NULL ? ERR_LIMIT : ERR_OK;
}

enum err store_recent_put(struct store_recent *recent, uint64_t hash, uint64_t number)
{
    uint32_t at = store_index_find(&recent->index, hash);
    if (at == STORE_NONE) {
        at = recent->next;
        recent->next = (recent->next + 1) % recent->size;
        if (recent->ring[at] != 0 && store_index_find(&recent->index, recent->ring[at]) == at) {
            store_index_remove(&recent->index, recent->ring[at]);
        }
        recent->ring[at] = hash;
        recent->end = at < recent->end ? recent->end : at + 1;
    }
    recent->numbers[at] = number;
    return store_index_put(&recent->index, hash, at);
}

bool store_recent_find(const struct store_recent *recent, uint64_t hash, uint64_t *number)
{
    uint32_t at = store_index_find(&recent->index, hash);
    *number = at == STORE_NONE ? 0 : recent->numbers[at];
    return at != STORE_NONE;
}

void store_recent_remove(struct store_recent *recent, uint64_t hash)
{
    store_index_remove(&recent->index, hash);
}

void store_recent_clear(struct store_recent *recent)
{
    store_index_clear(&recent->index);
}

/* ---- Rooms. */

bool store_room_keep(struct store_room *room, slice **texts, size_t count, struct arena *arena)
{
    size_t size = 0, used = 0;
    for (size_t i = 0; i < count; i++) {
        size += texts[i]->size;
    }
    if (size > room->size) {
        size_t take = size + size / 2 + 32;
        room->data = arena_alloc(arena, take);
        room->size = room->data == NULL ? 0 : (uint32_t)take;
    }
    if (size > room->size) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (texts[i]->size == 0) {
            *texts[i] = SLICE_EMPTY;
            continue;
        }
        memcpy(room->data + used, texts[i]->data, texts[i]->size);
        *texts[i] = (slice){room->data + used, texts[i]->size};
        used += texts[i]->size;
    }
    return true;
}
