/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "tests/unit/engine/world.h"

#define PUSHED 20

static void make(void)
{
    world_make();
    person_put(1, "9990000018", "Price", "Megan", "19580411");
    number_put(1, "GWE", "40018586");
    w.nodes[WS_GWE].pushes = true;
    restore((struct record){.table = TABLE_exam,
                            .values = {[COLUMN_exam_issuer] = T("GWE"), [COLUMN_exam_accession] = T("GWE2001"), [COLUMN_exam_person] = N(1),
                                       [COLUMN_exam_state] = N(EXAM_COMPLETED), [COLUMN_exam_identifier_issuer] = T("GWE"),
                                       [COLUMN_exam_identifier_value] = T("40018586")}});
}

static int64_t begin(void)
{
    return client_open("GWEWS", UID_CT_IMAGE);
}

static void push_all(int64_t channel, int from, int to)
{
    for (int i = from; i <= to; i++) {
        char sop[40];
        snprintf(sop, sizeof sop, "1.2.7.1.%d", i);
        client_pushes(channel, sop, "1.2.7", "GWE2001");
    }
}

static int64_t exam_state(void)
{
    for (size_t i = 0; i < w.record_count; i++) {
        if (w.records[i].alive && w.records[i].record.table == TABLE_exam) {
            return w.records[i].record.values[COLUMN_exam_state].integer;
        }
    }
    return 0;
}

START_TEST(spool_brings_what_is_pushed_to_its_home_and_it_is_published)
{
    make();
    world_start();
    push_all(begin(), 1, PUSHED);
    world_run(20 * TIME_S);
    ck_assert_int_eq(w.pushed_ok, PUSHED);
    ck_assert_uint_eq(held(PACS_GWE, "1.2.7"), PUSHED);
    ck_assert_int_eq(w.home_stores, PUSHED);
    ck_assert_uint_eq(records_count(TABLE_spooled), 0); /* home has it, and says so */
    ck_assert_int_eq(w.discards, PUSHED);
    ck_assert_int_eq(exam_state(), EXAM_PUBLISHED);
    FIND(STUDY_ROOT, KEY(QueryRetrieveLevel, "STUDY"), KEY(StudyInstanceUID, ""), KEY(PatientID, "9990000018"));
    ck_assert_uint_eq(w.row_count, 1);
}
END_TEST

START_TEST(spool_acknowledges_only_what_is_in_a_row)
{
    make();
    world_start();
    push_all(begin(), 1, 3);
    for (int steps = 0; w.pushed_ok < 3; steps++) {
        ck_assert_int_lt(steps, 100);
        world_run(0);
        ck_assert_int_le(w.pushed_ok, (int)records_count(TABLE_spooled));
    }
}
END_TEST

/* Killed at every store at home in turn: each acknowledged object is in the spool or at home, never nowhere. */
START_TEST(spool_loses_nothing_in_a_crash)
{
    for (int kill = 1; kill <= PUSHED; kill++) {
        make();
        world_start();
        w.stores_until_kill = kill;
        push_all(begin(), 1, PUSHED);
        world_run(20 * TIME_S);
        ck_assert_int_eq(w.pushed_ok, PUSHED);
        ck_assert_uint_ge(records_count(TABLE_spooled) + held(PACS_GWE, "1.2.7"), PUSHED);
        uint64_t digest = engine_digest(w.engine);
        world_kill();
        ck_assert_uint_eq(engine_digest(w.engine), digest);
        world_run(20 * TIME_S);
        ck_assert_uint_eq(held(PACS_GWE, "1.2.7"), PUSHED);
        ck_assert_uint_eq(records_count(TABLE_spooled), 0);
        ck_assert_int_eq(exam_state(), EXAM_PUBLISHED);
    }
}
END_TEST

