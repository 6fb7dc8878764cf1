/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/fake.h"

static const struct fake_patient megan = {"GWE",   "40018586", "9990000018", "Price",
                                          "Megan", "19580411", NULL,         false};
static const struct fake_patient other = {"GWE",  "40020000", "9990000026", "Evans",
                                          "Owen", "19610203", NULL,         false};

START_TEST(a_completed_exam_is_found_at_its_pacs_and_published)
{
    fake_init();
    fake_holds(1, "1.2.3", "GWE1001", &megan, 2, 12);
    fake_start();
    struct hl7_value done = fake_order(&megan, "GWE1001", "CM", "c1", "20100301090000");
    fake_say(&done, "AA");
    struct row_exam exam = fake_exam("GWE", "GWE1001");
    ck_assert_int_eq(exam.state, EXAM_PUBLISHED);
    struct row_study study = fake_study_row(exam.study);
    ck_assert(slice_equal(study.uid, SLICE("1.2.3")));
    ck_assert_int_eq(study.series_count, 2);
    ck_assert_int_eq(study.instance_count, 24);
    ck_assert(slice_equal(study.modalities, SLICE("CT")));
    struct row_copy key = {.study = study.id, .node = SLICE("pacs_gwent")};
    struct row_copy copy = row_get_copy(fake.engine, row_find_copy(fake.engine, &key));
    ck_assert_int_eq(copy.role, COPY_ORIGINAL);
    ck_assert_int_eq(copy.proof, PROOF_LIST);
    struct row_person person;
    ck_assert(identity_row(fake.engine, study.person, &person));
    ck_assert(slice_equal(person.patient_id, SLICE("9990000018")));
    ck_assert_int_eq(fake.finds[1], 2); /* study, series: on one association */
    ck_assert_int_eq(fake.opens[1], 1);
    fake_run(10 * TIME_MIN);
    ck_assert_int_eq(fake.finds[1], 8); /* looked at again three times */
    ck_assert_int_eq(fake.opens[1], 2); /* the first association is kept for some minutes */
}
END_TEST

START_TEST(a_study_that_is_not_there_yet_is_found_later)
{
    fake_init();
    fake_start();
    struct hl7_value done = fake_order(&megan, "GWE1001", "CM", "c1", "20100301090000");
    fake_say(&done, "AA");
    fake_run(5 * TIME_S);
    struct row_exam exam = fake_exam("GWE", "GWE1001");
    ck_assert_int_eq(exam.state, EXAM_COMPLETED);
    ck_assert(slice_equal(exam.why, SLICE("not yet at pacs_gwent")));
    fake_holds(1, "1.2.3", "GWE1001", &megan, 1, 3);
    fake_run(10 * TIME_S);
    ck_assert_int_eq(fake_exam("GWE", "GWE1001").state, EXAM_PUBLISHED);
    ck_assert_int_eq(fake_exam("GWE", "GWE1001").why.size, 0);
}
END_TEST

START_TEST(counts_that_are_not_told_are_counted)
{
    fake_init();
    fake.no_counts = true;
    fake_holds(1, "1.2.3", "GWE1001", &megan, 3, 5);
    fake_start();
    struct hl7_value done = fake_order(&megan, "GWE1001", "CM", "c1", "20100301090000");
    fake_say(&done, "AA");
    ck_assert_int_eq(fake_study_row(fake_exam("GWE", "GWE1001").study).instance_count, 15);
}
END_TEST

START_TEST(another_patients_study_under_the_number_is_never_published)
{
    fake_init();
    fake_holds(1, "1.2.3", "GWE1001", &other, 1, 3);
    fake_start();
    struct hl7_value known = fake_message(HL7_ADT_A04, &other, "c0", "20100301080000");
    fake_say(&known, "AA");
    struct hl7_value done = fake_order(&megan, "GWE1001", "CM", "c1", "20100301090000");
    fake_say(&done, "AA");
    fake_run(TIME_MIN);
    ck_assert_int_eq(fake_exam("GWE", "GWE1001").state, EXAM_COMPLETED);
    ck_assert_int_eq(fake_records(TABLE_study), 0);
    ck_assert(row_find_review(fake.engine, &(struct row_review){.kind = SLICE("accession"),
                                                                .key = SLICE("GWE/GWE1001")}) !=
              ROW_NONE);
}
END_TEST

START_TEST(a_wrong_birth_date_under_the_right_number_is_never_published)
{
    struct fake_patient wrong = megan;
    wrong.birth_date = "19590411";
    fake_init();
    fake_holds(1, "1.2.3", "GWE1001", &wrong, 1, 3);
    fake_start();
    struct hl7_value done = fake_order(&megan, "GWE1001", "CM", "c1", "20100301090000");
    fake_say(&done, "AA");
    fake_run(TIME_MIN);
    ck_assert_int_eq(fake_records(TABLE_study), 0);
}
END_TEST

