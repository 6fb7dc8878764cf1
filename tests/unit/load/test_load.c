/* SPDX-License-Identifier: MIT
 *
 * The generator against what was asked of it. */
#include "sim/load/load.h"

#include <math.h>

#include "sim/load/opening.h"
#include "src/base/hash.h"
#include "tests/unit/load/wales.h"
#include "tests/unit/unit.h"

#define YEAR (365 * TIME_DAY)

static struct wales wales;
static struct load_row row;

struct made {
    struct arena arena;
    struct load *load;
    struct load_setup setup;
};

static void open(struct made *made, const struct population *population, time_ns start, time_ns length, uint64_t seed)
{
    made->setup = (struct load_setup){.population = population, .seed = seed, .start = start, .length = length};
    char why[256] = "";
    ck_assert_msg(population_check(population, why, sizeof why) == ERR_OK, "%s", why);
    ck_assert_int_eq(arena_make(&made->arena, load_memory(&made->setup)), ERR_OK);
    ck_assert_int_eq(load_init(&made->load, &made->setup, &made->arena), ERR_OK);
}

static const struct load_counts *run(struct made *made)
{
    enum err err = ERR_OK;
    while ((err = load_next(made->load, &row)) == ERR_OK) {
    }
    ck_assert_int_eq(err, ERR_NOT_FOUND);
    return load_count(made->load);
}

static bool within(double got, double wanted, double share)
{
    return fabs(got - wanted) <= share * wanted;
}

static slice get(const char *name)
{
    return plan_get(&row.entry, name);
}

/* ---- A year. */

START_TEST(a_pilot_year_has_the_exams_images_messages_and_discussions_that_were_asked_for)
{
    struct made made;
    open(&made, wales_make(&wales, true, false), START_2010, YEAR, 42);
    const struct load_counts *counts = run(&made);
    ck_assert_msg(within((double)counts->exams, EXAMS_PILOT, 0.01), "%lld exams", (long long)counts->exams);
    ck_assert_msg(within((double)load_messages(counts), 6.41 * (double)counts->exams, 0.01), "%lld messages", (long long)load_messages(counts));
    ck_assert_msg(within((double)counts->discussions, DISCUSSIONS, 0.01), "%lld discussions", (long long)counts->discussions);
    ck_assert_msg(within((double)counts->meetings, 35.5 * 47, 0.02), "%lld meetings", (long long)counts->meetings);
    ck_assert_msg(within((double)counts->images, 14.94e6, 0.02), "%lld images", (long long)counts->images);
    ck_assert_msg(within((double)counts->bytes, 8.6e12, 0.02), "%g bytes", (double)counts->bytes);
    ck_assert_msg(within((double)counts->rows[LOAD_PRIOR_COMPLETE], 138000, 0.03), "%lld priors", (long long)counts->rows[LOAD_PRIOR_COMPLETE]);
    ck_assert_int_eq(counts->rows[LOAD_PRIOR_COMPLETE], counts->rows[LOAD_PRIOR_STORED]);
    struct load_expected expected;
    load_expect(&made.setup, &expected);
    ck_assert(within((double)expected.exams, (double)counts->exams, 0.01));
    ck_assert(within((double)expected.priors, (double)counts->rows[LOAD_PRIOR_COMPLETE], 0.03));
    ck_assert(within((double)expected.meetings_names, (double)counts->discussions, 0.05));
    int64_t studies = 0;
    for (uint32_t n = 0; n < NODES; n++) {
        studies += expected.studies[n];
    }
    ck_assert(within((double)studies, (double)(counts->rows[LOAD_STORED] + counts->rows[LOAD_PRIOR_STORED]), 0.02));
    ck_assert_int_eq(expected.persons, 23000);
    ck_assert_int_eq(counts->rows[LOAD_COMPLETE], counts->exams);
    ck_assert_int_eq(counts->rows[LOAD_STORED], counts->exams);
    arena_drop(&made.arena);
}
END_TEST

