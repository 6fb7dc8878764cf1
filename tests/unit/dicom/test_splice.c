/* SPDX-License-Identifier: MIT */
#include "src/dicom/splice.h"
#include "src/dicom/splice_private.h"
#include "tests/unit/dicom/dicom_test.h"

static struct splice splice;
static char out_bytes[1 << 16];

static enum err put_into(void *self, slice bytes)
{
    struct buffer *buffer = self;
    ck_assert_uint_gt(bytes.size, 0);
    buffer_put(buffer, bytes);
    return buffer->full ? ERR_STORE : ERR_OK;
}

/* Runs the splice over the bytes in pieces of `step`, into `out`. */
static enum err run(slice bytes, enum syntax syntax, const struct splice_plan *plan, size_t step, struct buffer *out)
{
    splice_init(&splice, syntax, plan, (struct splice_sink){put_into, out});
    for (; bytes.size > 0; bytes = slice_after(bytes, step)) {
        enum err err = splice_put(&splice, slice_before(bytes, step));
        if (err != ERR_OK) {
            ck_assert_int_eq(splice_end(&splice), err);
            return err;
        }
    }
    return splice_end(&splice);
}

static slice spliced(slice bytes, enum syntax syntax, const struct splice_plan *plan, size_t step)
{
    static struct buffer out;
    out = buffer_over(out_bytes, sizeof out_bytes);
    ck_assert_int_eq(run(bytes, syntax, plan, step, &out), ERR_OK);
    return buffer_slice(&out);
}

static struct dataset parsed(slice bytes, enum syntax syntax, struct arena *arena)
{
    struct dataset dataset;
    ck_assert_int_eq(dataset_parse(&dataset, bytes, syntax, arena), ERR_OK);
    return dataset;
}

static slice written(const struct dataset *dataset, enum syntax syntax)
{
    static struct buffer buffer;
    buffer = buffer_over(test_bytes, sizeof test_bytes);
    dataset_write(dataset, syntax, &buffer);
    ck_assert(!buffer.full);
    return buffer_slice(&buffer);
}

static const uint32_t removed[] = {TAG_OtherPatientIDsSequence, TAG_OtherPatientIDs};

/* The coercion of a relay: two values replaced, one inserted, one sequence gone. */
static struct splice_plan coercion(struct arena *arena)
{
    static struct dataset put;
    ck_assert_int_eq(dataset_init(&put, arena, 4), ERR_OK);
    put_text(&put, TAG_AccessionNumber, "RWM123");
    put_text(&put, TAG_PatientID, "9990000026");
    put_text(&put, TAG_IssuerOfPatientID, "NHS");
    return (struct splice_plan){.put = &put,
                                .remove = removed,
                                .remove_count = 2,
                                .source = SLICE("SITE_B"),
                                .modified_at = SLICE("20100301083000"),
                                .modifier = SLICE("PONT"),
                                .reason = SLICE("COERCE")};
}

/* Implicit syntax does not tell private VRs, nor does a data set keep odd lengths: what stands on the wire is read first. */
static struct dataset sample_as_read(enum syntax syntax, struct arena *arena)
{
    struct dataset sample = sample_dataset(arena), copy;
    ck_assert_int_eq(dataset_put(&sample, 0x00191001, SLICE("even")), ERR_OK);
    struct dataset read = parsed(written(&sample, syntax), syntax, arena);
    ck_assert_int_eq(dataset_copy(&copy, &read, arena, 8), ERR_OK);
    return copy;
}

