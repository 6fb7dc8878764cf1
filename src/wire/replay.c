/* SPDX-License-Identifier: MIT */
#include "src/wire/replay.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/actor/serial.h"
#include "src/base/hash.h"
#include "src/wire/wire_private.h"

struct replay {
    struct replay_result *result;
    const struct replay_watcher *watcher;
    struct actor *actor;
    const struct store_meta *until;
    struct cursor journal;
    struct arena memory, event, step;
    struct out *out;
    struct buffer commands; /* of the steps since the last commit but one: u32 size, i64 step, bytes */
    uint64_t command_hash;
    int64_t step_number;
    bool clear_commands;    /* the next event begins another commit */
    bool started, stopped;  /* stopped: what follows cannot be compared */
};

struct entry {
    enum journal_kind kind;
    slice bytes;
    bool damaged;
};

/* False at the end; a torn last entry is an end too: the process died while it was written. */
static bool next_entry(struct cursor *journal, struct entry *entry)
{
    entry->kind = (enum journal_kind)cursor_byte(journal);
    uint32_t size = cursor_u32(journal), check = cursor_u32(journal);
    entry->bytes = cursor_bytes(journal, size);
    entry->damaged = !journal->bad && check != journal_check(entry->kind, entry->bytes);
    return !journal->bad;
}

__attribute__((format(printf, 2, 3))) static void differ(struct replay *replay, const char *format, ...)
{
    va_list arguments;
    if (replay->result->equal) {
        va_start(arguments, format);
        vsnprintf(replay->result->difference, sizeof replay->result->difference, format, arguments);
        va_end(arguments);
    }
    replay->result->equal = false;
}

/* ---- Entries. */

static bool read_start(struct replay_start *start, slice bytes)
{
    struct cursor cursor = {bytes, false};
    bool version = cursor_u32(&cursor) == JOURNAL_VERSION;
    start->life = (int64_t)cursor_u64(&cursor);
    start->at_ns = (time_ns)cursor_u64(&cursor);
    start->restored_digest = cursor_u64(&cursor);
    start->before.life = (int64_t)cursor_u64(&cursor);
    start->before.step = (int64_t)cursor_u64(&cursor);
    start->before.command_hash = cursor_u64(&cursor);
    start->before.state_digest = cursor_u64(&cursor);
    return version && !cursor.bad;
}

static enum err take_start(struct replay *replay, slice bytes)
{
    struct replay_start *start = &replay->result->start;
    if (replay->started || !read_start(start, bytes)) {
        return ERR_BAD_MESSAGE;
    }
    replay->started = true;
    return replay->watcher->start == NULL ? ERR_OK : replay->watcher->start(replay->watcher->self, start);
}

static enum err take_record(struct replay *replay, slice bytes)
{
    struct record record;
    arena_reset(&replay->event);
    enum err err = record_read(&record, bytes, &replay->event);
    if (err == ERR_OK && replay->actor->restore != NULL) {
        err = replay->actor->restore(replay->actor->self, &record);
    }
    if (err == ERR_OK && replay->watcher->record != NULL) {
        err = replay->watcher->record(replay->watcher->self, &record, 0, replay->result->start.at_ns, true);
    }
    return err;
}

static uint64_t digest_of(const struct replay *replay)
{
    return replay->actor->digest == NULL ? 0 : replay->actor->digest(replay->actor->self);
}

/* The registry may stand at a step whose mark the killed process could no longer write. */
static void check_until(struct replay *replay)
{
    const struct store_meta *until = replay->until;
    if (until == NULL || until->life != replay->result->start.life || until->step != replay->step_number) {
        return;
    }
    if (until->command_hash != replay->command_hash || until->state_digest != digest_of(replay)) {
        differ(replay, "step %" PRId64 " as committed: commands %016" PRIx64 ", state %016" PRIx64 "; replayed: %016" PRIx64 ", %016" PRIx64,
               until->step, until->command_hash, until->state_digest, replay->command_hash, digest_of(replay));
    }
}

