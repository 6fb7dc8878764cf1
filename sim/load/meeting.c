/* SPDX-License-Identifier: MIT
 *
 * Meeting: multidisciplinary teams. When a list closes RADIS2 sends the names there are, each later one by itself. Names
 * are those a pathway put forward, then people whose exam was done lately where the meeting's patients come from. */
#include "src/base/hash.h"
#include "src/base/random.h"
#include "src/base/real.h"

#include "sim/load/load_private.h"
#include "sim/load/opening.h"

#define WEEK_DAYS 7
#define WEEKS_A_YEAR_MICRO 52142857 /* 365 days */
#define TRIES_MAX 32

/* ---- Who might be discussed. */

void recent_put(struct load *load, const struct exam *exam)
{
    bool two = people_block(&load->people, exam->person)->other != NONE_OF;
    struct recent *recent = &load->recent[exam->domain][two];
    recent->persons[recent->next] = exam->person;
    recent->next = (recent->next + 1) % RECENT_MAX;
    recent->count += recent->count < RECENT_MAX;
}

/* The meeting of this exam's domain that closes next. */
static uint32_t nearest(const struct load *load, const struct exam *exam)
{
    uint32_t best = NONE_OF;
    for (uint32_t i = 0; i < load->population->meeting_count; i++) {
        bool here = load->population->sites[load->population->meetings[i].site].domain == exam->domain;
        if (here && load->meetings[i].next > 0 && (best == NONE_OF || load->meetings[i].next < load->meetings[best].next)) {
            best = i;
        }
    }
    return best;
}

/* A full queue: the name is one that the department forgets to pass on. */
void meeting_name(struct load *load, const struct exam *exam, uint32_t meeting)
{
    meeting = meeting < load->population->meeting_count ? meeting : nearest(load, exam);
    if (meeting != NONE_OF && load->meetings[meeting].queue_count < QUEUE_MAX) {
        struct meeting_state *state = &load->meetings[meeting];
        state->queue[state->queue_count++] = exam->person;
    }
}

struct list {
    uint32_t persons[CASES_MAX];
    size_t count;
};

static bool is_on(const struct list *list, uint32_t person)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->persons[i] == person) {
            return true;
        }
    }
    return false;
}

static void add_name(struct list *list, uint32_t person)
{
    if (list->count < CASES_MAX && !is_on(list, person)) {
        list->persons[list->count++] = person;
    }
}

/* Somebody of one of the meeting's domains, drawn among the lately examined; false when nobody was. */
static bool draw_name(const struct load *load, uint32_t meeting, uint64_t key, uint64_t nth, uint32_t *person)
{
    const struct population_meeting *row = &load->population->meetings[meeting];
    uint64_t which = row->joined_count == 0 ? 0 : load_below(load, PURPOSE('m', 'd', 't', 'j'), key, nth, row->joined_count + 1);
    uint32_t domain = load->population->sites[which == 0 ? row->site : row->joined[which - 1]].domain;
    /* Of the studies of somebody known elsewhere too only a part lies there: so many more such people are discussed. */
    int64_t remote = load->population->priors.remote_micro > 0 ? load->population->priors.remote_micro : REMOTE_MICRO;
    int64_t shared = row->external_micro > 0 ? (int64_t)((double)row->external_micro / (double)remote * MICRO) : load->people.at_two_micro[domain];
    bool two = load_chance(load, PURPOSE('m', 'd', 't', 'x'), key, nth, shared);
    const struct recent *recent = &load->recent[domain][two];
    recent = recent->count == 0 ? &load->recent[domain][!two] : recent;
    if (recent->count == 0) {
        return false;
    }
    *person = recent->persons[load_below(load, PURPOSE('m', 'd', 't', 'n'), key, nth, recent->count)];
    return true;
}

