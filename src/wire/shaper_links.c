/* SPDX-License-Identifier: MIT
 *
 * What links do to bytes. The same words and the same effects as those of the virtual world's links (sim/virtual/network.c). */
#include "src/wire/shaper_private.h"

#include "src/base/random.h"

#define PACKET 1460
#define RETRANSMIT_NS (200 * TIME_MS) /* the least that Linux waits (TCP_RTO_MIN) */
#define AHEAD_NS (20 * TIME_MS)       /* what is taken in before its turn: connections share a slow line evenly */
#define NO_STOP INT64_MAX

void shaper_links_init(struct shaper_links *links, const struct shaper_config *config)
{
    links->count = config->link_count < SHAPER_LINKS_MAX ? config->link_count : SHAPER_LINKS_MAX;
    links->seed = config->seed;
    for (size_t h = 0; h < 2 * links->count; h++) {
        const struct shaper_link *link = &config->links[h / 2];
        links->halves[h] = (struct shaper_half){.rate = link->bytes_per_s, .delay_ns = link->delay_ns, .loss_ppm = link->loss_ppm, .stop_bytes = -1};
    }
}

/* ---- Faults. */

static void count_change(uint32_t *count, bool begins)
{
    *count += begins ? 1u : *count > 0 ? UINT32_MAX : 0u;
}

static void set_ppm(uint32_t *ppm, const struct plan_entry *entry, bool begins)
{
    int64_t said = plan_get_int(entry, "ppm", 0);
    *ppm = !begins || said < 0 ? 0 : said > 1000000 ? 1000000 : (uint32_t)said;
}

enum word {
    WORD_partition, WORD_clog, WORD_rate, WORD_delay, WORD_loss, WORD_duplicate, WORD_corrupt, WORD_reorder, WORD_flap,
    WORD_reset, WORD_half_close, WORD_slow_close, WORD_slice, WORD_stop_after_bytes, WORD_black_hole, WORD_COUNT
};

static enum word word_of(slice verb)
{
    static const char *const words[WORD_COUNT] = {
        [WORD_partition] = "partition", [WORD_clog] = "clog", [WORD_rate] = "rate", [WORD_delay] = "delay", [WORD_loss] = "loss", [WORD_duplicate] = "duplicate",
        [WORD_corrupt] = "corrupt", [WORD_reorder] = "reorder", [WORD_flap] = "flap", [WORD_reset] = "reset", [WORD_half_close] = "half_close",
        [WORD_slow_close] = "slow_close", [WORD_slice] = "slice", [WORD_stop_after_bytes] = "stop_after_bytes", [WORD_black_hole] = "black_hole"};
    enum word word = 0;
    while (word < WORD_COUNT && !slice_equal(verb, slice_from(words[word]))) {
        word++;
    }
    return word;
}

bool shaper_knows(slice verb)
{
    return word_of(verb) < WORD_COUNT;
}

static void change(struct shaper_half *half, enum word word, const struct plan_entry *entry)
{
    bool begins = entry->kind == PLAN_FAULT;
    switch (word) {
    case WORD_partition:
    case WORD_clog:
        count_change(&half->blocks, begins);
        break;
    case WORD_rate:
        half->fault_rate = begins ? plan_get_int(entry, "bytes_per_s", 1) : 0;
        half->fault_rate = begins && half->fault_rate < 1 ? 1 : half->fault_rate;
        break;
    case WORD_delay:
        half->fault_delay_ns = begins ? plan_get_int(entry, "ns", 0) : 0;
        break;
    case WORD_loss:
        set_ppm(&half->fault_loss_ppm, entry, begins);
        break;
    case WORD_duplicate:
        set_ppm(&half->double_ppm, entry, begins);
        break;
    case WORD_corrupt:
        set_ppm(&half->corrupt_ppm, entry, begins);
        break;
    case WORD_reorder:
        set_ppm(&half->late_ppm, entry, begins);
        break;
    case WORD_reset:
        count_change(&half->resets, begins);
        break;
    case WORD_slow_close:
        half->close_ns = begins ? plan_get_int(entry, "delay", 10 * TIME_S) : 0;
        break;
    case WORD_slice:
        half->slice_size = begins ? plan_get_int(entry, "size", 16) : 0;
        half->slice_ns = begins ? plan_get_int(entry, "delay", TIME_MS) : 0;
        break;
    case WORD_stop_after_bytes:
        half->stop_bytes = begins ? plan_get_int(entry, "bytes", 0) : -1;
        break;
    case WORD_black_hole:
        count_change(&half->holes, begins);
        break;
    default:
        break; /* flap and half_close are not of a half */
    }
}

