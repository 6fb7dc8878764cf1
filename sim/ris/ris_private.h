/* SPDX-License-Identifier: MIT
 *
 * RIS, the private door: its outbox, and how a plan entry becomes messages. */
#ifndef PONT_RIS_PRIVATE_H
#define PONT_RIS_PRIVATE_H

#include "sim/ris/ris.h"

/* ---- Outbox: messages as they go on the wire, first in, first out, in memory of fixed size. */
struct outbox {
    char *bytes;
    size_t begin, end, capacity;
    size_t count;
};
struct outbox_item {
    slice person, study_uid; /* the truth beside the message: never sent */
    slice wire;
};
/* A buffer for the bytes of the next message, over all the room there is. Moves what is in the
 * outbox: slices of items are gone. End it by outbox_end; false when the item did not fit, and the
 * outbox is as before. */
struct buffer outbox_begin(struct outbox *outbox, slice person, slice study_uid);
bool outbox_end(struct outbox *outbox, const struct buffer *wire);
/* The oldest item; the outbox is not empty. Borrows until outbox_begin. */
struct outbox_item outbox_first(const struct outbox *outbox);
void outbox_drop_first(struct outbox *outbox);

/* ---- Plan entries to messages. */
struct teller {
    slice name, receiver;
    uint64_t messages; /* made so far: part of the control id */
};
/* Puts the messages of a PLAN_DO entry into the outbox and the truths they hold into `out`. */
MUST_USE enum err tell(struct teller *teller, struct outbox *outbox, const struct plan_entry *entry,
                       time_ns now, struct out *out);

#endif
