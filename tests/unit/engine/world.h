/* SPDX-License-Identifier: MIT
 *
 * A world of values around one engine, for unit tests: three organisations, four nodes that answer C-FIND,
 * C-MOVE and stores from a small archive, and a client. Events wait in a queue; time jumps to what is due next.
 * The relay of a transfer is the engine's own relay.c. Records are kept as a driver would, so that the engine can
 * be killed at any step and restored. */
#ifndef PONT_TESTS_ENGINE_WORLD_H
#define PONT_TESTS_ENGINE_WORLD_H

#include "src/engine/coercion.h"
#include "src/engine/engine.h"
#include "src/engine/records.h"
#include "src/engine/relay.h"
#include "src/engine/state.h"
#include "src/dicom/match.h"
#include "src/base/random.h"
#include "src/dicom/uid.h"
#include "tests/unit/unit.h"

#define MAYBE static __attribute__((unused)) /* each test uses its part of this world */
#define INSTANCES_MAX 512
#define QUEUE_MAX 4096
#define CHANNELS_SEEN 4096
#define RECORDS_SEEN 16384
#define ROWS_SEEN 512
#define START_NS ((time_ns)1267430400 * TIME_S) /* 2010-03-01T08:00 */

enum { CAV, GWE, VEL, ORGANISATIONS };
enum { PACS_CAV, PACS_GWE, PACS_VEL, WS_GWE, NODES };

struct instance {
    int node;
    const char *patient_id, *issuer, *name, *birth, *accession, *study, *series, *sop, *date, *modality;
    bool foreign; /* came by a transfer */
};

/* One association as the other side sees it. */
struct link {
    int64_t channel;
    int node;      /* -1: the client */
    bool open;
    slice sop_class;
};

struct stored_record {
    char key[256];
    struct record record;
    bool alive;
};

static struct world {
    struct arena arena;       /* everything that outlives a step */
    struct arena engine_arena;
    struct out *out;
    struct arena step_arena;
    struct engine *engine;
    struct engine_config config;
    struct organisation organisations[ORGANISATIONS];
    struct node_config nodes[NODES];
    time_ns now;
    int64_t sequence, next_even;
    struct event queue[QUEUE_MAX];
    size_t queue_first, queue_count;
    struct link links[CHANNELS_SEEN];
    size_t link_count;
    struct instance archive[INSTANCES_MAX];
    size_t instance_count;
    struct stored_record records[RECORDS_SEEN];
    size_t record_count;
    struct record stream[RECORDS_SEEN * 4]; /* as emitted */
    size_t stream_count;
    /* Faults. */
    bool down[NODES], silent[NODES], no_final[NODES], ignores_patient[NODES];
    bool knows_nobody; /* holders answer A801 to any move but to the engine */
    int direct_stores;
    int home_stores, forget_every; /* of what was spooled; every nth is acknowledged and lost */
    int pushed_ok, pushed_bad, discards;
    int offered; /* instances that holders brought to a relay, wanted or not */
    int refuse_every; /* the destination refuses every nth instance with A700; 0 none */
    int lists_until[NODES], listed[NODES]; /* after so many rows of images nothing more comes, not even an end; 0: all */
    int drop_every;   /* the holder leaves out every nth instance and says success */
    uint64_t span_chance; /* rows and stores of images come in spans cut by this chance; 0: one by one */
    bool relay_waits;      /* the relay does not end by itself once all items have an answer */
    int stores_until_kill; /* the engine dies after so many stores; 0: never */
    bool killed;
    int commit_misses; /* so many instances are reported as failed, the first time */
    int stores, finds[NODES], moves[NODES], commits[NODES];
    int delivered_twice;
    /* Relays. */
    struct relay *relays[64];
    int64_t relay_jobs[64];
    int relay_destination[64];
    size_t relay_count;
    /* What the client saw. */
    struct dataset *rows[ROWS_SEEN];
    size_t row_count;
    struct dimse final;
    int finals, bad_finals; /* bad: no success */
    int pendings;
    time_ns asked_at, final_at;
    size_t run_largest;
} w;

MAYBE slice text(const char *s)
{
    return slice_from(s);
}

MAYBE slice keep(slice s)
{
    slice copy = arena_copy(&w.arena, s);
    ck_assert_ptr_nonnull(copy.data);
    return copy;
}

/* ---- The engine and its records. */
MAYBE void engine_make(void)
{
    arena_reset(&w.engine_arena);
    ck_assert_int_eq(engine_init(&w.engine, &w.config, &w.engine_arena), ERR_OK);
}

