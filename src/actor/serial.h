/* SPDX-License-Identifier: MIT
 *
 * Serial: events and commands as bytes (for the journal, the mailboxes of workers and the command hash) and
 * as one JSON line each (for trace.jsonl). The bytes hold every field that the kind uses; reading them back
 * gives an equal value. Version and length stand in front, so that a cut-off tail is found. */
#ifndef PONT_ACTOR_SERIAL_H
#define PONT_ACTOR_SERIAL_H

#include "src/actor/actor.h"

void event_write(const struct event *event, struct buffer *buffer);
/* Everything is copied into the arena. ERR_BAD_MESSAGE for bytes that no event_write wrote. */
MUST_USE enum err event_read(struct event *event, slice bytes, struct arena *arena);
void command_write(const struct command *command, struct buffer *buffer);
MUST_USE enum err command_read(struct command *command, slice bytes, struct arena *arena);
void record_write(const struct record *record, struct buffer *buffer);
MUST_USE enum err record_read(struct record *record, slice bytes, struct arena *arena);

/* Deep copies of the fields that the kind uses. ERR_LIMIT when the arena is full. */
MUST_USE enum err event_copy(struct event *out, const struct event *from, struct arena *arena);
MUST_USE enum err command_copy(struct command *out, const struct command *from, struct arena *arena);
MUST_USE enum err record_copy(struct record *out, const struct record *from, struct arena *arena);
MUST_USE enum err message_copy(struct message *out, const struct message *from, struct arena *arena);

/* Sets time and sequence in the bytes of an event_write: a driver stamps an event where it takes it. */
void event_stamp(char *bytes, time_ns at_ns, int64_t sequence);
/* Kind and channel without reading the rest. ERR_BAD_MESSAGE for bytes that no command_write wrote. */
MUST_USE enum err command_peek(slice bytes, enum command_kind *kind, int64_t *channel);

/* One line of trace.jsonl, without newline: {"t":ns,"n":sequence,"in":"RECEIVED",...}. Messages are decoded
 * for people (kinds, statuses, keys by keyword). */
void event_put_json(const struct event *event, struct buffer *buffer);
void command_put_json(const struct command *command, time_ns at_ns, struct buffer *buffer);
/* {"observed":"delivered","at":ns,"actor":"...",...}: fields that are empty or zero are left out. */
void observation_put_json(const struct observation *observation, struct buffer *buffer);

#endif
