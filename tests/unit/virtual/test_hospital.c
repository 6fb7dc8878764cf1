/* SPDX-License-Identifier: MIT
 *
 * Real actors in virtual time: what is asked for happens, whatever fails meanwhile, and the same each time. */
#include "tests/unit/virtual/hospital.h"

/* The day: every exam is completed, each study moved to the other PACS, and asked for at the workstation. */
static void tell_day(void)
{
    for (long i = 0; i < STUDIES; i++) {
        time_ns at = START_NS + TIME_S + i * 5 * TIME_S;
        const struct node_study *study = &h.studies[i];
        tell_exam(i, at);
        tell(WS, PLAN_DO, at + 60 * TIME_S, "query", "id", text_of("q", 3, i), "patient_id", study->patient_id, "issuer", SLICE("CAV"), NULL);
        tell(WS, PLAN_DO, at + 70 * TIME_S, i % 2 == 0 ? "move_to" : "retrieve", "id", text_of("m", 3, i), "study_uid", study->study_uid, "patient_id", study->patient_id, "issuer",
             SLICE("CAV"), "destination", SLICE("GWEPACS"), NULL);
    }
}

START_TEST(a_workstation_is_shown_a_study_that_was_published)
{
    hospital_make();
    hospital_open();
    tell_exam(0, START_NS + TIME_S);
    tell(WS, PLAN_DO, START_NS + 60 * TIME_S, "query", "id", SLICE("q1"), "patient_id", h.studies[0].patient_id, "issuer", SLICE("CAV"), NULL);
    run_until(START_NS + 120 * TIME_S);
    ck_assert_int_eq(h.seen[OBSERVATION_hl7_acked], 3);
    ck_assert_int_eq(h.seen[OBSERVATION_query_answered], 1);
    ck_assert_int_eq(h.marked, 0);
    ck_assert_int_ge(h.rows, 1);
}
END_TEST

static void run_day(void)
{
    hospital_open();
    tell_day();
    run_until(START_NS + TIME_HOUR);
    ck_assert_int_eq(h.seen[OBSERVATION_hl7_acked], 3 * STUDIES);
    ck_assert_int_eq(h.seen[OBSERVATION_query_answered], STUDIES);
}

static void expect_all_delivered(void)
{
    ck_assert_int_eq(h.retrieves_good, STUDIES);
    ck_assert_int_eq(h.instances_delivered, STUDY_IMAGES * STUDIES / 2);
}

/* Each request has its answer, and no study came in part. */
static void expect_answers(void)
{
    ck_assert_int_eq(h.seen[OBSERVATION_query_answered], STUDIES);
    ck_assert_int_eq(h.seen[OBSERVATION_retrieve_answered], STUDIES);
    ck_assert_int_eq(h.instances_delivered % STUDY_IMAGES, 0);
    ck_assert_int_ge(h.instances_delivered, STUDY_IMAGES * STUDIES / 4);
}

START_TEST(a_day_of_exams_queries_and_moves_ends_with_all_images_delivered)
{
    hospital_make();
    run_day();
    expect_all_delivered();
    ck_assert(virtual_quiet(h.virtual));
    ck_assert_int_eq(virtual_counts(h.virtual).kills, 0);
}
END_TEST

START_TEST(every_message_comes_back_equal_out_of_its_bytes)
{
    hospital_make();
    h.config.proof_one_in = 1;
    run_day();
    expect_all_delivered();
    ck_assert_int_eq(virtual_counts(h.virtual).unequal, 0);
    ck_assert_int_gt(virtual_counts(h.virtual).proofs, 20 * STUDIES);
}
END_TEST

START_TEST(two_equal_runs_have_the_same_hash_and_another_draw_has_another)
{
    uint64_t hashes[3], observed[3];
    for (size_t i = 0; i < 3; i++) {
        hospital_make();
        h.config.seed = i < 2 ? 7 : 8; /* of the links' jitter alone: the actors have theirs */
        run_day();
        hashes[i] = virtual_hash(h.virtual);
        observed[i] = h.observed;
    }
    ck_assert_uint_eq(hashes[0], hashes[1]);
    ck_assert_uint_eq(observed[0], observed[1]);
    ck_assert_uint_ne(hashes[0], hashes[2]);
}
END_TEST

START_TEST(pieces_of_a_run_make_the_same_world_as_the_whole)
{
    hospital_make();
    run_day();
    uint64_t whole = virtual_hash(h.virtual);
    hospital_make();
    hospital_open();
    tell_day();
    for (time_ns at = START_NS; at <= START_NS + TIME_HOUR; at += 7 * TIME_S + 13) {
        run_until(at);
        ck_assert_int_eq(virtual_now(h.virtual), at);
    }
    run_until(START_NS + TIME_HOUR);
    ck_assert_uint_eq(virtual_hash(h.virtual), whole);
}
END_TEST