MAYBE void world_make(void)
{
    static bool made;
    struct arena arena = w.arena, engine_arena = w.engine_arena, step_arena = w.step_arena;
    struct out *out = w.out;
    if (!made) {
        ck_assert_int_eq(arena_make(&arena, (size_t)256 << 20), ERR_OK);
        ck_assert_int_eq(arena_make(&engine_arena, (size_t)192 << 20), ERR_OK);
        ck_assert_int_eq(arena_make(&step_arena, (size_t)64 << 20), ERR_OK);
        out = calloc(1, sizeof *out);
        made = true;
    }
    memset(&w, 0, sizeof w);
    w.arena = arena;
    w.engine_arena = engine_arena;
    w.step_arena = step_arena;
    w.out = out;
    w.out->arena = &w.step_arena;
    arena_reset(&w.arena);
    arena_reset(&w.step_arena);
    w.next_even = 2;
    w.now = START_NS;
    w.organisations[CAV] = (struct organisation){SLICE("cardiff"), SLICE("Cardiff"), SLICE("CAV"), SLICE("CAV")};
    w.organisations[GWE] = (struct organisation){SLICE("gwent"), SLICE("Gwent"), SLICE("GWE"), SLICE("GWE")};
    w.organisations[VEL] = (struct organisation){SLICE("velindre"), SLICE("Velindre"), SLICE("VEL"), SLICE("VEL")};
    static const struct { const char *name, *aet; int organisation; bool pacs; } nodes[NODES] = {
        {"pacs_cav", "CAVPACS", CAV, true}, {"pacs_gwe", "GWEPACS", GWE, true}, {"pacs_vel", "VELPACS", VEL, true}, {"ws_gwe", "GWEWS", GWE, false}};
    for (uint32_t i = 0; i < NODES; i++) {
        w.nodes[i] = (struct node_config){.name = text(nodes[i].name), .aet = text(nodes[i].aet), .kind = nodes[i].pacs ? NODE_PACS : NODE_VIEWER,
                                          .peer = i, .organisation = (uint32_t)nodes[i].organisation, .patient_root = true, .study_root = true,
                                          .source = nodes[i].pacs, .destination = true, .answers_list = nodes[i].pacs, .associations = 4,
                                          .dialect = (uint64_t)1 << DIALECT_assume_issuer};
    }
    w.config = (struct engine_config){
        .seed = 1, .aet = SLICE("PONT"), .name = SLICE("hub"), .organisations = w.organisations, .organisation_count = ORGANISATIONS,
        .nodes = w.nodes, .node_count = NODES, .query_deadline_ns = 3 * TIME_S, .source_timeout_ns = 2 * TIME_S, .response_timeout_ns = 30 * TIME_S,
        .publish_retry_ns = 2 * TIME_S, .publish_give_up_ns = 10 * TIME_MIN, .breaker_open_ns = 3 * TIME_S, .breaker_failures = 3,
        .transfer_attempts = 6, .run_max = 7, .associations_in = 100, .persons_max = 1000, .exams_max = 1000, .studies_max = 1000,
        .instances_max = 4000, .demands_max = 200, .queries_max = 16, .audits_max = 10000, .memory = (uint64_t)160 << 20};
    engine_make();
}

/* The engine is switched on: what was restored begins to live. */
MAYBE void push(struct event event);
MAYBE void world_start(void)
{
    push((struct event){.kind = EVENT_CLOCK});
}

MAYBE void remember(const struct record *record)
{
    char text_of_key[256];
    struct buffer key = buffer_over(text_of_key, sizeof text_of_key - 1);
    record_put_key(record, &key);
    text_of_key[key.size] = '\0';
    const struct table *table = records_table(record->table);
    struct record copy = *record;
    for (size_t i = 0; i < table->column_count; i++) {
        copy.values[i].text = table->columns[i].type == COLUMN_TEXT ? keep(record->values[i].text.data == NULL ? SLICE_EMPTY : record->values[i].text) : SLICE_EMPTY;
    }
    ck_assert_uint_lt(w.stream_count, RECORDS_SEEN * 4);
    w.stream[w.stream_count++] = copy;
    for (size_t i = 0; i < w.record_count; i++) {
        if (strcmp(w.records[i].key, text_of_key) == 0) {
            w.records[i].record = copy;
            w.records[i].alive = !record->deleted;
            return;
        }
    }
    ck_assert_uint_lt(w.record_count, RECORDS_SEEN);
    struct stored_record *stored = &w.records[w.record_count++];
    memcpy(stored->key, text_of_key, sizeof text_of_key);
    stored->record = copy;
    stored->alive = !record->deleted;
}

/* A row put into the registry before the story: as if it had been committed in an earlier life. */
MAYBE void restore(struct record record)
{
    remember(&record);
    ck_assert_int_eq(engine_restore(w.engine, &record), ERR_OK);
}

MAYBE const struct record *record_find(uint16_t table, int column, int64_t value)
{
    for (size_t i = 0; i < w.record_count; i++) {
        if (w.records[i].alive && w.records[i].record.table == table && w.records[i].record.values[column].integer == value) {
            return &w.records[i].record;
        }
    }
    return NULL;
}

