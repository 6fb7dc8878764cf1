/* SPDX-License-Identifier: MIT
 *
 * Report: writes what a run came to into its folder: results.json, junit.xml, plots (data, script, SVG),
 * index.html (one file, no network). One model, several writers; nothing is judged here. Every text that came from
 * outside is escaped for where it goes. */
#ifndef PONT_REPORT_REPORT_H
#define PONT_REPORT_REPORT_H

#include "src/bench/results.h"
#include "src/bench/sweep.h"

/* Writes all of them. `program` repeats the run in the last lines of the page. ERR_SYSTEM when a file cannot be written; `why` (256
 * bytes) then names it. gnuplot missing is no error: the page says that the plots could not be drawn. */
MUST_USE enum err report_write(const struct results *results, const char *folder, const char *junit_path, char why[256], struct arena *arena);
/* results.json alone, as the runs of a sweep leave it. */
MUST_USE enum err report_write_results(const struct results *results, const char *folder, char why[256]);
/* index.html of a sweep. */
MUST_USE enum err report_sweep(const struct sweep *sweep, const char *folder, char why[256], struct arena *arena);
/* The few lines for the terminal: verdict, the numbers that matter, where the report is. */
void report_put_summary(const struct results *results, const char *folder, bool colour, struct buffer *buffer);

#endif
