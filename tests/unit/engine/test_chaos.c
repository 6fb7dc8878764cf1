/* SPDX-License-Identifier: MIT
 *
 * Chaos: hundreds of random messages, faults and restarts; then everything is healed and must come
 * right. */
#include "src/base/random.h"
#include "tests/unit/engine/fake.h"

#define PATIENTS 12
#define EXAMS    40
#define MESSAGES 240

static uint64_t seed, draws;
static uint64_t draw(uint64_t bound)
{
    return random_below(random_draw(seed, PURPOSE('c', 'h', 'a', 'o'), 0, draws++), bound);
}

static char numbers[PATIENTS][3][24], nhs[PATIENTS][24], names[PATIENTS][24], births[PATIENTS][24];
static char uids[EXAMS][24], accessions[EXAMS][24], controls[MESSAGES][24], stamps[MESSAGES][48];
static struct {
    int patient, site;
    bool told;
} exams[EXAMS];
static const char *const sites[3] = {"CAV", "GWE", "SWA"};

static void make_people(void)
{
    for (int p = 0; p < PATIENTS; p++) {
        snprintf(names[p], sizeof names[p], "Name%d", p / 2); /* pairs of namesakes */
        snprintf(births[p], sizeof births[p], "19%02d0101", 40 + p / 2);
        snprintf(nhs[p], sizeof nhs[p], "99900%04d", p * 7 + 3);
        unsigned sum = 0;
        for (unsigned i = 0; i < 9; i++) {
            sum += (10 - i) * (unsigned)(nhs[p][i] - '0');
        }
        unsigned check = (11 - sum % 11) % 11;
        snprintf(nhs[p] + 9, 12, "%u", check == 10 ? 0 : check);
        for (int s = 0; s < 3; s++) {
            snprintf(numbers[p][s], sizeof numbers[p][s], "%d%03d", s + 1, p);
        }
    }
    for (int e = 0; e < EXAMS; e++) {
        exams[e].patient = (int)draw(PATIENTS);
        exams[e].site = (int)draw(3);
        exams[e].told = false;
        snprintf(uids[e], sizeof uids[e], "1.2.9.%d", e);
        snprintf(accessions[e], sizeof accessions[e], "%s%d", sites[exams[e].site], 5000 + e);
    }
}

static struct fake_patient patient_at(int p, int s)
{
    return (struct fake_patient){sites[s], numbers[p][s], draw(4) == 0 ? NULL : nhs[p],
                                 names[p], "Ann",         births[p],
                                 NULL,     draw(5) == 0};
}

static void say_something(int i)
{
    int e = (int)draw(EXAMS), p = draw(2) == 0 ? exams[e].patient : (int)draw(PATIENTS),
        s = (int)draw(3);
    snprintf(controls[i], sizeof controls[i], "x%d", i);
    snprintf(stamps[i], sizeof stamps[i], "201003010%d%02d%02d", 1 + (int)draw(8), (int)draw(60),
             (int)draw(60));
    struct fake_patient patient = patient_at(p, s),
                        owner = patient_at(exams[e].patient, exams[e].site);
    static const char *const statuses[] = {"SC", "IP", "CM", "CM", "CM"};
    struct hl7_value value;
    switch (draw(8)) {
    case 0:
        value = fake_message(HL7_ADT_A04, &patient, controls[i], stamps[i]);
        break;
    case 1:
        value = fake_message(HL7_ADT_A08, &patient, controls[i], stamps[i]);
        break;
    case 2:
        value = fake_message(draw(2) == 0 ? HL7_ADT_A40 : HL7_ADT_A37, &patient, controls[i],
                             stamps[i]);
        value.prior_ids[value.prior_id_count++] = (struct hl7_id){
            slice_from(numbers[draw(PATIENTS)][s]), slice_from(sites[s]), SLICE("PI")};
        break;
    default:
        value = fake_order(&owner, accessions[e], statuses[draw(5)], controls[i], stamps[i]);
        break;
    }
    fake_say_only(&value);
    if (draw(6) == 0) {
        fake_say_only(&value); /* sent twice */
    }
}