MAYBE size_t records_count(uint16_t table)
{
    size_t count = 0;
    for (size_t i = 0; i < w.record_count; i++) {
        count += w.records[i].alive && w.records[i].record.table == table;
    }
    return count;
}

#define RECORD(name, ...) ((struct record){.table = TABLE_##name, .values = {__VA_ARGS__}})
#define T(s) {.text = {(s), sizeof(s) - 1}}
#define N(n) {.integer = (n)}

MAYBE void person_put(int64_t id, const char *nhs, const char *family, const char *given, const char *birth)
{
    restore((struct record){.table = TABLE_person, .values = {N(id), {.text = text(nhs)}, T("NHS"), {.text = text(family)}, {.text = text(given)},
                                                              {.text = text(birth)}, T("F"), N(PERSON_ACTIVE), N(0), N(1)}});
    restore((struct record){.table = TABLE_identifier, .values = {T("NHS"), {.text = text(nhs)}, N(id), N(1), N(0)}});
}

MAYBE void number_put(int64_t person, const char *issuer, const char *value)
{
    restore((struct record){.table = TABLE_identifier, .values = {{.text = text(issuer)}, {.text = text(value)}, N(person), N(1), N(0)}});
}

MAYBE void study_put(int64_t id, int64_t person, const char *uid, const char *issuer, const char *accession, const char *date, const char *modality,
                      const char *region, const char *node, int64_t instances)
{
    struct record study = {.table = TABLE_study};
    study.values[COLUMN_study_id].integer = id;
    study.values[COLUMN_study_uid].text = text(uid);
    study.values[COLUMN_study_person].integer = person;
    study.values[COLUMN_study_issuer].text = text(issuer);
    study.values[COLUMN_study_accession].text = text(accession);
    study.values[COLUMN_study_date].text = text(date);
    study.values[COLUMN_study_modalities].text = text(modality);
    study.values[COLUMN_study_region].text = text(region);
    study.values[COLUMN_study_instance_count].integer = instances;
    restore(study);
    restore((struct record){.table = TABLE_copy, .values = {N(id), {.text = text(node)}, N(COPY_ORIGINAL), N(COPY_PRESENT), N(instances), N(PROOF_LIST), N(0)}});
    restore((struct record){.table = TABLE_counter, .values = {T("study"), N(100)}});
}

/* ---- Events. */
MAYBE void push(struct event event)
{
    ck_assert_uint_lt(w.queue_count, QUEUE_MAX);
    w.queue[(w.queue_first + w.queue_count++) % QUEUE_MAX] = event;
}

MAYBE struct link *link_of(int64_t channel)
{
    for (size_t i = 0; i < w.link_count; i++) {
        if (w.links[i].channel == channel) {
            return &w.links[i];
        }
    }
    return NULL;
}

MAYBE void push_message(int64_t channel, struct dimse message)
{
    struct message *copy = arena_alloc(&w.arena, sizeof *copy);
    struct message from = {.protocol = PROTOCOL_DICOM, .dimse = message};
    if (message.identifier != NULL) {
        struct dataset *identifier = arena_alloc(&w.arena, sizeof *identifier);
        ck_assert_int_eq(dataset_copy(identifier, message.identifier, &w.arena, 0), ERR_OK);
        from.dimse.identifier = identifier;
    }
    *copy = from;
    push((struct event){.kind = EVENT_RECEIVED, .channel = channel, .run = {copy, 1}});
}

/* ---- Nodes. */
MAYBE void put_text(struct dataset *to, uint32_t tag, const char *value)
{
    ck_assert_int_eq(dataset_put(to, tag, text(value)), ERR_OK);
}

MAYBE void instance_describe(const struct instance *instance, struct dataset *to)
{
    ck_assert_int_eq(dataset_init(to, &w.arena, 20), ERR_OK);
    put_text(to, TAG_PatientID, instance->patient_id);
    put_text(to, TAG_PatientName, instance->name);
    put_text(to, TAG_PatientBirthDate, instance->birth);
    put_text(to, TAG_AccessionNumber, instance->accession);
    put_text(to, TAG_StudyInstanceUID, instance->study);
    put_text(to, TAG_SeriesInstanceUID, instance->series);
    put_text(to, TAG_SOPInstanceUID, instance->sop);
    put_text(to, TAG_SOPClassUID, UID_CT_IMAGE.data);
    put_text(to, TAG_StudyDate, instance->date);
    put_text(to, TAG_Modality, instance->modality);
    put_text(to, TAG_ModalitiesInStudy, instance->modality);
    if (instance->issuer != NULL && instance->foreign) {
        put_text(to, TAG_IssuerOfPatientID, instance->issuer);
    }
}

MAYBE bool instance_matches(const struct instance *instance, int node, const struct dataset *keys)
{
    struct dataset row;
    unsigned unknown = 0;
    instance_describe(instance, &row);
    return instance->node == node && match_dataset(keys, &row, true, &unknown);
}

