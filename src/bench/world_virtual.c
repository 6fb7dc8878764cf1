/* SPDX-License-Identifier: MIT
 *
 * The virtual world: engine, nodes, RADIS2 and viewers in one process, on the event queue of sim/virtual. What the wire
 * writes to a journal and reads again, the judge is told here while it happens. */
#include "src/bench/world.h"

#include "sim/node/node.h"
#include "src/actor/serial.h"
#include "src/bench/actors.h"
#include "src/bench/folder.h"
#include "src/bench/judge.h"
#include "src/bench/look.h"
#include "src/bench/model.h"
#include "src/dicom/uid.h"
#include "src/engine/engine.h"
#include "src/engine/records.h"
#include "src/engine/state.h"

#include <stdio.h>
#include <sys/resource.h>

#define SLICE_EVENTS 20000       /* between two looks at progress and ^C */
#define REACT_NS TIME_MS         /* from what is observed to what is told on account of it */
#define OPEN_BITS (1u << 26)     /* ids of demands whose state is followed */
#define LINE_SIZE (1u << 20)
#define PORT_FIRST 11100         /* nobody listens there; engine.yaml wants numbers */
#define HEADER_MEMORY (64u << 20)

struct inner {
    struct scenario *scenario;
    struct virtual_options options;
    struct virtual *virtual;
    struct made_actor made[SCENARIO_NODES_MAX];
    struct virtual_node nodes[SCENARIO_NODES_MAX];
    struct model model;
    struct peer *peers;
    uint32_t engine, *engine_peers;
    struct engine_file *file;
    struct arena engine_memory, copy_memory, memory, header; /* of the engine; of a copy of it; of the driver; of one object's header */
    FILE *observations, *trace;
    int64_t line, trace_lines;
    struct buffer text;      /* one line */
    uint64_t *open;          /* a bit for each demand that is in no terminal state */
    int64_t open_count, open_top;
    time_ns told_ns;         /* when the last telling reaches its node */
    struct virtual_sums sums;
    char why[256];
};

/* ---- What happens. */

static void close_file(FILE **file)
{
    if (*file != NULL) {
        fclose(*file);
        *file = NULL;
    }
}

/* A file that grew too long goes: half of it would be worse than none. */
static bool still_written(struct inner *inner, FILE **file, const char *name, int64_t lines)
{
    char path[600];
    if (*file != NULL && lines > LINES_MAX && !inner->options.all) {
        close_file(file);
        snprintf(path, sizeof path, "%s/%s", inner->options.folder, name);
        remove(path);
    }
    return *file != NULL;
}

static void see(struct inner *inner, const struct observation *seen)
{
    inner->line++;
    if (still_written(inner, &inner->observations, "observations.jsonl", inner->line)) {
        inner->text.size = 0;
        inner->text.full = false;
        observation_put_json(seen, &inner->text);
        buffer_put_byte(&inner->text, '\n');
        fwrite(inner->text.data, 1, inner->text.size, inner->observations);
    }
    inner->options.observer(inner->options.observer_self, seen, inner->line);
}

static enum err on_observe(void *self, const struct observation *observation, uint32_t node)
{
    (void)node; /* the driver has put its name */
    see(self, observation);
    return ERR_OK;
}

static enum err on_start(void *self, const struct virtual_start *start)
{
    struct inner *inner = self;
    memset(inner->open, 0, (size_t)inner->open_top / 8 + 8);
    inner->open_count = 0;
    if (inner->options.judge == NULL) {
        return ERR_OK;
    }
    enum err err = judge_life(inner->options.judge, start->life);
    if (err == ERR_OK && start->life > 1) {
        err = judge_restored(inner->options.judge, start->life, start->before.state_digest, start->restored_digest);
    }
    return err;
}

static bool is_open(const struct record *record)
{
    int64_t state = record->values[COLUMN_demand_state].integer;
    return !record->deleted && state != DEMAND_DONE && state != DEMAND_UNPROVEN && state != DEMAND_FAILED;
}

