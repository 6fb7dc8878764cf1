/* SPDX-License-Identifier: MIT
 *
 * Wales: a population for the tests of the load, with the figures of scenarios/south-east-wales-year.yaml: fifteen sites in
 * seven identity domains, three streams, the meetings of a week. Held against what comes out. */
#ifndef PONT_TESTS_LOAD_WALES_H
#define PONT_TESTS_LOAD_WALES_H

#include <stdlib.h>

#include "sim/load/load.h"

enum { XR, MG, US, CT, MR, RF, XA, NM, PT, MODALITIES };
enum { CAV, VCC, CTS, CTN, GWE, ABW, ABE, DOMAINS };
enum { TEACHING, GENERAL, COMMUNITY, CENTRE, MIXES };
enum { NODE_PACS_FIRST = 0, NODE_VIEWER_FIRST = DOMAINS, NODE_RIS = 2 * DOMAINS, NODES };
enum { PATH_OUTPATIENT, PATH_INPATIENT, PATH_EMERGENCY, PATHS };

static const slice node_names[NODES] = {{"pacs_cav", 8}, {"pacs_vcc", 8}, {"pacs_cts", 8}, {"pacs_ctn", 8}, {"pacs_gwe", 8}, {"pacs_abw", 8}, {"pacs_abe", 8},
                                        {"ws_cav", 6},   {"ws_vcc", 6},   {"ws_cts", 6},   {"ws_ctn", 6},   {"ws_gwe", 6},   {"ws_abw", 6},   {"ws_abe", 6},
                                        {"radis2", 6}};

static const int64_t mixes[MIXES][MODALITIES] = {
    [TEACHING] = {510000, 8000, 205000, 135000, 76000, 28000, 15000, 20000, 3000},
    [GENERAL] = {566000, 14000, 226000, 104000, 53000, 24000, 3000, 10000, 0},
    [COMMUNITY] = {800000, 0, 200000, 0, 0, 0, 0, 0, 0},
    [CENTRE] = {180000, 0, 110000, 420000, 140000, 20000, 0, 130000, 0},
};
static const int64_t mix_morriston[MODALITIES] = {510000, 8000, 208000, 135000, 76000, 28000, 15000, 20000, 0};
static const int64_t enrolled[MODALITIES] = {60000, 350000, 80000, 240000, 100000, 80000, 50000, 300000, 950000};
static const int64_t enrolled_all[MODALITIES] = {MICRO, MICRO, MICRO, MICRO, MICRO, MICRO, MICRO, MICRO, MICRO};
static const int64_t shares[3][MODALITIES] = {
    {500000, MICRO, 840000, 600000, 920000, 800000, 450000, 880000, MICRO},
    {200000, 0, 130000, 280000, 70000, 180000, 450000, 120000, 0},
    {300000, 0, 30000, 120000, 10000, 20000, 100000, 0, 0},
};

static const struct {
    const char *id;
    uint32_t domain, mix;
    int64_t exams;
} places[] = {
    {"uhw", CAV, TEACHING, 226038}, {"uhl", CAV, GENERAL, 98436},    {"cavc", CAV, COMMUNITY, 40104}, {"vcc", VCC, CENTRE, 14738},     {"rgh", CTS, GENERAL, 108062},
    {"pch", CTN, GENERAL, 83595},   {"ctfc", CTS, COMMUNITY, 12233}, {"rgw", GWE, GENERAL, 201574},   {"nhh", GWE, GENERAL, 116913},    {"gwec", GWE, COMMUNITY, 84661},
    {"mor", ABW, TEACHING, 135138}, {"sin", ABW, GENERAL, 86338},    {"pow", ABE, GENERAL, 97600},    {"npt", ABE, GENERAL, 48800},     {"abmc", ABW, COMMUNITY, 7508},
};
#define PLACES (sizeof places / sizeof places[0])
#define EXAMS_ALL 1361738
#define EXAMS_PILOT 137972

