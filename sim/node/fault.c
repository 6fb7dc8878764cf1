/* SPDX-License-Identifier: MIT
 *
 * What the plan does to a node: studies that come, go and are rejected; faults and their end; and
 * the telling of what is true about its instances. */
#include "sim/node/node_private.h"

#include "src/base/random.h"

/* ---- Truth. */
static slice text_int(int64_t number, struct out *out)
{
    struct buffer text = buffer_make(out->arena, 20);
    buffer_put_int(&text, number);
    return buffer_slice(&text);
}

static bool tell_made(struct node *node, struct out *out, uint32_t number, uint32_t instance,
                      uint32_t span)
{
    const struct entry *entry = &node->archive.entries[number];
    struct node_study room;
    const struct node_study *study = entry_study(node, entry, &room);
    char dataset[SHA256_TEXT_SIZE + 1], pixels[SHA256_TEXT_SIZE + 1];
    struct object object;
    struct image_key key;
    archive_image_key(node, study, instance, &key);
    if (!instance_object(node, (struct instance){number, instance, 0, false}, span, &object,
                         out->arena)) {
        return false;
    }
    if (node->setup->spans) {
        image_digest_virtual(key.seed, study->number, dataset, pixels);
    } else if (image_digest(&key, node->setup->left_out, node->setup->left_out_count, dataset,
                            pixels) != ERR_OK) {
        return false;
    }
    struct observation *seen = out_observe(out, OBSERVATION_truth_instance, node->now);
    seen->person = study->person;
    seen->study_uid = object.study_uid;
    seen->series_uid = object.series_uid;
    seen->sop_uid = object.sop_instance_uid;
    seen->patient_id = study->patient_id;
    seen->issuer = study->issuer.size > 0 ? study->issuer : node->setup->issuer;
    seen->accession = study->accession;
    seen->name = study->name;
    seen->modality = study->modality;
    seen->text = study->date;
    seen->other_id = text_int(study->series_count, out);
    seen->count = object.size;
    seen->span = span > 1 ? span : 0;
    seen->dataset_sha256 = arena_copy(out->arena, (slice){dataset, SHA256_TEXT_SIZE});
    seen->pixel_sha256 = arena_copy(out->arena, (slice){pixels, SHA256_TEXT_SIZE});
    return seen->dataset_sha256.data != NULL && seen->pixel_sha256.data != NULL;
}

static void tell_kept(struct node *node, struct out *out, uint32_t at)
{
    struct object object;
    struct observation *seen = out_observe(out, OBSERVATION_truth_instance, node->now);
    (void)kept_object(node, at, 0, 1, &object, out->arena);
    seen->study_uid = object.study_uid;
    seen->series_uid = object.series_uid;
    seen->sop_uid = object.sop_instance_uid;
    seen->patient_id = object.patient_id;
    seen->issuer = object.patient_issuer.size > 0 ? object.patient_issuer : node->setup->issuer;
    seen->accession = object.accession;
    seen->modality = object.modality;
    seen->dataset_sha256 = object.dataset_sha256;
    seen->pixel_sha256 = object.pixel_sha256;
    seen->count = object.size;
    seen->peer = arena_copy(out->arena, object.file);
}

/* The made instances that one observation tells of. */
static uint32_t truth_span(const struct node *node, uint32_t number, uint32_t instance)
{
    return instance_span(node, (struct instance){number, instance, 0, false}, UINT32_MAX);
}

/* From the made instance `first` on. */
static void tell_study(struct node *node, struct out *out, uint32_t number, uint32_t first)
{
    const struct entry *entry = &node->archive.entries[number];
    uint32_t span = 0;
    for (uint32_t i = first; node->setup->truth && entry->present && i < entry_made(node, entry);
         i += span) {
        span = truth_span(node, number, i);
        if (!tell_made(node, out, number, i, span)) {
            out->full = true;
        }
    }
}

