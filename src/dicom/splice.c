/* SPDX-License-Identifier: MIT */
#include "src/dicom/splice.h"

#include <assert.h>

#include "src/dicom/splice_private.h"

#define GROUP_FIRST 8u /* of a data set: 0000 to 0006 are commands and files (PS3.5 7.1) */
#define TAG_LIMIT ((uint64_t)UINT32_MAX + 1)

size_t splice_size(void)
{
    return sizeof(struct splice);
}

static bool is_removed(const struct splice_plan *plan, uint32_t tag)
{
    for (size_t i = 0; i < plan->remove_count; i++) {
        if (plan->remove[i] == tag) {
            return true;
        }
    }
    return false;
}

static bool is_put(const struct splice_plan *plan, uint32_t tag)
{
    return plan->put != NULL && dataset_has(plan->put, tag);
}

void splice_init(struct splice *splice, enum syntax syntax, const struct splice_plan *plan, struct splice_sink sink)
{
    static const uint32_t tags[SEEN_COUNT] = {TAG_SOPClassUID, TAG_SOPInstanceUID, TAG_PatientID, TAG_StudyInstanceUID, TAG_SeriesInstanceUID};
    bool keeps = plan->source.size > 0;
    assert(!keeps || (!is_put(plan, TAG_OriginalAttributesSequence) && !is_removed(plan, TAG_OriginalAttributesSequence)));
    memset(splice, 0, sizeof *splice);
    splice->syntax = syntax;
    splice->plan = plan;
    splice->sink = sink;
    splice->original_due = keeps;
    for (size_t i = 0; i < SEEN_COUNT; i++) {
        splice->seen[i].tag = tags[i];
    }
}

/* ---- Going out. */

static enum err put_out(struct splice *splice, slice bytes)
{
    return bytes.size == 0 ? ERR_OK : splice->sink.put(splice->sink.self, bytes);
}

/* Bytes of the stream, as they came: to the sink, to the originals, or nowhere. */
static enum err deliver(struct splice *splice, slice bytes)
{
    if (splice->capture) {
        if (bytes.size > SPLICE_CAPTURE_MAX - splice->captured_size) {
            return ERR_LIMIT;
        }
        memcpy(splice->captured + splice->captured_size, bytes.data, bytes.size);
        splice->captured_size += bytes.size;
    }
    return splice->drop ? ERR_OK : put_out(splice, bytes);
}

static enum err put_buffer(struct splice *splice, const struct buffer *buffer)
{
    return buffer->full ? ERR_LIMIT : put_out(splice, buffer_slice(buffer));
}

static enum err put_next(struct splice *splice)
{
    struct buffer buffer = buffer_over(splice->out, sizeof splice->out);
    element_write(&splice->plan->put->elements[splice->put_next++], splice->syntax, &buffer);
    return put_buffer(splice, &buffer);
}

static void write_delimiter(uint32_t tag, uint32_t length, enum syntax syntax, struct buffer *buffer)
{
    header_write((struct header){.tag = tag, .length = length}, syntax, buffer);
}

/* The originals, in the syntax of the sequence they go into: that of the stream but where a writer made it UN. */
static enum err write_captured(struct splice *splice, enum syntax syntax, struct buffer *buffer)
{
    slice captured = {splice->captured, splice->captured_size};
    if (syntax == splice->syntax) {
        buffer_put(buffer, captured);
        return ERR_OK;
    }
    struct arena arena = {.memory = splice->scratch, .size = sizeof splice->scratch};
    struct dataset dataset;
    enum err err = dataset_parse(&dataset, captured, splice->syntax, &arena);
    if (err == ERR_OK) {
        dataset_write(&dataset, syntax, buffer);
    }
    return err;
}

static void write_text(uint32_t tag, slice value, enum syntax syntax, struct buffer *buffer)
{
    struct element element = {.tag = tag, .vr = tag_vr(tag), .value = value};
    element_write(&element, syntax, buffer);
}

