/* SPDX-License-Identifier: MIT */
#include "tests/unit/dicom/dicom_test.h"

static enum err parse(struct dataset *dataset, slice bytes, enum syntax syntax)
{
    struct arena arena = test_arena();
    return dataset_parse(dataset, bytes, syntax, &arena);
}

START_TEST(tags_def_ascends_and_each_tag_stands_once)
{
    static const uint32_t tags[] = {
#define TAG(keyword, group, element, vr, vm) (uint32_t)(group) << 16 | (element),
#include "src/dicom/tags.def"
#undef TAG
    };
    for (size_t i = 1; i < sizeof tags / sizeof tags[0]; i++) {
        ck_assert_msg(tags[i - 1] < tags[i], "%08x before %08x", tags[i - 1], tags[i]);
    }
    ck_assert_uint_gt(sizeof tags / sizeof tags[0], 400);
}
END_TEST

START_TEST(tag_has_its_vr_and_keyword)
{
    ck_assert_uint_eq(TAG_PatientID, 0x00100020);
    ck_assert_uint_eq(tag_vr(TAG_PatientID), VR('L', 'O'));
    ck_assert_str_eq(tag_keyword(TAG_PatientName), "PatientName");
    ck_assert_uint_eq(tag_vr(0x00080000), VR_UL);
    ck_assert_uint_eq(tag_vr(0x00290010), VR_LO);
    ck_assert_uint_eq(tag_vr(0x00291001), VR_UN);
    ck_assert_str_eq(tag_keyword(0x00291001), "");
}
END_TEST

START_TEST(tag_is_found_by_keyword_and_by_number)
{
    uint32_t tag = 0;
    ck_assert(tag_from_text(SLICE("OriginalAttributesSequence"), &tag) && tag == 0x04000561);
    ck_assert(tag_from_text(SLICE("7fE0,0010"), &tag) && tag == TAG_PixelData);
    ck_assert(!tag_from_text(SLICE("patientid"), &tag));
    ck_assert(!tag_from_text(SLICE("7fE0 0010"), &tag));
    ck_assert(!tag_from_text(SLICE("7fG0,0010"), &tag));
    ck_assert(!tag_from_text(SLICE_EMPTY, &tag));
}
END_TEST

START_TEST(dataset_keeps_ascending_order_whatever_the_order_of_puts)
{
    struct arena arena = test_arena();
    struct dataset dataset;
    ck_assert_int_eq(dataset_init(&dataset, &arena, 3), ERR_OK);
    put_text(&dataset, TAG_StudyID, "S");
    put_text(&dataset, TAG_PatientID, "P");
    put_text(&dataset, TAG_PatientName, "N");
    put_text(&dataset, TAG_PatientID, "Q");
    ck_assert_uint_eq(dataset.count, 3);
    ck_assert_uint_eq(dataset.elements[1].tag, TAG_PatientID);
    ck_assert_slice_eq(dataset_get(&dataset, TAG_PatientID), "Q");
    ck_assert_int_eq(dataset_put(&dataset, TAG_Modality, SLICE("CT")), ERR_LIMIT);
    dataset_remove(&dataset, TAG_PatientID);
    dataset_remove(&dataset, TAG_PatientID);
    ck_assert(!dataset_has(&dataset, TAG_PatientID));
    ck_assert_uint_eq(dataset.count, 2);
}
END_TEST

START_TEST(dataset_get_takes_padding_off_text_and_never_off_numbers)
{
    struct arena arena = test_arena();
    struct dataset dataset = sample_dataset(&arena);
    put_text(&dataset, TAG_Modality, "CT ");
    ck_assert_slice_eq(dataset_get(&dataset, TAG_Modality), "CT");
    ck_assert_uint_eq(dataset_get(&dataset, TAG_Columns).size, 2);
    ck_assert_uint_eq(dataset_get(&dataset, TAG_StudyDescription).size, 0);
}
END_TEST

START_TEST(dataset_get_first_takes_the_first_of_several_values)
{
    struct arena arena = test_arena();
    struct dataset dataset = sample_dataset(&arena);
    put_text(&dataset, TAG_ImageType, " ORIGINAL \\PRIMARY");
    put_text(&dataset, TAG_ImageComments, "a\\b");
    ck_assert_slice_eq(dataset_get_first(&dataset, TAG_ImageType), "ORIGINAL");
    ck_assert_slice_eq(dataset_get_first(&dataset, TAG_ImageComments), "a\\b"); /* LT has one value */
}
END_TEST

