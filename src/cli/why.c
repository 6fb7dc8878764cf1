/* SPDX-License-Identifier: MIT */
#include "src/cli/why.h"

#include "src/bench/causes.h"
#include "src/bench/json.h"
#include "src/cli/cli.h"

#include <jansson.h>
#include <stdio.h>

#define WHY_ARENA ((size_t)2 << 30) /* taken lazily */
#define WHY_LINE_MAX (1u << 16)
#define LIFE_MAX 200                /* lines that are shown of a life */

struct life {
    const char *folder;
    slice issuer, accession;
    char study_uid[72], person[72];
    int64_t seen, shown;
    time_ns last_ns;
    char last_node[72];
    struct arena arena, line;
};

static bool is_ours(const struct life *life, const struct observation *seen)
{
    bool number = slice_equal(seen->accession, life->accession) && (seen->issuer.size == 0 || slice_equal(seen->issuer, life->issuer) || life->study_uid[0] != '\0');
    return number || (life->study_uid[0] != '\0' && slice_equal(seen->study_uid, slice_from(life->study_uid)));
}

static void learn(struct life *life, const struct observation *seen)
{
    if (life->study_uid[0] == '\0' && seen->study_uid.size > 0 && seen->study_uid.size < sizeof life->study_uid) {
        snprintf(life->study_uid, sizeof life->study_uid, "%.*s", SLICE_ARGS(seen->study_uid));
    }
    if (life->person[0] == '\0' && seen->person.size > 0 && seen->person.size < sizeof life->person) {
        snprintf(life->person, sizeof life->person, "%.*s", SLICE_ARGS(seen->person));
    }
}

static void put_part(const char *name, slice text)
{
    if (text.size > 0) {
        printf(", %s %.*s", name, SLICE_ARGS(slice_before(text, 80)));
    }
}

/* One line for what happened; instances of one study are told together. */
static void tell(struct life *life, const struct observation *seen)
{
    char stamp[64];
    struct buffer text = buffer_over(stamp, sizeof stamp - 1);
    life->seen++;
    life->last_ns = seen->at_ns;
    snprintf(life->last_node, sizeof life->last_node, "%.*s", SLICE_ARGS(slice_before(seen->actor, 70)));
    bool instance = seen->kind == OBSERVATION_truth_instance || seen->kind == OBSERVATION_delivered;
    if ((instance && seen->number > 1) || life->shown++ >= LIFE_MAX) {
        return;
    }
    time_put_iso(&text, seen->at_ns);
    stamp[text.size] = '\0';
    printf("  %s  %.*s  %s", stamp, SLICE_ARGS(seen->actor), observation_text(seen->kind));
    put_part("with", seen->peer);
    put_part("", seen->text);
    if (seen->latency_ns > 0) {
        printf(", after %lld ms", (long long)(seen->latency_ns / TIME_MS));
    }
    printf("%s\n", seen->flag && seen->kind == OBSERVATION_query_answered ? ", marked incomplete" : "");
}

static int read_life(struct life *life, bool print)
{
    char path[600];
    char *line = arena_alloc(&life->arena, WHY_LINE_MAX);
    snprintf(path, sizeof path, "%s/observations.jsonl", life->folder);
    FILE *file = fopen(path, "re");
    if (file == NULL || line == NULL) {
        return cli_fail(ERR_NOT_FOUND, "%s has neither registry.db nor observations.jsonl; name the folder of a run", life->folder);
    }
    while (fgets(line, WHY_LINE_MAX, file) != NULL) {
        struct observation seen;
        /* Most lines are of others: look before parsing. */
        if (strstr(line, life->accession.data) == NULL && (life->study_uid[0] == '\0' || strstr(line, life->study_uid) == NULL)) {
            continue;
        }
        arena_reset(&life->line);
        if (observation_from_json(&seen, slice_trim(slice_from(line)), &life->line) == ERR_OK && is_ours(life, &seen)) {
            learn(life, &seen);
            if (print) {
                tell(life, &seen);
            }
        }
    }
    fclose(file);
    return -1;
}

