/* SPDX-License-Identifier: MIT */
#include "src/bench/trouble.h"

#include "src/base/hash.h"
#include "src/base/random.h"

#include <string.h>

#define ACTS_MAX 1024    /* begun or to begin, at one time */
#define ACTORS_MAX 8     /* of a fault that others lean on: where it holds */
#define PLAN_IDS 2000000 /* above those of plan and watcher */

/* One fault at one target: from the time that is known when it will begin until it has ended. */
struct act {
    uint32_t fault, target;
    time_ns begin, end; /* end TIME_NEVER: never */
    bool used, begun;
    uint64_t order;     /* in which they were thought of */
};

struct watch {
    int64_t seen, times;         /* observations that count; times that it began */
    time_ns meeting_at;          /* WHILE: the last occurrence */
    uint64_t holds[ACTORS_MAX];  /* DURING: where the other holds: hashes of actor and effect, 0: free */
};

struct trouble {
    const struct scenario *scenario;
    uint32_t link_base;    /* nodes of the file: a world may add some */
    struct watch *watches; /* by fault */
    struct act acts[ACTS_MAX];
    uint64_t order;
    bool watching;         /* any fault waits for an observation */
    time_ns end;           /* nothing holds any longer; TIME_NEVER: the story says */
    char draw[24]; /* of the act that was taken last */
};

static time_ns squeezed(const struct trouble *trouble, time_ns length)
{
    return trouble->scenario->speed > 1 ? length / trouble->scenario->speed : length;
}

/* ---- Beginning and ending. */

static bool holds(const struct trouble *trouble, uint32_t fault, uint32_t target)
{
    for (size_t i = 0; i < ACTS_MAX; i++) {
        if (trouble->acts[i].used && trouble->acts[i].fault == fault && trouble->acts[i].target == target) {
            return true;
        }
    }
    return false;
}

static void put_act(struct trouble *trouble, uint32_t fault, uint32_t target, time_ns begin, time_ns end)
{
    if (begin >= trouble->end || holds(trouble, fault, target)) {
        return;
    }
    for (size_t i = 0; i < ACTS_MAX; i++) {
        if (!trouble->acts[i].used) {
            trouble->acts[i] = (struct act){.fault = fault, .target = target, .begin = begin, .end = end < trouble->end ? end : trouble->end, .used = true, .order = trouble->order++};
            return;
        }
    }
}

/* The targets of this time: all, or a pick of them without repeats. */
static size_t targets_of(const struct trouble *trouble, uint32_t index, uint32_t list[SCENARIO_NODES_MAX])
{
    const struct scenario_fault *fault = &trouble->scenario->faults[index];
    size_t count = fault->target_count < SCENARIO_NODES_MAX ? fault->target_count : SCENARIO_NODES_MAX;
    uint64_t key = hash64(8, fault->id);
    for (size_t i = 0; i < count; i++) {
        list[i] = fault->targets[i] + (fault->on_links ? trouble->link_base : 0);
    }
    for (size_t i = 0; fault->pick > 0 && i + 1 < count; i++) {
        uint64_t draw = random_draw(trouble->scenario->seed, PURPOSE('t', 'r', 'b', 'l'), key, (uint64_t)trouble->watches[index].times << 8 | i);
        size_t other = i + (size_t)random_below(draw, count - i);
        uint32_t target = list[i];
        list[i] = list[other];
        list[other] = target;
    }
    return fault->pick > 0 && fault->pick < count ? fault->pick : count;
}

static bool is_clog(slice effect)
{
    return slice_equal(effect, SLICE("clog"));
}

static void begin(struct trouble *trouble, uint32_t index, time_ns at, time_ns until)
{
    const struct scenario_fault *fault = &trouble->scenario->faults[index];
    struct watch *watch = &trouble->watches[index];
    uint32_t targets[SCENARIO_NODES_MAX];
    size_t count = targets_of(trouble, index, targets);
    uint64_t key = hash64(8, fault->id);
    time_ns length = squeezed(trouble, distribution_ns(&fault->length, trouble->scenario->seed, PURPOSE('t', 'l', 'e', 'n'), key, (uint64_t)watch->times));
    time_ns end = length > 0 ? at + length : fault->until > 0 ? fault->until : until;
    end = end < until ? end : until;
    for (size_t i = 0; i < count; i++) {
        /* One after the other, each for its part. */
        time_ns part = is_clog(fault->effect) && end != TIME_NEVER ? (end - at) / (time_ns)count : 0;
        put_act(trouble, index, targets[i], at + part * (time_ns)i, part > 0 ? at + part * (time_ns)(i + 1) : end);
    }
    watch->times++;
}

