/* SPDX-License-Identifier: MIT */
#include "src/scenario/bind.h"

/* The canonical name of an invariant: names come first, then their numbers, in one order. */
static slice invariant_name(const struct binder *binder, uint32_t index)
{
    const struct names *names = &binder->names[NAMES_INVARIANTS];
    return names->list[index % (names->count / 2)];
}

static void bind_always(struct binder *binder, const struct tree *always)
{
    struct scenario *scenario = binder->scenario;
    bool usable = always != NULL && always->kind == TREE_LIST;
    scenario->always = bind_array(binder, (usable ? always->count : 0) + 1, sizeof *scenario->always);
    for (const struct tree *name = usable ? always->first : NULL; name != NULL && binder->err == ERR_OK; name = name->next) {
        uint32_t index = bind_index(binder, NAMES_INVARIANTS, name);
        bool twice = false;
        for (size_t i = 0; index != NONE && i < scenario->always_count; i++) {
            twice = twice || slice_equal(scenario->always[i], invariant_name(binder, index));
        }
        if (twice) {
            (void)complain(binder->to, "P205", name->at, "invariant %s stands twice", quoted(name->text).text);
        } else if (index != NONE) {
            scenario->always[scenario->always_count++] = invariant_name(binder, index);
        }
    }
}

static int64_t bound(const struct tree *tree, int64_t otherwise)
{
    int64_t number = otherwise;
    return tree != NULL && tree->kind == TREE_TEXT && value_count(tree->text, &number) == VALUE_OK ? number : otherwise;
}

static void bind_between(struct binder *binder, const struct tree *between, struct expectation *expectation)
{
    expectation->kind = BOUND_BETWEEN;
    expectation->low = bound(between->first, 0);
    expectation->high = bound(between->first == NULL ? NULL : between->first->next, INT64_MAX);
    if (between->kind == TREE_LIST && between->count == 2 && expectation->low > expectation->high) {
        (void)complain(binder->to, "P303", between->at, "the least (%lld) is above the most (%lld)", (long long)expectation->low, (long long)expectation->high);
    }
}

static void bind_bound(struct binder *binder, const struct tree *entry, struct expectation *expectation)
{
    const struct tree *exactly = tree_get(entry, "exactly"), *min = tree_get(entry, "min"), *max = tree_get(entry, "max"), *between = tree_get(entry, "between");
    int count = (exactly != NULL) + (min != NULL) + (max != NULL) + (between != NULL);
    if (count != 1) {
        (void)complain(binder->to, "P308", entry->at, "an expectation has exactly one of exactly, min, max, between; %s has %d", quoted(expectation->id).text, count);
        return;
    }
    if (exactly != NULL) {
        expectation->kind = slice_equal(exactly->text, SLICE("all")) ? BOUND_ALL : BOUND_EXACTLY;
        expectation->low = expectation->high = bound(exactly, 0);
    } else if (min != NULL) {
        expectation->kind = BOUND_MIN;
        expectation->low = bound(min, 0);
        expectation->high = INT64_MAX;
        if (expectation->low == 0) {
            (void)complain_softly(binder->to, "P701", min->at, "min: 0 can never fail; bound it from above, or take it away");
        }
    } else if (max != NULL) {
        expectation->kind = BOUND_MAX;
        expectation->high = bound(max, INT64_MAX);
    } else {
        bind_between(binder, between, expectation);
    }
}

