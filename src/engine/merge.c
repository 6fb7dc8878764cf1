/* SPDX-License-Identifier: MIT
 *
 * Merge: two persons become one and, if need be, two again (ADT A40, A37). Rows of exam, study and
 * identifier always name the person of today; what a merge moved is written in a `review` row of
 * kind merge, so that it can be undone. */
#include "src/engine/identity.h"

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
        added = TEXT(out, SLICE("\\"), from->family, SLICE("^"), from->given);
    }
    for (uint32_t row = index_first_int(engine, INDEX_name_person, from->id); row != ROW_NONE;
         row = index_next(engine, INDEX_name_person, row)) {
        struct row_name name = row_get_name(engine, row);
        if (identity_add_name(engine, out, to, (struct full_name){name.family, name.given})) {
            added = TEXT(out, added, SLICE("\\"), name.family, SLICE("^"), name.given);
        }
    }
    return added;
}

static void unshare_names(struct engine *engine, struct out *out, int64_t person, slice added)
{
    while (added.data != NULL && added.size > 0) {
        slice given = slice_cut(&added, '\\'), family = slice_cut(&given, '^');
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
        identifier.person = MUTANT(M_KEEP_MERGED) ? from : to;
        row_put_identifier(engine, out, &identifier);
        moved = TEXT(out, moved, SLICE("\\"), identifier.issuer, SLICE("/"), identifier.value);
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

static void move_cases(struct engine *engine, struct out *out, int64_t from, int64_t to)
{
    for (uint32_t row = index_first_int(engine, INDEX_mdt_case_person, from), next; row != ROW_NONE;
         row = next) {
        next = index_next(engine, INDEX_mdt_case_person, row);
        struct row_mdt_case one = row_get_mdt_case(engine, row), moved = one;
        one.mdt = moved.mdt = text_copy(out, one.mdt);
        moved.why = text_copy(out, one.why);
        moved.person = to;
        row_delete_mdt_case(engine, out, &one);
        if (row_find_mdt_case(engine, &moved) == ROW_NONE) {
            row_put_mdt_case(engine, out, &moved);
        }
    }
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
                    struct local_number number, slice with, slice why)
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
    /* How it was, in four lines: the person that ends and the number of the one that lives on; the
     * names that she did not have; the numbers that come to her; which of hers they were merged with. */
    slice names = share_names(engine, out, &gone, &kept);
    slice before = TEXT(out, text_int(out, from), SLICE("\\"), kept.patient_id, SLICE("\\"),
                        kept.issuer, SLICE("\n"), names, SLICE("\n"));
    if (!slice_equal(kept.issuer, ISSUER_NHS) && slice_equal(gone.issuer, ISSUER_NHS)) {
        kept.patient_id = text_copy(out, gone.patient_id);
        kept.issuer = ISSUER_NHS;
        row_put_person(engine, out, &kept);
    }
    before = TEXT(out, before, move_identifiers(engine, out, from, to), SLICE("\n"), with);
    row_put_review(engine, out,
                   &(struct row_review){.kind = SLICE("merge"),
                                        .key = key,
                                        .text = before,
                                        .opened_at = engine->now,
                                        .open = 0});
    move_exams(engine, out, from, to, NULL);
    move_cases(engine, out, from, to);
    bool again = identity_row(engine, from, &gone);
    assert(again);
    gone.status = PERSON_MERGED;
    gone.merged_into = to;
    row_put_person(engine, out, &gone);
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
    slice key = identity_key(out, prior);
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
        identity_merge(engine, out, person, survivor, prior, identity_key(out, claim->local), SLICE("A40"));
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
                    TEXT(out, SLICE("merge into "), identity_key(out, claim->local),
                         SLICE(" asked for, but they differ")));
        *refuse = two_numbers ? SLICE("the two have different verified NHS numbers")
                              : SLICE("name and birth date of the two differ");
        return;
    }
    identity_merge(engine, out, person, survivor, prior, identity_key(out, claim->local), SLICE("A40"));
}

/* The numbers, as far as they are still hers, and what was ordered under them. */
static void give_back(struct engine *engine, struct out *out, int64_t from, int64_t to,
                      slice numbers)
{
    while (numbers.data != NULL && numbers.size > 0) {
        slice value = slice_cut(&numbers, '\\'), issuer = slice_cut(&value, '/');
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
    }
}