/* How many of the archive from `first` on go in one span: neighbours whose UIDs count up, of one series, cut by chance. */
MAYBE uint32_t span_at(size_t first, const struct dataset *keys)
{
    uint64_t offset = 0;
    uint32_t span = 1, most = 1 + (uint32_t)random_below(random_draw(w.span_chance, PURPOSE('s', 'p', 'a', 'n'), first, w.instance_count), 9);
    const struct instance *from = &w.archive[first];
    for (size_t i = first + 1; w.span_chance != 0 && span < most && i < w.instance_count; i++, span++) {
        if (!instance_matches(&w.archive[i], from->node, keys) || strcmp(w.archive[i].series, from->series) != 0 ||
            !uid_in_span(text(from->sop), span + 1, text(w.archive[i].sop), &offset) || offset != span) {
            break;
        }
    }
    return span;
}

MAYBE void node_find(int node, int64_t channel, const struct dimse *request)
{
    slice level = dataset_get(request->identifier, TAG_QueryRetrieveLevel);
    uint32_t unique = slice_equal(level, SLICE("STUDY")) ? (uint32_t)TAG_StudyInstanceUID
                      : slice_equal(level, SLICE("SERIES")) ? (uint32_t)TAG_SeriesInstanceUID : (uint32_t)TAG_SOPInstanceUID;
    slice seen[INSTANCES_MAX];
    size_t seen_count = 0;
    w.finds[node]++;
    if (w.ignores_patient[node]) {
        dataset_remove(request->identifier, TAG_PatientID);
    }
    if (w.silent[node]) {
        return;
    }
    for (size_t i = 0; i < w.instance_count; i++) {
        struct dataset row;
        if (!instance_matches(&w.archive[i], node, request->identifier)) {
            continue;
        }
        instance_describe(&w.archive[i], &row);
        bool again = false;
        for (size_t k = 0; k < seen_count; k++) {
            again = again || slice_equal(seen[k], dataset_get(&row, unique));
        }
        if (!again) {
            seen[seen_count++] = dataset_get(&row, unique);
            struct dimse response = dimse_response(request, STATUS_PENDING);
            if (slice_equal(level, SLICE("IMAGE")) && w.lists_until[node] > 0 && ++w.listed[node] > w.lists_until[node]) {
                return;
            }
            response.identifier = &row;
            if (slice_equal(level, SLICE("IMAGE"))) {
                response.span = span_at(i, request->identifier);
                i += response.span - 1;
            }
            push_message(channel, response);
        }
    }
    push_message(channel, dimse_response(request, STATUS_SUCCESS));
}

MAYBE slice coerced(const struct relay_job *job, uint32_t tag, const char *otherwise)
{
    return job->coercion != NULL && dataset_has(job->coercion, tag) ? dataset_get(job->coercion, tag) : text(otherwise);
}

/* What the destination answers to one instance. */
MAYBE uint16_t store_one(const struct relay_job *job, int destination, const struct instance *from)
{
    w.stores++;
    if (w.down[destination]) {
        return STATUS_OUT_OF_RESOURCES_SUBOPERATIONS;
    }
    if (w.refuse_every > 0 && w.stores % w.refuse_every == 0) {
        return STATUS_OUT_OF_RESOURCES;
    }
    for (size_t i = 0; i < w.instance_count; i++) {
        w.delivered_twice += w.archive[i].node == destination && strcmp(w.archive[i].sop, from->sop) == 0;
    }
    struct instance copy = *from;
    copy.node = destination;
    copy.foreign = true;
    copy.patient_id = keep(coerced(job, TAG_PatientID, from->patient_id)).data;
    copy.issuer = keep(coerced(job, TAG_IssuerOfPatientID, from->issuer)).data;
    copy.accession = keep(coerced(job, TAG_AccessionNumber, from->accession)).data;
    ck_assert_uint_lt(w.instance_count, INSTANCES_MAX);
    w.archive[w.instance_count++] = copy;
    return STATUS_SUCCESS;
}

/* A span of instances that stand side by side in the archive: offered, stored and answered in as few parts as they allow. */
MAYBE void deliver(struct relay *relay, int destination, size_t first, uint32_t span)
{
    const struct relay_job *job = relay_job(relay);
    uint32_t count = 0;
    for (uint32_t at = 0; at < span; at += count) {
        const struct instance *from = &w.archive[first + at];
        struct relay_result result = {.job = job->id, .sop_instance_uid = text(from->sop), .size = 1000, .span = 0};
        slice finding;
        uint16_t status = relay_offer_span(relay, text(from->sop), text(from->study), span - at, &count, &finding);
        w.offered += (int)count;
        for (uint32_t i = 0; status == STATUS_SUCCESS && i < count; i++) {
            status = store_one(job, destination, &w.archive[first + at + i]);
            if (result.span > 0 && status != result.status) {
                relay_took(relay, &result, w.now);
                result.span = 0;
            }
            result.sop_instance_uid = result.span == 0 ? text(w.archive[first + at + i].sop) : result.sop_instance_uid;
            result.status = status;
            result.span++;
            status = STATUS_SUCCESS;
        }
        if (result.span > 0) {
            relay_took(relay, &result, w.now);
        }
    }
}

