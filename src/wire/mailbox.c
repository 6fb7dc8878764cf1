/* SPDX-License-Identifier: MIT */
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/actor/serial.h"
#include "src/wire/wire_private.h"

enum err mailbox_open(struct mailbox *mailbox)
{
    pthread_mutex_init(&mailbox->lock, NULL);
    atomic_init(&mailbox->abort_waits, false);
    mailbox->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    mailbox->urgent = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum err err = mailbox->wake < 0 || mailbox->urgent < 0 ? ERR_LIMIT : ring_make(&mailbox->ring, MAILBOX_SIZE);
    if (err != ERR_OK) {
        mailbox_drop(mailbox);
    }
    return err;
}

void mailbox_drop(struct mailbox *mailbox)
{
    if (mailbox->wake >= 0) {
        close(mailbox->wake);
    }
    if (mailbox->urgent >= 0) {
        close(mailbox->urgent);
    }
    ring_drop(&mailbox->ring);
    pthread_mutex_destroy(&mailbox->lock);
}

void mailbox_hurry(struct mailbox *mailbox)
{
    (void)!write(mailbox->urgent, &(uint64_t){1}, sizeof(uint64_t));
}

bool mailbox_put(struct mailbox *mailbox, slice command, enum command_kind kind)
{
    pthread_mutex_lock(&mailbox->lock);
    bool put = ring_put(&mailbox->ring, command, 0);
    if (put && !mailbox->woken) {
        mailbox->woken = true;
        (void)!write(mailbox->wake, &(uint64_t){1}, sizeof(uint64_t));
    }
    pthread_mutex_unlock(&mailbox->lock);
    if (put && kind == COMMAND_ABORT) {
        atomic_store(&mailbox->abort_waits, true);
        mailbox_hurry(mailbox);
    }
    return put;
}

bool mailbox_take(struct mailbox *mailbox, struct command *command, struct arena *arena)
{
    uint64_t count;
    pthread_mutex_lock(&mailbox->lock);
    size_t size = ring_next_size(&mailbox->ring);
    char *bytes = size == 0 ? NULL : arena_alloc(arena, size);
    if (bytes != NULL) {
        ring_take(&mailbox->ring, bytes);
    }
    if (mailbox->ring.count == 0 && mailbox->woken) {
        mailbox->woken = false;
        (void)!read(mailbox->wake, &count, sizeof count); /* nothing left to wake for */
    }
    pthread_mutex_unlock(&mailbox->lock);
    if (bytes == NULL) {
        return false;
    }
    if (command_read(command, (slice){bytes, size}, arena) != ERR_OK) {
        *command = (struct command){.kind = COMMAND_ABORT}; /* too big for the room it is read into: refused by ending */
    }
    return true;
}
