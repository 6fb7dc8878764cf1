/* SPDX-License-Identifier: MIT
 *
 * What can be told of a world without running it: nodes that nothing reaches, more work than hands, quantiles of too few cases.
 * All on average, from means; a warning never stops a run. */
#include "src/scenario/bind.h"

#define P(binder) ((binder)->scenario->population)
#define TIME_YEAR (31556952 * TIME_S)

/* ---- Reach. */

static bool is_linked(const struct scenario *scenario, uint32_t site)
{
    for (size_t i = 0; i < scenario->link_count; i++) {
        const struct scenario_link *link = &scenario->links[i];
        if (scenario->nodes[link->from].site == site || scenario->nodes[link->to].site == site) {
            return true;
        }
    }
    return false;
}

static void check_reach(struct binder *binder)
{
    const struct scenario *scenario = binder->scenario;
    const struct tree *nodes = tree_get(binder->root, "nodes"), *links = tree_get(binder->root, "links");
    uint32_t home = NONE, n = 0;
    for (size_t i = 0; i < scenario->node_count; i++) {
        home = scenario->nodes[i].kind == KIND_ENGINE ? scenario->nodes[i].site : home;
    }
    for (const struct tree *entry = scenario->link_count == 0 ? NULL : map_first(nodes); entry != NULL && n < scenario->node_count; entry = entry->next, n++) {
        const struct scenario_node *node = &scenario->nodes[n];
        if (node->site != home && !is_linked(scenario, node->site)) {
            problem_relate(complain(binder->to, "P503", entry->key_at, "%s cannot be reached: nothing at %.*s has a link", quoted(node->id).text,
                                    SLICE_ARGS(scenario->sites[node->site].id)),
                           links->key_at, "links are declared here");
        }
    }
}

static void check_use(struct binder *binder)
{
    const struct tree *pathways = tree_get(binder->root, "pathways");
    uint32_t index = 0;
    for (const struct tree *entry = map_first(pathways); entry != NULL; entry = entry->next, index++) {
        bool used = false;
        for (size_t i = 0; i < P(binder).stream_count; i++) {
            used = used || P(binder).streams[i].pathway == index;
        }
        for (size_t p = 0; p < P(binder).pathway_count; p++) {
            for (size_t s = 0; s < P(binder).pathways[p].step_count; s++) {
                const struct pathway_step *step = &P(binder).pathways[p].steps[s];
                used = used || (step->kind == STEP_AGAIN && step->target == index);
            }
        }
        if (!used) {
            (void)complain_softly(binder->to, "P502", entry->key_at, "pathway %s is taken by no stream of `arrivals`", quoted(entry->key).text);
        }
    }
}

/* ---- How many. */

/* Length of what is judged. */
static time_ns window(const struct scenario *scenario)
{
    time_ns end = scenario->measure_until > 0 ? scenario->measure_until : scenario->start + scenario->length;
    return end > scenario->measure_from ? end - scenario->measure_from : 0;
}

/* Examinations a year of a stream at a site. */
static double yearly(const struct binder *binder, const struct population_stream *stream, uint32_t site)
{
    const struct scenario *scenario = binder->scenario;
    double scale = (double)stream->scale_micro / (double)MILLION, years = scenario->length > 0 ? (double)scenario->length / (double)TIME_YEAR : 1;
    double count = (double)stream->count, even = stream->every > 0 && scenario->length > 0 ? (double)(scenario->length / stream->every) : 0;
    switch (stream->process) {
    case PROCESS_SCHEDULE:
        return (count > 0 && count < even ? count : even) / years;
    case PROCESS_BURST:
        return count / years;
    case PROCESS_TRACE:
        return stream->site_count == 0 ? 0 : (double)stream->trace_count / (double)stream->site_count / years;
    case PROCESS_POISSON:
        break;
    }
    if (stream->rate_micro > 0) {
        return (double)stream->rate_micro / (double)MILLION * scale;
    }
    double exams = (double)P(binder).sites[site].exams_micro / (double)MILLION * scale, share = (double)stream->share_micro / (double)MILLION;
    if (stream->share_by_micro != NULL && P(binder).sites[site].mix_micro != NULL) {
        share = 0;
        for (size_t m = 0; m < P(binder).modality_count; m++) {
            share += (double)stream->share_by_micro[m] * (double)P(binder).sites[site].mix_micro[m] / ((double)MILLION * (double)MILLION);
        }
    }
    return exams * share;
}