START_TEST(with_its_ramp_the_pilot_has_71_of_a_hundred_of_them)
{
    struct made made;
    open(&made, wales_make(&wales, true, true), START_2010, YEAR, 42);
    const struct load_counts *counts = run(&made);
    ck_assert_msg(within((double)counts->exams, 98000, 0.01), "%lld exams", (long long)counts->exams);
    ck_assert_msg(within((double)load_messages(counts), 6.41 * (double)counts->exams, 0.01), "%lld messages", (long long)load_messages(counts));
    ck_assert_msg(within((double)counts->discussions, 0.708 * DISCUSSIONS, 0.03), "%lld discussions", (long long)counts->discussions);
    arena_drop(&made.arena);
}
END_TEST

/* Chi-square of what came against what was asked, cells of less than ten pooled; how many standard deviations it is off. */
struct chi {
    double sum, came, asked;
    int freedom;
};

static void chi_add(struct chi *chi, double came, double asked)
{
    chi->came += came;
    chi->asked += asked;
    if (chi->asked >= 10) {
        chi->sum += (chi->came - chi->asked) * (chi->came - chi->asked) / chi->asked;
        chi->freedom++;
        chi->came = chi->asked = 0;
    }
}

/* Wilson and Hilferty: the cube root of a chi-square is nearly normal. */
static double chi_deviation(const struct chi *chi)
{
    double n = chi->freedom, part = 2.0 / (9.0 * n);
    return (cbrt(chi->sum / n) - (1 - part)) / sqrt(part);
}

START_TEST(each_hour_of_the_week_has_its_share_of_each_modality_and_site)
{
    struct made made;
    struct population *population = wales_make(&wales, true, false);
    struct chi by_modality[MODALITIES] = {0}, by_site[PLACES] = {0};
    for (int s = 0; s < 3; s++) {
        wales.streams[s].day_noise_micro = 0; /* which is more than a Poisson process has */
    }
    open(&made, population, START_2010, YEAR, 42);
    (void)run(&made);
    double came_all = 0, asked_all = 0;
    for (int hour = 0; hour < LOAD_WEEK_HOURS; hour++) {
        double came[PLACES] = {0}, asked[PLACES] = {0};
        for (uint32_t m = 0; m < MODALITIES; m++) {
            double came_here = 0, asked_here = 0;
            for (uint32_t s = 0; s < PLACES; s++) {
                double got = (double)load_came(made.load, s, m, hour), wanted = (double)load_asked_micro(made.load, s, m, hour) / MICRO;
                came_here += got;
                asked_here += wanted;
                came[s] += got;
                asked[s] += wanted;
            }
            chi_add(&by_modality[m], came_here, asked_here);
            came_all += came_here;
            asked_all += asked_here;
        }
        for (uint32_t s = 0; s < PLACES; s++) {
            chi_add(&by_site[s], came[s], asked[s]);
        }
    }
    ck_assert_msg(within(asked_all, EXAMS_PILOT, 0.0005), "asked for %g", asked_all);
    ck_assert_msg(within(came_all, asked_all, 0.01), "came %g", came_all);
    for (int m = 0; m < MODALITIES; m++) {
        ck_assert_msg(by_modality[m].freedom < 3 || fabs(chi_deviation(&by_modality[m])) < 3.5, "modality %d is %g deviations off", m, chi_deviation(&by_modality[m]));
    }
    for (size_t s = 0; s < PLACES; s++) {
        ck_assert_msg(by_site[s].freedom < 3 || fabs(chi_deviation(&by_site[s])) < 3.5, "site %s is %g deviations off", places[s].id, chi_deviation(&by_site[s]));
    }
    arena_drop(&made.arena);
}
END_TEST

START_TEST(the_chi_square_sees_a_shape_that_is_bent)
{
    struct made made;
    struct chi chi = {0};
    open(&made, wales_make(&wales, true, false), START_2010, YEAR, 42);
    (void)run(&made);
    for (int hour = 0; hour < LOAD_WEEK_HOURS; hour++) {
        double came = 0, asked = 0;
        for (uint32_t s = 0; s < PLACES; s++) {
            came += (double)load_came(made.load, s, CT, hour);
            asked += (double)load_asked_micro(made.load, s, CT, (hour + 1) % LOAD_WEEK_HOURS) / MICRO; /* an hour off */
        }
        chi_add(&chi, came, asked);
    }
    ck_assert(chi_deviation(&chi) > 10);
    arena_drop(&made.arena);
}
END_TEST

