/* SPDX-License-Identifier: MIT */
#include "src/bench/look.h"

#include "src/dicom/dataset.h"

#include <stdio.h>
#include <unistd.h>

/* ---- An event in a few words. */

#define KEYS_MAX 8
struct brief {
    char text[160];
    slice keys[KEYS_MAX]; /* accession numbers, study UIDs, persons: what it is about */
    size_t key_count;
};

static void add_key(struct brief *brief, slice key)
{
    for (size_t i = 0; i < brief->key_count; i++) {
        if (slice_equal(brief->keys[i], key)) {
            return;
        }
    }
    if (key.size > 0 && brief->key_count < KEYS_MAX) {
        brief->keys[brief->key_count++] = key;
    }
}

static void brief_message(struct brief *brief, const struct message *message, const char *what, size_t count)
{
    if (message->protocol == PROTOCOL_HL7) {
        snprintf(brief->text, sizeof brief->text, "%s %s %.*s", what, hl7_type_text(message->hl7.type), SLICE_ARGS(message->hl7.fields[HL7_FIELD_ORDER_STATUS]));
        add_key(brief, message->hl7.fields[HL7_FIELD_ACCESSION]);
        return;
    }
    const struct dimse *dimse = &message->dimse;
    char times[24] = "", status[24] = "";
    if (count > 1) {
        snprintf(times, sizeof times, " x%zu", count);
    }
    if (slice_ends(slice_from(dimse_text(dimse->kind)), SLICE("RSP"))) {
        snprintf(status, sizeof status, " %04X", dimse->status);
    }
    snprintf(brief->text, sizeof brief->text, "%s %s%s%s", what, dimse_text(dimse->kind), status, times);
    add_key(brief, dimse->object.study_uid);
    if (dimse->identifier != NULL) {
        add_key(brief, dataset_get(dimse->identifier, TAG_StudyInstanceUID));
        add_key(brief, dataset_get(dimse->identifier, TAG_AccessionNumber));
    }
}

static void brief_plan(struct brief *brief, const struct plan_entry *entry, const char *what)
{
    static const char *const keys[] = {"accession", "study_uid", "person", "fault"};
    snprintf(brief->text, sizeof brief->text, "%s %s%.*s", what, entry->kind == PLAN_FAULT ? "fault " : entry->kind == PLAN_HEAL ? "heal " : "", SLICE_ARGS(entry->verb));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        slice value = plan_get(entry, keys[i]);
        add_key(brief, value.size < 65 ? value : SLICE_EMPTY); /* no lists */
    }
}

static struct brief brief_of(const struct event *event)
{
    static const char *const names[EVENT_KIND_COUNT] = {"CLOCK", "PLAN", "ASKED", "OPENED", "REFUSED", "RECEIVED", "ROOM", "CLOSED", "RELAYED", "STORED", "OPERATOR"};
    struct brief brief = {.key_count = 0};
    snprintf(brief.text, sizeof brief.text, "%s", names[event->kind]);
    if (event->kind == EVENT_RECEIVED && event->run.count > 0) {
        brief_message(&brief, &event->run.messages[0], names[event->kind], event->run.count);
    } else if (event->kind == EVENT_PLAN || event->kind == EVENT_OPERATOR) {
        brief_plan(&brief, &event->plan, names[event->kind]);
    } else if (event->kind == EVENT_ASKED) {
        snprintf(brief.text, sizeof brief.text, "ASKED by %.*s", SLICE_ARGS(event->calling));
    } else if (event->kind == EVENT_RELAYED) {
        snprintf(brief.text, sizeof brief.text, "RELAYED %zu%s", event->result_count, event->relay_ended ? ", ended" : "");
    }
    return brief;
}

/* ---- causes.jsonl: a line an event: its number, that of the event which caused it, the step of its actor. */