MAYBE void relay_tell(struct relay *relay, bool ended)
{
    const struct relay_result *results;
    size_t count = 0;
    while (relay_batch(relay, w.now, true, &results, &count)) {
        struct relay_result *copy = arena_array(&w.arena, count, sizeof *copy);
        memcpy(copy, results, count * sizeof *copy);
        push((struct event){.kind = EVENT_RELAYED, .job = relay_job(relay)->id, .results = copy, .result_count = count});
    }
    if (ended) {
        push((struct event){.kind = EVENT_RELAYED, .job = relay_job(relay)->id, .relay_ended = true});
    }
}

MAYBE struct relay *relay_of_holder(int node, int *destination)
{
    for (size_t i = 0; i < w.relay_count; i++) {
        if (w.relay_jobs[i] != 0 && relay_job(w.relays[i])->holder == (uint32_t)node) {
            *destination = w.relay_destination[i];
            return w.relays[i];
        }
    }
    return NULL;
}

MAYBE void step(const struct event *event);

/* Straight to another node, as it is: nobody coerces it. */
MAYBE void node_move_direct(int node, int64_t channel, const struct dimse *request)
{
    int destination = NODES, sent = 0;
    struct dimse final = dimse_response(request, STATUS_SUCCESS);
    for (int i = 0; i < NODES; i++) {
        destination = slice_equal(w.nodes[i].aet, request->move_destination) ? i : destination;
    }
    ck_assert_int_lt(destination, NODES);
    push_message(channel, dimse_response(request, STATUS_PENDING));
    for (size_t i = 0, count = w.instance_count; i < count && !w.knows_nobody; i++) {
        if (instance_matches(&w.archive[i], node, request->identifier) && !(w.drop_every > 0 && ++sent % w.drop_every == 0)) {
            ck_assert_uint_lt(w.instance_count, INSTANCES_MAX);
            for (size_t k = 0; k < count; k++) {
                w.delivered_twice += w.archive[k].node == destination && strcmp(w.archive[k].sop, w.archive[i].sop) == 0;
            }
            w.archive[w.instance_count] = w.archive[i];
            w.archive[w.instance_count++].node = destination;
            w.direct_stores++;
        }
    }
    final.status = w.knows_nobody ? STATUS_MOVE_DESTINATION_UNKNOWN : final.status;
    push_message(channel, final);
}

MAYBE void node_move(int node, int64_t channel, const struct dimse *request)
{
    int destination = 0, sent = 0;
    struct relay *relay = relay_of_holder(node, &destination);
    w.moves[node]++;
    if (!slice_equal(request->move_destination, SLICE("PONT"))) {
        node_move_direct(node, channel, request);
        return;
    }
    for (size_t i = 0, count = w.instance_count; relay != NULL && i < count && !w.killed; i++) {
        if (instance_matches(&w.archive[i], node, request->identifier) && !(w.drop_every > 0 && ++sent % w.drop_every == 0)) {
            bool alone = w.drop_every > 0 || w.stores_until_kill > 0;
            uint32_t span = alone ? 1 : span_at(i, request->identifier);
            deliver(relay, destination, i, span);
            i += span - 1;
            if (w.stores_until_kill > 0 && w.stores == w.stores_until_kill) {
                w.killed = true;
            }
        }
    }
    if (relay != NULL) {
        bool ends = relay_complete(relay) && !w.relay_waits;
        relay_tell(relay, ends);
        for (size_t i = 0; i < w.relay_count && ends; i++) {
            w.relay_jobs[i] = w.relays[i] == relay ? 0 : w.relay_jobs[i];
        }
    }
    if (!w.no_final[node]) {
        push_message(channel, dimse_response(request, STATUS_SUCCESS));
    }
}