static enum err follow_demand(struct inner *inner, const struct record *record)
{
    int64_t id = record->values[COLUMN_demand_id].integer;
    if (id < 0 || id >= OPEN_BITS) {
        snprintf(inner->why, sizeof inner->why, "more than %u demands", OPEN_BITS);
        return ERR_LIMIT;
    }
    inner->open_top = id > inner->open_top ? id : inner->open_top;
    uint64_t bit = (uint64_t)1 << (id % 64), *word = &inner->open[id / 64];
    bool was = (*word & bit) != 0, is = is_open(record);
    *word = is ? *word | bit : *word & ~bit;
    inner->open_count += (int64_t)is - (int64_t)was;
    if (was && inner->open_count == 0) {
        virtual_stop(inner->virtual); /* perhaps everything is over */
    }
    return ERR_OK;
}

static enum err on_record(void *self, uint32_t node, const struct record *record, int64_t step, time_ns at_ns, bool restored)
{
    struct inner *inner = self;
    (void)node;
    enum err err = record->table == TABLE_demand ? follow_demand(inner, record) : ERR_OK;
    return err != ERR_OK || inner->options.judge == NULL ? err : judge_record(inner->options.judge, record, step, at_ns, restored);
}

static enum err on_committed(void *self, uint32_t node, int64_t step, uint64_t digest, time_ns at_ns)
{
    struct inner *inner = self;
    (void)node;
    return inner->options.judge == NULL ? ERR_OK : judge_committed(inner->options.judge, step, digest, at_ns);
}

static enum err on_copied(void *self, uint32_t node, int64_t step, uint64_t committed, uint64_t copied)
{
    struct inner *inner = self;
    (void)node;
    return inner->options.judge == NULL ? ERR_OK : judge_copied(inner->options.judge, step, committed, copied);
}

static enum err on_left(void *self, uint32_t node, const struct command *command, int64_t step, time_ns at_ns)
{
    struct inner *inner = self;
    (void)node;
    return inner->options.judge == NULL ? ERR_OK : judge_left(inner->options.judge, command, step, at_ns);
}

/* The engine's lines alone, as the wire driver writes them. */
static enum err on_trace(void *self, const struct virtual_trace_line *line)
{
    struct inner *inner = self;
    const struct look_world shown = {inner->virtual, inner->scenario, inner->open_count};
    enum err err = inner->options.look == NULL ? ERR_OK : look_line(inner->options.look, &shown, line);
    if (err != ERR_OK || line->node != inner->engine || !still_written(inner, &inner->trace, "trace.jsonl", ++inner->trace_lines)) {
        return err;
    }
    inner->text.size = 0;
    inner->text.full = false;
    if (line->event != NULL) {
        event_put_json(line->event, &inner->text);
    } else {
        command_put_json(line->command, virtual_now(inner->virtual), &inner->text);
    }
    buffer_put_byte(&inner->text, '\n');
    fwrite(inner->text.data, 1, inner->text.full ? 0 : inner->text.size, inner->trace);
    return ERR_OK;
}

static bool next_row(void *self, time_ns *at_ns, uint32_t *node, const struct plan_entry **entry)
{
    const struct inner *inner = self;
    const struct load_row *row = inner->options.next(inner->options.next_self);
    if (row != NULL) {
        *at_ns = row->at_ns;
        *node = row->node;
        *entry = &row->entry;
    }
    return row != NULL;
}

/* ---- Objects. */

static int64_t object_size(void *self, uint32_t node, const struct object *object)
{
    const struct inner *inner = self;
    return inner->made[node].node == NULL ? 0 : node_object_size(inner->made[node].node, object, object->transfer_syntax);
}

