/* SPDX-License-Identifier: MIT
 *
 * Exam: one exam through its pathway: who, what, and at which times which messages and images come of it. All of it is
 * drawn when the exam is made; from then on it only waits for its next row. */
#include "src/base/hash.h"
#include "src/base/random.h"

#include "sim/load/load_private.h"
#include "sim/load/opening.h"

#define IMAGES_MAX 10000
#define SERIES_MAX 64
#define SECOND_MICRO 300000    /* of the exams of a person with two numbers come under the second one */
#define ARRIVES_BEFORE (10 * TIME_MIN)
#define RETRIEVES_AFTER (20 * TIME_S)
#define WAIT_MAX (90 * TIME_DAY)

const struct procedure load_procedures[] = {
#define PROCEDURE(modality, region, code, text, side, weight, women) {modality, region, code, text, side, weight, women},
#include "sim/load/procedures.def"
};
#define PROCEDURE_COUNT (sizeof load_procedures / sizeof load_procedures[0])

/* ---- Slots and events. */

struct exam *exam_take(struct load *load, uint32_t *index)
{
    bool fresh = load->exam_free == NONE_OF;
    if (fresh && load->exam_bound == load->exam_max) {
        *index = NONE_OF;
        return NULL;
    }
    *index = fresh ? load->exam_bound++ : load->exam_free;
    struct exam *exam = &load->exams[*index];
    load->exam_free = fresh ? NONE_OF : exam->next_free;
    load->alive++;
    load->counts.alive_max = load->alive > load->counts.alive_max ? load->alive : load->counts.alive_max;
    *exam = (struct exam){.next_free = NONE_OF};
    return exam;
}

static void exam_free(struct load *load, uint32_t index)
{
    load->exams[index].next_free = load->exam_free;
    load->exam_free = index;
    load->alive--;
}

void draft_put(struct draft *draft, time_ns at, unsigned what, unsigned detail)
{
    size_t i = draft->count;
    if (i == EVENTS_MAX) {
        return;
    }
    for (draft->count++; i > 0 && draft->events[i - 1].at > at; i--) {
        draft->events[i] = draft->events[i - 1];
    }
    draft->events[i].at = at;
    draft->events[i].what = (uint8_t)what;
    draft->events[i].detail = (uint16_t)detail;
}

time_ns exam_event_at(const struct exam *exam, size_t nth)
{
    return exam->base + ((time_ns)exam->offset[nth] << OFFSET_SHIFT);
}

enum err exam_wait(struct load *load, uint32_t index)
{
    const struct exam *exam = &load->exams[index];
    if (exam->event_at == exam->event_count) {
        exam_free(load, index);
        return ERR_OK;
    }
    struct due due = {.at = exam_event_at(exam, exam->event_at),
                      .order = (uint64_t)DUE_EXAM << 60 | exam->key >> 4,
                      .index = index,
                      .kind = DUE_EXAM};
    return due_put(&load->heap, due) ? ERR_OK : ERR_LIMIT;
}

enum err exam_seal(struct load *load, uint32_t index, struct draft *draft)
{
    struct exam *exam = &load->exams[index];
    exam->base = draft->count > 0 && draft->events[0].at > load->now ? draft->events[0].at : load->now;
    size_t count = draft->count < EVENTS_MAX ? draft->count : EVENTS_MAX;
    exam->event_count = (uint8_t)count;
    for (size_t i = 0; i < count; i++) {
        time_ns offset = draft->events[i].at > exam->base ? (draft->events[i].at - exam->base) >> OFFSET_SHIFT : 0;
        exam->what[i] = draft->events[i].what;
        exam->detail[i] = draft->events[i].detail;
        exam->offset[i] = offset > UINT32_MAX ? UINT32_MAX : (uint32_t)offset;
    }
    return exam_wait(load, index);
}

/* ---- What it is. */

slice modality_code(const struct load *load, const struct exam *exam)
{
    const struct population_modality *row = &load->population->modalities[exam->modality];
    return (exam->flags & EXAM_OTHER_CODE) != 0 ? row->other_code : row->code.size > 0 ? row->code : row->id;
}

/* Rows of one modality stand together. */
static size_t first_procedure(slice code)
{
    size_t first = 0;
    while (first + 1 < PROCEDURE_COUNT && !slice_equal(slice_from(load_procedures[first].modality), code)) {
        first++;
    }
    return first;
}

static uint64_t weight_of(const struct procedure *row, bool woman, bool any)
{
    return any || woman || row->women == 0 ? row->weight : 0;
}

