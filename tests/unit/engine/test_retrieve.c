/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/world.h"

#include "src/engine/engine_private.h"

#include <stdio.h>

static void make(void)
{
    world_make();
    person_put(1, "9990000018", "Price", "Megan", "19580411");
    number_put(1, "CAV", "C624723");
    number_put(1, "GWE", "40018586");
    archive_put(PACS_CAV, "C624723", "Price^Megan", "19580411", "CAV1001", "1.2.1", "20091207", "CT", 2, 10);
    study_put(1, 1, "1.2.1", "CAV", "CAV1001", "20091207", "CT", "ABDOMEN", "pacs_cav", 20);
}

static const struct record *demand(int64_t id)
{
    const struct record *row = record_find(TABLE_demand, COLUMN_demand_id, id);
    ck_assert_ptr_nonnull(row);
    return row;
}

#define STUDY(uid) KEY(QueryRetrieveLevel, "STUDY"), KEY(StudyInstanceUID, uid)

/* Ends and counts that no test of a transfer may break. Of a destination that cannot be asked what it holds, it is remembered. */
static void check_settled_with(size_t remembered)
{
    ck_assert_uint_eq(records_count(TABLE_job), 0);
    ck_assert_uint_eq(records_count(TABLE_job_item), remembered);
    ck_assert_int_eq(w.finals, 1);
}

static void check_settled(void)
{
    check_settled_with(0);
}

START_TEST(retrieve_delivers_a_study_coerced_and_proves_it_by_list)
{
    make();
    world_start();
    MOVE("VELPACS", STUDY("1.2.1"));
    check_settled();
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_int_eq(w.final.completed, 20);
    ck_assert_int_eq(w.final.failed, 0);
    ck_assert_int_ge(w.pendings, 1);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 20);
    const struct record *row = demand(1);
    ck_assert_int_eq(row->values[COLUMN_demand_state].integer, DEMAND_DONE);
    ck_assert_int_eq(row->values[COLUMN_demand_proof].integer, PROOF_LIST);
    /* She has no number at Velindre: the engine's own; the accession number behind its issuer's letters already. */
    const struct instance *last = &w.archive[w.instance_count - 1];
    ck_assert_str_eq(last->patient_id, "9990000018");
    ck_assert_str_eq(last->issuer, "NHS");
    ck_assert_str_eq(last->accession, "CAV1001");
    /* Asked again, the study is one row with two holders. */
    FIND(STUDY_ROOT, KEY(QueryRetrieveLevel, "STUDY"), KEY(StudyInstanceUID, ""), KEY(PatientID, "9990000018"));
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_uint_eq(w.row_count, 1);
    ck_assert_slice_eq(dataset_get(w.rows[0], 0x00991001u), SLICE("pacs_cav\\pacs_vel"));
}
END_TEST

START_TEST(retrieve_ends_the_relay_that_waits_for_it)
{
    make();
    world_start();
    w.relay_waits = true;
    MOVE("VELPACS", STUDY("1.2.1"));
    check_settled();
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_int_eq(w.final.completed, 20);
    for (size_t i = 0; i < w.relay_count; i++) {
        ck_assert_int_eq(w.relay_jobs[i], 0);
    }
}
END_TEST

START_TEST(retrieve_to_a_viewer_is_proven_by_its_store_responses)
{
    make();
    world_start();
    MOVE("GWEWS", STUDY("1.2.1"));
    check_settled_with(20);
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_int_eq(demand(1)->values[COLUMN_demand_proof].integer, PROOF_STORE);
    ck_assert_str_eq(w.archive[w.instance_count - 1].patient_id, "40018586"); /* her number at Gwent */
    ck_assert_str_eq(w.archive[w.instance_count - 1].issuer, "GWE");
    FIND(STUDY_ROOT, KEY(QueryRetrieveLevel, "STUDY"), KEY(StudyInstanceUID, ""), KEY(PatientID, "9990000018"));
    ck_assert_uint_eq(w.row_count, 1);
    ck_assert_slice_eq(dataset_get(w.rows[0], 0x00991001u), SLICE("pacs_cav")); /* a workstation is no place to fetch from */
}
END_TEST

START_TEST(retrieve_is_proven_by_commitment_where_there_is_no_list)
{
    make();
    w.nodes[PACS_VEL].answers_list = false;
    w.nodes[PACS_VEL].commitment = true;
    world_start();
    w.commit_misses = 2;
    MOVE("VELPACS", STUDY("1.2.1"));
    check_settled_with(20);
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_int_eq(w.final.completed, 20);
    ck_assert_int_eq(w.commits[PACS_VEL], 2);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 20); /* the two that were not committed came again */
    ck_assert_int_eq(demand(1)->values[COLUMN_demand_proof].integer, PROOF_COMMITMENT);
}
END_TEST

