/* SPDX-License-Identifier: MIT */
#include "src/bench/hops.h"

#include "src/base/hash.h"

#include <stdio.h>
#include <stdlib.h>

void hops_init(struct hops *hops, struct arena *arena)
{
    *hops = (struct hops){.arena = arena};
}

static struct hop *hop_named(struct hops *hops, const char *what, slice where)
{
    char text[160];
    snprintf(text, sizeof text, "%s %.*s", what, SLICE_ARGS(where));
    for (size_t i = 0; i < hops->count; i++) {
        if (slice_equal(hops->hops[i].name, slice_from(text))) {
            return &hops->hops[i];
        }
    }
    int64_t *samples = hops->count == HOPS_MAX ? NULL : arena_array(hops->arena, HOP_SAMPLES_MAX, sizeof *samples);
    slice name = samples == NULL ? SLICE_EMPTY : arena_copy(hops->arena, slice_from(text));
    if (name.data == NULL || samples == NULL) {
        return NULL;
    }
    hops->hops[hops->count] = (struct hop){.name = name, .samples_ns = samples};
    return &hops->hops[hops->count++];
}

static void add(struct hop *hop, int64_t took_ns)
{
    if (hop != NULL && hop->count < HOP_SAMPLES_MAX) {
        hop->samples_ns[hop->count++] = took_ns;
    }
}

static uint64_t key_of(const struct observation *seen)
{
    return hash64(hash64(hash64((uint64_t)seen->number, seen->peer), seen->study_uid), seen->other_id);
}

static void begin(struct hop *hop, uint64_t key, time_ns at_ns)
{
    if (hop != NULL && hop->open_count < HOP_OPEN_MAX) {
        hop->open[hop->open_count].key = key;
        hop->open[hop->open_count++].at_ns = at_ns;
    }
}

/* The oldest of that key ends. */
static void end(struct hop *hop, uint64_t key, time_ns at_ns)
{
    for (size_t i = 0; hop != NULL && i < hop->open_count; i++) {
        if (hop->open[i].key == key) {
            add(hop, at_ns - hop->open[i].at_ns);
            memmove(&hop->open[i], &hop->open[i + 1], (hop->open_count - i - 1) * sizeof hop->open[0]);
            hop->open_count--;
            return;
        }
    }
}

void hops_observe(struct hops *hops, const struct observation *seen)
{
    switch (seen->kind) {
    case OBSERVATION_hl7_sent:
        begin(hop_named(hops, "acknowledgement to", seen->actor), hash64(1, seen->other_id), seen->at_ns);
        break;
    case OBSERVATION_hl7_acked:
        end(hop_named(hops, "acknowledgement to", seen->actor), hash64(1, seen->other_id), seen->at_ns);
        break;
    case OBSERVATION_find_received: /* answered without the message's number: in order of each caller */
        begin(hop_named(hops, "list at", seen->actor), hash64(2, seen->peer), seen->at_ns);
        break;
    case OBSERVATION_find_answered:
        end(hop_named(hops, "list at", seen->actor), hash64(2, seen->peer), seen->at_ns);
        break;
    case OBSERVATION_move_received:
        begin(hop_named(hops, "move from", seen->actor), key_of(&(struct observation){.peer = seen->peer, .study_uid = seen->study_uid}), seen->at_ns);
        break;
    case OBSERVATION_move_answered:
        end(hop_named(hops, "move from", seen->actor), key_of(&(struct observation){.peer = seen->peer, .study_uid = seen->study_uid}), seen->at_ns);
        break;
    case OBSERVATION_query_answered:
        add(hop_named(hops, "answer to", seen->actor), seen->latency_ns);
        break;
    case OBSERVATION_retrieve_answered:
        add(hop_named(hops, "retrieve to", seen->actor), seen->latency_ns);
        break;
    case OBSERVATION_first_image:
        add(hop_named(hops, "first image at", seen->actor), seen->latency_ns);
        break;
    default:
        break;
    }
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

void hops_sort(struct hops *hops)
{
    for (size_t i = 0; i < hops->count; i++) {
        qsort(hops->hops[i].samples_ns, hops->hops[i].count, sizeof(int64_t), by_value);
    }
}

int64_t hop_quantile(const struct hop *hop, int percent)
{
    if (hop->count == 0) {
        return 0;
    }
    size_t scaled = (hop->count - 1) * (size_t)percent, low = scaled / 100, part = scaled % 100;
    int64_t above = low + 1 < hop->count ? hop->samples_ns[low + 1] - hop->samples_ns[low] : 0;
    return hop->samples_ns[low] + above * (int64_t)part / 100;
}
