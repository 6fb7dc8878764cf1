/* SPDX-License-Identifier: MIT */
#include "sim/load/load.h"

#include <assert.h>

#include "src/base/random.h"
#include "src/base/real.h"

#include "sim/load/load_private.h"

#define DAYS_AFTER 14 /* exams wait for reports so long, on the average at most */
#define SLOTS_MIN 4096

/* ---- Room. */

static double years_of(const struct load_setup *setup)
{
    return (double)setup->length / (365.0 * (double)TIME_DAY);
}

/* Exams under way at once: those whose orders may be out, and those that wait for a report. */
static double slots_of_stream(const struct population *population, const struct population_stream *stream)
{
    double a_day = 0;
    for (size_t s = 0; s < stream->site_count; s++) {
        for (uint32_t m = 0; m < population->modality_count; m++) {
            a_day = a_day + cell_rate(population, stream, stream->sites[s], m) / 365;
        }
    }
    double days = (double)(pathway_wait_max(population, stream->pathway) + LOOK_BACK_SLACK) / (double)TIME_DAY + DAYS_AFTER;
    double others = stream->process == PROCESS_BURST ? (double)stream->count * (double)stream->site_count : 0;
    for (size_t b = 0; b < stream->burst_count; b++) {
        others = others + (double)stream->bursts[b].count;
    }
    return 1.25 * (a_day * days + 8 * real_sqrt(a_day)) + others;
}

static uint32_t slots_for(const struct load_setup *setup)
{
    const struct population *population = setup->population;
    double slots = SLOTS_MIN;
    for (size_t i = 0; i < population->stream_count; i++) {
        slots = slots + slots_of_stream(population, &population->streams[i]);
    }
    double years = years_of(setup);
    double growth = years > 1 && population->exams_growth_micro > 0 ? real_exp(years * real_log(1 + (double)population->exams_growth_micro / MICRO)) : 1;
    return (uint32_t)(slots * growth);
}

static size_t dues_for(const struct load_setup *setup)
{
    const struct population *population = setup->population;
    size_t dues = (size_t)slots_for(setup) + FAULTS_LIVE_MAX + population->meeting_count + population->merge_count + 64 + ROLES * LOAD_DOMAINS_MAX;
    for (size_t i = 0; i < population->stream_count; i++) {
        dues += population->streams[i].site_count + population->streams[i].burst_count + 2;
    }
    for (size_t i = 0; i < population->fault_count; i++) {
        dues += population->faults[i].target_count + 1;
    }
    for (size_t i = 0; i < population->staff_count; i++) { /* each may be reading */
        int64_t most = population->staff[i].count_micro > population->staff[i].otherwise_micro ? population->staff[i].count_micro : population->staff[i].otherwise_micro;
        dues += (size_t)(most / MICRO + 1) * population->staff[i].site_count;
    }
    return dues;
}

/* Blocks round up: a few more persons than were asked for. */
static size_t person_bytes(const struct population *population)
{
    return ((size_t)population->patients.count + 2 * BLOCKS_MAX) / 8 + 1;
}

size_t load_memory(const struct load_setup *setup)
{
    const struct population *population = setup->population;
    size_t cells = population->site_count * population->modality_count + 1, sum = sizeof(struct load) + 65536;
    sum += slots_for(setup) * sizeof(struct exam) + dues_for(setup) * sizeof(struct due);
    sum += population->stream_count * (cells * sizeof(struct cell) + 64) + population->domain_count * (cells * sizeof(struct prior_cell) + 64);
    sum += 2 * person_bytes(population) + cells * LOAD_WEEK_HOURS * sizeof(int64_t);
    for (size_t i = 0; i < population->fault_count; i++) {
        sum += (population->faults[i].target_count + 1) * sizeof(struct fault_state);
    }
    return sum;
}

/* ---- What to expect. */

/* Of a stream at one of its sites, over the run. The ramp is left out: it only takes away. */
static double exams_at(const struct load_setup *setup, const struct population_stream *stream, uint32_t site)
{
    double exams = 0;
    for (uint32_t m = 0; m < setup->population->modality_count; m++) {
        exams = exams + cell_rate(setup->population, stream, site, m) * years_of(setup);
    }
    switch (stream->process) {
    case PROCESS_SCHEDULE: {
        int64_t most = stream->every > 0 ? setup->length / stream->every + 1 : 0;
        exams = exams + (double)(stream->count > 0 && stream->count < most ? stream->count : most);
        break;
    }
    case PROCESS_BURST:
        exams = exams + (double)stream->count;
        break;
    default:
        break;
    }
    for (size_t b = 0; b < stream->burst_count; b++) {
        exams = stream->bursts[b].site == site ? exams + (double)stream->bursts[b].count : exams;
    }
    for (size_t t = 0; t < stream->trace_count; t++) {
        exams = stream->trace[t].site == site ? exams + 1 : exams;
    }
    return exams;
}

static void expect_stored(struct load_expected *expected, uint32_t node, double studies)
{
    if (node < sizeof expected->studies / sizeof expected->studies[0]) {
        expected->studies[node] += real_round(studies);
    }
}

