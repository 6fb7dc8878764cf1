/* SPDX-License-Identifier: MIT */
#include "src/dicom/match.h"
#include "tests/unit/dicom/dicom_test.h"

/* PS3.4 C.2.2.2: what a key finds. */
static const struct {
    enum vr vr;
    const char *key, *value;
    bool matches;
} rows[] = {
    /* universal */
    {VR_LO, "", "x", true},
    {VR_LO, "", "", true},
    {VR_LO, "*", "", true},
    {VR_LO, "**", "x", true},
    {VR_PN, "*", "", true},
    {VR_DA, "", "20100301", true},
    {VR_UI, "", "1.2", true},
    {VR_DA, "*", "20100301", false},
    {VR_UI, "*", "1.2", false},
    /* single value, padding and case */
    {VR_LO, "9990000018", "9990000018", true},
    {VR_LO, "9990000018 ", " 9990000018", true},
    {VR_LO, "999", "9990000018", false},
    {VR_LO, "abc", "ABC", false},
    {VR_LO, "abc", "", false},
    {VR_SH, "A1", "A1\\B2", true},
    {VR_SH, "B2", "A1\\ B2 ", true},
    {VR_IS, "7", "07", true},
    {VR_IS, "+7", "7", true},
    {VR_IS, "7", "8", false},
    {VR_DS, "1.5", "1.5 ", true},
    /* list */
    {VR_UI, "1.2\\1.3", "1.3", true},
    {VR_UI, "1.2\\1.3", "1.4", false},
    {VR_UI, "1.2", "1.2.3", false},
    {VR_CS, "CT\\MR", "MR", true},
    {VR_CS, "CT", "MR\\CT", true},
    {VR_CS, "CT\\", "", false},
    /* wildcard */
    {VR_LO, "999*", "9990000018", true},
    {VR_LO, "*18", "9990000018", true},
    {VR_LO, "*9*1*", "9990000018", true},
    {VR_LO, "9?9*", "9990000018", true},
    {VR_LO, "?", "", false},
    {VR_LO, "??", "ab", true},
    {VR_LO, "?", "ŵ", true},
    {VR_LO, "?", "ab", false},
    {VR_LO, "a*b", "ab", true},
    {VR_LO, "a*b", "abc", false},
    {VR_LO, "a*bc*d", "abcbcxd", true},
    {VR_LT, "a\\b*", "a\\bc", true},
    {VR_AE, "PACS?", "PACS1", true},
    {VR_UI, "1.2*", "1.2.3", false},
    /* person names */
    {VR_PN, "Jones^Sian", "JONES^SIÂN", true},
    {VR_PN, "JONES^SIAN", "Jones^Siân^^Mrs", false},
    {VR_PN, "Jones^Sian^^Mrs", "Jones^Sian^^Mrs", true},
    {VR_PN, "jones*", "JONES^SIÂN", true},
    {VR_PN, "JONES", "JONES^SIÂN", false},
    {VR_PN, "Jones^Sian^^^", "JONES^SIAN", true},
    {VR_PN, "Jones^Sian", "JONES^SIAN^^^", true},
    {VR_PN, "Smith^*", "SMITH", true},
    {VR_PN, "Smith^*^*", "SMITH^John", true},
    {VR_PN, "Smith^*", "SMITHERS^John", false},
    {VR_PN, "*^si?n", "JONES^Siân", true},
    {VR_PN, "ty gwyn*", "TŶ GŴYN^Llŷr", true},
    {VR_PN, "O'Brien^*", "OBRIEN^Pat", true},
    {VR_PN, "Smith-Jones*", "SMITH JONES^A", true},
    {VR_PN, "Yamada^Tarou", "Yamada^Tarou=山田^太郎", true},
    {VR_PN, "山田*", "Yamada^Tarou=山田^太郎", true},
    {VR_PN, "=山田*", "Yamada^Tarou=山田^太郎", true},
    {VR_PN, "Yamada*=山本*", "Yamada^Tarou=山田^太郎", false},
    {VR_PN, "Yamada*=山田*=", "Yamada^Tarou=山田^太郎", true},
    {VR_PN, "Smith*", "", false},
    /* ranges */
    {VR_DA, "20100301", "20100301", true},
    {VR_DA, "20100301", "20100302", false},
    {VR_DA, "20100301-20100331", "20100331", true},
    {VR_DA, "20100301-20100331", "20100401", false},
    {VR_DA, "20100301-", "20110101", true},
    {VR_DA, "20100301-", "20100228", false},
    {VR_DA, "-20100301", "20100301", true},
    {VR_DA, "-20100301", "20100302", false},
    {VR_DA, " 20100301 - 20100331 ", "20100315", true},
    {VR_DA, "20100331-20100301", "20100315", false},
    {VR_DA, "2010.03.01", "20100301", true},
    {VR_DA, "20100301", "2010.03.01", true},
    {VR_DA, "20100301-", "", false},
    {VR_DA, "2010*", "20100301", false},
    {VR_DA, "junk", "20100301", false},
    {VR_DA, "20100301-", "junk", false},
    {VR_DA, "00000000-99999999", "20100301", true},
    {VR_TM, "10-1130", "113059.5", true},
    {VR_TM, "10-1130", "1131", false},
    {VR_TM, "1030", "103000.000000", true},
    {VR_TM, "10:30:00", "103000", true},
    {VR_TM, "-12", "125959", true},
    {VR_TM, "120000.5-1300", "123000", true},
    {VR_DT, "20100301103000-0500", "20100301103000", true},
    {VR_DT, "20100301-20100302", "20100302235959", true},
    {VR_DT, "20100301103000-0500-20100302103000+0100", "20100302", true},
    {VR_DT, "2009-2010", "20100301", true},
    {VR_DT, "20100301-0500", "20100301", true},
};

