/* SPDX-License-Identifier: MIT
 *
 * HL7 in: what RADIS2 says, once. A message is applied, its receipt written and its acknowledgement
 * sent in one step; the driver lets the acknowledgement out after the commit. AA: taken (now or
 * before). AR: will never be taken. AE: not now, send it again. */
#include "src/engine/engine_private.h"

#define PENDING_MAX 16u /* of the defect M_ACK_EARLY only */
#define TEXT_RESERVE                                                                               \
    262144u /* bytes that must be free before a message is taken: it changes few rows */
#define KEEP_DEFAULT (7 * TIME_DAY)
#define FORGET_MAX   4u /* old receipts dropped with each one that is put */

struct pending_receipt {
    char link[64], control[64], digest[SHA256_TEXT_SIZE + 1];
    bool used;
};
/* When a receipt was put: means nothing any more when its row says another time. */
struct receipt_age {
    time_ns at_ns;
    uint32_t row;
};
struct hl7_state {
    struct pending_receipt pending[PENDING_MAX];
    struct receipt_age *ages; /* a ring, the oldest first */
    uint32_t age_first, age_count, age_max;
};

enum err hl7_in_init(struct engine *engine)
{
    struct hl7_state *state = engine->hl7 = arena_alloc(engine->arena, sizeof *state);
    if (state == NULL) {
        return ERR_LIMIT;
    }
    state->age_max = 2 * row_max(engine, TABLE_hl7_in);
    state->ages = arena_array(engine->arena, state->age_max, sizeof *state->ages);
    return state->ages == NULL ? ERR_LIMIT : ERR_OK;
}

/* ---- The ages of receipts. */
static bool is_current(const struct engine *engine, const struct receipt_age *age)
{
    return row_used(engine, TABLE_hl7_in, age->row) &&
           row_get_hl7_in(engine, age->row).at == age->at_ns;
}

static struct receipt_age *age_at(struct hl7_state *state, uint32_t nth)
{
    return &state->ages[(state->age_first + nth) % state->age_max];
}

/* Those that mean something move together; each row has one of these, so half the ring is free
 * then. */
static void ages_tidy(struct engine *engine)
{
    struct hl7_state *state = engine->hl7;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < state->age_count; i++) {
        if (is_current(engine, age_at(state, i))) {
            *age_at(state, kept++) = *age_at(state, i);
        }
    }
    state->age_count = kept;
}

static void age_add(struct engine *engine, uint32_t row)
{
    struct hl7_state *state = engine->hl7;
    if (state->age_count == state->age_max) {
        ages_tidy(engine);
    }
    *age_at(state, state->age_count++) =
        (struct receipt_age){row_get_hl7_in(engine, row).at, row};
}

static bool goes_before(const struct engine *engine, const struct receipt_age *a,
                        const struct receipt_age *b)
{
    if (a->at_ns != b->at_ns) {
        return a->at_ns < b->at_ns;
    }
    struct row_hl7_in x = row_get_hl7_in(engine, a->row), y = row_get_hl7_in(engine, b->row);
    int order = slice_compare(x.link, y.link);
    return order != 0 ? order < 0 : slice_compare(x.control_id, y.control_id) < 0;
}

static void sift(const struct engine *engine, struct receipt_age *ages, uint32_t at, uint32_t count)
{
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && goes_before(engine, &ages[child], &ages[child + 1]);
        if (!goes_before(engine, &ages[at], &ages[child])) {
            return;
        }
        struct receipt_age other = ages[at];
        ages[at] = ages[child];
        ages[child] = other;
    }
}

/* Rows come back in any order: a heap sort. */
void hl7_in_restored(struct engine *engine)
{
    struct hl7_state *state = engine->hl7;
    for (uint32_t row = 0; row < row_bound(engine, TABLE_hl7_in); row++) {
        if (row_used(engine, TABLE_hl7_in, row)) {
            age_add(engine, row);
        }
    }
    assert(state->age_first == 0);
    for (uint32_t i = state->age_count / 2; i > 0; i--) {
        sift(engine, state->ages, i - 1, state->age_count);
    }
    for (uint32_t i = state->age_count; i > 1; i--) {
        struct receipt_age last = state->ages[i - 1];
        state->ages[i - 1] = state->ages[0];
        state->ages[0] = last;
        sift(engine, state->ages, 0, i - 1);
    }
}

/* A receipt goes after its time, and before it when the table is full. Senders repeat within
 * minutes. */
