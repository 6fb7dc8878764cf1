/* SPDX-License-Identifier: MIT */
#include "src/dcmtk/dcmtk.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/hash.h"
#include "src/dcmtk/walk.h"
#include "src/dicom/uid.h"
#include "tests/unit/unit.h"

static struct arena arena;

static void setup(void)
{
    ck_assert_int_eq(arena_make(&arena, 16 << 20), ERR_OK);
    ck_assert_int_eq(dcmtk_start(), ERR_OK);
}

static void teardown(void)
{
    arena_drop(&arena);
}

static void put(struct dataset *dataset, uint32_t tag, uint16_t vr, const char *value)
{
    ck_assert_int_eq(dataset_put_vr(dataset, tag, vr, slice_from(value)), ERR_OK);
}

static void put_us(struct dataset *dataset, uint32_t tag, uint16_t value)
{
    ck_assert_int_eq(dataset_put_u16(dataset, &arena, tag, value), ERR_OK);
}

/* A small image without its pixels: text, numbers, signed ones, sequences in sequences, private elements. */
static struct dataset image(bool private_ones)
{
    struct dataset dataset, *item = arena_array(&arena, 2, sizeof *item), *inner = arena_array(&arena, 1, sizeof *inner);
    ck_assert_int_eq(dataset_init(&dataset, &arena, 64), ERR_OK);
    ck_assert_int_eq(dataset_init(&item[0], &arena, 8), ERR_OK);
    ck_assert_int_eq(dataset_init(&item[1], &arena, 8), ERR_OK);
    ck_assert_int_eq(dataset_init(&inner[0], &arena, 8), ERR_OK);
    put(&dataset, 0x00080016, VR('U', 'I'), "1.2.840.10008.5.1.4.1.1.2");
    put(&dataset, 0x00080018, VR('U', 'I'), "1.2.3.4");
    put(&dataset, 0x00080050, VR('S', 'H'), "ACC0001");
    put(&dataset, 0x00080060, VR('C', 'S'), "CT");
    put(&inner[0], 0x00080100, VR('S', 'H'), "CODE");
    put(&item[0], 0x00081150, VR('U', 'I'), "1.2.840.10008.5.1.4.1.1.2");
    ck_assert_int_eq(dataset_put_items(&item[0], 0x0040A170, inner, 1), ERR_OK);
    ck_assert_int_eq(dataset_put_items(&dataset, 0x00081140, item, 2), ERR_OK);
    put(&dataset, 0x00100010, VR('P', 'N'), "TEST^ODD^");
    put(&dataset, 0x00100020, VR('L', 'O'), "9990000018");
    if (private_ones) {
        put(&dataset, 0x00190010, VR('L', 'O'), "PONT TEST");
        put(&dataset, 0x00191001, VR('L', 'O'), "private");
    }
    put(&dataset, 0x0020000D, VR('U', 'I'), "1.2.3");
    put(&dataset, 0x0020000E, VR('U', 'I'), "1.2.3.1");
    put_us(&dataset, 0x00280002, 1);
    put(&dataset, 0x00280004, VR('C', 'S'), "MONOCHROME2");
    put_us(&dataset, 0x00280010, 2);
    put_us(&dataset, 0x00280011, 3);
    put_us(&dataset, 0x00280100, 16);
    put_us(&dataset, 0x00280101, 16);
    put_us(&dataset, 0x00280102, 15);
    put_us(&dataset, 0x00280103, 1);
    ck_assert_int_eq(dataset_put_vr(&dataset, 0x00280106, VR('S', 'S'), (slice){"\xFE\xFF", 2}), ERR_OK);
    return dataset;
}

