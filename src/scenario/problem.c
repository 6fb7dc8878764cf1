/* SPDX-License-Identifier: MIT */
#include "src/scenario/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WORD_MAX 48 /* longer words are not compared for likeness */

static struct problem *add(const struct complaints *to, enum severity severity, const char *rule, struct span at)
{
    struct problems *problems = to->problems;
    problems->error_count += severity == SEVERITY_ERROR;
    if (problems->count == PROBLEMS_MAX) {
        return NULL;
    }
    struct problem *problem = &problems->list[problems->count++];
    *problem = (struct problem){.severity = severity, .end_column = at.end_column};
    problem->error = (struct error){.code = ERR_BAD_INPUT, .line = at.line, .column = at.column};
    snprintf(problem->rule, sizeof problem->rule, "%s", rule);
    snprintf(problem->error.file, sizeof problem->error.file, "%s", to->file);
    return problem;
}

struct problem *complain(const struct complaints *to, const char *rule, struct span at, const char *format, ...)
{
    struct problem *problem = add(to, SEVERITY_ERROR, rule, at);
    if (problem != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(problem->error.text, sizeof problem->error.text, format, arguments);
        va_end(arguments);
    }
    return problem;
}

struct problem *complain_softly(const struct complaints *to, const char *rule, struct span at, const char *format, ...)
{
    struct problem *problem = add(to, SEVERITY_WARNING, rule, at);
    if (problem != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(problem->error.text, sizeof problem->error.text, format, arguments);
        va_end(arguments);
    }
    return problem;
}

void problem_relate(struct problem *problem, struct span at, const char *text)
{
    if (problem != NULL && at.line > 0) {
        problem->related_line = at.line;
        problem->related_column = at.column;
        snprintf(problem->related, sizeof problem->related, "%s", text);
    }
}

static int by_place(const void *left, const void *right)
{
    const struct problem *a = left, *b = right;
    int file = strcmp(a->error.file, b->error.file);
    if (file != 0) {
        return file;
    }
    if (a->error.line != b->error.line) {
        return a->error.line < b->error.line ? -1 : 1;
    }
    if (a->error.column != b->error.column) {
        return a->error.column < b->error.column ? -1 : 1;
    }
    int rule = strcmp(a->rule, b->rule);
    return rule != 0 ? rule : strcmp(a->error.text, b->error.text);
}

void problems_sort(struct problems *problems)
{
    qsort(problems->list, problems->count, sizeof problems->list[0], by_place);
}

struct quoted quoted(slice text)
{
    struct quoted out;
    size_t used = 0;
    out.text[used++] = '"';
    for (size_t i = 0; i < text.size && used < 61; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        out.text[used++] = (char)(byte < 0x20 || byte == 0x7F ? '?' : byte);
    }
    if (used == 61 && text.size > 60) {
        while (used > 1 && ((unsigned char)out.text[used - 1] & 0xC0) == 0x80) {
            used--; /* never cut a character in two */
        }
        used -= used > 1 && ((unsigned char)out.text[used - 1] & 0x80) != 0;
        memcpy(out.text + used, "...", 3);
        used += 3;
    }
    out.text[used++] = '"';
    out.text[used] = '\0';
    return out;
}

/* ---- Did you mean: the number of letters to insert, drop, change or swap (optimal string alignment). */

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c == '-' ? '_' : c);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t edit_distance(slice a, slice b)
{
    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b.size; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.size; i++) {
        size_t *now = rows[i % 3], *before = rows[(i + 2) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            bool same = lower(a.data[i - 1]) == lower(b.data[j - 1]);
            now[j] = smaller(smaller(before[j] + 1, now[j - 1] + 1), before[j - 1] + !same);
            if (i > 1 && j > 1 && lower(a.data[i - 1]) == lower(b.data[j - 2]) && lower(a.data[i - 2]) == lower(b.data[j - 1])) {
                now[j] = smaller(now[j], rows[(i + 1) % 3][j - 2] + 1);
            }
        }
    }
    return rows[a.size % 3][b.size];
}

struct nearest nearest_begin(slice wanted)
{
    return (struct nearest){.wanted = wanted, .distance = SIZE_MAX};
}

void nearest_try(struct nearest *nearest, slice candidate)
{
    if (nearest->wanted.size == 0 || nearest->wanted.size > WORD_MAX || candidate.size == 0 || candidate.size > WORD_MAX) {
        return;
    }
    size_t distance = edit_distance(nearest->wanted, candidate);
    size_t longer = nearest->wanted.size > candidate.size ? nearest->wanted.size : candidate.size;
    if (distance < nearest->distance && distance <= (longer < 6 ? 1 + (longer > 3) : longer / 3)) {
        nearest->distance = distance;
        nearest->best = candidate;
    }
}

struct hint nearest_hint(const struct nearest *nearest)
{
    struct hint hint = {""};
    if (nearest->distance != SIZE_MAX) {
        snprintf(hint.text, sizeof hint.text, "; did you mean %s?", quoted(nearest->best).text);
    }
    return hint;
}
