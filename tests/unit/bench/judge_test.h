/* SPDX-License-Identifier: MIT
 *
 * A small scripted run for the judge: two sites with a PACS each, a viewer, RADIS2 and the engine; Ann with a study
 * at either site, Bob with one at the second. Tests add what happens and look at the invariants. */
#ifndef PONT_TESTS_JUDGE_TEST_H
#define PONT_TESTS_JUDGE_TEST_H

#include "tests/unit/unit.h"

#include "src/base/hash.h"
#include "src/bench/judge.h"
#include "src/engine/records.h"
#include "src/engine/state.h"

#include <stdarg.h>
#include <stdio.h>

#define SECOND(n) (1000 * TIME_S + (n) * TIME_S)

static struct site sites[] = {{.id = SLICE("north"), .name = SLICE("North"), .issuer = SLICE("NOR"), .accession = SLICE("NOR")},
                              {.id = SLICE("south"), .name = SLICE("South"), .issuer = SLICE("SOU"), .accession = SLICE("SOU")}};
static struct scenario_node nodes[] = {{.id = SLICE("pacs_north"), .aet = SLICE("NORTH"), .site = 0, .kind = KIND_PACS},
                                       {.id = SLICE("pacs_south"), .aet = SLICE("SOUTH"), .site = 1, .kind = KIND_PACS},
                                       {.id = SLICE("ws"), .aet = SLICE("WS"), .site = 0, .kind = KIND_VIEWER},
                                       {.id = SLICE("ris"), .aet = SLICE("RIS"), .site = 0, .kind = KIND_RIS},
                                       {.id = SLICE("hub"), .aet = SLICE("PONT"), .site = 0, .kind = KIND_ENGINE},
                                       {.id = SLICE("watcher"), .aet = SLICE("WATCHER"), .site = 0, .kind = KIND_VIEWER}};
static struct person persons[] = {{.id = SLICE("ann")}, {.id = SLICE("bob")}};
static struct scenario_study studies[] = {{.id = SLICE("ann_ct"), .person = 0, .node = 0, .modality = SLICE("CT"), .study_uid = SLICE("1.1"), .accession = SLICE("A1"), .date = SLICE("20090601")},
                                          {.id = SLICE("ann_cr"), .person = 0, .node = 1, .modality = SLICE("CR"), .study_uid = SLICE("1.2"), .accession = SLICE("A2"), .date = SLICE("20090701")},
                                          {.id = SLICE("bob_ct"), .person = 1, .node = 1, .modality = SLICE("CT"), .study_uid = SLICE("1.3"), .accession = SLICE("A3"), .date = SLICE("20100101")}};
static struct scenario scenario = {.id = SLICE("unit"), .sites = sites, .site_count = 2, .nodes = nodes, .node_count = 6,
                                   .persons = persons, .person_count = 2, .studies = studies, .study_count = 3};

struct script {
    struct arena arena;
    struct judge *judge;
    struct results results;
    int64_t line, lsn, question;
    char hash[65];
};
static struct script script;

static void see(struct observation seen)
{
    ck_assert_int_eq(judge_observe(script.judge, &seen, ++script.line), ERR_OK);
}
#define SEE(event, second, ...) see((struct observation){.kind = OBSERVATION_##event, .at_ns = SECOND(second), __VA_ARGS__})

static void person(const char *id, const char *issuer, const char *number, const char *nhs, const char *name)
{
    SEE(truth_person, 0, .actor = SLICE("ris"), .person = slice_from(id), .issuer = slice_from(issuer), .patient_id = slice_from(number), .nhs = slice_from(nhs),
        .name = slice_from(name), .text = SLICE("19580411"), .flag = true);
    SEE(hl7_acked, 0, .actor = SLICE("ris"), .person = slice_from(id), .text = SLICE("ADT^A04 AA"));
}

static void instance_at(int second, const char *node, const char *id, const char *number, const char *uid, const char *accession, const char *sop)
{
    SEE(truth_instance, second, .actor = slice_from(node), .person = slice_from(id), .patient_id = slice_from(number), .study_uid = slice_from(uid),
        .accession = slice_from(accession), .sop_uid = slice_from(sop), .dataset_sha256 = slice_from(sop), .pixel_sha256 = SLICE("px"), .count = 10);
}

