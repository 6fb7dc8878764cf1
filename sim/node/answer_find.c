/* SPDX-License-Identifier: MIT
 *
 * C-FIND (PS3.4 C.4.1): whether a question is taken, and the telling of its rows from a cursor, a
 * run at a time. */
#include "sim/node/node_private.h"

/* ---- Is the question one that this product answers? */
static bool is_single(slice value)
{
    return value.size > 0 && slice_index(value, '\\') == value.size &&
           slice_index(value, '*') == value.size && slice_index(value, '?') == value.size;
}

static bool has_star(slice value)
{
    return slice_index(value, '*') < value.size;
}

static bool is_key(const struct element *element)
{
    return element->tag != TAG_QueryRetrieveLevel && element->tag != TAG_SpecificCharacterSet;
}

static bool lacks_parents(const struct operation *operation)
{
    bool patient = operation->patient_root && operation->level > LEVEL_PATIENT &&
                   !is_single(dataset_get(&operation->query, TAG_PatientID));
    bool study = operation->level > LEVEL_STUDY &&
                 !is_single(dataset_get(&operation->query, TAG_StudyInstanceUID));
    bool series = operation->level > LEVEL_SERIES &&
                  !is_single(dataset_get(&operation->query, TAG_SeriesInstanceUID));
    return patient || study || series;
}

static int64_t day_number(slice date)
{
    time_ns at;
    return date.size == 8 && time_from_ts(date, &at) ? at / TIME_DAY : -1;
}

/* Neither patient, study nor accession number, and no range of dates that is short enough. */
static bool is_broad(const struct operation *operation, int64_t days)
{
    static const uint32_t narrow[] = {TAG_PatientID, TAG_StudyInstanceUID, TAG_AccessionNumber};
    for (size_t i = 0; i < sizeof narrow / sizeof narrow[0]; i++) {
        slice value = dataset_get(&operation->query, narrow[i]);
        if (value.size > 0 && !has_star(value)) {
            return false;
        }
    }
    slice date = dataset_get(&operation->query, TAG_StudyDate);
    size_t dash = slice_index(date, '-');
    int64_t from = day_number(slice_before(date, dash)),
            to = dash == date.size ? from : day_number(slice_after(date, dash + 1));
    return from < 0 || to < 0 || to - from >= days;
}

/* What is wrong with one key; QUIRK_COUNT when nothing is. */
static enum quirk key_refused(const struct node *node, const struct element *element)
{
    slice value = slice_unpad(element->value);
    bool star = slice_equal(value, SLICE("*"));
    bool strict = element->vr == VR_DA || element->vr == VR_TM || element->vr == VR_UI;
    if (!is_key(element) || value.size == 0) {
        return QUIRK_COUNT;
    }
    if (strict && has_star(value) && node_quirk(node, QUIRK_find_date_star_rejected)) {
        return QUIRK_find_date_star_rejected;
    }
    return star && node_quirk(node, QUIRK_find_star_alone_rejected) ? QUIRK_find_star_alone_rejected
                                                                    : QUIRK_COUNT;
}

uint16_t answer_find_check(struct node *node, struct out *out, struct operation *operation,
                           slice *comment)
{
    if (node_quirk(node, QUIRK_find_no_relational) && operation->level > LEVEL_STUDY &&
        lacks_parents(operation)) {
        quirk_bites(node, out, operation, QUIRK_find_no_relational);
        *comment = SLICE("the unique keys of the levels above are required");
        return STATUS_IDENTIFIER_MISMATCH;
    }
    for (uint32_t i = 0; i < operation->query.count; i++) {
        enum quirk quirk = key_refused(node, &operation->query.elements[i]);
        if (quirk != QUIRK_COUNT) {
            quirk_bites(node, out, operation, quirk);
            *comment = SLICE("wildcard not allowed here");
            return (uint16_t)quirk_number(node, quirk);
        }
    }
    if (node_quirk(node, QUIRK_find_broad_query_blocked) && operation->level <= LEVEL_STUDY &&
        is_broad(operation, quirk_number(node, QUIRK_find_broad_query_blocked))) {
        quirk_bites(node, out, operation, QUIRK_find_broad_query_blocked);
        *comment = SLICE("query too broad: give patient, accession or dates");
        return STATUS_OUT_OF_RESOURCES;
    }
    return STATUS_SUCCESS;
}

