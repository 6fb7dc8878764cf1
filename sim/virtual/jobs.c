/* SPDX-License-Identifier: MIT
 *
 * Relay jobs: src/engine/relay.c decides, here its holders' associations and its destinations are driven on values. What a holder
 * sends streams on: both ways are one flow (traffic.c), and the destination has it when the run has passed both. */
#include "sim/virtual/virtual_private.h"

#include "src/dicom/uid.h"

#define JOB_SIZE      (64u << 10)
#define JOB_ITEM_SIZE 768u
#define JOB_SIZE_MAX  (64u << 20)
#define PASSAGES_PER_JOB 2u
#define STATUS_UNRECOGNISED 0x0211u /* PS3.7 Annex C: unrecognized operation */

size_t jobs_memory(const struct virtual_limits *limits)
{
    return limits->relays_max * (sizeof(struct relay_entry) + PASSAGES_PER_JOB * sizeof(struct passage)) + 4096;
}

enum err jobs_init(struct virtual *virtual, struct arena *arena)
{
    struct relays *relays = &virtual->relays;
    relays->max = virtual->limits.relays_max;
    relays->passage_max = PASSAGES_PER_JOB * relays->max;
    relays->alarm.armed_ns = TIME_NEVER;
    relays->entries = queue_take_memory(arena, relays->max, sizeof *relays->entries);
    relays->passages = queue_take_memory(arena, relays->passage_max, sizeof *relays->passages);
    return relays->entries == NULL || relays->passages == NULL ? ERR_LIMIT : ERR_OK;
}

/* ---- What the engine is told. */

static void post(struct virtual *virtual, uint32_t node, int64_t job, struct payload *payload, bool ended)
{
    payload = virtual_keep(virtual, payload);
    struct pending *pending = payload == NULL ? NULL : virtual_put(virtual, virtual->now_ns, CLASS_MESSAGE, node, PENDING_RELAYED);
    if (pending == NULL) {
        payload_free(virtual, payload);
        return;
    }
    payload->job = job;
    payload->ended = ended;
    payload->hash = mix_number(payload->hash, (uint64_t)job << 1 | ended);
    pending->payload = payload;
    pending->generation = (uint32_t)virtual->nodes[node].meta.life;
}

/* Results that are due, and the end once nothing is on its way. */
static void post_due(struct virtual *virtual, struct relay_entry *entry, bool flush)
{
    const struct relay_result *results;
    size_t count;
    bool over = entry->passing == 0 && entry->closed;
    while (relay_batch(entry->relay, virtual->now_ns, flush || over, &results, &count)) {
        post(virtual, entry->node, entry->job, payload_make_results(&virtual->slab, results, count), false);
    }
    if (over && !entry->told) {
        entry->told = true;
        post(virtual, entry->node, entry->job, payload_make_text(&virtual->slab, slice_from(entry->why)), true);
    }
}

static uint32_t spare_of(struct virtual *virtual, struct relay_entry *entry)
{
    uint32_t channel = entry->spare;
    entry->spare = 0;
    bool lives = channel != 0 && pipe_at(virtual, channel - 1)->used && pipe_at(virtual, channel - 1)->generation == entry->spare_generation &&
                 pipe_at(virtual, channel - 1)->ends[0].state == END_OPEN;
    return lives ? channel : 0;
}

static void settle(struct virtual *virtual, struct relay_entry *entry)
{
    if (!entry->used || !entry->told || entry->passages > 0) {
        return;
    }
    uint32_t spare = spare_of(virtual, entry);
    if (spare != 0) {
        pipe_close(virtual, REF(spare - 1, 0));
    }
    slab_give(&virtual->slab, entry->memory);
    entry->used = false;
    virtual->relays.count--;
}

static void arm(struct virtual *virtual)
{
    struct relays *relays = &virtual->relays;
    time_ns next = TIME_NEVER;
    for (size_t i = 0; i < relays->end; i++) {
        const struct relay_entry *entry = &relays->entries[i];
        if (entry->used) {
            time_ns deadline = entry->closed ? TIME_NEVER : relay_job(entry->relay)->deadline_ns, due = relay_due(entry->relay);
            next = deadline < next ? deadline : next;
            next = due < next ? due : next;
            next = entry->passages > 0 && !entry->closed && entry->sign_ns < next ? entry->sign_ns : next;
        }
    }
    alarm_set(virtual, &relays->alarm, next, pseudo_node(virtual, PSEUDO_RELAYS), CLASS_TIMER, PENDING_RELAYS);
}

