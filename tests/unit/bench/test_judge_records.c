/* SPDX-License-Identifier: MIT
 *
 * The judge on the engine's record stream: each rule holds where it should, and each broken twin is caught. */
#include "tests/unit/bench/judge_test.h"

static void remove_row(int64_t step, int second, enum record_table table, int64_t first, const char *next)
{
    struct record record = {.table = (uint16_t)table, .deleted = true};
    record.values[0].integer = first;
    record.values[0].text = SLICE_EMPTY;
    record.values[1].text = slice_from(next);
    ck_assert_int_eq(judge_record(script.judge, &record, step, SECOND(second), false), ERR_OK);
}

static void left(const struct command *command, int64_t step, int second)
{
    ck_assert_int_eq(judge_left(script.judge, command, step, SECOND(second)), ERR_OK);
}

/* ---- proof-of-delivery, no-lost-transfer */

static void transfer(const char *node, int64_t state, int64_t proof)
{
    put_study(1, 1, "1.1", "A1");
    put_demand(1, 3, 1, DEMAND_MDT, 1, node, DEMAND_WAITING, PROOF_NONE, 0, 0);
    put_demand(9, 9, 1, DEMAND_MDT, 1, node, state, proof, 2, 2);
}

static void deliver_both(void)
{
    deliver(5, "ws", "NHS", "9990000018", "1.1", "1.1.1");
    deliver(5, "ws", "NHS", "9990000018", "1.1", "1.1.2");
}

START_TEST(a_transfer_that_is_done_has_everything_where_it_belongs)
{
    begin_world();
    deliver_both();
    transfer("ws", DEMAND_DONE, PROOF_STORE);
    expect_holds(INVARIANT_proof_of_delivery);
    expect(INVARIANT_no_lost_transfer, true);
    ck_assert_int_eq(script.results.counts[COUNT_transfers_done], 1);
    ck_assert_uint_eq(script.results.transfer_count, 1);
    ck_assert_int_eq(script.results.verdict, VERDICT_PASS);
}
END_TEST

START_TEST(a_transfer_called_done_without_its_last_instance_is_caught)
{
    begin_world();
    deliver(5, "ws", "NHS", "9990000018", "1.1", "1.1.1");
    transfer("ws", DEMAND_DONE, PROOF_STORE);
    expect_broken(INVARIANT_proof_of_delivery);
}
END_TEST

START_TEST(a_transfer_called_done_without_proof_is_caught)
{
    begin_world();
    deliver_both();
    transfer("ws", DEMAND_DONE, PROOF_NONE);
    expect_broken(INVARIANT_proof_of_delivery);
}
END_TEST

START_TEST(images_that_came_to_the_source_later_are_not_missing)
{
    begin_world();
    deliver_both();
    instance_at(6, "pacs_north", "ann", "N1", "1.1", "A1", "1.1.3");
    transfer("ws", DEMAND_DONE, PROOF_LIST);
    expect_holds(INVARIANT_proof_of_delivery);
}
END_TEST

START_TEST(other_pixels_than_were_sent_are_caught)
{
    begin_world();
    SEE(delivered, 5, .actor = SLICE("ws"), .issuer = SLICE("NHS"), .patient_id = SLICE("9990000018"), .study_uid = SLICE("1.1"), .sop_uid = SLICE("1.1.1"),
        .dataset_sha256 = SLICE("1.1.1"), .pixel_sha256 = SLICE("other"));
    expect_broken(INVARIANT_proof_of_delivery);
}
END_TEST

START_TEST(an_image_that_no_source_holds_is_caught)
{
    begin_world();
    deliver(5, "ws", "NHS", "9990000018", "1.1", "1.1.77");
    expect_broken(INVARIANT_proof_of_delivery);
}
END_TEST

START_TEST(a_transfer_that_never_ends_is_caught)
{
    begin_world();
    put_study(1, 1, "1.1", "A1");
    put_demand(1, 3, 1, DEMAND_MDT, 1, "ws", DEMAND_RUNNING, PROOF_NONE, 0, 0);
    expect_broken(INVARIANT_no_lost_transfer);
}
END_TEST

START_TEST(a_transfer_that_is_open_when_the_run_is_cut_short_is_no_loss)
{
    begin_world();
    deliver_both();
    transfer("ws", DEMAND_DONE, PROOF_STORE);
    put_demand(10, 10, 2, DEMAND_MDT, 1, "ws", DEMAND_RUNNING, PROOF_NONE, 0, 0);
    script.results.error = SLICE("interrupted");
    expect_holds(INVARIANT_no_lost_transfer);
}
END_TEST

