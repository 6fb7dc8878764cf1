/* SPDX-License-Identifier: MIT
 *
 * Person: who the patients are, each a pure function of a number. Persons stand in blocks: those that one domain knows,
 * then those that two know, sized by the exams of each, so that "who is known in both" needs no table of persons. Each
 * has a rank, even over all: those below the ramp take part. */
#ifndef PONT_LOAD_PERSON_H
#define PONT_LOAD_PERSON_H

#include "sim/load/population.h"

#define PERSONS_MAX 4900000 /* local numbers have seven digits and room for a second one */
#define BLOCKS_MAX (LOAD_DOMAINS_MAX + LOAD_DOMAINS_MAX * (LOAD_DOMAINS_MAX - 1) / 2)

struct people_block {
    uint64_t first, count;
    uint32_t home, other; /* domains; other is NONE_OF for those that one knows */
};

struct people {
    const struct population *population;
    uint64_t seed, count;
    uint64_t multiplier, inverse, shift; /* person = (multiplier * rank + shift) mod count */
    uint32_t block_count;
    struct people_block blocks[BLOCKS_MAX];
    uint32_t single[LOAD_DOMAINS_MAX], pair[LOAD_DOMAINS_MAX][LOAD_DOMAINS_MAX];
    double affinity[LOAD_DOMAINS_MAX][LOAD_DOMAINS_MAX]; /* rising sums, the last is 1 */
    int64_t at_two_micro[LOAD_DOMAINS_MAX];
};

/* exams: of each domain a year, by people who take part; what sizes the blocks. */
void people_init(struct people *people, const struct population *population, uint64_t seed, const double *exams);
/* Somebody the domain knows; the same for the same key. `shared`: 1 somebody known elsewhere too, 0 somebody who is not,
 * -1 as they come. */
uint64_t people_draw(const struct people *people, uint32_t domain, uint64_t key, int shared);
const struct people_block *people_block(const struct people *people, uint64_t person);
/* In millionths of all: takes part when below the ramp. */
int64_t people_rank_micro(const struct people *people, uint64_t person);
uint64_t people_of_rank(const struct people *people, uint64_t rank);

/* ---- One person, as a domain knows her. */
struct person_facts {
    slice family, given, previous_family; /* previous: empty unless she changed it and this domain knows both */
    char nhs[10];
    char birth_date[8];
    bool woman, has_nhs, nhs_verified;
};
void person_get(const struct people *people, uint64_t person, uint32_t domain, struct person_facts *facts);
bool person_is_woman(const struct people *people, uint64_t person);
/* Has her home domain a second number of hers? */
bool person_has_second(const struct people *people, uint64_t person);
/* Her local number; `second`: the other one. Up to 12 characters; returns how many. */
#define PERSON_NUMBER_SIZE 12
size_t person_number(const struct people *people, uint64_t person, uint32_t domain, bool second, char *text);
/* The NHS number with this place among those given out: nine digits from 999 001 000 up, then 998, ... and a check digit. */
void person_nhs_number(uint64_t place, char text[10]);

#endif