START_TEST(an_accession_number_of_two_persons_freezes_the_exam)
{
    fake_init();
    fake_start();
    struct hl7_value first = fake_order(&megan, "GWE1001", "SC", "c1", "20100301090000");
    struct hl7_value second = fake_order(&other, "GWE1001", "SC", "c2", "20100301100000");
    fake_say(&first, "AA");
    int64_t person = fake_exam("GWE", "GWE1001").person;
    fake_say(&second, "AA");
    ck_assert_int_eq(fake_exam("GWE", "GWE1001").state, EXAM_FROZEN);
    ck_assert_int_eq(fake_exam("GWE", "GWE1001").person, person);
    ck_assert(row_find_review(fake.engine, &(struct row_review){.kind = SLICE("accession"),
                                                                .key = SLICE("GWE/GWE1001")}) !=
              ROW_NONE);
}
END_TEST

START_TEST(equal_accession_numbers_of_two_issuers_are_two_exams)
{
    struct fake_patient at_cardiff = other;
    at_cardiff.site = "CAV";
    fake_init();
    fake_start();
    struct hl7_value first = fake_order(&megan, "1001", "SC", "c1", "20100301090000");
    struct hl7_value second = fake_order(&at_cardiff, "1001", "SC", "c2", "20100301100000");
    fake_say(&first, "AA");
    fake_say(&second, "AA");
    ck_assert_int_eq(fake_exam("GWE", "1001").state, EXAM_SCHEDULED);
    ck_assert_int_eq(fake_exam("CAV", "1001").state, EXAM_SCHEDULED);
}
END_TEST

START_TEST(one_uid_of_two_persons_stays_two_studies_marked_as_clashing)
{
    struct fake_patient at_cardiff = {"CAV",  "C1",       "9990000026", "Evans",
                                      "Owen", "19610203", NULL,         false};
    fake_init();
    fake_holds(1, "1.2.3", "GWE1001", &megan, 1, 3);
    fake_holds(0, "1.2.3", "CAV7", &at_cardiff, 1, 3);
    fake_start();
    struct hl7_value first = fake_order(&megan, "GWE1001", "CM", "c1", "20100301090000");
    struct hl7_value second = fake_order(&at_cardiff, "CAV7", "CM", "c2", "20100301100000");
    fake_say(&first, "AA");
    fake_say(&second, "AA");
    struct row_study a = fake_study_row(fake_exam("GWE", "GWE1001").study),
                     b = fake_study_row(fake_exam("CAV", "CAV7").study);
    ck_assert_int_ne(a.id, b.id);
    ck_assert_int_eq(a.conflict, 1);
    ck_assert_int_eq(b.conflict, 1);
}
END_TEST

START_TEST(a_repeated_message_is_acknowledged_and_changes_nothing)
{
    fake_init();
    fake_holds(1, "1.2.3", "GWE1001", &megan, 1, 3);
    fake_start();
    struct hl7_value done = fake_order(&megan, "GWE1001", "CM", "c1", "20100301090000");
    fake_say(&done, "AA");
    uint64_t digest = engine_digest(fake.engine);
    size_t records = fake.record_count;
    fake_say(&done, "AA");
    ck_assert(engine_digest(fake.engine) == digest);
    ck_assert_uint_eq(fake.record_count, records);
    done.fields[HL7_FIELD_PROCEDURE_TEXT] = SLICE("something else");
    fake_say(&done, "AE");
    ck_assert(fake_has_finding("hl7 control id used twice"));
}
END_TEST

START_TEST(an_older_message_never_overwrites_a_newer_one)
{
    fake_init();
    fake_start();
    struct hl7_value newer = fake_order(&megan, "GWE1001", "IP", "c2", "20100301100000");
    struct hl7_value older = fake_order(&megan, "GWE1001", "SC", "c1", "20100301090000");
    older.fields[HL7_FIELD_PROCEDURE_TEXT] = SLICE("old words");
    fake_say(&newer, "AA");
    fake_say(&older, "AA");
    ck_assert_int_eq(fake_exam("GWE", "GWE1001").state, EXAM_ARRIVED);
    ck_assert(slice_equal(fake_exam("GWE", "GWE1001").procedure_text, SLICE("CT chest")));
    struct fake_patient married = megan;
    married.family = "Rees";
    struct hl7_value update = fake_message(HL7_ADT_A08, &married, "c3", "20100301110000");
    struct hl7_value late = fake_message(HL7_ADT_A08, &megan, "c4", "20100301103000");
    fake_say(&update, "AA");
    fake_say(&late, "AA");
    struct row_person person;
    ck_assert(identity_row(fake.engine, fake_exam("GWE", "GWE1001").person, &person));
    ck_assert(slice_equal(person.family, SLICE("Rees")));
    ck_assert(identity_has_name(fake.engine, person.id, SLICE("PRICE^MEGAN"), &fake.step_arena));
}
END_TEST

