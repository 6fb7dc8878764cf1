/* SPDX-License-Identifier: MIT */
#include "src/engine/coercion.h"

#include "src/dicom/splice.h"
#include "tests/unit/unit.h"

static char memory[1 << 20];
static struct arena arena;

static void begin(void)
{
    arena = (struct arena){.memory = memory, .size = sizeof memory};
}

#define ck_assert_slice(a, text)                                                                                        \
    do {                                                                                                                \
        slice got_ = (a);                                                                                               \
        ck_assert_msg(slice_equal(got_, slice_from(text)), "\"%.*s\" is not \"%s\"", SLICE_ARGS(got_), (text));          \
    } while (0)

START_TEST(coercion_puts_the_issuers_letters_before_a_foreign_accession_number_and_never_cuts_it)
{
    static const struct {
        const char *issuer, *value, *result;
    } rows[] = {
        {"CWT", "123456", "CWT123456"},
        {"CWT", "CWT123456", "CWT123456"},          /* printed with its letters already */
        {"CWT", "1234567890123", "CWT1234567890123"}, /* 16 in all */
        {"CWT", "12345678901234", "P0000000042"},   /* 17: Pont's own */
        {"CWT", "", ""},
        {"", "123", "123"},
    };
    begin();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct number number = {slice_from(rows[i].value), slice_from(rows[i].issuer)};
        ck_assert_slice(coercion_accession(number, 42, &arena), rows[i].result);
    }
}
END_TEST

static const struct coercion_facts facts = {
    .own = {{"9990000018", 10}, {"NHS", 3}},
    .came_with = {{"M104417", 7}, {"CWT", 3}},
    .local = {{"V31007", 6}, {"VEL", 3}},
    .accession = {{"123456", 6}, {"CWT", 3}},
    .study = 7,
};

START_TEST(coercion_gives_the_receiver_its_own_number_and_keeps_the_others_with_their_issuers)
{
    struct dataset put;
    begin();
    ck_assert_int_eq(coercion_make(&put, &facts, &arena), ERR_OK);
    ck_assert_slice(dataset_get(&put, TAG_PatientID), "V31007");
    ck_assert_slice(dataset_get(&put, TAG_IssuerOfPatientID), "VEL");
    ck_assert_slice(dataset_get(&put, TAG_AccessionNumber), "CWT123456");
    const struct element *others = dataset_find(&put, TAG_OtherPatientIDsSequence);
    ck_assert_uint_eq(others->item_count, 2);
    ck_assert_slice(dataset_get(&others->items[0], TAG_PatientID), "M104417");
    ck_assert_slice(dataset_get(&others->items[0], TAG_IssuerOfPatientID), "CWT");
    ck_assert_slice(dataset_get(&others->items[1], TAG_PatientID), "9990000018");
    const struct element *issuer = dataset_find(&put, TAG_IssuerOfAccessionNumberSequence);
    ck_assert_slice(dataset_get(&issuer->items[0], TAG_LocalNamespaceEntityID), "CWT");
}
END_TEST

START_TEST(coercion_gives_the_engines_own_number_where_the_receiver_has_none)
{
    struct coercion_facts stranger = facts;
    struct dataset put;
    begin();
    stranger.local = (struct number){SLICE_EMPTY, SLICE_EMPTY};
    ck_assert_int_eq(coercion_make(&put, &stranger, &arena), ERR_OK);
    ck_assert_slice(dataset_get(&put, TAG_PatientID), "9990000018");
    ck_assert_slice(dataset_get(&put, TAG_IssuerOfPatientID), "NHS");
    ck_assert_uint_eq(dataset_find(&put, TAG_OtherPatientIDsSequence)->item_count, 1);
}
END_TEST

