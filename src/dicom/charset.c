/* SPDX-License-Identifier: MIT */
#include "src/dicom/charset.h"

#include "src/dicom/charset_private.h"

#define ESCAPE 0x1B
#define TERMS_MAX 12

struct charset {
    int registration; /* number in the ISO register: ISO_IR 100 */
    char final;
    uint16_t characters[96]; /* of A0 to FF */
};

static const struct charset charsets[] = {
#define CHARSET(registration, final, ...) {registration, final, {__VA_ARGS__}},
#include "src/dicom/charset.def"
#undef CHARSET
};

/* What a SpecificCharacterSet says. */
struct repertoire {
    const struct charset *sets[TERMS_MAX]; /* null: the default repertoire */
    size_t count;
    bool utf8, extended; /* extended: escape sequences may occur (PS3.5 6.1.2.5) */
};

uint32_t utf8_next(slice *text)
{
    uint8_t lead = (uint8_t)text->data[0];
    size_t size = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    uint32_t character = size == 1 ? lead : lead & (0xFFu >> (size + 1));
    bool good = size > 0 && size <= text->size;
    for (size_t i = 1; good && i < size; i++) {
        uint8_t byte = (uint8_t)text->data[i];
        good = (byte & 0xC0) == 0x80;
        character = character << 6 | (byte & 0x3F);
    }
    /* Overlong forms, surrogates, beyond the end. */
    good = good && !(size == 3 && character < 0x800) && !(size == 4 && (character < 0x10000 || character > 0x10FFFF)) &&
           !(character >= 0xD800 && character <= 0xDFFF);
    *text = slice_after(*text, good ? size : 1);
    return good ? character : NOT_UTF8 + lead;
}

void utf8_put(struct buffer *buffer, uint32_t character)
{
    static const uint8_t leads[] = {0, 0xC0, 0xE0, 0xF0};
    if (character < 0x80 || character >= NOT_UTF8) {
        buffer_put_byte(buffer, (uint8_t)character);
        return;
    }
    unsigned more = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    buffer_put_byte(buffer, (uint8_t)(leads[more] | character >> (6 * more)));
    while (more-- > 0) {
        buffer_put_byte(buffer, (uint8_t)(0x80 | (character >> (6 * more) & 0x3F)));
    }
}

bool charset_is_utf8(slice bytes)
{
    while (bytes.size > 0) {
        if (utf8_next(&bytes) >= NOT_UTF8) {
            return false;
        }
    }
    return true;
}

/* One term. Case, spaces, - and _ are let go: "ISO-IR 100", "ISO_IR_100" and "iso_ir 100" occur. */
static bool read_term(slice term, struct repertoire *repertoire)
{
    char plain[24];
    size_t size = 0;
    for (size_t i = 0; i < term.size; i++) {
        char c = term.data[i];
        if (c == ' ' || c == '_' || c == '-') {
            continue;
        }
        if (size == sizeof plain) {
            return false;
        }
        plain[size++] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    slice rest = {plain, size};
    const struct charset *set = NULL;
    if (size > 0) {
        int64_t number;
        bool extended = slice_starts(rest, SLICE("ISO2022IR"));
        if ((!extended && !slice_starts(rest, SLICE("ISOIR"))) || !slice_to_int64(slice_after(rest, extended ? 9 : 5), &number)) {
            return false;
        }
        for (size_t i = 0; i < sizeof charsets / sizeof charsets[0]; i++) {
            set = charsets[i].registration == number ? &charsets[i] : set;
        }
        if (set == NULL && number != 6 && number != 192) {
            return false;
        }
        repertoire->utf8 = repertoire->utf8 || number == 192;
        repertoire->extended = repertoire->extended || extended;
    }
    repertoire->sets[repertoire->count++] = set;
    return true;
}

static bool read_repertoire(slice terms, struct repertoire *repertoire)
{
    *repertoire = (struct repertoire){.count = 0};
    bool single_byte = false;
    for (slice rest = slice_unpad(terms); rest.data != NULL;) {
        if (repertoire->count == TERMS_MAX || !read_term(slice_trim(slice_cut(&rest, '\\')), repertoire)) {
            return false;
        }
        single_byte = single_byte || repertoire->sets[repertoire->count - 1] != NULL;
    }
    repertoire->extended = repertoire->extended || repertoire->count > 1;
    return !(repertoire->utf8 && single_byte); /* UTF-8 knows no code extensions (PS3.3 C.12.1.1.2) */
}

/* The set of A0 to FF before any escape: that of the first term. "ISO 2022 IR 6\ISO 2022 IR 100" without escapes
 * occurs, and can mean one thing only. */
static const struct charset *first_set(const struct repertoire *repertoire)
{
    const struct charset *only = repertoire->sets[0];
    for (size_t i = 1; i < repertoire->count && repertoire->sets[0] == NULL; i++) {
        if (only != NULL && repertoire->sets[i] != NULL) {
            return NULL;
        }
        only = repertoire->sets[i] != NULL ? repertoire->sets[i] : only;
    }
    return only;
}

/* Where the first term's set holds again (PS3.5 6.1.2.5.3). */
static bool is_delimiter(uint8_t byte)
{
    return byte < 0x20 || byte == '\\' || byte == '^' || byte == '=';
}

/* The escape sequence at the front: its set, null for ESC ( B, which is what G0 always is here. */
static bool read_escape(slice raw, const struct repertoire *repertoire, const struct charset **set)
{
    if (!repertoire->extended || raw.size < 3) {
        return false;
    }
    if (raw.data[1] == '(' && raw.data[2] == 'B') {
        return true;
    }
    for (size_t i = 0; raw.data[1] == '-' && i < repertoire->count; i++) {
        if (repertoire->sets[i] != NULL && repertoire->sets[i]->final == raw.data[2]) {
            *set = repertoire->sets[i];
            return true;
        }
    }
    return false;
}

static enum err decode(struct buffer *out, slice raw, const struct repertoire *repertoire)
{
    const struct charset *first = first_set(repertoire), *set = first;
    while (raw.size > 0) {
        uint8_t byte = (uint8_t)raw.data[0];
        if (byte == ESCAPE) {
            if (!read_escape(raw, repertoire, &set)) {
                return ERR_BAD_MESSAGE;
            }
            raw = slice_after(raw, 3);
            continue;
        }
        uint32_t character = byte < 0x80 ? byte : byte >= 0xA0 && set != NULL ? set->characters[byte - 0xA0] : 0;
        if (byte >= 0x80 && character == 0) {
            return ERR_BAD_MESSAGE;
        }
        set = is_delimiter(byte) ? first : set;
        utf8_put(out, character);
        raw = slice_after(raw, 1);
    }
    return ERR_OK;
}

static size_t count_special(slice bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        count += (uint8_t)bytes.data[i] > 0x7F || bytes.data[i] == ESCAPE;
    }
    return count;
}

