/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/world.h"

/* Said by RADIS2 on a link of its own. */
static int64_t hl7_open(void)
{
    int64_t channel = w.next_even;
    w.next_even += 2;
    w.links[w.link_count++] = (struct link){channel, -2, true, SLICE_EMPTY};
    push((struct event){.kind = EVENT_ASKED, .channel = channel, .protocol = PROTOCOL_HL7, .address = SLICE("127.0.0.1")});
    return channel;
}

static void order(int64_t channel, const char *control, const char *order_control, const char *accession)
{
    struct message *message = arena_alloc(&w.arena, sizeof *message);
    message->protocol = PROTOCOL_HL7;
    struct hl7_value *value = &message->hl7;
    value->type = HL7_ORM_O01;
    value->fields[HL7_FIELD_SENDER] = SLICE("RADIS2");
    value->fields[HL7_FIELD_SENDER_SITE] = SLICE("VEL");
    value->fields[HL7_FIELD_SENT_AT] = SLICE("20100301080000");
    value->fields[HL7_FIELD_CONTROL_ID] = text(control);
    value->fields[HL7_FIELD_BIRTH_DATE] = SLICE("19580411");
    value->fields[HL7_FIELD_SEX] = SLICE("F");
    value->fields[HL7_FIELD_NHS_STATUS] = SLICE("01");
    value->fields[HL7_FIELD_ORDER_CONTROL] = text(order_control);
    value->fields[HL7_FIELD_ORDER_STATUS] = slice_equal(text(order_control), SLICE("CA")) ? SLICE("CA") : SLICE("SC");
    value->fields[HL7_FIELD_ACCESSION] = text(accession);
    value->fields[HL7_FIELD_ACCESSION_ISSUER] = SLICE("VEL");
    value->fields[HL7_FIELD_MODALITY] = SLICE("CT");
    value->fields[HL7_FIELD_BODY_PART] = SLICE("CHEST");
    value->fields[HL7_FIELD_PROCEDURE] = SLICE("CCHES");
    value->fields[HL7_FIELD_READING_SITE] = SLICE("pacs_vel");
    value->fields[HL7_FIELD_SCHEDULED_AT] = SLICE("20100301100000");
    value->ids[0] = (struct hl7_id){SLICE("V31007"), SLICE("VEL"), SLICE("PI")};
    value->ids[1] = (struct hl7_id){SLICE("9990000018"), SLICE("NHS"), SLICE("NH")};
    value->id_count = 2;
    value->names[0] = (struct hl7_name){SLICE("Price"), SLICE("Megan"), SLICE_EMPTY, SLICE_EMPTY, SLICE("L")};
    value->name_count = 1;
    push((struct event){.kind = EVENT_RECEIVED, .protocol = PROTOCOL_HL7, .channel = channel, .run = {message, 1}});
}

static void make(void)
{
    world_make();
    person_put(1, "9990000018", "Price", "Megan", "19580411");
    number_put(1, "CAV", "C624723");
    number_put(1, "GWE", "40018586");
    archive_put(PACS_CAV, "C624723", "Price^Megan", "19580411", "CAV1001", "1.2.1", "20091207", "CT", 2, 5);
    archive_put(PACS_GWE, "40018586", "Price^Megan", "19580411", "GWE2001", "1.2.2", "20090914", "MG", 1, 4);
    archive_put(PACS_GWE, "40018586", "Price^Megan", "19580411", "GWE2002", "1.2.3", "20090921", "US", 1, 6);
    study_put(1, 1, "1.2.1", "CAV", "CAV1001", "20091207", "CT", "CHEST", "pacs_cav", 10);
    study_put(2, 1, "1.2.2", "GWE", "GWE2001", "20090914", "MG", "BREAST", "pacs_gwe", 4);
    study_put(3, 1, "1.2.3", "GWE", "GWE2002", "20090921", "US", "BREAST", "pacs_gwe", 6);
    restore(RECORD(counter, T("person"), N(100)));
}