static void bind_counts(struct binder *binder, const struct tree *counts)
{
    struct scenario *scenario = binder->scenario;
    scenario->expectations = bind_array(binder, (counts != NULL && counts->kind == TREE_LIST ? counts->count : 0) + 1, sizeof *scenario->expectations);
    for (const struct tree *entry = binder->err != ERR_OK ? NULL : list_first(counts); entry != NULL; entry = entry->next) {
        const struct tree *id = tree_get(entry, "id"), *of = tree_get(entry, "of");
        if (entry->kind != TREE_MAP) {
            continue;
        }
        struct expectation *expectation = &scenario->expectations[scenario->expectation_count];
        expectation->of = field_text(ROOT_SCENARIO, "expect.counts[].of", of);
        expectation->id = id == NULL ? expectation->of : field_text(ROOT_SCENARIO, "expect.counts[].id", id);
        expectation->text = field_text(ROOT_SCENARIO, "expect.counts[].text", tree_get(entry, "text"));
        expectation->text = expectation->text.size == 0 ? expectation->of : expectation->text;
        expectation->mark = (struct mark){entry->at.line, entry->at.column};
        bind_bound(binder, entry, expectation);
        for (size_t i = 0; i < scenario->expectation_count && expectation->id.size > 0; i++) {
            if (slice_equal(scenario->expectations[i].id, expectation->id)) {
                struct problem *added = complain(binder->to, "P205", id == NULL ? of->at : id->at, "expectation %s stands twice%s", quoted(expectation->id).text,
                                                 id == NULL ? "; give one an `id`" : "");
                problem_relate(added, (struct span){scenario->expectations[i].mark.line, scenario->expectations[i].mark.column, 0}, "the first is here");
            }
        }
        scenario->expectation_count++;
    }
}

/* ---- Liveness, situations. */

static void bind_healed(struct binder *binder, const struct tree *map)
{
    struct scenario *scenario = binder->scenario;
    scenario->healed = bind_array(binder, (map == NULL ? 0 : map->count) + 1, sizeof *scenario->healed);
    for (const struct tree *entry = binder->err != ERR_OK ? NULL : map_first(map); entry != NULL; entry = entry->next) {
        uint32_t index = 0;
        if (map_find(&binder->names[NAMES_INVARIANTS].map, entry->key, &index)) {
            time_ns within = field_integer(ROOT_SCENARIO, "expect.healed_within.*", entry);
            scenario->healed[scenario->healed_count++] = (struct healed_within){invariant_name(binder, index), within, mark_of(entry)};
        }
    }
}

static struct reach *bind_situations(struct binder *binder, const struct tree *list, size_t *count)
{
    struct reach *found = bind_array(binder, (list == NULL ? 0 : list->count) + 1, sizeof *found);
    *count = 0;
    for (const struct tree *name = found == NULL ? NULL : list_first(list); name != NULL; name = name->next) {
        if (bind_index(binder, NAMES_SITUATIONS, name) != NONE) {
            found[(*count)++] = (struct reach){name->text, {name->at.line, name->at.column}};
        }
    }
    return found;
}

static void check_opposites(struct binder *binder, const struct tree *never)
{
    for (const struct tree *name = list_first(never); name != NULL; name = name->next) {
        for (size_t i = 0; i < binder->scenario->sometimes_count; i++) {
            if (name->kind == TREE_TEXT && slice_equal(binder->scenario->sometimes[i].name, name->text)) {
                problem_relate(complain(binder->to, "P308", name->at, "%s cannot be expected sometimes and never", quoted(name->text).text),
                               (struct span){binder->scenario->sometimes[i].mark.line, binder->scenario->sometimes[i].mark.column, 0}, "it is expected here");
            }
        }
    }
}

/* ---- Bounds on latencies and shares. */

static const char *const per_words[] = {[PER_RUN] = "run",         [PER_HOUR] = "hour", [PER_DAY] = "day",         [PER_WEEK] = "week",
                                        [PER_MONTH] = "month",     [PER_QUARTER] = "quarter", [PER_YEAR] = "year", [PER_MEETING] = "meeting",
                                        [PER_MEETING_MONTH] = "meeting-month"};

static enum slo_per per_of(slice word)
{
    for (size_t i = 0; i < sizeof per_words / sizeof per_words[0]; i++) {
        if (slice_equal(word, slice_from(per_words[i]))) {
            return (enum slo_per)i;
        }
    }
    return PER_RUN;
}