START_TEST(a_key_finds_what_the_standard_says)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool matches = match_value((uint16_t)rows[i].vr, slice_from(rows[i].key), slice_from(rows[i].value));
        ck_assert_msg(matches == rows[i].matches, "'%s' on '%s' gives %d", rows[i].key, rows[i].value, matches);
    }
}
END_TEST

START_TEST(numbers_are_matched_as_bytes)
{
    ck_assert(match_value(VR_US, BYTES("\x20\0"), BYTES("\x20\0")));
    ck_assert(!match_value(VR_US, BYTES("\x20\0"), BYTES("\x20\x20")));
    ck_assert(match_value(VR_US, SLICE_EMPTY, BYTES("\x20\0")));
}
END_TEST

/* An oracle that needs no cleverness: which prefixes of the pattern match which prefixes of the text. */
static bool matches_by_table(const char *pattern, const char *text)
{
    bool reach[16][16] = {{true}};
    size_t m = strlen(pattern), n = strlen(text);
    for (size_t i = 1; i <= m; i++) {
        for (size_t j = 0; j <= n; j++) {
            if (pattern[i - 1] == '*') {
                reach[i][j] = reach[i - 1][j] || (j > 0 && reach[i][j - 1]);
            } else {
                reach[i][j] = j > 0 && reach[i - 1][j - 1] && (pattern[i - 1] == '?' || pattern[i - 1] == text[j - 1]);
            }
        }
    }
    return reach[m][n];
}

/* Writes the number in the digits of an alphabet. */
static void spell(char *out, unsigned number, unsigned size, const char *alphabet)
{
    for (unsigned i = 0; i < size; i++) {
        out[i] = alphabet[number % strlen(alphabet)];
        number /= (unsigned)strlen(alphabet);
    }
    out[size] = '\0';
}

START_TEST(every_short_pattern_agrees_with_the_table_on_every_short_text)
{
    char pattern[8], text[8];
    for (unsigned p = 0; p < 4 * 4 * 4 * 4 * 4; p++) {
        spell(pattern, p, 5, "ab*?");
        for (unsigned size = 0; size <= 5; size++) {
            for (unsigned t = 0; t < 1u << size; t++) {
                spell(text, t, size, "ab");
                ck_assert_msg(match_wildcard(slice_from(pattern), slice_from(text)) == matches_by_table(pattern, text), "%s %s", pattern, text);
            }
        }
    }
}
END_TEST

