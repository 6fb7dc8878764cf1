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

slice identity_own_number(struct out *out, int64_t person); /* the engine's own: P and nine digits */
/* The person of the claim's local number, made if need be, with what the claim says of her. */
int64_t identity_claimed(struct engine *engine, struct out *out, const struct claim *claim);
/* A person of her own for the local number; what the claim does not say stays empty. */
int64_t identity_new_person(struct engine *engine, struct out *out, const struct claim *claim);

/* ---- merge.c */
/* False when she had the name already, or there is no room for one more. */
bool identity_add_name(struct engine *engine, struct out *out, const struct row_person *person,
                       struct full_name name);
/* `from` becomes part of `to`. `number` is the one under which it can be undone, `into` (issuer/value)
 * what it was merged into: it follows that number when it goes. False: no audit, no merge. */
bool identity_merge(struct engine *engine, struct out *out, int64_t from, int64_t to,
                    struct local_number number, slice into, slice why);
/* An A40 merged it away: what is told under it does not become the survivor's own. */
bool identity_is_retired(const struct engine *engine, struct out *out, struct local_number number);
/* Kept, if the number is retired, until it is given back. */
void identity_told_claim(struct engine *engine, struct out *out, const struct claim *claim);
/* One more name of hers; one told under a retired number goes when that goes. */
void identity_told_name(struct engine *engine, struct out *out, const struct claim *claim,
                        const struct row_person *person, struct full_name name);
/* *refuse is a sentence when it cannot be right. */
void identity_apply_merge(struct engine *engine, struct out *out, const struct hl7_value *value,
                          const struct claim *claim, int64_t survivor, slice *refuse);
void identity_apply_unlink(struct engine *engine, struct out *out, const struct hl7_value *value,
                           const struct claim *claim, int64_t person, slice *refuse);

#endif
