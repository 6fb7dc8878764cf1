/* SPDX-License-Identifier: MIT
 *
 * Scenario: what a user wrote, as a value: sites, nodes, people, studies, the story, expectations. Every item
 * keeps the line and column it came from. Made by scenario_read; everything lives in the arena handed in.
 * A pure function of the file, the profiles it names, the seed and the level of quirks: processes that read the same file
 * agree on every number, UID and name. Does not run anything. */
#ifndef PONT_SCENARIO_SCENARIO_H
#define PONT_SCENARIO_SCENARIO_H

#include "sim/load/population.h"
#include "sim/node/vendor.h"
#include "src/actor/actor.h"
#include "src/engine/config.h"

#define SCENARIO_SITES_MAX 32
#define SCENARIO_NODES_MAX 64

/* Where an item stands in the file. */
struct mark {
    int line, column;
};

enum scenario_kind { KIND_PACS, KIND_VIEWER, KIND_RIS, KIND_ENGINE };

struct site {
    slice id, name, issuer, accession; /* accession: three letters of its issuer */
    slice accession_pattern;           /* "A########": the numbers its RIS gives out; empty: made with the letters */
    int64_t exams_micro;               /* examinations in a year at full volume, in millionths of one */
    struct mark mark;
};

/* How long a node takes, in the virtual world. A distribution of zeros: no time at all. */
struct node_service {
    uint32_t associations;            /* it serves at once; 0: as many as its profile says */
    struct distribution find, echo, store; /* until the (first) answer to one request */
    struct distribution acknowledge;  /* of an HL7 message */
    int64_t move_bps;                 /* bits a second it sends, all moves together; 0: as fast as its link */
};

struct scenario_node {
    slice id, name, aet;
    uint32_t site;
    enum scenario_kind kind;
    const struct vendor_profile *vendor; /* pacs; null otherwise */
    const struct vendor_profile *product; /* the same before `quirks` of the node bent it */
    bool unknown;                        /* the engine is not told of it */
    slice import;                        /* archive: {import: DIR}; empty: made studies */
    uint16_t dicom_port, hl7_port;       /* 0 until ports are chosen */
    const slice *moves_to;               /* ids of nodes that the engine may have it move to directly */
    size_t moves_to_count;
    bool pushes;                         /* may store to the engine unasked */
    bool no_list, no_commitment;         /* proof: what the engine may not count on */
    bool external;                       /* a client outside this world: known to all, started by nobody */
    struct node_service service;
    struct mark mark;
};

/* One line between two nodes. A link of the file that names several pairs is as many of these, side by side. */
enum queue_kind { QUEUE_FAIR, QUEUE_FIFO }; /* all transfers share it evenly; one after the other */
struct loss {                               /* per packet; Gilbert's two states, or one even chance in bad_loss with both transitions 0 */
    int64_t good_to_bad_micro, bad_to_good_micro, bad_loss_micro;
};
struct scenario_link {
    slice id;               /* of the file: pairs of one link have one id */
    uint32_t from, to;      /* nodes; `from` is the hub of `to_hub` and `from_hub` */
    int64_t rate_bps;
    struct distribution delay;
    struct loss loss;
    int64_t share_micro;      /* the part of the rate that is ours */
    enum queue_kind queue;
    struct mark mark;
};

/* One person. numbers[s]: the local number at site s, empty when she is unknown there. */
struct person {
    slice id, family, given, maiden_family, maiden_given, birth_date, sex, nhs;
    slice wrong_nhs;                          /* what the RIS takes for it, with a wrong check digit; empty: nothing */
    slice numbers[SCENARIO_SITES_MAX];        /* under her present name */
    slice maiden_numbers[SCENARIO_SITES_MAX]; /* registered under the maiden name */
    slice also_numbers[SCENARIO_SITES_MAX];   /* a second number, until merged */
    struct mark mark;
};

enum filed_under { FILED_NAME, FILED_MAIDEN, FILED_ALSO };

struct scenario_study {
    slice id;
    uint32_t person, node;
    enum filed_under under;
    slice modality, date, time, region, laterality, procedure, text;
    slice accession;      /* with the letters of its site, as RADIS2 knows it */
    slice study_uid;
    uint32_t series_count, image_count; /* image_count in all, spread over the series */
    int64_t number;       /* key of made objects (design section 4) */
    bool planned;         /* not there at the start: the story brings it */
    struct mark mark;
};

/* One condition of `after`: an observation that must have happened. */
struct condition {
    enum observation_kind event;
    slice node;           /* empty: any */
    slice study_uid;      /* empty: any */
    slice accession;      /* with study: that exam; `watched` matches it */
    slice text;           /* type: of hl7_acked and the like: observation.text begins with it */
    slice since;          /* step id: only what happened after it was told; empty: the whole run */
    int64_t count;        /* how many (nth); 1 by default; COUNT_HISTORY: one for every exam of the history */
    bool complete;        /* query_answered that was not flagged */
    struct mark mark;
};
#define COUNT_HISTORY (-1)
#define CONDITIONS_MAX 16

