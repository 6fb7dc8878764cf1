/* SPDX-License-Identifier: MIT */
#include "src/wire/wire_private.h"

enum err queue_open(struct queue *queue)
{
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->filled, &clock);
    pthread_cond_init(&queue->room, &clock);
    pthread_condattr_destroy(&clock);
    queue->quit = queue->closed = queue->poked = false;
    return ring_make(&queue->ring, QUEUE_SIZE);
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_cond_broadcast(&queue->room);
    pthread_mutex_unlock(&queue->lock);
}

void queue_drop(struct queue *queue)
{
    ring_drop(&queue->ring);
    pthread_cond_destroy(&queue->filled);
    pthread_cond_destroy(&queue->room);
    pthread_mutex_destroy(&queue->lock);
}

bool queue_append(struct queue *queue, slice event)
{
    pthread_mutex_lock(&queue->lock);
    bool put = false;
    while (!queue->closed && !(put = ring_put(&queue->ring, event, QUEUE_RESERVE))) {
        pthread_cond_wait(&queue->room, &queue->lock);
    }
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
    return put;
}

void queue_put_own(struct queue *queue, slice event)
{
    pthread_mutex_lock(&queue->lock);
    (void)ring_put(&queue->ring, event, 0); /* the reserve holds an end for every channel and relay */
    pthread_mutex_unlock(&queue->lock);
}

void queue_quit(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->quit = true;
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

void queue_poke(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->poked = true;
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

void queue_wait(struct queue *queue, time_ns until, bool quitting)
{
    struct timespec spec = monotonic_spec(until);
    int waited = 0;
    pthread_mutex_lock(&queue->lock);
    while (queue->ring.count == 0 && (!queue->quit || quitting) && !queue->poked && waited == 0) {
        waited = until == TIME_NEVER ? pthread_cond_wait(&queue->filled, &queue->lock)
                                     : pthread_cond_timedwait(&queue->filled, &queue->lock, &spec);
    }
    queue->poked = false;
    pthread_mutex_unlock(&queue->lock);
}

bool queue_take(struct queue *queue, char *bytes, size_t size, size_t *taken)
{
    pthread_mutex_lock(&queue->lock);
    *taken = ring_next_size(&queue->ring);
    bool fits = *taken > 0 && *taken <= size;
    if (fits) {
        ring_take(&queue->ring, bytes);
        pthread_cond_broadcast(&queue->room);
    }
    pthread_mutex_unlock(&queue->lock);
    return fits;
}

bool queue_is_quit(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool quit = queue->quit;
    pthread_mutex_unlock(&queue->lock);
    return quit;
}

bool queue_is_empty(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool empty = queue->ring.count == 0;
    pthread_mutex_unlock(&queue->lock);
    return empty;
}