/* Storage commitment (PS3.4 Annex J): accepted, then reported on the same association. */
MAYBE void node_commit(int node, int64_t channel, const struct dimse *request)
{
    const struct element *asked = dataset_find(request->identifier, TAG_ReferencedSOPSequence);
    struct dataset report;
    ck_assert_int_eq(dataset_init(&report, &w.arena, 4), ERR_OK);
    ck_assert_int_eq(dataset_put(&report, TAG_TransactionUID, dataset_get(request->identifier, TAG_TransactionUID)), ERR_OK);
    uint32_t misses = w.commits[node]++ == 0 ? (uint32_t)w.commit_misses : 0;
    ck_assert_int_eq(dataset_put_items(&report, TAG_ReferencedSOPSequence, asked->items + misses, asked->item_count - misses), ERR_OK);
    push_message(channel, dimse_response(request, STATUS_SUCCESS));
    push_message(channel, (struct dimse){.kind = DIMSE_N_EVENT_REPORT_RQ, .message_id = 1, .sop_class_uid = UID_STORAGE_COMMITMENT,
                                         .type_id = misses > 0 ? 2 : 1, .identifier = &report});
    for (size_t i = 0; i < w.instance_count && misses > 0; i++) { /* lost, not only unreported: or it would come twice */
        for (uint32_t k = 0; k < misses; k++) {
            bool lost = w.archive[i].node == node && slice_equal(dataset_get(&asked->items[k], TAG_ReferencedSOPInstanceUID), text(w.archive[i].sop));
            w.archive[i].node = lost ? -1 : w.archive[i].node;
        }
    }
}

/* A C-STORE request that the engine makes of what it spooled. */
MAYBE void node_store(int node, int64_t channel, const struct dimse *request)
{
    struct dimse response = dimse_response(request, STATUS_SUCCESS);
    w.home_stores++;
    response.sop_instance_uid = keep(response.sop_instance_uid);
    if (w.refuse_every > 0 && w.home_stores % w.refuse_every == 0) {
        response.status = STATUS_OUT_OF_RESOURCES;
    } else if (!(w.forget_every > 0 && w.home_stores % w.forget_every == 0)) {
        bool there = false;
        for (size_t i = 0; i < w.instance_count; i++) {
            there = there || (w.archive[i].node == node && slice_equal(text(w.archive[i].sop), request->sop_instance_uid));
        }
        if (!there) { /* a PACS takes the same image twice without a word */
            w.archive[w.instance_count++] = (struct instance){node, "40018586", "GWE", "Price^Megan", "19580411", "GWE2001", keep(request->object.study_uid).data,
                                                              "1.2.7.1", keep(request->sop_instance_uid).data, "20100301", "CT", false};
        }
    }
    push_message(channel, response);
    if (w.stores_until_kill > 0 && w.home_stores == w.stores_until_kill) {
        w.killed = true;
    }
}

/* ---- What the engine says. */
MAYBE void client_takes(const struct dimse *message)
{
    if (status_is_pending(message->status)) {
        w.pendings++;
        if (message->identifier != NULL) {
            ck_assert_uint_lt(w.row_count, ROWS_SEEN);
            w.rows[w.row_count] = arena_alloc(&w.arena, sizeof **w.rows);
            ck_assert_int_eq(dataset_copy(w.rows[w.row_count++], message->identifier, &w.arena, 0), ERR_OK);
        }
        return;
    }
    w.finals++;
    w.bad_finals += message->status != STATUS_SUCCESS;
    w.final = *message;
    w.final.error_comment = keep(message->error_comment.data == NULL ? SLICE_EMPTY : message->error_comment);
    if (message->identifier != NULL) {
        w.final.identifier = arena_alloc(&w.arena, sizeof *w.final.identifier);
        ck_assert_int_eq(dataset_copy(w.final.identifier, message->identifier, &w.arena, 0), ERR_OK);
    }
    w.final_at = w.now;
}

MAYBE void on_open(const struct command *command)
{
    int node = (int)command->peer;
    ck_assert_uint_lt(w.link_count, CHANNELS_SEEN);
    w.links[w.link_count++] = (struct link){command->channel, node, true, SLICE_EMPTY};
    if (w.down[node]) {
        push((struct event){.kind = EVENT_REFUSED, .channel = command->channel, .refusal = REFUSAL_NO_ROUTE});
        return;
    }
    struct contexts contexts = {arena_array(&w.arena, command->contexts.count, sizeof *contexts.list), command->contexts.count};
    for (size_t i = 0; i < contexts.count; i++) {
        contexts.list[i] = command->contexts.list[i];
        contexts.list[i].abstract_syntax = keep(contexts.list[i].abstract_syntax);
        contexts.list[i].accepted_syntax = UID_IMPLICIT_LITTLE;
    }
    push((struct event){.kind = EVENT_OPENED, .channel = command->channel, .contexts = contexts});
}