/* ---- Transfers of its study, and what became of them. */

static void print_transfers(const struct life *life)
{
    static const char *const states[] = {"", "waiting", "running", "verifying", "done", "unproven", "failed"};
    char path[600];
    size_t i;
    json_t *row;
    snprintf(path, sizeof path, "%s/results.json", life->folder);
    json_t *results = json_load_file(path, 0, NULL);
    json_array_foreach (json_object_get(results, "transfers"), i, row) {
        const char *study = json_string_value(json_object_get(row, "study")), *why = json_string_value(json_object_get(row, "why"));
        json_int_t state = json_integer_value(json_object_get(row, "state"));
        if (study != NULL && strcmp(study, life->study_uid) == 0) {
            printf("transfer %lld to %s  %s, %lld of %lld images%s%s\n", (long long)json_integer_value(json_object_get(row, "id")),
                   json_string_value(json_object_get(row, "destination")), state >= 1 && state <= 6 ? states[state] : "?",
                   (long long)json_integer_value(json_object_get(row, "delivered")), (long long)json_integer_value(json_object_get(row, "wanted")),
                   why != NULL && why[0] != '\0' ? ", because " : "", why == NULL ? "" : why);
        }
    }
    json_decref(results);
}

/* ---- The chain of causes of the last thing that happened to it. */

static void print_chain(struct life *life)
{
    char path[600], bytes[1024];
    struct causes causes;
    const struct cause *chain[CHAIN_MAX];
    const slice keys[] = {slice_from(life->study_uid), life->accession};
    snprintf(path, sizeof path, "%s/causes.jsonl", life->folder);
    if (causes_read(&causes, path, &life->arena) != ERR_OK) {
        printf("what caused what is not known: %s is not there; play it with --trace full\n", path);
        return;
    }
    const struct cause *last = causes_last(&causes, keys, 2, SLICE_EMPTY, TIME_NEVER);
    size_t count = causes_chain(&causes, last, chain);
    printf(count == 0 ? "no event is about it\n" : "the last event about it, and what caused it\n");
    for (size_t i = 0; i < count; i++) {
        struct buffer text = buffer_over(bytes, sizeof bytes);
        cause_put(chain[i], &text);
        printf("  %lld  %.*s%s\n", (long long)chain[i]->number, (int)text.size, text.data, chain[i]->parent == 0 ? "  (the plan, or a timer of the beginning)" : "");
    }
}

int why_in_virtual_time(const char *folder, const char *issuer, const char *accession)
{
    static struct life life;
    life = (struct life){.folder = folder, .issuer = slice_from(issuer), .accession = slice_from(accession)};
    if (arena_make(&life.arena, WHY_ARENA) != ERR_OK || arena_make(&life.line, 1 << 20) != ERR_OK) {
        return cli_fail(ERR_LIMIT, "not enough memory");
    }
    int code = read_life(&life, false); /* once to learn its study, once to tell */
    if (code >= 0) {
        return code;
    }
    if (life.study_uid[0] == '\0' && life.person[0] == '\0') {
        return cli_fail(ERR_NOT_FOUND, "%s knows no exam %s/%s", folder, issuer, accession);
    }
    printf("exam %s/%s  study %s, person %s\n", issuer, accession, life.study_uid[0] == '\0' ? "not seen" : life.study_uid, life.person[0] == '\0' ? "not known" : life.person);
    code = read_life(&life, true);
    if (life.shown > LIFE_MAX) {
        printf("  and %lld more\n", (long long)(life.shown - LIFE_MAX));
    }
    print_transfers(&life);
    print_chain(&life);
    arena_drop(&life.arena);
    arena_drop(&life.line);
    return code < 0 ? 0 : code;
}
