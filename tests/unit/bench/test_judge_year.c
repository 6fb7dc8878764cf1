/* SPDX-License-Identifier: MIT
 *
 * The judge over long runs: spans of instances, questions put away, objectives, what is reached, bounds, months. */
#include "tests/unit/bench/judge_test.h"

#include "src/bench/judge_store.h"

static void span_at(int second, const char *node, const char *uid, const char *accession, uint32_t first, uint32_t count)
{
    static char sop[100];
    snprintf(sop, sizeof sop, "%s.%u", uid, first);
    SEE(truth_instance, second, .actor = slice_from(node), .person = SLICE("ann"), .patient_id = SLICE("N1"), .study_uid = slice_from(uid), .accession = slice_from(accession),
        .sop_uid = slice_from(sop), .dataset_sha256 = SLICE("ds"), .pixel_sha256 = SLICE("px"), .count = 10, .span = count);
}
static void deliver_span(int second, const char *uid, uint32_t first, uint32_t count)
{
    static char sop[100];
    snprintf(sop, sizeof sop, "%s.%u", uid, first);
    SEE(delivered, second, .actor = SLICE("ws"), .issuer = SLICE("NHS"), .patient_id = SLICE("9990000018"), .study_uid = slice_from(uid), .sop_uid = slice_from(sop),
        .dataset_sha256 = SLICE("ds"), .pixel_sha256 = SLICE("px"), .count = 10, .span = count);
}
static void done(int second, int64_t wanted)
{
    put_study(1, 1, "7.7", "A7");
    put_demand(1, 3, 1, DEMAND_MDT, 1, "ws", DEMAND_WAITING, PROOF_NONE, 0, 0);
    put_demand(9, second, 1, DEMAND_MDT, 1, "ws", DEMAND_DONE, PROOF_LIST, wanted, wanted);
}

/* ---- Spans. */

START_TEST(nothing_depends_on_where_a_span_is_cut)
{
    uint64_t outcome[3];
    int64_t images[3], bytes[3], checked_cases[3];
    const uint32_t cuts[3] = {200, 64, 1};
    for (int i = 0; i < 3; i++) {
        script = (struct script){.line = 0};
        begin_world();
        for (uint32_t at = 1; at <= 200; at += cuts[i]) {
            span_at(1, "pacs_north", "7.7", "A7", at, cuts[i] < 201 - at ? cuts[i] : 201 - at);
        }
        for (uint32_t at = 1; at <= 200; at += cuts[2 - i]) {
            deliver_span(5, "7.7", at, cuts[2 - i] < 201 - at ? cuts[2 - i] : 201 - at);
        }
        done(9, 200);
        end_world();
        expect(INVARIANT_proof_of_delivery, true);
        outcome[i] = script.results.outcome_digest;
        images[i] = script.results.counts[COUNT_images];
        bytes[i] = script.results.counts[COUNT_bytes];
        checked_cases[i] = checked(INVARIANT_right_patient);
        judge_drop(script.judge);
        arena_drop(&script.arena);
    }
    for (int i = 1; i < 3; i++) {
        ck_assert_uint_eq(outcome[0], outcome[i]);
        ck_assert_int_eq(images[0], images[i]);
        ck_assert_int_eq(bytes[0], bytes[i]);
        ck_assert_int_eq(checked_cases[0], checked_cases[i]);
    }
    ck_assert_int_eq(bytes[0], 2000);
}
END_TEST

START_TEST(one_instance_missing_in_the_middle_of_a_span_is_caught)
{
    begin_world();
    span_at(1, "pacs_north", "7.7", "A7", 1, 200);
    deliver_span(5, "7.7", 1, 99);
    deliver_span(5, "7.7", 101, 100);
    done(9, 200);
    expect_broken(INVARIANT_proof_of_delivery);
}
END_TEST

START_TEST(a_span_that_overlaps_what_came_before_came_twice)
{
    begin_world();
    span_at(1, "pacs_north", "7.7", "A7", 1, 200);
    deliver_span(5, "7.7", 1, 100);
    deliver_span(6, "7.7", 90, 111);
    expect_broken(INVARIANT_one_job);
    ck_assert_int_eq(script.results.invariants[INVARIANT_one_job].violations, 11);
}
END_TEST