/* ---- Order, sameness. */

static uint64_t fold_row(uint64_t hash)
{
    hash = hash64(hash ^ (uint64_t)row.at_ns ^ ((uint64_t)row.node << 40), row.entry.verb);
    for (size_t i = 0; i < row.entry.argument_count; i++) {
        hash = hash64(hash64(hash, row.entry.arguments[i].name), row.entry.arguments[i].value);
    }
    return hash;
}

static uint64_t hash_of(const struct population *population, time_ns start, time_ns length, uint64_t seed, int64_t speed)
{
    struct made made;
    uint64_t hash = 0;
    time_ns last = 0;
    int64_t id = 0;
    open(&made, population, start, length, seed);
    made.setup.speed = speed;
    arena_reset(&made.arena);
    memset(made.arena.memory, 0, made.arena.size);
    ck_assert_int_eq(load_init(&made.load, &made.setup, &made.arena), ERR_OK);
    while (load_next(made.load, &row) == ERR_OK) {
        ck_assert_int_ge(row.at_ns, last);
        ck_assert_int_eq(row.entry.id, ++id);
        last = row.at_ns;
        hash = fold_row(hash);
    }
    arena_drop(&made.arena);
    return hash;
}

START_TEST(rows_come_in_order_and_the_same_seed_gives_the_same_rows)
{
    const struct population *population = wales_make(&wales, true, true);
    uint64_t first = hash_of(population, START_2010, 60 * TIME_DAY, 1, 1);
    ck_assert_uint_eq(first, hash_of(population, START_2010, 60 * TIME_DAY, 1, 1));
    ck_assert_uint_ne(first, hash_of(population, START_2010, 60 * TIME_DAY, 2, 1));
}
END_TEST

/* The same whoever compiled it, at whatever level: what this build must give. */
START_TEST(every_build_makes_the_same_plan)
{
    ck_assert_uint_eq(hash_of(wales_make(&wales, true, true), START_2010, 60 * TIME_DAY, 2009, 1), UINT64_C(14642005333712394951));
}
END_TEST

START_TEST(speed_divides_the_waits_of_the_plan)
{
    struct made made;
    open(&made, wales_make(&wales, true, false), START_2010, 2 * TIME_DAY, 1);
    made.setup.speed = 15;
    memset(made.arena.memory, 0, made.arena.size);
    arena_reset(&made.arena);
    ck_assert_int_eq(load_init(&made.load, &made.setup, &made.arena), ERR_OK);
    int64_t completes = 0;
    while (load_next(made.load, &row) == ERR_OK) {
        int64_t at = plan_get_int(&row.entry, "scheduled_at", START_2010);
        ck_assert(at >= START_2010 && at < START_2010 + 2 * TIME_DAY / 15);
        completes += row.what == LOAD_COMPLETE && row.at_ns < START_2010 + 2 * TIME_DAY / 15 + TIME_HOUR;
    }
    ck_assert_int_ge(completes, load_count(made.load)->exams * 9 / 10);
    arena_drop(&made.arena);
}
END_TEST

/* Keys of the exams of one stream, whatever else there is. */
static int64_t exams_of(const struct population *population, int64_t *sum)
{
    struct made made;
    int64_t count = 0;
    open(&made, population, START_2010, 7 * TIME_DAY, 3);
    *sum = 0;
    while (load_next(made.load, &row) == ERR_OK) {
        bool ours = row.what == LOAD_COMPLETE && slice_equal(get("modality"), SLICE("MR")) && row.site == 0;
        *sum += ours ? row.study % 1000003 + row.at_ns % 1000003 : 0;
        count += ours;
    }
    arena_drop(&made.arena);
    return count;
}

START_TEST(a_stream_less_moves_nobody_elses_draws)
{
    int64_t with = 0, without = 0;
    struct population *population = wales_make(&wales, true, false);
    wales.streams[2].scale_micro = 0; /* no emergencies, but the same people */
    wales.streams[1].scale_micro = 0;
    int64_t count = exams_of(population, &with);
    wales.streams[0].site_count = 1; /* the teaching hospital alone */
    population->meeting_count = 3;
    population->priors.count = fixed(0);
    ck_assert_int_gt(count, 20);
    ck_assert_int_eq(exams_of(population, &without), count);
    ck_assert_int_eq(without, with);
}
END_TEST

