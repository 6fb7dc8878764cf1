/* SPDX-License-Identifier: MIT
 *
 * Shaper, the private door: what links do to bytes (shaper_links.c), and the connections that pass through (shaper.c). */
#ifndef PONT_WIRE_SHAPER_PRIVATE_H
#define PONT_WIRE_SHAPER_PRIVATE_H

#include "src/wire/shaper.h"

#include <stdint.h>

/* One direction of a link. Faults are counted, so that two of a kind may overlap. */
struct shaper_half {
    int64_t rate, fault_rate; /* bytes a second; 0: no limit; fault_rate 0: none */
    time_ns delay_ns, fault_delay_ns;
    uint32_t loss_ppm, fault_loss_ppm, corrupt_ppm, late_ppm, double_ppm;
    uint32_t blocks;          /* partitions and clogs that hold */
    bool flap_down;
    uint32_t resets, holes;   /* reset; black_hole */
    time_ns close_ns;         /* slow_close */
    int64_t stop_bytes;       /* stop_after_bytes: of each connection from then on; -1: no fault */
    int64_t slice_size;       /* slice; 0: none */
    time_ns slice_ns;
    time_ns free_at;          /* what was let in so far has left it */
    uint64_t draws;
};

struct shaper_flap {
    bool on;
    time_ns up_ns, down_ns, next_ns;
};

/* What a fault asks of the connections over the link beside what its halves say. */
enum shaper_blow { BLOW_NONE, BLOW_RESET, BLOW_HALF_CLOSE };

struct shaper_links {
    struct shaper_half halves[2 * SHAPER_LINKS_MAX];
    struct shaper_flap flaps[SHAPER_LINKS_MAX];
    size_t count;
    uint64_t seed;
};

void shaper_links_init(struct shaper_links *links, const struct shaper_config *config);
/* ERR_BAD_INPUT for a word that it does not know. */
MUST_USE enum err shaper_links_tell(struct shaper_links *links, const struct plan_entry *entry, time_ns now, enum shaper_blow *blow);
/* Turns what flaps; gives the time of the next turn. */
time_ns shaper_links_turn(struct shaper_links *links, time_ns now);

/* A way in one direction: its halves in the order in which bytes pass them. */
struct shaper_path {
    uint16_t halves[SHAPER_HALVES_MAX];
    uint8_t count;
};
bool shaper_blocked(const struct shaper_links *links, const struct shaper_path *path);
bool shaper_resets(const struct shaper_links *links, const struct shaper_path *path);
bool shaper_swallows(const struct shaper_links *links, const struct shaper_path *path);
/* The most of `passed` bytes of a connection that may still go on. */
int64_t shaper_stops_at(const struct shaper_links *links, const struct shaper_path *path);
/* Takes `bytes` in at `now`: when they have passed. */
time_ns shaper_pass(struct shaper_links *links, const struct shaper_path *path, int64_t bytes, time_ns now);
/* When more should be taken in, so that connections take turns: TIME_NEVER never. */
time_ns shaper_takes_at(const struct shaper_links *links, const struct shaper_path *path);
time_ns shaper_close_ns(const struct shaper_links *links, const struct shaper_path *path);
/* Bytes of a piece and the time between two; 0: whole. */
int64_t shaper_slice(const struct shaper_links *links, const struct shaper_path *path, time_ns *between);

#endif