static double all_yearly(const struct binder *binder)
{
    double sum = 0;
    for (size_t i = 0; i < P(binder).stream_count; i++) {
        for (size_t s = 0; s < P(binder).streams[i].site_count; s++) {
            sum += yearly(binder, &P(binder).streams[i], P(binder).streams[i].sites[s]);
        }
    }
    return sum;
}

/* Part of a stream's examinations at a site that are of a modality. */
static double part(const struct binder *binder, const struct population_stream *stream, uint32_t site, size_t modality)
{
    const int64_t *mix = stream->mix_micro != NULL ? stream->mix_micro : P(binder).sites[site].mix_micro;
    return mix == NULL ? 0 : (double)mix[modality] / (double)MILLION;
}

/* Transfers and reports among the steps, options of branches by their chance. */
static double urgent_share(const struct pathway_step *steps, size_t count)
{
    double share = 0;
    for (size_t i = 0; i < count; i++) {
        if (steps[i].kind == STEP_TRANSFER && steps[i].urgent) {
            share += (double)steps[i].chance_micro / (double)MILLION;
        }
        for (size_t o = 0; steps[i].kind == STEP_BRANCH && o < steps[i].option_count; o++) {
            share += (double)steps[i].options[o].chance_micro / (double)MILLION * urgent_share(steps[i].options[o].steps, steps[i].options[o].step_count);
        }
    }
    return share;
}

static const struct pathway *pathway_of(const struct binder *binder, const struct population_stream *stream)
{
    return stream->pathway < P(binder).pathway_count ? &P(binder).pathways[stream->pathway] : NULL;
}

/* ---- Too few to judge. */

static time_ns per_length(enum slo_per per, time_ns all)
{
    static const time_ns lengths[] = {[PER_HOUR] = TIME_HOUR,     [PER_DAY] = TIME_DAY,   [PER_WEEK] = 7 * TIME_DAY, [PER_MONTH] = 30 * TIME_DAY,
                                      [PER_QUARTER] = 91 * TIME_DAY, [PER_YEAR] = 365 * TIME_DAY, [PER_MEETING_MONTH] = 30 * TIME_DAY};
    return per == PER_RUN || per == PER_MEETING ? all : lengths[per];
}

static const struct tree *slo_tree(const struct binder *binder, size_t index)
{
    const struct tree *at = list_first(tree_get(tree_get(binder->root, "expect"), "slo"));
    for (size_t i = 0; at != NULL; at = at->next) {
        if (at->kind == TREE_MAP && i++ == index) {
            return at;
        }
    }
    return NULL;
}

/* Studies of a meeting in such a time; of one meeting for PER_MEETING. */
static double meeting_studies(const struct population_meeting *meeting, enum slo_per per, time_ns all)
{
    double each = (double)meeting->cases_micro / (double)MILLION * (meeting->studies_each_micro > 0 ? (double)meeting->studies_each_micro / (double)MILLION : 1);
    if (per == PER_MEETING || meeting->once_at > 0) {
        return each;
    }
    double weeks = meeting->weeks_micro > 0 ? (double)meeting->weeks_micro / (double)MILLION / 52 : 1;
    double apart = meeting->every_weeks > 0 ? (double)meeting->every_weeks : 1;
    double month = per == PER_MEETING_MONTH ? (double)TIME_YEAR / 12 : (double)per_length(per, all);
    return each * weeks * month / (7 * (double)TIME_DAY) / apart;
}

