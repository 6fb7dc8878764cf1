/* SPDX-License-Identifier: MIT
 *
 * Merge: two persons become one and, if need be, two again (ADT A40, A37). Rows of exam, study and
 * identifier always name the person of today; what a merge moved is written in a `review` row of
 * kind merge, so that it can be undone.
 *
 * A number that an A40 merged away is retired: nothing that is told under it becomes the survivor's
 * own. It is kept beside (names, meetings) or left for a person to decide (NHS number), and goes
 * with the number when the merge is taken back; so does whatever was merged into it since. */
#include "src/engine/identity.h"

/* ---- The way back: the lines of the review row of a merge. What is listed has NEXT before it; no text that HL7 brings
 * holds a control character (hl7_in.c), and no issuer a slash. */
#define NEXT  '\x1e'
#define GIVEN '\x1f' /* before a given name */
#define NEXT_TEXT  SLICE("\x1e")
#define GIVEN_TEXT SLICE("\x1f")

struct way {
    int64_t from;       /* the person that ended */
    slice names;        /* family, given: those that the survivor did not have */
    slice numbers;      /* issuer/value: those that came to her */
    slice into;         /* issuer/value: what the message merged into; NHS/... by an NHS number */
    slice cases;        /* meetings she was listed for */
    slice claim;        /* what was told last under the number since, read_told() */
    time_ns opened_at;
};

static bool way_find(const struct engine *engine, struct out *out, slice key, struct way *way)
{
    uint32_t row =
        row_find_review(engine, &(struct row_review){.kind = SLICE("merge"), .key = key});
    if (row == ROW_NONE) {
        return false;
    }
    slice rest = text_copy(out, row_get_review(engine, row).text), from = slice_cut(&rest, '\n');
    *way = (struct way){.opened_at = row_get_review(engine, row).opened_at};
    bool sound = slice_to_int64(slice_before(from, slice_index(from, NEXT)), &way->from);
    assert(sound);
    slice *const lines[] = {&way->names, &way->numbers, &way->into, &way->cases, &way->claim};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        *lines[i] = rest.data == NULL ? SLICE_EMPTY : slice_cut(&rest, '\n');
    }
    return true;
}

static void way_put(struct engine *engine, struct out *out, slice key, const struct way *way)
{
    const slice line = SLICE("\n");
    row_put_review(engine, out,
                   &(struct row_review){.kind = SLICE("merge"),
                                        .key = key,
                                        .text = TEXT(out, text_int(out, way->from), line,
                                                     way->names, line, way->numbers, line,
                                                     way->into, line, way->cases, line,
                                                     way->claim),
                                        .opened_at = way->opened_at,
                                        .open = 0});
}

static bool by_nhs(const struct way *way)
{
    return way->into.size == 0 || slice_starts(way->into, SLICE("NHS/"));
}

bool identity_is_retired(const struct engine *engine, struct out *out, struct local_number number)
{
    struct way way;
    return way_find(engine, out, identity_key(out, number), &way) && !by_nhs(&way);
}

static void read_told(slice told, struct claim *claim)
{
    (void)slice_to_int64(slice_cut(&told, NEXT), &claim->event_at);
    claim->nhs = slice_cut(&told, NEXT);
    claim->birth_date = slice_cut(&told, NEXT);
    claim->sex = slice_cut(&told, NEXT);
    claim->name.family = slice_cut(&told, NEXT);
    claim->name.given = slice_cut(&told, NEXT);
    while (told.data != NULL && claim->former_count < HL7_REPETITIONS_MAX) {
        slice given = slice_cut(&told, NEXT), family = slice_cut(&given, GIVEN);
        claim->former[claim->former_count++] =
            (struct full_name){family, given.data == NULL ? SLICE_EMPTY : given};
    }
}

static slice latest(slice before, slice now)
{
    return now.size > 0 ? now : before;
}

static slice with_name(struct out *out, slice names, struct full_name name)
{
    return name.family.size == 0
               ? names
               : TEXT(out, names, NEXT_TEXT, name.family, GIVEN_TEXT, name.given);
}

