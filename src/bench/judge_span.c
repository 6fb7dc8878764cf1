/* SPDX-License-Identifier: MIT
 *
 * Instances as spans: what exists of a study, and what came of it to a node, as short lists of ranges. A list is cut
 * where instances differ, and put together again where they are alike. */
#include "src/bench/judge_private.h"

#include "src/dicom/uid.h"

struct sop_span judge_sops(slice uid, int64_t span)
{
    slice stem;
    uint64_t last = 0;
    uint32_t count = span > 1 ? (uint32_t)span : 1;
    if (uid_split(uid, &stem, &last) && last + count < UINT32_MAX) {
        return (struct sop_span){judge_hash32(stem), (uint32_t)last, count};
    }
    return (struct sop_span){judge_hash32(uid), 0, 1};
}

static uint32_t end_of(const struct sop_span *sops)
{
    return sops->first + sops->count;
}
static bool covers(const struct sop_span *sops, const struct sop_span *of)
{
    return sops->stem == of->stem && sops->first <= of->first && of->first < end_of(sops);
}

/* So many ns may what is put together be apart: nothing in a small run, which is told exactly. */
static time_ns fold(const struct judge *judge)
{
    bool many = judge->range_count + judge->arrival_count > JUDGE_MANY_SPANS || judge->study_count > JUDGE_MANY_STUDIES / 20;
    return many ? JUDGE_FOLD_NS : 0;
}
static bool is_near(const struct judge *judge, time_ns a, time_ns b)
{
    time_ns apart = a > b ? a - b : b - a;
    return apart <= fold(judge);
}

/* Puts `more` before or behind `sops` where it continues it. */
static bool extend(struct sop_span *sops, const struct sop_span *more)
{
    if (sops->stem != more->stem || (end_of(sops) != more->first && end_of(more) != sops->first)) {
        return false;
    }
    sops->first = more->first < sops->first ? more->first : sops->first;
    sops->count += more->count;
    return true;
}

/* The part of `sops` from its beginning on that lies inside `whole`, or in front of it. */
static void clip(struct sop_span *part, const struct sop_span *whole)
{
    if (whole->stem == part->stem && whole->first > part->first && whole->first < end_of(part)) {
        part->count = whole->first - part->first;
    }
}

/* ---- Ranges. */

static struct range inside_of(const struct judge *judge, const struct truth_study *truth)
{
    return (struct range){truth->inside, truth->ranges, truth->dataset, truth->pixels, judge_time(judge, truth->range_at), TIME_NEVER};
}

bool judge_next_range(const struct judge *judge, uint32_t study, uint32_t *cursor, struct range *range)
{
    const struct truth_study *truth = &judge->studies[study];
    if (*cursor == JUDGE_HOLDINGS) {
        *cursor = truth->ranges;
        if (truth->flags & STUDY_INSIDE) {
            *range = inside_of(judge, truth);
            return true;
        }
    }
    if (*cursor == JUDGE_NONE) {
        return false;
    }
    *range = judge->ranges[*cursor];
    *cursor = range->next;
    return true;
}

bool judge_known_part(const struct judge *judge, uint32_t study, const struct sop_span *sops, struct sop_span *part, struct range *range)
{
    uint32_t cursor = JUDGE_HOLDINGS;
    *part = *sops;
    while (judge_next_range(judge, study, &cursor, range)) {
        if (covers(&range->sops, sops)) {
            *part = *sops;
            uint32_t left = end_of(&range->sops) - sops->first;
            part->count = left < sops->count ? left : sops->count;
            return true;
        }
        clip(part, &range->sops);
    }
    return false;
}

static uint32_t take_range(struct judge *judge)
{
    if (judge->range_free != JUDGE_NONE) {
        uint32_t at = judge->range_free;
        judge->range_free = judge->ranges[at].next;
        return at;
    }
    return judge->range_count == JUDGE_ROWS_MAX ? JUDGE_NONE : judge->range_count++;
}