/* ---- What single rows say. */

START_TEST(appointments_lie_in_working_hours_and_so_do_their_orders)
{
    struct made made;
    struct population *population = wales_make(&wales, true, false);
    int64_t orders = 0, inside = 0, ordered = 0;
    wales.streams[1].scale_micro = wales.streams[2].scale_micro = 0;
    population->priors.count = fixed(0);
    population->meeting_count = 0;
    open(&made, population, START_2010, 130 * TIME_DAY, 5);
    while (load_next(made.load, &row) == ERR_OK) {
        if (row.what == LOAD_COMPLETE) {
            time_ns at = plan_get_int(&row.entry, "completed_at", 0), local = at + zone_offset(ZONE_LONDON, at);
            int hour = (int)(local % TIME_DAY / TIME_HOUR);
            ck_assert(hour >= 8 && hour < 20);
            inside += zone_weekday(zone_day(local)) < 5;
            ck_assert(!opening_is_holiday(&wales.openings[0], zone_day(local)) || zone_weekday(zone_day(local)) < 5);
        }
        if (row.what == LOAD_ORDER && row.at_ns > START_2010 + 8 * TIME_DAY) {
            orders++;
            ordered += opening_next(&wales.openings[0], ZONE_LONDON, row.at_ns) == row.at_ns;
        }
    }
    ck_assert_int_ge(inside * 1000, load_count(made.load)->exams * 985);
    ck_assert_int_ge(ordered * 1000, orders * 999);
    arena_drop(&made.arena);
}
END_TEST

START_TEST(the_missing_hour_has_no_exams_and_the_doubled_one_twice_as_many)
{
    struct made made;
    int64_t spring[24] = {0}, autumn[24] = {0}, plain[24] = {0};
    struct population *population = wales_make(&wales, false, false);
    wales.streams[0].scale_micro = wales.streams[1].scale_micro = 0;
    wales.streams[2].scale_micro = 20 * (int64_t)MICRO; /* so that one hour tells */
    population->meeting_count = 0;
    const time_ns days[3] = {14610 + 86, 14610 + 303, 14610 + 296}; /* 28 March, 31 and 24 October */
    int64_t *hours[3] = {spring, autumn, plain};
    for (int d = 0; d < 3; d++) {
        open(&made, population, (days[d] - 1) * TIME_DAY, 3 * TIME_DAY, 5);
        while (load_next(made.load, &row) == ERR_OK) {
            time_ns at = row.what == LOAD_SCHEDULE ? plan_get_int(&row.entry, "scheduled_at", 0) : 0, local = at + zone_offset(ZONE_LONDON, at);
            if (zone_day(local) == days[d]) {
                hours[d][local % TIME_DAY / TIME_HOUR]++;
            }
        }
        arena_drop(&made.arena);
    }
    ck_assert_int_eq(spring[1], 0);
    ck_assert_int_gt(spring[0], 100);
    ck_assert_int_gt(spring[2], 100);
    ck_assert_int_ge(autumn[1] * 10, plain[1] * 17);
    ck_assert_int_le(autumn[1] * 10, plain[1] * 23);
}
END_TEST

START_TEST(a_bank_holiday_is_like_a_sunday)
{
    struct made made;
    int64_t holiday = 0, monday = 0;
    open(&made, wales_make(&wales, true, false), START_2010 + 115 * TIME_DAY, 20 * TIME_DAY, 42);
    while (load_next(made.load, &row) == ERR_OK) {
        int32_t day = row.what == LOAD_COMPLETE ? zone_day(plan_get_int(&row.entry, "completed_at", 0)) : 0;
        holiday += day == 14732; /* 3 May 2010 */
        monday += day == 14732 + 7;
    }
    ck_assert_int_lt(holiday * 4, monday);
    arena_drop(&made.arena);
}
END_TEST

