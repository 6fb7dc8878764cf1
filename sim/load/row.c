/* SPDX-License-Identifier: MIT
 *
 * Row: a plan entry as its actor takes it (sim/ris/verbs.def, sim/node/node.h, sim/viewer/viewer.h). */
#include "src/base/hash.h"

#include "sim/load/load_private.h"

#define PUT(row, name, value) row_put(row, SLICE(name), value)

/* Which node a row is for, and its verb there. */
enum to { TO_RIS, TO_PACS, TO_VIEWER };
static const struct verb_row {
    enum to to;
    const char *verb;
} verbs[LOAD_WHAT_COUNT] = {
    [LOAD_REGISTER] = {TO_RIS, "register"},
    [LOAD_UPDATE] = {TO_RIS, "demographics"},
    [LOAD_ORDER] = {TO_RIS, "order"},
    [LOAD_SCHEDULE] = {TO_RIS, "schedule"},
    [LOAD_ARRIVE] = {TO_RIS, "arrive"},
    [LOAD_COMPLETE] = {TO_RIS, "complete"},
    [LOAD_CANCEL] = {TO_RIS, "cancel"},
    [LOAD_PRELIMINARY] = {TO_RIS, "report"},
    [LOAD_FINAL] = {TO_RIS, "report"},
    [LOAD_CORRECTED] = {TO_RIS, "report"},
    [LOAD_PRIOR_REGISTER] = {TO_RIS, "register"},
    [LOAD_PRIOR_COMPLETE] = {TO_RIS, "complete"},
    [LOAD_PRIOR_REPORT] = {TO_RIS, "report"},
    [LOAD_STORED] = {TO_PACS, "study_arrives"},
    [LOAD_LATE_SERIES] = {TO_PACS, "study_arrives"},
    [LOAD_REJECTED] = {TO_PACS, "reject"},
    [LOAD_PRIOR_STORED] = {TO_PACS, "study_arrives"},
    [LOAD_LOOK] = {TO_VIEWER, "query"},
    [LOAD_RETRIEVE] = {TO_VIEWER, "retrieve"},
    [LOAD_TRANSFER] = {TO_VIEWER, "retrieve"},
};

/* ---- Text. */

/* Decimal, `width` digits at least: numbers are half of a row's text, so they are written from the back in place. */
static void put_digits(struct load *load, uint64_t value, size_t width)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0 || sizeof digits - at < width);
    if (sizeof digits - at <= TEXT_MAX - load->text_size) {
        memcpy(load->text + load->text_size, digits + at, sizeof digits - at);
        load->text_size += sizeof digits - at;
    }
}

static void put_text(struct load *load, slice text)
{
    size_t size = text.size <= TEXT_MAX - load->text_size ? text.size : 0;
    memcpy(load->text + load->text_size, text.data, size);
    load->text_size += size;
}

static slice since(const struct load *load, size_t start)
{
    return (slice){load->text + start, load->text_size - start};
}

static slice number_text(struct load *load, int64_t value)
{
    size_t start = load->text_size;
    if (value < 0) {
        put_text(load, SLICE("-"));
    }
    put_digits(load, value < 0 ? (uint64_t)0 - (uint64_t)value : (uint64_t)value, 1);
    return since(load, start);
}

slice row_text(struct load *load, slice text)
{
    size_t start = load->text_size;
    put_text(load, text);
    return since(load, start);
}

slice row_person_id(struct load *load, uint64_t person)
{
    size_t start = load->text_size;
    put_text(load, SLICE("p"));
    put_digits(load, person, 1);
    return since(load, start);
}

/* The form of a domain's accession numbers: its last # is the last digit; what does not fit goes before the first. */
static slice accession_text(struct load *load, uint32_t domain, uint32_t number)
{
    slice form = load->population->domains[domain].accession;
    size_t digits = 0;
    for (size_t i = 0; i < form.size; i++) {
        digits += form.data[i] == '#';
    }
    size_t start = load->text_size;
    bool put = false;
    for (size_t i = 0; i < form.size; i++) {
        if (form.data[i] != '#') {
            put_text(load, (slice){form.data + i, 1});
        } else if (!put) {
            put_digits(load, number, digits);
            put = true;
        }
    }
    return since(load, start);
}

