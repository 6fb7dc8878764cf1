/* SPDX-License-Identifier: MIT */
#include "src/scenario/bind.h"

#include "src/dicom/uid.h"

#include <stdio.h>

/* ---- What is made when it is not written. */

static slice made_uid(struct binder *binder, slice id)
{
    uint64_t seed = binder->scenario->seed, entity = hash64(0, id);
    char uid[UID_SIZE_MAX + 1];
    struct buffer buffer = buffer_over(uid, UID_SIZE_MAX);
    uid_put(&buffer, random_draw(seed, PURPOSE('s', 't', 'u', 'h'), entity, 0), random_draw(seed, PURPOSE('s', 't', 'u', 'l'), entity, 0));
    return bind_text(binder, &buffer);
}

/* Three letters and six digits, ascending within a site with gaps; seven digits once a site has used up the six. */
static slice made_accession(struct binder *binder, uint32_t site)
{
    const struct site *home = &binder->scenario->sites[site];
    int64_t *last = &binder->next_accession[site];
    for (;;) {
        uint64_t step = random_draw(binder->scenario->seed, PURPOSE('a', 'c', 'c', 'n'), site, (uint64_t)*last);
        *last = *last == 0 ? 200000 + (int64_t)random_below(step, 300000) : *last + 1 + (int64_t)random_below(step, 37);
        char number[24];
        snprintf(number, sizeof number, "%.*s%06lld", SLICE_ARGS(slice_before(home->accession, 3)), (long long)*last);
        uint32_t other = 0;
        if (!map_find(&binder->accessions, slice_from(number), &other)) {
            return bind_copy(binder, slice_from(number));
        }
    }
}

static slice made_time(struct binder *binder, slice id)
{
    uint64_t draw = random_draw(binder->scenario->seed, PURPOSE('c', 'l', 'o', 'k'), hash64(0, id), 0);
    char time[7] = "";
    struct buffer buffer = buffer_over(time, 6);
    time_put_tm(&buffer, 8 * TIME_HOUR + (time_ns)random_below(draw, UINT64_C(9) * 3600) * TIME_S);
    return bind_text(binder, &buffer);
}

static void complete_study(struct binder *binder, struct scenario_study *study)
{
    uint32_t site = binder->scenario->nodes[study->node].site;
    study->time = study->time.size == 0 ? made_time(binder, study->id) : study->time;
    study->study_uid = study->study_uid.size == 0 ? made_uid(binder, study->id) : study->study_uid;
    study->accession = study->accession.size == 0 ? made_accession(binder, site) : study->accession;
    if (binder->err == ERR_OK && map_put(&binder->accessions, study->accession, (uint32_t)(study - binder->scenario->studies)) != ERR_OK) {
        binder->err = ERR_LIMIT;
    }
}

time_ns study_time(const struct scenario_study *study)
{
    char text[16];
    time_ns at = 0;
    snprintf(text, sizeof text, "%.*s%.*s", SLICE_ARGS(slice_before(study->date, 8)), SLICE_ARGS(slice_before(study->time, 6)));
    return time_from_ts(slice_from(text), &at) ? at : 0;
}

/* ---- What must fit together. */

/* A made person becomes known where a study puts her; a named one must have her number there. */
static void check_known(struct binder *binder, const struct tree *entry, const struct scenario_study *study, bool made_person)
{
    struct person *person = &binder->scenario->persons[study->person];
    uint32_t site = binder->scenario->nodes[study->node].site;
    if (binder->scenario->site_count == 0 || filed_number(person, site, study->under).size > 0) {
        return; /* known, or sites are complained of already */
    }
    if (made_person && study->under == FILED_NAME) {
        person->numbers[site] = crowd_number(binder, site);
        return;
    }
    static const char *const keys[] = {[FILED_NAME] = "numbers", [FILED_MAIDEN] = "maiden_numbers", [FILED_ALSO] = "also"};
    static const char *const unders[] = {[FILED_NAME] = "", [FILED_MAIDEN] = " under her maiden name", [FILED_ALSO] = " under a second number"};
    const struct tree *name = tree_get(entry, "person");
    struct problem *added = complain(binder->to, "P208", name->at, "%s is not known at %s%s; give her a number there (people.%.*s.%s)", quoted(person->id).text,
                                     quoted(binder->scenario->sites[site].id).text, unders[study->under], SLICE_ARGS(person->id), keys[study->under]);
    problem_relate(added, (struct span){person->mark.line, person->mark.column, 0}, "her numbers stand here");
}

