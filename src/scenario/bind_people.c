/* SPDX-License-Identifier: MIT */
#include "src/scenario/bind.h"

slice filed_number(const struct person *person, uint32_t site, enum filed_under under)
{
    return under == FILED_MAIDEN ? person->maiden_numbers[site] : under == FILED_ALSO ? person->also_numbers[site] : person->numbers[site];
}

/* Notes that a number is somebody's; complains when it is somebody else's. */
static void claim(struct binder *binder, slice authority, slice number, uint32_t person, struct span at)
{
    struct buffer key = buffer_make(binder->arena, authority.size + number.size + 1);
    buffer_put(&key, authority);
    buffer_put_byte(&key, '/');
    buffer_put(&key, number);
    uint32_t other = NONE;
    if (map_find(&binder->numbers, buffer_slice(&key), &other)) {
        const struct person *owner = &binder->scenario->persons[other];
        struct problem *added = complain(binder->to, "P212", at, "number %s of %.*s is already that of %s; a number names one patient", quoted(number).text,
                                         SLICE_ARGS(authority), quoted(owner->id).text);
        problem_relate(added, (struct span){owner->mark.line, owner->mark.column, 0}, "this patient has it");
        return;
    }
    if (key.full || map_put(&binder->numbers, buffer_slice(&key), person) != ERR_OK) {
        binder->err = ERR_LIMIT;
    }
}

static void bind_numbers(struct binder *binder, const struct tree *numbers, slice *to, uint32_t person)
{
    for (const struct tree *entry = numbers == NULL || numbers->kind != TREE_MAP ? NULL : numbers->first; entry != NULL; entry = entry->next) {
        uint32_t site = NONE;
        if (entry->kind == TREE_TEXT && map_find(&binder->names[NAMES_SITES].map, entry->key, &site) && site < binder->scenario->site_count) {
            to[site] = entry->text;
            claim(binder, binder->scenario->sites[site].issuer, entry->text, person, entry->at);
        }
    }
}

static slice date_or_empty(struct binder *binder, const struct tree *date)
{
    char da[9];
    bool given = date != NULL && date->kind == TREE_TEXT && value_date(date->text, da);
    return given ? bind_copy(binder, slice_from(da)) : SLICE_EMPTY;
}

static void check_birth(struct binder *binder, const struct tree *born, slice date)
{
    char today[9] = "";
    struct buffer buffer = buffer_over(today, 8);
    time_put_da(&buffer, binder->scenario->start);
    int64_t birth = 0, now = 0;
    if (born == NULL || !slice_to_int64(date, &birth) || !slice_to_int64(buffer_slice(&buffer), &now)) {
        return;
    }
    if (birth > now) {
        (void)complain(binder->to, "P403", born->at, "%s: born after the scenario begins (run.clock.start)", quoted(born->text).text);
    } else if (now - birth > 1200000) {
        (void)complain(binder->to, "P403", born->at, "%s: more than 120 years before the scenario begins (run.clock.start)", quoted(born->text).text);
    }
}

static void bind_person(struct binder *binder, const struct tree *entry, struct person *person, uint32_t index)
{
    const struct tree *born = tree_get(entry, "born"), *nhs = tree_get(entry, "nhs"), *maiden = tree_get(entry, "maiden");
    person->id = entry->key;
    person->mark = (struct mark){entry->key_at.line, entry->key_at.column};
    (void)value_person_name(field_text(ROOT_PERSON, "name", tree_get(entry, "name")), &person->family, &person->given);
    person->family = bind_copy(binder, person->family);
    person->given = bind_copy(binder, person->given);
    if (maiden != NULL && value_person_name(field_text(ROOT_PERSON, "maiden", maiden), &person->maiden_family, &person->maiden_given)) {
        person->maiden_family = bind_copy(binder, person->maiden_family);
        person->maiden_given = bind_copy(binder, person->maiden_given);
    }
    person->birth_date = date_or_empty(binder, born);
    check_birth(binder, born, person->birth_date);
    person->sex = field_text(ROOT_PERSON, "sex", tree_get(entry, "sex"));
    person->nhs = field_text(ROOT_PERSON, "nhs", nhs);
    if (person->nhs.size > 0) {
        claim(binder, SLICE("NHS"), person->nhs, index, nhs->at);
    }
    const struct tree *wrong = tree_get(entry, "wrong_nhs");
    person->wrong_nhs = field_text(ROOT_PERSON, "wrong_nhs", wrong);
    if (wrong != NULL && (nhs != NULL || value_is_nhs_number(person->wrong_nhs))) {
        (void)complain(binder->to, "P305", wrong->at, nhs != NULL ? "a patient has nhs or wrong_nhs, not both" : "wrong_nhs has a right check digit; write it as nhs");
    }
    bind_numbers(binder, tree_get(entry, "numbers"), person->numbers, index);
    bind_numbers(binder, tree_get(entry, "maiden_numbers"), person->maiden_numbers, index);
    bind_numbers(binder, tree_get(entry, "also"), person->also_numbers, index);
    const struct tree *maiden_numbers = tree_get(entry, "maiden_numbers");
    if (maiden_numbers != NULL && maiden == NULL) {
        (void)complain(binder->to, "P112", maiden_numbers->key_at, "people.%.*s.maiden is missing: maiden_numbers are filed under that name", SLICE_ARGS(entry->key));
    }
}

