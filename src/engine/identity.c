/* SPDX-License-Identifier: MIT
 *
 * Identity: which numbers name which person. A local number is a name inside its issuer. Persons
 * are linked automatically only by a verified NHS number, the birth date and the name rule; RADIS2
 * may merge two numbers of one organisation and take that back (merge.c). */
#include "src/engine/identity.h"

#define NHS_SIZE 10u

/* ---- NHS numbers: ten digits, the last is 11 minus the weighted sum modulo 11 (NHS data
 * dictionary). */
bool nhs_number_is_valid(slice number)
{
    unsigned sum = 0;
    if (number.size != NHS_SIZE) {
        return false;
    }
    for (unsigned i = 0; i < NHS_SIZE; i++) {
        if (number.data[i] < '0' || number.data[i] > '9') {
            return false;
        }
        sum += i < 9 ? (10 - i) * (unsigned)(number.data[i] - '0') : 0;
    }
    unsigned check = (11 - sum % 11) % 11;
    return MUTANT(M_NO_MOD11) || (check < 10 && (unsigned)(number.data[9] - '0') == check);
}

/* "999 000 0018" is how people write it. */
static slice nhs_digits(struct out *out, slice number)
{
    struct buffer buffer = buffer_make(out->arena, number.size);
    for (size_t i = 0; i < number.size; i++) {
        if (number.data[i] != ' ' && number.data[i] != '-') {
            buffer_put_byte(&buffer, (uint8_t)number.data[i]);
        }
    }
    return buffer.full ? SLICE_EMPTY : buffer_slice(&buffer);
}

/* ---- Looking up. */
bool identity_row(const struct engine *engine, int64_t person, struct row_person *row)
{
    uint32_t at = row_find_person(engine, &(struct row_person){.id = person});
    if (at == ROW_NONE) {
        return false;
    }
    *row = row_get_person(engine, at);
    return true;
}

int64_t identity_survivor(const struct engine *engine, int64_t person)
{
    struct row_person row;
    for (int hops = 0; hops < 64 && identity_row(engine, person, &row); hops++) {
        if (row.status != PERSON_MERGED) {
            return person;
        }
        person = row.merged_into;
    }
    return 0;
}

int64_t identity_person(const struct engine *engine, slice issuer, slice value)
{
    if (issuer.size == 0 || value.size == 0) {
        return 0;
    }
    if (slice_equal(issuer, ISSUER_PONT)) {
        uint32_t row = index_first_text(engine, INDEX_person_patient_id, value);
        return row == ROW_NONE ? 0 : identity_survivor(engine, row_get_person(engine, row).id);
    }
    uint32_t row =
        row_find_identifier(engine, &(struct row_identifier){.issuer = issuer, .value = value});
    return row == ROW_NONE ? 0 : identity_survivor(engine, row_get_identifier(engine, row).person);
}

slice identity_number(const struct engine *engine, int64_t person, slice issuer, size_t nth)
{
    for (uint32_t row = index_first_int(engine, INDEX_identifier_person, person); row != ROW_NONE;
         row = index_next(engine, INDEX_identifier_person, row)) {
        struct row_identifier identifier = row_get_identifier(engine, row);
        if (slice_equal(identifier.issuer, issuer) && nth-- == 0) {
            return identifier.value;
        }
    }
    return SLICE_EMPTY;
}

/* ---- The name rule. */
static slice first_word(slice text)
{
    slice trimmed = slice_trim(text);
    return slice_before(trimmed, slice_index(trimmed, ' '));
}

static bool same_folded(slice a, slice b, struct arena *scratch)
{
    slice x = charset_fold(a, scratch), y = charset_fold(b, scratch);
    return x.data != NULL && y.data != NULL && x.size > 0 && slice_equal(x, y);
}

static bool same_name(struct full_name a, struct full_name b, struct arena *scratch)
{
    return same_folded(a.family, b.family, scratch) &&
           same_folded(first_word(a.given), first_word(b.given), scratch);
}

