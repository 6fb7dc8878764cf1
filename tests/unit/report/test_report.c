/* SPDX-License-Identifier: MIT
 *
 * The report of a made-up run: two organisations' worth of nodes, a story, names that want to be markup. The folder is
 * left under $PONT_REPORT_FOLDER when that is set, so that tests/report/report.sh can look at it with other programs. */
#include "tests/unit/unit.h"

#include "src/actor/serial.h"
#include "src/base/buffer.h"
#include "src/report/report.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVIL "<script>alert(1)</script> & \"quoted\" 'x' ]]>"
#define BAD_BYTES "caf\xE9 \xED\xA0\x80 \xFF\xFE \x01"

static struct site sites[] = {{.id = SLICE("north"), .name = SLICE("North"), .issuer = SLICE("NOR")}, {.id = SLICE("south"), .name = SLICE(EVIL), .issuer = SLICE("SOU")},
                              {.id = SLICE("west"), .name = SLICE(BAD_BYTES), .issuer = SLICE("WES")}};
static struct vendor_profile vendor = {.vendor = SLICE("plain"), .title = SLICE("Plain <b>PACS</b>")};
static struct scenario_node nodes[] = {
    {.id = SLICE("pacs_north"), .name = SLICE("University Hospital of the North"), .site = 0, .kind = KIND_PACS, .vendor = &vendor},
    {.id = SLICE("pacs_south"), .name = SLICE(EVIL), .site = 1, .kind = KIND_PACS, .vendor = &vendor},
    {.id = SLICE("pacs_west"), .name = SLICE(BAD_BYTES), .site = 2, .kind = KIND_PACS, .vendor = &vendor},
    {.id = SLICE("pacs_p"), .name = SLICE("Morganstown Infirmary"), .site = 0, .kind = KIND_PACS, .vendor = &vendor},
    {.id = SLICE("pacs_q"), .name = SLICE("Ysbyty Gŵyr"), .site = 2, .kind = KIND_PACS, .vendor = &vendor},
    {.id = SLICE("mdt"), .name = SLICE("MDT room"), .site = 1, .kind = KIND_VIEWER},
    {.id = SLICE("ws"), .name = SLICE("Clinic workstation"), .site = 0, .kind = KIND_VIEWER},
    {.id = SLICE("watcher"), .site = 0, .kind = KIND_VIEWER},
    {.id = SLICE("radis2"), .name = SLICE("RADIS2"), .site = 0, .kind = KIND_RIS},
    {.id = SLICE("hub"), .name = SLICE("Pont"), .site = 0, .kind = KIND_ENGINE}};
static struct person persons[] = {{.id = SLICE("woman")}};
static struct scenario_study studies[] = {{.id = SLICE("ct"), .study_uid = SLICE("1.2.3"), .text = SLICE("CT " EVIL), .node = 0}};
static struct expectation wanted[] = {{.id = SLICE("a"), .text = SLICE("Priors " EVIL), .kind = BOUND_MIN, .low = 2}, {.id = SLICE("b"), .text = SLICE(BAD_BYTES), .kind = BOUND_ALL}};
static struct scenario scenario = {.id = SLICE(EVIL), .title = SLICE("A run of " EVIL), .note = SLICE(BAD_BYTES), .file = SLICE("scenarios/x.yaml"), .seed = 7, .sites = sites, .site_count = 3,
                                   .nodes = nodes, .node_count = sizeof nodes / sizeof nodes[0], .persons = persons, .person_count = 1, .studies = studies, .study_count = 1,
                                   .start = 1000 * TIME_S};

static struct arena arena;
static char folder[256];
static struct expectation_result held[2];
static struct evidence proofs[2][3];
static struct story_line story[200];
static struct transfer_result transfers[25];
static struct node_result node_results[5];
static int64_t times[] = {20 * TIME_MS, 40 * TIME_MS, 90 * TIME_MS, 1200 * TIME_MS};
static struct results results;

static void tell(const char *from, const char *to, const char *kind, const char *text, int64_t count, int64_t bytes, bool bad)
{
    size_t i = results.story_count++;
    story[i] = (struct story_line){.at_ns = 1000 * TIME_S + (time_ns)i * 300 * TIME_MS, .from = slice_from(from), .to = slice_from(to), .kind = slice_from(kind), .text = slice_from(text),
                                   .count = count, .bytes = bytes, .bad = bad, .line = 1 + (int64_t)(i % 6)};
    story[i].study_uid = bytes > 0 ? SLICE("1.2.3") : SLICE_EMPTY;
}

