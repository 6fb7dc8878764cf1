/* SPDX-License-Identifier: MIT */
#include "src/dcmtk/associate.h"

#include "src/dicom/uid.h"

/* Items of PS3.8 9.3.2 and PS3.7 D.3.3. */
enum item {
    ITEM_APPLICATION = 0x10,
    ITEM_CONTEXT = 0x20,
    ITEM_ABSTRACT = 0x30,
    ITEM_TRANSFER = 0x40,
    ITEM_USER = 0x50,
    ITEM_MAXIMUM = 0x51,
    ITEM_IMPLEMENTATION = 0x52,
    ITEM_ASYNCHRONOUS = 0x53,
    ITEM_ROLE = 0x54,
    ITEM_NAME = 0x55,
    ITEM_EXTENDED = 0x56,
    ITEM_COMMON_EXTENDED = 0x57,
    ITEM_IDENTITY = 0x58
};

#define HEAD_FIXED 74u /* up to the first item: PDU head, version, reserved, two titles, reserved */
#define PDU_MAX_LEAST 13u /* DCMTK cannot send into less than a PDV head and one byte */

static const slice application_context = {"1.2.840.10008.3.1.1.1", 21};

static const struct verdict good = {VERDICT_GOOD, 0, 0, 0};
static const struct verdict bad_version = {VERDICT_REJECT, 1, 2, 2};
static const struct verdict bad_application = {VERDICT_REJECT, 1, 1, 2};
static const struct verdict bad_calling = {VERDICT_REJECT, 1, 1, 3};
static const struct verdict bad_called = {VERDICT_REJECT, 1, 1, 7};
static const struct verdict no_room = {VERDICT_REJECT, 2, 3, 2};
static const struct verdict bad_value = {VERDICT_ABORT, 0, 2, 6};
static const struct verdict unknown_pdu = {VERDICT_ABORT, 0, 2, 1};
static const struct verdict unexpected_pdu = {VERDICT_ABORT, 0, 2, 2};

struct verdict associate_check_head(const uint8_t head[PDU_HEAD_SIZE], size_t request_max, size_t *size)
{
    if (head[0] == PDU_ABORT) {
        return (struct verdict){VERDICT_CLOSE, 0, 0, 0};
    }
    if (head[0] != PDU_ASSOCIATE_RQ) {
        return head[0] >= 2 && head[0] <= 6 ? unexpected_pdu : unknown_pdu;
    }
    uint32_t length = (uint32_t)head[2] << 24 | (uint32_t)head[3] << 16 | (uint32_t)head[4] << 8 | head[5];
    if (length < HEAD_FIXED - PDU_HEAD_SIZE || length > request_max) {
        return bad_value;
    }
    *size = PDU_HEAD_SIZE + length;
    return good;
}

/* One item cut off the front of *rest. False when it runs over the end. */
static bool cut_item(slice *rest, uint8_t *type, slice *body)
{
    if (rest->size < 4) {
        return false;
    }
    const uint8_t *bytes = (const uint8_t *)rest->data;
    size_t size = (size_t)bytes[2] << 8 | bytes[3];
    if (rest->size - 4 < size) {
        return false;
    }
    *type = bytes[0];
    *body = slice_before(slice_after(*rest, 4), size);
    *rest = slice_after(*rest, 4 + size);
    return true;
}

