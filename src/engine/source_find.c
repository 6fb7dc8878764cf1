/* SPDX-License-Identifier: MIT
 *
 * One question to one node: waiting for a place, the association, part after part, the one end. A question that
 * waits takes over the association of one that ends, and where the node has room for more it stays a while for the next:
 * opening one costs both sides more than most answers do. */
#include "src/engine/find_private.h"

enum err source_find_init(struct engine *engine)
{
    engine->find = arena_alloc(engine->arena, sizeof *engine->find);
    if (engine->find == NULL) {
        return ERR_LIMIT;
    }
    for (uint32_t i = 0; i < FINDS_MAX; i++) {
        struct find *find = &engine->find->finds[i];
        find->seen = arena_array(engine->arena, FIND_SEEN, sizeof *find->seen);
        find->seen_at = arena_array(engine->arena, FIND_SEEN, sizeof *find->seen_at);
        if (find->seen == NULL || find->seen_at == NULL || arena_carve(&find->arena, engine->arena, FIND_ARENA) != ERR_OK) {
            return ERR_LIMIT;
        }
    }
    return ERR_OK;
}

slice find_outcome_text(enum find_outcome outcome)
{
    static const char *const texts[] = {
        "complete", "cut short by the source", "timed out", "refused", "not asked", "down"};
    return slice_from(texts[outcome]);
}

static void set_state(struct engine *engine, struct find *find, enum find_state_kind state)
{
    engine->find->queued[find->node] += (state == FIND_QUEUED) - (uint32_t)(find->state == FIND_QUEUED);
    find->state = state;
}

static struct find *find_of(struct engine *engine, uint32_t handle)
{
    struct find *find = &engine->find->finds[handle % FINDS_MAX];
    return handle != 0 && find->state != FIND_FREE && find->handle == handle ? find : NULL;
}

/* ---- Telling the owner. */
static void tell_row(struct engine *engine, struct out *out, const struct find *find,
                     const struct find_row *row)
{
    switch (find->owner) {
    case FIND_OF_PUBLISH:
        publish_found_row(engine, out, find->owner_id, find->handle, row);
        break;
    case FIND_OF_QUERY:
        query_found_row(engine, out, find->owner_id, find->handle, row);
        break;
    case FIND_OF_RETRIEVE:
        retrieve_found_row(engine, out, find->owner_id, find->handle, row);
        break;
    case FIND_OF_SPOOL:
        spool_found_row(engine, out, find->owner_id, find->handle, row);
        break;
    case FIND_OF_HEALTH:
    case FIND_OF_MDT:
    case FIND_OWNERS:
        assert(false);
        break;
    }
}

static void tell_end(struct engine *engine, struct out *out, const struct find *find,
                     enum find_outcome outcome, slice why)
{
    switch (find->owner) {
    case FIND_OF_PUBLISH:
        publish_found_end(engine, out, find->owner_id, find->handle, outcome, why);
        break;
    case FIND_OF_QUERY:
        query_found_end(engine, out, find->owner_id, find->handle, outcome, why);
        break;
    case FIND_OF_RETRIEVE:
        retrieve_found_end(engine, out, find->owner_id, find->handle, outcome, why);
        break;
    case FIND_OF_SPOOL:
        spool_found_end(engine, out, find->owner_id, find->handle, outcome, why);
        break;
    case FIND_OF_HEALTH:
    case FIND_OF_MDT:
    case FIND_OWNERS:
        assert(false);
        break;
    }
}

/* The slot is free before the owner hears of the end: it may ask the next question at once. */
static void end(struct engine *engine, struct out *out, struct find *find,
                enum find_outcome outcome, slice why)
{
    struct find ended = *find;
    slice kept = text_copy(out, why);
    set_state(engine, find, FIND_FREE);
    tell_end(engine, out, &ended, outcome, kept);
}

/* Ends it, but not within the call that is under way. */
static void doom(struct engine *engine, struct find *find, enum find_outcome outcome, slice why)
{
    set_state(engine, find, FIND_DOOMED);
    find->outcome = outcome;
    find->why = why;
    timer_set(engine, TIMER_FIND, find->handle, engine->now);
}