START_TEST(retrieve_refuses_an_unknown_destination_and_bad_keys)
{
    make();
    world_start();
    MOVE("NOWHERE", STUDY("1.2.1"));
    ck_assert_uint_eq(w.final.status, STATUS_MOVE_DESTINATION_UNKNOWN);
    MOVE("VELPACS", KEY(QueryRetrieveLevel, "STUDY"), KEY(AccessionNumber, "CAV1001"));
    ck_assert_uint_eq(w.final.status, STATUS_IDENTIFIER_MISMATCH);
    MOVE("VELPACS", KEY(QueryRetrieveLevel, "SERIES"), KEY(StudyInstanceUID, "1.2.1"));
    ck_assert_uint_eq(w.final.status, STATUS_IDENTIFIER_MISMATCH);
    ck_assert_int_eq(w.stores, 0);
    ck_assert_uint_eq(records_count(TABLE_demand), 0);
}
END_TEST

START_TEST(retrieve_of_series_and_images_delivers_just_those)
{
    make();
    world_start();
    MOVE("VELPACS", KEY(QueryRetrieveLevel, "SERIES"), KEY(StudyInstanceUID, "1.2.1"), KEY(SeriesInstanceUID, "1.2.1.2"));
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 10);
    MOVE("GWEWS", KEY(QueryRetrieveLevel, "IMAGE"), KEY(StudyInstanceUID, "1.2.1"), KEY(SeriesInstanceUID, "1.2.1.1"),
         KEY(SOPInstanceUID, "1.2.1.1.3\\1.2.1.1.4"));
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_int_eq(w.final.completed, 2);
    ck_assert_uint_eq(held(WS_GWE, "1.2.1"), 2);
}
END_TEST

START_TEST(retrieve_fetches_only_what_is_missing_when_the_holder_leaves_some_out)
{
    make();
    world_start();
    w.drop_every = 3; /* and says success each time */
    MOVE("VELPACS", STUDY("1.2.1"));
    check_settled();
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 20);
    ck_assert_int_eq(w.delivered_twice, 0);
    ck_assert_int_gt(w.moves[PACS_CAV], 1);
}
END_TEST

START_TEST(retrieve_lists_what_failed_when_the_destination_keeps_refusing)
{
    make();
    world_start();
    w.refuse_every = 1;
    MOVE("VELPACS", STUDY("1.2.1"));
    check_settled();
    ck_assert_uint_eq(w.final.status, STATUS_OUT_OF_RESOURCES_SUBOPERATIONS);
    ck_assert_int_eq(w.final.completed, 0);
    ck_assert_int_eq(w.final.failed, 20);
    slice list = dataset_get(w.final.identifier, TAG_FailedSOPInstanceUIDList);
    size_t listed = 0;
    while (list.data != NULL) {
        listed += slice_cut(&list, '\\').size > 0;
    }
    ck_assert_uint_eq(listed, 20);
    ck_assert_int_eq(demand(1)->values[COLUMN_demand_state].integer, DEMAND_FAILED);
    ck_assert_uint_gt(demand(1)->values[COLUMN_demand_why].text.size, 0);
}
END_TEST

START_TEST(retrieve_warns_when_a_part_arrived)
{
    make();
    w.config.transfer_attempts = 1;
    engine_make();
    for (size_t i = 0; i < w.record_count; i++) {
        ck_assert_int_eq(engine_restore(w.engine, &w.records[i].record), ERR_OK);
    }
    world_start();
    w.refuse_every = 5;
    MOVE("VELPACS", STUDY("1.2.1"));
    ck_assert_uint_eq(w.final.status, STATUS_SUBOPERATIONS_FAILED);
    ck_assert_int_eq(w.final.completed, 16);
    ck_assert_int_eq(w.final.failed, 4);
}
END_TEST

START_TEST(retrieve_uses_the_second_copy_when_one_holder_is_down)
{
    make();
    archive_put(PACS_GWE, "40018586", "Price^Megan", "19580411", "CAV1001", "1.2.1", "20091207", "CT", 2, 10);
    restore(RECORD(copy, N(1), T("pacs_gwe"), N(COPY_ORIGINAL), N(COPY_PRESENT), N(20), N(PROOF_LIST), N(0)));
    world_start();
    w.down[PACS_CAV] = true;
    MOVE("VELPACS", STUDY("1.2.1"));
    check_settled();
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 20);
}
END_TEST