START_TEST(only_the_rejected_part_of_a_span_is_hidden)
{
    begin_world();
    span_at(1, "pacs_north", "7.7", "A7", 1, 200);
    SEE(rejected, 3, .actor = SLICE("pacs_north"), .study_uid = SLICE("7.7"), .sop_uid = SLICE("7.7.50"), .span = 10);
    deliver_span(5, "7.7", 1, 49);
    deliver_span(5, "7.7", 60, 141);
    done(9, 190);
    end_world();
    expect(INVARIANT_proof_of_delivery, true);
    ck_assert_int_eq(checked(INVARIANT_rejected_stays_hidden), 0);
    deliver_span(12, "7.7", 50, 10);
    end_world();
    expect(INVARIANT_rejected_stays_hidden, false);
}
END_TEST

START_TEST(what_a_node_lost_of_a_span_it_has_no_more)
{
    begin_world();
    span_at(1, "pacs_north", "7.7", "A7", 1, 64);
    SEE(instance_gone, 2, .actor = SLICE("pacs_north"), .study_uid = SLICE("7.7"), .sop_uid = SLICE("7.7.1"), .span = 64);
    end_world();
    ck_assert_int_eq(script.results.nodes[0].images, 2); /* those of 1.1 */
    ask(10, "9990000018");
    row(10, "1.1", "9990000018", "pacs_north");
    row(10, "1.2", "9990000018", "pacs_south");
    answer(11, 0);
    expect_holds(INVARIANT_answer_is_true);
}
END_TEST

/* ---- Many. */

START_TEST(more_questions_than_there_are_places_are_all_counted)
{
    begin_world();
    for (int i = 0; i < 25000; i++) {
        good_question(10 + i);
    }
    expect_holds(INVARIANT_one_final_answer);
    ck_assert_int_eq(checked(INVARIANT_one_final_answer), 25000);
    ck_assert_int_eq(script.results.counts[COUNT_queries], 25000);
    ck_assert_int_eq(script.results.latency[LATENCY_query].count, 25000);
    ck_assert_int_eq(script.results.latency[LATENCY_query].kept, 10001);
    ck_assert_int_eq(script.results.latency[LATENCY_query].sorted_ns[5000], TIME_MS);
}
END_TEST

START_TEST(an_unanswered_question_keeps_its_place)
{
    begin_world();
    ask(5, "9990000018");
    for (int i = 0; i < 25000; i++) {
        good_question(10 + i);
    }
    expect_broken(INVARIANT_one_final_answer);
    ck_assert_int_eq(script.results.invariants[INVARIANT_one_final_answer].violations, 1);
}
END_TEST

START_TEST(packed_texts_come_back_as_they_were)
{
    static const char *const samples[] = {"", "1", "2.25.328172634386802567424868677202638911045", "NTH200159", "P000000017", "Ann ^/-.", "\xC5\xB5", "a"};
    struct store_texts texts;
    char room[STORE_TEXT_MAX];
    uint32_t at[8];
    ck_assert_int_eq(store_texts_init(&texts, 1 << 20), ERR_OK);
    for (int i = 0; i < 8; i++) {
        at[i] = store_text_put(&texts, slice_from(samples[i]));
    }
    for (int i = 0; i < 8; i++) {
        ck_assert(slice_equal(store_text_get(&texts, at[i], room), slice_from(samples[i])));
    }
}
END_TEST

START_TEST(an_index_finds_what_was_put_and_not_what_was_removed)
{
    struct store_index index = {0};
    for (uint32_t i = 0; i < 100000; i++) {
        ck_assert_int_eq(store_index_put(&index, store_hash_int(3, i), i), ERR_OK);
    }
    for (uint32_t i = 0; i < 100000; i += 3) {
        store_index_remove(&index, store_hash_int(3, i));
    }
    for (uint32_t i = 0; i < 100000; i++) {
        ck_assert_uint_eq(store_index_find(&index, store_hash_int(3, i)), i % 3 == 0 ? STORE_NONE : i);
    }
    ck_assert_uint_eq(index.count, 66666);
    store_index_drop(&index);
}
END_TEST

/* ---- Objectives. */

static struct slo slos[2];
static const struct expectation_result *slo_result(const char *id)
{
    for (size_t i = 0; i < script.results.expectation_count; i++) {
        if (slice_equal(script.results.expectations[i].expectation->id, slice_from(id))) {
            return &script.results.expectations[i];
        }
    }
    ck_abort_msg("no expectation %s", id);
}
/* The judge takes the objectives as it begins: a fresh one. */
static void begin_with(size_t count)
{
    scenario.slos = slos;
    scenario.slo_count = count;
    arena_drop(&script.arena);
    script = (struct script){.line = 0};
    begin_world();
}
static void timed_question(int second, time_ns latency)
{
    ask(second, "9990000018");
    row(second, "1.1", "9990000018", "pacs_north");
    row(second, "1.2", "9990000018", "pacs_south");
    SEE(query_answered, second + 1, .actor = SLICE("ws"), .other_id = question_id(), .latency_ns = latency);
}

