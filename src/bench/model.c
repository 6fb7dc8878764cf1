/* SPDX-License-Identifier: MIT */
#include "src/bench/model.h"

#include "src/base/real.h"
#include "src/bench/actors.h"
#include "src/bench/calibration.h"

#define QUANTILES 101
#define LOCAL_DELAY_NS (TIME_MS / 20)
#define PACKET_LOSS_MAX_PPM 500000

static bool says_nothing(const struct distribution *distribution)
{
    return distribution->kind == DISTRIBUTION_FIXED && distribution->a == 0 && distribution->plus == 0;
}

static time_ns at_share(const struct distribution *distribution, double u)
{
    double value = distribution_quantile(distribution, u) + distribution->plus;
    value = value < distribution->minimum ? distribution->minimum : distribution->maximum > 0 && value > distribution->maximum ? distribution->maximum : value;
    return value <= 0 ? 0 : value >= (double)TIME_DAY ? TIME_DAY : (time_ns)(value + 0.5);
}

/* The median, and a table of factors on it in thousandths. Null, with the median alone, for what does not vary. */
static enum err median_and_table(const struct distribution *distribution, time_ns *median, const uint32_t **table, size_t *count, struct arena *arena)
{
    *median = at_share(distribution, 0.5);
    *table = NULL;
    *count = 0;
    if (distribution->kind == DISTRIBUTION_FIXED || *median == 0) {
        return ERR_OK;
    }
    uint32_t *factors = arena_array(arena, QUANTILES, sizeof *factors);
    for (int q = 0; factors != NULL && q < QUANTILES; q++) {
        time_ns value = at_share(distribution, q == 0 ? 0.0005 : q == QUANTILES - 1 ? 0.9995 : q / (double)(QUANTILES - 1));
        factors[q] = value / *median > 4000000 ? 4000000000u : (uint32_t)(value * 1000 / *median);
    }
    *table = factors;
    *count = QUANTILES;
    return factors == NULL ? ERR_LIMIT : ERR_OK;
}

time_ns model_takes(const struct scenario_node *node, enum dimse_kind kind, uint64_t draw)
{
    const struct distribution *told = kind == DIMSE_C_FIND_RQ ? &node->service.find : kind == DIMSE_C_ECHO_RQ ? &node->service.echo : kind == DIMSE_C_STORE_RQ ? &node->service.store : NULL;
    return told == NULL || says_nothing(told) ? 0 : at_share(told, real_unit(draw));
}

/* ---- Places. */

static bool has_line(const struct scenario *scenario, uint32_t n)
{
    for (size_t l = 0; l < scenario->link_count; l++) {
        if (scenario->links[l].from == n || scenario->links[l].to == n) {
            return true;
        }
    }
    return false;
}

/* Beside the engine if that is of the same organisation, else beside a node of it that has a line, else beside the engine. */
static uint32_t stands_beside(const struct scenario *scenario, uint32_t n)
{
    uint32_t engine = actors_engine(scenario);
    if (scenario->nodes[n].site == scenario->nodes[engine].site) {
        return engine;
    }
    for (uint32_t other = 0; other < scenario->node_count; other++) {
        if (scenario->nodes[other].site == scenario->nodes[n].site && has_line(scenario, other)) {
            return other;
        }
    }
    return engine;
}

static void choose_places(struct model *model, const struct scenario *scenario)
{
    uint32_t engine = actors_engine(scenario);
    for (uint32_t n = 0; n < scenario->node_count; n++) {
        if (n == engine || has_line(scenario, n)) {
            model->places[n] = (uint32_t)model->site_count;
            model->sites[model->site_count++] = (struct virtual_site){.name = scenario->nodes[n].id, .bytes_per_s = scenario->nodes[n].service.move_bps / 8,
                                                                      .delay_ns = LOCAL_DELAY_NS};
        }
    }
    for (uint32_t n = 0; n < scenario->node_count; n++) {
        if (n != engine && !has_line(scenario, n)) {
            model->places[n] = model->places[stands_beside(scenario, n)];
        }
    }
}