void identity_told_claim(struct engine *engine, struct out *out, const struct claim *claim)
{
    struct way way;
    struct claim before = {.event_at = INT64_MIN};
    slice key = identity_key(out, claim->local), names = SLICE_EMPTY;
    if (!way_find(engine, out, key, &way) || by_nhs(&way)) {
        return;
    }
    if (way.claim.size > 0) {
        read_told(way.claim, &before);
    }
    const struct claim *newer = claim->event_at >= before.event_at ? claim : &before,
                       *older = newer == claim ? &before : claim;
    bool same = slice_equal(newer->name.family, older->name.family) &&
                slice_equal(newer->name.given, older->name.given);
    bool known = newer->name.family.size > 0;
    struct full_name name = known ? newer->name : older->name;
    for (size_t i = 0; i < before.former_count; i++) {
        names = with_name(out, names, before.former[i]);
    }
    for (size_t i = 0; i < claim->former_count && i + before.former_count < HL7_REPETITIONS_MAX;
         i++) {
        names = with_name(out, names, claim->former[i]);
    }
    if (known && !same) {
        names = with_name(out, names, older->name);
    }
    way.claim = TEXT(out, text_int(out, newer->event_at), NEXT_TEXT, latest(older->nhs, newer->nhs),
                     NEXT_TEXT, latest(older->birth_date, newer->birth_date), NEXT_TEXT,
                     latest(older->sex, newer->sex), NEXT_TEXT, name.family, NEXT_TEXT, name.given, names);
    way_put(engine, out, key, &way);
}

/* What was told under the number while it was another's. */
static void tell_again(struct engine *engine, struct out *out, slice key, slice told)
{
    slice value = key, issuer = slice_cut(&value, '/');
    struct claim claim = {.known = true, .local = {issuer, value}};
    if (told.size > 0) {
        read_told(told, &claim);
        identity_claimed(engine, out, &claim);
    }
}

void identity_told_name(struct engine *engine, struct out *out, const struct claim *claim,
                        const struct row_person *person, struct full_name name)
{
    struct way way;
    slice key = identity_key(out, claim->local);
    if (identity_add_name(engine, out, person, name) && way_find(engine, out, key, &way) &&
        !by_nhs(&way)) {
        way.names = TEXT(out, way.names, NEXT_TEXT, name.family, GIVEN_TEXT, name.given);
        way_put(engine, out, key, &way);
    }
}

void identity_told_case(struct engine *engine, struct out *out, const struct hl7_value *value,
                        slice meeting)
{
    struct local_number number;
    struct way way;
    if (identity_local(engine, value->ids, value->id_count, value->fields[HL7_FIELD_SENDER_SITE],
                       &number) &&
        way_find(engine, out, identity_key(out, number), &way) && !by_nhs(&way)) {
        for (slice rest = way.cases; rest.data != NULL && rest.size > 0;) {
            if (slice_equal(slice_cut(&rest, NEXT), meeting)) {
                return;
            }
        }
        way.cases = TEXT(out, way.cases, NEXT_TEXT, meeting);
        way_put(engine, out, identity_key(out, number), &way);
    }
}

/* ---- Merging. */
bool identity_add_name(struct engine *engine, struct out *out, const struct row_person *person,
                       struct full_name name)
{
    struct row_name former = {person->id, name.family, name.given};
    bool present =
        slice_equal(person->family, name.family) && slice_equal(person->given, name.given);
    if (name.family.size == 0 || present || row_find_name(engine, &former) != ROW_NONE ||
        !row_room(engine, TABLE_name, 1)) {
        return false;
    }
    row_put_name(engine, out, &former);
    return true;
}