/* Our item of OriginalAttributesSequence (PS3.3 C.12.1), into splice->out. */
static enum err write_item(struct splice *splice, enum syntax syntax, struct buffer *buffer)
{
    const struct splice_plan *plan = splice->plan;
    *buffer = buffer_over(splice->out, sizeof splice->out);
    write_delimiter(DELIMITER_ITEM, UNDEFINED_LENGTH, syntax, buffer);
    header_write((struct header){TAG_ModifiedAttributesSequence, UNDEFINED_LENGTH, VR_SQ, 0}, syntax, buffer);
    write_delimiter(DELIMITER_ITEM, UNDEFINED_LENGTH, syntax, buffer);
    enum err err = write_captured(splice, syntax, buffer);
    write_delimiter(DELIMITER_ITEM_END, 0, syntax, buffer);
    write_delimiter(DELIMITER_SEQUENCE_END, 0, syntax, buffer);
    write_text(TAG_AttributeModificationDateTime, plan->modified_at, syntax, buffer);
    write_text(TAG_ModifyingSystem, plan->modifier, syntax, buffer);
    write_text(TAG_SourceOfPreviousValues, plan->source, syntax, buffer);
    write_text(TAG_ReasonForTheAttributeModification, plan->reason, syntax, buffer);
    write_delimiter(DELIMITER_ITEM_END, 0, syntax, buffer);
    return err == ERR_OK && buffer->full ? ERR_LIMIT : err;
}

static enum err put_item(struct splice *splice, enum syntax syntax)
{
    struct buffer buffer;
    enum err err = write_item(splice, syntax, &buffer);
    return err == ERR_OK ? put_buffer(splice, &buffer) : err;
}

/* A new OriginalAttributesSequence with our item alone. */
static enum err put_original(struct splice *splice)
{
    char room[2 * HEADER_SIZE_MAX];
    struct buffer begin = buffer_over(room, HEADER_SIZE_MAX), end = buffer_over(room + HEADER_SIZE_MAX, HEADER_SIZE_MAX);
    header_write((struct header){TAG_OriginalAttributesSequence, UNDEFINED_LENGTH, VR_SQ, 0}, splice->syntax, &begin);
    write_delimiter(DELIMITER_SEQUENCE_END, 0, splice->syntax, &end);
    splice->original_due = false;
    enum err err = put_buffer(splice, &begin);
    if (err == ERR_OK) {
        err = put_item(splice, splice->syntax);
    }
    return err == ERR_OK ? put_buffer(splice, &end) : err;
}

/* All that the plan puts before `limit`, in order. */
static enum err put_before(struct splice *splice, uint64_t limit)
{
    const struct dataset *put = splice->plan->put;
    enum err err = ERR_OK;
    while (err == ERR_OK) {
        uint64_t next = put != NULL && splice->put_next < put->count ? put->elements[splice->put_next].tag : TAG_LIMIT;
        bool original = splice->original_due && limit > TAG_OriginalAttributesSequence && next > TAG_OriginalAttributesSequence;
        if (original && splice->captured_size > 0) {
            err = put_original(splice);
        } else if (next < limit) {
            err = put_next(splice);
        } else {
            break;
        }
    }
    return err;
}

/* ---- Coming in. */

static enum err push(struct splice *splice, enum level_kind kind, enum syntax syntax)
{
    if (splice->depth == LEVELS_MAX) {
        return ERR_LIMIT;
    }
    splice->levels[splice->depth++] = (struct level){kind, syntax};
    return ERR_OK;
}

/* The element or item that is passing at top level is through. */
static enum err end_element(struct splice *splice)
{
    bool append = splice->append;
    splice->drop = splice->capture = splice->append = false;
    splice->seeing = NULL;
    return append ? put_item(splice, splice->append_syntax) : ERR_OK;
}