START_TEST(an_outage_delays_publication_and_the_breaker_spares_the_node)
{
    fake_init();
    fake_holds(1, "1.2.3", "GWE1001", &megan, 1, 3);
    fake.down[1] = true;
    fake_start();
    struct hl7_value done = fake_order(&megan, "GWE1001", "CM", "c1", "20100301090000");
    fake_say(&done, "AA");
    fake_run(5 * TIME_MIN);
    ck_assert_int_eq(fake_exam("GWE", "GWE1001").state, EXAM_COMPLETED);
    ck_assert_int_lt(fake.opens[1], 5 * 60 / 3 + 5);
    for (int probes = fake.opens[1], woken = 0; woken < 20; woken++) { /* it is woken to probe, and for nothing else */
        fake.now = engine_due(fake.engine);
        fake_clock();
        ck_assert_int_eq(fake.opens[1], ++probes);
    }
    fake.down[1] = false;
    fake_run(20 * TIME_S);
    ck_assert_int_eq(fake_exam("GWE", "GWE1001").state, EXAM_PUBLISHED);
}
END_TEST

START_TEST(a_node_that_hangs_is_left_in_time)
{
    fake_init();
    fake_holds(1, "1.2.3", "GWE1001", &megan, 1, 3);
    fake.hangs[1] = true;
    fake_start();
    struct hl7_value done = fake_order(&megan, "GWE1001", "CM", "c1", "20100301090000");
    fake_say(&done, "AA");
    fake_run(2 * TIME_MIN);
    ck_assert_int_eq(fake_exam("GWE", "GWE1001").state, EXAM_COMPLETED);
    fake.hangs[1] = false;
    fake_run(2 * TIME_MIN);
    ck_assert_int_eq(fake_exam("GWE", "GWE1001").state, EXAM_PUBLISHED);
}
END_TEST

START_TEST(a_restart_restores_the_digest_and_goes_on_publishing)
{
    fake_init();
    fake_holds(1, "1.2.3", "GWE1001", &megan, 1, 3);
    fake_start();
    struct hl7_value done = fake_order(&megan, "GWE1001", "CM", "c1", "20100301090000");
    fake_say_only(&done); /* killed before anything left */
    uint64_t digest = fake_restart();
    ck_assert(engine_digest(fake.engine) == digest);
    fake_clock();
    ck_assert_int_eq(fake_exam("GWE", "GWE1001").state, EXAM_PUBLISHED);
    digest = fake_restart();
    ck_assert(engine_digest(fake.engine) == digest);
    fake.inbound = 0;
    fake_say(&done, "AA");
}
END_TEST

START_TEST(images_and_studies_that_come_late_are_noticed)
{
    fake_init();
    fake_holds(1, "1.2.3", "GWE1001", &megan, 1, 3);
    fake_start();
    struct hl7_value done = fake_order(&megan, "GWE1001", "CM", "c1", "20100301090000");
    fake_say(&done, "AA");
    int64_t study = fake_exam("GWE", "GWE1001").study;
    ck_assert_int_eq(fake_study_row(study).instance_count, 3);
    row_put_copy(fake.engine, fake.out,
                 &(struct row_copy){study, SLICE("mdt_room"), COPY_LEASED, COPY_PRESENT, 3,
                                    PROOF_STORE, fake.now});
    fake.studies[0].images = 5;
    fake_holds(1, "1.2.4", "GWE1001", &megan, 1, 7); /* a second study under the number */
    fake_run(20 * TIME_S);
    ck_assert_int_eq(fake_study_row(study).instance_count, 5);
    struct row_copy key = {.study = study, .node = SLICE("mdt_room")};
    ck_assert_int_eq(row_get_copy(fake.engine, row_find_copy(fake.engine, &key)).state,
                     COPY_PARTIAL);
    ck_assert_uint_ne(index_first_text(fake.engine, INDEX_study_uid, SLICE("1.2.4")), ROW_NONE);
    ck_assert_int_eq(fake_exam("GWE", "GWE1001").study, study);
    fake_run(TIME_HOUR);
    int finds = fake.finds[1];
    fake_run(10 * TIME_HOUR);
    ck_assert_int_eq(fake.finds[1], finds); /* nothing changes any more: it is left alone */
}
END_TEST

