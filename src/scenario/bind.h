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
    bool no_prefetch;        /* policy: {prefetch: false} */
    struct shape *shapes;    /* of the file, in order */
    struct param_use *uses; /* where params stand, see params.c */
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
void bind_links(struct binder *binder);      /* and service times, policies */
void bind_population(struct binder *binder); /* calendars, shapes, sizes, sites, patients, staff */
void bind_pathways(struct binder *binder);
void bind_arrivals(struct binder *binder);
void bind_meetings(struct binder *binder);
void bind_timeline(struct binder *binder);
void bind_faults(struct binder *binder);
void bind_experiment(struct binder *binder); /* many runs, and what is observed */
void check_world(struct binder *binder);     /* P5 and P7: what can be told without running it */
enum field_root bind_variant(void *self, const struct field *field, const struct tree *tree);

/* Params: read, set from the command line, and put in for every $NAME of the tree; params_relate says of problems at such a
 * place where the value comes from. */
void params_bind(struct binder *binder, struct tree *root);
/* A value for the param of that name (compare, sweep, skip). */
void param_check(struct binder *binder, slice name, const struct tree *tree, slice path);
void params_relate(const struct binder *binder, struct problems *problems);
/* Does an entry of `studies:` describe an examination, the sizes of a modality, or growth? And one of `people:`? */
enum field_root studies_root(const struct tree *entry);
enum field_root people_root(const struct tree *entry);
size_t people_in(const struct tree *entry); /* patients that an entry of `people:` is */

/* Index of a name; NONE when there is none. */
uint32_t bind_index(const struct binder *binder, enum name_kind kind, const struct tree *name);
/* Zeroed memory; notes ERR_LIMIT and gives null when there is none. */
void *bind_array(struct binder *binder, size_t count, size_t size);
slice bind_text(struct binder *binder, const struct buffer *buffer);
slice bind_copy(struct binder *binder, slice text);
/* One line for --explain about a value that follows from something else. */
void bind_explain(struct binder *binder, const char *group, slice id, const char *key, slice value, const char *origin);

/* ---- Values (bind_value.c). A list, or the one value that stands for it. */
const struct tree *one_first(const struct tree *tree);
const struct tree *one_next(const struct tree *tree, const struct tree *at);
size_t one_count(const struct tree *tree);
const struct tree *map_first(const struct tree *tree);  /* null when it is no map */
const struct tree *list_first(const struct tree *tree); /* null when it is no list */
struct mark mark_of(const struct tree *tree);
/* Indexes of names, those that are unknown left out. */
const uint32_t *bind_indexes(struct binder *binder, enum name_kind kind, const struct tree *names, size_t *count);
/* A point in time; `around` is the map in which `fold` may stand. False, and *at unchanged, when it is none. */
bool bind_instant(struct binder *binder, const struct tree *tree, const struct tree *around, time_ns *at);
bool bind_stamp(struct binder *binder, slice stamp, const struct tree *tree, const struct tree *around, time_ns *at);
/* Complains (P405) of a point in time before the start or after the end of the run. */
void bind_inside(struct binder *binder, const struct tree *tree, time_ns at);
/* Complains (P311) and is false when the shares of a map do not sum to 1. */
bool bind_sum_is_one(struct binder *binder, const struct tree *map, const char *group, slice id, const char *key);
const int64_t *bind_by_modality(struct binder *binder, const struct tree *map);
void bind_distribution(struct binder *binder, enum field_root root, const char *path, const struct tree *tree, struct distribution *distribution);
/* Parts of nodes that bind_links.c reads. */
void bind_service(struct binder *binder, const struct tree *entry, struct scenario_node *node);
void bind_policy(struct binder *binder, const struct tree *entry, const struct scenario_node *node);
/* The profile of that name; complains (P210) at `at`, and is null, when there is none or it has errors. */
const struct vendor_profile *bind_profile_named(struct binder *binder, const struct tree *at, slice name, const char *path);
/* Refuses (P602) a word that has no meaning in the world of the run; empty reasons: it has one. */
void refuse_in_world(struct binder *binder, struct span at, const char *word, const char *not_wire, const char *not_virtual);
/* Null (and a complaint) when the name is not of a shape of that kind; NONE when no calendar is named. */
const struct shape *bind_shape_of(struct binder *binder, const struct tree *name, enum shape_kind kind);
uint32_t bind_calendar_of(const struct binder *binder, const struct tree *name);
uint32_t bind_ris(const struct scenario *scenario); /* the node; NONE when there is none */
/* The bytes of a file that a text names, beside the scenario; complains (P101). */
bool bind_read_beside(struct binder *binder, const struct tree *name, char *path, size_t size, slice *source);

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