static void check_dates(struct binder *binder, const struct tree *entry, const struct scenario_study *study)
{
    const struct tree *date = tree_get(entry, "date");
    const struct person *person = study->person == NONE ? NULL : &binder->scenario->persons[study->person];
    if (date == NULL || study->date.size == 0) {
        return;
    }
    if (person != NULL && person->birth_date.size > 0 && slice_compare(study->date, person->birth_date) < 0) {
        struct problem *added = complain(binder->to, "P403", date->at, "%s: before %s was born", quoted(date->text).text, quoted(person->id).text);
        problem_relate(added, (struct span){person->mark.line, person->mark.column, 0}, "this patient");
    }
    char today[9] = "";
    struct buffer buffer = buffer_over(today, 8);
    time_put_da(&buffer, binder->scenario->start);
    if (!study->planned && slice_compare(study->date, buffer_slice(&buffer)) > 0) {
        (void)complain(binder->to, "P404", date->at, "%s: after the scenario begins (run.clock.start); a study to come is `planned: true`", quoted(date->text).text);
    }
}

static void check_accession(struct binder *binder, const struct tree *accession, const struct scenario_study *study)
{
    uint32_t other = NONE;
    if (accession == NULL || accession->kind != TREE_TEXT || study->node == NONE) {
        return;
    }
    const struct site *home = &binder->scenario->sites[binder->scenario->nodes[study->node].site];
    if (!slice_starts(study->accession, home->accession)) {
        (void)complain(binder->to, "P307", accession->at, "%s does not begin with the letters of its site, %.*s", quoted(accession->text).text,
                       SLICE_ARGS(home->accession));
    } else if (map_find(&binder->accessions, study->accession, &other)) {
        const struct scenario_study *owner = &binder->scenario->studies[other];
        struct problem *added = complain(binder->to, "P212", accession->at, "accession number %s is already that of %s; a number names one examination",
                                         quoted(accession->text).text, quoted(owner->id).text);
        problem_relate(added, (struct span){owner->mark.line, owner->mark.column, 0}, "it is used here");
    }
}

/* ---- One study as written. */

static slice digits(struct binder *binder, const struct tree *tree, bool date)
{
    char text[9] = "";
    bool given = tree != NULL && tree->kind == TREE_TEXT && (date ? value_date(tree->text, text) : value_clock(tree->text, text));
    return given ? bind_copy(binder, slice_from(text)) : SLICE_EMPTY;
}

static void read_study(struct binder *binder, const struct tree *entry, struct scenario_study *study)
{
    study->id = entry->key;
    study->mark = (struct mark){entry->key_at.line, entry->key_at.column};
    study->person = bind_index(binder, NAMES_PEOPLE, tree_get(entry, "person"));
    study->node = bind_index(binder, NAMES_NODES, tree_get(entry, "at"));
    slice under = field_text(ROOT_EXAM, "under", tree_get(entry, "under"));
    study->under = slice_equal(under, SLICE("maiden")) ? FILED_MAIDEN : slice_equal(under, SLICE("also")) ? FILED_ALSO : FILED_NAME;
    study->modality = field_text(ROOT_EXAM, "modality", tree_get(entry, "modality"));
    study->date = digits(binder, tree_get(entry, "date"), true);
    study->time = digits(binder, tree_get(entry, "time"), false);
    study->region = field_text(ROOT_EXAM, "region", tree_get(entry, "region"));
    study->laterality = field_text(ROOT_EXAM, "laterality", tree_get(entry, "laterality"));
    study->procedure = field_text(ROOT_EXAM, "procedure", tree_get(entry, "procedure"));
    study->text = field_text(ROOT_EXAM, "text", tree_get(entry, "text"));
    study->accession = field_text(ROOT_EXAM, "accession", tree_get(entry, "accession"));
    study->study_uid = field_text(ROOT_EXAM, "uid", tree_get(entry, "uid"));
    study->image_count = (uint32_t)field_integer(ROOT_EXAM, "images", tree_get(entry, "images"));
    study->series_count = (uint32_t)field_integer(ROOT_EXAM, "series", tree_get(entry, "series"));
    study->planned = field_integer(ROOT_EXAM, "planned", tree_get(entry, "planned")) != 0;
}