/* ---- The association. */
static void open_channel(struct engine *engine, struct out *out, struct find *find)
{
    const struct node_config *node = node_at(engine, find->node);
    bool study_root = node->study_root || !node->patient_root ||
                      node_has(engine, find->node, DIALECT_study_root_only);
    const slice classes[] = {study_root ? UID_STUDY_ROOT_FIND : UID_PATIENT_ROOT_FIND};
    time_ns left = find->deadline_ns - engine->now;
    find->channel = channel_open(engine, out, find->node, CHANNEL_FIND, find->handle, classes, 1,
                                 left > TIME_MS ? left : TIME_MS);
    if (find->channel == 0) {
        doom(engine, find, FIND_SKIPPED, SLICE("limit channels"));
        return;
    }
    set_state(engine, find, FIND_OPENING);
    find->silent = true;
}

static void ask(struct engine *engine, struct out *out, struct find *find);

/* On the association that another question to this node has just done with. */
static void take_over(struct engine *engine, struct out *out, struct find *find)
{
    struct find_state *state = engine->find;
    struct channel *channel = channel_find(engine, state->spare);
    assert(channel != NULL && channel->node == find->node);
    channel->subject = find->handle;
    find->channel = state->spare;
    find->message_id = state->spare_message;
    find->taken_over = true;
    state->spare = 0;
    ask(engine, out, find);
}

/* Its question has ended: whoever waits for the node goes on with it, else it is released. */
static void offer_channel(struct engine *engine, struct out *out, const struct find *find)
{
    struct find_state *state = engine->find;
    assert(state->spare == 0);
    if (find->message_id >= FIND_MESSAGES_MAX) {
        channel_close(engine, out, find->channel);
        return;
    }
    state->spare = find->channel;
    state->spare_node = find->node;
    state->spare_message = find->message_id;
}

static void release_spare(struct engine *engine, struct out *out)
{
    if (engine->find->spare != 0) {
        source_find_pump(engine, out, engine->find->spare_node);
    }
    if (engine->find->spare != 0 && !find_keep_spare(engine)) {
        channel_close(engine, out, engine->find->spare);
    }
    engine->find->spare = 0;
}

static struct find *first_waiting(struct engine *engine, uint32_t node)
{
    struct find *first = NULL;
    for (uint32_t i = 0; i < FINDS_MAX && engine->find->queued[node] > 0; i++) {
        struct find *find = &engine->find->finds[i];
        if (find->state == FIND_QUEUED && find->node == node &&
            (first == NULL || find->deadline_ns < first->deadline_ns ||
             (find->deadline_ns == first->deadline_ns && find->handle < first->handle))) {
            first = find;
        }
    }
    return first;
}

void source_find_pump(struct engine *engine, struct out *out, uint32_t node)
{
    for (struct find *find = first_waiting(engine, node); find != NULL;
         find = first_waiting(engine, node)) {
        enum gate gate = health_gate(engine, node);
        bool spare = gate != GATE_DOWN && find_has_spare(engine, node);
        if (gate == GATE_BUSY && !spare) {
            return;
        }
        if (gate == GATE_DOWN) {
            doom(engine, find, FIND_SKIPPED, SLICE("did not answer lately"));
        } else if (spare) {
            take_over(engine, out, find);
        } else {
            open_channel(engine, out, find);
        }
    }
}

/* ---- Start and cancel. */
/* The first that is free: the same few are used again, and stay near. A handle names its slot and, above, which use of
 * one it is, counting up. */
static struct find *take_slot(struct engine *engine)
{
    struct find_state *state = engine->find;
    for (uint32_t i = 0; i < FINDS_MAX; i++) {
        struct find *find = &state->finds[i];
        if (find->state == FIND_FREE) {
            uint32_t handle = (state->handle_last / FINDS_MAX + 1) * FINDS_MAX + i;
            handle = handle < FINDS_MAX ? FINDS_MAX + i : handle; /* it went round */
            struct arena arena = find->arena;
            uint64_t *seen = find->seen;
            uint16_t *seen_at = find->seen_at;
            arena_reset(&arena);
            memset(seen_at, 0, FIND_SEEN_LEAST * sizeof *seen_at);
            *find = (struct find){.handle = handle,
                                  .arena = arena,
                                  .seen = seen,
                                  .seen_at = seen_at,
                                  .seen_mask = FIND_SEEN_LEAST - 1};
            state->handle_last = handle;
            return find;
        }
    }
    return NULL;
}

