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
    [NAMES_MODALITIES] = {"modalities", "modality", "their sizes are declared here"},
    [NAMES_CALENDARS] = {"calendars", "calendar", "calendars are declared here"},
    [NAMES_SHAPES] = {"shapes", "shape", "shapes are declared here"},
    [NAMES_PATHWAYS] = {"pathways", "pathway", "pathways are declared here"},
    [NAMES_MEETINGS] = {"meetings", "meeting", "meetings are declared here"},
    [NAMES_CHANGES] = {"changes", "change", "the timeline begins here"},
    [NAMES_FAULTS] = {"faults", "fault", "faults are declared here"},
    [NAMES_LINKS] = {"links", "link", "links are declared here"},
    [NAMES_PARAMS] = {"params", "param", "params are declared here"},
    [NAMES_MEASURES] = {"measures", "measure", ""},
    [NAMES_SERIES] = {"series", "series", ""},
    [NAMES_SITUATIONS] = {"situations", "situation", ""},
    [NAMES_PLACES] = {"places", "site or node", "sites are declared here"},
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

static void put_bound(struct buffer *buffer, const struct field *field, int64_t bound)
{
    switch (field->type) {
    case FIELD_DURATION:
    case FIELD_EVERY:
        value_put_duration(buffer, bound);
        break;
    case FIELD_NUMBER:
        value_put_decimal(buffer, bound);
        break;
    default:
        buffer_put_int(buffer, bound);
        break;
    }
}

static void check_bounds(struct walk *walk, const struct field *field, const struct tree *tree, int64_t number, slice path)
{
    if ((field->low == 0 && field->high == 0) || (number >= field->low && number <= field->high)) {
        return;
    }
    char bounds[96];
    struct buffer buffer = buffer_over(bounds, sizeof bounds - 1);
    bool open = field->high == INT64_MAX;
    buffer_put_text(&buffer, open ? "at least " : "");
    put_bound(&buffer, field, field->low);
    buffer_put_text(&buffer, open ? "" : " to ");
    if (!open) {
        put_bound(&buffer, field, field->high);
    }
    bounds[buffer.size] = '\0';
    (void)complain(walk->to, "P303", tree->at, "%s is out of range (%.*s): %s", quoted(tree->text).text, SLICE_ARGS(path), bounds);
}

/* What a value with a unit is called, which units it has, and one to show. */
static const struct measure_kind {
    enum field_type type;
    const char *what, *units, *example;
} measure_kinds[] = {
    {FIELD_SIZE, "size", "B kB MB GB TB KiB MiB GiB TiB", "MB"},
    {FIELD_BITRATE, "bit rate", "bit/s kbit/s Mbit/s Gbit/s kB/s MB/s GB/s", "Mbit/s"},
    {FIELD_RATE, "rate", "/s /min /h /d /w /mo /y, with k or M before", "/y"},
    {FIELD_GROWTH, "growth", "%/y", "%/y"},
    {FIELD_COUNT, "count", "k M", "k"},
    {FIELD_SHARE, "share", "%", "%"},
    {FIELD_NUMBER, "number", "", ""},
    {FIELD_DURATION, "duration", "ns us ms s min h d w mo y", "s"}, /* also what the types of durations fall back to */
};

static const struct measure_kind *measure_kind(enum field_type type)
{
    const struct measure_kind *kind = measure_kinds;
    while (kind->type != type && kind->type != FIELD_DURATION) {
        kind++;
    }
    return kind;
}

static void complain_of_unit(struct walk *walk, const struct measure_kind *kind, const struct tree *tree, slice unit, slice path)
{
    bool sized = kind->type == FIELD_DURATION || kind->type == FIELD_SIZE || kind->type == FIELD_BITRATE;
    enum quantity quantity = kind->type == FIELD_SIZE ? QUANTITY_SIZE : kind->type == FIELD_BITRATE ? QUANTITY_RATE : QUANTITY_DURATION;
    slice near = sized ? quantity_nearest_unit(quantity, unit) : SLICE_EMPTY;
    struct nearest nearest = {.best = near, .distance = near.size == 0 ? SIZE_MAX : 0};
    (void)complain(walk->to, "P302", tree->at, "unknown unit %s for a %s (%.*s); one of %s%s", quoted(unit).text, kind->what, SLICE_ARGS(path), kind->units,
                   nearest_hint(&nearest).text);
}