bool truth_left(const struct node *node)
{
    return node->truth_entry < node->setup->study_count ||
           (node->truth_kept < node->setup->imported_count &&
            node->truth_kept < node->archive.kept_count);
}

/* A part in each step, so that a big archive does not stop the node. */
void archive_truth(struct node *node, struct out *out)
{
    size_t room = OUT_OBSERVATIONS_MAX / 2;
    int64_t bytes = TRUTH_BYTES_PER_STEP;
    for (; node->truth_kept < node->setup->imported_count &&
           node->truth_kept < node->archive.kept_count && room > 0;
         room--) {
        tell_kept(node, out, node->truth_kept++);
    }
    while (node->truth_entry < node->setup->study_count && room > 0 && bytes > 0) {
        const struct entry *entry = &node->archive.entries[node->truth_entry];
        bool planned = node->setup->studies[node->truth_entry].planned;
        if (!entry->present || planned || node->truth_instance >= entry_made(node, entry)) {
            node->truth_entry++;
            node->truth_instance = 0;
            continue;
        }
        struct image_key key;
        uint32_t span = truth_span(node, node->truth_entry, node->truth_instance);
        archive_image_key(node, &node->setup->studies[node->truth_entry], node->truth_instance,
                          &key);
        bytes -= node->setup->spans ? 0 : image_bytes_about(&key);
        room--;
        if (!tell_made(node, out, node->truth_entry, node->truth_instance, span)) {
            out->full = true;
            return;
        }
        node->truth_instance += span;
    }
    if (!node->truth_told && !truth_left(node)) {
        node->truth_told = true;
        out_observe(out, OBSERVATION_truth_told, node->now);
    }
}

/* ---- Studies. */
static uint32_t study_of(struct node *node, const struct plan_entry *plan, struct out *out)
{
    slice uid = plan_get(plan, "study_uid");
    int64_t number = plan_get_int(plan, "study", -1);
    return number >= 0    ? archive_by_number(node, number)
           : uid.size > 0 ? archive_first(node, INDEX_UID, uid, out->arena)
                          : NONE;
}

/* More series of a study that is here: those that are here stay the first ones, with their images. False: nothing is new. */
static bool study_grows(struct node *node, uint32_t at, const struct plan_entry *plan)
{
    const struct entry *entry = &node->archive.entries[at];
    uint32_t had = entry_made(node, entry), has = (uint32_t)plan_get_int(plan, "images", 0);
    uint32_t series = (uint32_t)plan_get_int(plan, "series", 0);
    if (!entry->made || entry->given != NULL || has <= had || has > STUDY_IMAGES_MAX || series > STUDY_SERIES_MAX ||
        series <= node->archive.stored[entry->stored].series_count) {
        return false;
    }
    node->archive.stored[entry->stored].image_count = has;
    node->archive.stored[entry->stored].series_count = series;
    node->archive.instances += has - had;
    return true;
}

