/* SPDX-License-Identifier: MIT
 *
 * The judge on questions and answers: each rule holds where it should, and each broken twin is caught. */
#include "tests/unit/bench/judge_test.h"

/* ---- answer-is-true */

START_TEST(an_answer_that_shows_every_study_once_is_true)
{
    begin_world();
    good_question(10);
    expect_holds(INVARIANT_answer_is_true);
    expect(INVARIANT_right_patient, true);
    expect(INVARIANT_partial_is_flagged, true);
    expect(INVARIANT_one_final_answer, true);
    ck_assert_int_eq(script.results.counts[COUNT_queries], 1);
}
END_TEST

START_TEST(an_unmarked_answer_without_one_of_the_studies_is_a_lie)
{
    begin_world();
    ask(10, "9990000018");
    row(10, "1.1", "9990000018", "pacs_north");
    answer(11, 0);
    expect_broken(INVARIANT_answer_is_true);
}
END_TEST

START_TEST(a_marked_answer_may_lack_studies)
{
    begin_world();
    SEE(fault_began, 5, .actor = SLICE("pacs_south"), .text = SLICE("down"));
    ask(10, "9990000018");
    row(10, "1.1", "9990000018", "pacs_north");
    answer(11, 0xC0D1);
    expect_holds(INVARIANT_answer_is_true);
    expect(INVARIANT_partial_is_flagged, true);
}
END_TEST

START_TEST(a_marked_answer_may_not_show_what_does_not_answer)
{
    begin_world();
    SEE(fault_began, 5, .actor = SLICE("pacs_south"), .text = SLICE("down"));
    ask(10, "9990000018");
    row(10, "1.3", "9990000026", "pacs_south");
    answer(11, 0xC0D1);
    expect_broken(INVARIANT_answer_is_true);
}
END_TEST

START_TEST(a_study_shown_twice_is_a_lie)
{
    begin_world();
    ask(10, "9990000018");
    row(10, "1.1", "9990000018", "pacs_north");
    row(10, "1.1", "9990000018", "pacs_north");
    row(10, "1.2", "9990000018", "pacs_south");
    answer(11, 0);
    expect_broken(INVARIANT_answer_is_true);
}
END_TEST

START_TEST(a_study_that_exists_nowhere_is_a_lie)
{
    begin_world();
    ask_uid(10, "1.99");
    row(10, "1.99", "9990000018", "pacs_north");
    answer(11, 0);
    expect_broken(INVARIANT_answer_is_true);
}
END_TEST

START_TEST(rows_of_another_open_question_are_not_counted_to_this_one)
{
    begin_world();
    SEE(query_asked, 10, .actor = SLICE("watcher"), .other_id = SLICE("w1"), .text = SLICE("STUDY AccessionNumber=A1"), .accession = SLICE("A1"));
    ask(10, "9990000018");
    SEE(row_shown, 10, .actor = SLICE("watcher"), .other_id = SLICE("w1"), .study_uid = SLICE("1.1"), .patient_id = SLICE("9990000018"), .issuer = SLICE("NHS"));
    row(10, "1.1", "9990000018", "pacs_north");
    row(10, "1.2", "9990000018", "pacs_south");
    SEE(query_answered, 11, .actor = SLICE("watcher"), .other_id = SLICE("w1"));
    answer(11, 0);
    expect_holds(INVARIANT_answer_is_true);
    ck_assert_int_eq(checked(INVARIANT_answer_is_true), 2);
    ck_assert_int_eq(script.results.counts[COUNT_queries], 1); /* the watcher's is not counted */
}
END_TEST

START_TEST(a_moved_study_is_one_row_with_both_copies)
{
    begin_world();
    deliver(5, "pacs_north", "NOR", "N1", "1.2", "1.2.1");
    ask(10, "9990000018");
    row(10, "1.1", "9990000018", "pacs_north");
    row(10, "1.2", "9990000018", "pacs_north\\pacs_south");
    answer(11, 0);
    expect_holds(INVARIANT_answer_is_true);
}
END_TEST

START_TEST(a_row_without_one_of_its_copies_is_a_lie)
{
    begin_world();
    deliver(5, "pacs_north", "NOR", "N1", "1.2", "1.2.1");
    good_question(10);
    expect_broken(INVARIANT_answer_is_true);
}
END_TEST

START_TEST(a_copy_that_came_while_the_question_was_open_may_be_named_or_not)
{
    begin_world();
    ask(10, "9990000018");
    deliver(10, "pacs_north", "NOR", "N1", "1.2", "1.2.1");
    row(10, "1.1", "9990000018", "pacs_north");
    row(10, "1.2", "9990000018", "pacs_south");
    answer(11, 0);
    expect_holds(INVARIANT_answer_is_true);
}
END_TEST

START_TEST(a_row_that_names_a_copy_nobody_has_is_a_lie)
{
    begin_world();
    ask(10, "9990000018");
    row(10, "1.1", "9990000018", "pacs_north\\pacs_south");
    row(10, "1.2", "9990000018", "pacs_south");
    answer(11, 0);
    expect_broken(INVARIANT_answer_is_true);
}
END_TEST

