/* SPDX-License-Identifier: MIT
 *
 * Priors: an examination that will be read somewhere wants the patient's relevant earlier studies there before
 * it begins. What is relevant says relevance.def; each choice is a row with its reason, each move a demand with
 * a due time. Chosen again when the order changes, a study is published later, or two patients become one. */
#include "src/engine/engine_private.h"
#include "src/engine/relevance.h"

#define CANDIDATES_MAX 1024
#define LEAD_NS (30 * TIME_MIN) /* before the appointment */

enum err priors_init(struct engine *engine)
{
    (void)engine; /* all its state is durable: rows of prior, and their demands */
    return ERR_OK;
}

void priors_timer(struct engine *engine, struct out *out, int64_t subject)
{
    (void)engine;
    (void)out;
    (void)subject;
    assert(false); /* it sets none: the demands are scheduled by their due times */
}

void priors_restored(struct engine *engine, struct out *out)
{
    (void)engine;
    (void)out;
}

static slice exam_key(struct out *out, const struct row_exam *exam)
{
    return TEXT(out, exam->issuer, SLICE("/"), exam->accession);
}

static bool exam_of_key(const struct engine *engine, slice key, struct row_exam *exam)
{
    slice issuer = slice_cut(&key, '/');
    uint32_t at = row_find_exam(engine, &(struct row_exam){.issuer = issuer, .accession = key});
    if (key.data == NULL || at == ROW_NONE) {
        return false;
    }
    *exam = row_get_exam(engine, at);
    return true;
}

static bool is_waiting(const struct row_exam *exam)
{
    return exam->reading_node.size > 0 && exam->person != 0 &&
           (exam->state == EXAM_ORDERED || exam->state == EXAM_SCHEDULED || exam->state == EXAM_ARRIVED);
}

static uint32_t reading_node(const struct engine *engine, const struct row_exam *exam)
{
    uint32_t node = node_by_name(engine, exam->reading_node);
    return node != NODE_NONE ? node : node_by_aet(engine, exam->reading_node);
}

static int64_t day_of(slice date)
{
    time_ns at = 0;
    return time_from_ts(date, &at) ? at / TIME_DAY : 0;
}

static struct relevance_study relevance_of_exam(const struct engine *engine, const struct row_exam *exam)
{
    time_ns at = exam->scheduled_at > 0 ? exam->scheduled_at : engine->now;
    return (struct relevance_study){.modalities = exam->modality, .region = exam->region, .laterality = exam->laterality, .day = at / TIME_DAY};
}

/* What the archive says of the study, completed by what it was ordered as. */
static struct relevance_study relevance_of_study(const struct engine *engine, const struct row_study *study)
{
    struct relevance_study value = {.modalities = study->modalities, .region = study->region, .day = day_of(study->date)};
    uint32_t at = index_first_int(engine, INDEX_exam_study, study->id);
    if (at != ROW_NONE) {
        struct row_exam exam = row_get_exam(engine, at);
        value.modalities = value.modalities.size == 0 ? exam.modality : value.modalities;
        value.region = exam.region.size > 0 ? exam.region : value.region;
        value.laterality = exam.laterality;
    }
    return value;
}

int64_t priors_relevance(const struct engine *engine, struct out *out, const struct row_exam *exam, const struct row_study *study, slice *why)
{
    struct relevance_study wanted = relevance_of_exam(engine, exam), candidate = relevance_of_study(engine, study);
    struct relevance_choice choice;
    size_t chosen = 0;
    if (relevance_choose(&wanted, &candidate, 1, &choice, 1, &chosen, out->arena) != ERR_OK) {
        out->full = true;
        return 0;
    }
    *why = chosen > 0 ? choice.why : SLICE_EMPTY;
    return chosen > 0 ? choice.score : 0;
}

