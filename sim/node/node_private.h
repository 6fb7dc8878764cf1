/* SPDX-License-Identifier: MIT
 *
 * Node, inside: what it holds (archive.c), its associations (session.c), its questions and moves
 * (operation.c and the answer_*.c), its faults (fault.c). Only files of sim/node include this. */
#ifndef PONT_SIM_NODE_NODE_PRIVATE_H
#define PONT_SIM_NODE_NODE_PRIVATE_H

#include "sim/node/node.h"
#include "sim/node/texts.h"
#include "src/base/hash.h"
#include "src/dicom/uid.h"

#include <assert.h>

#define CHANNELS_MAX         128          /* associations at once, both ways */
#define CHANNEL_BYTES        (48u << 10)  /* contexts of one */
#define OPERATIONS_MAX       64           /* questions and moves at once; above it A700 */
#define OPERATION_BYTES      (128u << 10) /* one identifier and one manifest */
#define RANGES_MAX           4096         /* of one manifest */
#define MANIFEST_MAX         65535 /* instances of one move: its counters have 16 bits (PS3.7 9.3.4.2) */
#define SCAN_MAX             8192 /* studies looked at in one step */
#define COMMITS_MAX          16   /* commitments waiting for an association of their own */
#define COMMIT_BYTES         (256u << 10)
#define TRUTH_BYTES_PER_STEP (32 << 20)
#define AET_SIZE             16
#define NONE                 UINT32_MAX

/* Memory that is not touched before it is used: a node of a million studies must not pay for what
 * it may be sent. Not zeroed; whoever takes a part of it sets all of it. NULL when there is no
 * room. */
void *node_reserve(struct arena *arena, size_t count, size_t size);

/* ---- Archive. */
enum level { LEVEL_PATIENT, LEVEL_STUDY, LEVEL_SERIES, LEVEL_IMAGE };

/* Texts of a study that came later, in the order of study_texts of archive.c. */
#define STUDY_TEXTS 15
struct stored_study {
    int64_t number;
    uint32_t texts[STUDY_TEXTS]; /* of archive.texts */
    uint32_t series_count, image_count, image_bytes;
};

enum index { INDEX_UID, INDEX_PATIENT, INDEX_ACCESSION, INDEX_SOP, INDEX_NUMBER, INDEX_COUNT };

/* A study: made ones have image_count instances of their own, and any may have kept ones (imported
 * or received). */
struct entry {
    const struct node_study *given; /* of the setup; null: `stored` */
    uint32_t stored;                /* of archive.stored */
    uint32_t next[INDEX_COUNT];     /* in the chains of the indexes; the last two of made ones */
    uint32_t hash[INDEX_COUNT];
    uint32_t kept_first, kept_last, series_first;
    uint32_t kept_count; /* instances */
    uint32_t zero_moves; /* moves that ended in success with nothing sent */
    bool present, made;
};
/* Kept objects: one, or a span of them (struct object). Texts in the order of object_texts of
 * kept.c. */
#define OBJECT_TEXTS 15
struct kept {
    uint32_t texts[OBJECT_TEXTS]; /* of archive.texts */
    uint32_t entry, series, next; /* next: of the entry */
    uint32_t uid_next, stem_next; /* in the chains of kept.c; the second when `stemmed` */
    uint32_t span;                /* 1 and more */
    int32_t number;               /* InstanceNumber of the first */
    int64_t size, study, instance;
    bool stemmed;
};
/* A series of kept objects. */
struct kept_series {
    uint32_t uid, modality, description, body_part; /* of archive.texts */
    uint32_t next, count;
    int32_t number;
};

struct archive {
    struct entry *entries;
    struct stored_study *stored; /* studies that came later */
    struct kept *kept;
    struct kept_series *series;
    uint32_t *heads[INDEX_COUNT]; /* head_mask + 1 of them now, heads_most at most */
    uint32_t entry_count, entries_max, stored_count, stored_max, kept_count, kept_max, series_count,
        series_max, head_mask, heads_most;
    uint32_t *uid_heads, *stem_heads, kept_mask; /* a number more than that of the first; 0: none */
    size_t instances;
    struct texts texts;
};

/* One instance: of the made ones by number, of the kept ones by index and offset. */
struct instance {
    uint32_t entry, number, offset;
    bool kept;
};
/* A part of a manifest: instances of one study from the nth on. */
struct range {
    uint32_t entry, first, count;
};

