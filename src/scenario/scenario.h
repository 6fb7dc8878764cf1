/* SPDX-License-Identifier: MIT
 *
 * Scenario: what a user wrote, as a value: sites, nodes, people, studies, the story, expectations. Every item
 * keeps the line and column it came from. Made by scenario_read; everything lives in the arena handed in.
 * A pure function of the file, the profiles it names, the seed and the level of quirks: processes that read the same file
 * agree on every number, UID and name. Does not run anything. */
#ifndef PONT_SCENARIO_SCENARIO_H
#define PONT_SCENARIO_SCENARIO_H

#include "sim/node/vendor.h"
#include "src/actor/actor.h"
#include "src/engine/config.h"

#define SCENARIO_SITES_MAX 32
#define SCENARIO_NODES_MAX 64

struct mark {
    int line, column;
};

enum scenario_kind { KIND_PACS, KIND_VIEWER, KIND_RIS, KIND_ENGINE };

struct site {
    slice id, name, issuer, accession; /* accession: three letters of its issuer */
    struct mark mark;
};

struct scenario_node {
    slice id, name, aet;
    uint32_t site;
    enum scenario_kind kind;
    const struct vendor_profile *vendor; /* pacs; null otherwise */
    bool unknown;                        /* the engine is not told of it */
    slice import;                        /* archive: {import: DIR}; empty: made studies */
    uint16_t dicom_port, hl7_port;       /* 0 until ports are chosen */
    const slice *moves_to;               /* ids of nodes that the engine may have it move to directly */
    size_t moves_to_count;
    bool no_list, no_commitment;         /* proof: what the engine may not count on */
    bool external;                       /* a client outside this world: known to all, started by nobody */
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

struct scenario {
    slice file, id, title, note;
    char sha256[65];
    slice world;                 /* wire, virtual, both */
    uint64_t seed;
    time_ns start;               /* of scenario time */
    int64_t speed;               /* plan waits are divided by it */
    bool pixels_full;            /* images at the sizes of the workload; else small */
    time_ns wall_limit;
    slice bind;                  /* address of the wire world: 127.0.0.1 */
    uint16_t port_base;          /* ports: {base: 11100}; 0: any free */
    struct site *sites;
    size_t site_count;
    struct scenario_node *nodes;
    size_t node_count;
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
    struct explained *explained; /* what defaults filled in; src/scenario only, see scenario_explain */
};

/* What the caller overrides. */
struct scenario_options {
    slice quirks;     /* documented, reported or assumed (all); empty: assumed */
    bool seed_given;
    uint64_t seed;
    int64_t speed;    /* 0: the file's */
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
