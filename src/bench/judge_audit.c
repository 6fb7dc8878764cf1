/* SPDX-License-Identifier: MIT
 *
 * Access: the audit chain is unbroken, whoever asked may ask, and no effect on patient data comes before its record. */
#include "src/bench/judge_private.h"

#include "src/engine/state.h"

#include <openssl/evp.h>
#include <stdio.h>

static int64_t integer(const struct record *record, int column)
{
    return record->values[column].integer;
}
static slice text(const struct record *record, int column)
{
    return record->values[column].text;
}

/* ---- The chain. Its digests are made by libcrypto: fast, and not by the code that is judged. */

void judge_audit_drop(struct judge *judge)
{
    EVP_MD_CTX_free(judge->digest_context);
    judge->digest_context = NULL;
}

static bool digest(struct judge *judge, slice bytes, char hex[65])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    judge->digest_context = judge->digest_context != NULL ? judge->digest_context : EVP_MD_CTX_new();
    if (judge->digest_context == NULL || EVP_DigestInit_ex2(judge->digest_context, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(judge->digest_context, bytes.data, bytes.size) != 1 || EVP_DigestFinal_ex(judge->digest_context, raw, &size) != 1 || size != 32) {
        return false;
    }
    for (size_t i = 0; i < 32; i++) {
        hex[2 * i] = digits[raw[i] >> 4];
        hex[2 * i + 1] = digits[raw[i] & 15];
    }
    hex[64] = '\0';
    return true;
}

static bool is_sound(struct judge *judge, const struct record *record)
{
    char joined[4096], hash[65];
    struct buffer buffer = buffer_over(joined, sizeof joined);
    buffer_put(&buffer, text(record, COLUMN_audit_previous));
    buffer_put_byte(&buffer, '\n');
    buffer_put_int(&buffer, integer(record, COLUMN_audit_lsn));
    buffer_put_byte(&buffer, '\n');
    buffer_put_int(&buffer, integer(record, COLUMN_audit_at_ns));
    for (int column = COLUMN_audit_event; column <= COLUMN_audit_why; column++) {
        buffer_put_byte(&buffer, '\n');
        buffer_put(&buffer, text(record, column));
    }
    return !buffer.full && digest(judge, buffer_slice(&buffer), hash) && slice_equal(slice_from(hash), text(record, COLUMN_audit_hash)) && integer(record, COLUMN_audit_lsn) == judge->audit_lsn + 1 &&
           slice_equal(text(record, COLUMN_audit_previous), slice_from(judge->audit_hash));
}

static enum audit_event event_of(slice word)
{
    static const char *const words[AUDIT_OTHER] = {"QUERY", "RETRIEVE", "DELIVER", "REJECT", "MERGE", "PUBLISH"};
    for (int i = 0; i < AUDIT_OTHER; i++) {
        if (slice_equal(word, slice_from(words[i]))) {
            return (enum audit_event)i;
        }
    }
    return AUDIT_OTHER;
}

static void count_up(struct store_index *index, slice key)
{
    uint64_t hash = store_hash(1, key);
    uint32_t count = store_index_find(index, hash);
    (void)!store_index_put(index, hash, count == STORE_NONE ? 1 : count + 1);
}

/* Only titles of this world were configured: the engine knows nobody else. */
static void check_who(struct judge *judge, const struct record *record)
{
    slice who = text(record, COLUMN_audit_who);
    uint32_t node = judge_node(judge, who);
    bool known = node != JUDGE_NONE && !judge->scenario->nodes[node].unknown;
    if (!known) {
        judge_case(judge, INVARIANT_access_is_audited, true, NULL, 0, "audit record %lld: \"%.*s\" was served, a title that nobody configured",
                   (long long)integer(record, COLUMN_audit_lsn), SLICE_ARGS(slice_before(who, 64)));
    }
}

void judge_audit_row(struct judge *judge, const struct record *record, bool restored)
{
    enum audit_event event = event_of(text(record, COLUMN_audit_event));
    if (!is_sound(judge, record)) {
        judge_case(judge, INVARIANT_access_is_audited, true, NULL, 0, "audit record %lld%s does not continue the chain behind %lld",
                   (long long)integer(record, COLUMN_audit_lsn), restored ? ", restored," : "", (long long)judge->audit_lsn);
    }
    judge->audit_lsn = integer(record, COLUMN_audit_lsn);
    snprintf(judge->audit_hash, sizeof judge->audit_hash, "%.*s", SLICE_ARGS(slice_before(text(record, COLUMN_audit_hash), 64)));
    if (restored) {
        return;
    }
    judge->audited[event]++;
    judge->step_audits[event]++;
    bool accepted = !slice_equal(text(record, COLUMN_audit_outcome), SLICE("refused"));
    if (event == AUDIT_QUERY || event == AUDIT_RETRIEVE) {
        check_who(judge, record);
    }
    if (event == AUDIT_RETRIEVE && accepted) {
        count_up(&judge->clients_audited, text(record, COLUMN_audit_who));
    }
    if (event == AUDIT_DELIVER) { /* what: "study uid holder > destination" */
        slice what = text(record, COLUMN_audit_what);
        count_up(&judge->delivers_audited, slice_before(what, slice_index(what, ' ')));
    }
}