/* A man's mammogram is an exam too: where only women's procedures are left, one of them. */
size_t procedure_of(const struct load *load, size_t first, uint64_t key, bool woman)
{
    const char *modality = load_procedures[first].modality;
    size_t end = first;
    uint64_t all = 0, every = 0;
    for (; end < PROCEDURE_COUNT && strcmp(load_procedures[end].modality, modality) == 0; end++) {
        all += weight_of(&load_procedures[end], woman, false);
        every += load_procedures[end].weight;
    }
    bool any = all == 0;
    uint64_t at = load_below(load, PURPOSE('p', 'r', 'o', 'c'), key, 0, any ? every : all);
    for (size_t i = first; i < end; i++) {
        uint64_t weight = weight_of(&load_procedures[i], woman, any);
        if (at < weight) {
            return i;
        }
        at -= weight;
    }
    return end - 1;
}

void procedures_init(struct load *load)
{
    for (size_t i = 0; i < load->population->modality_count; i++) {
        const struct population_modality *row = &load->population->modalities[i];
        load->procedures[i][0] = (uint8_t)first_procedure(row->code.size > 0 ? row->code : row->id);
        load->procedures[i][1] = (uint8_t)first_procedure(row->other_code);
    }
}

static void fill_images(const struct load *load, struct exam *exam, time_ns at)
{
    const struct population_modality *row = &load->population->modalities[exam->modality];
    double images = distribution_draw(&row->images, load->seed, PURPOSE('i', 'm', 'g', 's'), exam->key, 0);
    images = images * growth_at(load, load->population->images_growth_micro, at) + 0.5;
    int64_t series = distribution_count(&row->series, load->seed, PURPOSE('s', 'e', 'r', 'i'), exam->key, 0);
    exam->images = (uint16_t)(images < 1 ? 1 : images > IMAGES_MAX ? IMAGES_MAX : images);
    series = series < 1 ? 1 : series > SERIES_MAX ? SERIES_MAX : series;
    exam->series = (uint8_t)(series > exam->images ? exam->images : series);
}

void exam_fill(struct load *load, struct exam *exam, uint64_t key, uint64_t person, uint32_t site, uint32_t modality, time_ns at)
{
    const struct population_modality *row = &load->population->modalities[modality];
    const struct people_block *block = people_block(&load->people, person);
    exam->key = key;
    exam->number = (int64_t)(key >> 2);
    exam->person = (uint32_t)person;
    exam->site = site;
    exam->modality = (uint8_t)modality;
    exam->domain = (uint8_t)load->population->sites[site].domain;
    exam->accession = ++load->accessions[exam->domain];
    exam->flags |= load_chance(load, PURPOSE('o', 't', 'h', 'r'), key, 0, row->other_micro) ? EXAM_OTHER_CODE : 0;
    bool second = block->home == exam->domain && person_has_second(&load->people, person) && load_chance(load, PURPOSE('2', 'n', 'd', ' '), key, 0, SECOND_MICRO);
    exam->flags |= second ? EXAM_SECOND : 0;
    exam->procedure = (uint8_t)procedure_of(load, load->procedures[modality][(exam->flags & EXAM_OTHER_CODE) != 0], key, person_is_woman(&load->people, person));
    fill_images(load, exam, at);
}

/* ---- Through the pathway. */

struct walk {
    struct load *load;
    struct exam *exam;
    struct draft *draft;
    const struct arrival *arrival;
    time_ns at, ordered;
    uint64_t nth; /* of steps, for draws */
    bool acquired, ended;
};

static const struct distribution *time_of(const struct walk *walk, const struct pathway_step *step)
{
    return step->time_by != NULL ? &step->time_by[walk->exam->modality] : &step->time;
}

static time_ns draw_time(const struct walk *walk, const struct distribution *distribution, uint32_t purpose)
{
    return distribution_ns(distribution, walk->load->seed, purpose, walk->exam->key, walk->nth);
}

static bool chance(const struct walk *walk, uint32_t purpose, int64_t micro)
{
    return load_chance(walk->load, purpose, walk->exam->key, walk->nth, micro);
}

/* Somewhere between the two, or at `from` when they are no stretch. */
static time_ns between(const struct walk *walk, uint32_t purpose, uint64_t index, time_ns from, time_ns to)
{
    return to <= from ? from : from + (time_ns)load_below(walk->load, purpose, walk->exam->key, index, (uint64_t)(to - from));
}