/* Day, start in minutes, mean list, weeks between. */
static const struct {
    const char *id;
    uint32_t site;
    uint8_t weekday;
    uint16_t minute;
    int64_t cases;
    uint32_t every;
} boards[] = {
    {"breast-uhl", 1, 1, 480, 21, 1},     {"breast-rgw", 7, 2, 480, 20, 1},   {"breast-rgh", 4, 3, 510, 14, 1}, {"breast-sin", 11, 0, 480, 17, 1}, {"breast-pow", 12, 4, 750, 12, 1},
    {"lung-uhl", 1, 2, 750, 14, 1},       {"lung-rgw", 7, 1, 750, 15, 1},     {"lung-rgh", 4, 3, 750, 12, 1},   {"lung-mor", 10, 0, 750, 14, 1},   {"lung-pow", 12, 2, 510, 8, 1},
    {"colorectal-uhw", 0, 4, 480, 12, 1}, {"colorectal-rgw", 7, 3, 480, 12, 1}, {"colorectal-nhh", 8, 3, 780, 7, 1}, {"colorectal-rgh", 4, 1, 780, 7, 1}, {"colorectal-pch", 5, 1, 510, 6, 1},
    {"colorectal-mor", 10, 2, 480, 10, 1}, {"colorectal-pow", 12, 3, 750, 7, 1}, {"urology-uhw", 0, 3, 840, 17, 1}, {"urology-rgw", 7, 0, 780, 12, 1}, {"urology-rgh", 4, 4, 780, 8, 1},
    {"urology-mor", 10, 4, 480, 12, 1},   {"uppergi-uhw", 0, 0, 750, 15, 1},  {"uppergi-mor", 10, 1, 750, 10, 1}, {"hpb-uhw", 0, 2, 960, 8, 1},     {"gynae-uhl", 1, 4, 750, 14, 1},
    {"gynae-sin", 11, 3, 540, 8, 1},      {"headneck-uhw", 0, 1, 840, 12, 1}, {"headneck-mor", 10, 0, 840, 7, 1}, {"haem-uhw", 0, 2, 780, 12, 1},   {"haem-rgw", 7, 4, 540, 7, 1},
    {"haem-sin", 11, 1, 540, 8, 1},       {"skin-uhw", 0, 0, 960, 9, 2},      {"skin-mor", 10, 0, 960, 9, 2},   {"brain-uhw", 0, 2, 540, 7, 1},    {"sarcoma-mor", 10, 4, 840, 6, 1},
    {"thyroid-uhw", 0, 2, 840, 5, 2},     {"site-vcc", 3, 3, 960, 8, 1},
};
#define BOARDS (sizeof boards / sizeof boards[0])
#define DISCUSSIONS 18353 /* 390.5 a week, 47 weeks */

static const struct population_affinity affinity[] = {
    {VCC, GWE, 380000}, {VCC, CAV, 330000}, {VCC, CTS, 150000}, {VCC, CTN, 120000}, {VCC, ABW, 10000},  {VCC, ABE, 10000},  {CAV, GWE, 450000}, {CAV, CTS, 240000},
    {CAV, CTN, 160000}, {CAV, ABW, 70000},  {CAV, ABE, 80000},  {ABE, CTS, 250000}, {ABE, CAV, 250000}, {ABE, ABW, 500000}, {GWE, CTN, 300000}, {GWE, CAV, 500000},
    {GWE, VCC, 200000}, {CTS, CAV, 500000}, {CTS, CTN, 300000}, {CTS, ABE, 100000}, {CTS, VCC, 100000}, {CTN, GWE, 250000}, {CTN, CTS, 450000}, {CTN, CAV, 300000},
    {ABW, ABE, 700000}, {ABW, CAV, 300000},
};
static const int64_t at_two_pilot[DOMAINS] = {230000, 900000, 230000, 230000, 230000, 230000, 230000};

/* 1 Jan, 2 and 5 Apr, 3 and 31 May, 30 Aug, 27 and 28 Dec 2010. */
static const int32_t holidays_2010[] = {14610, 14701, 14704, 14732, 14760, 14851, 14970, 14971};
#define START_2010 ((time_ns)14610 * TIME_DAY)

