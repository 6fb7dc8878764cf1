/* SPDX-License-Identifier: MIT
 *
 * Config: what the engine is told before it starts: who it is, the organisations, the nodes with the dialect
 * each needs, who may call, the policies and limits. A plain value; src/scenario reads it from engine.yaml.
 * Everything is borrowed for as long as the engine lives. Times ns, sizes bytes. */
#ifndef PONT_ENGINE_CONFIG_H
#define PONT_ENGINE_CONFIG_H

#include "src/actor/actor.h"

/* What one product needs said differently, or cannot be trusted with: dialect.def, one row each, with the
 * quirks of the catalogue it answers. Set by the node's `dialect:` list in engine.yaml. */
enum dialect {
#define DIALECT(name, quirks, text) DIALECT_##name,
#include "src/engine/dialect.def"
#undef DIALECT
    DIALECT_COUNT
};

/* An organisation: an issuer of patient numbers and of accession numbers. Numbers never cross it bare. */
struct organisation {
    slice id, name;
    slice issuer;            /* of patient ids: IssuerOfPatientID, CX-4 */
    slice accession_issuer;  /* three letters, stands before a foreign accession number */
};

enum node_kind { NODE_PACS, NODE_VIEWER, NODE_RIS };

struct node_config {
    slice name, aet;
    enum node_kind kind;
    uint32_t peer;           /* index in the driver's table of peers */
    uint32_t organisation;   /* index */
    slice vendor;
    uint64_t dialect;        /* bits 1 << DIALECT_x */
    uint32_t row_cap;        /* rows after which it is known to stop silently; 0: none known */
    slice accession_prefix;  /* put before the accession it files; empty: none */
    uint32_t patient_id_width; /* leading zeros it adds up to this width; 0: none */
    slice charset;           /* what its text is in when it does not say; empty: ISO_IR 100 */
    uint32_t associations;   /* window to begin with: parallel associations we open to it */
    bool patient_root, study_root, get, commitment; /* what it offers */
    bool source, destination;  /* holds originals; may be told to receive */
    bool answers_list;       /* its C-FIND proves what it holds */
    bool pushes;             /* may store to us unasked: a modality or a workstation (design 3.3, spool) */
    const slice *moves_to;   /* names of nodes whose titles it was told: it can move straight to them (design 3.3) */
    size_t moves_to_count;
};

struct engine_config {
    uint64_t seed;
    slice aet, name;
    const struct organisation *organisations;
    size_t organisation_count;
    const struct node_config *nodes;
    size_t node_count;
    time_ns query_deadline_ns;   /* federated C-FIND: final answer at the latest (3 s) */
    time_ns source_timeout_ns;   /* one source's C-FIND (2 s), less than the above */
    time_ns response_timeout_ns; /* C-MOVE without any sign of life (30 s) */
    time_ns publish_retry_ns;    /* first retry when a study is not there yet (2 s), doubling */
    time_ns publish_give_up_ns;  /* reconcile-later from then on (10 min) */
    time_ns breaker_open_ns;     /* how long a breaker stays open (3 s) */
    time_ns receipts_keep_ns;    /* an HL7 message that comes again within this time is known (0: 7 days) */
    uint32_t breaker_failures;   /* in a row (3) */
    uint32_t transfer_attempts;  /* per demand before it fails (6) */
    uint32_t run_max;            /* 1 .. RUN_MAX */
    uint32_t associations_in;    /* open at once, above is a transient rejection */
    /* Limits of the tables; every one refuses by name. */
    uint32_t persons_max, exams_max, studies_max, instances_max, demands_max, queries_max, audits_max;
    uint32_t meetings_max, cases_max; /* of multidisciplinary teams; 0: 1024 and 16384 */
    uint32_t spool_max;          /* objects taken over and not yet at home; 0: 4096 */

    uint64_t memory;             /* bytes of the engine's arena */
};

#endif
