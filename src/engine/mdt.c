/* SPDX-License-Identifier: MIT
 *
 * MDT: is every image of every case where the meeting will look at it? A case is ready, waiting, or
 * impossible with the reason, the site and whom to call. */
#include "src/engine/engine_private.h"

#define AGAIN_NS (2 * TIME_MIN)  /* an impossible case is tried again after this, then after twice that ... */
#define AGAIN_DOUBLINGS 8        /* ... at most every four hours, until the meeting */
#define OVER_NS (12 * TIME_HOUR) /* after its begin a meeting is history */

struct mdt_module {
    uint8_t *timed; /* by case row: a timer runs */
    uint32_t max;
};

enum err mdt_init(struct engine *engine)
{
    engine->mdt = arena_alloc(engine->arena, sizeof *engine->mdt);
    if (engine->mdt == NULL) {
        return ERR_LIMIT;
    }
    engine->mdt->max = row_max(engine, TABLE_mdt_case);
    engine->mdt->timed = arena_array(engine->arena, engine->mdt->max, 1);
    return engine->mdt->timed == NULL ? ERR_LIMIT : ERR_OK;
}

/* What the studies of a case come to. */
struct tally {
    uint32_t studies, there, moving, failed;
    time_ns again_at; /* when the next that failed is tried again */
    slice why;     /* of the first that is not there */
    uint32_t site; /* of that one */
};

static uint32_t holder_of(const struct engine *engine, int64_t study)
{
    for (uint32_t row = index_first_int(engine, INDEX_copy_study, study); row != ROW_NONE;
         row = index_next(engine, INDEX_copy_study, row)) {
        struct row_copy copy = row_get_copy(engine, row);
        if (copy.role == COPY_ORIGINAL) {
            return node_by_name(engine, copy.node);
        }
    }
    return NODE_NONE;
}

static slice demand_key(struct out *out, slice meeting, int64_t study, slice node)
{
    return TEXT(out, SLICE("mdt/"), meeting, SLICE("/"), text_int(out, study), SLICE("/"), node);
}

/* The newest demand of this key; the number of them. */
static uint32_t newest_demand(const struct engine *engine, slice key, struct row_demand *demand)
{
    uint32_t found = 0;
    for (uint32_t row = index_first_text(engine, INDEX_demand_key, key); row != ROW_NONE;
         row = index_next(engine, INDEX_demand_key, row)) {
        *demand = row_get_demand(engine, row);
        found++;
    }
    return found;
}

static void blocked(struct tally *tally, uint32_t site, slice why)
{
    if (tally->why.size == 0) {
        tally->why = why;
        tally->site = site;
    }
}

static void count_study(struct engine *engine, struct out *out, const struct row_mdt *mdt,
                        int64_t study, bool again, struct tally *tally)
{
    uint32_t node = node_by_name(engine, mdt->node), holder = holder_of(engine, study);
    tally->studies++;
    if (retrieve_is_at(engine, study, node)) {
        tally->there++;
        return;
    }
    struct row_demand demand;
    slice key = demand_key(out, mdt->id, study, mdt->node), why = SLICE_EMPTY;
    uint32_t count = newest_demand(engine, key, &demand), doublings = count > AGAIN_DOUBLINGS ? AGAIN_DOUBLINGS : count;
    bool known = count > 0;
    bool ended = known && (demand.state == DEMAND_FAILED || demand.state == DEMAND_UNPROVEN);
    time_ns again_at = ended ? demand.ended_at + (AGAIN_NS << doublings) / 2 : TIME_NEVER;
    if (!known || demand.state == DEMAND_DONE || (ended && again && engine->now >= again_at)) {
        int64_t id = retrieve_demand(engine, out,
                                     &(struct demand_wish){.reason = DEMAND_MDT,
                                                           .key = key,
                                                           .study = study,
                                                           .destination = node,
                                                           .level = SLICE("STUDY"),
                                                           .principal = SLICE("mdt"),
                                                           .due_at = mdt->meets_at},
                                     &why);
        known = id != 0 && newest_demand(engine, key, &demand) > 0;
        ended = known && (demand.state == DEMAND_FAILED || demand.state == DEMAND_UNPROVEN);
        if (!known) {
            tally->failed++;
            blocked(tally, holder, text_copy(out, why));
            return;
        }
    }
    if (ended && again_at < tally->again_at) {
        tally->again_at = again_at;
    }
    tally->there += demand.state == DEMAND_DONE;
    tally->failed += ended;
    tally->moving += !ended && demand.state != DEMAND_DONE;
    if (demand.state != DEMAND_DONE) {
        blocked(tally, holder,
                demand.why.size > 0 ? text_copy(out, demand.why)
                                    : SLICE("images are on their way"));
    }
}

/* Exams whose images exist but are not published yet keep a case waiting. */
static void count_unpublished(const struct engine *engine, struct out *out, int64_t person,
                              struct tally *tally)
{
    for (uint32_t row = index_first_int(engine, INDEX_exam_person, person); row != ROW_NONE;
         row = index_next(engine, INDEX_exam_person, row)) {
        struct row_exam exam = row_get_exam(engine, row);
        bool done = exam.state == EXAM_COMPLETED || exam.state == EXAM_REPORTED;
        if (done && exam.study == 0) {
            tally->moving++;
            blocked(
                tally,
                organisation_source(engine, organisation_by_issuer(engine, exam.issuer), NODE_NONE),
                TEXT(out, exam.issuer, SLICE("/"), exam.accession, SLICE(" is not published: "),
                     exam.why.size > 0 ? exam.why : SLICE("being looked for")));
        } else if (exam.state == EXAM_FROZEN) {
            tally->failed++;
            blocked(
                tally,
                organisation_source(engine, organisation_by_issuer(engine, exam.issuer), NODE_NONE),
                text_copy(out, exam.why));
        }
    }
}

