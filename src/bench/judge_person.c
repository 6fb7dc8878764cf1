/* SPDX-License-Identifier: MIT
 *
 * Who is who: the numbers that RADIS2 told, grouped by person, and when that was settled. */
#include "src/bench/judge_private.h"

#define NHS SLICE("NHS")
#define OWN SLICE("PONT") /* issuer of the engine's own numbers */

/* ---- Persons. */

uint32_t judge_person(const struct judge *judge, slice id)
{
    return id.size == 0 ? JUDGE_NONE : store_index_find(&judge->person_index, store_hash(1, id));
}

static uint32_t put_person(struct judge *judge, slice id)
{
    uint32_t found = judge_person(judge, id);
    if (found != JUDGE_NONE || id.size == 0 || judge->person_count == JUDGE_ROWS_MAX ||
        store_index_put(&judge->person_index, store_hash(1, id), judge->person_count) != ERR_OK) {
        return found;
    }
    if (judge->person_count < JUDGE_MANY_STUDIES) {
        judge->person_words[judge->person_count] = store_text_put(&judge->texts, id);
    }
    judge->persons[judge->person_count] = (struct truth_person){.more = JUDGE_NONE};
    return judge->person_count++;
}

/* From now on she has a list of names. */
static struct person_names *names_of(struct judge *judge, struct truth_person *person)
{
    if (person->more == JUDGE_NONE && judge->name_count < JUDGE_ROWS_MAX) {
        person->more = judge->name_count++;
        judge->names[person->more] = (struct person_names){.names = {person->name}, .count = person->name != 0};
    }
    return person->more == JUDGE_NONE ? NULL : &judge->names[person->more];
}

static uint32_t put_name(struct truth_person *person, struct person_names *names, uint32_t name)
{
    for (uint32_t i = 0; i < names->count; i++) {
        if (names->names[i] == name) {
            return i;
        }
    }
    if (names->count == JUDGE_NAMES_MAX) {
        person->differs = true;
        return 0;
    }
    names->names[names->count] = name;
    return names->count++;
}

static uint32_t name_of(slice name)
{
    return judge_hash32(name) | (name.size == 0);
}

/* A name said to be former is hers, and so is the one it stands beside. */
static void take_names(struct judge *judge, struct truth_person *person, const struct observation *seen)
{
    uint32_t name = name_of(seen->name);
    if (seen->other_id.size == 0 && person->more == JUDGE_NONE && (person->name == 0 || person->name == name)) {
        person->name = name;
        return;
    }
    struct person_names *names = names_of(judge, person);
    if (names == NULL) {
        person->differs = true;
        return;
    }
    uint32_t at = put_name(person, names, name);
    if (seen->other_id.size > 0) {
        names->connected[at] = true;
        names->connected[put_name(person, names, name_of(seen->other_id))] = true;
    }
}

static void take_description(struct judge *judge, struct truth_person *person, const struct observation *seen)
{
    uint32_t birth_date = judge_hash32(seen->text);
    take_names(judge, person, seen);
    person->differs = person->differs || (person->birth_date != 0 && person->birth_date != birth_date);
    person->birth_date = person->birth_date != 0 ? person->birth_date : birth_date;
}

bool judge_mixed_up(const struct judge *judge, uint32_t one, uint32_t other, time_ns since)
{
    for (uint32_t i = 0; i < judge->mistake_count && i < JUDGE_MISTAKES_MAX; i++) {
        const struct mistake *mistake = &judge->mistakes[i];
        bool either = mistake->one == one || mistake->other == one, both = (mistake->one == other || mistake->other == other) && one != other;
        if (mistake->until >= since && either && (other == JUDGE_NONE || both)) {
            return true;
        }
    }
    return false;
}

/* Of very many the last ones are kept: each is taken back within some days. */
static void mix_up(struct judge *judge, uint32_t one, uint32_t other)
{
    judge->mistakes[judge->mistake_count++ % JUDGE_MISTAKES_MAX] = (struct mistake){one, other, TIME_NEVER};
}

