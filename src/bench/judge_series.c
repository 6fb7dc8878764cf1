/* SPDX-License-Identifier: MIT
 *
 * What a long run came to, month by month, day by day, place by place (series.h), folded as it goes on. */
#include "src/bench/judge_private.h"

#include <stdio.h>

#include "sim/load/zone.h"
#include "src/engine/state.h"

#define LONG_NS (7 * TIME_DAY) /* shorter runs have no months */
#define OUTAGES_MAX 20000
#define LATE_NS (2 * TIME_MIN) /* an exam published later than this is late, where no objective says otherwise */

struct judge_fold {
    struct series series;
    struct histogram *months, *sites; /* publication by month and site */
    time_ns month_until, day_until, late_ns;
    size_t month, day;       /* that `now` is in */
};

static enum zone zone_of(const struct judge *judge)
{
    enum zone zone = ZONE_UTC;
    (void)zone_from_text(judge->scenario->zone, &zone);
    return zone;
}

/* ---- Periods of local time. */

static time_ns to_utc(const struct judge *judge, struct calendar local)
{
    return zone_to_utc(zone_of(judge), time_from_calendar(local), 0, NULL);
}

static struct calendar local_of(const struct judge *judge, time_ns at)
{
    return time_calendar(at + zone_offset(zone_of(judge), at));
}

static struct calendar month_after(struct calendar local, int months)
{
    int month = local.month - 1 + months;
    return (struct calendar){local.year + month / 12, month % 12 + 1, 1, 0, 0, 0};
}

static time_ns day_start(const struct judge *judge, time_ns at, int days_before, int days_after, time_ns *until)
{
    struct calendar local = local_of(judge, at);
    local.hour = local.minute = local.second = 0;
    time_ns midnight = time_from_calendar(local) - days_before * TIME_DAY;
    *until = zone_to_utc(zone_of(judge), midnight + days_after * TIME_DAY, 0, NULL);
    return zone_to_utc(zone_of(judge), midnight, 0, NULL);
}

time_ns judge_period(const struct judge *judge, enum slo_per per, time_ns at, time_ns *until)
{
    struct calendar local = local_of(judge, at);
    int months = per == PER_YEAR ? 12 : per == PER_QUARTER ? 3 : 1;
    switch (per) {
    case PER_HOUR:
        *until = at / TIME_HOUR * TIME_HOUR + TIME_HOUR;
        return *until - TIME_HOUR;
    case PER_DAY:
        return day_start(judge, at, 0, 1, until);
    case PER_WEEK:
        return day_start(judge, at, zone_weekday(zone_day(at + zone_offset(zone_of(judge), at))), 7, until);
    case PER_MONTH:
    case PER_MEETING_MONTH:
    case PER_QUARTER:
    case PER_YEAR:
        local = month_after(local, -((local.month - 1) % months));
        *until = to_utc(judge, month_after(local, months));
        return to_utc(judge, local);
    default:
        *until = TIME_NEVER;
        return INT64_MIN;
    }
}

/* ---- Where now is. */

static struct series_month *month_now(struct judge *judge)
{
    struct judge_fold *fold = judge->fold;
    struct series *series = &fold->series;
    while ((series->month_count == 0 || judge->now >= fold->month_until) && series->month_count < SERIES_MONTHS_MAX) {
        struct series_month *month = &series->months[series->month_count++];
        time_ns at = series->month_count == 1 ? (judge->scenario->start > 0 ? judge->scenario->start : judge->now) : fold->month_until;
        month->from_ns = judge_period(judge, PER_MONTH, at, &month->until_ns);
        struct calendar local = local_of(judge, at);
        month->year = local.year;
        month->month = local.month;
        fold->month_until = month->until_ns;
    }
    fold->month = series->month_count - 1;
    return &series->months[fold->month];
}

