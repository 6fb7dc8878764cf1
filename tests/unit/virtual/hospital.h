/* SPDX-License-Identifier: MIT
 *
 * A small real world in virtual time, for tests: the engine, two plain PACS at two sites, RADIS2 and a workstation,
 * joined by two links to the engine's site. What they observe is counted, and hashed. */
#ifndef PONT_TESTS_VIRTUAL_HOSPITAL_H
#define PONT_TESTS_VIRTUAL_HOSPITAL_H

#include <stdarg.h>
#include <stdio.h>

#include "sim/node/node.h"
#include "sim/ris/ris.h"
#include "sim/viewer/viewer.h"
#include "sim/virtual/virtual.h"
#include "src/engine/engine.h"
#include "tests/unit/unit.h"

#define MAYBE __attribute__((unused)) static
#define START_NS (time_from_calendar((struct calendar){2010, 3, 1, 8, 0, 0}))

enum { HUB, PACS_CAV, PACS_GWE, RIS, WS, HOSPITAL_NODES };
enum { SITE_HUB, SITE_CAV, SITE_GWE, HOSPITAL_SITES };
enum { LINK_CAV, LINK_GWE, HOSPITAL_LINKS };
#ifndef HOSPITAL_MEMORY
#define HOSPITAL_MEMORY ((size_t)1200 << 20)
#endif
#ifndef STUDIES
#define STUDIES 40
#endif
#define STUDY_IMAGES 200

static struct hospital {
    struct arena arena;
    struct engine_config engine;
    struct organisation organisations[2];
    struct node_config engine_nodes[4];
    struct peer peers[HOSPITAL_NODES];
    struct node_study studies[STUDIES];
    struct virtual_config config;
    struct virtual_node nodes[HOSPITAL_NODES];
    struct virtual_site sites[HOSPITAL_SITES];
    struct virtual_link links[HOSPITAL_LINKS];
    struct arena engine_memory;
    struct virtual *virtual;
    /* What was seen. */
    int64_t seen[OBSERVATION_COUNT], instances_delivered, marked, rows, retrieves_good;
    int64_t lives, wrong_digests, records, commits, acks_before_commit;
    uint64_t observed;
    uint32_t ws_channels;
} h;

MAYBE slice text_of(const char *prefix, size_t width, long number)
{
    struct buffer text = buffer_make(&h.arena, 64);
    buffer_put_text(&text, prefix);
    buffer_put_padded(&text, (uint64_t)number, width);
    return buffer_slice(&text);
}

MAYBE enum err hospital_observe(void *self, const struct observation *seen, uint32_t node)
{
    char line[4096];
    struct buffer buffer = buffer_over(line, sizeof line);
    (void)self;
    h.seen[seen->kind]++;
    h.instances_delivered += seen->kind == OBSERVATION_delivered && node == PACS_GWE ? (seen->span > 1 ? seen->span : 1) : 0;
    h.marked += seen->kind == OBSERVATION_query_answered && seen->flag;
    h.rows += seen->kind == OBSERVATION_query_answered ? seen->count : 0;
    h.retrieves_good += seen->kind == OBSERVATION_retrieve_answered && seen->number == 0;
    buffer_put_int(&buffer, seen->at_ns);
    buffer_put_int(&buffer, (int64_t)seen->kind);
    buffer_put(&buffer, seen->actor);
    buffer_put(&buffer, seen->text);
    h.observed = h.observed * 31 + (uint64_t)buffer.size + (uint64_t)(unsigned char)line[buffer.size / 2];
    if (getenv("PONT_TEST_VERBOSE") != NULL) {
        printf("# %.3f %s: %s %.*s peer=%.*s acc=%.*s n=%lld count=%lld flag=%d\n", (double)(seen->at_ns - START_NS) / 1e9, node < HOSPITAL_NODES ? h.nodes[node].name.data : "link",
               observation_text(seen->kind), SLICE_ARGS(seen->text), SLICE_ARGS(seen->peer), SLICE_ARGS(seen->accession), (long long)seen->number, (long long)seen->count, seen->flag);
    }
    return ERR_OK;
}

MAYBE enum err hospital_start(void *self, const struct virtual_start *start)
{
    (void)self;
    h.lives++;
    h.wrong_digests += start->life > 1 && start->restored_digest != start->before.state_digest;
    return ERR_OK;
}

MAYBE enum err hospital_record(void *self, uint32_t node, const struct record *record, int64_t step, time_ns at_ns, bool restored)
{
    (void)self, (void)node, (void)record, (void)step, (void)at_ns;
    h.records += !restored;
    return ERR_OK;
}

MAYBE enum err hospital_rebuild(void *self, uint32_t node, struct actor *actor)
{
    struct engine *engine;
    (void)self;
    ck_assert_uint_eq(node, HUB);
    arena_reset(&h.engine_memory);
    enum err err = engine_init(&engine, &h.engine, &h.engine_memory);
    *actor = err == ERR_OK ? engine_actor(engine) : *actor;
    return err;
}