static void forget(struct engine *engine, struct out *out)
{
    struct hl7_state *state = engine->hl7;
    time_ns keep = engine->config->receipts_keep_ns > 0 ? engine->config->receipts_keep_ns : KEEP_DEFAULT;
    for (uint32_t gone = 0; state->age_count > 0 && gone < FORGET_MAX;) {
        struct receipt_age age = *age_at(state, 0);
        bool current = is_current(engine, &age);
        if (current && age.at_ns > engine->now - keep && row_room(engine, TABLE_hl7_in, 1)) {
            return;
        }
        state->age_first = (state->age_first + 1) % state->age_max;
        state->age_count--;
        if (current) {
            struct row_hl7_in receipt = row_get_hl7_in(engine, age.row);
            row_delete_hl7_in(engine, out, &receipt);
            gone++;
        }
    }
}

static void put_receipt(struct engine *engine, struct out *out, const struct row_hl7_in *receipt)
{
    forget(engine, out);
    row_put_hl7_in(engine, out, receipt);
    uint32_t row = row_find_hl7_in(engine, receipt);
    if (row != ROW_NONE) {
        age_add(engine, row);
    }
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
    hl7_write_reject(bytes, SLICE_EMPTY, &buffer);
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

static uint64_t fold_names(uint64_t hash, const struct hl7_value *value)
{
    for (size_t i = 0; i < value->name_count; i++) {
        const struct hl7_name *name = &value->names[i];
        const slice parts[] = {name->family, name->given, name->middle, name->prefix, name->kind};
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
            hash = hash64_words(hash, parts[p]);
        }
    }
    return hash64_mix(hash, value->name_count);
}

static uint64_t fold_ids(uint64_t hash, const struct hl7_id *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        hash = hash64_words(hash64_words(hash64_words(hash, ids[i].value), ids[i].authority), ids[i].type);
    }
    return hash64_mix(hash, count);
}

/* A fingerprint of all that the message says: tells a repetition from another message that uses the same control id. No
 * secret depends on it. */
static slice digest_of(struct out *out, const struct hl7_value *value)
{
    struct buffer text = buffer_make(out->arena, 16);
    uint64_t hash = hash64_mix(1, value->type);
    for (size_t i = 0; i < HL7_FIELD_COUNT; i++) {
        if (value->fields[i].size > 0) {
            hash = hash64_words(hash64_mix(hash, i), value->fields[i]);
        }
    }
    hash = fold_ids(hash, value->ids, value->id_count);
    hash = fold_ids(hash, value->prior_ids, value->prior_id_count);
    hash = fold_names(hash, value);
    char bytes[8];
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (char)(hash >> (8 * i));
    }
    buffer_put_hex(&text, (slice){bytes, 8});
    out->full = out->full || text.full;
    return buffer_slice(&text);
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

static bool has_control(slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((uint8_t)text.data[i] < 0x20 || text.data[i] == 0x7F) {
            return true;
        }
    }
    return false;
}

static void put_clean(struct out *out, slice *text)
{
    if (!has_control(*text)) {
        return;
    }
    struct buffer buffer = buffer_make(out->arena, text->size);
    for (size_t i = 0; i < text->size; i++) {
        uint8_t byte = (uint8_t)text->data[i];
        buffer_put_byte(&buffer, byte < 0x20 || byte == 0x7F ? ' ' : byte);
    }
    out->full = out->full || buffer.full;
    *text = buffer_slice(&buffer);
}

/* What names a person, an exam or a meeting is one line of text. Control characters can be written in HL7 (\.br\, \X0A\):
 * in a report they are its lines, elsewhere a blank. */
static void clean(struct out *out, struct hl7_value *value)
{
    for (size_t i = 0; i < HL7_FIELD_COUNT; i++) {
        if (i != HL7_FIELD_REPORT) {
            put_clean(out, &value->fields[i]);
        }
    }
    for (size_t i = 0; i < value->id_count; i++) {
        put_clean(out, &value->ids[i].value);
        put_clean(out, &value->ids[i].authority);
    }
    for (size_t i = 0; i < value->prior_id_count; i++) {
        put_clean(out, &value->prior_ids[i].value);
        put_clean(out, &value->prior_ids[i].authority);
    }
    for (size_t i = 0; i < value->name_count; i++) {
        struct hl7_name *name = &value->names[i];
        slice *const parts[] = {&name->family, &name->given, &name->middle, &name->prefix};
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
            put_clean(out, parts[p]);
        }
    }
}

/* *refuse stays empty when it was applied. */
static void apply(struct engine *engine, struct out *out, const struct hl7_value *value,
                  time_ns event_at, slice *refuse)
{
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
    *receipt = (struct row_hl7_in){text_copy(out, receipt->link), text_copy(out, receipt->control_id),
                                   digest, code, receipt->at}; /* its row may be the oldest, and go */
    receipt->at = engine->now; /* it is still being repeated: not the first to be forgotten */
    put_receipt(engine, out, receipt);
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
    if (row != ROW_NONE && !MUTANT(M_TWICE)) {
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
    struct hl7_value cleaned = *value;
    clean(out, &cleaned);
    apply(engine, out, &cleaned, row == ROW_NONE ? event_time(engine, value) : engine->now, &refuse);
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
