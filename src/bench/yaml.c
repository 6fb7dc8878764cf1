/* SPDX-License-Identifier: MIT */
#include "src/bench/yaml.h"

#define WIDTH 140 /* of a line; a map or list that fits one is written on it */

struct writer {
    const struct yaml_edit *edits;
    size_t edit_count;
    struct buffer *buffer;
};

/* ---- Edits. */

static const struct yaml_edit *edit_of(const struct writer *writer, const struct tree *node)
{
    const struct yaml_edit *found = NULL;
    for (size_t i = 0; i < writer->edit_count; i++) {
        if (writer->edits[i].node == node) {
            if (writer->edits[i].text.data == NULL) {
                return &writer->edits[i]; /* gone is gone */
            }
            found = &writer->edits[i];
        }
    }
    return found;
}

static bool is_gone(const struct writer *writer, const struct tree *node)
{
    const struct yaml_edit *edit = edit_of(writer, node);
    if (edit != NULL && edit->text.data == NULL) {
        return true;
    }
    if (node->kind == TREE_TEXT || node->first == NULL) {
        return false;
    }
    for (const struct tree *child = node->first; child != NULL; child = child->next) {
        if (!is_gone(writer, child)) {
            return false;
        }
    }
    return true;
}

/* ---- Texts. */

static bool is_plain(slice text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _./%+-^$()=<>;";
    if (text.size == 0 || text.data[0] == ' ' || text.data[text.size - 1] == ' ' || strchr("%-", text.data[0]) != NULL) {
        return text.size > 1 && text.data[0] == '-' && text.data[1] >= '0' && text.data[1] <= '9';
    }
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)text.data[i] < 0x80 && memchr(allowed, text.data[i], sizeof allowed - 1) == NULL) {
            return false;
        }
    }
    return true;
}

void yaml_put_text(slice text, bool quoted, struct buffer *buffer)
{
    static const char digits[] = "0123456789ABCDEF";
    if (!quoted && (text.size == 0 || slice_equal(text, SLICE("~")))) { /* nothing was written */
        buffer_put_byte(buffer, '~');
        return;
    }
    if (!quoted && is_plain(text)) {
        buffer_put(buffer, text);
        return;
    }
    buffer_put_byte(buffer, '"');
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte == '"' || byte == '\\') {
            buffer_put_byte(buffer, '\\');
            buffer_put_byte(buffer, byte);
        } else if (byte == '\n') {
            buffer_put_text(buffer, "\\n");
        } else if (byte < 0x20) {
            buffer_put_text(buffer, "\\x");
            buffer_put_byte(buffer, (uint8_t)digits[byte >> 4]);
            buffer_put_byte(buffer, (uint8_t)digits[byte & 15]);
        } else {
            buffer_put_byte(buffer, byte);
        }
    }
    buffer_put_byte(buffer, '"');
}

static void put_scalar(const struct writer *writer, const struct tree *node)
{
    const struct yaml_edit *edit = edit_of(writer, node);
    yaml_put_text(edit == NULL ? node->text : edit->text, node->quoted, writer->buffer);
}

/* ---- On one line. */

static void put_flow(const struct writer *writer, const struct tree *node)
{
    if (node->kind == TREE_TEXT) {
        put_scalar(writer, node);
        return;
    }
    bool begun = false;
    buffer_put_byte(writer->buffer, node->kind == TREE_MAP ? '{' : '[');
    for (const struct tree *child = node->first; child != NULL; child = child->next) {
        if (is_gone(writer, child)) {
            continue;
        }
        buffer_put_text(writer->buffer, begun ? ", " : "");
        begun = true;
        if (node->kind == TREE_MAP) {
            yaml_put_text(child->key, false, writer->buffer);
            buffer_put_text(writer->buffer, ": ");
        }
        put_flow(writer, child);
    }
    buffer_put_byte(writer->buffer, node->kind == TREE_MAP ? '}' : ']');
}

/* How long it would be on one line, looking no further than what matters. */
static size_t flow_size(const struct writer *writer, const struct tree *node)
{
    char line[4 * WIDTH];
    struct buffer scratch = buffer_over(line, sizeof line);
    struct writer inner = *writer;
    inner.buffer = &scratch;
    put_flow(&inner, node);
    return scratch.full ? sizeof line : scratch.size;
}

/* ---- On many lines. */

static void put_indent(const struct writer *writer, size_t indent)
{
    for (size_t i = 0; i < indent; i++) {
        buffer_put_byte(writer->buffer, ' ');
    }
}

static void put_block(const struct writer *writer, const struct tree *node, size_t indent)
{
    for (const struct tree *child = node->first; child != NULL; child = child->next) {
        if (is_gone(writer, child)) {
            continue;
        }
        size_t start = writer->buffer->size;
        put_indent(writer, indent);
        if (node->kind == TREE_MAP) {
            yaml_put_text(child->key, false, writer->buffer);
            buffer_put_byte(writer->buffer, ':');
        } else {
            buffer_put_byte(writer->buffer, '-');
        }
        bool names = indent == 0 && child->kind != TREE_TEXT && child->first != NULL && child->first->kind != TREE_TEXT; /* sections of named things: a line each */
        if (!names && writer->buffer->size - start + 1 + flow_size(writer, child) <= WIDTH) {
            buffer_put_byte(writer->buffer, ' ');
            put_flow(writer, child);
            buffer_put_byte(writer->buffer, '\n');
        } else if (child->kind == TREE_TEXT) {
            buffer_put_byte(writer->buffer, ' ');
            put_scalar(writer, child);
            buffer_put_byte(writer->buffer, '\n');
        } else {
            buffer_put_byte(writer->buffer, '\n');
            put_block(writer, child, indent + 2);
        }
        buffer_put_text(writer->buffer, names ? "\n" : "");
    }
}

void yaml_put(const struct tree *root, const struct yaml_edit *edits, size_t edit_count, struct buffer *buffer)
{
    struct writer writer = {edits, edit_count, buffer};
    put_block(&writer, root, 0);
}