/* Gilbert's two states come to this on the average. */
static uint32_t mean_loss(const struct loss *loss)
{
    int64_t turns = loss->good_to_bad_micro + loss->bad_to_good_micro;
    int64_t micro = turns == 0 ? loss->bad_loss_micro : loss->bad_loss_micro * loss->good_to_bad_micro / turns;
    return (uint32_t)(micro > PACKET_LOSS_MAX_PPM ? PACKET_LOSS_MAX_PPM : micro);
}

static enum err make_link(struct virtual_link *to, const struct scenario_link *from, const struct model *model, struct arena *arena)
{
    *to = (struct virtual_link){.name = from->id, .from = model->places[from->from], .to = model->places[from->to], .bytes_per_s = from->rate_bps / 8,
                                .share = (uint32_t)(from->share_micro / 1000), .loss_ppm = mean_loss(&from->loss)};
    return median_and_table(&from->delay, &to->delay_ns, &to->quantiles, &to->quantile_count, arena);
}

enum err model_make(struct model *model, const struct scenario *scenario, struct arena *arena)
{
    *model = (struct model){.sites = arena_array(arena, scenario->node_count + 1, sizeof *model->sites), .links = arena_array(arena, scenario->link_count + 1, sizeof *model->links)};
    if (model->sites == NULL || model->links == NULL || scenario->link_count > VIRTUAL_LINKS_MAX) {
        return ERR_LIMIT;
    }
    choose_places(model, scenario);
    enum err err = ERR_OK;
    for (size_t l = 0; err == ERR_OK && l < scenario->link_count; l++) {
        err = make_link(&model->links[model->link_count++], &scenario->links[l], model, arena);
    }
    return err;
}

/* ---- Nodes. */

static struct virtual_time calibrated(const struct calibration_row *row)
{
    struct virtual_time time = {.base_ns = row->base_us * TIME_US, .each_ns = row->each_us * TIME_US, .bytes_per_s = row->bytes_per_s};
    while (time.quantile_count < CALIBRATION_QUANTILES && row->factors[time.quantile_count] > 0) {
        time.quantile_count++;
    }
    time.quantiles = time.quantile_count > 0 ? row->factors : NULL;
    return time;
}

/* What the scenario says comes on top of what its process takes; where both vary, the scenario's alone does. */
static enum err takes_more(struct virtual_time *service, const struct distribution *told, struct arena *arena)
{
    struct virtual_time own = *service;
    enum err err = median_and_table(told, &service->base_ns, &service->quantiles, &service->quantile_count, arena);
    time_ns sum = service->base_ns + own.base_ns;
    uint32_t *factors = err == ERR_OK && service->quantiles == NULL && own.quantiles != NULL && sum > 0 ? arena_array(arena, own.quantile_count, sizeof *factors) : NULL;
    for (size_t q = 0; factors != NULL && q < own.quantile_count; q++) {
        factors[q] = (uint32_t)((service->base_ns * 1000 + own.base_ns * own.quantiles[q]) / sum);
    }
    service->quantile_count = factors != NULL ? own.quantile_count : service->quantile_count;
    service->quantiles = factors != NULL ? factors : service->quantiles;
    service->base_ns = sum;
    return err;
}

enum err model_node(struct virtual_node *node, const struct model *model, const struct scenario *scenario, uint32_t n, struct arena *arena)
{
    const struct scenario_node *from = &scenario->nodes[n];
    const struct {
        enum virtual_service service;
        const struct distribution *takes;
    } told[] = {{VIRTUAL_FIND, &from->service.find}, {VIRTUAL_ECHO, &from->service.echo}, {VIRTUAL_STORE, &from->service.store}, {VIRTUAL_HL7, &from->service.acknowledge}};
    enum err err = ERR_OK;
    node->site = model->places[n];
    for (int s = 0; s < VIRTUAL_SERVICE_COUNT; s++) {
        node->services[s] = calibrated(&calibration_rows[s]);
    }
    for (size_t i = 0; err == ERR_OK && i < sizeof told / sizeof told[0]; i++) {
        struct virtual_time *service = &node->services[told[i].service];
        if (!says_nothing(told[i].takes)) {
            err = takes_more(service, told[i].takes, arena);
        }
    }
    if (from->kind == KIND_ENGINE) {
        node->durable = true;
        node->restart_ns = calibration_restart_us * TIME_US;
    }
    return err;
}
