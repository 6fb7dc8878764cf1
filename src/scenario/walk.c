/* SPDX-License-Identifier: MIT
 *
 * The walk: a tree held against the table of fields, value by value, with a sentence for whatever does not fit. */
#include "src/scenario/field.h"

/* ---- Names. */

/* Singular and plural, for sentences. */
static const struct {
    const char *refers, *one, *declared;
} name_kinds[NAMES_KINDS] = {
    [NAMES_SITES] = {"sites", "site", "sites are declared here"},
    [NAMES_NODES] = {"nodes", "node", "nodes are declared here"},
    [NAMES_PEOPLE] = {"people", "person", "people are declared here"},
    [NAMES_STUDIES] = {"studies", "study", "studies are declared here"},
    [NAMES_STEPS] = {"steps", "step", "the story begins here"},
    [NAMES_EVENTS] = {"events", "observation", ""},
    [NAMES_INVARIANTS] = {"invariants", "invariant", ""},
    [NAMES_COUNTS] = {"counts", "count", ""},
    [NAMES_DIALECTS] = {"dialects", "dialect", ""},
    [NAMES_ORGANISATIONS] = {"organisations", "organisation", "organisations are declared here"},
    [NAMES_QUIRKS] = {"quirks", "quirk", ""},
    [NAMES_CHARSETS] = {"character sets", "character set", ""},
};

bool name_kind_of(const char *refers, enum name_kind *kind)
{
    for (size_t i = 0; i < NAMES_KINDS; i++) {
        if (strcmp(name_kinds[i].refers, refers) == 0) {
            *kind = (enum name_kind)i;
            return true;
        }
    }
    return false;
}

/* "; known are a b c", when they are few. */
static void list_names(const struct names *names, char *text, size_t size)
{
    struct buffer buffer = buffer_over(text, size - 1);
    buffer_put_text(&buffer, names->count == 0 ? "; none is declared" : "; known are");
    for (size_t i = 0; i < names->count; i++) {
        buffer_put_text(&buffer, " ");
        buffer_put(&buffer, names->list[i]);
    }
    text[buffer.full ? 0 : buffer.size] = '\0';
}

static void check_name(struct walk *walk, const char *refers, slice name, struct span at, slice path)
{
    enum name_kind kind = NAMES_SITES;
    uint32_t index = 0;
    const struct names *names = name_kind_of(refers, &kind) ? walk->names[kind] : NULL;
    if (names == NULL || map_find(&names->map, name, &index)) {
        return;
    }
    struct nearest nearest = nearest_begin(name);
    for (size_t i = 0; i < names->count && walk->to->problems->count < PROBLEMS_MAX; i++) {
        nearest_try(&nearest, names->list[i]);
    }
    char known[160] = "";
    if (nearest.distance == SIZE_MAX) {
        list_names(names, known, sizeof known);
    }
    struct problem *added = complain(walk->to, "P204", at, "unknown %s %s (%.*s)%s%s", name_kinds[kind].one, quoted(name).text, SLICE_ARGS(path),
                                     nearest_hint(&nearest).text, known);
    problem_relate(added, names->declared, name_kinds[kind].declared);
}

/* ---- One value. */

static void check_bounds(struct walk *walk, const struct field *field, const struct tree *tree, int64_t number, slice path)
{
    if ((field->low == 0 && field->high == 0) || (number >= field->low && number <= field->high)) {
        return;
    }
    char bounds[96];
    struct buffer buffer = buffer_over(bounds, sizeof bounds - 1);
    bool duration = field->type == FIELD_DURATION, open = field->high == INT64_MAX;
    buffer_put_text(&buffer, open ? "at least " : "");
    duration ? value_put_duration(&buffer, field->low) : buffer_put_int(&buffer, field->low);
    buffer_put_text(&buffer, open ? "" : " to ");
    if (!open) {
        duration ? value_put_duration(&buffer, field->high) : buffer_put_int(&buffer, field->high);
    }
    bounds[buffer.size] = '\0';
    (void)complain(walk->to, "P303", tree->at, "%s is out of range (%.*s): %s", quoted(tree->text).text, SLICE_ARGS(path), bounds);
}

