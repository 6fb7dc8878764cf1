/* SPDX-License-Identifier: MIT
 *
 * Pathways: the words of a step, and how they end. What stands behind a branch goes on in none of its options, so a branch is
 * the last of its list; an option that says `end` is empty. */
#include "src/scenario/bind.h"

#define P(binder) ((binder)->scenario->population)

struct walking {
    struct binder *binder;
    const struct tree *pathway; /* whose step this is */
    int depth;                  /* of branches in branches */
};

/* ---- Times by modality. */

static struct distribution varied(int64_t median, int64_t spread_micro)
{
    struct distribution time = {.kind = DISTRIBUTION_FIXED, .a = (double)median};
    if (spread_micro > 0 && median > 0) {
        time.kind = DISTRIBUTION_LOGNORMAL;
        time.b = (double)spread_micro / (double)MILLION;
    }
    return time;
}

static const struct distribution *times_by(struct binder *binder, const struct tree *map, int64_t otherwise, int64_t spread)
{
    const struct names *names = &binder->names[NAMES_MODALITIES];
    struct distribution *list = bind_array(binder, names->count + 1, sizeof *list);
    for (size_t m = 0; list != NULL && m < names->count; m++) {
        const struct tree *own = tree_get(map, names->list[m].data);
        list[m] = varied(own == NULL ? otherwise : field_integer(ROOT_STEP, "acquire.*", own), spread);
    }
    return list;
}

/* ---- The words. */

static void bind_wait(struct walking *walking, const struct tree *word, struct pathway_step *step)
{
    step->kind = STEP_WAIT;
    bind_distribution(walking->binder, ROOT_STEP, "wait", word, &step->time);
    step->calendar = bind_calendar_of(walking->binder, tree_get(word, "calendar"));
}

static void bind_acquire(struct walking *walking, const struct tree *word, struct pathway_step *step)
{
    step->kind = STEP_ACQUIRE;
    step->time_by = times_by(walking->binder, word, 0, field_integer(ROOT_STEP, "acquire.spread", tree_get(word, "spread")));
}

static void bind_store(struct walking *walking, const struct tree *word, struct pathway_step *step)
{
    (void)walking;
    step->kind = STEP_STORE;
    step->time = varied(field_integer(ROOT_STEP, "store.quiet", tree_get(word, "quiet")), 0);
    step->late_series_micro = field_integer(ROOT_STEP, "store.late_series", tree_get(word, "late_series"));
    step->reject_micro = field_integer(ROOT_STEP, "store.reject", tree_get(word, "reject"));
}

static void bind_turnaround(struct walking *walking, const struct tree *turnaround, struct pathway_step *step)
{
    struct binder *binder = walking->binder;
    const struct names *names = &binder->names[NAMES_MODALITIES];
    struct distribution *list = bind_array(binder, names->count + 1, sizeof *list);
    for (size_t m = 0; list != NULL && m < names->count; m++) {
        const struct tree *own = tree_get(turnaround, names->list[m].data);
        const char *path = own == NULL ? "report.turnaround.otherwise" : "report.turnaround.*";
        bind_distribution(binder, ROOT_STEP, path, own == NULL ? tree_get(turnaround, "otherwise") : own, &list[m]);
    }
    step->time_by = list;
    if (!step->nobody) {
        (void)complain(binder->to, "P213", turnaround->key_at, "`turnaround` is for reports by nobody; how long readers take follows from how many they are");
    }
}

static void bind_report(struct walking *walking, const struct tree *word, struct pathway_step *step)
{
    static const char *const roles[] = {"readers", "radiographers", "coordinators"}, *const priorities[] = {"routine", "soon", "urgent"};
    const struct tree *read = tree_get(word, "read"), *after = tree_get(word, "after");
    slice by = field_text(ROOT_STEP, "report.by", tree_get(word, "by")), priority = field_text(ROOT_STEP, "report.priority", tree_get(word, "priority"));
    step->kind = STEP_REPORT;
    step->nobody = slice_equal(by, SLICE("nobody"));
    for (uint32_t i = 0; i < 3; i++) {
        step->role = slice_equal(by, slice_from(roles[i])) ? i : step->role;
        step->priority = slice_equal(priority, slice_from(priorities[i])) ? (uint8_t)i : step->priority;
    }
    step->never_by_micro = bind_by_modality(walking->binder, tree_get(word, "never"));
    const struct tree *turnaround = tree_get(word, "turnaround");
    if (turnaround != NULL) {
        bind_turnaround(walking, turnaround, step);
    }
    if (step->nobody) {
        step->time = varied(field_integer(ROOT_STEP, "report.after", after), 0);
        return;
    }
    step->time_by = times_by(walking->binder, read, field_integer(ROOT_STEP, "report.read.otherwise", tree_get(read, "otherwise")),
                             field_integer(ROOT_STEP, "report.read.spread", tree_get(read, "spread")));
    if (after != NULL) {
        (void)complain(walking->binder->to, "P213", after->key_at, "`after` is for reports by nobody; these are by %.*s", SLICE_ARGS(by));
    }
}

