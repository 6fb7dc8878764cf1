/* SPDX-License-Identifier: MIT */
#include "src/engine/relay.h"

#include <assert.h>

#include "src/base/hash.h"
#include "src/base/map.h"
#include "src/dicom/uid.h"

enum state {
    STATE_WAITING,   /* not offered yet, or its last try failed */
    STATE_PASSING,   /* on its way to the destination */
    STATE_DELIVERED, /* the destination holds it, perhaps with a remark */
    STATE_FAILED,    /* the destination, or the way to it, refused it; it may come again */
};

/* An answer, for one instance or those of a span. Until told it is kept here; the queue holds numbers of
 * instances only, so that one tried again before its batch left is told once, with its last status. */
struct answer {
    uint16_t status;
    int64_t size;
    char dataset_sha256[SHA256_TEXT_SIZE], pixel_sha256[SHA256_TEXT_SIZE];
    bool dataset_known, pixel_known;
    uint32_t waiting; /* queued instances that it answers */
};
struct instance {
    uint32_t answer; /* the latest, while queued */
    uint8_t state;
    bool queued, answered;
};

/* One line of the manifest: instances numbered from `first` on. */
struct line {
    slice sop_instance_uid;
    uint32_t first, count;
    uint32_t next_of_stem; /* line + 1, of lines that are longer than one */
};

struct relay {
    struct relay_job job;
    struct line *lines;
    struct map by_uid;  /* first UID of a line */
    struct map by_stem; /* the last such line of a stem */
    struct instance *instances;
    size_t instance_count;
    struct answer *answers; /* one more than there are instances, so that one is always free */
    size_t answer_next;
    uint32_t *queue; /* ring of instances */
    size_t queue_first, queue_count;
    time_ns oldest_ns; /* when the first of the queue came in */
    size_t answered;   /* instances with at least one answer */
    bool closed;
    struct relay_result batch[RUN_MAX];
    char batch_uids[RUN_MAX][UID_SIZE_MAX + 1];
};

static slice copy_text(struct arena *arena, slice text, bool *full)
{
    slice copy = arena_copy(arena, text);
    *full = *full || copy.data == NULL;
    return copy;
}

static enum err make_lists(struct relay *relay, const struct relay_job *job, struct arena *arena)
{
    size_t count = job->item_count;
    for (size_t i = 0; i < count; i++) {
        relay->instance_count += span_count(job->items[i].span);
    }
    assert(relay->instance_count < UINT32_MAX);
    relay->lines = arena_array(arena, count + 1, sizeof *relay->lines);
    relay->instances = arena_array(arena, relay->instance_count + 1, sizeof *relay->instances);
    relay->answers = arena_array(arena, relay->instance_count + 1, sizeof *relay->answers);
    relay->queue = arena_array(arena, relay->instance_count + 1, sizeof *relay->queue);
    if (relay->lines == NULL || relay->instances == NULL || relay->answers == NULL || relay->queue == NULL) {
        return ERR_LIMIT;
    }
    enum err err = map_init(&relay->by_uid, arena, count + 1);
    return err == ERR_OK ? map_init(&relay->by_stem, arena, count + 1) : err;
}

static enum err add_line(struct relay *relay, uint32_t number, uint32_t first, slice uid, uint32_t count)
{
    struct line *line = &relay->lines[number];
    slice stem = SLICE_EMPTY;
    uint64_t last = 0;
    *line = (struct line){.sop_instance_uid = uid, .first = first, .count = count};
    if (count > 1 && uid_split(uid, &stem, &last)) {
        uint32_t before = 0;
        line->next_of_stem = map_find(&relay->by_stem, stem, &before) ? before + 1 : 0;
        enum err err = map_put(&relay->by_stem, stem, number);
        if (err != ERR_OK) {
            return err;
        }
    }
    return map_put(&relay->by_uid, uid, number);
}