static void step_acquire(struct walk *walk, const struct pathway_step *step)
{
    const struct population_messages *messages = &walk->load->population->messages;
    struct exam *exam = walk->exam;
    exam->acquired = walk->at;
    exam->done = walk->at + draw_time(walk, time_of(walk, step), PURPOSE('a', 'c', 'q', 'u'));
    walk->acquired = true;
    walk->at = exam->done;
    draft_put(walk->draft, exam->done + draw_time(walk, &messages->store_after, PURPOSE('s', 't', 'o', 'r')), LOAD_STORED, 0);
    draft_put(walk->draft, exam->done + draw_time(walk, &messages->complete_after, PURPOSE('c', 'o', 'm', 'p')), LOAD_COMPLETE, 0);
}

/* The images came with the acquisition; here is what may happen to them afterwards. */
static void step_store(struct walk *walk, const struct pathway_step *step)
{
    const struct population_messages *messages = &walk->load->population->messages;
    struct exam *exam = walk->exam;
    if (chance(walk, PURPOSE('r', 'j', 'c', 't'), step->reject_micro)) {
        draft_put(walk->draft, exam->done + TIME_MIN + draw_time(walk, &messages->reject_after, PURPOSE('r', 'j', 'c', 'a')), LOAD_REJECTED, 0);
    } else if (exam->series > 1 && chance(walk, PURPOSE('l', 'a', 't', 'e'), step->late_series_micro)) { /* nobody adds to what is rejected */
        exam->late_images = (uint16_t)(exam->images / exam->series);
        draft_put(walk->draft, exam->done + TIME_MIN + draw_time(walk, &messages->late_after, PURPOSE('l', 'a', 't', 'a')), LOAD_LATE_SERIES, 0);
    }
}

/* By nobody: after a while. Else it waits for somebody who reads there. */
static void step_report(struct walk *walk, const struct pathway_step *step)
{
    struct exam *exam = walk->exam;
    int64_t never = step->never_by_micro == NULL ? 0 : step->never_by_micro[exam->modality];
    if (chance(walk, PURPOSE('n', 'r', 'p', 't'), step->chance_micro) || chance(walk, PURPOSE('n', 'v', 'e', 'r'), never)) {
        return;
    }
    time_ns from = exam->done + 2 * TIME_S, takes = draw_time(walk, time_of(walk, step), PURPOSE('r', 'p', 'r', 't'));
    uint32_t role = step->role < ROLES ? step->role : 0, priority = step->priority < PRIORITIES ? step->priority : 0;
    if (!step->nobody && pool_is_there(walk->load, role, exam->domain)) {
        exam->read_ms = takes / TIME_MS > UINT32_MAX ? UINT32_MAX : (uint32_t)(takes / TIME_MS);
        draft_put(walk->draft, from, EVENT_READ, role << 4 | priority);
        return;
    }
    time_ns at = opening_next(load_opening(walk->load, step->calendar), walk->load->population->zone, from + takes);
    draft_report(walk->load, exam, walk->draft, from, at);
}

static void step_look(struct walk *walk, const struct pathway_step *step)
{
    const struct population_messages *messages = &walk->load->population->messages;
    int64_t looks = load_times(walk->load, PURPOSE('l', 'o', 'o', 'k'), walk->exam->key, walk->nth, step->mean_micro);
    for (int64_t i = 0; i < looks; i++) {
        uint64_t index = walk->nth << 8 | (uint64_t)i;
        time_ns at = walk->exam->done + TIME_MIN + distribution_ns(&messages->look_after, walk->load->seed, PURPOSE('l', 'o', 'o', 'a'), walk->exam->key, index);
        draft_put(walk->draft, at, LOAD_LOOK, step->everywhere);
        if (load_chance(walk->load, PURPOSE('l', 'o', 'o', 'r'), walk->exam->key, index, step->chance_micro)) {
            draft_put(walk->draft, at + RETRIEVES_AFTER, LOAD_RETRIEVE, 0);
        }
    }
}

static void walk_steps(struct walk *walk, const struct pathway_step *steps, size_t count, int depth);

static void step_branch(struct walk *walk, const struct pathway_step *step, int depth)
{
    int64_t at = (int64_t)load_below(walk->load, PURPOSE('b', 'r', 'n', 'c'), walk->exam->key, walk->nth, MICRO);
    for (size_t i = 0; i < step->option_count; i++) {
        const struct pathway_option *option = &step->options[i];
        if (at < option->chance_micro || i + 1 == step->option_count) {
            walk_steps(walk, option->steps, option->step_count, depth + 1);
            return;
        }
        at -= option->chance_micro;
    }
}