/* Text of the keys into the slot's own arena. */
static bool keep_keys(struct find *find, const struct dataset *keys)
{
    return dataset_copy(&find->keys, keys, &find->arena, 4) == ERR_OK;
}

uint32_t source_find_start(struct engine *engine, struct out *out,
                           const struct find_question *question)
{
    assert(question->node < engine->config->node_count);
    struct find *find = take_slot(engine);
    if (find == NULL) {
        finding(engine, out, question->node, SLICE("limit finds"),
                SLICE("too many questions under way"));
        return 0;
    }
    find->node = question->node;
    find->level = question->level;
    find->owner = question->owner;
    find->owner_id = question->owner_id;
    find->deadline_ns = question->deadline_ns;
    if (!keep_keys(find, question->keys) || !find_first_part(engine, out, find)) {
        return 0; /* the slot stays free */
    }
    set_state(engine, find, FIND_QUEUED);
    timer_set(engine, TIMER_FIND, find->handle, find->deadline_ns);
    source_find_pump(engine, out, find->node);
    return find->handle;
}

void source_find_cancel(struct engine *engine, struct out *out, uint32_t handle)
{
    struct find *find = find_of(engine, handle);
    if (find == NULL) {
        return;
    }
    if (find->state == FIND_OPENING || find->state == FIND_ASKING) {
        channel_abort(engine, out, find->channel);
    }
    set_state(engine, find, FIND_FREE);
}

/* ---- Asking. */
static void ask(struct engine *engine, struct out *out, struct find *find)
{
    struct dataset *keys = arena_alloc(out->arena, sizeof *keys);
    if (keys == NULL || !find_make_keys(engine, out, find, keys)) {
        out->full = true;
        return;
    }
    const struct node_config *node = node_at(engine, find->node);
    bool study_root = node->study_root || !node->patient_root ||
                      node_has(engine, find->node, DIALECT_study_root_only);
    struct dimse request = {
        .kind = DIMSE_C_FIND_RQ, .message_id = ++find->message_id, .identifier = keys};
    request.sop_class_uid = study_root ? UID_STUDY_ROOT_FIND : UID_PATIENT_ROOT_FIND;
    set_state(engine, find, FIND_ASKING);
    find->silent = true;
    find->part_rows = 0;
    find->early_day = INT32_MAX;
    find->late_day = INT32_MIN;
    out_send_dimse(out, find->channel, &request);
}

static void next_part(struct engine *engine, struct out *out, struct find *find)
{
    if (find->parts != NULL) {
        ask(engine, out, find);
        return;
    }
    offer_channel(engine, out, find);
    health_worked(engine, out, find->node);
    if (find->suspected > 0 && find->row_count > find->suspected) {
        health_learn_row_cap(engine, out, find->node,
                             find->suspected); /* there was more: it is a limit indeed */
    }
    slice gap = find_gap(find);
    if (find->stopped) {
        end(engine, out, find, FIND_CAPPED, SLICE("more rows than are taken from one source"));
    } else if (find->outcome == FIND_COMPLETE && gap.size > 0) {
        end(engine, out, find, FIND_CAPPED, gap);
    } else {
        end(engine, out, find, find->outcome, find->why);
    }
    release_spare(engine, out);
}

/* ---- Rows. */
static slice level_uid(enum find_level level, const struct find_row *row, struct out *out)
{
    switch (level) {
    case FIND_PATIENT:
        return TEXT(out, row->patient_issuer, SLICE("\\"), row->patient_id);
    case FIND_STUDY:
        return row->study_uid;
    case FIND_SERIES:
        return row->series_uid;
    case FIND_IMAGE:
        return row->sop_uid;
    }
    return SLICE_EMPTY;
}

/* A level above the one asked for: its children are asked next. */
static void walk_down(struct find *find, enum find_level level, const struct find_row *row)
{
    struct part part = {.level = level + 1, .study = arena_copy(&find->arena, row->study_uid)};
    part.series = level == FIND_SERIES ? arena_copy(&find->arena, row->series_uid) : SLICE_EMPTY;
    if (level + 1 < find->level) {
        part.series = SLICE_EMPTY;
    }
    if (part.study.data == NULL || part.series.data == NULL) {
        find->stopped = true;
        return;
    }
    struct part *below = find->parts->next; /* the first part stays first until its answer ends */
    struct part *copy = arena_alloc(&find->arena, sizeof *copy);
    if (copy == NULL) {
        find->stopped = true;
        return;
    }
    *copy = part;
    copy->next = below;
    find->parts->next = copy;
}