START_TEST(a_study_that_arrives_while_the_question_is_open_may_be_shown_or_not)
{
    begin_world();
    ask(10, "9990000018");
    instance_at(10, "pacs_south", "ann", "S1", "1.4", "A4", "1.4.1");
    row(10, "1.1", "9990000018", "pacs_north");
    row(10, "1.2", "9990000018", "pacs_south");
    answer(11, 0);
    ask(20, "9990000018");
    row(20, "1.1", "9990000018", "pacs_north");
    row(20, "1.2", "9990000018", "pacs_south");
    row(20, "1.4", "9990000018", "pacs_south");
    answer(21, 0);
    expect_holds(INVARIANT_answer_is_true);
}
END_TEST

START_TEST(a_study_that_its_pacs_deleted_need_not_be_shown)
{
    begin_world();
    SEE(instance_gone, 5, .actor = SLICE("pacs_south"), .study_uid = SLICE("1.2"), .sop_uid = SLICE("1.2.1"));
    ask(10, "9990000018");
    row(10, "1.1", "9990000018", "pacs_north");
    answer(11, 0);
    expect_holds(INVARIANT_answer_is_true);
}
END_TEST

START_TEST(two_numbers_merged_by_radis2_are_one_patient)
{
    begin_world();
    SEE(truth_person, 2, .person = SLICE("ann"), .issuer = SLICE("SOU"), .patient_id = SLICE("S9"), .name = SLICE("ROSS^ANN"), .text = SLICE("19580411"));
    SEE(hl7_acked, 2, .person = SLICE("ann"), .text = SLICE("ADT^A04 AA"));
    instance_at(3, "pacs_south", "ann", "S9", "1.5", "A5", "1.5.1");
    good_question(10);
    SEE(truth_merged, 20, .person = SLICE("ann"), .issuer = SLICE("SOU"), .patient_id = SLICE("S1"), .other_id = SLICE("S9"));
    SEE(hl7_acked, 21, .person = SLICE("ann"), .text = SLICE("ADT^A40 AA"));
    ask(30, "9990000018");
    row(30, "1.1", "9990000018", "pacs_north");
    row(30, "1.2", "9990000018", "pacs_south");
    row(30, "1.5", "9990000018", "pacs_south");
    answer(31, 0);
    expect_holds(INVARIANT_answer_is_true);
    ck_assert_int_eq(checked(INVARIANT_answer_is_true), 2);
}
END_TEST

START_TEST(a_merge_that_was_acknowledged_must_show)
{
    begin_world();
    SEE(truth_person, 2, .person = SLICE("ann"), .issuer = SLICE("SOU"), .patient_id = SLICE("S9"), .name = SLICE("ROSS^ANN"), .text = SLICE("19580411"));
    SEE(hl7_acked, 2, .person = SLICE("ann"), .text = SLICE("ADT^A04 AA"));
    instance_at(3, "pacs_south", "ann", "S9", "1.5", "A5", "1.5.1");
    SEE(truth_merged, 20, .person = SLICE("ann"), .issuer = SLICE("SOU"), .patient_id = SLICE("S1"), .other_id = SLICE("S9"));
    SEE(hl7_acked, 21, .person = SLICE("ann"), .text = SLICE("ADT^A40 AA"));
    good_question(30);
    expect_broken(INVARIANT_answer_is_true);
}
END_TEST

START_TEST(a_merge_that_is_not_acknowledged_may_show_or_not)
{
    begin_world();
    SEE(truth_person, 2, .person = SLICE("ann"), .issuer = SLICE("SOU"), .patient_id = SLICE("S9"), .name = SLICE("ROSS^ANN"), .text = SLICE("19580411"));
    SEE(hl7_acked, 2, .person = SLICE("ann"), .text = SLICE("ADT^A04 AA"));
    instance_at(3, "pacs_south", "ann", "S9", "1.5", "A5", "1.5.1");
    SEE(truth_merged, 29, .person = SLICE("ann"), .issuer = SLICE("SOU"), .patient_id = SLICE("S1"), .other_id = SLICE("S9"));
    good_question(30);
    expect_holds(INVARIANT_answer_is_true);
}
END_TEST

/* RADIS2 takes cat's number for ann's: until it says that they are two, cat's study may be shown as ann's. */
static void meet_cat(int64_t at_s)
{
    SEE(truth_person, at_s, .person = SLICE("cat"), .issuer = SLICE("SOU"), .patient_id = SLICE("S8"), .name = SLICE("ROSS^CAT"), .text = SLICE("19580411"));
    SEE(hl7_acked, at_s, .person = SLICE("cat"), .text = SLICE("ADT^A04 AA"));
    instance_at(at_s, "pacs_south", "cat", "S8", "1.8", "A8", "1.8.1");
}