/* Sites a crowd is known at, in turn: as written, or every site that has a PACS. */
static size_t crowd_sites(struct binder *binder, const struct tree *entry, uint32_t sites[SCENARIO_SITES_MAX])
{
    const struct scenario *scenario = binder->scenario;
    const struct tree *at = tree_get(entry, "at");
    size_t count = 0;
    for (const struct tree *name = at == NULL ? NULL : at->kind == TREE_LIST ? at->first : at; name != NULL && count < SCENARIO_SITES_MAX; name = name->next) {
        uint32_t site = bind_index(binder, NAMES_SITES, name);
        if (site != NONE && site < scenario->site_count) {
            sites[count++] = site;
        }
        if (at->kind == TREE_TEXT) {
            break;
        }
    }
    for (uint32_t s = 0; at == NULL && s < scenario->site_count; s++) {
        for (size_t n = 0; n < scenario->node_count; n++) {
            if (scenario->nodes[n].kind == KIND_PACS && scenario->nodes[n].site == s) {
                sites[count++] = s;
                break;
            }
        }
    }
    return count;
}

static void bind_crowd(struct binder *binder, const struct tree *entry, size_t count)
{
    struct scenario *scenario = binder->scenario;
    uint32_t sites[SCENARIO_SITES_MAX];
    size_t site_count = crowd_sites(binder, entry, sites);
    for (size_t i = 0; i < count && binder->err == ERR_OK; i++) {
        struct person *person = &scenario->persons[scenario->person_count];
        person->id = binder->names[NAMES_PEOPLE].list[scenario->person_count];
        person->mark = (struct mark){entry->key_at.line, entry->key_at.column};
        crowd_person(binder, person, i);
        if (site_count > 0) {
            uint32_t site = sites[i % site_count];
            person->numbers[site] = crowd_number(binder, site);
        }
        scenario->person_count++;
    }
}

void bind_people(struct binder *binder)
{
    struct scenario *scenario = binder->scenario;
    const struct tree *people = tree_get(binder->root, "people");
    size_t count = binder->names[NAMES_PEOPLE].count;
    scenario->persons = bind_array(binder, count + 1, sizeof *scenario->persons);
    binder->next_local = bind_array(binder, scenario->site_count + 1, sizeof *binder->next_local);
    if (binder->err != ERR_OK || map_init(&binder->numbers, binder->arena, count * 4 + scenario->site_count * 64 + 1024) != ERR_OK) {
        binder->err = ERR_LIMIT;
        return;
    }
    /* Those who are named come first, so that no made number takes one of theirs; the order in the list stays the file's. */
    size_t index = 0;
    for (int pass = 0; pass < 2; pass++) {
        index = 0;
        for (const struct tree *entry = people == NULL || people->kind != TREE_MAP ? NULL : people->first; entry != NULL && index < count; entry = entry->next) {
            enum field_root root = people_root(entry);
            size_t made = people_in(entry);
            scenario->person_count = index;
            if (pass == 0 && root == ROOT_PERSON) {
                bind_person(binder, entry, &scenario->persons[index], (uint32_t)index);
            } else if (pass == 1 && root == ROOT_CROWD) {
                bind_crowd(binder, entry, made < count - index ? made : count - index);
            }
            index += made;
        }
    }
    scenario->person_count = index < count ? index : count;
}
