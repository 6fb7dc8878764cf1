/* SPDX-License-Identifier: MIT */
#include "tests/unit/hl7/hl7_test.h"

static char wire[65536];

static slice written(const struct hl7_value *value)
{
    struct buffer buffer = buffer_over(wire, sizeof wire);
    hl7_write(value, &buffer);
    ck_assert(!buffer.full);
    return buffer_slice(&buffer);
}

static bool belongs_to_msa(enum hl7_field_name name)
{
    return name == HL7_FIELD_ACK_CODE || name == HL7_FIELD_ACK_OF || name == HL7_FIELD_ACK_TEXT;
}

/* A row of `type` with all that a row can hold; text has a bit of everything that needs care. */
static struct hl7_value full_row(enum hl7_type type)
{
    static char texts[HL7_FIELD_COUNT][64];
    struct hl7_value row = {
        .type = type, .id_count = HL7_REPETITIONS_MAX, .prior_id_count = 2, .name_count = 3};
    for (size_t i = 0; i < HL7_FIELD_COUNT; i++) {
        struct buffer buffer = buffer_over(texts[i], sizeof texts[i]);
        buffer_put_text(&buffer, "T\u0177|^~\\&\\F\\\n\n \x0B\x1C\t\u20AC");
        buffer_put_int(&buffer, (int64_t)i);
        bool fits = type == HL7_ACK || !belongs_to_msa((enum hl7_field_name)i);
        row.fields[i] = fits ? buffer_slice(&buffer) : SLICE_EMPTY;
    }
    for (size_t i = 0; i < HL7_REPETITIONS_MAX; i++) {
        row.ids[i] = (struct hl7_id){row.fields[i], row.fields[i + 1],
                                     i % 2 == 0 ? SLICE_EMPTY : row.fields[i + 2]};
    }
    row.prior_ids[0] = (struct hl7_id){SLICE("1"), SLICE_EMPTY, SLICE("PI")};
    row.prior_ids[1] = (struct hl7_id){SLICE("2"), SLICE("C&V"), SLICE_EMPTY};
    row.names[0] = (struct hl7_name){SLICE("O'Neill"), SLICE("Si\u00E2n"), SLICE_EMPTY, SLICE("Dr"),
                                     SLICE_EMPTY};
    row.names[1] =
        (struct hl7_name){SLICE("van & der"), SLICE_EMPTY, SLICE("M"), SLICE_EMPTY, SLICE("M")};
    row.names[2] =
        (struct hl7_name){SLICE_EMPTY, SLICE("Only"), SLICE_EMPTY, SLICE_EMPTY, SLICE("A")};
    return row;
}

static void assert_round_trip(const struct hl7_value *row)
{
    struct arena arena = test_arena();
    struct hl7_value back = {0};
    ck_assert_int_eq(read_bytes(&back, written(row), &arena), ERR_OK);
    ck_assert(hl7_value_equal(row, &back));
}

START_TEST(a_full_row_of_every_type_comes_back_equal)
{
    for (int type = 0; type < HL7_TYPE_COUNT; type++) {
        struct hl7_value row = full_row((enum hl7_type)type);
        assert_round_trip(&row);
    }
}
END_TEST

START_TEST(a_row_with_one_field_comes_back_equal_whatever_field_it_is)
{
    for (int type = 0; type < HL7_TYPE_COUNT; type++) {
        for (size_t i = 0; i < HL7_FIELD_COUNT; i++) {
            struct hl7_value row = {.type = (enum hl7_type)type};
            row.fields[HL7_FIELD_CONTROL_ID] = SLICE("C1");
            row.fields[i] = SLICE("x");
            if (type == HL7_ACK || !belongs_to_msa((enum hl7_field_name)i)) {
                assert_round_trip(&row);
            }
        }
    }
}
END_TEST