START_TEST(retrieve_joins_a_study_that_is_split_over_two_holders)
{
    make();
    for (size_t i = 0; i < w.instance_count; i++) {
        if (strcmp(w.archive[i].series, "1.2.1.2") == 0) {
            w.archive[i].node = PACS_GWE;
            w.archive[i].patient_id = "40018586";
        }
    }
    restore(RECORD(copy, N(1), T("pacs_gwe"), N(COPY_ORIGINAL), N(COPY_PARTIAL), N(10), N(PROOF_LIST), N(0)));
    world_start();
    MOVE("VELPACS", STUDY("1.2.1"));
    check_settled();
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 20);
    ck_assert_int_eq(w.moves[PACS_GWE], 1);
    ck_assert_int_eq(w.moves[PACS_CAV], 1);
}
END_TEST

START_TEST(retrieve_ends_when_the_final_response_never_comes)
{
    make();
    world_start();
    w.no_final[PACS_CAV] = true;
    MOVE("VELPACS", STUDY("1.2.1"));
    check_settled();
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_int_le(w.final_at - w.asked_at, 10 * TIME_S);
}
END_TEST

START_TEST(retrieve_fails_with_the_reason_when_the_destination_is_down)
{
    make();
    world_start();
    w.down[WS_GWE] = true;
    MOVE("GWEWS", STUDY("1.2.1"));
    check_settled();
    ck_assert_uint_eq(w.final.status, STATUS_OUT_OF_RESOURCES_SUBOPERATIONS);
    ck_assert_int_le(w.final_at - w.asked_at, 30 * TIME_S);
    ck_assert_int_eq(w.moves[PACS_CAV], 6);
}
END_TEST

START_TEST(retrieve_finds_a_study_that_the_registry_does_not_know)
{
    make();
    archive_put(PACS_GWE, "77", "Nobody^Known", "19700101", "", "1.2.9", "20090101", "CR", 1, 3);
    world_start();
    MOVE("VELPACS", STUDY("1.2.9"));
    check_settled();
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_int_eq(w.final.completed, 3);
    MOVE("VELPACS", STUDY("1.2.10"));
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_int_eq(w.final.completed, 0);
    w.down[PACS_GWE] = true;
    MOVE("VELPACS", STUDY("1.2.10"));
    ck_assert_uint_eq(w.final.status, STATUS_OUT_OF_RESOURCES_SUBOPERATIONS); /* nobody can say that it does not exist */
}
END_TEST

START_TEST(retrieve_refuses_a_study_uid_of_two_patients_without_a_patient_id)
{
    make();
    person_put(2, "9990000026", "Jones", "Ann", "19700101");
    number_put(2, "GWE", "40019999");
    archive_put(PACS_GWE, "40019999", "Jones^Ann", "19700101", "GWE3001", "1.2.1", "20091207", "CT", 1, 1);
    study_put(2, 2, "1.2.1", "GWE", "GWE3001", "20091207", "CT", "CHEST", "pacs_gwe", 1);
    world_start();
    MOVE("VELPACS", STUDY("1.2.1"));
    ck_assert_uint_eq(w.final.status, STATUS_UNABLE_TO_PROCESS);
    ck_assert_int_eq(w.stores, 0);
    MOVE("VELPACS", STUDY("1.2.1"), KEY(PatientID, "9990000026"));
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_int_eq(w.final.completed, 1);
}
END_TEST

START_TEST(retrieve_leaves_out_what_was_rejected)
{
    make();
    restore(RECORD(tombstone, T("1.2.1.1.3"), T("113039"), T("pacs_cav"), N(0)));
    world_start();
    MOVE("VELPACS", STUDY("1.2.1"));
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_int_eq(w.final.completed, 19);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 19);
}
END_TEST

/* Killed at every store in turn: nothing is lost, and to a destination that lists nothing goes twice. */
START_TEST(retrieve_goes_on_after_a_crash_at_any_store)
{
    for (int kill = 1; kill <= 20; kill++) {
        make();
        world_start();
        w.stores_until_kill = kill;
        w.relay_waits = kill % 2 == 0;
        MOVE("VELPACS", STUDY("1.2.1"));
        uint64_t digest = engine_digest(w.engine);
        world_kill();
        ck_assert_uint_eq(engine_digest(w.engine), digest);
        world_run(5 * TIME_MIN);
        ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 20);
        ck_assert_int_eq(w.delivered_twice, 0);
        ck_assert_int_eq(demand(1)->values[COLUMN_demand_state].integer, DEMAND_DONE);
        ck_assert_uint_eq(records_count(TABLE_job) + records_count(TABLE_job_item), 0);
    }
}
END_TEST