/* Of what is published the modalities are known: a client's question need not ask for each study's series. */
static bool modalities_known(struct engine *engine, const struct find *find, struct dataset *row)
{
    slice uid = slice_unpad(dataset_get(row, TAG_StudyInstanceUID)), name = node_at(engine, find->node)->name;
    for (uint32_t at = index_first_text(engine, INDEX_study_uid, uid); at != ROW_NONE && find->owner == FIND_OF_QUERY; at = index_next(engine, INDEX_study_uid, at)) {
        struct row_study study = row_get_study(engine, at);
        bool held = study.modalities.size > 0 && row_find_copy(engine, &(struct row_copy){.study = study.id, .node = name}) != ROW_NONE;
        if (held && dataset_put(row, TAG_ModalitiesInStudy, study.modalities) == ERR_OK) {
            return true;
        }
    }
    return false;
}

static bool wants_modalities(struct engine *engine, const struct find *find,
                             const struct dataset *row)
{
    return find->level == FIND_STUDY && node_has(engine, find->node, DIALECT_no_modalities) &&
           dataset_has(&find->keys, TAG_ModalitiesInStudy) &&
           dataset_get(row, TAG_ModalitiesInStudy).size == 0;
}

static void keep_row(struct engine *engine, struct out *out, struct find *find,
                     const struct dataset *row)
{
    struct kept_row *kept = arena_alloc(&find->arena, sizeof *kept);
    if (kept == NULL || dataset_copy(&kept->dataset, row, &find->arena, 4) != ERR_OK) {
        find->stopped = true;
        return;
    }
    struct part *part = arena_alloc(&find->arena, sizeof *part);
    if (part == NULL) {
        find->stopped = true;
        return;
    }
    *part = (struct part){.level = FIND_SERIES,
                          .study = dataset_get(&kept->dataset, TAG_StudyInstanceUID),
                          .kept = kept,
                          .next = find->parts->next};
    find->parts->next = part;
    find_bit(engine, out, find->node, DIALECT_no_modalities,
             "the series are asked for the modality");
}

static void tell(struct engine *engine, struct out *out, struct find *find,
                 const struct dataset *dataset, uint32_t span)
{
    struct find_row row;
    if (find->row_count >= FIND_ROWS_MAX) {
        find->stopped = true;
        return;
    }
    find->row_count += span_count(span);
    find_describe(engine, find->node, dataset, &row);
    row.span = span;
    tell_row(engine, out, find, &row);
}

/* A row of a series whose study waits for its modalities. */
static void note_series(struct find *find, struct out *out, struct kept_row *kept,
                        const struct dataset *row)
{
    int64_t count = 0;
    slice added = text_list_add(out, kept->modalities, dataset_get_first(row, TAG_Modality));
    if (added.size != kept->modalities.size) {
        kept->modalities = arena_copy(&find->arena, added);
        find->stopped = find->stopped || kept->modalities.data == NULL;
    }
    kept->series_count++;
    kept->instance_count +=
        dataset_get_int(row, TAG_NumberOfSeriesRelatedInstances, &count) ? count : 0;
}

static void kept_done(struct engine *engine, struct out *out, struct find *find,
                      struct kept_row *kept)
{
    if (kept->modalities.size > 0 &&
        dataset_put(&kept->dataset, TAG_ModalitiesInStudy, kept->modalities) != ERR_OK) {
        find->stopped = true;
    }
    if (find_matches(engine, out, find, FIND_STUDY, &kept->dataset)) {
        tell(engine, out, find, &kept->dataset, 0);
    }
}

