/* SPDX-License-Identifier: MIT
 *
 * Stream: when exams come. A Poisson stream makes a whole local day of a site and modality at once: its count, then the
 * hour of each by the shape, which is the same process as thinning hour by hour, at a fraction of the draws. */
#include "src/base/hash.h"
#include "src/base/random.h"
#include "src/base/real.h"

#include "sim/load/load_private.h"
#include "sim/load/opening.h"

#define NTH_BITS 28
#define NTH_MASK (((uint64_t)1 << NTH_BITS) - 1)

/* ---- Rates. */

static int64_t of(const int64_t *list, uint32_t index, int64_t otherwise)
{
    return list == NULL ? otherwise : list[index];
}

double cell_rate(const struct population *population, const struct population_stream *stream, uint32_t site, uint32_t modality)
{
    const struct population_site *place = &population->sites[site];
    const int64_t *enrolled = place->enrolled_micro != NULL ? place->enrolled_micro : population->patients.enrolled_micro;
    double exams = (double)place->exams_micro / MICRO, share = 0;
    if (stream->process != PROCESS_POISSON) {
        return 0;
    }
    if (stream->rate_micro > 0) {
        exams = (double)stream->rate_micro / MICRO;
        share = (double)of(stream->mix_micro != NULL ? stream->mix_micro : place->mix_micro, modality, 0) / MICRO;
    } else if (stream->share_by_micro != NULL && place->mix_micro != NULL) {
        share = (double)stream->share_by_micro[modality] / MICRO * (double)place->mix_micro[modality] / MICRO;
    } else {
        share = (double)stream->share_micro / MICRO * (double)of(stream->mix_micro != NULL ? stream->mix_micro : place->mix_micro, modality, 0) / MICRO;
    }
    return exams * share * ((double)stream->scale_micro / MICRO) * ((double)of(enrolled, modality, MICRO) / MICRO);
}

/* The year's figure is that of its middle, so that the first year as a whole has it. */
double growth_at(const struct load *load, int64_t growth_micro, time_ns at)
{
    if (growth_micro == 0) {
        return 1;
    }
    double years = (double)(at - load->start) / (365.0 * (double)TIME_DAY) - 0.5;
    return real_exp(years * real_log(1 + (double)growth_micro / MICRO));
}

/* ---- A day. */

static double day_weight(const struct load *load, const struct population_stream *stream, int32_t day)
{
    const struct opening *opening = load_opening(load, stream->calendar);
    int weekday = opening == NULL ? zone_weekday(day) : opening_acts_as(opening, day);
    bool holiday = opening != NULL && opening_is_holiday(opening, day);
    double weight = weekday > 6 ? 0 : stream->days == NULL ? 1 : (double)stream->days->weights_micro[weekday] / MICRO;
    int month = time_calendar(day * TIME_DAY).month;
    weight = weight * (stream->months == NULL ? 1 : (double)stream->months->weights_micro[month - 1] / MICRO);
    return weight * (holiday && stream->holiday_micro > 0 ? (double)stream->holiday_micro / MICRO : 1);
}

static void add_hour(struct day_hours *hours, time_ns at, int hour, double weight)
{
    double before = hours->count == 0 ? 0 : hours->upto[hours->count - 1];
    hours->at[hours->count] = at;
    hours->hour[hours->count] = (uint8_t)hour;
    hours->upto[hours->count++] = before + weight;
}

void stream_day(const struct load *load, uint32_t index, int32_t day, struct day_hours *hours)
{
    const struct population_stream *stream = &load->population->streams[index];
    enum zone zone = load->population->zone;
    double all = 0;
    hours->count = 0;
    for (int hour = 0; hour < 24; hour++) {
        time_ns local = day * TIME_DAY + hour * TIME_HOUR;
        bool missing = false;
        time_ns first = zone_to_utc(zone, local, 0, &missing), second = zone_to_utc(zone, local, 1, NULL);
        double weight = stream->hours == NULL ? 1 : (double)stream->hours->weights_micro[hour] / MICRO;
        all = all + weight;
        if (!missing) {
            add_hour(hours, first, hour, weight);
        }
        if (second != first) {
            add_hour(hours, second, hour, weight);
        }
    }
    hours->weight = all > 0 ? day_weight(load, stream, day) * hours->upto[hours->count - 1] / all : 0;
}

/* ---- Arrivals. */