START_TEST(a_quantile_within_its_bound_passes_and_one_beyond_fails)
{
    slos[0] = (struct slo){.id = SLICE("ask"), .measure = SLICE("query"), .quantiles = {{500000, 60 * TIME_MS}, {950000, 80 * TIME_MS}}, .quantile_count = 2};
    begin_with(1);
    for (int i = 1; i <= 100; i++) {
        timed_question(10 + i, i * TIME_MS);
    }
    end_world();
    ck_assert(slo_result("ask.p50")->pass);
    ck_assert(!slo_result("ask.p95")->pass);
    ck_assert_int_eq(slo_result("ask.p95")->value, 95);
    ck_assert_int_eq(script.results.verdict, VERDICT_FAIL);
}
END_TEST

START_TEST(a_budget_lets_so_many_miss_in_each_period)
{
    slos[0] = (struct slo){.id = SLICE("ask"), .measure = SLICE("query"), .quantiles = {{950000, 50 * TIME_MS}}, .quantile_count = 1, .has_budget = true, .budget_micro = 100000,
                           .budget_per = PER_DAY};
    begin_with(1);
    for (int i = 0; i < 100; i++) {
        timed_question(10 + i, i < 10 ? 90 * TIME_MS : TIME_MS);
    }
    end_world();
    ck_assert(slo_result("ask.p95")->pass); /* ten of a hundred may */
    timed_question(5000, 90 * TIME_MS);
    end_world();
    ck_assert(!slo_result("ask.p95")->pass);
}
END_TEST

START_TEST(an_objective_without_a_case_or_that_nobody_can_measure_fails)
{
    slos[0] = (struct slo){.id = SLICE("a"), .measure = SLICE("retrieve"), .quantiles = {{950000, TIME_S}}, .quantile_count = 1};
    slos[1] = (struct slo){.id = SLICE("b"), .measure = SLICE("no.such"), .has_min = true, .min_micro = 0};
    begin_with(2);
    end_world();
    ck_assert(!slo_result("a.p95")->pass);
    ck_assert(!slo_result("b")->pass);
}
END_TEST

static void meeting(const char *id, int second, int64_t person, int64_t state, int told)
{
    put(1, 2, TABLE_mdt, id, "Lung", "ws", N(SECOND(second)));
    put(1, told, TABLE_mdt_case, id, person, state, N(0), "");
}

START_TEST(a_case_counts_as_it_was_when_its_meeting_began)
{
    slos[0] = (struct slo){.id = SLICE("mdt"), .measure = SLICE("mdt.ready_share"), .has_min = true, .min_micro = 600000};
    begin_with(1);
    meeting("lung-20260107", 10000, 1, MDT_READY, 50);
    meeting("lung-20260107", 10000, 2, MDT_WAITING, 50);
    meeting("lung-20990107", 4000000, 4, MDT_WAITING, 50); /* has not met */
    meeting("lung-20260107", 10000, 3, MDT_READY, 60);
    meeting("lung-20260107", 10000, 2, MDT_READY, 10050);   /* too late */
    meeting("lung-20260107", 10000, 3, MDT_WAITING, 10060); /* a name too many afterwards */
    end_world();
    ck_assert_int_eq(slo_result("mdt")->value, 6666);
    ck_assert(slo_result("mdt")->pass);
    slos[0].per = PER_MEETING;
    slos[0].min_micro = 900000;
    begin_with(1);
    meeting("lung-20260107", 10000, 1, MDT_READY, 50);
    meeting("skin-20260107", 10000, 2, MDT_WAITING, 50);
    SEE(note, 10200, .text = SLICE("later"));
    end_world();
    ck_assert(!slo_result("mdt")->pass);
    ck_assert_int_eq(slo_result("mdt")->value, 0);
}
END_TEST

