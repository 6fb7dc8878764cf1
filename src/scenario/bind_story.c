/* SPDX-License-Identifier: MIT */
#include "src/scenario/bind.h"

#include <stdio.h>

/* One step being bound: its tree, the entry of its node, the verb in it, and the arguments of the verb. */
struct telling {
    struct binder *binder;
    struct step *step;
    size_t index;
    enum field_root root;
    uint32_t node;
    const struct tree *verb; /* key: the word; a map of arguments */
};

/* ---- What the arguments name. */

static const struct person *person_of(const struct telling *telling, const char *key)
{
    uint32_t index = bind_index(telling->binder, NAMES_PEOPLE, tree_get(telling->verb, key));
    return index == NONE || index >= telling->binder->scenario->person_count ? NULL : &telling->binder->scenario->persons[index];
}

/* Null also when the study itself is in error. */
static const struct scenario_study *study_of(const struct telling *telling, const char *key)
{
    uint32_t index = bind_index(telling->binder, NAMES_STUDIES, tree_get(telling->verb, key));
    const struct scenario *scenario = telling->binder->scenario;
    if (index == NONE || index >= telling->binder->planned_count || scenario->studies[index].node == NONE || scenario->studies[index].person == NONE) {
        return NULL;
    }
    return &scenario->studies[index];
}

static const struct scenario_node *node_of(const struct telling *telling, const char *key)
{
    uint32_t index = bind_index(telling->binder, NAMES_NODES, tree_get(telling->verb, key));
    return index == NONE || index >= telling->binder->scenario->node_count ? NULL : &telling->binder->scenario->nodes[index];
}

static slice text_of(const struct telling *telling, const char *key)
{
    char path[64];
    snprintf(path, sizeof path, "%.*s.%s", SLICE_ARGS(slice_before(telling->verb->key, 30)), key);
    return field_text(telling->root, path, tree_get(telling->verb, key));
}

static int64_t integer_of(const struct telling *telling, const char *key)
{
    char path[64];
    snprintf(path, sizeof path, "%.*s.%s", SLICE_ARGS(slice_before(telling->verb->key, 30)), key);
    return field_integer(telling->root, path, tree_get(telling->verb, key));
}

static void put(struct telling *telling, const char *name, slice value)
{
    entry_put(telling->binder, &telling->step->entry, name, value);
}

static void put_int(struct telling *telling, const char *name, int64_t value)
{
    entry_put_int(telling->binder, &telling->step->entry, name, value);
}

/* The first site that knows her under her present name; NONE when no site does. */
static uint32_t home_of(const struct telling *telling, const struct person *person)
{
    for (uint32_t s = 0; s < telling->binder->scenario->site_count; s++) {
        if (person->numbers[s].size > 0) {
            return s;
        }
    }
    return NONE;
}

static uint32_t need_home(struct telling *telling, const struct person *person, const struct tree *name)
{
    uint32_t site = home_of(telling, person);
    if (site == NONE) {
        (void)complain(telling->binder->to, "P208", name->at, "%s is not known at any site under her present name; give her `numbers`", quoted(person->id).text);
    }
    return site;
}

/* ---- RADIS2. */

static void replace(struct telling *telling, slice name, slice value)
{
    struct plan_entry *entry = &telling->step->entry;
    for (size_t i = 0; i < entry->argument_count; i++) {
        entry->arguments[i].value = slice_equal(entry->arguments[i].name, name) ? value : entry->arguments[i].value;
    }
}

