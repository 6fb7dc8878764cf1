/* SPDX-License-Identifier: MIT
 *
 * Channel: the table of open associations and links, for engine.c and access.c. Others use the
 * functions of engine_private.h. */
#ifndef PONT_ENGINE_CHANNEL_H
#define PONT_ENGINE_CHANNEL_H

#include "src/engine/engine_private.h"

MUST_USE enum err channel_init(struct engine *engine);
/* Null when the table is full. */
struct channel *channel_take(struct engine *engine, int64_t number, enum channel_kind kind,
                             uint32_t node, int64_t subject);
void channel_give(struct engine *engine, struct channel *channel);

#endif