static uint16_t big16(slice s, size_t at)
{
    const uint8_t *bytes = (const uint8_t *)s.data + at;
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static bool read_uid(slice body, slice *uid)
{
    *uid = slice_unpad(body);
    return uid_is_valid(*uid);
}

/* An AE title: 1 to 16 characters of the default repertoire, without backslash and control bytes (PS3.5 6.2). */
static bool read_title(slice field, slice *title)
{
    *title = slice_trim(field);
    for (size_t i = 0; i < title->size; i++) {
        unsigned char c = (unsigned char)title->data[i];
        if (c < 0x20 || c > 0x7E || c == '\\') {
            return false;
        }
    }
    return title->size > 0;
}

/* PS3.8 9.3.2.2: exactly one abstract syntax, at least one transfer syntax. Those beyond CONTEXT_SYNTAXES_MAX
 * are checked and then left out of what the caller may choose from. */
static bool read_context(slice body, struct context *context)
{
    *context = (struct context){0};
    if (body.size < 4) {
        return false;
    }
    context->id = (uint8_t)body.data[0];
    unsigned abstracts = 0, transfers = 0;
    slice rest = slice_after(body, 4);
    while (rest.size > 0) {
        uint8_t type;
        slice value, uid;
        if (!cut_item(&rest, &type, &value)) {
            return false;
        }
        if (type != ITEM_ABSTRACT && type != ITEM_TRANSFER) {
            continue; /* unrecognised sub-items are skipped (PS3.8 9.3.1) */
        }
        if (!read_uid(value, &uid)) {
            return false;
        }
        if (type == ITEM_ABSTRACT) {
            context->abstract_syntax = uid;
            abstracts++;
        } else if (transfers++ < CONTEXT_SYNTAXES_MAX) {
            context->transfer_syntaxes[context->syntax_count++] = uid;
        }
    }
    return abstracts == 1 && transfers > 0;
}

static bool context_is_new(const struct contexts *contexts, const struct context *context)
{
    if (context->id % 2 == 0) {
        return false; /* PS3.8 9.3.2.2: odd, 1 to 255 */
    }
    for (size_t i = 0; i < contexts->count; i++) {
        if (contexts->list[i].id == context->id) {
            return false;
        }
    }
    return true;
}

/* PS3.7 D.3.3.4: two length-prefixed parts of fixed shape. */
static bool read_role(slice body, struct contexts *contexts)
{
    if (body.size < 4) {
        return false;
    }
    size_t size = big16(body, 0);
    slice uid;
    if (body.size != size + 4 || !read_uid(slice_before(slice_after(body, 2), size), &uid)) {
        return false;
    }
    for (size_t i = 0; i < contexts->count; i++) {
        if (slice_equal(contexts->list[i].abstract_syntax, uid)) {
            contexts->list[i].scu = body.data[size + 2] != 0;
            contexts->list[i].scp = body.data[size + 3] != 0;
        }
    }
    return true;
}

/* PS3.7 D.3.3.5: UID length, UID, the rest is the service class's. */
static bool extended_is_whole(slice body)
{
    slice uid;
    return body.size >= 2 && body.size - 2 >= big16(body, 0) && read_uid(slice_before(slice_after(body, 2), big16(body, 0)), &uid);
}

/* PS3.7 D.3.3.6: three length-prefixed parts. */
static bool common_extended_is_whole(slice body)
{
    for (int part = 0; part < 3; part++) {
        if (body.size < 2 || body.size - 2 < big16(body, 0)) {
            return false;
        }
        body = slice_after(body, 2u + big16(body, 0));
    }
    return body.size == 0;
}

/* PS3.7 D.3.3.7: type, response wanted, two length-prefixed fields. */
static bool identity_is_whole(slice body)
{
    if (body.size < 6 || body.size - 6 < big16(body, 2)) {
        return false;
    }
    size_t first = big16(body, 2);
    return body.size - 6 - first == big16(body, 4 + first);
}

/* The items of the user information; `seen` counts each type. */
static bool read_user_item(uint8_t type, slice body, struct asked *asked, unsigned seen[8])
{
    if (type >= ITEM_MAXIMUM && type <= ITEM_IDENTITY) {
        seen[type - ITEM_MAXIMUM]++;
    }
    switch (type) {
    case ITEM_MAXIMUM:
        asked->pdu_max = body.size == 4 ? (uint32_t)big16(body, 0) << 16 | big16(body, 2) : 0;
        return body.size == 4;
    case ITEM_IMPLEMENTATION:
        return read_uid(body, &asked->implementation_uid);
    case ITEM_ASYNCHRONOUS:
        return body.size == 4;
    case ITEM_ROLE:
        return read_role(body, &asked->contexts);
    case ITEM_NAME:
        asked->implementation_name = slice_unpad(body);
        return body.size <= 16;
    case ITEM_EXTENDED:
        return extended_is_whole(body);
    case ITEM_COMMON_EXTENDED:
        return common_extended_is_whole(body);
    case ITEM_IDENTITY:
        return identity_is_whole(body);
    default:
        return true; /* unrecognised ones are skipped */
    }
}

static bool read_user(slice body, struct asked *asked)
{
    unsigned seen[8] = {0};
    while (body.size > 0) {
        uint8_t type;
        slice value;
        if (!cut_item(&body, &type, &value) || !read_user_item(type, value, asked, seen)) {
            return false;
        }
    }
    bool once = true; /* one identity only: DCMTK leaks the second */
    const uint8_t single[] = {ITEM_MAXIMUM, ITEM_IMPLEMENTATION, ITEM_ASYNCHRONOUS, ITEM_NAME, ITEM_IDENTITY};
    for (size_t i = 0; i < sizeof single; i++) {
        once = once && seen[single[i] - ITEM_MAXIMUM] <= 1;
    }
    return once && seen[0] == 1 && (asked->pdu_max == 0 || asked->pdu_max >= PDU_MAX_LEAST);
}

/* What the items after the fixed part hold, before any of it is judged. */
struct items {
    unsigned applications, users;
    slice application, user;
};

static bool read_items(slice rest, struct items *items, struct contexts *contexts)
{
    while (rest.size > 0) {
        uint8_t type;
        slice body;
        if (!cut_item(&rest, &type, &body)) {
            return false;
        }
        if (type == ITEM_APPLICATION) {
            items->applications++;
            items->application = slice_unpad(body);
        } else if (type == ITEM_USER) {
            items->users++;
            items->user = body;
        } else if (type == ITEM_CONTEXT) {
            struct context context;
            if (contexts->count == CONTEXTS_MAX || !read_context(body, &context) || !context_is_new(contexts, &context)) {
                return false;
            }
            contexts->list[contexts->count++] = context;
        }
    }
    return true;
}

struct verdict associate_check(slice pdu, struct asked *asked, struct arena *arena)
{
    *asked = (struct asked){.calling = SLICE_EMPTY, .called = SLICE_EMPTY, .implementation_uid = SLICE_EMPTY, .implementation_name = SLICE_EMPTY};
    if (pdu.size < HEAD_FIXED) {
        return bad_value;
    }
    if ((big16(pdu, 6) & 1) == 0) {
        return bad_version; /* bit 0 is version 1, the others are not tested (PS3.8 9.3.2) */
    }
    asked->contexts.list = arena_array(arena, CONTEXTS_MAX, sizeof(struct context));
    if (asked->contexts.list == NULL) {
        return no_room;
    }
    struct items items = {0, 0, SLICE_EMPTY, SLICE_EMPTY};
    if (!read_items(slice_after(pdu, HEAD_FIXED), &items, &asked->contexts) || items.applications != 1) {
        return bad_value;
    }
    if (!slice_equal(items.application, application_context)) {
        return bad_application;
    }
    if (asked->contexts.count == 0 || items.users != 1 || !read_user(items.user, asked)) {
        return bad_value;
    }
    if (!read_title(slice_before(slice_after(pdu, 10), 16), &asked->called)) {
        return bad_called;
    }
    return read_title(slice_before(slice_after(pdu, 26), 16), &asked->calling) ? good : bad_calling;
}

bool associate_answer(const struct verdict *verdict, uint8_t out[PDU_ANSWER_SIZE])
{
    if (verdict->kind != VERDICT_REJECT && verdict->kind != VERDICT_ABORT) {
        return false;
    }
    memset(out, 0, PDU_ANSWER_SIZE);
    out[0] = verdict->kind == VERDICT_REJECT ? 3 : PDU_ABORT;
    out[5] = 4;
    out[7] = verdict->result; /* reserved in an A-ABORT, where it is 0 */
    out[8] = verdict->source;
    out[9] = verdict->reason;
    return true;
}
