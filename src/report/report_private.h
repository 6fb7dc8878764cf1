/* SPDX-License-Identifier: MIT
 *
 * Report, inside: the writers and what they share. */
#ifndef PONT_REPORT_REPORT_PRIVATE_H
#define PONT_REPORT_REPORT_PRIVATE_H

#include "src/base/buffer.h"
#include "src/report/report.h"

#define PAGE_SIZE_MAX (32u << 20)

MUST_USE enum err report_file(const char *folder, const char *name, slice bytes, char why[256]);
const char *verdict_word(enum verdict verdict);
/* Milliseconds at a percentile (50, 95, 99, 100) of sorted values; 0 without any. */
double latency_ms(const struct latency *latency, int percentile);
/* Whether a row for this invariant belongs into the report: it was judged in this run. */
bool invariant_shown(const struct results *results, enum invariant invariant);

MUST_USE enum err report_json(const struct results *results, const char *folder, char why[256]);
MUST_USE enum err report_junit(const struct results *results, const char *folder, const char *path, char why[256], struct arena *arena);
/* Writes plots/NAME.dat, .gp and draws NAME.svg with gnuplot. */
void report_plots(const struct results *results, const char *folder, struct arena *arena);
MUST_USE enum err report_html(const struct results *results, const char *folder, char why[256], struct arena *arena);

/* ---- HTML pieces (html_*.c). Text is escaped by html_text, nothing else is. */
void html_text(struct buffer *page, slice text);
void html_cstr(struct buffer *page, const char *text);
/* Markup of our own with numbers in it; never text from outside. */
void html_markup(struct buffer *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void html_story(struct buffer *page, const struct results *results);
void html_map(struct buffer *page, const struct results *results);
void html_evidence(struct buffer *page, const struct results *results, const char *folder, struct arena *arena);
/* "patient data" free name of a node and its site: "Royal Gwent Hospital". */
slice node_name(const struct results *results, slice id);
slice node_site(const struct results *results, slice id);
/* The organisation's colour, one of eight (Okabe and Ito 2008). */
const char *node_colour(const struct results *results, slice id);

#endif
