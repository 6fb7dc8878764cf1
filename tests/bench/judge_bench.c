/* SPDX-License-Identifier: MIT
 *
 * What judging a year costs: feeds the judge a made year (orders, completions, images in spans, the watcher's questions,
 * the engine's records with their audit chain, transfers) and prints microseconds an item and bytes an exam.
 *     judge_bench [exams, 1360000] [transfers, 206000]
 * Only the judge's own calls are timed: what it is fed is made before, in batches. */
#include "src/base/hash.h"
#include "src/bench/judge.h"
#include "src/engine/records.h"
#include "src/engine/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SITES 6
#define BATCH 512
#define T0 (1767225600 * TIME_S)

static struct site sites[SITES];
static struct scenario_node nodes[2 * SITES + 4];
static struct scenario scenario = {.id = SLICE("year"), .sites = sites, .site_count = SITES, .nodes = nodes, .node_count = 2 * SITES + 4};

struct item {
    enum { OBSERVE, RECORD, COMMIT, LEFT } kind;
    int64_t step;
    time_ns at;
    struct observation seen;
    struct record record;
    struct command command;
    struct message message;
};

static struct {
    struct judge *judge;
    struct arena arena, texts;
    struct item *items;
    size_t count;
    int64_t observations, records, others, line, step, lsn, demand, question, instances;
    double seconds;
    char hash[65];
} bench;

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void must(enum err err)
{
    if (err != ERR_OK) {
        fprintf(stderr, "judge_bench: %s after %lld observations and %lld records\n", err_text(err), (long long)bench.observations, (long long)bench.records);
        exit(1);
    }
}

static void feed(const struct item *item)
{
    switch (item->kind) {
    case OBSERVE:
        must(judge_observe(bench.judge, &item->seen, ++bench.line));
        bench.observations++;
        return;
    case RECORD:
        must(judge_record(bench.judge, &item->record, item->step, item->at, false));
        bench.records++;
        return;
    case COMMIT:
        must(judge_committed(bench.judge, item->step, 1, item->at));
        bench.others++;
        return;
    default:
        must(judge_left(bench.judge, &item->command, item->step, item->at));
        bench.others++;
    }
}

static void flush(void)
{
    double begin = now_s();
    for (size_t i = 0; i < bench.count; i++) {
        feed(&bench.items[i]);
    }
    bench.seconds += now_s() - begin;
    bench.count = 0;
    arena_reset(&bench.texts);
}

static struct item *take(int kind, time_ns at)
{
    struct item *item = &bench.items[bench.count++];
    memset(item, 0, sizeof *item);
    item->kind = kind;
    item->at = at;
    item->step = bench.step;
    item->seen.at_ns = at;
    return item;
}

static slice text(const char *format, ...)
{
    char room[512];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(room, sizeof room, format, arguments);
    va_end(arguments);
    return arena_copy(&bench.texts, (slice){room, (size_t)size});
}

static void see(struct observation seen)
{
    take(OBSERVE, seen.at_ns)->seen = seen;
}
#define SEE(event, at, ...) see((struct observation){.kind = OBSERVATION_##event, .at_ns = at, __VA_ARGS__})

static void put(time_ns at, int table, ...)
{
    struct record *record = &take(RECORD, at)->record;
    const struct table *columns = records_table((uint16_t)table);
    va_list values;
    va_start(values, table);
    record->table = (uint16_t)table;
    for (size_t c = 0; c < columns->column_count; c++) {
        if (columns->columns[c].type == COLUMN_TEXT) {
            record->values[c].text = va_arg(values, slice);
        } else {
            record->values[c].text = SLICE_EMPTY;
            record->values[c].integer = va_arg(values, int64_t);
        }
    }
    va_end(values);
}
#define I(n) ((int64_t)(n))

static void audit(time_ns at, const char *event, slice who, slice what)
{
    char previous[65], joined[1024];
    memcpy(previous, bench.hash, sizeof previous);
    int size = snprintf(joined, sizeof joined, "%s\n%lld\n%lld\n%s\naccepted\n%.*s\n%.*s\n", previous, (long long)++bench.lsn, (long long)at, event, SLICE_ARGS(who), SLICE_ARGS(what));
    sha256_text((slice){joined, (size_t)size}, bench.hash);
    put(at, TABLE_audit, I(bench.lsn), I(at), text("%s", event), SLICE("accepted"), who, what, SLICE_EMPTY, text("%s", previous), text("%s", bench.hash));
}

static void commit(time_ns at)
{
    take(COMMIT, at);
    bench.step++;
}