/* The study has grown since it was published, and the list of its only holder breaks off behind what the registry knows of. */
START_TEST(retrieve_does_not_take_a_list_that_broke_off_for_the_whole_study)
{
    const struct key keys[] = {STUDY("1.2.1"), {0, NULL}};
    make();
    study_put(1, 1, "1.2.1", "CAV", "CAV1001", "20091207", "CT", "ABDOMEN", "pacs_cav", 10);
    world_start();
    w.lists_until[PACS_CAV] = 10;
    int64_t channel = client_open("GWEWS", UID_STUDY_ROOT_MOVE);
    client_asks(channel, DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, "VELPACS", keys);
    world_run(31 * TIME_S);
    ck_assert_int_eq(w.finals, 0); /* what it listed may have been moved: that is not all */
    w.lists_until[PACS_CAV] = 0;
    world_run(TIME_MIN);
    check_settled();
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_int_eq(w.final.completed, 20);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 20);
}
END_TEST

/* A meeting at Velindre wants a study of which a part is there, and the PACS there does not say so at first. */
START_TEST(retrieve_asks_again_what_a_destination_has_rather_than_send_it_twice)
{
    make();
    archive_put(PACS_VEL, "9990000018", "Price^Megan", "19580411", "CAV1001", "1.2.1", "20091207", "CT", 1, 10);
    restore((struct record){.table = TABLE_copy, .values = {N(1), T("pacs_vel"), N(COPY_LEASED), N(COPY_PARTIAL), N(10), N(PROOF_LIST), N(0)}});
    restore((struct record){.table = TABLE_mdt_case, .values = {T("breast"), N(1)}});
    struct record wanted = {.table = TABLE_demand};
    wanted.values[COLUMN_demand_id].integer = 1;
    wanted.values[COLUMN_demand_reason].integer = DEMAND_MDT;
    wanted.values[COLUMN_demand_study].integer = 1;
    wanted.values[COLUMN_demand_destination].text = SLICE("pacs_vel");
    wanted.values[COLUMN_demand_level].text = SLICE("STUDY");
    wanted.values[COLUMN_demand_state].integer = DEMAND_WAITING;
    wanted.values[COLUMN_demand_due_at].integer = START_NS + TIME_DAY;
    restore(wanted);
    w.silent[PACS_VEL] = true;
    world_start();
    world_run(25 * TIME_S);
    ck_assert_int_eq(w.stores, 0);
    w.silent[PACS_VEL] = false;
    world_run(5 * TIME_MIN);
    ck_assert_int_eq(demand(1)->values[COLUMN_demand_state].integer, DEMAND_DONE);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 20);
    ck_assert_int_eq(w.delivered_twice, 0);
}
END_TEST

/* As if the engine had been killed when a demand of so many instances had just ended. */
static void ended_put(int64_t id, int64_t items)
{
    struct record demand = {.table = TABLE_demand};
    demand.values[COLUMN_demand_id].integer = id;
    demand.values[COLUMN_demand_study].integer = 1;
    demand.values[COLUMN_demand_destination].text = SLICE("pacs_vel");
    demand.values[COLUMN_demand_state].integer = DEMAND_DONE;
    restore(demand);
    for (int64_t i = 0; i < items; i++) {
        char uid[32];
        snprintf(uid, sizeof uid, "1.2.1.%lld.%lld", (long long)id, (long long)i);
        restore((struct record){.table = TABLE_job_item, .values = {N(id), {.text = text(uid)}}});
    }
}

START_TEST(retrieve_forgets_the_items_of_what_ended_in_steps_that_fit)
{
    make();
    w.config.instances_max = 3 * OUT_RECORDS_MAX;
    engine_make();
    ended_put(1, OUT_RECORDS_MAX + 1);
    ended_put(2, 500);
    ck_assert_uint_eq(records_count(TABLE_job_item), OUT_RECORDS_MAX + 501);
    world_start();
    world_run(TIME_S);
    ck_assert_uint_eq(records_count(TABLE_job_item), 0);
}
END_TEST

