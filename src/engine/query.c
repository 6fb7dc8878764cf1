/* SPDX-License-Identifier: MIT
 *
 * The life of a client's question (C-FIND SCP, PS3.4 C.4.1): every source that can have something is asked in
 * parallel, the registry's rows and theirs are gathered and merged, then told in runs, each on ROOM, and one
 * final answer ends it before its deadline. Whoever did not complete is named in it: docs/decisions/0003. */
#include "src/engine/query_private.h"

#define POOL_SHARE 16              /* of the engine's memory */
#define POOL_SIZE_MIN (2u << 20)   /* bytes */
#define POOL_SIZE_MAX (64u << 20)

enum err query_init(struct engine *engine)
{
    struct query_state *state = arena_alloc(engine->arena, sizeof *state);
    if (state == NULL) {
        return ERR_LIMIT;
    }
    size_t wanted = engine->config->queries_max;
    state->slot_count = wanted == 0 || wanted > QUERY_SLOTS_MAX ? QUERY_SLOTS_MAX : wanted;
    state->slots = arena_array(engine->arena, state->slot_count, sizeof *state->slots);
    engine->query = state;
    if (state->slots == NULL) {
        return ERR_LIMIT;
    }
    uint64_t size = engine->config->memory / POOL_SHARE;
    size = size < POOL_SIZE_MIN ? POOL_SIZE_MIN : size;
    return pool_init(&state->pool, engine->arena, size > POOL_SIZE_MAX ? POOL_SIZE_MAX : (size_t)size);
}

static struct query *query_take(struct engine *engine)
{
    for (size_t i = 0; i < engine->query->slot_count; i++) {
        struct query *query = &engine->query->slots[i];
        if (i >= engine->query->slot_bound || !query->used) {
            engine->query->slot_bound = i < engine->query->slot_bound ? engine->query->slot_bound : i + 1;
            *query = (struct query){.used = true, .chain = chain_make(&engine->query->pool)};
            return query;
        }
    }
    return NULL;
}

static struct query *query_by_id(struct engine *engine, int64_t id)
{
    for (size_t i = 0; i < engine->query->slot_bound; i++) {
        if (engine->query->slots[i].used && engine->query->slots[i].id == id) {
            return &engine->query->slots[i];
        }
    }
    return NULL;
}

static struct query *query_by_channel(struct engine *engine, int64_t channel)
{
    for (size_t i = 0; i < engine->query->slot_bound; i++) {
        if (engine->query->slots[i].used && engine->query->slots[i].channel == channel) {
            return &engine->query->slots[i];
        }
    }
    return NULL;
}

static void query_give(struct query *query)
{
    chain_free(&query->chain);
    query->used = false;
}

/* ---- Who did not complete, and why. */
static void why_add(struct engine *engine, struct out *out, struct query *query, uint32_t node, slice why)
{
    slice part = node == NODE_NONE ? why : TEXT(out, node_at(engine, node)->name, SLICE(" "), why);
    struct buffer *text = &query->incomplete;
    size_t room = sizeof query->incomplete_text - text->size;
    if (text->size > 0 && room > 2) {
        buffer_put_text(text, "; ");
    }
    room = sizeof query->incomplete_text - text->size;
    buffer_put(text, slice_before(part, room));
}

static void sources_sum_up(struct engine *engine, struct out *out, struct query *query)
{
    for (size_t i = 0; i < query->source_count; i++) {
        struct query_source *source = &query->sources[i];
        if (!source->done) {
            if (source->find != 0) {
                source_find_cancel(engine, out, source->find);
                source->why = find_outcome_text(FIND_TIMEOUT);
            }
            source->outcome = FIND_TIMEOUT;
            source->done = true;
        }
        if (source->outcome != FIND_COMPLETE) {
            why_add(engine, out, query, source->node, source->why);
        }
    }
    query->pending = 0;
    query->source_count = 0;
}

/* The reasons that fit into an Error Comment, and how many more there are. */
static slice comment_of(const struct query *query, struct out *out)
{
    slice rest = buffer_slice(&query->incomplete);
    struct buffer text = buffer_make(out->arena, QUERY_COMMENT_SIZE);
    buffer_put_text(&text, "incomplete: ");
    size_t left = 0;
    bool first = true;
    while (rest.data != NULL) {
        slice part = slice_trim(slice_cut(&rest, ';'));
        const size_t more = 9; /* "; +9 more" */
        if (first || (left == 0 && text.size + 2 + part.size + more <= QUERY_COMMENT_SIZE)) {
            buffer_put_text(&text, first ? "" : "; ");
            buffer_put(&text, slice_before(part, QUERY_COMMENT_SIZE - text.size - more));
            first = false;
        } else {
            left++;
        }
    }
    if (left > 0) {
        buffer_put_text(&text, "; +");
        buffer_put_int(&text, (int64_t)left);
        buffer_put_text(&text, " more");
    }
    return buffer_slice(&text);
}