/* After an element's header: its value is so many bytes, or a level opens. */
static enum err begin_value(struct splice *splice, struct header header, enum syntax syntax)
{
    if (header.length != UNDEFINED_LENGTH) {
        splice->rest = header.length;
        return splice->rest == 0 && splice->depth == 0 ? end_element(splice) : ERR_OK;
    }
    if (header.vr == VR_OB || header.vr == VR_OW) {
        return push(splice, LEVEL_FRAGMENTS, syntax);
    }
    if (header.vr == VR_SQ || header.vr == VR_UN) {
        return push(splice, LEVEL_SEQUENCE, header.vr == VR_UN ? SYNTAX_IMPLICIT_LITTLE : syntax); /* PS3.5 6.2.2 */
    }
    return ERR_BAD_MESSAGE;
}

/* Is the element a group length that will be wrong? */
static bool is_stale(const struct splice *splice, uint32_t tag)
{
    const struct splice_plan *plan = splice->plan;
    bool touched = tag >> 16 == (uint32_t)TAG_OriginalAttributesSequence >> 16 && splice->captured_size > 0;
    for (uint32_t i = 0; plan->put != NULL && i < plan->put->count; i++) {
        touched = touched || plan->put->elements[i].tag >> 16 == tag >> 16;
    }
    for (size_t i = 0; i < plan->remove_count; i++) {
        touched = touched || plan->remove[i] >> 16 == tag >> 16;
    }
    return touched && header_is_group_length(tag);
}

static struct seen *find_seen(struct splice *splice, uint32_t tag)
{
    for (size_t i = 0; i < SEEN_COUNT; i++) {
        if (splice->seen[i].tag == tag) {
            return &splice->seen[i];
        }
    }
    return NULL;
}

/* The sequence of originals is there: our item will follow its last. A defined length grows by the item, whose
 * size is known, since every original stands before. */
static enum err begin_original(struct splice *splice, struct header header)
{
    struct buffer item, grown = buffer_over(splice->head, sizeof splice->head);
    splice->original_due = false;
    if (splice->captured_size == 0) {
        return ERR_OK;
    }
    if (header.vr != VR_SQ && header.vr != VR_UN) {
        return ERR_BAD_MESSAGE;
    }
    splice->append = true;
    splice->append_syntax = header.vr == VR_UN ? SYNTAX_IMPLICIT_LITTLE : splice->syntax;
    enum err err = write_item(splice, splice->append_syntax, &item);
    if (err != ERR_OK || header.length == UNDEFINED_LENGTH) {
        return err;
    }
    if (item.size >= UNDEFINED_LENGTH - header.length) {
        return ERR_LIMIT;
    }
    header.length += (uint32_t)item.size;
    header_write(header, splice->syntax, &grown);
    return ERR_OK;
}

static enum err on_element(struct splice *splice, struct header header)
{
    uint32_t tag = header.tag, group = tag >> 16;
    if (group < GROUP_FIRST || group == DELIMITER_GROUP || (splice->begun && tag <= splice->last_tag)) {
        return ERR_BAD_MESSAGE;
    }
    splice->begun = true;
    splice->last_tag = tag;
    enum err err = put_before(splice, tag);
    bool put = is_put(splice->plan, tag), planned = put || is_removed(splice->plan, tag);
    if (err == ERR_OK && put) {
        err = put_next(splice);
    }
    if (err == ERR_OK && tag == TAG_OriginalAttributesSequence && splice->original_due) {
        err = begin_original(splice, header);
    }
    splice->drop = planned || is_stale(splice, tag);
    splice->capture = planned && splice->original_due && tag < TAG_OriginalAttributesSequence;
    if (err == ERR_OK) {
        err = deliver(splice, (slice){splice->head, header.size});
    }
    splice->seeing = find_seen(splice, tag);
    return err == ERR_OK ? begin_value(splice, header, splice->syntax) : err;
}

/* An element, or the end, of an item of undefined length. */
static enum err on_nested(struct splice *splice, struct header header, enum syntax syntax)
{
    enum err err = deliver(splice, (slice){splice->head, header.size});
    if (header.tag == DELIMITER_ITEM_END && header.length == 0) {
        splice->depth--;
        return err;
    }
    if (header.tag >> 16 == DELIMITER_GROUP) {
        return ERR_BAD_MESSAGE;
    }
    return err == ERR_OK ? begin_value(splice, header, syntax) : err;
}