/* ---- The keys that count. */
static slice first_uids(slice list, int64_t most)
{
    slice rest = list;
    for (size_t size = 0; rest.data != NULL; most--) {
        if (most == 0) {
            return slice_before(list, size - 1);
        }
        size += slice_cut(&rest, '\\').size + 1;
    }
    return list;
}

static bool is_ignored_by_fault(const struct node *node, const struct operation *operation, uint32_t tag)
{
    bool patient = tag == TAG_PatientID || tag == TAG_PatientName || tag == TAG_PatientBirthDate;
    return (patient && (operation->bent >> BEND_other_patient & 1) != 0) ||
           ((operation->bent >> BEND_ignore_key & 1) != 0 && tag == fault_bending(node, BEND_ignore_key, 'f')->key);
}

static bool is_ignored(const struct node *node, uint32_t tag)
{
    uint32_t ignored = 0;
    if (tag == TAG_ModalitiesInStudy && node_quirk(node, QUIRK_find_modalities_in_study_missing)) {
        return true;
    }
    return node_quirk(node, QUIRK_find_key_ignored_returns_all) &&
           tag_from_text(quirk_text(node, QUIRK_find_key_ignored_returns_all), &ignored) &&
           tag == ignored;
}

static void keys_bend(struct node *node, struct out *out, struct operation *operation)
{
    for (uint32_t i = 0; i < operation->match.count; i++) {
        struct element *element = &operation->match.elements[i];
        slice value = slice_unpad(element->value);
        if (value.size == 0 && element->value.size == 0) {
            continue; /* asks for nothing */
        }
        if (is_ignored_by_fault(node, operation, element->tag)) {
            element->value = value = SLICE_EMPTY;
        }
        if (value.size > 0 && is_ignored(node, element->tag)) {
            bool key = element->tag != TAG_ModalitiesInStudy;
            quirk_bites(node, out, operation,
                        key ? QUIRK_find_key_ignored_returns_all
                            : QUIRK_find_modalities_in_study_missing);
            element->value = SLICE_EMPTY;
        }
        if (element->vr == VR_UI && node_quirk(node, QUIRK_find_list_of_uid_limit)) {
            element->value = first_uids(value, quirk_number(node, QUIRK_find_list_of_uid_limit));
            if (element->value.size < value.size) {
                quirk_bites(node, out, operation, QUIRK_find_list_of_uid_limit);
            }
        }
    }
}

/* The shortest way to the studies: one UID, one patient, one accession number, or all of them. */
static void cursor_begin(struct node *node, struct operation *operation, struct arena *scratch)
{
    const struct {
        uint32_t tag;
        enum index index;
    } ways[] = {{TAG_StudyInstanceUID, INDEX_UID},
                {TAG_PatientID, INDEX_PATIENT},
                {TAG_AccessionNumber, INDEX_ACCESSION}};
    operation->next = node->archive.entry_count > 0 ? 0 : NONE;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        slice value = dataset_get(&operation->match, ways[i].tag);
        if (is_single(value)) {
            operation->chained = true;
            operation->chain = ways[i].index;
            operation->next = archive_first(node, ways[i].index, value, scratch);
            return;
        }
    }
}

