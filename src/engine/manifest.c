/* SPDX-License-Identifier: MIT
 *
 * Manifest: the instances of a transfer as ranges of UIDs that count up and are alike in all that the transfer
 * knows of them. An instance that comes to differ is cut out; neighbours that have become alike are joined. So it
 * does not matter whether instances are told of one by one or in spans, nor where a span is cut. */
#include "src/engine/retrieve_private.h"

static uint32_t uid_bucket(slice uid)
{
    return (uint32_t)hash64_words(7, uid) % BUCKETS;
}

static uint32_t stem_bucket(const struct item *item)
{
    return (uint32_t)hash64_words(8, slice_before(item->sop_uid, item->stem_size)) % BUCKETS;
}

/* ---- Rows in and out of the tables. */
static void link_item(struct transfer *transfer, struct item *item)
{
    struct item **uid = &transfer->buckets[uid_bucket(item->sop_uid)];
    item->next_in_bucket = *uid;
    *uid = item;
}

static void link_stem(struct transfer *transfer, struct item *item)
{
    if (!item->stemmed && item->count > 1) {
        struct item **stem = &transfer->stems[stem_bucket(item)];
        item->next_in_stem = *stem;
        *stem = item;
        item->stemmed = true;
    }
}

static void unlink_item(struct transfer *transfer, struct item *item)
{
    struct item **link = &transfer->buckets[uid_bucket(item->sop_uid)];
    while (*link != item) {
        link = &(*link)->next_in_bucket;
    }
    *link = item->next_in_bucket;
    link = item->stemmed ? &transfer->stems[stem_bucket(item)] : NULL;
    while (link != NULL && *link != item) {
        link = &(*link)->next_in_stem;
    }
    if (link != NULL) {
        *link = item->next_in_stem;
    }
}

static struct item *item_alloc(struct transfer *transfer)
{
    struct item *item = transfer->spare;
    if (item != NULL) {
        transfer->spare = item->next;
    } else {
        item = chain_alloc(&transfer->chain, sizeof *item);
    }
    if (item == NULL) {
        transfer->full = true;
        return NULL;
    }
    *item = (struct item){.count = 1};
    return item;
}

/* False when there is no room for a UID longer than the standard allows. */
static bool set_uid(struct transfer *transfer, struct item *item, slice uid)
{
    slice stem = SLICE_EMPTY;
    if (uid.size > UID_SIZE_MAX) {
        item->sop_uid = chain_copy(&transfer->chain, uid);
        transfer->full = transfer->full || item->sop_uid.data == NULL;
        return item->sop_uid.data != NULL;
    }
    memcpy(item->uid_text, uid.data, uid.size);
    item->sop_uid = (slice){item->uid_text, uid.size};
    item->stem_size = uid_split(item->sop_uid, &stem, &item->last) ? (uint8_t)stem.size : 0;
    return true;
}

/* Behind `before`, or at the end. */
static void insert(struct transfer *transfer, struct item *item, struct item *before)
{
    item->previous = before != NULL ? before : transfer->items_last;
    item->next = before != NULL ? before->next : NULL;
    *(item->previous != NULL ? &item->previous->next : &transfer->items) = item;
    *(item->next != NULL ? &item->next->previous : &transfer->items_last) = item;
    link_item(transfer, item);
    link_stem(transfer, item);
}

/* ---- Finding. */
/* The item that holds the instance, and where in it. */
static struct item *locate(const struct transfer *transfer, slice uid, uint64_t *offset)
{
    struct item *item = transfer->buckets[uid_bucket(uid)];
    slice stem = SLICE_EMPTY;
    uint64_t last = 0;
    *offset = 0;
    while (item != NULL && !slice_equal(item->sop_uid, uid)) {
        item = item->next_in_bucket;
    }
    if (item != NULL || !uid_split(uid, &stem, &last)) {
        return item;
    }
    for (item = transfer->stems[(uint32_t)hash64_words(8, stem) % BUCKETS]; item != NULL; item = item->next_in_stem) {
        if (last >= item->last && last - item->last < item->count && slice_equal(slice_before(item->sop_uid, item->stem_size), stem)) {
            *offset = last - item->last;
            return item;
        }
    }
    return NULL;
}

/* Of `count` instances from one that is in no item, how many are in none. */
static uint32_t gap_of(const struct transfer *transfer, slice uid, uint32_t count)
{
    char text[UID_SIZE_MAX + 1];
    uint32_t gap = 1;
    uint64_t offset = 0;
    while (gap < count && locate(transfer, uid_advance(uid, gap, text), &offset) == NULL) {
        gap++;
    }
    return gap;
}

