/* SPDX-License-Identifier: MIT
 *
 * Phantom: a picture that a person recognises: a body with organs, a chest with ribs, a breast, a
 * sector of ultrasound; the accession number burnt in. Integer maths only: the same bytes on every
 * machine. Coordinates run from -1024 to 1024 across the picture. */
#include "sim/node/images_private.h"

#define UNIT 1024

/* An ellipse: inside it the value stands. */
struct shape {
    int32_t x, y, rx, ry;
    uint16_t value;
};

static bool is_inside(const struct shape *shape, int32_t x, int32_t y)
{
    int64_t dx = x - shape->x, dy = y - shape->y, rx = shape->rx, ry = shape->ry;
    return rx > 0 && ry > 0 && dx * dx * ry * ry + dy * dy * rx * rx <= rx * rx * ry * ry;
}

/* Even noise in 0 .. 2^bits-1 from place and instance. */
static uint32_t noise(uint32_t x, uint32_t y, uint32_t salt, unsigned bits)
{
    uint32_t h = x * 0x9E3779B1u ^ y * 0x85EBCA77u ^ salt * 0xC2B2AE3Du;
    h ^= h >> 15;
    h *= 0x2C1B3C6Du;
    h ^= h >> 13;
    return h >> (32 - bits);
}

/* ---- Cross sections. */
#define SHAPES_MAX 12
struct section {
    struct shape shapes[SHAPES_MAX]; /* later ones cover earlier ones */
    size_t count;
    uint16_t background;
    unsigned noise_bits;
};

static void add(struct section *section, int32_t x, int32_t y, int32_t rx, int32_t ry,
                uint16_t value)
{
    if (section->count < SHAPES_MAX) {
        section->shapes[section->count++] = (struct shape){x, y, rx, ry, value};
    }
}

/* Where the slice lies in its series: -1024 first, 1024 last. */
static int32_t depth_of(const struct image_key *key)
{
    uint32_t series = image_series_of(key->study, key->instance),
             first = image_series_first(key->study, series),
             size = image_series_size(key->study, series);
    return size < 2 ? 0 : (int32_t)(2 * UNIT * (key->instance - first) / (size - 1)) - UNIT;
}

/* A bit of this person: her own spread of organs, -span .. span. */
static int32_t own(const struct image_key *key, uint64_t what, int32_t span)
{
    uint64_t draw =
        random_draw(key->seed, PURPOSE('b', 'o', 'd', 'y'), (uint64_t)key->study->number, what);
    return (int32_t)random_below(draw, (uint64_t)(2 * span + 1)) - span;
}

/* Smaller towards both ends. */
static int32_t tapered(int32_t radius, int32_t depth)
{
    return radius - (int32_t)((int64_t)radius * depth * depth / (2 * UNIT * UNIT));
}

/* CT numbers + 1024: air 24, fat 924, water 1024, soft tissue 1064, bone 1724. */
static void section_ct(const struct image_key *key, struct section *section)
{
    int32_t depth = depth_of(key);
    *section = (struct section){.background = 24, .noise_bits = 4};
    add(section, 0, 0, 860 + own(key, 0, 40), 640 + own(key, 1, 30), 924);
    add(section, 0, 0, 790 + own(key, 0, 40), 570 + own(key, 1, 30), 1064);
    if (slice_equal(key->study->body_part, SLICE("ABDOMEN"))) {
        add(section, -330 + own(key, 2, 40), -80, tapered(400, depth), tapered(330, depth), 1084);
        add(section, 430, -60, tapered(210, depth), tapered(190, depth), 1074);
        add(section, -380, 260, 130, 150, 1060);
        add(section, 380, 260, 130, 150, 1060);
    } else {
        add(section, -400 + own(key, 2, 20), -20, tapered(310, depth), tapered(430, depth), 160);
        add(section, 400 + own(key, 3, 20), -20, tapered(310, depth), tapered(430, depth), 160);
        add(section, 90, 40, tapered(230, depth), tapered(250, depth), 1070);
    }
    add(section, 0, 430, 120, 110, 1724);
    add(section, 0, 430, 45, 45, 1034);
    if (random_below(
            random_draw(key->seed, PURPOSE('l', 'e', 's', 'n'), (uint64_t)key->study->number, 0),
            2) == 0) {
        add(section, -420, -160, tapered(70, depth), tapered(60, depth),
            1094); /* what the list is about */
    }
}