static uint32_t entry_after(struct node *node, const struct operation *operation, uint32_t entry,
                            struct arena *scratch)
{
    static const uint32_t tags[] = {TAG_StudyInstanceUID, TAG_PatientID, TAG_AccessionNumber};
    if (operation->chained) {
        return archive_next(node, operation->chain, entry,
                            dataset_get(&operation->match, tags[operation->chain]), scratch);
    }
    return entry + 1 < node->archive.entry_count ? entry + 1 : NONE;
}

void answer_find_begin(struct node *node, struct out *out, struct operation *operation)
{
    operation->state = STATE_TELLING;
    if (dataset_copy(&operation->match, &operation->query, &operation->arena, 0) != ERR_OK) {
        out->full = true;
        return;
    }
    operation->bent = fault_bends_of(node, out, 'f');
    keys_bend(node, out, operation);
    slice birth = dataset_get(&operation->match, TAG_PatientBirthDate);
    cursor_begin(node, operation, out->arena);
    if (node_quirk(node, QUIRK_find_birthdate_range_unsupported) &&
        slice_index(birth, '-') < birth.size) {
        quirk_bites(node, out, operation, QUIRK_find_birthdate_range_unsupported);
        operation->next = NONE;
    }
}

/* ---- The cursor. */
static uint32_t inner_count(const struct node *node, const struct operation *operation,
                            uint32_t entry)
{
    const struct entry *at = &node->archive.entries[entry];
    return operation->level == LEVEL_SERIES  ? entry_series(node, at)
           : operation->level == LEVEL_IMAGE ? entry_instances(node, at)
                                             : 1;
}

static bool is_first_of_patient(struct node *node, uint32_t entry, struct arena *scratch)
{
    slice id = filed_patient_id(node, entry_patient_id(node, &node->archive.entries[entry]), scratch);
    return archive_first(node, INDEX_PATIENT, id, scratch) == entry;
}

/* How many alike one row may tell: one, when the question tells them apart. */
static uint32_t row_span(const struct node *node, const struct operation *operation, uint32_t entry,
                         uint32_t most)
{
    static const uint32_t single[] = {TAG_SOPInstanceUID, TAG_InstanceNumber};
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
        if (dataset_get(&operation->match, single[i]).size > 0) {
            return 1;
        }
    }
    return operation->level == LEVEL_IMAGE && node->setup->spans
               ? instance_span(node, entry_instance_at(node, entry, operation->inner), most)
               : 1;
}

/* An instance of a series that is not the one asked for: so many from it on are of that series too. 0: look at it. */
static uint32_t other_series(const struct node *node, const struct operation *operation, uint32_t entry)
{
    slice wanted = slice_unpad(dataset_get(&operation->match, TAG_SeriesInstanceUID));
    if (operation->level != LEVEL_IMAGE || !is_single(wanted)) {
        return 0;
    }
    struct instance instance = entry_instance_at(node, entry, operation->inner);
    if (instance.kept) {
        return 0;
    }
    struct node_study room;
    char text[UID_SIZE_MAX + 1];
    const struct node_study *study = entry_study(node, &node->archive.entries[entry], &room);
    uint32_t series = image_series_of(study, instance.number);
    bool same = slice_equal(image_series_uid(node->setup->seed, study, series, text), wanted);
    return same ? 0 : image_series_first(study, series) + image_series_size(study, series) - instance.number;
}

/* The next row that matches, for `*span` instances, in: at most; NULL at the end, or when `budget`
 * is spent (the cursor then still stands). */
