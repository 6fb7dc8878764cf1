/* SPDX-License-Identifier: MIT
 *
 * The population (sim/load/population.h) but for streams, pathways, meetings and faults: calendars, shapes, sizes, sites,
 * patients, messages, priors, staff. Indexes are those of the names: calendar 2 is the second calendar of the file. */
#include "src/scenario/bind.h"

#include <stdlib.h>

#define P(binder) ((binder)->scenario->population)

/* ---- Calendars. */

static const struct tree *calendar_key(const struct binder *binder, const struct tree *entry, const char *key, int depth)
{
    const struct tree *own = tree_get(entry, key), *base = tree_get(entry, "base");
    if (own != NULL || base == NULL || base->kind != TREE_TEXT || depth == 0) {
        return own;
    }
    return calendar_key(binder, tree_get(tree_get(binder->root, "calendars"), base->text.data), key, depth - 1);
}

/* True when a calendar takes from itself in the end. */
static bool takes_from_itself(const struct binder *binder, const struct tree *entry)
{
    const struct tree *calendars = tree_get(binder->root, "calendars"), *at = entry;
    for (size_t i = 0; i <= calendars->count && at != NULL; i++) {
        const struct tree *base = tree_get(at, "base");
        at = base == NULL || base->kind != TREE_TEXT ? NULL : tree_get(calendars, base->text.data);
        if (at == entry) {
            return true;
        }
    }
    return false;
}

static int by_day(const void *left, const void *right)
{
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    return a < b ? -1 : a > b;
}

static void bind_holidays(struct binder *binder, const struct tree *list, struct opening *opening)
{
    int32_t *days = bind_array(binder, (list == NULL ? 0 : list->count) + 1, sizeof *days);
    for (const struct tree *day = days == NULL ? NULL : list_first(list); day != NULL; day = day->next) {
        char text[32];
        time_ns at = 0;
        struct buffer buffer = buffer_over(text, sizeof text);
        buffer_put(&buffer, slice_before(day->text, 10));
        buffer_put_text(&buffer, "T00:00");
        if (day->kind == TREE_TEXT && value_stamp(buffer_slice(&buffer), SLICE("UTC"), &at) == STAMP_OK) {
            days[opening->holiday_count++] = (int32_t)(at / TIME_DAY);
        }
    }
    if (days != NULL) {
        qsort(days, opening->holiday_count, sizeof *days, by_day);
    }
    opening->holidays = days;
}

static void bind_calendar(struct binder *binder, const struct tree *entry, struct opening *opening)
{
    const struct tree *weekdays = calendar_key(binder, entry, "weekdays", 16), *hours = calendar_key(binder, entry, "hours", 16);
    time_ns from = 0, until = TIME_DAY;
    uint32_t acts_as = 6;
    opening->id = entry->key;
    for (const struct tree *day = list_first(weekdays); day != NULL; day = day->next) {
        uint32_t index = 0;
        if (value_weekday(day->text, &index)) {
            opening->weekdays |= (uint8_t)(1u << index);
        }
    }
    opening->weekdays = weekdays == NULL ? 0x7F : opening->weekdays;
    (void)value_hours(field_text(ROOT_SCENARIO, "calendars.*.hours", hours), &from, &until);
    opening->from_minute = (uint16_t)(from / TIME_MIN);
    opening->to_minute = (uint16_t)(until / TIME_MIN);
    (void)value_weekday(field_text(ROOT_SCENARIO, "calendars.*.holiday_acts_as", calendar_key(binder, entry, "holiday_acts_as", 16)), &acts_as);
    opening->holiday_acts_as = (uint8_t)acts_as;
    bind_holidays(binder, calendar_key(binder, entry, "holidays", 16), opening);
    if (takes_from_itself(binder, entry)) {
        (void)complain(binder->to, "P505", tree_get(entry, "base")->at, "calendar %s takes from itself in the end", quoted(entry->key).text);
    }
}

static void bind_calendars(struct binder *binder)
{
    const struct tree *calendars = tree_get(binder->root, "calendars");
    struct opening *openings = bind_array(binder, binder->names[NAMES_CALENDARS].count + 1, sizeof *openings);
    size_t count = 0;
    for (const struct tree *entry = openings == NULL ? NULL : map_first(calendars); entry != NULL; entry = entry->next) {
        bind_calendar(binder, entry, &openings[count++]);
    }
    P(binder).openings = openings;
    P(binder).opening_count = count;
}

