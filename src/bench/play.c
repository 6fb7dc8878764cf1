/* SPDX-License-Identifier: MIT */
#include "src/bench/play.h"

#include "src/base/map.h"
#include "src/dicom/uid.h"

#include <assert.h>

#define DELIVERIES_MAX 200000 /* (node, instance) pairs kept to know when a study is complete */
#define INSTANCES_MAX 100000
#define STUDIES_MAX 20000
#define KEY_SIZE 512

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
    struct map studies;       /* study uid/patient -> its number: two patients may have studies of one UID */
    uint32_t *sizes;          /* by number: instances that exist */
    struct map instances;     /* sop uid -> number of its study */
    struct map deliveries;    /* node/sop uid */
    struct map delivered;     /* node/number of the study -> instances there */
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
    play->sizes = arena_array(arena, STUDIES_MAX, sizeof *play->sizes);
    if (play->tallies == NULL || play->sizes == NULL || map_init(&play->instances, arena, INSTANCES_MAX) != ERR_OK ||
        map_init(&play->studies, arena, STUDIES_MAX) != ERR_OK || map_init(&play->deliveries, arena, DELIVERIES_MAX) != ERR_OK ||
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

static slice joined(char text[KEY_SIZE], slice a, slice b)
{
    struct buffer buffer = buffer_over(text, KEY_SIZE);
    buffer_put(&buffer, slice_before(a, KEY_SIZE / 2 - 1));
    buffer_put_byte(&buffer, '/');
    buffer_put(&buffer, slice_before(b, KEY_SIZE / 2 - 1));
    return buffer_slice(&buffer);
}

/* A full map counts no further: the story then waits, and the run says so when its time is over. */
static bool put(struct play *play, struct map *map, slice key, uint32_t value)
{
    uint32_t before = 0;
    bool known = map_find(map, key, &before);
    return map_put(map, known ? key : arena_copy(play->arena, key), value) == ERR_OK;
}

static void study_grows(struct play *play, const struct observation *seen, slice sop_uid)
{
    char text[KEY_SIZE];
    uint32_t study = (uint32_t)play->studies.count, known = 0;
    slice key = joined(text, seen->study_uid, seen->person.size > 0 ? seen->person : seen->patient_id);
    if (map_find(&play->instances, sop_uid, &known)) {
        return; /* told again by a node that was started again */
    }
    if (!map_find(&play->studies, key, &study) && !put(play, &play->studies, key, study)) {
        return;
    }
    play->sizes[study] += put(play, &play->instances, sop_uid, study);
}

/* The instances of the study that exist, when this delivery made it complete at the node; else 0. */
static uint32_t completes_study(struct play *play, const struct observation *seen, slice sop_uid)
{
    char text[KEY_SIZE], digits[16];
    struct buffer number = buffer_over(digits, sizeof digits);
    uint32_t study = 0, here = 0;
    slice part = joined(text, seen->actor, sop_uid);
    if (!map_find(&play->instances, sop_uid, &study) || map_find(&play->deliveries, part, &here) || !put(play, &play->deliveries, part, 1)) {
        return 0;
    }
    buffer_put_int(&number, study);
    slice key = joined(text, seen->actor, buffer_slice(&number));
    (void)map_find(&play->delivered, key, &here);
    return put(play, &play->delivered, key, here + 1) && here + 1 == play->sizes[study] ? here + 1 : 0;
}

/* Each instance that the observation stands for; the count of the study that one of them completed, or 0. */
static uint32_t each_instance(struct play *play, const struct observation *seen)
{
    uint32_t complete = 0;
    for (uint32_t i = 0; i < span_count(seen->span); i++) {
        char text[UID_SIZE_MAX + 1];
        slice uid = uid_advance(seen->sop_uid, i, text);
        if (seen->kind == OBSERVATION_truth_instance) {
            study_grows(play, seen, uid);
        } else {
            uint32_t size = completes_study(play, seen, uid);
            complete = size > 0 ? size : complete;
        }
    }
    return complete;
}

/* Does the observation satisfy the condition, times aside? */
static bool matches(const struct condition *condition, const struct observation *seen)
{
    bool study = condition->study_uid.size == 0 || slice_equal(condition->study_uid, seen->study_uid) ||
                 (condition->accession.size > 0 && slice_equal(condition->accession, seen->accession));
    return condition->event == seen->kind && study && (condition->node.size == 0 || slice_equal(condition->node, seen->actor)) &&
           (condition->text.size == 0 || slice_starts(seen->text, condition->text)) && !(condition->complete && (seen->flag || seen->number != 0));
}

static void tally(struct play *play, const struct observation *seen)
{
    for (size_t s = play->told; s < play->scenario->step_count; s++) {
        const struct step *step = &play->scenario->story[s];
        for (size_t c = 0; c < step->condition_count; c++) {
            struct tally *tally = &play->tallies[s * CONDITIONS_MAX + c];
            if (matches(&step->after[c], seen) && (tally->since < 0 || (size_t)tally->since < play->told)) {
                tally->seen += span_count(seen->span);
            }
        }
    }
}

bool play_observe(struct play *play, const struct observation *observation, struct observation *derived)
{
    tally(play, observation);
    bool arrived = observation->kind == OBSERVATION_delivered && observation->number == 0;
    uint32_t exist = arrived || observation->kind == OBSERVATION_truth_instance ? each_instance(play, observation) : 0;
    if (exist == 0) {
        return false;
    }
    *derived = (struct observation){.kind = OBSERVATION_study_delivered, .at_ns = observation->at_ns, .actor = observation->actor};
    derived->study_uid = observation->study_uid;
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