static struct dataset *next_row(struct node *node, struct out *out, struct operation *operation,
                                uint32_t *budget, uint32_t *span)
{
    while (operation->next != NONE && *budget > 0) {
        uint32_t entry = operation->next;
        bool fits =
            operation->inner > 0 ||
            (answer_fits(node, operation, entry, out->arena) &&
             (operation->level != LEVEL_PATIENT || is_first_of_patient(node, entry, out->arena)));
        while (fits && operation->inner < inner_count(node, operation, entry) && *budget > 0) {
            (*budget)--;
            uint32_t passed = other_series(node, operation, entry);
            if (passed > 0) {
                operation->inner += passed;
                continue;
            }
            size_t used = out->arena->used;
            uint32_t count = row_span(node, operation, entry, *span);
            struct dataset *row = answer_match(node, out, operation, entry, operation->inner);
            operation->inner += count;
            if (row != NULL) {
                *span = count;
                return row;
            }
            out->arena->used = used;
        }
        if (fits && operation->inner < inner_count(node, operation, entry)) {
            return NULL;
        }
        *budget -= *budget > 0;
        operation->inner = 0;
        operation->next = entry_after(node, operation, entry, out->arena);
    }
    return NULL;
}

/* ---- Limits on a list of patients or studies. */
static bool is_capped(struct node *node, struct out *out, struct operation *operation)
{
    if (operation->level > LEVEL_STUDY) {
        return false;
    }
    if (node_quirk(node, QUIRK_find_response_cap_silent) &&
        operation->rows >= quirk_number(node, QUIRK_find_response_cap_silent)) {
        quirk_bites(node, out, operation, QUIRK_find_response_cap_silent);
        return true;
    }
    return (operation->bent >> BEND_capped & 1) != 0 && operation->rows >= fault_bending(node, BEND_capped, 'f')->number;
}

/* More rows than this product lists? Counted before the first is told. */
static bool is_too_many(struct node *node, struct out *out, struct operation *operation)
{
    int64_t limit = quirk_number(node, QUIRK_find_response_cap_refused), rows = 0;
    if (!node_quirk(node, QUIRK_find_response_cap_refused) || operation->level > LEVEL_STUDY ||
        operation->rows > 0) {
        return false;
    }
    uint32_t next = operation->next, inner = operation->inner, budget = UINT32_MAX, span = 1;
    size_t used = out->arena->used;
    while (rows <= limit && next_row(node, out, operation, &budget, &span) != NULL) {
        out->arena->used = used;
        rows++;
    }
    operation->next = next;
    operation->inner = inner;
    if (rows > limit) {
        quirk_bites(node, out, operation, QUIRK_find_response_cap_refused);
    }
    return rows > limit;
}

/* ---- Telling. */
static void put_row(struct node *node, struct out *out, struct operation *operation,
                    const struct dataset *row, uint32_t span, struct message *message)
{
    bool bent = node_quirk(node, QUIRK_find_pending_ff01);
    if (bent && !operation->keys_missing) {
        quirk_bites(node, out, operation, QUIRK_find_pending_ff01);
    }
    struct dimse pending = dimse_response(&operation->request, bent || operation->keys_missing
                                                                   ? STATUS_PENDING_KEYS_MISSING
                                                                   : STATUS_PENDING);
    session_say(message, &pending);
    message->dimse.identifier = answer_row(node, out, operation, row);
    message->dimse.span = span > 1 ? span : 0;
    operation->rows += span;
}

static void put_final(struct node *node, struct out *out, struct operation *operation,
                      uint16_t status, struct message *message)
{
    struct channel *channel = session_find(node, operation->channel);
    struct dimse answer = dimse_response(&operation->request, status);
    session_say(message, &answer);
    message->dimse.error_comment =
        status == STATUS_OUT_OF_RESOURCES ? SLICE("too many matches") : SLICE_EMPTY;
    struct observation *seen = out_observe(out, OBSERVATION_find_answered, node->now);
    seen->peer = channel == NULL ? SLICE_EMPTY : slice_from(channel->calling);
    seen->number = status;
    seen->count = operation->rows;
    seen->text = bits_text(operation->bits, out);
}

static bool is_cancelled(struct node *node, struct out *out, struct operation *operation)
{
    if (operation->cancelled && operation->channel != 0 &&
        node_quirk(node, QUIRK_find_cancel_ignored)) {
        quirk_bites(node, out, operation, QUIRK_find_cancel_ignored);
        return false;
    }
    return operation->cancelled;
}

