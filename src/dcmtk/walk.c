/* SPDX-License-Identifier: MIT */
#include "src/dcmtk/walk.h"

#include "src/dicom/uid.h"

#define TAG_PIXELS 0x7FE00010u
#define TAG_REPRESENTATION 0x00280103u
#define TAG_PADDING 0xFFFCFFFCu
#define TAG_ITEM 0xFFFEE000u
#define TAG_ITEM_END 0xFFFEE00Du
#define TAG_SEQUENCE_END 0xFFFEE0DDu
#define SHORT_VALUE_MAX 65534u

struct syntax_form {
    bool explicit_vr, big;
};

/* Where we are: one data set or item. */
struct level {
    const struct walk *walk;
    struct syntax_form form;
    unsigned depth;
    uint32_t parent;   /* the top-level sequence, 0 at the top */
    bool is_signed;    /* PixelRepresentation, as seen so far */
    bool quiet;        /* under something left out */
};

struct found {
    uint32_t tag, length;
    uint16_t vr; /* as written; 0 in implicit VR */
};

static enum err walk_level(struct level *level, slice *rest, bool until_end);

/* ---- Reading. */

static uint16_t read16(const struct level *level, const char *at)
{
    const uint8_t *b = (const uint8_t *)at;
    return (uint16_t)(level->form.big ? b[0] << 8 | b[1] : b[1] << 8 | b[0]);
}

static uint32_t read32(const struct level *level, const char *at)
{
    uint32_t first = read16(level, at), second = read16(level, at + 2);
    return level->form.big ? first << 16 | second : second << 16 | first;
}

static uint32_t read_tag(const struct level *level, const char *at)
{
    return (uint32_t)read16(level, at) << 16 | read16(level, at + 2);
}

/* VRs with a length of 16 bits (PS3.5 7.1.2). */
static bool vr_is_short(uint16_t vr)
{
    static const uint16_t list[] = {VR('A', 'E'), VR('A', 'S'), VR('A', 'T'), VR('C', 'S'), VR('D', 'A'), VR('D', 'S'), VR('D', 'T'),
                                    VR('F', 'L'), VR('F', 'D'), VR('I', 'S'), VR('L', 'O'), VR('L', 'T'), VR('P', 'N'), VR('S', 'H'),
                                    VR('S', 'L'), VR('S', 'S'), VR('S', 'T'), VR('T', 'M'), VR('U', 'I'), VR('U', 'L'), VR('U', 'S')};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        if (list[i] == vr) {
            return true;
        }
    }
    return false;
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Cuts an element's head off *rest. Items and delimiters have no VR in any syntax (PS3.5 7.5). */
static bool cut_head(const struct level *level, slice *rest, struct found *found)
{
    if (rest->size < 8) {
        return false;
    }
    const char *at = rest->data;
    *found = (struct found){read_tag(level, at), 0, 0};
    if (!level->form.explicit_vr || found->tag >> 16 == 0xFFFE) {
        found->length = read32(level, at + 4);
        *rest = slice_after(*rest, 8);
        return true;
    }
    if (!is_capital(at[4]) || !is_capital(at[5])) {
        return false;
    }
    found->vr = VR((uint8_t)at[4], (uint8_t)at[5]);
    if (vr_is_short(found->vr)) {
        found->length = read16(level, at + 6);
        *rest = slice_after(*rest, 8);
        return true;
    }
    if (rest->size < 12) {
        return false;
    }
    found->length = read32(level, at + 8);
    *rest = slice_after(*rest, 12);
    return true;
}

static bool cut_value(slice *rest, uint32_t length, slice *value)
{
    if (length > rest->size) {
        return false;
    }
    *value = slice_before(*rest, length);
    *rest = slice_after(*rest, length);
    return true;
}

/* ---- Writing. */

static void put_bytes(const struct level *level, const char *bytes, size_t size)
{
    if (!level->quiet && level->walk->put != NULL && size > 0) {
        level->walk->put(level->walk->self, (slice){bytes, size});
    }
}