/* ---- Shapes. Each is brought to the scale that the plan counts in: hours and days to a mean of 1, months and ramps as written. */

static const char *const day_words[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
static const char *const month_words[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};

static size_t put_named(const struct tree *entry, const char *const *words, size_t count, struct shape *shape)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        const struct tree *weight = tree_get(entry, words[i]);
        found += weight != NULL;
        shape->weights_micro[i] = field_integer(ROOT_SCENARIO, "shapes.*.mon", weight);
    }
    shape->count = count;
    return found;
}

static void put_listed(const struct tree *list, size_t from, size_t max, struct shape *shape)
{
    size_t at = from;
    for (const struct tree *weight = list_first(list); weight != NULL && at < max; weight = weight->next) {
        shape->weights_micro[at++] = field_integer(ROOT_SCENARIO, "shapes.*.weights[]", weight);
    }
    shape->count = at;
}

/* To a mean of 1. */
static bool normalise(struct shape *shape)
{
    __extension__ typedef __int128 wide;
    wide sum = 0;
    for (size_t i = 0; i < shape->count; i++) {
        sum += shape->weights_micro[i];
    }
    for (size_t i = 0; sum > 0 && i < shape->count; i++) {
        shape->weights_micro[i] = (int64_t)((wide)shape->weights_micro[i] * MILLION * (wide)shape->count / sum);
    }
    return sum > 0;
}

static void check_complete(struct binder *binder, const struct tree *entry, size_t found, size_t count, const char *what)
{
    if (found != count) {
        (void)complain(binder->to, "P310", entry->key_at, "shape %s has weights for %zu %s; all %zu are due", quoted(entry->key).text, found, what, count);
    }
}

static void bind_shape(struct binder *binder, const struct tree *entry, struct shape *shape)
{
    const struct tree *weights = tree_get(entry, "weights"), *ramp = tree_get(entry, "by_month");
    int64_t from = field_integer(ROOT_SCENARIO, "shapes.*.hours_from", tree_get(entry, "hours_from"));
    struct shape days = {.count = 0}, months = {.count = 0};
    size_t day_count = put_named(entry, day_words, 7, &days), month_count = put_named(entry, month_words, 12, &months);
    int kinds = (weights != NULL) + (ramp != NULL) + (day_count > 0) + (month_count > 0);
    if (kinds != 1) {
        (void)complain(binder->to, "P310", entry->key_at, "shape %s is one of weights, days, months, by_month; it has %d of them", quoted(entry->key).text, kinds);
    }
    if (weights != NULL) {
        shape->kind = SHAPE_HOURS;
        put_listed(weights, (size_t)from, 24, shape);
        if (weights->kind == TREE_LIST && (size_t)from + weights->count > 24) {
            (void)complain(binder->to, "P310", weights->at, "%zu weights from hour %lld on end behind the day: at most %lld fit", weights->count, (long long)from,
                           (long long)(24 - from));
        }
        shape->count = 24;
    } else if (ramp != NULL) {
        shape->kind = SHAPE_RAMP;
        put_listed(ramp, 0, 36, shape);
    } else if (day_count > 0) {
        *shape = days;
        shape->kind = SHAPE_DAYS;
        check_complete(binder, entry, day_count, 7, "days of the week");
    } else {
        *shape = months;
        shape->kind = SHAPE_MONTHS;
        check_complete(binder, entry, month_count, 12, "months");
    }
    shape->id = entry->key;
    if (shape->kind != SHAPE_RAMP && kinds == 1 && !normalise(shape)) {
        (void)complain(binder->to, "P310", entry->key_at, "every weight of shape %s is 0", quoted(entry->key).text);
    }
}

static void bind_shapes(struct binder *binder)
{
    const struct tree *shapes = tree_get(binder->root, "shapes");
    binder->shapes = bind_array(binder, binder->names[NAMES_SHAPES].count + 1, sizeof *binder->shapes);
    size_t count = 0;
    for (const struct tree *entry = binder->shapes == NULL ? NULL : map_first(shapes); entry != NULL; entry = entry->next) {
        bind_shape(binder, entry, &binder->shapes[count++]);
    }
}

