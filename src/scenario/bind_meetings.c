/* SPDX-License-Identifier: MIT
 *
 * Meetings and the timeline: what is planned beside the examinations. */
#include "src/scenario/bind.h"
#include "src/scenario/meaning.h"

#include <stdio.h>

#define P(binder) ((binder)->scenario->population)

/* ---- Meetings. */

static const struct tree *meeting_key(const struct binder *binder, const struct tree *entry, const char *key)
{
    const struct tree *own = tree_get(entry, key);
    return own != NULL ? own : tree_get(tree_get(tree_get(binder->root, "meetings"), "defaults"), key);
}

static int64_t meeting_number(const struct binder *binder, const struct tree *entry, const char *key)
{
    char path[64];
    snprintf(path, sizeof path, "meetings.*.%s", key);
    return field_integer(ROOT_SCENARIO, path, meeting_key(binder, entry, key));
}

static void need(struct binder *binder, const struct tree *entry, const char *key)
{
    if (meeting_key(binder, entry, key) == NULL) {
        char path[64];
        snprintf(path, sizeof path, "meetings.*.%s", key);
        (void)complain(binder->to, "P112", entry->key_at, "meetings.%.*s.%s is missing: %s", SLICE_ARGS(entry->key), key, field_find(ROOT_SCENARIO, path)->text);
    }
}

static void bind_meeting_time(struct binder *binder, const struct tree *entry, struct population_meeting *meeting)
{
    const struct tree *when = meeting_key(binder, entry, "when"), *every = meeting_key(binder, entry, "every");
    uint32_t day = 0;
    time_ns since_midnight = 0;
    time_ns apart = meeting_number(binder, entry, "every");
    if (when == NULL || when->kind != TREE_TEXT) {
        return;
    }
    if (value_weekly(when->text, &day, &since_midnight)) {
        meeting->weekday = (uint8_t)day;
        meeting->minute = (uint16_t)(since_midnight / TIME_MIN);
    } else if (bind_stamp(binder, when->text, when, entry, &meeting->once_at)) {
        bind_inside(binder, when, meeting->once_at);
    }
    meeting->every_weeks = (uint32_t)(apart / (7 * TIME_DAY));
    if (apart % (7 * TIME_DAY) != 0 && every != NULL && every->kind == TREE_TEXT) {
        (void)complain(binder->to, "P303", every->at, "%s is no whole number of weeks (meetings.%.*s.every)", quoted(every->text).text, SLICE_ARGS(entry->key));
    }
    int64_t weeks = meeting_number(binder, entry, "weeks");
    meeting->weeks_micro = weeks >= 52 ? 0 : weeks * MILLION;
}

static void bind_meeting_place(struct binder *binder, const struct tree *entry, struct population_meeting *meeting)
{
    const struct tree *at = meeting_key(binder, entry, "at"), *viewer = meeting_key(binder, entry, "viewer");
    meeting->site = bind_index(binder, NAMES_SITES, at);
    uint32_t node = bind_index(binder, NAMES_NODES, viewer);
    meeting->joined = bind_indexes(binder, NAMES_SITES, meeting_key(binder, entry, "joined_by"), &meeting->joined_count);
    if (meeting->site == NONE || meeting->site >= P(binder).site_count) {
        return;
    }
    const struct population_site *site = &P(binder).sites[meeting->site];
    meeting->viewer = node != NONE ? node : site->viewer != NONE_OF ? site->viewer : site->pacs;
    if (meeting->viewer == NONE_OF) {
        (void)complain(binder->to, "P503", at->at, "%s has neither viewer nor PACS to look at images on (meetings.%.*s)", quoted(at->text).text, SLICE_ARGS(entry->key));
    } else if (node != NONE && binder->scenario->nodes[node].kind != KIND_VIEWER && binder->scenario->nodes[node].kind != KIND_PACS) {
        (void)complain(binder->to, "P209", viewer->at, "%s cannot show images: that is for a pacs or viewer", quoted(viewer->text).text);
    }
}

static void bind_meeting(struct binder *binder, const struct tree *entry, struct population_meeting *meeting)
{
    meeting->id = meeting->text = entry->key;
    need(binder, entry, "at");
    need(binder, entry, "when");
    need(binder, entry, "cases");
    bind_meeting_place(binder, entry, meeting);
    bind_meeting_time(binder, entry, meeting);
    meeting->calendar = bind_calendar_of(binder, meeting_key(binder, entry, "calendar"));
    meeting->cases_micro = meeting_number(binder, entry, "cases");
    meeting->spread_micro = meeting_number(binder, entry, "spread");
    meeting->closes = meeting_number(binder, entry, "list_closes");
    meeting->late_micro = meeting_number(binder, entry, "late");
    meeting->in_meeting_micro = meeting_number(binder, entry, "in_meeting");
    meeting->external_micro = meeting_number(binder, entry, "external");
    meeting->studies_each_micro = meeting_number(binder, entry, "studies_each");
    meeting->ready_before = meeting_number(binder, entry, "ready_before");
    meeting->lasts = meeting_number(binder, entry, "lasts");
    meeting->ramp = bind_shape_of(binder, meeting_key(binder, entry, "ramp"), SHAPE_RAMP);
    if (meeting->late_micro + meeting->in_meeting_micro > MILLION) {
        (void)complain(binder->to, "P311", entry->key_at, "more names come late or in the meeting than there are (meetings.%.*s)", SLICE_ARGS(entry->key));
    }
}