static bool is_alike(const struct judge *judge, const struct range *a, const struct range *b)
{
    return a->dataset == b->dataset && a->pixels == b->pixels && a->rejected_at == b->rejected_at && is_near(judge, a->at_ns, b->at_ns);
}

static enum err push_range(struct judge *judge, struct truth_study *truth, const struct range *range)
{
    uint32_t at = take_range(judge);
    if (at == JUDGE_NONE) {
        return ERR_LIMIT;
    }
    judge->ranges[at] = *range;
    judge->ranges[at].next = truth->ranges;
    truth->ranges = at;
    return ERR_OK;
}

enum err judge_add_range(struct judge *judge, uint32_t study, const struct range *range)
{
    struct truth_study *truth = &judge->studies[study];
    truth->instances += range->sops.count;
    if (truth->instances == range->sops.count) {
        truth->flags |= STUDY_INSIDE;
        truth->inside = range->sops;
        truth->dataset = range->dataset;
        truth->pixels = range->pixels;
        truth->range_at = judge_tick(judge, range->at_ns);
        return ERR_OK;
    }
    struct range inside = inside_of(judge, truth);
    if ((truth->flags & STUDY_INSIDE) && is_alike(judge, &inside, range) && extend(&truth->inside, &range->sops)) {
        truth->range_at = range->at_ns > inside.at_ns ? judge_tick(judge, range->at_ns) : truth->range_at;
        return ERR_OK;
    }
    struct range *first = truth->ranges == JUDGE_NONE ? NULL : &judge->ranges[truth->ranges];
    if (first != NULL && is_alike(judge, first, range) && extend(&first->sops, &range->sops)) {
        first->at_ns = range->at_ns > first->at_ns ? range->at_ns : first->at_ns;
        return ERR_OK;
    }
    return push_range(judge, truth, range);
}

/* ---- Rejected. */

static bool write_down(struct judge *judge, struct truth_study *truth)
{
    struct range inside = inside_of(judge, truth);
    if (!(truth->flags & STUDY_INSIDE)) {
        return true;
    }
    truth->flags &= (uint8_t)~STUDY_INSIDE;
    return push_range(judge, truth, &inside) == ERR_OK;
}

/* The range is cut so that one begins at `first`. */
static void cut_range(struct judge *judge, uint32_t at, uint32_t first)
{
    struct range *range = &judge->ranges[at];
    uint32_t rest = first > range->sops.first && first < end_of(&range->sops) ? take_range(judge) : JUDGE_NONE;
    if (rest != JUDGE_NONE) {
        judge->ranges[rest] = *range;
        judge->ranges[rest].sops.first = first;
        judge->ranges[rest].sops.count = end_of(&range->sops) - first;
        range->sops.count = first - range->sops.first;
        range->next = rest;
    }
}

void judge_reject(struct judge *judge, uint32_t study, const struct sop_span *sops, time_ns at)
{
    struct truth_study *truth = &judge->studies[study];
    if (!write_down(judge, truth)) {
        return;
    }
    truth->flags |= STUDY_REJECTED;
    for (uint32_t r = truth->ranges; r != JUDGE_NONE; r = judge->ranges[r].next) {
        struct range *range = &judge->ranges[r];
        if (sops != NULL && range->sops.stem == sops->stem) {
            cut_range(judge, r, sops->first);
            cut_range(judge, r, end_of(sops));
        }
        bool meant = sops == NULL || (range->sops.stem == sops->stem && range->sops.first >= sops->first && end_of(&range->sops) <= end_of(sops));
        if (meant && range->rejected_at == TIME_NEVER) {
            range->rejected_at = at;
        }
    }
}

time_ns judge_rejected_at(const struct judge *judge, uint32_t study)
{
    const struct truth_study *truth = &judge->studies[study];
    time_ns last = truth->flags & STUDY_REJECTED && truth->ranges != JUDGE_NONE ? INT64_MIN : TIME_NEVER;
    for (uint32_t r = truth->ranges; last != TIME_NEVER && r != JUDGE_NONE; r = judge->ranges[r].next) {
        last = judge->ranges[r].rejected_at > last ? judge->ranges[r].rejected_at : last;
    }
    return last;
}

