/* SPDX-License-Identifier: MIT
 *
 * Links, service times, and the engine's policies: what makes one world faster than another. */
#include "src/scenario/bind.h"

/* ---- Service times of a node. */

void bind_service(struct binder *binder, const struct tree *entry, struct scenario_node *node)
{
    static const char *const keys[] = {"find", "echo", "store"};
    struct node_service *service = &node->service;
    struct distribution *times[] = {&service->find, &service->echo, &service->store};
    const struct tree *hl7 = tree_get(entry, "hl7");
    for (size_t i = 0; i < 3; i++) {
        const struct tree *time = tree_get(entry, keys[i]);
        bind_distribution(binder, ROOT_SCENARIO, "nodes.*.find", time, times[i]);
        if (time != NULL && node->kind != KIND_PACS && !(node->kind == KIND_VIEWER && i > 0)) {
            (void)complain(binder->to, "P209", time->key_at, "%s does not answer a C-%s of the engine: that is for a pacs%s", quoted(node->id).text,
                           i == 0 ? "FIND" : i == 1 ? "ECHO" : "STORE", i == 0 ? "" : " or viewer");
        }
    }
    bind_distribution(binder, ROOT_SCENARIO, "nodes.*.hl7.ack", tree_get(hl7, "ack"), &service->acknowledge);
    service->associations = (uint32_t)field_integer(ROOT_SCENARIO, "nodes.*.associations", tree_get(entry, "associations"));
    service->move_bps = field_integer(ROOT_SCENARIO, "nodes.*.move_rate", tree_get(entry, "move_rate"));
    if (hl7 != NULL && node->kind != KIND_RIS) {
        (void)complain(binder->to, "P209", hl7->key_at, "%s does not speak HL7: that is for a ris", quoted(node->id).text);
    }
}

/* ---- Policies: kept as text, in the words of engine.yaml. */

static void put_policy(struct binder *binder, const char *group, slice name, slice value)
{
    struct scenario *scenario = binder->scenario;
    struct buffer path = buffer_make(binder->arena, name.size + 16);
    buffer_put_text(&path, group);
    buffer_put_byte(&path, '.');
    buffer_put(&path, name);
    if (scenario->policy_count < POLICIES_MAX) {
        scenario->policies[scenario->policy_count++] = (struct setting){buffer_slice(&path), value};
    }
}

void bind_policy(struct binder *binder, const struct tree *entry, const struct scenario_node *node)
{
    const struct tree *policy = tree_get(entry, "policy"), *limits = tree_get(entry, "limits"), *odd = policy != NULL ? policy : limits;
    if (odd != NULL && node->kind != KIND_ENGINE) {
        (void)complain(binder->to, "P209", odd->key_at, "%s has no policies or limits: that is for the engine", quoted(node->id).text);
        return;
    }
    for (const struct tree *setting = map_first(policy); setting != NULL; setting = setting->next) {
        if (slice_equal(setting->key, SLICE("prefetch"))) {
            binder->no_prefetch = field_integer(ROOT_SCENARIO, "nodes.*.policy.prefetch", setting) == 0;
        } else if (setting->kind == TREE_TEXT) {
            put_policy(binder, "policy", slice_equal(setting->key, SLICE("retry")) ? SLICE("publish_retry") : setting->key, setting->text);
        }
    }
    for (const struct tree *setting = map_first(limits); setting != NULL; setting = setting->next) {
        if (setting->kind == TREE_TEXT) {
            put_policy(binder, "limits", setting->key, setting->text);
        }
    }
}

/* ---- Links. */

/* A key of the link, or of `defaults`. */
static const struct tree *link_key(const struct binder *binder, const struct tree *entry, const char *key)
{
    const struct tree *own = tree_get(entry, key);
    return own != NULL ? own : tree_get(tree_get(tree_get(binder->root, "links"), "defaults"), key);
}

static void bind_loss(const struct tree *tree, struct loss *loss)
{
    const struct tree *gilbert = tree_get(tree, "gilbert");
    if (gilbert != NULL) {
        loss->good_to_bad_micro = field_integer(ROOT_DISTRIBUTION, "gilbert.good_to_bad", tree_get(gilbert, "good_to_bad"));
        loss->bad_to_good_micro = field_integer(ROOT_DISTRIBUTION, "gilbert.bad_to_good", tree_get(gilbert, "bad_to_good"));
        loss->bad_loss_micro = field_integer(ROOT_DISTRIBUTION, "gilbert.bad_loss", tree_get(gilbert, "bad_loss"));
    } else if (tree != NULL) {
        const struct tree *fixed = tree->kind == TREE_TEXT ? tree : tree_get(tree, "fixed");
        loss->bad_loss_micro = field_integer(ROOT_DISTRIBUTION, "gilbert.bad_loss", fixed);
    }
}