static void make_trouble(void)
{
    uint32_t node = (uint32_t)draw(3);
    switch (draw(6)) {
    case 0:
        fake.down[node] = !fake.down[node];
        break;
    case 1:
        fake.hangs[node] = !fake.hangs[node];
        break;
    case 2:
        fake.limit[node] = 1 + (uint32_t)draw(3);
        break;
    case 3:
        fake_settle();
        break;
    case 4:
        fake_run((time_ns)draw(8000) * TIME_MS);
        break;
    default: {
        uint64_t digest = fake_restart(); /* whatever was under way is lost */
        ck_assert(engine_digest(fake.engine) == digest);
        fake.inbound = 0;
        fake_clock();
        break;
    }
    }
}

/* Every row names what exists. */
static void check_rows(void)
{
    struct row_person person;
    for (uint32_t row = 0; row < row_bound(fake.engine, TABLE_identifier); row++) {
        if (row_used(fake.engine, TABLE_identifier, row)) {
            struct row_identifier identifier = row_get_identifier(fake.engine, row);
            ck_assert(identity_row(fake.engine, identifier.person, &person));
            ck_assert_int_ne(identity_survivor(fake.engine, identifier.person), 0);
            if (organisation_by_issuer(fake.engine, identifier.issuer) != NULL) {
                ck_assert_int_eq(person.status, PERSON_ACTIVE);
            }
        }
    }
    for (uint32_t row = 0; row < row_bound(fake.engine, TABLE_study); row++) {
        if (row_used(fake.engine, TABLE_study, row)) {
            ck_assert(identity_row(fake.engine, row_get_study(fake.engine, row).person, &person));
            ck_assert_int_eq(person.status, PERSON_ACTIVE);
        }
    }
}

static void check_exams(void)
{
    for (uint32_t row = 0; row < row_bound(fake.engine, TABLE_exam); row++) {
        if (!row_used(fake.engine, TABLE_exam, row)) {
            continue;
        }
        struct row_exam exam = row_get_exam(fake.engine, row);
        bool waits = exam.state == EXAM_COMPLETED || exam.state == EXAM_REPORTED;
        ck_assert_msg(!waits || exam.study != 0, "seed %d: %.*s is not published: %.*s", (int)seed,
                      SLICE_ARGS(exam.accession), SLICE_ARGS(exam.why));
        if (exam.study != 0) {
            ck_assert_int_eq(fake_study_row(exam.study).person, exam.person);
        }
    }
}

START_TEST(after_any_trouble_all_rows_hold_together_and_every_exam_is_published)
{
    seed = (uint64_t)_i + 1;
    draws = 0;
    fake_init();
    make_people();
    for (int e = 0; e < EXAMS; e++) {
        struct fake_patient owner = {sites[exams[e].site],
                                     numbers[exams[e].patient][exams[e].site],
                                     NULL,
                                     names[exams[e].patient],
                                     "Ann",
                                     births[exams[e].patient],
                                     NULL,
                                     false};
        fake_holds((uint32_t)exams[e].site, uids[e], accessions[e], &owner, 1, 2);
    }
    fake_start();
    for (int i = 0; i < MESSAGES; i++) {
        say_something(i);
        if (draw(3) == 0) {
            make_trouble();
        }
        if (draw(2) == 0) {
            fake_settle();
        }
        check_rows();
    }
    for (int n = 0; n < 3; n++) {
        fake.down[n] = fake.hangs[n] = false;
        fake.limit[n] = 4;
    }
    fake_settle();
    fake_run(40 * TIME_MIN);
    check_rows();
    check_exams();
    uint64_t digest = fake_restart();
    ck_assert(engine_digest(fake.engine) == digest);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unit");
    TCase *cases = tcase_create("cases");
    tcase_add_loop_test(cases, after_any_trouble_all_rows_hold_together_and_every_exam_is_published,
                        0, 10);
    tcase_set_timeout(cases, 120);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
