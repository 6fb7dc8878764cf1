/* SPDX-License-Identifier: MIT
 *
 * RIS: RADIS2, emulated. It is told by PLAN entries what happens in the departments (verbs.def, arguments.def),
 * says it in HL7 over one MLLP channel, strictly one message at a time and in order, and emits what is true about
 * persons and exams. What was not acknowledged stays in its outbox. Pure, as every actor; not thread-safe.
 *
 * AA: the next message. AE: the same again after a wait. AR: that message is given up, a finding (hl7_refused),
 * and the next one goes. No acknowledgement within the time-out: the channel is cut, since a late answer must not
 * be taken for that of the next message, and the message goes again on a new one. Waits begin at retry_first_ns
 * and double up to retry_max_ns, until something is acknowledged.
 *
 * Faults (FAULT and HEAL entries): faults.def. */
#ifndef PONT_RIS_RIS_H
#define PONT_RIS_RIS_H

#include "src/actor/actor.h"

struct ris_config {
    slice name;             /* MSH-3; empty: RADIS2 */
    slice receiver;         /* MSH-5; empty: PONT */
    uint32_t engine;        /* index of the engine in the driver's table of peers */
    time_ns ack_timeout_ns; /* 0: 10 s */
    time_ns retry_first_ns; /* 0: 1 s */
    time_ns retry_max_ns;   /* 0: 8 s */
    size_t outbox_bytes;    /* for messages not acknowledged yet; 0: 4 MiB; full is ERR_LIMIT */
};

struct ris;

/* Makes it inside `arena`, which must outlive it; borrows the text of `config` for as long. ERR_LIMIT when the
 * outbox does not fit. */
MUST_USE enum err ris_init(struct ris **out, const struct ris_config *config, struct arena *arena);
/* ERR_LIMIT when the outbox or `out` is full. ERR_BAD_INPUT for a plan entry with a verb that is none, lists of
 * unequal length or a time that is no number. The step's arena needs about three times a
 * message and 64 KiB. */
MUST_USE enum err ris_step(struct ris *ris, const struct event *event, struct out *out);
time_ns ris_due(const struct ris *ris);
struct actor ris_actor(struct ris *ris);
/* Messages not acknowledged yet: when 0, everything told was said. */
size_t ris_outbox_count(const struct ris *ris);

#endif
