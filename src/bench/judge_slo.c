/* SPDX-License-Identifier: MIT
 *
 * Objectives (expect.slo): quantiles of times and shares of cases, window by window, with the error budget and an interval.
 * Also what must be reached (sometimes), must not be (never), and must hold within a time (healed_within). Each becomes an
 * expectation of the results. */
#include "src/bench/judge_private.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define WINDOWS_MAX 9000 /* an hour of a year each */
#define Z95 1.959964

enum kind { LENGTH, SHARE, TIME };
static const struct {
    enum kind kind;
    const char *spelt, *text;
} measures[MEASURE_COUNT] = {
#define MEASURE(name, kind, spelt, text) {kind, spelt, text},
#include "src/bench/slo.def"
#undef MEASURE
};

struct slo_window {
    uint64_t key;            /* of a meeting; 0: of time alone */
    time_ns from, until;
    int64_t count, missed;   /* cases; bad ones, or beyond the loosest bound */
    struct histogram *lengths;
};
struct slo_fold {
    enum measure measure;
    bool known;
    uint32_t node;           /* of a TIME */
    struct slo_window *windows, *budgets, all;
    size_t window_count, budget_count;
};

/* ---- The beginning. */

static bool find_measure(const struct judge *judge, slice spelt, struct slo_fold *fold)
{
    for (int m = 0; m < MEASURE_COUNT; m++) {
        if (slice_equal(spelt, slice_from(measures[m].spelt))) {
            fold->measure = (enum measure)m;
            fold->node = measures[m].kind == TIME ? judge_node(judge, judge_engine(judge)) : JUDGE_NONE;
            return measures[m].kind != TIME || fold->node != JUDGE_NONE;
        }
    }
    fold->measure = MEASURE_node_available;
    fold->node = slice_ends(spelt, SLICE(".available")) ? judge_node(judge, slice_before(spelt, spelt.size - 10)) : JUDGE_NONE;
    return fold->node != JUDGE_NONE;
}

enum err judge_slo_init(struct judge *judge)
{
    const struct scenario *scenario = judge->scenario;
    judge->slos = arena_array(judge->arena, scenario->slo_count + 1, sizeof *judge->slos);
    for (size_t i = 0; judge->slos != NULL && i < scenario->slo_count; i++) {
        judge->slos[i].known = find_measure(judge, scenario->slos[i].measure, &judge->slos[i]);
    }
    return judge->slos == NULL ? ERR_LIMIT : ERR_OK;
}

/* ---- Cases. */

static struct slo_window *window_at(struct judge *judge, struct slo_window **windows, size_t *count, enum slo_per per, uint64_t key, time_ns at)
{
    for (size_t i = *count; i > 0 && i + 400 > *count; i--) { /* times come nearly in order, meetings of one month together */
        struct slo_window *window = &(*windows)[i - 1];
        if (window->key == key && at >= window->from && at < window->until) {
            return window;
        }
    }
    if (*windows == NULL) {
        *windows = arena_array(judge->arena, WINDOWS_MAX, sizeof **windows);
    }
    if (*windows == NULL || *count == WINDOWS_MAX) {
        return NULL;
    }
    struct slo_window *window = &(*windows)[(*count)++];
    *window = (struct slo_window){.key = key};
    window->from = judge_period(judge, per, at, &window->until);
    return window;
}

static bool is_measured(const struct judge *judge, time_ns at)
{
    const struct scenario *scenario = judge->scenario;
    return at >= scenario->measure_from && (scenario->measure_until == 0 || at < scenario->measure_until);
}

static void count_case(struct judge *judge, struct slo_window *window, bool missed, int64_t value, bool length)
{
    if (window == NULL) {
        return;
    }
    window->count++;
    window->missed += missed;
    if (length && window->lengths == NULL) {
        window->lengths = arena_alloc(judge->arena, sizeof *window->lengths);
    }
    if (length && window->lengths != NULL) {
        histogram_add(window->lengths, value, judge->arena);
    }
}

