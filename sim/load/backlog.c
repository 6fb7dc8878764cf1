/* SPDX-License-Identifier: MIT
 *
 * Backlog: exams from before the run. Person after person, in the order in which they take part, while the calendar is
 * open; each one's earlier studies are in the archive from then on and told by RADIS2 as complete. */
#include "src/base/random.h"
#include "src/base/real.h"

#include "sim/load/load_private.h"
#include "sim/load/opening.h"

#define PRIORS_MAX 64
#define BETWEEN_PRIORS (2 * TIME_S)

static bool has_priors(const struct load *load)
{
    const struct distribution *count = &load->population->priors.count;
    return count->kind != DISTRIBUTION_FIXED || count->a > 0 || count->plus > 0;
}

/* ---- When. */

/* Open time between two instants, from the local day of the first on. */
static time_ns open_between(const struct load *load, const struct opening *opening, time_ns from, time_ns to)
{
    enum zone zone = load->population->zone;
    time_ns sum = 0, opens = 0, closes = 0;
    for (int32_t day = zone_day(from + zone_offset(zone, from)) - 1; day * TIME_DAY < to + TIME_DAY; day++) {
        if (opening_of_day(opening, day, &opens, &closes)) {
            opens = zone_to_utc(zone, opens, 0, NULL);
            closes = zone_to_utc(zone, closes, 0, NULL);
            opens = opens < from ? from : opens;
            closes = closes > to ? to : closes;
            sum += closes > opens ? closes - opens : 0;
        }
    }
    return sum;
}

/* The instant after `from` by which the calendar has been open for `wanted`, which only grows: the days gone by are
 * remembered. */
static time_ns open_after(struct load *load, const struct opening *opening, time_ns from, time_ns to, time_ns wanted)
{
    enum zone zone = load->population->zone;
    time_ns opens = 0, closes = 0;
    for (; load->backlog_day * TIME_DAY < to + TIME_DAY; load->backlog_day++) {
        if (!opening_of_day(opening, load->backlog_day, &opens, &closes)) {
            continue;
        }
        opens = zone_to_utc(zone, opens, 0, NULL);
        closes = zone_to_utc(zone, closes, 0, NULL);
        opens = opens < from ? from : opens;
        if (closes > opens && wanted - load->backlog_used < closes - opens) {
            return opens + (wanted - load->backlog_used);
        }
        load->backlog_used += closes > opens ? closes - opens : 0;
    }
    return to;
}

/* Of the person of this rank: the first early_micro of all within `within`, the others evenly until the end. */
static time_ns backlog_at(struct load *load, uint64_t rank)
{
    const struct population_priors *priors = &load->population->priors;
    const struct opening *opening = load_opening(load, priors->calendar);
    double share = ((double)rank + 0.5) / (double)load->people.count;
    double early = priors->early_micro > 0 && priors->early_micro < MICRO ? (double)priors->early_micro / MICRO : 1;
    time_ns from = priors->at > load->start ? priors->at : load->start;
    time_ns middle = priors->within > 0 && from + priors->within < load->end ? from + priors->within : load->end;
    time_ns to = share < early ? middle : load->end;
    double part = share < early ? share / early : (share - early) / (1 - early);
    from = share < early ? from : middle;
    if (opening == NULL) {
        return from + real_round((double)(to - from) * part);
    }
    if (load->backlog_open != from) { /* the first person of this part */
        load->backlog_open = from;
        load->backlog_day = zone_day(from) - 1;
        load->backlog_used = 0;
        load->backlog_all = open_between(load, opening, from, to);
    }
    return open_after(load, opening, from, to, real_round((double)load->backlog_all * part));
}

/* ---- What. */

static const struct prior_cell *choose_cell(const struct load *load, uint32_t domain, uint64_t key)
{
    size_t count = load->prior_cell_count[domain];
    if (count == 0) {
        return NULL;
    }
    const struct prior_cell *cells = load->prior_cells[domain];
    double at = load_unit(load, PURPOSE('p', 'r', 'c', 'l'), key, 0) * cells[count - 1].upto;
    size_t i = 0;
    while (i + 1 < count && at >= cells[i].upto) {
        i++;
    }
    return &cells[i];
}