START_TEST(a_case_counts_as_it_was_when_it_had_to_be_ready_and_not_when_it_was_told_of_later)
{
    static struct population_meeting meetings[] = {{.id = {"lung", 4}, .ready_before = 30 * TIME_S}};
    slos[0] = (struct slo){.id = SLICE("mdt"), .measure = SLICE("mdt.ready_share"), .has_min = true, .min_micro = 400000};
    begin_with(1);
    scenario.population.meetings = meetings;
    scenario.population.meeting_count = 1;
    meeting("lung-20260107", 10000, 1, MDT_READY, 50);
    meeting("lung-20260107", 10000, 2, MDT_WAITING, 50);
    meeting("lung-20260107", 10000, 2, MDT_READY, 9980);   /* it had to be ready by 9970 */
    meeting("lung-20260107", 10000, 3, MDT_WAITING, 9980); /* told of in the last minute */
    SEE(note, 10200, .text = SLICE("later"));
    end_world();
    ck_assert_int_eq(slo_result("mdt")->value, 5000);
    ck_assert(slo_result("mdt")->pass);
    scenario.population.meeting_count = 0;
}
END_TEST

START_TEST(a_late_name_has_ten_minutes)
{
    slos[0] = (struct slo){.id = SLICE("mdt"), .measure = SLICE("mdt.ready_share"), .has_min = true, .min_micro = 400000};
    static struct population_meeting meetings[] = {{.id = {"lung", 4}, .ready_before = 1800 * TIME_S}};
    begin_with(1);
    scenario.population.meetings = meetings;
    scenario.population.meeting_count = 1;
    meeting("lung-20260107", 10000, 1, MDT_WAITING, 8000);
    meeting("lung-20260107", 10000, 2, MDT_WAITING, 8100);
    meeting("lung-20260107", 10000, 1, MDT_READY, 8590); /* the meeting wants it at 8200, but it was told of at 8000 */
    meeting("lung-20260107", 10000, 2, MDT_READY, 8710); /* this was due at 8700 */
    meeting("lung-20260107", 10000, 3, MDT_WAITING, 9410); /* not ten minutes are left */
    SEE(note, 10200, .text = SLICE("later"));
    end_world();
    ck_assert_int_eq(slo_result("mdt")->value, 5000);
    scenario.population.meeting_count = 0;
}
END_TEST

START_TEST(images_that_come_for_a_case_that_was_ready_have_ten_minutes)
{
    slos[0] = (struct slo){.id = SLICE("mdt"), .measure = SLICE("mdt.ready_share"), .has_min = true, .min_micro = 400000};
    static struct population_meeting meetings[] = {{.id = {"lung", 4}, .ready_before = 600 * TIME_S}};
    begin_with(1);
    scenario.population.meetings = meetings;
    scenario.population.meeting_count = 1;
    for (int person = 1; person <= 3; person++) {
        meeting("lung-20260107", 10000, person, MDT_READY, 1000);
    }
    meeting("lung-20260107", 10000, 3, MDT_WAITING, 8000);
    meeting("lung-20260107", 10000, 1, MDT_WAITING, 9399);
    meeting("lung-20260107", 10000, 2, MDT_WAITING, 9399);
    meeting("lung-20260107", 10000, 3, MDT_READY, 9450);  /* half an hour is too long */
    meeting("lung-20260107", 10000, 1, MDT_READY, 9500);  /* due at 9400, and made up for */
    meeting("lung-20260107", 10000, 2, MDT_READY, 10010); /* the meeting has begun */
    SEE(note, 10200, .text = SLICE("later"));
    end_world();
    ck_assert_int_eq(slo_result("mdt")->value, 3333);
    scenario.population.meeting_count = 0;
}
END_TEST

START_TEST(an_objective_that_is_only_reported_fails_nothing)
{
    slos[0] = (struct slo){.id = SLICE("mdt"), .measure = SLICE("mdt.ready_share"), .has_min = true, .min_micro = 400000};
    begin_with(1);
    meeting("lung-20260107", 10000, 1, MDT_WAITING, 50);
    SEE(note, 10200, .text = SLICE("later"));
    ck_assert_int_eq(judge_end(script.judge, &script.results), ERR_OK); /* `timed` is not set */
    ck_assert(!slo_result("mdt")->pass);
    ck_assert(slo_result("mdt")->reported);
    ck_assert_int_ne(script.results.verdict, VERDICT_FAIL);
}
END_TEST

static void done_and_seen(const char *accession, time_ns done_at, time_ns took)
{
    SEE(truth_exam, 20, .person = SLICE("ann"), .issuer = SLICE("NOR"), .accession = slice_from(accession), .text = SLICE("completed"), .number = done_at);
    SEE(watched, 30, .actor = SLICE("watcher"), .issuer = SLICE("NOR"), .accession = slice_from(accession), .latency_ns = took, .flag = true);
}