static void mixed_up(bool taken_back, bool known)
{
    begin_world();
    if (known) {
        meet_cat(2);
    }
    SEE(truth_merged, 5, .person = SLICE("ann"), .issuer = SLICE("SOU"), .patient_id = SLICE("S1"), .other_id = SLICE("S8"), .flag = true, .name = SLICE("cat"));
    SEE(hl7_acked, 5, .person = SLICE("ann"), .text = SLICE("ADT^A40 AA"));
    if (!known) {
        meet_cat(6);
    }
    if (taken_back) {
        SEE(truth_person, 6, .person = SLICE("ann"), .issuer = SLICE("SOU"), .patient_id = SLICE("S1"), .name = SLICE("ROSS^ANN"), .text = SLICE("19580411"));
        SEE(truth_person, 6, .person = SLICE("cat"), .issuer = SLICE("SOU"), .patient_id = SLICE("S8"), .name = SLICE("ROSS^CAT"), .text = SLICE("19580411"));
        SEE(hl7_acked, 6, .person = SLICE("ann"), .text = SLICE("ADT^A37 AA"));
    }
    ask(60, "9990000018");
    row(60, "1.1", "9990000018", "pacs_north");
    row(60, "1.2", "9990000018", "pacs_south");
    row(60, "1.8", "9990000018", "pacs_south");
    answer(61, 0);
}

START_TEST(two_persons_that_radis2_takes_for_one_may_be_shown_as_one)
{
    mixed_up(false, true);
    expect_holds(INVARIANT_right_patient);
    ck_assert_int_eq(script.results.invariants[INVARIANT_answer_is_true].violations, 0);
}
END_TEST

START_TEST(somebody_taken_for_another_before_she_ever_came_may_be_shown_as_that_one)
{
    mixed_up(false, false);
    expect_holds(INVARIANT_right_patient);
    ck_assert_int_eq(script.results.invariants[INVARIANT_answer_is_true].violations, 0);
}
END_TEST

START_TEST(two_persons_that_radis2_took_for_one_must_be_shown_as_two_again)
{
    mixed_up(true, true);
    expect_broken(INVARIANT_right_patient);
}
END_TEST

START_TEST(a_study_under_a_maiden_name_must_show_once_that_name_is_hers)
{
    begin_world();
    SEE(truth_person, 2, .person = SLICE("eve"), .issuer = SLICE("NOR"), .patient_id = SLICE("N7"), .nhs = SLICE("9990000034"), .name = SLICE("PRICE^EVE"), .flag = true);
    SEE(truth_person, 2, .person = SLICE("eve"), .issuer = SLICE("SOU"), .patient_id = SLICE("S7"), .nhs = SLICE("9990000034"), .name = SLICE("LLYWELYN^EVE"), .flag = true);
    SEE(hl7_acked, 2, .person = SLICE("eve"), .text = SLICE("ADT^A04 AA"));
    SEE(hl7_acked, 2, .person = SLICE("eve"), .text = SLICE("ADT^A04 AA"));
    instance_at(3, "pacs_south", "eve", "S7", "1.7", "A7", "1.7.1");
    ask(10, "9990000034");
    answer(11, 0); /* nobody said yet that Llywelyn is she */
    SEE(truth_person, 20, .person = SLICE("eve"), .issuer = SLICE("NOR"), .patient_id = SLICE("N7"), .nhs = SLICE("9990000034"), .name = SLICE("PRICE^EVE"),
        .other_id = SLICE("LLYWELYN^EVE"), .flag = true);
    SEE(hl7_acked, 20, .person = SLICE("eve"), .text = SLICE("ADT^A08 AA"));
    ask(30, "9990000034");
    answer(31, 0);
    end_world();
    ck_assert_int_eq(script.results.invariants[INVARIANT_answer_is_true].violations, 1);
}
END_TEST

START_TEST(numbers_that_turn_out_to_be_two_persons_are_two_again)
{
    begin_world();
    SEE(truth_merged, 5, .person = SLICE("ann"), .issuer = SLICE("SOU"), .patient_id = SLICE("S1"), .other_id = SLICE("S8"));
    SEE(hl7_acked, 5, .person = SLICE("ann"), .text = SLICE("ADT^A40 AA"));
    SEE(truth_person, 6, .person = SLICE("ann"), .issuer = SLICE("SOU"), .patient_id = SLICE("S1"), .name = SLICE("ROSS^ANN"), .text = SLICE("19580411"));
    SEE(truth_person, 6, .person = SLICE("cat"), .issuer = SLICE("SOU"), .patient_id = SLICE("S8"), .name = SLICE("ROSS^CAT"));
    SEE(hl7_acked, 6, .person = SLICE("ann"), .text = SLICE("ADT^A37 AA"));
    instance_at(7, "pacs_south", "cat", "S8", "1.8", "A8", "1.8.1");
    good_question(10);
    expect_holds(INVARIANT_answer_is_true);
}
END_TEST

/* ---- right-patient */