static void tell_demographics(struct telling *telling)
{
    const struct person *person = person_of(telling, "person");
    uint32_t site = person == NULL ? NONE : need_home(telling, person, tree_get(telling->verb, "person"));
    if (site == NONE) {
        return;
    }
    entry_put_who(telling->binder, &telling->step->entry, person, site, FILED_NAME);
    const struct tree *maiden = tree_get(telling->verb, "maiden"), *late = tree_get(telling->verb, "late");
    bool former = integer_of(telling, "maiden") != 0, called = slice_equal(text_of(telling, "called"), SLICE("maiden"));
    if (late != NULL) {
        put_int(telling, "at", telling->binder->scenario->start - integer_of(telling, "late"));
    }
    if ((former || called) && person->maiden_family.size == 0) {
        const struct tree *at = former ? maiden : tree_get(telling->verb, "called");
        (void)complain(telling->binder->to, "P112", at->at, "people.%.*s.maiden is missing: there is no maiden name to tell", SLICE_ARGS(person->id));
        return;
    }
    if (former) {
        put(telling, "previous_family", person->maiden_family);
        put(telling, "previous_given", person->maiden_given);
        put(telling, "previous_kind", SLICE("M"));
    }
    if (called) {
        replace(telling, SLICE("family"), person->maiden_family);
        replace(telling, SLICE("given"), person->maiden_given);
    }
}

/* One number given out twice: the order names the accession number of another patient's study. */
static void put_number_of(struct telling *telling)
{
    const struct scenario_study *other = study_of(telling, "number_of"), *study = study_of(telling, "study");
    if (other == NULL || study == NULL) {
        return;
    }
    replace(telling, SLICE("accession"), other->accession);
    if (telling->binder->scenario->nodes[other->node].site != telling->binder->scenario->nodes[study->node].site) {
        (void)complain(telling->binder->to, "P209", tree_get(telling->verb, "number_of")->at, "%s is of another site: its number does not clash",
                       quoted(other->id).text);
    }
}

static void tell_order(struct telling *telling)
{
    const struct scenario_study *study = study_of(telling, "study");
    const struct scenario_node *reading = node_of(telling, "reading");
    const struct tree *at = tree_get(telling->verb, "reading");
    if (study == NULL) {
        return;
    }
    entry_put_exam(telling->binder, &telling->step->entry, study);
    if (reading != NULL && reading->kind != KIND_PACS && reading->kind != KIND_VIEWER) {
        (void)complain(telling->binder->to, "P209", at->at, "%s cannot read images: that is for a pacs or viewer", quoted(reading->id).text);
    }
    put(telling, "reading_site", reading == NULL ? telling->binder->scenario->nodes[study->node].id : reading->id);
    put_number_of(telling);
    put_int(telling, "scheduled_in", integer_of(telling, "scheduled_in") / telling->binder->scenario->speed);
}

static void tell_exam(struct telling *telling)
{
    const struct scenario_study *study = study_of(telling, "study");
    if (study == NULL) {
        return;
    }
    entry_put_exam(telling->binder, &telling->step->entry, study);
    if (slice_equal(telling->verb->key, SLICE("report"))) {
        put(telling, "report", text_of(telling, "text"));
        put(telling, "result", SLICE("F"));
    }
}

/* RADIS2 takes two patients of one site for one. `wrong` keeps it from being taken for the truth. */
static void tell_wrong_merge(struct telling *telling, const struct person *person, const struct person *other)
{
    const struct scenario *scenario = telling->binder->scenario;
    for (uint32_t s = 0; s < scenario->site_count; s++) {
        if (person != other && other->numbers[s].size > 0 && person->numbers[s].size > 0) {
            entry_put_who(telling->binder, &telling->step->entry, person, s, FILED_NAME);
            put(telling, "prior_number", other->numbers[s]);
            put(telling, "prior_site", scenario->sites[s].issuer);
            put(telling, "wrong", SLICE("1"));
            return;
        }
    }
    (void)complain(telling->binder->to, "P208", tree_get(telling->verb, "wrongly")->at, "%s and %s are not two patients with numbers at one site",
                   quoted(person->id).text, quoted(other->id).text);
}