MAYBE void on_send(const struct command *command)
{
    struct link *link = link_of(command->channel);
    ck_assert_ptr_nonnull(link);
    w.run_largest = command->run.count > w.run_largest ? command->run.count : w.run_largest;
    for (size_t i = 0; i < command->run.count; i++) {
        const struct dimse *message = &command->run.messages[i].dimse;
        if (command->run.messages[i].protocol == PROTOCOL_HL7) {
            continue; /* acknowledgements are another test's business */
        }
        if (link->node < 0 && message->kind == DIMSE_C_STORE_RSP) {
            w.pushed_ok += message->status == STATUS_SUCCESS;
            w.pushed_bad += message->status != STATUS_SUCCESS;
        } else if (link->node >= 0 && message->kind == DIMSE_C_STORE_RQ) {
            node_store(link->node, command->channel, message);
        } else if (link->node < 0) {
            client_takes(message);
        } else if (message->kind == DIMSE_C_FIND_RQ && w.down[link->node]) { /* what was kept open to it is gone, too */
            link->open = false;
            push((struct event){.kind = EVENT_CLOSED, .channel = command->channel, .cause = CLOSED_LOST});
            return;
        } else if (message->kind == DIMSE_C_FIND_RQ) {
            node_find(link->node, command->channel, message);
        } else if (message->kind == DIMSE_C_MOVE_RQ) {
            node_move(link->node, command->channel, message);
        } else if (message->kind == DIMSE_N_ACTION_RQ) {
            node_commit(link->node, command->channel, message);
        } else if (message->kind == DIMSE_C_ECHO_RQ) {
            push_message(command->channel, dimse_response(message, STATUS_SUCCESS));
        }
    }
    push((struct event){.kind = EVENT_ROOM, .channel = command->channel});
}

MAYBE void on_relay(const struct command *command)
{
    ck_assert_uint_lt(w.relay_count, 64);
    ck_assert_int_eq(relay_init(&w.relays[w.relay_count], &command->relay, &w.arena), ERR_OK);
    w.relay_jobs[w.relay_count] = command->relay.id;
    w.relay_destination[w.relay_count++] = (int)command->relay.destination;
}

MAYBE void on_relay_end(const struct command *command)
{
    for (size_t i = 0; i < w.relay_count; i++) {
        if (w.relay_jobs[i] == command->job) {
            relay_close(w.relays[i]);
            relay_tell(w.relays[i], true);
            w.relay_jobs[i] = 0;
        }
    }
}

MAYBE void on_command(const struct command *command)
{
    struct link *link = link_of(command->channel);
    switch (command->kind) {
    case COMMAND_OPEN: on_open(command); break;
    case COMMAND_SEND: on_send(command); break;
    case COMMAND_CLOSE:
    case COMMAND_ABORT:
        if (link != NULL && link->open) {
            link->open = false;
            push((struct event){.kind = EVENT_CLOSED, .channel = command->channel, .cause = CLOSED_RELEASED});
        }
        break;
    case COMMAND_DISCARD: w.discards++; break;
    case COMMAND_RELAY: on_relay(command); break;
    case COMMAND_RELAY_END: on_relay_end(command); break;
    default: break;
    }
}

MAYBE void step(const struct event *event)
{
    struct event timed = *event;
    timed.at_ns = w.now;
    timed.sequence = ++w.sequence;
    out_clear(w.out);
    ck_assert_int_eq(engine_step(w.engine, &timed, w.out), ERR_OK);
    for (size_t i = 0; i < w.out->record_count; i++) {
        remember(&w.out->records[i]);
    }
    for (size_t i = 0; i < w.out->command_count && !w.killed; i++) {
        on_command(&w.out->commands[i]);
    }
}

/* Until nothing is queued and nothing is due within `patience`. */
MAYBE void world_run(time_ns patience)
{
    time_ns until = w.now + patience;
    for (int steps = 0; steps < 100000 && !w.killed; steps++) {
        if (w.queue_count > 0) {
            struct event event = w.queue[w.queue_first];
            w.queue_first = (w.queue_first + 1) % QUEUE_MAX;
            w.queue_count--;
            w.now += TIME_MS;
            step(&event);
        } else if (engine_due(w.engine) <= until) {
            w.now = engine_due(w.engine) > w.now ? engine_due(w.engine) : w.now;
            step(&(struct event){.kind = EVENT_CLOCK});
        } else {
            return;
        }
    }
    ck_assert(w.killed);
}

/* kill -9: channels and queue are gone, the rows stay. */
MAYBE void world_kill(void)
{
    w.queue_count = 0;
    w.link_count = 0;
    memset(w.relay_jobs, 0, sizeof w.relay_jobs);
    w.killed = false;
    w.stores_until_kill = 0;
    engine_make();
    for (size_t i = 0; i < w.record_count; i++) {
        if (w.records[i].alive) {
            ck_assert_int_eq(engine_restore(w.engine, &w.records[i].record), ERR_OK);
        }
    }
    world_start();
}

/* ---- The client. */
MAYBE int64_t client_open(const char *calling, slice sop_class)
{
    struct context *context = arena_alloc(&w.arena, sizeof *context);
    int64_t channel = w.next_even;
    w.next_even += 2;
    *context = (struct context){.id = 1, .abstract_syntax = sop_class, .transfer_syntaxes = {UID_IMPLICIT_LITTLE}, .syntax_count = 1};
    w.links[w.link_count++] = (struct link){channel, -1, true, sop_class};
    push((struct event){.kind = EVENT_ASKED, .channel = channel, .calling = text(calling), .called = SLICE("PONT"), .contexts = {context, 1}});
    w.row_count = 0;
    w.finals = w.bad_finals = w.pendings = 0;
    w.run_largest = 0;
    return channel;
}

