/* SPDX-License-Identifier: MIT
 *
 * engine.yaml: the CONFIG of `pont engine`, written from a scenario and read back. */
#include "src/scenario/profile.h"

#define DEFAULT_ASSOCIATIONS 4

/* ---- The numbers of engine_config and where they stand in the file. */

static const struct policy_row {
    const char *path;
    size_t offset;
    size_t size; /* of the member: 4 or 8 */
} settings[] = {
#define SETTING(path, member) {path, offsetof(struct engine_config, member), sizeof(((struct engine_config *)NULL)->member)}
    SETTING("engine.seed", seed),
    SETTING("policy.query_deadline", query_deadline_ns),
    SETTING("policy.source_timeout", source_timeout_ns),
    SETTING("policy.response_timeout", response_timeout_ns),
    SETTING("policy.publish_retry", publish_retry_ns),
    SETTING("policy.publish_give_up", publish_give_up_ns),
    SETTING("policy.breaker_open", breaker_open_ns),
    SETTING("policy.breaker_failures", breaker_failures),
    SETTING("policy.transfer_attempts", transfer_attempts),
    SETTING("policy.run_max", run_max),
    SETTING("limits.associations", associations_in),
    SETTING("limits.persons", persons_max),
    SETTING("limits.exams", exams_max),
    SETTING("limits.studies", studies_max),
    SETTING("limits.instances", instances_max),
    SETTING("limits.demands", demands_max),
    SETTING("limits.queries", queries_max),
    SETTING("limits.audits", audits_max),
    SETTING("limits.spool", spool_max),
    SETTING("limits.memory", memory),
#undef SETTING
};

static void set(struct engine_config *config, const struct policy_row *setting, int64_t value)
{
    char *member = (char *)config + setting->offset;
    uint32_t narrow = (uint32_t)value;
    if (setting->size == sizeof narrow) {
        memcpy(member, &narrow, sizeof narrow);
    } else {
        memcpy(member, &value, sizeof value);
    }
}

/* ---- Writing. */

/* A text in double quotes; JSON's escapes are YAML's too. */
static void put_text(struct buffer *buffer, const char *key, slice value)
{
    buffer_put_text(buffer, key);
    buffer_put_text(buffer, ": ");
    buffer_put_json(buffer, value);
}

static void put_number(struct buffer *buffer, const char *key, int64_t value)
{
    buffer_put_text(buffer, key);
    buffer_put_text(buffer, ": ");
    buffer_put_int(buffer, value);
}

static void put_path(struct buffer *buffer, const char *key, const char *folder, const char *name)
{
    char path[600];
    struct buffer text = buffer_over(path, sizeof path);
    buffer_put_text(&text, folder);
    buffer_put_text(&text, "/");
    buffer_put_text(&text, name);
    buffer->full = buffer->full || text.full;
    put_text(buffer, key, buffer_slice(&text));
    buffer_put_text(buffer, "\n");
}

static void put_engine(struct buffer *buffer, const struct scenario *scenario, const char *folder)
{
    for (size_t n = 0; n < scenario->node_count; n++) {
        const struct scenario_node *node = &scenario->nodes[n];
        if (node->kind != KIND_ENGINE) {
            continue;
        }
        buffer_put_text(buffer, "engine:\n");
        put_text(buffer, "  name", node->name);
        put_text(buffer, "\n  aet", node->aet);
        put_number(buffer, "\n  seed", (int64_t)(scenario->seed & INT64_MAX));
        put_text(buffer, "\n  host", scenario->bind);
        put_number(buffer, "\n  dicom_port", node->dicom_port);
        put_number(buffer, "\n  hl7_port", node->hl7_port);
        buffer_put_text(buffer, "\n");
    }
    put_path(buffer, "  registry", folder, "registry.db");
    put_path(buffer, "  journal", folder, "journal");
    put_path(buffer, "  spool", folder, "spool");
}

/* What the tables must hold for the arrivals: exams that are expected, half as many more, and some. */
static int64_t scaled(const struct scenario *scenario, const char *name)
{
    int64_t exams = scenario->expected_exams + scenario->expected_exams / 2 + 10000, persons = scenario->expected_persons + scenario->expected_persons / 4 + 5000;
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {{"associations", 512},  {"persons", persons}, {"exams", exams},    {"studies", exams}, {"instances", 1000000},
                {"demands", exams * 2}, {"queries", 1024},    {"audits", 1000000000}, {"memory", (1LL << 30) + exams * 8192 + persons * 4096}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return rows[i].value;
        }
    }
    return 0;
}