/* ---- Jobs begin and end. */

static void stop_runs(struct virtual *virtual, const struct relay_entry *entry);

static struct relay_entry *find(struct virtual *virtual, uint32_t node, int64_t job)
{
    for (size_t i = 0; i < virtual->relays.end; i++) {
        struct relay_entry *entry = &virtual->relays.entries[i];
        if (entry->used && entry->job == job && entry->node == node) {
            return entry;
        }
    }
    return NULL;
}

static struct relay_entry *find_free(struct relays *relays)
{
    for (size_t i = 0; i < relays->end; i++) {
        if (!relays->entries[i].used) {
            return &relays->entries[i];
        }
    }
    return relays->end < relays->max ? &relays->entries[relays->end++] : NULL;
}

/* The relay lives in a piece of the slab as large as its manifest needs. */
static enum err make(struct virtual *virtual, struct relay_entry *entry, const struct relay_job *job)
{
    enum err err = ERR_LIMIT;
    for (size_t size = JOB_SIZE + job->item_count * JOB_ITEM_SIZE; err == ERR_LIMIT && size <= JOB_SIZE_MAX; size *= 2) {
        entry->memory = slab_take(&virtual->slab, size);
        if (entry->memory == NULL) {
            return ERR_LIMIT;
        }
        struct arena arena = {.memory = entry->memory, .size = size};
        err = relay_init(&entry->relay, job, &arena);
        if (err != ERR_OK) {
            slab_give(&virtual->slab, entry->memory);
        }
    }
    return err;
}

void jobs_begin(struct virtual *virtual, uint32_t node, const struct relay_job *job)
{
    struct relay_entry *entry = find(virtual, node, job->id) != NULL ? NULL : find_free(&virtual->relays);
    struct relay_entry fresh = {.used = true, .job = job->id, .node = node, .why = ""};
    if (entry == NULL || make(virtual, &fresh, job) != ERR_OK) {
        post(virtual, node, job->id, payload_make_text(&virtual->slab, SLICE("no room for another relay job")), true);
        return;
    }
    *entry = fresh;
    virtual->relays.count++;
    virtual->counts.relays++;
    arm(virtual);
}

static void close_entry(struct relay_entry *entry, const char *why)
{
    if (!entry->closed) {
        entry->closed = true;
        entry->why = why;
        relay_close(entry->relay);
    }
}

void jobs_end(struct virtual *virtual, uint32_t node, int64_t job)
{
    struct relay_entry *entry = find(virtual, node, job);
    if (entry != NULL) {
        stop_runs(virtual, entry);
        close_entry(entry, "");
        post_due(virtual, entry, false);
        settle(virtual, entry);
    }
}

void jobs_due(struct virtual *virtual)
{
    struct relays *relays = &virtual->relays;
    relays->alarm.armed_ns = TIME_NEVER;
    for (size_t i = 0; i < relays->end; i++) {
        struct relay_entry *entry = &relays->entries[i];
        if (entry->used) {
            if (virtual->now_ns >= relay_job(entry->relay)->deadline_ns) {
                stop_runs(virtual, entry);
                close_entry(entry, "its deadline passed");
            }
            post_due(virtual, entry, false);
            if (job_owes_sign(virtual, entry)) {
                post(virtual, entry->node, entry->job, payload_make_text(&virtual->slab, SLICE_EMPTY), false);
            }
            settle(virtual, entry);
        }
    }
    arm(virtual);
}

void jobs_drop_node(struct virtual *virtual, uint32_t node)
{
    struct relays *relays = &virtual->relays;
    for (uint32_t p = 0; p < relays->passage_end; p++) {
        struct passage *passage = &relays->passages[p];
        if (passage->used && relays->entries[passage->entry].node == node) {
            payload_free(virtual, passage->request);
            passage->used = false;
            passage->next_free = relays->passage_free;
            relays->passage_free = p + 1;
        }
    }
    for (size_t i = 0; i < relays->end; i++) {
        struct relay_entry *entry = &relays->entries[i];
        if (entry->used && entry->node == node) {
            slab_give(&virtual->slab, entry->memory);
            entry->used = false;
            relays->count--;
        }
    }
}

