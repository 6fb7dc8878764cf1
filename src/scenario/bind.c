/* SPDX-License-Identifier: MIT */
#include "src/scenario/bind.h"

#include "src/scenario/profile.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Small tools of all binders. */

void *bind_array(struct binder *binder, size_t count, size_t size)
{
    void *memory = arena_array(binder->arena, count, size);
    if (memory == NULL) {
        binder->err = ERR_LIMIT;
    }
    return memory;
}

slice bind_copy(struct binder *binder, slice text)
{
    slice copy = arena_copy(binder->arena, text);
    if (copy.data == NULL) {
        binder->err = ERR_LIMIT;
        return SLICE_EMPTY;
    }
    return copy;
}

slice bind_text(struct binder *binder, const struct buffer *buffer)
{
    return bind_copy(binder, buffer_slice(buffer));
}

uint32_t bind_index(const struct binder *binder, enum name_kind kind, const struct tree *name)
{
    uint32_t index = NONE;
    if (name == NULL || name->kind != TREE_TEXT || !map_find(&binder->names[kind].map, name->text, &index)) {
        return NONE;
    }
    return index;
}

void bind_explain(struct binder *binder, const char *group, slice id, const char *key, slice value, const char *origin)
{
    char path[160];
    int size = snprintf(path, sizeof path, "%s.%.*s.%s", group, SLICE_ARGS(id), key);
    struct explained *line = arena_alloc(binder->arena, sizeof *line);
    if (line == NULL || size < 0 || binder->walk.explained_tail == NULL) {
        return;
    }
    *line = (struct explained){bind_copy(binder, slice_from(path)), value, slice_from(origin), NULL};
    *binder->walk.explained_tail = line;
    binder->walk.explained_tail = &line->next;
}

/* ---- Names. */

static void begin_names(struct binder *binder, enum name_kind kind, size_t max, const struct tree *declared)
{
    struct span at = declared == NULL ? (struct span){0, 0, 0} : declared->key_at;
    if (names_begin(&binder->walk, &binder->names[kind], kind, max, at) != ERR_OK) {
        binder->err = ERR_LIMIT;
    }
}

/* Where the declarations themselves are wrong, every use of them would be complained of too. */
static void forget_if_broken(struct binder *binder, enum name_kind kind, const struct tree *map, bool usable)
{
    bool required = kind == NAMES_SITES || kind == NAMES_NODES;
    if (!usable && (map != NULL || required)) {
        binder->walk.names[kind] = NULL;
    }
}

/* What stands in a group beside the things that it is of. */
static bool is_of_kind(enum name_kind kind, const struct tree *entry)
{
    bool shared = slice_equal(entry->key, SLICE("defaults"));
    switch (kind) {
    case NAMES_STUDIES:
        return studies_root(entry) == ROOT_EXAM;
    case NAMES_MODALITIES:
        return studies_root(entry) == ROOT_SIZES;
    case NAMES_LINKS:
    case NAMES_MEETINGS:
        return !shared;
    default:
        return true;
    }
}

static void name_keys(struct binder *binder, enum name_kind kind, const char *group, slice also)
{
    const struct tree *map = tree_get(binder->root, group);
    bool usable = map != NULL && map->kind == TREE_MAP;
    begin_names(binder, kind, usable ? map->count + 1 : 1, map);
    for (const struct tree *entry = usable ? map->first : NULL; entry != NULL && binder->err == ERR_OK; entry = entry->next) {
        if (is_of_kind(kind, entry)) {
            (void)names_put(&binder->names[kind], entry->key);
        }
    }
    if (also.size > 0) {
        (void)names_put(&binder->names[kind], also);
    }
    forget_if_broken(binder, kind, map, usable);
}

