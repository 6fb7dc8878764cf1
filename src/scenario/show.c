/* SPDX-License-Identifier: MIT
 *
 * Problems and rules as people and programs read them. */
#include "src/scenario/problem.h"
#include "src/scenario/rules.h"
#include "src/scenario/value.h"

#define LINE_SHOWN 140 /* characters of a source line */

const struct rule rules[] = {
#define RULE(id, title, text, wrong, right) {id, title, text, wrong, right},
#include "src/scenario/rules.def"
#undef RULE
};
const size_t rule_count = sizeof rules / sizeof rules[0];

const struct rule *rule_find(slice id)
{
    for (size_t i = 0; i < rule_count; i++) {
        if (slice_equal(slice_from(rules[i].id), id)) {
            return &rules[i];
        }
    }
    return NULL;
}

void rule_put(const struct rule *rule, struct buffer *buffer)
{
    const char *const parts[] = {rule->id, "  ", rule->title, "\n\n  ", rule->text, "\n\n  wrong:  ", rule->wrong, "\n  right:  ", rule->right, "\n"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        buffer_put_text(buffer, parts[i]);
    }
}

/* ---- Text. */

static void put_place(struct buffer *buffer, const char *file, int line, int column)
{
    buffer_put_text(buffer, file);
    buffer_put_byte(buffer, ':');
    buffer_put_int(buffer, line);
    buffer_put_byte(buffer, ':');
    buffer_put_int(buffer, column);
    buffer_put_text(buffer, ": ");
}

static slice source_line(const char *source, int line)
{
    const char *at = source;
    for (int i = 1; i < line && at != NULL; i++) {
        at = strchr(at, '\n');
        at = at == NULL ? NULL : at + 1;
    }
    if (at == NULL) {
        return SLICE_EMPTY;
    }
    slice text = {at, strcspn(at, "\r\n")};
    return text;
}

/* Characters from..to-1 (from 0) of a line; what a terminal should not see is replaced. A byte that begins no character is one. */
static void put_characters(struct buffer *buffer, slice line, int from, int to)
{
    int column = 0;
    for (size_t i = 0; i < line.size; column++) {
        size_t size = value_character_size(line.data + i, line.size - i);
        unsigned char byte = (unsigned char)line.data[i];
        slice shown = size == 0 || byte < 0x20 || byte == 0x7F ? (byte == '\t' ? SLICE(" ") : SLICE("?")) : (slice){line.data + i, size};
        if (column >= from && column < to) {
            buffer_put(buffer, shown);
        }
        i += size == 0 ? 1 : size;
    }
}

static int character_count(slice line)
{
    int count = 0;
    for (size_t i = 0; i < line.size; count++) {
        size_t size = value_character_size(line.data + i, line.size - i);
        i += size == 0 ? 1 : size;
    }
    return count;
}

/* The line and a caret under the place; of a long line the part around it. */
static void put_caret(struct buffer *buffer, const struct problem *problem, const char *source)
{
    slice line = source == NULL ? SLICE_EMPTY : source_line(source, problem->error.line);
    if (line.size == 0) {
        return;
    }
    int length = character_count(line), column = problem->error.column, from = column > LINE_SHOWN - 20 ? column - LINE_SHOWN / 2 : 0;
    int to = from + LINE_SHOWN < length ? from + LINE_SHOWN : length;
    char number[16];
    struct buffer digits = buffer_over(number, sizeof number);
    buffer_put_int(&digits, problem->error.line);
    buffer_put_byte(buffer, ' ');
    buffer_put(buffer, buffer_slice(&digits));
    buffer_put_text(buffer, " | ");
    buffer_put_text(buffer, from > 0 ? "..." : "");
    put_characters(buffer, line, from, to);
    buffer_put_text(buffer, to < length ? "...\n " : "\n ");
    for (size_t i = 0; i < digits.size; i++) {
        buffer_put_byte(buffer, ' ');
    }
    buffer_put_text(buffer, " | ");
    for (int i = from > 0 ? -3 : 0; i < column - 1 - from; i++) {
        buffer_put_byte(buffer, ' ');
    }
    buffer_put_byte(buffer, '^');
    int end = problem->end_column < to + 1 ? problem->end_column : to + 1;
    for (int i = column + 1; i < end; i++) {
        buffer_put_byte(buffer, '~');
    }
    buffer_put_byte(buffer, '\n');
}