/* What the scenario says, else what follows from its arrivals, else the default: so a reader sees what holds. */
static void put_setting(struct buffer *buffer, const struct scenario *scenario, const struct field *field)
{
    int64_t follows = scenario->expected_exams > 0 && strncmp(field->path, "limits.", 7) == 0 ? scaled(scenario, field_name(field)) : 0;
    for (size_t i = 0; i < scenario->policy_count; i++) {
        if (slice_equal(scenario->policies[i].name, slice_from(field->path))) {
            buffer_put(buffer, scenario->policies[i].value);
            return;
        }
    }
    if (follows == 0) {
        buffer_put_text(buffer, field->fallback);
        return;
    }
    buffer_put_int(buffer, field->high > 0 && follows > field->high ? field->high : follows);
    buffer_put_text(buffer, field->type == FIELD_SIZE ? " B" : "");
}

static void put_group(struct buffer *buffer, const struct scenario *scenario, const char *group)
{
    const struct field *parent = field_find(ROOT_ENGINE, group);
    buffer_put_text(buffer, group);
    buffer_put_text(buffer, ":\n");
    for (const struct field *child = field_next_child(ROOT_ENGINE, parent, NULL); child != NULL; child = field_next_child(ROOT_ENGINE, parent, child)) {
        buffer_put_text(buffer, "  ");
        buffer_put_text(buffer, field_name(child));
        buffer_put_text(buffer, ": ");
        put_setting(buffer, scenario, child);
        buffer_put_text(buffer, "\n");
    }
}

static void put_list(struct buffer *buffer, const char *key, const slice *words, size_t count)
{
    buffer_put_text(buffer, key);
    buffer_put_text(buffer, ": [");
    for (size_t i = 0; i < count; i++) {
        buffer_put_text(buffer, i == 0 ? "" : ", ");
        buffer_put(buffer, words[i]);
    }
    buffer_put_text(buffer, "]");
}

static void put_pacs(struct buffer *buffer, const struct scenario_node *node)
{
    const struct vendor_profile *vendor = node->vendor;
    slice offers[4];
    size_t count = 0;
    const struct {
        bool on;
        slice name;
    } all[] = {{vendor->patient_root, SLICE("patient_root")}, {vendor->study_root, SLICE("study_root")}, {vendor->get, SLICE("get")}, {vendor->commitment && !node->no_commitment, SLICE("commitment")}};
    for (size_t i = 0; i < 4; i++) {
        offers[count] = all[i].name;
        count += all[i].on;
    }
    put_text(buffer, "    vendor", vendor->vendor);
    buffer_put_text(buffer, "\n");
    put_list(buffer, "    dialect", vendor->dialects, vendor->dialect_count);
    put_number(buffer, "\n    row_cap", vendor->row_cap);
    put_text(buffer, "\n    accession_prefix", vendor->accession_prefix);
    put_number(buffer, "\n    patient_id_width", vendor->patient_id_width);
    put_text(buffer, "\n    charset", vendor->charset);
    put_number(buffer, "\n    associations", vendor->associations > 0 ? vendor->associations : DEFAULT_ASSOCIATIONS);
    buffer_put_text(buffer, "\n");
    put_list(buffer, "    offers", offers, count);
    buffer_put_text(buffer, "\n    source: true\n    destination: true\n    answers_list: ");
    buffer_put_text(buffer, node->no_list ? "false\n" : "true\n");
}

/* Of those that the engine knows. */
static void put_moves_to(struct buffer *buffer, const struct scenario *scenario, const struct scenario_node *node)
{
    slice names[SCENARIO_NODES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < node->moves_to_count; i++) {
        for (size_t n = 0; n < scenario->node_count && count < SCENARIO_NODES_MAX; n++) {
            const struct scenario_node *to = &scenario->nodes[n];
            if (slice_equal(to->id, node->moves_to[i]) && !to->unknown && to->kind != KIND_ENGINE) {
                names[count++] = to->id;
            }
        }
    }
    if (count > 0) {
        put_list(buffer, "    moves_to", names, count);
        buffer_put_text(buffer, "\n");
    }
}