/* ---- Arrivals. */

uint32_t judge_arrived_part(const struct judge *judge, uint32_t arrivals, const struct sop_span *sops, struct sop_span *part)
{
    *part = *sops;
    for (uint32_t a = arrivals; a != JUDGE_NONE; a = judge->arrivals[a].next) {
        const struct sop_span *there = &judge->arrivals[a].sops;
        if (covers(there, sops)) {
            uint32_t left = end_of(there) - sops->first;
            *part = *sops;
            part->count = left < sops->count ? left : sops->count;
            return a;
        }
        clip(part, there);
    }
    return JUDGE_NONE;
}

static uint32_t take_arrival(struct judge *judge)
{
    if (judge->arrival_free != JUDGE_NONE) {
        uint32_t at = judge->arrival_free;
        judge->arrival_free = judge->arrivals[at].next;
        return at;
    }
    return judge->arrival_count == JUDGE_ROWS_MAX ? JUDGE_NONE : judge->arrival_count++;
}

/* The part from `first` on becomes an arrival of its own, behind the other; returns it. */
static uint32_t split_arrival(struct judge *judge, uint32_t arrival, uint32_t first)
{
    uint32_t rest = take_arrival(judge);
    if (rest != JUDGE_NONE) {
        struct arrival *whole = &judge->arrivals[arrival];
        judge->arrivals[rest] = *whole;
        judge->arrivals[rest].sops.first = first;
        judge->arrivals[rest].sops.count = end_of(&whole->sops) - first;
        whole->sops.count = first - whole->sops.first;
        whole->next = rest;
    }
    return rest;
}

uint32_t judge_cut_arrival(struct judge *judge, uint32_t arrival, const struct sop_span *part)
{
    if (arrival != JUDGE_NONE && part->first > judge->arrivals[arrival].sops.first) {
        arrival = split_arrival(judge, arrival, part->first);
    }
    if (arrival != JUDGE_NONE && end_of(part) < end_of(&judge->arrivals[arrival].sops) && split_arrival(judge, arrival, end_of(part)) == JUDGE_NONE) {
        return JUDGE_NONE;
    }
    return arrival;
}

static bool join(struct judge *judge, struct arrival *into, const struct arrival *arrival)
{
    bool alike = into->life == arrival->life && into->count == arrival->count && into->acked == arrival->acked && is_near(judge, into->at_ns, arrival->at_ns);
    if (!alike || !extend(&into->sops, &arrival->sops)) {
        return false;
    }
    into->at_ns = arrival->at_ns < into->at_ns ? arrival->at_ns : into->at_ns;
    return true;
}

enum err judge_add_arrival(struct judge *judge, uint32_t *arrivals, const struct arrival *arrival)
{
    for (uint32_t a = *arrivals; a != JUDGE_NONE; a = judge->arrivals[a].next) {
        if (join(judge, &judge->arrivals[a], arrival)) {
            return ERR_OK;
        }
    }
    uint32_t at = take_arrival(judge);
    if (at == JUDGE_NONE) {
        return ERR_LIMIT;
    }
    judge->arrivals[at] = *arrival;
    judge->arrivals[at].next = *arrivals;
    *arrivals = at;
    return ERR_OK;
}

void judge_remove_arrival(struct judge *judge, uint32_t *arrivals, uint32_t arrival)
{
    uint32_t *from = arrivals;
    while (*from != arrival) {
        from = &judge->arrivals[*from].next;
    }
    *from = judge->arrivals[arrival].next;
    judge->arrivals[arrival].next = judge->arrival_free;
    judge->arrival_free = arrival;
}

void judge_join_arrival(struct judge *judge, uint32_t *arrivals, uint32_t arrival)
{
    for (uint32_t a = *arrivals; a != JUDGE_NONE; a = judge->arrivals[a].next) {
        if (a != arrival && join(judge, &judge->arrivals[a], &judge->arrivals[arrival])) {
            judge_remove_arrival(judge, arrivals, arrival);
            return;
        }
    }
}