/* ---- What is watched for. */

static bool is_it(const struct condition *condition, const struct observation *seen)
{
    return seen->kind == condition->event && (condition->node.size == 0 || slice_equal(condition->node, seen->actor)) &&
           (condition->text.size == 0 || slice_starts(seen->text, condition->text));
}

static bool after(struct trouble *trouble, uint32_t index, const struct observation *seen)
{
    const struct condition *condition = &trouble->scenario->faults[index].after;
    struct watch *watch = &trouble->watches[index];
    int64_t nth = condition->count > 0 ? condition->count : 1, before = watch->seen;
    watch->seen += is_it(condition, seen) ? (int64_t)span_count((uint32_t)seen->span) : 0; /* a span of images is as many of them */
    if (before >= nth || watch->seen < nth) {
        return false;
    }
    begin(trouble, index, seen->at_ns, TIME_NEVER);
    return true;
}

static bool ends_all(struct trouble *trouble, uint32_t index, time_ns at)
{
    for (size_t i = 0; i < ACTS_MAX; i++) {
        struct act *act = &trouble->acts[i];
        if (act->used && act->fault == index) {
            act->end = at < act->end ? at : act->end;
            act->used = act->begun; /* one that has not begun never will */
        }
    }
    return true;
}

static size_t held(const struct watch *watch)
{
    size_t count = 0;
    for (size_t i = 0; i < ACTORS_MAX; i++) {
        count += watch->holds[i] != 0;
    }
    return count;
}

/* Who is killed says no name of a fault: is it one that the other kills? */
static bool is_killed_by(const struct trouble *trouble, slice id, slice actor)
{
    const struct scenario *scenario = trouble->scenario;
    for (size_t f = 0; f < scenario->fault_count; f++) {
        const struct scenario_fault *fault = &scenario->faults[f];
        for (size_t t = 0; slice_equal(fault->id, id) && slice_equal(fault->effect, SLICE("kill")) && t < fault->target_count; t++) {
            if (slice_equal(scenario->nodes[fault->targets[t]].id, actor)) {
                return true;
            }
        }
    }
    return false;
}

/* Of the other fault only the beginning says its name; its end is that of the same effect at the same place. */
static bool during(struct trouble *trouble, uint32_t index, const struct observation *seen)
{
    struct watch *watch = &trouble->watches[index];
    slice other = trouble->scenario->faults[index].during;
    bool killed = seen->kind == OBSERVATION_killed || seen->kind == OBSERVATION_restarted;
    uint64_t place = hash64(hash64(killed ? 1 : 1 + (uint64_t)seen->number, seen->actor), killed ? SLICE("kill") : seen->text) | 1;
    bool began = (seen->kind == OBSERVATION_fault_began && slice_equal(seen->other_id, other)) ||
                 (seen->kind == OBSERVATION_killed && is_killed_by(trouble, other, seen->actor));
    if (!began && seen->kind != OBSERVATION_fault_ended && seen->kind != OBSERVATION_restarted) {
        return false;
    }
    size_t before = held(watch);
    for (size_t i = 0; i < ACTORS_MAX; i++) {
        if (began && watch->holds[i] == 0) {
            watch->holds[i] = place;
            break;
        }
        if (!began && watch->holds[i] == place) {
            watch->holds[i] = 0;
        }
    }
    if (before == 0 && held(watch) > 0) {
        begin(trouble, index, seen->at_ns, TIME_NEVER);
        return true;
    }
    return before > 0 && held(watch) == 0 && ends_all(trouble, index, seen->at_ns);
}

bool trouble_observe(struct trouble *trouble, const struct observation *seen)
{
    bool news = false;
    for (uint32_t f = 0; trouble->watching && f < trouble->scenario->fault_count; f++) {
        enum instant_kind instant = trouble->scenario->faults[f].instant;
        news |= instant == INSTANT_AFTER ? after(trouble, f, seen) : instant == INSTANT_DURING && during(trouble, f, seen);
    }
    return news;
}

/* ---- Meetings: from the telling of the list until the meeting is over. */

/* The id of one that meets again and again has its day behind it: "lung-alder-20100304". */
static bool is_meeting(slice id, slice of)
{
    return slice_equal(id, of) || (slice_starts(id, of) && id.size == of.size + 9 && id.data[of.size] == '-');
}

static time_ns lasts(const struct trouble *trouble, slice id)
{
    const struct population *population = &trouble->scenario->population;
    for (size_t m = 0; m < population->meeting_count; m++) {
        if (slice_equal(population->meetings[m].id, id)) {
            return squeezed(trouble, population->meetings[m].lasts);
        }
    }
    return 0;
}

