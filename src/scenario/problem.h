/* SPDX-License-Identifier: MIT
 *
 * Problem: how the readers of this folder complain: a rule, a place, a sentence with its remedy. All complaints of a
 * file are gathered, up to PROBLEMS_MAX; problems_sort puts them in order of line. */
#ifndef PONT_SCENARIO_PROBLEM_H
#define PONT_SCENARIO_PROBLEM_H

#include "src/scenario/scenario.h"

/* Where on a line, counted in characters from 1; end_column is the first character after it. */
struct span {
    int line, column, end_column;
};

struct complaints {
    struct problems *problems;
    const char *file;
};

/* Adds an error (rule of rules.def). Null when the list is full; it is counted all the same. */
__attribute__((format(printf, 4, 5))) struct problem *complain(const struct complaints *to, const char *rule, struct span at, const char *format, ...);
__attribute__((format(printf, 4, 5))) struct problem *complain_softly(const struct complaints *to, const char *rule, struct span at, const char *format, ...);
/* Adds "FILE:LINE:COL: note: text" to a problem; null is let pass. */
void problem_relate(struct problem *problem, struct span at, const char *text);
void problems_sort(struct problems *problems);

/* A text of the user's as it may stand in a sentence: quoted, control characters replaced, at most 60 bytes. */
struct quoted {
    char text[72];
};
struct quoted quoted(slice text);

/* The best of the candidates given so far, for "did you mean". */
struct nearest {
    slice wanted, best;
    size_t distance;
};
struct nearest nearest_begin(slice wanted);
void nearest_try(struct nearest *nearest, slice candidate);
/* "; did you mean \"alder\"?", or nothing when no candidate is near. */
struct hint {
    char text[96];
};
struct hint nearest_hint(const struct nearest *nearest);

#endif
