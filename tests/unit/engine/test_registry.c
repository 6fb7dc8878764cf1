/* SPDX-License-Identifier: MIT */
#include "src/engine/text_heap.h"
#include "tests/unit/engine/fake.h"

static void begin(void)
{
    fake_init();
    fake_make_engine();
    fake.engine->now = fake.now;
    fake.out->arena = &fake.step_arena;
    out_clear(fake.out);
}

static void put_study(int64_t id, const char *uid, int64_t person)
{
    row_put_study(fake.engine, fake.out,
                  &(struct row_study){.id = id, .uid = slice_from(uid), .person = person});
}

START_TEST(a_row_put_twice_is_one_record_and_one_row)
{
    begin();
    put_study(1, "1.2.3", 7);
    uint64_t digest = engine_digest(fake.engine);
    ck_assert_uint_eq(fake.out->record_count, 1);
    put_study(1, "1.2.3", 7);
    ck_assert_uint_eq(fake.out->record_count, 1);
    ck_assert(engine_digest(fake.engine) == digest);
    put_study(1, "1.2.3", 8);
    ck_assert_uint_eq(fake.out->record_count, 2);
    ck_assert_uint_eq(row_count(fake.engine, TABLE_study), 1);
    put_study(1, "1.2.3", 7);
    ck_assert(engine_digest(fake.engine) == digest);
}
END_TEST

START_TEST(the_digest_forgets_what_is_deleted_and_the_order_of_what_is_there)
{
    begin();
    uint64_t empty = engine_digest(fake.engine);
    put_study(1, "1.2.3", 7);
    put_study(2, "1.2.4", 7);
    uint64_t both = engine_digest(fake.engine);
    row_delete_study(fake.engine, fake.out, &(struct row_study){.id = 1});
    row_delete_study(fake.engine, fake.out, &(struct row_study){.id = 1});
    row_delete_study(fake.engine, fake.out, &(struct row_study){.id = 2});
    ck_assert(engine_digest(fake.engine) == empty);
    put_study(2, "1.2.4", 7);
    put_study(1, "1.2.3", 7);
    ck_assert(engine_digest(fake.engine) == both);
}
END_TEST

START_TEST(rows_of_one_index_value_come_in_the_order_of_their_keys)
{
    static const int64_t ids[] = {5, 1, 9, 3, 7, 2, 8, 4, 6};
    begin();
    for (size_t i = 0; i < 9; i++) {
        put_study(ids[i], "1.2.3", ids[i] % 2);
    }
    int64_t expected = 1;
    for (uint32_t row = index_first_int(fake.engine, INDEX_study_person, 1); row != ROW_NONE;
         row = index_next(fake.engine, INDEX_study_person, row)) {
        ck_assert_int_eq(row_get_study(fake.engine, row).id, expected);
        expected += 2;
    }
    ck_assert_int_eq(expected, 11);
    put_study(5, "1.2.3", 0); /* leaves one list for the other */
    size_t count = 0;
    for (uint32_t row = index_first_int(fake.engine, INDEX_study_person, 0); row != ROW_NONE;
         row = index_next(fake.engine, INDEX_study_person, row)) {
        count++;
    }
    ck_assert_uint_eq(count, 5);
    ck_assert_uint_eq(index_first_int(fake.engine, INDEX_study_person, 44), ROW_NONE);
}
END_TEST

START_TEST(slices_of_a_row_stay_good_when_it_is_put_back_changed)
{
    begin();
    row_put_exam(fake.engine, fake.out,
                 &(struct row_exam){.issuer = SLICE("GWE"),
                                    .accession = SLICE("GWE1"),
                                    .procedure_text = SLICE("CT chest"),
                                    .person = 1});
    uint32_t row = row_find_exam(
        fake.engine, &(struct row_exam){.issuer = SLICE("GWE"), .accession = SLICE("GWE1")});
    struct row_exam exam = row_get_exam(fake.engine, row);
    exam.why = exam.procedure_text; /* borrows from the row that it is put into */
    exam.procedure_text =
        SLICE("CT abdomen, much longer than before so that it needs another block");
    row_put_exam(fake.engine, fake.out, &exam);
    ck_assert(slice_equal(exam.accession, SLICE("GWE1")));
    exam = row_get_exam(fake.engine, row);
    ck_assert(slice_equal(exam.why, SLICE("CT chest")));
    uint64_t digest = engine_digest(fake.engine);
    struct record record = fake.out->records[fake.out->record_count - 1];
    row_delete_exam(fake.engine, fake.out, &exam);
    ck_assert(engine_digest(fake.engine) + record_hash(&record) == digest);
}
END_TEST