static void take_case(struct judge *judge, size_t i, uint64_t key, uint64_t budget_key, time_ns at, bool missed, int64_t value, bool length)
{
    const struct slo *slo = &judge->scenario->slos[i];
    struct slo_fold *fold = &judge->slos[i];
    count_case(judge, &fold->all, missed, value, length);
    if (slo->per != PER_RUN) {
        count_case(judge, window_at(judge, &fold->windows, &fold->window_count, slo->per, key, at), missed, value, length);
    }
    if (slo->has_budget) {
        count_case(judge, window_at(judge, &fold->budgets, &fold->budget_count, slo->budget_per, budget_key, at), missed, 0, false);
    }
}

void judge_length(struct judge *judge, enum measure measure, time_ns at, int64_t value_ns)
{
    for (size_t i = 0; i < judge->scenario->slo_count; i++) {
        const struct slo *slo = &judge->scenario->slos[i];
        if (judge->slos[i].known && judge->slos[i].measure == measure && is_measured(judge, at)) {
            time_ns loosest = slo->quantile_count == 0 ? TIME_NEVER : slo->quantiles[0].at_most;
            for (size_t q = 1; q < slo->quantile_count; q++) {
                loosest = slo->quantiles[q].at_most > loosest ? slo->quantiles[q].at_most : loosest;
            }
            take_case(judge, i, 0, 0, at, value_ns > loosest, value_ns, true);
        }
    }
}

void judge_share(struct judge *judge, enum measure measure, time_ns at, bool good)
{
    for (size_t i = 0; i < judge->scenario->slo_count; i++) {
        if (judge->slos[i].known && judge->slos[i].measure == measure && is_measured(judge, at)) {
            take_case(judge, i, 0, 0, at, !good, 0, false);
        }
    }
}

/* ---- Cases known at the end only: of meetings; and time, in seconds. */

/* "lung-alder-20260107" meets again and again: its name is what stands before the date. */
static uint64_t meeting_key(const struct judge *judge, const struct engine_meeting *meeting, enum slo_per per)
{
    char room[STORE_TEXT_MAX];
    slice id = judge_text(judge, meeting->id, room);
    while (per == PER_MEETING_MONTH && id.size > 0 && ((id.data[id.size - 1] >= '0' && id.data[id.size - 1] <= '9') || id.data[id.size - 1] == '-')) {
        id.size--;
    }
    return per == PER_MEETING || per == PER_MEETING_MONTH ? store_hash(7, id) | 1 : 0;
}

/* It waits, as it should, for an exam that was rejected before anybody could see it. */
static bool waits_in_vain(const struct judge *judge, const struct engine_case *one)
{
    for (uint32_t e = 0; !one->in_time && e < judge->exam_count; e++) {
        const struct truth_exam *exam = &judge->exams[e];
        if (exam->engine_person != 0 && judge_survivor(judge, exam->engine_person) == judge_survivor(judge, one->person) && judge_is_beyond(judge, exam)) {
            return true;
        }
    }
    return false;
}

static void take_meetings(struct judge *judge)
{
    for (uint32_t c = 0; c < judge->case_count; c++) {
        const struct engine_case *one = &judge->cases[c];
        const struct engine_meeting *meeting = &judge->meetings[one->meeting];
        bool counts = one->alive && !one->told_late && meeting->meets_at > 0 && meeting->meets_at <= judge->now && !waits_in_vain(judge, one);
        for (size_t i = 0; i < judge->scenario->slo_count && counts; i++) {
            const struct slo *slo = &judge->scenario->slos[i];
            if (judge->slos[i].known && judge->slos[i].measure == MEASURE_mdt_ready_share && is_measured(judge, meeting->meets_at)) {
                take_case(judge, i, meeting_key(judge, meeting, slo->per), meeting_key(judge, meeting, slo->budget_per), meeting->meets_at, !one->in_time, 0, false);
            }
        }
    }
}

static int64_t down_seconds(const struct judge *judge, uint32_t node, time_ns from, time_ns until)
{
    time_ns down = 0, covered = from; /* windows overlap */
    for (uint32_t f = 0; f < judge->fault_count; f++) {
        const struct fault_window *window = &judge->faults[f];
        time_ns begin = window->from > covered ? window->from : covered, end = window->until < until ? window->until : until;
        if (window->index == node && judge_stops(judge_spell(judge, window->effect)) && end > begin) {
            down += end - begin;
            covered = end;
        }
    }
    return down / TIME_S;
}