bool trouble_row(struct trouble *trouble, const struct load_row *row)
{
    bool news = false;
    for (uint32_t f = 0; row->what == LOAD_MEETING && f < trouble->scenario->fault_count; f++) {
        const struct scenario_fault *fault = &trouble->scenario->faults[f];
        time_ns at = plan_get_int(&row->entry, "meeting_at", 0);
        bool is_new = fault->instant == INSTANT_WHILE && is_meeting(plan_get(&row->entry, "meeting"), fault->meeting) && at != trouble->watches[f].meeting_at;
        if (is_new) {
            trouble->watches[f].meeting_at = at;
            begin(trouble, f, row->at_ns, at + lasts(trouble, fault->meeting));
        }
        news |= is_new;
    }
    return news;
}

/* ---- What is due. */

static time_ns time_of(const struct act *act)
{
    return !act->used ? TIME_NEVER : act->begun ? act->end : act->begin;
}

static const struct act *next(const struct trouble *trouble)
{
    const struct act *first = &trouble->acts[0];
    for (size_t i = 1; i < ACTS_MAX; i++) {
        const struct act *act = &trouble->acts[i];
        time_ns at = time_of(act), best = time_of(first);
        first = at < best || (at == best && at != TIME_NEVER && act->order < first->order) ? act : first;
    }
    return first;
}

time_ns trouble_due(const struct trouble *trouble)
{
    return time_of(next(trouble));
}

static void put_argument(struct plan_entry *entry, slice name, slice value)
{
    if (entry->argument_count < sizeof entry->arguments / sizeof entry->arguments[0]) {
        entry->arguments[entry->argument_count++] = (struct plan_argument){name, value};
    }
}

bool trouble_take(struct trouble *trouble, time_ns now, struct trouble_act *out)
{
    struct act *act = &trouble->acts[next(trouble) - trouble->acts];
    if (time_of(act) > now) {
        return false;
    }
    const struct scenario_fault *fault = &trouble->scenario->faults[act->fault];
    *out = (struct trouble_act){.target = act->target,
                                .entry = {.kind = act->begun ? PLAN_HEAL : PLAN_FAULT, .id = PLAN_IDS + (int64_t)act->order, .verb = fault->effect}};
    for (size_t i = 0; i < fault->argument_count; i++) {
        put_argument(&out->entry, fault->arguments[i].name, fault->arguments[i].value);
    }
    put_argument(&out->entry, SLICE("fault"), fault->id);
    if (fault->instant == INSTANT_CHANCE) { /* by its name: the order of the file may not matter */
        struct buffer text = buffer_over(trouble->draw, sizeof trouble->draw);
        buffer_put_int(&text, (int64_t)(random_draw(trouble->scenario->seed, PURPOSE('c', 'h', 'n', 'c'), hash64(1, fault->id), act->target) >> 1));
        put_argument(&out->entry, SLICE("draw"), buffer_slice(&text));
    }
    if (!act->begun && act->end != TIME_NEVER && slice_equal(fault->effect, SLICE("kill"))) {
        put_argument(&out->entry, SLICE("stay"), SLICE("1")); /* dead until healed, instead of started again at once */
    }
    if (fault->announced) {
        put_argument(&out->entry, SLICE("announced"), SLICE("1"));
    }
    act->used = !act->begun && (act->end != TIME_NEVER || fault->instant == INSTANT_DURING);
    act->begun = true;
    return true;
}

enum err trouble_init(struct trouble **out, const struct scenario *scenario, time_ns now, struct arena *arena)
{
    struct trouble *trouble = arena_alloc(arena, sizeof *trouble);
    if (trouble == NULL) {
        return ERR_LIMIT;
    }
    memset(trouble, 0, sizeof *trouble);
    trouble->scenario = scenario;
    trouble->link_base = (uint32_t)scenario->node_count;
    trouble->watches = arena_array(arena, scenario->fault_count + 1, sizeof *trouble->watches);
    trouble->end = scenario->length > 0 ? scenario->start + squeezed(trouble, scenario->length) : TIME_NEVER;
    for (uint32_t f = 0; trouble->watches != NULL && f < scenario->fault_count; f++) {
        enum instant_kind instant = scenario->faults[f].instant;
        trouble->watching |= instant == INSTANT_AFTER || instant == INSTANT_DURING;
        if (instant == INSTANT_CHANCE || instant == INSTANT_NTH) {
            begin(trouble, f, now, TIME_NEVER);
        }
    }
    *out = trouble;
    return trouble->watches == NULL ? ERR_LIMIT : ERR_OK;
}