static void step_wait(struct walk *walk, const struct pathway_step *step)
{
    if (walk->arrival->at_acquisition && !walk->acquired) {
        walk->at = walk->arrival->at; /* the wait was put before it */
        return;
    }
    walk->at += draw_time(walk, time_of(walk, step), PURPOSE('w', 'a', 'i', 't'));
    walk->at = opening_next(load_opening(walk->load, step->calendar), walk->load->population->zone, walk->at);
}

static void take_step(struct walk *walk, const struct pathway_step *step, int depth)
{
    switch (step->kind) {
    case STEP_WAIT:
        step_wait(walk, step);
        return;
    case STEP_NO_SHOW:
        if (!walk->acquired && chance(walk, PURPOSE('n', 's', 'h', 'w'), step->chance_micro)) {
            walk->exam->flags |= EXAM_CANCELLED;
            walk->exam->acquired = walk->at;
            draft_put(walk->draft, walk->at + TIME_HOUR, LOAD_CANCEL, 0);
            walk->ended = true;
        }
        return;
    case STEP_ARRIVE:
        walk->exam->flags |= chance(walk, PURPOSE('u', 'n', 'k', 'n'), step->chance_micro) ? EXAM_UNKNOWN : 0;
        return;
    case STEP_ACQUIRE:
        walk->at = walk->arrival->at_acquisition ? walk->arrival->at : walk->at;
        step_acquire(walk, step);
        return;
    case STEP_STORE:
        step_store(walk, step);
        return;
    case STEP_REPORT:
        step_report(walk, step);
        return;
    case STEP_TRANSFER:
        if (chance(walk, PURPOSE('t', 'r', 'n', 's'), step->chance_micro)) {
            draft_put(walk->draft, walk->exam->done + 2 * TIME_MIN + draw_time(walk, &step->time, PURPOSE('t', 'r', 'n', 'a')), LOAD_TRANSFER, step->target);
        }
        return;
    case STEP_LOOK:
        step_look(walk, step);
        return;
    case STEP_MDT:
        draft_put(walk->draft, walk->at, EVENT_NAME, step->target < LOAD_MEETINGS_MAX ? step->target : LOAD_MEETINGS_MAX);
        return;
    case STEP_BRANCH:
        step_branch(walk, step, depth);
        return;
    case STEP_AGAIN:
        draft_put(walk->draft, walk->at, EVENT_SPAWN, step->target);
        return;
    case STEP_MERGE:
        draft_put(walk->draft, walk->at, LOAD_MERGE, 0);
        return;
    case STEP_CANCEL:
        draft_put(walk->draft, walk->at + TIME_MIN, LOAD_CANCEL, 0);
        walk->ended = true;
        return;
    default:
        return; /* order: told below; prefetch and publish: the engine's own */
    }
}

static void walk_steps(struct walk *walk, const struct pathway_step *steps, size_t count, int depth)
{
    for (size_t i = 0; i < count && !walk->ended && depth <= PATHWAY_DEPTH_MAX; i++) {
        walk->nth++;
        take_step(walk, &steps[i], depth);
    }
}

/* Order, registrations and scheduling, between the order and the acquisition. */
static void tell_before(struct walk *walk)
{
    const struct population_messages *messages = &walk->load->population->messages;
    struct exam *exam = walk->exam;
    time_ns ordered = walk->ordered, until = exam->acquired;
    bool cancelled = (exam->flags & EXAM_CANCELLED) != 0;
    uint64_t key = exam->key;
    /* Who does not come was registered too. */
    int64_t count = load_times(walk->load, PURPOSE('r', 'e', 'g', 'i'), key, 0, messages->register_micro);
    for (int64_t i = 0; i < count; i++) {
        draft_put(walk->draft, ordered, LOAD_REGISTER, 0);
    }
    draft_put(walk->draft, ordered, LOAD_ORDER, 0);
    count = cancelled ? 0 : load_times(walk->load, PURPOSE('s', 'c', 'h', 'd'), key, 0, messages->schedule_micro);
    exam->flags |= count == 0 ? EXAM_UNSCHEDULED : 0;
    time_ns first = ordered + distribution_ns(&messages->schedule_after, walk->load->seed, PURPOSE('s', 'c', 'h', 'd'), key, 1);
    for (int64_t i = 0; i < count; i++) {
        draft_put(walk->draft, i == 0 && first < until ? first : between(walk, PURPOSE('s', 'c', 'h', 'd'), 2 + (uint64_t)i, ordered, until), LOAD_SCHEDULE, 0);
    }
    count = cancelled ? 0 : load_times(walk->load, PURPOSE('u', 'p', 'd', 't'), key, 0, messages->update_micro);
    for (int64_t i = 0; i < count; i++) {
        draft_put(walk->draft, between(walk, PURPOSE('u', 'p', 'd', 't'), 1 + (uint64_t)i, ordered, until), LOAD_UPDATE, 0);
    }
    count = cancelled ? 0 : load_times(walk->load, PURPOSE('a', 'r', 'r', 'v'), key, 0, messages->arrive_micro);
    for (int64_t i = 0; i < count; i++) {
        time_ns early = until - ARRIVES_BEFORE > ordered ? until - ARRIVES_BEFORE : ordered;
        draft_put(walk->draft, between(walk, PURPOSE('a', 'r', 'r', 'v'), 1 + (uint64_t)i, early, until), LOAD_ARRIVE, 0);
    }
}