static void bind_properties(struct binder *binder, const struct tree *entry, struct scenario_link *link)
{
    const struct tree *loss = link_key(binder, entry, "loss");
    link->id = entry->key;
    link->mark = mark_of(entry);
    link->rate_bps = field_integer(ROOT_SCENARIO, "links.*.rate", link_key(binder, entry, "rate"));
    link->share_micro = field_integer(ROOT_SCENARIO, "links.*.share", link_key(binder, entry, "share"));
    link->queue = slice_equal(field_text(ROOT_SCENARIO, "links.*.queue", link_key(binder, entry, "queue")), SLICE("fifo")) ? QUEUE_FIFO : QUEUE_FAIR;
    bind_distribution(binder, ROOT_SCENARIO, "links.*.delay", link_key(binder, entry, "delay"), &link->delay);
    bind_loss(loss, &link->loss);
    if (loss != NULL && loss->kind == TREE_MAP && tree_get(loss, "gilbert") == NULL && tree_get(loss, "fixed") == NULL) {
        (void)complain(binder->to, "P309", loss->at, "the loss of packets is a share, or {gilbert: ...}");
    }
}

static void add_line(struct binder *binder, const struct tree *entry, const struct scenario_link *like, uint32_t from, uint32_t to, const struct tree *name)
{
    struct scenario *scenario = binder->scenario;
    if (from == to) {
        (void)complain(binder->to, "P503", name->at, "%s is linked to itself (links.%.*s)", quoted(name->text).text, SLICE_ARGS(entry->key));
        return;
    }
    for (size_t i = 0; i < scenario->link_count; i++) {
        const struct scenario_link *other = &scenario->links[i];
        if ((other->from == from && other->to == to) || (other->from == to && other->to == from)) {
            struct problem *added = complain(binder->to, "P205", name->at, "%s and %s are linked already, by %s", quoted(scenario->nodes[from].id).text,
                                             quoted(scenario->nodes[to].id).text, quoted(other->id).text);
            problem_relate(added, (struct span){other->mark.line, other->mark.column, 0}, "this link");
            return;
        }
    }
    struct scenario_link *link = &scenario->links[scenario->link_count++];
    *link = *like;
    link->from = from;
    link->to = to;
}

static size_t lines_of(const struct tree *entry)
{
    const struct tree *one = list_first(tree_get(entry, "between"));
    return one == NULL ? 0 : one_count(one) * one_count(one->next);
}

static void bind_link(struct binder *binder, const struct tree *entry)
{
    const struct tree *between = tree_get(entry, "between"), *one = list_first(between), *other = one == NULL ? NULL : one->next;
    struct scenario_link like = {.from = 0};
    bind_properties(binder, entry, &like);
    if (between == NULL) {
        (void)complain(binder->to, "P112", entry->key_at, "links.%.*s.between is missing: a node, and a node or list of nodes", SLICE_ARGS(entry->key));
    }
    for (const struct tree *a = one_first(one); a != NULL; a = one_next(one, a)) {
        for (const struct tree *b = one_first(other); b != NULL; b = one_next(other, b)) {
            uint32_t from = bind_index(binder, NAMES_NODES, a), to = bind_index(binder, NAMES_NODES, b);
            if (from != NONE && to != NONE) {
                add_line(binder, entry, &like, from, to, b);
            }
        }
    }
}

static bool is_shared(const struct tree *entry)
{
    return slice_equal(entry->key, SLICE("defaults"));
}

void bind_links(struct binder *binder)
{
    struct scenario *scenario = binder->scenario;
    const struct tree *links = tree_get(binder->root, "links");
    size_t count = 0;
    for (const struct tree *entry = map_first(links); entry != NULL; entry = entry->next) {
        count += is_shared(entry) ? 0 : lines_of(entry);
    }
    scenario->links = bind_array(binder, count + 1, sizeof *scenario->links);
    for (const struct tree *entry = map_first(links); entry != NULL && binder->err == ERR_OK; entry = entry->next) {
        if (!is_shared(entry)) {
            bind_link(binder, entry);
        }
    }
    /* Defaults that no link takes are held against the table all the same. */
    const struct tree *shared = tree_get(links, "defaults");
    if (tree_get(shared, "between") != NULL) {
        (void)complain(binder->to, "P201", tree_get(shared, "between")->key_at, "`between` says which link it is: it cannot be a default");
    }
}
