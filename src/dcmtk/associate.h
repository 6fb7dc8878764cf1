/* SPDX-License-Identifier: MIT
 *
 * Associate: is an A-ASSOCIATE-RQ one that DCMTK may see? Bytes to a verdict; no socket, no state.
 *
 * DCMTK's reader trusts what it reads: it leaks a second user identity item and falls silent on a wrong protocol
 * version. So every byte is checked here first, and what must be refused is refused as PS3.8 9.3.4 and 9.3.8 say. */
#ifndef PONT_DCMTK_ASSOCIATE_H
#define PONT_DCMTK_ASSOCIATE_H

#include "src/dcmtk/dcmtk.h"

#define PDU_HEAD_SIZE 6u
#define PDU_ASSOCIATE_RQ 1u
#define PDU_ABORT 7u
#define PDU_ANSWER_SIZE 10u /* an A-ASSOCIATE-RJ or A-ABORT */

enum verdict_kind { VERDICT_GOOD, VERDICT_REJECT, VERDICT_ABORT, VERDICT_CLOSE };
struct verdict {
    enum verdict_kind kind;
    uint8_t result, source, reason; /* of an A-ASSOCIATE-RJ; source and reason of an A-ABORT */
};

/* The first six bytes: type, and length against `request_max`. *size is that of the whole PDU when good. */
struct verdict associate_check_head(const uint8_t head[PDU_HEAD_SIZE], size_t request_max, size_t *size);
/* The whole PDU. When good, `asked` (all but its address) borrows from `pdu` and has its list in the arena. */
struct verdict associate_check(slice pdu, struct asked *asked, struct arena *arena);
/* The answer's bytes; false for verdicts that have none. */
bool associate_answer(const struct verdict *verdict, uint8_t out[PDU_ANSWER_SIZE]);

#endif
