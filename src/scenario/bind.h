/* SPDX-License-Identifier: MIT
 *
 * Bind: from the checked tree to struct scenario, one file per part of it. Each binder complains of what the table of
 * fields cannot know (numbers used twice, a study where its patient is unknown) and goes on, so that one pass shows
 * everything; what it cannot resolve it leaves out. */
#ifndef PONT_SCENARIO_BIND_H
#define PONT_SCENARIO_BIND_H

#include "src/scenario/field.h"

#define NONE UINT32_MAX

struct binder {
    struct scenario *scenario;
    const struct tree *root;
    const struct complaints *to;
    struct arena *arena;
    const struct scenario_options *options;
    struct walk walk;
    struct names names[NAMES_KINDS];
    struct map numbers;   /* "issuer/number" of patients, "NHS/number": to the person's index */
    struct map accessions; /* accession number: to the study's index */
    size_t planned_count; /* studies written in the file, before those of a crowd */
    int64_t *next_local, *next_accession; /* per site: the last one made */
    int64_t next_nhs;
    enum err err;         /* ERR_LIMIT: the arena is full */
};

/* Names of everything, before anything is checked. */
void bind_names(struct binder *binder);
void bind_run(struct binder *binder);
void bind_world(struct binder *binder);
void bind_people(struct binder *binder);
void bind_studies(struct binder *binder);
void bind_history(struct binder *binder);
void bind_story(struct binder *binder);
void bind_expectations(struct binder *binder);
enum field_root bind_variant(void *self, const struct field *field, const struct tree *tree);

/* Index of a name; NONE when there is none. */
uint32_t bind_index(const struct binder *binder, enum name_kind kind, const struct tree *name);
/* Zeroed memory; notes ERR_LIMIT and gives null when there is none. */
void *bind_array(struct binder *binder, size_t count, size_t size);
slice bind_text(struct binder *binder, const struct buffer *buffer);
slice bind_copy(struct binder *binder, slice text);
/* One line for --explain about a value that follows from something else. */
void bind_explain(struct binder *binder, const char *group, slice id, const char *key, slice value, const char *origin);

/* ---- People and studies as arguments of plan entries (sim/ris/arguments.def). */
void entry_put(struct binder *binder, struct plan_entry *entry, const char *name, slice value);
void entry_put_int(struct binder *binder, struct plan_entry *entry, const char *name, int64_t value);
void entry_put_who(struct binder *binder, struct plan_entry *entry, const struct person *person, uint32_t site, enum filed_under under);
void entry_put_exam(struct binder *binder, struct plan_entry *entry, const struct scenario_study *study);
time_ns study_time(const struct scenario_study *study);
/* The number she is filed under at a site; empty when there is none. */
slice filed_number(const struct person *person, uint32_t site, enum filed_under under);

/* ---- Made people (crowd.c). */
void crowd_person(struct binder *binder, struct person *person, size_t nth);
void crowd_study(struct binder *binder, struct scenario_study *study, const struct person *person, size_t nth);
/* A local number for a made person at a site. */
slice crowd_number(struct binder *binder, uint32_t site);

#endif
