/* SPDX-License-Identifier: MIT
 *
 * What the tests of src/dicom share: an arena, slices in assertions, and data sets in a few words. */
#ifndef PONT_TESTS_DICOM_TEST_H
#define PONT_TESTS_DICOM_TEST_H

#include "src/dicom/dataset.h"
#include "tests/unit/unit.h"

static char test_memory[1 << 20] __attribute__((aligned(16), unused));
static char test_bytes[1 << 16] __attribute__((unused));

static inline struct arena test_arena(void)
{
    return (struct arena){.memory = test_memory, .size = sizeof test_memory};
}

#define ck_assert_slice_eq(a, text)                                                                \
    do {                                                                                           \
        slice found = (a), wanted = slice_from(text);                                              \
        ck_assert_msg(slice_equal(found, wanted), "'%.*s' is not '%.*s'", SLICE_ARGS(found),       \
                      SLICE_ARGS(wanted));                                                         \
    } while (0)

/* A literal with bytes of any value. */
#define BYTES(literal) SLICE(literal)

static inline void put_text(struct dataset *dataset, uint32_t tag, const char *text)
{
    ck_assert_int_eq(dataset_put(dataset, tag, slice_from(text)), ERR_OK);
}

/* A data set with text, numbers, a sequence of two items, one of them with a sequence, and private elements. */
static inline struct dataset sample_dataset(struct arena *arena)
{
    static struct dataset items[2], inner[1];
    struct dataset dataset;
    ck_assert_int_eq(dataset_init(&dataset, arena, 32), ERR_OK);
    put_text(&dataset, TAG_SpecificCharacterSet, "ISO_IR 100");
    put_text(&dataset, TAG_SOPClassUID, "1.2.840.10008.5.1.4.1.1.2");
    put_text(&dataset, TAG_SOPInstanceUID, "1.2.3.4");
    put_text(&dataset, TAG_StudyDate, "20100301");
    put_text(&dataset, TAG_AccessionNumber, "A1");
    put_text(&dataset, TAG_PatientName, "Jones^Sian");
    put_text(&dataset, TAG_PatientID, "9990000018");
    put_text(&dataset, TAG_StudyInstanceUID, "1.2.3");
    put_text(&dataset, TAG_SeriesInstanceUID, "1.2.3.1");
    put_text(&dataset, TAG_NumberOfStudyRelatedInstances, "12");
    ck_assert_int_eq(dataset_put_u16(&dataset, arena, TAG_Rows, 512), ERR_OK);
    ck_assert_int_eq(dataset_put_u16(&dataset, arena, TAG_Columns, 8224), ERR_OK); /* two spaces as bytes */
    ck_assert_int_eq(dataset_put_vr(&dataset, 0x00190010, VR_LO, SLICE("PONT TEST")), ERR_OK);
    ck_assert_int_eq(dataset_put(&dataset, 0x00191001, SLICE("odd")), ERR_OK);
    ck_assert_int_eq(dataset_put(&dataset, TAG_FrameIncrementPointer, BYTES("\x18\x00\x63\x10")), ERR_OK);
    ck_assert_int_eq(dataset_put(&dataset, TAG_RescaleSlope, SLICE("1.5")), ERR_OK);
    ck_assert_int_eq(dataset_put_vr(&dataset, TAG_CTDIvol, VR_FD, BYTES("\1\2\3\4\5\6\7\10")), ERR_OK);
    ck_assert_int_eq(dataset_put(&dataset, TAG_PixelData, BYTES("\1\2\3\4\5\6")), ERR_OK);
    ck_assert_int_eq(dataset_init(&items[0], arena, 4), ERR_OK);
    ck_assert_int_eq(dataset_init(&items[1], arena, 4), ERR_OK);
    ck_assert_int_eq(dataset_init(&inner[0], arena, 4), ERR_OK);
    put_text(&inner[0], TAG_UniversalEntityID, "1.2.9");
    put_text(&items[0], TAG_PatientID, "LOCAL1");
    ck_assert_int_eq(dataset_put_items(&items[0], TAG_IssuerOfPatientIDQualifiersSequence, inner, 1), ERR_OK);
    put_text(&items[1], TAG_PatientID, "LOCAL2");
    ck_assert_int_eq(dataset_put_items(&dataset, TAG_OtherPatientIDsSequence, items, 2), ERR_OK);
    ck_assert_int_eq(dataset_put_items(&dataset, TAG_ReferencedStudySequence, NULL, 0), ERR_OK);
    return dataset;
}

#endif
