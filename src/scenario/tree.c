/* SPDX-License-Identifier: MIT */
#include "src/scenario/tree.h"

#include "src/base/map.h"
#include "src/scenario/value.h"

#include <errno.h>
#include <stdio.h>
#include <yaml.h>

/* ---- The bytes. */

static enum err load_failed(const struct complaints *to, const char *path, int error)
{
    const struct span start = {1, 1, 1};
    if (error == EISDIR) {
        (void)complain(to, "P101", start, "%s is a folder, not a file; name a scenario in it", path);
    } else if (error == ENOENT || error == ENOTDIR) {
        (void)complain(to, "P101", start, "there is no file %s; check the path, or look in scenarios/", path);
    } else {
        (void)complain(to, "P101", start, "%s cannot be read: %s", path, strerror(error));
    }
    return ERR_NOT_FOUND;
}

enum err tree_load(slice *source, const char *path, const struct complaints *to, struct arena *arena)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return load_failed(to, path, errno);
    }
    size_t start = arena->used, high = arena->high, left = arena->size - start;
    size_t room = left < TREE_FILE_MAX + 32 ? left : TREE_FILE_MAX + 32;
    char *bytes = room <= 32 ? NULL : arena_take(arena, room - 16);
    if (bytes == NULL) {
        fclose(file);
        (void)complain(to, "P105", (struct span){1, 1, 1}, "no memory is left to read this file");
        return ERR_LIMIT;
    }
    errno = 0;
    size_t size = fread(bytes, 1, room - 17, file);
    int error = ferror(file) ? errno : 0;
    fclose(file);
    if (error != 0) {
        return load_failed(to, path, error);
    }
    if (size == room - 17 && size <= TREE_FILE_MAX) {
        (void)complain(to, "P105", (struct span){1, 1, 1}, "no memory is left to read this file");
        return ERR_LIMIT;
    }
    if (size > TREE_FILE_MAX) {
        (void)complain(to, "P102", (struct span){1, 1, 1}, "the file is larger than the %u MiB that are read; cut it down, or let `crowd` make its people",
                       TREE_FILE_MAX >> 20);
        return ERR_BAD_INPUT;
    }
    bytes[size] = '\0';
    arena->used = (size_t)(bytes - arena->memory) + size + 1; /* give back what the file did not need */
    arena->high = arena->used > high ? arena->used : high;    /* and nobody wrote to */
    *source = (slice){bytes, size};
    return ERR_OK;
}

/* ---- Is it text at all: UTF-8 without control characters, indented with spaces. */

static bool complain_of_byte(const struct complaints *to, struct span at, unsigned char byte, slice source)
{
    if (at.line == 1 && at.column == 1 && source.size > 1 && (byte == 0xFE || byte == 0xFF)) {
        (void)complain(to, "P103", at, "this is UTF-16; save the file as UTF-8");
    } else if (byte >= 0x80) {
        (void)complain(to, "P103", at, "byte 0x%02X is not UTF-8; save the file as UTF-8 (it may be Latin-1)", byte);
    } else {
        (void)complain(to, "P103", at, "control character 0x%02X: this is not a text file", byte);
    }
    return false;
}