/* ---- The end. */
static void query_record(struct engine *engine, struct out *out, const struct query *query, uint16_t status)
{
    struct row_query row = {
        .id = query->id,
        .at = query->asked_at,
        .client = query->client,
        .keys = question_text(query, out),
        .rows = (int64_t)query->told,
        .status = status,
        .incomplete = buffer_slice(&query->incomplete),
        .answered_at = engine->now,
    };
    row_put_query(engine, out, &row);
}

static void query_end(struct engine *engine, struct out *out, struct query *query, uint16_t status, slice comment)
{
    struct dimse response = dimse_response(&query->request, status);
    response.error_comment = comment;
    query_record(engine, out, query, status);
    out_send_dimse(out, query->channel, &response);
    query_give(query);
}

/* The same, in one run with the last rows. */
static void query_end_run(struct engine *engine, struct out *out, struct query *query, uint16_t status, slice comment, struct message *last)
{
    last->protocol = PROTOCOL_DICOM;
    last->unreadable = SLICE_EMPTY;
    last->dimse = dimse_response(&query->request, status);
    last->dimse.sop_class_uid = text_copy(out, query->request.sop_class_uid);
    last->dimse.error_comment = comment;
    query_record(engine, out, query, status);
    query_give(query);
}

static void sources_cancel(struct engine *engine, struct out *out, struct query *query)
{
    for (size_t i = 0; i < query->source_count; i++) {
        if (!query->sources[i].done && query->sources[i].find != 0) {
            source_find_cancel(engine, out, query->sources[i].find);
        }
    }
    query->source_count = query->pending = 0;
}

/* `last`: its place in the run of the last rows; null: it goes alone. */
static void query_final(struct engine *engine, struct out *out, struct query *query, struct message *last)
{
    bool incomplete = query->incomplete.size > 0;
    if (MUTANT(M_QUIET_DOWN)) {
        incomplete = false;
    }
    if (MUTANT(M_ALWAYS_PARTIAL)) {
        incomplete = true;
    }
    uint16_t status = incomplete ? STATUS_INCOMPLETE : STATUS_SUCCESS;
    slice comment = incomplete ? comment_of(query, out) : SLICE_EMPTY;
    if (last == NULL) {
        query_end(engine, out, query, status, comment);
    } else {
        query_end_run(engine, out, query, status, comment, last);
    }
}

/* ---- Telling the rows. */
static size_t run_fill(struct engine *engine, struct out *out, struct query *query, struct message *messages, size_t most)
{
    size_t count = 0;
    while (count < most && query->next_row != NULL) {
        struct message *message = &messages[count];
        message->protocol = PROTOCOL_DICOM;
        message->unreadable = SLICE_EMPTY;
        message->dimse = dimse_response(&query->request, query->next_row->keys_missing ? STATUS_PENDING_KEYS_MISSING : STATUS_PENDING);
        message->dimse.sop_class_uid = text_copy(out, query->request.sop_class_uid);
        message->dimse.identifier = row_answer(engine, out, query, query->next_row);
        query->next_row = query->next_row->next;
        count++;
    }
    query->told += count;
    return count;
}

/* One run, the final answer behind its last row where there is room. The rows stand in the query, which the final answer gives back:
 * what goes out is copied first. */
static void query_tell(struct engine *engine, struct out *out, struct query *query)
{
    size_t most = engine->config->run_max == 0 || engine->config->run_max > RUN_MAX ? RUN_MAX : engine->config->run_max;
    if (query->next_row == NULL) {
        query_final(engine, out, query, NULL);
    } else {
        struct message *messages = arena_take(out->arena, most * sizeof *messages);
        if (messages == NULL) {
            out->full = true;
            return;
        }
        size_t count = run_fill(engine, out, query, messages, most);
        struct command *command = out_command(out, COMMAND_SEND);
        command->channel = query->channel;
        command->protocol = PROTOCOL_DICOM;
        if (query->next_row == NULL && count < most) {
            query_final(engine, out, query, &messages[count++]);
        }
        command->run = (struct run){messages, count};
    }
}

static void query_answer(struct engine *engine, struct out *out, struct query *query)
{
    if (query->rows_cut) {
        why_add(engine, out, query, NODE_NONE, SLICE("more rows than an answer may have"));
    }
    if (query->memory_cut) {
        why_add(engine, out, query, NODE_NONE, SLICE("no memory for more rows"));
    }
    if (query->question.too_many_persons) {
        why_add(engine, out, query, NODE_NONE, SLICE("the PatientID names too many patients"));
    }
    rows_gone(engine, query);
    rows_order(query);
    query->answering = true;
    query->next_row = query->rows;
    query_tell(engine, out, query);
}