static void put_mark(const struct level *level, uint32_t tag, uint32_t length)
{
    char room[8];
    struct buffer mark = buffer_over(room, sizeof room);
    buffer_put_u16(&mark, (uint16_t)(tag >> 16));
    buffer_put_u16(&mark, (uint16_t)tag);
    buffer_put_u32(&mark, length);
    put_bytes(level, mark.data, mark.size);
}

static void put_head(const struct level *level, uint32_t tag, uint16_t vr, uint32_t length)
{
    char room[12];
    struct buffer head = buffer_over(room, sizeof room);
    buffer_put_u16(&head, (uint16_t)(tag >> 16));
    buffer_put_u16(&head, (uint16_t)tag);
    buffer_put_u16(&head, vr);
    if (vr_is_short(vr)) {
        buffer_put_u16(&head, (uint16_t)length);
    } else {
        buffer_put_u16(&head, 0);
        buffer_put_u32(&head, length);
    }
    put_bytes(level, head.data, head.size);
}

/* Bytes of one number of a VR, by which big endian values are turned. */
static size_t vr_unit(uint16_t vr)
{
    static const struct {
        uint16_t vr;
        uint8_t unit;
    } units[] = {{VR('U', 'S'), 2}, {VR('S', 'S'), 2}, {VR('O', 'W'), 2}, {VR('A', 'T'), 2}, {VR('U', 'L'), 4}, {VR('S', 'L'), 4},
                 {VR('F', 'L'), 4}, {VR('O', 'F'), 4}, {VR('O', 'L'), 4}, {VR('F', 'D'), 8}, {VR('O', 'D'), 8}, {VR('O', 'V'), 8},
                 {VR('S', 'V'), 8}, {VR('U', 'V'), 8}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].vr == vr) {
            return units[i].unit;
        }
    }
    return 1;
}

typedef void put_function(void *self, slice bytes);

/* A value in little endian. */
static void put_native(put_function *put, void *self, slice value, size_t unit)
{
    char turned[4096];
    while (value.size > 0 && unit > 1) {
        size_t size = value.size < sizeof turned ? value.size : sizeof turned;
        size_t whole = size / unit * unit;
        for (size_t i = 0; i < whole; i++) {
            turned[i] = value.data[i / unit * unit + (unit - 1 - i % unit)];
        }
        memcpy(turned + whole, value.data + whole, size - whole); /* of a length that is no multiple: as it came */
        put(self, (slice){turned, size});
        value = slice_after(value, size);
    }
    if (value.size > 0) {
        put(self, value);
    }
}

static char padding_of(uint16_t vr)
{
    bool text = vr_is_short(vr) ? vr_unit(vr) == 1 && vr != VR('U', 'I') : vr == VR('U', 'C') || vr == VR('U', 'R') || vr == VR('U', 'T');
    return text ? ' ' : '\0';
}

static void put_value(const struct level *level, uint32_t tag, uint16_t vr, slice value, size_t unit)
{
    uint32_t padded = (uint32_t)value.size + (value.size & 1);
    char pad = padding_of(vr);
    if (vr_is_short(vr) && padded > SHORT_VALUE_MAX) {
        vr = VR('U', 'N'); /* too long to be said explicitly (PS3.5 6.2.2) */
    }
    put_head(level, tag, vr, padded);
    if (!level->quiet && level->walk->put != NULL) {
        put_native(level->walk->put, level->walk->self, value, unit);
    }
    if (value.size & 1) {
        put_bytes(level, &pad, 1);
    }
}

/* ---- Sequences. */

static enum err walk_item(struct level *level, slice *rest, uint32_t length)
{
    struct level inner = *level;
    slice body;
    put_mark(level, TAG_ITEM, UNDEFINED_LENGTH);
    enum err err = ERR_BAD_MESSAGE;
    if (length == UNDEFINED_LENGTH) {
        err = walk_level(&inner, rest, true);
    } else if (cut_value(rest, length, &body)) {
        err = walk_level(&inner, &body, false);
    }
    put_mark(level, TAG_ITEM_END, 0);
    return err;
}