/* ---- Associations. */
enum purpose { PURPOSE_FREE, PURPOSE_SERVED, PURPOSE_STORE, PURPOSE_COMMIT };
struct channel {
    int64_t number;
    enum purpose purpose;
    bool open, cut; /* opened; cut by us, its CLOSED is still to come */
    char calling[AET_SIZE + 1], called[AET_SIZE + 1];
    struct contexts contexts;
    struct arena arena;
    uint32_t owner; /* operation or commitment of one we opened */
};

/* ---- Operations: one C-FIND, C-MOVE or C-GET. */
enum operation_kind { OPERATION_FREE, OPERATION_FIND, OPERATION_MOVE, OPERATION_GET };
enum operation_state {
    STATE_WAITING, /* for its turn, a delay, or a hang to end */
    STATE_TELLING, /* find: the next run may go */
    STATE_ROOM,    /* find: waits for ROOM */
    STATE_OPENING, /* move: the destination's answer */
    STATE_READY,   /* move: the next run may go */
    STATE_STORING, /* move: responses */
    STATE_HELD,    /* move: a fault stopped it */
    STATE_CLOSING, /* move: between two associations */
    STATE_SILENT,  /* done, but the final answer is kept back until the channel closes */
};
struct operation {
    enum operation_kind kind;
    enum operation_state state;
    int64_t id, channel;  /* of the request */
    struct dimse request; /* its identifier is `query` */
    struct dataset query; /* text in UTF-8 */
    struct dataset match; /* the keys that count, by the node's quirks */
    slice charset;
    enum level level;
    bool patient_root, cancelled, keys_missing;
    struct arena arena;
    time_ns ready_ns;
    uint64_t bits; /* quirks that bit: 1 << QUIRK_x */
    uint32_t bent; /* faults that bend it: 1 << BEND_x */
    bool finished; /* final_first: the final answer is out */
    /* find */
    enum index chain;     /* of `next`, when `chained` */
    bool chained, twice;  /* twice: the row just told is due again */
    uint32_t next, inner; /* entry, and series or instance inside it */
    uint32_t rows;
    /* move */
    uint32_t peer;
    struct range *ranges;
    uint32_t range_count, range, range_at; /* cursor: next to send */
    uint32_t total, sent, in_flight, completed, failed, warned, skipped;
    int64_t store_channel;
    uint32_t store_span; /* instances that its association is for, where there is one for each */
    uint32_t attempts;
    slice failed_uids;
};

struct commit {
    bool used, reported;
    int64_t channel, retry_channel;
    char calling[AET_SIZE + 1];
    struct arena arena;
    struct dataset report;
    uint16_t event;
    uint32_t count, failed;
};

/* ---- Faults. */
enum bend {
#define NODE_FAULT(name, verb, how, op, text)
#define NODE_BEND(name, verb, how, op, text) BEND_##name,
#include "sim/node/faults.def"
#undef NODE_FAULT
#undef NODE_BEND
    BEND_COUNT
};
#define BEND_NTHS_MAX 32
#define BEND_OPS_MAX  3
/* A fault that bends operations of one kind: all of them, so many, the nth ones, or by chance. */
struct bending {
    bool on;
    int64_t draw;                /* what chance is drawn by: the fault and its time, else the plan entry */
    uint8_t op;                  /* first letter of find, move, open */
    int64_t times, count, chance_micro, number;
    int64_t nths[BEND_NTHS_MAX];
    uint32_t nth_count, key;     /* ignore_key: the tag */
};
struct faults {
    bool down, crash;
    time_ns crash_until, crash_every, crash_next;
    struct bending bends[BEND_COUNT][BEND_OPS_MAX]; /* of one kind for each kind of operation */
    bool pause;
    int64_t associations; /* 0: its own limit */
    bool hold, holding;
    uint32_t hold_nth;
    bool hang_find, hang_move, hang_store, hang_echo;
    time_ns slow_ns;
};

struct node {
    const struct node_setup *setup;
    struct node_setup copy;
    struct vendor_profile plain;
    const struct vendor_profile *vendor;
    struct archive archive;
    struct channel *channels;
    struct operation *operations;
    uint16_t active[OPERATIONS_MAX]; /* operations in use, the oldest first */
    uint32_t active_count;
    uint16_t in_use[CHANNELS_MAX]; /* channels in use, in no order that matters */
    uint32_t in_use_count;
    struct commit *commits;
    struct faults faults;
    int64_t channel_last, operation_last;
    uint32_t truth_entry, truth_instance, truth_kept; /* cursor of what is told */
    bool truth_told;
    bool begun;
    time_ns now;
};