static size_t items_of(int64_t id)
{
    size_t count = 0;
    for (size_t i = 0; i < w.record_count; i++) {
        const struct record *record = &w.records[i].record;
        count += w.records[i].alive && record->table == TABLE_job_item && record->values[COLUMN_job_item_demand].integer == id;
    }
    return count;
}

/* Three studies went to a destination that cannot be asked what it holds, 20 instances each; a fourth follows. */
START_TEST(retrieve_forgets_what_was_sent_first_when_half_the_table_is_full)
{
    make();
    w.nodes[PACS_VEL].answers_list = false;
    w.config.instances_max = 100;
    engine_make();
    restore((struct record){.table = TABLE_counter, .values = {T("demand"), N(3)}});
    for (int64_t id = 1; id <= 3; id++) {
        ended_put(id, 20);
        struct record sent = *demand(id);
        sent.values[COLUMN_demand_study].integer = 10 + id;
        sent.values[COLUMN_demand_level].text = SLICE("STUDY");
        restore(sent);
    }
    world_start();
    world_run(TIME_S);
    ck_assert_uint_eq(records_count(TABLE_job_item), 60); /* nothing was needed */
    MOVE("VELPACS", STUDY("1.2.1"));
    ck_assert_int_eq(demand(4)->values[COLUMN_demand_state].integer, DEMAND_DONE);
    world_run(TIME_S);
    ck_assert_uint_eq(records_count(TABLE_job_item), 40);
    ck_assert_uint_eq(items_of(1), 0);
    ck_assert_uint_eq(items_of(2), 0);
    ck_assert_uint_eq(items_of(3), 20);
}
END_TEST

START_TEST(retrieve_tells_a_client_that_waits_that_it_goes_on)
{
    const struct key keys[] = {STUDY("1.2.1"), {0, NULL}};
    make();
    world_start();
    w.silent[PACS_CAV] = true; /* nothing is listed, so nothing can be counted */
    int64_t channel = client_open("GWEWS", UID_STUDY_ROOT_MOVE);
    client_asks(channel, DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, "VELPACS", keys);
    world_run(19 * TIME_S);
    ck_assert_int_eq(w.pendings, 0);
    world_run(21 * TIME_S);
    ck_assert_int_eq(w.pendings, 1);
    world_run(21 * TIME_S);
    ck_assert_int_eq(w.pendings, 2);
    w.silent[PACS_CAV] = false;
    world_run(TIME_MIN);
    check_settled();
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_int_eq(w.final.completed, 20);
    int pendings = w.pendings;
    world_run(TIME_MIN);
    ck_assert_int_eq(w.pendings, pendings); /* and nothing behind the final answer */
}
END_TEST

START_TEST(retrieve_knows_that_a_holder_that_sends_is_there)
{
    const struct key keys[] = {STUDY("1.2.1"), {0, NULL}};
    make();
    world_start();
    w.no_final[PACS_CAV] = true;
    w.drop_every = 2; /* half of it comes, and then nothing more */
    ck_assert(!retrieve_comes_from(w.engine, PACS_CAV));
    int64_t channel = client_open("GWEWS", UID_STUDY_ROOT_MOVE);
    client_asks(channel, DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, "VELPACS", keys);
    world_run(2 * TIME_S);
    ck_assert(retrieve_comes_from(w.engine, PACS_CAV));
    ck_assert(!retrieve_comes_from(w.engine, PACS_GWE));
    world_run(25 * TIME_S);
    ck_assert(!retrieve_comes_from(w.engine, PACS_CAV));
}
END_TEST

START_TEST(retrieve_stays_with_its_demand_when_the_client_is_gone)
{
    const struct key keys[] = {STUDY("1.2.1"), {0, NULL}};
    make();
    world_start();
    int64_t channel = client_open("GWEWS", UID_STUDY_ROOT_MOVE);
    client_asks(channel, DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, "VELPACS", keys);
    push((struct event){.kind = EVENT_CLOSED, .channel = channel, .cause = CLOSED_LOST});
    world_run(TIME_MIN);
    ck_assert_int_eq(w.finals, 0);
    ck_assert_int_eq(demand(1)->values[COLUMN_demand_state].integer, DEMAND_DONE);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 20);
}
END_TEST

/* ---- The direct path: two PACS of one organisation. */
static const slice told[] = {SLICE("pacs_vel")};

static void make_direct(void)
{
    make();
    w.nodes[PACS_VEL].organisation = CAV;
    w.nodes[PACS_CAV].moves_to = told;
    w.nodes[PACS_CAV].moves_to_count = 1;
    world_start();
}

