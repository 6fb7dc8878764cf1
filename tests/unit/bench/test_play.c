/* SPDX-License-Identifier: MIT
 *
 * Play: when a step of the story is due, and when a study is complete at a node. */
#include "tests/unit/unit.h"

#include "src/bench/play.h"

static struct step steps[4];
static struct scenario scenario = {.story = steps, .history_exams = 3};
static struct play *play;

static void begin(size_t count)
{
    static struct arena arena;
    ck_assert_int_eq(arena_make(&arena, 96u << 20), ERR_OK);
    scenario.step_count = count;
    ck_assert_int_eq(play_init(&play, &scenario, &arena), ERR_OK);
}

static void after(size_t step, struct condition condition)
{
    condition.count = condition.count == 0 ? 1 : condition.count;
    steps[step].after[steps[step].condition_count++] = condition;
}

static bool see(struct observation seen)
{
    struct observation derived;
    return play_observe(play, &seen, &derived);
}
#define SEE(event, ...) see((struct observation){.kind = OBSERVATION_##event, __VA_ARGS__})

START_TEST(a_step_without_conditions_is_due_at_once_and_steps_are_told_in_order)
{
    begin(2);
    ck_assert_ptr_eq(play_due(play), &steps[0]);
    play_told(play, &steps[0]);
    ck_assert_ptr_eq(play_due(play), &steps[1]);
    play_told(play, &steps[1]);
    ck_assert_ptr_null(play_due(play));
    ck_assert(play_over(play));
    ck_assert_uint_eq(play_steps_told(play), 2);
}
END_TEST

START_TEST(a_step_waits_for_the_nth_of_what_it_names)
{
    after(0, (struct condition){.event = OBSERVATION_query_answered, .count = 2});
    begin(1);
    SEE(query_asked, .actor = SLICE("ws"));
    SEE(query_answered, .actor = SLICE("ws"));
    ck_assert_ptr_null(play_due(play));
    SEE(query_answered, .actor = SLICE("ws"));
    ck_assert_ptr_eq(play_due(play), &steps[0]);
}
END_TEST

START_TEST(a_condition_counts_over_the_whole_run_even_before_its_step_is_next)
{
    after(1, (struct condition){.event = OBSERVATION_watched});
    begin(2);
    SEE(watched, .flag = true);
    play_told(play, play_due(play));
    ck_assert_ptr_eq(play_due(play), &steps[1]);
}
END_TEST

START_TEST(since_a_step_only_what_comes_after_it_was_told_counts)
{
    steps[0].id = SLICE("first");
    after(1, (struct condition){.event = OBSERVATION_find_received, .since = SLICE("first")});
    begin(2);
    SEE(find_received, .actor = SLICE("pacs"));
    play_told(play, play_due(play));
    ck_assert_ptr_null(play_due(play));
    SEE(find_received, .actor = SLICE("pacs"));
    ck_assert_ptr_eq(play_due(play), &steps[1]);
}
END_TEST

START_TEST(a_condition_that_names_a_node_is_met_by_that_node_alone)
{
    after(0, (struct condition){.event = OBSERVATION_held, .node = SLICE("north")});
    begin(1);
    SEE(held, .actor = SLICE("south"));
    ck_assert_ptr_null(play_due(play));
    SEE(held, .actor = SLICE("north"));
    ck_assert_ptr_nonnull(play_due(play));
}
END_TEST

START_TEST(a_condition_that_names_a_study_is_met_by_its_uid_or_its_accession_number)
{
    after(0, (struct condition){.event = OBSERVATION_watched, .study_uid = SLICE("1.2"), .accession = SLICE("A2")});
    after(1, (struct condition){.event = OBSERVATION_truth_instance, .study_uid = SLICE("1.2"), .accession = SLICE("A2")});
    begin(2);
    SEE(watched, .accession = SLICE("A1"));
    ck_assert_ptr_null(play_due(play));
    SEE(watched, .accession = SLICE("A2"));
    play_told(play, play_due(play));
    SEE(truth_instance, .study_uid = SLICE("1.2"), .sop_uid = SLICE("1.2.1"));
    ck_assert_ptr_nonnull(play_due(play));
}
END_TEST

