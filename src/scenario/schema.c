/* SPDX-License-Identifier: MIT
 *
 * JSON Schema (2020-12) and the reference page, both from the table of fields. The schema is for editors: it knows shapes,
 * words and forms; names and what must fit together are for `pont check`. */
#include "src/scenario/check.h"
#include "src/scenario/field.h"
#include "src/scenario/rules.h"

static void put_indent(struct buffer *buffer, int depth)
{
    buffer_put_byte(buffer, '\n');
    for (int i = 0; i < depth; i++) {
        buffer_put_byte(buffer, ' ');
    }
}

static void put_object(struct buffer *buffer, enum field_root root, const struct field *parent, int depth);
static void put_schema(struct buffer *buffer, const struct field *field, int depth);
static void put_body(struct buffer *buffer, const struct field *field, int depth);

/* What a text must look like, where a regular expression can say it. */
static const char *const patterns[FIELD_TYPE_COUNT] = {
    [FIELD_CODE] = "^[!-~]+$",
    [FIELD_ID] = "^[A-Za-z][A-Za-z0-9_.-]{0,39}$",
    [FIELD_DURATION] = "^[0-9]+(\\\\.[0-9]+)? ?(ns|us|ms|s|min|h|d|w|mo|y)$",
    [FIELD_SIGNED_DURATION] = "^-?[0-9]+(\\\\.[0-9]+)? ?(ns|us|ms|s|min|h|d|w|mo|y)$",
    [FIELD_EVERY] = "^[0-9]+(\\\\.[0-9]+)? ?(ns|us|ms|s|min|h|d|w|mo|y)$",
    [FIELD_BITRATE] = "^[0-9]+(\\\\.[0-9]+)? ?([kMG]?bit|[kMG]B)/s$",
    [FIELD_RATE] = "^[0-9]+(\\\\.[0-9]+)? ?[kM]?/ ?(ns|us|ms|s|min|h|d|w|mo|y)$",
    [FIELD_GROWTH] = "^[0-9]+(\\\\.[0-9]+)? ?%/ ?(d|w|mo|y)$",
    [FIELD_BUDGET] = "^[0-9]+(\\\\.[0-9]+)? ?%? per (run|hour|day|week|month|quarter|year|meeting|meeting-month)$",
    [FIELD_WEEKLY] = "^((mon|tue|wed|thu|fri|sat|sun) +[0-9]{2}:[0-9]{2}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?)$",
    [FIELD_HOURS] = "^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$",
    [FIELD_NUMBERING] = "^([A-Z]{3}|[!-~]*####+)$",
    [FIELD_SIZE] = "^[0-9]+(\\\\.[0-9]+)? ?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$",
    [FIELD_DATE] = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    [FIELD_CLOCK] = "^[0-9]{2}:[0-9]{2}(:[0-9]{2})?$",
    [FIELD_STAMP] = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$",
    [FIELD_TITLE] = "^[!-\\\\[\\\\]-~]([ -\\\\[\\\\]-~]{0,14}[!-\\\\[\\\\]-~])?$",
    [FIELD_ADDRESS] = "^[0-9]{1,3}(\\\\.[0-9]{1,3}){3}$",
    [FIELD_UID] = "^(0|[1-9][0-9]*)(\\\\.(0|[1-9][0-9]*))+$",
    [FIELD_NHS_NUMBER] = "^[0-9]{10}$",
    [FIELD_PERSON_NAME] = "^[^^=\\\\\\\\]+\\\\^[^^=\\\\\\\\]+$",
    [FIELD_ACCESSION] = "^[A-Z]{3}[0-9]{6,8}$",
};

static void put_bounds(struct buffer *buffer, const struct field *field, const char *low, const char *high)
{
    if (field->low == 0 && field->high == 0) {
        return;
    }
    buffer_put_text(buffer, ", \"");
    buffer_put_text(buffer, low);
    buffer_put_text(buffer, "\": ");
    buffer_put_int(buffer, field->low);
    if (field->high != INT64_MAX) {
        buffer_put_text(buffer, ", \"");
        buffer_put_text(buffer, high);
        buffer_put_text(buffer, "\": ");
        buffer_put_int(buffer, field->high);
    }
}