MAYBE void make_engine(void)
{
    h.organisations[0] = (struct organisation){SLICE("cardiff"), SLICE("Cardiff"), SLICE("CAV"), SLICE("CAV")};
    h.organisations[1] = (struct organisation){SLICE("gwent"), SLICE("Gwent"), SLICE("GWE"), SLICE("GWE")};
    const struct {
        const char *name, *aet;
        enum node_kind kind;
        uint32_t organisation, peer;
    } rows[] = {{"pacs_cav", "CAVPACS", NODE_PACS, 0, PACS_CAV}, {"pacs_gwe", "GWEPACS", NODE_PACS, 1, PACS_GWE}, {"ris", "RADIS2", NODE_RIS, 0, RIS}, {"ws", "GWEWS", NODE_VIEWER, 1, WS}};
    for (size_t i = 0; i < 4; i++) {
        bool pacs = rows[i].kind == NODE_PACS;
        h.engine_nodes[i] = (struct node_config){.name = slice_from(rows[i].name), .aet = slice_from(rows[i].aet), .kind = rows[i].kind, .peer = rows[i].peer, .vendor = SLICE("plain"),
                                                 .organisation = rows[i].organisation, .patient_root = true, .study_root = true, .source = pacs, .destination = rows[i].kind != NODE_RIS,
                                                 .answers_list = pacs, .associations = 4, .dialect = (uint64_t)1 << DIALECT_assume_issuer};
    }
    h.engine = (struct engine_config){
        .seed = 1, .aet = SLICE("PONT"), .name = SLICE("hub"), .organisations = h.organisations, .organisation_count = 2, .nodes = h.engine_nodes, .node_count = 4,
        .query_deadline_ns = 3 * TIME_S, .source_timeout_ns = 2 * TIME_S, .response_timeout_ns = 30 * TIME_S, .publish_retry_ns = 2 * TIME_S, .publish_give_up_ns = 10 * TIME_MIN,
        .breaker_open_ns = 3 * TIME_S, .breaker_failures = 3, .transfer_attempts = 6, .run_max = RUN_MAX, .associations_in = 100, .persons_max = 1000, .exams_max = 1000,
        .studies_max = 1000, .instances_max = 100000, .demands_max = 1000, .queries_max = 64, .audits_max = 100000, .memory = (uint64_t)160 << 20};
}

MAYBE void make_studies(void)
{
    for (long i = 0; i < STUDIES; i++) {
        h.studies[i] = (struct node_study){.number = i, .person = text_of("p", 1, i % 8), .patient_id = text_of("", 6, 1000 + i % 8), .issuer = SLICE("CAV"), .name = text_of("Megan^Price", 1, i % 8),
                                           .birth_date = SLICE("19580411"), .sex = SLICE("F"), .accession = text_of("CAV", 6, i), .accession_issuer = SLICE("CAV"),
                                           .study_uid = text_of("1.2.826.0.1.", 1, 100 + i), .date = SLICE("20100301"), .time = SLICE("080000"), .description = SLICE("CT chest"),
                                           .modality = SLICE("CT"), .body_part = SLICE("CHEST"), .laterality = SLICE_EMPTY, .series_count = 2, .image_count = STUDY_IMAGES};
    }
}

MAYBE struct actor make_node(const char *name, const char *aet, const char *issuer, bool holds)
{
    struct node *node = NULL;
    struct arena memory;
    struct node_setup *setup = arena_alloc(&h.arena, sizeof *setup);
    *setup = (struct node_setup){.name = slice_from(name), .aet = slice_from(aet), .issuer = slice_from(issuer), .peers = h.peers, .peer_count = HOSPITAL_NODES, .seed = 1, .spans = true,
                                 .studies = h.studies, .study_count = holds ? STUDIES : 0};
    ck_assert_int_eq(arena_carve(&memory, &h.arena, node_memory(setup)), ERR_OK);
    ck_assert_int_eq(node_init(&node, setup, &memory), ERR_OK);
    return node_actor(node);
}

MAYBE struct actor make_ris(void)
{
    struct ris *ris = NULL;
    struct arena memory;
    static const struct ris_config setup = {.engine = HUB};
    ck_assert_int_eq(arena_carve(&memory, &h.arena, 16u << 20), ERR_OK);
    ck_assert_int_eq(ris_init(&ris, &setup, &memory), ERR_OK);
    return ris_actor(ris);
}

MAYBE struct actor make_viewer(void)
{
    struct viewer *viewer = NULL;
    struct arena memory;
    struct viewer_setup *setup = arena_alloc(&h.arena, sizeof *setup);
    *setup = (struct viewer_setup){.name = SLICE("ws"), .aet = SLICE("GWEWS"), .peers = h.peers, .peer_count = HOSPITAL_NODES, .engine = HUB};
    ck_assert_int_eq(arena_carve(&memory, &h.arena, viewer_memory(setup)), ERR_OK);
    ck_assert_int_eq(viewer_init(&viewer, setup, &memory), ERR_OK);
    return viewer_actor(viewer);
}