static void tell_story(void)
{
    tell("radis2", "", "step", "radis2: order ct", 1, 0, false);
    tell("radis2", "hub", "hl7", "ORM^O01 SC", 1, 0, false);
    tell("hub", "pacs_north", "move", "PONT", 1, 0, false);
    tell("hub", "mdt", "store", "", 24, 4000000, false);
    tell("pacs_south", "", "fault", "down", 1, 0, true);
    tell("ws", "", "step", "ws: query " EVIL, 1, 0, false);
    tell("ws", "hub", "find", "STUDY PatientName=" EVIL, 0, 0, false);
    tell("hub", "ws", "answer", "incomplete: " EVIL, 7, 0, true);
    tell("pacs_south", "", "event", "down", -1, 0, false);
    tell("hub", "", "fault", "killed", 1, 0, true);
    tell("hub", "", "event", "restarted", -1, 0, false);
    for (int i = 0; i < 60; i++) { /* more than one piece */
        tell("hub", i % 2 == 0 ? "pacs_west" : "pacs_p", "store", "", i, 10000 * i + 1, false);
    }
}

static void tell_rest(void)
{
    results = (struct results){.scenario = &scenario, .world = SLICE("wire"), .sut_name = SLICE("pont"), .sentence = SLICE("It fell short: " EVIL " " BAD_BYTES), .verdict = VERDICT_FAIL, .lives = 2,
                               .story = story, .transfers = transfers, .transfer_count = 25, .nodes = node_results, .node_count = 5, .expectations = held, .expectation_count = 2,
                               .latency = {{4, times, 4}, {1, times, 1}}};
    proofs[0][0] = (struct evidence){.violation = true, .text = "study " EVIL " was shown", .lines = {1, 2, 99}, .line_count = 3, .life = 1, .step = 2};
    proofs[0][1] = (struct evidence){.text = "cut in the middle of \xC5", .lines = {3}, .line_count = 1, .life = 2, .step = 1};
    proofs[1][0] = (struct evidence){.text = "held", .life = 3, .step = 77};
    results.invariants[INVARIANT_right_patient] = (struct invariant_result){2, 1, proofs[0], 2};
    results.invariants[INVARIANT_bounded] = (struct invariant_result){1, 0, proofs[1], 1};
    held[0] = (struct expectation_result){.expectation = &wanted[0], .value = 1};
    held[1] = (struct expectation_result){.expectation = &wanted[1], .value = 3, .pass = true};
    for (uint32_t i = 0; i < 5; i++) {
        node_results[i] = (struct node_result){i, i, 10 * i, i == 0 ? SLICE_EMPTY : SLICE("find_pending_ff01 x12, " EVIL " x3"), SLICE("assume_issuer x2")};
    }
    for (int i = 0; i < 25; i++) {
        transfers[i] = (struct transfer_result){.id = i, .state = i % 3 == 0 ? 6 : 4, .proof = 1, .wanted = 24, .delivered = 24, .attempts = 1, .reason = 2, .study_uid = i == 1 ? SLICE("9.9") : SLICE("1.2.3"),
                                                .destination = SLICE("mdt"), .why = i % 3 == 0 ? SLICE("=cmd|" EVIL) : SLICE_EMPTY, .accepted_at = 0, .ended_at = 1500 * TIME_MS};
    }
}

static void write_lines(void)
{
    char path[300], text[4096];
    snprintf(path, sizeof path, "%s/observations.jsonl", folder);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 8; i++) {
        struct buffer line = buffer_over(text, sizeof text);
        struct observation seen = {.kind = OBSERVATION_query_answered, .at_ns = 1000 * TIME_S + i, .actor = SLICE("ws"), .name = SLICE(EVIL), .text = SLICE(BAD_BYTES), .latency_ns = 5};
        observation_put_json(&seen, &line);
        fprintf(file, "%.*s\n", (int)line.size, line.data);
    }
    fclose(file);
    snprintf(path, sizeof path, "%s/trace.jsonl", folder);
    file = fopen(path, "w");
    for (int life = 1; life <= 2; life++) {
        for (int step = 1; step <= 3; step++) {
            fprintf(file, "{\"t\":%lld,\"n\":%d,\"in\":\"RECEIVED\",\"text\":\"life %d " EVIL "\"}\n{\"t\":%lld,\"out\":\"SEND\"}\n", (long long)(1000 * TIME_S), step, life, (long long)(1000 * TIME_S));
        }
    }
    fclose(file);
}

static void remove_folder(void)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    (void)!system(command);
}

static void make_folder(void)
{
    const char *kept = getenv("PONT_REPORT_FOLDER");
    snprintf(folder, sizeof folder, "%s", kept != NULL ? kept : "/tmp/pont-report-XXXXXX");
    ck_assert(kept != NULL ? mkdir(folder, 0700) == 0 || access(folder, W_OK) == 0 : mkdtemp(folder) != NULL);
    char plots[300];
    snprintf(plots, sizeof plots, "%s/plots", folder);
    (void)mkdir(plots, 0700);
    if (kept == NULL) {
        ck_assert_int_eq(atexit(remove_folder), 0);
    }
}

