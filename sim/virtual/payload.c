/* SPDX-License-Identifier: MIT
 *
 * One walk over a value serves both passes: the first counts structs and texts, the second copies and hashes. */
#include "sim/virtual/payload.h"

#include "sim/virtual/mix.h"

/* Rough lengths on the link: a PDU's and a command's head, an element's head. */
#define MESSAGE_BYTES 180
#define ELEMENT_BYTES 12
#define HL7_BYTES     400

struct packer {
    char *structs, *texts; /* null: counting */
    size_t struct_size, text_size;
    uint64_t hash;
};

/* ---- Pieces. */

static slice pack_text(struct packer *packer, slice text)
{
    if (text.size == 0) {
        packer->hash = packer->structs == NULL ? 0 : mix_number(packer->hash, 0);
        return SLICE_EMPTY;
    }
    if (packer->structs == NULL) {
        packer->text_size += text.size + 1;
        return text;
    }
    char *copy = packer->texts;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    packer->texts += text.size + 1;
    packer->hash = mix_slice(packer->hash, text);
    return (slice){copy, text.size};
}

/* Slices of a struct, by their offsets; which of them say something is hashed once. */
static void pack_fields(struct packer *packer, void *to, const void *from, const uint16_t *offsets, size_t count)
{
    uint64_t said = 0;
    for (size_t i = 0; i < count; i++) {
        slice text;
        memcpy(&text, (const char *)from + offsets[i], sizeof text);
        if (packer->structs == NULL) {
            packer->text_size += text.size + (text.size > 0);
        } else if (text.size == 0) {
            text = SLICE_EMPTY;
            memcpy((char *)to + offsets[i], &text, sizeof text);
        } else {
            text = pack_text(packer, text);
            memcpy((char *)to + offsets[i], &text, sizeof text);
            said |= 1ull << i;
        }
    }
    if (packer->structs != NULL) {
        packer->hash = mix_number(packer->hash, said);
    }
}

/* A shallow copy; `from` itself while counting. */
static void *pack_array(struct packer *packer, const void *from, size_t count, size_t size)
{
    if (packer->structs == NULL) {
        packer->struct_size += count * size;
        return (void *)(uintptr_t)from;
    }
    void *copy = packer->structs;
    if (count > 0) {
        memcpy(copy, from, count * size);
    }
    packer->structs += count * size;
    return copy;
}

static void pack_number(struct packer *packer, uint64_t number)
{
    if (packer->structs != NULL) {
        packer->hash = mix_number(packer->hash, number);
    }
}

static bool counting(const struct packer *packer)
{
    return packer->structs == NULL;
}

/* ---- Data sets and messages. All struct sizes are multiples of 8, so that every piece is aligned. */

static void pack_dataset(struct packer *packer, struct dataset *to, const struct dataset *from)
{
    struct element *elements = pack_array(packer, from->elements, from->count, sizeof *elements);
    pack_number(packer, from->count);
    for (uint32_t i = 0; i < from->count; i++) {
        const struct element *element = &from->elements[i];
        slice value = pack_text(packer, element->value);
        struct dataset *items = element->item_count == 0 ? NULL : pack_array(packer, element->items, element->item_count, sizeof *items);
        pack_number(packer, (uint64_t)element->tag << 32 | element->vr << 16 | element->item_count);
        for (uint32_t n = 0; n < element->item_count; n++) {
            pack_dataset(packer, items == NULL || counting(packer) ? NULL : &items[n], &element->items[n]);
        }
        if (!counting(packer)) {
            elements[i].value = value;
            elements[i].items = items;
        }
    }
    if (!counting(packer)) {
        *to = (struct dataset){elements, from->count, from->count};
    }
}

static struct dataset *pack_dataset_pointer(struct packer *packer, const struct dataset *from)
{
    pack_number(packer, from != NULL);
    if (from == NULL) {
        return NULL;
    }
    struct dataset *copy = pack_array(packer, from, 1, sizeof *copy);
    pack_dataset(packer, copy, from);
    return copy;
}