static size_t list_size(const struct load *load, const struct population_meeting *row, uint64_t key, time_ns at)
{
    double spread = (double)row->spread_micro / MICRO * (2 * load_unit(load, PURPOSE('m', 'd', 't', 's'), key, 0) - 1);
    double size = (double)row->cases_micro / MICRO * (1 + spread) * ((double)load_ramp(load, row->ramp, at) / MICRO);
    int64_t count = load_times(load, PURPOSE('m', 'd', 't', 's'), key, 1, real_round(size * MICRO));
    return count > CASES_MAX ? CASES_MAX : (size_t)count;
}

static void make_list(struct load *load, uint32_t meeting, uint64_t key, time_ns at, struct list *list)
{
    struct meeting_state *state = &load->meetings[meeting];
    size_t wanted = list_size(load, &load->population->meetings[meeting], key, at), used = 0;
    for (; used < state->queue_count && list->count < wanted; used++) {
        add_name(list, state->queue[used]);
    }
    memmove(state->queue, state->queue + used, (state->queue_count - used) * sizeof state->queue[0]);
    state->queue_count -= (uint32_t)used;
    uint32_t person = 0;
    for (uint64_t nth = 0; list->count < wanted && nth < wanted + TRIES_MAX * 4; nth++) {
        if (draw_name(load, meeting, key, nth, &person)) {
            add_name(list, person);
        }
    }
}

/* ---- The row. Lists have a backslash between the cases. */

static slice joined(struct load *load, const struct list *list, slice (*text)(struct load *, uint32_t, uint32_t), uint32_t meeting)
{
    size_t start = load->text_size;
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0) {
            (void)row_text(load, SLICE("\\"));
        }
        (void)text(load, list->persons[i], meeting);
    }
    return (slice){load->text + start, load->text_size - start};
}

/* The domain whose number the list gives: the meeting's where it knows the person, else her home. */
static uint32_t domain_for(const struct load *load, uint32_t person, uint32_t meeting)
{
    const struct people_block *block = people_block(&load->people, person);
    uint32_t here = load->population->sites[load->population->meetings[meeting].site].domain;
    return block->home == here || block->other == here ? here : block->home;
}

static slice text_person(struct load *load, uint32_t person, uint32_t meeting)
{
    (void)meeting;
    return row_person_id(load, person);
}
static slice text_site(struct load *load, uint32_t person, uint32_t meeting)
{
    return row_text(load, load->population->domains[domain_for(load, person, meeting)].issuer);
}
static slice text_number(struct load *load, uint32_t person, uint32_t meeting)
{
    char text[PERSON_NUMBER_SIZE + 1];
    return row_text(load, (slice){text, person_number(&load->people, person, domain_for(load, person, meeting), false, text)});
}
static struct person_facts facts_of(const struct load *load, uint32_t person, uint32_t meeting)
{
    struct person_facts facts;
    person_get(&load->people, person, domain_for(load, person, meeting), &facts);
    return facts;
}
static slice text_nhs(struct load *load, uint32_t person, uint32_t meeting)
{
    struct person_facts facts = facts_of(load, person, meeting);
    return facts.has_nhs ? row_text(load, (slice){facts.nhs, sizeof facts.nhs}) : SLICE_EMPTY;
}
static slice text_verified(struct load *load, uint32_t person, uint32_t meeting)
{
    return row_text(load, facts_of(load, person, meeting).nhs_verified ? SLICE("1") : SLICE("0"));
}
static slice text_family(struct load *load, uint32_t person, uint32_t meeting)
{
    return row_text(load, facts_of(load, person, meeting).family);
}
static slice text_given(struct load *load, uint32_t person, uint32_t meeting)
{
    return row_text(load, facts_of(load, person, meeting).given);
}
static slice text_birth_date(struct load *load, uint32_t person, uint32_t meeting)
{
    struct person_facts facts = facts_of(load, person, meeting);
    return row_text(load, (slice){facts.birth_date, sizeof facts.birth_date});
}
static slice text_sex(struct load *load, uint32_t person, uint32_t meeting)
{
    return row_text(load, facts_of(load, person, meeting).woman ? SLICE("F") : SLICE("M"));
}

