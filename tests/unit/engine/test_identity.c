/* SPDX-License-Identifier: MIT */
#include "tests/unit/engine/fake.h"

#include "src/engine/identity.h"

static const struct fake_patient at_gwent = {"GWE",   "40018586", "9990000018", "Price",
                                             "Megan", "19580411", NULL,         false};
static const struct fake_patient at_cardiff = {"CAV",       "C624723",  "9990000018", "PRICE",
                                               "Megan Ann", "19580411", NULL,         false};
static const struct fake_patient at_swansea = {"SWA",   "S0077123", "9990000018", "Llywelyn",
                                               "Megan", "19580411", NULL,         false};

static int tell(enum hl7_type type, struct fake_patient patient, const char *at, const char *ack)
{
    static char controls[1000][8];
    static int count;
    count = (count + 1) % 1000;
    snprintf(controls[count], sizeof controls[count], "m%d", count);
    struct hl7_value value = fake_message(type, &patient, controls[count], at);
    fake_say(&value, ack);
    return count;
}

static void tell_two(enum hl7_type type, struct fake_patient patient, const char *prior,
                     const char *prior_site, const char *at, const char *ack)
{
    static char controls[1000][8];
    static int count;
    count = (count + 1) % 1000;
    snprintf(controls[count], sizeof controls[count], "t%d", count);
    struct hl7_value value = fake_message(type, &patient, controls[count], at);
    value.prior_ids[value.prior_id_count++] =
        (struct hl7_id){slice_from(prior), slice_from(prior_site), SLICE("PI")};
    fake_say(&value, ack);
}

static int64_t person_of(const char *issuer, const char *number)
{
    return identity_person(fake.engine, slice_from(issuer), slice_from(number));
}

static slice patient_id_of(int64_t person)
{
    struct row_person row;
    ck_assert(identity_row(fake.engine, person, &row));
    return row.patient_id;
}