/* The highest share that must hold, and so how few may miss. */
static int64_t strictest(const struct slo *slo)
{
    int64_t share = slo->has_min ? slo->min_micro : 0;
    for (size_t i = 0; i < slo->quantile_count; i++) {
        int64_t quantile = slo->quantiles[i].quantile_micro;
        share = quantile < MILLION && quantile > share ? quantile : share;
    }
    return share;
}

static void put_share(char text[24], int64_t micro)
{
    struct buffer buffer = buffer_over(text, 23);
    value_put_decimal(&buffer, micro * 100);
    buffer_put_text(&buffer, " %");
    text[buffer.size] = '\0';
}

static void check_meetings_slo(struct binder *binder, const struct slo *slo, const struct tree *entry)
{
    static const char *const pers[] = {"run", "hour", "day", "week", "month", "quarter", "year", "meeting", "meeting-month"};
    const struct tree *meetings = tree_get(binder->root, "meetings");
    bool each = slo->per == PER_MEETING || slo->per == PER_MEETING_MONTH;
    int64_t share = strictest(slo);
    double sum = 0;
    char text[24];
    put_share(text, share);
    for (size_t i = 0; i < P(binder).meeting_count; i++) {
        const struct population_meeting *meeting = &P(binder).meetings[i];
        double studies = meeting_studies(meeting, slo->per, window(binder->scenario));
        sum += studies;
        if (each && studies * (double)(MILLION - share) < (double)MILLION && share < MILLION) {
            problem_relate(complain_softly(binder->to, "P702", entry->at, "slo %s per %s: %.*s gives about %.0f studies, too few to judge %s", quoted(slo->id).text,
                                           pers[slo->per], SLICE_ARGS(meeting->id), studies, text),
                           tree_get(meetings, meeting->id.data)->key_at, "this meeting");
        }
    }
    if (!each && P(binder).meeting_count > 0 && sum * (double)(MILLION - share) < (double)MILLION && share < MILLION) {
        (void)complain_softly(binder->to, "P702", entry->at, "slo %s per %s: all meetings give about %.0f studies, too few to judge %s", quoted(slo->id).text, pers[slo->per],
                              sum, text);
    }
}

/* Cases a year of what a measure is of; below 0: it cannot be told. */
static double cases_of(const struct binder *binder, slice measure)
{
    double sum = 0;
    if (slice_starts(measure, SLICE("published"))) {
        return all_yearly(binder);
    }
    if (!slice_starts(measure, SLICE("transfer.urgent"))) {
        return -1;
    }
    for (size_t i = 0; i < P(binder).stream_count; i++) {
        const struct population_stream *stream = &P(binder).streams[i];
        const struct pathway *pathway = pathway_of(binder, stream);
        for (size_t s = 0; pathway != NULL && s < stream->site_count; s++) {
            sum += yearly(binder, stream, stream->sites[s]) * urgent_share(pathway->steps, pathway->step_count);
        }
    }
    return sum;
}

static void check_slo(struct binder *binder, const struct slo *slo, const struct tree *entry)
{
    time_ns all = window(binder->scenario), per = per_length(slo->has_budget ? slo->budget_per : slo->per, all);
    int64_t share = slo->has_budget ? MILLION - slo->budget_micro : strictest(slo);
    bool meetings = slice_starts(slo->measure, SLICE("mdt."));
    /* A month in spring, or a year with its warm-up, may be a little shorter. */
    if (all > 0 && per / 10 * 9 > all && !meetings) {
        (void)complain_softly(binder->to, "P704", entry->at, "slo %s is judged for longer times than are measured (run.clock.length, run.measure)", quoted(slo->id).text);
        return;
    }
    if (meetings) {
        check_meetings_slo(binder, slo, entry);
        return;
    }
    double cases = cases_of(binder, slo->measure), in_each = cases * (double)per / (double)TIME_YEAR;
    char text[24];
    put_share(text, share);
    if (cases >= 0 && all > 0 && share < MILLION && in_each * (double)(MILLION - share) < (double)MILLION) {
        (void)complain_softly(binder->to, "P702", entry->at, "slo %s: about %.0f cases, too few to judge %s", quoted(slo->id).text, in_each, text);
    }
}

