/* SPDX-License-Identifier: MIT */
#include "src/scenario/bind.h"

#include <stdio.h>

/* Every twelfth of a crowd is a Jones: a little more than the 8 % that the Valleys have at least. */
#define JONES_EVERY 12
#define FIRST_NHS_PREFIX 999000100 /* nine digits; those below are left to people with names */

static const char *const families[] = {
#define FAMILY(name) name,
#include "src/scenario/crowd.def"
};
static const char *const women[] = {
#define WOMAN(name) name,
#include "src/scenario/crowd.def"
};
static const char *const men[] = {
#define MAN(name) name,
#include "src/scenario/crowd.def"
};
static const struct procedure {
    const char *modality, *region, *code, *text, *laterality;
    uint32_t images_least, images_more, weight;
    bool women;
} procedures[] = {
#define PROCEDURE(modality, region, code, text, laterality, least, more, weight, women) {modality, region, code, text, laterality, least, more, weight, women},
#include "src/scenario/crowd.def"
};
#define COUNT_OF(list) (sizeof(list) / sizeof(list)[0])

static uint64_t draw(const struct binder *binder, uint32_t purpose, slice id, uint64_t index, uint64_t bound)
{
    return random_below(random_draw(binder->scenario->seed, purpose, hash64(0, id), index), bound);
}

/* The check digit of nine; 10 when the number is not issued. */
static int64_t check_digit(int64_t prefix)
{
    int64_t sum = 0;
    for (int weight = 2; weight <= 10; weight++, prefix /= 10) {
        sum += prefix % 10 * weight;
    }
    return (11 - sum % 11) % 11;
}

static slice next_nhs_number(struct binder *binder)
{
    for (binder->next_nhs = binder->next_nhs == 0 ? FIRST_NHS_PREFIX : binder->next_nhs + 1;; binder->next_nhs++) {
        int64_t digit = check_digit(binder->next_nhs);
        char key[32];
        uint32_t other = 0;
        snprintf(key, sizeof key, "NHS/%lld%lld", (long long)binder->next_nhs, (long long)digit);
        if (digit != 10 && !map_find(&binder->numbers, slice_from(key), &other)) {
            return bind_copy(binder, slice_from(key + 4));
        }
    }
}

slice crowd_number(struct binder *binder, uint32_t site)
{
    const struct site *home = &binder->scenario->sites[site];
    for (;;) {
        uint64_t step = random_draw(binder->scenario->seed, PURPOSE('l', 'o', 'c', 'l'), site, (uint64_t)binder->next_local[site]);
        binder->next_local[site] += 1 + (int64_t)random_below(step, 97);
        char key[64];
        /* No two trusts number alike: a letter and six digits, eight digits, a letter and eight digits. */
        size_t issuer = home->issuer.size < 20 ? home->issuer.size : 20;
        int skip = snprintf(key, sizeof key, "%.*s/", (int)issuer, home->issuer.data);
        if (site % 3 == 1) {
            snprintf(key + skip, sizeof key - (size_t)skip, "4%07lld", (long long)(100000 + binder->next_local[site]));
        } else {
            snprintf(key + skip, sizeof key - (size_t)skip, site % 3 == 0 ? "%c%06lld" : "%c%08lld", home->issuer.size > 0 ? home->issuer.data[0] : 'X',
                     (long long)(200000 + binder->next_local[site]));
        }
        uint32_t other = 0;
        slice made = bind_copy(binder, slice_from(key));
        if (binder->err != ERR_OK || (!map_find(&binder->numbers, made, &other) && map_put(&binder->numbers, made, NONE) == ERR_OK)) {
            return slice_after(made, (size_t)skip);
        }
    }
}

void crowd_person(struct binder *binder, struct person *person, size_t nth)
{
    bool woman = draw(binder, PURPOSE('s', 'e', 'x', ' '), person->id, 0, 100) < 54;
    size_t given = draw(binder, PURPOSE('g', 'i', 'v', 'n'), person->id, 0, woman ? COUNT_OF(women) : COUNT_OF(men));
    size_t family = draw(binder, PURPOSE('f', 'a', 'm', 'y'), person->id, 0, COUNT_OF(families));
    person->family = nth % JONES_EVERY == 0 ? SLICE("Jones") : slice_from(families[family]);
    person->given = slice_from(woman ? women[given] : men[given]);
    person->sex = woman ? SLICE("F") : SLICE("M");
    /* 20 to 90 years old, in days. */
    time_ns age = (7300 + (time_ns)draw(binder, PURPOSE('b', 'o', 'r', 'n'), person->id, 0, 25550)) * TIME_DAY;
    char date[9] = "";
    struct buffer buffer = buffer_over(date, 8);
    time_put_da(&buffer, binder->scenario->start - age);
    person->birth_date = bind_text(binder, &buffer);
    person->nhs = next_nhs_number(binder);
}

static const struct procedure *choose_procedure(const struct binder *binder, slice id, bool woman)
{
    uint64_t all = 0;
    for (size_t i = 0; i < COUNT_OF(procedures); i++) {
        all += !procedures[i].women || woman ? procedures[i].weight : 0;
    }
    uint64_t at = draw(binder, PURPOSE('p', 'r', 'o', 'c'), id, 0, all);
    for (size_t i = 0;; i++) {
        uint64_t weight = !procedures[i].women || woman ? procedures[i].weight : 0;
        if (at < weight) {
            return &procedures[i];
        }
        at -= weight;
    }
}

void crowd_study(struct binder *binder, struct scenario_study *study, const struct person *person, size_t nth)
{
    char id[80];
    snprintf(id, sizeof id, "%.*s-study-%zu", SLICE_ARGS(person->id), nth + 1);
    study->id = bind_copy(binder, slice_from(id));
    const struct procedure *procedure = choose_procedure(binder, study->id, slice_equal(person->sex, SLICE("F")));
    study->modality = slice_from(procedure->modality);
    study->region = slice_from(procedure->region);
    study->procedure = slice_from(procedure->code);
    study->text = slice_from(procedure->text);
    study->laterality = slice_from(procedure->laterality);
    study->image_count = procedure->images_least + (uint32_t)draw(binder, PURPOSE('i', 'm', 'g', 's'), study->id, 0, procedure->images_more + 1);
    study->series_count = 1;
    /* One day to two years before the scenario begins. */
    time_ns age = (1 + (time_ns)draw(binder, PURPOSE('d', 'a', 'y', 's'), study->id, 0, 730)) * TIME_DAY;
    char date[9] = "";
    struct buffer buffer = buffer_over(date, 8);
    time_put_da(&buffer, binder->scenario->start - age);
    study->date = bind_text(binder, &buffer);
}