static uint32_t choose_modality(const struct load *load, const int64_t *mix, uint64_t key)
{
    int64_t all = 0;
    uint32_t count = (uint32_t)load->population->modality_count, i = 0;
    for (i = 0; i < count; i++) {
        all += mix == NULL ? 1 : mix[i];
    }
    int64_t at = (int64_t)load_below(load, PURPOSE('m', 'o', 'd', 'a'), key, 0, all > 0 ? (uint64_t)all : 1);
    for (i = 0; i + 1 < count && at >= (mix == NULL ? 1 : mix[i]); i++) {
        at -= mix == NULL ? 1 : mix[i];
    }
    return i;
}

static bool is_at_acquisition(const struct population_stream *stream)
{
    return stream->anchor == ANCHOR_ACQUIRE || (stream->anchor == ANCHOR_BY_PROCESS && stream->process == PROCESS_POISSON);
}

/* Nothing is made of what comes outside the run, or of somebody who does not take part yet. */
static enum err arrive(struct load *load, uint32_t stream, struct arrival arrival)
{
    if (arrival.at < load->start || arrival.at >= load->end) {
        return ERR_OK;
    }
    arrival.pathway = load->population->streams[stream].pathway;
    arrival.at_acquisition = is_at_acquisition(&load->population->streams[stream]);
    return exam_make(load, &arrival);
}

static double noise_of(const struct load *load, const struct population_stream *stream, uint64_t key, uint32_t site, int32_t day)
{
    double sigma = (double)stream->day_noise_micro / MICRO;
    return sigma <= 0 ? 1
                      : real_exp(sigma * real_normal(load_unit(load, PURPOSE('n', 'o', 'i', 's'), key ^ hash64(1, load->population->sites[site].id),
                                                               (uint64_t)day)) -
                                 0.5 * sigma * sigma);
}

static enum err cell_day(struct load *load, uint32_t index, const struct cell *cell, int32_t day, const struct day_hours *hours)
{
    const struct stream_state *state = &load->streams[index];
    double growth = growth_at(load, load->population->exams_growth_micro, hours->at[0]);
    double noise = noise_of(load, &load->population->streams[index], state->key, cell->site, day);
    struct distribution poisson = {.kind = DISTRIBUTION_POISSON,
                                   .a = cell->a_year * hours->weight / state->norm / state->done_share * growth * noise};
    int64_t count = distribution_count(&poisson, load->seed, PURPOSE('d', 'a', 'y', 'n'), cell->key, (uint64_t)day);
    enum err err = ERR_OK;
    for (int64_t i = 0; i < count && err == ERR_OK; i++) {
        uint64_t key = random_draw(load->seed, PURPOSE('e', 'x', 'a', 'm'), cell->key, (uint64_t)day << 24 | (uint64_t)i);
        double at = load_unit(load, PURPOSE('h', 'o', 'u', 'r'), key, 0) * hours->upto[hours->count - 1];
        size_t slot = 0;
        while (slot + 1 < hours->count && at >= hours->upto[slot]) {
            slot++;
        }
        time_ns within = (time_ns)load_below(load, PURPOSE('h', 'o', 'u', 'r'), key, 1, (uint64_t)TIME_HOUR);
        err = arrive(load, index, (struct arrival){.key = key, .at = hours->at[slot] + within, .site = cell->site, .modality = cell->modality, .person = -1});
    }
    return err;
}

/* ---- What is due. */

static time_ns look_back(const struct load *load, uint32_t stream)
{
    const struct population_stream *row = &load->population->streams[stream];
    return is_at_acquisition(row) ? pathway_wait_max(load->population, row->pathway) + LOOK_BACK_SLACK : 0;
}

static enum err put(struct load *load, time_ns at, enum due_kind kind, uint64_t order, uint32_t index)
{
    struct due due = {.at = at < load->start ? load->start : at, .order = (uint64_t)kind << 60 | order, .index = index, .kind = kind};
    return due_put(&load->heap, due) ? ERR_OK : ERR_LIMIT;
}

static enum err wait_for_day(struct load *load, uint32_t stream)
{
    time_ns local = load->streams[stream].next_day * TIME_DAY;
    time_ns at = zone_to_utc(load->population->zone, local, 0, NULL);
    return at >= load->end ? ERR_OK : put(load, at - look_back(load, stream), DUE_STREAM_DAY, stream, stream);
}

static enum err day_due(struct load *load, uint32_t stream)
{
    struct stream_state *state = &load->streams[stream];
    struct day_hours hours;
    enum err err = ERR_OK;
    stream_day(load, stream, state->next_day, &hours);
    for (size_t i = 0; i < state->cell_count && hours.weight > 0 && err == ERR_OK; i++) {
        err = cell_day(load, stream, &state->cells[i], state->next_day, &hours);
    }
    state->next_day++;
    return err == ERR_OK ? wait_for_day(load, stream) : err;
}

