/* SPDX-License-Identifier: MIT
 *
 * The chapters of a year, drawn from made-up figures. The folder is left under $PONT_YEAR_FOLDER when that is set. */
#include "tests/unit/unit.h"

#include "src/bench/series.h"
#include "src/report/json_private.h"
#include "src/report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MONTHS 12
#define DAYS 365
#define START 1262304000 /* 2010-01-01T00:00:00Z */

static struct site sites[] = {{.id = SLICE("cardiff"), .name = SLICE("Cardiff <and> Vale")}, {.id = SLICE("velindre"), .name = SLICE("Velindre")}, {.id = SLICE("silent"), .name = SLICE("Silent House")}};
static struct vendor_profile agfa = {.vendor = SLICE("agfa"), .title = SLICE("Agfa")}, insignia = {.vendor = SLICE("insignia"), .title = SLICE("Insignia & Co")};
static struct scenario_node nodes[] = {{.id = SLICE("pacs_uhw"), .name = SLICE("University Hospital of Wales"), .site = 0, .kind = KIND_PACS, .vendor = &agfa},
                                       {.id = SLICE("pacs_velindre"), .name = SLICE("Velindre"), .site = 1, .kind = KIND_PACS, .vendor = &insignia},
                                       {.id = SLICE("hub"), .name = SLICE("Pont"), .site = 0, .kind = KIND_ENGINE}};
static struct scenario scenario = {.id = SLICE("year"), .title = SLICE("A made-up year"), .file = SLICE("scenarios/x.yaml"), .seed = 7, .sites = sites, .site_count = 3, .nodes = nodes, .node_count = 3};

static struct series_month months[MONTHS];
static struct series_day days[DAYS];
static int64_t exams[2][MONTHS], bytes[2][MONTHS], carried[MONTHS], capacity[MONTHS];
static struct series_site site_rows[3];
static struct series_node node_rows[3];
static struct series_link links[] = {{.name = SLICE("cardiff - velindre"), .bytes = 9000000000, .bytes_by_month = carried, .capacity_by_month = capacity, .outages = 1, .down_ns = 40 * TIME_MIN}};
static struct series_outage outages[] = {
    {.id = SLICE("crash"), .effect = SLICE("crash"), .node = 0, .from_ns = (START + 40 * 86400) * TIME_S, .until_ns = (START + 40 * 86400 + 7200) * TIME_S, .exams_late = 12, .queries_partial = 3},
    {.id = SLICE("work"), .effect = SLICE("down"), .node = 1, .from_ns = (START + 90 * 86400) * TIME_S, .until_ns = (START + 92 * 86400) * TIME_S, .planned = true},
    {.id = SLICE("cable"), .effect = SLICE("partition"), .node = 3, .from_ns = (START + 300 * 86400) * TIME_S}};
static struct series_window windows[] = {{.from_ns = START * TIME_S, .count = 100, .missed = 1, .value = 40, .burnt = 0.5}, {.from_ns = (START + 31 * 86400) * TIME_S, .count = 90, .missed = 9, .value = 400, .burnt = 4}};
static struct series_objective objectives[] = {{.id = SLICE("publish"), .text = SLICE("Published within two minutes <p95>"), .unit = SLICE("ms"), .bound = 120000, .windows = windows, .window_count = 2, .count = 190, .value = 61200, .low = 58000, .high = 65000, .pass = true},
                                               {.id = SLICE("mdt"), .unit = SLICE("%"), .bound = 98, .at_least = true}};
static struct series series = {.months = months, .month_count = MONTHS, .days = days, .day_count = DAYS, .first_day_ns = START * TIME_S, .sites = site_rows, .nodes = node_rows, .links = links, .link_count = 1,
                               .outages = outages, .outage_count = 3, .objectives = objectives, .objective_count = 2};
static struct node_result node_results[2] = {{.node = 0}, {.node = 1}};
static struct results results;
static struct arena arena;
static char folder[256];
static char page[2 << 20];