static struct series_day *day_now(struct judge *judge)
{
    struct judge_fold *fold = judge->fold;
    struct series *series = &fold->series;
    while ((series->day_count == 0 || judge->now >= fold->day_until) && series->day_count < SERIES_DAYS_MAX) {
        time_ns at = series->day_count == 0 ? (judge->scenario->start > 0 ? judge->scenario->start : judge->now) : fold->day_until;
        time_ns from = day_start(judge, at, 0, 1, &fold->day_until);
        series->first_day_ns = series->day_count++ == 0 ? from : series->first_day_ns;
    }
    fold->day = series->day_count - 1;
    return &series->days[fold->day];
}

static struct series_site *site_of(struct judge *judge, uint32_t site)
{
    return site < judge->scenario->site_count ? &judge->fold->series.sites[site] : NULL;
}
static struct series_site *site_of_exam(struct judge *judge, const struct truth_exam *exam, uint32_t *site)
{
    *site = exam->studies != JUDGE_NONE ? judge->studies[exam->studies].site : judge_site(judge, judge_spell(judge, exam->issuer));
    return site_of(judge, *site);
}
static uint32_t site_of_node(const struct judge *judge, slice node)
{
    uint32_t at = judge_node(judge, node);
    return at == JUDGE_NONE ? JUDGE_NONE : judge->scenario->nodes[at].site;
}

/* ---- What happens. */

void judge_fold_completed(struct judge *judge, const struct truth_exam *exam)
{
    uint32_t site = 0;
    if (judge->fold == NULL) {
        return;
    }
    struct series_site *here = site_of_exam(judge, exam, &site);
    month_now(judge)->exams++;
    day_now(judge)->exams++;
    if (here != NULL) {
        here->exams++;
        here->exams_by_month[judge->fold->month]++;
    }
}

void judge_fold_published(struct judge *judge, const struct truth_exam *exam, time_ns latency_ns)
{
    uint32_t site = 0;
    if (judge->fold == NULL) {
        return;
    }
    struct judge_fold *fold = judge->fold;
    struct series_site *here = site_of_exam(judge, exam, &site);
    struct series_day *day = day_now(judge);
    month_now(judge)->published++;
    day->publish_worst_ns = latency_ns > day->publish_worst_ns ? latency_ns : day->publish_worst_ns;
    if (latency_ns >= 0) { /* below zero: of an old one no length is measured */
        histogram_add(&fold->months[fold->month], latency_ns, judge->arena);
    }
    if (here != NULL) {
        here->published++;
    }
    if (here != NULL && latency_ns >= 0) {
        histogram_add(&fold->sites[site], latency_ns, judge->arena);
    }
    for (uint32_t f = latency_ns > fold->late_ns ? judge->fault_count : 0; f > 0 && judge->faults[f - 1].reach >= judge->now - latency_ns; f--) {
        judge->faults[f - 1].late += judge->faults[f - 1].until >= judge->now - latency_ns;
    }
}

void judge_fold_images(struct judge *judge, uint32_t study, slice node, int64_t count, int64_t bytes, time_ns at)
{
    struct series_site *here = judge->fold == NULL ? NULL : site_of(judge, judge->studies[study].site);
    uint32_t at_node = judge->fold == NULL ? JUDGE_NONE : judge_node(judge, node);
    if (at_node != JUDGE_NONE) {
        judge->fold->series.nodes[at_node].bytes += bytes;
    }
    if (judge->fold == NULL || at <= judge->scenario->start) {
        return; /* in the archives from before */
    }
    month_now(judge)->images += count;
    if (at_node != JUDGE_NONE) {
        judge->fold->series.nodes[at_node].bytes_by_month[judge->fold->month] += bytes; /* what came; summed up at the end */
    }
    if (here != NULL) {
        here->images += count;
        here->bytes += bytes;
    }
}