static void check_quantity(struct walk *walk, const struct field *field, const struct tree *tree, slice path)
{
    enum quantity quantity = field->type == FIELD_SIZE ? QUANTITY_SIZE : QUANTITY_DURATION;
    const char *what = field->type == FIELD_SIZE ? "size" : "duration", *units = quantity_units(quantity);
    int64_t number = 0;
    slice unit = SLICE_EMPTY;
    struct quoted said = quoted(tree->text);
    switch (value_quantity(tree->text, quantity, &number, &unit)) {
    case VALUE_OK:
        check_bounds(walk, field, tree, number, path);
        break;
    case VALUE_NO_NUMBER:
        (void)complain(walk->to, "P304", tree->at, "%s is no %s (%.*s); write a number and one of %s", said.text, what, SLICE_ARGS(path), units);
        break;
    case VALUE_NO_UNIT:
        (void)complain(walk->to, "P301", tree->at, "%s needs a unit (%.*s); write \"%.*s %s\", or with another of %s", said.text, SLICE_ARGS(path),
                       SLICE_ARGS(slice_before(tree->text, 20)), quantity == QUANTITY_SIZE ? "MB" : "s", units);
        break;
    case VALUE_WRONG_UNIT: {
        slice near = quantity_nearest_unit(quantity, unit);
        struct nearest nearest = {.best = near, .distance = near.size == 0 ? SIZE_MAX : 0};
        (void)complain(walk->to, "P302", tree->at, "unknown unit %s for a %s (%.*s); one of %s%s", quoted(unit).text, what, SLICE_ARGS(path), units,
                       nearest_hint(&nearest).text);
        break;
    }
    case VALUE_TOO_LARGE:
        (void)complain(walk->to, "P303", tree->at, "%s is too large (%.*s)", said.text, SLICE_ARGS(path));
        break;
    case VALUE_TOO_FINE:
        (void)complain(walk->to, "P303", tree->at, "%s has more decimals than the unit can hold (%.*s)", said.text, SLICE_ARGS(path));
        break;
    }
}

static void check_integer(struct walk *walk, const struct field *field, const struct tree *tree, slice path)
{
    int64_t number = 0;
    if (field->type == FIELD_NUMBER_OR_ALL && slice_equal(tree->text, SLICE("all"))) {
        return;
    }
    if (value_integer(tree->text, &number)) {
        check_bounds(walk, field, tree, number, path);
        return;
    }
    (void)complain(walk->to, "P304", tree->at, "%s is not a whole number (%.*s)%s", quoted(tree->text).text, SLICE_ARGS(path),
                   field->type == FIELD_NUMBER_OR_ALL ? "; write a number, or all" : "");
}

static void check_choice(struct walk *walk, const struct field *field, const struct tree *tree, slice path)
{
    if (field_has(field->refers, tree->text)) {
        return;
    }
    struct nearest nearest = nearest_begin(tree->text);
    slice rest = slice_from(field->refers);
    while (rest.data != NULL) {
        nearest_try(&nearest, slice_cut(&rest, ' '));
    }
    (void)complain(walk->to, "P207", tree->at, "%s is none of: %s (%.*s)%s", quoted(tree->text).text, field->refers, SLICE_ARGS(path), nearest_hint(&nearest).text);
}

static void check_stamp(struct walk *walk, const struct tree *tree, slice path)
{
    time_ns at = 0;
    struct quoted said = quoted(tree->text);
    switch (value_stamp(tree->text, walk->zone, &at)) {
    case STAMP_OK:
        break;
    case STAMP_FORM:
        (void)complain(walk->to, "P401", tree->at, "%s is no point in time (%.*s); write \"2010-03-01T08:00\"", said.text, SLICE_ARGS(path));
        break;
    case STAMP_MISSING_HOUR:
        (void)complain(walk->to, "P402", tree->at, "%s does not exist (%.*s): the clocks go forward over this hour", said.text, SLICE_ARGS(path));
        break;
    case STAMP_DOUBLED_HOUR:
        (void)complain(walk->to, "P402", tree->at, "%s comes twice (%.*s): the clocks go back over this hour; use `zone: UTC`", said.text, SLICE_ARGS(path));
        break;
    }
}

