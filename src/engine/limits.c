/* SPDX-License-Identifier: MIT
 *
 * Limits: what a configuration must allow to hold a load, and the memory of it. What a limit allows and nobody needs is
 * never touched, so a generous limit costs addresses, not memory. */
#include "src/engine/engine_private.h"

#define FIXED_BYTES  (192u << 20) /* of questions, publications, requests, pools: all that no limit scales */
#define TEXT_AN_EXAM 768u         /* bytes: UIDs, numbers, reasons; the common ones stand once */
#define LEAST        1000u

static void raise_to(uint32_t *limit, uint64_t wanted)
{
    wanted += wanted / 10 + LEAST;
    wanted = wanted < UINT32_MAX / 16 ? wanted : UINT32_MAX / 16;
    *limit = *limit > wanted ? *limit : (uint32_t)wanted;
}

void engine_config_hold(struct engine_config *config, const struct engine_load *load)
{
    raise_to(&config->persons_max, load->persons > load->numbers / 4 ? load->persons : load->numbers / 4);
    raise_to(&config->exams_max, load->exams);
    raise_to(&config->studies_max, load->studies);
    raise_to(&config->demands_max, load->exams);
    raise_to(&config->cases_max, load->cases);
    raise_to(&config->meetings_max, load->cases / 4);
    if (config->audits_max != 0) {
        raise_to(&config->audits_max, 100 * load->exams); /* 0: no limit */
    }
    uint64_t memory = engine_memory(config);
    config->memory = config->memory > memory ? config->memory : memory;
}

uint64_t engine_memory(const struct engine_config *config)
{
    uint64_t exams = config->exams_max > config->studies_max ? config->exams_max : config->studies_max;
    return FIXED_BYTES + registry_memory(config) + exams * TEXT_AN_EXAM + (uint64_t)config->persons_max * TEXT_AN_EXAM / 4 +
           ((uint64_t)config->exams_max + config->demands_max) * 32;
}