/* ---- SERIES and IMAGE: whom to ask. */
static bool study_is_of(const struct engine *engine, const struct question *question, const struct row_study *study)
{
    if (question->mode != ASK_PERSONS) {
        return question->mode != ASK_NUMBER && question->mode != ASK_NOBODY;
    }
    for (size_t i = 0; i < question->person_count; i++) {
        if (question->persons[i] == identity_survivor(engine, study->person)) {
            return true;
        }
    }
    return false;
}

/* Originals; leased copies only where none ever was. */
static void holders_of(const struct engine *engine, int64_t study, struct node_set *set)
{
    int last = lifecycle_is_gone(engine, study) ? COPY_ORIGINAL : COPY_LEASED;
    for (int role = COPY_ORIGINAL; role <= last && set_is_empty(set); role++) {
        for (uint32_t row = index_first_int(engine, INDEX_copy_study, study); row != ROW_NONE;
             row = index_next(engine, INDEX_copy_study, row)) {
            struct row_copy copy = row_get_copy(engine, row);
            uint32_t node = node_by_name(engine, copy.node);
            if (copy.role == role && copy.state != COPY_GONE && node != NODE_NONE && node_at(engine, node)->source) {
                set_add(set, node);
            }
        }
    }
}

/* The number of studies in the registry that the parent keys name; their holders are put into query->detail. */
static size_t detail_choose(struct engine *engine, struct query *query)
{
    size_t found = 0;
    for (uint32_t row = index_first_text(engine, INDEX_study_uid, query->question.study_uids); row != ROW_NONE;
         row = index_next(engine, INDEX_study_uid, row)) {
        struct row_study study = row_get_study(engine, row);
        if (study_is_of(engine, &query->question, &study)) {
            found++;
            query->detail_study = study.id;
            holders_of(engine, study.id, &query->detail);
        }
    }
    return found;
}

static void conflict(struct engine *engine, struct out *out, struct query *query)
{
    review_open(engine, out, SLICE("uid"), query->question.study_uids, SLICE("one Study Instance UID names studies of several patients"));
    query_end(engine, out, query, STATUS_UNABLE_TO_PROCESS, SLICE("this Study UID names several patients' studies: give PatientID"));
}

static void query_asked(struct engine *engine, struct out *out, struct query *query)
{
    if (!query_ask(engine, out, query)) {
        query_end(engine, out, query, STATUS_OUT_OF_RESOURCES, SLICE("too many questions at once"));
    } else if (query->pending == 0) {
        sources_sum_up(engine, out, query);
        query_answer(engine, out, query);
    }
}

static void detail_begin(struct engine *engine, struct out *out, struct query *query)
{
    size_t found = detail_choose(engine, query);
    if (found > 1 && !MUTANT(M_UID_IS_KEY)) {
        conflict(engine, out, query);
        return;
    }
    query->locating = found == 0;
    query_asked(engine, out, query);
}

/* The holders of a study that the registry does not know were found, or not. */
static void located(struct engine *engine, struct out *out, struct query *query)
{
    if (rows_conflict(query)) {
        conflict(engine, out, query);
        return;
    }
    if (query->rows == NULL) {
        query_answer(engine, out, query);
        return;
    }
    query->detail = query->rows->holders;
    query->rows = NULL;
    query->row_count = 0;
    query->locating = false;
    query_asked(engine, out, query);
}

static void query_gathered(struct engine *engine, struct out *out, struct query *query)
{
    sources_sum_up(engine, out, query);
    if (query->locating) {
        located(engine, out, query);
    } else {
        query_answer(engine, out, query);
    }
}

/* ---- Events. */
static void refuse(struct out *out, const struct channel *channel, const struct dimse *request, uint16_t status, slice comment)
{
    struct dimse response = dimse_response(request, status);
    response.error_comment = comment;
    out_send_dimse(out, channel->number, &response);
}

static void query_begin(struct engine *engine, struct out *out, struct query *query)
{
    if (!MUTANT(M_NO_DEADLINE)) {
        timer_set(engine, TIMER_QUERY, query->id, query->deadline_ns);
    }
    if (query->question.level > FIND_STUDY && query->question.mode != ASK_NOBODY) {
        detail_begin(engine, out, query);
        return;
    }
    if (query->question.level <= FIND_STUDY) {
        rows_from_registry(engine, out, query);
    }
    query_asked(engine, out, query);
}

