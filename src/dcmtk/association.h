/* SPDX-License-Identifier: MIT
 *
 * Association: its struct, and the two networks that DCMTK wants. C++, inside src/dcmtk only. */
#ifndef PONT_DCMTK_ASSOCIATION_H
#define PONT_DCMTK_ASSOCIATION_H

#include "src/dcmtk/connection.h"

#include "dcmtk/dcmnet/assoc.h"

struct association {
    struct line line;
    T_ASC_Association *dul; /* null once freed by DCMTK */
    bool open;              /* established and not ended */
    bool has_next;          /* `next` is a PDV of the PDU read last */
    DUL_PDV next;
    uint8_t asked[CONTEXTS_MAX]; /* context ids that wait for an answer */
    size_t asked_count;
    bool accepted[256];     /* context ids that PDVs may name */
};

/* Makes the networks. ERR_SYSTEM when DCMTK or the system refuses. */
MUST_USE enum err networks_start(void);

#endif