static void tell_merge(struct telling *telling)
{
    const struct person *person = person_of(telling, "person"), *other = person_of(telling, "wrongly");
    const struct scenario *scenario = telling->binder->scenario;
    if (person == NULL) {
        return;
    }
    if (other != NULL) {
        tell_wrong_merge(telling, person, other);
        return;
    }
    for (uint32_t s = 0; s < scenario->site_count; s++) {
        if (person->also_numbers[s].size > 0 && person->numbers[s].size > 0) {
            entry_put_who(telling->binder, &telling->step->entry, person, s, FILED_NAME);
            put(telling, "prior_number", person->also_numbers[s]);
            put(telling, "prior_site", scenario->sites[s].issuer);
            return;
        }
    }
    struct problem *added = complain(telling->binder->to, "P208", tree_get(telling->verb, "person")->at,
                                     "%s has no second number to merge; give her two at one site (people.%.*s.numbers and .also)", quoted(person->id).text,
                                     SLICE_ARGS(person->id));
    problem_relate(added, (struct span){person->mark.line, person->mark.column, 0}, "her numbers stand here");
}

/* Every argument about a person is a list, a backslash between its parts. */
static void put_list(struct telling *telling, const char *name, const struct plan_entry *cases, size_t count)
{
    struct buffer list = buffer_make(telling->binder->arena, 64 * count + 1);
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        slice value = plan_get(&cases[i], name);
        any = any || value.size > 0;
        buffer_put(&list, i == 0 ? SLICE_EMPTY : SLICE("\\"));
        buffer_put(&list, value);
    }
    if (list.full) {
        telling->binder->err = ERR_LIMIT;
    } else if (any) {
        put(telling, name, buffer_slice(&list));
    }
}

/* One of the list: filed where the meeting's node stands if she is known there, else at home. */
static void put_case(struct telling *telling, struct plan_entry *to, const struct tree *name, uint32_t site)
{
    uint32_t index = bind_index(telling->binder, NAMES_PEOPLE, name);
    if (index == NONE || index >= telling->binder->scenario->person_count) {
        return;
    }
    const struct person *person = &telling->binder->scenario->persons[index];
    uint32_t at = person->numbers[site].size > 0 ? site : need_home(telling, person, name);
    if (at != NONE) {
        entry_put_who(telling->binder, to, person, at, FILED_NAME);
    }
}

static void tell_meeting(struct telling *telling)
{
    static const char *const who[] = {"person", "site", "number", "nhs", "family", "given", "birth_date", "sex"};
    const struct scenario_node *node = node_of(telling, "node");
    const struct tree *people = tree_get(telling->verb, "people");
    if (node == NULL || people == NULL) {
        return;
    }
    size_t count = people->kind == TREE_LIST ? people->count : 1, index = 0;
    struct plan_entry *cases = bind_array(telling->binder, count + 1, sizeof *cases);
    if (cases == NULL) {
        return;
    }
    if (people->kind == TREE_TEXT) {
        put_case(telling, &cases[0], people, node->site);
    }
    for (const struct tree *name = people->first; name != NULL; name = name->next) {
        put_case(telling, &cases[index++], name, node->site);
    }
    for (size_t i = 0; i < sizeof who / sizeof who[0]; i++) {
        put_list(telling, who[i], cases, count);
    }
    slice text = text_of(telling, "text"), id = text_of(telling, "id");
    put(telling, "meeting", id);
    put(telling, "text", text.size == 0 ? id : text);
    put(telling, "node", node->id);
    put_int(telling, "meeting_in", integer_of(telling, "in") / telling->binder->scenario->speed);
    if (node->kind != KIND_PACS && node->kind != KIND_VIEWER) {
        (void)complain(telling->binder->to, "P209", tree_get(telling->verb, "node")->at, "%s cannot show images: that is for a pacs or viewer",
                       quoted(node->id).text);
    }
}

/* ---- Viewers. */