static void check_length(struct walk *walk, const struct field *field, const struct tree *tree, slice path)
{
    int64_t size = (int64_t)tree->text.size;
    if (field->high == 0 || (size >= field->low && size <= field->high)) {
        return;
    }
    if (size > field->high) {
        (void)complain(walk->to, "P303", tree->at, "%s has %lld characters (%.*s); at most %lld fit", quoted(tree->text).text, (long long)size, SLICE_ARGS(path),
                       (long long)field->high);
    } else {
        (void)complain(walk->to, "P303", tree->at, "%s is too short (%.*s); at least %lld characters are due", quoted(tree->text).text, SLICE_ARGS(path),
                       (long long)field->low);
    }
}

static bool is_code(slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c <= 0x20 || c > 0x7E || memchr("\\^|~&=", c, 6) != NULL) {
            return false;
        }
    }
    return text.size > 0;
}

static bool is_uid(slice text)
{
    bool after_dot = true;
    for (size_t i = 0; i < text.size; i++) {
        bool dot = text.data[i] == '.';
        bool leading_zero = after_dot && text.data[i] == '0' && i + 1 < text.size && text.data[i + 1] != '.';
        if ((dot && after_dot) || leading_zero || (!dot && (text.data[i] < '0' || text.data[i] > '9'))) {
            return false;
        }
        after_dot = dot;
    }
    return text.size > 2 && text.size <= 64 && !after_dot;
}

static bool is_accession(slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        bool letter = text.data[i] >= 'A' && text.data[i] <= 'Z', digit = text.data[i] >= '0' && text.data[i] <= '9';
        if ((i < 3 && !letter) || (i >= 3 && !digit)) {
            return false;
        }
    }
    return text.size >= 9 && text.size <= 11;
}

/* Texts of a form that a function tells: the sentence says which form is due. */
static void check_form(struct walk *walk, const struct field *field, const struct tree *tree, slice path)
{
    slice family = SLICE_EMPTY, given = SLICE_EMPTY, text = tree->text;
    char date[9];
    char clock[7];
    bool truth = false;
    const struct {
        enum field_type type;
        bool fits;
        const char *rule, *due;
    } forms[] = {
        {FIELD_ID, value_is_id(text), "P211", "an id is a letter, then letters, digits, \"_\", \"-\" or \".\", 40 at most"},
        {FIELD_CODE, is_code(text), "P307", "a code has no spaces and none of \\ ^ | ~ & ="},
        {FIELD_TITLE, value_is_title(text), "P211", "an AE title has 1 to 16 ASCII characters, no backslash, no space at its ends (PS3.5 6.2)"},
        {FIELD_ADDRESS, value_is_address(text), "P307", "write an address such as 127.0.0.1"},
        {FIELD_UID, is_uid(text), "P306", "a UID has digits and dots, 64 at most, no part empty or beginning with 0 (PS3.5 9.1)"},
        {FIELD_NHS_NUMBER, value_is_nhs_number(text), "P305", "an NHS number has ten digits, the last a check digit (modulus 11); use one from 999 000 0018 up"},
        {FIELD_PERSON_NAME, value_person_name(text, &family, &given), "P307", "write Family^Given, 64 bytes at most, without \\ and ="},
        {FIELD_ACCESSION, is_accession(text), "P307", "write three capital letters and 6 to 8 digits"},
        {FIELD_BOOL, value_bool(text, &truth), "P207", "write true or false"},
        {FIELD_DATE, value_date(text, date), "P401", "no such day; write 2010-03-01"},
        {FIELD_CLOCK, value_clock(text, clock), "P401", "write a time of day such as \"08:30\""},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (forms[i].type == field->type && !forms[i].fits) {
            (void)complain(walk->to, forms[i].rule, tree->at, "%s does not fit %.*s: %s", quoted(text).text, SLICE_ARGS(path), forms[i].due);
            return;
        }
    }
    if (field->type == FIELD_CODE || field->type == FIELD_TEXT) {
        check_length(walk, field, tree, path);
    }
}

