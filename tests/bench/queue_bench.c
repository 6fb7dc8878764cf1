/* SPDX-License-Identifier: MIT
 *
 * The hold model: pop the earliest, fold it into a digest, draw a delay, push. Prints millions of events a second of CPU
 * time for the queue of the virtual driver and, as its peer, a 4-ary heap of 16-byte keys over a pool; and the digest, which is that of the order
 * of all pops and so must be the same for both. Distributions: exp (mean 1 s) and mix (90 % mean 50 ms, 9 % mean 1 h, 1 % mean 30 days).
 *
 * queue_bench [EVENTS]: how many pops a cell, 10,000,000 when not said. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sim/virtual/queue.h"
#include "src/base/random.h"

/* ---- Delays, drawn beforehand so that what is measured is the queue. */

#define DELAYS (1u << 20)

static time_ns *delays_make(bool mix)
{
    time_ns *delays = malloc(DELAYS * sizeof *delays);
    for (uint64_t i = 0; i < DELAYS; i++) {
        double even = ((double)(random_draw(1, 1, 1, i) >> 11) + 0.5) / 9007199254740992.0;
        uint64_t of = random_below(random_draw(1, 2, 1, i), 100);
        double mean = !mix ? 1e9 : of < 90 ? 50e6 : of < 99 ? 3600e9 : 2592000e9;
        delays[i] = (time_ns)(-log(even) * mean) + 1;
    }
    return delays;
}

/* ---- The peer. */

struct key {
    time_ns at_ns;
    uint32_t number; /* pushes so far: orders equal times */
    uint32_t entry;
};
struct heap {
    struct key *keys;
    struct pending *entries;
    size_t count;
    uint32_t pushes;
};

static bool before(const struct key *a, const struct key *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : (int32_t)(a->number - b->number) < 0;
}

static void heap_put(struct heap *heap, time_ns at_ns, uint32_t entry)
{
    struct key key = {at_ns, heap->pushes++, entry};
    size_t at = heap->count++;
    while (at > 0 && before(&key, &heap->keys[(at - 1) / 4])) {
        heap->keys[at] = heap->keys[(at - 1) / 4];
        at = (at - 1) / 4;
    }
    heap->keys[at] = key;
}

static struct key heap_take(struct heap *heap)
{
    struct key first = heap->keys[0], last = heap->keys[--heap->count];
    size_t at = 0;
    for (;;) {
        size_t least = 4 * at + 1, end = 4 * at + 5 < heap->count ? 4 * at + 5 : heap->count;
        if (least >= heap->count) {
            break;
        }
        for (size_t i = least + 1; i < end; i++) {
            least = before(&heap->keys[i], &heap->keys[least]) ? i : least;
        }
        if (!before(&heap->keys[least], &last)) {
            break;
        }
        heap->keys[at] = heap->keys[least];
        at = least;
    }
    heap->keys[at] = last;
    return first;
}

/* ---- Cells. */

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t fold(uint64_t digest, time_ns at_ns, uint64_t subject)
{
    return (digest ^ (uint64_t)at_ns ^ subject << 40) * 0x9E3779B97F4A7C15u + (digest >> 29);
}

static double hold_queue(size_t pending, const time_ns *delays, uint64_t events, uint64_t *digest)
{
    struct arena arena;
    struct queue queue;
    if (arena_make(&arena, queue_memory(pending + 1, 1) + 4096) != ERR_OK || queue_init(&queue, pending + 1, 1, 0, &arena) != ERR_OK) {
        exit(3);
    }
    uint64_t drawn = 0;
    for (size_t i = 0; i < pending; i++) {
        queue_put(&queue, delays[drawn++ % DELAYS], CLASS_MESSAGE, 0)->subject = (uint32_t)i;
    }
    double began = 0;
    *digest = 0;
    for (uint64_t i = 0; i < events + pending; i++) {
        if (i == pending) { /* as many holds as are pending warm it up */
            began = cpu_s();
        }
        struct pending *popped = queue_pop(&queue, TIME_NEVER);
        time_ns now = popped->at_ns;
        uint32_t subject = popped->subject;
        *digest = fold(*digest, now, subject);
        queue_give(&queue, popped);
        queue_put(&queue, now + delays[drawn++ % DELAYS], CLASS_MESSAGE, 0)->subject = subject;
    }
    double took = cpu_s() - began;
    arena_drop(&arena);
    return (double)events / took / 1e6;
}

static double hold_heap(size_t pending, const time_ns *delays, uint64_t events, uint64_t *digest)
{
    struct heap heap = {malloc((pending + 1) * sizeof *heap.keys), malloc((pending + 1) * sizeof *heap.entries), 0, 0};
    uint64_t drawn = 0;
    for (size_t i = 0; i < pending; i++) {
        heap.entries[i].subject = (uint32_t)i;
        heap_put(&heap, delays[drawn++ % DELAYS], (uint32_t)i);
    }
    double began = 0;
    *digest = 0;
    for (uint64_t i = 0; i < events + pending; i++) {
        if (i == pending) {
            began = cpu_s();
        }
        struct key first = heap_take(&heap);
        *digest = fold(*digest, first.at_ns, heap.entries[first.entry].subject);
        heap_put(&heap, first.at_ns + delays[drawn++ % DELAYS], first.entry);
    }
    double took = cpu_s() - began;
    free(heap.keys);
    free(heap.entries);
    return (double)events / took / 1e6;
}

int main(int argc, char **argv)
{
    uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    static const size_t sizes[] = {1000, 100000, 1000000};
    static const double goals[] = {18, 12, 6};
    int status = 0;
    printf("%-5s %8s %12s %12s %6s  digest\n", "delay", "pending", "radix M/s", "4-ary M/s", "goal");
    for (int mix = 0; mix < 2; mix++) {
        time_ns *delays = delays_make(mix == 1);
        for (size_t s = 0; s < 3; s++) {
            uint64_t digest = 0, other = 0;
            double radix = hold_queue(sizes[s], delays, events, &digest), heap = hold_heap(sizes[s], delays, events, &other);
            printf("%-5s %8zu %12.1f %12.1f %6.0f  %016llx%s\n", mix == 1 ? "mix" : "exp", sizes[s], radix, heap, goals[s], (unsigned long long)digest,
                   digest == other ? "" : "  THE ORDERS DIFFER");
            status = digest == other ? status : 1;
        }
        free(delays);
    }
    return status;
}