START_TEST(a_row_under_another_patients_number_is_wrong)
{
    begin_world();
    ask_uid(10, "1.3");
    row(10, "1.3", "9990000018", "pacs_south");
    answer(11, 0);
    expect_broken(INVARIANT_right_patient);
    ck_assert_int_eq(script.results.verdict, VERDICT_FAIL);
}
END_TEST

START_TEST(an_image_under_the_receivers_number_is_right)
{
    begin_world();
    deliver(5, "pacs_north", "NOR", "N1", "1.2", "1.2.1");
    deliver(5, "ws", "NHS", "9990000026", "1.3", "1.3.1");
    expect_holds(INVARIANT_right_patient);
    ck_assert_int_eq(checked(INVARIANT_right_patient), 2);
}
END_TEST

START_TEST(an_image_under_another_patients_number_is_wrong)
{
    begin_world();
    deliver(5, "ws", "NHS", "9990000018", "1.3", "1.3.1");
    expect_broken(INVARIANT_right_patient);
}
END_TEST

START_TEST(an_image_under_a_number_of_another_organisation_is_wrong)
{
    begin_world();
    deliver(5, "pacs_north", "SOU", "S1", "1.2", "1.2.1");
    expect_broken(INVARIANT_right_patient);
}
END_TEST

START_TEST(an_image_under_a_number_nobody_has_is_wrong)
{
    begin_world();
    deliver(5, "pacs_north", "", "S1", "1.2", "1.2.1"); /* S1 means nothing in the north */
    expect_broken(INVARIANT_right_patient);
}
END_TEST

START_TEST(a_number_of_the_engines_own_names_one_person_only)
{
    begin_world();
    deliver(5, "ws", "PONT", "P000000001", "1.1", "1.1.1");
    deliver(6, "ws", "PONT", "P000000001", "1.1", "1.1.2");
    end_world();
    expect(INVARIANT_right_patient, true);
    deliver(7, "ws", "PONT", "P000000001", "1.3", "1.3.1");
    end_world();
    expect(INVARIANT_right_patient, false);
}
END_TEST

/* ---- A cloned modality: one Study UID, two patients. */

static void clone(void)
{
    begin_world();
    instance_at(2, "pacs_north", "ann", "N1", "1.6", "A6", "1.6.1");
    instance_at(2, "pacs_south", "bob", "S2", "1.6", "A7", "1.6.2");
}

START_TEST(two_studies_of_one_uid_are_two_rows)
{
    clone();
    ask_uid(10, "1.6");
    row(10, "1.6", "9990000018", "pacs_north");
    row(10, "1.6", "9990000026", "pacs_south");
    answer(11, 0);
    expect_holds(INVARIANT_answer_is_true);
    expect(INVARIANT_right_patient, true);
}
END_TEST

START_TEST(two_studies_of_one_uid_in_one_row_are_a_mixture)
{
    clone();
    ask_uid(10, "1.6");
    row(10, "1.6", "9990000018", "pacs_north\\pacs_south");
    answer(11, 0);
    expect_broken(INVARIANT_right_patient);
    expect(INVARIANT_answer_is_true, false);
}
END_TEST

START_TEST(of_two_studies_of_one_uid_a_patient_sees_her_own)
{
    clone();
    ask(10, "9990000026");
    row(10, "1.3", "9990000026", "pacs_south");
    row(10, "1.6", "9990000026", "pacs_south");
    answer(11, 0);
    expect_holds(INVARIANT_answer_is_true);
    expect(INVARIANT_right_patient, true);
}
END_TEST

/* ---- partial-is-flagged */

START_TEST(an_answer_without_a_mark_while_a_pacs_is_down_is_caught)
{
    begin_world();
    SEE(fault_began, 5, .actor = SLICE("pacs_south"), .text = SLICE("down"));
    good_question(10);
    expect_broken(INVARIANT_partial_is_flagged);
}
END_TEST

START_TEST(an_answer_without_a_mark_while_a_pacs_never_answered_is_caught)
{
    begin_world();
    SEE(fault_began, 9, .actor = SLICE("pacs_south"), .text = SLICE("hang"));
    ask(10, "9990000018");
    SEE(find_received, 10, .actor = SLICE("pacs_south"), .peer = SLICE("PONT"));
    row(10, "1.1", "9990000018", "pacs_north");
    row(10, "1.2", "9990000018", "pacs_south");
    answer(11, 0);
    expect_broken(INVARIANT_partial_is_flagged);
}
END_TEST

START_TEST(a_pacs_that_hangs_in_moves_only_still_answers)
{
    begin_world();
    SEE(fault_began, 9, .actor = SLICE("pacs_south"), .text = SLICE("hang"));
    ask(10, "9990000018");
    SEE(find_received, 10, .actor = SLICE("pacs_south"), .peer = SLICE("PONT"));
    SEE(find_answered, 10, .actor = SLICE("pacs_south"), .peer = SLICE("PONT"));
    row(10, "1.1", "9990000018", "pacs_north");
    row(10, "1.2", "9990000018", "pacs_south");
    answer(11, 0);
    expect_holds(INVARIANT_partial_is_flagged);
}
END_TEST