const struct shape *bind_shape_of(struct binder *binder, const struct tree *name, enum shape_kind kind)
{
    static const char *const words[] = {[SHAPE_HOURS] = "hours of a day", [SHAPE_DAYS] = "days of a week", [SHAPE_MONTHS] = "months of a year", [SHAPE_RAMP] = "a ramp"};
    uint32_t index = bind_index(binder, NAMES_SHAPES, name);
    if (index == NONE || binder->shapes == NULL) {
        return NULL;
    }
    if (binder->shapes[index].kind != kind) {
        (void)complain(binder->to, "P310", name->at, "shape %s is over %s; one over %s is due", quoted(name->text).text, words[binder->shapes[index].kind], words[kind]);
        return NULL;
    }
    return &binder->shapes[index];
}

uint32_t bind_calendar_of(const struct binder *binder, const struct tree *name)
{
    return bind_index(binder, NAMES_CALENDARS, name);
}

/* ---- Sizes by modality. */

static void bind_sizes(struct binder *binder, const struct tree *entry, struct population_modality *modality)
{
    const struct tree *other = tree_get(entry, "other"), *first = map_first(other);
    modality->id = entry->key;
    modality->code = field_text(ROOT_SIZES, "code", tree_get(entry, "code"));
    modality->code = modality->code.size == 0 ? entry->key : modality->code;
    modality->other_code = first == NULL ? SLICE_EMPTY : first->key;
    modality->other_micro = field_integer(ROOT_SIZES, "other.*", first);
    bind_distribution(binder, ROOT_SIZES, "images", tree_get(entry, "images"), &modality->images);
    bind_distribution(binder, ROOT_SIZES, "series", tree_get(entry, "series"), &modality->series);
    bind_distribution(binder, ROOT_SIZES, "image", tree_get(entry, "image"), &modality->image_bytes);
}

static void bind_modalities(struct binder *binder)
{
    const struct tree *studies = tree_get(binder->root, "studies"), *growth = tree_get(studies, "growth");
    struct population_modality *modalities = bind_array(binder, binder->names[NAMES_MODALITIES].count + 1, sizeof *modalities);
    size_t count = 0;
    for (const struct tree *entry = modalities == NULL ? NULL : map_first(studies); entry != NULL; entry = entry->next) {
        if (studies_root(entry) == ROOT_SIZES) {
            bind_sizes(binder, entry, &modalities[count++]);
        }
    }
    if (count > LOAD_MODALITIES_MAX) {
        (void)complain(binder->to, "P303", studies->key_at, "%zu modalities have sizes; at most %d can", count, LOAD_MODALITIES_MAX);
    }
    P(binder).modalities = modalities;
    P(binder).modality_count = count;
    P(binder).exams_growth_micro = field_integer(ROOT_GROWTH, "exams", tree_get(growth, "exams"));
    P(binder).images_growth_micro = field_integer(ROOT_GROWTH, "images", tree_get(growth, "images"));
}

/* ---- Sites: each is a domain of its own. */

static uint32_t first_node(const struct scenario *scenario, uint32_t site, enum scenario_kind kind)
{
    for (size_t n = 0; n < scenario->node_count; n++) {
        const struct scenario_node *node = &scenario->nodes[n];
        if (node->kind == kind && node->site == site && !node->unknown && !node->external) {
            return (uint32_t)n;
        }
    }
    return NONE_OF;
}

uint32_t bind_ris(const struct scenario *scenario)
{
    for (size_t n = 0; n < scenario->node_count; n++) {
        if (scenario->nodes[n].kind == KIND_RIS) {
            return (uint32_t)n;
        }
    }
    return NONE_OF;
}

/* A node that the file names for a purpose, or the first of its kind at the site. */
static uint32_t named_node(struct binder *binder, const struct tree *entry, const char *key, uint32_t otherwise, bool viewers)
{
    const struct tree *name = tree_get(entry, key);
    uint32_t node = bind_index(binder, NAMES_NODES, name);
    if (node == NONE || node >= binder->scenario->node_count) {
        return otherwise;
    }
    enum scenario_kind kind = binder->scenario->nodes[node].kind;
    if (kind != KIND_PACS && !(viewers && kind == KIND_VIEWER)) {
        (void)complain(binder->to, "P209", name->at, "%s cannot be that: it is for a pacs%s", quoted(name->text).text, viewers ? " or viewer" : "");
    }
    return node;
}