START_TEST(a_splice_with_nothing_to_do_passes_every_byte)
{
    static const struct splice_plan nothing = {.put = NULL, .source = SLICE("SITE_B")};
    slice odd = BYTES("\x08\0\0\0UL\4\0\1\2\3\4"
                      "\x08\0\x60\0CS\3\0CTX"
                      "\x10\0\x02\x10SQ\0\0\x12\0\0\0\xFE\xFF\0\xE0\x0A\0\0\0\x10\0\x20\0LO\2\0P1"
                      "\x19\0\x01\x10UN\0\0\xFF\xFF\xFF\xFF"
                      "\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF\x10\0\x20\0\2\0\0\0P1\xFE\xFF\x0D\xE0\0\0\0\0\xFE\xFF\xDD\xE0\0\0\0\0"
                      "\x00\x04\x61\x05SQ\0\0\0\0\0\0"
                      "\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF"
                      "\xFE\xFF\0\xE0\0\0\0\0\xFE\xFF\0\xE0\3\0\0\0abc\xFE\xFF\xDD\xE0\0\0\0\0"
                      "\xFC\xFF\xFC\xFFOB\0\0\2\0\0\0\0\0");
    for (size_t step = 1; step < odd.size; step++) {
        ck_assert(slice_equal(spliced(odd, SYNTAX_EXPLICIT_LITTLE, &nothing, step), odd));
    }
    for (int syntax = 0; syntax <= SYNTAX_EXPLICIT_BIG; syntax++) {
        struct arena arena = test_arena();
        struct dataset sample = sample_dataset(&arena);
        slice bytes = written(&sample, (enum syntax)syntax);
        ck_assert(slice_equal(spliced(bytes, (enum syntax)syntax, &nothing, 5), bytes));
    }
    ck_assert_uint_eq(spliced(SLICE_EMPTY, SYNTAX_IMPLICIT_LITTLE, &nothing, 1).size, 0);
}
END_TEST

START_TEST(pieces_of_any_size_give_the_same_bytes)
{
    static char whole[1 << 16];
    for (int syntax = 0; syntax <= SYNTAX_EXPLICIT_BIG; syntax++) {
        struct arena arena = test_arena();
        struct splice_plan plan = coercion(&arena);
        struct dataset sample = sample_dataset(&arena);
        slice bytes = written(&sample, (enum syntax)syntax);
        slice once = spliced(bytes, (enum syntax)syntax, &plan, bytes.size);
        memcpy(whole, once.data, once.size);
        for (size_t step = 1; step < 40; step++) {
            ck_assert(slice_equal(spliced(bytes, (enum syntax)syntax, &plan, step), (slice){whole, once.size}));
        }
    }
}
END_TEST

START_TEST(what_comes_out_is_what_the_same_edit_makes_of_the_value)
{
    for (int syntax = 0; syntax <= SYNTAX_EXPLICIT_BIG; syntax++) {
        struct arena arena = test_arena();
        struct splice_plan plan = coercion(&arena);
        struct dataset edited = sample_as_read((enum syntax)syntax, &arena), original, item, modified;
        plan.source = SLICE_EMPTY;
        ck_assert_int_eq(dataset_copy(&original, &edited, &arena, 0), ERR_OK);
        for (uint32_t i = 0; i < plan.put->count; i++) {
            const struct element *element = &plan.put->elements[i];
            ck_assert_int_eq(dataset_put(&edited, element->tag, element->value), ERR_OK);
        }
        dataset_remove(&edited, TAG_OtherPatientIDsSequence);
        struct dataset out = parsed(spliced(written(&original, (enum syntax)syntax), (enum syntax)syntax, &plan, 7), (enum syntax)syntax, &arena);
        ck_assert(dataset_equal(&out, &edited));
        /* With a source, an item of originals on top of that. */
        ck_assert_int_eq(dataset_init(&modified, &arena, 4), ERR_OK);
        put_text(&modified, TAG_AccessionNumber, "A1");
        put_text(&modified, TAG_PatientID, "9990000018");
        const struct element *others = dataset_find(&original, TAG_OtherPatientIDsSequence);
        ck_assert_int_eq(dataset_put_items(&modified, others->tag, others->items, others->item_count), ERR_OK);
        ck_assert_int_eq(dataset_init(&item, &arena, 5), ERR_OK);
        put_text(&item, TAG_AttributeModificationDateTime, "20100301083000");
        put_text(&item, TAG_ModifyingSystem, "PONT");
        put_text(&item, TAG_SourceOfPreviousValues, "SITE_B");
        put_text(&item, TAG_ReasonForTheAttributeModification, "COERCE");
        ck_assert_int_eq(dataset_put_items(&item, TAG_ModifiedAttributesSequence, &modified, 1), ERR_OK);
        ck_assert_int_eq(dataset_put_items(&edited, TAG_OriginalAttributesSequence, &item, 1), ERR_OK);
        plan.source = SLICE("SITE_B");
        out = parsed(spliced(written(&original, (enum syntax)syntax), (enum syntax)syntax, &plan, 7), (enum syntax)syntax, &arena);
        ck_assert_msg(dataset_equal(&out, &edited), "syntax %d", syntax);
    }
}
END_TEST