/* Made once, before Check forks a process for each test: a judge is large. */
__attribute__((constructor)) static void make_judge(void)
{
    if (arena_make(&script.arena, 160u << 20) != ERR_OK || judge_init(&script.judge, &scenario, &script.arena) != ERR_OK) {
        abort();
    }
}

static void begin_world(void)
{
    if (script.judge == NULL) {
        make_judge();
    }
    script.results.scenario = &scenario;
    person("ann", "NOR", "N1", "9990000018", "ROSS^ANN");
    person("ann", "SOU", "S1", "9990000018", "ROSS^ANN");
    person("bob", "SOU", "S2", "9990000026", "HILL^BOB");
    instance_at(1, "pacs_north", "ann", "N1", "1.1", "A1", "1.1.1");
    instance_at(1, "pacs_north", "ann", "N1", "1.1", "A1", "1.1.2");
    instance_at(1, "pacs_south", "ann", "S1", "1.2", "A2", "1.2.1");
    instance_at(1, "pacs_south", "bob", "S2", "1.3", "A3", "1.3.1");
}

static void end_world(void)
{
    script.results.timed = true; /* as in virtual time */
    ck_assert_int_eq(judge_end(script.judge, &script.results), ERR_OK);
}

static int64_t checked(enum invariant invariant)
{
    return script.results.invariants[invariant].checked;
}

/* In which of the two ways did it go? The evidence is printed, so that a failing test says why. */
static void expect(enum invariant invariant, bool holds)
{
    const struct invariant_result *result = &script.results.invariants[invariant];
    for (size_t i = 0; i < result->evidence_count; i++) {
        if (result->evidence[i].violation && holds) {
            printf("# %s\n", result->evidence[i].text);
        }
    }
    ck_assert_msg(result->checked > 0, "%s had no case", invariant_name(invariant));
    ck_assert_msg((result->violations == 0) == holds, "%s has %lld violations of %lld", invariant_name(invariant), (long long)result->violations, (long long)result->checked);
}
__attribute__((unused)) static void expect_holds(enum invariant invariant)
{
    end_world();
    expect(invariant, true);
}
__attribute__((unused)) static void expect_broken(enum invariant invariant)
{
    end_world();
    expect(invariant, false);
}

/* ---- Questions. */
static slice question_id(void)
{
    static char text[24];
    snprintf(text, sizeof text, "%lld", (long long)script.question);
    return slice_from(text);
}
__attribute__((unused)) static void ask(int second, const char *nhs)
{
    script.question++;
    SEE(query_asked, second, .actor = SLICE("ws"), .other_id = question_id(), .text = SLICE("STUDY PatientID=x"), .patient_id = slice_from(nhs), .issuer = SLICE("NHS"));
}
__attribute__((unused)) static void ask_uid(int second, const char *uid)
{
    script.question++;
    SEE(query_asked, second, .actor = SLICE("ws"), .other_id = question_id(), .text = SLICE("STUDY StudyInstanceUID=x"), .study_uid = slice_from(uid));
}
/* A question about nobody in particular. */
__attribute__((unused)) static void ask_kind(int second, const char *keys, const char *expected)
{
    script.question++;
    SEE(query_asked, second, .actor = SLICE("ws"), .other_id = question_id(), .text = slice_from(keys), .name = slice_from(expected));
}
__attribute__((unused)) static void row(int second, const char *uid, const char *nhs, const char *holders)
{
    SEE(row_shown, second, .actor = SLICE("ws"), .other_id = question_id(), .study_uid = slice_from(uid), .patient_id = slice_from(nhs), .issuer = SLICE("NHS"),
        .other_issuer = slice_from(holders));
}
__attribute__((unused)) static void answer(int second, int64_t status)
{
    SEE(query_answered, second, .actor = SLICE("ws"), .other_id = question_id(), .number = status, .flag = status > 0, .latency_ns = TIME_MS);
}
__attribute__((unused)) static void good_question(int second)
{
    ask(second, "9990000018");
    row(second, "1.1", "9990000018", "pacs_north");
    row(second, "1.2", "9990000018", "pacs_south");
    answer(second + 1, 0);
}
__attribute__((unused)) static void deliver(int second, const char *node, const char *issuer, const char *number, const char *uid, const char *sop)
{
    SEE(delivered, second, .actor = slice_from(node), .issuer = slice_from(issuer), .patient_id = slice_from(number), .study_uid = slice_from(uid),
        .sop_uid = slice_from(sop), .dataset_sha256 = slice_from(sop), .pixel_sha256 = SLICE("px"), .count = 10);
}

