/* SPDX-License-Identifier: MIT */
#include "src/scenario/scenario.h"

#include "src/bench/results.h"
#include "src/scenario/field.h"
#include "src/scenario/rules.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define QUICKSTART "scenarios/quickstart.yaml"

static struct problems problems;

static const struct scenario *read(struct arena *arena, const char *path, uint64_t seed)
{
    struct scenario *scenario = NULL;
    const struct scenario_options options = {.seed_given = seed > 0, .seed = seed};
    problems = (struct problems){.count = 0};
    ck_assert_int_eq(arena_make(arena, 64u << 20), ERR_OK);
    enum err err = scenario_read(&scenario, path, &options, &problems, arena);
    ck_assert_msg(err == ERR_OK, "%s", problems.list[0].error.text);
    return scenario;
}

static const struct person *person(const struct scenario *scenario, const char *id)
{
    for (size_t i = 0; i < scenario->person_count; i++) {
        if (slice_equal(scenario->persons[i].id, slice_from(id))) {
            return &scenario->persons[i];
        }
    }
    ck_abort_msg("no %s", id);
    return NULL;
}

static const struct step *step(const struct scenario *scenario, const char *id)
{
    for (size_t i = 0; i < scenario->step_count; i++) {
        if (slice_equal(scenario->story[i].id, slice_from(id))) {
            return &scenario->story[i];
        }
    }
    ck_abort_msg("no %s", id);
    return NULL;
}

static bool says(const struct plan_entry *entry, const char *name, const char *value)
{
    return slice_equal(plan_get(entry, name), slice_from(value));
}

START_TEST(processes_that_read_the_same_file_agree_on_every_number)
{
    struct arena a, b, c;
    const struct scenario *one = read(&a, QUICKSTART, 0), *two = read(&b, QUICKSTART, 0), *other = read(&c, QUICKSTART, 77);
    ck_assert_uint_eq(one->seed, 2009);
    ck_assert_uint_eq(one->study_count, two->study_count);
    for (size_t i = 0; i < one->study_count; i++) {
        ck_assert(slice_equal(one->studies[i].study_uid, two->studies[i].study_uid));
        ck_assert(slice_equal(one->studies[i].accession, two->studies[i].accession));
    }
    ck_assert(!slice_equal(one->studies[0].study_uid, other->studies[0].study_uid));
    ck_assert(slice_starts(one->studies[0].study_uid, SLICE("2.25.")));
    arena_drop(&a);
    arena_drop(&b);
    arena_drop(&c);
}
END_TEST

START_TEST(a_crowd_is_welsh_and_its_numbers_are_sound)
{
    struct arena arena;
    const struct scenario *scenario = read(&arena, QUICKSTART, 0);
    size_t crowd = 0, jones = 0, marked = 0;
    for (size_t i = 0; i < scenario->person_count; i++) {
        const struct person *one = &scenario->persons[i];
        ck_assert(value_is_nhs_number(one->nhs) && slice_starts(one->nhs, SLICE("999000")));
        for (size_t j = 0; j < i; j++) {
            ck_assert(!slice_equal(scenario->persons[j].nhs, one->nhs));
        }
        if (slice_starts(one->id, SLICE("crowd-"))) {
            crowd++;
            jones += slice_equal(one->family, SLICE("Jones"));
            marked += memchr(one->family.data, 0xC5, one->family.size) != NULL || memchr(one->given.data, 0xC3, one->given.size) != NULL;
        }
    }
    ck_assert_uint_eq(crowd, 40);
    ck_assert_uint_ge(jones * 100, crowd * 8);
    ck_assert_uint_gt(marked, 0);
    arena_drop(&arena);
}
END_TEST

