/* SPDX-License-Identifier: MIT
 *
 * Judge: folds over what happened (the plan, the world's observations, the engine's record stream) and says
 * what held. It never reads the engine's memory. The same code for both worlds. Feed everything in order of time,
 * records with the step that put them, then judge_end. */
#ifndef PONT_BENCH_JUDGE_H
#define PONT_BENCH_JUDGE_H

#include "src/bench/results.h"

struct judge;

/* What is small is taken from `arena`, which must outlive the results (about 32 MiB); what grows with the run comes from
 * the system page by page and is given back by judge_drop. ERR_LIMIT when there is no room. */
MUST_USE enum err judge_init(struct judge **out, const struct scenario *scenario, struct arena *arena);
/* After judge_end; the results stay good. */
void judge_drop(struct judge *judge);
/* Sets *seen at the first violation of an invariant that is judged while the run goes on. Both pointers must stay good. */
void judge_want(struct judge *judge, const enum invariant *invariant, bool *seen);
/* How long a question may take in engine time (the engine's configuration says); without it deadlines are not judged. */
void judge_deadline(struct judge *judge, time_ns deadline_ns);
/* How long the engine waits for one source: a PACS that takes longer is disturbed, whatever keeps it. */
void judge_patience(struct judge *judge, time_ns patience_ns);
/* `line` is the observation's line in observations.jsonl. Copies what it keeps. ERR_LIMIT when full. */
MUST_USE enum err judge_observe(struct judge *judge, const struct observation *observation, int64_t line);

/* The record stream, one life of the engine after the other. */
MUST_USE enum err judge_life(struct judge *judge, int64_t life);                       /* a life begins: tables as restored follow as records */
MUST_USE enum err judge_record(struct judge *judge, const struct record *record, int64_t step, time_ns at_ns, bool restored);
MUST_USE enum err judge_committed(struct judge *judge, int64_t step, uint64_t digest, time_ns at_ns);
/* A command of `step` left; what the judge needs of it: its kind and message. */
MUST_USE enum err judge_left(struct judge *judge, const struct command *command, int64_t step, time_ns at_ns);
/* A link (index in the scenario) carried so many bytes since the run began, both ways; told now and then, at the latest at
 * the end. */
void judge_link_carried(struct judge *judge, uint32_t link, int64_t bytes);
/* The replay of a life: equal, or the first difference. */
MUST_USE enum err judge_replayed(struct judge *judge, int64_t life, bool equal, slice difference);
MUST_USE enum err judge_restored(struct judge *judge, int64_t life, uint64_t committed_digest, uint64_t restored_digest);
/* One that was restored at a commit beside the engine that lives on: does it stand where that one stands? */
MUST_USE enum err judge_copied(struct judge *judge, int64_t step, uint64_t committed_digest, uint64_t copied_digest);

/* Everything was fed. Fills what the judge knows of `results` (invariants, counts, latency, expectations, story,
 * transfers, nodes, outcome_digest, sentence, verdict); the caller fills the rest before. */
MUST_USE enum err judge_end(struct judge *judge, struct results *results);

#endif
