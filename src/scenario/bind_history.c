/* SPDX-License-Identifier: MIT */
#include "src/scenario/bind.h"

#include <assert.h>
#include <stdlib.h>

/* ---- Arguments of plan entries. */

void entry_put(struct binder *binder, struct plan_entry *entry, const char *name, slice value)
{
    (void)binder;
    if (value.size > 0) {
        assert(entry->argument_count < PLAN_ARGUMENTS_MAX);
        entry->arguments[entry->argument_count++] = (struct plan_argument){slice_from(name), value};
    }
}

void entry_put_int(struct binder *binder, struct plan_entry *entry, const char *name, int64_t value)
{
    char text[24];
    struct buffer buffer = buffer_over(text, sizeof text);
    buffer_put_int(&buffer, value);
    entry_put(binder, entry, name, bind_text(binder, &buffer));
}

/* A second number is one whose NHS number nobody knew; that is why it is a second one. */
void entry_put_who(struct binder *binder, struct plan_entry *entry, const struct person *person, uint32_t site, enum filed_under under)
{
    bool maiden = under == FILED_MAIDEN;
    entry_put(binder, entry, "person", person->id);
    entry_put(binder, entry, "site", binder->scenario->sites[site].issuer);
    entry_put(binder, entry, "number", filed_number(person, site, under));
    entry_put(binder, entry, "nhs", under == FILED_ALSO ? SLICE_EMPTY : person->nhs.size > 0 ? person->nhs : person->wrong_nhs);
    entry_put(binder, entry, "family", maiden ? person->maiden_family : person->family);
    entry_put(binder, entry, "given", maiden ? person->maiden_given : person->given);
    entry_put(binder, entry, "birth_date", person->birth_date);
    entry_put(binder, entry, "sex", person->sex);
}

void entry_put_exam(struct binder *binder, struct plan_entry *entry, const struct scenario_study *study)
{
    const struct site *site = &binder->scenario->sites[binder->scenario->nodes[study->node].site];
    entry_put_who(binder, entry, &binder->scenario->persons[study->person], binder->scenario->nodes[study->node].site, study->under);
    entry_put(binder, entry, "accession", study->accession);
    entry_put(binder, entry, "accession_issuer", site->accession);
    entry_put(binder, entry, "study_uid", study->study_uid);
    entry_put(binder, entry, "modality", study->modality);
    entry_put(binder, entry, "procedure", study->procedure);
    entry_put(binder, entry, "procedure_text", study->text);
    entry_put(binder, entry, "body_part", study->region);
    entry_put(binder, entry, "laterality", study->laterality);
}

/* ---- What RADIS2 tells before the story begins. */

static struct plan_entry *tell(struct binder *binder, slice verb)
{
    struct scenario *scenario = binder->scenario;
    struct plan_entry *entry = &scenario->history[scenario->history_count++];
    *entry = (struct plan_entry){.kind = PLAN_DO, .id = (int64_t)scenario->history_count, .verb = verb};
    return entry;
}

static void tell_registrations(struct binder *binder, enum filed_under under)
{
    const struct scenario *scenario = binder->scenario;
    for (size_t p = 0; p < scenario->person_count; p++) {
        for (uint32_t s = 0; s < scenario->site_count; s++) {
            if (filed_number(&scenario->persons[p], s, under).size > 0) {
                entry_put_who(binder, tell(binder, SLICE("register")), &scenario->persons[p], s, under);
            }
        }
    }
}

/* The name she had before: told by the first site that knows her under her present one. */
static bool is_renamed(const struct scenario *scenario, const struct person *person, uint32_t *site)
{
    for (*site = 0; *site < scenario->site_count; (*site)++) {
        if (person->maiden_family.size > 0 && person->numbers[*site].size > 0) {
            return true;
        }
    }
    return false;
}

static void tell_maiden_names(struct binder *binder)
{
    const struct scenario *scenario = binder->scenario;
    for (size_t p = 0; p < scenario->person_count; p++) {
        const struct person *person = &scenario->persons[p];
        uint32_t site = 0;
        if (is_renamed(scenario, person, &site)) {
            struct plan_entry *entry = tell(binder, SLICE("demographics"));
            entry_put_who(binder, entry, person, site, FILED_NAME);
            entry_put(binder, entry, "previous_family", person->maiden_family);
            entry_put(binder, entry, "previous_given", person->maiden_given);
            entry_put(binder, entry, "previous_kind", SLICE("M"));
        }
    }
}

/* No reading site: nobody waits for priors of what was read long ago. */
static void tell_exam(struct binder *binder, const struct scenario_study *study)
{
    struct plan_entry *order = tell(binder, SLICE("order"));
    entry_put_exam(binder, order, study);
    entry_put_int(binder, order, "scheduled_at", study_time(study));
    struct plan_entry *complete = tell(binder, SLICE("complete"));
    entry_put_exam(binder, complete, study);
    entry_put_int(binder, complete, "completed_at", study_time(study) + 20 * TIME_MIN);
    struct plan_entry *report = tell(binder, SLICE("report"));
    entry_put_exam(binder, report, study);
    entry_put_int(binder, report, "completed_at", study_time(study) + TIME_DAY);
    entry_put(binder, report, "report", slice_from(field_find(ROOT_RIS, "report.text")->fallback));
    entry_put(binder, report, "result", SLICE("F"));
    binder->scenario->history_exams++;
}

static int by_time(const void *left, const void *right)
{
    const struct scenario_study *a = *(const struct scenario_study *const *)left, *b = *(const struct scenario_study *const *)right;
    time_ns at = study_time(a), other = study_time(b);
    return at != other ? (at < other ? -1 : 1) : a->number < b->number ? -1 : a->number > b->number;
}

/* In order of their dates; those under a maiden name stand behind the registrations, which stand behind the A08. */
static void tell_exams(struct binder *binder)
{
    const struct scenario *scenario = binder->scenario;
    const struct scenario_study **order = bind_array(binder, scenario->study_count + 1, sizeof *order);
    size_t count = 0;
    for (size_t i = 0; order != NULL && i < scenario->study_count; i++) {
        const struct scenario_study *study = &scenario->studies[i];
        /* Imported archives hold what nobody ordered here. */
        if (!study->planned && study->node != NONE && study->person != NONE) {
            order[count++] = study;
        }
    }
    if (order != NULL) {
        qsort(order, count, sizeof *order, by_time);
    }
    for (size_t i = 0; i < count && binder->err == ERR_OK; i++) {
        tell_exam(binder, order[i]);
    }
}

static size_t history_max(const struct scenario *scenario)
{
    size_t count = scenario->study_count * 3;
    for (size_t p = 0; p < scenario->person_count; p++) {
        count += scenario->persons[p].maiden_family.size > 0;
        for (uint32_t s = 0; s < scenario->site_count; s++) {
            for (int under = FILED_NAME; under <= FILED_ALSO; under++) {
                count += filed_number(&scenario->persons[p], s, (enum filed_under)under).size > 0;
            }
        }
    }
    return count;
}

void bind_history(struct binder *binder)
{
    struct scenario *scenario = binder->scenario;
    scenario->history = bind_array(binder, history_max(scenario) + 1, sizeof *scenario->history);
    if (scenario->history == NULL) {
        return;
    }
    tell_registrations(binder, FILED_NAME);
    tell_registrations(binder, FILED_ALSO);
    tell_maiden_names(binder);
    tell_registrations(binder, FILED_MAIDEN);
    tell_exams(binder);
}