static void put_node(struct buffer *buffer, const struct scenario *scenario, const struct scenario_node *node)
{
    static const char *const kinds[] = {[KIND_PACS] = "pacs", [KIND_VIEWER] = "viewer", [KIND_RIS] = "ris", [KIND_ENGINE] = "engine"};
    buffer_put_text(buffer, "  ");
    buffer_put(buffer, node->id);
    buffer_put_text(buffer, ":\n    kind: ");
    buffer_put_text(buffer, kinds[node->kind]);
    buffer_put_text(buffer, "\n    organisation: ");
    buffer_put(buffer, scenario->sites[node->site].id);
    put_text(buffer, "\n    aet", node->aet);
    put_text(buffer, "\n    host", scenario->bind);
    put_number(buffer, "\n    dicom_port", node->dicom_port);
    put_number(buffer, "\n    hl7_port", node->hl7_port);
    buffer_put_text(buffer, "\n");
    if (node->kind == KIND_PACS && node->vendor != NULL) {
        put_pacs(buffer, node);
        put_moves_to(buffer, scenario, node);
    } else if (node->kind == KIND_VIEWER) {
        buffer_put_text(buffer, "    destination: true\n");
    }
    if (node->pushes) {
        buffer_put_text(buffer, "    pushes: true\n");
    }
}

enum err engine_yaml_write(const struct scenario *scenario, const char *state_folder, struct buffer *buffer)
{
    buffer_put_text(buffer, "# Made from ");
    buffer_put(buffer, scenario->id);
    buffer_put_text(buffer, "; the CONFIG of `pont engine`. Keys: docs/scenario-reference.md.\npont: 1\n");
    put_engine(buffer, scenario, state_folder);
    put_group(buffer, scenario, "policy");
    put_group(buffer, scenario, "limits");
    buffer_put_text(buffer, "organisations:\n");
    for (size_t s = 0; s < scenario->site_count; s++) {
        buffer_put_text(buffer, "  ");
        buffer_put(buffer, scenario->sites[s].id);
        put_text(buffer, ": {name", scenario->sites[s].name);
        put_text(buffer, ", issuer", scenario->sites[s].issuer);
        put_text(buffer, ", accession", scenario->sites[s].accession);
        buffer_put_text(buffer, "}\n");
    }
    buffer_put_text(buffer, "nodes:\n");
    for (size_t n = 0; n < scenario->node_count; n++) {
        if (scenario->nodes[n].kind != KIND_ENGINE && !scenario->nodes[n].unknown) {
            put_node(buffer, scenario, &scenario->nodes[n]);
        }
    }
    return buffer->full ? ERR_LIMIT : ERR_OK;
}

/* ---- Reading. */

struct reading {
    struct engine_file *file;
    const struct tree *root;
    const struct complaints *to;
    struct names organisations, nodes;
    struct explained **explained;
    struct arena *arena;
};

static void read_settings(struct reading *reading)
{
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        const struct field *field = field_find(ROOT_ENGINE, settings[i].path);
        char group[16];
        slice head = slice_before(slice_from(settings[i].path), slice_index(slice_from(settings[i].path), '.'));
        memcpy(group, head.data, head.size);
        group[head.size] = '\0';
        set(&reading->file->config, &settings[i], field_integer(ROOT_ENGINE, settings[i].path, tree_get(tree_get(reading->root, group), field_name(field))));
    }
    const struct tree *source = tree_get(tree_get(reading->root, "policy"), "source_timeout");
    if (reading->file->config.source_timeout_ns >= reading->file->config.query_deadline_ns) {
        (void)complain(reading->to, "P303", source != NULL ? source->at : reading->root->at,
                       "policy.source_timeout must be less than policy.query_deadline, or no answer could be marked in time");
    }
}

static void read_engine(struct reading *reading)
{
    struct engine_file *file = reading->file;
    const struct tree *engine = tree_get(reading->root, "engine");
    file->config.name = field_text(ROOT_ENGINE, "engine.name", tree_get(engine, "name"));
    file->config.aet = field_text(ROOT_ENGINE, "engine.aet", tree_get(engine, "aet"));
    file->host = field_text(ROOT_ENGINE, "engine.host", tree_get(engine, "host"));
    file->dicom_port = (uint16_t)field_integer(ROOT_ENGINE, "engine.dicom_port", tree_get(engine, "dicom_port"));
    file->hl7_port = (uint16_t)field_integer(ROOT_ENGINE, "engine.hl7_port", tree_get(engine, "hl7_port"));
    file->registry = field_text(ROOT_ENGINE, "engine.registry", tree_get(engine, "registry"));
    file->journal = field_text(ROOT_ENGINE, "engine.journal", tree_get(engine, "journal"));
    file->spool = field_text(ROOT_ENGINE, "engine.spool", tree_get(engine, "spool"));
}