void judge_fold_delivered(struct judge *judge, uint32_t study, slice node, int64_t bytes)
{
    if (judge->fold == NULL) {
        return;
    }
    struct series_month *month = month_now(judge);
    uint32_t to = site_of_node(judge, node), from = judge->studies[study].site;
    struct series_site *source = site_of(judge, from), *target = site_of(judge, to);
    month->bytes += bytes;
    month->transfer_bytes += bytes;
    if (from != to && source != NULL && target != NULL) {
        source->bytes_out += bytes;
        target->bytes_in += bytes;
    }
}

void judge_fold_question(struct judge *judge, bool partial)
{
    if (judge->fold == NULL) {
        return;
    }
    struct series_month *month = month_now(judge);
    month->queries++;
    month->queries_partial += partial;
    for (uint32_t f = partial ? judge->fault_count : 0; f > 0 && judge->faults[f - 1].reach >= judge->now - JUDGE_GRACE_NS; f--) {
        judge->faults[f - 1].partial += judge->faults[f - 1].until >= judge->now - JUDGE_GRACE_NS;
    }
}

void judge_fold_prior(struct judge *judge, const struct truth_exam *exam, bool wanted, bool ready)
{
    uint32_t site = 0;
    if (judge->fold == NULL) {
        return;
    }
    struct series_month *month = month_now(judge);
    struct series_site *here = exam == NULL ? NULL : site_of_exam(judge, exam, &site);
    month->priors_wanted += wanted;
    month->priors_ready += ready;
    if (here != NULL) {
        here->priors_wanted += wanted;
        here->priors_ready += ready;
    }
}

void judge_fold_transfer(struct judge *judge, uint32_t study, const struct engine_demand *demand)
{
    if (judge->fold == NULL) {
        return;
    }
    struct series_month *month = month_now(judge);
    uint32_t to = site_of_node(judge, judge_spell(judge, demand->destination)), from = study == JUDGE_NONE ? JUDGE_NONE : judge->studies[study].site;
    struct series_site *source = site_of(judge, from), *target = site_of(judge, to);
    month->transfers++;
    month->transfers_failed += demand->state == DEMAND_FAILED;
    if (demand->state == DEMAND_DONE && from != to && source != NULL && target != NULL) {
        source->transfers_out++;
        target->transfers_in++;
    }
}

void judge_fold_find(struct judge *judge, uint32_t node, bool failed)
{
    if (judge->fold != NULL) {
        judge->fold->series.nodes[node].finds++;
        judge->fold->series.nodes[node].finds_failed += failed;
    }
}

void judge_fold_move(struct judge *judge, uint32_t node, bool failed)
{
    if (judge->fold != NULL) {
        judge->fold->series.nodes[node].moves++;
        judge->fold->series.nodes[node].moves_failed += failed;
    }
}

void judge_fold_observe(struct judge *judge, const struct observation *seen)
{
    if (judge->fold != NULL && seen->kind == OBSERVATION_hl7_acked) {
        month_now(judge)->messages++;
    }
}

void judge_link_carried(struct judge *judge, uint32_t link, int64_t bytes)
{
    if (judge->fold != NULL && link < judge->fold->series.link_count) {
        struct series_link *of = &judge->fold->series.links[link];
        (void)month_now(judge);
        of->bytes_by_month[judge->fold->month] += bytes - of->bytes;
        of->bytes = bytes;
    }
}

/* ---- The beginning. */

/* Pairs of one link have one id: the ends tell them apart. */
static slice link_name(struct judge *judge, const struct scenario_link *link)
{
    const struct scenario *scenario = judge->scenario;
    size_t alike = 0;
    char text[160];
    for (size_t l = 0; l < scenario->link_count; l++) {
        alike += slice_equal(scenario->links[l].id, link->id);
    }
    if (alike < 2) {
        return link->id;
    }
    snprintf(text, sizeof text, "%.*s, %.*s and %.*s", SLICE_ARGS(link->id), SLICE_ARGS(scenario->nodes[link->from].id), SLICE_ARGS(scenario->nodes[link->to].id));
    return judge_keep(judge, slice_from(text));
}

