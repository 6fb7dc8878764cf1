/* SPDX-License-Identifier: MIT */
#include "src/engine/relay.h"

#include <assert.h>

#include "src/base/hash.h"
#include "src/base/map.h"
#include "src/dicom/uid.h"

enum item_state {
    ITEM_WAITING,   /* not offered yet, or its last try failed */
    ITEM_PASSING,   /* on its way to the destination */
    ITEM_DELIVERED, /* the destination holds it, perhaps with a remark */
    ITEM_FAILED,    /* the destination, or the way to it, refused it; it may come again */
};

/* One line of the manifest. Its latest result is kept here; the queue holds numbers of items only, so
 * that an item tried again before its batch left is told once, with its last status. */
struct item {
    slice sop_instance_uid;
    enum item_state state;
    bool answered, queued;
    uint16_t status;
    int64_t size;
    char dataset_sha256[SHA256_TEXT_SIZE], pixel_sha256[SHA256_TEXT_SIZE];
    bool dataset_known, pixel_known;
};

struct relay {
    struct relay_job job;
    struct item *items;
    struct map by_uid;
    uint32_t *queue; /* ring of item numbers, item_count long */
    size_t queue_first, queue_count;
    time_ns oldest_ns; /* when the first of the queue came in */
    size_t answered; /* items with at least one answer */
    bool closed;
    struct relay_result batch[RUN_MAX];
};

static slice copy_text(struct arena *arena, slice text, bool *full)
{
    slice copy = arena_copy(arena, text);
    *full = *full || copy.data == NULL;
    return copy;
}

static enum err copy_items(struct relay *relay, const struct relay_job *job, struct arena *arena)
{
    size_t count = job->item_count;
    relay->items = arena_array(arena, count + 1, sizeof *relay->items);
    relay->queue = arena_array(arena, count + 1, sizeof *relay->queue);
    struct relay_item *copies = arena_array(arena, count + 1, sizeof *copies);
    if (relay->items == NULL || relay->queue == NULL || copies == NULL) {
        return ERR_LIMIT;
    }
    enum err err = map_init(&relay->by_uid, arena, count + 1);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        bool full = false;
        copies[i].sop_instance_uid = copy_text(arena, slice_unpad(job->items[i].sop_instance_uid), &full);
        copies[i].sop_class_uid = copy_text(arena, slice_unpad(job->items[i].sop_class_uid), &full);
        if (full) {
            return ERR_LIMIT;
        }
        relay->items[i].sop_instance_uid = copies[i].sop_instance_uid;
        err = map_put(&relay->by_uid, copies[i].sop_instance_uid, (uint32_t)i);
    }
    relay->job.items = copies;
    return err;
}

static enum err copy_coercion(struct relay *relay, const struct relay_job *job, struct arena *arena)
{
    if (job->coercion == NULL) {
        return ERR_OK;
    }
    struct dataset *copy = arena_alloc(arena, sizeof *copy);
    if (copy == NULL) {
        return ERR_LIMIT;
    }
    relay->job.coercion = copy;
    return dataset_copy(copy, job->coercion, arena, 0);
}

enum err relay_init(struct relay **out, const struct relay_job *job, struct arena *arena)
{
    assert(job->item_count < UINT32_MAX);
    struct relay *relay = arena_alloc(arena, sizeof *relay);
    if (relay == NULL) {
        return ERR_LIMIT;
    }
    relay->job = *job;
    bool full = false;
    relay->job.called_alias = copy_text(arena, job->called_alias, &full);
    relay->job.study_uid = copy_text(arena, slice_unpad(job->study_uid), &full);
    relay->job.coercion_source = copy_text(arena, job->coercion_source, &full);
    relay->job.move_originator = copy_text(arena, job->move_originator, &full);
    if (full) {
        return ERR_LIMIT;
    }
    enum err err = copy_items(relay, job, arena);
    if (err == ERR_OK) {
        err = copy_coercion(relay, job, arena);
    }
    if (err == ERR_OK) {
        *out = relay;
    }
    return err;
}