START_TEST(dataset_get_int_reads_binary_and_text)
{
    static const struct {
        uint16_t vr;
        slice value;
        bool good;
        int64_t number;
    } rows[] = {
        {VR_US, {"\xFF\xFF", 2}, true, 65535},
        {VR_SS, {"\xFF\xFF", 2}, true, -1},
        {VR_UL, {"\xFE\xFF\xFF\xFF", 4}, true, 4294967294},
        {VR_SL, {"\xFE\xFF\xFF\xFF", 4}, true, -2},
        {VR_IS, {" +12 ", 5}, true, 12},
        {VR_IS, {"-7\\8", 4}, true, -7},
        {VR_IS, {"+-7", 3}, false, 0},
        {VR_IS, {"", 0}, false, 0},
        {VR_IS, {"1.0", 3}, false, 0},
        {VR_IS, {"99999999999999999999", 20}, false, 0},
        {VR_US, {"\xFF", 1}, false, 0},
        {VR_LO, {"12", 2}, false, 0},
    };
    struct arena arena = test_arena();
    struct dataset dataset;
    int64_t number;
    ck_assert_int_eq(dataset_init(&dataset, &arena, 1), ERR_OK);
    ck_assert(!dataset_get_int(&dataset, TAG_Rows, &number));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_int_eq(dataset_put_vr(&dataset, TAG_Rows, rows[i].vr, rows[i].value), ERR_OK);
        bool good = dataset_get_int(&dataset, TAG_Rows, &number);
        ck_assert_msg(good == rows[i].good && (!good || number == rows[i].number), "row %zu", i);
    }
}
END_TEST

START_TEST(what_is_written_reads_as_the_same_data_set_in_every_syntax)
{
    for (int syntax = SYNTAX_IMPLICIT_LITTLE; syntax <= SYNTAX_EXPLICIT_BIG; syntax++) {
        struct arena arena = test_arena();
        struct dataset dataset = sample_dataset(&arena), back;
        struct buffer buffer = buffer_over(test_bytes, sizeof test_bytes);
        /* The private element has an odd length, which no writer keeps, and no VR in implicit syntax. */
        ck_assert_int_eq(dataset_put(&dataset, 0x00191001, BYTES("odd\0")), ERR_OK);
        dataset_write(&dataset, (enum syntax)syntax, &buffer);
        ck_assert(!buffer.full && buffer.size % 2 == 0);
        ck_assert_int_eq(dataset_parse(&back, buffer_slice(&buffer), (enum syntax)syntax, &arena), ERR_OK);
        ck_assert_msg(dataset_equal(&dataset, &back), "syntax %d", syntax);
    }
}
END_TEST

START_TEST(values_are_padded_as_their_vr_asks)
{
    struct arena arena = test_arena();
    struct dataset dataset;
    struct buffer buffer = buffer_over(test_bytes, sizeof test_bytes);
    ck_assert_int_eq(dataset_init(&dataset, &arena, 4), ERR_OK);
    put_text(&dataset, TAG_SOPInstanceUID, "1.2");
    put_text(&dataset, TAG_PatientID, "abc");
    dataset_write(&dataset, SYNTAX_EXPLICIT_LITTLE, &buffer);
    ck_assert(slice_equal(buffer_slice(&buffer), BYTES("\x08\0\x18\0UI\4\0"
                                                       "1.2\0\x10\0\x20\0LO\4\0abc ")));
}
END_TEST

START_TEST(big_endian_turns_each_number_and_no_text)
{
    struct arena arena = test_arena();
    struct dataset dataset;
    struct buffer buffer = buffer_over(test_bytes, sizeof test_bytes);
    ck_assert_int_eq(dataset_init(&dataset, &arena, 4), ERR_OK);
    ck_assert_int_eq(dataset_put_u16(&dataset, &arena, TAG_Rows, 0x0102), ERR_OK);
    ck_assert_int_eq(dataset_put(&dataset, TAG_FrameIncrementPointer, BYTES("\x18\x00\x63\x10")), ERR_OK);
    dataset_write(&dataset, SYNTAX_EXPLICIT_BIG, &buffer);
    ck_assert(slice_equal(buffer_slice(&buffer), BYTES("\0\x28\0\x09" "AT\0\4\0\x18\x10\x63\0\x28\0\x10US\0\2\1\2")));
}
END_TEST

