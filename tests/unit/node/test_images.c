/* SPDX-License-Identifier: MIT */
#include "sim/node/node.h"
#include "src/dicom/uid.h"
#include "tests/unit/unit.h"

static struct arena arena;
static const char *const modalities[] = {"CT", "MR", "CR", "DX", "US", "MG", "NM", "XA"};

static struct node_study study_of(const char *modality)
{
    return (struct node_study){.number = 5,
                               .patient_id = SLICE("123"),
                               .issuer = SLICE("CAV"),
                               .name = SLICE("Price^Megan"),
                               .birth_date = SLICE("19580411"),
                               .sex = SLICE("F"),
                               .accession = SLICE("CAV1"),
                               .date = SLICE("20091207"),
                               .time = SLICE("101500"),
                               .description = SLICE("CT"),
                               .modality = slice_from(modality),
                               .body_part = SLICE("CHEST"),
                               .series_count = 3,
                               .image_count = 10};
}

static void setup(void)
{
    ck_assert_int_eq(arena_make(&arena, 64u << 20), ERR_OK);
}

static struct buffer write(const struct image_key *key, enum syntax syntax)
{
    struct buffer buffer = buffer_make(&arena, (size_t)image_bytes(key, syntax));
    ck_assert_int_eq(image_write(key, syntax, &buffer), ERR_OK);
    ck_assert(!buffer.full);
    return buffer;
}

START_TEST(an_image_is_exactly_as_long_as_it_was_said_to_be)
{
    setup();
    for (size_t m = 0; m < sizeof modalities / sizeof modalities[0]; m++) {
        struct node_study study = study_of(modalities[m]);
        for (int s = 0; s < 3; s++) {
            const struct image_key key = {.seed = 1, .study = &study, .instance = 4};
            ck_assert_int_gt(image_bytes(&key, (enum syntax)s), 0);
            ck_assert_int_eq((int64_t)write(&key, (enum syntax)s).size,
                             image_bytes(&key, (enum syntax)s));
        }
    }
}
END_TEST

START_TEST(an_image_is_the_same_bytes_each_time_and_another_one_is_not)
{
    setup();
    struct node_study study = study_of("CT");
    struct image_key key = {.seed = 1, .study = &study, .instance = 4};
    struct buffer first = write(&key, SYNTAX_EXPLICIT_LITTLE),
                  again = write(&key, SYNTAX_EXPLICIT_LITTLE);
    ck_assert(slice_equal(buffer_slice(&first), buffer_slice(&again)));
    key.instance = 5;
    struct buffer other = write(&key, SYNTAX_EXPLICIT_LITTLE);
    ck_assert(!slice_equal(buffer_slice(&first), buffer_slice(&other)));
    key.instance = 4;
    key.seed = 2;
    other = write(&key, SYNTAX_EXPLICIT_LITTLE);
    ck_assert(!slice_equal(buffer_slice(&first), buffer_slice(&other)));
}
END_TEST

/* By another way: parse what was written, leave out, write again. */
START_TEST(digests_are_those_of_the_bytes_that_are_sent)
{
    setup();
    const uint32_t left_out[] = {TAG_PatientID, TAG_IssuerOfPatientID, TAG_AccessionNumber};
    for (size_t m = 0; m < sizeof modalities / sizeof modalities[0]; m++) {
        for (int s = 0; s < 3; s++) {
            struct node_study study = study_of(modalities[m]);
            const struct image_key key = {.seed = 1, .study = &study, .instance = 3};
            struct buffer bytes = write(&key, (enum syntax)s);
            char dataset[65], pixels[65], want_dataset[65], want_pixels[65];
            struct dataset parsed;
            ck_assert_int_eq(image_digest(&key, left_out, 3, dataset, pixels), ERR_OK);
            ck_assert_int_eq(dataset_parse(&parsed, buffer_slice(&bytes), (enum syntax)s, &arena),
                             ERR_OK);
            sha256_text(dataset_find(&parsed, TAG_PixelData)->value, want_pixels);
            dataset_remove(&parsed, TAG_PixelData);
            for (int i = 0; i < 3; i++) {
                dataset_remove(&parsed, left_out[i]);
            }
            struct buffer again = buffer_make(&arena, 32768);
            dataset_write(&parsed, SYNTAX_EXPLICIT_LITTLE, &again);
            sha256_text(buffer_slice(&again), want_dataset);
            ck_assert_str_eq(dataset, want_dataset);
            ck_assert_str_eq(pixels, want_pixels);
        }
    }
}
END_TEST

