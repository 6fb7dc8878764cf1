/* SPDX-License-Identifier: MIT
 *
 * Identity, inside: what identity.c makes of a message. Others use the functions of engine_private.h. */
#ifndef PONT_ENGINE_IDENTITY_H
#define PONT_ENGINE_IDENTITY_H

#include "src/engine/engine_private.h"

struct full_name {
    slice family, given;
};
struct local_number {
    slice issuer, value;
};
/* What a message says about one person. */
struct claim {
    bool known;                /* it has a number of an organisation we know */
    struct local_number local;
    slice nhs;                 /* verified and valid; else empty */
    struct full_name name, former[HL7_REPETITIONS_MAX];
    size_t former_count;
    slice birth_date, sex;
    time_ns event_at;
};

#endif