static slice gap_text(const struct engine *engine, struct out *out, const struct tally *tally)
{
    if (tally->why.size == 0) {
        return SLICE_EMPTY;
    }
    slice counts = TEXT(out, text_int(out, tally->there), SLICE(" of "),
                        text_int(out, tally->studies), SLICE(" studies there; "));
    if (tally->site == NODE_NONE) {
        return TEXT(out, counts, tally->why);
    }
    return TEXT(out, counts, node_at(engine, tally->site)->name, SLICE(": "), tally->why,
                SLICE("; call the PACS office of "), node_organisation(engine, tally->site)->name);
}

static void look(struct engine *engine, struct out *out, uint32_t row, bool again)
{
    struct row_mdt_case one = row_get_mdt_case(engine, row);
    uint32_t meeting = row_find_mdt(engine, &(struct row_mdt){.id = one.mdt});
    if (meeting == ROW_NONE) {
        return;
    }
    struct row_mdt mdt = row_get_mdt(engine, meeting);
    if (engine->now > mdt.meets_at + OVER_NS) {
        return;
    }
    struct tally tally = {.site = NODE_NONE, .again_at = TIME_NEVER};
    for (uint32_t at = index_first_int(engine, INDEX_study_person, one.person), next;
         at != ROW_NONE; at = next) {
        next = index_next(engine, INDEX_study_person, at);
        struct row_study study = row_get_study(engine, at);
        if (!lifecycle_hidden(engine, study.uid, SLICE_EMPTY) && !lifecycle_is_gone(engine, study.id)) {
            count_study(engine, out, &mdt, study.id, again, &tally);
        }
    }
    count_unpublished(engine, out, one.person, &tally);
    one = row_get_mdt_case(engine, row);
    one.state = tally.failed > 0 ? MDT_IMPOSSIBLE : tally.moving > 0 ? MDT_WAITING : MDT_READY;
    one.ready_at = one.state != MDT_READY ? 0 : one.ready_at != 0 ? one.ready_at : engine->now;
    one.why = gap_text(engine, out, &tally);
    row_put_mdt_case(engine, out, &one);
    if (one.state == MDT_IMPOSSIBLE && row < engine->mdt->max && !engine->mdt->timed[row]) {
        time_ns again_at = tally.again_at > engine->now && tally.again_at != TIME_NEVER ? tally.again_at : engine->now + AGAIN_NS;
        if (again_at < mdt.meets_at) {
            engine->mdt->timed[row] = 1;
            timer_set(engine, TIMER_MDT, row, again_at);
        }
    }
}

void mdt_timer(struct engine *engine, struct out *out, int64_t subject)
{
    engine->mdt->timed[subject] = 0;
    if (row_used(engine, TABLE_mdt_case, (uint32_t)subject)) {
        look(engine, out, (uint32_t)subject, true);
    }
}

void mdt_apply(struct engine *engine, struct out *out, const struct hl7_value *value,
               int64_t person, slice *refuse)
{
    struct row_mdt mdt = {.id = value->fields[HL7_FIELD_MEETING],
                          .text = value->fields[HL7_FIELD_MEETING_TEXT],
                          .node = value->fields[HL7_FIELD_MEETING_SITE]};
    uint32_t node = node_by_name(engine, mdt.node);
    node = node == NODE_NONE ? node_by_aet(engine, mdt.node) : node;
    if (mdt.id.size == 0 || person == 0) {
        *refuse = SLICE("no meeting id in SCH-1");
        return;
    }
    struct row_mdt_case one = {.mdt = mdt.id, .person = person, .state = MDT_WAITING};
    if (value->type == HL7_SIU_S15) {
        row_delete_mdt_case(engine, out, &one);
        return;
    }
    if (node == NODE_NONE || !time_from_ts(value->fields[HL7_FIELD_MEETING_AT], &mdt.meets_at)) {
        *refuse = node == NODE_NONE ? SLICE("AIL-3 names no node that is known")
                                    : SLICE("no time of the meeting in SCH-11");
        return;
    }
    mdt.node = node_at(engine, node)->name;
    row_put_mdt(engine, out, &mdt);
    identity_told_case(engine, out, value, one.mdt);
    if (row_find_mdt_case(engine, &one) == ROW_NONE) {
        row_put_mdt_case(engine, out, &one);
    }
    look(engine, out, row_find_mdt_case(engine, &one), false);
}

void mdt_study_changed(struct engine *engine, struct out *out, int64_t person)
{
    for (uint32_t row = index_first_int(engine, INDEX_mdt_case_person, person), next;
         row != ROW_NONE; row = next) {
        next = index_next(engine, INDEX_mdt_case_person, row);
        look(engine, out, row, false);
    }
}

void mdt_demand_changed(struct engine *engine, struct out *out, int64_t demand)
{
    uint32_t row = row_find_demand(engine, &(struct row_demand){.id = demand});
    if (row == ROW_NONE) {
        return;
    }
    uint32_t study =
        row_find_study(engine, &(struct row_study){.id = row_get_demand(engine, row).study});
    if (study != ROW_NONE) {
        mdt_study_changed(engine, out, row_get_study(engine, study).person);
    }
}

void mdt_restored(struct engine *engine, struct out *out)
{
    for (uint32_t row = 0; row < row_bound(engine, TABLE_mdt_case); row++) {
        if (row_used(engine, TABLE_mdt_case, row)) {
            look(engine, out, row, false);
        }
    }
}
