/* SPDX-License-Identifier: MIT
 *
 * Trouble: when a fault begins and ends that waits for an observation, a meeting or another fault. */
#include "tests/unit/unit.h"

#include "src/bench/trouble.h"

static struct scenario_fault faults[2];
static struct scenario_node nodes[4];
static const uint32_t targets[] = {1, 2};
static struct scenario scenario = {.faults = faults, .nodes = nodes, .node_count = 4, .seed = 5};
static struct trouble *trouble;

static void begin(size_t count)
{
    static struct arena arena;
    ck_assert_int_eq(arena_make(&arena, 1u << 20), ERR_OK);
    for (size_t f = 0; f < count; f++) {
        faults[f].targets = targets;
        faults[f].target_count = 2;
        faults[f].calendar = NONE_OF;
    }
    scenario.fault_count = count;
    ck_assert_int_eq(trouble_init(&trouble, &scenario, TIME_S, &arena), ERR_OK);
}

static struct distribution fixed(time_ns length)
{
    return (struct distribution){.kind = DISTRIBUTION_FIXED, .a = (double)length};
}

/* "fault crash 1", "heal crash 2 stay": what is due at `now`. */
static void expect(time_ns now, enum plan_kind kind, const char *verb, uint32_t target)
{
    struct trouble_act act;
    ck_assert(trouble_take(trouble, now, &act));
    ck_assert_int_eq(act.entry.kind, kind);
    ck_assert(slice_equal(act.entry.verb, slice_from(verb)));
    ck_assert_uint_eq(act.target, target);
}

static void expect_nothing(time_ns now)
{
    struct trouble_act act;
    ck_assert(!trouble_take(trouble, now, &act));
}

START_TEST(a_fault_of_single_operations_is_told_to_each_target_at_the_start)
{
    faults[0] = (struct scenario_fault){.id = SLICE("x"), .effect = SLICE("reply"), .instant = INSTANT_NTH};
    begin(1);
    ck_assert_int_eq(trouble_due(trouble), TIME_S);
    expect(TIME_S, PLAN_FAULT, "reply", 1);
    expect(TIME_S, PLAN_FAULT, "reply", 2);
    ck_assert_int_eq(trouble_due(trouble), TIME_NEVER);
}
END_TEST

START_TEST(a_fault_after_the_nth_observation_begins_once_and_ends_by_its_length)
{
    faults[0] = (struct scenario_fault){.id = SLICE("x"), .effect = SLICE("crash"), .instant = INSTANT_AFTER, .length = fixed(4 * TIME_S),
                                        .after = {.event = OBSERVATION_delivered, .node = SLICE("ws"), .count = 2}};
    begin(1);
    struct observation seen = {.kind = OBSERVATION_delivered, .at_ns = 2 * TIME_S, .actor = SLICE("ws")}, other = seen;
    other.actor = SLICE("elsewhere");
    ck_assert(!trouble_observe(trouble, &seen));
    ck_assert(!trouble_observe(trouble, &other));
    ck_assert(trouble_observe(trouble, &seen));
    ck_assert(!trouble_observe(trouble, &seen));
    expect(2 * TIME_S, PLAN_FAULT, "crash", 1);
    expect(2 * TIME_S, PLAN_FAULT, "crash", 2);
    expect_nothing(5 * TIME_S);
    expect(6 * TIME_S, PLAN_HEAL, "crash", 1);
    expect(6 * TIME_S, PLAN_HEAL, "crash", 2);
    ck_assert_int_eq(trouble_due(trouble), TIME_NEVER);
}
END_TEST

START_TEST(a_fault_during_another_holds_as_long_as_that_does_anywhere)
{
    faults[0] = (struct scenario_fault){.id = SLICE("x"), .effect = SLICE("slow"), .instant = INSTANT_DURING, .during = SLICE("cut")};
    begin(1);
    struct observation began = {.kind = OBSERVATION_fault_began, .at_ns = 3 * TIME_S, .actor = SLICE("line"), .text = SLICE("partition"), .other_id = SLICE("cut")};
    struct observation ended = {.kind = OBSERVATION_fault_ended, .at_ns = 7 * TIME_S, .actor = SLICE("line"), .text = SLICE("partition")}, another = ended;
    another.text = SLICE("delay");
    ck_assert(trouble_observe(trouble, &began));
    expect(3 * TIME_S, PLAN_FAULT, "slow", 1);
    expect(3 * TIME_S, PLAN_FAULT, "slow", 2);
    ck_assert(!trouble_observe(trouble, &another));
    expect_nothing(7 * TIME_S);
    ck_assert(trouble_observe(trouble, &ended));
    expect(7 * TIME_S, PLAN_HEAL, "slow", 1);
    expect(7 * TIME_S, PLAN_HEAL, "slow", 2);
}
END_TEST

START_TEST(a_fault_while_a_meeting_goes_on_begins_with_its_list_and_ends_with_it)
{
    static const struct population_meeting meeting = {.id = SLICE("lung"), .lasts = TIME_HOUR};
    faults[0] = (struct scenario_fault){.id = SLICE("x"), .effect = SLICE("slow"), .instant = INSTANT_WHILE, .meeting = SLICE("lung")};
    scenario.population.meetings = &meeting;
    scenario.population.meeting_count = 1;
    begin(1);
    struct load_row row = {.at_ns = TIME_HOUR, .what = LOAD_MEETING, .entry = {.verb = SLICE("meeting"), .argument_count = 2}};
    row.entry.arguments[0] = (struct plan_argument){SLICE("meeting"), SLICE("lung-20100304")};
    row.entry.arguments[1] = (struct plan_argument){SLICE("meeting_at"), SLICE("7200000000000")};
    ck_assert(trouble_row(trouble, &row));
    ck_assert(!trouble_row(trouble, &row)); /* a late name */
    expect_nothing(TIME_HOUR - 1);
    expect(TIME_HOUR, PLAN_FAULT, "slow", 1);
    expect(TIME_HOUR, PLAN_FAULT, "slow", 2);
    ck_assert_int_eq(trouble_due(trouble), 3 * TIME_HOUR);
}
END_TEST

START_TEST(who_is_killed_for_a_while_stays_dead_until_healed)
{
    struct trouble_act act;
    faults[0] = (struct scenario_fault){.id = SLICE("x"), .effect = SLICE("kill"), .instant = INSTANT_AFTER, .length = fixed(TIME_S), .after = {.event = OBSERVATION_held}};
    begin(1);
    ck_assert(trouble_observe(trouble, &(struct observation){.kind = OBSERVATION_held, .at_ns = TIME_S}));
    ck_assert(trouble_take(trouble, TIME_S, &act));
    ck_assert_int_eq(plan_get_int(&act.entry, "stay", 0), 1);
}
END_TEST

UNIT_MAIN(a_fault_of_single_operations_is_told_to_each_target_at_the_start, a_fault_after_the_nth_observation_begins_once_and_ends_by_its_length,
          a_fault_during_another_holds_as_long_as_that_does_anywhere, a_fault_while_a_meeting_goes_on_begins_with_its_list_and_ends_with_it,
          who_is_killed_for_a_while_stays_dead_until_healed)
