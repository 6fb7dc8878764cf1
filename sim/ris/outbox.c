/* SPDX-License-Identifier: MIT */
#include "sim/ris/ris_private.h"

/* An item is three sizes of 4 bytes, then person, study UID and message. */
#define HEADER_SIZE 12
#define ROOM_LEAST  (HL7_MESSAGE_MAX + 4096u) /* behind the last item; less, and all are moved to the front */

struct buffer outbox_begin(struct outbox *outbox, slice person, slice study_uid)
{
    size_t used = outbox->end - outbox->begin;
    /* Not at each: a long queue would be moved again and again. */
    if (outbox->begin > used || outbox->capacity - outbox->end < ROOM_LEAST) {
        memmove(outbox->bytes, outbox->bytes + outbox->begin, used);
        outbox->begin = 0;
        outbox->end = used;
    }
    struct buffer buffer = buffer_over(outbox->bytes + outbox->end, outbox->capacity - outbox->end);
    buffer_put_u32(&buffer, (uint32_t)person.size);
    buffer_put_u32(&buffer, (uint32_t)study_uid.size);
    buffer_put_u32(&buffer, 0);
    buffer_put(&buffer, person);
    buffer_put(&buffer, study_uid);
    return buffer;
}

static struct cursor first_cursor(const struct outbox *outbox)
{
    return (struct cursor){.rest = {outbox->bytes + outbox->begin, outbox->end - outbox->begin}};
}

bool outbox_end(struct outbox *outbox, const struct buffer *wire)
{
    if (wire->full) {
        return false;
    }
    struct cursor sizes = {.rest = buffer_slice(wire)};
    size_t beside = HEADER_SIZE + (size_t)cursor_u32(&sizes);
    beside += cursor_u32(&sizes);
    struct buffer size = buffer_over(wire->data + 8, 4);
    buffer_put_u32(&size, (uint32_t)(wire->size - beside));
    outbox->end += wire->size;
    outbox->count++;
    return true;
}

struct outbox_item outbox_first(const struct outbox *outbox)
{
    struct cursor cursor = first_cursor(outbox);
    size_t person = cursor_u32(&cursor), study_uid = cursor_u32(&cursor),
           wire = cursor_u32(&cursor);
    struct outbox_item item = {.person = cursor_bytes(&cursor, person)};
    item.study_uid = cursor_bytes(&cursor, study_uid);
    item.wire = cursor_bytes(&cursor, wire);
    return item;
}

static size_t first_size(const struct outbox *outbox)
{
    struct outbox_item item = outbox_first(outbox);
    return HEADER_SIZE + item.person.size + item.study_uid.size + item.wire.size;
}

bool outbox_swap(struct outbox *outbox, struct arena *scratch)
{
    if (outbox->count < 2) {
        return false;
    }
    size_t first = first_size(outbox);
    struct outbox rest = *outbox;
    rest.begin += first;
    size_t second = first_size(&rest);
    char *kept = arena_alloc(scratch, first);
    if (kept == NULL) {
        return false;
    }
    memcpy(kept, outbox->bytes + outbox->begin, first);
    memmove(outbox->bytes + outbox->begin, outbox->bytes + outbox->begin + first, second);
    memcpy(outbox->bytes + outbox->begin + second, kept, first);
    return true;
}

void outbox_drop_first(struct outbox *outbox)
{
    outbox->begin += first_size(outbox);
    outbox->count--;
}