/* Everything but the last step: config may be changed before hospital_open. */
MAYBE void hospital_make(void)
{
    struct arena arena = h.arena, engine_memory = h.engine_memory;
    if (arena.memory == NULL) {
        ck_assert_int_eq(arena_make(&arena, HOSPITAL_MEMORY), ERR_OK);
        ck_assert_int_eq(arena_make(&engine_memory, (size_t)200 << 20), ERR_OK);
    }
    h = (struct hospital){.arena = arena, .engine_memory = engine_memory};
    arena_reset(&h.arena);
    make_engine();
    make_studies();
    const char *const names[] = {"hub", "pacs_cav", "pacs_gwe", "ris", "ws"}, *const titles[] = {"PONT", "CAVPACS", "GWEPACS", "RADIS2", "GWEWS"};
    const uint32_t sites[] = {SITE_HUB, SITE_CAV, SITE_GWE, SITE_HUB, SITE_GWE};
    for (size_t n = 0; n < HOSPITAL_NODES; n++) {
        h.peers[n] = (struct peer){slice_from(names[n]), slice_from(titles[n]), SLICE("127.0.0.1"), 104, n == HUB ? 2575 : 0};
        h.nodes[n] = (struct virtual_node){.name = slice_from(names[n]), .aet = slice_from(titles[n]), .site = sites[n], .dicom = n != RIS, .hl7 = n == HUB, .durable = n == HUB,
                                           .restart_ns = TIME_S};
    }
    ck_assert_int_eq(hospital_rebuild(NULL, HUB, &h.nodes[HUB].actor), ERR_OK);
    h.nodes[PACS_CAV].actor = make_node("pacs_cav", "CAVPACS", "CAV", true);
    h.nodes[PACS_GWE].actor = make_node("pacs_gwe", "GWEPACS", "GWE", false);
    h.nodes[RIS].actor = make_ris();
    h.nodes[WS].actor = make_viewer();
    h.sites[SITE_HUB] = (struct virtual_site){.name = SLICE("hub"), .delay_ns = 100 * TIME_US};
    h.sites[SITE_CAV] = (struct virtual_site){.name = SLICE("cardiff"), .delay_ns = 100 * TIME_US};
    h.sites[SITE_GWE] = (struct virtual_site){.name = SLICE("gwent"), .delay_ns = 100 * TIME_US};
    h.links[LINK_CAV] = (struct virtual_link){.name = SLICE("cav"), .from = SITE_CAV, .to = SITE_HUB, .bytes_per_s = 12500000, .delay_ns = 5 * TIME_MS, .jitter_ns = TIME_MS};
    h.links[LINK_GWE] = (struct virtual_link){.name = SLICE("gwe"), .from = SITE_GWE, .to = SITE_HUB, .bytes_per_s = 12500000, .delay_ns = 5 * TIME_MS, .jitter_ns = TIME_MS};
    h.config = (struct virtual_config){.seed = 1, .start_ns = START_NS, .nodes = h.nodes, .node_count = HOSPITAL_NODES, .sites = h.sites, .site_count = HOSPITAL_SITES, .links = h.links,
                                       .link_count = HOSPITAL_LINKS, .watcher = {.observe = hospital_observe, .start = hospital_start, .record = hospital_record},
                                       .rebuild = hospital_rebuild, .limits = {.events_max = 65536, .payload_bytes = 64u << 20, .record_bytes = 64u << 20, .records_max = 100000}};
}

MAYBE void hospital_open(void)
{
    ck_assert_int_eq(virtual_init(&h.virtual, &h.config, &h.arena), ERR_OK);
}

#define PLAN_ENTRY_MAX 20
MAYBE void tell(uint32_t node, enum plan_kind kind, time_ns at_ns, const char *verb, ...)
{
    struct plan_entry entry = {.kind = kind, .verb = slice_from(verb)};
    va_list list;
    va_start(list, verb);
    for (const char *name = va_arg(list, const char *); name != NULL; name = va_arg(list, const char *)) {
        entry.arguments[entry.argument_count++] = (struct plan_argument){slice_from(name), va_arg(list, slice)};
    }
    va_end(list);
    ck_assert_int_eq(virtual_tell(h.virtual, node, &entry, at_ns), ERR_OK);
}

/* The life of a study up to its completion. */
MAYBE void tell_exam(long i, time_ns at_ns)
{
    const struct node_study *study = &h.studies[i];
    static const char *const verbs[] = {"register", "order", "complete"};
    for (size_t v = 0; v < 3; v++) {
        tell(RIS, PLAN_DO, at_ns + (time_ns)v * TIME_S, verbs[v], "person", study->person, "site", SLICE("CAV"), "number", study->patient_id, "family", SLICE("Megan"), "given",
             text_of("Price", 1, i % 8), "birth_date", study->birth_date, "sex", SLICE("F"), "accession", study->accession, "study_uid", study->study_uid, "modality", SLICE("CT"), "body_part",
             SLICE("CHEST"), "procedure_text", SLICE("CT chest"), NULL);
    }
}

MAYBE void run_until(time_ns until_ns)
{
    enum virtual_end end;
    enum err err = virtual_run(h.virtual, &(struct virtual_until){.until_ns = until_ns}, &end);
    ck_assert_msg(err == ERR_OK, "%s", virtual_why(h.virtual));
}

#endif
