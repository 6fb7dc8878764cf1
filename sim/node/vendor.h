/* SPDX-License-Identifier: MIT
 *
 * Vendor: one product as data: which quirks it has, how sure we are of each, and how the engine
 * must talk to it. A profile is sim/vendors/NAME.yaml, read by src/scenario (vendor_read):
 *
 *   vendor: carestream
 *   title: Carestream PACS
 *   note: an emulation for test, not a statement about a product
 *   quirks:
 *     id_leading_zero_patient_id: {width: 10, confidence: documented, source: K1}
 *   dialects: [strip_zeros, no_wildcards]        # rows of src/engine/dialect.def
 *   row_cap: 0                                   # the rest as struct vendor_profile
 *
 * A quirk holds its confidence, its source and, where its row in quirks.def names one, its
 * parameter. After reading, the reader keeps the quirks of the level asked for and calls
 * vendor_settle. Nothing here allocates. */
#ifndef PONT_SIM_NODE_VENDOR_H
#define PONT_SIM_NODE_VENDOR_H

#include "src/base/arena.h"

enum quirk {
#define QUIRK(name, q_name, layer, parameter, type, fallback, text) QUIRK_##name,
#include "sim/node/quirks.def"
#undef QUIRK
    QUIRK_COUNT
};
enum quirk_layer { LAYER_VALUE, LAYER_SESSION, LAYER_BYTES };
enum quirk_type {
    QUIRK_TYPE_NONE,
    QUIRK_TYPE_NUMBER,
    QUIRK_TYPE_MS,
    QUIRK_TYPE_TEXT,
    QUIRK_TYPE_STATUS
};
/* documented is a subset of reported, that of assumed. */
enum confidence { CONFIDENCE_DOCUMENTED, CONFIDENCE_REPORTED, CONFIDENCE_ASSUMED };

/* A row of the table, for readers and for people. */
struct quirk_row {
    const char *name, *q_name, *parameter, *fallback, *text;
    enum quirk_layer layer;
    enum quirk_type type;
};
const struct quirk_row *quirk_row(enum quirk quirk);
bool quirk_from_text(slice name, enum quirk *quirk);
bool confidence_from_text(slice name, enum confidence *confidence);
const char *confidence_text(enum confidence confidence);

/* One quirk of one product. `number` is the parameter in ms of an MS one and the value of a STATUS.
 */
struct quirk_setting {
    bool on;
    int64_t number;
    slice text;
    enum confidence confidence;
    slice source;
};
/* Reads a parameter as its type asks; false, and the setting unchanged, when it is none. Empty: the
 * table's. */
bool quirk_set_parameter(enum quirk quirk, struct quirk_setting *setting, slice value);

#define VENDOR_DIALECTS_MAX 24

struct vendor_profile {
    slice vendor, title, note;
    struct quirk_setting quirks[QUIRK_COUNT];
    slice dialects[VENDOR_DIALECTS_MAX]; /* names of src/engine/dialect.def */
    size_t dialect_count;
    uint32_t row_cap;          /* rows after which it stops silently; 0: none */
    uint32_t patient_id_width; /* numeric ids are filed with zeros up to it; 0: as they are */
    slice accession_prefix;    /* filed before the accession number; empty: none */
    slice charset;             /* of its text: "ISO_IR 100", "ISO_IR 192" */
    uint32_t
        associations; /* parallel associations the engine begins with; 0: the engine's default */
    bool patient_root, study_root, get, commitment; /* what it offers */
};

/* The plain product: no quirk, everything offered, ISO_IR 192. */
struct vendor_profile vendor_plain(void);
bool vendor_has(const struct vendor_profile *vendor, enum quirk quirk);
/* True when one of these quirk names (separated by spaces, as in dialect.def) is on. A dialect of
 * which none is on is not needed at this level of quirks: the reader drops it. */
bool vendor_has_any(const struct vendor_profile *vendor, slice names);
/* Switches quirks less sure than `level` off, and makes row_cap, patient_id_width,
 * accession_prefix, associations, patient_root, get and commitment agree with the quirks that are
 * on. */
void vendor_settle(struct vendor_profile *vendor, enum confidence level);

#endif