START_TEST(a_transfer_that_nobody_goes_on_with_is_lost_even_if_the_run_is_cut_short)
{
    begin_world();
    deliver_both();
    transfer("ws", DEMAND_DONE, PROOF_STORE);
    put_demand(10, 10, 2, DEMAND_MDT, 1, "ws", DEMAND_WAITING, PROOF_NONE, 0, 0);
    SEE(story, 24 * 3600, .text = SLICE("a day later"));
    script.results.error = SLICE("the time to come to rest passed");
    expect_broken(INVARIANT_no_lost_transfer);
}
END_TEST

START_TEST(a_transfer_that_was_done_and_opens_again_is_caught)
{
    begin_world();
    deliver_both();
    transfer("ws", DEMAND_DONE, PROOF_STORE);
    put_demand(10, 10, 1, DEMAND_MDT, 1, "ws", DEMAND_RUNNING, PROOF_NONE, 0, 0);
    put_demand(11, 11, 1, DEMAND_MDT, 1, "ws", DEMAND_DONE, PROOF_STORE, 2, 2);
    expect_broken(INVARIANT_no_lost_transfer);
}
END_TEST

START_TEST(a_transfer_outlives_a_crash)
{
    begin_world();
    life(1);
    put_study(1, 1, "1.1", "A1");
    put_demand(1, 3, 1, DEMAND_MDT, 1, "ws", DEMAND_RUNNING, PROOF_NONE, 0, 0);
    commit(1, 3);
    put_demand(2, 4, 2, DEMAND_MDT, 1, "ws", DEMAND_RUNNING, PROOF_NONE, 0, 0); /* never committed: nobody was told of it */
    life(2);
    restored(TABLE_study, N(1), "1.1", N(1), "NOR", "A1", "", "", "", "", "", "", N(1), N(2), N(0), "", "");
    restored(TABLE_demand, N(1), N(DEMAND_MDT), "key", N(1), N(0), "ws", "STUDY", "", "mdt", N(0), N(DEMAND_RUNNING), N(0), N(0), N(0), N(0), N(SECOND(3)), N(0), "");
    deliver_both();
    put_demand(1, 9, 1, DEMAND_MDT, 1, "ws", DEMAND_DONE, PROOF_STORE, 2, 2);
    commit(1, 9);
    expect_holds(INVARIANT_no_lost_transfer);
    ck_assert_int_eq(script.results.counts[COUNT_transfers_requested], 1);
}
END_TEST

START_TEST(a_committed_transfer_that_a_crash_lost_is_caught)
{
    begin_world();
    life(1);
    put_study(1, 1, "1.1", "A1");
    put_demand(1, 3, 1, DEMAND_MDT, 1, "ws", DEMAND_RUNNING, PROOF_NONE, 0, 0);
    commit(1, 3);
    life(2);
    commit(1, 9);
    expect_broken(INVARIANT_no_lost_transfer);
}
END_TEST

/* ---- one-job */

static void start_job(int64_t step, int second, int64_t demand, int64_t job)
{
    put(step, second, TABLE_job, N(demand), N(job), "pacs_north", N(PATH_RELAY), N(DEMAND_RUNNING), N(SECOND(second)));
}

START_TEST(one_job_after_the_other_is_right)
{
    begin_world();
    put_study(1, 1, "1.1", "A1");
    put_demand(1, 3, 1, DEMAND_MDT, 1, "ws", DEMAND_RUNNING, PROOF_NONE, 0, 0);
    start_job(2, 4, 1, 1);
    remove_row(3, 5, TABLE_job, 1, "");
    start_job(4, 6, 1, 2);
    remove_row(5, 7, TABLE_job, 1, "");
    end_world();
    expect(INVARIANT_one_job, true);
}
END_TEST

START_TEST(two_jobs_of_two_demands_for_one_thing_are_caught)
{
    begin_world();
    put_study(1, 1, "1.1", "A1");
    put_demand(1, 3, 1, DEMAND_MDT, 1, "ws", DEMAND_RUNNING, PROOF_NONE, 0, 0);
    put_demand(1, 3, 2, DEMAND_PRIOR, 1, "ws", DEMAND_RUNNING, PROOF_NONE, 0, 0);
    start_job(2, 4, 1, 1);
    start_job(3, 5, 2, 2);
    expect_broken(INVARIANT_one_job);
}
END_TEST

START_TEST(a_second_job_of_a_demand_while_the_first_runs_is_caught)
{
    begin_world();
    put_study(1, 1, "1.1", "A1");
    put_demand(1, 3, 1, DEMAND_MDT, 1, "ws", DEMAND_RUNNING, PROOF_NONE, 0, 0);
    start_job(2, 4, 1, 1);
    start_job(3, 5, 1, 2);
    expect_broken(INVARIANT_one_job);
}
END_TEST

