/* SPDX-License-Identifier: MIT */
#include "src/bench/shrink.h"

#include "src/bench/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#define FAILS 42 /* exit code of a child whose candidate still fails: no other end of a process looks like it */

/* ---- Candidates that are under way. */

#define AHEAD_MAX 16

struct candidate {
    bool *keep;  /* null: free */
    uint64_t name;
    size_t first, count; /* the chunk left out */
    size_t task;
    bool ended, fails, known; /* known: no child was asked */
};
struct search {
    struct shrink *shrink;
    struct pool pool;
    struct candidate candidates[AHEAD_MAX]; /* in order */
    size_t candidate_count;
    const bool *now; /* what the child about to start looks at */
};

static int probe(void *self, size_t task)
{
    struct search *search = self;
    return search->shrink->fails(search->shrink->self, search->now, task) ? FAILS : 0;
}

static bool out_of_time(struct shrink *shrink)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    shrink->out_of_time = (shrink->deadline_ns != 0 && (int64_t)now.tv_sec * 1000000000 + now.tv_nsec >= shrink->deadline_ns) ||
                          (shrink->probes_max != 0 && shrink->probes >= shrink->probes_max);
    return shrink->out_of_time;
}

static struct search begin(struct shrink *shrink)
{
    size_t jobs = shrink->jobs < 1 ? 1 : shrink->jobs > AHEAD_MAX ? AHEAD_MAX : shrink->jobs;
    return (struct search){.shrink = shrink, .pool = {.jobs = jobs, .run = probe}};
}

/* ---- Names of what was refused. */

static uint64_t *place_of(const struct shrink_refused *refused, uint64_t name)
{
    size_t at = (size_t)name & (refused->size - 1);
    while (refused->names[at] != 0 && refused->names[at] != name) {
        at = (at + 1) & (refused->size - 1);
    }
    return &refused->names[at];
}

static uint64_t name_of(const struct shrink *shrink, const bool *keep)
{
    return shrink->name == NULL ? 0 : shrink->name(shrink->self, keep) | 1;
}

static bool was_refused(const struct shrink *shrink, uint64_t name)
{
    return name != 0 && shrink->refused.size > 0 && *place_of(&shrink->refused, name) == name;
}

static void refuse(struct shrink *shrink, uint64_t name)
{
    struct shrink_refused *refused = &shrink->refused, grown = {.size = refused->size == 0 ? 1024 : refused->size * 2};
    if (name == 0) {
        return;
    }
    if (refused->count * 2 >= refused->size) {
        grown.names = calloc(grown.size, sizeof *grown.names);
        if (grown.names == NULL) {
            return; /* it is asked once more, no worse */
        }
        for (size_t i = 0; i < refused->size; i++) {
            if (refused->names[i] != 0) {
                *place_of(&grown, refused->names[i]) = refused->names[i];
            }
        }
        grown.count = refused->count;
        free(refused->names);
        *refused = grown;
    }
    *place_of(refused, name) = name;
    refused->count++;
}

void shrink_forget(struct shrink *shrink)
{
    free(shrink->refused.names);
    shrink->refused = (struct shrink_refused){0};
}

/* ---- Candidates: what is known of one is not asked again. */

static bool put(struct search *search, const struct candidate *candidate)
{
    search->candidates[search->candidate_count++] = *candidate;
    return true;
}

static bool launch(struct search *search, bool *keep, size_t first, size_t count)
{
    struct shrink *shrink = search->shrink;
    struct candidate candidate = {.keep = keep, .name = name_of(shrink, keep), .first = first, .count = count, .ended = true, .known = true};
    candidate.fails = count > 0 && candidate.name != 0 && candidate.name == name_of(shrink, shrink->keep); /* what was left out lay in what is gone */
    if (candidate.fails || was_refused(shrink, candidate.name)) {
        return put(search, &candidate);
    }
    search->pool.self = search;
    search->now = keep;
    if (pool_start(&search->pool, ++shrink->probes) != ERR_OK) {
        shrink->err = ERR_SYSTEM;
        free(keep);
        return false;
    }
    candidate.ended = candidate.known = false;
    candidate.task = shrink->probes;
    return put(search, &candidate);
}

static void note_end(struct search *search, size_t task, bool fails)
{
    for (size_t i = 0; i < search->candidate_count; i++) {
        struct candidate *candidate = &search->candidates[i];
        if (candidate->task != task) {
            continue;
        }
        candidate->ended = true;
        candidate->fails = fails;
        if (!fails) {
            refuse(search->shrink, candidate->name);
        }
    }
}

/* Waits until the first candidate in order has ended. */
static bool await_first(struct search *search)
{
    while (!search->candidates[0].ended) {
        size_t task = 0;
        int code = 0;
        if (!pool_wait(&search->pool, &task, &code)) {
            search->shrink->err = ERR_SYSTEM; /* a signal: ^C */
            return false;
        }
        note_end(search, task, code == FAILS);
    }
    return true;
}