/* ---- Choosing. */
static bool has_copy(const struct engine *engine, int64_t study)
{
    for (uint32_t at = index_first_int(engine, INDEX_copy_study, study); at != ROW_NONE; at = index_next(engine, INDEX_copy_study, at)) {
        if (row_get_copy(engine, at).state != COPY_GONE) {
            return true;
        }
    }
    return false;
}

/* Not the examination itself, not what was rejected, not what nobody holds. */
static bool may_be_prior(const struct engine *engine, const struct row_exam *exam, const struct row_study *study)
{
    bool itself = study->id == exam->study ||
                  (slice_equal(study->issuer, exam->issuer) && slice_equal(study->accession, exam->accession));
    return !itself && !lifecycle_hidden(engine, study->uid, SLICE_EMPTY) && has_copy(engine, study->id) && !lifecycle_is_gone(engine, study->id);
}

static int64_t want(struct engine *engine, struct out *out, const struct row_exam *exam, const struct row_study *study, uint32_t node, slice *why)
{
    time_ns due = exam->scheduled_at - LEAD_NS;
    struct demand_wish wish = {
        .reason = DEMAND_PRIOR,
        .key = TEXT(out, SLICE("prior/"), exam_key(out, exam), SLICE("/"), text_int(out, study->id), SLICE("/"), node_at(engine, node)->name),
        .study = study->id,
        .destination = node,
        .level = SLICE("STUDY"),
        .principal = SLICE("order"),
        .due_at = due > engine->now ? due : engine->now,
    };
    return retrieve_demand(engine, out, &wish, why);
}

static void chosen_put(struct engine *engine, struct out *out, const struct row_exam *exam, const struct row_study *study, uint32_t node,
                       const struct relevance_study *candidate, const struct relevance_choice *choice)
{
    struct row_prior row = {.exam = exam_key(out, exam), .study = study->id};
    uint32_t at = row_find_prior(engine, &row);
    slice why = SLICE_EMPTY;
    if (at != ROW_NONE) {
        return; /* chosen already: its demand lives its own life */
    }
    if (!row_room(engine, TABLE_prior, 1)) {
        out_note(out, SLICE("limit: priors"));
        return;
    }
    row.score = choice->score;
    row.why = choice->why;
    if (candidate->there) {
        row.ready_at = engine->now;
    } else {
        row.demand = want(engine, out, exam, study, node, &why);
        uint32_t found = row.demand == 0 ? ROW_NONE : row_find_demand(engine, &(struct row_demand){.id = row.demand});
        row.ready_at = found != ROW_NONE && row_get_demand(engine, found).state == DEMAND_DONE ? engine->now : 0;
        row.why = row.demand == 0 ? TEXT(out, choice->why, SLICE("; cannot be moved: "), why) : choice->why;
    }
    row_put_prior(engine, out, &row);
}

static size_t study_count(const struct engine *engine, int64_t person)
{
    size_t count = 0;
    for (uint32_t at = index_first_int(engine, INDEX_study_person, person); at != ROW_NONE && count < CANDIDATES_MAX;
         at = index_next(engine, INDEX_study_person, at)) {
        count++;
    }
    return count;
}

static void choose(struct engine *engine, struct out *out, const struct row_exam *exam)
{
    uint32_t node = reading_node(engine, exam);
    int64_t person = identity_survivor(engine, exam->person);
    size_t most = node == NODE_NONE || person == 0 ? 0 : study_count(engine, person), count = 0, chosen = 0;
    if (most == 0) {
        return;
    }
    struct row_study *studies = arena_array(out->arena, most, sizeof *studies);
    struct relevance_study *candidates = arena_array(out->arena, most, sizeof *candidates);
    struct relevance_choice choices[RELEVANT_MAX];
    if (studies == NULL || candidates == NULL) {
        out->full = true;
        return;
    }
    for (uint32_t at = index_first_int(engine, INDEX_study_person, person); at != ROW_NONE && count < most;
         at = index_next(engine, INDEX_study_person, at)) {
        struct row_study study = row_get_study(engine, at);
        if (may_be_prior(engine, exam, &study)) {
            studies[count] = study;
            candidates[count] = relevance_of_study(engine, &study);
            candidates[count].there = retrieve_is_at(engine, study.id, node);
            count++;
        }
    }
    struct relevance_study wanted = relevance_of_exam(engine, exam);
    if (relevance_choose(&wanted, candidates, count, choices, RELEVANT_MAX, &chosen, out->arena) != ERR_OK) {
        out->full = true;
        return;
    }
    for (size_t i = 0; i < chosen; i++) {
        size_t which = choices[i].candidate;
        chosen_put(engine, out, exam, &studies[which], node, &candidates[which], &choices[i]);
    }
}

