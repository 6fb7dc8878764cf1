/* SPDX-License-Identifier: MIT
 *
 * The link to the engine. Channel and message have one state between them:
 *
 *   CLOSED --OPEN--> OPENING --OPENED--> READY --SEND--> WAITING --AA, AR--> READY
 *                                                        WAITING --AE--> READY, after a wait
 *                                                        WAITING --time-out, ABORT--> CLOSING
 *   REFUSED and CLOSED lead to CLOSED from everywhere. pump() makes the step that is possible and
 * due. */
#include "sim/ris/ris_private.h"

#include <assert.h>

#define OUTBOX_BYTES     (4u << 20)
#define OVERTAKE_NS      (30 * TIME_S) /* so long a message waits to be overtaken */

enum link { LINK_CLOSED, LINK_OPENING, LINK_READY, LINK_WAITING, LINK_CLOSING };

struct ris {
    struct ris_config config;
    struct teller teller;
    struct outbox outbox;
    enum link link;
    int64_t channel, last_channel; /* ours are odd */
    time_ns answer_by;             /* WAITING: when the acknowledgement is late */
    time_ns retry_at, wait; /* nothing is tried before retry_at; wait: the last one, 0 none */
    int64_t attempts;       /* of the first message in the outbox */
    bool acknowledged;      /* it was, once: what goes again is its duplicate */
    struct first first;     /* that message */
    bool down;
    struct ris_faults faults;
    time_ns overtaken_by;   /* the first waits for the next to go before it, until then; 0: no */
    bool overtaken;         /* it was asked whether it must */
    time_ns ack_at;         /* an acknowledgement that comes late; 0: none */
    char ack_code[8], ack_text[96];
    size_t ack_code_size, ack_text_size;
};

/* For reading one message, which is no larger than the outbox. */
static size_t reading_size(size_t outbox)
{
    size_t message = outbox < HL7_MESSAGE_MAX ? outbox : HL7_MESSAGE_MAX;
    return 9 * message + HL7_SEGMENTS_MAX * sizeof(struct hl7_segment);
}

enum err ris_init(struct ris **out, const struct ris_config *config, struct arena *arena)
{
    struct ris *ris = arena_alloc(arena, sizeof *ris);
    if (ris == NULL) {
        return ERR_LIMIT;
    }
    size_t capacity = config->outbox_bytes == 0 ? OUTBOX_BYTES : config->outbox_bytes;
    ris->config = *config;
    ris->config.ack_timeout_ns = config->ack_timeout_ns == 0 ? 10 * TIME_S : config->ack_timeout_ns;
    ris->config.retry_first_ns = config->retry_first_ns == 0 ? TIME_S : config->retry_first_ns;
    ris->config.retry_max_ns = config->retry_max_ns == 0 ? 8 * TIME_S : config->retry_max_ns;
    ris->teller.name = config->name.size == 0 ? SLICE("RADIS2") : config->name;
    ris->teller.receiver = config->receiver.size == 0 ? SLICE("PONT") : config->receiver;
    ris->outbox = (struct outbox){.bytes = arena_alloc(arena, capacity), .capacity = capacity};
    ris->last_channel = -1;
    if (ris->outbox.bytes == NULL || arena_carve(&ris->first.arena, arena, reading_size(capacity)) != ERR_OK) {
        return ERR_LIMIT;
    }
    *out = ris;
    return ERR_OK;
}

size_t ris_outbox_count(const struct ris *ris)
{
    return ris->outbox.count;
}

/* ---- The first message of the outbox, as the link sees it. */

/* Reads it; what was checked when it was made can only fail for want of memory. Null then. */
static const struct hl7_value *read_first(struct ris *ris, struct out *out)
{
    struct hl7_message message;
    struct first *first = &ris->first;
    if (first->is_read) {
        return &first->value;
    }
    arena_reset(&first->arena);
    enum err err = hl7_parse(&message, outbox_first(&ris->outbox).wire, &first->arena);
    err = err == ERR_OK ? hl7_read(&first->value, &message, &first->arena) : err;
    assert(err != ERR_BAD_MESSAGE);
    first->is_read = err == ERR_OK;
    out->full = out->full || err != ERR_OK;
    return first->is_read ? &first->value : NULL;
}