START_TEST(a_mark_without_a_cause_is_caught)
{
    begin_world();
    ask(10, "9990000018");
    row(10, "1.1", "9990000018", "pacs_north");
    row(10, "1.2", "9990000018", "pacs_south");
    answer(11, 0xC0D1);
    expect_broken(INVARIANT_partial_is_flagged);
}
END_TEST

/* In virtual time a PACS takes a question up when it has time for it. */
START_TEST(a_mark_because_a_pacs_took_the_question_up_too_late_has_a_cause)
{
    begin_world();
    ask(10, "9990000018");
    answer(12, 0xC0D1);
    SEE(find_received, 14, .actor = SLICE("pacs_south"), .text = SLICE("STUDY PatientID=S1"), .number = 1); /* too short to tell */
    SEE(find_received, 15, .actor = SLICE("pacs_south"), .text = SLICE("STUDY PatientID=9990000018"), .number = 1);
    SEE(find_answered, 15, .actor = SLICE("pacs_south"));
    expect_holds(INVARIANT_partial_is_flagged);
}
END_TEST

START_TEST(a_mark_is_not_excused_by_a_question_of_somebody_else_or_much_later)
{
    begin_world();
    ask(10, "9990000018");
    answer(12, 0xC0D1);
    SEE(find_received, 14, .actor = SLICE("pacs_south"), .text = SLICE("STUDY PatientID=9990000026"), .number = 1);
    SEE(find_received, 90, .actor = SLICE("pacs_south"), .text = SLICE("STUDY PatientID=9990000018"), .number = 1);
    expect_broken(INVARIANT_partial_is_flagged);
}
END_TEST

START_TEST(a_mark_while_a_pacs_came_and_went_is_allowed)
{
    begin_world();
    ask(10, "9990000018");
    SEE(fault_began, 11, .actor = SLICE("pacs_south"), .text = SLICE("down"));
    SEE(fault_ended, 12, .actor = SLICE("pacs_south"), .text = SLICE("down"));
    answer(13, 0xC0D1);
    expect_holds(INVARIANT_partial_is_flagged);
}
END_TEST

START_TEST(a_fault_at_radis2_is_no_cause_for_a_mark)
{
    begin_world();
    SEE(fault_began, 5, .actor = SLICE("ris"), .text = SLICE("down"));
    ask(10, "9990000018");
    answer(13, 0xC0D1);
    expect_broken(INVARIANT_partial_is_flagged);
}
END_TEST

START_TEST(a_list_that_a_pacs_refused_is_a_cause_for_a_mark)
{
    begin_world();
    ask(10, "9990000018");
    SEE(find_received, 10, .actor = SLICE("pacs_south"));
    SEE(find_answered, 10, .actor = SLICE("pacs_south"), .number = 0xA700);
    answer(13, 0xC0D1);
    expect_holds(INVARIANT_partial_is_flagged);
}
END_TEST

START_TEST(a_question_for_series_is_not_marked_because_of_a_pacs_that_has_none)
{
    begin_world();
    SEE(fault_began, 5, .actor = SLICE("pacs_south"), .text = SLICE("down"));
    SEE(query_asked, 10, .actor = SLICE("ws"), .other_id = SLICE("s"), .text = SLICE("SERIES StudyInstanceUID=1.1"), .study_uid = SLICE("1.1"));
    SEE(query_answered, 11, .actor = SLICE("ws"), .other_id = SLICE("s"));
    expect_holds(INVARIANT_partial_is_flagged);
}
END_TEST

START_TEST(busy_is_a_refusal_and_no_mark)
{
    begin_world();
    good_question(5);
    ask(10, "9990000018");
    answer(11, 0xA700);
    expect_holds(INVARIANT_partial_is_flagged);
    expect(INVARIANT_one_final_answer, true);
    ck_assert_int_eq(script.results.counts[COUNT_queries_partial], 0);
}
END_TEST

/* ---- one-final-answer */

START_TEST(a_question_without_an_answer_is_caught)
{
    begin_world();
    ask(10, "9990000018");
    expect_broken(INVARIANT_one_final_answer);
}
END_TEST

START_TEST(a_question_with_two_answers_is_caught)
{
    begin_world();
    good_question(10);
    answer(12, 0);
    expect_broken(INVARIANT_one_final_answer);
}
END_TEST

START_TEST(a_lost_association_is_caught)
{
    begin_world();
    ask(10, "9990000018");
    answer(70, -1);
    expect_broken(INVARIANT_one_final_answer);
}
END_TEST

START_TEST(an_association_lost_because_the_engine_was_killed_is_excused)
{
    begin_world();
    ask(10, "9990000018");
    SEE(killed, 11, .actor = SLICE("hub"), .count = 1);
    answer(11, -1);
    SEE(restarted, 12, .actor = SLICE("hub"), .count = 2);
    expect_holds(INVARIANT_one_final_answer);
}
END_TEST