static void bind_study(struct binder *binder, const struct tree *entry, struct scenario_study *study)
{
    struct scenario *scenario = binder->scenario;
    const struct tree *at = tree_get(entry, "at"), *series = tree_get(entry, "series");
    read_study(binder, entry, study);
    study->person = study->person != NONE && study->person < scenario->person_count ? study->person : NONE;
    study->node = study->node != NONE && study->node < scenario->node_count ? study->node : NONE;
    if (series != NULL && study->series_count > study->image_count) {
        (void)complain(binder->to, "P303", series->at, "%u series cannot hold %u images; a series has at least one", study->series_count, study->image_count);
    }
    if (study->node != NONE && scenario->nodes[study->node].kind != KIND_PACS) {
        struct problem *added = complain(binder->to, "P209", at->at, "%s is no PACS: a study is held by a node of kind pacs", quoted(at->text).text);
        problem_relate(added, (struct span){scenario->nodes[study->node].mark.line, scenario->nodes[study->node].mark.column, 0}, "this node");
        study->node = NONE;
    }
    check_dates(binder, entry, study);
    check_accession(binder, tree_get(entry, "accession"), study);
    if (study->person != NONE && study->node != NONE) {
        const struct person *person = &scenario->persons[study->person];
        const struct tree *people = tree_get(binder->root, "people");
        bool written = false;
        for (const struct tree *named = people->first; named != NULL; named = named->next) {
            written = written || slice_equal(named->key, person->id);
        }
        check_known(binder, entry, study, !written);
    }
    if (study->node != NONE) {
        complete_study(binder, study);
    }
}

/* ---- Studies of a crowd, spread over the PACS of the sites that know her. */

static uint32_t next_pacs(const struct scenario *scenario, const struct person *person, size_t nth)
{
    uint32_t candidates[SCENARIO_NODES_MAX];
    size_t count = 0;
    for (uint32_t n = 0; n < scenario->node_count; n++) {
        if (scenario->nodes[n].kind == KIND_PACS && scenario->nodes[n].import.size == 0 && person->numbers[scenario->nodes[n].site].size > 0) {
            candidates[count++] = n;
        }
    }
    return count == 0 ? NONE : candidates[nth % count];
}

static void bind_crowd_studies(struct binder *binder, const struct tree *entry, size_t first, size_t count)
{
    struct scenario *scenario = binder->scenario;
    int64_t each = field_integer(ROOT_CROWD, "studies", tree_get(entry, "studies"));
    for (size_t p = first; p < first + count && p < scenario->person_count; p++) {
        for (int64_t i = 0; i < each && binder->err == ERR_OK; i++) {
            uint32_t node = next_pacs(scenario, &scenario->persons[p], (size_t)i);
            if (node == NONE) {
                continue;
            }
            struct scenario_study *study = &scenario->studies[scenario->study_count];
            study->person = (uint32_t)p;
            study->node = node;
            study->mark = scenario->persons[p].mark;
            crowd_study(binder, study, &scenario->persons[p], (size_t)i);
            complete_study(binder, study);
            study->number = (int64_t)++scenario->study_count;
        }
    }
}

static size_t crowd_study_count(const struct tree *people)
{
    size_t count = 0;
    for (const struct tree *entry = people == NULL || people->kind != TREE_MAP ? NULL : people->first; entry != NULL; entry = entry->next) {
        if (people_root(entry) == ROOT_CROWD) {
            count += (size_t)((int64_t)people_in(entry) * field_integer(ROOT_CROWD, "studies", tree_get(entry, "studies")));
        }
    }
    return count;
}

void bind_studies(struct binder *binder)
{
    struct scenario *scenario = binder->scenario;
    const struct tree *studies = tree_get(binder->root, "studies"), *people = tree_get(binder->root, "people");
    size_t written = binder->names[NAMES_STUDIES].count, made = crowd_study_count(people);
    scenario->studies = bind_array(binder, written + made + 1, sizeof *scenario->studies);
    binder->next_accession = bind_array(binder, scenario->site_count + 1, sizeof *binder->next_accession);
    if (binder->err != ERR_OK || map_init(&binder->accessions, binder->arena, written + made + 1) != ERR_OK) {
        binder->err = ERR_LIMIT;
        return;
    }
    for (const struct tree *entry = written == 0 ? NULL : studies->first; entry != NULL && binder->err == ERR_OK; entry = entry->next) {
        if (studies_root(entry) != ROOT_EXAM) {
            continue;
        }
        bind_study(binder, entry, &scenario->studies[scenario->study_count]);
        scenario->studies[scenario->study_count].number = (int64_t)scenario->study_count + 1;
        scenario->study_count++;
    }
    binder->planned_count = scenario->study_count;
    if (scenario->study_count == 0 && made == 0) {
        return;
    }
    size_t index = 0;
    for (const struct tree *entry = people == NULL || people->kind != TREE_MAP ? NULL : people->first; entry != NULL; entry = entry->next) {
        size_t count = people_in(entry);
        if (people_root(entry) == ROOT_CROWD) {
            bind_crowd_studies(binder, entry, index, count);
        }
        index += count;
    }
}
