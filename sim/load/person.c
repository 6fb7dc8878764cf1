/* SPDX-License-Identifier: MIT */
#include "sim/load/person.h"

#include <assert.h>

#include "src/base/hash.h"
#include "src/base/random.h"
#include "src/base/real.h"

#define COUNT_OF(list) (sizeof(list) / sizeof(list)[0])
#define JONES_MICRO 80000
#define WOMEN_MICRO 540000
#define AGE_MEAN 60.0
#define AGE_DEVIATION 17.0
#define DAYS_A_YEAR 365.2425
/* Decades of nine digits below this one are left to persons that scenarios name. */
#define FIRST_DECADE 1000u
#define DECADES_OF_BLOCK 100000u
#define LOCAL_PRIME 9999991u
#define LOCAL_SECOND 5000000u

static const struct family {
    const char *name;
    uint32_t weight;
} families[] = {
#define FAMILY(name, weight) {name, weight},
#include "sim/load/names.def"
};
enum {
    FAMILY_WEIGHTS = 0
#define FAMILY(name, weight) +weight
#include "sim/load/names.def"
};
static const char *const women[] = {
#define WOMAN(name) name,
#include "sim/load/names.def"
};
static const char *const men[] = {
#define MAN(name) name,
#include "sim/load/names.def"
};
static const char *const accent_families[] = {
#define ACCENT_FAMILY(name) name,
#include "sim/load/names.def"
};
static const char *const accent_women[] = {
#define ACCENT_WOMAN(name) name,
#include "sim/load/names.def"
};
static const char *const accent_men[] = {
#define ACCENT_MAN(name) name,
#include "sim/load/names.def"
};
static const char *const hard_families[] = {
#define HARD_FAMILY(name) name,
#include "sim/load/names.def"
};
static const char *const hard_women[] = {
#define HARD_WOMAN(name) name,
#include "sim/load/names.def"
};
static const char *const hard_men[] = {
#define HARD_MAN(name) name,
#include "sim/load/names.def"
};

static uint64_t below(const struct people *people, uint32_t purpose, uint64_t person, uint64_t index, uint64_t bound)
{
    return random_below(random_draw(people->seed, purpose, person, index), bound);
}

static bool happens(const struct people *people, uint32_t purpose, uint64_t person, uint64_t index, int64_t micro)
{
    return (int64_t)below(people, purpose, person, index, MICRO) < micro;
}

/* ---- Blocks. */

static void fill_affinity(struct people *people, uint32_t domain, const double *exams)
{
    const struct population_patients *patients = &people->population->patients;
    double weights[LOAD_DOMAINS_MAX] = {0}, sum = 0;
    size_t count = people->population->domain_count;
    for (size_t i = 0; i < patients->affinity_count; i++) {
        const struct population_affinity *row = &patients->affinity[i];
        if (row->domain == domain && row->other != domain) {
            weights[row->other] = weights[row->other] + (double)row->weight_micro;
            sum = sum + (double)row->weight_micro;
        }
    }
    for (size_t other = 0; sum <= 0 && other < count; other++) {
        weights[other] = other == domain ? 0 : exams[other];
    }
    double all = 0, so_far = 0;
    for (size_t other = 0; other < count; other++) {
        all = all + weights[other];
    }
    for (size_t other = 0; other < count; other++) {
        so_far = so_far + weights[other];
        people->affinity[domain][other] = all > 0 ? so_far / all : 1;
    }
}

static double affinity_to(const struct people *people, uint32_t domain, uint32_t other)
{
    return people->affinity[domain][other] - (other == 0 ? 0 : people->affinity[domain][other - 1]);
}

static double shared(const struct people *people, uint32_t domain)
{
    return (double)people->at_two_micro[domain] / MICRO;
}

