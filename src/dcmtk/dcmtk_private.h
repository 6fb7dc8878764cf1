/* SPDX-License-Identifier: MIT
 *
 * Inside src/dcmtk: what the front door needs of associations, and the clock. */
#ifndef PONT_DCMTK_PRIVATE_H
#define PONT_DCMTK_PRIVATE_H

#include "src/dcmtk/dcmtk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Monotonic time, for deadlines only. */
time_ns clock_now(void);
/* `timeout` from now, TIME_NEVER when that lies beyond the end. */
time_ns clock_after(time_ns timeout);
/* For poll: milliseconds until `deadline`, rounded up, -1 for TIME_NEVER. */
int clock_poll_timeout(time_ns deadline);

/* Hands a socket on which a whole, checked A-ASSOCIATE-RQ waits to DCMTK, as an association to be answered. The
 * socket is DCMTK's from then on, also when this fails: ERR_BAD_MESSAGE when DCMTK does not like it, ERR_LIMIT. */
MUST_USE enum err association_receive(struct association **out, int fd, const struct asked *asked);

#ifdef __cplusplus
}
#endif
#endif
