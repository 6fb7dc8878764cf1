/* SPDX-License-Identifier: MIT
 *
 * The journal of one life: what the actor was told, and marks of what became of it. An entry is its kind, its size,
 * a check and its bytes. It is handed to the kernel, which outlives us; not to the disk, which the registry is for. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "src/actor/serial.h"
#include "src/base/hash.h"
#include "src/wire/wire_private.h"

#define JOURNAL_BUFFER (EVENT_SIZE_MAX + (1u << 20)) /* the largest entry and then some */

uint32_t journal_check(enum journal_kind kind, slice bytes)
{
    return (uint32_t)hash64(kind, bytes);
}

enum err journal_open(struct journal *journal, const char *folder, int64_t life, struct arena *arena)
{
    char path[512];
    journal->fd = -1;
    journal->buffer = (struct buffer){.data = NULL};
    if (folder == NULL) {
        return ERR_OK;
    }
    snprintf(path, sizeof path, "%s/%lld.bin", folder, (long long)life);
    journal->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    journal->buffer = buffer_over(memory_carve(arena, JOURNAL_BUFFER).memory, JOURNAL_BUFFER);
    return journal->fd < 0 ? ERR_SYSTEM : ERR_OK;
}

enum err journal_flush(struct journal *journal)
{
    slice rest = buffer_slice(&journal->buffer);
    while (journal->fd >= 0 && rest.size > 0) {
        ssize_t put = write(journal->fd, rest.data, rest.size);
        if (put < 0 && errno != EINTR) {
            return ERR_SYSTEM;
        }
        rest = slice_after(rest, put < 0 ? 0 : (size_t)put);
    }
    journal->buffer.size = 0;
    return journal->buffer.full ? ERR_SYSTEM : ERR_OK;
}

void journal_add(struct journal *journal, enum journal_kind kind, slice bytes)
{
    if (journal->fd < 0) {
        return;
    }
    if (journal->buffer.capacity - journal->buffer.size < bytes.size + JOURNAL_HEAD && journal_flush(journal) != ERR_OK) {
        journal->buffer.full = true; /* told at the next flush */
    }
    buffer_put_byte(&journal->buffer, (uint8_t)kind);
    buffer_put_u32(&journal->buffer, (uint32_t)bytes.size);
    buffer_put_u32(&journal->buffer, journal_check(kind, bytes));
    buffer_put(&journal->buffer, bytes);
}

void journal_add_start(struct journal *journal, int64_t life, time_ns at_ns, uint64_t restored, const struct store_meta *before)
{
    char memory[96];
    struct buffer bytes = buffer_over(memory, sizeof memory);
    buffer_put_u32(&bytes, JOURNAL_VERSION);
    buffer_put_u64(&bytes, (uint64_t)life);
    buffer_put_u64(&bytes, (uint64_t)at_ns);
    buffer_put_u64(&bytes, restored);
    buffer_put_u64(&bytes, (uint64_t)before->life);
    buffer_put_u64(&bytes, (uint64_t)before->step);
    buffer_put_u64(&bytes, before->command_hash);
    buffer_put_u64(&bytes, before->state_digest);
    journal_add(journal, JOURNAL_START, buffer_slice(&bytes));
}

void journal_add_commit(struct journal *journal, int64_t step, uint64_t command_hash, uint64_t digest, time_ns at_ns)
{
    char memory[32];
    struct buffer bytes = buffer_over(memory, sizeof memory);
    buffer_put_u64(&bytes, (uint64_t)step);
    buffer_put_u64(&bytes, command_hash);
    buffer_put_u64(&bytes, digest);
    buffer_put_u64(&bytes, (uint64_t)at_ns);
    journal_add(journal, JOURNAL_COMMIT, buffer_slice(&bytes));
}

void journal_add_out(struct journal *journal, int64_t step, time_ns at_ns)
{
    char memory[16];
    struct buffer bytes = buffer_over(memory, sizeof memory);
    buffer_put_u64(&bytes, (uint64_t)step);
    buffer_put_u64(&bytes, (uint64_t)at_ns);
    journal_add(journal, JOURNAL_OUT, buffer_slice(&bytes));
}

bool command_keep(struct buffer *buffer, const struct command *command, int64_t step)
{
    size_t start = buffer->size;
    buffer_put_u32(buffer, 0);
    buffer_put_u64(buffer, (uint64_t)step);
    command_write(command, buffer);
    if (buffer->full) {
        return false;
    }
    struct buffer size = buffer_over(buffer->data + start, 4);
    buffer_put_u32(&size, (uint32_t)(buffer->size - start - COMMAND_HEAD));
    return true;
}

void journal_close(struct journal *journal)
{
    if (journal->fd >= 0) {
        (void)!(journal_flush(journal) == ERR_OK);
        close(journal->fd);
        journal->fd = -1;
    }
}