bool node_quirk(const struct node *node, enum quirk quirk);
int64_t quirk_number(const struct node *node, enum quirk quirk);
slice quirk_text(const struct node *node, enum quirk quirk);
/* Observes once for each operation that the quirk changed its answer. */
void quirk_bites(struct node *node, struct out *out, struct operation *operation, enum quirk quirk);
slice bits_text(uint64_t bits, struct out *out);

/* archive.c */
enum err archive_init(struct node *node, struct arena *arena);
size_t archive_memory(const struct node_setup *setup);
/* The study of an entry; stored ones are put together in `room`. */
const struct node_study *entry_study(const struct node *node, const struct entry *entry,
                                     struct node_study *room);
slice entry_patient_id(const struct node *node, const struct entry *entry);
/* What is filed, with the quirks of ids, in the step's arena. */
slice filed_patient_id(const struct node *node, slice patient_id, struct arena *arena);
slice filed_accession(const struct node *node, slice accession, struct arena *arena);
slice entry_uid(const struct node *node, const struct entry *entry, char *text);
/* First entry of an index for this value (as filed), NONE at the end; entries not present are
 * passed over. */
uint32_t archive_first(const struct node *node, enum index index, slice value, struct arena *arena);
uint32_t archive_next(const struct node *node, enum index index, uint32_t entry, slice value,
                      struct arena *arena);
/* Entry of a made study; present or not. */
uint32_t archive_by_number(const struct node *node, int64_t number);
/* A study that came later. NONE when there is no room. */
uint32_t archive_add(struct node *node, const struct node_study *study, bool made);
void archive_image_key(const struct node *node, const struct node_study *study, uint32_t instance,
                       struct image_key *key);
bool archive_has(const struct node *node, slice sop_uid, slice sop_class);

/* kept.c */
/* Keeps `object`, a received or imported one or a span; `kept` counts those of its instances for
 * which there was room, `again` those that were there before. */
void archive_keep(struct node *node, const struct object *object, uint32_t *kept, uint32_t *again);
/* The row of kept that an instance is in; NONE. */
uint32_t kept_find(const struct node *node, slice sop_uid, uint32_t *offset);
/* `span` of them from the offset; UIDs in the arena where they are not the first's. */
bool kept_object(const struct node *node, uint32_t kept, uint32_t offset, uint32_t span,
                 struct object *object, struct arena *arena);

/* holdings.c: made and kept instances under one numbering. */
uint32_t entry_made(const struct node *node, const struct entry *entry);
uint32_t entry_instances(const struct node *node, const struct entry *entry);
uint32_t entry_series(const struct node *node, const struct entry *entry);
/* The nth series or instance of an entry. */
struct series_view {
    slice uid, modality, description, body_part;
    uint32_t count;
    int32_t number;
    char text[UID_SIZE_MAX + 1];
};
void entry_series_at(const struct node *node, const struct entry *entry, uint32_t nth,
                     struct series_view *view);
slice entry_modality_at(const struct node *node, const struct entry *entry, uint32_t nth);
struct instance entry_instance_at(const struct node *node, uint32_t entry, uint32_t nth);
/* How many instances from this one on are alike, so that one span tells them; 1 where the node
 * knows no spans. */
uint32_t instance_span(const struct node *node, struct instance instance, uint32_t most);
struct instance_view {
    slice sop_uid, sop_class, series_uid;
    int32_t number;
    char text[UID_SIZE_MAX + 1], series_text[UID_SIZE_MAX + 1];
};
void instance_look(const struct node *node, struct instance instance, struct instance_view *view);
uint32_t instance_series(const struct node *node,
                         struct instance instance); /* nth series of its entry */
/* Describes `span` instances for a C-STORE request; text in the arena. */
bool instance_object(const struct node *node, struct instance instance, uint32_t span,
                     struct object *object, struct arena *arena);
/* The instances of an entry whose SOP Instance UIDs are in a list, as a set of `entry_instances` bits. */
void entry_mark(const struct node *node, uint32_t entry, slice sop_uids, uint8_t *bits);