static void put_choices(struct buffer *buffer, const struct field *field)
{
    slice rest = slice_from(field->refers);
    buffer_put_text(buffer, "\"enum\": [");
    for (bool first = true; rest.data != NULL; first = false) {
        buffer_put_text(buffer, first ? "" : ", ");
        slice word = slice_cut(&rest, ' ');
        int64_t number = 0;
        buffer_put_json(buffer, word);
        if (slice_to_int64(word, &number)) { /* YAML readers that type by looks see a number */
            buffer_put_text(buffer, ", ");
            buffer_put_int(buffer, number);
        }
    }
    buffer_put_text(buffer, "]");
}

static void put_array(struct buffer *buffer, const struct field *field, int depth)
{
    buffer_put_text(buffer, "\"type\": \"array\"");
    put_bounds(buffer, field, "minItems", "maxItems");
    buffer_put_text(buffer, ", \"items\": ");
    put_schema(buffer, field_next_child(field->root, field, NULL), depth);
}

/* Roots that a variant names; those that contain themselves or stand in many places are defined once. */
static const struct variant_root {
    const char *name;
    enum field_root root;
    bool defined;
} roots[] = {{"PERSON", ROOT_PERSON, false}, {"CROWD", ROOT_CROWD, false}, {"STAFF", ROOT_STAFF, false},   {"EXAM", ROOT_EXAM, false},
             {"SIZES", ROOT_SIZES, false},   {"GROWTH", ROOT_GROWTH, false}, {"STEP", ROOT_STEP, true},     {"RIS", ROOT_RIS, false},
             {"VIEWER", ROOT_VIEWER, false}, {"PACS", ROOT_PACS, false},   {"HUB", ROOT_HUB, false},       {"DISTRIBUTION", ROOT_DISTRIBUTION, true},
             {"EFFECT", ROOT_EFFECT, true}};

static void put_ref(struct buffer *buffer, const char *name)
{
    buffer_put_text(buffer, "{\"$ref\": \"#/$defs/");
    buffer_put_text(buffer, name);
    buffer_put_text(buffer, "\"}");
}

static void put_variants(struct buffer *buffer, const struct field *field, int depth)
{
    bool first = true;
    buffer_put_text(buffer, "\"anyOf\": [");
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        if (field_has(field->refers, slice_from(roots[i].name))) {
            buffer_put_text(buffer, first ? "" : ", ");
            first = false;
            if (roots[i].defined) {
                put_ref(buffer, roots[i].name);
                continue;
            }
            buffer_put_text(buffer, "{");
            put_object(buffer, roots[i].root, NULL, depth + 1);
            buffer_put_text(buffer, "}");
        }
    }
    buffer_put_text(buffer, "]");
}

static bool may_be_digits(enum field_type type)
{
    return type == FIELD_TEXT || type == FIELD_CODE || type == FIELD_NHS_NUMBER || type == FIELD_NUMBER || type == FIELD_SHARE || type == FIELD_COUNT ||
           type == FIELD_ANY || type == FIELD_VALUE || type == FIELD_DISTRIBUTION || type == FIELD_DIGEST;
}

/* Values that `params` and arithmetic may stand for. */
static bool may_be_param(const struct field *field)
{
    switch (field->type) {
    case FIELD_BOOL:
    case FIELD_INTEGER:
    case FIELD_COUNT:
    case FIELD_NUMBER:
    case FIELD_DURATION:
    case FIELD_SIZE:
    case FIELD_BITRATE:
    case FIELD_RATE:
        return (field->root == ROOT_SCENARIO || (field->root >= ROOT_STAFF && field->root != ROOT_EXAM && field->root < ROOT_PROFILE)) &&
               strncmp(field->path, "params", 6) != 0 && strncmp(field->path, "study", 5) != 0 && strcmp(field->path, "pont") != 0;
    default:
        return false;
    }
}

