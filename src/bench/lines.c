/* SPDX-License-Identifier: MIT */
#include "src/bench/lines.h"

#include "src/bench/folder.h"
#include "src/bench/json.h"
#include "src/bench/model.h"
#include "src/wire/shaper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_SIZE 65536

/* ---- Ways. */

/* The way of fewest links from a place to all others, the first listed where equal: as in virtual time. */
struct reachable {
    uint16_t half[SCENARIO_NODES_MAX]; /* by which each place was come to */
    uint32_t before[SCENARIO_NODES_MAX];
    bool there[SCENARIO_NODES_MAX];
};

static void reach_from(struct reachable *reach, const struct model *model, uint32_t place)
{
    uint32_t list[SCENARIO_NODES_MAX] = {place};
    size_t count = 1;
    *reach = (struct reachable){.there = {false}};
    reach->there[place] = true;
    for (size_t i = 0; i < count; i++) {
        for (size_t h = 0; h < 2 * model->link_count; h++) {
            const struct virtual_link *link = &model->links[h / 2];
            uint32_t from = h % 2 == 0 ? link->from : link->to, to = h % 2 == 0 ? link->to : link->from;
            if (from == list[i] && !reach->there[to]) {
                reach->there[to] = true;
                reach->before[to] = from;
                reach->half[to] = (uint16_t)h;
                list[count++] = to;
            }
        }
    }
}

/* False: no link lies between. */
static bool find_way(struct shaper_way *way, const struct model *model, uint32_t from, uint32_t to)
{
    struct reachable reach;
    uint16_t back[SHAPER_HALVES_MAX];
    uint8_t count = 0;
    reach_from(&reach, model, from);
    for (uint32_t at = to; reach.there[to] && at != from && count < SHAPER_HALVES_MAX; at = reach.before[at]) {
        back[count++] = reach.half[at];
    }
    for (uint8_t i = 0; i < count; i++) {
        way->halves[i] = back[count - 1 - i];
    }
    way->half_count = count;
    return count > 0;
}

/* Who ever dials whom. */
static bool may_dial(enum scenario_kind from, enum scenario_kind to, bool hl7)
{
    if (hl7) {
        return (from == KIND_RIS && to == KIND_ENGINE) || (from == KIND_ENGINE && to == KIND_RIS);
    }
    return from == KIND_ENGINE || from == KIND_PACS ? to != KIND_RIS : from == KIND_VIEWER && (to == KIND_ENGINE || to == KIND_PACS);
}

static enum err find_ways(struct lines *lines, const struct scenario *scenario, const struct model *model)
{
    for (uint32_t from = 0; from < scenario->node_count; from++) {
        for (uint32_t to = 0; to < scenario->node_count; to++) {
            for (int hl7 = 0; hl7 < 2; hl7++) {
                const struct scenario_node *node = &scenario->nodes[to];
                struct shaper_way way = {.target = hl7 ? node->hl7_port : node->dicom_port};
                if (from == to || node->external || way.target == 0 || !may_dial(scenario->nodes[from].kind, node->kind, hl7) ||
                    !find_way(&way, model, model->places[from], model->places[to])) {
                    continue;
                }
                if (lines->way_count == SHAPER_WAYS_MAX) {
                    return ERR_LIMIT;
                }
                lines->ends[lines->way_count] = (struct way_of){from, to, hl7 != 0};
                lines->ways[lines->way_count++] = way;
            }
        }
    }
    return ERR_OK;
}

/* ---- The process. */

static enum err start(struct lines *lines, const struct shaper_config *given)
{
    int control[2];
    if (pipe2(control, O_CLOEXEC) != 0) {
        return ERR_SYSTEM;
    }
    struct shaper_config config = *given;
    config.control = control[0];
    struct shaper *shaper = shaper_open(&config);
    fflush(NULL);
    lines->pid = shaper == NULL ? -1 : fork();
    if (lines->pid == 0) {
        setpgid(0, 0);
        close(control[1]);
        _exit(shaper_run(shaper) == ERR_OK ? 0 : 3);
    }
    close(control[0]);
    if (shaper != NULL) {
        shaper_close(shaper);
    }
    lines->control = control[1];
    return lines->pid > 0 ? ERR_OK : ERR_SYSTEM;
}

enum err lines_open(struct lines *lines, const struct scenario *scenario, struct arena *arena)
{
    struct model model;
    char host[64];
    *lines = (struct lines){.control = -1};
    if (scenario->link_count == 0) {
        return ERR_OK;
    }
    lines->ways = arena_array(arena, SHAPER_WAYS_MAX, sizeof *lines->ways);
    lines->ends = arena_array(arena, SHAPER_WAYS_MAX, sizeof *lines->ends);
    struct shaper_link *links = arena_array(arena, scenario->link_count, sizeof *links);
    enum err err = lines->ways == NULL || lines->ends == NULL || links == NULL ? ERR_LIMIT : model_make(&model, scenario, arena);
    err = err == ERR_OK ? find_ways(lines, scenario, &model) : err;
    for (size_t l = 0; err == ERR_OK && l < scenario->link_count; l++) {
        const struct virtual_link *link = &model.links[l];
        links[l] = (struct shaper_link){link->share == 0 ? link->bytes_per_s : link->bytes_per_s / 1000 * link->share, link->delay_ns, link->loss_ppm};
    }
    snprintf(host, sizeof host, "%.*s", SLICE_ARGS(scenario->bind));
    const struct shaper_config config = {.host = host, .seed = scenario->seed, .links = links, .link_count = scenario->link_count,
                                         .ways = lines->ways, .way_count = lines->way_count};
    return err == ERR_OK && lines->way_count > 0 ? start(lines, &config) : err;
}