static enum err copy_items(struct relay *relay, const struct relay_job *job, struct arena *arena)
{
    struct relay_item *copies = arena_array(arena, job->item_count + 1, sizeof *copies);
    enum err err = copies == NULL ? ERR_LIMIT : make_lists(relay, job, arena);
    uint32_t first = 0;
    for (size_t i = 0; i < job->item_count && err == ERR_OK; i++) {
        bool full = false;
        copies[i].sop_instance_uid = copy_text(arena, slice_unpad(job->items[i].sop_instance_uid), &full);
        copies[i].sop_class_uid = copy_text(arena, slice_unpad(job->items[i].sop_class_uid), &full);
        copies[i].span = job->items[i].span;
        err = full ? ERR_LIMIT : add_line(relay, (uint32_t)i, first, copies[i].sop_instance_uid, span_count(copies[i].span));
        first += span_count(copies[i].span);
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

/* ---- Instances. */
/* The line of an instance, and its number. */
static const struct line *line_of(const struct relay *relay, slice uid, uint32_t *number)
{
    uint32_t at = 0;
    slice stem = SLICE_EMPTY;
    uint64_t last = 0, offset = 0;
    if (map_find(&relay->by_uid, uid, &at)) {
        *number = relay->lines[at].first;
        return &relay->lines[at];
    }
    if (!uid_split(uid, &stem, &last) || !map_find(&relay->by_stem, stem, &at)) {
        return NULL;
    }
    for (at++; at != 0; at = relay->lines[at - 1].next_of_stem) {
        const struct line *line = &relay->lines[at - 1];
        if (uid_in_span(line->sop_instance_uid, line->count, uid, &offset)) {
            *number = line->first + (uint32_t)offset;
            return line;
        }
    }
    return NULL;
}

static bool is_taken(const struct instance *instance)
{
    return instance->state == STATE_PASSING || instance->state == STATE_DELIVERED;
}

uint16_t relay_offer_span(struct relay *relay, slice sop_instance_uid, slice study_uid, uint32_t most, uint32_t *count, slice *finding)
{
    uint32_t number = 0;
    *finding = SLICE_EMPTY;
    *count = most;
    if (!slice_equal(slice_unpad(study_uid), relay->job.study_uid)) {
        *finding = SLICE("an instance of another study came to an open transfer");
        return STATUS_NOT_AUTHORISED;
    }
    const struct line *line = line_of(relay, slice_unpad(sop_instance_uid), &number);
    *count = 1;
    if (line == NULL) {
        *finding = SLICE("an instance came that the manifest does not list");
        return STATUS_NOT_AUTHORISED;
    }
    uint32_t end = line->first + line->count;
    bool taken = is_taken(&relay->instances[number]);
    end = end - number < most ? end : number + most;
    while (number + *count < end && is_taken(&relay->instances[number + *count]) == taken) {
        (*count)++;
    }
    if (taken) {
        *finding = SLICE("an instance came twice in one transfer");
        return STATUS_DUPLICATE_INSTANCE;
    }
    if (relay->closed) {
        return STATUS_OUT_OF_RESOURCES; /* late, not wrong: the engine will ask again */
    }
    for (uint32_t i = number; i < number + *count; i++) {
        relay->instances[i].state = STATE_PASSING;
    }
    return STATUS_SUCCESS;
}

uint16_t relay_offer(struct relay *relay, slice sop_instance_uid, slice study_uid, slice *finding)
{
    uint32_t count = 0;
    return relay_offer_span(relay, sop_instance_uid, study_uid, 1, &count, finding);
}

/* ---- Answers. */
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

static uint32_t answer_put(struct relay *relay, const struct relay_result *result)
{
    while (relay->answers[relay->answer_next].waiting > 0) {
        relay->answer_next = (relay->answer_next + 1) % (relay->instance_count + 1);
    }
    uint32_t number = (uint32_t)relay->answer_next;
    struct answer *answer = &relay->answers[number];
    answer->status = result->status;
    answer->size = result->size;
    answer->dataset_known = keep_digest(answer->dataset_sha256, result->dataset_sha256);
    answer->pixel_known = keep_digest(answer->pixel_sha256, result->pixel_sha256);
    return number;
}

static void answer_one(struct relay *relay, uint32_t number, uint32_t answer, uint16_t status, time_ns at_ns)
{
    struct instance *instance = &relay->instances[number];
    relay->answered += !instance->answered;
    instance->answered = true;
    relay->answers[answer].waiting++;
    if (instance->queued) {
        relay->answers[instance->answer].waiting--;
    }
    instance->answer = answer;
    instance->state = status_is_delivered(status) ? STATE_DELIVERED : STATE_FAILED;
    if (instance->queued) {
        return;
    }
    if (relay->queue_count == 0) {
        relay->oldest_ns = at_ns;
    }
    assert(relay->queue_count <= relay->instance_count);
    relay->queue[(relay->queue_first + relay->queue_count++) % (relay->instance_count + 1)] = number;
    instance->queued = true;
}

void relay_took(struct relay *relay, const struct relay_result *result, time_ns at_ns)
{
    slice sop_uid = slice_unpad(result->sop_instance_uid);
    uint32_t span = span_count(result->span), number = 0, answer = UINT32_MAX;
    for (uint32_t i = 0; i < span; i++) {
        char text[UID_SIZE_MAX + 1];
        const struct line *line = line_of(relay, i == 0 ? sop_uid : uid_advance(sop_uid, i, text), &number);
        if (line == NULL) {
            continue; /* it was never offered: nobody waits for it */
        }
        answer = answer == UINT32_MAX ? answer_put(relay, result) : answer;
        uint32_t end = line->first + line->count - number < span - i ? line->first + line->count : number + span - i;
        for (uint32_t from = number; number < end; number++) {
            answer_one(relay, number, answer, result->status, at_ns);
            i += number > from;
        }
    }
}

static const struct line *line_at(const struct relay *relay, uint32_t number)
{
    size_t low = 0, high = relay->job.item_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        *(relay->lines[middle].first <= number ? &low : &high) = middle;
    }
    return &relay->lines[low];
}

static struct relay_result result_of(struct relay *relay, uint32_t number, char uid[UID_SIZE_MAX + 1])
{
    const struct answer *answer = &relay->answers[relay->instances[number].answer];
    const struct line *line = line_at(relay, number);
    return (struct relay_result){
        .job = relay->job.id,
        .sop_instance_uid = number == line->first ? line->sop_instance_uid : uid_advance(line->sop_instance_uid, number - line->first, uid),
        .status = answer->status,
        .dataset_sha256 = answer->dataset_known ? (slice){answer->dataset_sha256, SHA256_TEXT_SIZE} : SLICE_EMPTY,
        .pixel_sha256 = answer->pixel_known ? (slice){answer->pixel_sha256, SHA256_TEXT_SIZE} : SLICE_EMPTY,
        .size = answer->size,
    };
}

/* Is it told by the result of the instance before: behind it in its line, answered by the same word? */
static bool goes_on(const struct relay *relay, uint32_t before, uint32_t number)
{
    return number == before + 1 && relay->instances[number].answer == relay->instances[before].answer && line_at(relay, number) == line_at(relay, before);
}

bool relay_batch(struct relay *relay, time_ns at_ns, bool flush, const struct relay_result **results, size_t *count)
{
    size_t wait = relay->queue_count;
    if (wait == 0 || !(flush || wait >= RUN_MAX || at_ns >= relay_due(relay))) {
        return false;
    }
    size_t taken = 0, told = 0;
    uint32_t before = 0;
    for (; taken < wait; taken++) {
        uint32_t number = relay->queue[(relay->queue_first + taken) % (relay->instance_count + 1)];
        if (taken > 0 && goes_on(relay, before, number)) {
            relay->batch[told - 1].span = span_count(relay->batch[told - 1].span) + 1;
        } else if (told == RUN_MAX) {
            break;
        } else {
            relay->batch[told] = result_of(relay, number, relay->batch_uids[told]);
            told++;
        }
        before = number;
    }
    for (size_t i = 0; i < taken; i++) {
        struct instance *instance = &relay->instances[relay->queue[(relay->queue_first + i) % (relay->instance_count + 1)]];
        instance->queued = false;
        relay->answers[instance->answer].waiting--;
    }
    relay->queue_first = (relay->queue_first + taken) % (relay->instance_count + 1);
    relay->queue_count -= taken;
    relay->oldest_ns = at_ns; /* what is left came in later than what went: at most one more wait */
    *results = relay->batch;
    *count = told;
    return true;
}

time_ns relay_due(const struct relay *relay)
{
    return relay->queue_count == 0 ? TIME_NEVER : relay->oldest_ns + RELAY_BATCH_NS;
}

bool relay_complete(const struct relay *relay)
{
    return relay->answered == relay->instance_count;
}

void relay_close(struct relay *relay)
{
    relay->closed = true;
}