START_TEST(the_originals_put_back_give_the_data_set_that_came)
{
    for (int syntax = 0; syntax <= SYNTAX_EXPLICIT_BIG; syntax++) {
        struct arena arena = test_arena();
        struct splice_plan plan = coercion(&arena);
        struct dataset original = sample_as_read((enum syntax)syntax, &arena), back;
        struct dataset out = parsed(spliced(written(&original, (enum syntax)syntax), (enum syntax)syntax, &plan, 3), (enum syntax)syntax, &arena);
        const struct element *kept = dataset_find(&out, TAG_OriginalAttributesSequence);
        ck_assert_uint_eq(kept->item_count, 1);
        const struct dataset *modified = dataset_find(&kept->items[0], TAG_ModifiedAttributesSequence)->items;
        ck_assert_int_eq(dataset_copy(&back, &out, &arena, 8), ERR_OK);
        dataset_remove(&back, TAG_OriginalAttributesSequence);
        for (uint32_t i = 0; i < plan.put->count; i++) {
            dataset_remove(&back, plan.put->elements[i].tag);
        }
        for (uint32_t i = 0; i < modified->count; i++) {
            const struct element *element = &modified->elements[i];
            ck_assert_int_eq(element->vr == VR_SQ ? dataset_put_items(&back, element->tag, element->items, element->item_count)
                                                  : dataset_put_vr(&back, element->tag, element->vr, element->value),
                             ERR_OK);
        }
        ck_assert(dataset_equal(&back, &original));
    }
}
END_TEST

START_TEST(what_only_inserts_keeps_no_originals)
{
    struct arena arena = test_arena();
    struct splice_plan plan = coercion(&arena);
    slice bytes = BYTES("\x08\0\x60\0CS\2\0CT");
    struct dataset out = parsed(spliced(bytes, SYNTAX_EXPLICIT_LITTLE, &plan, 3), SYNTAX_EXPLICIT_LITTLE, &arena);
    ck_assert_uint_eq(out.count, 4);
    ck_assert_slice_eq(dataset_get(&out, TAG_PatientID), "9990000026");
    out = parsed(spliced(SLICE_EMPTY, SYNTAX_EXPLICIT_LITTLE, &plan, 3), SYNTAX_EXPLICIT_LITTLE, &arena);
    ck_assert_uint_eq(out.count, 3);
}
END_TEST

/* The item of somebody before us, and ours, in a sequence of originals as `sequence` has it. */
static void check_appended(slice before, slice sequence, slice after, enum syntax syntax)
{
    struct arena arena = test_arena();
    struct splice_plan plan = coercion(&arena);
    struct buffer bytes = buffer_over(test_bytes, sizeof test_bytes);
    buffer_put(&bytes, before);
    buffer_put(&bytes, sequence);
    buffer_put(&bytes, after);
    for (size_t step = 1; step < 20; step++) {
        struct dataset out = parsed(spliced(buffer_slice(&bytes), syntax, &plan, step), syntax, &arena);
        const struct element *kept = dataset_find(&out, TAG_OriginalAttributesSequence);
        ck_assert_ptr_nonnull(kept);
        ck_assert_uint_eq(kept->item_count, 2);
        ck_assert_slice_eq(dataset_get(&kept->items[0], TAG_ModifyingSystem), "BEFORE");
        ck_assert_slice_eq(dataset_get(&kept->items[1], TAG_ModifyingSystem), "PONT");
        const struct element *modified = dataset_find(&kept->items[1], TAG_ModifiedAttributesSequence);
        ck_assert_slice_eq(dataset_get(&modified->items[0], TAG_PatientID), "P1");
        ck_assert(dataset_has(&out, TAG_PixelData));
        arena_reset(&arena);
        plan = coercion(&arena);
    }
}