bool identity_knows_name(const struct engine *engine, const struct row_person *person,
                         struct full_name name, struct arena *scratch)
{
    if (same_name((struct full_name){person->family, person->given}, name, scratch)) {
        return true;
    }
    for (uint32_t row = index_first_int(engine, INDEX_name_person, person->id); row != ROW_NONE;
         row = index_next(engine, INDEX_name_person, row)) {
        struct row_name former = row_get_name(engine, row);
        if (same_name((struct full_name){former.family, former.given}, name, scratch)) {
            return true;
        }
    }
    return false;
}

bool identity_has_name(const struct engine *engine, int64_t person, slice name,
                       struct arena *scratch)
{
    struct row_person row;
    return identity_row(engine, person, &row) &&
           identity_knows_name(
               engine, &row,
               (struct full_name){name_component(name, 0, 0), name_component(name, 0, 1)}, scratch);
}

bool identity_agree(const struct engine *engine, struct out *out, const struct row_person *a,
                    const struct row_person *b)
{
    if (a->birth_date.size == 0 || !slice_equal(a->birth_date, b->birth_date)) {
        return false;
    }
    return identity_knows_name(engine, a, (struct full_name){b->family, b->given}, out->arena) ||
           identity_knows_name(engine, b, (struct full_name){a->family, a->given}, out->arena);
}

/* ---- What the message says. */
static bool is_nhs(const struct hl7_id *id)
{
    return slice_equal(id->authority, ISSUER_NHS) || slice_equal(id->type, SLICE("NH"));
}

static bool is_null(slice value)
{
    return slice_equal(value, SLICE("\"\""));
}

bool identity_local(const struct engine *engine, const struct hl7_id *ids, size_t count, slice site,
                    struct local_number *number)
{
    const struct organisation *sender = organisation_by_issuer(engine, site);
    *number = (struct local_number){SLICE_EMPTY, SLICE_EMPTY};
    for (size_t i = 0; i < count; i++) {
        const struct organisation *own =
            ids[i].authority.size == 0 ? sender : organisation_by_issuer(engine, ids[i].authority);
        if (is_nhs(&ids[i]) || own == NULL || is_null(ids[i].value) || ids[i].value.size == 0) {
            continue;
        }
        if (number->value.size == 0 || own == sender) {
            *number = (struct local_number){own->issuer, ids[i].value};
            if (own == sender) {
                break;
            }
        }
    }
    return number->value.size > 0;
}

static void read_claim(const struct engine *engine, struct out *out, const struct hl7_value *value,
                       time_ns event_at, struct claim *claim)
{
    *claim = (struct claim){.event_at = event_at,
                            .birth_date = slice_before(value->fields[HL7_FIELD_BIRTH_DATE], 8),
                            .sex = value->fields[HL7_FIELD_SEX]};
    claim->known = identity_local(engine, value->ids, value->id_count,
                                  value->fields[HL7_FIELD_SENDER_SITE], &claim->local);
    claim->nhs = SLICE_EMPTY;
    bool verified = slice_equal(value->fields[HL7_FIELD_NHS_STATUS], SLICE("01"));
    for (size_t i = 0; i < value->id_count && verified && claim->nhs.size == 0; i++) {
        slice digits = is_nhs(&value->ids[i]) ? nhs_digits(out, value->ids[i].value) : SLICE_EMPTY;
        claim->nhs = nhs_number_is_valid(digits) ? digits : SLICE_EMPTY;
    }
    for (size_t i = 0; i < value->name_count; i++) {
        struct full_name name = {value->names[i].family, value->names[i].given};
        if (name.family.size == 0 || is_null(name.family)) {
            continue;
        }
        if (claim->name.family.size == 0 &&
            (value->names[i].kind.size == 0 || slice_equal(value->names[i].kind, SLICE("L")))) {
            claim->name = name;
        } else {
            claim->former[claim->former_count++] = name;
        }
    }
}

/* ---- Claims: an NHS number that a site gives to one of its patients, but that was not believed
 * (yet). */
static slice claim_issuer(struct out *out, slice issuer)
{
    return TEXT(out, SLICE("NHS claimed at "), issuer);
}