enum err charset_decode(slice *utf8, slice raw, slice term, struct arena *arena)
{
    struct repertoire repertoire;
    *utf8 = SLICE_EMPTY;
    if (!read_repertoire(term, &repertoire)) {
        return ERR_BAD_MESSAGE;
    }
    size_t special = count_special(raw);
    if (repertoire.utf8 || special == 0) {
        *utf8 = raw;
        return charset_is_utf8(raw) ? ERR_OK : ERR_BAD_MESSAGE;
    }
    struct buffer out = buffer_make(arena, raw.size + 2 * special); /* a character takes 3 bytes at most */
    enum err err = decode(&out, raw, &repertoire);
    if (out.full) {
        return ERR_LIMIT;
    }
    *utf8 = buffer_slice(&out);
    return err;
}

/* The byte for a character in a set; 0 when it is not in it. */
static uint8_t byte_of(const struct charset *set, uint32_t character)
{
    for (size_t i = 0; set != NULL && i < 96; i++) {
        if (set->characters[i] == character) {
            return (uint8_t)(0xA0 + i);
        }
    }
    return 0;
}

static void put_escape(struct buffer *out, const struct charset *set)
{
    buffer_put_byte(out, ESCAPE);
    buffer_put_byte(out, set == NULL ? '(' : '-');
    buffer_put_byte(out, set == NULL ? 'B' : (uint8_t)set->final);
}

static enum err encode_character(struct buffer *out, uint32_t character, const struct repertoire *repertoire, const struct charset **set)
{
    uint8_t byte = byte_of(*set, character);
    for (size_t i = 0; byte == 0 && repertoire->extended && i < repertoire->count; i++) {
        byte = byte_of(repertoire->sets[i], character);
        if (byte != 0) {
            *set = repertoire->sets[i];
            put_escape(out, *set);
        }
    }
    if (byte != 0) {
        buffer_put_byte(out, byte);
    }
    return byte == 0 ? ERR_BAD_MESSAGE : ERR_OK;
}

static enum err encode(struct buffer *out, slice utf8, const struct repertoire *repertoire)
{
    const struct charset *first = repertoire->sets[0], *set = first;
    enum err err = ERR_OK;
    while (err == ERR_OK && utf8.size > 0) {
        uint32_t character = utf8_next(&utf8);
        if (character < 0x80 && character != ESCAPE) {
            if (is_delimiter((uint8_t)character) && set != first) {
                put_escape(out, first);
                set = first;
            }
            buffer_put_byte(out, (uint8_t)character);
        } else {
            err = encode_character(out, character, repertoire, &set);
        }
    }
    if (set != first) {
        put_escape(out, first);
    }
    return err;
}

enum err charset_encode(slice *raw, slice utf8, slice term, struct arena *arena)
{
    struct repertoire repertoire;
    *raw = SLICE_EMPTY;
    if (!read_repertoire(term, &repertoire)) {
        return ERR_BAD_MESSAGE;
    }
    if (repertoire.utf8 || count_special(utf8) == 0) {
        *raw = utf8;
        return charset_is_utf8(utf8) ? ERR_OK : ERR_BAD_MESSAGE;
    }
    /* Two bytes of UTF-8 become at most an escape, a byte and an escape back. */
    struct buffer out = utf8.size > SIZE_MAX / 8 ? (struct buffer){.full = true} : buffer_make(arena, 4 * utf8.size);
    enum err err = encode(&out, utf8, &repertoire);
    if (out.full) {
        return ERR_LIMIT;
    }
    *raw = buffer_slice(&out);
    return err;
}