static const struct {
    slice name;
    slice (*text)(struct load *, uint32_t, uint32_t);
} columns[] = {
    {{"person", 6}, text_person},     {{"site", 4}, text_site},         {{"number", 6}, text_number},
    {{"nhs", 3}, text_nhs},           {{"nhs_verified", 12}, text_verified}, {{"family", 6}, text_family},
    {{"given", 5}, text_given},       {{"birth_date", 10}, text_birth_date}, {{"sex", 3}, text_sex},
};

static void put_list(struct load *load, uint32_t meeting, time_ns begins, const struct list *list, struct load_row *row)
{
    const struct population_meeting *population = &load->population->meetings[meeting];
    row_begin(load, row, LOAD_MEETING, load->population->domains[load->population->sites[population->site].domain].ris, SLICE("meeting"));
    row->site = population->site;
    row->person = list->count == 1 ? (int64_t)list->persons[0] : -1;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        row_put(row, columns[i].name, joined(load, list, columns[i].text, meeting));
    }
    size_t start = load->text_size;
    (void)row_text(load, population->id);
    if (population->once_at == 0) { /* one id for each day that it meets */
        char date[9];
        struct buffer buffer = buffer_over(date, sizeof date);
        buffer_put_byte(&buffer, '-');
        time_put_da(&buffer, begins + zone_offset(load->population->zone, begins));
        (void)row_text(load, buffer_slice(&buffer));
    }
    row_put(row, SLICE("meeting"), (slice){load->text + start, load->text_size - start});
    row_put_time(load, row, SLICE("meeting_at"), begins);
    row_put(row, SLICE("text"), population->text.size > 0 ? population->text : population->id);
    if (population->viewer < load->population->node_count) {
        row_put(row, SLICE("node"), load->population->nodes[population->viewer]);
    }
    load->counts.discussions += (int64_t)list->count;
}

/* ---- Late names: rows of their own. */

static enum err put_late(struct load *load, uint32_t meeting, uint32_t person, uint64_t key, time_ns begins, time_ns at)
{
    uint32_t index = 0;
    struct exam *name = exam_take(load, &index);
    if (name == NULL) {
        return ERR_LIMIT;
    }
    name->key = random_draw(load->seed, PURPOSE('m', 'd', 't', 'k'), key, person);
    name->person = person;
    name->site = meeting;
    name->done = begins;
    struct draft draft = {.count = 0};
    draft_put(&draft, at, EVENT_LATE_NAME, 0);
    return exam_seal(load, index, &draft);
}

void meeting_late(struct load *load, struct exam *name, struct load_row *row)
{
    struct list one = {.persons = {name->person}, .count = 1};
    put_list(load, name->site, name->done, &one, row);
}

/* ---- When. */

static bool meets(struct load *load, uint32_t meeting, int32_t day)
{
    const struct population_meeting *row = &load->population->meetings[meeting];
    struct meeting_state *state = &load->meetings[meeting];
    const struct opening *opening = load_opening(load, row->calendar);
    bool holiday = opening != NULL && opening_is_holiday(opening, day);
    if (row->weeks_micro == 0) {
        return !holiday;
    }
    /* What a holiday took is made up in the weeks after it. */
    state->owed_micro += (int64_t)((double)row->weeks_micro / WEEKS_A_YEAR_MICRO * MICRO);
    if (holiday || state->owed_micro < MICRO) {
        return false;
    }
    state->owed_micro -= MICRO;
    return true;
}

static time_ns begins_on(const struct load *load, const struct population_meeting *row, int32_t day)
{
    return zone_to_utc(load->population->zone, day * TIME_DAY + row->minute * TIME_MIN, 0, NULL);
}

