/* SPDX-License-Identifier: MIT
 *
 * Replay: feeds the journal of one life to an actor built afresh, and says whether it did the same again. Yields
 * the record stream on the way: what the judges read of an engine. No sockets, no threads, no clock. */
#ifndef PONT_WIRE_REPLAY_H
#define PONT_WIRE_REPLAY_H

#include "src/actor/actor.h"
#include "src/store/store.h"

/* How a life began. */
struct replay_start {
    int64_t life;
    time_ns at_ns;
    uint64_t restored_digest; /* of the rows it was restored from */
    struct store_meta before; /* what the life before had committed last; zero for the first */
};

/* Told in the order of the journal. Anything but ERR_OK ends the replay and is its result. Any may be null. */
struct replay_watcher {
    void *self;
    enum err (*start)(void *self, const struct replay_start *start);
    enum err (*record)(void *self, const struct record *record, int64_t step, time_ns at_ns, bool restored); /* restored: step 0 */
    enum err (*committed)(void *self, int64_t step, uint64_t digest, time_ns at_ns);
    enum err (*left)(void *self, const struct command *command, int64_t step, time_ns at_ns);
};

struct replay_result {
    bool equal;           /* the same commands and digest at every COMMIT, and at `until` */
    char difference[256]; /* the first one, for people */
    struct replay_start start;
    int64_t steps, commits;
    uint64_t command_hash; /* over every command of the life, as meta has it */
    bool ended;           /* the life ended in order; else it was killed */
};

/* Reads only how the life began. ERR_NOT_FOUND, ERR_BAD_MESSAGE. */
MUST_USE enum err replay_peek(const char *path, struct replay_start *start);
/* `until`: what the registry said after a kill (replay_start.before of the next life); compared at its step when it
 * names this life; null: none. Events behind the last commit are fed, not compared. ERR_OK also when not equal. */
MUST_USE enum err replay_journal(struct replay_result *result, const char *path, struct actor *actor, const struct store_meta *until,
                                 const struct replay_watcher *watcher);

#endif
