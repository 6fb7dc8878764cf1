/* SPDX-License-Identifier: MIT */
#include "src/bench/histogram.h"

/* Part p > 0 holds [2^(p+9), 2^(p+10)) in steps of 2^(p-1) values, of which it has 1024: value >> (p-1) lies in [1024, 2048). */
static unsigned part_of(uint64_t value)
{
    return value < HISTOGRAM_STEPS ? 0 : (unsigned)(63 - __builtin_clzll(value)) - 9;
}
static uint32_t step_of(uint64_t value, unsigned part)
{
    return part == 0 ? (uint32_t)value : (uint32_t)(value >> (part - 1)) - HISTOGRAM_STEPS;
}
static int64_t lower_edge(unsigned part, uint32_t step)
{
    return part == 0 ? (int64_t)step : (int64_t)(HISTOGRAM_STEPS + step) << (part - 1);
}
static int64_t width(unsigned part)
{
    return part == 0 ? 1 : (int64_t)1 << (part - 1);
}

static uint32_t *take_part(struct histogram *histogram, unsigned part, struct arena *arena)
{
    if (histogram->parts[part] == NULL) {
        histogram->parts[part] = arena_array(arena, HISTOGRAM_STEPS, sizeof(uint32_t));
    }
    return histogram->parts[part];
}

void histogram_add(struct histogram *histogram, int64_t value, struct arena *arena)
{
    value = value < 0 ? 0 : value;
    unsigned part = part_of((uint64_t)value);
    uint32_t *steps = take_part(histogram, part, arena);
    if (steps == NULL) {
        return;
    }
    steps[step_of((uint64_t)value, part)]++;
    histogram->lowest = histogram->count == 0 || value < histogram->lowest ? value : histogram->lowest;
    histogram->highest = value > histogram->highest ? value : histogram->highest;
    histogram->count++;
    histogram->sum_us += value / 1000;
}

void histogram_merge(struct histogram *into, const struct histogram *from, struct arena *arena)
{
    for (unsigned part = 0; part < HISTOGRAM_PARTS; part++) {
        uint32_t *steps = from->parts[part] == NULL ? NULL : take_part(into, part, arena);
        for (uint32_t step = 0; steps != NULL && step < HISTOGRAM_STEPS; step++) {
            steps[step] += from->parts[part][step];
        }
    }
    if (from->count > 0) {
        into->lowest = into->count == 0 || from->lowest < into->lowest ? from->lowest : into->lowest;
        into->highest = from->highest > into->highest ? from->highest : into->highest;
        into->count += from->count;
        into->sum_us += from->sum_us;
    }
}

/* Rank (count - 1) x share, as a whole number and billionths; the values of a step lie evenly between its edges. */
int64_t histogram_quantile(const struct histogram *histogram, int64_t ppb)
{
    if (histogram->count == 0 || ppb >= PPB) {
        return histogram->highest;
    }
    __int128 rank = (__int128)(histogram->count - 1) * (ppb < 0 ? 0 : ppb);
    int64_t before = 0;
    for (unsigned part = 0; part < HISTOGRAM_PARTS; part++) {
        for (uint32_t step = 0; histogram->parts[part] != NULL && step < HISTOGRAM_STEPS; step++) {
            int64_t here = histogram->parts[part][step];
            if (here > 0 && rank < (__int128)(before + here) * PPB) {
                __int128 inside = rank - (__int128)before * PPB; /* 0 .. here x PPB */
                int64_t at = lower_edge(part, step) + (part == 0 ? 0 : (int64_t)((inside * width(part) + (__int128)width(part) * PPB / 2) / ((__int128)here * PPB)));
                return at < histogram->lowest ? histogram->lowest : at > histogram->highest ? histogram->highest : at;
            }
            before += here;
        }
    }
    return histogram->highest;
}

int64_t histogram_above(const struct histogram *histogram, int64_t bound)
{
    unsigned part = part_of((uint64_t)(bound < 0 ? 0 : bound));
    uint32_t step = step_of((uint64_t)(bound < 0 ? 0 : bound), part);
    int64_t above = 0;
    for (unsigned p = part; p < HISTOGRAM_PARTS; p++) {
        for (uint32_t s = p == part ? step + 1 : 0; histogram->parts[p] != NULL && s < HISTOGRAM_STEPS; s++) {
            above += histogram->parts[p][s];
        }
    }
    if (part > 0 && histogram->parts[part] != NULL && bound < histogram->highest) {
        int64_t rest = lower_edge(part, step) + width(part) - 1 - bound;
        above += (int64_t)((__int128)histogram->parts[part][step] * rest / width(part));
    }
    return bound >= histogram->highest ? 0 : above;
}
