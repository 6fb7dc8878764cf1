/* SPDX-License-Identifier: MIT
 *
 * Who is who: the numbers that RADIS2 told, grouped by person, and when that was settled. */
#include "src/bench/judge_private.h"

#define NHS SLICE("NHS")
#define OWN SLICE("PONT") /* issuer of the engine's own numbers */

/* ---- Persons. */

uint32_t judge_person(const struct judge *judge, slice id)
{
    uint32_t found = JUDGE_NONE;
    (void)map_find(&judge->person_map, id, &found);
    return id.size == 0 ? JUDGE_NONE : found;
}

static uint32_t put_person(struct judge *judge, slice id)
{
    uint32_t found = judge_person(judge, id);
    if (found != JUDGE_NONE || id.size == 0 || judge->person_count == JUDGE_PERSONS_MAX) {
        return found;
    }
    slice kept = judge_keep(judge, id);
    if (map_put(&judge->person_map, kept, judge->person_count) != ERR_OK) {
        return JUDGE_NONE;
    }
    judge->persons[judge->person_count] = (struct truth_person){.id = kept, .settled_at = INT64_MIN};
    return judge->person_count++;
}

static uint32_t put_name(struct judge *judge, struct truth_person *person, slice name)
{
    for (uint32_t i = 0; i < person->name_count; i++) {
        if (slice_equal(person->names[i], name)) {
            return i;
        }
    }
    if (person->name_count == JUDGE_NAMES_MAX) {
        person->differs = true;
        return 0;
    }
    person->names[person->name_count] = judge_keep(judge, name);
    return person->name_count++;
}

/* What a message says of her. A name said to be former is hers, and so is the one it stands beside. */
static void take_description(struct judge *judge, struct truth_person *person, const struct observation *seen)
{
    uint32_t name = put_name(judge, person, seen->name);
    if (seen->other_id.size > 0) {
        person->connected[name] = true;
        person->connected[put_name(judge, person, seen->other_id)] = true;
    }
    person->differs = person->differs || (person->birth_date.size > 0 && !slice_equal(person->birth_date, seen->text));
    person->birth_date = person->birth_date.size > 0 ? person->birth_date : judge_keep(judge, seen->text);
}

bool judge_is_certain(const struct judge *judge, uint32_t person, time_ns since)
{
    if (person == JUDGE_NONE) {
        return true;
    }
    const struct truth_person *truth = &judge->persons[person];
    bool connected = true;
    for (uint32_t i = 0; truth->name_count > 1 && i < truth->name_count; i++) {
        connected = connected && truth->connected[i];
    }
    return connected && !truth->differs && truth->told <= truth->settled && truth->settled_at < since;
}

/* ---- Numbers and groups. */

static uint32_t root(const struct judge *judge, uint32_t link)
{
    while (judge->links[link].parent != link) {
        judge->links[link].parent = judge->links[judge->links[link].parent].parent;
        link = judge->links[link].parent;
    }
    return link;
}

static bool put_link(struct judge *judge, uint32_t identity)
{
    if (judge->link_count == 2 * JUDGE_IDENTITIES_MAX) {
        return false;
    }
    uint32_t link = judge->link_count++;
    judge->links[link] = (struct link){link, link, identity};
    judge->identities[identity].link = link;
    return true;
}

uint32_t judge_identity(const struct judge *judge, slice issuer, slice value)
{
    char text[JUDGE_KEY_SIZE];
    uint32_t found = JUDGE_NONE;
    (void)map_find(&judge->identity_map, judge_key(text, issuer, value), &found);
    return found;
}

uint32_t judge_put_identity(struct judge *judge, slice issuer, slice value, slice person)
{
    char text[JUDGE_KEY_SIZE];
    uint32_t found = judge_identity(judge, issuer, value), whose = put_person(judge, person);
    if (found != JUDGE_NONE) {
        struct identity *known = &judge->identities[found];
        known->person = known->person == JUDGE_NONE ? whose : known->person;
        return found;
    }
    slice key = judge_keep(judge, judge_key(text, issuer, value));
    if (judge->identity_count == JUDGE_IDENTITIES_MAX || map_put(&judge->identity_map, key, judge->identity_count) != ERR_OK) {
        return JUDGE_NONE;
    }
    found = judge->identity_count++;
    judge->identities[found] = (struct identity){.issuer = judge_keep(judge, issuer), .value = judge_keep(judge, value), .person = whose,
                                                 .studies = JUDGE_NONE, .newest_at = INT64_MIN};
    return put_link(judge, found) ? found : JUDGE_NONE;
}

bool judge_same_group(const struct judge *judge, uint32_t a, uint32_t b)
{
    return root(judge, judge->identities[a].link) == root(judge, judge->identities[b].link);
}