static void complain_of_quantity(struct walk *walk, enum field_type type, const struct tree *tree, enum value_fault fault, slice unit, slice path)
{
    const struct measure_kind *kind = measure_kind(type);
    struct quoted said = quoted(tree->text);
    switch (fault) {
    case VALUE_OK:
        break;
    case VALUE_NO_NUMBER:
        (void)complain(walk->to, "P304", tree->at, "%s is no %s (%.*s); write a number%s%s", said.text, kind->what, SLICE_ARGS(path),
                       kind->type == FIELD_NUMBER ? "" : kind->type == FIELD_SHARE ? " from 0 to 1, or one with " : " and one of ", kind->units);
        break;
    case VALUE_NO_UNIT:
        (void)complain(walk->to, "P301", tree->at, "%s needs a unit (%.*s); write \"%.*s %s\", or with another of %s", said.text, SLICE_ARGS(path),
                       SLICE_ARGS(slice_before(tree->text, 20)), kind->example, kind->units);
        break;
    case VALUE_WRONG_UNIT:
        complain_of_unit(walk, kind, tree, unit, path);
        break;
    case VALUE_TOO_LARGE:
        (void)complain(walk->to, "P303", tree->at, "%s is too large (%.*s)%s", said.text, SLICE_ARGS(path), kind->type == FIELD_SHARE ? "; a share is at most 1, or 100 %" : "");
        break;
    case VALUE_TOO_FINE:
        (void)complain(walk->to, "P303", tree->at, "%s has more decimals than the unit can hold (%.*s)", said.text, SLICE_ARGS(path));
        break;
    }
}

static slice behind_digits(slice text)
{
    size_t at = 0;
    while (at < text.size && strchr("0123456789. ", text.data[at]) != NULL) {
        at++;
    }
    return slice_after(text, at);
}

static enum value_fault read_quantity(enum field_type type, slice text, int64_t *number, slice *unit)
{
    time_ns per = 0;
    *unit = SLICE_EMPTY;
    switch (type) {
    case FIELD_SIZE:
        return value_quantity(text, QUANTITY_SIZE, number, unit);
    case FIELD_BITRATE:
        return value_quantity(text, QUANTITY_RATE, number, unit);
    case FIELD_RATE:
        return value_rate(text, number, &per, unit);
    case FIELD_GROWTH:
        *unit = behind_digits(text);
        return value_growth(text, number, &per);
    case FIELD_COUNT:
        *unit = behind_digits(text);
        return value_count(text, number);
    case FIELD_SHARE:
        return value_share(text, number);
    case FIELD_NUMBER:
        return value_decimal(text, number);
    case FIELD_SIGNED_DURATION:
        return value_quantity(slice_starts(text, SLICE("-")) ? slice_after(text, 1) : text, QUANTITY_DURATION, number, unit);
    default:
        return value_quantity(text, QUANTITY_DURATION, number, unit);
    }
}

static void check_quantity(struct walk *walk, const struct field *field, const struct tree *tree, slice path)
{
    int64_t number = 0;
    slice unit = SLICE_EMPTY;
    enum value_fault fault = read_quantity(field->type, tree->text, &number, &unit);
    if (fault == VALUE_OK && field->type != FIELD_RATE && field->type != FIELD_GROWTH) {
        check_bounds(walk, field, tree, number, path);
    }
    complain_of_quantity(walk, field->type, tree, fault, unit, path);
}