/* Refused, or taken back: whoever asked before may still be shown what was hers for a while. */
static void mixed_no_more(struct judge *judge, uint32_t person)
{
    for (uint32_t i = 0; i < judge->mistake_count && i < JUDGE_MISTAKES_MAX; i++) {
        struct mistake *mistake = &judge->mistakes[i];
        mistake->until = mistake->one == person && mistake->until == TIME_NEVER ? judge->now : mistake->until;
    }
}

bool judge_is_certain(const struct judge *judge, uint32_t person, time_ns since)
{
    if (person == JUDGE_NONE) {
        return true;
    }
    const struct truth_person *truth = &judge->persons[person];
    const struct person_names *names = truth->more == JUDGE_NONE ? NULL : &judge->names[truth->more];
    bool connected = true;
    for (uint32_t i = 0; names != NULL && names->count > 1 && i < names->count; i++) {
        connected = connected && names->connected[i];
    }
    return connected && !truth->differs && !judge_mixed_up(judge, person, JUDGE_NONE, since) && truth->open <= 0 && judge_time(judge, truth->settled_at) < since;
}

/* ---- Numbers and groups. */

uint32_t judge_identity_now(const struct judge *judge, uint32_t identity)
{
    while (identity != JUDGE_NONE && (judge->identities[identity].flags & IDENTITY_JOINT)) {
        identity = judge->identities[identity].person;
    }
    return identity;
}

static uint32_t root(const struct judge *judge, uint32_t at)
{
    struct identity *identities = judge->identities;
    while (identities[at].parent != at) {
        identities[at].parent = identities[identities[at].parent].parent;
        at = identities[at].parent;
    }
    return at;
}

static uint32_t find_identity(const struct judge *judge, slice issuer, slice value)
{
    return store_index_find(&judge->identity_index, store_hash2(issuer, value));
}

uint32_t judge_identity(const struct judge *judge, slice issuer, slice value)
{
    uint32_t found = find_identity(judge, issuer, value);
    return found != JUDGE_NONE && (judge->identities[found].flags & IDENTITY_TOLD) ? found : JUDGE_NONE;
}

uint32_t judge_engine_identity(struct judge *judge, slice issuer, slice value)
{
    uint32_t found = find_identity(judge, issuer, value), at = judge->identity_count;
    if (found != JUDGE_NONE) {
        return found;
    }
    uint32_t text = store_text_put(&judge->texts, value);
    if (at == JUDGE_ROWS_MAX || (text == 0 && value.size > 0) || store_index_put(&judge->identity_index, store_hash2(issuer, value), at) != ERR_OK) {
        return JUDGE_NONE;
    }
    judge->identities[at] = (struct identity){.issuer = judge_word(judge, issuer), .value = text, .person = JUDGE_NONE, .parent = at, .next = at, .studies = JUDGE_NONE};
    return judge->identity_count++;
}

uint32_t judge_put_identity(struct judge *judge, slice issuer, slice value, slice person)
{
    uint32_t found = judge_engine_identity(judge, issuer, value), whose = put_person(judge, person);
    if (found != JUDGE_NONE) {
        struct identity *known = &judge->identities[found];
        known->flags |= IDENTITY_TOLD;
        known->person = known->person == JUDGE_NONE ? whose : known->person;
    }
    return found;
}

bool judge_same_group(const struct judge *judge, uint32_t a, uint32_t b)
{
    return root(judge, judge_identity_now(judge, a)) == root(judge, judge_identity_now(judge, b));
}

static void join(struct judge *judge, uint32_t a, uint32_t b)
{
    if (a == JUDGE_NONE || b == JUDGE_NONE || judge_same_group(judge, a, b)) {
        return;
    }
    struct identity *identities = judge->identities;
    uint32_t x = root(judge, a), y = root(judge, b), next = identities[x].next;
    identities[x].parent = y;
    identities[x].next = identities[y].next;
    identities[y].next = next;
}