START_TEST(how_long_an_exam_took_that_was_done_before_the_run_is_nobodys_question)
{
    slos[0] = (struct slo){.id = SLICE("p"), .measure = SLICE("published - completed"), .quantiles = {{950000, TIME_MIN}}, .quantile_count = 1};
    scenario.populated = true;
    scenario.start = SECOND(0);
    begin_with(1);
    done_and_seen("X1", SECOND(-1000), TIME_HOUR);
    done_and_seen("X2", SECOND(10), TIME_S);
    done_and_seen("X3", 0, TIME_S); /* just now */
    end_world();
    scenario.populated = false;
    scenario.start = 0;
    ck_assert(slo_result("p.p95")->pass);
    ck_assert_int_eq(script.results.counts[COUNT_published], 3);
}
END_TEST

START_TEST(the_time_that_a_node_was_down_is_the_time_it_was_not_available)
{
    slos[0] = (struct slo){.id = SLICE("hub"), .measure = SLICE("hub.available"), .has_min = true, .min_micro = 950000};
    slos[1] = (struct slo){.id = SLICE("south"), .measure = SLICE("pacs_south.available"), .has_min = true, .min_micro = 950000};
    begin_with(2);
    SEE(killed, 10, .actor = SLICE("hub"));
    SEE(restarted, 20, .actor = SLICE("hub"));
    SEE(fault_began, 100, .actor = SLICE("pacs_south"), .text = SLICE("down"));
    SEE(fault_ended, 400, .actor = SLICE("pacs_south"), .text = SLICE("down"));
    SEE(note, 1000, .text = SLICE("the end"));
    end_world();
    ck_assert_int_eq(slo_result("hub")->value, 9900);
    ck_assert(slo_result("hub")->pass);
    ck_assert_int_eq(slo_result("south")->value, 7000);
    ck_assert(!slo_result("south")->pass);
}
END_TEST

/* ---- Reached, or not. */

START_TEST(what_must_be_reached_and_what_must_not)
{
    static struct reach wanted[] = {{.name = SLICE("two_pacs_down")}, {.name = SLICE("late_event")}}, unwanted[] = {{.name = SLICE("partial_answer_flagged")}};
    scenario.sometimes = wanted;
    scenario.sometimes_count = 2;
    scenario.never = unwanted;
    scenario.never_count = 1;
    begin_world();
    SEE(fault_began, 10, .actor = SLICE("pacs_south"), .text = SLICE("down"));
    SEE(fault_began, 11, .actor = SLICE("pacs_north"), .text = SLICE("crash"));
    end_world();
    ck_assert(slo_result("two_pacs_down")->pass);
    ck_assert(!slo_result("late_event")->pass);
    ck_assert(slo_result("partial_answer_flagged")->pass);
    ask(12, "9990000018");
    answer(13, 0xC0D1);
    end_world();
    ck_assert(!slo_result("partial_answer_flagged")->pass);
}
END_TEST

START_TEST(a_name_that_no_table_has_is_never_reached)
{
    static struct reach wanted[] = {{.name = SLICE("no_such_thing")}};
    scenario.sometimes = scenario.never = wanted;
    scenario.sometimes_count = scenario.never_count = 1;
    begin_world();
    end_world();
    ck_assert(!script.results.expectations[0].pass);
    ck_assert(!script.results.expectations[1].pass);
}
END_TEST

/* ---- Bounds. */

static void published(void)
{
    SEE(truth_exam, 2, .person = SLICE("ann"), .issuer = SLICE("NOR"), .accession = SLICE("A1"), .study_uid = SLICE("1.1"), .text = SLICE("completed"));
    SEE(watched, 3, .actor = SLICE("watcher"), .issuer = SLICE("NOR"), .accession = SLICE("A1"), .flag = true, .latency_ns = TIME_S);
}
static void retrieve(int second, int64_t status)
{
    SEE(retrieve_asked, second, .actor = SLICE("ws"), .other_id = SLICE("r"), .study_uid = SLICE("1.1"));
    SEE(retrieve_answered, second + 5, .actor = SLICE("ws"), .other_id = SLICE("r"), .study_uid = SLICE("1.1"), .number = status, .latency_ns = TIME_S);
}

START_TEST(a_published_study_that_comes_is_retrievable)
{
    begin_world();
    published();
    retrieve(2000, 0);
    expect_holds(INVARIANT_published_is_retrievable);
}
END_TEST