static void take_row(struct engine *engine, struct out *out, struct find *find,
                     const struct dimse *response)
{
    struct dataset row;
    struct find_row described;
    struct part *part = find->parts;
    find->part_rows++;
    if (response->identifier == NULL) {
        return;
    }
    if (!find_uniform(engine, out, find, response->identifier, &row)) {
        out->full = true;
        return;
    }
    find_describe(engine, find->node, &row, &described);
    if (part->kept != NULL) {
        note_series(find, out, part->kept, &row);
        return;
    }
    find_note_day(find, dataset_get(&row, TAG_StudyDate));
    slice uid = level_uid(part->level, &described, out);
    bool many = find->row_count >= FIND_ROWS_MAX || find->seen_count >= FIND_SEEN / 4 * 3;
    if (uid.size == 0 || many || find_seen_before(find, uid)) {
        find->stopped = find->stopped || many;
        return; /* twice the same row, or a row that names nothing */
    }
    if (part->level == FIND_STUDY) {
        find_note_study(find, &row, described.patient_id);
    }
    if (part->level == find->level && wants_modalities(engine, find, &row) && !modalities_known(engine, find, &row)) {
        keep_row(engine, out, find, &row);
    } else if (!find_matches(engine, out, find, part->level, &row)) {
        return;
    } else if (part->level < find->level) {
        walk_down(find, part->level, &described);
    } else {
        tell(engine, out, find, &row, find->level == FIND_IMAGE ? response->span : 0);
    }
}

/* ---- The end of one part. */
/* Round numbers are what limits are made of: 50, 100, 500, 1000. */
static bool is_round(uint32_t rows)
{
    return rows >= 50 && (rows % 100 == 0 || rows == 50);
}

static bool looks_cut(const struct engine *engine, const struct find *find)
{
    uint32_t cap = WITHOUT(DIALECT_row_cap) ? 0 : health_row_cap(engine, find->node);
    if (find->parts->level > FIND_STUDY || find->parts->study.size > 0) {
        return false; /* limits are set for lists of patients and studies */
    }
    return cap > 0 ? find->part_rows >= cap
                   : node_has(engine, find->node, DIALECT_row_cap) && is_round(find->part_rows);
}

static void fail_part(struct find *find, enum find_outcome outcome, slice why)
{
    if (find->outcome == FIND_COMPLETE) {
        find->outcome = outcome;
        find->why = arena_copy(&find->arena, why);
        find->why = find->why.data == NULL ? SLICE_EMPTY : find->why;
    }
    find->parts = find->parts->next;
}

static bool split_refused(struct engine *engine, struct out *out, struct find *find,
                          uint16_t status)
{
    bool too_much = status == STATUS_OUT_OF_RESOURCES || (status & 0xF000) == 0xC000;
    if (!too_much || !node_has(engine, find->node, DIALECT_narrow_first) ||
        !find_narrow(engine, out, find)) {
        return false;
    }
    find_bit(engine, out, find->node, DIALECT_narrow_first, "a refused question is split by date");
    return true;
}

static slice status_text(struct out *out, const struct dimse *response)
{
    struct buffer buffer = buffer_make(out->arena, 96);
    const char high = (char)(response->status >> 8), low = (char)(response->status & 0xFF),
               bytes[2] = {high, low};
    buffer_put_text(&buffer, "status ");
    buffer_put_hex(&buffer, (slice){bytes, 2});
    return buffer_slice(&buffer);
}

static void end_part(struct engine *engine, struct out *out, struct find *find,
                     const struct dimse *response)
{
    struct part *part = find->parts;
    bool success = response->status == STATUS_SUCCESS || status_is_warning(response->status);
    if (!success) {
        if (!split_refused(engine, out, find, response->status)) {
            fail_part(find, FIND_REFUSED, status_text(out, response));
        }
    } else if (looks_cut(engine, find) && part->kept == NULL) {
        uint32_t rows = find->part_rows;
        if (find_split(engine, find)) {
            finding(engine, out, find->node, SLICE("row_cap"),
                    TEXT(out, text_int(out, rows), SLICE(" rows: the question is split by date")));
            find->suspected = find->suspected == 0 ? rows : find->suspected;
        } else {
            fail_part(find, FIND_CAPPED, SLICE("answers are cut and cannot be split"));
        }
    } else {
        find->parts = part->next;
    }
    if (part->kept != NULL) {
        kept_done(engine, out, find, part->kept);
    }
}

