/* SPDX-License-Identifier: MIT */
#include "src/base/map.h"

#include "src/base/hash.h"

#include <assert.h>

enum err map_init(struct map *map, struct arena *arena, size_t max)
{
    size_t slot_count = 16;
    while (slot_count < 2 * max) {
        slot_count *= 2;
    }
    *map = (struct map){.slot_count = slot_count, .max = max, .seed = 0x706F6E74};
    map->slots = arena_array(arena, slot_count, sizeof *map->slots);
    return map->slots == NULL ? ERR_LIMIT : ERR_OK;
}

/* The slot of the key, or the first free one on its path. */
static size_t slot_of(const struct map *map, slice key)
{
    size_t at = (size_t)hash64(map->seed, key) & (map->slot_count - 1);
    while (map->slots[at].key.data != NULL && (map->slots[at].dead || !slice_equal(map->slots[at].key, key))) {
        at = (at + 1) & (map->slot_count - 1);
    }
    return at;
}

/* Puts the live keys in again, in slot order, so that the dead ones give their slots back. In place: each
 * key is taken out and put where its path now has room, until a whole round moves nothing. */
static void sweep(struct map *map)
{
    for (size_t i = 0; i < map->slot_count; i++) {
        if (map->slots[i].dead) {
            map->slots[i] = (struct map_slot){.dead = false};
        }
    }
    bool moved = true;
    while (moved) {
        moved = false;
        for (size_t i = 0; i < map->slot_count; i++) {
            if (map->slots[i].key.data == NULL) {
                continue;
            }
            struct map_slot slot = map->slots[i];
            map->slots[i] = (struct map_slot){.dead = false};
            size_t to = slot_of(map, slot.key);
            map->slots[to] = slot;
            moved = moved || to != i;
        }
    }
    map->used = map->count;
}

enum err map_put(struct map *map, slice key, uint32_t value)
{
    if (key.data == NULL) {
        key = SLICE_EMPTY;
    }
    size_t at = slot_of(map, key);
    if (map->slots[at].key.data != NULL) {
        map->slots[at].value = value;
        return ERR_OK;
    }
    if (map->count == map->max) {
        return ERR_LIMIT;
    }
    if (map->used >= map->slot_count - map->slot_count / 4) {
        sweep(map);
        at = slot_of(map, key);
    }
    map->slots[at] = (struct map_slot){key, value, false};
    map->count++;
    map->used++;
    assert(map->used < map->slot_count);
    return ERR_OK;
}

bool map_find(const struct map *map, slice key, uint32_t *value)
{
    size_t at = slot_of(map, key.data == NULL ? SLICE_EMPTY : key);
    if (map->slots[at].key.data == NULL) {
        return false;
    }
    *value = map->slots[at].value;
    return true;
}

bool map_remove(struct map *map, slice key)
{
    size_t at = slot_of(map, key.data == NULL ? SLICE_EMPTY : key);
    if (map->slots[at].key.data == NULL) {
        return false;
    }
    map->slots[at] = (struct map_slot){.key = SLICE_EMPTY, .dead = true};
    map->count--;
    return true;
}