START_TEST(a_published_study_that_does_not_come_though_nothing_happened_is_caught)
{
    begin_world();
    published();
    retrieve(2000, 0xB000);
    expect_broken(INVARIANT_published_is_retrievable);
}
END_TEST

START_TEST(a_published_study_that_cannot_be_had_is_caught_whatever_radis2_did)
{
    begin_world();
    published();
    SEE(fault_began, 1990, .actor = SLICE("ris"), .text = SLICE("ack_lost"));
    retrieve(2000, 0xA702);
    expect_broken(INVARIANT_published_is_retrievable);
}
END_TEST

/* Its PACS let a question lie for longer than the engine waits for one source: before, during, long before. */
START_TEST(a_retrieve_from_a_pacs_that_is_too_slow_may_fail)
{
    static const struct {
        int received, answered;
        int64_t cases;
    } slow[] = {{1950, 1990, 0}, {1990, 0, 0}, {1000, 1040, 1}, {1990, 1992, 1}};
    for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
        begin_world();
        judge_patience(script.judge, 10 * TIME_S);
        published();
        SEE(find_received, slow[i].received, .actor = SLICE("pacs_north"), .peer = SLICE("PONT"));
        if (slow[i].answered > 0) {
            SEE(find_answered, slow[i].answered, .actor = SLICE("pacs_north"), .peer = SLICE("PONT"));
        }
        retrieve(2000, 0xA702);
        end_world();
        ck_assert_msg(checked(INVARIANT_published_is_retrievable) == slow[i].cases, "case %zu", i);
        arena_drop(&script.arena);
        script = (struct script){.line = 0};
    }
    begin_world();
}
END_TEST

START_TEST(a_retrieve_soon_after_an_outage_may_fail)
{
    begin_world();
    published();
    SEE(fault_began, 1500, .actor = SLICE("pacs_north"), .text = SLICE("down"));
    SEE(fault_ended, 1900, .actor = SLICE("pacs_north"), .text = SLICE("down"));
    retrieve(2000, 0xA702);
    retrieve(2100, 0xB000);
    retrieve(2200, 0xA700); /* honestly busy */
    end_world();
    ck_assert_int_eq(checked(INVARIANT_published_is_retrievable), 0);
}
END_TEST

static void late_transfer(int second)
{
    put_study(1, 1, "1.1", "A1");
    put_demand(1, 3, 1, DEMAND_MDT, 1, "ws", DEMAND_WAITING, PROOF_NONE, 0, 0);
    deliver(5, "ws", "NHS", "9990000018", "1.1", "1.1.1");
    deliver(5, "ws", "NHS", "9990000018", "1.1", "1.1.2");
    put_demand(9, second, 1, DEMAND_MDT, 1, "ws", DEMAND_DONE, PROOF_LIST, 2, 2);
}

START_TEST(a_transfer_that_waits_longer_than_it_may_is_caught)
{
    begin_world();
    late_transfer(4 * 3600 - 60);
    end_world();
    expect(INVARIANT_no_starvation, true);
    put_demand(10, 10, 2, DEMAND_MDT, 1, "ws", DEMAND_WAITING, PROOF_NONE, 0, 0);
    put_demand(11, 5 * 3600, 2, DEMAND_MDT, 1, "ws", DEMAND_DONE, PROOF_LIST, 2, 2);
    end_world();
    expect(INVARIANT_no_starvation, false);
}
END_TEST

START_TEST(a_dead_node_that_holds_up_a_transfer_of_others_is_caught)
{
    begin_world();
    SEE(fault_began, 2, .actor = SLICE("pacs_south"), .text = SLICE("down"));
    late_transfer(3600);
    expect_broken(INVARIANT_isolation);
    ck_assert_int_eq(checked(INVARIANT_no_starvation), 0);
}
END_TEST

START_TEST(a_transfer_whose_own_node_was_down_may_be_late)
{
    begin_world();
    SEE(fault_began, 2, .actor = SLICE("pacs_north"), .text = SLICE("down"));
    late_transfer(5 * 3600);
    end_world();
    ck_assert_int_eq(checked(INVARIANT_isolation) + checked(INVARIANT_no_starvation), 0);
}
END_TEST

START_TEST(the_scenario_may_say_how_long_healing_takes)
{
    static struct healed_within healed[] = {{.invariant = SLICE("no-starvation"), .within = TIME_MIN}};
    scenario.healed = healed;
    scenario.healed_count = 1;
    arena_drop(&script.arena);
    script = (struct script){.line = 0};
    begin_world();
    late_transfer(600);
    expect_broken(INVARIANT_no_starvation);
    ck_assert(!slo_result("no-starvation")->pass);
}
END_TEST