START_TEST(our_item_follows_those_that_are_there)
{
    slice patient = BYTES("\x10\0\x20\0LO\2\0P1"), pixels = BYTES("\xE0\x7F\x10\0OW\0\0\2\0\0\0ab");
    slice implicit_patient = BYTES("\x10\0\x20\0\2\0\0\0P1"), implicit_pixels = BYTES("\xE0\x7F\x10\0\2\0\0\0ab");
    slice big_patient = BYTES("\0\x10\0\x20LO\0\2P1"), big_pixels = BYTES("\x7F\xE0\0\x10OW\0\0\0\0\0\2ab");
    slice undefined = BYTES("\0\4\x61\5SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF\0\4\x63\5LO\6\0BEFORE"
                            "\xFE\xFF\x0D\xE0\0\0\0\0\xFE\xFF\xDD\xE0\0\0\0\0");
    slice defined = BYTES("\0\4\x61\5SQ\0\0\x16\0\0\0\xFE\xFF\0\xE0\x0E\0\0\0\0\4\x63\5LO\6\0BEFORE");
    slice implicit = BYTES("\0\4\x61\5\x16\0\0\0\xFE\xFF\0\xE0\x0E\0\0\0\0\4\x63\5\6\0\0\0BEFORE");
    slice big = BYTES("\4\0\5\x61SQ\0\0\0\0\0\x16\xFF\xFE\xE0\0\0\0\0\x0E\4\0\5\x63LO\0\6BEFORE");
    slice unknown = BYTES("\0\4\x61\5UN\0\0\x16\0\0\0\xFE\xFF\0\xE0\x0E\0\0\0\0\4\x63\5\6\0\0\0BEFORE");
    slice unknown_undefined = BYTES("\0\4\x61\5UN\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\x0E\0\0\0\0\4\x63\5\6\0\0\0BEFORE\xFE\xFF\xDD\xE0\0\0\0\0");
    check_appended(patient, undefined, pixels, SYNTAX_EXPLICIT_LITTLE);
    check_appended(patient, defined, pixels, SYNTAX_EXPLICIT_LITTLE);
    check_appended(implicit_patient, implicit, implicit_pixels, SYNTAX_IMPLICIT_LITTLE);
    check_appended(big_patient, big, big_pixels, SYNTAX_EXPLICIT_BIG);
    check_appended(patient, unknown, pixels, SYNTAX_EXPLICIT_LITTLE);
    check_appended(patient, unknown_undefined, pixels, SYNTAX_EXPLICIT_LITTLE);
}
END_TEST

START_TEST(an_empty_sequence_of_originals_gets_our_item)
{
    struct arena arena = test_arena();
    struct splice_plan plan = coercion(&arena);
    slice bytes = BYTES("\x10\0\x20\0LO\2\0P1\0\4\x61\5SQ\0\0\0\0\0\0");
    struct dataset out = parsed(spliced(bytes, SYNTAX_EXPLICIT_LITTLE, &plan, 3), SYNTAX_EXPLICIT_LITTLE, &arena);
    ck_assert_uint_eq(dataset_find(&out, TAG_OriginalAttributesSequence)->item_count, 1);
}
END_TEST

START_TEST(nested_elements_of_the_same_tag_pass_untouched)
{
    struct arena arena = test_arena();
    struct splice_plan plan = coercion(&arena);
    slice bytes = BYTES("\x08\0\x20\x11SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF\x10\0\x20\0LO\2\0P1"
                        "\xFE\xFF\x0D\xE0\0\0\0\0\xFE\xFF\xDD\xE0\0\0\0\0\x10\0\x20\0LO\2\0P2");
    struct dataset out = parsed(spliced(bytes, SYNTAX_EXPLICIT_LITTLE, &plan, 3), SYNTAX_EXPLICIT_LITTLE, &arena);
    ck_assert_slice_eq(dataset_get(&dataset_find(&out, TAG_ReferencedPatientSequence)->items[0], TAG_PatientID), "P1");
    ck_assert_slice_eq(dataset_get(&out, TAG_PatientID), "9990000026");
    ck_assert_slice_eq(splice_seen(&splice, TAG_PatientID), "P2");
}
END_TEST

START_TEST(group_lengths_of_changed_groups_go_and_others_stay)
{
    struct arena arena = test_arena();
    struct splice_plan plan = coercion(&arena);
    slice bytes = BYTES("\x10\0\0\0UL\4\0\x0A\0\0\0\x10\0\x20\0LO\2\0P1\x20\0\0\0UL\4\0\1\0\0\0\0\4\0\0UL\4\0\0\0\0\0");
    slice out = spliced(bytes, SYNTAX_EXPLICIT_LITTLE, &plan, 3);
    ck_assert_ptr_null(memmem(out.data, out.size, "\x10\0\0\0UL", 6));
    ck_assert_ptr_null(memmem(out.data, out.size, "\0\4\0\0UL", 6));
    ck_assert_ptr_nonnull(memmem(out.data, out.size, "\x20\0\0\0UL", 6));
}
END_TEST