static void put_cause(const struct virtual_trace_line *line, slice node, const struct brief *brief, struct buffer *buffer)
{
    buffer_put_text(buffer, "{\"n\":");
    buffer_put_int(buffer, line->number);
    buffer_put_text(buffer, ",\"by\":");
    buffer_put_int(buffer, line->parent);
    buffer_put_text(buffer, ",\"t\":");
    buffer_put_int(buffer, line->event->at_ns);
    buffer_put_text(buffer, ",\"node\":");
    buffer_put_json(buffer, node);
    buffer_put_text(buffer, ",\"step\":");
    buffer_put_int(buffer, line->event->sequence);
    buffer_put_text(buffer, ",\"what\":");
    buffer_put_json(buffer, slice_trim(slice_from(brief->text)));
    for (size_t i = 0; i < brief->key_count; i++) {
        buffer_put_text(buffer, i == 0 ? ",\"about\":[" : ",");
        buffer_put_json(buffer, slice_before(brief->keys[i], 64));
    }
    buffer_put_text(buffer, brief->key_count > 0 ? "]}\n" : "}\n");
}

static enum err write_cause(struct look *look, const struct virtual_trace_line *line, slice node, const struct brief *brief)
{
    char bytes[2048];
    struct buffer text = buffer_over(bytes, sizeof bytes);
    if (!look->causes_wanted || look->lines > LOOK_CAUSES_MAX) {
        return ERR_OK;
    }
    if (look->lines++ == 0) {
        look->causes = fopen(look->causes_path, "we");
    }
    if (look->causes == NULL) {
        return ERR_SYSTEM;
    }
    put_cause(line, node, brief, &text);
    return fwrite(text.data, 1, text.size, look->causes) == text.size ? ERR_OK : ERR_SYSTEM;
}

void look_begin(struct look *look, const char *folder)
{
    snprintf(look->causes_path, sizeof look->causes_path, "%s/causes.jsonl", folder);
}

void look_end(struct look *look)
{
    if (look->causes != NULL) {
        fclose(look->causes);
        look->causes = NULL;
    }
    if (look->lines > LOOK_CAUSES_MAX) {
        unlink(look->causes_path);
    }
}

/* ---- Watching. */

static const char *const watch_names[] = {
#define WATCH(name, text) #name,
#include "src/bench/watches.def"
#undef WATCH
};
enum watch {
#define WATCH(name, text) WATCH_##name,
#include "src/bench/watches.def"
#undef WATCH
    WATCH_COUNT
};

void look_put_watches(struct buffer *buffer)
{
#define WATCH(name, text) buffer_put_text(buffer, "  " #name "  " text "\n");
#include "src/bench/watches.def"
#undef WATCH
    buffer_put_text(buffer, "  waiting:NODE  what waits or is served at a node\n");
}

static uint32_t waiting_node(const struct scenario *scenario, const char *name)
{
    if (strncmp(name, "waiting:", 8) != 0) {
        return VIRTUAL_NONE;
    }
    for (uint32_t n = 0; n < scenario->node_count; n++) {
        if (slice_equal(scenario->nodes[n].id, slice_from(name + 8))) {
            return n;
        }
    }
    return VIRTUAL_NONE;
}

static enum watch watch_of(const char *name)
{
    enum watch watch = 0;
    while (watch < WATCH_COUNT && strcmp(watch_names[watch], name) != 0) {
        watch++;
    }
    return watch;
}

bool look_can_watch(const struct scenario *scenario, const char *name)
{
    return watch_of(name) < WATCH_COUNT || waiting_node(scenario, name) != VIRTUAL_NONE;
}

static int64_t waiting_at(const struct virtual *virtual, uint32_t node)
{
    int64_t waiting = 0;
    for (int service = 0; service < VIRTUAL_SERVICE_COUNT; service++) {
        waiting += virtual_service_use(virtual, node, (enum virtual_service)service).waiting;
    }
    return waiting;
}

static int64_t value_of(const struct look *look, const struct look_world *world)
{
    struct virtual_counts counts = virtual_counts(world->virtual);
    switch (watch_of(look->watch)) {
    case WATCH_demands:
        return world->open_demands;
    case WATCH_messages:
        return counts.messages;
    case WATCH_instances:
        return counts.instances;
    case WATCH_bytes:
        return counts.bytes;
    case WATCH_refused:
        return counts.refused;
    case WATCH_flows:
        return counts.flows;
    case WATCH_relays:
        return counts.relays;
    case WATCH_kills:
        return counts.kills;
    case WATCH_dropped:
        return counts.dropped;
    case WATCH_COUNT:
        break;
    }
    return waiting_at(world->virtual, waiting_node(world->scenario, look->watch));
}