/* ---- Records: the columns in the order of records.def, text as const char *, numbers as int64_t. */
__attribute__((unused)) static struct record make_record(enum record_table table, va_list values)
{
    const struct table *columns = records_table(table);
    struct record record = {.table = (uint16_t)table};
    for (size_t c = 0; c < columns->column_count; c++) {
        record.values[c].text = SLICE_EMPTY;
        if (columns->columns[c].type == COLUMN_TEXT) {
            record.values[c].text = slice_from(va_arg(values, const char *));
        } else {
            record.values[c].integer = va_arg(values, int64_t);
        }
    }
    return record;
}
__attribute__((unused)) static void put(int64_t step, int second, int table, ...)
{
    va_list values;
    va_start(values, table);
    struct record record = make_record((enum record_table)table, values);
    va_end(values);
    ck_assert_int_eq(judge_record(script.judge, &record, step, SECOND(second), false), ERR_OK);
}
__attribute__((unused)) static void restored(int table, ...)
{
    va_list values;
    va_start(values, table);
    struct record record = make_record((enum record_table)table, values);
    va_end(values);
    ck_assert_int_eq(judge_record(script.judge, &record, 0, SECOND(0), true), ERR_OK);
}
__attribute__((unused)) static void commit(int64_t step, int second)
{
    ck_assert_int_eq(judge_committed(script.judge, step, 1, SECOND(second)), ERR_OK);
}
__attribute__((unused)) static void life(int64_t number)
{
    ck_assert_int_eq(judge_life(script.judge, number), ERR_OK);
    script.lsn = 0;
    script.hash[0] = '\0';
}

/* An audit record that continues the chain, as the engine joins its columns. */
__attribute__((unused)) static struct record audit_record(int second, const char *event, const char *outcome, const char *who, const char *what)
{
    static char previous[65], joined[1024];
    snprintf(previous, sizeof previous, "%s", script.hash);
    script.lsn++;
    snprintf(joined, sizeof joined, "%s\n%lld\n%lld\n%s\n%s\n%s\n%s\n%s", previous, (long long)script.lsn, (long long)SECOND(second), event, outcome, who, what, "");
    sha256_text(slice_from(joined), script.hash);
    struct record record = {.table = TABLE_audit};
    const char *const texts[] = {event, outcome, who, what, "", previous, script.hash};
    record.values[COLUMN_audit_lsn].integer = script.lsn;
    record.values[COLUMN_audit_at_ns].integer = SECOND(second);
    for (size_t i = 0; i < 7; i++) {
        record.values[COLUMN_audit_event + (int)i].text = slice_from(texts[i]);
    }
    return record;
}
__attribute__((unused)) static void audit(int64_t step, int second, const char *event, const char *who, const char *what)
{
    struct record record = audit_record(second, event, "accepted", who, what);
    ck_assert_int_eq(judge_record(script.judge, &record, step, SECOND(second), false), ERR_OK);
}

#define N(number) ((int64_t)(number))
__attribute__((unused)) static void put_study(int64_t step, int64_t id, const char *uid, const char *accession)
{
    put(step, 2, TABLE_study, N(id), uid, N(1), "NOR", accession, "", "", "", "", "", "", N(1), N(1), N(0), "", "");
}
__attribute__((unused)) static void put_demand(int64_t step, int second, int64_t id, int64_t reason, int64_t study, const char *node, int64_t state, int64_t proof, int64_t wanted, int64_t delivered)
{
    put(step, second, TABLE_demand, N(id), reason, "key", study, N(0), node, "STUDY", "", "WS", N(0), state, proof, N(0), wanted, delivered, N(SECOND(2)), N(0), "");
}

#endif