START_TEST(a_value_too_long_for_its_header_is_written_as_UN_and_read_as_what_it_is)
{
    static char text[70000], memory[80000];
    struct arena arena = test_arena();
    struct dataset dataset, back;
    struct buffer buffer = buffer_over(memory, sizeof memory);
    memset(text, 'x', sizeof text);
    ck_assert_int_eq(dataset_init(&dataset, &arena, 1), ERR_OK);
    ck_assert_int_eq(dataset_put(&dataset, TAG_PatientComments, (slice){text, sizeof text}), ERR_OK);
    dataset_write(&dataset, SYNTAX_EXPLICIT_LITTLE, &buffer);
    ck_assert_int_eq(memcmp(memory + 4, "UN", 2), 0);
    ck_assert_int_eq(dataset_parse(&back, buffer_slice(&buffer), SYNTAX_EXPLICIT_LITTLE, &arena), ERR_OK);
    ck_assert(dataset_equal(&dataset, &back));
}
END_TEST

START_TEST(parse_puts_unordered_elements_in_order)
{
    struct dataset dataset;
    ck_assert_int_eq(parse(&dataset, BYTES("\x20\0\x10\0SH\2\0S1\x10\0\x20\0LO\2\0P1\x08\0\x60\0CS\2\0CT"), SYNTAX_EXPLICIT_LITTLE), ERR_OK);
    ck_assert_uint_eq(dataset.count, 3);
    ck_assert_slice_eq(dataset_get(&dataset, TAG_PatientID), "P1");
    ck_assert_slice_eq(dataset_get(&dataset, TAG_Modality), "CT");
}
END_TEST

START_TEST(parse_leaves_group_lengths_and_encapsulated_pixel_data_out)
{
    struct dataset dataset;
    slice bytes = BYTES("\x08\0\0\0UL\4\0\1\2\3\4"
                        "\x08\0\x60\0CS\2\0CT"
                        "\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF"
                        "\xFE\xFF\0\xE0\0\0\0\0\xFE\xFF\0\xE0\2\0\0\0ab\xFE\xFF\xDD\xE0\0\0\0\0"
                        "\xFC\xFF\xFC\xFFOB\0\0\2\0\0\0\0\0");
    ck_assert_int_eq(parse(&dataset, bytes, SYNTAX_EXPLICIT_LITTLE), ERR_OK);
    ck_assert_uint_eq(dataset.count, 2);
    ck_assert(dataset_has(&dataset, 0xFFFCFFFC) && !dataset_has(&dataset, TAG_PixelData));
}
END_TEST

START_TEST(parse_reads_odd_lengths_exactly)
{
    struct dataset dataset;
    ck_assert_int_eq(parse(&dataset, BYTES("\x08\0\x60\0CS\3\0CTX\x10\0\x20\0LO\1\0P"), SYNTAX_EXPLICIT_LITTLE), ERR_OK);
    ck_assert_slice_eq(dataset_get(&dataset, TAG_Modality), "CTX");
    ck_assert_slice_eq(dataset_get(&dataset, TAG_PatientID), "P");
    /* A number and a half in big endian: the number is turned, the odd byte stays. */
    ck_assert_int_eq(parse(&dataset, BYTES("\x7F\xE0\0\x10OW\0\0\0\0\0\3\1\2\3"), SYNTAX_EXPLICIT_BIG), ERR_OK);
    ck_assert(slice_equal(dataset_get(&dataset, TAG_PixelData), BYTES("\2\1\3")));
}
END_TEST

START_TEST(parse_reads_sequences_of_defined_length)
{
    struct dataset dataset;
    slice bytes = BYTES("\x10\0\x02\x10SQ\0\0\x22\0\0\0"
                        "\xFE\xFF\0\xE0\x0A\0\0\0\x10\0\x20\0LO\2\0P1"
                        "\xFE\xFF\0\xE0\0\0\0\0"
                        "\xFE\xFF\0\xE0\0\0\0\0");
    ck_assert_int_eq(parse(&dataset, bytes, SYNTAX_EXPLICIT_LITTLE), ERR_OK);
    ck_assert_uint_eq(dataset.elements[0].item_count, 3);
    ck_assert_slice_eq(dataset_get(&dataset.elements[0].items[0], TAG_PatientID), "P1");
}
END_TEST