/* ---- Merges, late events, the spool. */

static void person_row(int64_t step, int64_t id, int64_t into)
{
    put(step, 4, TABLE_person, id, id == 1 ? "9990000018" : "P000000002", id == 1 ? "NHS" : "PONT", "ROSS", "ANN", "19580411", "F", N(1), into, N(1));
}
static void merge_and_back(bool give_back)
{
    person_row(1, 1, 0);
    person_row(1, 2, 0);
    put(1, 4, TABLE_identifier, "NOR", "N9", N(2), N(0), N(0));
    put(2, 5, TABLE_identifier, "NOR", "N9", N(1), N(0), N(0));
    person_row(2, 2, 1);
    person_row(3, 2, 0);
    if (give_back) {
        put(3, 6, TABLE_identifier, "NOR", "N9", N(2), N(0), N(0));
    }
}

START_TEST(a_merge_that_is_undone_gives_everything_back)
{
    begin_world();
    merge_and_back(true);
    expect_holds(INVARIANT_merge_reverses);
}
END_TEST

START_TEST(a_merge_that_is_undone_and_keeps_a_number_is_caught)
{
    begin_world();
    merge_and_back(false);
    expect_broken(INVARIANT_merge_reverses);
}
END_TEST

static void spooled(int64_t step, int64_t state)
{
    put(step, 4, TABLE_spooled, "1.1.1", "pacs_north", "1.1", "class", "syntax", "A1", "file", N(10), "pacs_south", state, N(0), N(SECOND(4)), "");
}
static void leave_spool(int64_t step)
{
    struct record record = {.table = TABLE_spooled, .deleted = true};
    record.values[0].text = SLICE("1.1.1");
    record.values[1].text = SLICE("pacs_north");
    ck_assert_int_eq(judge_record(script.judge, &record, step, SECOND(20), false), ERR_OK);
}

START_TEST(an_object_leaves_the_spool_for_where_it_belongs)
{
    begin_world();
    spooled(1, SPOOL_HELD);
    deliver(9, "pacs_south", "SOU", "S1", "1.1", "1.1.1");
    leave_spool(2);
    expect_holds(INVARIANT_conservation);
}
END_TEST

START_TEST(an_object_that_leaves_the_spool_for_nowhere_is_caught)
{
    begin_world();
    spooled(1, SPOOL_HELD);
    leave_spool(2);
    expect_broken(INVARIANT_conservation);
}
END_TEST

START_TEST(an_object_that_is_still_in_the_spool_has_its_place)
{
    begin_world();
    spooled(1, SPOOL_HELD);
    expect_holds(INVARIANT_conservation);
}
END_TEST

/* ---- Months. */