/* What a node that is sent an object reads in its header: made as on the wire, by writing it. */
static const struct dataset *object_header(void *self, uint32_t node, const struct object *object, struct arena *arena)
{
    struct inner *inner = self;
    struct dataset all, *kept = arena_alloc(arena, sizeof *kept);
    const struct node *from = inner->made[node].node;
    int64_t size = from == NULL ? 0 : node_object_size(from, object, UID_EXPLICIT_LITTLE);
    arena_reset(&inner->header);
    if (kept == NULL || size <= 0 || size > HEADER_MEMORY / 2) {
        return NULL;
    }
    struct buffer bytes = buffer_make(&inner->header, (size_t)size + 65536);
    if (node_object_write(from, object, UID_EXPLICIT_LITTLE, &bytes) != ERR_OK || bytes.full ||
        dataset_parse(&all, buffer_slice(&bytes), SYNTAX_EXPLICIT_LITTLE, &inner->header) != ERR_OK ||
        dataset_init(kept, arena, (uint32_t)node_kept_tag_count + 1) != ERR_OK) {
        return NULL;
    }
    for (size_t i = 0; i < node_kept_tag_count; i++) {
        const struct element *element = dataset_find(&all, node_kept_tags[i]);
        if (element != NULL && element->items == NULL && dataset_put_vr(kept, element->tag, element->vr, arena_copy(arena, element->value)) != ERR_OK) {
            return NULL;
        }
    }
    return kept;
}

/* ---- Making it. */

static enum err make_engine(const struct inner *inner, struct actor *actor, struct arena *memory)
{
    struct engine *engine = NULL;
    arena_drop(memory);
    enum err err = arena_make(memory, (size_t)inner->file->config.memory);
    err = err == ERR_OK ? engine_init(&engine, &inner->file->config, memory) : err;
    *actor = err == ERR_OK ? engine_actor(engine) : *actor;
    return err;
}

static enum err rebuild(void *self, uint32_t node, struct actor *actor)
{
    (void)node; /* the engine alone is durable */
    struct inner *inner = self;
    return make_engine(inner, actor, &inner->engine_memory);
}

static enum err make_copy(void *self, uint32_t node, struct actor *actor)
{
    (void)node;
    struct inner *inner = self;
    return make_engine(inner, actor, &inner->copy_memory);
}

static bool is_said(const struct scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->policy_count; i++) {
        if (slice_equal(scenario->policies[i].name, slice_from(name))) {
            return true;
        }
    }
    return false;
}

/* The limits of engine.yaml are those of a site's day; a population may bring a year. What the scenario itself says stays. */
static void hold_load(const struct scenario *scenario, struct engine_config *config)
{
    struct load_expected expected;
    const struct engine_config before = *config;
    if (actors_expect(scenario, &expected)) {
        struct engine_load load = {.exams = (uint64_t)(expected.exams + expected.priors), .studies = (uint64_t)(expected.exams + expected.priors),
                                   .persons = (uint64_t)expected.persons, .numbers = (uint64_t)expected.registrations, .cases = (uint64_t)expected.meetings_names};
        engine_config_hold(config, &load);
    }
    config->persons_max = is_said(scenario, "limits.persons") ? before.persons_max : config->persons_max;
    config->exams_max = is_said(scenario, "limits.exams") ? before.exams_max : config->exams_max;
    config->studies_max = is_said(scenario, "limits.studies") ? before.studies_max : config->studies_max;
    config->demands_max = is_said(scenario, "limits.demands") ? before.demands_max : config->demands_max;
    config->audits_max = is_said(scenario, "limits.audits") ? before.audits_max : config->audits_max;
}

/* engine.yaml is written and read as on the wire, so that both worlds have the same engine. */
static enum err read_engine(struct inner *inner, struct arena *arena)
{
    static struct problems problems;
    char path[600];
    struct scenario *scenario = inner->scenario;
    for (size_t n = 0; n < scenario->node_count; n++) {
        scenario->nodes[n].dicom_port = (uint16_t)(PORT_FIRST + 2 * n);
        scenario->nodes[n].hl7_port = scenario->nodes[n].kind == KIND_ENGINE || scenario->nodes[n].kind == KIND_RIS ? (uint16_t)(PORT_FIRST + 2 * n + 1) : 0;
    }
    struct buffer yaml = buffer_make(arena, 1 << 18);
    enum err err = engine_yaml_write(scenario, inner->options.folder, &yaml);
    err = err == ERR_OK ? folder_write(inner->options.folder, "engine.yaml", buffer_slice(&yaml)) : err;
    snprintf(path, sizeof path, "%s/engine.yaml", inner->options.folder);
    err = err == ERR_OK ? engine_yaml_read(&inner->file, path, &problems, arena) : err;
    if (err != ERR_OK) {
        snprintf(inner->why, sizeof inner->why, "engine.yaml cannot be made: %s", err_text(err));
        return err;
    }
    hold_load(scenario, &inner->file->config);
    inner->file->config.run_max = inner->options.run_max > 0 ? inner->options.run_max : inner->file->config.run_max;
    inner->engine_peers = arena_array(arena, inner->file->peer_count + 1, sizeof *inner->engine_peers);
    for (size_t p = 0; inner->engine_peers != NULL && p < inner->file->peer_count; p++) {
        inner->engine_peers[p] = VIRTUAL_NONE;
        for (uint32_t n = 0; n < scenario->node_count; n++) {
            if (slice_equal(scenario->nodes[n].aet, inner->file->peers[p].aet) && slice_equal(scenario->nodes[n].id, inner->file->peers[p].name)) {
                inner->engine_peers[p] = n;
            }
        }
    }
    return inner->engine_peers == NULL ? ERR_LIMIT : ERR_OK;
}