START_TEST(many_changes_use_the_same_memory_again)
{
    char text[600];
    memset(text, 'x', sizeof text);
    begin();
    for (int i = 0; i < 200000; i++) {
        size_t size = (size_t)(i * 37 % 600);
        out_clear(fake.out);
        row_put_person(fake.engine, fake.out,
                       &(struct row_person){
                           .id = i % 50 + 1, .family = {text, size}, .given = {text, size / 3}});
        ck_assert_ptr_null(fake.engine->exhausted);
        if (i % 3 == 0) {
            row_delete_person(fake.engine, fake.out, &(struct row_person){.id = i % 50 + 1});
        }
    }
    ck_assert_uint_le(row_bound(fake.engine, TABLE_person), 50);
}
END_TEST

START_TEST(a_full_table_refuses_by_name)
{
    begin();
    for (int i = 1; i <= 2000; i++) {
        out_clear(fake.out);
        ck_assert(row_room(fake.engine, TABLE_person, 1));
        row_put_person(fake.engine, fake.out, &(struct row_person){.id = i});
    }
    ck_assert(!row_room(fake.engine, TABLE_person, 1));
    ck_assert_ptr_null(fake.engine->exhausted);
    row_put_person(fake.engine, fake.out, &(struct row_person){.id = 2001});
    ck_assert_str_eq(fake.engine->exhausted, "person");
}
END_TEST

START_TEST(a_message_for_which_there_is_no_room_is_put_off_by_name)
{
    static char numbers[40][8], controls[40][8];
    fake_init();
    fake.config.persons_max = 20;
    fake_start();
    for (int i = 0; i < 40; i++) {
        snprintf(numbers[i], sizeof numbers[i], "%d", 1000 + i);
        snprintf(controls[i], sizeof controls[i], "c%d", i);
        struct fake_patient patient = {"GWE",   numbers[i], NULL, "Price",
                                       "Megan", "19580411", NULL, false};
        struct hl7_value value = fake_message(HL7_ADT_A04, &patient, controls[i], "20100301090000");
        fake_say(&value, i < 20 ? "AA" : "AE");
    }
    ck_assert(slice_equal(fake.last_ack_text, SLICE("limit persons")));
    ck_assert_uint_eq(row_count(fake.engine, TABLE_person), 20);
}
END_TEST

START_TEST(counters_go_on_after_a_restart)
{
    begin();
    ck_assert_int_eq(counter_next(fake.engine, fake.out, SLICE("study")), 1);
    ck_assert_int_eq(counter_next(fake.engine, fake.out, SLICE("study")), 2);
    fake_keep();
    fake_restart();
    fake.engine->now = fake.now;
    ck_assert_int_eq(counter_next(fake.engine, fake.out, SLICE("study")), 3);
    ck_assert_int_eq(counter_next(fake.engine, fake.out, SLICE("demand")), 1);
}
END_TEST

START_TEST(an_arena_that_is_too_small_is_said_at_the_start)
{
    struct engine *engine;
    fake_init();
    for (size_t size = 1024; size < 16u << 20; size *= 2) {
        struct arena small = {.memory = fake.arena.memory, .size = size};
        ck_assert_int_eq(engine_init(&engine, &fake.config, &small), ERR_LIMIT);
    }
}
END_TEST

UNIT_MAIN(a_row_put_twice_is_one_record_and_one_row,
          the_digest_forgets_what_is_deleted_and_the_order_of_what_is_there,
          rows_of_one_index_value_come_in_the_order_of_their_keys,
          slices_of_a_row_stay_good_when_it_is_put_back_changed,
          many_changes_use_the_same_memory_again, a_full_table_refuses_by_name,
          a_message_for_which_there_is_no_room_is_put_off_by_name, counters_go_on_after_a_restart,
          an_arena_that_is_too_small_is_said_at_the_start)