/* Sites, then nodes: where something can be sent. */
static void name_places(struct binder *binder)
{
    const struct names *sites = &binder->names[NAMES_SITES], *nodes = &binder->names[NAMES_NODES];
    begin_names(binder, NAMES_PLACES, sites->count + nodes->count, tree_get(binder->root, "sites"));
    for (size_t i = 0; i < sites->count; i++) {
        (void)names_put(&binder->names[NAMES_PLACES], sites->list[i]);
    }
    for (size_t i = 0; i < nodes->count; i++) {
        (void)names_put(&binder->names[NAMES_PLACES], nodes->list[i]);
    }
    if (binder->walk.names[NAMES_SITES] == NULL || binder->walk.names[NAMES_NODES] == NULL) {
        binder->walk.names[NAMES_PLACES] = NULL;
    }
}

size_t people_in(const struct tree *entry)
{
    switch (people_root(entry)) {
    case ROOT_PERSON:
        return 1;
    case ROOT_CROWD:
        return (size_t)field_integer(ROOT_CROWD, "count", tree_get(entry, "count"));
    default:
        return 0;
    }
}

/* A crowd is as many people as it counts: crowd-1, crowd-2, ... */
static void name_people(struct binder *binder)
{
    const struct tree *map = tree_get(binder->root, "people");
    bool usable = map != NULL && map->kind == TREE_MAP;
    size_t count = 0;
    for (const struct tree *entry = usable ? map->first : NULL; entry != NULL; entry = entry->next) {
        count += people_in(entry);
    }
    begin_names(binder, NAMES_PEOPLE, count, map);
    for (const struct tree *entry = usable ? map->first : NULL; entry != NULL && binder->err == ERR_OK; entry = entry->next) {
        if (people_root(entry) == ROOT_PERSON) {
            (void)names_put(&binder->names[NAMES_PEOPLE], entry->key);
        }
        for (size_t i = 1; people_root(entry) == ROOT_CROWD && i <= people_in(entry); i++) {
            char name[64];
            snprintf(name, sizeof name, "%.*s-%zu", SLICE_ARGS(slice_before(entry->key, 40)), i);
            slice made = bind_copy(binder, slice_from(name));
            if (!names_put(&binder->names[NAMES_PEOPLE], made)) {
                (void)complain(binder->to, "P205", entry->key_at, "%s makes a person %s, and there is one of that name", quoted(entry->key).text,
                               quoted(made).text);
            }
        }
    }
    forget_if_broken(binder, NAMES_PEOPLE, map, usable);
}

/* The ids of a list. */
static void name_ids(struct binder *binder, enum name_kind kind, const char *group)
{
    const struct tree *list = tree_get(binder->root, group);
    bool usable = list != NULL && list->kind == TREE_LIST;
    begin_names(binder, kind, usable ? list->count : 0, list);
    for (const struct tree *entry = usable ? list->first : NULL; entry != NULL && binder->err == ERR_OK; entry = entry->next) {
        const struct tree *id = tree_get(entry, "id");
        if (id != NULL && id->kind == TREE_TEXT) {
            (void)names_put(&binder->names[kind], id->text);
        }
    }
}

static void name_rows(struct binder *binder, enum name_kind kind, const char *const *rows, size_t count)
{
    if (names_rows(&binder->walk, &binder->names[kind], kind, rows, count) != ERR_OK) {
        binder->err = ERR_LIMIT;
    }
}

/* The rows of the table, and NODE.available. */
static void name_measures(struct binder *binder, const char *const *rows, size_t count)
{
    const struct names *nodes = &binder->names[NAMES_NODES];
    begin_names(binder, NAMES_MEASURES, count + nodes->count, NULL);
    for (size_t i = 0; i < count && binder->err == ERR_OK; i++) {
        (void)names_put(&binder->names[NAMES_MEASURES], slice_from(rows[i]));
    }
    for (size_t i = 0; i < nodes->count && binder->err == ERR_OK; i++) {
        struct buffer buffer = buffer_make(binder->arena, nodes->list[i].size + 10);
        buffer_put(&buffer, nodes->list[i]);
        buffer_put_text(&buffer, ".available");
        (void)names_put(&binder->names[NAMES_MEASURES], buffer_slice(&buffer));
    }
}

