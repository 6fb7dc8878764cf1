/* SPDX-License-Identifier: MIT */
#include "src/bench/causes.h"

#include "src/bench/files.h"
#include "src/bench/json.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

/* ---- Reading. */

static slice keep(const json_t *text, struct arena *arena)
{
    return arena_copy(arena, (slice){json_string_value(text), json_string_length(text)});
}

static enum err read_line(struct cause *cause, slice line, struct arena *arena)
{
    json_t *object = json_loadb(line.data, line.size, 0, NULL);
    json_t *about = json_object_get(object, "about"), *key;
    size_t i;
    if (!json_is_object(object) || !json_is_string(json_object_get(object, "what"))) {
        json_decref(object);
        return ERR_BAD_INPUT;
    }
    *cause = (struct cause){json_integer_value(json_object_get(object, "n")), json_integer_value(json_object_get(object, "by")),
                            json_integer_value(json_object_get(object, "step")), json_integer_value(json_object_get(object, "t")),
                            keep(json_object_get(object, "node"), arena), keep(json_object_get(object, "what"), arena), {{0}}, 0};
    json_array_foreach (about, i, key) {
        if (i < sizeof cause->about / sizeof cause->about[0]) {
            cause->about[cause->about_count++] = keep(key, arena);
        }
    }
    json_decref(object);
    return ERR_OK;
}

enum err causes_read(struct causes *causes, const char *path, struct arena *arena)
{
    slice rest;
    *causes = (struct causes){.count = 0};
    enum err err = files_read(&rest, path, arena);
    if (err != ERR_OK) {
        return err;
    }
    size_t lines = 0;
    for (size_t i = 0; i < rest.size; i++) {
        lines += rest.data[i] == '\n';
    }
    causes->list = arena_array(arena, lines + 1, sizeof *causes->list);
    if (causes->list == NULL) {
        return ERR_LIMIT;
    }
    while (err == ERR_OK && causes->count < lines) {
        slice line = slice_cut(&rest, '\n');
        err = read_line(&causes->list[causes->count], line, arena);
        causes->count++;
        if (err == ERR_OK && causes->list[causes->count - 1].number != (int64_t)causes->count) {
            err = ERR_BAD_INPUT;
        }
    }
    return err;
}

const struct cause *causes_get(const struct causes *causes, int64_t number)
{
    return number >= 1 && (size_t)number <= causes->count ? &causes->list[number - 1] : NULL;
}

bool cause_is_about(const struct cause *cause, slice key)
{
    for (size_t i = 0; i < cause->about_count; i++) {
        if (slice_equal(cause->about[i], key)) {
            return true;
        }
    }
    return false;
}

static bool is_about_any(const struct cause *cause, const slice *keys, size_t key_count)
{
    for (size_t k = 0; k < key_count; k++) {
        if (keys[k].size > 0 && cause_is_about(cause, keys[k])) {
            return true;
        }
    }
    return false;
}

const struct cause *causes_last(const struct causes *causes, const slice *keys, size_t key_count, slice node, time_ns at_ns)
{
    for (size_t i = causes->count; i-- > 0;) {
        const struct cause *cause = &causes->list[i];
        if (cause->at_ns <= at_ns && (node.size == 0 || slice_equal(cause->node, node)) && (key_count == 0 || is_about_any(cause, keys, key_count))) {
            return cause;
        }
    }
    return NULL;
}

void cause_put(const struct cause *cause, struct buffer *buffer)
{
    size_t start = buffer->size;
    time_put_iso(buffer, cause->at_ns);
    if (buffer->size > start) {
        buffer->size--; /* the Z comes behind the fraction */
    }
    buffer_put_byte(buffer, '.');
    buffer_put_padded(buffer, (uint64_t)(cause->at_ns % TIME_S / TIME_US), 6);
    buffer_put_text(buffer, "Z ");
    buffer_put(buffer, cause->node);
    buffer_put_text(buffer, ": ");
    buffer_put(buffer, cause->what);
}

