/* SPDX-License-Identifier: MIT
 *
 * Viewer, inside: its requests (request.c) and what it watches (watch.c). */
#ifndef PONT_SIM_VIEWER_VIEWER_PRIVATE_H
#define PONT_SIM_VIEWER_VIEWER_PRIVATE_H

#include "sim/viewer/viewer.h"
#include "src/dicom/uid.h"

#include <assert.h>

#define REQUESTS_MAX    256
#define REQUEST_BYTES   8192 /* keys of one */
#define WATCHES_DEFAULT 4096
#define WATCH_BYTES     256 /* text of one */
#define TIMEOUT_NS      (60 * TIME_S)
#define RETRY_FIRST_NS  (500 * TIME_MS)
#define RETRY_MAX_NS    (8 * TIME_S)
#define WATCH_FIRST_NS  (5 * TIME_S)
#define WATCH_IDLE_NS   (4 * TIME_MIN) /* an association without a question is let go */

#define TAG_PONT_HOLDERS                                                                           \
    0x00991001u /* private block PONT: names of the nodes that hold the study */

enum request_kind { REQUEST_FREE, REQUEST_QUERY, REQUEST_RETRIEVE, REQUEST_WATCH };
struct request {
    enum request_kind kind;
    int64_t channel; /* 0: waits for its next attempt */
    slice id;
    struct dataset keys;
    slice expected; /* complete or incomplete, for the judge; empty */
    bool patient_root, asked, until_complete, first_image;
    uint32_t peer, attempt;
    slice destination, study_uid;
    int64_t rows, completed;
    time_ns asked_ns, silent_ns, next_ns, retry_ns;
    uint32_t watch; /* of REQUEST_WATCH: the exam asked for, and its number */
    int64_t watch_number;
    bool seen;
    time_ns idle_ns; /* of REQUEST_WATCH: until when it stays without a question; 0: one is under way */
    struct arena arena;
};

enum watch_state { WATCH_WAITING, WATCH_ASKING, WATCH_OVER };
struct watch {
    enum watch_state state;
    slice issuer, accession, study_uid;
    time_ns since_ns, next_ns, interval_ns, until_ns;
    int64_t number; /* counts up: decides between those that are due at once */
    uint32_t place; /* in `live`; of one that is over: the next such slot + 1 */
    uint32_t heap;          /* place in the heap, from 1; 0: it does not wait */
};

struct viewer {
    struct viewer_setup setup;
    struct request *requests;
    struct watch *watches;
    uint32_t *live; /* slots of those that are not over, in no order */
    uint32_t *heap;        /* those that wait: slots by (next_ns, number), a binary heap */
    uint32_t heap_count, live_count, watch_bound, watch_free, watches_max;
    int64_t watch_last;
    char *watch_text;      /* WATCH_BYTES a slot */
    uint32_t request_bound; /* none is in use from here on */
    time_ns watch_again_ns; /* not before: the last association was lost */
    int64_t channel_last, id_last;
    bool down, rejects, repeats; /* faults: down, reject_association, retry_everything */
    uint8_t reject_result;
    time_ns now;
};

slice viewer_copy(struct out *out, slice text);

/* request.c */
enum err request_add(struct viewer *viewer, const struct plan_entry *plan, struct out *out);
struct request *request_take(struct viewer *viewer, enum request_kind kind);
void request_open(struct viewer *viewer, struct out *out, struct request *request);
void request_opened(struct viewer *viewer, const struct event *event, struct out *out);
void request_answer(struct viewer *viewer, const struct event *event, const struct dimse *response,
                    struct out *out);
void request_lost(struct viewer *viewer, const struct event *event, struct out *out);
/* An image of the study came, so long before now. */
void request_image(struct viewer *viewer, struct out *out, slice study_uid, time_ns lead_ns);
void request_clock(struct viewer *viewer, struct out *out);
time_ns request_due(const struct viewer *viewer);
/* The keys of a study question, empty ones included. */
enum err request_keys(struct request *request, const char *level);
void request_send(struct viewer *viewer, struct out *out, struct request *request);
/* Observes that the question of a request is asked. */
void request_ask(struct viewer *viewer, struct out *out, struct request *request);

/* watch.c */
enum err watch_add(struct viewer *viewer, const struct plan_entry *plan);
void watch_remove(struct viewer *viewer, const struct plan_entry *plan, struct out *out);
void watch_clock(struct viewer *viewer, struct out *out);
time_ns watch_due(const struct viewer *viewer);
/* The association for questions of the watcher is open, or the last question is answered: the next
 * one. */
void watch_next(struct viewer *viewer, struct out *out, struct request *request);
void watch_answered(struct viewer *viewer, struct out *out, struct request *request);
void watch_lost(struct viewer *viewer, struct request *request);
bool watch_row(struct viewer *viewer, const struct request *request, slice study_uid);

#endif