/* ---- A year. */

struct exam {
    int64_t number, person;
    int site;
    uint32_t images;
    slice accession, uid, nhs, local, id, issuer, pacs;
};

static void message(const struct exam *exam, time_ns at, const char *type, const char *order, bool adt)
{
    slice control = text("M%lld", (long long)(bench.step * 4));
    SEE(hl7_sent, at, .actor = SLICE("ris"), .person = exam->id, .text = text("%s", type), .name = text("%s", order), .other_id = control, .study_uid = exam->uid,
        .accession = exam->accession, .issuer = exam->issuer, .count = 1);
    put(at, TABLE_hl7_in, SLICE("RADIS2"), control, SLICE("digest"), SLICE("AA"), I(at));
    if (adt) {
        put(at, TABLE_person, I(exam->person + 1), exam->nhs, SLICE("NHS"), SLICE("ROSS"), SLICE("ANN"), SLICE("19580411"), SLICE("F"), I(1), I(0), I(1));
        put(at, TABLE_identifier, SLICE("NHS"), exam->nhs, I(exam->person + 1), I(1), I(at));
        put(at, TABLE_identifier, exam->issuer, exam->local, I(exam->person + 1), I(0), I(at));
    }
    commit(at);
    struct item *left = take(LEFT, at);
    left->step--;
    left->message = (struct message){.protocol = PROTOCOL_HL7, .hl7 = {.type = HL7_ACK}};
    left->message.hl7.fields[HL7_FIELD_ACK_CODE] = SLICE("AA");
    left->message.hl7.fields[HL7_FIELD_ACK_OF] = control;
    left->command = (struct command){.kind = COMMAND_SEND, .channel = 2, .run = {&left->message, 1}};
    SEE(hl7_acked, at, .actor = SLICE("ris"), .person = exam->id, .text = text("%s AA", type), .name = text("%s", order), .other_id = control, .study_uid = exam->uid,
        .accession = exam->accession, .issuer = exam->issuer, .count = 1);
}

static void exam_record(const struct exam *exam, time_ns at, int64_t state, int64_t study)
{
    put(at, TABLE_exam, exam->issuer, exam->accession, I(exam->person + 1), exam->issuer, exam->local, I(study), I(state), SLICE("CTHD"), SLICE("CT Head"), SLICE("CT"),
        SLICE("head"), SLICE_EMPTY, exam->pacs, I(at), I(0), I(0), I(at), I(0), SLICE_EMPTY);
}

static void question(const struct exam *exam, time_ns at, slice viewer, bool by_accession)
{
    slice id = text("q%lld", (long long)++bench.question);
    if (by_accession) {
        SEE(query_asked, at, .actor = viewer, .other_id = id, .text = SLICE("STUDY AccessionNumber=x"), .accession = exam->accession, .issuer = exam->issuer);
    } else {
        SEE(query_asked, at, .actor = viewer, .other_id = id, .text = SLICE("STUDY PatientID=x"), .patient_id = exam->nhs, .issuer = SLICE("NHS"));
    }
    audit(at, "QUERY", viewer, text("STUDY %.*s", SLICE_ARGS(exam->nhs)));
    put(at, TABLE_query, I(bench.question), I(at), viewer, SLICE("keys"), I(1), I(0), SLICE_EMPTY, I(at + TIME_MS));
    commit(at);
    SEE(row_shown, at, .actor = viewer, .other_id = id, .study_uid = exam->uid, .patient_id = exam->nhs, .issuer = SLICE("NHS"), .accession = exam->accession,
        .other_issuer = exam->pacs);
    SEE(query_answered, at + TIME_MS, .actor = viewer, .other_id = id, .latency_ns = 40 * TIME_MS + exam->number % 1000 * TIME_MS, .count = 1);
}