START_TEST(an_instance_that_comes_twice_for_no_reason_is_caught)
{
    begin_world();
    deliver(5, "ws", "NHS", "9990000018", "1.1", "1.1.1");
    deliver(6, "ws", "NHS", "9990000018", "1.1", "1.1.1");
    expect_broken(INVARIANT_one_job);
}
END_TEST

static void crash_after_first(bool recorded)
{
    begin_world();
    life(1);
    put_study(1, 1, "1.1", "A1");
    put_demand(1, 3, 1, DEMAND_MDT, 1, "ws", DEMAND_RUNNING, PROOF_NONE, 0, 0);
    commit(1, 3);
    deliver(5, "ws", "NHS", "9990000018", "1.1", "1.1.1");
    if (recorded) {
        put(2, 6, TABLE_job_item, N(1), "1.1.1", N(1), N(0), "", "");
        commit(2, 6);
    }
    SEE(killed, 7, .actor = SLICE("hub"));
    SEE(restarted, 8, .actor = SLICE("hub"));
    life(2);
    restored(TABLE_study, N(1), "1.1", N(1), "NOR", "A1", "", "", "", "", "", "", N(1), N(2), N(0), "", "");
    restored(TABLE_demand, N(1), N(DEMAND_MDT), "key", N(1), N(0), "ws", "STUDY", "", "mdt", N(0), N(DEMAND_RUNNING), N(0), N(0), N(0), N(0), N(SECOND(3)), N(0), "");
    if (recorded) {
        restored(TABLE_job_item, N(1), "1.1.1", N(1), N(0), "", "");
    }
    commit(1, 9);
    deliver(10, "ws", "NHS", "9990000018", "1.1", "1.1.1");
}

START_TEST(after_a_crash_an_instance_may_come_again_if_its_acknowledgement_was_not_recorded)
{
    crash_after_first(false);
    end_world();
    expect(INVARIANT_one_job, true);
}
END_TEST

START_TEST(after_a_crash_an_instance_whose_acknowledgement_was_recorded_may_not_come_again)
{
    crash_after_first(true);
    expect_broken(INVARIANT_one_job);
}
END_TEST

START_TEST(what_a_client_asks_for_again_comes_again)
{
    begin_world();
    put_study(1, 1, "1.1", "A1");
    audit(1, 3, "RETRIEVE", "WS", "STUDY 1.1 > WS");
    put_demand(1, 3, 1, DEMAND_CLIENT, 1, "ws", DEMAND_RUNNING, PROOF_NONE, 0, 0);
    deliver_both();
    put(2, 6, TABLE_job_item, N(1), "1.1.1", N(1), N(0), "", "");
    commit(2, 6);
    put_demand(3, 7, 1, DEMAND_CLIENT, 1, "ws", DEMAND_DONE, PROOF_STORE, 2, 2);
    remove_row(3, 7, TABLE_job_item, 1, "1.1.1");
    commit(3, 7);
    put_demand(4, 8, 2, DEMAND_CLIENT, 1, "ws", DEMAND_RUNNING, PROOF_NONE, 0, 0);
    deliver(9, "ws", "NHS", "9990000018", "1.1", "1.1.1");
    end_world();
    expect(INVARIANT_one_job, true);
    deliver(10, "ws", "NHS", "9990000018", "1.1", "1.1.1");
    end_world();
    expect(INVARIANT_one_job, false);
}
END_TEST

START_TEST(what_the_destination_lost_is_brought_again)
{
    begin_world();
    put_study(1, 1, "1.1", "A1");
    put_demand(1, 3, 1, DEMAND_MDT, 1, "ws", DEMAND_RUNNING, PROOF_NONE, 0, 0);
    deliver_both();
    put(2, 6, TABLE_job_item, N(1), "1.1.1", N(1), N(0), "", "");
    commit(2, 6);
    remove_row(3, 7, TABLE_job_item, 1, "1.1.1"); /* acknowledged but not listed: taken back */
    commit(3, 7);
    start_job(4, 8, 1, 1);
    deliver(9, "ws", "NHS", "9990000018", "1.1", "1.1.1");
    end_world();
    expect(INVARIANT_one_job, true);
}
END_TEST

/* ---- one-exam-per-number */

static void order(const char *who, int second)
{
    SEE(truth_exam, second, .person = slice_from(who), .issuer = SLICE("SOU"), .accession = SLICE("X1"), .text = SLICE("ordered"));
}

static void exam(int64_t step, int second, int64_t person_row, const char *number, int64_t state)
{
    put(step, second, TABLE_exam, "SOU", "X1", person_row, "SOU", number, N(0), state, "", "", "", "", "", "", N(0), N(0), N(0), N(0), N(0), "");
}