struct step {
    slice id;
    struct condition after[CONDITIONS_MAX];
    size_t condition_count;
    slice actor;                 /* node id; empty: the step only waits */
    struct plan_entry entry;     /* verb and arguments as the actor takes them, all names resolved */
    slice text;                  /* for people: "radis2: order staging CT at Velindre" */
    struct mark mark;
};

enum bound_kind { BOUND_EXACTLY, BOUND_MIN, BOUND_MAX, BOUND_BETWEEN, BOUND_ALL };
struct expectation {
    slice id, text, of;
    enum bound_kind kind;
    int64_t low, high;
    struct mark mark;
};

/* ---- Expectations beside counts. Shares are in millionths. */
struct healed_within {
    slice invariant;        /* canonical name */
    time_ns within;         /* after the last fault that touches it has ended */
    struct mark mark;
};
/* Something that must be reached in some seed (`sometimes`) or in none (`never`): a row of SOMETIMES in words.def. */
struct reach {
    slice name;
    struct mark mark;
};
/* A bound on the quantile of a latency or on a share: rows of MEASURE in words.def say which. */
enum slo_per { PER_RUN, PER_HOUR, PER_DAY, PER_WEEK, PER_MONTH, PER_QUARTER, PER_YEAR, PER_MEETING, PER_MEETING_MONTH };
#define SLO_QUANTILES_MAX 5
struct slo {
    slice id, measure, text;
    struct {
        int64_t quantile_micro;  /* 950000: p95; 1000000: the worst */
        time_ns at_most;
    } quantiles[SLO_QUANTILES_MAX];
    size_t quantile_count;
    bool has_min, has_max;
    int64_t min_micro, max_micro;  /* of a share */
    enum slo_per per;          /* judged for each of these by itself */
    bool has_budget;
    int64_t budget_micro;        /* part of the cases that may miss, in each budget_per; else the quantile itself must hold */
    enum slo_per budget_per;
    struct mark mark;
};
/* The gate between the worlds. */
enum same_commands { SAME_COMMANDS_NOT, SAME_COMMANDS_ORDERED_PER_PATIENT, SAME_COMMANDS_IDENTICAL };
struct same_in_both {
    bool wanted, final_state;  /* final_state: identical */
    enum same_commands commands;
    int64_t p50_micro, p95_micro, p99_micro; /* how far latencies may differ, as a part; 0: not judged */
    struct mark mark;
};
struct golden {
    bool wanted;
    slice digest;              /* 16 to 64 hex digits; empty: none accepted yet */
    struct mark mark;
};

/* ---- Faults. Of the virtual world and, where effects.def gives them a meaning there, the wire. Those of INSTANT_AT to
 * INSTANT_RATE are in population.faults too, and so in the plan; the others are the driver's and the nodes' to watch for. */
enum instant_kind {
    INSTANT_AT,        /* once, at `at` */
    INSTANT_EVERY,     /* each `every` from the start on */
    INSTANT_CALENDAR,  /* whenever `calendar` opens (in the week of the month, if one is named) */
    INSTANT_RATE,      /* Poisson, `rate`; each target by itself (with pick: the group) */
    INSTANT_CHANCE,    /* each operation `op` of a target with `chance_micro` */
    INSTANT_NTH,       /* the nth operations `op` of each target */
    INSTANT_AFTER,     /* after the nth observation `event` */
    INSTANT_WHILE,     /* while a meeting (its list closed, until it ends) goes on */
    INSTANT_DURING     /* while another fault holds */
};
#define FAULT_NTHS_MAX 32
struct scenario_fault {
    slice id;
    bool on_links;             /* targets are indexes of links; else of nodes */
    const uint32_t *targets;
    size_t target_count;
    uint32_t pick;             /* so many of them, drawn anew each time; 0: each */
    bool planned;              /* is in population.faults */
    slice layer, effect;       /* row of effects.def: "dicom", "reply" */
    const struct plan_argument *arguments; /* how=never_final, factor=12000000 (millionths), delay=ns, ... */
    size_t argument_count;
    slice op;                  /* find move store get echo; empty: any */
    enum instant_kind instant;
    time_ns at, every;         /* at: absolute */
    uint32_t calendar;         /* index in population.openings */
    uint32_t week_of_month;    /* 1 to 5; 0: any */
    int64_t rate_micro;        /* a year */
    int64_t chance_micro;
    int64_t nths[FAULT_NTHS_MAX];
    size_t nth_count;
    struct condition after;    /* INSTANT_AFTER: as in a story */
    slice meeting;             /* INSTANT_WHILE: id */
    slice during;              /* INSTANT_DURING: id of the other fault */
    struct distribution length; /* zeros: no length of its own (one operation, or until `until`, or the end) */
    time_ns until;             /* absolute; 0: by its length */
    bool announced;            /* planned work */
    struct mark mark;
};