/* A DA range (PS3.4 C.2.2.2.5) of two dates as the reader keeps them, with or without dashes. */
static slice date_span(struct telling *telling, slice from, slice to)
{
    char text[24];
    struct buffer span = buffer_over(text, sizeof text);
    const slice ends[] = {from, to};
    for (size_t e = 0; e < 2; e++) {
        buffer_put_text(&span, e == 0 ? "" : "-");
        for (size_t i = 0; i < ends[e].size; i++) {
            if (ends[e].data[i] != '-') {
                buffer_put_byte(&span, (uint8_t)ends[e].data[i]);
            }
        }
    }
    return bind_copy(telling->binder, buffer_slice(&span));
}

static void tell_query(struct telling *telling)
{
    const struct tree *person_name = tree_get(telling->verb, "person"), *study_name = tree_get(telling->verb, "study");
    slice from = text_of(telling, "from"), to = text_of(telling, "to"), modality = text_of(telling, "modality");
    int asked = (person_name != NULL) + (study_name != NULL) + (modality.size > 0 || from.size > 0 || to.size > 0);
    if (asked != 1 || (from.size == 0) != (to.size == 0)) {
        (void)complain(telling->binder->to, "P112", telling->verb->key_at,
                       "a query asks for a person, or for a study, or for every study of a modality, of days (from and to), or of both: write one of them");
        return;
    }
    put(telling, "modality", modality);
    if (from.size > 0) {
        put(telling, "date", date_span(telling, from, to));
    }
    const struct person *person = person_of(telling, "person");
    const struct scenario_study *study = study_of(telling, "study");
    put(telling, "level", SLICE("STUDY"));
    if (person != NULL) {
        uint32_t home = home_of(telling, person);
        put(telling, "person", person->id);
        put(telling, "patient_id", person->nhs.size > 0 ? person->nhs : home == NONE ? SLICE_EMPTY : person->numbers[home]);
        put(telling, "issuer", person->nhs.size > 0 ? SLICE("NHS") : home == NONE ? SLICE_EMPTY : telling->binder->scenario->sites[home].issuer);
    }
    if (study != NULL) {
        put(telling, "study_uid", study->study_uid);
    }
    put(telling, "expect", text_of(telling, "expect"));
    put(telling, "until", text_of(telling, "until"));
}

static void tell_retrieve(struct telling *telling)
{
    const struct scenario_study *study = study_of(telling, "study");
    if (study != NULL) {
        put(telling, "study_uid", study->study_uid);
        put(telling, "patient_id", telling->binder->scenario->persons[study->person].nhs);
    }
}

/* ---- PACS. */

static void tell_study(struct telling *telling)
{
    const struct scenario_study *study = study_of(telling, "study");
    if (study == NULL) {
        return;
    }
    const struct tree *name = tree_get(telling->verb, "study");
    bool arrives = slice_equal(telling->verb->key, SLICE("study_arrives"));
    if (study->node != telling->node) {
        struct problem *added = complain(telling->binder->to, "P209", name->at, "%s is not a study of this node but of %s", quoted(study->id).text,
                                         quoted(telling->binder->scenario->nodes[study->node].id).text);
        problem_relate(added, (struct span){study->mark.line, study->mark.column, 0}, "this study");
    } else if (arrives && !study->planned) {
        struct problem *added = complain(telling->binder->to, "P404", name->at, "%s is there from the start; a study that arrives is `planned: true`",
                                         quoted(study->id).text);
        problem_relate(added, (struct span){study->mark.line, study->mark.column, 0}, "this study");
    }
    put_int(telling, "study", study->number);
    if (slice_equal(telling->verb->key, SLICE("reject"))) {
        put(telling, "code", text_of(telling, "code"));
    }
}

static void tell_fault(struct telling *telling)
{
    const struct tree *nth = tree_get(telling->verb, "nth");
    put(telling, "op", text_of(telling, "op"));
    if (nth != NULL) {
        put_int(telling, "nth", integer_of(telling, "nth"));
    }
    put(telling, "how", text_of(telling, "how"));
    if (tree_get(telling->verb, "times") != NULL) {
        put_int(telling, "times", integer_of(telling, "times"));
    }
    if (tree_get(telling->verb, "delay") != NULL) {
        put_int(telling, "delay", integer_of(telling, "delay"));
    }
    if (tree_get(telling->verb, "count") != NULL) {
        put_int(telling, "count", integer_of(telling, "count"));
    }
}