START_TEST(a_hostile_pattern_ends)
{
    static char pattern[65536], text[65536];
    memset(pattern, '*', sizeof pattern);
    memset(text, 'a', sizeof text);
    ck_assert(match_wildcard((slice){pattern, sizeof pattern}, (slice){text, sizeof text}));
    pattern[sizeof pattern - 1] = 'b';
    ck_assert(!match_wildcard((slice){pattern, sizeof pattern}, (slice){text, sizeof text}));
    memset(pattern, 'a', sizeof pattern);
    pattern[0] = '*';
    pattern[sizeof pattern / 2] = 'b';
    ck_assert(!match_wildcard((slice){pattern, sizeof pattern / 2 + 1}, (slice){text, sizeof text}));
    for (size_t i = 0; i < sizeof pattern; i += 2) {
        pattern[i] = '*';
    }
    pattern[sizeof pattern - 1] = 'b';
    ck_assert(!match_value(VR_PN, (slice){pattern, sizeof pattern}, (slice){text, sizeof text}));
}
END_TEST

START_TEST(a_worst_pattern_of_legal_size_is_still_answered)
{
    char pattern[64], text[64];
    memset(pattern, 'a', sizeof pattern);
    memset(text, 'a', sizeof text);
    pattern[0] = '*';
    pattern[32] = '*';
    text[63] = 'b';
    pattern[63] = 'b';
    ck_assert(match_wildcard((slice){pattern, 64}, (slice){text, 64}));
}
END_TEST

static bool match(const struct dataset *query, const struct dataset *row, bool lenient, unsigned *unknown)
{
    *unknown = 99;
    return match_dataset(query, row, lenient, unknown);
}

START_TEST(a_row_must_meet_every_key)
{
    struct arena arena = test_arena();
    struct dataset row = sample_dataset(&arena), query;
    unsigned unknown;
    ck_assert_int_eq(dataset_init(&query, &arena, 8), ERR_OK);
    put_text(&query, TAG_PatientName, "JONES*");
    put_text(&query, TAG_StudyDate, "2010-2011");
    put_text(&query, TAG_PatientID, "");
    ck_assert(match(&query, &row, false, &unknown));
    ck_assert_uint_eq(unknown, 0);
    put_text(&query, TAG_PatientID, "other");
    ck_assert(!match(&query, &row, false, &unknown));
}
END_TEST

START_TEST(a_key_that_the_row_has_not_is_counted)
{
    struct arena arena = test_arena();
    struct dataset row = sample_dataset(&arena), query;
    unsigned unknown;
    ck_assert_int_eq(dataset_init(&query, &arena, 8), ERR_OK);
    put_text(&query, TAG_PatientSex, "F");
    put_text(&query, TAG_StudyDescription, "*"); /* universal: nothing is asked */
    ck_assert(!match(&query, &row, false, &unknown));
    ck_assert_uint_eq(unknown, 1);
    ck_assert(match(&query, &row, true, &unknown));
    ck_assert_uint_eq(unknown, 1);
    put_text(&row, TAG_PatientSex, "");
    ck_assert(!match(&query, &row, true, &unknown)); /* known to be empty */
    ck_assert_uint_eq(unknown, 0);
}
END_TEST

START_TEST(levels_sets_group_lengths_and_private_elements_are_no_keys)
{
    struct arena arena = test_arena();
    struct dataset row = sample_dataset(&arena), query;
    unsigned unknown;
    ck_assert_int_eq(dataset_init(&query, &arena, 8), ERR_OK);
    put_text(&query, TAG_QueryRetrieveLevel, "STUDY");
    put_text(&query, TAG_SpecificCharacterSet, "ISO_IR 192");
    put_text(&query, 0x00080000, "abcd");
    put_text(&query, 0x00290010, "SOMEBODY");
    put_text(&query, 0x00291001, "something");
    ck_assert(match(&query, &row, false, &unknown));
    ck_assert_uint_eq(unknown, 0);
}
END_TEST