static uint64_t site_key(const struct load *load, uint32_t stream, uint32_t site)
{
    return load->streams[stream].key ^ hash64(2, load->population->sites[site].id);
}

static const int64_t *mix_of(const struct load *load, const struct population_stream *stream, uint32_t site)
{
    return stream->mix_micro != NULL ? stream->mix_micro : load->population->sites[site].mix_micro;
}

/* index: stream << 16 | place of the site in it; order below the kind: the nth arrival. */
static enum err schedule_due(struct load *load, const struct due *due)
{
    uint32_t index = due->index >> 16, site = load->population->streams[index].sites[due->index & 0xFFFF];
    const struct population_stream *stream = &load->population->streams[index];
    uint64_t nth = due->order & NTH_MASK;
    uint64_t key = random_draw(load->seed, PURPOSE('e', 'x', 'a', 'm'), site_key(load, index, site), nth);
    time_ns at = load->start + (time_ns)nth * stream->every + stream->every / 2;
    time_ns next = at + stream->every - stream->jitter - look_back(load, index);
    time_ns jitter = stream->jitter > 0 ? (time_ns)load_below(load, PURPOSE('j', 'i', 't', 'r'), key, 0, 2 * (uint64_t)stream->jitter) - stream->jitter : 0;
    uint32_t modality = choose_modality(load, mix_of(load, stream, site), key);
    bool more = at + stream->every < load->end && (stream->count == 0 || (int64_t)nth + 1 < stream->count);
    enum err err = arrive(load, index, (struct arrival){.key = key, .at = at + jitter, .site = site, .modality = modality, .person = -1});
    return err == ERR_OK && more ? put(load, next, DUE_SCHEDULE, (uint64_t)due->index << NTH_BITS | (nth + 1), due->index) : err;
}

static enum err burst(struct load *load, uint32_t index, uint32_t site, const struct population_burst *burst, uint64_t key_of)
{
    const int64_t *mix = burst->mix_micro != NULL ? burst->mix_micro : mix_of(load, &load->population->streams[index], site);
    enum err err = ERR_OK;
    for (int64_t i = 0; i < burst->count && err == ERR_OK; i++) {
        uint64_t key = random_draw(load->seed, PURPOSE('b', 'r', 's', 't'), key_of, (uint64_t)i);
        time_ns within = burst->within > 0 ? (time_ns)load_below(load, PURPOSE('b', 'r', 's', 't'), key, 1, (uint64_t)burst->within) : 0;
        err = arrive(load, index,
                     (struct arrival){.key = key, .at = burst->at + within, .site = site, .modality = choose_modality(load, mix, key), .person = -1});
    }
    return err;
}

/* index: stream << 16 | number of the burst; 0xFFFF: the stream is a burst itself, at each of its sites. */
static enum err burst_due(struct load *load, const struct due *due)
{
    uint32_t index = due->index >> 16, nth = due->index & 0xFFFF;
    const struct population_stream *stream = &load->population->streams[index];
    if (nth != 0xFFFF) {
        const struct population_burst *row = &stream->bursts[nth];
        return burst(load, index, row->site, row, site_key(load, index, row->site) ^ hash64(3, row->id));
    }
    const struct population_burst whole = {.id = stream->id, .at = stream->at, .within = stream->within, .count = stream->count};
    enum err err = ERR_OK;
    for (size_t i = 0; i < stream->site_count && err == ERR_OK; i++) {
        err = burst(load, index, stream->sites[i], &whole, site_key(load, index, stream->sites[i]));
    }
    return err;
}

static enum err trace_due(struct load *load, const struct due *due)
{
    const struct population_stream *stream = &load->population->streams[due->index];
    uint64_t nth = due->order & NTH_MASK;
    const struct trace_exam *row = &stream->trace[nth];
    uint64_t key = random_draw(load->seed, PURPOSE('t', 'r', 'a', 'c'), load->streams[due->index].key, nth);
    enum err err = arrive(load, due->index, (struct arrival){.key = key, .at = row->at, .site = row->site, .modality = row->modality, .person = row->person});
    return err == ERR_OK && nth + 1 < stream->trace_count ? put(load, row[1].at - look_back(load, due->index), DUE_TRACE, (uint64_t)due->index << NTH_BITS | (nth + 1), due->index) : err;
}