START_TEST(a_run_may_stop_at_any_event_and_go_on)
{
    enum virtual_end end;
    hospital_make();
    run_day();
    uint64_t whole = virtual_hash(h.virtual);
    int64_t events = virtual_counts(h.virtual).events;
    hospital_make();
    hospital_open();
    tell_day();
    for (int64_t event = 1; event <= events; event += 97) {
        ck_assert_int_eq(virtual_run(h.virtual, &(struct virtual_until){.event = event}, &end), ERR_OK);
        ck_assert_int_eq(end, VIRTUAL_AT_EVENT);
        ck_assert_int_eq(virtual_counts(h.virtual).events, event);
    }
    run_until(START_NS + TIME_HOUR);
    ck_assert_uint_eq(virtual_hash(h.virtual), whole);
}
END_TEST

START_TEST(an_engine_that_dies_at_one_commit_in_thirty_loses_nothing)
{
    hospital_make();
    h.config.crashes = (struct virtual_crashes){.one_in = 30};
    run_day();
    ck_assert_int_gt(virtual_counts(h.virtual).kills, 5);
    ck_assert_int_eq(virtual_counts(h.virtual).wrong_restores, 0);
    ck_assert_int_eq(h.wrong_digests, 0);
    ck_assert_int_eq(h.lives, virtual_counts(h.virtual).kills + 1);
    ck_assert_int_eq(h.seen[OBSERVATION_killed], h.seen[OBSERVATION_restarted]);
    ck_assert_int_ge(h.instances_delivered, STUDY_IMAGES * 10);
}
END_TEST

START_TEST(a_crash_at_any_commit_restores_what_was_committed)
{
    for (int64_t commit = 1; commit <= 60; commit += 7) {
        for (unsigned point = 1; point <= 3; point++) {
            hospital_make();
            h.config.crashes = (struct virtual_crashes){.one_in = 1, .first = commit, .last = commit, .point = point};
            hospital_open();
            for (long i = 0; i < 8; i++) {
                tell_exam(i, START_NS + (i + 1) * 5 * TIME_S);
            }
            run_until(START_NS + 5 * TIME_MIN);
            ck_assert_int_eq(virtual_counts(h.virtual).kills, 1);
            ck_assert_int_eq(virtual_counts(h.virtual).wrong_restores, 0);
            ck_assert_int_eq(h.seen[OBSERVATION_hl7_acked], 24);
        }
    }
}
END_TEST

START_TEST(an_engine_may_be_killed_and_stay_down_until_it_is_restarted)
{
    hospital_make();
    h.config.keep_records = true;
    hospital_open();
    tell_day();
    ck_assert_int_eq(virtual_kill(h.virtual, HUB, START_NS + 30 * TIME_S, true), ERR_OK);
    ck_assert_int_eq(virtual_kill(h.virtual, PACS_CAV, START_NS + 30 * TIME_S, true), ERR_BAD_INPUT);
    run_until(START_NS + 50 * TIME_S);
    int64_t acked = h.seen[OBSERVATION_hl7_acked];
    ck_assert_int_eq(virtual_restart(h.virtual, HUB, START_NS + 100 * TIME_S), ERR_OK);
    run_until(START_NS + 99 * TIME_S);
    ck_assert_int_eq(h.seen[OBSERVATION_hl7_acked], acked);
    run_until(START_NS + TIME_HOUR);
    ck_assert_int_eq(h.seen[OBSERVATION_hl7_acked], 3 * STUDIES);
    ck_assert_int_eq(h.wrong_digests, 0);
}
END_TEST

START_TEST(a_link_that_is_cut_for_a_while_delays_and_loses_nothing)
{
    hospital_make();
    hospital_open();
    tell_day();
    tell(HOSPITAL_NODES + LINK_CAV, PLAN_FAULT, START_NS + 90 * TIME_S, "partition", "direction", SLICE("both"), NULL);
    tell(HOSPITAL_NODES + LINK_CAV, PLAN_HEAL, START_NS + 150 * TIME_S, "partition", "direction", SLICE("both"), NULL);
    run_until(START_NS + TIME_HOUR);
    ck_assert_int_eq(h.seen[OBSERVATION_fault_began], 1);
    ck_assert_int_eq(h.seen[OBSERVATION_fault_ended], 1);
    ck_assert_int_gt(h.marked, 0); /* questions meanwhile were answered without Cardiff, and said so */
    ck_assert_int_eq(h.seen[OBSERVATION_query_answered], STUDIES);
    expect_answers();
    ck_assert(virtual_quiet(h.virtual));
}
END_TEST

START_TEST(half_a_link_that_is_cut_lets_the_other_half_through)
{
    static const char *const directions[] = {"to_hub", "from_hub"};
    for (size_t d = 0; d < 2; d++) {
        hospital_make();
        hospital_open();
        tell_day();
        tell(HOSPITAL_NODES + LINK_CAV, PLAN_FAULT, START_NS + 90 * TIME_S, "partition", "direction", slice_from(directions[d]), NULL);
        tell(HOSPITAL_NODES + LINK_CAV, PLAN_HEAL, START_NS + 150 * TIME_S, "partition", "direction", slice_from(directions[d]), NULL);
        run_until(START_NS + TIME_HOUR);
        ck_assert_int_gt(h.marked, 0);
        expect_answers();
        ck_assert(virtual_quiet(h.virtual));
    }
}
END_TEST