static enum err take_outputs(struct replay *replay, time_ns at_ns)
{
    const struct replay_watcher *watcher = replay->watcher;
    enum err err = ERR_OK;
    for (size_t i = 0; i < replay->out->record_count && err == ERR_OK && watcher->record != NULL; i++) {
        err = watcher->record(watcher->self, &replay->out->records[i], replay->step_number, at_ns, false);
    }
    for (size_t i = 0; i < replay->out->command_count; i++) {
        size_t start = replay->commands.size;
        err = command_keep(&replay->commands, &replay->out->commands[i], replay->step_number) ? err : ERR_LIMIT;
        if (err != ERR_OK) {
            return err;
        }
        replay->command_hash = hash64(replay->command_hash, slice_after(buffer_slice(&replay->commands), start + COMMAND_HEAD));
    }
    return err;
}

static enum err take_event(struct replay *replay, slice bytes)
{
    struct event event;
    arena_reset(&replay->event);
    enum err err = event_read(&event, bytes, &replay->event);
    if (err != ERR_OK) {
        return err;
    }
    if (event.sequence != replay->step_number + 1) {
        differ(replay, "event %" PRId64 " follows event %" PRId64, event.sequence, replay->step_number);
        return ERR_BAD_MESSAGE;
    }
    if (replay->clear_commands) {
        replay->commands.size = 0;
        replay->clear_commands = false;
    }
    replay->step_number = event.sequence;
    replay->result->steps++;
    out_clear(replay->out);
    err = replay->actor->step(replay->actor->self, &event, replay->out);
    if (err != ERR_OK || replay->out->full) {
        replay->stopped = true; /* the life ended here too, or differs: its next entry tells */
        return ERR_OK;
    }
    err = take_outputs(replay, event.at_ns);
    check_until(replay);
    return err;
}

static enum err take_commit(struct replay *replay, slice bytes)
{
    struct cursor cursor = {bytes, false};
    int64_t step = (int64_t)cursor_u64(&cursor);
    uint64_t command_hash = cursor_u64(&cursor), digest = cursor_u64(&cursor);
    time_ns at_ns = (time_ns)cursor_u64(&cursor);
    if (cursor.bad) {
        return ERR_BAD_MESSAGE;
    }
    replay->result->commits++;
    if (replay->stopped || step != replay->step_number) {
        differ(replay, "committed step %" PRId64 ", replayed up to step %" PRId64, step, replay->step_number);
    } else if (command_hash != replay->command_hash) {
        differ(replay, "step %" PRId64 ": the commands differ (%016" PRIx64 " committed, %016" PRIx64 " replayed)", step, command_hash, replay->command_hash);
    } else if (digest != digest_of(replay)) {
        differ(replay, "step %" PRId64 ": the state differs (%016" PRIx64 " committed, %016" PRIx64 " replayed)", step, digest, digest_of(replay));
    }
    return replay->watcher->committed == NULL ? ERR_OK : replay->watcher->committed(replay->watcher->self, step, digest, at_ns);
}

/* Commands of the step, as they were made when it was replayed. */
static enum err take_out(struct replay *replay, slice bytes)
{
    struct cursor cursor = {bytes, false}, kept = {buffer_slice(&replay->commands), false};
    int64_t step = (int64_t)cursor_u64(&cursor);
    time_ns at_ns = (time_ns)cursor_u64(&cursor);
    enum err err = cursor.bad ? ERR_BAD_MESSAGE : ERR_OK;
    replay->clear_commands = true;
    while (kept.rest.size > 0 && err == ERR_OK && replay->watcher->left != NULL) {
        uint32_t size = cursor_u32(&kept);
        int64_t of = (int64_t)cursor_u64(&kept);
        slice command_bytes = cursor_bytes(&kept, size);
        struct command command;
        if (of != step) {
            continue;
        }
        arena_reset(&replay->event);
        err = command_read(&command, command_bytes, &replay->event);
        err = err == ERR_OK ? replay->watcher->left(replay->watcher->self, &command, step, at_ns) : err;
    }
    return err;
}