START_TEST(an_accession_number_names_one_examination_of_its_site)
{
    struct arena arena;
    const struct scenario *scenario = read(&arena, QUICKSTART, 0);
    for (size_t i = 0; i < scenario->study_count; i++) {
        const struct scenario_study *study = &scenario->studies[i];
        ck_assert(slice_starts(study->accession, scenario->sites[scenario->nodes[study->node].site].accession));
        ck_assert(study->accession.size >= 9 && study->accession.size <= 11);
        for (size_t j = 0; j < i; j++) {
            ck_assert(!slice_equal(scenario->studies[j].accession, study->accession));
        }
    }
    arena_drop(&arena);
}
END_TEST

/* Her maiden name is told before the site that knows her by it registers her, or the two would never be linked. */
START_TEST(history_tells_the_maiden_name_before_it_is_needed)
{
    struct arena arena;
    const struct scenario *scenario = read(&arena, QUICKSTART, 0);
    size_t renamed = SIZE_MAX, registered = SIZE_MAX, ordered = SIZE_MAX, exams = 0;
    for (size_t h = 0; h < scenario->history_count; h++) {
        const struct plan_entry *entry = &scenario->history[h];
        ck_assert_int_eq(entry->id, (int64_t)h + 1);
        exams += slice_equal(entry->verb, SLICE("complete"));
        if (says(entry, "person", "woman")) {
            renamed = slice_equal(entry->verb, SLICE("demographics")) && says(entry, "previous_family", "Llywelyn") ? h : renamed;
            registered = slice_equal(entry->verb, SLICE("register")) && says(entry, "site", "SWA") && says(entry, "family", "Llywelyn") ? h : registered;
            ordered = ordered == SIZE_MAX && slice_equal(entry->verb, SLICE("order")) && says(entry, "site", "SWA") ? h : ordered;
        }
        ck_assert(!says(entry, "study_uid", "") || !slice_equal(entry->verb, SLICE("order")));
    }
    ck_assert(renamed < registered && registered < ordered && ordered < scenario->history_count);
    ck_assert_uint_eq(exams, scenario->history_exams);
    ck_assert_uint_eq(exams, scenario->study_count - 1); /* all but the planned one */
    arena_drop(&arena);
}
END_TEST

START_TEST(the_story_is_told_in_the_words_of_its_actors)
{
    struct arena arena;
    const struct scenario *scenario = read(&arena, QUICKSTART, 0);
    const struct plan_entry *order = &step(scenario, "order")->entry, *merge = &step(scenario, "merge")->entry, *meeting = &step(scenario, "mdt")->entry;
    ck_assert(says(order, "reading_site", "pacs_velindre") && says(order, "scheduled_in", "7200000000000") && says(order, "number", "V31007"));
    ck_assert(says(merge, "number", "40021111") && says(merge, "prior_number", "40029999") && says(merge, "prior_site", "GWE"));
    ck_assert(says(meeting, "node", "mdt_llandough") && says(meeting, "nhs", "9990000018") && says(meeting, "meeting_in", "86400000000000"));
    const struct step *release = step(scenario, "release"), *hold = step(scenario, "scan-published");
    ck_assert(release->entry.kind == PLAN_HEAL && slice_equal(release->entry.verb, SLICE("hold")));
    ck_assert(hold->entry.kind == PLAN_FAULT && says(&hold->entry, "op", "store") && says(&hold->entry, "nth", "20"));
    ck_assert_int_eq(step(scenario, "published")->after[0].count, COUNT_HISTORY);
    ck_assert_uint_eq(step(scenario, "again")->condition_count, 4);
    ck_assert(slice_equal(step(scenario, "fetch")->after[0].since, SLICE("ask-healed")));
    ck_assert_uint_eq(step(scenario, "end")->actor.size, 0);
    ck_assert(slice_equal(person(scenario, "twice")->also_numbers[3], SLICE("40029999")));
    arena_drop(&arena);
}
END_TEST