#define FIELD(name) offsetof(struct object, name)
static const uint16_t object_texts[] = {
    FIELD(sop_class_uid),  FIELD(sop_instance_uid), FIELD(study_uid),    FIELD(series_uid), FIELD(transfer_syntax),
    FIELD(patient_id),     FIELD(patient_issuer),   FIELD(patient_name), FIELD(birth_date), FIELD(accession),
    FIELD(accession_issuer), FIELD(modality),       FIELD(dataset_sha256), FIELD(pixel_sha256), FIELD(file),
};
#undef FIELD
#define FIELD(name) offsetof(struct dimse, name)
static const uint16_t dimse_texts[] = {FIELD(sop_class_uid), FIELD(sop_instance_uid), FIELD(move_destination), FIELD(move_originator), FIELD(error_comment)};
#undef FIELD

static void pack_object(struct packer *packer, struct object *to, const struct object *from)
{
    pack_fields(packer, to, from, object_texts, sizeof object_texts / sizeof object_texts[0]);
    pack_number(packer, (uint64_t)from->size);
    pack_number(packer, (uint64_t)from->study << 32 ^ (uint64_t)from->instance << 8 ^ (uint64_t)from->span << 48 ^ from->span);
    struct dataset *changed = pack_dataset_pointer(packer, from->changed);
    if (!counting(packer)) {
        to->changed = changed;
    }
}

static void pack_dimse(struct packer *packer, struct dimse *to, const struct dimse *from)
{
    pack_number(packer, (uint64_t)from->kind << 56 ^ (uint64_t)from->context_id << 48 ^ (uint64_t)from->message_id << 32 ^ (uint64_t)from->status << 16 ^ from->priority);
    pack_number(packer, ((uint64_t)(uint32_t)from->remaining << 32 | (uint32_t)from->completed) * 31 + ((uint64_t)(uint32_t)from->failed << 32 | (uint32_t)from->warning));
    pack_number(packer, (uint64_t)from->span << 32 | (uint32_t)from->type_id << 16 | from->move_originator_id);
    pack_fields(packer, to, from, dimse_texts, sizeof dimse_texts / sizeof dimse_texts[0]);
    struct dataset *identifier = pack_dataset_pointer(packer, from->identifier);
    if (!counting(packer)) {
        to->identifier = identifier;
    }
    if (from->kind == DIMSE_C_STORE_RQ || from->kind == DIMSE_C_STORE_RSP) {
        pack_object(packer, counting(packer) ? NULL : &to->object, &from->object);
    } else if (!counting(packer)) {
        to->object = (struct object){.size = 0}; /* of other kinds it says nothing, and may point anywhere */
    }
}

static void pack_slices(struct packer *packer, slice *to, const slice *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (counting(packer)) {
            packer->text_size += from[i].size + (from[i].size > 0);
        } else if (from[i].size == 0) {
            to[i] = SLICE_EMPTY;
        } else {
            packer->hash = mix_number(packer->hash, i); /* the places of those that say something say where the empty ones are */
            to[i] = pack_text(packer, from[i]);
        }
    }
}

/* Ids and names of HL7 are nothing but slices. */
_Static_assert(sizeof(struct hl7_id) == 3 * sizeof(slice) && sizeof(struct hl7_name) == 5 * sizeof(slice), "nothing but slices");

static void pack_hl7(struct packer *packer, struct message *to, const struct message *from)
{
    const struct hl7_value *value = &from->hl7;
    struct hl7_value *copy = counting(packer) ? NULL : &to->hl7;
    pack_number(packer, (uint64_t)value->type << 32 ^ value->id_count << 16 ^ value->prior_id_count << 8 ^ value->name_count);
    pack_slices(packer, copy == NULL ? NULL : copy->fields, value->fields, HL7_FIELD_COUNT);
    pack_slices(packer, copy == NULL ? NULL : &copy->ids[0].value, &value->ids[0].value, 3 * value->id_count);
    pack_slices(packer, copy == NULL ? NULL : &copy->prior_ids[0].value, &value->prior_ids[0].value, 3 * value->prior_id_count);
    pack_slices(packer, copy == NULL ? NULL : &copy->names[0].family, &value->names[0].family, 5 * value->name_count);
    slice unreadable = pack_text(packer, from->unreadable);
    if (copy != NULL) {
        to->unreadable = unreadable;
    }
}