START_TEST(an_association_lost_long_after_the_engine_was_killed_is_not)
{
    begin_world();
    SEE(killed, 5, .actor = SLICE("hub"), .count = 1);
    SEE(restarted, 6, .actor = SLICE("hub"), .count = 2);
    ask(10, "9990000018");
    answer(11, -1);
    expect_broken(INVARIANT_one_final_answer);
}
END_TEST

START_TEST(a_run_that_was_cut_short_owes_no_answer)
{
    begin_world();
    good_question(5);
    ask(10, "9990000018");
    script.results.error = SLICE("interrupted");
    expect_holds(INVARIANT_one_final_answer);
    ck_assert_int_eq(script.results.verdict, VERDICT_INCONCLUSIVE);
}
END_TEST

START_TEST(a_run_that_was_cut_short_owes_the_answers_that_were_long_due)
{
    begin_world();
    judge_deadline(script.judge, 5 * TIME_S);
    ask(10, "9990000018");
    SEE(story, 30, .text = SLICE("and nothing came"));
    script.results.error = SLICE("the wall limit passed");
    expect_broken(INVARIANT_one_final_answer);
}
END_TEST

START_TEST(a_retrieve_that_never_ends_is_caught)
{
    begin_world();
    SEE(retrieve_asked, 10, .actor = SLICE("ws"), .other_id = SLICE("r"), .study_uid = SLICE("1.2"));
    SEE(retrieve_answered, 11, .actor = SLICE("ws"), .other_id = SLICE("r"), .study_uid = SLICE("1.2"));
    end_world();
    expect(INVARIANT_one_final_answer, true);
    SEE(retrieve_asked, 20, .actor = SLICE("ws"), .other_id = SLICE("r2"), .study_uid = SLICE("1.2"));
    end_world();
    expect(INVARIANT_one_final_answer, false);
}
END_TEST

START_TEST(an_answer_behind_its_deadline_is_caught)
{
    begin_world();
    judge_deadline(script.judge, 3 * TIME_S);
    put(1, 20, TABLE_query, N(1), N(SECOND(16)), "WS", "STUDY", N(2), N(0), "", N(SECOND(19)));
    end_world();
    expect(INVARIANT_one_final_answer, true);
    put(2, 40, TABLE_query, N(2), N(SECOND(20)), "WS", "STUDY", N(2), N(0), "", N(SECOND(39)));
    end_world();
    expect(INVARIANT_one_final_answer, false);
}
END_TEST

/* ---- rejected-stays-hidden */

static void reject(int second)
{
    SEE(rejected, second, .actor = SLICE("pacs_south"), .study_uid = SLICE("1.2"), .sop_uid = SLICE("1.2.1"), .text = SLICE("113001"));
}

START_TEST(a_rejected_study_is_not_shown)
{
    begin_world();
    reject(5);
    ask(10, "9990000018");
    row(10, "1.1", "9990000018", "pacs_north");
    answer(11, 0);
    expect_holds(INVARIANT_rejected_stays_hidden);
    expect(INVARIANT_answer_is_true, true);
}
END_TEST

START_TEST(a_rejected_study_that_is_shown_is_caught)
{
    begin_world();
    reject(5);
    good_question(10);
    expect_broken(INVARIANT_rejected_stays_hidden);
}
END_TEST

/* The PACS says nothing of what it rejects, and this time no list came from it either. */
static void marked_question(int second)
{
    ask(second, "9990000018");
    row(second, "1.1", "9990000018", "pacs_north");
    row(second, "1.2", "9990000018", "pacs_south");
    answer(second + 1, 0xC0D1);
}

START_TEST(a_rejection_that_nobody_told_may_be_missed_by_an_answer_that_is_marked)
{
    begin_world();
    put_study(1, 2, "1.2", "A2");
    reject(5);
    marked_question(10);
    expect_holds(INVARIANT_rejected_stays_hidden);
}
END_TEST

START_TEST(a_rejection_that_the_engine_wrote_down_is_missed_by_no_answer)
{
    begin_world();
    put_study(1, 2, "1.2", "A2");
    reject(5);
    put(2, 6, TABLE_copy, N(2), "pacs_south", N(COPY_ORIGINAL), N(COPY_GONE), N(1), N(PROOF_LIST), N(0));
    marked_question(10);
    expect_broken(INVARIANT_rejected_stays_hidden);
}
END_TEST

/* Bob's exam is completed, never shown, and its study rejected so many seconds later; is that all that was expected? */
static bool all_are_published(int rejected_after)
{
    static struct expectation all[] = {{.id = SLICE("all"), .of = SLICE("published"), .kind = BOUND_ALL}};
    scenario.expectations = all;
    scenario.expectation_count = 1;
    SEE(truth_exam, 100, .person = SLICE("bob"), .issuer = SLICE("SOU"), .accession = SLICE("A3"), .study_uid = SLICE("1.3"), .text = SLICE("completed"));
    if (rejected_after > 0) {
        SEE(rejected, 100 + rejected_after, .actor = SLICE("pacs_south"), .study_uid = SLICE("1.3"), .sop_uid = SLICE("1.3.1"), .text = SLICE("113001"), .flag = true);
    }
    SEE(fault_ended, 9000, .actor = SLICE("pacs_south"), .text = SLICE("down"));
    end_world();
    ck_assert_uint_eq(script.results.expectation_count, 1);
    return script.results.expectations[0].pass;
}