static void put_scalar(struct buffer *buffer, const struct field *field)
{
    switch (field->type) {
    case FIELD_INTEGER:
        buffer_put_text(buffer, "\"type\": \"integer\"");
        put_bounds(buffer, field, "minimum", "maximum");
        return;
    case FIELD_NUMBER_OR_ALL:
        buffer_put_text(buffer, "\"anyOf\": [{\"type\": \"integer\"}, {\"const\": \"all\"}]");
        return;
    case FIELD_BOOL:
        buffer_put_text(buffer, "\"type\": \"boolean\"");
        return;
    case FIELD_ANY:
        buffer_put_text(buffer, "\"type\": [\"string\", \"number\", \"boolean\"]");
        return;
    case FIELD_DIGEST:
        buffer_put_text(buffer, "\"type\": [\"string\", \"null\"]");
        return;
    case FIELD_CHOICE:
    case FIELD_CHOICE_OR_MAP:
    case FIELD_STEPS_OR_WORD:
        put_choices(buffer, field);
        return;
    case FIELD_LATER:
        buffer_put_text(buffer, "\"not\": {}");
        return;
    default:
        /* A number without quotes is still a text to pont, where digits alone may stand. */
        buffer_put_text(buffer, may_be_digits(field->type) ? "\"type\": [\"string\", \"number\"]" : "\"type\": \"string\"");
        if (patterns[field->type] != NULL) {
            buffer_put_text(buffer, ", \"pattern\": \"");
            buffer_put_text(buffer, patterns[field->type]);
            buffer_put_text(buffer, "\"");
        }
        if (field->type == FIELD_TEXT || field->type == FIELD_CODE) {
            put_bounds(buffer, field, "minLength", "maxLength");
        }
        return;
    }
}

/* A value or how it varies; with keys of its own beside the family (a step that waits) their shape is left to pont check. */
static void put_distribution(struct buffer *buffer, const struct field *field, int depth)
{
    buffer_put_text(buffer, "\"anyOf\": [{");
    put_scalar(buffer, field);
    buffer_put_text(buffer, "}, ");
    if (field_next_child(field->root, field, NULL) == NULL) {
        put_ref(buffer, "DISTRIBUTION");
    } else {
        buffer_put_text(buffer, "{\"type\": \"object\"}");
    }
    buffer_put_text(buffer, "]");
    (void)depth;
}

static void put_body(struct buffer *buffer, const struct field *field, int depth)
{
    switch (field->type) {
    case FIELD_MAP:
    case FIELD_ITEMS:
    case FIELD_ITEMS_OF:
    case FIELD_ITEMS_ANY:
        put_object(buffer, field->root, field, depth);
        return;
    case FIELD_ONE_OF:
    case FIELD_NAME_OR_MAP:
    case FIELD_CHOICE_OR_MAP:
    case FIELD_EVERY:
        buffer_put_text(buffer, "\"anyOf\": [{");
        field->type == FIELD_ONE_OF ? buffer_put_text(buffer, "\"type\": \"string\"") : put_scalar(buffer, field);
        buffer_put_text(buffer, "}, {");
        put_object(buffer, field->root, field, depth);
        buffer_put_text(buffer, "}]");
        return;
    case FIELD_STEPS_OR_WORD:
        buffer_put_text(buffer, "\"anyOf\": [{");
        put_scalar(buffer, field);
        buffer_put_text(buffer, "}, {");
        put_array(buffer, field, depth);
        buffer_put_text(buffer, "}]");
        return;
    case FIELD_DISTRIBUTION:
        put_distribution(buffer, field, depth);
        return;
    case FIELD_EFFECT:
        buffer_put_text(buffer, "\"anyOf\": [{\"type\": \"string\"}, ");
        put_ref(buffer, "EFFECT");
        buffer_put_text(buffer, "]");
        return;
    case FIELD_LIST:
        put_array(buffer, field, depth);
        return;
    case FIELD_ONE_OR_LIST:
        buffer_put_text(buffer, "\"anyOf\": [");
        put_schema(buffer, field_next_child(field->root, field, NULL), depth);
        buffer_put_text(buffer, ", {");
        put_array(buffer, field, depth);
        buffer_put_text(buffer, "}]");
        return;
    case FIELD_VARIANT:
        put_variants(buffer, field, depth);
        return;
    case FIELD_AUTO_OR_MAP:
        buffer_put_text(buffer, "\"anyOf\": [{\"const\": \"auto\"}, {");
        put_object(buffer, field->root, field, depth);
        buffer_put_text(buffer, "}]");
        return;
    default:
        put_scalar(buffer, field);
        return;
    }
}

