/* SPDX-License-Identifier: MIT
 *
 * Access: who may call, under which title, for what; and the audit chain. */
#include "src/engine/channel.h"
#include "src/engine/engine_private.h"

/* A-ASSOCIATE-RJ (PS3.8 9.3.4): result, source, reason. */
enum { REJECTED_PERMANENT = 1, REJECTED_TRANSIENT = 2, SOURCE_USER = 1, SOURCE_PRESENTATION = 3 };
enum {
    REASON_NONE = 1,
    REASON_CALLING_UNKNOWN = 3,
    REASON_CALLED_UNKNOWN = 7,
    REASON_LOCAL_LIMIT = 2
};

/* ---- Audit. */
#define AUDIT_TEXT_MAX 512 /* bytes of each text; keys of a hostile question may be long */

/* The previous hash, then the columns in order, a newline between: a changed or missing row breaks
 * the chain. */
static slice audit_text(struct out *out, const struct row_audit *row)
{
    const slice line = SLICE("\n");
    return TEXT(out, row->previous, line, text_int(out, row->lsn), line, text_int(out, row->at_ns),
                line, row->event, line, row->outcome, line, row->who, line, row->what, line,
                row->why);
}

bool access_audit(struct engine *engine, struct out *out, slice event, slice outcome, slice who,
                  slice what, slice why)
{
    if (engine->config->audits_max != 0 && engine->audit_lsn >= engine->config->audits_max) {
        return false;
    }
    engine->audit_lsn++;
    bool stranger = MUTANT(M_ANY_AE) && slice_equal(event, SLICE("QUERY")) &&
                    node_by_aet(engine, who) == NODE_NONE;
    if ((MUTANT(M_AUDIT_DROP) && engine->audit_lsn % 20 == 0) || stranger) {
        return true;
    }
    struct row_audit row = {.lsn = engine->audit_lsn,
                            .at_ns = engine->now,
                            .event = event,
                            .outcome = outcome,
                            .who = who};
    row.what = text_clip(what, AUDIT_TEXT_MAX);
    row.why = text_clip(why, AUDIT_TEXT_MAX);
    row.previous = text_copy(out, slice_from(engine->audit_hash));
    sha256_text(audit_text(out, &row), engine->audit_hash);
    row.hash = slice_from(engine->audit_hash);
    row_put_audit(engine, out, &row);
    return true;
}

void access_restored(struct engine *engine, const struct record *record)
{
    if (record->table != TABLE_audit ||
        record->values[COLUMN_audit_lsn].integer <= engine->audit_lsn) {
        return;
    }
    slice hash = record->values[COLUMN_audit_hash].text;
    assert(hash.size <= SHA256_TEXT_SIZE);
    engine->audit_lsn = record->values[COLUMN_audit_lsn].integer;
    memcpy(engine->audit_hash, hash.data, hash.size);
    engine->audit_hash[hash.size] = '\0';
}

/* ---- Associations. */
static void reject(struct engine *engine, const struct event *event, struct out *out,
                   uint8_t result, uint8_t source, uint8_t reason, slice why)
{
    access_audit(engine, out, SLICE("REFUSE"), SLICE("association"), event->calling, event->called,
                 why);
    struct command *command = out_command(out, COMMAND_REJECT);
    command->channel = event->channel;
    command->reject_result = result;
    command->reject_source = source;
    command->reject_reason = reason;
}

/* The services we offer as an SCP, and storage commitment reports from a destination. */
static bool is_served(slice abstract_syntax)
{
    const slice served[] = {UID_VERIFICATION,      UID_PATIENT_ROOT_FIND, UID_STUDY_ROOT_FIND,
                            UID_PATIENT_ROOT_MOVE, UID_STUDY_ROOT_MOVE,   UID_STORAGE_COMMITMENT};
    for (size_t i = 0; i < sizeof served / sizeof served[0]; i++) {
        if (slice_equal(served[i], abstract_syntax)) {
            return true;
        }
    }
    return false;
}

static slice choose_syntax(const struct context *context)
{
    const slice known[] = {UID_EXPLICIT_LITTLE, UID_IMPLICIT_LITTLE};
    for (size_t i = 0; i < 2; i++) {
        for (uint8_t k = 0; k < context->syntax_count; k++) {
            if (slice_equal(slice_unpad(context->transfer_syntaxes[k]), known[i])) {
                return known[i];
            }
        }
    }
    return SLICE_EMPTY;
}

static size_t answer_contexts(const struct contexts *asked, struct contexts *answered,
                              struct out *out)
{
    size_t accepted = 0;
    *answered = (struct contexts){arena_array(out->arena, asked->count, sizeof *answered->list),
                                  asked->count};
    if (answered->list == NULL) {
        out->full = true;
        answered->count = 0;
        return 0;
    }
    for (size_t i = 0; i < asked->count; i++) {
        struct context *context = &answered->list[i];
        *context = asked->list[i];
        context->accepted_syntax = choose_syntax(context);
        context->result = !is_served(slice_unpad(context->abstract_syntax))
                              ? CONTEXT_ABSTRACT_UNKNOWN
                          : context->accepted_syntax.size == 0 ? CONTEXT_SYNTAX_UNKNOWN
                                                               : CONTEXT_ACCEPTED;
        accepted += context->result == CONTEXT_ACCEPTED;
    }
    return accepted;
}

static bool asks_storage(const struct contexts *contexts)
{
    for (size_t i = 0; i < contexts->count; i++) {
        if (uid_is_storage(slice_unpad(contexts->list[i].abstract_syntax))) {
            return true;
        }
    }
    return false;
}