static void bind_site(struct binder *binder, const struct tree *entry, uint32_t index, struct population_site *site, struct population_domain *domain)
{
    struct scenario *scenario = binder->scenario;
    const struct site *known = &scenario->sites[index];
    const struct tree *mix = tree_get(entry, "mix");
    *domain = (struct population_domain){known->issuer, known->accession, known->accession_pattern, bind_ris(scenario)};
    if (domain->accession.size == 0) {
        struct buffer buffer = buffer_make(binder->arena, 16);
        buffer_put(&buffer, known->accession);
        buffer_put_text(&buffer, "########");
        domain->accession = buffer_slice(&buffer);
    }
    *site = (struct population_site){.id = known->id, .domain = index, .exams_micro = known->exams_micro};
    site->mix_micro = bind_by_modality(binder, mix);
    site->enrolled_micro = bind_by_modality(binder, tree_get(entry, "enrolled"));
    (void)bind_sum_is_one(binder, mix, "sites", entry->key, "mix");
    site->pacs = named_node(binder, entry, "pacs", first_node(scenario, index, KIND_PACS), false);
    site->viewer = named_node(binder, entry, "viewer", first_node(scenario, index, KIND_VIEWER), true);
    site->reading = named_node(binder, entry, "reading", NONE_OF, true);
    if (known->exams_micro > 0 && site->pacs == NONE_OF) {
        (void)complain(binder->to, "P503", entry->key_at, "%s has examinations, but no PACS that would keep them", quoted(known->id).text);
    }
}

/* Hospitals stand behind the sites: examinations come to them, under the numbers of their site. */
static size_t bind_hospitals(struct binder *binder, const struct tree *entry, const struct population_site *site, struct population_site *list)
{
    size_t count = 0;
    for (const struct tree *row = map_first(tree_get(entry, "hospitals")); row != NULL; row = row->next) {
        const struct tree *mix = tree_get(row, "mix");
        struct population_site *hospital = &list[count++];
        *hospital = *site;
        hospital->id = row->key;
        hospital->exams_micro = field_integer(ROOT_SCENARIO, "sites.*.hospitals.*.exams", tree_get(row, "exams"));
        hospital->mix_micro = bind_by_modality(binder, mix);
        (void)bind_sum_is_one(binder, mix, "hospitals", row->key, "mix");
    }
    const struct tree *odd = tree_get(entry, "exams") != NULL ? tree_get(entry, "exams") : tree_get(entry, "mix");
    if (count > 0 && odd != NULL) {
        (void)complain(binder->to, "P213", odd->key_at, "`%.*s` of %s is that of its hospitals", SLICE_ARGS(odd->key), quoted(entry->key).text);
    }
    return count;
}

static size_t hospitals_in(const struct tree *sites)
{
    size_t count = 0;
    for (const struct tree *entry = map_first(sites); entry != NULL; entry = entry->next) {
        const struct tree *hospitals = tree_get(entry, "hospitals");
        count += hospitals == NULL ? 0 : hospitals->count;
    }
    return count;
}

static void bind_sites(struct binder *binder)
{
    struct scenario *scenario = binder->scenario;
    size_t hospitals = 0;
    struct population_site *sites = bind_array(binder, scenario->site_count + hospitals_in(tree_get(binder->root, "sites")) + 1, sizeof *sites);
    struct population_domain *domains = bind_array(binder, scenario->site_count + 1, sizeof *domains);
    uint32_t count = 0;
    for (const struct tree *entry = sites == NULL || domains == NULL ? NULL : map_first(tree_get(binder->root, "sites")); entry != NULL && count < scenario->site_count;
         entry = entry->next) {
        bind_site(binder, entry, count, &sites[count], &domains[count]);
        hospitals += bind_hospitals(binder, entry, &sites[count], &sites[scenario->site_count + hospitals]);
        count++;
    }
    P(binder).sites = sites;
    P(binder).domains = domains;
    P(binder).domain_count = count;
    P(binder).site_count = scenario->site_count + hospitals;
    if (P(binder).site_count > LOAD_SITES_MAX) {
        (void)complain(binder->to, "P303", tree_get(binder->root, "sites")->key_at, "more than %d sites and hospitals", LOAD_SITES_MAX);
    }
}

/* ---- Patients. */

