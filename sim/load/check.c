/* SPDX-License-Identifier: MIT
 *
 * Check: what the load takes for granted about a population, and what holds where it says nothing. */
#include "sim/load/load_private.h"

struct checking {
    struct buffer why;
    bool bad;
};

static void complain(struct checking *checking, slice id, const char *what)
{
    if (!checking->bad) {
        buffer_put(&checking->why, id);
        buffer_put_text(&checking->why, id.size > 0 ? ": " : "");
        buffer_put_text(&checking->why, what);
    }
    checking->bad = true;
}

static void need(struct checking *checking, bool held, slice id, const char *what)
{
    if (!held) {
        complain(checking, id, what);
    }
}

static void check_distribution(struct checking *checking, const struct distribution *distribution, slice id)
{
    const char *why = "";
    if (distribution_check(distribution, &why) != ERR_OK) {
        complain(checking, id, why);
    }
}

static void check_sizes(struct checking *checking, const struct population *p)
{
    need(checking, p->modality_count <= LOAD_MODALITIES_MAX, SLICE_EMPTY, "too many modalities");
    need(checking, p->domain_count <= LOAD_DOMAINS_MAX, SLICE_EMPTY, "too many identity domains");
    need(checking, p->site_count <= LOAD_SITES_MAX, SLICE_EMPTY, "too many sites");
    need(checking, p->stream_count <= LOAD_STREAMS_MAX, SLICE_EMPTY, "too many streams");
    need(checking, p->meeting_count <= LOAD_MEETINGS_MAX, SLICE_EMPTY, "too many meetings");
    need(checking, p->stream_count == 0 || (p->domain_count > 0 && p->site_count > 0 && p->modality_count > 0), SLICE_EMPTY, "streams need sites and modalities");
    need(checking, p->stream_count == 0 || p->patients.count > 0, SLICE_EMPTY, "there are no patients");
    need(checking, p->patients.count >= 0 && p->patients.count <= PERSONS_MAX, SLICE_EMPTY, "too many patients: local numbers have seven digits");
}

static void check_sites(struct checking *checking, const struct population *p)
{
    for (size_t i = 0; i < p->site_count; i++) {
        const struct population_site *site = &p->sites[i];
        need(checking, site->domain < p->domain_count, site->id, "no such identity domain");
        need(checking, site->exams_micro >= 0, site->id, "a negative number of exams");
    }
    for (size_t i = 0; i < p->modality_count; i++) {
        check_distribution(checking, &p->modalities[i].images, p->modalities[i].id);
        check_distribution(checking, &p->modalities[i].series, p->modalities[i].id);
        check_distribution(checking, &p->modalities[i].image_bytes, p->modalities[i].id);
    }
    for (size_t i = 0; i < p->patients.affinity_count; i++) {
        const struct population_affinity *row = &p->patients.affinity[i];
        need(checking, row->domain < p->domain_count && row->other < p->domain_count && row->weight_micro >= 0, SLICE("affinity"), "no such identity domain");
    }
}

static void check_shape(struct checking *checking, const struct shape *shape, enum shape_kind kind, size_t count)
{
    if (shape != NULL) {
        need(checking, shape->kind == kind && (kind == SHAPE_RAMP ? shape->count > 0 : shape->count == count), shape->id, "not the shape that is needed here");
        for (size_t i = 0; i < shape->count; i++) {
            need(checking, shape->weights_micro[i] >= 0, shape->id, "a negative weight");
        }
    }
}

static void check_stream(struct checking *checking, const struct population *p, const struct population_stream *stream)
{
    need(checking, stream->pathway < p->pathway_count, stream->id, "no such pathway");
    need(checking, stream->process != PROCESS_SCHEDULE || (stream->every >= TIME_MS && stream->jitter >= 0 && stream->jitter <= stream->every), stream->id,
         "its interval must be at least 1 ms and its jitter no longer");
    need(checking, stream->burst_count < 0xFFFF && stream->site_count < 0xFFFF, stream->id, "too many sites or bursts");
    for (size_t i = 0; i < stream->site_count; i++) {
        need(checking, stream->sites[i] < p->site_count, stream->id, "no such site");
    }
    for (size_t i = 0; i < stream->burst_count; i++) {
        need(checking, stream->bursts[i].site < p->site_count && stream->bursts[i].count >= 0 && stream->bursts[i].count < 1 << 24, stream->id, "a burst without a site");
    }
    for (size_t i = 0; i < stream->trace_count; i++) {
        const struct trace_exam *row = &stream->trace[i];
        need(checking, row->site < p->site_count && row->modality < p->modality_count && (i == 0 || row->at >= row[-1].at), stream->id,
             "its trace names no site or modality, or goes back in time");
    }
    check_shape(checking, stream->hours, SHAPE_HOURS, 24);
    check_shape(checking, stream->days, SHAPE_DAYS, 7);
    check_shape(checking, stream->months, SHAPE_MONTHS, 12);
}