static void fill(void)
{
    for (int m = 0; m < MONTHS; m++) {
        int64_t from = time_from_calendar((struct calendar){.year = 2010, .month = m + 1, .day = 1}), until = time_from_calendar((struct calendar){.year = m == 11 ? 2011 : 2010, .month = m == 11 ? 1 : m + 2, .day = 1});
        int64_t n = 1000 + 900 * m;
        months[m] = (struct series_month){2010, m + 1, from, until, n, n - 3, 60 * n, 35000000 * n, 6 * n, n, 12 * TIME_S, (40 + 5 * m) * TIME_S, m == 0 ? 0 : n / 3, m == 0 ? 0 : n / 3 - 2 * m, 1500, 1480, n / 2, m, 85000000 * n / 2, n / 4, m};
        exams[0][m] = n / 2;
        bytes[0][m] = 30000000000ll * (m + 1);
        bytes[1][m] = 3000000000ll * (m + 1);
        carried[m] = 700000000ll * (m + 1);
        capacity[m] = 20000000000000;
    }
    for (int d = 0; d < DAYS; d++) {
        days[d] = (struct series_day){(d + 4) % 7 >= 5 ? 20 : 200 + d, 10 * TIME_S, d == 40 || d == 90};
    }
    site_rows[0] = (struct series_site){.exams = 60000, .published = 59980, .publish_count = 1, .publish_p50_ns = 12 * TIME_S, .publish_p95_ns = 80 * TIME_S, .transfers_in = 5, .bytes_in = 400000000, .transfers_out = 900, .bytes_out = 76000000000, .priors_wanted = 7, .priors_ready = 7, .mdt_cases = 18000, .mdt_ready = 17900, .exams_by_month = exams[0]};
    site_rows[1] = (struct series_site){.exams = 6000, .published = 6000, .transfers_in = 900, .exams_by_month = exams[1]};
    node_rows[0] = (struct series_node){.studies = 60000, .bytes = 360000000000, .bytes_by_month = bytes[0], .outages = 2, .planned = 1, .down_ns = 4 * TIME_HOUR, .finds = 1000, .finds_failed = 4, .moves = 900, .moves_failed = 2};
    node_rows[1] = (struct series_node){.studies = 6000, .bytes = 36000000000, .bytes_by_month = bytes[1]};
    results = (struct results){.scenario = &scenario, .world = SLICE("virtual"), .sut_name = SLICE("pont"), .sentence = SLICE("A year."), .verdict = VERDICT_PASS, .lives = 1, .nodes = node_results, .node_count = 2, .series = &series};
}

