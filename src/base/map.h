/* SPDX-License-Identifier: MIT
 *
 * Map: from a key of bytes to a number, in memory of fixed size. Open addressing with linear probing over a
 * seeded hash. It cannot be iterated, on purpose: nothing may depend on the order of a hash. The map borrows
 * its keys: they must outlive it. */
#ifndef PONT_BASE_MAP_H
#define PONT_BASE_MAP_H

#include "src/base/arena.h"

struct map_slot {
    slice key; /* data null: never used */
    uint32_t value;
    bool dead; /* once used, then removed */
};

struct map {
    struct map_slot *slots;
    size_t slot_count; /* a power of two */
    size_t count, used; /* live keys; slots not free, the dead ones included */
    size_t max;         /* keys at most */
    uint64_t seed;
};

/* Room for `max` keys. Fails with ERR_LIMIT when the arena is full. */
MUST_USE enum err map_init(struct map *map, struct arena *arena, size_t max);
/* Sets key to value, new or not. Fails with ERR_LIMIT, unchanged, when `max` keys are in. */
MUST_USE enum err map_put(struct map *map, slice key, uint32_t value);
/* False when the key is absent; *value is then left alone. */
bool map_find(const struct map *map, slice key, uint32_t *value);
/* False when the key was absent. */
bool map_remove(struct map *map, slice key);

#endif