static void put_schema(struct buffer *buffer, const struct field *field, int depth)
{
    buffer_put_text(buffer, "{\"description\": ");
    buffer_put_json(buffer, slice_from(field->text));
    if (field->fallback[0] != '\0') {
        buffer_put_text(buffer, ", \"default\": ");
        bool bare = field->type == FIELD_INTEGER || field->type == FIELD_BOOL || field->type == FIELD_NUMBER;
        bare ? buffer_put_text(buffer, field->fallback) : buffer_put_json(buffer, slice_from(field->fallback));
    }
    buffer_put_text(buffer, ", ");
    if (may_be_param(field)) {
        buffer_put_text(buffer, "\"anyOf\": [{");
        put_body(buffer, field, depth);
        buffer_put_text(buffer, "}, ");
        put_ref(buffer, "PARAM");
        buffer_put_text(buffer, "]}");
        return;
    }
    put_body(buffer, field, depth);
    buffer_put_text(buffer, "}");
}

static void put_required(struct buffer *buffer, enum field_root root, const struct field *parent)
{
    bool first = true;
    for (const struct field *child = field_next_child(root, parent, NULL); child != NULL; child = field_next_child(root, parent, child)) {
        if (child->need == FIELD_REQUIRED && field_name(child)[0] != '*') {
            buffer_put_text(buffer, first ? ", \"required\": [" : ", ");
            buffer_put_json(buffer, slice_from(field_name(child)));
            first = false;
        }
    }
    buffer_put_text(buffer, first ? "" : "]");
}

static void put_object(struct buffer *buffer, enum field_root root, const struct field *parent, int depth)
{
    const struct field *wild = NULL;
    bool first = true;
    buffer_put_text(buffer, "\"type\": \"object\"");
    put_required(buffer, root, parent);
    for (const struct field *child = field_next_key(root, parent, NULL); child != NULL; child = field_next_key(root, parent, child)) {
        if (field_name(child)[0] == '*') {
            wild = child;
            continue;
        }
        buffer_put_text(buffer, first ? ", \"properties\": {" : ",");
        put_indent(buffer, depth + 1);
        buffer_put_json(buffer, slice_from(field_name(child)));
        buffer_put_text(buffer, ": ");
        if (child->root != root) { /* shared with another map, where it is described */
            buffer_put_text(buffer, "{");
            put_body(buffer, child, depth + 1);
            buffer_put_text(buffer, "}");
        } else {
            put_schema(buffer, child, depth + 1);
        }
        first = false;
    }
    buffer_put_text(buffer, first ? "" : "}");
    buffer_put_text(buffer, ", \"additionalProperties\": ");
    if (wild == NULL) {
        buffer_put_text(buffer, "false");
        return;
    }
    put_schema(buffer, wild, depth + 1);
}

static const struct {
    enum field_root root;
    const char *title, *id;
} documents[FILE_KIND_COUNT] = {
    [FILE_SCENARIO] = {ROOT_SCENARIO, "A scenario of Pont", "scenario.json"},
    [FILE_PROFILE] = {ROOT_PROFILE, "A vendor profile of Pont", "profile.json"},
    [FILE_ENGINE] = {ROOT_ENGINE, "The configuration of Pont's engine", "engine.json"},
};

static void put_definitions(struct buffer *buffer)
{
    buffer_put_text(buffer, ",\n\"$defs\": {\"PARAM\": {\"description\": \"the value of a param, or a multiple of it\", \"anyOf\": [{\"type\": \"string\", "
                            "\"pattern\": \"^[$][A-Za-z]\"}, {\"type\": \"object\", \"required\": [\"times\", \"of\"], \"properties\": {\"times\": {}, \"of\": {}}, "
                            "\"additionalProperties\": false}]}");
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        if (roots[i].defined) {
            buffer_put_text(buffer, ",\n\"");
            buffer_put_text(buffer, roots[i].name);
            buffer_put_text(buffer, "\": {");
            put_object(buffer, roots[i].root, NULL, 1);
            buffer_put_text(buffer, "}");
        }
    }
    buffer_put_text(buffer, "}");
}

