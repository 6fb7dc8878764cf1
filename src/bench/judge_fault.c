/* SPDX-License-Identifier: MIT
 *
 * What went wrong in the world, and what that means for an answer: must it be marked incomplete, may it be? */
#include "src/bench/judge_private.h"

/* ---- Windows. */

/* The latest end of a window and all before it: where to stop looking back. */
static void set_reach(struct judge *judge, uint32_t from)
{
    for (uint32_t f = from; f < judge->fault_count; f++) {
        time_ns before = f == 0 ? INT64_MIN : judge->faults[f - 1].reach, here = judge->faults[f].until;
        judge->faults[f].reach = here > before ? here : before;
    }
}

/* Lines come behind the nodes; those of one link have one name and are told apart by number. */
static uint32_t place_of(const struct judge *judge, const struct observation *seen)
{
    uint32_t node = judge_node(judge, seen->actor);
    bool line = node == JUDGE_NONE && seen->number > 0 && (uint64_t)seen->number <= judge->scenario->link_count;
    return line ? (uint32_t)(judge->scenario->node_count + (size_t)seen->number - 1) : node;
}

static void open_window(struct judge *judge, const struct observation *seen, slice effect)
{
    if (judge->fault_count < JUDGE_FAULTS_MAX) {
        bool told = seen->kind == OBSERVATION_fault_began; /* of a planned one the plan says which it is */
        judge->faults[judge->fault_count++] =
            (struct fault_window){.node = judge_word(judge, seen->actor), .effect = judge_word(judge, effect), .index = place_of(judge, seen), .from = seen->at_ns,
                                  .until = TIME_NEVER, .fault = told ? judge_word(judge, seen->other_id) : 0, .planned = told && seen->flag};
        set_reach(judge, judge->fault_count - 1);
        judge_reach_fault(judge, &judge->faults[judge->fault_count - 1]);
    }
}

static void close_window(struct judge *judge, const struct observation *seen, slice effect)
{
    uint32_t name = judge_word(judge, seen->actor), place = place_of(judge, seen), what = judge_word(judge, effect), first = judge->fault_count;
    while (judge->fault_open < judge->fault_count && judge->faults[judge->fault_open].until != TIME_NEVER) {
        judge->fault_open++;
    }
    for (uint32_t f = judge->fault_count; f > judge->fault_open; f--) {
        struct fault_window *window = &judge->faults[f - 1];
        if (window->until == TIME_NEVER && window->node == name && window->effect == what && window->index == place) {
            window->until = seen->at_ns;
            first = f - 1;
        }
    }
    set_reach(judge, first);
}

bool judge_disturbed(const struct judge *judge, slice node, time_ns since, time_ns until)
{
    uint32_t name = judge->fault_count == 0 ? STORE_NONE : store_word_find(&judge->words, node);
    for (uint32_t f = judge->fault_count; f > 0 && judge->faults[f - 1].reach >= since; f--) {
        const struct fault_window *window = &judge->faults[f - 1];
        if ((node.size == 0 || window->node == name) && window->from <= until && window->until >= since) {
            return true;
        }
    }
    return false;
}

bool judge_line_disturbed(const struct judge *judge, time_ns since, time_ns until)
{
    for (uint32_t f = judge->fault_count; f > 0 && judge->faults[f - 1].reach >= since; f--) {
        const struct fault_window *window = &judge->faults[f - 1];
        if (window->index != JUDGE_NONE && window->index >= judge->scenario->node_count && window->from <= until && window->until >= since) {
            return true;
        }
    }
    return false;
}

/* ---- How the sources served. */

/* A list cut short is no complete list, whatever its status says. */
static bool is_cut(slice quirks)
{
    for (slice rest = quirks; rest.size > 0; rest = slice_after(rest, 1)) {
        if (slice_starts(rest, SLICE("response_cap"))) {
            return true;
        }
    }
    return false;
}