static void put_counted(struct buffer *buffer, size_t count, const char *what)
{
    buffer_put_int(buffer, (int64_t)count);
    buffer_put_text(buffer, " ");
    buffer_put_text(buffer, what);
    buffer_put_text(buffer, count == 1 ? "" : "s");
}

static void put_summary(struct buffer *buffer, const struct problems *problems)
{
    size_t warnings = 0, listed = 0;
    for (size_t i = 0; i < problems->count; i++) {
        warnings += problems->list[i].severity == SEVERITY_WARNING;
        listed += problems->list[i].severity == SEVERITY_ERROR;
    }
    if (problems->error_count > listed) {
        buffer_put_text(buffer, "... and ");
        put_counted(buffer, problems->error_count - listed, "more error");
        buffer_put_text(buffer, ", not shown\n");
    }
    put_counted(buffer, problems->error_count, "error");
    if (warnings > 0) {
        buffer_put_text(buffer, ", ");
        put_counted(buffer, warnings, "warning");
    }
    if (problems->count > 0) {
        buffer_put_text(buffer, "; more about a rule: pont check --rule ");
        buffer_put_text(buffer, problems->list[0].rule);
    }
    buffer_put_text(buffer, "\n");
}

void problems_put_text(const struct problems *problems, const char *source, struct buffer *buffer)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->list[i];
        put_place(buffer, problem->error.file, problem->error.line, problem->error.column);
        buffer_put_text(buffer, problem->severity == SEVERITY_ERROR ? "error " : "warning ");
        buffer_put_text(buffer, problem->rule);
        buffer_put_text(buffer, " ");
        buffer_put_text(buffer, problem->error.text);
        buffer_put_text(buffer, "\n");
        put_caret(buffer, problem, source);
        if (problem->related_line > 0) {
            put_place(buffer, problem->error.file, problem->related_line, problem->related_column);
            buffer_put_text(buffer, "note: ");
            buffer_put_text(buffer, problem->related);
            buffer_put_text(buffer, "\n");
        }
    }
    put_summary(buffer, problems);
}

/* ---- JSON. */

static void put_member(struct buffer *buffer, const char *name, const char *value)
{
    buffer_put_text(buffer, "\"");
    buffer_put_text(buffer, name);
    buffer_put_text(buffer, "\": ");
    buffer_put_json(buffer, slice_from(value));
}

static void put_int_member(struct buffer *buffer, const char *name, int64_t value)
{
    buffer_put_text(buffer, ", \"");
    buffer_put_text(buffer, name);
    buffer_put_text(buffer, "\": ");
    buffer_put_int(buffer, value);
}

void problems_put_json(const struct problems *problems, struct buffer *buffer)
{
    buffer_put_text(buffer, "{\"pont\": \"problems/1\", \"errors\": ");
    buffer_put_int(buffer, (int64_t)problems->error_count);
    buffer_put_text(buffer, ", \"problems\": [");
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->list[i];
        buffer_put_text(buffer, i == 0 ? "\n  {" : ",\n  {");
        put_member(buffer, "severity", problem->severity == SEVERITY_ERROR ? "error" : "warning");
        buffer_put_text(buffer, ", ");
        put_member(buffer, "rule", problem->rule);
        buffer_put_text(buffer, ", ");
        put_member(buffer, "file", problem->error.file);
        put_int_member(buffer, "line", problem->error.line);
        put_int_member(buffer, "column", problem->error.column);
        put_int_member(buffer, "end_column", problem->end_column);
        buffer_put_text(buffer, ", ");
        put_member(buffer, "text", problem->error.text);
        if (problem->related_line > 0) {
            buffer_put_text(buffer, ", \"related\": {");
            put_member(buffer, "text", problem->related);
            put_int_member(buffer, "line", problem->related_line);
            put_int_member(buffer, "column", problem->related_column);
            buffer_put_text(buffer, "}");
        }
        buffer_put_text(buffer, "}");
    }
    buffer_put_text(buffer, problems->count == 0 ? "]}\n" : "\n]}\n");
}

/* ---- GitHub's workflow commands. A %, CR or LF in a message is escaped; in a property also : and ,. */

