/* SPDX-License-Identifier: MIT
 *
 * Studies for a node that has no scenario: synthetic people and what they were examined for, as a
 * pure function of (seed, index). Several studies in a row belong to one person. */
#include "sim/node/node.h"

#include "src/base/random.h"
#include "src/base/time.h"

#define STUDIES_PER_PERSON 3
#define FIRST_PATIENT      100000 /* local numbers count from here */
#define FIRST_DAY          12053  /* 2003-01-01, in days since 1970 */
#define DAYS               2600

static const char *const family[] = {"Jones",   "Williams", "Davies",    "Evans", "Thomas",
                                     "Roberts", "Llywelyn", "Morgan",    "Price", "Rees",
                                     "Hughes",  "Lewis",    "Griffiths", "Pugh"};
static const char *const women[] = {"Megan", "Siân", "Carys",    "Elen",
                                    "Nia",   "Gwen", "Rhiannon", "Bethan"};
static const char *const men[] = {"Dafydd", "Huw",    "Rhys",  "Siôn",
                                  "Owain",  "Gareth", "Ieuan", "Tŵm"};

static const struct sort {
    const char *modality, *body_part, *description;
    uint32_t images, series, weight;
} sorts[] = {
    {"CR", "CHEST", "Chest X-ray", 2, 1, 40},
    {"CT", "CHEST", "CT chest", 24, 2, 15},
    {"CT", "ABDOMEN", "CT abdomen", 30, 2, 10},
    {"MR", "BRAIN", "MR head", 40, 3, 10},
    {"US", "ABDOMEN", "Ultrasound abdomen", 6, 1, 15},
    {"MG", "BREAST", "Mammogram both breasts", 4, 1, 8},
    {"DX", "CHEST", "Digital chest X-ray", 1, 1, 2},
};

static uint64_t draw(uint64_t seed, uint64_t index, uint64_t what, uint64_t bound)
{
    return random_below(random_draw(seed, PURPOSE('p', 'e', 'o', 'p'), index, what), bound);
}

static const struct sort *sort_of(uint64_t number)
{
    size_t i = 0;
    while (number >= sorts[i].weight) {
        number -= sorts[i++].weight;
    }
    return &sorts[i];
}

static slice text_of(struct buffer *buffer, struct arena *arena)
{
    return buffer->full ? (slice){NULL, 0} : arena_copy(arena, buffer_slice(buffer));
}

static slice date_of(int64_t days, struct arena *arena)
{
    char text[16];
    struct buffer buffer = buffer_over(text, sizeof text);
    time_put_da(&buffer, days * TIME_DAY);
    return text_of(&buffer, arena);
}

static slice number_of(const char *before, uint64_t number, size_t width, struct arena *arena)
{
    char text[40];
    struct buffer buffer = buffer_over(text, sizeof text);
    buffer_put_text(&buffer, before);
    buffer_put_padded(&buffer, number, width);
    return text_of(&buffer, arena);
}

static slice name_of(uint64_t seed, uint64_t person, bool woman, struct arena *arena)
{
    char text[64];
    struct buffer buffer = buffer_over(text, sizeof text);
    buffer_put_text(&buffer, family[draw(seed, person, 1, sizeof family / sizeof family[0])]);
    buffer_put_byte(&buffer, '^');
    buffer_put_text(&buffer,
                    woman ? women[draw(seed, person, 2, 8)] : men[draw(seed, person, 2, 8)]);
    return text_of(&buffer, arena);
}

enum err node_study_make(struct node_study *study, uint64_t seed, uint64_t index, slice issuer,
                         struct arena *arena)
{
    uint64_t person = index / STUDIES_PER_PERSON;
    bool woman = draw(seed, person, 0, 2) == 0;
    const struct sort *sort = sort_of(draw(seed, index, 3, 100));
    *study = (struct node_study){
        .number = (int64_t)index,
        .person = SLICE_EMPTY,
        .patient_id = number_of("", FIRST_PATIENT + person, 6, arena),
        .issuer = issuer,
        .name = name_of(seed, person, woman, arena),
        .birth_date = date_of(-10957 + (int64_t)draw(seed, person, 4, 20000), arena),
        .sex = woman ? SLICE("F") : SLICE("M"),
        .accession = number_of("", 500000 + index, 7, arena),
        .accession_issuer = SLICE_EMPTY,
        .study_uid = SLICE_EMPTY,
        .date = date_of(FIRST_DAY + (int64_t)draw(seed, index, 5, DAYS), arena),
        .time = number_of("", 80000 + 100 * draw(seed, index, 6, 60), 6, arena),
        .description = slice_from(sort->description),
        .modality = slice_from(sort->modality),
        .body_part = slice_from(sort->body_part),
        .laterality = SLICE_EMPTY,
        .series_count = sort->series,
        .image_count = sort->images};
    return study->patient_id.data == NULL || study->name.data == NULL ||
                   study->birth_date.data == NULL || study->accession.data == NULL ||
                   study->date.data == NULL || study->time.data == NULL
               ? ERR_LIMIT
               : ERR_OK;
}
