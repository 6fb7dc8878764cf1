/* SPDX-License-Identifier: MIT
 *
 * Queue: what is to happen, in the order (time, class, node, number at that node). A radix heap on the 64 bits of the
 * time, six at a time: as pushes are never before the last pop, an entry moves at most once for each six bits that its
 * time differs in. Entries of the same time wait in a heap of their own, by the rest of the key. Equal keys abort.
 * Memory is taken at its making; full is a null pointer. Not thread-safe. */
#ifndef PONT_SIM_VIRTUAL_QUEUE_H
#define PONT_SIM_VIRTUAL_QUEUE_H

#include "src/base/arena.h"
#include "src/base/time.h"

enum queue_class { CLASS_FAULT, CLASS_RELEASE, CLASS_MESSAGE, CLASS_TIMER, CLASS_SEIZE, CLASS_OBSERVER };

#define QUEUE_NODES_MAX 8192u
#define QUEUE_LEVELS 11u
#define QUEUE_DIGITS 64u
#define QUEUE_CHUNK 31u

struct pending {
    time_ns at_ns;
    uint64_t order;      /* class, node, number at the node */
    uint32_t next;       /* the queue's own; the owner's between pop and give */
    uint8_t kind, end;   /* these and what follows: the owner's */
    uint16_t detail;
    uint32_t subject, generation;
    void *payload;
    int64_t parent;
};

struct queue_key {
    time_ns at_ns;
    uint32_t entry;
};
struct queue_chunk {
    struct queue_key keys[QUEUE_CHUNK];
    uint32_t count, next;
};
struct queue_bucket {
    time_ns first_ns; /* of its entries */
    uint32_t head;    /* chunk + 1; 0: empty */
};
struct queue_now { /* of those whose time has come */
    uint64_t order;
    uint32_t entry;
};

struct queue {
    struct pending *entries;
    struct queue_chunk *chunks;
    struct queue_now *now;
    uint64_t *numbers;   /* per node */
    size_t max, count, high, node_count;
    size_t now_count;
    uint32_t entry_free, entry_end, chunk_free, chunk_end; /* lists of what was given back, then what was never used */
    time_ns last_ns;
    struct queue_bucket buckets[QUEUE_LEVELS][QUEUE_DIGITS];
    uint64_t filled[QUEUE_LEVELS];
    uint32_t levels;
};

size_t queue_memory(size_t max, size_t node_count);
/* Nothing can be put before `start_ns` (at least 0). ERR_LIMIT when the arena is full. */
MUST_USE enum err queue_init(struct queue *queue, size_t max, size_t node_count, time_ns start_ns, struct arena *arena);
/* An entry at max(at_ns, time of the last pop), whose other fields the caller fills; null when the queue is full. */
struct pending *queue_put(struct queue *queue, time_ns at_ns, enum queue_class class, uint32_t node);
/* The first, if its time is no later than `limit_ns`; else null. It stays the caller's until queue_give. */
struct pending *queue_pop(struct queue *queue, time_ns limit_ns);
void queue_give(struct queue *queue, struct pending *pending);
/* Time of the first; TIME_NEVER when empty. */
time_ns queue_first(const struct queue *queue);
uint32_t pending_node(const struct pending *pending);
enum queue_class pending_class(const struct pending *pending);

/* A part of the arena that is not touched: fresh pages cost nothing until they are used. */
void *queue_take_memory(struct arena *arena, size_t count, size_t size);

#endif