START_TEST(an_exam_that_is_never_shown_is_missed)
{
    begin_world();
    ck_assert(!all_are_published(0));
}
END_TEST

START_TEST(an_exam_that_is_rejected_at_once_is_not_missed)
{
    begin_world();
    ck_assert(all_are_published(300));
}
END_TEST

START_TEST(an_exam_that_is_rejected_after_it_had_to_be_shown_is_missed)
{
    begin_world();
    ck_assert(!all_are_published(5000));
}
END_TEST

START_TEST(an_exam_that_is_rejected_while_its_archive_is_away_is_not_missed)
{
    begin_world();
    SEE(fault_began, 90, .actor = SLICE("pacs_south"), .text = SLICE("down"));
    ck_assert(all_are_published(5000));
}
END_TEST

START_TEST(a_study_of_a_withdrawn_exam_is_hidden_once_the_engine_knows)
{
    begin_world();
    SEE(truth_exam, 1, .person = SLICE("ann"), .issuer = SLICE("SOU"), .accession = SLICE("A2"), .study_uid = SLICE("1.2"), .text = SLICE("completed"));
    SEE(watched, 3, .issuer = SLICE("SOU"), .accession = SLICE("A2"), .flag = true);
    good_question(5);
    SEE(truth_exam, 7, .person = SLICE("ann"), .issuer = SLICE("SOU"), .accession = SLICE("A2"), .study_uid = SLICE("1.2"), .text = SLICE("cancelled"));
    good_question(8);
    SEE(hl7_acked, 10, .issuer = SLICE("SOU"), .accession = SLICE("A2"), .name = SLICE("CA"), .text = SLICE("ORM^O01 AA"));
    ask(20, "9990000018");
    row(20, "1.1", "9990000018", "pacs_north");
    answer(21, 0);
    end_world();
    expect(INVARIANT_rejected_stays_hidden, true);
    good_question(30);
    end_world();
    expect(INVARIANT_rejected_stays_hidden, false);
}
END_TEST

START_TEST(an_image_sent_after_its_rejection_is_caught)
{
    begin_world();
    put_study(1, 2, "1.2", "A2");
    put_demand(1, 3, 1, DEMAND_MDT, 2, "ws", DEMAND_WAITING, PROOF_NONE, 0, 0);
    put(2, 4, TABLE_job, N(1), N(1), "pacs_south", N(PATH_RELAY), N(0), N(0));
    reject(5);
    deliver(6, "ws", "NHS", "9990000018", "1.2", "1.2.1"); /* was on its way */
    end_world();
    expect(INVARIANT_rejected_stays_hidden, true);
    struct record gone = {.table = TABLE_job};
    gone.values[0].integer = 1;
    gone.deleted = true;
    ck_assert_int_eq(judge_record(script.judge, &gone, 3, SECOND(7), false), ERR_OK);
    put(4, 8, TABLE_job, N(1), N(2), "pacs_south", N(PATH_RELAY), N(0), N(0));
    deliver(9, "pacs_north", "NOR", "N1", "1.2", "1.2.1");
    end_world();
    expect(INVARIANT_rejected_stays_hidden, false);
}
END_TEST

/* ---- Questions about nobody in particular; answers that the story expects. */

#define CT_OF_2009 "STUDY ModalitiesInStudy=CT StudyDate=20090101-20091231"

START_TEST(a_broad_answer_with_all_of_its_kind_and_days_is_true)
{
    begin_world();
    ask_kind(10, CT_OF_2009, "");
    row(10, "1.1", "9990000018", "pacs_north");
    answer(11, 0);
    expect_holds(INVARIANT_answer_is_true);
}
END_TEST

START_TEST(a_broad_answer_that_was_cut_short_is_a_lie)
{
    begin_world();
    ask_kind(10, "STUDY ModalitiesInStudy=CT", "");
    row(10, "1.1", "9990000018", "pacs_north");
    answer(11, 0);
    expect_broken(INVARIANT_answer_is_true);
}
END_TEST

START_TEST(a_broad_answer_with_a_study_of_another_kind_or_day_is_a_lie)
{
    begin_world();
    ask_kind(10, CT_OF_2009, "");
    row(10, "1.1", "9990000018", "pacs_north");
    row(10, "1.3", "9990000026", "pacs_south");
    answer(11, 0);
    expect_broken(INVARIANT_answer_is_true);
}
END_TEST