START_TEST(parse_reads_an_UN_sequence_as_implicit_little_endian)
{
    struct dataset dataset;
    slice undefined = BYTES("\x19\0\x01\x10UN\0\0\xFF\xFF\xFF\xFF"
                            "\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF\x10\0\x20\0\2\0\0\0P1\xFE\xFF\x0D\xE0\0\0\0\0"
                            "\xFE\xFF\xDD\xE0\0\0\0\0");
    slice defined = BYTES("\x10\0\x02\x10UN\0\0\x12\0\0\0\xFE\xFF\0\xE0\x0A\0\0\0\x10\0\x20\0\2\0\0\0P1");
    ck_assert_int_eq(parse(&dataset, undefined, SYNTAX_EXPLICIT_LITTLE), ERR_OK);
    ck_assert_uint_eq(dataset.elements[0].vr, VR_SQ);
    ck_assert_slice_eq(dataset_get(&dataset.elements[0].items[0], TAG_PatientID), "P1");
    ck_assert_int_eq(parse(&dataset, defined, SYNTAX_EXPLICIT_LITTLE), ERR_OK);
    ck_assert_slice_eq(dataset_get(&dataset.elements[0].items[0], TAG_PatientID), "P1");
}
END_TEST

START_TEST(parse_keeps_an_UN_that_is_no_sequence_as_it_is)
{
    struct dataset dataset;
    ck_assert_int_eq(parse(&dataset, BYTES("\x10\0\x02\x10UN\0\0\4\0\0\0junk"), SYNTAX_EXPLICIT_LITTLE), ERR_OK);
    ck_assert_uint_eq(dataset.elements[0].vr, VR_UN);
    ck_assert_slice_eq(dataset_get(&dataset, TAG_OtherPatientIDsSequence), "junk");
}
END_TEST

START_TEST(hostile_bytes_are_refused)
{
    static const struct {
        const char *what;
        slice bytes;
    } rows[] = {
        {"length beyond the end", SLICE("\x10\0\x20\0LO\x09\0P1")},
        {"four gigabytes announced", SLICE("\xE0\x7F\x10\0OB\0\0\xFE\xFF\xFF\xFF" "12")},
        {"half a header", SLICE("\x10\0\x20\0LO")},
        {"half a long header", SLICE("\xE0\x7F\x10\0OB\0\0\0\0")},
        {"undefined length without delimiter", SLICE("\x10\0\x02\x10SQ\0\0\xFF\xFF\xFF\xFF")},
        {"sequence delimiter without sequence", SLICE("\xFE\xFF\xDD\xE0\0\0\0\0")},
        {"item without sequence", SLICE("\xFE\xFF\0\xE0\0\0\0\0")},
        {"item delimiter in a defined item", SLICE("\x10\0\x02\x10SQ\0\0\x10\0\0\0\xFE\xFF\0\xE0\x08\0\0\0\xFE\xFF\x0D\xE0\0\0\0\0")},
        {"item delimiter where the sequence ends",
         SLICE("\x10\0\x02\x10SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\x0D\xE0\0\0\0\0")},
        {"delimiter with a length", SLICE("\x10\0\x02\x10SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\xDD\xE0\2\0\0\0ab")},
        {"item longer than its sequence", SLICE("\x10\0\x02\x10SQ\0\0\x08\0\0\0\xFE\xFF\0\xE0\x0A\0\0\0\x10\0\x20\0LO\2\0P1")},
        {"element where an item is due", SLICE("\x10\0\x02\x10SQ\0\0\x0A\0\0\0\x10\0\x20\0LO\2\0P1")},
        {"undefined length of text", SLICE("\x10\0\x20\0UT\0\0\xFF\xFF\xFF\xFF\xFE\xFF\xDD\xE0\0\0\0\0")},
        {"fragment of undefined length", SLICE("\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF\xFE\xFF\xDD\xE0\0\0\0\0")},
        {"VR in small letters", SLICE("\x10\0\x20\0lo\2\0P1")},
        {"VR with a NUL", SLICE("\x10\0\x20\0\0C\2\0P1")},
        {"the same tag twice", SLICE("\x10\0\x20\0LO\2\0P1\x10\0\x20\0LO\2\0P2")},
        {"the same tag twice, apart", SLICE("\x10\0\x20\0LO\2\0P1\x08\0\x60\0CS\2\0CT\x10\0\x20\0LO\2\0P2")},
    };
    struct dataset dataset;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(parse(&dataset, rows[i].bytes, SYNTAX_EXPLICIT_LITTLE) == ERR_BAD_MESSAGE, "%s", rows[i].what);
        ck_assert_uint_eq(dataset.count, 0);
    }
}
END_TEST