static void section_mr(const struct image_key *key, struct section *section)
{
    int32_t depth = depth_of(key);
    *section = (struct section){.background = 20, .noise_bits = 5};
    if (slice_equal(key->study->body_part, SLICE("BREAST"))) {
        add(section, -420, -260, tapered(360, depth), tapered(420, depth), 1500);
        add(section, 420, -260, tapered(360, depth), tapered(420, depth), 1500);
        add(section, -420 + own(key, 2, 60), -260, tapered(150, depth), tapered(190, depth), 800);
        add(section, 420 + own(key, 3, 60), -260, tapered(150, depth), tapered(190, depth), 800);
        add(section, 0, 480, 820, 420, 700);
        return;
    }
    add(section, 0, 0, tapered(740, depth), tapered(880, depth), 1800);
    add(section, 0, 0, tapered(680, depth), tapered(820, depth), 300);
    add(section, 0, 0, tapered(640, depth), tapered(780, depth), 1100 + (uint16_t)own(key, 1, 60));
    add(section, -130, -100, tapered(110, depth), tapered(260, depth), 400);
    add(section, 130, -100, tapered(110, depth), tapered(260, depth), 400);
    add(section, 0, 330, 120, 110, 900);
}

static void section_of(const struct image_key *key, struct section *section)
{
    switch (image_kind(key->study)) {
    case IMAGE_CT:
        section_ct(key, section);
        return;
    case IMAGE_MR:
        section_mr(key, section);
        return;
    case IMAGE_NM:
        *section = (struct section){.background = 4, .noise_bits = 5};
        add(section, 0, 0, 380, 900, 60);
        add(section, -120, 300, 110, 160, 700);
        add(section, 120, 300, 110, 160, 700);
        add(section, 0, -520, 160, 190, 300);
        return;
    default:
        *section = (struct section){.background = 200, .noise_bits = 6};
        add(section, 0, 0, 800, 800, 1600);
        add(section, 0, 0, 500, 500, 600);
    }
}

static uint32_t section_pixel(const struct section *section, int32_t x, int32_t y)
{
    for (size_t i = section->count; i > 0; i--) {
        if (is_inside(&section->shapes[i - 1], x, y)) {
            return section->shapes[i - 1].value;
        }
    }
    return section->background;
}

/* ---- Projections. */
static const struct shape lungs[] = {{-400, -100, 300, 620, 0}, {400, -100, 290, 600, 0}};
static const struct shape heart = {120, 250, 330, 330, 0};

/* A chest from the front: ribs are shells of ellipses, lower and lower. */
static uint32_t chest_pixel(int32_t x, int32_t y)
{
    static const struct shape thorax = {0, 0, 900, 980, 0};
    uint32_t value = is_inside(&thorax, x, y) ? 2400 : 300;
    bool lung = is_inside(&lungs[0], x, y) || is_inside(&lungs[1], x, y);
    if (lung) {
        value = 900;
    }
    for (int32_t rib = 0; rib < 8 && value > 300; rib++) {
        struct shape outer = {0, -700 + 190 * rib, 830, 330, 0},
                     inner = {0, -668 + 190 * rib, 800, 320, 0};
        if (is_inside(&outer, x, y) && !is_inside(&inner, x, y) && y < -560 + 190 * rib) {
            value += 450;
        }
    }
    value += is_inside(&heart, x, y) ? 900 : 0;
    value += x > -70 && x < 70 && value > 300 ? 600 : 0; /* spine */
    return value;
}

static uint32_t breast_pixel(const struct image_key *key, int32_t x, int32_t y)
{
    int32_t side = image_is_left(key) ? -UNIT : UNIT; /* the chest wall */
    struct shape breast = {side, image_is_oblique(key) ? 100 : 0, 1350, 760, 0},
                 gland = {side / 2, own(key, 4, 80), 430, 380, 0};
    struct shape lesion = {side / 3, own(key, 5, 150), 60, 50, 0},
                 muscle = {side, -UNIT, 620, 900, 0};
    uint32_t value = is_inside(&breast, x, y) ? 1100 : 60;
    if (image_is_oblique(key) && is_inside(&muscle, x, y)) {
        value = 2300;
    }
    value += value > 60 && is_inside(&gland, x, y) ? 900 : 0;
    value += value > 60 && is_inside(&lesion, x, y) ? 900 : 0;
    return value;
}