static void transfer(const struct exam *exam, time_ns at)
{
    int64_t id = ++bench.demand;
    slice to = nodes[SITES + (exam->site + 1) % SITES].id;
    for (int state = DEMAND_WAITING; state <= DEMAND_DONE; state++) {
        at += TIME_S;
        if (state == DEMAND_RUNNING) {
            audit(at, "DELIVER", SLICE("mdt"), text("%.*s %.*s > %.*s", SLICE_ARGS(exam->uid), SLICE_ARGS(exam->pacs), SLICE_ARGS(to)));
        }
        put(at, TABLE_demand, I(id), I(DEMAND_MDT), SLICE("key"), I(exam->number + 1), I(1), to, SLICE("STUDY"), SLICE_EMPTY, SLICE("mdt"), I(at), I(state),
            I(state == DEMAND_DONE ? PROOF_LIST : PROOF_NONE), I(1), I(exam->images), I(state == DEMAND_DONE ? exam->images : 0), I(at), I(0), SLICE_EMPTY, I(PATH_RELAY));
        if (state == DEMAND_RUNNING) {
            put(at, TABLE_job, I(id), I(id), exam->pacs, I(PATH_RELAY), I(1), I(at));
        }
        commit(at);
        if (state == DEMAND_RUNNING) {
            struct item *left = take(LEFT, at);
            left->step--;
            left->command = (struct command){.kind = COMMAND_RELAY, .relay = {.id = id, .study_uid = exam->uid}};
            for (uint32_t i = 0; i < exam->images; i += 64) {
                slice sop = text("%.*s.%u", SLICE_ARGS(exam->uid), i + 1);
                SEE(delivered, at, .actor = to, .issuer = SLICE("NHS"), .patient_id = exam->nhs, .study_uid = exam->uid, .sop_uid = sop, .dataset_sha256 = exam->uid,
                    .pixel_sha256 = exam->uid, .count = 500000, .span = exam->images - i < 64 ? exam->images - i : 64);
                put(at, TABLE_job_item, I(id), sop, I(exam->images - i < 64 ? exam->images - i : 64), I(0), exam->uid, exam->uid);
            }
        }
    }
}

static void one_exam(int64_t number, int64_t exams, bool moved)
{
    int64_t persons = exams * 640 / 1360 + 1, person = (int64_t)(number * 2654435761u % (uint64_t)persons);
    struct exam exam = {.number = number, .person = person, .site = (int)(person % SITES), .images = (uint32_t)(number % 20 == 0 ? 640 : 19)};
    time_ns at = T0 + number * (365 * TIME_DAY / exams);
    bool first = number < persons || number % 3 == 0;
    exam.accession = text("A%08lld", (long long)number);
    exam.uid = text("2.25.3%018llu%020lld", (unsigned long long)(number * 0x9E3779B97F4A7C15u % 1000000000000000000u), (long long)number);
    exam.nhs = text("999%07lld", (long long)person);
    exam.local = text("%c%07lld", 'A' + exam.site, (long long)person);
    exam.id = text("p%lld", (long long)person);
    exam.issuer = sites[exam.site].issuer;
    exam.pacs = nodes[exam.site].id;
    if (first) {
        SEE(truth_person, at, .actor = SLICE("ris"), .person = exam.id, .nhs = exam.nhs, .patient_id = exam.local, .issuer = exam.issuer, .name = SLICE("ROSS^ANN"),
            .text = SLICE("19580411"), .number = at, .flag = true);
        message(&exam, at, "ADT^A04", "", true);
    }
    static const char *const orders[] = {"NW", "SC", "IP", "CM"}, *const states[] = {"ordered", "scheduled", "arrived", "completed"};
    for (int i = 0; i < 4; i++) {
        at += TIME_MIN;
        if (i == 3) {
            for (uint32_t image = 0; image < exam.images; image += 64) {
                SEE(truth_instance, at, .actor = exam.pacs, .person = exam.id, .study_uid = exam.uid, .sop_uid = text("%.*s.%u", SLICE_ARGS(exam.uid), image + 1),
                    .patient_id = exam.local, .issuer = exam.issuer, .accession = exam.accession, .dataset_sha256 = exam.uid, .pixel_sha256 = exam.uid, .count = 500000,
                    .span = exam.images - image < 64 ? exam.images - image : 64);
            }
            bench.instances += exam.images;
        }
        SEE(truth_exam, at, .actor = SLICE("ris"), .person = exam.id, .accession = exam.accession, .issuer = exam.issuer, .study_uid = exam.uid, .text = text("%s", states[i]));
        exam_record(&exam, at, i + 1, 0);
        message(&exam, at, i < 3 ? "ORM^O01" : "ORU^R01", orders[i], false);
    }
    put(at, TABLE_study, I(number + 1), exam.uid, I(person + 1), exam.issuer, exam.accession, SLICE("20260101"), SLICE("120000"), SLICE("CT Head"), SLICE("1"), SLICE("CT"),
        SLICE("head"), I(2), I(exam.images), I(0));
    audit(at, "PUBLISH", SLICE("engine"), exam.accession);
    exam_record(&exam, at, EXAM_PUBLISHED, number + 1);
    commit(at);
    question(&exam, at + 5 * TIME_S, SLICE("watcher"), true);
    SEE(watched, at + 5 * TIME_S, .actor = SLICE("watcher"), .accession = exam.accession, .issuer = exam.issuer, .study_uid = exam.uid, .flag = true,
        .latency_ns = 5 * TIME_S + number % 977 * TIME_S / 10);
    if (moved) {
        transfer(&exam, at + TIME_MIN);
    }
}