START_TEST(coercion_never_lets_a_bare_number_of_an_unknown_person_cross)
{
    struct coercion_facts nobody = {.came_with = {SLICE_EMPTY, {"GWE", 3}}};
    struct dataset put;
    begin();
    ck_assert_int_eq(coercion_make(&put, &nobody, &arena), ERR_OK);
    ck_assert(!dataset_has(&put, TAG_PatientID)); /* what stands there stays ... */
    ck_assert_slice(dataset_get(&put, TAG_IssuerOfPatientID), "GWE"); /* ... and says whose it is */
}
END_TEST

static char written[8192];
static struct buffer spliced;

static enum err take(void *self, slice bytes)
{
    (void)self;
    buffer_put(&spliced, bytes);
    return ERR_OK;
}

START_TEST(coercion_is_kept_in_original_attributes_so_that_it_can_be_undone)
{
    struct dataset put, original, result;
    struct relay_job job = {.coercion = &put, .coercion_source = SLICE("CWT")};
    char source[1024];
    struct buffer bytes = buffer_over(source, sizeof source);
    begin();
    ck_assert_int_eq(coercion_make(&put, &facts, &arena), ERR_OK);
    ck_assert_int_eq(dataset_init(&original, &arena, 4), ERR_OK);
    ck_assert_int_eq(dataset_put(&original, TAG_AccessionNumber, SLICE("123456")), ERR_OK);
    ck_assert_int_eq(dataset_put(&original, TAG_PatientID, SLICE("M104417")), ERR_OK);
    ck_assert_int_eq(dataset_put(&original, TAG_OtherPatientIDs, SLICE("X9")), ERR_OK);
    dataset_write(&original, SYNTAX_EXPLICIT_LITTLE, &bytes);

    struct splice_plan plan = coercion_splice(&job, SLICE("20100301080000"));
    struct splice *splice = arena_alloc(&arena, splice_size());
    spliced = buffer_over(written, sizeof written);
    splice_init(splice, SYNTAX_EXPLICIT_LITTLE, &plan, (struct splice_sink){take, NULL});
    ck_assert_int_eq(splice_put(splice, buffer_slice(&bytes)), ERR_OK);
    ck_assert_int_eq(splice_end(splice), ERR_OK);
    ck_assert_int_eq(dataset_parse(&result, buffer_slice(&spliced), SYNTAX_EXPLICIT_LITTLE, &arena), ERR_OK);

    ck_assert_slice(dataset_get(&result, TAG_PatientID), "V31007");
    ck_assert(!dataset_has(&result, TAG_OtherPatientIDs));
    const struct element *kept = dataset_find(&result, TAG_OriginalAttributesSequence);
    ck_assert_ptr_nonnull(kept);
    const struct element *before = dataset_find(&kept->items[0], TAG_ModifiedAttributesSequence);
    ck_assert_slice(dataset_get(&before->items[0], TAG_PatientID), "M104417");
    ck_assert_slice(dataset_get(&before->items[0], TAG_AccessionNumber), "123456");
    ck_assert_slice(dataset_get(&before->items[0], TAG_OtherPatientIDs), "X9");
}
END_TEST

START_TEST(coercion_fails_cleanly_at_every_arena_size)
{
    struct dataset put;
    enum err err = ERR_LIMIT;
    for (size_t size = 0; err == ERR_LIMIT; size += 16) {
        ck_assert_uint_le(size, sizeof memory);
        struct arena small = {.memory = memory, .size = size};
        err = coercion_make(&put, &facts, &small);
    }
    ck_assert_int_eq(err, ERR_OK);
}
END_TEST

UNIT_MAIN(coercion_puts_the_issuers_letters_before_a_foreign_accession_number_and_never_cuts_it,
          coercion_gives_the_receiver_its_own_number_and_keeps_the_others_with_their_issuers,
          coercion_gives_the_engines_own_number_where_the_receiver_has_none, coercion_never_lets_a_bare_number_of_an_unknown_person_cross,
          coercion_is_kept_in_original_attributes_so_that_it_can_be_undone, coercion_fails_cleanly_at_every_arena_size)
