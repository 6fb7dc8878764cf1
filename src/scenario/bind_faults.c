/* SPDX-License-Identifier: MIT
 *
 * Faults: whom, what, when, how long. Those whose time can be told beforehand go into the population's schedule; what must be
 * watched for (an operation, an observation, a meeting, another fault) is left to nodes and driver. */
#include "src/scenario/bind.h"
#include "src/scenario/meaning.h"

#include <stdio.h>

#define P(binder) ((binder)->scenario->population)
#define ARGUMENTS_MAX 12
#define SLOW_DISK_PERMILLE 100000

static const struct effect {
    const char *key, *how, *layer, *on, *verb, *not_wire, *not_virtual, *text;
} effects[] = {
#define EFFECT(key, how, layer, on, verb, not_wire, not_virtual, text) {key, how, layer, on, verb, not_wire, not_virtual, text},
#include "src/scenario/effects.def"
#undef EFFECT
};

struct faulting {
    struct binder *binder;
    const struct tree *entry;    /* the fault: its key is its name */
    const struct tree *word;     /* of the effect: an entry {key: value}, or the text alone */
    const struct effect *effect; /* null: unknown, complained of */
    const struct tree *stretched; /* slow: its factor; null: a delay */
    struct scenario_fault *fault;
    struct plan_argument *arguments;
};

/* ---- Worlds. */

static const char *const kind_words[] = {[KIND_PACS] = "pacs", [KIND_VIEWER] = "viewer", [KIND_RIS] = "ris", [KIND_ENGINE] = "engine"};

void refuse_in_world(struct binder *binder, struct span at, const char *word, const char *not_wire, const char *not_virtual)
{
    slice world = binder->scenario->world;
    bool both = slice_equal(world, SLICE("both"));
    if (not_wire[0] != '\0' && (both || slice_equal(world, SLICE("wire")))) {
        (void)complain(binder->to, "P602", at, "`%s` has no meaning on the wire: %s", word, not_wire);
    } else if (not_virtual[0] != '\0' && (both || slice_equal(world, SLICE("virtual")))) {
        (void)complain(binder->to, "P602", at, "`%s` has no meaning in virtual time: %s", word, not_virtual);
    }
}

/* ---- Arguments, as nodes and links take them (sim/node, sim/ris, sim/virtual): numbers in ns, bytes, millionths. */

static void put(struct faulting *faulting, const char *name, slice value)
{
    if (faulting->fault->argument_count < ARGUMENTS_MAX && value.size > 0) {
        faulting->arguments[faulting->fault->argument_count++] = (struct plan_argument){slice_from(name), value};
    }
}

static void put_number(struct faulting *faulting, const char *name, int64_t value)
{
    char text[24];
    struct buffer buffer = buffer_over(text, sizeof text);
    buffer_put_int(&buffer, value);
    put(faulting, name, bind_text(faulting->binder, &buffer));
}

/* {key: {argument: value}}: each argument of the table that has a number. */
static void put_fields(struct faulting *faulting)
{
    char path[64];
    snprintf(path, sizeof path, "%.*s", SLICE_ARGS(slice_before(faulting->word->key, 40)));
    const struct field *parent = field_find(ROOT_EFFECT, path);
    for (const struct field *child = field_next_child(ROOT_EFFECT, parent, NULL); child != NULL; child = field_next_child(ROOT_EFFECT, parent, child)) {
        const struct tree *said = tree_get(faulting->word, field_name(child));
        if (child->type == FIELD_CHOICE) {
            put(faulting, field_name(child), field_text(ROOT_EFFECT, child->path, said));
        } else if (child->type != FIELD_ONE_OR_LIST && (said != NULL || child->fallback[0] != '\0')) {
            put_number(faulting, field_name(child), field_integer(ROOT_EFFECT, child->path, said));
        }
    }
}

/* Lists are joined by a backslash. */
static void put_list(struct faulting *faulting, const char *name, const struct tree *list)
{
    struct buffer buffer = buffer_make(faulting->binder->arena, 24 * (one_count(list) + 1));
    for (const struct tree *item = one_first(list); item != NULL; item = one_next(list, item)) {
        buffer_put_text(&buffer, buffer.size > 0 ? "\\" : "");
        buffer_put(&buffer, slice_before(item->text, 20));
    }
    put(faulting, name, buffer_slice(&buffer));
}