static void flap(struct shaper_links *links, size_t link, const struct plan_entry *entry, time_ns now)
{
    struct shaper_flap *it = &links->flaps[link];
    it->on = entry->kind == PLAN_FAULT;
    it->up_ns = plan_get_int(entry, "up", 5 * TIME_S);
    it->down_ns = plan_get_int(entry, "down", 5 * TIME_S);
    it->up_ns = it->up_ns < TIME_MS ? TIME_MS : it->up_ns;
    it->down_ns = it->down_ns < TIME_MS ? TIME_MS : it->down_ns;
    it->next_ns = it->on ? now + it->down_ns : TIME_NEVER;
    links->halves[2 * link].flap_down = links->halves[2 * link + 1].flap_down = it->on;
}

enum err shaper_links_tell(struct shaper_links *links, const struct plan_entry *entry, time_ns now, enum shaper_blow *blow)
{
    enum word word = word_of(entry->verb);
    int64_t link = plan_get_int(entry, "link", -1);
    slice direction = plan_get(entry, "direction");
    *blow = BLOW_NONE;
    if (word == WORD_COUNT || link < 0 || (uint64_t)link >= links->count || entry->kind == PLAN_DO) {
        return ERR_BAD_INPUT;
    }
    if (word == WORD_flap) {
        flap(links, (size_t)link, entry, now);
    }
    if (!slice_equal(direction, SLICE("to_hub"))) {
        change(&links->halves[2 * link], word, entry);
    }
    if (!slice_equal(direction, SLICE("from_hub"))) {
        change(&links->halves[2 * link + 1], word, entry);
    }
    if (entry->kind == PLAN_FAULT) {
        *blow = word == WORD_reset ? BLOW_RESET : word == WORD_half_close ? BLOW_HALF_CLOSE : BLOW_NONE;
    } else if (word == WORD_black_hole) {
        *blow = BLOW_RESET; /* what it took never comes: connections that led into it are of no use */
    }
    return ERR_OK;
}

time_ns shaper_links_turn(struct shaper_links *links, time_ns now)
{
    time_ns next = TIME_NEVER;
    for (size_t l = 0; l < links->count; l++) {
        struct shaper_flap *it = &links->flaps[l];
        if (!it->on) {
            continue;
        }
        if (it->next_ns <= now) {
            bool down = !links->halves[2 * l].flap_down;
            links->halves[2 * l].flap_down = links->halves[2 * l + 1].flap_down = down;
            it->next_ns = now + (down ? it->down_ns : it->up_ns);
        }
        next = it->next_ns < next ? it->next_ns : next;
    }
    return next;
}

/* ---- What a path does. */

bool shaper_blocked(const struct shaper_links *links, const struct shaper_path *path)
{
    bool blocked = false;
    for (uint8_t i = 0; i < path->count; i++) {
        const struct shaper_half *half = &links->halves[path->halves[i]];
        blocked |= half->blocks > 0 || half->flap_down;
    }
    return blocked;
}

bool shaper_resets(const struct shaper_links *links, const struct shaper_path *path)
{
    bool resets = false;
    for (uint8_t i = 0; i < path->count; i++) {
        resets |= links->halves[path->halves[i]].resets > 0;
    }
    return resets;
}

bool shaper_swallows(const struct shaper_links *links, const struct shaper_path *path)
{
    bool swallows = false;
    for (uint8_t i = 0; i < path->count; i++) {
        swallows |= links->halves[path->halves[i]].holes > 0;
    }
    return swallows;
}