/* HEAL names the effect it ends as its verb. */
static void tell_heal(struct telling *telling)
{
    telling->step->entry.verb = text_of(telling, "what");
}

static const struct verb {
    enum field_root root;
    enum plan_kind kind;
    const char *word;
    void (*tell)(struct telling *telling);
    const char *names[2]; /* arguments that say what it is about, for people */
} verbs[] = {
    {ROOT_RIS, PLAN_DO, "demographics", tell_demographics, {"person"}},
    {ROOT_RIS, PLAN_DO, "order", tell_order, {"study"}},
    {ROOT_RIS, PLAN_DO, "arrive", tell_exam, {"study"}},
    {ROOT_RIS, PLAN_DO, "complete", tell_exam, {"study"}},
    {ROOT_RIS, PLAN_DO, "cancel", tell_exam, {"study"}},
    {ROOT_RIS, PLAN_DO, "report", tell_exam, {"study"}},
    {ROOT_RIS, PLAN_DO, "merge", tell_merge, {"person"}},
    {ROOT_RIS, PLAN_DO, "meeting", tell_meeting, {"id"}},
    {ROOT_RIS, PLAN_FAULT, "ack_lost", tell_fault, {NULL}},
    {ROOT_RIS, PLAN_FAULT, "duplicate", tell_fault, {NULL}},
    {ROOT_RIS, PLAN_FAULT, "down", tell_fault, {NULL}},
    {ROOT_RIS, PLAN_HEAL, "heal", tell_heal, {"what"}},
    {ROOT_VIEWER, PLAN_DO, "query", tell_query, {"person", "study"}},
    {ROOT_VIEWER, PLAN_DO, "retrieve", tell_retrieve, {"study"}},
    {ROOT_VIEWER, PLAN_FAULT, "down", tell_fault, {NULL}},
    {ROOT_VIEWER, PLAN_HEAL, "heal", tell_heal, {"what"}},
    {ROOT_PACS, PLAN_DO, "study_arrives", tell_study, {"study"}},
    {ROOT_PACS, PLAN_DO, "reject", tell_study, {"study"}},
    {ROOT_PACS, PLAN_DO, "delete", tell_study, {"study"}},
    {ROOT_PACS, PLAN_FAULT, "hold", tell_fault, {"op"}},
    {ROOT_PACS, PLAN_FAULT, "hang", tell_fault, {"op"}},
    {ROOT_PACS, PLAN_FAULT, "down", tell_fault, {NULL}},
    {ROOT_PACS, PLAN_FAULT, "crash", tell_fault, {NULL}},
    {ROOT_PACS, PLAN_FAULT, "reply", tell_fault, {"how"}},
    {ROOT_PACS, PLAN_FAULT, "slow", tell_fault, {NULL}},
    {ROOT_PACS, PLAN_HEAL, "heal", tell_heal, {"what"}},
    {ROOT_HUB, PLAN_FAULT, "kill", tell_fault, {NULL}},
};

/* ---- Conditions. */