START_TEST(what_passed_is_told)
{
    struct arena arena = test_arena();
    struct splice_plan plan = coercion(&arena);
    struct dataset sample = sample_dataset(&arena);
    spliced(written(&sample, SYNTAX_EXPLICIT_BIG), SYNTAX_EXPLICIT_BIG, &plan, 1);
    ck_assert_slice_eq(splice_seen(&splice, TAG_SOPClassUID), "1.2.840.10008.5.1.4.1.1.2");
    ck_assert_slice_eq(splice_seen(&splice, TAG_SOPInstanceUID), "1.2.3.4");
    ck_assert_slice_eq(splice_seen(&splice, TAG_StudyInstanceUID), "1.2.3");
    ck_assert_slice_eq(splice_seen(&splice, TAG_SeriesInstanceUID), "1.2.3.1");
    ck_assert_slice_eq(splice_seen(&splice, TAG_PatientID), "9990000018");
    ck_assert_slice_eq(splice_seen(&splice, TAG_PatientName), "");
}
END_TEST

START_TEST(a_value_too_long_to_tell_is_not_told_in_part)
{
    static const struct splice_plan nothing = {.put = NULL};
    static char text[SPLICE_SEEN_MAX + 2];
    struct arena arena = test_arena();
    struct dataset dataset;
    memset(text, 'x', sizeof text);
    ck_assert_int_eq(dataset_init(&dataset, &arena, 1), ERR_OK);
    ck_assert_int_eq(dataset_put(&dataset, TAG_PatientID, (slice){text, sizeof text}), ERR_OK);
    spliced(written(&dataset, SYNTAX_IMPLICIT_LITTLE), SYNTAX_IMPLICIT_LITTLE, &nothing, 100);
    ck_assert_uint_eq(splice_seen(&splice, TAG_PatientID).size, 0);
}
END_TEST

START_TEST(a_stream_cut_anywhere_is_refused_at_its_end)
{
    struct arena arena = test_arena();
    struct splice_plan plan = coercion(&arena);
    slice bytes = BYTES("\x10\0\x20\0LO\2\0P1\x10\0\x02\x10SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF\x10\0\x20\0LO\2\0P1"
                        "\xFE\xFF\x0D\xE0\0\0\0\0\xFE\xFF\xDD\xE0\0\0\0\0");
    for (size_t size = 1; size < bytes.size; size++) {
        struct buffer out = buffer_over(out_bytes, sizeof out_bytes);
        enum err err = run(slice_before(bytes, size), SYNTAX_EXPLICIT_LITTLE, &plan, 4, &out);
        ck_assert_int_eq(err, size == 10 ? ERR_OK : ERR_BAD_MESSAGE);
    }
}
END_TEST

