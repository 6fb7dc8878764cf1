/* SPDX-License-Identifier: MIT
 *
 * Look: looks on while a virtual world runs: writes what caused what (causes.jsonl), prints a number whenever it changes, stops
 * at an event and says where everything stands. Changes nothing of the run: the trace hash is the same with it and without. */
#ifndef PONT_BENCH_LOOK_H
#define PONT_BENCH_LOOK_H

#include "sim/virtual/virtual.h"
#include "src/scenario/scenario.h"

#define LOOK_CAUSES_MAX 1000000 /* lines; a longer run has no causes.jsonl */
#define LOOK_RING 24            /* last events that are shown */
#define LOOK_LINE_MAX 512

struct look {
    int64_t goto_event;       /* 0: nowhere */
    const char *watch;        /* a row of watches.def, or waiting:NODE; null: nothing */
    bool causes_wanted;       /* causes.jsonl is written */
    /* Set while it runs. */
    char causes_path[600];
    bool reached;
    void *causes;             /* FILE */
    int64_t lines, number;
    int64_t value;            /* of what is watched, last seen */
    bool has_value;
    char ring[LOOK_RING][LOOK_LINE_MAX];
};
/* Is there something of that name to watch in this scenario? */
bool look_can_watch(const struct scenario *scenario, const char *name);
/* Lists the names, a line each. */
void look_put_watches(struct buffer *buffer);
/* Does it look at anything? */
bool look_sees(const struct look *look);
/* What the world shows. */
struct look_world {
    struct virtual *virtual;
    const struct scenario *scenario;
    int64_t open_demands;
};
/* Before the run: where causes.jsonl goes. */
void look_begin(struct look *look, const char *folder);
/* Takes a line of the trace, before its event is taken. ERR_SYSTEM when causes.jsonl cannot be written. Stops the virtual
 * world when the event is reached. */
MUST_USE enum err look_line(struct look *look, const struct look_world *world, const struct virtual_trace_line *line);
/* The run is over. A causes.jsonl that grew too long is taken away. */
void look_end(struct look *look);

#endif