static double names_of(const struct load_setup *setup, const struct population_meeting *meeting)
{
    double weeks = (meeting->weeks_micro > 0 ? (double)meeting->weeks_micro / MICRO : 52.0) * years_of(setup) + 1;
    return (meeting->once_at > 0 ? 1 : weeks / (meeting->every_weeks > 0 ? meeting->every_weeks : 1)) * (double)meeting->cases_micro / MICRO;
}

void load_expect(const struct load_setup *setup, struct load_expected *expected)
{
    const struct population *population = setup->population;
    double exams[LOAD_SITES_MAX] = {0}, all = 0, names = 0, two = 0;
    *expected = (struct load_expected){.exams = 0};
    for (size_t i = 0; i < population->stream_count; i++) {
        const struct population_stream *stream = &population->streams[i];
        for (size_t s = 0; s < stream->site_count; s++) {
            double here = exams_at(setup, stream, stream->sites[s]);
            exams[stream->sites[s]] = exams[stream->sites[s]] + here;
            all = all + here;
        }
    }
    double priors = distribution_mean(&population->priors.count) * (double)population->patients.count;
    for (size_t s = 0; s < population->site_count; s++) {
        uint32_t domain = population->sites[s].domain;
        const int64_t *by = population->patients.at_two_by_micro;
        expect_stored(expected, population->sites[s].pacs, all > 0 ? exams[s] + priors * exams[s] / all : 0);
        two = two + exams[s] * (double)(by != NULL ? by[domain] : population->patients.at_two_micro) / MICRO;
    }
    for (size_t i = 0; i < population->meeting_count; i++) {
        names = names + names_of(setup, &population->meetings[i]);
    }
    /* Nobody takes part who neither has an exam nor priors. */
    double persons = (double)population->patients.count, seen = priors > 0 || persons < all ? persons : all;
    expected->exams = real_round(all);
    expected->priors = real_round(priors);
    expected->meetings_names = real_round(names);
    expected->persons = real_round(seen);
    expected->registrations = real_round(seen * (1 + (all > 0 ? two / all : 0) + (double)population->patients.duplicates_micro / MICRO));
}

/* ---- Start. */

static void people_start(struct load *load)
{
    const struct population *population = load->population;
    double exams[LOAD_DOMAINS_MAX] = {0};
    for (size_t i = 0; i < population->stream_count; i++) {
        const struct population_stream *stream = &population->streams[i];
        for (size_t s = 0; s < stream->site_count; s++) {
            uint32_t domain = population->sites[stream->sites[s]].domain;
            for (uint32_t m = 0; m < population->modality_count; m++) {
                exams[domain] = exams[domain] + cell_rate(population, stream, stream->sites[s], m);
            }
            /* Streams that are not by the year still need people: some from each of their sites. */
            exams[domain] = exams[domain] + (stream->process == PROCESS_POISSON ? 0 : 1);
        }
    }
    people_init(&load->people, population, load->seed, exams);
}

static enum err memory_start(struct load *load)
{
    size_t cells = load->population->site_count * load->population->modality_count;
    load->exam_max = slots_for(&load->setup);
    load->heap.max = dues_for(&load->setup);
    load->exams = arena_array(load->arena, load->exam_max, sizeof *load->exams);
    load->heap.items = arena_array(load->arena, load->heap.max, sizeof *load->heap.items);
    load->merged = arena_alloc(load->arena, person_bytes(load->population));
    load->seen = arena_alloc(load->arena, person_bytes(load->population));
    load->came = arena_array(load->arena, cells * LOAD_WEEK_HOURS + 1, sizeof *load->came);
    if (load->exams == NULL || load->heap.items == NULL || load->merged == NULL || load->seen == NULL || load->came == NULL) {
        return ERR_LIMIT;
    }
    load->exam_free = NONE_OF;
    return ERR_OK;
}

enum err load_init(struct load **out, const struct load_setup *setup, struct arena *arena)
{
    char why[256];
    enum err err = population_check(setup->population, why, sizeof why);
    struct load *load = err == ERR_OK ? arena_alloc(arena, sizeof *load) : NULL;
    *out = load;
    if (load == NULL) {
        return err == ERR_OK ? ERR_LIMIT : err;
    }
    load->setup = *setup;
    load->population = setup->population;
    load->seed = setup->seed;
    load->start = load->now = setup->start;
    load->end = setup->start + setup->length;
    load->speed = setup->speed > 0 ? setup->speed : 1;
    load->arena = arena;
    people_start(load);
    procedures_init(load);
    pools_init(load);
    enum err (*const parts[])(struct load *) = {memory_start, streams_init, backlog_init, meetings_init, merges_init, faults_init};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && err == ERR_OK; i++) {
        err = parts[i](load);
    }
    return err;
}

/* ---- Row after row. */

int64_t load_image_bytes(const struct load *load, const struct exam *exam)
{
    return distribution_count(&load->population->modalities[exam->modality].image_bytes, load->seed, PURPOSE('b', 'y', 't', 'e'), exam->key, 0);
}

