/* SPDX-License-Identifier: MIT
 *
 * HL7 v2: bytes <-> values (HL7 2.5, ER7), MLLP framing, acknowledgements. Parsing borrows; text comes out
 * in UTF-8. Lenient where senders are known to differ (LF or CRLF as segment end, missing trailing fields),
 * strict where a guess could name the wrong patient. No sockets, no clock. */
#ifndef PONT_HL7_HL7_H
#define PONT_HL7_HL7_H

#include "src/base/arena.h"
#include "src/base/buffer.h"
#include "src/base/time.h"

#define HL7_MESSAGE_MAX (1u << 20) /* bytes; longer is ERR_LIMIT */
#define HL7_SEGMENTS_MAX 512
#define HL7_REPETITIONS_MAX 8

/* ---- The raw message: segments, fields, repetitions, components. */
struct hl7_segment {
    slice text;
};
struct hl7_message {
    struct hl7_segment *segments;
    size_t count;
    char field, component, repetition, escape, subcomponent; /* separators of MSH-1, MSH-2 */
};

/* Splits `bytes` into segments. `message` borrows from `bytes` and from `arena`. ERR_BAD_MESSAGE if there is
 * no MSH first or its separators are not five different printing characters; ERR_LIMIT for size, segments or a full
 * arena. `message` is untouched in both cases. */
MUST_USE enum err hl7_parse(struct hl7_message *message, slice bytes, struct arena *arena);
/* Field `number` (as in the standard, from 1; MSH-1 is the separator) of the `nth` (from 0) `name` segment.
 * Empty if absent. Borrows from the message; escapes still in. */
slice hl7_field(const struct hl7_message *message, const char *name, unsigned nth, unsigned number);
/* Repetition `nth` (from 0), component and subcomponent (from 1) of a field. */
slice hl7_repetition(const struct hl7_message *message, slice field, unsigned nth);
slice hl7_component(const struct hl7_message *message, slice repetition, unsigned component);
slice hl7_subcomponent(const struct hl7_message *message, slice component, unsigned subcomponent);
/* Undoes \F\ \S\ \T\ \R\ \E\ \Xhh\ \.br\; unknown escapes stay as they are. Line breaks
 * come out as LF, a NUL is left out. In the arena if anything changes; data is null when that is full. */
slice hl7_unescape(const struct hl7_message *message, slice text, struct arena *arena);
/* Writes text with the standard separators escaped: every line break as \.br\, other control bytes as \Xhh\. */
void hl7_put_escaped(struct buffer *buffer, slice text);

/* ---- The typed row: what RADIS2 and the engine say to each other (hl7.def). */
enum hl7_type {
#define HL7_TYPE(name, code, trigger, text) HL7_##name,
#define HL7_FIELD(name, segment, number, component, text)
#include "src/hl7/hl7.def"
#undef HL7_TYPE
#undef HL7_FIELD
    HL7_TYPE_COUNT
};
enum hl7_field_name {
#define HL7_TYPE(name, code, trigger, text)
#define HL7_FIELD(name, segment, number, component, text) HL7_FIELD_##name,
#include "src/hl7/hl7.def"
#undef HL7_TYPE
#undef HL7_FIELD
    HL7_FIELD_COUNT
};
/* PID-3 and MRG-1 repetitions (CX): value, assigning authority (CX-4 or, where misplaced, CX-6), type (CX-5).
 * A repetition without a value is left out; the explicit null is a value like any other. */
struct hl7_id {
    slice value, authority, type;
};
/* PID-5 and PID-9 repetitions (XPN). `kind` is XPN-7: L legal, M maiden, B birth, A alias (also when PID-9 says nothing). */
struct hl7_name {
    slice family, given, middle, prefix, kind;
};
struct hl7_value {
    enum hl7_type type;
    slice fields[HL7_FIELD_COUNT]; /* unescaped UTF-8; empty when absent; "\"\"" stays as the explicit null */
    struct hl7_id ids[HL7_REPETITIONS_MAX];
    size_t id_count;
    struct hl7_id prior_ids[HL7_REPETITIONS_MAX]; /* MRG-1; in A37 PID-3 of the second PID */
    size_t prior_id_count;
    struct hl7_name names[HL7_REPETITIONS_MAX]; /* PID-5, then PID-9 */
    size_t name_count;
};

/* Message -> typed row. ERR_BAD_MESSAGE for a type or trigger not in hl7.def (but any type with an MSA is an
 * acknowledgement), a missing control id, a version other than 2.x, more than one patient or order (only the
 * first would be read, and the others lost in silence), a character set (MSH-18) that cannot be read or text
 * that is not in it (absent: ASCII). ERR_LIMIT for more repetitions than HL7_REPETITIONS_MAX or a full arena.
 * `value` is untouched in both cases. All in the arena, which never needs more than HL7_READ_ARENA bytes. */
#define HL7_READ_ARENA (8u * HL7_MESSAGE_MAX)
MUST_USE enum err hl7_read(struct hl7_value *value, const struct hl7_message *message, struct arena *arena);
/* Typed row -> bytes, segments ended by CR, MSH-18 UNICODE UTF-8. Reading it back gives an equal row, if its
 * text has no NUL and its line breaks are LF, no id is without a value, no name without a part,
 * and MSA fields stand in acknowledgements only. */
void hl7_write(const struct hl7_value *value, struct buffer *buffer);
bool hl7_value_equal(const struct hl7_value *a, const struct hl7_value *b);
/* A deep copy into the arena. */
MUST_USE enum err hl7_value_copy(struct hl7_value *out, const struct hl7_value *from, struct arena *arena);
const char *hl7_type_text(enum hl7_type type); /* "ORM^O01" */

/* An acknowledgement (HL7_ACK) of `to`: `code` AA, AE or AR; `text` goes to MSA-3. Borrows. It has no clock:
 * fill HL7_FIELD_SENT_AT where there is one. An AE or AR says 207 in ERR-3 unless changed. */
struct hl7_value hl7_ack(const struct hl7_value *to, slice code, slice text, slice control_id);
/* The answer to bytes that could not be read: AR, with the control id when MSH was readable, and in ERR-3 the
 * row of table 0357 that fits best; an empty `text` becomes that row in words. */
void hl7_write_reject(slice bytes, slice text, struct buffer *buffer);

/* ---- MLLP (HL7 2.5 Appendix C, transport release 1): <VT> message <FS> <CR>. */
enum mllp_state { MLLP_OUTSIDE, MLLP_INSIDE, MLLP_AFTER_FS };
struct mllp {
    enum mllp_state state;
    struct buffer message; /* over memory of the caller's; its capacity is the limit */
    size_t garbage;        /* bytes seen between messages */
};
/* Takes bytes in any split. *used is how many it took (all of them unless a message ended); when a message ended
 * there, *complete is true and mllp_message() gives it until the next call. A VT within a message begins it anew
 * (its end was lost: unanswered, it comes again); an FS that neither CR nor VT follows is part of the message.
 * ERR_LIMIT (message too long) ends the connection. */
MUST_USE enum err mllp_take(struct mllp *mllp, slice bytes, size_t *used, bool *complete);
slice mllp_message(const struct mllp *mllp);
void mllp_write(slice message, struct buffer *buffer);

#endif