/* The number turns out to be another person's: it leaves its group. Its old row stays there as a joint. */
static uint32_t split(struct judge *judge, uint32_t identity, uint32_t person)
{
    struct identity *known = &judge->identities[identity];
    uint32_t fresh = judge->identity_count;
    char room[STORE_TEXT_MAX];
    if (known->person == JUDGE_NONE || person == JUDGE_NONE || known->person == person || fresh == JUDGE_ROWS_MAX) {
        return identity;
    }
    uint64_t hash = store_hash2(judge_spell(judge, known->issuer), judge_text(judge, known->value, room));
    if (store_index_put(&judge->identity_index, hash, fresh) != ERR_OK) {
        return identity;
    }
    judge->identity_count++;
    judge->identities[fresh] = *known;
    judge->identities[fresh].parent = judge->identities[fresh].next = fresh;
    judge->identities[fresh].person = person;
    known->flags |= IDENTITY_JOINT;
    known->person = fresh;
    known->studies = JUDGE_NONE;
    known->engine = 0;
    for (uint32_t s = judge->identities[fresh].studies; s != JUDGE_NONE; s = judge->studies[s].next_identity) {
        judge->studies[s].identity = fresh;
    }
    return fresh;
}

bool judge_names(struct judge *judge, slice issuer, slice value, uint32_t study)
{
    const struct truth_study *truth = &judge->studies[study];
    uint32_t found = judge_identity(judge, issuer, value);
    if (found == JUDGE_NONE && slice_equal(issuer, OWN) && judge_mixed_up(judge, truth->person, JUDGE_NONE, judge->now - JUDGE_MISTAKE_LINGERS)) {
        return true; /* of two persons that RADIS2 takes for one it may be either's: whose, shows when they are two again */
    }
    if (found == JUDGE_NONE && slice_equal(issuer, OWN)) {
        found = judge_put_identity(judge, issuer, value, SLICE_EMPTY);
        if (found != JUDGE_NONE) {
            judge->identities[found].person = truth->person;
        }
        join(judge, found, truth->person == JUDGE_NONE ? truth->identity : JUDGE_NONE);
    }
    if (found == JUDGE_NONE || truth->identity == JUDGE_NONE) {
        return false;
    }
    uint32_t whose = judge->identities[found].person;
    if (whose == JUDGE_NONE || truth->person == JUDGE_NONE) {
        return judge_same_group(judge, found, truth->identity);
    }
    return whose == truth->person || judge_mixed_up(judge, whose, truth->person, judge->now - JUDGE_MISTAKE_LINGERS);
}

/* ---- What RADIS2 tells. */

/* Events have whole seconds. */
static void note_name(struct judge *judge, uint32_t at, const struct observation *seen)
{
    struct identity *identity = &judge->identities[at];
    time_ns event_at = (seen->number != 0 ? seen->number : seen->at_ns) / TIME_S;
    uint32_t second = event_at < 0 ? 0 : event_at > UINT32_MAX ? UINT32_MAX : (uint32_t)event_at, name = name_of(seen->name);
    if (identity->newest_name == 0 || second >= identity->newest_at) {
        identity->newest_at = second;
        identity->newest_name = name;
    } else if (identity->newest_name != name && judge->stale_count < JUDGE_ROWS_MAX) {
        judge->stales[judge->stale_count++] = (struct stale_name){at, name};
        judge_reach(judge, REACH_late_event);
    }
}

static void told(struct judge *judge, uint32_t person)
{
    if (person != JUDGE_NONE) {
        judge->persons[person].open++;
    }
    judge->adt_told++;
    judge->adt_told_at = judge->now;
}

/* A number that two persons are said to have links nobody. */
static void join_nhs(struct judge *judge, const struct observation *seen, uint32_t local, uint32_t person, bool verified)
{
    uint32_t nhs = verified && seen->nhs.size > 0 ? judge_put_identity(judge, NHS, seen->nhs, seen->person) : JUDGE_NONE;
    join(judge, local, nhs != JUDGE_NONE && judge->identities[nhs].person == person ? nhs : JUDGE_NONE);
}