START_TEST(an_unknown_vr_of_two_capitals_has_the_long_header)
{
    struct dataset dataset;
    ck_assert_int_eq(parse(&dataset, BYTES("\x11\0\x01\x10ZZ\0\0\2\0\0\0ab"), SYNTAX_EXPLICIT_LITTLE), ERR_OK);
    ck_assert_uint_eq(dataset.elements[0].vr, VR('Z', 'Z'));
    ck_assert_slice_eq(dataset_get(&dataset, 0x00111001), "ab");
}
END_TEST

/* `depth` sequences in one another, implicit. */
static slice nested(unsigned depth, bool defined)
{
    struct buffer buffer = buffer_over(test_bytes, sizeof test_bytes);
    uint32_t size = 16 * depth;
    for (unsigned i = 0; i < depth; i++, size -= 16) {
        buffer_put(&buffer, BYTES("\x10\0\x02\x10"));
        buffer_put_u32(&buffer, defined ? size - 8 : UNDEFINED_LENGTH);
        buffer_put(&buffer, BYTES("\xFE\xFF\0\xE0"));
        buffer_put_u32(&buffer, defined ? size - 16 : UNDEFINED_LENGTH);
    }
    for (unsigned i = 0; !defined && i < depth; i++) {
        buffer_put(&buffer, BYTES("\xFE\xFF\x0D\xE0\0\0\0\0\xFE\xFF\xDD\xE0\0\0\0\0"));
    }
    return buffer_slice(&buffer);
}

START_TEST(sequences_deeper_than_the_limit_are_refused)
{
    struct dataset dataset;
    for (int defined = 0; defined <= 1; defined++) {
        ck_assert_int_eq(parse(&dataset, nested(DATASET_DEPTH_MAX, defined), SYNTAX_IMPLICIT_LITTLE), ERR_OK);
        ck_assert_int_eq(parse(&dataset, nested(DATASET_DEPTH_MAX + 1, defined), SYNTAX_IMPLICIT_LITTLE), ERR_LIMIT);
        ck_assert_int_eq(parse(&dataset, nested(1000, defined), SYNTAX_IMPLICIT_LITTLE), ERR_LIMIT);
    }
}
END_TEST

START_TEST(more_elements_than_the_limit_are_refused)
{
    struct dataset dataset;
    struct buffer buffer = buffer_over(test_bytes, sizeof test_bytes);
    for (uint32_t i = 0; i <= DATASET_ELEMENTS_MAX; i++) {
        buffer_put_u16(&buffer, (uint16_t)(0x0011 + 2 * (i / 256)));
        buffer_put_u16(&buffer, (uint16_t)(0x1000 + i % 256));
        buffer_put_u32(&buffer, 0);
    }
    ck_assert(!buffer.full);
    ck_assert_int_eq(parse(&dataset, slice_before(buffer_slice(&buffer), DATASET_ELEMENTS_MAX * 8), SYNTAX_IMPLICIT_LITTLE), ERR_OK);
    ck_assert_int_eq(parse(&dataset, buffer_slice(&buffer), SYNTAX_IMPLICIT_LITTLE), ERR_LIMIT);
}
END_TEST