/* "ORM^O01 AA": type first, so that a story can wait for a type. */
static slice with_type(struct out *out, const struct hl7_value *value, slice code, slice reason)
{
    struct buffer text = buffer_make(out->arena, 16 + code.size + reason.size);
    buffer_put_text(&text, hl7_type_text(value->type));
    buffer_put_text(&text, code.size > 0 ? " " : "");
    buffer_put(&text, code);
    buffer_put_text(&text, reason.size > 0 ? " " : "");
    buffer_put(&text, reason);
    out->full = out->full || text.full;
    return buffer_slice(&text);
}

static struct observation *observe_first(const struct ris *ris, struct out *out,
                                         enum observation_kind kind, const struct hl7_value *value,
                                         time_ns now)
{
    struct observation *seen = out_observe(out, kind, now);
    struct outbox_item item = outbox_first(&ris->outbox);
    seen->peer = ris->teller.receiver;
    seen->person = arena_copy(out->arena, item.person);
    seen->study_uid = arena_copy(out->arena, item.study_uid);
    /* Copies: the next message may be read in the same step. */
    seen->other_id = arena_copy(out->arena, value->fields[HL7_FIELD_CONTROL_ID]);
    seen->accession = arena_copy(out->arena, value->fields[HL7_FIELD_ACCESSION]);
    seen->issuer = arena_copy(out->arena, value->fields[HL7_FIELD_ACCESSION_ISSUER]);
    seen->name = arena_copy(out->arena, value->fields[HL7_FIELD_ORDER_STATUS]);
    seen->count = ris->attempts;
    return seen;
}

/* ---- Waiting and trying. */

static void wait_longer(struct ris *ris, time_ns now)
{
    time_ns longer = ris->wait == 0 ? ris->config.retry_first_ns : 2 * ris->wait;
    ris->wait = longer < ris->config.retry_max_ns ? longer : ris->config.retry_max_ns;
    ris->retry_at = now + ris->wait;
}

static void wait_no_more(struct ris *ris)
{
    ris->wait = 0;
    ris->retry_at = 0;
}

static void open_channel(struct ris *ris, struct out *out)
{
    ris->last_channel += 2;
    ris->channel = ris->last_channel;
    ris->link = LINK_OPENING;
    struct command *open = out_command(out, COMMAND_OPEN);
    open->channel = ris->channel;
    open->protocol = PROTOCOL_HL7;
    open->peer = ris->config.engine;
    open->calling = ris->teller.name;
    open->called = ris->teller.receiver;
    open->timeout_ns = ris->config.ack_timeout_ns;
}

static void send_first(struct ris *ris, time_ns now, struct out *out)
{
    const struct hl7_value *value = read_first(ris, out);
    if (value == NULL) {
        return;
    }
    ris->attempts++;
    ris->ack_at = 0;
    ris->link = LINK_WAITING;
    ris->answer_by = now + ris->config.ack_timeout_ns;
    out_send_hl7(out, ris->channel, value);
    observe_first(ris, out, OBSERVATION_hl7_sent, value, now)->text =
        with_type(out, value, SLICE_EMPTY, SLICE_EMPTY);
}

/* True as long as the first message waits for the next one to go before it. */
static bool is_overtaken(struct ris *ris, time_ns now, struct out *out)
{
    if (!ris->overtaken && ris->attempts == 0) {
        ris->overtaken = true;
        ris->overtaken_by = ris_fault_bites(&ris->faults, RIS_out_of_order, now, out) ? now + OVERTAKE_NS : 0;
    }
    if (ris->overtaken_by != 0 && (outbox_swap(&ris->outbox, out->arena) || now >= ris->overtaken_by)) {
        ris->overtaken_by = 0;
        ris->first.is_read = false;
    }
    return ris->overtaken_by != 0;
}

