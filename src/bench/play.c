/* SPDX-License-Identifier: MIT */
#include "src/bench/play.h"

#include "src/base/map.h"

#include <assert.h>

#define DELIVERIES_MAX 200000 /* (node, instance) pairs kept to know when a study is complete */
#define INSTANCES_MAX 200000

/* How often each condition of each step has happened. A step's `since` is the index of the step after whose
 * telling it counts, or -1. */
struct tally {
    int64_t seen;
    int32_t since;
};

struct play {
    const struct scenario *scenario;
    struct arena *arena;
    struct tally *tallies;    /* step_count * CONDITIONS_MAX */
    size_t told;              /* steps told so far: the story is a line */
    struct map instances;     /* study uid/sop uid that exist: the value counts nothing */
    struct map study_sizes;   /* study uid -> instances that exist */
    struct map deliveries;    /* node/study/sop uid */
    struct map delivered;     /* node/study -> instances there */
};

static int32_t step_index(const struct scenario *scenario, slice id)
{
    for (size_t i = 0; i < scenario->step_count; i++) {
        if (slice_equal(scenario->story[i].id, id)) {
            return (int32_t)i;
        }
    }
    return -1;
}

enum err play_init(struct play **out, const struct scenario *scenario, struct arena *arena)
{
    struct play *play = arena_alloc(arena, sizeof *play);
    if (play == NULL) {
        return ERR_LIMIT;
    }
    *play = (struct play){.scenario = scenario, .arena = arena};
    play->tallies = arena_array(arena, scenario->step_count * CONDITIONS_MAX + 1, sizeof *play->tallies);
    if (play->tallies == NULL || map_init(&play->instances, arena, INSTANCES_MAX) != ERR_OK ||
        map_init(&play->study_sizes, arena, INSTANCES_MAX / 4) != ERR_OK || map_init(&play->deliveries, arena, DELIVERIES_MAX) != ERR_OK ||
        map_init(&play->delivered, arena, DELIVERIES_MAX / 4) != ERR_OK) {
        return ERR_LIMIT;
    }
    for (size_t s = 0; s < scenario->step_count; s++) {
        for (size_t c = 0; c < scenario->story[s].condition_count; c++) {
            slice since = scenario->story[s].after[c].since;
            play->tallies[s * CONDITIONS_MAX + c].since = since.size == 0 ? -1 : step_index(scenario, since);
        }
    }
    *out = play;
    return ERR_OK;
}

/* a/b/c, in the arena. */
static slice joined(struct play *play, slice a, slice b, slice c)
{
    struct buffer buffer = buffer_make(play->arena, a.size + b.size + c.size + 2);
    buffer_put(&buffer, a);
    buffer_put_byte(&buffer, '/');
    buffer_put(&buffer, b);
    buffer_put_byte(&buffer, '/');
    buffer_put(&buffer, c);
    return buffer_slice(&buffer);
}

/* Adds 1 to the key's number when `part` was not yet counted; gives the new number, 0 when nothing changed. A
 * full map counts no further: the story then waits and the run says so when its time is over. */
static uint32_t count_once(struct map *parts, slice part, struct map *numbers, slice key)
{
    uint32_t number = 0;
    if (map_find(parts, part, &number) || map_put(parts, part, 1) != ERR_OK) {
        return 0;
    }
    number = 0;
    (void)map_find(numbers, key, &number);
    return map_put(numbers, key, number + 1) == ERR_OK ? number + 1 : 0;
}

static bool completes_study(struct play *play, const struct observation *seen)
{
    slice part = joined(play, seen->actor, seen->study_uid, seen->sop_uid);
    slice key = joined(play, seen->actor, seen->study_uid, SLICE_EMPTY);
    uint32_t here = count_once(&play->deliveries, part, &play->delivered, key), exist = 0;
    return here > 0 && map_find(&play->study_sizes, seen->study_uid, &exist) && here == exist;
}