/* ---- Passages: holders' associations. */

static struct passage *passage_take(struct virtual *virtual, uint32_t *index)
{
    struct relays *relays = &virtual->relays;
    uint32_t free = relays->passage_free;
    if (free != 0) {
        relays->passage_free = relays->passages[free - 1].next_free;
    } else if (relays->passage_end < relays->passage_max) {
        free = ++relays->passage_end;
    } else {
        return NULL;
    }
    *index = free - 1;
    struct passage *passage = &relays->passages[*index];
    passage->used = true;
    passage->holder = passage->destination = 0;
    passage->request = NULL;
    passage->message_id = 0;
    passage->item_count = 0;
    return passage;
}

/* The holder's association is over and nothing of it is under way. Its destination waits for another, while the job goes on. */
static void leave(struct virtual *virtual, uint32_t index)
{
    struct relays *relays = &virtual->relays;
    struct passage *passage = &relays->passages[index];
    struct relay_entry *entry = &relays->entries[passage->entry];
    uint32_t destination = passage->destination;
    uint16_t message_id = passage->message_id;
    payload_free(virtual, passage->request);
    passage->used = false;
    passage->next_free = relays->passage_free;
    relays->passage_free = index + 1;
    entry->passages--;
    post_due(virtual, entry, true);
    if (destination != 0) {
        struct channel *channel = pipe_at(virtual, destination - 1);
        channel->ends[0].passage = 0;
        if (!entry->told && entry->spare == 0 && channel->ends[0].state == END_OPEN) {
            entry->spare = destination;
            entry->spare_generation = channel->generation;
            entry->spare_message = message_id;
        } else {
            pipe_close(virtual, REF(destination - 1, 0));
        }
    }
    settle(virtual, entry);
    arm(virtual);
}

static void activate(struct virtual *virtual, struct passage *passage, const struct contexts *answered)
{
    uint32_t ref = REF(passage->holder - 1, 1);
    passage->state = PASSAGE_ACTIVE;
    end_at(virtual, ref)->state = END_OPEN;
    pipe_timeout(virtual, ref, TIMEOUT_IDLE, virtual->now_ns + virtual->limits.idle_timeout_ns);
    pipe_answer(virtual, ref, answered);
}

static bool accepts_any(const struct contexts *answered)
{
    for (size_t i = 0; i < answered->count; i++) {
        if (answered->list[i].result == CONTEXT_ACCEPTED) {
            return true;
        }
    }
    return false;
}

/* A destination that an earlier holder left, when it shares something with what this one asks for. */
static bool reuse(struct virtual *virtual, uint32_t index, const struct contexts *asked)
{
    struct passage *passage = &virtual->relays.passages[index];
    struct relay_entry *entry = &virtual->relays.entries[passage->entry];
    uint32_t spare = spare_of(virtual, entry);
    struct contexts answered;
    if (spare == 0) {
        return false;
    }
    struct channel *channel = pipe_at(virtual, spare - 1);
    if (relay_answer(entry->relay, asked, &channel->contexts->contexts, &answered, &virtual->header) != ERR_OK || !accepts_any(&answered)) {
        pipe_close(virtual, REF(spare - 1, 0));
        return false;
    }
    channel->ends[0].passage = index + 1;
    passage->destination = spare;
    passage->message_id = entry->spare_message;
    activate(virtual, passage, &answered);
    return true;
}