const struct relay_job *relay_job(const struct relay *relay)
{
    return &relay->job;
}

/* Deflated data sets would have to be inflated to be spliced: not passed. */
static bool syntax_passes(slice syntax)
{
    return !slice_equal(slice_unpad(syntax), UID_DEFLATED);
}

enum err relay_propose(const struct relay *relay, const struct contexts *asked,
                       struct contexts *proposed, struct arena *arena)
{
    (void)relay;
    struct context *list = arena_array(arena, asked->count + 1, sizeof *list);
    if (list == NULL) {
        return ERR_LIMIT;
    }
    size_t count = 0;
    for (size_t i = 0; i < asked->count; i++) {
        const struct context *from = &asked->list[i];
        struct context to = {.id = from->id, .abstract_syntax = from->abstract_syntax};
        for (uint8_t s = 0; s < from->syntax_count; s++) {
            if (syntax_passes(from->transfer_syntaxes[s])) {
                to.transfer_syntaxes[to.syntax_count++] = from->transfer_syntaxes[s];
            }
        }
        if (to.syntax_count > 0 && uid_is_storage(slice_unpad(from->abstract_syntax))) {
            list[count++] = to;
        }
    }
    *proposed = (struct contexts){list, count};
    return ERR_OK;
}

static bool context_offers(const struct context *asked, slice syntax)
{
    for (uint8_t s = 0; s < asked->syntax_count; s++) {
        if (slice_equal(slice_unpad(asked->transfer_syntaxes[s]), slice_unpad(syntax))) {
            return true;
        }
    }
    return false;
}

/* What the destination has accepted that serves this context: the one of the same id, else any of the
 * same class in a syntax the holder can send. The latter is for holders that come again, one
 * association an image, with other ids, while the destination's association stays open. */
static const struct context *context_shared(const struct context *asked, const struct contexts *opened)
{
    const struct context *other = NULL;
    for (size_t i = 0; i < opened->count; i++) {
        const struct context *open = &opened->list[i];
        if (open->result == CONTEXT_ACCEPTED &&
            slice_equal(slice_unpad(open->abstract_syntax), slice_unpad(asked->abstract_syntax)) &&
            context_offers(asked, open->accepted_syntax)) {
            if (open->id == asked->id) {
                return open;
            }
            other = other == NULL ? open : other;
        }
    }
    return other;
}

static enum context_result refused_because(const struct context *asked, const struct contexts *opened)
{
    if (!uid_is_storage(slice_unpad(asked->abstract_syntax))) {
        return CONTEXT_ABSTRACT_UNKNOWN;
    }
    for (size_t i = 0; i < opened->count; i++) {
        if (opened->list[i].id == asked->id && opened->list[i].result != CONTEXT_ACCEPTED) {
            return opened->list[i].result;
        }
    }
    return CONTEXT_SYNTAX_UNKNOWN;
}

enum err relay_answer(const struct relay *relay, const struct contexts *asked,
                      const struct contexts *opened, struct contexts *answered, struct arena *arena)
{
    (void)relay;
    struct context *list = arena_array(arena, asked->count + 1, sizeof *list);
    if (list == NULL) {
        return ERR_LIMIT;
    }
    for (size_t i = 0; i < asked->count; i++) {
        const struct context *shared = context_shared(&asked->list[i], opened);
        list[i] = asked->list[i];
        list[i].scu = list[i].scp = false;
        list[i].result = shared != NULL ? CONTEXT_ACCEPTED : refused_because(&asked->list[i], opened);
        list[i].accepted_syntax = shared != NULL ? shared->accepted_syntax : SLICE_EMPTY;
    }
    *answered = (struct contexts){list, asked->count};
    return ERR_OK;
}

