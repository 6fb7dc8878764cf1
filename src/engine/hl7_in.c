/* SPDX-License-Identifier: MIT
 *
 * HL7 in: what RADIS2 says, once. A message is applied, its receipt written and its acknowledgement
 * sent in one step; the driver lets the acknowledgement out after the commit. AA: taken (now or
 * before). AR: will never be taken. AE: not now, send it again. */
#include "src/engine/engine_private.h"

#define PENDING_MAX 16u /* of the defect M_ACK_EARLY only */
#define TEXT_RESERVE                                                                               \
    262144u /* bytes that must be free before a message is taken: it changes few rows */
#define FORGET_MAX 1024u /* receipts dropped in one step when their table is full */

struct pending_receipt {
    char link[64], control[64], digest[SHA256_TEXT_SIZE + 1];
    bool used;
};
struct hl7_state {
    struct pending_receipt pending[PENDING_MAX];
};

enum err hl7_in_init(struct engine *engine)
{
    engine->hl7 = arena_alloc(engine->arena, sizeof *engine->hl7);
    return engine->hl7 == NULL ? ERR_LIMIT : ERR_OK;
}

void hl7_in_restored(struct engine *engine)
{
    (void)engine;
}

/* ---- Answers. */
static void answer(struct engine *engine, struct out *out, int64_t channel,
                   const struct hl7_value *to, slice code, slice text)
{
    struct hl7_value ack =
        hl7_ack(to, code, text, TEXT(out, SLICE("A"), to->fields[HL7_FIELD_CONTROL_ID]));
    struct buffer at = buffer_make(out->arena, 16);
    time_put_ts(&at, engine->now);
    ack.fields[HL7_FIELD_SENT_AT] = buffer_slice(&at);
    ack.fields[HL7_FIELD_SENDER] =
        ack.fields[HL7_FIELD_SENDER].size == 0 ? SLICE("PONT") : ack.fields[HL7_FIELD_SENDER];
    out_send_hl7(out, channel, &ack);
}

/* Bytes that are no message of ours: AR with what could be read of its header. */
static void answer_unreadable(struct engine *engine, struct out *out, int64_t channel, slice bytes)
{
    struct buffer buffer = buffer_make(out->arena, 4096);
    struct hl7_message message;
    struct hl7_value reject;
    hl7_write_reject(bytes, SLICE("not a message that can be taken: type, encoding or header"),
                     &buffer);
    finding(engine, out, NODE_NONE, SLICE("hl7 unreadable"),
            SLICE("a message was refused with AR"));
    if (buffer.full || hl7_parse(&message, buffer_slice(&buffer), out->arena) != ERR_OK ||
        hl7_read(&reject, &message, out->arena) != ERR_OK) {
        channel_abort(engine, out, channel); /* not even a header to answer to */
        return;
    }
    out_send_hl7(out, channel, &reject);
}

/* ---- Receipts. */
static slice link_of(struct out *out, const struct hl7_value *value)
{
    return TEXT(out, value->fields[HL7_FIELD_SENDER], SLICE("/"),
                value->fields[HL7_FIELD_SENDER_SITE]);
}

static slice digest_of(struct out *out, const struct hl7_value *value)
{
    size_t size = 4096;
    for (size_t i = 0; i < HL7_FIELD_COUNT; i++) {
        size += 5 * value->fields[i].size; /* escaping makes one byte five at most */
    }
    for (size_t i = 0; i < HL7_REPETITIONS_MAX; i++) {
        size += 5 * (value->ids[i].value.size + value->ids[i].authority.size +
                     value->prior_ids[i].value.size + value->names[i].family.size +
                     value->names[i].given.size);
    }
    struct buffer buffer = buffer_make(out->arena, size);
    char *text = arena_alloc(out->arena, SHA256_TEXT_SIZE + 1);
    hl7_write(value, &buffer);
    if (text == NULL || buffer.full) {
        out->full = true;
        return SLICE_EMPTY;
    }
    sha256_text(buffer_slice(&buffer), text);
    return slice_from(text);
}

/* The table is full: the oldest receipts go, an eighth of the time they span at once. Senders
 * repeat within minutes; the table holds many times that. */
static void forget_oldest(struct engine *engine, struct out *out)
{
    time_ns first = INT64_MAX, last = INT64_MIN;
    for (uint32_t row = 0; row < row_bound(engine, TABLE_hl7_in); row++) {
        if (row_used(engine, TABLE_hl7_in, row)) {
            time_ns at = row_get_hl7_in(engine, row).at;
            first = at < first ? at : first;
            last = at > last ? at : last;
        }
    }
    time_ns until = first + (last - first) / 8;
    uint32_t gone = 0;
    for (uint32_t row = 0; row < row_bound(engine, TABLE_hl7_in) && gone < FORGET_MAX; row++) {
        if (row_used(engine, TABLE_hl7_in, row)) {
            struct row_hl7_in receipt = row_get_hl7_in(engine, row);
            if (receipt.at <= until) {
                row_delete_hl7_in(engine, out, &receipt);
                gone++;
            }
        }
    }
}

static void put_receipt(struct engine *engine, struct out *out, const struct row_hl7_in *receipt)
{
    if (!row_room(engine, TABLE_hl7_in, 1)) {
        forget_oldest(engine, out);
    }
    row_put_hl7_in(engine, out, receipt);
}