START_TEST(a_complete_answer_is_one_without_the_mark)
{
    after(0, (struct condition){.event = OBSERVATION_query_answered, .complete = true});
    begin(1);
    SEE(query_answered, .flag = true);
    ck_assert_ptr_null(play_due(play));
    SEE(query_answered, .number = -1); /* a lost association is no answer at all */
    ck_assert_ptr_null(play_due(play));
    SEE(query_answered, .flag = false);
    ck_assert_ptr_nonnull(play_due(play));
}
END_TEST

START_TEST(a_condition_with_a_type_is_met_by_what_begins_with_it)
{
    after(0, (struct condition){.event = OBSERVATION_hl7_acked, .text = SLICE("ADT^A40")});
    begin(1);
    SEE(hl7_acked, .text = SLICE("ADT^A08 AA"));
    ck_assert_ptr_null(play_due(play));
    SEE(hl7_acked, .text = SLICE("ADT^A40 AA"));
    ck_assert_ptr_nonnull(play_due(play));
}
END_TEST

START_TEST(count_history_waits_for_every_exam_of_the_history)
{
    char text[128] = "";
    struct buffer waiting = buffer_over(text, sizeof text - 1);
    after(0, (struct condition){.event = OBSERVATION_watched, .count = COUNT_HISTORY});
    begin(1);
    SEE(watched, .accession = SLICE("A1"), .flag = true);
    SEE(watched, .accession = SLICE("A2"), .flag = true);
    ck_assert_ptr_null(play_due(play));
    play_waiting(play, &waiting);
    ck_assert_str_eq(text, "watched 2 of 3");
    SEE(watched, .accession = SLICE("A3"), .flag = true);
    ck_assert_ptr_nonnull(play_due(play));
}
END_TEST

START_TEST(every_condition_of_a_step_must_be_met)
{
    after(0, (struct condition){.event = OBSERVATION_held});
    after(0, (struct condition){.event = OBSERVATION_killed});
    begin(1);
    SEE(killed, .actor = SLICE("hub"));
    ck_assert_ptr_null(play_due(play));
    SEE(held, .actor = SLICE("north"));
    ck_assert_ptr_nonnull(play_due(play));
}
END_TEST

/* ---- study_delivered */

static void hold_two(void)
{
    SEE(truth_instance, .actor = SLICE("north"), .study_uid = SLICE("1.1"), .sop_uid = SLICE("1.1.1"));
    SEE(truth_instance, .actor = SLICE("north"), .study_uid = SLICE("1.1"), .sop_uid = SLICE("1.1.2"));
    SEE(truth_instance, .actor = SLICE("north"), .study_uid = SLICE("1.1"), .sop_uid = SLICE("1.1.2")); /* told twice */
}

START_TEST(a_study_is_delivered_when_every_instance_that_exists_is_there_once)
{
    struct observation derived;
    begin(0);
    hold_two();
    ck_assert(!SEE(delivered, .actor = SLICE("ws"), .study_uid = SLICE("1.1"), .sop_uid = SLICE("1.1.1")));
    ck_assert(!SEE(delivered, .actor = SLICE("ws"), .study_uid = SLICE("1.1"), .sop_uid = SLICE("1.1.1"))); /* the same again */
    ck_assert(!SEE(delivered, .actor = SLICE("south"), .study_uid = SLICE("1.1"), .sop_uid = SLICE("1.1.2"))); /* elsewhere */
    ck_assert(!SEE(delivered, .actor = SLICE("ws"), .study_uid = SLICE("1.1"), .sop_uid = SLICE("1.1.2"), .number = 0xA700)); /* refused */
    const struct observation last = {.kind = OBSERVATION_delivered, .at_ns = 7, .actor = SLICE("ws"), .study_uid = SLICE("1.1"), .sop_uid = SLICE("1.1.2")};
    ck_assert(play_observe(play, &last, &derived));
    ck_assert_int_eq(derived.kind, OBSERVATION_study_delivered);
    ck_assert(slice_equal(derived.actor, SLICE("ws")) && slice_equal(derived.study_uid, SLICE("1.1")));
    ck_assert_int_eq(derived.count, 2);
    ck_assert_int_eq(derived.at_ns, 7);
}
END_TEST

