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

/* Puts the second before the first; false when there is none, or no room in the arena. */
bool outbox_swap(struct outbox *outbox, struct arena *scratch);

/* ---- Faults (faults.def). */
enum ris_fault {
#define RIS_FAULT(name, counts, text) RIS_##name,
#include "sim/ris/faults.def"
#undef RIS_FAULT
    RIS_FAULT_COUNT
};
#define RIS_NTHS_MAX 32
struct ris_biting {
    bool on;
    int64_t draw, left, seen, chance_micro; /* left: so many more, 0: all until healed */
    int64_t nths[RIS_NTHS_MAX];
    uint32_t nth_count;
    time_ns delay;
};
enum ris_clock_how { CLOCK_JUMP, CLOCK_DRIFT, CLOCK_REPEAT_HOUR, CLOCK_STROBE };
struct ris_clock {
    enum ris_clock_how how;
    int64_t by; /* ns; of a drift millionths */
    time_ns since;
};
struct ris_faults {
    struct ris_biting list[RIS_FAULT_COUNT];
    struct ris_clock clock;
};
/* FAULT or HEAL. ERR_BAD_INPUT for a word or an argument that is none. */
MUST_USE enum err ris_fault_tell(struct ris_faults *faults, const struct plan_entry *plan, time_ns now, struct out *out);
/* Counts one message; true when it is bitten. */
bool ris_fault_bites(struct ris_faults *faults, enum ris_fault which, time_ns now, struct out *out);
time_ns ris_clock_offset(const struct ris_faults *faults, time_ns now);

/* ---- Plan entries to messages. */
/* The first message of the outbox as it was read out of its bytes; good while `is_read`. */
struct first {
    bool is_read;
    struct hl7_value value;
    struct arena arena;
};
struct teller {
    slice name, receiver;
    time_ns clock_offset; /* what its wall clock says more than the truth */
    uint64_t messages; /* made so far: part of the control id */
};
/* Puts the messages of a PLAN_DO entry into the outbox and the truths they hold into `out`; what becomes the first of an
 * empty outbox is read into `first`. */
MUST_USE enum err tell(struct teller *teller, struct outbox *outbox, struct first *first, const struct plan_entry *entry,
                       time_ns now, struct out *out);

#endif
