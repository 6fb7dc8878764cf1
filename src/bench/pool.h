/* SPDX-License-Identifier: MIT
 *
 * Pool: tasks in child processes, a few at once. A child is a fork of this process, so what was read before need not be
 * read again, and a task that dies takes nothing with it. One pool a process; not thread-safe, no other threads may run. */
#ifndef PONT_BENCH_POOL_H
#define PONT_BENCH_POOL_H

#include "src/base/error.h"

#include <sys/types.h>

#define POOL_JOBS_MAX 256

struct pool {
    size_t jobs;      /* at once */
    int (*run)(void *self, size_t task); /* in the child; its value is the child's exit code */
    void *self;
    const char *log;  /* file that takes what children print, "%zu" for the task; null: thrown away */
    struct pool_child {
        pid_t pid;    /* 0: free */
        size_t task;
    } children[POOL_JOBS_MAX];
    size_t running;
};

bool pool_has_room(const struct pool *pool);
/* Starts a task; there must be room. ERR_SYSTEM when the system refuses. */
MUST_USE enum err pool_start(struct pool *pool, size_t task);
/* Waits for a child to end: its task, and its exit code or minus the signal that ended it. False when none runs, or a
 * signal came (^C). */
bool pool_wait(struct pool *pool, size_t *task, int *code);
/* Ends the children that work on tasks from `first` on, and takes them off. */
void pool_kill(struct pool *pool, size_t first);

#endif
