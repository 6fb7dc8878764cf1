/* SPDX-License-Identifier: MIT
 *
 * M/M/10 at a load of 0.9 on the queue of the virtual driver: the model that mm10.py plays on SimPy. Prints customers, events,
 * seconds of CPU and the mean wait (theory, Erlang's C: 0.669 of a mean service).
 *
 * mm10_bench [CUSTOMERS]: 3,000,000 when not said. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sim/virtual/queue.h"
#include "src/base/random.h"
#include "src/base/real.h"

#define SERVERS 10
#define LOAD 0.9
#define WAITING_MAX 65536u /* a power of two */

enum what { ARRIVES, LEAVES };

static struct queue queue;
static time_ns waiting[WAITING_MAX];
static uint64_t first_waiting, end_waiting, arrived, served, wanted;
static unsigned busy;
static double waited_ns;

static time_ns draw(uint32_t purpose, uint64_t index, double mean_ns)
{
    return real_round(-real_log(real_unit(random_draw(1, purpose, 0, index))) * mean_ns) + 1;
}

static void put(time_ns at, enum what what)
{
    struct pending *pending = queue_put(&queue, at, what == ARRIVES ? CLASS_MESSAGE : CLASS_RELEASE, 0);
    if (pending == NULL) {
        exit(3);
    }
    pending->kind = (uint8_t)what;
}

static void serve(time_ns now, time_ns since)
{
    waited_ns += (double)(now - since);
    put(now + draw(2, served++, 1e9), LEAVES);
}

static void take(time_ns now, enum what what)
{
    if (what == LEAVES) {
        busy--;
    } else {
        waiting[end_waiting++ % WAITING_MAX] = now;
        if (++arrived < wanted) {
            put(now + draw(1, arrived, 1e9 / (SERVERS * LOAD)), ARRIVES);
        }
        if (end_waiting - first_waiting >= WAITING_MAX) {
            exit(3);
        }
    }
    if (busy < SERVERS && first_waiting < end_waiting) {
        busy++;
        serve(now, waiting[first_waiting++ % WAITING_MAX]);
    }
}

int main(int argc, char **argv)
{
    struct arena arena;
    wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 3000000;
    if (arena_make(&arena, queue_memory(64, 1) + 4096) != ERR_OK || queue_init(&queue, 64, 1, 0, &arena) != ERR_OK) {
        return 3;
    }
    uint64_t events = 0;
    clock_t began = clock();
    put(0, ARRIVES);
    for (struct pending *popped; (popped = queue_pop(&queue, TIME_NEVER)) != NULL; events++) {
        time_ns now = popped->at_ns;
        enum what what = (enum what)popped->kind;
        queue_give(&queue, popped);
        take(now, what);
    }
    double took = (double)(clock() - began) / CLOCKS_PER_SEC, mean = waited_ns / (double)served / 1e9;
    printf("%llu %llu %.6f %.4f\n", (unsigned long long)served, (unsigned long long)events, took, mean);
    arena_drop(&arena);
    return mean > 0.6 && mean < 0.74 ? 0 : 1; /* a model that waits otherwise is another model */
}
