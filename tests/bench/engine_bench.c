/* SPDX-License-Identifier: MIT
 *
 * The engine's day: N exams' worth of HL7 (A04, NW, SC, IP, CM, ORU) into a fresh engine, its C-FINDs answered in this
 * process. Prints steps by kind, ns of CPU a step, records and bytes an exam, and the digest, which tells that a
 * faster engine still decides the same.
 *
 * gcc -O2 -I. -D_GNU_SOURCE tests/bench/engine_bench.c BUILD/pure.a -lm
 * engine_bench [EXAMS [SECONDS]]: 10,000 exams, one every 30 s, when not said. For instructions a step run it under
 * valgrind --tool=callgrind --toggle-collect=engine_step. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "src/dicom/uid.h"
#include "src/engine/engine.h"
#include "src/engine/records.h"

#define SITES 6
#define START_NS ((time_ns)1267401600 * TIME_S) /* 2010-03-01 */
#define STREAMS 6
#define WAITING_MAX 65536

static struct organisation organisations[SITES];
static struct node_config nodes[SITES];
static char names[SITES][4][16];
static struct engine *engine;
static struct out *out;
static struct arena scratch;
static time_ns now, spacing;
static int64_t sequence;
static uint64_t steps[EVENT_KIND_COUNT], spent_ns[EVENT_KIND_COUNT], records, record_bytes, finds, per_table[TABLE_COUNT];

static uint64_t cpu_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

/* ---- What the nodes answer, and when. */
enum reply { REPLY_OPENED, REPLY_ROWS, REPLY_CLOSED };
struct waiting {
    time_ns at_ns;
    uint64_t order;
    enum reply kind;
    int64_t channel;
    uint64_t exam;
    bool series;
    uint16_t message_id;
};
static struct waiting heap[WAITING_MAX];
static size_t heap_count;
static uint64_t heap_order;