static const char pixels[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

/* The data set in explicit little endian, pixels and all. */
static slice image_bytes(bool private_ones)
{
    struct dataset dataset = image(private_ones);
    struct buffer buffer = buffer_make(&arena, 8192);
    dataset_write(&dataset, SYNTAX_EXPLICIT_LITTLE, &buffer);
    buffer_put(&buffer, (slice){"\xE0\x7F\x10\x00OW\0\0\x0C\0\0\0", 12});
    buffer_put(&buffer, (slice){pixels, sizeof pixels});
    ck_assert(!buffer.full);
    return buffer_slice(&buffer);
}

START_TEST(digest_is_over_what_dataset_write_says_and_over_the_pixels)
{
    struct dataset dataset = image(false);
    struct buffer buffer = buffer_make(&arena, 8192);
    char expected[65], expected_pixels[65], got[65], got_pixels[65];
    dataset_write(&dataset, SYNTAX_EXPLICIT_LITTLE, &buffer);
    sha256_text(buffer_slice(&buffer), expected);
    sha256_text((slice){pixels, sizeof pixels}, expected_pixels);
    ck_assert_int_eq(dcmtk_digest(image_bytes(false), UID_EXPLICIT_LITTLE, NULL, 0, got, got_pixels, NULL, &arena), ERR_OK);
    ck_assert_str_eq(got, expected);
    ck_assert_str_eq(got_pixels, expected_pixels);
}
END_TEST

START_TEST(digest_is_the_same_in_every_native_transfer_syntax)
{
    const slice syntaxes[] = {UID_IMPLICIT_LITTLE, UID_EXPLICIT_BIG, UID_DEFLATED};
    slice bytes = image_bytes(true);
    char first[65], first_pixels[65];
    ck_assert_int_eq(dcmtk_digest(bytes, UID_EXPLICIT_LITTLE, NULL, 0, first, first_pixels, NULL, &arena), ERR_OK);
    for (size_t i = 0; i < 3; i++) {
        slice other;
        char got[65], got_pixels[65];
        ck_assert_int_eq(dcmtk_convert(bytes, UID_EXPLICIT_LITTLE, syntaxes[i], &other), ERR_OK);
        ck_assert(!slice_equal(other, bytes));
        ck_assert_int_eq(dcmtk_digest(other, syntaxes[i], NULL, 0, got, got_pixels, NULL, &arena), ERR_OK);
        ck_assert_str_eq(got, first);
        ck_assert_str_eq(got_pixels, first_pixels);
        dcmtk_free(other);
    }
}
END_TEST

START_TEST(digest_leaves_out_what_it_is_told_and_group_lengths_and_padding)
{
    const uint32_t left_out[] = {0x00100020, 0x00081140};
    struct dataset dataset = image(false);
    char plain[65], got[65], scrap[65];
    struct buffer buffer = buffer_make(&arena, 8192), noisy = buffer_make(&arena, 8192);
    buffer_put(&noisy, (slice){"\x08\0\0\0UL\4\0\1\2\3\4", 12});
    dataset_write(&dataset, SYNTAX_EXPLICIT_LITTLE, &noisy);
    buffer_put(&noisy, (slice){"\xFC\xFF\xFC\xFFOB\0\0\2\0\0\0\0\0", 14});
    dataset_remove(&dataset, left_out[0]);
    dataset_remove(&dataset, left_out[1]);
    dataset_write(&dataset, SYNTAX_EXPLICIT_LITTLE, &buffer);
    sha256_text(buffer_slice(&buffer), plain);
    ck_assert_int_eq(dcmtk_digest(buffer_slice(&noisy), UID_EXPLICIT_LITTLE, left_out, 2, got, scrap, NULL, &arena), ERR_OK);
    ck_assert_str_eq(got, plain);
}
END_TEST

START_TEST(digest_sees_one_changed_byte)
{
    slice bytes = image_bytes(false);
    char first[65], first_pixels[65], got[65], got_pixels[65];
    ck_assert_int_eq(dcmtk_digest(bytes, UID_EXPLICIT_LITTLE, NULL, 0, first, first_pixels, NULL, &arena), ERR_OK);
    char *copy = (char *)(uintptr_t)arena_copy(&arena, bytes).data;
    copy[bytes.size - 1] ^= 1;
    ck_assert_int_eq(dcmtk_digest((slice){copy, bytes.size}, UID_EXPLICIT_LITTLE, NULL, 0, got, got_pixels, NULL, &arena), ERR_OK);
    ck_assert_str_eq(got, first);
    ck_assert_str_ne(got_pixels, first_pixels);
}
END_TEST

/* Made images are written with the VRs of tags.def and compared with what was delivered, canonical by DCMTK's dictionary. */
static const struct {
    uint32_t tag;
    uint16_t vr;
    const char *keyword;
} named[] = {
#define TAG(keyword, group, element, vr, vm) {(uint32_t)(group) << 16 | (element), VR(#vr[0], #vr[1]), #keyword},
#include "src/dicom/tags.def"
#undef TAG
};

START_TEST(our_tags_have_the_vr_of_the_dictionary)
{
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        uint16_t vr = dictionary_vr(named[i].tag, false);
        ck_assert_msg(vr == named[i].vr || named[i].tag == 0x7FE00010 || named[i].tag >> 16 == 0xFFFE, "%s is %c%c in the dictionary", named[i].keyword,
                      vr & 0xFF, vr >> 8);
    }
}
END_TEST

