/* SPDX-License-Identifier: MIT
 *
 * DIMSE: one message as a C value (PS3.7), its command set as bytes, and what a presentation context is.
 * The data set that follows a command is `identifier` (C-FIND, C-MOVE, C-GET, N-ACTION, N-EVENT-REPORT) or,
 * for C-STORE, an object that is described, never held. Everything is borrowed. */
#ifndef PONT_DICOM_DIMSE_H
#define PONT_DICOM_DIMSE_H

#include "src/dicom/dataset.h"

enum dimse_kind {
#define DIMSE(name, field, response, text) DIMSE_##name,
#include "src/dicom/dimse.def"
#undef DIMSE
    DIMSE_COUNT
};

/* Statuses (PS3.4 C.4, B.2.3; PS3.7 Annex C). Others pass through as numbers. */
#define STATUS_SUCCESS 0x0000u
#define STATUS_PENDING 0xFF00u
#define STATUS_PENDING_KEYS_MISSING 0xFF01u
#define STATUS_CANCEL 0xFE00u
#define STATUS_OUT_OF_RESOURCES 0xA700u
#define STATUS_OUT_OF_RESOURCES_SUBOPERATIONS 0xA702u
#define STATUS_MOVE_DESTINATION_UNKNOWN 0xA801u
#define STATUS_IDENTIFIER_MISMATCH 0xA900u
#define STATUS_SUBOPERATIONS_FAILED 0xB000u
#define STATUS_UNABLE_TO_PROCESS 0xC000u
#define STATUS_CANNOT_UNDERSTAND 0xC000u
#define STATUS_SOP_CLASS_NOT_SUPPORTED 0x0122u
#define STATUS_DUPLICATE_INSTANCE 0x0111u
#define STATUS_NOT_AUTHORISED 0x0124u
#define STATUS_PROCESSING_FAILURE 0x0110u
#define STATUS_NO_SUCH_INSTANCE 0x0112u

#define DIMSE_COUNTER_ABSENT (-1)

/* One SOP instance, described. What a node makes is named by its key (study, instance); what it was given
 * or imported by `file`. Digests are 64 hex digits (design section 6), empty where not known.
 *
 * Spans. `span` n stands for n consecutive instances of one study, of one series and size, whose SOP Instance
 * UIDs differ only in the last component, counting up from the one given; 0 and 1 mean one. Only pure actors and
 * the virtual driver see more than one: the wire driver unrolls a span when it sends. Nothing may depend on
 * where a span is cut. A response of span n answers the next n instances of its requests. */
struct object {
    slice sop_class_uid, sop_instance_uid, study_uid, series_uid, transfer_syntax;
    slice patient_id, patient_issuer, patient_name, birth_date; /* as they stand in the data set, name in UTF-8 */
    slice accession, accession_issuer, modality;
    slice dataset_sha256, pixel_sha256;
    int64_t size;              /* bytes of the data set in its transfer syntax; 0 unknown */
    int64_t study, instance;   /* key of a made object, -1 for any other */
    uint32_t span;             /* instances, see above; their digests and sizes are one */
    slice file;                /* path of an imported or kept object; empty for a made one */
    struct dataset *changed;   /* attributes that replace those of the made or imported object, or null */
};

struct dimse {
    enum dimse_kind kind;
    uint8_t context_id;     /* 0 when sending: the driver takes the accepted context of sop_class_uid */
    uint16_t message_id;    /* of the request, also in its responses */
    uint16_t status;        /* responses */
    uint16_t priority;      /* 0 medium, 1 high, 2 low */
    slice sop_class_uid, sop_instance_uid; /* affected or requested */
    slice move_destination;                /* C-MOVE-RQ */
    slice move_originator;                 /* C-STORE-RQ, with move_originator_id; empty when absent */
    uint16_t move_originator_id;
    int32_t remaining, completed, failed, warning; /* C-MOVE-RSP, C-GET-RSP; DIMSE_COUNTER_ABSENT */
    slice error_comment;    /* LO, 64 characters at most */
    uint16_t type_id;       /* action or event type */
    struct dataset *identifier; /* null: no data set */
    struct object object;       /* C-STORE-RQ; of a C-STORE-RSP only sop_instance_uid and span */
    uint32_t span;              /* C-FIND row of level IMAGE: so many instances, see struct object */
};

/* How many instances a span stands for: 0 means one. */
static inline uint32_t span_count(uint32_t span)
{
    return span > 1 ? span : 1;
}
/* Instances that a message stands for: one, unless it is a C-STORE or a row with a span. */
uint32_t dimse_instances(const struct dimse *message);
/* A response to `request` with this status; counters absent. */
struct dimse dimse_response(const struct dimse *request, uint16_t status);
const char *dimse_text(enum dimse_kind kind);
/* True for FF00 and FF01. */
bool status_is_pending(uint16_t status);
/* Bxxx, 0001, 0107, 0116 and the like (PS3.7 Annex C): done, with a remark. */
bool status_is_warning(uint16_t status);

/* Command set <-> bytes, Implicit VR Little Endian with group length (PS3.7 6.3.1). `*has_data` tells
 * whether a data set follows. Strings borrow from `bytes`. ERR_BAD_MESSAGE for an unknown command field or
 * a missing required element; several values where one is due are read as the first. */
MUST_USE enum err dimse_parse_command(struct dimse *message, slice bytes, bool *has_data, struct arena *arena);
void dimse_write_command(const struct dimse *message, struct buffer *buffer);

/* Presentation contexts (PS3.8 9.3.2.2, 9.3.3.2). */
#define CONTEXT_SYNTAXES_MAX 12
#define CONTEXTS_MAX 128

enum context_result { CONTEXT_ACCEPTED = 0, CONTEXT_USER_REJECTED = 1, CONTEXT_NO_REASON = 2, CONTEXT_ABSTRACT_UNKNOWN = 3, CONTEXT_SYNTAX_UNKNOWN = 4 };

struct context {
    uint8_t id; /* odd; 0 lets the driver number them */
    slice abstract_syntax;
    slice transfer_syntaxes[CONTEXT_SYNTAXES_MAX]; /* proposed, in order of preference */
    uint8_t syntax_count;
    bool scu, scp;              /* roles of the requestor; both false: no role item, so scu */
    enum context_result result; /* once answered */
    slice accepted_syntax;      /* when accepted */
};

struct contexts {
    struct context *list;
    size_t count;
};

/* The accepted context for a SOP class, preferring `transfer_syntax` when not empty; null when none. */
const struct context *contexts_find(const struct contexts *contexts, slice sop_class, slice transfer_syntax);
const struct context *contexts_get(const struct contexts *contexts, uint8_t id);

#endif
