/* SPDX-License-Identifier: MIT */
#include "src/scenario/bind.h"

static void bind_always(struct binder *binder, const struct tree *always)
{
    struct scenario *scenario = binder->scenario;
    bool usable = always != NULL && always->kind == TREE_LIST;
    scenario->always = bind_array(binder, (usable ? always->count : 0) + 1, sizeof *scenario->always);
    for (const struct tree *name = usable ? always->first : NULL; name != NULL && binder->err == ERR_OK; name = name->next) {
        uint32_t index = bind_index(binder, NAMES_INVARIANTS, name);
        bool twice = false;
        for (size_t i = 0; i < scenario->always_count; i++) {
            twice = twice || slice_equal(scenario->always[i], name->text);
        }
        if (twice) {
            (void)complain(binder->to, "P205", name->at, "invariant %s stands twice", quoted(name->text).text);
        } else if (index != NONE) {
            scenario->always[scenario->always_count++] = name->text;
        }
    }
}

static int64_t bound(const struct tree *tree, int64_t otherwise)
{
    int64_t number = otherwise;
    return tree != NULL && tree->kind == TREE_TEXT && value_integer(tree->text, &number) ? number : otherwise;
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

void bind_expectations(struct binder *binder)
{
    struct scenario *scenario = binder->scenario;
    const struct tree *expect = tree_get(binder->root, "expect"), *counts = tree_get(expect, "counts");
    bind_always(binder, tree_get(expect, "always"));
    bool usable = counts != NULL && counts->kind == TREE_LIST;
    scenario->expectations = bind_array(binder, (usable ? counts->count : 0) + 1, sizeof *scenario->expectations);
    for (const struct tree *entry = usable ? counts->first : NULL; entry != NULL && binder->err == ERR_OK; entry = entry->next) {
        const struct tree *id = tree_get(entry, "id");
        if (entry->kind != TREE_MAP) {
            continue;
        }
        struct expectation *expectation = &scenario->expectations[scenario->expectation_count];
        expectation->id = field_text(ROOT_SCENARIO, "expect.counts[].id", id);
        expectation->of = field_text(ROOT_SCENARIO, "expect.counts[].of", tree_get(entry, "of"));
        expectation->text = field_text(ROOT_SCENARIO, "expect.counts[].text", tree_get(entry, "text"));
        expectation->text = expectation->text.size == 0 ? expectation->of : expectation->text;
        expectation->mark = (struct mark){entry->at.line, entry->at.column};
        bind_bound(binder, entry, expectation);
        for (size_t i = 0; i < scenario->expectation_count && id != NULL; i++) {
            if (slice_equal(scenario->expectations[i].id, expectation->id)) {
                struct problem *added = complain(binder->to, "P205", id->at, "expectation %s stands twice", quoted(expectation->id).text);
                problem_relate(added, (struct span){scenario->expectations[i].mark.line, scenario->expectations[i].mark.column, 0}, "the first is here");
            }
        }
        scenario->expectation_count++;
    }
}