static void bind_transfer(struct walking *walking, const struct tree *word, struct pathway_step *step)
{
    struct binder *binder = walking->binder;
    const struct tree *to = tree_get(word, "to");
    uint32_t site = bind_index(binder, NAMES_SITES, to), node = bind_index(binder, NAMES_NODES, to);
    step->kind = STEP_TRANSFER;
    step->chance_micro = field_integer(ROOT_STEP, "transfer.chance", tree_get(word, "chance"));
    step->target = node != NONE ? node : site != NONE && site < P(binder).site_count ? P(binder).sites[site].pacs : NONE_OF;
    step->urgent = field_integer(ROOT_STEP, "transfer.urgent", tree_get(word, "urgent")) != 0;
    step->lead = field_integer(ROOT_STEP, "transfer.needed_in", tree_get(word, "needed_in"));
    if (node == NONE && site != NONE && step->target == NONE_OF) {
        (void)complain(binder->to, "P503", to->at, "%s has no PACS that a study could be sent to", quoted(to->text).text);
    }
}

static void bind_prefetch(struct walking *walking, const struct tree *word, struct pathway_step *step)
{
    (void)walking;
    step->kind = STEP_PREFETCH;
    step->lead = field_integer(ROOT_STEP, "prefetch.lead", tree_get(word, "lead"));
    step->relevant = (uint32_t)field_integer(ROOT_STEP, "prefetch.relevant", tree_get(word, "relevant"));
}

static void bind_look(struct walking *walking, const struct tree *word, struct pathway_step *step)
{
    (void)walking;
    step->kind = STEP_LOOK;
    step->mean_micro = field_integer(ROOT_STEP, "look.times", tree_get(word, "times"));
    step->chance_micro = field_integer(ROOT_STEP, "look.retrieve", tree_get(word, "retrieve"));
    step->everywhere = field_integer(ROOT_STEP, "look.everywhere", tree_get(word, "everywhere")) != 0;
}

static void bind_mdt(struct walking *walking, const struct tree *word, struct pathway_step *step)
{
    step->kind = STEP_MDT;
    uint32_t meeting = bind_index(walking->binder, NAMES_MEETINGS, word);
    bool any = word->kind == TREE_TEXT && slice_equal(word->text, SLICE("any"));
    step->target = any || meeting == NONE ? NONE_OF : meeting;
    if (any && walking->binder->names[NAMES_MEETINGS].count <= 1) {
        (void)complain(walking->binder->to, "P204", word->at, "there is no meeting to be put on the list of; declare some under `meetings`");
    }
}

static void bind_again(struct walking *walking, const struct tree *word, struct pathway_step *step)
{
    step->kind = STEP_AGAIN;
    step->target = bind_index(walking->binder, NAMES_PATHWAYS, word);
}

static void bind_no_show(struct walking *walking, const struct tree *word, struct pathway_step *step)
{
    (void)walking;
    step->kind = STEP_NO_SHOW;
    step->chance_micro = field_integer(ROOT_STEP, "no_show.chance", tree_get(word, "chance"));
}

static void bind_arrive(struct walking *walking, const struct tree *word, struct pathway_step *step)
{
    (void)walking;
    step->kind = STEP_ARRIVE;
    step->chance_micro = field_integer(ROOT_STEP, "arrive.unknown_patient", tree_get(word, "unknown_patient"));
}

static void bind_merge(struct walking *walking, const struct tree *word, struct pathway_step *step)
{
    (void)walking;
    step->kind = STEP_MERGE;
    step->chance_micro = field_integer(ROOT_STEP, "merge.chance", tree_get(word, "chance"));
}

static void bind_branch(struct walking *walking, const struct tree *word, struct pathway_step *step);

static const struct step_word {
    const char *word;
    enum step_kind kind;
    void (*bind)(struct walking *walking, const struct tree *word, struct pathway_step *step);
} step_words[] = {
    {"order", STEP_ORDER, NULL},         {"wait", STEP_WAIT, bind_wait},          {"prefetch", STEP_PREFETCH, bind_prefetch}, {"no_show", STEP_NO_SHOW, bind_no_show},
    {"arrive", STEP_ARRIVE, bind_arrive}, {"acquire", STEP_ACQUIRE, bind_acquire}, {"store", STEP_STORE, bind_store},          {"publish", STEP_PUBLISH, NULL},
    {"report", STEP_REPORT, bind_report}, {"transfer", STEP_TRANSFER, bind_transfer}, {"look", STEP_LOOK, bind_look},          {"mdt", STEP_MDT, bind_mdt},
    {"branch", STEP_BRANCH, bind_branch}, {"again", STEP_AGAIN, bind_again},       {"merge", STEP_MERGE, bind_merge},          {"cancel", STEP_CANCEL, NULL},
};