static void check_steps(struct checking *checking, const struct population *p, slice id, const struct pathway_step *steps, size_t count, int depth)
{
    need(checking, depth <= PATHWAY_DEPTH_MAX, id, "its branches stand too deep in each other");
    for (size_t i = 0; i < count && depth <= PATHWAY_DEPTH_MAX; i++) {
        const struct pathway_step *step = &steps[i];
        for (size_t m = 0; m < (step->time_by == NULL ? 0 : p->modality_count); m++) {
            check_distribution(checking, &step->time_by[m], id);
        }
        check_distribution(checking, &step->time, id);
        need(checking, step->kind != STEP_AGAIN || step->target < p->pathway_count, id, "no such pathway to go through again");
        need(checking, step->kind != STEP_TRANSFER || step->target < p->node_count, id, "no such node to send to");
        for (size_t o = 0; o < step->option_count; o++) {
            check_steps(checking, p, id, step->options[o].steps, step->options[o].step_count, depth + 1);
        }
    }
}

static void check_meeting(struct checking *checking, const struct population *p, const struct population_meeting *meeting)
{
    need(checking, meeting->site < p->site_count, meeting->id, "no such site");
    need(checking, meeting->weekday < 7 && meeting->minute < 24 * 60, meeting->id, "not a time of the week");
    need(checking, meeting->cases_micro >= 0 && (double)meeting->cases_micro * (1 + (double)meeting->spread_micro / MICRO) <= (double)CASES_MAX * MICRO, meeting->id,
         "a list of more than 64 names");
    need(checking, meeting->late_micro + meeting->in_meeting_micro <= MICRO, meeting->id, "more than all names are late");
    for (size_t i = 0; i < meeting->joined_count; i++) {
        need(checking, meeting->joined[i] < p->site_count, meeting->id, "no such site joins it");
    }
    check_shape(checking, meeting->ramp, SHAPE_RAMP, 0);
}

enum err population_check(const struct population *population, char *why, size_t why_size)
{
    struct checking checking = {.why = buffer_over(why, why_size > 0 ? why_size - 1 : 0)};
    check_sizes(&checking, population);
    check_sites(&checking, population);
    check_shape(&checking, population->patients.ramp, SHAPE_RAMP, 0);
    for (size_t i = 0; i < population->stream_count; i++) {
        check_stream(&checking, population, &population->streams[i]);
    }
    for (size_t i = 0; i < population->pathway_count; i++) {
        check_steps(&checking, population, population->pathways[i].id, population->pathways[i].steps, population->pathways[i].step_count, 0);
    }
    for (size_t i = 0; i < population->meeting_count; i++) {
        check_meeting(&checking, population, &population->meetings[i]);
    }
    for (size_t i = 0; i < population->fault_count; i++) {
        check_distribution(&checking, &population->faults[i].length, population->faults[i].id);
        need(&checking, population->faults[i].target_count > 0, population->faults[i].id, "it has no target");
    }
    for (size_t i = 0; i < population->merge_count; i++) {
        uint32_t undoes = population->merges[i].undoes;
        need(&checking, undoes == NONE_OF || undoes < population->merge_count, population->merges[i].id, "it undoes no merge");
    }
    for (size_t i = 0; i < population->staff_count; i++) {
        const struct population_staff *staff = &population->staff[i];
        need(&checking, staff->count_micro >= 0 && staff->count_micro <= 100000 * (int64_t)MICRO && staff->otherwise_micro >= 0 && staff->otherwise_micro <= 100000 * (int64_t)MICRO,
             staff->id, "not a number of people");
        for (size_t s = 0; s < staff->site_count; s++) {
            need(&checking, staff->sites[s] < population->site_count, staff->id, "no such site");
        }
    }
    check_distribution(&checking, &population->priors.count, SLICE("priors"));
    check_distribution(&checking, &population->priors.age, SLICE("priors"));
    if (why_size > 0) {
        why[checking.why.size] = '\0';
    }
    return checking.bad ? ERR_BAD_INPUT : ERR_OK;
}

/* Means and delays: assumed, in docs/decisions. */
void population_defaults(struct population *population)
{
    struct population_messages *messages = &population->messages;
    *messages = (struct population_messages){
        .register_micro = 1000000,
        .update_micro = 740000,
        .schedule_micro = 900000,
        .arrive_micro = 300000,
        .preliminary_micro = 250000,
        .final_micro = 1000000,
        .corrected_micro = 40000,
        .schedule_after = {.kind = DISTRIBUTION_LOGNORMAL, .a = 3.0 * (double)TIME_HOUR, .b = 1.0, .maximum = 5.0 * (double)TIME_DAY},
        .complete_after = {.kind = DISTRIBUTION_LOGNORMAL, .a = 90.0 * (double)TIME_S, .b = 0.8, .maximum = 4.0 * (double)TIME_HOUR},
        .store_after = {.kind = DISTRIBUTION_UNIFORM, .a = 0, .b = 60.0 * (double)TIME_S},
        .late_after = {.kind = DISTRIBUTION_LOGNORMAL, .a = 20.0 * (double)TIME_MIN, .b = 1.0, .maximum = 2.0 * (double)TIME_DAY},
        .reject_after = {.kind = DISTRIBUTION_LOGNORMAL, .a = 2.0 * (double)TIME_HOUR, .b = 1.0, .maximum = 7.0 * (double)TIME_DAY},
        .corrected_after = {.kind = DISTRIBUTION_LOGNORMAL, .a = 1.0 * (double)TIME_DAY, .b = 1.0, .maximum = 14.0 * (double)TIME_DAY},
        .look_after = {.kind = DISTRIBUTION_LOGNORMAL, .a = 1.0 * (double)TIME_DAY, .b = 1.2, .maximum = 30.0 * (double)TIME_DAY},
    };
}