/* ---- More work than hands. */

/* Part of a week that a calendar is open. */
static double open_share(const struct binder *binder, uint32_t calendar)
{
    if (calendar >= P(binder).opening_count) {
        return 1;
    }
    const struct opening *opening = &P(binder).openings[calendar];
    int days = 0;
    for (int d = 0; d < 7; d++) {
        days += (opening->weekdays >> d) & 1;
    }
    int minutes = opening->to_minute - opening->from_minute;
    return days * (minutes > 0 ? minutes : minutes + 1440) / (7.0 * 1440);
}

static double read_work(const struct binder *binder, const struct pathway_step *step, const struct population_stream *stream, uint32_t site)
{
    double work = 0;
    for (size_t m = 0; m < P(binder).modality_count; m++) {
        double never = step->never_by_micro == NULL ? 0 : (double)step->never_by_micro[m] / (double)MILLION;
        work += part(binder, stream, site, m) * (1 - never) * distribution_mean(step->time_by == NULL ? &step->time : &step->time_by[m]);
    }
    return work;
}

/* Time of readers that a site asks for in a second. */
static double work_at(const struct binder *binder, uint32_t site)
{
    double work = 0;
    for (size_t i = 0; i < P(binder).stream_count; i++) {
        const struct population_stream *stream = &P(binder).streams[i];
        const struct pathway *pathway = pathway_of(binder, stream);
        for (size_t s = 0; pathway != NULL && s < stream->site_count; s++) {
            for (size_t k = 0; stream->sites[s] == site && k < pathway->step_count; k++) {
                const struct pathway_step *step = &pathway->steps[k];
                if (step->kind == STEP_REPORT && !step->nobody && step->role == STAFF_READERS) {
                    work += yearly(binder, stream, site) / (double)TIME_YEAR * read_work(binder, step, stream, site);
                }
            }
        }
    }
    return work;
}

static void check_readers(struct binder *binder)
{
    const struct tree *people = tree_get(binder->root, "people");
    for (uint32_t site = 0; site < P(binder).site_count; site++) {
        double hands = 0;
        const struct population_staff *last = NULL;
        for (size_t i = 0; i < P(binder).staff_count; i++) {
            const struct population_staff *staff = &P(binder).staff[i];
            for (size_t s = 0; s < staff->site_count; s++) {
                if (staff->sites[s] == site && staff->role == STAFF_READERS) {
                    double open = open_share(binder, staff->calendar);
                    hands += ((double)staff->count_micro * open + (double)staff->otherwise_micro * (1 - open)) / (double)MILLION;
                    last = staff;
                }
            }
        }
        double work = work_at(binder, site);
        if (last != NULL && work >= hands) {
            (void)complain_softly(binder->to, "P703", tree_get(people, last->id.data)->key_at,
                                  "readers of %.*s: work for %.1f of them around the clock, and %.1f are there on average: the backlog only grows",
                                  SLICE_ARGS(P(binder).sites[site].id), work, hands);
        }
    }
}

static void check_hl7(struct binder *binder)
{
    const struct tree *nodes = tree_get(binder->root, "nodes");
    const struct population_messages *messages = &P(binder).messages;
    double each = 2 + (double)(messages->register_micro + messages->update_micro + messages->schedule_micro + messages->arrive_micro + messages->preliminary_micro +
                               messages->final_micro + messages->corrected_micro) /
                          (double)MILLION;
    uint32_t ris = bind_ris(binder->scenario);
    double busy = ris == NONE_OF ? 0 : all_yearly(binder) / (double)TIME_YEAR * each * distribution_mean(&binder->scenario->nodes[ris].service.acknowledge);
    if (busy >= 1) {
        (void)complain_softly(binder->to, "P703", tree_get(nodes, binder->scenario->nodes[ris].id.data)->key_at,
                              "about %.1f HL7 messages an examination, each acknowledged before the next: the channel would be busy %.1f times over", each, busy);
    }
}

