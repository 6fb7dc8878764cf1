/* SPDX-License-Identifier: MIT
 *
 * Node: one emulated PACS, bent by its profile's quirks. An actor: events in; commands and
 * observations out.
 *
 * It answers C-ECHO, C-FIND (Patient and Study Root, all levels), C-MOVE, C-GET, C-STORE and
 * storage commitment. Its studies are made (images.h) or imported; it also lists and sends on what
 * it was sent. It has no disk: the driver makes an instance with node_object_write when a C-STORE
 * request leaves, and gives a received one as RECEIVED C-STORE-RQ with digests, size and
 * identifying attributes in `object`; those of node_kept_tags that the driver finds in its header
 * it puts into object.changed, and where the bytes were kept into object.file (empty: the node can
 * list but not send it).
 *
 * Not thread-safe, but node_object_size and node_object_write may run in other threads for objects
 * that a command named. */
/* clang-format off */
/* Plan entries. HEAL names the same effect; its other arguments are left alone.
 *   DO study_arrives {study: number}        a planned study is stored now; or a new one:
 *      {study_uid, patient_id, issuer, person, name, birth_date, sex, accession, accession_issuer,
 *       date, time, description, modality, body_part, laterality, series, images, number}
 *   DO reject {study_uid | study, code}     its instances are rejected: seen no more
 *   DO delete {study_uid | study, why}      its instances are gone
 *   FAULT down | crash {for}                the port is closed and every channel cut, until HEAL
 *                                           (crash: or `for` ns)
 *   FAULT hold {op: store, nth: k}          stops before the k-th C-STORE of the next move that has
 *                                           one; `held` is observed
 *   FAULT hang {op: find|move|store|echo}   takes requests and answers none; finds and moves go on
 *                                           at HEAL
 *   FAULT reply {how: never_final | success_but_missing | capped, rows, times}
 *                                           bends moves (capped: finds); times 0: until HEAL
 *   FAULT slow {delay}                      ns before each question and move begins */
/* clang-format on */
#ifndef PONT_SIM_NODE_NODE_H
#define PONT_SIM_NODE_NODE_H

#include "sim/node/images.h"
#include "sim/node/vendor.h"
#include "src/actor/actor.h"

struct node; /* opaque */

struct node_setup {
    slice name, aet;
    slice issuer; /* of its patient ids, where a study names none; empty: none */
    const struct vendor_profile *vendor; /* null: plain */
    const struct peer
        *peers; /* the driver's table: callers it knows, and move destinations, by AE title */
    size_t peer_count;
    uint64_t seed;
    bool pixels_full;
    bool truth; /* tells truth_instance for every instance it holds, from the first event on */
    const struct node_study *studies;
    size_t study_count;
    const struct object *imported; /* study and series UIDs set, file: where it stands */
    size_t imported_count;
    uint32_t arrivals_max;    /* studies that may come by plan or by C-STORE; 0: 4096 */
    uint32_t kept_max;        /* objects it may be sent, with `spans` rows of them; 0: 16384. Above
                                 it answers A700 */
    const uint32_t *left_out; /* tags that digests leave out: the table of coercions */
    size_t left_out_count;
    uint32_t run_max; /* 1 .. RUN_MAX; 0: RUN_MAX */
    bool spans; /* the virtual world: rows, objects and truth in spans, objects with their digests */
};

/* Bytes of arena that node_init and the node's life need. */
size_t node_memory(const struct node_setup *setup);
/* Makes it inside `arena`, which must outlive it; borrows all of `setup` for as long. ERR_LIMIT
 * when the arena is too small. */
MUST_USE enum err node_init(struct node **out, const struct node_setup *setup, struct arena *arena);
MUST_USE enum err node_step(struct node *node, const struct event *event, struct out *out);
time_ns node_due(const struct node *node);
struct actor node_actor(struct node *node);

/* An object that a C-STORE request of this node describes, made (object->study >= 0): its bytes in
 * a native transfer syntax. For imported and received ones the driver reads object->file.
 * ERR_NOT_FOUND when there is no such object. */
int64_t node_object_size(const struct node *node, const struct object *object,
                         slice transfer_syntax);
MUST_USE enum err node_object_write(const struct node *node, const struct object *object,
                                    slice transfer_syntax, struct buffer *buffer);

/* Attributes of a received object that C-FIND answers are made of. */
extern const uint32_t node_kept_tags[];
extern const size_t node_kept_tag_count;

size_t node_instance_count(const struct node *node); /* held now */

/* Studies for a node without a scenario (`pont node VENDOR --studies N`): a pure function of (seed,
 * index), text in the arena. ERR_LIMIT when it is full. */
MUST_USE enum err node_study_make(struct node_study *study, uint64_t seed, uint64_t index,
                                  slice issuer, struct arena *arena);

#endif