void query_find(struct engine *engine, const struct event *event, struct out *out, struct channel *channel, const struct dimse *request)
{
    (void)event;
    slice comment = SLICE("too many questions at once");
    struct query *query = query_by_channel(engine, channel->number) == NULL ? query_take(engine) : NULL;
    if (query == NULL) {
        refuse(out, channel, request, STATUS_OUT_OF_RESOURCES, comment);
        return;
    }
    query->channel = channel->number;
    query->client_node = channel->node;
    query->client = chain_copy(&query->chain, channel->calling);
    query->request = (struct dimse){.kind = request->kind, .context_id = request->context_id, .message_id = request->message_id,
                                    .sop_class_uid = chain_copy(&query->chain, slice_unpad(request->sop_class_uid))};
    query->asked_at = engine->now;
    query->deadline_ns = engine->now + engine->config->query_deadline_ns;
    query->incomplete = buffer_over(query->incomplete_text, sizeof query->incomplete_text);
    uint16_t status = question_read(engine, out, query, request, &comment);
    if (status == STATUS_SUCCESS &&
        !access_audit(engine, out, SLICE("QUERY"), SLICE("accepted"), query->client, question_text(query, out), SLICE_EMPTY)) {
        status = STATUS_OUT_OF_RESOURCES;
        comment = SLICE("the access cannot be audited");
    }
    if (status != STATUS_SUCCESS) {
        refuse(out, channel, request, status, comment);
        query_give(query);
        return;
    }
    query->id = counter_next(engine, out, SLICE("query"));
    query_begin(engine, out, query);
}

void query_cancel(struct engine *engine, struct out *out, struct channel *channel, uint16_t message_id)
{
    struct query *query = query_by_channel(engine, channel->number);
    if (query != NULL && query->request.message_id == message_id) {
        sources_cancel(engine, out, query);
        query_end(engine, out, query, STATUS_CANCEL, SLICE_EMPTY);
    }
}

void query_room(struct engine *engine, struct out *out, struct channel *channel)
{
    struct query *query = query_by_channel(engine, channel->number);
    if (query != NULL && query->answering) {
        query_tell(engine, out, query);
    }
}

void query_closed(struct engine *engine, struct out *out, struct channel *channel)
{
    struct query *query = query_by_channel(engine, channel->number);
    if (query != NULL) {
        sources_cancel(engine, out, query);
        why_add(engine, out, query, NODE_NONE, SLICE("the client is gone"));
        query_record(engine, out, query, STATUS_CANCEL);
        query_give(query);
    }
}

void query_found_row(struct engine *engine, struct out *out, int64_t id, uint32_t find, const struct find_row *row)
{
    struct query *query = query_by_id(engine, id);
    for (size_t i = 0; query != NULL && i < query->source_count; i++) {
        if (query->sources[i].find == find && !query->sources[i].done) {
            struct query_row *doubt = query->sources[i].doubt;
            if (doubt != NULL && slice_equal(slice_unpad(row->study_uid), doubt->uid)) {
                set_add(&doubt->listed, query->sources[i].node); /* whoever it is said to be of: it is there */
            }
            rows_from_source(engine, out, query, query->sources[i].node, row);
            return;
        }
    }
}

void query_found_end(struct engine *engine, struct out *out, int64_t id, uint32_t find, enum find_outcome outcome, slice why)
{
    struct query *query = query_by_id(engine, id);
    for (size_t i = 0; query != NULL && i < query->source_count; i++) {
        struct query_source *source = &query->sources[i];
        if (source->find != find || source->done) {
            continue;
        }
        if (outcome != FIND_COMPLETE) {
            source->outcome = outcome;
            source->why = chain_copy(&query->chain, why.size > 0 ? slice_before(why, 200) : find_outcome_text(outcome));
        }
        source->find = 0;
        query_ask_next(engine, out, query, source);
        if (query->pending == 0) {
            query_gathered(engine, out, query);
        }
        return;
    }
}

bool query_waits(struct engine *engine, int64_t subject)
{
    const struct query *query = query_by_id(engine, subject < 0 ? -subject : subject);
    return query != NULL && !query->answering;
}

void query_timer(struct engine *engine, struct out *out, int64_t subject)
{
    struct query *query = query_by_id(engine, subject < 0 ? -subject : subject);
    if (query == NULL || query->answering) {
        return;
    }
    if (subject < 0) {
        query_ask_queued(engine, out, query);
        if (query->pending == 0) {
            query_gathered(engine, out, query);
        }
    } else {
        query->locating = query->locating && query->question.level <= FIND_STUDY; /* no time for a second round */
        query_gathered(engine, out, query);
    }
}