static enum err make_nodes(struct inner *inner, struct arena *arena)
{
    const struct scenario *scenario = inner->scenario;
    const struct actors_options options = {.peers = inner->peers, .run_max = inner->options.run_max, .in_spans = true};
    enum err err = ERR_OK;
    for (uint32_t n = 0; err == ERR_OK && n < scenario->node_count; n++) {
        const struct scenario_node *from = &scenario->nodes[n];
        struct virtual_node *node = &inner->nodes[n];
        if (from->import.size > 0) {
            snprintf(inner->why, sizeof inner->why, "%.*s serves files (archive: import); files have no meaning in virtual time, use --world wire", SLICE_ARGS(from->id));
            return ERR_BAD_INPUT;
        }
        *node = (struct virtual_node){.name = from->id, .aet = from->aet, .dicom = from->kind != KIND_RIS, .hl7 = from->kind == KIND_ENGINE || from->kind == KIND_RIS};
        err = model_node(node, &inner->model, scenario, n, arena);
        if (err == ERR_OK && from->kind == KIND_ENGINE) {
            node->peers = inner->engine_peers;
            node->peer_count = inner->file->peer_count;
            err = make_engine(inner, &node->actor, &inner->engine_memory);
        } else if (err == ERR_OK) {
            err = actors_make(&inner->made[n], scenario, n, &options, arena);
            node->actor = inner->made[n].actor;
        }
        if (err != ERR_OK) {
            snprintf(inner->why, sizeof inner->why, "%.*s does not fit into memory", SLICE_ARGS(from->id));
        }
    }
    return err;
}

static bool kills(const struct scenario *scenario)
{
    bool any = false;
    for (size_t s = 0; s < scenario->step_count; s++) {
        any |= slice_equal(scenario->story[s].entry.verb, SLICE("kill"));
    }
    for (size_t f = 0; f < scenario->fault_count; f++) {
        any |= slice_equal(scenario->faults[f].effect, SLICE("kill")) || slice_equal(scenario->faults[f].effect, SLICE("disk_fails"));
    }
    return any;
}

static enum err make_driver(struct inner *inner)
{
    struct virtual_config config = {.seed = inner->scenario->seed, .start_ns = inner->scenario->start, .nodes = inner->nodes,
                                    .node_count = inner->scenario->node_count, .sites = inner->model.sites,
                                    .site_count = inner->model.site_count, .links = inner->model.links, .link_count = inner->model.link_count,
                                    .watcher = {inner, on_observe, on_start, on_record, on_committed, on_left, on_copied}, .run_max = inner->options.run_max,
                                    .object_size = object_size, .object_self = inner, .rebuild = rebuild, .rebuild_self = inner,
                                    .crashes = {inner->options.crash_one_in, inner->options.crash_first, inner->options.crash_last, 0},
                                    .copies = {inner->options.restore_one_in, make_copy, inner},
                                    .keep_records = kills(inner->scenario)};
    if (!inner->scenario->populated) { /* a year's lists do without dates and descriptions of copies */
        config.object_header = object_header;
    }
    if (inner->options.next != NULL) {
        config.plan = (struct virtual_plan){inner, next_row};
    }
    if (inner->trace != NULL || (inner->options.look != NULL && look_sees(inner->options.look))) {
        config.trace = (struct virtual_trace){inner, on_trace};
    }
    enum err err = arena_make(&inner->memory, virtual_memory(&config));
    err = err == ERR_OK ? arena_make(&inner->header, HEADER_MEMORY) : err;
    err = err == ERR_OK ? virtual_init(&inner->virtual, &config, &inner->memory) : err;
    if (err != ERR_OK) {
        snprintf(inner->why, sizeof inner->why, "the virtual world cannot be made: %s", err_text(err));
    }
    return err;
}