static void bind_condition(struct binder *binder, const struct tree *tree, size_t step_index, struct condition *condition)
{
    const struct scenario *scenario = binder->scenario;
    const struct tree *nth = tree_get(tree, "nth"), *count = tree_get(tree, "count"), *since = tree_get(tree, "since"), *event = tree_get(tree, "event");
    condition->mark = (struct mark){tree->at.line, tree->at.column};
    if (event != NULL && event->kind == TREE_TEXT) {
        (void)observation_from_text(event->text, &condition->event);
    }
    uint32_t node = bind_index(binder, NAMES_NODES, tree_get(tree, "node")), study = bind_index(binder, NAMES_STUDIES, tree_get(tree, "study"));
    if (node != NONE && node < scenario->node_count) {
        condition->node = scenario->nodes[node].id;
    }
    if (study != NONE && study < binder->planned_count) {
        condition->study_uid = scenario->studies[study].study_uid;
        condition->accession = scenario->studies[study].accession;
    }
    condition->text = field_text(ROOT_SCENARIO, "story[].after[].type", tree_get(tree, "type"));
    condition->complete = field_integer(ROOT_SCENARIO, "story[].after[].complete", tree_get(tree, "complete")) != 0;
    condition->count = count != NULL ? COUNT_HISTORY : field_integer(ROOT_SCENARIO, "story[].after[].nth", nth);
    if (nth != NULL && count != NULL) {
        (void)complain(binder->to, "P308", count->key_at, "a condition counts with nth or with count, not with both");
    }
    uint32_t before = bind_index(binder, NAMES_STEPS, since);
    if (before != NONE) {
        condition->since = since->text;
        if (before >= step_index) {
            (void)complain(binder->to, "P501", since->at, "step %s does not stand before this one: steps are told in order, it could never be told",
                           quoted(since->text).text);
        }
    }
}

static void bind_conditions(struct binder *binder, const struct tree *after, size_t step_index, struct step *step)
{
    if (after == NULL) {
        return;
    }
    if (after->kind == TREE_MAP) {
        bind_condition(binder, after, step_index, &step->after[step->condition_count++]);
        return;
    }
    for (const struct tree *tree = after->first; tree != NULL && step->condition_count < CONDITIONS_MAX; tree = tree->next) {
        bind_condition(binder, tree, step_index, &step->after[step->condition_count++]);
    }
}

/* ---- One step. */

static slice step_text(struct telling *telling, const struct verb *verb)
{
    char text[160];
    struct buffer buffer = buffer_over(text, sizeof text);
    buffer_put(&buffer, telling->step->actor);
    buffer_put_text(&buffer, ": ");
    buffer_put(&buffer, telling->verb->key);
    for (size_t i = 0; i < 2; i++) {
        const struct tree *name = verb->names[i] == NULL ? NULL : tree_get(telling->verb, verb->names[i]);
        if (name != NULL && name->kind == TREE_TEXT) {
            buffer_put_text(&buffer, " ");
            buffer_put(&buffer, name->text);
        }
    }
    return bind_text(telling->binder, &buffer);
}

static void tell(struct telling *telling)
{
    static const struct tree nothing = {.kind = TREE_MAP};
    const struct tree *arguments = telling->verb;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (verbs[i].root != telling->root || !slice_equal(slice_from(verbs[i].word), arguments->key)) {
            continue;
        }
        telling->step->entry.kind = verbs[i].kind;
        telling->step->entry.verb = arguments->key;
        telling->step->text = telling->step->text.size > 0 ? telling->step->text : step_text(telling, &verbs[i]);
        if (arguments->kind == TREE_MAP && arguments != &nothing) {
            verbs[i].tell(telling);
        }
        return;
    }
}