int64_t shaper_stops_at(const struct shaper_links *links, const struct shaper_path *path)
{
    int64_t least = NO_STOP;
    for (uint8_t i = 0; i < path->count; i++) {
        int64_t stop = links->halves[path->halves[i]].stop_bytes;
        least = stop >= 0 && stop < least ? stop : least;
    }
    return least;
}

static int64_t rate_of(const struct shaper_half *half)
{
    int64_t rate = half->fault_rate > 0 && (half->rate == 0 || half->fault_rate < half->rate) ? half->fault_rate : half->rate;
    return half->double_ppm == 0 || rate == 0 ? rate : rate * 1000000 / (1000000 + half->double_ppm);
}

/* So many of the packets, on the average; the part of one is drawn. */
static int64_t share_of(struct shaper_links *links, struct shaper_half *half, int64_t bytes, uint64_t ppm)
{
    uint64_t expected = (uint64_t)(bytes / PACKET + 1) * ppm;
    uint64_t draw = random_draw(links->seed, PURPOSE('s', 'h', 'a', 'p'), (uint64_t)(half - links->halves), half->draws++);
    return (int64_t)(expected / 1000000 + (random_below(draw, 1000000) < expected % 1000000));
}

/* A packet that is lost, or whose checksum is wrong, is sent again: the last one only after a time-out. One that is late
 * holds up those behind it. */
static time_ns repaired_ns(struct shaper_links *links, struct shaper_half *half, int64_t bytes)
{
    time_ns round_trip = 2 * (half->delay_ns + half->fault_delay_ns), takes = 0;
    uint64_t ppm = (uint64_t)half->loss_ppm + half->fault_loss_ppm + half->corrupt_ppm;
    int64_t lost = ppm == 0 ? 0 : share_of(links, half, bytes, ppm), late = half->late_ppm == 0 ? 0 : share_of(links, half, bytes, half->late_ppm);
    takes += lost > 0 ? RETRANSMIT_NS + lost * round_trip : 0;
    return takes + late * (round_trip > TIME_MS ? round_trip : TIME_MS);
}

time_ns shaper_pass(struct shaper_links *links, const struct shaper_path *path, int64_t bytes, time_ns now)
{
    for (uint8_t i = 0; i < path->count; i++) {
        struct shaper_half *half = &links->halves[path->halves[i]];
        int64_t rate = rate_of(half);
        if (rate > 0) {
            half->free_at = (half->free_at > now ? half->free_at : now) + (time_ns)((__int128)bytes * TIME_S / rate);
            now = half->free_at;
        }
        now += half->delay_ns + half->fault_delay_ns + repaired_ns(links, half, bytes);
    }
    return now;
}

time_ns shaper_takes_at(const struct shaper_links *links, const struct shaper_path *path)
{
    time_ns at = 0;
    for (uint8_t i = 0; i < path->count; i++) {
        const struct shaper_half *half = &links->halves[path->halves[i]];
        time_ns from = half->free_at - AHEAD_NS;
        at = rate_of(half) > 0 && from > at ? from : at;
    }
    return at;
}

time_ns shaper_close_ns(const struct shaper_links *links, const struct shaper_path *path)
{
    time_ns longest = 0;
    for (uint8_t i = 0; i < path->count; i++) {
        longest = links->halves[path->halves[i]].close_ns > longest ? links->halves[path->halves[i]].close_ns : longest;
    }
    return longest;
}

int64_t shaper_slice(const struct shaper_links *links, const struct shaper_path *path, time_ns *between)
{
    int64_t size = 0;
    *between = 0;
    for (uint8_t i = 0; i < path->count; i++) {
        const struct shaper_half *half = &links->halves[path->halves[i]];
        if (half->slice_size > 0 && (size == 0 || half->slice_size < size)) {
            size = half->slice_size;
            *between = half->slice_ns;
        }
    }
    return size;
}