START_TEST(what_is_said_of_an_exam_stands_in_the_order_of_an_exam)
{
    struct made made;
    static uint8_t said[1 << 20];
    enum { REGISTERED = 1, ORDERED = 2, STORED = 4, COMPLETED = 8 };
    memset(said, 0, sizeof said);
    open(&made, wales_make(&wales, true, false), START_2010, 40 * TIME_DAY, 8);
    while (load_next(made.load, &row) == ERR_OK) {
        uint8_t *exam = &said[(uint64_t)row.study * UINT64_C(0x9E3779B97F4A7C15) >> 44];
        if (row.study < 0 || row.what == LOAD_PRIOR_STORED || row.what == LOAD_PRIOR_COMPLETE || row.what == LOAD_PRIOR_REGISTER) {
            continue;
        }
        switch (row.what) {
        case LOAD_ORDER:
            *exam |= ORDERED;
            break;
        case LOAD_SCHEDULE:
        case LOAD_ARRIVE:
        case LOAD_CANCEL:
            ck_assert(*exam & ORDERED);
            break;
        case LOAD_COMPLETE:
            ck_assert(*exam & ORDERED);
            *exam |= COMPLETED;
            break;
        case LOAD_LATE_SERIES:
        case LOAD_REJECTED:
            ck_assert(*exam & STORED);
            break;
        case LOAD_STORED:
            *exam |= STORED;
            break;
        default:
            break;
        }
    }
    arena_drop(&made.arena);
}
END_TEST

START_TEST(accession_numbers_are_distinct_and_have_the_form_of_their_domain)
{
    struct made made;
    static uint8_t taken[DOMAINS][1 << 20];
    memset(taken, 0, sizeof taken);
    open(&made, wales_make(&wales, true, false), START_2010, 60 * TIME_DAY, 8);
    while (load_next(made.load, &row) == ERR_OK) {
        int64_t number = 0;
        slice accession = get("accession");
        if (row.what != LOAD_STORED) {
            continue;
        }
        uint32_t domain = places[row.site].domain;
        ck_assert(slice_starts(accession, wales.domains[domain].issuer));
        ck_assert_uint_eq(accession.size, wales.domains[domain].accession.size);
        ck_assert(slice_to_int64(slice_after(accession, 3), &number) && number > 0 && number < 1 << 20);
        ck_assert_int_eq(taken[domain][number]++, 0);
    }
    arena_drop(&made.arena);
}
END_TEST

START_TEST(lists_close_in_time_and_late_names_come_after)
{
    struct made made;
    int64_t main = 0, late = 0, in_meeting = 0, lists = 0;
    open(&made, wales_make(&wales, true, false), START_2010, 200 * TIME_DAY, 11);
    while (load_next(made.load, &row) == ERR_OK) {
        if (row.what != LOAD_MEETING) {
            continue;
        }
        int64_t names = 1;
        for (size_t i = 0; i < get("person").size; i++) {
            names += get("person").data[i] == '\\';
        }
        time_ns begins = plan_get_int(&row.entry, "meeting_at", 0);
        int32_t day = zone_day(begins + zone_offset(ZONE_LONDON, begins));
        ck_assert(!opening_is_holiday(&wales.openings[0], day));
        ck_assert(slice_starts(get("node"), SLICE("ws_")));
        bool closing = row.at_ns <= begins - TIME_DAY + TIME_S;
        main += closing ? names : 0;
        lists += closing;
        late += !closing && row.at_ns < begins;
        in_meeting += row.at_ns >= begins;
    }
    double all = (double)(main + late + in_meeting);
    ck_assert_int_gt(lists, 800);
    ck_assert(within((double)main, 0.80 * all, 0.02));
    ck_assert(within((double)late, 0.15 * all, 0.07));
    ck_assert(within((double)in_meeting, 0.05 * all, 0.12));
    arena_drop(&made.arena);
}
END_TEST