static void two_persons(void)
{
    begin_world();
    put(1, 2, TABLE_person, N(1), "9990000018", "NHS", "ROSS", "ANN", "", "", N(PERSON_ACTIVE), N(0), N(1));
    put(1, 2, TABLE_person, N(2), "9990000026", "NHS", "HILL", "BOB", "", "", N(PERSON_ACTIVE), N(0), N(1));
    put(1, 2, TABLE_identifier, "SOU", "S1", N(1), N(1), N(0));
    put(1, 2, TABLE_identifier, "SOU", "S2", N(2), N(1), N(0));
    order("ann", 3);
    exam(2, 3, 1, "S1", EXAM_ORDERED);
}

START_TEST(an_exam_stays_with_whom_it_was_ordered_for)
{
    two_persons();
    exam(3, 4, 1, "S1", EXAM_COMPLETED);
    expect_holds(INVARIANT_one_exam_per_number);
}
END_TEST

START_TEST(an_exam_that_silently_takes_another_person_is_caught)
{
    two_persons();
    order("bob", 4);
    exam(3, 4, 2, "S1", EXAM_ORDERED);
    expect_broken(INVARIANT_one_exam_per_number);
}
END_TEST

START_TEST(an_exam_ordered_for_two_persons_is_frozen)
{
    two_persons();
    order("bob", 4);
    exam(3, 4, 1, "S1", EXAM_FROZEN);
    expect_holds(INVARIANT_one_exam_per_number);
}
END_TEST

START_TEST(an_exam_ordered_for_two_persons_that_is_not_frozen_is_caught)
{
    two_persons();
    order("bob", 4);
    expect_broken(INVARIANT_one_exam_per_number);
}
END_TEST

START_TEST(an_exam_moves_with_its_number_when_persons_are_merged)
{
    two_persons();
    audit(3, 5, "MERGE", "RADIS2", "SOU/S1 into NHS/9990000026");
    put(3, 5, TABLE_identifier, "SOU", "S1", N(2), N(1), N(0));
    exam(3, 5, 2, "S1", EXAM_ORDERED);
    put(3, 5, TABLE_person, N(1), "9990000018", "NHS", "ROSS", "ANN", "", "", N(PERSON_MERGED), N(2), N(2));
    expect_holds(INVARIANT_one_exam_per_number);
    expect(INVARIANT_access_is_audited, true);
}
END_TEST

/* ---- idempotent */

static void message(int64_t step, int second, const char *control)
{
    put(step, second, TABLE_hl7_in, "RADIS2/NOR", control, "digest", "AA", N(SECOND(second)));
}

START_TEST(a_repeated_message_changes_nothing)
{
    begin_world();
    put(1, 2, TABLE_identifier, "SOU", "S1", N(1), N(1), N(0));
    message(1, 2, "C1");
    message(2, 5, "C1");
    put(2, 5, TABLE_finding, N(1), N(0), "ris", "repeated", "");
    put(3, 6, TABLE_identifier, "SOU", "S1", N(1), N(1), N(9)); /* another step, another message */
    message(3, 6, "C2");
    expect_holds(INVARIANT_idempotent);
    ck_assert_int_eq(checked(INVARIANT_idempotent), 1);
}
END_TEST

START_TEST(a_repeated_message_that_changes_rows_is_caught)
{
    begin_world();
    put(1, 2, TABLE_identifier, "SOU", "S1", N(1), N(1), N(0));
    message(1, 2, "C1");
    put(2, 5, TABLE_identifier, "SOU", "S1", N(2), N(1), N(0));
    message(2, 5, "C1");
    expect_broken(INVARIANT_idempotent);
}
END_TEST

START_TEST(a_message_repeated_over_a_crash_changes_nothing)
{
    begin_world();
    life(1);
    message(1, 2, "C1");
    commit(1, 2);
    message(2, 3, "C2"); /* never committed: then it is new */
    life(2);
    restored(TABLE_hl7_in, "RADIS2/NOR", "C1", "digest", "AA", N(SECOND(2)));
    put(1, 9, TABLE_identifier, "SOU", "S1", N(1), N(1), N(0));
    message(1, 9, "C2");
    message(2, 10, "C1");
    expect_holds(INVARIANT_idempotent);
    ck_assert_int_eq(checked(INVARIANT_idempotent), 1);
}
END_TEST