struct wales {
    struct population population;
    struct opening openings[2];
    struct population_domain domains[DOMAINS];
    struct population_site sites[PLACES];
    struct population_modality modalities[MODALITIES];
    struct population_stream streams[3];
    struct pathway pathways[PATHS];
    struct pathway_step steps[PATHS][12];
    struct distribution acquire[MODALITIES], report[3][MODALITIES];
    struct shape hours[3], days[3], months, ramp;
    struct population_meeting meetings[BOARDS];
    uint32_t all_sites[PLACES];
    struct distribution_point views[5], mammograms[3];
};

static inline struct distribution lognormal(double median, double sigma)
{
    return (struct distribution){.kind = DISTRIBUTION_LOGNORMAL, .a = median, .b = sigma};
}
static inline struct distribution fixed(double value)
{
    return (struct distribution){.kind = DISTRIBUTION_FIXED, .a = value};
}
static inline struct distribution poisson_plus(double mean, double plus)
{
    return (struct distribution){.kind = DISTRIBUTION_POISSON, .a = mean, .plus = plus};
}

static inline void wales_shapes(struct wales *w)
{
    static const int64_t hours[3][24] = {
        {0, 0, 0, 0, 0, 0, 0, 0, 90, 135, 140, 135, 85, 90, 125, 120, 70, 10},
        {12, 12, 12, 12, 12, 12, 12, 20, 50, 80, 95, 95, 75, 70, 85, 85, 75, 55, 45, 40, 35, 25, 20, 16},
        {22, 18, 15, 13, 12, 12, 14, 20, 36, 65, 78, 80, 76, 73, 73, 73, 74, 74, 62, 60, 55, 47, 38, 29},
    };
    static const int64_t days[3][7] = {{970, 1030, 1030, 1020, 950, 50, 10}, {1050, 1030, 1020, 1010, 1000, 550, 500}, {1120, 1020, 980, 970, 960, 960, 990}};
    static const int64_t months[12] = {1060, 1000, 1000, 1030, 1030, 1050, 990, 980, 1030, 970, 960, 970};
    static const int64_t ramp[12] = {100, 200, 350, 500, 650, 800, 900, 1000, 1000, 1000, 1000, 1000};
    w->months = (struct shape){.id = SLICE("months"), .kind = SHAPE_MONTHS, .count = 12};
    w->ramp = (struct shape){.id = SLICE("ramp"), .kind = SHAPE_RAMP, .count = 12};
    for (int s = 0; s < 3; s++) {
        w->hours[s] = (struct shape){.id = SLICE("hours"), .kind = SHAPE_HOURS, .count = 24};
        w->days[s] = (struct shape){.id = SLICE("days"), .kind = SHAPE_DAYS, .count = 7};
        for (int i = 0; i < 24; i++) {
            w->hours[s].weights_micro[i] = hours[s][i] * 1000;
        }
        for (int i = 0; i < 7; i++) {
            w->days[s].weights_micro[i] = days[s][i] * 1000;
        }
    }
    for (int i = 0; i < 12; i++) {
        w->months.weights_micro[i] = months[i] * 1000;
        w->ramp.weights_micro[i] = ramp[i] * 1000;
    }
}

static inline void wales_modalities(struct wales *w)
{
    static const struct distribution_point views[5] = {{1, 0.42}, {2, 0.40}, {3, 0.10}, {4, 0.05}, {5, 0.03}}, mammograms[3] = {{2, 0.15}, {4, 0.75}, {6, 0.10}};
    static const char *const ids[MODALITIES] = {"XR", "MG", "US", "CT", "MR", "RF", "XA", "NM", "PT"};
    memcpy(w->views, views, sizeof views);
    memcpy(w->mammograms, mammograms, sizeof mammograms);
    const struct distribution images[MODALITIES] = {
        {.kind = DISTRIBUTION_PMF, .points = w->views, .point_count = 5}, {.kind = DISTRIBUTION_PMF, .points = w->mammograms, .point_count = 3},
        lognormal(14, 0.7), lognormal(200, 0.9), lognormal(200, 0.6), lognormal(14, 0.7), lognormal(9, 0.6), lognormal(4, 0.7), lognormal(600, 0.35)};
    const struct distribution bytes[MODALITIES] = {lognormal(8e6, 0.25), lognormal(24e6, 0.45), lognormal(0.7e6, 0.5), fixed(527000), lognormal(190000, 0.5),
                                                   fixed(2e6), lognormal(14e6, 0.8), fixed(600000), fixed(290000)};
    for (int m = 0; m < MODALITIES; m++) {
        w->modalities[m] = (struct population_modality){.id = slice_from(ids[m]), .images = images[m], .series = fixed(1), .image_bytes = bytes[m]};
        w->acquire[m] = lognormal(12.0 * (double)TIME_MIN, 0.4);
    }
    w->modalities[XR].code = SLICE("CR");
    w->modalities[XR].other_code = SLICE("DX");
    w->modalities[XR].other_micro = 200000;
    w->modalities[CT].series = poisson_plus(3, 1);
    w->modalities[MR].series = poisson_plus(6, 1);
}