static FILE *open_file(struct inner *inner, bool wanted, const char *name, enum err *err)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", inner->options.folder, name);
    FILE *file = wanted && *err == ERR_OK ? fopen(path, "we") : NULL;
    if (wanted && file == NULL && *err == ERR_OK) {
        snprintf(inner->why, sizeof inner->why, "cannot write %.200s", path);
        *err = ERR_SYSTEM;
    }
    return file;
}

/* Will there be too many lines for anybody to read? */
static bool is_long(const struct scenario *scenario)
{
    struct load_expected expected;
    return actors_expect(scenario, &expected) && (expected.exams + expected.priors) * LINES_AN_EXAM > LINES_MAX;
}

/* ---- The world as the stage sees it. */

/* A node's id, or "link" and a number. */
static uint32_t find_node(const struct inner *inner, slice id)
{
    uint32_t n = 0;
    int64_t link = 0;
    if (slice_starts(id, SLICE("link ")) && slice_to_int64(slice_after(id, 5), &link)) {
        return (uint32_t)inner->scenario->node_count + (uint32_t)link;
    }
    while (n < inner->scenario->node_count && !slice_equal(inner->scenario->nodes[n].id, id)) {
        n++;
    }
    return n < inner->scenario->node_count ? n : VIRTUAL_NONE;
}

static enum err keep_why(struct inner *inner, enum err err)
{
    if (err != ERR_OK && inner->why[0] == '\0') {
        const char *why = virtual_why(inner->virtual);
        snprintf(inner->why, sizeof inner->why, "%s", why != NULL && why[0] != '\0' ? why : err_text(err));
    }
    return err;
}

/* Whoever acts on what happened acts after it, and one thing after the other: no two tellings are of one instant. */
static time_ns next_telling(struct inner *inner)
{
    time_ns at_ns = virtual_now(inner->virtual) + REACT_NS;
    inner->told_ns = at_ns > inner->told_ns ? at_ns : inner->told_ns + TIME_US;
    return inner->told_ns;
}

static enum err inner_tell(void *self, slice id, const struct plan_entry *entry)
{
    struct inner *inner = self;
    uint32_t node = find_node(inner, id);
    return node == VIRTUAL_NONE ? ERR_NOT_FOUND : keep_why(inner, virtual_tell(inner->virtual, node, entry, next_telling(inner)));
}

/* What the links carried until now, both ways. */
static void tell_links(struct inner *inner)
{
    for (uint32_t l = 0; inner->options.judge != NULL && l < inner->model.link_count; l++) {
        judge_link_carried(inner->options.judge, l, virtual_link_use(inner->virtual, l, 0).bytes + virtual_link_use(inner->virtual, l, 1).bytes);
    }
}

static enum err inner_poll(void *self, time_ns until)
{
    struct inner *inner = self;
    if (until <= virtual_now(inner->virtual)) {
        return ERR_OK;
    }
    struct virtual_until end = {.until_ns = until == TIME_NEVER ? 0 : until, .event = virtual_counts(inner->virtual).events + SLICE_EVENTS};
    enum virtual_end how;
    enum err err = keep_why(inner, virtual_run(inner->virtual, &end, &how));
    tell_links(inner);
    if (err == ERR_OK && how == VIRTUAL_EMPTY) {
        snprintf(inner->why, sizeof inner->why, "nothing will ever happen again");
        return ERR_TIMEOUT;
    }
    return err;
}

static void inner_note(void *self, const struct observation *observation)
{
    see(self, observation);
}

static enum err inner_kill(void *self, slice id, bool stay_down)
{
    struct inner *inner = self;
    uint32_t node = find_node(inner, id);
    return node == VIRTUAL_NONE ? ERR_NOT_FOUND : keep_why(inner, virtual_kill(inner->virtual, node, next_telling(inner), stay_down));
}