static void count_exam(struct load *load, const struct exam *exam)
{
    const struct population *population = load->population;
    time_ns local = exam->acquired + zone_offset(population->zone, exam->acquired);
    int32_t day = zone_day(local);
    int hour = zone_weekday(day) * 24 + (int)((local - day * TIME_DAY) / TIME_HOUR);
    load->came[(exam->site * population->modality_count + exam->modality) * LOAD_WEEK_HOURS + (size_t)hour]++;
    load->counts.exams++;
    load->counts.images += exam->images;
    load->counts.bytes += exam->images * load_image_bytes(load, exam);
    load->counts.persons += !bit_get(load->seen, exam->person);
    bit_set(load->seen, exam->person);
    recent_put(load, exam);
}

static enum err spawn(struct load *load, const struct exam *exam, unsigned pathway)
{
    struct arrival arrival = {.key = random_draw(load->seed, PURPOSE('s', 'p', 'w', 'n'), exam->key, pathway), .at = load->now, .site = exam->site,
                              .modality = exam->modality, .pathway = pathway, .person = exam->person};
    return load->now < load->end ? exam_make(load, &arrival) : ERR_OK;
}

/* The next event of an exam; *made when it is a row. */
static enum err exam_due(struct load *load, uint32_t index, struct load_row *row, bool *made)
{
    struct exam *exam = &load->exams[index];
    unsigned what = exam->what[exam->event_at], detail = exam->detail[exam->event_at];
    enum err err = ERR_OK;
    *made = true;
    if (what == EVENT_NAME) {
        meeting_name(load, exam, detail);
        *made = false;
    } else if (what == EVENT_SPAWN) {
        struct exam parent = *exam;
        err = spawn(load, &parent, detail);
        *made = false;
    } else if (what == EVENT_READ) {
        err = pool_enter(load, index, detail);
        *made = false;
    } else if (what == EVENT_LATE_NAME) {
        meeting_late(load, exam, row);
    } else if (what == LOAD_MERGE || what == LOAD_UNMERGE) {
        *made = merge_row(load, exam, what, row);
    } else {
        row_exam(load, exam, what, row);
    }
    if (what == LOAD_COMPLETE) {
        count_exam(load, exam);
    }
    /* A question to every PACS is as many rows. */
    if (what == LOAD_LOOK && detail != 0 && row_next_pacs(load, ++exam->asked) != NONE_OF) {
        return exam_wait(load, index);
    }
    exam->asked = 0;
    exam->event_at++;
    return err == ERR_OK ? exam_wait(load, index) : err;
}

static enum err take(struct load *load, const struct due *due, struct load_row *row, bool *made)
{
    *made = false;
    switch (due->kind) {
    case DUE_STREAM_DAY:
    case DUE_SCHEDULE:
    case DUE_BURST:
    case DUE_TRACE:
        return stream_due(load, due);
    case DUE_BACKLOG:
        return backlog_due(load);
    case DUE_MEETING:
        return meeting_due(load, due->index, row, made);
    case DUE_MERGE:
    case DUE_MERGES:
    case DUE_UNMERGES:
        return merge_due(load, due, row, made);
    case DUE_READER:
    case DUE_SHIFT:
        return pool_due(load, due);
    case DUE_FAULT:
    case DUE_FAULT_ROW:
        return fault_due(load, due, row, made);
    default:
        return exam_due(load, due->index, row, made);
    }
}

enum err load_next(struct load *load, struct load_row *row)
{
    bool made = false;
    while (!made) {
        if (load->heap.count == 0) {
            return ERR_NOT_FOUND;
        }
        struct due due = due_take(&load->heap);
        assert(due.at >= load->now);
        load->now = due.at;
        enum err err = take(load, &due, row, &made);
        if (err != ERR_OK) {
            return err;
        }
        if (made && row->node == NONE_OF) { /* nobody is there to be told */
            load->counts.rows[row->what]--;
            load->rows--;
            made = false;
        }
    }
    return ERR_OK;
}

/* ---- What came, and what was asked for. */

const struct load_counts *load_count(const struct load *load)
{
    return &load->counts;
}

int64_t load_messages(const struct load_counts *counts)
{
    int64_t sum = 0;
    for (int what = LOAD_REGISTER; what <= LOAD_CORRECTED; what++) {
        sum += counts->rows[what];
    }
    return sum;
}

int64_t load_came(const struct load *load, uint32_t site, uint32_t modality, int hour)
{
    return load->came[(site * load->population->modality_count + modality) * LOAD_WEEK_HOURS + (size_t)hour];
}

int64_t load_asked_micro(const struct load *load, uint32_t site, uint32_t modality, int hour)
{
    double sum = 0;
    for (uint32_t i = 0; i < load->population->stream_count; i++) {
        const struct stream_state *state = &load->streams[i];
        for (size_t c = 0; c < state->cell_count; c++) {
            bool ours = state->cells[c].site == site && state->cells[c].modality == modality;
            sum = ours ? sum + state->cells[c].a_year * state->asked[hour] : sum;
        }
    }
    return real_round(sum * MICRO);
}