enum err judge_fold_init(struct judge *judge)
{
    const struct scenario *scenario = judge->scenario;
    struct arena *arena = judge->arena;
    if (scenario->length < LONG_NS) {
        return ERR_OK;
    }
    struct judge_fold *fold = arena_alloc(arena, sizeof *fold);
    if (fold == NULL) {
        return ERR_LIMIT;
    }
    struct series *series = &fold->series;
    size_t nodes = scenario->node_count, sites = scenario->site_count, links = scenario->link_count;
    series->months = arena_array(arena, SERIES_MONTHS_MAX, sizeof *series->months);
    series->days = arena_array(arena, SERIES_DAYS_MAX, sizeof *series->days);
    series->sites = arena_array(arena, sites + 1, sizeof *series->sites);
    series->nodes = arena_array(arena, nodes + 1, sizeof *series->nodes);
    series->links = arena_array(arena, links + 1, sizeof *series->links);
    fold->months = arena_array(arena, SERIES_MONTHS_MAX, sizeof *fold->months);
    fold->sites = arena_array(arena, sites + 1, sizeof *fold->sites);
    int64_t *by_month = arena_array(arena, (sites + nodes + 2 * links) * SERIES_MONTHS_MAX + 1, sizeof *by_month);
    bool ok = series->months != NULL && series->days != NULL && series->sites != NULL && series->nodes != NULL && series->links != NULL && fold->months != NULL &&
              fold->sites != NULL && by_month != NULL;
    for (size_t i = 0; ok && i < sites; i++, by_month += SERIES_MONTHS_MAX) {
        series->sites[i].exams_by_month = by_month;
    }
    for (size_t i = 0; ok && i < nodes; i++, by_month += SERIES_MONTHS_MAX) {
        series->nodes[i].bytes_by_month = by_month;
    }
    for (size_t i = 0; ok && i < links; i++, by_month += 2 * SERIES_MONTHS_MAX) {
        series->links[i] = (struct series_link){.name = link_name(judge, &scenario->links[i]), .bytes_by_month = by_month, .capacity_by_month = by_month + SERIES_MONTHS_MAX};
    }
    series->link_count = links;
    fold->late_ns = LATE_NS;
    for (size_t i = 0; i < scenario->slo_count; i++) { /* the first objective of publication says what late is */
        if (scenario->slos[i].quantile_count > 0 && slice_starts(scenario->slos[i].measure, SLICE("published"))) {
            fold->late_ns = scenario->slos[i].quantiles[0].at_most;
            break;
        }
    }
    judge->fold = fold;
    return ok ? ERR_OK : ERR_LIMIT;
}

/* ---- The end. */

static void end_outage(struct judge *judge, const struct fault_window *window, struct series_outage *outage)
{
    struct series *series = &judge->fold->series;
    uint32_t nodes = (uint32_t)judge->scenario->node_count;
    time_ns until = window->until == TIME_NEVER ? judge->now : window->until;
    bool down = judge_stops(judge_spell(judge, window->effect));
    *outage = (struct series_outage){.id = judge_spell(judge, window->fault), .effect = judge_spell(judge, window->effect), .node = window->index,
                                     .from_ns = window->from, .until_ns = window->until == TIME_NEVER ? 0 : window->until, .planned = window->planned,
                                     .exams_late = window->late, .queries_partial = window->partial};
    if (window->index < nodes && down) {
        series->nodes[window->index].outages++;
        series->nodes[window->index].planned += window->planned;
        series->nodes[window->index].down_ns += until - window->from;
    } else if (window->index >= nodes && window->index - nodes < series->link_count) {
        series->links[window->index - nodes].outages++;
        series->links[window->index - nodes].down_ns += until - window->from;
    }
    for (size_t d = 0; down && d < series->day_count; d++) {
        time_ns from = series->first_day_ns + (time_ns)d * TIME_DAY;
        series->days[d].down_nodes += window->from < from + TIME_DAY && until > from;
    }
}