static enum err wait_for(struct load *load, uint32_t meeting)
{
    const struct population_meeting *row = &load->population->meetings[meeting];
    time_ns next = load->meetings[meeting].next, closes = next - row->closes;
    if (next == 0 || next >= load->end) {
        load->meetings[meeting].next = 0;
        return ERR_OK;
    }
    struct due due = {.at = closes > load->now ? closes : load->now, .order = (uint64_t)DUE_MEETING << 60 | meeting, .index = meeting, .kind = DUE_MEETING};
    return due_put(&load->heap, due) ? ERR_OK : ERR_LIMIT;
}

/* From this day on, which is one of the meeting's weekdays. */
static void next_from(struct load *load, uint32_t meeting, int32_t day)
{
    const struct population_meeting *row = &load->population->meetings[meeting];
    int32_t step = WEEK_DAYS * (int32_t)(row->every_weeks > 0 ? row->every_weeks : 1);
    time_ns begins = begins_on(load, row, day);
    while (begins < load->end && (begins < load->start || !meets(load, meeting, day))) {
        day += step;
        begins = begins_on(load, row, day);
    }
    load->meetings[meeting].next = begins;
}

enum err meeting_due(struct load *load, uint32_t meeting, struct load_row *row, bool *made)
{
    const struct population_meeting *population = &load->population->meetings[meeting];
    time_ns begins = load->meetings[meeting].next;
    uint64_t key = random_draw(load->seed, PURPOSE('m', 'e', 'e', 't'), hash64(6, population->id), (uint64_t)begins);
    struct list all = {.count = 0}, main = {.count = 0};
    enum err err = ERR_OK;
    make_list(load, meeting, key, begins, &all);
    for (size_t i = 0; i < all.count && err == ERR_OK; i++) {
        int64_t u = (int64_t)load_below(load, PURPOSE('m', 'd', 't', 'l'), key, i, MICRO);
        time_ns later = (time_ns)load_below(load, PURPOSE('m', 'd', 't', 'w'), key, i, (uint64_t)(begins > load->now ? begins - load->now : 1));
        if (u < population->late_micro) {
            err = put_late(load, meeting, all.persons[i], key, begins, load->now + later);
        } else if (u < population->late_micro + population->in_meeting_micro) {
            err = put_late(load, meeting, all.persons[i], key, begins, begins + later % (20 * TIME_MIN));
        } else {
            main.persons[main.count++] = all.persons[i];
        }
    }
    *made = main.count > 0;
    load->counts.meetings += all.count > 0;
    if (*made) {
        put_list(load, meeting, begins, &main, row);
    }
    if (population->once_at == 0) {
        next_from(load, meeting, zone_day(begins + zone_offset(load->population->zone, begins)) + WEEK_DAYS * (int32_t)(population->every_weeks > 0 ? population->every_weeks : 1));
        return err == ERR_OK ? wait_for(load, meeting) : err;
    }
    load->meetings[meeting].next = 0;
    return err;
}

enum err meetings_init(struct load *load)
{
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < load->population->meeting_count && err == ERR_OK; i++) {
        const struct population_meeting *row = &load->population->meetings[i];
        struct meeting_state *state = &load->meetings[i];
        uint64_t key = hash64(6, row->id);
        state->owed_micro = (int64_t)load_below(load, PURPOSE('m', 'd', 't', '0'), key, 0, MICRO);
        state->next = row->once_at;
        if (row->once_at == 0) {
            int32_t today = zone_day(load->start + zone_offset(load->population->zone, load->start));
            int32_t day = today + (row->weekday - zone_weekday(today) + WEEK_DAYS) % WEEK_DAYS;
            uint32_t every = row->every_weeks > 0 ? row->every_weeks : 1;
            next_from(load, i, day + WEEK_DAYS * (int32_t)load_below(load, PURPOSE('m', 'd', 't', '0'), key, 1, every));
        }
        err = state->next >= load->start ? wait_for(load, i) : ERR_OK;
    }
    return err;
}