static enum err study_arrives(struct node *node, const struct plan_entry *plan, struct out *out)
{
    uint32_t at = study_of(node, plan, out), first = 0;
    if (at == NONE) {
        const struct node_study study = {.number = plan_get_int(plan, "number", -1),
                                         .person = plan_get(plan, "person"),
                                         .patient_id = plan_get(plan, "patient_id"),
                                         .issuer = plan_get(plan, "issuer"),
                                         .name = plan_get(plan, "name"),
                                         .birth_date = plan_get(plan, "birth_date"),
                                         .sex = plan_get(plan, "sex"),
                                         .accession = plan_get(plan, "accession"),
                                         .accession_issuer = plan_get(plan, "accession_issuer"),
                                         .study_uid = plan_get(plan, "study_uid"),
                                         .date = plan_get(plan, "date"),
                                         .time = plan_get(plan, "time"),
                                         .description = plan_get(plan, "description"),
                                         .modality = plan_get(plan, "modality"),
                                         .body_part = plan_get(plan, "body_part"),
                                         .laterality = plan_get(plan, "laterality"),
                                         .series_count = (uint32_t)plan_get_int(plan, "series", 1),
                                         .image_count = (uint32_t)plan_get_int(plan, "images", 1),
                                         .image_bytes = (uint32_t)plan_get_int(plan, "bytes", 0)};
        if (study.number < 0 || study.modality.size == 0 || study.patient_id.size == 0 ||
            study.image_count > STUDY_IMAGES_MAX || study.series_count == 0 ||
            study.series_count > STUDY_SERIES_MAX || study.series_count > study.image_count) {
            return ERR_BAD_INPUT;
        }
        at = archive_add(node, &study, true);
        if (at == NONE) {
            return ERR_LIMIT;
        }
    } else if (!node->archive.entries[at].present) {
        node->archive.entries[at].present = true;
        node->archive.instances += entry_instances(node, &node->archive.entries[at]);
    } else {
        first = entry_made(node, &node->archive.entries[at]);
        if (!study_grows(node, at, plan)) {
            return ERR_OK; /* told twice */
        }
    }
    tell_study(node, out, at, first);
    return ERR_OK;
}

static enum err study_goes(struct node *node, const struct plan_entry *plan, struct out *out,
                           enum observation_kind kind, slice why)
{
    uint32_t number = study_of(node, plan, out);
    if (number == NONE) {
        return ERR_NOT_FOUND;
    }
    struct entry *entry = &node->archive.entries[number];
    struct node_study room;
    char uid[UID_SIZE_MAX + 1];
    slice study = arena_copy(out->arena, entry_uid(node, entry, uid));
    uint32_t span = 0;
    for (uint32_t i = 0; entry->present && i < entry_instances(node, entry); i += span) {
        struct instance_view view;
        struct instance instance = entry_instance_at(node, number, i);
        instance_look(node, instance, &view);
        span = instance_span(node, instance, UINT32_MAX);
        struct observation *seen = out_observe(out, kind, node->now);
        seen->study_uid = study;
        seen->sop_uid = arena_copy(out->arena, view.sop_uid);
        seen->accession = entry_study(node, entry, &room)->accession;
        seen->issuer = entry_study(node, entry, &room)->accession_issuer;
        seen->text = why;
        seen->span = span > 1 ? span : 0;
        seen->flag = i + span >= entry_instances(node, entry); /* the last: now all of it is gone from here */
        node->archive.instances -= span;
    }
    entry->present = false;
    return ERR_OK;
}

/* ---- Faults. */
static const struct fault_row {
    slice verb, how, op, name;
    int bend; /* -1: no bend */
} fault_rows[] = {
#define NODE_FAULT(name, verb, how, op, text) {SLICE(verb), SLICE(how), SLICE(op), SLICE(#name), -1},
#define NODE_BEND(name, verb, how, op, text) {SLICE(verb), SLICE(how), SLICE(op), SLICE(#name), BEND_##name},
#include "sim/node/faults.def"
#undef NODE_FAULT
#undef NODE_BEND
};

static slice detail_of(const struct plan_entry *plan)
{
    bool hang = slice_equal(plan->verb, SLICE("hang"));
    slice detail = plan_get(plan, hang ? "op" : "how");
    return detail.size == 0 && hang && plan->kind == PLAN_FAULT ? SLICE("find") : detail;
}

/* The nth row from `from` on that a FAULT, or a HEAL that may leave `how` out, speaks of. */
static const struct fault_row *row_of(const struct plan_entry *plan, size_t *from)
{
    slice detail = detail_of(plan);
    for (; *from < sizeof fault_rows / sizeof fault_rows[0]; (*from)++) {
        const struct fault_row *row = &fault_rows[*from];
        bool any = plan->kind == PLAN_HEAL && detail.size == 0;
        if (slice_equal(row->verb, plan->verb) &&
            (row->how.size == 0 || any || slice_equal(row->how, detail))) {
            (*from)++;
            return row;
        }
    }
    return NULL;
}