static bool dial(struct virtual *virtual, uint32_t index, const struct contexts *asked)
{
    struct passage *passage = &virtual->relays.passages[index];
    struct relay_entry *entry = &virtual->relays.entries[passage->entry];
    const struct relay_job *job = relay_job(entry->relay);
    uint32_t to = node_peer(virtual, entry->node, job->destination);
    struct contexts proposed;
    if (to == NONE || relay_propose(entry->relay, asked, &proposed, &virtual->header) != ERR_OK || proposed.count == 0) {
        return false;
    }
    passage->state = PASSAGE_OPENING;
    uint32_t ref = pipe_open(virtual, entry->node, to, &(struct command){.kind = COMMAND_OPEN, .protocol = PROTOCOL_DICOM, .contexts = proposed,
                                                                          .calling = SLICE_EMPTY, .called = SLICE_EMPTY}, index + 1);
    passage->destination = ref == 0 ? 0 : REF_CHANNEL(ref) + 1;
    return ref != 0;
}

/* The destination cannot be reached: the job ends, unless another association passes for it. */
static void refuse(struct virtual *virtual, uint32_t index)
{
    struct passage *passage = &virtual->relays.passages[index];
    struct relay_entry *entry = &virtual->relays.entries[passage->entry];
    uint32_t holder = passage->holder;
    passage->destination = 0;
    if (entry->passages == 1) {
        close_entry(entry, "the destination cannot be reached");
    }
    if (holder == 0) {
        leave(virtual, index);
    } else {
        pipe_reject(virtual, REF(holder - 1, 1), 2, 3, 1); /* temporary congestion; its end lets the passage go */
    }
}

void passage_enter(struct virtual *virtual, uint32_t ref, int64_t job)
{
    struct channel *channel = pipe_at(virtual, REF_CHANNEL(ref));
    struct relay_entry *entry = find(virtual, end_at(virtual, ref)->node, job);
    uint32_t index = 0;
    struct passage *passage = entry == NULL || entry->closed || entry->told || channel->ask == NULL ? NULL : passage_take(virtual, &index);
    if (passage == NULL) {
        pipe_reject(virtual, ref, 2, 3, 1);
        return;
    }
    passage->entry = (uint32_t)(entry - virtual->relays.entries);
    passage->holder = REF_CHANNEL(ref) + 1;
    entry->sign_ns = entry->passages++ == 0 ? virtual->now_ns + RELAY_SIGN_NS : entry->sign_ns;
    arm(virtual);
    end_at(virtual, ref)->passage = index + 1;
    arena_reset(&virtual->header);
    if (!reuse(virtual, index, &channel->ask->contexts) && !dial(virtual, index, &channel->ask->contexts)) {
        refuse(virtual, index);
    }
}

void passage_opened(struct virtual *virtual, uint32_t index, const struct contexts *contexts)
{
    struct passage *passage = &virtual->relays.passages[index];
    struct relay_entry *entry = &virtual->relays.entries[passage->entry];
    struct contexts answered;
    if (passage->holder == 0) {
        leave(virtual, index); /* the holder went meanwhile */
        return;
    }
    arena_reset(&virtual->header);
    if (relay_answer(entry->relay, &pipe_at(virtual, passage->holder - 1)->ask->contexts, contexts, &answered, &virtual->header) != ERR_OK) {
        virtual_fail(virtual, ERR_LIMIT, "the contexts of a relay do not fit");
        return;
    }
    activate(virtual, passage, &answered);
}

uint32_t passage_holder(const struct virtual *virtual, uint32_t index)
{
    return virtual->relays.passages[index].holder;
}

uint32_t passage_onward(const struct virtual *virtual, uint32_t index)
{
    const struct passage *passage = &virtual->relays.passages[index];
    return passage->state == PASSAGE_ACTIVE ? passage->destination : 0;
}

/* ---- Answers to the holder. */

static void answer_one(struct virtual *virtual, uint32_t channel, const struct dimse *request, uint16_t status)
{
    struct dimse response = dimse_response(request, status);
    struct payload *payload = virtual_keep(virtual, payload_make_dimse(&virtual->slab, &response, 1));
    if (payload != NULL) {
        payload->responses = true;
        payload->bytes = 200;
        payload->instances = 1;
        pipe_send(virtual, REF(channel, 1), payload);
    }
}

