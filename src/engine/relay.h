/* SPDX-License-Identifier: MIT
 *
 * Relay: the decisions of one relay job (design 3.3), pure and without records. The wire worker runs it around
 * the stream of pixel data, the virtual driver on values: which instance belongs to the job, what is refused,
 * whose status the holder gets, when results go to the engine, when the job ends. Not thread-safe: whoever
 * drives a job holds its lock. Times are scenario time. */
#ifndef PONT_ENGINE_RELAY_H
#define PONT_ENGINE_RELAY_H

#include "src/actor/actor.h"

#define RELAY_BATCH_NS (50 * TIME_MS)
#define RELAY_SIGN_NS (10 * TIME_S) /* while bytes flow the engine hears so often that they do: one image may take minutes */

struct relay; /* opaque */

/* Copies the job into `arena`, which must outlive the relay. ERR_LIMIT when it does not fit. */
MUST_USE enum err relay_init(struct relay **out, const struct relay_job *job, struct arena *arena);
const struct relay_job *relay_job(const struct relay *relay);
/* The holder's proposal -> what to propose to the destination (same ids, abstract syntaxes and the transfer
 * syntaxes we can pass). ERR_LIMIT when the arena is full. */
MUST_USE enum err relay_propose(const struct relay *relay, const struct contexts *asked, struct contexts *proposed, struct arena *arena);
/* What the destination answered -> what to answer the holder: only what both sides share is accepted. */
MUST_USE enum err relay_answer(const struct relay *relay, const struct contexts *asked, const struct contexts *opened, struct contexts *answered, struct arena *arena);
/* An instance comes. STATUS_SUCCESS: pass it. Otherwise the status to refuse it with (not of this job, already
 * delivered, job ended) after its data were drained; `*finding` says why, empty when no finding. */
uint16_t relay_offer(struct relay *relay, slice sop_instance_uid, slice study_uid, slice *finding);
/* The same for `most` instances whose UIDs count up from the first (struct object). The answer is that of the first *count
 * of them; ask again for the rest. */
uint16_t relay_offer_span(struct relay *relay, slice sop_instance_uid, slice study_uid, uint32_t most, uint32_t *count, slice *finding);
/* The destination's answer for passed instances, or our own status when they were lost on the way. */
void relay_took(struct relay *relay, const struct relay_result *result, time_ns at_ns);
/* Results that wait for the engine, those of a span that was taken as one in one: true when 64 instances wait or the oldest waits 50 ms, or `flush`. They stay good
 * until the next call. */
bool relay_batch(struct relay *relay, time_ns at_ns, bool flush, const struct relay_result **results, size_t *count);
/* When the next batch is due; TIME_NEVER when nothing waits. */
time_ns relay_due(const struct relay *relay);
/* All items of the manifest have an answer. */
bool relay_complete(const struct relay *relay);
/* RELAY_END came, or the deadline passed: nothing is accepted any more. */
void relay_close(struct relay *relay);

#endif