static void take_response(struct engine *engine, struct out *out, struct find *find,
                          const struct dimse *response)
{
    uint32_t handle = find->handle;
    if (response->kind != DIMSE_C_FIND_RSP || response->message_id != find->message_id ||
        find->parts == NULL) {
        return;
    }
    find->silent = find->taken_over = false;
    if (status_is_pending(response->status)) {
        take_row(engine, out, find, response);
        return;
    }
    end_part(engine, out, find, response);
    if (find_of(engine, handle) == find) { /* the owner may have cancelled on a row */
        next_part(engine, out, find);
    }
}

/* ---- Events. */
static void on_opened(struct engine *engine, const struct event *event, struct out *out,
                      struct find *find)
{
    if (contexts_find(&event->contexts, UID_STUDY_ROOT_FIND, SLICE_EMPTY) == NULL &&
        contexts_find(&event->contexts, UID_PATIENT_ROOT_FIND, SLICE_EMPTY) == NULL) {
        channel_abort(engine, out, find->channel);
        end(engine, out, find, FIND_REFUSED, SLICE("offers no C-FIND"));
        return;
    }
    ask(engine, out, find);
}

static void on_refused(struct engine *engine, const struct event *event, struct out *out,
                       struct find *find)
{
    if (event->refusal == REFUSAL_TRANSIENT) {
        set_state(engine, find, FIND_QUEUED); /* health has shrunk the window and pumps when it may be tried again */
        find->channel = 0;
    } else if (event->refusal == REFUSAL_TIMEOUT) {
        end(engine, out, find, FIND_TIMEOUT, SLICE("no answer to the association request"));
    } else if (event->refusal == REFUSAL_NO_ROUTE) {
        end(engine, out, find, FIND_DOWN, SLICE("cannot connect"));
    } else {
        end(engine, out, find, FIND_REFUSED, SLICE("association rejected"));
    }
}

void source_find_event(struct engine *engine, const struct event *event, struct out *out,
                       struct channel *channel)
{
    uint32_t handle = (uint32_t)channel->subject;
    struct find *find = find_of(engine, handle);
    if (event->kind == EVENT_CLOSED) {
        find_idle_closed(engine, channel);
    }
    if (find == NULL || find->channel != channel->number || find->state < FIND_OPENING ||
        find->state == FIND_DOOMED) {
        return; /* ended or cancelled; the association is on its way out */
    }
    if (event->kind == EVENT_OPENED) {
        on_opened(engine, event, out, find);
    } else if (event->kind == EVENT_REFUSED) {
        on_refused(engine, event, out, find);
    } else if (event->kind == EVENT_CLOSED && find->taken_over) {
        find->taken_over = false; /* the node had done with it when the question came: it is asked on one of its own */
        find->channel = 0;
        set_state(engine, find, FIND_QUEUED);
    } else if (event->kind == EVENT_CLOSED) {
        health_failed(engine, out, find->node, SLICE("cut off in mid-answer"));
        end(engine, out, find, FIND_DOWN, SLICE("connection lost"));
    } else if (event->kind == EVENT_RECEIVED) {
        for (size_t i = 0; i < event->run.count && find_of(engine, handle) == find &&
                           find->channel == channel->number;
             i++) {
            take_response(engine, out, find, &event->run.messages[i].dimse);
        }
    }
}

bool source_find_waits(struct engine *engine, int64_t subject)
{
    return find_of(engine, (uint32_t)subject) != NULL;
}

/* The deadline, or a question doomed before. */
void source_find_timer(struct engine *engine, struct out *out, int64_t subject)
{
    struct find *find = find_of(engine, (uint32_t)subject);
    if (find == NULL) {
        return;
    }
    if (find->state == FIND_DOOMED) {
        end(engine, out, find, find->outcome, find->why);
    } else if (engine->now >= find->deadline_ns) {
        uint32_t node = find->node;
        bool waiting = find->state == FIND_QUEUED, silent = find->silent;
        if (!waiting) {
            channel_abort(engine, out, find->channel);
        }
        end(engine, out, find, FIND_TIMEOUT,
            waiting ? SLICE("all its associations were in use") : SLICE("no final answer in time"));
        if (!waiting && silent && !retrieve_comes_from(engine, node)) { /* some do one thing after the other */
            health_failed(engine, out, node, SLICE("no answer in time"));
        }
    }
}