uint16_t lines_port(const struct lines *lines, const struct scenario *scenario, uint32_t from, uint32_t to, bool hl7)
{
    for (size_t w = 0; w < lines->way_count; w++) {
        if (lines->ends[w].from == from && lines->ends[w].to == to && lines->ends[w].hl7 == hl7) {
            return lines->ways[w].port;
        }
    }
    return hl7 ? scenario->nodes[to].hl7_port : scenario->nodes[to].dicom_port;
}

/* ---- Files. */

void lines_file(const struct lines *lines, const struct scenario *scenario, size_t node, char name[160])
{
    slice id = slice_before(scenario->nodes[node].id, 100);
    if (lines->way_count == 0) {
        snprintf(name, 160, "ports.txt"); /* the same for all */
    } else {
        snprintf(name, 160, "ports-%.*s.txt", SLICE_ARGS(id));
    }
}

static enum err write_ports(const struct lines *lines, const struct scenario *scenario, size_t from, const char *folder, struct arena *scratch)
{
    char name[160];
    struct buffer text = buffer_make(scratch, 16384);
    for (size_t n = 0; n < scenario->node_count; n++) {
        buffer_put(&text, scenario->nodes[n].id);
        buffer_put_byte(&text, ' ');
        buffer_put_int(&text, scenario->nodes[n].dicom_port);
        buffer_put_byte(&text, ' ');
        buffer_put_int(&text, scenario->nodes[n].hl7_port);
        buffer_put_byte(&text, '\n');
    }
    lines_file(lines, scenario, from, name);
    return text.full ? ERR_LIMIT : folder_write(folder, name, buffer_slice(&text));
}

static enum err write_engine(const struct scenario *scenario, const char *folder, struct arena *scratch)
{
    struct buffer yaml = buffer_make(scratch, 1 << 18);
    enum err err = engine_yaml_write(scenario, folder, &yaml);
    return err == ERR_OK ? folder_write(folder, "engine.yaml", buffer_slice(&yaml)) : err;
}

enum err lines_write(const struct lines *lines, struct scenario *scenario, const char *folder, bool engine, struct arena *scratch)
{
    struct scenario_node *own = scenario->nodes, *seen = arena_array(scratch, scenario->node_count, sizeof *seen);
    enum err err = seen == NULL ? ERR_LIMIT : ERR_OK;
    for (uint32_t from = 0; err == ERR_OK && from < scenario->node_count; from++) {
        memcpy(seen, own, scenario->node_count * sizeof *seen);
        for (uint32_t n = 0; n < scenario->node_count; n++) { /* ports as this one dials them */
            seen[n].dicom_port = lines_port(lines, scenario, from, n, false);
            seen[n].hl7_port = lines_port(lines, scenario, from, n, true);
        }
        scenario->nodes = seen;
        bool other = own[from].kind != KIND_ENGINE;
        err = other ? write_ports(lines, scenario, from, folder, scratch) : engine ? write_engine(scenario, folder, scratch) : ERR_OK;
        scenario->nodes = own;
    }
    arena_reset(scratch);
    return err;
}

/* ---- Faults. */

enum err lines_tell(const struct lines *lines, uint32_t link, const struct plan_entry *entry)
{
    static char text[LINE_SIZE];
    char number[16];
    struct plan_entry told = *entry;
    struct buffer line = buffer_over(text, sizeof text);
    if (lines->control < 0 || !shaper_knows(entry->verb) || told.argument_count == PLAN_ARGUMENTS_MAX) {
        return ERR_BAD_INPUT;
    }
    snprintf(number, sizeof number, "%u", link);
    told.arguments[told.argument_count++] = (struct plan_argument){SLICE("link"), slice_from(number)};
    plan_put_json(&told, &line);
    for (slice rest = buffer_slice(&line); rest.size > 0;) {
        ssize_t put = write(lines->control, rest.data, rest.size);
        if (put < 0 && errno != EINTR) {
            return ERR_PEER_GONE;
        }
        rest = slice_after(rest, put < 0 ? 0 : (size_t)put);
    }
    return ERR_OK;
}

void lines_close(struct lines *lines)
{
    if (lines->control >= 0) {
        close(lines->control); /* its end is the word to go */
    }
    if (lines->pid > 0) {
        while (waitpid(lines->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    *lines = (struct lines){.control = -1};
}