void bind_names(struct binder *binder)
{
    static const char *const events[] = {
#define OBSERVATION(name, text, fields) #name,
#include "src/actor/observation.def"
#undef OBSERVATION
    };
    static const char *const invariants[] = {
#define INVARIANT_NAME(name, number) name,
#include "src/scenario/words.def"
#define INVARIANT_NAME(name, number) number,
#include "src/scenario/words.def"
    };
    static const char *const counts[] = {
#define COUNT_NAME(name) name,
#include "src/scenario/words.def"
    };
    static const char *const situations[] = {
#define SITUATION_NAME(name, text) name,
#include "src/scenario/words.def"
    };
    static const char *const measures[] = {
#define MEASURE_NAME(name, kind, text) name,
#include "src/scenario/words.def"
    };
    static const char *const series[] = {
#define SERIES_NAME(name, text) name,
#include "src/scenario/words.def"
    };
    static const char *const quirks[] = {
#define QUIRK(name, q_name, layer, parameter, type, fallback, text) #name,
#include "sim/node/quirks.def"
#undef QUIRK
    };
    static const struct {
        enum name_kind kind;
        const char *group;
        slice also;
    } groups[] = {{NAMES_SITES, "sites", {NULL, 0}},         {NAMES_NODES, "nodes", {NULL, 0}},       {NAMES_STUDIES, "studies", {NULL, 0}},
                  {NAMES_MODALITIES, "studies", {NULL, 0}},  {NAMES_CALENDARS, "calendars", {NULL, 0}}, {NAMES_SHAPES, "shapes", {NULL, 0}},
                  {NAMES_PATHWAYS, "pathways", {NULL, 0}},   {NAMES_MEETINGS, "meetings", {"any", 3}}, {NAMES_LINKS, "links", {"all", 3}},
                  {NAMES_FAULTS, "faults", {NULL, 0}},       {NAMES_PARAMS, "params", {NULL, 0}}};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        name_keys(binder, groups[i].kind, groups[i].group, groups[i].also);
    }
    name_places(binder);
    name_people(binder);
    name_ids(binder, NAMES_STEPS, "story");
    name_ids(binder, NAMES_CHANGES, "timeline");
    name_rows(binder, NAMES_EVENTS, events, sizeof events / sizeof events[0]);
    name_rows(binder, NAMES_INVARIANTS, invariants, sizeof invariants / sizeof invariants[0]);
    name_rows(binder, NAMES_COUNTS, counts, sizeof counts / sizeof counts[0]);
    name_rows(binder, NAMES_SITUATIONS, situations, sizeof situations / sizeof situations[0]);
    name_measures(binder, measures, sizeof measures / sizeof measures[0]);
    name_rows(binder, NAMES_SERIES, series, sizeof series / sizeof series[0]);
    name_rows(binder, NAMES_QUIRKS, quirks, sizeof quirks / sizeof quirks[0]);
}

/* Sizes are named by a modality in capitals, or have what only they have; whoever is examined is a person. */
enum field_root studies_root(const struct tree *entry)
{
    if (slice_equal(entry->key, SLICE("growth"))) {
        return ROOT_GROWTH;
    }
    bool capitals = entry->key.size > 0 && entry->key.size <= 4;
    for (size_t i = 0; i < entry->key.size; i++) {
        capitals = capitals && entry->key.data[i] >= 'A' && entry->key.data[i] <= 'Z';
    }
    bool exam = tree_get(entry, "person") != NULL || tree_get(entry, "at") != NULL || tree_get(entry, "date") != NULL;
    return !exam && (capitals || tree_get(entry, "image") != NULL) ? ROOT_SIZES : ROOT_EXAM;
}

enum field_root people_root(const struct tree *entry)
{
    return tree_get(entry, "site") != NULL ? ROOT_STAFF : tree_get(entry, "count") != NULL ? ROOT_CROWD : ROOT_PERSON;
}