size_t causes_chain(const struct causes *causes, const struct cause *last, const struct cause *chain[CHAIN_MAX])
{
    size_t count = 0;
    while (last != NULL && count < CHAIN_MAX) {
        chain[count++] = last;
        last = last->parent < last->number ? causes_get(causes, last->parent) : NULL;
    }
    return count;
}

/* ---- The bundle. */

struct failure {
    const struct results *results;
    const struct evidence *evidence; /* of the first violation; null: an expectation fell short */
    struct causes causes;
    const struct cause *at;          /* the event that shows it; null: not known */
    slice keys[8];
    size_t key_count;
};

/* The nth line of observations.jsonl. */
static bool read_observation(struct observation *seen, const char *folder, int64_t number, struct arena *arena)
{
    char path[600];
    char *line = arena_alloc(arena, 1 << 16);
    snprintf(path, sizeof path, "%s/observations.jsonl", folder);
    FILE *file = fopen(path, "re");
    bool found = false;
    for (int64_t n = 1; line != NULL && file != NULL && n <= number && fgets(line, 1 << 16, file) != NULL; n++) {
        found = n == number && observation_from_json(seen, slice_trim(slice_from(line)), arena) == ERR_OK;
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

static void add_key(struct failure *failure, slice key)
{
    if (key.size > 0 && failure->key_count < sizeof failure->keys / sizeof failure->keys[0]) {
        failure->keys[failure->key_count++] = key;
    }
}

/* The step of the engine, else what was observed last, names the event. */
static void locate(struct failure *failure, const char *folder, struct arena *arena)
{
    const struct evidence *evidence = failure->evidence;
    int64_t life = 0, before = INT64_MAX;
    if (evidence == NULL) {
        return;
    }
    struct observation seen;
    if (evidence->line_count > 0 && read_observation(&seen, folder, evidence->lines[evidence->line_count - 1], arena)) {
        add_key(failure, seen.study_uid);
        add_key(failure, seen.accession);
        add_key(failure, seen.person);
        failure->at = causes_last(&failure->causes, NULL, 0, seen.actor, seen.at_ns);
    }
    for (size_t i = 0; evidence->step > 0 && i < failure->causes.count; i++) {
        const struct cause *cause = &failure->causes.list[i];
        const struct scenario *scenario = failure->results->scenario;
        bool engine = false;
        for (size_t n = 0; n < scenario->node_count; n++) {
            engine = engine || (scenario->nodes[n].kind == KIND_ENGINE && slice_equal(scenario->nodes[n].id, cause->node));
        }
        if (engine) {
            life += cause->step <= before;
            before = cause->step;
            failure->at = cause->step == evidence->step && life == evidence->life ? cause : failure->at;
        }
    }
    for (size_t i = 0; failure->at != NULL && i < failure->at->about_count; i++) {
        add_key(failure, failure->at->about[i]);
    }
}

static void put_name(struct buffer *buffer, const char *name)
{
    buffer_put_text(buffer, ",\n \"");
    buffer_put_text(buffer, name);
    buffer_put_text(buffer, "\": ");
}

static void put_hex(struct buffer *buffer, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "\"%016llx\"", (unsigned long long)value);
    buffer_put_text(buffer, text);
}

static void put_event(struct buffer *buffer, const struct cause *cause, bool first)
{
    buffer_put_text(buffer, first ? "\n  {\"event\": " : ",\n  {\"event\": ");
    buffer_put_int(buffer, cause->number);
    buffer_put_text(buffer, ", \"by\": ");
    buffer_put_int(buffer, cause->parent);
    buffer_put_text(buffer, ", \"at\": ");
    buffer_put_int(buffer, cause->at_ns);
    buffer_put_text(buffer, ", \"node\": ");
    buffer_put_json(buffer, cause->node);
    buffer_put_text(buffer, ", \"what\": ");
    buffer_put_json(buffer, cause->what);
    buffer_put_byte(buffer, '}');
}

static void put_rules(struct buffer *buffer, struct failure *failure)
{
    const struct results *results = failure->results;
    bool begun = false;
    for (int i = 0; i < INVARIANT_COUNT; i++) {
        if (results->invariants[i].violations > 0) {
            buffer_put_text(buffer, begun ? ", " : "");
            buffer_put_json(buffer, slice_from(invariant_name((enum invariant)i)));
            begun = true;
        }
    }
    for (size_t i = 0; i < results->expectation_count; i++) {
        if (expectation_fails(&results->expectations[i])) {
            buffer_put_text(buffer, begun ? ", " : "");
            buffer_put_json(buffer, results->expectations[i].expectation->id);
            begun = true;
        }
    }
}

static void put_head(struct buffer *buffer, struct failure *failure, const char *repeat)
{
    const struct results *results = failure->results;
    buffer_put_text(buffer, "{\"pont\": \"failure/1\"");
    put_name(buffer, "scenario");
    buffer_put_text(buffer, "{\"name\": ");
    buffer_put_json(buffer, results->scenario->id);
    buffer_put_text(buffer, ", \"sha256\": ");
    buffer_put_json(buffer, slice_from(results->scenario->sha256));
    buffer_put_byte(buffer, '}');
    put_name(buffer, "build");
    buffer_put_json(buffer, results->commit);
    put_name(buffer, "seed");
    buffer_put_int(buffer, (int64_t)results->scenario->seed);
    put_name(buffer, "trace_hash");
    put_hex(buffer, results->trace_hash);
    put_name(buffer, "state_digest");
    put_hex(buffer, results->state_digest);
    put_name(buffer, "rules");
    buffer_put_byte(buffer, '[');
    put_rules(buffer, failure);
    buffer_put_byte(buffer, ']');
    put_name(buffer, "first");
    buffer_put_json(buffer, failure->evidence == NULL ? results->sentence : slice_from(failure->evidence->text));
    put_name(buffer, "event");
    buffer_put_int(buffer, failure->at == NULL ? 0 : failure->at->number);
    put_name(buffer, "repeat");
    buffer_put_json(buffer, slice_from(repeat));
}

static void put_chain(struct buffer *buffer, const struct failure *failure)
{
    const struct cause *chain[CHAIN_MAX];
    size_t count = causes_chain(&failure->causes, failure->at, chain);
    put_name(buffer, "chain");
    buffer_put_byte(buffer, '[');
    for (size_t i = 0; i < count; i++) {
        put_event(buffer, chain[i], i == 0);
    }
    buffer_put_byte(buffer, ']');
}

/* What happened to whom it is about in the last two hours, the latest first, as far as there is room. */
static void put_events(struct buffer *buffer, const struct failure *failure)
{
    size_t room = buffer->capacity - 16;
    bool first = true;
    put_name(buffer, "events");
    buffer_put_byte(buffer, '[');
    for (int64_t n = failure->at == NULL ? 0 : failure->at->number; n > 0; n--) {
        const struct cause *cause = causes_get(&failure->causes, n);
        if (cause->at_ns < failure->at->at_ns - FAILURE_WINDOW || buffer->size + 1024 > room) {
            break;
        }
        if (is_about_any(cause, failure->keys, failure->key_count)) {
            put_event(buffer, cause, first);
            first = false;
        }
    }
    buffer_put_text(buffer, "]}\n");
}

enum err failure_write(const struct results *results, const char *folder, const char *repeat, struct arena *arena)
{
    char path[600];
    size_t used = arena->used;
    struct failure failure = {.results = results};
    struct buffer text = buffer_make(arena, FAILURE_MAX);
    for (int i = INVARIANT_COUNT; i-- > 0;) {
        const struct invariant_result *invariant = &results->invariants[i];
        if (invariant->violations > 0 && invariant->evidence_count > 0 && invariant->evidence[0].violation) {
            failure.evidence = &invariant->evidence[0];
        }
    }
    snprintf(path, sizeof path, "%s/causes.jsonl", folder);
    if (causes_read(&failure.causes, path, arena) == ERR_OK) {
        locate(&failure, folder, arena);
    }
    put_head(&text, &failure, repeat);
    put_chain(&text, &failure);
    put_events(&text, &failure);
    snprintf(path, sizeof path, "%s/failure.json", folder);
    enum err err = text.full ? ERR_LIMIT : files_write(path, buffer_slice(&text));
    arena->used = used;
    return err;
}