/* Ann becomes Wells; what the other site says of the time before comes late. */
static void late_name(const char *family)
{
    begin_world();
    SEE(truth_person, 5, .person = SLICE("ann"), .issuer = SLICE("SOU"), .patient_id = SLICE("S1"), .name = SLICE("WELLS^ANN"), .number = SECOND(5));
    SEE(truth_person, 6, .person = SLICE("ann"), .issuer = SLICE("SOU"), .patient_id = SLICE("S1"), .name = SLICE("ROSS^ANN"), .number = SECOND(2));
    put(1, 7, TABLE_identifier, "SOU", "S1", N(1), N(1), N(SECOND(5)));
    put(1, 7, TABLE_person, N(1), "9990000018", "NHS", family, "ANN", "", "", N(PERSON_ACTIVE), N(0), N(1));
}

START_TEST(an_older_event_that_comes_late_overwrites_nothing)
{
    late_name("WELLS");
    expect_holds(INVARIANT_idempotent);
}
END_TEST

START_TEST(an_older_event_that_overwrites_a_newer_one_is_caught)
{
    late_name("ROSS");
    expect_broken(INVARIANT_idempotent);
}
END_TEST

/* ---- access-is-audited */

static struct command shown(int64_t channel)
{
    static struct dataset identifier;
    static struct message messages[1];
    messages[0] = (struct message){.protocol = PROTOCOL_DICOM, .dimse = {.kind = DIMSE_C_FIND_RSP, .message_id = 1, .status = STATUS_PENDING, .identifier = &identifier}};
    return (struct command){.kind = COMMAND_SEND, .channel = channel, .run = {messages, 1}};
}

START_TEST(effects_behind_their_audit_records_are_right)
{
    begin_world();
    life(1);
    audit(1, 3, "QUERY", "WS", "STUDY");
    commit(1, 3);
    struct command rows = shown(2);
    left(&rows, 1, 3);
    left(&rows, 1, 3); /* the next run of the same answer */
    audit(2, 4, "DELIVER", "mdt", "1.1 pacs_north > ws");
    commit(2, 4);
    struct command relay = {.kind = COMMAND_RELAY, .relay = {.study_uid = SLICE("1.1")}};
    left(&relay, 2, 4);
    audit(3, 5, "PUBLISH", "pacs_north", "1.1");
    put(3, 5, TABLE_exam, "NOR", "A1", N(1), "NOR", "N1", N(0), N(EXAM_COMPLETED), "", "", "", "", "", "", N(0), N(0), N(0), N(0), N(0), "");
    put(3, 5, TABLE_exam, "NOR", "A1", N(1), "NOR", "N1", N(1), N(EXAM_PUBLISHED), "", "", "", "", "", "", N(0), N(0), N(0), N(0), N(0), "");
    audit(4, 6, "REJECT", "RADIS2", "1.1");
    put(4, 6, TABLE_tombstone, "1.1", "113001", "RADIS2", N(SECOND(6)));
    audit(5, 7, "RETRIEVE", "WS", "STUDY 1.1 > WS");
    put_demand(6, 8, 1, DEMAND_CLIENT, 1, "ws", DEMAND_FAILED, PROOF_NONE, 0, 0);
    expect_holds(INVARIANT_access_is_audited);
    ck_assert_int_eq(checked(INVARIANT_access_is_audited), 5);
}
END_TEST

START_TEST(rows_that_leave_without_an_audit_record_are_caught)
{
    begin_world();
    life(1);
    audit(1, 3, "QUERY", "WS", "STUDY");
    commit(1, 3);
    struct command first = shown(2);
    left(&first, 1, 3);
    struct command second = shown(4);
    left(&second, 2, 4);
    expect_broken(INVARIANT_access_is_audited);
}
END_TEST

START_TEST(a_transfer_without_an_audit_record_is_caught)
{
    begin_world();
    life(1);
    audit(1, 3, "DELIVER", "mdt", "1.1 pacs_north > ws");
    struct command relay = {.kind = COMMAND_RELAY, .relay = {.study_uid = SLICE("1.2")}};
    left(&relay, 2, 4);
    expect_broken(INVARIANT_access_is_audited);
}
END_TEST

START_TEST(an_audit_record_of_the_life_before_covers_no_new_transfer)
{
    begin_world();
    life(1);
    struct record record = audit_record(3, "DELIVER", "ordered", "mdt", "1.1 pacs_north > ws");
    ck_assert_int_eq(judge_record(script.judge, &record, 1, SECOND(3), false), ERR_OK);
    ck_assert_int_eq(judge_life(script.judge, 2), ERR_OK);
    ck_assert_int_eq(judge_record(script.judge, &record, 0, SECOND(3), true), ERR_OK);
    struct command relay = {.kind = COMMAND_RELAY, .relay = {.study_uid = SLICE("1.1")}};
    left(&relay, 1, 9);
    expect_broken(INVARIANT_access_is_audited);
}
END_TEST

