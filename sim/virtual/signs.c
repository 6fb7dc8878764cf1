/* SPDX-License-Identifier: MIT
 *
 * Signs of life of relay jobs: bytes that flow, though no image has come through whole. */
#include "sim/virtual/virtual_private.h"

static bool flows(struct virtual *virtual, uint32_t channel)
{
    const struct channel *at = channel == 0 ? NULL : pipe_at(virtual, channel - 1);
    for (unsigned e = 0; at != NULL && e < 2; e++) {
        uint32_t flow = at->ends[e].flow;
        if (flow != 0 && virtual->network.flows[flow - 1].rate > 0) {
            return true;
        }
    }
    return false;
}

bool job_owes_sign(struct virtual *virtual, struct relay_entry *entry)
{
    bool any = false;
    if (entry->passages == 0 || entry->closed || virtual->now_ns < entry->sign_ns) {
        return false;
    }
    for (uint32_t p = 0; p < virtual->relays.passage_end && !any; p++) {
        const struct passage *passage = &virtual->relays.passages[p];
        bool ours = passage->used && &virtual->relays.entries[passage->entry] == entry;
        any = ours && (flows(virtual, passage->holder) || flows(virtual, passage->destination));
    }
    entry->sign_ns = virtual->now_ns + RELAY_SIGN_NS;
    return any;
}
