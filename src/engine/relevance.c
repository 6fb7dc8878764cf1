/* SPDX-License-Identifier: MIT */
#include "src/engine/relevance.h"

#include "src/base/buffer.h"

#define WHY_SIZE 160
#define YEAR_COST 4
#define SAME_SIDE_BONUS 10
#define DAYS_PER_YEAR 365
#define DAYS_PER_MONTH 30

struct rule {
    const char *kind, *region;               /* of the examination */
    const char *wanted_kind, *wanted_region;
    size_t most;
    int64_t days, weight;
    const char *why;
};

static const struct rule rules[] = {
#define RELEVANT(kind, region, wanted_kind, wanted_region, most, days, weight, why)                \
    {kind, region, wanted_kind, wanted_region, most, days, weight, why},
#include "src/engine/relevance.def"
#undef RELEVANT
};

/* Is one of the words among the values of `have`? */
static bool has(slice have, slice word)
{
    while (word.size > 0 && have.data != NULL) {
        slice part = slice_cut(&have, '\\');
        if (part.size >= word.size && slice_equal(slice_trim(part), word)) {
            return true;
        }
    }
    return false;
}

static bool shares(slice words, char separator, slice have)
{
    while (words.data != NULL && have.size > 0) {
        if (has(have, slice_trim(slice_cut(&words, separator)))) {
            return true;
        }
    }
    return false;
}

static bool cell_matches(const char *cell, slice have, slice same_as)
{
    slice words = slice_from(cell);
    if (slice_equal(words, SLICE("*"))) {
        return true;
    }
    if (slice_equal(words, SLICE("="))) {
        return shares(same_as, '\\', have);
    }
    return shares(words, ' ', have);
}

/* Left and right never stand for each other; a study of both sides, or of none, goes with either. */
static bool other_side(const struct relevance_study *a, const struct relevance_study *b)
{
    return a->laterality.size == 1 && b->laterality.size == 1 &&
           (a->laterality.data[0] == 'L' || a->laterality.data[0] == 'R') &&
           (b->laterality.data[0] == 'L' || b->laterality.data[0] == 'R') &&
           a->laterality.data[0] != b->laterality.data[0];
}

static bool is_wanted(const struct rule *rule, const struct relevance_study *exam,
                      const struct relevance_study *candidate)
{
    int64_t age = exam->day - candidate->day;
    return age >= 0 && (rule->days == 0 || age <= rule->days) && !other_side(exam, candidate) &&
           cell_matches(rule->wanted_kind, candidate->modalities, exam->modalities) &&
           cell_matches(rule->wanted_region, candidate->region, exam->region);
}

static int64_t score_of(const struct rule *rule, const struct relevance_study *exam,
                        const struct relevance_study *candidate)
{
    int64_t score = rule->weight - (exam->day - candidate->day) / DAYS_PER_YEAR * YEAR_COST;
    if (exam->laterality.size > 0 && slice_equal(exam->laterality, candidate->laterality)) {
        score += SAME_SIDE_BONUS;
    }
    return score > 1 ? score : 1;
}

static void put_modalities(struct buffer *text, slice modalities)
{
    while (modalities.data != NULL) {
        buffer_put(text, slice_trim(slice_cut(&modalities, '\\')));
        buffer_put_text(text, " ");
    }
}

static slice why_of(const struct rule *rule, const struct relevance_study *candidate, int64_t age,
                    int64_t score, struct arena *arena)
{
    struct buffer text = buffer_make(arena, WHY_SIZE);
    bool years = age >= 2 * DAYS_PER_YEAR;
    buffer_put_text(&text, rule->why);
    buffer_put_text(&text, ": ");
    put_modalities(&text, slice_before(candidate->modalities, 32));
    buffer_put(&text, slice_before(candidate->region, 16));
    buffer_put_text(&text, ", ");
    buffer_put_int(&text, years ? age / DAYS_PER_YEAR : age / DAYS_PER_MONTH);
    buffer_put_text(&text, years ? " years before" : " months before");
    buffer_put_text(&text, candidate->there ? ", already there, score " : ", score ");
    buffer_put_int(&text, score);
    return text.capacity == 0 ? (slice){NULL, 0} : buffer_slice(&text);
}

/* Higher score first, then the later study, then the lower index. */
static bool goes_before(const struct relevance_choice *a, const struct relevance_choice *b,
                        const struct relevance_study *candidates)
{
    if (a->score != b->score) {
        return a->score > b->score;
    }
    int64_t day_a = candidates[a->candidate].day, day_b = candidates[b->candidate].day;
    return day_a != day_b ? day_a > day_b : a->candidate < b->candidate;
}

static void choice_insert(struct relevance_choice *choices, size_t most, size_t *chosen,
                          struct relevance_choice choice, const struct relevance_study *candidates)
{
    size_t at = *chosen;
    while (at > 0 && goes_before(&choice, &choices[at - 1], candidates)) {
        at--;
    }
    if (at >= most) {
        return;
    }
    size_t end = *chosen < most ? (*chosen)++ : most - 1;
    for (size_t i = end; i > at; i--) {
        choices[i] = choices[i - 1];
    }
    choices[at] = choice;
}

/* The newest candidate that the rule wants and nobody took; `count` when there is none. */
static size_t newest(const struct rule *rule, const struct relevance_study *exam,
                     const struct relevance_study *candidates, size_t count, const bool *taken)
{
    size_t best = count;
    for (size_t i = 0; i < count; i++) {
        if (!taken[i] && is_wanted(rule, exam, &candidates[i]) &&
            (best == count || candidates[i].day > candidates[best].day)) {
            best = i;
        }
    }
    return best;
}

enum err relevance_choose(const struct relevance_study *exam, const struct relevance_study *candidates,
                          size_t count, struct relevance_choice *choices, size_t most, size_t *chosen,
                          struct arena *arena)
{
    bool *taken = arena_array(arena, count + 1, sizeof *taken);
    *chosen = 0;
    if (taken == NULL) {
        return ERR_LIMIT;
    }
    for (size_t r = 0; r < sizeof rules / sizeof rules[0]; r++) {
        const struct rule *rule = &rules[r];
        if (!cell_matches(rule->kind, exam->modalities, SLICE_EMPTY) ||
            !cell_matches(rule->region, exam->region, SLICE_EMPTY)) {
            continue;
        }
        for (size_t got = 0; got < rule->most;) {
            size_t best = newest(rule, exam, candidates, count, taken);
            if (best == count) {
                break;
            }
            taken[best] = true;
            got += candidates[best].there ? 0 : 1;
            struct relevance_choice choice = {best, score_of(rule, exam, &candidates[best]), {NULL, 0}};
            choice.why = why_of(rule, &candidates[best], exam->day - candidates[best].day, choice.score, arena);
            if (choice.why.data == NULL) {
                return ERR_LIMIT;
            }
            choice_insert(choices, most, chosen, choice, candidates);
        }
    }
    return ERR_OK;
}