static struct context *pack_contexts(struct packer *packer, const struct contexts *from)
{
    struct context *list = pack_array(packer, from->list, from->count, sizeof *list);
    for (size_t i = 0; i < from->count; i++) {
        const struct context *context = &from->list[i];
        slice abstract = pack_text(packer, context->abstract_syntax), accepted = pack_text(packer, context->accepted_syntax);
        pack_number(packer, (uint64_t)context->id << 32 ^ (uint64_t)context->result << 16 ^ (uint64_t)context->syntax_count << 8 ^ (uint64_t)context->scu << 1 ^ context->scp);
        pack_slices(packer, counting(packer) ? NULL : list[i].transfer_syntaxes, context->transfer_syntaxes, context->syntax_count);
        if (!counting(packer)) {
            list[i].abstract_syntax = abstract;
            list[i].accepted_syntax = accepted;
        }
    }
    return list;
}

/* ---- Both passes. */

struct source { /* what goes in, by kind */
    const struct message *messages;
    const struct dimse *dimse;
    size_t count;
    struct contexts contexts;
    slice calling, called, address, text;
    const struct plan_entry *plan;
    const struct relay_result *results;
};

static void pack_run(struct packer *packer, struct payload *payload, const struct source *source)
{
    struct dimse *list = counting(packer) ? NULL : (struct dimse *)(void *)packer->structs;
    for (size_t i = 0; i < source->count; i++) {
        (void)pack_array(packer, source->dimse != NULL ? &source->dimse[i] : &source->messages[i].dimse, 1, sizeof(struct dimse));
    }
    for (size_t i = 0; i < source->count; i++) {
        pack_dimse(packer, list == NULL ? NULL : &list[i], source->dimse != NULL ? &source->dimse[i] : &source->messages[i].dimse);
    }
    payload->dimse = list;
}

static void pack_plan(struct packer *packer, struct payload *payload, const struct plan_entry *from)
{
    size_t size = offsetof(struct plan_entry, argument_count) + sizeof from->argument_count; /* arguments are in the middle */
    struct plan_entry *to = pack_array(packer, from, 1, size);
    pack_number(packer, (uint64_t)from->kind << 56 ^ (uint64_t)from->id);
    slice verb = pack_text(packer, from->verb);
    pack_slices(packer, counting(packer) ? NULL : &to->arguments[0].name, &from->arguments[0].name, 2 * from->argument_count);
    if (!counting(packer)) {
        to->verb = verb;
    }
    payload->plan = to;
}

static void pack_results(struct packer *packer, struct payload *payload, const struct source *source)
{
    struct relay_result *list = pack_array(packer, source->results, source->count, sizeof *list);
    for (size_t i = 0; i < source->count; i++) {
        const struct relay_result *result = &source->results[i];
        slice uid = pack_text(packer, result->sop_instance_uid), dataset = pack_text(packer, result->dataset_sha256), pixels = pack_text(packer, result->pixel_sha256);
        pack_number(packer, (uint64_t)result->status << 48 ^ (uint64_t)result->span << 24 ^ (uint64_t)result->size);
        if (!counting(packer)) {
            list[i].sop_instance_uid = uid;
            list[i].dataset_sha256 = dataset;
            list[i].pixel_sha256 = pixels;
        }
    }
    payload->results = list;
    payload->text = pack_text(packer, source->text);
}