/* Does the observation satisfy the condition, times aside? */
static bool matches(const struct condition *condition, const struct observation *seen)
{
    bool study = condition->study_uid.size == 0 || slice_equal(condition->study_uid, seen->study_uid) ||
                 (condition->accession.size > 0 && slice_equal(condition->accession, seen->accession));
    return condition->event == seen->kind && study && (condition->node.size == 0 || slice_equal(condition->node, seen->actor)) &&
           (condition->text.size == 0 || slice_starts(seen->text, condition->text)) && !(condition->complete && seen->flag);
}

static void tally(struct play *play, const struct observation *seen)
{
    for (size_t s = play->told; s < play->scenario->step_count; s++) {
        const struct step *step = &play->scenario->story[s];
        for (size_t c = 0; c < step->condition_count; c++) {
            struct tally *tally = &play->tallies[s * CONDITIONS_MAX + c];
            if (matches(&step->after[c], seen) && (tally->since < 0 || (size_t)tally->since < play->told)) {
                tally->seen++;
            }
        }
    }
}

bool play_observe(struct play *play, const struct observation *observation, struct observation *derived)
{
    tally(play, observation);
    if (observation->kind == OBSERVATION_truth_instance) {
        slice study = arena_copy(play->arena, observation->study_uid);
        (void)count_once(&play->instances, joined(play, SLICE_EMPTY, study, observation->sop_uid), &play->study_sizes, study);
    }
    if (observation->kind != OBSERVATION_delivered || observation->number != 0 || !completes_study(play, observation)) {
        return false;
    }
    *derived = (struct observation){.kind = OBSERVATION_study_delivered, .at_ns = observation->at_ns, .actor = observation->actor};
    derived->study_uid = observation->study_uid;
    uint32_t exist = 0;
    (void)map_find(&play->study_sizes, observation->study_uid, &exist);
    derived->count = exist;
    return true;
}

static bool happened(const struct play *play, size_t s, size_t c)
{
    const struct condition *condition = &play->scenario->story[s].after[c];
    int64_t wanted = condition->count == COUNT_HISTORY ? (int64_t)play->scenario->history_exams : condition->count;
    return play->tallies[s * CONDITIONS_MAX + c].seen >= wanted;
}

const struct step *play_due(const struct play *play)
{
    if (play_over(play)) {
        return NULL;
    }
    for (size_t c = 0; c < play->scenario->story[play->told].condition_count; c++) {
        if (!happened(play, play->told, c)) {
            return NULL;
        }
    }
    return &play->scenario->story[play->told];
}

void play_told(struct play *play, const struct step *step)
{
    assert(step == &play->scenario->story[play->told]);
    play->told++;
}

bool play_over(const struct play *play)
{
    return play->told == play->scenario->step_count;
}

void play_waiting(const struct play *play, struct buffer *buffer)
{
    if (play_over(play)) {
        return;
    }
    const struct step *step = &play->scenario->story[play->told];
    size_t begun = buffer->size;
    for (size_t c = 0; c < step->condition_count; c++) {
        if (happened(play, play->told, c)) {
            continue;
        }
        const struct condition *condition = &step->after[c];
        buffer_put_text(buffer, buffer->size == begun ? "" : ", ");
        buffer_put_text(buffer, observation_text(condition->event));
        if (condition->node.size > 0) {
            buffer_put_text(buffer, " at ");
            buffer_put(buffer, condition->node);
        }
        int64_t wanted = condition->count == COUNT_HISTORY ? (int64_t)play->scenario->history_exams : condition->count;
        if (wanted > 1) {
            buffer_put_text(buffer, " ");
            buffer_put_int(buffer, play->tallies[play->told * CONDITIONS_MAX + c].seen);
            buffer_put_text(buffer, " of ");
            buffer_put_int(buffer, wanted);
        }
    }
}

size_t play_steps_told(const struct play *play)
{
    return play->told;
}