static bool before(const struct waiting *a, const struct waiting *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void wait_put(struct waiting item)
{
    size_t at = heap_count++;
    if (heap_count > WAITING_MAX) {
        exit(3);
    }
    item.order = heap_order++;
    while (at > 0 && before(&item, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = item;
}

static struct waiting wait_take(void)
{
    struct waiting first = heap[0], last = heap[--heap_count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < heap_count; at = child) {
        child += child + 1 < heap_count && before(&heap[child + 1], &heap[child]);
        if (!before(&heap[child], &last)) {
            break;
        }
        heap[at] = heap[child];
    }
    heap[at] = last;
    return first;
}

/* ---- One step, and what it asks of the world. */
static void step(struct event event)
{
    event.at_ns = now;
    event.sequence = ++sequence;
    out_clear(out);
    uint64_t from = cpu_ns();
    enum err err = engine_step(engine, &event, out);
    spent_ns[event.kind] += cpu_ns() - from;
    steps[event.kind]++;
    records += out->record_count;
    for (size_t i = 0; i < out->record_count; i++) {
        per_table[out->records[i].table]++;
    }
    for (size_t i = 0; i < out->command_count; i++) {
        const struct command *command = &out->commands[i];
        if (err != ERR_OK && command->kind == COMMAND_NOTE) {
            fprintf(stderr, "note: %.*s\n", SLICE_ARGS(command->text));
        }
        if (command->kind == COMMAND_OPEN) {
            wait_put((struct waiting){.at_ns = now + 5 * TIME_MS, .kind = REPLY_OPENED, .channel = command->channel});
        } else if (command->kind == COMMAND_CLOSE || command->kind == COMMAND_ABORT) {
            wait_put((struct waiting){.at_ns = now + TIME_MS, .kind = REPLY_CLOSED, .channel = command->channel});
        } else if (command->kind == COMMAND_SEND && command->run.messages[0].protocol == PROTOCOL_DICOM &&
                   command->run.messages[0].dimse.kind == DIMSE_C_FIND_RQ) {
            const struct dimse *request = &command->run.messages[0].dimse;
            struct waiting item = {.at_ns = now + 20 * TIME_MS, .kind = REPLY_ROWS, .channel = command->channel, .message_id = request->message_id};
            int64_t number = 0;
            slice accession = dataset_get(request->identifier, TAG_AccessionNumber), study = dataset_get(request->identifier, TAG_StudyInstanceUID);
            item.series = slice_equal(dataset_get(request->identifier, TAG_QueryRetrieveLevel), SLICE("SERIES"));
            if (!slice_to_int64(item.series ? slice_after(study, 6) : accession, &number)) {
                fprintf(stderr, "a question this bench does not know\n");
                exit(3);
            }
            item.exam = (uint64_t)number;
            finds++;
            wait_put(item);
        }
    }
    if (err != ERR_OK) {
        fprintf(stderr, "the engine stopped at %llu steps\n", (unsigned long long)sequence);
        exit(3);
    }
}

static void step_to(time_ns until)
{
    for (;;) {
        time_ns due = engine_due(engine), next = heap_count > 0 ? heap[0].at_ns : TIME_NEVER;
        if (due > until && next > until) {
            return;
        }
        if (due <= next) {
            now = due > now ? due : now;
            step((struct event){.kind = EVENT_CLOCK});
            continue;
        }
        struct waiting item = wait_take();
        now = item.at_ns > now ? item.at_ns : now;
        if (item.kind == REPLY_CLOSED) {
            step((struct event){.kind = EVENT_CLOSED, .channel = item.channel});
        } else if (item.kind == REPLY_OPENED) {
            struct context context = {.id = 1, .abstract_syntax = UID_STUDY_ROOT_FIND, .accepted_syntax = UID_EXPLICIT_LITTLE};
            step((struct event){.kind = EVENT_OPENED, .channel = item.channel, .contexts = {&context, 1}});
        } else {
            struct dataset rows[2];
            struct message messages[3];
            char text[8][64], *t = text[0];
            arena_reset(&scratch);
            size_t count = item.series ? 2 : 1;
            memset(messages, 0, sizeof messages);
            for (size_t i = 0; i < count; i++) {
                enum err err = dataset_init(&rows[i], &scratch, 16);
                snprintf(text[0], 64, "1.2.3.%llu", (unsigned long long)item.exam);
                snprintf(text[1], 64, "%llu", (unsigned long long)item.exam);
                snprintf(text[2], 64, "L%llu", (unsigned long long)item.exam / 4);
                snprintf(text[3], 64, "1.2.3.%llu.%zu", (unsigned long long)item.exam, i + 1);
                err |= dataset_put(&rows[i], TAG_StudyInstanceUID, arena_copy(&scratch, slice_from(t)));
                if (item.series) {
                    err |= dataset_put(&rows[i], TAG_SeriesInstanceUID, arena_copy(&scratch, slice_from(text[3])));
                    err |= dataset_put(&rows[i], TAG_Modality, SLICE("CT"));
                    err |= dataset_put(&rows[i], TAG_SeriesNumber, i == 0 ? SLICE("1") : SLICE("2"));
                    err |= dataset_put(&rows[i], TAG_SeriesDescription, SLICE("CT thorax"));
                    err |= dataset_put(&rows[i], TAG_NumberOfSeriesRelatedInstances, SLICE("104"));
                } else {
                    err |= dataset_put(&rows[i], TAG_AccessionNumber, arena_copy(&scratch, slice_from(text[1])));
                    err |= dataset_put(&rows[i], TAG_PatientID, arena_copy(&scratch, slice_from(text[2])));
                    err |= dataset_put(&rows[i], TAG_IssuerOfPatientID, nodes[item.exam / 4 % SITES].organisation < SITES ? organisations[item.exam / 4 % SITES].issuer : SLICE_EMPTY);
                    err |= dataset_put(&rows[i], TAG_PatientName, SLICE("Jones^Megan"));
                    err |= dataset_put(&rows[i], TAG_PatientBirthDate, SLICE("19580411"));
                    err |= dataset_put(&rows[i], TAG_StudyDate, SLICE("20100301"));
                    err |= dataset_put(&rows[i], TAG_StudyTime, SLICE("101500"));
                    err |= dataset_put(&rows[i], TAG_StudyDescription, SLICE("CT thorax"));
                    err |= dataset_put(&rows[i], TAG_ModalitiesInStudy, SLICE("CT"));
                    err |= dataset_put(&rows[i], TAG_NumberOfStudyRelatedInstances, SLICE("208"));
                }
                if (err != ERR_OK) {
                    exit(3);
                }
                messages[i].dimse = (struct dimse){.kind = DIMSE_C_FIND_RSP, .message_id = item.message_id, .status = STATUS_PENDING, .identifier = &rows[i]};
            }
            messages[count].dimse = (struct dimse){.kind = DIMSE_C_FIND_RSP, .message_id = item.message_id, .status = STATUS_SUCCESS};
            step((struct event){.kind = EVENT_RECEIVED, .channel = item.channel, .run = {messages, count + 1}});
        }
    }
}

/* ---- RADIS2. */
static void say(enum hl7_type type, const char *control, const char *status, uint64_t exam)
{
    struct message message = {.protocol = PROTOCOL_HL7};
    struct hl7_value *value = &message.hl7;
    char text[6][64];
    uint64_t person = exam / 4;
    value->type = type;
    for (size_t i = 0; i < HL7_FIELD_COUNT; i++) {
        value->fields[i] = SLICE_EMPTY;
    }
    struct buffer at = buffer_over(text[3], 64);
    time_put_ts(&at, now);
    snprintf(text[0], 64, "%llu", (unsigned long long)exam);
    snprintf(text[1], 64, "L%llu", (unsigned long long)person);
    snprintf(text[2], 64, "M%llu.%lld", (unsigned long long)exam, (long long)sequence);
    snprintf(text[4], 64, "Jones");
    value->fields[HL7_FIELD_SENDER] = SLICE("RADIS2");
    value->fields[HL7_FIELD_SENDER_SITE] = organisations[person % SITES].issuer;
    value->fields[HL7_FIELD_SENT_AT] = value->fields[HL7_FIELD_EVENT_AT] = buffer_slice(&at);
    value->fields[HL7_FIELD_CONTROL_ID] = slice_from(text[2]);
    value->fields[HL7_FIELD_BIRTH_DATE] = SLICE("19580411");
    value->fields[HL7_FIELD_SEX] = SLICE("F");
    value->ids[0] = (struct hl7_id){slice_from(text[1]), organisations[person % SITES].issuer, SLICE("PI")};
    value->id_count = 1;
    value->names[0] = (struct hl7_name){SLICE("Jones"), SLICE("Megan"), SLICE_EMPTY, SLICE_EMPTY, SLICE("L")};
    value->name_count = 1;
    if (type == HL7_ORM_O01 || type == HL7_ORU_R01) {
        value->fields[HL7_FIELD_ORDER_CONTROL] = slice_from(control);
        value->fields[HL7_FIELD_ORDER_STATUS] = slice_from(status);
        value->fields[HL7_FIELD_ACCESSION] = slice_from(text[0]);
        value->fields[HL7_FIELD_ACCESSION_ISSUER] = organisations[person % SITES].accession_issuer;
        value->fields[HL7_FIELD_PLACER] = slice_from(text[0]);
        value->fields[HL7_FIELD_PROCEDURE] = SLICE("CTHOR");
        value->fields[HL7_FIELD_PROCEDURE_TEXT] = SLICE("CT thorax");
        value->fields[HL7_FIELD_MODALITY] = SLICE("CT");
        value->fields[HL7_FIELD_BODY_PART] = SLICE("CHEST");
        value->fields[HL7_FIELD_READING_SITE] = nodes[person % SITES].name;
        value->fields[HL7_FIELD_SCHEDULED_AT] = buffer_slice(&at);
    }
    step((struct event){.kind = EVENT_RECEIVED, .channel = 2, .protocol = PROTOCOL_HL7, .run = {&message, 1}});
}

static const struct stream {
    enum hl7_type type;
    const char *control, *status;
    time_ns offset;
} streams[STREAMS] = {{HL7_ADT_A04, "", "", 0},
                      {HL7_ORM_O01, "NW", "", TIME_S},
                      {HL7_ORM_O01, "SC", "SC", TIME_HOUR},
                      {HL7_ORM_O01, "SC", "IP", TIME_DAY},
                      {HL7_ORM_O01, "SC", "CM", TIME_DAY + 10 * TIME_MIN},
                      {HL7_ORU_R01, "SC", "CM", TIME_DAY + 6 * TIME_HOUR}};

static void play(uint64_t exams)
{
    uint64_t next[STREAMS] = {0};
    for (;;) {
        size_t first = STREAMS;
        time_ns earliest = TIME_NEVER;
        for (size_t s = 0; s < STREAMS; s++) {
            time_ns at = START_NS + (time_ns)next[s] * spacing + streams[s].offset;
            if (next[s] < exams && at < earliest) {
                earliest = at;
                first = s;
            }
        }
        if (first == STREAMS) {
            step_to(now + TIME_HOUR);
            return;
        }
        step_to(earliest);
        now = earliest > now ? earliest : now;
        say(streams[first].type, streams[first].control, streams[first].status, next[first]);
        next[first] += first == 0 ? 4 : 1; /* one registration for each person */
    }
}

/* ---- The world. */
static struct engine_config config_make(uint64_t exams)
{
    for (uint32_t i = 0; i < SITES; i++) {
        snprintf(names[i][0], 16, "site%u", i);
        snprintf(names[i][1], 16, "S%02u", i);
        snprintf(names[i][2], 16, "PACS%u", i);
        snprintf(names[i][3], 16, "pacs%u", i);
        organisations[i] = (struct organisation){slice_from(names[i][0]), slice_from(names[i][0]), slice_from(names[i][1]), slice_from(names[i][1])};
        nodes[i] = (struct node_config){.name = slice_from(names[i][3]), .aet = slice_from(names[i][2]), .kind = NODE_PACS, .peer = i, .organisation = i, .study_root = true,
                                        .source = true, .destination = true, .answers_list = true, .associations = 4};
    }
    uint32_t max = (uint32_t)exams + 64;
    return (struct engine_config){.seed = 1, .aet = SLICE("PONT"), .name = SLICE("hub"), .organisations = organisations, .organisation_count = SITES, .nodes = nodes,
                                  .node_count = SITES, .query_deadline_ns = 3 * TIME_S, .source_timeout_ns = 2 * TIME_S, .response_timeout_ns = 30 * TIME_S,
                                  .publish_retry_ns = 2 * TIME_S, .publish_give_up_ns = 10 * TIME_MIN, .breaker_open_ns = 3 * TIME_S, .breaker_failures = 3,
                                  .transfer_attempts = 6, .run_max = 64, .associations_in = 64, .persons_max = max, .exams_max = max, .studies_max = max,
                                  .instances_max = 100000, .demands_max = max, .queries_max = 64, .audits_max = 0};
}

static long resident_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

int main(int argc, char **argv)
{
    static const char *const kinds[EVENT_KIND_COUNT] = {"clock", "plan", "asked", "opened", "refused", "received", "room", "closed", "relayed", "stored", "operator"};
    uint64_t exams = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000, total = 0, spent = 0;
    spacing = (argc > 2 ? strtoll(argv[2], NULL, 10) : 30) * TIME_S;
    struct engine_config config = config_make(exams);
    struct arena arena;
    out = calloc(1, sizeof *out);
    out->arena = malloc(sizeof *out->arena);
    if (arena_make(&arena, (size_t)1 << 30 | (size_t)exams << 13) != ERR_OK || arena_make(out->arena, 64u << 20) != ERR_OK || arena_make(&scratch, 1u << 20) != ERR_OK ||
        engine_init(&engine, &config, &arena) != ERR_OK) {
        fprintf(stderr, "no room\n");
        return 3;
    }
    long empty = resident_kib();
    uint64_t begun = cpu_ns();
    now = START_NS;
    step((struct event){.kind = EVENT_CLOCK});
    step((struct event){.kind = EVENT_ASKED, .channel = 2, .protocol = PROTOCOL_HL7, .calling = SLICE("RADIS2"), .called = SLICE("PONT"), .address = SLICE("127.0.0.1")});
    play(exams);
    double wall = (double)(cpu_ns() - begun) / 1e9;
    for (int i = 0; i < EVENT_KIND_COUNT; i++) {
        if (steps[i] > 0) {
            printf("%-9s %9llu steps %7.0f ns each\n", kinds[i], (unsigned long long)steps[i], (double)spent_ns[i] / (double)steps[i]);
        }
        total += steps[i];
        spent += spent_ns[i];
    }
    printf("all       %9llu steps %7.0f ns each, %.1f an exam, %.1f us an exam; %llu finds; wall %.2f s\n", (unsigned long long)total, (double)spent / (double)total,
           (double)total / (double)exams, (double)spent / 1e3 / (double)exams, (unsigned long long)finds, wall);
    printf("records %.1f an exam:", (double)records / (double)exams);
    for (uint16_t i = 0; i < TABLE_COUNT; i++) {
        if (per_table[i] > 0) {
            printf(" %s %.1f", records_table(i)->name, (double)per_table[i] / (double)exams);
        }
    }
    printf("\nresident %ld MiB at first, %ld MiB at last, %.0f bytes an exam; digest %016llx\n", empty / 1024, resident_kib() / 1024,
           (double)(resident_kib() - empty) * 1024 / (double)exams, (unsigned long long)engine_digest(engine));
    (void)record_bytes;
    return 0;
}