static void put_escaped(struct buffer *buffer, const char *text, bool property)
{
    for (; *text != '\0'; text++) {
        bool escape = *text == '%' || *text == '\r' || *text == '\n' || (property && (*text == ':' || *text == ','));
        if (escape) {
            buffer_put_byte(buffer, '%');
            buffer_put_byte(buffer, (uint8_t)"0123456789ABCDEF"[(unsigned char)*text >> 4]);
            buffer_put_byte(buffer, (uint8_t)"0123456789ABCDEF"[(unsigned char)*text & 15]);
        } else {
            buffer_put_byte(buffer, (uint8_t)*text);
        }
    }
}

void problems_put_github(const struct problems *problems, struct buffer *buffer)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->list[i];
        buffer_put_text(buffer, problem->severity == SEVERITY_ERROR ? "::error file=" : "::warning file=");
        put_escaped(buffer, problem->error.file, true);
        buffer_put_text(buffer, ",line=");
        buffer_put_int(buffer, problem->error.line);
        buffer_put_text(buffer, ",col=");
        buffer_put_int(buffer, problem->error.column);
        if (problem->end_column > problem->error.column) {
            buffer_put_text(buffer, ",endColumn=");
            buffer_put_int(buffer, problem->end_column);
        }
        buffer_put_text(buffer, ",title=");
        put_escaped(buffer, problem->rule, true);
        buffer_put_text(buffer, "::");
        put_escaped(buffer, problem->error.text, false);
        buffer_put_text(buffer, "\n");
    }
}

/* ---- SARIF 2.1.0. Columns count characters: columnKind unicodeCodePoints (3.14.17). */

static void put_sarif_place(struct buffer *buffer, const char *file, int line, int column, int end_column)
{
    buffer_put_text(buffer, "\"physicalLocation\": {\"artifactLocation\": {");
    put_member(buffer, "uri", file);
    buffer_put_text(buffer, "}, \"region\": {\"startLine\": ");
    buffer_put_int(buffer, line);
    put_int_member(buffer, "startColumn", column);
    if (end_column > column) {
        put_int_member(buffer, "endColumn", end_column);
    }
    buffer_put_text(buffer, "}}");
}

static void put_sarif_rules(struct buffer *buffer)
{
    for (size_t i = 0; i < rule_count; i++) {
        buffer_put_text(buffer, i == 0 ? "\n      {" : ",\n      {");
        put_member(buffer, "id", rules[i].id);
        buffer_put_text(buffer, ", \"shortDescription\": {");
        put_member(buffer, "text", rules[i].title);
        buffer_put_text(buffer, "}, \"fullDescription\": {");
        put_member(buffer, "text", rules[i].text);
        buffer_put_text(buffer, "}}");
    }
}

void problems_put_sarif(const struct problems *problems, struct buffer *buffer)
{
    buffer_put_text(buffer, "{\"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\", \"version\": \"2.1.0\",\n \"runs\": [{\n"
                            "  \"columnKind\": \"unicodeCodePoints\",\n  \"tool\": {\"driver\": {\"name\": \"pont check\", \"rules\": [");
    put_sarif_rules(buffer);
    buffer_put_text(buffer, "\n  ]}},\n  \"results\": [");
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->list[i];
        buffer_put_text(buffer, i == 0 ? "\n      {" : ",\n      {");
        put_member(buffer, "ruleId", problem->rule);
        buffer_put_text(buffer, ", ");
        put_member(buffer, "level", problem->severity == SEVERITY_ERROR ? "error" : "warning");
        buffer_put_text(buffer, ", \"message\": {");
        put_member(buffer, "text", problem->error.text);
        buffer_put_text(buffer, "}, \"locations\": [{");
        put_sarif_place(buffer, problem->error.file, problem->error.line, problem->error.column, problem->end_column);
        buffer_put_text(buffer, "}]");
        if (problem->related_line > 0) {
            buffer_put_text(buffer, ", \"relatedLocations\": [{\"message\": {");
            put_member(buffer, "text", problem->related);
            buffer_put_text(buffer, "}, ");
            put_sarif_place(buffer, problem->error.file, problem->related_line, problem->related_column, 0);
            buffer_put_text(buffer, "}]");
        }
        buffer_put_text(buffer, "}");
    }
    buffer_put_text(buffer, problems->count == 0 ? "]\n }]}\n" : "\n  ]\n }]}\n");
}