static void find_received(struct source *source, time_ns at)
{
    if (source->find_count == JUDGE_OPEN_FINDS_MAX) {
        memmove(source->finds, source->finds + 1, (JUDGE_OPEN_FINDS_MAX - 1) * sizeof source->finds[0]);
        source->find_count--;
    }
    source->finds[source->find_count++] = at;
}

static void find_answered(struct judge *judge, uint32_t node, const struct observation *seen)
{
    struct source *source = &judge->sources[node];
    if (source->find_count > 0) {
        judge_fold_find(judge, node, seen->number != 0);
        bool slow = judge->patience_ns > 0 && seen->at_ns - source->finds[0] > judge->patience_ns;
        source->slow_at = slow ? seen->at_ns : source->slow_at;
        memmove(source->finds, source->finds + 1, (source->find_count - 1) * sizeof source->finds[0]);
        source->find_count--;
    }
    source->failed_at = seen->number != 0 || is_cut(seen->text) ? seen->at_ns : source->failed_at;
}

bool judge_was_slow(const struct judge *judge, uint16_t node, time_ns since)
{
    uint32_t at = judge_node(judge, judge_spell(judge, node));
    if (at == JUDGE_NONE || judge->patience_ns <= 0) {
        return false;
    }
    const struct source *source = &judge->sources[at];
    return (source->slow_at > 0 && source->slow_at >= since) || (source->find_count > 0 && judge->now - source->finds[0] > judge->patience_ns);
}

static void move_answered(struct judge *judge, uint32_t node, const struct observation *seen)
{
    struct source *source = &judge->sources[node];
    if (source->move_count > 0) {
        judge_fold_move(judge, node, seen->number != 0);
        source->move_count--;
    }
}

static void served(struct judge *judge, const struct observation *seen)
{
    uint32_t node = judge_node(judge, seen->actor);
    if (node == JUDGE_NONE || judge->scenario->nodes[node].kind != KIND_PACS) {
        return;
    }
    struct source *source = &judge->sources[node];
    switch (seen->kind) {
    case OBSERVATION_find_received:
        find_received(source, seen->at_ns);
        judge_taken_up(judge, seen);
        break;
    case OBSERVATION_find_answered:
        find_answered(judge, node, seen);
        break;
    case OBSERVATION_move_received:
        source->move_count++;
        break;
    case OBSERVATION_move_answered:
        move_answered(judge, node, seen);
        break;
    case OBSERVATION_asked:
        source->rejected_at = seen->flag ? source->rejected_at : seen->at_ns;
        break;
    default:
        break;
    }
}

void judge_fault(struct judge *judge, const struct observation *seen)
{
    switch (seen->kind) {
    case OBSERVATION_fault_began:
        open_window(judge, seen, seen->text);
        return;
    case OBSERVATION_fault_ended:
        close_window(judge, seen, seen->text);
        return;
    case OBSERVATION_killed:
        open_window(judge, seen, SLICE("killed"));
        return;
    case OBSERVATION_restarted:
        close_window(judge, seen, SLICE("killed"));
        judge->reached[REACH_engine_killed] |= judge_is(judge, seen->actor, KIND_ENGINE);
        return;
    default:
        judge_reach_seen(judge, seen);
        served(judge, seen);
    }
}

/* ---- The mark. */

/* May the exam of this number be one of the site's? Letters before a number are its issuer's. */
static bool may_have_issued(const struct judge *judge, const struct question *question, uint32_t site)
{
    slice number = question->accession;
    bool bare = number.data[0] >= '0' && number.data[0] <= '9';
    uint32_t asked = judge_site(judge, question->issuer), exam = bare ? JUDGE_NONE : judge_first_exam(judge, number);
    if (asked == JUDGE_NONE && exam != JUDGE_NONE && judge->exams[exam].next == JUDGE_NONE) {
        asked = judge_site(judge, judge_spell(judge, judge->exams[exam].issuer));
    }
    return asked == JUDGE_NONE || judge_same_issuer(judge, asked, site);
}

/* Would this PACS be asked? A number that no other site knows is a matter of its own site; series and images are asked of who
 * holds the study. Where that is not certain the answer is no. */
