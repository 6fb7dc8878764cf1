/* SPDX-License-Identifier: MIT
 *
 * Shaper: the lines between the processes of a world on the wire: a process that stands between those who dial and those
 * who listen, and lets bytes through as the links of the scenario would: so many a second, so late, or not at all. Links
 * have two directions: half 2 * L is towards `to` of link L, half 2 * L + 1 towards `from`, the hub. It repairs nothing and
 * looks into nothing. What happens to packets is what TCP makes of it: time. */
#ifndef PONT_WIRE_SHAPER_H
#define PONT_WIRE_SHAPER_H

#include "src/actor/actor.h"

#define SHAPER_LINKS_MAX 256
#define SHAPER_HALVES_MAX 6 /* of one way */
#define SHAPER_WAYS_MAX 512
#define SHAPER_CONNECTIONS_MAX 1024

struct shaper_link {
    int64_t bytes_per_s; /* of each direction; 0: no limit */
    time_ns delay_ns;    /* one way */
    uint32_t loss_ppm;   /* of packets of 1460 bytes */
};

/* Who dials `port` is passed on to `target`, over these halves in order; answers take their other directions. */
struct shaper_way {
    uint16_t port;   /* chosen by shaper_open */
    uint16_t target;
    uint8_t half_count;
    uint16_t halves[SHAPER_HALVES_MAX];
};

struct shaper_config {
    const char *host;  /* numeric address to bind and to dial */
    uint64_t seed;
    const struct shaper_link *links;
    size_t link_count;
    struct shaper_way *ways;
    size_t way_count;
    int control;       /* descriptor: JSON lines of plan entries, FAULT and HEAL with argument `link`; its end ends the shaper */
};

struct shaper;

/* Listens for every way and writes the ports into them. Null when memory or ports run out. */
struct shaper *shaper_open(const struct shaper_config *config);
/* Passes bytes on until the control ends. ERR_SYSTEM when the machine fails it. */
MUST_USE enum err shaper_run(struct shaper *shaper);
/* Gives back descriptors and memory; the process that forked the shaper calls it too. */
void shaper_close(struct shaper *shaper);
/* Is this word known to it? */
bool shaper_knows(slice verb);

#endif
