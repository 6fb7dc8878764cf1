/* SPDX-License-Identifier: MIT
 *
 * Fidelity: what two worlds came to is compared sentence by sentence; how long things took hop by hop. */
#include "tests/unit/unit.h"

#include "src/bench/fidelity.h"
#include "src/bench/machine.h"

static struct arena arena;
static struct outcome_item items[2][8];
static struct results results[2];
static struct hops hops[2];
static struct fidelity fidelity;

static void begin(void)
{
    ck_assert_int_eq(arena_make(&arena, 16u << 20), ERR_OK);
    hops_init(&hops[0], &arena);
    hops_init(&hops[1], &arena);
    for (int world = 0; world < 2; world++) {
        results[world] = (struct results){.outcomes = items[world]};
    }
}

static void came_to(int world, const char *text, bool at_edge)
{
    items[world][results[world].outcome_count++] = (struct outcome_item){slice_from(text), at_edge};
}

static void compare(void)
{
    ck_assert_int_eq(fidelity_compare(&fidelity, &results[0], &results[1], &hops[0], &hops[1], &arena), ERR_OK);
}

static void says(const char *text)
{
    ck_assert_msg(slice_equal(fidelity.first_difference, slice_from(text)), "%.*s", SLICE_ARGS(fidelity.first_difference));
}

START_TEST(the_same_sentences_in_another_order_are_equal)
{
    begin();
    came_to(0, "exam CAV/1 state 5", false);
    came_to(0, "link CAV/7 to 9990000018", false);
    came_to(1, "link CAV/7 to 9990000018", false);
    came_to(1, "exam CAV/1 state 5", false);
    compare();
    ck_assert(fidelity.outcome_equal);
    ck_assert_int_eq(fidelity.left_out, 0);
    says("");
}
END_TEST

START_TEST(the_first_difference_says_what_each_world_came_to)
{
    begin();
    came_to(0, "transfer 1.2 to mdt for 2: state 4, 40 there", false);
    came_to(1, "transfer 1.2 to mdt for 2: state 6, 12 there", false);
    compare();
    ck_assert(!fidelity.outcome_equal);
    says("transfer 1.2 to mdt for 2: state 4, 40 there in virtual time; state 6, 12 there on the wire");
}
END_TEST

START_TEST(what_one_world_alone_has_is_absent_in_the_other)
{
    begin();
    came_to(0, "exam CAV/1 state 5", false);
    came_to(1, "exam CAV/1 state 5", false);
    came_to(1, "tombstone 1.2.3 113001", false);
    compare();
    ck_assert(!fidelity.outcome_equal);
    says("tombstone 1.2.3 113001: absent in virtual time; there on the wire");
}
END_TEST

START_TEST(a_difference_at_the_edge_of_a_fault_is_left_out_and_counted_once)
{
    begin();
    for (int world = 0; world < 2; world++) {
        came_to(world, "exam CAV/1 state 5", false);
        came_to(world, world == 0 ? "question 7 of ws: complete" : "question 7 of ws: incomplete", true);
    }
    compare();
    ck_assert_int_eq(fidelity.left_out, 1);
    ck_assert(!fidelity.outcome_equal); /* one of two is more than one in twenty */
}
END_TEST

static void took(int world, time_ns one_ns)
{
    for (int i = 0; i < 5; i++) {
        hops_observe(&hops[world], &(struct observation){.kind = OBSERVATION_find_received, .actor = SLICE("north"), .peer = SLICE("PONT"), .at_ns = i * TIME_S});
        hops_observe(&hops[world], &(struct observation){.kind = OBSERVATION_find_answered, .actor = SLICE("north"), .peer = SLICE("PONT"), .at_ns = i * TIME_S + one_ns});
        hops_observe(&hops[world], &(struct observation){.kind = OBSERVATION_query_answered, .actor = SLICE("ws"), .latency_ns = 10 * TIME_MS});
    }
}

START_TEST(the_worst_prediction_stands_first)
{
    begin();
    came_to(0, "exam CAV/1 state 5", false);
    came_to(1, "exam CAV/1 state 5", false);
    took(0, 2 * TIME_MS);
    took(1, 3 * TIME_MS);
    compare();
    ck_assert_uint_eq(fidelity.cell_count, 2);
    ck_assert(slice_equal(fidelity.cells[0].hop, SLICE("list at north")));
    ck_assert_int_eq(fidelity.cells[0].n, 5);
    ck_assert_int_eq(fidelity.cells[0].p50_predicted_ns, 2 * TIME_MS);
    ck_assert_int_eq(fidelity.cells[0].p95_measured_ns, 3 * TIME_MS);
    ck_assert(slice_equal(fidelity.cells[1].hop, SLICE("answer to ws")));
}
END_TEST

