/* SPDX-License-Identifier: MIT
 *
 * Text into HTML and CSV: whatever it says, it stays text. */
#include "src/report/report_private.h"

#include <stdarg.h>
#include <stdio.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

static const char *entity_of(char byte)
{
    switch (byte) {
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '&': return "&amp;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

/* One character; the number of bytes it took. */
static size_t put_character(struct buffer *page, slice text)
{
    size_t size = utf8_size(text);
    const char *entity = entity_of(text.data[0]);
    if (entity != NULL) {
        buffer_put_text(page, entity);
    } else if (size == 0) {
        buffer_put_text(page, REPLACEMENT);
    } else if ((unsigned char)text.data[0] >= 0x20 || text.data[0] == '\n') {
        buffer_put(page, slice_before(text, size));
    }
    return size == 0 ? 1 : size;
}

void html_text(struct buffer *page, slice text)
{
    while (text.size > 0) {
        text = slice_after(text, put_character(page, text));
    }
}

void html_cstr(struct buffer *page, const char *text)
{
    html_text(page, slice_from(text));
}

static size_t characters(slice text)
{
    size_t count = 0;
    for (; text.size > 0; count++) {
        size_t size = utf8_size(text);
        text = slice_after(text, size == 0 ? 1 : size);
    }
    return count;
}

void html_short(struct buffer *page, slice text, size_t most)
{
    size_t left = characters(text) <= most ? most : most - 1;
    bool cut = left < most;
    for (; text.size > 0 && left > 0; left--) {
        text = slice_after(text, put_character(page, text));
    }
    buffer_put_text(page, cut ? "…" : "");
}

void html_markup(struct buffer *page, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_put_text(page, text);
}

void html_bytes(struct buffer *page, int64_t bytes)
{
    if (bytes < 1000000) {
        html_markup(page, "%lld kB", (long long)((bytes + 999) / 1000));
    } else {
        html_markup(page, "%.1f MB", (double)bytes / 1e6);
    }
}

/* ---- CSV (RFC 4180). */

struct csv csv_begin(struct arena *arena)
{
    return (struct csv){buffer_make(arena, 1 << 20), false};
}

/* What a spreadsheet would take for a formula is made text. */
void csv_cell(struct csv *csv, slice text)
{
    bool formula = text.size > 0 && memchr("=+-@\t\r", text.data[0], 6) != NULL;
    buffer_put_text(&csv->text, csv->begun ? ",\"" : "\"");
    buffer_put_text(&csv->text, formula ? "'" : "");
    for (size_t i = 0; i < text.size; i++) {
        buffer_put_text(&csv->text, text.data[i] == '"' ? "\"" : "");
        buffer_put_byte(&csv->text, (uint8_t)text.data[i]);
    }
    buffer_put_text(&csv->text, "\"");
    csv->begun = true;
}

void csv_number(struct csv *csv, int64_t number)
{
    buffer_put_text(&csv->text, csv->begun ? "," : "");
    buffer_put_int(&csv->text, number);
    csv->begun = true;
}

void csv_line(struct csv *csv)
{
    buffer_put_text(&csv->text, "\r\n");
    csv->begun = false;
}

/* The file stands in the link itself: the page needs nothing beside it. */
void csv_link(struct buffer *page, const struct csv *csv, const char *name)
{
    static const char hex[] = "0123456789ABCDEF";
    html_markup(page, "<p class=\"csv\"><a download=\"%s.csv\" href=\"data:text/csv;charset=utf-8,", name);
    for (size_t i = 0; i < csv->text.size; i++) {
        unsigned char byte = (unsigned char)csv->text.data[i];
        bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '.' || byte == '-' || byte == '_';
        if (plain) {
            buffer_put_byte(page, byte);
        } else {
            buffer_put_byte(page, '%');
            buffer_put_byte(page, (uint8_t)hex[byte >> 4]);
            buffer_put_byte(page, (uint8_t)hex[byte & 15]);
        }
    }
    buffer_put_text(page, "\">CSV</a></p>\n");
}