/* The pixels as RLE (PS3.5 G): a 64-byte head, two segments of literal runs. */
static slice rle_bytes(void)
{
    struct dataset dataset = image(false);
    struct buffer buffer = buffer_make(&arena, 8192);
    char frame[80] = {2};
    frame[4] = 64;
    frame[8] = 72;
    frame[64] = frame[72] = 5; /* six literal bytes follow */
    for (int i = 0; i < 6; i++) {
        frame[65 + i] = pixels[2 * i + 1]; /* the high bytes come first */
        frame[73 + i] = pixels[2 * i];
    }
    dataset_write(&dataset, SYNTAX_EXPLICIT_LITTLE, &buffer);
    buffer_put(&buffer, (slice){"\xE0\x7F\x10\x00OB\0\0\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\0\0\0\0\xFE\xFF\x00\xE0\x50\0\0\0", 28});
    buffer_put(&buffer, (slice){frame, sizeof frame});
    buffer_put(&buffer, (slice){"\xFE\xFF\xDD\xE0\0\0\0\0", 8});
    return buffer_slice(&buffer);
}

START_TEST(digest_of_encapsulated_pixels_is_over_the_joined_fragments)
{
    slice bytes = rle_bytes();
    char expected[65], got[65], scrap[65];
    sha256_text((slice){bytes.data + bytes.size - 88, 80}, expected);
    ck_assert_int_eq(dcmtk_digest(bytes, UID_RLE, NULL, 0, scrap, got, NULL, &arena), ERR_OK);
    ck_assert_str_eq(got, expected);
}
END_TEST

START_TEST(convert_decodes_rle_to_native)
{
    slice native;
    char expected[65], got[65], scrap[65];
    sha256_text((slice){pixels, sizeof pixels}, expected);
    ck_assert_int_eq(dcmtk_convert(rle_bytes(), UID_RLE, UID_IMPLICIT_LITTLE, &native), ERR_OK);
    ck_assert_int_eq(dcmtk_digest(native, UID_IMPLICIT_LITTLE, NULL, 0, scrap, got, NULL, &arena), ERR_OK);
    ck_assert_str_eq(got, expected);
    dcmtk_free(native);
}
END_TEST

START_TEST(convert_refuses_what_it_cannot_encode)
{
    slice out;
    ck_assert_int_eq(dcmtk_convert(image_bytes(false), UID_EXPLICIT_LITTLE, UID_JPEG_2000, &out), ERR_BAD_MESSAGE);
    ck_assert_int_eq(dcmtk_convert(image_bytes(false), UID_EXPLICIT_LITTLE, SLICE("1.2.3"), &out), ERR_BAD_MESSAGE);
}
END_TEST

/* What must be refused without a crash, an endless loop, or memory that was never sent. */
static const struct {
    const char *name;
    slice bytes;
} hostile[] = {
    {"length beyond the end", {"\x08\0\x16\0UI\x40\0" "1.2", 11}},
    {"length of four gigabytes", {"\xE0\x7F\x10\0OB\0\0\xFE\xFF\xFF\xFF\1\2", 14}},
    {"undefined length without delimiter", {"\x08\0\x40\x11SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF", 20}},
    {"delimiter without sequence", {"\xFE\xFF\xDD\xE0\0\0\0\0", 8}},
    {"item longer than its sequence", {"\x08\0\x40\x11SQ\0\0\x08\0\0\0\xFE\xFF\0\xE0\x20\0\0\0", 20}},
    {"lower case VR", {"\x08\0\x16\0ui\2\0" "1\0", 10}},
    {"half a head", {"\x08\0\x16\0UI", 6}},
};

START_TEST(digest_refuses_hostile_bytes)
{
    char scrap[65];
    ck_assert_int_eq(dcmtk_digest(hostile[_i].bytes, UID_EXPLICIT_LITTLE, NULL, 0, scrap, scrap, NULL, &arena), ERR_BAD_MESSAGE);
}
END_TEST