START_TEST(rows_with_ids_or_names_alone_come_back_equal)
{
    for (int type = 0; type < HL7_TYPE_COUNT; type++) {
        struct hl7_value full = full_row((enum hl7_type)type);
        for (int which = 0; which < 3; which++) {
            struct hl7_value row = {.type = (enum hl7_type)type};
            row.fields[HL7_FIELD_CONTROL_ID] = SLICE("C1");
            memcpy(row.ids, full.ids, sizeof row.ids);
            memcpy(row.prior_ids, full.prior_ids, sizeof row.prior_ids);
            memcpy(row.names, full.names, sizeof row.names);
            row.id_count = which == 0 ? 1 : 0;
            row.prior_id_count = which == 1 ? 1 : 0;
            row.name_count = which == 2 ? 1 : 0;
            assert_round_trip(&row);
        }
    }
}
END_TEST

START_TEST(an_order_is_written_as_other_systems_expect_it)
{
    struct hl7_value order = {.type = HL7_ORM_O01, .id_count = 2, .name_count = 2};
    order.fields[HL7_FIELD_SENDER] = SLICE("RADIS2");
    order.fields[HL7_FIELD_SENDER_SITE] = SLICE("CAV");
    order.fields[HL7_FIELD_SENT_AT] = SLICE("20100301083000");
    order.fields[HL7_FIELD_CONTROL_ID] = SLICE("C1");
    order.fields[HL7_FIELD_ORDER_CONTROL] = SLICE("NW");
    order.fields[HL7_FIELD_ACCESSION] = SLICE("CAV1");
    order.fields[HL7_FIELD_ACCESSION_ISSUER] = SLICE("CAV");
    order.ids[0] = (struct hl7_id){SLICE("A1"), SLICE("CAV"), SLICE("PI")};
    order.ids[1] = (struct hl7_id){SLICE("9990000018"), SLICE("NHS"), SLICE("NH")};
    order.names[0] =
        (struct hl7_name){SLICE("Jones"), SLICE("Ann"), SLICE_EMPTY, SLICE_EMPTY, SLICE_EMPTY};
    order.names[1] =
        (struct hl7_name){SLICE("Rees"), SLICE("Ann"), SLICE_EMPTY, SLICE_EMPTY, SLICE("M")};
    ck_assert_slice_eq(
        written(&order),
        "MSH|^~\\&|RADIS2|CAV|||20100301083000||ORM^O01^ORM_O01|C1|P|2.5||||||UNICODE UTF-8\r"
        "PID|1||A1^^^CAV^PI~9990000018^^^NHS^NH||Jones^Ann~Rees^Ann^^^^^M\r"
        "ORC|NW\r"
        "OBR|1|||||||||||||||||CAV1^CAV\r");
}
END_TEST

START_TEST(a_report_of_several_lines_stays_in_one_segment)
{
    struct hl7_value report = {.type = HL7_ORU_R01};
    report.fields[HL7_FIELD_CONTROL_ID] = SLICE("C1");
    report.fields[HL7_FIELD_REPORT] = SLICE("One.\nTwo.");
    ck_assert_slice_eq(written(&report),
                       "MSH|^~\\&|||||||ORU^R01^ORU_R01|C1|P|2.5||||||UNICODE UTF-8\r"
                       "OBX|1|FT|18782-3^Radiology study observation^LN||One.\\.br\\Two.||||||F\r");
}
END_TEST

START_TEST(an_unlink_is_written_with_two_pids_and_a_merge_with_mrg)
{
    struct hl7_value row = {.type = HL7_ADT_A37, .id_count = 1, .prior_id_count = 1};
    row.fields[HL7_FIELD_CONTROL_ID] = SLICE("C1");
    row.ids[0].value = SLICE("7");
    row.prior_ids[0].value = SLICE("8");
    ck_assert(slice_ends(written(&row), SLICE("\rPID|1||7\rPID|2||8\r")));
    row.type = HL7_ADT_A40;
    ck_assert(slice_ends(written(&row), SLICE("\rPID|1||7\rMRG|8\r")));
}
END_TEST

START_TEST(a_buffer_too_small_is_full_at_every_size)
{
    struct hl7_value row = full_row(HL7_ORU_R01);
    size_t needed = written(&row).size;
    for (size_t size = 0; size <= needed; size++) {
        struct buffer buffer = buffer_over(wire, size);
        hl7_write(&row, &buffer);
        ck_assert_int_eq(buffer.full, size < needed);
    }
}
END_TEST