/* ---- Occasions. */
static void cancel(struct engine *engine, struct out *out, const struct row_exam *exam)
{
    slice key = exam_key(out, exam);
    for (uint32_t at = index_first_text(engine, INDEX_prior_exam, key); at != ROW_NONE; at = index_next(engine, INDEX_prior_exam, at)) {
        int64_t demand = row_get_prior(engine, at).demand;
        uint32_t found = demand == 0 ? ROW_NONE : row_find_demand(engine, &(struct row_demand){.id = demand});
        if (found != ROW_NONE && row_get_demand(engine, found).ended_at == 0) {
            retrieve_give_up(engine, out, demand, SLICE("the examination was cancelled"));
        }
    }
}

void priors_exam_changed(struct engine *engine, struct out *out, const struct row_exam *exam)
{
    if (is_waiting(exam)) {
        choose(engine, out, exam);
    } else if (exam->state == EXAM_CANCELLED) {
        cancel(engine, out, exam);
    }
}

void priors_person_changed(struct engine *engine, struct out *out, int64_t person)
{
    for (uint32_t at = index_first_int(engine, INDEX_exam_person, person); at != ROW_NONE; at = index_next(engine, INDEX_exam_person, at)) {
        struct row_exam exam = row_get_exam(engine, at);
        if (is_waiting(&exam)) {
            choose(engine, out, &exam);
        }
    }
}

void priors_study_published(struct engine *engine, struct out *out, int64_t study)
{
    uint32_t at = row_find_study(engine, &(struct row_study){.id = study});
    if (at != ROW_NONE) {
        priors_person_changed(engine, out, identity_survivor(engine, row_get_study(engine, at).person));
    }
}

/* The study still belongs to the patient whose examination wants it? */
bool priors_demand_is_right(const struct engine *engine, int64_t demand, int64_t person)
{
    for (uint32_t at = index_first_int(engine, INDEX_prior_demand, demand); at != ROW_NONE; at = index_next(engine, INDEX_prior_demand, at)) {
        struct row_exam exam;
        if (exam_of_key(engine, row_get_prior(engine, at).exam, &exam) && identity_survivor(engine, exam.person) == person) {
            return true;
        }
    }
    return false;
}

void priors_demand_changed(struct engine *engine, struct out *out, int64_t demand)
{
    uint32_t found = row_find_demand(engine, &(struct row_demand){.id = demand});
    uint32_t at = index_first_int(engine, INDEX_prior_demand, demand);
    if (found == ROW_NONE || at == ROW_NONE) {
        return;
    }
    struct row_demand row = row_get_demand(engine, found);
    struct row_prior prior = row_get_prior(engine, at); /* one: the key of its demand names the exam */
    if (row.state == DEMAND_DONE && prior.ready_at == 0) {
        prior.ready_at = engine->now;
        row_put_prior(engine, out, &prior);
    } else if (row.state == DEMAND_FAILED || row.state == DEMAND_UNPROVEN) {
        size_t end = slice_index(prior.why, ';');
        prior.why = TEXT(out, slice_before(prior.why, end), SLICE("; "), row.why);
        row_put_prior(engine, out, &prior);
    }
}