#define KEYS_MAX 12
struct key {
    uint32_t tag;
    const char *value;
};

MAYBE void client_asks(int64_t channel, enum dimse_kind kind, slice sop_class, const char *destination, const struct key *keys)
{
    struct dataset identifier;
    ck_assert_int_eq(dataset_init(&identifier, &w.arena, KEYS_MAX), ERR_OK);
    for (size_t i = 0; keys[i].tag != 0; i++) {
        put_text(&identifier, keys[i].tag, keys[i].value);
    }
    w.asked_at = w.now;
    push_message(channel, (struct dimse){.kind = kind, .context_id = 1, .message_id = 5, .sop_class_uid = sop_class, .identifier = &identifier,
                                         .move_destination = text(destination)});
}

/* One object pushed: the request, and what the driver says once it is on disk. */
MAYBE void client_pushes(int64_t channel, const char *sop, const char *study, const char *accession)
{
    struct object object = {.sop_class_uid = UID_CT_IMAGE, .sop_instance_uid = keep(text(sop)), .study_uid = keep(text(study)),
                            .series_uid = SLICE("1.2.7.1"), .transfer_syntax = UID_EXPLICIT_LITTLE, .patient_id = SLICE("40018586"),
                            .accession = text(accession), .size = 1000, .study = -1, .instance = -1, .file = keep(text(sop))};
    push_message(channel, (struct dimse){.kind = DIMSE_C_STORE_RQ, .context_id = 1, .message_id = 9, .sop_class_uid = UID_CT_IMAGE,
                                         .sop_instance_uid = object.sop_instance_uid, .object = object});
    push((struct event){.kind = EVENT_STORED, .channel = channel, .object = object});
}

#define KEY(tag, value) {TAG_##tag, value}
/* A C-FIND from GWEWS, run to its end. */
#define FIND(model, ...)                                                                                              \
    do {                                                                                                              \
        const struct key find_keys[] = {__VA_ARGS__, {0, NULL}};                                                      \
        int64_t find_channel = client_open("GWEWS", UID_##model##_FIND);                                              \
        client_asks(find_channel, DIMSE_C_FIND_RQ, UID_##model##_FIND, "", find_keys);                                \
        world_run(10 * TIME_S);                                                                                       \
    } while (0)
#define MOVE(destination, ...)                                                                                        \
    do {                                                                                                              \
        const struct key move_keys[] = {__VA_ARGS__, {0, NULL}};                                                      \
        int64_t move_channel = client_open("GWEWS", UID_STUDY_ROOT_MOVE);                                             \
        client_asks(move_channel, DIMSE_C_MOVE_RQ, UID_STUDY_ROOT_MOVE, destination, move_keys);                      \
        world_run(5 * TIME_MIN);                                                                                      \
    } while (0)

MAYBE void archive_put(int node, const char *patient_id, const char *name, const char *birth, const char *accession, const char *study,
                        const char *date, const char *modality, int series, int images)
{
    for (int s = 0; s < series; s++) {
        for (int i = 0; i < images; i++) {
            char uid[80];
            struct buffer series_uid = buffer_over(uid, sizeof uid);
            buffer_put_text(&series_uid, study);
            buffer_put_text(&series_uid, ".");
            buffer_put_int(&series_uid, s + 1);
            slice kept_series = keep(buffer_slice(&series_uid));
            buffer_put_text(&series_uid, ".");
            buffer_put_int(&series_uid, i + 1);
            w.archive[w.instance_count++] = (struct instance){node, patient_id, w.organisations[w.nodes[node].organisation].issuer.data, name, birth, accession,
                                                              study, kept_series.data, keep(buffer_slice(&series_uid)).data, date, modality, false};
        }
    }
}

MAYBE size_t held(int node, const char *study)
{
    size_t count = 0;
    for (size_t i = 0; i < w.instance_count; i++) {
        count += w.archive[i].node == node && strcmp(w.archive[i].study, study) == 0;
    }
    return count;
}

MAYBE const struct dataset *row_of(const char *study, size_t nth)
{
    for (size_t i = 0; i < w.row_count; i++) {
        if (slice_equal(dataset_get(w.rows[i], TAG_StudyInstanceUID), text(study)) && nth-- == 0) {
            return w.rows[i];
        }
    }
    return NULL;
}

#define ck_assert_slice_eq(a, b)                                                                                      \
    do {                                                                                                              \
        slice left_ = (a), right_ = (b);                                                                              \
        ck_assert_msg(slice_equal(left_, right_), "\"%.*s\" is not \"%.*s\"", SLICE_ARGS(left_), SLICE_ARGS(right_)); \
    } while (0)

#endif
