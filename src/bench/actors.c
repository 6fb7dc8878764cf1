/* SPDX-License-Identifier: MIT */
#include "src/bench/actors.h"

#include "sim/node/node.h"
#include "sim/ris/ris.h"
#include "sim/viewer/viewer.h"
#include "src/dicom/dataset.h"

#define RIS_MEMORY (128u << 20)
#define RIS_OUTBOX (64u << 20)

const uint32_t actors_left_out[] = {
#define COERCION(keyword, text) TAG_##keyword,
#include "src/engine/coercion.def"
#undef COERCION
};
const size_t actors_left_out_count = sizeof actors_left_out / sizeof actors_left_out[0];

uint32_t actors_engine(const struct scenario *scenario)
{
    for (uint32_t n = 0; n < scenario->node_count; n++) {
        if (scenario->nodes[n].kind == KIND_ENGINE) {
            return n;
        }
    }
    return 0;
}

/* As this node files it: under the name and number of the time. */
static struct node_study filed(const struct scenario *scenario, const struct scenario_study *study, struct arena *arena)
{
    const struct scenario_node *node = &scenario->nodes[study->node];
    const struct site *site = &scenario->sites[node->site];
    const struct person *person = &scenario->persons[study->person];
    bool maiden = study->under == FILED_MAIDEN;
    slice number = maiden ? person->maiden_numbers[node->site] : study->under == FILED_ALSO ? person->also_numbers[node->site] : person->numbers[node->site];
    struct buffer name = buffer_make(arena, 256);
    buffer_put(&name, maiden ? person->maiden_family : person->family);
    buffer_put_byte(&name, '^');
    buffer_put(&name, maiden && person->maiden_given.size > 0 ? person->maiden_given : person->given);
    return (struct node_study){.number = study->number, .person = person->id, .patient_id = number, .issuer = site->issuer, .name = buffer_slice(&name),
                               .birth_date = person->birth_date, .sex = person->sex, .accession = study->accession, .accession_issuer = site->accession,
                               .study_uid = study->study_uid, .date = study->date, .time = study->time, .description = study->text, .modality = study->modality,
                               .body_part = study->region, .laterality = study->laterality, .series_count = study->series_count,
                               .image_count = study->image_count, .planned = study->planned};
}

bool actors_expect(const struct scenario *scenario, struct load_expected *expected)
{
    struct load_setup setup = {.population = &scenario->population, .seed = scenario->seed, .start = scenario->start, .length = scenario->length, .speed = scenario->speed};
    if (scenario->populated) {
        load_expect(&setup, expected);
    }
    return scenario->populated;
}

/* A node holds what is stored at it, and what of the others' is moved to it. */
static void hold_load(const struct scenario *scenario, uint32_t n, struct node_setup *setup)
{
    struct load_expected expected;
    if (actors_expect(scenario, &expected)) {
        int64_t own = n < sizeof expected.studies / sizeof expected.studies[0] ? expected.studies[n] : expected.exams;
        setup->arrivals_max = (uint32_t)(own + own / 10 + expected.exams / 4 + 4096);
        setup->kept_max = (uint32_t)(expected.exams + 16384);
    }
}

static enum err make_node(struct made_actor *made, const struct scenario *scenario, uint32_t n, const struct actors_options *options, struct arena *arena)
{
    const struct scenario_node *node = &scenario->nodes[n];
    struct node_setup setup = {.name = node->id, .aet = node->aet, .issuer = scenario->sites[node->site].issuer, .vendor = node->vendor, .peers = options->peers,
                               .peer_count = scenario->node_count, .seed = scenario->seed, .pixels_full = scenario->pixels_full || (scenario->populated && scenario->speed <= 1), /* compressed: as small as on the wire */
                               .truth = true,
                               .imported = options->imported, .imported_count = options->imported_count, .left_out = actors_left_out,
                               .left_out_count = actors_left_out_count, .run_max = options->run_max, .spans = options->in_spans};
    struct node_study *studies = arena_array(arena, scenario->study_count + 1, sizeof *studies);
    if (studies == NULL) {
        return ERR_LIMIT;
    }
    for (size_t s = 0; s < scenario->study_count; s++) {
        if (scenario->studies[s].node == n) {
            studies[setup.study_count++] = filed(scenario, &scenario->studies[s], arena);
        }
    }
    setup.studies = studies;
    hold_load(scenario, n, &setup);
    enum err err = arena_make(&made->memory, node_memory(&setup));
    err = err == ERR_OK ? node_init(&made->node, &setup, &made->memory) : err;
    made->actor = err == ERR_OK ? node_actor(made->node) : made->actor;
    return err;
}

static enum err make_ris(struct made_actor *made, const struct scenario *scenario)
{
    struct ris_config setup = {.name = SLICE("RADIS2"), .receiver = SLICE("PONT"), .engine = actors_engine(scenario), .outbox_bytes = RIS_OUTBOX};
    struct ris *ris = NULL;
    enum err err = arena_make(&made->memory, RIS_MEMORY);
    err = err == ERR_OK ? ris_init(&ris, &setup, &made->memory) : err;
    made->actor = err == ERR_OK ? ris_actor(ris) : made->actor;
    return err;
}

static enum err make_viewer(struct made_actor *made, const struct scenario *scenario, uint32_t n, const struct actors_options *options)
{
    struct viewer_setup setup = {.name = scenario->nodes[n].id, .aet = scenario->nodes[n].aet, .peers = options->peers, .peer_count = scenario->node_count,
                                 .engine = actors_engine(scenario)};
    struct viewer *viewer = NULL;
    enum err err = arena_make(&made->memory, viewer_memory(&setup));
    err = err == ERR_OK ? viewer_init(&viewer, &setup, &made->memory) : err;
    made->actor = err == ERR_OK ? viewer_actor(viewer) : made->actor;
    return err;
}

enum err actors_make(struct made_actor *made, const struct scenario *scenario, uint32_t node, const struct actors_options *options, struct arena *arena)
{
    *made = (struct made_actor){.node = NULL};
    switch (scenario->nodes[node].kind) {
    case KIND_PACS:
        return make_node(made, scenario, node, options, arena);
    case KIND_RIS:
        return make_ris(made, scenario);
    case KIND_VIEWER:
        return make_viewer(made, scenario, node, options);
    case KIND_ENGINE:
        break;
    }
    return ERR_BAD_INPUT;
}

void actors_drop(struct made_actor *made)
{
    arena_drop(&made->memory);
    *made = (struct made_actor){.node = NULL};
}
