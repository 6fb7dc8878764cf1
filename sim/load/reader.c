/* SPDX-License-Identifier: MIT
 *
 * Reader: exams wait for somebody who reads them, the urgent first, those of one urgency in the order in which they came.
 * Who is at work follows the calendar; whoever reads when it closes finishes that one. Nothing polls: a queue is looked at
 * when an exam comes, when a reader is done and when the calendar opens. */
#include "src/base/random.h"
#include "src/base/real.h"

#include "sim/load/load_private.h"
#include "sim/load/opening.h"

void pools_init(struct load *load)
{
    for (uint32_t r = 0; r < ROLES; r++) {
        for (uint32_t d = 0; d < LOAD_DOMAINS_MAX; d++) {
            for (int p = 0; p < PRIORITIES; p++) {
                load->pools[r][d].first[p] = load->pools[r][d].last[p] = NONE_OF;
            }
        }
    }
}

static bool works_at(const struct load *load, const struct population_staff *staff, uint32_t role, uint32_t domain)
{
    for (size_t i = 0; (uint32_t)staff->role == role && i < staff->site_count; i++) {
        if (load->population->sites[staff->sites[i]].domain == domain) {
            return true;
        }
    }
    return false;
}

bool pool_is_there(const struct load *load, uint32_t role, uint32_t domain)
{
    for (size_t i = 0; i < load->population->staff_count; i++) {
        const struct population_staff *staff = &load->population->staff[i];
        if (works_at(load, staff, role, domain) && (staff->count_micro >= MICRO / 2 || staff->otherwise_micro >= MICRO / 2)) {
            return true;
        }
    }
    return false;
}

/* People at work now; half a person rounds up. *opens: when more come, TIME_NEVER when nobody more does. */
static uint32_t at_work(const struct load *load, uint32_t role, uint32_t domain, time_ns *opens)
{
    int64_t sum = 0;
    *opens = TIME_NEVER;
    for (size_t i = 0; i < load->population->staff_count; i++) {
        const struct population_staff *staff = &load->population->staff[i];
        if (!works_at(load, staff, role, domain)) {
            continue;
        }
        time_ns next = opening_next(load_opening(load, staff->calendar), load->population->zone, load->now);
        sum += next == load->now ? staff->count_micro : staff->otherwise_micro;
        *opens = next > load->now && next < *opens && staff->count_micro > staff->otherwise_micro ? next : *opens;
    }
    return (uint32_t)((sum + MICRO / 2) / MICRO);
}

void draft_report(const struct load *load, const struct exam *exam, struct draft *draft, time_ns from, time_ns at)
{
    const struct population_messages *messages = &load->population->messages;
    uint64_t key = exam->key;
    if (load_times(load, PURPOSE('p', 'r', 'e', 'l'), key, 0, messages->preliminary_micro) > 0) {
        uint64_t span = at > from ? (uint64_t)(at - from) : 1;
        draft_put(draft, from + (time_ns)load_below(load, PURPOSE('p', 'r', 'e', 'l'), key, 1, span), LOAD_PRELIMINARY, 0);
    }
    if (load_times(load, PURPOSE('f', 'i', 'n', 'l'), key, 0, messages->final_micro) > 0) {
        draft_put(draft, at, LOAD_FINAL, 0);
    }
    if (load_times(load, PURPOSE('c', 'o', 'r', 'r'), key, 0, messages->corrected_micro) > 0) {
        time_ns after = distribution_ns(&messages->corrected_after, load->seed, PURPOSE('c', 'o', 'r', 'r'), key, 1);
        draft_put(draft, at + TIME_S + after, LOAD_CORRECTED, 0);
    }
}

static enum err put(struct load *load, enum due_kind kind, uint32_t pool, time_ns at)
{
    struct due due = {.at = at, .order = (uint64_t)kind << 60 | (kind == DUE_READER ? ++load->reads : pool), .index = pool, .kind = kind};
    return due_put(&load->heap, due) ? ERR_OK : ERR_LIMIT;
}

/* Takes the exam that has waited longest among the most urgent, which there is. */
static uint32_t take(struct load *load, struct pool *pool)
{
    int priority = PRIORITIES - 1;
    while (pool->first[priority] == NONE_OF) {
        priority--;
    }
    uint32_t index = pool->first[priority];
    pool->first[priority] = load->exams[index].next_free;
    pool->last[priority] = pool->first[priority] == NONE_OF ? NONE_OF : pool->last[priority];
    load->exams[index].next_free = NONE_OF;
    pool->waiting--;
    return index;
}

static enum err begin_reading(struct load *load, uint32_t number)
{
    uint32_t role = number / LOAD_DOMAINS_MAX, domain = number % LOAD_DOMAINS_MAX;
    struct pool *pool = &load->pools[role][domain];
    time_ns opens = TIME_NEVER;
    uint32_t people = at_work(load, role, domain, &opens);
    enum err err = ERR_OK;
    while (pool->waiting > 0 && pool->busy < people && err == ERR_OK) {
        uint32_t index = take(load, pool);
        time_ns ends = load->now + load->exams[index].read_ms * TIME_MS;
        struct draft draft = {.count = 0};
        draft_report(load, &load->exams[index], &draft, load->now, ends);
        pool->busy++;
        err = exam_seal(load, index, &draft);
        err = err == ERR_OK ? put(load, DUE_READER, number, ends) : err;
    }
    if (pool->waiting > 0 && !pool->woken && opens != TIME_NEVER && err == ERR_OK) {
        pool->woken = true;
        err = put(load, DUE_SHIFT, number, opens);
    }
    return err;
}

/* What is read waits in a slot of its own: the exam itself goes on. */
enum err pool_enter(struct load *load, uint32_t exam, unsigned detail)
{
    uint32_t role = detail >> 4, priority = detail & 15, index = 0, number = role * LOAD_DOMAINS_MAX + load->exams[exam].domain;
    struct pool *pool = &load->pools[role][load->exams[exam].domain];
    struct exam *report = exam_take(load, &index);
    if (report == NULL) {
        return ERR_LIMIT;
    }
    *report = load->exams[exam];
    report->next_free = NONE_OF;
    report->event_at = report->event_count = 0;
    report->key = load->exams[exam].key ^ 1u << 4; /* another place among equal times */
    if (pool->last[priority] == NONE_OF) {
        pool->first[priority] = index;
    } else {
        load->exams[pool->last[priority]].next_free = index;
    }
    pool->last[priority] = index;
    pool->waiting++;
    return begin_reading(load, number);
}

enum err pool_due(struct load *load, const struct due *due)
{
    struct pool *pool = &load->pools[due->index / LOAD_DOMAINS_MAX][due->index % LOAD_DOMAINS_MAX];
    if (due->kind == DUE_READER) {
        pool->busy--;
    } else {
        pool->woken = false;
    }
    return begin_reading(load, due->index);
}