/* session.c */
void session_asked(struct node *node, const struct event *event, struct out *out);
struct channel *session_find(struct node *node, int64_t number);
/* Opens one to a peer, or one that stands for `span` of them (struct command); NULL when there is no
 * room. */
struct channel *session_open(struct node *node, struct out *out, uint32_t peer, slice calling,
                             const struct contexts *contexts, uint32_t span, enum purpose purpose,
                             uint32_t owner);
void session_opened(struct node *node, const struct event *event);
void session_close(struct node *node, struct out *out, int64_t number);
void session_abort(struct node *node, struct out *out, int64_t number);
void session_closed(struct node *node, struct channel *channel); /* its CLOSED or REFUSED came */
void session_drop_all(struct node *node, struct out *out);
uint32_t session_peer(const struct node *node, slice aet); /* NONE when not known */
/* A copy in the step's arena: what goes out must not borrow from the event. */
slice session_copy(struct out *out, slice text);
void session_send(struct out *out, int64_t channel, struct message *messages, size_t count);
/* Room for messages; each is filled by session_say. */
struct message *session_run(struct out *out, size_t count);
void session_say(struct message *message, const struct dimse *dimse);

/* operation.c */
void operation_start(struct node *node, const struct event *event, const struct dimse *request,
                     struct out *out);
void operation_cancel(struct node *node, int64_t channel, uint16_t message_id);
void operation_room(struct node *node, int64_t channel);
void operations_closed(struct node *node, int64_t channel);
void operations_advance(struct node *node, struct out *out);
void operation_free(struct node *node, struct operation *operation);
time_ns operations_due(const struct node *node);
/* Of one run: messages, and instances that they may stand for. */
size_t node_run_max(const struct node *node);
uint32_t node_run_instances(const struct node *node);
slice operation_text(const struct operation *operation, struct arena *arena);

/* answer_find.c, rows.c */
uint16_t answer_find_check(struct node *node, struct out *out, struct operation *operation,
                           slice *comment);
void answer_find_begin(struct node *node, struct out *out, struct operation *operation);
void answer_find_tell(struct node *node, struct out *out, struct operation *operation);
/* Do the study's own keys match? */
bool answer_fits(struct node *node, const struct operation *operation, uint32_t entry,
                 struct arena *arena);
/* The row of what the cursor stands on; NULL when it does not match. */
struct dataset *answer_match(struct node *node, struct out *out, struct operation *operation,
                             uint32_t entry, uint32_t inner);
/* It as it is sent. */
struct dataset *answer_row(struct node *node, struct out *out, struct operation *operation,
                           const struct dataset *row);

/* answer_move.c */
uint16_t answer_move_check(struct node *node, struct out *out, struct operation *operation,
                           slice *comment);
void answer_move_begin(struct node *node, struct out *out, struct operation *operation);
void answer_move_advance(struct node *node, struct out *out, struct operation *operation);
void answer_move_opened(struct node *node, struct out *out, struct channel *channel);
void answer_move_refused(struct node *node, struct out *out, struct channel *channel,
                         const struct event *event);
void answer_move_stored(struct node *node, struct out *out, const struct event *event);
void answer_move_lost(struct node *node, struct out *out, struct channel *channel);
void answer_move_final(struct node *node, struct out *out, struct operation *operation);

/* answer_store.c, commit.c */
void answer_store(struct node *node, const struct event *event, struct out *out);
void answer_commit(struct node *node, const struct event *event, const struct dimse *request,
                   struct out *out);
void answer_commit_opened(struct node *node, struct out *out, struct channel *channel);
void answer_commit_closed(struct node *node, struct channel *channel);

/* fault.c */
/* The fault bends this operation (op: 'f' find, 'm' move, 'o' open): asked once for each, it counts. */
struct bending *fault_bending(const struct node *node, enum bend bend, char op);
bool fault_bends(struct node *node, struct out *out, enum bend bend, char op);
/* All that bend an operation that begins: 1 << BEND_x. */
uint32_t fault_bends_of(struct node *node, struct out *out, char op);
time_ns node_fault_due(const struct node *node);
void fault_clock(struct node *node, struct out *out);
enum err fault_plan(struct node *node, const struct event *event, struct out *out);
bool truth_left(const struct node *node);
void archive_truth(struct node *node, struct out *out);

#endif