/* A UID from a UUID-like number (PS3.5 B.2), of 62 bits. */
static slice study_uid_text(struct load *load, int64_t number)
{
    size_t start = load->text_size;
    put_text(load, SLICE("2.25."));
    put_digits(load, (uint64_t)number, 1);
    return since(load, start);
}

/* ---- Rows. */

time_ns load_squeeze(const struct load *load, time_ns at)
{
    return at <= load->start || load->speed == 1 ? at : load->start + (at - load->start) / load->speed;
}

void row_begin(struct load *load, struct load_row *row, enum load_what what, uint32_t node, slice verb)
{
    load->text_size = 0;
    row->at_ns = load_squeeze(load, load->now);
    row->node = node;
    row->what = what;
    row->site = NONE_OF;
    row->person = row->study = -1;
    row->entry.kind = PLAN_DO;
    row->entry.id = ++load->rows;
    row->entry.verb = verb;
    row->entry.argument_count = 0;
    load->counts.rows[what]++;
}

void row_put(struct load_row *row, slice name, slice value)
{
    if (value.size > 0 && row->entry.argument_count < PLAN_ARGUMENTS_MAX) {
        row->entry.arguments[row->entry.argument_count++] = (struct plan_argument){name, value};
    }
}

void row_put_int(struct load *load, struct load_row *row, slice name, int64_t value)
{
    row_put(row, name, number_text(load, value));
}

void row_put_time(struct load *load, struct load_row *row, slice name, time_ns at)
{
    row_put_int(load, row, name, load_squeeze(load, at));
}

static slice local_number(struct load *load, uint64_t person, uint32_t domain, bool second)
{
    char text[PERSON_NUMBER_SIZE + 1];
    return row_text(load, (slice){text, person_number(&load->people, person, domain, second, text)});
}

/* A second number is one under which nobody knew the NHS number: that is why there is a second one. */
void row_put_who(struct load *load, struct load_row *row, uint64_t person, uint32_t domain, bool second, bool nameless)
{
    struct person_facts facts;
    person_get(&load->people, person, domain, &facts);
    bool nhs = facts.has_nhs && !second && !nameless;
    row->person = (int64_t)person;
    PUT(row, "person", row_person_id(load, person));
    PUT(row, "site", load->population->domains[domain].issuer);
    PUT(row, "number", local_number(load, person, domain, second));
    if (nhs) {
        PUT(row, "nhs", row_text(load, (slice){facts.nhs, sizeof facts.nhs}));
    }
    if (nhs && !facts.nhs_verified) {
        PUT(row, "nhs_verified", SLICE("0"));
    }
    PUT(row, "family", facts.family);
    PUT(row, "given", facts.given);
    if (facts.previous_family.size > 0 && (row->what == LOAD_REGISTER || row->what == LOAD_UPDATE || row->what == LOAD_PRIOR_REGISTER)) {
        PUT(row, "previous_family", facts.previous_family);
        PUT(row, "previous_given", facts.given);
        PUT(row, "previous_kind", SLICE("M"));
    }
    PUT(row, "birth_date", row_text(load, (slice){facts.birth_date, sizeof facts.birth_date}));
    PUT(row, "sex", facts.woman ? SLICE("F") : SLICE("M"));
}

static void put_exam(struct load *load, const struct exam *exam, struct load_row *row)
{
    const struct procedure *procedure = &load_procedures[exam->procedure];
    PUT(row, "accession", accession_text(load, exam->domain, exam->accession));
    PUT(row, "accession_issuer", load->population->domains[exam->domain].accession_issuer);
    PUT(row, "study_uid", study_uid_text(load, exam->number));
    PUT(row, "modality", modality_code(load, exam));
    PUT(row, "procedure", slice_from(procedure->code));
    PUT(row, "procedure_text", slice_from(procedure->text));
    PUT(row, "body_part", slice_from(procedure->region));
    PUT(row, "laterality", slice_from(procedure->side));
}

