/* SPDX-License-Identifier: MIT
 *
 * Ports: a block of free loopback ports that no other run on this machine takes at the same time. The block is
 * held by an abstract socket, so that it is free again when the holder ends, however it ends. */
#ifndef PONT_BENCH_PORTS_H
#define PONT_BENCH_PORTS_H

#include "src/base/error.h"

#define PORTS_MAX 100

struct ports {
    int holder; /* descriptor; -1: fixed ports */
    uint16_t first;
    size_t count;
};

/* Takes a block of PORTS_MAX ports in 20000..31999 (below what Linux gives to clients), all free on `host`. ERR_SYSTEM when there is none. */
MUST_USE enum err ports_take(struct ports *ports, const char *host);
/* The block base .. base + PORTS_MAX - 1 as named by the user; busy ones show when they are bound. */
MUST_USE enum err ports_fixed(struct ports *ports, uint16_t base);
/* The next port of the block that can be bound now. 0 when the block is used up. */
uint16_t ports_next(struct ports *ports, const char *host);
void ports_give_back(struct ports *ports);

#endif