slice identity_key(struct out *out, struct local_number number)
{
    return TEXT(out, number.issuer, SLICE("/"), number.value);
}

/* ---- Linking by NHS number. */
void identity_put_number(struct engine *engine, struct out *out, slice issuer, slice value,
                         int64_t person, bool verified, time_ns event_at)
{
    struct row_identifier identifier = {issuer, value, person, verified, event_at};
    row_put_identifier(engine, out, &identifier);
}

/* The claim of one organisation's patient. True when it is believed now. */
static bool believe_claim(struct engine *engine, struct out *out, int64_t person, slice nhs,
                          slice issuer)
{
    struct row_person row, theirs;
    struct row_identifier claim = {.issuer = claim_issuer(out, issuer), .value = nhs};
    uint32_t at = row_find_identifier(engine, &claim);
    if (at == ROW_NONE) {
        return false;
    }
    int64_t other = identity_survivor(engine, row_get_identifier(engine, at).person);
    if (other == person || !identity_row(engine, person, &row) ||
        !identity_row(engine, other, &theirs) || !identity_agree(engine, out, &row, &theirs)) {
        return false;
    }
    struct local_number number = {issuer,
                                  text_copy(out, identity_number(engine, other, issuer, 0))};
    row_delete_identifier(engine, out, &claim);
    review_close(engine, out, SLICE("identity"), identity_key(out, number));
    return identity_merge(engine, out, other, person, number, TEXT(out, SLICE("NHS/"), nhs),
                          SLICE("verified NHS number, birth date and name agree"));
}

/* A number that was claimed by patients of other sites may be believed now that she has another
 * name; each of them brings names of her own, so all are looked at again. */
static void believe_claims(struct engine *engine, struct out *out, int64_t person)
{
    struct row_person row;
    if (!identity_row(engine, person, &row) || !slice_equal(row.issuer, ISSUER_NHS)) {
        return;
    }
    slice nhs = text_copy(out, row.patient_id);
    for (size_t i = 0; i < engine->config->organisation_count; i++) {
        if (believe_claim(engine, out, person, nhs, engine->config->organisations[i].issuer)) {
            i = SIZE_MAX; /* from the first again: at most once for each organisation */
        }
    }
}

static void not_believed(struct engine *engine, struct out *out, const struct claim *claim,
                         int64_t person, slice why)
{
    identity_put_number(engine, out, claim_issuer(out, claim->local.issuer), claim->nhs, person,
                        false, claim->event_at);
    review_open(engine, out, SLICE("identity"), identity_key(out, claim->local),
                TEXT(out, SLICE("NHS/"), claim->nhs, SLICE(": "), why));
}

static void update(struct engine *engine, struct out *out, const struct claim *claim,
                   int64_t person);

/* The message says that `person` has this verified NHS number. Returns whom the local number names
 * afterwards. */
static int64_t take_nhs(struct engine *engine, struct out *out, const struct claim *claim,
                        int64_t person)
{
    struct row_person own, other;
    bool found = identity_row(engine, person, &own);
    assert(found);
    if (slice_equal(own.issuer, ISSUER_NHS)) {
        if (!slice_equal(own.patient_id, claim->nhs)) {
            review_open(engine, out, SLICE("identity"), identity_key(out, claim->local),
                        TEXT(out, SLICE("was NHS/"), own.patient_id,
                             SLICE(", is now said to be NHS/"), claim->nhs));
        }
        return person;
    }
    if (identity_is_retired(engine, out, claim->local)) { /* whose it is will be told under her own */
        review_open(engine, out, SLICE("identity"), identity_key(out, claim->local),
                    TEXT(out, SLICE("merged away, is now said to be NHS/"), claim->nhs));
        return person;
    }
    int64_t holder = identity_person(engine, ISSUER_NHS, claim->nhs);
    if (holder == 0) {
        own.patient_id = claim->nhs;
        own.issuer = ISSUER_NHS;
        own.epoch++;
        row_put_person(engine, out, &own);
        identity_put_number(engine, out, ISSUER_NHS, claim->nhs, person, true, claim->event_at);
        return person;
    }
    if (holder == person || !identity_row(engine, holder, &other)) {
        return person;
    }
    if (!identity_agree(engine, out, &own, &other)) {
        not_believed(engine, out, claim, person,
                     SLICE("names another person, whose name or birth date differs"));
        return person;
    }
    if (!identity_merge(engine, out, person, holder, claim->local,
                        TEXT(out, SLICE("NHS/"), claim->nhs),
                        SLICE("verified NHS number, birth date and name agree"))) {
        return person;
    }
    update(engine, out, claim, holder); /* what was said last of either is what is true now */
    return holder;
}