/* All names of `from` become names of `to`. Returns those that were new, for the way back. */
static slice share_names(struct engine *engine, struct out *out, const struct row_person *from,
                         const struct row_person *to)
{
    slice added = SLICE_EMPTY;
    if (identity_add_name(engine, out, to, (struct full_name){from->family, from->given})) {
        added = TEXT(out, NEXT_TEXT, from->family, GIVEN_TEXT, from->given);
    }
    for (uint32_t row = index_first_int(engine, INDEX_name_person, from->id); row != ROW_NONE;
         row = index_next(engine, INDEX_name_person, row)) {
        struct row_name name = row_get_name(engine, row);
        if (identity_add_name(engine, out, to, (struct full_name){name.family, name.given})) {
            added = TEXT(out, added, NEXT_TEXT, name.family, GIVEN_TEXT, name.given);
        }
    }
    return added;
}

static void unshare_names(struct engine *engine, struct out *out, int64_t person, slice added)
{
    while (added.data != NULL && added.size > 0) {
        slice given = slice_cut(&added, NEXT), family = slice_cut(&given, GIVEN);
        if (family.size > 0) {
            row_delete_name(
                engine, out,
                &(struct row_name){person, family, given.data == NULL ? SLICE_EMPTY : given});
        }
    }
}

/* Returns the numbers that moved, for the way back. */
static slice move_identifiers(struct engine *engine, struct out *out, int64_t from, int64_t to)
{
    slice moved = SLICE_EMPTY;
    for (uint32_t row = index_first_int(engine, INDEX_identifier_person, from), next;
         row != ROW_NONE; row = next) {
        next = index_next(engine, INDEX_identifier_person, row);
        struct row_identifier identifier = row_get_identifier(engine, row);
        identifier.person = to;
        row_put_identifier(engine, out, &identifier);
        moved = TEXT(out, moved, NEXT_TEXT, identifier.issuer, SLICE("/"), identifier.value);
    }
    return moved;
}

/* The studies of one accession number (there may be several) go with its exam. */
static void move_studies(struct engine *engine, struct out *out, slice issuer, slice accession,
                         int64_t from, int64_t to)
{
    for (uint32_t row = index_first_texts(engine, INDEX_study_accession, issuer, accession), next;
         row != ROW_NONE; row = next) {
        next = index_next(engine, INDEX_study_accession, row);
        struct row_study study = row_get_study(engine, row);
        if (study.person == from) {
            study.person = to;
            row_put_study(engine, out, &study);
        }
    }
}

/* Exams of `from`, all or those ordered under one number, with their studies. */
static void move_exams(struct engine *engine, struct out *out, int64_t from, int64_t to,
                       const struct local_number *only)
{
    for (uint32_t row = index_first_int(engine, INDEX_exam_person, from), next; row != ROW_NONE;
         row = next) {
        next = index_next(engine, INDEX_exam_person, row);
        struct row_exam exam = row_get_exam(engine, row);
        if (only != NULL && !(slice_equal(exam.identifier_issuer, only->issuer) &&
                              slice_equal(exam.identifier_value, only->value))) {
            continue;
        }
        move_studies(engine, out, exam.issuer, exam.accession, from, to);
        exam.person = to;
        row_put_exam(engine, out, &exam);
    }
}

/* Studies that were found without an exam belong to whom their number names. */
static void refile(struct engine *engine, struct out *out, int64_t person)
{
    for (uint32_t row = index_first_int(engine, INDEX_study_person, person), next; row != ROW_NONE;
         row = next) {
        next = index_next(engine, INDEX_study_person, row);
        struct row_study study = row_get_study(engine, row);
        int64_t now = identity_person(engine, study.filed_issuer, study.filed_number);
        if (now != 0 && now != person) {
            study.person = now;
            row_put_study(engine, out, &study);
        }
    }
}

/* Returns the meetings, for the way back. */
static slice move_cases(struct engine *engine, struct out *out, int64_t from, int64_t to)
{
    slice cases = SLICE_EMPTY;
    for (uint32_t row = index_first_int(engine, INDEX_mdt_case_person, from), next; row != ROW_NONE;
         row = next) {
        next = index_next(engine, INDEX_mdt_case_person, row);
        struct row_mdt_case one = row_get_mdt_case(engine, row), moved = one;
        one.mdt = moved.mdt = text_copy(out, one.mdt);
        moved.why = text_copy(out, one.why);
        moved.person = to;
        cases = TEXT(out, cases, NEXT_TEXT, one.mdt);
        row_delete_mdt_case(engine, out, &one);
        if (row_find_mdt_case(engine, &moved) == ROW_NONE) {
            row_put_mdt_case(engine, out, &moved);
        }
    }
    return cases;
}