static void write_report(void)
{
    char why[256] = "";
    ck_assert_int_eq(arena_make(&arena, 128u << 20), ERR_OK);
    make_folder();
    tell_rest();
    tell_story();
    write_lines();
    ck_assert_msg(report_write(&results, folder, NULL, why, &arena) == ERR_OK, "%s", why);
}

static char *read_back(const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    char *text = arena_alloc(&arena, 16u << 20);
    ck_assert_ptr_nonnull(text);
    size_t size = fread(text, 1, (16u << 20) - 1, file);
    fclose(file);
    ck_assert_uint_gt(size, 0);
    return text;
}

START_TEST(no_name_from_outside_becomes_markup)
{
    write_report();
    const char *page = read_back("index.html");
    ck_assert_ptr_null(strstr(page, "<script>alert"));
    ck_assert_ptr_nonnull(strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quoted&quot; &#39;x&#39;"));
    ck_assert_ptr_null(strstr(page, "<b>PACS</b>"));
    size_t scripts = 0;
    for (const char *at = page; (at = strstr(at, "<script")) != NULL; at++) {
        scripts++;
    }
    ck_assert_uint_eq(scripts, 1); /* our own */
}
END_TEST

START_TEST(the_page_is_utf_8_whatever_the_names_are)
{
    write_report();
    const unsigned char *page = (const unsigned char *)read_back("index.html");
    for (size_t i = 0; page[i] != 0; i++) {
        size_t more = page[i] < 0x80 ? 0 : page[i] >= 0xC2 && page[i] < 0xE0 ? 1 : page[i] >= 0xE0 && page[i] < 0xF0 ? 2 : page[i] >= 0xF0 && page[i] < 0xF5 ? 3 : 9;
        ck_assert_msg(more < 9, "byte %02X at %zu", page[i], i);
        for (; more > 0; more--) {
            ck_assert_uint_eq(page[++i] & 0xC0, 0x80);
        }
    }
}
END_TEST

START_TEST(the_page_asks_nobody_for_anything)
{
    write_report();
    const char *page = read_back("index.html");
    static const char *const calls[] = {"src=", "@import", "url(", "fetch(", "XMLHttpRequest", "<link", "<iframe", "http-equiv"};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        ck_assert_msg(strstr(page, calls[i]) == NULL, "the page has %s", calls[i]);
    }
    for (const char *at = page; (at = strstr(at, "href=\"")) != NULL; at++) {
        ck_assert_msg(at[6] == '#' || strncmp(at + 6, "data:text/csv", 13) == 0, "a link leads to %.40s", at + 6);
    }
}
END_TEST

START_TEST(every_link_leads_to_something_on_the_page)
{
    write_report();
    const char *page = read_back("index.html");
    size_t links = 0;
    for (const char *at = page; (at = strstr(at, "href=\"#")) != NULL; at++, links++) {
        char anchor[64];
        int size = (int)strcspn(at + 7, "\"");
        snprintf(anchor, sizeof anchor, "id=\"%.*s\"", size, at + 7);
        ck_assert_msg(strstr(page, anchor) != NULL, "nothing is %s", anchor);
    }
    ck_assert_uint_gt(links, 60);
    ck_assert_ptr_nonnull(strstr(page, "href=\"#o1\""));
    ck_assert_ptr_nonnull(strstr(page, "href=\"#e1-2\""));
    ck_assert_ptr_null(strstr(page, "href=\"#o99\"")); /* there is no such line */
    ck_assert_ptr_null(strstr(page, "#e3-77"));
}
END_TEST

START_TEST(a_step_of_a_second_life_shows_that_life)
{
    write_report();
    const char *page = read_back("index.html"), *at = strstr(page, "id=\"e2-1\"");
    ck_assert_ptr_nonnull(at);
    const char *shown = strstr(at, "life 2 ");
    ck_assert(shown != NULL && shown - at < 600);
}
END_TEST

START_TEST(the_verdict_stands_first_and_how_to_repeat_it_last)
{
    write_report();
    const char *page = read_back("index.html");
    const char *verdict = strstr(page, "class=\"verdict fail\""), *table = strstr(page, "<table"), *foot = strstr(page, "build/pont run scenarios/x.yaml --world wire --seed 7");
    ck_assert(verdict != NULL && table != NULL && verdict < table);
    ck_assert(foot != NULL && strstr(foot, "<h2") == NULL);
    ck_assert_ptr_nonnull(strstr(page, "✗ violated:</b> study &lt;script"));
}
END_TEST

