/* SPDX-License-Identifier: MIT
 *
 * Association: its struct, and what its three files share. C++, inside src/dcmtk only. */
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

#define UID_TEXT 65

/* A new one over a socket, which is closed when there is no room. */
MUST_USE enum err association_make(struct association **out, int fd);
/* The text with a NUL; false when it is too long. */
bool association_copy_uid(slice uid, char text[UID_TEXT]);
/* The roles of the requestor in DCMTK's words. */
T_ASC_SC_ROLE association_role(const struct context *context);
/* The context of this id, or null. */
const struct context *association_answer_for(const struct contexts *answered, unsigned id);

/* ---- network.cc: the one network of DCMTK. */

/* ERR_SYSTEM when DCMTK or the system refuses. */
MUST_USE enum err networks_start(void);
/* Where DCMTK must think that it dials to. */
const char *network_address(void);
/* Takes the request that stands in the line's socket. */
OFCondition network_receive(struct line *line, T_ASC_Association **dul);
/* Asks over the line's connected socket and waits for the answer, within the line's limits. */
OFCondition network_request(struct line *line, T_ASC_Parameters *params, T_ASC_Association **dul);

#endif