/* A prefetch that is switched off, here or for all of the engine, is no step. */
static bool is_off(const struct binder *binder, const struct tree *word)
{
    const struct tree *when = tree_get(word, "when");
    bool off = binder->no_prefetch || (when != NULL && field_integer(ROOT_STEP, "prefetch.when", when) == 0);
    return slice_equal(word->key, SLICE("prefetch")) && off;
}

static void check_last(struct walking *walking, const struct tree *word, const struct tree *next)
{
    static const char ends[] = "branch again cancel";
    if (next != NULL && field_has(ends, word->key)) {
        struct problem *added = complain(walking->binder->to, "P502", next->at, "this step is never reached: `%.*s` before it goes on to nothing else", SLICE_ARGS(word->key));
        problem_relate(added, word->key_at, "the step before");
    }
}

static const struct pathway_step *bind_steps(struct walking *walking, const struct tree *list, size_t *count)
{
    struct binder *binder = walking->binder;
    struct pathway_step *steps = bind_array(binder, (list == NULL ? 0 : list->count) + 1, sizeof *steps);
    *count = 0;
    for (const struct tree *entry = steps == NULL ? NULL : list_first(list); entry != NULL; entry = entry->next) {
        const struct tree *word = map_first(entry);
        if (word == NULL || is_off(binder, word)) {
            continue;
        }
        check_last(walking, word, entry->next);
        for (size_t i = 0; i < sizeof step_words / sizeof step_words[0]; i++) {
            if (!slice_equal(word->key, slice_from(step_words[i].word))) {
                continue;
            }
            struct pathway_step *step = &steps[(*count)++];
            step->kind = step_words[i].kind;
            step->calendar = step->target = NONE_OF;
            if (step_words[i].bind != NULL) {
                step_words[i].bind(walking, word, step);
            }
        }
    }
    return steps;
}

static const struct pathway_step cancelled = {.kind = STEP_CANCEL, .calendar = NONE_OF, .target = NONE_OF};

static void bind_option(struct walking *walking, const struct tree *then, struct pathway_option *option)
{
    if (then != NULL && then->kind == TREE_LIST) {
        option->steps = bind_steps(walking, then, &option->step_count);
    } else if (then != NULL && then->kind == TREE_TEXT && slice_equal(then->text, SLICE("cancel"))) {
        option->steps = &cancelled;
        option->step_count = 1;
    }
}

static void check_option(struct walking *walking, const struct tree *entry, int64_t sum)
{
    const struct tree *chance = tree_get(entry, "chance"), *then = tree_get(entry, "then"), *otherwise = tree_get(entry, "otherwise");
    bool last = otherwise != NULL && chance == NULL && then == NULL, one = otherwise == NULL && chance != NULL && then != NULL;
    if (!last && !one) {
        (void)complain(walking->binder->to, "P213", entry->at, "an option is {chance: 0.1, then: ...}, or {otherwise: ...}");
    } else if (last && entry->next != NULL) {
        (void)complain(walking->binder->to, "P502", entry->next->at, "this option is never taken: `otherwise` before it takes all that is left");
    } else if (sum > MILLION && chance != NULL) {
        (void)complain(walking->binder->to, "P311", chance->at, "the chances of this branch sum to more than 1");
    }
}

static void bind_branch(struct walking *walking, const struct tree *word, struct pathway_step *step)
{
    struct binder *binder = walking->binder;
    struct pathway_option *options = bind_array(binder, word->count + 2, sizeof *options);
    int64_t sum = 0;
    bool rest = false;
    if (++walking->depth > PATHWAY_DEPTH_MAX) {
        (void)complain(binder->to, "P303", word->key_at, "branches stand %d deep in one another; at most %d can", walking->depth, PATHWAY_DEPTH_MAX);
        options = NULL;
    }
    for (const struct tree *entry = options == NULL ? NULL : list_first(word); entry != NULL; entry = entry->next) {
        const struct tree *otherwise = tree_get(entry, "otherwise");
        struct pathway_option *option = &options[step->option_count++];
        option->chance_micro = otherwise != NULL ? 0 : field_integer(ROOT_STEP, "branch[].chance", tree_get(entry, "chance"));
        sum += option->chance_micro;
        rest = rest || otherwise != NULL;
        check_option(walking, entry, sum);
        bind_option(walking, otherwise != NULL ? otherwise : tree_get(entry, "then"), option);
    }
    if (options != NULL && !rest) {
        options[step->option_count++] = (struct pathway_option){.chance_micro = 0}; /* what is left ends here */
    }
    step->options = options;
    walking->depth--;
}