static void links_changed(struct engine *engine, struct out *out, int64_t a, int64_t b)
{
    const int64_t both[] = {a, b};
    for (size_t i = 0; i < 2; i++) {
        struct row_person row;
        if (identity_row(engine, both[i], &row)) {
            row.epoch++;
            row_put_person(engine, out, &row);
        }
    }
    for (size_t i = 0; i < 2; i++) {
        publish_person_changed(engine, out, both[i]);
        retrieve_person_changed(engine, out, both[i]);
        mdt_study_changed(engine, out, both[i]);
    }
}

bool identity_merge(struct engine *engine, struct out *out, int64_t from, int64_t to,
                    struct local_number number, slice into, slice why)
{
    struct row_person gone, kept;
    bool both = identity_row(engine, from, &gone) && identity_row(engine, to, &kept);
    assert(both && from != to && gone.status == PERSON_ACTIVE);
    slice key = identity_key(out, number);
    if (!access_audit(engine, out, SLICE("MERGE"), SLICE("ok"), SLICE("RADIS2"),
                      TEXT(out, key, SLICE(" into "), kept.issuer, SLICE("/"), kept.patient_id),
                      why)) {
        return false;
    }
    struct way way = {.from = from, .into = text_copy(out, into), .opened_at = engine->now};
    way.names = share_names(engine, out, &gone, &kept);
    if (!slice_equal(kept.issuer, ISSUER_NHS) && slice_equal(gone.issuer, ISSUER_NHS)) {
        kept.patient_id = text_copy(out, gone.patient_id);
        kept.issuer = ISSUER_NHS;
        row_put_person(engine, out, &kept);
    }
    way.numbers = move_identifiers(engine, out, from, to);
    move_exams(engine, out, from, to, NULL);
    way.cases = move_cases(engine, out, from, to);
    way_put(engine, out, key, &way);
    bool again = identity_row(engine, from, &gone);
    assert(again);
    gone.status = PERSON_MERGED;
    gone.merged_into = to;
    row_put_person(engine, out, &gone);
    refile(engine, out, from);
    links_changed(engine, out, from, to);
    return true;
}

/* ---- A40, A37. */
void identity_apply_merge(struct engine *engine, struct out *out, const struct hl7_value *value,
                          const struct claim *claim, int64_t survivor, slice *refuse)
{
    struct local_number prior;
    struct row_person gone, kept;
    if (!identity_local(engine, value->prior_ids, value->prior_id_count,
                        value->fields[HL7_FIELD_SENDER_SITE], &prior)) {
        *refuse = SLICE("MRG-1 names no number of a known organisation");
        return;
    }
    if (!slice_equal(prior.issuer, claim->local.issuer)) {
        *refuse = SLICE("numbers of two organisations cannot be merged");
        return;
    }
    if (slice_equal(prior.value, claim->local.value)) {
        *refuse = SLICE("a number cannot be merged into itself");
        return;
    }
    slice key = identity_key(out, prior), into = identity_key(out, claim->local);
    uint32_t unlinked =
        row_find_review(engine, &(struct row_review){.kind = SLICE("unlink"), .key = key});
    if (unlinked != ROW_NONE && row_get_review(engine, unlinked).opened_at > claim->event_at) {
        return; /* taken back since: the older event came late */
    }
    int64_t person = identity_person(engine, prior.issuer, prior.value);
    if (person == survivor) {
        return; /* one person already; merging in a circle ends here too */
    }
    if (person == 0) { /* nobody yet: somebody for a moment, so that an A37 can give her back */
        if (!row_room(engine, TABLE_person, 1)) {
            *refuse = SLICE("limit persons");
            return;
        }
        const struct claim nobody = {.known = true, .local = prior, .event_at = claim->event_at};
        person = identity_new_person(engine, out, &nobody);
        identity_merge(engine, out, person, survivor, prior, into, SLICE("A40"));
        return;
    }
    bool both = identity_row(engine, person, &gone) && identity_row(engine, survivor, &kept);
    assert(both);
    bool two_numbers = slice_equal(gone.issuer, ISSUER_NHS) && slice_equal(kept.issuer, ISSUER_NHS);
    bool alike =
        identity_agree(engine, out, &gone, &kept) ||
        slice_equal(gone.birth_date, kept.birth_date) ||
        identity_knows_name(engine, &kept, (struct full_name){gone.family, gone.given}, out->arena);
    if ((two_numbers || !alike) && !MUTANT(M_SWAP_MERGE)) {
        review_open(engine, out, SLICE("identity"), key,
                    TEXT(out, SLICE("merge into "), into, SLICE(" asked for, but they differ")));
        *refuse = two_numbers ? SLICE("the two have different verified NHS numbers")
                              : SLICE("name and birth date of the two differ");
        return;
    }
    identity_merge(engine, out, person, survivor, prior, into, SLICE("A40"));
}