static slice node_name(const struct load *load, uint32_t node)
{
    return node < load->population->node_count ? load->population->nodes[node] : SLICE_EMPTY;
}

/* What the message itself says besides person and exam. */
static void put_message(struct load *load, const struct exam *exam, unsigned what, struct load_row *row)
{
    const struct population_site *site = &load->population->sites[exam->site];
    bool ordered = what == LOAD_ORDER && (exam->flags & EXAM_UNSCHEDULED) != 0;
    if (what == LOAD_SCHEDULE || ordered) {
        row_put_time(load, row, SLICE("scheduled_at"), exam->acquired);
    }
    if (what == LOAD_ORDER || what == LOAD_SCHEDULE) {
        PUT(row, "reading_site", node_name(load, site->reading != NONE_OF ? site->reading : site->pacs));
    }
    if (what == LOAD_COMPLETE || what == LOAD_PRIOR_COMPLETE) {
        row_put_time(load, row, SLICE("completed_at"), exam->done);
    }
    if (what == LOAD_PRELIMINARY || what == LOAD_FINAL || what == LOAD_CORRECTED || what == LOAD_PRIOR_REPORT) {
        PUT(row, "report", what == LOAD_PRELIMINARY ? SLICE("Preliminary: no acute finding.") : what == LOAD_CORRECTED ? SLICE("Corrected: side amended.")
                                                                                                                        : SLICE("Final: see text."));
        PUT(row, "result", what == LOAD_PRELIMINARY ? SLICE("P") : what == LOAD_CORRECTED ? SLICE("C") : SLICE("F"));
    }
}

static bool is_second(const struct load *load, const struct exam *exam)
{
    return (exam->flags & EXAM_SECOND) != 0 && !bit_get(load->merged, exam->person);
}

static void row_ris(struct load *load, const struct exam *exam, unsigned what, struct load_row *row)
{
    bool nameless = (exam->flags & EXAM_UNKNOWN) != 0 && (what == LOAD_REGISTER || what == LOAD_ORDER || what == LOAD_SCHEDULE);
    row_put_who(load, row, exam->person, exam->domain, is_second(load, exam), nameless);
    if (what == LOAD_REGISTER || what == LOAD_UPDATE || what == LOAD_PRIOR_REGISTER) {
        return;
    }
    if ((exam->flags & EXAM_UNKNOWN) != 0 && what == LOAD_COMPLETE) {
        PUT(row, "identified", SLICE("1"));
    }
    put_exam(load, exam, row);
    put_message(load, exam, what, row);
}

/* PACS in the order of the sites that use them first. */
uint32_t row_next_pacs(const struct load *load, uint32_t nth)
{
    const struct population *population = load->population;
    for (size_t i = 0; i < population->site_count; i++) {
        bool first = population->sites[i].pacs != NONE_OF;
        for (size_t before = 0; before < i && first; before++) {
            first = population->sites[before].pacs != population->sites[i].pacs;
        }
        if (first && nth-- == 0) {
            return population->sites[i].pacs;
        }
    }
    return NONE_OF;
}

static slice name_text(struct load *load, const struct person_facts *facts)
{
    size_t start = load->text_size;
    put_text(load, facts->family);
    put_text(load, SLICE("^"));
    put_text(load, facts->given);
    return since(load, start);
}