START_TEST(digest_refuses_sequences_nested_without_end)
{
    struct buffer buffer = buffer_make(&arena, 1 << 20);
    char scrap[65];
    for (int i = 0; i < 10000; i++) {
        buffer_put(&buffer, (slice){"\x08\0\x40\x11SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF", 20});
    }
    ck_assert_int_eq(dcmtk_digest(buffer_slice(&buffer), UID_EXPLICIT_LITTLE, NULL, 0, scrap, scrap, NULL, &arena), ERR_BAD_MESSAGE);
}
END_TEST

START_TEST(digest_ends_soon_on_unknown_values_nested_in_unknown_values)
{
    static char bytes[28 * 16]; /* 28 times (0009,1001) of implicit VR, in it one item, in it the next */
    for (size_t at = 0; at < sizeof bytes; at += 16) {
        uint32_t value = (uint32_t)(sizeof bytes - at - 8), item = value - 8;
        memcpy(bytes + at, "\x09\0\1\x10", 4);
        memcpy(bytes + at + 4, &value, 4);
        memcpy(bytes + at + 8, "\xFE\xFF\0\xE0", 4);
        memcpy(bytes + at + 12, &item, 4);
    }
    char scrap[65];
    ck_assert_int_eq(dcmtk_digest((slice){bytes, sizeof bytes}, UID_IMPLICIT_LITTLE, NULL, 0, scrap, scrap, NULL, &arena), ERR_OK);
}
END_TEST

/* ---- Files. */

static const char *write_file(slice head, slice dataset)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/pont-file-%ld.dcm", (long)getpid());
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(head.data, 1, head.size, file), head.size);
    ck_assert_uint_eq(fwrite(dataset.data, 1, dataset.size, file), dataset.size);
    fclose(file);
    return path;
}

/* Preamble, DICM, a group length, a transfer syntax of 20 characters. */
static slice file_head(const char *syntax)
{
    static char head[128 + 4 + 12 + 8 + 20];
    memset(head, 0, sizeof head);
    memcpy(head + 128, "DICM\2\0\0\0UL\4\0\x1C\0\0\0\2\0\x10\0UI\x14\0", 24);
    memcpy(head + 152, syntax, strlen(syntax));
    return (slice){head, sizeof head};
}

START_TEST(file_tells_who_and_what_it_is)
{
    struct dicom_file file;
    char why[128];
    slice bytes = image_bytes(true);
    const char *path = write_file(file_head("1.2.840.10008.1.2.1"), bytes);
    ck_assert_int_eq(dcmtk_read_file(&file, path, true, why, &arena), ERR_OK);
    ck_assert(slice_equal(file.object.study_uid, SLICE("1.2.3")));
    ck_assert(slice_equal(file.object.series_uid, SLICE("1.2.3.1")));
    ck_assert(slice_equal(file.object.sop_instance_uid, SLICE("1.2.3.4")));
    ck_assert(slice_equal(file.object.patient_id, SLICE("9990000018")));
    ck_assert(slice_equal(file.object.patient_name, SLICE("TEST^ODD^")));
    ck_assert(slice_equal(file.object.accession, SLICE("ACC0001")));
    ck_assert(slice_equal(file.object.modality, SLICE("CT")));
    ck_assert(slice_equal(file.object.transfer_syntax, UID_EXPLICIT_LITTLE));
    ck_assert(slice_equal(file.object.file, slice_from(path)));
    ck_assert_int_eq(file.data_offset, 172);
    ck_assert_int_eq(file.data_size, (int64_t)bytes.size);
    ck_assert_int_eq(file.object.study, -1);
    ck_assert_uint_eq(file.object.dataset_sha256.size, 64);
    ck_assert_uint_eq(file.object.pixel_sha256.size, 64);
    unlink(path);
}
END_TEST

START_TEST(file_and_data_set_leave_the_same_out)
{
    const uint32_t left_out[] = {0x00100020, 0x00080050};
    struct dicom_file file;
    char why[128], expected[65], scrap[65];
    slice bytes = image_bytes(true);
    const char *path = write_file(file_head("1.2.840.10008.1.2.1"), bytes);
    ck_assert_int_eq(dcmtk_digest(bytes, UID_EXPLICIT_LITTLE, left_out, 2, expected, scrap, NULL, &arena), ERR_OK);
    ck_assert_int_eq(dcmtk_read_file_without(&file, path, left_out, 2, why, &arena), ERR_OK);
    ck_assert(slice_equal(file.object.dataset_sha256, slice_from(expected)));
    ck_assert_int_eq(dcmtk_read_file(&file, path, true, why, &arena), ERR_OK);
    ck_assert(!slice_equal(file.object.dataset_sha256, slice_from(expected)));
    unlink(path);
}
END_TEST