static enum err make_prior(struct load *load, uint64_t person, uint64_t nth, uint32_t domain, bool *told, time_ns at)
{
    const struct population_priors *priors = &load->population->priors;
    uint64_t key = random_draw(load->seed, PURPOSE('p', 'r', 'i', 'r'), person, nth);
    const struct prior_cell *cell = choose_cell(load, domain, key);
    uint32_t index = 0;
    struct exam *exam = cell == NULL ? NULL : exam_take(load, &index);
    if (exam == NULL) {
        return cell == NULL ? ERR_OK : ERR_LIMIT;
    }
    time_ns age = distribution_ns(&priors->age, load->seed, PURPOSE('p', 'a', 'g', 'e'), key, 0);
    exam->flags = EXAM_PRIOR;
    exam->acquired = load->start - TIME_DAY - age;
    exam->done = exam->acquired + 20 * TIME_MIN;
    exam_fill(load, exam, key, person, cell->site, cell->modality, exam->acquired);
    struct draft draft = {.count = 0};
    bool *number = &told[(exam->flags & EXAM_SECOND) != 0]; /* each of her numbers is registered once */
    if (!*number) {
        draft_put(&draft, at, LOAD_PRIOR_REGISTER, 0);
    }
    *number = true;
    draft_put(&draft, at, LOAD_PRIOR_STORED, 0);
    draft_put(&draft, at + TIME_S, LOAD_PRIOR_COMPLETE, 0);
    if (priors->reports) {
        draft_put(&draft, at + TIME_S, LOAD_PRIOR_REPORT, 0);
    }
    return exam_seal(load, index, &draft);
}

static enum err make_priors(struct load *load, uint64_t person)
{
    const struct population_priors *priors = &load->population->priors;
    const struct people_block *block = people_block(&load->people, person);
    int64_t count = distribution_count(&priors->count, load->seed, PURPOSE('p', 'r', 'n', 'm'), person, 0);
    int64_t remote = priors->remote_micro > 0 ? priors->remote_micro : REMOTE_MICRO;
    bool told[2][2] = {{false}}; /* [in the other domain][under the second number] */
    enum err err = ERR_OK;
    for (int64_t i = 0; i < count && i < PRIORS_MAX && err == ERR_OK; i++) {
        bool other = block->other != NONE_OF && load_chance(load, PURPOSE('p', 'r', 'm', 't'), person, (uint64_t)i, remote);
        err = make_prior(load, person, (uint64_t)i, other ? block->other : block->home, told[other], load->now + i * BETWEEN_PRIORS);
    }
    return err;
}

enum err backlog_due(struct load *load)
{
    uint64_t rank = load->backlog_next++;
    enum err err = make_priors(load, people_of_rank(&load->people, rank));
    if (err != ERR_OK || load->backlog_next >= load->people.count) {
        return err;
    }
    time_ns at = backlog_at(load, load->backlog_next);
    struct due due = {.at = at > load->now ? at : load->now, .order = (uint64_t)DUE_BACKLOG << 60, .kind = DUE_BACKLOG};
    return at >= load->end ? ERR_OK : due_put(&load->heap, due) ? ERR_OK : ERR_LIMIT;
}

/* ---- Start: what the exams of each domain are made of. */

static double cell_weight(const struct load *load, uint32_t site, uint32_t modality)
{
    const struct population *population = load->population;
    double weight = 0;
    for (size_t i = 0; i < population->stream_count; i++) {
        const struct population_stream *stream = &population->streams[i];
        for (size_t s = 0; s < stream->site_count; s++) {
            weight = stream->sites[s] == site ? weight + cell_rate(population, stream, site, modality) : weight;
        }
    }
    const int64_t *mix = population->priors.mix_micro;
    if (mix == NULL) {
        return weight;
    }
    double exams = (double)population->sites[site].exams_micro;
    return (double)mix[modality] * (exams > 0 ? exams : 1);
}

enum err backlog_init(struct load *load)
{
    const struct population *population = load->population;
    if (!has_priors(load)) {
        return ERR_OK;
    }
    for (uint32_t d = 0; d < population->domain_count; d++) {
        load->prior_cells[d] = arena_array(load->arena, population->site_count * population->modality_count + 1, sizeof *load->prior_cells[d]);
        if (load->prior_cells[d] == NULL) {
            return ERR_LIMIT;
        }
    }
    for (uint32_t s = 0; s < population->site_count; s++) {
        uint32_t d = population->sites[s].domain;
        for (uint32_t m = 0; m < population->modality_count; m++) {
            double weight = cell_weight(load, s, m);
            size_t count = load->prior_cell_count[d];
            double so_far = count == 0 ? 0 : load->prior_cells[d][count - 1].upto;
            load->prior_cells[d][count] = (struct prior_cell){s, m, so_far + weight};
            load->prior_cell_count[d] += weight > 0;
        }
    }
    struct due due = {.at = backlog_at(load, 0), .order = (uint64_t)DUE_BACKLOG << 60, .kind = DUE_BACKLOG};
    return due.at >= load->end ? ERR_OK : due_put(&load->heap, due) ? ERR_OK : ERR_LIMIT;
}