void bind_meetings(struct binder *binder)
{
    const struct tree *meetings = tree_get(binder->root, "meetings");
    struct population_meeting *list = bind_array(binder, binder->names[NAMES_MEETINGS].count + 1, sizeof *list);
    size_t count = 0;
    for (const struct tree *entry = list == NULL ? NULL : map_first(meetings); entry != NULL; entry = entry->next) {
        if (!slice_equal(entry->key, SLICE("defaults"))) {
            bind_meeting(binder, entry, &list[count++]);
        }
    }
    P(binder).meetings = list;
    P(binder).meeting_count = count;
}

/* ---- The timeline. */

struct changing {
    struct binder *binder;
    const struct tree *entry, *word; /* the row, and its verb: {key: arguments} */
    time_ns at, length;
    struct population_merge *merges;
};

#define CHANGE_ARGUMENTS_MAX 16

static void change_ramp(struct changing *changing)
{
    P(changing->binder).patients.ramp = bind_shape_of(changing->binder, tree_get(changing->word, "shape"), SHAPE_RAMP);
}

/* So many manifests at first; the rest evenly until the end. How many there are in all follows from the patients. */
static void change_load(struct changing *changing)
{
    struct population_priors *priors = &P(changing->binder).priors;
    int64_t count = field_integer(ROOT_SCENARIO, "timeline[].load.count", tree_get(changing->word, "count"));
    double all = distribution_mean(&priors->count) * (double)P(changing->binder).patients.count;
    priors->at = changing->at;
    priors->within = changing->length;
    priors->calendar = bind_calendar_of(changing->binder, tree_get(changing->word, "calendar"));
    priors->early_micro = all > (double)count ? (int64_t)((double)count / all * (double)MILLION) : 0;
    if (all == 0) {
        (void)complain(changing->binder->to, "P112", changing->word->key_at, "patients.priors.count is missing: there are no priors to load");
    }
}

static void change_merge(struct changing *changing)
{
    struct binder *binder = changing->binder;
    const struct tree *id = tree_get(changing->entry, "id");
    struct population_merge *merge = &changing->merges[P(binder).merge_count++];
    *merge = (struct population_merge){.id = id == NULL ? SLICE_EMPTY : id->text, .at = changing->at, .undoes = NONE_OF};
    merge->patients = field_integer(ROOT_SCENARIO, "timeline[].merge.patients", tree_get(changing->word, "patients"));
    merge->domain = bind_index(binder, NAMES_SITES, tree_get(changing->word, "from"));
}

static void change_unmerge(struct changing *changing)
{
    struct binder *binder = changing->binder;
    const struct tree *id = tree_get(changing->entry, "id"), *of = tree_get(changing->word, "of");
    struct population_merge *merge = &changing->merges[P(binder).merge_count];
    *merge = (struct population_merge){.id = id == NULL ? SLICE_EMPTY : id->text, .at = changing->at, .domain = NONE_OF, .undoes = NONE_OF};
    merge->patients = field_integer(ROOT_SCENARIO, "timeline[].unmerge.patients", tree_get(changing->word, "patients"));
    for (uint32_t i = 0; of != NULL && of->kind == TREE_TEXT && i < P(binder).merge_count; i++) {
        struct population_merge *other = &changing->merges[i];
        if (!slice_equal(other->id, of->text) || other->undoes != NONE_OF) {
            continue;
        }
        merge->undoes = i;
        merge->domain = other->domain;
        other->wrong = true;
        if (other->at >= merge->at) {
            (void)complain(binder->to, "P405", of->at, "merge %s comes after this: it cannot be taken back before", quoted(of->text).text);
        } else if (merge->patients > other->patients) {
            (void)complain(binder->to, "P303", tree_get(changing->word, "patients")->at, "%lld merges are taken back of %lld (%.*s)", (long long)merge->patients,
                           (long long)other->patients, SLICE_ARGS(other->id));
        }
    }
    if (merge->undoes != NONE_OF) {
        P(binder).merge_count++;
    } else if (of != NULL && of->kind == TREE_TEXT && bind_index(binder, NAMES_CHANGES, of) != NONE) {
        (void)complain(binder->to, "P204", of->at, "%s is no merge of the timeline before this", quoted(of->text).text);
    }
}