/* The items of `rest`: all of it, or up to the delimiter. */
static enum err walk_items(struct level *level, slice *rest, bool until_end)
{
    while (rest->size > 0) {
        struct found found;
        if (!cut_head(level, rest, &found)) {
            return ERR_BAD_MESSAGE;
        }
        if (found.tag == TAG_SEQUENCE_END) {
            return until_end ? ERR_OK : ERR_BAD_MESSAGE;
        }
        if (found.tag != TAG_ITEM) {
            return ERR_BAD_MESSAGE;
        }
        enum err err = walk_item(level, rest, found.length);
        if (err != ERR_OK) {
            return err;
        }
    }
    return until_end ? ERR_BAD_MESSAGE : ERR_OK;
}

static struct level level_below(const struct level *level, const struct found *found)
{
    struct level below = *level;
    below.depth++;
    below.parent = level->depth == 0 ? found->tag : level->parent;
    if (found->vr == VR('U', 'N')) {
        below.form = (struct syntax_form){false, false}; /* PS3.5 6.2.2 */
    }
    return below;
}

static enum err walk_sequence(struct level *level, const struct found *found, slice *rest)
{
    struct level below = level_below(level, found);
    slice body;
    if (below.depth > WALK_DEPTH_MAX) {
        return ERR_BAD_MESSAGE;
    }
    put_head(level, found->tag, VR('S', 'Q'), UNDEFINED_LENGTH);
    enum err err = ERR_BAD_MESSAGE;
    if (found->length == UNDEFINED_LENGTH) {
        err = walk_items(&below, rest, true);
    } else if (cut_value(rest, found->length, &body)) {
        err = walk_items(&below, &body, false);
    }
    put_mark(level, TAG_SEQUENCE_END, 0);
    return err;
}

/* Checks only: what lies hidden deeper need not be looked for. */
static const struct walk dry_run = {0};

/* Is this value of a VR nobody knows in truth a sequence, as a private one is once it has been through implicit VR? */
static bool hides_sequence(const struct level *level, const struct found *found, slice value)
{
    struct level below = level_below(level, found);
    if (level->walk == &dry_run || below.depth > WALK_DEPTH_MAX || value.size < 8) {
        return false;
    }
    below.walk = &dry_run;
    return read_tag(&below, value.data) == TAG_ITEM && walk_items(&below, &value, false) == ERR_OK;
}

/* ---- Encapsulated pixel data (PS3.5 A.4). */

static void put_fragment(const struct level *level, slice fragment, bool pixels, bool table)
{
    if (!pixels) {
        put_mark(level, TAG_ITEM, (uint32_t)fragment.size);
        put_bytes(level, fragment.data, fragment.size);
    } else if (!table && level->walk->put_pixels != NULL && fragment.size > 0) {
        level->walk->put_pixels(level->walk->self, fragment);
    }
}

static enum err walk_fragments(const struct level *level, uint32_t tag, slice *rest, bool pixels)
{
    if (!pixels) {
        put_head(level, tag, VR('O', 'B'), UNDEFINED_LENGTH);
    }
    for (unsigned number = 0;; number++) {
        struct found found;
        slice fragment;
        if (!cut_head(level, rest, &found)) {
            return ERR_BAD_MESSAGE;
        }
        if (found.tag == TAG_SEQUENCE_END) {
            break;
        }
        if (found.tag != TAG_ITEM || !cut_value(rest, found.length, &fragment)) {
            return ERR_BAD_MESSAGE;
        }
        put_fragment(level, fragment, pixels, number == 0);
    }
    if (!pixels) {
        put_mark(level, TAG_SEQUENCE_END, 0);
    }
    return ERR_OK;
}

/* ---- Elements. */