/* ---- Cutting and joining. */
/* From `offset` on an item becomes one of its own, behind it. Null when there is no room. */
static struct item *cut_at(struct transfer *transfer, struct item *item, uint32_t offset)
{
    char text[UID_SIZE_MAX + 1];
    struct item *rest = item_alloc(transfer);
    if (rest == NULL) {
        return NULL;
    }
    *rest = *item;
    rest->stemmed = false;
    rest->count = item->count - offset;
    (void)set_uid(transfer, rest, uid_advance(item->sop_uid, offset, text)); /* of a range: never a long one */
    item->count = offset;
    insert(transfer, rest, item);
    return rest;
}

struct item *item_cut(struct transfer *transfer, slice uid, uint32_t most, uint32_t *count)
{
    uint64_t offset = 0;
    struct item *item = locate(transfer, uid, &offset);
    if (item == NULL) {
        *count = gap_of(transfer, uid, most);
        return NULL;
    }
    *count = item->count - (uint32_t)offset < most ? item->count - (uint32_t)offset : most;
    if (offset > 0) {
        item = cut_at(transfer, item, (uint32_t)offset);
    }
    if (item != NULL && item->count > *count && cut_at(transfer, item, *count) == NULL) {
        item = NULL;
    }
    return item;
}

static bool are_alike(const struct item *a, const struct item *b)
{
    return a->stem_size > 0 && a->stem_size == b->stem_size && a->last + a->count == b->last && a->series == b->series && a->holders == b->holders &&
           a->wanted == b->wanted && a->delivered == b->delivered && a->on_target == b->on_target && a->in_job == b->in_job && a->answered == b->answered &&
           a->status == b->status && memcmp(a->uid_text, b->uid_text, a->stem_size) == 0 && slice_equal(a->class_uid, b->class_uid);
}

static bool join_next(struct transfer *transfer, struct item *item)
{
    struct item *next = item->next;
    if (next == NULL || !are_alike(item, next)) {
        return false;
    }
    unlink_item(transfer, next);
    item->next = next->next;
    *(next->next != NULL ? &next->next->previous : &transfer->items_last) = item;
    item->count += next->count;
    link_stem(transfer, item);
    next->next = transfer->spare;
    transfer->spare = next;
    return true;
}

void item_join(struct transfer *transfer, struct item *item)
{
    (void)join_next(transfer, item);
    if (item->previous != NULL) {
        (void)join_next(transfer, item->previous);
    }
}

void items_join(struct transfer *transfer)
{
    for (struct item *item = transfer->items; item != NULL;) {
        if (!join_next(transfer, item)) {
            item = item->next;
        }
    }
}

/* ---- Listing. */
static struct series *series_take(struct transfer *transfer, slice uid)
{
    struct series **last = &transfer->series;
    for (; *last != NULL; last = &(*last)->next) {
        if (slice_equal((*last)->uid, uid)) {
            return *last;
        }
    }
    struct series *series = chain_alloc(&transfer->chain, sizeof *series);
    if (series != NULL) {
        series->uid = chain_copy(&transfer->chain, uid);
        series->number = transfer->series_count++;
        *last = series;
    }
    return series;
}

struct series *series_of(const struct transfer *transfer, const struct item *item)
{
    struct series *series = transfer->series;
    while (series->number != item->series) {
        series = series->next;
    }
    return series;
}

/* The class of most instances is that of the one before: one copy does. */
static slice class_copy(struct transfer *transfer, slice class_uid)
{
    const struct item *last = transfer->items_last;
    return last != NULL && slice_equal(last->class_uid, class_uid) ? last->class_uid : chain_copy(&transfer->chain, class_uid);
}

struct item *item_take(struct transfer *transfer, const struct find_row *row, slice uid, uint32_t most, uint32_t *count)
{
    struct item *item = item_cut(transfer, uid, most, count);
    if (item != NULL || transfer->full) {
        return item;
    }
    struct series *series = series_take(transfer, slice_unpad(row->series_uid));
    item = item_alloc(transfer);
    if (item == NULL || series == NULL || !set_uid(transfer, item, uid)) {
        transfer->full = true;
        return NULL;
    }
    item->class_uid = class_copy(transfer, slice_unpad(dataset_get(row->dataset, TAG_SOPClassUID)));
    transfer->full = transfer->full || item->class_uid.data == NULL;
    item->series = series->number;
    item->count = *count;
    insert(transfer, item, NULL);
    return item;
}
