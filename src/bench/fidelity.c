/* SPDX-License-Identifier: MIT */
#include "src/bench/fidelity.h"

#include <stdlib.h>

static int by_text(const void *a, const void *b)
{
    return slice_compare(((const struct outcome_item *)a)->text, ((const struct outcome_item *)b)->text);
}

static struct outcome_item *sorted(const struct results *results, struct arena *arena)
{
    struct outcome_item *items = arena_array(arena, results->outcome_count + 1, sizeof *items);
    if (items != NULL && results->outcome_count > 0) {
        memcpy(items, results->outcomes, results->outcome_count * sizeof *items);
        qsort(items, results->outcome_count, sizeof *items, by_text);
    }
    return items;
}

/* What both sentences are about: all before the colon, or before " state " or " to ". Sentences of one subject differ in what it came to. */
static slice subject(slice text)
{
    static const char *const ends[] = {": ", " state ", " to "};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t size = strlen(ends[i]);
        for (size_t at = 0; at + size <= text.size; at++) {
            if (memcmp(text.data + at, ends[i], size) == 0) {
                return slice_before(text, at);
            }
        }
    }
    return text;
}

static const struct outcome_item *of_subject(const struct outcome_item *items, size_t count, slice about)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(subject(items[i].text), about)) {
            return &items[i];
        }
    }
    return NULL;
}

struct comparison {
    const struct outcome_item *items[2]; /* virtual, wire */
    size_t counts[2];
    slice first;       /* subject of the first difference that nothing excuses */
    bool found;
    int64_t left_out;
};

/* One sentence that the other world has not. */
static void differs(struct comparison *all, int world, const struct outcome_item *item)
{
    const struct outcome_item *other = of_subject(all->items[!world], all->counts[!world], subject(item->text));
    if (item->at_edge || (other != NULL && other->at_edge)) {
        all->left_out += world == 0 || other == NULL; /* a pair counts once */
    } else if (!all->found) {
        all->found = true;
        all->first = subject(item->text);
    }
}

static void walk(struct comparison *all)
{
    size_t at[2] = {0, 0};
    while (at[0] < all->counts[0] || at[1] < all->counts[1]) {
        int order = at[0] == all->counts[0] ? 1 : at[1] == all->counts[1] ? -1 : by_text(&all->items[0][at[0]], &all->items[1][at[1]]);
        if (order == 0) {
            at[0]++;
            at[1]++;
        } else {
            int world = order > 0;
            differs(all, world, &all->items[world][at[world]++]);
        }
    }
}

/* "transfer 1.2.3 to mdt for 2: state 4, 40 there in virtual time; state 6, 12 there on the wire" */
static slice sentence(const struct comparison *all, struct arena *arena)
{
    static const char *const worlds[2] = {" in virtual time", " on the wire"};
    struct buffer text = buffer_make(arena, 4096);
    buffer_put(&text, all->first);
    for (int world = 0; world < 2; world++) {
        const struct outcome_item *item = of_subject(all->items[world], all->counts[world], all->first);
        buffer_put_text(&text, world == 0 ? ": " : "; ");
        slice rest = item == NULL ? SLICE_EMPTY : slice_after(item->text, all->first.size);
        rest = slice_trim(slice_starts(rest, SLICE(":")) ? slice_after(rest, 1) : rest);
        buffer_put(&text, item == NULL ? SLICE("absent") : rest.size == 0 ? SLICE("there") : rest);
        buffer_put_text(&text, worlds[world]);
    }
    return buffer_slice(&text);
}

/* ---- Times. */

static const struct hop *hop_of(const struct hops *hops, slice name)
{
    for (size_t i = 0; i < hops->count; i++) {
        if (slice_equal(hops->hops[i].name, name)) {
            return &hops->hops[i];
        }
    }
    return NULL;
}

/* How far off, in millionths of what was measured. */
static int64_t off(int64_t predicted_ns, int64_t measured_ns)
{
    return measured_ns > 0 ? (int64_t)((__int128)llabs(predicted_ns - measured_ns) * 1000000 / measured_ns) : 0;
}

static int64_t off_p50(const struct fidelity_cell *cell)
{
    return off(cell->p50_predicted_ns, cell->p50_measured_ns);
}

static int64_t off_p95(const struct fidelity_cell *cell)
{
    return off(cell->p95_predicted_ns, cell->p95_measured_ns);
}

/* The greater of the two. */
static int64_t off_by(const struct fidelity_cell *cell)
{
    return off_p50(cell) > off_p95(cell) ? off_p50(cell) : off_p95(cell);
}

static int worst_first(const void *a, const void *b)
{
    const struct fidelity_cell *x = a, *y = b;
    int64_t more = off_by(y) - off_by(x);
    return more != 0 ? (more > 0 ? 1 : -1) : slice_compare(x->hop, y->hop);
}

static enum err fill_cells(struct fidelity *fidelity, struct hops *predicted, struct hops *measured, struct arena *arena)
{
    fidelity->cells = arena_array(arena, predicted->count + 1, sizeof *fidelity->cells);
    if (fidelity->cells == NULL) {
        return ERR_LIMIT;
    }
    hops_sort(predicted);
    hops_sort(measured);
    for (size_t i = 0; i < predicted->count; i++) {
        const struct hop *thought = &predicted->hops[i], *was = hop_of(measured, thought->name);
        bool instant = was != NULL && hop_quantile(thought, 95) == 0 && hop_quantile(was, 95) == 0; /* it begins and ends in one step */
        if (was != NULL && !instant && thought->count >= FIDELITY_SAMPLES_MIN && was->count >= FIDELITY_SAMPLES_MIN) {
            fidelity->cells[fidelity->cell_count++] = (struct fidelity_cell){
                .hop = thought->name, .n = (int64_t)was->count, .p50_predicted_ns = hop_quantile(thought, 50), .p50_measured_ns = hop_quantile(was, 50),
                .p95_predicted_ns = hop_quantile(thought, 95), .p95_measured_ns = hop_quantile(was, 95)};
        }
    }
    qsort(fidelity->cells, fidelity->cell_count, sizeof *fidelity->cells, worst_first);
    return ERR_OK;
}