START_TEST(merges_end_a_second_number_and_mistakes_are_undone)
{
    struct made made;
    struct population *population = wales_make(&wales, true, false);
    int64_t right = 0, wrong = 0, undone = 0;
    population->patients.merges_micro = 300 * (int64_t)MICRO;
    population->patients.unmerges_micro = 40 * (int64_t)MICRO;
    open(&made, population, START_2010, YEAR, 12);
    while (load_next(made.load, &row) == ERR_OK) {
        if (row.what == LOAD_MERGE || row.what == LOAD_UNMERGE) {
            ck_assert(get("number").size > 0 && get("prior_number").size > 0 && !slice_equal(get("number"), get("prior_number")));
            wrong += get("wrong").size > 0;
            right += row.what == LOAD_MERGE && get("wrong").size == 0;
            undone += row.what == LOAD_UNMERGE;
            ck_assert(row.what == LOAD_MERGE || get("prior_person").size > 0);
        }
    }
    ck_assert_int_ge(right, 250);
    ck_assert_int_le(right, 350);
    ck_assert_int_ge(wrong, 20);
    ck_assert_int_eq(undone, wrong);
    arena_drop(&made.arena);
}
END_TEST

/* ---- Faults. */

START_TEST(every_fault_ends_and_there_are_as_many_as_their_rate_says)
{
    static const uint32_t pacs[DOMAINS] = {0, 1, 2, 3, 4, 5, 6}, links[2] = {NODES, NODES + 1};
    const struct population_fault faults[] = {
        {.id = SLICE("crash"), .effect = SLICE("crash"), .targets = pacs, .target_count = DOMAINS, .when = FAULT_RATE, .rate_micro = 20 * (int64_t)MICRO, .calendar = NONE_OF, .length = lognormal(2.0 * (double)TIME_HOUR, 1.0)},
        {.id = SLICE("planned"), .effect = SLICE("down"), .targets = pacs, .target_count = DOMAINS, .when = FAULT_OPENING, .calendar = 1, .week_of_month = 1, .length = fixed(2.0 * (double)TIME_HOUR), .announced = true},
        {.id = SLICE("turn"), .effect = SLICE("partition"), .targets = links, .target_count = 2, .in_turn = true, .when = FAULT_EVERY, .every = 30 * TIME_DAY, .calendar = NONE_OF, .length = fixed(10.0 * (double)TIME_MIN)},
    };
    static const struct opening sundays[2] = {{{"working_week", 12}, 0x1F, 480, 1020, NULL, 0, 6}, {{"night_window", 12}, 0x40, 120, 240, NULL, 0, 6}};
    struct made made;
    struct population *population = wales_make(&wales, true, false);
    int64_t began[3] = {0}, open_now[NODES + 2][3] = {{0}};
    population->openings = sundays;
    population->faults = faults;
    population->fault_count = 3;
    population->stream_count = 0;
    population->meeting_count = 0;
    population->priors.count = fixed(0);
    open(&made, population, START_2010, YEAR, 13);
    while (load_next(made.load, &row) == ERR_OK) {
        int f = slice_equal(get("fault"), SLICE("crash")) ? 0 : slice_equal(get("fault"), SLICE("planned")) ? 1 : slice_equal(get("fault"), SLICE("turn")) ? 2 : -1;
        if (f < 0) {
            continue; /* a merge */
        }
        int64_t *held = &open_now[row.node][f];
        *held += row.entry.kind == PLAN_FAULT ? 1 : -1;
        began[f] += row.entry.kind == PLAN_FAULT;
        ck_assert(*held == 0 || *held == 1);
        ck_assert(f != 1 || get("announced").size > 0);
        ck_assert(row.at_ns <= START_2010 + YEAR);
    }
    for (size_t n = 0; n < NODES + 2; n++) {
        ck_assert_int_eq(open_now[n][0] + open_now[n][1] + open_now[n][2], 0);
    }
    ck_assert_int_ge(began[0], 100);
    ck_assert_int_le(began[0], 180);
    ck_assert_int_eq(began[1], 12 * DOMAINS);
    ck_assert_int_eq(began[2], 13 * 2);
    arena_drop(&made.arena);
}
END_TEST

/* ---- Streams by schedule and burst. */