static enum err read_organisations(struct reading *reading)
{
    const struct tree *map = tree_get(reading->root, "organisations");
    size_t max = map == NULL || map->kind != TREE_MAP ? 0 : map->count;
    struct organisation *list = arena_array(reading->arena, max + 1, sizeof *list);
    if (list == NULL) {
        return ERR_LIMIT;
    }
    size_t count = 0;
    for (const struct tree *entry = max == 0 ? NULL : map->first; entry != NULL; entry = entry->next) {
        slice name = field_text(ROOT_ENGINE, "organisations.*.name", tree_get(entry, "name"));
        const struct tree *issuer = tree_get(entry, "issuer");
        list[count] = (struct organisation){entry->key, name.size == 0 ? entry->key : name, field_text(ROOT_ENGINE, "organisations.*.issuer", issuer),
                                            field_text(ROOT_ENGINE, "organisations.*.accession", tree_get(entry, "accession"))};
        for (size_t i = 0; i < count && issuer != NULL; i++) {
            if (slice_equal(list[i].issuer, list[count].issuer) || slice_equal(list[i].accession_issuer, list[count].accession_issuer)) {
                (void)complain(reading->to, "P212", issuer->at, "%s has the issuer or accession letters of %s; an issuer is one organisation",
                               quoted(entry->key).text, quoted(list[i].id).text);
            }
        }
        count++;
    }
    reading->file->config.organisations = list;
    reading->file->config.organisation_count = count;
    return ERR_OK;
}

static uint64_t read_dialect(const struct tree *list)
{
    uint64_t bits = 0;
    for (const struct tree *name = list == NULL || list->kind != TREE_LIST ? NULL : list->first; name != NULL; name = name->next) {
        for (size_t i = 0; i < DIALECT_COUNT && name->kind == TREE_TEXT; i++) {
            bits |= slice_equal(name->text, slice_from(dialect_rows[i].name)) ? UINT64_C(1) << i : 0;
        }
    }
    return bits;
}

static bool offers(const struct tree *list, slice service)
{
    for (const struct tree *name = list == NULL || list->kind != TREE_LIST ? NULL : list->first; name != NULL; name = name->next) {
        if (name->kind == TREE_TEXT && slice_equal(name->text, service)) {
            return true;
        }
    }
    return false;
}

static enum err read_moves_to(struct reading *reading, const struct tree *list, struct node_config *node)
{
    slice *names = list == NULL || list->kind != TREE_LIST ? NULL : arena_array(reading->arena, list->count + 1, sizeof *names);
    if (names == NULL) {
        return list == NULL || list->kind != TREE_LIST ? ERR_OK : ERR_LIMIT;
    }
    for (const struct tree *name = list->first; name != NULL; name = name->next) {
        names[node->moves_to_count++] = name->text;
    }
    node->moves_to = names;
    return ERR_OK;
}

static bool flag(const struct tree *entry, const char *key, const char *path)
{
    return field_integer(ROOT_ENGINE, path, tree_get(entry, key)) != 0;
}