enum field_root bind_variant(void *self, const struct field *field, const struct tree *tree)
{
    static const struct {
        const char *kind;
        enum field_root root;
    } roots[] = {{"ris", ROOT_RIS}, {"viewer", ROOT_VIEWER}, {"pacs", ROOT_PACS}, {"engine", ROOT_HUB}};
    const struct binder *binder = self;
    if (strcmp(field->path, "people.*") == 0) {
        return people_root(tree);
    }
    if (strcmp(field->path, "studies.*") == 0) {
        return studies_root(tree);
    }
    if (strcmp(field->refers, "STEP") == 0) {
        return ROOT_STEP;
    }
    const struct tree *nodes = tree_get(binder->root, "nodes"), *node = NULL;
    for (const struct tree *entry = nodes == NULL || nodes->kind != TREE_MAP ? NULL : nodes->first; entry != NULL; entry = entry->next) {
        node = slice_equal(entry->key, tree->key) ? entry : node;
    }
    const struct tree *kind = tree_get(node, "kind");
    for (size_t i = 0; kind != NULL && i < sizeof roots / sizeof roots[0]; i++) {
        if (slice_equal(kind->text, slice_from(roots[i].kind))) {
            return roots[i].root;
        }
    }
    return ROOT_COUNT; /* no node of that name, or one without a kind: bind_story complains */
}

/* ---- run: and scenario: */

static void bind_wire(struct binder *binder, const struct tree *wire)
{
    struct scenario *scenario = binder->scenario;
    int64_t speed = field_integer(ROOT_SCENARIO, "run.wire.speed", tree_get(wire, "speed"));
    scenario->speed = binder->options->speed > 0 ? binder->options->speed : speed;
    scenario->pixels_tiny = slice_equal(field_text(ROOT_SCENARIO, "run.wire.pixels", tree_get(wire, "pixels")), SLICE("tiny"));
    scenario->pixels_full = slice_equal(field_text(ROOT_SCENARIO, "run.wire.pixels", tree_get(wire, "pixels")), SLICE("full"));
    scenario->bind = field_text(ROOT_SCENARIO, "run.wire.bind", tree_get(wire, "bind"));
    const struct tree *base = tree_get(tree_get(wire, "ports"), "base"), *bind = tree_get(wire, "bind");
    scenario->port_base = base == NULL ? 0 : (uint16_t)field_integer(ROOT_SCENARIO, "run.wire.ports.base", base);
    if (bind != NULL && value_is_address(scenario->bind) && !value_is_loopback(scenario->bind)) {
        (void)complain_softly(binder->to, "P801", bind->at, "%s is beyond loopback: other machines can reach this world; it also needs --allow-network",
                              quoted(scenario->bind).text);
    }
}

static time_ns checkpoint_of(slice word)
{
    static const struct {
        const char *word;
        time_ns every;
    } words[] = {{"hourly", TIME_HOUR}, {"daily", TIME_DAY}, {"weekly", 7 * TIME_DAY}, {"monthly", 30 * TIME_DAY}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (slice_equal(word, slice_from(words[i].word))) {
            return words[i].every;
        }
    }
    return 0;
}

static void bind_window(struct binder *binder, const struct tree *run)
{
    struct scenario *scenario = binder->scenario;
    const struct tree *measure = tree_get(run, "measure"), *from = tree_get(measure, "from"), *until = tree_get(measure, "until"), *limits = tree_get(run, "limits");
    scenario->length = field_integer(ROOT_SCENARIO, "run.clock.length", tree_get(tree_get(run, "clock"), "length"));
    scenario->drain = field_integer(ROOT_SCENARIO, "run.drain", tree_get(run, "drain"));
    scenario->checkpoint_every = checkpoint_of(field_text(ROOT_SCENARIO, "run.checkpoints", tree_get(run, "checkpoints")));
    scenario->events_limit = (uint64_t)field_integer(ROOT_SCENARIO, "run.limits.events", tree_get(limits, "events"));
    scenario->memory_limit = (uint64_t)field_integer(ROOT_SCENARIO, "run.limits.memory", tree_get(limits, "memory"));
    scenario->measure_from = scenario->start;
    (void)bind_instant(binder, from, measure, &scenario->measure_from);
    if (bind_instant(binder, until, measure, &scenario->measure_until) && scenario->measure_until <= scenario->measure_from) {
        (void)complain(binder->to, "P405", until->at, "the window would end before it begins (run.measure)");
    } else if (from != NULL && scenario->length > 0 && scenario->measure_from >= scenario->start + scenario->length) {
        (void)complain(binder->to, "P405", from->at, "nothing would be measured: the run ends before (run.clock.length)");
    }
}