START_TEST(spool_waits_while_its_home_is_down)
{
    make();
    world_start();
    w.down[PACS_GWE] = true;
    push_all(begin(), 1, 4);
    world_run(TIME_MIN);
    ck_assert_int_eq(w.pushed_ok, 4);
    ck_assert_uint_eq(records_count(TABLE_spooled), 4);
    w.down[PACS_GWE] = false;
    world_run(TIME_MIN);
    ck_assert_uint_eq(records_count(TABLE_spooled), 0);
    ck_assert_uint_eq(held(PACS_GWE, "1.2.7"), 4);
}
END_TEST

START_TEST(spool_sends_again_what_its_home_acknowledged_and_does_not_list)
{
    make();
    world_start();
    w.forget_every = 7;
    push_all(begin(), 1, 10);
    world_run(2 * TIME_MIN);
    ck_assert_uint_eq(held(PACS_GWE, "1.2.7"), 10);
    ck_assert_uint_eq(records_count(TABLE_spooled), 0);
    ck_assert_uint_ge(records_count(TABLE_finding), 1);
}
END_TEST

START_TEST(spool_keeps_for_a_person_what_no_home_takes)
{
    make();
    world_start();
    w.refuse_every = 1;
    push_all(begin(), 1, 2);
    world_run(5 * TIME_MIN);
    ck_assert_uint_eq(records_count(TABLE_spooled), 2);
    ck_assert_ptr_nonnull(record_find(TABLE_spooled, COLUMN_spooled_state, SPOOL_QUARANTINED));
    ck_assert_uint_eq(records_count(TABLE_review), 1);
    ck_assert_int_eq(w.discards, 0);
}
END_TEST

START_TEST(spool_takes_the_same_twice_and_has_it_once)
{
    make();
    w.down[PACS_GWE] = true;
    world_start();
    int64_t channel = begin();
    push_all(channel, 1, 2);
    push_all(channel, 1, 2);
    world_run(TIME_S);
    ck_assert_int_eq(w.pushed_ok, 4);
    ck_assert_uint_eq(records_count(TABLE_spooled), 2);
    ck_assert_int_eq(w.discards, 2);
}
END_TEST

START_TEST(spool_refuses_what_was_rejected_what_lies_and_what_does_not_fit)
{
    make();
    restore(RECORD(tombstone, T("1.2.7.1.1"), T("113039"), T("pacs_gwe"), N(0)));
    w.config.spool_max = 2;
    engine_make();
    for (size_t i = 0; i < w.record_count; i++) {
        ck_assert_int_eq(engine_restore(w.engine, &w.records[i].record), ERR_OK);
    }
    w.down[PACS_GWE] = true;
    world_start();
    int64_t channel = begin();
    push_all(channel, 1, 4);
    world_run(TIME_S);
    ck_assert_int_eq(w.pushed_ok, 2);
    ck_assert_int_eq(w.pushed_bad, 2); /* the rejected one, and the one above the limit */
    ck_assert_int_eq(w.discards, 2);
    client_pushes(channel, "", "1.2.7", "");
    world_run(TIME_S);
    ck_assert_int_eq(w.pushed_bad, 3);
}
END_TEST

START_TEST(spool_is_closed_to_those_who_may_not_push)
{
    make();
    w.nodes[WS_GWE].pushes = false;
    world_start();
    int64_t channel = begin();
    world_run(TIME_S);
    client_pushes(channel, "1.2.7.1.1", "1.2.7", "GWE2001");
    world_run(TIME_S);
    ck_assert_int_eq(w.pushed_ok, 0);
    ck_assert_uint_eq(records_count(TABLE_spooled), 0);
}
END_TEST

UNIT_MAIN(spool_brings_what_is_pushed_to_its_home_and_it_is_published, spool_acknowledges_only_what_is_in_a_row, spool_loses_nothing_in_a_crash,
          spool_waits_while_its_home_is_down, spool_sends_again_what_its_home_acknowledged_and_does_not_list, spool_keeps_for_a_person_what_no_home_takes,
          spool_takes_the_same_twice_and_has_it_once, spool_refuses_what_was_rejected_what_lies_and_what_does_not_fit, spool_is_closed_to_those_who_may_not_push)