static bool is_asked(const struct judge *judge, const struct question *question, uint32_t node)
{
    const struct scenario_node *pacs = &judge->scenario->nodes[node];
    if (!question->study_level && !slice_starts(question->text, SLICE("PATIENT"))) {
        for (uint32_t s = judge_study(judge, question->study_uid); s != JUDGE_NONE; s = judge_next_uid(judge, s)) {
            if (judge->studies[s].site == pacs->site) {
                return true;
            }
        }
        return false;
    }
    if (question->patient_id.size == 0) {
        return question->accession.size == 0 || may_have_issued(judge, question, pacs->site);
    }
    slice issuer = question->issuer.size > 0 ? question->issuer : SLICE("NHS");
    uint32_t identity = judge_identity(judge, issuer, question->patient_id);
    return identity != JUDGE_NONE && judge->identities[identity].person != JUDGE_NONE && judge_is_certain(judge, judge->identities[identity].person, question->asked_at);
}

bool judge_stops(slice effect)
{
    return slice_starts(effect, SLICE("down")) || slice_starts(effect, SLICE("crash")) || slice_equal(effect, SLICE("killed")) || slice_equal(effect, SLICE("hang find")) ||
           slice_starts(effect, SLICE("pause"));
}

/* A question that reached the node while this one was open and has no answer yet. */
static bool has_open_find(const struct source *source, time_ns since)
{
    return source->find_count > 0 && source->finds[source->find_count - 1] >= since;
}

static bool is_due(const struct judge *judge, const struct question *question, const struct fault_window *window, uint32_t node)
{
    slice effect = judge_spell(judge, window->effect);
    bool all_the_while = judge_stops(effect) && window->from <= question->asked_at && window->until >= question->answered_at;
    bool in_it = window->from <= question->answered_at && window->until >= question->asked_at;
    bool left_open = in_it && (judge_stops(effect) || slice_starts(effect, SLICE("hang"))) && has_open_find(&judge->sources[node], question->asked_at);
    return (all_the_while || left_open) && is_asked(judge, question, node);
}

struct flag_cause judge_flag_cause(const struct judge *judge, const struct question *question)
{
    struct flag_cause cause = {.why = "every PACS was there"};
    for (uint32_t f = judge->fault_count; f > 0 && judge->faults[f - 1].reach >= question->asked_at - JUDGE_GRACE_NS; f--) {
        const struct fault_window *window = &judge->faults[f - 1];
        uint32_t node = window->index;
        if (node != JUDGE_NONE && node >= judge->scenario->node_count) { /* a link: who lies behind it is not asked */
            cause.allowed = cause.allowed || (window->from <= question->answered_at && window->until >= question->asked_at - JUDGE_GRACE_NS);
            continue;
        }
        if (node == JUDGE_NONE || judge->scenario->nodes[node].kind != KIND_PACS) {
            continue;
        }
        time_ns until = window->until > TIME_NEVER - JUDGE_GRACE_NS ? TIME_NEVER : window->until + JUDGE_GRACE_NS;
        cause.due = cause.due || is_due(judge, question, window, node);
        cause.allowed = cause.allowed || (window->from <= question->answered_at && until >= question->asked_at);
    }
    cause.why = cause.due ? "a PACS was away all the while" : cause.allowed ? "a PACS was away or had just come back" : cause.why;
    for (uint32_t n = 0; !cause.allowed && n < judge->scenario->node_count; n++) {
        const struct source *source = &judge->sources[n];
        bool failed = source->failed_at >= question->asked_at && source->failed_at != 0;
        bool rejected = source->rejected_at >= question->asked_at - JUDGE_GRACE_NS && source->rejected_at != 0;
        bool busy = source->move_count > 0 || has_open_find(source, question->asked_at - JUDGE_GRACE_NS);
        cause.allowed = failed || rejected || busy;
        cause.why = failed ? "a PACS refused or cut a list" : rejected ? "a PACS refused an association" : busy ? "a PACS was at work" : cause.why;
    }
    return cause;
}