static void pack(struct packer *packer, struct payload *payload, const struct source *source)
{
    switch (payload->kind) {
    case PAYLOAD_RUN:
    case PAYLOAD_STORED:
        if (payload->protocol == PROTOCOL_DICOM) {
            pack_run(packer, payload, source);
            break;
        }
        payload->hl7 = pack_array(packer, source->messages, source->count, sizeof *payload->hl7);
        for (size_t i = 0; i < source->count; i++) {
            pack_hl7(packer, counting(packer) ? NULL : &payload->hl7[i], &source->messages[i]);
        }
        break;
    case PAYLOAD_ASK:
        payload->calling = pack_text(packer, source->calling);
        payload->called = pack_text(packer, source->called);
        payload->address = pack_text(packer, source->address);
        payload->contexts = (struct contexts){pack_contexts(packer, &source->contexts), source->contexts.count};
        break;
    case PAYLOAD_CONTEXTS:
        payload->contexts = (struct contexts){pack_contexts(packer, &source->contexts), source->contexts.count};
        break;
    case PAYLOAD_PLAN:
        pack_plan(packer, payload, source->plan);
        break;
    case PAYLOAD_RESULTS:
        pack_results(packer, payload, source);
        break;
    case PAYLOAD_END:
        break;
    }
}

static struct payload *make(struct slab *slab, const struct payload *blank, const struct source *source)
{
    struct packer packer = {.structs = NULL};
    struct payload scratch = *blank;
    pack(&packer, &scratch, source);
    struct payload *payload = slab_take(slab, sizeof *payload + packer.struct_size + packer.text_size);
    if (payload == NULL) {
        return NULL;
    }
    *payload = *blank;
    payload->count = (uint32_t)source->count;
    packer.structs = (char *)(payload + 1);
    packer.texts = packer.structs + packer.struct_size;
    packer.hash = (uint64_t)blank->kind << 8 | blank->protocol;
    pack(&packer, payload, source);
    payload->hash = packer.hash;
    return payload;
}

/* ---- Doors. */

struct payload *payload_make_run(struct slab *slab, enum protocol protocol, const struct message *messages, size_t count)
{
    return make(slab, &(struct payload){.kind = PAYLOAD_RUN, .protocol = protocol}, &(struct source){.messages = messages, .count = count});
}

struct payload *payload_make_dimse(struct slab *slab, const struct dimse *messages, size_t count)
{
    return make(slab, &(struct payload){.kind = PAYLOAD_RUN, .protocol = PROTOCOL_DICOM}, &(struct source){.dimse = messages, .count = count});
}

struct payload *payload_make_ask(struct slab *slab, enum protocol protocol, slice calling, slice called, slice address, const struct contexts *contexts)
{
    return make(slab, &(struct payload){.kind = PAYLOAD_ASK, .protocol = protocol},
                &(struct source){.calling = calling, .called = called, .address = address, .contexts = *contexts});
}

struct payload *payload_make_contexts(struct slab *slab, const struct contexts *contexts)
{
    return make(slab, &(struct payload){.kind = PAYLOAD_CONTEXTS}, &(struct source){.contexts = *contexts});
}

struct payload *payload_make_end(struct slab *slab, enum closed cause)
{
    struct payload *payload = make(slab, &(struct payload){.kind = PAYLOAD_END, .cause = cause}, &(struct source){.count = 0});
    return payload;
}

struct payload *payload_make_plan(struct slab *slab, const struct plan_entry *entry)
{
    return make(slab, &(struct payload){.kind = PAYLOAD_PLAN}, &(struct source){.plan = entry});
}

struct payload *payload_make_results(struct slab *slab, const struct relay_result *results, size_t count)
{
    return make(slab, &(struct payload){.kind = PAYLOAD_RESULTS}, &(struct source){.results = results, .count = count});
}

struct payload *payload_make_text(struct slab *slab, slice text)
{
    return make(slab, &(struct payload){.kind = PAYLOAD_RESULTS}, &(struct source){.text = text});
}

void payload_get_plan(const struct payload *payload, struct plan_entry *entry)
{
    entry->kind = payload->plan->kind;
    entry->id = payload->plan->id;
    entry->verb = payload->plan->verb;
    entry->argument_count = payload->plan->argument_count;
    memcpy(entry->arguments, payload->plan->arguments, entry->argument_count * sizeof entry->arguments[0]);
}

/* ---- Sizes. */

