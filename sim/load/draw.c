/* SPDX-License-Identifier: MIT
 *
 * Draw: chances and times that every part of the load asks for, and the heap of what is due. */
#include "src/base/random.h"
#include "src/base/real.h"

#include "sim/load/load_private.h"

uint64_t load_below(const struct load *load, uint32_t purpose, uint64_t key, uint64_t index, uint64_t bound)
{
    return random_below(random_draw(load->seed, purpose, key, index), bound);
}

double load_unit(const struct load *load, uint32_t purpose, uint64_t key, uint64_t index)
{
    return real_unit(random_draw(load->seed, purpose, key, index));
}

bool load_chance(const struct load *load, uint32_t purpose, uint64_t key, uint64_t index, int64_t micro)
{
    return micro >= MICRO || (micro > 0 && (int64_t)load_below(load, purpose, key, index, MICRO) < micro);
}

int64_t load_times(const struct load *load, uint32_t purpose, uint64_t key, uint64_t index, int64_t mean_micro)
{
    return mean_micro <= 0 ? 0 : mean_micro / MICRO + load_chance(load, purpose, key, index, mean_micro % MICRO);
}

const struct opening *load_opening(const struct load *load, uint32_t calendar)
{
    return calendar < load->population->opening_count ? &load->population->openings[calendar] : NULL;
}

int64_t load_ramp(const struct load *load, const struct shape *ramp, time_ns at)
{
    if (ramp == NULL || ramp->count == 0) {
        return MICRO;
    }
    enum zone zone = load->population->zone;
    struct calendar first = time_calendar(load->start + zone_offset(zone, load->start)), then = time_calendar(at + zone_offset(zone, at));
    int month = (then.year - first.year) * 12 + then.month - first.month;
    size_t nth = month < 0 ? 0 : (size_t)month < ramp->count ? (size_t)month : ramp->count - 1;
    return ramp->weights_micro[nth];
}

bool load_enrolled(const struct load *load, uint64_t person, time_ns at)
{
    const struct shape *ramp = load->population->patients.ramp;
    return ramp == NULL || people_rank_micro(&load->people, person) < load_ramp(load, ramp, at);
}

bool bit_get(const uint8_t *bits, uint64_t index)
{
    return (bits[index / 8] >> (index % 8) & 1) != 0;
}

void bit_set(uint8_t *bits, uint64_t index)
{
    bits[index / 8] |= (uint8_t)(1u << (index % 8));
}

/* ---- A heap of four children a node: shallow, and its children share cache lines. */

static bool before(const struct due *a, const struct due *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

bool due_put(struct due_heap *heap, struct due due)
{
    if (heap->count == heap->max) {
        return false;
    }
    size_t at = heap->count++;
    while (at > 0 && before(&due, &heap->items[(at - 1) / 4])) {
        heap->items[at] = heap->items[(at - 1) / 4];
        at = (at - 1) / 4;
    }
    heap->items[at] = due;
    return true;
}

struct due due_take(struct due_heap *heap)
{
    struct due first = heap->items[0], last = heap->items[--heap->count];
    size_t at = 0;
    for (;;) {
        size_t child = 4 * at + 1, least = child;
        if (child >= heap->count) {
            break;
        }
        for (size_t i = child + 1; i < child + 4 && i < heap->count; i++) {
            least = before(&heap->items[i], &heap->items[least]) ? i : least;
        }
        if (!before(&heap->items[least], &last)) {
            break;
        }
        heap->items[at] = heap->items[least];
        at = least;
    }
    heap->items[at] = last;
    return first;
}