START_TEST(a_sequence_key_is_met_by_one_item)
{
    struct arena arena = test_arena();
    struct dataset row = sample_dataset(&arena), query, item;
    unsigned unknown;
    ck_assert_int_eq(dataset_init(&query, &arena, 8), ERR_OK);
    ck_assert_int_eq(dataset_init(&item, &arena, 8), ERR_OK);
    ck_assert_int_eq(dataset_put_items(&query, TAG_OtherPatientIDsSequence, &item, 1), ERR_OK);
    ck_assert_int_eq(dataset_put_items(&query, TAG_RequestAttributesSequence, NULL, 0), ERR_OK);
    ck_assert(match(&query, &row, false, &unknown)); /* an empty item asks nothing */
    put_text(&item, TAG_PatientID, "LOCAL2");
    ck_assert(match(&query, &row, false, &unknown));
    put_text(&item, TAG_PatientID, "LOCAL3");
    ck_assert(!match(&query, &row, false, &unknown));
    put_text(&item, TAG_PatientID, "");
    put_text(&item, TAG_IssuerOfPatientID, "X");
    ck_assert(!match(&query, &row, false, &unknown));
    ck_assert_uint_eq(unknown, 1);
    ck_assert(match(&query, &row, true, &unknown));
    dataset_remove(&row, TAG_OtherPatientIDsSequence);
    ck_assert(!match(&query, &row, false, &unknown));
    ck_assert_uint_eq(unknown, 1);
}
END_TEST

START_TEST(name_components_are_found_by_group_and_number)
{
    slice name = SLICE("Yamada ^ Tarou^^Dr=山田^太郎");
    ck_assert_slice_eq(name_component(name, 0, 0), "Yamada");
    ck_assert_slice_eq(name_component(name, 0, 1), "Tarou");
    ck_assert_slice_eq(name_component(name, 0, 2), "");
    ck_assert_slice_eq(name_component(name, 0, 3), "Dr");
    ck_assert_slice_eq(name_component(name, 0, 4), "");
    ck_assert_slice_eq(name_component(name, 1, 1), "太郎");
    ck_assert_slice_eq(name_component(name, 2, 0), "");
    ck_assert_slice_eq(name_component(SLICE_EMPTY, 0, 0), "");
}
END_TEST

START_TEST(names_are_equal_when_family_and_given_agree_folded)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } names[] = {
        {"JONES^SIAN", "Jones^Siân^Mair^Mrs", true},
        {"TY GWYN^LLYR", "Tŷ Gŵyn^Llŷr", true},
        {"O'BRIEN^PAT", "OBRIEN^PAT", true},
        {"SMITH-JONES^A", "SMITH JONES^A", true},
        {"JONES^SIAN", "JONES^SIONED", false},
        {"JONES^SIAN", "JONESS^IAN", false},
        {"JONES", "JONES^", true},
        {"^", "", false},
        {"", "", false},
        {"...", "^", false},
    };
    struct arena arena = test_arena();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ck_assert_msg(name_equal_folded(slice_from(names[i].a), slice_from(names[i].b), &arena) == names[i].equal, "%s %s", names[i].a, names[i].b);
    }
}
END_TEST

UNIT_MAIN(a_key_finds_what_the_standard_says, numbers_are_matched_as_bytes,
          every_short_pattern_agrees_with_the_table_on_every_short_text, a_hostile_pattern_ends,
          a_worst_pattern_of_legal_size_is_still_answered, a_row_must_meet_every_key, a_key_that_the_row_has_not_is_counted,
          levels_sets_group_lengths_and_private_elements_are_no_keys, a_sequence_key_is_met_by_one_item,
          name_components_are_found_by_group_and_number, names_are_equal_when_family_and_given_agree_folded)