/* The merge by which a number became one's of now, if that was not before `since`: the numbers that came, and with which. */
static bool merge_since(const struct engine *engine, struct out *out, const struct row_identifier *identifier, time_ns since, slice *numbers, slice *with)
{
    slice key = identity_key(out, (struct local_number){identifier->issuer, identifier->value});
    uint32_t row = row_find_review(engine, &(struct row_review){.kind = SLICE("merge"), .key = key});
    if (row == ROW_NONE || row_get_review(engine, row).opened_at < since) {
        return false;
    }
    *with = text_copy(out, row_get_review(engine, row).text);
    (void)slice_cut(with, '\n');
    (void)slice_cut(with, '\n');
    *numbers = slice_cut(with, '\n');
    return true;
}

/* A number that was believed to be hers since, by her NHS number. */
static bool came_since(const struct engine *engine, struct out *out, const struct row_identifier *identifier, time_ns since)
{
    slice numbers, with;
    return identifier->verified && merge_since(engine, out, identifier, since, &numbers, &with) && with.size == 0;
}

/* All of them: they go where the NHS number goes. */
static slice believed_since(struct engine *engine, struct out *out, int64_t person, time_ns since)
{
    slice numbers = SLICE_EMPTY;
    for (uint32_t row = index_first_int(engine, INDEX_identifier_person, person); row != ROW_NONE;
         row = index_next(engine, INDEX_identifier_person, row)) {
        struct row_identifier identifier = row_get_identifier(engine, row);
        if (came_since(engine, out, &identifier, since)) {
            numbers = TEXT(out, numbers, SLICE("\\"), identifier.issuer, SLICE("/"), identifier.value);
        }
    }
    return numbers;
}

/* Of what was merged since with a number that is `to`'s again: the numbers that came so; empty when there is none. */
static slice merged_with(struct engine *engine, struct out *out, int64_t from, int64_t to, time_ns since)
{
    for (uint32_t row = index_first_int(engine, INDEX_identifier_person, from); row != ROW_NONE;
         row = index_next(engine, INDEX_identifier_person, row)) {
        struct row_identifier identifier = row_get_identifier(engine, row);
        slice numbers = SLICE_EMPTY, value = SLICE_EMPTY;
        if (merge_since(engine, out, &identifier, since, &numbers, &value) && value.size > 0) {
            slice issuer = slice_cut(&value, '/');
            uint32_t with = row_find_identifier(engine, &(struct row_identifier){.issuer = issuer, .value = value});
            if (with != ROW_NONE && row_get_identifier(engine, with).person == to) {
                return numbers;
            }
        }
    }
    return SLICE_EMPTY;
}

/* Numbers that were merged with hers while she was taken for another are hers. */
static void give_back_merged(struct engine *engine, struct out *out, int64_t from, int64_t to, time_ns since)
{
    slice numbers = merged_with(engine, out, from, to, since);
    for (int i = 0; i < 64 && numbers.size > 0; i++) { /* each goes once; a circle is nobody's wish */
        give_back(engine, out, from, to, numbers);
        numbers = merged_with(engine, out, from, to, since);
    }
}

/* Was a number that is hers, and was before `since`, ever told together with a verified NHS number? */
static bool told_nhs(const struct engine *engine, struct out *out, int64_t person, time_ns since)
{
    for (uint32_t row = index_first_int(engine, INDEX_identifier_person, person); row != ROW_NONE;
         row = index_next(engine, INDEX_identifier_person, row)) {
        struct row_identifier identifier = row_get_identifier(engine, row);
        if (identifier.verified && organisation_by_issuer(engine, identifier.issuer) != NULL &&
            !came_since(engine, out, &identifier, since)) {
            return true;
        }
    }
    return false;
}

/* Neither had an NHS number when they became one, and one was told since: it is of the number it was told with. What she was
 * called before stands in `number` and `issuer`. */
