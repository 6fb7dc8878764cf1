/* SPDX-License-Identifier: MIT */
#include "src/scenario/field.h"

const struct field fields[] = {
#define FIELD(root, path, type, need, low, high, fallback, refers, text) {ROOT_##root, path, FIELD_##type, FIELD_##need, low, high, fallback, refers, text},
#include "src/scenario/fields.def"
#undef FIELD
};
const size_t field_count = sizeof fields / sizeof fields[0];

/* ---- The table as a tree: a child's path is its parent's, then "[]" or "." and a name. */

static size_t parent_size(const char *path)
{
    size_t size = strlen(path);
    if (size >= 2 && path[size - 1] == ']') {
        return size - 2;
    }
    while (size > 0 && path[size - 1] != '.') {
        size--;
    }
    return size == 0 ? 0 : size - 1;
}

const char *field_name(const struct field *field)
{
    size_t from = parent_size(field->path);
    return field->path + from + (field->path[from] == '.');
}

const struct field *field_find(enum field_root root, const char *path)
{
    for (size_t i = 0; i < field_count; i++) {
        if (fields[i].root == root && strcmp(fields[i].path, path) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

const struct field *field_next_child(enum field_root root, const struct field *parent, const struct field *before)
{
    const struct field *at = before != NULL ? before + 1 : parent != NULL ? parent + 1 : fields;
    size_t size = parent == NULL ? 0 : strlen(parent->path);
    for (; at < fields + field_count; at++) {
        bool below = at->root == root && (parent == NULL || (strncmp(at->path, parent->path, size) == 0 && (at->path[size] == '.' || at->path[size] == '[')));
        if (below && parent_size(at->path) == size) {
            return at;
        }
        if (!below && parent != NULL) {
            return NULL;
        }
    }
    return NULL;
}

/* The map whose keys it has too; *root and the field, null for the top of the root. False: none. */
static bool shares_keys(const struct field *parent, enum field_root *root, const struct field **of)
{
    *of = NULL;
    if (parent == NULL || (parent->type != FIELD_MAP && parent->type != FIELD_DISTRIBUTION)) {
        return false;
    }
    if (parent->type == FIELD_DISTRIBUTION) {
        *root = ROOT_DISTRIBUTION;
        return true;
    }
    slice rest = slice_from(parent->refers);
    slice word = slice_cut(&rest, ' ');
    *root = slice_equal(word, SLICE("ENGINE")) ? ROOT_ENGINE : ROOT_SCENARIO;
    *of = rest.data == NULL ? NULL : field_find(*root, rest.data);
    return *of != NULL;
}

const struct field *field_next_key(enum field_root root, const struct field *parent, const struct field *before)
{
    enum field_root other = ROOT_COUNT;
    const struct field *of = NULL, *next = NULL;
    size_t size = parent == NULL ? 0 : strlen(parent->path);
    bool own = before == NULL || parent == NULL || (before->root == root && strncmp(before->path, parent->path, size) == 0 && parent_size(before->path) == size);
    if (own) {
        next = field_next_child(root, parent, before);
        before = NULL;
    }
    return next == NULL && shares_keys(parent, &other, &of) ? field_next_child(other, of, before) : next;
}

bool field_has(const char *choices, slice word)
{
    slice rest = slice_from(choices);
    while (rest.data != NULL && word.size > 0) {
        if (slice_equal(slice_cut(&rest, ' '), word)) {
            return true;
        }
    }
    return false;
}

/* ---- Names. */

enum err names_init(struct names *names, struct arena *arena, size_t max, struct span declared)
{
    *names = (struct names){.max = max, .declared = declared, .list = arena_array(arena, max + 1, sizeof(slice))};
    return names->list == NULL ? ERR_LIMIT : map_init(&names->map, arena, max + 1);
}

bool names_put(struct names *names, slice name)
{
    uint32_t index = 0;
    if (names->map.slots == NULL || map_find(&names->map, name, &index) || names->count == names->max || map_put(&names->map, name, (uint32_t)names->count) != ERR_OK) {
        return false;
    }
    names->list[names->count++] = name;
    return true;
}

enum err names_begin(struct walk *walk, struct names *names, enum name_kind kind, size_t max, struct span declared)
{
    walk->names[kind] = names;
    return names_init(names, walk->arena, max, declared);
}

enum err names_rows(struct walk *walk, struct names *names, enum name_kind kind, const char *const *rows, size_t count)
{
    enum err err = names_begin(walk, names, kind, count, (struct span){0, 0, 0});
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        (void)names_put(names, slice_from(rows[i]));
    }
    return err;
}

/* ---- Reading. */

slice field_text(enum field_root root, const char *path, const struct tree *tree)
{
    const struct field *field = field_find(root, path);
    bool given = tree != NULL && tree->kind == TREE_TEXT && !tree_is_empty(tree);
    return given ? tree->text : slice_from(field == NULL ? "" : field->fallback);
}

#define TIME_YEAR (31556952 * TIME_S)

/* Millionths in any time, a year. */
static int64_t in_a_year(int64_t millionths, time_ns per)
{
    __extension__ typedef __int128 wide;
    wide year = per <= 0 ? 0 : (wide)millionths * TIME_YEAR / per;
    return year > INT64_MAX ? INT64_MAX : (int64_t)year;
}

bool field_number(const struct field *field, slice text, int64_t *number)
{
    slice unit = SLICE_EMPTY;
    bool truth = false, back = slice_starts(text, SLICE("-"));
    time_ns per = TIME_YEAR;
    switch (field->type) {
    case FIELD_COUNT:
        return value_count(text, number) == VALUE_OK;
    case FIELD_NUMBER:
        return value_decimal(text, number) == VALUE_OK;
    case FIELD_SHARE:
        return value_share(text, number) == VALUE_OK;
    case FIELD_BITRATE:
        return value_quantity(text, QUANTITY_RATE, number, &unit) == VALUE_OK;
    case FIELD_RATE:
        truth = value_rate(text, number, &per, &unit) == VALUE_OK;
        *number = truth ? in_a_year(*number, per) : 0;
        return truth;
    case FIELD_GROWTH:
        truth = value_growth(text, number, &per) == VALUE_OK;
        *number = truth ? in_a_year(*number, per) : 0;
        return truth;
    case FIELD_SIGNED_DURATION:
        truth = value_quantity(back ? slice_after(text, 1) : text, QUANTITY_DURATION, number, &unit) == VALUE_OK;
        *number = back ? -*number : *number;
        return truth;
    case FIELD_EVERY:
    case FIELD_DURATION:
        return value_quantity(text, QUANTITY_DURATION, number, &unit) == VALUE_OK;
    case FIELD_SIZE:
        return value_quantity(text, QUANTITY_SIZE, number, &unit) == VALUE_OK;
    case FIELD_BOOL:
        truth = value_bool(text, &truth) && truth;
        *number = truth;
        return true;
    default:
        return value_integer(text, number);
    }
}

int64_t field_integer(enum field_root root, const char *path, const struct tree *tree)
{
    const struct field *field = field_find(root, path);
    int64_t number = 0;
    if (field == NULL) {
        return 0;
    }
    bool given = tree != NULL && tree->kind == TREE_TEXT && field_number(field, tree->text, &number);
    bool fits = given && ((field->low == 0 && field->high == 0) || (number >= field->low && number <= field->high));
    if (!fits && !field_number(field, slice_from(field->fallback), &number)) {
        number = 0;
    }
    return number;
}