static long resident_kib(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL || fscanf(file, "%*s %ld", &pages) != 1) {
        pages = 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return pages * 4;
}

static void make_scenario(void)
{
    static char names[4 * SITES][16];
    for (int s = 0; s < SITES; s++) {
        snprintf(names[s], 16, "IS%c", 'A' + s);
        snprintf(names[SITES + s], 16, "pacs%c", 'A' + s);
        snprintf(names[2 * SITES + s], 16, "view%c", 'A' + s);
        sites[s] = (struct site){.id = slice_from(names[s]), .issuer = slice_from(names[s]), .accession = slice_from(names[s])};
        nodes[s] = (struct scenario_node){.id = slice_from(names[SITES + s]), .site = (uint32_t)s, .kind = KIND_PACS};
        nodes[SITES + s] = (struct scenario_node){.id = slice_from(names[2 * SITES + s]), .site = (uint32_t)s, .kind = KIND_VIEWER};
    }
    nodes[2 * SITES] = (struct scenario_node){.id = SLICE("ris"), .kind = KIND_RIS};
    nodes[2 * SITES + 1] = (struct scenario_node){.id = SLICE("hub"), .kind = KIND_ENGINE};
    nodes[2 * SITES + 2] = (struct scenario_node){.id = SLICE("watcher"), .kind = KIND_VIEWER};
    nodes[2 * SITES + 3] = (struct scenario_node){.id = SLICE("mdt"), .kind = KIND_VIEWER};
}

int main(int argc, char **argv)
{
    int64_t exams = argc > 1 ? atoll(argv[1]) : 1360000, transfers = argc > 2 ? atoll(argv[2]) : exams * 206 / 1360;
    static struct results results;
    make_scenario();
    bench.items = calloc(BATCH + 4096, sizeof *bench.items);
    if (bench.items == NULL || arena_make(&bench.arena, 1u << 30) != ERR_OK || arena_make(&bench.texts, 64u << 20) != ERR_OK) {
        return 1;
    }
    long before = resident_kib();
    must(judge_init(&bench.judge, &scenario, &bench.arena));
    must(judge_life(bench.judge, 1));
    bench.step = 1;
    long empty = resident_kib();
    for (int64_t e = 0; e < exams; e++) {
        one_exam(e, exams, e * transfers / exams != (e + 1) * transfers / exams);
        if (bench.count > BATCH) {
            flush();
        }
    }
    flush();
    long full = resident_kib();
    results.scenario = &scenario;
    double begin = now_s();
    must(judge_end(bench.judge, &results));
    double end = now_s() - begin;
    int64_t items = bench.observations + bench.records + bench.others;
    printf("%lld exams, %lld transfers, %lld instances: %lld observations, %lld records, %lld commits and commands\n", (long long)exams, (long long)bench.demand,
           (long long)bench.instances, (long long)bench.observations, (long long)bench.records, (long long)bench.others);
    printf("%.3f us an observation or record, %.3f us any item; %.1f s in all, %.2f s at the end\n", bench.seconds * 1e6 / (double)(bench.observations + bench.records),
           bench.seconds * 1e6 / (double)items, bench.seconds, end);
    printf("%ld MiB before the first exam, %ld MiB more after the last: %.0f bytes an exam\n", (empty - before) / 1024, (full - empty) / 1024,
           (double)(full - empty) * 1024 / (double)exams);
    int64_t violations = 0, cases = 0;
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        violations += results.invariants[i].violations;
        cases += results.invariants[i].checked;
        for (size_t e = 0; e < results.invariants[i].evidence_count && e < 1 && results.invariants[i].violations > 0; e++) {
            printf("%s: %s\n", invariant_name((enum invariant)i), results.invariants[i].evidence[e].text);
        }
    }
    printf("%lld cases, %lld violations; publish p50 %.3f s, p95 %.3f s; outcome %016llx\n", (long long)cases, (long long)violations,
           (double)results.latency[LATENCY_publish].sorted_ns[results.latency[LATENCY_publish].kept / 2] / 1e9,
           (double)results.latency[LATENCY_publish].sorted_ns[results.latency[LATENCY_publish].kept * 95 / 100] / 1e9, (unsigned long long)results.outcome_digest);
    judge_drop(bench.judge);
    return violations == 0 ? 0 : 1;
}