static enum err inner_revive(void *self, slice id)
{
    struct inner *inner = self;
    uint32_t node = find_node(inner, id);
    return node == VIRTUAL_NONE ? ERR_NOT_FOUND : keep_why(inner, virtual_restart(inner->virtual, node, next_telling(inner)));
}

static int64_t inner_open_demands(void *self)
{
    return ((const struct inner *)self)->open_count;
}

static void inner_wake(void *self)
{
    virtual_stop(((struct inner *)self)->virtual);
}

static int64_t inner_events(const void *self)
{
    return virtual_counts(((const struct inner *)self)->virtual).events;
}

static time_ns inner_now(const void *self)
{
    return virtual_now(((const struct inner *)self)->virtual);
}

static const char *inner_why(const void *self)
{
    return ((const struct inner *)self)->why;
}

static void inner_stop(void *self)
{
    struct inner *inner = self;
    if (inner->virtual != NULL) {
        struct virtual_counts counts = virtual_counts(inner->virtual);
        inner->sums = (struct virtual_sums){virtual_hash(inner->virtual), virtual_digest(inner->virtual, inner->engine), counts.events, counts.steps,
                                            virtual_meta(inner->virtual, inner->engine).life};
        inner->virtual = NULL;
    }
    for (size_t n = 0; n < inner->scenario->node_count; n++) {
        actors_drop(&inner->made[n]);
    }
    arena_drop(&inner->engine_memory);
    arena_drop(&inner->copy_memory);
    arena_drop(&inner->memory);
    arena_drop(&inner->header);
    close_file(&inner->observations);
    close_file(&inner->trace);
    if (inner->options.look != NULL) {
        look_end(inner->options.look);
    }
}

static struct world_resources inner_resources(const void *self)
{
    const struct inner *inner = self;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (struct world_resources){
        .engine_cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
        .engine_rss_max_mib = (double)usage.ru_maxrss / 1024.0, .engine_lives = inner->sums.lives};
}

struct virtual_sums world_virtual_sums(const struct world *world)
{
    return ((const struct inner *)world->self)->sums;
}

enum err world_virtual(struct world *world, struct scenario *scenario, const struct virtual_options *options, char why[256], struct arena *arena)
{
    struct inner *inner = arena_alloc(arena, sizeof *inner);
    uint64_t *open = arena_array(arena, OPEN_BITS / 64, sizeof *open);
    if (inner == NULL || open == NULL) {
        snprintf(why, 256, "the arena of the run is too small");
        return ERR_LIMIT;
    }
    *inner = (struct inner){.scenario = scenario, .options = *options, .engine = actors_engine(scenario), .open = open, .text = buffer_make(arena, LINE_SIZE)};
    *world = (struct world){inner, options->next != NULL, inner_tell, inner_poll, inner_note, inner_kill, inner_revive, inner_open_demands, inner_wake, inner_events, inner_now, inner_why, inner_stop, inner_resources};
    enum err err = read_engine(inner, arena);
    bool writes = options->all || !is_long(scenario);
    if (options->look != NULL) {
        look_begin(options->look, options->folder);
        options->look->causes_wanted = options->look->causes_wanted && writes;
    }
    inner->observations = open_file(inner, options->observations && writes, "observations.jsonl", &err);
    inner->trace = open_file(inner, options->trace && writes, "trace.jsonl", &err);
    err = err == ERR_OK ? scenario_peers(scenario, &inner->peers, arena) : err;
    err = err == ERR_OK ? model_make(&inner->model, scenario, arena) : err;
    err = err == ERR_OK ? make_nodes(inner, arena) : err;
    err = err == ERR_OK ? make_driver(inner) : err;
    if (err != ERR_OK) {
        snprintf(why, 256, "%s", inner->why[0] != '\0' ? inner->why : err_text(err));
        inner_stop(inner);
        return err;
    }
    if (options->judge != NULL) {
        judge_deadline(options->judge, inner->file->config.query_deadline_ns);
        judge_patience(options->judge, inner->file->config.source_timeout_ns);
    }
    return ERR_OK;
}