static void pump(struct ris *ris, time_ns now, struct out *out)
{
    if (ris->down || ris->outbox.count == 0 || now < ris->retry_at) {
        return;
    }
    if (ris->link == LINK_CLOSED) {
        open_channel(ris, out);
    } else if (ris->link == LINK_READY && !is_overtaken(ris, now, out)) {
        send_first(ris, now, out);
    }
}

/* ---- Acknowledgements. */

static void next_message(struct ris *ris)
{
    outbox_drop_first(&ris->outbox);
    ris->first.is_read = false;
    ris->attempts = 0;
    ris->acknowledged = ris->overtaken = false;
}

static void accepted(struct ris *ris, const struct hl7_value *value, time_ns now, struct out *out)
{
    bool again = !ris->acknowledged && ris_fault_bites(&ris->faults, RIS_duplicate, now, out);
    if (!ris->acknowledged) {
        observe_first(ris, out, OBSERVATION_hl7_acked, value, now)->text =
            with_type(out, value, SLICE("AA"), SLICE_EMPTY);
    }
    wait_no_more(ris);
    ris->acknowledged = true;
    if (!again) {
        next_message(ris);
    }
}

static void refused(struct ris *ris, const struct hl7_value *value, slice code, slice text,
                    time_ns now, struct out *out)
{
    observe_first(ris, out, OBSERVATION_hl7_refused, value, now)->text =
        with_type(out, value, code, text);
    wait_no_more(ris);
    next_message(ris);
}

/* Codes of enhanced mode (HL7 2.5 table 0008: CA, CE, CR) mean the same to us. */
static void take_ack(struct ris *ris, const struct hl7_value *value, slice code, slice text, time_ns now, struct out *out)
{
    char verdict = (char)(code.size == 2 ? code.data[1] : ' ');
    ris->link = LINK_READY;
    ris->ack_at = 0;
    if (verdict == 'A') {
        accepted(ris, value, now, out);
    } else if (verdict == 'R') {
        refused(ris, value, code, text, now, out);
    } else {
        wait_longer(ris, now); /* AE, or a code nobody knows: it was not accepted */
    }
}

static size_t keep_text(char *to, size_t room, slice text)
{
    slice part = slice_before(text, room);
    memcpy(to, part.data == NULL ? "" : part.data, part.size);
    return part.size;
}

/* It is on its way, and late: perhaps too late. */
static void keep_ack(struct ris *ris, slice code, slice text, time_ns now)
{
    time_ns delay = ris->faults.list[RIS_ack_late].delay;
    ris->ack_at = now + (delay > 0 ? delay : ris->config.ack_timeout_ns + TIME_S);
    ris->ack_code_size = keep_text(ris->ack_code, sizeof ris->ack_code, code);
    ris->ack_text_size = keep_text(ris->ack_text, sizeof ris->ack_text, text);
}

static void answered(struct ris *ris, const struct hl7_value *ack, time_ns now, struct out *out)
{
    slice code = ack->fields[HL7_FIELD_ACK_CODE], text = ack->fields[HL7_FIELD_ACK_TEXT];
    const struct hl7_value *value = read_first(ris, out);
    if (value == NULL) {
        return;
    }
    if (!slice_equal(ack->fields[HL7_FIELD_ACK_OF], value->fields[HL7_FIELD_CONTROL_ID])) {
        out_note(out, SLICE("an acknowledgement of another message was left out"));
        return;
    }
    bool lost = ris_fault_bites(&ris->faults, RIS_ack_lost, now, out), is_late = ris_fault_bites(&ris->faults, RIS_ack_late, now, out);
    if (is_late && !lost) {
        keep_ack(ris, code, text, now);
    } else if (!lost) {
        take_ack(ris, value, code, text, now, out);
    }
}

static void received(struct ris *ris, const struct event *event, struct out *out)
{
    for (size_t i = 0; i < event->run.count; i++) {
        const struct message *message = &event->run.messages[i];
        bool readable = message->protocol == PROTOCOL_HL7 && message->unreadable.size == 0;
        if (ris->link != LINK_WAITING || !readable || message->hl7.type != HL7_ACK) {
            out_note(out, SLICE("a message that acknowledges nothing was left out"));
            continue;
        }
        answered(ris, &message->hl7, event->at_ns, out);
    }
}

