/* SPDX-License-Identifier: MIT
 *
 * The judge's own copy of the engine's rows, made of its record stream: it never asks the engine. Of each table what a
 * rule reads, by row number. Rows put by steps that a killed engine never committed go away with its life: the next begins
 * with what was restored. */
#include "src/bench/judge_private.h"

void judge_rows_clear(struct judge *judge)
{
    memset(judge->engine_persons, 0, judge->engine_person_end * sizeof *judge->engine_persons);
    memset(judge->engine_studies, 0, judge->engine_study_end * sizeof *judge->engine_studies);
    memset(judge->demands, 0, judge->demand_end * sizeof *judge->demands);
    judge->engine_person_end = judge->engine_study_end = judge->demand_end = 0;
    for (uint32_t i = 0; i < judge->identity_count; i++) {
        judge->identities[i].engine = 0;
    }
    for (uint32_t e = 0; e < judge->exam_count; e++) {
        struct truth_exam *exam = &judge->exams[e];
        exam->engine_state = 0;
        exam->engine_person = 0;
        exam->flags &= (uint8_t)~EXAM_HAS_STUDY;
        exam->engine_identity = JUDGE_NONE;
    }
    for (uint32_t t = 0; t < judge->tombstone_count; t++) {
        judge->tombstones[t].alive = false;
    }
    for (uint32_t c = 0; c < judge->case_count; c++) {
        judge->cases[c].alive = false;
    }
    store_index_clear(&judge->spool_index);
    store_index_clear(&judge->prior_index);
    store_recent_clear(&judge->messages);
    judge->counts[COUNT_priors_wanted] = judge->counts[COUNT_priors_ready] = judge->priors_ready_before = 0;
}

bool judge_fits(int64_t id)
{
    return id > 0 && id < (int64_t)JUDGE_ROWS_MAX;
}

uint32_t judge_survivor(const struct judge *judge, uint32_t person)
{
    for (int hops = 0; hops < 64; hops++) { /* a ring of merges would be the engine's fault, and no reason to hang */
        bool known = person < judge->engine_person_end && judge->engine_persons[person].name != 0;
        if (!known || judge->engine_persons[person].merged_into == 0) {
            return person;
        }
        person = judge->engine_persons[person].merged_into;
    }
    return person;
}

struct engine_demand *judge_demand(const struct judge *judge, int64_t id)
{
    return judge_fits(id) && id < (int64_t)judge->demand_end && judge->demands[id].alive ? &judge->demands[id] : NULL;
}

static uint32_t engine_study(const struct judge *judge, uint32_t id)
{
    return id < judge->engine_study_end ? judge->engine_studies[id].study : 0;
}

uint32_t judge_demand_study(const struct judge *judge, const struct engine_demand *demand)
{
    uint32_t study = engine_study(judge, demand->study);
    return study & ENGINE_STUDY_TEXT ? JUDGE_NONE : study - 1; /* no row: JUDGE_NONE */
}

slice judge_demand_uid(const struct judge *judge, const struct engine_demand *demand, char room[STORE_TEXT_MAX])
{
    uint32_t study = engine_study(judge, demand->study);
    return study & ENGINE_STUDY_TEXT ? judge_text(judge, study & ~ENGINE_STUDY_TEXT, room) : study != 0 ? judge_uid(judge, study - 1, room) : SLICE_EMPTY;
}