START_TEST(file_without_digests_is_read_up_to_the_pixels_only)
{
    struct dicom_file file;
    char why[128];
    slice bytes = image_bytes(false);
    const char *path = write_file(file_head("1.2.840.10008.1.2.1"), slice_before(bytes, bytes.size - 6)); /* pixels cut short */
    ck_assert_int_eq(dcmtk_read_file(&file, path, false, why, &arena), ERR_OK);
    ck_assert_uint_eq(file.object.dataset_sha256.size, 0);
    ck_assert_int_eq(dcmtk_read_file(&file, path, true, why, &arena), ERR_BAD_MESSAGE);
    ck_assert_str_eq(why, "its data set cannot be read");
    unlink(path);
}
END_TEST

START_TEST(file_without_its_uids_is_refused_with_the_reason)
{
    static const uint32_t needed[] = {0x0020000D, 0x0020000E, 0x00080018};
    static const char *const reasons[] = {"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"};
    struct dataset dataset = image(false);
    struct buffer buffer = buffer_make(&arena, 8192);
    struct dicom_file file;
    char why[128];
    dataset_remove(&dataset, needed[_i]);
    dataset_write(&dataset, SYNTAX_EXPLICIT_LITTLE, &buffer);
    const char *path = write_file(file_head("1.2.840.10008.1.2.1"), buffer_slice(&buffer));
    ck_assert_int_eq(dcmtk_read_file(&file, path, false, why, &arena), ERR_BAD_MESSAGE);
    ck_assert_ptr_nonnull(strstr(why, reasons[_i]));
    unlink(path);
}
END_TEST

START_TEST(file_that_is_no_dicom_file_is_refused_with_the_reason)
{
    struct dicom_file file;
    char why[128];
    char text[400];
    memset(text, 'x', sizeof text);
    const char *path = write_file((slice){text, sizeof text}, SLICE_EMPTY);
    ck_assert_int_eq(dcmtk_read_file(&file, path, false, why, &arena), ERR_BAD_MESSAGE);
    ck_assert_ptr_nonnull(strstr(why, "no DICOM file"));
    path = write_file(slice_before(file_head("1.2.840.10008.1.2.1"), 140), SLICE_EMPTY);
    ck_assert_int_eq(dcmtk_read_file(&file, path, false, why, &arena), ERR_BAD_MESSAGE);
    unlink(path);
    ck_assert_int_eq(dcmtk_read_file(&file, path, false, why, &arena), ERR_NOT_FOUND);
    ck_assert_int_eq(dcmtk_read_file(&file, "/tmp", false, why, &arena), ERR_BAD_MESSAGE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unit");
    TCase *cases = tcase_create("cases");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, digest_is_over_what_dataset_write_says_and_over_the_pixels);
    tcase_add_test(cases, digest_is_the_same_in_every_native_transfer_syntax);
    tcase_add_test(cases, digest_leaves_out_what_it_is_told_and_group_lengths_and_padding);
    tcase_add_test(cases, digest_sees_one_changed_byte);
    tcase_add_test(cases, our_tags_have_the_vr_of_the_dictionary);
    tcase_add_test(cases, digest_of_encapsulated_pixels_is_over_the_joined_fragments);
    tcase_add_test(cases, convert_decodes_rle_to_native);
    tcase_add_test(cases, convert_refuses_what_it_cannot_encode);
    tcase_add_loop_test(cases, digest_refuses_hostile_bytes, 0, (int)(sizeof hostile / sizeof hostile[0]));
    tcase_add_test(cases, digest_refuses_sequences_nested_without_end);
    tcase_add_test(cases, digest_ends_soon_on_unknown_values_nested_in_unknown_values);
    tcase_add_test(cases, file_tells_who_and_what_it_is);
    tcase_add_test(cases, file_and_data_set_leave_the_same_out);
    tcase_add_test(cases, file_without_digests_is_read_up_to_the_pixels_only);
    tcase_add_loop_test(cases, file_without_its_uids_is_refused_with_the_reason, 0, 3);
    tcase_add_test(cases, file_that_is_no_dicom_file_is_refused_with_the_reason);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