void bind_run(struct binder *binder)
{
    struct scenario *scenario = binder->scenario;
    const struct tree *head = tree_get(binder->root, "scenario"), *run = tree_get(binder->root, "run"), *clock = tree_get(run, "clock");
    scenario->id = field_text(ROOT_SCENARIO, "scenario.id", tree_get(head, "id"));
    scenario->title = field_text(ROOT_SCENARIO, "scenario.title", tree_get(head, "title"));
    scenario->note = field_text(ROOT_SCENARIO, "scenario.note", tree_get(head, "note"));
    scenario->title = scenario->title.size == 0 ? scenario->id : scenario->title;
    scenario->world = field_text(ROOT_SCENARIO, "run.world", tree_get(run, "world"));
    scenario->seed = binder->options->seed_given ? binder->options->seed : (uint64_t)field_integer(ROOT_SCENARIO, "run.seed", tree_get(run, "seed"));
    slice start = field_text(ROOT_SCENARIO, "run.clock.start", tree_get(clock, "start"));
    const struct tree *said = tree_get(clock, "start");
    static const struct tree unsaid = {.kind = TREE_TEXT};
    scenario->zone = binder->walk.zone;
    if (!bind_stamp(binder, start, said == NULL ? &unsaid : said, clock, &scenario->start)) {
        (void)value_stamp(slice_from(field_find(ROOT_SCENARIO, "run.clock.start")->fallback), SLICE("UTC"), &scenario->start);
    }
    scenario->wall_limit = field_integer(ROOT_SCENARIO, "run.limits.wall", tree_get(tree_get(run, "limits"), "wall"));
    bind_wire(binder, tree_get(run, "wire"));
    bind_window(binder, run);
}

/* ---- sites: */

static void complain_of_twin(struct binder *binder, const char *rule, const struct tree *entry, const char *what, slice value, slice other, struct mark other_mark)
{
    struct problem *added = complain(binder->to, rule, entry->at.line > 0 && entry->kind == TREE_TEXT ? entry->at : entry->key_at,
                                     "%s %s is already that of %s; choose another", what, quoted(value).text, quoted(other).text);
    problem_relate(added, (struct span){other_mark.line, other_mark.column, 0}, "it is used here");
}

static void bind_site(struct binder *binder, const struct tree *entry, struct site *site)
{
    const struct tree *issuer = tree_get(entry, "issuer"), *accession = tree_get(entry, "accession");
    site->id = entry->key;
    site->mark = (struct mark){entry->key_at.line, entry->key_at.column};
    site->name = field_text(ROOT_SCENARIO, "sites.*.name", tree_get(entry, "name"));
    site->name = site->name.size == 0 ? site->id : site->name;
    site->issuer = field_text(ROOT_SCENARIO, "sites.*.issuer", issuer);
    site->accession = field_text(ROOT_SCENARIO, "sites.*.accession", accession);
    site->exams_micro = field_integer(ROOT_SCENARIO, "sites.*.exams", tree_get(entry, "exams"));
    if (accession != NULL && slice_index(site->accession, '#') < site->accession.size) {
        site->accession_pattern = site->accession; /* its letters are then those of the issuer */
        accession = NULL;
    }
    const struct tree *letters = accession == NULL ? issuer : accession;
    if (accession == NULL) {
        site->accession = slice_before(site->issuer, 3);
        bind_explain(binder, "sites", site->id, "accession", site->accession, "from its issuer");
    }
    for (size_t i = 0; i < site->accession.size && letters != NULL && letters->kind == TREE_TEXT; i++) {
        if (site->accession.size != 3 || site->accession.data[i] < 'A' || site->accession.data[i] > 'Z') {
            (void)complain(binder->to, "P307", letters->at, "the letters before accession numbers of %s are three capitals, as CAV", quoted(site->id).text);
            break;
        }
    }
    for (const struct site *other = binder->scenario->sites; other < site; other++) {
        if (issuer != NULL && site->issuer.size > 0 && slice_equal(other->issuer, site->issuer)) {
            complain_of_twin(binder, "P212", issuer, "issuer", site->issuer, other->id, other->mark);
        } else if (letters != NULL && site->accession.size > 0 && slice_equal(other->accession, site->accession)) {
            complain_of_twin(binder, "P212", letters, "the accession prefix", site->accession, other->id, other->mark);
        }
    }
}