START_TEST(nhs_numbers_have_ten_digits_and_a_right_check_digit)
{
    static const struct {
        const char *number;
        bool valid;
    } rows[] = {{"9990000018", true},  {"9990000026", true}, {"9990000034", true},
                {"9990000019", false}, {"999000001", false}, {"99900000188", false},
                {"999000001X", false}, {"", false},          {"9434765919", true},
                {"9434765870", true},  {"9434765829", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(nhs_number_is_valid(slice_from(rows[i].number)) == rows[i].valid, "%s",
                      rows[i].number);
    }
}
END_TEST

START_TEST(two_local_numbers_are_one_person_by_number_birth_date_and_name)
{
    fake_init();
    fake_start();
    tell(HL7_ADT_A04, at_gwent, "20100301090000", "AA");
    tell(HL7_ADT_A04, at_cardiff, "20100301090100", "AA");
    ck_assert_int_ne(person_of("GWE", "40018586"), 0);
    ck_assert_int_eq(person_of("GWE", "40018586"), person_of("CAV", "C624723"));
    ck_assert_int_eq(person_of("NHS", "9990000018"), person_of("CAV", "C624723"));
    ck_assert(slice_equal(patient_id_of(person_of("CAV", "C624723")), SLICE("9990000018")));
}
END_TEST

START_TEST(accents_and_case_do_not_part_a_name)
{
    struct fake_patient a = at_gwent, b = at_cardiff;
    a.family = "G\xC5\xB5yn-Ll\xC5\xB7r"; /* w and y with circumflex */
    b.family = "GWYNLLYR";
    fake_init();
    fake_start();
    tell(HL7_ADT_A04, a, "20100301090000", "AA");
    tell(HL7_ADT_A04, b, "20100301090100", "AA");
    ck_assert_int_eq(person_of("GWE", "40018586"), person_of("CAV", "C624723"));
}
END_TEST

START_TEST(no_link_without_each_of_the_three)
{
    static const struct {
        const char *nhs, *family, *birth_date;
        bool unverified;
    } rows[] = {
        {"9990000018", "Evans", "19580411", false}, /* another name */
        {"9990000018", "Price", "19590411", false}, /* another birth date */
        {"9990000018", "Price", "", false},         /* none */
        {"9990000018", "Price", "19580411", true},  /* not verified */
        {"9990000019", "Price", "19580411", false}, /* wrong check digit */
        {NULL, "Price", "19580411", false},         /* none */
        {"9990000026", "Price", "19580411", false}, /* the namesake with her birthday */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake_patient second = {"CAV",       "C1",
                                      rows[i].nhs, rows[i].family,
                                      "Megan",     rows[i].birth_date,
                                      NULL,        rows[i].unverified};
        fake_init();
        fake_start();
        tell(HL7_ADT_A04, at_gwent, "20100301090000", "AA");
        tell(HL7_ADT_A04, second, "20100301090100", "AA");
        ck_assert_msg(person_of("GWE", "40018586") != person_of("CAV", "C1"), "row %zu", i);
        ck_assert_int_ne(person_of("CAV", "C1"), 0);
    }
}
END_TEST

START_TEST(a_person_without_a_verified_number_has_one_of_our_own)
{
    struct fake_patient unknown = at_gwent;
    unknown.nhs = NULL;
    fake_init();
    fake_start();
    tell(HL7_ADT_A04, unknown, "20100301090000", "AA");
    slice id = patient_id_of(person_of("GWE", "40018586"));
    ck_assert_uint_eq(id.size, 10);
    ck_assert_int_eq(id.data[0], 'P');
    ck_assert_int_eq(identity_person(fake.engine, SLICE("PONT"), id), person_of("GWE", "40018586"));
    tell(HL7_ADT_A08, at_gwent, "20100301100000", "AA"); /* traced since */
    ck_assert(slice_equal(patient_id_of(person_of("GWE", "40018586")), SLICE("9990000018")));
}
END_TEST

START_TEST(a_maiden_name_told_later_links_what_was_held_for_review)
{
    struct fake_patient married = at_gwent;
    fake_init();
    fake_start();
    tell(HL7_ADT_A04, at_gwent, "20100301090000", "AA");
    tell(HL7_ADT_A04, at_swansea, "20100301090100", "AA");
    ck_assert_int_ne(person_of("GWE", "40018586"), person_of("SWA", "S0077123"));
    struct row_review key = {.kind = SLICE("identity"), .key = SLICE("SWA/S0077123")};
    ck_assert_int_eq(row_get_review(fake.engine, row_find_review(fake.engine, &key)).open, 1);
    married.former_family = "Llywelyn";
    tell(HL7_ADT_A08, married, "20100301100000", "AA");
    ck_assert_int_eq(person_of("GWE", "40018586"), person_of("SWA", "S0077123"));
    ck_assert_int_eq(row_get_review(fake.engine, row_find_review(fake.engine, &key)).open, 0);
}
END_TEST

START_TEST(local_numbers_never_cross_an_organisation)
{
    struct fake_patient here = at_gwent, there = {"CAV",  "40018586", "9990000026", "Evans",
                                                  "Owen", "19610203", NULL,         false};
    fake_init();
    fake_start();
    tell(HL7_ADT_A04, here, "20100301090000", "AA");
    tell(HL7_ADT_A04, there, "20100301090100", "AA");
    ck_assert_int_ne(person_of("GWE", "40018586"), person_of("CAV", "40018586"));
    ck_assert_int_eq(person_of("", "40018586"), 0);
    ck_assert_int_eq(person_of("SWA", "40018586"), 0);
}
END_TEST

static const struct fake_patient sian = {"GWE",  "40021111", "9990000034", "Morgan",
                                         "Sian", "19710930", NULL,         false};
static const struct fake_patient sian_again = {"GWE",  "40029999", NULL, "Morgan",
                                               "Sian", "19710930", NULL, false};

static void two_exams(void)
{
    fake_holds(1, "1.2.30", "GWE30", &sian, 1, 4);
    fake_holds(1, "1.2.31", "GWE31", &sian_again, 1, 1);
    fake_start();
    struct hl7_value a = fake_order(&sian, "GWE30", "CM", "a1", "20100301090000");
    struct hl7_value b = fake_order(&sian_again, "GWE31", "CM", "b1", "20100301090100");
    fake_say(&a, "AA");
    fake_say(&b, "AA");
    ck_assert_int_eq(fake_exam("GWE", "GWE31").state, EXAM_PUBLISHED);
}

START_TEST(a_merge_moves_exams_and_studies_and_an_unlink_moves_them_back)
{
    fake_init();
    two_exams();
    int64_t one = person_of("GWE", "40021111"), two = person_of("GWE", "40029999");
    ck_assert_int_ne(one, two);
    tell_two(HL7_ADT_A40, sian, "40029999", "GWE", "20100301100000", "AA");
    ck_assert_int_eq(person_of("GWE", "40029999"), one);
    ck_assert_int_eq(fake_exam("GWE", "GWE31").person, one);
    ck_assert_int_eq(fake_study_row(fake_exam("GWE", "GWE31").study).person, one);
    struct row_person row;
    ck_assert(identity_row(fake.engine, one, &row));
    int64_t epoch = row.epoch;
    tell_two(HL7_ADT_A37, sian, "40029999", "GWE", "20100301110000", "AA");
    ck_assert_int_eq(person_of("GWE", "40029999"), two);
    ck_assert_int_eq(fake_exam("GWE", "GWE31").person, two);
    ck_assert_int_eq(fake_exam("GWE", "GWE30").person, one);
    ck_assert_int_eq(fake_study_row(fake_exam("GWE", "GWE31").study).person, two);
    ck_assert(identity_row(fake.engine, one, &row));
    ck_assert_int_gt(row.epoch, epoch);
    tell_two(HL7_ADT_A40, sian, "40029999", "GWE", "20100301103000",
             "AA"); /* older than the unlink: comes late */
    ck_assert_int_eq(person_of("GWE", "40029999"), two);
    uint64_t digest = engine_digest(fake.engine);
    fake_restart();
    ck_assert(engine_digest(fake.engine) == digest);
}
END_TEST

/* What HL7 can write in a number or a name (\\E\\, \\S\\, \\X0A\\) must not cut the list of what goes back. */
START_TEST(numbers_and_names_of_any_letters_go_back)
{
    static const struct fake_patient odd = {"GWE", "4\\0/2^9|9", NULL, "Mor\\gan^X", "Si/an\\", "19710930", NULL, false};
    fake_init();
    fake_start();
    tell(HL7_ADT_A04, sian, "20100301090000", "AA");
    tell(HL7_ADT_A04, odd, "20100301090000", "AA");
    int64_t one = person_of("GWE", "40021111"), two = person_of("GWE", odd.number);
    ck_assert_int_ne(two, 0);
    tell_two(HL7_ADT_A40, sian, odd.number, "GWE", "20100301100000", "AA");
    ck_assert_int_eq(person_of("GWE", odd.number), one);
    struct fake_patient renamed = odd;
    renamed.family = "Other\nname\x1e";
    tell(HL7_ADT_A08, renamed, "20100301103000", "AA"); /* while her number is retired */
    tell_two(HL7_ADT_A37, sian, odd.number, "GWE", "20100301110000", "AA");
    ck_assert_int_eq(person_of("GWE", odd.number), two);
    ck_assert_int_eq(person_of("GWE", "40021111"), one);
    struct row_person row;
    ck_assert(identity_row(fake.engine, two, &row));
    ck_assert(slice_equal(row.family, SLICE("Other name ")));
    ck_assert(slice_equal(row.given, SLICE("Si/an\\")));
    ck_assert(identity_row(fake.engine, one, &row));
    ck_assert(slice_equal(row.family, SLICE("Morgan")));
    ck_assert(!identity_knows_name(fake.engine, &row, (struct full_name){SLICE("Mor\\gan^X"), SLICE("Si/an\\")}, &fake.keep));
}
END_TEST

START_TEST(a_number_that_nobody_had_is_merged_and_given_back)
{
    fake_init();
    fake_start();
    tell(HL7_ADT_A04, sian, "20100301090000", "AA");
    int64_t one = person_of("GWE", "40021111");
    tell_two(HL7_ADT_A40, sian, "40029999", "GWE", "20100301100000", "AA");
    ck_assert_int_eq(person_of("GWE", "40029999"), one);
    struct hl7_value order = fake_order(&sian_again, "GWE31", "CM", "b1", "20100301103000");
    fake_say(&order, "AA");
    ck_assert_int_eq(fake_exam("GWE", "GWE31").person, one);
    tell_two(HL7_ADT_A37, sian, "40029999", "GWE", "20100301110000", "AA");
    int64_t two = person_of("GWE", "40029999");
    ck_assert_int_ne(two, 0);
    ck_assert_int_ne(two, one); /* or she would keep another's images */
    ck_assert_int_eq(fake_exam("GWE", "GWE31").person, two);
    ck_assert_int_eq(person_of("GWE", "40021111"), one);
}
END_TEST

START_TEST(what_was_linked_by_a_number_goes_back_with_it)
{
    struct fake_patient gwyn = {"GWE",  "40050001", "9990000018", "Howells",
                                "Gwyn", "19270228", NULL,         false};
    struct fake_patient rhian = {"GWE",   "40050002", NULL, "Howells",
                                 "Rhian", "19270228", NULL, false}; /* his twin */
    struct fake_patient elsewhere = gwyn;
    elsewhere.site = "CAV";
    elsewhere.number = "C555555";
    fake_init();
    fake_start();
    tell(HL7_ADT_A04, gwyn, "20100301090000", "AA");
    tell(HL7_ADT_A04, rhian, "20100301090100", "AA");
    int64_t his = person_of("GWE", "40050001"), hers = person_of("GWE", "40050002");
    tell_two(HL7_ADT_A40, rhian, "40050001", "GWE", "20100301100000", "AA"); /* a mistake */
    tell(HL7_ADT_A04, elsewhere, "20100301101000", "AA");
    tell(HL7_ADT_A08, elsewhere, "20100301101500", "AA");
    ck_assert_int_eq(person_of("CAV", "C555555"), hers); /* by his NHS number, which she has now */
    tell_two(HL7_ADT_A37, rhian, "40050001", "GWE", "20100301110000", "AA");
    ck_assert_int_eq(person_of("GWE", "40050001"), his);
    ck_assert_int_eq(person_of("NHS", "9990000018"), his);
    ck_assert_int_eq(person_of("CAV", "C555555"), his);
    tell(HL7_ADT_A08, elsewhere, "20100301111500", "AA");
    tell(HL7_ADT_A08, rhian, "20100301111600", "AA");
    ck_assert_int_eq(person_of("CAV", "C555555"), his);
    ck_assert_int_eq(person_of("GWE", "40050002"), hers);
    ck_assert_int_ne(his, hers);
}
END_TEST

START_TEST(an_nhs_number_told_during_a_mistaken_merge_goes_back_with_its_number)
{
    struct fake_patient john = {"GWE",  "40060001", NULL, "Howells",
                                "John", "19460523", NULL, false};
    struct fake_patient gwen = {"GWE",  "40060002", "9990000018", "Howells",
                                "Gwen", "19460523", NULL,         false}; /* his twin */
    struct fake_patient elsewhere = gwen;
    elsewhere.site = "CAV";
    elsewhere.number = "C666666";
    fake_init();
    fake_start();
    tell(HL7_ADT_A04, john, "20100301090000", "AA");
    int64_t his = person_of("GWE", "40060001");
    tell_two(HL7_ADT_A40, john, "40060002", "GWE", "20100301100000", "AA"); /* a mistake, before she ever came */
    tell(HL7_ADT_A04, gwen, "20100301101000", "AA");
    ck_assert_int_ne(person_of("NHS", "9990000018"), his); /* told under a number that is his for the moment */
    tell(HL7_ADT_A04, elsewhere, "20100301102000", "AA");
    tell(HL7_ADT_A08, elsewhere, "20100301102500", "AA");
    ck_assert_int_ne(person_of("CAV", "C666666"), his);
    tell_two(HL7_ADT_A37, john, "40060002", "GWE", "20100301110000", "AA");
    int64_t hers = person_of("GWE", "40060002");
    ck_assert_int_ne(hers, 0);
    ck_assert_int_ne(hers, his);
    ck_assert_int_eq(person_of("GWE", "40060001"), his);
    ck_assert_int_eq(person_of("NHS", "9990000018"), hers);
    ck_assert_int_eq(person_of("CAV", "C666666"), hers);
    tell(HL7_ADT_A08, gwen, "20100301111500", "AA");
    tell(HL7_ADT_A08, john, "20100301111600", "AA");
    ck_assert_int_eq(person_of("NHS", "9990000018"), hers);
    ck_assert_int_eq(person_of("GWE", "40060001"), his);
}
END_TEST

START_TEST(numbers_merged_with_hers_while_she_was_taken_for_another_go_back_with_them)
{
    struct fake_patient angharad = {"GWE",      "40070001", "9990000018", "Howells",
                                    "Angharad", "19550921", NULL,         false};
    struct fake_patient elin = {"GWE",  "40070002", NULL, "Howells",
                                "Elin", "19550921", NULL, false}; /* her twin */
    struct fake_patient again = elin;
    again.number = "40070003";
    fake_init();
    fake_start();
    tell(HL7_ADT_A04, angharad, "20100301090000", "AA");
    tell(HL7_ADT_A04, elin, "20100301090100", "AA");
    tell(HL7_ADT_A04, again, "20100301090200", "AA");
    struct hl7_value order = fake_order(&again, "GWE71", "CM", "b7", "20100301093000");
    fake_say(&order, "AA");
    int64_t one = person_of("GWE", "40070001"), other = person_of("GWE", "40070002");
    tell_two(HL7_ADT_A40, angharad, "40070002", "GWE", "20100301100000", "AA"); /* a mistake */
    tell_two(HL7_ADT_A40, elin, "40070003", "GWE", "20100301100100", "AA");     /* rightly so */
    tell_two(HL7_ADT_A40, angharad, "40070009", "GWE", "20100301100200", "AA"); /* another of the first */
    ck_assert_int_eq(person_of("GWE", "40070003"), one);
    tell_two(HL7_ADT_A37, angharad, "40070002", "GWE", "20100301110000", "AA");
    ck_assert_int_eq(person_of("GWE", "40070002"), other);
    ck_assert_int_eq(person_of("GWE", "40070003"), other);
    ck_assert_int_eq(fake_exam("GWE", "GWE71").person, other);
    ck_assert_int_eq(person_of("GWE", "40070001"), one);
    ck_assert_int_eq(person_of("GWE", "40070009"), one);
}
END_TEST

START_TEST(an_nhs_number_told_with_the_one_who_stays_stays)
{
    struct fake_patient john = {"GWE",  "40060001", "9990000018", "Howells",
                                "John", "19460523", NULL,         false};
    struct fake_patient gwen = {"GWE",  "40060002", NULL, "Howells",
                                "Gwen", "19460523", NULL, false};
    struct fake_patient unknown = john;
    unknown.nhs = NULL;
    fake_init();
    fake_start();
    tell(HL7_ADT_A04, unknown, "20100301090000", "AA");
    tell(HL7_ADT_A04, gwen, "20100301090100", "AA");
    int64_t his = person_of("GWE", "40060001"), hers = person_of("GWE", "40060002");
    tell_two(HL7_ADT_A40, unknown, "40060002", "GWE", "20100301100000", "AA");
    tell(HL7_ADT_A08, john, "20100301101000", "AA");
    tell_two(HL7_ADT_A37, john, "40060002", "GWE", "20100301110000", "AA");
    ck_assert_int_eq(person_of("NHS", "9990000018"), his);
    ck_assert_int_eq(person_of("GWE", "40060002"), hers);
    ck_assert_int_ne(his, hers);
}
END_TEST

/* Gwyn's number is merged into his twin's by mistake; then a doubled number of his into that. */
START_TEST(what_was_merged_into_a_number_goes_back_with_it)
{
    struct fake_patient gwyn = {"GWE",  "40050001", "9990000018", "Howells",
                                "Gwyn", "19270228", NULL,         false};
    struct fake_patient doubled = {"GWE", "40050003", NULL, "Howells", "Gwyn", "19270228", NULL, false};
    struct fake_patient rhian = {"GWE",   "40050002", "9990000026", "Howells",
                                 "Rhian", "19270228", NULL,         false};
    struct fake_patient unknown = rhian;
    unknown.nhs = NULL;
    fake_init();
    fake_start();
    tell(HL7_ADT_A04, unknown, "20100301090100", "AA");
    tell(HL7_ADT_A04, doubled, "20100301090200", "AA");
    int64_t hers = person_of("GWE", "40050002");
    tell_two(HL7_ADT_A40, unknown, "40050001", "GWE", "20100301100000", "AA"); /* a mistake; nobody had it */
    tell_two(HL7_ADT_A40, gwyn, "40050003", "GWE", "20100301100100", "AA");
    ck_assert_int_eq(person_of("GWE", "40050003"), hers);
    ck_assert_int_eq(person_of("NHS", "9990000018"), 0); /* told under a number that is hers no more */
    struct hl7_value order = fake_order(&doubled, "GWE31", "CM", "b1", "20100301103000");
    fake_say(&order, "AA");
    tell_two(HL7_ADT_A37, unknown, "40050001", "GWE", "20100301110000", "AA");
    int64_t his = person_of("GWE", "40050001");
    ck_assert_int_ne(his, hers);
    ck_assert_int_eq(person_of("GWE", "40050003"), his);
    ck_assert_int_eq(fake_exam("GWE", "GWE31").person, his);
    ck_assert(!identity_has_name(fake.engine, hers, SLICE("Howells^Gwyn"), fake.out->arena));
    ck_assert(identity_has_name(fake.engine, his, SLICE("Howells^Gwyn"), fake.out->arena));
    ck_assert_int_eq(person_of("NHS", "9990000018"), his); /* it was told under his number */
    ck_assert(slice_equal(patient_id_of(his), SLICE("9990000018")));
    tell(HL7_ADT_A08, rhian, "20100301111100", "AA");
    ck_assert_int_eq(person_of("NHS", "9990000026"), hers);
    tell_two(HL7_ADT_A37, gwyn, "40050003", "GWE", "20100301120000", "AA"); /* that one was none of his either */
    ck_assert_int_ne(person_of("GWE", "40050003"), his);
    ck_assert_int_ne(person_of("GWE", "40050003"), hers);
    ck_assert_int_ne(fake_exam("GWE", "GWE31").person, his);
    uint64_t digest = engine_digest(fake.engine);
    fake_restart();
    ck_assert(engine_digest(fake.engine) == digest);
}
END_TEST

/* A study that a client fetched while no exam told of it: found under a number, and it goes where that goes. */
START_TEST(a_study_without_an_exam_goes_with_the_number_it_is_filed_under)
{
    fake_init();
    fake_start();
    tell(HL7_ADT_A04, sian, "20100301090000", "AA");
    tell(HL7_ADT_A04, sian_again, "20100301090100", "AA");
    int64_t one = person_of("GWE", "40021111"), two = person_of("GWE", "40029999");
    fake.out->record_count = 0;
    row_put_study(fake.engine, fake.out,
                  &(struct row_study){.id = 77, .uid = SLICE("1.2.77"), .person = two, .filed_issuer = SLICE("GWE"), .filed_number = SLICE("40029999")});
    tell_two(HL7_ADT_A40, sian, "40029999", "GWE", "20100301100000", "AA");
    ck_assert_int_eq(fake_study_row(77).person, one);
    tell_two(HL7_ADT_A37, sian, "40029999", "GWE", "20100301110000", "AA");
    ck_assert_int_eq(fake_study_row(77).person, two);
}
END_TEST

/* What is told under a number that is another's for the moment, of somebody born on another day. */
START_TEST(former_names_told_under_a_retired_number_are_hers_when_it_comes_back)
{
    struct fake_patient glenys = {"GWE", "40080002", "9990000018", "Davies", "Glenys", "19690326", "Jones", false};
    struct fake_patient elsewhere = {"CAV", "C808080", "9990000018", "Jones", "Glenys", "19690326", NULL, false};
    fake_init();
    fake_start();
    tell(HL7_ADT_A04, sian, "20100301090000", "AA");
    tell_two(HL7_ADT_A40, sian, "40080002", "GWE", "20100301100000", "AA"); /* a mistake */
    tell(HL7_ADT_A04, glenys, "20100301101000", "AA");
    glenys.former_family = NULL;
    tell(HL7_ADT_A08, glenys, "20100301101500", "AA");
    tell(HL7_ADT_A04, elsewhere, "20100301102000", "AA");
    ck_assert_int_ne(person_of("CAV", "C808080"), person_of("GWE", "40080002"));
    tell_two(HL7_ADT_A37, sian, "40080002", "GWE", "20100301110000", "AA");
    ck_assert_int_eq(person_of("CAV", "C808080"), person_of("GWE", "40080002"));
    ck_assert_int_ne(person_of("GWE", "40080002"), person_of("GWE", "40021111"));
}
END_TEST

START_TEST(a_number_believed_since_the_merge_goes_back_to_its_own)
{
    struct fake_patient one = {"GWE", "40050001", NULL, "Howells", "Gwyn", "19270228", NULL, false};
    struct fake_patient two = {"GWE", "40050002", NULL, "Howells", "Rhian", "19270228", NULL, false};
    fake_init();
    fake_start();
    tell(HL7_ADT_A04, one, "20100301090000", "AA");
    two.nhs = "9990000026";
    tell(HL7_ADT_A04, two, "20100301090100", "AA");
    int64_t his = person_of("GWE", "40050001"), hers = person_of("GWE", "40050002");
    tell_two(HL7_ADT_A40, one, "40050002", "GWE", "20100301100000", "AA");
    ck_assert(slice_equal(patient_id_of(his), SLICE("9990000026")));
    tell_two(HL7_ADT_A37, one, "40050002", "GWE", "20100301110000", "AA");
    ck_assert(!slice_equal(patient_id_of(his), SLICE("9990000026")));
    ck_assert(slice_equal(patient_id_of(hers), SLICE("9990000026")));
    ck_assert_int_eq(person_of("NHS", "9990000026"), hers);
}
END_TEST

START_TEST(merges_that_cannot_be_right_are_refused)
{
    struct fake_patient owen = {"GWE",  "40030000", "9990000026", "Evans",
                                "Owen", "19610203", NULL,         false};
    struct fake_patient nameless = {"GWE", "40031000", NULL, "Jones",
                                    "Ann", "19330303", NULL, false};
    fake_init();
    two_exams();
    tell(HL7_ADT_A04, owen, "20100301090000", "AA");
    tell(HL7_ADT_A04, nameless, "20100301090000", "AA");
    tell_two(HL7_ADT_A40, sian, "40021111", "GWE", "20100301100000", "AR"); /* with itself */
    tell_two(HL7_ADT_A40, sian, "C1", "CAV", "20100301100000", "AR"); /* of another organisation */
    tell_two(HL7_ADT_A40, sian, "40030000", "GWE", "20100301100000",
             "AR"); /* two verified NHS numbers */
    tell_two(HL7_ADT_A40, sian, "40031000", "GWE", "20100301100000", "AR"); /* nothing agrees */
    ck_assert_int_ne(person_of("GWE", "40030000"), person_of("GWE", "40021111"));
    ck_assert_int_ne(person_of("GWE", "40031000"), person_of("GWE", "40021111"));
}
END_TEST

START_TEST(merging_in_a_circle_leaves_one_person)
{
    struct fake_patient back = sian_again;
    fake_init();
    two_exams();
    tell_two(HL7_ADT_A40, sian, "40029999", "GWE", "20100301100000", "AA");
    tell_two(HL7_ADT_A40, back, "40021111", "GWE", "20100301100100", "AA");
    ck_assert_int_eq(person_of("GWE", "40021111"), person_of("GWE", "40029999"));
    ck_assert_int_ne(person_of("GWE", "40021111"), 0);
}
END_TEST

START_TEST(an_unknown_number_merged_away_names_the_survivor)
{
    fake_init();
    fake_start();
    tell_two(HL7_ADT_A40, sian, "40077777", "GWE", "20100301100000", "AA");
    ck_assert_int_ne(person_of("GWE", "40077777"), 0);
    ck_assert_int_eq(person_of("GWE", "40077777"), person_of("GWE", "40021111"));
}
END_TEST

START_TEST(a_message_without_a_known_number_is_refused)
{
    struct fake_patient stranger = at_gwent;
    stranger.site = "ZZZ";
    fake_init();
    fake_start();
    tell(HL7_ADT_A04, stranger, "20100301090000", "AR");
    ck_assert_uint_eq(row_count(fake.engine, TABLE_person), 0);
}
END_TEST

/* Every order in which four first messages of one patient can come ends in one person. */
static void permute(int *order, int count, int at, void (*act)(const int *))
{
    if (at == count) {
        act(order);
        return;
    }
    for (int i = at; i < count; i++) {
        int swap = order[at];
        order[at] = order[i];
        order[i] = swap;
        permute(order, count, at + 1, act);
        order[i] = order[at];
        order[at] = swap;
    }
}

static void arrive(const int *order)
{
    struct fake_patient former = at_gwent;
    former.former_family = "Llywelyn";
    struct fake_patient all[4] = {at_gwent, at_cardiff, at_swansea, former};
    fake_start();
    for (int i = 0; i < 4; i++) {
        tell(HL7_ADT_A08, all[order[i]], "20100301090000", "AA");
    }
    ck_assert_int_ne(person_of("GWE", "40018586"), 0);
    ck_assert_int_eq(person_of("GWE", "40018586"), person_of("CAV", "C624723"));
    ck_assert_int_eq(person_of("GWE", "40018586"), person_of("SWA", "S0077123"));
    fake.record_count = 0;
    fake.inbound = 0;
}

START_TEST(four_first_messages_in_every_order_make_one_person)
{
    int order[4] = {0, 1, 2, 3};
    fake_init();
    permute(order, 4, 0, arrive);
}
END_TEST

UNIT_MAIN(nhs_numbers_have_ten_digits_and_a_right_check_digit,
          two_local_numbers_are_one_person_by_number_birth_date_and_name,
          accents_and_case_do_not_part_a_name, no_link_without_each_of_the_three,
          a_person_without_a_verified_number_has_one_of_our_own,
          a_maiden_name_told_later_links_what_was_held_for_review,
          local_numbers_never_cross_an_organisation,
          a_merge_moves_exams_and_studies_and_an_unlink_moves_them_back,
          numbers_and_names_of_any_letters_go_back, a_number_that_nobody_had_is_merged_and_given_back,
          what_was_linked_by_a_number_goes_back_with_it,
          an_nhs_number_told_during_a_mistaken_merge_goes_back_with_its_number,
          an_nhs_number_told_with_the_one_who_stays_stays,
          numbers_merged_with_hers_while_she_was_taken_for_another_go_back_with_them,
          what_was_merged_into_a_number_goes_back_with_it,
          a_study_without_an_exam_goes_with_the_number_it_is_filed_under,
          former_names_told_under_a_retired_number_are_hers_when_it_comes_back,
          a_number_believed_since_the_merge_goes_back_to_its_own,
          merges_that_cannot_be_right_are_refused, merging_in_a_circle_leaves_one_person,
          an_unknown_number_merged_away_names_the_survivor,
          a_message_without_a_known_number_is_refused,
          four_first_messages_in_every_order_make_one_person)