/* What the bench does: the arguments as written. */
static void change_node(struct changing *changing)
{
    struct binder *binder = changing->binder;
    struct scenario_change *change = &binder->scenario->changes[binder->scenario->change_count++];
    struct plan_argument *arguments = bind_array(binder, CHANGE_ARGUMENTS_MAX, sizeof *arguments);
    const struct tree *id = tree_get(changing->entry, "id"), *node = tree_get(changing->word, "node"), *from = tree_get(changing->word, "from");
    *change = (struct scenario_change){.id = id == NULL ? SLICE_EMPTY : id->text, .verb = changing->word->key, .at = changing->at, .length = changing->length};
    change->mark = (struct mark){changing->entry->at.line, changing->entry->at.column};
    change->node = bind_index(binder, NAMES_NODES, node != NULL ? node : from);
    change->arguments = arguments;
    for (const struct tree *said = arguments == NULL ? NULL : map_first(changing->word); said != NULL && change->argument_count < CHANGE_ARGUMENTS_MAX; said = said->next) {
        if (said->kind == TREE_TEXT) {
            arguments[change->argument_count++] = (struct plan_argument){said->key, said->text};
        }
    }
    if (slice_equal(changing->word->key, SLICE("policy"))) {
        for (uint32_t n = 0; n < binder->scenario->node_count; n++) {
            change->node = binder->scenario->nodes[n].kind == KIND_ENGINE ? n : change->node;
        }
    }
}

static void change_upgrade(struct changing *changing)
{
    struct binder *binder = changing->binder;
    const struct tree *node = tree_get(changing->word, "node"), *vendor = tree_get(changing->word, "vendor"), *config = tree_get(changing->word, "config");
    uint32_t index = bind_index(binder, NAMES_NODES, node);
    enum scenario_kind kind = index == NONE ? KIND_PACS : binder->scenario->nodes[index].kind;
    if (index != NONE && vendor != NULL && kind != KIND_PACS) {
        (void)complain(binder->to, "P209", vendor->key_at, "%s is no PACS: only a PACS has a vendor", quoted(node->text).text);
    }
    if (index != NONE && config != NULL && kind != KIND_ENGINE) {
        (void)complain(binder->to, "P209", config->key_at, "%s is not the engine: only that has a configuration", quoted(node->text).text);
    }
    if (vendor != NULL && vendor->kind == TREE_TEXT) {
        bind_profile_named(binder, vendor, vendor->text, "timeline[].upgrade.vendor");
    }
    change_node(changing);
}

static void change_between(struct changing *changing)
{
    struct binder *binder = changing->binder;
    static const char *const ends[] = {"from", "to"};
    for (size_t i = 0; i < 2; i++) {
        const struct tree *end = tree_get(changing->word, ends[i]);
        uint32_t node = bind_index(binder, NAMES_NODES, end);
        if (node != NONE && binder->scenario->nodes[node].kind != KIND_PACS) {
            (void)complain(binder->to, "P209", end->at, "%s is no PACS: it holds no studies", quoted(end->text).text);
        }
    }
    change_node(changing);
}

static const struct change_word {
    const char *word;
    void (*bind)(struct changing *changing);
    const char *not_wire, *not_virtual;
} change_words[] = {
#define CHANGE(word, bind, not_wire, not_virtual, text) {word, bind, not_wire, not_virtual},
#include "src/scenario/changes.def"
#undef CHANGE
};

static void bind_change(struct changing *changing)
{
    struct binder *binder = changing->binder;
    const struct tree *at = tree_get(changing->entry, "at");
    size_t words = 0;
    changing->at = binder->scenario->start;
    changing->length = field_integer(ROOT_SCENARIO, "timeline[].for", tree_get(changing->entry, "for"));
    if (bind_instant(binder, at, changing->entry, &changing->at)) {
        bind_inside(binder, at, changing->at);
    }
    for (size_t i = 0; i < sizeof change_words / sizeof change_words[0]; i++) {
        changing->word = tree_get(changing->entry, change_words[i].word);
        if (changing->word != NULL) {
            words++;
            refuse_in_world(binder, changing->word->key_at, change_words[i].word, change_words[i].not_wire, change_words[i].not_virtual);
            change_words[i].bind(changing);
        }
    }
    if (words != 1) {
        (void)complain(binder->to, "P213", changing->entry->at, "a change of the timeline has one word (ramp, load, upgrade, change, merge, ...); %zu stand here", words);
    }
}

void bind_timeline(struct binder *binder)
{
    const struct tree *timeline = tree_get(binder->root, "timeline");
    size_t max = timeline == NULL || timeline->kind != TREE_LIST ? 0 : timeline->count;
    struct changing changing = {.binder = binder, .merges = bind_array(binder, max + 1, sizeof *changing.merges)};
    binder->scenario->changes = bind_array(binder, max + 1, sizeof *binder->scenario->changes);
    for (const struct tree *entry = binder->err != ERR_OK ? NULL : list_first(timeline); entry != NULL && binder->err == ERR_OK; entry = entry->next) {
        if (entry->kind != TREE_MAP) {
            continue;
        }
        const struct tree *id = tree_get(entry, "id");
        for (const struct tree *other = timeline->first; other != entry && id != NULL; other = other->next) {
            const struct tree *name = tree_get(other, "id");
            if (name != NULL && name->kind == TREE_TEXT && slice_equal(name->text, id->text)) {
                problem_relate(complain(binder->to, "P205", id->at, "change %s stands twice; a change has a name of its own", quoted(id->text).text), name->at, "the first is here");
                break;
            }
        }
        changing.entry = entry;
        bind_change(&changing);
    }
    P(binder).merges = changing.merges;
}
