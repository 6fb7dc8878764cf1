/* SPDX-License-Identifier: MIT
 *
 * One value held against its field: the name, number, quantity, point in time or form that is due, and a sentence for what does
 * not fit. */
#include "src/scenario/walk_private.h"

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

void walk_name(struct walk *walk, const char *refers, slice name, struct span at, slice path)
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

void walk_text(struct walk *walk, const struct field *field, const struct tree *tree, slice path)
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
        walk_name(walk, field->refers, tree->text, tree->at, path);
        break;
    case FIELD_STAMP:
        check_stamp(walk, tree, path, "\"2010-03-01T08:00\"");
        break;
    default:
        check_form(walk, field, tree, path);
        break;
    }
}