static size_t entries(const struct tree *map, size_t max)
{
    size_t count = map == NULL || map->kind != TREE_MAP ? 0 : map->count;
    return count < max ? count : max;
}

/* ---- nodes: */

static void name_title(struct binder *binder, const struct tree *entry, struct scenario_node *node)
{
    const struct tree *aet = tree_get(entry, "aet");
    node->aet = field_text(ROOT_SCENARIO, "nodes.*.aet", aet);
    if (aet != NULL) {
        return;
    }
    char *title = bind_array(binder, 41, 1);
    for (size_t i = 0; title != NULL && i < node->id.size && i < 40; i++) {
        char c = node->id.data[i];
        title[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    node->aet = node->kind == KIND_ENGINE ? SLICE("PONT") : slice_from(title);
    if (node->aet.size > 16) {
        (void)complain(binder->to, "P211", entry->key_at, "%s in capitals is no AE title: more than 16 characters; give the node an `aet`", quoted(node->id).text);
        return;
    }
    bind_explain(binder, "nodes", node->id, "aet", node->aet, node->kind == KIND_ENGINE ? "built in" : "from its id");
}

static const struct vendor_profile *read_profile(struct binder *binder, struct span at, slice name, slice path)
{
    struct problems *problems = calloc(1, sizeof *problems);
    struct vendor_profile *profile = NULL;
    enum err err = problems == NULL ? ERR_LIMIT : vendor_read(&profile, name, binder->options, problems, binder->arena);
    if (err == ERR_NOT_FOUND) {
        *problems = (struct problems){.count = 0};
        err = vendor_read_beside(&profile, name, binder->to->file, binder->options, problems, binder->arena);
    }
    if (err == ERR_NOT_FOUND) {
        static const char *const shipped[] = {"fuji", "agfa", "insignia", "carestream", "ge", "ferrania", "plain"};
        struct nearest nearest = nearest_begin(name);
        for (size_t i = 0; i < sizeof shipped / sizeof shipped[0]; i++) {
            nearest_try(&nearest, slice_from(shipped[i]));
        }
        (void)complain(binder->to, "P210", at, "there is no vendor profile %s (%.*s)%s%s", quoted(name).text, SLICE_ARGS(path), nearest_hint(&nearest).text,
                       nearest.distance == SIZE_MAX ? "; fuji agfa insignia carestream ge ferrania plain are shipped" : "");
    } else if (err == ERR_LIMIT) {
        binder->err = err;
    } else if (err != ERR_OK) {
        (void)complain(binder->to, "P210", at, "the vendor profile %s has errors; see pont check %s", quoted(name).text,
                       problems != NULL && problems->count > 0 ? problems->list[0].error.file : "on it");
    }
    free(problems);
    return profile;
}

const struct vendor_profile *bind_profile_named(struct binder *binder, const struct tree *at, slice name, const char *path)
{
    return read_profile(binder, at->at, name, slice_from(path));
}

/* Quirks beside those of the profile, or fewer: the node then has a profile of its own. */
static void bend_profile(struct binder *binder, const struct tree *quirks, struct scenario_node *node)
{
    struct vendor_profile *own = node->vendor == NULL || quirks == NULL ? NULL : bind_array(binder, 1, sizeof *own);
    enum confidence level = CONFIDENCE_ASSUMED;
    if (own == NULL) {
        return;
    }
    *own = *node->vendor;
    for (int pass = 0; pass < 2; pass++) {
        const struct tree *names = tree_get(quirks, pass == 0 ? "add" : "remove");
        for (const struct tree *name = one_first(names); name != NULL; name = one_next(names, name)) {
            uint32_t quirk = bind_index(binder, NAMES_QUIRKS, name);
            if (quirk < QUIRK_COUNT) {
                own->quirks[quirk].on = pass == 0;
                own->quirks[quirk].confidence = CONFIDENCE_DOCUMENTED; /* it is what this file says */
                (void)quirk_set_parameter((enum quirk)quirk, &own->quirks[quirk], SLICE_EMPTY);
            }
        }
    }
    if (binder->options->quirks.size > 0) {
        (void)confidence_from_text(binder->options->quirks, &level);
    }
    vendor_settle(own, level);
    node->vendor = own;
}

static void bind_vendor(struct binder *binder, const struct tree *entry, struct scenario_node *node)
{
    const struct tree *vendor = tree_get(entry, "vendor"), *quirks = tree_get(entry, "quirks"), *profile = tree_get(entry, "profile");
    if (node->kind != KIND_PACS) {
        const struct tree *odd = vendor != NULL ? vendor : quirks;
        if (odd != NULL) {
            (void)complain(binder->to, "P209", vendor != NULL ? odd->at : odd->key_at, "%s is no PACS: only a PACS has a vendor%s", quoted(node->id).text,
                           vendor != NULL ? "" : " and quirks");
        }
        return;
    }
    slice name = field_text(ROOT_SCENARIO, "nodes.*.vendor", vendor);
    if (profile != NULL) {
        (void)complain(binder->to, "P209", profile->key_at, "%s is a PACS: write `vendor`", quoted(node->id).text);
    }
    if (vendor == NULL) {
        name = SLICE("plain");
        bind_explain(binder, "nodes", node->id, "vendor", name, "built in");
    }
    for (size_t n = 0; n < binder->scenario->node_count; n++) {
        const struct scenario_node *other = &binder->scenario->nodes[n];
        if (other != node && other->product != NULL && slice_equal(other->product->vendor, name)) {
            node->product = other->product;
        }
    }
    if (node->product == NULL) {
        char path[80];
        snprintf(path, sizeof path, "nodes.%.*s.vendor", SLICE_ARGS(slice_before(node->id, 40)));
        node->product = read_profile(binder, vendor == NULL ? entry->key_at : vendor->at, name, slice_from(path));
    }
    node->vendor = node->product;
    bend_profile(binder, quirks, node);
}

static void bind_moves_to(struct binder *binder, const struct tree *entry, struct scenario_node *node)
{
    const struct tree *list = tree_get(entry, "moves_to");
    if (list == NULL || list->kind != TREE_LIST) {
        return;
    }
    if (node->kind != KIND_PACS) {
        (void)complain(binder->to, "P209", list->key_at, "%s is no PACS: only a PACS moves studies", quoted(node->id).text);
    }
    slice *names = bind_array(binder, list->count + 1, sizeof *names);
    for (const struct tree *name = list->first; name != NULL && names != NULL; name = name->next) {
        names[node->moves_to_count++] = name->text;
    }
    node->moves_to = names;
}

static void bind_node(struct binder *binder, const struct tree *entry, struct scenario_node *node)
{
    static const char *const kinds[] = {[KIND_PACS] = "pacs", [KIND_VIEWER] = "viewer", [KIND_RIS] = "ris", [KIND_ENGINE] = "engine"};
    const struct tree *archive = tree_get(entry, "archive"), *kind = tree_get(entry, "kind");
    node->id = entry->key;
    node->mark = (struct mark){entry->key_at.line, entry->key_at.column};
    node->name = field_text(ROOT_SCENARIO, "nodes.*.name", tree_get(entry, "name"));
    node->name = node->name.size == 0 ? node->id : node->name;
    uint32_t site = bind_index(binder, NAMES_SITES, tree_get(entry, "site"));
    node->site = site == NONE || site >= binder->scenario->site_count ? 0 : site;
    node->kind = KIND_PACS;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kind != NULL && slice_equal(kind->text, slice_from(kinds[i]))) {
            node->kind = (enum scenario_kind)i;
        }
    }
    node->unknown = field_integer(ROOT_SCENARIO, "nodes.*.known", tree_get(entry, "known")) == 0;
    node->import = field_text(ROOT_SCENARIO, "nodes.*.archive.import", tree_get(archive, "import"));
    if (archive != NULL && node->kind != KIND_PACS) {
        (void)complain(binder->to, "P209", archive->key_at, "%s is no PACS: only a PACS has an archive", quoted(node->id).text);
    }
    bind_moves_to(binder, entry, node);
    node->pushes = field_integer(ROOT_SCENARIO, "nodes.*.pushes", tree_get(entry, "pushes")) != 0;
    slice proof = field_text(ROOT_SCENARIO, "nodes.*.proof", tree_get(entry, "proof"));
    node->no_list = !slice_equal(proof, SLICE("list"));
    node->no_commitment = slice_equal(proof, SLICE("none"));
    name_title(binder, entry, node);
    if (kind != NULL) {
        bind_vendor(binder, entry, node);
        bind_service(binder, entry, node);
        bind_policy(binder, entry, node);
    }
    for (const struct scenario_node *other = binder->scenario->nodes; other < node; other++) {
        if (node->aet.size > 0 && slice_equal(other->aet, node->aet)) {
            const struct tree *aet = tree_get(entry, "aet");
            complain_of_twin(binder, "P206", aet == NULL ? entry : aet, "the AE title", node->aet, other->id, other->mark);
        }
    }
}

