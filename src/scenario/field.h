/* SPDX-License-Identifier: MIT
 *
 * Field: the table of every key (fields.def) and the walk that holds a tree against it: shapes, unknown and missing keys,
 * units, ranges, names. Binders then read what they need and need not complain again. */
#ifndef PONT_SCENARIO_FIELD_H
#define PONT_SCENARIO_FIELD_H

#include "src/base/hash.h"
#include "src/base/map.h"
#include "src/base/random.h"
#include "src/scenario/tree.h"
#include "src/scenario/value.h"

enum field_root { ROOT_SCENARIO, ROOT_PERSON, ROOT_CROWD, ROOT_RIS, ROOT_VIEWER, ROOT_PACS, ROOT_HUB, ROOT_STAFF, ROOT_EXAM, ROOT_SIZES,
                  ROOT_GROWTH, ROOT_STEP, ROOT_DISTRIBUTION, ROOT_EFFECT, ROOT_PROFILE, ROOT_ENGINE, ROOT_COUNT };
enum field_type {
    FIELD_MAP,
    FIELD_ITEMS,       /* a map whose keys the writer chooses */
    FIELD_ITEMS_OF,    /* a map whose keys are names of `refers` */
    FIELD_LIST,
    FIELD_ONE_OR_LIST,
    FIELD_VARIANT,     /* described by another root, chosen by the caller */
    FIELD_ITEMS_ANY,   /* a map whose keys are values */
    FIELD_AUTO_OR_MAP, /* the word auto, or a map */
    FIELD_ONE_OF,      /* a map with one of its keys; the key alone where that needs nothing more */
    FIELD_NAME_OR_MAP, /* a name of `refers`, or a map */
    FIELD_CHOICE_OR_MAP,
    FIELD_EVERY,       /* a duration, or a map */
    FIELD_STEPS_OR_WORD, /* one of the choices, or a list */
    FIELD_DISTRIBUTION, /* a value of the kind `refers` (duration, count, size, share), or how it varies: root DISTRIBUTION */
    FIELD_EFFECT,      /* a word of root EFFECT, or a map with it */
    FIELD_ANY,         /* a single value that its binder understands */
    FIELD_VALUE,       /* what the distribution around it is of */
    FIELD_TEXT,
    FIELD_CODE,        /* text without spaces and backslashes */
    FIELD_ID,
    FIELD_BOOL,
    FIELD_INTEGER,
    FIELD_NUMBER_OR_ALL,
    FIELD_COUNT,
    FIELD_NUMBER,      /* decimal, in millionths */
    FIELD_SHARE,       /* 0 to 1 or %, in millionths */
    FIELD_DURATION,
    FIELD_SIGNED_DURATION,
    FIELD_SIZE,
    FIELD_BITRATE,     /* bits a second */
    FIELD_RATE,        /* so many in a time: millionths a year */
    FIELD_GROWTH,      /* a share in a time: millionths a year */
    FIELD_BUDGET,
    FIELD_INSTANT,     /* time from the start, time of its first day, or stamp */
    FIELD_WEEKLY,
    FIELD_HOURS,
    FIELD_NUMBERING,
    FIELD_DIGEST,
    FIELD_QUANTILE,
    FIELD_DATE,
    FIELD_CLOCK,
    FIELD_STAMP,
    FIELD_CHOICE,
    FIELD_REF,
    FIELD_TITLE,
    FIELD_ADDRESS,
    FIELD_UID,
    FIELD_NHS_NUMBER,
    FIELD_PERSON_NAME,
    FIELD_ACCESSION,
    FIELD_LATER,
    FIELD_TYPE_COUNT
};
enum field_need { FIELD_OPTIONAL, FIELD_REQUIRED };

struct field {
    enum field_root root;
    const char *path; /* within its root */
    enum field_type type;
    enum field_need need;
    int64_t low, high;
    const char *fallback, *refers, *text;
};
extern const struct field fields[];
extern const size_t field_count;