static void take_time(struct judge *judge, size_t i)
{
    const struct slo *slo = &judge->scenario->slos[i];
    struct slo_fold *fold = &judge->slos[i];
    time_ns begin = judge->scenario->measure_from > 0 ? judge->scenario->measure_from : judge->first_tick + TIME_DAY, end = judge->now;
    end = judge->scenario->measure_until > 0 && judge->scenario->measure_until < end ? judge->scenario->measure_until : end;
    fold->all = (struct slo_window){.count = (end - begin) / TIME_S, .missed = down_seconds(judge, fold->node, begin, end)};
    for (time_ns at = begin; at < end && slo->per != PER_RUN;) {
        struct slo_window *window = window_at(judge, &fold->windows, &fold->window_count, slo->per, 0, at);
        if (window == NULL) {
            break;
        }
        time_ns until = window->until < end ? window->until : end;
        window->count = (until - at) / TIME_S;
        window->missed = down_seconds(judge, fold->node, at, until);
        at = until;
    }
}

/* ---- Judging. */

static double share_of(const struct slo_window *window)
{
    return window->count == 0 ? 1 : (double)(window->count - window->missed) / (double)window->count;
}

/* Wilson's interval of a share; order statistics of a quantile. */
static void interval_of_share(int64_t good, int64_t count, double *low, double *high)
{
    double n = (double)count, p = count == 0 ? 1 : (double)good / n, z2 = Z95 * Z95;
    double middle = (p + z2 / (2 * n)) / (1 + z2 / n), half = Z95 * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n);
    *low = count == 0 ? 0 : fmax(0, middle - half);
    *high = count == 0 ? 1 : fmin(1, middle + half);
}

static void interval_of_quantile(const struct histogram *lengths, int64_t ppb, double *low, double *high)
{
    double n = (double)lengths->count, q = (double)ppb / PPB, half = n == 0 ? 0 : Z95 * sqrt(q * (1 - q) / n);
    *low = (double)histogram_quantile(lengths, (int64_t)(fmax(0, q - half) * PPB)) / 1e6;
    *high = (double)histogram_quantile(lengths, (int64_t)(fmin(1, q + half) * PPB)) / 1e6;
}

