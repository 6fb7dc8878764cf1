/* SPDX-License-Identifier: MIT
 *
 * Merge: RADIS2 finds that two numbers are one person's, or thinks so. A right merge ends a person's second number; a
 * wrong one joins two persons and is undone some days later. */
#include "src/base/hash.h"
#include "src/base/random.h"
#include "src/base/real.h"

#include "sim/load/load_private.h"

#define TRIES_MAX 4096
#define YEAR (365 * TIME_DAY)
#define UNDONE_AFTER (2 * TIME_DAY)
#define UNDONE_WITHIN (8 * TIME_DAY)
#define OFFICE_OPENS 8
#define OFFICE_HOURS 10

/* In office hours of the same local day. */
static time_ns in_office(const struct load *load, time_ns at, uint64_t key)
{
    enum zone zone = load->population->zone;
    time_ns day = zone_day(at + zone_offset(zone, at)) * TIME_DAY + OFFICE_OPENS * TIME_HOUR;
    return zone_to_utc(zone, day + (time_ns)load_below(load, PURPOSE('o', 'f', 'f', 'c'), key, 0, OFFICE_HOURS * (uint64_t)TIME_HOUR), 0, NULL);
}

static enum err wait_for(struct load *load, enum due_kind kind, int64_t rate_micro, time_ns from, uint64_t nth)
{
    if (rate_micro <= 0) {
        return ERR_OK;
    }
    double gap = -real_log(load_unit(load, PURPOSE('m', 'r', 'g', 't'), kind, nth)) * (double)YEAR * MICRO / (double)rate_micro;
    time_ns at = gap > (double)(load->end - from) ? load->end : from + real_round(gap);
    struct due due = {.at = at, .order = (uint64_t)kind << 60, .kind = kind};
    return at >= load->end ? ERR_OK : due_put(&load->heap, due) ? ERR_OK : ERR_LIMIT;
}

/* A slot that waits for its moment: told from there, so that rows stay in order. */
static enum err put_later(struct load *load, uint64_t key, uint64_t person, uint64_t other, unsigned what, time_ns at)
{
    uint32_t index = 0;
    struct exam *slot = exam_take(load, &index);
    if (slot == NULL) {
        return ERR_LIMIT;
    }
    slot->key = key;
    slot->person = (uint32_t)person;
    slot->accession = (uint32_t)other;
    slot->flags = EXAM_CANCELLED; /* no exam: nothing is looked up by its site */
    struct draft draft = {.count = 0};
    draft_put(&draft, at, what, 0);
    return exam_seal(load, index, &draft);
}

static bool may_merge(const struct load *load, uint64_t person, uint32_t domain, time_ns at)
{
    return person_has_second(&load->people, person) && !bit_get(load->merged, person) && load_enrolled(load, person, at) &&
           (domain == NONE_OF || people_block(&load->people, person)->home == domain);
}

/* Somebody with two numbers who was here lately, else anybody; false when so many tries found nobody. */
static bool choose(const struct load *load, uint64_t key, uint32_t domain, time_ns at, uint64_t *person)
{
    for (uint64_t i = 0; i < 2 * TRIES_MAX; i++) {
        *person = load_below(load, PURPOSE('m', 'r', 'g', 'p'), key, i, load->people.count);
        if ((i >= TRIES_MAX || bit_get(load->seen, *person)) && may_merge(load, *person, domain, at)) {
            return true;
        }
    }
    return false;
}

/* Who may be taken for another: of one birth day, and no two NHS numbers that were traced say otherwise. */
static bool look_alike(const struct load *load, uint64_t person, uint64_t other, uint32_t domain)
{
    struct person_facts one, two;
    person_get(&load->people, person, domain, &one);
    person_get(&load->people, other, domain, &two);
    bool known = one.has_nhs && one.nhs_verified && two.has_nhs && two.nhs_verified;
    return !known && memcmp(one.birth_date, two.birth_date, sizeof one.birth_date) == 0;
}

/* An even person and the next one, of one block: each known to the domain under a number of their own, and no pair shares
 * somebody with another. Best two who were here lately and look alike, then two who look alike, then two who were here. */
static bool choose_two(const struct load *load, uint64_t key, uint32_t domain, time_ns at, uint64_t *person, uint64_t *other)
{
    enum { ALIKE = 1, HERE = 2 };
    static const unsigned wanted[] = {ALIKE | HERE, ALIKE, HERE, 0};
    for (uint64_t i = 0; i < TRIES_MAX * sizeof wanted / sizeof wanted[0]; i++) {
        *person = load_below(load, PURPOSE('m', 'r', 'g', 'q'), key, i, load->people.count) & ~(uint64_t)1;
        *other = *person + 1;
        const struct people_block *block = people_block(&load->people, *person);
        unsigned want = wanted[i / TRIES_MAX];
        bool fits = *other < block->first + block->count && (domain == NONE_OF || block->home == domain);
        bool here = !(want & HERE) || (bit_get(load->seen, *person) && bit_get(load->seen, *other));
        if (fits && here && load_enrolled(load, *person, at) && load_enrolled(load, *other, at) &&
            (!(want & ALIKE) || look_alike(load, *person, *other, block->home))) {
            return true;
        }
    }
    return false;
}