static inline void wales_paths(struct wales *w)
{
    static const char *const ids[PATHS] = {"outpatient", "inpatient", "emergency"};
    const double hour = (double)TIME_HOUR;
    for (int p = 0; p < PATHS; p++) {
        for (int m = 0; m < MODALITIES; m++) {
            bool cross = m == CT || m == MR || m == PT || m == NM;
            w->report[p][m] = m == US ? lognormal(0.3 * hour, 0.7) : p == PATH_OUTPATIENT ? lognormal((cross ? 72 : 48) * hour, 0.9) : cross ? lognormal((p == PATH_INPATIENT ? 5 : 1) * hour, 0.9) : lognormal(36 * hour, 0.9);
        }
        struct distribution waits[PATHS] = {lognormal(21 * 24 * hour, 0.5), lognormal(5 * hour, 0.9), lognormal(hour / 3, 0.6)};
        const struct pathway_step steps[] = {
            {.kind = STEP_ORDER},
            {.kind = STEP_WAIT, .time = waits[p], .calendar = p == PATH_OUTPATIENT ? 0 : NONE_OF},
            {.kind = STEP_NO_SHOW, .chance_micro = p == PATH_OUTPATIENT ? 87700 : 0},
            {.kind = STEP_ARRIVE, .chance_micro = p == PATH_EMERGENCY ? 10000 : 0},
            {.kind = STEP_ACQUIRE, .time_by = w->acquire},
            {.kind = STEP_STORE, .late_series_micro = 30000, .reject_micro = 5000},
            {.kind = STEP_PUBLISH},
            {.kind = STEP_REPORT, .time_by = w->report[p], .calendar = NONE_OF},
            {.kind = STEP_LOOK, .mean_micro = 250000, .chance_micro = 600000},
        };
        memcpy(w->steps[p], steps, sizeof steps);
        static const int days[PATHS] = {60, 10, 2};
        w->pathways[p] = (struct pathway){.id = slice_from(ids[p]), .steps = w->steps[p], .step_count = sizeof steps / sizeof steps[0], .wait_max = days[p] * TIME_DAY};
    }
}

static inline void wales_sites(struct wales *w, bool pilot)
{
    static const char *const issuers[DOMAINS] = {"CAV", "VEL", "CTS", "CTN", "GWE", "ABW", "ABE"};
    static const char *const forms[DOMAINS] = {"CAV#######", "VEL######", "CTS#######", "CTN#######", "GWE########", "ABW#######", "ABE#######"};
    for (uint32_t d = 0; d < DOMAINS; d++) {
        w->domains[d] = (struct population_domain){slice_from(issuers[d]), slice_from(issuers[d]), slice_from(forms[d]), NODE_RIS};
    }
    for (uint32_t s = 0; s < PLACES; s++) {
        uint32_t d = places[s].domain;
        w->all_sites[s] = s;
        w->sites[s] = (struct population_site){.id = slice_from(places[s].id), .domain = d, .exams_micro = places[s].exams * MICRO,
                                               .mix_micro = places[s].domain == ABW && places[s].mix == TEACHING ? mix_morriston : mixes[places[s].mix],
                                               .pacs = NODE_PACS_FIRST + d, .viewer = NODE_VIEWER_FIRST + d, .reading = NONE_OF,
                                               .enrolled_micro = pilot && d == VCC ? enrolled_all : NULL};
    }
}

