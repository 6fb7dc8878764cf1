/* SPDX-License-Identifier: MIT */
#include "src/dicom/charset.h"

#include "src/dicom/charset_private.h"

#define LATIN 0xC0u
#define LATIN_MORE 0x1E00u

static const char latin[][3] = {
#define FOLD_LATIN
#include "src/dicom/fold.def"
#undef FOLD_LATIN
};

static const char latin_more[][3] = {
#define FOLD_LATIN_MORE
#include "src/dicom/fold.def"
#undef FOLD_LATIN_MORE
};

/* Other letters with an accent in the single-byte sets: what they are without it. */
static const struct {
    uint16_t from, to;
} accented[] = {
    {0x386, 0x3B1}, {0x388, 0x3B5}, {0x389, 0x3B7}, {0x38A, 0x3B9}, {0x38C, 0x3BF}, {0x38E, 0x3C5}, {0x38F, 0x3C9},
    {0x390, 0x3B9}, {0x3AA, 0x3B9}, {0x3AB, 0x3C5}, {0x3AC, 0x3B1}, {0x3AD, 0x3B5}, {0x3AE, 0x3B7}, {0x3AF, 0x3B9},
    {0x3B0, 0x3C5}, {0x3C2, 0x3C3}, {0x3CA, 0x3B9}, {0x3CB, 0x3C5}, {0x3CC, 0x3BF}, {0x3CD, 0x3C5}, {0x3CE, 0x3C9},
    {0x400, 0x435}, {0x401, 0x435}, {0x403, 0x433}, {0x407, 0x456}, {0x40C, 0x43A}, {0x40D, 0x438}, {0x40E, 0x443},
    {0x419, 0x438}, {0x439, 0x438}, {0x450, 0x435}, {0x451, 0x435}, {0x453, 0x433}, {0x457, 0x456}, {0x45C, 0x43A},
    {0x45D, 0x438}, {0x45E, 0x443},
};

/* Greek and Cyrillic; the capitals lie at a fixed distance. */
static uint32_t fold_other(uint32_t c)
{
    for (size_t i = 0; i < sizeof accented / sizeof accented[0]; i++) {
        if (accented[i].from == c) {
            return accented[i].to;
        }
    }
    if ((c >= 0x391 && c <= 0x3A9) || (c >= 0x410 && c <= 0x42F)) {
        return c + 0x20;
    }
    return c >= 0x400 && c <= 0x40F ? c + 0x50 : c;
}

static bool is_space(uint32_t c, bool key)
{
    return c == ' ' || (c >= 9 && c <= 13) || c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x3000 ||
           (!key && (c == '^' || c == '=' || c == '\\'));
}

/* Control characters, punctuation and symbols, combining accents. */
static bool is_dropped(uint32_t c, bool key)
{
    if (c < 0x80) {
        bool kept = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        return !kept && !(key && (c == '*' || c == '?' || c == '^'));
    }
    return c <= 0xBF || (c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x206F) || (c >= 0x2BB && c <= 0x2BF);
}

/* Folds one that is kept; a second letter is left in the walk. */
static uint32_t fold_one(struct fold *fold, uint32_t c)
{
    if (c < 0x80) {
        return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
    }
    const char *letters = c >= LATIN && c - LATIN < sizeof latin / sizeof latin[0] ? latin[c - LATIN]
                          : c >= LATIN_MORE && c - LATIN_MORE < sizeof latin_more / sizeof latin_more[0] ? latin_more[c - LATIN_MORE]
                                                                                                         : "";
    if (letters[0] == '\0') {
        return fold_other(c);
    }
    fold->second = letters[1];
    return (uint32_t)letters[0];
}

uint32_t fold_next(struct fold *fold)
{
    if (fold->second != '\0') {
        uint32_t second = (uint32_t)fold->second;
        fold->second = '\0';
        return second;
    }
    while (fold->rest.size > 0) {
        slice before = fold->rest;
        uint32_t c = utf8_next(&fold->rest);
        if (is_space(c, fold->key)) {
            fold->space = fold->started && !fold->key;
        } else if (!is_dropped(c, fold->key)) {
            if (fold->space) {
                fold->space = false;
                fold->rest = before;
                return ' ';
            }
            fold->started = true;
            return fold_one(fold, c);
        }
    }
    return FOLD_END;
}

slice charset_fold(slice utf8, struct arena *arena)
{
    struct buffer out = buffer_make(arena, utf8.size); /* no letter folds to more bytes than it had */
    struct fold fold = {.rest = utf8};
    uint32_t c;
    while ((c = fold_next(&fold)) != FOLD_END) {
        utf8_put(&out, c);
    }
    return out.full ? (slice){NULL, 0} : buffer_slice(&out);
}