START_TEST(a_lost_audit_record_breaks_the_chain)
{
    begin_world();
    audit(1, 3, "PUBLISH", "pacs_north", "1.1");
    put(1, 3, TABLE_tombstone, "1.1", "113001", "RADIS2", N(0));
    (void)audit_record(4, "PUBLISH", "accepted", "pacs_north", "lost"); /* made, never put */
    audit(3, 5, "PUBLISH", "pacs_north", "1.2");
    expect_broken(INVARIANT_access_is_audited);
}
END_TEST

START_TEST(a_changed_audit_record_breaks_the_chain)
{
    begin_world();
    struct record record = audit_record(3, "QUERY", "accepted", "WS", "STUDY");
    record.values[COLUMN_audit_who].text = SLICE("RIS");
    ck_assert_int_eq(judge_record(script.judge, &record, 1, SECOND(3), false), ERR_OK);
    expect_broken(INVARIANT_access_is_audited);
}
END_TEST

START_TEST(a_chain_goes_on_over_a_crash_that_took_its_last_record)
{
    begin_world();
    life(1);
    struct record first = audit_record(3, "REJECT", "ok", "RADIS2", "1.1");
    ck_assert_int_eq(judge_record(script.judge, &first, 1, SECOND(3), false), ERR_OK);
    put(1, 3, TABLE_tombstone, "1.1", "113001", "RADIS2", N(0));
    commit(1, 3);
    struct script kept = script;
    audit(2, 4, "REJECT", "RADIS2", "never committed");
    ck_assert_int_eq(judge_life(script.judge, 2), ERR_OK);
    script.lsn = kept.lsn;
    memcpy(script.hash, kept.hash, sizeof kept.hash);
    ck_assert_int_eq(judge_record(script.judge, &first, 0, SECOND(0), true), ERR_OK);
    audit(1, 9, "REJECT", "RADIS2", "1.2");
    put(1, 9, TABLE_tombstone, "1.2", "113001", "RADIS2", N(0));
    expect_holds(INVARIANT_access_is_audited);
}
END_TEST

START_TEST(a_stranger_who_was_served_is_caught)
{
    begin_world();
    audit(1, 3, "QUERY", "STRANGER", "STUDY");
    expect_broken(INVARIANT_access_is_audited);
}
END_TEST

START_TEST(a_publication_without_an_audit_record_is_caught)
{
    begin_world();
    put(1, 3, TABLE_exam, "NOR", "A1", N(1), "NOR", "N1", N(0), N(EXAM_COMPLETED), "", "", "", "", "", "", N(0), N(0), N(0), N(0), N(0), "");
    audit(1, 3, "PUBLISH", "pacs_north", "another step");
    put(2, 4, TABLE_exam, "NOR", "A1", N(1), "NOR", "N1", N(1), N(EXAM_PUBLISHED), "", "", "", "", "", "", N(0), N(0), N(0), N(0), N(0), "");
    expect_broken(INVARIANT_access_is_audited);
}
END_TEST

START_TEST(a_clients_demand_without_an_audit_record_is_caught)
{
    begin_world();
    put_demand(1, 3, 1, DEMAND_CLIENT, 1, "ws", DEMAND_FAILED, PROOF_NONE, 0, 0);
    expect_broken(INVARIANT_access_is_audited);
}
END_TEST

/* ---- ack-is-durable */

static struct command ack(const char *control)
{
    static struct message messages[1];
    messages[0] = (struct message){.protocol = PROTOCOL_HL7, .hl7 = {.type = HL7_ACK}};
    messages[0].hl7.fields[HL7_FIELD_ACK_CODE] = SLICE("AA");
    messages[0].hl7.fields[HL7_FIELD_ACK_OF] = slice_from(control);
    return (struct command){.kind = COMMAND_SEND, .channel = 2, .run = {messages, 1}};
}

START_TEST(an_acknowledgement_behind_its_commit_is_durable)
{
    begin_world();
    life(1);
    message(1, 2, "C1");
    commit(1, 2);
    struct command aa = ack("C1");
    left(&aa, 1, 2);
    expect_holds(INVARIANT_ack_is_durable);
}
END_TEST

START_TEST(an_acknowledgement_before_its_commit_is_caught)
{
    begin_world();
    life(1);
    message(1, 2, "C1");
    struct command aa = ack("C1");
    left(&aa, 1, 2);
    commit(1, 2);
    expect_broken(INVARIANT_ack_is_durable);
}
END_TEST