static int64_t path_of_first_job(void)
{
    for (size_t i = 0; i < w.stream_count; i++) {
        if (w.stream[i].table == TABLE_job && !w.stream[i].deleted) {
            return w.stream[i].values[COLUMN_job_path].integer;
        }
    }
    return 0;
}

START_TEST(retrieve_goes_straight_to_a_destination_that_needs_nothing_changed)
{
    make_direct();
    MOVE("VELPACS", STUDY("1.2.1"));
    check_settled();
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_int_eq(w.final.completed, 20);
    ck_assert_int_eq(w.direct_stores, 20);
    ck_assert_int_eq(w.stores, 0); /* nothing was relayed */
    ck_assert_uint_eq(w.relay_count, 0);
    ck_assert_int_eq(path_of_first_job(), PATH_DIRECT);
    ck_assert_int_eq(demand(1)->values[COLUMN_demand_path].integer, PATH_DIRECT);
    ck_assert_int_eq(demand(1)->values[COLUMN_demand_state].integer, DEMAND_DONE);
    ck_assert_int_eq(demand(1)->values[COLUMN_demand_proof].integer, PROOF_LIST);
    ck_assert_int_eq(demand(1)->values[COLUMN_demand_delivered].integer, 20);
}
END_TEST

START_TEST(retrieve_goes_straight_and_is_proven_by_commitment)
{
    make_direct();
    w.nodes[PACS_VEL].answers_list = false;
    w.nodes[PACS_VEL].commitment = true;
    w.commit_misses = 2;
    MOVE("VELPACS", STUDY("1.2.1"));
    check_settled_with(2); /* two spans */
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_int_eq(w.direct_stores, 20);
    ck_assert_int_eq(w.stores, 2); /* what it did not commit to was relayed */
    ck_assert_int_eq(w.delivered_twice, 0);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 20);
    ck_assert_int_eq(demand(1)->values[COLUMN_demand_proof].integer, PROOF_COMMITMENT);
}
END_TEST

START_TEST(retrieve_relays_where_the_holder_does_not_know_the_destination)
{
    make_direct();
    w.knows_nobody = true;
    MOVE("VELPACS", STUDY("1.2.1"));
    check_settled();
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_int_eq(w.direct_stores, 0);
    ck_assert_int_eq(w.stores, 20);
    ck_assert_int_eq(w.moves[PACS_CAV], 2);
    ck_assert_int_eq(demand(1)->values[COLUMN_demand_attempts].integer, 1); /* within one attempt */
    ck_assert_uint_eq(records_count(TABLE_finding), 1);
    /* It is not tried a second time. */
    archive_put(PACS_CAV, "C624723", "Price^Megan", "19580411", "CAV1002", "1.2.2", "20091208", "CT", 1, 3);
    MOVE("VELPACS", STUDY("1.2.2"));
    ck_assert_int_eq(w.moves[PACS_CAV], 3);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.2"), 3);
}
END_TEST

START_TEST(retrieve_relays_what_a_direct_move_left_out)
{
    make_direct();
    w.drop_every = 4; /* and says success */
    MOVE("VELPACS", STUDY("1.2.1"));
    check_settled();
    ck_assert_uint_eq(w.final.status, STATUS_SUCCESS);
    ck_assert_int_eq(w.direct_stores, 15);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 20);
    ck_assert_int_eq(w.delivered_twice, 0);
    ck_assert_int_eq(demand(1)->values[COLUMN_demand_path].integer, PATH_RELAY); /* of its last job */
}
END_TEST

START_TEST(retrieve_never_goes_straight_to_another_organisation_or_past_a_tombstone)
{
    make_direct();
    w.nodes[PACS_VEL].organisation = VEL;
    MOVE("VELPACS", STUDY("1.2.1"));
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 20);
    ck_assert_int_eq(w.direct_stores, 0);
    make();
    w.nodes[PACS_VEL].organisation = CAV;
    w.nodes[PACS_CAV].moves_to = told;
    w.nodes[PACS_CAV].moves_to_count = 1;
    restore(RECORD(tombstone, T("1.2.1.1.3"), T("113039"), T("pacs_cav"), N(0)));
    world_start();
    MOVE("VELPACS", STUDY("1.2.1"));
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 19);
    ck_assert_int_eq(w.direct_stores, 0);
}
END_TEST