static enum err person_told(struct judge *judge, const struct observation *seen)
{
    uint32_t person = put_person(judge, seen->person), local = judge_put_identity(judge, seen->issuer, seen->patient_id, seen->person);
    if (local == JUDGE_NONE || (person == JUDGE_NONE && seen->person.size > 0)) {
        return ERR_LIMIT;
    }
    local = split(judge, local, person);
    if (seen->name.size > 0) { /* else only whose the number is */
        note_name(judge, local, seen);
    }
    if (person != JUDGE_NONE && seen->name.size > 0) {
        take_description(judge, &judge->persons[person], seen);
    }
    told(judge, person);
    if (person != JUDGE_NONE && seen->count == 1 && judge->persons[person].by_exam < UINT8_MAX) {
        judge->persons[person].by_exam++;
    }
    join_nhs(judge, seen, local, person, seen->flag);
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

/* The oldest merge told of this person is answered. */
static void merge_answered(struct judge *judge, uint32_t person, bool accepted)
{
    for (uint32_t i = 0; i < judge->merge_count; i++) {
        struct told_merge told = judge->merges[i];
        if (told.person == person) {
            judge->merge_count--;
            memmove(&judge->merges[i], &judge->merges[i + 1], (judge->merge_count - i) * sizeof told);
            if (accepted) {
                merged(judge, told.number, told.prior);
            }
            return;
        }
    }
}

static void merge_told(struct judge *judge, const struct observation *seen)
{
    slice prior_issuer = seen->other_issuer.size > 0 ? seen->other_issuer : seen->issuer;
    uint32_t person = put_person(judge, seen->person), number = judge_put_identity(judge, seen->issuer, seen->patient_id, seen->person);
    join_nhs(judge, seen, number, person, number != JUDGE_NONE);
    uint32_t prior = judge_put_identity(judge, prior_issuer, seen->other_id, seen->flag ? seen->name : seen->person);
    if (judge->merge_count == JUDGE_MERGES_MAX) {
        merge_answered(judge, judge->merges[0].person, true);
    }
    judge->merges[judge->merge_count++] = (struct told_merge){person, number, prior};
    if (seen->flag) { /* she may be somebody of whom nothing was told yet */
        mix_up(judge, person, put_person(judge, seen->name));
    }
}

static void settled(struct judge *judge, const struct observation *seen)
{
    bool unlink = slice_starts(seen->text, SLICE("ADT^A37")); /* told of two persons, acknowledged for one */
    for (uint32_t p = 0; unlink && p < judge->person_count; p++) {
        judge->persons[p].open = 0;
        judge->persons[p].settled_at = judge_tick(judge, seen->at_ns);
    }
    uint32_t person = judge_person(judge, seen->person);
    if (slice_starts(seen->text, SLICE("ADT^A40"))) {
        merge_answered(judge, person, seen->kind == OBSERVATION_hl7_acked);
    }
    if (unlink || (seen->kind == OBSERVATION_hl7_refused && slice_starts(seen->text, SLICE("ADT^A40")))) {
        mixed_no_more(judge, person);
    }
    bool by_exam = person != JUDGE_NONE && judge->persons[person].by_exam > 0 && slice_equal(seen->name, SLICE("CM"));
    if (by_exam) {
        judge->persons[person].by_exam--;
    }
    bool tells = by_exam || slice_starts(seen->text, SLICE("ADT")) || slice_starts(seen->text, SLICE("SIU")) || slice_equal(seen->name, SLICE("IP")); /* who says who she is */
    if (!unlink && person != JUDGE_NONE && tells) {
        judge->persons[person].open--;
        judge->persons[person].settled_at = judge_tick(judge, seen->at_ns);
    }
}

enum err judge_persons(struct judge *judge, const struct observation *seen)
{
    switch (seen->kind) {
    case OBSERVATION_truth_person:
        return person_told(judge, seen);
    case OBSERVATION_truth_merged:
        merge_told(judge, seen);
        return ERR_OK;
    case OBSERVATION_hl7_acked:
    case OBSERVATION_hl7_refused:
        settled(judge, seen);
        return ERR_OK;
    default:
        return ERR_OK;
    }
}
