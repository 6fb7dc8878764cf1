/* SPDX-License-Identifier: MIT
 *
 * Watcher: asks for each exam, at doubling intervals, until it is shown. Questions that are due go
 * one after the other over one association, which stays for a while after the last. */
#include "sim/viewer/viewer_private.h"

static bool keep(struct arena *arena, slice *to, slice text)
{
    *to = text.size == 0 ? SLICE_EMPTY : arena_copy(arena, text);
    return to->data != NULL;
}

/* ---- Those that wait, the one that is due first on top. */
static bool is_sooner(const struct watch *a, const struct watch *b)
{
    return a->next_ns != b->next_ns ? a->next_ns < b->next_ns : a->number < b->number;
}

static void heap_set(struct viewer *viewer, uint32_t at, uint32_t slot)
{
    viewer->heap[at] = slot;
    viewer->watches[slot].heap = at + 1;
}

static uint32_t heap_rise(struct viewer *viewer, uint32_t at, uint32_t slot)
{
    while (at > 0 && is_sooner(&viewer->watches[slot], &viewer->watches[viewer->heap[(at - 1) / 2]])) {
        heap_set(viewer, at, viewer->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    return at;
}

static uint32_t heap_sink(struct viewer *viewer, uint32_t at, uint32_t slot)
{
    for (uint32_t child = 2 * at + 1; child < viewer->heap_count; child = 2 * at + 1) {
        bool right = child + 1 < viewer->heap_count && is_sooner(&viewer->watches[viewer->heap[child + 1]], &viewer->watches[viewer->heap[child]]);
        child += right;
        if (!is_sooner(&viewer->watches[viewer->heap[child]], &viewer->watches[slot])) {
            break;
        }
        heap_set(viewer, at, viewer->heap[child]);
        at = child;
    }
    return at;
}

static void wait_begin(struct viewer *viewer, struct watch *watch)
{
    uint32_t slot = (uint32_t)(watch - viewer->watches);
    watch->state = WATCH_WAITING;
    heap_set(viewer, heap_rise(viewer, viewer->heap_count++, slot), slot);
}

static void wait_end(struct viewer *viewer, struct watch *watch)
{
    if (watch->heap == 0) {
        return;
    }
    uint32_t at = watch->heap - 1, last = viewer->heap[--viewer->heap_count];
    watch->heap = 0;
    if (at < viewer->heap_count) {
        heap_set(viewer, heap_sink(viewer, heap_rise(viewer, at, last), last), last);
    }
}

/* ---- What is watched. */
static struct watch *watch_take(struct viewer *viewer)
{
    uint32_t slot = viewer->watch_free;
    if (slot != 0) {
        viewer->watch_free = viewer->watches[--slot].place;
    } else if (viewer->watch_bound < viewer->watches_max) {
        slot = viewer->watch_bound++;
    } else {
        return NULL;
    }
    struct watch *watch = &viewer->watches[slot];
    *watch = (struct watch){.number = ++viewer->watch_last, .place = viewer->live_count};
    viewer->live[viewer->live_count++] = slot;
    return watch;
}

static void watch_give(struct viewer *viewer, struct watch *watch)
{
    uint32_t slot = (uint32_t)(watch - viewer->watches), last = viewer->live[--viewer->live_count];
    viewer->live[watch->place] = last;
    viewer->watches[last].place = watch->place;
    wait_end(viewer, watch);
    watch->state = WATCH_OVER;
    watch->place = viewer->watch_free;
    viewer->watch_free = slot + 1;
}

enum err watch_add(struct viewer *viewer, const struct plan_entry *plan)
{
    if (plan_get(plan, "accession").size == 0) {
        return ERR_BAD_INPUT;
    }
    struct watch *watch = watch_take(viewer);
    if (watch == NULL) {
        return ERR_LIMIT;
    }
    struct arena text = {
        .memory = viewer->watch_text + (size_t)(watch - viewer->watches) * WATCH_BYTES,
        .size = WATCH_BYTES};
    time_ns until = plan_get_int(plan, "until", 0);
    watch->interval_ns = plan_get_int(plan, "after", WATCH_FIRST_NS);
    watch->since_ns = plan_get_int(plan, "completed_at", viewer->now);
    watch->next_ns = viewer->now + watch->interval_ns;
    watch->until_ns = until > 0 ? viewer->now + until : TIME_NEVER;
    if (!keep(&text, &watch->issuer, plan_get(plan, "issuer")) ||
        !keep(&text, &watch->accession, plan_get(plan, "accession")) ||
        !keep(&text, &watch->study_uid, plan_get(plan, "study_uid"))) {
        watch_give(viewer, watch);
        return ERR_LIMIT;
    }
    wait_begin(viewer, watch);
    return ERR_OK;
}

static void over(struct viewer *viewer, struct out *out, struct watch *watch, bool seen)
{
    struct observation *told = out_observe(out, OBSERVATION_watched, viewer->now);
    told->accession = viewer_copy(out, watch->accession);
    told->issuer = viewer_copy(out, watch->issuer);
    told->study_uid = viewer_copy(out, watch->study_uid);
    told->flag = seen;
    told->latency_ns = viewer->now - watch->since_ns;
    watch_give(viewer, watch);
}

/* Those that are meant end in the order in which they were added. */
void watch_remove(struct viewer *viewer, const struct plan_entry *plan, struct out *out)
{
    slice issuer = plan_get(plan, "issuer"), accession = plan_get(plan, "accession");
    for (struct watch *first = NULL;; first = NULL) {
        for (uint32_t i = 0; i < viewer->live_count; i++) {
            struct watch *watch = &viewer->watches[viewer->live[i]];
            bool meant = accession.size == 0 || (slice_equal(watch->accession, accession) &&
                                                 slice_equal(watch->issuer, issuer));
            first = meant && (first == NULL || watch->number < first->number) ? watch : first;
        }
        if (first == NULL) {
            return;
        }
        over(viewer, out, first, false);
    }
}

/* The exam that is due longest. */
static uint32_t due_watch(const struct viewer *viewer)
{
    bool due = viewer->heap_count > 0 && viewer->watches[viewer->heap[0]].next_ns <= viewer->now;
    return due ? viewer->heap[0] : UINT32_MAX;
}

static struct request *watch_request(struct viewer *viewer)
{
    for (uint32_t i = 0; i < viewer->request_bound; i++) {
        if (viewer->requests[i].kind == REQUEST_WATCH) {
            return &viewer->requests[i];
        }
    }
    return NULL;
}

static enum err question(struct viewer *viewer, struct request *request, const struct watch *watch)
{
    arena_reset(&request->arena);
    struct buffer id = buffer_make(&request->arena, 24);
    buffer_put_text(&id, "w");
    buffer_put_int(&id, ++viewer->id_last);
    request->id = buffer_slice(&id);
    request->study_uid = arena_copy(&request->arena, watch->study_uid); /* the slot may be given away */
    enum err err = request_keys(request, "STUDY");
    err = err == ERR_OK ? dataset_put(&request->keys, TAG_AccessionNumber, watch->accession) : err;
    struct dataset *item = arena_alloc(&request->arena, sizeof *item);
    if (err != ERR_OK || item == NULL || dataset_init(item, &request->arena, 1) != ERR_OK ||
        dataset_put(item, TAG_LocalNamespaceEntityID, watch->issuer) != ERR_OK) {
        return ERR_LIMIT;
    }
    return watch->issuer.size == 0
               ? ERR_OK
               : dataset_put_items(&request->keys, TAG_IssuerOfAccessionNumberSequence, item, 1);
}

void watch_next(struct viewer *viewer, struct out *out, struct request *request)
{
    uint32_t next = due_watch(viewer);
    if (next == UINT32_MAX) {
        request->idle_ns = viewer->now + WATCH_IDLE_NS;
        request->silent_ns = TIME_NEVER;
        request->watch = UINT32_MAX;
        return;
    }
    request->idle_ns = 0;
    if (question(viewer, request, &viewer->watches[next]) != ERR_OK) {
        out->full = true;
        return;
    }
    wait_end(viewer, &viewer->watches[next]);
    viewer->watches[next].state = WATCH_ASKING;
    request->watch = next;
    request->watch_number = viewer->watches[next].number;
    request_send(viewer, out, request);
}

/* The exam that the question was asked for; null when that is over meanwhile. */
static struct watch *watch_of(struct viewer *viewer, const struct request *request)
{
    struct watch *watch =
        request->watch == UINT32_MAX ? NULL : &viewer->watches[request->watch];
    bool same = watch != NULL && watch->state == WATCH_ASKING &&
                watch->number == request->watch_number;
    return same ? watch : NULL;
}

bool watch_row(struct viewer *viewer, const struct request *request, slice study_uid)
{
    const struct watch *watch = watch_of(viewer, request);
    if (watch == NULL) {
        return false;
    }
    slice wanted = watch->study_uid;
    return wanted.size == 0 || slice_equal(wanted, study_uid);
}

static void wait_on(struct viewer *viewer, struct out *out, struct watch *watch)
{
    watch->interval_ns *= 2;
    watch->next_ns = viewer->now + watch->interval_ns;
    wait_begin(viewer, watch);
    if (watch->until_ns <= viewer->now) {
        over(viewer, out, watch, false);
    }
}

void watch_answered(struct viewer *viewer, struct out *out, struct request *request)
{
    struct watch *watch = watch_of(viewer, request);
    request->watch = UINT32_MAX;
    if (watch != NULL && request->seen) {
        over(viewer, out, watch, true);
    } else if (watch != NULL) {
        wait_on(viewer, out, watch);
    }
    watch_next(viewer, out, request);
}

/* No answer at all: asked again soon, the interval stays. */
void watch_lost(struct viewer *viewer, struct request *request)
{
    if (request->idle_ns > 0) {
        return; /* nothing was asked on it */
    }
    viewer->watch_again_ns = viewer->now + RETRY_FIRST_NS;
    struct watch *watch = watch_of(viewer, request);
    if (watch != NULL) {
        wait_begin(viewer, watch);
    }
}

void watch_clock(struct viewer *viewer, struct out *out)
{
    struct request *request = watch_request(viewer);
    if (request != NULL && request->idle_ns > 0 && due_watch(viewer) != UINT32_MAX) {
        watch_next(viewer, out, request);
    } else if (request != NULL && request->idle_ns > 0 && request->idle_ns <= viewer->now) {
        out_command(out, COMMAND_CLOSE)->channel = request->channel;
        request->kind = REQUEST_FREE;
    }
    if (request != NULL || due_watch(viewer) == UINT32_MAX ||
        viewer->watch_again_ns > viewer->now) {
        return;
    }
    request = request_take(viewer, REQUEST_WATCH);
    if (request != NULL) {
        request_open(viewer, out, request);
    }
}

time_ns watch_due(const struct viewer *viewer)
{
    time_ns due = viewer->heap_count == 0 ? TIME_NEVER : viewer->watches[viewer->heap[0]].next_ns;
    for (uint32_t i = 0; i < viewer->request_bound; i++) {
        const struct request *request = &viewer->requests[i];
        if (request->kind == REQUEST_WATCH) { /* its association takes what is due */
            return request->idle_ns == 0 ? TIME_NEVER : due < request->idle_ns ? due : request->idle_ns;
        }
    }
    return due != TIME_NEVER && due < viewer->watch_again_ns ? viewer->watch_again_ns : due;
}