/* A sector below its probe, with a cyst and its shadow; a clip beats. */
static uint32_t sector_pixel(const struct image_key *key, int32_t x, int32_t y, uint32_t frame)
{
    int64_t dy = y + 1100, distance = (int64_t)x * x + dy * dy;
    bool sector = dy > 0 && (int64_t)x * x * 2 <= dy * dy && distance >= 250 * 250 &&
                  distance <= 2000LL * 2000;
    struct shape cyst = {own(key, 6, 200), 50 + own(key, 7, 150), 210 + 12 * (int32_t)(frame % 8),
                         170, 0};
    if (!sector) {
        return 0;
    }
    if (is_inside(&cyst, x, y)) {
        return 10;
    }
    return x > cyst.x - 120 && x < cyst.x + 120 && y > cyst.y ? 150 : 90;
}

/* ---- Letters, 3 by 5. */
static uint16_t glyph(char letter)
{
    static const uint16_t digits[] = {075557, 026227, 071747, 071717, 055711,
                                      074717, 074757, 071111, 075757, 075717};
    static const uint16_t letters[] = {025755, 065656, 034443, 065556, 074647, 074644, 034553,
                                       055755, 072227, 011153, 055655, 044447, 057755, 065555,
                                       025552, 065644, 025563, 065655, 034216, 072222, 055557,
                                       055552, 055775, 055255, 055222, 071247};
    return letter >= '0' && letter <= '9'   ? digits[letter - '0']
           : letter >= 'A' && letter <= 'Z' ? letters[letter - 'A']
                                            : 0;
}

/* Is this pixel ink of the accession number? */
static bool is_ink(slice text, uint32_t scale, uint32_t x, uint32_t y)
{
    uint32_t column = x / scale, line = y / scale;
    if (line < 1 || line > 5 || column < 1 || (column - 1) / 4 >= text.size ||
        (column - 1) % 4 == 3) {
        return false;
    }
    uint16_t shape = glyph(text.data[(column - 1) / 4]);
    return (shape >> (3 * (5 - line) + 2 - (column - 1) % 4) & 1) != 0;
}

/* ---- A row. */
static uint32_t pixel(const struct image_key *key, const struct section *section,
                      enum image_kind kind, uint32_t frame, int32_t u, int32_t v)
{
    switch (kind) {
    case IMAGE_CR:
    case IMAGE_DX:
        return chest_pixel(u, v);
    case IMAGE_MG:
        return breast_pixel(key, u, v);
    case IMAGE_US:
        return sector_pixel(key, u, v, frame);
    default:
        return section_pixel(section, u, v);
    }
}

void image_row(const struct image_key *key, const struct image_size *size, uint32_t frame,
               uint32_t y, uint8_t *row)
{
    enum image_kind kind = image_kind(key->study);
    struct section section;
    uint32_t salt = key->instance * 64 + frame + (uint32_t)key->study->number * 7919u,
             scale = size->columns / 64;
    unsigned bits = kind == IMAGE_US ? 5 : 6;
    uint32_t most = size->bits == 8 ? 255 : 4095;
    int32_t v = (int32_t)((2 * y + 1) * UNIT / size->rows) - UNIT;
    assert(size->columns * size->bits / 8 <= ROW_BYTES_MAX);
    section_of(key, &section);
    bits = kind == IMAGE_CT || kind == IMAGE_MR || kind == IMAGE_NM || kind == IMAGE_SC
               ? section.noise_bits
               : bits;
    for (uint32_t x = 0; x < size->columns; x++) {
        int32_t u = (int32_t)((2 * x + 1) * UNIT / size->columns) - UNIT;
        uint32_t value = pixel(key, &section, kind, frame, u, v);
        value += value > 0 ? noise(x, y, salt, bits) : 0;
        value = y < 7 * scale && is_ink(key->study->accession, scale, x, y) ? most
                : value > most                                              ? most
                                                                            : value;
        if (size->bits == 8) {
            row[x] = (uint8_t)value;
        } else {
            row[2 * x] = (uint8_t)value;
            row[2 * x + 1] = (uint8_t)(value >> 8);
        }
    }
}