/* The defect M_ACK_EARLY: the receipt waits for the next CLOCK, the acknowledgement does not. */
static bool put_off(struct engine *engine, const struct row_hl7_in *receipt)
{
    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct pending_receipt *pending = &engine->hl7->pending[i];
        if (pending->used || receipt->link.size >= sizeof pending->link ||
            receipt->control_id.size >= sizeof pending->control) {
            continue;
        }
        *pending = (struct pending_receipt){.used = true};
        memcpy(pending->link, receipt->link.data, receipt->link.size);
        memcpy(pending->control, receipt->control_id.data, receipt->control_id.size);
        memcpy(pending->digest, receipt->digest.data, receipt->digest.size);
        timer_set(engine, TIMER_HL7, (int64_t)i, engine->now + 20 * TIME_MS);
        return true;
    }
    return false;
}

void hl7_in_timer(struct engine *engine, struct out *out, int64_t subject)
{
    struct pending_receipt *pending = &engine->hl7->pending[subject];
    pending->used = false;
    struct row_hl7_in receipt = {slice_from(pending->link), slice_from(pending->control),
                                 slice_from(pending->digest), SLICE("AA"), engine->now};
    put_receipt(engine, out, &receipt);
}

/* ---- Taking a message. */
static const char *missing_room(const struct engine *engine)
{
    static const struct {
        enum record_table table;
        uint32_t rows;
        const char *text;
    } needs[] = {
        {TABLE_person, 1, "limit persons"},
        {TABLE_identifier, 4, "limit identifiers"},
        {TABLE_exam, 1, "limit exams"},
        {TABLE_mdt, 1, "limit meetings"},
        {TABLE_mdt_case, 1, "limit meeting cases"},
        {TABLE_review, 3, "limit reviews"},
    };
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        if (!row_room(engine, needs[i].table, needs[i].rows)) {
            return needs[i].text;
        }
    }
    return text_room(engine, TEXT_RESERVE) ? NULL : "limit memory";
}

static time_ns event_time(const struct engine *engine, const struct hl7_value *value)
{
    time_ns at;
    if (time_from_ts(value->fields[HL7_FIELD_EVENT_AT], &at) ||
        time_from_ts(value->fields[HL7_FIELD_SENT_AT], &at)) {
        return at;
    }
    return engine->now;
}

/* *refuse stays empty when it was applied. */
static void apply(struct engine *engine, struct out *out, const struct hl7_value *value,
                  slice *refuse)
{
    time_ns event_at = event_time(engine, value);
    int64_t person = identity_apply(engine, out, value, event_at, refuse);
    if (refuse->size > 0) {
        return;
    }
    switch (value->type) {
    case HL7_ORM_O01:
    case HL7_ORU_R01:
        publish_apply(engine, out, value, person, event_at, refuse);
        break;
    case HL7_SIU_S12:
    case HL7_SIU_S15:
        mdt_apply(engine, out, value, person, refuse);
        break;
    case HL7_ADT_A04:
    case HL7_ADT_A08:
    case HL7_ADT_A40:
    case HL7_ADT_A37:
    case HL7_ACK:
    case HL7_TYPE_COUNT:
        break;
    }
}

static void answer_again(struct engine *engine, struct out *out, int64_t channel,
                         const struct hl7_value *value, struct row_hl7_in *receipt, slice digest)
{
    if (!slice_equal(receipt->digest, digest)) {
        finding(
            engine, out, NODE_NONE, SLICE("hl7 control id used twice"),
            TEXT(out, SLICE("control id "), receipt->control_id, SLICE(" came with another body")));
        answer(engine, out, channel, value, SLICE("AE"),
               SLICE("this control id was used for another message"));
        return;
    }
    slice code = text_copy(out, receipt->ack);
    receipt->at = engine->now; /* it is still being repeated: not the first to be forgotten */
    row_put_hl7_in(engine, out, receipt);
    answer(engine, out, channel, value, code,
           slice_equal(code, SLICE("AA")) ? SLICE_EMPTY : SLICE("refused before"));
}

static void take(struct engine *engine, struct out *out, int64_t channel,
                 const struct hl7_value *value)
{
    struct row_hl7_in receipt = {.link = link_of(out, value),
                                 .control_id = value->fields[HL7_FIELD_CONTROL_ID],
                                 .digest = digest_of(out, value),
                                 .at = engine->now};
    uint32_t row = row_find_hl7_in(engine, &receipt);
    if (row != ROW_NONE) {
        struct row_hl7_in before = row_get_hl7_in(engine, row);
        answer_again(engine, out, channel, value, &before, receipt.digest);
        return;
    }
    const char *missing = missing_room(engine);
    if (missing != NULL) {
        finding(engine, out, NODE_NONE, slice_from(missing),
                SLICE("a message was put off with AE"));
        answer(engine, out, channel, value, SLICE("AE"), slice_from(missing));
        return;
    }
    slice refuse = SLICE_EMPTY;
    apply(engine, out, value, &refuse);
    receipt.ack = refuse.size > 0 ? SLICE("AR") : SLICE("AA");
    if (!(MUTANT(M_ACK_EARLY) && refuse.size == 0 && put_off(engine, &receipt))) {
        put_receipt(engine, out, &receipt);
    }
    if (refuse.size > 0) {
        finding(engine, out, NODE_NONE, SLICE("hl7 refused"), refuse);
    }
    answer(engine, out, channel, value, receipt.ack, refuse);
}

void hl7_in_event(struct engine *engine, const struct event *event, struct out *out,
                  struct channel *channel)
{
    if (event->kind != EVENT_RECEIVED) {
        return;
    }
    for (size_t i = 0; i < event->run.count; i++) {
        const struct message *message = &event->run.messages[i];
        if (message->unreadable.size > 0) {
            answer_unreadable(engine, out, channel->number, message->unreadable);
        } else if (message->hl7.type != HL7_ACK) {
            take(engine, out, channel->number, &message->hl7);
        }
    }
}