static void end_outages(struct judge *judge)
{
    struct series *series = &judge->fold->series;
    uint32_t count = judge->fault_count < OUTAGES_MAX ? judge->fault_count : OUTAGES_MAX;
    series->outages = arena_array(judge->arena, count + 1, sizeof *series->outages);
    for (uint32_t f = 0; series->outages != NULL && f < count; f++) {
        if (judge->faults[f].index != JUDGE_NONE) {
            end_outage(judge, &judge->faults[f], &series->outages[series->outage_count++]);
        }
    }
}

static void end_meetings(struct judge *judge)
{
    struct series *series = &judge->fold->series;
    for (uint32_t c = 0; c < judge->case_count; c++) {
        const struct engine_case *one = &judge->cases[c];
        const struct engine_meeting *meeting = &judge->meetings[one->meeting];
        struct series_site *site = site_of(judge, site_of_node(judge, judge_spell(judge, meeting->node)));
        for (size_t m = 0; one->alive && !one->told_late && meeting->meets_at <= judge->now && m < series->month_count; m++) {
            bool here = meeting->meets_at >= series->months[m].from_ns && meeting->meets_at < series->months[m].until_ns;
            series->months[m].mdt_cases += here;
            series->months[m].mdt_ready += here && one->in_time;
        }
        if (site != NULL && one->alive && !one->told_late && meeting->meets_at <= judge->now) {
            site->mdt_cases++;
            site->mdt_ready += one->in_time;
        }
    }
}

static void end_places(struct judge *judge)
{
    struct judge_fold *fold = judge->fold;
    struct series *series = &fold->series;
    for (size_t s = 0; s < judge->scenario->site_count; s++) {
        series->sites[s].publish_count = fold->sites[s].count;
        series->sites[s].publish_p50_ns = histogram_quantile(&fold->sites[s], PPB / 2);
        series->sites[s].publish_p95_ns = histogram_quantile(&fold->sites[s], PPB / 100 * 95);
    }
    for (size_t n = 0; n < judge->scenario->node_count; n++) {
        struct series_node *node = &series->nodes[n];
        uint32_t word = store_word_find(&judge->words, judge->scenario->nodes[n].id);
        node->studies = word == STORE_NONE ? 0 : judge->held[word].studies;
        int64_t held = node->bytes;
        for (size_t m = series->month_count; m > 0; m--) { /* from what came in a month to what was there at its end */
            int64_t came = node->bytes_by_month[m - 1];
            node->bytes_by_month[m - 1] = held;
            held -= came;
        }
    }
    for (size_t l = 0; l < series->link_count; l++) {
        for (size_t m = 0; m < series->month_count; m++) {
            double seconds = (double)(series->months[m].until_ns - series->months[m].from_ns) / 1e9;
            series->links[l].capacity_by_month[m] = (int64_t)((double)judge->scenario->links[l].rate_bps / 8 * seconds);
        }
    }
}

void judge_fold_end(struct judge *judge, struct results *results)
{
    if (judge->fold == NULL) {
        return;
    }
    struct judge_fold *fold = judge->fold;
    struct series *series = &fold->series;
    for (size_t m = 0; m < series->month_count; m++) {
        series->months[m].publish_count = fold->months[m].count;
        series->months[m].publish_p50_ns = histogram_quantile(&fold->months[m], PPB / 2);
        series->months[m].publish_p95_ns = histogram_quantile(&fold->months[m], PPB / 100 * 95);
    }
    end_outages(judge);
    end_meetings(judge);
    end_places(judge);
    results->series = series;
}

void judge_fold_objectives(struct judge *judge, struct series_objective *objectives, size_t count)
{
    if (judge->fold != NULL) {
        judge->fold->series.objectives = objectives;
        judge->fold->series.objective_count = count;
    }
}