START_TEST(an_arena_too_small_is_said_and_nothing_else_happens)
{
    struct arena arena = test_arena();
    struct dataset dataset = sample_dataset(&arena), back, copy;
    struct buffer buffer = buffer_over(test_bytes, sizeof test_bytes);
    dataset_write(&dataset, SYNTAX_EXPLICIT_BIG, &buffer);
    static char small[8192] __attribute__((aligned(16)));
    enum err err = ERR_LIMIT, copied = ERR_LIMIT;
    size_t size;
    for (size = 0; size < sizeof small && (err != ERR_OK || copied != ERR_OK); size += 16) {
        struct arena tight = {.memory = small, .size = size};
        err = dataset_parse(&back, buffer_slice(&buffer), SYNTAX_EXPLICIT_BIG, &tight);
        ck_assert(err == ERR_OK || err == ERR_LIMIT);
        tight = (struct arena){.memory = small, .size = size};
        copied = dataset_copy(&copy, &dataset, &tight, 2);
        ck_assert(copied == ERR_OK || copied == ERR_LIMIT);
    }
    ck_assert_uint_gt(size, 16);
    ck_assert_uint_lt(size, sizeof small);
}
END_TEST

START_TEST(a_copy_is_equal_has_room_to_spare_and_borrows_nothing)
{
    struct arena arena = test_arena();
    struct dataset dataset = sample_dataset(&arena), copy;
    ck_assert_int_eq(dataset_copy(&copy, &dataset, &arena, 2), ERR_OK);
    ck_assert(dataset_equal(&dataset, &copy));
    put_text(&copy, TAG_Modality, "CT");
    ck_assert(!dataset_equal(&dataset, &copy));
    dataset_remove(&copy, TAG_Modality);
    copy.elements[dataset_find(&copy, TAG_OtherPatientIDsSequence) - copy.elements].items[1].count = 0;
    ck_assert(!dataset_equal(&dataset, &copy));
    const struct element *theirs = dataset_find(&dataset, TAG_PatientName), *ours = dataset_find(&copy, TAG_PatientName);
    ck_assert_ptr_ne(theirs->value.data, ours->value.data);
}
END_TEST

START_TEST(text_shows_one_line_an_element)
{
    struct arena arena = test_arena();
    struct dataset dataset = sample_dataset(&arena);
    struct buffer buffer = buffer_over(test_bytes, sizeof test_bytes);
    put_text(&dataset, TAG_PatientComments, "a\nb\xE9");
    dataset_put_text(&dataset, &buffer);
    slice text = buffer_slice(&buffer);
    static const char *const parts[] = {
        "(0010,0020) LO PatientID [9990000018]\n",
        "  item 2\n    (0010,0020) LO PatientID [LOCAL2]\n",
        "(0028,0010) US Rows [512]\n",
        "(0010,4000) LT PatientComments [a\\x0ab\\xe9]\n",
        "(0019,1001) UN - [6f6464]\n",
    };
    buffer_put_byte(&buffer, 0);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        ck_assert_msg(strstr(text.data, parts[i]) != NULL, "%s in %s", parts[i], text.data);
    }
}
END_TEST

UNIT_MAIN(tags_def_ascends_and_each_tag_stands_once, tag_has_its_vr_and_keyword, tag_is_found_by_keyword_and_by_number,
          dataset_keeps_ascending_order_whatever_the_order_of_puts, dataset_get_takes_padding_off_text_and_never_off_numbers,
          dataset_get_first_takes_the_first_of_several_values, dataset_get_int_reads_binary_and_text,
          what_is_written_reads_as_the_same_data_set_in_every_syntax, values_are_padded_as_their_vr_asks,
          big_endian_turns_each_number_and_no_text, a_value_too_long_for_its_header_is_written_as_UN_and_read_as_what_it_is,
          parse_puts_unordered_elements_in_order, parse_leaves_group_lengths_and_encapsulated_pixel_data_out,
          parse_reads_odd_lengths_exactly, parse_reads_sequences_of_defined_length,
          parse_reads_an_UN_sequence_as_implicit_little_endian, parse_keeps_an_UN_that_is_no_sequence_as_it_is,
          hostile_bytes_are_refused, an_unknown_vr_of_two_capitals_has_the_long_header,
          sequences_deeper_than_the_limit_are_refused, more_elements_than_the_limit_are_refused,
          an_arena_too_small_is_said_and_nothing_else_happens, a_copy_is_equal_has_room_to_spare_and_borrows_nothing,
          text_shows_one_line_an_element)
