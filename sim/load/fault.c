/* SPDX-License-Identifier: MIT
 *
 * Fault: the planned faults, drawn from their rates: when each begins, at which target, and when it ends. An effect never
 * holds twice at once at one target. Nothing begins after the run's end, and what holds then ends then. */
#include "src/base/hash.h"
#include "src/base/random.h"
#include "src/base/real.h"

#include "sim/load/load_private.h"
#include "sim/load/opening.h"

#define YEAR (365 * TIME_DAY)
#define PICK_MAX 64

static const struct population_fault *fault_of(const struct load *load, const struct fault_state *state)
{
    return &load->population->faults[state->fault];
}

/* ---- When the next one begins; load->end: never. */

static time_ns by_rate(const struct load *load, const struct fault_state *state, int64_t rate_micro)
{
    double gap = -real_log(load_unit(load, PURPOSE('f', 'a', 'l', 't'), state->key, state->nth)) * (double)YEAR * MICRO / (double)rate_micro;
    time_ns from = state->free_at > load->start ? state->free_at : load->start;
    return gap > (double)(load->end - from) ? load->end : from + real_round(gap);
}

static time_ns by_opening(const struct load *load, struct fault_state *state, const struct population_fault *fault)
{
    const struct opening *opening = load_opening(load, fault->calendar);
    time_ns opens = 0, closes = 0;
    for (; opening != NULL && state->day * TIME_DAY < load->end + TIME_DAY; state->day++) {
        if (opening_in_week(state->day, fault->week_of_month) && opening_of_day(opening, state->day, &opens, &closes)) {
            time_ns at = zone_to_utc(load->population->zone, opens, 0, NULL);
            if (at >= load->start && at >= fault->at) {
                state->day++;
                return at;
            }
        }
    }
    return load->end;
}

static time_ns next_time(const struct load *load, struct fault_state *state)
{
    const struct population_fault *fault = fault_of(load, state);
    time_ns first = fault->at > 0 ? fault->at : load->start;
    switch (fault->when) {
    case FAULT_AT:
        return state->nth == 0 ? first : load->end;
    case FAULT_EVERY:
        return fault->every > 0 ? first + (time_ns)state->nth * fault->every : load->end;
    case FAULT_RATE:
        return fault->rate_micro > 0 ? by_rate(load, state, fault->rate_micro) : load->end;
    default:
        return by_opening(load, state, fault);
    }
}

static enum err wait_for(struct load *load, uint32_t index)
{
    struct fault_state *state = &load->faults[index];
    time_ns at = next_time(load, state), until = fault_of(load, state)->until;
    if (at >= load->end || (until > 0 && at >= until)) {
        return ERR_OK;
    }
    state->next = at < load->start ? load->start : at;
    struct due due = {.at = state->next > load->now ? state->next : load->now, .order = (uint64_t)DUE_FAULT << 60 | index, .index = index, .kind = DUE_FAULT};
    return due_put(&load->heap, due) ? ERR_OK : ERR_LIMIT;
}

/* ---- One instance at one target. */

static bool holds(const struct load *load, uint32_t target, const struct population_fault *fault)
{
    for (size_t i = 0; i < FAULTS_LIVE_MAX; i++) {
        const struct fault_live *live = &load->live[i];
        if (live->used && live->target == target && slice_equal(load->population->faults[live->fault].effect, fault->effect)) {
            return true;
        }
    }
    return false;
}

static enum err put_row(struct load *load, uint32_t live, time_ns at)
{
    struct due due = {.at = at > load->now ? at : load->now, .order = (uint64_t)DUE_FAULT_ROW << 60 | live, .index = live, .kind = DUE_FAULT_ROW};
    return due_put(&load->heap, due) ? ERR_OK : ERR_LIMIT;
}

static enum err begin(struct load *load, uint32_t fault, uint32_t target, time_ns at, time_ns until)
{
    if (holds(load, target, &load->population->faults[fault])) {
        return ERR_OK;
    }
    for (uint32_t i = 0; i < FAULTS_LIVE_MAX; i++) {
        if (!load->live[i].used) {
            load->live[i] = (struct fault_live){.fault = fault, .target = target, .begin = at, .end = until > load->end ? load->end : until, .used = true};
            return put_row(load, i, at);
        }
    }
    return ERR_LIMIT;
}