/* The UID of an item's first instance; in the scratch of headers. */
static slice uid_of(struct virtual *virtual, const struct dimse *request, const struct passage_item *item)
{
    char text[UID_SIZE_MAX + 1];
    if (item->offset == 0) {
        return request->sop_instance_uid;
    }
    slice copy = arena_copy(&virtual->header, uid_advance(request->sop_instance_uid, item->offset, text));
    if (copy.data == NULL) {
        virtual_fail(virtual, ERR_LIMIT, "the UIDs of a relay's run do not fit");
        return request->sop_instance_uid;
    }
    return copy;
}

/* All of the run have an answer: it goes back in the order in which they were asked. */
static void answer_run(struct virtual *virtual, uint32_t index)
{
    struct passage *passage = &virtual->relays.passages[index];
    struct dimse responses[PASSAGE_ITEMS_MAX];
    int64_t instances = 0;
    arena_reset(&virtual->header);
    for (size_t i = 0; i < passage->item_count; i++) {
        const struct passage_item *item = &passage->items[i];
        const struct dimse *request = &passage->request->dimse[item->request];
        responses[i] = dimse_response(request, item->status);
        responses[i].sop_instance_uid = uid_of(virtual, request, item);
        responses[i].object = (struct object){.sop_instance_uid = responses[i].sop_instance_uid, .span = item->count > 1 ? item->count : 0};
        instances += item->count;
    }
    struct payload *payload = passage->holder == 0 ? NULL : virtual_keep(virtual, payload_make_dimse(&virtual->slab, responses, passage->item_count));
    if (payload != NULL) {
        payload->responses = true;
        payload->instances = instances;
        payload->bytes = 200 * instances;
        pipe_send(virtual, REF(passage->holder - 1, 1), payload);
    }
    payload_free(virtual, passage->request);
    passage->request = NULL;
    passage->item_count = 0;
    if (passage->holder == 0) {
        leave(virtual, index);
    }
}

/* ---- What the holder sends. */

static const struct context *context_onward(struct virtual *virtual, const struct passage *passage, const struct dimse *request)
{
    if (passage->state != PASSAGE_ACTIVE) {
        return NULL;
    }
    const struct context *came = contexts_get(&pipe_at(virtual, passage->holder - 1)->contexts->contexts, request->context_id);
    const struct context *found =
        came == NULL ? NULL : contexts_find(&pipe_at(virtual, passage->destination - 1)->contexts->contexts, request->sop_class_uid, came->accepted_syntax);
    return found != NULL && slice_equal(slice_unpad(found->accepted_syntax), slice_unpad(came->accepted_syntax)) ? found : NULL;
}

static void took(struct virtual *virtual, struct passage *passage, struct passage_item *item, uint16_t status)
{
    struct relay_entry *entry = &virtual->relays.entries[passage->entry];
    const struct dimse *request = &passage->request->dimse[item->request];
    item->done = true;
    item->status = status;
    relay_took(entry->relay, &(struct relay_result){.job = entry->job, .sop_instance_uid = uid_of(virtual, request, item), .status = status, .size = request->object.size,
                                                    .span = item->count},
               virtual->now_ns);
    entry->passing -= item->count;
}

/* What goes on to the destination, of one request. */
static void pass(struct virtual *virtual, struct passage *passage, const struct dimse *request, const struct passage_item *item, const struct context *context, struct dimse *store)
{
    const struct relay_job *job = relay_job(virtual->relays.entries[passage->entry].relay);
    *store = *request;
    store->context_id = context->id;
    store->message_id = ++passage->message_id;
    store->move_originator = job->move_originator;
    store->move_originator_id = job->move_originator_id;
    store->sop_instance_uid = store->object.sop_instance_uid = uid_of(virtual, request, item);
    store->object.instance += store->object.study >= 0 ? item->offset : 0;
    store->object.span = item->count > 1 ? item->count : 0;
    job_coerces(virtual, &store->object, job->coercion);
}