static struct node_config read_node(struct reading *reading, const struct tree *entry, uint32_t peer)
{
    static const slice kinds[] = {[NODE_PACS] = SLICE("pacs"), [NODE_VIEWER] = SLICE("viewer"), [NODE_RIS] = SLICE("ris")};
    const struct tree *services = tree_get(entry, "offers"), *organisation = tree_get(entry, "organisation");
    slice kind = field_text(ROOT_ENGINE, "nodes.*.kind", tree_get(entry, "kind"));
    struct node_config node = {.name = entry->key, .peer = peer, .aet = field_text(ROOT_ENGINE, "nodes.*.aet", tree_get(entry, "aet"))};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        node.kind = slice_equal(kind, kinds[i]) ? (enum node_kind)i : node.kind;
    }
    uint32_t index = 0;
    if (organisation != NULL && organisation->kind == TREE_TEXT && map_find(&reading->organisations.map, organisation->text, &index)) {
        node.organisation = index;
    }
    node.vendor = field_text(ROOT_ENGINE, "nodes.*.vendor", tree_get(entry, "vendor"));
    node.dialect = read_dialect(tree_get(entry, "dialect"));
    node.row_cap = (uint32_t)field_integer(ROOT_ENGINE, "nodes.*.row_cap", tree_get(entry, "row_cap"));
    node.accession_prefix = field_text(ROOT_ENGINE, "nodes.*.accession_prefix", tree_get(entry, "accession_prefix"));
    node.patient_id_width = (uint32_t)field_integer(ROOT_ENGINE, "nodes.*.patient_id_width", tree_get(entry, "patient_id_width"));
    node.charset = field_text(ROOT_ENGINE, "nodes.*.charset", tree_get(entry, "charset"));
    node.associations = (uint32_t)field_integer(ROOT_ENGINE, "nodes.*.associations", tree_get(entry, "associations"));
    node.patient_root = offers(services, SLICE("patient_root"));
    node.study_root = offers(services, SLICE("study_root"));
    node.get = offers(services, SLICE("get"));
    node.commitment = offers(services, SLICE("commitment"));
    node.pushes = flag(entry, "pushes", "nodes.*.pushes");
    node.source = flag(entry, "source", "nodes.*.source");
    node.destination = flag(entry, "destination", "nodes.*.destination");
    node.answers_list = flag(entry, "answers_list", "nodes.*.answers_list");
    return node;
}

/* Two servers on one port, two systems of one title: every later failure would be a riddle. */
static void check_clash(struct reading *reading, const struct tree *entry, const struct peer *peer)
{
    const struct engine_file *file = reading->file;
    const struct tree *port = tree_get(entry, "dicom_port"), *hl7_port = tree_get(entry, "hl7_port"), *aet = tree_get(entry, "aet");
    bool own_host = slice_equal(peer->host, file->host);
    for (const struct peer *other = file->peers; other <= peer; other++) {
        bool host = slice_equal(other->host, peer->host) && other != peer;
        if (port != NULL && peer->dicom_port > 0 && host && (other->dicom_port == peer->dicom_port || other->hl7_port == peer->dicom_port)) {
            (void)complain(reading->to, "P206", port->at, "port %u on %.*s is already that of %s", peer->dicom_port, SLICE_ARGS(peer->host), quoted(other->name).text);
        }
        if (hl7_port != NULL && peer->hl7_port > 0 && host && (other->dicom_port == peer->hl7_port || other->hl7_port == peer->hl7_port)) {
            (void)complain(reading->to, "P206", hl7_port->at, "port %u on %.*s is already that of %s", peer->hl7_port, SLICE_ARGS(peer->host), quoted(other->name).text);
        }
        if (other != peer && aet != NULL && peer->aet.size > 0 && slice_equal(other->aet, peer->aet)) {
            (void)complain(reading->to, "P206", aet->at, "the AE title %s is already that of %s; choose another", quoted(peer->aet).text, quoted(other->name).text);
        }
    }
    if (port != NULL && own_host && peer->dicom_port > 0 && (peer->dicom_port == file->dicom_port || peer->dicom_port == file->hl7_port)) {
        (void)complain(reading->to, "P206", port->at, "port %u on %.*s is already that of the engine", peer->dicom_port, SLICE_ARGS(peer->host));
    }
    if (aet != NULL && peer->aet.size > 0 && slice_equal(peer->aet, file->config.aet)) {
        (void)complain(reading->to, "P206", aet->at, "the AE title %s is already that of the engine; choose another", quoted(peer->aet).text);
    }
}

