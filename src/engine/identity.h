/* SPDX-License-Identifier: MIT
 *
 * Identity, inside: what identity.c makes of a message, and the door to merge.c. Others use the
 * functions of engine_private.h. */
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
    bool known; /* it has a number of an organisation we know */
    struct local_number local;
    slice nhs; /* verified and valid; else empty */
    struct full_name name, former[HL7_REPETITIONS_MAX];
    size_t former_count;
    slice birth_date, sex;
    time_ns event_at;
};

/* ---- identity.c */
/* Is `name` her present name, or one she had? */
bool identity_knows_name(const struct engine *engine, const struct row_person *person,
                         struct full_name name, struct arena *scratch);
/* One of the two knows the other by her present name, and both were born on the same day. */
bool identity_agree(const struct engine *engine, struct out *out, const struct row_person *a,
                    const struct row_person *b);
/* The number a message is about: of the sending site if one is, else the first of an organisation
 * we know. */
bool identity_local(const struct engine *engine, const struct hl7_id *ids, size_t count, slice site,
                    struct local_number *number);
slice identity_key(struct out *out, struct local_number number); /* issuer/value */
void identity_put_number(struct engine *engine, struct out *out, slice issuer, slice value,
                         int64_t person, bool verified, time_ns event_at);

/* A person of her own for the local number; what the claim does not say stays empty. */
int64_t identity_new_person(struct engine *engine, struct out *out, const struct claim *claim);

/* ---- merge.c */
/* False when she had the name already, or there is no room for one more. */
bool identity_add_name(struct engine *engine, struct out *out, const struct row_person *person,
                       struct full_name name);
/* `from` becomes part of `to`. `number` is the one under which it can be undone; `with` the key of
 * the number it was merged with by message, empty: the NHS number. False: no audit, no merge. */
bool identity_merge(struct engine *engine, struct out *out, int64_t from, int64_t to,
                    struct local_number number, slice with, slice why);
/* *refuse is a sentence when it cannot be right. */
void identity_apply_merge(struct engine *engine, struct out *out, const struct hl7_value *value,
                          const struct claim *claim, int64_t survivor, slice *refuse);
void identity_apply_unlink(struct engine *engine, struct out *out, const struct hl7_value *value,
                           const struct claim *claim, int64_t person, slice *refuse);

#endif