static void make_page(void)
{
    const char *kept = getenv("PONT_YEAR_FOLDER");
    char why[256], path[300];
    snprintf(folder, sizeof folder, "%s", kept != NULL ? kept : "/tmp/pont-year-XXXXXX");
    ck_assert(kept != NULL ? mkdir(folder, 0777) == 0 : mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/plots", folder);
    ck_assert_int_eq(mkdir(path, 0777), 0);
    ck_assert_int_eq(arena_make(&arena, 64u << 20), ERR_OK);
    fill();
    ck_assert_int_eq(report_write(&results, folder, NULL, why, &arena), ERR_OK);
    snprintf(path, sizeof path, "%s/index.html", folder);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    fclose(file);
}

static void drop_page(void)
{
    char command[400];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert(getenv("PONT_YEAR_FOLDER") != NULL || system(command) == 0);
    arena_drop(&arena);
}

static size_t count_of(const char *what)
{
    size_t count = 0;
    for (const char *at = page; (at = strstr(at, what)) != NULL; at++) {
        count++;
    }
    return count;
}

START_TEST(every_day_of_the_year_is_one_cell)
{
    make_page();
    ck_assert_uint_eq(count_of(" exams</title></rect>"), DAYS + MONTHS);
    ck_assert_ptr_nonnull(strstr(page, "<title>2010-12-31: "));
    ck_assert_uint_eq(count_of("class=\"down\"><title>"), 2);
    ck_assert_ptr_nonnull(strstr(page, "The busiest was 2010-12-31 with 564 exams. On 2 of 365 days"));
    drop_page();
}
END_TEST

START_TEST(a_picture_says_its_finding_with_the_number_of_cases)
{
    make_page();
    ck_assert_ptr_nonnull(strstr(page, "71,400 exams, 71,364 of them published"));
    ck_assert_ptr_nonnull(strstr(page, "98.7 % of MDT cases had everything when the meeting began"));
    ck_assert_ptr_nonnull(strstr(page, "n = 18,000 cases"));
    ck_assert_ptr_nonnull(strstr(page, "2010-01: ")); /* January wanted no priors: a dash, no bar of height 0 */
    ck_assert_ptr_nonnull(strstr(page, "class=\"soft tick\">–</text>"));
    drop_page();
}
END_TEST

START_TEST(a_window_that_burnt_its_budget_is_marked)
{
    make_page();
    ck_assert_ptr_nonnull(strstr(page, "window good\" title=\"from 2010-01-01"));
    ck_assert_ptr_nonnull(strstr(page, "window wrong\" title=\"from 2010-02-01"));
    ck_assert_ptr_nonnull(strstr(page, "400 % of the budget used"));
    ck_assert_ptr_nonnull(strstr(page, "no case"));
    ck_assert_ptr_nonnull(strstr(page, "&lt;p95&gt;"));
    drop_page();
}
END_TEST

START_TEST(an_outage_says_where_how_long_and_what_it_cost)
{
    make_page();
    ck_assert_ptr_nonnull(strstr(page, "3 faults, 1 of them planned work"));
    ck_assert_ptr_nonnull(strstr(page, "link cardiff - velindre"));
    ck_assert_ptr_nonnull(strstr(page, "not healed"));
    ck_assert_ptr_nonnull(strstr(page, "2.0 d"));
    drop_page();
}
END_TEST

/* Forty cable cuts an hour apart, of which three cost something. */
START_TEST(of_many_outages_those_that_cost_something_stand_first)
{
    struct series_outage many[40];
    struct series_outage *before = series.outages;
    size_t count = series.outage_count;
    for (size_t i = 0; i < 40; i++) {
        many[i] = outages[1];
        many[i].from_ns = outages[1].from_ns + (time_ns)i * TIME_HOUR;
        many[i].until_ns = many[i].from_ns + TIME_MIN;
        many[i].exams_late = i == 7 ? 3 : i == 20 ? 111 : 0;
        many[i].queries_partial = i == 30 ? 5 : 0;
    }
    series.outages = many;
    series.outage_count = 40;
    make_page();
    const char *dearest = strstr(page, "<td class=\"n\">111</td>"), *next = strstr(page, "<td class=\"n\">5</td></tr>"), *last = strstr(page, "<td class=\"n\">3</td><td");
    ck_assert(dearest != NULL && next != NULL && last != NULL && dearest < next && next < last);
    ck_assert_ptr_nonnull(strstr(page, "The other 37 cost nothing"));
    series.outages = before;
    series.outage_count = count;
    drop_page();
}
END_TEST

START_TEST(a_place_where_nothing_happened_has_no_row)
{
    make_page();
    ck_assert_ptr_nonnull(strstr(page, "Cardiff &lt;and&gt; Vale"));
    ck_assert_ptr_null(strstr(page, "Silent House"));
    ck_assert_ptr_nonnull(strstr(page, "Insignia &amp; Co"));
    ck_assert_ptr_nonnull(strstr(page, "at most 0.04 % of what it can carry"));
    ck_assert_ptr_nonnull(strstr(page, "University Hospital of Wales: 0.36 TB at the end"));
    drop_page();
}
END_TEST

START_TEST(results_json_holds_the_same_months_places_and_faults)
{
    make_page();
    json_t *json = json_series(&results);
    ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(json_object_get(json, "months"), 1), "exams")), 1900);
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(json_object_get(json, "months"), 11), "month")), "2010-12");
    ck_assert_uint_eq(json_array_size(json_object_get(json, "archives")), 2); /* the engine is none */
    ck_assert_str_eq(json_string_value(json_object_get(json_array_get(json_object_get(json, "faults"), 2), "at")), "cardiff - velindre");
    ck_assert(json_is_null(json_object_get(json_array_get(json_object_get(json, "faults"), 2), "until")));
    json_decref(json);
    drop_page();
}
END_TEST

START_TEST(what_began_together_stands_in_one_row)
{
    struct series_outage alone = outages[1];
    outages[1].from_ns = outages[0].from_ns;
    outages[1].until_ns = outages[0].until_ns;
    outages[1].effect = outages[0].effect;
    outages[1].planned = false;
    make_page();
    ck_assert_ptr_nonnull(strstr(page, "University Hospital of Wales, Velindre</td>"));
    ck_assert_ptr_nonnull(strstr(page, "link cardiff - velindre")); /* the one after it is still there */
    outages[1] = alone;
    drop_page();
}
END_TEST

UNIT_MAIN(every_day_of_the_year_is_one_cell, a_picture_says_its_finding_with_the_number_of_cases, a_window_that_burnt_its_budget_is_marked, an_outage_says_where_how_long_and_what_it_cost, of_many_outages_those_that_cost_something_stand_first,
          a_place_where_nothing_happened_has_no_row, results_json_holds_the_same_months_places_and_faults, what_began_together_stands_in_one_row)