static enum err take_entry(struct replay *replay, const struct entry *entry)
{
    switch (entry->kind) {
    case JOURNAL_START:
        return take_start(replay, entry->bytes);
    case JOURNAL_RECORD:
        return take_record(replay, entry->bytes);
    case JOURNAL_EVENT:
        return replay->stopped ? ERR_OK : take_event(replay, entry->bytes);
    case JOURNAL_COMMIT:
        replay->clear_commands = true;
        return take_commit(replay, entry->bytes);
    case JOURNAL_OUT:
        return take_out(replay, entry->bytes);
    case JOURNAL_END:
        replay->result->ended = true;
        return ERR_OK;
    }
    return ERR_BAD_MESSAGE;
}

/* ---- The doors. */

static enum err map_journal(const char *path, struct cursor *journal)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        return ERR_NOT_FOUND;
    }
    void *map = status.st_size == 0 ? MAP_FAILED : mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED) {
        return ERR_BAD_MESSAGE;
    }
    *journal = (struct cursor){{map, (size_t)status.st_size}, false};
    return ERR_OK;
}

enum err replay_peek(const char *path, struct replay_start *start)
{
    struct cursor journal;
    struct entry entry;
    enum err err = map_journal(path, &journal);
    if (err != ERR_OK) {
        return err;
    }
    slice whole = journal.rest;
    bool good = next_entry(&journal, &entry) && !entry.damaged && entry.kind == JOURNAL_START && read_start(start, entry.bytes);
    munmap((void *)(uintptr_t)whole.data, whole.size);
    return good ? ERR_OK : ERR_BAD_MESSAGE;
}

static enum err prepare(struct replay *replay)
{
    enum err err = memory_map(&replay->memory, STEP_SIZE + COMMANDS_SIZE + 8 * EVENT_SIZE_MAX + sizeof *replay->out + 4096);
    if (err != ERR_OK) {
        return err;
    }
    replay->out = (struct out *)(void *)memory_carve(&replay->memory, sizeof *replay->out).memory;
    replay->step = memory_carve(&replay->memory, STEP_SIZE);
    replay->event = memory_carve(&replay->memory, 8 * EVENT_SIZE_MAX - 4096);
    struct arena commands = memory_carve(&replay->memory, COMMANDS_SIZE);
    replay->commands = buffer_over(commands.memory, commands.size);
    replay->out->arena = &replay->step;
    return ERR_OK;
}

static enum err feed_all(struct replay *replay)
{
    struct entry entry;
    int64_t number = 0;
    enum err err = ERR_OK;
    while (err == ERR_OK && next_entry(&replay->journal, &entry)) {
        number++;
        if (entry.damaged) {
            differ(replay, "entry %" PRId64 " of the journal is damaged (behind step %" PRId64 ")", number, replay->step_number);
            return ERR_OK;
        }
        err = take_entry(replay, &entry);
        if (err == ERR_BAD_MESSAGE) {
            differ(replay, "entry %" PRId64 " of the journal cannot be read (behind step %" PRId64 ")", number, replay->step_number);
            return ERR_OK;
        }
    }
    return err;
}

enum err replay_journal(struct replay_result *result, const char *path, struct actor *actor, const struct store_meta *until,
                        const struct replay_watcher *watcher)
{
    static const struct replay_watcher nobody = {.self = NULL};
    struct replay replay = {.result = result, .watcher = watcher == NULL ? &nobody : watcher, .actor = actor, .until = until};
    *result = (struct replay_result){.equal = true};
    enum err err = map_journal(path, &replay.journal);
    if (err != ERR_OK) {
        return err;
    }
    slice whole = replay.journal.rest;
    err = prepare(&replay);
    err = err == ERR_OK ? feed_all(&replay) : err;
    result->command_hash = replay.command_hash;
    if (err == ERR_OK && !replay.started) {
        differ(&replay, "the journal has no beginning");
    }
    munmap((void *)(uintptr_t)whole.data, whole.size);
    memory_unmap(&replay.memory);
    return err;
}
