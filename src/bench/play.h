/* SPDX-License-Identifier: MIT
 *
 * Play: tells the story. Pure: it is shown every observation and says which step is due next. Steps are told in
 * order, each once its conditions have happened. It also sees when a study is complete at a node. */
#ifndef PONT_BENCH_PLAY_H
#define PONT_BENCH_PLAY_H

#include "src/scenario/scenario.h"

struct play;

/* ERR_LIMIT when the arena is too small. Borrows the scenario. */
MUST_USE enum err play_init(struct play **out, const struct scenario *scenario, struct arena *arena);
/* Takes one observation. When it completes a study at a node, *derived is filled (kind study_delivered) and true is
 * returned: the caller records it as any other and shows it to play_observe too. */
bool play_observe(struct play *play, const struct observation *observation, struct observation *derived);
/* The next step that is due, or null. The caller does it, then calls play_told. */
const struct step *play_due(const struct play *play);
void play_told(struct play *play, const struct step *step);
bool play_over(const struct play *play);
/* What the next step waits for, for people: "study_delivered at pacs_velindre (mr_old)". */
void play_waiting(const struct play *play, struct buffer *buffer);
size_t play_steps_told(const struct play *play);

#endif