static int64_t dataset_bytes(const struct dataset *dataset)
{
    int64_t bytes = 0;
    for (uint32_t i = 0; i < dataset->count; i++) {
        bytes += ELEMENT_BYTES + (int64_t)dataset->elements[i].value.size;
        for (uint32_t n = 0; n < dataset->elements[i].item_count; n++) {
            bytes += ELEMENT_BYTES + dataset_bytes(&dataset->elements[i].items[n]);
        }
    }
    return bytes;
}

int64_t payload_message_bytes(const struct message *message)
{
    if (message->protocol == PROTOCOL_DICOM) {
        return MESSAGE_BYTES + (message->dimse.identifier == NULL ? 0 : dataset_bytes(message->dimse.identifier));
    }
    int64_t bytes = HL7_BYTES + (int64_t)message->unreadable.size;
    for (size_t i = 0; i < HL7_FIELD_COUNT; i++) {
        bytes += (int64_t)message->hl7.fields[i].size;
    }
    return bytes + 40 * (int64_t)(message->hl7.id_count + message->hl7.prior_id_count + message->hl7.name_count);
}

/* ---- What is hashed but not kept. */

static uint64_t hash_dataset(uint64_t hash, const struct dataset *dataset)
{
    hash = mix_number(hash, dataset->count);
    for (uint32_t i = 0; i < dataset->count; i++) {
        const struct element *element = &dataset->elements[i];
        hash = mix_slice(mix_number(hash, (uint64_t)element->tag << 32 | element->vr << 16 | element->item_count), element->value);
        for (uint32_t n = 0; n < element->item_count; n++) {
            hash = hash_dataset(hash, &element->items[n]);
        }
    }
    return hash;
}

uint64_t hash_contexts(uint64_t hash, const struct contexts *contexts)
{
    hash = mix_number(hash, contexts->count);
    for (size_t i = 0; i < contexts->count; i++) {
        const struct context *context = &contexts->list[i];
        hash = mix_number(hash, (uint64_t)context->id << 8 | (uint64_t)context->result);
        hash = mix_slice(mix_slice(hash, context->abstract_syntax), context->accepted_syntax);
        for (size_t s = 0; s < context->syntax_count; s++) {
            hash = mix_slice(hash, context->transfer_syntaxes[s]);
        }
    }
    return hash;
}

uint64_t hash_relay_job(uint64_t hash, const struct relay_job *job)
{
    hash = mix_number(hash, (uint64_t)job->id);
    hash = mix_number(hash, (uint64_t)job->holder << 32 | job->destination);
    hash = mix_slice(mix_slice(mix_slice(hash, job->called_alias), job->study_uid), job->move_originator);
    hash = mix_number(mix_number(hash, job->move_originator_id), (uint64_t)job->deadline_ns);
    for (size_t i = 0; i < job->item_count; i++) {
        hash = mix_slice(mix_slice(hash, job->items[i].sop_instance_uid), job->items[i].sop_class_uid);
        hash = mix_number(hash, job->items[i].span);
    }
    return job->coercion == NULL ? hash : hash_dataset(hash, job->coercion);
}

uint64_t hash_observation(uint64_t hash, const struct observation *seen)
{
    const slice texts[] = {seen->peer, seen->person, seen->nhs, seen->patient_id, seen->issuer, seen->other_id, seen->other_issuer, seen->name, seen->accession,
                           seen->study_uid, seen->series_uid, seen->sop_uid, seen->modality, seen->text, seen->dataset_sha256, seen->pixel_sha256};
    hash = mix_number(mix_number(hash, (uint64_t)seen->kind << 1 | seen->flag), (uint64_t)seen->at_ns);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        hash = mix_slice(hash, texts[i]);
    }
    hash = mix_number(mix_number(hash, (uint64_t)seen->count), (uint64_t)seen->number);
    return mix_number(mix_number(hash, (uint64_t)seen->latency_ns), (uint64_t)seen->span);
}

uint64_t hash_record(uint64_t hash, const struct record *record)
{
    hash = mix_number(hash, (uint64_t)record->table << 1 | record->deleted);
    for (size_t i = 0; i < RECORD_COLUMNS_MAX; i++) {
        hash = mix_number(mix_slice(hash, record->values[i].text), (uint64_t)record->values[i].integer);
    }
    return hash;
}