/* ---- Demographics. */
static time_ns newest_event(const struct engine *engine, int64_t person)
{
    time_ns newest = INT64_MIN;
    for (uint32_t row = index_first_int(engine, INDEX_identifier_person, person); row != ROW_NONE;
         row = index_next(engine, INDEX_identifier_person, row)) {
        time_ns at = row_get_identifier(engine, row).event_at;
        newest = at > newest ? at : newest;
    }
    return newest;
}

static size_t local_count(const struct engine *engine, int64_t person)
{
    size_t count = 0;
    for (uint32_t row = index_first_int(engine, INDEX_identifier_person, person); row != ROW_NONE;
         row = index_next(engine, INDEX_identifier_person, row)) {
        count += organisation_by_issuer(engine, row_get_identifier(engine, row).issuer) != NULL;
    }
    return count;
}

static slice updated(slice old, slice said)
{
    return said.size == 0  ? old
           : is_null(said) ? SLICE_EMPTY
                           : said; /* HL7 2.10.2: empty says nothing, "" deletes */
}

static void update(struct engine *engine, struct out *out, const struct claim *claim,
                   int64_t person)
{
    struct row_person row;
    bool found = identity_row(engine, person, &row);
    assert(found);
    bool stale = claim->event_at < newest_event(engine, person) && !MUTANT(M_OLDER_WINS);
    slice birth_date = updated(row.birth_date, claim->birth_date);
    bool other_day = !slice_equal(birth_date, row.birth_date) && row.birth_date.size > 0;
    if (other_day && (stale || local_count(engine, person) > 1)) {
        if (!stale) {
            review_open(engine, out, SLICE("identity"), identity_key(out, claim->local),
                        SLICE("another birth date than under her other numbers"));
        }
        return; /* perhaps another person: not even the name is taken */
    }
    for (size_t i = 0; i < claim->former_count; i++) { /* a name she had stays one, however late we hear of it */
        identity_told_name(engine, out, claim, &row, claim->former[i]);
    }
    if (stale || identity_is_retired(engine, out, claim->local)) {
        identity_told_name(engine, out, claim, &row, claim->name);
        return;
    }
    struct full_name before = {text_copy(out, row.family), text_copy(out, row.given)};
    row.birth_date = birth_date;
    row.sex = updated(row.sex, claim->sex);
    row.family = updated(row.family, claim->name.family);
    row.given = claim->name.family.size > 0 ? claim->name.given : row.given;
    row_put_person(engine, out, &row);
    if (identity_row(engine, person, &row)) {
        identity_add_name(engine, out, &row, before);
    }
}

slice identity_own_number(struct out *out, int64_t person)
{
    struct buffer number = buffer_make(out->arena, 24);
    buffer_put_byte(&number, 'P');
    buffer_put_padded(&number, (uint64_t)person, 9);
    return buffer_slice(&number);
}

int64_t identity_new_person(struct engine *engine, struct out *out, const struct claim *claim)
{
    struct row_person row = {.family = claim->name.family,
                             .given = claim->name.given,
                             .birth_date = updated(SLICE_EMPTY, claim->birth_date),
                             .sex = updated(SLICE_EMPTY, claim->sex),
                             .status = PERSON_ACTIVE,
                             .epoch = 1,
                             .issuer = ISSUER_PONT};
    row.id = counter_next(engine, out, SLICE("person"));
    row.patient_id = identity_own_number(out, row.id);
    row_put_person(engine, out, &row);
    identity_put_number(engine, out, claim->local.issuer, claim->local.value, row.id,
                        claim->nhs.size > 0, claim->event_at);
    return row.id;
}