static int64_t patient(const struct tree *patients, const char *group, const char *key)
{
    char path[64];
    struct buffer buffer = buffer_over(path, sizeof path - 1);
    buffer_put_text(&buffer, "patients.");
    buffer_put_text(&buffer, group);
    buffer_put_text(&buffer, group[0] == '\0' ? "" : ".");
    buffer_put_text(&buffer, key);
    path[buffer.size] = '\0';
    return field_integer(ROOT_SCENARIO, path, tree_get(group[0] == '\0' ? patients : tree_get(patients, group), key));
}

static void bind_affinity(struct binder *binder, const struct tree *affinity)
{
    size_t count = 0, max = 0;
    for (const struct tree *from = map_first(affinity); from != NULL; from = from->next) {
        max += from->count;
    }
    struct population_affinity *rows = bind_array(binder, max + 1, sizeof *rows);
    for (const struct tree *from = rows == NULL ? NULL : map_first(affinity); from != NULL; from = from->next) {
        for (const struct tree *to = map_first(from); to != NULL; to = to->next) {
            uint32_t domain = 0, other = 0;
            const struct map *map = &binder->names[NAMES_SITES].map;
            if (!map_find(map, from->key, &domain) || !map_find(map, to->key, &other)) {
                continue;
            }
            if (domain == other) {
                (void)complain(binder->to, "P503", to->key_at, "%s stands beside itself (patients.affinity)", quoted(to->key).text);
                continue;
            }
            rows[count++] = (struct population_affinity){domain, other, field_integer(ROOT_SCENARIO, "patients.affinity.*.*", to)};
        }
    }
    P(binder).patients.affinity = rows;
    P(binder).patients.affinity_count = count;
}

static const int64_t *by_site(struct binder *binder, const struct tree *map)
{
    int64_t *list = map == NULL || map->kind != TREE_MAP ? NULL : bind_array(binder, binder->scenario->site_count + 1, sizeof *list);
    for (size_t s = 0; list != NULL && s < binder->scenario->site_count; s++) {
        const struct tree *own = tree_get(map, binder->scenario->sites[s].id.data);
        list[s] = own == NULL ? P(binder).patients.at_two_micro : field_integer(ROOT_SCENARIO, "patients.at_two_by.*", own);
    }
    return list;
}

static void bind_patients(struct binder *binder, const struct tree *tree)
{
    struct population_patients *patients = &P(binder).patients;
    patients->count = patient(tree, "", "count");
    patients->nhs_missing_micro = patient(tree, "national_id", "missing");
    patients->nhs_wrong_micro = patient(tree, "national_id", "wrong");
    patients->at_two_micro = patient(tree, "", "at_two_sites");
    patients->at_two_by_micro = by_site(binder, tree_get(tree, "at_two_by"));
    patients->hard_letters_micro = patient(tree, "names", "hard_letters");
    patients->accents_micro = patient(tree, "names", "accents");
    patients->twins_micro = patient(tree, "", "twins");
    patients->maiden_micro = patient(tree, "", "maiden");
    patients->duplicates_micro = patient(tree, "", "duplicates");
    patients->merges_micro = patient(tree, "", "merges");
    patients->unmerges_micro = patient(tree, "", "unmerges");
    patients->enrolled_micro = bind_by_modality(binder, tree_get(tree, "enrolled"));
    patients->enrolled_only = true;
    bind_affinity(binder, tree_get(tree, "affinity"));
    if (patients->unmerges_micro > patients->merges_micro) {
        (void)complain(binder->to, "P303", tree_get(tree, "unmerges")->at, "more merges are taken back than there are merges (patients.merges)");
    }
}

static void bind_priors(struct binder *binder, const struct tree *tree)
{
    struct population_priors *priors = &P(binder).priors;
    bind_distribution(binder, ROOT_SCENARIO, "patients.priors.count", tree_get(tree, "count"), &priors->count);
    bind_distribution(binder, ROOT_SCENARIO, "patients.priors.age", tree_get(tree, "age"), &priors->age);
    priors->remote_micro = field_integer(ROOT_SCENARIO, "patients.priors.remote", tree_get(tree, "remote"));
    priors->mix_micro = bind_by_modality(binder, tree_get(tree, "mix"));
    priors->reports = field_integer(ROOT_SCENARIO, "patients.priors.reports", tree_get(tree, "reports")) != 0;
    priors->calendar = NONE_OF;
    priors->at = binder->scenario->start;
    (void)bind_sum_is_one(binder, tree_get(tree, "mix"), "patients", SLICE("priors"), "mix");
}