static enum err make_merge(struct load *load, uint64_t key, uint32_t domain, time_ns at)
{
    uint64_t person = 0;
    if (!choose(load, key, domain, at, &person)) {
        return ERR_OK;
    }
    return put_later(load, key, person, NONE_OF, LOAD_MERGE, at);
}

static enum err make_mistake(struct load *load, uint64_t key, uint32_t domain, time_ns at, time_ns undone)
{
    uint64_t person = 0, other = 0;
    if (!choose_two(load, key, domain, at, &person, &other)) {
        return ERR_OK;
    }
    enum err err = put_later(load, key, person, other, LOAD_MERGE, at);
    return err == ERR_OK && undone > at ? put_later(load, key + 1, person, other, LOAD_UNMERGE, undone) : err;
}

/* When a merge of the file is undone by another row of it; else never. */
static time_ns undone_at(const struct load *load, size_t merge)
{
    for (size_t i = 0; i < load->population->merge_count; i++) {
        if (load->population->merges[i].undoes == merge) {
            return load->population->merges[i].at;
        }
    }
    return 0;
}

/* `patients` mergers at one moment; of those that another row undoes, as many as it says are mistakes. */
static enum err planned(struct load *load, size_t nth)
{
    const struct population_merge *row = &load->population->merges[nth];
    time_ns undone = undone_at(load, nth);
    int64_t mistakes = row->wrong && undone == 0 ? row->patients : 0;
    for (size_t i = 0; undone > 0 && i < load->population->merge_count; i++) {
        mistakes = load->population->merges[i].undoes == nth ? load->population->merges[i].patients : mistakes;
    }
    enum err err = ERR_OK;
    for (int64_t i = 0; i < row->patients && err == ERR_OK; i++) {
        uint64_t key = random_draw(load->seed, PURPOSE('m', 'r', 'g', 'e'), hash64(7, row->id), (uint64_t)i);
        err = i < mistakes ? make_mistake(load, key, row->domain, row->at, undone) : make_merge(load, key, row->domain, row->at);
    }
    return err;
}

enum err merge_due(struct load *load, const struct due *due, struct load_row *row, bool *made)
{
    (void)row;
    *made = false;
    if (due->kind == DUE_MERGE) {
        return planned(load, due->index);
    }
    bool right = due->kind == DUE_MERGES;
    uint64_t nth = right ? load->merges_nth++ : load->unmerges_nth++;
    uint64_t key = random_draw(load->seed, PURPOSE('m', 'r', 'g', 'd'), due->kind, nth);
    time_ns at = in_office(load, load->now, key);
    at = at > load->now ? at : load->now;
    time_ns undone = in_office(load, at + UNDONE_AFTER + (time_ns)load_below(load, PURPOSE('u', 'n', 'd', 'o'), key, 0, (uint64_t)UNDONE_WITHIN), key + 2);
    enum err err = right ? make_merge(load, key, NONE_OF, at) : make_mistake(load, key, NONE_OF, at, undone);
    const struct population_patients *patients = &load->population->patients;
    int64_t rate = right ? patients->merges_micro : patients->unmerges_micro;
    return err == ERR_OK ? wait_for(load, (enum due_kind)due->kind, rate, load->now, nth + 1) : err;
}

enum err merges_init(struct load *load)
{
    enum err err = wait_for(load, DUE_MERGES, load->population->patients.merges_micro, load->start, 0);
    err = err == ERR_OK ? wait_for(load, DUE_UNMERGES, load->population->patients.unmerges_micro, load->start, 0) : err;
    for (uint32_t i = 0; i < load->population->merge_count && err == ERR_OK; i++) {
        const struct population_merge *row = &load->population->merges[i];
        struct due due = {.at = row->at > load->start ? row->at : load->start, .order = (uint64_t)DUE_MERGE << 60 | i, .index = i, .kind = DUE_MERGE};
        bool own = row->undoes == NONE_OF && row->at < load->end; /* what undoes another goes with it */
        err = own && !due_put(&load->heap, due) ? ERR_LIMIT : ERR_OK;
    }
    return err;
}

/* ---- The rows. */

static slice number_of(struct load *load, uint64_t person, uint32_t domain, bool second)
{
    char text[PERSON_NUMBER_SIZE + 1];
    return row_text(load, (slice){text, person_number(&load->people, person, domain, second, text)});
}

bool merge_row(struct load *load, const struct exam *slot, unsigned what, struct load_row *row)
{
    const struct people_block *block = people_block(&load->people, slot->person);
    bool own = slot->accession == NONE_OF || (slot->flags & EXAM_CANCELLED) == 0; /* her own second number */
    if (own && (!person_has_second(&load->people, slot->person) || bit_get(load->merged, slot->person))) {
        return false;
    }
    row_begin(load, row, (enum load_what)what, load->population->domains[block->home].ris, what == LOAD_MERGE ? SLICE("merge") : SLICE("unlink"));
    row_put_who(load, row, slot->person, block->home, false, false);
    row_put(row, SLICE("prior_number"), number_of(load, own ? slot->person : slot->accession, block->home, own));
    if (own) {
        bit_set(load->merged, slot->person);
    } else {
        row_put(row, SLICE("prior_person"), row_person_id(load, slot->accession));
        if (what == LOAD_MERGE) {
            row_put(row, SLICE("wrong"), SLICE("1"));
        }
    }
    return true;
}