enum err fidelity_compare(struct fidelity *fidelity, const struct results *predicted, const struct results *measured, struct hops *predicted_hops,
                          struct hops *measured_hops, struct arena *arena)
{
    struct comparison all = {.items = {sorted(predicted, arena), sorted(measured, arena)}, .counts = {predicted->outcome_count, measured->outcome_count}};
    *fidelity = (struct fidelity){.compared = true};
    if (all.items[0] == NULL || all.items[1] == NULL) {
        return ERR_LIMIT;
    }
    if (predicted->outcome_count == 0 || measured->outcome_count == 0) {
        return ERR_BAD_INPUT;
    }
    walk(&all);
    int64_t most = (int64_t)measured->outcome_count * FIDELITY_LEFT_OUT_PERCENT / 100;
    fidelity->left_out = all.left_out;
    fidelity->outcome_equal = !all.found && all.left_out <= most;
    if (all.found) {
        fidelity->first_difference = sentence(&all, arena);
    } else if (!fidelity->outcome_equal) {
        fidelity->first_difference = SLICE("more questions and demands than one in twenty were left out, being open when a fault began or ended");
    }
    return fill_cells(fidelity, predicted_hops, measured_hops, arena);
}

/* Cells that were measured often enough to be judged: all, those outside what the scenario wants, and the worst median. */
struct judged {
    int64_t all, outside;
    const struct fidelity_cell *worst;
};

static struct judged judge_cells(const struct results *results)
{
    const struct same_in_both *same = results->scenario == NULL ? NULL : &results->scenario->same;
    struct judged judged = {0, 0, NULL};
    for (size_t i = 0; same != NULL && same->p50_micro > 0 && i < results->fidelity.cell_count; i++) {
        const struct fidelity_cell *cell = &results->fidelity.cells[i];
        if (cell->n < FIDELITY_JUDGED_MIN) {
            continue;
        }
        judged.all++;
        judged.outside += off_p50(cell) > same->p50_micro || (same->p95_micro > 0 && off_p95(cell) > same->p95_micro);
        judged.worst = judged.worst == NULL || off_p50(cell) > off_p50(judged.worst) ? cell : judged.worst;
    }
    return judged;
}

/* "Times: 2 of 9 hops outside; the worst median is that of ..." */
static void say_times(struct buffer *text, const struct judged *judged)
{
    const struct fidelity_cell *worst = judged->worst;
    buffer_put_text(text, " Times: ");
    buffer_put_int(text, judged->outside);
    buffer_put_text(text, " of ");
    buffer_put_int(text, judged->all);
    buffer_put_text(text, " hops lie outside what was wanted; the worst median is that of ");
    buffer_put(text, worst->hop);
    buffer_put_text(text, ", ");
    buffer_put_int(text, worst->p50_predicted_ns / TIME_US);
    buffer_put_text(text, " us for ");
    buffer_put_int(text, worst->p50_measured_ns / TIME_US);
    buffer_put_text(text, " us.");
}

static void say_others(struct buffer *text, int64_t permille)
{
    buffer_put_text(text, " Others used ");
    buffer_put_int(text, (permille + 5) / 10);
    buffer_put_text(text, " % of the processors while it was measured: measure again when the machine is quiet.");
}

static void judge_worst(struct results *results, const struct fidelity_cell *worst)
{
    if (off_p50(worst) <= FIDELITY_P50_MICRO_MAX) {
        return;
    }
    if (results->others_permille <= FIDELITY_OTHERS_PERMILLE_MAX) {
        results->verdict = VERDICT_FAIL;
    } else if (results->verdict == VERDICT_PASS) {
        results->verdict = VERDICT_INCONCLUSIVE;
        results->error = SLICE("times are worlds apart, and others used the machine while they were measured");
    }
}

void fidelity_judge(struct results *results, const struct results *predicted, struct arena *arena)
{
    bool ended = results->error.size == 0 && predicted->error.size == 0;
    struct buffer text = buffer_make(arena, 8192);
    if (ended && !results->fidelity.outcome_equal) {
        buffer_put_text(&text, "The two worlds came to different ends: ");
        buffer_put(&text, results->fidelity.first_difference);
        buffer_put_text(&text, ". ");
        results->verdict = VERDICT_FAIL;
    } else if (predicted->verdict != VERDICT_PASS) {
        buffer_put_text(&text, "In virtual time: ");
        buffer_put(&text, predicted->sentence);
        buffer_put_byte(&text, ' ');
        results->verdict = results->verdict == VERDICT_FAIL ? VERDICT_FAIL : predicted->verdict;
        results->error = results->error.size > 0 ? results->error : predicted->error;
    }
    buffer_put(&text, results->sentence);
    if (ended && results->fidelity.outcome_equal) {
        buffer_put_text(&text, " Virtual time and wire came to the same.");
    }
    struct judged judged = judge_cells(results);
    if (ended && judged.worst != NULL) {
        say_times(&text, &judged);
        if (results->others_permille > FIDELITY_OTHERS_PERMILLE_MAX) {
            say_others(&text, results->others_permille);
        }
        judge_worst(results, judged.worst);
    }
    results->sentence = buffer_slice(&text);
}