/* One message more, for at most `room` instances; how many it tells of, 0 when the step's work is
 * spent; `*final` after the last. */
static uint32_t tell_one(struct node *node, struct out *out, struct operation *operation,
                         uint32_t *budget, uint32_t room, struct message *message, bool *final)
{
    uint16_t status = is_cancelled(node, out, operation)  ? STATUS_CANCEL
                      : is_too_many(node, out, operation) ? STATUS_OUT_OF_RESOURCES
                                                          : STATUS_SUCCESS;
    uint32_t next = operation->next, inner = operation->inner, span = room;
    struct dataset *row =
        status == STATUS_SUCCESS ? next_row(node, out, operation, budget, &span) : NULL;
    if (row != NULL && is_capped(node, out, operation)) {
        row = NULL;
        operation->next = NONE;
    }
    if (row == NULL) {
        *final = status != STATUS_SUCCESS || operation->next == NONE;
        if (*final) {
            put_final(node, out, operation, status, message);
        }
        return *final;
    }
    bool doubled = (operation->bent >> BEND_duplicate_rows & 1) != 0;
    if ((doubled || node_quirk(node, QUIRK_find_duplicates_rows)) && operation->level == LEVEL_STUDY) {
        operation->twice = !operation->twice;
        if (operation->twice) {
            operation->next = next; /* the same once more */
            operation->inner = inner;
            if (!doubled) {
                quirk_bites(node, out, operation, QUIRK_find_duplicates_rows);
            }
        }
    }
    put_row(node, out, operation, row, span, message);
    return span;
}

/* ---- What a fault does to the answer as a whole. */
static bool is_bent(const struct operation *operation, enum bend bend)
{
    return (operation->bent >> bend & 1) != 0;
}

static void tell_final_first(struct node *node, struct out *out, struct operation *operation)
{
    if (is_bent(operation, BEND_final_first) && !operation->finished) {
        struct dimse final = dimse_response(&operation->request, STATUS_SUCCESS);
        operation->finished = true;
        out_send_dimse(out, operation->channel, &final);
    }
    (void)node;
}

/* The final message may not go, or not be the last. Returns how many of `count` do. */
static size_t bend_end(struct node *node, struct out *out, struct operation *operation,
                       struct message *messages, size_t count, size_t most)
{
    if (is_bent(operation, BEND_never_final) || operation->finished) {
        return count - 1;
    }
    if (is_bent(operation, BEND_late_pending) && count >= 2 && count < most) {
        messages[count] = messages[count - 2]; /* the last row of this run once more */
        return count + 1;
    }
    (void)node;
    (void)out;
    return count;
}

void answer_find_tell(struct node *node, struct out *out, struct operation *operation)
{
    size_t count = 0, most = node_run_max(node);
    uint32_t budget = SCAN_MAX, told = 0, more = 1, instances = node_run_instances(node);
    bool final = false;
    struct message *messages = session_run(out, most);
    if (operation->channel == 0) {
        operation_free(node, operation);
        return;
    }
    tell_final_first(node, out, operation);
    while (messages != NULL && !final && count < most && told < instances && more > 0) {
        more = tell_one(node, out, operation, &budget, instances - told, &messages[count],
                        &final);
        count += more > 0;
        told += more;
    }
    count = final ? bend_end(node, out, operation, messages, count, most) : count;
    if (is_bent(operation, BEND_abort_mid_pdu) && operation->rows > 0) {
        session_send(out, operation->channel, messages, 1);
        session_abort(node, out, operation->channel);
        operation_free(node, operation);
        return;
    }
    if (count > 0) {
        session_send(out, operation->channel, messages, count);
    }
    if (final && is_bent(operation, BEND_never_final)) {
        operation->state = STATE_SILENT;
    } else if (final) {
        operation_free(node, operation);
    } else if (count > 0) {
        operation->state = STATE_ROOM;
    }
}