uint16_t relay_offer(struct relay *relay, slice sop_instance_uid, slice study_uid, slice *finding)
{
    uint32_t index = 0;
    *finding = SLICE_EMPTY;
    if (!slice_equal(slice_unpad(study_uid), relay->job.study_uid)) {
        *finding = SLICE("an instance of another study came to an open transfer");
        return STATUS_NOT_AUTHORISED;
    }
    if (!map_find(&relay->by_uid, slice_unpad(sop_instance_uid), &index)) {
        *finding = SLICE("an instance came that the manifest does not list");
        return STATUS_NOT_AUTHORISED;
    }
    struct item *item = &relay->items[index];
    if (item->state == ITEM_PASSING || item->state == ITEM_DELIVERED) {
        *finding = SLICE("an instance came twice in one transfer");
        return STATUS_DUPLICATE_INSTANCE;
    }
    if (relay->closed) {
        return STATUS_OUT_OF_RESOURCES; /* late, not wrong: the engine will ask again */
    }
    item->state = ITEM_PASSING;
    return STATUS_SUCCESS;
}

static bool keep_digest(char kept[SHA256_TEXT_SIZE], slice digest)
{
    if (digest.size != SHA256_TEXT_SIZE) {
        return false;
    }
    memcpy(kept, digest.data, SHA256_TEXT_SIZE);
    return true;
}

static bool status_is_delivered(uint16_t status)
{
    return status == STATUS_SUCCESS || status_is_warning(status);
}

void relay_took(struct relay *relay, const struct relay_result *result, time_ns at_ns)
{
    uint32_t index = 0;
    if (!map_find(&relay->by_uid, slice_unpad(result->sop_instance_uid), &index)) {
        return; /* it was never offered: nobody waits for it */
    }
    struct item *item = &relay->items[index];
    if (!item->answered) {
        item->answered = true;
        relay->answered++;
    }
    item->state = status_is_delivered(result->status) ? ITEM_DELIVERED : ITEM_FAILED;
    item->status = result->status;
    item->size = result->size;
    item->dataset_known = keep_digest(item->dataset_sha256, result->dataset_sha256);
    item->pixel_known = keep_digest(item->pixel_sha256, result->pixel_sha256);
    if (item->queued) {
        return;
    }
    if (relay->queue_count == 0) {
        relay->oldest_ns = at_ns;
    }
    assert(relay->queue_count <= relay->job.item_count);
    relay->queue[(relay->queue_first + relay->queue_count++) % (relay->job.item_count + 1)] = index;
    item->queued = true;
}

static struct relay_result result_of(const struct relay *relay, const struct item *item)
{
    return (struct relay_result){
        .job = relay->job.id,
        .sop_instance_uid = item->sop_instance_uid,
        .status = item->status,
        .dataset_sha256 =
            item->dataset_known ? (slice){item->dataset_sha256, SHA256_TEXT_SIZE} : SLICE_EMPTY,
        .pixel_sha256 =
            item->pixel_known ? (slice){item->pixel_sha256, SHA256_TEXT_SIZE} : SLICE_EMPTY,
        .size = item->size,
    };
}

bool relay_batch(struct relay *relay, time_ns at_ns, bool flush,
                 const struct relay_result **results, size_t *count)
{
    size_t wait = relay->queue_count;
    if (wait == 0 || !(flush || wait >= RUN_MAX || at_ns >= relay_due(relay))) {
        return false;
    }
    size_t taken = wait < RUN_MAX ? wait : RUN_MAX;
    for (size_t i = 0; i < taken; i++) {
        struct item *item =
            &relay->items[relay->queue[(relay->queue_first + i) % (relay->job.item_count + 1)]];
        item->queued = false;
        relay->batch[i] = result_of(relay, item);
    }
    relay->queue_first = (relay->queue_first + taken) % (relay->job.item_count + 1);
    relay->queue_count -= taken;
    relay->oldest_ns = at_ns; /* what is left came in later than what went: at most one more wait */
    *results = relay->batch;
    *count = taken;
    return true;
}

time_ns relay_due(const struct relay *relay)
{
    return relay->queue_count == 0 ? TIME_NEVER : relay->oldest_ns + RELAY_BATCH_NS;
}

bool relay_complete(const struct relay *relay)
{
    return relay->answered == relay->job.item_count;
}

void relay_close(struct relay *relay)
{
    relay->closed = true;
}