/* ---- The way back. */
/* The NHS number names `to` again, and nobody else has it for her own. */
static void give_nhs(struct engine *engine, struct out *out, int64_t to, slice nhs)
{
    struct row_person row;
    nhs = text_copy(out, nhs);
    for (uint32_t at = index_first_text(engine, INDEX_person_patient_id, nhs), next; at != ROW_NONE;
         at = next) {
        next = index_next(engine, INDEX_person_patient_id, at);
        row = row_get_person(engine, at);
        if (row.id != to) {
            row.patient_id = identity_own_number(out, row.id);
            row.issuer = ISSUER_PONT;
            row_put_person(engine, out, &row);
        }
    }
    if (identity_row(engine, to, &row) && !slice_equal(row.issuer, ISSUER_NHS)) {
        row.patient_id = nhs;
        row.issuer = ISSUER_NHS;
        row_put_person(engine, out, &row);
    }
}

/* The meetings she was listed for. The other stays listed as well: perhaps both were, and a case too
 * many is seen, one too few is not. */
static void give_cases(struct engine *engine, struct out *out, int64_t from, int64_t to,
                       slice cases)
{
    while (cases.data != NULL && cases.size > 0) {
        struct row_mdt_case one = {.mdt = slice_cut(&cases, NEXT), .person = from};
        uint32_t row = one.mdt.size == 0 ? ROW_NONE : row_find_mdt_case(engine, &one);
        if (row == ROW_NONE || !row_room(engine, TABLE_mdt_case, 1)) {
            continue; /* the meeting is over, or she was taken off its list */
        }
        one = (struct row_mdt_case){.mdt = one.mdt, .person = to, .state = MDT_WAITING};
        if (row_find_mdt_case(engine, &one) == ROW_NONE) {
            row_put_mdt_case(engine, out, &one);
        }
    }
}

/* What was merged into `number` while that was `from`'s: it was meant for `to`. Returns the numbers
 * that follow. */
static slice follow(struct engine *engine, struct out *out, int64_t from, int64_t to, slice number)
{
    slice numbers = SLICE_EMPTY;
    for (uint32_t at = index_first_int(engine, INDEX_identifier_person, from); at != ROW_NONE;
         at = index_next(engine, INDEX_identifier_person, at)) {
        struct row_identifier identifier = row_get_identifier(engine, at);
        slice key = identity_key(out, (struct local_number){identifier.issuer, identifier.value});
        struct row_person gone, kept;
        struct way way;
        if (!way_find(engine, out, key, &way) || !slice_equal(way.into, number)) {
            continue;
        }
        bool both = identity_row(engine, way.from, &gone) && identity_row(engine, to, &kept);
        assert(both);
        unshare_names(engine, out, from, way.names);
        give_cases(engine, out, from, to, way.cases);
        way.names = share_names(engine, out, &gone, &kept);
        way_put(engine, out, key, &way);
        both = identity_row(engine, way.from, &gone);
        assert(both);
        gone.merged_into = to;
        row_put_person(engine, out, &gone);
        numbers = TEXT(out, numbers, way.numbers);
    }
    return numbers;
}