static bool is_left_out(const struct level *level, uint32_t tag)
{
    if ((tag & 0xFFFF) == 0 || tag == TAG_PADDING) {
        return true;
    }
    if (level->depth > 0) {
        return false;
    }
    for (size_t i = 0; i < level->walk->left_out_count; i++) {
        if (level->walk->left_out[i] == tag) {
            return true;
        }
    }
    return tag >> 16 == 0 || tag >> 16 == 2;
}

static void tell(const struct level *level, uint32_t tag, slice value)
{
    if (level->depth <= 1 && level->walk->element != NULL) {
        level->walk->element(level->walk->self, level->parent, tag, value);
    }
}

static size_t unit_of(const struct level *level, const struct found *found)
{
    return level->form.big ? vr_unit(found->vr) : 1;
}

static enum err walk_plain(struct level *level, const struct found *found, uint16_t vr, slice *rest)
{
    slice value;
    bool pixels = level->depth == 0 && found->tag == TAG_PIXELS;
    const struct found unknown = {found->tag, found->length, VR('U', 'N')};
    if (!pixels && vr == VR('U', 'N') && found->length <= rest->size && hides_sequence(level, &unknown, slice_before(*rest, found->length))) {
        return walk_sequence(level, &unknown, rest);
    }
    if (!cut_value(rest, found->length, &value)) {
        return ERR_BAD_MESSAGE;
    }
    tell(level, found->tag, value);
    if (found->tag == TAG_REPRESENTATION && value.size > 0) {
        level->is_signed = (value.size == 1 ? (uint8_t)value.data[0] : read16(level, value.data)) == 1;
    }
    if (!pixels) {
        put_value(level, found->tag, vr, value, unit_of(level, found));
    } else if (level->walk->put_pixels != NULL) {
        put_native(level->walk->put_pixels, level->walk->self, value, unit_of(level, found));
    }
    return ERR_OK;
}

static enum err walk_element(struct level *level, const struct found *found, slice *rest)
{
    struct level own = *level;
    own.quiet = own.quiet || is_left_out(level, found->tag);
    uint16_t vr = dictionary_vr(found->tag, level->is_signed);
    enum err err;
    if (found->length == UNDEFINED_LENGTH && found->tag == TAG_PIXELS) {
        err = walk_fragments(&own, found->tag, rest, level->depth == 0);
    } else if (found->vr == VR('S', 'Q') || found->length == UNDEFINED_LENGTH || (found->vr == 0 && vr == VR('S', 'Q'))) {
        err = walk_sequence(&own, found, rest);
    } else {
        err = walk_plain(&own, found, vr == VR('S', 'Q') ? VR('U', 'N') : vr, rest);
    }
    level->is_signed = own.is_signed;
    return err;
}

static enum err walk_level(struct level *level, slice *rest, bool until_end)
{
    while (rest->size > 0) {
        struct found found;
        if (!cut_head(level, rest, &found)) {
            return ERR_BAD_MESSAGE;
        }
        if (found.tag == TAG_ITEM_END) {
            return until_end ? ERR_OK : ERR_BAD_MESSAGE;
        }
        if (found.tag >> 16 == 0xFFFE) {
            return ERR_BAD_MESSAGE;
        }
        if (level->depth == 0 && found.tag >= TAG_PIXELS && level->walk->stop_at_pixels) {
            return ERR_OK;
        }
        enum err err = walk_element(level, &found, rest);
        if (err != ERR_OK) {
            return err;
        }
    }
    return until_end ? ERR_BAD_MESSAGE : ERR_OK;
}

enum err walk_dataset(const struct walk *walk, slice bytes, slice transfer_syntax)
{
    struct level top = {.walk = walk, .form = {true, false}};
    if (slice_equal(transfer_syntax, UID_IMPLICIT_LITTLE)) {
        top.form.explicit_vr = false;
    } else if (slice_equal(transfer_syntax, UID_EXPLICIT_BIG)) {
        top.form.big = true;
    }
    return walk_level(&top, &bytes, false);
}