static bool *switch_of(struct node *node, const struct fault_row *row)
{
    struct faults *faults = &node->faults;
    const struct {
        slice name;
        bool *flag;
    } table[] = {
        {SLICE("down"), &faults->down},           {SLICE("crash"), &faults->crash},
        {SLICE("kill"), &faults->crash},          {SLICE("restart_loop"), &faults->crash},
        {SLICE("pause"), &faults->pause},         {SLICE("hold"), &faults->hold},
        {SLICE("hang_find"), &faults->hang_find}, {SLICE("hang_move"), &faults->hang_move},
        {SLICE("hang_store"), &faults->hang_store}, {SLICE("hang_echo"), &faults->hang_echo},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (slice_equal(table[i].name, row->name)) {
            return table[i].flag;
        }
    }
    return NULL;
}

/* "down", and where there are several of a verb which: "hang find", "reply capped". */
static struct observation *observe_fault(struct node *node, struct out *out, slice verb, slice how, bool began)
{
    struct buffer text = buffer_make(out->arena, verb.size + how.size + 1);
    buffer_put(&text, verb);
    if (how.size > 0) {
        buffer_put_text(&text, " ");
        buffer_put(&text, how);
    }
    struct observation *seen = out_observe(out, began ? OBSERVATION_fault_began : OBSERVATION_fault_ended, node->now);
    seen->text = buffer_slice(&text);
    return seen;
}

static void listen(struct node *node, struct out *out)
{
    out_command(out, COMMAND_LISTEN)->flag = !node->faults.down && !node->faults.crash;
}

/* ---- Bends. */
static bool is_selective(const struct bending *bending)
{
    return bending->nth_count > 0 || bending->chance_micro > 0;
}

/* That of this kind of operation, else one that is free, else the last. */
struct bending *fault_bending(const struct node *node, enum bend bend, char op)
{
    struct bending *list = (struct bending *)(uintptr_t)node->faults.bends[bend];
    int at = 0;
    while (at + 1 < BEND_OPS_MAX && list[at].op != (uint8_t)op && list[at].on) {
        at++;
    }
    for (int i = 0; i < BEND_OPS_MAX; i++) {
        at = list[i].on && list[i].op == (uint8_t)op ? i : at;
    }
    return &list[at];
}

bool fault_bends(struct node *node, struct out *out, enum bend bend, char op)
{
    struct bending *bending = fault_bending(node, bend, op);
    bool bites = bending->on && bending->op == (uint8_t)op;
    if (!bites) {
        return false;
    }
    bending->count++;
    if (bending->nth_count > 0) {
        bites = false;
        for (uint32_t i = 0; i < bending->nth_count; i++) {
            bites = bites || bending->nths[i] == bending->count;
        }
    } else if (bending->chance_micro > 0) {
        bites = (int64_t)(random_below(random_draw(node->setup->seed, PURPOSE('b', 'e', 'n', 'd'),
                                                   (uint64_t)bending->draw,
                                                   (uint64_t)bending->count),
                                       1000000)) < bending->chance_micro;
    }
    for (size_t i = 0; bites && is_selective(bending) && i < sizeof fault_rows / sizeof fault_rows[0]; i++) {
        if (fault_rows[i].bend == (int)bend) { /* a fault as long as this operation */
            observe_fault(node, out, fault_rows[i].verb, fault_rows[i].how, true);
            observe_fault(node, out, fault_rows[i].verb, fault_rows[i].how, false);
        }
    }
    if (bites && bending->times > 0 && --bending->times == 0) {
        bending->on = false;
    }
    return bites;
}