START_TEST(a_long_run_is_told_month_by_month_and_place_by_place)
{
    static struct scenario_link links[] = {{.id = SLICE("line"), .rate_bps = 8000000}, {.id = SLICE("line"), .rate_bps = 8000000}};
    scenario.length = 60 * TIME_DAY;
    scenario.start = SECOND(0); /* 1970-01-01 */
    scenario.links = links;
    scenario.link_count = 2;
    arena_drop(&script.arena);
    script = (struct script){.line = 0};
    begin_world();
    const int day = 86400;
    SEE(truth_exam, 2 * day, .person = SLICE("ann"), .issuer = SLICE("NOR"), .accession = SLICE("A1"), .text = SLICE("completed"));
    SEE(watched, 2 * day + 3, .actor = SLICE("watcher"), .issuer = SLICE("NOR"), .accession = SLICE("A1"), .flag = true, .latency_ns = 3 * TIME_S);
    SEE(fault_began, 3 * day, .actor = SLICE("pacs_south"), .text = SLICE("down"), .other_id = SLICE("planned-work"), .flag = true);
    SEE(fault_ended, 3 * day + 3600, .actor = SLICE("pacs_south"), .text = SLICE("down"));
    SEE(fault_began, 40 * day, .actor = SLICE("line"), .text = SLICE("partition"), .number = 1);
    SEE(fault_began, 40 * day + 20, .actor = SLICE("line"), .text = SLICE("partition"), .number = 2);
    SEE(fault_ended, 40 * day + 60, .actor = SLICE("line"), .text = SLICE("partition"), .number = 1);
    SEE(fault_ended, 40 * day + 620, .actor = SLICE("line"), .text = SLICE("partition"), .number = 2); /* the two are of one link, each by itself */
    judge_link_carried(script.judge, 0, 5000);
    SEE(truth_exam, 45 * day, .person = SLICE("bob"), .issuer = SLICE("SOU"), .accession = SLICE("A3"), .text = SLICE("completed"));
    deliver(45 * day, "pacs_north", "NOR", "N1", "1.2", "1.2.1");
    end_world();
    const struct series *series = script.results.series;
    ck_assert_ptr_nonnull(series);
    ck_assert_uint_eq(series->month_count, 2);
    ck_assert_int_eq(series->months[0].exams, 1);
    ck_assert_int_eq(series->months[1].exams, 1);
    ck_assert_int_eq(series->months[0].month, 1);
    ck_assert_int_eq(series->months[1].month, 2);
    ck_assert_int_eq(series->months[0].published, 1);
    ck_assert_int_eq(series->months[0].publish_p50_ns, 3 * TIME_S);
    ck_assert_int_eq(series->months[1].bytes, 10);
    ck_assert_uint_eq(series->day_count, 46);
    ck_assert_int_eq(series->days[2].exams, 1);
    ck_assert_int_eq(series->days[3].down_nodes, 1);
    ck_assert_int_eq(series->sites[0].exams, 1);
    ck_assert_int_eq(series->sites[0].bytes_in, 10);
    ck_assert_int_eq(series->sites[1].bytes_out, 10);
    ck_assert_int_eq(series->nodes[1].outages, 1);
    ck_assert_int_eq(series->nodes[1].planned, 1);
    ck_assert_int_eq(series->nodes[1].down_ns, 3600 * TIME_S);
    ck_assert_uint_eq(series->outage_count, 3);
    ck_assert(slice_equal(series->outages[0].id, SLICE("planned-work")));
    ck_assert_int_eq(series->links[0].down_ns, 60 * TIME_S);
    ck_assert_int_eq(series->links[1].down_ns, 600 * TIME_S);
    ck_assert_int_eq(series->links[0].bytes_by_month[1], 5000);
}
END_TEST

START_TEST(a_short_run_has_no_months)
{
    begin_world();
    end_world();
    ck_assert_ptr_null(script.results.series);
}
END_TEST

UNIT_MAIN(nothing_depends_on_where_a_span_is_cut, one_instance_missing_in_the_middle_of_a_span_is_caught, a_span_that_overlaps_what_came_before_came_twice,
          only_the_rejected_part_of_a_span_is_hidden, what_a_node_lost_of_a_span_it_has_no_more, more_questions_than_there_are_places_are_all_counted,
          an_unanswered_question_keeps_its_place, packed_texts_come_back_as_they_were, an_index_finds_what_was_put_and_not_what_was_removed,
          a_quantile_within_its_bound_passes_and_one_beyond_fails, a_budget_lets_so_many_miss_in_each_period,
          how_long_an_exam_took_that_was_done_before_the_run_is_nobodys_question, an_objective_without_a_case_or_that_nobody_can_measure_fails, a_case_counts_as_it_was_when_its_meeting_began, a_case_counts_as_it_was_when_it_had_to_be_ready_and_not_when_it_was_told_of_later,
          a_late_name_has_ten_minutes, images_that_come_for_a_case_that_was_ready_have_ten_minutes, an_objective_that_is_only_reported_fails_nothing,
          the_time_that_a_node_was_down_is_the_time_it_was_not_available, what_must_be_reached_and_what_must_not, a_name_that_no_table_has_is_never_reached,
          a_published_study_that_comes_is_retrievable, a_published_study_that_does_not_come_though_nothing_happened_is_caught,
          a_published_study_that_cannot_be_had_is_caught_whatever_radis2_did, a_retrieve_from_a_pacs_that_is_too_slow_may_fail,
          a_retrieve_soon_after_an_outage_may_fail, a_transfer_that_waits_longer_than_it_may_is_caught, a_dead_node_that_holds_up_a_transfer_of_others_is_caught,
          a_transfer_whose_own_node_was_down_may_be_late, the_scenario_may_say_how_long_healing_takes, a_merge_that_is_undone_gives_everything_back,
          a_merge_that_is_undone_and_keeps_a_number_is_caught, an_object_leaves_the_spool_for_where_it_belongs, an_object_that_leaves_the_spool_for_nowhere_is_caught,
          an_object_that_is_still_in_the_spool_has_its_place, a_long_run_is_told_month_by_month_and_place_by_place, a_short_run_has_no_months)