/* The next instances of a request that have one answer, `most` at most: passed on, or the status they are refused with. */
static void offer(struct virtual *virtual, struct passage *passage, uint32_t number, uint32_t offset, uint32_t most, struct dimse *onward, size_t *onward_count)
{
    struct relay_entry *entry = &virtual->relays.entries[passage->entry];
    const struct dimse *request = &passage->request->dimse[number];
    struct passage_item *item = &passage->items[passage->item_count++];
    slice finding = SLICE_EMPTY, study = request->object.study_uid.size > 0 ? request->object.study_uid : relay_job(entry->relay)->study_uid;
    *item = (struct passage_item){.request = number, .offset = offset, .count = most};
    item->status = relay_offer_span(entry->relay, uid_of(virtual, request, item), study, item->count, &item->count, &finding);
    if (finding.size > 0) {
        post(virtual, entry->node, entry->job, payload_make_text(&virtual->slab, finding), false);
    }
    if (item->status != STATUS_SUCCESS) {
        item->done = true;
        return;
    }
    entry->passing += item->count;
    const struct context *context = context_onward(virtual, passage, request);
    if (context == NULL) {
        took(virtual, passage, item, STATUS_OUT_OF_RESOURCES_SUBOPERATIONS);
        return;
    }
    item->passes = true;
    pass(virtual, passage, request, item, context, &onward[(*onward_count)++]);
}

/* More answers than there is room for in one run, or nothing of it came any more: what is left of a request is refused, and may come
 * again. */
static void refuse_rest(struct passage *passage, uint32_t number, uint32_t offset, uint32_t count)
{
    passage->items[passage->item_count++] = (struct passage_item){.request = number, .offset = offset, .count = count, .status = STATUS_OUT_OF_RESOURCES, .done = true};
}

static void receive_run(struct virtual *virtual, uint32_t index, struct payload *payload)
{
    struct passage *passage = &virtual->relays.passages[index];
    struct dimse onward[PASSAGE_ITEMS_MAX];
    size_t count = 0;
    int64_t came = payload->instances - payload->held_back;
    assert(passage->request == NULL && payload->count <= RUN_MAX); /* the holder waits for its answers */
    passage->request = payload;
    passage->item_count = 0;
    arena_reset(&virtual->header);
    for (uint32_t i = 0; i < payload->count; i++) {
        uint32_t span = span_count(payload->dimse[i].object.span);
        for (uint32_t offset = 0, took = 0; offset < span; offset += took) {
            if (came == 0 || passage->item_count + payload->count - i >= PASSAGE_ITEMS_MAX) {
                refuse_rest(passage, i, offset, span - offset);
            } else {
                offer(virtual, passage, i, offset, came < span - offset ? (uint32_t)came : span - offset, onward, &count);
            }
            took = passage->items[passage->item_count - 1].count;
            came -= came < took ? came : took;
        }
    }
    struct payload *passed = count == 0 ? NULL : virtual_keep(virtual, payload_make_dimse(&virtual->slab, onward, count));
    if (passed == NULL) {
        uint32_t entry = passage->entry;
        answer_run(virtual, index);
        post_due(virtual, &virtual->relays.entries[entry], false);
        arm(virtual);
        return;
    }
    passed->stores = true;
    passed->streamed = payload->streamed;
    passed->began_ns = payload->began_ns;
    passed->bytes = payload->bytes;
    for (size_t i = 0; i < count; i++) {
        passed->instances += dimse_instances(&onward[i]);
    }
    pipe_send(virtual, REF(passage->destination - 1, 0), passed);
}

/* The job is to end while runs are on their way: what of them has passed counts still, the rest is not sent any more. */
static void stop_runs(struct virtual *virtual, const struct relay_entry *entry)
{
    struct relays *relays = &virtual->relays;
    for (uint32_t p = 0; p < relays->passage_end && entry->passages > 0 && !entry->closed; p++) {
        struct passage *passage = &relays->passages[p];
        uint32_t flow = !passage->used || &relays->entries[passage->entry] != entry || passage->holder == 0 || passage->request != NULL
                            ? 0
                            : pipe_at(virtual, passage->holder - 1)->ends[0].flow;
        if (flow != 0 && virtual->network.flows[flow - 1].payload->stores && passage->state == PASSAGE_ACTIVE) {
            int64_t bytes = 0;
            struct payload *payload = flow_stop(virtual, flow - 1, &bytes);
            payload->held_back = payload->instances - pipe_whole(payload, bytes);
            payload->bytes = bytes;
            payload->streamed = true;
            pipe_timeout(virtual, REF(passage->holder - 1, 0), TIMEOUT_MESSAGE, virtual->now_ns + virtual->limits.message_timeout_ns);
            receive_run(virtual, p, payload);
        }
    }
}