/* The defect M_BY_NAME: what must never be done. */
static int64_t find_by_name(struct engine *engine, struct out *out, const struct claim *claim)
{
    for (uint32_t row = 0; row < row_bound(engine, TABLE_person); row++) {
        if (row_used(engine, TABLE_person, row)) {
            struct row_person person = row_get_person(engine, row);
            if (person.status == PERSON_ACTIVE &&
                slice_equal(person.birth_date, claim->birth_date) &&
                identity_knows_name(engine, &person, claim->name, out->arena)) {
                return person.id;
            }
        }
    }
    return 0;
}

int64_t identity_claimed(struct engine *engine, struct out *out, const struct claim *claim)
{
    int64_t person = identity_person(engine, claim->local.issuer, claim->local.value);
    if (person == 0 && MUTANT(M_BY_NAME)) {
        person = find_by_name(engine, out, claim);
        if (person != 0) {
            identity_put_number(engine, out, claim->local.issuer, claim->local.value, person, true,
                                claim->event_at);
        }
    }
    if (person == 0) {
        person = identity_new_person(engine, out, claim);
        struct row_person row;
        for (size_t i = 0; i < claim->former_count && identity_row(engine, person, &row); i++) {
            identity_add_name(engine, out, &row, claim->former[i]);
        }
    } else {
        identity_told_claim(engine, out, claim);
        update(engine, out, claim, person);
        uint32_t at =
            row_find_identifier(engine, &(struct row_identifier){.issuer = claim->local.issuer,
                                                                 .value = claim->local.value});
        struct row_identifier identifier = row_get_identifier(engine, at);
        identifier.event_at =
            claim->event_at > identifier.event_at ? claim->event_at : identifier.event_at;
        identifier.verified = identifier.verified || claim->nhs.size > 0;
        row_put_identifier(engine, out, &identifier);
    }
    if (claim->nhs.size > 0) {
        person = take_nhs(engine, out, claim, person);
    }
    believe_claims(engine, out, person);
    return identity_survivor(engine, person);
}

/* An order or report names a person whom the number does not: nothing of hers may be filed under
 * it. (ADT messages may correct name and birth date at once; these cannot.) */
static bool names_another(struct engine *engine, struct out *out, const struct claim *claim,
                          enum hl7_type type)
{
    struct row_person row;
    bool corrects = type == HL7_ADT_A04 || type == HL7_ADT_A08 || type == HL7_ADT_A40;
    int64_t person = identity_person(engine, claim->local.issuer, claim->local.value);
    if (corrects || claim->birth_date.size == 0 || !identity_row(engine, person, &row) ||
        row.birth_date.size == 0) {
        return false;
    }
    return !slice_equal(row.birth_date, claim->birth_date) &&
           !identity_knows_name(engine, &row, claim->name, out->arena);
}

int64_t identity_apply(struct engine *engine, struct out *out, const struct hl7_value *value,
                       time_ns event_at, slice *refuse)
{
    struct claim claim;
    read_claim(engine, out, value, event_at, &claim);
    if (!claim.known) {
        *refuse = SLICE("PID-3 has no number of a known organisation");
        return 0;
    }
    if (value->type == HL7_ADT_A37) {
        int64_t person = identity_person(engine, claim.local.issuer, claim.local.value);
        identity_apply_unlink(engine, out, value, &claim, person, refuse);
        return person;
    }
    if (names_another(engine, out, &claim, value->type)) {
        review_open(engine, out, SLICE("identity"), identity_key(out, claim.local),
                    SLICE("an order came with another name and birth date"));
        *refuse = SLICE("the number names a person with another name and birth date");
        return 0;
    }
    int64_t person = identity_claimed(engine, out, &claim);
    if (value->type == HL7_ADT_A40) {
        identity_apply_merge(engine, out, value, &claim, person, refuse);
    }
    return identity_survivor(engine, person);
}