static void check_kinds(struct binder *binder, const struct tree *nodes)
{
    size_t counts[4] = {0};
    for (size_t n = 0; n < binder->scenario->node_count; n++) {
        counts[binder->scenario->nodes[n].kind]++;
    }
    if (counts[KIND_ENGINE] != 1) {
        (void)complain(binder->to, "P504", nodes->key_at, "a world has exactly one node of kind engine, this one has %zu", counts[KIND_ENGINE]);
    }
    if (counts[KIND_RIS] > 1) {
        (void)complain(binder->to, "P504", nodes->key_at, "a world has at most one node of kind ris, this one has %zu", counts[KIND_RIS]);
    }
    if (counts[KIND_RIS] == 0 && (binder->names[NAMES_STUDIES].count > 0 || tree_get(binder->root, "arrivals") != NULL)) {
        (void)complain(binder->to, "P504", nodes->key_at, "there are studies but no node of kind ris: nobody would order and complete them");
    }
}

void bind_world(struct binder *binder)
{
    struct scenario *scenario = binder->scenario;
    const struct tree *sites = tree_get(binder->root, "sites"), *nodes = tree_get(binder->root, "nodes");
    size_t site_count = entries(sites, SCENARIO_SITES_MAX), node_count = entries(nodes, SCENARIO_NODES_MAX);
    scenario->sites = bind_array(binder, site_count + 1, sizeof *scenario->sites);
    scenario->nodes = bind_array(binder, node_count + 1, sizeof *scenario->nodes);
    if (binder->err != ERR_OK) {
        return;
    }
    for (const struct tree *entry = sites == NULL ? NULL : sites->first; scenario->site_count < site_count; entry = entry->next) {
        bind_site(binder, entry, &scenario->sites[scenario->site_count++]);
    }
    for (const struct tree *entry = nodes == NULL ? NULL : nodes->first; scenario->node_count < node_count; entry = entry->next) {
        bind_node(binder, entry, &scenario->nodes[scenario->node_count++]);
    }
    if (node_count > 0) {
        check_kinds(binder, nodes);
    }
}
