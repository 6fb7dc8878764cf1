/* SPDX-License-Identifier: MIT
 *
 * Engine: decides what a federation of sites does next. Events in, commands, records and observations out.
 *
 * It reads no clock, opens no socket, starts no thread and allocates nothing after engine_init: the same
 * events in the same order give the same outputs, byte for byte. Not thread-safe: one engine, one thread. */
#ifndef PONT_ENGINE_ENGINE_H
#define PONT_ENGINE_ENGINE_H

#include "src/engine/config.h"

struct engine;

/* What a run will bring, about. */
struct engine_load {
    uint64_t exams, studies;         /* of the period, and those from before */
    uint64_t persons, numbers;       /* and their numbers in all domains */
    uint64_t cases;                  /* names on the lists of meetings */
};
/* Raises the limits so that they hold a tenth more than that, and `memory` to what they need. Limits are never lowered. */
void engine_config_hold(struct engine_config *config, const struct engine_load *load);
/* Bytes of arena that these limits need, about: room for all rows, and for texts of a usual length. */
uint64_t engine_memory(const struct engine_config *config);
/* Makes an engine inside `arena`, which must outlive it. Borrows `config` for as long. ERR_LIMIT if the
 * federation's limits do not fit the arena. */
MUST_USE enum err engine_init(struct engine **out, const struct engine_config *config, struct arena *arena);
/* Takes one event and puts into `out` what must be done about it. The driver commits the records before it
 * lets the commands go. ERR_LIMIT only if `out` has no room for a step: the run ends. */
MUST_USE enum err engine_step(struct engine *engine, const struct event *event, struct out *out);
/* When CLOCK must come at the latest; TIME_NEVER when nothing waits. */
time_ns engine_due(const struct engine *engine);
/* Puts one committed row back; before the first event. ERR_LIMIT when a table is full. */
MUST_USE enum err engine_restore(struct engine *engine, const struct record *record);
/* Order-free sum of record_hash over all durable rows but those of `limit`. */
uint64_t engine_digest(const struct engine *engine);
/* The engine as a driver sees it. */
struct actor engine_actor(struct engine *engine);

#endif