START_TEST(a_schedule_and_a_burst_give_exactly_what_they_say)
{
    static const uint32_t sites[3] = {0, 3, 7};
    static const int64_t mix[MODALITIES] = {[XR] = 700000, [CT] = 300000};
    static const struct pathway_step steps[] = {{.kind = STEP_ORDER}, {.kind = STEP_ACQUIRE, .time = {.kind = DISTRIBUTION_FIXED, .a = 6e10}}, {.kind = STEP_STORE}, {.kind = STEP_REPORT, .calendar = NONE_OF, .time = {.kind = DISTRIBUTION_FIXED, .a = 1.8e11}}};
    static const struct pathway path = {.id = {"short", 5}, .steps = steps, .step_count = 4};
    const struct population_stream streams[] = {
        {.id = SLICE("clinic"), .process = PROCESS_SCHEDULE, .sites = sites, .site_count = 3, .every = 2 * TIME_MIN, .jitter = 20 * TIME_S, .mix_micro = mix, .calendar = NONE_OF},
        {.id = SLICE("rush"), .process = PROCESS_BURST, .sites = sites + 1, .site_count = 1, .at = START_2010 + 8 * TIME_HOUR + 40 * TIME_MIN, .within = TIME_MIN, .count = 20, .mix_micro = mix, .calendar = NONE_OF}};
    struct made made;
    struct population *population = wales_make(&wales, true, false);
    int64_t orders = 0, rush = 0;
    population->streams = streams;
    population->stream_count = 2;
    population->pathways = &path;
    population->pathway_count = 1;
    population->meeting_count = 0;
    population->patients.count = 60;
    population->priors.count = fixed(0);
    open(&made, population, START_2010 + 8 * TIME_HOUR, 90 * TIME_MIN, 14);
    while (load_next(made.load, &row) == ERR_OK) {
        orders += row.what == LOAD_ORDER;
        rush += row.what == LOAD_ORDER && row.site == 3 && row.at_ns >= START_2010 + 8 * TIME_HOUR + 40 * TIME_MIN && row.at_ns < START_2010 + 8 * TIME_HOUR + 41 * TIME_MIN;
    }
    ck_assert_int_eq(orders, 155);
    ck_assert_int_eq(load_count(made.load)->exams, 155);
    ck_assert_int_ge(rush, 20);
    ck_assert_int_le(rush, 22);
    arena_drop(&made.arena);
}
END_TEST

/* ---- Readers. */

#define READ (10 * TIME_MIN)

START_TEST(readers_read_one_at_a_time_in_their_hours_and_the_urgent_first)
{
    static const uint32_t site = 0;
    static const int64_t mix[MODALITIES] = {[CT] = MICRO};
    static const struct pathway_step calm[] = {{.kind = STEP_ORDER}, {.kind = STEP_ACQUIRE, .time = {.kind = DISTRIBUTION_FIXED, .a = 6e10}}, {.kind = STEP_STORE}, {.kind = STEP_REPORT, .calendar = NONE_OF, .time = {.kind = DISTRIBUTION_FIXED, .a = (double)READ}}};
    static const struct pathway_step hasty[] = {{.kind = STEP_ORDER}, {.kind = STEP_ACQUIRE, .time = {.kind = DISTRIBUTION_FIXED, .a = 6e10}}, {.kind = STEP_STORE}, {.kind = STEP_REPORT, .priority = 2, .calendar = NONE_OF, .time = {.kind = DISTRIBUTION_FIXED, .a = (double)READ}}};
    static const struct pathway paths[] = {{.id = {"calm", 4}, .steps = calm, .step_count = 4}, {.id = {"hasty", 5}, .steps = hasty, .step_count = 4}};
    const struct population_stream streams[] = {
        {.id = SLICE("calm"), .process = PROCESS_SCHEDULE, .sites = &site, .site_count = 1, .every = 12 * TIME_MIN, .mix_micro = mix, .calendar = NONE_OF},
        {.id = SLICE("hasty"), .process = PROCESS_BURST, .sites = &site, .site_count = 1, .at = START_2010 + 4 * TIME_DAY, .within = TIME_HOUR, .count = 12, .mix_micro = mix, .calendar = NONE_OF, .pathway = 1}};
    const struct population_staff staff = {.id = SLICE("readers"), .sites = &site, .site_count = 1, .count_micro = 3 * MICRO, .calendar = 0};
    struct made made;
    struct population *population = wales_make(&wales, true, false);
    time_ns finals[4] = {0}, urgent_last = 0, calm_first = 0;
    int64_t nth = 0, urgent = 0;
    static uint8_t hurry[1 << 20];
    memset(hurry, 0, sizeof hurry);
    population->streams = streams;
    population->stream_count = 2;
    population->pathways = paths;
    population->pathway_count = 2;
    population->staff = &staff;
    population->staff_count = 1;
    population->meeting_count = 0;
    population->priors.count = fixed(0);
    open(&made, population, START_2010 + 3 * TIME_DAY, 7 * TIME_DAY, 14); /* a Monday */
    while (load_next(made.load, &row) == ERR_OK) {
        uint8_t *mark = row.study < 0 ? NULL : &hurry[(uint64_t)row.study * UINT64_C(0x9E3779B97F4A7C15) >> 44];
        if (row.what == LOAD_ORDER && (row.at_ns - made.setup.start) % (12 * TIME_MIN) != 6 * TIME_MIN) {
            *mark = 1; /* not on the schedule: of the burst */
        }
        if (row.what != LOAD_FINAL) {
            continue;
        }
        ck_assert(nth < 3 || row.at_ns - finals[nth % 3] >= READ - TIME_S); /* three at once, each for ten minutes */
        time_ns began = row.at_ns - READ;
        ck_assert(opening_next(&wales.openings[0], ZONE_LONDON, began + TIME_S) == began + TIME_S);
        finals[nth++ % 3] = row.at_ns;
        bool tuesday = row.at_ns >= START_2010 + 4 * TIME_DAY + 8 * TIME_HOUR;
        urgent += *mark;
        urgent_last = *mark != 0 ? row.at_ns : urgent_last;
        calm_first = *mark == 0 && tuesday && calm_first == 0 ? row.at_ns : calm_first;
    }
    ck_assert_int_eq(nth, load_count(made.load)->exams);
    ck_assert_int_ge(nth, 5 * 120);
    ck_assert_int_eq(urgent, 12);
    ck_assert_int_ge(calm_first, urgent_last);
    arena_drop(&made.arena);
}
END_TEST