START_TEST(rows_that_differ_anywhere_are_not_equal)
{
    struct hl7_value row = full_row(HL7_ACK), other;
#define DIFFERS(change)                                                                            \
    do {                                                                                           \
        other = row;                                                                               \
        change;                                                                                    \
        ck_assert(!hl7_value_equal(&row, &other));                                                 \
    } while (0)
    for (size_t i = 0; i < HL7_FIELD_COUNT; i++) {
        DIFFERS(other.fields[i] = SLICE("?"));
    }
    DIFFERS(other.type = HL7_ADT_A04);
    DIFFERS(other.id_count--);
    DIFFERS(other.prior_id_count--);
    DIFFERS(other.name_count--);
    DIFFERS(other.ids[7].value = SLICE("?"));
    DIFFERS(other.ids[7].authority = SLICE("?"));
    DIFFERS(other.ids[7].type = SLICE("?"));
    DIFFERS(other.prior_ids[1].value = SLICE("?"));
    DIFFERS(other.names[2].family = SLICE("?"));
    DIFFERS(other.names[2].given = SLICE("?"));
    DIFFERS(other.names[2].middle = SLICE("?"));
    DIFFERS(other.names[2].prefix = SLICE("?"));
    DIFFERS(other.names[2].kind = SLICE("?"));
    other = row;
    ck_assert(hl7_value_equal(&row, &other));
}
END_TEST

START_TEST(a_copy_is_equal_owns_its_bytes_and_fails_cleanly_at_every_arena_size)
{
    struct hl7_value row = full_row(HL7_ACK);
    enum err err = ERR_LIMIT;
    for (size_t size = 0; err == ERR_LIMIT; size += 7) {
        struct arena arena = {.memory = test_memory, .size = size};
        struct hl7_value copy = {.id_count = 99};
        err = hl7_value_copy(&copy, &row, &arena);
        ck_assert(err == ERR_OK ? hl7_value_equal(&copy, &row) : copy.id_count == 99);
        if (err == ERR_OK) {
            ck_assert_ptr_ne(copy.ids[0].value.data, row.ids[0].value.data);
            ck_assert_ptr_ne(copy.names[0].family.data, row.names[0].family.data);
        }
    }
    ck_assert_int_eq(err, ERR_OK);
}
END_TEST

START_TEST(an_acknowledgement_goes_back_where_the_message_came_from)
{
    struct hl7_value order = full_row(HL7_ORM_O01);
    struct hl7_value ack = hl7_ack(&order, SLICE("AE"), SLICE("busy"), SLICE("A1"));
    ck_assert_int_eq(ack.type, HL7_ACK);
    ck_assert(slice_equal(ack.fields[HL7_FIELD_RECEIVER], order.fields[HL7_FIELD_SENDER]));
    ck_assert(slice_equal(ack.fields[HL7_FIELD_SENDER], order.fields[HL7_FIELD_RECEIVER]));
    ck_assert(
        slice_equal(ack.fields[HL7_FIELD_RECEIVER_SITE], order.fields[HL7_FIELD_SENDER_SITE]));
    ck_assert(
        slice_equal(ack.fields[HL7_FIELD_SENDER_SITE], order.fields[HL7_FIELD_RECEIVER_SITE]));
    ck_assert(slice_equal(ack.fields[HL7_FIELD_ACK_OF], order.fields[HL7_FIELD_CONTROL_ID]));
    ck_assert_slice_eq(ack.fields[HL7_FIELD_CONTROL_ID], "A1");
    ck_assert_slice_eq(ack.fields[HL7_FIELD_ACK_CODE], "AE");
    ck_assert_slice_eq(ack.fields[HL7_FIELD_ACK_TEXT], "busy");
    ck_assert_slice_eq(ack.fields[HL7_FIELD_ERROR_CODE], "207");
    assert_round_trip(&ack);
    ack = hl7_ack(&order, SLICE("AA"), SLICE_EMPTY, SLICE("A2"));
    ck_assert_slice_eq(ack.fields[HL7_FIELD_ERROR_CODE], "");
}
END_TEST