/* ---- Effects on the rows: each in the step of its record, behind it. */

void judge_effect(struct judge *judge, enum audit_event event, const char *what, slice name)
{
    bool audited = judge->step_audits[event] > 0;
    judge_case(judge, INVARIANT_access_is_audited, !audited, NULL, 0, "%s %.*s %s", what, SLICE_ARGS(slice_before(name, 100)),
               audited ? "stands behind its audit record" : "without an audit record before it");
}

void judge_client_demand(struct judge *judge, const struct record *record)
{
    slice principal = text(record, COLUMN_demand_principal);
    bool audited = store_index_find(&judge->clients_audited, store_hash(1, principal)) != STORE_NONE;
    judge_case(judge, INVARIANT_access_is_audited, !audited, NULL, 0, "demand %lld of %.*s %s", (long long)integer(record, COLUMN_demand_id), SLICE_ARGS(principal),
               audited ? "stands behind its audit record" : "without an audit record before it");
}

/* ---- Commands that left. */

static void check_relay(struct judge *judge, const struct relay_job *job)
{
    uint64_t study = store_hash(1, job->study_uid);
    uint32_t left = store_index_find(&judge->delivers_audited, study);
    bool audited = left != STORE_NONE;
    judge_case(judge, INVARIANT_access_is_audited, !audited, NULL, 0, "the transfer of study %.*s %s", SLICE_ARGS(job->study_uid),
               audited ? "stands behind its audit record" : "began without an audit record before it");
    if (audited && left <= 1) {
        store_index_remove(&judge->delivers_audited, study);
    } else if (audited) {
        (void)!store_index_put(&judge->delivers_audited, study, left - 1);
    }
}

static void check_shown(struct judge *judge, const struct command *command, const struct dimse *row)
{
    uint64_t key = store_hash_int(store_hash_int(1, (uint64_t)command->channel), row->message_id), value = 0;
    if (store_recent_find(&judge->answered, key, &value)) {
        return;
    }
    (void)!store_recent_put(&judge->answered, key, 1);
    judge->answers_left++;
    bool audited = judge->answers_left <= judge->audited[AUDIT_QUERY];
    judge_case(judge, INVARIANT_access_is_audited, !audited, NULL, 0, "rows on channel %lld %s (answer %lld, %lld questions on record)", (long long)command->channel,
               audited ? "stand behind their audit record" : "left without an audit record before them", (long long)judge->answers_left,
               (long long)judge->audited[AUDIT_QUERY]);
}

static void check_ack(struct judge *judge, slice control, int64_t step)
{
    uint64_t at = 0;
    bool durable = store_recent_find(&judge->acks, store_hash(1, control), &at) && at < judge->ack_committed && step <= judge->committed_step;
    judge_case(judge, INVARIANT_ack_is_durable, !durable, NULL, 0, "AA for message %.*s left %s the commit of its record", SLICE_ARGS(slice_before(control, 40)),
               durable ? "after" : "before");
}

enum err judge_left(struct judge *judge, const struct command *command, int64_t step, time_ns at_ns)
{
    judge->now = at_ns > judge->now ? at_ns : judge->now;
    judge_transfers_restored(judge);
    judge->at_step = step;
    if (command->kind == COMMAND_RELAY) {
        check_relay(judge, &command->relay);
        return ERR_OK;
    }
    for (size_t i = 0; command->kind == COMMAND_SEND && i < command->run.count; i++) {
        const struct message *message = &command->run.messages[i];
        const slice *fields = message->hl7.fields;
        if (message->protocol == PROTOCOL_HL7 && message->hl7.type == HL7_ACK && slice_equal(fields[HL7_FIELD_ACK_CODE], SLICE("AA"))) {
            check_ack(judge, fields[HL7_FIELD_ACK_OF], step);
        } else if (message->protocol == PROTOCOL_DICOM && message->dimse.kind == DIMSE_C_FIND_RSP && message->dimse.identifier != NULL) {
            check_shown(judge, command, &message->dimse);
        } else if (message->protocol == PROTOCOL_DICOM && message->dimse.kind == DIMSE_C_STORE_RSP && message->dimse.status == STATUS_SUCCESS) {
            judge_case(judge, INVARIANT_ack_is_durable, step > judge->committed_step, NULL, 0, "an object on channel %lld was acknowledged %s the commit of its record",
                       (long long)command->channel, step > judge->committed_step ? "before" : "after");
        } else if (message->protocol == PROTOCOL_DICOM && message->dimse.kind == DIMSE_C_MOVE_RSP) {
            /* The first sign that a demand was accepted: from then on it must outlive a crash. */
            judge_case(judge, INVARIANT_ack_is_durable, step > judge->committed_step, NULL, 0, "an answer to a retrieve on channel %lld left %s the commit of its step",
                       (long long)command->channel, step > judge->committed_step ? "before" : "after");
        }
    }
    return ERR_OK;
}
