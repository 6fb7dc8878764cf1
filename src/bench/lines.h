/* SPDX-License-Identifier: MIT
 *
 * Lines: the links of a scenario on the wire: a shaper between the processes, and for each process the ports under which it
 * reaches the others. Nobody goes through a shaper whose way crosses no link, and a scenario without links has none. */
#ifndef PONT_BENCH_LINES_H
#define PONT_BENCH_LINES_H

#include "src/scenario/scenario.h"

#include <sys/types.h>

struct lines {
    pid_t pid;   /* of the shaper; 0: there is none */
    int control; /* -1: none */
    struct shaper_way *ways;
    struct way_of {
        uint32_t from, to;
        bool hl7;
    } *ends;     /* of each way */
    size_t way_count;
};

/* Starts the shaper, once ports are in scenario->nodes. ERR_LIMIT, ERR_SYSTEM. */
MUST_USE enum err lines_open(struct lines *lines, const struct scenario *scenario, struct arena *arena);
/* The port under which `from` reaches `to`: its own when there is nothing between. */
uint16_t lines_port(const struct lines *lines, const struct scenario *scenario, uint32_t from, uint32_t to, bool hl7);
/* Writes for each process which ports the others have for it (ports.txt, or ports-ID.txt where that differs), and with
 * `engine` the engine's own file, engine.yaml. Resets the scratch. */
MUST_USE enum err lines_write(const struct lines *lines, struct scenario *scenario, const char *folder, bool engine, struct arena *scratch);
/* The name of the file for this node. */
void lines_file(const struct lines *lines, const struct scenario *scenario, size_t node, char name[160]);
/* A fault of a link, or its end. ERR_BAD_INPUT when the shaper does not know it, ERR_PEER_GONE. */
MUST_USE enum err lines_tell(const struct lines *lines, uint32_t link, const struct plan_entry *entry);
void lines_close(struct lines *lines);

#endif