START_TEST(quantiles_lie_between_the_values)
{
    int64_t values[] = {10, 20, 30, 40};
    struct hop hop = {.samples_ns = values, .count = 4};
    ck_assert_int_eq(hop_quantile(&hop, 0), 10);
    ck_assert_int_eq(hop_quantile(&hop, 50), 25);
    ck_assert_int_eq(hop_quantile(&hop, 100), 40);
}
END_TEST

START_TEST(unequal_worlds_fail_whatever_each_came_to)
{
    begin();
    came_to(0, "exam CAV/1 state 5", false);
    came_to(1, "exam CAV/1 state 3", false);
    compare();
    struct results both = results[1];
    both.sentence = SLICE("All is well.");
    both.fidelity = fidelity;
    fidelity_judge(&both, &results[0], &arena);
    ck_assert_int_eq(both.verdict, VERDICT_FAIL);
    ck_assert(slice_starts(both.sentence, SLICE("The two worlds came to different ends: exam CAV/1")));
}
END_TEST

START_TEST(times_that_are_worlds_apart_fail_where_the_scenario_wants_them_alike)
{
    static const struct {
        time_ns predicted;
        enum verdict verdict;
    } cases[] = {{3 * TIME_MS, VERDICT_PASS}, {4 * TIME_MS, VERDICT_PASS}, {5 * TIME_MS, VERDICT_FAIL}, {TIME_MS, VERDICT_FAIL}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        begin();
        came_to(0, "exam CAV/1 state 5", false);
        came_to(1, "exam CAV/1 state 5", false);
        for (int i = 0; i < FIDELITY_JUDGED_MIN; i += 5) {
            took(0, cases[c].predicted);
            took(1, 3 * TIME_MS);
        }
        compare();
        struct scenario scenario = {.same = {.p50_micro = 150000, .p95_micro = 250000}};
        struct results both = results[1];
        both.scenario = &scenario;
        both.verdict = results[0].verdict = VERDICT_PASS;
        both.fidelity = fidelity;
        fidelity_judge(&both, &results[0], &arena);
        ck_assert_int_eq(both.verdict, cases[c].verdict);
        /* Measured while others used the machine: never good, and never the fault of anybody. */
        both.others_permille = FIDELITY_OTHERS_PERMILLE_MAX + 1;
        both.verdict = VERDICT_PASS;
        fidelity_judge(&both, &results[0], &arena);
        ck_assert_int_eq(both.verdict, cases[c].verdict == VERDICT_FAIL ? VERDICT_INCONCLUSIVE : VERDICT_PASS);
        both.verdict = VERDICT_FAIL;
        fidelity_judge(&both, &results[0], &arena);
        ck_assert_int_eq(both.verdict, VERDICT_FAIL);
        both.others_permille = 0;
        both.error = SLICE_EMPTY;
        scenario.same.p50_micro = 0;
        both.verdict = VERDICT_PASS;
        fidelity_judge(&both, &results[0], &arena);
        ck_assert_int_eq(both.verdict, VERDICT_PASS);
    }
}
END_TEST

START_TEST(what_others_use_is_what_was_busy_and_not_ours)
{
    struct machine_use before = {.own = 1}, after = {.own = 3};
    ck_assert(machine_read(&before, "cpu  1000 0 500 8000 500 0 0 0 0 0\n", 100)); /* 100 s went by, 15 s of it busy */
    ck_assert(machine_read(&after, "cpu  1500 100 700 8300 600 50 50 200 0 0\n", 100)); /* 15 s more, 11 s busy, 2 s ours */
    ck_assert_int_eq(machine_others(&before, &after), 600);
    after.own = 50;
    ck_assert_int_eq(machine_others(&before, &after), 0);
    ck_assert_int_eq(machine_others(&after, &after), 0);
    ck_assert(!machine_read(&after, "intr 5 6", 100));
    ck_assert(!machine_read(&after, "", 100));
    ck_assert(!machine_read(&after, "cpu 1 2 3 4 5", 0));
}
END_TEST

UNIT_MAIN(what_others_use_is_what_was_busy_and_not_ours, the_same_sentences_in_another_order_are_equal, the_first_difference_says_what_each_world_came_to, what_one_world_alone_has_is_absent_in_the_other,
          a_difference_at_the_edge_of_a_fault_is_left_out_and_counted_once, the_worst_prediction_stands_first, quantiles_lie_between_the_values,
          unequal_worlds_fail_whatever_each_came_to, times_that_are_worlds_apart_fail_where_the_scenario_wants_them_alike)