static size_t ready(void)
{
    size_t count = 0;
    for (size_t i = 0; i < w.record_count; i++) {
        count += w.records[i].alive && w.records[i].record.table == TABLE_prior && w.records[i].record.values[COLUMN_prior_ready_at].integer > 0;
    }
    return count;
}

START_TEST(priors_of_an_order_are_at_the_reading_site_with_their_reasons)
{
    make();
    world_start();
    order(hl7_open(), "M1", "NW", "VEL9001");
    world_run(TIME_MIN);
    ck_assert_uint_eq(records_count(TABLE_prior), 2); /* the CT and the mammogram; not the ultrasound */
    ck_assert_uint_eq(ready(), 2);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 10);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.2"), 4);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.3"), 0);
    const struct record *prior = record_find(TABLE_prior, COLUMN_prior_study, 1);
    ck_assert(slice_starts(prior->values[COLUMN_prior_why].text, SLICE("same kind, same region: CT CHEST")));
    const struct record *row = record_find(TABLE_demand, COLUMN_demand_study, 1);
    ck_assert_int_eq(row->values[COLUMN_demand_state].integer, DEMAND_DONE);
    ck_assert_int_eq(row->values[COLUMN_demand_due_at].integer, START_NS + 90 * TIME_MIN);
}
END_TEST

START_TEST(priors_ordered_twice_are_moved_once)
{
    make();
    world_start();
    int64_t channel = hl7_open();
    order(channel, "M1", "NW", "VEL9001");
    order(channel, "M2", "XO", "VEL9001");
    order(channel, "M3", "NW", "VEL9002");
    world_run(TIME_MIN);
    ck_assert_int_eq(w.delivered_twice, 0);
    ck_assert_uint_eq(records_count(TABLE_prior), 4);
    ck_assert_uint_eq(ready(), 4);
}
END_TEST

START_TEST(priors_wait_for_a_holder_that_is_down_and_come_when_it_is_back)
{
    make();
    world_start();
    w.down[PACS_CAV] = true;
    order(hl7_open(), "M1", "NW", "VEL9001");
    world_run(TIME_MIN);
    ck_assert_uint_eq(ready(), 1);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.2"), 4);
    w.down[PACS_CAV] = false;
    world_run(TIME_MIN);
    ck_assert_uint_eq(ready(), 2);
    ck_assert_uint_eq(held(PACS_VEL, "1.2.1"), 10);
}
END_TEST

START_TEST(priors_of_a_cancelled_examination_are_given_up)
{
    make();
    world_start();
    int64_t channel = hl7_open();
    w.down[PACS_CAV] = w.down[PACS_GWE] = true;
    order(channel, "M1", "NW", "VEL9001");
    world_run(TIME_S);
    order(channel, "M2", "CA", "VEL9001");
    world_run(TIME_MIN);
    const struct record *row = record_find(TABLE_demand, COLUMN_demand_study, 1);
    ck_assert_int_eq(row->values[COLUMN_demand_state].integer, DEMAND_FAILED);
    ck_assert(slice_equal(row->values[COLUMN_demand_why].text, SLICE("the examination was cancelled")));
}
END_TEST

START_TEST(priors_survive_a_crash)
{
    make();
    world_start();
    w.stores_until_kill = 6;
    order(hl7_open(), "M1", "NW", "VEL9001");
    world_run(TIME_MIN);
    ck_assert(w.killed);
    world_kill();
    world_run(TIME_MIN);
    ck_assert_uint_eq(ready(), 2);
    ck_assert_int_eq(w.delivered_twice, 0);
}
END_TEST

UNIT_MAIN(priors_of_an_order_are_at_the_reading_site_with_their_reasons, priors_ordered_twice_are_moved_once,
          priors_wait_for_a_holder_that_is_down_and_come_when_it_is_back, priors_of_a_cancelled_examination_are_given_up, priors_survive_a_crash)
