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
    for (int i = 0; i < depth * 2; i++) {
        buffer_put_byte(buffer, ' ');
    }
}

static void put_object(struct buffer *buffer, enum field_root root, const struct field *parent, int depth);
static void put_schema(struct buffer *buffer, const struct field *field, int depth);

/* What a text must look like, where a regular expression can say it. */
static const char *const patterns[FIELD_TYPE_COUNT] = {
    [FIELD_CODE] = "^[!-~]+$",
    [FIELD_ID] = "^[A-Za-z][A-Za-z0-9_.-]{0,39}$",
    [FIELD_DURATION] = "^[0-9]+(\\\\.[0-9]+)? ?(ns|us|ms|s|min|h|d|w)$",
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

static void put_variants(struct buffer *buffer, const struct field *field, int depth)
{
    static const struct {
        const char *name;
        enum field_root root;
    } roots[] = {{"PERSON", ROOT_PERSON}, {"CROWD", ROOT_CROWD}, {"RIS", ROOT_RIS}, {"VIEWER", ROOT_VIEWER}, {"PACS", ROOT_PACS}, {"HUB", ROOT_HUB}};
    bool first = true;
    buffer_put_text(buffer, "\"anyOf\": [");
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        if (field_has(field->refers, slice_from(roots[i].name))) {
            buffer_put_text(buffer, first ? "{" : ", {");
            put_object(buffer, roots[i].root, NULL, depth + 1);
            buffer_put_text(buffer, "}");
            first = false;
        }
    }
    buffer_put_text(buffer, "]");
}

static bool may_be_digits(enum field_type type)
{
    return type == FIELD_TEXT || type == FIELD_CODE || type == FIELD_NHS_NUMBER;
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
    case FIELD_CHOICE:
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

static void put_body(struct buffer *buffer, const struct field *field, int depth)
{
    switch (field->type) {
    case FIELD_MAP:
    case FIELD_ITEMS:
    case FIELD_ITEMS_OF:
        put_object(buffer, field->root, field, depth);
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
        bool bare = field->type == FIELD_INTEGER || field->type == FIELD_BOOL;
        bare ? buffer_put_text(buffer, field->fallback) : buffer_put_json(buffer, slice_from(field->fallback));
    }
    buffer_put_text(buffer, ", ");
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
    for (const struct field *child = field_next_child(root, parent, NULL); child != NULL; child = field_next_child(root, parent, child)) {
        if (field_name(child)[0] == '*') {
            wild = child;
            continue;
        }
        buffer_put_text(buffer, first ? ", \"properties\": {" : ",");
        put_indent(buffer, depth + 1);
        buffer_put_json(buffer, slice_from(field_name(child)));
        buffer_put_text(buffer, ": ");
        put_schema(buffer, child, depth + 1);
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

void schema_put(enum file_kind kind, struct buffer *buffer)
{
    buffer_put_text(buffer, "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n\"$comment\": \"Made from src/scenario/fields.def by `make docs`.\",\n\"$id\": ");
    buffer_put_json(buffer, slice_from(documents[kind].id));
    buffer_put_text(buffer, ",\n\"title\": ");
    buffer_put_json(buffer, slice_from(documents[kind].title));
    buffer_put_text(buffer, ",\n");
    put_object(buffer, documents[kind].root, NULL, 0);
    buffer_put_text(buffer, "}\n");
}

/* ---- The reference. */

static const char *const type_texts[FIELD_TYPE_COUNT] = {
    [FIELD_MAP] = "map", [FIELD_ITEMS] = "map of your names", [FIELD_ITEMS_OF] = "map", [FIELD_LIST] = "list", [FIELD_ONE_OR_LIST] = "one or a list",
    [FIELD_VARIANT] = "map", [FIELD_AUTO_OR_MAP] = "auto or map", [FIELD_TEXT] = "text", [FIELD_CODE] = "code", [FIELD_ID] = "id", [FIELD_BOOL] = "true or false",
    [FIELD_INTEGER] = "whole number", [FIELD_NUMBER_OR_ALL] = "whole number or all", [FIELD_DURATION] = "duration", [FIELD_SIZE] = "size", [FIELD_DATE] = "date",
    [FIELD_CLOCK] = "time of day", [FIELD_STAMP] = "point in time", [FIELD_CHOICE] = "word", [FIELD_REF] = "name", [FIELD_TITLE] = "AE title",
    [FIELD_ADDRESS] = "address", [FIELD_UID] = "UID", [FIELD_NHS_NUMBER] = "NHS number", [FIELD_PERSON_NAME] = "Family^Given", [FIELD_ACCESSION] = "accession number",
    [FIELD_LATER] = "not yet",
};

/* Bars end a cell in Markdown; there is none in the table. */
static void put_row(struct buffer *buffer, const struct field *field)
{
    buffer_put_text(buffer, "| `");
    buffer_put_text(buffer, field->path);
    buffer_put_text(buffer, "` | ");
    buffer_put_text(buffer, type_texts[field->type]);
    if (field->refers[0] != '\0' && field->type != FIELD_VARIANT) {
        buffer_put_text(buffer, field->type == FIELD_CHOICE ? ": " : " of ");
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
    buffer_put_text(buffer, "\n## Words that this version does not run\n\nThe language has them; `pont check` refuses them (P601) rather than ignore them.\n\n"
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

static void put_rules(struct buffer *buffer)
{
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
        {ROOT_RIS, "What a ris can be told", "In a step: `{id: order, radis2: {order: {study: staging}}}`."},
        {ROOT_VIEWER, "What a viewer can be told", ""},
        {ROOT_PACS, "What a pacs can be told", ""},
        {ROOT_HUB, "What the engine can be told", ""},
        {ROOT_PROFILE, "A vendor profile", "`sim/vendors/NAME.yaml`. What follows a quirk is set by it, whatever stands here."},
        {ROOT_ENGINE, "engine.yaml", "The CONFIG of `pont engine`; every run writes one into its folder."},
    };
    buffer_put_text(buffer, "# Scenarios, profiles and engine.yaml: every key\n\nMade from `src/scenario/fields.def` by `make docs`; do not edit. "
                            "Units: durations `ns us ms s min h d w`, sizes `B kB MB GB TB KiB MiB GiB TiB`; a bare number is an error where a unit is due. "
                            "`pont check FILE` says what is wrong, `--explain` what defaults filled in, `--rule P204` what a rule means. Editors read `docs/schema/`.\n");
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        put_section(buffer, sections[i].root, sections[i].title, sections[i].text);
    }
    put_events(buffer);
    put_later(buffer);
    put_rules(buffer);
}
