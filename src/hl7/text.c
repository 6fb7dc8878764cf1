/* SPDX-License-Identifier: MIT */
#include "src/hl7/hl7_private.h"

/* Table 0211. Absent means ASCII (HL7 2.5 2.15.9.18). Several repetitions announce a change of set
 * within the text (ISO 2022), which is not read here. */
static const struct {
    const char *name;
    enum hl7_charset charset;
} charsets[] = {{"", HL7_ASCII},        {"ASCII", HL7_ASCII},
                {"8859/1", HL7_LATIN1}, {"UNICODE UTF-8", HL7_UTF8},
                {"UNICODE", HL7_UTF8},  {"UTF-8", HL7_UTF8}};

enum err hl7_charset_of(const struct hl7_message *message, enum hl7_charset *charset)
{
    slice name = hl7_field(message, "MSH", 0, 18);
    for (size_t i = 0; i < sizeof charsets / sizeof charsets[0]; i++) {
        if (slice_equal(name, slice_from(charsets[i].name))) {
            *charset = charsets[i].charset;
            return ERR_OK;
        }
    }
    return ERR_BAD_MESSAGE;
}

/* Bytes of the character at the front of `s`, 0 when it is none (RFC 3629: no overlong form, no
 * surrogate). */
static size_t utf8_size(slice s)
{
    static const struct {
        uint8_t lead_from, lead_to, second_from, second_to, size;
    } forms[] = {
        {0x01, 0x7F, 0x00, 0xFF, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
    const uint8_t *bytes = (const uint8_t *)s.data;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (bytes[0] < forms[i].lead_from || bytes[0] > forms[i].lead_to) {
            continue;
        }
        size_t size = forms[i].size;
        if (size > s.size ||
            (size > 1 && (bytes[1] < forms[i].second_from || bytes[1] > forms[i].second_to))) {
            return 0;
        }
        for (size_t k = 2; k < size; k++) {
            if ((bytes[k] & 0xC0) != 0x80) {
                return 0;
            }
        }
        return size;
    }
    return 0;
}

static bool is_utf8(slice text)
{
    for (size_t size; text.size > 0; text = slice_after(text, size)) {
        size = text.data[0] > 0 ? 1 : utf8_size(text);
        if (size == 0) {
            return false;
        }
    }
    return true;
}

/* Puts one byte of Latin-1 as UTF-8. 80 to 9F are controls there; senders that use them mean
 * windows-1252 and say otherwise: refused rather than guessed. */
static bool put_latin1(struct buffer *buffer, uint8_t byte)
{
    if (byte == 0 || (byte >= 0x80 && byte < 0xA0)) {
        return false;
    }
    if (byte < 0x80) {
        buffer_put_byte(buffer, byte);
    } else {
        buffer_put_byte(buffer, (uint8_t)(0xC0 | byte >> 6));
        buffer_put_byte(buffer, (uint8_t)(0x80 | (byte & 0x3F)));
    }
    return true;
}

static enum err decode_latin1(slice *utf8, slice raw, struct arena *arena)
{
    struct buffer buffer = buffer_make(arena, 2 * raw.size);
    for (size_t i = 0; i < raw.size; i++) {
        if (!put_latin1(&buffer, (uint8_t)raw.data[i])) {
            return ERR_BAD_MESSAGE;
        }
    }
    *utf8 = buffer_slice(&buffer);
    return buffer.full ? ERR_LIMIT : ERR_OK;
}

static bool is_ascii(slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == 0 || (uint8_t)text.data[i] > 0x7F) {
            return false;
        }
    }
    return true;
}

enum err hl7_decode(slice *utf8, const struct hl7_message *message, slice raw,
                    enum hl7_charset charset, struct arena *arena)
{
    /* Escapes first: \Xhh\ gives bytes of the message's own set. */
    slice text = hl7_unescape(message, raw, arena);
    if (text.data == NULL) {
        return ERR_LIMIT;
    }
    if (text.size == 0) {
        *utf8 = SLICE_EMPTY;
        return ERR_OK;
    }
    if (charset == HL7_LATIN1) {
        return decode_latin1(utf8, text, arena);
    }
    if (charset == HL7_ASCII ? !is_ascii(text) : !is_utf8(text)) {
        return ERR_BAD_MESSAGE;
    }
    *utf8 = arena_copy(arena, text);
    return utf8->data == NULL ? ERR_LIMIT : ERR_OK;
}