/* The numbers, as far as they are still hers, what was ordered under them, and what followed them. */
static void give_back(struct engine *engine, struct out *out, int64_t from, int64_t to,
                      slice numbers)
{
    while (numbers.data != NULL && numbers.size > 0) {
        slice key = slice_cut(&numbers, NEXT), value = key, issuer = slice_cut(&value, '/');
        struct local_number number = {issuer, value.data == NULL ? SLICE_EMPTY : value};
        uint32_t row = row_find_identifier(
            engine, &(struct row_identifier){.issuer = number.issuer, .value = number.value});
        if (row == ROW_NONE || row_get_identifier(engine, row).person != from) {
            continue;
        }
        struct row_identifier identifier = row_get_identifier(engine, row);
        identifier.person = to;
        row_put_identifier(engine, out, &identifier);
        move_exams(engine, out, from, to, &number);
        if (slice_equal(number.issuer, ISSUER_NHS)) {
            give_nhs(engine, out, to, number.value);
        }
        numbers = TEXT(out, numbers.data == NULL ? SLICE_EMPTY : numbers,
                       follow(engine, out, from, to, key));
    }
}

/* Undoes the merge that moved `number`. */
static void unmerge(struct engine *engine, struct out *out, slice key, int64_t person,
                    time_ns event_at)
{
    struct row_person old;
    struct way way;
    if (!way_find(engine, out, key, &way) ||
        !access_audit(engine, out, SLICE("MERGE"), SLICE("undone"), SLICE("RADIS2"), key,
                      SLICE("A37"))) {
        return;
    }
    row_delete_review(engine, out, &(struct row_review){.kind = SLICE("merge"), .key = key});
    row_put_review(
        engine, out,
        &(struct row_review){.kind = SLICE("unlink"), .key = key, .opened_at = event_at});
    unshare_names(engine, out, person, way.names);
    bool found = identity_row(engine, way.from, &old);
    assert(found);
    old.status = PERSON_ACTIVE;
    old.merged_into = 0;
    row_put_person(engine, out, &old);
    for (slice names = way.names; names.data != NULL && names.size > 0;) {
        slice given = slice_cut(&names, NEXT), family = slice_cut(&given, GIVEN);
        found = identity_row(engine, way.from, &old);
        assert(found);
        identity_add_name(engine, out, &old, (struct full_name){family, given});
    }
    give_cases(engine, out, person, way.from, way.cases);
    if (!MUTANT(M_KEEP_MERGED)) {
        give_back(engine, out, person, way.from, way.numbers);
    }
    refile(engine, out, person);
    tell_again(engine, out, key, way.claim);
    links_changed(engine, out, person, identity_survivor(engine, way.from));
}

void identity_apply_unlink(struct engine *engine, struct out *out, const struct hl7_value *value,
                           const struct claim *claim, int64_t person, slice *refuse)
{
    struct local_number second;
    struct way ways[2];
    if (!identity_local(engine, value->prior_ids, value->prior_id_count,
                        value->fields[HL7_FIELD_SENDER_SITE], &second)) {
        *refuse = SLICE("the second PID names no number of a known organisation");
        return;
    }
    if (person == 0 || identity_person(engine, second.issuer, second.value) != person) {
        return; /* two persons already */
    }
    const slice keys[] = {identity_key(out, second), identity_key(out, claim->local)};
    int chosen = -1, best = 0;
    for (int i = 0; i < 2; i++) { /* the one that was merged into the other before any else */
        int fit = !way_find(engine, out, keys[i], &ways[i]) ? 0
                  : slice_equal(ways[i].into, keys[1 - i])  ? 3
                  : !by_nhs(&ways[i])                       ? 2
                                                            : 1;
        chosen = fit > best ? i : chosen;
        best = fit > best ? fit : best;
    }
    if (chosen >= 0) {
        unmerge(engine, out, keys[chosen], person, claim->event_at);
    }
}