/* A value of a distribution: of what the distribution is of. Of counts it may be a decimal, a mean or median. */
static void check_drawn(struct walk *walk, const char *quantity, const struct tree *tree, slice path)
{
    static const struct {
        const char *quantity;
        enum field_type type;
    } types[] = {{"duration", FIELD_DURATION}, {"size", FIELD_SIZE}, {"share", FIELD_SHARE}, {"count", FIELD_NUMBER}};
    int64_t number = 0;
    slice unit = SLICE_EMPTY;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].quantity, quantity) == 0) {
            enum value_fault fault = read_quantity(types[i].type, tree->text, &number, &unit);
            complain_of_quantity(walk, types[i].type, tree, fault, unit, path);
        }
    }
}

static void check_integer(struct walk *walk, const struct field *field, const struct tree *tree, slice path)
{
    int64_t number = 0;
    if (field->type == FIELD_NUMBER_OR_ALL && slice_equal(tree->text, SLICE("all"))) {
        return;
    }
    if (value_integer(tree->text, &number) || (field->type == FIELD_NUMBER_OR_ALL && value_count(tree->text, &number) == VALUE_OK)) {
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

/* Of an hour that comes twice its binder knows whether `fold` stands beside it. */
static void check_stamp(struct walk *walk, const struct tree *tree, slice path, const char *due)
{
    time_ns at = 0;
    struct quoted said = quoted(tree->text);
    enum stamp_fault fault = value_stamp(tree->text, walk->zone, &at);
    if (fault == STAMP_FORM) {
        (void)complain(walk->to, "P401", tree->at, "%s is no point in time (%.*s); write %s", said.text, SLICE_ARGS(path), due);
    } else if (fault == STAMP_MISSING_HOUR) {
        (void)complain(walk->to, "P402", tree->at, "%s does not exist (%.*s): the clocks go forward over this hour", said.text, SLICE_ARGS(path));
    }
}

static void check_instant(struct walk *walk, const struct tree *tree, slice path)
{
    int64_t number = 0;
    slice unit = SLICE_EMPTY;
    time_ns since_midnight = 0;
    enum value_fault fault = value_quantity(tree->text, QUANTITY_DURATION, &number, &unit);
    if (value_time_of_day(tree->text, &since_midnight) || fault == VALUE_OK) {
        return;
    }
    bool stamp = tree->text.size > 4 && tree->text.data[4] == '-';
    if (!stamp && fault != VALUE_NO_NUMBER) {
        complain_of_quantity(walk, FIELD_DURATION, tree, fault, unit, path);
        return;
    }
    check_stamp(walk, tree, path, "the time from the start such as 30 min, \"08:30\" on the first day, or \"2010-03-01T08:00\"");
}

static void check_weekly(struct walk *walk, const struct tree *tree, slice path)
{
    uint32_t day = 0;
    time_ns since_midnight = 0;
    if (!value_weekly(tree->text, &day, &since_midnight)) {
        check_stamp(walk, tree, path, "\"wed 12:30\" for each week, or one \"2010-03-01T08:00\"");
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

/* CAV, or A########: what stands before the digits, and how many. */
static bool is_numbering(slice text)
{
    size_t letters = 0, digits = 0;
    for (size_t i = 0; i < text.size; i++) {
        bool digit = text.data[i] == '#';
        letters += text.data[i] >= 'A' && text.data[i] <= 'Z';
        digits += digit;
        if (!digit && digits > 0) {
            return false;
        }
    }
    return digits == 0 ? letters == 3 && text.size == 3 : digits >= 4 && digits <= 12 && text.size <= 16 && is_code(text);
}

static bool is_digest(slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        bool hex = (text.data[i] >= '0' && text.data[i] <= '9') || (text.data[i] >= 'a' && text.data[i] <= 'f');
        if (!hex) {
            return false;
        }
    }
    return text.size == 16 || text.size == 64;
}

/* publish.p95, or the name of a count. */
static bool is_quantile(slice text)
{
    size_t dot = slice_index(text, '.');
    return value_is_id(text) && (dot >= text.size || field_has("p50 p90 p95 p99 p999 worst", slice_after(text, dot + 1)));
}

static bool is_budget(slice text)
{
    int64_t share = 0;
    slice per = SLICE_EMPTY;
    return value_budget(text, &share, &per) == VALUE_OK && field_has("run hour day week month quarter year meeting meeting-month", per);
}

static bool is_hours(slice text)
{
    time_ns from = 0, until = 0;
    return value_hours(text, &from, &until);
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
        {FIELD_HOURS, is_hours(text), "P401", "write hours of one day such as \"08:00-17:00\", the second after the first"},
        {FIELD_NUMBERING, is_numbering(text), "P307", "write three capital letters, or how its numbers look: letters and 4 to 12 # for the digits"},
        {FIELD_DIGEST, is_digest(text), "P307", "write 16 or 64 hexadecimal digits, or null until a run is accepted"},
        {FIELD_QUANTILE, is_quantile(text), "P307", "write the id of an slo and its quantile, such as publish.p95, or of a count"},
        {FIELD_BUDGET, is_budget(text), "P307", "write a share and a time, such as 0.5 % per month; times are run hour day week month quarter year meeting meeting-month"},
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
    case FIELD_COUNT:
    case FIELD_NUMBER:
    case FIELD_SHARE:
    case FIELD_DURATION:
    case FIELD_SIGNED_DURATION:
    case FIELD_EVERY:
    case FIELD_SIZE:
    case FIELD_BITRATE:
    case FIELD_RATE:
    case FIELD_GROWTH:
        check_quantity(walk, field, tree, path);
        break;
    case FIELD_VALUE:
        check_drawn(walk, walk->quantity, tree, path);
        break;
    case FIELD_DISTRIBUTION:
        check_drawn(walk, field->refers, tree, path);
        break;
    case FIELD_INSTANT:
        check_instant(walk, tree, path);
        break;
    case FIELD_WEEKLY:
        check_weekly(walk, tree, path);
        break;
    case FIELD_CHOICE:
    case FIELD_CHOICE_OR_MAP:
    case FIELD_STEPS_OR_WORD:
        check_choice(walk, field, tree, path);
        break;
    case FIELD_REF:
    case FIELD_NAME_OR_MAP:
        check_name(walk, field->refers, tree->text, tree->at, path);
        break;
    case FIELD_STAMP:
        check_stamp(walk, tree, path, "\"2010-03-01T08:00\"");
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

void explain_line(struct walk *walk, slice path, slice value, struct span at)
{
    struct explained *line = walk->explained_tail == NULL ? NULL : arena_alloc(walk->arena, sizeof *line);
    char origin[320] = "built in";
    if (line == NULL) {
        return;
    }
    if (at.line > 0) {
        struct buffer buffer = buffer_over(origin, sizeof origin - 1);
        buffer_put_text(&buffer, walk->to->file);
        buffer_put_byte(&buffer, ':');
        buffer_put_int(&buffer, at.line);
        origin[buffer.size] = '\0';
    }
    *line = (struct explained){arena_copy(walk->arena, path), value, arena_copy(walk->arena, slice_from(origin)), NULL};
    *walk->explained_tail = line;
    walk->explained_tail = &line->next;
}

/* A key that is not there: what it is then. */
static void explain_absent(struct walk *walk, const struct field *field, struct trail *trail)
{
    const struct tree *shared = tree_get(walk->defaults, field_name(field));
    if (shared != NULL) {
        explain_line(walk, trail_slice(trail), shared->kind == TREE_TEXT ? shared->text : SLICE("{...}"), shared->at);
        return;
    }
    if (field->fallback[0] != '\0' && field->need == FIELD_OPTIONAL) {
        explain_line(walk, trail_slice(trail), slice_from(field->fallback), (struct span){0, 0, 0});
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
    if (root == ROOT_STEP && tree->count != 1) {
        (void)complain(walk->to, "P213", tree->at, "a step of a pathway is one word with its arguments; %.*s has %zu", SLICE_ARGS(trail_slice(trail)), tree->count);
    }
    if (root != ROOT_COUNT) {
        check_map(walk, root, NULL, tree, trail);
    }
}

/* Is the key alone a value: does it need nothing more? */
static bool stands_alone(const struct field *field)
{
    if (field->type != FIELD_MAP && field->type != FIELD_CHOICE_OR_MAP) {
        return false;
    }
    for (const struct field *child = field_next_child(field->root, field, NULL); child != NULL; child = field_next_child(field->root, field, child)) {
        if (child->need == FIELD_REQUIRED) {
            return false;
        }
    }
    return true;
}

/* A word for a map that has only its key. */
static void check_alone(struct walk *walk, enum field_root root, const struct field *parent, const struct tree *tree, const struct trail *trail)
{
    struct nearest nearest = nearest_begin(tree->text);
    for (const struct field *child = field_next_key(root, parent, NULL); child != NULL; child = field_next_key(root, parent, child)) {
        if (!slice_equal(slice_from(field_name(child)), tree->text)) {
            nearest_try(&nearest, slice_from(field_name(child)));
            continue;
        }
        if (!stands_alone(child)) {
            (void)complain(walk->to, "P112", tree->at, "%s needs its argument (%.*s): {%s: ...}, %s", quoted(tree->text).text, SLICE_ARGS(trail_slice(trail)),
                           field_name(child), child->text);
        }
        return;
    }
    (void)complain(walk->to, "P207", tree->at, "unknown word %s (%.*s)%s", quoted(tree->text).text, SLICE_ARGS(trail_slice(trail)), nearest_hint(&nearest).text);
}

static void check_one_of(struct walk *walk, const struct field *field, const struct tree *tree, struct trail *trail)
{
    if (tree->kind == TREE_TEXT && !tree_is_empty(tree)) {
        check_alone(walk, field->root, field, tree, trail);
    } else if (tree->kind != TREE_MAP) {
        complain_of_shape(walk, tree, trail, "a map {key: value}");
    } else {
        if (tree->count != 1) {
            (void)complain(walk->to, "P213", tree->at, "%.*s is one of its words; %zu stand here", SLICE_ARGS(trail_slice(trail)), tree->count);
        }
        check_map(walk, field->root, field, tree, trail);
    }
}

/* The arguments that stand beside the word of an effect. */
static bool is_effect_argument(slice key)
{
    return field_has("instances rows late_by", key);
}

static void check_effect(struct walk *walk, const struct tree *tree, struct trail *trail)
{
    size_t words = 0;
    if (tree->kind == TREE_TEXT && !tree_is_empty(tree)) {
        check_alone(walk, ROOT_EFFECT, NULL, tree, trail);
        return;
    }
    if (tree->kind != TREE_MAP) {
        complain_of_shape(walk, tree, trail, "a word, or a map {word: argument}");
        return;
    }
    for (const struct tree *entry = tree->first; entry != NULL; entry = entry->next) {
        words += !is_effect_argument(entry->key);
    }
    if (words != 1) {
        (void)complain(walk->to, "P213", tree->at, "a fault has one effect; %.*s has %zu", SLICE_ARGS(trail_slice(trail)), words);
    }
    check_map(walk, ROOT_EFFECT, NULL, tree, trail);
}

/* How a quantity varies: one family, with its parameters. */
static void check_distribution(struct walk *walk, const struct field *field, const struct tree *tree, struct trail *trail)
{
    const char *around = walk->quantity;
    size_t families = 0;
    const struct tree *gilbert = tree_get(tree, "gilbert");
    for (const struct tree *entry = tree->first; entry != NULL; entry = entry->next) {
        families += field_has("fixed uniform exponential normal lognormal gamma weibull pareto poisson negative_binomial pmf empirical gilbert", entry->key);
    }
    if (families != 1) {
        (void)complain(walk->to, "P309", tree->at, "%.*s has one way to vary (fixed, uniform, lognormal, ...); %zu stand here", SLICE_ARGS(trail_slice(trail)), families);
    }
    if (gilbert != NULL && strcmp(field->refers, "share") != 0) {
        (void)complain(walk->to, "P309", gilbert->key_at, "gilbert is for the loss of packets, not for a %s (%.*s)", field->refers, SLICE_ARGS(trail_slice(trail)));
    }
    walk->quantity = field->refers;
    check_map(walk, field->root, field, tree, trail);
    walk->quantity = around;
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
    case FIELD_ONE_OF:
        check_one_of(walk, field, tree, trail);
        return;
    case FIELD_EFFECT:
        check_effect(walk, tree, trail);
        return;
    case FIELD_DISTRIBUTION:
        if (tree->kind == TREE_MAP) {
            check_distribution(walk, field, tree, trail);
            return;
        }
        break;
    case FIELD_NAME_OR_MAP:
    case FIELD_CHOICE_OR_MAP:
    case FIELD_EVERY:
        if (tree->kind == TREE_MAP) {
            check_map(walk, field->root, field, tree, trail);
            return;
        }
        break;
    case FIELD_STEPS_OR_WORD:
        if (tree->kind == TREE_LIST) {
            check_list(walk, field, tree, trail);
            return;
        }
        break;
    case FIELD_DIGEST:
        if (tree_is_empty(tree)) {
            return;
        }
        break;
    case FIELD_MAP:
    case FIELD_ITEMS:
    case FIELD_ITEMS_OF:
    case FIELD_ITEMS_ANY:
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

/* Roots whose top is words of which one is said. */
static bool is_menu(enum field_root root)
{
    return (root >= ROOT_RIS && root <= ROOT_HUB) || root == ROOT_STEP || root == ROOT_DISTRIBUTION || root == ROOT_EFFECT;
}

static const struct field *child_named(enum field_root root, const struct field *parent, slice key)
{
    const struct field *wild = NULL;
    for (const struct field *child = field_next_key(root, parent, NULL); child != NULL; child = field_next_key(root, parent, child)) {
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
    for (const struct field *child = field_next_key(root, parent, NULL); child != NULL; child = field_next_key(root, parent, child)) {
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
        for (const struct field *child = field_next_key(root, parent, NULL); child != NULL; child = field_next_key(root, parent, child)) {
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
            /* A word that is not said has no defaults. */
            bool word = (is_menu(root) && parent == NULL) || (parent != NULL && parent->type == FIELD_ONE_OF);
            word ? (void)0 : explain_absent(walk, child, trail);
        }
        trail->size = size;
    }
}

static void check_map(struct walk *walk, enum field_root root, const struct field *parent, const struct tree *map, struct trail *trail)
{
    const struct tree *around = walk->defaults, *shared = tree_get(map, "defaults");
    for (const struct tree *entry = map->first; entry != NULL; entry = entry->next) {
        const struct field *field = child_named(root, parent, entry->key);
        size_t size = trail->size;
        walk->defaults = parent != NULL && parent->type == FIELD_ITEMS && entry != shared ? shared : NULL;
        trail_put_key(trail, entry->key);
        if (field == NULL) {
            complain_of_key(walk, root, parent, entry, trail);
        } else {
            if (parent != NULL && parent->type == FIELD_ITEMS && !value_is_id(entry->key)) {
                (void)complain(walk->to, "P211", entry->key_at, "%s is no id (%.*s): a letter, then letters, digits, \"_\", \"-\" or \".\", 40 at most",
                               quoted(entry->key).text, SLICE_ARGS(trail_slice(trail)));
            } else if (parent != NULL && parent->type == FIELD_ITEMS_OF && field_name(field)[0] == '*') {
                check_name(walk, parent->refers, entry->key, entry->key_at, trail_slice(trail));
            }
            check_value(walk, field, entry, trail);
        }
        trail->size = size;
    }
    walk->defaults = around;
    check_missing(walk, root, parent, map, trail);
}

void fields_check(struct walk *walk, enum field_root root, const struct tree *map, slice path)
{
    struct trail trail = {.size = 0};
    trail_put(&trail, path);
    check_map(walk, root, NULL, map, &trail);
}

void field_check(struct walk *walk, const struct field *field, const struct tree *tree, slice path)
{
    struct trail trail = {.size = 0};
    trail_put(&trail, path);
    check_value(walk, field, tree, &trail);
}