START_TEST(engine_yaml_reads_back_as_it_was_written)
{
    struct arena arena;
    const struct scenario *scenario = read(&arena, QUICKSTART, 0);
    char path[] = "/tmp/pont-engine-yaml-XXXXXX";
    for (size_t n = 0; n < scenario->node_count; n++) {
        scenario->nodes[n].dicom_port = (uint16_t)(11100 + n);
    }
    struct buffer text = buffer_make(&arena, 1 << 16);
    ck_assert_int_eq(engine_yaml_write(scenario, "state \"x\"", &text), ERR_OK);
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    ck_assert(file != NULL && fwrite(text.data, 1, text.size, file) == text.size && fclose(file) == 0);
    struct engine_file *engine = NULL;
    problems = (struct problems){.count = 0};
    enum err err = engine_yaml_read(&engine, path, &problems, &arena);
    remove(path);
    ck_assert_msg(err == ERR_OK, "%s", problems.list[0].error.text);
    ck_assert_uint_eq(engine->config.node_count, scenario->node_count - 1);
    ck_assert_uint_eq(engine->config.organisation_count, scenario->site_count);
    ck_assert_int_eq(engine->config.query_deadline_ns, 3 * TIME_S);
    ck_assert_uint_eq(engine->config.memory, 160u << 20);
    ck_assert(slice_equal(engine->registry, SLICE("state \"x\"/registry.db")));
    const struct node_config *uhw = &engine->config.nodes[0];
    ck_assert(slice_equal(uhw->name, SLICE("pacs_uhw")) && slice_equal(uhw->vendor, SLICE("agfa")) && uhw->source && uhw->answers_list);
    ck_assert_uint_eq(uhw->dialect & UINT64_C(1) << DIALECT_no_wildcards, UINT64_C(1) << DIALECT_no_wildcards);
    ck_assert_uint_eq(engine->peers[uhw->peer].dicom_port, 11100);
    arena_drop(&arena);
}
END_TEST

START_TEST(a_level_of_quirks_leaves_out_what_is_less_sure)
{
    struct arena arena;
    ck_assert_int_eq(arena_make(&arena, 32u << 20), ERR_OK);
    struct vendor_profile *all = NULL, *documented = NULL;
    problems = (struct problems){.count = 0};
    ck_assert_int_eq(vendor_read(&all, SLICE("fuji"), &(struct scenario_options){0}, &problems, &arena), ERR_OK);
    ck_assert_int_eq(vendor_read(&documented, SLICE("fuji"), &(struct scenario_options){.quirks = SLICE("documented")}, &problems, &arena), ERR_OK);
    ck_assert(vendor_has(all, QUIRK_find_response_cap_silent) && all->row_cap > 0);
    ck_assert(!vendor_has(documented, QUIRK_find_response_cap_silent) && documented->row_cap == 0);
    ck_assert_uint_lt(documented->dialect_count, all->dialect_count);
    ck_assert_int_eq(vendor_read(&all, SLICE("nobody"), &(struct scenario_options){0}, &problems, &arena), ERR_NOT_FOUND);
    arena_drop(&arena);
}
END_TEST