/* The waits before acquisition, drawn as the walk would, and where they end when put before it. */
static time_ns order_before(const struct walk *walk, const struct pathway *pathway)
{
    const struct load *load = walk->load;
    struct walk trial = *walk;
    const struct opening *opening = NULL;
    time_ns wait = 0, most = pathway_wait_max(load->population, walk->arrival->pathway), at = walk->arrival->at;
    for (size_t i = 0; i < pathway->step_count && pathway->steps[i].kind != STEP_ACQUIRE; i++) {
        trial.nth = i + 1;
        if (pathway->steps[i].kind == STEP_WAIT) {
            wait += draw_time(&trial, time_of(&trial, &pathway->steps[i]), PURPOSE('w', 'a', 'i', 't'));
            opening = load_opening(load, pathway->steps[i].calendar);
        }
    }
    wait = wait > most ? most : wait;
    time_ns ordered = opening_previous(opening, load->population->zone, at - wait, (int64_t)load_below(load, PURPOSE('o', 'r', 'd', 'r'), walk->exam->key, 0, MICRO));
    ordered = ordered < at - most - LOOK_BACK_SLACK ? at - most : ordered;
    if (ordered < load->start) {
        time_ns spread = at - load->start < START_SPREAD ? at - load->start : START_SPREAD;
        ordered = load->start + (spread > 0 ? (time_ns)load_below(load, PURPOSE('o', 'r', 'd', 'r'), walk->exam->key, 1, (uint64_t)spread) : 0);
    }
    return ordered;
}

enum err exam_make(struct load *load, const struct arrival *arrival)
{
    uint32_t domain = load->population->sites[arrival->site].domain, index = 0;
    uint64_t person = arrival->person >= 0 ? (uint64_t)arrival->person : people_draw(&load->people, domain, arrival->key, -1);
    if (person >= load->people.count || !load_enrolled(load, person, arrival->at)) {
        return ERR_OK;
    }
    struct exam *exam = exam_take(load, &index);
    if (exam == NULL) {
        return ERR_LIMIT;
    }
    exam_fill(load, exam, arrival->key, person, arrival->site, arrival->modality, arrival->at);
    exam->pathway = arrival->pathway;
    const struct pathway *pathway = &load->population->pathways[arrival->pathway];
    struct draft draft = {.count = 0};
    struct walk walk = {.load = load, .exam = exam, .draft = &draft, .arrival = arrival, .at = arrival->at};
    walk.ordered = arrival->at_acquisition ? order_before(&walk, pathway) : arrival->at;
    walk_steps(&walk, pathway->steps, pathway->step_count, 0);
    tell_before(&walk);
    return exam_seal(load, index, &draft);
}

/* ---- Pathways. */

double pathway_done_share(const struct population *population, uint32_t pathway)
{
    const struct pathway *row = &population->pathways[pathway];
    double share = 1;
    for (size_t i = 0; i < row->step_count && row->steps[i].kind != STEP_ACQUIRE; i++) {
        share = row->steps[i].kind == STEP_NO_SHOW ? share * (1 - (double)row->steps[i].chance_micro / MICRO) : share;
    }
    return share;
}

time_ns pathway_wait_max(const struct population *population, uint32_t pathway)
{
    const struct pathway *row = &population->pathways[pathway];
    time_ns most = 0;
    for (size_t i = 0; i < row->step_count && row->steps[i].kind != STEP_ACQUIRE; i++) {
        const struct distribution *time = &row->steps[i].time;
        if (row->steps[i].kind != STEP_WAIT) {
            continue;
        }
        bool fixed = time->kind == DISTRIBUTION_FIXED && row->steps[i].time_by == NULL;
        most += fixed ? (time_ns)time->a : WAIT_MAX;
    }
    return row->wait_max > 0 && row->wait_max < most ? row->wait_max : most > WAIT_MAX ? WAIT_MAX : most;
}