static void check_text(struct walk *walk, const struct field *field, const struct tree *tree, slice path)
{
    switch (field->type) {
    case FIELD_INTEGER:
    case FIELD_NUMBER_OR_ALL:
        check_integer(walk, field, tree, path);
        break;
    case FIELD_DURATION:
    case FIELD_SIZE:
        check_quantity(walk, field, tree, path);
        break;
    case FIELD_CHOICE:
        check_choice(walk, field, tree, path);
        break;
    case FIELD_REF:
        check_name(walk, field->refers, tree->text, tree->at, path);
        break;
    case FIELD_STAMP:
        check_stamp(walk, tree, path);
        break;
    default:
        check_form(walk, field, tree, path);
        break;
    }
}

/* ---- The walk. The trail is what a sentence calls the place: "nodes.pacs_uhw.site", "story[3].after[0].event". */

struct trail {
    char text[200];
    size_t size;
};

static void check_map(struct walk *walk, enum field_root root, const struct field *parent, const struct tree *map, struct trail *trail);
static void check_value(struct walk *walk, const struct field *field, const struct tree *tree, struct trail *trail);

static slice trail_slice(const struct trail *trail)
{
    return (slice){trail->text, trail->size};
}

static void trail_put(struct trail *trail, slice part)
{
    size_t room = sizeof trail->text - trail->size;
    size_t size = part.size < room ? part.size : room;
    memcpy(trail->text + trail->size, part.data, size);
    trail->size += size;
}

static void trail_put_key(struct trail *trail, slice key)
{
    trail_put(trail, trail->size == 0 ? SLICE_EMPTY : SLICE("."));
    trail_put(trail, slice_before(key, 60));
}

static void trail_put_index(struct trail *trail, size_t index)
{
    char text[24];
    struct buffer buffer = buffer_over(text, sizeof text);
    buffer_put_byte(&buffer, '[');
    buffer_put_int(&buffer, (int64_t)index);
    buffer_put_byte(&buffer, ']');
    trail_put(trail, buffer_slice(&buffer));
}

static void explain(struct walk *walk, const struct field *field, const struct trail *trail)
{
    struct explained *line = walk->explained_tail == NULL ? NULL : arena_alloc(walk->arena, sizeof *line);
    if (line == NULL) {
        return;
    }
    *line = (struct explained){arena_copy(walk->arena, trail_slice(trail)), slice_from(field->fallback), SLICE("built in"), NULL};
    *walk->explained_tail = line;
    walk->explained_tail = &line->next;
}

/* A key that is not there: what it is then. */
static void explain_absent(struct walk *walk, const struct field *field, struct trail *trail)
{
    if (field->fallback[0] != '\0' && field->need == FIELD_OPTIONAL) {
        explain(walk, field, trail);
    }
    if (field->type != FIELD_MAP || field->need == FIELD_REQUIRED) {
        return;
    }
    for (const struct field *child = field_next_child(field->root, field, NULL); child != NULL; child = field_next_child(field->root, field, child)) {
        if (child->need == FIELD_REQUIRED) {
            return; /* a map that needs something is nothing without it */
        }
    }
    for (const struct field *child = field_next_child(field->root, field, NULL); child != NULL; child = field_next_child(field->root, field, child)) {
        size_t size = trail->size;
        trail_put_key(trail, slice_from(field_name(child)));
        explain_absent(walk, child, trail);
        trail->size = size;
    }
}

static void check_count(struct walk *walk, const struct field *field, const struct tree *tree, const struct trail *trail)
{
    int64_t count = (int64_t)tree->count;
    if (field->high == 0 || (count >= field->low && count <= field->high)) {
        return;
    }
    (void)complain(walk->to, "P303", tree->key_at, "%.*s has %lld entries; %lld to %lld are allowed", SLICE_ARGS(trail_slice(trail)), (long long)count,
                   (long long)field->low, (long long)field->high);
}

static void check_list(struct walk *walk, const struct field *field, const struct tree *list, struct trail *trail)
{
    const struct field *element = field_next_child(field->root, field, NULL);
    size_t index = 0;
    check_count(walk, field, list, trail);
    for (const struct tree *child = list->first; child != NULL && element != NULL; child = child->next, index++) {
        size_t size = trail->size;
        trail_put_index(trail, index);
        check_value(walk, element, child, trail);
        trail->size = size;
    }
}

