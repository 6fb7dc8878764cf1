/* SPDX-License-Identifier: MIT
 *
 * JSON lines between the bench and its processes: plan entries one way, observations the other. */
#ifndef PONT_BENCH_JSON_H
#define PONT_BENCH_JSON_H

#include "src/actor/actor.h"

/* {"id":7,"kind":"do","verb":"order","args":{"person":"woman"}} and a newline. */
void plan_put_json(const struct plan_entry *entry, struct buffer *buffer);
/* Reads one line of observation_put_json. Text is copied into the arena. ERR_BAD_MESSAGE when it is none. */
MUST_USE enum err observation_from_json(struct observation *observation, slice line, struct arena *arena);

#endif