START_TEST(hostile_streams_are_refused)
{
    static const struct {
        const char *what;
        slice bytes;
    } rows[] = {
        {"the same tag twice", SLICE("\x10\0\x20\0LO\2\0P1\x10\0\x20\0LO\2\0P2")},
        {"a tag that descends", SLICE("\x20\0\x10\0SH\2\0S1\x10\0\x20\0LO\2\0P1")},
        {"a command element", SLICE("\0\0\2\0UI\2\0\0011")},
        {"a file meta element", SLICE("\2\0\x10\0UI\2\0\0011")},
        {"a delimiter at top level", SLICE("\xFE\xFF\xDD\xE0\0\0\0\0")},
        {"an item at top level", SLICE("\xFE\xFF\0\xE0\0\0\0\0")},
        {"a VR that is none", SLICE("\x10\0\x20\0lo\2\0P1")},
        {"text of undefined length", SLICE("\x10\0\x20\0UT\0\0\xFF\xFF\xFF\xFF")},
        {"an element where an item is due", SLICE("\x08\0\x20\x11SQ\0\0\xFF\xFF\xFF\xFF\x10\0\x20\0LO\2\0P1")},
        {"an end of sequence inside an item",
         SLICE("\x08\0\x20\x11SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF\xFE\xFF\xDD\xE0\0\0\0\0")},
        {"an end of item without item", SLICE("\x08\0\x20\x11SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\x0D\xE0\0\0\0\0")},
        {"a fragment of undefined length", SLICE("\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF")},
        {"a delimiter with a length", SLICE("\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF\xFE\xFF\xDD\xE0\2\0\0\0ab")},
        {"originals that are text", SLICE("\x10\0\x20\0LO\2\0P1\0\4\x61\5LO\2\0ab")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena arena = test_arena();
        struct splice_plan plan = coercion(&arena);
        struct buffer out = buffer_over(out_bytes, sizeof out_bytes);
        ck_assert_msg(run(rows[i].bytes, SYNTAX_EXPLICIT_LITTLE, &plan, 4, &out) == ERR_BAD_MESSAGE, "%s", rows[i].what);
    }
}
END_TEST

START_TEST(sequences_deeper_than_the_limit_end_the_splice)
{
    static const struct splice_plan nothing = {.put = NULL};
    for (unsigned depth = DATASET_DEPTH_MAX; depth <= DATASET_DEPTH_MAX + 1; depth++) {
        struct buffer bytes = buffer_over(test_bytes, sizeof test_bytes), out = buffer_over(out_bytes, sizeof out_bytes);
        for (unsigned i = 0; i < depth; i++) {
            buffer_put(&bytes, BYTES("\x10\0\x02\x10\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF"));
        }
        for (unsigned i = 0; i < depth; i++) {
            buffer_put(&bytes, BYTES("\xFE\xFF\x0D\xE0\0\0\0\0\xFE\xFF\xDD\xE0\0\0\0\0"));
        }
        ck_assert_int_eq(run(buffer_slice(&bytes), SYNTAX_IMPLICIT_LITTLE, &nothing, 50, &out), depth > DATASET_DEPTH_MAX ? ERR_LIMIT : ERR_OK);
    }
}
END_TEST

START_TEST(originals_larger_than_their_room_are_said_and_never_lost)
{
    static char text[SPLICE_CAPTURE_MAX];
    struct arena arena = test_arena();
    struct splice_plan plan = coercion(&arena);
    struct dataset dataset;
    struct buffer out = buffer_over(out_bytes, sizeof out_bytes);
    memset(text, 'x', sizeof text);
    ck_assert_int_eq(dataset_init(&dataset, &arena, 1), ERR_OK);
    ck_assert_int_eq(dataset_put(&dataset, TAG_PatientID, (slice){text, sizeof text}), ERR_OK);
    ck_assert_int_eq(run(written(&dataset, SYNTAX_IMPLICIT_LITTLE), SYNTAX_IMPLICIT_LITTLE, &plan, 1000, &out), ERR_LIMIT);
    ck_assert_int_eq(dataset_put(&dataset, TAG_PatientID, (slice){text, sizeof text - 8}), ERR_OK);
    ck_assert_int_eq(run(written(&dataset, SYNTAX_IMPLICIT_LITTLE), SYNTAX_IMPLICIT_LITTLE, &plan, 1000, &out), ERR_OK);
}
END_TEST

START_TEST(a_sink_that_fails_ends_the_splice)
{
    struct arena arena = test_arena();
    struct splice_plan plan = coercion(&arena);
    struct dataset sample = sample_dataset(&arena);
    slice bytes = written(&sample, SYNTAX_EXPLICIT_LITTLE);
    size_t whole = spliced(bytes, SYNTAX_EXPLICIT_LITTLE, &plan, 9).size;
    for (size_t room = 0; room < whole; room++) {
        struct buffer out = buffer_over(out_bytes, room);
        ck_assert_int_eq(run(bytes, SYNTAX_EXPLICIT_LITTLE, &plan, 9, &out), ERR_STORE);
    }
}
END_TEST

UNIT_MAIN(a_splice_with_nothing_to_do_passes_every_byte, pieces_of_any_size_give_the_same_bytes,
          what_comes_out_is_what_the_same_edit_makes_of_the_value, the_originals_put_back_give_the_data_set_that_came,
          what_only_inserts_keeps_no_originals, our_item_follows_those_that_are_there, an_empty_sequence_of_originals_gets_our_item,
          nested_elements_of_the_same_tag_pass_untouched, group_lengths_of_changed_groups_go_and_others_stay, what_passed_is_told,
          a_value_too_long_to_tell_is_not_told_in_part, a_stream_cut_anywhere_is_refused_at_its_end, hostile_streams_are_refused,
          sequences_deeper_than_the_limit_end_the_splice, originals_larger_than_their_room_are_said_and_never_lost,
          a_sink_that_fails_ends_the_splice)