START_TEST(images_are_spread_over_their_series)
{
    struct node_study study = study_of("CT");
    uint32_t seen = 0;
    for (uint32_t s = 0; s < study.series_count; s++) {
        ck_assert_uint_eq(image_series_first(&study, s), seen);
        for (uint32_t i = 0; i < image_series_size(&study, s); i++) {
            ck_assert_uint_eq(image_series_of(&study, seen + i), s);
        }
        seen += image_series_size(&study, s);
    }
    ck_assert_uint_eq(seen, study.image_count);
}
END_TEST

START_TEST(uids_are_valid_and_differ)
{
    char a[UID_SIZE_MAX + 1], b[UID_SIZE_MAX + 1];
    struct node_study study = study_of("CT"), given = study;
    given.study_uid = SLICE("1.2.3");
    ck_assert(uid_is_valid(image_study_uid(1, &study, a)));
    ck_assert(slice_equal(image_study_uid(1, &given, a), SLICE("1.2.3")));
    for (uint32_t i = 1; i < study.image_count; i++) {
        ck_assert(uid_is_valid(image_sop_uid(1, &study, i, a)));
        ck_assert(!slice_equal(image_sop_uid(1, &study, i, a), image_sop_uid(1, &study, i - 1, b)));
    }
    ck_assert(!slice_equal(image_series_uid(1, &study, 0, a), image_sop_uid(1, &study, 0, b)));
    given.number = 6; /* a cloned modality: one study UID, instances of their own */
    ck_assert(!slice_equal(image_sop_uid(1, &given, 0, a), image_sop_uid(1, &study, 0, b)));
}
END_TEST

START_TEST(full_images_have_the_sizes_of_the_workload)
{
    const struct {
        const char *modality;
        int64_t low, high;
    } sizes[] = {{"CT", 520000, 540000},
                 {"MR", 185000, 200000},
                 {"CR", 7900000, 8100000},
                 {"MG", 23900000, 24100000},
                 {"NM", 550000, 650000}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct node_study study = study_of(sizes[i].modality);
        const struct image_key key = {.seed = 1, .study = &study, .full = true};
        ck_assert_int_gt(image_bytes(&key, SYNTAX_EXPLICIT_LITTLE), sizes[i].low);
        ck_assert_int_lt(image_bytes(&key, SYNTAX_EXPLICIT_LITTLE), sizes[i].high);
    }
}
END_TEST

START_TEST(studies_without_a_scenario_are_the_same_each_time)
{
    setup();
    for (uint64_t i = 0; i < 200; i++) {
        struct node_study one, again;
        ck_assert_int_eq(node_study_make(&one, 7, i, SLICE("CAV"), &arena), ERR_OK);
        ck_assert_int_eq(node_study_make(&again, 7, i, SLICE("CAV"), &arena), ERR_OK);
        ck_assert(slice_equal(one.name, again.name) &&
                  slice_equal(one.accession, again.accession) && slice_equal(one.date, again.date));
        ck_assert_uint_le(one.accession.size, 16);
        ck_assert_uint_eq(one.birth_date.size, 8);
        ck_assert_uint_ge(one.image_count, one.series_count);
    }
}
END_TEST

UNIT_MAIN(an_image_is_exactly_as_long_as_it_was_said_to_be,
          an_image_is_the_same_bytes_each_time_and_another_one_is_not,
          digests_are_those_of_the_bytes_that_are_sent, images_are_spread_over_their_series,
          uids_are_valid_and_differ, full_images_have_the_sizes_of_the_workload,
          studies_without_a_scenario_are_the_same_each_time)
