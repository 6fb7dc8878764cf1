/* SPDX-License-Identifier: MIT
 *
 * Progress: one live line on a terminal, a plain line every few seconds elsewhere, nothing when told so. To
 * stderr. No patient attribute is ever shown. */
#ifndef PONT_BENCH_PROGRESS_H
#define PONT_BENCH_PROGRESS_H

#include "src/base/time.h"

enum progress_mode { PROGRESS_AUTO, PROGRESS_PLAIN, PROGRESS_NONE };

struct progress {
    enum progress_mode mode; /* AUTO is resolved by progress_begin */
    bool live;
    time_ns begun_ns, shown_ns; /* CLOCK_MONOTONIC */
    char last[256];
};
void progress_begin(struct progress *progress, enum progress_mode mode);
/* What is happening now, done of planned, and what went wrong so far; shown when it is time to. */
struct progress_state {
    slice now;           /* "kill: held at pacs_velindre" */
    size_t done, planned;
    int64_t images, messages, queries, faults;
    time_ns told_ns;     /* from the begin to the last step told */
    time_ns at_ns, from_ns, until_ns; /* virtual time: now, where it began, where it ends; at_ns 0: this is the wire; until_ns 0: with the story */
    int64_t events;      /* taken so far */
    bool force;          /* show at once */
};
void progress_show(struct progress *progress, const struct progress_state *state);
/* Clears the live line. */
void progress_end(struct progress *progress);
/* Colour on this descriptor? A terminal, and NO_COLOR not set. */
bool progress_colour(int fd);

#endif
