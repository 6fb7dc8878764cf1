/* SPDX-License-Identifier: MIT
 *
 * Results: what a run came to, as one value: everything results.json holds (design section 7) and the evidence
 * the report shows. Made by the judge, written by src/report. Lives in the arena of the run. */
#ifndef PONT_BENCH_RESULTS_H
#define PONT_BENCH_RESULTS_H

#include "src/bench/series.h"
#include "src/scenario/scenario.h"

enum invariant {
#define INVARIANT(name, number, text) INVARIANT_##name,
#include "src/bench/invariants.def"
#undef INVARIANT
    INVARIANT_COUNT
};
enum count {
#define COUNT(name, from, text) COUNT_##name,
#include "src/bench/counts.def"
#undef COUNT
    COUNT_COUNT
};
/* "right-patient"; false when there is none of that name. */
const char *invariant_name(enum invariant invariant);
const char *invariant_text(enum invariant invariant);
bool invariant_from_name(slice name, enum invariant *invariant);

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_INCONCLUSIVE };

/* One thing that was checked: a sentence, and the lines of observations.jsonl (from 1) that show it. */
#define EVIDENCE_LINES_MAX 8
struct evidence {
    bool violation;
    char text[240];
    int64_t lines[EVIDENCE_LINES_MAX];
    size_t line_count;
    int64_t life, step;  /* of the engine, whose event and commands in trace.jsonl show it; step 0: none */
    time_ns at_ns;       /* when it was seen; 0: not known */
};
#define EVIDENCE_MAX 64 /* kept per invariant, violations first */
struct invariant_result {
    int64_t checked, violations;
    struct evidence *evidence;
    size_t evidence_count;
};

struct latency {
    int64_t count;
    int64_t *sorted_ns; /* every value, ascending; of very many instead as many quantiles as `kept` says, evenly spaced from the lowest to the highest */
    int64_t kept;
};
enum latency_kind { LATENCY_query, LATENCY_retrieve, LATENCY_publish, LATENCY_first_image, LATENCY_COUNT };

enum value_unit { VALUE_NUMBER, VALUE_MS, VALUE_PERCENT_100 /* hundredths of a percent */ };
struct expectation_result {
    const struct expectation *expectation;
    int64_t value;
    enum value_unit unit; /* of the value and of the bounds */
    bool pass;
    bool reported;        /* an objective of time where times are not as in the plan: it is shown, and fails nothing */
    bool reach;           /* of expect.sometimes: one run may miss it, all runs of a sweep may not */
};
/* Does it make the run fail? */
static inline bool expectation_fails(const struct expectation_result *result)
{
    return !result->pass && !result->reported;
}

/* One line of the story as the report draws it: an arrow between two sites, or an event at one. */
struct story_line {
    time_ns at_ns, end_ns;
    slice from, to;    /* node ids; to empty: an event at `from` */
    slice kind;        /* hl7, find, move, answer (to a find), moved (the end of a move), store, fault, event, step */
    slice text;        /* of a message its type and order status, of an answer its comment, of a fault its effect */
    slice study_uid, person; /* what it is about; empty: not known */
    int64_t bytes, count; /* count: messages, rows or images; of an event -1 when it ends a fault */
    bool bad;          /* refused, incomplete, lost */
    int64_t line;      /* of observations.jsonl */
};

struct transfer_result { /* one demand */
    int64_t id, state, proof, wanted, delivered, attempts, reason;
    slice study_uid, destination, why;
    time_ns accepted_at, ended_at;
};

/* One sentence of those that the outcome digest is the sum of. at_edge: a question or demand that was open within 2 s of
 * the beginning or end of a fault at a node it touches, so that it may come out either way (design section 9.2). */
struct outcome_item {
    slice text;
    bool at_edge;
};
#define OUTCOMES_MAX 100000

/* What the load held: what was asked of the world, to be held against what came of it. */
struct plan_totals {
    bool known;                              /* there was a load */
    int64_t exams, images, bytes, messages;  /* of exams of the run; HL7 messages about these */
    int64_t meetings, cases;                 /* names on the lists of meetings */
    int64_t exams_before, messages_before;   /* of the time before the run */
};

/* Both worlds held against each other (fidelity.h). */
struct fidelity_cell {
    slice hop;              /* "list at pacs_uhw" */
    int64_t n;              /* measured */
    int64_t p50_predicted_ns, p50_measured_ns, p95_predicted_ns, p95_measured_ns;
};
struct fidelity {
    bool compared, outcome_equal;
    slice first_difference; /* a sentence; empty: none */
    int64_t left_out;       /* sentences that differ and may: see outcome_item.at_edge */
    struct fidelity_cell *cells; /* worst first */
    size_t cell_count;
};

struct results {
    const struct scenario *scenario;
    bool timed;             /* objectives of time make the run fail: in virtual time at speed 1, or by --timed (design 5) */
    enum verdict verdict;
    slice sentence;         /* the outcome as a person would say it */
    slice world, sut_name, sut_version, commit, compiler;
    uint64_t trace_hash, state_digest, outcome_digest;
    time_ns simulated_ns, wall_ns;
    int64_t events, sut_steps, lives;
    int64_t counts[COUNT_COUNT];
    struct plan_totals plan;
    struct latency latency[LATENCY_COUNT];
    struct invariant_result invariants[INVARIANT_COUNT];
    struct expectation_result *expectations;
    size_t expectation_count;
    struct story_line *story;
    size_t story_count;
    struct transfer_result *transfers;
    size_t transfer_count;
    struct outcome_item *outcomes; /* none when there are more than OUTCOMES_MAX */
    size_t outcome_count;
    struct node_result {
        uint32_t node;
        int64_t studies, images;
        slice quirks_bit;   /* names with count, "find_pending_ff01 x12", comma between */
        slice coped;        /* the engine's findings about it, same form */
    } *nodes;
    size_t node_count;
    double engine_cpu_s, engine_rss_max_mib;
    int64_t others_permille; /* on the wire: of the processors' time, what others used meanwhile */
    struct fidelity fidelity; /* world both */
    slice error;            /* why the run is inconclusive; empty: it is not */
    const struct series *series; /* of a long run, for the year's report; null in a short one */
};

#endif