int64_t judge_missing(struct judge *judge, uint32_t study, uint32_t arrivals, time_ns until)
{
    struct range range;
    int64_t count = 0;
    for (uint32_t cursor = JUDGE_HOLDINGS; judge_next_range(judge, study, &cursor, &range);) {
        if (range.at_ns > until || range.rejected_at != TIME_NEVER) {
            continue;
        }
        count += range.sops.count;
        for (uint32_t a = arrivals; a != JUDGE_NONE; a = judge->arrivals[a].next) {
            const struct sop_span *there = &judge->arrivals[a].sops;
            uint32_t from = there->first > range.sops.first ? there->first : range.sops.first;
            uint32_t to = end_of(there) < end_of(&range.sops) ? end_of(there) : end_of(&range.sops);
            count -= there->stem == range.sops.stem && to > from ? to - from : 0;
        }
    }
    return count;
}

/* ---- Holdings. */

/* What the first PACS of a study has is written down as soon as it is not simply all of it. */
static struct holding *write_whole(struct judge *judge, uint32_t study)
{
    struct truth_study *truth = &judge->studies[study];
    struct range range;
    if (judge->holding_count == JUDGE_ROWS_MAX) {
        return NULL;
    }
    struct holding *holding = &judge->holdings[judge->holding_count];
    *holding = (struct holding){.node = truth->origin, .next = truth->holdings, .instances = truth->instances, .first_at = judge_time(judge, truth->first_at),
                                .complete_at = INT64_MIN, .gone_at = TIME_NEVER, .line = (uint32_t)judge_line(judge, study), .arrivals = JUDGE_NONE};
    for (uint32_t cursor = JUDGE_HOLDINGS; judge_next_range(judge, study, &cursor, &range);) {
        holding->complete_at = range.at_ns > holding->complete_at ? range.at_ns : holding->complete_at;
        struct arrival arrival = {.sops = range.sops, .at_ns = range.at_ns};
        if (judge_add_arrival(judge, &holding->arrivals, &arrival) != ERR_OK) {
            return NULL;
        }
    }
    truth->holdings = judge->holding_count++;
    truth->flags &= (uint8_t)~STUDY_WHOLE;
    return holding;
}

struct holding *judge_holding(struct judge *judge, uint32_t study, uint16_t node)
{
    struct truth_study *truth = &judge->studies[study];
    for (uint32_t h = truth->holdings; h != JUDGE_NONE; h = judge->holdings[h].next) {
        if (judge->holdings[h].node == node) {
            return &judge->holdings[h];
        }
    }
    return (truth->flags & STUDY_WHOLE) && truth->origin == node && truth->instances > 0 ? write_whole(judge, study) : NULL;
}

bool judge_next_holding(const struct judge *judge, uint32_t study, uint32_t *cursor, struct holding *holding)
{
    const struct truth_study *truth = &judge->studies[study];
    if (*cursor == JUDGE_HOLDINGS) {
        *cursor = truth->holdings;
        if ((truth->flags & STUDY_WHOLE) && truth->instances > 0) {
            struct range range;
            *holding = (struct holding){.node = truth->origin, .instances = truth->instances, .first_at = judge_time(judge, truth->first_at), .complete_at = INT64_MIN,
                                        .gone_at = TIME_NEVER, .line = (uint32_t)judge_line(judge, study), .arrivals = JUDGE_NONE};
            for (uint32_t at = JUDGE_HOLDINGS; judge_next_range(judge, study, &at, &range);) {
                holding->complete_at = range.at_ns > holding->complete_at ? range.at_ns : holding->complete_at;
            }
            return true;
        }
    }
    if (*cursor == JUDGE_NONE) {
        return false;
    }
    *holding = judge->holdings[*cursor];
    *cursor = holding->next;
    return true;
}