static const char *shape_text(const struct tree *tree)
{
    return tree->kind == TREE_MAP ? "a map" : tree->kind == TREE_LIST ? "a list" : "a single value";
}

static void complain_of_shape(struct walk *walk, const struct tree *tree, const struct trail *trail, const char *due)
{
    if (tree_is_empty(tree)) {
        (void)complain(walk->to, "P111", tree->key_at, "%.*s has no value; %s is due", SLICE_ARGS(trail_slice(trail)), due);
        return;
    }
    (void)complain(walk->to, "P111", tree->at, "%.*s is %s; %s is due", SLICE_ARGS(trail_slice(trail)), shape_text(tree), due);
}

static void check_variant(struct walk *walk, const struct field *field, const struct tree *tree, struct trail *trail)
{
    if (tree->kind != TREE_MAP) {
        complain_of_shape(walk, tree, trail, "a map {key: value}");
        return;
    }
    enum field_root root = walk->variant(walk->self, field, tree);
    if (root != ROOT_COUNT) {
        check_map(walk, root, NULL, tree, trail);
    }
}

static void check_value(struct walk *walk, const struct field *field, const struct tree *tree, struct trail *trail)
{
    switch (field->type) {
    case FIELD_LATER:
        (void)complain(walk->to, "P601", tree->key_at, "`%s` is a word of the language that this version does not run (%.*s); %s", field_name(field),
                       SLICE_ARGS(trail_slice(trail)), field->text);
        return;
    case FIELD_VARIANT:
        check_variant(walk, field, tree, trail);
        return;
    case FIELD_MAP:
    case FIELD_ITEMS:
    case FIELD_ITEMS_OF:
        if (tree->kind != TREE_MAP) {
            complain_of_shape(walk, tree, trail, "a map {key: value}");
        } else {
            check_count(walk, field, tree, trail);
            check_map(walk, field->root, field, tree, trail);
        }
        return;
    case FIELD_LIST:
    case FIELD_ONE_OR_LIST:
        if (tree->kind == TREE_LIST) {
            check_list(walk, field, tree, trail);
        } else if (field->type == FIELD_ONE_OR_LIST) {
            check_value(walk, field_next_child(field->root, field, NULL), tree, trail);
        } else {
            complain_of_shape(walk, tree, trail, "a list [one, another]");
        }
        return;
    case FIELD_AUTO_OR_MAP:
        if (tree->kind == TREE_MAP) {
            check_map(walk, field->root, field, tree, trail);
        } else if (tree->kind == TREE_LIST || !slice_equal(tree->text, SLICE("auto"))) {
            complain_of_shape(walk, tree, trail, "auto or a map {key: value}");
        }
        return;
    default:
        break;
    }
    if (tree->kind != TREE_TEXT || tree_is_empty(tree)) {
        complain_of_shape(walk, tree, trail, "a single value");
        return;
    }
    check_text(walk, field, tree, trail_slice(trail));
}

static const struct field *child_named(enum field_root root, const struct field *parent, slice key)
{
    const struct field *wild = NULL;
    for (const struct field *child = field_next_child(root, parent, NULL); child != NULL; child = field_next_child(root, parent, child)) {
        const char *name = field_name(child);
        if (slice_equal(slice_from(name), key)) {
            return child;
        }
        wild = name[0] == '*' ? child : wild;
    }
    return wild;
}

