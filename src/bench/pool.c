/* SPDX-License-Identifier: MIT */
#include "src/bench/pool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

bool pool_has_room(const struct pool *pool)
{
    return pool->running < pool->jobs && pool->running < POOL_JOBS_MAX;
}

static void redirect(const struct pool *pool, size_t task)
{
    char path[600] = "/dev/null";
    if (pool->log != NULL) {
        const char *at = strstr(pool->log, "%zu");
        snprintf(path, sizeof path, "%.*s%zu%s", (int)(at - pool->log), pool->log, task, at + 3);
    }
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (out >= 0) {
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
    }
    if (in >= 0) {
        dup2(in, STDIN_FILENO);
    }
}

static void work(const struct pool *pool, size_t task)
{
    struct sigaction plain = {.sa_handler = SIG_DFL}, ignored = {.sa_handler = SIG_IGN};
    sigaction(SIGTERM, &plain, NULL);
    sigaction(SIGINT, &ignored, NULL); /* ^C reaches the whole group; the parent says what ends */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    redirect(pool, task);
    int code = pool->run(pool->self, task);
    fflush(NULL);
    _exit(code);
}

enum err pool_start(struct pool *pool, size_t task)
{
    assert(pool_has_room(pool));
    fflush(NULL); /* or the child would write it again */
    pid_t pid = fork();
    if (pid < 0) {
        return ERR_SYSTEM;
    }
    if (pid == 0) {
        work(pool, task);
    }
    for (size_t i = 0; i < POOL_JOBS_MAX; i++) {
        if (pool->children[i].pid == 0) {
            pool->children[i] = (struct pool_child){pid, task};
            pool->running++;
            break;
        }
    }
    return ERR_OK;
}

static bool take_off(struct pool *pool, pid_t pid, size_t *task)
{
    for (size_t i = 0; i < POOL_JOBS_MAX; i++) {
        if (pool->children[i].pid == pid) {
            *task = pool->children[i].task;
            pool->children[i].pid = 0;
            pool->running--;
            return true;
        }
    }
    return false; /* somebody else's child */
}

bool pool_wait(struct pool *pool, size_t *task, int *code)
{
    while (pool->running > 0) {
        int status = 0;
        pid_t pid = waitpid(-1, &status, 0);
        if (pid < 0) {
            return false; /* EINTR: a signal; ECHILD cannot be while one runs */
        }
        if (take_off(pool, pid, task)) {
            *code = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
            return true;
        }
    }
    return false;
}

void pool_kill(struct pool *pool, size_t first)
{
    for (size_t i = 0; i < POOL_JOBS_MAX; i++) {
        struct pool_child *child = &pool->children[i];
        if (child->pid != 0 && child->task >= first) {
            kill(child->pid, SIGKILL);
            while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR) {
            }
            child->pid = 0;
            pool->running--;
        }
    }
}