/* ---- Messages: what the file does not say is as population_defaults says. */

static void bind_messages(struct binder *binder, const struct tree *tree)
{
    struct population_messages *messages = &P(binder).messages;
    const struct {
        const char *key, *path;
        int64_t *mean;
        struct distribution *after;
    } rows[] = {
#define MEAN(key) {#key, "messages." #key, &messages->key##_micro, NULL}
#define AFTER(key) {#key, "messages." #key, NULL, &messages->key}
        MEAN(register),         MEAN(update),       MEAN(schedule),     MEAN(arrive),           MEAN(preliminary),   MEAN(final),
        MEAN(corrected),        AFTER(schedule_after), AFTER(complete_after), AFTER(store_after), AFTER(late_after), AFTER(reject_after),
        AFTER(corrected_after), AFTER(look_after),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct tree *said = tree_get(tree, rows[i].key);
        if (said != NULL && rows[i].mean != NULL) {
            *rows[i].mean = field_integer(ROOT_SCENARIO, rows[i].path, said);
        } else if (said != NULL) {
            bind_distribution(binder, ROOT_SCENARIO, rows[i].path, said, rows[i].after);
        }
    }
}

/* ---- Staff. */

static enum staff_role role_of(struct binder *binder, const struct tree *entry)
{
    static const char *const words[] = {"readers", "radiographers", "coordinators"};
    slice role = field_text(ROOT_STAFF, "role", tree_get(entry, "role"));
    role = role.size > 0 ? role : slice_before(entry->key, slice_index(entry->key, '_'));
    for (size_t i = 0; i < 3; i++) {
        if (slice_equal(role, slice_from(words[i]))) {
            return (enum staff_role)i;
        }
    }
    (void)complain(binder->to, "P207", entry->key_at, "%s does not say what they do; begin the name with readers_, radiographers_ or coordinators_, or give a `role`",
                   quoted(entry->key).text);
    return STAFF_READERS;
}

static void bind_staff(struct binder *binder)
{
    const struct tree *people = tree_get(binder->root, "people");
    size_t max = 0, count = 0;
    for (const struct tree *entry = map_first(people); entry != NULL; entry = entry->next) {
        max += people_root(entry) == ROOT_STAFF;
    }
    struct population_staff *list = bind_array(binder, max + 1, sizeof *list);
    for (const struct tree *entry = list == NULL ? NULL : map_first(people); entry != NULL; entry = entry->next) {
        if (people_root(entry) != ROOT_STAFF) {
            continue;
        }
        struct population_staff *staff = &list[count++];
        staff->id = entry->key;
        staff->role = role_of(binder, entry);
        staff->sites = bind_indexes(binder, NAMES_SITES, tree_get(entry, "site"), &staff->site_count);
        staff->count_micro = field_integer(ROOT_STAFF, "count", tree_get(entry, "count"));
        staff->otherwise_micro = field_integer(ROOT_STAFF, "otherwise", tree_get(entry, "otherwise"));
        staff->calendar = bind_calendar_of(binder, tree_get(entry, "calendar"));
    }
    P(binder).staff = list;
    P(binder).staff_count = count;
}

static void bind_nodes(struct binder *binder)
{
    struct scenario *scenario = binder->scenario;
    slice *nodes = bind_array(binder, scenario->node_count + 1, sizeof *nodes), *titles = bind_array(binder, scenario->node_count + 1, sizeof *titles);
    for (size_t n = 0; nodes != NULL && titles != NULL && n < scenario->node_count; n++) {
        nodes[n] = scenario->nodes[n].id;
        titles[n] = scenario->nodes[n].aet;
    }
    P(binder).nodes = nodes;
    P(binder).titles = titles;
    P(binder).node_count = scenario->node_count;
}

void bind_population(struct binder *binder)
{
    const struct tree *patients = tree_get(binder->root, "patients");
    population_defaults(&P(binder));
    (void)zone_from_text(binder->walk.zone, &P(binder).zone);
    bind_nodes(binder);
    bind_calendars(binder);
    bind_shapes(binder);
    bind_modalities(binder);
    bind_sites(binder);
    bind_patients(binder, patients);
    bind_priors(binder, tree_get(patients, "priors"));
    bind_messages(binder, tree_get(binder->root, "messages"));
    bind_staff(binder);
}