/* One complaint at the first character that cannot be in a scenario. */
static bool is_text(slice source, const struct complaints *to)
{
    struct span at = {1, 1, 2};
    bool indent = true; /* only spaces so far on this line */
    for (size_t i = 0; i < source.size;) {
        unsigned char byte = (unsigned char)source.data[i];
        size_t size = value_character_size(source.data + i, source.size - i);
        if (size == 0 || byte == 0x7F || (byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t')) {
            return complain_of_byte(to, at, byte, source);
        }
        if (byte == '\t' && indent) {
            (void)complain(to, "P104", at, "a tab in the indentation; use spaces (YAML allows no tabs there)");
            return false;
        }
        i += size;
        indent = byte == '\n' || (indent && byte == ' ');
        at.column = byte == '\n' ? 1 : at.column + 1;
        at.line += byte == '\n';
        at.end_column = at.column + 1;
    }
    return true;
}

/* ---- libyaml's complaints, in words that say what to do. The first row whose text is found holds. */

static const struct reword {
    const char *problem, *text;
} rewords[] = {
    {"mapping values are not allowed", "a \": \" where no key can stand; quote the text before it, or mend the indentation"},
    {"block sequence entries are not allowed", "a \"- \" where no list can stand; begin the list on a line of its own"},
    {"could not find expected ':'", "a key without \":\"; write `key: value`"},
    {"did not find expected ',' or ']'", "this [list] is not closed; a \",\" or \"]\" is missing"},
    {"did not find expected ',' or '}'", "this {map} is not closed; a \",\" or \"}\" is missing, or a text with \": \" in it needs quotes"},
    {"found unexpected ':'", "a \":\" without a space behind it; write `key: value`, or put the text in quotes"},
    {"did not find expected key", "this line fits neither the indentation of its neighbours nor a list; line it up"},
    {"did not find expected '-' indicator", "this line does not line up with the list it stands in; begin it with \"- \" or line it up"},
    {"did not find expected node content", "a value is missing here"},
    {"found unexpected end of stream", "a quote or bracket that was opened is never closed"},
    {"found unexpected document indicator", "a \"---\" or \"...\" inside a quoted text"},
    {"found unknown escape character", "an unknown \\escape in double quotes; use 'single quotes' for text with backslashes"},
    {"did not find expected hexdecimal number", "a \\x, \\u or \\U escape without its digits"},
    {"found character that cannot start any token", "a text cannot begin with this character; put it in quotes"},
    {"did not find expected alphabetic or numeric character", "a name is missing behind the \"&\" or \"*\"; put the text in quotes if it is one"},
    {"found undefined alias", "an *alias whose &anchor does not stand before it"},
    {"did not find expected <document start>", "more text after the end of the document; one file holds one scenario"},
    {"found a tab character", "a tab in the indentation; use spaces"},
    {"undefined tag handle", "a tag (!name); scenarios use none, take it away"},
    {"exceeded maximum", "nested deeper than 64 levels"},
};

static void complain_of_yaml(const struct complaints *to, const yaml_parser_t *parser)
{
    const char *problem = parser->problem == NULL ? "it cannot be parsed" : parser->problem;
    yaml_mark_t mark = parser->problem_mark;
    struct span at = {(int)mark.line + 1, (int)mark.column + 1, (int)mark.column + 2};
    for (size_t i = 0; i < sizeof rewords / sizeof rewords[0]; i++) {
        if (strstr(problem, rewords[i].problem) != NULL) {
            struct problem *added = complain(to, "P106", at, "%s", rewords[i].text);
            if (parser->context != NULL && parser->context_mark.line != mark.line) {
                problem_relate(added, (struct span){(int)parser->context_mark.line + 1, (int)parser->context_mark.column + 1, 0}, "it began here");
            }
            return;
        }
    }
    (void)complain(to, "P106", at, "this is not YAML: %s", problem);
}

/* ---- From events to the tree. */

struct frame {
    struct tree *node;
    struct tree **tail;
    slice key;           /* read, its value still to come; data null: none */
    struct span key_at;
};

struct yaml_anchor {
    slice name;
    const struct tree *node;
    struct yaml_anchor *before;
};

struct builder {
    const struct complaints *to;
    struct arena *arena;
    struct frame frames[TREE_DEPTH_MAX];
    size_t depth, nodes;
    struct yaml_anchor *anchors;
    struct tree *root;
    size_t documents;
    enum err err; /* stops the reading */
};

static struct span span_of(const yaml_event_t *event)
{
    int column = (int)event->start_mark.column + 1;
    bool one_line = event->start_mark.line == event->end_mark.line && event->type == YAML_SCALAR_EVENT;
    return (struct span){(int)event->start_mark.line + 1, column, one_line ? (int)event->end_mark.column + 1 : column + 1};
}

static void stop(struct builder *builder, enum err err)
{
    builder->err = builder->err == ERR_OK ? err : builder->err;
}

/* Hangs a finished value (or one whose children follow) into what is open. A duplicate key is complained of and
 * left out: its first value stays. */
static void hang(struct builder *builder, struct tree *node)
{
    if (builder->depth == 0) {
        builder->root = node;
        return;
    }
    struct frame *frame = &builder->frames[builder->depth - 1];
    node->key_at = node->at;
    if (frame->node->kind == TREE_MAP) {
        node->key = frame->key;
        node->key_at = frame->key_at;
        frame->key.data = NULL;
    }
    *frame->tail = node;
    frame->tail = &node->next;
    frame->node->count++;
}

static struct tree *make(struct builder *builder, enum tree_kind kind, struct span at)
{
    struct tree *node = builder->nodes >= TREE_NODES_MAX ? NULL : arena_alloc(builder->arena, sizeof *node);
    if (node == NULL) {
        (void)complain(builder->to, builder->nodes >= TREE_NODES_MAX ? "P102" : "P105", at,
                       builder->nodes >= TREE_NODES_MAX ? "more than %d values in one file" : "no memory is left; at most %d values are read", TREE_NODES_MAX);
        stop(builder, builder->nodes >= TREE_NODES_MAX ? ERR_BAD_INPUT : ERR_LIMIT);
        return NULL;
    }
    builder->nodes++;
    node->kind = kind;
    node->at = at;
    return node;
}

static bool expects_key(const struct builder *builder)
{
    return builder->depth > 0 && builder->frames[builder->depth - 1].node->kind == TREE_MAP && builder->frames[builder->depth - 1].key.data == NULL;
}

static void remember(struct builder *builder, const yaml_char_t *name, const struct tree *node)
{
    if (name == NULL || builder->err != ERR_OK) {
        return;
    }
    struct yaml_anchor *anchor = arena_alloc(builder->arena, sizeof *anchor);
    slice copy = arena_copy(builder->arena, slice_from((const char *)name));
    if (anchor == NULL || copy.data == NULL) {
        stop(builder, ERR_LIMIT);
        return;
    }
    *anchor = (struct yaml_anchor){copy, node, builder->anchors};
    builder->anchors = anchor;
}

static void take_key(struct builder *builder, slice text, struct span at)
{
    struct frame *frame = &builder->frames[builder->depth - 1];
    if (slice_equal(text, SLICE("<<"))) {
        (void)complain(builder->to, "P108", at, "merge keys (<<) are not used; write the values out");
        stop(builder, ERR_BAD_INPUT);
    }
    frame->key = text;
    frame->key_at = at;
}

static void take_text(struct builder *builder, slice text, struct span at, bool quoted_text, const yaml_char_t *anchor)
{
    slice copy = arena_copy(builder->arena, text);
    if (copy.data == NULL) {
        (void)complain(builder->to, "P105", at, "no memory is left to read this file");
        stop(builder, ERR_LIMIT);
        return;
    }
    if (memchr(copy.data, '\0', copy.size) != NULL) {
        (void)complain(builder->to, "P103", at, "a NUL character in a text");
        stop(builder, ERR_BAD_INPUT);
        return;
    }
    if (expects_key(builder)) {
        take_key(builder, copy, at);
        return;
    }
    struct tree *node = make(builder, TREE_TEXT, at);
    if (node != NULL) {
        node->text = copy;
        node->quoted = quoted_text;
        hang(builder, node);
        remember(builder, anchor, node);
    }
}

static void open_collection(struct builder *builder, enum tree_kind kind, struct span at, const yaml_char_t *anchor)
{
    if (expects_key(builder)) {
        (void)complain(builder->to, "P108", at, "a list or map cannot be a key; write `key: value`");
        stop(builder, ERR_BAD_INPUT);
        return;
    }
    if (builder->depth == TREE_DEPTH_MAX) {
        (void)complain(builder->to, "P102", at, "nested deeper than %d levels", TREE_DEPTH_MAX);
        stop(builder, ERR_BAD_INPUT);
        return;
    }
    struct tree *node = make(builder, kind, at);
    if (node != NULL) {
        hang(builder, node);
        remember(builder, anchor, node);
        builder->frames[builder->depth++] = (struct frame){.node = node, .tail = &node->first};
    }
}

/* Two entries of one map with the same key: a table for large maps, so that a hostile file costs no square. */
static void complain_of_duplicates(struct builder *builder, struct tree *map)
{
    struct map seen;
    size_t used = builder->arena->used;
    if (map_init(&seen, builder->arena, map->count) != ERR_OK) {
        stop(builder, ERR_LIMIT);
        return;
    }
    struct tree **keep = &map->first;
    for (struct tree *child = map->first; child != NULL; child = child->next) {
        uint32_t line = 0;
        if (map_find(&seen, child->key, &line)) {
            (void)complain(builder->to, "P107", child->key_at, "%s stands twice in one map; the first is on line %u", quoted(child->key).text, (unsigned)line);
            *keep = child->next;
            map->count--;
            continue;
        }
        if (map_put(&seen, child->key, (uint32_t)child->key_at.line) != ERR_OK) {
            stop(builder, ERR_LIMIT);
        }
        keep = &child->next;
    }
    builder->arena->used = used;
}

static void close_collection(struct builder *builder)
{
    struct tree *node = builder->frames[--builder->depth].node;
    if (node->kind == TREE_MAP && node->count > 1) {
        complain_of_duplicates(builder, node);
    }
}

static void take_alias(struct builder *builder, const yaml_event_t *event)
{
    slice name = slice_from((const char *)event->data.alias.anchor);
    const struct yaml_anchor *anchor = builder->anchors;
    while (anchor != NULL && !slice_equal(anchor->name, name)) {
        anchor = anchor->before;
    }
    struct span at = span_of(event);
    at.end_column = at.column + 1 + (int)name.size;
    if (anchor == NULL) {
        (void)complain(builder->to, "P109", at, "*%.40s has no &%.40s before it; an alias repeats one text that was named above", name.data, name.data);
        stop(builder, ERR_BAD_INPUT);
    } else if (anchor->node->kind != TREE_TEXT) {
        struct problem *added = complain(builder->to, "P109", at, "*%.40s repeats a list or map; only a single text may be repeated, write this out", name.data);
        problem_relate(added, anchor->node->at, "it is named here");
        stop(builder, ERR_BAD_INPUT);
    } else {
        take_text(builder, anchor->node->text, at, anchor->node->quoted, NULL);
    }
}

static bool refuses_tag(struct builder *builder, const yaml_event_t *event, const yaml_char_t *tag)
{
    if (tag == NULL) {
        return false;
    }
    (void)complain(builder->to, "P108", span_of(event), "a tag (%.40s); scenarios use none, take it away", (const char *)tag);
    stop(builder, ERR_BAD_INPUT);
    return true;
}

static void take_event(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (builder->documents++ > 0) {
            (void)complain(builder->to, "P106", span_of(event), "a second document; one file holds one");
            stop(builder, ERR_BAD_INPUT);
        }
        break;
    case YAML_SCALAR_EVENT:
        if (!refuses_tag(builder, event, event->data.scalar.tag)) {
            take_text(builder, (slice){(const char *)event->data.scalar.value, event->data.scalar.length}, span_of(event),
                      event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE, event->data.scalar.anchor);
        }
        break;
    case YAML_SEQUENCE_START_EVENT:
        if (!refuses_tag(builder, event, event->data.sequence_start.tag)) {
            open_collection(builder, TREE_LIST, span_of(event), event->data.sequence_start.anchor);
        }
        break;
    case YAML_MAPPING_START_EVENT:
        if (!refuses_tag(builder, event, event->data.mapping_start.tag)) {
            open_collection(builder, TREE_MAP, span_of(event), event->data.mapping_start.anchor);
        }
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_collection(builder);
        break;
    case YAML_ALIAS_EVENT:
        take_alias(builder, event);
        break;
    default:
        break;
    }
}