/* Words of the language that stand in two tables must be the same words. */
START_TEST(expectations_can_name_what_the_judge_judges)
{
    static const char *const named[][2] = {
#define INVARIANT_NAME(name, number) {name, number},
#include "src/scenario/words.def"
    };
    static const char *const judged[][2] = {
#define INVARIANT(name, number, text) {#name, number},
#include "src/bench/invariants.def"
#undef INVARIANT
    };
    static const char *const counts[] = {
#define COUNT_NAME(name) name,
#include "src/scenario/words.def"
    };
    static const char *const counted[] = {
#define COUNT(name, from, text) #name,
#include "src/bench/counts.def"
#undef COUNT
    };
    for (size_t i = 0; i < sizeof judged / sizeof judged[0]; i++) {
        bool found = false;
        for (size_t n = 0; n < sizeof named / sizeof named[0]; n++) {
            enum invariant invariant;
            bool same = invariant_from_name(slice_from(named[n][0]), &invariant) && invariant == (enum invariant)i;
            found = found || (same && strcmp(named[n][1], judged[i][1]) == 0);
        }
        ck_assert_msg(found, "%s (%s)", judged[i][0], judged[i][1]);
    }
    static const char *const situations[] = {
#define SITUATION_NAME(name, text) name,
#include "src/scenario/words.def"
    };
    static const char *const reached[] = {
#define REACH(name, text) #name,
#include "src/bench/reach.def"
#undef REACH
    };
    static const char *const measures[] = {
#define MEASURE_NAME(name, kind, text) name, #kind,
#include "src/scenario/words.def"
    };
    static const char *const measured[] = {
#define MEASURE(name, kind, written, text) written, #kind,
#include "src/bench/slo.def"
#undef MEASURE
    };
    ck_assert_uint_eq(sizeof situations, sizeof reached);
    for (size_t i = 0; i < sizeof reached / sizeof reached[0]; i++) {
        ck_assert_str_eq(situations[i], reached[i]);
    }
    for (size_t i = 0; i < sizeof measures / sizeof measures[0]; i++) {
        ck_assert_str_eq(measures[i], measured[i]);
    }
    for (size_t n = 0; n < sizeof named / sizeof named[0]; n++) {
        for (size_t i = 0; i < n; i++) {
            ck_assert_str_ne(named[n][0], named[i][0]);
            ck_assert_str_ne(named[n][1], named[i][1]);
        }
    }
    for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++) {
        ck_assert_str_eq(counts[i], counted[i]);
    }
}
END_TEST

START_TEST(the_table_of_fields_is_whole)
{
    for (size_t i = 0; i < field_count; i++) {
        const struct field *field = &fields[i], *parent = NULL;
        ck_assert_msg(field_find(field->root, field->path) == field, "%s stands twice", field->path);
        for (size_t j = 0; j < i; j++) {
            size_t size = strlen(fields[j].path);
            bool above = fields[j].root == field->root && strncmp(fields[j].path, field->path, size) == 0;
            parent = above && (strcmp(field->path + size, "[]") == 0 || (field->path[size] == '.' && strpbrk(field->path + size + 1, ".[") == NULL)) ? &fields[j] : parent;
        }
        bool top = strpbrk(field->path, ".[") == NULL;
        bool found = false;
        for (const struct field *child = field_next_child(field->root, parent, NULL); child != NULL; child = field_next_child(field->root, parent, child)) {
            found = found || child == field;
        }
        ck_assert_msg((top || parent != NULL) && found, "%s cannot be reached", field->path);
    }
    for (size_t i = 0; i < rule_count; i++) {
        ck_assert_ptr_eq(rule_find(slice_from(rules[i].id)), &rules[i]);
    }
}
END_TEST

/* The same file in ever larger arenas: a limit each time, until it fits. */
START_TEST(a_scenario_fails_cleanly_in_a_small_arena)
{
    enum err err = ERR_LIMIT;
    for (size_t size = 1024; err == ERR_LIMIT; size += 4096) {
        struct arena arena;
        struct scenario *scenario = NULL;
        const struct scenario_options options = {.speed = 1};
        problems = (struct problems){.count = 0};
        ck_assert_int_eq(arena_make(&arena, size), ERR_OK);
        ck_assert_uint_lt(size, 64u << 20);
        err = scenario_read(&scenario, "scenarios/broken/mutants.yaml", &options, &problems, &arena);
        ck_assert(err == ERR_OK ? scenario != NULL : scenario == NULL && problems.count > 0);
        arena_drop(&arena);
    }
    ck_assert_int_eq(err, ERR_OK);
}
END_TEST

UNIT_MAIN(processes_that_read_the_same_file_agree_on_every_number, a_crowd_is_welsh_and_its_numbers_are_sound,
          an_accession_number_names_one_examination_of_its_site, history_tells_the_maiden_name_before_it_is_needed,
          the_story_is_told_in_the_words_of_its_actors, engine_yaml_reads_back_as_it_was_written, a_level_of_quirks_leaves_out_what_is_less_sure,
          expectations_can_name_what_the_judge_judges, the_table_of_fields_is_whole, a_scenario_fails_cleanly_in_a_small_arena)
