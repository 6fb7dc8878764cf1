/* SPDX-License-Identifier: MIT */
#include "src/hl7/hl7.h"

/* HL7 2.5 2.7: escape sequences stand between two escape characters. */
struct unescaper {
    struct buffer out;
    bool after_cr; /* a CR came out as a line break; the LF of its pair adds none */
};

/* Report writers end lines with CR, LF, CRLF or 00 0D, all in hex; all mean one line break. */
static void put_hex_byte(struct unescaper *un, uint8_t byte)
{
    bool second_of_pair = byte == '\n' && un->after_cr;
    if (byte != 0 && !second_of_pair) {
        buffer_put_byte(&un->out, byte == '\r' ? '\n' : byte);
    }
    un->after_cr = byte == '\r' || (byte == 0 && un->after_cr);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool put_hex(struct unescaper *un, slice digits)
{
    if (digits.size == 0 || digits.size % 2 != 0) {
        return false;
    }
    for (size_t i = 0; i < digits.size; i++) {
        if (hex_digit(digits.data[i]) < 0) {
            return false;
        }
    }
    for (size_t i = 0; i < digits.size; i += 2) {
        put_hex_byte(un, (uint8_t)(hex_digit(digits.data[i]) << 4 | hex_digit(digits.data[i + 1])));
    }
    return true;
}

/* Puts what the sequence between two escape characters stands for; false when it is unknown. */
static bool put_sequence(struct unescaper *un, const struct hl7_message *message, slice sequence)
{
    const struct {
        char letter, separator;
    } letters[] = {{'F', message->field},
                   {'S', message->component},
                   {'T', message->subcomponent},
                   {'R', message->repetition},
                   {'E', message->escape}};
    if (sequence.size > 0 && sequence.data[0] == 'X') {
        return put_hex(un, slice_after(sequence, 1));
    }
    un->after_cr = false;
    if (slice_equal(sequence, SLICE(".br"))) {
        buffer_put_byte(&un->out, '\n');
        return true;
    }
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        if (sequence.size == 1 && sequence.data[0] == letters[i].letter) {
            buffer_put_byte(&un->out, (uint8_t)letters[i].separator);
            return true;
        }
    }
    return false;
}

slice hl7_unescape(const struct hl7_message *message, slice text, struct arena *arena)
{
    if (slice_index(text, message->escape) == text.size) {
        return text;
    }
    struct unescaper un = {.out = buffer_make(arena, text.size)}; /* no sequence grows */
    while (text.size > 0) {
        size_t open = slice_index(text, message->escape);
        un.after_cr = un.after_cr && open == 0;
        buffer_put(&un.out, slice_before(text, open));
        text = slice_after(text, open);
        size_t close = slice_index(slice_after(text, 1), message->escape) + 1;
        if (close >= text.size) { /* never closed: it stays */
            buffer_put(&un.out, text);
            break;
        }
        if (!put_sequence(&un, message, slice_before(slice_after(text, 1), close - 1))) {
            un.after_cr = false;
            buffer_put(&un.out, slice_before(text, close + 1));
        }
        text = slice_after(text, close + 1);
    }
    return un.out.full ? (slice){NULL, 0} : buffer_slice(&un.out);
}

static const char *escape_of(char byte)
{
    switch (byte) {
    case '|':
        return "\\F\\";
    case '^':
        return "\\S\\";
    case '&':
        return "\\T\\";
    case '~':
        return "\\R\\";
    case '\\':
        return "\\E\\";
    case '\n':
        return "\\.br\\";
    default:
        return NULL;
    }
}

/* Other control bytes go as hex: VT, FS and CR would break the frame, the rest some reader. */
static void put_control(struct buffer *buffer, char byte)
{
    static const char digits[] = "0123456789ABCDEF";
    buffer_put_text(buffer, "\\X");
    buffer_put_byte(buffer, (uint8_t)digits[(uint8_t)byte >> 4]);
    buffer_put_byte(buffer, (uint8_t)digits[(uint8_t)byte & 15]);
    buffer_put_byte(buffer, '\\');
}

void hl7_put_escaped(struct buffer *buffer, slice text)
{
    size_t plain = 0; /* begin of the bytes that need no escape */
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        const char *escape = escape_of(byte);
        if (escape == NULL && (uint8_t)byte >= ' ') {
            continue;
        }
        buffer_put(buffer, (slice){text.data + plain, i - plain});
        plain = i + 1;
        if (escape != NULL) {
            buffer_put_text(buffer, escape);
        } else if (byte == '\r') {
            bool pair = i + 1 < text.size && text.data[i + 1] == '\n';
            buffer_put_text(buffer, pair ? "" : "\\.br\\");
        } else if (byte != '\0') {
            put_control(buffer, byte);
        }
    }
    buffer_put(buffer, slice_after(text, plain));
}