uint32_t fault_bends_of(struct node *node, struct out *out, char op)
{
    uint32_t bent = 0;
    for (int bend = 0; bend < BEND_COUNT; bend++) {
        bent |= fault_bends(node, out, (enum bend)bend, op) ? 1u << bend : 0;
    }
    return bent;
}

/* What it bends: as the plan says, or what it usually is. */
static char bend_op(const struct plan_entry *plan, const struct fault_row *row)
{
    slice op = plan_get(plan, "op");
    return (op.size > 0 ? op : row->op).data[0];
}

static enum err bend(struct node *node, const struct plan_entry *plan, const struct fault_row *row)
{
    char kind = bend_op(plan, row);
    struct bending *bending = fault_bending(node, (enum bend)row->bend, kind);
    slice nth = plan_get(plan, "nth"), key = plan_get(plan, "key");
    *bending = (struct bending){.on = true,
                                .draw = plan_get_int(plan, "draw", plan->id),
                                .op = (uint8_t)kind,
                                .times = plan_get_int(plan, "times", 0),
                                .chance_micro = plan_get_int(plan, "chance", 0),
                                .number = plan_get_int(plan, "rows", 10),
                                .key = TAG_AccessionNumber};
    if (key.size > 0 && !tag_from_text(key, &bending->key)) {
        return ERR_BAD_INPUT;
    }
    while (nth.size > 0 && bending->nth_count < BEND_NTHS_MAX) {
        slice part = slice_cut(&nth, '\\');
        if (!slice_to_int64(part, &bending->nths[bending->nth_count++])) {
            return ERR_BAD_INPUT;
        }
    }
    return ERR_OK;
}

/* ---- FAULT. */
static void die(struct node *node, const struct plan_entry *plan, const struct fault_row *row,
                struct out *out)
{
    struct faults *faults = &node->faults;
    int64_t length = plan_get_int(plan, "for", 0), every = plan_get_int(plan, "every", 0);
    bool loops = slice_equal(row->name, SLICE("restart_loop")) || every > 0;
    if (faults->crash) {
        faults->crash_every = loops ? (every > 0 ? every : 10 * TIME_S) : 0;
        faults->crash_next = loops ? node->now + faults->crash_every : 0;
        length = loops ? faults->crash_every / 2 : length;
        faults->crash_until = length > 0 ? node->now + length : faults->crash_until;
    }
    listen(node, out);
    session_drop_all(node, out);
}

static enum err fault(struct node *node, const struct plan_entry *plan, struct out *out)
{
    struct faults *faults = &node->faults;
    size_t from = 0;
    const struct fault_row *row = row_of(plan, &from);
    if (row == NULL) {
        return ERR_BAD_INPUT;
    }
    bool *flag = switch_of(node, row);
    if (row->bend >= 0) {
        enum err err = bend(node, plan, row);
        if (err != ERR_OK || is_selective(fault_bending(node, (enum bend)row->bend, bend_op(plan, row)))) {
            return err; /* observed when it bites */
        }
    } else if (slice_equal(row->name, SLICE("slow"))) {
        faults->slow_ns = plan_get_int(plan, "delay", 0);
    } else if (slice_equal(row->name, SLICE("associations"))) {
        faults->associations = plan_get_int(plan, "n", 1);
    } else {
        *flag = true;
    }
    faults->hold_nth = flag == &faults->hold ? (uint32_t)plan_get_int(plan, "nth", 1) : faults->hold_nth;
    if (flag != NULL && (flag == &faults->down || flag == &faults->crash)) {
        die(node, plan, row, out);
    }
    struct observation *seen = observe_fault(node, out, row->verb, row->how, true);
    seen->other_id = plan_get(plan, "fault");
    seen->flag = plan_get_int(plan, "announced", 0) != 0;
    return ERR_OK;
}

/* ---- HEAL. */
static void release_held(struct node *node)
{
    for (uint32_t i = 0; i < node->active_count; i++) {
        struct operation *operation = &node->operations[node->active[i]];
        if (operation->state == STATE_HELD) {
            operation->state = STATE_READY;
        }
    }
}