/* The row of a path; null when there is none. */
const struct field *field_find(enum field_root root, const char *path);
/* Last part of the path: "seed" of "run.seed"; "*" or "[]". */
const char *field_name(const struct field *field);
/* The rows directly under `parent` (null: the top of the root), one after the other; start with null. */
const struct field *field_next_child(enum field_root root, const struct field *parent, const struct field *before);

/* The keys that a map may have: its rows, then those of the map it shares keys with (refers of a MAP; of a DISTRIBUTION the root
 * of that name). Only its own may be required. */
const struct field *field_next_key(enum field_root root, const struct field *parent, const struct field *before);

/* Names that a REF may point at. */
enum name_kind { NAMES_SITES, NAMES_NODES, NAMES_PEOPLE, NAMES_STUDIES, NAMES_STEPS, NAMES_EVENTS, NAMES_INVARIANTS, NAMES_COUNTS, NAMES_DIALECTS, NAMES_ORGANISATIONS, NAMES_QUIRKS, NAMES_CHARSETS,
                 NAMES_MODALITIES, NAMES_CALENDARS, NAMES_SHAPES, NAMES_PATHWAYS, NAMES_MEETINGS, NAMES_CHANGES, NAMES_FAULTS, NAMES_LINKS, NAMES_PARAMS,
                 NAMES_MEASURES, NAMES_SERIES, NAMES_SITUATIONS, NAMES_PLACES, NAMES_KINDS };
struct names {
    slice *list;
    size_t count, max;
    struct map map;      /* to the index in the list */
    struct span declared; /* where such names stand in the file; line 0: not in the file */
};
MUST_USE enum err names_init(struct names *names, struct arena *arena, size_t max, struct span declared);
/* False when the name was there before. */
bool names_put(struct names *names, slice name);
bool name_kind_of(const char *refers, enum name_kind *kind);

struct walk;
/* What a default filled in, for --explain. */
struct explained {
    slice path, value, origin;
    struct explained *next;
};
void explain_line(struct walk *walk, slice path, slice value, struct span at); /* of a walk; at.line 0: built in */
void explained_put(const struct explained *line, struct buffer *buffer);

struct walk {
    const struct complaints *to;
    struct arena *arena;
    slice zone;                      /* of stamps */
    const char *quantity;            /* of the values in a distribution */
    const struct tree *defaults;     /* `defaults:` beside the map that is checked; null: none */
    struct names *names[NAMES_KINDS]; /* null: not checked */
    /* Root for a value of type VARIANT; ROOT_COUNT when it cannot be told (then the value is left alone, and the callee has
     * complained if there is something to complain of). */
    enum field_root (*variant)(void *self, const struct field *field, const struct tree *tree);
    void *self;
    struct explained *explained, **explained_tail; /* tail null: not gathered */
};
/* Empty names of a kind, known to the walk from now on; and those of a table of texts. ERR_LIMIT. */
MUST_USE enum err names_begin(struct walk *walk, struct names *names, enum name_kind kind, size_t max, struct span declared);
MUST_USE enum err names_rows(struct walk *walk, struct names *names, enum name_kind kind, const char *const *rows, size_t count);
/* Holds a map against a root. Complaints go to walk->to. `path` is what stands before the root's paths in messages. */
void fields_check(struct walk *walk, enum field_root root, const struct tree *map, slice path);

/* Holds one value against a field that need not be of the table. */
void field_check(struct walk *walk, const struct field *field, const struct tree *tree, slice path);

/* Reading what was checked; the fallback of the table when absent or wrong. */
slice field_text(enum field_root root, const char *path, const struct tree *tree);
int64_t field_integer(enum field_root root, const char *path, const struct tree *tree); /* all that has a number inside */
/* The number in a text, as its field's type counts; false when there is none. */
bool field_number(const struct field *field, slice text, int64_t *number);
bool field_has(const char *choices, slice word);

#endif