static void put_slow(struct faulting *faulting)
{
    const struct tree *factor = tree_get(faulting->word, "factor"), *delay = tree_get(faulting->word, "delay");
    if ((factor == NULL) == (delay == NULL)) {
        (void)complain(faulting->binder->to, "P213", faulting->word->key_at.line > 0 ? faulting->word->key_at : faulting->word->at,
                       "`slow` has a factor, or a delay: {slow: {factor: 12}}");
    }
    if (factor != NULL) {
        put_number(faulting, "permille", field_integer(ROOT_EFFECT, "slow.factor", factor) / 1000);
    }
    if (delay != NULL) {
        put_number(faulting, "delay", field_integer(ROOT_EFFECT, "slow.delay", delay));
    }
    put_list(faulting, "ops", tree_get(faulting->word, "ops"));
    faulting->stretched = factor;
}

static void put_scalar(struct faulting *faulting)
{
    const struct tree *word = faulting->word;
    static const struct {
        const char *key, *name;
        int64_t divide;
    } rows[] = {{"rate", "bytes_per_s", 8}, {"duplicate", "ppm", 1}, {"corrupt", "ppm", 1}, {"reorder", "ppm", 1}, {"stop_after_bytes", "bytes", 1}, {"associations", "n", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (slice_equal(word->key, slice_from(rows[i].key))) {
            put_number(faulting, rows[i].name, field_integer(ROOT_EFFECT, rows[i].key, word) / rows[i].divide);
        }
    }
    if (slice_equal(word->key, SLICE("delay")) || slice_equal(word->key, SLICE("loss"))) {
        struct distribution of;
        bool delay = slice_equal(word->key, SLICE("delay"));
        bind_distribution(faulting->binder, ROOT_EFFECT, delay ? "delay" : "loss", word, &of);
        put_number(faulting, delay ? "ns" : "ppm", delay ? (int64_t)distribution_mean(&of) : (int64_t)(distribution_mean(&of) * (double)MILLION));
    }
    if (slice_equal(word->key, SLICE("ignore_key"))) {
        put(faulting, "key", word->kind == TREE_TEXT ? word->text : SLICE_EMPTY);
    }
}

static void put_clock(struct faulting *faulting)
{
    const struct tree *one = faulting->word->kind == TREE_MAP ? faulting->word->first : NULL;
    put(faulting, "how", one != NULL ? one->key : faulting->word->kind == TREE_TEXT ? faulting->word->text : SLICE_EMPTY);
    char path[64];
    snprintf(path, sizeof path, "clock.%.*s", one == NULL ? 0 : (int)one->key.size, one == NULL ? "" : one->key.data);
    if (one != NULL && field_find(ROOT_EFFECT, path) != NULL && one->kind == TREE_TEXT) {
        put_number(faulting, "by", field_integer(ROOT_EFFECT, path, one));
    }
}

static void bind_arguments(struct faulting *faulting, const struct tree *effect)
{
    const struct tree *word = faulting->word;
    const struct field *field = field_find(ROOT_EFFECT, faulting->effect->key);
    bool hl7 = slice_equal(slice_from(faulting->effect->key), SLICE("hl7")) || slice_equal(slice_from(faulting->effect->key), SLICE("people"));
    faulting->fault->effect = hl7 ? (word->kind == TREE_TEXT ? word->text : SLICE_EMPTY) : slice_from(faulting->effect->verb);
    if (slice_equal(word->key, SLICE("slow"))) {
        put_slow(faulting);
    } else if (slice_equal(word->key, SLICE("clock"))) {
        put_clock(faulting);
    } else if (word->kind == TREE_MAP || (field != NULL && (field->type == FIELD_MAP || field->type == FIELD_CHOICE_OR_MAP) && word->key.size == 0)) {
        put_fields(faulting);
    } else if (field != NULL && (field->type == FIELD_CHOICE || field->type == FIELD_CHOICE_OR_MAP) && !hl7 && word->key.size > 0) {
        put(faulting, field->type == FIELD_CHOICE ? "how" : "direction", word->text);
    }
    put_scalar(faulting);
    static const char *const beside[] = {"instances", "rows", "late_by"};
    for (size_t i = 0; i < 3; i++) {
        const struct tree *said = tree_get(effect, beside[i]);
        if (said != NULL) {
            put_number(faulting, i == 2 ? "delay" : beside[i], field_integer(ROOT_EFFECT, beside[i], said));
        }
    }
}

static void bind_effect(struct faulting *faulting)
{
    const struct tree *effect = tree_get(faulting->entry, "effect");
    if (effect == NULL || effect->kind == TREE_LIST) {
        return;
    }
    faulting->word = effect->kind == TREE_TEXT ? effect : NULL;
    for (const struct tree *entry = map_first(effect); entry != NULL; entry = entry->next) {
        faulting->word = field_has("instances rows late_by", entry->key) ? faulting->word : entry;
    }
    if (faulting->word == NULL) {
        return;
    }
    /* A word alone is a text without a key of its own. */
    static const slice nothing = {"", 0};
    struct tree alone = *faulting->word;
    if (effect->kind == TREE_TEXT) {
        alone.key = nothing;
        faulting->word = &alone;
    }
    slice key = effect->kind == TREE_TEXT ? effect->text : faulting->word->key;
    for (size_t i = 0; i < sizeof effects / sizeof effects[0]; i++) {
        bool how = effects[i].how[0] == '\0' || (faulting->word->kind == TREE_TEXT && slice_equal(faulting->word->text, slice_from(effects[i].how)));
        if (faulting->effect == NULL && slice_equal(key, slice_from(effects[i].key)) && how) {
            faulting->effect = &effects[i];
        }
    }
    if (faulting->effect != NULL) {
        struct span at = effect->kind == TREE_TEXT ? effect->at : faulting->word->key_at;
        faulting->fault->layer = slice_from(faulting->effect->layer);
        if (slice_equal(key, SLICE("slow")) && effect->kind == TREE_TEXT) {
            return; /* the table says that it needs more */
        }
        bind_arguments(faulting, effect);
        refuse_in_world(faulting->binder, at, faulting->effect->how[0] == '\0' ? faulting->effect->key : faulting->effect->how, faulting->effect->not_wire,
                        faulting->effect->not_virtual);
    }
    faulting->word = NULL;
}

/* ---- Targets. */

static bool lists(const struct tree *names, slice id)
{
    for (const struct tree *name = one_first(names); name != NULL; name = one_next(names, name)) {
        if (name->kind == TREE_TEXT && slice_equal(name->text, id)) {
            return true;
        }
    }
    return false;
}

static bool is_target(const struct binder *binder, const struct tree *target, const struct scenario_node *node)
{
    const struct tree *kind = tree_get(target, "kind"), *vendor = tree_get(target, "vendor"), *site = tree_get(target, "site"), *named = tree_get(target, "node");
    if (target->kind == TREE_TEXT) {
        return slice_equal(target->text, node->id);
    }
    slice product = node->vendor == NULL ? SLICE_EMPTY : node->vendor->vendor;
    return (kind == NULL || slice_equal(kind->text, slice_from(kind_words[node->kind]))) && (vendor == NULL || slice_equal(vendor->text, product)) &&
           (site == NULL || lists(site, binder->scenario->sites[node->site].id)) && (named == NULL || lists(named, node->id)) &&
           !lists(tree_get(target, "except"), node->id) && (kind != NULL || vendor != NULL || site != NULL || named != NULL);
}

static bool is_line(const struct binder *binder, const struct tree *target, const struct scenario_link *link)
{
    const struct tree *names = tree_get(target, "link"), *to = tree_get(target, "to"), *except = tree_get(target, "except");
    slice from_id = binder->scenario->nodes[link->from].id, to_id = binder->scenario->nodes[link->to].id;
    bool every = binder->names[NAMES_LINKS].count > 0 && lists(names, SLICE("all"));
    return (every || lists(names, link->id)) && (to == NULL || lists(to, to_id) || lists(to, from_id)) && !lists(except, to_id);
}

/* clog_in_turn of nodes is of the links that end at them. */
static bool ends_at_target(const struct binder *binder, const struct tree *target, const struct scenario_link *link)
{
    return is_target(binder, target, &binder->scenario->nodes[link->to]) || is_target(binder, target, &binder->scenario->nodes[link->from]);
}

static void check_kind(struct faulting *faulting, const struct tree *target, const char *kind)
{
    if (faulting->effect != NULL && !field_has(faulting->effect->on, slice_from(kind))) {
        (void)complain(faulting->binder->to, "P209", target->at, "`%s` happens to %s, not to a %s (faults.%.*s)", faulting->effect->key, faulting->effect->on, kind,
                       SLICE_ARGS(faulting->entry->key));
    }
}

static void bind_lines(struct faulting *faulting, const struct tree *target, bool of_nodes)
{
    struct binder *binder = faulting->binder;
    struct scenario_fault *fault = faulting->fault;
    uint32_t *list = bind_array(binder, binder->scenario->link_count + 1, sizeof *list);
    fault->on_links = true;
    for (uint32_t l = 0; list != NULL && l < binder->scenario->link_count; l++) {
        const struct scenario_link *link = &binder->scenario->links[l];
        if (of_nodes ? ends_at_target(binder, target, link) : is_line(binder, target, link)) {
            list[fault->target_count++] = l;
        }
    }
    fault->targets = list;
}

static void bind_nodes(struct faulting *faulting, const struct tree *target)
{
    struct binder *binder = faulting->binder;
    struct scenario_fault *fault = faulting->fault;
    uint32_t *list = bind_array(binder, binder->scenario->node_count + 1, sizeof *list);
    bool odd = false;
    for (uint32_t n = 0; list != NULL && n < binder->scenario->node_count; n++) {
        const struct scenario_node *node = &binder->scenario->nodes[n];
        if (!is_target(binder, target, node)) {
            continue;
        }
        list[fault->target_count++] = n;
        const char *kind = kind_words[node->kind];
        bool fits = faulting->effect == NULL || field_has(faulting->effect->on, slice_from(kind));
        if (!fits && !odd) {
            check_kind(faulting, target, kind);
            odd = true;
        }
    }
    fault->targets = list;
}

static void bind_target(struct faulting *faulting)
{
    struct binder *binder = faulting->binder;
    const struct tree *target = tree_get(faulting->entry, "target"), *pick = tree_get(target, "pick");
    if (target == NULL || target->kind == TREE_LIST) {
        return;
    }
    bool lines = tree_get(target, "link") != NULL, clog = faulting->effect != NULL && slice_equal(slice_from(faulting->effect->key), SLICE("clog_in_turn"));
    if (lines || clog) {
        bind_lines(faulting, target, !lines);
    } else {
        bind_nodes(faulting, target);
    }
    if (lines) {
        check_kind(faulting, target, "link");
    }
    if (tree_get(target, "to") != NULL && !lines) {
        (void)complain(binder->to, "P213", tree_get(target, "to")->key_at, "`to` narrows a `link`; there is none here");
    }
    faulting->fault->pick = (uint32_t)field_integer(ROOT_SCENARIO, "faults.*.target.pick", pick);
    bool unknown = target->kind == TREE_TEXT && bind_index(binder, NAMES_NODES, target) == NONE;
    if (faulting->fault->target_count == 0 && !unknown && binder->to->problems->error_count == 0) {
        (void)complain(binder->to, "P503", target->at, "nothing is hit by this: no %s is chosen (faults.%.*s.target)", lines || clog ? "link" : "node",
                       SLICE_ARGS(faulting->entry->key));
    } else if (faulting->fault->pick > faulting->fault->target_count && faulting->fault->target_count > 0) {
        (void)complain(binder->to, "P303", pick->at, "%u are picked of %zu (faults.%.*s.target)", faulting->fault->pick, faulting->fault->target_count,
                       SLICE_ARGS(faulting->entry->key));
    }
}

/* ---- What only some kinds of nodes can do, or only in one world. */

static bool hits(const struct faulting *faulting, enum scenario_kind kind, bool other)
{
    const struct scenario_fault *fault = faulting->fault;
    for (size_t i = 0; !fault->on_links && i < fault->target_count; i++) {
        if ((faulting->binder->scenario->nodes[fault->targets[i]].kind == kind) != other) {
            return true;
        }
    }
    return false;
}

/* An archive waits by itself, in both worlds. All else is the driver's of virtual time: a process takes the time that it takes. */
static void check_slow(struct faulting *faulting, struct span at)
{
    bool by_driver = faulting->stretched != NULL || hits(faulting, KIND_PACS, true);
    if (by_driver && hits(faulting, KIND_PACS, false) && hits(faulting, KIND_PACS, true) && faulting->stretched == NULL) {
        (void)complain(faulting->binder->to, "P209", at, "`slow` with a delay is of archives or of other nodes, not of both at once (faults.%.*s)", SLICE_ARGS(faulting->entry->key));
    }
    if (by_driver) {
        faulting->fault->effect = SLICE("stretch");
        refuse_in_world(faulting->binder, at, "slow", "a process takes the time that it takes; use {slow: {delay: ...}} of an archive", "");
    }
}

/* What an engine does that cannot commit is to end; what it does on a slow disk takes longer. */
static void bind_engine_disk(struct faulting *faulting)
{
    bool slow = slice_equal(slice_from(faulting->effect->how), SLICE("slow"));
    faulting->fault->effect = slow ? SLICE("stretch") : SLICE("disk_fails");
    if (slow) {
        put_number(faulting, "permille", SLOW_DISK_PERMILLE);
    }
}

static void check_by_kind(struct faulting *faulting)
{
    const struct tree *op = tree_get(faulting->entry, "op"), *effect = tree_get(faulting->entry, "effect");
    if (faulting->effect == NULL || effect == NULL) {
        return;
    }
    struct span at = effect->kind == TREE_MAP && map_first(effect) != NULL ? map_first(effect)->key_at : effect->at;
    slice key = slice_from(faulting->effect->key);
    if (slice_equal(key, SLICE("slow")) && effect->kind == TREE_MAP) {
        check_slow(faulting, at);
    } else if (slice_equal(key, SLICE("disk")) && hits(faulting, KIND_ENGINE, false)) {
        refuse_in_world(faulting->binder, at, "disk", ENGINE_DISK, "");
        bind_engine_disk(faulting);
    }
    if (op != NULL && slice_equal(op->text, SLICE("get"))) {
        (void)complain(faulting->binder->to, "P209", op->at, "no archive here is asked by C-GET: `op` is find, move, store or echo (faults.%.*s)", SLICE_ARGS(faulting->entry->key));
    }
    enum instant_kind instant = faulting->fault->instant;
    bool counts = field_has("dicom hl7 disk", slice_from(faulting->effect->layer)) && !hits(faulting, KIND_ENGINE, false);
    const struct tree *said = tree_get(faulting->entry, instant == INSTANT_NTH ? "nth" : "chance");
    if ((instant == INSTANT_NTH || instant == INSTANT_CHANCE) && said != NULL && !counts) {
        (void)complain(faulting->binder->to, "P209", said->key_at, "operations are counted by archives and RADIS2, of faults of DICOM and HL7; `%s` has `at`, `every`, `rate`, `after`, `while` or `during`",
                       faulting->effect->key);
    }
}

/* ---- When. */

static const struct {
    const char *key;
    enum instant_kind kind;
} instants[] = {{"at", INSTANT_AT},         {"every", INSTANT_EVERY}, {"rate", INSTANT_RATE},   {"chance", INSTANT_CHANCE},
                {"nth", INSTANT_NTH},       {"after", INSTANT_AFTER}, {"while", INSTANT_WHILE}, {"during", INSTANT_DURING}};

static void bind_every(struct faulting *faulting, const struct tree *every)
{
    struct scenario_fault *fault = faulting->fault;
    if (every->kind == TREE_MAP) {
        fault->instant = INSTANT_CALENDAR;
        fault->calendar = bind_calendar_of(faulting->binder, tree_get(every, "calendar"));
        fault->week_of_month = (uint32_t)field_integer(ROOT_SCENARIO, "faults.*.every.week_of_month", tree_get(every, "week_of_month"));
        return;
    }
    fault->every = field_integer(ROOT_SCENARIO, "faults.*.every", every);
    if (fault->every < TIME_S && every->kind == TREE_TEXT) {
        (void)complain(faulting->binder->to, "P303", every->at, "%s is too often for a fault: at least 1 s", quoted(every->text).text);
    }
}

static void bind_watched(struct faulting *faulting)
{
    struct binder *binder = faulting->binder;
    struct scenario_fault *fault = faulting->fault;
    const struct tree *entry = faulting->entry, *after = tree_get(entry, "after"), *where = tree_get(after, "where"), *event = tree_get(after, "event");
    const struct tree *meeting = tree_get(tree_get(entry, "while"), "meeting"), *during = tree_get(tree_get(entry, "during"), "fault");
    size_t nths = 0;
    for (const struct tree *nth = list_first(tree_get(entry, "nth")); nth != NULL && nths < FAULT_NTHS_MAX; nth = nth->next) {
        fault->nths[nths++] = field_integer(ROOT_SCENARIO, "faults.*.nth[]", nth);
    }
    fault->nth_count = nths;
    fault->chance_micro = field_integer(ROOT_SCENARIO, "faults.*.chance", tree_get(entry, "chance"));
    if (event != NULL && event->kind == TREE_TEXT) {
        uint32_t node = bind_index(binder, NAMES_NODES, tree_get(where, "node"));
        (void)observation_from_text(event->text, &fault->after.event);
        fault->after.count = field_integer(ROOT_SCENARIO, "faults.*.after.nth", tree_get(after, "nth"));
        fault->after.node = node == NONE ? SLICE_EMPTY : binder->scenario->nodes[node].id;
        fault->after.text = field_text(ROOT_SCENARIO, "faults.*.after.where.type", tree_get(where, "type"));
        fault->after.mark = mark_of(after);
    }
    fault->meeting = meeting != NULL && meeting->kind == TREE_TEXT ? meeting->text : SLICE_EMPTY;
    fault->during = during != NULL && during->kind == TREE_TEXT ? during->text : SLICE_EMPTY;
    if (slice_equal(fault->during, fault->id)) {
        (void)complain(binder->to, "P505", during->at, "fault %s is during itself", quoted(fault->id).text);
    }
}

static void bind_when(struct faulting *faulting)
{
    struct binder *binder = faulting->binder;
    struct scenario_fault *fault = faulting->fault;
    const struct tree *entry = faulting->entry, *said = NULL;
    int count = 0;
    for (size_t i = 0; i < sizeof instants / sizeof instants[0]; i++) {
        const struct tree *key = tree_get(entry, instants[i].key);
        /* `at` beside `every` is when it begins. */
        bool first = i == 0 && tree_get(entry, "every") != NULL;
        if (key != NULL && !first) {
            fault->instant = instants[i].kind;
            said = key;
            count++;
        }
    }
    if (count != 1) {
        (void)complain(binder->to, "P213", entry->key_at, "fault %s happens in one way: at, every, rate, chance, nth, after, while or during; %d stand here",
                       quoted(entry->key).text, count);
        return;
    }
    fault->at = fault->instant == INSTANT_EVERY ? binder->scenario->start : 0;
    if (bind_instant(binder, tree_get(entry, "at"), entry, &fault->at)) {
        bind_inside(binder, tree_get(entry, "at"), fault->at);
    }
    if (fault->instant == INSTANT_EVERY) {
        bind_every(faulting, said);
    }
    fault->rate_micro = field_integer(ROOT_SCENARIO, "faults.*.rate", tree_get(entry, "rate"));
    bind_watched(faulting);
    fault->op = field_text(ROOT_SCENARIO, "faults.*.op", tree_get(entry, "op"));
    bool counted = fault->instant == INSTANT_CHANCE || fault->instant == INSTANT_NTH, dicom = slice_equal(fault->layer, SLICE("dicom"));
    if (counted && dicom && fault->op.size == 0) {
        (void)complain(binder->to, "P112", said->key_at, "faults.%.*s.op is missing: which operations are counted", SLICE_ARGS(entry->key));
    }
    put(faulting, "op", fault->op);
    if (fault->instant == INSTANT_CHANCE) {
        put_number(faulting, "chance", fault->chance_micro);
    } else if (fault->instant == INSTANT_NTH) {
        put_list(faulting, "nth", said);
    }
    fault->planned = fault->instant <= INSTANT_RATE;
}

static void bind_length(struct faulting *faulting)
{
    struct binder *binder = faulting->binder;
    struct scenario_fault *fault = faulting->fault;
    const struct tree *entry = faulting->entry, *length = tree_get(entry, "for"), *until = tree_get(entry, "until");
    bind_distribution(binder, ROOT_SCENARIO, "faults.*.for", length, &fault->length);
    if (length != NULL && until != NULL) {
        (void)complain(binder->to, "P213", until->key_at, "a fault lasts `for` a time, or `until` one");
    }
    if (bind_instant(binder, until, entry, &fault->until) && fault->at > 0 && fault->until <= fault->at) {
        (void)complain(binder->to, "P405", until->at, "fault %s would end before it begins", quoted(entry->key).text);
    }
    bool lasts = length != NULL || until != NULL;
    if (!lasts && (fault->instant == INSTANT_EVERY || fault->instant == INSTANT_CALENDAR || fault->instant == INSTANT_RATE) && !slice_equal(fault->effect, SLICE("kill"))) {
        (void)complain(binder->to, "P112", entry->key_at, "faults.%.*s.for is missing: it comes again, so it must end", SLICE_ARGS(entry->key));
    }
    fault->announced = field_integer(ROOT_SCENARIO, "faults.*.announced", tree_get(entry, "announced")) != 0;
}

/* ---- Into the schedule. */

static void plan(struct faulting *faulting, struct population_fault *planned)
{
    struct binder *binder = faulting->binder;
    const struct scenario_fault *fault = faulting->fault;
    static const enum fault_when whens[] = {[INSTANT_AT] = FAULT_AT, [INSTANT_EVERY] = FAULT_EVERY, [INSTANT_CALENDAR] = FAULT_OPENING, [INSTANT_RATE] = FAULT_RATE};
    *planned = (struct population_fault){.id = fault->id, .effect = fault->effect, .arguments = fault->arguments, .argument_count = fault->argument_count,
                                         .targets = fault->targets, .target_count = fault->target_count, .pick = fault->pick, .when = whens[fault->instant],
                                         .at = fault->at, .every = fault->every, .rate_micro = fault->rate_micro, .calendar = fault->calendar,
                                         .week_of_month = (uint8_t)fault->week_of_month, .length = fault->length, .announced = fault->announced};
    planned->in_turn = faulting->effect != NULL && slice_equal(slice_from(faulting->effect->key), SLICE("clog_in_turn"));
    if (fault->instant == INSTANT_AT && fault->until > fault->at) {
        planned->length = (struct distribution){.kind = DISTRIBUTION_FIXED, .a = (double)(fault->until - fault->at)};
    } else {
        planned->until = fault->until;
    }
    uint32_t *targets = fault->on_links ? bind_array(binder, fault->target_count + 1, sizeof *targets) : NULL;
    for (size_t i = 0; targets != NULL && i < fault->target_count; i++) {
        targets[i] = (uint32_t)binder->scenario->node_count + fault->targets[i];
    }
    planned->targets = targets != NULL ? targets : fault->targets;
}

void bind_faults(struct binder *binder)
{
    struct scenario *scenario = binder->scenario;
    const struct tree *faults = tree_get(binder->root, "faults");
    size_t max = faults == NULL || faults->kind != TREE_MAP ? 0 : faults->count;
    struct population_fault *planned = bind_array(binder, max + 1, sizeof *planned);
    scenario->faults = bind_array(binder, max + 1, sizeof *scenario->faults);
    for (const struct tree *entry = binder->err != ERR_OK ? NULL : map_first(faults); entry != NULL && binder->err == ERR_OK; entry = entry->next) {
        struct scenario_fault *fault = &scenario->faults[scenario->fault_count++];
        struct faulting faulting = {.binder = binder, .entry = entry, .fault = fault, .arguments = bind_array(binder, ARGUMENTS_MAX, sizeof *faulting.arguments)};
        if (entry->kind != TREE_MAP || faulting.arguments == NULL) {
            continue;
        }
        fault->id = entry->key;
        fault->mark = mark_of(entry);
        fault->calendar = NONE_OF;
        fault->arguments = faulting.arguments;
        bind_effect(&faulting);
        bind_target(&faulting);
        bind_when(&faulting);
        check_by_kind(&faulting);
        bind_length(&faulting);
        if (fault->planned) {
            plan(&faulting, &planned[P(binder).fault_count++]);
        }
    }
    P(binder).faults = planned;
}