static void drop_all(struct search *search)
{
    pool_kill(&search->pool, 0);
    for (size_t i = 0; i < search->candidate_count; i++) {
        free(search->candidates[i].keep);
    }
    search->candidate_count = 0;
}

static void drop_first(struct search *search)
{
    free(search->candidates[0].keep);
    search->candidate_count--;
    memmove(search->candidates, search->candidates + 1, search->candidate_count * sizeof search->candidates[0]);
}

static bool *copy_of(const bool *keep, size_t count)
{
    bool *copy = malloc(count + 1);
    if (copy != NULL) {
        memcpy(copy, keep, count);
    }
    return copy;
}

/* ---- One group. */

struct pass {
    size_t *kept;  /* items of the group that are still there, by number */
    size_t count;
    size_t chunk;
    size_t end;    /* the next chunk ends before this index of `kept` */
};

static void list_kept(const struct shrink *shrink, struct pass *pass, size_t first, size_t count)
{
    pass->count = 0;
    for (size_t i = first; i < first + count; i++) {
        if (shrink->keep[i]) {
            pass->kept[pass->count++] = i;
        }
    }
}

static bool launch_next(struct search *search, struct pass *pass)
{
    struct shrink *shrink = search->shrink;
    size_t from = pass->end > pass->chunk ? pass->end - pass->chunk : 0;
    bool *keep = copy_of(shrink->keep, shrink->count);
    if (keep == NULL) {
        shrink->err = ERR_LIMIT;
        return false;
    }
    for (size_t i = from; i < pass->end; i++) {
        keep[pass->kept[i]] = false;
    }
    bool launched = launch(search, keep, from, pass->end - from);
    pass->end = from;
    return launched;
}

static void accept(struct search *search)
{
    struct shrink *shrink = search->shrink;
    memcpy(shrink->keep, search->candidates[0].keep, shrink->count);
    shrink->accepted++;
    drop_all(search); /* the others were made of what was before */
    if (shrink->told != NULL) {
        shrink->told(shrink->self, shrink);
    }
}

/* Every chunk of one size, last first. True when something went. */
static bool sweep_chunks(struct search *search, struct pass *pass, size_t first, size_t count)
{
    struct shrink *shrink = search->shrink;
    bool progress = false;
    list_kept(shrink, pass, first, count);
    pass->end = pass->count;
    while (shrink->err == ERR_OK && (pass->end > 0 || search->candidate_count > 0)) {
        while (pass->end > 0 && pool_has_room(&search->pool) && search->candidate_count < AHEAD_MAX && !out_of_time(shrink)) {
            if (!launch_next(search, pass)) {
                break;
            }
        }
        if (search->candidate_count == 0) {
            break; /* out of time */
        }
        if (!await_first(search)) {
            break;
        }
        if (!search->candidates[0].fails) {
            drop_first(search);
            continue;
        }
        size_t from = search->candidates[0].first;
        accept(search);
        list_kept(shrink, pass, first, count);
        pass->end = from; /* what lay before the chunk has not moved */
        progress = true;
    }
    drop_all(search);
    return progress;
}

bool shrink_group(struct shrink *shrink, size_t first, size_t count)
{
    assert(first + count <= shrink->count);
    struct search search = begin(shrink);
    struct pass pass = {.kept = malloc((count + 1) * sizeof *pass.kept)};
    bool any = false;
    if (pass.kept == NULL) {
        shrink->err = ERR_LIMIT;
        return false;
    }
    pass.chunk = shrink_kept(shrink, first, count);
    while (pass.chunk > 0 && shrink->err == ERR_OK && !out_of_time(shrink)) {
        bool progress = sweep_chunks(&search, &pass, first, count);
        any = any || progress;
        if (pass.chunk > 1) {
            pass.chunk = (pass.chunk + 1) / 2;
        } else if (!progress) {
            break; /* 1-minimal */
        }
    }
    free(pass.kept);
    return any;
}

/* ---- Single questions. */

static bool ask(struct shrink *shrink, const bool *keep)
{
    struct search search = begin(shrink);
    bool *copy = copy_of(keep, shrink->count);
    bool fails = false;
    if (copy == NULL) {
        shrink->err = ERR_LIMIT;
        return false;
    }
    if (launch(&search, copy, 0, 0) && await_first(&search)) {
        fails = search.candidates[0].fails;
    }
    drop_all(&search);
    return fails;
}

bool shrink_holds(struct shrink *shrink)
{
    return ask(shrink, shrink->keep);
}

bool shrink_try(struct shrink *shrink, const bool *wanted)
{
    if (out_of_time(shrink) || !ask(shrink, wanted)) {
        return false;
    }
    memcpy(shrink->keep, wanted, shrink->count);
    shrink->accepted++;
    if (shrink->told != NULL) {
        shrink->told(shrink->self, shrink);
    }
    return true;
}

size_t shrink_kept(const struct shrink *shrink, size_t first, size_t count)
{
    size_t kept = 0;
    for (size_t i = first; i < first + count; i++) {
        kept += shrink->keep[i];
    }
    return kept;
}