START_TEST(an_acknowledgement_whose_record_comes_in_a_later_step_is_caught)
{
    begin_world();
    life(1);
    commit(1, 2);
    struct command aa = ack("C1");
    left(&aa, 1, 2);
    message(2, 3, "C1");
    commit(2, 3);
    expect_broken(INVARIANT_ack_is_durable);
}
END_TEST

START_TEST(a_record_that_a_crash_took_makes_no_acknowledgement_durable)
{
    begin_world();
    life(1);
    message(1, 2, "C1"); /* never committed */
    life(2);
    commit(1, 9);
    struct command aa = ack("C1");
    left(&aa, 1, 9);
    expect_broken(INVARIANT_ack_is_durable);
}
END_TEST

START_TEST(an_answer_to_a_retrieve_before_its_commit_is_caught)
{
    begin_world();
    life(1);
    static struct message messages[1];
    messages[0] = (struct message){.protocol = PROTOCOL_DICOM, .dimse = {.kind = DIMSE_C_MOVE_RSP, .status = STATUS_PENDING}};
    struct command pending = {.kind = COMMAND_SEND, .channel = 2, .run = {messages, 1}};
    commit(1, 2);
    left(&pending, 1, 2);
    end_world();
    expect(INVARIANT_ack_is_durable, true);
    left(&pending, 2, 3);
    end_world();
    expect(INVARIANT_ack_is_durable, false);
}
END_TEST

/* ---- bounded, restore-is-exact, replayable */

START_TEST(a_table_under_its_limit_is_bounded_and_one_above_is_caught)
{
    begin_world();
    put(1, 2, TABLE_limit, "person", N(100), N(100));
    end_world();
    expect(INVARIANT_bounded, true);
    put(2, 3, TABLE_limit, "exam", N(100), N(101));
    end_world();
    expect(INVARIANT_bounded, false);
}
END_TEST

START_TEST(a_restored_state_is_the_committed_one_or_it_is_caught)
{
    begin_world();
    ck_assert_int_eq(judge_restored(script.judge, 2, 77, 77), ERR_OK);
    end_world();
    expect(INVARIANT_restore_is_exact, true);
    ck_assert_int_eq(judge_restored(script.judge, 3, 77, 78), ERR_OK);
    end_world();
    expect(INVARIANT_restore_is_exact, false);
}
END_TEST

START_TEST(a_life_that_replays_differently_is_caught)
{
    begin_world();
    ck_assert_int_eq(judge_replayed(script.judge, 1, true, SLICE("equal")), ERR_OK);
    end_world();
    expect(INVARIANT_replayable, true);
    ck_assert_int_eq(judge_replayed(script.judge, 2, false, SLICE("step 7 differs")), ERR_OK);
    end_world();
    expect(INVARIANT_replayable, false);
    ck_assert_int_eq(script.results.verdict, VERDICT_FAIL);
}
END_TEST

/* ---- What it came to. */

START_TEST(priors_are_ready_before_the_scan_only_if_radis2_said_done_later)
{
    begin_world();
    SEE(truth_exam, 50, .person = SLICE("ann"), .issuer = SLICE("NOR"), .accession = SLICE("A9"), .text = SLICE("completed"));
    put(1, 3, TABLE_prior, "NOR/A9", N(1), N(5), N(1), N(SECOND(49)), "");
    put(1, 3, TABLE_prior, "NOR/A9", N(2), N(5), N(1), N(SECOND(51)), "");
    put(1, 3, TABLE_prior, "NOR/A9", N(3), N(5), N(1), N(0), "");
    static struct expectation wanted = {.id = SLICE("p"), .of = SLICE("priors_ready_before_scan"), .kind = BOUND_EXACTLY, .low = 1, .high = 1};
    scenario.expectations = &wanted;
    scenario.expectation_count = 1;
    end_world();
    ck_assert_int_eq(script.results.expectations[0].value, 1);
    ck_assert(script.results.expectations[0].pass);
    ck_assert_int_eq(script.results.counts[COUNT_priors_wanted], 3);
    ck_assert_int_eq(script.results.counts[COUNT_priors_ready], 2);
}
END_TEST

START_TEST(an_expectation_that_nobody_can_measure_fails)
{
    begin_world();
    static struct expectation wanted = {.id = SLICE("p"), .of = SLICE("no_such_count"), .kind = BOUND_MAX, .high = 1};
    scenario.expectations = &wanted;
    scenario.expectation_count = 1;
    end_world();
    ck_assert(!script.results.expectations[0].pass);
    ck_assert_int_eq(script.results.verdict, VERDICT_FAIL);
}
END_TEST