static bool mend(struct node *node, const struct plan_entry *plan, const struct fault_row *row, struct out *out)
{
    struct faults *faults = &node->faults;
    bool *flag = switch_of(node, row);
    bool was = true;
    if (row->bend >= 0) {
        was = false;
        for (int i = 0; i < BEND_OPS_MAX; i++) { /* of all operations, unless one is named */
            struct bending *bending = &faults->bends[row->bend][i];
            bool meant = plan_get(plan, "op").size == 0 || bending->op == (uint8_t)bend_op(plan, row);
            was = was || (meant && bending->on && !is_selective(bending));
            bending->on = bending->on && !meant;
        }
    } else if (slice_equal(row->name, SLICE("slow"))) {
        faults->slow_ns = 0;
    } else if (slice_equal(row->name, SLICE("associations"))) {
        faults->associations = 0;
    } else if (flag == &faults->hold) {
        faults->hold = faults->holding = false;
        release_held(node);
    } else {
        was = *flag || row->how.size == 0;
        *flag = false;
    }
    if (flag != NULL && (flag == &faults->down || flag == &faults->crash)) {
        faults->crash_until = faults->crash_every = 0;
        listen(node, out);
    }
    return was;
}

static enum err heal(struct node *node, const struct plan_entry *plan, struct out *out)
{
    size_t from = 0, count = 0;
    for (const struct fault_row *row; (row = row_of(plan, &from)) != NULL; count++) {
        if (mend(node, plan, row, out)) {
            observe_fault(node, out, row->verb, row->how, false);
        }
    }
    return count > 0 ? ERR_OK : ERR_BAD_INPUT;
}

/* ---- Time. */
time_ns node_fault_due(const struct node *node)
{
    const struct faults *faults = &node->faults;
    time_ns back = faults->crash && faults->crash_until > 0 ? faults->crash_until : TIME_NEVER;
    time_ns again = faults->crash_every > 0 ? faults->crash_next : TIME_NEVER;
    return back < again ? back : again;
}

/* A crash with a length ends by itself; one of a loop comes again. */
void fault_clock(struct node *node, struct out *out)
{
    struct faults *faults = &node->faults;
    if (faults->crash && faults->crash_until > 0 && faults->crash_until <= node->now) {
        faults->crash = false;
        faults->crash_until = 0;
        listen(node, out);
        observe_fault(node, out, faults->crash_every > 0 ? SLICE("restart_loop") : SLICE("crash"),
                      SLICE_EMPTY, false);
    }
    if (faults->crash_every > 0 && faults->crash_next <= node->now) {
        faults->crash = true;
        faults->crash_until = node->now + faults->crash_every / 2;
        faults->crash_next = node->now + faults->crash_every;
        listen(node, out);
        session_drop_all(node, out);
        observe_fault(node, out, SLICE("restart_loop"), SLICE_EMPTY, true);
    }
}

enum err fault_plan(struct node *node, const struct event *event, struct out *out)
{
    const struct plan_entry *plan = &event->plan;
    if (plan->kind == PLAN_FAULT) {
        return fault(node, plan, out);
    }
    if (plan->kind == PLAN_HEAL) {
        return heal(node, plan, out);
    }
    if (slice_equal(plan->verb, SLICE("study_arrives"))) {
        return study_arrives(node, plan, out);
    }
    if (slice_equal(plan->verb, SLICE("reject"))) {
        return study_goes(node, plan, out, OBSERVATION_rejected,
                          session_copy(out, plan_get(plan, "code")));
    }
    if (slice_equal(plan->verb, SLICE("delete"))) {
        return study_goes(node, plan, out, OBSERVATION_instance_gone,
                          session_copy(out, plan_get(plan, "why")));
    }
    return ERR_BAD_INPUT;
}