START_TEST(a_study_that_grew_is_delivered_again_when_the_rest_is_there)
{
    begin(0);
    hold_two();
    SEE(delivered, .actor = SLICE("ws"), .study_uid = SLICE("1.1"), .sop_uid = SLICE("1.1.1"));
    ck_assert(SEE(delivered, .actor = SLICE("ws"), .study_uid = SLICE("1.1"), .sop_uid = SLICE("1.1.2")));
    SEE(truth_instance, .actor = SLICE("north"), .study_uid = SLICE("1.1"), .sop_uid = SLICE("1.1.3"));
    ck_assert(SEE(delivered, .actor = SLICE("ws"), .study_uid = SLICE("1.1"), .sop_uid = SLICE("1.1.3")));
}
END_TEST

START_TEST(two_studies_of_one_uid_are_delivered_one_by_one)
{
    begin(0);
    SEE(truth_instance, .actor = SLICE("north"), .person = SLICE("ann"), .study_uid = SLICE("1.6"), .sop_uid = SLICE("1.6.1"));
    SEE(truth_instance, .actor = SLICE("south"), .person = SLICE("bob"), .study_uid = SLICE("1.6"), .sop_uid = SLICE("1.6.2"));
    ck_assert(SEE(delivered, .actor = SLICE("ws"), .study_uid = SLICE("1.6"), .sop_uid = SLICE("1.6.2")));
    ck_assert(SEE(delivered, .actor = SLICE("ws"), .study_uid = SLICE("1.6"), .sop_uid = SLICE("1.6.1")));
}
END_TEST

START_TEST(a_study_told_and_delivered_in_spans_is_complete_wherever_they_are_cut)
{
    begin(0);
    SEE(truth_instance, .actor = SLICE("north"), .study_uid = SLICE("1.7"), .sop_uid = SLICE("1.7.1"), .span = 30);
    ck_assert(!SEE(delivered, .actor = SLICE("ws"), .study_uid = SLICE("1.7"), .sop_uid = SLICE("1.7.1"), .span = 12));
    ck_assert(!SEE(delivered, .actor = SLICE("ws"), .study_uid = SLICE("1.7"), .sop_uid = SLICE("1.7.10"), .span = 3));
    ck_assert(SEE(delivered, .actor = SLICE("ws"), .study_uid = SLICE("1.7"), .sop_uid = SLICE("1.7.13"), .span = 18));
}
END_TEST

UNIT_MAIN(a_step_without_conditions_is_due_at_once_and_steps_are_told_in_order, a_step_waits_for_the_nth_of_what_it_names,
          a_condition_counts_over_the_whole_run_even_before_its_step_is_next, since_a_step_only_what_comes_after_it_was_told_counts,
          a_condition_that_names_a_node_is_met_by_that_node_alone, a_condition_that_names_a_study_is_met_by_its_uid_or_its_accession_number,
          a_complete_answer_is_one_without_the_mark, a_condition_with_a_type_is_met_by_what_begins_with_it,
          count_history_waits_for_every_exam_of_the_history, every_condition_of_a_step_must_be_met,
          a_study_is_delivered_when_every_instance_that_exists_is_there_once, a_study_that_grew_is_delivered_again_when_the_rest_is_there,
          two_studies_of_one_uid_are_delivered_one_by_one, a_study_told_and_delivered_in_spans_is_complete_wherever_they_are_cut)