START_TEST(the_outcome_does_not_depend_on_how_often_the_watcher_or_a_retry_asked)
{
    begin_world();
    good_question(10);
    SEE(query_asked, 12, .actor = SLICE("ws"), .other_id = SLICE("2"), .text = SLICE("STUDY"), .patient_id = SLICE("9990000026"), .issuer = SLICE("NHS"));
    SEE(query_answered, 13, .actor = SLICE("ws"), .other_id = SLICE("2"), .number = 0xC0D1, .flag = true);
    SEE(query_asked, 14, .actor = SLICE("ws"), .other_id = SLICE("2.2"), .text = SLICE("STUDY"), .patient_id = SLICE("9990000026"), .issuer = SLICE("NHS"));
    SEE(query_answered, 15, .actor = SLICE("ws"), .other_id = SLICE("2.2"));
    SEE(query_asked, 16, .actor = SLICE("watcher"), .other_id = SLICE("w"), .text = SLICE("STUDY"), .accession = SLICE("A1"));
    SEE(query_answered, 16, .actor = SLICE("watcher"), .other_id = SLICE("w"));
    end_world();
    uint64_t outcome = script.results.outcome_digest;
    arena_drop(&script.arena);
    script = (struct script){.line = 0};
    begin_world();
    good_question(10);
    SEE(query_asked, 14, .actor = SLICE("ws"), .other_id = SLICE("2"), .text = SLICE("STUDY"), .patient_id = SLICE("9990000026"), .issuer = SLICE("NHS"));
    SEE(query_answered, 15, .actor = SLICE("ws"), .other_id = SLICE("2"));
    end_world();
    ck_assert_uint_eq(outcome, script.results.outcome_digest);
    ck_assert_uint_ne(outcome, 0);
}
END_TEST

UNIT_MAIN(a_transfer_that_is_done_has_everything_where_it_belongs, a_transfer_called_done_without_its_last_instance_is_caught,
          a_transfer_called_done_without_proof_is_caught, images_that_came_to_the_source_later_are_not_missing, other_pixels_than_were_sent_are_caught,
          an_image_that_no_source_holds_is_caught, a_transfer_that_never_ends_is_caught, a_transfer_that_is_open_when_the_run_is_cut_short_is_no_loss,
          a_transfer_that_nobody_goes_on_with_is_lost_even_if_the_run_is_cut_short, a_transfer_that_was_done_and_opens_again_is_caught, a_transfer_outlives_a_crash, a_committed_transfer_that_a_crash_lost_is_caught,
          one_job_after_the_other_is_right, two_jobs_of_two_demands_for_one_thing_are_caught, a_second_job_of_a_demand_while_the_first_runs_is_caught,
          an_instance_that_comes_twice_for_no_reason_is_caught, after_a_crash_an_instance_may_come_again_if_its_acknowledgement_was_not_recorded,
          after_a_crash_an_instance_whose_acknowledgement_was_recorded_may_not_come_again, what_a_client_asks_for_again_comes_again,
          what_the_destination_lost_is_brought_again, an_exam_stays_with_whom_it_was_ordered_for, an_exam_that_silently_takes_another_person_is_caught,
          an_exam_ordered_for_two_persons_is_frozen, an_exam_ordered_for_two_persons_that_is_not_frozen_is_caught,
          an_exam_moves_with_its_number_when_persons_are_merged, a_repeated_message_changes_nothing, a_repeated_message_that_changes_rows_is_caught,
          a_message_repeated_over_a_crash_changes_nothing, an_older_event_that_comes_late_overwrites_nothing,
          an_older_event_that_overwrites_a_newer_one_is_caught, effects_behind_their_audit_records_are_right, rows_that_leave_without_an_audit_record_are_caught,
          a_transfer_without_an_audit_record_is_caught, an_audit_record_of_the_life_before_covers_no_new_transfer, a_lost_audit_record_breaks_the_chain,
          a_changed_audit_record_breaks_the_chain, a_chain_goes_on_over_a_crash_that_took_its_last_record, a_stranger_who_was_served_is_caught,
          a_publication_without_an_audit_record_is_caught, a_clients_demand_without_an_audit_record_is_caught,
          an_acknowledgement_behind_its_commit_is_durable, an_acknowledgement_before_its_commit_is_caught,
          an_acknowledgement_whose_record_comes_in_a_later_step_is_caught, a_record_that_a_crash_took_makes_no_acknowledgement_durable,
          an_answer_to_a_retrieve_before_its_commit_is_caught, a_table_under_its_limit_is_bounded_and_one_above_is_caught,
          a_restored_state_is_the_committed_one_or_it_is_caught, a_life_that_replays_differently_is_caught,
          priors_are_ready_before_the_scan_only_if_radis2_said_done_later, an_expectation_that_nobody_can_measure_fails,
          the_outcome_does_not_depend_on_how_often_the_watcher_or_a_retry_asked)
