/* SPDX-License-Identifier: MIT
 *
 * Stage: plays a scenario in a world, of either kind: tells the history and the story, sets the watcher on every exam
 * that RADIS2 completes, counts what goes on and knows when nothing goes on any more. Judges nothing. */
#ifndef PONT_BENCH_STAGE_H
#define PONT_BENCH_STAGE_H

#include "sim/load/load.h"
#include "src/bench/folder.h"
#include "src/bench/play.h"
#include "src/bench/progress.h"
#include "src/bench/results.h"
#include "src/bench/trouble.h"
#include "src/bench/world.h"

#define STAGE_REJECTED_MAX 8192 /* studies that were rejected, remembered by hash until another takes the place */

struct stage {
    const struct scenario *scenario;
    struct world world;
    struct play *play;              /* null: the story is not told */
    struct trouble *trouble;        /* faults that wait for something; null: there are none */
    size_t link_base;               /* a target from here on is a link: the nodes of the file, a world may add some */
    struct load *load;              /* null: no rows but the story's */
    struct load_row row;            /* the next one, when has_row */
    bool has_row, row_taken;        /* taken: given out by stage_next, good until the next call */
    struct plan_file *plan;         /* where rows go that were told; null: nowhere */
    /* Told of every observation before the stage acts on it; null: nobody. Anything but ERR_OK ends the play. */
    enum err (*then)(void *self, const struct observation *seen, int64_t line);
    void *then_self;
    const bool *stopped;            /* somebody who looks on has seen enough; null: nobody does */
    enum err err;                   /* the first that `then` gave */
    struct progress *progress;      /* null: none is shown */
    struct progress_state shown;
    char now[160];
    time_ns begun_ns;
    int64_t completed, watched; /* exams whose completion was acknowledged; of those, seen or given up by the watcher */
    int64_t asked, answered, retrieves_asked, retrieves_answered;
    int64_t told_to_viewers, taken_up; /* on the wire: rows that make a viewer ask; questions and retrieves they began */
    time_ns told_viewer_at;
    int64_t told_to_ris, sent, said; /* entries; messages begun; messages acknowledged or refused for good */
    uint64_t rejected[STAGE_REJECTED_MAX];
    int64_t unseen;             /* exams that the watcher was told to wait for no longer, as the run was wound up */
    char unseen_first[64];
    bool winding_up;
};

/* The observer to start the world with; `self` is the stage. */
void stage_observe(void *self, const struct observation *seen, int64_t line);
/* Tells RADIS2 what happened before the story. */
MUST_USE enum err stage_history(struct stage *stage);
/* Makes the load of the scenario, if it has one, and takes its first row. `memory` is the load's own; drop it at the end. */
MUST_USE enum err stage_rows(struct stage *stage, struct arena *memory);
/* What the load has held so far. */
struct plan_totals stage_totals(const struct stage *stage);
/* The next row of the load, for a world that tells rows itself; good until the next call. Null: there is none any more. */
const struct load_row *stage_next(struct stage *stage);
/* Tells the next step of the story or row of the plan if it is due, else lets the world go on, at most until `until`. */
MUST_USE enum err stage_turn(struct stage *stage, time_ns until);
/* The story is told and nothing that was begun is still open: what RADIS2 was told it has said, what the watcher and the
 * viewers asked has an answer, and the engine has no open demand. */
bool stage_is_over(struct stage *stage);
/* ^C: no new question is asked, and those in flight get their answers, so that nothing is judged that was only cut off. */
void stage_wind_up(struct stage *stage);
/* After that: what never came, "2 exams to be shown (first CAV/CAV0001331), 1 question, 3 open demands". */
void stage_put_open(struct stage *stage, struct buffer *text);

#endif