enum err stream_due(struct load *load, const struct due *due)
{
    switch (due->kind) {
    case DUE_STREAM_DAY:
        return day_due(load, due->index);
    case DUE_SCHEDULE:
        return schedule_due(load, due);
    case DUE_BURST:
        return burst_due(load, due);
    default:
        return trace_due(load, due);
    }
}

/* ---- Start. */

static enum err cells_init(struct load *load, uint32_t index)
{
    const struct population *population = load->population;
    const struct population_stream *stream = &population->streams[index];
    struct stream_state *state = &load->streams[index];
    state->cells = arena_array(load->arena, stream->site_count * population->modality_count + 1, sizeof *state->cells);
    if (state->cells == NULL) {
        return ERR_LIMIT;
    }
    for (size_t s = 0; s < stream->site_count; s++) {
        for (uint32_t m = 0; m < population->modality_count; m++) {
            double rate = cell_rate(population, stream, stream->sites[s], m);
            uint64_t key = hash64(hash64(hash64(4, stream->id), population->sites[stream->sites[s]].id), population->modalities[m].id);
            state->cells[state->cell_count] = (struct cell){stream->sites[s], m, rate, key};
            state->cell_count += rate > 0;
        }
    }
    return ERR_OK;
}

static void norm_init(struct load *load, uint32_t index)
{
    struct stream_state *state = &load->streams[index];
    struct day_hours hours;
    for (int32_t day = 0; day < 365; day++) {
        stream_day(load, index, state->next_day + day, &hours);
        state->norm = state->norm + hours.weight;
    }
}

/* What the self-test holds against what came. */
static void asked_init(struct load *load, uint32_t index)
{
    struct stream_state *state = &load->streams[index];
    int32_t last = zone_day(load->end + zone_offset(load->population->zone, load->end));
    struct day_hours hours;
    for (int32_t day = state->next_day; day <= last; day++) {
        stream_day(load, index, day, &hours);
        double growth = growth_at(load, load->population->exams_growth_micro, hours.at[0]);
        for (size_t i = 0; i < hours.count && hours.weight > 0; i++) {
            double part = (hours.upto[i] - (i == 0 ? 0 : hours.upto[i - 1])) / hours.upto[hours.count - 1];
            double ramp = (double)load_ramp(load, load->population->patients.ramp, hours.at[i]) / MICRO;
            bool inside = hours.at[i] >= load->start && hours.at[i] < load->end;
            double *asked = &state->asked[zone_weekday(day) * 24 + hours.hour[i]];
            *asked = inside ? *asked + hours.weight / state->norm * growth * part * ramp : *asked;
        }
    }
}

static enum err stream_start(struct load *load, uint32_t index)
{
    const struct population_stream *stream = &load->population->streams[index];
    struct stream_state *state = &load->streams[index];
    time_ns first = load->start + zone_offset(load->population->zone, load->start);
    state->key = hash64(5, stream->id);
    state->next_day = zone_day(first);
    state->done_share = is_at_acquisition(stream) ? pathway_done_share(load->population, stream->pathway) : 1;
    enum err err = ERR_OK;
    if (stream->process == PROCESS_POISSON) {
        err = cells_init(load, index);
        norm_init(load, index);
        asked_init(load, index);
        err = err == ERR_OK && state->norm > 0 && state->cell_count > 0 ? wait_for_day(load, index) : err;
    }
    for (uint32_t s = 0; stream->process == PROCESS_SCHEDULE && s < stream->site_count && err == ERR_OK; s++) {
        err = put(load, load->start, DUE_SCHEDULE, (uint64_t)(index << 16 | s) << NTH_BITS, index << 16 | s);
    }
    if (stream->process == PROCESS_BURST && err == ERR_OK) {
        err = put(load, stream->at - look_back(load, index), DUE_BURST, (uint64_t)index << 16 | 0xFFFF, index << 16 | 0xFFFF);
    }
    for (uint32_t b = 0; b < stream->burst_count && err == ERR_OK; b++) {
        err = put(load, stream->bursts[b].at - look_back(load, index), DUE_BURST, (uint64_t)index << 16 | b, index << 16 | b);
    }
    if (stream->process == PROCESS_TRACE && stream->trace_count > 0 && err == ERR_OK) {
        err = put(load, stream->trace[0].at - look_back(load, index), DUE_TRACE, (uint64_t)index << NTH_BITS, index);
    }
    return err;
}

enum err streams_init(struct load *load)
{
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < load->population->stream_count && err == ERR_OK; i++) {
        err = stream_start(load, i);
    }
    return err;
}