static void join(struct judge *judge, uint32_t a, uint32_t b)
{
    if (a == JUDGE_NONE || b == JUDGE_NONE || judge_same_group(judge, a, b)) {
        return;
    }
    uint32_t x = root(judge, judge->identities[a].link), y = root(judge, judge->identities[b].link), next = judge->links[x].next;
    judge->links[x].parent = y;
    judge->links[x].next = judge->links[y].next;
    judge->links[y].next = next;
}

/* The number turns out to be another person's: it leaves its group. */
static void split(struct judge *judge, uint32_t identity, uint32_t person)
{
    struct identity *known = &judge->identities[identity];
    if (known->person != JUDGE_NONE && person != JUDGE_NONE && known->person != person) {
        judge->links[known->link].identity = JUDGE_NONE;
        known->person = person;
        (void)put_link(judge, identity);
    }
}

bool judge_names(struct judge *judge, slice issuer, slice value, uint32_t study)
{
    const struct truth_study *truth = &judge->studies[study];
    slice person = truth->person == JUDGE_NONE ? SLICE_EMPTY : judge->persons[truth->person].id;
    uint32_t found = judge_identity(judge, issuer, value);
    if (found == JUDGE_NONE && slice_equal(issuer, OWN)) {
        found = judge_put_identity(judge, issuer, value, person);
        join(judge, found, truth->person == JUDGE_NONE ? truth->identity : JUDGE_NONE);
    }
    if (found == JUDGE_NONE || truth->identity == JUDGE_NONE) {
        return false;
    }
    uint32_t whose = judge->identities[found].person;
    return whose != JUDGE_NONE && truth->person != JUDGE_NONE ? whose == truth->person : judge_same_group(judge, found, truth->identity);
}

/* ---- What RADIS2 tells. */

static void note_name(struct judge *judge, struct identity *identity, const struct observation *seen)
{
    time_ns event_at = seen->number != 0 ? seen->number : seen->at_ns;
    if (event_at >= identity->newest_at) {
        identity->newest_at = event_at;
        identity->newest_name = judge_keep(judge, seen->name);
    } else if (!slice_equal(identity->newest_name, seen->name)) {
        identity->stale_name = judge_keep(judge, seen->name);
    }
}

static void told(struct judge *judge, uint32_t person)
{
    if (person != JUDGE_NONE) {
        judge->persons[person].told++;
    }
    judge->adt_told++;
    judge->adt_told_at = judge->now;
}

static enum err person_told(struct judge *judge, const struct observation *seen)
{
    uint32_t person = put_person(judge, seen->person), local = judge_put_identity(judge, seen->issuer, seen->patient_id, seen->person);
    if (local == JUDGE_NONE || (person == JUDGE_NONE && seen->person.size > 0)) {
        return ERR_LIMIT;
    }
    split(judge, local, person);
    note_name(judge, &judge->identities[local], seen);
    if (person != JUDGE_NONE) {
        take_description(judge, &judge->persons[person], seen);
    }
    told(judge, person);
    if (seen->flag && seen->nhs.size > 0) {
        uint32_t nhs = judge_put_identity(judge, NHS, seen->nhs, seen->person);
        /* A number that two persons are said to have links nobody. */
        join(judge, local, nhs != JUDGE_NONE && judge->identities[nhs].person == person ? nhs : JUDGE_NONE);
    }
    return ERR_OK;
}

/* RADIS2 may be wrong: numbers of two persons stay two, whatever it says of them. */
static void merged(struct judge *judge, uint32_t number, uint32_t prior)
{
    bool same = number != JUDGE_NONE && prior != JUDGE_NONE && judge->identities[number].person == judge->identities[prior].person;
    if (same) {
        join(judge, number, prior);
    }
}

static void settled(struct judge *judge, const struct observation *seen)
{
    bool unlink = slice_starts(seen->text, SLICE("ADT^A37")); /* told of two persons, acknowledged for one */
    for (uint32_t p = 0; unlink && p < judge->person_count; p++) {
        judge->persons[p].settled = judge->persons[p].told;
        judge->persons[p].settled_at = seen->at_ns;
    }
    uint32_t person = judge_person(judge, seen->person);
    if (!unlink && person != JUDGE_NONE && slice_starts(seen->text, SLICE("ADT"))) {
        judge->persons[person].settled++;
        judge->persons[person].settled_at = seen->at_ns;
    }
}

enum err judge_persons(struct judge *judge, const struct observation *seen)
{
    switch (seen->kind) {
    case OBSERVATION_truth_person:
        return person_told(judge, seen);
    case OBSERVATION_truth_merged: {
        slice prior = seen->other_issuer.size > 0 ? seen->other_issuer : seen->issuer;
        merged(judge, judge_put_identity(judge, seen->issuer, seen->patient_id, seen->person), judge_put_identity(judge, prior, seen->other_id, seen->person));
        told(judge, put_person(judge, seen->person));
        return ERR_OK;
    }
    case OBSERVATION_hl7_acked:
    case OBSERVATION_hl7_refused:
        settled(judge, seen);
        return ERR_OK;
    default:
        return ERR_OK;
    }
}