START_TEST(a_cancelled_exam_is_not_published_and_a_published_one_is_hidden)
{
    fake_init();
    fake_holds(1, "1.2.3", "GWE1001", &megan, 1, 3);
    fake_start();
    struct hl7_value done = fake_order(&megan, "GWE1001", "CM", "c1", "20100301090000");
    struct hl7_value cancel = fake_order(&megan, "GWE1001", "CA", "c2", "20100301100000");
    fake_say(&done, "AA");
    fake_say(&cancel, "AA");
    ck_assert_int_eq(fake_exam("GWE", "GWE1001").state, EXAM_CANCELLED);
    ck_assert(lifecycle_hidden(fake.engine, SLICE("1.2.3"), SLICE_EMPTY));
}
END_TEST

START_TEST(hundreds_of_exams_complete_at_once_and_all_are_published)
{
    static char uids[300][32], accessions[300][16], controls[300][16];
    fake_init();
    fake.limit[1] = 2;
    fake_start();
    for (int i = 0; i < 300; i++) {
        snprintf(uids[i], sizeof uids[i], "1.2.4.%d", i);
        snprintf(accessions[i], sizeof accessions[i], "GWE%d", 2000 + i);
        snprintf(controls[i], sizeof controls[i], "s%d", i);
        fake_holds(1, uids[i], accessions[i], &megan, 1, 2);
        struct hl7_value done =
            fake_order(&megan, accessions[i], "CM", controls[i], "20100301090000");
        fake_say_only(&done);
    }
    fake_settle();
    fake_run(TIME_MIN);
    for (int i = 0; i < 300; i++) {
        ck_assert_msg(fake_exam("GWE", accessions[i]).state == EXAM_PUBLISHED, "%s: %.*s",
                      accessions[i], SLICE_ARGS(fake_exam("GWE", accessions[i]).why));
    }
    ck_assert(fake_has_finding("association limit"));
}
END_TEST

START_TEST(exams_whose_node_is_away_wait_for_it_in_silence)
{
    static char uids[200][32], accessions[200][16], controls[200][16];
    fake_init();
    fake.down[1] = true;
    fake_start();
    for (int i = 0; i < 200; i++) {
        snprintf(uids[i], sizeof uids[i], "1.2.4.%d", i);
        snprintf(accessions[i], sizeof accessions[i], "GWE%d", 2000 + i);
        snprintf(controls[i], sizeof controls[i], "s%d", i);
        fake_holds(1, uids[i], accessions[i], &megan, 1, 2);
        struct hl7_value done = fake_order(&megan, accessions[i], "CM", controls[i], "20100301090000");
        fake_say_only(&done);
    }
    fake_settle();
    fake_run(TIME_MIN);
    ck_assert_int_eq(fake_exam("GWE", accessions[199]).state, EXAM_COMPLETED);
    ck_assert(slice_ends(fake_exam("GWE", accessions[199]).why, SLICE("did not answer lately")));
    struct hl7_value over = fake_order(&megan, accessions[7], "CA", "s200", "20100301091000");
    fake_say(&over, "AA");
    size_t records = fake.record_count;
    fake_run(10 * TIME_MIN);
    ck_assert_uint_lt(fake.record_count, records + 20); /* however long it is away */
    fake.down[1] = false;
    fake_run(TIME_MIN);
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(fake_exam("GWE", accessions[i]).state, i == 7 ? EXAM_CANCELLED : EXAM_PUBLISHED);
    }
}
END_TEST

UNIT_MAIN(a_completed_exam_is_found_at_its_pacs_and_published,
          a_study_that_is_not_there_yet_is_found_later, counts_that_are_not_told_are_counted,
          another_patients_study_under_the_number_is_never_published,
          a_wrong_birth_date_under_the_right_number_is_never_published,
          an_accession_number_of_two_persons_freezes_the_exam,
          equal_accession_numbers_of_two_issuers_are_two_exams,
          one_uid_of_two_persons_stays_two_studies_marked_as_clashing,
          a_repeated_message_is_acknowledged_and_changes_nothing,
          an_older_message_never_overwrites_a_newer_one,
          an_outage_delays_publication_and_the_breaker_spares_the_node,
          a_node_that_hangs_is_left_in_time, a_restart_restores_the_digest_and_goes_on_publishing,
          images_and_studies_that_come_late_are_noticed,
          a_cancelled_exam_is_not_published_and_a_published_one_is_hidden,
          hundreds_of_exams_complete_at_once_and_all_are_published,
          exams_whose_node_is_away_wait_for_it_in_silence)