static enum err read_nodes(struct reading *reading)
{
    struct engine_file *file = reading->file;
    const struct tree *map = tree_get(reading->root, "nodes"), *engine = tree_get(reading->root, "engine");
    size_t max = map == NULL || map->kind != TREE_MAP ? 0 : map->count;
    struct node_config *nodes = arena_array(reading->arena, max + 1, sizeof *nodes);
    file->peers = arena_array(reading->arena, max + 1, sizeof *file->peers);
    if (nodes == NULL || file->peers == NULL) {
        return ERR_LIMIT;
    }
    for (const struct tree *entry = max == 0 ? NULL : map->first; entry != NULL; entry = entry->next) {
        struct peer *peer = &file->peers[file->peer_count];
        *peer = (struct peer){.name = entry->key, .aet = field_text(ROOT_ENGINE, "nodes.*.aet", tree_get(entry, "aet")),
                              .host = field_text(ROOT_ENGINE, "nodes.*.host", tree_get(entry, "host"))};
        peer->dicom_port = (uint16_t)field_integer(ROOT_ENGINE, "nodes.*.dicom_port", tree_get(entry, "dicom_port"));
        peer->hl7_port = (uint16_t)field_integer(ROOT_ENGINE, "nodes.*.hl7_port", tree_get(entry, "hl7_port"));
        nodes[file->peer_count] = read_node(reading, entry, (uint32_t)file->peer_count);
        enum err err = read_moves_to(reading, tree_get(entry, "moves_to"), &nodes[file->peer_count]);
        if (err != ERR_OK) {
            return err;
        }
        check_clash(reading, entry, peer);
        file->peer_count++;
    }
    if (file->dicom_port > 0 && file->dicom_port == file->hl7_port) {
        (void)complain(reading->to, "P206", tree_get(engine, "hl7_port")->at, "port %u is already the engine's DICOM port", file->hl7_port);
    }
    file->config.nodes = nodes;
    file->config.node_count = file->peer_count;
    return ERR_OK;
}

static enum err read_file(struct reading *reading, slice source)
{
    struct tree *root = NULL;
    enum err err = tree_parse(&root, source, reading->to, reading->arena);
    if (err == ERR_LIMIT || root == NULL || root->kind != TREE_MAP) {
        return err == ERR_OK ? ERR_BAD_INPUT : err;
    }
    reading->root = root;
    const struct tree *organisations = tree_get(root, "organisations");
    struct walk walk = {.to = reading->to, .arena = reading->arena, .explained_tail = reading->explained};
    struct profile_names names;
    bool usable = organisations != NULL && organisations->kind == TREE_MAP;
    err = profile_names(&walk, &names);
    err = err != ERR_OK ? err : names_begin(&walk, &reading->organisations, NAMES_ORGANISATIONS, usable ? organisations->count : 0, usable ? organisations->key_at : (struct span){0, 0, 0});
    for (const struct tree *entry = usable && err == ERR_OK ? organisations->first : NULL; entry != NULL; entry = entry->next) {
        (void)names_put(&reading->organisations, entry->key);
    }
    const struct tree *nodes = tree_get(root, "nodes");
    bool listed = nodes != NULL && nodes->kind == TREE_MAP;
    err = err != ERR_OK ? err : names_begin(&walk, &reading->nodes, NAMES_NODES, listed ? nodes->count : 0, listed ? nodes->key_at : (struct span){0});
    for (const struct tree *entry = listed && err == ERR_OK ? nodes->first : NULL; entry != NULL; entry = entry->next) {
        (void)names_put(&reading->nodes, entry->key);
    }
    if (err != ERR_OK) {
        return err;
    }
    fields_check(&walk, ROOT_ENGINE, root, SLICE_EMPTY);
    read_engine(reading);
    read_settings(reading);
    err = read_organisations(reading);
    return err != ERR_OK ? err : read_nodes(reading);
}

enum err engine_file_read(struct engine_file **out, const char *path, struct problems *problems, struct explained **explained, struct arena *arena)
{
    struct complaints to = {problems, path};
    slice source = SLICE_EMPTY;
    size_t before = problems->error_count;
    enum err err = tree_load(&source, path, &to, arena);
    struct engine_file *file = err == ERR_OK ? arena_alloc(arena, sizeof *file) : NULL;
    if (file != NULL) {
        struct reading reading = {.file = file, .to = &to, .arena = arena, .explained = explained};
        err = read_file(&reading, source);
    } else if (err == ERR_OK) {
        err = ERR_LIMIT;
    }
    if (err == ERR_LIMIT && problems->error_count == before) {
        (void)complain(&to, "P105", (struct span){1, 1, 1}, "no memory is left; the file is too large");
    }
    problems_sort(problems);
    *out = err == ERR_OK && problems->error_count == before ? file : NULL;
    return err == ERR_OK && *out == NULL ? ERR_BAD_INPUT : err;
}

enum err engine_yaml_read(struct engine_file **out, const char *path, struct problems *problems, struct arena *arena)
{
    return engine_file_read(out, path, problems, NULL, arena);
}