static bool expected_answer_holds(const char *expected, int64_t status)
{
    begin_world();
    SEE(fault_began, 5, .actor = SLICE("pacs_south"), .text = SLICE("down"));
    ask_kind(10, CT_OF_2009, expected);
    row(10, "1.1", "9990000018", "pacs_north");
    answer(11, status);
    end_world();
    ck_assert_uint_eq(script.results.expectation_count, 1);
    return script.results.expectations[0].pass;
}

START_TEST(an_answer_that_is_marked_as_the_story_expects_passes)
{
    ck_assert(expected_answer_holds("incomplete", 0xC0D1));
}
END_TEST

START_TEST(an_answer_that_is_not_marked_though_the_story_expects_it_fails)
{
    ck_assert(!expected_answer_holds("incomplete", 0));
}
END_TEST

START_TEST(an_answer_that_is_marked_though_the_story_expects_it_complete_fails)
{
    ck_assert(!expected_answer_holds("complete", 0xC0D1));
}
END_TEST

UNIT_MAIN(an_answer_that_shows_every_study_once_is_true, an_unmarked_answer_without_one_of_the_studies_is_a_lie, a_marked_answer_may_lack_studies,
          a_marked_answer_may_not_show_what_does_not_answer, a_study_shown_twice_is_a_lie, a_study_that_exists_nowhere_is_a_lie,
          rows_of_another_open_question_are_not_counted_to_this_one, a_moved_study_is_one_row_with_both_copies, a_row_without_one_of_its_copies_is_a_lie,
          a_copy_that_came_while_the_question_was_open_may_be_named_or_not, a_row_that_names_a_copy_nobody_has_is_a_lie,
          a_study_that_arrives_while_the_question_is_open_may_be_shown_or_not, a_study_that_its_pacs_deleted_need_not_be_shown,
          two_numbers_merged_by_radis2_are_one_patient, somebody_taken_for_another_before_she_ever_came_may_be_shown_as_that_one, a_merge_that_was_acknowledged_must_show, a_merge_that_is_not_acknowledged_may_show_or_not,
          a_study_under_a_maiden_name_must_show_once_that_name_is_hers, numbers_that_turn_out_to_be_two_persons_are_two_again,
          two_persons_that_radis2_takes_for_one_may_be_shown_as_one, two_persons_that_radis2_took_for_one_must_be_shown_as_two_again,
          a_row_under_another_patients_number_is_wrong, an_image_under_the_receivers_number_is_right, an_image_under_another_patients_number_is_wrong,
          an_image_under_a_number_of_another_organisation_is_wrong, an_image_under_a_number_nobody_has_is_wrong, a_number_of_the_engines_own_names_one_person_only,
          two_studies_of_one_uid_are_two_rows, two_studies_of_one_uid_in_one_row_are_a_mixture, of_two_studies_of_one_uid_a_patient_sees_her_own,
          an_answer_without_a_mark_while_a_pacs_is_down_is_caught, an_answer_without_a_mark_while_a_pacs_never_answered_is_caught,
          a_pacs_that_hangs_in_moves_only_still_answers, a_mark_without_a_cause_is_caught, a_mark_because_a_pacs_took_the_question_up_too_late_has_a_cause,
          a_mark_is_not_excused_by_a_question_of_somebody_else_or_much_later, a_mark_while_a_pacs_came_and_went_is_allowed,
          a_fault_at_radis2_is_no_cause_for_a_mark, a_list_that_a_pacs_refused_is_a_cause_for_a_mark,
          a_question_for_series_is_not_marked_because_of_a_pacs_that_has_none, busy_is_a_refusal_and_no_mark, a_question_without_an_answer_is_caught,
          a_question_with_two_answers_is_caught, a_lost_association_is_caught, an_association_lost_because_the_engine_was_killed_is_excused,
          an_association_lost_long_after_the_engine_was_killed_is_not, a_run_that_was_cut_short_owes_no_answer, a_run_that_was_cut_short_owes_the_answers_that_were_long_due, a_retrieve_that_never_ends_is_caught,
          an_answer_behind_its_deadline_is_caught, a_rejected_study_is_not_shown, a_rejected_study_that_is_shown_is_caught, an_exam_that_is_never_shown_is_missed, an_exam_that_is_rejected_at_once_is_not_missed,
          an_exam_that_is_rejected_after_it_had_to_be_shown_is_missed, an_exam_that_is_rejected_while_its_archive_is_away_is_not_missed, a_rejection_that_nobody_told_may_be_missed_by_an_answer_that_is_marked,
          a_rejection_that_the_engine_wrote_down_is_missed_by_no_answer,
          a_study_of_a_withdrawn_exam_is_hidden_once_the_engine_knows, an_image_sent_after_its_rejection_is_caught,
          a_broad_answer_with_all_of_its_kind_and_days_is_true, a_broad_answer_that_was_cut_short_is_a_lie, a_broad_answer_with_a_study_of_another_kind_or_day_is_a_lie,
          an_answer_that_is_marked_as_the_story_expects_passes, an_answer_that_is_not_marked_though_the_story_expects_it_fails,
          an_answer_that_is_marked_though_the_story_expects_it_complete_fails)