/* Without a registry nobody knows her numbers elsewhere: each PACS is asked by name and birth date. */
static void row_ask(struct load *load, const struct exam *exam, struct load_row *row)
{
    uint32_t pacs = row_next_pacs(load, exam->asked);
    struct person_facts facts;
    person_get(&load->people, exam->person, exam->domain, &facts);
    row->person = exam->person;
    PUT(row, "name", name_text(load, &facts));
    PUT(row, "birth_date", row_text(load, (slice){facts.birth_date, sizeof facts.birth_date}));
    PUT(row, "to", pacs < load->population->node_count ? load->population->nodes[pacs] : SLICE_EMPTY);
}

/* The study as the department's modality filed it: local wall clock, no zone. */
static void row_study(struct load *load, const struct exam *exam, unsigned what, struct load_row *row)
{
    const struct procedure *procedure = &load_procedures[exam->procedure];
    bool late = what != LOAD_LATE_SERIES && exam->late_images > 0; /* its last series is not there yet */
    time_ns local = load_squeeze(load, exam->acquired);
    struct person_facts facts;
    person_get(&load->people, exam->person, exam->domain, &facts);
    local += zone_offset(load->population->zone, local);
    row->person = exam->person;
    PUT(row, "study_uid", study_uid_text(load, exam->number));
    row_put_int(load, row, SLICE("number"), exam->number);
    PUT(row, "patient_id", local_number(load, exam->person, exam->domain, is_second(load, exam)));
    PUT(row, "issuer", load->population->domains[exam->domain].issuer);
    PUT(row, "person", row_person_id(load, exam->person));
    PUT(row, "name", name_text(load, &facts));
    PUT(row, "birth_date", row_text(load, (slice){facts.birth_date, sizeof facts.birth_date}));
    PUT(row, "sex", facts.woman ? SLICE("F") : SLICE("M"));
    PUT(row, "accession", accession_text(load, exam->domain, exam->accession));
    PUT(row, "accession_issuer", load->population->domains[exam->domain].accession_issuer);
    struct calendar when = time_calendar(local);
    size_t start = load->text_size;
    put_digits(load, (uint64_t)(when.year * 10000 + when.month * 100 + when.day), 8);
    PUT(row, "date", since(load, start));
    start = load->text_size;
    put_digits(load, (uint64_t)(when.hour * 10000 + when.minute * 100 + when.second), 6);
    PUT(row, "time", since(load, start));
    PUT(row, "description", slice_from(procedure->text));
    PUT(row, "modality", modality_code(load, exam));
    PUT(row, "body_part", slice_from(procedure->region));
    PUT(row, "laterality", slice_from(procedure->side));
    row_put_int(load, row, SLICE("series"), late ? exam->series - 1 : exam->series);
    row_put_int(load, row, SLICE("images"), late ? exam->images - exam->late_images : exam->images);
    row_put_int(load, row, SLICE("bytes"), load_image_bytes(load, exam));
}

/* By NHS number where it is known and traced, as a clinician elsewhere would; else by the number of the domain. */
static void row_look(struct load *load, const struct exam *exam, struct load_row *row)
{
    struct person_facts facts;
    person_get(&load->people, exam->person, exam->domain, &facts);
    bool nhs = facts.has_nhs && facts.nhs_verified;
    row->person = exam->person;
    PUT(row, "person", row_person_id(load, exam->person));
    PUT(row, "patient_id", nhs ? row_text(load, (slice){facts.nhs, sizeof facts.nhs}) : local_number(load, exam->person, exam->domain, is_second(load, exam)));
    PUT(row, "issuer", nhs ? SLICE("NHS") : load->population->domains[exam->domain].issuer);
}

static uint32_t viewer_of_domain(const struct load *load, uint32_t domain)
{
    for (size_t i = 0; i < load->population->site_count; i++) {
        if (load->population->sites[i].domain == domain && load->population->sites[i].viewer != NONE_OF) {
            return load->population->sites[i].viewer;
        }
    }
    return NONE_OF;
}

/* Who looks: the other domain that knows the person, if there is one; else her own. */
static uint32_t viewer_for(const struct load *load, const struct exam *exam)
{
    const struct people_block *block = people_block(&load->people, exam->person);
    uint32_t other = block->home == exam->domain ? block->other : block->home;
    uint32_t viewer = other != NONE_OF ? viewer_of_domain(load, other) : NONE_OF;
    return viewer != NONE_OF ? viewer : load->population->sites[exam->site].viewer;
}