START_TEST(links_that_are_slow_lossy_and_flap_still_deliver)
{
    hospital_make();
    hospital_open();
    tell_day();
    tell(HOSPITAL_NODES + LINK_CAV, PLAN_FAULT, START_NS + 20 * TIME_S, "loss", "ppm", SLICE("20000"), NULL);
    tell(HOSPITAL_NODES + LINK_GWE, PLAN_FAULT, START_NS + 20 * TIME_S, "rate", "bytes_per_s", SLICE("100000"), NULL);
    tell(HOSPITAL_NODES + LINK_GWE, PLAN_FAULT, START_NS + 20 * TIME_S, "delay", "ns", SLICE("50000000"), NULL);
    tell(HOSPITAL_NODES + LINK_GWE, PLAN_FAULT, START_NS + 60 * TIME_S, "flap", "up", SLICE("4000000000"), "down", SLICE("1000000000"), NULL);
    tell(HOSPITAL_NODES + LINK_GWE, PLAN_HEAL, START_NS + 200 * TIME_S, "flap", NULL);
    run_until(START_NS + TIME_HOUR);
    ck_assert_int_eq(h.seen[OBSERVATION_query_answered], STUDIES);
    expect_answers();
}
END_TEST

START_TEST(a_node_that_stands_still_takes_nothing_and_goes_on_where_it_was)
{
    hospital_make();
    hospital_open();
    tell_day();
    tell(PACS_CAV, PLAN_FAULT, START_NS + 90 * TIME_S, "pause", NULL);
    run_until(START_NS + 91 * TIME_S);
    int64_t found = h.seen[OBSERVATION_find_received];
    run_until(START_NS + 100 * TIME_S);
    ck_assert_int_ge(h.seen[OBSERVATION_find_received], found); /* of the other */
    tell(PACS_CAV, PLAN_HEAL, START_NS + 120 * TIME_S, "pause", NULL);
    run_until(START_NS + TIME_HOUR);
    ck_assert_int_gt(h.marked, 0);
    expect_answers();
    ck_assert(virtual_quiet(h.virtual));
}
END_TEST

START_TEST(a_node_that_is_down_refuses_until_it_is_healed)
{
    hospital_make();
    hospital_open();
    tell_day();
    tell(PACS_CAV, PLAN_FAULT, START_NS + 90 * TIME_S, "down", NULL);
    tell(PACS_CAV, PLAN_HEAL, START_NS + 120 * TIME_S, "down", NULL);
    run_until(START_NS + TIME_HOUR);
    ck_assert_int_gt(h.marked, 0);
    ck_assert_int_gt(virtual_counts(h.virtual).refused, 0);
    expect_answers();
}
END_TEST

START_TEST(service_times_and_slots_make_a_queue_that_obeys_littles_law)
{
    static const uint32_t spread[] = {200, 500, 800, 1200, 4000};
    hospital_make();
    h.nodes[PACS_CAV].services[VIRTUAL_FIND] = (struct virtual_time){.base_ns = 400 * TIME_MS, .quantiles = spread, .quantile_count = 5, .slots = 1};
    run_day();
    struct virtual_use use = virtual_service_use(h.virtual, PACS_CAV, VIRTUAL_FIND);
    ck_assert_int_gt(use.arrivals, STUDIES);
    ck_assert_int_eq(use.arrivals, use.departures);
    ck_assert_int_gt(use.high, 1);
    ck_assert_uint_eq(use.length_ns, use.sojourn_ns); /* number present over time is time spent, to the nanosecond */
    ck_assert_uint_eq(use.length_ns_high, use.sojourn_ns_high);
}
END_TEST

UNIT_MAIN(a_workstation_is_shown_a_study_that_was_published, a_day_of_exams_queries_and_moves_ends_with_all_images_delivered,
          every_message_comes_back_equal_out_of_its_bytes, two_equal_runs_have_the_same_hash_and_another_draw_has_another, pieces_of_a_run_make_the_same_world_as_the_whole, a_run_may_stop_at_any_event_and_go_on,
          an_engine_that_dies_at_one_commit_in_thirty_loses_nothing, a_crash_at_any_commit_restores_what_was_committed,
          an_engine_may_be_killed_and_stay_down_until_it_is_restarted, a_link_that_is_cut_for_a_while_delays_and_loses_nothing,
          half_a_link_that_is_cut_lets_the_other_half_through, links_that_are_slow_lossy_and_flap_still_deliver,
          a_node_that_stands_still_takes_nothing_and_goes_on_where_it_was, a_node_that_is_down_refuses_until_it_is_healed,
          service_times_and_slots_make_a_queue_that_obeys_littles_law)
