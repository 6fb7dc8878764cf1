/* SPDX-License-Identifier: MIT
 *
 * Finds, the private door: source_find.c (life and queue), find_idle.c (associations kept), find_ask.c
 * (the question in the node's dialect), find_row.c (the answer made uniform). */
#ifndef PONT_ENGINE_FIND_PRIVATE_H
#define PONT_ENGINE_FIND_PRIVATE_H

#include "src/engine/engine_private.h"

#define FINDS_MAX     128u          /* questions under way or waiting */
#define FIND_MESSAGES_MAX 1000u      /* requests on one association; then a new one is opened */
#define FIND_IDLE_NS (3 * TIME_MIN)  /* an association without a question is kept so long, where there is room */
#define FIND_ROWS_MAX 12288u        /* rows told of one question, above the largest study; more is FIND_CAPPED */
#define FIND_ARENA    (192u * 1024) /* of one question: its keys, what is still to ask, rows kept */
#define FIND_SEEN     16384u /* places of the table of rows seen; a power of two, a quarter above FIND_ROWS_MAX */
#define FIND_SEEN_LEAST 64u  /* of them used at first */

/* A row of a node that leaves the modalities out, kept until its series are asked. */
struct kept_row {
    struct dataset dataset;
    slice modalities;
    int64_t series_count, instance_count;
};

/* One request to make: the question itself, or a part of it (a span of days, one study's series
 * ...). */
struct part {
    struct part *next;
    enum find_level level;
    slice study, series; /* parents, when walking down */
    bool dated, far; /* far: years in which hardly anything can be */
    int32_t first_day, last_day; /* days since 1970, both included */
    bool capitals;               /* the name is asked for in capitals */
    struct kept_row *kept;       /* its series are asked for their modality */
};

enum find_state_kind { FIND_FREE, FIND_QUEUED, FIND_OPENING, FIND_ASKING, FIND_DOOMED };
struct find {
    uint32_t handle;
    enum find_state_kind state;
    uint32_t node;
    enum find_level level;
    enum find_owner owner;
    int64_t owner_id;
    time_ns deadline_ns;
    int64_t channel;
    uint16_t message_id;
    bool silent;  /* nothing heard since the last request */
    bool taken_over; /* its association was another question's, and nothing was heard on it since */
    bool stopped; /* rows or memory of ours ran out */
    enum find_outcome outcome;
    slice why; /* a literal, or in the arena */
    struct arena arena;
    struct dataset keys;
    struct part *parts;          /* a stack; the first is the one being asked */
    uint32_t part_rows;          /* rows of the first part, duplicates included */
    int32_t early_day, late_day; /* of those rows; early above late: none has a date */
    uint32_t suspected;          /* a number of rows that looked like a limit */
    bool undated;                /* asked in spans of days: what has no date is in none of them */
    bool clamped;                /* far years were refused */
    uint32_t own, told;          /* studies seen of the one patient asked for; how many the node says it has */
    uint32_t row_count;
    uint64_t *seen;     /* hashes of UIDs told, seen_count of them */
    uint16_t *seen_at;  /* by hash: number in seen + 1, 0 free; the table grows with the rows */
    uint32_t seen_count, seen_mask;
};
/* An association to a node that the next question may have. */
struct idle_find {
    int64_t channel; /* 0: none */
    uint16_t message;
    time_ns until_ns;
};
struct find_state {
    struct find finds[FINDS_MAX];
    uint32_t handle_last, queued[NODES_MAX]; /* of each node */
    uint64_t told[NODES_MAX]; /* dialects whose bite was told in this life */
    int64_t spare;            /* an association whose question has just ended; 0: none */
    uint32_t spare_node;
    uint16_t spare_message; /* the last message id on it */
    struct idle_find idle[NODES_MAX];
    time_ns idle_due_ns; /* when the first of them has been kept long enough, or before; 0: none */
};

/* ---- find_ask.c */
/* The identifier of the first part, in out->arena. False when memory ran out. */
bool find_make_keys(struct engine *engine, struct out *out, const struct find *find,
                    struct dataset *keys);
/* First part of a question; narrowed by date where the node needs that. */
bool find_first_part(struct engine *engine, struct out *out, struct find *find);
/* Splits the first part, whose answer was cut, in two spans of days; false when it cannot be split. */
bool find_split(struct engine *engine, struct find *find);
/* The same of one that was refused: a broad question goes on year by year. */
bool find_narrow(struct engine *engine, struct out *out, struct find *find);
/* A row of the first part has this date. */
void find_note_day(struct find *find, slice date);
/* A study not seen before, of a list of patients or studies. */
void find_note_study(struct find *find, const struct dataset *row, slice patient_id);
/* Why what was listed may not be all there is; empty when it is. */
slice find_gap(const struct find *find);
/* Puts a part on top. False when memory ran out. */
bool find_push(struct find *find, const struct part *part);
/* The level at which an attribute is a key. */
enum find_level find_tag_level(uint32_t tag);

/* ---- find_idle.c */
/* Is there one that a question to the node has just left, or else one that was kept? Then it is the spare one. */
bool find_has_spare(struct engine *engine, uint32_t node);
/* The spare one stays for the node's next question; false when it may not. */
bool find_keep_spare(struct engine *engine);
void find_idle_closed(struct engine *engine, const struct channel *channel);

/* ---- find_row.c */
/* UTF-8, canonical ids, no padding, no sequences; in out->arena. False when memory ran out. */
bool find_uniform(struct engine *engine, struct out *out, const struct find *find,
                  const struct dataset *raw, struct dataset *row);
/* True when the UID (of the part's level) was told before. */
bool find_seen_before(struct find *find, slice uid);
/* Does it answer what was asked? */
bool find_matches(struct engine *engine, struct out *out, const struct find *find,
                  enum find_level level, const struct dataset *row);
void find_describe(struct engine *engine, uint32_t node, const struct dataset *dataset,
                   struct find_row *row);
/* A mitigation bit: told once per node and life. */
void find_bit(struct engine *engine, struct out *out, uint32_t node, enum dialect dialect,
              const char *text);

#endif