/* The targets of this instance: one, all, or a pick without repeats. */
static size_t targets_of(const struct load *load, const struct fault_state *state, uint32_t *targets)
{
    const struct population_fault *fault = fault_of(load, state);
    if (state->target != NONE_OF) {
        targets[0] = state->target;
        return 1;
    }
    size_t count = fault->target_count < PICK_MAX ? fault->target_count : PICK_MAX;
    memcpy(targets, fault->targets, count * sizeof targets[0]);
    for (size_t i = 0; fault->pick > 0 && i + 1 < count; i++) {
        size_t other = i + (size_t)load_below(load, PURPOSE('p', 'i', 'c', 'k'), state->key, state->nth << 8 | i, count - i);
        uint32_t target = targets[i];
        targets[i] = targets[other];
        targets[other] = target;
    }
    return fault->pick > 0 && fault->pick < count ? fault->pick : count;
}

static enum err instance(struct load *load, struct fault_state *state)
{
    const struct population_fault *fault = fault_of(load, state);
    uint32_t targets[PICK_MAX];
    size_t count = targets_of(load, state, targets);
    time_ns length = distribution_ns(&fault->length, load->seed, PURPOSE('f', 'l', 'e', 'n'), state->key, state->nth);
    bool endless = fault->length.kind == DISTRIBUTION_FIXED && length == 0;
    enum err err = ERR_OK;
    state->free_at = endless ? load->end : load->now + length + TIME_S;
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        time_ns part = fault->in_turn ? length / (time_ns)count : length;
        time_ns at = load->now + (fault->in_turn ? part * (time_ns)i : 0);
        err = begin(load, state->fault, targets[i], at, endless ? load->end : at + (part > 0 ? part : 1));
    }
    return err;
}

static void put_fault(struct load *load, struct fault_live *live, struct load_row *row)
{
    const struct population_fault *fault = &load->population->faults[live->fault];
    row_begin(load, row, live->begun ? LOAD_HEAL : LOAD_FAULT, live->target, fault->effect);
    row->entry.kind = fault->deed ? PLAN_DO : live->begun ? PLAN_HEAL : PLAN_FAULT;
    for (size_t i = 0; i < fault->argument_count; i++) {
        row_put(row, fault->arguments[i].name, fault->arguments[i].value);
    }
    row_put(row, SLICE("fault"), fault->id);
    if (!live->begun && live->end < load->end && slice_equal(fault->effect, SLICE("kill"))) {
        row_put(row, SLICE("stay"), SLICE("1")); /* dead until healed, instead of started again at once */
    }
    if (fault->announced) {
        row_put(row, SLICE("announced"), SLICE("1"));
    }
}

enum err fault_due(struct load *load, const struct due *due, struct load_row *row, bool *made)
{
    *made = false;
    if (due->kind == DUE_FAULT) {
        struct fault_state *state = &load->faults[due->index];
        enum err err = instance(load, state);
        state->nth++;
        return err == ERR_OK ? wait_for(load, due->index) : err;
    }
    struct fault_live *live = &load->live[due->index];
    put_fault(load, live, row);
    *made = true;
    live->used = !live->begun && !load->population->faults[live->fault].deed;
    live->begun = true;
    return live->used ? put_row(load, due->index, live->end) : ERR_OK;
}

/* ---- Start: by rate each target fails by itself; otherwise all at once. */
enum err faults_init(struct load *load)
{
    const struct population *population = load->population;
    size_t most = 1;
    for (size_t i = 0; i < population->fault_count; i++) {
        most += population->faults[i].target_count + 1;
    }
    load->faults = arena_array(load->arena, most, sizeof *load->faults);
    if (load->faults == NULL) {
        return ERR_LIMIT;
    }
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < population->fault_count && err == ERR_OK; i++) {
        const struct population_fault *fault = &population->faults[i];
        bool each = fault->when == FAULT_RATE && fault->pick == 0 && !fault->in_turn;
        for (size_t t = 0; t < (each ? fault->target_count : 1) && err == ERR_OK; t++) {
            struct fault_state *state = &load->faults[load->fault_count];
            uint64_t key = hash64(8, fault->id);
            *state = (struct fault_state){.fault = i, .target = each ? fault->targets[t] : NONE_OF, .key = each ? random_draw(key, 0, fault->targets[t], 0) : key,
                                          .day = zone_day(load->start + zone_offset(population->zone, load->start))};
            err = wait_for(load, (uint32_t)load->fault_count++);
        }
    }
    return err;
}