static void read_events(struct builder *builder, yaml_parser_t *parser)
{
    for (bool more = true; more && builder->err == ERR_OK;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            complain_of_yaml(builder->to, parser);
            stop(builder, ERR_BAD_INPUT);
            return;
        }
        more = event.type != YAML_STREAM_END_EVENT;
        take_event(builder, &event);
        yaml_event_delete(&event);
    }
}

enum err tree_parse(struct tree **root, slice source, const struct complaints *to, struct arena *arena)
{
    size_t before = to->problems->error_count;
    if (!is_text(source, to)) {
        return ERR_BAD_INPUT;
    }
    struct builder *builder = arena_alloc(arena, sizeof *builder);
    yaml_parser_t parser;
    if (builder == NULL || !yaml_parser_initialize(&parser)) {
        (void)complain(to, "P105", (struct span){1, 1, 1}, "no memory is left to read this file");
        return ERR_LIMIT;
    }
    *builder = (struct builder){.to = to, .arena = arena};
    yaml_parser_set_input_string(&parser, (const unsigned char *)source.data, source.size);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    read_events(builder, &parser);
    yaml_parser_delete(&parser);
    if (builder->err == ERR_LIMIT && to->problems->error_count == before) {
        (void)complain(to, "P105", (struct span){1, 1, 1}, "no memory is left to read this file");
    }
    if (builder->err == ERR_OK && (builder->root == NULL || tree_is_empty(builder->root))) {
        (void)complain(to, "P110", (struct span){1, 1, 1}, "the file is empty; a scenario begins with `pont: 1` (see scenarios/quickstart.yaml)");
    } else if (builder->err == ERR_OK && builder->root->kind != TREE_MAP) {
        (void)complain(to, "P110", builder->root->at, "the file must be a map: lines of `key: value`, the first of them `pont: 1`");
    }
    *root = builder->err == ERR_OK ? builder->root : NULL; /* half a file would only raise more complaints */
    return builder->err != ERR_OK ? builder->err : to->problems->error_count > before ? ERR_BAD_INPUT : ERR_OK;
}

const struct tree *tree_get(const struct tree *map, const char *key)
{
    if (map == NULL || map->kind != TREE_MAP) {
        return NULL;
    }
    slice wanted = slice_from(key);
    for (const struct tree *child = map->first; child != NULL; child = child->next) {
        if (slice_equal(child->key, wanted)) {
            return child;
        }
    }
    return NULL;
}

bool tree_is_empty(const struct tree *tree)
{
    return tree->kind == TREE_TEXT && !tree->quoted && (tree->text.size == 0 || slice_equal(tree->text, SLICE("~")) || slice_equal(tree->text, SLICE("null")));
}