START_TEST(a_formula_in_a_csv_cell_is_text)
{
    write_report();
    ck_assert_ptr_nonnull(strstr(read_back("index.html"), "%22%27%3Dcmd%7C")); /* "'=cmd| */
}
END_TEST

START_TEST(results_json_says_what_the_contract_wants)
{
    write_report();
    json_error_t error;
    json_t *json = json_loads(read_back("results.json"), 0, &error);
    ck_assert_msg(json != NULL, "line %d: %s", error.line, error.text);
    static const char *const keys[] = {"pont", "verdict", "scenario", "world", "seed", "sut", "trace_hash", "state_digest", "outcome_digest", "time", "counts", "latency_ms", "invariants", "expectations",
                                       "nodes", "resources", "build"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        ck_assert_msg(json_object_get(json, keys[i]) != NULL, "%s is missing", keys[i]);
    }
    ck_assert_str_eq(json_string_value(json_object_get(json, "verdict")), "fail");
    json_t *invariants = json_object_get(json, "invariants"), *first = json_array_get(invariants, 0);
    ck_assert_uint_eq(json_array_size(invariants), 2); /* what had no case is absent */
    ck_assert_str_eq(json_string_value(json_object_get(first, "id")), "right-patient");
    ck_assert_int_eq(json_integer_value(json_object_get(first, "violations")), 1);
    ck_assert_ptr_null(json_object_get(json, "fidelity"));
    json_decref(json);
}
END_TEST

START_TEST(junit_xml_names_what_failed)
{
    write_report();
    const char *xml = read_back("junit.xml");
    ck_assert_ptr_nonnull(strstr(xml, "<testsuite name=\"invariants\" tests=\"2\" failures=\"1\" errors=\"0\""));
    ck_assert_ptr_nonnull(strstr(xml, "<testcase classname=\"invariants\" name=\"right-patient\"><failure message=\"study &lt;script&gt;"));
    ck_assert_ptr_nonnull(strstr(xml, "<testcase classname=\"invariants\" name=\"bounded\"/>"));
    ck_assert_ptr_nonnull(strstr(xml, "<failure message=\"wanted at least 2, got 1\"/>"));
    ck_assert_ptr_null(strstr(xml, "<script>"));
}
END_TEST

START_TEST(a_run_that_did_not_end_is_an_error_in_junit_xml)
{
    char why[256];
    write_report();
    results.error = SLICE("the engine ended: " EVIL);
    results.verdict = VERDICT_INCONCLUSIVE;
    ck_assert_int_eq(report_write(&results, folder, NULL, why, &arena), ERR_OK);
    ck_assert_ptr_nonnull(strstr(read_back("junit.xml"), "<testsuite name=\"run\" tests=\"1\" failures=\"0\" errors=\"1\""));
    ck_assert_ptr_nonnull(strstr(read_back("index.html"), "class=\"verdict inconclusive\""));
}
END_TEST

START_TEST(a_run_of_nothing_still_makes_a_page)
{
    char why[256];
    ck_assert_int_eq(arena_make(&arena, 128u << 20), ERR_OK);
    make_folder();
    results = (struct results){.scenario = &scenario, .world = SLICE("wire"), .error = SLICE("nothing ran"), .verdict = VERDICT_INCONCLUSIVE, .sentence = SLICE("Nothing ran.")};
    ck_assert_msg(report_write(&results, folder, NULL, why, &arena) == ERR_OK, "%s", why);
    ck_assert_ptr_nonnull(strstr(read_back("index.html"), "This scenario tells no story"));
}
END_TEST

START_TEST(the_summary_names_violations_and_how_to_repeat)
{
    char text[1 << 15] = "";
    struct buffer summary = buffer_over(text, sizeof text - 1);
    write_report();
    report_put_summary(&results, folder, false, &summary);
    ck_assert_int_eq(strncmp(text, "fail  ", 6), 0);
    ck_assert_ptr_nonnull(strstr(text, "\n  violated right-patient: study "));
    ck_assert_ptr_nonnull(strstr(text, "\n  repeat: build/pont run scenarios/x.yaml --world wire --seed 7\n"));
    ck_assert_ptr_null(strstr(text, "\033["));
}
END_TEST

UNIT_MAIN(a_run_of_nothing_still_makes_a_page, a_run_that_did_not_end_is_an_error_in_junit_xml, no_name_from_outside_becomes_markup, the_page_is_utf_8_whatever_the_names_are,
          the_page_asks_nobody_for_anything, every_link_leads_to_something_on_the_page, a_step_of_a_second_life_shows_that_life, the_verdict_stands_first_and_how_to_repeat_it_last,
          a_formula_in_a_csv_cell_is_text, results_json_says_what_the_contract_wants, junit_xml_names_what_failed, the_summary_names_violations_and_how_to_repeat)
