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
/* What an expectation found and what it wanted, for people: "37.8 s", "at least 98 %". */
#define VALUE_TEXT 40
#define BOUND_TEXT 96
const char *value_text(enum value_unit unit, int64_t value, char text[VALUE_TEXT]);
const char *bound_text(const struct expectation_result *result, char text[BOUND_TEXT]);
/* Whether a row for this invariant belongs into the report: it was judged in this run. */
bool invariant_shown(const struct results *results, enum invariant invariant);
/* Bytes of the UTF-8 character that `text` begins with (RFC 3629); 0 when it begins with none. */
size_t utf8_size(slice text);

MUST_USE enum err report_json(const struct results *results, const char *folder, char why[256]);
MUST_USE enum err report_junit(const struct results *results, const char *folder, const char *path, char why[256], struct arena *arena);
/* Writes plots/NAME.dat, .gp and draws NAME.svg with gnuplot. */
void report_plots(const struct results *results, const char *folder, struct arena *arena);
MUST_USE enum err report_html(const struct results *results, const char *folder, char why[256], struct arena *arena);

/* ---- The names of things, for people. */
slice node_name(const struct results *results, slice id); /* of a node: "Royal Gwent Hospital" */
slice node_site(const struct results *results, slice id);
/* The organisation's colour, one of eight (Okabe and Ito 2008). */
const char *node_colour(const struct results *results, slice id);
/* The scenario's study of this UID; null when it has none. */
const struct scenario_study *study_of_uid(const struct results *results, slice uid);

/* ---- HTML pieces (html_*.c). Text is escaped by html_text, nothing else is. */
void html_text(struct buffer *page, slice text);
void html_cstr(struct buffer *page, const char *text);
/* Text of at most `most` characters, the rest as an ellipsis. */
void html_short(struct buffer *page, slice text, size_t most);
/* Markup of our own with numbers in it; never text from outside. */
void html_markup(struct buffer *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "340 kB", "1.4 MB" */
void html_bytes(struct buffer *page, int64_t bytes);

/* A table as a file inside the page: cells are added row by row, and the link offers it. */
struct csv {
    struct buffer text;
    bool begun;
};
struct csv csv_begin(struct arena *arena);
void csv_cell(struct csv *csv, slice text);
void csv_number(struct csv *csv, int64_t number);
void csv_line(struct csv *csv);
void csv_link(struct buffer *page, const struct csv *csv, const char *name);

/* What the verdicts point at: chosen lines of observations.jsonl, and steps of the engine in trace.jsonl. */
struct proof;
struct proof *proof_read(const struct results *results, const char *folder, struct arena *arena); /* null when memory is short */
void proof_drop(struct proof *proof);
bool proof_has_line(const struct proof *proof, int64_t line);
bool proof_has_step(const struct proof *proof, int64_t life, int64_t step);
void html_proof(struct buffer *page, const struct results *results, const struct proof *proof);

void html_story(struct buffer *page, const struct results *results, const struct proof *proof, struct arena *arena);
void html_fidelity(struct buffer *page, const struct results *results);
void html_map(struct buffer *page, const struct results *results);
void html_transfers(struct buffer *page, const struct results *results, struct arena *arena);

/* ---- The chapters of a long run (html_year.c, html_places.c), and what they are drawn with (html_chart.c). */
void html_year(struct buffer *page, const struct results *results, struct arena *arena);
void html_places(struct buffer *page, const struct results *results, struct arena *arena);
/* "71,364" */
const char *grouped(int64_t value, char text[32]);
/* "1.36 M", "494", "4.2" */
void html_number(struct buffer *page, double value);

struct chart_band {
    time_ns from_ns, until_ns;
    bool planned;
};
/* Bars, one a month, on a zero-based axis; outages behind them. */
struct chart {
    const char *title;        /* a finding */
    const char *caption, *unit;
    const double *values;
    const bool *known;        /* null: all are */
    const int *years, *months;
    size_t count;
    double top;               /* of the axis; 0: the highest value */
    double objective;         /* a line; 0: none */
    time_ns from_ns, until_ns;
    const struct chart_band *bands;
    size_t band_count;
};
void html_chart(struct buffer *page, const struct chart *chart);

struct year_days {
    const int64_t *values, *marked;
    size_t count;
    int64_t most;
    time_ns first_ns;         /* local midnight, read as UTC */
    unsigned first_weekday;   /* 0 is Monday */
    const char *unit;
};
void html_days(struct buffer *page, const struct year_days *days);

#endif