static bool is_viewer(const struct load *load, uint32_t node)
{
    for (size_t i = 0; i < load->population->site_count; i++) {
        if (load->population->sites[i].viewer == node) {
            return true;
        }
    }
    return false;
}

/* Who is told to transfer: the target itself when it is a viewer, else the viewer of the exam's site. */
static uint32_t sender_of(const struct load *load, const struct exam *exam)
{
    uint32_t target = exam->detail[exam->event_at];
    bool named = target < load->population->node_count && load->population->titles != NULL && load->population->titles[target].size > 0;
    return is_viewer(load, target) ? target : named ? load->population->sites[exam->site].viewer : NONE_OF;
}

static uint32_t node_for(const struct load *load, const struct exam *exam, unsigned what)
{
    switch (verbs[what].to) {
    case TO_RIS:
        return load->population->domains[exam->domain].ris;
    case TO_PACS:
        return load->population->sites[exam->site].pacs;
    default:
        return what == LOAD_TRANSFER ? sender_of(load, exam) : viewer_for(load, exam);
    }
}

static const struct pathway_step *transfer_step(const struct pathway_step *steps, size_t count, uint32_t target, int depth)
{
    const struct pathway_step *found = NULL;
    for (size_t i = 0; i < count && found == NULL && depth <= PATHWAY_DEPTH_MAX; i++) {
        found = steps[i].kind == STEP_TRANSFER && steps[i].target == target ? &steps[i] : NULL;
        for (size_t o = 0; o < steps[i].option_count && found == NULL; o++) {
            found = transfer_step(steps[i].options[o].steps, steps[i].options[o].step_count, target, depth + 1);
        }
    }
    return found;
}

/* A viewer fetches for itself; to a PACS somebody sends it. */
static void row_transfer(struct load *load, const struct exam *exam, struct load_row *row)
{
    uint32_t target = exam->detail[exam->event_at];
    const struct pathway *pathway = &load->population->pathways[exam->pathway];
    const struct pathway_step *step = transfer_step(pathway->steps, pathway->step_count, target, 0);
    row->person = exam->person;
    PUT(row, "study_uid", study_uid_text(load, exam->number));
    if (!is_viewer(load, target)) {
        row->entry.verb = SLICE("move_to");
        PUT(row, "destination", load->population->titles[target]);
    }
    if (step != NULL && step->urgent) {
        PUT(row, "urgent", SLICE("1"));
    }
    if (step != NULL && step->lead > 0) {
        row_put_time(load, row, SLICE("needed_by"), load->now + step->lead);
    }
}

void row_exam(struct load *load, struct exam *exam, unsigned what, struct load_row *row)
{
    row_begin(load, row, (enum load_what)what, node_for(load, exam, what), slice_from(verbs[what].verb));
    row->site = exam->site;
    row->study = exam->number;
    switch (what) {
    case LOAD_STORED:
    case LOAD_LATE_SERIES:
    case LOAD_PRIOR_STORED:
        row_study(load, exam, what, row);
        return;
    case LOAD_REJECTED:
        row->person = exam->person;
        PUT(row, "study_uid", study_uid_text(load, exam->number));
        PUT(row, "code", SLICE("113001")); /* Rejected for Quality Reasons (CID 7011) */
        return;
    case LOAD_LOOK:
        (exam->detail[exam->event_at] != 0 ? row_ask : row_look)(load, exam, row);
        return;
    case LOAD_TRANSFER:
        row_transfer(load, exam, row);
        return;
    case LOAD_RETRIEVE:
        row->person = exam->person;
        PUT(row, "study_uid", study_uid_text(load, exam->number));
        return;
    default:
        row_ris(load, exam, what, row);
        return;
    }
}