/* Bytes that the transfers of pathways bring over a line in a second. */
static double transferred(const struct binder *binder, const struct scenario_link *link)
{
    double bytes = 0;
    for (size_t i = 0; i < P(binder).stream_count; i++) {
        const struct population_stream *stream = &P(binder).streams[i];
        const struct pathway *pathway = pathway_of(binder, stream);
        for (size_t k = 0; pathway != NULL && k < pathway->step_count; k++) {
            const struct pathway_step *step = &pathway->steps[k];
            for (size_t s = 0; step->kind == STEP_TRANSFER && s < stream->site_count; s++) {
                uint32_t source = P(binder).sites[stream->sites[s]].pacs;
                bool over = link->from == source || link->to == source || link->from == step->target || link->to == step->target;
                double size = 0;
                for (size_t m = 0; over && m < P(binder).modality_count; m++) {
                    size += part(binder, stream, stream->sites[s], m) * distribution_mean(&P(binder).modalities[m].images) *
                            distribution_mean(&P(binder).modalities[m].image_bytes);
                }
                bytes += source == step->target ? 0 : yearly(binder, stream, stream->sites[s]) / (double)TIME_YEAR * (double)TIME_S * (double)step->chance_micro / (double)MILLION * size;
            }
        }
    }
    return bytes;
}

static void check_links(struct binder *binder)
{
    for (size_t i = 0; i < binder->scenario->link_count; i++) {
        const struct scenario_link *link = &binder->scenario->links[i];
        double ours = (double)link->rate_bps * (double)link->share_micro / (double)MILLION, load = transferred(binder, link) * 8;
        if (ours > 0 && load >= ours) {
            (void)complain_softly(binder->to, "P703", (struct span){link->mark.line, link->mark.column, link->mark.column + (int)link->id.size},
                                  "transfers of pathways alone bring %.0f kbit/s over the line to %.*s, of which %.0f are ours: the queue only grows", load / 1e3,
                                  SLICE_ARGS(binder->scenario->nodes[link->to].id), ours / 1e3);
        }
    }
}

/* Of the whole run at full volume, and what was there before: more is never heard of but by chance. */
static void expect_exams(struct binder *binder)
{
    struct scenario *scenario = binder->scenario;
    double run = all_yearly(binder) * (double)scenario->length / (double)TIME_YEAR, patients = (double)P(binder).patients.count;
    for (size_t i = 0; i < P(binder).stream_count; i++) {
        for (size_t b = 0; b < P(binder).streams[i].burst_count; b++) {
            run += (double)P(binder).streams[i].bursts[b].count;
        }
    }
    double exams = run + patients * distribution_mean(&P(binder).priors.count);
    if (P(binder).stream_count > 0) {
        scenario->expected_exams = exams < 9e6 ? (int64_t)exams + 1 : 9000000;
        scenario->expected_persons = P(binder).patients.count;
    }
}

/* What the load itself would refuse. */
static void check_plan(struct binder *binder)
{
    char why[256] = "";
    const struct tree *arrivals = tree_get(binder->root, "arrivals");
    if (arrivals != NULL && population_check(&P(binder), why, sizeof why) != ERR_OK) {
        (void)complain(binder->to, "P506", arrivals->key_at, "no plan can be made of this: %s", why);
    }
}

void check_world(struct binder *binder)
{
    struct scenario *scenario = binder->scenario;
    scenario->populated = P(binder).stream_count + P(binder).meeting_count + P(binder).merge_count + P(binder).fault_count + scenario->change_count > 0;
    check_reach(binder);
    if (binder->to->problems->error_count > 0) {
        return; /* figures of what is wrong would mislead */
    }
    expect_exams(binder);
    check_use(binder);
    check_readers(binder);
    check_hl7(binder);
    check_links(binder);
    check_plan(binder);
    for (size_t i = 0; i < scenario->slo_count; i++) {
        const struct tree *entry = slo_tree(binder, i);
        if (entry != NULL && P(binder).stream_count > 0) {
            check_slo(binder, &scenario->slos[i], entry);
        }
    }
}