static struct channel *admit(struct engine *engine, const struct event *event,
                             enum channel_kind kind, uint32_t node)
{
    struct channel *channel = channel_take(engine, event->channel, kind, node, 0);
    if (channel != NULL) {
        slice calling = slice_before(slice_trim(event->calling), sizeof channel->calling_text - 1);
        if (calling.size > 0) {
            memcpy(channel->calling_text, calling.data, calling.size);
        }
        channel->calling = (slice){channel->calling_text, calling.size};
        channel->open = true;
        engine->inbound_count++;
    }
    return channel;
}

static bool is_crowded(const struct engine *engine)
{
    uint32_t most =
        engine->config->associations_in == 0 ? CHANNELS_MAX / 2 : engine->config->associations_in;
    return engine->inbound_count >= most || engine->channel_count >= CHANNELS_MAX - NODES_MAX;
}

static void accept_relay(struct engine *engine, const struct event *event, struct out *out,
                         uint32_t node, int64_t job)
{
    struct channel *channel = admit(engine, event, CHANNEL_RELAY, node);
    channel->job = job;
    channel->subject = job;
    struct command *command = out_command(out, COMMAND_ACCEPT);
    command->channel = event->channel;
    command->accept = ACCEPT_RELAY;
    command->job = job;
    command->contexts =
        event->contexts; /* what the destination accepts decides, see relay_answer */
}

/* Pushed objects are kept in the syntax they came in: native where the sender offers it. */
static slice spool_syntax(const struct context *context)
{
    slice native = choose_syntax(context);
    for (uint8_t i = 0; native.size == 0 && i < context->syntax_count; i++) {
        slice syntax = slice_unpad(context->transfer_syntaxes[i]);
        native = uid_is_encapsulated(syntax) ? syntax : SLICE_EMPTY;
    }
    return native;
}

static void accept_spool(struct engine *engine, const struct event *event, struct out *out,
                         uint32_t node)
{
    struct command *command = out_command(out, COMMAND_ACCEPT);
    struct contexts *answered = &command->contexts;
    command->channel = event->channel;
    command->accept = ACCEPT_SPOOL;
    admit(engine, event, CHANNEL_SPOOL, node);
    *answered = (struct contexts){
        arena_array(out->arena, event->contexts.count, sizeof *answered->list),
        event->contexts.count};
    for (size_t i = 0; i < event->contexts.count && answered->list != NULL; i++) {
        struct context *context = &answered->list[i];
        *context = event->contexts.list[i];
        slice abstract = slice_unpad(context->abstract_syntax);
        bool served = uid_is_storage(abstract) || slice_equal(abstract, UID_VERIFICATION);
        context->accepted_syntax = spool_syntax(context);
        context->result = !served                              ? CONTEXT_ABSTRACT_UNKNOWN
                          : context->accepted_syntax.size == 0 ? CONTEXT_SYNTAX_UNKNOWN
                                                               : CONTEXT_ACCEPTED;
    }
    out->full = out->full || answered->list == NULL;
}

static void accept_client(struct engine *engine, const struct event *event, struct out *out,
                          uint32_t node)
{
    struct contexts answered;
    if (answer_contexts(&event->contexts, &answered, out) == 0 && asks_storage(&event->contexts)) {
        finding(engine, out, node, SLICE("store without a job"),
                TEXT(out, event->calling, SLICE(" brings images that no open job ordered")));
        reject(engine, event, out, REJECTED_PERMANENT, SOURCE_USER, REASON_NONE,
               SLICE("no open job"));
        return;
    }
    admit(engine, event, CHANNEL_CLIENT, node);
    struct command *command = out_command(out, COMMAND_ACCEPT);
    command->channel = event->channel;
    command->accept = ACCEPT_SERVE;
    command->contexts = answered;
}

static void asked_dicom(struct engine *engine, const struct event *event, struct out *out)
{
    slice called = slice_trim(event->called);
    uint32_t node = node_by_aet(engine, event->calling);
    int64_t job = node == NODE_NONE || !asks_storage(&event->contexts)
                      ? 0
                      : retrieve_job_of(engine, node, called);
    if (!slice_equal(called, engine->config->aet) && job == 0) {
        reject(engine, event, out, REJECTED_PERMANENT, SOURCE_USER, REASON_CALLED_UNKNOWN,
               SLICE("called title is not ours"));
    } else if (node == NODE_NONE && !MUTANT(M_ANY_AE)) {
        reject(engine, event, out, REJECTED_PERMANENT, SOURCE_USER, REASON_CALLING_UNKNOWN,
               SLICE("calling title is not on the list"));
    } else if (is_crowded(engine)) {
        reject(engine, event, out, REJECTED_TRANSIENT, SOURCE_PRESENTATION, REASON_LOCAL_LIMIT,
               SLICE("limit associations_in"));
    } else if (job != 0) {
        accept_relay(engine, event, out, node, job);
    } else if (node != NODE_NONE && asks_storage(&event->contexts) && spool_takes(engine, node)) {
        accept_spool(engine, event, out, node);
    } else {
        accept_client(engine, event, out, node);
    }
}

void access_asked(struct engine *engine, const struct event *event, struct out *out)
{
    if (event->protocol == PROTOCOL_DICOM) {
        asked_dicom(engine, event, out);
        return;
    }
    if (is_crowded(engine)) {
        reject(engine, event, out, REJECTED_TRANSIENT, SOURCE_PRESENTATION, REASON_LOCAL_LIMIT,
               SLICE("limit associations_in"));
        return;
    }
    admit(engine, event, CHANNEL_HL7, NODE_NONE);
    struct command *command = out_command(out, COMMAND_ACCEPT);
    command->channel = event->channel;
    command->accept = ACCEPT_SERVE;
}