void schema_put(enum file_kind kind, struct buffer *buffer)
{
    buffer_put_text(buffer, "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n\"$comment\": \"Made from src/scenario/fields.def by `make docs`.\",\n\"$id\": ");
    buffer_put_json(buffer, slice_from(documents[kind].id));
    buffer_put_text(buffer, ",\n\"title\": ");
    buffer_put_json(buffer, slice_from(documents[kind].title));
    buffer_put_text(buffer, ",\n");
    put_object(buffer, documents[kind].root, NULL, 0);
    if (kind == FILE_SCENARIO) {
        put_definitions(buffer);
    }
    buffer_put_text(buffer, "}\n");
}

/* ---- The reference. */

static const char *const type_texts[FIELD_TYPE_COUNT] = {
    [FIELD_MAP] = "map", [FIELD_ITEMS] = "map of your names", [FIELD_ITEMS_OF] = "map", [FIELD_LIST] = "list", [FIELD_ONE_OR_LIST] = "one or a list",
    [FIELD_VARIANT] = "map", [FIELD_AUTO_OR_MAP] = "auto or map", [FIELD_TEXT] = "text", [FIELD_CODE] = "code", [FIELD_ID] = "id", [FIELD_BOOL] = "true or false",
    [FIELD_INTEGER] = "whole number", [FIELD_NUMBER_OR_ALL] = "whole number or all", [FIELD_DURATION] = "duration", [FIELD_SIZE] = "size", [FIELD_DATE] = "date",
    [FIELD_CLOCK] = "time of day", [FIELD_STAMP] = "point in time", [FIELD_CHOICE] = "word", [FIELD_REF] = "name", [FIELD_TITLE] = "AE title",
    [FIELD_ADDRESS] = "address", [FIELD_UID] = "UID", [FIELD_NHS_NUMBER] = "NHS number", [FIELD_PERSON_NAME] = "Family^Given", [FIELD_ACCESSION] = "accession number",
    [FIELD_LATER] = "not yet", [FIELD_ITEMS_ANY] = "map", [FIELD_ONE_OF] = "one of its words", [FIELD_NAME_OR_MAP] = "name or map", [FIELD_CHOICE_OR_MAP] = "word or map",
    [FIELD_EVERY] = "duration or map", [FIELD_STEPS_OR_WORD] = "word or list of steps", [FIELD_DISTRIBUTION] = "value or distribution", [FIELD_EFFECT] = "effect",
    [FIELD_ANY] = "value of the param", [FIELD_VALUE] = "value", [FIELD_COUNT] = "count", [FIELD_NUMBER] = "number", [FIELD_SHARE] = "share", [FIELD_SIGNED_DURATION] = "duration, may be negative",
    [FIELD_BITRATE] = "bit rate", [FIELD_RATE] = "rate", [FIELD_GROWTH] = "growth", [FIELD_BUDGET] = "share per time", [FIELD_INSTANT] = "time from the start, or point in time",
    [FIELD_WEEKLY] = "time of the week, or point in time", [FIELD_HOURS] = "hours", [FIELD_NUMBERING] = "letters or form", [FIELD_DIGEST] = "digest or null", [FIELD_QUANTILE] = "slo and quantile",
};

