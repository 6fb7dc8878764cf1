/* SPDX-License-Identifier: MIT */
#include "sim/node/texts.h"

#include <assert.h>

#include "src/base/hash.h"

#define TEXTS_UNIT 4u /* bytes */
#define HEAD_SIZE  8u /* next of the chain, size, 16 bits of the hash */
#define HEADS_LEAST 256u

struct head {
    uint32_t next;
    uint16_t size, mark;
};

static struct head *head_of(const struct texts *texts, uint32_t name)
{
    return (struct head *)(void *)(texts->memory + (size_t)name * TEXTS_UNIT);
}

void texts_init(struct texts *texts, char *memory, size_t size, uint32_t *heads, unsigned bits)
{
    size_t units = size / TEXTS_UNIT;
    *texts = (struct texts){.memory = memory,
                            .used = 1,
                            .units = units < UINT32_MAX ? (uint32_t)units : UINT32_MAX - 1,
                            .heads = heads,
                            .mask = HEADS_LEAST - 1,
                            .most = 1u << bits};
    assert(texts->most >= HEADS_LEAST);
    memset(heads, 0, HEADS_LEAST * sizeof *heads);
}

slice texts_get(const struct texts *texts, uint32_t name)
{
    if (name == 0) {
        return SLICE_EMPTY;
    }
    const struct head *head = head_of(texts, name);
    return (slice){(const char *)(head + 1), head->size};
}

static uint64_t hash_of(slice text)
{
    return hash64_words(0, text);
}

/* Twice as many chains: each is parted in two. */
static void grow(struct texts *texts)
{
    uint32_t old = texts->mask + 1;
    texts->mask = 2 * old - 1;
    for (uint32_t i = 0; i < old; i++) {
        uint32_t *low = &texts->heads[i], *high = &texts->heads[i + old];
        for (uint32_t at = *low, next; at != 0; at = next) {
            uint32_t **to = (hash_of(texts_get(texts, at)) & old) != 0 ? &high : &low;
            next = head_of(texts, at)->next;
            **to = at;
            *to = &head_of(texts, at)->next;
        }
        *low = *high = 0;
    }
}

uint32_t texts_put(struct texts *texts, slice text)
{
    if (text.size == 0) {
        return 0;
    }
    uint64_t hash = hash_of(text);
    uint16_t mark = (uint16_t)(hash >> 48);
    uint32_t *first = &texts->heads[hash & texts->mask];
    for (uint32_t at = *first; at != 0; at = head_of(texts, at)->next) {
        if (head_of(texts, at)->mark == mark && slice_equal(texts_get(texts, at), text)) {
            return at;
        }
    }
    size_t units = (HEAD_SIZE + text.size + 1 + TEXTS_UNIT - 1) / TEXTS_UNIT;
    if (text.size > UINT16_MAX || units > texts->units - texts->used) {
        return TEXTS_FULL;
    }
    uint32_t name = texts->used;
    struct head *head = head_of(texts, name);
    *head = (struct head){.next = *first, .size = (uint16_t)text.size, .mark = mark};
    memcpy(head + 1, text.data, text.size);
    ((char *)(head + 1))[text.size] = '\0';
    texts->used += (uint32_t)units;
    *first = name;
    if (++texts->count > texts->mask && texts->mask + 1 < texts->most) {
        grow(texts);
    }
    return name;
}