/* ---- Whole pathways. */

struct seen {
    bool acquire, store, ends;
};

static bool is_word(slice key)
{
    for (size_t i = 0; i < sizeof step_words / sizeof step_words[0]; i++) {
        if (slice_equal(key, slice_from(step_words[i].word))) {
            return true;
        }
    }
    return false;
}

/* In the order of time: nothing can be stored that was not acquired. */
static void check_order(struct walking *walking, const struct tree *list, struct seen seen)
{
    for (const struct tree *entry = list_first(list); entry != NULL; entry = entry->next) {
        const struct tree *word = map_first(entry);
        if (word == NULL || !is_word(word->key)) {
            return; /* complained of; what it was cannot be told */
        }
        const char *missing = NULL;
        if (slice_equal(word->key, SLICE("store"))) {
            missing = seen.acquire ? NULL : "acquire";
        } else if (field_has("publish report transfer look mdt", word->key)) {
            missing = seen.store ? NULL : "store";
        }
        if (missing != NULL) {
            (void)complain(walking->binder->to, "P502", word->key_at, "`%.*s` needs `%s` before it (pathways.%.*s)", SLICE_ARGS(word->key), missing,
                           SLICE_ARGS(walking->pathway->key));
        }
        seen.acquire = seen.acquire || slice_equal(word->key, SLICE("acquire"));
        seen.store = seen.store || slice_equal(word->key, SLICE("store"));
        for (const struct tree *option = slice_equal(word->key, SLICE("branch")) ? list_first(word) : NULL; option != NULL; option = option->next) {
            check_order(walking, tree_get(option, "then"), seen);
            check_order(walking, tree_get(option, "otherwise"), seen);
        }
    }
}

/* `again` at the end of a pathway, whatever happens, makes it endless. */
static bool always_goes_on(const struct pathway_step *steps, size_t count, uint32_t *to)
{
    const struct pathway_step *last = count == 0 ? NULL : &steps[count - 1];
    for (size_t i = 0; i < count; i++) {
        if (steps[i].kind == STEP_NO_SHOW && steps[i].chance_micro > 0) {
            return false;
        }
    }
    if (last != NULL && last->kind == STEP_AGAIN && last->target != NONE_OF) {
        *to = last->target;
        return true;
    }
    for (size_t i = 0; last != NULL && last->kind == STEP_BRANCH && i < last->option_count; i++) {
        int64_t chance = last->options[i].chance_micro;
        bool left = i + 1 == last->option_count;
        int64_t sum = 0;
        for (size_t j = 0; j < last->option_count; j++) {
            sum += last->options[j].chance_micro;
        }
        if ((chance > 0 || (left && sum < MILLION)) && !always_goes_on(last->options[i].steps, last->options[i].step_count, to)) {
            return false;
        }
    }
    return last != NULL && last->kind == STEP_BRANCH;
}

static void check_ends(struct binder *binder, const struct tree *entry, uint32_t index)
{
    uint32_t at = index, next = 0;
    for (size_t i = 0; i <= P(binder).pathway_count; i++) {
        if (at >= P(binder).pathway_count || !always_goes_on(P(binder).pathways[at].steps, P(binder).pathways[at].step_count, &next)) {
            return;
        }
        at = next;
        if (at == index) {
            (void)complain(binder->to, "P502", entry->key_at, "pathway %s never ends: it begins again whatever happens", quoted(entry->key).text);
            return;
        }
    }
}

void bind_pathways(struct binder *binder)
{
    const struct tree *pathways = tree_get(binder->root, "pathways");
    struct pathway *list = bind_array(binder, binder->names[NAMES_PATHWAYS].count + 1, sizeof *list);
    uint32_t count = 0;
    for (const struct tree *entry = list == NULL ? NULL : map_first(pathways); entry != NULL; entry = entry->next) {
        struct walking walking = {.binder = binder, .pathway = entry};
        list[count].id = entry->key;
        list[count].steps = bind_steps(&walking, entry, &list[count].step_count);
        check_order(&walking, entry, (struct seen){false, false, false});
        count++;
    }
    P(binder).pathways = list;
    P(binder).pathway_count = count;
    count = 0;
    for (const struct tree *entry = list == NULL ? NULL : map_first(pathways); entry != NULL; entry = entry->next) {
        check_ends(binder, entry, count++);
    }
}