/* Bars end a cell in Markdown; there is none in the table. */
static void put_row(struct buffer *buffer, const struct field *field)
{
    buffer_put_text(buffer, "| `");
    buffer_put_text(buffer, field->path);
    buffer_put_text(buffer, "` | ");
    buffer_put_text(buffer, type_texts[field->type]);
    if (field->refers[0] != '\0' && field->type != FIELD_VARIANT) {
        bool choice = field->type == FIELD_CHOICE || field->type == FIELD_CHOICE_OR_MAP || field->type == FIELD_STEPS_OR_WORD;
        buffer_put_text(buffer, choice ? ": " : field->type == FIELD_MAP ? " with the keys of " : " of ");
        buffer_put_text(buffer, field->refers);
    }
    buffer_put_text(buffer, " | ");
    if (field->need == FIELD_REQUIRED) {
        buffer_put_text(buffer, "required");
    } else if (field->fallback[0] != '\0') {
        buffer_put_text(buffer, field->fallback);
    }
    buffer_put_text(buffer, " | ");
    buffer_put_text(buffer, field->text);
    buffer_put_text(buffer, " |\n");
}

static void put_section(struct buffer *buffer, enum field_root root, const char *title, const char *text)
{
    const char *const parts[] = {"\n## ", title, "\n\n", text, "\n\n| key | what | default | meaning |\n|---|---|---|---|\n"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        buffer_put_text(buffer, parts[i]);
    }
    for (size_t i = 0; i < field_count; i++) {
        if (fields[i].root == root && fields[i].type != FIELD_LATER) {
            put_row(buffer, &fields[i]);
        }
    }
}

static void put_later(struct buffer *buffer)
{
    buffer_put_text(buffer, "\n## Words that are refused\n\n`pont check` refuses them (P601) rather than ignore them.\n\n"
                            "| word | write instead |\n|---|---|\n");
    for (size_t i = 0; i < field_count; i++) {
        if (fields[i].type == FIELD_LATER) {
            buffer_put_text(buffer, "| `");
            buffer_put_text(buffer, fields[i].path);
            buffer_put_text(buffer, "` | ");
            buffer_put_text(buffer, fields[i].text);
            buffer_put_text(buffer, " |\n");
        }
    }
}

static void put_events(struct buffer *buffer)
{
    static const char *const rows[][3] = {
#define OBSERVATION(name, text, fields) {#name, text, fields},
#include "src/actor/observation.def"
#undef OBSERVATION
    };
    buffer_put_text(buffer, "\n## Observations that a step can wait for\n\n| event | what happened | what it carries |\n|---|---|---|\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *const parts[] = {"| `", rows[i][0], "` | ", rows[i][1], " | ", rows[i][2], " |\n"};
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
            buffer_put_text(buffer, parts[p]);
        }
    }
}

/* Pairs of a name and what it is. */
static const char *const situations[] = {
#define SITUATION_NAME(name, text) name, text,
#include "src/scenario/words.def"
};
static const char *const measures[] = {
#define MEASURE_NAME(name, kind, text) name, text,
#include "src/scenario/words.def"
};
static const char *const series[] = {
#define SERIES_NAME(name, text) name, text,
#include "src/scenario/words.def"
};
static const char *const invariants[] = {
#define INVARIANT_NAME(name, number) name, "also written " number,
#include "src/scenario/words.def"
};

/* What has no meaning in a world, and why. */
static void put_worlds(struct buffer *buffer)
{
    buffer_put_text(buffer, "\n## Words without a meaning in one of the worlds\n\n`pont check` refuses them there (P602).\n\n| word | world | why |\n|---|---|---|\n");
    for (const struct meaning *word = meanings(); word->word != NULL; word++) {
        for (int world = 0; world < 2; world++) {
            const char *why = world == 0 ? word->not_wire : word->not_virtual;
            const char *const parts[] = {"| `", word->word, "` | ", world == 0 ? "wire" : "virtual", " | ", why, " |\n"};
            for (size_t p = 0; why[0] != '\0' && p < sizeof parts / sizeof parts[0]; p++) {
                buffer_put_text(buffer, parts[p]);
            }
        }
    }
}