/* Planned change: a row of the timeline that the plan has no row for (upgrade, change, cut-over, migrate, policy, freeze, load),
 * for the bench to do. Ramps, merges and unmerges are in the population. */
struct scenario_change {
    slice id, verb;
    time_ns at, length;
    uint32_t node;             /* whom it is done to; UINT32_MAX: nobody in particular */
    const struct plan_argument *arguments; /* as written, names resolved to ids: vendor=carestream2, rolling=0 */
    size_t argument_count;
    struct mark mark;
};

/* ---- The experiment: many runs of one file. */
enum param_type { PARAM_BOOL, PARAM_NUMBER, PARAM_COUNT, PARAM_DURATION, PARAM_RATE, PARAM_SIZE, PARAM_SHARE, PARAM_WORD };
struct scenario_param {
    slice id, type_text;
    enum param_type type;
    slice fallback, value;     /* as written; value: after --set */
    slice min, max;            /* empty: none */
    struct mark mark;
};
struct setting {
    slice name, value;
};
struct study_arm {
    slice id;                  /* "no-prefetch" */
    const struct setting *settings;
    size_t setting_count;
    struct mark mark;
};
struct study_axis {
    slice param;
    const slice *values;
    size_t value_count;
};
enum where_engine { WHERE_LOCAL, WHERE_SLURM };
struct study_plan {
    bool wanted;
    uint64_t seed_from;
    uint32_t seed_count;       /* at least */
    slice until_measure;       /* "publish.p95": an slo and its quantile, or a count; empty: exactly seed_count */
    int64_t half_width_micro, confidence_micro; /* of the mean */
    uint32_t seed_max;
    slice world;               /* empty: the run's */
    bool lockstep;             /* arms share seeds, plan and draws */
    const struct study_arm *arms;
    size_t arm_count;          /* 0: one, without settings */
    const struct study_axis *axes;
    size_t axis_count;         /* every combination of their values, but those of skip */
    const struct study_arm *skips; /* without id */
    size_t skip_count;
    enum where_engine engine;
    uint32_t jobs, at_once;    /* 0: as many as there are processors */
    time_ns task_length;       /* tasks_of: runs are put together to about this */
};

/* ---- What is kept of a run. */
enum keep_events { KEEP_ON_FAILURE, KEEP_ALWAYS, KEEP_NEVER };
#define SERIES_MAX 64
struct observe {
    uint32_t histogram_digits;
    time_ns histogram_highest;
    time_ns series_every;
    slice series[SERIES_MAX];  /* rows of SERIES in words.def */
    size_t series_count;
    enum keep_events keep;
    time_ns keep_window;
    bool export_csv, export_json, export_otel, export_hdr;
};

/* Settings of the engine that the file gives under nodes.HUB.policy; they stand in engine.yaml. Absent: 0 or empty text. */
#define POLICIES_MAX 32

struct scenario {
    slice file, id, title, note;
    char sha256[65];
    slice world;                 /* wire, virtual, both */
    uint64_t seed;
    time_ns start;               /* of scenario time */
    slice zone;                  /* of the stamps in the file */
    time_ns length;              /* from the start: when arrivals end; 0: the story says */
    time_ns measure_from, measure_until; /* absolute: what happens outside is warm-up; until 0: to the end */
    time_ns drain;               /* after the end: no arrivals, no faults, everything must come to rest */
    time_ns checkpoint_every;    /* 0: none; of months: 30 days stand for one */
    uint64_t events_limit;       /* 0: none */
    uint64_t memory_limit;       /* bytes; 0: none */
    int64_t speed;               /* plan waits are divided by it */
    bool pixels_full;            /* images at the sizes of the workload; else small */
    bool pixels_tiny;            /* smaller still */
    time_ns wall_limit;
    slice bind;                  /* address of the wire world: 127.0.0.1 */
    uint16_t port_base;          /* ports: {base: 11100}; 0: any free */
    struct site *sites;
    size_t site_count;
    struct scenario_node *nodes;
    size_t node_count;
    struct scenario_link *links;
    size_t link_count;
    struct setting policies[POLICIES_MAX]; /* rows of engine.yaml: {policy.run_max, 32}, {limits.exams, 20000} */
    size_t policy_count;
    int64_t expected_exams, expected_persons; /* that the engine may hear of, priors among them; from the arrivals, on average */
    bool populated;              /* there are arrivals, meetings, a timeline or faults: sim/load makes a plan */
    struct population population; /* of this */
    struct scenario_fault *faults;
    size_t fault_count;
    struct scenario_change *changes;
    size_t change_count;
    struct scenario_param *params;
    size_t param_count;
    struct study_plan study;
    struct observe observe;
    struct person *persons;
    size_t person_count;
    struct scenario_study *studies;
    size_t study_count;
    struct plan_entry *history;  /* for the RIS, in order: demographics, orders, completions, reports */
    size_t history_count;
    size_t history_exams;        /* exams that history completes */
    struct step *story;
    size_t step_count;
    slice *always;               /* names of invariants */
    size_t always_count;
    struct expectation *expectations;
    size_t expectation_count;
    struct healed_within *healed;
    size_t healed_count;
    struct reach *sometimes, *never;
    size_t sometimes_count, never_count;
    struct slo *slos;
    size_t slo_count;
    struct same_in_both same;
    struct golden golden;
    struct explained *explained; /* what defaults filled in; src/scenario only, see scenario_explain */
};

