/* SPDX-License-Identifier: MIT */
#include "src/actor/serial.h"

#include <assert.h>

static const char *const names[OBSERVATION_COUNT] = {
#define OBSERVATION(name, text, fields) #name,
#include "src/actor/observation.def"
#undef OBSERVATION
};

const char *observation_text(enum observation_kind kind)
{
    assert(kind < OBSERVATION_COUNT);
    return names[kind];
}

bool observation_from_text(slice name, enum observation_kind *kind)
{
    for (size_t i = 0; i < OBSERVATION_COUNT; i++) {
        if (slice_equal(name, slice_from(names[i]))) {
            *kind = (enum observation_kind)i;
            return true;
        }
    }
    return false;
}

#define FIELD(field) {#field, offsetof(struct observation, field)}
static const struct {
    const char *name;
    size_t offset;
} texts[] = {
    FIELD(actor),      FIELD(peer),           FIELD(person),       FIELD(nhs),       FIELD(patient_id),
    FIELD(issuer),     FIELD(other_id),       FIELD(other_issuer), FIELD(name),      FIELD(accession),
    FIELD(study_uid),  FIELD(series_uid),     FIELD(sop_uid),      FIELD(modality),  FIELD(text),
    FIELD(dataset_sha256), FIELD(pixel_sha256),
}, numbers[] = {FIELD(count), FIELD(number), FIELD(latency_ns), FIELD(span)};
#undef FIELD

static void put_name(struct buffer *buffer, const char *name)
{
    buffer_put_text(buffer, ",\"");
    buffer_put_text(buffer, name);
    buffer_put_text(buffer, "\":");
}

void observation_put_json(const struct observation *observation, struct buffer *buffer)
{
    buffer_put_text(buffer, "{\"observed\":\"");
    buffer_put_text(buffer, observation_text(observation->kind));
    buffer_put_text(buffer, "\",\"at\":");
    buffer_put_int(buffer, observation->at_ns);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        slice value;
        memcpy(&value, (const char *)observation + texts[i].offset, sizeof value);
        if (value.size > 0) {
            put_name(buffer, texts[i].name);
            buffer_put_json(buffer, value);
        }
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        int64_t value;
        memcpy(&value, (const char *)observation + numbers[i].offset, sizeof value);
        if (value != 0) {
            put_name(buffer, numbers[i].name);
            buffer_put_int(buffer, value);
        }
    }
    buffer_put_text(buffer, observation->flag ? ",\"flag\":true}" : "}");
}
