/* SPDX-License-Identifier: MIT */
#include "src/bench/json.h"

#include <jansson.h>

void plan_put_json(const struct plan_entry *entry, struct buffer *buffer)
{
    static const char *const kinds[] = {"do", "fault", "heal"};
    buffer_put_text(buffer, "{\"id\":");
    buffer_put_int(buffer, entry->id);
    buffer_put_text(buffer, ",\"kind\":\"");
    buffer_put_text(buffer, kinds[entry->kind]);
    buffer_put_text(buffer, "\",\"verb\":");
    buffer_put_json(buffer, entry->verb);
    buffer_put_text(buffer, ",\"args\":{");
    for (size_t i = 0; i < entry->argument_count; i++) {
        buffer_put_text(buffer, i == 0 ? "" : ",");
        buffer_put_json(buffer, entry->arguments[i].name);
        buffer_put_byte(buffer, ':');
        buffer_put_json(buffer, entry->arguments[i].value);
    }
    buffer_put_text(buffer, "}}\n");
}

/* The fields of struct observation by the names observation_put_json gives them. */
static const struct {
    const char *name;
    size_t offset;
} texts[] = {
#define FIELD(field) {#field, offsetof(struct observation, field)}
    FIELD(actor), FIELD(peer), FIELD(person), FIELD(nhs), FIELD(patient_id), FIELD(issuer), FIELD(other_id), FIELD(other_issuer), FIELD(name), FIELD(accession),
    FIELD(study_uid), FIELD(series_uid), FIELD(sop_uid), FIELD(modality), FIELD(text), FIELD(dataset_sha256), FIELD(pixel_sha256),
}, numbers[] = {FIELD(count), FIELD(number), FIELD(latency_ns), FIELD(span)};

static enum err read_fields(struct observation *observation, json_t *object, struct arena *arena)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *value = json_object_get(object, texts[i].name);
        slice text = {json_string_value(value), json_string_length(value)};
        slice copy = json_is_string(value) ? arena_copy(arena, text) : SLICE_EMPTY;
        if (copy.data == NULL) {
            return ERR_LIMIT;
        }
        memcpy((char *)observation + texts[i].offset, &copy, sizeof copy);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        int64_t number = json_integer_value(json_object_get(object, numbers[i].name));
        memcpy((char *)observation + numbers[i].offset, &number, sizeof number);
    }
    observation->at_ns = json_integer_value(json_object_get(object, "at"));
    observation->flag = json_is_true(json_object_get(object, "flag"));
    return ERR_OK;
}

enum err observation_from_json(struct observation *observation, slice line, struct arena *arena)
{
    json_t *object = json_loadb(line.data, line.size, JSON_ALLOW_NUL, NULL);
    slice name = slice_from(json_string_value(json_object_get(object, "observed")));
    enum err err = ERR_BAD_MESSAGE;
    *observation = (struct observation){.at_ns = 0};
    if (json_is_object(object) && observation_from_text(name, &observation->kind)) {
        err = read_fields(observation, object, arena);
    }
    json_decref(object);
    return err;
}