static void complain_of_key(struct walk *walk, enum field_root root, const struct field *parent, const struct tree *entry, const struct trail *trail)
{
    struct nearest nearest = nearest_begin(entry->key);
    char known[160];
    struct buffer list = buffer_over(known, sizeof known - 1);
    for (const struct field *child = field_next_child(root, parent, NULL); child != NULL; child = field_next_child(root, parent, child)) {
        nearest_try(&nearest, slice_from(field_name(child)));
        if (child->type != FIELD_LATER) {
            buffer_put_text(&list, list.size == 0 ? "" : " ");
            buffer_put_text(&list, field_name(child));
        }
    }
    known[list.size] = '\0';
    bool verb = root >= ROOT_RIS && root <= ROOT_HUB && parent == NULL;
    struct hint hint = nearest_hint(&nearest);
    const char *before = hint.text[0] == '\0' && !list.full && list.size > 0 ? "; known here: " : "";
    const char *rest = before[0] == '\0' ? "" : known;
    if (slice_equal(trail_slice(trail), entry->key)) {
        (void)complain(walk->to, "P201", entry->key_at, "unknown key %s%s%s%s", quoted(entry->key).text, hint.text, before, rest);
        return;
    }
    (void)complain(walk->to, verb ? "P203" : "P201", entry->key_at, "unknown %s %s (%.*s)%s%s%s", verb ? "verb" : "key", quoted(entry->key).text,
                   SLICE_ARGS(trail_slice(trail)), hint.text, before, rest);
}

/* Is a key that nobody knows this one, misspelt? Then that is complained of, and not that it is missing too. */
static bool is_misspelt(enum field_root root, const struct field *parent, const struct tree *map, const struct field *wanted)
{
    for (const struct tree *entry = map->first; entry != NULL; entry = entry->next) {
        if (child_named(root, parent, entry->key) != NULL) {
            continue;
        }
        struct nearest nearest = nearest_begin(entry->key);
        for (const struct field *child = field_next_child(root, parent, NULL); child != NULL; child = field_next_child(root, parent, child)) {
            nearest_try(&nearest, slice_from(field_name(child)));
        }
        if (nearest.distance != SIZE_MAX && slice_equal(nearest.best, slice_from(field_name(wanted)))) {
            return true;
        }
    }
    return false;
}

static void check_missing(struct walk *walk, enum field_root root, const struct field *parent, const struct tree *map, struct trail *trail)
{
    for (const struct field *child = field_next_child(root, parent, NULL); child != NULL; child = field_next_child(root, parent, child)) {
        const char *name = field_name(child);
        if (name[0] == '*' || tree_get(map, name) != NULL) {
            continue;
        }
        size_t size = trail->size;
        trail_put_key(trail, slice_from(name));
        if (child->need == FIELD_REQUIRED && is_misspelt(root, parent, map, child)) {
            trail->size = size;
            continue;
        }
        if (child->need == FIELD_REQUIRED) {
            (void)complain(walk->to, "P112", parent == NULL && map->key.size == 0 ? map->at : map->key_at, "%.*s is missing: %s", SLICE_ARGS(trail_slice(trail)),
                           child->text);
        } else {
            bool verb = root >= ROOT_RIS && root <= ROOT_HUB && parent == NULL; /* one that is not said has no defaults */
            verb ? (void)0 : explain_absent(walk, child, trail);
        }
        trail->size = size;
    }
}

static void check_map(struct walk *walk, enum field_root root, const struct field *parent, const struct tree *map, struct trail *trail)
{
    for (const struct tree *entry = map->first; entry != NULL; entry = entry->next) {
        const struct field *field = child_named(root, parent, entry->key);
        size_t size = trail->size;
        trail_put_key(trail, entry->key);
        if (field == NULL) {
            complain_of_key(walk, root, parent, entry, trail);
        } else {
            if (parent != NULL && parent->type == FIELD_ITEMS && !value_is_id(entry->key)) {
                (void)complain(walk->to, "P211", entry->key_at, "%s is no id (%.*s): a letter, then letters, digits, \"_\", \"-\" or \".\", 40 at most",
                               quoted(entry->key).text, SLICE_ARGS(trail_slice(trail)));
            } else if (parent != NULL && parent->type == FIELD_ITEMS_OF) {
                check_name(walk, parent->refers, entry->key, entry->key_at, trail_slice(trail));
            }
            check_value(walk, field, entry, trail);
        }
        trail->size = size;
    }
    check_missing(walk, root, parent, map, trail);
}

void fields_check(struct walk *walk, enum field_root root, const struct tree *map, slice path)
{
    struct trail trail = {.size = 0};
    trail_put(&trail, path);
    check_map(walk, root, NULL, map, &trail);
}