static slice put_text(struct judge *judge, const char *format, ...) __attribute__((format(printf, 2, 3)));
static slice put_text(struct judge *judge, const char *format, ...)
{
    char line[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    return judge_keep(judge, slice_from(line));
}

/* Null: no memory. */
static struct expectation_result *put_expectation(struct judge *judge, struct results *results, slice id, slice text, enum bound_kind kind, enum value_unit unit,
                                                  int64_t bound, int64_t value, bool pass)
{
    struct expectation *expectation = arena_alloc(judge->arena, sizeof *expectation);
    if (expectation != NULL) {
        *expectation = (struct expectation){.id = id, .text = text, .of = id, .kind = kind, .low = bound, .high = bound};
        results->expectations[results->expectation_count] = (struct expectation_result){.expectation = expectation, .value = value, .unit = unit, .pass = pass};
        return &results->expectations[results->expectation_count++];
    }
    return NULL;
}

/* Of an objective: its times hold where those of the plan do. */
static void put_objective(const struct results *results, struct expectation_result *row)
{
    if (row != NULL) {
        row->reported = !results->timed;
    }
}

/* What of the budget a window used: 1 is all of it. */
static double burnt_of(const struct slo *slo, const struct slo_window *window)
{
    double allowed = (double)window->count * (double)slo->budget_micro / 1e6;
    return window->missed == 0 ? 0 : allowed <= 0 ? (double)window->missed : (double)window->missed / allowed;
}

static double worst_budget(const struct slo *slo, const struct slo_fold *fold)
{
    double worst = 0;
    for (size_t b = 0; b < fold->budget_count; b++) {
        worst = fmax(worst, burnt_of(slo, &fold->budgets[b]));
    }
    return worst;
}

/* The windows of an objective: those of its budget where it has one, else its own, else the run. */
static void fill_windows(struct judge *judge, const struct slo *slo, const struct slo_fold *fold, int64_t ppb, struct series_objective *objective)
{
    bool own = fold->window_count > 0 || !slo->has_budget;
    const struct slo_window *windows = fold->window_count > 0 ? fold->windows : own ? &fold->all : fold->budgets;
    size_t count = fold->window_count > 0 ? fold->window_count : own ? 1 : fold->budget_count;
    objective->windows = arena_array(judge->arena, count + 1, sizeof *objective->windows);
    for (size_t w = 0; objective->windows != NULL && w < count; w++) {
        double value = ppb == 0 ? 100 * share_of(&windows[w]) : windows[w].lengths == NULL ? 0 : (double)histogram_quantile(windows[w].lengths, ppb) / 1e6;
        objective->windows[objective->window_count++] = (struct series_window){
            .from_ns = windows[w].from, .count = windows[w].count, .missed = windows[w].missed, .value = value, .burnt = slo->has_budget ? burnt_of(slo, &windows[w]) : -1};
    }
}

static const char *per_text(enum slo_per per)
{
    static const char *const texts[] = {"over the run", "in every hour", "on every day", "in every week", "in every month", "in every quarter", "in every year",
                                        "at every meeting", "for every meeting in every month"};
    return texts[per];
}

/* One quantile of one objective. */
static void end_quantile(struct judge *judge, size_t i, size_t q, struct series_objective *objective, struct results *results)
{
    const struct slo *slo = &judge->scenario->slos[i];
    const struct slo_fold *fold = &judge->slos[i];
    int64_t ppb = slo->quantiles[q].quantile_micro * 1000;
    time_ns bound = slo->quantiles[q].at_most;
    static const struct histogram none;
    const struct histogram *lengths = fold->all.lengths == NULL ? &none : fold->all.lengths;
    int64_t value = histogram_quantile(lengths, ppb), missed_windows = 0;
    for (size_t w = 0; w < fold->window_count; w++) {
        missed_windows += histogram_quantile(fold->windows[w].lengths, ppb) > bound;
    }
    bool held = slo->per == PER_RUN ? value <= bound : missed_windows == 0;
    double worst = slo->has_budget ? worst_budget(slo, fold) : 0;
    *objective = (struct series_objective){.id = put_text(judge, "%.*s.p%g", SLICE_ARGS(slo->id), (double)ppb / 1e7), .unit = SLICE("ms"), .bound = (double)bound / 1e6,
                                           .count = fold->all.count, .value = (double)value / 1e6, .pass = fold->known && fold->all.count > 0 && (slo->has_budget ? worst <= 1 : held)};
    interval_of_quantile(lengths, ppb, &objective->low, &objective->high);
    objective->text = slo->text.size > 0 ? put_text(judge, "%.*s (p%g)", SLICE_ARGS(slo->text), (double)ppb / 1e7)
                                         : put_text(judge, "%.*s: p%g at most %.3f s %s (n %lld, 95 %% interval %.3f to %.3f s%s)", SLICE_ARGS(slo->measure), (double)ppb / 1e7,
                                                    (double)bound / 1e9, per_text(slo->per), (long long)fold->all.count, objective->low / 1e3, objective->high / 1e3,
                                                    slo->has_budget ? (worst <= 1 ? "; within its budget" : "; budget overspent") : "");
    fill_windows(judge, slo, fold, ppb, objective);
    put_objective(results, put_expectation(judge, results, objective->id, objective->text, BOUND_MAX, VALUE_MS, bound / TIME_MS, (value + TIME_MS / 2) / TIME_MS, objective->pass));
}

/* Shares are given in hundredths of a percent. */
static void end_share(struct judge *judge, size_t i, struct series_objective *objective, struct results *results)
{
    const struct slo *slo = &judge->scenario->slos[i];
    const struct slo_fold *fold = &judge->slos[i];
    double least = slo->has_min ? (double)slo->min_micro / 1e6 : 0, most = slo->has_max ? (double)slo->max_micro / 1e6 : 1, worst = share_of(&fold->all);
    for (size_t w = 0; w < fold->window_count; w++) {
        double share = share_of(&fold->windows[w]);
        worst = slo->has_min ? fmin(worst, share) : fmax(worst, share);
    }
    double judged = slo->per == PER_RUN ? share_of(&fold->all) : worst;
    bool held = slo->has_budget ? worst_budget(slo, fold) <= 1 : judged >= least && judged <= most;
    bool at_least = slo->has_min || !slo->has_max;
    *objective = (struct series_objective){.id = slo->id, .unit = SLICE("%"), .bound = 100 * (at_least ? least : most), .at_least = at_least, .count = fold->all.count,
                                           .value = 100 * share_of(&fold->all), .pass = fold->known && fold->all.count > 0 && held};
    interval_of_share(fold->all.count - fold->all.missed, fold->all.count, &objective->low, &objective->high);
    objective->low *= 100;
    objective->high *= 100;
    objective->text = slo->text.size > 0 ? slo->text
                                         : put_text(judge, "%.*s: %s %.4g %% %s (n %lld, over all %.2f %%, 95 %% interval %.2f to %.2f %%)", SLICE_ARGS(slo->measure),
                                                    at_least ? "at least" : "at most", objective->bound, per_text(slo->per), (long long)fold->all.count, objective->value,
                                                    objective->low, objective->high);
    fill_windows(judge, slo, fold, 0, objective);
    put_objective(results, put_expectation(judge, results, slo->id, objective->text, at_least ? BOUND_MIN : BOUND_MAX, VALUE_PERCENT_100, (int64_t)(objective->bound * 100 + 0.5),
                                           (int64_t)(10000 * judged), objective->pass));
}

static void end_reaches(struct judge *judge, struct results *results, const struct reach *list, size_t count, bool wanted)
{
    for (size_t i = 0; i < count; i++) {
        bool known = false, reached = false;
        for (int r = 0; r < REACH_COUNT; r++) {
            bool here = slice_equal(list[i].name, slice_from(reach_name((enum reach_point)r)));
            known = known || here;
            reached = reached || (here && judge->reached[r]);
        }
        struct expectation_result *row =
            put_expectation(judge, results, list[i].name, put_text(judge, "%s: %.*s", wanted ? "reached" : "never reached", SLICE_ARGS(list[i].name)),
                            wanted ? BOUND_MIN : BOUND_MAX, VALUE_NUMBER, wanted, reached, known && reached == wanted);
        if (row != NULL) {
            row->reach = wanted && known;
        }
    }
}

static void end_healed(struct judge *judge, struct results *results)
{
    for (size_t i = 0; i < judge->scenario->healed_count; i++) {
        const struct healed_within *healed = &judge->scenario->healed[i];
        enum invariant invariant;
        bool known = invariant_from_name(healed->invariant, &invariant);
        int64_t violations = known ? judge->invariants[invariant].violations : 0, checked = known ? judge->invariants[invariant].checked : 0;
        (void)put_expectation(judge, results, healed->invariant,
                        put_text(judge, "%.*s within %lld s of what disturbed it (%lld cases)", SLICE_ARGS(healed->invariant), (long long)(healed->within / TIME_S),
                                 (long long)checked),
                        BOUND_EXACTLY, VALUE_NUMBER, 0, violations, known && violations == 0);
    }
}

void judge_slo_end(struct judge *judge, struct results *results)
{
    const struct scenario *scenario = judge->scenario;
    struct series_objective *objectives = arena_array(judge->arena, scenario->slo_count * SLO_QUANTILES_MAX + 1, sizeof *objectives);
    size_t count = 0;
    take_meetings(judge);
    for (size_t i = 0; objectives != NULL && i < scenario->slo_count; i++) {
        if (judge->slos[i].known && measures[judge->slos[i].measure].kind == TIME) {
            take_time(judge, i);
        }
        for (size_t q = 0; q < scenario->slos[i].quantile_count; q++) {
            end_quantile(judge, i, q, &objectives[count++], results);
        }
        if (scenario->slos[i].quantile_count == 0) {
            end_share(judge, i, &objectives[count++], results);
        }
    }
    judge_fold_objectives(judge, objectives, count);
    end_reaches(judge, results, scenario->sometimes, scenario->sometimes_count, true);
    end_reaches(judge, results, scenario->never, scenario->never_count, false);
    end_healed(judge, results);
}