/* ---- The channel. */

static void late(struct ris *ris, time_ns now, struct out *out)
{
    bool has_ack = ris->link == LINK_WAITING && ris->ack_at != 0 && now >= ris->ack_at && ris->ack_at < ris->answer_by;
    const struct hl7_value *value = has_ack ? read_first(ris, out) : NULL;
    if (value != NULL) {
        take_ack(ris, value, (slice){ris->ack_code, ris->ack_code_size}, (slice){ris->ack_text, ris->ack_text_size}, now, out);
        return;
    }
    if (ris->link == LINK_WAITING && now >= ris->answer_by) {
        out_command(out, COMMAND_ABORT)->channel = ris->channel;
        ris->link = LINK_CLOSING;
        wait_longer(ris, now);
    }
}

static void ended(struct ris *ris, time_ns now)
{
    if (ris->link != LINK_CLOSING) { /* then the wait began when it was cut */
        wait_longer(ris, now);
    }
    ris->link = LINK_CLOSED;
    ris->channel = 0;
}

static void channel_event(struct ris *ris, const struct event *event, struct out *out)
{
    if (event->channel != ris->channel || ris->link == LINK_CLOSED) {
        return; /* of a channel that a crash dropped */
    }
    if (event->kind == EVENT_OPENED && ris->link == LINK_OPENING) {
        ris->link = LINK_READY;
    } else if (event->kind == EVENT_RECEIVED) {
        received(ris, event, out);
    } else if (event->kind == EVENT_REFUSED || event->kind == EVENT_CLOSED) {
        ended(ris, event->at_ns);
    }
}

/* ---- The plan. */

static void set_down(struct ris *ris, bool down, struct out *out)
{
    if (down == ris->down) {
        return;
    }
    if (down) {
        (void)out_command(out, COMMAND_DROP_ALL);
    }
    ris->down = down;
    ris->link = LINK_CLOSED;
    ris->channel = 0;
    wait_no_more(ris);
}

static enum err fault(struct ris *ris, const struct event *event, struct out *out)
{
    enum err err = ris_fault_tell(&ris->faults, &event->plan, event->at_ns, out);
    set_down(ris, ris->faults.list[RIS_down].on || ris->faults.list[RIS_crash].on, out);
    return err;
}

enum err ris_step(struct ris *ris, const struct event *event, struct out *out)
{
    enum err err = ERR_OK;
    ris->teller.clock_offset = ris_clock_offset(&ris->faults, event->at_ns);
    switch (event->kind) {
    case EVENT_PLAN:
        err = event->plan.kind == PLAN_DO
                  ? tell(&ris->teller, &ris->outbox, &ris->first, &event->plan, event->at_ns, out)
                  : fault(ris, event, out);
        break;
    case EVENT_CLOCK:
        late(ris, event->at_ns, out);
        break;
    case EVENT_ASKED: /* nobody has business to call RADIS2 */
        out_command(out, COMMAND_REJECT)->channel = event->channel;
        break;
    default:
        channel_event(ris, event, out);
        break;
    }
    if (err == ERR_OK) {
        pump(ris, event->at_ns, out);
    }
    return err == ERR_OK && out->full ? ERR_LIMIT : err;
}

time_ns ris_due(const struct ris *ris)
{
    if (ris->link == LINK_WAITING) {
        return ris->ack_at != 0 && ris->ack_at < ris->answer_by ? ris->ack_at : ris->answer_by;
    }
    if (ris->link == LINK_READY && ris->overtaken_by != 0 && !ris->down) {
        return ris->overtaken_by;
    }
    bool can_try = ris->link == LINK_CLOSED || ris->link == LINK_READY;
    return can_try && !ris->down && ris->outbox.count > 0 ? ris->retry_at : TIME_NEVER;
}

/* ---- As a driver sees it. */

static enum err step(void *self, const struct event *event, struct out *out)
{
    return ris_step(self, event, out);
}

static time_ns due(const void *self)
{
    return ris_due(self);
}

struct actor ris_actor(struct ris *ris)
{
    return (struct actor){.self = ris, .step = step, .due = due};
}