/* What the caller overrides. */
struct scenario_options {
    slice quirks;     /* documented, reported or assumed (all); empty: assumed */
    bool seed_given;
    uint64_t seed;
    int64_t speed;    /* 0: the file's */
    const struct setting *sets; /* --set name=value: params by name */
    size_t set_count;
    const char *vendors; /* folder of the profiles; null: found beside the program, see scenario_find_data */
};

/* Every error of the file, in one pass. */
#define PROBLEMS_MAX 64
enum severity { SEVERITY_ERROR, SEVERITY_WARNING };
struct problem {
    enum severity severity;
    char rule[8];            /* P204 */
    struct error error;      /* file, line, column, sentence with remedy */
    int end_column;          /* of the span on that line */
    int related_line, related_column; /* 0: none */
    char related[128];       /* "sites are declared here" */
};
struct problems {
    struct problem list[PROBLEMS_MAX];
    size_t count, error_count; /* error_count also counts those beyond the list */
};

/* Reads and checks. ERR_NOT_FOUND or ERR_BAD_INPUT with at least one problem; ERR_LIMIT when the arena is full. */
MUST_USE enum err scenario_read(struct scenario **out, const char *path, const struct scenario_options *options, struct problems *problems,
                                struct arena *arena);
/* Prints problems as FILE:LINE:COL with the line and a caret (text), as JSON, or as SARIF, into the buffer. */
void problems_put_text(const struct problems *problems, const char *source, struct buffer *buffer);
void problems_put_json(const struct problems *problems, struct buffer *buffer);
/* Lines that GitHub's workflows show beside the code: ::error file=...,line=... */
void problems_put_github(const struct problems *problems, struct buffer *buffer);
void problems_put_sarif(const struct problems *problems, struct buffer *buffer);
/* One line per value that a default filled, with its origin. */
void scenario_explain(const struct scenario *scenario, struct buffer *buffer);

/* Adds a client of outside (kind viewer, external) that engine and nodes accept and may send to. ERR_LIMIT when there
 * is no room for it. */
MUST_USE enum err scenario_add_client(struct scenario *scenario, slice id, slice aet, struct arena *arena);
/* Reads ports.txt ("id dicom hl7" a line, as the bench writes it) into the nodes; ids that the scenario has not are
 * clients of outside, AE title = id in capitals. ERR_NOT_FOUND, ERR_BAD_INPUT. */
MUST_USE enum err scenario_read_ports(struct scenario *scenario, const char *path, struct arena *arena);

/* The peers of a world in the order of scenario->nodes (peer index = node index), ports as chosen. */
MUST_USE enum err scenario_peers(const struct scenario *scenario, struct peer **peers, struct arena *arena);
/* engine.yaml of this world: the CONFIG format of `pont engine`, written and read. */
MUST_USE enum err engine_yaml_write(const struct scenario *scenario, const char *state_folder, struct buffer *buffer);
struct engine_file {
    struct engine_config config;
    struct peer *peers;
    size_t peer_count;
    slice host;
    uint16_t dicom_port, hl7_port;
    slice registry;   /* path of the database */
    slice journal;    /* folder; empty: none */
    slice spool;      /* folder */
};
MUST_USE enum err engine_yaml_read(struct engine_file **out, const char *path, struct problems *problems, struct arena *arena);
/* A vendor profile by name, quirks filtered by level. */
MUST_USE enum err vendor_read(struct vendor_profile **out, slice name, const struct scenario_options *options, struct problems *problems, struct arena *arena);
/* Folder "scenarios", "sim/vendors", ... of the source tree or of the installation; null when not found. */
const char *scenario_find_data(const char *what, char *path, size_t size);

#endif