static enum err end_sequence(struct splice *splice, struct header header)
{
    enum err err = ERR_OK;
    if (--splice->depth == 0 && splice->append) {
        splice->append = false;
        err = put_item(splice, splice->append_syntax);
    }
    if (err == ERR_OK) {
        err = deliver(splice, (slice){splice->head, header.size});
    }
    return err == ERR_OK && splice->depth == 0 ? end_element(splice) : err;
}

/* An item, or the end, of a sequence or of encapsulated pixel data of undefined length. */
static enum err on_item(struct splice *splice, struct header header, struct level level)
{
    if (header.tag == DELIMITER_SEQUENCE_END && header.length == 0) {
        return end_sequence(splice, header);
    }
    bool open = header.length == UNDEFINED_LENGTH;
    if (header.tag != DELIMITER_ITEM || (open && level.kind == LEVEL_FRAGMENTS)) {
        return ERR_BAD_MESSAGE;
    }
    enum err err = deliver(splice, (slice){splice->head, header.size});
    if (err == ERR_OK && open) {
        return push(splice, LEVEL_ITEM, level.syntax);
    }
    splice->rest = open ? 0 : header.length;
    return err;
}

static enum err on_header(struct splice *splice, enum syntax syntax)
{
    struct header header = header_read(splice->head, splice->head_size, syntax);
    splice->head_size = 0;
    if (splice->depth == 0) {
        return on_element(splice, header);
    }
    struct level level = splice->levels[splice->depth - 1];
    return level.kind == LEVEL_ITEM ? on_nested(splice, header, level.syntax) : on_item(splice, header, level);
}

/* Gathers a header, which may come in pieces. */
static enum err take_header(struct splice *splice, slice *bytes)
{
    enum syntax syntax = splice->depth == 0 ? splice->syntax : splice->levels[splice->depth - 1].syntax;
    size_t size = 8;
    while (bytes->size > 0) {
        splice->head[splice->head_size++] = bytes->data[0];
        *bytes = slice_after(*bytes, 1);
        enum err err = splice->head_size < 8 ? ERR_OK : header_size(splice->head, syntax, &size);
        if (err != ERR_OK) {
            return err;
        }
        if (splice->head_size == size) {
            return on_header(splice, syntax);
        }
    }
    return ERR_OK;
}

static void note_seen(struct seen *seen, slice bytes)
{
    if (seen->size + bytes.size <= sizeof seen->text) {
        memcpy(seen->text + seen->size, bytes.data, bytes.size);
    }
    seen->size += bytes.size;
}

static enum err take_value(struct splice *splice, slice *bytes)
{
    slice part = splice->rest < bytes->size ? slice_before(*bytes, (size_t)splice->rest) : *bytes;
    if (splice->seeing != NULL && splice->depth == 0) {
        note_seen(splice->seeing, part);
    }
    enum err err = deliver(splice, part);
    *bytes = slice_after(*bytes, part.size);
    splice->rest -= part.size;
    return err == ERR_OK && splice->rest == 0 && splice->depth == 0 ? end_element(splice) : err;
}

enum err splice_put(struct splice *splice, slice bytes)
{
    while (splice->err == ERR_OK && bytes.size > 0) {
        splice->err = splice->rest > 0 ? take_value(splice, &bytes) : take_header(splice, &bytes);
    }
    return splice->err;
}

enum err splice_end(struct splice *splice)
{
    if (splice->err == ERR_OK && (splice->head_size > 0 || splice->rest > 0 || splice->depth > 0)) {
        splice->err = ERR_BAD_MESSAGE;
    }
    if (splice->err == ERR_OK) {
        splice->err = put_before(splice, TAG_LIMIT);
    }
    return splice->err;
}

slice splice_seen(const struct splice *splice, uint32_t tag)
{
    for (size_t i = 0; i < SEEN_COUNT; i++) {
        const struct seen *seen = &splice->seen[i];
        if (seen->tag == tag && seen->size <= sizeof seen->text) {
            return slice_trim((slice){seen->text, seen->size});
        }
    }
    return SLICE_EMPTY;
}
