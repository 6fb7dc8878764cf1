/* SPDX-License-Identifier: MIT
 *
 * Lifecycle: what must not be shown any more. A tombstone is a name and a code, independent of the
 * data: it may come before them, and stays for ever. */
#include "src/engine/engine_private.h"

bool lifecycle_hidden(const struct engine *engine, slice study_uid, slice sop_uid)
{
    if (MUTANT(M_GHOST)) {
        return false;
    }
    return (study_uid.size > 0 &&
            index_first_text(engine, INDEX_tombstone_uid, study_uid) != ROW_NONE) ||
           (sop_uid.size > 0 && index_first_text(engine, INDEX_tombstone_uid, sop_uid) != ROW_NONE);
}

void lifecycle_reject(struct engine *engine, struct out *out, slice uid, slice code, slice origin)
{
    struct row_tombstone tombstone = {
        .uid = uid, .code = code, .origin = origin, .at = engine->now};
    if (row_find_tombstone(engine, &tombstone) != ROW_NONE) {
        return;
    }
    if (!row_room(engine, TABLE_tombstone, 1)) {
        finding(engine, out, NODE_NONE, SLICE("limit tombstones"),
                TEXT(out, uid, SLICE(" could not be rejected")));
        return;
    }
    if (!access_audit(engine, out, SLICE("REJECT"), SLICE("ok"), origin, uid, code)) {
        return;
    }
    row_put_tombstone(engine, out, &tombstone);
    for (uint32_t row = index_first_text(engine, INDEX_study_uid, uid), next; row != ROW_NONE;
         row = next) {
        next = index_next(engine, INDEX_study_uid, row);
        struct row_study study = row_get_study(engine, row);
        retrieve_person_changed(engine, out, study.person);
        mdt_study_changed(engine, out, study.person);
    }
}

/* ---- What is not where it was. A PACS tells nobody when it rejects or deletes; it shows when it is asked. Unlike a tombstone
 * that is no word of anybody: a study that is listed again is there again. */
static void changed(struct engine *engine, struct out *out, int64_t study)
{
    uint32_t at = row_find_study(engine, &(struct row_study){.id = study});
    if (at != ROW_NONE) {
        mdt_study_changed(engine, out, row_get_study(engine, at).person);
    }
}

bool lifecycle_is_gone(const struct engine *engine, int64_t study)
{
    bool any = false;
    for (uint32_t row = index_first_int(engine, INDEX_copy_study, study); row != ROW_NONE; row = index_next(engine, INDEX_copy_study, row)) {
        struct row_copy copy = row_get_copy(engine, row);
        any = any || copy.role == COPY_ORIGINAL;
        if (copy.role == COPY_ORIGINAL && copy.state != COPY_GONE) {
            return false;
        }
    }
    return any;
}

void lifecycle_vanished(struct engine *engine, struct out *out, int64_t study, uint32_t node)
{
    uint32_t row = row_find_copy(engine, &(struct row_copy){.study = study, .node = node_at(engine, node)->name});
    uint32_t at = row_find_study(engine, &(struct row_study){.id = study});
    struct row_copy copy = {.state = COPY_GONE};
    if (row != ROW_NONE) {
        copy = row_get_copy(engine, row);
    }
    if (copy.state == COPY_GONE || at == ROW_NONE || MUTANT(M_GHOST)) {
        return;
    }
    slice uid = text_copy(out, row_get_study(engine, at).uid);
    finding(engine, out, node, SLICE("study gone"), TEXT(out, uid, SLICE(" is not listed any more")));
    copy.state = COPY_GONE;
    row_put_copy(engine, out, &copy);
    changed(engine, out, study);
}

void lifecycle_returned(struct engine *engine, struct out *out, int64_t study, uint32_t node)
{
    uint32_t row = row_find_copy(engine, &(struct row_copy){.study = study, .node = node_at(engine, node)->name});
    struct row_copy copy = {.state = COPY_PRESENT};
    if (row != ROW_NONE) {
        copy = row_get_copy(engine, row);
    }
    if (copy.state == COPY_GONE && copy.role == COPY_ORIGINAL) {
        copy.state = COPY_PRESENT;
        row_put_copy(engine, out, &copy);
        changed(engine, out, study);
    }
}

/* What a person at the console may do: reject UID CODE. */
void lifecycle_operator(struct engine *engine, const struct event *event, struct out *out)
{
    if (slice_equal(event->plan.verb, SLICE("reject"))) {
        slice uid = plan_get(&event->plan, "uid"), code = plan_get(&event->plan, "code");
        if (uid.size > 0) {
            lifecycle_reject(engine, out, uid, code.size > 0 ? code : SLICE("113001"),
                             SLICE("operator"));
        }
    }
}