START_TEST(retrieve_by_series_asks_the_holder_for_that_series_alone)
{
    make();
    world_start();
    MOVE("VELPACS", KEY(QueryRetrieveLevel, "SERIES"), KEY(StudyInstanceUID, "1.2.1"), KEY(SeriesInstanceUID, "1.2.1.2"));
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 10);
    ck_assert_int_eq(w.offered, 10);
}
END_TEST

START_TEST(retrieve_asked_twice_at_once_is_one_demand_and_two_final_answers)
{
    const struct key keys[] = {STUDY("1.2.1"), {0, NULL}};
    make();
    world_start();
    client_asks(client_open("GWEWS", UID_STUDY_ROOT_MOVE), DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, "VELPACS", keys);
    client_asks(client_open("GWEWS", UID_STUDY_ROOT_MOVE), DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, "VELPACS", keys);
    world_run(TIME_MIN);
    ck_assert_int_eq(w.finals, 2);
    ck_assert_uint_eq(records_count(TABLE_demand), 1);
    ck_assert_int_eq(w.delivered_twice, 0);
}
END_TEST

START_TEST(retrieve_that_is_cancelled_ends_with_fe00_and_stops)
{
    const struct key keys[] = {STUDY("1.2.1"), {0, NULL}};
    make();
    world_start();
    w.silent[PACS_CAV] = true; /* its list never comes */
    int64_t channel = client_open("GWEWS", UID_STUDY_ROOT_MOVE);
    client_asks(channel, DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, "VELPACS", keys);
    world_run(TIME_S);
    push_message(channel, (struct dimse){.kind = DIMSE_C_CANCEL_RQ, .message_id = 5});
    world_run(TIME_MIN);
    ck_assert_int_eq(w.finals, 1);
    ck_assert_uint_eq(w.final.status, STATUS_CANCEL);
    ck_assert_int_eq(demand(1)->values[COLUMN_demand_state].integer, DEMAND_FAILED);
    ck_assert_int_eq(w.stores, 0);
}
END_TEST

/* ---- Spans. */

/* Two holders with parts that overlap, a destination that refuses now and then, something there already, something
 * rejected: what is held, counted and recorded in the end. */
START_TEST(retrieve_sends_a_viewer_only_what_has_come_since_unless_she_asks)
{
    make(); /* twenty images; she took the first ten when there were no more */
    restore((struct record){.table = TABLE_copy, .values = {N(1), T("ws_gwe"), N(COPY_LEASED), N(COPY_PARTIAL), N(10), N(PROOF_STORE), N(0)}});
    restore((struct record){.table = TABLE_demand, .values = {N(1), N(DEMAND_CLIENT), T("first"), N(1), N(1), T("ws_gwe"), T("STUDY"), T(""), T("GWEWS"), N(0), N(DEMAND_DONE),
                                                              N(PROOF_STORE), N(1), N(10), N(10), N(0), N(0), T(""), N(PATH_RELAY)}});
    restore((struct record){.table = TABLE_job_item, .values = {N(1), T("1.2.1.1.1"), N(10), N(0), T(""), T("")}});
    restore((struct record){.table = TABLE_demand, .values = {N(2), N(DEMAND_OPERATOR), T("second"), N(1), N(1), T("ws_gwe"), T("STUDY"), T(""), T("operator"), N(0),
                                                              N(DEMAND_WAITING), N(PROOF_NONE), N(0), N(0), N(0), N(0), N(0), T(""), N(0)}});
    restore((struct record){.table = TABLE_counter, .values = {T("demand"), N(2)}});
    world_start();
    world_run(5 * TIME_MIN);
    ck_assert_int_eq(demand(2)->values[COLUMN_demand_state].integer, DEMAND_DONE);
    ck_assert_int_eq(demand(2)->values[COLUMN_demand_delivered].integer, 20);
    ck_assert_uint_eq(held(WS_GWE, "1.2.1"), 10); /* the other ten were there: she was not told of them here */
    MOVE("GWEWS", STUDY("1.2.1"));
    ck_assert_int_eq(w.final.completed, 20); /* whoever asks gets all */
    ck_assert_uint_eq(records_count(TABLE_job_item), 20); /* and that is all that is remembered */
}
END_TEST

struct outcome {
    size_t held;
    int completed, failed, status, delivered_twice;
    int64_t wanted, delivered, state, attempts;
};