static struct hl7_value rejected(slice bytes)
{
    static struct arena arena;
    struct buffer buffer = buffer_over(wire, sizeof wire);
    struct hl7_value ack = {0};
    hl7_write_reject(bytes, SLICE("no"), &buffer);
    arena = test_arena();
    ck_assert_int_eq(read_bytes(&ack, buffer_slice(&buffer), &arena), ERR_OK);
    ck_assert_int_eq(ack.type, HL7_ACK);
    ck_assert_slice_eq(ack.fields[HL7_FIELD_ACK_CODE], "AR");
    ck_assert_slice_eq(ack.fields[HL7_FIELD_ACK_TEXT], "no");
    return ack;
}

START_TEST(a_rejection_names_the_message_and_the_reason)
{
    static const struct {
        const char *bytes, *of, *code;
    } cases[] = {
        {"MSH|^~\\&|RIS|S|||||BAR^P01|C1|P|2.5\rPID", "C1", "200"},
        {"MSH|^~\\&|RIS|S|||||ORM^O99|C1|P|2.5\nPID", "C1", "201"},
        {"MSH|^~\\&|RIS|S|||||ORM^O01||P|2.5\r", "", "101"},
        {"MSH|^~\\&|RIS|S||||||C1|P|2.5\r", "C1", "101"},
        {"MSH|^~\\&|RIS|S|||||ORM^O01|C1|P|1.0", "C1", "203"},
        {"MSH|^~\\&|RIS|S|||||ORM^O01|C\\F\\1|P|2.5||||||XX\r", "C|1", "102"},
        {"MSH|^~\\&|RIS|S|||||ORM^O01|C\xE2\r", "", "102"},
        {"MSH|^~\\&|RIS|S|||||ORM^O01|C\x1B[2J\r", "", "102"},
        {"PID|1||7\r", "", "100"},
        {"", "", "100"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hl7_value ack = rejected(slice_from(cases[i].bytes));
        ck_assert_slice_eq(ack.fields[HL7_FIELD_ACK_OF], cases[i].of);
        ck_assert_slice_eq(ack.fields[HL7_FIELD_ERROR_CODE], cases[i].code);
    }
    ck_assert_slice_eq(rejected(slice_from(cases[0].bytes)).fields[HL7_FIELD_RECEIVER], "RIS");
}
END_TEST

START_TEST(a_rejection_without_a_text_of_its_own_says_where_and_what)
{
    static struct arena arena;
    struct buffer buffer = buffer_over(wire, sizeof wire);
    struct hl7_value ack = {0};
    hl7_write_reject(SLICE("MSH|^~\\&|RIS|S|||||ORM^O99|C1|P|2.5\r"), SLICE_EMPTY, &buffer);
    arena = test_arena();
    ck_assert_int_eq(read_bytes(&ack, buffer_slice(&buffer), &arena), ERR_OK);
    ck_assert_slice_eq(ack.fields[HL7_FIELD_ACK_TEXT], "MSH-9: this trigger event is not taken here");
}
END_TEST

START_TEST(a_rejection_does_not_send_back_a_control_id_without_end)
{
    static char bytes[4096];
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, "MSH|^~\\&|R|S|||||ORM^O01|", 25);
    struct hl7_value ack = rejected((slice){bytes, sizeof bytes});
    ck_assert_slice_eq(ack.fields[HL7_FIELD_ACK_OF], "");
}
END_TEST

START_TEST(a_type_has_its_name)
{
    ck_assert_str_eq(hl7_type_text(HL7_ORM_O01), "ORM^O01");
    ck_assert_str_eq(hl7_type_text(HL7_ACK), "ACK");
}
END_TEST

UNIT_MAIN(a_full_row_of_every_type_comes_back_equal,
          a_row_with_one_field_comes_back_equal_whatever_field_it_is,
          rows_with_ids_or_names_alone_come_back_equal,
          an_order_is_written_as_other_systems_expect_it,
          a_report_of_several_lines_stays_in_one_segment,
          an_unlink_is_written_with_two_pids_and_a_merge_with_mrg,
          a_buffer_too_small_is_full_at_every_size, rows_that_differ_anywhere_are_not_equal,
          a_copy_is_equal_owns_its_bytes_and_fails_cleanly_at_every_arena_size,
          an_acknowledgement_goes_back_where_the_message_came_from,
          a_rejection_names_the_message_and_the_reason, a_rejection_without_a_text_of_its_own_says_where_and_what,
          a_rejection_does_not_send_back_a_control_id_without_end, a_type_has_its_name)