/* What an event does shows when the next one comes, so a change is put down to the event before. */
static void watch(struct look *look, const struct look_world *world)
{
    int64_t value = value_of(look, world);
    if (!look->has_value || value != look->value) {
        const char *cause = look->number == 0 ? "the beginning" : look->ring[look->number % LOOK_RING];
        printf("%s %lld  after %s\n", look->watch, (long long)value, cause);
    }
    look->value = value;
    look->has_value = true;
}

/* ---- Where everything stands. */

static void print_state(const struct look *look, const struct look_world *world)
{
    char stamp[64];
    struct buffer text = buffer_over(stamp, sizeof stamp - 1);
    struct virtual_counts counts = virtual_counts(world->virtual);
    time_put_iso(&text, virtual_now(world->virtual));
    stamp[text.size] = '\0';
    printf("event %lld, %s\n", (long long)look->number, stamp);
    printf("%lld messages and %lld instances delivered, %lld demands open, %lld associations refused, the engine died %lld times\n", (long long)counts.messages,
           (long long)counts.instances, (long long)world->open_demands, (long long)counts.refused, (long long)counts.kills);
    printf("trace hash %016llx\nwho is where\n", (unsigned long long)virtual_hash(world->virtual));
    for (uint32_t n = 0; n < world->scenario->node_count; n++) {
        int64_t waiting = waiting_at(world->virtual, n);
        printf("  %-16.*s %s", SLICE_ARGS(world->scenario->nodes[n].id), waiting == 0 ? "idle" : "");
        if (waiting > 0) {
            printf("%lld waiting or served", (long long)waiting);
        }
        printf("\n");
    }
    printf("the last events (number, cause)\n");
    int64_t first = look->number - LOOK_RING + 1 > 1 ? look->number - LOOK_RING + 1 : 1;
    for (int64_t n = first; n <= look->number; n++) {
        printf("  %s\n", look->ring[n % LOOK_RING]);
    }
}

static void remember(struct look *look, const struct virtual_trace_line *line, slice node, const struct brief *brief)
{
    char stamp[64];
    struct buffer text = buffer_over(stamp, sizeof stamp - 1);
    time_put_iso(&text, line->event->at_ns);
    stamp[text.size] = '\0';
    look->number = line->number;
    int size = snprintf(look->ring[line->number % LOOK_RING], LOOK_LINE_MAX, "%lld (%lld) %.19s.%06lld %.*s: %s", (long long)line->number, (long long)line->parent, stamp,
                        (long long)(line->event->at_ns % TIME_S / 1000), SLICE_ARGS(node), brief->text);
    for (size_t i = 0; i < brief->key_count && size > 0 && size < LOOK_LINE_MAX - 80; i++) {
        size += snprintf(look->ring[line->number % LOOK_RING] + size, 72, " %.*s", SLICE_ARGS(slice_before(brief->keys[i], 64)));
    }
}

bool look_sees(const struct look *look)
{
    return look->watch != NULL || look->goto_event > 0 || (look->causes_wanted && look->lines <= LOOK_CAUSES_MAX);
}

enum err look_line(struct look *look, const struct look_world *world, const struct virtual_trace_line *line)
{
    if (line->event == NULL || look->reached || world->virtual == NULL || !look_sees(look)) {
        return ERR_OK;
    }
    slice node = line->node < world->scenario->node_count ? world->scenario->nodes[line->node].id : SLICE("a link");
    struct brief brief = brief_of(line->event);
    if (look->watch != NULL) {
        watch(look, world);
    }
    if (look->watch != NULL || look->goto_event > 0) {
        remember(look, line, node, &brief);
    }
    if (look->goto_event > 0 && line->number >= look->goto_event) {
        look->reached = true;
        print_state(look, world);
        virtual_stop(world->virtual);
    }
    return write_cause(look, line, node, &brief);
}