START_TEST(what_makes_no_sense_is_refused_with_a_reason)
{
    char why[128];
    struct population *population = wales_make(&wales, true, false);
    wales.streams[0].pathway = 9;
    ck_assert_int_eq(population_check(population, why, sizeof why), ERR_BAD_INPUT);
    ck_assert_str_eq(why, "elective: no such pathway");
    population = wales_make(&wales, true, false);
    population->patients.count = 0;
    ck_assert_int_eq(population_check(population, why, sizeof why), ERR_BAD_INPUT);
    population = wales_make(&wales, true, false);
    wales.meetings[3].cases_micro = 100 * (int64_t)MICRO;
    ck_assert_int_eq(population_check(population, why, sizeof why), ERR_BAD_INPUT);
    ck_assert_str_eq(why, "breast-sin: a list of more than 64 names");
}
END_TEST

UNIT_MAIN(a_pilot_year_has_the_exams_images_messages_and_discussions_that_were_asked_for,
          with_its_ramp_the_pilot_has_71_of_a_hundred_of_them,
          each_hour_of_the_week_has_its_share_of_each_modality_and_site,
          the_chi_square_sees_a_shape_that_is_bent,
          rows_come_in_order_and_the_same_seed_gives_the_same_rows,
          every_build_makes_the_same_plan,
          speed_divides_the_waits_of_the_plan,
          a_stream_less_moves_nobody_elses_draws,
          appointments_lie_in_working_hours_and_so_do_their_orders,
          the_missing_hour_has_no_exams_and_the_doubled_one_twice_as_many,
          a_bank_holiday_is_like_a_sunday,
          what_is_said_of_an_exam_stands_in_the_order_of_an_exam,
          accession_numbers_are_distinct_and_have_the_form_of_their_domain,
          lists_close_in_time_and_late_names_come_after,
          merges_end_a_second_number_and_mistakes_are_undone,
          every_fault_ends_and_there_are_as_many_as_their_rate_says,
          a_schedule_and_a_burst_give_exactly_what_they_say,
          readers_read_one_at_a_time_in_their_hours_and_the_urgent_first,
          what_makes_no_sense_is_refused_with_a_reason)