static void give_back_nhs(struct engine *engine, struct out *out, int64_t from, int64_t to, struct local_number before, time_ns since)
{
    struct row_person kept, old;
    bool both = identity_row(engine, from, &kept) && identity_row(engine, to, &old);
    assert(both);
    if (!slice_equal(kept.issuer, ISSUER_NHS) || slice_equal(before.issuer, ISSUER_NHS) || slice_equal(old.issuer, ISSUER_NHS) ||
        !told_nhs(engine, out, to, since) || told_nhs(engine, out, from, since)) {
        return;
    }
    struct row_identifier nhs = {.issuer = ISSUER_NHS, .value = text_copy(out, kept.patient_id)};
    uint32_t row = row_find_identifier(engine, &nhs);
    assert(row != ROW_NONE && row_get_identifier(engine, row).person == from);
    time_ns event_at = row_get_identifier(engine, row).event_at;
    kept.patient_id = before.value;
    kept.issuer = before.issuer;
    row_put_person(engine, out, &kept);
    bool again = identity_row(engine, to, &old);
    assert(again);
    old.patient_id = nhs.value;
    old.issuer = ISSUER_NHS;
    row_put_person(engine, out, &old);
    identity_put_number(engine, out, ISSUER_NHS, nhs.value, to, true, event_at);
    give_back(engine, out, from, to, believed_since(engine, out, from, since));
}

/* Undoes the merge that moved `number`. */
static void unmerge(struct engine *engine, struct out *out, struct local_number number,
                    int64_t person, time_ns event_at)
{
    struct row_review key = {.kind = SLICE("merge"), .key = identity_key(out, number)};
    struct row_person old, kept;
    int64_t from = 0;
    uint32_t row = row_find_review(engine, &key);
    if (row == ROW_NONE || !access_audit(engine, out, SLICE("MERGE"), SLICE("undone"),
                                         SLICE("RADIS2"), key.key, SLICE("A37"))) {
        return;
    }
    time_ns merged_at = row_get_review(engine, row).opened_at;
    slice numbers = text_copy(out, row_get_review(engine, row).text),
          persons = slice_cut(&numbers, '\n'), names = slice_cut(&numbers, '\n'),
          moved = slice_cut(&numbers, '\n');
    bool sound = slice_to_int64(slice_cut(&persons, '\\'), &from) &&
                 identity_row(engine, from, &old) && identity_row(engine, person, &kept);
    assert(sound);
    slice patient_id = slice_cut(&persons, '\\');
    row_delete_review(engine, out, &key);
    row_put_review(
        engine, out,
        &(struct row_review){.kind = SLICE("unlink"), .key = key.key, .opened_at = event_at});
    unshare_names(engine, out, person, names);
    if (slice_equal(old.issuer, ISSUER_NHS) && slice_equal(kept.patient_id, old.patient_id)) {
        kept.patient_id = patient_id; /* hers was the other's */
        kept.issuer = persons;
        row_put_person(engine, out, &kept);
    }
    old.status = PERSON_ACTIVE;
    old.merged_into = 0;
    row_put_person(engine, out, &old);
    give_back(engine, out, person, from, moved);
    give_back_merged(engine, out, person, from, merged_at);
    if (slice_equal(old.issuer, ISSUER_NHS)) {
        give_back(engine, out, person, from, believed_since(engine, out, person, merged_at));
    } else {
        give_back_nhs(engine, out, person, from, (struct local_number){persons, patient_id}, merged_at);
    }
    give_back_merged(engine, out, person, from, merged_at);
    links_changed(engine, out, person, from);
}

void identity_apply_unlink(struct engine *engine, struct out *out, const struct hl7_value *value,
                           const struct claim *claim, int64_t person, slice *refuse)
{
    struct local_number second;
    if (!identity_local(engine, value->prior_ids, value->prior_id_count,
                        value->fields[HL7_FIELD_SENDER_SITE], &second)) {
        *refuse = SLICE("the second PID names no number of a known organisation");
        return;
    }
    if (person == 0 || identity_person(engine, second.issuer, second.value) != person) {
        return; /* two persons already */
    }
    uint32_t merged = row_find_review(
        engine, &(struct row_review){.kind = SLICE("merge"), .key = identity_key(out, second)});
    unmerge(engine, out, merged != ROW_NONE ? second : claim->local, person, claim->event_at);
}