static void bind_actor(struct telling *telling, const struct tree *actor)
{
    struct binder *binder = telling->binder;
    uint32_t node = NONE;
    if (!map_find(&binder->names[NAMES_NODES].map, actor->key, &node) || node >= binder->scenario->node_count) {
        struct nearest nearest = nearest_begin(actor->key);
        for (const struct field *child = field_next_child(ROOT_SCENARIO, field_find(ROOT_SCENARIO, "story[]"), NULL); child != NULL;
             child = field_next_child(ROOT_SCENARIO, field_find(ROOT_SCENARIO, "story[]"), child)) {
            nearest_try(&nearest, slice_from(field_name(child)));
        }
        for (size_t n = 0; n < binder->scenario->node_count; n++) {
            nearest_try(&nearest, binder->scenario->nodes[n].id);
        }
        struct problem *added = complain(binder->to, "P202", actor->key_at, "%s is neither a node nor a key of a step%s", quoted(actor->key).text,
                                         nearest_hint(&nearest).text);
        problem_relate(added, binder->names[NAMES_NODES].declared, "nodes are declared here");
        return;
    }
    telling->node = node;
    telling->step->actor = binder->scenario->nodes[node].id;
    telling->root = bind_variant(binder, field_find(ROOT_SCENARIO, "story[].*"), actor);
    if (actor->kind != TREE_MAP) {
        return;
    }
    if (actor->count != 1) {
        (void)complain(binder->to, "P202", actor->key_at, "a step tells one node one thing; %s is told %zu", quoted(actor->key).text, actor->count);
        return;
    }
    telling->verb = actor->first;
    tell(telling);
}

static bool is_step_key(slice key)
{
    static const char *const keys[] = {"id", "after", "text", "at"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (slice_equal(key, slice_from(keys[i]))) {
            return true;
        }
    }
    return false;
}

static void bind_step(struct binder *binder, const struct tree *tree, size_t index, struct step *step)
{
    struct telling telling = {.binder = binder, .step = step, .index = index, .root = ROOT_COUNT};
    const struct tree *actor = NULL;
    step->id = field_text(ROOT_SCENARIO, "story[].id", tree_get(tree, "id"));
    step->text = field_text(ROOT_SCENARIO, "story[].text", tree_get(tree, "text"));
    step->mark = (struct mark){tree->at.line, tree->at.column};
    step->entry = (struct plan_entry){.id = (int64_t)(binder->scenario->history_count + index + 1)};
    bind_conditions(binder, tree_get(tree, "after"), index, step);
    for (const struct tree *entry = tree->first; entry != NULL; entry = entry->next) {
        if (is_step_key(entry->key)) {
            continue;
        }
        if (actor != NULL) {
            struct problem *added = complain(binder->to, "P202", entry->key_at, "a step tells one node; this one names %s and %s: make two steps of it",
                                             quoted(actor->key).text, quoted(entry->key).text);
            problem_relate(added, actor->key_at, "the first is here");
            continue;
        }
        actor = entry;
        bind_actor(&telling, entry);
    }
    if (actor == NULL && tree_get(tree, "after") == NULL && tree_get(tree, "at") == NULL) {
        (void)complain(binder->to, "P202", tree->at, "this step neither tells a node something nor waits for anything");
    }
    step->text = step->text.size > 0 ? step->text : step->id;
}

static void check_step_id(struct binder *binder, const struct tree *tree, size_t index)
{
    const struct scenario *scenario = binder->scenario;
    const struct tree *id = tree_get(tree, "id");
    for (size_t i = 0; i < index && id != NULL; i++) {
        if (id->kind == TREE_TEXT && slice_equal(scenario->story[i].id, id->text)) {
            struct problem *added = complain(binder->to, "P205", id->at, "step %s stands twice; a step has a name of its own", quoted(id->text).text);
            problem_relate(added, (struct span){scenario->story[i].mark.line, scenario->story[i].mark.column, 0}, "the first is here");
            return;
        }
    }
}

void bind_story(struct binder *binder)
{
    struct scenario *scenario = binder->scenario;
    const struct tree *story = tree_get(binder->root, "story");
    bool usable = story != NULL && story->kind == TREE_LIST;
    size_t max = usable && story->count <= 1000 ? story->count : 0;
    scenario->story = bind_array(binder, max + 1, sizeof *scenario->story);
    for (const struct tree *tree = max == 0 ? NULL : story->first; tree != NULL && binder->err == ERR_OK; tree = tree->next) {
        if (tree->kind == TREE_MAP) {
            check_step_id(binder, tree, scenario->step_count);
            bind_step(binder, tree, scenario->step_count, &scenario->story[scenario->step_count]);
            scenario->step_count++;
        }
    }
}