static inline void wales_meetings(struct wales *w)
{
    for (size_t i = 0; i < BOARDS; i++) {
        w->meetings[i] = (struct population_meeting){.id = slice_from(boards[i].id), .site = boards[i].site, .viewer = NODE_VIEWER_FIRST + places[boards[i].site].domain,
                                                     .weekday = boards[i].weekday, .minute = boards[i].minute, .every_weeks = boards[i].every, .weeks_micro = 47 * MICRO,
                                                     .calendar = 0, .cases_micro = boards[i].cases * MICRO, .spread_micro = 250000, .closes = TIME_DAY,
                                                     .late_micro = 150000, .in_meeting_micro = 50000, .external_micro = 350000};
    }
}

/* The pilot: only people with cancer; with its ramp. Otherwise everybody. */
static inline struct population *wales_make(struct wales *w, bool pilot, bool ramp)
{
    static const char *const streams[3] = {"elective", "inpatient", "emergency"};
    *w = (struct wales){.openings = {{SLICE("working_week"), 0x1F, 8 * 60, 17 * 60, holidays_2010, 8, 6}, {SLICE("nights"), 0x7F, 20 * 60, 6 * 60, NULL, 0, 6}}};
    wales_shapes(w);
    wales_modalities(w);
    wales_paths(w);
    wales_sites(w, pilot);
    wales_meetings(w);
    for (int s = 0; s < 3; s++) {
        w->streams[s] = (struct population_stream){.id = slice_from(streams[s]), .process = PROCESS_POISSON, .sites = w->all_sites, .site_count = PLACES, .share_by_micro = shares[s],
                                                   .scale_micro = MICRO, .day_noise_micro = 80000, .hours = &w->hours[s], .days = &w->days[s], .months = s < 2 ? &w->months : NULL,
                                                   .calendar = 0, .holiday_micro = s == 2 ? 1100000 : 0, .pathway = (uint32_t)s};
    }
    struct population *p = &w->population;
    *p = (struct population){.zone = ZONE_LONDON, .nodes = node_names, .node_count = NODES, .openings = w->openings, .opening_count = 2, .domains = w->domains, .domain_count = DOMAINS,
                             .sites = w->sites, .site_count = PLACES, .modalities = w->modalities, .modality_count = MODALITIES, .streams = w->streams, .stream_count = 3,
                             .pathways = w->pathways, .pathway_count = PATHS, .meetings = w->meetings, .meeting_count = BOARDS};
    population_defaults(p);
    p->patients = (struct population_patients){.count = pilot ? 23000 : 680000, .nhs_missing_micro = 40000, .nhs_wrong_micro = 3000, .at_two_micro = 90000,
                                               .at_two_by_micro = pilot ? at_two_pilot : NULL, .affinity = affinity, .affinity_count = sizeof affinity / sizeof affinity[0],
                                               .hard_letters_micro = 1000, .accents_micro = 10000, .twins_micro = 15000, .maiden_micro = 15000, .duplicates_micro = 30000,
                                               .merges_micro = (pilot ? 60 : 3600) * (int64_t)MICRO, .unmerges_micro = (pilot ? 2 : 36) * (int64_t)MICRO,
                                               .enrolled_micro = pilot ? enrolled : NULL, .ramp = ramp ? &w->ramp : NULL};
    if (pilot) {
        p->priors = (struct population_priors){.count = {.kind = DISTRIBUTION_NEGATIVE_BINOMIAL, .a = 6, .b = 0.11}, .age = {.kind = DISTRIBUTION_LOGNORMAL, .a = 270.0 * (double)TIME_DAY, .b = 1.6, .maximum = 5475.0 * (double)TIME_DAY},
                                               .within = 90 * TIME_DAY, .early_micro = 800000, .calendar = 1};
        for (size_t i = 0; ramp && i < BOARDS; i++) {
            w->meetings[i].ramp = &w->ramp;
        }
    }
    return p;
}

#endif
