/* SPDX-License-Identifier: MIT
 *
 * Ports and clients: what is known only once a world starts. */
#include <stdio.h>

#include "src/scenario/scenario.h"

enum err scenario_add_client(struct scenario *scenario, slice id, slice aet, struct arena *arena)
{
    if (scenario->node_count >= SCENARIO_NODES_MAX) {
        return ERR_LIMIT;
    }
    struct scenario_node *nodes = arena_array(arena, scenario->node_count + 1, sizeof *nodes);
    if (nodes == NULL) {
        return ERR_LIMIT;
    }
    memcpy(nodes, scenario->nodes, scenario->node_count * sizeof *nodes);
    nodes[scenario->node_count] = (struct scenario_node){.id = arena_copy(arena, id), .name = SLICE("client"), .aet = arena_copy(arena, aet), .kind = KIND_VIEWER, .external = true};
    scenario->nodes = nodes;
    scenario->node_count++;
    return ERR_OK;
}

static struct scenario_node *find(struct scenario *scenario, slice id)
{
    for (size_t n = 0; n < scenario->node_count; n++) {
        if (slice_equal(scenario->nodes[n].id, id)) {
            return &scenario->nodes[n];
        }
    }
    return NULL;
}

static enum err add_upper(struct scenario *scenario, slice id, struct arena *arena)
{
    char aet[17] = "";
    for (size_t i = 0; i < id.size && i < 16; i++) {
        aet[i] = (char)(id.data[i] >= 'a' && id.data[i] <= 'z' ? id.data[i] - 'a' + 'A' : id.data[i]);
    }
    return scenario_add_client(scenario, id, slice_from(aet), arena);
}

enum err scenario_read_ports(struct scenario *scenario, const char *path, struct arena *arena)
{
    FILE *file = fopen(path, "re");
    char id[128];
    unsigned dicom = 0, hl7 = 0;
    enum err err = file == NULL ? ERR_NOT_FOUND : ERR_OK;
    while (err == ERR_OK && fscanf(file, "%127s %u %u", id, &dicom, &hl7) == 3) {
        if (find(scenario, slice_from(id)) == NULL) {
            err = add_upper(scenario, slice_from(id), arena);
        }
        struct scenario_node *node = find(scenario, slice_from(id));
        if (dicom > 65535 || hl7 > 65535) {
            err = ERR_BAD_INPUT;
        } else if (node != NULL) {
            node->dicom_port = (uint16_t)dicom;
            node->hl7_port = (uint16_t)hl7;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return err;
}