/* ---- What the destination answers. */

static struct passage_item *first_open(struct passage *passage)
{
    for (size_t i = 0; i < passage->item_count; i++) {
        if (!passage->items[i].done) {
            return &passage->items[i];
        }
    }
    return NULL;
}

/* The first `count` of its instances have another answer than the rest. */
static void split(struct passage *passage, struct passage_item *item, uint32_t count)
{
    if (count >= item->count || passage->item_count == PASSAGE_ITEMS_MAX) {
        return;
    }
    size_t at = (size_t)(item - passage->items);
    memmove(item + 1, item, (passage->item_count - at) * sizeof *item);
    passage->item_count++;
    item[0].count = count;
    item[1].offset += count;
    item[1].count -= count;
}

static void receive_answers(struct virtual *virtual, uint32_t index, struct payload *payload)
{
    struct passage *passage = &virtual->relays.passages[index];
    uint32_t entry = passage->entry;
    arena_reset(&virtual->header);
    for (size_t i = 0; i < payload->count && passage->request != NULL; i++) {
        struct passage_item *item = first_open(passage);
        for (uint32_t left = dimse_instances(&payload->dimse[i]); item != NULL && left > 0; item = first_open(passage)) {
            split(passage, item, left);
            left -= item->count < left ? item->count : left;
            took(virtual, passage, item, payload->dimse[i].status);
        }
    }
    payload_free(virtual, payload);
    post_due(virtual, &virtual->relays.entries[entry], false);
    arm(virtual);
    if (passage->request != NULL && first_open(passage) == NULL) {
        answer_run(virtual, index);
    }
}

void passage_received(struct virtual *virtual, uint32_t index, uint32_t channel, struct payload *payload)
{
    struct passage *passage = &virtual->relays.passages[index];
    enum dimse_kind kind = payload->dimse == NULL ? DIMSE_COUNT : payload->dimse[0].kind;
    if (passage->destination == channel + 1 && passage->holder != channel + 1) {
        if (kind == DIMSE_C_STORE_RSP) {
            receive_answers(virtual, index, payload);
        } else {
            payload_free(virtual, payload);
        }
        return;
    }
    if (kind == DIMSE_C_STORE_RQ && passage->request == NULL) {
        receive_run(virtual, index, payload);
        return;
    }
    for (size_t i = 0; i < payload->count && kind != DIMSE_COUNT; i++) {
        answer_one(virtual, channel, &payload->dimse[i], kind == DIMSE_C_ECHO_RQ ? STATUS_SUCCESS : STATUS_UNRECOGNISED);
    }
    payload_free(virtual, payload);
}

/* ---- Ends. */

/* What was on its way to the destination never got there. */
static void lose(struct virtual *virtual, uint32_t index)
{
    struct passage *passage = &virtual->relays.passages[index];
    struct relay_entry *entry = &virtual->relays.entries[passage->entry];
    passage->state = PASSAGE_BROKEN;
    passage->destination = 0;
    if (passage->request == NULL) {
        return;
    }
    arena_reset(&virtual->header);
    for (struct passage_item *item = first_open(passage); item != NULL; item = first_open(passage)) {
        took(virtual, passage, item, STATUS_OUT_OF_RESOURCES_SUBOPERATIONS);
    }
    post_due(virtual, entry, false);
    arm(virtual);
    answer_run(virtual, index);
}

void passage_closed(struct virtual *virtual, uint32_t index, uint32_t channel)
{
    struct passage *passage = &virtual->relays.passages[index];
    if (passage->destination == channel + 1 && pipe_at(virtual, channel)->ends[0].passage == index + 1) {
        if (passage->state == PASSAGE_OPENING) {
            refuse(virtual, index);
        } else {
            lose(virtual, index);
        }
        return;
    }
    passage->holder = 0;
    if (passage->state == PASSAGE_OPENING && passage->destination != 0) {
        return; /* it goes when its destination has opened, or has not */
    }
    if (passage->request == NULL) {
        leave(virtual, index);
    }
}