static uint32_t add_block(struct people *people, uint32_t home, uint32_t other, double part, double all)
{
    struct people_block *block = &people->blocks[people->block_count];
    uint64_t wanted = part > 0 && all > 0 ? (uint64_t)real_round((double)people->population->patients.count * part / all) : 0;
    uint64_t first = people->block_count == 0 ? 0 : block[-1].first + block[-1].count;
    *block = (struct people_block){first, part > 0 && wanted == 0 ? 1 : wanted, home, other};
    return people->block_count++;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static uint64_t times(uint64_t a, uint64_t b, uint64_t modulus)
{
    return (uint64_t)((unsigned __int128)a * b % modulus);
}

/* a^-1 mod n by Euclid; a and n share no factor. */
static uint64_t inverse_of(uint64_t a, uint64_t n)
{
    int64_t t = 0, next_t = 1;
    uint64_t r = n, next_r = a % n;
    while (next_r != 0) {
        uint64_t quotient = r / next_r, rest = r - quotient * next_r;
        int64_t next = t - (int64_t)quotient * next_t;
        r = next_r;
        next_r = rest;
        t = next_t;
        next_t = next;
    }
    return t < 0 ? (uint64_t)(t + (int64_t)n) : (uint64_t)t;
}

/* A step near the golden section spreads neighbours over all ranks. */
static void fill_ranks(struct people *people)
{
    uint64_t n = people->count, a = n * 618034 / 1000000 + 1 + random_below(random_draw(people->seed, PURPOSE('r', 'a', 'n', 'k'), 0, 0), n / 97 + 1);
    while (gcd(a % n == 0 ? n : a % n, n) != 1 && n > 1) {
        a++;
    }
    people->multiplier = n > 1 ? a % n : 0;
    people->inverse = n > 1 ? inverse_of(people->multiplier, n) : 0;
    people->shift = random_below(random_draw(people->seed, PURPOSE('r', 'a', 'n', 'k'), 0, 1), n);
}

void people_init(struct people *people, const struct population *population, uint64_t seed, const double *exams)
{
    uint32_t count = (uint32_t)population->domain_count;
    double all = 0;
    people->population = population;
    people->seed = seed;
    people->block_count = 0;
    for (uint32_t d = 0; d < count; d++) {
        const int64_t *by = population->patients.at_two_by_micro;
        people->at_two_micro[d] = count < 2 ? 0 : by != NULL ? by[d] : population->patients.at_two_micro;
        fill_affinity(people, d, exams);
        all = all + exams[d];
    }
    for (uint32_t d = 0; d < count; d++) {
        people->single[d] = add_block(people, d, NONE_OF, exams[d] * (1 - shared(people, d)), all);
    }
    for (uint32_t a = 0; a < count; a++) {
        for (uint32_t b = a + 1; b < count; b++) {
            double part = exams[a] * shared(people, a) * affinity_to(people, a, b) + exams[b] * shared(people, b) * affinity_to(people, b, a);
            bool first = exams[a] >= exams[b];
            people->pair[a][b] = people->pair[b][a] = add_block(people, first ? a : b, first ? b : a, part, all);
        }
    }
    const struct people_block *last = &people->blocks[people->block_count - 1];
    people->count = last->first + last->count > 0 ? last->first + last->count : 1;
    fill_ranks(people);
}

uint64_t people_draw(const struct people *people, uint32_t domain, uint64_t key, int known_elsewhere)
{
    uint32_t at = people->single[domain];
    bool two = known_elsewhere < 0 ? happens(people, PURPOSE('t', 'w', 'o', ' '), key, 0, people->at_two_micro[domain]) : known_elsewhere > 0;
    if (two && people->at_two_micro[domain] > 0) {
        double u = real_unit(random_draw(people->seed, PURPOSE('t', 'w', 'o', ' '), key, 1));
        uint32_t other = 0;
        while (other + 1 < people->population->domain_count && u > people->affinity[domain][other]) {
            other++;
        }
        at = other == domain ? at : people->pair[domain][other];
    }
    const struct people_block *block = &people->blocks[at];
    uint64_t nth = below(people, PURPOSE('w', 'h', 'o', ' '), key, 0, block->count > 0 ? block->count : 1);
    uint64_t person = block->first + nth;
    return person < people->count ? person : people->count - 1;
}

const struct people_block *people_block(const struct people *people, uint64_t person)
{
    uint32_t low = 0, high = people->block_count;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (people->blocks[middle].first <= person) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &people->blocks[low];
}

static uint64_t rank_of(const struct people *people, uint64_t person)
{
    return times(people->inverse, (person + people->count - people->shift) % people->count, people->count);
}

int64_t people_rank_micro(const struct people *people, uint64_t person)
{
    return (int64_t)(rank_of(people, person) * MICRO / people->count);
}

uint64_t people_of_rank(const struct people *people, uint64_t rank)
{
    return (times(people->multiplier, rank, people->count) + people->shift) % people->count;
}

/* ---- Numbers. */

/* Sum of the weights 10..2 over nine digits, modulo 11: the check digit is 11 less it; where that is 10 the number is
 * not given out. */
static unsigned weighted(uint64_t prefix)
{
    unsigned sum = 0;
    for (unsigned weight = 2; weight <= 10; weight++, prefix /= 10) {
        sum += (unsigned)(prefix % 10) * weight;
    }
    return sum % 11;
}

/* Of the ten numbers of a decade at most one has no check digit (its last weight, 2, has an inverse modulo 11), so each
 * decade gives nine at once, without a table. */
void person_nhs_number(uint64_t place, char text[10])
{
    uint64_t decade = place / 9 + FIRST_DECADE, block = 999 - decade / DECADES_OF_BLOCK;
    uint64_t tens = block * 1000000 + decade % DECADES_OF_BLOCK * 10;
    unsigned without = (12 - weighted(tens)) * 6 % 11; /* last digit that has no check digit; 10: each has one */
    unsigned last = (unsigned)(place % 9);
    last += without <= last;
    uint64_t prefix = tens + last;
    unsigned check = (11 - weighted(prefix)) % 11;
    assert(check < 10);
    text[9] = (char)('0' + check);
    for (int i = 8; i >= 0; i--, prefix /= 10) {
        text[i] = (char)('0' + prefix % 10);
    }
}

/* No two domains number alike: a letter and seven digits, eight digits, a letter and eight digits. */
size_t person_number(const struct people *people, uint64_t person, uint32_t domain, bool second, char *text)
{
    slice issuer = people->population->domains[domain].issuer;
    uint64_t step = 3000017 + hash64(0, issuer) % 1000003;
    uint64_t number = times(person + (second ? LOCAL_SECOND : 0) + 1, step, LOCAL_PRIME);
    unsigned form = domain % 3, digits = form == 2 ? 8 : 7;
    text[0] = form == 1 ? '4' : issuer.size > 0 ? issuer.data[0] : 'X';
    for (unsigned i = digits; i > 0; i--, number /= 10) {
        text[i] = (char)('0' + number % 10);
    }
    return digits + 1;
}

/* ---- Names. */

static bool is_twin(const struct people *people, uint64_t person)
{
    return person % 2 == 1 && person > people_block(people, person)->first &&
           happens(people, PURPOSE('t', 'w', 'i', 'n'), person, 0, people->population->patients.twins_micro * 2);
}

bool person_is_woman(const struct people *people, uint64_t person)
{
    return happens(people, PURPOSE('s', 'e', 'x', ' '), person, 0, WOMEN_MICRO);
}

static slice plain_family(const struct people *people, uint64_t of, uint64_t index)
{
    if (happens(people, PURPOSE('j', 'o', 'n', 's'), of, index, JONES_MICRO)) {
        return SLICE("Jones");
    }
    uint64_t at = below(people, PURPOSE('f', 'a', 'm', 'y'), of, index, FAMILY_WEIGHTS);
    size_t i = 0;
    for (; at >= families[i].weight; i++) {
        at -= families[i].weight;
    }
    return slice_from(families[i].name);
}

#define PICK(people, purpose, of, list) slice_from((list)[below(people, purpose, of, 2, COUNT_OF(list))])

enum letters { LETTERS_PLAIN, LETTERS_ACCENT, LETTERS_HARD };

static enum letters letters_of(const struct people *people, uint64_t person, uint64_t index)
{
    const struct population_patients *patients = &people->population->patients;
    int64_t at = (int64_t)below(people, PURPOSE('l', 'e', 't', 'r'), person, index, MICRO);
    /* Half of them in the family name, half in the given one. */
    return at < patients->hard_letters_micro / 2                               ? LETTERS_HARD
           : at < (patients->hard_letters_micro + patients->accents_micro) / 2 ? LETTERS_ACCENT
                                                                               : LETTERS_PLAIN;
}

static slice family_of(const struct people *people, uint64_t of)
{
    switch (letters_of(people, of, 0)) {
    case LETTERS_HARD:
        return PICK(people, PURPOSE('f', 'a', 'm', 'h'), of, hard_families);
    case LETTERS_ACCENT:
        return PICK(people, PURPOSE('f', 'a', 'm', 'a'), of, accent_families);
    default:
        return plain_family(people, of, 0);
    }
}

static slice given_of(const struct people *people, uint64_t person, bool woman)
{
    switch (letters_of(people, person, 1)) {
    case LETTERS_HARD:
        return woman ? PICK(people, PURPOSE('g', 'i', 'v', 'h'), person, hard_women) : PICK(people, PURPOSE('g', 'i', 'v', 'h'), person, hard_men);
    case LETTERS_ACCENT:
        return woman ? PICK(people, PURPOSE('g', 'i', 'v', 'a'), person, accent_women) : PICK(people, PURPOSE('g', 'i', 'v', 'a'), person, accent_men);
    default:
        return woman ? PICK(people, PURPOSE('g', 'i', 'v', 'n'), person, women) : PICK(people, PURPOSE('g', 'i', 'v', 'n'), person, men);
    }
}

/* Born so many days before 2010: everybody is a patient at the same age in every scenario. */
static void put_birth_date(const struct people *people, uint64_t person, char text[8])
{
    double age = AGE_MEAN + AGE_DEVIATION * real_normal(real_unit(random_draw(people->seed, PURPOSE('b', 'o', 'r', 'n'), person, 0)));
    age = age < 0.1 ? 0.1 : age > 101 ? 101 : age;
    time_ns at = time_from_calendar((struct calendar){.year = 2009, .month = 12, .day = 31}) - real_round(age * DAYS_A_YEAR) * TIME_DAY;
    struct buffer buffer = buffer_over(text, 8);
    time_put_da(&buffer, at);
}

static void put_nhs(const struct people *people, uint64_t person, uint32_t domain, const struct people_block *block, struct person_facts *facts)
{
    const struct population_patients *patients = &people->population->patients;
    int64_t at = (int64_t)below(people, PURPOSE('n', 'h', 's', ' '), person, 0, MICRO);
    bool missing = at < patients->nhs_missing_micro, wrong = !missing && at < patients->nhs_missing_micro + patients->nhs_wrong_micro;
    /* Of those that are missing half are quite unknown, half were never traced. */
    facts->has_nhs = !missing || at % 2 == 0;
    facts->nhs_verified = !missing;
    person_nhs_number(person, facts->nhs);
    if (wrong && domain == (block->other != NONE_OF ? block->other : block->home)) {
        facts->nhs[9] = (char)('0' + (facts->nhs[9] - '0' + 1 + at % 9) % 10); /* a slip of the pen: the check digit is wrong */
        facts->nhs_verified = false;
    }
}

bool person_has_second(const struct people *people, uint64_t person)
{
    return happens(people, PURPOSE('s', 'c', 'n', 'd'), person, 0, people->population->patients.duplicates_micro);
}

void person_get(const struct people *people, uint64_t person, uint32_t domain, struct person_facts *facts)
{
    const struct people_block *block = people_block(people, person);
    uint64_t born_as = is_twin(people, person) ? person - 1 : person; /* whose birth day and family it is */
    facts->woman = person_is_woman(people, person);
    facts->family = family_of(people, born_as);
    facts->given = given_of(people, person, facts->woman);
    facts->previous_family = SLICE_EMPTY;
    if (born_as != person && slice_equal(facts->given, given_of(people, born_as, person_is_woman(people, born_as)))) {
        facts->given = facts->woman ? slice_from(women[person % COUNT_OF(women)]) : slice_from(men[person % COUNT_OF(men)]);
    }
    if (facts->woman && happens(people, PURPOSE('m', 'a', 'i', 'd'), person, 0, people->population->patients.maiden_micro)) {
        slice maiden = plain_family(people, person, 1);
        bool differs = !slice_equal(maiden, facts->family);
        facts->previous_family = differs && domain == block->home ? maiden : SLICE_EMPTY;
        facts->family = domain == block->home ? facts->family : maiden;
    }
    put_birth_date(people, born_as, facts->birth_date);
    put_nhs(people, person, domain, block, facts);
}