static void put_rules(struct buffer *buffer)
{
    static const struct {
        const char *title, *first;
        const char *const *names;
        size_t count;
    } lists[] = {
        {"Situations that `sometimes` and `never` can name", "situation", situations, sizeof situations / sizeof situations[0] / 2},
        {"Measures of an slo", "measure", measures, sizeof measures / sizeof measures[0] / 2},
        {"Series", "series", series, sizeof series / sizeof series[0] / 2},
        {"Invariants", "invariant", invariants, sizeof invariants / sizeof invariants[0] / 2},
    };
    for (size_t l = 0; l < sizeof lists / sizeof lists[0]; l++) {
        const char *const head[] = {"\n## ", lists[l].title, "\n\n| ", lists[l].first, " | what it is |\n|---|---|\n"};
        for (size_t p = 0; p < sizeof head / sizeof head[0]; p++) {
            buffer_put_text(buffer, head[p]);
        }
        for (size_t i = 0; i < lists[l].count; i++) {
            const char *const parts[] = {"| `", lists[l].names[2 * i], "` | ", lists[l].names[2 * i + 1], " |\n"};
            for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
                buffer_put_text(buffer, parts[p]);
            }
        }
    }
    put_worlds(buffer);
    buffer_put_text(buffer, "\n## Rules\n\n| rule | title | what it means |\n|---|---|---|\n");
    for (size_t i = 0; i < rule_count; i++) {
        const char *const parts[] = {"| ", rules[i].id, " | ", rules[i].title, " | ", rules[i].text, " |\n"};
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
            buffer_put_text(buffer, parts[p]);
        }
    }
}

void reference_put(struct buffer *buffer)
{
    static const struct {
        enum field_root root;
        const char *title, *text;
    } sections[] = {
        {ROOT_SCENARIO, "A scenario", "`*` stands for a name you choose, `[]` for an element of a list. `scenarios/quickstart.yaml` uses most of it."},
        {ROOT_PERSON, "people: one patient", "People are synthetic: use NHS numbers from 999 000 0018 up."},
        {ROOT_CROWD, "people: a crowd", "An entry with `count` makes so many people, `NAME-1`, `NAME-2`, ..."},
        {ROOT_STAFF, "people: staff", "An entry with `site` is people who work there."},
        {ROOT_EXAM, "studies: one examination", "An entry with a `person` is an examination that a PACS holds, or will."},
        {ROOT_SIZES, "studies: sizes of a modality", "An entry in capitals (`CT`), or with `image`, says how large the examinations are that arrive."},
        {ROOT_GROWTH, "studies: growth", ""},
        {ROOT_STEP, "The steps of a pathway", "Each is one word with its arguments: `- store: {quiet: 5 min}`."},
        {ROOT_DISTRIBUTION, "Distributions", "Where a value may vary: `5 min`, or `{lognormal: {median: 5 min, sigma: 0.5}}`. One family, and `min` and `max` if need be."},
        {ROOT_EFFECT, "Effects of faults", "A word (`crash`), or a word with its argument (`{slow: {factor: 12}}`)."},
        {ROOT_RIS, "What a ris can be told", "In a step: `{id: order, radis2: {order: {study: staging}}}`."},
        {ROOT_VIEWER, "What a viewer can be told", ""},
        {ROOT_PACS, "What a pacs can be told", ""},
        {ROOT_HUB, "What the engine can be told", ""},
        {ROOT_PROFILE, "A vendor profile", "`sim/vendors/NAME.yaml`. What follows a quirk is set by it, whatever stands here."},
        {ROOT_ENGINE, "engine.yaml", "The CONFIG of `pont engine`; every run writes one into its folder."},
    };
    buffer_put_text(buffer, "# Scenarios, profiles and engine.yaml: every key\n\nMade from `src/scenario/fields.def` by `make docs`; do not edit. "
                            "Units: durations `ns us ms s min h d w mo y`, bit rates `kbit/s Mbit/s Gbit/s kB/s MB/s GB/s`, rates `/s` to `/y` with `k` or `M` before, shares `0.02` or `2 %`, sizes `B kB MB GB TB KiB MiB GiB TiB`; a bare number is an error where a unit is due. "
                            "`pont check FILE` says what is wrong, `--explain` what defaults filled in, `--rule P204` what a rule means. Editors read `docs/schema/`.\n");
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        put_section(buffer, sections[i].root, sections[i].title, sections[i].text);
    }
    put_events(buffer);
    put_later(buffer);
    put_rules(buffer);
}