/* Is it a time, bounded by quantiles, or a share? */
static bool is_time(slice measure)
{
    enum { LENGTH, SHARE, TIME };
    static const struct {
        const char *name;
        int kind;
    } measures[] = {
#define MEASURE_NAME(name, kind, text) {name, kind},
#include "src/scenario/words.def"
    };
    for (size_t i = 0; i < sizeof measures / sizeof measures[0]; i++) {
        if (slice_equal(measure, slice_from(measures[i].name))) {
            return measures[i].kind == LENGTH;
        }
    }
    return !slice_ends(measure, SLICE(".available"));
}

static void bind_quantiles(const struct tree *entry, struct slo *slo)
{
    static const struct {
        const char *key;
        int64_t micro;
    } rows[] = {{"p50", 500000}, {"p90", 900000}, {"p95", 950000}, {"p99", 990000}, {"p999", 999000}, {"worst", 1000000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct tree *bound = tree_get(entry, rows[i].key);
        if (bound != NULL && slo->quantile_count < SLO_QUANTILES_MAX) {
            slo->quantiles[slo->quantile_count].quantile_micro = rows[i].micro;
            slo->quantiles[slo->quantile_count++].at_most = field_integer(ROOT_SCENARIO, "expect.slo[].p50", bound);
        }
    }
}

static void check_slo(struct binder *binder, const struct tree *entry, const struct slo *slo)
{
    const struct tree *min = tree_get(entry, "min"), *max = tree_get(entry, "max");
    bool time = is_time(slo->measure), shares = slo->has_min || slo->has_max;
    if (slo->quantile_count == 0 && !shares) {
        (void)complain(binder->to, "P308", entry->at, "slo %s bounds nothing: it needs %s", quoted(slo->id).text, time ? "p50, p90, p95, p99, p999 or worst" : "min or max");
    } else if (time && shares) {
        (void)complain(binder->to, "P308", (min != NULL ? min : max)->key_at, "%s is a time: bound it by quantiles such as p95", quoted(slo->measure).text);
    } else if (!time && slo->quantile_count > 0) {
        (void)complain(binder->to, "P308", entry->at, "%s is a share: bound it by min or max", quoted(slo->measure).text);
    }
    if (slo->has_min && slo->has_max && slo->min_micro > slo->max_micro) {
        (void)complain(binder->to, "P303", min->at, "the least share is above the greatest (expect.slo)");
    } else if (slo->has_min && slo->min_micro == 0) {
        (void)complain_softly(binder->to, "P701", min->at, "min: 0 can never fail; bound it from above, or take it away");
    }
    for (size_t i = 1; i < slo->quantile_count; i++) {
        if (slo->quantiles[i].at_most < slo->quantiles[i - 1].at_most) {
            (void)complain(binder->to, "P303", entry->at, "slo %s has a higher quantile with a lower bound", quoted(slo->id).text);
        }
    }
}

static void bind_slo(struct binder *binder, const struct tree *entry, struct slo *slo)
{
    const struct tree *min = tree_get(entry, "min"), *max = tree_get(entry, "max"), *budget = tree_get(entry, "budget");
    slice per = SLICE_EMPTY;
    slo->id = field_text(ROOT_SCENARIO, "expect.slo[].id", tree_get(entry, "id"));
    slo->measure = field_text(ROOT_SCENARIO, "expect.slo[].measure", tree_get(entry, "measure"));
    slo->text = field_text(ROOT_SCENARIO, "expect.slo[].text", tree_get(entry, "text"));
    slo->mark = (struct mark){entry->at.line, entry->at.column};
    slo->has_min = min != NULL;
    slo->has_max = max != NULL;
    slo->min_micro = field_integer(ROOT_SCENARIO, "expect.slo[].min", min);
    slo->max_micro = field_integer(ROOT_SCENARIO, "expect.slo[].max", max);
    slo->per = per_of(field_text(ROOT_SCENARIO, "expect.slo[].per", tree_get(entry, "per")));
    bind_quantiles(entry, slo);
    if (budget != NULL && budget->kind == TREE_TEXT && value_budget(budget->text, &slo->budget_micro, &per) == VALUE_OK) {
        slo->has_budget = true;
        slo->budget_per = per_of(per);
    }
    slo->text = slo->text.size > 0 ? slo->text : slo->measure;
    check_slo(binder, entry, slo);
}

static void bind_slos(struct binder *binder, const struct tree *list)
{
    struct scenario *scenario = binder->scenario;
    scenario->slos = bind_array(binder, (list == NULL ? 0 : list->count) + 1, sizeof *scenario->slos);
    for (const struct tree *entry = binder->err != ERR_OK ? NULL : list_first(list); entry != NULL; entry = entry->next) {
        if (entry->kind != TREE_MAP) {
            continue;
        }
        struct slo *slo = &scenario->slos[scenario->slo_count];
        bind_slo(binder, entry, slo);
        for (size_t i = 0; i < scenario->slo_count && slo->id.size > 0; i++) {
            if (slice_equal(scenario->slos[i].id, slo->id)) {
                struct problem *added = complain(binder->to, "P205", tree_get(entry, "id")->at, "slo %s stands twice", quoted(slo->id).text);
                problem_relate(added, (struct span){scenario->slos[i].mark.line, scenario->slos[i].mark.column, 0}, "the first is here");
            }
        }
        scenario->slo_count++;
    }
}

/* ---- Both worlds, and the run as it was accepted. */

static void bind_same(struct binder *binder, const struct tree *tree)
{
    struct same_in_both *same = &binder->scenario->same;
    const struct tree *latency = tree_get(tree, "latency");
    slice commands = field_text(ROOT_SCENARIO, "expect.same_in_both.commands", tree_get(tree, "commands"));
    if (tree == NULL) {
        return;
    }
    same->wanted = true;
    same->mark = mark_of(tree);
    same->commands = slice_equal(commands, SLICE("ordered_per_patient")) ? SAME_COMMANDS_ORDERED_PER_PATIENT
                     : slice_equal(commands, SLICE("identical"))         ? SAME_COMMANDS_IDENTICAL
                                                                         : SAME_COMMANDS_NOT;
    same->final_state = field_text(ROOT_SCENARIO, "expect.same_in_both.final_state", tree_get(tree, "final_state")).size > 0;
    same->p50_micro = field_integer(ROOT_SCENARIO, "expect.same_in_both.latency.p50", tree_get(latency, "p50"));
    same->p95_micro = field_integer(ROOT_SCENARIO, "expect.same_in_both.latency.p95", tree_get(latency, "p95"));
    same->p99_micro = field_integer(ROOT_SCENARIO, "expect.same_in_both.latency.p99", tree_get(latency, "p99"));
    if (!slice_equal(binder->scenario->world, SLICE("both"))) {
        (void)complain_softly(binder->to, "P602", tree->key_at, "`same_in_both` compares two worlds; this run has one (run.world: %.*s)",
                              SLICE_ARGS(binder->scenario->world));
    }
}

static void bind_golden(struct binder *binder, const struct tree *tree)
{
    struct golden *golden = &binder->scenario->golden;
    if (tree == NULL) {
        return;
    }
    golden->wanted = true;
    golden->mark = mark_of(tree);
    golden->digest = field_text(ROOT_SCENARIO, "expect.golden.digest", tree_get(tree, "digest"));
    if (slice_equal(binder->scenario->world, SLICE("wire"))) {
        (void)complain(binder->to, "P602", tree->key_at, "`golden` has no meaning on the wire: only in virtual time is every run of a seed the same");
    }
}

void bind_expectations(struct binder *binder)
{
    struct scenario *scenario = binder->scenario;
    const struct tree *expect = tree_get(binder->root, "expect"), *never = tree_get(expect, "never");
    bind_always(binder, tree_get(expect, "always"));
    bind_counts(binder, tree_get(expect, "counts"));
    bind_healed(binder, tree_get(expect, "healed_within"));
    scenario->sometimes = bind_situations(binder, tree_get(expect, "sometimes"), &scenario->sometimes_count);
    scenario->never = bind_situations(binder, never, &scenario->never_count);
    check_opposites(binder, never);
    bind_slos(binder, tree_get(expect, "slo"));
    bind_same(binder, tree_get(expect, "same_in_both"));
    bind_golden(binder, tree_get(expect, "golden"));
}