static struct outcome story(uint64_t chance, int refuse_every, bool tombstone)
{
    make();
    archive_put(PACS_GWE, "40018586", "Price^Megan", "19580411", "CAV1001", "1.2.1", "20091207", "CT", 3, 10);
    restore((struct record){.table = TABLE_copy, .values = {N(1), T("pacs_gwe"), N(COPY_ORIGINAL), N(COPY_PRESENT), N(30), N(PROOF_LIST), N(0)}});
    if (tombstone) {
        restore((struct record){.table = TABLE_tombstone, .values = {T("1.2.1.1.4"), T("113001"), T("RADIS2"), N(1)}});
    }
    w.span_chance = chance;
    w.refuse_every = refuse_every;
    world_start();
    MOVE("VELPACS", STUDY("1.2.1"));
    const struct record *row = demand(1);
    ck_assert_uint_eq(records_count(TABLE_job_item), 0);
    return (struct outcome){held(PACS_VEL, "1.2.1"), w.final.completed, w.final.failed, w.final.status, w.delivered_twice,
                            row->values[COLUMN_demand_wanted].integer, row->values[COLUMN_demand_delivered].integer, row->values[COLUMN_demand_state].integer,
                            row->values[COLUMN_demand_attempts].integer};
}

START_TEST(retrieve_ends_the_same_wherever_spans_are_cut)
{
    for (int refuse = 0; refuse <= 7; refuse += 7) {
        for (int tombstone = 0; tombstone <= 1; tombstone++) {
            struct outcome one = story(0, refuse, tombstone == 1);
            ck_assert_uint_eq(one.held, tombstone == 1 ? 29 : 30);
            ck_assert_int_eq(one.state, DEMAND_DONE);
            ck_assert_int_eq(one.delivered_twice, 0);
            for (uint64_t chance = 1; chance <= 25; chance++) {
                struct outcome many = story(chance, refuse, tombstone == 1);
                ck_assert_uint_eq(many.held, one.held);
                ck_assert_int_eq(many.completed, one.completed);
                ck_assert_int_eq(many.failed, one.failed);
                ck_assert_int_eq(many.status, one.status);
                ck_assert_int_eq(many.delivered_twice, 0);
                ck_assert_int_eq(many.wanted, one.wanted);
                ck_assert_int_eq(many.delivered, one.delivered);
                ck_assert_int_eq(many.state, one.state);
                ck_assert_int_eq(many.attempts, one.attempts);
            }
        }
    }
}
END_TEST

UNIT_MAIN(retrieve_sends_a_viewer_only_what_has_come_since_unless_she_asks, retrieve_ends_the_same_wherever_spans_are_cut, retrieve_delivers_a_study_coerced_and_proves_it_by_list, retrieve_ends_the_relay_that_waits_for_it, retrieve_to_a_viewer_is_proven_by_its_store_responses,
          retrieve_is_proven_by_commitment_where_there_is_no_list, retrieve_refuses_an_unknown_destination_and_bad_keys, retrieve_of_series_and_images_delivers_just_those,
          retrieve_fetches_only_what_is_missing_when_the_holder_leaves_some_out, retrieve_lists_what_failed_when_the_destination_keeps_refusing,
          retrieve_warns_when_a_part_arrived, retrieve_uses_the_second_copy_when_one_holder_is_down,
          retrieve_joins_a_study_that_is_split_over_two_holders, retrieve_ends_when_the_final_response_never_comes,
          retrieve_fails_with_the_reason_when_the_destination_is_down, retrieve_finds_a_study_that_the_registry_does_not_know,
          retrieve_refuses_a_study_uid_of_two_patients_without_a_patient_id, retrieve_leaves_out_what_was_rejected,
          retrieve_goes_on_after_a_crash_at_any_store, retrieve_stays_with_its_demand_when_the_client_is_gone,
          retrieve_does_not_take_a_list_that_broke_off_for_the_whole_study,
          retrieve_asks_again_what_a_destination_has_rather_than_send_it_twice, retrieve_forgets_the_items_of_what_ended_in_steps_that_fit, retrieve_forgets_what_was_sent_first_when_half_the_table_is_full,
          retrieve_tells_a_client_that_waits_that_it_goes_on, retrieve_knows_that_a_holder_that_sends_is_there,
          retrieve_asked_twice_at_once_is_one_demand_and_two_final_answers, retrieve_that_is_cancelled_ends_with_fe00_and_stops,
          retrieve_goes_straight_to_a_destination_that_needs_nothing_changed, retrieve_goes_straight_and_is_proven_by_commitment,
          retrieve_relays_where_the_holder_does_not_know_the_destination, retrieve_relays_what_a_direct_move_left_out,
          retrieve_never_goes_straight_to_another_organisation_or_past_a_tombstone, retrieve_by_series_asks_the_holder_for_that_series_alone)
